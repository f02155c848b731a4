"""个人信息库. Opening what is private of another person is itself recorded, and that person may see by whom (G-29)."""
from __future__ import annotations

from collections.abc import Iterable

import asyncpg

TIE = "查看申请回避的理由"


async def note_looks(pool: asyncpg.Pool, actor: str, case: str, people: Iterable[str], why: str) -> None:
    """`actor` is about to be shown something private of these people. Once a day of the county for each case and reason:
    a page that is opened again is no other look. Looking at what is one's own is none. Write it before showing it."""
    others = sorted({p for p in people if p != actor})
    if others:
        await pool.execute(
            "insert into vault_look (at, actor, person, case_id, why) select county_now(), $1, p, $2, $3 "
            "from unnest($4::text[]) p where not exists (select 1 from vault_look l "
            "where l.person = p and l.actor = $1 and l.case_id = $2 and l.why = $3 "
            "and (l.at at time zone 'Asia/Shanghai')::date = (county_now() at time zone 'Asia/Shanghai')::date)",
            actor, case, why, others)


async def looks_at(pool: asyncpg.Pool, person: str, before: int = 2**62, limit: int = 50) -> list[asyncpg.Record]:
    """Who looked at that person's data: id, at, actor, case_id, why; the newest first, `before` is the key of the page."""
    return await pool.fetch("select id, at, actor, case_id, why from vault_look where person = $1 and id < $2 "
                            "order by id desc limit $3", person, before, limit)
