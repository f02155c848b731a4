"""A gap in the heartbeat becomes an outage fact, once; no period ends on such a day (C-37)."""
from __future__ import annotations

from datetime import datetime, timedelta

from activities.outages import note_outage
from domain.kernel.calendar import COUNTY
from store.reads import outages
from tests.county import County


async def test_C_37_a_gap_is_an_outage_once(county: County):
    await county.pool.execute("update county_clock set driven = null")
    await note_outage(county.pool, county.door)
    assert (await county.read("calendars")).case.facts.calendar.outages == ()
    await county.pool.execute("update heartbeat set at = clock_timestamp() - interval '3 hours'")
    await note_outage(county.pool, county.door)
    await note_outage(county.pool, county.door)
    (start, end), = (await county.read("calendars")).case.facts.calendar.outages
    assert timedelta(hours=2, minutes=59) < end - start < timedelta(hours=3, minutes=1)


async def test_C_39_what_ran_out_meanwhile_is_listed_and_then_acts_in_order(county: County):
    """Two dossiers whose clocks ended in the outage: the one due today is moved by C-37, the other one acts."""
    batch = await county.batch()
    first, second = [await county.application(batch, school, "completeness") for school in ("PR003", "PR006")]
    await county.pool.execute("update county_clock set driven = null")      # of 2026-02-24: all of it is long over by now
    await county.pool.execute("update heartbeat set at = $1", datetime(2026, 2, 25, tzinfo=COUNTY))
    await note_outage(county.pool, county.door)
    (noted,) = await outages(county.pool)
    due = [x for x in noted.ran_out if x.stage == "completeness"]
    assert ([x.case for x in due], [x.due for x in due] == sorted(x.due for x in due)) == ([first, second], True)
    assert all(noted.start < x.due <= noted.end for x in noted.ran_out)
    assert noted.ran_out == tuple(sorted(noted.ran_out, key=lambda x: x.due))
    stands = [(await county.read(case)).case for case in (first, second)]
    assert [[v.stage for v in case.open] for case in stands] == [["completeness"]] * 2       # the term ends after the outage
    moved = await county.pool.fetchval("select count(*) from event where tag = 'case.due_days_moved.v1' and case_id = any($1)",
                                       [first, second])
    assert moved == 2


async def test_a_rehearsal_has_no_outages(county: County):
    await county.pool.execute("update heartbeat set at = clock_timestamp() - interval '3 days'")
    await note_outage(county.pool, county.door)
    assert (await county.read("calendars")).case.facts.calendar.outages == ()
