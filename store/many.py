"""成批. Many commands of a workflow on many cases: one load, pure decisions, one commit for a few hundred of them.

Decided one after the other, each on what those before it left (a parent that hears of many children, a gate that one of
them moved). Those that lean on each other stand or fall together; who has lost is simply missing from the answer, and is
decided again.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from domain.kernel.calendar import COUNTY
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import WORKFLOW, Gates

from . import codec
from .door import TRIES, Command, Door, Loaded, Receipt, Row, _fingerprint, _Write

CHUNK, ROUNDS = 250, 3
# places in a row of `_Write.cases`, as `_gather` makes it
ID, EXPECTED, VERSION, KIND, POLICY, STATE, HEAD, LEANS, HOLDERS, KNOCK = 0, 1, 2, 3, 6, 7, 8, 9, 10, 16


async def handle_many(door: Door, commands: Sequence[Command]) -> list[Receipt | Refusal]:
    """What `handle` would answer to each, in their order. All are a workflow's, each on another case that exists.

    Not one transaction: some may be in the log while others are still decided, and what must be whole has a gate of its own
    that is raised first. `busy` for one that loses too often. Raises only for a lost database.
    """
    assert all(c.actor == WORKFLOW and c.case and not c.session for c in commands)
    assert len({c.case for c in commands}) == len({c.id for c in commands}) == len(commands)
    answers: dict[str, Receipt | Refusal] = {}
    arrived: dict[str, datetime] = {}
    for at in range(0, len(commands), CHUNK):
        left: Sequence[Command] = commands[at:at + CHUNK]
        for _ in range(ROUNDS):
            left = await _round(door, left, arrived, answers) if left else left
        for command in left:                    # who keeps losing as one of many tries alone
            alone: Sequence[Command] = [command]
            for _ in range(TRIES):
                alone = await _round(door, alone, arrived, answers) if alone else alone
            if alone:
                answers[command.id] = no("busy", "A-2")
    return [answers[c.id] for c in commands]


async def _round(door: Door, commands: Sequence[Command], arrived: dict[str, datetime],
                 answers: dict[str, Receipt | Refusal]) -> list[Command]:
    """Decide and commit once; returns those that must be decided again."""
    refused = []
    now = await _load(door.pool, commands)
    chunk, later = _Chunk(), [c for c in commands if c.case in now.above]   # locked among the parents, not here
    for command in commands:
        if command.case in now.above:
            continue
        loaded, body = now.of(command), _fingerprint(command)
        arrival = arrived.setdefault(command.id, loaded.now)
        if loaded.reply is not None:
            answers[command.id] = msgspec.json.decode(loaded.reply, type=Receipt) if loaded.body == body else no(
                "id_reused", "A-2")
        elif command.epoch is not None and command.epoch != loaded.versions["epoch"]:
            answers[command.id] = no("stage_over", "A-3")
        elif not now.knows(command):
            later.append(command)
        else:
            done = await door._decide(command, loaded, arrival)
            if isinstance(done, Refusal):
                answers[command.id] = done
                refused.append((command, loaded, arrival))
                continue
            write, receipt, extra = done
            if write is None:
                answers[command.id] = receipt
            else:
                chunk.add(command, loaded, write, receipt, body, extra)
                now.after(write)
    written = await chunk.commit(door.pool, now.now) if chunk.receipts else set()
    for command, receipt in chunk.receipts:
        if command.case in written:
            answers[command.id] = receipt
        else:
            later.append(command)
    for command, loaded, arrival in refused:
        await door._leave_run_outs(command, loaded, arrival)
    return later


@dataclass
class _Now:
    """One snapshot, and what the decisions of this round have made of it so far."""
    now: datetime
    calendar: int
    rows: dict[str, Row]
    parents: dict[str, str]
    leans: dict[str, tuple[str, ...]]
    next_at: dict[str, datetime | None]
    replies: dict[str, tuple[bytes, bytes]]
    versions: dict[str, int]
    values: dict[str, dict[str, Any]]           # gate → raiser → value
    above: frozenset[str]                       # cases that are above one of those asked for

    def chain(self, case: str) -> list[str]:
        """The case and those above it, as far as they are there."""
        out = []
        while case in self.rows:
            out.append(case)
            case = self.parents[case]
        return out

    def gates_of(self, command: Command) -> set[str]:
        names = {g for case in self.chain(command.case) for g in self.leans[case]} | {*command.gates}
        return names | {"epoch"} if command.epoch is not None else names

    def knows(self, command: Command) -> bool:
        """A parent may lean on more since it heard of a child before."""
        return self.gates_of(command) <= self.versions.keys()

    def of(self, command: Command) -> Loaded:
        reply, body = self.replies.get(command.id, (None, None))
        gates = [g for g in self.gates_of(command) if g in self.versions]
        return Loaded(WORKFLOW, self.now, reply, body, tuple(self.rows[c] for c in self.chain(command.case)), frozenset(),
                      self.next_at.get(command.case), {g: self.versions[g] for g in gates},
                      Gates({(g, raiser): v for g in gates for raiser, v in self.values.get(g, {}).items()}), None, (),
                      self.calendar)

    def after(self, write: _Write) -> None:
        """As the next load would find it."""
        for c in write.cases:
            self.rows[c[ID]] = Row(c[ID], c[KIND], c[VERSION], c[STATE], c[HEAD], c[POLICY])
            self.leans[c[ID]] = tuple(c[LEANS])
        for gate, raiser, *_ in write.unset:
            self.values.get(gate, {}).pop(raiser, None)
        for gate, raiser, value, turns_at, then in write.values:
            self.values.setdefault(gate, {})[raiser] = codec.value_of(
                then if turns_at is not None and turns_at <= self.now else value)


async def _load(pool: asyncpg.Pool, commands: Sequence[Command]) -> _Now:
    named = sorted({g for c in commands for g in c.gates} | {"epoch" for c in commands if c.epoch is not None})
    r = await pool.fetchrow("select * from load_many_v1($1, $2, $3)", [c.case for c in commands],
                                  [c.id for c in commands], named)
    cases = r["cases"] or ()
    values: dict[str, dict[str, Any]] = {}
    for v in r["vals"] or ():
        if v["value"] is not None:
            values.setdefault(v["name"], {})[v["raiser"]] = codec.value_of(v["value"])
    now = _Now(r["now"].astimezone(COUNTY), r["calendar"] or 0,
               {c["id"]: Row(*(c[k] for k in ("id", "kind", "version", "state", "head", "policy"))) for c in cases},
               {c["id"]: c["parent"] for c in cases}, {c["id"]: tuple(c["leans"]) for c in cases},
               {c["id"]: c["next_at"] for c in cases}, {x["id"]: (x["reply"], x["body"]) for x in r["replies"] or ()},
               {g["name"]: g["version"] for g in r["gates"] or ()}, values, frozenset())
    return replace(now, above=frozenset(a for c in commands for a in now.chain(c.case)[1:]))


@dataclass
class _Chunk:
    """What one commit will write, merged: a case that is written twice is written once, as the last left it."""
    receipts: list[tuple[Command, Receipt]] = field(default_factory=list)
    commands: list[tuple[Any, ...]] = field(default_factory=list)
    cases: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    level: dict[str, int] = field(default_factory=dict)             # how far above the command's own case
    events: list[tuple[Any, ...]] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)       # command and cause of each event
    tasks: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    leaned: list[tuple[str, int, str]] = field(default_factory=list)
    raised: dict[str, str] = field(default_factory=dict)            # gate → the last case whose command raised it
    raisings: list[tuple[str, str]] = field(default_factory=list)
    shown: dict[tuple[str, str], tuple[bool, tuple[Any, ...]]] = field(default_factory=dict)
    texts: list[Any] = field(default_factory=list)
    votes: list[Any] = field(default_factory=list)
    same: dict[str, str] = field(default_factory=dict)              # case → another of its group

    def add(self, command: Command, loaded: Loaded, write: _Write, receipt: Receipt, body: bytes,
            extra: dict[str, list[Any]]) -> None:
        self.receipts.append((command, receipt))
        if write.events:
            self.commands.append((command.id, receipt.case, body, codec.encode(receipt)))
        for level, c in enumerate(write.cases):
            if was := self.cases.get(c[ID]):
                c = (*c[:EXPECTED], was[EXPECTED], *c[EXPECTED + 1:HOLDERS], sorted({*was[HOLDERS], *c[HOLDERS]}),
                     *c[HOLDERS + 1:KNOCK], was[KNOCK] or c[KNOCK])
            self.cases[c[ID]], self.level[c[ID]], self.tasks[c[ID]] = c, level, []
            self._together(command.case, c[ID])
        for t in write.tasks:
            self.tasks[t[0]].append(t)
        self.events += write.events
        self.sent += [(command.id, command.cause)] * len(write.events)
        for gate, version in loaded.versions.items():
            self.leaned.append((gate, version, command.case))
            if gate in self.raised:             # decided on what that one left
                self._together(command.case, self.raised[gate])
        for gate in write.raised:
            if gate in self.raised:
                self._together(command.case, self.raised[gate])
            self.raised[gate] = command.case
            self.raisings.append((gate, command.case))
        self.shown |= {(u[0], u[1]): (False, u) for u in write.unset} | {(v[0], v[1]): (True, v) for v in write.values}
        self.texts += extra["texts"]
        self.votes += extra["votes"]

    def _group(self, case: str) -> str:
        while (up := self.same.get(case, case)) != case:
            case = up
        return case

    def _together(self, one: str, other: str) -> None:
        a, b = self._group(one), self._group(other)
        if a != b:
            self.same[a] = b

    async def commit(self, pool: asyncpg.Pool, now: datetime) -> set[str]:
        """The cases that were written."""
        ids = sorted(self.cases, key=lambda c: (self.level[c], c))
        number = {g: n for n, g in enumerate({self._group(c) for c in ids})}
        written = await pool.fetchval(
            "select commit_many_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)",
            now, WORKFLOW, [self.cases[c] for c in ids], [number[self._group(c)] for c in ids], self.commands, self.events,
            *_columns(self.sent, 2), [t for c in ids for t in self.tasks[c]], *_columns(self.leaned, 3),
            *_columns(self.raisings, 2), [v for there, v in self.shown.values() if there],
            [v for there, v in self.shown.values() if not there], self.texts, self.votes)
        return set(written)


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    rows = list(rows)
    return [[r[i] for r in rows] for i in range(width)]
