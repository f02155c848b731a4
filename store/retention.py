"""保存期. What the record need not keep for ever."""
from __future__ import annotations

import asyncpg


async def forget(pool: asyncpg.Pool) -> int:
    """Drop the command ids of people that are older than 90 days by the county's clock (A-2); returns how many.

    Who repeats an act later than that is decided anew. A workflow's ids stay as long as the case; the log keeps every id
    in its envelope, and nothing but the door's own memory hangs on these rows.
    """
    await pool.execute("delete from sealed_vote v using case_head k where k.id = v.case_id "
                       "and (v.choice = '' or k.ended <> '')")     # emptied at the close, or never closed
    return await pool.fetchval("select forget_commands_v1()")
