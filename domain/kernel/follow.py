"""随后. One decision under way: clocks that ran out, what follows, and what follows from that. Pure and total."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from .acts import AGAIN
from .calendar import DAY, TICK, day_of, start_of
from .case import Case, Tally, Visit
from .clock import Clock, due, reminder_at, workdays_after
from .events import (
    CaseEnded,
    CaseResumed,
    ClockArmed,
    ClockPaused,
    ClockRanOut,
    ClockResumed,
    DueDaysMoved,
    Entry,
    Event,
    ExtensionAnswered,
    Moved,
    ReminderDue,
    RungTaken,
    SeatClaimed,
    SeatGone,
    SeatOpened,
    Served,
    StageClosed,
    StageOpened,
    StageSkipped,
)
from .evolve import evolve
from .may import ends, unmet
from .seats import BALLOT, Seat
from .stages import Close, Context, End, Outcome, Procedure, Stage, Term, go_on
from .values import Value, having

ENTRIES_MAX = 500                       # a decision that takes more is our bug
SYSTEM = "system"


class Moment(Value):
    """Something that happens by itself, and when."""
    at: datetime
    order: int                          # at a tie a rung goes before a clock
    visit: int
    what: str                           # resume served rung reminder claim answer clock second
    key: str
    workdays: int = 0


def moments(procedure: Procedure, case: Case, context: Context) -> list[Moment]:
    """What happens if nobody acts, in order: rungs, reminders, claims that time out, ends of clocks."""
    calendar, policy = context.calendar, context.policy
    out = [Moment(workdays_after(v.opened_at, policy.service_presumed_workdays, calendar), 0, v.no, "served", "")
           for v in case.open if procedure.unserved(v)]
    if case.suspended:
        return sorted([*out, *([Moment(case.resumes_at, 0, 0, "resume", "")] if case.resumes_at else [])],
                      key=lambda m: (m.at, m.visit))
    out += [Moment(end, 5, 0, "second", c.key) for c in case.seconds if (end := ends(c, context))]
    for v in case.open:
        stage = procedure[v.stage]
        if stage.ladder:
            out += [Moment(max(at, v.opened_at), 1, v.no, "rung", key)
                    for at, key in stage.ladder(case.on(v.line), policy, calendar) if key not in case.rungs]
        out += [Moment(workdays_after(s.claimed_at, policy.claim_timeout_workdays, calendar), 2, v.no, "claim", s.key)
                for s in v.seats if s.holder.pool and s.claimed_at and s.open]
        for c in v.armed:
            if c.asked_at:
                at = workdays_after(c.asked_at, policy.extension_answer_workdays, calendar)
                out.append(Moment(max(at, v.opened_at), 3, v.no, "answer", c.key))
            elif end := ends(c, context):
                out.append(Moment(end, 5, v.no, "clock", c.key))
                out += [Moment(max(reminder_at(end, k, calendar, policy.reminder_hour), c.start, v.opened_at), 4,
                               v.no, "reminder", c.key, k)
                        for k in policy.reminders.get(v.stage, ()) if k not in c.reminded and c.key != "begins"]
    return sorted(out, key=lambda m: (m.at, m.order, m.visit, m.key, m.workdays))


class Decision:
    """The entries of one decision, and the case after them."""

    def __init__(self, procedure: Procedure, case: Case, context: Context) -> None:
        self.procedure, self.case, self.context = procedure, case, context
        self.entries: list[Entry] = []

    def add(self, event: Event, at: datetime, by: str = SYSTEM, rule: str = "", post: str = "", behind: str = "") -> None:
        entry = Entry(event, at, by, rule, post, behind)
        self.entries.append(entry)
        before = self.case
        self.case = evolve(before, entry)
        if self.procedure.counts and self.procedure.shows(self.case) != self.procedure.shows(before):
            self.case = having(self.case, tally=Tally(unknown=1))       # gate first, count after (T-48)
        assert len(self.entries) < ENTRIES_MAX, "a reaction without end"

    # -- clocks ----------------------------------------------------------------------------------------------

    def take_calendar(self, acts: bool) -> None:
        """A calendar version that is new to the case: every open clock is derived again, what moved is a fact (C-29).

        Where nothing moved, that is worth a fact only beside another (`acts`).
        """
        case, new = self.case, self.context.calendar
        if not case.calendar or case.calendar >= new.version or case.ended:
            return
        old = new.at(case.calendar)
        before = having(self.context, calendar=old)
        armed = [*((v.no, c) for v in case.open for c in v.armed), *((0, c) for c in case.seconds)]
        moved = tuple(Moved(no, c.key, a, b, not old.provisional(day_of(a))) for no, c in armed
                      if c.key != "begins" and (a := ends(c, before)) and (b := ends(c, self.context)) and a != b)
        if moved or acts:
            self.add(DueDaysMoved(case.calendar, new.version, tuple(
                having(m, new=max(m.new, m.old)) if m.firm else m for m in moved)), self.context.now, rule="C-29")

    def run_clocks(self) -> None:
        """Each moment that has come acts once, in order, as of that moment (C-24, C-39)."""
        while not self.case.ended:
            ahead = moments(self.procedure, self.case, self.context)
            if not ahead or ahead[0].at > self.context.now:
                return
            self._happen(ahead[0])
            self.follow(ahead[0].at)

    def _happen(self, m: Moment) -> None:
        match m.what:
            case "resume":
                self.add(CaseResumed(), m.at, rule="C-21")
            case "served":
                self.add(Served(m.visit, presumed=True), m.at, rule="C-9")
            case "rung":
                visit = self._visit(m.visit)
                self.add(RungTaken(m.visit, m.key, visit.line), m.at, rule="A-41")
            case "reminder":
                self.add(ReminderDue(m.visit, m.key, m.workdays), m.at, rule="A-42")
            case "claim":
                self.add(SeatClaimed(m.visit, m.key, ""), m.at, rule="A-28")
            case "answer":
                self.add(ExtensionAnswered(m.visit, m.key, 0, self.grace(self._visit(m.visit), m.key, m.at)),
                         m.at, rule="C-23")
            case "second":                      # nothing is decided by silence: the superior may decide, too (G-19)
                self.add(ClockRanOut(0, m.key), m.at, rule="C-24")
            case "clock":
                self.add(ClockRanOut(m.visit, m.key), m.at, rule="C-24")
                visit = self._visit(m.visit)
                stage = self.procedure[visit.stage]
                if m.key == "begins" or (stage.seats is None and stage.at_limit is go_on):
                    return                      # passes if its needs hold, else when they do
                case = self.case.on(visit.line)
                self.do(stage.at_limit(case, visit, m.key, self.context.policy), visit, m.at, rule="A-41")

    def grace(self, visit: Visit, key: str, refused_at: datetime) -> int:
        """Working days before the limit acts, where an extension is refused after the due day (C-23)."""
        clock = visit.clock(key)
        end = clock and due(having(clock, asked_at=None), self.context.calendar)
        return self.context.policy.refused_grace_workdays if end and end <= refused_at else 0

    # -- what follows ----------------------------------------------------------------------------------------

    def do(self, outcome: Outcome, visit: Visit | None, at: datetime, by: str = SYSTEM, rule: str = "",
           post: str = "", behind: str = "") -> None:
        """Facts are recorded; a `Close` among them ends its visit and opens the next."""
        for x in outcome:
            if isinstance(x, Close):
                self.close(self._visit(x.visit) if x.visit else visit, x, at)
            else:
                self.add(x, at, by, rule, post, behind)

    def follow(self, at: datetime) -> None:
        """React until every line waits for a person, a clock, a duty or a need."""
        if self.case.ended:
            return
        if not self.case.open and not self.case.past:
            self.open(self.procedure.stages[0].name, "", at)
        self.heed(at)
        while not self.case.ended and (any(self._react(v, at) for v in self.case.open) or self._beside(at)):
            pass
        if not self.case.ended and not self.case.open:
            ends = [p for p in self.case.past if p.end]
            self.add(CaseEnded(([p.end for p in ends if not p.line] or [p.end for p in ends])[-1]), at)

    def heed(self, at: datetime) -> None:
        """What other cases show by now becomes a fact of this one: the gate moved, nobody has to tell."""
        heeded = self.procedure.heeds(self.case, self.context)
        self.do(heeded, self.case.open[0] if self.case.open else None, at)

    def close(self, visit: Visit | None, close: Close, at: datetime) -> None:
        assert visit, close
        policy = self.context.policy
        to = close.to if close.to is not None else self.procedure.after(
            self.procedure[visit.stage], close.outcome, self.case.on(visit.line), policy)
        name, end = (to, "") if isinstance(to, str) else ("", to.how if to else "")
        self.add(StageClosed(visit.no, close.outcome, name, close.reopens, end), at)
        if name:
            self.open(name, visit.line, at, close.outcome)

    def open(self, name: str, line: str, at: datetime, came_by: str = "passed") -> None:
        """Open a row; rows that do not apply, or that passed on the same parts (A-39 a), are passed over."""
        policy, fresh = self.context.policy, came_by in ("returned", "taken_back", "no_quorum", AGAIN)
        while True:
            stage = self.procedure[name]
            here = self.case.on(line)
            if not fresh and stage.when and not stage.when(here, policy):
                rule = ""
            elif not fresh and _kept_whole(self.case, stage, line):
                rule = "A-39"
            else:
                break
            to = self.procedure.after(stage, "passed", here, policy)
            self.add(StageSkipped(name, line, to.how if isinstance(to, End) else ""), at, rule=rule)
            if not isinstance(to, str):
                return
            name = to
        begins = _begins(stage.begins, here, policy, at) if stage.begins and not fresh else None
        nobody = Visit(0, name, line, at)
        waits = begins or any(d.waits and (d.told or d.due(here, nobody, policy)) for d in stage.duties)
        seats = () if waits or not stage.seats else tuple(
            _kept(self.case, stage, line, s, fresh, at) for s in stage.seats(here, policy))
        clocks, editable = self._clocks(stage, here, line, at, came_by, begins)
        if stage.seat_clock:
            clocks += tuple(stage.seat_clock.clock(here, policy, at, s.key) for s in seats if s.open)
        number = 1 + max([0, *(v.no for v in self.case.open), *(p.no for p in self.case.past)])
        self.add(StageOpened(number, name, line, seats, clocks, editable, fresh), at)

    def _clocks(self, stage: Stage, here: Case, line: str, at: datetime, came_by: str, begins: Clock | None,
                ) -> tuple[tuple[Clock, ...], tuple[str, ...]]:
        """The clock that the row opens with, and the parts that may be edited there."""
        came = next((p for p in reversed(self.case.past) if p.line == line), None)
        before = self.case.last(stage.name, line)
        editable = came.reopens if came and came.outcome == "returned" else ()
        if begins:
            return (begins,), editable
        if came_by == "taken_back" and before and before.clock:
            return (before.clock,), before.editable
        if stage.clock and came and came.clock and came.stage in stage.clock.rest_of:
            return (came.clock,), (before.editable if before else ()) or editable     # the same round goes on
        if not stage.clock or stage.clock.after:
            return (), editable
        if before and before.clock and before.clock.paused:
            return (before.clock.resume(day_of(at)),), editable
        return (stage.clock.clock(here, self.context.policy, at),), editable

    def _beside(self, at: datetime) -> bool:
        """Rows beside the others: open for each line that they name."""
        for stage in self.procedure.alongside:
            for line in stage.beside(self.case, self.context.policy):
                if not any(v.stage == stage.name and v.line == line for v in self.case.open):
                    self.open(stage.name, line, at)
                    return True
        return False

    def _react(self, visit: Visit, at: datetime) -> bool:
        """One step of what follows for an open visit; False when it waits."""
        stage, policy, case = self.procedure[visit.stage], self.context.policy, self.case.on(visit.line)
        if stage.beside and visit.line not in stage.beside(self.case, policy):
            self.add(StageClosed(visit.no, "moot"), at)
            return True
        if stage.when and not stage.when(case, policy):
            self.close(visit, Close("moot"), at)
            return True
        if self._stand_still(stage, visit, case, at):
            return True
        if not visit.begun:
            return False
        if stage.seats and self._seat_people(stage, visit, case, at):
            return True
        if stage.clock and not visit.clock() and (
                stage.clock.after in visit.done if stage.clock.after else visit.clock("begins")):
            self.add(ClockArmed(visit.no, stage.clock.clock(case, policy, at)), at)
            return True
        outcome = outcome_of(self.procedure, case, visit, self.context)
        if outcome:
            self.close(visit, Close(outcome), at)
        return bool(outcome)

    def _stand_still(self, stage: Stage, visit: Visit, case: Case, at: datetime) -> bool:
        running = [c for c in visit.clocks if not c.ran_out]
        want = bool(case.suspended or (running and stage.still and stage.still(case, self.context.policy)))
        if any(c.paused != want for c in running):
            self.add(ClockPaused(visit.no, "suspended" if case.suspended else "still") if want
                     else ClockResumed(visit.no), at, rule="C-21")
            return True
        return False

    def _seat_people(self, stage: Stage, visit: Visit, case: Case, at: datetime) -> bool:
        """Compare whom the row asks with who is asked: open what is new, end what is not asked any more."""
        policy = self.context.policy
        wanted = {s.key: s for s in stage.seats(case, policy)}
        known = {s.key for s in visit.seats}
        new = [] if self.procedure.duty(case, visit, policy) else [s for k, s in wanted.items() if k not in known]
        old = [s.key for s in visit.seats if s.open and not s.stands_for and s.key not in wanted]
        for seat in new:
            clock = stage.seat_clock.clock(case, policy, at, seat.key) if stage.seat_clock and not seat.gone else None
            self.add(SeatOpened(visit.no, _kept(case, stage, visit.line, seat, visit.fresh, at), clock), at)
        for key in old:
            self.add(SeatGone(visit.no, visit.stage, key, "not_asked"), at)
        return bool(new or old)

    def _visit(self, number: int) -> Visit:
        visit = self.case.visit(number)
        assert visit, number
        return visit


def outcome_of(procedure: Procedure, case: Case, visit: Visit, context: Context) -> str | None:
    """None while the row waits: for a person, a duty, a clock or a need."""
    stage, case = procedure[visit.stage], case.on(visit.line)
    if not visit.begun or procedure.duty(case, visit, context.policy) or procedure.wanting(case, visit, context.policy):
        return None
    if stage.seats is None:
        clock = visit.clock()
        if stage.clock and stage.at_limit is go_on and not (clock and clock.ran_out):
            return None
        if stage.clock is None and not stage.duties and not stage.needs:
            return None                         # a row that stays open: registers, and what is heard there
        outcome: str | None = "passed"
    else:
        outcome = visit.result or stage.rule(visit.seats)[0]
    return None if outcome == "passed" and unmet(stage.needs, case, context) else outcome


def changed_since(case: Case, stage: Stage, version: int) -> tuple[str, ...]:
    """The parts that this row must see and that changed after that version."""
    return tuple(p for p, at in case.parts.items() if at > version and p.startswith(stage.sees))


def _kept_whole(case: Case, stage: Stage, line: str) -> bool:
    """This row passed before and nothing that it rests on has changed since (A-39 a)."""
    if not stage.sees:
        return False
    last = case.last(stage.name, line)
    return bool(last) and last.outcome == "passed" and last.stands and not changed_since(case, stage, last.closed)


def _kept(case: Case, stage: Stage, line: str, seat: Seat, fresh: bool, at: datetime) -> Seat:
    """The seat, with its earlier agreement where that still stands (A-39, A-40)."""
    last, came = case.last(stage.name, line), next((p for p in reversed(case.past) if p.line == line), None)
    if stage.rule is BALLOT or last is None:
        return seat
    if came and came.outcome == "taken_back":           # only the last act is undone, of a limit none (C-35)
        return next((having(seat, acted=a) for key, a in last.acts if key == seat.key and (
            last.too_late or a is not last.last_act)), seat)
    if fresh or not stage.sees:
        return seat
    for key, acted in last.acts:
        if key == seat.key and acted.verb == "return" and seat.holder.pool:
            return having(seat, claimed_by=acted.by, claimed_at=at)     # who returned it is asked (A-39 c)
        if key == seat.key and acted.verb == "agree" and not changed_since(case, stage, acted.saw):
            return having(seat, acted=having(acted, kept=True))
    return seat


def _begins(term: Term, case: Case, policy: Any, at: datetime) -> Clock:
    """The later of the row's own day and the day after the row before it ended."""
    next_day = start_of(day_of(at - TICK) + DAY)
    return Clock("begins", term.name, "until", 0, max(term.clock(case, policy, at).start, next_day))
