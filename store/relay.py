"""转递. The outbox's other end: each driver that has rows is knocked; the row leaves when the plan is read."""
from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import asyncpg

POLL_SECONDS = 0.05
BUSY_SECONDS = 0.25                         # with many waiting, asking more often brings none of them forward
AGAIN_SECONDS = 3.0                         # a knock that led to no reading is repeated
AT_ONCE = 16


async def relay(pool: asyncpg.Pool, knock: Callable[[str, str], Awaitable[None]], stop: asyncio.Event) -> None:
    """Until `stop`: signal each driver (id, kind) that has changes, at least once; keeps nothing of its own."""
    told: dict[str, tuple[int, float]] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(driver: str, kind: str, newest: int) -> None:
        async with gate:
            await knock(driver, kind)
            told[driver] = (newest, time.monotonic())

    while not stop.is_set():
        rows = await pool.fetch(
            "select o.driver, max(o.id) newest, k.kind from outbox o join case_head k on k.id = o.driver "
            "group by o.driver, k.kind")
        waiting = {r["driver"] for r in rows}
        told = {d: t for d, t in told.items() if d in waiting}
        due = [r for r in rows if (t := told.get(r["driver"])) is None or t[0] < r["newest"]
               or time.monotonic() - t[1] > AGAIN_SECONDS]
        results = await asyncio.gather(*(one(r["driver"], r["kind"], r["newest"]) for r in due), return_exceptions=True)
        failed = any(isinstance(x, Exception) for x in results)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0 if failed else BUSY_SECONDS if len(rows) > AT_ONCE else POLL_SECONDS)
