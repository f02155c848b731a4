"""卷宗. One case is the fold of its events. `evolve` knows no table: old streams fold alike under tomorrow's rules."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from .calendar import day_of
from .clock import Clock
from .money import Transfer
from .rosters import Roster
from .seats import Acted, Seat
from .values import Text, Value, field, having, tagged

# -- what a case is ------------------------------------------------------------------------------------------


class Visit(Value):
    """One stay of one line in one stage."""
    no: int
    stage: str
    line: str
    opened_at: datetime
    seats: tuple[Seat, ...] = ()
    done: tuple[str, ...] = ()                  # duties done in this visit
    stuck: tuple[str, ...] = ()                 # duties that failed, until somebody says `again`
    clocks: tuple[Clock, ...] = ()
    editable: tuple[str, ...] = ()              # parts the applicant may change here; none named = all
    result: str = ""                            # set by a closing act (a ballot's)
    since: int = 0                              # the case's version when it opened
    fresh: bool = False                         # sent back to: nothing of before is kept
    first_at: datetime | None = None            # when it opened; what was taken back, when it first did

    @property
    def begun(self) -> bool:
        """Until then the row is only announced."""
        return all(c.ran_out for c in self.clocks if c.key == "begins")

    def seat(self, key: str) -> Seat | None:
        for s in self.seats:                    # asked many times a decision: a generator costs as much again
            if s.key == key:
                return s
        return None

    def clock(self, key: str = "") -> Clock | None:
        for c in self.clocks:
            if c.key == key:
                return c
        return None

    @property
    def armed(self) -> tuple[Clock, ...]:
        """The clocks that may still run out; a seat's only while the seat is waited for."""
        if not self.clocks:
            return ()
        said = {s.counts_as for s in self.seats if s.acted and not s.gone}
        waits = {"", "begins", *[s.key for s in self.seats if s.open and s.counts_as not in said]}
        return tuple([c for c in self.clocks if not c.ran_out and c.key in waits])


class Past(Value):
    """What later decisions need of a closed visit: where it went, who said what on which version."""
    no: int
    stage: str
    line: str
    outcome: str    # passed refused returned lapsed moot skipped taken_back tainted no_quorum again
    acts: tuple[tuple[str, Acted], ...]         # (the key that it counts for, the act)
    to: str = ""
    closed: int = 0                             # the case's version when it closed
    closed_at: datetime | None = None
    clock: Clock | None = None                  # goes on where it was paused, or where the next row says so
    reopens: tuple[str, ...] = ()               # a return names the parts that it opens
    editable: tuple[str, ...] = ()
    end: str = ""                               # how its line ended
    times: int = 1                              # of several alike the newest is kept, and how many they were
    before: tuple[Acted, ...] = ()              # the last act of everybody who acted in the older ones
    stands: bool = True                         # False: rests on an act that is tainted (G-21), and is done again
    first_at: datetime | None = None

    @property
    def too_late(self) -> bool:
        """Its own clock closed it: whoever comes after hears so (C-24)."""
        return bool(self.clock and self.clock.ran_out) and self.clock.ran_out == self.closed_at

    def alike(self, other: Past) -> bool:
        """No decision tells the two apart but by their age."""
        return not self.too_late and not other.too_late and (
            self.stage, self.line, self.outcome, self.to, self.end, bool(self.acts)) == (
            other.stage, other.line, other.outcome, other.to, other.end, bool(other.acts))

    @property
    def last_act(self) -> Acted:
        """The one that closed it, whatever the order of its seats."""
        return max((act for _, act in self.acts), key=lambda act: act.saw)


class Tally(dict[str, int]):
    """How many children stand where: loaded, never folded. What was not loaded counts as `unknown`."""

    def __init__(self, of: Mapping[str, int] | None = None, unknown: int = 0) -> None:
        super().__init__(of or {})
        self.unknown = unknown

    def __missing__(self, key: str) -> int:
        return self.unknown


class Proposal(Value):
    """A fact that waits for its second person (G-13); `form` is None for the ending of the case (A-34)."""
    no: int
    form: Any
    by: str
    reason: Text = Text("")
    visit: int = 0
    post: str = ""
    behind: str = ""
    at: datetime | None = None                  # when it was true, where that was entered late (C-31)
    clock: Clock | None = None                  # until when it is to be decided (G-19); its key is `second:` and the number

    @property
    def people(self) -> frozenset[str]:
        """Who proposed it, and in whose name."""
        return frozenset((self.by, self.behind)) - {""}


class Case(Value):
    id: str = ""
    kind: str = ""
    subject: str = ""                           # the organisation (or person) that it is about
    policy: str = ""                            # the version that it keeps
    version: int = 0
    opened_at: datetime | None = None
    opened_by: str = ""
    open: tuple[Visit, ...] = ()                # one per line; most procedures have one line
    past: tuple[Past, ...] = ()                 # as they closed; of many alike the newest
    parts: Mapping[str, int] = {}               # part → version at which it last changed
    rosters: Mapping[str, Roster] = {}
    children: Mapping[str, Any] = {}       # child → what it tells
    suspended: bool = False
    resumes_at: datetime | None = None          # a suspension that ends by itself (C-21)
    ended: str = ""
    ended_at: datetime | None = None
    parent: str = ""
    proposed: tuple[Proposal, ...] = ()
    rungs: frozenset[str] = frozenset()         # keys of ladders that have acted, each once
    calendar: int = 0                           # the version under which its due days were last told (C-29)
    recused: frozenset[str] = frozenset()       # who judges nothing here any more (G-18 to G-20)
    late_allowed: tuple[tuple[date, str], ...] = ()     # the day of what may still be entered, and who consented (C-34)
    facts: Any = None                           # the family's
    tally: Tally = field(default_factory=Tally)     # not state: loaded
    line: str = ""                              # not state: whose eyes a row's questions see the case with

    def visit(self, no: int) -> Visit | None:
        for v in self.open:
            if v.no == no:
                return v
        return None

    def at(self, stage: str) -> Visit | None:
        """The open visit of that stage, on the line through whose eyes the case is seen."""
        return next((v for v in self.open if v.stage == stage and (not self.line or v.line == self.line)), None)

    def roster(self, name: str) -> Roster:
        return self.rosters.get(name, Roster())

    def last(self, stage: str, line: str) -> Past | None:
        """The latest closed visit of a stage."""
        for p in reversed(self.past):
            if p.stage == stage and p.line == line:
                return p
        return None

    def on(self, line: str) -> Case:
        """The case as a row of that line sees it."""
        return having(self, line=line) if line else self

    @property
    def seconds(self) -> tuple[Clock, ...]:
        """The clocks of what waits for a second person, that may still run out."""
        return tuple(p.clock for p in self.proposed
                     if p.clock and not p.clock.ran_out and (not p.visit or self.visit(p.visit)))

    def acts(self) -> list[tuple[str, str, Acted]]:
        """(stage, line, act) of everybody who acted in a seat; of acts alike the last."""
        return [(p.stage, p.line, a) for p in self.past for a in (*p.before, *(a for _, a in p.acts))] + \
               [(v.stage, v.line, s.acted) for v in self.open for s in v.seats if s.acted]


# -- what can happen to it -------------------------------------------------------------------------------------


class Event(Value):
    """A fact in the past tense. `touches`: the parts of the dossier that it changes; `moves`: what it posts."""
    tag: ClassVar[str] = ""
    touches: ClassVar[tuple[str, ...]] = ()
    moves: ClassVar[tuple[Transfer, ...]] = ()


fact = tagged("case")


@fact
class CaseOpened(Event):
    id: str
    kind: str
    subject: str
    policy: str
    parent: str = ""
    calendar: int = 0


@fact
class StageOpened(Event):
    """A visit began. Its seats and clocks are kept here, so that folding never asks the table."""
    visit: int
    stage: str
    line: str = ""
    seats: tuple[Seat, ...] = ()
    clocks: tuple[Clock, ...] = ()
    editable: tuple[str, ...] = ()
    fresh: bool = False


@fact
class StageSkipped(Event):
    stage: str
    line: str = ""
    end: str = ""


@fact
class StageClosed(Event):
    visit: int
    outcome: str
    to: str = ""
    reopens: tuple[str, ...] = ()
    end: str = ""


@fact
class SeatOpened(Event):
    visit: int
    seat: Seat
    clock: Clock | None = None


@fact
class SeatGone(Event):
    """A seat was lost: declined, vacated, ran out. `roster`: the list that its holder leaves with it."""
    visit: int
    stage: str
    seat: str
    why: str
    roster: str = ""
    reason: Text = Text("")


@fact
class SeatClaimed(Event):
    """认领; `by` empty: 释放."""
    visit: int
    seat: str
    by: str


@fact
class SeatActed(Event):
    visit: int
    seat: str
    verb: str
    saw: int
    opinion: Text = Text("")
    behind: str = ""
    files: tuple[str, ...] = ()


@fact
class ActTakenBack(Event):
    visit: int
    seat: str


@fact
class BallotClosed(Event):
    visit: int
    entitled: int
    recused: int
    present: int
    yes: int
    no: int
    abstain: int
    result: str


@fact
class RosterDrawn(Event):
    """抽取名单: who was drawn, with the seed and the list that anyone can draw from again (R-21)."""
    roster: str
    members: tuple[str, ...]
    reserve: tuple[str, ...] = ()
    seed: str = ""
    candidates: tuple[tuple[str, str], ...] = ()            # (person, why excluded or "")
    anew: bool = False                                      # replaces the list as a whole

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.roster,)


@fact
class RosterLeft(Event):
    """离开名单: of whom the list had; the reserve steps in (A-10)."""
    roster: str
    people: tuple[str, ...]
    why: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.roster,)


@fact
class ChildStands(Event):
    """Written into the parent in the child's own commit; `was` is None at first."""
    child: str
    stands: Any
    was: Any = None


@fact
class CaseSuspended(Event):
    """挂起: every clock stops; `until` None = until somebody resumes it. `why`: the reason of the list (C-21, A-33)."""
    reason: Text
    until: datetime | None = None
    why: str = ""


@fact
class CaseResumed(Event):
    pass


@fact
class ClockArmed(Event):
    visit: int
    clock: Clock


@fact
class ClockPaused(Event):
    visit: int
    reason: str


@fact
class ClockResumed(Event):
    visit: int


@fact
class ClockRanOut(Event):
    visit: int
    key: str


@fact
class LimitUndone(Event):
    """期限其实已守住，到期的处理撤销 (C-35). `seat`: stands again; `roster`: its holder is back on it."""
    visit: int
    key: str
    seat: str = ""
    roster: str = ""


class Moved(Value):
    """A due day under the old and the new version; `firm`: the old one was no provisional day."""
    visit: int
    key: str
    old: datetime
    new: datetime
    firm: bool = True


@fact
class DueDaysMoved(Event):
    """日历改版，到期日重新推定 (C-29). Closed clocks are not derived again (C-30)."""
    was: int
    calendar: int
    moved: tuple[Moved, ...] = ()


@fact
class ReminderDue(Event):
    """The holder is reminded so many working days before (A-42): each once a clock."""
    visit: int
    key: str
    workdays: int


@fact
class RungTaken(Event):
    visit: int
    key: str
    line: str = ""


@fact
class ExtensionAsked(Event):
    visit: int
    key: str
    more: int
    reason: Text = Text("")


@fact
class ExtensionAnswered(Event):
    """`more` 0 = not granted, and then `grace` working days from now before the limit acts (C-23)."""
    visit: int
    key: str
    more: int
    grace: int = 0
    reason: Text = Text("")


SERVED = "served"
"""Among what is done in a visit: the paper that opened it has reached its addressee."""


@fact
class Served(Event):
    """已送达 (C-9): opened by its addressee; `presumed`: not opened in time, and counted as served."""
    visit: int
    presumed: bool = False


@fact
class DutyDone(Event):
    visit: int
    duty: str


@fact
class DutyFailed(Event):
    """The system could not do what it owes (stuck is a fact): a task of the office, with the reason."""
    visit: int
    duty: str
    reason: Text


@fact
class DutyRetried(Event):
    visit: int
    duty: str


@fact
class FactProposed(Event):
    """Waits for a second person; `form` None = the ending of the case. `at`: when it was true, if entered late."""
    form: Any
    reason: Text = Text("")
    visit: int = 0
    at: datetime | None = None
    clock: Clock | None = None


@fact
class ProposalClosed(Event):
    no: int


@fact
class Recused(Event):
    """回避: declared, demanded or found (G-18 to G-20). `rosters`: the lists that the person leaves with it; `tainted`: the
    rows in which an act of theirs stands under the tie, and is done again with all that counted it (G-21)."""
    person: str
    why: str
    rosters: tuple[str, ...] = ()
    tainted: tuple[str, ...] = ()
    reason: Text = Text("")


@fact
class EnteredLate(Event):
    """补录 (C-34): why a record comes late, and the paper that it rests on; a seat keeps its own."""
    visit: int
    reason: Text
    files: tuple[str, ...] = ()


@fact
class LateAllowed(Event):
    """已同意逾期补录 (C-34): what was true on that day may still be entered; no published count changes."""
    day: date
    reason: Text = Text("")


@fact
class CaseEnded(Event):
    how: str
    reason: Text = Text("")


class Entry(Value):
    """An event with what the log says about it: true-at, who, in which post, for whom, under which rule."""
    event: Event
    at: datetime
    by: str
    rule: str = ""
    post: str = ""
    behind: str = ""


# -- what follows from it ----------------------------------------------------------------------------------------


def evolve(case: Case, entry: Entry) -> Case:
    """Never refuses: what happened, happened. The family's facts are told every event."""
    event, n = entry.event, case.version + 1
    change = _CHANGES.get(type(event))
    changed = change(case, event, entry, n) if change else {}
    changed["version"] = n
    if case.facts is not None:
        changed["facts"] = case.facts.evolve(event, entry)
    if touches := event.touches:
        changed["parts"] = {**case.parts, **dict.fromkeys(touches, n)}
    return having(case, **changed)


Changed = dict[str, Any]                        # field of the case → its new value
Change = Callable[[Case, Any, Entry, int], Changed]
_CHANGES: dict[type, Change] = {}


def _when(event: type) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        _CHANGES[event] = change
        return change
    return register


def _in_visit(case: Case, no: int, change: Callable[[Visit], Visit]) -> Changed:
    return {"open": tuple([change(v) if v.no == no else v for v in case.open])}


def _in_seat(case: Case, event: Any, change: Callable[[Seat], Seat]) -> Changed:
    return _in_visit(case, event.visit, lambda v: having(
        v, seats=tuple(change(s) if s.key == event.seat else s for s in v.seats)))


def _in_clock(case: Case, event: Any, change: Callable[[Clock], Clock]) -> Changed:
    if not event.visit:
        return _in_proposals(case, lambda c: change(c) if c.key == event.key else c)
    return _in_visit(case, event.visit, lambda v: having(
        v, clocks=tuple(change(c) if c.key == event.key else c for c in v.clocks)))


def _in_proposals(case: Case, change: Callable[[Clock], Clock]) -> Changed:
    return {"proposed": tuple(having(p, clock=change(p.clock)) if p.clock else p for p in case.proposed)}


def _closed(case: Case, past: Past) -> Changed:
    """With one more closed visit, in place of an older one alike: a state does not grow with every round."""
    old = next((p for p in case.past if past.alike(p)), None)
    if old:
        people = {(a.by, a.behind): a for a in (*old.before, *(a for _, a in old.acts))}
        past = having(past, times=old.times + 1, before=tuple(people.values()))
    return {"past": (*(p for p in case.past if p is not old), past)}


@_when(CaseOpened)
def _(case: Case, e: CaseOpened, entry: Entry, n: int) -> Changed:
    return {"id": e.id, "kind": e.kind, "subject": e.subject, "policy": e.policy, "opened_at": entry.at,
        "opened_by": entry.by, "parent": e.parent, "calendar": e.calendar}


@_when(StageOpened)
def _(case: Case, e: StageOpened, entry: Entry, n: int) -> Changed:
    came = next((p for p in reversed(case.past) if p.line == e.line), None)
    before = case.last(e.stage, e.line) if came and came.outcome == "taken_back" else None
    visit = Visit(e.visit, e.stage, e.line, entry.at, e.seats, clocks=e.clocks, editable=e.editable, since=n,
                  fresh=e.fresh, first_at=before.first_at if before else entry.at)
    return {"open": (*case.open, visit)}


@_when(StageSkipped)
def _(case: Case, e: StageSkipped, entry: Entry, n: int) -> Changed:
    if not e.end:
        return {}
    return _closed(case, Past(0, "", e.line, "skipped", (), closed=n, closed_at=entry.at, end=e.end))


@_when(StageClosed)
def _(case: Case, e: StageClosed, entry: Entry, n: int) -> Changed:
    v = case.visit(e.visit)
    assert v, e
    acts = tuple((s.counts_as, s.acted) for s in v.seats if s.acted)
    past = Past(v.no, v.stage, v.line, e.outcome, acts, e.to, n, entry.at, v.clock(), e.reopens, v.editable, e.end,
                first_at=v.first_at)
    return {"open": tuple(o for o in case.open if o.no != e.visit), **_closed(case, past)}


@_when(SeatOpened)
def _(case: Case, e: SeatOpened, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(
        v, seats=(*v.seats, e.seat), clocks=(*v.clocks, e.clock) if e.clock else v.clocks))


@_when(SeatGone)
def _(case: Case, e: SeatGone, entry: Entry, n: int) -> Changed:
    changed = _in_seat(case, e, lambda s: having(s, gone=e.why))
    if e.roster:
        changed["rosters"] = {**case.rosters, e.roster: case.roster(e.roster).without(e.seat, e.why)}
    return changed


@_when(SeatClaimed)
def _(case: Case, e: SeatClaimed, entry: Entry, n: int) -> Changed:
    return _in_seat(case, e, lambda s: having(s, claimed_by=e.by, claimed_at=entry.at if e.by else None))


@_when(SeatActed)
def _(case: Case, e: SeatActed, entry: Entry, n: int) -> Changed:
    return _in_seat(case, e, lambda s: having(s, acted=Acted(e.verb, entry.by, entry.at, e.saw, e.behind)))


@_when(ActTakenBack)
def _(case: Case, e: ActTakenBack, entry: Entry, n: int) -> Changed:
    return _in_seat(case, e, lambda s: having(s, acted=None))


@_when(BallotClosed)
def _(case: Case, e: BallotClosed, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, result=e.result))


@_when(RosterDrawn)
def _(case: Case, e: RosterDrawn, entry: Entry, n: int) -> Changed:
    old = Roster() if e.anew else case.roster(e.roster)
    return {"rosters": {**case.rosters, e.roster: old.joined(e.members, e.reserve, e.candidates)}}


@_when(RosterLeft)
def _(case: Case, e: RosterLeft, entry: Entry, n: int) -> Changed:
    left = case.roster(e.roster)
    for who in reversed(e.people):          # the reserve before the members: nobody steps in who leaves as well
        left = left.without(who, e.why)
    return {"rosters": {**case.rosters, e.roster: left}}


@_when(ChildStands)
def _(case: Case, e: ChildStands, entry: Entry, n: int) -> Changed:
    return {"children": {**case.children, e.child: e.stands}}


@_when(CaseSuspended)
def _(case: Case, e: CaseSuspended, entry: Entry, n: int) -> Changed:
    return {"suspended": True, "resumes_at": e.until, "open": tuple(having(v, clocks=tuple(
        c if c.ran_out or not e.why else having(c, held_for=(*c.held_for, e.why)) for c in v.clocks)) for v in case.open),
        **_in_proposals(case, lambda c: c if c.ran_out else c.pause(day_of(entry.at)))}


@_when(CaseResumed)
def _(case: Case, e: CaseResumed, entry: Entry, n: int) -> Changed:
    return {"suspended": False, "resumes_at": None, **_in_proposals(case, lambda c: c.resume(day_of(entry.at)))}


@_when(ClockArmed)
def _(case: Case, e: ClockArmed, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, clocks=(*v.clocks, e.clock)))


@_when(ClockPaused)
def _(case: Case, e: ClockPaused, entry: Entry, n: int) -> Changed:
    on = day_of(entry.at)
    return _in_visit(case, e.visit, lambda v: having(
        v, clocks=tuple(c if c.ran_out else c.pause(on) for c in v.clocks)))


@_when(ClockResumed)
def _(case: Case, e: ClockResumed, entry: Entry, n: int) -> Changed:
    on = day_of(entry.at)
    return _in_visit(case, e.visit, lambda v: having(v, clocks=tuple(c.resume(on) for c in v.clocks)))


@_when(ClockRanOut)
def _(case: Case, e: ClockRanOut, entry: Entry, n: int) -> Changed:
    return _in_clock(case, e, lambda c: having(c, ran_out=entry.at))


@_when(LimitUndone)
def _(case: Case, e: LimitUndone, entry: Entry, n: int) -> Changed:
    changed = _in_visit(case, e.visit, lambda v: having(
        v, clocks=tuple(having(c, met=True) if c.key == e.key else c for c in v.clocks),
        seats=tuple(having(s, gone="") if s.key == e.seat else s for s in v.seats)))
    changed["past"] = tuple(
        having(p, clock=having(p.clock, met=True)) if p.no == e.visit and p.clock else p for p in case.past)
    if e.roster:
        changed["rosters"] = {**case.rosters, e.roster: case.roster(e.roster).back(e.seat)}
    return changed


@_when(DueDaysMoved)
def _(case: Case, e: DueDaysMoved, entry: Entry, n: int) -> Changed:
    floors = {(m.visit, m.key): m.old for m in e.moved if m.firm and m.new <= m.old}    # never earlier for who is bound
    return {"calendar": e.calendar, "open": tuple(having(v, clocks=tuple(
        having(c, floor=floors[v.no, c.key]) if (v.no, c.key) in floors else c for c in v.clocks)) for v in case.open),
        **_in_proposals(case, lambda c: having(c, floor=floors.get((0, c.key), c.floor)))}


@_when(ReminderDue)
def _(case: Case, e: ReminderDue, entry: Entry, n: int) -> Changed:
    return _in_clock(case, e, lambda c: having(c, reminded=(*c.reminded, e.workdays)))


@_when(RungTaken)
def _(case: Case, e: RungTaken, entry: Entry, n: int) -> Changed:
    return {"rungs": case.rungs | {e.key}}


@_when(ExtensionAsked)
def _(case: Case, e: ExtensionAsked, entry: Entry, n: int) -> Changed:
    return _in_clock(case, e, lambda c: having(c, asked_at=entry.at, asked_by=entry.by, asked_more=e.more))


@_when(ExtensionAnswered)
def _(case: Case, e: ExtensionAnswered, entry: Entry, n: int) -> Changed:
    def answered(c: Clock) -> Clock:
        c = having(c, asked_at=None, asked_by="", asked_more=0)
        if e.more:
            return having(c, extended=c.extended + e.more, extensions=c.extensions + 1, ran_out=None, met=False, reminded=())
        return having(c, grace=(entry.at, e.grace)) if e.grace else c
    return _in_clock(case, e, answered)


@_when(Served)
def _(case: Case, e: Served, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, done=(*v.done, SERVED)))


@_when(DutyDone)
def _(case: Case, e: DutyDone, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, done=(*v.done, e.duty)))


@_when(DutyFailed)
def _(case: Case, e: DutyFailed, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, stuck=(*v.stuck, e.duty)))


@_when(DutyRetried)
def _(case: Case, e: DutyRetried, entry: Entry, n: int) -> Changed:
    return _in_visit(case, e.visit, lambda v: having(v, stuck=tuple(d for d in v.stuck if d != e.duty)))


@_when(FactProposed)
def _(case: Case, e: FactProposed, entry: Entry, n: int) -> Changed:
    proposal = Proposal(n, e.form, entry.by, e.reason, e.visit, entry.post, entry.behind, e.at,
                        having(e.clock, key=f"second:{n}") if e.clock else None)
    return {"proposed": (*case.proposed, proposal)}


@_when(ProposalClosed)
def _(case: Case, e: ProposalClosed, entry: Entry, n: int) -> Changed:
    return {"proposed": tuple(p for p in case.proposed if p.no != e.no)}


@_when(Recused)
def _(case: Case, e: Recused, entry: Entry, n: int) -> Changed:
    rosters = {name: r.without(e.person, "recused") if name in e.rosters else r for name, r in case.rosters.items()}
    since = min((p.no for p in case.past if p.stage in e.tainted), default=0)
    return {"recused": case.recused | {e.person}, "rosters": rosters, "past": tuple(
        _undone(p, e) if since and p.no >= since else p for p in case.past)}


def _undone(past: Past, e: Recused) -> Past:
    """What others said in the row itself stands; later rows counted what does not."""
    stands = tuple((k, a) for k, a in past.acts if past.stage in e.tainted and e.person not in (a.by, a.behind))
    gone = tuple(act for key, act in past.acts if (key, act) not in stands)
    return having(past, acts=stands, before=(*past.before, *gone), stands=False)


@_when(LateAllowed)
def _(case: Case, e: LateAllowed, entry: Entry, n: int) -> Changed:
    both = tuple((e.day, who) for who in (entry.by, entry.behind) if who)
    return {"late_allowed": (*case.late_allowed, *both)}


@_when(CaseEnded)
def _(case: Case, e: CaseEnded, entry: Entry, n: int) -> Changed:
    return {"ended": e.how, "ended_at": entry.at, "open": ()}
