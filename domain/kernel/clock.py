"""时限. A clock is a budget with its pauses and extensions; the due time is always derived (C-9 to C-30)."""
from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache

from .calendar import COUNTY, DAY, Calendar, day_of, end_of, workdays_before
from .values import Value, having

UNITS = ("workday", "day", "month", "year", "hour", "notice", "until")
"""`notice` counts working days on which the public page was up (C-38); `until` is a moment set elsewhere."""


Pauses = tuple[tuple[date, date | None], ...]


class Clock(Value):
    """One running period (C-19). `start` of an `until` clock is its end. What has run out keeps its moment."""
    key: str                                    # "" the stage's own, "begins", else the key of a seat
    field: str                                  # the policy field that gave the budget
    unit: str
    budget: int
    start: datetime
    pauses: Pauses = ()
    extended: int = 0
    extensions: int = 0
    asked_at: datetime | None = None
    asked_by: str = ""
    asked_more: int = 0
    ran_out: datetime | None = None
    grace: tuple[datetime, int] | None = None   # an extension was refused: not before so many workdays after (C-23)
    reminded: tuple[int, ...] = ()              # workdays before the due day for which a reminder went out
    gate: str = ""                              # `until`: the gate that says when, as an ISO moment
    floor: datetime | None = None               # told as firm once: never before that (C-29)
    held_for: tuple[str, ...] = ()              # the reason of each suspension of the case that it stood through (C-21)
    met: bool = False                           # it ran out, and a late entry showed that it had been met (C-35)

    @property
    def paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] is None

    @property
    def running(self) -> bool:
        return not self.paused and not self.ran_out

    def pause(self, on: date) -> Clock:
        return self if self.paused else having(self, pauses=(*self.pauses, (on, None)))

    def resume(self, on: date) -> Clock:
        return having(self, pauses=(*self.pauses[:-1], (self.pauses[-1][0], on))) if self.paused else self


def due(clock: Clock, calendar: Calendar) -> datetime | None:
    """The last instant of the last day, or None while the clock is paused or has run out (C-9 to C-13, C-20, C-37)."""
    if not clock.running:
        return None
    end = _due(clock, calendar)
    if clock.grace:
        refused_at, workdays = clock.grace
        end = max(end, workdays_after(refused_at, workdays, calendar))
    return max(end, clock.floor) if clock.floor else end


def _due(clock: Clock, calendar: Calendar) -> datetime:
    if clock.unit == "until":
        end = clock.start + clock.extended * DAY
        resumed = [end_of(b - DAY) for a, b in clock.pauses if b and a <= day_of(end) < b]
        end = max([end, *resumed])              # a moment that passed during a pause waits for the end of it
        return end if clock.key == "begins" else _after_an_outage(end, calendar)
    first, total = day_of(clock.start), clock.budget + clock.extended
    stood = {a + n * DAY for a, b in clock.pauses if b for n in range((b - a).days + 1)}
    if clock.unit == "hour":
        return clock.start + timedelta(hours=total) + len(stood) * DAY
    if clock.unit in ("month", "year"):
        last = _corresponding(first, total * (12 if clock.unit == "year" else 1))
        last += sum(d > first for d in stood) * DAY
        return _not_on_an_outage(calendar.next_workday(last), calendar)
    day = _last_day(first, total, clock.unit, clock.pauses, calendar)
    if clock.unit == "notice":
        return end_of(day)                      # a span, not a term for an act (C-16)
    return _not_on_an_outage(calendar.next_workday(day) if clock.unit == "day" else day, calendar)


@lru_cache(maxsize=8192)
def _last_day(day: date, total: int, unit: str, pauses: Pauses, calendar: Calendar) -> date:
    """The day on which so many are used up: asked for the same few days again and again."""
    while total > 0:
        day += DAY
        total -= _uses(unit, pauses, day, calendar)
    return day


def _uses(unit: str, pauses: Pauses, day: date, calendar: Calendar) -> bool:
    """A day is used up only if the clock ran through the whole of it (C-20)."""
    if pauses and any(a <= day <= b for a, b in pauses if b):
        return False
    if unit == "day":
        return True
    return calendar.works(day) and (unit != "notice" or calendar.shown(day))


def _not_on_an_outage(day: date, calendar: Calendar) -> datetime:
    if calendar.outages and calendar.down(day):
        day += DAY
        while not calendar.works(day) or calendar.down(day):
            day += DAY
    return end_of(day)


def _after_an_outage(end: datetime, calendar: Calendar) -> datetime:
    """C-37: a period that would end on a day with an outage ends with the first working day without one."""
    return _not_on_an_outage(day_of(end), calendar) if calendar.outages and calendar.down(day_of(end)) else end


def _corresponding(day: date, months: int) -> date:
    """The corresponding date; if there is none, the last day of that month (C-12)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def span_end(first: date, months: int) -> datetime:
    """The end of a validity or another span: on its own day, never moved (C-16)."""
    return end_of(_corresponding(first, months))


def months_before(day: date, months: int) -> date:
    """The first day of a look-back of so many months: the corresponding date (C-12)."""
    return _corresponding(day, -months)


def workdays_after(moment: datetime, count: int, calendar: Calendar) -> datetime:
    """24:00 of the count-th working day after; 0 is the moment itself."""
    return _due(Clock("", "", "workday", count, moment), calendar) if count else moment


def reminder_at(due_at: datetime, workdays: int, calendar: Calendar, hour: int = 9) -> datetime:
    """When the reminder so many working days before goes out (C-18)."""
    day = workdays_before(day_of(due_at), workdays, calendar)
    return datetime(day.year, day.month, day.day, hour, tzinfo=COUNTY)


def left(clock: Clock, now: datetime, calendar: Calendar) -> int:
    """What is left after `now` in units of days that count: the figure of the chip. Paused: as at the pause."""
    start, total = day_of(clock.start), clock.budget + clock.extended
    until_day = clock.pauses[-1][0] - DAY if clock.paused else day_of(now)
    used = sum(_uses(clock.unit, clock.pauses, start + n * DAY, calendar) for n in range(1, (until_day - start).days + 1))
    return max(0, total - used)
