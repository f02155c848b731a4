"""日历改版 (C-29, C-30): what a new version of the calendar does to cases that are open."""
from __future__ import annotations

import pytest

from domain.kernel.calendar import Calendar, end_of
from domain.kernel.events import DueDaysMoved, Moved
from domain.kernel.plan import plan
from domain.kernel.stages import Policy, lapse, workdays
from domain.kernel.values import having

from .story import WORKFLOW, Story, after, by, decided, given, moment, published, row, seats, stands, table, who

A = who("a")
FIRST = having(published("2025", "2026"), version=1)


class Terms(Policy):
    ten: int = 10
    three: int = 3


def then(calendar: Calendar, version: int, before: Calendar = FIRST) -> Calendar:
    return having(calendar, version=version, before=before)


WITH_2027 = then(published("2025", "2026", "2027"), 2)
CLOSED_4_JUNE = then(having(FIRST, off=FIRST.off | {moment("2026-06-04").date()}), 2)
WORKS_6_JUNE = then(having(FIRST, makeup=FIRST.makeup | {moment("2026-06-06").date()}), 2)


def asked(on: str, term: str = "ten") -> Story:
    return given(table(row(seats=seats("a", "b"), clock=workdays(term), at_limit=lapse)), on=on, policy=Terms(), calendar=FIRST)


def end(day: str):
    return end_of(moment(day).date())


def due_day(story: Story) -> str:
    return f"{plan(story.procedure, story.case, story.context(WORKFLOW)).clocks[0].due:%Y-%m-%d}"


LOOK = by(WORKFLOW, "look", stage="*")


def test_K_35_a_provisional_day_becomes_firm_and_the_move_is_a_fact():
    story = having(asked("2026-12-24"), calendar=WITH_2027)
    assert decided(story, LOOK) == [DueDaysMoved(1, 2, (Moved(1, "", end("2027-01-07"), end("2027-01-08"), firm=False),))]
    assert due_day(after(story, LOOK)) == "2027-01-08"
    assert decided(after(story, LOOK), LOOK) == []          # once a version


def test_C_29_a_day_off_that_is_added_moves_a_firm_day_later():
    """K-39, with the case open when the office is closed."""
    story = having(asked("2026-06-02", "three"), calendar=CLOSED_4_JUNE)
    assert decided(story, LOOK) == [DueDaysMoved(1, 2, (Moved(1, "", end("2026-06-05"), end("2026-06-08")),))]


def test_C_29_a_day_told_as_firm_never_moves_earlier():
    """A Saturday becomes a working day: who counted on Tuesday keeps Tuesday."""
    story = having(asked("2026-06-04", "three"), calendar=WORKS_6_JUNE)
    assert due_day(asked("2026-06-04", "three")) == "2026-06-09"
    assert decided(story, LOOK) == [DueDaysMoved(1, 2, (Moved(1, "", end("2026-06-09"), end("2026-06-09")),))]
    assert due_day(after(story, LOOK)) == "2026-06-09"
    assert due_day(having(given(story.procedure, on="2026-06-04", policy=Terms(), calendar=WORKS_6_JUNE))) == "2026-06-08"


def test_C_29_a_provisional_day_moves_either_way():
    earlier = then(having(published("2025", "2026", "2027"), off=FIRST.off, makeup=frozenset({moment("2027-01-02").date()})), 2)
    story = having(asked("2026-12-24"), calendar=earlier)
    assert due_day(after(story, LOOK)) == "2027-01-06"


def test_C_29_an_act_takes_the_version_over_with_what_it_leaves():
    """Where nothing moved, the version is worth no fact of its own, only beside another."""
    same = then(FIRST, 2)
    story = having(asked("2026-06-02"), calendar=same)
    assert decided(story, LOOK) == []
    told = after(story, by(A, "agree", "a"))
    assert told.events[0] == DueDaysMoved(1, 2)
    assert told.case.calendar == 2


def test_C_29_over_several_versions_the_old_day_is_the_one_that_was_told():
    third = then(WITH_2027, 3, before=WITH_2027)
    assert decided(having(asked("2026-12-24"), calendar=third), LOOK)[0].moved[0].old == end("2027-01-07")


def test_C_30_closed_clocks_are_never_derived_again():
    story = asked("2026-06-02", "three")
    over = after(story, by(WORKFLOW, "look", on="2026-06-08", stage="*"))
    assert stands(over) == {"ended": ["lapsed"]}
    assert decided(having(over, calendar=CLOSED_4_JUNE), LOOK) == []


def test_C_29_first_the_calendar_then_the_clocks():
    """The office was closed on a day of the term: who looks only after the old day finds the clock still running."""
    story = having(asked("2026-06-02", "three"), calendar=CLOSED_4_JUNE)
    assert stands(story, on="2026-06-08") == {"ask": ["a", "b"]}
    assert stands(story, on="2026-06-09") == {"ended": ["lapsed"]}


@pytest.mark.parametrize(("version", "known"), [(0, 1), (1, 1), (2, 2), (9, 2)])
def test_C_5_a_version_is_found_again(version: int, known: int):
    assert WITH_2027.at(version).version == known
