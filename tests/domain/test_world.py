"""No order of people, acts and time breaks a batch with its applications (the promises stand in `World.check`).

What a random life once broke is kept below as a short table, under the rule that it broke. More lives:
`python -m tests.domain.world FIRST N STEPS`.
"""
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.kernel.case import Case, Visit
from domain.kernel.events import (
    BallotClosed,
    ChildStands,
    ClockRanOut,
    Entry,
    ExtensionAnswered,
    ExtensionAsked,
    LimitUndone,
    ReminderDue,
    SeatGone,
)
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import ALL, BALLOT, SCORE, BallotRule, Seat, person, pool
from domain.kernel.stages import Context, Duty, End, Gates, Policy, lapse, roster, until, vacate, workdays
from domain.kernel.values import having, tagged
from domain.recognition import batch as b
from domain.recognition.facts import Stands
from domain.recognition.procedure import BATCH, STAR
from tests.domain.world import GOALS, WORDS, B, World, live, never_reached, policy_file
from tests.kernel.story import (
    APPLICANT,
    CLERK,
    HEAD,
    WORKFLOW,
    Name,
    after,
    by,
    decided,
    given,
    moment,
    row,
    seats,
    stands,
    table,
    who,
)

# -- lives ---------------------------------------------------------------------------------------------------------

settings.register_profile("world", derandomize=True, max_examples=12, stateful_step_count=40, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

luck = st.integers(0, 2**16)
"""What people choose inside one rule follows from one number, so that a failing program stays short."""


class BatchMachine(RuleBasedStateMachine):
    """Whatever people, time and other cases do, and in whatever order, a batch keeps every promise of `World.check`;
    and when helpful people take over, each case comes to a natural end."""

    @initialize(seed=st.integers(0, 2**16), goal=st.sampled_from(GOALS))
    def begin(self, seed, goal):
        self.world = World(seed, goal)

    @rule(luck=luck, times=st.sampled_from([1, 2, 3, 6]))
    def helpful(self, luck, times):
        self.chance(luck).helpful(times)

    @rule(luck=luck, mean=st.sampled_from([False, False, False, True]))
    def anyone(self, luck, mean):
        self.chance(luck).anyone(mean)

    @rule(luck=luck, what=st.sampled_from(["overdue", "violation"]))
    def outside(self, luck, what):
        self.chance(luck).outside(what)

    @rule(luck=luck, days=st.integers(1, 12))
    def time(self, luck, days):
        self.chance(luck).pass_time(days)

    @rule(luck=luck, what=st.sampled_from(World.RARE))
    def rare(self, luck, what):
        what(self.chance(luck))

    def chance(self, luck):
        self.world.r.seed(luck)
        return self.world

    @invariant()
    def promises(self):
        self.world.check()

    def teardown(self):
        if hasattr(self, "world"):
            self.world.finish()


TestBatch = BatchMachine.TestCase
TestBatch.settings = settings.get_profile("world")


def test_every_row_verb_and_ending_is_reached():
    """Forty fixed lives; what none of them comes to is a part of the tables that nothing tests."""
    seen = sum((live(seed, 30).seen for seed in range(40)), Counter())
    assert never_reached(seen) == [], "\n".join(f"{name:44} {times}" for name, times in sorted(seen.items()))


def undone(seed):
    """A life in which visits are held in time and entered days later; whether the limit had acted on one of them."""
    world = World(seed)
    for _ in range(60):
        world.helpful(3)
        if world.r.random() < .3:
            world.pass_time(world.r.choice([1, 2, 5, 9, 21]))
        world.visit_recorded_late()
        world.check()
    world.finish()
    return any(isinstance(e.event, LimitUndone) for log in world.logs.values() for e in log)


def test_C_35_visits_entered_late_in_whole_lives():
    """Every promise holds, and each case comes to its natural end."""
    assert any(undone(seed) for seed in range(30))


# -- what a life once broke: the kernel -----------------------------------------------------------------------------

A, M1 = who("a"), who("m1")
fact = tagged("world_test")


@fact
class Terms(Policy):
    five: int = 5
    late: object = moment("03-20")


POLICY = Terms(reminders={"ask": (1,)})


def agrees(who_, seat="", **act):
    return by(who_, "agree", seat or who_.id, **act)


def test_C_24_A_42_the_clock_of_a_seat_that_acted_is_over():
    """It neither reminds nor runs out: only who has not acted is told, and loses the seat."""
    story = given(table(row(seats=seats("a", "b"), rule=SCORE, seat_clock=workdays("five"), at_limit=vacate)),
                  agrees(A), policy=POLICY)
    events = decided(story, when=by(WORKFLOW, "look", on="03-18"))
    assert [e.key for e in events if isinstance(e, ReminderDue | ClockRanOut)] == ["b", "b"]
    assert [e.seat for e in events if isinstance(e, SeatGone)] == ["b"]


def test_A_43_A_6_a_seat_that_its_holder_left_is_not_passed_over():
    """Rule all: the minutes of a chair who declines are not signed by the secretary alone (R-47)."""
    story = given(table(row(seats=seats("a", "b"), rule=ALL)), by(A, "decline", "a", opinion=WORDS), agrees(who("b")))
    assert stands(story) == {"ask": ["assign"]}
    told = after(story, by(CLERK, "assign", to="d"))
    assert stands(after(told, agrees(who("d"), "a@d"))) == {"ended": ["passed"]}


def few(case, policy):
    return len(case.roster("judges").members) < 2


DRAW = Duty("draw", Name, while_=few, given_up=lambda case, policy: case.roster("judges").dry)


def test_G_14_A_43_a_pool_that_is_too_small_is_the_offices_matter():
    """It was drawn from for ever; and the row went on with the one who was found."""
    story = given(table(row(seats=roster("judges"), rule=SCORE, duties=(DRAW,))),
                  by(WORKFLOW, "do", duty="draw", form=Name(("a",))), by(WORKFLOW, "do", duty="draw", form=Name(())))
    assert stands(after(story, agrees(A))) == {"ask": ["assign"]}
    told = after(after(story, by(CLERK, "assign", to="d")), agrees(who("d")))
    assert told.case.roster("judges").members == ("a", "d")
    assert stands(after(told, agrees(A))) == {"ended": ["passed"]}


def test_A_39_A_28_who_returned_it_is_asked_with_a_claim_that_starts_anew():
    """The claim had timed out while the applicant corrected, days before the row was open again."""
    desk = row("check", seats=lambda case, policy: (Seat("desk", pool("office", "B")),), sees=("text",), returns=("ask",))
    story = given(table(row(seats=seats("a"), to="check"), desk), agrees(A), by(CLERK, "claim", "desk"),
                  by(CLERK, "return", "desk", to="ask", opinion=WORDS), agrees(A, on="03-28"))
    assert story.case.open[0].seat("desk").claimed_by == "clerk"
    assert not isinstance(after(story, by(CLERK, "agree", "desk", on="03-30")), Refusal)


@pytest.mark.parametrize(("on", "then"), [
    pytest.param("03-17 20:00", None, id="within the term"),
    pytest.param("03-18 08:00", no("past_deadline", "C-24"), id="it could not be done again"),
])
def test_A_21_C_24_nothing_is_taken_back_after_its_term(on, then):
    two = table(row(seats=seats("a"), clock=workdays("five"), at_limit=lapse, to="next"), row("next", seats=seats("z")))
    story = given(two, agrees(A, on="03-17 19:00"), policy=POLICY)
    got = after(story, by(A, "take_back", stage="*", visit=1, on=on))
    assert (got if isinstance(got, Refusal) else None) == then


def test_A_21_whoever_declined_has_acted():
    """A return was taken back although an expert had declined meanwhile: the proposal stood on one sheet less."""
    two = table(row(seats=seats("a"), to="next"), row("next", seats=seats("y", "z"), rule=ALL))
    story = after(given(two, agrees(A)), by(who("y"), "decline", "y", opinion=WORDS))
    assert after(story, by(A, "take_back", stage="*", visit=1)) == no("next_has_acted", "A-21")


def test_C_23_a_request_that_nobody_answered_before_the_row_came_back_is_refused_there():
    """Not on a day before the row was open again."""
    desk = row("check", seats=seats("b"), returns=("ask",), clock=workdays("five"), at_limit=lapse)
    pausing = row(seats=seats("a"), to="check", pauses=True)
    story = given(table(pausing, desk), agrees(A), by(who("b"), "ask", "b", more=1, opinion=WORDS),
                  by(who("b"), "return", "b", to="ask", opinion=WORDS), agrees(A, on="03-28"), policy=POLICY)
    assert [e.at for e in story.entries if isinstance(e.event, ExtensionAnswered)] == [moment("03-28")]


def test_R_5_C_22_a_day_set_elsewhere_is_moved_there_for_all_alike():
    story = given(table(row(seats=seats("a"), clock=until("late"), at_limit=lapse)), policy=POLICY)
    assert decided(story, when=by(CLERK, "extend", more=3, opinion=WORDS)) == no("target_not_allowed", "C-22")


def test_G_13_nor_does_the_substitute_of_who_asked_grant():
    asker = who("a", "office@B")
    story = given(table(row(seats=seats("a"), clock=workdays("five"), at_limit=lapse)),
                  by(asker, "ask", "a", more=1, opinion=WORDS), policy=POLICY)
    assert [type(e) for e in story.events] == [ExtensionAsked]
    assert decided(story, when=by(who("sub", behind=asker), "extend", more=1)) == no("separation", "G-13")


def test_A_34_an_ending_that_waits_can_be_dropped():
    story = given(table(row(seats=seats("a"))), by(CLERK, "end", opinion=WORDS))
    number = f"{story.case.proposed[0].no}"
    assert decided(story, when=by(APPLICANT, "drop", number, stage="*")) == no("wrong_post", "G-13")
    assert stands(after(story, by(HEAD, "drop", number, stage="*"))) == {"ask": ["a"]}


VOTE = table(row("vote", seats=lambda case, policy: tuple(Seat(m, person(m), claimed_by=m if m < "m3" else "")
                                                          for m in ("m1", "m2", "m3", "m4", "m5", "m6")),
                 rule=BALLOT, chair=lambda case, policy: person("m1"), refused=End("refused")))


@pytest.mark.parametrize("act", [
    pytest.param(by(CLERK, "vacate", "m6", opinion=WORDS), id="nobody is put out of the base"),
    pytest.param(by(CLERK, "assign", "m6", to="d"), id="nobody is put into it"),
])
def test_A_11_the_office_does_not_change_a_ballot(act):
    assert decided(given(VOTE), when=act).code in ("wrong_stage", "target_not_allowed")


def test_A_12_a_secret_ballot_without_a_quorum_is_closed_before_anybody_votes():
    story = given(VOTE, policy=Policy(ballot=BallotRule(secret=True)))
    assert decided(story, when=by(M1, "close"))[0] == BallotClosed(1, 6, 0, 2, 0, 0, 0, "no_quorum")


# -- what a life once broke: batch and application ------------------------------------------------------------------


def batch_of(*children, **of):
    return Case(id=B, policy="star-school-2015", opened_at=moment("2026-04-01"), facts=b.Batch(**of), children=dict(children))


FREE = Stands("free", "S1", submitted_at="2026-04-20T09:00:00+08:00")


@pytest.mark.parametrize(("code", "left_out"), [
    pytest.param("illegal_fee", ("c",), id="a veto of this policy"),
    pytest.param("teaching_aids", (), id="none of 2015: it would be held at each signing, for ever"),
])
def test_R_42_R_58_only_what_vetoes_the_application_holds_it_at_the_signing(code, left_out):
    context = Context(moment("2026-07-01"), "leader", policy=policy_file("star-school-2015"),
                      gates=Gates({("veto:S1", "S1"): [["决1", code, "2026-06-30"]]}))
    signed = b.sign(batch_of(("c", FREE)), Visit(1, "signing", "", context.now), b.Sign(), context)
    assert signed == [b.DocumentSignedOff(() if left_out else ("c",), left_out)]


@pytest.mark.parametrize(("of", "was", "now"), [
    pytest.param("ranked", "called", "proposed", id="A-12 without a quorum: the next meeting, not this one for ever"),
    pytest.param("below", "proposed", "working", id="R-44 taken back: not refused later for the place it had before"),
])
def test_R_65_who_leaves_a_list_is_not_on_it_later(of, was, now):
    told = Entry(ChildStands("c", Stands(now, "S1"), Stands(was, "S1")), moment("2026-07-01"), "system")
    assert getattr(b.Batch(**{of: ("c", "d")}).evolve(told.event, told), of) == ("d",)


def test_R_64_a_batch_that_was_terminated_opens_no_application():
    open_, ended = (having(batch_of(first_day=date(2026, 4, 1), last_day=date(2026, 4, 30)), ended=how) for how in ("", "terminated"))
    assert [f"window:{B}" in b.shows(case) for case in (open_, ended)] == [True, False]


def test_R_47_chair_and_secretary_are_two_persons():
    context = Context(moment("2026-07-01"), "staff1", policy=policy_file("star-school-2026"))
    form = b.Convene(("m1", "m2", "m3"), "m1", date(2026, 7, 20), WORDS)
    assert b.convene(batch_of(), Visit(1, "convening", "", context.now), form, context) == no("malformed", "R-47")


def test_R_25_R_67_A_21_sheets_and_a_signed_document_are_not_taken_back():
    """Two documents had named the same school."""
    two = table(row(seats=seats("a"), to="next", final=True), row("next", seats=seats("z")))
    story = after(given(two), agrees(A))
    assert after(story, by(A, "take_back", stage="*", visit=1)) == no("next_has_acted", "A-21")
    assert [s.name for s in (*STAR.stages, *BATCH.stages) if s.final] == ["material", "third", "signing"]
