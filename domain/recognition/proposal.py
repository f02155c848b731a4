"""拟定建议、表决、告知、认定 (R-37 to R-49, R-58 to R-72)."""
from __future__ import annotations

from datetime import date

from domain.kernel.calendar import day_of
from domain.kernel.case import Case, Visit
from domain.kernel.clock import span_end
from domain.kernel.events import Event, RosterDrawn, SeatClaimed
from domain.kernel.gates import next_number
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import Close, Context, Outcome
from domain.kernel.values import Text

from .facts import (
    BelowQuotaHeard,
    CalledToVote,
    DocumentHeard,
    HeldHeard,
    LetterSigned,
    NoticeHeard,
    PaperRendered,
    PeopleTold,
    ResultProposed,
    TitleConferred,
    VetoesHeard,
    fact,
)
from .policy import StarPolicy
from .scoring import Computed, compute, too_wide
from .site import panel_sheets, raised

DEPARTURES = ("", "refuse", "defer")


@fact
class Propose:
    """拟定建议：按计算结果，或者低于计算结果并写明理由。"""
    least = {"reason": ("departure_chars_min", "R-40")}
    departs: str = ""
    reason: Text = Text("")


@fact
class Letter:
    """签发不予认定告知书。"""
    reason: Text = Text("")


@fact
class MeetingCalled:
    """本次会议：主持人、委员、已签到的人、须回避的人。"""
    meeting: int
    chair: str
    members: tuple[str, ...]
    present: tuple[str, ...] = ()
    recused: tuple[str, ...] = ()


@fact
class NoticePublished:
    """公示已发布。"""
    notice: str


@fact
class DocumentSigned:
    """认定文件已签发并编号。"""
    document: str
    signed_on: date


@fact
class BelowQuota:
    """名额线以下。"""
    meeting: int


@fact
class PutOnHold:
    """签发时受阻，另行签发。"""
    reason: str


@fact
class EnterRegister:
    """登记入册：查验码。"""
    code: str


@fact
class Rendered:
    """纸件已制成。"""
    kind: str
    file: str


@fact
class Told:
    """已送达申报学校。"""


def computed(case: Case, policy: StarPolicy) -> Computed:
    """What follows by rule, from the sheets of those who are on the rosters now (R-37).

    The third's counts while the two are far apart (R-26): after a return to the review they may be so no more.
    """
    f = case.facts
    sheets, third = ([dict(f.sheets[x]) for x in case.roster(name).members if x in f.sheets]
                     for name in ("experts", "third"))
    sheets += third if too_wide(sheets, policy) else []
    panel = [dict(s) for s in panel_sheets(case).values()]
    checked = case.last("re_check", "")
    accepted = checked.acts if checked and checked.outcome == "passed" else ()      # raised where all accepted
    mended = raised(case, [f.rescored.get(a.by, ()) for _, a in accepted])
    return compute(sheets, panel, dict(f.office), mended, f.level, policy)


def result_by_rule(case: Case, policy: StarPolicy) -> str:
    """R-41, R-42: a veto or a missed floor refuses whatever the total is."""
    return "recognise" if computed(case, policy).passed and not case.facts.vetoes else "refuse"


def propose(case: Case, visit: Visit, form: Propose, context: Context) -> list[Event] | Refusal:
    """R-39, R-40: the head may depart downward only, with written reasons."""
    policy: StarPolicy = context.policy
    by_rule = result_by_rule(case, policy)
    if form.departs not in DEPARTURES:
        return no("malformed", "R-40")
    if form.departs and by_rule == "refuse":
        ground = "veto" if case.facts.vetoes else "floor"
        return no(ground, "R-40")
    if form.departs and not form.reason:
        return no("opinion_required", "R-40")
    c = computed(case, policy)
    return [ResultProposed(c.material_cp, c.site_cp, c.total_cp, c.dimensions_cp, c.missed_floors, c.margin_cp, by_rule,
                           form.departs or by_rule, form.departs, form.reason)]


def meeting_called(case: Case, visit: Visit, form: MeetingCalled, context: Context) -> list[Event] | Refusal:
    """R-65: the committee takes its seats; who has signed in since is present, recused ones never (A-11)."""
    if visit.stage != "vote":
        return no("wrong_stage", "R-65")
    present = tuple(m for m in form.present if m not in form.recused)
    first = [] if "MeetingCalled" in visit.done else [RosterDrawn("committee", form.members, anew=True)]
    came = [SeatClaimed(visit.no, s.key, s.key) for s in visit.seats
            if s.key in present and not s.claimed_by and not s.gone]
    left = [SeatClaimed(visit.no, s.key, "") for s in visit.seats if s.claimed_by and s.key not in present]
    return [*first, CalledToVote(form.meeting, form.chair, form.members, present, form.recused), *came, *left]


def below_quota(case: Case, visit: Visit, form: BelowQuota, context: Context) -> Outcome | Refusal:
    if visit.stage not in ("vote", "notice") or "NoticePublished" in visit.done:
        return no("wrong_stage", "R-44")
    return [BelowQuotaHeard(form.meeting), Close("refused", "refusal")]


def put_on_hold(case: Case, visit: Visit, form: PutOnHold, context: Context) -> Outcome | Refusal:
    if visit.stage != "conferment" or "DocumentSigned" in visit.done:
        return no("wrong_stage", "R-58")
    return [HeldHeard(form.reason), Close("returned", "held")]


def heed_vetoes(case: Case, context: Context) -> Outcome:
    """R-42, L-2: what the register of the school shows by now counts here.

    Found after the proposal and before the signing, the proposal is made again (R-41); after the signing: R-84.
    """
    if not case.open or case.opened_at is None:
        return []
    numbers = vetoes_against(case.subject, batch_opened_on(case, context), context)
    if numbers == case.facts.vetoes:
        return []
    visit = case.open[0]
    late = visit.stage in ("vote", "notice", "held", "conferment") and "DocumentSigned" not in visit.done \
        and not context.gates.read(f"signed:{case.id}")
    back = [Close("returned", "proposal")] if late and set(numbers) - set(case.facts.vetoes) else []
    return [VetoesHeard(numbers), *back]


def batch_opened_on(case: Case, context: Context) -> date:
    """The day from which look-backs are counted (R-42, R-63): the batch shows it; before anything is open: today."""
    opened = context.gates.read(f"opened:{case.parent}")
    return date.fromisoformat(opened) if opened else day_of(case.opened_at or context.now)


def vetoes_against(school: str, on: date, context: Context) -> tuple[str, ...]:
    """R-42: the decisions that veto under this policy and whose look-back reaches that day."""
    codes = {v.code: v.lookback_months for v in context.policy.vetoes}
    return tuple(sorted(number for number, code, proven_on in context.gates.read(f"veto:{school}") or ()
                        if code in codes and day_of(span_end(date.fromisoformat(proven_on), codes[code])) >= on))


def hear_document(case: Case, visit: Visit, form: DocumentSigned, context: Context) -> list[Event] | Refusal:
    return [DocumentHeard(form.document, form.signed_on)]


def enter_register(case: Case, visit: Visit, form: EnterRegister, context: Context) -> list[Event] | Refusal:
    """R-59: the title starts on the day of the document and ends with its span (R-80, C-16); the next number (A-50)."""
    f, policy = case.facts, context.policy
    until = day_of(span_end(f.signed_on, 12 * policy.validity_years))
    serial = next_number(context.gates, certificate_series(case.policy, f.signed_on.year))
    number = policy.certificate_pattern.format(year=f.signed_on.year, level=f.level,
                                               serial=f"{serial:0{policy.serial_width}}")
    return [TitleConferred(f.document, number, serial, f.level, f.signed_on, until, form.code)]


def certificate_series(policy_id: str, year: int) -> str:
    return f"{policy_id.rsplit('-', 1)[0]}:certificate:{year}"


def reason_code(case: Case) -> str:
    """Why it was refused, for the letter and the statistics (R-72)."""
    f = case.facts
    if any(p.stage == "proposal" for p in case.past):
        if f.vetoes:
            return "veto"
        if f.below_quota:
            return "quota"
        if f.missed_floors:
            return "floor"
        if f.proposal == "refuse" and not f.departs:
            return "pass_mark"
        return "vote"
    if any(not ok for _, ok, _ in f.checks) and any(p.stage == "eligibility" for p in case.past):
        return "eligibility"
    return "incomplete"


def sign_letter(case: Case, visit: Visit, form: Letter, context: Context) -> list[Event] | Refusal:
    return [LetterSigned(reason_code(case), form.reason)]


def rendered(case: Case, visit: Visit, form: Rendered, context: Context) -> list[Event] | Refusal:
    return [PaperRendered(form.kind, form.file)] if form.file else no("malformed", "A-50")


def told_school(case: Case, visit: Visit, form: Told, context: Context) -> list[Event] | Refusal:
    return [PeopleTold(visit.stage)]


def hear_notice(case: Case, visit: Visit, form: NoticePublished, context: Context) -> list[Event] | Refusal:
    return [NoticeHeard(form.notice)]
