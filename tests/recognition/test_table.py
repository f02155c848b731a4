"""The table of an application as it is walked: who is asked, until when, and what follows if nobody answers (R-8, R-12 to R-42)."""
from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from domain.kernel.acts import Act
from domain.kernel.calendar import end_of, start_of
from domain.kernel.events import SERVED, RungTaken, StageClosed
from domain.kernel.plan import plan
from domain.kernel.refusal import Refusal, no
from domain.kernel.rosters import Roster
from domain.kernel.stages import Gates
from domain.kernel.values import Text, having
from domain.recognition.conditions import shows
from domain.recognition.dossier import AnswerLeaf, Apply, Confirm, CoSign, Declare, Describe
from domain.recognition.facts import VetoesHeard
from domain.recognition.policy import StarPolicy
from domain.recognition.procedure import STAR
from domain.recognition.proposal import Letter, Propose, Rendered, Told, computed
from domain.recognition.review import Drawn, Loads, Sheet
from domain.recognition.site import FixVisit, Mended, Notified, Reply, Rescored, SiteSheet, VisitHeld
from domain.registers.person import SUBJECTS
from tests.kernel.story import WORKFLOW, Step, Story, Who, after, by, decided, given, moment, stands, who

from .school import CALENDAR, DONE, NOTES, POLICY, SCHOOL, WINDOW, scores

WHY = Text("理由")
CLERK, PRINCIPAL = who("clerk", "applicant@S1"), who("principal", "principal@S1")
BOTH = who("both", "applicant@S1", "principal@S1")
OFFICE, OFFICE_2 = (who(f"office{n}", "basic_education_section_staff@SC2") for n in (1, 2))
HEAD, LEADER = who("head", "basic_education_section_head@SC2"), who("leader", "bureau_leader@BUREAU")
LEAVES = [x for x in POLICY.leaves if x.by != {"office"}]


def gates(last: str = "2026-03-31", **more: Any) -> Gates:
    shown = {WINDOW: end_of(moment(last).date()).isoformat(), WINDOW.replace("window", "window_from"): start_of(moment("2026-03-02").date()).isoformat(),
             WINDOW.replace("window", "opened"): "2026-03-02", **{k.replace("__", ":"): v for k, v in more.items()}}
    return Gates({("organisation:S1", "S1"): SCHOOL, (SUBJECTS, "e1"): ["语文"], **{(g, "B"): v for g, v in shown.items()}})


def says(who: Who, seat: str, form: Any = None, on: str = "", verb: str = "agree", **act: Any) -> Step:
    return by(who, verb, seat, on=f"2026-{on}" if on else "", form=form, **act)


def does(duty: str, form: Any = None) -> Step:
    return by(WORKFLOW, "do", duty=duty, form=form)


def fills(clerk: Who) -> list[Step]:
    return [by(clerk, "record", form=Describe(Text("书法"), "语文")),
            *(by(clerk, "record", form=AnswerLeaf(x.id, 100, ("f",) * x.evidence_min)) for x in LEAVES)]


@cache
def filled(clerk: Who = CLERK) -> Story:
    return given(STAR, *fills(clerk), by=clerk, act=Act("open", form=Apply(1)), id="星申2026-001", subject="S1", parent="星批2026-001",
                 on="2026-03-02", policy=POLICY, calendar=CALENDAR, gates=gates())


def told(story: Story, *steps: Step) -> Story:
    for step in steps:
        got = after(story, step)
        assert isinstance(got, Story), (step, got)
        story = got
    return story


def why(got: Any) -> Any:
    return got if isinstance(got, Refusal) else "done"


DECLARED, SIGNED = says(CLERK, "clerk", Declare(True), "03-03"), says(PRINCIPAL, "principal", CoSign(), "03-03")


@cache
def submitted() -> Story:
    return told(filled(), DECLARED, SIGNED)


# -- the dossier and its signature -----------------------------------------------------------------------------------------


def test_R_5_R_8_a_draft_lapses_with_the_window():
    assert stands(filled(), "2026-03-31 23:59") == {"dossier": ["clerk"]}
    assert stands(filled(), "2026-04-01 00:00") == {"ended": ["lapsed"]}
    extended = having(filled(), gates=gates("2026-04-10"))
    assert (stands(extended, "2026-04-10 23:59"), stands(extended, "2026-04-11 00:00")) == ({"dossier": ["clerk"]}, {"ended": ["lapsed"]})


def test_R_12_the_principal_signs_or_sends_back():
    assert stands(told(filled(), DECLARED)) == {"co_sign": ["principal"]}
    assert stands(submitted()) == {"completeness": ["office"]}
    back = told(filled(), DECLARED, says(PRINCIPAL, "principal", verb="return", to="dossier", opinion=WHY))
    assert stands(back) == {"dossier": ["clerk"]}
    assert why(decided(told(filled(), DECLARED), says(PRINCIPAL, "principal", verb="return", to="dossier"))) == no("opinion_required", "A-15")


@pytest.mark.parametrize(("writer", "hands_in", "signs", "then"), [
    pytest.param(CLERK, CLERK, PRINCIPAL, "done", id="two persons"),
    pytest.param(CLERK, BOTH, BOTH, no("separation", "G-13", who="both"), id="who handed it in"),
    pytest.param(BOTH, CLERK, BOTH, no("separation", "G-13", who="both"), id="who wrote it"),
    pytest.param(BOTH, CLERK, PRINCIPAL, "done", id="another principal"),
])
def test_G_13_R_12_author_and_signer(writer, hands_in, signs, then):
    story = told(filled(writer), says(hands_in, "clerk", Declare(True)))
    assert why(decided(story, says(signs, "principal", CoSign()))) == then


@pytest.mark.parametrize(("shown", "then"), [
    pytest.param({}, "done", id="nothing blocks"),
    pytest.param({"overdue__S1": ["Z-1"]}, no("blocked", "L-1", no="Z-1"), id="L-1 an overdue rectification"),
    pytest.param({"veto__S1": [["D-1", "illegal_fee", "2026-01-05"]]}, no("veto", "L-2", no="D-1"), id="L-2 a veto"),
])
def test_R_13_a_block_stops_the_signature_and_not_the_draft(shown, then):
    story = having(told(filled(), DECLARED), gates=gates(**shown))
    assert why(decided(story, SIGNED)) == then
    assert why(decided(having(filled(), gates=gates(**shown)), by(CLERK, "record", form=AnswerLeaf("A1.1", 200, ("f",))))) == "done"


# -- completeness and correction -------------------------------------------------------------------------------------------


def test_R_16_no_answer_counts_as_accepted():
    """Five working days from Tue 3 March: until the end of Tue 10."""
    assert stands(submitted(), "2026-03-10 23:59") == {"completeness": ["office"]}
    assert stands(submitted(), "2026-03-11 00:00") == {"eligibility": ["head"]}


def asks(on: str, *parts: str, who: Who = OFFICE) -> list[Step]:
    return [says(who, "office", on=on, verb="claim"), says(who, "office", on=on, verb="return", to="correction", parts=parts, opinion=WHY)]


ASKED = asks("03-05", "leaf.A1.1")
MENDED = [by(CLERK, "record", form=AnswerLeaf("A1.1", 200, ("g",)), on="2026-03-09"), says(CLERK, "clerk", Declare(True), "03-09")]


def test_R_17_exactly_the_named_parts_are_open():
    story = told(submitted(), *ASKED)
    assert stands(story) == {"correction": ["clerk"]}
    assert decided(story, by(CLERK, "record", form=AnswerLeaf("A1.2", 200, ("g",)))) == no("target_not_allowed", "A-39", part="leaf.A1.2")
    assert decided(story, says(CLERK, "clerk", Declare(True))) == no("malformed", "A-19", missing="leaf.A1.1")


def test_R_17_the_offices_clock_stands_still_and_goes_on():
    """Of five working days only Wed 4 was used; asked on the 5th, signed again on the 10th: 11, 12, 13 and Mon 16 are left."""
    story = told(submitted(), *ASKED, *MENDED, says(PRINCIPAL, "principal", CoSign(), "03-10"))
    assert (stands(story), story.case.open[0].seats[0].claimed_by) == ({"completeness": ["office"]}, "office1")
    assert (stands(story, "2026-03-16 23:59"), stands(story, "2026-03-17 00:00")) == ({"completeness": ["office"]}, {"eligibility": ["head"]})


@pytest.mark.parametrize("steps", [[], MENDED, [*MENDED, says(PRINCIPAL, "principal", on="03-12", verb="return", to="correction", opinion=WHY)]],
                         ids=["the clerk", "the principal", "the clerk again"])
def test_R_17_clerk_and_principal_share_one_term(steps):
    """Ten working days from Thu 5 March, when it was opened: until the end of Thu 19, whoever has it; the window of the batch
    no longer binds it."""
    story = told(submitted(), *ASKED, by(CLERK, "receive"), *steps)
    before = stands(story)
    assert (stands(story, "2026-03-19 23:59"), stands(story, "2026-03-20 00:00")) == (before, {"ended": ["lapsed"]})
    if len(steps) == 3:
        assert story.case.open[0].editable == ("leaf.A1.1",)


@pytest.mark.parametrize(("steps", "last"), [
    pytest.param([by(CLERK, "receive", on="2026-03-06 10:00")], "2026-03-20 23:59", id="opened on Fri 6 March"),
    pytest.param([MENDED[0]], "2026-03-23 23:59", id="who answers a point on Mon 9 has opened it"),
    pytest.param([], "2026-03-24 23:59", id="nobody opens it: presumed at the end of Tue 10"),
])
def test_C_9_the_term_of_a_correction_starts_at_service(steps, last):
    story = told(submitted(), *ASKED, *steps)
    assert (stands(story, last), stands(story, f"{moment(last) + timedelta(1):%Y-%m-%d} 00:00")) == ({"correction": ["clerk"]}, {"ended": ["lapsed"]})


def test_C_9_the_facts_and_the_request_to_mend_are_served_too():
    assert [s.name for s in STAR.stages if s.clock and s.clock.after == SERVED] == ["correction", "fact_reply", "mending"]


def test_R_18_a_third_request_is_refused():
    twice = told(submitted(), *ASKED, *MENDED, says(PRINCIPAL, "principal", CoSign(), "03-10"),
                 says(OFFICE, "office", on="03-11", verb="return", to="correction", parts=("leaf.A1.1",), opinion=WHY),
                 by(CLERK, "record", form=AnswerLeaf("A1.1", 250, ("h",))), says(CLERK, "clerk", Declare(True)), says(PRINCIPAL, "principal", CoSign()))
    assert decided(twice, says(OFFICE, "office", verb="return", to="correction", opinion=WHY)) == no("target_not_allowed", "A-17")
    assert stands(told(twice, says(OFFICE, "office", verb="refuse", opinion=WHY))) == {"refusal": ["head"]}


@pytest.mark.parametrize(("steps", "term", "on", "then"), [
    pytest.param([DECLARED], 3, "2026-03-07 00:00", ["co_sign/2"], id="R-12 three working days after the clerk handed it over"),
    pytest.param([DECLARED], 3, "2026-03-06 23:59", [], id="R-12 not before"),
    pytest.param([DECLARED], 2, "2026-03-06 00:00", ["co_sign/2"], id="R-12 how many the policy says"),
    pytest.param([DECLARED, by(WORKFLOW, "look", on="2026-03-09")], 3, "2026-03-10", [], id="R-12 once"),
    pytest.param([DECLARED, SIGNED], 3, "2026-03-09", [], id="R-12 not who has signed"),
])
def test_R_12_the_principal_is_reminded_at_the_term_of_the_co_sign(steps, term, on, then):
    story = told(having(filled(), policy=having(POLICY, cosign_term=term)), *steps)
    assert [e.key for e in after(story, by(WORKFLOW, "look", on=on)).events if isinstance(e, RungTaken)] == then


def test_R_17_after_a_correction_its_own_term_reminds():
    story = told(submitted(), *ASKED, *MENDED)
    assert [e for e in after(story, by(WORKFLOW, "look", on="2026-03-17")).events if isinstance(e, RungTaken)] == []


TAKES_BACK = by(OFFICE, "take_back", "office", on="2026-03-05 10:00")


def test_R_18_A_21_a_request_that_was_taken_back_is_no_round():
    """Asked on the wrong part, taken back within the hour; after it there are still two rounds, and its own term is over."""
    story = told(submitted(), *asks("03-05", "leaf.A1.2"))
    story = told(story, having(TAKES_BACK, act=having(TAKES_BACK.act, visit=story.case.past[-1].no), stage="*"))
    assert stands(story) == {"completeness": ["office"]}
    story = told(story, *asks("03-05 11:00", "leaf.A1.1"))
    assert story.case.open[0].editable == ("leaf.A1.1",)
    story = told(story, *MENDED, says(PRINCIPAL, "principal", CoSign(), "03-10"))
    again = told(story, says(OFFICE, "office", on="03-11", verb="return", to="correction", parts=("leaf.A1.1",), opinion=WHY))
    assert stands(again) == {"correction": ["clerk"]}
    twice = told(again, by(CLERK, "record", form=AnswerLeaf("A1.1", 250, ("h",))), says(CLERK, "clerk", Declare(True)), says(PRINCIPAL, "principal", CoSign()))
    assert decided(twice, says(OFFICE, "office", verb="return", to="correction", opinion=WHY)) == no("target_not_allowed", "A-17")


# -- eligibility -----------------------------------------------------------------------------------------------------------


@cache
def complete() -> Story:
    return told(submitted(), says(OFFICE, "office", on="03-04", verb="claim"), says(OFFICE, "office"))


def test_R_20_a_computed_no_is_not_agreed_to():
    late = having(told(filled(), DECLARED), gates=Gates({**gates(), ("organisation:S1", "S1"): having(SCHOOL, founded_year=2025)}))
    story = told(late, SIGNED, says(OFFICE, "office", on="03-04", verb="claim"), says(OFFICE, "office"))
    assert decided(story, says(HEAD, "head", Confirm())) == no("target_not_allowed", "R-20", failed="years_in_operation")
    refused = told(story, says(HEAD, "head", verb="refuse", opinion=WHY))
    assert stands(refused) == {"refusal": ["head"]}
    told_ = told(refused, says(HEAD, "head", Letter(WHY)), does("render_letter", Rendered("letter", "sha")), does("tell_people", Told()))
    assert (stands(told_), told_.case.facts.letter) == ({"ended": ["refused"]}, "eligibility")


def test_R_8_the_head_is_escalated():
    assert stands(complete(), "2026-03-10 00:00") == {"eligibility": ["head", "head^"]}
    story = told(complete(), says(LEADER, "head^", Confirm(), "03-10"))
    assert stands(story) == {"draw": []}


def test_G_12_who_checked_completeness_may_confirm_and_may_not_score():
    """One judging group: the office's handling."""
    both = having(HEAD, id="office1")
    story = told(complete(), says(both, "head", Confirm()))
    drawn_ = told(story, does("draw_experts", Drawn("s", (("office1", "", True, False, True), ("e2", "", True, False, True)))))
    assert decided(drawn_, says(who("office1"), "office1")) == no("separation", "G-12", who="office1")


# -- experts -----------------------------------------------------------------------------------------------------------------

POOL = tuple((f"e{n}", "", True, True, True) for n in range(1, 8))
E = {f"e{n}": who(f"e{n}") for n in range(1, 20)}


@cache
def eligible() -> Story:
    return told(complete(), says(HEAD, "head", Confirm()))


def drawn_from(story: Story, duty: str, pool: Any) -> Story:
    """The workflow draws until nothing is owed any more."""
    for _ in range(9):
        if not any(d.duty == duty for d in plan(STAR, story.case, story.context(WORKFLOW)).duties):
            return story
        story = told(story, does(duty, Drawn("s", pool)))
    raise AssertionError("drawn for ever")


def scored(story: Story, share: int, *, name: str = "experts", accept: bool = True) -> Story:
    for x in story.case.roster(name).members if accept else ():
        story = told(story, says(E[x], x))
    for x in story.case.roster(name).members:
        story = told(story, says(E[x], x, Sheet(scores("material", share), NOTES)))
    return story


def test_R_21_two_accept_and_score():
    story = drawn_from(eligible(), "draw_experts", POOL)
    members = list(story.case.roster("experts").members)
    assert stands(story) == {"draw": members}
    assert stands(scored(story, 80)) == {"appointment": []}


def test_R_21_the_reserve_of_one_case_is_no_expert_of_another():
    """One dossier an expert, five experts: the first case has two and a reserve; then the reserve steps in."""
    lot = Drawn("s", POOL[:5], tuple((x, 1) for x, *_ in POOL))
    first = told(eligible(), does("draw_experts", lot))
    second = having(eligible(), gates=Gates({**gates(), **{(g, "A"): 1 for g in shows(first.case)}}))
    second = told(second, does("draw_experts", lot))
    one = first.case.roster("experts").members[0]
    first = told(first, says(E[one], one, verb="decline", opinion=WHY))
    carried = Counter(g for story in (first, second) for g in shows(story.case) if g.startswith("load:"))
    assert carried == {f"load:{x}": 1 for x in set(E) & {x for x, *_ in POOL[:5]} - {one}}


def test_R_26_a_third_is_drawn_when_they_are_far_apart():
    story = drawn_from(eligible(), "draw_experts", POOL)
    one, two = story.case.roster("experts").members
    story = told(story, says(E[one], one), says(E[two], two), says(E[one], one, Sheet(scores("material", 100), NOTES)),
                 says(E[two], two, Sheet(scores("material", 60), NOTES)))
    assert stands(story) == {"third": []}
    story = drawn_from(story, "draw_third", POOL)
    (third,) = story.case.roster("third").members
    assert (stands(story), third in (one, two)) == ({"third": [third]}, False)
    assert stands(scored(story, 90, name="third", accept=False)) == {"appointment": []}


def test_R_25_a_sheet_is_final_when_the_last_has_signed():
    story = drawn_from(eligible(), "draw_experts", POOL)
    one, two = story.case.roster("experts").members
    story = told(story, says(E[one], one), says(E[two], two), says(E[one], one, Sheet(scores("material", 80), NOTES)))
    assert why(decided(story, says(E[one], one, verb="take_back"))) == "done"
    over = told(story, says(E[two], two, Sheet(scores("material", 80), NOTES)))
    assert decided(over, by(E[two], "take_back", two, visit=story.case.open[0].no)) == no("next_has_acted", "A-21")


def test_R_21_A_43_from_too_small_a_pool_the_office_assigns_and_the_sheet_counts():
    story = drawn_from(eligible(), "draw_experts", POOL[:1])
    assert stands(story) == {"draw": ["e1", "assign", "assign^"]}
    story = told(story, by(OFFICE, "assign", to="e19"))
    assert stands(story) == {"draw": ["e1", "e19"]}
    story = scored(story, 80)
    assert stands(story) == {"appointment": []}
    assert computed(story.case, POLICY).material_cp == 7293


def test_R_8_an_expert_who_does_not_accept_is_replaced():
    """Two working days from Wed 4 March: until the end of Fri 6."""
    story = drawn_from(eligible(), "draw_experts", POOL)
    one, two = story.case.roster("experts").members
    reserve = story.case.roster("experts").reserve
    late = told(story, says(E[one], one), by(WORKFLOW, "look", on="2026-03-07"))
    assert (late.case.roster("experts").members, stands(late)) == ((one, *reserve), {"draw": list(reserve)})
    assert decided(late, says(E[two], two)) == no("past_deadline", "C-24")


# -- panel, report, mending, proposal ---------------------------------------------------------------------------------------


@cache
def reviewed(share: int) -> Story:
    return drawn_from(scored(drawn_from(eligible(), "draw_experts", POOL), share), "draw_panel", POOL)


@cache
def visited(share: int = 100) -> Story:
    story = reviewed(share)
    leader = story.case.roster("panel").members[0]
    assert stands(story) == {"appointment": [leader]}
    return told(story, says(E[leader], leader, FixVisit(moment("2026-03-10").date()), "03-04"), does("tell_school", Notified()),
                says(E[leader], leader, VisitHeld(DONE), "03-10"))


def signed(story: Story, *said: str, share: int = 100) -> Story:
    for x, suggestion in zip(story.case.roster("panel").members, said, strict=False):
        story = told(story, says(E[x], x, SiteSheet(scores("site", share), suggestion)))
    return story


def test_R_30_the_day_is_not_fixed_the_next_member_leads_and_the_reserve_joins():
    """The row "site visit" of 3.2."""
    story = reviewed(100)
    first, *others = story.case.roster("panel").members
    spare = having(story.case, rosters={**story.case.rosters, "panel": Roster((first, *others), ("spare",))})
    late = told(having(story, case=spare), by(WORKFLOW, "look", on="2026-03-10"))
    assert (late.case.roster("panel").members, stands(late)) == ((*others, "spare"), {"appointment": others[:1]})


def test_R_33_the_report_as_it_was_signed():
    """Five working days from Tue 10 March: with two signatures it goes on, without any it waits."""
    two = signed(visited(), "recognise", "recognise")
    assert stands(two, "2026-03-18 00:00") == {"fact_reply": ["principal"]}
    none = stands(visited(), "2026-03-18 00:00")
    assert none == {"report": list(visited().case.roster("panel").members)}


def test_A_21_a_member_who_takes_a_signature_back_takes_back_only_that():
    story = signed(visited(), "recognise", "recognise", "recognise")
    last = story.case.roster("panel").members[2]
    report = story.case.last("report", "")
    again = told(story, by(E[last], "take_back", last, visit=report.no))
    assert stands(again) == {"report": [last]}


def test_R_34_silence_is_no_objection():
    story = signed(visited(), "recognise", "recognise", "recognise")
    assert stands(told(story, by(PRINCIPAL, "receive")), "2026-03-14 00:00") == {"proposal": ["head"]}
    assert stands(told(story, says(PRINCIPAL, "principal", Reply()))) == {"proposal": ["head"]}
    assert stands(told(story, says(PRINCIPAL, "principal", Reply((WHY,))))) == {"answer": [story.case.roster("panel").members[0]]}


def test_R_35_mending_and_its_re_check():
    story = told(signed(visited(), "mend", "mend", "recognise", share=60), says(PRINCIPAL, "principal", Reply()))
    panel = list(story.case.roster("panel").members)
    assert stands(story) == {"mending": ["principal"]}
    story = told(story, says(PRINCIPAL, "principal", Mended(("B2.2",), WHY)))
    assert stands(story) == {"re_check": panel}
    given_ = Rescored((("B2.2", 300),))
    accepted = told(story, *(says(E[x], x, given_) for x in panel))
    refused = told(story, says(E[panel[0]], panel[0], given_), says(E[panel[1]], panel[1], verb="refuse", opinion=WHY))
    assert (stands(accepted), stands(refused)) == ({"proposal": ["head"]}, {"proposal": ["head"]})
    assert computed(accepted.case, POLICY).site_cp > computed(refused.case, POLICY).site_cp == computed(story.case, POLICY).site_cp


def rescored(policy: StarPolicy, *given: Any) -> Story:
    """One leaf was mended; re-checkers give this for it, in the order of the panel."""
    story = told(having(signed(visited(), "mend", "mend", "recognise", share=60), policy=policy), says(PRINCIPAL, "principal", Reply()),
                 says(PRINCIPAL, "principal", Mended(("B2.2",), WHY)))
    for x, score in zip(list(stands(story)["re_check"]), given, strict=True):
        story = told(story, says(E[x], x, Rescored((("B2.2", score),) if score else ())))
    assert stands(story) == {"proposal": ["head"]}
    return story


@pytest.mark.parametrize(("by_whom", "given", "counts"), [
    pytest.param("site_panel", (300, 300, 300), 300, id="all alike"),
    pytest.param("site_panel", (320, 250, 300), 300, id="the whole panel: the median, not the last"),
    pytest.param("site_panel", (300, 0, 0), 0, id="two of three change nothing"),
    pytest.param("leader_and_one", (320, 260), 290, id="the leader and one: their mean"),
    pytest.param("leader_and_one", (300, 0), 250, id="one of two changes nothing"),
])
def test_R_35_re_checkers_who_disagree(by_whom, given, counts):
    """B2.2 stood at 200 of 400; steps of ten here."""
    fine = having(POLICY, rescored_by=by_whom, leaves=tuple(having(x, step_cp=10) for x in POLICY.leaves))
    assert computed(rescored(fine, *given).case, fine) == computed(rescored(fine, *[counts] * len(given)).case, fine)


@cache
def proposed(share: int) -> Story:
    return told(signed(visited(share), "recognise", "recognise", "recognise", share=share), says(PRINCIPAL, "principal", Reply()))


def test_R_21_experts_who_are_asked_again_are_looked_at_first():
    """The committee's case comes back to the review: one expert has taken another dossier meanwhile, the reserve steps in."""
    story = proposed(80)
    one, two = story.case.roster("experts").members
    (spare,) = story.case.roster("experts").reserve
    story = told(story, says(HEAD, "head", verb="return", to="material", opinion=WHY))
    assert stands(story) == {"material": [one, two]}
    assert [d.duty for d in plan(STAR, story.case, story.context(WORKFLOW)).duties] == ["check_load"]
    busy = having(story, gates=Gates({**story.gates, (f"load:{one}", "another"): 1, (f"load:{two}", story.case.id): 1}))
    told_ = told(busy, does("check_load", Loads(((one, 1), (two, 1), (spare, 1)))))
    assert (told_.case.roster("experts").members, stands(told_)) == ((two, spare), {"material": [two, spare]})
    assert plan(STAR, told_.case, told_.context(WORKFLOW)).duties == ()


def test_R_30_R_48_sent_back_to_the_visit_a_new_day_is_fixed_and_all_report_again():
    story = told(proposed(100), says(HEAD, "head", on="03-11", verb="return", to="appointment", opinion=WHY))
    panel = list(story.case.roster("panel").members)
    leader = panel[0]
    assert stands(story) == {"appointment": [leader]}
    assert decided(story, says(E[leader], leader, FixVisit(moment("2026-03-16").date()))) == no("malformed", "R-30", notice=3)
    story = told(story, says(E[leader], leader, FixVisit(moment("2026-03-17").date())), does("tell_school", Notified()))
    assert stands(story) == {"visit": [leader]}
    story = told(story, says(E[leader], leader, VisitHeld(DONE), "03-17"))
    assert (stands(story), story.case.facts.site) == ({"report": panel}, {})


@pytest.mark.parametrize(("share", "then"), [
    pytest.param(100, {"vote": []}, id="to the vote, which waits for its meeting"),
    pytest.param(60, {"refusal": ["head"]}, id="R-41 a computed refusal is signed by the head"),
])
def test_R_41_from_the_proposal(share, then):
    assert stands(told(proposed(share), says(HEAD, "head", Propose()))) == then


def test_R_42_a_veto_found_after_the_proposal_leads_back_to_it():
    story = told(proposed(100), says(HEAD, "head", Propose()))
    found = having(story, gates=gates(veto__S1=[["D-1", "illegal_fee", "2026-03-11"]]))
    back = told(found, by(WORKFLOW, "look"))
    assert back.events[:2] == [VetoesHeard(("D-1",)), StageClosed(story.case.open[0].no, "returned", "proposal")]
    assert stands(back) == {"proposal": ["head"]}
    refused = told(back, says(HEAD, "head", Propose()))
    assert (stands(refused), refused.case.facts.proposal) == ({"refusal": ["head"]}, "refuse")


def test_R_40_A_20_the_applicant_may_withdraw_until_the_document_names_it():
    story = told(proposed(100), says(HEAD, "head", Propose()))
    assert stands(told(story, by(PRINCIPAL, "withdraw"))) == {"ended": ["withdrawn"]}
    named = having(story, gates=gates(signed__星申2026_001=1))
    assert why(decided(named, by(PRINCIPAL, "withdraw"))) == "done"         # another application's gate
    named = having(story, gates=Gates({**gates(), ("signed:星申2026-001", "B"): 1}))
    assert decided(named, by(PRINCIPAL, "withdraw")) == no("wrong_stage", "R-67")
