"""What each form of a batch may say (R-5, R-44, R-46, R-47, R-58, R-64 to R-67), under the county's rules of 2026."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.kernel.calendar import DAY, day_of
from domain.kernel.events import ChildStands, Entry, ExtensionAnswered
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import End
from domain.kernel.values import Text, having
from domain.kernel.words import sentence
from domain.recognition import batch as b
from domain.recognition.proposal import MeetingCalled
from tests.kernel.story import moment

from .school import NAMES, NOW, POLICY, batch, context, policy, stands, visit

WHY = Text("理由")
TODAY = day_of(NOW)


def day(text: str) -> date:
    return moment(text).date()


@pytest.mark.parametrize(("form", "subject", "then"), [
    pytest.param(b.OpenBatch("2026年", TODAY, day("2026-04-09")), "star-school", [b.WindowSet("2026年", TODAY, day("2026-04-09"))], id="first and last day"),
    pytest.param(b.OpenBatch("2026年", TODAY, TODAY), "star-school", [b.WindowSet("2026年", TODAY, TODAY)], id="one day"),
    pytest.param(b.OpenBatch("", TODAY, day("2026-04-09")), "star-school", no("malformed", "R-5"), id="no title"),
    pytest.param(b.OpenBatch("2026年", day("2026-04-09"), TODAY), "star-school", no("malformed", "R-5"), id="the last before the first"),
    pytest.param(b.OpenBatch("2026年", day("2026-03-01"), day("2026-03-09")), "star-school", no("malformed", "R-5"), id="over"),
    pytest.param(b.OpenBatch("2026年", day("2026-12-20"), day("2027-01-08")), "star-school", no("calendar_unpublished", "C-27", year=2027), id="C-27 past the published calendar"),
    pytest.param(b.OpenBatch("2026年", TODAY, day("2026-04-10")), "star-school", no("malformed", "R-5"), id="longer than the 30 days of the policy"),
    pytest.param(b.OpenBatch("2026年", TODAY, day("2026-04-09")), "S1", no("malformed", "R-5", subject="star-school"), id="about an organisation"),
])
def test_R_5_open_a_batch(form, subject, then):
    assert b.open_batch(having(batch(), subject=subject), None, form, context()) == then


@pytest.mark.parametrize(("name", "on", "then"), [
    pytest.param("star-school-2026", "2026-02-28", no("policy_invalid", "R-5", since="2026-03-01", until="另行通知"), id="R-5 not in force yet"),
    pytest.param("star-school-2026", "2026-03-01", "done", id="R-5 from its first day"),
    pytest.param("star-school-2015", "2026-02-28", "done", id="R-5 until its last day"),
    pytest.param("star-school-2015", "2026-03-01", no("policy_invalid", "R-5", since="2015-03-10", until="2026-02-28"), id="R-5 not in force any more"),
])
def test_R_5_only_under_rules_that_are_in_force(name, on, then):
    form = b.OpenBatch("2026年", day(on), day(on) + 20 * DAY)
    got = b.open_batch(having(batch(), subject="star-school"), None, form, context(policy=policy(name), now=moment(on)))
    assert (got if isinstance(got, Refusal) else "done") == then
    if then != "done":
        assert "今天不能按它开批次" in sentence(got)


@pytest.mark.parametrize(("last_day", "then"), [
    pytest.param("2026-04-15", [b.WindowExtended(day("2026-04-15")), ExtensionAnswered(1, "", 5)], id="later, for all alike"),
    pytest.param("2026-04-10", no("malformed", "R-5"), id="the same day"),
    pytest.param("2026-04-09", no("malformed", "R-5"), id="earlier"),
    pytest.param("2027-04-09", no("calendar_unpublished", "C-27", year=2027), id="C-27 past the published calendar"),
])
def test_R_5_extend_the_window(last_day, then):
    assert b.extend_window(batch(last_day=day("2026-04-10")), visit("window"), b.ExtendWindow(day(last_day)), context()) == then


@pytest.mark.parametrize(("what", "reason", "then"), [
    pytest.param("proposed", WHY, [b.WentOn(WHY)], id="with a reason"),
    pytest.param("proposed", Text(""), no("opinion_required", "R-64"), id="without"),
    pytest.param("working", WHY, no("wrong_stage", "R-64"), id="nobody has a proposal"),
])
def test_R_64_go_on_earlier(what, reason, then):
    assert b.go_on_earlier(batch({"a": stands(what)}), visit("review"), b.GoOnEarlier(reason), context()) == then


@pytest.mark.parametrize(("children", "early", "ready", "leads"), [
    pytest.param({}, False, True, End("closed"), id="nobody applied"),
    pytest.param({"a": "working", "b": "proposed"}, False, False, "ranking", id="somebody is still at work"),
    pytest.param({"a": "working", "b": "proposed"}, True, True, "ranking", id="earlier, with a reason"),
    pytest.param({"a": "refused", "b": "proposed", "c": "ended"}, False, True, "ranking", id="a proposal, a refusal under way or an end"),
    pytest.param({"a": "working"}, True, False, End("closed"), id="nobody to rank"),
    pytest.param({"a": "working", "b": "carried"}, False, True, "notice", id="carried ones are noticed"),
    pytest.param({"a": "working", "b": "free"}, False, True, "signing", id="free ones are signed for"),
    pytest.param({"a": "held", "b": "proposed"}, False, True, "ranking", id="one on hold delays nobody"),
    pytest.param({"a": "paused", "b": "proposed"}, False, True, "ranking", id="wherever it is"),
    pytest.param({"a": "paused"}, False, False, End("closed"), id="but the batch waits for it in the end"),
    pytest.param({"a": "ended", "b": "ended"}, False, True, End("closed"), id="all ended"),
    pytest.param({"a": "refused"}, False, False, End("closed"), id="it closes when every one has ended"),
])
def test_R_64_the_hub(children, early, ready, leads):
    case = batch({c: stands(what) for c, what in children.items()}, early=early)
    assert (b.something_to_do[0](case, context()) is None, b.notice_signing_ranking_or_closed(case, POLICY)) == (ready, leads)


QUOTA_2 = having(POLICY, levels={1: having(POLICY.levels[1], quota=2), 2: having(POLICY.levels[2], quota=None)})
BY_TOTAL = having(QUOTA_2, ranking=("combined_total_points", "floor_margin_points", "rural_first"))


def candidate(total: int, **fields: Any) -> Any:
    return stands("proposed", total_cp=total, **fields)


@pytest.mark.parametrize(("of", "children", "then"), [
    pytest.param(QUOTA_2, {"a": candidate(8000), "b": candidate(9000), "c": candidate(8500)}, b.Ranked(("b", "c"), ("a",), ((1, 2),)), id="by total"),
    pytest.param(QUOTA_2, {"a": candidate(8000), "b": candidate(8000, margin_cp=9), "c": candidate(8000, margin_cp=5)}, b.Ranked(("b", "c"), ("a",), ((1, 2),)), id="then by the margin above the floors"),
    pytest.param(QUOTA_2, {"a": candidate(8000), "b": candidate(8000), "c": candidate(8000, rural=True)}, b.Ranked(("c", "a", "b"), (), ((1, 2),)), id="then rural first"),
    pytest.param(QUOTA_2, {"a": candidate(8000, submitted_at="3"), "b": candidate(8000, submitted_at="1"), "c": candidate(8000, submitted_at="2")}, b.Ranked(("b", "c"), ("a",), ((1, 2),)), id="then by submission"),
    pytest.param(BY_TOTAL, {"a": candidate(9000), "b": candidate(8000), "c": candidate(8000), "d": candidate(7000)}, b.Ranked(("a", "b", "c"), ("d",), ((1, 2),)), id="a tie across the line: all are voted on"),
    pytest.param(BY_TOTAL, {"a": candidate(9000), "b": candidate(8000), "c": candidate(8000, level=2), "d": candidate(7000, level=2)}, b.Ranked(("a", "b", "c", "d"), (), ((1, 2), (2, None))), id="a tier at a time; no quota, no line"),
    pytest.param(BY_TOTAL, {"a": candidate(9000), "b": candidate(8000), "x": stands("ended", by="recognised"), "y": stands("ended", by="refused")}, b.Ranked(("a",), ("b",), ((1, 1),)), id="R-64 the places that are left"),
    pytest.param(BY_TOTAL, {"a": candidate(9000), "x": stands("free"), "y": stands("held")}, b.Ranked((), ("a",), ((1, 0),)), id="R-64 none is left"),
    pytest.param(BY_TOTAL, {"a": candidate(9000), "b": stands("working")}, b.Ranked(("a",), (), ((1, 2),)), id="who has no proposal waits"),
])
def test_R_44_rank(of, children, then):
    assert b.rank(batch(children), visit("ranking"), b.Rank(), context(policy=of)) == [then]


def carried(total: int, yes: int = 5, **fields: Any) -> Any:
    return stands("carried", total_cp=total, yes=yes, **fields)


@pytest.mark.parametrize(("children", "below"), [
    pytest.param({"a": carried(9000), "b": carried(8000, 6), "c": carried(8000, 7)}, ("b",), id="more yes"),
    pytest.param({"a": carried(9000, 3), "b": carried(8000, 6), "c": carried(8000, 7)}, ("b",), id="the higher rank comes before the votes"),
    pytest.param({"a": carried(8000, 5, margin_cp=9), "b": carried(8000, 7), "c": carried(8000, 6)}, ("c",), id="the rank is more than the total"),
    pytest.param({"a": carried(9000), "b": carried(8000, 6, submitted_at="2"), "c": carried(8000, 6, submitted_at="1")}, ("b",), id="then the earlier submission"),
    pytest.param({"a": carried(9000), "b": carried(8000)}, (), id="places for all"),
    pytest.param({"a": carried(9000), "b": carried(8000), "x": stands("ended", by="recognised")}, ("b",), id="a place is taken already"),
])
def test_R_44_cut(children, below):
    case = batch(children, ranked=tuple(children))
    assert b.cut(case, visit("notice"), b.Cut(), context(policy=BY_TOTAL)) == [b.PlacesCut(below)]
    assert b.over_quota(case, BY_TOTAL) is bool(below)


@pytest.mark.parametrize(("form", "then"), [
    pytest.param(b.Convene(("m1", "m2", "m3"), "s", day("2026-03-16"), WHY), [b.MeetingConvened(("m1", "m2", "m3"), "s", day("2026-03-16"), WHY)], id="three whole working days for the papers"),
    pytest.param(b.Convene(("m1", "m2", "m3"), "s", day("2026-03-13"), WHY), no("malformed", "R-46", notice=3), id="R-46 two"),
    pytest.param(b.Convene(("m1", "m2", "m3"), "s", day("2026-03-10"), WHY), no("malformed", "R-46", notice=3), id="R-46 today"),
    pytest.param(b.Convene(("m1", "m2"), "s", day("2026-03-16"), WHY), no("malformed", "R-65"), id="R-65 two members are no committee"),
    pytest.param(b.Convene(("m1", "m2", "m2"), "s", day("2026-03-16"), WHY), no("malformed", "R-65"), id="R-65 one twice"),
    pytest.param(b.Convene(("m1", "m2", "m3"), "", day("2026-03-16"), WHY), no("malformed", "R-65"), id="R-65 no secretary"),
    pytest.param(b.Convene(("m1", "m2", "m3"), "s", day("2027-01-08"), WHY), no("calendar_unpublished", "C-27", year=2027), id="C-27 past the published calendar"),
])
def test_R_46_R_65_convene(form, then):
    assert b.convene(batch(), visit("convening"), form, context()) == then


@pytest.mark.parametrize(("short", "of", "on", "then"), [
    pytest.param("2026-03-10", 5, "2026-03-17", "done", id="A-12 the fifth working day after the one without a quorum"),
    pytest.param("2026-03-10", 5, "2026-03-16", no("malformed", "A-12", recall="2026-03-17"), id="A-12 not before"),
    pytest.param("2026-03-10", 4, "2026-03-16", "done", id="A-12 how many the policy says"),
    pytest.param("2026-03-03", 5, "2026-03-16", "done", id="A-12 long ago"),
])
def test_A_12_a_meeting_without_a_quorum_is_called_again_later(short, of, on, then):
    got = b.convene(batch(short_on=day(short)), visit("convening"), b.Convene(("m1", "m2", "m3"), "s", day(on), WHY),
                    context(policy=having(POLICY, recall_after=of)))
    assert (got if isinstance(got, Refusal) else "done") == then


@pytest.mark.parametrize(("was", "now", "then"), [
    pytest.param(stands("called"), stands("proposed"), TODAY, id="A-12 no quorum"),
    pytest.param(stands("called"), stands("carried", ballot="passed"), None, id="A-12 carried"),
    pytest.param(stands("called"), stands("working"), None, id="A-12 sent back"),
    pytest.param(stands("proposed"), stands("called"), None, id="A-12 only called"),
])
def test_A_12_the_batch_knows_the_day_from_where_its_candidate_stands(was, now, then):
    told = Entry(ChildStands("a", now, was), NOW, "system")
    assert b.Batch(ranked=("a",)).evolve(told.event, told).short_on == then
    again = Entry(b.MeetingConvened(("m1", "m2", "m3"), "s", TODAY, WHY), NOW, "staff")
    assert b.Batch(short_on=TODAY).evolve(again.event, again).short_on is None


SENT = {"members": ("m1", "m2", "m3"), "day": TODAY, "papers_on": day("2026-03-04")}


@pytest.mark.parametrize(("facts", "actor", "then"), [
    pytest.param(SENT, "m1", [b.MeetingOpened()], id="on its day"),
    pytest.param({**SENT, "day": TODAY + DAY}, "m1", no("wrong_stage", "R-46"), id="not before"),
    pytest.param({**SENT, "papers_on": day("2026-03-05")}, "m1", no("wrong_stage", "R-46"), id="the papers came two working days before"),
    pytest.param({**SENT, "papers_on": None}, "m1", no("wrong_stage", "R-46"), id="the papers did not come"),
    pytest.param({**SENT, "opened": True, "chair": "m1"}, "m1", no("already_acted", "R-65", by="m1"), id="once"),
    pytest.param({**SENT, "opened": True, "chair": "m1"}, "m2", [b.MeetingOpened()], id="another chair may take it over"),
])
def test_R_46_open_the_meeting(facts, actor, then):
    assert b.open_meeting(batch(**facts), visit("meeting"), b.OpenMeeting(), context(actor)) == then


def test_R_46_the_batch_keeps_the_day_on_which_the_papers_came():
    (sent,) = b.send_papers(batch(), visit("meeting"), b.SendPapers(), context())
    assert b.Batch().evolve(sent, Entry(sent, NOW, "workflow")).papers_on == TODAY
    assert b.Batch(papers_on=TODAY).evolve(b.Ranked((), (), ()), Entry(None, NOW, "workflow")).papers_on is None


@pytest.mark.parametrize(("rule", "form", "actor", "then"), [
    pytest.param(b.sign_in, b.SignedIn(), "m2", [b.MemberSignedIn("m2")], id="signs in"),
    pytest.param(b.sign_in, b.SignedIn(), "m1", no("already_acted", "A-11", by="m1"), id="once"),
    pytest.param(b.sign_out, b.SignedOut("m1"), "m1", [b.MemberLeft("m1")], id="A-12 a member left"),
    pytest.param(b.sign_out, b.SignedOut("m2"), "m1", no("malformed", "A-12"), id="A-12 who was not there did not leave"),
])
def test_A_11_A_12_who_is_there(rule, form, actor, then):
    assert rule(batch(present=("m1",)), visit("meeting"), form, context(actor)) == then


@pytest.mark.parametrize(("signed", "text", "then"), [
    pytest.param(0, WHY, [b.MinutesSigned(WHY)], id="the text"), pytest.param(0, Text(""), no("opinion_required", "R-47"), id="no text"),
    pytest.param(1, Text(""), [b.MinutesSigned(Text(""))], id="the second signs what is there"),
])
def test_R_47_minutes(signed, text, then):
    assert b.sign_minutes(batch(minutes=signed), visit("minutes"), b.Minutes(text), context()) == then


@pytest.mark.parametrize(("on", "then"), [
    pytest.param("2026-03-10", [b.NoticeUp("星批2026-001-1", ("a", "c"), "f")], id="once for all that carried"),
    pytest.param("2026-12-24", [b.NoticeUp("星批2026-001-1", ("a", "c"), "f")], id="K-33 its last day is firm"),
    pytest.param("2026-12-25", no("calendar_unpublished", "C-27", year=2027), id="C-27 its last day is not"),
    pytest.param("2027-01-05", no("calendar_unpublished", "C-27", year=2027), id="C-27 nor is its first"),
])
def test_R_66_C_27_publish_the_notice(on, then):
    case = batch({"a": stands("carried"), "b": stands("refused"), "c": stands("carried")}, meeting=1)
    assert b.publish_notice(case, visit("notice"), b.PublishNotice("f"), context(now=moment(on))) == then


@pytest.mark.parametrize(("gates", "then"), [
    pytest.param({}, b.DocumentSignedOff(("a", "c"), ()), id="all that are free"),
    pytest.param({"overdue:S1": ["Z-1"]}, b.DocumentSignedOff(("c",), ("a",)), id="R-58 who is blocked is left out by name"),
    pytest.param({"veto:S3": [["D-1", "illegal_fee", "2026-03-09"]]}, b.DocumentSignedOff(("a",), ("c",)), id="R-58 who is vetoed too"),
    pytest.param({"veto:S3": [["D-1", "illegal_fee", "2024-03-02"]]}, b.DocumentSignedOff(("a",), ("c",)), id="R-42 within 24 months before the batch opened"),
    pytest.param({"veto:S3": [["D-1", "illegal_fee", "2024-03-01"]]}, b.DocumentSignedOff(("a", "c"), ()), id="R-42 a day longer ago"),
    pytest.param({"veto:S3": [["D-1", "ugly_gate", "2026-03-09"]]}, b.DocumentSignedOff(("a", "c"), ()), id="R-42 no veto of this policy"),
    pytest.param({"overdue:S1": ["Z-1"], "overdue:S3": ["Z-3"]}, b.DocumentSignedOff((), ("a", "c")), id="R-58 nobody is left"),
])
def test_R_58_R_67_sign(gates, then):
    """The batch opened on 2 March; a submitted on the 9th, so that the look-back does not hang on that."""
    late = moment("2026-03-09").isoformat()
    case = batch({"a": stands("free", "S1", submitted_at=late), "b": stands("held", "S2"), "c": stands("free", "S3", submitted_at=late)})
    assert b.sign(case, visit("signing"), b.Sign(), context(gates=gates)) == [then]


def test_G_15_nobody_signs_for_their_own_school():
    case = batch({"a": stands("free", "S1"), "b": stands("held", "S2")})
    assert b.nobody_tied[0](case, context(ties=("S1",))) == no("own_case", "G-15")
    assert b.nobody_tied[0](case, context(ties=("S2",))) is None


@pytest.mark.parametrize(("gates", "number", "serial"), [
    pytest.param({}, "岚教认〔2026〕1号", 1, id="the first of the year, no leading zero"),
    pytest.param({"number:document:岚教认〔2026〕号": 11, "number:document:岚教认〔2025〕号": 40}, "岚教认〔2026〕12号", 12, id="the next of its year"),
])
def test_A_50_the_documents_number(gates, number, serial):
    got = b.number_document(batch(signed_at=NOW), visit("conferment"), b.Number(), context(gates=gates))
    assert got == [b.Numbered(number, "document:岚教认〔2026〕号", serial)]


def test_A_50_programmes_whose_documents_are_numbered_alike_share_the_series():
    """Else a school and a kindergarten would get the same number on one day."""
    names = {n: b.document_series(policy(n), 2026) for n in NAMES}
    assert {n for n, series in names.items() if series == names["star-school-2026"]} == {
        "star-school-2015", "star-school-2026", "star-kindergarten-2026", "county-demonstration-kindergarten-2026"}
    assert names["nomination-star-school-2026"] == "document:岚教报〔2026〕号"


def test_A_50_the_batch_shows_the_newest_number_of_each_series():
    facts = b.Batch()
    for number, series, serial in (("1号", "document:2026", 1), ("1号", "document:2027", 1), ("2号", "document:2026", 2)):
        facts = facts.evolve(b.Numbered(number, series, serial), Entry(None, NOW, "workflow"))
    assert facts.numbers == (("document:2027", 1), ("document:2026", 2))
    assert {k: v for k, v in b.shows(having(batch(), facts=facts)).items() if k.startswith("number:")} == {
        "number:document:2027": 1, "number:document:2026": 2}


def test_A_50_a_number_that_an_older_log_took_is_counted():
    """Its series bore the programme's name; the next document must not get the same number."""
    facts = b.Batch().evolve(b.Numbered("岚教认〔2026〕12号", "star-school:document:2026", 12), Entry(None, NOW, "workflow"))
    assert b.shows(having(batch(), facts=facts))[f"number:{b.document_series(policy('star-kindergarten-2026'), 2026)}"] == 12


@pytest.mark.parametrize(("children", "then"), [
    pytest.param({"a": "ended", "b": "ended"}, None, id="every one has ended"), pytest.param({"a": "ended", "b": "held"}, no("wrong_stage", "R-67"), id="one is open"),
])
def test_R_67_a_batch_with_open_applications_is_not_terminated(children, then):
    assert b.nobody_open[0](batch({c: stands(what) for c, what in children.items()}), context()) == then


@pytest.mark.parametrize(("noticed", "then"), [
    pytest.param({"a": "noticed", "b": "free"}, no("held", "R-66"), id="a clock is running"),
    pytest.param({"a": "held", "b": "free"}, None, id="R-58 over or stopped"),
    pytest.param({"a": "refused", "b": "ended"}, None, id="nobody is left"),
])
def test_R_58_each_clock_of_the_notice_is_over_or_stopped(noticed, then):
    case = batch({c: stands(what) for c, what in noticed.items()}, noticed=tuple(noticed))
    assert b.every_clock_over[0](case, context()) == then


@pytest.mark.parametrize(("opened", "ranked", "then"), [
    pytest.param(True, {"a": "called", "b": "carried"}, no("held", "R-65"), id="a ballot is open"),
    pytest.param(True, {"a": "refused", "b": "carried"}, None, id="none is"),
    pytest.param(False, {"a": "refused"}, no("held", "R-65"), id="it was not opened"),
])
def test_R_65_the_meeting_ends_when_no_ballot_is_open(opened, ranked, then):
    case = batch({c: stands(what) for c, what in ranked.items()}, ranked=tuple(ranked), opened=opened)
    assert b.every_ballot_closed[0](case, context()) == then


def test_R_65_G_12_who_judged_a_candidate_is_recused_for_that_one():
    case = batch({"a": stands("called", judges=("m2", "x")), "b": stands("called")}, ranked=("a", "b"), opened=True, chair="m1", members=("m1", "m2", "m3"),
                 present=("m1", "m2"))
    assert [b.call_candidates.say(case, c) for c in ("a", "b")] == [
        (MeetingCalled(0, "m1", ("m1", "m2", "m3"), ("m1", "m2"), ("m2",)), None), (MeetingCalled(0, "m1", ("m1", "m2", "m3"), ("m1", "m2"), ()), None)]
    told = having(case, children={"a": stands("called", judges=("m2",), present=("m1", "m1")), "b": stands("called", present=("m1", "m1"))})
    assert b.uncalled(told, POLICY) == ("b",)           # m2 came, who does not vote on a
