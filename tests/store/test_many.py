"""成批. Many commands in one commit are what they would have been one after the other, also while others act."""
from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.kernel.acts import Act
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.recognition.dossier import Apply, Describe
from domain.registers.organisation import EnterTitle, Overdue
from domain.registers.person import ConfirmTies
from store import many
from store.codec import state_of
from store.door import Command, Door, Receipt
from store.many import handle_many
from store.rebuild import raise_epoch
from store.verify import verify
from tests.county import County

SCHOOLS = [f"VS{n:03}" for n in range(1, 25)]


async def clean(county: County) -> None:
    assert [f async for f in verify(county.pool, county.folder / "files")][:-1] == []


@pytest_asyncio.fixture
async def busy(county: County) -> AsyncIterator[County]:
    """An open batch with two dozen applications that nobody has filled in."""
    county.batch_id = await county.batch()
    county.cases = []
    for school in SCHOOLS:
        got = await county.open(await county.holder(f"applicant@{school}"), "star", school, county.batch_id, form=Apply(1))
        assert isinstance(got, Receipt), got
        county.cases.append(got.case)
    await county.pool.execute("delete from outbox")
    yield county


def late(county: County, case: str, n: str = "") -> Command:
    """Its clock has run out: `look` ends the case, and the batch is told."""
    return Command(f"many/{case}{n}", WORKFLOW, Act("look"), case, cause=county.batch_id)


async def after_the_window(county: County) -> None:
    await county.pool.execute("update county_clock set driven = driven + interval '60 days'")


async def left(pool: asyncpg.Pool) -> list[Any]:
    """The record, but for who came first and what hangs on it."""
    events = await pool.fetch("select case_id, version, tag, data, at, entered_at, actor, rule, command, cause from event "
                              "order by case_id, version")
    heads = await pool.fetch("select id, version, stages, ended, next_at, leans, holders, driver from case_head order by id")
    tasks = await pool.fetch("select case_id, key, holder, due from task order by 1, 2")
    gates = await pool.fetch("select name, raiser, value, turns_at, next_value from gate order by 1, 2")
    return [events, heads, tasks, gates, await pool.fetch("select id, case_id, body, reply, at from command order by id")]


# -- the same as one by one ------------------------------------------------------------------------------------------


async def test_it_leaves_what_one_after_the_other_leaves(busy: County):
    """Events, rows, tasks, gates and replies, to the byte; the parent's chain too. The order of the log is that of the call."""
    await after_the_window(busy)
    commands = [late(busy, c) for c in busy.cases]
    async with busy.owner.acquire() as connection:      # one by one first, then taken back
        transaction = connection.transaction()
        await transaction.start()
        door = Door(connection)
        single = [await door.handle(c) for c in commands]
        expected = await left(connection)
        await transaction.rollback()
    answers = await handle_many(busy.door, commands)
    assert answers == single
    assert all(isinstance(a, Receipt) and a.ended == "lapsed" for a in answers)
    got = await left(busy.pool)
    for what, (here, there) in enumerate(zip(got, expected, strict=True)):
        assert here == there, what
    assert (await busy.read(busy.batch_id)).case.children.keys() == set(busy.cases)
    order = [r["case_id"] for r in await busy.pool.fetch("select case_id from event where tag = 'case.case_ended.v1' order by seq")]
    assert order == [*busy.cases, busy.batch_id]        # which ends with its last one
    await clean(busy)


async def test_it_is_two_trips_for_all(busy: County):
    await after_the_window(busy)
    commands = [late(busy, c) for c in busy.cases]
    await handle_many(busy.door, commands[:1])                      # policy and calendar are read once, types once
    queries: list[str] = []
    async with busy.pool.acquire() as connection:
        connection.add_query_logger(lambda record: queries.append(record.query.split("(")[0]))
        door = Door(connection, busy.door.procedures)
        door._policies, door._calendars = busy.door._policies, busy.door._calendars
        await handle_many(door, commands[1:])
    assert [q for q in queries if "pg_" not in q] == ["select * from load_many_v1", "select commit_many_v1"]


async def test_A_2_again_is_the_same_reply_and_another_body_is_refused(busy: County):
    await after_the_window(busy)
    commands = [late(busy, c) for c in busy.cases]
    first = await handle_many(busy.door, commands[:10])
    events = await busy.pool.fetchval("select count(*) from event")
    assert await handle_many(busy.door, commands[:10]) == first
    assert await busy.pool.fetchval("select count(*) from event") == events
    assert await busy.door.handle(commands[3]) == first[3]          # the same ids as one by one
    other = [Command(commands[0].id, WORKFLOW, Act("look"), busy.cases[20]), commands[21]]
    assert [getattr(a, "code", "done") for a in await handle_many(busy.door, other)] == ["id_reused", "done"]
    await clean(busy)


async def test_some_are_refused_and_the_others_go_through(busy: County):
    """No case of that number; a command of an old epoch; and one that has nothing to say leaves nothing."""
    await after_the_window(busy)
    idle = "KG001"                                                  # a school, which has no clock
    commands = [late(busy, busy.cases[0]), Command("none", WORKFLOW, Act("look"), "星申2026-999"),
                Command("old", WORKFLOW, Act("look"), busy.cases[1], epoch=7), Command("idle", WORKFLOW, Act("look"), idle),
                Command("hears", WORKFLOW, Act("hear", form=ConfirmTies(None)), busy.cases[2]), late(busy, busy.cases[3])]
    answers = await handle_many(busy.door, commands)
    assert [getattr(a, "code", "done") for a in answers] == ["done", "not_found", "stage_over", "done", answers[4].code, "done"]
    assert isinstance(answers[4], Refusal)
    assert (await busy.read(busy.cases[2])).case.ended == "lapsed"  # a refused one still leaves its run-outs
    assert await busy.pool.fetchval("select count(*) from command where id = any($1)", ["none", "old", "idle", "hears"]) == 0
    await clean(busy)


async def test_chunks_and_cases_above_each_other(busy: County, monkeypatch: pytest.MonkeyPatch):
    """More than one chunk; and the batch among its own applications is decided after them, since it hears of them."""
    monkeypatch.setattr(many, "CHUNK", 7)
    await after_the_window(busy)
    answers = await handle_many(busy.door, [late(busy, c) for c in (busy.batch_id, *busy.cases)])
    assert all(isinstance(a, Receipt) for a in answers)
    assert answers[0].case == busy.batch_id
    assert await busy.pool.fetchval("select count(*) from case_head where kind = 'star' and ended = 'lapsed'") == len(busy.cases)
    await clean(busy)


# -- races -----------------------------------------------------------------------------------------------------------


class Slower(Door):
    """Something else happens between the load of a chunk and its commit, once."""

    def __init__(self, pool: asyncpg.Pool, meanwhile: Any) -> None:
        super().__init__(pool)
        self.meanwhile: Any = meanwhile
        self.arrived: dict[str, list[Any]] = {}

    async def _decide(self, command: Command, loaded: Any, now: Any) -> Any:
        self.arrived.setdefault(command.id, []).append(now)
        if self.meanwhile:
            then, self.meanwhile = self.meanwhile, None
            await then()
        return await super()._decide(command, loaded, now)


async def test_a_stale_row_is_decided_again_and_nobody_else_is(county: County):
    """People's registers have no parent: each stands alone, and only the one that moved is missing from the answer."""
    people = [f"P{n:05}" for n in range(300, 340)]
    day = (await county.door.who("P00009")).now.date()
    hears = lambda who, id: Command(id, WORKFLOW, Act("hear", form=ConfirmTies(day)), who)      # noqa: E731

    async def rival() -> None:
        assert isinstance(await county.door.handle(hears(people[7], "rival")), Receipt)
    door = Slower(county.pool, rival)
    answers = await handle_many(door, [hears(p, f"m/{p}") for p in people])
    assert all(isinstance(a, Receipt) for a in answers)
    assert {id: len(n) for id, n in door.arrived.items() if len(n) > 1} == {f"m/{people[7]}": 2}
    assert len({*door.arrived[f"m/{people[7]}"]}) == 1, "as of its first arrival"
    await clean(county)


@pytest.mark.parametrize("raced", [False, True], ids=["alone", "the first one loses"])
async def test_a_gate_that_one_moves_is_seen_by_the_next_and_binds_them(busy: County, raced: bool):
    """A school is blocked in the same chunk before its application is looked at. Where the first is stale, what was decided
    on it falls as well; who leans on nothing of it stands."""
    school, case, other = SCHOOLS[4], busy.cases[4], "KG001"
    day = (await busy.door.who("P00009")).now.date()
    blocked: list[bool] = []

    async def rival() -> None:
        assert isinstance(await busy.door.handle(entered(school, "rival", day)), Receipt)

    class Watching(Slower):
        async def _decide(self, command: Command, loaded: Any, now: Any) -> Any:
            if command.case == case:
                blocked.append(bool(loaded.gates.read(f"overdue:{school}")))
            return await super()._decide(command, loaded, now)
    await after_the_window(busy)
    door = Watching(busy.pool, rival if raced else None)
    block = Command("block", WORKFLOW, Act("hear", form=Overdue("督改〔2026〕7号", day)), school)
    answers = await handle_many(door, [block, late(busy, case), entered(other, "other", day)])
    assert all(isinstance(a, Receipt) for a in answers)
    assert blocked == [True] * (1 + raced)
    assert {id: len(n) for id, n in door.arrived.items()} == {"block": 1 + raced, f"many/{case}": 1 + raced, "other": 1}
    versions = "select version from gate_head where name = $1"
    assert await busy.pool.fetchval(versions, f"overdue:{school}") == 2
    await clean(busy)


def entered(school: str, id: str, day: Any) -> Command:
    return Command(id, WORKFLOW, Act("hear", form=EnterTitle("other", 1, day, day + timedelta(days=900))), school)


async def test_a_gate_of_somebody_else_that_moved(busy: County):
    """The school is blocked by a single command after the chunk was loaded: the application is decided again, on that."""
    school, case = SCHOOLS[4], busy.cases[4]
    day = (await busy.door.who("P00009")).now.date()
    seen: list[bool] = []

    class Watching(Slower):
        async def _decide(self, command: Command, loaded: Any, now: Any) -> Any:
            if command.case == case:
                seen.append(bool(loaded.gates.read(f"overdue:{school}")))
            return await super()._decide(command, loaded, now)

    async def rival() -> None:
        block = Command("block", WORKFLOW, Act("hear", form=Overdue("督改〔2026〕7号", day)), school)
        assert isinstance(await busy.door.handle(block), Receipt)
    await after_the_window(busy)
    answers = await handle_many(Watching(busy.pool, rival), [late(busy, case), entered("KG001", "other", day)])
    assert all(isinstance(a, Receipt) for a in answers)
    assert seen == [False, True]
    await clean(busy)


async def test_a_parent_that_moved_takes_its_children_along(busy: County):
    """No child may stand in the log otherwise than its parent knows it."""
    await after_the_window(busy)
    other = busy.cases[-1]
    door = Slower(busy.pool, lambda: busy.door.handle(late(busy, other, "/alone")))
    answers = await handle_many(door, [late(busy, c) for c in busy.cases[:-1]])
    assert all(isinstance(a, Receipt) and a.ended == "lapsed" for a in answers)
    assert {len(n) for n in door.arrived.values()} == {2}
    assert len((await busy.read(busy.batch_id)).case.children) == len(busy.cases)
    await clean(busy)


async def test_the_epoch_that_is_raised_meanwhile_ends_all_of_them(busy: County):
    await after_the_window(busy)
    door = Slower(busy.pool, lambda: raise_epoch(busy.owner))
    answers = await handle_many(door, [Command(f"e/{c}", WORKFLOW, Act("look"), c, epoch=1) for c in busy.cases])
    assert {a.code for a in answers} == {"stage_over"}
    assert await busy.pool.fetchval("select count(*) from event where command like 'e/%'") == 0


async def test_many_against_single_commands(busy: County):
    """Clerks fill in, the batch is looked at, two workers tell the same children at once: all come through, nothing twice."""
    doors, chance = [Door(busy.pool) for _ in range(3)], Random(3)
    clerks = {c: await busy.holder(f"applicant@{s}") for c, s in zip(busy.cases, SCHOOLS, strict=True)}
    day = (await busy.door.who("P00009")).now.date()
    told = [Command(f"tell/{s}", WORKFLOW, Act("hear", form=EnterTitle("star-school", 1, day, day + timedelta(days=900))), s)
            for s in SCHOOLS]

    async def people() -> list[Any]:
        out = []
        for n in range(60):
            case = chance.choice(busy.cases)
            out.append(await doors[2].handle(Command(f"p/{n}", clerks[case], Act("record", 1, form=Describe("竹编", "语文")), case)))
            await asyncio.sleep(chance.random() * 0.003)
        return out

    async def lone() -> list[Any]:
        return [await doors[2].handle(Command(f"l/{n}", WORKFLOW, Act("hear", form=EnterTitle(
            "other", 1, day, day + timedelta(days=900))), chance.choice(SCHOOLS))) for n in range(60)]
    again = [Command(f"t2/{c}", WORKFLOW, Act("look"), c) for c in busy.cases]
    said = await asyncio.gather(people(), lone(), handle_many(doors[0], told), handle_many(doors[1], told[::-1]),
                                *(handle_many(doors[i % 2], again) for i in range(4)))
    assert Counter(a.code for answers in said for a in answers if isinstance(a, Refusal)) == {}
    assert said[2] == said[3][::-1]
    twice = await busy.pool.fetch("select command, case_id from event group by 1, 2 having count(distinct entered_at) > 1")
    assert twice == []
    assert await busy.pool.fetchval("select count(*) from event where command like 'tell/%'") == len(SCHOOLS)
    for s in SCHOOLS:
        state = state_of(await busy.pool.fetchval("select state from case_head where id = $1", s))
        assert sum(t.programme == "star-school" and t.until == day + timedelta(days=900) for t in state.facts.titles) == 1
    await clean(busy)
