"""折叠. What follows from what happened. `evolve` knows no table: old streams fold alike under tomorrow's rules."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .calendar import day_of
from .case import Case, Past, Proposal, Visit
from .clock import Clock
from .events import (
    SERVED,
    ActTakenBack,
    BallotClosed,
    CaseEnded,
    CaseOpened,
    CaseResumed,
    CaseSuspended,
    ChildStands,
    ClockArmed,
    ClockPaused,
    ClockRanOut,
    ClockResumed,
    DueDaysMoved,
    DutyDone,
    DutyFailed,
    DutyRetried,
    Entry,
    ExtensionAnswered,
    ExtensionAsked,
    FactProposed,
    LateAllowed,
    LimitUndone,
    ProposalClosed,
    Recused,
    ReminderDue,
    RosterDrawn,
    RosterLeft,
    RungTaken,
    SeatActed,
    SeatClaimed,
    SeatGone,
    SeatOpened,
    Served,
    StageClosed,
    StageOpened,
    StageSkipped,
)
from .rosters import Roster
from .seats import Acted, Seat
from .values import having


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
