"""时限. The chip and the ledger, both drawn from the clock that decides (portal principle 8): nothing is counted twice."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.kernel.calendar import DAY, Calendar, day_of
from domain.kernel.case import Visit
from domain.kernel.clock import Clock, due, workdays_after
from domain.kernel.follow import ends
from domain.kernel.stages import Context
from domain.kernel.values import having

from .render import day_words, term_end

NATURAL = ("day", "month", "year", "until", "hour")
DAYS_MAX = 420                              # of one ledger


@dataclass(frozen=True)
class Chip:
    """What is left. `state`: run soon late pause prov met free."""
    words: str
    state: str
    url: str = ""


def unit_words(unit: str) -> str:
    return {"month": "个月", "year": "年", "hour": "小时"}.get(unit, "日" if unit in NATURAL else "个工作日")


def distance(first: date, last: date, unit: str, calendar: Calendar) -> int:
    """Days after `first` up to `last` in the unit of the clock."""
    days = (first + n * DAY for n in range(1, (last - first).days + 1))
    return (last - first).days if unit in NATURAL else sum(calendar.works(d) for d in days)


def chip(end: datetime | None, unit: str, now: datetime, calendar: Calendar, url: str = "", paused: bool = False) -> Chip:
    """The chip of a moment: one function for lists and cases alike."""
    if end is None:
        return Chip("已暂停" if paused else "没有期限", "pause" if paused else "free", url)
    last, today = day_of(end), day_of(now)
    if end < now and last < today:
        return Chip(f"逾期{max(1, distance(last, today, unit, calendar))}{unit_words(unit)}", "late", url)
    if calendar.provisional(last):
        return Chip(f"预计{day_words(last)}", "prov", url)
    if last == today:
        return Chip("今天到期", "soon", url)
    left = distance(today, last, unit, calendar)
    return Chip(f"剩{left}{unit_words(unit)}", "soon" if left <= 1 else "run", url)


def end_of_clock(clock: Clock, context: Context) -> datetime | None:
    """When the clock ends or ended; None while it stands still."""
    return ends(having(clock, ran_out=None), context)


def chip_of(clock: Clock, context: Context, url: str = "") -> Chip:
    if clock.met:
        return Chip("按期（补录）", "met", url)
    if clock.paused:
        return Chip(f"已暂停，剩{left_when_paused(clock, context.calendar)}{unit_words(clock.unit)}", "pause", url)
    return chip(end_of_clock(clock, context), clock.unit, context.now, context.calendar, url)


def left_when_paused(clock: Clock, calendar: Calendar) -> int:
    """As at the pause: the due day if it had gone on, counted from the day before."""
    stood = clock.pauses[-1][0] - DAY
    going = having(clock, pauses=clock.pauses[:-1], ran_out=None, grace=None)
    end = due(going, calendar)
    return distance(stood, day_of(end), clock.unit, calendar) if end else 0


def presumed_on(visit: Visit, context: Context) -> date:
    """From when a paper that nobody opens counts as served (C-9)."""
    return day_of(workdays_after(visit.opened_at, context.policy.service_presumed_workdays, context.calendar))


def of_visit(visit: Visit, seat: str = "") -> Clock | None:
    """The clock that counts for a seat: its own, else the row's."""
    return visit.clock(seat) or visit.clock("") or (visit.clocks[0] if visit.clocks else None)


# -- 怎么算的 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """One square of the grid. `kind`: start count off stand left due out."""
    on: date
    kind: str
    words: str
    today: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the account in words."""
    when: str
    what: str


@dataclass(frozen=True)
class Ledger:
    budget: str
    start: date
    end: datetime | None
    paused: bool
    provisional: bool
    counts: bool                            # an `until` clock counts nothing: somebody set its end
    days: tuple[Day, ...]
    lines: tuple[Line, ...]


def ledger(clock: Clock, context: Context) -> Ledger:
    """Day by day: which counted, which not and why; the same as sentences."""
    end, calendar, today = end_of_clock(clock, context), context.calendar, day_of(context.now)
    total, start = clock.budget + clock.extended, day_of(clock.start)
    if clock.unit == "until":
        line = [Line(day_words(day_of(end)) if end else "已暂停", "由所属批次或规定定下的最后一天")]
        return Ledger("到规定的日子", start, end, clock.paused, False, False, (), tuple(line))
    budget = f"{total}{unit_words(clock.unit)}"
    if clock.extended:
        budget += f"（含延长{clock.extended}{unit_words(clock.unit)}）"
    last = day_of(end) if end else max(today, start)
    days = _days(clock, calendar, start, last, today, end)
    lines = [Line(day_words(start), "开始，从次日起算"), *_lines(days, clock.unit)]
    if end:
        lines.append(Line("到期", term_end(end)))
    return Ledger(budget, start, end, clock.paused, bool(end and calendar.provisional(last)), True, days, tuple(lines))


def _days(clock: Clock, calendar: Calendar, start: date, last: date, today: date, end: datetime | None) -> tuple[Day, ...]:
    out, n = [], 0
    first = start - start.weekday() * DAY
    until = last + (6 - last.weekday()) * DAY
    for i in range(min(DAYS_MAX, (until - first).days + 1)):
        on = first + i * DAY
        stood = any(a <= on and (b is None or on <= b) for a, b in clock.pauses)
        counts = clock.unit in NATURAL or (calendar.works(on) and (clock.unit != "notice" or calendar.shown(on)))
        if on < start or on > last:
            kind, words = "out", ""
        elif on == start:
            kind, words = "start", "起"
        elif stood:
            kind, words = "stand", "停"
        elif not counts:
            kind, words = "off", "休" if on.weekday() >= 5 and on not in calendar.off else "假"
        else:
            n += 1
            made_up = "调" if on in calendar.makeup else ""
            kind, words = "due" if end and on == last else "left" if on > today else "count", f"{made_up}{n}"
        if end and on == last and kind == "off":
            kind = "due"
        out.append(Day(on, kind, words, on == today))
    return tuple(out)


def _lines(days: tuple[Day, ...], unit: str) -> list[Line]:
    """Runs of like days, each a sentence."""
    out: list[Line] = []
    runs: list[list[Day]] = []
    for d in days:
        if d.kind in ("out", "start"):
            continue
        kind = _sort(d)
        if runs and _sort(runs[-1][0]) == kind and (d.on - runs[-1][-1].on) == DAY:
            runs[-1].append(d)
        else:
            runs.append([d])
    for run in runs:
        a, b = run[0].on, run[-1].on
        last = f"{b.day}日" if a.month == b.month else day_words(b, short=True)
        when = day_words(a, short=True) if a == b else f"{day_words(a, short=True)}至{last}"
        n = len(run)
        what = {"count": f"计{n}{unit_words(unit)}", "休": "周末，不计", "假": "放假，不计", "停": "暂停，不计",
                "调": "调休上班，计"}[_sort(run[0])]
        out.append(Line(when, what))
    return out


def _sort(d: Day) -> str:
    if d.words in ("休", "假", "停"):
        return d.words
    return "调" if d.words.startswith("调") else "count"
