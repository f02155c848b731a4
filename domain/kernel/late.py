"""补录. What is entered after it happened: kinds, limits, the head's consent, the counter's hour (C-15, C-31 to C-35)."""
from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from .acts import Act, AllowLate
from .calendar import COUNTY, day_of, end_of
from .case import Case, Visit
from .clock import Clock, workdays_after
from .events import EnteredLate, Event, LateAllowed, LimitUndone, SeatGone
from .may import ends, people, taken_back
from .refusal import Refusal, no
from .seats import Seat
from .stages import Close, Context, Outcome, Procedure, remind
from .values import having

FUTURE_TOLERANCE = timedelta(minutes=2)         # C-33
BEYOND = "C-34"
"""The rule in the envelope of all that was entered after the limit: on record, in no count that was published before."""


def why_not_late(procedure: Procedure, case: Case, act: Act, context: Context) -> Refusal | None:
    """Only kinds that are late-able, never in the future or before what they follow; a reason, a paper where asked, and
    after the limit the head's consent (C-15, C-32 to C-34)."""
    if not _late(act, context):
        return None
    assert act.at
    if not getattr(act.form, "late", False):
        return no("not_late_able", "C-32")
    visit = case.visit(act.visit)
    began = visit.first_at or visit.opened_at if visit else case.opened_at
    if act.at > context.now + FUTURE_TOLERANCE or (began and act.at < began):
        return no("true_at_impossible", "C-33")
    if act.at > context.now:
        return None
    if not act.opinion:
        return no("opinion_required", "C-34")
    if _name(act.form) in context.policy.late_papers and not (act.files or getattr(act.form, "files", ())):
        return no("attachment_required", "C-34", paper=_name(act.form))
    if visit and (refusal := _after_hours(procedure, case, visit, act, context)):
        return refusal
    if not _beyond(act.at, context):
        return None
    allowed = {who for day, who in case.late_allowed if day == day_of(act.at)}
    if not allowed:
        return no("not_late_able", "C-34", limit=context.policy.late_entry_workdays)
    return no("separation", "C-34") if allowed & {*people(context)} else None


def _late(act: Act, context: Context) -> bool:
    return act.at is not None and act.at != context.now and act.verb not in ("hear", "open")


def _beyond(at: datetime, context: Context) -> bool:
    return context.now > workdays_after(end_of(day_of(at)), context.policy.late_entry_workdays, context.calendar)


def _name(form: Any) -> str:
    """As a policy file names the kind: `visit_held`."""
    return getattr(form, "tag", ".").split(".")[1]


def _after_hours(procedure: Procedure, case: Case, visit: Visit, act: Act, context: Context) -> Refusal | None:
    """C-15: what was handed in on the last day after the counter had closed missed it, where missing it has an effect."""
    clock = visit.clock(act.seat) or visit.clock()
    end = ends(clock, context) if clock and procedure[visit.stage].at_limit is not remind else None
    assert act.at
    return no("past_deadline", "C-15", counter=f"{context.policy.counter_close:%H:%M}") if end and _counter_closed(
        act.at, end, context) else None


def _counter_closed(at: datetime, end: datetime, context: Context) -> bool:
    day = day_of(at)
    return end == end_of(day) and at > datetime.combine(day, context.policy.counter_close, COUNTY)


def met_in_truth(procedure: Procedure, case: Case, act: Act, context: Context) -> Outcome:
    """C-35: a deadline met in truth but entered late counts as met. What its limit did is undone by a new fact before the
    act: whoever lost the seat has it again, whom it called beside goes, the row that it closed is opened again; nothing of
    that where somebody has acted since. Only the act for which a seat was waited for meets a deadline."""
    if act.verb != "agree" or not getattr(act.form, "late", False):
        return []
    visit = case.visit(act.visit)
    if visit is None:
        back = taken_back(procedure, case, act.visit, by_limit=True)
        return [LimitUndone(act.visit, ""), Close("taken_back", back[0].stage, back[1].no)] \
            if back and _met(back[0].clock, act, context) else []
    seat, clock = visit.seat(act.seat), visit.clock(act.seat) or visit.clock()
    if clock is None or seat is None or seat.stands_for or seat.gone not in ("", "ran_out") or not _met(clock, act, context):
        return []
    return _undone(case, visit, seat, clock)


def _met(clock: Clock | None, act: Act, context: Context) -> bool:
    return bool(clock and clock.ran_out and act.at and act.at < clock.ran_out) and not _counter_closed(
        act.at, clock.ran_out, context)


def _undone(case: Case, visit: Visit, seat: Seat, clock: Clock) -> Outcome:
    name = next((n for n, r in case.rosters.items() if (seat.key, "ran_out") in r.left), "") if seat.gone else ""
    instead = [s for s in visit.seats if s.counts_as == seat.key or (name and s.key == case.roster(name).instead(seat.key))]
    if any(s.acted for s in instead):
        return []
    gone = [s.key for s in instead if s.open and s.stands_for and (seat.gone or s.key.endswith("^"))]
    if clock.met and not seat.gone and not gone:
        return []
    return [LimitUndone(visit.no, clock.key, seat.key if seat.gone else "", name),
            *(SeatGone(visit.no, visit.stage, key, "not_asked") for key in gone)]


def rule_of(act: Act, context: Context) -> str:
    """The rule under which the facts of an act stand in the log."""
    if act.at and act.at < context.now and _late(act, context) and _beyond(act.at, context):
        return BEYOND
    return getattr(act.form, "rule", "")


def confirmed(case: Case, act: Act) -> Act:
    """The record that a second person confirms: of its row, as of when it was true (C-35); any other act is what it is."""
    p = next((p for p in case.proposed if act.verb == "second" and str(p.no) == act.seat), None)
    return having(act, visit=p.visit, form=p.form, at=p.at) if p else act


def noted(act: Act, context: Context, done: Outcome | Refusal) -> Outcome | Refusal:
    """A record has no seat that would keep the reason and the paper of a late entry."""
    if isinstance(done, Refusal) or not act.at or act.at >= context.now:
        return done
    return [EnteredLate(act.visit, act.opinion, act.files), *done]


def allow_late(case: Case, visit: Visit | None, form: AllowLate, context: Context) -> list[Event] | Refusal:
    """C-34: the head's consent, for what was true on one day of the case and is entered after the limit."""
    if not form.reason:
        return no("opinion_required", "C-34")
    if any(day == form.day for day, _ in case.late_allowed):
        return no("already_acted", "C-34")
    return [LateAllowed(form.day, form.reason)] if _in(case, form.day, context) else no("true_at_impossible", "C-33")


def _in(case: Case, day: date, context: Context) -> bool:
    return bool(case.opened_at) and day_of(case.opened_at) <= day < day_of(context.now)
