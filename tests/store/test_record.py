"""The record: two trips and one commit a command, what a loser, a late worker and a refused act leave, and what stays secret."""
from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY, end_of
from domain.kernel.case import Case, Proposal, Tally
from domain.kernel.clock import Clock
from domain.kernel.events import Event, FactProposed
from domain.kernel.refusal import Refusal
from domain.kernel.seats import Seat, person, post
from domain.kernel.stages import WORKFLOW, Policy, Procedure, Record, Stage, workdays
from domain.kernel.values import TAGS, Text, Value, having
from domain.procedures import PROCEDURES
from domain.recognition.batch import ExtendWindow, OpenBatch
from domain.recognition.dossier import AnswerLeaf, Apply, CoSign, Declare, Describe
from domain.recognition.proposal import Told
from domain.registers.organisation import ProveViolation
from store import codec
from store.database import migrations
from store.door import TRIES, Command, Door, Receipt
from store.files import Files
from store.heads import seal
from store.rebuild import raise_epoch, rebuild
from store.retention import forget
from store.verify import verify
from tests.county import COMMITTEE, HEAD, County

from .conftest import PDF, SMALL, chunks

NOON = datetime(2026, 3, 2, 12, tzinfo=COUNTY)
CLOCK = Clock("second:3", "recusal_decide", "workday", 2, NOON)
DESCRIBE = Describe("竹编", "语文", "报告")


async def clean(county: County) -> None:
    assert [f async for f in verify(county.pool, county.folder / "files")][:-1] == []


async def version(county: County, case: str) -> int:
    return await county.pool.fetchval("select version from case_head where id = $1", case)


# -- two trips, one commit ------------------------------------------------------------------------------------------


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Every statement that goes over the wire, by its first words; BEGIN, or the pool's own reset, would be among them."""
    sent: Counter[str] = Counter()

    def counting(send: Any) -> Any:
        async def sending(self: Any, query: str, *rest: Any, **more: Any) -> Any:
            sent[query.split("(")[0]] += 1
            return await send(self, query, *rest, **more)
        return sending
    with monkeypatch.context() as m:
        for name in ("execute", "_do_execute"):
            m.setattr(asyncpg.Connection, name, counting(getattr(asyncpg.Connection, name)))
        yield sent


LOAD, COMMIT = "select l.* from unnest", "select commit_all_v1"


@pytest.mark.parametrize(("what", "expected"), [
    pytest.param("done", {LOAD: 1, COMMIT: 1}, id="an act"), pytest.param("refused", {LOAD: 1}, id="a refused act"),
    pytest.param("again", {LOAD: 1}, id="the same command again")])
async def test_an_act_is_two_trips(record: County, monkeypatch: pytest.MonkeyPatch, what: str, expected: dict[str, int]):
    """Each statement is a transaction of its own, so the second is the only commit that writes."""
    case, clerk = record.scene["dossier"], record.scene["clerk"]
    await record.act(clerk, case, "record", 1, form=DESCRIBE, id="warm")          # policy and calendar are read once
    with counted(monkeypatch) as sent:
        match what:
            case "refused":
                assert isinstance(await record.ask(clerk, case, "agree", 1, "clerk", form=Declare(True)), Refusal)
            case "again":
                assert isinstance(await record.ask(clerk, case, "record", 1, form=DESCRIBE, id="warm"), Receipt)
            case _:
                await record.act(clerk, case, "record", 1, form=Describe("剪纸", "艺术"))
    assert sent == expected


async def test_the_wire_counter_counts(record: County, monkeypatch: pytest.MonkeyPatch):
    with counted(monkeypatch) as sent:
        async with record.pool.acquire() as connection, connection.transaction():
            await connection.fetchval("select 1")
    assert sent == {"BEGIN;": 1, "select 1": 1, "COMMIT;": 1}


async def test_rows_of_one_act_come_and_go_together(record: County):
    """Event, state, command, outbox and text are written in the same transaction, or none of them is."""
    case, clerk = record.scene["dossier"], record.scene["clerk"]
    await record.act(clerk, case, "record", 1, form=Describe("一起写下", "语文"), id="together")
    xid = await record.pool.fetchval("select xid::text from event where command = 'together' limit 1")
    for table, where in (("case_head", f"id = '{case}'"), ("command", "id = 'together'"),
                         ("text_body", "body = '一起写下'"), ("outbox", f"case_id = '{case}'")):
        rows = await record.pool.fetch(f"select xmin::text from {table} where {where}")
        assert rows, table
        # the savepoint's own number is a little above its transaction's
        assert all(0 <= int(r["xmin"]) - int(xid) % 2**32 <= 1 for r in rows), table


# -- losing a race -------------------------------------------------------------------------------------------------


class Slower(Door):
    """A door in front of whose first commit something else happens."""

    def __init__(self, pool: asyncpg.Pool, meanwhile: Any) -> None:
        super().__init__(pool)
        self.meanwhile, self.tries = meanwhile, 0
        self.arrived: list[datetime] = []

    async def _decide(self, command: Command, loaded: Any, now: datetime) -> Any:
        self.arrived.append(now)
        return await super()._decide(command, loaded, now)

    async def _commit(self, *args: Any) -> bool:
        self.tries += 1
        if self.tries == 1:
            await self.meanwhile()
        return await super()._commit(*args)


async def test_a_stale_command_is_decided_again_as_of_its_first_arrival(record: County):
    """A rival cannot make an act late: the window ends while it waits, and it counts as in time."""
    case, clerk, batch = record.scene["dossier"], record.scene["clerk"], record.scene["new"]
    end = end_of((await record.read(batch)).case.facts.last_day)
    in_time, late = end - timedelta(seconds=1), end + timedelta(seconds=1)
    await record.pool.execute("update county_clock set driven = $1", in_time)

    async def rival() -> None:
        await record.act(clerk, case, "record", 1, form=DESCRIBE)
        await record.pool.execute("update county_clock set driven = $1", late)
    door = Slower(record.pool, rival)
    got = await door.handle(Command("slow", clerk, Act("record", 1, form=AnswerLeaf("A1.1", 900, (), "见现场")), case))
    assert isinstance(got, Receipt), got
    assert (door.tries, door.arrived) == (2, [in_time, in_time])
    row = await record.pool.fetchrow("select at, entered_at from event where command = 'slow' and tag like 'star.%'")
    assert (row["at"], row["entered_at"]) == (in_time, late)
    await clean(record)


async def test_always_slower_is_busy_and_leaves_nothing(record: County):
    case, clerk = record.scene["dossier"], record.scene["clerk"]

    class Hopeless(Slower):
        async def _commit(self, *args: Any) -> bool:
            self.tries += 1
            await record.act(clerk, case, "record", 1, form=DESCRIBE)
            return await Door._commit(self, *args)
    door = Hopeless(record.pool, None)
    got = await door.handle(Command("hopeless", clerk, Act("record", 1, form=Describe("一句没写下的话", "语文")), case))
    assert (got, door.tries) == (Refusal("busy", "A-2"), TRIES)
    assert await record.pool.fetchval("select count(*) from command where id = 'hopeless'") == 0
    assert await record.pool.fetchval("select count(*) from text_body where body = '一句没写下的话'") == 0
    await clean(record)


async def test_what_the_person_saw_has_changed(record: County):
    """A-14: whoever co-signs a dossier that was changed meanwhile is told which part; unchanged, it goes through."""
    case = record.scene["co_sign"]
    principal, clerk = await record.holder("principal@PR003"), await record.holder("applicant@PR003")
    seen = await version(record, case)
    await record.act(principal, case, "return", 2, "principal", to="dossier", opinion="请补充", parts=("leaf.A1.1",))
    visit = (await record.read(case)).case.at("dossier").no
    await record.act(clerk, case, "record", visit, form=AnswerLeaf("A1.1", 800, (), "改过"))
    await record.act(clerk, case, "agree", visit, "clerk", form=Declare(True))
    now = (await record.read(case)).case.at("co_sign").no
    got = await record.ask(principal, case, "agree", now, "principal", form=CoSign(), saw=seen)
    assert isinstance(got, Refusal)
    assert (got.code, set(got.detail["changed"].split("、"))) == ("stale_version", {"leaf.A1.1", "declaration"})
    got = await record.ask(principal, case, "agree", now, "principal", form=CoSign(), saw=await version(record, case))
    assert isinstance(got, Receipt), got


# -- the epoch ------------------------------------------------------------------------------------------------------


async def test_a_command_of_an_old_epoch_is_refused(record: County):
    case = record.scene["dossier"]
    assert isinstance(await record.door.handle(Command("now", WORKFLOW, Act("look"), case, epoch=1)), Receipt)
    assert await raise_epoch(record.owner) == 7
    got = await record.door.handle(Command("old", WORKFLOW, Act("look"), case, epoch=1))
    assert got == Refusal("stage_over", "A-3")
    assert isinstance(await record.door.handle(Command("new", WORKFLOW, Act("look"), case, epoch=2)), Receipt)
    assert isinstance(await record.ask(record.scene["clerk"], case, "record", 1, form=DESCRIBE), Receipt)


async def test_a_commit_under_way_is_over_before_the_epoch_is_raised(record: County):
    """Else an old worker's command could come into the log after everybody was told that none will."""
    case = record.scene["dossier"]
    await record.pool.execute("update county_clock set driven = driven + interval '40 days'")
    holding, done = asyncio.Event(), []

    class Held(Door):
        async def _commit_all(self, calls: Any) -> Any:
            async with self.pool.acquire() as connection, connection.transaction():
                answers = await connection.fetchval("select commit_all_v1($1)", calls)
                holding.set()
                await asyncio.sleep(0.3)
            done.append("commit")
            return answers
    door = Held(record.pool)
    tick = asyncio.create_task(door.handle(Command("tick", WORKFLOW, Act("look"), case, epoch=1)))
    await holding.wait()
    await raise_epoch(record.owner)
    done.append("raised")
    assert isinstance(await tick, Receipt)
    assert done == ["commit", "raised"]


async def test_a_command_that_met_the_old_epoch_and_commits_after_it_is_refused(record: County):
    case = record.scene["dossier"]
    await record.pool.execute("update county_clock set driven = driven + interval '40 days'")
    door = Slower(record.pool, lambda: raise_epoch(record.owner))
    got = await door.handle(Command("tick", WORKFLOW, Act("look"), case, epoch=1))
    assert got == Refusal("stage_over", "A-3")
    assert await record.pool.fetchval("select count(*) from event where command = 'tick'") == 0


# -- run-outs -------------------------------------------------------------------------------------------------------


async def test_a_refused_act_leaves_the_run_outs_that_it_met(record: County):
    """The clerk comes too late: refused, and the lapse stands in the log as of its own moment."""
    case, clerk = record.scene["dossier"], record.scene["clerk"]
    end = end_of((await record.read(record.scene["new"])).case.facts.last_day)
    await record.pool.execute("update county_clock set driven = $1", end + timedelta(hours=9))
    got = await record.ask(clerk, case, "record", 1, form=DESCRIBE, id="late")
    assert got == Refusal("past_deadline", "C-24")
    rows = await record.pool.fetch("select tag, at, actor from event where command like 'late/look%' and case_id = $1 "
                                   "order by version", case)
    assert [(r["tag"], r["at"], r["actor"]) for r in rows if r["tag"] != "case.reminder_due.v1"] == [
        (tag, end, "system") for tag in ("case.clock_ran_out.v1", "case.stage_closed.v1", "case.case_ended.v1")]
    assert await record.pool.fetchval("select count(*) from command where id = 'late'") == 0
    await clean(record)


async def test_the_same_refused_command_leaves_run_outs_each_time(record: County):
    """Refusals leave no row: sent again a day later, it meets what has run out since."""
    case, clerk = record.scene["dossier"], record.scene["clerk"]
    end = end_of((await record.read(record.scene["new"])).case.facts.last_day)
    for moment in (end - timedelta(days=1), end + timedelta(days=1)):
        await record.pool.execute("update county_clock set driven = $1", moment)
        assert isinstance(await record.ask(clerk, case, "agree", 1, "clerk", form=Declare(True), id="again"), Refusal)
        assert await record.pool.fetchval("select next_at is null or next_at > $2 from case_head where id = $1", case, moment)


async def test_a_moved_window_moves_the_due_day_in_the_inbox(record: County):
    """R-5: nobody acts on the dossier, yet its clerk sees the new last day, in the inbox and in the order of it."""
    case, batch = record.scene["dossier"], record.scene["new"]
    last_day = (await record.read(batch)).case.facts.last_day
    due = "select due from task where case_id = $1"
    assert await record.pool.fetchval(due, case) == end_of(last_day)
    await record.act(HEAD, batch, "record", 1, form=ExtendWindow(last_day + timedelta(days=5)))
    await record.settle()
    assert await record.pool.fetchval(due, case) == end_of(last_day + timedelta(days=5))
    assert await record.pool.fetchval("select next_at from case_head where id = $1", case) == (
        await record.read(case)).plan.next_at


# -- what is secret -------------------------------------------------------------------------------------------------


async def test_R_45_no_choice_is_in_the_log_while_the_vote_is_open(record: County):
    """The fact says that the seat voted; totals come with the close, choices never."""
    candidate = record.scene["candidates"][0]
    visit = (await record.read(candidate)).case.at("vote").no
    choices = dict(zip(COMMITTEE, ("yes", "no", "abstain", "yes", "yes"), strict=True))
    for member, choice in choices.items():
        await record.act(member, candidate, choice, visit, member)
    await record.act(COMMITTEE[1], candidate, "yes", visit, COMMITTEE[1])          # a vote may be changed
    rows = await record.pool.fetch("select tag, data from event where case_id = $1 and actor = any($2)", candidate,
                                   list(COMMITTEE))
    acted = [json.loads(r["data"]) for r in rows if r["tag"] == "case.seat_acted.v1"]
    assert [a["verb"] for a in acted] == 6 * ["voted"]
    everything = b"".join([r["data"] for r in rows] + [r["reply"] for r in await record.pool.fetch(
        "select reply from command where case_id = $1", candidate)] + [await record.pool.fetchval(
            "select state from case_head where id = $1", candidate)])
    assert not any(f':"{choice}"'.encode() in everything for choice in ("yes", "no", "abstain"))
    await record.act(record.scene["chair"], candidate, "close", visit)
    closed = codec.event_of("case.ballot_closed.v1", await record.pool.fetchval(
        "select data from event where case_id = $1 and tag = 'case.ballot_closed.v1'", candidate))
    assert (closed.yes, closed.no, closed.abstain, closed.result) == (4, 0, 1, "passed")
    await clean(record)


async def test_R_45_after_the_close_nothing_tells_who_voted_how(record: County):
    """Whoever holds the whole database: two records that differ in one secret choice differ in nothing but the totals."""
    candidate, chair = record.scene["candidates"][0], record.scene["chair"]
    visit = (await record.read(candidate)).case.at("vote").no

    async def left(second: str, third: str) -> list[str]:
        """Everything that the ballot leaves, in all tables, but for the moments and what hangs on them."""
        async with record.owner.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            door = Door(connection)
            for member, choice in zip(COMMITTEE, ("yes", second, third, "yes", "yes"), strict=True):
                reason = "我认为不达标。" if choice == "no" else ""
                vote = Command(f"{member}/vote", member, Act(choice, visit, member, opinion=Text(reason)), candidate)
                assert isinstance(await door.handle(vote), Receipt)
            got = await door.handle(Command(f"{chair}/close", chair, Act("close", visit), candidate))
            assert isinstance(got, Receipt), got
            tables = [r["tablename"] for r in await connection.fetch(
                "select tablename from pg_tables where schemaname = 'public' and tablename not in ('heartbeat', 'outbox')")]
            rows = [f"{t} {dict(r)}" for t in sorted(tables) for r in await connection.fetch(
                f"select (to_jsonb(t) - '{{seq,xid}}'::text[]) - 'opened_at' - 'at' r from {t} t order by 1")]
            await transaction.rollback()
        return rows
    one, other = await left("no", "yes"), await left("yes", "no")
    assert one == other
    assert not any("我认为不达标" in row for row in one)
    assert one != await left("yes", "yes"), "the totals do differ"


async def test_A_2_a_vote_that_is_sent_again_is_the_same_or_refused(record: County):
    """From another process, too, and after the vote was changed by a later one; after the close it still has its reply."""
    candidate, member = record.scene["candidates"][0], COMMITTEE[2]
    visit = (await record.read(candidate)).case.at("vote").no

    def vote(choice: str, id: str, opinion: str = "") -> Command:
        return Command(id, member, Act(choice, visit, member, opinion=Text(opinion)), candidate)
    first = await record.door.handle(vote("yes", "v1"))
    changed = await record.door.handle(vote("no", "v2"))
    assert isinstance(first, Receipt) and isinstance(changed, Receipt)
    for door in (record.door, Door(record.pool)):
        assert await door.handle(vote("yes", "v1")) == first
        assert await door.handle(vote("no", "v2")) == changed
        for other in (vote("no", "v1"), vote("yes", "v2"), vote("abstain", "v1"), vote("yes", "v1", "另有意见")):
            assert await door.handle(other) == Refusal("id_reused", "A-2")
    for one in COMMITTEE:
        if one != member:
            await record.act(one, candidate, "yes", visit, one)
    await record.act(record.scene["chair"], candidate, "close", visit)
    assert await record.door.handle(vote("yes", "v1")) == first
    assert await record.door.handle(vote("no", "v2")) == changed
    assert await record.door.handle(having(vote("no", "v2"), actor=COMMITTEE[3])) == Refusal("id_reused", "A-2")


@pytest.mark.parametrize("how", ["closed", "withdrawn"])
async def test_R_45_the_vault_is_emptied_in_the_commit_that_ends_the_ballot(record: County, how: str):
    """However it ends; the next morning the empty rows are gone as well."""
    candidate = record.scene["candidates"][0]
    visit = (await record.read(candidate)).case.at("vote").no
    for member in COMMITTEE:
        await record.act(member, candidate, "yes", visit, member)
    full = "select count(*) from sealed_vote where case_id = $1 and choice <> ''"
    assert await record.pool.fetchval(full, candidate) == 2 * len(COMMITTEE)
    if how == "closed":
        await record.act(record.scene["chair"], candidate, "close", visit, id="end")
    else:
        await record.act(await record.holder("principal@PR017"), candidate, "withdraw", id="end")
    xid = await record.pool.fetchval("select xid::text from event where command = 'end' limit 1")
    rows = await record.pool.fetch("select choice, xmin::text from sealed_vote where case_id = $1", candidate)
    assert [r["choice"] for r in rows] == 2 * len(COMMITTEE) * [""]
    assert all(0 <= int(r["xmin"]) - int(xid) % 2**32 <= 1 for r in rows)
    await forget(record.pool)
    assert await record.pool.fetchval("select count(*) from sealed_vote") == 0
    await clean(record)


async def test_R_45_what_ballots_of_before_have_left_goes_with_the_migration(record: County):
    """Choices of the closed one and the hashes of its votes; the ballot that is still open keeps its own."""
    closed, still_open = record.scene["candidates"]
    visits = {c: (await record.read(c)).case.at("vote").no for c in (closed, still_open)}
    for case, visit in visits.items():
        for member in COMMITTEE:
            await record.act(member, case, "yes", visit, member, id=f"{case}/{member}")
    await record.act(record.scene["chair"], closed, "close", visits[closed])
    await record.pool.execute("update sealed_vote set choice = 'yes' where case_id = $1", closed)
    await record.owner.execute(next(sql for number, sql in migrations() if number == 6))
    assert {r["case_id"] for r in await record.pool.fetch("select case_id from sealed_vote")} == {still_open}
    assert not await record.pool.fetch("select id from command where id = any($1)", [f"{closed}/{m}" for m in COMMITTEE])
    await record.act(record.scene["chair"], still_open, "close", visits[still_open])
    await clean(record)


async def test_who_sat_there_once_may_still_see_the_case(record: County):
    """G-30: the committee sees its batch after the meeting, also when a child has told something since."""
    old, member = record.scene["old"], COMMITTEE[2]
    await record.vote(old, record.scene["chair"])
    await record.to_signing(old, record.scene["chair"])
    assert not isinstance(await record.door.read(old, member), Refusal)
    principal = await record.holder("principal@PR017")
    await record.act(principal, record.scene["candidates"][0], "withdraw")
    assert not isinstance(await record.door.read(old, member), Refusal)


async def test_G_28_erased_words_leave_everything_else(record: County):
    from store.reads import history, references_in, texts
    case = record.scene["dossier"]
    await seal(record.pool, record.folder)
    await record.owner.execute("update text_body set body = null, erased_at = now() where body = '一句找得到的话'")
    events = [r["event"] for r in await history(record.pool, case)]
    said = await texts(record.pool, references_in(events))
    assert list(said.values()) == ["(已删除)"]
    found = [f async for f in verify(record.pool, record.folder / "files", record.folder / "heads.jsonl")]
    assert found[:-1] == []


async def test_words_of_a_proposed_fact_are_found_too(record: County):
    """They lie one level deeper, in the form that waits for its second person."""
    from store.reads import history, references_in, texts
    staff = await record.holder("supervision_office_staff@SC4")
    await record.act(staff, "PR003", "record", form=ProveViolation("岚教督结〔2026〕9号", "illegal_fee", date(2026, 3, 1), "查处决定书"))
    events = [r["event"] for r in await history(record.pool, "PR003")]
    assert list((await texts(record.pool, references_in(events))).values()) == ["查处决定书"]


# -- opening --------------------------------------------------------------------------------------------------------


async def test_a_child_keeps_the_policy_of_its_parent(record: County):
    """R-64: a school does not choose by which year's rules it is judged."""
    clerk = await record.holder("applicant@VS001")
    got = await record.open(clerk, "star", "VS001", record.scene["new"], policy="star-school-2015", form=Apply(1))
    assert isinstance(got, Receipt), got
    assert await record.pool.fetchval("select policy from case_head where id = $1", got.case) == SMALL


@pytest.mark.parametrize(("kind", "subject"), [("star_batch", "star-school"), ("star", "VS001")])
async def test_no_case_with_rules_opens_without_them(record: County, kind: str, subject: str):
    form = OpenBatch("新批次", date(2026, 3, 20), date(2026, 4, 19)) if kind == "star_batch" else Apply(1)
    got = await record.open(HEAD, kind, subject, policy="", form=form)
    assert got == Refusal("policy_invalid", "R-5")


async def test_a_policy_that_is_not_there_yet_is_refused_and_found_once_it_is(record: County):
    form = OpenBatch("新批次", date(2026, 3, 20), date(2026, 4, 19))
    got = await record.open(HEAD, "star_batch", "star-school", policy="star-school-2098", form=form)
    assert got == Refusal("policy_invalid", "R-5")
    await record.owner.execute("insert into policy select 'star-school-2098', family, body, now() from policy where id = $1", SMALL)
    assert isinstance(await record.open(HEAD, "star_batch", "star-school", policy="star-school-2098", form=form), Receipt)


# -- made again from the log ---------------------------------------------------------------------------------------


MADE = {"case_head": "id, kind, subject, parent, policy, version, state, head, leans, holders, stages, ended, next_at, driver, "
                     "opened_at, touched_at",
        "task": "case_id, key, visit, stage, line, seat, holder, pool, due, provisional, since",
        "gate": "name, raiser, value, turns_at, next_value"}


async def made(county: County) -> dict[str, list[Any]]:
    rows = {t: [dict(r) for r in await county.pool.fetch(f"select {columns} from {t} order by 1, 2")]
            for t, columns in MADE.items()}
    for r in rows["case_head"]:
        r["holders"] = set(r["holders"])
    return rows


async def test_rebuild_makes_the_same_tables(record: County):
    """Damaged, emptied or spoiled by rows of nobody: everything that is made from the log comes back as it was."""
    await record.pool.execute("update county_clock set driven = driven + interval '1 day'")     # not all written at one moment
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=DESCRIBE)
    before = await made(record)
    await record.owner.execute("""
        update case_head set state = 'x', leans = '{}', holders = '{}', stages = '{}', ended = 'x', next_at = null, policy = 'x',
            subject = 'x', head = '', version = 1, driver = '', opened_at = now(), touched_at = now();
        delete from case_head where id in (select case_id from task order by case_id limit 3) or id = 'calendars';
        insert into case_head select 'ghost', kind, subject, parent, policy, version, state, head, leans, holders, stages, ended,
            next_at, driver, opened_at, touched_at from case_head limit 1;
        delete from task where holder like 'person@%';
        update task set due = null, since = now(), holder = 'person@P00001', pool = not pool;
        insert into task select 'ghost', key, visit, stage, line, seat, holder, pool, due, provisional, since from task limit 1;
        delete from gate where name like 'overdue:%'; update gate set value = 'x';
        insert into gate values ('overdue:PR003', 'ghost', 'x')""")
    assert await rebuild(record.owner) == len(before["case_head"])
    after = await made(record)
    for table in MADE:
        assert after[table] == before[table], table
    await clean(record)


async def test_rebuild_of_a_sound_record_changes_nothing(record: County):
    before = await made(record)
    await rebuild(record.owner)
    assert await made(record) == before
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=DESCRIBE)


# -- evidence -------------------------------------------------------------------------------------------------------


EXE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(200)


@pytest.mark.parametrize(("data", "name", "code"), [
    pytest.param(PDF + bytes(5000), "大.pdf", "too_large", id="too large"),
    pytest.param(EXE, "计划.pdf", "wrong_file_type", id="a program that is called a PDF"),
    pytest.param(EXE, "计划.exe", "wrong_file_type", id="a program"),
    pytest.param(b"", "空.pdf", "wrong_file_type", id="empty"),
    pytest.param(PDF, "计划.png", "wrong_file_type", id="another kind than its name says"),
    pytest.param(PDF, "计划", "wrong_file_type", id="no extension"),
    pytest.param(b"<html><script>alert(1)</script>", "页.pdf", "wrong_file_type", id="a page")])
async def test_R_10_an_upload_that_is_refused_leaves_nothing(record: County, data: bytes, name: str, code: str):
    files = Files(record.folder / "files", 4096)
    before = sorted(p for p in files.folder.rglob("*") if p.is_file())
    rows = await record.pool.fetchval("select count(*) from file_use")
    got = await files.take(chunks(data), name, record.scene["clerk"], record.pool)
    assert isinstance(got, Refusal)
    assert (got.code, got.rule) == (code, "R-10")
    assert sorted(p for p in files.folder.rglob("*") if p.is_file()) == before
    assert await record.pool.fetchval("select count(*) from file_use") == rows


async def test_an_upload_that_breaks_off_leaves_nothing(record: County):
    files = record.duties.files
    before = sorted(p for p in files.folder.rglob("*") if p.is_file())

    async def broken():
        yield PDF
        raise ConnectionResetError
    with pytest.raises(ConnectionResetError):
        await files.take(broken(), "计划.pdf", record.scene["clerk"], record.pool)
    assert sorted(p for p in files.folder.rglob("*") if p.is_file()) == before


async def test_a_file_lies_where_its_hash_says_and_once(record: County):
    files, clerk = record.duties.files, record.scene["clerk"]
    data = PDF + b"% one more line\n"
    one = await files.take(chunks(data), "../../etc/计划.pdf", clerk, record.pool)
    two = await files.take(chunks(data, 7), "又一份.PDF", await record.holder("applicant@PR003"), record.pool)
    assert one == two
    assert files.path(one) == files.folder / one[:2] / one
    assert files.path(one).read_bytes() == data
    assert await record.pool.fetchval("select count(*) from file where hash = $1", one) == 1


async def test_another_persons_upload_cannot_be_attached(record: County):
    """Known hash or not: only one's own uploads, and what the case holds already."""
    case, clerk, other = record.scene["dossier"], record.scene["clerk"], await record.holder("applicant@PR003")
    files = record.duties.files
    theirs = await files.take(chunks(PDF + b"% theirs\n"), "别人的.pdf", other, record.pool)
    mine = await files.take(chunks(PDF + b"% mine\n"), "我的.pdf", clerk, record.pool)
    for hashes in ((theirs,), (mine, theirs), ("0" * 64,), ("../../etc/passwd",)):
        got = await record.ask(clerk, case, "record", 1, form=AnswerLeaf("A1.1", 1000, hashes))
        assert got == Refusal("attachment_required", "R-10", {"leaf": hashes[-1]})
    assert isinstance(await record.ask(clerk, case, "record", 1, form=AnswerLeaf("A1.1", 1000, (mine, record.scene["file"]))),
                      Receipt)
    assert await record.pool.fetchval("select case_id from file_use where hash = $1 and case_id <> ''", mine) == case
    await clean(record)


# -- bytes ----------------------------------------------------------------------------------------------------------


def test_an_unknown_tag_is_an_error():
    """Never skipped: the program is older than the log."""
    for decode in (lambda: codec.event_of("star.from_tomorrow.v1", b"{}"), lambda: codec.value_of(b'["star.from_tomorrow.v1",{}]')):
        with pytest.raises(codec.UnknownTag):
            decode()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"reason":1}', b'{"more":', b"\xff\xfe"])
def test_bytes_that_are_no_event_are_an_error(data: bytes):
    with pytest.raises(codec.msgspec.DecodeError):
        codec.event_of("case.case_suspended.v1", data)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, COUNTY]))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the log writes it."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return st.none() | WORDS | st.integers(-2**53, 2**53)
    if hint in (str, Text):
        return WORDS
    if hint is int:
        return st.integers(-2**53, 2**53)
    if hint is bool:
        return st.booleans()
    if hint is date:
        return st.dates(date(2000, 1, 1), date(2100, 1, 1))
    if hint is datetime:
        return MOMENTS
    if hint is type(None):
        return st.none()
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(values(args[0]), max_size=2).map(tuple) if args[-1] is Ellipsis else st.tuples(*map(values, args))
    if origin is frozenset:
        return st.frozensets(values(args[0]), max_size=3)
    if origin in (Mapping, dict) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return st.dictionaries(values(args[0]), values(args[1]), max_size=2)
    if hint is Tally:
        return st.just(Tally())
    assert issubclass(hint, Value) or dataclasses.is_dataclass(hint), hint
    return built(hint)


@functools.cache
def built(cls: type) -> st.SearchStrategy[Any]:
    """Deferred: a calendar holds the one before it."""
    hints = get_type_hints(cls)
    return st.deferred(lambda: st.builds(cls, **{name: values(hint) for name, hint in hints.items() if get_origin(hint) is not ClassVar}))


ALL = sorted(t for t, cls in TAGS.items() if cls.__module__.startswith("domain."))


@pytest.mark.parametrize("tag", ALL)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_tagged_value_comes_back_as_it_was(tag: str, data: st.DataObject):
    """As a gate's value or a state's facts; an event also by itself; and its bytes are always the same."""
    value = data.draw(values(TAGS[tag]))
    stored = codec.value_bytes(value)
    assert codec.value_of(stored) == value
    assert codec.value_bytes(codec.value_of(stored)) == stored
    if isinstance(value, Event):
        stored = codec.event_bytes(value)
        assert codec.event_of(tag, stored) == value
        assert codec.event_bytes(codec.event_of(tag, stored)) == stored


FACTS = [TAGS[t] for t in ALL if hasattr(TAGS[t], "evolve")]
FORM = ProveViolation("岚教督结〔2026〕1号", "illegal_fee", date(2026, 3, 1))


@settings(max_examples=150, deadline=None)
@given(case=values(Case), facts=st.one_of(*map(values, FACTS)), told=values(TAGS["star.stands.v1"]), no=st.integers(1, 9),
       who=st.tuples(WORDS, WORDS, WORDS))
def test_every_state_comes_back_as_it_was(case: Case, facts: Any, told: Any, no: int, who: tuple[str, str, str]):
    proposed = (Proposal(no, FORM, who[0], Text("why"), no, who[1], who[2], NOON, CLOCK), Proposal(no + 1, None, who[0]))
    case = having(case, facts=facts, children={"星申2026-001": told}, proposed=proposed, tally=Tally(), line="")
    stored = codec.state_bytes(case)
    assert codec.state_of(stored) == case
    assert codec.state_bytes(codec.state_of(stored)) == stored


def test_a_proposal_keeps_its_visit_and_the_principal_behind_it():
    """Else a substitute could confirm what their principal proposed (G-13)."""
    event = FactProposed(FORM, Text("why"), 7, NOON, CLOCK)
    assert codec.event_of(event.tag, codec.event_bytes(event)) == event
    assert codec.event_of(event.tag, b'{"form":["",null],"reason":""}') == FactProposed(None)     # as it was once written
    case = having(Case(), proposed=(Proposal(3, FORM, "a"),))
    older = codec.msgspec.json.decode(codec.state_bytes(case))
    older[3] = [p[:7] for p in older[3]]
    assert codec.state_of(codec.encode(older)) == case


@given(st.dictionaries(WORDS, st.integers(), max_size=4), st.randoms())
def test_the_order_in_which_a_mapping_was_filled_changes_no_byte(mapping: dict[str, int], chance: Any):
    items = list(mapping.items())
    chance.shuffle(items)
    assert codec.encode(dict(items)) == codec.encode(mapping)



# -- gates that turn by time -----------------------------------------------------------------------------------------


class Terms(Policy):
    """One working day less than a week."""
    five: int = 5


def _late(case: Case) -> dict[str, int]:
    return {f"late:{case.subject}": int(any(c.ran_out for v in case.open for c in v.clocks))}


MEND = Procedure(kind="mend", policy=lambda data: Terms(), office=lambda case: post("office_staff", "SC1"),
                 head=lambda case: post("office_head", "SC1"), shows=_late, turning=True, opened_by=(Record(Told, None),),
                 rules={Told: lambda *_: []},
                 stages=(Stage("mend", seats=lambda case, policy: (Seat("a", person("P00001")),), clock=workdays("five")),))


async def test_a_gate_that_turns_by_time_moves_with_its_clock(county: County):
    """More days for a rectification: what others read as its end must move too, and whoever leaned on it decides again."""
    door = Door(county.pool, {**PROCEDURES, MEND.kind: MEND})
    got = await door.handle(Command("open", WORKFLOW, Act("open", form=Told()), kind="mend", subject="PR003", new_id="改1"))
    assert isinstance(got, Receipt), got
    row = "select turns_at, next_value, (select version from gate_head h where h.name = g.name) version from gate g where raiser = '改1'"
    before = await county.pool.fetchrow(row)
    assert codec.value_of(before["next_value"]) == 1
    clerk = await county.holder("office_staff@SC1")
    got = await door.handle(Command("more", clerk, Act("extend", 1, more=2, opinion="工程量大"), "改1"))
    assert isinstance(got, Receipt), got
    after = await county.pool.fetchrow(row)
    assert after["turns_at"] == (await door.read("改1", WORKFLOW)).plan.clocks[0].due > before["turns_at"]
    assert after["version"] == before["version"] + 1
    assert [f async for f in verify(county.pool, None, None, door.procedures)][:-1] == []
