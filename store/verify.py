"""核验. Streams the log through a server cursor: chains, states as their fold, read models as the plan, gates, files.

Bounded in memory: one case at a time.
"""
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from domain.kernel.calendar import COUNTY
from domain.kernel.case import Case, Entry, evolve
from domain.kernel.gates import shown
from domain.kernel.plan import plan
from domain.kernel.stages import WORKFLOW, Context, Procedure
from domain.procedures import PROCEDURES

from . import codec
from .door import Door, task_row

BATCH = 2000


@dataclass(frozen=True)
class Fault:
    """What is wrong, in which case, at which version. The last one has `case` None and the number of events read."""
    case: str | None
    version: int
    what: str = ""


async def verify(pool: asyncpg.Pool, files: Path | None = None, heads: Path | None = None,
                 procedures: Mapping[str, Procedure] = PROCEDURES) -> AsyncIterator[Fault]:
    """Every fault of the record; nothing is changed."""
    door = Door(pool, procedures)
    read = 0
    signed = _signed(heads) if heads else {}
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch("select id, kind, version, head, parent from case_head")
        known = {r["id"]: r for r in rows}
        current: _Fold | None = None
        async for r in connection.cursor(
                "select case_id, version, tag, data, at, entered_at, actor, behind, post, rule, command, cause, prev, hash "
                "from event order by case_id, version", prefetch=BATCH):
            read += 1
            if current is None or current.id != r["case_id"]:
                if current is not None:
                    async for f in _finish(door, connection, current, known, signed):
                        yield f
                current = _Fold(r["case_id"], door, known.get(r["case_id"]))
            if (what := current.take(r)):
                yield Fault(r["case_id"], r["version"], what)
        if current is not None:
            async for f in _finish(door, connection, current, known, signed):
                yield f
        for case in known:
            yield Fault(case, 0, "记录全部丢失")
        for case, (version, _) in signed.items():
            yield Fault(case, version, "签名存放过的案件不在记录里")
        async for f in _files(connection, files):
            yield f
    yield Fault(None, read)


class _Fold:
    """One case being read: its chain and its state."""

    def __init__(self, case_id: str, door: Door, row: asyncpg.Record | None) -> None:
        self.id, self.version, self.hash, self.broken = case_id, 0, b"", False
        self.heads: dict[int, bytes] = {}
        procedure = door.procedures.get(row["kind"]) if row else None
        self.procedure = procedure
        self.case = Case(facts=procedure.facts()) if procedure else None

    def take(self, r: asyncpg.Record) -> str:
        """The first thing that is wrong with this event, or ""."""
        expected, self.version = self.version + 1, r["version"]
        before, self.hash = self.hash, r["hash"]
        if self.broken:
            return ""
        what = ""
        if r["version"] != expected:
            what = f"缺第{expected}条"
        elif r["prev"] != before:
            what = "与前一条接不上"
        else:
            try:
                event = codec.event_of(r["tag"], r["data"])
            except (codec.UnknownTag, msgspec.DecodeError, msgspec.ValidationError):
                event, what = None, "内容不能识别"
            if event is not None:
                entry = Entry(event, r["at"].astimezone(COUNTY), r["actor"], r["rule"], r["post"], r["behind"])
                made = codec.chained(before, self.id, r["version"], entry, r["data"], r["entered_at"], r["command"],
                                     r["cause"])
                if made != r["hash"]:
                    what = "内容与其校验值不符"
                elif self.case is not None:
                    self.case = evolve(self.case, entry)
        self.broken = bool(what)
        return what


async def _finish(door: Door, connection: asyncpg.Connection, fold: _Fold, known: dict[str, Any],
                  signed: dict[str, tuple[int, bytes]]) -> AsyncIterator[Fault]:
    """The end of a case: its row, its state, what others read of it."""
    row = known.pop(fold.id, None)
    if row is None:
        yield Fault(fold.id, fold.version, "没有案卷头")
        return
    if (row["version"], row["head"]) != (fold.version, fold.hash):
        yield Fault(fold.id, fold.version, f"案卷头是第{row['version']}条，记录到第{fold.version}条")
    version, head = signed.pop(fold.id, (0, b""))
    if version > fold.version or (version == fold.version and head and head != fold.hash):
        yield Fault(fold.id, version, "与签名存放的案卷头不符：最新的记录被去掉或改过")
    if fold.broken or fold.case is None or fold.procedure is None:
        return
    stored = await connection.fetchrow("select state, leans, stages, ended, policy from case_head where id = $1", fold.id)
    if stored["state"] != codec.state_bytes(fold.case):
        yield Fault(fold.id, fold.version, "存放的状态不是记录推出的状态")
        return
    async for f in _read_models(door, connection, fold, stored):
        yield f


async def _read_models(door: Door, connection: asyncpg.Connection, fold: _Fold, stored: asyncpg.Record,
                       ) -> AsyncIterator[Fault]:
    calendars = await connection.fetchval("select version from case_head where id = 'calendars'") or 0
    context = Context((await connection.fetchval("select county_now()")).astimezone(COUNTY), WORKFLOW,
                      policy=await door.policy_of(connection, fold.procedure, stored["policy"]),
                      calendar=await door.calendar_of(connection, calendars))
    case, procedure = fold.case, fold.procedure
    assert case
    assert procedure
    wanted = {t.key: task_row(case.id, t)[:7] for t in plan(procedure, case, context).tasks}
    have = {r["key"]: tuple(r)[:7] for r in await connection.fetch(
        "select case_id, key, visit, stage, line, seat, holder from task where case_id = $1", case.id)}
    if wanted != have:
        yield Fault(case.id, fold.version, "待办与案件不符")
    gates = {r["name"]: codec.value_of(r["value"]) for r in await connection.fetch(
        "select name, value from gate where raiser = $1", case.id)}
    shows = {k: codec.value_of(codec.value_bytes(v)) for k, v in shown(procedure, case).items()}
    if gates != shows:
        yield Fault(case.id, fold.version, "对其他案件显示的与案件不符")
    if case.parent and procedure.tells:
        parent = await connection.fetchval("select state from case_head where id = $1", case.parent)
        if parent is not None and codec.state_of(parent).children.get(case.id) != procedure.tells(case):
            yield Fault(case.id, fold.version, "所属案件知道的与本案不符")


async def _files(connection: asyncpg.Connection, folder: Path | None) -> AsyncIterator[Fault]:
    if folder is None:
        return
    async for r in connection.cursor("select hash from file"):
        path = folder / r["hash"][:2] / r["hash"]
        digest = sha256()
        if not path.exists():
            yield Fault(r["hash"], 0, "佐证文件不在")
            continue
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest() != r["hash"]:
            yield Fault(r["hash"], 0, "佐证文件被改过")


def _signed(path: Path) -> dict[str, tuple[int, bytes]]:
    """The newest signed head of each case (see `store.heads`)."""
    from .heads import read_heads
    return read_heads(path)
