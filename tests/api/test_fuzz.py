"""schemathesis against the OpenAPI, signed in as each role on a filled county: no 5xx, no deviation from the schema."""
from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
import schemathesis
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, Phase, given, settings

from tests.county import AUDITOR, HEAD, County

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 12))
FUZZED = ("applicant", "head", "auditor", "expert")
PASSWORD = "一把足够长的测试用口令"
LEFT_OUT = ("/api/rehearsal/", "/api/session")          # they sign the fuzzer out, or move everybody's clock
BEYOND_THE_SCHEMA = [checks.positive_data_acceptance, checks.ignored_auth]
"""A request that the schema admits may still be refused by a rule; the public pages need no sign-in."""


@pytest_asyncio.fixture
async def filled(county: County) -> AsyncIterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Address, cookie by role, and what a good request needs by name; a web process of its own serves it."""
    batch = await county.batch()
    case = await county.application(batch, "PR003", "material")
    unsigned = await county.application(batch, "PR006", "co_sign")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "JUANZONG_DATABASE_URL": county.url, "JUANZONG_DATA_DIR": str(county.folder),
           "JUANZONG_REHEARSAL": "true", "JUANZONG_HTTP_PORT": str(port), "JUANZONG_HTTP_HOST": "127.0.0.1"}
    web = await asyncio.create_subprocess_exec(sys.executable, "-m", "ops.cli", "web", env=env)
    url = f"http://127.0.0.1:{port}"
    roles = {"applicant": await county.holder("applicant@PR003"), "head": HEAD, "auditor": AUDITOR,
             "principal": await county.holder("principal@PR006"), "clerk": await county.holder("applicant@PR010"),
             "expert": (await county.read(case)).case.roster("experts").members[0]}
    cookies = {}
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            for _ in range(900):
                try:
                    if (await client.get("/healthz")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
            for role, person in roles.items():
                answer = await client.post("/api/rehearsal/switch", json={"person": person})
                cookies[role] = answer.cookies["juanzong"]
        login = await county.pool.fetchval("select login from vault_person where id = $1", roles["clerk"])
        yield url, cookies, {"case": case, "unsigned": unsigned, "batch": batch, "login": login, "person": HEAD}
    finally:
        web.terminate()
        await web.wait()


def test_no_operation_breaks_or_deviates(filled):
    url, cookies, known = filled
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    reached: dict[str, set[int]] = defaultdict(set)
    operations = {f"{o.method.upper()} {o.path}": o for o in (r.ok() for r in schema.get_all_operations())}
    for operation in operations.values():
        if operation.path.startswith(LEFT_OUT):
            continue
        for role in FUZZED:
            cookie = cookies[role]
            _ask(operation, f"{operation.method.upper()} {operation.path}", cookie, known, reached, role)
    assert not {name: seen for name, seen in reached.items() if any(s >= 500 and s != 503 for s in seen)}
    _do_each(operations, cookies, known, reached)
    assert {name for name in operations if not any(200 <= s < 300 for s in reached[name])} == set()


def _do_each(operations, cookies: dict[str, str], known: dict[str, str], reached: dict[str, set[int]]) -> None:
    """What no fuzzer comes upon: one good request to each operation that writes, judged by the schema like the others."""
    def ask(name: str, who: str, **request) -> schemathesis.Response:
        case = operations[name].Case(**request)
        response = case.call(cookies={"juanzong": cookies[who]})
        case.validate_response(response, excluded_checks=BEYOND_THE_SCHEMA)
        assert 200 <= response.status_code < 300, (name, response.text)
        reached[name].add(response.status_code)
        return response
    sent = ask("POST /api/files", "principal", query={"name": "说明.pdf"}, body=b"%PDF-1.7\n%%EOF\n", media_type="application/octet-stream")
    digest, place = sent.json()["hash"], {"case": known["unsigned"]}
    ask("POST /api/cases/{case}/acts", "principal", path_parameters=place, media_type="application/json", body={
        "verb": "agree", "visit": 2, "seat": "principal", "files": [digest], "form": {"type": "co_sign"}})
    ask("GET /api/cases/{case}/files/{digest}", "principal", path_parameters=place | {"digest": digest})
    ask("POST /api/cases", "clerk", media_type="application/json", body={
        "kind": "star", "subject": "PR010", "parent": known["batch"], "form": {"type": "apply", "level": 1}})
    ask("PUT /api/password", "clerk", media_type="application/json", body={"password": PASSWORD})
    ask("POST /api/session", "auditor", media_type="application/json", body={"login": known["login"], "password": PASSWORD})
    ask("POST /api/rehearsal/switch", "auditor", media_type="application/json", body={"person": known["person"]})
    ask("GET /api/rehearsal/state", "auditor")
    ask("POST /api/rehearsal/clock", "auditor", media_type="application/json", body={"to": "2026-03-05T09:00:00+08:00"})
    ask("DELETE /api/session", "clerk")


def _ask(operation, name: str, cookie: str, known: dict[str, str], reached: dict[str, set[int]], role: str) -> None:
    turn = 0

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    def one(case) -> None:
        nonlocal turn
        turn += 1
        if turn % 3:                            # two of three ask for what is there
            case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
            if turn % 2:
                case.query.clear()
        response = case.call(cookies={"juanzong": cookie})
        reached[name].add(response.status_code)
        case.validate_response(response, excluded_checks=BEYOND_THE_SCHEMA)
    one()
