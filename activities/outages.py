"""停机清单. What ran out while the system was down goes on a list, before anything acts after a start (C-37 to C-40)."""
from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY
from domain.kernel.follow import moments
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.registers.calendars import NoteOutage, RanOut
from store import codec
from store.door import Command, Door

OUTAGE_MIN = timedelta(minutes=60)          # C-37


async def note_outage(pool: asyncpg.Pool, door: Door) -> None:
    """A gap in the heartbeat is an outage fact, with the clocks that ran out in it; then C-37 has moved those of a day of
    the outage, and the others act in the order of their due times (C-39)."""
    last, now, driven = await pool.fetchrow("select h.at, clock_timestamp(), c.driven from heartbeat h, county_clock c")
    if driven is not None or now - last <= OUTAGE_MIN:
        return
    start, end = last.astimezone(COUNTY), now.astimezone(COUNTY)
    ran_out = await _ran_out(pool, door, start, end)
    await door.handle(Command(f"outage/{last.isoformat()}", WORKFLOW,
                              Act("hear", form=NoteOutage(start, end, ran_out)), "calendars"))
    for case in dict.fromkeys(x.case for x in ran_out):
        await door.handle(Command(f"outage/{last.isoformat()}/{case}", WORKFLOW, Act("look"), case))


async def _ran_out(pool: asyncpg.Pool, door: Door, start: datetime, end: datetime) -> tuple[RanOut, ...]:
    """Under the calendar as it was, in order: cases as stored, since reading them lets their clocks act."""
    rows = await pool.fetch(
        "select id, state from case_head where ended = '' and next_at > $1 and next_at <= $2", start, end)
    out = []
    for r in rows:
        reading = await door.read(r["id"], WORKFLOW)
        assert not isinstance(reading, Refusal)
        state = codec.state_of(r["state"])
        out += [RanOut(state.id, state.visit(m.visit).stage, m.at)
                for m in moments(reading.procedure, state, reading.context) if m.what == "clock" and start < m.at <= end]
    return tuple(sorted(out, key=lambda x: (x.due, x.case)))
