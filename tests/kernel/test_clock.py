"""Clocks and calendars (C-1 to C-42) as the clerk would recite them, with the published calendars of 2025 and 2026."""
from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from domain.kernel.calendar import (
    DAY,
    Calendar,
    SchoolMonth,
    Term,
    day_of,
    draft_school_months,
    end_of,
    school_month_of,
    start_of,
    whole_workdays_between,
    workdays_before,
)
from domain.kernel.clock import Clock, due, left, reminder_at, span_end, workdays_after
from domain.kernel.refusal import no
from domain.kernel.values import having

from .story import moment, published

PUBLISHED = published("2025", "2026")
WITH_2027 = published("2025", "2026", "2027")


def day(text: str) -> date:
    return moment(text).date()


def running(on: str, budget: int, unit: str, *pauses: tuple[str, str], **fields: object) -> Clock:
    """A clock that an act on that day started; pauses are (suspended, resumed)."""
    return Clock("", "term", unit, budget, moment(on), tuple((day(a), day(b)) for a, b in pauses), **fields)


def last_day(clock: Clock, calendar: Calendar = PUBLISHED) -> str:
    end = due(clock, calendar)
    assert end == end_of(day_of(end))           # it ends at 24:00 (C-15)
    return day_of(end).isoformat()


def counted(clock: Clock, calendar: Calendar = PUBLISHED) -> str:
    """The days that use the clock up, as its chip counts them down."""
    days = [day_of(clock.start) + n * DAY for n in range(60)]
    return " ".join(f"{b:%m-%d}" for a, b in pairwise(days)
                    if left(clock, end_of(b), calendar) < left(clock, end_of(a), calendar))


@pytest.mark.parametrize(("on", "workdays", "days", "last"), [
    pytest.param("2025-03-10", 5, "03-11 03-12 03-13 03-14 03-17", "2025-03-17", id="K-1"),
    pytest.param("2025-04-14", 5, "04-15 04-16 04-17 04-18 04-21", "2025-04-21", id="K-2"),
    pytest.param("2025-03-15", 3, "03-17 03-18 03-19", "2025-03-19", id="K-3 on a day off"),
    pytest.param("2025-04-02", 3, "04-03 04-07 04-08", "2025-04-08", id="K-4"),
    pytest.param("2025-04-25", 5, "04-27 04-28 04-29 04-30 05-06", "2025-05-06", id="K-5"),
    pytest.param("2025-05-30", 1, "06-03", "2025-06-03", id="K-6"),
    pytest.param("2025-09-26", 5, "09-28 09-29 09-30 10-09 10-10", "2025-10-10", id="K-7"),
    pytest.param("2025-09-30", 5, "10-09 10-10 10-11 10-13 10-14", "2025-10-14", id="K-8"),
    pytest.param("2025-10-01", 3, "10-09 10-10 10-11", "2025-10-11", id="K-9 on a holiday"),
    pytest.param("2025-01-24", 3, "01-26 01-27 02-05", "2025-02-05", id="K-10"),
    pytest.param("2025-02-07", 1, "02-08", "2025-02-08", id="K-11"),
    pytest.param("2025-12-29", 5, "12-30 12-31 01-04 01-05 01-06", "2026-01-06", id="K-12"),
    pytest.param("2026-02-13", 3, "02-14 02-24 02-25", "2026-02-25", id="K-13"),
    pytest.param("2026-02-09", 10, "02-10 02-11 02-12 02-13 02-14 02-24 02-25 02-26 02-27 02-28", "2026-02-28",
                 id="K-14"),
    pytest.param("2026-04-30", 4, "05-06 05-07 05-08 05-09", "2026-05-09", id="K-15"),
    pytest.param("2026-06-18", 1, "06-22", "2026-06-22", id="K-16"),
    pytest.param("2026-09-18", 5, "09-20 09-21 09-22 09-23 09-24", "2026-09-24", id="K-17"),
    pytest.param("2026-09-24", 6, "09-28 09-29 09-30 10-08 10-09 10-10", "2026-10-10", id="K-18"),
    pytest.param("2026-12-24", 5, "12-25 12-28 12-29 12-30 12-31", "2026-12-31", id="K-33"),
    pytest.param("2026-12-24", 10, "12-25 12-28 12-29 12-30 12-31 01-01 01-04 01-05 01-06 01-07", "2027-01-07",
                 id="K-34"),
])
def test_C_10_working_days(on, workdays, days, last):
    clock = running(on, workdays, "workday")
    assert (counted(clock), last_day(clock)) == (days, last)


@pytest.mark.parametrize(("on", "budget", "unit", "last"), [
    pytest.param("2025-09-01", 30, "day", "2025-10-09", id="K-19 the last day is off"),
    pytest.param("2025-01-17", 15, "day", "2025-02-05", id="K-20"),
    pytest.param("2025-01-11", 15, "day", "2025-01-26", id="K-21 a make-up Sunday is no day off"),
    pytest.param("2025-12-02", 30, "day", "2026-01-04", id="K-22"),
    pytest.param("2025-01-31", 1, "month", "2025-02-28", id="K-23 no corresponding date"),
    pytest.param("2025-11-30", 3, "month", "2026-02-28", id="K-24 a working Saturday"),
    pytest.param("2026-01-15", 1, "month", "2026-02-24", id="K-25 off until the 23rd"),
    pytest.param("2025-03-10", 1, "year", "2026-03-10", id="C-12 a year"),
    pytest.param("2024-02-29", 1, "year", "2025-02-28", id="C-12 no 29 February"),
    pytest.param("2025-12-15", 1, "month", "2026-01-15", id="C-12 over the turn of the year"),
])
def test_C_11_C_12_days_months_years(on, budget, unit, last):
    assert last_day(running(on, budget, unit)) == last


@pytest.mark.parametrize(("at", "last"), [
    pytest.param(datetime.fromisoformat("2025-03-10T00:00:00+08:00"), "2025-03-11", id="midnight belongs to the day that begins"),
    pytest.param(datetime.fromisoformat("2025-03-10T23:59:59+08:00"), "2025-03-11", id="the day of the act is not counted"),
    pytest.param(datetime.fromisoformat("2025-03-10T16:30:00+00:00"), "2025-03-12", id="half past midnight in the county"),
])
def test_C_9_the_day_of_the_act_is_the_countys(at, last):
    assert last_day(Clock("", "term", "workday", 1, at)) == last


def test_K_26_C_16_a_validity_ends_on_its_own_day():
    """Monday 2028-12-25 24:00; one that would end on a day off is not moved."""
    assert span_end(day("2025-12-25"), 36) == end_of(date(2028, 12, 25))
    assert span_end(day("2025-10-01"), 12) == end_of(date(2026, 10, 1))


@pytest.mark.parametrize(("clock", "last"), [
    pytest.param(running("03-03", 20, "workday", ("03-12", "03-20")), "2025-04-10", id="K-27"),
    pytest.param(running("03-03", 30, "day", ("03-12", "03-20")), "2025-04-11", id="K-28"),
    pytest.param(running("09-22", 10, "workday", ("09-25", "09-26"), ("10-10", "10-13")), "2025-10-17", id="K-29"),
    pytest.param(running("03-03", 2, "workday", ("03-04", "03-04")), "2025-03-06", id="C-20 stopped for an hour, a day is lost"),
    pytest.param(running("03-03", 3, "day", ("03-03", "03-05")), "2025-03-10", id="C-20 stopped on the first day: 6, 7, 8 March, moved to Monday"),
    pytest.param(running("03-03", 1, "month", ("03-10", "03-12")), "2025-04-07", id="C-20 months: three days later"),
    pytest.param(running("03-06", 1, "month", ("03-06", "03-08")), "2025-04-08", id="C-20 months: the first day is not counted anyway"),
    pytest.param(running("03-04", 1, "month", ("03-10", "03-12"), ("03-12", "03-13")), "2025-04-08", id="C-20 months: a day is lost once"),
])
def test_C_20_a_day_is_used_up_only_if_the_clock_ran_through_it(clock, last):
    assert last_day(clock) == last


def test_K_27_used_6_of_20_at_the_pause():
    """The figure stands still while the clock does, and there is no due day meanwhile."""
    clock = running("03-03", 20, "workday").pause(day("03-12"))
    assert (due(clock, PUBLISHED), left(clock, moment("03-18"), PUBLISHED)) == (None, 14)
    assert clock.pause(day("03-14")) == clock
    assert clock.resume(day("03-20")) == running("03-03", 20, "workday", ("03-12", "03-20"))
    assert counted(clock.resume(day("03-20"))).startswith("03-04 03-05 03-06 03-07 03-10 03-11 03-21 03-24")


@pytest.mark.parametrize(("clock", "first", "then"), [
    pytest.param(running("2025-04-14", 15, "workday"), "2025-05-07", "2025-05-14", id="K-30"),
    pytest.param(running("2025-09-01", 30, "day"), "2025-10-09", "2025-10-16", id="K-31 moved once only"),
])
def test_C_22_an_extension_is_counted_from_the_start(clock, first, then):
    more = {"workday": 5, "day": 15}[clock.unit]
    assert (last_day(clock), last_day(having(clock, extended=more, extensions=1))) == (first, then)


@pytest.mark.parametrize(("refused", "ends"), [
    pytest.param("03-14 10:00", "2025-03-18", id="the term ends later than the grace"),
    pytest.param("03-20 10:00", "2025-03-24", id="two working days from the refusal"),
])
def test_C_23_grace_after_a_refused_extension(refused, ends):
    assert last_day(running("03-10", 6, "workday", grace=(moment(refused), 2))) == ends


def test_K_32_C_13_hours_run_through_days_off():
    assert due(running("10-08 15:20", 24, "hour"), PUBLISHED) == moment("10-09 15:20")
    assert due(running("10-01 15:20", 24, "hour"), PUBLISHED) == moment("10-02 15:20")


def test_C_21_an_hour_clock_stands_still_on_the_days_of_its_pause():
    """Suspended on the 10th, resumed on the 13th: four days later, as the day of either is not used (C-20)."""
    assert due(running("10-09 15:20", 24, "hour", ("10-10", "10-13")), PUBLISHED) == moment("10-14 15:20")


@pytest.mark.parametrize(("workdays", "calendar", "last", "provisional"), [
    pytest.param(5, PUBLISHED, "2026-12-31", False, id="K-33"),
    pytest.param(10, PUBLISHED, "2027-01-07", True, id="K-34"),
    pytest.param(10, WITH_2027, "2027-01-08", False, id="K-35"),
])
def test_C_26_past_the_published_calendar(workdays, calendar, last, provisional):
    clock = running("2026-12-24", workdays, "workday")
    assert (last_day(clock, calendar), calendar.provisional(day(last))) == (last, provisional)


def test_K_36_C_17_at_least_three_whole_working_days_before_a_visit():
    """A visit on Mon 2025-10-13: told on 8 October at the latest, which may be a day off."""
    told = [d for d in (day("10-07"), day("10-08"), day("10-09")) if whole_workdays_between(d, day("10-13"), PUBLISHED) >= 3]
    assert told == [day("10-07"), day("10-08")]
    assert not PUBLISHED.works(day("10-08"))


@pytest.mark.parametrize(("due_on", "workdays", "sent"), [
    pytest.param("10-10", 3, "09-29 09:00", id="K-37"),
    pytest.param("10-10", 1, "10-09 09:00", id="the day before"),
    pytest.param("10-08", 1, "09-30 09:00", id="before a day off"),
])
def test_C_18_reminders(due_on, workdays, sent):
    assert reminder_at(end_of(day(due_on)), workdays, PUBLISHED) == moment(sent)
    assert workdays_before(day(due_on), workdays, PUBLISHED) == day(sent)


def outage(start: str, end: str) -> tuple[datetime, datetime]:
    return moment(start), moment(end)


@pytest.mark.parametrize(("outages", "last"), [
    pytest.param([outage("03-17 20:00", "03-18 09:00")], "2025-03-19", id="K-38"),
    pytest.param([outage("03-17 20:00", "03-17 21:00")], "2025-03-17", id="an hour is not more than an hour"),
    pytest.param([outage("03-17 20:00", "03-17 21:01")], "2025-03-18", id="61 minutes"),
    pytest.param([outage("03-14 08:00", "03-14 22:00")], "2025-03-17", id="a day in between"),
    pytest.param([outage("03-17 08:00", "03-21 22:00")], "2025-03-24", id="until Friday, the weekend is off"),
])
@pytest.mark.parametrize(("budget", "unit"), [(5, "workday"), (7, "day")])
def test_C_37_no_period_ends_on_a_day_of_outage(outages, last, budget, unit):
    assert last_day(running("03-10", budget, unit), having(PUBLISHED, outages=tuple(outages))) == last


@pytest.mark.parametrize(("layer", "last"), [
    pytest.param({"off": PUBLISHED.off | {date(2026, 6, 4)}}, "2026-06-08", id="K-39 the office is closed"),
    pytest.param({"pupils_off": frozenset({date(2026, 6, 4)})}, "2026-06-05", id="K-40 only the pupils are off"),
])
def test_C_2_pupils_only_days_change_no_working_day(layer, last):
    assert last_day(running("2026-06-02", 3, "workday"), having(PUBLISHED, **layer)) == last


def test_K_41_a_public_notice_takes_effect_when_its_span_is_over():
    assert due(running("09-26", 5, "notice"), PUBLISHED) + timedelta(microseconds=1) == start_of(day("10-11"))


@pytest.mark.parametrize(("outages", "last"), [
    pytest.param([outage("09-29 08:00", "09-29 12:00")], "2025-10-10", id="240 minutes: the day counts"),
    pytest.param([outage("09-29 08:00", "09-29 12:01")], "2025-10-11", id="241 minutes: another day"),
    pytest.param([outage("09-29 08:00", "09-29 10:01"), outage("09-29 19:00", "09-29 21:00")], "2025-10-11", id="twice in a day"),
    pytest.param([outage("09-28 22:00", "09-29 08:00")], "2025-10-10", id="by night nobody reads it"),
    pytest.param([outage("10-03 08:00", "10-03 22:00")], "2025-10-10", id="a day off counts neither way"),
    pytest.param([outage("10-10 08:00", "10-10 22:00")], "2025-10-11", id="the last day"),
])
def test_C_38_a_day_without_the_page_is_no_day_of_notice(outages, last):
    assert last_day(running("09-26", 5, "notice"), having(PUBLISHED, outages=tuple(outages))) == last


def test_K_42_C_34_late_entry_is_open_for_ten_working_days():
    """After the end of the period: Sun 2025-10-05 → Tue 2025-10-21."""
    month = draft_school_months(day("09-01"), day("2026-01-30"), PUBLISHED).school_months[0]
    assert (month.first_day, month.last_day) == (day("09-01"), day("10-05"))
    assert workdays_after(end_of(month.last_day), 10, PUBLISHED) == end_of(day("10-21"))


def test_C_29_a_new_version_derives_the_due_day_again():
    """The rehearsal's amendment of 2027 moves a three-day term over the Dragon Boat festival by two days."""
    amended = published("2025", "2026", "2027", "2027-amendment-1")
    clock = running("2027-06-08", 3, "workday")
    assert (last_day(clock, WITH_2027), last_day(clock, amended)) == ("2027-06-14", "2027-06-16")


@pytest.mark.parametrize(("clock", "ends"), [
    pytest.param(Clock("", "until", "until", 0, moment("03-14 12:00")), moment("03-14 12:00"), id="its moment"),
    pytest.param(Clock("", "until", "until", 0, moment("03-14 12:00"), extended=7), moment("03-21 12:00"), id="so many days later"),
    pytest.param(Clock("", "until", "until", 0, moment("03-14 12:00"), ((day("03-11"), day("03-13")),)), moment("03-14 12:00"),
                 id="a pause before it does not move it"),
    pytest.param(Clock("", "until", "until", 0, moment("03-14 12:00"), ((day("03-13"), day("03-17")),)), end_of(day("03-16")),
                 id="one that holds it waits"),
])
def test_C_19_a_moment_set_elsewhere(clock, ends):
    assert due(clock, PUBLISHED) == ends


def test_C_30_what_has_run_out_has_no_due_day():
    assert due(running("03-03", 3, "workday", ran_out=moment("03-06")), PUBLISHED) is None


@pytest.mark.parametrize(("days", "works", "teaches"), [
    pytest.param("2025-03-10", True, True, id="C-2 a Monday"),
    pytest.param("2025-03-15", False, False, id="C-2 a Saturday"),
    pytest.param("2025-10-11", True, True, id="C-3 a make-up Saturday"),
    pytest.param("2025-10-08", False, False, id="C-3 a holiday on Wednesday"),
    pytest.param("2025-03-11", True, False, id="C-4 pupils off"),
    pytest.param("2025-03-16", False, True, id="C-4 a make-up lesson on Sunday"),
])
def test_C_3_C_4_working_and_teaching_days(days, works, teaches):
    calendar = having(PUBLISHED, pupils_off=frozenset({day("03-11")}), pupils_on=frozenset({day("03-16")}))
    assert (calendar.works(day(days)), calendar.teaches(day(days))) == (works, teaches)


@pytest.mark.parametrize("year", [2025, 2026])
def test_C_3_each_published_year_has_248_working_days(year):
    assert sum(PUBLISHED.works(date(year, 1, 1) + n * DAY) for n in range(365)) == 248


def months(*rows: tuple[str, str, int, int]) -> tuple[SchoolMonth, ...]:
    return tuple(SchoolMonth(n, day(a), day(b), weeks, days) for n, (a, b, weeks, days) in enumerate(rows, 1))


@pytest.mark.parametrize(("first", "last", "then"), [
    pytest.param("2025-09-01", "2026-01-30", months(
        ("2025-09-01", "2025-10-05", 4, 23), ("2025-10-06", "2025-11-02", 4, 18), ("2025-11-03", "2025-11-30", 4, 20),
        ("2025-12-01", "2025-12-28", 4, 20), ("2025-12-29", "2026-01-30", 5, 24)), id="autumn, a rest of one week joins"),
    pytest.param("2026-03-02", "2026-07-10", months(
        ("2026-03-02", "2026-03-29", 4, 20), ("2026-03-30", "2026-04-26", 4, 19), ("2026-04-27", "2026-05-24", 4, 18),
        ("2026-05-25", "2026-06-21", 4, 19), ("2026-06-22", "2026-07-10", 3, 15)), id="spring, a rest of three weeks stands alone"),
    pytest.param("2025-09-04", "2025-10-05", months(("2025-09-04", "2025-10-05", 3, 20)),
                 id="a short first week goes with the month after it"),
    pytest.param("2025-11-06", "2025-12-07", months(("2025-11-06", "2025-12-07", 4, 22)),
                 id="and does not count"),
    pytest.param("2025-11-03", "2025-12-12", months(
        ("2025-11-03", "2025-11-30", 4, 20), ("2025-12-01", "2025-12-12", 2, 10)), id="a rest of two weeks is a month"),
])
def test_C_7_school_months(first, last, then):
    assert draft_school_months(day(first), day(last), PUBLISHED) == Term(day(first), day(last), then)


@pytest.mark.parametrize(("first", "last"), [("2025-09-01", "2026-01-30"), ("2026-03-02", "2026-07-10"), ("2026-09-01", "2027-01-22")])
def test_C_6_school_months_touch_and_cover_the_term(first, last):
    term = draft_school_months(day(first), day(last), WITH_2027)
    ends = [day(first) - DAY, *(m.last_day for m in term.school_months)]
    assert [m.first_day for m in term.school_months] == [e + DAY for e in ends[:-1]]
    assert ends[-1] == day(last)


@pytest.mark.parametrize(("on", "number"), [("2025-09-01", 1), ("2025-10-05", 1), ("2025-10-06", 2), ("2026-01-30", 5), ("2026-03-02", 1)])
def test_C_8_the_school_month_of_a_day(on, number):
    terms = [draft_school_months(day(a), day(b), PUBLISHED) for a, b in (("2025-09-01", "2026-01-30"), ("2026-03-02", "2026-07-10"))]
    assert school_month_of(terms, day(on)).number == number


@pytest.mark.parametrize("on", ["2025-08-31", "2026-01-31", "2026-02-20", "2026-07-11"])
def test_C_8_in_the_holidays_there_is_none(on):
    terms = [draft_school_months(day(a), day(b), PUBLISHED) for a, b in (("2025-09-01", "2026-01-30"), ("2026-03-02", "2026-07-10"))]
    assert school_month_of(terms, day(on)) == no("no_school_month", "C-8", day=on)


@pytest.mark.parametrize(("key", "last"), [("", "2026-06-09"), ("begins", "2026-06-08")])
def test_C_37_a_moment_set_elsewhere_is_no_end_on_a_day_with_an_outage(key, last):
    """The window of a batch ends with the first working day free of outages; a beginning is not an end."""
    calendar = having(PUBLISHED, outages=((moment("2026-06-08 18:00"), moment("2026-06-08 22:00")),))
    clock = Clock(key, "window_end", "until", 0, end_of(day("2026-06-08")))
    assert last_day(clock, calendar) == last
