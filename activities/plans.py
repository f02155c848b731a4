"""The plan of a case as its workflow reads it; the reading takes the outbox rows with it, in one statement."""
from __future__ import annotations

from domain.kernel.calendar import COUNTY
from domain.kernel.follow import Decision
from domain.kernel.plan import plan
from domain.kernel.stages import WORKFLOW, Context, Gates
from store import codec
from store.door import Door
from workflows.case_workflow import Owed, PlanView


async def read_plan(door: Door, case: str, driver: str) -> PlanView:
    """A case that the log does not know counts as closed.

    `wait` is 0 where clocks have run out, or something follows from a gate that moved, if only other due days: then tick.
    """
    async with door.pool.acquire() as connection:
        r = await connection.fetchrow("select * from read_plan_v1($1, $2)", case, driver)
        if r["state"] is None:
            return PlanView(closed=True)
        state = codec.state_of(r["state"])
        if state.ended:
            return PlanView(closed=True, version=state.version)
        calendar = await door.calendar_of(connection, await connection.fetchval(
            "select version from case_head where id = 'calendars'") or 0)
        policy = await door.policy_of(connection, door.procedures[r["kind"]], r["policy"])
    now = r["now"].astimezone(COUNTY)
    gates = Gates({(n, w): codec.value_of(v) for n, w, v in
                   zip(r["gates"] or (), r["raisers"] or (), r["vals"] or (), strict=True) if v is not None})
    context = Context(now, WORKFLOW, policy=policy, calendar=calendar, gates=gates)
    procedure = door.procedures[r["kind"]]
    ahead = Decision(procedure, state, context)
    ahead.take_calendar(False)
    ahead.run_clocks()
    ahead.follow(now)
    p = plan(procedure, state, context)
    if ahead.entries or p.next_at != r["next_at"]:
        wait: float | None = 0
    else:
        wait = None if p.next_at is None else max(0.05, (p.next_at - now).total_seconds())
    return PlanView(False, state.version, r["epoch"], wait, [v.stage for v in state.open],
                    [Owed(d.visit, d.stage, d.duty, d.nth) for d in p.duties])
