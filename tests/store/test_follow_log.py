"""跟读. Readers of the log with commits out of order skip nothing."""
from __future__ import annotations

import asyncio
import itertools
from random import Random
from typing import Any

import asyncpg
import pytest

from domain.recognition.dossier import Describe
from store.follow_log import START, Cursor, events_after
from tests.county import County

WRITERS, EACH = 6, 25
_cases = itertools.count(1)


async def write(connection: Any, case: str) -> None:
    """One event; what it says is not looked at here."""
    await connection.execute(
        "insert into event (case_id, version, tag, data, at, entered_at, actor, command, prev, hash) "
        "values ($1, 1, 'case.case_resumed.v1', '{}', now(), now(), 'workflow', $1, '', '')", case)


async def by_seq(pool: asyncpg.Pool, after: int) -> list[asyncpg.Record]:
    """How one would read who does not know: everything above the last number seen."""
    return await pool.fetch("select case_id, seq from event where seq > $1 order by seq", after)


async def end_of_log(pool: asyncpg.Pool) -> str:
    cursor = START
    while True:
        rows, cursor = await events_after(pool, cursor)
        if not rows:
            return cursor


async def test_an_event_that_is_written_first_and_committed_last_is_not_skipped(county: County):
    """The schedule by hand: the older one is held open while a younger one commits and is looked for."""
    start, newest = await end_of_log(county.pool), await county.pool.fetchval("select max(seq) from event")
    async with county.pool.acquire() as older, county.pool.acquire() as younger:
        held = older.transaction()
        await held.start()
        await write(older, "older")
        await write(younger, "younger")
        naive = await by_seq(county.pool, newest)
        first, cursor = await events_after(county.pool, start)
        await held.commit()
    naive_then = await by_seq(county.pool, naive[-1]["seq"])
    then, _ = await events_after(county.pool, cursor)
    assert [r["case_id"] for r in naive + naive_then] == ["younger"], "by seq alone the older one is lost for good"
    assert [r["case_id"] for r in first + then] == ["older", "younger"]


async def test_readers_of_the_log_with_commits_out_of_order_skip_nothing(county: County):
    """Many writers, each transaction held open as long as chance will, one that gives up now and then, two readers."""
    chance, pool = Random(7), county.pool
    start, newest = await end_of_log(pool), await pool.fetchval("select max(seq) from event")
    done, kept = asyncio.Event(), set[str]()

    async def writer() -> None:
        for _ in range(EACH):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                case = f"case{next(_cases)}"
                await write(connection, case)
                await connection.execute("select pg_sleep($1)", chance.random() * 0.03)
                if chance.random() < 0.1:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    kept.add(case)

    async def careful() -> list[str]:
        seen, cursor = [], start
        while True:
            over = done.is_set()
            rows, cursor = await events_after(pool, cursor, 7)
            seen += [r["case_id"] for r in rows]
            if over and not rows:
                return seen
            await asyncio.sleep(0.001)

    async def naive() -> list[str]:
        seen, at = [], newest
        while True:
            over = done.is_set()
            rows = await by_seq(pool, at)
            seen += [r["case_id"] for r in rows]
            at = rows[-1]["seq"] if rows else at
            if over and not rows:
                return seen
            await asyncio.sleep(0.001)
    readers = asyncio.gather(careful(), naive())
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    done.set()
    seen, skipping = await readers
    assert len(kept) > 100
    assert sorted(seen) == sorted(kept), "each exactly once"
    assert set(skipping) < kept, "this schedule is worth something: by seq alone some are lost"


async def test_pages_of_the_whole_log_are_its_events_in_order(county: County):
    """The door's own commits: each case's versions come in order, whatever the size of the page."""
    case = await county.application(await county.batch(), "PR003")
    await county.act(await county.holder("applicant@PR003"), case, "record", 1, form=Describe("竹编", "语文"))
    seen, cursor = [], START
    while True:
        rows, after = await events_after(county.pool, cursor, 97)
        if not rows:
            assert after == cursor
            break
        seen, cursor = seen + [(r["case_id"], r["version"]) for r in rows], after
    assert len(seen) == await county.pool.fetchval("select count(*) from event")
    for one in {c for c, _ in seen}:
        assert [v for c, v in seen if c == one] == list(range(1, sum(c == one for c, _ in seen) + 1))


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "-1.2", "1.2.3", "x.y", "١.1", f"{2**64}.1", f"1.{2**63}", "1" * 40 + ".1"])
def test_what_is_no_cursor_is_an_error(text: str):
    with pytest.raises(ValueError):         # noqa: PT011  the text itself is all there is to say
        Cursor.read(text)


async def test_the_query_uses_its_index(county: County):
    """One page of a long log costs a page, not the log."""
    async with county.owner.acquire() as connection:
        await connection.execute("analyze event")
        plan = await connection.fetch(
            "explain select seq from event where (xid, seq) > ('5'::xid8, 5) and xid < pg_snapshot_xmin(pg_current_snapshot()) "
            "order by xid, seq limit 5")
    assert "event_order" in plan[0][0] + plan[1][0]
