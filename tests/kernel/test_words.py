"""The words of a table that only some families use: lines, first days, ladders, second persons, children, money, gates."""
from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from domain.kernel.acts import Act
from domain.kernel.calendar import end_of
from domain.kernel.case import Case, Tally, Visit
from domain.kernel.clock import Clock, workdays_after
from domain.kernel.events import (
    CaseEnded,
    CaseOpened,
    CaseResumed,
    ChildStands,
    ClockArmed,
    ClockPaused,
    ClockRanOut,
    ClockResumed,
    DutyDone,
    DutyFailed,
    DutyRetried,
    Event,
    FactProposed,
    ProposalClosed,
    RungTaken,
    SeatGone,
    SeatOpened,
    StageClosed,
    StageOpened,
    StageSkipped,
)
from domain.kernel.gates import next_number, number_gate, shown, turns
from domain.kernel.money import Transfer, overdrawn, taken_from
from domain.kernel.plan import Owed, plan
from domain.kernel.refusal import Refusal, no
from domain.kernel.rosters import Candidate, Roster, draw
from domain.kernel.seats import Seat, person
from domain.kernel.stages import (
    Close,
    Context,
    Duty,
    End,
    Gates,
    Policy,
    Record,
    Stage,
    go_on,
    go_to,
    lapse,
    leads,
    sweep,
    tell,
    told,
    until,
    workdays,
)
from domain.kernel.values import Text, having

from .story import (
    CLERK,
    HEAD,
    RULES,
    WORKFLOW,
    Said,
    Say,
    Step,
    Story,
    after,
    by,
    decided,
    fact,
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

A, B, C = who("a"), who("b"), who("c")
WHY = Text("理由")


class Terms(Policy):
    five: int = 5
    three: int = 3
    first_day: datetime = moment("03-20 00:00")


TERMS = Terms()


def agrees(who: Any, seat: str = "", **act: Any) -> Step:
    return by(who, "agree", seat or who.id, **act)


def says(who: Any, word: str, **act: Any) -> Step:
    return by(who, "record", form=Say(word), **act)


def owed(story: Story) -> list[str]:
    return [f"{d.stage}/{d.duty}/{d.nth}" for d in plan(story.procedure, story.case, story.context(WORKFLOW)).duties]


# -- beside: lines -----------------------------------------------------------------------------------------------------


def lines(case: Case, policy: Any) -> list[str]:
    """A word in capitals is a line until it is said again in small, but not while it is being checked."""
    words = case.facts.words
    return [w for w in words if w.isupper() and w.lower() not in words and not case.on(w).at("check")]


def mended(case: Case, visit: Visit, form: Say, context: Context) -> list[Event]:
    return [Said(case.line.lower())]


@fact
class Mend:
    pass


LINES = table(
    Stage("notice", seats=seats("a"), records=(Record(Say),), to=End("closed")),
    Stage("mend", beside=lines, seats=seats("b"), clock=workdays("five"), still=heard("defence"), to="check"),
    Stage("check", seats=seats("c"), form=Mend, not_by=("mend",), refused="mend", aside=True, to=End("mended")),
    rules={**RULES, Mend: mended})
FOUND = [says(A, "X"), says(A, "Y")]


def test_beside_a_row_is_open_for_each_line_that_it_names():
    story = given(LINES, *FOUND, policy=TERMS)
    assert stands(story) == {"notice": ["a"], "mend/X": ["b"], "mend/Y": ["b"]}
    assert [e for e in story.events if not isinstance(e, Said)] == [
        StageOpened(3, "mend", "Y", (Seat("b", person("b")),), (Clock("", "five", "workday", 5, story.now),))]


@pytest.mark.parametrize(("steps", "then"), [
    pytest.param([agrees(B, line="X")], {"notice": ["a"], "mend/Y": ["b"], "check/X": ["c"]}, id="a line goes on by itself"),
    pytest.param([agrees(B, line="X"), by(C, "refuse", "c", opinion=WHY)], {"notice": ["a"], "mend/Y": ["b"], "mend/X": ["b"]},
                 id="and comes back by itself"),
    pytest.param([agrees(B, line="X"), agrees(C, form=Mend())], {"notice": ["a"], "mend/Y": ["b"]}, id="and ends by itself"),
    pytest.param([says(A, "x", stage="notice")], {"notice": ["a"], "mend/Y": ["b"]}, id="no longer named: left as moot"),
    pytest.param([agrees(A)], {"mend/X": ["b"], "mend/Y": ["b"]}, id="the main line ends and the others go on"),
    pytest.param([agrees(A), agrees(B, line="Y"), agrees(C, form=Mend()), agrees(B, line="X"), agrees(C, form=Mend())], {"ended": ["closed"]},
                 id="the case ends with the last, as the main line did"),
])
def test_beside_each_line_has_a_life_of_its_own(steps, then):
    assert stands(given(LINES, *FOUND, *steps, policy=TERMS)) == then


def test_beside_a_rule_sees_the_case_with_the_eyes_of_its_line():
    story = given(LINES, *FOUND, agrees(B, line="Y"), policy=TERMS)
    assert decided(story, when=agrees(C, form=Mend()))[:1] == [Said("y")]


def test_G_13_pairs_are_looked_for_on_the_line_at_hand():
    """Who mended X may check Y; who mended Y may not."""
    both = table(*(having(s, seats=seats("b", "c")) if s.name in ("mend", "check") else s for s in LINES.stages), rules=LINES.rules)
    story = given(both, *FOUND, agrees(B, line="X"), agrees(C, "c", line="Y"), policy=TERMS)
    assert decided(story, when=agrees(B, line="X", stage="check", form=Mend())) == no("separation", "G-13", who="b")
    assert decided(story, when=agrees(B, line="Y", stage="check", form=Mend()))[:1] == [Said("y")]


def test_still_the_lines_clock_stands_still_while_that_holds():
    """Five working days from Mon 10: Wed 12 to Fri 14 do not count (C-20), so 11, 17, 18, 19, 20."""
    story = given(LINES, says(A, "X"), says(A, "defence", stage="notice", on="03-12"), policy=TERMS)
    assert story.events == [Said("defence"), ClockPaused(2, "still")]
    assert plan(LINES, story.case, story.context(WORKFLOW)).clocks[0].due is None
    undone = having(story, case=having(story.case, facts=having(story.case.facts, words=("X",))), now=moment("03-14"))
    told_ = after(undone, by(WORKFLOW, "look"))
    assert told_.events == [ClockResumed(2)]
    assert plan(LINES, told_.case, told_.context(WORKFLOW)).clocks[0].due == end_of(moment("03-20").date())


# -- begins ------------------------------------------------------------------------------------------------------------

BEGINS = table(Stage("plan", seats=seats("a")),
               row("month", begins=until("first_day"), seats=seats("b"), clock=workdays("three"), at_limit=lapse, records=(Record(Say),),
                   duties=(Duty("publish"),)))
PUBLISHED = by(WORKFLOW, "do", duty="publish", on="03-20 08:00")


def test_begins_until_that_day_the_row_is_only_announced():
    story = given(BEGINS, agrees(A), policy=TERMS)
    assert story.events[-1] == StageOpened(2, "month", "", (), (Clock("begins", "first_day", "until", 0, moment("03-20 00:00")),))
    assert (stands(story), owed(story)) == ({"month": []}, [])
    for step in (says(B, "x", on="03-19"), by(WORKFLOW, "do", duty="publish", on="03-19")):
        assert decided(story, when=step) == no("wrong_stage", "A-3")


def test_begins_then_duties_seats_and_clock_start():
    story = given(BEGINS, agrees(A), policy=TERMS)
    begun = after(story, by(WORKFLOW, "look", on="03-20 08:00"))
    assert begun.events == [ClockRanOut(2, "begins"), ClockArmed(2, Clock("", "three", "workday", 3, moment("03-20 00:00")))]
    assert (stands(begun), owed(begun)) == ({"month": []}, ["month/publish/0"])
    published = after(begun, PUBLISHED)
    assert published.events == [DutyDone(2, "publish"), SeatOpened(2, Seat("b", person("b")))]
    assert (stands(published), stands(published, "03-26 00:00")) == ({"month": ["b"]}, {"ended": ["lapsed"]})


def test_begins_at_the_earliest_on_the_day_after_the_row_before_it():
    late = given(BEGINS, agrees(A, on="03-25 10:00"), policy=TERMS)
    assert late.case.open[0].clocks[0].start == moment("03-26 00:00")
    on_time = given(BEGINS, agrees(A, on="03-20 00:00"), policy=TERMS)      # 24:00 of the 19th
    assert on_time.case.open[0].clocks[0].start == moment("03-20 00:00")


# -- ladder ------------------------------------------------------------------------------------------------------------


def rungs(case: Case, policy: Any, calendar: Any) -> list[tuple[datetime, str]]:
    return [(workdays_after(case.opened_at, n, calendar), f"rung/{n}") for n in (2, 4, 8)]


LADDER = table(row("mend", seats=seats("a"), clock=workdays("five"), at_limit=lapse, ladder=rungs,
                   records=(Record(Say),)))


def test_ladder_each_rung_is_taken_once_at_its_moment():
    told_ = after(given(LADDER, policy=TERMS), by(WORKFLOW, "look", on="03-15"))
    assert [(e.event, f"{e.at:%m-%d}") for e in told_.entries] == [(RungTaken(1, "rung/2"), "03-12"), (RungTaken(1, "rung/4"), "03-14")]
    assert told_.case.rungs == {"rung/2", "rung/4"}
    assert decided(told_, when=by(WORKFLOW, "look", on="03-16")) == []


def test_ladder_a_rung_goes_before_a_clock_of_the_same_moment():
    one = table(row("mend", seats=seats("a"), clock=workdays("five"), at_limit=lapse,
                    ladder=lambda case, policy, calendar: [(workdays_after(case.opened_at, 5, calendar), "r")]))
    assert decided(given(one, policy=TERMS), when=by(WORKFLOW, "look", on="03-20"))[:2] == [RungTaken(1, "r"), ClockRanOut(1, "")]


def test_ladder_a_rung_whose_moment_has_passed_is_taken_when_the_row_opens():
    late = table(Stage("first", seats=seats("b")), *LADDER.stages)
    told_ = after(given(late, policy=TERMS), agrees(B, on="03-13"))
    assert [(e.event, e.at) for e in told_.entries if isinstance(e.event, RungTaken)] == [(RungTaken(2, "rung/2"), moment("03-13"))]


def test_ladder_nothing_is_taken_of_a_suspended_case():
    held = given(LADDER, by(CLERK, "suspend", to="other_case", opinion=WHY), policy=TERMS)
    assert decided(held, when=by(WORKFLOW, "look", on="03-20")) == []
    assert [type(e) for e in decided(held, when=by(CLERK, "resume", on="03-13"))] == [CaseResumed, ClockResumed, RungTaken]


# -- records and second persons -----------------------------------------------------------------------------------------

SECOND = table(row("desk", seats=seats("a"), records=(Record(Say, second=seats("b", "c")),)), row("after", seats=seats("b")))
PAID = says(A, "paid")


def second(who: Any, no_: int = 3, verb: str = "second") -> Step:
    return by(who, verb, str(no_), stage="*")


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], PAID, [FactProposed(Say("paid"), visit=1)], id="proposed by one"),
    pytest.param([], says(A, ""), no("malformed", "A-3"), id="what cannot be is not proposed"),
    pytest.param([], says(C, "paid"), no("not_holder", "A-3"), id="by whoever may"),
    pytest.param([PAID], second(B), [Said("paid"), ProposalClosed(3)], id="confirmed by another"),
    pytest.param([PAID], second(A), no("separation", "G-13"), id="not by the same"),
    pytest.param([PAID], second(who("x", behind=A)), no("separation", "G-13"), id="nor in their name"),
    pytest.param([PAID], second(HEAD), no("wrong_post", "G-13"), id="by one of these"),
    pytest.param([PAID], second(who("b", ties=("S",))), no("own_case", "G-15"), id="G-15 not by who is tied"),
    pytest.param([PAID], second(A, verb="drop"), [ProposalClosed(3)], id="dropped by the first"),
    pytest.param([PAID], second(C, verb="drop"), [ProposalClosed(3)], id="or by the second"),
    pytest.param([PAID], second(HEAD, verb="drop"), no("wrong_post", "G-13"), id="by nobody else"),
    pytest.param([PAID, second(B)], second(C), no("task_closed", "G-13"), id="once"),
    pytest.param([PAID, by(CLERK, "suspend", to="other_case", opinion=WHY)], second(B), no("suspended", "A-33"), id="A-33 not while suspended"),
])
def test_G_13_a_fact_that_needs_a_second_person(steps, when, then):
    assert decided(given(SECOND, *steps), when=when) == then


def test_G_13_a_substitute_does_not_propose_what_the_principal_confirms():
    both = table(row("desk", seats=seats("a"), records=(Record(Say, second=seats("a", "b")),)))
    story = given(both, says(who("x", behind=A), "paid"))
    assert decided(story, when=second(A)) == no("separation", "G-13")
    assert decided(story, when=second(B)) == [Said("paid"), ProposalClosed(3)]


def test_G_13_it_is_the_second_persons_task():
    """Of each who may: the inbox keeps one line a key."""
    story = given(SECOND, PAID)
    assert stands(story) == {"desk": ["a"], "": ["second:3", "second:3"]}
    tasks = plan(SECOND, story.case, story.context(WORKFLOW)).tasks
    assert [(t.key, t.holder) for t in tasks] == [("1/a", person("a")), ("0/second:3/person@b", person("b")), ("0/second:3/person@c", person("c"))]


def test_G_13_a_proposal_of_a_row_that_is_over_is_over():
    """It is nobody's task any more, and looking at it is no accident."""
    next_row = table(having(SECOND.stages[0], to="after"), SECOND.stages[1])
    story = given(next_row, PAID, agrees(A))
    assert stands(story) == {"after": ["b"]}
    assert decided(story, when=second(B)) == no("stage_over", "G-13")
    assert decided(story, when=second(A, verb="drop")) == [ProposalClosed(3)]


def test_G_13_a_proposal_stays_with_its_line():
    """Two lines have the record; what was proposed on Y is confirmed on Y."""
    mending = table(
        Stage("notice", seats=seats("a"), records=(Record(Say),), to=End("closed")),
        Stage("mend", beside=lines, seats=seats("b"), records=(Record(Mend, second=seats("c")),), to=End("mended")),
        rules={**RULES, Mend: mended})
    story = given(mending, *FOUND, by(B, "record", stage="mend", line="Y", form=Mend()))
    assert decided(story, when=second(C, story.case.proposed[0].no))[:1] == [Said("y")]


@pytest.mark.parametrize(("record", "somebody", "then"), [
    pytest.param(Record(Say), A, [Said("x")], id="the seats' holders"),
    pytest.param(Record(Say), CLERK, no("not_holder", "A-3"), id="not the office, where there are seats"),
    pytest.param(Record(Say, seats("c")), C, [Said("x")], id="whom the record names"),
    pytest.param(Record(Say, seats("c")), A, no("not_holder", "A-3"), id="not the seats' holders then"),
    pytest.param(Record(Say, seats("c")), who("c", ties=("S",)), no("not_holder", "A-3"), id="G-15 nor who is tied"),
])
def test_records_of_a_row(record, somebody, then):
    assert decided(given(table(row(seats=seats("a"), records=(record,)))), when=says(somebody, "x")) == then


@pytest.mark.parametrize(("somebody", "then"), [
    pytest.param(CLERK, [Said("x")], id="without seats the office"),
    pytest.param(A, no("not_holder", "A-3"), id="nobody else"),
])
def test_records_of_the_procedure_may_come_in_any_row(somebody, then):
    register = table(Stage("open"), records=(Record(Say),))
    assert decided(given(register), when=says(somebody, "x", stage="*")) == then


def test_records_of_a_kind_that_the_row_does_not_know():
    assert decided(given(LADDER, policy=TERMS), when=by(A, "record", form=Mend())) == no("unknown_command", "A-3")


def test_G_8_G_23_a_record_names_the_post_and_both_persons():
    bursary = table(row(seats=seats("a"), records=(Record(Say, lambda case, policy: (Seat("x", person("b")), Seat("y", CLERK_POST)),),)))
    story = given(bursary)
    told_ = after(story, says(who("x", behind=B), "x"))
    assert [(e.by, e.behind, e.post) for e in told_.entries] == [("x", "b", "")]
    told_ = after(story, says(CLERK, "x"))
    assert [(e.by, e.behind, e.post) for e in told_.entries] == [("clerk", "", "office@B")]


CLERK_POST = next(iter(CLERK.posts))


# -- duties -------------------------------------------------------------------------------------------------------------


def does(duty: str, form: Any = None, **act: Any) -> Step:
    return by(WORKFLOW, "do", duty=duty, form=form, **act)


DUTIES = table(row(duties=(Duty("number", Say), Duty("render"), Duty("tell", waits=False)), seats=seats("a")))


@pytest.mark.parametrize(("steps", "then"), [
    pytest.param([], (["ask/number/0", "ask/tell/0"], {"ask": []}), id="one after the other; what holds nothing up beside"),
    pytest.param([does("number", Say("1"))], (["ask/render/0", "ask/tell/0"], {"ask": []}), id="the next"),
    pytest.param([does("tell")], (["ask/number/0"], {"ask": []}), id="waits=False may be first"),
    pytest.param([does("number", Say("1")), does("render")], (["ask/tell/0"], {"ask": ["a"]}), id="seats open when the others are done"),
])
def test_duties_are_done_in_the_order_of_the_row(steps, then):
    story = given(DUTIES, *steps)
    assert (owed(story), stands(story)) == then


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], does("number", Say("1")), [Said("1"), DutyDone(1, "number")], id="with its fact"),
    pytest.param([], does("render"), no("task_closed", "A-3", duty="render"), id="not out of order"),
    pytest.param([does("number", Say("1"))], does("number", Say("2")), no("task_closed", "A-3", duty="number"), id="not twice"),
    pytest.param([], does("number"), no("malformed", "A-3", wants="Say"), id="not without its fact"),
    pytest.param([], does("number", Say("")), no("malformed", "A-3"), id="what its rule refuses"),
    pytest.param([], by(A, "do", duty="number", form=Say("1")), no("wrong_post", "A-3"), id="by the workflow"),
    pytest.param([by(CLERK, "suspend", to="other_case", opinion=WHY)], does("number", Say("1")), [Said("1"), DutyDone(1, "number")], id="A-33 the system's duties go on"),
])
def test_duties_are_the_workflows(steps, when, then):
    assert decided(given(DUTIES, *steps), when=when) == then


def test_duties_that_hold_nothing_up_do_not_hold_up_the_end():
    assert stands(given(DUTIES, does("number", Say("1")), does("render"), agrees(A))) == {"ended": ["passed"]}


def test_duties_with_a_question_fall_due_again():
    twice = table(row(duties=(Duty("pair", Say, while_=lambda case, policy: len(case.facts.words) < 2),)))
    story = given(twice, does("pair", Say("1")))
    assert owed(story) == ["ask/pair/1"]
    assert stands(after(story, does("pair", Say("2")))) == {"ended": ["passed"]}


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], by(WORKFLOW, "fail", duty="number", opinion=WHY), [DutyFailed(1, "number", WHY)], id="stuck is a fact"),
    pytest.param([by(WORKFLOW, "fail", duty="number", opinion=WHY)], by(CLERK, "again", duty="number"), [DutyRetried(1, "number")], id="the office says again"),
    pytest.param([], by(CLERK, "again", duty="number"), no("wrong_stage", "A-41"), id="what is not stuck"),
])
def test_duties_that_failed(steps, when, then):
    assert decided(given(DUTIES, *steps), when=when) == then


def test_duties_that_failed_are_the_offices_task():
    story = given(DUTIES, by(WORKFLOW, "fail", duty="number", opinion=WHY))
    assert (owed(story), stands(story)) == (["ask/tell/0"], {"ask": ["again:number"]})
    assert owed(after(story, by(CLERK, "again", duty="number"))) == ["ask/number/0", "ask/tell/0"]


# -- parent and child ----------------------------------------------------------------------------------------------------


@fact
class Told(Event):
    word: str


TELLS = tell("tell_all", lambda case, policy: tuple(c for c, stands_ in case.children.items() if stands_ == "waits"),
             lambda case, child: (Say(f"for {child}"), moment("03-10 08:00")), opens="visit")
PARENT = table(row("notice", duties=(TELLS,), needs=(lambda case, context: None if case.children else no("held", "R-64"),)))


def child(id: str, stands_: str) -> Step:
    return by(WORKFLOW, "child", to=id, form=stands_, stage="*")


@pytest.mark.parametrize(("steps", "duties", "then"), [
    pytest.param([], [], {"notice": []}, id="nobody yet"),
    pytest.param([child("k1", "waits"), child("k2", "heard")], ["notice/tell_all/0"], {"notice": []}, id="due while it names children"),
    pytest.param([child("k1", "waits"), child("k1", "heard")], [], {"ended": ["passed"]}, id="what the child tells ends the duty"),
])
def test_tell_is_due_while_children_are_named(steps, duties, then):
    story = given(PARENT, *steps)
    assert (owed(story) if not story.case.ended else [], stands(story)) == (duties, then)


def test_tell_a_child_stands_where_it_says_and_where_it_stood():
    story = given(PARENT, child("k1", "waits"))
    assert decided(story, when=child("k1", "heard"))[:1] == [ChildStands("k1", "heard", "waits")]
    assert decided(story, when=by(A, "child", to="k1", form="heard", stage="*")) == no("wrong_post", "A-3")
    assert decided(story, when=does("tell_all")) == no("task_closed", "A-3", duty="tell_all")        # it leaves no mark of its own
    assert TELLS.say(story.case, "k1") == (Say("for k1"), moment("03-10 08:00"))
    assert TELLS.opens == "visit"


CHILD = table(Stage("waits", duties=(told(Say), Duty("render"))), row("acts", seats=seats("a")), hears=(Mend,),
              rules={**RULES, Mend: lambda case, visit, form, context: [Said("mend"), Close("passed", End("mended"))]})


def hears(form: Any, **act: Any) -> Step:
    return by(WORKFLOW, "hear", form=form, stage="*", **act)


@pytest.mark.parametrize(("steps", "when", "then"), [
    pytest.param([], hears(Say("x")), [Said("x"), DutyDone(1, "Say")], id="the row waited for it"),
    pytest.param([hears(Say("x"))], hears(Say("y")), no("wrong_stage", "A-3"), id="once"),
    pytest.param([], does("Say", Say("x")), no("task_closed", "A-3", duty="Say"), id="the own workflow does not bring it"),
    pytest.param([], by(A, "hear", form=Say("x")), no("wrong_post", "A-3"), id="nor does a person"),
    pytest.param([], hears(Mend()), [Said("mend"), StageClosed(1, "passed", "", (), "mended"), CaseEnded("mended")], id="what may be heard in any row"),
    pytest.param([by(CLERK, "suspend", to="other_case", opinion=WHY)], hears(Say("x")), [Said("x"), DutyDone(1, "Say")], id="A-33 heard while suspended"),
    pytest.param([hears(Mend())], hears(Mend()), no("case_closed", "A-5", how="mended"), id="news to an ended case is dropped"),
])
def test_told_the_row_waits_until_another_case_brings_it(steps, when, then):
    assert decided(given(CHILD, *steps), when=when) == then


def test_told_it_is_true_since_the_parents_fact_and_so_is_what_follows():
    told_ = after(given(CHILD), hears(Say("x"), on="03-12", at="03-11 10:00"))
    assert {f"{e.at:%m-%d %H:%M}" for e in told_.entries} == {"03-11 10:00"}


def test_opens_a_case_is_opened_by_a_first_fact_of_a_workflow_or_a_person():
    visit = table(row("visit", seats=seats("a")), opened_by=(Record(Say), Record(Mend, seats("b"))), rules={**RULES, Mend: lambda c, v, f, x: [Said("b")]})
    first = opened(visit, by=WORKFLOW, act=Act("open", form=Say("x")), parent="P-1")
    assert first.events == [CaseOpened("C-1", "tale", "S", "", "P-1"), Said("x"), StageOpened(1, "visit", "", (Seat("a", person("a")),))]
    assert opened(visit, by=A, act=Act("open", form=Say("x"))) == no("wrong_post", "A-3")
    assert opened(visit, by=B, act=Act("open", form=Mend())).events[1] == Said("b")
    assert opened(visit, by=WORKFLOW, act=Act("open", form=Mend())) == no("wrong_post", "A-3")
    assert opened(visit, by=WORKFLOW, act=Act("open", form=Terms())) == no("unknown_command", "A-3")
    assert opened(visit, by=WORKFLOW, act=Act("open", form=Say(""))) == no("malformed", "A-3")
    assert decided(first, when=by(WORKFLOW, "open", form=Say("x"))) == no("wrong_stage", "A-5")


# -- many: sweep and tally ------------------------------------------------------------------------------------------------


def loaded(story: Story, tally: Tally) -> Story:
    return having(story, case=having(story.case, tally=tally))


TERM = table(Stage("consent", seats=seats("a")), Stage("freeze", duties=(sweep("freeze", "choosing"),)), row("order", seats=seats("b")),
             shows=lambda case: {"phase": case.open[0].stage if case.open else ""})


def test_sweep_is_due_while_children_stand_there():
    story = given(TERM, agrees(A))
    assert (owed(story), stands(story)) == (["freeze/freeze/0"], {"freeze": []})        # the tally was counted before the gate
    counted = after(loaded(story, Tally({"choosing": 2})), by(WORKFLOW, "look"))
    assert owed(counted) == ["freeze/freeze/0"]
    assert stands(after(loaded(story, Tally({"bound": 9})), by(WORKFLOW, "look"))) == {"order": ["b"]}
    assert decided(counted, when=does("freeze")) == no("task_closed", "A-3", duty="freeze")


def test_T_48_a_count_is_trusted_only_after_the_commit_that_raised_the_gate():
    """The term counts nobody choosing and goes into the freeze in one decision: that count is not believed."""
    story = after(loaded(given(TERM), Tally({"choosing": 0})), agrees(A))
    assert (stands(story), story.case.tally.unknown) == ({"freeze": []}, 1)


def test_tally_what_was_not_loaded_counts_as_unknown():
    assert [Tally({"x": 3}, unknown)[key] for unknown in (0, 1) for key in ("x", "y")] == [3, 0, 3, 1]


# -- money ---------------------------------------------------------------------------------------------------------------

PRE, REF, BANK = ("S", "PRE", "p1"), ("S", "REF", "p1"), ("S", "BANK", "")
LIMITS = {"PRE": -1, "BANK": 1}


@fact
class Refunded(Event):
    fen: int

    @property
    def moves(self) -> tuple[Transfer, ...]:
        return (Transfer("P-14", PRE, REF, self.fen),)


@fact
class Refund:
    fen: int


MONEY = table(row(seats=seats("a"), form=Refund), rules={Refund: lambda case, visit, form, context: [Refunded(form.fen)]})


@pytest.mark.parametrize(("fen", "then"), [
    pytest.param(500, Refunded(500), id="to the last fen"),
    pytest.param(501, no("not_balanced", "T-42", account="PRE"), id="not one more"),
])
def test_moves_that_would_overdraw_a_limited_account_are_refused(fen, then):
    story = given(MONEY, limits=LIMITS, balances={PRE: -500})
    got = decided(story, when=agrees(A, form=Refund(fen)))
    assert (got if isinstance(got, Refusal) else got[0]) == then


@pytest.mark.parametrize(("moves", "short", "taken"), [
    pytest.param([Transfer("P-1", BANK, PRE, 100)], None, set(), id="adding takes from nobody"),
    pytest.param([Transfer("P-14", PRE, REF, 300)], None, {PRE}, id="within"),
    pytest.param([Transfer("P-14", PRE, REF, 301)], PRE, {PRE}, id="over its credit side"),
    pytest.param([Transfer("P-8", REF, BANK, 701)], BANK, {BANK}, id="over its debit side; REF has no limit"),
    pytest.param([Transfer("P-14", PRE, REF, 301), Transfer("P-1", BANK, PRE, 1)], None, {PRE}, id="the end of the decision counts"),
])
def test_overdrawn_and_taken_from(moves, short, taken):
    assert (overdrawn(LIMITS, {PRE: -300, BANK: 700}, moves), taken_from(LIMITS, moves)) == (short, taken)


@pytest.mark.parametrize("bad", [{"amount_fen": 0}, {"amount_fen": -1}, {"credit": BANK}])
def test_a_transfer_moves_something_between_two_accounts(bad):
    with pytest.raises(AssertionError):
        Transfer(**{"row": "P-1", "debit": BANK, "credit": PRE, "amount_fen": 1, **bad})


# -- gates ---------------------------------------------------------------------------------------------------------------


def overdue(case: Case) -> dict[str, int]:
    return {f"overdue:{case.subject}": int("late" in case.rungs), f"case:{case.id}": 1}


GATED = table(Stage("mend", seats=seats("a"), clock=workdays("five"), at_limit=lapse,
                    ladder=lambda case, policy, calendar: [(workdays_after(case.opened_at, 3, calendar), "late")]),
              shows=overdue, turning=True)


def test_turns_when_a_gate_changes_although_nobody_writes():
    """The rung is taken on Thu 13 at 24:00; the case ends on Mon 17, and what it showed of itself stays."""
    story = given(GATED, policy=TERMS)
    assert turns(GATED, story.case, story.context(WORKFLOW)) == {"overdue:S": (end_of(moment("03-13").date()), 1)}
    assert story.case == given(GATED, policy=TERMS).case
    ended = after(story, by(WORKFLOW, "look", on="03-20"))
    assert turns(GATED, ended.case, ended.context(WORKFLOW)) == {}


def test_turns_nothing_of_a_suspended_case():
    story = given(GATED, by(CLERK, "suspend", to="other_case", opinion=WHY), policy=TERMS)
    assert turns(GATED, story.case, story.context(WORKFLOW)) == {}


def test_gates_are_read_as_a_union_of_their_raisers():
    gates = Gates({("overdue:S", "R-1"): 0, ("overdue:S", "R-2"): 2, ("overdue:S", "R-3"): 3, ("overdue:T", "R-4"): 4})
    assert (gates.read("overdue:S"), gates.all("overdue:S"), gates.read("overdue:U"), gates.all("overdue:U")) == (2, [2, 3], None, [])


def test_A_50_numbers_run_without_gaps():
    numbered = table(row(seats=seats("a")), shows=lambda case: {"open": 1}, number=lambda case: "签")
    story = given(numbered, id="签2026-012")
    assert shown(numbered, story.case) == {"open": 1, number_gate("签2026"): 12}
    raised = Gates({(number_gate("签2026"), id): n for id, n in (("签2026-011", 11), ("签2026-012", 12))})
    assert [next_number(raised, series) for series in ("签2026", "签2027")] == [13, 1]


def test_needs_a_gate_that_holds_a_row_up_lets_it_go_by_itself():
    blocked = table(row("notice", seats=seats("a"), needs=(lambda case, x: no("blocked", "L-1") if x.gates.read("overdue:S") else None,)))
    story = given(blocked, gates={("overdue:S", "R-1"): 1})
    assert decided(story, when=agrees(A)) == no("blocked", "L-1")
    free = having(story, gates=Gates({("overdue:S", "R-1"): 0}))
    assert stands(after(free, agrees(A))) == {"ended": ["passed"]}
    seatless = table(row("held", needs=blocked.stages[0].needs))
    waiting = given(seatless, gates={("overdue:S", "R-1"): 1})
    assert stands(waiting) == {"held": []}
    assert decided(having(waiting, gates=Gates()), when=by(WORKFLOW, "look")) == [StageClosed(1, "passed", "", (), "passed"), CaseEnded("passed")]


def test_heeds_what_others_show_becomes_a_fact_of_this_case():
    """And it may lead back; the act that came too late finds its row over (stage_over)."""
    def heed(case: Case, context: Context) -> list[Any]:
        new = context.gates.read("veto:S") and "veto" not in case.facts.words
        return [Said("veto"), Close("returned", "again")] if new else []
    alert = table(Stage("first", seats=seats("a")), row("again", seats=seats("b"), aside=True), heeds=heed)
    story = having(given(alert), gates=Gates({("veto:S", "S"): 1}))
    assert decided(story, when=agrees(A)) == no("stage_over", "A-3")
    assert decided(story, when=by(WORKFLOW, "look")) == [
        Said("veto"), StageClosed(1, "returned", "again"), StageOpened(2, "again", "", (Seat("b", person("b")),), fresh=True)]


def test_C_19_R_5_a_clock_that_reads_a_gate_ends_when_the_other_case_says_now():
    window = table(row("dossier", seats=seats("a"), clock=until(lambda case, policy: case.opened_at, gate=lambda case: "window:B"), at_limit=lapse))
    story = given(window, gates={("window:B", "B"): moment("03-14 18:00").isoformat()})
    assert (stands(story, "03-14 17:59"), stands(story, "03-14 18:00")) == ({"dossier": ["a"]}, {"ended": ["lapsed"]})
    moved = having(story, gates=Gates({("window:B", "B"): moment("03-20 18:00").isoformat()}))
    assert (stands(moved, "03-20 17:59"), stands(moved, "03-20 18:00")) == ({"dossier": ["a"]}, {"ended": ["lapsed"]})


# -- where a row leads ----------------------------------------------------------------------------------------------------


@leads("left", "right")
def left_or_right(case: Case, policy: Any) -> str | End:
    return {"l": "left", "r": "right"}.get(case.facts.words[-1], End("nowhere"))


FORK = table(Stage("fork", seats=seats("a"), form=Say, to=left_or_right), row("left", seats=seats("b"), aside=True),
             row("right", seats=seats("c"), aside=True, when=lambda case, policy: "skip" not in case.facts.words))


@pytest.mark.parametrize(("word", "then"), [("l", {"left": ["b"]}), ("r", {"right": ["c"]}), ("x", {"ended": ["nowhere"]})])
def test_to_a_question_says_where_it_goes_on(word, then):
    assert stands(given(FORK, agrees(A, form=Say(word)))) == then


def test_when_a_row_that_does_not_apply_is_passed_over():
    skipping = table(Stage("one", seats=seats("a"), form=Say), Stage("two", seats=seats("b"), when=heard("two")), row("three", seats=seats("c")))
    story = given(skipping, agrees(A, form=Say("x")))
    assert [e for e in story.events if isinstance(e, StageSkipped)] == [StageSkipped("two")]
    assert (stands(story), stands(given(skipping, agrees(A, form=Say("two"))))) == ({"three": ["c"]}, {"two": ["b"]})


def test_at_limit_a_row_may_go_to_another():
    mending = table(Stage("mend", seats=seats("a"), clock=workdays("five"), at_limit=go_to("last")), Stage("check", seats=seats("b")),
                    row("last", seats=seats("c")))
    assert stands(given(mending, policy=TERMS), "03-18") == {"last": ["c"]}


REST = table(Stage("write", seats=seats("a"), clock=workdays("five").or_rest_of("sign"), at_limit=lapse),
             Stage("sign", seats=seats("b"), clock=workdays("five").or_rest_of("write"), at_limit=lapse, returns=("write",)),
             row("next", seats=seats("c")))


def test_R_17_or_rest_of_the_same_clock_goes_on_in_both_directions():
    story = given(REST, agrees(A, on="03-12"), by(B, "return", "b", to="write", opinion=WHY, on="03-14"), policy=TERMS)
    assert story.case.open[0].clocks == (Clock("", "five", "workday", 5, moment("03-10")),)
    assert stands(story, "03-18") == {"ended": ["lapsed"]}


PAUSES = table(Stage("check", seats=seats("a"), clock=workdays("five"), at_limit=go_on, returns=("mend",)),
               Stage("mend", seats=seats("b"), clock=workdays("three"), at_limit=lapse, aside=True, pauses=True, to="check"),
               row("next", seats=seats("c")))


def test_R_17_pauses_the_senders_clock_stands_still_meanwhile():
    """Five working days from Mon 10; sent back on Wed 12, again here on Fri 14: 11, 17, 18, 19, 20."""
    asked = given(PAUSES, by(A, "return", "a", to="mend", opinion=WHY, on="03-12"), policy=TERMS)
    assert ClockPaused(1, "returned") in asked.events
    story = after(asked, agrees(B, on="03-14"))
    (clock,) = story.case.open[0].clocks
    assert (clock.start, clock.pauses) == (moment("03-10"), ((moment("03-12").date(), moment("03-14").date()),))
    assert (stands(story, "03-20 23:59"), stands(story, "03-21 00:00")) == ({"check": ["a"]}, {"next": ["c"]})


def test_seats_that_are_no_longer_asked_end():
    asked = table(row(seats=lambda case, policy: tuple(Seat(w, person(w)) for w in ("a", "b") if f"not {w}" not in case.facts.words),
                      records=(Record(Say, seats("c")),)))
    assert decided(given(asked), when=says(C, "not b")) == [Said("not b"), SeatGone(1, "ask", "b", "not_asked")]


def test_clock_after_a_duty_starts_when_that_is_done():
    notice = table(row(duties=(Duty("publish"),), clock=workdays("five", after="publish"), at_limit=go_on))
    story = given(notice, does("publish", on="03-12"), policy=TERMS)
    assert story.events == [DutyDone(1, "publish"), ClockArmed(1, Clock("", "five", "workday", 5, moment("03-12")))]
    assert (stands(story, "03-19 23:59"), stands(story, "03-20 00:00")) == ({"ask": []}, {"ended": ["passed"]})


def test_plan_owed_tells_the_times_apart():
    story = given(DUTIES)
    assert plan(DUTIES, story.case, story.context(WORKFLOW)).duties == (Owed(1, "ask", "number", 0), Owed(1, "ask", "tell", 0))


# -- rosters and lots (R-21, R-29) -------------------------------------------------------------------------------------------

POOL = tuple(Candidate(f"e{n}", preferred=n < 3, outside=n in (5, 8), away=n != 0) for n in range(10))


def test_R_21_anyone_with_seed_and_list_draws_the_same():
    first = draw("seed", POOL, 2, 1)
    assert first == draw("seed", reversed(POOL), 2, 1) == (("e1", "e2"), ("e4",))
    assert len({draw(f"seed {n}", POOL, 2, 1) for n in range(20)}) > 3


@pytest.mark.parametrize(("pool", "count", "then"), [
    pytest.param(POOL[:3], 3, {"e1", "e2", "e0"}, id="fewer than the pool has: all"),
    pytest.param(tuple(having(c, excluded="tied") for c in POOL[:9]) + POOL[9:], 2, {"e9"}, id="too small a pool: fewer"),
    pytest.param((), 2, set(), id="nobody"),
])
def test_R_21_who_is_drawn(pool, count, then):
    assert set(draw("seed", pool, count)[0]) == then


def test_R_21_other_districts_first_then_the_subject():
    order, _ = draw("seed", POOL, 10)
    assert (set(order[:2]), order[-1]) == ({"e1", "e2"}, "e0")


def test_R_29_one_from_outside_is_forced_into_the_draw():
    for n in range(20):
        members, reserve = draw(f"seed {n}", POOL, 3, 2, outside_min=1)
        assert len(set(members) & {"e5", "e8"}) >= 1
        assert len(set(members + reserve)) == 5


def test_A_10_the_others_move_up_and_the_reserve_joins():
    roster = Roster(("a", "b"), ("r", "s")).without("a", "declined")
    assert roster == Roster(("b", "r"), ("s",), (("a", "declined"),), places=(("a", "r", 0),))
    assert roster.without("x", "declined") == roster
    assert roster.ever() == {"a", "b", "r", "s"}


def test_G_14_a_list_that_found_nobody_says_who_was_excluded_and_why():
    met = (("a", "tied"), ("b", "load"), ("c", ""))
    dry = Roster(("x",)).joined((), (), met)
    assert (dry.dry, dry.excluded) == (True, (("a", "tied"), ("b", "load")))
    assert dry.without("x", "declined").excluded == dry.excluded
    assert (dry.joined(("d",), ()).excluded, Roster().joined(("c",), (), met).excluded) == ((), ())
