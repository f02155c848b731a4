"""批次 (R-64 to R-67): one window, one review, and as many meetings, notices and documents as it takes.

It knows of its applications what they tell (`facts.Stands`), and remembers nothing that it said to them.
"""
from __future__ import annotations

from datetime import date, datetime

from domain.kernel.calendar import day_of, end_of, start_of, whole_workdays_between
from domain.kernel.case import Case, Visit
from domain.kernel.clock import Clock, due, workdays_after
from domain.kernel.events import ChildStands, Entry, Event, ExtensionAnswered
from domain.kernel.gates import next_number
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Seat, person
from domain.kernel.stages import Context, End, tell
from domain.kernel.stages import leads as leads_to
from domain.kernel.values import Text, Value, having, tagged

from .facts import Stands
from .policy import StarPolicy
from .proposal import BelowQuota, DocumentSigned, MeetingCalled, NoticePublished, PutOnHold, vetoes_against

fact = tagged("batch")


# -- facts -----------------------------------------------------------------------------------------------------


@fact
class WindowSet(Event):
    """申报窗口 (R-5): a firm last day."""
    title: str
    first_day: date
    last_day: date


@fact
class WindowExtended(Event):
    last_day: date


@fact
class CallPublished(Event):
    file: str


@fact
class WentOn(Event):
    """提前进入排序 (R-64)."""
    reason: Text


@fact
class Ranked(Event):
    """已排序 (R-44): who is voted on, in order, and who lies below the line; places by tier."""
    order: tuple[str, ...]
    below: tuple[str, ...]
    places: tuple[tuple[int, int | None], ...]


@fact
class MeetingConvened(Event):
    """会议已召集 (R-65). The first of the members chairs."""
    members: tuple[str, ...]
    secretary: str
    day: date
    place: Text


@fact
class PapersSent(Event):
    """材料已送达委员 (R-46)."""
    on: date


@fact
class MeetingOpened(Event):
    pass


@fact
class MemberSignedIn(Event):
    member: str


@fact
class MemberLeft(Event):
    member: str


@fact
class MinutesSigned(Event):
    """会议纪要 (R-47)."""
    text: Text


@fact
class PlacesCut(Event):
    """并列者分位后落选 (R-44)."""
    below: tuple[str, ...]


@fact
class NoticeUp(Event):
    """公示已发布 (R-50, R-57): the page's hash and whom it names."""
    number: str
    children: tuple[str, ...]
    file: str


@fact
class DocumentSignedOff(Event):
    """已签发 (R-67): whom the document names, who is left out."""
    children: tuple[str, ...]
    left_out: tuple[str, ...]


@fact
class Numbered(Event):
    """文号 (A-50): taken only when the leader has signed."""
    number: str
    series: str
    serial: int


@fact
class DocumentRendered(Event):
    file: str


# -- state -----------------------------------------------------------------------------------------------------


@fact
class Batch(Value):
    title: str = ""
    first_day: date | None = None
    last_day: date | None = None
    early: bool = False
    meeting: int = 0
    ranked: tuple[str, ...] = ()                # the candidates of the present meeting
    below: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    secretary: str = ""
    day: date | None = None
    papers_on: date | None = None
    opened: bool = False
    chair: str = ""
    present: tuple[str, ...] = ()
    minutes: int = 0                            # signatures under the minutes of the present meeting
    notice: str = ""
    notice_at: datetime | None = None
    noticed: tuple[str, ...] = ()
    signing: tuple[str, ...] = ()               # of the present document
    left_out: tuple[str, ...] = ()
    signed_at: datetime | None = None
    number: str = ""
    rendered: str = ""
    signed: frozenset[str] = frozenset()        # ever: the gate `signed:<child>`
    numbers: tuple[tuple[str, int], ...] = ()   # the newest serial of each series that it took
    short_on: date | None = None                # the day of a ballot without a quorum, until a meeting is called again

    def evolve(self, event: Event, entry: Entry) -> Batch:
        match event:
            case WindowSet():
                return having(self, title=event.title, first_day=event.first_day, last_day=event.last_day)
            case WindowExtended():
                return having(self, last_day=event.last_day)
            case WentOn():
                return having(self, early=True)
            case Ranked():
                return having(self, meeting=self.meeting + 1, ranked=event.order, below=event.below, early=False,
                              members=(), day=None, papers_on=None, opened=False, present=(), minutes=0, noticed=(),
                              notice="")
            case PapersSent():
                return having(self, papers_on=event.on)
            case MeetingConvened():
                return having(self, members=event.members, secretary=event.secretary, day=event.day, short_on=None)
            case MeetingOpened():
                return having(self, opened=True, chair=entry.by)
            case MemberSignedIn():
                return having(self, present=(*self.present, event.member))
            case MemberLeft():
                return having(self, present=tuple(m for m in self.present if m != event.member))
            case MinutesSigned():
                return having(self, minutes=self.minutes + 1)
            case PlacesCut():
                return having(self, below=event.below)
            case NoticeUp():
                return having(self, notice=event.number, noticed=event.children, notice_at=entry.at)
            case DocumentSignedOff():
                return having(self, signing=event.children, left_out=event.left_out, number="", rendered="",
                              signed=self.signed | {*event.children}, signed_at=entry.at)
            case Numbered():
                series = series_of(event)
                rest = tuple(n for n in self.numbers if n[0] != series)
                return having(self, number=event.number, numbers=(*rest, (series, event.serial)))
            case DocumentRendered():
                return having(self, rendered=event.file)
            case ChildStands():
                return self._child(event, entry)
        return self

    def _child(self, event: ChildStands, entry: Entry) -> Batch:
        """Who leaves unvoted, or without a quorum, leaves the list and waits for the next meeting (A-12); who is no
        longer free is not left out any more."""
        child, now, was = event.child, event.stands, event.was
        state = self
        if child in self.ranked and not now.ballot and was and (was.what, now.what) not in VOTING:
            state = having(state, ranked=tuple(c for c in self.ranked if c != child))
            if (was.what, now.what) == ("called", "proposed"):
                state = having(state, short_on=day_of(entry.at))
        if child in self.below and now.what not in ("proposed", "carried"):
            state = having(state, below=tuple(c for c in self.below if c != child))
        if child in self.left_out:
            state = having(state, left_out=tuple(c for c in self.left_out if c != child))
        return state


VOTING = (("proposed", "called"), ("called", "called"))


# -- forms -----------------------------------------------------------------------------------------------------


@fact
class OpenBatch:
    """开批次：名称、申报的第一天和最后一天。"""
    title: str
    first_day: date
    last_day: date


@fact
class ExtendWindow:
    """延长申报：新的最后一天，对全体一样。"""
    last_day: date


@fact
class PublishCall:
    """开批通知已发布。"""
    file: str


@fact
class GoOnEarlier:
    """不等全部办结，先行排序；写明理由。"""
    reason: Text


@fact
class Rank:
    """排序。"""


@fact
class Convene:
    """召集会议：委员（第一位主持）、秘书、日期、地点。"""
    members: tuple[str, ...]
    secretary: str
    day: date
    place: Text


@fact
class SendPapers:
    """材料已送达委员。"""


@fact
class OpenMeeting:
    """会议开始。"""


@fact
class SignedIn:
    """签到。"""


@fact
class SignedOut:
    """记录委员离会。"""
    member: str


@fact
class Minutes:
    """会议纪要。"""
    text: Text


@fact
class Cut:
    """并列分位。"""


@fact
class PublishNotice:
    """公示。"""
    file: str


@fact
class Sign:
    """签发认定文件。"""


@fact
class Number:
    """编文号。"""


@fact
class DocumentMade:
    """文件已制成。"""
    file: str


# -- questions ---------------------------------------------------------------------------------------------------


def those(case: Case, *what: str) -> tuple[str, ...]:
    """The children that stand there."""
    return tuple(c for c, s in case.children.items() if s.what in what)


def those_of(case: Case, names: tuple[str, ...], *what: str) -> tuple[str, ...]:
    return tuple(c for c in names if case.children[c].what in what)


def applications(case: Case) -> int:
    """R-6: how many the batch has; who withdrew or lapsed has given the place back."""
    return sum(s.by not in ("withdrawn", "lapsed") for s in case.children.values())


HOLDING = ("carried", "noticed", "held", "free", "signed")


def places_left(case: Case, policy: StarPolicy, level: int) -> int | None:
    """R-64: a place is held by who carried and has not lost it since, and by who was recognised; None = no quota."""
    quota = policy.levels[level].quota
    held = sum(s.level == level and (s.what in HOLDING or s.by == "recognised") for s in case.children.values())
    return None if quota is None else quota - held


def levels_of(case: Case, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(sorted({case.children[c].level for c in names}))


def rank_key(stands: Stands, policy: StarPolicy) -> tuple[int | str, ...]:
    """Smaller is better (R-44). What the policy does not name does not rank."""
    keys = {"combined_total_points": -stands.total_cp, "floor_margin_points": -stands.margin_cp,
            "rural_first": -int(stands.rural), "submitted_at": stands.submitted_at}
    return tuple(keys[k] for k in policy.ranking if k in keys)


def order(case: Case, names: tuple[str, ...], policy: StarPolicy) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda c: (rank_key(case.children[c], policy), c)))


def someone_ranked(case: Case, policy: StarPolicy) -> bool:
    return bool(case.facts.ranked)


def someone_carried(case: Case, policy: StarPolicy) -> bool:
    return bool(those(case, "carried") or those_of(case, case.facts.noticed, "noticed"))


def someone_free(case: Case, policy: StarPolicy) -> bool:
    return bool(those(case, "free"))


def meeting_held(case: Case, policy: StarPolicy) -> bool:
    return case.facts.opened


def left_out(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    return those_of(case, case.facts.left_out, "free")


def unconferred(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    """Named in the document and not told yet; one suspended after the signing stands as held."""
    return those_of(case, case.facts.signing, "free", "held")


def something_signed(case: Case, policy: StarPolicy) -> bool:
    return bool(left_out(case, policy) or unconferred(case, policy))


def no_number(case: Case, policy: StarPolicy) -> bool:
    return bool(case.facts.signing) and not case.facts.number


def not_rendered(case: Case, policy: StarPolicy) -> bool:
    return bool(case.facts.signing) and not case.facts.rendered


def over_quota(case: Case, policy: StarPolicy) -> bool:
    return any((left := places_left(case, policy, level)) is not None and left < 0
               for level in levels_of(case, those(case, "carried"))) and not below(case, policy)


def uncalled(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    """Candidates to whom chair and presence are not told as they are now."""
    f = case.facts
    if not f.opened:
        return ()
    return tuple(c for c in those_of(case, f.ranked, "proposed", "called")
                 if case.children[c].present != heard_presence(case, c))


def heard_presence(case: Case, child: str) -> tuple[str, ...]:
    """What the child tells once it has heard: the chair, and who is present and not recused there."""
    recused = recused_of(case, child)
    return (case.facts.chair, *(m for m in case.facts.present if m not in recused))


def recused_of(case: Case, child: str) -> tuple[str, ...]:
    """Who acted in another judging group of this candidate's case (G-12)."""
    return tuple(m for m in case.facts.members if m in case.children[child].judges)


def below(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    return those_of(case, case.facts.below, "proposed", "carried")


def untold(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    return those_of(case, case.facts.noticed, "carried")


def window_end(case: Case, policy: StarPolicy) -> datetime:
    return end_of(case.facts.last_day)


def window_gate(child: Case) -> str:
    """The gate of its batch from which a child's clock reads the end of the window (R-5)."""
    return f"window:{child.parent}"


def window_end_of_child(child: Case, policy: StarPolicy) -> datetime:
    """Before the gate is read: the opening itself; the gate is always there while the window is open."""
    assert child.opened_at
    return child.opened_at


def the_chair(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("chair", person(case.facts.members[0])),)


def the_members(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return tuple(Seat(m, person(m)) for m in case.facts.members)


def chair_and_secretary(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("chair", person(case.facts.chair)), Seat("secretary", person(case.facts.secretary)))


@leads_to("notice", "signing", "ranking")
def notice_signing_ranking_or_closed(case: Case, policy: StarPolicy) -> str | End:
    """The hub of R-64: what is to do next."""
    if those(case, "carried"):
        return "notice"
    if those(case, "free"):
        return "signing"
    return "ranking" if those(case, "proposed") else End("closed")


# -- needs -------------------------------------------------------------------------------------------------------


def _something(case: Case, context: Context) -> Refusal | None:
    """R-64: it goes on when every one has a proposal, a refusal under way or an end; or earlier, with a reason."""
    running = [c for c, s in case.children.items() if s.what != "ended"]
    ready = not running or those(case, "carried", "free") or (
        those(case, "proposed") and (case.facts.early or not those(case, "working")))
    return None if ready else no("held", "R-64")


def _ballots(case: Case, context: Context) -> Refusal | None:
    """R-65: the meeting ends when no ballot is open."""
    done = case.facts.opened and not those_of(case, case.facts.ranked, "proposed", "called")
    return None if done else no("held", "R-65")


def _clocks(case: Case, context: Context) -> Refusal | None:
    """R-58: each clock of the notice is over or stopped."""
    return no("held", "R-66") if those_of(case, case.facts.noticed, "noticed") else None


def _nobody_open(case: Case, context: Context) -> Refusal | None:
    """R-67."""
    return no("wrong_stage", "R-67") if any(s.what != "ended" for s in case.children.values()) else None


def _own(case: Case, context: Context) -> Refusal | None:
    """G-15: nobody signs for a school to which they are tied."""
    own = any(case.children[c].subject in context.ties for c in those(case, "free"))
    return no("own_case", "G-15") if own else None


def _firm(case: Case, context: Context) -> Refusal | None:
    """C-27: a public notice opens only where its last day is firm."""
    last = due(Clock("", "notice_days", "notice", context.policy.notice_days, context.now), context.calendar)
    assert last
    return no("calendar_unpublished", "C-27", year=last.year) if context.calendar.provisional(day_of(last)) else None


something_to_do = (_something,)
every_ballot_closed = (_ballots,)
every_clock_over = (_clocks,)
nobody_open = (_nobody_open,)
nobody_tied = (_own,)


# -- rules -------------------------------------------------------------------------------------------------------


def open_batch(case: Case, visit: Visit | None, form: OpenBatch, context: Context) -> list[Event] | Refusal:
    """R-5: first and last day of submission, firm (C-27), no farther apart than the policy says. A batch is about its
    programme, not about an organisation."""
    if case.subject != context.policy.programme:
        return no("malformed", "R-5", subject=context.policy.programme)
    if not context.policy.in_force(day_of(context.now)):        # a case keeps the rules that are in force when it opens
        p = context.policy
        return no("policy_invalid", "R-5", since=p.effective_from, until=p.effective_to or "另行通知")
    apart = (form.last_day - form.first_day).days
    if not form.title or form.last_day < max(form.first_day, day_of(context.now)) or apart > context.policy.window_days:
        return no("malformed", "R-5")
    if context.calendar.provisional(form.last_day):
        return no("calendar_unpublished", "C-27", year=form.last_day.year)
    return [WindowSet(form.title, form.first_day, form.last_day)]


def extend_window(case: Case, visit: Visit, form: ExtendWindow, context: Context) -> list[Event] | Refusal:
    """R-5: only later, for all alike, before it has passed."""
    more = (form.last_day - case.facts.last_day).days
    if more <= 0:
        return no("malformed", "R-5")
    if context.calendar.provisional(form.last_day):
        return no("calendar_unpublished", "C-27", year=form.last_day.year)
    return [WindowExtended(form.last_day), ExtensionAnswered(visit.no, "", more)]


def go_on_earlier(case: Case, visit: Visit, form: GoOnEarlier, context: Context) -> list[Event] | Refusal:
    if not those(case, "proposed"):
        return no("wrong_stage", "R-64")
    return [WentOn(form.reason)] if form.reason else no("opinion_required", "R-64")


def rank(case: Case, visit: Visit, form: Rank, context: Context) -> list[Event] | Refusal:
    """R-44, a tier at a time: above the line, and who ties with the last above it is voted on too."""
    policy: StarPolicy = context.policy
    above, under, places = [], [], []
    candidates = those(case, "proposed")
    for level in levels_of(case, candidates):
        names = order(case, tuple(c for c in candidates if case.children[c].level == level), policy)
        left = places_left(case, policy, level)
        places.append((level, left))
        if left is None:
            above += names
            continue
        line = rank_key(case.children[names[left - 1]], policy) if 0 < left <= len(names) else None
        up = [c for i, c in enumerate(names) if i < left or rank_key(case.children[c], policy) == line]
        above += up
        under += [c for c in names if c not in up]
    return [Ranked(tuple(above), tuple(under), tuple(places))]


def convene(case: Case, visit: Visit, form: Convene, context: Context) -> list[Event] | Refusal:
    """R-46, R-65: enough whole working days for the papers, an odd date refused only where it is not firm; after one without
    a quorum not before the days that the policy leaves (A-12)."""
    today, least = day_of(context.now), context.policy.papers_before
    if len(form.members) < 3 or len(set(form.members)) != len(form.members) or not form.secretary:
        return no("malformed", "R-65")
    if form.secretary == form.members[0]:
        return no("malformed", "R-47")          # chair and secretary sign, two persons
    if form.day <= today or whole_workdays_between(today, form.day, context.calendar) < least:
        return no("malformed", "R-46", notice=least)
    if (short := case.facts.short_on) and form.day < (again := day_of(
            workdays_after(start_of(short), context.policy.recall_after, context.calendar))):
        return no("malformed", "A-12", recall=again)
    if context.calendar.provisional(form.day):
        return no("calendar_unpublished", "C-27", year=form.day.year)
    return [MeetingConvened(form.members, form.secretary, form.day, form.place)]


def send_papers(case: Case, visit: Visit, form: SendPapers, context: Context) -> list[Event] | Refusal:
    return [PapersSent(day_of(context.now))]


def open_meeting(case: Case, visit: Visit, form: OpenMeeting, context: Context) -> list[Event] | Refusal:
    """R-46: not before its day, nor before the papers have been out long enough; a second chair may take it over."""
    f, today = case.facts, day_of(context.now)
    if f.day is None or today < f.day or f.papers_on is None \
            or whole_workdays_between(f.papers_on, today, context.calendar) < context.policy.papers_before:
        return no("wrong_stage", "R-46")
    return no("already_acted", "R-65", by=f.chair) if f.opened and f.chair == context.actor else [MeetingOpened()]


def sign_in(case: Case, visit: Visit, form: SignedIn, context: Context) -> list[Event] | Refusal:
    if context.actor in case.facts.present:
        return no("already_acted", "A-11", by=context.actor)
    return [MemberSignedIn(context.actor)]


def sign_out(case: Case, visit: Visit, form: SignedOut, context: Context) -> list[Event] | Refusal:
    return [MemberLeft(form.member)] if form.member in case.facts.present else no("malformed", "A-12")


def sign_minutes(case: Case, visit: Visit, form: Minutes, context: Context) -> list[Event] | Refusal:
    """R-47. The second signature ends the meeting's paper."""
    if not form.text and not case.facts.minutes:
        return no("opinion_required", "R-47")
    return [MinutesSigned(form.text)]


def cut(case: Case, visit: Visit, form: Cut, context: Context) -> list[Event] | Refusal:
    """R-44: of the tied ones that carried, the higher rank, then more yes, then the earlier submission."""
    policy: StarPolicy = context.policy
    under: list[str] = []
    for level in levels_of(case, those(case, "carried")):
        left = places_left(case, policy, level)
        carried = sorted((c for c in those(case, "carried") if case.children[c].level == level),
                         key=lambda c: (rank_key(case.children[c], policy), -case.children[c].yes,
                                        case.children[c].submitted_at, c))
        if left is not None and left < 0:
            under += carried[left:]
    return [PlacesCut(tuple(under))]


def publish_notice(case: Case, visit: Visit, form: PublishNotice, context: Context) -> list[Event] | Refusal:
    """R-66, C-27: once for all that carried."""
    if refusal := _firm(case, context):
        return refusal
    return [NoticeUp(f"{case.id}-{case.facts.meeting}", those(case, "carried"), form.file)]


def sign(case: Case, visit: Visit, form: Sign, context: Context) -> list[Event] | Refusal:
    """R-58 for each at this moment; who is blocked is left out and gets a document of their own later (R-67)."""
    free = those(case, "free")
    blocked = tuple(c for c in free if context.gates.read(f"overdue:{case.children[c].subject}"))
    vetoed = tuple(c for c in free if _vetoed(case, c, context))
    out = tuple(dict.fromkeys((*blocked, *vetoed)))
    return [DocumentSignedOff(tuple(c for c in free if c not in out), out)]


def _vetoed(case: Case, child: str, context: Context) -> bool:
    """A veto that the child has not taken over yet (L-13); never one that it would not take over: it was held for ever."""
    return bool(vetoes_against(case.children[child].subject, day_of(case.opened_at), context))


def number_document(case: Case, visit: Visit, form: Number, context: Context) -> list[Event] | Refusal:
    """A-50: the next of the year, without gaps. Who brings it loads the gate of the series."""
    policy: StarPolicy = context.policy
    year = day_of(case.facts.signed_at).year
    series = document_series(policy, year)
    serial = next_number(context.gates, series)
    return [Numbered(policy.document_pattern.format(year=year, serial=serial), series, serial)]


def document_series(policy: StarPolicy, year: int) -> str:
    """One for all programmes whose documents are numbered alike: else two of them would have one number."""
    return f"document:{policy.document_pattern.format(year=year, serial='')}"


def series_of(event: Numbered) -> str:
    """Older logs name the series after the programme; what was numbered alike is counted there, too."""
    if event.series.startswith("document:"):
        return event.series
    before, _, after = event.number.rpartition(str(event.serial))       # their patterns: the year, then the number
    return f"document:{before}{after}"


RULES = {
    OpenBatch: open_batch, ExtendWindow: extend_window, GoOnEarlier: go_on_earlier, Rank: rank, Convene: convene,
    SendPapers: send_papers, OpenMeeting: open_meeting, SignedIn: sign_in, SignedOut: sign_out, Minutes: sign_minutes,
    Cut: cut, PublishNotice: publish_notice, Sign: sign, Number: number_document,
    PublishCall: lambda c, v, f, x: [CallPublished(f.file)],
    DocumentMade: lambda c, v, f, x: [DocumentRendered(f.file)],
}


# -- what it shows, leans on and tells -----------------------------------------------------------------------------


def shows(case: Case) -> dict[str, object]:
    """The window, how many applied, who stands in a signed document, which numbers are taken."""
    f = case.facts
    window = {f"opened:{case.id}": day_of(case.opened_at).isoformat(),
              f"window_from:{case.id}": start_of(f.first_day).isoformat(),
              f"window:{case.id}": end_of(f.last_day).isoformat(),
              f"applications:{case.id}": applications(case)} if f.first_day and f.last_day and not case.ended else {}
    return {**window, **{f"signed:{c}": 1 for c in f.signed},
            **{f"number:{series}": serial for series, serial in f.numbers}}


def leans(case: Case) -> tuple[str, ...]:
    free = those(case, "free")
    return (*(f"overdue:{case.children[c].subject}" for c in free), *(f"veto:{case.children[c].subject}" for c in free))


def _call(case: Case, child: str) -> tuple[MeetingCalled, None]:
    f = case.facts
    return MeetingCalled(f.meeting, f.chair, f.members, f.present, recused_of(case, child)), None


call_candidates = tell("call_candidates", uncalled, _call)
refuse_below = tell("refuse_below", below, lambda case, child: (BelowQuota(case.facts.meeting), None))
tell_candidates = tell("tell_candidates", untold, lambda case, child: (
    NoticePublished(case.facts.notice), case.facts.notice_at))
hold_left_out = tell("hold_left_out", left_out, lambda case, child: (PutOnHold("blocked"), None))
confer_candidates = tell("confer_candidates", unconferred, lambda case, child: (
    DocumentSigned(case.facts.number, day_of(case.facts.signed_at)), case.facts.signed_at))
