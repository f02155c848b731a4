"""日历登记: the office is warned before the published days run out (C-28), and a new version reaches every open case (C-29)."""
from __future__ import annotations

from datetime import date

from domain.kernel.acts import Act
from domain.kernel.refusal import no
from domain.kernel.stages import WORKFLOW
from domain.registers.calendars import CALENDARS, PublishCalendar
from ops.load import DATA, calendar_form, yaml
from store.door import Command, Receipt
from tests.county import County
from tests.kernel.story import after, by, decided, opened, stands, who

SYSTEM = who("workflow")
OFFICE = who("office", "office_staff@SC1")
YEAR_2026 = PublishCalendar("2026年放假安排", "国办发〔2025〕7号", national_to=date(2026, 12, 31))
YEAR_2027 = PublishCalendar("2027年放假安排", "国办发〔2026〕7号", national_to=date(2027, 12, 31))
PUBLISH_2027 = by(SYSTEM, "hear", form=YEAR_2027, stage="*")


def published_2026(*steps):
    story = opened(CALENDARS, by=SYSTEM, act=Act("open", form=YEAR_2026), on="2026-01-05", policy=CALENDARS.policy({}))
    for step in steps:
        story = after(story, step)
    return story


def test_C_28_sixty_days_before_the_last_published_day_the_office_has_a_task():
    story = published_2026()
    assert stands(story, on="2026-10-31 23:59") == {"open": [], "next_year/2027": []}
    assert stands(story, on="2026-11-01 00:00") == {"open": [], "next_year/2027": ["office"]}


def test_C_28_it_is_repeated_every_ten_working_days():
    story = published_2026(by(SYSTEM, "look", on="2026-12-31", stage="*"))
    assert [e.event.key for e in story.entries if e.event.tag == "case.rung_taken.v1"] == ["2027/10", "2027/20", "2027/30", "2027/40"]


def test_C_28_publishing_the_year_ends_it_and_nothing_else_does():
    story = published_2026(by(SYSTEM, "look", on="2026-11-01", stage="*"))
    assert decided(story, by(OFFICE, "agree", "office")) == no("calendar_unpublished", "C-28")
    assert stands(after(story, PUBLISH_2027)) == {"open": [], "next_year/2028": []}


def test_C_28_the_next_year_is_warned_of_in_its_turn():
    story = published_2026(PUBLISH_2027)
    assert stands(story, on="2027-11-01") == {"open": [], "next_year/2028": ["office"]}


async def test_C_29_a_published_calendar_reaches_every_open_case(county: County):
    """The flood of K-39: the office is closed on a day on which the clerk's clock runs."""
    case = await county.application(await county.batch(), "PR003", "completeness")
    await county.settle()
    before = (await county.read(case)).plan.clocks[0].due
    day = (await county.read(case)).context.now.date()
    closed = [d for d in (date(2026, 2, 26), date(2026, 2, 27)) if d > day]
    form = PublishCalendar("防汛停办", "岚教发〔2026〕9号", off=tuple(closed))
    got = await county.door.handle(Command("flood", WORKFLOW, Act("hear", form=form), "calendars"))
    assert isinstance(got, Receipt)
    await county.settle()
    after = await county.read(case)
    assert after.plan.clocks[0].due > before
    tags = [r["tag"] for r in await county.pool.fetch("select tag from event where case_id = $1 order by version", case)]
    assert tags[-1] == "case.due_days_moved.v1"


def test_C_1_every_published_year_of_the_data_can_be_read():
    forms = [calendar_form(yaml.safe_load(p.read_text("utf-8"))) for p in sorted((DATA / "policy/calendar").glob("20[0-9][0-9].yaml"))]
    assert [f.national_to.year for f in forms] == list(range(2025, 2031))
