"""The web application over a county's database, in this process, and people signed in to it."""
from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest_asyncio

from api.app import build
from ops.settings import Settings
from tests.county import County

Enter = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest_asyncio.fixture
async def enter(county: County) -> AsyncIterator[Enter]:
    """`await enter("P00009")` is a client signed in as that person; `enter("")` is the public."""
    settings = Settings(data_dir=county.folder, database_url=county.url, rehearsal=True, upload_bytes_max=1024**2)
    app = build(settings, county.pool)
    clients: list[httpx.AsyncClient] = []

    async def one(person: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                                   base_url="http://county.example")
        clients.append(client)
        if person:
            (await client.post("/api/rehearsal/switch", json={"person": person})).raise_for_status()
        return client
    yield one
    for client in clients:
        await client.aclose()
