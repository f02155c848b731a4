"""The JSON routes: problem documents with a code and what to do, nothing written when refused, nothing shown to strangers."""
from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest

from api.sessions import print_code
from domain.kernel.refusal import CODES
from domain.kernel.words import SENTENCES
from domain.recognition.dossier import Describe
from store.verify import verify
from tests.api.conftest import Enter
from tests.county import AUDITOR, COMMITTEE, HEAD, County


def test_every_refusal_says_what_to_do():
    """A-4: stable codes; each sentence ends with a step to take."""
    assert set(SENTENCES) == set(CODES)
    for code, words in SENTENCES.items():
        assert "请" in words or code in ("held",), code
        assert len(words) <= 60, (code, len(words))


BAD_ACTS: list[Any] = [
    pytest.param({"verb": "fly"}, 422, "malformed", id="unknown command"),
    pytest.param({"verb": "agree", "visit": 9}, 409, "wrong_stage", id="wrong stage"),
    pytest.param({"verb": "agree", "visit": 1, "seat": "clerk", "form": {"type": "declare", "truthful": "maybe"}}, 422,
                 "malformed", id="wrong type"),
    pytest.param({"verb": "agree", "visit": 1, "seat": "clerk", "form": {"type": "fly"}}, 422, "malformed", id="unknown form"),
    pytest.param({"verb": "agree", "visit": 1, "seat": "clerk", "form": {"type": "declare", "truthful": True}}, 422, "malformed",
                 id="R-11 nothing answered yet"),
    pytest.param({"verb": "record", "visit": 1, "form": {"type": "answer_leaf", "leaf": "A1.1", "self_cp": 99_999,
                                                         "statement": "x"}}, 422, "amount_invalid", id="R-9 above full marks"),
    pytest.param({"verb": "record", "visit": 1, "form": {"type": "answer_leaf", "leaf": "A1.1", "self_cp": 100,
                                                         "files": ["0" * 64]}}, 422, "attachment_required", id="R-10 not theirs"),
    pytest.param({"verb": "withdraw", "opinion": "x\x00y"}, 422, "malformed", id="NUL"),
    pytest.param({"verb": "withdraw", "opinion": "长" * 20_001}, 422, "malformed", id="too long a text"),
    pytest.param({"verb": "agree", "extra": 1}, 422, "malformed", id="unknown field"),
    pytest.param({"verb": "end", "opinion": "x"}, 403, "wrong_post", id="not the office"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_ACTS)
async def test_bad_input_is_refused_and_nothing_written(county: County, enter: Enter, body, status, code):
    case = await county.application(await county.batch(), "PR003")
    clerk = await enter(await county.holder("applicant@PR003"))
    before = (await county.read(case)).version
    answer = await clerk.post(f"/api/cases/{case}/acts", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert "请" in problem["detail"]
    assert (await county.read(case)).version == before


@pytest.mark.parametrize(("content", "status"), [
    pytest.param(b"{", 422, id="malformed JSON"), pytest.param(b"\xff\xfe", 422, id="not UTF-8"),
    pytest.param(b'{"verb": "withdraw", "opinion": "\\ud800"}', 422, id="lone surrogate"),
    pytest.param(b'{"verb": "withdraw", "opinion": "' + b"x" * 5_000_000 + b'"}', 413, id="5 MB of text"),
])
async def test_bytes_that_are_no_request(county: County, enter: Enter, content: bytes, status: int):
    case = await county.application(await county.batch(), "PR003")
    clerk = await enter(await county.holder("applicant@PR003"))
    answer = await clerk.post(f"/api/cases/{case}/acts", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


async def test_files_are_judged_by_their_content(county: County, enter: Enter):
    """R-10: an executable that is named .pdf, an empty file, one that is too large, and a true one."""
    clerk = await enter(await county.holder("applicant@PR003"))
    for name, content, status in (("课表.pdf", b"MZ" + b"\x00" * 200, 415), ("课表.pdf", b"", 415), ("课表.exe", b"MZ", 415),
                                  ("大.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 2_000_000, 413),
                                  ("课表.pdf", b"%PDF-1.7\n%%EOF\n", 201)):
        answer = await clerk.post("/api/files", params={"name": name}, content=content)
        assert answer.status_code == status, (name, answer.text)
    assert list(county.folder.glob("files/.part-*")) == []


async def test_A_14_an_opinion_with_an_attachment(county: County, enter: Enter):
    """Bound to the case by the act; another's file, or one that nobody uploaded, is no attachment."""
    case = await county.application(await county.batch(), "PR003", "co_sign")
    principal, clerk = [await enter(await county.holder(f"{post}@PR003")) for post in ("principal", "applicant")]
    mine, theirs = [(await who.post("/api/files", params={"name": "说明.pdf"}, content=b"%PDF-1.7\n" + said + b"%%EOF\n")).json()["hash"]
                    for who, said in ((principal, b"1"), (clerk, b"2"))]
    act = {"verb": "agree", "visit": 2, "seat": "principal", "opinion": "见附件", "form": {"type": "co_sign"}}
    for files in ([theirs], ["0" * 64]):
        answer = await principal.post(f"/api/cases/{case}/acts", json=act | {"files": files})
        assert (answer.status_code, answer.json()["code"]) == (422, "attachment_required"), answer.text
    answer = await principal.post(f"/api/cases/{case}/acts", json=act | {"files": [mine]})
    assert answer.status_code == 200, answer.text
    assert await county.pool.fetchval("select count(*) from file_use where case_id = $1 and hash = $2", case, mine) == 1
    assert mine.encode() in await county.pool.fetchval(
        "select data from event where case_id = $1 and tag = 'case.seat_acted.v1' order by version desc limit 1", case)
    assert [f.what async for f in verify(county.pool, county.folder / "files")][:-1] == []


async def test_A_14_an_attachment_is_shown_with_its_opinion(county: County, enter: Enter):
    """What the office rests its opinion on is not the school's to read, even by hash; what comes with a return is (R-92)."""
    case = await county.application(await county.batch(), "PR003", "completeness")
    staff, clerk = [await enter(await county.holder(p)) for p in ("basic_education_section_staff@SC2", "applicant@PR003")]
    inside, told = [(await staff.post("/api/files", params={"name": "核对.pdf"}, content=b"%PDF-1.7\n" + said + b"%%EOF\n")).json()["hash"]
                    for said in (b"1", b"2")]

    async def read_by() -> list[int]:
        return [(await who.get(f"/api/cases/{case}/files/{h}")).status_code for h in (inside, told) for who in (staff, clerk)]
    url, seat = f"/api/cases/{case}/acts", {"visit": 3, "seat": "office"}
    assert (await staff.post(url, json=seat | {"verb": "claim"})).status_code == 200
    agreed = await staff.post(url, json=seat | {"verb": "agree", "opinion": "见内部核对", "files": [inside]})
    assert agreed.status_code == 200, agreed.text
    assert await read_by() == [200, 404, 404, 404]
    head, visit = await enter(HEAD), (await county.read(case)).case.at("eligibility")
    sent = (await head.post("/api/files", params={"name": "缺项.pdf"}, content=b"%PDF-1.7\n2%%EOF\n")).json()["hash"]
    assert sent == told
    back = await head.post(url, json={"visit": visit.no, "seat": visit.seats[0].key, "verb": "return", "to": "correction",
                                      "opinion": "请补齐", "files": [told]})
    assert back.status_code == 200, back.text
    assert await read_by() == [200, 404, 200, 200]


async def test_another_site_cannot_act(county: County, enter: Enter):
    case = await county.application(await county.batch(), "PR003")
    clerk = await enter(await county.holder("applicant@PR003"))
    answer = await clerk.post(f"/api/cases/{case}/acts", json={"verb": "withdraw"}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


@pytest.mark.parametrize(("headers", "body", "field"), [
    pytest.param({"Content-Type": "text/plain"}, b'{"verb": "withdraw"}', "", id="not JSON"),
    pytest.param({"Content-Type": "application/json"}, b'{"verb": ', "", id="broken JSON"),
    pytest.param({"Content-Type": "application/json"}, b'{"verb": "fly"}', "verb", id="unknown verb"),
    pytest.param({"Content-Type": "application/json"}, b'{"verb": "withdraw", "opinion": "\\u0000"}', "opinion", id="NUL"),
    pytest.param({"Content-Type": "application/json", "Idempotency-Key": "k" * 81}, b'{"verb": "withdraw"}', "Idempotency-Key", id="key")])
async def test_what_a_command_route_cannot_read_is_named(county: County, enter: Enter, headers: Any, body: bytes, field: str):
    """The command routes read their request themselves: what FastAPI would refuse, they refuse, and nothing is written."""
    case = await county.application(await county.batch(), "PR003")
    clerk = await enter(await county.holder("applicant@PR003"))
    before = await county.pool.fetchval("select count(*) from event")
    answer = await clerk.post(f"/api/cases/{case}/acts", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (422, "malformed", [field])
    assert await county.pool.fetchval("select count(*) from event") == before


async def test_a_body_says_its_length_before_it_is_read(county: County, enter: Enter):
    async def endless():
        while True:
            yield b"x" * 65536
    clerk = await enter(await county.holder("applicant@PR003"))
    answer = await clerk.post("/api/cases", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


async def test_a_stranger_cannot_tell_a_case_from_none(county: County, enter: Enter):
    """G-30."""
    case = await county.application(await county.batch(), "PR003")
    stranger = await enter(await county.holder("applicant@PR006"))
    hidden, none = await stranger.get(f"/api/cases/{case}"), await stranger.get("/api/cases/星申2026-999")
    assert hidden.status_code == none.status_code == 404
    assert hidden.json() == none.json()
    public = await enter("")
    assert (await public.get(f"/api/cases/{case}")).status_code == 401


async def test_R_92_the_applicant_never_sees_deliberation(county: County, enter: Enter):
    """Neither experts nor scores are in the bytes that the school gets; an expert sees no other's sheet (R-24)."""
    case = await county.application(await county.batch(), "PR003", "material")
    reading = await county.read(case)
    first, second = (t.holder.id for t in reading.plan.tasks)
    policy = reading.context.policy
    await county.act(first, case, "agree", 6, first, form=county.sheet(policy, 90))
    school, expert = await enter(await county.holder("principal@PR003")), await enter(second)
    for path in ("", "/history", "/plan", "/offers"):
        text = (await school.get(f"/api/cases/{case}{path}")).text
        assert first not in text, path
        assert second not in text, path
        assert "sheet" not in text, path
        assert first not in (await expert.get(f"/api/cases/{case}{path}")).text, path
    assert first in (await (await enter(AUDITOR)).get(f"/api/cases/{case}/history")).text


async def test_sign_in_with_a_printed_code_then_a_password(county: County, enter: Enter):
    """The first by a one-time code that the office prints; five wrong tries lock."""
    code = await print_code(county.pool, "u00009")
    client = await enter("")
    assert (await client.post("/api/session", json={"login": "u00009", "password": "wrong"})).status_code == 401
    assert (await client.post("/api/session", json={"login": "u00009", "password": code})).json() == {"person": HEAD}
    assert (await client.get("/api/me")).json()["person"] == HEAD
    assert (await client.put("/api/password", json={"password": "short"})).status_code == 422
    assert (await client.put("/api/password", json={"password": "long-enough-words"})).status_code == 204
    assert (await client.delete("/api/session")).status_code == 204
    assert (await client.get("/api/me")).status_code == 401
    assert (await client.post("/api/session", json={"login": "u00009", "password": code})).status_code == 401
    assert (await client.post("/api/session", json={"login": "u00009", "password": "long-enough-words"})).status_code == 201
    for _ in range(5):
        answer = await client.post("/api/session", json={"login": "u00009", "password": "wrong"})
    answer = await client.post("/api/session", json={"login": "u00009", "password": "long-enough-words"})
    assert (answer.status_code, answer.json()["code"]) == (429, "locked_out")


async def test_a_password_is_changed_by_whoever_knows_it(county: County, enter: Enter):
    """The old one is asked for, but after a one-time code, which ends it; other sign-ins of that person end with it."""
    async def sign_in(password: str) -> httpx.AsyncClient:
        client = await enter("")
        answer = await client.post("/api/session", json={"login": "u00009", "password": password})
        return client if answer.status_code == 201 else None
    first, second = "long-enough-words", "other-long-words"
    client = await sign_in(await print_code(county.pool, "u00009"))
    assert (await client.put("/api/password", json={"password": first})).status_code == 204
    other = await sign_in(first)
    for old in ({}, {"old": "wrong"}, {"old": second}):
        answer = await client.put("/api/password", json={"password": second} | old)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
    assert (await client.put("/api/password", json={"password": second, "old": first})).status_code == 204
    assert [(await c.get("/api/me")).status_code for c in (client, other)] == [200, 401]
    assert await sign_in(first) is None
    again = await sign_in(await print_code(county.pool, "u00009"))                 # forgotten: the code ends what was known
    assert (await client.get("/api/me")).status_code == 401
    assert await sign_in(second) is None
    assert (await again.put("/api/password", json={"password": first})).status_code == 204
    for _ in range(5):
        await again.put("/api/password", json={"password": second, "old": "wrong"})
    answer = await again.put("/api/password", json={"password": second, "old": first})
    assert (answer.status_code, answer.json()["code"]) == (429, "locked_out")


async def test_the_openapi_names_every_form(enter: Enter):
    schema = (await (await enter("")).get("/api/openapi.json")).json()
    forms = {r["$ref"].rsplit("/", 1)[1] for r in schema["components"]["schemas"]["ActRequest"]["properties"]["form"]["oneOf"]
             if "$ref" in r}
    assert {"star.sheet", "star.declare", "star_batch.convene", "organisation.prove_violation"} <= forms
    assert schema["components"]["schemas"]["star.sheet"]["properties"]["type"] == {"const": "sheet", "type": "string"}


async def test_the_register_is_public(enter: Enter):
    titles = (await (await enter("")).get("/api/register")).json()
    assert {"PR001", "PR002"} <= {t["organisation"] for t in titles}


async def test_the_auditor_can_follow_the_whole_log(county: County, enter: Enter):
    """Page by page, each event once, chained as it is stored, and no word of what was said; others are refused."""
    case = await county.application(await county.batch(), "PR003")
    await county.act(await county.holder("applicant@PR003"), case, "record", 1, form=Describe("一句找得到的话", "语文"))
    auditor, seen, cursor = await enter(AUDITOR), [], "0.0"
    while True:
        answer = await auditor.get("/api/events", params={"after": cursor, "limit": 400})
        assert "一句找得到的话" not in answer.text
        if not answer.json()["events"]:
            break
        seen, cursor = seen + answer.json()["events"], answer.json()["next"]
    rows = await county.pool.fetch("select case_id, version, tag, actor, hash from event")
    assert sorted((e["case"], e["version"], e["tag"], e["actor"], e["hash"]) for e in seen) == sorted(
        (r["case_id"], r["version"], r["tag"], r["actor"], r["hash"].hex()) for r in rows)
    for bad, status in (("9.x", 422), (f"{'9' * 20}.1", 422), ("", 422)):
        assert (await auditor.get("/api/events", params={"after": bad})).status_code == status, bad
    for person in (HEAD, await county.holder("principal@PR003")):
        assert (await (await enter(person)).get("/api/events")).status_code == 403
    assert (await (await enter("")).get("/api/events")).status_code == 401


async def test_G_18_why_a_tie_was_declared_is_for_the_office_and_its_reading_is_noted(county: County, enter: Enter):
    """G-29: who, when, which case, why; the person concerned sees the list, and nobody else does."""
    case = await county.application(await county.batch(), "PR003", "draw")
    task = (await county.read(case)).plan.tasks[0]
    expert, words = task.holder.id, "配偶在该校任教。"
    await county.act(expert, case, "decline", task.visit, task.seat, opinion=words)
    await county.settle()
    await county.pool.execute("update case_head set holders = holders || $2 where id = $1", case, [f"person@{COMMITTEE[0]}"])
    own, member = await enter(expert), await enter(COMMITTEE[0])                # who once held a seat of the bureau

    async def reads(client: Any, *paths: str) -> list[bool]:
        answers = [await client.get(path) for path in paths or (f"/api/cases/{case}/history", f"/cases/{case}")]
        assert {a.status_code for a in answers} == {200}
        return [words in a.text for a in answers]

    async def looks() -> list[tuple[str, str]]:
        listed = (await own.get("/api/me/looks")).json()["looks"]
        assert all((x["case"], x["why"]) == (case, "查看申请回避的理由") for x in listed)
        return [(x["actor"], x["at"][:10]) for x in listed]
    assert await reads(own, f"/api/cases/{case}/history") == [True]             # one's own words
    assert await reads(member) == [False, False]                                # sees the case, not the reason
    assert await looks() == []
    assert await reads(await enter(HEAD)) == [True, True]
    assert await reads(await enter(HEAD)) == [True, True]
    assert await looks() == [(HEAD, "2026-02-24")]                              # once a day
    assert await reads(await enter(AUDITOR)) == [True, True]
    await county.pool.execute("update county_clock set driven = driven + interval '1 day'")
    assert await reads(await enter(HEAD), f"/cases/{case}") == [True]
    assert await looks() == [(HEAD, "2026-02-25"), (AUDITOR, "2026-02-24"), (HEAD, "2026-02-24")]
    assert (await member.get("/api/me/looks")).json() == {"looks": [], "next": None}
    with pytest.raises(asyncpg.PostgresError) as refused:
        await county.owner.execute("delete from vault_look")
    assert refused.value.sqlstate == "JZ001"
