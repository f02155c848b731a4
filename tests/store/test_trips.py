"""Trips that are shared: who comes alone goes at once, who is bad fails alone, and nobody is forgotten."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg
import pytest

from domain.kernel.acts import Act
from domain.kernel.stages import WORKFLOW
from domain.registers.person import GivePost
from store import trips as module
from store.door import Command, Door, Receipt
from store.trips import LANES, MOST, Trips
from store.verify import verify
from tests.county import County


class Ferry:
    """Doubles numbers; each trip takes until somebody lets it land."""

    def __init__(self) -> None:
        self.trips: list[list[int]] = []
        self.land = asyncio.Event()

    async def carry(self, calls: Sequence[int]) -> list[int]:
        self.trips.append(list(calls))
        await self.land.wait()
        if any(c < 0 for c in calls):
            raise asyncpg.PostgresError("negative")
        return [2 * c for c in calls]


async def started(trips: Trips[int, int], *calls: int) -> list[asyncio.Task[int]]:
    tasks = []
    for call in calls:
        tasks.append(asyncio.create_task(trips.take(call)))
        for _ in range(3):
            await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_goes_at_once_and_the_others_together():
    ferry = Ferry()
    waiting = await started(Trips(ferry.carry), *range(6))
    assert ferry.trips == [[0]]
    ferry.land.set()
    assert await asyncio.gather(*waiting) == [0, 2, 4, 6, 8, 10]
    assert ferry.trips == [[0], [1, 2, 3, 4, 5]]


async def test_one_that_waits_for_a_lock_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch):
    ferry = Ferry()
    trips = Trips(ferry.carry)
    waiting = await started(trips, 0, 1)
    assert ferry.trips == [[0]]
    monkeypatch.setattr(module, "PATIENCE_SECONDS", -1.0)
    waiting += await started(trips, *range(2, LANES + 3))
    assert ferry.trips == [[0], [1, 2], *([n] for n in range(3, LANES + 1))], "so many beside each other, and no more"
    ferry.land.set()
    assert await asyncio.gather(*waiting) == [2 * n for n in range(LANES + 3)]


async def test_a_trip_has_its_most():
    ferry = Ferry()
    waiting = await started(Trips(ferry.carry), *range(1 + MOST + 1))
    ferry.land.set()
    await asyncio.gather(*waiting)
    assert [len(t) for t in ferry.trips] == [1, MOST, 1]


async def test_whom_the_database_refuses_fails_alone():
    ferry = Ferry()
    waiting = await started(Trips(ferry.carry), 0, 7, -1, 8)
    ferry.land.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers.pop(-2), asyncpg.PostgresError)
    assert answers == [0, 14, 16]


async def test_a_lost_database_is_told_to_all_and_the_next_trip_goes():
    class Lost(Ferry):
        async def carry(self, calls: Sequence[int]) -> list[int]:
            if await super().carry(calls) and 1 in calls:
                raise ConnectionResetError
            return [2 * c for c in calls]
    ferry = Lost()
    trips = Trips(ferry.carry)
    waiting = await started(trips, 0, 1, 2)
    ferry.land.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(a) for a in answers] == [int, ConnectionResetError, ConnectionResetError]
    assert await trips.take(3) == 6


async def test_who_goes_away_does_not_hold_up_the_others():
    ferry = Ferry()
    trips = Trips(ferry.carry)
    waiting = await started(trips, 0, 7, 8)
    waiting[0].cancel()
    waiting[1].cancel()
    ferry.land.set()
    assert await waiting[-1] == 16
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]


async def test_nobody_is_forgotten_however_they_come():
    """A lane that ends while the next one comes is no lane for that one."""
    async def carry(calls: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        return [2 * c for c in calls]
    trips = Trips(carry)

    async def many(n: int) -> int:
        return sum([await trips.take(k) for k in range(n)])
    assert await asyncio.wait_for(asyncio.gather(*(many(50) for _ in range(20))), 10) == [2450] * 20


class Process(Door):
    """The door of another process: what the database said of its commits."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.said: list[Exception] = []
        self.sizes: list[int] = []

    async def _commit_all(self, calls: Sequence[tuple[Any, ...]]) -> Sequence[str]:
        self.sizes.append(len(calls))
        try:
            return await super()._commit_all(calls)
        except asyncpg.PostgresError as error:
            self.said.append(error)
            raise


async def test_two_processes_that_write_the_same_cases_never_wait_for_each_other_in_a_circle(county: County):
    """Each shared commit takes its locks in the order of all: else one goes up the list while the other comes down."""
    people = [r["id"] for r in await county.pool.fetch("select id from case_head where kind = 'person' order by id limit 12")]
    doors = Process(county.pool), Process(county.pool)

    def given(n: int, door: int, person: str) -> Command:
        return Command(f"p/{n}/{door}/{person}", WORKFLOW, Act("hear", form=GivePost(f"kind{n}{door}", "SC1", date(2026, 1, 1))),
                       person)
    for n in range(12):
        answers = await asyncio.gather(*(doors[d].handle(given(n, d, p)) for d in (0, 1) for p in (people if d else people[::-1])))
        assert all(isinstance(a, Receipt) for a in answers)
    assert max(doors[0].sizes) > 4 < max(doors[1].sizes), "they did share"
    assert not doors[0].said + doors[1].said
    faults = [f async for f in verify(county.pool) if f.case]
    assert not faults
