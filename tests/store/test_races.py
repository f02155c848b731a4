"""抢先. Pairs that lean on each other are raced through the door: neither order, and no interleaving, breaks the rule.

What is wrong is decided from the log: whoever leaned on a gate must have leaned on what stood there when it was written,
and what a school was told must fit the order of the two facts.
"""
from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.kernel.acts import Act
from domain.kernel.calendar import day_of, end_of
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.recognition.batch import ExtendWindow, Sign
from domain.recognition.dossier import Apply, CoSign
from domain.recognition.review import Drawn
from domain.registers.organisation import Overdue
from domain.registers.person import GivePost
from store import codec
from store.database import open_pool
from store.door import Command, Door, Receipt
from tests.conftest import _create, _drop, as_app
from tests.county import HEAD, LEADER, County

from .conftest import Scene, execute, strict_policy

ROUNDS = 300
RIVALS = 8
JITTER_SECONDS = 0.004

REWIND = """
create schema saved;
create table saved.case_head as table case_head;
create table saved.task as table task;
create table saved.gate as table gate;
create table saved.text_body as table text_body;
create table saved.seq as select coalesce(max(seq), 0) seq from event;
alter table event disable trigger event_no_update;
-- The log of a round in its order and the commands that have a row; then everything is put back but the gates' versions.
create function rewind() returns table (case_id text, tag text, data bytea, command text) language plpgsql as $$
declare v_seq bigint := (select s.seq from saved.seq s); v_moved text[];
begin
    return query select e.case_id, e.tag, e.data, e.command from event e where e.seq > v_seq order by e.xid, e.seq;
    return query select c.case_id, null, null::bytea, c.id from command c where c.id like 'race/%';
    v_moved := array(select distinct e.case_id from event e where e.seq > v_seq);
    delete from event e where e.seq > v_seq;
    delete from command c where c.id like 'race/%';
    delete from outbox;
    delete from text_body t where t.id not in (select s.id from saved.text_body s);
    delete from case_head k where k.id = any (v_moved);
    insert into case_head select * from saved.case_head s where s.id = any (v_moved);
    delete from task t where t.case_id = any (v_moved);
    insert into task select * from saved.task s where s.case_id = any (v_moved);
    delete from gate g where g.raiser = any (v_moved);
    insert into gate select * from saved.gate s where s.raiser = any (v_moved);
end $$;
"""


class Watched(Door):
    """A door that remembers on which gates each commit leaned, what it raised, and how often it lost."""

    def __init__(self, pool: asyncpg.Pool, policies: dict[Any, Any]) -> None:
        super().__init__(pool)
        self._policies = policies
        self.commits: dict[str, tuple[dict[str, int], list[str], int]] = {}
        self.lost = 0

    async def _commit(self, command: Command, loaded: Any, write: Any, *more: Any) -> bool:
        lost = await super()._commit(command, loaded, write, *more)
        self.lost += lost
        if not lost:
            self.commits[command.id] = (dict(loaded.versions), list(write.raised), len(write.events))
        return lost


@dataclass(frozen=True)
class Round:
    """What the rivals were told, and what the log got, in its order."""
    answers: tuple[Receipt | Refusal, ...]
    log: tuple[Any, ...]

    def at(self, tag: str, case: str = "") -> int | None:
        """The place in the log of the first event of that kind."""
        return next((i for i, e in enumerate(self.log) if e["tag"] == tag and case in ("", e["case_id"])), None)

    def event(self, tag: str) -> Any:
        return codec.event_of(tag, self.log[self.at(tag)]["data"])

    def told(self) -> tuple[str, ...]:
        return tuple(a.code if isinstance(a, Refusal) else "done" for a in self.answers)


class Arena:
    """Two doors on pools of their own over one record, which its owner puts back after each round."""

    def __init__(self, scene: Scene, pools: Sequence[asyncpg.Pool], owner: asyncpg.Pool) -> None:
        self.scene, self.pool = scene, owner
        policies: dict[Any, Any] = {}           # reading the file is slow and not what is raced here
        self.doors = [Watched(p, policies) for p in pools]
        self.gates: dict[str, int] = {}
        self.chance = Random(1)
        self.numbers = itertools.count(1)

    @property
    def lost(self) -> int:
        return sum(d.lost for d in self.doors)

    async def race(self, *commands: Callable[[str], Command] | Callable[[], Awaitable[Any]]) -> Round:
        """All at once, each after a moment of its own; then the log of the round, checked, and everything put back."""
        n = next(self.numbers)
        for door in self.doors:
            door.commits.clear()

        async def one(i: int, make: Any) -> Any:
            await asyncio.sleep(self.chance.random() * JITTER_SECONDS)
            made = make(f"race/{n}/{i}")
            return await (self.doors[i % len(self.doors)].handle(made) if isinstance(made, Command) else made)
        answers = tuple(await asyncio.gather(*(one(i, c) for i, c in enumerate(commands))))
        rows = await self.pool.fetch("select * from rewind()")
        log = tuple(r for r in rows if r["tag"] is not None)
        kept = {c for d in self.doors for c, (_, _, events) in d.commits.items() if events}
        assert {r["command"] for r in rows if r["tag"] is None} == kept == {e["command"] for e in log}, "a stray row"
        self._leaned_on_what_stood_there(log)
        return Round(answers, log)

    def _leaned_on_what_stood_there(self, log: Sequence[Any]) -> None:
        for command in dict.fromkeys(e["command"] for e in log):
            leaned, raised, _ = next(d.commits[command] for d in self.doors if command in d.commits)
            for gate, version in leaned.items():
                assert self.gates.get(gate, 0) == version, f"{command} leaned on {gate} of {version}, not {self.gates.get(gate)}"
            for gate in raised:
                self.gates[gate] = self.gates.get(gate, 0) + 1


@pytest_asyncio.fixture
async def arena(server: str, raced: Scene) -> AsyncIterator[Arena]:
    url = await _create(server, "arena", raced.database)
    await execute(server, "alter database arena set synchronous_commit = off")
    pools, owner = [await open_pool(as_app(url), RIVALS) for _ in range(2)], await open_pool(url, RIVALS)
    await owner.execute(REWIND)
    arena = Arena(raced, pools, owner)
    arena.gates = dict(await owner.fetch("select name, version from gate_head"))
    yield arena
    for p in (*pools, owner):
        await p.close()
    await _drop(server, "arena")


def order(first: int | None, second: int | None) -> str:
    """Which of two facts came first in the log; which is alone there."""
    if first is None or second is None:
        return "first alone" if second is None else "second alone"
    return "first" if first < second else "second"


def both_orders(seen: Counter[str], *wanted: str) -> None:
    """Chance must have brought each order, else nothing was proved."""
    assert set(seen) == set(wanted), seen
    assert min(seen.values()) >= 3, seen


# -- the commands ------------------------------------------------------------------------------------------------


def overdue(arena: Arena, school: str) -> Callable[[str], Command]:
    form = Overdue("督改〔2026〕7号", arena.scene["now"].date())
    return lambda id: Command(id, arena.scene["supervisor"], Act("record", form=form), school)


def signing(arena: Arena) -> Callable[[str], Command]:
    return lambda id: Command(id, LEADER, Act("agree", arena.scene["signing"], "leader", form=Sign()), arena.scene["old"])


async def holder(arena: Arena, post: str) -> str:
    return await County(arena.pool, arena.scene.folder).holder(post)


SIGNED, SAT, OVERDUE = "batch.document_signed_off.v1", "case.seat_acted.v1", "organisation.rectification_overdue.v1"


# -- the pairs ---------------------------------------------------------------------------------------------------


async def test_L_1_an_overdue_rectification_and_the_co_sign(arena: Arena):
    """Whoever co-signs after the fact is refused; before it, it stands."""
    case, principal = arena.scene["co_sign"], await holder(arena, "principal@PR003")
    co_sign = lambda id: Command(id, principal, Act("agree", 2, "principal", form=CoSign()), case)   # noqa: E731
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(overdue(arena, "PR003"), co_sign)
        came = order(r.at(OVERDUE), r.at(SAT, case))
        assert (came, r.told()) in (("first alone", ("done", "blocked")), ("second", ("done", "done"))), r.told()
        seen[came] += 1
    both_orders(seen, "first alone", "second")
    assert arena.lost


@pytest.mark.parametrize("what", ["overdue", "veto"])
async def test_R_58_a_block_and_the_signing(arena: Arena, what: str):
    """A school blocked in time is never in the signed document; one that was not is in it."""
    case = arena.scene["candidates"][0]
    block, tag = (overdue(arena, "PR017"), OVERDUE)
    if what == "veto":
        second = await holder(arena, "supervision_office_head@SC4")
        number = (await arena.doors[0].read("PR017", WORKFLOW)).case.proposed[0].no
        tag = "organisation.violation_proven.v1"
        block = lambda id: Command(id, second, Act("second", seat=str(number)), "PR017")       # noqa: E731
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(block, signing(arena))
        came, document = order(r.at(tag), r.at(SIGNED)), r.event(SIGNED)
        assert r.told() == ("done", "done")
        assert (case in document.children, case in document.left_out) == (came == "second", came == "first"), came
        assert arena.scene["candidates"][1] in document.children
        seen[came] += 1
    both_orders(seen, "first", "second")
    assert arena.lost


async def test_R_67_a_withdrawal_and_the_signing(arena: Arena):
    """Who has withdrawn is not in the document; whom it names cannot withdraw any more."""
    case, principal = arena.scene["candidates"][0], await holder(arena, "principal@PR017")
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(lambda id: Command(id, principal, Act("withdraw"), case), signing(arena))
        came, named = order(r.at("case.case_ended.v1", case), r.at(SIGNED)), case in r.event(SIGNED).children
        assert (came, named, r.told()) in (("first", False, ("done", "done")),
                                           ("second alone", True, ("wrong_stage", "done"))), (came, named, r.told())
        seen[came] += 1
    both_orders(seen, "first", "second alone")
    assert arena.lost


async def test_R_6_two_openings_for_one_school(arena: Arena):
    """One of them is an application, the other a clear refusal; never two, never none."""
    clerk = await holder(arena, "applicant@VS001")
    seen: Counter[str] = Counter()
    opening = lambda id: Command(id, clerk, Act("open", form=Apply(1)), kind="star", subject="VS001",    # noqa: E731
                                 parent=arena.scene["new"])
    for _ in range(ROUNDS):
        r = await arena.race(opening, opening)
        assert sum(e["tag"] == "case.case_opened.v1" for e in r.log) == 1
        assert sorted(r.told()) == ["done", "duplicate"]
        seen[f"{r.told().index('done')} opened"] += 1
    both_orders(seen, "0 opened", "1 opened")
    assert arena.lost


async def test_R_6_two_schools_and_the_last_place(arena: Arena):
    """A batch that takes one application has one, whoever was first; the other is told that it is full."""
    county = County(arena.pool, arena.scene.folder)
    batch = await county.batch(await strict_policy(arena.pool, 2098), day_of(arena.scene["now"]) + timedelta(days=30))
    await _saved_anew(arena)
    clerks = {s: await holder(arena, f"applicant@{s}") for s in ("VS001", "VS002")}
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(*(lambda id, s=s: Command(id, clerks[s], Act("open", form=Apply(1)), kind="star", subject=s, parent=batch)
                               for s in clerks))
        assert sum(e["tag"] == "case.case_opened.v1" for e in r.log) == 1
        assert sorted(r.told()) == ["done", "quota_full"]
        seen[f"{r.told().index('done')} opened"] += 1
    both_orders(seen, "0 opened", "1 opened")
    assert arena.lost


async def test_R_5_a_longer_window_and_the_lapse(arena: Arena):
    """Whoever asked in time has a longer window, and then no dossier lapses by the old one."""
    case, batch = arena.scene["dossier"], arena.scene["new"]
    last_day = (await arena.doors[0].read(batch, WORKFLOW)).case.facts.last_day
    before, after = end_of(last_day) - timedelta(seconds=1), end_of(last_day) + timedelta(seconds=1)
    longer = lambda id: Command(id, HEAD, Act("record", 1, form=ExtendWindow(last_day + timedelta(days=5))), batch)  # noqa: E731
    await arena.pool.execute("update county_clock set driven = $1", before)
    for other in await arena.pool.fetch("select id from case_head where parent = $1 or id = $1", batch):
        got = await arena.doors[0].handle(Command(f"before/{other['id']}", WORKFLOW, Act("look"), other["id"]))
        assert isinstance(got, Receipt)
    await _saved_anew(arena)

    async def tick(id: str) -> Any:
        await arena.pool.execute("update county_clock set driven = $1", after)
        return await arena.doors[1].handle(Command(id, WORKFLOW, Act("look"), case))
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(longer, tick)
        extended, lapsed = r.at("batch.window_extended.v1", batch), r.at("case.case_ended.v1", case)
        assert r.answers[0] == Refusal("past_deadline", "C-24") if extended is None else r.told()[0] == "done", r.answers
        came = "both too late" if extended is None else "in time" if lapsed is None else order(extended, lapsed)
        assert came != "first", "the dossier lapsed after the window had been extended"
        seen[came] += 1
        await arena.pool.execute("update county_clock set driven = $1", before)
    assert seen["in time"] >= 3, seen
    assert seen["both too late"] + seen["second"] >= 3, seen
    assert arena.lost


async def test_R_21_two_draws_and_the_load_of_an_expert(arena: Arena):
    """With one dossier an expert and five experts, two draws of two and a reserve never take the same person twice: who
    waits in the reserve is counted too, and may step in without another look."""
    pool = ("P00360", "P00361", "P00363", "P00364", "P00365")
    draws = arena.scene["draws"]
    visits = [(await arena.doors[0].read(c, WORKFLOW)).case.at("draw").no for c in draws]

    def drawing(case: str, visit: int) -> Callable[[str], Command]:
        def make(id: str) -> Command:
            form = Drawn(id, tuple((x, "", False, True, True) for x in pool), tuple((x, 1) for x in pool))
            return Command(id, WORKFLOW, Act("do", visit, duty="draw_experts", form=form), case,
                           gates=tuple(f"load:{x}" for x in pool), epoch=1)
        return make
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        r = await arena.race(*(drawing(c, v) for c, v in zip(draws, visits, strict=True)))
        assert r.told() == ("done", "done")
        drawn = [codec.event_of(e["tag"], e["data"]) for e in r.log if e["tag"] == "case.roster_drawn.v1"]
        assert sorted((len(d.members), len(d.reserve)) for d in drawn) == [(2, 0), (2, 1)]
        assert sorted(m for d in drawn for m in (*d.members, *d.reserve)) == sorted(pool)
        seen[r.log[0]["case_id"]] += 1
    both_orders(seen, *draws)
    assert arena.lost


# -- many on one ------------------------------------------------------------------------------------------------


async def _saved_anew(arena: Arena) -> None:
    """What was prepared counts as the beginning of every round."""
    await arena.pool.execute("drop schema saved cascade; drop function rewind(); " + REWIND)
    arena.gates = dict(await arena.pool.fetch("select name, version from gate_head"))


async def test_eight_rivals_for_one_seat(arena: Arena):
    """One of them holds it; seven are told who does; the log has one event more."""
    case, county = arena.scene["draws"][0], County(arena.pool, arena.scene.folder)
    post = "basic_education_section_staff"
    for extra in await arena.pool.fetch("select id from case_head where kind = 'person' and id between 'P00403' and 'P00406'"):
        await arena.doors[0].handle(Command(f"post/{extra['id']}", WORKFLOW, Act("hear", form=GivePost(
            post, "SC2", arena.scene["now"].date())), extra["id"]))
    case = await county.application(arena.scene["new"], "NY004", "completeness")
    people = await county.holders(f"{post}@SC2")
    assert len(people) == RIVALS
    await _saved_anew(arena)
    won: Counter[str] = Counter()
    for _ in range(200):
        r = await arena.race(*(lambda id, who=who: Command(id, who, Act("claim", 3, "office"), case) for who in people))
        assert [(e["case_id"], e["tag"]) for e in r.log] == [(case, "case.seat_claimed.v1")]
        winner = r.event("case.seat_claimed.v1").by
        assert r.told()[people.index(winner)] == "done"
        assert [a for a in r.answers if isinstance(a, Refusal)] == 7 * [Refusal("already_acted", "A-28", {"by": winner})]
        won[winner] += 1
    assert len(won) > 1
    assert arena.lost


async def test_A_2_one_command_sent_eight_times_at_once(arena: Arena):
    """A double click in a storm: one fact, the same receipt for everybody."""
    case, principal = arena.scene["co_sign"], await holder(arena, "principal@PR003")
    for n in range(50):
        command = Command(f"race/storm/{n}", principal, Act("agree", 2, "principal", form=CoSign()), case)
        r = await arena.race(*RIVALS * [lambda id, c=command: c])
        assert len(set(r.answers)) == 1
        assert r.told()[0] == "done"
        assert len({e["command"] for e in r.log}) == 1


async def test_A_50_schools_that_open_at_once_get_numbers_without_gaps(arena: Arena):
    """The last evening of a window: nobody is told to come again because others were faster."""
    schools = [f"VS{n:03}" for n in range(1, 25)]
    clerks = {s: await holder(arena, f"applicant@{s}") for s in schools}
    r = await arena.race(*(lambda id, s=s: Command(id, clerks[s], Act("open", form=Apply(1)), kind="star", subject=s,
                                                   parent=arena.scene["new"]) for s in schools))
    assert Counter(r.told()) == {"done": len(schools)}
    numbers = sorted(int(a.case.rpartition("-")[2]) for a in r.answers)
    assert numbers == list(range(numbers[0], numbers[0] + len(schools)))


# -- and this can fail ------------------------------------------------------------------------------------------


async def test_without_the_comparison_of_gates_a_rule_breaks(arena: Arena):
    """The races above are worth something: with the comparison cut out of the commit, blocked schools are signed for."""
    source = await arena.pool.fetchval("select pg_get_functiondef('commit_v1'::regproc)")
    broken = source.replace("if found then return 'gate'; end if;", "")
    assert broken != source
    await arena.pool.execute(broken)
    wrong = 0
    for _ in range(100):
        try:
            r = await arena.race(overdue(arena, "PR017"), signing(arena))
            assert order(r.at(OVERDUE), r.at(SIGNED)) == "second" or arena.scene["candidates"][0] in r.event(SIGNED).left_out
        except AssertionError:
            wrong += 1
            arena.gates = dict(await arena.pool.fetch("select name, version from gate_head"))
    assert wrong > 3
