"""重做. Every row that is made from the log, again from the log alone; workflows again from the log."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby

import asyncpg

from domain.kernel.calendar import COUNTY
from domain.kernel.case import Case
from domain.kernel.events import CaseOpened, Entry
from domain.kernel.evolve import evolve
from domain.kernel.gates import shown, turns
from domain.kernel.plan import plan
from domain.kernel.stages import WORKFLOW, Context, Gates, Procedure
from domain.procedures import PROCEDURES

from . import codec
from .door import Door, holders_of, leans_of, task_row


async def rebuild(pool: asyncpg.Pool, procedures: Mapping[str, Procedure] = PROCEDURES) -> int:
    """Fold every case again and write its row, gates and tasks as they follow from it; returns the number of cases.

    Twice through the cases: when something falls due may hang on the gates of another.
    """
    door = Door(pool, procedures)
    async with pool.acquire() as connection:
        ids = [r["case_id"] for r in await connection.fetch(
            "select distinct case_id, case_id <> 'calendars' from event order by 2, 1")]       # due days need the calendar
        waiting = []
        for id in ids:
            async with connection.transaction():
                if await _rows(door, connection, id):
                    waiting.append(id)
        await connection.execute("delete from gate g where not exists (select 1 from event e where e.case_id = g.raiser)")
        await connection.execute("delete from task t where not exists (select 1 from event e where e.case_id = t.case_id)")
        await connection.execute("delete from case_head k where not exists (select 1 from event e where e.case_id = k.id)")
        for id in waiting:
            async with connection.transaction():
                await _dues(door, connection, id)
        await connection.execute("update schema_version set rebuilt = true where not rebuilt")
        return len(ids)


async def _rows(door: Door, connection: asyncpg.Connection, id: str) -> bool:
    """Row, gates and tasks of one case; whether anything falls due in it.

    Commit by commit, since who held a task once may see the case for good (G-30).
    """
    await connection.execute("select 1 from case_head where id = $1 for no key update", id)
    rows = await connection.fetch("select tag, data, at, entered_at, actor, rule, post, behind, command, hash from event "
                                  "where case_id = $1 order by version", id)
    opened = codec.event_of(rows[0]["tag"], rows[0]["data"])
    assert isinstance(opened, CaseOpened), id
    procedure = door.procedures[opened.kind]
    context = Context(rows[0]["at"].astimezone(COUNTY), WORKFLOW,
                      policy=await door.policy_of(connection, procedure, opened.policy))
    case, holders, since, now = Case(facts=procedure.facts()), set[str](), dict[str, datetime](), None
    for _, commit in groupby(rows, lambda r: r["command"]):
        for r in commit:
            case = evolve(case, Entry(codec.event_of(r["tag"], r["data"]), r["at"].astimezone(COUNTY), r["actor"],
                                      r["rule"], r["post"], r["behind"]))
        now = plan(procedure, case, context)
        holders |= holders_of(procedure, case, now, context)
        since = {t.key: since.get(t.key, r["entered_at"]) for t in now.tasks}
    assert now
    await connection.execute(
        "insert into case_head (id, kind, subject, parent, policy, version, state, head, leans, holders, stages, ended, "
        "driver, opened_at, touched_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "on conflict (id) do update set kind = $2, subject = $3, parent = $4, policy = $5, version = $6, state = $7, "
        "head = $8, leans = $9, holders = $10, stages = $11, ended = $12, driver = $13, opened_at = $14, touched_at = $15, "
        "next_at = null",
        case.id, case.kind, case.subject, case.parent, case.policy, case.version, codec.state_bytes(case), r["hash"],
        leans_of(procedure, case), sorted(holders), [v.stage for v in case.open], case.ended, door.driver_of(case),
        case.opened_at, r["entered_at"])
    await connection.execute("delete from gate where raiser = $1", case.id)
    await connection.executemany("insert into gate values ($1, $2, $3)", [
        (gate, case.id, codec.value_bytes(value)) for gate, value in shown(procedure, case).items()])
    await connection.execute("delete from task where case_id = $1", case.id)
    await connection.executemany("insert into task values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", [
        (*task_row(case.id, t), since[t.key]) for t in now.tasks])
    return bool(now.tasks or now.next_at)


async def _dues(door: Door, connection: asyncpg.Connection, id: str) -> None:
    """When what falls due, with what other cases show and the calendar as published by now."""
    r = await connection.fetchrow("select state, leans, policy, county_now() now from case_head where id = $1 "
                                  "for no key update", id)
    case = codec.state_of(r["state"])
    procedure = door.procedures[case.kind]
    calendars = await connection.fetchval("select version from case_head where id = 'calendars'") or 0
    gates = await connection.fetch("select name, raiser, value from gate where name = any($1)", r["leans"])
    context = Context(r["now"].astimezone(COUNTY), WORKFLOW, policy=await door.policy_of(connection, procedure, r["policy"]),
                      calendar=await door.calendar_of(connection, calendars),
                      gates=Gates({(g["name"], g["raiser"]): codec.value_of(g["value"]) for g in gates}))
    now = plan(procedure, case, context)
    await connection.execute("update case_head set next_at = $2 where id = $1", id, now.next_at)
    await connection.executemany("update task set due = $3, provisional = $4 where case_id = $1 and key = $2", [
        (id, t.key, t.due, t.provisional) for t in now.tasks])
    await connection.executemany("update gate set turns_at = $3, next_value = $4 where raiser = $1 and name = $2", [
        (id, gate, at, codec.value_bytes(then)) for gate, (at, then) in turns(procedure, case, context).items()])


async def raise_epoch(pool: asyncpg.Pool) -> int:
    """After Temporal was lost: old workers' commands are stale for good, every open case is knocked, hence started."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('epoch', 0))")   # as a raising commit
        await connection.execute("update gate_head set version = version + 1 where name = 'epoch'")
        done = await connection.execute("insert into outbox (driver, case_id) select driver, id from case_head "
                                        "where ended = '' and driver <> ''")
        return int(done.rsplit(" ", 1)[-1])
