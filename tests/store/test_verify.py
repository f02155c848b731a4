"""核验. Whatever somebody with the keys to the database changes behind the door is named, with case and version.

The owner of the tables switches the triggers off first; who cannot even do that is refused (test_door.py).
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from cryptography.exceptions import InvalidSignature

from domain.kernel.calendar import COUNTY
from domain.kernel.case import Entry
from domain.recognition.dossier import Describe
from store import codec
from store.heads import read_heads, seal
from store.verify import Fault, verify
from tests.county import County


async def faults(county: County, heads: Path | None = None) -> list[Fault]:
    """What `verify` names, without its last line."""
    *found, end = [f async for f in verify(county.pool, county.folder / "files", heads)]
    assert end.case is None
    assert end.version == await county.pool.fetchval("select count(*) from event")
    return found


async def named(county: County, heads: Path | None = None) -> set[tuple[str | None, int]]:
    return {(f.case, f.version) for f in await faults(county, heads)}


async def behind_the_door(county: County, sql: str, *values: Any) -> None:
    """As the owner, with the triggers off; exactly the rows meant, at least one."""
    async with county.pool.acquire() as connection, connection.transaction():
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
async def test_one_event_changed(record: County, change: str):
    case = record.scene["dossier"]
    await behind_the_door(record, f"update event set {change} where case_id = $1 and version = 4", case)
    assert await named(record) == {(case, 4)}


async def test_an_unknown_tag_is_named(record: County):
    """An older program never skips what a newer one wrote."""
    case = record.scene["dossier"]
    await behind_the_door(record, "update event set tag = 'star.from_tomorrow.v9' where case_id = $1 and version = 4", case)
    assert await faults(record) == [Fault(case, 4, "内容不能识别")]


async def test_an_event_removed_in_the_middle(record: County):
    case = record.scene["dossier"]
    await behind_the_door(record, "delete from event where case_id = $1 and version = 3", case)
    assert await named(record) == {(case, 4)}


async def test_an_event_removed_and_the_rest_moved_up(record: County):
    case = record.scene["dossier"]
    await behind_the_door(record, "delete from event where case_id = $1 and version = 3", case)
    await behind_the_door(record, "update event set version = version - 1 where case_id = $1 and version > 3", case)
    assert (case, 3) in await named(record)


async def test_the_newest_events_removed(record: County):
    """Without a signed head only the case's own row shows it."""
    case = record.scene["dossier"]
    last = await version(record, case)
    await behind_the_door(record, "delete from event where case_id = $1 and version >= $2", case, last)
    assert (case, last - 1) in await named(record)


async def test_a_case_head_removed(record: County):
    case = record.scene["co_sign"]
    last = await version(record, case)
    await behind_the_door(record, "delete from case_head where id = $1", case)
    assert (case, last) in await named(record)


async def test_all_events_of_a_case_removed(record: County):
    case = record.scene["co_sign"]
    await behind_the_door(record, "delete from event where case_id = $1", case)
    assert (case, 0) in await named(record)


# -- what only a signed head shows ----------------------------------------------------------------------------------


async def cut_off(county: County, case: str, newest: int) -> None:
    """The case as it was before its newest events, consistent in every table: the work of somebody who knows ours."""
    from store.rebuild import rebuild
    await behind_the_door(county, "delete from event where case_id = $1 and version > $2", case, newest)
    await behind_the_door(county, "update case_head k set version = e.version, head = e.hash from event e "
                                  "where k.id = $1 and e.case_id = k.id and e.version = $2", case, newest)
    await rebuild(county.pool)


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


async def forge(county: County, case: str, at: int, actor: str) -> None:
    """Another actor of one event, and every hash after it made to fit: the work of somebody who has our program."""
    head = b""
    for r in await county.pool.fetch("select * from event where case_id = $1 order by version", case):
        by = actor if r["version"] == at else r["actor"]
        entry = Entry(codec.event_of(r["tag"], r["data"]), r["at"].astimezone(COUNTY), by, r["rule"], r["post"], r["behind"])
        made = codec.chained(head, case, r["version"], entry, r["data"], r["entered_at"], r["command"], r["cause"])
        await behind_the_door(county, "update event set actor = $3, prev = $4, hash = $5 where case_id = $1 and version = $2",
                              case, r["version"], by, head, made)
        head = made
    await behind_the_door(county, "update case_head set head = $2 where id = $1", case, head)


async def test_a_forged_chain_under_a_signed_head(record: County):
    """The chain alone cannot show it; the head that was signed does, also when the case has gone on since."""
    case, heads = record.scene["dossier"], record.folder / "heads.jsonl"
    signed = await version(record, case)
    await seal(record.pool, record.folder)
    await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", "美术"))
    assert await faults(record, heads) == []
    await forge(record, case, 3, "P00001")
    assert {f for f in await named(record) if f[1] == 3} == set()
    assert (case, signed) in await named(record, heads)


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


@pytest.mark.parametrize("keep", [(0, 2), (1, 2), (0, 2, 1), (0, 0, 1, 2)], ids=str)
async def test_a_seal_left_out_or_put_elsewhere_is_refused(record: County, keep: tuple[int, ...]):
    """Else an older head could stand for a newer one."""
    heads, case = record.folder / "heads.jsonl", record.scene["dossier"]
    for subject in ("美术", "语文", "数学"):
        await record.act(record.scene["clerk"], case, "record", 1, form=Describe("剪纸", subject))
        await seal(record.pool, record.folder)
    lines = heads.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert read_heads(heads)[case][0] == await version(record, case)
    heads.write_bytes(b"".join(lines[i] for i in keep))
    with pytest.raises(InvalidSignature):
        read_heads(heads)


async def test_a_seal_holds_only_what_moved(record: County):
    assert await seal(record.pool, record.folder) == await record.pool.fetchval("select count(*) from case_head")
    assert await seal(record.pool, record.folder) == 0
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=Describe("剪纸", "美术"))
    assert await seal(record.pool, record.folder) == 1


# -- what is made from the log -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sql", "who"), [
    ("update task set holder = 'person@P00001' where case_id = $1", "co_sign"),
    ("update task set pool = not pool where case_id = $1", "co_sign"),
    ("delete from task where case_id = $1", "co_sign"),
    ("insert into task select case_id, '9/x', 9, stage, line, 'x', holder, pool, due, provisional, since from task "
     "where case_id = $1", "co_sign"),
    ("update case_head set state = set_byte(state, length(state) / 2, get_byte(state, length(state) / 2) # 1) where id = $1",
     "co_sign"),
    ("update case_head set leans = '{}' where id = $1", "co_sign"),
    ("update case_head set stages = '{material}' where id = $1", "co_sign"),
    ("update case_head set ended = 'recognised' where id = $1", "co_sign"),
    ("update case_head set policy = 'star-school-2015' where id = $1", "co_sign"),
    ("update case_head set subject = 'PR010' where id = $1", "co_sign"),
    ("update case_head set parent = '' where id = $1", "co_sign"),
    ("update case_head set kind = 'star_batch' where id = $1", "co_sign"),
    ("update case_head set driver = '' where id = $1", "co_sign"),
    ("update case_head set holders = '{}' where id = $1", "co_sign"),
    ("update case_head set version = version + 1 where id = $1", "co_sign"),
    ("update case_head set head = set_byte(head, 20, get_byte(head, 20) # 1) where id = $1", "co_sign"),
])
async def test_a_row_that_was_made_from_the_log(record: County, sql: str, who: str):
    case = record.scene[who]
    last = await version(record, case)
    await behind_the_door(record, sql, case)
    assert (case, last) in await named(record)
    assert {f[0] for f in await named(record)} == {case}


@pytest.mark.parametrize("sql", [
    "update gate set value = $2 where name = 'overdue:' || $1", "delete from gate where name = 'overdue:' || $1 and $2 = $2",
    "insert into gate select 'veto:PR999', raiser, $2 from gate where name = 'overdue:' || $1",
    "update gate set value = '\\xff' where name = 'overdue:' || $1 and $2 = $2"])
async def test_a_gate_changed(record: County, sql: str):
    """Whoever hides a block from others, or invents one."""
    await behind_the_door(record, sql, "PR003", codec.value_bytes(["督改〔2026〕1号"]))
    assert await named(record) == {("PR003", await version(record, "PR003"))}


@pytest.mark.parametrize("sql", [
    "insert into gate values ('overdue:PR003', 'nobody', '[\"\",[\"1\"]]')",
    "insert into task select 'nobody', key, visit, stage, line, seat, holder, pool, due, provisional, since from task limit 1"])
async def test_a_row_of_a_case_that_is_not_there(record: County, sql: str):
    await behind_the_door(record, sql)
    assert await named(record) == {("nobody", 0)}


async def test_what_a_parent_knows_of_a_child(record: County):
    """Its entry in the parent's state; the row of the parent is named, and the child that says otherwise."""
    batch, child = record.scene["new"], record.scene["co_sign"]
    state = codec.state_of(await record.pool.fetchval("select state from case_head where id = $1", batch))
    del state.children[child]
    await behind_the_door(record, "update case_head set state = $2 where id = $1", batch, codec.state_bytes(state))
    assert await named(record) == {(batch, await version(record, batch)), (child, await version(record, child))}


async def test_a_parent_that_cannot_be_read_does_not_stop_the_reading(record: County):
    batch = record.scene["new"]
    await behind_the_door(record, "update case_head set state = set_byte(state, 0, 0) where id = $1", batch)
    found = await named(record)
    assert (batch, await version(record, batch)) in found
    assert {f[0] for f in found} <= {batch, record.scene["dossier"], record.scene["co_sign"]}


async def test_the_calendar_that_cannot_be_read_does_not_stop_the_reading(record: County):
    await behind_the_door(record, "update case_head set state = set_byte(state, 0, 0) where id = 'calendars'")
    assert await named(record) == {("calendars", await version(record, "calendars"))}


async def test_evidence_changed_and_lost(record: County):
    file, path = record.scene["file"], record.duties.files.path(record.scene["file"])
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"trailer", b"trailed"))
    assert await faults(record) == [Fault(file, 0, "佐证文件被改过")]
    path.unlink()
    assert await faults(record) == [Fault(file, 0, "佐证文件不在")]


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


async def test_two_faults_are_both_named(record: County):
    one, other = record.scene["dossier"], record.scene["co_sign"]
    await behind_the_door(record, "update event set actor = 'P00001' where case_id = any($1) and version = 3", [one, other])
    assert await named(record) == {(one, 3), (other, 3)}


async def test_verify_changes_nothing(record: County):
    before = await record.pool.fetchval("select sum(hashtext(k::text)::bigint) from case_head k")
    await faults(record)
    assert await record.pool.fetchval("select sum(hashtext(k::text)::bigint) from case_head k") == before
    with pytest.raises(asyncpg.PostgresError):
        await record.pool.execute("delete from event")
