"""One batch, played by everybody who has something to do in it."""
from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from rehearsal.client import COUNTY, County, Refused, Unexpected
from rehearsal.stories import Story

AUDITOR = "P00006"
HEAD_POST = "basic_education_section_head@SC2"
STAFF_POST = "basic_education_section_staff@SC2"
DAYS_MAX = 120
Report = Callable[[str], None]


@dataclass
class Batch:
    """What the players know of the batch that they play in."""
    county: County
    stories: Mapping[str, Story]                            # case → story
    leaves: list[dict[str, Any]]
    case: str
    days_off: frozenset[date]
    days_on: frozenset[date]
    said: dict[tuple[str, str], int] = field(default_factory=dict)      # (case, quirk) → times it was played
    report: Report = lambda text: None

    def once(self, case: str, quirk: str, times: int = 1) -> bool:
        """Whether this turn of the story is still to come; counts it."""
        story = self.stories.get(case)
        if story is None or quirk not in story.quirks or self.said.get((case, quirk), 0) >= times:
            return False
        self.said[case, quirk] = self.said.get((case, quirk), 0) + 1
        return True

    def workday(self, day: date) -> bool:
        return day in self.days_on or (day.weekday() < 5 and day not in self.days_off)

    def workdays_later(self, day: date, count: int) -> date:
        while count:
            day += timedelta(days=1)
            count -= self.workday(day)
        return day


def leaves_of(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The leaves of a programme file, in cp: what a person reads off the score sheet."""
    out = []
    for dimension in policy["indicators"]:
        for indicator in dimension["children"]:
            for leaf in indicator["children"]:
                out.append({"id": leaf["id"], "dimension": dimension["id"], "by": leaf["scored_by"],
                            "full": round(float(leaf["max_points"]) * 100), "step": round(float(leaf["step_points"]) * 100)})
    return out


async def open_batch(county: County, policy: Mapping[str, Any], title: str, last_day: date) -> str:
    head = county.people.of(HEAD_POST, county.now.date())[0]
    got = await county.post(head, "/api/cases", {
        "kind": "star_batch", "subject": policy["programme"], "policy": policy["id"],
        "form": {"type": "open_batch", "title": title, "first_day": county.now.date().isoformat(),
                 "last_day": last_day.isoformat()}})
    await county.settle()
    return got["case"]


async def apply(county: County, batch: str, story: Story) -> str:
    clerk = county.people.holding("applicant", story.school, county.now.date())[0]
    got = await county.post(clerk, "/api/cases", {"kind": "star", "subject": story.school, "parent": batch,
                                                  "form": {"type": "apply", "level": story.level}})
    return got["case"]


async def play(batch: Batch, ended: Callable[[str, str], None]) -> dict[str, str]:
    """Day by day until the batch is closed; returns where each application ended."""
    ends: dict[str, str] = {}
    for _ in range(DAYS_MAX):
        await _one_day(batch)
        top = await batch.county.get(AUDITOR, f"/api/cases/{batch.case}")      # before the others: who ends it has ended
        for case in batch.stories:
            if case not in ends:
                now = await batch.county.get(AUDITOR, f"/api/cases/{case}")
                if now["ended"]:
                    ends[case] = now["ended"]
                    ended(case, now["ended"])
        batch.report(f"{batch.county.now:%Y-%m-%d} {'、'.join(v['stage'] for v in top['visits'])}，已结{len(ends)}件")
        if top["ended"]:
            return ends
        day = batch.county.now.date() + timedelta(days=1)
        while not batch.workday(day):
            day += timedelta(days=1)
        await batch.county.move(datetime(day.year, day.month, day.day, 9, tzinfo=COUNTY))
    raise Unexpected(f"{batch.case} does not come to an end")


async def _one_day(batch: Batch) -> None:
    """Everybody does what they have to do, until nobody has anything left that they would do today."""
    gate = asyncio.Semaphore(6)

    async def work_on(case: str) -> bool:
        async with gate:
            return await _case(batch, case)
    for _ in range(60):
        did = await asyncio.gather(*(work_on(case) for case in batch.stories))
        did.append(await _case(batch, batch.case))
        await batch.county.settle()
        if not any(did):
            return
    raise Unexpected("a day without end")


async def _case(batch: Batch, case: str) -> bool:
    """One round through the tasks of one case; True if anything was done."""
    plan = await batch.county.get(AUDITOR, f"/api/cases/{case}/plan")
    did = False
    for task in plan["tasks"]:
        handler = STAGES.get(task["stage"])
        if handler is None:
            raise Unexpected(f"{case}: nobody plays {task}")
        people = batch.county.people.of(task["holder"], batch.county.now.date())
        if task["claimed_by"]:
            people = [task["claimed_by"]]
        if not people:
            raise Unexpected(f"{case}: nobody holds {task['holder']}")
        try:
            if task["seat"].startswith("again:"):       # the system could not do it: the office lets it try again
                await batch.county.act(people[0], case, "again", task["visit"], duty=task["seat"].partition(":")[2])
                did = True
            else:
                did |= await handler(batch, case, task, people[0])
        except Refused as error:
            if error.code not in ("stage_over", "task_closed", "already_acted", "wrong_stage"):
                raise Unexpected(f"{case} {task['stage']} {people[0]}: {error}") from error
        if did:
            break                           # the plan has changed: look again
    return did


Handler = Callable[[Batch, str, Mapping[str, Any], str], Awaitable[bool]]
STAGES: dict[str, Handler] = {}


def plays(*stages: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for stage in stages:
            STAGES[stage] = handler
        return handler
    return register


async def _agree(batch: Batch, case: str, task: Mapping[str, Any], who: str, form: Any = None, opinion: str = "") -> bool:
    await batch.county.act(who, case, "agree", task["visit"], task["seat"], form=form, opinion=opinion)
    return True


# -- the school ----------------------------------------------------------------------------------------------


@plays("dossier", "correction")
async def fill(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    """The clerk fills the dossier leaf by leaf, with evidence, and submits it for co-sign."""
    story, county = batch.stories[case], batch.county
    if "lapse" in story.quirks:
        if batch.once(case, "lapse"):
            await _describe(county, case, task, who)
            return True
        return False
    now = await county.get(who, f"/api/cases/{case}")
    answered = now["facts"]["answered"]
    visit = next(v for v in now["visits"] if v["visit"] == task["visit"])
    if not now["facts"]["described"]:
        await _describe(county, case, task, who)
    if not answered:
        for n in range(3):
            county.acts.setdefault(case, 0)
            await county.upload(who, f"佐证{n + 1}.png", _png(f"{case}{n}"))
    files = [await county.upload(who, "佐证1.png", _png(f"{case}0"))]
    for leaf in batch.leaves:
        asked = leaf["id"] not in answered or f"leaf.{leaf['id']}" in visit["editable"]
        if asked and leaf["by"] != ["office_record"]:
            await county.act(who, case, "record", task["visit"], form={
                "type": "answer_leaf", "leaf": leaf["id"], "self_cp": _round(leaf["full"] * 0.96, leaf["step"]),
                "files": files, "statement": "见佐证。"})
    return await _agree(batch, case, task, who, {"type": "declare", "truthful": True})


async def _describe(county: County, case: str, task: Mapping[str, Any], who: str) -> None:
    await county.act(who, case, "record", task["visit"], form={
        "type": "describe", "feature": "乡土竹编进课堂", "subject": "语文",
        "report": "我校以乡土竹编为特色，建有课程、教材和展室，学生人人参加。"})


def _png(text: str) -> bytes:
    """A small true PNG whose bytes depend on the text."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    shade = zlib.crc32(text.encode()) % 200
    rows = b"".join(b"\x00" + bytes([shade, 120, 160]) * 8 for _ in range(8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) + chunk(
        b"tEXt", b"k\x00" + text.encode("utf-8").hex().encode()) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@plays("co_sign")
async def co_sign(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    if batch.once(case, "send_back"):
        await batch.county.act(who, case, "return", task["visit"], task["seat"], to="dossier",
                               opinion="自评说明太简略，请补充。")
        return True
    try:
        return await _agree(batch, case, task, who, {"type": "co_sign"}, "材料真实，同意申报。")
    except Refused as error:
        if error.code == "blocked" and "blocked" in batch.stories[case].quirks:
            return await _mend_the_block(batch, case)
        raise


async def _mend_the_block(batch: Batch, case: str) -> bool:
    """The school mends; some days later the supervision office closes the rectification."""
    school = batch.stories[case].school
    waited = batch.said.get((case, "waited"), 0)
    batch.said[case, "waited"] = waited + 1
    if waited != 12:
        return False
    staff = batch.county.people.holding("supervision_office_staff", "", batch.county.now.date())[0]
    fact = next(h for h in batch.county.people.history
                if h["school_id"] == school and h["kind"] == "rectification_overdue")
    await batch.county.act(staff, school, "record", form={"type": "overdue_lifted", "no": fact["fact_id"],
                                                          "due_on": fact["happened_on"]})
    return True


@plays("fact_reply")
async def check_facts(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    points = ["报告写“无功能室”，我校科学实验室在二楼东侧。"] if batch.once(case, "dispute") else []
    return await _agree(batch, case, task, who, {"type": "reply", "points": points})


@plays("mending")
async def mend(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    leaf = next(x for x in batch.leaves if "site_panel" in x["by"])
    return await _agree(batch, case, task, who, {"type": "mended", "leaves": [leaf["id"]],
                                                 "report": "已按考察意见补齐登记，逐件编号。"})


# -- the office ----------------------------------------------------------------------------------------------


async def _claimed(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> None:
    if not task["claimed_by"]:
        await batch.county.act(who, case, "claim", task["visit"], task["seat"])


@plays("completeness")
async def completeness(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    await _claimed(batch, case, task, who)
    if batch.once(case, "return") or batch.once(case, "return_twice", 2):
        leaf = batch.leaves[0]["id"]
        await batch.county.act(who, case, "return", task["visit"], task["seat"], to="correction", parts=[f"leaf.{leaf}"],
                               opinion=f"{leaf}缺上学期的记录，请补传。")
        return True
    await _agree(batch, case, task, who, opinion="材料齐全，予以受理。")
    if batch.once(case, "take_back"):
        await batch.county.act(who, case, "take_back", task["visit"])
    return True


@plays("eligibility")
async def eligibility(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    if batch.once(case, "ineligible"):
        await batch.county.act(who, case, "refuse", task["visit"], task["seat"], opinion="在停止申报期内，不符合申报条件。")
        return True
    return await _agree(batch, case, task, who, {"type": "confirm"})


@plays("proposal")
async def propose(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    if batch.once(case, "defer"):
        return await _agree(batch, case, task, who, {
            "type": "propose", "departs": "defer",
            "reason": "该校校本教材尚未定稿，特色课程仅开设一个学期，成效有待观察，"
                      "建议转下一批再行评审，以一个完整学年的材料为准。"})
    return await _agree(batch, case, task, who, {"type": "propose"})


@plays("refusal")
async def letter(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    return await _agree(batch, case, task, who, {"type": "letter", "reason": "依规则计算，不予认定。"})


# -- experts and panel ---------------------------------------------------------------------------------------


def _round(value: float, step: int) -> int:
    return int(value // step * step)


def _scores(batch: Batch, case: str, scorer: str, shade: int = 0) -> list[list[Any]]:
    """Marks of one scorer: the story's percentage, a step lower on every other leaf for a second opinion."""
    story = batch.stories[case]
    out = []
    for n, leaf in enumerate(x for x in batch.leaves if scorer in x["by"]):
        percent = 45 if "floor" in story.quirks and leaf["dimension"] == "E" else story.marks
        points = min(leaf["full"], _round(leaf["full"] * percent / 100 + leaf["step"] / 2, leaf["step"]))
        if shade and n % shade == 0:
            points = max(0, points - leaf["step"])
        out.append([leaf["id"], points])
    return out


@plays("draw")
async def accept(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    if batch.once(case, "decline"):
        await batch.county.act(who, case, "decline", task["visit"], task["seat"], opinion="曾指导该校教研，申请回避。")
        return True
    return await _agree(batch, case, task, who)


@plays("material", "third")
async def score(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    story = batch.stories[case]
    if "withdraw" in story.quirks:
        return await _withdraw(batch, case)
    if "silent_expert" in story.quirks and batch.said.setdefault((case, "silent"), 0) == 0:
        batch.said[case, "silent"] = 1
        batch.said[case, who] = 1
    if batch.said.get((case, who)):
        return False                        # never opens the dossier: the clock decides
    sheets = _scores(batch, case, "material_expert", shade=3 if task["seat"] > "P00372" else 0)
    if batch.once(case, "third"):
        sheets = [[leaf, max(0, points - 50)] for leaf, points in sheets]
    return await _agree(batch, case, task, who, {"type": "sheet", "scores": sheets,
                                                 "notes": [[leaf, "见佐证，依标准评定。"] for leaf, _ in sheets]})


async def _withdraw(batch: Batch, case: str) -> bool:
    school = batch.stories[case].school
    day = batch.county.now.date()
    people = batch.county.people
    head = [*people.holding("principal", school, day), *people.holding("site_head", school, day)]
    await batch.county.act(head[0], case, "withdraw", opinion="学校并校在即，撤回申报。")
    return True


@plays("appointment")
async def appoint(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    day = batch.workdays_later(batch.county.now.date(), 6)
    return await _agree(batch, case, task, who, {"type": "fix_visit", "day": day.isoformat()})


@plays("visit")
async def visit(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    now = await batch.county.get(AUDITOR, f"/api/cases/{case}")
    if batch.county.now.date().isoformat() < now["facts"]["day"]:
        return False
    return await _agree(batch, case, task, who, {"type": "visit_held", "activities": [
        ["documents", 2], ["lessons", 3], ["talks", 2], ["tour", 1], ["questionnaires", 1]]})


@plays("report")
async def report(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    story = batch.stories[case]
    form = {"type": "site_sheet", "scores": _scores(batch, case, "site_panel"),
            "suggestion": "mend" if "mend" in story.quirks else "recognise",
            "summary": "课程开设齐全，特色活动有学生参与，台账基本完整。",
            "problems": [[batch.leaves[0]["id"], "个别登记不及时。"]]}
    if batch.once(case, "dissent"):
        form["dissent"] = "我认为特色课程的覆盖面还不够，与报告结论有不同看法，请委员会注意。"
    return await _agree(batch, case, task, who, form)


@plays("answer")
async def answer(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    return await _agree(batch, case, task, who, {"type": "answers", "answers": ["已复核，学校所述属实，报告已更正。"]})


@plays("re_check")
async def re_check(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    now = await batch.county.get(AUDITOR, f"/api/cases/{case}")
    mended = now["facts"]["mend_leaves"]
    leaf = next((x for x in batch.leaves if x["id"] in mended), None)
    scores = [[leaf["id"], _round(leaf["full"] * 0.8, leaf["step"])]] if leaf else []
    return await _agree(batch, case, task, who, {"type": "rescored", "scores": scores})


# -- the committee -------------------------------------------------------------------------------------------


@plays("convening")
async def convene(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    await _veto_story(batch)
    await _claimed(batch, case, task, who)
    day = batch.county.now.date()
    people = batch.county.people
    members = people.holding("committee_chair", "", day) + people.holding("committee_member", "", day)
    secretary = people.holding("committee_secretary", "", day)[0]
    return await _agree(batch, case, task, who, {
        "type": "convene", "members": members, "secretary": secretary, "place": "局三楼会议室",
        "day": batch.workdays_later(day, 5).isoformat()})


async def _veto_story(batch: Batch) -> None:
    """A violation is proven after the proposal: two persons of the supervision office record it."""
    for case, story in batch.stories.items():
        if "veto" in story.quirks and batch.once(case, "veto"):
            day = batch.county.now.date()
            staff = batch.county.people.holding("supervision_office_staff", "", day)[0]
            chief = batch.county.people.holding("supervision_office_head", "", day)[0]
            await batch.county.act(staff, story.school, "record", form={
                "type": "prove_violation", "no": "岚教督结〔2026〕99号", "veto": "illegal_fee", "proven_on": day.isoformat(),
                "basis": "收取未公示的费用，查证属实。"})
            plan = await batch.county.get(chief, f"/api/cases/{story.school}/plan")
            number = next(t["seat"] for t in plan["tasks"] if t["seat"].startswith("second:")).partition(":")[2]
            await batch.county.act(chief, story.school, "second", seat=number)


@plays("meeting")
async def meeting(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    """The members sign in, the chair opens; the meeting ends by itself when no ballot is open."""
    county = batch.county
    now = await county.get(AUDITOR, f"/api/cases/{case}")
    facts, visit = now["facts"], task["visit"]
    if county.now.date().isoformat() < facts["day"]:
        return False
    absent = [m for m in facts["members"] if m not in facts["present"]]
    if absent:
        for member in absent:
            await county.act(member, case, "record", visit, form={"type": "signed_in"})
        return True
    if not facts["opened"]:
        await county.act(who, case, "record", visit, form={"type": "open_meeting"})
        return True
    offers = await county.get(who, f"/api/cases/{case}/offers")
    if any(o["verb"] == "agree" and not o["code"] for o in offers):
        return await _agree(batch, case, task, who)
    return False


@plays("vote")
async def vote(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    """A member who is tied declines; the chair closes when all present have voted."""
    county, story = batch.county, batch.stories[case]
    if task["seat"] == "close":
        try:
            await county.act(who, case, "close", task["visit"])
        except Refused as error:
            if error.code != "quorum":
                raise
            return False
        return True
    losing = "lose_vote" in story.quirks
    try:
        await county.act(who, case, "no" if losing and who > "P00392" else "yes", task["visit"], task["seat"])
    except Refused as error:
        if error.code not in ("own_case", "separation"):
            raise
        await county.act(who, case, "decline", task["visit"], task["seat"], opinion="与该校有利害关系，回避。")
    return True


@plays("minutes")
async def minutes(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    return await _agree(batch, case, task, who, {"type": "minutes", "text": "会议逐一审议并票决，结果如附表。"})


@plays("signing")
async def sign(batch: Batch, case: str, task: Mapping[str, Any], who: str) -> bool:
    return await _agree(batch, case, task, who, {"type": "sign"})


# -- what happened in the schools before ----------------------------------------------------------------------


async def enter_history(county: County, since: date, until: date) -> int:
    """The facts of the county's history enter on their day, through the supervision office."""
    n = 0
    for h in county.people.history:
        day = date.fromisoformat(h["happened_on"])
        if not since < day <= until or h["school_id"] not in county.people.schools:
            continue
        staff = county.people.holding("supervision_office_staff", "", county.now.date())[0]
        chief = county.people.holding("supervision_office_head", "", county.now.date())[0]
        form = _history_form(h)
        if form is None:
            continue
        await county.act(staff, h["school_id"], "record", form=form)
        if form["type"] == "prove_violation":
            plan = await county.get(chief, f"/api/cases/{h['school_id']}/plan")
            number = next(t["seat"] for t in plan["tasks"] if t["seat"].startswith("second:")).partition(":")[2]
            await county.act(chief, h["school_id"], "second", seat=number)
        n += 1
    return n


def _history_form(h: Mapping[str, str]) -> dict[str, Any] | None:
    match h["kind"]:
        case "rectification_overdue":
            return {"type": "overdue", "no": h["fact_id"], "due_on": h["happened_on"]}
        case "rectification_closed":
            return {"type": "overdue_lifted", "no": h["fact_id"], "due_on": h["closed_on"], "in_time": True}
        case "proven_violation":
            return {"type": "prove_violation", "no": h["document_number"], "veto": h["veto_code"],
                    "proven_on": h["happened_on"], "basis": h["note"]}
        case "application_refused" | "objection_upheld":
            return {"type": "enter_failure", "programme": "star-school", "on": h["happened_on"]}
    return None
