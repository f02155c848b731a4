"""A county on a real PostgreSQL, without workflows: a batch is open, one school has filled in its dossier."""
from __future__ import annotations

import csv
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

import ops.load
from api.app import build
from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY
from domain.kernel.refusal import Refusal
from domain.kernel.values import Text
from domain.recognition.batch import OpenBatch, Sign
from domain.recognition.dossier import AnswerLeaf, Apply, Describe
from domain.recognition.site import FixVisit, VisitHeld
from ops.settings import Settings
from ops.stack import embedded_servers
from store.database import migrate, open_pool
from store.door import Command, Door, Receipt
from tests.county import County as Played

from .browser import Browser

HEAD, CLERK, PRINCIPAL, STAFF = "P00009", "P00140", "P00050", "P00430"
SCHOOL, POLICY = "PR003", "star-school-2015"
NOW = datetime(2026, 2, 24, 9, tzinfo=COUNTY)


@dataclass
class County:
    app: Any
    pool: asyncpg.Pool
    door: Door
    batch: str
    _n: int = 0

    def browser(self) -> Browser:
        return Browser(self.app)

    async def act(self, who: str, case: str, act: Act) -> Receipt:
        self._n += 1
        got = await self.door.handle(Command(f"test/{self._n}", who, act, case))
        assert not isinstance(got, Refusal), got
        return got

    async def opened(self, clerk: str = CLERK, school: str = SCHOOL) -> str:
        """A new application of a school, still empty."""
        self._n += 1
        got = await self.door.handle(Command(f"test/{self._n}", clerk, Act("open", form=Apply(1)), kind="star", subject=school,
                                             parent=self.batch))
        assert not isinstance(got, Refusal), got
        return got.case

    async def filled(self, clerk: str, school: str) -> str:
        """A dossier that only lacks its declaration."""
        case = await self.opened(clerk, school)
        policy = await self.door.policy(POLICY)
        for leaf in policy.leaves:
            if leaf.by != {"office"}:
                form = AnswerLeaf(leaf.id, leaf.full_cp, (), Text("有计划，有记录。"))
                await self.act(clerk, case, Act("record", 1, form=form))
        await self.act(clerk, case, Act("record", 1, form=Describe(Text("乡土竹编"), "劳动", Text("四十年传承。"))))
        return case


SCHOOLS = ("PR003", "PR006", "PR010", "PR011", "PR012", "PR013", "PR017")


def small_county(folder: Path, schools: tuple[str, ...] = SCHOOLS) -> Path:
    """The rehearsal county with its bureau and a few schools: a load of a second instead of many."""
    shutil.copytree(ops.load.DATA / "policy", folder / "policy")
    (folder / "county").mkdir()
    county = ops.load.DATA / "county"

    def copy(name: str, keep: Callable[[dict[str, str]], bool]) -> list[dict[str, str]]:
        with (county / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [r for r in reader if keep(r)]
        with (folder / "county" / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, reader.fieldnames or ())
            writer.writeheader()
            writer.writerows(rows)
        return rows

    def ours(organisation: str) -> bool:
        return organisation.startswith(("BUREAU", "SC")) or organisation in schools
    copy("organisations", lambda r: ours(r["org_id"]))
    copy("schools", lambda r: ours(r["school_id"]))
    stay = {r["person_id"] for r in copy("posts", lambda r: ours(r["org_id"]) or r["post_code"] == "expert")}
    for name in ("people", "experts", "tie_confirmations"):
        copy(name, lambda r: r["person_id"] in stay)
    copy("relations", lambda r: r["person_id"] in stay and (not r["other_person_id"] or r["other_person_id"] in stay))
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def county(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[County]:
    """Loaded once; tests use schools of their own."""
    folder: Path = tmp_path_factory.mktemp("county")
    async with embedded_servers() as stack:
        await migrate(stack.database_url)
        pool = await open_pool(stack.database_url, size=6)
        await pool.execute("update county_clock set driven = $1", NOW)
        await ops.load.load(pool, small_county(folder / "data"))
        settings = Settings(data_dir=folder, database_url=stack.database_url, temporal_address=None, rehearsal=True)
        app = build(settings, pool)
        door: Door = app.state.door
        opened = await door.handle(Command("test/batch", HEAD, Act("open", form=OpenBatch(
            "2026年第一批", NOW.date(), NOW.date() + timedelta(days=35))), kind="star_batch", subject="star-school", policy=POLICY))
        assert not isinstance(opened, Refusal), opened
        yield County(app, pool, door, opened.case)
        await pool.close()


@dataclass
class Stages:
    """A county in which one batch is through and a second one has an application in each stage that has a page."""
    app: Any
    county: Played
    first: str
    recognised: str
    batch: str
    dossier: str
    drawn: str
    material: str
    report: str

    def browser(self) -> Browser:
        return Browser(self.app)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stages]:
    """Of its own, since its clock moves; what workflows owe is done in this process."""
    folder: Path = tmp_path_factory.mktemp("stages")
    async with embedded_servers() as stack:
        await migrate(stack.database_url)
        pool = await open_pool(stack.database_url, size=6)
        await pool.execute("update county_clock set driven = $1", NOW)
        await ops.load.load(pool, small_county(folder / "data"))
        app = build(Settings(data_dir=folder, database_url=stack.database_url, temporal_address=None, rehearsal=True), pool)
        c = Played(pool, folder)
        first = await c.batch(last_day=NOW.date() + timedelta(days=2))
        done = await c.application(first, "PR006", "material")
        await c.propose(done)
        await c.move(NOW + timedelta(days=40))
        chair = await c.meet(first)
        await c.vote(first, chair)
        await c.to_signing(first, chair)
        t = await c.task(first, "signing")
        await c.act(await c.holder(t.holder.key), first, "agree", t.visit, t.seat, form=Sign())
        await c.settle()
        now = (await c.door.who(HEAD)).now
        batch = await c.batch(last_day=now.date() + timedelta(days=25))
        report = await c.application(batch, "PR017", "material")
        for _ in range(20):
            at = (await c.read(report)).plan.stages[0]
            if at == "report":
                break
            await one_step(c, report, at)
        yield Stages(app, c, first, done, batch, await c.application(batch, "PR003"),
                     await c.application(batch, "PR010", "draw"), await c.application(batch, "PR013", "material"), report)
        await pool.close()


async def one_step(c: Played, case: str, at: str) -> None:
    """The people of one stage do what is asked; no further than that."""
    reading = await c.read(case)
    policy, facts, tasks = reading.context.policy, reading.case.facts, reading.plan.tasks
    if at == "visit":
        await c.move(datetime.combine(facts.day, time(15), COUNTY))
    forms = {**dict.fromkeys(("material", "third"), lambda: c.sheet(policy)), "visit": lambda: VisitHeld(tuple(policy.activities_min.items()))}
    if at == "appointment":
        day = await c.workday_after(policy.visit_notice)
        forms["appointment"] = lambda: FixVisit(day)
    await c._each(case, tasks, forms.get(at, lambda: None))
    await c.settle()
