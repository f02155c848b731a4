"""日历登记. The published calendars are one case; a change is a new version, never an edit (C-1 to C-5, C-37)."""
from __future__ import annotations

from datetime import date, datetime

from domain.kernel.calendar import DAY, Calendar, start_of
from domain.kernel.case import Case, Visit
from domain.kernel.clock import workdays_after
from domain.kernel.events import Entry, Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Seat, post
from domain.kernel.stages import Context, Policy, Procedure, Record, Stage, until
from domain.kernel.values import Text, Value, having, tagged

fact = tagged("calendar")


@fact
class CalendarPublished(Event):
    """日历已发布: one layer. `national` sets the last published day (C-2, C-26)."""
    title: str
    document: str
    off: tuple[date, ...] = ()
    makeup: tuple[date, ...] = ()
    pupils_off: tuple[date, ...] = ()
    pupils_on: tuple[date, ...] = ()
    national_to: date | None = None


class RanOut(Value):
    """A clock that ran out while the system was down, and when it was due (C-39)."""
    case: str
    stage: str
    due: datetime


@fact
class OutageRecorded(Event):
    """停机已登记 (C-37); `ran_out`: the list of C-39, in the order in which they then act."""
    start: datetime
    end: datetime
    ran_out: tuple[RanOut, ...] = ()


@fact
class Calendars(Value):
    """The layers merged, later ones winning day by day."""
    calendar: Calendar = Calendar(published_to=date(2000, 1, 1))
    titles: tuple[tuple[str, str], ...] = ()

    def evolve(self, event: Event, entry: Entry) -> Calendars:
        c = self.calendar
        match event:
            case CalendarPublished():
                off, makeup = frozenset(event.off), frozenset(event.makeup)
                merged = having(
                    c, off=(c.off - makeup) | off, makeup=(c.makeup - off) | makeup,
                    pupils_off=(c.pupils_off - set(event.pupils_on)) | set(event.pupils_off),
                    pupils_on=(c.pupils_on - set(event.pupils_off)) | set(event.pupils_on),
                    published_to=max(c.published_to, event.national_to or c.published_to), version=c.version + 1,
                    before=c)
                return having(self, calendar=merged, titles=(*self.titles, (event.title, event.document)))
            case OutageRecorded():
                return having(self, calendar=having(c, outages=(*c.outages, (event.start, event.end)),
                                                    version=c.version + 1, before=c))
        return self


@fact
class PublishCalendar:
    """发布日历：放假、调休、停课的日子，注明文号。由另一人核对。"""
    title: str
    document: str
    off: tuple[date, ...] = ()
    makeup: tuple[date, ...] = ()
    pupils_off: tuple[date, ...] = ()
    pupils_on: tuple[date, ...] = ()
    national_to: date | None = None
    reason: Text = Text("")


@fact
class RecordOutage:
    """登记停机：起止时间。"""
    start: datetime
    end: datetime


@fact
class NoteOutage:
    """停机：系统启动时自己记下的，连同停机期间到期的时限。"""
    start: datetime
    end: datetime
    ran_out: tuple[RanOut, ...] = ()


def publish(case: Case, visit: Visit | None, form: PublishCalendar, context: Context) -> list[Event] | Refusal:
    if set(form.off) & set(form.makeup) or not form.document:
        return no("malformed", "C-1")
    return [CalendarPublished(form.title, form.document, form.off, form.makeup, form.pupils_off, form.pupils_on,
                              form.national_to)]


def record_outage(case: Case, visit: Visit | None, form: RecordOutage | NoteOutage, context: Context,
                  ) -> list[Event] | Refusal:
    if form.end <= form.start or form.end > context.now:
        return no("true_at_impossible", "C-37")
    return [OutageRecorded(form.start, form.end, form.ran_out if isinstance(form, NoteOutage) else ())]


def _checked_by(case: Case, policy: Policy) -> tuple[Seat, ...]:
    return (Seat("head", post("office_head", "SC1")),)


class CalendarPolicy(Policy):
    """C-28 (policy: calendar_warning): days before the last published one, and working days between two reminders."""
    calendar_warning_days: int = 60
    calendar_again_workdays: int = 10


def _last_day(case: Case) -> date:
    return case.facts.calendar.published_to


def _next_year(case: Case, policy: CalendarPolicy) -> tuple[str, ...]:
    """The year that is not published yet: a line of its own, so that publishing it ends the task."""
    return (str(_last_day(case).year + 1),)


def _warning(case: Case, policy: CalendarPolicy) -> datetime:
    return start_of(_last_day(case) - policy.calendar_warning_days * DAY)


def _again(case: Case, policy: CalendarPolicy, calendar: Calendar) -> list[tuple[datetime, str]]:
    """Until the year before that one is over and half a year after: then nobody waits for a calendar any more."""
    steps = range(policy.calendar_again_workdays, 200, policy.calendar_again_workdays)
    return [(workdays_after(_warning(case, policy), n, calendar), f"{_last_day(case).year + 1}/{n}") for n in steps]


def _the_office(case: Case, policy: Policy) -> tuple[Seat, ...]:
    return (Seat("office", post("office_staff", "SC1")),)


def _published(case: Case, context: Context) -> Refusal | None:
    """The row is over when the year is published, and by nothing else."""
    return no("calendar_unpublished", "C-28")


CALENDARS = Procedure(
    kind="calendars", facts=Calendars, policy=lambda data: CalendarPolicy(),
    rules={PublishCalendar: publish, RecordOutage: record_outage, NoteOutage: record_outage},
    office=lambda case: post("office_staff", "SC1"), head=lambda case: post("office_head", "SC1"),
    opened_by=(Record(PublishCalendar),), hears=(PublishCalendar, NoteOutage),
    records=(Record(PublishCalendar, second=_checked_by), Record(RecordOutage)), stages=(
        Stage("open"),
        Stage("next_year", beside=_next_year, begins=until(_warning), seats=_the_office, needs=(_published,),
              ladder=_again)))
