"""Ballots (A-9, A-11 to A-13): who is counted, what is needed, when the chair may close. Integers only."""
from __future__ import annotations

from typing import Any

import pytest

from domain.kernel.decide import sealed_choice
from domain.kernel.events import BallotClosed, SeatActed, SeatClaimed, StageClosed, StageOpened
from domain.kernel.may import why_not
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import BALLOT, BallotRule, Count, Seat, person
from domain.kernel.stages import End, Policy, Procedure, Stage
from domain.kernel.values import having

from .story import HEAD, Story, Who, after, by, decided, given, stands, table, who

RULE = BallotRule()


def count(entitled: int, recused: int, present: int, yes: int, no: int | None = None, abstain: int = 0) -> Count:
    """Unless said otherwise, whoever is present and not for it is against it."""
    return Count(entitled, recused, present, yes, present - yes - abstain if no is None else no, abstain)


@pytest.mark.parametrize(("votes", "then"), [
    pytest.param(count(9, 0, 6, 4), "passed", id="V-1"),
    pytest.param(count(9, 0, 6, 3), "refused", id="V-2"),
    pytest.param(count(9, 1, 5, 5), "no_quorum", id="V-3"),
    pytest.param(count(9, 1, 7, 5), "passed", id="V-4"),
    pytest.param(count(9, 1, 7, 4, 0, 3), "refused", id="V-5"),
    pytest.param(count(7, 2, 4, 3), "passed", id="V-6"),
    pytest.param(count(7, 2, 3, 3), "no_quorum", id="V-7"),
    pytest.param(count(11, 0, 8, 5), "refused", id="V-8"),
    pytest.param(count(15, 3, 8, 6), "passed", id="V-9"),
    pytest.param(count(5, 1, 3, 2), "passed", id="V-10"),
    pytest.param(count(9, 0, 0, 0), "no_quorum", id="A-12 nobody present"),
    pytest.param(count(3, 3, 0, 0), "no_quorum", id="A-12 everybody recused"),
])
def test_A_11_two_thirds_of_those_present(votes, then):
    assert votes.result(RULE) == then


@pytest.mark.parametrize(("of", "votes", "then"), [
    pytest.param("present", count(9, 0, 9, 5, 1), "refused", id="present: 5 of 9"),
    pytest.param("present_voting", count(9, 0, 9, 5, 1), "passed", id="present_voting: 5 of 6"),
    pytest.param("present_voting", count(9, 0, 9, 4, 1, 2), "refused", id="present_voting: an abstention is cast, 4 of 7"),
    pytest.param("present_voting", count(9, 0, 9, 0, 0), "refused", id="present_voting: nobody cast a vote"),
    pytest.param("base", count(9, 1, 6, 5, 1), "refused", id="base: 5 of 8, 6 needed"),
    pytest.param("base", count(9, 1, 6, 6, 0), "passed", id="base: 6 of 8"),
    pytest.param("base", count(9, 3, 6, 4, 2), "passed", id="base: the recused are not in it, 4 of 6"),
])
def test_A_11_denominators(of, votes, then):
    assert votes.result(BallotRule(of=of)) == then


@pytest.mark.parametrize(("share", "more_than", "yes", "then"), [
    pytest.param((1, 2), False, 4, "passed", id="at least half: 4 of 6"),
    pytest.param((1, 2), True, 3, "refused", id="more than half: 3 of 6"),
    pytest.param((1, 2), True, 4, "passed", id="more than half: 4 of 6"),
    pytest.param((2, 3), True, 4, "refused", id="more than two thirds: 4 of 6"),
    pytest.param((3, 4), False, 4, "refused", id="three quarters: 4 of 6"),
    pytest.param((3, 4), False, 5, "passed", id="three quarters: 5 of 6"),
])
def test_A_11_at_least_or_more_than(share, more_than, yes, then):
    assert count(6, 0, 6, yes).result(BallotRule(share=share, more_than=more_than)) == then


@pytest.mark.parametrize(("votes", "tie", "then"), [
    pytest.param(count(6, 0, 6, 3), "refused", "refused", id="3 against 3"),
    pytest.param(count(6, 0, 6, 3), "passed", "passed", id="3 against 3, the policy says carried"),
    pytest.param(count(6, 0, 6, 3, 2, 1), "refused", "passed", id="3 of 6 and only 2 against: no tie, at least half"),
    pytest.param(count(6, 0, 6, 2, 2, 2), "passed", "refused", id="2 against 2 of 6: below half, whatever a tie does"),
])
def test_A_12_a_tie_where_the_share_is_one_half(votes, tie, then):
    assert votes.result(BallotRule(share=(1, 2), tie=tie)) == then


def test_A_12_no_tie_where_the_share_is_another():
    assert count(6, 0, 6, 4).result(BallotRule(share=(2, 3), tie="refused")) == "passed"


@pytest.mark.parametrize(("quorum", "present", "then"), [
    pytest.param((1, 2), 4, "no_quorum", id="half of 9 is 5"),
    pytest.param((1, 2), 5, "passed", id="5 are half of 9"),
    pytest.param((1, 1), 8, "no_quorum", id="everybody"),
])
def test_A_11_quorum_is_rounded_up(quorum, present, then):
    assert count(9, 0, present, present).result(BallotRule(quorum=quorum)) == then


@pytest.mark.parametrize(("votes", "rule", "may"), [
    pytest.param(count(9, 0, 9, 5, 1), RULE, False, id="5 yes, 1 no, 3 open"),
    pytest.param(count(9, 0, 9, 6, 0), RULE, True, id="6 yes, 3 open"),
    pytest.param(count(9, 0, 9, 0, 4), RULE, True, id="4 no, 5 open"),
    pytest.param(count(9, 0, 9, 0, 0, 4), RULE, True, id="4 abstained, 5 open"),
    pytest.param(count(9, 0, 9, 0, 3), RULE, False, id="3 no, 6 open"),
    pytest.param(count(9, 0, 9, 9), RULE, True, id="all have voted"),
    pytest.param(count(9, 0, 5, 0, 0), RULE, True, id="no quorum, whatever is still cast"),
    pytest.param(count(9, 0, 9, 5, 2), BallotRule(of="present_voting"), False, id="present_voting: 5 of 7 now, 5 of 9 at worst"),
    pytest.param(count(9, 0, 9, 6, 0), BallotRule(of="present_voting"), True, id="present_voting: 6 of 9 at worst"),
    pytest.param(count(9, 0, 6, 0, 1), BallotRule(of="base"), True, id="base: 5 of 9 at best"),
    pytest.param(count(6, 0, 6, 4, 1), BallotRule(more_than=True), False, id="more_than: 4 of 6 are not enough, 5 are"),
])
def test_A_12_the_chair_may_close_when_no_open_vote_can_change_it(votes, rule, may):
    assert votes.settled(rule) is may


# -- in a case --------------------------------------------------------------------------------------------------

M = [who(f"m{n}") for n in range(1, 7)]


def committee(present: tuple[int, ...], recused: tuple[int, ...] = ()) -> Any:
    """Six members; those present have signed in."""
    return lambda case, policy: tuple(
        Seat(f"m{n}", person(f"m{n}"), claimed_by=f"m{n}" if n in present else "", gone="recused" if n in recused else "")
        for n in range(1, 7))


def vote(present: tuple[int, ...] = (1, 2, 3, 4), recused: tuple[int, ...] = ()) -> Procedure:
    return table(Stage("vote", seats=committee(present, recused), rule=BALLOT, chair=lambda case, policy: person("m1"),
                       judges="committee", to=End("carried"), refused=End("lost")))


def voted(story: Story, *votes: str) -> Story:
    for member, said in zip(M, votes, strict=False):
        story = after(story, by(member, said, member.id))
        assert isinstance(story, Story), story
    return story


@pytest.mark.parametrize(("votes", "then"), [
    pytest.param(("yes", "yes", "yes", "no"), [BallotClosed(1, 6, 0, 4, 3, 1, 0, "passed"), "passed", "carried"], id="A-9 carried"),
    pytest.param(("yes", "no", "no", "abstain"), [BallotClosed(1, 6, 0, 4, 1, 2, 1, "refused"), "refused", "lost"], id="A-9 lost"),
    pytest.param(("yes", "yes", "yes"), [BallotClosed(1, 6, 0, 4, 3, 0, 0, "passed"), "passed", "carried"], id="A-12 closed early"),
])
def test_A_9_the_chair_closes(votes, then):
    told = after(voted(given(vote()), *votes), by(M[0], "close"))
    closed, outcome, end = then
    assert told.events[:2] == [closed, StageClosed(1, outcome, "", (), end)]
    assert stands(told) == {"ended": [end]}


@pytest.mark.parametrize(("votes", "by_whom", "then"), [
    pytest.param(("yes", "yes"), M[0], no("quorum", "A-12"), id="two open votes can change it"),
    pytest.param(("yes", "yes", "yes"), M[1], no("wrong_post", "A-12"), id="a member closes nothing"),
    pytest.param(("yes", "yes", "yes"), HEAD, no("wrong_post", "A-12"), id="nor does the head"),
])
def test_A_12_who_closes_and_when(votes, by_whom, then):
    assert decided(voted(given(vote()), *votes), when=by(by_whom, "close")) == then


def test_A_12_below_quorum_it_is_called_again():
    """Three of six: no result; the row opens anew with every seat unsaid."""
    told = after(voted(given(vote((1, 2, 3))), "yes", "yes", "yes"), by(M[0], "close"))
    seats = committee((1, 2, 3))(None, None)
    assert told.events == [BallotClosed(1, 6, 0, 3, 3, 0, 0, "no_quorum"), StageClosed(1, "no_quorum", "vote"),
                           StageOpened(2, "vote", "", seats, (), (), fresh=True)]
    assert stands(told) == {"vote": ["m1", "m2", "m3", "m4", "m5", "m6"]}


@pytest.mark.parametrize(("member", "verb", "then"), [
    pytest.param(M[4], "yes", no("not_holder", "A-28", by=""), id="who has not signed in does not vote"),
    pytest.param(M[5], "yes", no("task_closed", "A-6", why="recused"), id="who is recused does not vote"),
    pytest.param(M[1], "agree", no("unknown_command", "A-3"), id="a vote is yes, no or abstain"),
    pytest.param(who("m2", ties=("S",)), "yes", no("own_case", "G-15"), id="G-15 who is tied to the subject"),
    pytest.param(M[1], "take_back", no("not_holder", "A-21"), id="A-13 nothing said, nothing to take back"),
])
def test_A_11_who_votes(member, verb, then):
    assert decided(given(vote(recused=(6,))), when=by(member, verb, member.id)) == then


def test_A_13_a_vote_may_be_changed_until_the_close_and_the_last_counts():
    story = voted(given(vote()), "no", "no", "no", "no")
    assert decided(story, when=by(M[1], "take_back", "m2")) == no("target_not_allowed", "A-13")
    story = voted(story, "yes", "yes", "yes")
    told = after(story, by(M[0], "close"))
    assert told.events[0] == BallotClosed(1, 6, 0, 4, 3, 1, 0, "passed")
    assert decided(told, when=by(M[1], "yes", "m2")) == no("case_closed", "A-5", how="carried")


def test_A_12_who_left_is_not_present():
    """Released by the meeting: m4 said no and left; two thirds of three are two."""
    story = voted(given(vote((1, 2, 3, 4))), "yes", "yes", "no", "no")
    left = having(story, case=having(story.case, open=(having(story.case.open[0], seats=tuple(
        having(s, claimed_by="") if s.key == "m4" else s for s in story.case.open[0].seats)),)))
    assert after(left, by(M[0], "close")).events[0] == BallotClosed(1, 6, 0, 3, 2, 1, 0, "no_quorum")


SECRET = Policy(ballot=BallotRule(secret=True))


def test_R_45_a_secret_vote_leaves_only_that_it_was_cast():
    story = given(vote(), policy=SECRET)
    assert decided(story, when=by(M[1], "no", "m2")) == [SeatActed(1, "m2", "voted", 2)]
    assert [sealed_choice(story.procedure, story.case, by(M[1], v, "m2").act, p)
            for v, p in (("no", SECRET), ("claim", SECRET), ("no", Policy()))] == ["no", "", ""]


@pytest.mark.parametrize(("cast", "sealed", "then"), [
    pytest.param(4, {"m1": "yes", "m2": "yes", "m3": "yes", "m4": "no"}, BallotClosed(1, 6, 0, 4, 3, 1, 0, "passed"), id="opened at the close"),
    pytest.param(3, {"m1": "yes", "m2": "yes", "m3": "yes"}, BallotClosed(1, 6, 0, 4, 3, 0, 0, "passed"), id="A-12 settled by what is opened"),
    pytest.param(3, {"m1": "yes", "m2": "yes", "m3": "no"}, no("quorum", "A-12"), id="A-12 not settled by what is opened"),
    pytest.param(3, {}, no("quorum", "A-12"), id="what lies sealed settles nothing"),
])
def test_R_45_a_secret_ballot_is_opened_for_its_close(cast, sealed, then):
    story = voted(given(vote(), policy=SECRET, sealed=sealed), *["yes"] * cast)
    got = decided(story, when=by(M[0], "close"))
    assert (got if isinstance(got, Refusal) else got[0]) == then


def test_R_45_the_chair_is_offered_the_close_when_all_have_voted():
    """Although the page has not opened what lies sealed."""
    story = voted(given(vote(), policy=SECRET), "yes", "yes", "yes", "yes")
    assert stands(story) == {"vote": ["m5", "m6", "close"]}
    assert why_not(story.procedure, story.case, "close", story.context(M[0]), 1) is None


def test_A_11_signing_in_is_not_voting():
    """The office never claims a member's seat."""
    story = given(vote())
    assert decided(story, when=by(M[4], "claim", "m5")) == no("wrong_stage", "A-28")
    assert SeatClaimed(1, "m5", "m5") not in story.events


def test_G_18_a_member_who_declares_a_tie_leaves_the_base():
    """m4 declines: base five, quorum four, three are present."""
    chair: Who = M[0]
    story = after(given(vote()), by(M[3], "decline", "m4", opinion="师生"))
    told = after(voted(story, "yes", "yes", "yes"), by(chair, "close"))
    assert told.events[0] == BallotClosed(1, 6, 1, 3, 3, 0, 0, "no_quorum")


def test_R_45_a_reason_given_with_a_secret_vote_is_not_kept():
    """Its words, or that there are any, would tell the choice."""
    no_with_words = by(M[1], "no", "m2", opinion="理由")
    assert decided(given(vote(), policy=SECRET), when=no_with_words) == [SeatActed(1, "m2", "voted", 2)]
    assert decided(given(vote()), when=no_with_words) == [SeatActed(1, "m2", "no", 2, "理由")]


def test_A_12_a_lost_question_may_be_put_once_more_where_the_policy_says_so():
    """The last ballot counts, both stay on record."""
    twice = Policy(ballot=BallotRule(again=1))
    lost = voted(given(vote(), policy=twice), "yes", "yes", "no", "no")
    again = after(lost, by(M[0], "close", to="again"))
    assert [e.tag for e in again.events][:3] == ["case.ballot_closed.v1", "case.stage_closed.v1", "case.stage_opened.v1"]
    assert stands(again)["vote"]                            # everybody is asked anew
    won = after(voted(again, *["yes"] * 4), by(M[0], "close"))
    assert stands(won) == {"ended": ["carried"]}
    still_lost = voted(again, *["no"] * 4)
    assert decided(still_lost, by(M[0], "close", to="again")) == no("target_not_allowed", "A-12")
    assert stands(after(still_lost, by(M[0], "close"))) == {"ended": ["lost"]}


@pytest.mark.parametrize(("policy", "votes"), [
    pytest.param(Policy(), ["no"] * 4, id="the policy allows none"),
    pytest.param(Policy(ballot=BallotRule(again=1)), ["yes"] * 4, id="what is carried is carried"),
])
def test_A_12_nothing_else_is_put_once_more(policy, votes):
    story = voted(given(vote(), policy=policy), *votes)
    assert decided(story, by(M[0], "close", to="again")) == no("target_not_allowed", "A-12")
