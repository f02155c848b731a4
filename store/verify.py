"""核验. Streams the log through a server cursor: chains, rows and states as their fold, tasks, gates, words, files.

Bounded in memory: a few hundred cases at a time. What could be anybody's work is judged by the log alone: no row that the
log makes is trusted for reading another.
"""
from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import yaml

from domain.kernel.calendar import COUNTY
from domain.kernel.case import Case
from domain.kernel.events import CaseOpened, Entry, Event
from domain.kernel.evolve import evolve
from domain.kernel.gates import shown
from domain.kernel.plan import plan
from domain.kernel.stages import WORKFLOW, Context, Procedure
from domain.procedures import PROCEDURES

from . import codec
from .door import Door, holders_of, leans_of, task_row
from .texts import REFERENCE_LENGTH, references_in

BATCH = 2000
CASES = 200
Heads = dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class Fault:
    """What is wrong, in which case, at which version. The last one has `case` None and the number of events read."""
    case: str | None
    version: int
    what: str = ""


async def verify(pool: asyncpg.Pool, files: Path | None = None, heads: Path | None = None,
                 procedures: Mapping[str, Procedure] = PROCEDURES) -> AsyncIterator[Fault]:
    """Every fault of the record; nothing is changed. Raises `heads.Damaged` for a file of signed heads that was changed."""
    door, signed = Door(pool, procedures), _signed(heads) if heads else {}
    with _seldom_collected():
        async for fault in _verify(pool, door, files, signed):
            yield fault


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """What is read here is let go of by itself: Python's collector would look through it again and again in vain."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _verify(pool: asyncpg.Pool, door: Door, files: Path | None, signed: Heads) -> AsyncIterator[Fault]:
    read = 0
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        known = {r["id"] for r in await connection.fetch("select id from case_head")}
        folds: list[_Fold] = []
        cursor = await connection.cursor(
            "select case_id, version, tag, data, at, entered_at, actor, behind, post, rule, command, cause, prev, hash "
            "from event order by case_id, version")
        while rows := await cursor.fetch(BATCH):
            read += len(rows)
            for r in rows:
                if not folds or folds[-1].id != r["case_id"]:
                    if len(folds) >= CASES:
                        async for f in _compare(door, connection, folds, known):
                            yield f
                        folds = []
                    folds.append(_Fold(r["case_id"], door.procedures, signed.pop(r["case_id"], None)))
                if what := folds[-1].take(r):
                    yield Fault(r["case_id"], r["version"], what)
        async for f in _compare(door, connection, folds, known):
            yield f
        for case in sorted(known):
            yield Fault(case, 0, "记录全部丢失")
        async for f in _not_of_a_case(connection):
            yield f
        async for f in _policies(connection, signed):
            yield f
        for case, (version, _) in signed.items():
            yield Fault(case, version, "签名存放过的案件不在记录里")
        async for f in _files(connection, files):
            yield f
    yield Fault(None, read)


class _Fold:
    """One case being read: its chain, its state, and what its events refer to."""

    def __init__(self, case_id: str, procedures: Mapping[str, Procedure], signed: tuple[int, bytes] | None) -> None:
        self.id, self.procedures, self.signed = case_id, procedures, signed
        self.version, self.hash, self.broken, self.at_seal = 0, b"", False, b""
        self.procedure: Procedure | None = None
        self.case: Case | None = None
        self.words: list[tuple[str, int]] = []          # reference, version
        self.files: list[tuple[str, int]] = []

    def take(self, r: asyncpg.Record) -> str:
        """The first thing that is wrong with this event, or ""."""
        _, version, tag, data, at, entered_at, actor, behind, post, rule, command, cause, prev, hash = r
        expected, self.version = self.version + 1, version
        before, self.hash = self.hash, hash
        if self.signed and version == self.signed[0]:
            self.at_seal = hash
        if self.broken:
            return ""
        if version != expected or prev != before:
            self.broken = True
            return f"缺第{expected}条" if version != expected else "与前一条接不上"
        try:
            entry = Entry(codec.event_of(tag, data), at.astimezone(COUNTY), actor, rule, post, behind)
        except (codec.UnknownTag, msgspec.DecodeError):
            self.broken = True
            return "内容不能识别"
        what = "内容与其校验值不符" if codec.chained(before, self.id, version, entry, data, entered_at, command,
                                            cause) != hash else self._folded(entry)
        self.broken = bool(what)
        if not what:
            self._refers_to(entry.event, data)
        return what

    def _folded(self, entry: Entry) -> str:
        event, first = entry.event, self.version == 1
        if isinstance(event, CaseOpened) != first or (first and event.id != self.id):
            return "不是从立案开始"
        if first:
            self.procedure = self.procedures.get(event.kind)
            self.case = Case(facts=self.procedure.facts()) if self.procedure else None
        try:
            self.case = evolve(self.case, entry) if self.case else None
        except Exception:                   # a chain that somebody made anew may hold what our own code never wrote
            return "不能接着前面的记录"
        return ""

    def _refers_to(self, event: Event, data: bytes) -> None:
        if len(data) > REFERENCE_LENGTH:
            self.words += [(ref, self.version) for ref in references_in(data)]
        files = getattr(event, "files", ()) or getattr(event, "file", "")
        if files:
            self.files += [(h, self.version) for h in ((files,) if isinstance(files, str) else files)]


async def _compare(door: Door, connection: asyncpg.Connection, folds: list[_Fold], known: set[str]) -> AsyncIterator[Fault]:
    """What was made from the log of these cases, against their fold."""
    ids = [f.id for f in folds]
    heads = {r["id"]: r for r in await connection.fetch("select * from case_head where id = any($1)", ids)}
    parents = {r["id"]: r["state"] for r in await connection.fetch(
        "select id, state from case_head where id = any($1)", list({f.case.parent for f in folds if f.case}))}
    tasks = _by_case(await connection.fetch("select case_id, key, visit, stage, line, seat, holder, pool from task "
                                            "where case_id = any($1)", ids))
    gates = _by_case(await connection.fetch("select raiser, name, value from gate where raiser = any($1)", ids))
    read: dict[str, Case | None] = {}
    for fold in folds:
        known.discard(fold.id)
        row = heads.get(fold.id)
        if fold.signed and fold.at_seal != fold.signed[1]:
            yield Fault(fold.id, fold.signed[0], "与签名存放的案卷头不符：记录被去掉或改过")
        if row is None:
            yield Fault(fold.id, fold.version, "没有案卷头")
            continue
        if (row["version"], row["head"]) != (fold.version, fold.hash):
            yield Fault(fold.id, fold.version, f"案卷头是第{row['version']}条，记录到第{fold.version}条")
        if fold.broken or fold.case is None or fold.procedure is None:
            continue
        for what in await _made(door, connection, fold.procedure, fold.case, row, tasks.get(fold.id, []),
                                gates.get(fold.id, [])):
            yield Fault(fold.id, fold.version, what)
        parent = fold.case.parent
        if parent in parents and fold.procedure.tells and not fold.procedure.many:
            read.setdefault(parent, _state(parents[parent]))
            above = read[parent]
            if above is not None and not above.ended and above.children.get(fold.id) != fold.procedure.tells(fold.case):
                yield Fault(fold.id, fold.version, "所属案件知道的与本案不符")
    async for f in _referred_to(connection, folds):
        yield f


async def _made(door: Door, connection: asyncpg.Connection, procedure: Procedure, case: Case, row: asyncpg.Record,
                tasks: list[tuple[Any, ...]], gates: list[tuple[Any, ...]]) -> list[str]:
    """What is wrong with the rows of one case. Due days are left out: they follow gates and calendar, not the log alone."""
    try:
        policy = await door.policy_of(connection, procedure, case.policy)
    except (LookupError, ValueError, TypeError, yaml.YAMLError):
        return ["政策文件不能读"]
    now = plan(procedure, case, context := Context(case.opened_at, WORKFLOW, policy=policy))
    out = []
    if row["state"] != codec.state_bytes(case):
        out.append("存放的状态不是记录推出的状态")
    if [row[k] for k in ("kind", "subject", "parent", "policy", "stages", "ended", "opened_at", "leans", "driver")] != [
            case.kind, case.subject, case.parent, case.policy, [v.stage for v in case.open], case.ended, case.opened_at,
            leans_of(procedure, case), door.driver_of(case)] or not holders_of(procedure, case, now, context) <= {
            *row["holders"]}:
        out.append("案卷头的内容与案件不符")
    if tasks != sorted(task_row(case.id, t)[:8] for t in now.tasks):
        out.append("待办与案件不符")
    if sorted(gates) != sorted((case.id, g, codec.value_bytes(v)) for g, v in shown(procedure, case).items()):
        out.append("对其他案件显示的与案件不符")
    return out


def _by_case(rows: list[asyncpg.Record]) -> dict[str, list[tuple[Any, ...]]]:
    out: dict[str, list[tuple[Any, ...]]] = {}
    for r in rows:
        out.setdefault(r[0], []).append(tuple(r))
    return {case: sorted(of) for case, of in out.items()}


def _state(data: bytes) -> Case | None:
    """None where it cannot be read: that is named at the case itself."""
    try:
        return codec.state_of(data)
    except (codec.UnknownTag, msgspec.DecodeError):
        return None


async def _referred_to(connection: asyncpg.Connection, folds: list[_Fold]) -> AsyncIterator[Fault]:
    """The words and files that facts refer to. Erased words are no fault (G-28), others or none are."""
    wrong = {r["ref"]: "文字被改过" if r["id"] else "文字不在" for r in await connection.fetch(
        "select ref, t.id from unnest($1::text[]) ref left join text_body t on t.id = split_part(ref, '.', 1) "
        "where t.id is null or (t.body is null) <> (t.erased_at is not null) "
        "or encode(sha256(t.salt || convert_to(t.body, 'UTF8')), 'hex') <> split_part(ref, '.', 2)",
        list({ref for fold in folds for ref, _ in fold.words}))}
    there = {r["hash"] for r in await connection.fetch(
        "select hash from file where hash = any($1)", list({h for fold in folds for h, _ in fold.files}))}
    for fold in folds:
        for ref, version in fold.words:
            if ref in wrong:
                yield Fault(fold.id, version, wrong[ref])
        for digest, version in fold.files:
            if digest not in there:
                yield Fault(fold.id, version, "佐证没有登记")


async def _not_of_a_case(connection: asyncpg.Connection) -> AsyncIterator[Fault]:
    """A gate or a task that no case made."""
    for r in await connection.fetch(
            "select x.id, min(x.what) what from (select raiser id, '显示给其他案件的没有来处' what from gate "
            "union all select case_id, '待办没有案件' from task) x "
            "where not exists (select 1 from case_head k where k.id = x.id) "
            "and not exists (select 1 from event e where e.case_id = x.id) group by x.id order by x.id"):
        yield Fault(r["id"], 0, r["what"])


async def _policies(connection: asyncpg.Connection, signed: Heads) -> AsyncIterator[Fault]:
    """The rules themselves, where they were signed once."""
    for r in await connection.fetch("select 'policy:' || id id, sha256(body) hash from policy"):
        if (head := signed.pop(r["id"], None)) and head[1] != r["hash"]:
            yield Fault(r["id"], head[0], "政策文件与签名存放时的不同")


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


def _signed(path: Path) -> Heads:
    """The newest signed head of each case (see `store.heads`)."""
    from .heads import read_heads
    return read_heads(path)
