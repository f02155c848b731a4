"""A gap in the heartbeat becomes an outage fact, once; no period ends on such a day (C-37)."""
from __future__ import annotations

from datetime import timedelta

from tests.county import County
from worker import note_outage


async def test_C_37_a_gap_is_an_outage_once(county: County):
    await county.pool.execute("update county_clock set driven = null")
    await note_outage(county.pool, county.door)
    assert (await county.read("calendars")).case.facts.calendar.outages == ()
    await county.pool.execute("update heartbeat set at = clock_timestamp() - interval '3 hours'")
    await note_outage(county.pool, county.door)
    await note_outage(county.pool, county.door)
    (start, end), = (await county.read("calendars")).case.facts.calendar.outages
    assert timedelta(hours=2, minutes=59) < end - start < timedelta(hours=3, minutes=1)


async def test_a_rehearsal_has_no_outages(county: County):
    await county.pool.execute("update heartbeat set at = clock_timestamp() - interval '3 days'")
    await note_outage(county.pool, county.door)
    assert (await county.read("calendars")).case.facts.calendar.outages == ()
