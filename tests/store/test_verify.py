"""核验. Whatever somebody with the keys to the database changes behind the door is named, with case and version.

The owner of the tables switches the triggers off first; who cannot even do that is refused (test_door.py).
"""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidSignature

from domain.kernel.calendar import COUNTY
from domain.kernel.events import Entry
from domain.recognition.dossier import Describe
from store import codec
from store.database import open_pool
from store.heads import KEY, Damaged, read_heads, seal, trusted
from store.verify import Fault, verify
from tests.conftest import _create, _drop, as_app
from tests.county import County

from .conftest import SMALL, Scene


async def faults(county: County, heads: Path | None = None) -> list[Fault]:
    """What `verify` names, without its last line."""
    *found, end = [f async for f in verify(county.pool, county.folder / "files", heads)]
    assert end.case is None
    assert end.version == await county.pool.fetchval("select count(*) from event")
    return found


async def named(county: County, heads: Path | None = None) -> set[tuple[str | None, int]]:
    return {(f.case, f.version) for f in await faults(county, heads)}


@pytest_asyncio.fixture(scope="module")
async def whole(server: str, called: Scene) -> AsyncIterator[County]:
    """One record for all tests that put back what they changed (`changed`)."""
    url = await _create(server, "whole", called.database)
    pool, owner = await open_pool(as_app(url), 4), await open_pool(url, 2)
    for table in MADE:
        await owner.execute(f"create table saved_{table} as table {table}")
    county = County(pool, called.folder, as_app(url), owner=owner)
    county.scene = called
    yield county
    await pool.close()
    await owner.close()
    await _drop(server, "whole")


MADE = ("event", "case_head", "task", "gate")


@asynccontextmanager
async def changed(county: County, sql: str, *values: Any) -> AsyncIterator[None]:
    """The record with one thing changed behind the door; put back afterwards."""
    await behind_the_door(county, sql, *values)
    try:
        yield
    finally:
        for table in MADE:
            await behind_the_door(county, f"delete from {table}")
            await behind_the_door(county, f"insert into {table} overriding system value select * from saved_{table}")


async def behind_the_door(county: County, sql: str, *values: Any) -> None:
    """As the owner, with the triggers off; at least one row."""
    async with county.owner.acquire() as connection, connection.transaction():
        await connection.execute("alter table event disable trigger all")
        done = await connection.execute(sql, *values)
        await connection.execute("alter table event enable always trigger event_no_update")
        await connection.execute("alter table event enable always trigger event_no_truncate")
    assert int(done.rsplit(" ", 1)[-1]) > 0, done


async def version(county: County, case: str) -> int:
    return await county.pool.fetchval("select version from case_head where id = $1", case)


async def test_a_clean_record_has_no_fault(record: County):
    await seal(record.pool, record.folder)
    assert await faults(record, record.folder / "heads.jsonl") == []
    assert await record.pool.fetchval("select count(*) from event") > 1500


# -- the log ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    "data = set_byte(data, length(data) - 2, get_byte(data, length(data) - 2) # 1)",
    "actor = 'P00001'", "behind = 'P00001'", "post = 'principal@PR003'", "rule = 'R-99'", "at = at - interval '1 second'",
    "entered_at = entered_at - interval '1 second'", "command = 'another'", "cause = 'another'", "tag = 'star.described.v1'",
    "hash = set_byte(hash, 20, get_byte(hash, 20) # 1)", "prev = set_byte(prev, 20, get_byte(prev, 20) # 1)"])
async def test_one_event_changed(whole: County, change: str):
    case = whole.scene["dossier"]
    async with changed(whole, f"update event set {change} where case_id = $1 and version = 4", case):
        assert await named(whole) == {(case, 4)}


async def test_an_unknown_tag_is_named(whole: County):
    """An older program never skips what a newer one wrote."""
    case = whole.scene["dossier"]
    async with changed(whole, "update event set tag = 'star.from_tomorrow.v9' where case_id = $1 and version = 4", case):
        assert await faults(whole) == [Fault(case, 4, "内容不能识别")]


async def test_an_event_removed_in_the_middle(whole: County):
    case = whole.scene["dossier"]
    async with changed(whole, "delete from event where case_id = $1 and version = 3", case):
        assert await named(whole) == {(case, 4)}
        await behind_the_door(whole, "update event set version = version - 1 where case_id = $1 and version > 3", case)
        assert (case, 3) in await named(whole)


async def test_the_newest_event_removed(whole: County):
    """Without a signed head only the case's own row shows it."""
    case = whole.scene["dossier"]
    last = await version(whole, case)
    async with changed(whole, "delete from event where case_id = $1 and version = $2", case, last):
        assert (case, last - 1) in await named(whole)


async def test_the_row_or_all_events_of_a_case_removed(whole: County):
    case = whole.scene["co_sign"]
    last = await version(whole, case)
    async with changed(whole, "delete from case_head where id = $1", case):
        assert (case, last) in await named(whole)
    async with changed(whole, "delete from event where case_id = $1", case):
        assert (case, 0) in await named(whole)


# -- what only a signed head shows ----------------------------------------------------------------------------------


async def cut_off(county: County, case: str, newest: int) -> None:
    """The case as it was before its newest events, consistent in every table: the work of somebody who knows ours."""
    from store.rebuild import rebuild
    await behind_the_door(county, "delete from event where case_id = $1 and version > $2", case, newest)
    await behind_the_door(county, "update case_head k set version = e.version, head = e.hash from event e "
                                  "where k.id = $1 and e.case_id = k.id and e.version = $2", case, newest)
    await rebuild(county.owner)


async def test_the_newest_events_cut_off_consistently(record: County):
    case, heads = record.scene["dossier"], record.folder / "heads.jsonl"
    last = await version(record, case)
    await seal(record.pool, record.folder)
    await cut_off(record, case, last - 1)
    assert await faults(record) == []
    assert await named(record, heads) == {(case, last)}


async def test_a_whole_case_removed(record: County):
    """A school of which nothing else speaks: no parent, no child."""
    case, heads = "KG001", record.folder / "heads.jsonl"
    last = await version(record, case)
    await seal(record.pool, record.folder)
    for table, column in (("event", "case_id"), ("command", "case_id"), ("gate", "raiser"), ("case_head", "id")):
        await behind_the_door(record, f"delete from {table} where {column} = $1", case)
    assert await faults(record) == []
    assert await named(record, heads) == {(case, last)}


async def forge(county: County, case: str, by: str = "", without: str = "") -> None:
    """Another actor of the third event, or none of some kind, and every hash made to fit: somebody has our program."""
    head, n = b"", 0
    for r in await county.pool.fetch("select * from event where case_id = $1 order by version", case):
        if r["tag"] == without:
            await behind_the_door(county, "delete from event where case_id = $1 and version = $2", case, r["version"])
            continue
        n += 1
        actor = by if n == 3 and by else r["actor"]
        entry = Entry(codec.event_of(r["tag"], r["data"]), r["at"].astimezone(COUNTY), actor, r["rule"], r["post"], r["behind"])
        made = codec.chained(head, case, n, entry, r["data"], r["entered_at"], r["command"], r["cause"])
        await behind_the_door(county, "update event set version = $3, actor = $4, prev = $5, hash = $6 "
                                      "where case_id = $1 and version = $2", case, r["version"], n, actor, head, made)
        head = made
    await behind_the_door(county, "update case_head set head = $2, version = $3 where id = $1", case, head, n)


async def test_a_forged_chain_under_a_signed_head(record: County):
    """The chain alone cannot show it; the head that was signed does, also when the case has gone on since."""
    case, heads = record.scene["dossier"], record.folder / "heads.jsonl"
    signed = await version(record, case)
    await seal(record.pool, record.folder)
    await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", "艺术"))
    assert await faults(record, heads) == []
    await forge(record, case, by="P00001")
    assert {f for f in await named(record) if f[1] == 3} == set()
    assert (case, signed) in await named(record, heads)


async def test_a_policy_changed_after_it_was_signed(record: County):
    """A lower pass mark than the one that the schools were told."""
    await seal(record.pool, record.folder)
    await behind_the_door(record, "update policy set body = convert_to(replace(convert_from(body, 'UTF8'), '75.00', '15.00'), "
                                  "'UTF8') where id = 'star-school-2026'")
    assert await faults(record, record.folder / "heads.jsonl") == [
        Fault("policy:star-school-2026", 1, "政策文件与签名存放时的不同")]


async def test_a_policy_that_is_gone_is_named_at_its_cases(record: County):
    await behind_the_door(record, "delete from policy where id = $1", SMALL)
    scene = record.scene
    cases = {scene["old"], scene["new"], scene["dossier"], scene["co_sign"], *scene["candidates"]}
    assert set(await faults(record)) == {Fault(c, await version(record, c), "政策文件不能读") for c in cases}


@pytest.mark.parametrize("tag", ["case.stage_opened.v1", "case.case_opened.v1"])
async def test_a_forged_log_that_nobody_could_have_written(whole: County, tag: str):
    """Without the beginning of a case or of a stage the rest cannot have happened."""
    case = whole.scene["co_sign"]
    async with changed(whole, "update case_head set version = version where id = $1", case):
        await forge(whole, case, without=tag)
        assert {f[0] for f in await named(whole)} == {case}


async def test_a_changed_seal_file_is_refused(record: County):
    heads = record.folder / "heads.jsonl"
    await seal(record.pool, record.folder)
    good = heads.read_bytes()
    case = record.scene["dossier"]
    line = json.loads(good)
    line["cases"][case][0] -= 1
    for bad in (msgspec.json.encode(line) + b"\n", good.replace(b'"signature":"', b'"signature":"00', 1),
                good.replace(case.encode(), record.scene["co_sign"].encode(), 1)):
        heads.write_bytes(bad)
        with pytest.raises((InvalidSignature, msgspec.DecodeError)):
            [f async for f in verify(record.pool, None, heads)]
        with pytest.raises((InvalidSignature, msgspec.DecodeError)):
            await seal(record.pool, record.folder)


async def test_the_private_key_lies_apart_and_is_closed(record: County):
    """By default in a folder of its own; where the operator says so, on another volume."""
    await seal(record.pool, record.folder)
    key = record.folder / KEY
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert {p.name for p in record.folder.iterdir() if p.is_file()} == {"heads.jsonl", "heads.pub"}
    elsewhere = record.folder / "volume" / "seal.key"
    other = record.folder / "other"
    other.mkdir()
    await seal(record.pool, other, elsewhere)
    assert elsewhere.stat().st_mode & 0o777 == 0o600
    assert {p.name for p in other.iterdir()} == {"heads.jsonl", "heads.pub"}
    assert trusted(other / "heads.jsonl") != trusted(record.folder / "heads.jsonl")


async def test_a_key_that_lay_beside_the_seals_moves_and_stays_theirs(record: County):
    await seal(record.pool, record.folder)
    (record.folder / KEY).rename(record.folder / "heads.key")
    public = trusted(record.folder / "heads.jsonl")
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=Describe("剪纸", "艺术"))
    assert await seal(record.pool, record.folder) == 1
    assert (record.folder / KEY).exists()
    assert not (record.folder / "heads.key").exists()
    assert trusted(record.folder / "heads.jsonl") == public
    assert await faults(record, record.folder / "heads.jsonl") == []


async def test_another_key_never_signs_into_the_same_file(record: County):
    """A lost volume: the seals so far stay readable, and nothing is signed until somebody has looked."""
    heads, case = record.folder / "heads.jsonl", record.scene["dossier"]
    await seal(record.pool, record.folder)
    before = heads.read_bytes()
    (record.folder / KEY).unlink()
    await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", "艺术"))
    with pytest.raises(Damaged, match=r"not the key of"):
        await seal(record.pool, record.folder)
    assert heads.read_bytes() == before
    assert read_heads(heads)[case][0] < await version(record, case)


@pytest.mark.parametrize("keep", [(0, 2), (1, 2), (0, 2, 1), (0, 0, 1, 2)], ids=str)
async def test_a_seal_left_out_or_put_elsewhere_is_refused(record: County, keep: tuple[int, ...]):
    """Else an older head could stand for a newer one."""
    heads, case = record.folder / "heads.jsonl", record.scene["dossier"]
    for subject in ("艺术", "语文", "数学"):
        await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", subject))
        await seal(record.pool, record.folder)
    lines = heads.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert read_heads(heads)[case][0] == await version(record, case)
    heads.write_bytes(b"".join(lines[i] for i in keep))
    with pytest.raises(InvalidSignature):
        read_heads(heads)


async def test_many_workers_seal_into_one_file(record: County):
    """They take turns: no line is lost, and none stands beside another."""
    heads, case = record.folder / "heads.jsonl", record.scene["dossier"]
    for subject in ("艺术", "语文", "数学"):
        await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", subject))
        sealed = await asyncio.gather(*(seal(record.pool, record.folder) for _ in range(6)))
        assert sorted(sealed)[:5] == 5 * [0]
    assert read_heads(heads)[case][0] == await version(record, case)
    assert len(heads.read_bytes().splitlines()) == 3


async def test_a_line_that_a_crash_cut_short_is_written_anew(record: County):
    heads, case = record.folder / "heads.jsonl", record.scene["dossier"]
    await seal(record.pool, record.folder)
    await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", "艺术"))
    whole = heads.read_bytes()
    heads.write_bytes(whole + b'{"at":"2026-03-')
    assert (await faults(record, heads)) == []
    assert await seal(record.pool, record.folder) == 1
    assert heads.read_bytes().startswith(whole)
    assert read_heads(heads)[case][0] == await version(record, case)


async def test_a_seal_holds_only_what_moved(record: County):
    """Cases, and the files of the policies."""
    assert await seal(record.pool, record.folder) == await record.pool.fetchval(
        "select (select count(*) from case_head) + (select count(*) from policy)")
    assert await seal(record.pool, record.folder) == 0
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=Describe("剪纸", "艺术"))
    assert await seal(record.pool, record.folder) == 1


# -- what is made from the log -------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    "state = set_byte(state, length(state) / 2, get_byte(state, length(state) / 2) # 1)", "version = version + 1",
    "head = set_byte(head, 20, get_byte(head, 20) # 1)", "kind = 'star_batch'", "subject = 'PR010'", "parent = ''",
    "policy = 'star-school-2015'", "leans = '{}'", "holders = '{}'", "stages = '{material}'", "ended = 'recognised'",
    "driver = ''", "opened_at = opened_at - interval '1 day'"])
async def test_the_row_of_a_case(whole: County, change: str):
    case = whole.scene["co_sign"]
    last = await version(whole, case)
    async with changed(whole, f"update case_head set {change} where id = $1", case):
        assert await named(whole) == {(case, last)}


@pytest.mark.parametrize("sql", [
    "update task set holder = 'person@P00001' where case_id = $1", "update task set pool = not pool where case_id = $1",
    "update task set stage = 'material' where case_id = $1", "delete from task where case_id = $1",
    "insert into task select case_id, '9/x', 9, stage, line, 'x', holder, pool, due, provisional, since from task "
    "where case_id = $1"])
async def test_a_task(whole: County, sql: str):
    case = whole.scene["co_sign"]
    async with changed(whole, sql, case):
        assert await faults(whole) == [Fault(case, await version(whole, case), "待办与案件不符")]


@pytest.mark.parametrize("sql", [
    "update gate set value = '[\"\",[\"1\"]]' where name = 'overdue:PR003'", "delete from gate where name = 'overdue:PR003'",
    "insert into gate select 'veto:PR999', raiser, value from gate where name = 'overdue:PR003'",
    "update gate set value = '\\xff' where name = 'overdue:PR003'"])
async def test_a_gate(whole: County, sql: str):
    """Whoever hides a block from others, or invents one."""
    async with changed(whole, sql):
        assert await faults(whole) == [Fault("PR003", await version(whole, "PR003"), "对其他案件显示的与案件不符")]


@pytest.mark.parametrize("sql", [
    "insert into gate values ('overdue:PR003', 'nobody', '[\"\",[\"1\"]]')",
    "insert into task select 'nobody', key, visit, stage, line, seat, holder, pool, due, provisional, since from task limit 1"])
async def test_a_row_of_a_case_that_is_not_there(whole: County, sql: str):
    async with changed(whole, sql):
        assert await named(whole) == {("nobody", 0)}


async def test_what_a_parent_knows_of_a_child(whole: County):
    """Its entry in the parent's state; the row of the parent is named, and the child that says otherwise."""
    batch, child = whole.scene["new"], whole.scene["co_sign"]
    state = codec.state_of(await whole.pool.fetchval("select state from case_head where id = $1", batch))
    del state.children[child]
    async with changed(whole, "update case_head set state = $2 where id = $1", batch, codec.state_bytes(state)):
        assert await named(whole) == {(batch, await version(whole, batch)), (child, await version(whole, child))}


@pytest.mark.parametrize("which", ["new", "calendars"])
async def test_a_state_that_cannot_be_read_does_not_stop_the_reading(whole: County, which: str):
    """Its children, and everybody who counts days, are read all the same."""
    case = whole.scene.cases.get(which, which)
    async with changed(whole, "update case_head set state = set_byte(state, 0, 0) where id = $1", case):
        assert await named(whole) == {(case, await version(whole, case))}


async def test_evidence_changed_and_lost(record: County):
    file, path = record.scene["file"], record.duties.files.path(record.scene["file"])
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"trailer", b"trailed"))
    assert await faults(record) == [Fault(file, 0, "佐证文件被改过")]
    path.unlink()
    assert await faults(record) == [Fault(file, 0, "佐证文件不在")]
    await behind_the_door(record, "delete from file_use where hash = $1", file)
    await behind_the_door(record, "delete from file where hash = $1", file)
    case = record.scene["dossier"]
    at = await record.pool.fetchval("select version from event where case_id = $1 and tag = 'star.leaf_answered.v1'", case)
    assert await faults(record) == [Fault(case, at, "佐证没有登记")]


async def test_words_changed_and_words_lost(record: County):
    """G-24: the fact holds a salted hash of the words; erasing them is no fault (G-28), changing or losing them is."""
    case = record.scene["dossier"]
    at = await record.pool.fetchval("select version from event where case_id = $1 and tag = 'star.leaf_answered.v1'", case)
    words = await record.pool.fetchval("select id from text_body where body = '一句找得到的话'")
    await behind_the_door(record, "update text_body set body = '另一句话' where id = $1", words)
    assert await named(record) == {(case, at)}
    await behind_the_door(record, "update text_body set body = null, erased_at = now() where id = $1", words)
    assert await faults(record) == []
    await behind_the_door(record, "delete from text_body where id = $1", words)
    assert await named(record) == {(case, at)}


async def test_two_faults_are_both_named(whole: County):
    one, other = whole.scene["dossier"], whole.scene["co_sign"]
    async with changed(whole, "update event set actor = 'P00001' where case_id = any($1) and version = 3", [one, other]):
        assert await named(whole) == {(one, 3), (other, 3)}


async def test_verify_changes_nothing(record: County):
    before = await record.pool.fetchval("select sum(hashtext(k::text)::bigint) from case_head k")
    await faults(record)
    assert await record.pool.fetchval("select sum(hashtext(k::text)::bigint) from case_head k") == before
    with pytest.raises(asyncpg.PostgresError):
        await record.owner.execute("delete from event")
