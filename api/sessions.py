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


@dataclass(frozen=True)
class Entered:
    """Who signed in. `by_code`: has no password now and should set one."""
    person: str
    by_code: bool


async def sign_in(pool: asyncpg.Pool, login: str, password: str) -> Entered | None:
    """Who that is, or None. Raises LockedOut after too many wrong tries.

    A one-time code is good for one sign-in; it ends the password so far and whatever was signed in with it.
    """
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
            by_code = column == "one_time"
            await pool.execute("update account set tries = 0, locked_until = null, one_time = case when $2 then null else "
                               "one_time end, password = case when $2 then null else password end where person = $1",
                               row["person"], by_code)
            if by_code:
                await pool.execute("delete from session where person = $1", row["person"])
            return Entered(row["person"], by_code)
    await _wrong(pool, row["person"])
    return None


async def _wrong(pool: asyncpg.Pool, person: str) -> None:
    """One more wrong try; the last one locks."""
    await pool.execute("update account set tries = tries + 1, locked_until = case when tries + 1 >= $2 then "
                       "clock_timestamp() + $3 end where person = $1", person, TRIES_MAX, timedelta(minutes=LOCK_MINUTES))


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


async def has_password(pool: asyncpg.Pool, person: str) -> bool:
    """Not before the first one is set, and not after a sign-in with a one-time code."""
    return bool(await pool.fetchval("select password is not null from account where person = $1", person))


async def set_password(pool: asyncpg.Pool, session: Session, old: str, password: str) -> bool:
    """A new password; False where `old` is not the one so far. Whoever has none needs no old one.

    A wrong old one counts like a wrong sign-in (raises LockedOut). The person's other sessions end.
    """
    row = await pool.fetchrow("select password, greatest(0, ceil(extract(epoch from locked_until - clock_timestamp()) / 60))"
                              "::int minutes from account where person = $1", session.person)
    if row and row["minutes"]:
        raise LockedOut(row["minutes"])
    if row and row["password"] and not await run_in_threadpool(_matches, row["password"], old):
        await _wrong(pool, session.person)
        return False
    hashed = await run_in_threadpool(HASHER.hash, password)
    await pool.execute("insert into account (person, password) values ($1, $2) on conflict (person) do update set "
                       "password = excluded.password, tries = 0, one_time = null", session.person, hashed)
    await pool.execute("delete from session where person = $1 and id <> $2", session.person, session.id)
    return True
