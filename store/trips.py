"""同行. One trip to the database for all who wait for one: while some are under way, the next gathers.

Who comes alone goes at once. The more there are at a time, the more go together, so that each costs less when it matters.
"""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

import asyncpg

A, B = TypeVar("A"), TypeVar("B")

MOST = 64
PATIENCE_SECONDS, LANES = 0.05, 4
"""A trip that takes longer waits for somebody else's lock: the next goes beside it, up to so many."""


class Trips(Generic[A, B]):
    """`carry` answers many calls in their order, all or none; whom it cannot carry with the others, it is given alone."""

    def __init__(self, carry: Callable[[Sequence[A]], Awaitable[Sequence[B]]]) -> None:
        self._carry = carry
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._under_way, self._began = 0, 0.0
        self._lanes: set[asyncio.Task[None]] = set()            # held: the loop itself would forget them

    async def take(self, call: A) -> B:
        """The answer to this call. Raises what its own trip raised."""
        if not self._under_way:
            self._under_way, self._began = 1, monotonic()
            try:
                return (await self._carry([call]))[0]
            finally:
                self._next()
        answer: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, answer))
        if self._under_way < LANES and monotonic() - self._began > PATIENCE_SECONDS:
            self._under_way += 1
            self._next()
        return await answer

    def _next(self) -> None:
        """Who gathered meanwhile goes in this one's place."""
        if self._waiting:
            self._began = monotonic()
            some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            lane = asyncio.create_task(self._go(some))
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        else:
            self._under_way -= 1

    async def _go(self, some: list[tuple[A, asyncio.Future[B]]]) -> None:
        try:
            await self._bring(some)
        finally:
            self._next()

    async def _bring(self, some: list[tuple[A, asyncio.Future[B]]]) -> None:
        try:
            answers = await self._carry([call for call, _ in some])
            assert len(answers) == len(some)
        except (asyncpg.PostgresError, asyncpg.DataError) as error:
            if len(some) == 1:
                _fail(some, error)
            else:                       # one of them is refused by the database itself: nothing of all was written
                for one in some:
                    await self._bring([one])
        except BaseException as error:
            _fail(some, error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, answer), value in zip(some, answers, strict=True):
                if not answer.done():
                    answer.set_result(value)


def _fail(some: list[tuple[A, asyncio.Future[B]]], error: BaseException) -> None:
    for _, answer in some:
        if not answer.done():
            answer.set_exception(error) if isinstance(error, Exception) else answer.cancel()
