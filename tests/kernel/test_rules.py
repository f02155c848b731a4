"""The approval vocabulary (A), late entry (C-32 to C-34), separation and recusal (G), each on a table of a few rows."""
from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from domain.kernel.acts import VERBS, Act, AllowLate
from domain.kernel.clock import Clock
from domain.kernel.events import (
    SERVED,
    ActTakenBack,
    CaseEnded,
    CaseResumed,
    CaseSuspended,
    ClockArmed,
    ClockPaused,
    ClockRanOut,
    ClockResumed,
    EnteredLate,
    ExtensionAnswered,
    ExtensionAsked,
    FactProposed,
    LateAllowed,
    ProposalClosed,
    ReminderDue,
    RosterDrawn,
    SeatActed,
    SeatClaimed,
    SeatGone,
    SeatOpened,
    Served,
    StageClosed,
    StageOpened,
)
from domain.kernel.late import allow_late
from domain.kernel.plan import offers, plan
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import ALL, ANY, FIRST, SCORE, SEQUENCE, Acted, Holder, Seat, person, pool, post
from domain.kernel.stages import (
    Duty,
    End,
    Policy,
    Procedure,
    Record,
    Stage,
    days,
    escalate,
    go_on,
    lapse,
    roster,
    taken_as_accepted,
    vacate,
    workdays,
)
from domain.kernel.values import Text, having
from tests.tiny.procedure import DOCUMENT, DocumentPolicy, TextWritten, Write

from .story import (
    APPLICANT,
    CLERK,
    CLERK_2,
    HEAD,
    RULES,
    WORKFLOW,
    Name,
    Said,
    Say,
    SayLate,
    Step,
    Story,
    Who,
    after,
    by,
    decided,
    given,
    heard,
    moment,
    opened,
    row,
    seats,
    stands,
    table,
    who,
)

A, B, C, D = who("a"), who("b"), who("c"), who("d")
WHY = Text("理由")


class Terms(Policy):
    """The terms of the tables here."""
    five: int = 5
    three: int = 3
    thirty: int = 30


TERMS = Terms()


def refuses(who: Who, seat: str, **act: Any) -> Step:
    return by(who, "refuse", seat, opinion=WHY, **act)


def agrees(who: Who, seat: str = "", **act: Any) -> Step:
    return by(who, "agree", seat or who.id, **act)


def asked(rule: Any, *keys: str, **words: Any) -> Procedure:
    return table(row(seats=seats(*keys), rule=rule, refused=End("refused"), **words))


# -- the frame and the five rules ---------------------------------------------------------------------


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"look"}))
def test_A_5_a_closed_case_accepts_none_of_these(verb):
    story = given(asked(ANY, "a"), agrees(A))
    for somebody in (A, CLERK, HEAD, APPLICANT, WORKFLOW):
        assert decided(story, when=by(somebody, verb, "a", visit=1, opinion=WHY)) == no("case_closed", "A-5", how="passed")


def test_A_5_looking_at_a_closed_case_changes_nothing():
    assert decided(given(asked(ANY, "a"), agrees(A)), when=by(WORKFLOW, "look", on="2026-03-10")) == []


@pytest.mark.parametrize(("rule", "steps", "then"), [
    pytest.param(ALL, [agrees(A)], {"ask": ["b", "c"]}, id="A-6 one has agreed"),
    pytest.param(ALL, [agrees(C), agrees(A), agrees(B)], {"ended": ["passed"]}, id="A-6 every seat agreed, in any order"),
    pytest.param(ALL, [agrees(A), refuses(B, "b")], {"ended": ["refused"]}, id="A-6 the first refusal"),
    pytest.param(ANY, [agrees(B)], {"ended": ["passed"]}, id="A-7 the first to agree"),
    pytest.param(ANY, [refuses(A, "a"), refuses(C, "c")], {"ask": ["b"]}, id="A-7 one is left"),
    pytest.param(ANY, [refuses(A, "a"), agrees(B)], {"ended": ["passed"]}, id="A-7 a refusal decides nothing"),
    pytest.param(ANY, [refuses(A, "a"), refuses(C, "c"), refuses(B, "b")], {"ended": ["refused"]}, id="A-7 all refused"),
    pytest.param(SEQUENCE, [], {"ask": ["a"]}, id="A-8 only the first is open"),
    pytest.param(SEQUENCE, [agrees(A)], {"ask": ["b"]}, id="A-8 then the second"),
    pytest.param(SEQUENCE, [agrees(A), agrees(B), agrees(C)], {"ended": ["passed"]}, id="A-8 the last agreed"),
    pytest.param(SEQUENCE, [agrees(A), refuses(B, "b")], {"ended": ["refused"]}, id="A-8 any refusal"),
    pytest.param(SCORE, [agrees(C), agrees(A)], {"ask": ["b"]}, id="A-10 one sheet is missing"),
    pytest.param(SCORE, [agrees(C), agrees(A), agrees(B)], {"ended": ["passed"]}, id="A-10 every seat scored"),
])
def test_A_6_to_A_10_whose_turn_it_is(rule, steps, then):
    assert stands(given(asked(rule, "a", "b", "c"), *steps)) == then


@pytest.mark.parametrize(("rule", "steps", "when", "then"), [
    pytest.param(SEQUENCE, [], agrees(B), no("task_closed", "A-8"), id="A-8 not your turn yet"),
    pytest.param(SEQUENCE, [agrees(A)], agrees(A), no("already_acted", "A-14"), id="A-14 once"),
    pytest.param(ALL, [agrees(A)], refuses(A, "a"), no("already_acted", "A-14"), id="A-14 nor otherwise"),
    pytest.param(ALL, [], agrees(D, "a"), no("not_holder", "A-3"), id="A-3 not your seat"),
    pytest.param(ALL, [], agrees(D, "x"), no("task_closed", "A-6", why=""), id="A-3 no such seat"),
    pytest.param(ALL, [], by(A, "refuse", "a"), no("opinion_required", "A-18"), id="A-18 a refusal gives its reason"),
    pytest.param(SCORE, [], refuses(A, "a"), no("unknown_command", "A-3"), id="A-10 a score is not refused"),
    pytest.param(ALL, [], by(A, "yes", "a"), no("unknown_command", "A-3"), id="A-9 no ballot, no vote"),
    pytest.param(ALL, [], by(A, "agree", "a", visit=7), no("wrong_stage", "A-3"), id="A-3 no such visit"),
    pytest.param(ALL, [], by(A, "dance", "a"), no("unknown_command", "A-3"), id="A-3 no such verb"),
    pytest.param(ALL, [], by(A, "agree", "a", form=Say("x")), no("malformed", "A-3", wants=""), id="A-3 a form that nobody asked for"),
])
def test_A_3_why_not(rule, steps, when, then):
    assert decided(given(asked(rule, "a", "b"), *steps), when=when) == then


def test_A_6_nobody_keeps_a_dead_task():
    """On the first refusal the row is over for the others, wherever the case goes."""
    two = table(row("ask", seats=seats("a", "b"), rule=ALL, refused="again"), row("again", seats=seats("c")))
    story = given(two, refuses(A, "a"))
    assert story.events == [SeatActed(1, "a", "refuse", 2, WHY), StageClosed(1, "refused", "again"),
                            StageOpened(2, "again", "", (Seat("c", person("c")),))]
    assert stands(story) == {"again": ["c"]}
    assert decided(story, when=by(B, "agree", "b", visit=1)) == no("stage_over", "A-3")


def test_A_18_nobody_refuses_where_the_table_does_not_say_where_it_leads():
    assert decided(given(table(row(seats=seats("a")))), when=refuses(A, "a")) == no("unknown_command", "A-3")


JUDGES = table(row(seats=roster("judges"), rule=SCORE, seat_clock=workdays("five"), at_limit=vacate, duties=(
    Duty("name", Name, while_=lambda case, policy: len(case.roster("judges").members) < 2,
         given_up=lambda case, policy: bool(case.rosters)),)))


def named(*members: str, reserve: tuple[str, ...] = ()) -> Step:
    return by(WORKFLOW, "do", duty="name", form=Name(members, reserve))


@pytest.mark.parametrize(("steps", "then"), [
    pytest.param([named("a", "b", reserve=("c",)), by(A, "decline", "a", opinion=WHY)], {"ask": ["b", "c"]}, id="the reserve steps in"),
    pytest.param([named("a", "b", reserve=("c",)), by(A, "decline", "a", opinion=WHY), agrees(B), agrees(C)], {"ended": ["passed"]},
                 id="who was replaced is not waited for"),
    pytest.param([named("a", "b"), by(A, "decline", "a", opinion=WHY)], {"ask": ["b", "assign"]}, id="none left: the office"),
    pytest.param([named("a", "b"), by(A, "decline", "a", opinion=WHY), agrees(B)], {"ask": ["assign"]}, id="one sheet does not do for two"),
    pytest.param([named("a", "b"), agrees(B), by(WORKFLOW, "look", on="03-18")], {"ask": ["assign"]}, id="ran out, none left"),
    pytest.param([named("a", "b"), agrees(B), by(A, "decline", "a", opinion=WHY), by(CLERK, "assign", to="d"), agrees(D)],
                 {"ended": ["passed"]}, id="who was assigned scored"),
    pytest.param([named("a")], {"ask": ["a", "assign"]}, id="too few from the first"),
])
def test_A_10_every_seat_scored_or_was_replaced(steps, then):
    assert stands(given(JUDGES, *steps, policy=TERMS)) == then


def declines(who: Who) -> Step:
    return by(who, "decline", who.id, opinion=WHY)


@pytest.mark.parametrize("rule", [ALL, SEQUENCE, SCORE])
@pytest.mark.parametrize(("steps", "then"), [
    pytest.param([declines(A), agrees(B), agrees(C)], {"ask": ["assign"]}, id="who left is not passed over"),
    pytest.param([declines(A), by(CLERK, "assign", to="d"), agrees(D, "a@d"), agrees(B), agrees(C)], {"ended": ["passed"]}, id="somebody was assigned"),
    pytest.param([declines(A), by(CLERK, "assign", to="d"), agrees(D, "a@d"), agrees(B)], {"ask": ["c"]}, id="in that place"),
    pytest.param([declines(A), agrees(B), agrees(C), by(CLERK, "assign", to="d")], {"ask": ["a@d"]}, id="whoever has acted meanwhile"),
])
def test_A_6_A_8_A_10_a_seat_whose_holder_left_is_filled(rule, steps, then):
    assert stands(given(asked(rule, "a", "b", "c"), *steps)) == then


def test_A_8_who_was_assigned_comes_in_that_turn():
    assert stands(given(asked(SEQUENCE, "a", "b", "c"), declines(A), by(CLERK, "assign", to="d"))) == {"ask": ["a@d"]}


def test_A_6_two_who_left_are_both_filled():
    story = given(asked(ALL, "a", "b", "c"), declines(A), declines(B), by(CLERK, "assign", to="d"), by(CLERK, "assign", to="e"), agrees(C))
    assert stands(story) == {"ask": ["a@d", "b@e"]}


@pytest.mark.parametrize(("rule", "steps", "then"), [
    pytest.param(FIRST, [agrees(B)], {"ended": ["passed"]}, id="the first agrees"),
    pytest.param(FIRST, [refuses(B, "b")], {"ended": ["refused"]}, id="the first refuses"),
    pytest.param(ANY, [refuses(B, "b")], {"ask": ["a"]}, id="any_fail all: the others are still asked"),
])
def test_A_7_any_fail_first_or_all(rule, steps, then):
    assert stands(given(asked(rule, "a", "b"), *steps)) == then


def test_A_7_of_several_any_of_whom_decides_one_may_leave():
    assert stands(given(asked(ANY, "a", "b"), declines(A))) == {"ask": ["b"]}


def test_A_10_who_is_assigned_joins_the_list():
    """So that the sheet counts like any other (R-27)."""
    story = given(JUDGES, named("a", "b"), by(A, "decline", "a", opinion=WHY), by(CLERK, "assign", to="d"), policy=TERMS)
    assert story.events == [RosterDrawn("judges", ("d",)), SeatOpened(1, Seat("d", person("d")), Clock("d", "five", "workday", 5, story.now))]
    assert story.case.roster("judges").members == ("b", "d")


# -- operations ----------------------------------------------------------------------------------------

DRAFTER, CHECKER, LEADER, REGISTRY = (who(x, f"{x}@S") for x in ("drafter", "checker", "leader", "registry"))
WRITTEN = by(DRAFTER, "agree", "drafter", form=Write(Text("正文")))
CHECKED, SIGNED = agrees(CHECKER), agrees(LEADER)
PAPER = DocumentPolicy()


def document(*steps: Step, **opening: Any) -> Story:
    return given(DOCUMENT, *steps, policy=PAPER, **opening)


def sends_back(who: Who, to: str, **act: Any) -> Step:
    return by(who, "return", who.id, to=to, opinion=WHY, **act)


def test_A_14_agreeing_closes_the_row_and_opens_the_next_in_one_decision():
    story = document(WRITTEN)
    assert story.events == [
        TextWritten(Text("正文")), SeatActed(1, "drafter", "agree", 2), StageClosed(1, "passed", "check"),
        StageOpened(2, "check", "", (Seat("checker", post("checker", "S")),), (Clock("", "check_term", "workday", 3, story.now),))]
    assert [(e.by, e.post, e.rule) for e in story.entries[:2]] == [("drafter", "drafter@S", "")] * 2
    assert [e.by for e in story.entries[2:]] == ["system"] * 2


@pytest.mark.parametrize(("saw", "then"), [
    pytest.param(2, no("stale_version", "A-14", changed="text"), id="a part that this seat must see has changed"),
    pytest.param(3, [SeatActed(2, "checker", "agree", 6)], id="the version that changed it"),
    pytest.param(None, [SeatActed(2, "checker", "agree", 6)], id="not said"),
])
def test_A_14_stale_version(saw, then):
    """The text is written in version 3."""
    got = decided(document(WRITTEN), when=agrees(CHECKER, saw=saw))
    assert (got if isinstance(got, Refusal) else got[:1]) == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([WRITTEN], sends_back(CHECKER, "draft"), {"draft": ["drafter"]}, id="A-15 to the applicant"),
    pytest.param([WRITTEN, CHECKED], sends_back(LEADER, "check"), {"check": ["checker"]}, id="A-16 to the row before"),
    pytest.param([WRITTEN, CHECKED], sends_back(LEADER, "draft"), {"draft": ["drafter"]}, id="A-17 to any passed row"),
])
def test_A_15_to_A_17_returns(steps, when, then):
    assert stands(after(document(*steps), when)) == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([WRITTEN], by(CHECKER, "return", "checker", to="draft"), no("opinion_required", "A-15"), id="A-15 the reason is missing"),
    pytest.param([WRITTEN], sends_back(CHECKER, "sign"), no("target_not_passed", "A-17", to="sign"), id="A-17 forward never"),
    pytest.param([WRITTEN], sends_back(CHECKER, "check"), no("target_not_passed", "A-17", to="check"), id="A-17 nor to itself"),
    pytest.param([], sends_back(DRAFTER, "draft"), no("target_not_allowed", "A-17"), id="A-17 a row that returns nothing"),
    pytest.param([WRITTEN, CHECKED, sends_back(LEADER, "check")], sends_back(CHECKER, "sign"), no("target_not_allowed", "A-17", to="sign"),
                 id="A-17 passed, not named by the table"),
])
def test_A_15_A_17_return_refused(steps, when, then):
    assert decided(document(*steps), when=when) == then


NAMED_PARTS = table(
    Stage("file", seats=seats("a"), form=Say),
    Stage("look", seats=seats("b"), sees=("x",), refused=End("no")),
    Stage("judge", seats=seats("c"), sees=("y",), returns=("file", "mend")),
    Stage("mend", seats=seats("a"), records=(Record(Say),), aside=True, pauses=True, to="look"),
    Stage("last", seats=seats("d"), sees=("x", "y"), to=End("passed")))


def files(word: str, **act: Any) -> Step:
    return by(A, "agree", "a", form=Say(word), **act)


def test_A_15_the_named_parts_are_open_for_editing():
    story = given(NAMED_PARTS, files("y"), agrees(B), by(C, "return", "c", to="mend", parts=("y",), opinion=WHY))
    assert story.events == [SeatActed(3, "c", "return", 9, WHY), StageClosed(3, "returned", "mend", ("y",)),
                            StageOpened(4, "mend", "", (Seat("a", person("a")),), (), ("y",), True)]


def said_in_mending(word: str) -> Step:
    return by(A, "record", stage="mend", form=Say(word))


@pytest.mark.parametrize(("steps", "then"), [
    pytest.param([said_in_mending("y"), agrees(A)], {"judge": ["c"]}, id="A-39 a: the agreement on unchanged parts is kept, c: who returned it is asked"),
    pytest.param([said_in_mending("x"), agrees(A)], {"look": ["b"]}, id="A-39 b: an agreement on a changed part is asked again"),
    pytest.param([agrees(A)], {"judge": ["c"]}, id="A-39 nothing changed: straight back to who returned it"),
    pytest.param([said_in_mending("x"), agrees(A), agrees(B), agrees(C)], {"last": ["d"]}, id="A-39 d: then it goes on"),
])
def test_A_39_resubmission(steps, then):
    returned = given(NAMED_PARTS, files("y"), agrees(B), by(C, "return", "c", to="mend", parts=("x", "y"), opinion=WHY))
    story = returned
    for step in steps:
        story = after(story, step)
    assert stands(story) == then


TOGETHER = table(
    Stage("file", seats=seats("a"), form=Say),
    Stage("panel", rule=ALL, seats=seats("b", "c", "d"), sees=("x",), returns=("file",), refused=End("refused")),
    Stage("sign", seats=seats("e"), returns=("panel",), to=End("passed")))
E_ = who("e")


@pytest.mark.parametrize(("word", "then"), [
    pytest.param("y", ["d"], id="unchanged: who agreed keeps it, who returned is asked"),
    pytest.param("x", ["b", "c", "d"], id="changed: all are asked"),
])
def test_A_40_return_out_of_a_row_of_rule_all(word, then):
    story = given(TOGETHER, files("x"), agrees(B), agrees(C), by(D, "return", "d", to="file", opinion=WHY), files(word))
    assert stands(story) == {"panel": then}
    assert all(s.acted or s.open for s in story.case.open[0].seats)         # neither open nor decided nor lapsed: none


def test_A_17_the_row_returned_to_is_asked_anew():
    story = given(TOGETHER, files("x"), agrees(B), agrees(C), agrees(D), by(E_, "return", "e", to="panel", opinion=WHY))
    assert stands(story) == {"panel": ["b", "c", "d"]}


@pytest.mark.parametrize(("who", "steps", "then"), [
    pytest.param(DRAFTER, [WRITTEN], [CaseEnded("withdrawn", WHY)], id="the applicant, at any time before the end"),
    pytest.param(CHECKER, [WRITTEN], no("wrong_post", "A-20"), id="nobody else"),
    pytest.param(DRAFTER, [WRITTEN, CHECKED, SIGNED], no("case_closed", "A-5", how="signed"), id="not after the decision"),
])
def test_A_20_withdraw(who, steps, then):
    assert decided(document(*steps), when=by(who, "withdraw", opinion=WHY)) == then


def test_A_20_after_the_decision_it_is_the_wrong_stage():
    signed = table(row(seats=seats("a")), may_end=(lambda case, context: no("wrong_stage", "A-20"),))
    for verb, somebody in (("withdraw", APPLICANT), ("end", CLERK)):
        assert decided(given(signed), when=by(somebody, verb, opinion=WHY)) == no("wrong_stage", "A-20")


def takes_back(who: Who, visit: int, on: str = "") -> Step:
    return by(who, "take_back", who.id, on=on, visit=visit)


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([WRITTEN], takes_back(DRAFTER, 1), {"draft": ["drafter"]}, id="nobody has acted after"),
    pytest.param([WRITTEN, CHECKED], takes_back(CHECKER, 2), {"check": ["checker"]}, id="the last actor"),
    pytest.param([WRITTEN, sends_back(CHECKER, "draft")], takes_back(CHECKER, 2), {"check": ["checker"]}, id="a return too"),
    pytest.param([WRITTEN], takes_back(DRAFTER, 1, "03-11 09:00"), {"draft": ["drafter"]}, id="within 24 hours"),
])
def test_A_21_take_back(steps, when, then):
    assert stands(after(document(*steps), when)) == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([WRITTEN], takes_back(DRAFTER, 1, "03-11 09:01"), no("past_deadline", "A-21"), id="after 24 hours"),
    pytest.param([WRITTEN, CHECKED], takes_back(DRAFTER, 1), no("next_has_acted", "A-21"), id="the next has acted"),
    pytest.param([WRITTEN], takes_back(CHECKER, 1), no("not_holder", "A-21"), id="somebody else's act"),
    pytest.param([WRITTEN], takes_back(CHECKER, 2), no("not_holder", "A-21"), id="nothing said yet"),
    pytest.param([WRITTEN, by(REGISTRY, "suspend", to="other_case", opinion=WHY)], takes_back(DRAFTER, 1), no("suspended", "A-33"), id="A-33 suspended"),
])
def test_A_21_take_back_refused(steps, when, then):
    assert decided(document(*steps), when=when) == then


def test_A_21_within_a_row_the_act_alone_is_cancelled():
    story = given(asked(ALL, "a", "b", "c"), agrees(A), agrees(B))
    assert decided(story, when=takes_back(B, 1)) == [ActTakenBack(1, "b")]
    assert decided(story, when=takes_back(A, 1)) == no("next_has_acted", "A-21")


THREE_SIGN = table(Stage("report", seats=seats("a", "b", "c"), rule=ALL), row("reply", seats=seats("d")))


@pytest.mark.parametrize(("order", "last"), [((A, B, C), C), ((B, C, A), A), ((C, A, B), B)], ids=["c", "a", "b"])
def test_A_21_the_last_of_all_reopens_only_the_own_seat(order, last):
    """Whatever the order of the seats; the others keep what they said."""
    story = given(THREE_SIGN, *(agrees(x) for x in order))
    others = [x for x in order if x is not last]
    assert [decided(story, when=takes_back(x, 1)) for x in others] == [no("not_holder", "A-21")] * 2
    assert stands(after(story, takes_back(last, 1))) == {"report": [last.id]}


def test_R_25_sheets_are_final_when_the_last_has_signed():
    two = table(Stage("score", seats=seats("a", "b"), rule=SCORE, final=True), row("next", seats=seats("c")))
    one = given(two, agrees(A))
    assert decided(one, when=takes_back(A, 1)) == [ActTakenBack(1, "a")]
    assert decided(after(one, agrees(B)), when=takes_back(B, 1)) == no("next_has_acted", "A-21")


# -- claims -----------------------------------------------------------------------------------------------------

POOL = table(row(seats=lambda case, policy: (Seat("desk", pool("expert", "P")),), refused=End("refused")))
P1, P2 = who("p1", "expert@P"), who("p2", "expert@P")
CLAIMED = by(P1, "claim", "desk")


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], CLAIMED, [SeatClaimed(1, "desk", "p1")], id="claimed"),
    pytest.param([], by(A, "claim", "desk"), no("wrong_post", "A-3"), id="not of the pool"),
    pytest.param([], agrees(P1, "desk"), no("not_holder", "A-28", by=""), id="claim first"),
    pytest.param([CLAIMED], by(P2, "claim", "desk"), no("already_acted", "A-28", by="p1"), id="someone claimed first"),
    pytest.param([CLAIMED], agrees(P2, "desk"), no("not_holder", "A-28", by="p1"), id="another's"),
    pytest.param([CLAIMED], by(P1, "release", "desk"), [SeatClaimed(1, "desk", "")], id="released"),
    pytest.param([CLAIMED], by(P2, "release", "desk"), no("not_holder", "A-28", by="p1"), id="another's is not released"),
    pytest.param([CLAIMED, by(P1, "release", "desk")], by(P2, "claim", "desk"), [SeatClaimed(1, "desk", "p2")], id="free again"),
    pytest.param([CLAIMED], by(P2, "claim", "desk", on="03-13 23:59"), no("already_acted", "A-28", by="p1"), id="held for three working days"),
    pytest.param([CLAIMED], by(P2, "claim", "desk", on="03-14 00:00"), [SeatClaimed(1, "desk", ""), SeatClaimed(1, "desk", "p2")],
                 id="unacted for three working days: back to the pool"),
])
def test_A_28_claim(steps, when, then):
    assert decided(given(POOL, *steps), when=when) == then


# -- suspend, end --------------------------------------------------------------------------------------------

TIMED = table(row(seats=seats("a", "b"), rule=ALL, clock=workdays("five"), at_limit=lapse, refused=End("refused"), records=(Record(Say),)))
HELD = by(CLERK, "suspend", to="other_case", opinion=WHY)


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], HELD, [CaseSuspended(WHY, why="other_case"), ClockPaused(1, "suspended")], id="every clock stops"),
    pytest.param([], by(CLERK, "suspend", to="other_case"), no("opinion_required", "C-21"), id="for a reason"),
    pytest.param([], by(A, "suspend", to="other_case", opinion=WHY), no("wrong_post", "A-33"), id="by the office"),
    pytest.param([HELD], HELD, no("suspended", "A-33"), id="once"),
    pytest.param([], by(CLERK, "resume"), no("wrong_stage", "A-33"), id="what runs is not resumed"),
    pytest.param([HELD], by(CLERK, "resume"), [CaseResumed(), ClockResumed(1)], id="and go on"),
    pytest.param([HELD], agrees(A), no("suspended", "A-33"), id="no act meanwhile"),
    pytest.param([HELD], by(A, "record", form=Say("x")), no("suspended", "A-33"), id="no record meanwhile"),
    *(pytest.param([HELD], by(CLERK, verb, "a", opinion=WHY), no("suspended", "A-33"), id=f"no {verb} meanwhile")
      for verb in ("extend", "assign", "vacate", "again")),
    pytest.param([HELD], by(APPLICANT, "withdraw"), [CaseEnded("withdrawn")], id="but withdraw"),
    pytest.param([], by(who("o", "office@B", ties=("S",)), "suspend", to="other_case", opinion=WHY), no("own_case", "G-15"), id="G-15 nobody holds up their own case"),
])
def test_A_33_suspend(steps, when, then):
    assert decided(given(TIMED, *steps, policy=TERMS), when=when) == then


def test_C_20_C_21_the_clock_goes_on_where_it_stood():
    """Five working days from Mon 10 March; Wed 12 to Fri 14 do not count: 11, 17, 18, 19, 20."""
    story = given(TIMED, by(CLERK, "suspend", to="other_case", opinion=WHY, on="03-12"), policy=TERMS)
    assert stands(story, "04-30") == {"ask": [], "": ["resume"]}
    story = after(story, by(CLERK, "resume", on="03-14"))
    assert (stands(story, "03-20 23:59"), stands(story, "03-21 00:00")) == ({"ask": ["a", "b"]}, {"ended": ["lapsed"]})


def test_C_21_a_suspension_until_a_day_ends_by_itself():
    """Two working days from Wed 12: until the end of Fri 14, which like Wed is not used."""
    story = given(TIMED, by(CLERK, "suspend", to="other_case", opinion=WHY, more=2, on="03-12"), policy=TERMS)
    assert story.events == [CaseSuspended(WHY, moment("03-14 23:59:59.999999"), "other_case"), ClockPaused(1, "suspended")]
    told = after(story, by(WORKFLOW, "look", on="03-20"))
    assert told.events == [CaseResumed(), ClockResumed(1)]
    assert {e.at for e in told.entries} == {moment("03-14 23:59:59.999999")}
    assert stands(told, "03-21 00:00") == {"ended": ["lapsed"]}


def held(*why: str) -> list[Step]:
    """Suspended and resumed for each of these reasons."""
    return [step for x in why for step in (by(CLERK, "suspend", to=x, opinion=WHY), by(CLERK, "resume"))]


LISTED = Policy().suspension_reasons
USED_UP = no("target_not_allowed", "C-21", held=2)


@pytest.mark.parametrize(("steps", "why", "then"), [
    pytest.param([], "tired", no("malformed", "C-21", hold_for="、".join(LISTED)), id="C-21 only for a listed reason"),
    pytest.param([], "", no("malformed", "C-21", hold_for="、".join(LISTED)), id="C-21 never without one"),
    pytest.param(held("other_case"), "other_case", None, id="C-21 a second time for the same"),
    pytest.param(held("other_case", "other_case"), "other_case", USED_UP, id="C-21 not a third time"),
    pytest.param(held("other_case", "other_case"), "force_majeure", None, id="C-21 but for another reason"),
    pytest.param([*held("other_case", "other_case"), agrees(A), agrees(B)], "other_case", None, id="C-21 counted by clock: the next row has its own"),
    pytest.param([*held("other_case"), agrees(A), agrees(B), *held("other_case")], "other_case", None, id="C-21 and begins with none"),
    pytest.param(held(*LISTED, *LISTED), "other_case", USED_UP, id="C-21 every reason used up"),
])
def test_C_21_listed_reasons_and_how_often(steps, why, then):
    rows = table(row(seats=seats("a", "b"), rule=ALL, clock=workdays("five"), at_limit=lapse, to="next"),
                 row("next", seats=seats("z"), clock=workdays("five"), at_limit=lapse))
    story = given(rows, *steps, policy=TERMS)
    got = after(story, by(CLERK, "suspend", to=why, opinion=WHY))
    assert (got if isinstance(got, Refusal) else None) == then
    offered = next(o for o in offers(rows, story.case, story.context(CLERK)) if o.verb == "suspend").refusal
    assert offered == (USED_UP if len(steps) >= 2 * 2 * len(LISTED) else None)


@pytest.mark.parametrize(("policy", "tries", "then"), [
    pytest.param(having(TERMS, suspensions_max=1), 1, no("target_not_allowed", "C-21", held=1), id="C-21 the number is the policy's"),
    pytest.param(having(TERMS, suspension_reasons=("applicant",)), 0, no("malformed", "C-21", hold_for="applicant"), id="C-21 the list is the policy's"),
])
def test_C_21_is_the_policys(policy, tries, then):
    assert after(given(TIMED, *held("other_case") * tries, policy=policy), HELD) == then


ENDS = by(CLERK, "end", opinion=WHY)


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], ENDS, [FactProposed(None, WHY)], id="the office proposes"),
    pytest.param([], by(CLERK, "end"), no("opinion_required", "A-34"), id="for a reason"),
    pytest.param([ENDS], by(HEAD, "end", opinion=WHY), [CaseEnded("terminated", WHY)], id="the head confirms"),
    pytest.param([ENDS], ENDS, no("separation", "A-34"), id="not alone"),
    pytest.param([ENDS], by(CLERK_2, "end", opinion=WHY), no("wrong_post", "A-34"), id="not two of the office without the head"),
    pytest.param([by(HEAD, "end", opinion=WHY)], ENDS, [CaseEnded("terminated", WHY)], id="or the office, where the head proposed"),
    pytest.param([ENDS], by(A, "end", opinion=WHY), no("wrong_post", "A-33"), id="nobody else"),
    pytest.param([ENDS], by(who("sub", behind=CLERK), "end", opinion=WHY), no("separation", "A-34"), id="nor in the name of the first"),
])
def test_A_34_two_persons_end_a_case(steps, when, then):
    assert decided(given(TIMED, *steps, policy=TERMS), when=when) == then


def test_A_34_the_second_is_the_heads_task():
    assert stands(given(TIMED, ENDS, policy=TERMS)) == {"ask": ["a", "b"], "": ["end"]}


# -- C-22 to C-25: limits, reminders, extensions ---------------------------------------------------------------


def limited(at_limit: Any, *keys: str, **words: Any) -> Procedure:
    return table(Stage("ask", seats=seats(*keys) if keys else None, clock=workdays("five"), at_limit=at_limit, **words),
                 row("next", seats=seats("z")))


def to_head(case: Any, policy: Any) -> tuple[Seat, ...]:
    return (Seat("desk", post("office", "B")),)


@pytest.mark.parametrize(("procedure", "then"), [
    pytest.param(limited(Stage("x").at_limit, "a"), {"ask": ["a"]}, id="remind: nothing else follows"),
    pytest.param(limited(lapse, "a"), {"ended": ["lapsed"]}, id="lapse"),
    pytest.param(limited(go_on, "a"), {"next": ["z"]}, id="pass"),
    pytest.param(limited(taken_as_accepted, "a"), {"next": ["z"]}, id="R-16 taken as accepted"),
    pytest.param(limited(vacate, "a"), {"ask": ["assign"]}, id="office: assign another"),
    pytest.param(limited(escalate("head", "B"), "a"), {"ask": ["a", "a^"]}, id="escalate: the head also gets a seat"),
    pytest.param(limited(go_on), {"next": ["z"]}, id="a row without seats goes on when its clock is over"),
])
def test_A_41_at_the_limit(procedure, then):
    story = given(procedure, policy=TERMS)
    assert stands(story, "03-17 23:59") == ({"ask": ["a"]} if procedure["ask"].seats else {"ask": []})
    assert stands(story, "03-18 00:00") == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], agrees(HEAD, "a^"), {"next": ["z"]}, id="the head decides"),
    pytest.param([], agrees(A), {"next": ["z"]}, id="or still the first"),
    pytest.param([agrees(HEAD, "a^")], by(A, "agree", "a", visit=1), no("stage_over", "A-3"), id="the first to act decides"),
])
def test_A_41_escalated_first_to_act_decides(steps, when, then):
    story = given(limited(escalate("head", "B"), "a"), by(WORKFLOW, "look", on="03-18"), *steps, policy=TERMS)
    got = after(story, when)
    assert (got if isinstance(got, Refusal) else stands(got)) == then


@pytest.mark.parametrize(("above", "then"), [
    pytest.param(post("leader", "BUREAU"), ["desk", "desk^"], id="whoever has the seat already is asked once"),
    pytest.param(post("other", "BUREAU"), ["desk", "desk^", "desk^^"], id="another has a seat of their own"),
])
def test_A_41_A_44_at_the_limit_the_superior_may_be_asked_already(above, then):
    rows = table(row(seats=lambda case, policy: (Seat("desk", post("head", "B")),), judges="office", clock=workdays("five"),
                     at_limit=escalate("leader", "BUREAU")), superior=lambda case: above)
    story = given(rows, by(HEAD, "decline", "desk", opinion=WHY), policy=TERMS)
    assert stands(story, "03-18") == {"ask": then}


def test_A_41_an_escalated_act_counts_for_the_seat():
    story = given(limited(escalate("head", "B"), "a", "b", rule=ALL), agrees(B), by(WORKFLOW, "look", on="03-18"), policy=TERMS)
    assert stands(story) == {"ask": ["a", "a^"]}
    assert after(story, agrees(HEAD, "a^")).case.past[0].acts == (
        ("b", Acted("agree", "b", moment("03-10"), 2)), ("a", Acted("agree", "head", moment("03-18"), 5)))


def test_C_24_a_clock_that_ran_out_acts_once_as_of_its_moment():
    """However late somebody looks, and however often."""
    told = after(given(limited(lapse, "a"), policy=TERMS), by(WORKFLOW, "look", on="04-01"))
    assert told.events == [ClockRanOut(1, ""), StageClosed(1, "lapsed", "", (), "lapsed"), CaseEnded("lapsed")]
    assert {(e.at, e.by) for e in told.entries} == {(moment("03-17 23:59:59.999999"), "system")}
    assert [e.rule for e in told.entries] == ["C-24", "", ""]
    assert decided(told, when=by(WORKFLOW, "look", on="04-02")) == []


@pytest.mark.parametrize("looked", [False, True], ids=["the timer is late", "the timer came first"])
@pytest.mark.parametrize("procedure", [limited(go_on, "a"), limited(lapse, "a")], ids=["goes on", "lapses"])
def test_C_24_an_act_that_arrives_after_it_is_past_the_deadline(procedure, looked):
    story = given(procedure, policy=TERMS)
    if looked:
        story = after(story, by(WORKFLOW, "look", on="03-18"))
    assert decided(story, when=by(A, "agree", "a", visit=1, on="03-18 08:00")) == no("past_deadline", "C-24")


class Reopening(Terms):
    reopen_allowed: bool = True


@pytest.mark.parametrize(("policy", "then"), [
    pytest.param(TERMS, no("wrong_stage", "C-22"), id="reopen_allowed false"),
    pytest.param(Reopening(), [ExtensionAnswered(1, "", 2, reason=WHY)], id="reopen_allowed: with a reason"),
])
def test_C_24_the_office_reopens_a_clock_that_ran_out(policy, then):
    """The row waits on after its limit (only reminded of); what was late goes on from the extended day."""
    story = given(table(row(seats=seats("a"), clock=workdays("five"))), by(WORKFLOW, "look", on="03-18", stage="*"), policy=policy)
    assert decided(story, when=by(HEAD, "extend", more=2, opinion=WHY)) == then


def test_C_24_in_time_is_in_time():
    assert stands(after(given(limited(lapse, "a"), policy=TERMS), agrees(A, on="03-17 23:59"))) == {"next": ["z"]}


def test_C_39_limits_act_in_the_order_of_their_due_time():
    """Two rows one after the other, and nobody looked for a month."""
    two = table(Stage("one", seats=seats("a"), clock=workdays("five"), at_limit=go_on),
                row("two", seats=seats("b"), clock=workdays("three"), at_limit=lapse))
    told = after(given(two, policy=TERMS), by(WORKFLOW, "look", on="04-10"))
    assert [(type(e.event).__name__, f"{e.at:%m-%d}") for e in told.entries] == [
        ("ClockRanOut", "03-17"), ("StageClosed", "03-17"), ("StageOpened", "03-17"),
        ("ClockRanOut", "03-20"), ("StageClosed", "03-20"), ("CaseEnded", "03-20")]


REMINDED = Terms(reminders={"ask": (3, 1)})


@pytest.mark.parametrize(("opened_on", "on", "then"), [
    pytest.param("03-10", "03-12 08:59", [], id="not before nine"),
    pytest.param("03-10", "03-12", [ReminderDue(1, "", 3)], id="three working days before Mon 17"),
    pytest.param("03-10", "03-14", [ReminderDue(1, "", 3), ReminderDue(1, "", 1)], id="and one"),
    pytest.param("03-10 18:00", "03-14", [ReminderDue(1, "", 3), ReminderDue(1, "", 1)], id="each once"),
])
def test_A_42_reminders(opened_on, on, then):
    story = given(limited(lapse, "a"), on=f"2025-{opened_on}", policy=REMINDED)
    told = after(story, by(WORKFLOW, "look", on=on))
    assert told.events == then
    assert decided(told, when=by(WORKFLOW, "look", on=on)) == []


def test_C_18_a_reminder_whose_moment_has_passed_is_sent_at_once():
    """A term of two working days from 18:00: three days before the end had passed when the clock was armed."""
    story = given(limited(lapse, "a"), on="2025-03-10 18:00", policy=Terms(five=2, reminders={"ask": (3, 1)}))
    assert story.events[-1] == ReminderDue(1, "", 3)
    assert story.entries[-1].at == story.now


def test_C_25_a_returned_row_is_armed_anew_with_its_reminders():
    policy = DocumentPolicy(reminders={"draft": (1,)})
    story = given(DOCUMENT, by(WORKFLOW, "look", on="03-14"), by(DRAFTER, "agree", "drafter", form=Write(Text("正文")), on="03-17"),
                  sends_back(CHECKER, "draft", on="03-18"), policy=policy)
    assert story.case.open[0].clocks == (Clock("", "draft_term", "workday", 5, moment("03-18")),)
    assert decided(story, when=by(WORKFLOW, "look", on="03-24")) == [ReminderDue(3, "", 1)]


ASKS = by(A, "ask", "a", more=3, opinion=WHY)
ASKED = ExtensionAsked(1, "", 3, WHY)


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], ASKS, [ASKED], id="C-22 at most half of five, rounded up"),
    pytest.param([], by(A, "ask", "a", more=4, opinion=WHY), no("malformed", "C-22", most=3), id="C-22 more than half"),
    pytest.param([], by(A, "ask", "a", more=0, opinion=WHY), no("malformed", "C-22", most=3), id="C-22 nothing"),
    pytest.param([], by(A, "ask", "a", more=1), no("opinion_required", "C-22"), id="C-22 for a reason"),
    pytest.param([], by(B, "ask", "a", more=1, opinion=WHY), no("not_holder", "A-3"), id="C-22 the holder asks"),
    pytest.param([ASKS], ASKS, no("already_acted", "C-23", by="a"), id="C-23 while it is undecided"),
    pytest.param([ASKS, by(CLERK, "extend", more=3)], ASKS, no("target_not_allowed", "C-22"), id="C-22 once"),
    pytest.param([], by(A, "ask", "a", more=3, opinion=WHY, on="03-18"), no("past_deadline", "C-24"), id="C-23 before the due day ends"),
    pytest.param([ASKS], by(CLERK, "extend", more=3), [ExtensionAnswered(1, "", 3)], id="C-23 granted"),
    pytest.param([ASKS], by(CLERK, "extend", more=0), [ExtensionAnswered(1, "", 0)], id="C-23 refused in time: no grace needed"),
    pytest.param([ASKS], by(who("a", "office@B"), "extend", more=3), no("separation", "G-13"), id="G-13 who asks does not grant"),
    pytest.param([ASKS], by(B, "extend", more=3), no("wrong_post", "A-33"), id="C-22 the office grants"),
    pytest.param([], by(CLERK, "extend", more=3, opinion=WHY), [ExtensionAnswered(1, "", 3, 0, WHY)], id="C-22 unasked, for a reason"),
    pytest.param([], by(CLERK, "extend", more=3), no("opinion_required", "C-22"), id="C-22 unasked, without"),
    pytest.param([], by(CLERK, "extend", more=4, opinion=WHY), no("malformed", "C-22", most=3), id="C-22 the office neither"),
    pytest.param([], by(CLERK, "extend", "x", more=3, opinion=WHY), no("malformed", "C-22"), id="C-22 no such clock"),
    pytest.param([], by(CLERK, "extend", more=3, opinion=WHY, visit=7), no("malformed", "C-22"), id="C-22 no such visit"),
])
def test_C_22_C_23_extension(steps, when, then):
    assert decided(given(limited(Stage("x").at_limit, "a"), *steps, policy=TERMS), when=when) == then


@pytest.mark.parametrize(("steps", "open_until"), [
    pytest.param([], "03-17 23:59", id="not asked"),
    pytest.param([by(A, "ask", "a", more=3, opinion=WHY, on="03-17"), by(CLERK, "extend", more=3, on="03-19")], "03-20 23:59",
                 id="granted after the due day, as if on the day of asking"),
    pytest.param([by(A, "ask", "a", more=3, opinion=WHY, on="03-11"), by(CLERK, "extend", more=0, on="03-12")], "03-17 23:59",
                 id="refused in time: the term as it was"),
    pytest.param([by(A, "ask", "a", more=3, opinion=WHY, on="03-17"), by(CLERK, "extend", more=0, on="03-19")], "03-21 23:59",
                 id="refused after the due day: two working days from then"),
    pytest.param([by(A, "ask", "a", more=3, opinion=WHY, on="03-17")], "03-24 23:59",
                 id="not answered in three working days: refused, then two more"),
])
def test_C_23_nothing_happens_at_the_limit_while_it_is_undecided(steps, open_until):
    story = given(limited(lapse, "a"), *steps, policy=TERMS)
    first = moment(open_until)
    assert stands(story, f"{first:%m-%d %H:%M}")["ask"][0] == "a"
    assert stands(story, f"{first.replace(hour=0, minute=0).fromordinal(first.toordinal() + 1):%m-%d %H:%M}") == {"ended": ["lapsed"]}


def test_C_23_an_unanswered_extension_is_the_offices_task():
    assert stands(given(limited(lapse, "a"), ASKS, policy=TERMS)) == {"ask": ["a", "extend:"]}


# -- C-9: served ------------------------------------------------------------------------------------------------------------

NOTIFIED = table(row(seats=seats("a", "b"), rule=ALL, clock=workdays("five", after=SERVED), at_limit=lapse, records=(Record(Say),)))
OPENS = by(A, "receive", on="03-11 10:00")


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], OPENS, [Served(1), ClockArmed(1, Clock("", "five", "workday", 5, moment("03-11 10:00")))], id="C-9 opened: served"),
    pytest.param([], by(WORKFLOW, "look", on="03-14"),
                 [Served(1, presumed=True), ClockArmed(1, Clock("", "five", "workday", 5, moment("03-13 23:59:59.999999")))],
                 id="C-9 not opened: served at the end of the third working day"),
    pytest.param([], by(WORKFLOW, "look", on="03-13 23:59"), [], id="C-9 and not before"),
    pytest.param([OPENS], OPENS, no("already_acted", "C-9"), id="C-9 once"),
    pytest.param([], by(C, "receive"), no("not_holder", "C-9"), id="C-9 by its addressee"),
    pytest.param([], by(A, "record", form=Say("x"), on="03-11 10:00"),
                 [Served(1), ClockArmed(1, Clock("", "five", "workday", 5, moment("03-11 10:00"))), Said("x")], id="C-9 who acts on it has opened it"),
    pytest.param([by(CLERK, "suspend", to="other_case", opinion=WHY)], by(WORKFLOW, "look", on="03-14"),
                 [Served(1, presumed=True), ClockArmed(1, Clock("", "five", "workday", 5, moment("03-13 23:59:59.999999"))), ClockPaused(1, "suspended")],
                 id="C-9 a suspension stops the term, not the service"),
])
def test_C_9_a_paper_is_served_when_opened_or_presumed(steps, when, then):
    assert decided(given(NOTIFIED, *steps, policy=TERMS), when=when) == then


def test_C_9_presumed_after_what_the_policy_says():
    story = given(NOTIFIED, policy=having(TERMS, service_presumed_workdays=1))
    assert plan(NOTIFIED, story.case, story.context(WORKFLOW)).next_at == moment("03-11 23:59:59.999999")


def test_C_9_a_row_without_such_a_paper_is_not_received():
    assert decided(given(TIMED, policy=TERMS), when=by(A, "receive")) == no("already_acted", "C-9")


# -- nobody ---------------------------------------------------------------------------------------------------------

NOBODY = table(Stage("ask", seats=lambda case, policy: (), judges="panel"), row("next", seats=seats("z"), judges="office"))


@pytest.mark.parametrize(("procedure", "steps", "when", "then"), [
    pytest.param(NOBODY, [], by(CLERK, "assign", to="d"), [SeatOpened(1, Seat("office@d", person("d"), stands_for="office"))], id="nobody can hold it"),
    pytest.param(NOBODY, [], by(CLERK, "assign"), no("malformed", "A-43"), id="somebody must be named"),
    pytest.param(NOBODY, [], by(A, "assign", to="d"), no("wrong_post", "A-33"), id="the office assigns"),
    pytest.param(asked(ANY, "a"), [by(A, "decline", "a", opinion=WHY)], by(CLERK, "assign", to="d"),
                 [SeatOpened(1, Seat("a@d", person("d"), stands_for="a"))], id="its last holder has left"),
    pytest.param(asked(ANY, "a"), [], by(CLERK, "assign", "a", to="d"), [SeatOpened(1, Seat("a@d", person("d"), stands_for="a"))],
                 id="beside one who is silent"),
    pytest.param(asked(ANY, "a"), [by(CLERK, "assign", "a", to="d")], by(CLERK, "assign", "a", to="d"), no("already_acted", "A-43"), id="twice"),
    pytest.param(JUDGES, [named("a", "b")], by(CLERK, "assign", "a", to="d"), no("wrong_stage", "A-43"), id="A-10 a full list takes nobody"),
    pytest.param(JUDGES, [named("a")], by(CLERK, "assign", to="a"), no("already_acted", "A-43"), id="A-10 nobody twice"),
])
def test_A_43_assign(procedure, steps, when, then):
    assert decided(given(procedure, *steps, policy=TERMS), when=when) == then


def test_A_43_the_row_is_never_skipped():
    story = given(NOBODY)
    assert stands(story) == {"ask": ["assign"]}
    assert stands(after(after(story, by(CLERK, "assign", to="d")), agrees(D, "office@d"))) == {"next": ["z"]}


def test_G_12_nobody_is_assigned_who_judged_in_another_group():
    two = table(Stage("one", seats=seats("a"), judges="office"), row("two", seats=lambda case, policy: (), judges="panel"))
    story = given(two, agrees(A))
    assert decided(story, when=by(CLERK, "assign", to="a")) == no("separation", "G-12", who="a")
    assert decided(story, when=by(CLERK, "assign", to="b")) == [SeatOpened(2, Seat("office@b", person("b"), stands_for="office"))]


@pytest.mark.parametrize(("who", "seat", "then"), [
    pytest.param(CLERK, "a", [SeatGone(1, "ask", "a", "vacated", reason=WHY)], id="a person's seat"),
    pytest.param(CLERK, "x", no("malformed", "G-14"), id="no such seat"),
    pytest.param(A, "a", no("wrong_post", "A-33"), id="by the office"),
])
def test_G_20_the_office_vacates_a_seat(who, seat, then):
    assert decided(given(asked(ANY, "a")), when=by(who, "vacate", seat, opinion=WHY)) == then


MIXED = table(row(seats=lambda case, policy: (Seat("a", person("a")), Seat("b", person("b")), Seat("x", post("clerk", "S"))), rule=ALL))


@pytest.mark.parametrize(("seat", "then"), [
    pytest.param("b", [SeatGone(1, "ask", "b", "vacated", reason=WHY)], id="a seat that waits"),
    pytest.param("a", no("malformed", "G-14"), id="who has acted keeps it"),
    pytest.param("x", no("malformed", "G-14"), id="a post is not vacated here"),
])
def test_G_14_what_can_be_vacated(seat, then):
    assert decided(given(MIXED, agrees(A)), when=by(CLERK, "vacate", seat, opinion=WHY)) == then


# -- C-32 to C-34: late entry ---------------------------------------------------------------------------------------------

BY_HEAD = (Record(AllowLate, lambda case, policy: (Seat("head", post("head", "B")),)),)
LATE = {"records": BY_HEAD, "rules": {**RULES, AllowLate: allow_late}}
VISIT = table(Stage("visit", seats=seats("a"), form=SayLate, records=(Record(Say),)), row("next", seats=seats("z")), **LATE)
CONSENT = by(HEAD, "record", stage="*", form=AllowLate(date(2025, 3, 12), WHY), on="03-27")


def entered(on: str, at: str, **act: Any) -> Step:
    return by(A, "agree", "a", on=on, at=at, **{"form": SayLate("x"), "opinion": WHY, **act})


@pytest.mark.parametrize(("when", "then"), [
    pytest.param(entered("03-20", "03-12 14:00"), [Said("x"), SeatActed(1, "a", "agree", 2, WHY)], id="C-32 a visit may be entered late"),
    pytest.param(by(A, "record", form=Say("x"), on="03-20", at="03-12", opinion=WHY), no("not_late_able", "C-32"), id="C-32 another kind may not"),
    pytest.param(entered("03-12 14:00", "03-12 14:03"), no("true_at_impossible", "C-33"), id="C-33 not in the future"),
    pytest.param(entered("03-12 14:00", "03-12 14:02"), [Said("x"), SeatActed(1, "a", "agree", 2, WHY)], id="C-33 but for two minutes"),
    pytest.param(entered("03-12", "03-10 08:59"), no("true_at_impossible", "C-33"), id="C-33 not before it could be"),
    pytest.param(entered("03-26 23:59", "03-12"), [Said("x"), SeatActed(1, "a", "agree", 2, WHY)], id="C-34 for ten working days"),
    pytest.param(entered("03-27 00:00", "03-12"), no("not_late_able", "C-34", limit=10), id="C-34 not later without consent"),
    pytest.param(entered("03-20", "03-12", opinion=Text("")), no("opinion_required", "C-34"), id="C-34 for a reason"),
])
def test_C_32_to_C_34_late_entry(when, then):
    got = decided(given(VISIT), when=when)
    assert (got if isinstance(got, Refusal) else got[:2]) == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], CONSENT, [LateAllowed(date(2025, 3, 12), WHY)], id="C-34 the head consents for a day"),
    pytest.param([], by(CLERK, "record", stage="*", form=AllowLate(date(2025, 3, 12), WHY), on="03-27"), no("not_holder", "A-3"), id="C-34 the head, not the office"),
    pytest.param([], by(HEAD, "record", stage="*", form=AllowLate(date(2025, 3, 12), Text("")), on="03-27"), no("opinion_required", "C-34"), id="C-34 for a reason"),
    pytest.param([], by(HEAD, "record", stage="*", form=AllowLate(date(2025, 3, 9), WHY), on="03-27"), no("true_at_impossible", "C-33"), id="C-33 no day before the case"),
    pytest.param([], by(HEAD, "record", stage="*", form=AllowLate(date(2025, 3, 27), WHY), on="03-27"), no("true_at_impossible", "C-33"), id="C-33 no day that is not over"),
    pytest.param([CONSENT], CONSENT, no("already_acted", "C-34"), id="C-34 once a day"),
    pytest.param([CONSENT], entered("03-28", "03-12"), [Said("x"), SeatActed(1, "a", "agree", 3, WHY)], id="C-34 then it is taken"),
    pytest.param([CONSENT], entered("03-31", "03-13"), no("not_late_able", "C-34", limit=10), id="C-34 of that day only"),
    pytest.param([by(who("a", "head@B"), "record", stage="*", form=AllowLate(date(2025, 3, 12), WHY), on="03-27")], entered("03-28", "03-12"),
                 no("separation", "C-34"), id="C-34 nobody consents to their own"),
])
def test_C_34_after_the_limit_with_the_heads_consent(steps, when, then):
    got = decided(given(VISIT, *steps), when=when)
    assert (got if isinstance(got, Refusal) else got[:2]) == then


@pytest.mark.parametrize(("on", "rules"), [
    pytest.param("03-26 23:59", {""}, id="within the limit: it counts"),
    pytest.param("03-28", {"C-34"}, id="after it: on record, and marked so that no published count takes it"),
])
def test_C_34_what_came_after_the_limit_is_marked(on, rules):
    told = after(given(VISIT, *[having(CONSENT, on="03-26")]), entered(on, "03-12"))
    assert {e.rule for e in told.entries if isinstance(e.event, Said | SeatActed)} == rules


@pytest.mark.parametrize(("policy", "files", "then"), [
    pytest.param(TERMS, (), None, id="where the policy asks for none"),
    pytest.param(having(TERMS, late_papers=frozenset(["say_late"])), (), no("attachment_required", "C-34", paper="say_late"), id="where it asks, none is refused"),
    pytest.param(having(TERMS, late_papers=frozenset(["say_late"])), ("f00",), None, id="with the paper"),
    pytest.param(having(TERMS, late_papers=frozenset(["say"])), (), None, id="another kind"),
])
def test_C_34_a_paper_where_the_policy_says(policy, files, then):
    got = after(given(VISIT, policy=policy), entered("03-20", "03-12", files=files))
    assert (got if isinstance(got, Refusal) else None) == then


def test_C_34_a_record_keeps_why_it_comes_late_and_its_paper():
    desk = table(row(seats=seats("a"), records=(Record(SayLate),)), **LATE)
    late = by(A, "record", form=SayLate("x"), on="03-20", at="03-12", opinion=WHY, files=("f00",))
    assert decided(given(desk), when=late) == [EnteredLate(1, WHY, ("f00",)), Said("x")]
    assert decided(given(desk), when=by(A, "record", form=SayLate("x"), on="03-20")) == [Said("x")]


@pytest.mark.parametrize(("on", "rule"), [
    pytest.param("03-21", "", id="within the limit"),
    pytest.param("03-28", "C-34", id="confirmed after it: marked, and in no count that was published before"),
])
def test_C_35_G_13_what_a_second_person_confirms_counts_from_when_it_was_true(on, rule):
    """The confirmation itself is of its own day (A-51)."""
    met = []
    rules = {**LATE["rules"], SayLate: lambda case, visit, form, context: met.append(context.now) or [Said("x")]}
    desk = table(row(seats=seats("a"), records=(Record(SayLate, second=seats("b")),)), **{**LATE, "rules": rules})
    true_at = moment("03-12 14:00")
    story = given(desk, by(A, "record", form=SayLate("x"), on="03-20", at="03-12 14:00", opinion=WHY, files=("f00",)))
    assert story.events == [EnteredLate(1, WHY, ("f00",)), FactProposed(SayLate("x"), visit=1, at=true_at)]
    number = story.case.proposed[0].no
    told = after(story, by(B, "second", str(number), on=on, stage="*"))
    assert [(e.event, e.at, e.rule) for e in told.entries] == [
        (Said("x"), true_at, rule), (ProposalClosed(number), moment(on), "")]
    assert met == [true_at, true_at]


def handed_in(at: str, on: str = "03-17 23:00") -> Step:
    """On the last of five working days from Monday 10 March."""
    return entered(on, at)


@pytest.mark.parametrize(("at_limit", "policy", "when", "then"), [
    pytest.param(lapse, TERMS, handed_in("03-17 17:30"), None, id="C-15 until the counter closes"),
    pytest.param(lapse, TERMS, handed_in("03-17 17:31"), no("past_deadline", "C-15", counter="17:30"), id="C-15 not after it"),
    pytest.param(lapse, TERMS, handed_in("03-14 22:00"), None, id="C-15 on another day any hour does"),
    pytest.param(lapse, TERMS, by(A, "agree", "a", form=SayLate("x"), on="03-17 23:59"), None, id="C-15 through the portal until 24:00"),
    pytest.param(lapse, having(TERMS, counter_close=time(18)), handed_in("03-17 17:31"), None, id="C-15 the hour is the policy's"),
    pytest.param(Stage("x").at_limit, TERMS, handed_in("03-17 17:31"), None, id="C-15 where only reminders follow nothing is missed"),
])
def test_C_15_the_counter_closes_before_the_day_ends(at_limit, policy, when, then):
    rows = table(Stage("visit", seats=seats("a"), form=SayLate, clock=workdays("five"), at_limit=at_limit), row("next", seats=seats("z")), **LATE)
    got = after(given(rows, policy=policy), when)
    assert (got if isinstance(got, Refusal) else None) == then


def test_C_35_it_counts_from_when_it_was_true_and_what_it_starts_from_when_it_was_known():
    told = after(given(VISIT), entered("03-20", "03-12 14:00"))
    assert [f"{e.at:%m-%d %H:%M}" for e in told.entries] == ["03-12 14:00", "03-12 14:00", "03-20 09:00", "03-20 09:00"]


def test_C_33_the_rule_of_a_late_fact_is_asked_as_of_when_it_was_true():
    met = []
    rules = {SayLate: lambda case, visit, form, context: met.append(context.now) or [Said("x")], Say: None, Name: None}
    decided(given(table(row(seats=seats("a"), form=SayLate), rules=rules)), when=entered("03-20", "03-12 14:00"))
    assert met == [moment("03-12 14:00")]


# -- G-12, G-13, G-15, G-18: separation and recusal -----------------------------------------------------------------------

TWO_GROUPS = table(Stage("office", seats=seats("a", "b"), judges="office"), Stage("office too", seats=seats("a", "b"), judges="office"),
                   row("panel", seats=seats("a", "b", "c"), judges="panel"))


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([agrees(A)], agrees(A), {"panel": ["a", "b", "c"]}, id="twice in one group"),
    pytest.param([agrees(A), agrees(B)], agrees(A), no("separation", "G-12", who="a"), id="then in another"),
    pytest.param([agrees(A), agrees(B)], agrees(C), {"ended": ["passed"]}, id="somebody fresh"),
    pytest.param([agrees(A), agrees(B)], agrees(who("x", behind=A), "a"), no("separation", "G-12", who="a"), id="nor by a substitute"),
    pytest.param([agrees(who("x", behind=A), "a"), agrees(B)], agrees(A), no("separation", "G-12", who="a"), id="nor after one acted for them"),
])
def test_G_12_one_judging_group_a_person(steps, when, then):
    got = after(given(TWO_GROUPS, *steps), when)
    assert (got if isinstance(got, Refusal) else stands(got)) == then


PAIR = table(Stage("write", seats=seats("a", "b")), row("sign", seats=seats("a", "b", "c"), not_by=("write",), returns=("write",)))


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([agrees(A)], agrees(A), no("separation", "G-13", who="a"), id="author and signer"),
    pytest.param([agrees(A)], agrees(B), {"ended": ["passed"]}, id="two persons"),
    pytest.param([agrees(A), by(C, "return", "c", to="write", opinion=WHY)], agrees(A), {"sign": ["a", "b", "c"]}, id="the author again"),
    pytest.param([agrees(A), by(B, "return", "b", to="write", opinion=WHY)], agrees(B), no("separation", "G-13", who="b"), id="nor the other way round"),
    pytest.param([agrees(A)], agrees(who("x", behind=A), "a"), no("separation", "G-13", who="a"), id="nor in the author's name"),
])
def test_G_13_two_persons_in_either_order(steps, when, then):
    got = after(given(PAIR, *steps), when)
    assert (got if isinstance(got, Refusal) else stands(got)) == then


def test_G_13_one_person_holds_one_seat_of_a_row():
    two = who("x", "principal@S", "clerk@S")
    pair = table(row(seats=lambda case, policy: (Seat("one", post("principal", "S")), Seat("two", post("clerk", "S"))), rule=ALL))
    assert decided(given(pair, agrees(two, "one")), when=agrees(two, "two")) == no("separation", "G-13", who="x")


def test_G_13_nor_claims_two():
    pair = table(row(seats=lambda case, policy: tuple(Seat(k, pool("expert", "P")) for k in ("one", "two")), rule=ALL))
    assert decided(given(pair, by(P1, "claim", "one")), when=by(P1, "claim", "two")) == no("separation", "G-13", who="p1")


@pytest.mark.parametrize(("who", "then"), [
    pytest.param(who("a", ties=("S",)), no("own_case", "G-15"), id="tied to the subject"),
    pytest.param(who("a", ties=("S2",)), {"ended": ["passed"]}, id="tied to another"),
    pytest.param(who("x", behind=A, ties=("S",)), no("own_case", "G-15"), id="the substitute or the principal behind"),
])
def test_G_15_nobody_judges_their_own(who, then):
    got = after(given(asked(ANY, "a")), agrees(who, "a"))
    assert (got if isinstance(got, Refusal) else stands(got)) == then


def test_G_15_the_subjects_own_people_act_for_it():
    own = table(row(seats=lambda case, policy: (Seat("principal", post("principal", case.subject)),)))
    assert stands(after(given(own), agrees(who("x", "principal@S", ties=("S",)), "principal"))) == {"ended": ["passed"]}


def test_G_15_it_is_checked_at_the_claim_too():
    assert decided(given(POOL), when=by(who("p1", "expert@P", ties=("S",)), "claim", "desk")) == no("own_case", "G-15")


@pytest.mark.parametrize(("when", "then"), [
    pytest.param(by(A, "decline", "a", opinion=WHY), [SeatGone(1, "ask", "a", "declined", "judges", WHY),
                                                      SeatOpened(1, Seat("c", person("c")), Clock("c", "five", "workday", 5, moment("03-10")))],
                 id="the seat is vacant at once, the reserve steps in"),
    pytest.param(by(A, "decline", "a"), no("opinion_required", "G-18"), id="for a reason"),
    pytest.param(by(B, "decline", "a", opinion=WHY), no("not_holder", "A-3"), id="nobody else's"),
])
def test_G_18_declared(when, then):
    assert decided(given(JUDGES, named("a", "b", reserve=("c",)), policy=TERMS), when=when) == then


def test_G_18_at_any_time_before_the_act():
    story = given(JUDGES, named("a", "b", reserve=("c",)), agrees(A), policy=TERMS)
    assert decided(story, when=by(A, "decline", "a", opinion=WHY)) == no("already_acted", "A-14")


def test_G_23_a_substitute_acts_with_both_names():
    told = after(given(asked(ANY, "a")), agrees(who("x", behind=A), "a"))
    assert told.events[0] == SeatActed(1, "a", "agree", 2, behind="a")
    assert (told.entries[0].by, told.entries[0].behind) == ("x", "a")


# -- what is offered -------------------------------------------------------------------------------------------------------


def test_A_3_what_is_offered_is_what_would_be_accepted():
    """The page maps `why_not` over the verbs: the same answer before and after pressing."""
    story = document(WRITTEN)
    for somebody in (DRAFTER, CHECKER, LEADER, REGISTRY, A):
        for offer in offers(story.procedure, story.case, story.context(somebody)):
            got = decided(story, when=by(somebody, offer.verb, offer.seat, visit=offer.visit, stage="*",
                                         to=next(iter(offer.targets), ""), opinion=WHY))
            assert (got == offer.refusal) if offer.refusal else (not isinstance(got, Refusal) or got.code == "malformed"), offer


def test_A_5_the_act_that_opens_a_case_is_refused_with_it():
    closed = table(row(), may_open=(lambda case, context: no("past_deadline", "R-5"),))
    assert opened(closed) == no("past_deadline", "R-5")
    assert opened(table(row(seats=seats("a"))), act=Act("agree", 1, "a")) == no("not_holder", "A-3")


def test_G_8_the_post_used_is_recorded():
    told = after(given(table(row(seats=lambda case, policy: (Seat("x", Holder("clerk", "S")),)))), agrees(who("x", "clerk@S", "other@S"), "x"))
    assert told.entries[0].post == "clerk@S"


def test_A_1_a_row_that_no_longer_applies_is_left_as_moot():
    when = table(Stage("one", seats=seats("a"), when=lambda case, policy: not heard("stop")(case, policy), records=(Record(Say),)),
                 row("two", seats=seats("b")))
    story = given(when, by(A, "record", form=Say("stop")))
    assert story.events == [Said("stop"), StageClosed(1, "moot", "two"), StageOpened(2, "two", "", (Seat("b", person("b")),))]


def test_C_11_an_extension_of_days_is_moved_once_at_its_end():
    """K-31 through an extension: 30 days from Mon 1 Sep would end in the holiday."""
    month = table(row(seats=seats("a"), clock=days("thirty"), at_limit=lapse))
    story = given(month, by(A, "ask", "a", more=15, opinion=WHY, on="2025-09-10"), by(CLERK, "extend", more=15, on="2025-09-11"),
                  on="2025-09-01", policy=TERMS)
    assert (stands(story, "2025-10-16 23:59"), stands(story, "2025-10-17 00:00")) == ({"ask": ["a"]}, {"ended": ["lapsed"]})
