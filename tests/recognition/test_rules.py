"""What each form of an application may say (R-1 to R-72), under the county's rules of 2026."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.kernel.acts import DemandRecusal
from domain.kernel.calendar import day_of, end_of
from domain.kernel.case import Past, Proposal
from domain.kernel.check import check
from domain.kernel.events import CaseSuspended, Entry, Event, RosterDrawn, RosterLeft, SeatClaimed
from domain.kernel.evolve import evolve
from domain.kernel.late import BEYOND
from domain.kernel.may import unmet
from domain.kernel.refusal import Refusal, no
from domain.kernel.rosters import Candidate, Roster, draw
from domain.kernel.seats import Acted, Seat, person, post
from domain.kernel.stages import Close, End
from domain.kernel.values import Text, having
from domain.recognition import batch as b
from domain.recognition import conditions
from domain.recognition.conditions import known_to_the_school, told_since
from domain.recognition.dossier import (
    AnswerLeaf,
    Apply,
    Confirm,
    CoSign,
    Declare,
    Describe,
    answer_leaf,
    apply,
    checks,
    co_sign,
    confirm,
    declare,
    describe,
    missing,
)
from domain.recognition.facts import (
    Application,
    Applied,
    BelowQuotaHeard,
    CalledToVote,
    Declared,
    Described,
    DocumentHeard,
    EligibilityComputed,
    EligibilityCorrected,
    FactsDisputed,
    HeldHeard,
    LeafAnswered,
    LeavesRescored,
    LetterSigned,
    MendingReported,
    OfficeScored,
    PaperRendered,
    PointsAnswered,
    ResultProposed,
    SchoolNotified,
    SheetSigned,
    SiteScored,
    TitleConferred,
    VetoesHeard,
    Visited,
    VisitFixed,
)
from domain.recognition.policy import StarPolicy
from domain.recognition.procedure import BATCH, STAR
from domain.recognition.proposal import (
    BelowQuota,
    DocumentSigned,
    EnterRegister,
    Letter,
    MeetingCalled,
    Propose,
    PutOnHold,
    Rendered,
    below_quota,
    computed,
    enter_register,
    hear_document,
    heed_vetoes,
    meeting_called,
    propose,
    put_on_hold,
    reason_code,
    rendered,
    result_by_rule,
    sign_letter,
)
from domain.recognition.review import Drawn, Loads, Sheet, drawn, looked_at, sign_sheet
from domain.recognition.seats import the_chair, the_committee
from domain.recognition.site import (
    Answers,
    FixVisit,
    Mended,
    Notified,
    Reply,
    Rescored,
    SiteSheet,
    VetoFound,
    VisitHeld,
    answer,
    fix_visit,
    hold_visit,
    mend,
    notified,
    panel_score,
    raised,
    reply,
    report_as_signed,
    rescore,
    sign_site,
    veto_found,
)
from domain.registers.organisation import Organisation, Title, Violation
from store.texts import too_short
from tests.kernel.story import Story, by, decided, moment
from tests.kernel.story import who as person_with

from .school import (
    DONE,
    HELD,
    NOTES,
    NOW,
    POLICY,
    SCHOOL,
    WINDOW,
    application,
    at,
    batch,
    context,
    policy,
    scores,
    stands,
    visit,
)

WHY = Text("理由")
TODAY = day_of(NOW)


def day(text: str) -> date:
    return moment(text).date()


# -- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "school", "then"), [
    pytest.param(1, SCHOOL, [Applied(1, "DS1", True)], id="R-1 a tier of the programme; a town is rural"),
    pytest.param(2, having(SCHOOL, town="城关街道"), [Applied(2, "DS1", False)], id="R-44 a 街道 is not"),
    pytest.param(3, SCHOOL, no("malformed", "R-1", level=3), id="R-1 three stars are nominated upward"),
    pytest.param(0, SCHOOL, no("malformed", "R-1", level=0), id="R-1 no such tier"),
    pytest.param(1, having(SCHOOL, kind="kindergarten"), no("target_not_allowed", "R-19", kind="kindergarten"), id="R-19 another kind of school"),
    pytest.param(1, None, no("target_not_allowed", "R-19", kind=""), id="R-19 in no register"),
])
def test_R_1_R_19_apply(level, school, then):
    assert apply(application(), None, Apply(level), context(school=school)) == then


def may_open(**gates: Any) -> Refusal | None:
    return unmet(conditions.may_apply, application(), context(gates={k.replace("__", ":"): v for k, v in gates.items()}))


FROM = "window_from:星批2026-001"


@pytest.mark.parametrize(("cap", "has", "then"), [
    pytest.param(None, 99, None, id="no limit unless the policy names one"),
    pytest.param(2, None, None, id="the first of two"),
    pytest.param(2, 1, None, id="the second"),
    pytest.param(2, 2, no("quota_full", "R-6", most=2), id="the third"),
])
def test_R_6_a_batch_takes_so_many_applications(cap, has, then):
    gates = {FROM: "2026-03-02T00:00:00+08:00", WINDOW: "2026-03-31T23:59:59+08:00", "applications:星批2026-001": has}
    assert unmet(conditions.may_apply, application(), context(policy=having(POLICY, application_cap=cap), gates=gates)) == then


def test_R_6_the_batch_counts_its_applications():
    """Only an opening leans on the count: what is open already is not disturbed by the next."""
    children = {"a": stands("working"), "b": stands("ended", by="refused"), "c": stands("ended", by="withdrawn"), "d": stands("ended", by="lapsed")}
    case = batch(children, first_day=day("2026-03-02"), last_day=day("2026-03-31"))
    assert b.shows(case)["applications:星批2026-001"] == 2
    unborn, born = having(application(), version=0), application()
    assert [("applications:星批2026-001" in conditions.leans(x)) for x in (unborn, born)] == [True, False]


@pytest.mark.parametrize(("gates", "then"), [
    pytest.param({FROM: "2026-03-02T00:00:00+08:00", WINDOW: "2026-03-31T23:59:59+08:00"}, None, id="R-64 in the window of its batch"),
    pytest.param({FROM: "2026-03-02T00:00:00+08:00", WINDOW: "2026-03-09T23:59:59+08:00"}, no("past_deadline", "R-5"), id="R-64 after it"),
    pytest.param({FROM: "2026-03-11T00:00:00+08:00", WINDOW: "2026-03-31T23:59:59+08:00"}, no("wrong_stage", "R-64"), id="R-64 before its first day"),
    pytest.param({}, no("past_deadline", "R-5"), id="R-64 no window"),
    pytest.param({FROM: "2026-03-02T00:00:00+08:00", WINDOW: "2026-03-31T23:59:59+08:00", "applying:star-school:S1": "星申2026-000"}, no("duplicate", "R-6"),
                 id="R-6 one open application a programme"),
    pytest.param({FROM: "2026-03-02T00:00:00+08:00", WINDOW: "2026-03-31T23:59:59+08:00", "applying:star-school:S2": "星申2026-000"}, None, id="R-6 another school's"),
])
def test_R_6_R_64_an_application_opens_in_its_window_and_alone(gates, then):
    assert may_open(**gates) == then


def test_R_64_the_gates_of_the_window_are_the_batchs():
    case = batch(first_day=day("2026-03-02"), last_day=day("2026-03-31"))
    shown = b.shows(case)
    assert {WINDOW, FROM} <= set(conditions.leans(application()))
    assert (shown[WINDOW], shown[FROM]) == (end_of(day("2026-03-31")).isoformat(), "2026-03-02T00:00:00+08:00")


@pytest.mark.parametrize(("gates", "facts", "needs", "then"), [
    pytest.param({}, {}, conditions.nothing_blocks, None, id="R-13 nothing blocks"),
    pytest.param({"overdue:S1": ["Z-7"]}, {}, conditions.nothing_blocks, no("blocked", "L-1", no="Z-7"), id="R-13 L-1 an overdue rectification"),
    pytest.param({"overdue:S2": ["Z-7"]}, {}, conditions.nothing_blocks, None, id="L-1 another school's"),
    pytest.param({}, {"vetoes": ("D-1",)}, conditions.nothing_blocks, no("veto", "L-2", no="D-1"), id="R-13 L-2 a veto"),
    pytest.param({}, {"vetoes": ("D-1",)}, conditions.no_block, None, id="R-41 a veto may still be refused on"),
    pytest.param({"signed:星申2026-001": 1}, {}, conditions.before_signing, no("wrong_stage", "R-67"), id="R-67 once a document names it"),
    pytest.param({"signed:星申2026-002": 1}, {}, conditions.before_signing, None, id="R-67 another"),
])
def test_R_13_R_67_needs(gates, facts, needs, then):
    assert unmet(needs, application(**facts), context(gates=gates)) == then


# -- the dossier ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "editable", "then"), [
    pytest.param(Describe(Text("书法"), "语文", Text("报告")), (), [Described(Text("书法"), "语文", Text("报告"))], id="feature, subject, report"),
    pytest.param(Describe(Text(""), "语文"), (), no("malformed", "R-9"), id="no feature"),
    pytest.param(Describe(Text("书法"), ""), (), no("malformed", "R-9"), id="no subject"),
    pytest.param(Describe(Text("书法"), "劳动"), (), [Described(Text("书法"), "劳动", Text(""))], id="another of the experts' list"),
    pytest.param(Describe(Text("书法"), "书法"), (), no("malformed", "R-9", unlisted="subject"), id="none of the experts' list"),
    pytest.param(Describe(Text("书法"), "语文"), ("leaf.A1.1",), no("target_not_allowed", "A-39", part="description"), id="A-39 not opened for editing"),
    pytest.param(Describe(Text("书法"), "语文"), ("description",), [Described(Text("书法"), "语文", Text(""))], id="A-39 opened"),
])
def test_R_9_describe(form, editable, then):
    assert describe(application(), visit("dossier", editable=editable), form, context()) == then


@pytest.mark.parametrize(("form", "editable", "then"), [
    pytest.param(AnswerLeaf("A1.1", 200, ("f",)), (), [LeafAnswered("A1.1", 200, ("f",))], id="with a file"),
    pytest.param(AnswerLeaf("A1.1", 0, (), WHY), (), [LeafAnswered("A1.1", 0, (), WHY)], id="or why none"),
    pytest.param(AnswerLeaf("A1.1", 250, ("f",)), (), [LeafAnswered("A1.1", 250, ("f",))], id="full marks"),
    pytest.param(AnswerLeaf("A1.1", 251, ("f",)), (), no("amount_invalid", "R-9", leaf="A1.1", full=250), id="above full marks"),
    pytest.param(AnswerLeaf("A1.1", -1, ("f",)), (), no("amount_invalid", "R-9", leaf="A1.1", full=250), id="negative"),
    pytest.param(AnswerLeaf("A1.1", 200), (), no("attachment_required", "R-9", leaf="A1.1"), id="neither file nor statement"),
    pytest.param(AnswerLeaf("Z9.9", 0, ("f",)), (), no("malformed", "R-9", leaf="Z9.9"), id="no such leaf"),
    pytest.param(AnswerLeaf("A2.3", 0, ("f",)), (), no("malformed", "R-9", leaf="A2.3"), id="R-63 a leaf of the office's record"),
    pytest.param(AnswerLeaf("D1.1", 100, ("f",)), (), [LeafAnswered("D1.1", 100, ("f",))], id="R-63 one that experts score too"),
    pytest.param(AnswerLeaf("A1.1", 200, ("f",)), ("leaf.A1.2",), no("target_not_allowed", "A-39", part="leaf.A1.1"), id="A-39 not opened for editing"),
])
def test_R_9_answer_a_leaf(form, editable, then):
    assert answer_leaf(application(), visit("dossier", editable=editable), form, context()) == then


SIZES = {"plan": (1024**2, "pdf"), "film": (1024**2 + 1, "mp4"), "sheet": (10, "xlsx")}


@pytest.mark.parametrize(("files", "of", "then"), [
    pytest.param(("plan", "sheet"), {}, None, id="as large as the policy allows"),
    pytest.param(("plan", "film"), {}, no("too_large", "R-10", leaf="A2.2", most=1), id="a byte more"),
    pytest.param(("film",), {"evidence_bytes_max": 20 * 1024**2}, None, id="another policy"),
    pytest.param(("plan", "sheet"), {"evidence_files": frozenset({"pdf"})}, no("wrong_file_type", "R-10", leaf="A2.2", kind="xlsx"), id="a kind that the policy does not take"),
])
def test_R_10_evidence_by_the_policy_of_the_case(files, of, then):
    """The upload may take more; a file serves a leaf or a report of mending only as this case allows."""
    here = having(context(policy=having(POLICY, **{"evidence_bytes_max": 1024**2, **of})), files=SIZES)
    assert answer_leaf(application(), visit("dossier"), AnswerLeaf("A2.2", 100, files), here) == (then or [LeafAnswered("A2.2", 100, files)])
    assert mend(application(), visit("mending"), Mended(("A2.2",), WHY, files), here) == (then or [MendingReported(("A2.2",), WHY, files)])


ANSWERED = {x.id: 100 for x in POLICY.leaves if x.by != {"office"}}
FULL = {"answered": ANSWERED, "described": True}


@pytest.mark.parametrize(("facts", "form", "then"), [
    pytest.param(FULL, Declare(True), [Declared()], id="all answered and ticked"),
    pytest.param({**FULL, "answered": {k: v for k, v in ANSWERED.items() if k not in ("A1.1", "B1.2")}}, Declare(True),
                 no("malformed", "R-11", missing="A1.1、B1.2"), id="what is missing"),
    pytest.param({"answered": {k: v for k, v in ANSWERED.items() if k != "A1.1"}}, Declare(False),
                 no("malformed", "R-11", missing="description、A1.1、真实性承诺"), id="all at once"),
    pytest.param(FULL, Declare(False), no("malformed", "R-11", missing="真实性承诺"), id="not ticked"),
    pytest.param(FULL, Declare(True, ("e1", "e2", "e3"), WHY), [Declared(("e1", "e2", "e3"), WHY)], id="G-19 three persons not to be drawn"),
    pytest.param(FULL, Declare(True, ("e1", "e2", "e3", "e4"), WHY), no("malformed", "G-19", most=3), id="G-19 four"),
    pytest.param(FULL, Declare(True, ("e1",)), no("opinion_required", "G-19"), id="G-19 without a reason"),
])
def test_R_11_declare(facts, form, then):
    assert declare(application(**facts), visit("dossier"), form, context()) == then


def test_R_11_what_is_missing_from_an_empty_dossier():
    assert missing(application(), POLICY) == ("description", *(x.id for x in POLICY.leaves if x.id != "A2.3"))


def returned(frm: str, to: str, *parts: str, closed: int = 5) -> Past:
    return Past(1, frm, "", "returned", (), to, closed, NOW, reopens=parts)


@pytest.mark.parametrize(("parts", "then"), [
    pytest.param({"leaf.A1.1": 6, "leaf.A1.2": 7}, [Declared()], id="both points answered since"),
    pytest.param({"leaf.A1.1": 6, "leaf.A1.2": 3}, no("malformed", "A-19", missing="leaf.A1.2"), id="one was not"),
    pytest.param({}, no("malformed", "A-19", missing="leaf.A1.1、leaf.A1.2"), id="none was"),
])
def test_A_19_a_correction_answers_every_point(parts, then):
    """The office asked for two leaves in version 5; the principal may have sent back since, within the same round."""
    case = having(application(**FULL), parts=parts, past=(returned("completeness", "correction", "leaf.A1.1", "leaf.A1.2"),
                                                            returned("co_sign", "correction", closed=8)))
    here = visit("correction", editable=("leaf.A1.1", "leaf.A1.2"), since=8)
    assert declare(case, here, Declare(True), context()) == then


def test_A_19_the_declaration_is_given_with_the_answer():
    case = having(application(**FULL), parts={"declaration": 2}, past=(returned("completeness", "correction", "declaration"),))
    assert declare(case, visit("correction", editable=("declaration",), since=6), Declare(True), context()) == [Declared()]


@pytest.mark.parametrize(("actor", "then"), [
    pytest.param("principal", None, id="two persons"),
    pytest.param("author", no("separation", "G-13", who="author"), id="who wrote a leaf"),
])
def test_R_12_the_co_signer_is_no_author_of_the_dossier(actor, then):
    """Even where another clerk submitted it."""
    facts = Application().evolve(LeafAnswered("A1.1", 100, ("f",)), Entry(None, NOW, "author"))
    assert unmet(STAR["co_sign"].needs, having(application(), facts=facts), context(actor)) == then


# -- correction, eligibility ----------------------------------------------------------------------------


@pytest.mark.parametrize(("past", "frm", "to", "may"), [
    pytest.param([], "completeness", "correction", True, id="the first request"),
    pytest.param([returned("completeness", "correction")], "completeness", "correction", True, id="the second"),
    pytest.param([returned("completeness", "correction")] * 2, "completeness", "correction", False, id="R-18 not a third"),
    pytest.param([returned("completeness", "correction"), returned("eligibility", "correction")], "eligibility", "correction", False, id="R-18 of the office, whichever row"),
    pytest.param([returned("completeness", "correction"), returned("co_sign", "correction")], "completeness", "correction", True, id="R-17 the principal's are no rounds"),
    pytest.param([returned("completeness", "correction")] * 2, "eligibility", "completeness", True, id="R-18 only corrections are counted"),
    pytest.param([], "co_sign", "dossier", True, id="R-12 the principal sends back to the draft"),
    pytest.param([], "co_sign", "correction", False, id="R-12 not to a correction that nobody asked for"),
    pytest.param([returned("completeness", "correction")], "co_sign", "dossier", False, id="R-17 after a correction to the correction"),
    pytest.param([], "vote", "proposal", True, id="other returns"),
])
def test_R_17_R_18_rounds(past, frm, to, may):
    asked = [having(p, no=n) for n, p in enumerate(past, 1)]
    visits = [having(p, stage="correction", outcome="passed", to="co_sign", no=9) for p in asked if p.to == "correction"]
    assert conditions.rounds_left(having(application(), past=tuple(asked + visits)), frm, to, POLICY) is may


def took_back(to: str) -> Past:
    """The office opened the correction, or the principal sent it back there; then that was undone (A-21)."""
    return Past(9, "correction", "", "taken_back", (), to, 6, NOW)


@pytest.mark.parametrize(("past", "may"), [
    pytest.param([returned("completeness", "correction"), took_back("completeness")], True, id="one, taken back"),
    pytest.param([returned("completeness", "correction"), took_back("completeness"), returned("completeness", "correction")], True, id="then one that stands"),
    pytest.param([having(returned("completeness", "correction"), times=3), took_back("completeness")], False, id="two stand"),
    pytest.param([having(returned("completeness", "correction"), times=3), having(took_back("completeness"), times=2)], True, id="one stands"),
    pytest.param([returned("eligibility", "correction"), took_back("eligibility"), returned("completeness", "correction")], True, id="of the head"),
    pytest.param([having(returned("completeness", "correction"), times=2), returned("co_sign", "correction"), took_back("co_sign")], False, id="R-17 the principal's was no round, nor is its undoing"),
])
def test_R_18_a_request_that_was_taken_back_is_no_round(past, may):
    assert conditions.rounds_left(having(application(), past=tuple(past)), "completeness", "correction", POLICY) is may


ALL_HOLD = (("kind", True, "full_primary"), ("holds_level", True, "0"), ("years_in_operation", True, "2001"), ("no_veto", True, ""),
            ("no_overdue", True, ""), ("cooling_off", True, ""), ("no_violation", True, ""))


def verdict(level: int = 1, school: Organisation = SCHOOL, now: Any = NOW, vetoes: tuple[str, ...] = (), of: StarPolicy = POLICY) -> dict[str, tuple[bool, str]]:
    """The checks that differ from those of a school that may apply for one star."""
    got = checks(application(level=level, vetoes=vetoes), context(school=school, now=now, policy=of))
    return {code: (ok, data) for code, ok, data in got if (code, ok, data) not in ALL_HOLD}


def title(level: int, since: str, until: str, programme: str = "star-school") -> Title:
    return Title(programme, level, day(since), day(until))


@pytest.mark.parametrize(("level", "school", "then"), [
    pytest.param(1, SCHOOL, {}, id="one star, nothing held"),
    pytest.param(1, having(SCHOOL, kind="senior"), {"kind": (False, "senior")}, id="kind"),
    pytest.param(1, having(SCHOOL, titles=(HELD,)), {"holds_level": (False, "1")}, id="holds this tier"),
    pytest.param(1, having(SCHOOL, titles=(title(2, "2024-01-01", "2026-12-31"),)), {"holds_level": (False, "2")}, id="holds a higher one"),
    pytest.param(1, having(SCHOOL, titles=(title(1, "2022-12-01", "2026-03-09"),)), {}, id="held until yesterday"),
    pytest.param(1, having(SCHOOL, titles=(title(1, "2022-12-01", "2026-03-10"),)), {"holds_level": (False, "1")}, id="held until today"),
    pytest.param(2, having(SCHOOL, titles=(HELD,)), {"holds_level": (True, "1"), "holds_below": (True, "1"), "years_since": (True, "2022-12-01")}, id="two stars: the tier below for three years"),
    pytest.param(2, SCHOOL, {"holds_below": (False, "1"), "years_since": (False, "")}, id="two stars: not held"),
    pytest.param(2, having(SCHOOL, titles=(title(1, "2023-03-10", "2026-12-31"),)), {"holds_level": (True, "1"), "holds_below": (True, "1"), "years_since": (True, "2023-03-10")}, id="three years to the day"),
    pytest.param(2, having(SCHOOL, titles=(title(1, "2023-03-11", "2026-12-31"),)), {"holds_level": (True, "1"), "holds_below": (True, "1"), "years_since": (False, "2023-03-11")}, id="a day less"),
    pytest.param(2, having(SCHOOL, titles=(title(1, "2020-01-01", "2025-12-31"),)), {"holds_below": (False, "1"), "years_since": (False, "")}, id="expired"),
    pytest.param(2, having(SCHOOL, titles=(title(1, "2020-01-01", "2027-12-31", "star-kindergarten"),)), {"holds_below": (False, "1"), "years_since": (False, "")}, id="of another programme"),
    pytest.param(1, having(SCHOOL, founded_year=2024), {"years_in_operation": (False, "2024")}, id="two years in operation"),
    pytest.param(1, having(SCHOOL, founded_year=2023), {"years_in_operation": (True, "2023")}, id="three"),
    pytest.param(1, having(SCHOOL, rectifications=(("Z-1", day("2026-01-01"), "overdue"), ("Z-2", day("2026-01-01"), "late"))), {"no_overdue": (False, "Z-1")}, id="an overdue rectification"),
    pytest.param(1, having(SCHOOL, failed=(("star-school", day("2025-03-10")),)), {"cooling_off": (False, "2025-03-10")}, id="R-90 twelve months after a refusal, the last day"),
    pytest.param(1, having(SCHOOL, failed=(("star-school", day("2025-03-09")),)), {}, id="R-90 over"),
    pytest.param(1, having(SCHOOL, failed=(("star-kindergarten", day("2026-01-01")),)), {}, id="R-90 in another programme"),
])
def test_R_19_eligibility(level, school, then):
    assert verdict(level, school) == then


def test_R_19_a_veto_and_the_day_of_submission():
    assert verdict(vetoes=("D-1", "D-2")) == {"no_veto": (False, "D-1、D-2")}
    late = having(SCHOOL, titles=(title(1, "2022-12-01", "2026-03-09"),))
    assert verdict(school=late, now=moment("2026-03-09 23:59")) == {"holds_level": (False, "1")}


@pytest.mark.parametrize(("proven", "then"), [
    pytest.param([("D-1", "ugly_gate", "2024-03-02")], (False, "D-1"), id="of any kind, 24 months before the batch opened"),
    pytest.param([("D-1", "ugly_gate", "2024-03-01")], (True, ""), id="a day earlier"),
    pytest.param([("D-1", "illegal_fee", "2026-03-09"), ("D-2", "ugly_gate", "2025-01-05")], (False, "D-1、D-2"), id="since it opened too; all are named"),
])
def test_R_19_no_proven_violation_within_the_months_of_the_policy(proven, then):
    school = having(SCHOOL, violations=tuple(Violation(number, veto, day(on)) for number, veto, on in proven))
    here = context(school=school, gates={"opened:星批2026-001": "2026-03-02"})
    assert {code: (ok, data) for code, ok, data in checks(application(), here)}["no_violation"] == then
    assert "no_violation" not in {code for code, *_ in checks(application(), having(here, policy=having(POLICY, violation_months=0)))}


def test_R_19_the_tier_below_may_be_of_another_programme():
    demonstration = policy("county-demonstration-kindergarten-2026")
    school = having(SCHOOL, kind="kindergarten", titles=(title(2, "2024-01-01", "2026-12-31", "star-kindergarten"),))
    assert verdict(1, school, of=demonstration) == {"kind": (True, "kindergarten"), "holds_below": (True, "2"), "years_since": (True, "2024-01-01")}


def test_R_12_R_19_the_co_sign_records_the_checks():
    assert co_sign(application(), visit("co_sign"), CoSign(), context()) == [EligibilityComputed(ALL_HOLD)]


NOT_BOTH = (("kind", True, ""), ("no_overdue", False, "Z-4"), ("cooling_off", False, "2025-06-01"))
LINES = (("Z-1", day("2024-03-01"), "late"), ("Z-2", day("2024-03-02"), "late"), ("Z-3", day("2025-06-01"), "late"), ("Z-4", day("2026-02-27"), "overdue"),
         ("Z-5", day("2026-03-02"), "in_time"), ("Z-6", day("2026-03-03"), "late"), ("Z-7", day("2026-03-09"), "late"))


@pytest.mark.parametrize(("facts", "school", "then"), [
    pytest.param({"checks": ALL_HOLD}, SCHOOL, [OfficeScored((("A2.3", 300), ("D1.1", 300)), 0, 0)], id="R-63 none due: full marks"),
    pytest.param({"checks": ALL_HOLD}, having(SCHOOL, rectifications=LINES), [OfficeScored((("A2.3", 75), ("D1.1", 75)), 4, 3)],
                 id="R-63 due in the 24 months before the batch opened, three of four not in time"),
    pytest.param({"checks": NOT_BOTH}, having(SCHOOL, rectifications=LINES[3:4], failed=(("star-school", day("2025-06-01")),)),
                 no("target_not_allowed", "R-20", failed="no_overdue、cooling_off"), id="R-20 a computed no is not agreed to"),
    pytest.param({"checks": NOT_BOTH}, having(SCHOOL, rectifications=LINES[3:4]), no("target_not_allowed", "R-20", failed="no_overdue"), id="R-20 one was put right"),
    pytest.param({"checks": NOT_BOTH}, SCHOOL, [EligibilityCorrected(ALL_HOLD), OfficeScored((("A2.3", 300), ("D1.1", 300)), 0, 0)],
                 id="R-20 the register was put right by its own procedure"),
    pytest.param({"checks": (("holds_below", False, "1"),), "level": 2}, having(SCHOOL, titles=(title(1, "2023-03-09", "2026-12-31"),)),
                 [EligibilityCorrected((*(ALL_HOLD[0], ("holds_level", True, "1"), *ALL_HOLD[2:]), ("holds_below", True, "1"), ("years_since", True, "2023-03-09"))),
                  OfficeScored((("A2.3", 300), ("D1.1", 300)), 0, 0)], id="R-19 as of the submission, three years to the day"),
    pytest.param({"checks": (("holds_below", False, "1"),), "level": 2}, having(SCHOOL, titles=(title(1, "2023-03-10", "2026-12-31"),)),
                 no("target_not_allowed", "R-20", failed="years_since"), id="R-19 a day that passed since does not help"),
])
def test_R_20_R_63_confirm(facts, school, then):
    """The batch opened on 2 March 2026, the application a week later, and was submitted the same day; it is the 10th."""
    case = having(application(submitted_at=moment("2026-03-09").isoformat(), **facts), opened_at=moment("2026-03-09"))
    assert confirm(case, visit("eligibility"), Confirm(), context(school=school, gates={"opened:星批2026-001": "2026-03-02"})) == then


def test_R_63_the_batch_shows_on_which_day_it_opened():
    case = batch(first_day=day("2026-03-09"), last_day=day("2026-03-31"))
    assert b.shows(case)["opened:星批2026-001"] == "2026-03-02"
    assert b.shows(having(case, ended="closed")) == {}
    assert "opened:星批2026-001" in conditions.leans(application())


# -- experts ----------------------------------------------------------------------------------------------

POOL = tuple((f"e{n}", "", n < 3, n in (4, 5), True) for n in range(6))


def lot(seed: str, pool: Any, *args: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return draw(seed, [Candidate(*c) for c in pool], *args)


@pytest.mark.parametrize(("stage", "roster", "facts", "pool", "then"), [
    pytest.param("draw", {}, {}, POOL, ("experts", 2, 1, 0, {}), id="R-21 two and a reserve"),
    pytest.param("material", {"experts": ["e0"]}, {}, POOL, ("experts", 1, 1, 0, {"e0": "taken"}), id="R-21 as many as are missing, nobody twice"),
    pytest.param("draw", {}, {"excluded": ("e1", "e2")}, POOL, ("experts", 2, 1, 0, {"e1": "taken", "e2": "taken"}), id="G-19 not whom the school asks not to draw"),
    pytest.param("third", {"experts": ["e0", "e1"]}, {}, POOL, ("third", 1, 0, 0, {"e0": "taken", "e1": "taken"}), id="R-26 a third, without reserve"),
    pytest.param("appointment", {"experts": ["e0"], "third": ["e1"]}, {}, POOL, ("panel", 3, 0, 1, {"e0": "taken", "e1": "taken"}), id="R-29 a panel of others, one from outside"),
    pytest.param("report", {"panel": ["e0", "e4"]}, {}, POOL, ("panel", 1, 0, 0, {"e0": "taken", "e4": "taken"}), id="R-29 a panel filled up"),
    pytest.param("report", {"panel": ["e0", "e1"]}, {}, POOL, ("panel", 1, 0, 1, {"e0": "taken", "e1": "taken"}), id="R-29 the one from outside has left: another one"),
    pytest.param("draw", {}, {}, tuple((who, "tied", *rest) for who, _, *rest in POOL[:5]) + POOL[5:], ("experts", 2, 1, 0, {f"e{n}": "tied" for n in range(5)}),
                 id="R-21 too small a pool: fewer"),
])
def test_R_21_R_26_R_29_drawn(stage, roster, facts, pool, then):
    name, count, reserve, outside, excluded = then
    members, waiting = lot("seed", [(who, excluded.get(who, why), *rest) for who, why, *rest in pool], count, reserve, outside)
    listed = tuple((who, excluded.get(who, "")) for who, *_ in pool)
    assert drawn(application(roster=roster, **facts), visit(stage), Drawn("seed", pool), context()) == [RosterDrawn(name, members, waiting, "seed", listed)]


def test_R_21_who_carries_as_much_as_they_take_is_not_drawn():
    full = {"load:e0": 1}
    got = drawn(application(), visit("draw"), Drawn("seed", POOL, (("e0", 1), ("e1", 1))), context(gates=full))
    assert dict(got[0].candidates) == {"e0": "load", **{f"e{n}": "" for n in range(1, 6)}}


BUSY = {"load:e1": 1, "load:e2": 1, "load:e3": 1}


@pytest.mark.parametrize(("gates", "signed", "most", "left"), [
    pytest.param({}, (), 1, (), id="R-21 room for it: asked again"),
    pytest.param({"load:e1": 1}, (), 1, ("e1",), id="R-21 no room by now"),
    pytest.param({"load:e1": 1}, (), 2, (), id="R-21 room for a second one"),
    pytest.param(BUSY, (), 1, ("e1", "e2", "e3"), id="R-21 nor has the reserve"),
    pytest.param(BUSY, ("e1",), 1, ("e2", "e3"), id="R-21 a sheet that is in already stays"),
])
def test_R_21_who_is_asked_again_has_room_for_it(gates, signed, most, left):
    case = application(roster={"experts": ["e1", "e2"]})
    case = having(case, rosters={"experts": Roster(("e1", "e2"), ("e3",))})
    seats = tuple(Seat(x, person(x), acted=Acted("agree", x, NOW, 1) if x in signed else None) for x in ("e1", "e2"))
    form = Loads(tuple((x, most) for x in ("e1", "e2", "e3")))
    got = looked_at(case, having(visit("material"), seats=seats), form, context(gates=gates))
    assert got == ([RosterLeft("experts", left, "load")] if left else [])


def test_R_21_nobody_steps_in_who_leaves_as_well():
    case = having(application(), rosters={"experts": Roster(("e1", "e2"), ("e3", "e4"))})
    left = evolve(case, Entry(RosterLeft("experts", ("e1", "e3"), "load"), NOW, "system"))
    assert left.roster("experts").members == ("e2", "e4")
    assert conditions.drawn_enough("experts")(having(left, rosters={"experts": Roster(left=tuple((f"x{n}", "load") for n in range(40)))}), POLICY) is False


@pytest.mark.parametrize(("stage", "carry"), [
    ("draw", {"e1", "e2", "e3"}), ("material", {"e1", "e2", "e3"}), ("third", {"e1", "e2", "e3"}), ("appointment", set()),
])
def test_R_21_the_reserve_carries_the_load_from_the_draw(stage, carry):
    """Whoever steps in has been counted since: nobody is called up above the limit, whichever case is first."""
    case = having(at(application(), stage), rosters={"experts": Roster(("e1", "e2"), ("e3",)), "panel": Roster(("p1",))})
    assert {g for g in conditions.shows(case) if g.startswith("load:")} == {f"load:{x}" for x in carry}
    after = having(case, rosters={"experts": case.roster("experts").without("e1", "declined")})
    assert {g for g in conditions.shows(after) if g.startswith("load:")} == {f"load:{x}" for x in carry - {"e1"}}


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(Sheet(scores("material")), None, id="every leaf, in steps"),
    pytest.param(Sheet(scores("material")[1:]), no("malformed", "R-24", missing="A1.1"), id="a leaf is missing"),
    pytest.param(Sheet((*scores("material"), ("A2.3", 100))), no("malformed", "R-24", missing=""), id="a leaf too many"),
    pytest.param(Sheet((*scores("material"), ("A1.1", 100))), no("malformed", "R-24", missing=""), id="a leaf twice"),
    pytest.param(Sheet(scores("material", A1_1=300), NOTES), no("amount_invalid", "R-24", leaf="A1.1", full=250, step=50), id="above full marks"),
    pytest.param(Sheet(scores("material", A1_1=-50), NOTES), no("amount_invalid", "R-24", leaf="A1.1", full=250, step=50), id="negative"),
    pytest.param(Sheet(scores("material", A1_1=210), NOTES), no("amount_invalid", "R-24", leaf="A1.1", full=250, step=50), id="between the steps"),
    pytest.param(Sheet(scores("material", A1_1=250)), no("opinion_required", "R-24", leaf="A1.1"), id="full marks without a comment"),
    pytest.param(Sheet(scores("material", A1_1=0)), no("opinion_required", "R-24", leaf="A1.1"), id="zero without a comment"),
    pytest.param(Sheet(scores("material", A1_1=100)), no("opinion_required", "R-24", leaf="A1.1"), id="below 60 % without a comment"),
    pytest.param(Sheet(scores("material", A1_1=150)), None, id="60 % needs none"),
    pytest.param(Sheet(scores("material", A1_1=100), (("A1.1", WHY),)), None, id="with a comment"),
    pytest.param(Sheet(scores("material", A1_1=100), (("A1.1", Text("")),)), no("opinion_required", "R-24", leaf="A1.1"), id="an empty comment is none"),
])
def test_R_24_a_score_sheet(form, then):
    got = sign_sheet(application(), visit("material"), form, context("e1"))
    if then is None:
        leaves = {x.id: x.full_cp for x in POLICY.scored("material")}
        total = (sum(dict(form.scores).values()) * 20000 + sum(leaves.values())) // (2 * sum(leaves.values()))
        then = [SheetSigned("e1", form.scores, total, form.notes)]
    assert got == then


def sheets(**signed: int) -> dict[str, Any]:
    return {who: scores("material", share) for who, share in signed.items()}


@pytest.mark.parametrize(("members", "signed", "then"), [
    pytest.param(["e1", "e2"], sheets(e1=80, e2=80), False, id="alike"),
    pytest.param(["e1", "e2"], sheets(e1=90, e2=60), True, id="far apart"),
    pytest.param(["e1", "e2"], sheets(e1=90), False, id="one has not signed"),
    pytest.param(["e1", "e3"], sheets(e1=90, e2=60, e3=90), False, id="who left the list does not count"),
])
def test_R_26_a_third_expert_is_asked(members, signed, then):
    assert conditions.spread_too_wide(application(roster={"experts": members}, sheets=signed), POLICY) is then


@pytest.mark.parametrize(("question", "name", "members", "left", "dry", "then"), [
    pytest.param(conditions.too_few_experts, "experts", 1, 0, False, (True, False), id="R-21 one of two: drawn again"),
    pytest.param(conditions.too_few_experts, "experts", 2, 0, False, (False, False), id="R-21 two of two"),
    pytest.param(conditions.too_few_experts, "experts", 1, 6, False, (True, False), id="R-21 three times each"),
    pytest.param(conditions.too_few_experts, "experts", 1, 7, False, (True, True), id="R-21 then the office"),
    pytest.param(conditions.too_few_experts, "experts", 1, 0, True, (True, True), id="G-14 an empty pool: the office"),
    pytest.param(conditions.no_third_yet, "third", 0, 0, False, (True, False), id="R-26 a third"),
    pytest.param(conditions.too_small_a_panel, "panel", 2, 0, False, (True, False), id="R-29 two of three"),
])
def test_R_21_redraws(question, name, members, left, dry, then):
    roster = Roster(tuple(f"e{n}" for n in range(members)), (), tuple((f"x{n}", "declined") for n in range(left)), dry)
    case = having(application(), rosters={name: roster})
    assert (question(case, POLICY), conditions.drawn_enough(name)(case, POLICY)) == then


# -- the visit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "visit_on", "then"), [
    pytest.param("2026-03-10", "2026-03-16", [VisitFixed(day("2026-03-16"))], id="three whole working days between"),
    pytest.param("2026-03-10", "2026-03-15", [VisitFixed(day("2026-03-15"))], id="a day off may be the day"),
    pytest.param("2026-03-10", "2026-03-13", no("malformed", "R-30", notice=3), id="two between"),
    pytest.param("2026-03-10", "2026-03-10", no("malformed", "R-30", notice=3), id="today"),
    pytest.param("2026-03-10", "2026-03-01", no("malformed", "R-30", notice=3), id="in the past"),
    pytest.param("2026-09-30", "2026-10-11", [VisitFixed(day("2026-10-11"))], id="a week of holiday, then 8, 9 and Sat 10"),
    pytest.param("2026-09-30", "2026-10-10", no("malformed", "R-30", notice=3), id="8 and 9 only"),
    pytest.param("2026-12-20", "2027-01-04", no("calendar_unpublished", "C-27", year=2027), id="C-27 past the published calendar"),
])
def test_R_30_fix_the_visit(on, visit_on, then):
    assert fix_visit(application(), visit("appointment"), FixVisit(day(visit_on)), context(now=moment(on))) == then


def test_R_30_the_school_is_told_the_day_and_the_panel():
    case = application(roster={"panel": ["p1", "p2", "p3"]}, day=TODAY)
    assert notified(case, visit("visit"), Notified(), context()) == [SchoolNotified(TODAY, ("p1", "p2", "p3"))]


def demanded(*, on: str = "2026-03-13", known_on: str = "", person: str = "p1", **told: Any) -> list[Event] | Refusal:
    """The school was told the panel on Tuesday the 10th; Wednesday, Thursday and Friday are its three days."""
    case = application(roster={"panel": ["p1", "p2", "p3"]}, **told)
    form = DemandRecusal(person, WHY, day(known_on) if known_on else None)
    return known_to_the_school(case, None, form, context(now=moment(on)))


TOLD = {"named": dict.fromkeys(("p1", "p2"), NOW)}


@pytest.mark.parametrize(("got", "then"), [
    pytest.param(demanded(on="2026-03-13 23:59", **TOLD), [], id="on the last day"),
    pytest.param(demanded(on="2026-03-14", **TOLD), no("past_deadline", "G-19", demand=3), id="after it"),
    pytest.param(demanded(on="2026-03-20", known_on="2026-03-18", **TOLD), [], id="the tie became known later"),
    pytest.param(demanded(on="2026-03-20", known_on="2026-03-13", **TOLD), no("past_deadline", "G-19", demand=3), id="known for too long"),
    pytest.param(demanded(on="2026-03-14", known_on="2026-03-09", **TOLD), no("past_deadline", "G-19", demand=3), id="known before the name was told"),
    pytest.param(demanded(on="2026-03-13", known_on="2026-03-14", **TOLD), no("true_at_impossible", "C-33"), id="not known yet"),
    pytest.param(demanded(on="2026-03-20", person="p3", **TOLD), [], id="who joined later and was not announced yet"),
    pytest.param(demanded(person="p9", **TOLD), no("malformed", "G-19", field="person"), id="nobody whom the school knows"),
])
def test_G_19_demanded_within_the_days_after_the_name_was_told(got, then):
    assert got == then


def test_G_19_the_names_are_told_with_the_notice_and_the_call_and_by_who_acts():
    story = Application().evolve(SchoolNotified(TODAY, ("p1",)), Entry(SchoolNotified(TODAY, ("p1",)), NOW, "workflow"))
    called = CalledToVote(1, "m1", ("m1", "p1"), ())
    later = moment("2026-03-12")
    assert story.evolve(called, Entry(called, later, "workflow")).named == {"p1": NOW, "m1": later}
    case = at(application(), "proposal", seats=(Seat("head", post("x", "y"), acted=Acted("agree", "head", NOW, 1)),))
    assert (told_since(case, "head"), told_since(case, "p1")) == (NOW, None)


def test_G_19_what_was_demanded_in_time_is_decided_later():
    case = application(roster={"panel": ["p1"]}, **TOLD)
    form = DemandRecusal("p1", WHY)
    case = having(case, proposed=(Proposal(3, form, "chief"),))
    assert known_to_the_school(case, None, form, context(now=moment("2026-03-20"))) == []


@pytest.mark.parametrize(("visit_on", "activities", "then"), [
    pytest.param("2026-03-10", DONE, [Visited(DONE)], id="on the day"),
    pytest.param("2026-03-09", DONE, [Visited(DONE)], id="after it"),
    pytest.param("2026-03-11", DONE, no("true_at_impossible", "R-30", day="2026-03-11"), id="not before it"),
    pytest.param("2026-03-10", DONE[2:], no("malformed", "R-31", missing="documents、lessons"), id="what is missing"),
    pytest.param("2026-03-10", (*DONE[:1], ("lessons", 2), *DONE[2:]), no("malformed", "R-31", missing="lessons"), id="two lessons of three"),
    pytest.param("2026-03-10", (*DONE, ("banquets", 1)), no("malformed", "R-31", unknown="banquets"), id="no activity of the policy"),
    pytest.param("2026-03-10", (*DONE, ("lessons", 0)), no("malformed", "R-31", unknown="lessons"), id="a kind twice"),
])
def test_R_31_the_visit_is_held(visit_on, activities, then):
    assert hold_visit(application(day=day(visit_on)), visit("visit"), VisitHeld(activities), context()) == then


def test_C_33_R_31_a_visit_entered_late_was_not_held_before_its_day():
    """Fixed for the 10th, entered on the 12th as held on the 9th."""
    case = having(at(application(day=TODAY, roster={"panel": ["p1"]}), "visit", done=("tell_school",), seats=(Seat("p1", person("p1")),)),
                  open=(having(visit("visit", done=("tell_school",), seats=(Seat("p1", person("p1")),)), opened_at=moment("2026-03-05")),))
    shown = context()
    story = Story(STAR, case, moment("2026-03-12"), POLICY, shown.calendar, shown.gates)
    late = by(person_with("p1"), "agree", "p1", at="2026-03-09 14:00", form=VisitHeld(DONE), opinion=WHY)
    assert decided(story, when=late) == no("true_at_impossible", "R-30", day="2026-03-10")
    assert decided(story, when=having(late, act=having(late.act, at=moment("2026-03-10 14:00"))))[0] == Visited(DONE)


@pytest.mark.parametrize("stage", [s.name for s in STAR.stages])
def test_C_34_no_published_count_reads_what_may_come_late(stage):
    """Only a visit may come late here. Neither where an application stands for its batch (ranking, places, notices) nor what
    it shows (loads, numbers) follows from it, so that after the limit it changes no count that was published."""
    assert {f for p in (STAR, BATCH) for f in p.rules if getattr(f, "late", False)} == {VisitHeld}
    case = at(application(total_cp=8500, margin_cp=300, yes=7, roster={"experts": ["e1", "e2"], "panel": ["p1"]}), stage)
    late = evolve(case, Entry(Visited(DONE), NOW, "p1", BEYOND))
    assert late.facts != case.facts
    assert (STAR.tells(late), STAR.shows(late)) == (STAR.tells(case), STAR.shows(case))


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(VetoFound("illegal_fee", WHY), [CaseSuspended(WHY, why="veto_found")], id="to the office, the case stands still"),
    pytest.param(VetoFound("ugly_gate", WHY), no("malformed", "R-36"), id="no veto of this policy"),
    pytest.param(VetoFound("illegal_fee", Text("")), no("malformed", "R-36"), id="what was found?"),
])
def test_R_36_a_veto_found_on_site(form, then):
    assert veto_found(application(), visit("visit"), form, context()) == then


SITE = scores("site")


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(SiteSheet(SITE, "recognise"), [SiteScored("p1", SITE, "recognise")], id="scores and suggestion; no comment is asked"),
    pytest.param(SiteSheet(scores("site", 100), "mend", WHY, (("A2.2", WHY),), WHY), [SiteScored("p1", scores("site", 100), "mend", WHY, (("A2.2", WHY),), WHY)],
                 id="R-33 with problems and a dissent"),
    pytest.param(SiteSheet(SITE, "perhaps"), no("malformed", "R-33"), id="R-33 no such suggestion"),
    pytest.param(SiteSheet(SITE, "mend", WHY, (("Z9", WHY),)), no("malformed", "R-33"), id="R-33 a problem of no leaf"),
    pytest.param(SiteSheet(SITE[1:], "mend"), no("malformed", "R-24", missing="A2.2"), id="R-32 a leaf is missing"),
    pytest.param(SiteSheet(scores("site", B2_2=410), "mend"), no("amount_invalid", "R-24", leaf="B2.2", full=400, step=50), id="R-32 above full marks"),
])
def test_R_32_R_33_each_member_signs(form, then):
    assert sign_site(application(), visit("report"), form, context("p1")) == then


@pytest.mark.parametrize(("acted", "then"), [
    pytest.param(("p1", "p3"), [Close("passed")], id="as signed"), pytest.param((), [], id="a report that nobody signed is none"),
])
def test_R_33_who_does_not_sign_in_time(acted, then):
    seats = tuple(Seat(p, person(p), acted=Acted("agree", p, NOW, 1) if p in acted else None) for p in ("p1", "p2", "p3"))
    assert report_as_signed(application(), visit("report", seats=seats), "", POLICY) == then


@pytest.mark.parametrize(("disputed", "form", "then"), [
    pytest.param(2, Answers((WHY, WHY)), [PointsAnswered((WHY, WHY))], id="each point"),
    pytest.param(2, Answers((WHY,)), no("malformed", "R-34", points=2), id="one is missing"),
    pytest.param(2, Answers((WHY, Text(""))), no("malformed", "R-34", points=2), id="one is empty"),
    pytest.param(1, Answers((WHY, WHY)), no("malformed", "R-34", points=1), id="one too many"),
])
def test_R_34_the_panel_answers_each_point(disputed, form, then):
    assert answer(application(disputed=disputed), visit("answer"), form, context()) == then


@pytest.mark.parametrize(("points", "disputed"), [((), False), ((WHY, WHY), True)])
def test_R_34_what_the_school_says(points, disputed):
    assert reply(application(), visit("fact_reply"), Reply(points), context()) == [FactsDisputed(points)]
    assert conditions.facts_disputed(application(disputed=len(points)), POLICY) is disputed


MENDED = Past(5, "mending", "", "passed", (), closed=5, closed_at=NOW)


@pytest.mark.parametrize(("said", "of", "then"), [
    pytest.param("mend mend recognise", POLICY, True, id="two of three"),
    pytest.param("mend recognise recognise", POLICY, False, id="one of three"),
    pytest.param("mend recognise", POLICY, False, id="half is no majority"),
    pytest.param("mend mend mend", having(POLICY, mending=False), False, id="R-35 where the policy offers it"),
])
def test_R_33_the_panel_says_mend(said, of, then):
    case = application(suggestions={f"p{n}": s for n, s in enumerate(said.split())})
    assert (conditions.panel_says_mend(case, of), STAR["mending"].when(case, of)) == (then, then)


@pytest.mark.parametrize(("past", "stage", "mends", "checked"), [
    pytest.param((), "", True, False, id="offered"),
    pytest.param((), "mending", True, False, id="while it is mended"),
    pytest.param((MENDED,), "", False, True, id="then it is scored again"),
    pytest.param((MENDED,), "re_check", False, True, id="while it is scored"),
    pytest.param((MENDED, Past(9, "report", "", "passed", ())), "", False, False, id="once, whatever a later report says"),
])
def test_R_35_mending_is_offered_once(past, stage, mends, checked):
    case = having(application(suggestions={"p1": "mend", "p2": "mend", "p3": "mend"}), past=past)
    case = at(case, stage) if stage else case
    assert (STAR["mending"].when(case, POLICY), STAR["re_check"].when(case, POLICY)) == (mends, checked)


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(Mended(("A2.2", "B2.2"), WHY, ("f",)), [MendingReported(("A2.2", "B2.2"), WHY, ("f",))], id="leaves scored on site, with a report"),
    pytest.param(Mended((), WHY), no("malformed", "R-35", most=5), id="none"),
    pytest.param(Mended(("A2.2", "B1.1", "B2.2", "B2.3", "B3.1", "C1.1"), WHY), no("malformed", "R-35", most=5), id="six of at most five"),
    pytest.param(Mended(("A1.1",), WHY), no("malformed", "R-35", most=5), id="a leaf of paper"),
    pytest.param(Mended(("A2.2",), Text("")), no("opinion_required", "R-35"), id="without a report"),
])
def test_R_35_the_school_reports(form, then):
    assert mend(application(), visit("mending"), form, context()) == then


PANEL = {"p1": scores("site", 40), "p2": scores("site", 50), "p3": scores("site", 60)}


@pytest.mark.parametrize(("given", "then"), [
    pytest.param((), [LeavesRescored(())], id="no score changes"),
    pytest.param((("B2.2", 300),), [LeavesRescored((("B2.2", 300),))], id="raised, B2.2 from 200 to 300"),
    pytest.param((("B2.2", 350),), no("amount_invalid", "R-35", leaf="B2.2", full=320), id="above 80 % of its 400"),
    pytest.param((("B2.2", 310),), no("malformed", "R-35", leaf="B2.2"), id="between the steps"),
    pytest.param((("B2.3", 200),), no("malformed", "R-35", leaf="B2.3"), id="a leaf that was not mended"),
    pytest.param((("Z9", 300),), no("malformed", "R-35", leaf="Z9"), id="no leaf"),
    pytest.param((("B2.2", 300), ("C3.1", 300), ("C4.1", 200), ("E2.1", 300), ("B1.1", 300)), no("amount_invalid", "R-35", most=400), id="all together by more than 4 points"),
    pytest.param((("B2.2", 300), ("C3.1", 300), ("C4.1", 200), ("E2.1", 300), ("B1.1", 250)),
                 [LeavesRescored((("B2.2", 300), ("C3.1", 300), ("C4.1", 200), ("E2.1", 300), ("B1.1", 250)))], id="by just 4"),
])
def test_R_35_rescored(given, then):
    case = application(roster={"panel": PANEL}, site=PANEL, mend_leaves=("B2.2", "C3.1", "C4.1", "E2.1", "B1.1"))
    assert {k: panel_score(case, k) for k in case.facts.mend_leaves} == {"B2.2": 200, "C3.1": 200, "C4.1": 150, "E2.1": 200, "B1.1": 200}
    assert rescore(case, visit("re_check"), Rescored(given), context()) == then


FIVE = ("B2.2", "C3.1", "C4.1", "E2.1", "B1.1")


def seated(*said: str, open: int = 0) -> tuple[Seat, ...]:
    """Who has signed the re-check, and how many are still asked."""
    return (*(Seat(p, person(p), acted=Acted("agree", p, NOW, 1)) for p in said), *(Seat(f"o{n}", person(f"o{n}")) for n in range(open)))


@pytest.mark.parametrize(("given", "then"), [
    pytest.param([(("B2.2", 300),), (("B2.2", 250),)], {"B2.2": 275}, id="of two: their mean"),
    pytest.param([(("B2.2", 300),), ()], {"B2.2": 250}, id="of two, one of whom changes nothing"),
    pytest.param([(("B2.2", 300),), (("B2.2", 100),)], {"B2.2": 250}, id="who gives less leaves it as it was"),
    pytest.param([(("B2.2", 300),), (("B2.2", 250),), ()], {"B2.2": 250}, id="of three: the median"),
    pytest.param([(), (("B2.2", 300),), ()], {"B2.2": 200}, id="of three, two of whom change nothing"),
    pytest.param([(("B2.2", 250),), (("B2.2", 300), ("C3.1", 250))], {"B2.2": 275, "C3.1": 225}, id="leaf by leaf"),
    pytest.param([], {}, id="nobody"),
])
def test_R_32_R_35_what_re_checkers_who_disagree_come_to(given, then):
    """B2.2 and C3.1 stood at 200; whoever signs last has no more say than the others."""
    case = application(roster={"panel": PANEL}, site=PANEL, mend_leaves=FIVE[:2])
    for sheets in (given, given[::-1]):
        assert raised(case, sheets) == ({"B2.2": 200, "C3.1": 200} | then if given else {})


TWICE, ONCE = (("B2.2", 300), ("C3.1", 300), ("B1.1", 250)), (("C4.1", 200), ("E2.1", 300), ("B1.1", 250))


@pytest.mark.parametrize(("seats", "form", "then"), [
    pytest.param(seated("p1", open=2), ONCE, [LeavesRescored(ONCE)], id="not the last: its own gain is looked at"),
    pytest.param(seated("p1", "p2", open=1), (), [LeavesRescored(())], id="the last, who changes nothing"),
    pytest.param(seated("p1", "p2", open=1), (("B2.2", 300), ("C3.1", 300), ("C4.1", 200), ("E2.1", 300)), no("amount_invalid", "R-35", most=350),
                 id="the last may not bring the medians above the gain, though each sheet keeps to it"),
])
def test_R_35_the_gain_binds_what_the_sheets_come_to(seats, form, then):
    """At most 350; p1 gave +100 +100 +50, p2 +50 +100 +50. The last one's +350 would bring the medians to +400."""
    case = application(roster={"panel": PANEL}, site=PANEL, mend_leaves=FIVE, rescored={"p1": TWICE, "p2": ONCE})
    assert rescore(case, visit("re_check", seats=seats), Rescored(form), context(policy=having(POLICY, mend_gain_cp=350))) == then


# -- the proposal -------------------------------------------------------------------------------------------

OFFICE = (("A2.3", 300), ("D1.1", 300))


def scored(share: int, re_check: str = "", **facts: Any) -> Any:
    """Two experts and a panel of three, all at that share."""
    signed = {"experts": {f"e{n}": scores("material", share) for n in (1, 2)}, "panel": {f"p{n}": scores("site", share) for n in (1, 2, 3)}}
    case = application(roster=signed, sheets=signed["experts"], site=signed["panel"], **{"office": OFFICE, **facts})
    checked = tuple((p, Acted("agree", p, NOW, 1)) for p in case.facts.rescored)
    return having(case, past=(Past(1, "re_check", "", re_check, checked),)) if re_check else case


HIGH, LOW = scored(100), scored(60)


def result(case: Any, by_rule: str, departs: str = "", reason: Text = Text("")) -> ResultProposed:
    c = computed(case, POLICY)
    return ResultProposed(c.material_cp, c.site_cp, c.total_cp, c.dimensions_cp, c.missed_floors, c.margin_cp, by_rule, departs or by_rule, departs, reason)


@pytest.mark.parametrize(("case", "form", "then"), [
    pytest.param(HIGH, Propose(), [result(HIGH, "recognise")], id="as computed"),
    pytest.param(LOW, Propose(), [result(LOW, "refuse")], id="R-38 below the pass mark"),
    pytest.param(HIGH, Propose("refuse", WHY), [result(HIGH, "recognise", "refuse", WHY)], id="R-40 downward"),
    pytest.param(HIGH, Propose("defer", WHY), [result(HIGH, "recognise", "defer", WHY)], id="R-40 to the next batch"),
    pytest.param(HIGH, Propose("refuse"), no("opinion_required", "R-40"), id="R-40 with written reasons"),
    pytest.param(HIGH, Propose("promote", WHY), no("malformed", "R-40"), id="R-40 never upward"),
    pytest.param(LOW, Propose("defer", WHY), no("floor", "R-40"), id="R-40 never over a missed floor"),
    pytest.param(having(HIGH, facts=having(HIGH.facts, vetoes=("D-1",))), Propose("defer", WHY), no("veto", "R-40"), id="R-40 never over a veto"),
])
def test_R_39_R_40_propose(case, form, then):
    assert propose(case, visit("proposal"), form, context()) == then


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(Propose("refuse", Text("缺" * 49)), no("opinion_required", "R-40", field="reason", least=50), id="R-40 49 of 50"),
    pytest.param(Propose("refuse", Text("  " + "缺" * 49 + "  ")), no("opinion_required", "R-40", field="reason", least=50), id="R-40 blanks around it do not count"),
    pytest.param(Propose("refuse", Text("缺" * 50)), None, id="R-40 50"),
    pytest.param(Propose("refuse"), None, id="R-40 none at all: the rule says whether there must be"),
    pytest.param(SiteSheet(SITE, "mend", dissent=Text("缺" * 19)), no("opinion_required", "R-33", field="dissent", least=20), id="R-33 19 of 20"),
    pytest.param(SiteSheet(SITE, "mend", summary=Text("缺"), dissent=Text("缺" * 20)), None, id="R-33 20; a summary has no such number"),
    pytest.param(SiteSheet(SITE, "mend"), None, id="R-33 no dissent"),
    pytest.param(Letter(Text("缺")), None, id="a form that names none"),
])
def test_R_33_R_40_reasons_of_so_many_characters(form, then):
    """Before the words are taken out: a reference has no length."""
    assert too_short(form, POLICY) == then


@pytest.mark.parametrize(("case", "then"), [
    pytest.param(HIGH, ("recognise", "vote"), id="goes to the vote"),
    pytest.param(LOW, ("refuse", "refusal"), id="R-41 a computed refusal is not voted on"),
    pytest.param(having(HIGH, facts=having(HIGH.facts, vetoes=("D-1",))), ("refuse", "refusal"), id="R-42 a veto refuses whatever the total is"),
    pytest.param(having(HIGH, facts=having(HIGH.facts, level=2, departs="defer")), ("recognise", "vote"), id="R-40 a departure is voted on"),
])
def test_R_41_R_42_what_follows_by_rule(case, then):
    assert (result_by_rule(case, POLICY), conditions.vote_or_refusal(case, POLICY)) == then


@pytest.mark.parametrize(("outcome", "counts"), [("passed", True), ("refused", False)])
def test_R_35_raised_scores_count_only_where_the_re_check_accepted(outcome, counts):
    """The leader gave higher scores, the second member did not accept them."""
    with_it = computed(scored(60, outcome, mend_leaves=("B2.2",), rescored={"p1": (("B2.2", 300),)}), POLICY)
    without = computed(scored(60), POLICY)
    assert (with_it.site_cp > without.site_cp, with_it == without) == (counts, not counts)


@pytest.mark.parametrize(("two", "third_counts"), [
    pytest.param((90, 60), True, id="far apart"),
    pytest.param((80, 80), False, id="alike by now: sent back to the review, they scored again"),
])
def test_R_26_the_third_counts_while_the_two_are_far_apart(two, third_counts):
    case, (a, c) = scored(80), two
    given = {"e1": scores("material", a), "e2": scores("material", c), "e3": scores("material", 100)}
    with_third = having(case, rosters={**case.rosters, "third": Roster(("e3",))}, facts=having(case.facts, sheets=given))
    without = having(with_third, rosters=case.rosters)
    assert (computed(with_third, POLICY) != computed(without, POLICY)) is third_counts


def test_R_33_R_35_after_another_visit_only_its_report_counts():
    """Who does not sign it in time has no score there; what was raised after the first is over, as is what it suggested."""
    facts = scored(60, mend_leaves=("B2.2",), suggestions={"p1": "mend", "p2": "mend"}, rescored={"p1": (("B2.2", 300),)}).facts
    facts = facts.evolve(Visited(DONE), Entry(None, NOW, "p1"))
    assert (facts.site, facts.suggestions, facts.rescored) == ({}, {}, {})


def test_R_37_sheets_of_who_is_on_the_list_count():
    """e1 was replaced by e3: the sheet of e1 stays on record and does not count."""
    case = scored(80)
    replaced = having(case, rosters={**case.rosters, "experts": Roster(("e2", "e3"))},
                      facts=having(case.facts, sheets={"e1": scores("material", 10), "e2": scores("material", 80), "e3": scores("material", 80)}))
    assert computed(replaced, POLICY) == computed(case, POLICY)


VETO = [["D-1", "illegal_fee", "2024-03-02"]]


@pytest.mark.parametrize(("stage", "done", "gates", "vetoes", "then"), [
    pytest.param("material", (), {"veto:S1": VETO}, (), [VetoesHeard(("D-1",))], id="heard at once"),
    pytest.param("material", (), {"veto:S1": VETO}, ("D-1",), [], id="once"),
    pytest.param("material", (), {"veto:S1": [["D-1", "illegal_fee", "2024-03-01"]]}, (), [], id="24 months before the batch opened: over by a day"),
    pytest.param("material", (), {"veto:S1": [["D-1", "ugly_gate", "2026-01-01"]]}, (), [], id="no veto of this policy"),
    pytest.param("material", (), {}, ("D-1",), [VetoesHeard(())], id="annulled"),
    pytest.param("vote", (), {"veto:S1": VETO}, (), [VetoesHeard(("D-1",)), Close("returned", "proposal")], id="after the proposal: back to it"),
    pytest.param("notice", (), {"veto:S1": VETO}, (), [VetoesHeard(("D-1",)), Close("returned", "proposal")], id="from the notice too"),
    pytest.param("conferment", (), {"veto:S1": VETO}, (), [VetoesHeard(("D-1",)), Close("returned", "proposal")], id="until it is signed"),
    pytest.param("conferment", ("DocumentSigned",), {"veto:S1": VETO}, (), [VetoesHeard(("D-1",))], id="R-84 after the signing nothing is undone here"),
    pytest.param("conferment", (), {"veto:S1": VETO, "signed:星申2026-001": 1}, (), [VetoesHeard(("D-1",))], id="R-67 signed, not heard yet"),
    pytest.param("vote", (), {}, ("D-1",), [VetoesHeard(())], id="annulled during the vote: the vote goes on"),
])
def test_R_42_L_2_vetoes_are_heard(stage, done, gates, vetoes, then):
    """The batch opened on 2 March, the application on the 9th."""
    case = at(having(application(vetoes=vetoes), opened_at=moment("2026-03-09")), stage, done=done)
    assert heed_vetoes(case, context(gates={"opened:星批2026-001": "2026-03-02", **gates})) == then


# -- vote, notice, document, letter ------------------------------------------------------------

SEATS = (Seat("m1", person("m1"), claimed_by="m1"), Seat("m2", person("m2")), Seat("m3", person("m3"), gone="recused"))


@pytest.mark.parametrize(("stage", "done", "seats", "form", "then"), [
    pytest.param("vote", (), (), MeetingCalled(1, "m1", ("m1", "m2", "m3"), ("m1", "m3"), ("m3",)),
                 [RosterDrawn("committee", ("m1", "m2", "m3"), anew=True), CalledToVote(1, "m1", ("m1", "m2", "m3"), ("m1",), ("m3",))],
                 id="the committee takes its seats; a recused one is never present"),
    pytest.param("vote", ("MeetingCalled",), SEATS, MeetingCalled(1, "m1", ("m1", "m2", "m3"), ("m1", "m2", "m3"), ("m3",)),
                 [CalledToVote(1, "m1", ("m1", "m2", "m3"), ("m1", "m2"), ("m3",)), SeatClaimed(1, "m2", "m2")], id="A-11 who came since is present"),
    pytest.param("vote", ("MeetingCalled",), SEATS, MeetingCalled(1, "m2", ("m1", "m2", "m3"), ("m2",), ("m3",)),
                 [CalledToVote(1, "m2", ("m1", "m2", "m3"), ("m2",), ("m3",)), SeatClaimed(1, "m2", "m2"), SeatClaimed(1, "m1", "")], id="A-12 who left is not"),
    pytest.param("notice", (), (), MeetingCalled(1, "m1", ("m1",)), no("wrong_stage", "R-65"), id="only in the vote"),
])
def test_R_65_the_meeting_is_called(stage, done, seats, form, then):
    assert meeting_called(application(), visit(stage, done=done, seats=seats), form, context()) == then


@pytest.mark.parametrize(("present", "recused", "then"), [
    pytest.param(("m1", "m2"), (), "m1", id="the meeting's chair"),
    pytest.param(("m2", "m3"), ("m1",), "m2", id="recused here: the first in order who is present"),
    pytest.param((), ("m1",), "m1", id="nobody left: the chair again"),
])
def test_A_12_who_closes_the_ballot(present, recused, then):
    f = {"chair": "m1", "present": present, "recused": recused}
    case = application(roster={"committee": ("m1", "m2", "m3")}, **f)
    assert the_chair(at(case, "vote", seats=the_committee(case, POLICY)), POLICY) == person(then)


@pytest.mark.parametrize(("rule", "form", "stage", "done", "then"), [
    pytest.param(below_quota, BelowQuota(1), "vote", (), [BelowQuotaHeard(1), Close("refused", "refusal")], id="R-44 before the vote"),
    pytest.param(below_quota, BelowQuota(1), "notice", (), [BelowQuotaHeard(1), Close("refused", "refusal")], id="R-44 before the notice"),
    pytest.param(below_quota, BelowQuota(1), "notice", ("NoticePublished",), no("wrong_stage", "R-44"), id="R-44 not once it is noticed"),
    pytest.param(below_quota, BelowQuota(1), "material", (), no("wrong_stage", "R-44"), id="R-44 nobody who has no proposal"),
    pytest.param(put_on_hold, PutOnHold("blocked"), "conferment", (), [HeldHeard("blocked"), Close("returned", "held")], id="R-58 left out by name"),
    pytest.param(put_on_hold, PutOnHold("blocked"), "conferment", ("DocumentSigned",), no("wrong_stage", "R-58"), id="R-58 not once it is signed"),
    pytest.param(put_on_hold, PutOnHold("blocked"), "notice", (), no("wrong_stage", "R-58"), id="R-58 nor before"),
])
def test_R_44_R_58_told_by_the_batch(rule, form, stage, done, then):
    assert rule(application(), visit(stage, done=done), form, context()) == then


def test_R_59_register_entry_and_certificate():
    """K-26: three years from Thu 2025-12-25 to Mon 2028-12-25; the next number of the year, padded."""
    case = application(level=2, document="岚教认〔2025〕3号", signed_on=day("2025-12-25"))
    gates = {"number:star-school:certificate:2025": 11, "number:star-school:certificate:2024": 40}
    assert enter_register(case, visit("conferment"), EnterRegister("QR1"), context(gates=gates)) == [
        TitleConferred("岚教认〔2025〕3号", "岚教星校认〔2025〕2-012", 12, 2, day("2025-12-25"), day("2028-12-25"), "QR1")]
    assert hear_document(case, visit("conferment"), DocumentSigned("岚教认〔2025〕3号", day("2025-12-25")), context()) == [
        DocumentHeard("岚教认〔2025〕3号", day("2025-12-25"))]


PROPOSED = (Past(1, "proposal", "", "passed", ()),)


@pytest.mark.parametrize(("facts", "past", "code"), [
    pytest.param({}, (), "incomplete", id="R-18 incomplete"),
    pytest.param({"checks": (("kind", False, ""),)}, (Past(1, "eligibility", "", "refused", ()),), "eligibility", id="R-20 not eligible"),
    pytest.param({"checks": (("kind", False, ""),)}, (), "incomplete", id="R-18 refused before it was looked at"),
    pytest.param({"missed_floors": ("A",), "proposal": "refuse", "vetoes": ("D-1",)}, PROPOSED, "veto", id="R-42 a veto comes first"),
    pytest.param({"missed_floors": ("A",), "proposal": "refuse"}, PROPOSED, "floor", id="R-41 a floor"),
    pytest.param({"proposal": "refuse"}, PROPOSED, "pass_mark", id="R-38 the pass mark"),
    pytest.param({"proposal": "refuse", "departs": "refuse", "ballot": "refused"}, PROPOSED, "vote", id="R-40 a lost vote after a departure"),
    pytest.param({"proposal": "recognise", "ballot": "refused"}, PROPOSED, "vote", id="R-49 a lost vote"),
    pytest.param({"proposal": "recognise", "below_quota": True}, PROPOSED, "quota", id="R-44 quota"),
])
def test_R_72_each_refusal_has_its_reason_code(facts, past, code):
    case = having(application(**facts), past=past)
    assert reason_code(case) == code
    assert sign_letter(case, visit("refusal"), Letter(WHY), context()) == [LetterSigned(code, WHY)]


@pytest.mark.parametrize(("facts", "past", "then"), [
    pytest.param({"ballot": "refused"}, PROPOSED, True, id="lost by vote"),
    pytest.param({"missed_floors": ("A",), "proposal": "refuse"}, PROPOSED, True, id="a floor"),
    pytest.param({"proposal": "refuse"}, PROPOSED, True, id="the pass mark"),
    pytest.param({"departs": "defer", "ballot": "refused"}, PROPOSED, False, id="R-8 deferred"),
    pytest.param({"below_quota": True}, PROPOSED, False, id="quota"),
    pytest.param({}, (), False, id="incomplete"),
    pytest.param({"vetoes": ("D-1",), "proposal": "refuse"}, PROPOSED, False, id="R-42 a veto has its own months"),
])
def test_R_90_R_19_which_refusal_cools_off(facts, past, then):
    assert conditions.cools_off(having(application(**facts), past=past), POLICY) is then


@pytest.mark.parametrize(("facts", "then"), [
    pytest.param({"departs": "defer", "ballot": "refused"}, End("deferred"), id="lost after a proposal to defer"),
    pytest.param({"departs": "refuse", "ballot": "refused"}, End("refused"), id="lost after a proposal to refuse"),
    pytest.param({"departs": "defer", "ballot": "passed", "below_quota": True}, End("refused"), id="carried, then below the quota"),
    pytest.param({"ballot": "refused"}, End("refused"), id="lost"),
])
def test_R_40_refused_or_deferred(facts, then):
    assert conditions.refused_or_deferred(application(**facts), POLICY) == then


def test_A_50_a_paper_is_a_file():
    assert rendered(application(), visit("letter"), Rendered("letter", "sha"), context()) == [PaperRendered("letter", "sha")]
    assert rendered(application(), visit("letter"), Rendered("letter", ""), context()) == no("malformed", "A-50")


@pytest.mark.parametrize(("stage", "fields", "facts", "then"), [
    pytest.param("material", {}, {}, "working", id="working"),
    pytest.param("vote", {}, {}, "proposed", id="proposed"),
    pytest.param("vote", {"done": ("MeetingCalled",)}, {}, "called", id="called"),
    pytest.param("notice", {}, {}, "carried", id="carried"),
    pytest.param("notice", {"done": ("NoticePublished",)}, {}, "noticed", id="noticed"),
    pytest.param("held", {}, {}, "held", id="held"),
    pytest.param("conferment", {}, {}, "free", id="free"),
    pytest.param("conferment", {"done": ("DocumentSigned",)}, {}, "signed", id="signed"),
    pytest.param("refusal", {}, {}, "refused", id="a refusal under way"),
    pytest.param("letter", {}, {}, "refused", id="until it is served"),
])
def test_R_64_where_an_application_stands(stage, fields, facts, then):
    case = at(application(**facts), stage, **fields)
    assert conditions.stands(case).what == then
    on_hold = {"working": "paused", "proposed": "paused", "carried": "carried", "noticed": "held", "free": "held"}
    assert conditions.stands(having(case, suspended=True)).what == on_hold.get(then, then)


def test_R_64_what_the_batch_knows_of_it():
    case = having(at(application(level=2, total_cp=8800, margin_cp=40, rural=True, submitted_at="2026-03-09", departs="defer", ballot="passed", yes=6), "notice"),
                  past=(Past(1, "eligibility", "", "passed", (("head", Acted("agree", "h", NOW, 1, behind="boss")),)),
                        Past(2, "co_sign", "", "passed", (("principal", Acted("agree", "p", NOW, 1)),))))
    assert conditions.stands(case) == stands("carried", level=2, total_cp=8800, margin_cp=40, rural=True, submitted_at="2026-03-09", departs="defer", yes=6,
                                             ballot="passed", judges=("boss", "h"))
    assert conditions.stands(having(case, ended="refused", open=())) == stands("ended", level=2, total_cp=8800, by="refused", submitted_at="")


# -- the tables ---------------------------------------------------------------------------------------------------------


def test_the_tables_pass_and_lead_where_the_paper_says():
    for procedure in (STAR, BATCH):
        check(procedure)
    assert {s.name: s.judges for s in STAR.stages if s.judges} == {
        **dict.fromkeys(("completeness", "eligibility", "proposal"), "office"), **dict.fromkeys(("draw", "material", "third"), "material"),
        **dict.fromkeys(("appointment", "visit", "report", "answer", "re_check"), "panel"), "vote": "committee"}
    assert set(conditions.JUDGING) == {s.name for s in STAR.stages if s.judges} - {"vote"}


@pytest.mark.parametrize(("row", "unit", "budget"), [
    ("completeness", "workday", 5), ("correction", "workday", 10), ("eligibility", "workday", 3), ("report", "workday", 5), ("fact_reply", "workday", 3),
    ("mending", "day", 30), ("proposal", "workday", 5), ("notice", "notice", 5), ("refusal", "workday", 10),
])
def test_R_8_terms_are_the_files(row, unit, budget):
    clock = STAR[row].clock.clock(application(), POLICY, NOW)
    assert (clock.unit, clock.budget) == (unit, budget)


@pytest.mark.parametrize(("row", "budget"), [("draw", 2), ("material", 7), ("third", 5), ("appointment", 3), ("visit", 10), ("answer", 5), ("re_check", 5)])
def test_R_8_terms_of_seats_are_the_files(row, budget):
    assert STAR[row].seat_clock.clock(application(), POLICY, NOW, "e1").budget == budget


def test_R_5_the_window_of_a_child_is_its_batchs():
    """An extension moves all at once (R-5): the child's clock reads the gate."""
    clock = STAR["dossier"].clock.clock(application(), POLICY, NOW)
    assert (clock.unit, clock.gate) == ("until", WINDOW)


def test_R_48_the_committee_can_only_vote_or_send_back():
    vote = STAR["vote"]
    assert (vote.returns, vote.refused, vote.form) == (("material", "appointment", "proposal"), "refusal", None)
