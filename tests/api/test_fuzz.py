"""schemathesis against the OpenAPI, signed in as each role on a filled county: no 5xx, no deviation from the schema."""
from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import schemathesis
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, Phase, given, settings

from tests.county import AUDITOR, HEAD, County

pytestmark = pytest.mark.xdist_group("fuzz")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 12))
LEFT_OUT = ("/api/rehearsal/", "/api/session")          # they sign the fuzzer out, or move everybody's clock
BEYOND_THE_SCHEMA = [checks.positive_data_acceptance, checks.ignored_auth]
"""A request that the schema admits may still be refused by a rule; the public pages need no sign-in."""


@pytest_asyncio.fixture
async def filled(county: County) -> AsyncIterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Address, cookie by role, and a real value for each path parameter; a web process of its own serves it."""
    batch = await county.batch()
    case = await county.application(batch, "PR003", "material")
    await county.application(batch, "PR006", "co_sign")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "JUANZONG_DATABASE_URL": county.url, "JUANZONG_DATA_DIR": str(county.folder),
           "JUANZONG_REHEARSAL": "true", "JUANZONG_HTTP_PORT": str(port), "JUANZONG_HTTP_HOST": "127.0.0.1"}
    web = await asyncio.create_subprocess_exec(sys.executable, "-m", "ops.cli", "web", env=env)
    url = f"http://127.0.0.1:{port}"
    roles = {"applicant": await county.holder("applicant@PR003"), "head": HEAD, "auditor": AUDITOR,
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
        yield url, cookies, {"case": case}
    finally:
        web.terminate()
        await web.wait()


def test_no_operation_breaks_or_deviates(filled):
    url, cookies, known = filled
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    reached: dict[str, set[int]] = defaultdict(set)
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(LEFT_OUT):
            continue
        for role, cookie in cookies.items():
            _ask(operation, f"{operation.method.upper()} {operation.path}", cookie, known, reached, role)
    assert not {name: seen for name, seen in reached.items() if any(s >= 500 and s != 503 for s in seen)}
    read = {name: seen for name, seen in reached.items() if name.startswith("GET") and "{digest}" not in name}
    assert {name for name, seen in read.items() if 200 not in seen} == set()


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
