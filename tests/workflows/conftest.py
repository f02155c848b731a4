"""A real Temporal server, and a worker over a county's database."""
from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client

from ops.stack import embedded_servers
from store.relay import relay
from tests.county import County
from worker import build_worker, knock


@pytest_asyncio.fixture(scope="session")
async def temporal_address() -> AsyncIterator[str]:
    async with embedded_servers(parts=("temporal",)) as stack:
        yield stack.temporal_address


class Driven(County):
    """A county whose workflows are real: `settle` waits until they have seen everything."""
    client: Client
    queue: str

    async def settle(self) -> None:
        quiet = 0
        for _ in range(600):
            left = await self.pool.fetchval(
                "select (select count(*) from outbox) + (select count(*) from case_head where ended = '' and driver <> '' "
                "and next_at <= county_now())")
            quiet = quiet + 1 if not left and not await self._owed() else 0
            if quiet >= 3:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the county does not come to rest")

    async def _owed(self) -> bool:
        for r in await self.pool.fetch("select id from case_head where ended = '' and driver <> ''"):
            if (await self.read(r["id"])).plan.duties:
                return True
        return False

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker and the relay, for as long as the block lasts."""
        stop = asyncio.Event()

        async def signal(driver: str, kind: str) -> None:
            await knock(self.client, driver, kind, self.queue)
        task = asyncio.create_task(relay(self.pool, signal, stop))
        try:
            async with build_worker(self.client, self.duties, self.queue):
                yield
        finally:
            stop.set()
            await task


@pytest_asyncio.fixture
async def driven(county: County, temporal_address: str) -> AsyncIterator[Driven]:
    """The county with a namespace-wide unique queue, so that tests do not meet each other's workflows."""
    d = Driven(county.pool, county.folder, county.url)
    d.client = await Client.connect(temporal_address, namespace="juanzong")
    d.queue = uuid.uuid4().hex
    yield d
    async for w in d.client.list_workflows(f"TaskQueue = '{d.queue}' and ExecutionStatus = 'Running'"):
        await d.client.get_workflow_handle(w.id).terminate()
