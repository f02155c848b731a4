"""The connection to PostgreSQL: a pool without hidden trips, and the numbered migrations."""
from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

SQL = Path(__file__).parent / "sql"
APP = "juanzong_app"
"""The group whose members may do what the application does (`sql/grants.sql`); nobody logs in as it."""


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


async def migrate(url: str, app: str | None = None, rehearsal: bool = False) -> int:
    """Bring the schema to this program's version, one starter at a time; returns the version.

    Where there is a record already, what is made from it is of the version before: `rebuild` has to follow (`outdated`).

    `url` is the owner's. The user of `app`, the address with which web and worker connect, becomes a login of the group APP,
    whose rights are granted anew each time; only in a rehearsal may it move the county's clock. A database that is newer
    than the program is refused with RuntimeError: an old program must not write to it. So is an owner who may not make
    roles where somebody else has not made them.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_advisory_lock(7219)")
        await connection.execute("create table if not exists schema_version (version int primary key, at timestamptz)")
        await connection.execute("alter table schema_version add column if not exists rebuilt boolean not null default true")
        have = {r["version"] for r in await connection.fetch("select version from schema_version")}
        known = migrations()
        if max(have, default=0) > known[-1][0]:
            raise RuntimeError(f"数据库版本{max(have)}比程序的{known[-1][0]}新，请升级程序。")
        await _group(connection)
        for number, sql in known:
            if number not in have:
                async with connection.transaction():
                    await connection.execute(sql)
                    await connection.execute(
                        "insert into schema_version select $1, now(), not exists (select from event)", number)
        async with connection.transaction():
            for each in ("functions.sql", "grants.sql"):
                await connection.execute((SQL / each).read_text("utf-8"))
            if rehearsal:
                await connection.execute(f"grant update on county_clock to {APP}")
        if app:
            await _let_in(connection, app)
        return known[-1][0]
    finally:
        await connection.close()


async def outdated(connection: asyncpg.Connection | asyncpg.Pool) -> bool:
    """Whether the schema moved under a record and `rebuild` has not followed yet."""
    return await connection.fetchval("select exists (select from schema_version where not rebuilt)")


async def _group(connection: asyncpg.Connection) -> None:
    """Roles belong to the whole cluster: another of its databases may have made it, or be making it now."""
    try:
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", APP):
            await connection.execute(f"create role {APP} nologin")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass
    except asyncpg.InsufficientPrivilegeError:
        raise RuntimeError(f"当前数据库用户无权建立角色。请由数据库管理员执行 create role {APP} nologin; "
                           "再运行一次。") from None


async def _let_in(connection: asyncpg.Connection, app: str) -> None:
    """The user of that address can log in with its password and is of the group; the owner or a superuser is left alone."""
    parts = urlsplit(app)
    name, password = (unquote(x) if x else None for x in (parts.username, parts.password))
    known = await connection.fetchrow("select rolsuper, pg_has_role(rolname, $2, 'member') inside from pg_roles "
                                      "where rolname = $1", name, APP)
    if not name or name == await connection.fetchval("select current_user") or (known and known["rolsuper"]):
        return
    try:
        await connection.execute(await connection.fetchval(
            f"select format('{'alter' if known else 'create'} role %I with login' || "
            "case when $2::text is null then '' else ' password %L' end, $1::text, $2::text)", name, password))
        await connection.execute(await connection.fetchval(f"select format('grant {APP} to %I', $1::text)", name))
    except asyncpg.InsufficientPrivilegeError:
        if not (known and known["inside"]):         # made by somebody who may: then there is nothing left to do
            raise RuntimeError(f"当前数据库用户无权建立用户{name}。请由数据库管理员建立它，并执行 "
                               f"grant {APP} to {name}; 再运行一次。") from None
