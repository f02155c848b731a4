"""A small policy, and two templates of one county: `called` stands in an open ballot, `raced` on the leader's desk."""
from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio
import yaml

from domain.kernel.calendar import day_of
from domain.recognition.dossier import AnswerLeaf, Confirm
from domain.registers.organisation import ProveViolation
from ops.load import DATA
from store.database import open_pool
from tests.conftest import _create, _drop, as_app
from tests.county import HEAD, County

SMALL = "star-school-2099"
_numbers = itertools.count(1)
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def small_policy() -> bytes:
    """The school programme with one leaf a dimension, scored by both, and one open dossier an expert."""
    data = yaml.safe_load((DATA / "policy" / "recognition" / "star-school-2026.yaml").read_text("utf-8"))
    data["id"], data["effective_from"] = SMALL, date(2026, 2, 1)
    for d in data["indicators"]:
        item = d["children"][0]
        leaf = item["children"][0] | {"max_points": d["points"], "scored_by": ["material_expert", "site_panel"]}
        d["children"] = [item | {"points": d["points"], "children": [leaf]}]
    data["parameters"]["review"]["open_dossiers_per_expert_max_count"] = 1
    return yaml.safe_dump(data, allow_unicode=True).encode()


async def strict_policy(pool: asyncpg.Pool, year: int) -> str:
    """As the small one of that year, with a place for one application, and for evidence of a megabyte at most."""
    data = yaml.safe_load(small_policy())
    data["id"] = f"star-school-{year}"
    data["parameters"]["application"] |= {"applications_max_count": 1, "evidence_file_max_bytes": 1024**2,
                                          "evidence_file_kinds": ["pdf", "jpg"]}
    await pool.execute("insert into policy values ($1, 'recognition', $2, now())", data["id"],
                       yaml.safe_dump(data, allow_unicode=True).encode())
    return data["id"]


@dataclass(frozen=True)
class Scene:
    """A template database, its file store, and the cases in it by what they stand for."""
    database: str
    folder: Path
    cases: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.cases[name]


async def chunks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at:at + size]


@pytest_asyncio.fixture(scope="session")
async def called(server: str, loaded: str, tmp_path_factory: Any) -> Scene:
    """Batch `old` in its meeting with two candidates called; batch `new` with a dossier (evidence and texts) and a co-sign."""
    folder = tmp_path_factory.mktemp("called")
    url = await _create(server, "called", loaded)
    await execute(url, "insert into policy values ($1, 'recognition', $2, now())", SMALL, small_policy())
    pool = await open_pool(as_app(url), 8)
    county = County(pool, folder)
    old = await county.batch(SMALL, date(2026, 3, 2))
    candidates = [await county.application(old, school, "draw") for school in ("PR017", "NY002")]
    for case in candidates:
        await county.propose(case)
    chair = await county.meet(old)
    new = await county.batch(SMALL, day_of((await county.door.who(HEAD)).now) + timedelta(days=30))
    dossier = await county.application(new, "PR006")
    clerk = await county.holder("applicant@PR006")
    file = await county.duties.files.take(chunks(PDF), "计划.pdf", clerk, pool)
    await county.act(clerk, dossier, "record", 1, form=AnswerLeaf("A1.1", 1000, (file,), "一句找得到的话"))
    co_sign = await county.application(new, "PR003", "co_sign")
    await county.settle()
    await pool.close()
    return Scene("called", folder, {"old": old, "new": new, "candidates": candidates, "chair": chair, "dossier": dossier,
                                    "co_sign": co_sign, "clerk": clerk, "file": file})


@pytest_asyncio.fixture
async def record(server: str, called: Scene, tmp_path: Path) -> AsyncIterator[County]:
    """`called`, for one test; what stands in it is in `county.scene`."""
    name = f"record{next(_numbers)}"
    shutil.copytree(called.folder, tmp_path, dirs_exist_ok=True)
    url = await _create(server, name, called.database)
    pool, owner = await open_pool(as_app(url), 12), await open_pool(url, 2)
    county = County(pool, tmp_path, as_app(url), owner=owner)
    county.scene = called
    yield county
    await pool.close()
    await owner.close()
    await _drop(server, name)


@pytest_asyncio.fixture(scope="session")
async def raced(server: str, called: Scene) -> Scene:
    """From `called`: `old` waits for the leader's signature, two dossiers wait for their draw, a violation for its second."""
    pool = await open_pool(as_app(await _create(server, "raced", called.database)), 8)
    county = County(pool, called.folder)
    await county.vote(called["old"], called["chair"])
    await county.to_signing(called["old"], called["chair"])
    draws = [await county.application(called["new"], school, "eligibility") for school in ("PR010", "PR013")]
    for case in draws:
        await county.act(HEAD, case, "agree", 4, "head", form=Confirm())        # not settled: the draw is still owed
    supervisor = await county.holder("supervision_office_staff@SC4")
    await county.act(supervisor, "PR017", "record", form=ProveViolation("岚教督结〔2026〕1号", "illegal_fee", date(2026, 3, 1)))
    now, visit = (await county.door.who(HEAD)).now, (await county.read(called["old"])).case.at("signing").no
    await pool.close()
    return Scene("raced", called.folder, {**called.cases, "draws": draws, "supervisor": supervisor, "now": now, "signing": visit})


async def execute(url: str, sql: str, *values: Any) -> None:
    """By the owner of the database, on a connection of its own."""
    connection = await asyncpg.connect(url)
    await connection.execute(sql, *values)
    await connection.close()
