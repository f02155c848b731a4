"""新的利害关系. What a change in somebody's register means for the cases in which they sit or have judged (G-20, G-21).

A reader of the log: each change of a person is looked at once, and each tie that it shows becomes an act of the system in
the case that it touches. Interrupted, it goes on from the last change it finished; found twice is recused once.
"""
from __future__ import annotations

import asyncpg

from domain.kernel.acts import Act
from domain.kernel.may import judging
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.kernel.values import Text
from domain.registers.person import PersonEntered, PostGiven, RelationEntered
from store.door import Command, Door
from store.follow_log import START, events_after

READER = "ties"
TAGS = frozenset(e.tag for e in (PersonEntered, PostGiven, RelationEntered))
FOUND = Text("登记的任职或亲属关系显示，本人与申报单位有利害关系。")


async def find_ties(pool: asyncpg.Pool, door: Door) -> int:
    """Read on in the log; returns how many events were read."""
    cursor = await pool.fetchval("select cursor from reader where name = $1", READER) or START
    rows, after = await events_after(pool, cursor)
    for r in rows:
        if r["tag"] in TAGS:
            for who in [r["case_id"], *await _near(pool, r["case_id"])]:
                await _recuse(pool, door, who, f"{r['case_id']}/{r['version']}")
    if after != cursor:
        await pool.execute("insert into reader values ($1, $2) on conflict (name) do update set cursor = excluded.cursor",
                           READER, after)
    return len(rows)


async def _near(pool: asyncpg.Pool, who: str) -> list[str]:
    rows = await pool.fetch("select raiser other from gate where name = 'near:' || $1::text "
                            "union select substr(name, 6) from gate where raiser = $1 and name like 'near:%'", who)
    return [r["other"] for r in rows]


async def _recuse(pool: asyncpg.Pool, door: Door, who: str, change: str) -> None:
    """In every open case about an organisation to which this person is tied by now, and in which they sit or have acted."""
    ties = (await door.who(who)).ties
    for case in await pool.fetch(
            "select id from case_head k where subject = any($2) and ended = '' and (holders && array['person@' || $1::text] "
            "or exists (select 1 from event e where e.actor = $1 and e.actor <> 'system' and e.case_id = k.id))",
            who, sorted(ties)):
        if await _sits(door, case["id"], who):
            await door.handle(Command(f"{case['id']}/found/{who}/{change}", WORKFLOW, Act("recuse", to=who, opinion=FOUND),
                                      case["id"]))


async def _sits(door: Door, case: str, who: str) -> bool:
    """On the judging side; the school's own people are no judges there."""
    reading = await door.read(case, WORKFLOW)
    if isinstance(reading, Refusal) or who in reading.case.recused:
        return False
    procedure, now = reading.procedure, reading.case
    outside = judging(procedure, now, reading.context.policy)
    seats = {x for v in now.open if v.stage in outside for s in v.seats for x in (s.holder.id, s.claimed_by)}
    lists = {x for r in now.rosters.values() for x in (*r.members, *r.reserve)}
    judged = {x for stage, _, a in now.acts() if stage in outside for x in (a.by, a.behind)}
    return who in seats | lists | judged
