"""回避 (G-18 to G-21, A-44): declared, demanded, found; before the act and after it."""
from __future__ import annotations

from datetime import date

import pytest

from domain.kernel.acts import DemandRecusal
from domain.kernel.events import (
    ClockRanOut,
    DueDaysMoved,
    Moved,
    ProposalClosed,
    Recused,
    RosterDrawn,
    SeatClaimed,
    SeatGone,
    SeatOpened,
)
from domain.kernel.plan import plan
from domain.kernel.refusal import no
from domain.kernel.seats import ALL, SCORE, Seat, person, pool, post
from domain.kernel.stages import Duty, End, Procedure, Record, Stage, roster, workdays
from domain.kernel.values import Text, having

from .story import (
    APPLICANT,
    CLERK,
    CLERK_2,
    HEAD,
    RULES,
    WORKFLOW,
    Name,
    Say,
    Story,
    after,
    by,
    decided,
    given,
    heard,
    row,
    stands,
    table,
    who,
)
from .test_calendar_change import FIRST, end, then
from .test_rules import TERMS

A, B, C, D = (who(x) for x in "abcd")
LEADER = who("leader", "leader@BUREAU")
WHY = Text("曾在该校任教")
AGAINST_A = DemandRecusal("a", WHY)


def draws(members: str, reserve: str = "") -> object:
    return by(WORKFLOW, "do", duty="name", form=Name(tuple(members), tuple(reserve)))


def fewer_than_two(case, policy) -> bool:
    return len(case.roster("judges").members) < 2


def judged(*rows: Stage, **words) -> Procedure:
    """Two of a list score, then a post decides; the applicant may demand that somebody withdraws."""
    return table(
        Stage("score", seats=roster("judges"), rule=SCORE, judges="material", sees=("word",),
              duties=(Duty("name", Name, while_=fewer_than_two),)),
        Stage("decide", seats=lambda case, policy: (Seat("head", post("head", "B")),), judges="office", sees=("word",)),
        *rows, Stage("done", seats=lambda case, policy: (Seat("clerk", post("office", "B")),), to=End("passed")),
        **{"superior": lambda case: post("leader", "BUREAU"), "rules": {**RULES, DemandRecusal: lambda case, visit, form, context: []},
           "records": (Record(DemandRecusal, lambda case, policy: (Seat("", post("applicant", case.subject)),),
                              lambda case, policy: (Seat("", post("head", "B")),)), Record(Say)), **words})


def agrees(one, seat: str = "") -> object:
    return by(one, "agree", seat or one.id)


FOUND = by(WORKFLOW, "recuse", to="a", opinion=WHY, stage="*")
DEMANDED = by(APPLICANT, "record", form=AGAINST_A, stage="*")


def upheld(story: Story) -> object:
    return by(HEAD, "second", seat=str(story.case.proposed[0].no), stage="*")


# -- G-14: a pool that found nobody ----------------------------------------------------------------------------------

EMPTY = table(
    Stage("score", seats=roster("judges"), rule=SCORE, judges="material", duties=(
        Duty("name", Name, while_=fewer_than_two, given_up=lambda case, policy: bool(case.rosters)),)),
    row("sign", seats=lambda case, policy: (Seat("clerk", post("office", "B")),), not_by=("score",)),
    superior=lambda case: post("leader", "BUREAU"))
ELSEWHERE = {"outside": frozenset({"x"})}


@pytest.mark.parametrize(("who", "to", "then"), [
    pytest.param(CLERK, "c", [RosterDrawn("judges", ("c",)), SeatOpened(1, Seat("c", person("c")))], id="the office names people of the county"),
    pytest.param(CLERK, "x", no("wrong_post", "G-14", outside="x"), id="nobody from outside"),
    pytest.param(HEAD, "x", no("wrong_post", "G-14", outside="x"), id="nor does the head"),
    pytest.param(LEADER, "x", [RosterDrawn("judges", ("x",)), SeatOpened(1, Seat("x", person("x")))], id="the leader may"),
    pytest.param(A, "c", no("wrong_post", "A-33"), id="nobody else names anybody"),
    pytest.param(who("leader", "leader@BUREAU", ties=("S",)), "x", no("own_case", "G-15"), id="a leader who is tied does not"),
])
def test_G_14_only_the_leader_names_somebody_from_outside(who, to, then):
    assert decided(given(EMPTY, draws(""), **ELSEWHERE), by(who, "assign", to=to)) == then


def test_G_14_it_is_the_leaders_task_too_where_the_pool_found_nobody():
    assert stands(given(EMPTY, draws(""))) == {"score": ["assign", "assign^"]}
    assert stands(given(EMPTY, draws("a"))) == {"score": ["a", "assign"]}


def test_G_14_G_13_nobody_waives_separation():
    story = given(EMPTY, draws("ab"), agrees(A), agrees(B))
    assert decided(story, by(LEADER, "assign", "clerk", to="a")) == no("separation", "G-13", who="a")


# -- G-18: declared -------------------------------------------------------------------------------------------------


def test_G_18_the_holder_of_a_post_withdraws_and_the_superior_is_asked():
    """A-44: the post still has the seat, for whoever else holds it; the person does not."""
    story = given(judged(), draws("ab"), agrees(A), agrees(B))
    told = after(story, by(HEAD, "decline", "head", opinion=WHY))
    assert told.events == [Recused("head", "declared", reason=WHY),
                           SeatOpened(2, Seat("head^", post("leader", "BUREAU"), stands_for="head"))]
    assert decided(told, agrees(HEAD)) == no("recused", "G-18", who="head")
    assert stands(after(told, agrees(LEADER, "head^"))) == {"done": ["clerk"]}


@pytest.mark.parametrize("verb", ["suspend", "extend", "assign", "vacate", "again", "end"])
def test_G_18_who_withdrew_does_nothing_for_the_office_either(verb: str):
    story = given(judged(), draws("ab"), agrees(A), agrees(B), by(HEAD, "decline", "head", opinion=WHY))
    assert decided(story, by(HEAD, verb, opinion=WHY)) == no("recused", "G-18")


def test_G_18_without_a_superior_the_office_assigns():
    """A-43."""
    story = given(judged(superior=None), draws("ab"), agrees(A), agrees(B), by(HEAD, "decline", "head", opinion=WHY),
                  by(CLERK, "assign", "head", to="d"))
    assert stands(after(story, agrees(D, "head@d"))) == {"done": ["clerk"]}


def test_G_18_no_reason_no_withdrawal():
    story = given(judged(), draws("ab"), agrees(A), agrees(B))
    assert decided(story, by(HEAD, "decline", "head")) == no("opinion_required", "G-18")


def test_A_44_the_superior_confirms_an_end_that_the_head_may_not():
    """A tie of the only head does not keep a case alive for ever."""
    story = given(judged(), by(CLERK, "end", opinion=WHY, stage="*"))
    tied = who("head", "head@B", ties=("S",))
    assert decided(story, by(tied, "end", opinion=WHY, stage="*")) == no("own_case", "G-15")
    assert stands(after(story, by(LEADER, "end", opinion=WHY, stage="*"))) == {"ended": ["terminated"]}
    assert decided(given(judged()), by(LEADER, "end", opinion=WHY, stage="*")) == no("wrong_post", "A-33")
    assert decided(story, by(CLERK_2, "end", opinion=WHY, stage="*")) == no("wrong_post", "A-34")


# -- G-19: demanded ---------------------------------------------------------------------------------------------------


def test_G_19_the_seat_is_frozen_until_the_head_has_decided():
    story = given(judged(), draws("ab", "c"), DEMANDED)
    assert decided(story, agrees(A)) == no("recused", "G-19", who="a")
    assert stands(after(story, agrees(B))) == {"score": ["a"], "": [f"second:{story.case.proposed[0].no}"]}


def test_G_19_upheld_the_reserve_steps_in():
    story = given(judged(), draws("ab", "c"), DEMANDED)
    told = after(story, upheld(story))
    assert told.events[:3] == [Recused("a", "demanded", ("judges",), (), WHY), SeatGone(1, "score", "a", "recused"),
                               ProposalClosed(story.case.proposed[0].no)]
    assert stands(told) == {"score": ["b", "c"]}


def test_G_19_not_upheld_the_seat_goes_on():
    story = given(judged(), draws("ab"), DEMANDED)
    dropped = after(story, by(HEAD, "drop", seat=str(story.case.proposed[0].no), stage="*"))
    assert stands(after(dropped, agrees(A))) == {"score": ["b"]}


def test_G_19_nobody_decides_about_themselves():
    story = given(judged(), by(APPLICANT, "record", form=DemandRecusal("head", WHY), stage="*"))
    assert decided(story, upheld(story)) == no("recused", "G-19")


TIMED = judged(records=(Record(DemandRecusal, lambda case, policy: (Seat("", post("applicant", case.subject)),),
                               lambda case, policy: (Seat("", post("head", "B")),), within=workdays("three")),))
ASKED = (draws("ab"), DEMANDED)


def seconds(story: Story) -> list[tuple[str, str]]:
    """Whose task it is, and by when."""
    tasks = plan(TIMED, story.case, story.context(WORKFLOW)).tasks
    return [(t.holder.kind, f"{t.due:%m-%d}") for t in tasks if t.seat.startswith("second:")]


def look(on: str) -> object:
    return by(WORKFLOW, "look", on=on, stage="*")


def test_G_19_it_is_due_and_when_that_is_over_the_superior_decides_too():
    """Nothing is decided by silence: the seat stays frozen, the task stays, overdue."""
    story = given(TIMED, *ASKED, policy=TERMS)
    number = story.case.proposed[0].no
    assert seconds(story) == [("head", "03-13")]
    assert decided(story, by(LEADER, "second", seat=str(number), stage="*")) == no("wrong_post", "G-13")
    assert decided(story, look("03-13 23:59")) == []
    late = after(story, look("03-14"))
    assert [(e.event, f"{e.at:%m-%d %H:%M}", e.rule) for e in late.entries] == [(ClockRanOut(0, f"second:{number}"), "03-13 23:59", "C-24")]
    assert seconds(late) == [("head", "03-13"), ("leader", "03-13")]
    assert decided(late, agrees(A)) == no("recused", "G-19", who="a")
    assert decided(late, look("2025-06-30")) == []
    for judge in (HEAD, LEADER):
        assert decided(late, by(judge, "second", seat=str(number), stage="*"))[0] == Recused("a", "demanded", ("judges",), (), WHY)


def test_G_19_whoever_is_asked_already_is_asked_once():
    both = lambda case, policy: (Seat("", post("head", "B")), Seat("", post("leader", "BUREAU")))  # noqa: E731
    rows = judged(records=(Record(DemandRecusal, TIMED.records[0].by, both, workdays("three")),))
    assert seconds(given(rows, *ASKED, look("03-14"), policy=TERMS)) == [("head", "03-13"), ("leader", "03-13")]


def test_G_19_C_21_its_clock_stands_still_with_the_case():
    """From Tuesday to Thursday; what is left of the three days are Friday, Monday and Tuesday."""
    story = given(TIMED, *ASKED, by(CLERK, "suspend", to="other_case", opinion=WHY, on="03-11", stage="*"),
                  by(CLERK, "resume", on="03-13", stage="*"), policy=TERMS)
    assert seconds(story) == [("head", "03-18")]


def test_G_19_C_29_a_day_off_added_moves_it():
    story = given(TIMED, *ASKED, policy=TERMS, calendar=FIRST)
    number = story.case.proposed[0].no
    told = after(having(story, calendar=then(having(FIRST, off=FIRST.off | {date(2025, 3, 12)}), 2)), look("03-11"))
    assert told.events == [DueDaysMoved(1, 2, (Moved(0, f"second:{number}", end("2025-03-13"), end("2025-03-14")),))]
    assert seconds(told) == [("head", "03-14")]


def test_G_19_what_was_demanded_before_there_was_a_clock_is_not_overdue():
    story = given(judged(), *ASKED)
    assert decided(story, look("2025-06-30")) == []


# -- G-20: found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "events", "then"), [
    pytest.param([draws("ab", "c")], [Recused("a", "found", ("judges",), (), WHY), SeatGone(1, "score", "a", "recused")],
                 {"score": ["b", "c"]}, id="the reserve steps in"),
    pytest.param([draws("bc", "a")], [Recused("a", "found", ("judges",), (), WHY)], {"score": ["b", "c"]}, id="nobody of the reserve"),
    pytest.param([draws("bc")], [Recused("a", "found", (), (), WHY)], {"score": ["b", "c"]}, id="not on the list: never will be"),
])
def test_G_20_an_open_seat_is_vacated_with_the_data_as_reason(steps, events, then):
    story = given(judged(), *steps)
    told = after(story, FOUND)
    assert told.events[:len(events)] == events
    assert stands(told) == then
    assert decided(told, FOUND) == []                   # once


def test_G_20_a_claimed_seat_goes_back_to_the_pool():
    story = given(table(row(seats=lambda case, policy: (Seat("clerk", pool("office", "B")),), judges="office")), by(CLERK, "claim", "clerk"))
    found = by(WORKFLOW, "recuse", to="clerk", opinion=WHY, stage="*")
    assert decided(story, found) == [Recused("clerk", "found", reason=WHY), SeatClaimed(1, "clerk", "")]
    assert decided(after(story, found), by(CLERK, "claim", "clerk")) == no("recused", "G-18", who="clerk")


def test_G_20_only_the_system_finds():
    assert decided(given(judged()), by(HEAD, "recuse", to="a", stage="*")) == no("wrong_post", "A-3")


# -- G-21: found after the act ---------------------------------------------------------------------------------------


def test_G_21_that_seat_is_done_again_by_another_and_the_others_keep_what_they_said():
    story = given(judged(), draws("ab", "c"), agrees(A), agrees(B))
    told = after(story, FOUND)
    assert told.events[0] == Recused("a", "found", ("judges",), ("score",), WHY)
    assert stands(told) == {"score": ["c"]}


def test_G_21_every_later_act_that_counted_it_is_asked_again():
    story = given(judged(), draws("ab", "c"), agrees(A), agrees(B), agrees(HEAD), FOUND, agrees(C))
    assert stands(story) == {"decide": ["head"]}
    assert stands(after(story, agrees(HEAD))) == {"done": ["clerk"]}


def test_G_21_an_act_in_the_row_at_hand():
    told = after(given(judged(), draws("ab", "c"), agrees(A)), FOUND)
    assert stands(told) == {"score": ["b", "c"]}


def test_G_21_what_has_its_effect_stands_until_a_review():
    """`may_end` says when the effect is there."""
    effect = lambda case, context: no("wrong_stage", "A-20") if heard("done")(case, None) else None  # noqa: E731
    story = given(judged(may_end=(effect,)), draws("ab", "c"), agrees(A), agrees(B), by(CLERK, "record", form=Say("done"), stage="*"))
    assert decided(story, FOUND) == [Recused("a", "found", ("judges",), (), WHY)]
    assert stands(after(story, FOUND)) == {"decide": ["head"]}


def test_G_21_a_tie_that_was_declared_taints_nothing():
    """Declared before the act; what the person did before it knew of no tie."""
    rows = Stage("second_look", seats=lambda case, policy: (Seat("head", post("head", "B")),), judges="office")
    story = given(judged(rows), draws("ab"), agrees(A), agrees(B), agrees(HEAD), by(HEAD, "decline", "head", opinion=WHY))
    assert stands(story) == {"second_look": ["head", "head^"]}


def test_G_21_a_signature_in_a_row_that_needs_all():
    """A signature under a tie is taken out of a row that is open still."""
    rows = row("sign", seats=lambda case, policy: tuple(Seat(x, person(x)) for x in "ab"), rule=ALL, judges="panel")
    told = after(given(table(rows), agrees(A)), FOUND)
    assert stands(told) == {"sign": ["b", "assign"]}


def test_G_15_G_20_where_the_subjects_own_posts_act_there_is_no_tie_to_it():
    """A school that checks its own lessons: whoever holds its post is of it, and not tied to it."""
    own = Stage("self_check", seats=lambda case, policy: (Seat("checker", post("checker", "S")),), judges="office")
    checker = who("a", "checker@S", ties=("S",))
    story = given(table(own, row("done", seats=lambda case, policy: (Seat("clerk", post("office", "B")),))), agrees(checker, "checker"))
    assert decided(story, FOUND) == [Recused("a", "found", reason=WHY)]      # on record, and nothing is done again
    assert stands(after(story, FOUND)) == {"done": ["clerk"]}
