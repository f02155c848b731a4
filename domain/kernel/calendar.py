"""日历. Which days count (C-1 to C-8, C-26, C-37, C-38)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone

from .refusal import Refusal, no
from .values import Value

COUNTY = timezone(timedelta(hours=8), "Asia/Shanghai")
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


class Calendar(Value):
    """The published layers of C-2, merged: days off and make-up workdays win over the weekday pattern.

    `pupils_off` changes teaching days only. `outages` are (from, to); limits in minutes.
    """
    off: frozenset[date] = frozenset()
    makeup: frozenset[date] = frozenset()
    published_to: date = date(2026, 12, 31)
    pupils_off: frozenset[date] = frozenset()
    pupils_on: frozenset[date] = frozenset()
    outages: tuple[tuple[datetime, datetime], ...] = ()
    outage_min_minutes: int = 60
    notice_outage_max_minutes: int = 240
    version: int = 0
    before: Calendar | None = None              # the version that this one took the place of (C-5)

    def __hash__(self) -> int:
        return hash((self.version, self.published_to))      # cheap: it is a key of many; equal ones have both

    def at(self, version: int) -> Calendar:
        """As it stood in that version; the oldest that is known where there is none."""
        return self if self.version <= version or self.before is None else self.before.at(version)

    def works(self, day: date) -> bool:
        """工作日 (C-3). Past the published calendar the weekday pattern alone holds (C-26)."""
        return day in self.makeup or (day.weekday() < 5 and day not in self.off)

    def teaches(self, day: date) -> bool:
        """教学日 of a day inside a term (C-4)."""
        return day in self.pupils_on or (self.works(day) and day not in self.pupils_off)

    def provisional(self, day: date) -> bool:
        """暂定: the day lies past the last published national year (C-26)."""
        return day > self.published_to

    def down(self, day: date) -> bool:
        """An outage of more than the minimum touched that day: no period ends on it (C-37)."""
        return self._minutes_down(day, time.min, None) > self.outage_min_minutes

    def shown(self, day: date) -> bool:
        """The public page was up long enough for the day to count as one of public notice (C-38)."""
        return self._minutes_down(day, time(8), time(22)) <= self.notice_outage_max_minutes

    def _minutes_down(self, day: date, first: time, last: time | None) -> int:
        if not self.outages:
            return 0
        start = datetime.combine(day, first, COUNTY)
        end = datetime.combine(day, last, COUNTY) if last else start + DAY
        lost = (min(b, end) - max(a, start) for a, b in self.outages if a < end and b > start)
        return int(sum(lost, timedelta()) / timedelta(minutes=1))

    def next_workday(self, day: date) -> date:
        """The day itself, or the first working day after it."""
        while not self.works(day):
            day += DAY
        return day


def day_of(moment: datetime) -> date:
    """The county's calendar day of a moment (C-9)."""
    return moment.astimezone(COUNTY).date()


def start_of(day: date) -> datetime:
    """00:00 of that day in the county."""
    return datetime.combine(day, time.min, COUNTY)


def end_of(day: date) -> datetime:
    """24:00 belongs to the day that ends: the last instant before the next day."""
    return start_of(day + DAY) - TICK


def workdays_before(day: date, count: int, calendar: Calendar) -> date:
    """The count-th working day before `day` (C-18)."""
    while count > 0:
        day -= DAY
        count -= calendar.works(day)
    return day


def whole_workdays_between(first: date, last: date, calendar: Calendar) -> int:
    """Working days strictly between two days: what "at least N workdays before X" counts (C-17)."""
    return sum(calendar.works(first + n * DAY) for n in range(1, (last - first).days))


class SchoolMonth(Value):
    """学月: first and last day, counting weeks, teaching days."""
    number: int
    first_day: date
    last_day: date
    weeks: int
    teaching_days: int


class Term(Value):
    """学期 as published, with its school months (C-6)."""
    first_day: date
    last_day: date
    school_months: tuple[SchoolMonth, ...] = ()


def school_month_of(terms: Iterable[Term], day: date) -> SchoolMonth | Refusal:
    """The school month of a day; in the holidays there is none (C-8)."""
    return next((m for t in terms for m in t.school_months if m.first_day <= day <= m.last_day),
                no("no_school_month", "C-8", day=day.isoformat()))


def draft_school_months(first: date, last: date, calendar: Calendar, week_min_days: int = 3,
                        month_min_weeks: int = 2) -> Term:
    """学月草案 (C-7): four counting weeks a month; a short rest joins the last month.

    A week with fewer than `week_min_days` teaching days does not count; it stays with the month before it, the
    first week of a term with the month after it.
    """
    weeks: list[tuple[date, date, int]] = []
    monday = first - first.weekday() * DAY
    while monday <= last:
        a, b = max(monday, first), min(monday + 6 * DAY, last)
        weeks.append((a, b, sum(calendar.teaches(a + n * DAY) for n in range((b - a).days + 1))))
        monday += 7 * DAY
    months: list[list[tuple[date, date, int]]] = [[]]
    counting = 0
    for week in weeks:
        counts = week[2] >= week_min_days
        if counts and counting == 4:
            months.append([])
            counting = 0
        months[-1].append(week)
        counting += counts
    if len(months) > 1 and counting < month_min_weeks:
        rest = months.pop()
        months[-1] += rest
    return Term(first, last, tuple(
        SchoolMonth(n, m[0][0], m[-1][1], sum(d >= week_min_days for _, _, d in m), sum(d for _, _, d in m))
        for n, m in enumerate(months, 1)))
