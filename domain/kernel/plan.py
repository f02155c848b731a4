"""计划. What follows from the state: inbox, clocks, duties, picture, offers. Nothing here is stored as a fact."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .acts import AGAIN, OFFICE_VERBS
from .calendar import Calendar, day_of
from .case import Case, Visit
from .follow import ends, moments
from .may import dry, may_record, put_again, records_of, seconds, targets, unheld, why_not
from .refusal import Refusal
from .seats import BALLOT, SCORE, Holder
from .stages import Context, Procedure
from .values import Value


class Task(Value):
    """One thing that a person, a post or a pool has to do: a row of 待办.

    `seat` is the key of the seat, or `close` for the chair, `assign`, `again:duty`, `extend:key`, `resume` for the office,
    `assign^` for its superior, `second:N` and `end` for a second person.
    """
    visit: int
    stage: str
    line: str
    seat: str
    holder: Holder
    claimed_by: str
    due: datetime | None
    provisional: bool

    @property
    def key(self) -> str:
        return f"{self.visit}/{self.seat}" if self.visit else f"0/{self.seat}/{self.holder.key}"


class Running(Value):
    """A running clock; `due` None: it stands still."""
    visit: int
    key: str
    field: str
    due: datetime | None
    provisional: bool


class Owed(Value):
    """A duty of the workflow; `nth` tells the times apart that it falls due in one visit."""
    visit: int
    stage: str
    duty: str
    nth: int


class Plan(Value):
    tasks: tuple[Task, ...]
    clocks: tuple[Running, ...]
    duties: tuple[Owed, ...]
    stages: tuple[str, ...]
    next_at: datetime | None                    # when something happens by itself


class Offer(Value):
    """One act on the page: available, or why not."""
    verb: str
    visit: int
    seat: str
    refusal: Refusal | None
    form: type | None = None
    targets: tuple[str, ...] = ()


def plan(procedure: Procedure, case: Case, context: Context) -> Plan:
    """All that follows from the state under this policy and calendar."""
    if case.ended:
        return Plan((), (), (), (), None)
    policy, calendar = context.policy, context.calendar
    tasks, clocks, duties = [], [], []
    for v in case.open:
        armed = v.armed
        dues = {c.key: ends(c, context) for c in armed}
        clocks += [Running(v.no, c.key, c.field, dues[c.key], _provisional(dues[c.key], calendar)) for c in armed]
        if not case.suspended:
            tasks += _tasks(procedure, case.on(v.line), v, dues, policy, calendar)
            tasks += [Task(v.no, v.stage, v.line, f"extend:{c.key}", procedure.office(case), "", None, False)
                      for c in armed if c.asked_at]                                                     # C-23
        duties += [Owed(v.no, v.stage, d.name, v.done.count(d.name))
                   for d in procedure.owed(case, v, policy) if not d.told and d.name not in v.stuck]
    clocks += [Running(0, c.key, c.field, end := ends(c, context), _provisional(end, calendar)) for c in case.seconds]
    if not case.suspended:
        tasks += _seconds(procedure, case, context)
    else:
        tasks.append(Task(0, case.open[0].stage if case.open else "", "", "resume", procedure.office(case), "", None, False))
    ahead = moments(procedure, case, context)
    return Plan(tuple(tasks), tuple(clocks), tuple(duties), tuple(v.stage for v in case.open),
                ahead[0].at if ahead else None)


def _provisional(at: datetime | None, calendar: Calendar) -> bool:
    return at is not None and calendar.provisional(day_of(at))


def _tasks(procedure: Procedure, case: Case, v: Visit, dues: dict[str, datetime | None], policy: Any,
           calendar: Calendar) -> Iterator[Task]:
    stage = procedure[v.stage]
    turn = stage.rule(v.seats)[1] if stage.seats else ()
    for s in v.seats:
        if s.key in turn and not (stage.rule is BALLOT and s.acted):
            at = dues.get(s.key) or dues.get("")
            yield Task(v.no, v.stage, v.line, s.key, s.holder, s.claimed_by, at, _provisional(at, calendar))
    if stage.chair and v.seats and all(s.acted or s.gone for s in v.seats if s.claimed_by):
        yield Task(v.no, v.stage, v.line, "close", stage.chair(case, policy), "", dues.get(""), False)
    if unheld(procedure, case, v, policy):
        yield Task(v.no, v.stage, v.line, "assign", procedure.office(case), "", dues.get(""), False)
        if procedure.superior and dry(procedure, case, v):
            yield Task(v.no, v.stage, v.line, "assign^", procedure.superior(case), "", dues.get(""), False)  # G-14
    for duty in v.stuck:
        yield Task(v.no, v.stage, v.line, f"again:{duty}", procedure.office(case), "", None, False)


def _seconds(procedure: Procedure, case: Case, context: Context) -> Iterator[Task]:
    """What waits for a second person is that person's task (G-13, A-34), overdue or not (G-19)."""
    for p in case.proposed:
        due = (p.clock.ran_out or ends(p.clock, context)) if p.clock else None
        early = _provisional(due, context.calendar)
        for s in seconds(procedure, case, p, context.policy) or ():
            yield Task(0, "", "", f"second:{p.no}" if p.form else "end", s.holder, "", due, early)


def offers(procedure: Procedure, case: Case, context: Context) -> list[Offer]:
    """Every act that a row names, for this person, each with its refusal or none (A-3)."""
    def offer(verb: str, visit: int = 0, seat: str = "", form: type | None = None, to: tuple[str, ...] = ()) -> Offer:
        return Offer(verb, visit, seat, why_not(procedure, case, verb, context, visit, seat), form, to)

    out = [offer("withdraw")] if procedure.applicant else []
    out += [offer(verb) for verb in OFFICE_VERBS]
    out += [offer(verb, 0, str(p.no), type(p.form) if p.form else None) for p in case.proposed
            for verb in (("second", "drop") if p.form else ("drop",))]
    out += _records(procedure, case, None, context, offer)
    last = next((p for p in reversed(case.past) if p.acts), None)
    if last:
        out.append(offer("take_back", last.no))
    for v in case.open:
        stage = procedure[v.stage]
        here = case.on(v.line)
        if stage.rule is BALLOT:
            verbs: tuple[str, ...] = ("yes", "no", "abstain")
        else:
            verbs = ("agree",) if stage.rule is SCORE or stage.refused is None else ("agree", "refuse")
        if stage.returns:
            verbs += ("return",)
        for s in v.seats:
            for verb in verbs:
                out.append(offer(verb, v.no, s.key, stage.form if verb == "agree" else None,
                                 targets(procedure, here, v, context.policy) if verb == "return" else ()))
            out += [offer(verb, v.no, s.key) for verb in ("claim", "release") if s.holder.pool]
            out += [offer("decline", v.no, s.key)] if stage.judges or s.holder.kind == "person" else []
            out += [offer("take_back", v.no, s.key)] if s.acted else []
            out += [offer("ask", v.no, s.key)] if stage.clock or stage.seat_clock else []
        if procedure.unserved(v):
            out.append(offer("receive", v.no))
        if stage.chair:
            out.append(offer("close", v.no, to=(AGAIN,) if put_again(here, v, context.policy) else ()))
        out += _records(procedure, here, v, context, offer)
    return out


def _records(procedure: Procedure, case: Case, v: Visit | None, context: Context, offer: Any) -> Iterator[Offer]:
    for r in records_of(procedure, case, v):
        found = offer("record", v.no if v else 0, "", r.form)
        if found.refusal is None and not may_record(procedure, case, v, r, context):
            continue                            # another record of the row is theirs, this one is not
        yield found


class Step(Value):
    """One stage of the progress picture (A-48)."""
    stage: str
    state: str                                  # passed present next skipped stopped
    times: int = 0
    last_at: datetime | None = None


def picture(procedure: Procedure, case: Case) -> list[Step]:
    """流程图: passed, present, to come, in the order of the table; returns are visits after the first."""
    now = {v.stage for v in case.open}
    out = []
    for s in procedure.stages:
        closed = [p for p in case.past if p.stage == s.name and p.outcome != "moot"]
        if s.name in now:
            state = "present"
        elif closed:
            state = "passed" if closed[-1].outcome in ("passed", "refused") else "returned"
        else:
            state = "stopped" if case.ended else "next"
        if s.aside and not closed and s.name not in now:
            continue
        out.append(Step(s.name, state, sum(p.times for p in closed), closed[-1].closed_at if closed else None))
    return out
