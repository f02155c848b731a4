"""重做. Read models again from the log; workflows again from the log."""
from __future__ import annotations

import asyncpg

from domain.kernel.calendar import COUNTY
from domain.kernel.case import Case, Entry, evolve
from domain.kernel.gates import shown
from domain.kernel.plan import plan
from domain.kernel.stages import WORKFLOW, Context

from . import codec
from .door import Door, task_row


async def rebuild(pool: asyncpg.Pool) -> int:
    """Fold every case again and write state, tasks and gates as they follow from it; returns the number of cases."""
    door = Door(pool)
    async with pool.acquire() as connection:
        ids = await connection.fetch("select id, kind, policy from case_head order by id")
        calendars = await connection.fetchval("select version from case_head where id = 'calendars'") or 0
        for row in ids:
            async with connection.transaction():
                await connection.execute("select 1 from case_head where id = $1 for no key update", row["id"])
                procedure = door.procedures[row["kind"]]
                case = Case(facts=procedure.facts())
                for r in await connection.fetch("select tag, data, at, actor, rule, post, behind from event "
                                                "where case_id = $1 order by version", row["id"]):
                    case = evolve(case, Entry(codec.event_of(r["tag"], r["data"]), r["at"].astimezone(COUNTY), r["actor"],
                                              r["rule"], r["post"], r["behind"]))
                context = Context((await connection.fetchval("select county_now()")).astimezone(COUNTY), WORKFLOW,
                                  policy=await door.policy_of(connection, procedure, row["policy"]),
                                  calendar=await door.calendar_of(connection, calendars))
                p = plan(procedure, case, context)
                await connection.execute(
                    "update case_head set state = $2, stages = $3, ended = $4, next_at = $5, leans = $6 where id = $1",
                    case.id, codec.state_bytes(case), [v.stage for v in case.open], case.ended, p.next_at,
                    [] if case.ended else list(procedure.leans(case)))
                await connection.execute("delete from task where case_id = $1", case.id)
                await connection.executemany(
                    "insert into task values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,county_now())",
                    [task_row(case.id, t) for t in p.tasks])
                await connection.execute("delete from gate where raiser = $1", case.id)
                await connection.executemany(
                    "insert into gate values ($1, $2, $3)",
                    [(g, case.id, codec.value_bytes(v)) for g, v in shown(procedure, case).items()])
        return len(ids)


async def raise_epoch(pool: asyncpg.Pool) -> int:
    """After Temporal was lost: old workers' commands are stale for good, every open case is knocked, hence started."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("update gate_head set version = version + 1 where name = 'epoch'")
        done = await connection.execute("insert into outbox (driver, case_id) select driver, id from case_head "
                                        "where ended = '' and driver <> ''")
        return int(done.rsplit(" ", 1)[-1])
