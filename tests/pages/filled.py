"""A filled county for the browser: four batches, an application in each stage, one in each end, served on a port."""
from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn

import ops.load
from api import sessions
from api.app import build
from domain.kernel.calendar import COUNTY, DAY
from domain.kernel.values import Text
from domain.recognition.batch import Convene, ExtendWindow, Minutes, OpenMeeting, Sign, SignedIn
from domain.recognition.dossier import AnswerLeaf, CoSign, Declare, Describe
from domain.recognition.proposal import Letter
from domain.recognition.review import Sheet
from domain.recognition.site import FixVisit, Reply, SiteSheet, VisitHeld
from ops.settings import Settings
from ops.stack import embedded_servers
from store import vault
from store.database import migrate, open_pool
from store.files import Files
from tests.county import COMMITTEE, County

from .conftest import HEAD, NOW, small_county

SCHOOLS = ("PR003", "PR006", "PR010", "PR013", "PR017", "NY002", "NY004", "NY006", "NY008", "NY010", "JH003", "JH004", "JH009",
           "VS001", "VS002", "VS003", "VS004", "VS005", "VS006", "VS008", "PR002", "PR011")
SECRETARY, STAFF_POST = "P00440", "basic_education_section_staff@SC2"
INSIDE = "内部意见：竹编课表两处不一致，请股长把关。"
NOTED = "评语留底：课时有出入。"
PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
       b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n")


@dataclass
class Filled:
    """Where everything is. `cases`: stage or end → case; `batches`: done, notice, meeting, open."""
    county: County
    url: str
    cases: dict[str, str] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    file: str = ""
    certificate: str = ""
    code: str = ""
    notices: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)

    async def cookie(self, person: str) -> str:
        """A session of that person."""
        if person not in self.cookies:
            async with httpx.AsyncClient(base_url=self.url) as client:
                (await client.post("/api/rehearsal/switch", json={"person": person})).raise_for_status()
                self.cookies[person] = client.cookies[sessions.COOKIE]
        return self.cookies[person]


class Play:
    """How the people of this county bring its cases where they are."""

    def __init__(self, county: County) -> None:
        self.c = county

    async def step(self, case: str, form: Any = lambda task: None) -> None:
        """Everybody whose turn it is does what is asked."""
        for t in (await self.c.read(case)).plan.tasks:
            await self.c.act(await self.c.holder(t.holder.key), case, "agree", t.visit, t.seat, form=form(t))
        await self.c.settle()

    async def stage(self, case: str) -> str:
        return (await self.c.read(case)).plan.stages[0]

    async def sheets(self, case: str) -> None:
        policy = (await self.c.read(case)).context.policy
        await self.step(case, lambda t: self.c.sheet(policy, 92))

    async def convened(self, *batches: str) -> datetime:
        """Days pass until the meetings can be called; both are called for one day, the committee whole."""
        while {await self.stage(b) for b in batches} != {"convening"}:
            await self.c.move((await self.c.door.who(HEAD)).now + DAY)
        policy = (await self.c.read(batches[0])).context.policy
        day = await self.c.workday_after(max(policy.papers_before, policy.visit_notice))
        staff = (await self.c.holders(STAFF_POST))[-1]
        for b in batches:
            t = await self.c.task(b, "convening")
            await self.c.act(staff, b, "claim", t.visit, t.seat)
            await self.c.act(staff, b, "agree", t.visit, t.seat, form=Convene(COMMITTEE, SECRETARY, day, Text("三楼会议室")))
        await self.c.settle()
        return datetime.combine(day, time(9), COUNTY)

    async def meeting(self, batch: str) -> None:
        visit = (await self.c.read(batch)).case.at("meeting").no
        await self.c.act(COMMITTEE[0], batch, "record", visit, form=OpenMeeting())
        for m in COMMITTEE:
            await self.c.act(m, batch, "record", visit, form=SignedIn())
        await self.c.settle()

    async def votes(self, case: str, noes: int = 0) -> None:
        visit = (await self.c.read(case)).case.at("vote").no
        for n, m in enumerate(COMMITTEE):
            verb = "no" if n < noes else "yes"
            await self.c.act(m, case, verb, visit, m, **({"opinion": Text("课程覆盖面不够。")} if n < noes else {}))
        await self.c.act(COMMITTEE[0], case, "close", visit)

    async def noticed(self, batch: str) -> None:
        """From closed ballots to a running notice."""
        await self.c.settle()
        t = await self.c.task(batch, "meeting")
        await self.c.act(COMMITTEE[0], batch, "agree", t.visit, t.seat)
        await self.step(batch, lambda t: Minutes(Text("会议逐一审议并票决，结果如附表。")))

    async def returned(self, batch: str, school: str) -> str:
        """An application sent back once for two leaves."""
        case = await self.c.application(batch, school, "completeness")
        staff = await self.c.holder(STAFF_POST)
        await self.c.act(staff, case, "claim", 3, "office")
        first, second = [x.id for x in (await self.c.read(case)).context.policy.leaves if x.by != {"office"}][:2]
        await self.c.act(staff, case, "return", 3, "office", to="correction", parts=(f"leaf.{first}", f"leaf.{second}"),
                         opinion=Text(f"{first}缺上学期的会议记录，{second}的规划没有盖章。请补传。"))
        await self.c.settle()
        return case

    async def resubmitted(self, case: str, school: str) -> None:
        """What was returned is mended, declared and signed again."""
        clerk = await self.c.holder(f"applicant@{school}")
        reading = await self.c.read(case)
        visit = reading.case.at("correction").no
        for leaf in [x for x in reading.context.policy.leaves if x.by != {"office"}][:2]:
            form = AnswerLeaf(leaf.id, leaf.full_cp - leaf.step_cp, (), Text("缺的已补齐，附照片。"))
            await self.c.act(clerk, case, "record", visit, form=form)
        t = await self.c.task(case, "correction")
        await self.c.act(clerk, case, "agree", t.visit, t.seat, form=Declare(True))
        await self.c.settle()
        if await self.stage(case) == "co_sign":
            await self.step(case, lambda t: CoSign())

    async def report(self, case: str, suggestion: str = "recognise", most: int = 99) -> None:
        """The first `most` of the panel sign; the last of three does not agree."""
        c, policy = self.c, (await self.c.read(case)).context.policy
        for n, t in enumerate((await c.read(case)).plan.tasks[:most]):
            sheet = SiteSheet(c.scores(policy, "site"), suggestion, Text("课程开设齐全，特色活动有学生参与。"),
                              ((policy.leaves[0].id, Text("个别登记不及时。")),),
                              Text("特色课程的覆盖面还不够，有两个年级没有开课，请委员会注意。") if n == 2 else Text(""))
            await c.act(t.holder.id, case, "agree", t.visit, t.seat, form=sheet)
        await c.settle()


async def half_a_dossier(filled: Filled, batch: str, school: str) -> str:
    """Two groups answered, the first leaf with two files."""
    c = filled.county
    case, clerk = await c.application(batch, school), await c.holder(f"applicant@{school}")
    files = Files(c.folder / "files", 20 * 1024**2)

    async def chunks(data: bytes) -> AsyncIterator[bytes]:
        yield data
    kept = [await files.take(chunks(PDF + b"%" * n), name, clerk, c.pool) for n, name in enumerate(("竹编课程纲要.pdf", "校务会记录.pdf"))]
    await c.act(clerk, case, "record", 1, form=Describe(Text("乡土竹编进课堂"), "劳动", Text("四十年传承，学生人人参加。")))
    policy = (await c.read(case)).context.policy
    for n, x in enumerate(x for x in policy.leaves if x.by != {"office"} and x.dimension in "AB"):
        await c.act(clerk, case, "record", 1, form=AnswerLeaf(x.id, x.full_cp // 2 // x.step_cp * x.step_cp, tuple(kept) if n == 0 else (), Text("有计划，有记录。")))
    return case


async def fill(c: County, url: str) -> Filled:
    """Spring batch done, two more at notice and at the meeting, the fourth open with a case in each stage."""
    play, f = Play(c), Filled(c, url)
    b, k = f.batches, f.cases
    b["done"] = await c.batch(last_day=NOW.date() + 2 * DAY)
    k["recognised"] = await c.application(b["done"], "PR006", "material")
    k["refused"] = await c.application(b["done"], "PR010", "material")
    k["lapsed"] = await c.application(b["done"], "PR013")
    k["withdrawn"] = await c.application(b["done"], "VS002", "completeness")
    await c.act(await c.holder("site_head@VS002"), k["withdrawn"], "withdraw", opinion=Text("学校并校在即，撤回申报。"))
    for case in (k["recognised"], k["refused"]):
        await c.propose(case)
    await c.move(await play.convened(b["done"]))
    await play.meeting(b["done"])
    await play.votes(k["recognised"])
    await play.votes(k["refused"], noes=4)
    await play.noticed(b["done"])
    while await play.stage(b["done"]) != "signing":
        await c.move((await c.door.who(HEAD)).now + DAY)
    await play.step(b["done"], lambda t: Sign())
    await play.step(k["refused"], lambda t: Letter(Text("表决未过三分之二，不予认定。")))

    today = (await c.door.who(HEAD)).now.date()
    b["notice"], b["meeting"] = await c.batch(last_day=today + 3 * DAY), await c.batch(last_day=today + 3 * DAY)
    b["open"] = await c.batch(last_day=today + 30 * DAY)
    await c.act(HEAD, b["open"], "record", 1, form=ExtendWindow(today + 70 * DAY))
    for name, batch, school in (("notice", "notice", "PR017"), ("vote", "meeting", "NY004"), ("vote2", "meeting", "NY006")):
        k[name] = await c.application(b[batch], school, "material")
    for name in ("notice", "vote", "vote2"):
        await c.propose(k[name])
    for name, school in (("report", "NY002"), ("proposal", "NY008"), ("fact_reply", "NY010"), ("mending", "VS005"), ("visit", "VS001")):
        k[name] = await c.application(b["open"], school, "material")
        await play.sheets(k[name])
    morning = await play.convened(b["notice"], b["meeting"])
    for name in ("report", "proposal", "fact_reply", "mending", "visit"):
        await play.step(k[name], lambda t: FixVisit(morning.date()))
    await c.move(morning)
    for name in ("notice", "meeting"):
        await play.meeting(b[name])
    await play.votes(k["notice"])
    await play.noticed(b["notice"])
    visit = (await c.read(k["vote"])).case.at("vote").no
    await c.act(COMMITTEE[1], k["vote"], "yes", visit, COMMITTEE[1])
    await c.move(morning.replace(hour=15))
    minimum = tuple((await c.read(k["report"])).context.policy.activities_min.items())
    for name in ("report", "proposal", "fact_reply", "mending"):
        await play.step(k[name], lambda t: VisitHeld(minimum))
    await play.report(k["report"], most=1)
    await play.report(k["fact_reply"])
    for name in ("proposal", "mending"):
        await play.report(k[name], "mend" if name == "mending" else "recognise")
        await play.step(k[name], lambda t: Reply())

    k["dossier"] = await half_a_dossier(f, b["open"], "PR003")
    k["co_sign"] = await c.application(b["open"], "JH003", "co_sign")
    k["completeness"] = await c.application(b["open"], "JH004", "completeness")
    await c.act(await c.holder(STAFF_POST), k["completeness"], "claim", 3, "office")
    k["unclaimed"] = await c.application(b["open"], "VS008", "completeness")
    k["correction"] = await play.returned(b["open"], "JH009")
    k["second"] = await play.returned(b["open"], "VS003")
    await play.resubmitted(k["second"], "VS003")
    k["eligibility"] = await c.application(b["open"], "VS004", "completeness")
    await c.act(await c.holder(STAFF_POST), k["eligibility"], "claim", 3, "office")
    await c.act(await c.holder(STAFF_POST), k["eligibility"], "agree", 3, "office", opinion=Text(INSIDE))
    k["draw"] = await c.application(b["open"], "VS006", "draw")
    k["material"] = await c.application(b["open"], "PR013", "material")
    policy = (await c.read(k["material"])).context.policy
    t = sealed = await c.task(k["material"], "material")
    scores = c.scores(policy, "material", 80)
    await c.act(t.holder.id, k["material"], "agree", t.visit, t.seat, form=Sheet(scores, tuple((x, Text(NOTED)) for x, _ in scores)))
    await c.settle()
    f.people = {
        "head": HEAD, "staff": await c.holder(STAFF_POST), "leader": "P00001", "auditor": "P00006", "chair": COMMITTEE[0],
        "member": COMMITTEE[2], "office": await c.holder("office_head@SC1"),
        "clerk": await c.holder("applicant@PR003"), "principal": await c.holder("principal@JH003"),
        "returned": await c.holder("applicant@JH009"), "winner": await c.holder("applicant@PR006"),
        "honoured": await c.holder("principal@PR006"),
        "loser": await c.holder("applicant@PR010"), "judged": await c.holder("applicant@PR013"),
        "expert": (await c.task(k["material"], "material")).holder.id, "drawn": (await c.task(k["draw"], "draw")).holder.id,
        "panel": (await c.task(k["report"], "report")).holder.id,
        "visitor": (await c.task(k["visit"], "visit")).holder.id, "sealed": sealed.holder.id, "voted": COMMITTEE[1],
        "answering": await c.holder("principal@NY010"), "second": await c.holder("applicant@VS003"),
        "fresh": await c.holder("applicant@PR011")}
    await vault.note_looks(c.pool, HEAD, k["material"], [f.people["expert"]], vault.TIE)
    for stage in ("fact_reply", "correction", "report", "visit"):
        f.visits[stage] = (await c.read(k[stage])).case.at(stage).no
    f.file = (await c.read(k["dossier"])).case.facts.files["A1.1"][0]
    title = (await c.read(k["recognised"])).case.facts.conferred
    f.certificate, f.code = title.certificate, title.code
    for name in ("done", "notice"):
        f.notices.append(f"/notices/{quote((await c.read(b[name])).case.facts.notice)}")
    return f


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Filled]:
    """The county, filled, on a real server of this process."""
    async with embedded_servers() as stack:
        await migrate(stack.database_url)
        pool = await open_pool(stack.database_url, size=6)
        await pool.execute("update county_clock set driven = $1", NOW)
        await ops.load.load(pool, small_county(folder / "data", SCHOOLS))
        filled = await fill(County(pool, folder), f"http://127.0.0.1:{free_port()}")
        app = build(Settings(data_dir=folder, database_url=stack.database_url, temporal_address=None, rehearsal=True), pool)
        server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", int(filled.url.rpartition(":")[2]), log_level="warning",
                                               lifespan="off", timeout_graceful_shutdown=1))
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield filled
        server.should_exit = True
        await running
        await pool.close()


def case_url(no: str, more: str = "") -> str:
    return f"/cases/{quote(no)}{more}"
