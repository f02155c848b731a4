"""补录在期限内 (C-35): a deadline met in truth but entered late counts as met; what its limit did is undone by a new fact."""
from __future__ import annotations

from typing import Any

import pytest

from domain.kernel.events import Event, LimitUndone, SeatGone, StageClosed
from domain.kernel.refusal import Refusal, no
from domain.kernel.rosters import Roster
from domain.kernel.seats import ALL, ANY
from domain.kernel.stages import (
    Duty,
    Procedure,
    Record,
    Stage,
    escalate,
    go_on,
    lapse,
    remind,
    roster,
    vacate,
    workdays,
)
from domain.kernel.values import Text

from .story import (
    CLERK,
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
    row,
    seats,
    stands,
    table,
    who,
)
from .test_rules import TERMS

A, B, C, D, Z = (who(x) for x in "abcdz")
WHY = Text("山里没有网络")
LOOKED = by(WORKFLOW, "look", on="03-18", stage="*")


def late(who: Who = A, seat: str = "", *, at: str = "03-12 14:00", on: str = "03-20", **act: Any) -> Step:
    """True on the second of five working days from Monday 10 March, entered after they were over (on the 17th)."""
    return by(who, "agree", seat or who.id, on=on, at=at, **{"form": SayLate("x"), "opinion": WHY, "visit": 1, **act})


def now(who: Who, seat: str = "", on: str = "03-19") -> Step:
    return by(who, "agree", seat or who.id, form=SayLate("y"), on=on)


def visit(at_limit: Any, *keys: str, **words: Any) -> Procedure:
    """A row of five working days with that limit, then one of z."""
    return table(Stage("visit", **{"seats": seats(*keys), "rule": ALL, "form": SayLate, "clock": workdays("five"),
                                   "at_limit": at_limit, **words}), row("next", seats=seats("z"), records=(Record(Say),)))


LISTED = visit(vacate, seats=roster("judges"), clock=None, seat_clock=workdays("five"), duties=(
    Duty("name", Name, while_=lambda case, policy: len(case.roster("judges").members) < 2),))
TO_SUPERIOR = escalate("leader", "BUREAU")
NAMED = by(CLERK, "assign", "a", to="d", on="03-18")


def named(members: str, reserve: str = "", **act: Any) -> Step:
    return by(WORKFLOW, "do", duty="name", form=Name(tuple(members), tuple(reserve)), **act)


def over(procedure: Procedure, *before: Step, since: tuple[Step, ...] = ()) -> Story:
    """After its limit has acted, with the steps before and since."""
    return given(procedure, *before, LOOKED, *since, policy=TERMS)


def undone(story: Story, when: Step) -> list[Event] | Refusal:
    """What the act leaves before what it leaves itself."""
    told = after(story, when)
    if isinstance(told, Refusal):
        return told
    before = told.entries[:next(i for i, e in enumerate(told.entries) if isinstance(e.event, Said))]
    assert {e.at for e in before} <= {told.now}
    assert {e.rule for e in before if isinstance(e.event, LimitUndone)} <= {"C-35"}
    return [e.event for e in before]


# -- the row is still open ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("story", "when", "then"), [
    pytest.param(over(visit(remind, "a")), late(), [LimitUndone(1, "")], id="only reminded: the clock counts as met"),
    pytest.param(over(visit(remind, "a")), late(at="03-18 08:00"), [], id="true after it: it does not"),
    pytest.param(over(visit(remind, "a")), now(A), [], id="nor where it is not entered late"),
    pytest.param(over(visit(remind, "a")), late(at="03-17 17:31"), [], id="C-15 the counter had closed on the last day"),
    pytest.param(over(visit(remind, "a")), late(at="03-17 17:30"), [LimitUndone(1, "")], id="C-15 it had not"),
    pytest.param(over(visit(TO_SUPERIOR, "a", "b")), late(), [LimitUndone(1, ""), SeatGone(1, "visit", "a^", "not_asked")],
                 id="escalated: the superior's seat goes, beside b it stays"),
    pytest.param(over(visit(TO_SUPERIOR, "a", rule=ANY), by(CLERK, "assign", "a", to="d", on="03-11")), late(),
                 [LimitUndone(1, ""), SeatGone(1, "visit", "a^", "not_asked")], id="whom the office named before it stays, too"),
    pytest.param(over(visit(vacate, "a", "b")), late(), [LimitUndone(1, "", "a")], id="vacated: the seat stands again"),
    pytest.param(over(visit(vacate, "a", "b"), since=(NAMED,)), late(), [LimitUndone(1, "", "a"), SeatGone(1, "visit", "a@d", "not_asked")],
                 id="whom the office named instead has not acted"),
    pytest.param(over(LISTED, named("ab", "cd")), late(), [LimitUndone(1, "a", "a", "judges"), SeatGone(1, "visit", "c", "not_asked")],
                 id="vacated: the reserve who stepped in steps back"),
    pytest.param(over(LISTED, named("ab", "cd"), since=(now(D),)), late(), [LimitUndone(1, "a", "a", "judges"), SeatGone(1, "visit", "c", "not_asked")],
                 id="who acted for the other keeps the seat"),
    pytest.param(over(LISTED, named("ab", "cd"), since=(now(C),)), late(), no("past_deadline", "C-24"), id="somebody has acted in their stead"),
    pytest.param(over(visit(vacate, "a", "b"), since=(NAMED, now(D, "a@d"))), late(), no("past_deadline", "C-24"), id="or was named and has"),
    pytest.param(over(visit(vacate, "a", "b")), late(at="03-18 08:00"), no("past_deadline", "C-24"), id="vacated, and true after it"),
    pytest.param(over(visit(vacate, "a", "b")), late(opinion=Text("")), no("opinion_required", "C-34"), id="C-34 for a reason"),
    pytest.param(over(visit(vacate, "a", "b")), late(B, "a"), no("not_holder", "A-3"), id="of whoever had the seat"),
    pytest.param(over(visit(vacate, "a", "b", form=Say)), late(form=Say("x")), no("past_deadline", "C-24"), id="C-32 a kind that may come late"),
])
def test_C_35_what_the_limit_did_is_undone(story, when, then):
    assert undone(story, when) == then


def test_C_35_the_list_and_the_places_are_as_they_were():
    told = after(over(LISTED, named("ab", "c")), late(B))
    assert (told.case.roster("judges").members, told.case.roster("judges").reserve) == (("b", "c"), ())
    told = after(told, late(A, on="03-21"))
    assert (told.case.roster("judges").members, told.case.roster("judges").reserve) == (("a", "b"), ("c",))
    assert stands(told) == {"next": ["z"]}


@pytest.mark.parametrize(("lost", "back", "then"), [
    pytest.param("a", "a", ("abc", "de"), id="the reserve steps back"),
    pytest.param("ab", "a", ("ace", "d"), id="of two, each into their own"),
    pytest.param("ad", "a", ("abc", "e"), id="whoever came after who came instead"),
    pytest.param("abc", "b", ("bde", ""), id="into the place of another that is empty"),
    pytest.param("adeb", "a", ("ac", ""), id="nobody has it now: there it is"),
])
def test_C_35_A_10_a_place_on_a_list(lost, back, then):
    roster = Roster(tuple("abc"), tuple("de"))
    for one in lost:
        roster = roster.without(one, "ran_out")
    assert ("".join(roster.back(back).members), "".join(roster.back(back).reserve)) == then


def test_C_35_who_was_drawn_later_has_the_place_of_who_left():
    roster = Roster(("a", "b")).without("a", "ran_out").joined(("c", "d"), ())
    assert (roster.instead("a"), roster.back("a").members, roster.back("a").reserve) == ("c", ("a", "b", "d"), ("c",))


def test_C_35_it_does_not_run_out_again_and_is_undone_once():
    """Of the two who were in time the second finds it undone; nobody is reminded of what is met."""
    story = given(visit(remind, "a", "b", "c"), LOOKED, late(), late(B, on="03-21"), policy=TERMS)
    assert not any(isinstance(e, LimitUndone) for e in story.events)
    assert decided(story, by(WORKFLOW, "look", on="2025-06-30", stage="*")) == []
    assert stands(story) == {"visit": ["c"]}


# -- the limit closed the row --------------------------------------------------------------------------------------------


def test_C_35_the_row_that_the_limit_closed_is_opened_again_and_the_act_taken():
    """What others had said there in time is kept; the clock is the same, and met."""
    story = over(visit(go_on, "a", "b"), now(B, on="03-11"))
    told = after(story, late())
    assert [(type(e.event).__name__, f"{e.at:%m-%d}") for e in told.entries] == [
        ("LimitUndone", "03-20"), ("StageClosed", "03-20"), ("StageOpened", "03-20"), ("Said", "03-12"), ("SeatActed", "03-12"),
        ("StageClosed", "03-20"), ("StageOpened", "03-20")]
    assert told.events[1] == StageClosed(2, "taken_back", "visit")
    assert [s.acted.by if s.acted else "" for s in told.events[2].seats] == ["", "b"]
    assert (told.events[4].visit, stands(told)) == (3, {"next": ["z"]})
    assert [(p.stage, p.outcome, p.too_late) for p in told.case.past] == [
        ("visit", "passed", True), ("next", "taken_back", False), ("visit", "passed", False)]


@pytest.mark.parametrize(("story", "when", "then"), [
    pytest.param(over(visit(go_on, "a"), since=(by(Z, "record", form=Say("y"), on="03-19"),)), late(), no("past_deadline", "C-24"),
                 id="somebody has recorded something since"),
    pytest.param(over(visit(go_on, "a")), late(at="03-18 08:00"), no("past_deadline", "C-24"), id="true after it"),
    pytest.param(over(visit(go_on, "a")), late(at="03-10 08:00"), no("true_at_impossible", "C-33"), id="C-33 true before the row first opened"),
    pytest.param(over(visit(go_on, "a")), late(B, "a"), no("not_holder", "A-3"), id="by somebody else"),
    pytest.param(over(visit(lapse, "a")), late(), no("past_deadline", "C-24"), id="a case that lapsed stays as it is"),
    pytest.param(over(visit(go_on, "a", "b"), now(B, on="03-11")), by(B, "take_back", "b", on="03-18", visit=1), no("past_deadline", "C-24"),
                 id="A-21 what the limit closed is not taken back"),
])
def test_C_35_a_row_that_is_not_opened_again(story, when, then):
    assert decided(story, when) == then
