"""Trips that are shared: who comes alone goes at once, who is bad fails alone, and nobody is forgotten."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from store import trips as module
from store.trips import LANES, MOST, Trips


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
