"""跟读. The whole log in one order for whoever keeps reading it: an outside archive, a read model that is built beside it.

A transaction takes its `seq` when it writes and shows its rows when it commits, so a reader that goes by `seq` passes over
whatever was still open. This one goes by (xid, seq), and no further than the oldest transaction that is still running.
"""
from __future__ import annotations

from dataclasses import dataclass

import asyncpg

START = "0.0"


@dataclass(frozen=True)
class Cursor:
    """The place after the last event that was read. A log that was restored from a copy counts anew: begin at START."""
    xid: int
    seq: int

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Raises ValueError for what is not a cursor."""
        xid, _, seq = text.partition(".")
        if not (xid.isascii() and xid.isdigit() and seq.isascii() and seq.isdigit()) or len(xid) > 20 or len(seq) > 19:
            raise ValueError(text)
        if int(xid) >= 2**64 or int(seq) >= 2**63:
            raise ValueError(text)
        return cls(int(xid), int(seq))

    def __str__(self) -> str:
        return f"{self.xid}.{self.seq}"


async def events_after(connection: asyncpg.Pool | asyncpg.Connection, cursor: str = START,
                       limit: int = 500) -> tuple[list[asyncpg.Record], str]:
    """The next events in the order of the log, without their words, and the cursor behind them; each comes exactly once.

    None are given while an older transaction runs, so an empty answer means "not yet". Raises ValueError for a bad cursor.
    """
    at = Cursor.read(cursor)
    rows = await connection.fetch(
        "select case_id, version, tag, at, entered_at, actor, behind, post, rule, command, cause, hash, "
        "xid::text written, seq from event "
        "where (xid, seq) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot()) "
        "order by xid, seq limit $3", str(at.xid), at.seq, limit)
    return rows, f"{rows[-1]['written']}.{rows[-1]['seq']}" if rows else cursor
