"""Shared: one PostgreSQL a test process, a fresh database a test that asks for one.

Everything is done as the application's own user, which owns nothing; only what tampers or stands outside asks for `owner`.
"""
from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest
import pytest_asyncio

from domain.kernel.calendar import COUNTY
from ops.load import load
from ops.stack import embedded_servers
from store.database import migrate, open_pool
from tests.county import County

_numbers = itertools.count(1)
START = datetime(2026, 2, 24, 9, tzinfo=COUNTY)


LONG = ("test_portal_rules", "test_kill", "test_world", "test_races")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes begin first, so that nothing waits for them at the end."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest_asyncio.fixture(scope="session")
async def server() -> AsyncIterator[str]:
    """The address of an embedded PostgreSQL of this test process."""
    async with embedded_servers() as stack:
        yield stack.database_url


@pytest_asyncio.fixture(scope="session")
async def loaded(server: str) -> str:
    """The name of a template database: migrated, the county of the demo loaded, the clock driven."""
    url = await _create(server, "loaded")
    await migrate(url, as_app(url), rehearsal=True)
    pool = await open_pool(url, 4)
    await pool.execute("update county_clock set driven = $1", START)
    await load(pool)
    await pool.close()
    return "loaded"


@pytest_asyncio.fixture
async def county(server: str, loaded: str, tmp_path) -> AsyncIterator[County]:
    """A county of its own: database, door, duties done in this process, people's acts."""
    name = f"t{next(_numbers)}"
    url = await _create(server, name, loaded)
    pool, owner = await open_pool(as_app(url), 12), await open_pool(url, 2)
    yield County(pool, tmp_path, as_app(url), owner=owner)
    await pool.close()
    await owner.close()
    await _drop(server, name)


def as_app(url: str) -> str:
    """The same database for the user as whom web and worker connect."""
    return re.sub("//.*@", "//juanzong_door:door@", url)


async def _create(server: str, name: str, template: str = "template1") -> str:
    connection = await asyncpg.connect(server)
    await connection.execute(f'create database "{name}" template "{template}"')
    await connection.close()
    return server.rsplit("/", 1)[0] + "/" + name


async def _drop(server: str, name: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(f'drop database "{name}" with (force)')
    await connection.close()
