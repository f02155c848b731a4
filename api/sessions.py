"""登录. Server-side sessions: the cookie is an opaque id, the database holds its hash."""
from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from typing import Annotated

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from .problems import LockedOut, SignedOut

COOKIE = "juanzong"
TRIES_MAX, LOCK_MINUTES = 5, 15
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
HASHER = PasswordHasher()
MINUTE, USED_MAX = 60, 10_000


@dataclass(frozen=True)
class Session:
    person: str
    csrf: str
    id: bytes


async def start(pool: asyncpg.Pool, person: str, idle_minutes: int) -> str:
    """A new session; returns the cookie's value."""
    token = secrets.token_urlsafe(32)
    await pool.execute(
        "insert into session values ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4)",
        sha256(token.encode()).digest(), person, secrets.token_urlsafe(24), timedelta(minutes=idle_minutes))
    return token


async def find(pool: asyncpg.Pool, token: str, idle_minutes: int) -> Session | None:
    """The session of a cookie; its end moves on while it is used, at most once a minute."""
    row = await pool.fetchrow("select id, person, csrf, seen_at < clock_timestamp() - interval '1 minute' old "
                              "from session where id = $1 and ends_at > clock_timestamp()", sha256(token.encode()).digest())
    if row is None:
        return None
    if row["old"]:
        await pool.execute("update session set seen_at = clock_timestamp(), ends_at = clock_timestamp() + $2 where id = $1",
                           row["id"], timedelta(minutes=idle_minutes))
    return Session(row["person"], row["csrf"], row["id"])


async def current(request: Request) -> Session:
    token = request.cookies.get(COOKIE, "")
    state = request.app.state
    session = await find(state.pool, token, state.settings.session_idle_minutes) if token else None
    if session is None:
        raise SignedOut
    return session


Who = Annotated[Session, Depends(current)]


def claimed(request: Request) -> bytes:
    """The id of the session that the cookie names, for the door: it finds out who holds it in its own trip."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise SignedOut
    return sha256(token.encode()).digest()


Claimed = Annotated[bytes, Depends(claimed)]


async def used(pool: asyncpg.Pool, id: bytes, idle_minutes: int) -> None:
    """The end of a session that was just used moves on, at most once a minute."""
    now = monotonic()
    if now - _used.get(id, -MINUTE) < MINUTE:
        return
    if len(_used) >= USED_MAX:
        _used.clear()
    _used[id] = now
    await pool.execute("update session set seen_at = clock_timestamp(), ends_at = clock_timestamp() + $2 "
                       "where id = $1 and ends_at > clock_timestamp()", id, timedelta(minutes=idle_minutes))


_used: dict[bytes, float] = {}              # when this process last moved it


async def sign_out(pool: asyncpg.Pool, session: Session) -> None:
    await pool.execute("delete from session where id = $1", session.id)


async def sign_in(pool: asyncpg.Pool, login: str, password: str) -> str | None:
    """The person, or None. Raises LockedOut after too many wrong tries. A one-time code is good for one sign-in."""
    row = await pool.fetchrow(
        "select a.person, a.password, a.one_time, a.tries, greatest(0, ceil(extract(epoch from "
        "a.locked_until - clock_timestamp()) / 60))::int minutes from account a join vault_person v on v.id = a.person "
        "where v.login = $1", login)
    if row is None:
        await run_in_threadpool(_matches, DUMMY, password)
        return None
    if row["minutes"]:
        raise LockedOut(row["minutes"])
    for column in ("password", "one_time"):
        if row[column] and await run_in_threadpool(_matches, row[column], password):
            await pool.execute("update account set tries = 0, locked_until = null, one_time = "
                               "case when $2 then null else one_time end where person = $1",
                               row["person"], column == "one_time")
            return row["person"]
    await pool.execute("update account set tries = tries + 1, locked_until = case when tries + 1 >= $2 then "
                       "clock_timestamp() + $3 end where person = $1", row["person"], TRIES_MAX,
                       timedelta(minutes=LOCK_MINUTES))
    return None


def _matches(stored: str, given: str) -> bool:
    try:
        return HASHER.verify(stored, given)
    except VerificationError:
        return False


DUMMY = HASHER.hash("没有这个人")


async def print_code(pool: asyncpg.Pool, login: str) -> str | None:
    """A one-time code for the office to hand over on paper; None where there is no such person."""
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(10))
    done = await pool.fetchval(
        "insert into account (person, one_time) select id, $2 from vault_person where login = $1 on conflict (person) "
        "do update set one_time = excluded.one_time, tries = 0, locked_until = null returning person",
        login, HASHER.hash(code))
    return code if done else None


async def set_password(pool: asyncpg.Pool, person: str, password: str) -> None:
    await pool.execute("insert into account (person, password) values ($1, $2) on conflict (person) do update set "
                       "password = excluded.password", person, await run_in_threadpool(HASHER.hash, password))
