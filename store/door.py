"""门口. The one way in: load in one snapshot, decide, commit in one statement (two trips, one commit).

Whoever was slower than a rival loads and decides again; a refusal comes only from `decide`.
"""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec
import yaml

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY, Calendar, day_of
from domain.kernel.case import Case
from domain.kernel.decide import decide, open_case, sealed_choice
from domain.kernel.events import Entry
from domain.kernel.follow import Decision
from domain.kernel.gates import next_number, number_gate, shown, turns
from domain.kernel.plan import Plan, Task, plan
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import BALLOT, Holder
from domain.kernel.stages import WORKFLOW, Context, Gates, Procedure
from domain.kernel.values import Value, having
from domain.procedures import PROCEDURES, REGISTERS
from domain.registers.person import PERSON, Person, of_the_county, organisations_of, own_ties, posts_on

from . import codec
from .texts import TextRow, taken_out, too_short
from .trips import Trips

TRIES = 20                              # each that is lost was somebody else's success; who lost once queues in its process
LOOK_BACK_MONTHS = 36                   # G-16, where the policy names no other
AUDITOR = "auditor"
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)        # twenty times faster where the wheel brings it
VOTES = ("yes", "no", "abstain")


class Command(Value):
    """A request that may be refused. `id` comes from the client; the same id and body give the same reply (A-2)."""
    id: str
    actor: str
    act: Act
    case: str = ""                      # empty: opens a case
    kind: str = ""
    subject: str = ""
    parent: str = ""
    policy: str = ""
    new_id: str = ""                    # registers name themselves; others take the next number of their series
    gates: tuple[str, ...] = ()         # that the form itself leans on
    cause: str = ""
    epoch: int | None = None            # workflow commands only
    session: bytes | None = None        # whose person acts, in place of `actor`; `id` is then that person's own


class SessionOver(Exception):
    """Nobody holds that session any more."""


class Receipt(msgspec.Struct, frozen=True):
    """What the one who asked gets back; stored with the command, byte for byte."""
    case: str
    version: int
    stages: tuple[str, ...]
    ended: str
    events: tuple[str, ...]


class Loaded(Value):
    """One snapshot: the chain of cases from the child up, the gates, who acts, and when."""
    actor: str
    now: datetime
    reply: bytes | None
    body: bytes | None
    cases: tuple[Row, ...]
    holders: frozenset[str]
    next_at: datetime | None
    versions: Mapping[str, int]
    gates: Gates
    person: bytes | None                # the state of who acts, and of those near them (G-16)
    near: tuple[bytes, ...]
    calendar: int


class Row(Value):
    id: str
    kind: str
    version: int
    state: bytes
    head: bytes
    policy: str


@dataclass
class _Write:
    """What one commit will write, gathered case by case."""
    cases: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    tasks: list[tuple[Any, ...]] = field(default_factory=list)
    values: list[tuple[Any, ...]] = field(default_factory=list)
    unset: list[tuple[Any, ...]] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)


class Door:
    """One for each process; stateless but for what never changes: policies and calendar versions, read once."""

    def __init__(self, pool: asyncpg.Pool, procedures: Mapping[str, Procedure] = PROCEDURES) -> None:
        self.pool, self.procedures = pool, procedures
        self._still = frozenset(p.kind for p in REGISTERS if not any(s.clock or s.begins for s in p.stages))
        self._policies: dict[tuple[str, str], Any] = {}
        self._calendars: dict[int, Calendar] = {0: Calendar()}
        self._queue = asyncio.Lock()
        self._loads, self._commits = Trips(self._load_all), Trips(self._commit_all)

    # -- acting ----------------------------------------------------------------------------------------------

    async def handle(self, command: Command) -> Receipt | Refusal:
        """Decide and commit. Raises SessionOver, else only for a lost database; `busy` after too many lost races."""
        answer, arrived = await self._try(command)
        if answer is None:
            async with self._queue:             # who has lost once queues: of many at once, all come through
                for _ in range(TRIES - 1):
                    answer, _now = await self._try(command, arrived)
                    if answer is not None:
                        break
        return answer if answer is not None else no("busy", "A-2")

    async def _try(self, command: Command, arrived: datetime | None = None) -> tuple[Receipt | Refusal | None, datetime]:
        """None where somebody was faster; and when the command was first seen, which stays its moment."""
        loaded = await self._load(command)
        arrived = arrived or loaded.now
        if command.session:
            command = having(command, id=f"{loaded.actor}/{command.id}", actor=loaded.actor, session=None)
        body = _fingerprint(command)
        if loaded.reply is not None:
            same = loaded.body == body and (command.act.verb not in VOTES or await _said_the_same(self.pool, command))
            return msgspec.json.decode(loaded.reply, type=Receipt) if same else no("id_reused", "A-2"), arrived
        if command.epoch is not None and command.epoch != loaded.versions.get("epoch"):
            return no("stage_over", "A-3"), arrived
        done = await self._decide(command, loaded, arrived)
        if isinstance(done, Refusal):
            await self._leave_run_outs(command, loaded, arrived)
            return done, arrived
        write, receipt, extra = done
        if write is None:
            return receipt, arrived
        lost = await self._commit(command, loaded, write, receipt, body, extra)
        return None if lost else receipt, arrived

    async def _decide(self, command: Command, loaded: Loaded, now: datetime,
                      ) -> tuple[_Write | None, Receipt, dict[str, list[Any]]] | Refusal:
        """Pure but for policies and calendars that this process has not read yet."""
        opens = not command.case
        if opens:
            parent = loaded.cases[0] if command.parent and loaded.cases else None
            if command.parent and parent is None:
                return no("not_found", "G-30")
            procedure = self.procedures.get(command.kind)
            policy_id = (parent.policy if parent else "") or command.policy      # a child keeps the rules of its parent
            before: Case | None = None
            row, above = None, loaded.cases
        else:
            if not loaded.cases or loaded.cases[0].id != command.case:
                return no("not_found", "G-30")
            row, above = loaded.cases[0], loaded.cases[1:]
            procedure, policy_id = self.procedures[row.kind], row.policy
            before = codec.state_of(row.state)
        if procedure is None:
            return no("unknown_command", "A-3")
        try:
            context = await self._context(command.actor, procedure, policy_id, loaded, now)
        except LookupError:
            if not opens:
                raise
            return no("policy_invalid", "R-5")      # none of that name, or none named where the procedure has rules
        act = command.act
        if before is not None and command.actor != WORKFLOW and not may_see(procedure, before, loaded.holders, context):
            return no("not_found", "G-30")
        if files := (*act.files, *getattr(act.form, "files", ())):
            context = having(context, files=await _theirs(self.pool, files, command.actor, command.case))
            if lacking := next((f for f in files if f not in context.files), ""):
                return no("attachment_required", "R-10", leaf=lacking)
        if act.verb == "assign":
            context = having(context, outside=await _outside(self.pool, act.to))
        if short := too_short(act.form, context.policy):
            return short
        texts: list[TextRow] = []
        if opens:
            case_id = command.new_id or _numbered(procedure, context.policy, loaded.gates, now)
            act, texts = taken_out(act, command.id, case_id)
            got = open_case(procedure, case_id, command.subject, policy_id, context, act, command.parent)
        else:
            case_id = command.case
            act, texts = taken_out(act, command.id, case_id)
            if act.verb == "close" and context.policy.ballot.secret:
                context = having(context, sealed=await _sealed(self.pool, case_id, act.visit))
            got = decide(procedure, before, act, context)
        if isinstance(got, Refusal):
            return got
        entries, after = got
        receipt = Receipt(case_id, after.version, tuple(v.stage for v in after.open), after.ended,
                          tuple(e.event.tag for e in entries))
        if not entries and not (act.verb == "look" and row and plan(procedure, after, context).next_at != loaded.next_at):
            return None, receipt, {}            # a look without news still writes due days that a gate has moved
        write = _Write()
        own = command.epoch is not None and act.verb in ("do", "look")     # its workflow reads the plan again by itself
        self._gather(write, procedure, row, before, after, entries, context, command, loaded.now, not own)
        await self._tell_parent(write, procedure, before, after, above, loaded, command, now)
        votes = await _opened(self.pool, procedure, before, after)
        if act.verb in VOTES:
            votes.append((case_id, act.visit, _vault_key(command), _said(command)))
            if choice := sealed_choice(procedure, after, act, context.policy):
                texts = []
                votes.append((case_id, act.visit, act.seat, choice))
        extra = {"texts": texts, "votes": votes, "files": [(case_id, h) for h in files]}
        return write, receipt, extra

    async def _tell_parent(self, write: _Write, procedure: Procedure, before: Case | None, after: Case,
                           above: Sequence[Row], loaded: Loaded, command: Command, now: datetime) -> None:
        """Where the child stands is written into the parent in the same commit, and so on upward."""
        if not procedure.tells or procedure.many or not above:
            return
        stands = procedure.tells(after)
        if before is not None and procedure.tells(before) == stands:
            return
        row, *higher = above
        parent_procedure, parent = self.procedures[row.kind], codec.state_of(row.state)
        if parent.ended:
            return
        context = await self._context(WORKFLOW, parent_procedure, row.policy, loaded, now)
        got = decide(parent_procedure, parent, Act("child", to=after.id, form=stands), context)
        assert not isinstance(got, Refusal), got
        entries, told = got
        self._gather(write, parent_procedure, row, parent, told, entries, context, command, loaded.now, True)
        await self._tell_parent(write, parent_procedure, parent, told, higher, loaded, command, now)

    async def _leave_run_outs(self, command: Command, loaded: Loaded, now: datetime) -> None:
        """A refused act still leaves the run-outs that it met: `look` brings them into the log."""
        if command.case and command.act.verb != "look" and loaded.next_at and loaded.next_at <= now:
            await self._look_with(command.case, f"{command.id}/look/{loaded.cases[0].version}")

    async def _look_with(self, case: str, command_id: str) -> None:
        command = Command(command_id, WORKFLOW, Act("look"), case)
        for _ in range(TRIES):
            loaded = await self._load(command)
            if loaded.reply is not None:
                return
            done = await self._decide(command, loaded, loaded.now)
            if isinstance(done, Refusal) or done[0] is None:
                return
            if not await self._commit(command, loaded, done[0], done[1], b"", done[2]):
                return

    # -- reading ---------------------------------------------------------------------------------------------

    async def read(self, case: str, actor: str) -> Reading | Refusal:
        """The case as it stands now, run-outs applied before anything is shown; who may not see it: `not_found`."""
        loaded = await self._load(Command("", actor, Act("look"), case))
        if not loaded.cases or loaded.cases[0].id != case:
            return no("not_found", "G-30")
        row = loaded.cases[0]
        procedure, state = self.procedures[row.kind], codec.state_of(row.state)
        context = await self._context(actor, procedure, row.policy, loaded, loaded.now)
        if actor != WORKFLOW and not may_see(procedure, state, loaded.holders, context):
            return no("not_found", "G-30")
        decision = Decision(procedure, state, context)
        decision.take_calendar(False)
        decision.run_clocks()
        if not decision.case.ended:
            decision.follow(context.now)
        return Reading(procedure, decision.case, context, row.version)

    async def who(self, actor: str) -> Context:
        """Who somebody is at this moment: posts, ties, time, calendar."""
        loaded = await self._load(Command("", actor, Act("look")))
        return await self._context(actor, PERSON, "", loaded, loaded.now)

    async def policy(self, policy_id: str, kind: str = "star") -> Any:
        """A policy version as that kind of procedure reads it."""
        return await self.policy_of(self.pool, self.procedures[kind], policy_id)

    # -- the two trips ---------------------------------------------------------------------------------------

    async def _load(self, command: Command) -> Loaded:
        gates = [*command.gates, *getattr(command.act.form, "leans", ())]
        if not command.case and command.kind:
            procedure = self.procedures.get(command.kind)
            if procedure:
                now, policy = await self.pool.fetchrow(         # a case that is not there yet has no stored gates
                    "select county_now(), (select policy from case_head where id = $1)", command.parent)
                unborn = Case(id=command.new_id, kind=command.kind, subject=command.subject, parent=command.parent,
                              policy=policy or command.policy, facts=procedure.facts())
                gates += procedure.leans(unborn)
                if procedure.number:
                    with contextlib.suppress(LookupError):      # of a policy that is not there the decision says so
                        rules = await self.policy_of(self.pool, procedure, unborn.policy)
                        gates.append(number_gate(procedure.number(rules, day_of(now).year)))
        if command.epoch is not None:
            gates.append("epoch")
        (actor, now, reply, body, ids, kinds, versions, states, heads, policies, holders, next_at, gates, gate_versions,
         names, raisers, shown_values, person, near, calendar) = await self._loads.take((
             command.case, command.parent, command.id, command.actor, command.session, gates))
        if actor is None:
            raise SessionOver
        values = Gates({(n, w): codec.value_of(v) for n, w, v in zip(names, raisers, shown_values, strict=True)
                        if v is not None} if names else {})
        return Loaded(actor, now.astimezone(COUNTY), reply, body,
                      tuple(map(Row, ids, kinds, versions, states, heads, policies)), frozenset(holders or ()), next_at,
                      dict(zip(gates, gate_versions, strict=True)) if gates else {}, values, person, tuple(near or ()),
                      calendar or 0)

    async def _commit(self, command: Command, loaded: Loaded, write: _Write, receipt: Receipt, body: bytes,
                      extra: dict[str, list[Any]]) -> bool:
        """True if somebody was faster; then nothing is written."""
        names = list(loaded.versions)
        try:
            answer = await self._commits.take((
                command.id, receipt.case, command.actor, body, codec.encode(receipt), loaded.now, command.cause,
                names or None, [loaded.versions[n] for n in names] or None, write.raised or None,
                write.cases, write.events, write.tasks, *((write.values, write.unset) if write.raised else (None, None)),
                *(extra.get(k) or None for k in ("texts", "votes", "files"))))  # null costs nothing, {} is taken apart
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "command_pkey":
                raise
            return True                         # the same id elsewhere at this moment: load again, find its reply
        return answer != "ok"

    async def _load_all(self, calls: Sequence[tuple[Any, ...]]) -> Sequence[asyncpg.Record]:
        return await self.pool.fetch(
            "select l.* from unnest($1::load_call[]) with ordinality c, "
            "lateral load_v1(c.case_id, c.parent, c.command, c.actor, c.session, c.gates) l order by c.ordinality", calls)

    async def _commit_all(self, calls: Sequence[tuple[Any, ...]]) -> Sequence[str]:
        return await self.pool.fetchval("select commit_all_v1($1)", calls)

    # -- what a decision means for the tables ------------------------------------------------------------------

    def _gather(self, write: _Write, procedure: Procedure, row: Row | None, before: Case | None, after: Case,
                entries: Sequence[Entry], context: Context, command: Command, entered_at: datetime, knock: bool) -> None:
        head, version = (row.head, row.version) if row else (b"", 0)
        for entry in entries:
            version += 1
            data = codec.event_bytes(entry.event)
            prev, head = head, codec.chained(head, after.id, version, entry, data, entered_at, command.id,
                                             command.cause)
            write.events.append((after.id, version, entry.event.tag, data, entry.at, entry.by, entry.behind, entry.post,
                                 entry.rule, prev, head))
        new = plan(procedure, after, context)
        write.tasks += [task_row(after.id, t) for t in new.tasks]   # all: a gate or the calendar may have moved a due day
        self._gates(write, procedure, before, after, context)
        write.cases.append((
            after.id, row.version if row else 0, after.version, after.kind, after.subject, after.parent, after.policy,
            codec.state_bytes(after), head, leans_of(procedure, after), sorted(holders_of(procedure, after, new, context)),
            [v.stage for v in after.open], after.ended, new.next_at, self.driver_of(after), after.opened_at, knock))

    def driver_of(self, case: Case) -> str:
        """The workflow that a case's changes go to; a register in which nothing falls due has none."""
        return "" if case.kind in self._still else case.id

    def _gates(self, write: _Write, procedure: Procedure, before: Case | None, after: Case, context: Context) -> None:
        was = shown(procedure, before) if before else {}
        shows = shown(procedure, after)
        turning, turned = turns(procedure, after, context), turns(procedure, before, context) if before else {}
        changed = [g for g in {*was, *shows} if (was.get(g), turned.get(g)) != (shows.get(g), turning.get(g))]
        for gate in changed:
            write.raised.append(gate)
            if gate not in shows:
                write.unset.append((gate, after.id, b"", None, None))
            else:
                at, then = turning.get(gate, (None, None))
                write.values.append((gate, after.id, codec.value_bytes(shows[gate]), at,
                                     codec.value_bytes(then) if at else None))

    async def _context(self, actor: str, procedure: Procedure, policy_id: str, loaded: Loaded, now: datetime) -> Context:
        policy = await self.policy_of(self.pool, procedure, policy_id)
        calendar = await self.calendar_of(self.pool, loaded.calendar)
        posts, ties = _standing(loaded.person, loaded.near, day_of(now), getattr(
            policy, "lookback_months", LOOK_BACK_MONTHS)) if loaded.person else (frozenset(), frozenset())
        return Context(now, actor, posts, ties=ties, policy=policy, calendar=calendar, gates=loaded.gates)

    async def policy_of(self, connection: asyncpg.Connection | asyncpg.Pool, procedure: Procedure, policy_id: str) -> Any:
        """A policy version never changes: read once. An unknown one raises LookupError: no case was opened under it."""
        key = procedure.kind, policy_id
        if key not in self._policies:
            body = await connection.fetchval("select body from policy where id = $1", policy_id) if policy_id else b""
            if body is None:
                raise LookupError(policy_id)
            self._policies[key] = procedure.policy(yaml.load(body, YAML) or {})
        return self._policies[key]

    async def calendar_of(self, connection: asyncpg.Connection | asyncpg.Pool, version: int) -> Calendar:
        if version not in self._calendars:
            state = await connection.fetchval("select state from case_head where id = 'calendars'")
            self._calendars = {0: Calendar(), version: codec.state_of(state).facts.calendar}
        return self._calendars[version]


class Reading(Value):
    """A case for one reader."""
    procedure: Procedure
    case: Case
    context: Context
    version: int                        # stored; the shown state may be ahead by the run-outs

    @property
    def plan(self) -> Plan:
        return plan(self.procedure, self.case, self.context)


@lru_cache(maxsize=2048)
def _standing(person: bytes, near: tuple[bytes, ...], today: date, months: int) -> tuple[frozenset[Holder], frozenset[str]]:
    """Posts and ties of that day, from the register: the same few people act all day."""
    facts: Person = codec.state_of(person).facts
    return posts_on(facts, today), own_ties(facts, today, months).union(
        *(organisations_of(codec.state_of(n).facts, today) for n in near))


def may_see(procedure: Procedure, case: Case, holders: frozenset[str], context: Context) -> bool:
    """G-30: who holds or held a seat, owns it, is its office, or is the auditor."""
    mine = {h.key for h in context.posts} | {f"person@{context.actor}"}
    own = [procedure.office(case), procedure.head(case)] + ([procedure.applicant(case)] if procedure.applicant else [])
    return bool(mine & holders or mine & {h.key for h in own}) or case.subject in {h.id for h in context.posts} \
        or case.subject == context.actor or any(h.kind == AUDITOR for h in context.posts)


def _numbered(procedure: Procedure, policy: Any, gates: Gates, now: datetime) -> str:
    """The next of the series (A-50)."""
    assert procedure.number
    series = procedure.number(policy, day_of(now).year)
    return f"{series}-{next_number(gates, series):0{policy.serial_width}}"


def leans_of(procedure: Procedure, case: Case) -> list[str]:
    return [] if case.ended else list(procedure.leans(case))


def holders_of(procedure: Procedure, case: Case, now: Plan, context: Context) -> set[str]:
    """Who may see the case from now on (G-30): who opened it, sits in it, has a task, or may record something."""
    return {t.holder.key for t in now.tasks} | {f"person@{case.opened_by}"} | {
        s.holder.key for v in case.open for s in v.seats} | {
        s.holder.key for v in case.open for r in procedure[v.stage].records if r.by
        for s in r.by(case.on(v.line), context.policy)}


def task_row(case_id: str, t: Task) -> tuple[Any, ...]:
    """A row of the inbox: a claimed seat of a pool is the claimer's."""
    holder = f"person@{t.claimed_by}" if t.claimed_by and t.holder.pool else t.holder.key
    return (case_id, t.key, t.visit, t.stage, t.line, t.seat, holder, t.holder.pool and not t.claimed_by, t.due,
            t.provisional)


def _fingerprint(command: Command) -> bytes:
    """Of who asks what: the same id with another one is refused (A-2). Of a vote it holds neither choice nor reason: one of
    three would soon be guessed (R-45); those lie in the vault until the close (`_said`)."""
    a = command.act
    verb, opinion = ("vote", "") if a.verb in VOTES else (a.verb, a.opinion)
    return sha256(codec.encode([
        command.actor, command.case, command.kind, command.subject, command.parent,
        [verb, a.visit, a.seat, a.to, a.parts, opinion, a.files, codec.pack(a.form), a.duty, a.more, a.at]])).digest()


def _vault_key(command: Command) -> str:
    """Beside the choices of the seats lies what each command said; no seat is called like that."""
    return f"#{command.id}"


def _said(command: Command) -> str:
    return sha256(codec.encode([command.act.verb, command.act.opinion])).hexdigest()


async def _said_the_same(pool: asyncpg.Pool, command: Command) -> bool:
    """Whether a vote that came again is the same one. Once the ballot is closed nobody can tell any more, nor should."""
    said = await pool.fetchval("select choice from sealed_vote where case_id = $1 and visit = $2 and seat = $3",
                                     command.case, command.act.visit, _vault_key(command))
    return not said or said == _said(command)


async def _opened(pool: asyncpg.Pool, procedure: Procedure, before: Case | None, after: Case,
                  ) -> list[tuple[str, int, str, str]]:
    """Rows of the vault, emptied: of the ballots that are over with this decision, closed or ended otherwise (R-45)."""
    over = [v.no for v in (before.open if before else ()) if procedure[v.stage].rule is BALLOT and not after.visit(v.no)]
    rows = await pool.fetch("select visit, seat from sealed_vote where case_id = $1 and visit = any($2)",
                                  after.id, over) if over else []
    return [(after.id, r["visit"], r["seat"], "") for r in rows]


async def _theirs(pool: asyncpg.Pool, files: Sequence[str], actor: str, case: str) -> dict[str, tuple[int, str]]:
    """Bytes and kind of those files that this person uploaded or that the case holds already."""
    rows = await pool.fetch(
        "select distinct hash, size, kind from file_use join file using (hash) where hash = any($1) and "
        "(case_id = '' and uploader = $2 or case_id = $3 and $3 <> '')", list(files), actor, case)
    return {r["hash"]: (r["size"], r["kind"]) for r in rows}


async def _outside(pool: asyncpg.Pool, who: str) -> frozenset[str]:
    """That person, unless the register knows them and does not list them as from outside (G-14)."""
    state = await pool.fetchval("select state from case_head where id = $1 and kind = 'person'", who)
    return frozenset() if state and of_the_county(codec.state_of(state).facts) else frozenset({who})


async def _sealed(pool: asyncpg.Pool, case: str, visit: int) -> dict[str, str]:
    rows = await pool.fetch("select seat, choice from sealed_vote where case_id = $1 and visit = $2", case, visit)
    return {r["seat"]: r["choice"] for r in rows}
