"""The door: two trips and one commit, the same reply for the same id, races that leave no trace of the loser."""
from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from domain.kernel.calendar import day_of
from domain.kernel.refusal import Refusal, no
from domain.kernel.words import sentence
from domain.recognition.dossier import AnswerLeaf, Apply, Describe
from domain.recognition.proposal import Letter, Propose
from store.database import APP, migrate, open_pool
from store.door import Receipt, _outside
from store.verify import verify
from tests.conftest import _create, _drop, as_app
from tests.county import AUDITOR, HEAD, County

from .conftest import PDF, chunks, strict_policy

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def test_an_application_is_written_and_verified(county: County):
    batch = await county.batch()
    case = await county.application(batch, "PR003", "material")
    assert (await county.read(case)).plan.stages == ("material",)
    faults = [f async for f in verify(county.pool, county.folder / "files")]
    assert [f.what for f in faults[:-1]] == []
    parent = (await county.read(batch)).case
    assert parent.children[case].what == "working"


async def test_A_2_same_id_same_body_same_reply(county: County):
    case = await county.application(await county.batch(), "PR003")
    clerk = await county.holder("applicant@PR003")
    form = Describe("竹编", "语文", "报告")
    first = await county.ask(clerk, case, "record", 1, form=form, id="x1")
    again = await county.ask(clerk, case, "record", 1, form=form, id="x1")
    assert isinstance(first, Receipt)
    assert again == first
    assert (await county.read(case)).version == first.version
    other = await county.ask(clerk, case, "record", 1, form=Describe("剪纸", "艺术", "报告"), id="x1")
    assert isinstance(other, Refusal)
    assert other.code == "id_reused"


async def test_G_30_a_stranger_sees_no_case(county: County):
    case = await county.application(await county.batch(), "PR003")
    stranger = await county.holder("applicant@PR006")
    for who, code in ((stranger, "not_found"), (await county.holder("bursar@PR002"), "not_found")):
        got = await county.door.read(case, who)
        assert isinstance(got, Refusal)
        assert got.code == code
        assert (await county.ask(who, case, "withdraw")).code == code
    assert (await county.read(case, AUDITOR)).case.id == case


async def test_G_14_the_register_says_who_is_from_outside(record: County):
    """A college of the city, the county's own, a clerk of the bureau, and nobody known."""
    staff = await record.holder("basic_education_section_staff@SC2")
    pool = {o: await record.holder(f"expert@{o}") for o in ("AF1", "AF3")}
    assert [bool(await _outside(record.pool, x)) for x in (pool["AF1"], pool["AF3"], staff, "P99999")] == [True, False, False, True]


async def test_R_6_a_second_application_is_refused(county: County):
    batch = await county.batch()
    await county.application(batch, "PR003")
    clerk = await county.holder("applicant@PR003")
    got = await county.open(clerk, "star", "PR003", batch, form=Apply(1))
    assert isinstance(got, Refusal)
    assert (got.code, got.rule) == ("duplicate", "R-6")


async def test_R_6_who_withdraws_gives_the_place_back(county: County):
    batch = await county.batch(await strict_policy(county.owner, 2098))
    first = await county.application(batch, "PR003", "co_sign")
    clerk = await county.holder("applicant@PR006")
    assert await county.open(clerk, "star", "PR006", batch, form=Apply(1)) == no("quota_full", "R-6", most=1)
    await county.act(await county.holder("principal@PR003"), first, "withdraw")
    assert isinstance(await county.open(clerk, "star", "PR006", batch, form=Apply(1)), Receipt)


@pytest.mark.parametrize(("data", "name", "then"), [
    pytest.param(PDF + bytes(1024**2 - len(PDF)), "计划.pdf", "done", id="a megabyte"),
    pytest.param(PDF + bytes(1024**2), "计划.pdf", no("too_large", "R-10", leaf="A1.1", most=1), id="more than this case takes"),
    pytest.param(PNG, "照片.png", no("wrong_file_type", "R-10", leaf="A1.1", kind="png"), id="a kind that this case does not take"),
])
async def test_R_10_evidence_by_the_policy_of_the_case(county: County, data: bytes, name: str, then: Any):
    """The upload took it, under its own limit of 20 MB."""
    case = await county.application(await county.batch(await strict_policy(county.owner, 2098)), "PR003")
    clerk = await county.holder("applicant@PR003")
    file = await county.duties.files.take(chunks(data, 10**6), name, clerk, county.pool)
    got = await county.ask(clerk, case, "record", 1, form=AnswerLeaf("A1.1", 100, (file,)))
    assert ("done" if isinstance(got, Receipt) else got) == then
    if then != "done":
        assert len(sentence(got)) <= 60
        assert "A1.1" in sentence(got)
        assert (then.code == "too_large") == ("1MB" in sentence(got))


async def test_R_9_R_40_words_are_looked_at_before_they_are_taken_out(county: County):
    """The subject is one of the experts' list as it stands; a reason for a departure has its fifty characters."""
    case = await county.application(await county.batch(), "PR003")
    clerk = await county.holder("applicant@PR003")
    assert await county.ask(clerk, case, "record", 1, form=Describe("竹编", "竹编", "报告")) == no("malformed", "R-9", unlisted="subject")
    assert isinstance(await county.ask(clerk, case, "record", 1, form=Describe("竹编", "心理健康", "报告")), Receipt)
    short = await county.ask(HEAD, case, "agree", 1, "head", form=Propose("refuse", "太短"))
    assert (short, sentence(short)) == (no("opinion_required", "R-40", field="reason", least=50), "写得太短，按规定至少50个字。请补充后再提交。")
    enough = await county.ask(HEAD, case, "agree", 1, "head", form=Propose("refuse", "缺" * 50))
    assert enough.code == "task_closed"


async def test_R_19_R_90_a_refusal_by_rule_stands_in_the_schools_register(county: County, monkeypatch: pytest.MonkeyPatch):
    """From the letter on it cools off; the next application of the year is not eligible."""
    case = await county.application(await county.batch(await strict_policy(county.owner, 2098)), "PR003", "draw")
    monkeypatch.setattr(county, "scores", lambda policy, by, percent=90: County.scores(county, policy, by, 40))
    await county.propose(case)
    assert (await county.read("PR003")).case.facts.failed == ()
    await county.act(HEAD, case, "agree", (await county.read(case)).case.at("refusal").no, "head", form=Letter())
    await county.settle()
    assert (await county.read(case)).case.ended == "refused"
    today = day_of((await county.door.who(HEAD)).now)
    assert (await county.read("PR003")).case.facts.failed == (("star-school", today),)
    again = await county.application(await county.batch(await strict_policy(county.owner, 2097)), "PR003", "completeness")
    checks = {code: (ok, data) for code, ok, data in (await county.read(again)).case.facts.checks}
    assert checks["cooling_off"] == (False, today.isoformat())


async def test_numbers_run_without_gaps(county: County):
    batch = await county.batch()
    cases = [await county.application(batch, school) for school in ("PR003", "PR006", "PR010")]
    assert cases == ["星申2026-001", "星申2026-002", "星申2026-003"]


@pytest.mark.parametrize("statement", [
    *(f"{change} {table}" for table in ("event", "command") for change in ("update", "delete from", "truncate")),
    "alter table event disable trigger all", "drop trigger event_no_update on event", "create table mine (n int)",
    "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    "delete from case_head", "update text_body set body = ''", "delete from vault_look", "update policy set body = ''",
    "set role juanzong"])
async def test_the_application_can_only_make_the_log_longer(county: County, statement: str):
    """By grants, before any trigger: web and worker connect as somebody who owns nothing."""
    table = statement.removeprefix("update ")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.pool.execute(statement + {"event": " set actor = 'x'", "command": " set reply = ''"}.get(table, ""))


async def test_the_application_is_of_its_group_and_nothing_else(county: County):
    assert await county.pool.fetchval("select current_user") == "juanzong_door"
    assert await county.pool.fetch("select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid "
                                   "where m.member = current_user::regrole") == [(APP,)]
    assert not await county.pool.fetchval("select rolsuper or rolcreaterole or rolcreatedb or rolreplication from pg_roles "
                                          "where rolname = current_user")


async def test_every_table_is_readable_and_what_may_be_written_is_written_down(county: County):
    """A table that is new and in no line of `grants.sql` can be read, never written."""
    rows = await county.owner.fetch(
        "select c.relname, string_agg(a.privilege_type, ' ' order by a.privilege_type) may from pg_class c, aclexplode(c.relacl) a "
        "where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.grantee = $1::regrole group by 1", APP)
    may = {r["relname"]: r["may"] for r in rows}
    assert set(may) == {r["tablename"] for r in await county.owner.fetch(
        "select tablename from pg_tables where schemaname = 'public'")}
    assert {t for t, m in may.items() if "DELETE" in m} == {
        "outbox", "task", "gate", "session", "draft", "sealed_vote"}
    assert {t for t, m in may.items() if "UPDATE" in m} == {
        "case_head", "gate_head", "sealed_vote", "account", "message", "task", "gate", "session", "draft", "heartbeat",
        "county_clock", "reader"}
    assert {t for t, m in may.items() if m == "SELECT"} == {"schema_version", "policy", "vault_person"}
    assert not any("TRUNCATE" in m or "TRIGGER" in m for m in may.values())


async def test_only_a_rehearsal_may_move_the_clock(server: str, county: County):
    """The grants are made anew by each migration, as the settings say then."""
    url = await _create(server, "clock", "loaded")
    pool = await open_pool(as_app(url), 1)
    for rehearsal in (False, True, False):
        await migrate(url, as_app(url), rehearsal)
        if rehearsal:
            await pool.execute("update county_clock set driven = now()")
            continue
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("update county_clock set driven = now()")
    await pool.close()
    await _drop(server, "clock")


@pytest.mark.parametrize("statement", ["update event set actor = 'x'", "delete from event", "truncate event",
                                       "update command set reply = ''"])
async def test_the_owner_needs_to_drop_a_trigger_first(county: County, statement: str):
    await county.batch()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await county.owner.execute(statement)
    assert refused.value.sqlstate == "JZ001"


async def test_free_text_is_not_in_the_events(county: County):
    """G-24: the words lie in `text_body`; the event holds a reference."""
    case = await county.application(await county.batch(), "PR003")
    clerk = await county.holder("applicant@PR003")
    await county.act(clerk, case, "record", 1, form=Describe("一句找得到的话", "语文", "报告"))
    rows = await county.pool.fetch("select data from event where case_id = $1", case)
    assert not any("一句找得到的话".encode() in r["data"] for r in rows)
    assert await county.pool.fetchval("select count(*) from text_body where body = '一句找得到的话'") == 1
