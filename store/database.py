"""The connection to PostgreSQL: a pool without hidden trips, and the numbered migrations."""
from __future__ import annotations

from pathlib import Path

import asyncpg

SQL = Path(__file__).parent / "sql"


class Quiet(asyncpg.Connection):
    """The pool's reset at release would be a third trip; nothing of ours leaves anything to reset."""

    def get_reset_query(self) -> str:
        return ""


async def open_pool(url: str, size: int = 10) -> asyncpg.Pool:
    """A pool for one process. Times are UTC on the wire and county time on pages."""
    return await asyncpg.create_pool(
        url, min_size=min(2, size), max_size=size, connection_class=Quiet, command_timeout=30,
        server_settings={"application_name": "juanzong", "jit": "off", "timezone": "Asia/Shanghai",
                         "search_path": "public"})


def migrations() -> list[tuple[int, str]]:
    """(number, SQL), in order."""
    return [(int(p.name[:3]), p.read_text("utf-8")) for p in sorted(SQL.glob("[0-9][0-9][0-9]_*.sql"))]


async def migrate(url: str) -> int:
    """Bring the schema to this program's version, one starter at a time; returns the version.

    A database that is newer than the program is refused with RuntimeError: an old program must not write to it.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_advisory_lock(7219)")
        await connection.execute("create table if not exists schema_version (version int primary key, at timestamptz)")
        have = await connection.fetchval("select coalesce(max(version), 0) from schema_version")
        known = migrations()
        if have > known[-1][0]:
            raise RuntimeError(f"数据库版本{have}比程序的{known[-1][0]}新，请升级程序。")
        for number, sql in known:
            if number > have:
                async with connection.transaction():
                    await connection.execute(sql)
                    await connection.execute("insert into schema_version values ($1, now())", number)
        return known[-1][0]
    finally:
        await connection.close()
