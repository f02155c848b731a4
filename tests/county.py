"""A county without Temporal: what workflows owe is done here, in this process, as soon as it is asked for."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import asyncpg

import activities.recognition  # noqa: F401  registers how its duties are done
from activities.duties import Duties
from activities.plans import read_plan
from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY, DAY, day_of, whole_workdays_between
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.procedures import PROCEDURES
from domain.recognition.batch import Convene, Minutes, OpenMeeting, SignedIn
from domain.recognition.dossier import AnswerLeaf, Apply, Confirm, CoSign, Declare, Describe
from domain.recognition.proposal import Propose
from domain.recognition.review import Sheet
from domain.recognition.site import FixVisit, Reply, SiteSheet, VisitHeld
from domain.registers.person import posts_on
from store.codec import state_of
from store.door import Command, Door, Reading, Receipt
from store.files import Files
from workflows.case_workflow import DutyCall

HEAD, STAFF, AUDITOR, LEADER = "P00009", "P00200", "P00006", "P00001"
_ids = itertools.count(1)                       # of commands; one row for all counties, since a template has had its own
COMMITTEE = ("P00390", "P00391", "P00392", "P00395", "P00396")


class County:
    """The door, the duties, and people who act by name."""

    def __init__(self, pool: asyncpg.Pool, folder: Path, url: str = "", procedures: dict[str, Any] = PROCEDURES,
                 owner: asyncpg.Pool | None = None) -> None:
        self.pool, self.url, self.folder, self.owner = pool, url, folder, owner or pool
        self.door = Door(pool, procedures)
        self.duties = Duties(self.door, pool, Files(folder / "files", 20 * 1024**2), "http://county.example")

    # -- acting ----------------------------------------------------------------------------------------------

    async def ask(self, who: str, case: str, verb: str, visit: int = 0, seat: str = "", id: str = "", **more: Any,
                  ) -> Receipt | Refusal:
        """An act through the door; returns whatever the door says."""
        command_id = id or f"test/{next(_ids)}"
        return await self.door.handle(Command(command_id, who, Act(verb, visit, seat, **more), case))

    async def act(self, who: str, case: str, verb: str, visit: int = 0, seat: str = "", **more: Any) -> Receipt:
        """An act that must be accepted."""
        got = await self.ask(who, case, verb, visit, seat, **more)
        assert isinstance(got, Receipt), (who, case, verb, got)
        return got

    async def open(self, who: str, kind: str, subject: str, parent: str = "", policy: str = "", form: Any = None,
                   id: str = "") -> Receipt | Refusal:
        act = Act("open", form=form) if form is not None else Act("look")
        return await self.door.handle(Command(id or f"test/{next(_ids)}", who, act, kind=kind, subject=subject,
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
        if holder.startswith("person@"):
            return holder.removeprefix("person@")
        return (await self.holders(holder))[0]

    async def holders(self, holder: str) -> list[str]:
        """Everybody who holds a post today."""
        today = day_of(await self.pool.fetchval("select county_now()"))
        rows = await self.pool.fetch("select id, state from case_head where kind = 'person' order by id")
        out = [r["id"] for r in rows if any(h.key == holder for h in posts_on(state_of(r["state"]).facts, today))]
        assert out, holder
        return out

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

    async def batch(self, policy: str = "", last_day: date = date(2026, 3, 20)) -> str:
        """Under the rules for schools that are in force that day, or those that are named."""
        from domain.recognition.batch import OpenBatch
        today = (await self.door.who(HEAD)).now.date()
        policy = policy or ("star-school-2015" if today < date(2026, 3, 1) else "star-school-2026")
        got = await self.open(HEAD, "star_batch", policy.rsplit("-", 1)[0], policy=policy,
                              form=OpenBatch("试办批次", today, last_day))
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

    async def propose(self, case: str) -> None:
        """From the draw to the proposal that follows by rule: sheets, a visit, a reply without complaints."""
        policy = (await self.read(case)).context.policy
        for _ in range(40):
            reading = await self.read(case)
            tasks, facts = reading.plan.tasks, reading.case.facts
            match reading.plan.stages[0]:
                case "proposal":
                    await self.act(HEAD, case, "agree", tasks[0].visit, "head", form=Propose())
                    return
                case "draw":
                    await self._each(case, tasks, lambda: None)
                case "material":
                    await self._each(case, tasks, lambda: self.sheet(policy))
                case "appointment":
                    day = await self.workday_after(policy.visit_notice)
                    await self._each(case, tasks, lambda day=day: FixVisit(day))
                case "visit":
                    await self.move(datetime.combine(facts.day, time(15), COUNTY))
                    await self._each(case, tasks, lambda: VisitHeld(tuple(policy.activities_min.items())))
                case "report":
                    await self._each(case, tasks, lambda: SiteSheet(self.scores(policy, "site"), "recognise"))
                case "fact_reply":
                    await self.act(await self.holder(tasks[0].holder.key), case, "agree", tasks[0].visit, tasks[0].seat,
                                   form=Reply())
            await self.settle()
        raise AssertionError(reading.plan.stages)

    async def _each(self, case: str, tasks: Any, form: Callable[[], Any]) -> None:
        for t in tasks:
            await self.act(t.holder.id, case, "agree", t.visit, t.seat, form=form())

    async def meet(self, batch: str) -> str:
        """From the ranking to the opened meeting: every candidate is called, every member present. Returns the chair."""
        await self.settle()
        chair, t = COMMITTEE[0], await self.task(batch, "convening")
        staff = (await self.holders("basic_education_section_staff@SC2"))[-1]
        await self.act(staff, batch, "claim", t.visit, t.seat)
        day = await self.workday_after((await self.read(batch)).context.policy.papers_before)
        await self.act(staff, batch, "agree", t.visit, t.seat, form=Convene(tuple(COMMITTEE), "P00440", day, "三楼会议室"))
        await self.settle()                     # the papers go out today
        await self.move(datetime.combine(day, time(9), COUNTY))
        visit = (await self.read(batch)).case.at("meeting").no
        await self.act(chair, batch, "record", visit, form=OpenMeeting())
        for m in COMMITTEE:
            await self.act(m, batch, "record", visit, form=SignedIn())
        await self.settle()
        return chair

    async def vote(self, batch: str, chair: str, verb: str = "yes") -> None:
        """Everybody votes alike on every candidate; the chair closes each ballot."""
        for case in (await self.read(batch)).case.facts.ranked:
            visit = (await self.read(case)).case.at("vote").no
            for m in COMMITTEE:
                await self.act(m, case, verb, visit, m)
            await self.act(chair, case, "close", visit)

    async def to_signing(self, batch: str, chair: str) -> None:
        """From closed ballots through minutes and notice to the leader's desk."""
        await self.settle()
        t = await self.task(batch, "meeting")
        await self.act(chair, batch, "agree", t.visit, t.seat)
        for t in (await self.read(batch)).plan.tasks:
            await self.act(t.holder.id, batch, "agree", t.visit, t.seat, form=Minutes("全部通过"))
        await self.settle()
        for _ in range(20):
            if (await self.read(batch)).plan.stages == ("signing",):
                return
            await self.move((await self.door.who(HEAD)).now + DAY)
        raise AssertionError((await self.read(batch)).plan.stages)

    async def workday_after(self, whole: int) -> date:
        """The first working day with so many whole working days before it (C-17)."""
        context = await self.door.who(HEAD)
        today = day = day_of(context.now)
        while day == today or whole_workdays_between(today, day, context.calendar) < whole or not context.calendar.works(day):
            day += DAY
        return day

    def scores(self, policy: Any, by: str, percent: int = 90) -> tuple[tuple[str, int], ...]:
        return tuple((x.id, x.full_cp * percent // 100 // x.step_cp * x.step_cp) for x in policy.scored(by))

    def sheet(self, policy: Any, percent: int = 90) -> Sheet:
        """A sheet of the same percentage on every leaf, with reasons."""
        scores = self.scores(policy, "material", percent)
        return Sheet(scores, tuple((leaf, "见佐证") for leaf, _ in scores))
