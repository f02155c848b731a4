"""A long log from a short one: the numbered cases of a county again and again, each with a chain of its own.

A clone holds what its original holds, as the real rules decided it; only the year in its number differs, and so every hash.
"""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import asyncpg

from store.codec import chained

EVENT = ("case_id", "version", "tag", "data", "at", "entered_at", "actor", "behind", "post", "rule", "command", "cause",
         "prev", "hash")
MADE = {"case_head": "id", "task": "case_id", "gate": "raiser"}         # table → where it names the case


async def multiply(pool: asyncpg.Pool, year: str, events: int) -> None:
    """Clone the cases numbered in that year until the log holds so many events."""
    log = await pool.fetch(f"select {', '.join(EVENT)} from event where position($1 in case_id) > 0 "
                           "order by case_id, version", f"{year}-")
    made = {table: await pool.fetch(f"select * from {table} where position($1 in {key}) > 0", f"{year}-")
            for table, key in MADE.items()}
    have = await pool.fetchval("select count(*) from event")
    series = sorted({r["id"].rpartition("-")[0] for r in made["case_head"]})
    for n in range(-(-(events - have) // len(log))):
        again = [(s, f"{s.removesuffix(year)}{n:04}") for s in series]          # 星申2026-001 → 星申0000-001
        heads: dict[str, bytes] = {}
        await _copy(pool, "event", [_chained(_renamed(r, again, ("case_id", "data")), heads) for r in log])
        for table, records in made.items():
            clones = [_renamed(r, again, tuple(r.keys())) for r in records]
            if table == "case_head":
                clones = [c | {"head": heads[c["id"]]} for c in clones]
            await _copy(pool, table, clones)
    await pool.execute("vacuum analyze")


def _renamed(row: asyncpg.Record, again: list[tuple[str, str]], columns: tuple[str, ...]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(v) for v in value]
        for old, new in again:
            if isinstance(value, str):
                value = value.replace(old, new)
            elif isinstance(value, bytes):
                value = value.replace(old.encode(), new.encode())
        return value
    return dict(row) | {c: one(row[c]) for c in columns}


def _chained(r: dict[str, Any], heads: dict[str, bytes]) -> dict[str, Any]:
    prev = heads.get(r["case_id"], b"")
    entry: Any = SimpleNamespace(event=SimpleNamespace(tag=r["tag"]), at=r["at"], by=r["actor"], behind=r["behind"],
                                 post=r["post"], rule=r["rule"])
    heads[r["case_id"]] = chained(prev, r["case_id"], r["version"], entry, r["data"], r["entered_at"], r["command"],
                                  r["cause"])
    return r | {"prev": prev, "hash": heads[r["case_id"]]}


async def _copy(pool: asyncpg.Pool, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        await pool.copy_records_to_table(table, records=[tuple(r.values()) for r in rows], columns=list(rows[0]))
