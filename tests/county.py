"""A county without Temporal: what workflows owe is done here, in this process, as soon as it is asked for."""
from __future__ import annotations

import itertools
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncpg

import activities.recognition  # noqa: F401  registers how its duties are done
from activities.duties import Duties
from activities.plans import read_plan
from domain.kernel.acts import Act
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.procedures import PROCEDURES
from domain.recognition.dossier import AnswerLeaf, Apply, CoSign, Confirm, Declare, Describe
from domain.recognition.review import Sheet
from store.door import Command, Door, Reading, Receipt
from store.files import Files
from workflows.case_workflow import DutyCall

HEAD, STAFF, AUDITOR, LEADER = "P00009", "P00200", "P00006", "P00001"


class County:
    """The door, the duties, and people who act by name."""

    def __init__(self, pool: asyncpg.Pool, folder: Path, url: str = "", procedures: dict[str, Any] = PROCEDURES) -> None:
        self.pool, self.url, self.folder = pool, url, folder
        self.door = Door(pool, procedures)
        self.duties = Duties(self.door, pool, Files(folder / "files", 20 * 1024**2), "http://county.example")
        self._ids = itertools.count(1)

    # -- acting ----------------------------------------------------------------------------------------------

    async def ask(self, who: str, case: str, verb: str, visit: int = 0, seat: str = "", id: str = "", **more: Any,
                  ) -> Receipt | Refusal:
        """An act through the door; returns whatever the door says."""
        command_id = id or f"test/{next(self._ids)}"
        return await self.door.handle(Command(command_id, who, Act(verb, visit, seat, **more), case))

    async def act(self, who: str, case: str, verb: str, visit: int = 0, seat: str = "", **more: Any) -> Receipt:
        """An act that must be accepted."""
        got = await self.ask(who, case, verb, visit, seat, **more)
        assert isinstance(got, Receipt), (who, case, verb, got)
        return got

    async def open(self, who: str, kind: str, subject: str, parent: str = "", policy: str = "", form: Any = None,
                   id: str = "") -> Receipt | Refusal:
        act = Act("open", form=form) if form is not None else Act("look")
        return await self.door.handle(Command(id or f"test/{next(self._ids)}", who, act, kind=kind, subject=subject,
                                              parent=parent, policy=policy))

    async def read(self, case: str, who: str = WORKFLOW) -> Reading:
        got = await self.door.read(case, who)
        assert isinstance(got, Reading), got
        return got

    async def task(self, case: str, stage: str = "") -> Any:
        """The first open task of a case (in that stage)."""
        tasks = (await self.read(case)).plan.tasks
        return next(t for t in tasks if stage in ("", t.stage))

    async def holder(self, holder: str) -> str:
        """Somebody who holds a post, e.g. `applicant@PR003`."""
        kind, _, organisation = holder.partition("@")
        if kind == "person":
            return organisation
        for r in await self.pool.fetch("select id from case_head where kind = 'person' order by id"):
            context = await self.door.who(r["id"])
            if any((h.kind, h.id) == (kind, organisation) for h in context.posts):
                return r["id"]
        raise AssertionError(holder)

    # -- time and duties ---------------------------------------------------------------------------------------

    async def move(self, to: datetime) -> None:
        """Move the county's clock and let everything happen that follows."""
        await self.pool.execute("update county_clock set driven = $1", to)
        await self.pool.execute("insert into outbox (driver, case_id) select driver, id from case_head where ended = '' "
                                "and driver <> '' and next_at <= $1", to)
        await self.settle()

    async def settle(self) -> None:
        """Do what workflows owe until nobody owes anything."""
        for _ in range(200):
            drivers = await self.pool.fetch("select distinct driver from outbox order by driver")
            if not drivers:
                return
            for r in drivers:
                await self.drive(r["driver"])
        raise AssertionError("the county does not come to rest")

    async def drive(self, case: str) -> None:
        """One workflow's loop, until it would wait."""
        for _ in range(100):
            plan = await read_plan(self.door, case, case)
            if plan.closed:
                return
            if plan.wait == 0:
                await self.duties.tick(case, plan.epoch, plan.version)
                continue
            if not plan.duties:
                return
            for d in plan.duties:
                await self.duties.do(DutyCall(case, plan.epoch, d.visit, d.stage, d.duty, d.nth))
        raise AssertionError(f"{case} owes without end")

    # -- an application, as far as a test wants it ---------------------------------------------------------------

    async def batch(self, policy: str = "star-school-2026", last_day: date = date(2026, 3, 20)) -> str:
        from domain.recognition.batch import OpenBatch
        programme = policy.rsplit("-", 1)[0]
        got = await self.open(HEAD, "star_batch", programme, policy=policy,
                              form=OpenBatch("试办批次", (await self.door.who(HEAD)).now.date(), last_day))
        assert isinstance(got, Receipt), got
        await self.settle()
        return got.case

    async def application(self, batch: str, school: str, until: str = "dossier", level: int = 1, percent: int = 90) -> str:
        """A star application that stands in that stage: dossier, co_sign, completeness, eligibility, draw, material."""
        clerk, principal = await self.holder(f"applicant@{school}"), await self.holder(
            f"{'site_head' if school.startswith('VS') else 'principal'}@{school}")
        got = await self.open(clerk, "star", school, batch, form=Apply(level))
        assert isinstance(got, Receipt), got
        case = got.case
        if until == "dossier":
            return case
        policy = (await self.read(case)).context.policy
        await self.act(clerk, case, "record", 1, form=Describe("竹编", "语文", "报告"))
        for leaf in policy.leaves:
            if leaf.by != {"office"}:
                await self.act(clerk, case, "record", 1, form=AnswerLeaf(leaf.id, leaf.full_cp, (), "见现场"))
        await self.act(clerk, case, "agree", 1, "clerk", form=Declare(True))
        if until == "co_sign":
            return case
        await self.act(principal, case, "agree", 2, "principal", form=CoSign())
        if until == "completeness":
            return case
        staff = await self.holder("basic_education_section_staff@SC2")
        await self.act(staff, case, "claim", 3, "office")
        await self.act(staff, case, "agree", 3, "office")
        if until == "eligibility":
            return case
        await self.act(HEAD, case, "agree", 4, "head", form=Confirm())
        await self.settle()
        if until == "draw":
            return case
        for t in (await self.read(case)).plan.tasks:
            await self.act(t.holder.id, case, "agree", t.visit, t.seat)
        return case

    def sheet(self, policy: Any, percent: int = 90) -> Sheet:
        """A sheet of the same percentage on every leaf, with reasons."""
        scores = tuple((x.id, x.full_cp * percent // 100 // x.step_cp * x.step_cp) for x in policy.scored("material"))
        return Sheet(scores, tuple((leaf, "见佐证") for leaf, _ in scores))
