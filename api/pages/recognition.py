"""批次. Where all applications of a batch stand: funnel, late ones, places, days; opening a batch and its extension."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.problems import STATUS
from api.routes import audits
from domain.kernel.acts import Act
from domain.kernel.calendar import DAY, day_of
from domain.kernel.case import Case
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.recognition import batch as b
from domain.recognition.facts import Stands
from domain.recognition.policy import StarPolicy
from domain.recognition.seats import section
from store import codec, reads
from store.door import Command

from . import words
from .case import history
from .dossier import command_of
from .entry import Problem
from .fields import Field, Option
from .inbox import Group, Nothing, stand_rows
from .shell import Page, Reader, posted, refused, said, see_other
from .sight import Sight
from .ways import Way, act_of, explained, ways

router = APIRouter()
BATCHES_MAX = 50
LIST_MAX = 200
PLACES: dict[str, Callable[[Stands], bool]] = {
    "proposed": lambda s: s.what in ("proposed", "called"),
    "taken": lambda s: s.what in b.HOLDING or s.by == "recognised"}
"""Who waits for the vote, who holds a place (R-64)."""


# -- the list, and opening one --------------------------------------------------------------------------------------------


def my_programmes(page: Page) -> list[str]:
    """Programmes whose section this reader heads."""
    mine = {h.key for h in page.context.posts}
    return [p for p in words.PROGRAMME_NAMES if "{}_head@{}".format(*section(f"{p}-0000")) in mine]


async def opening(page: Page) -> list[Field]:
    """The form of 开批次; empty for whoever may not."""
    mine = my_programmes(page)
    if not mine:
        return []
    rows = await page.pool.fetch("select id from policy order by id desc")
    options = []
    for r in rows:
        policy = await page.door.policy(r["id"])
        if isinstance(policy, StarPolicy) and policy.programme in mine and policy.in_force(page.today):
            options.append(Option(r["id"], f"{words.full(policy.title)}（{policy.document}）"))
    return [Field("policy", "依据哪份办法", "one", True, options=options, blank=len(options) > 1,
                  value=options[0].value if len(options) == 1 else ""),
            Field("title", "批次名称", "text", True, hint="例如：2026年第二批"),
            Field("first_day", "申报第一天", "date", True, value=(page.today + DAY).isoformat()),
            Field("last_day", "申报最后一天", "date", True, hint="到这一天24:00截止")]


async def _list_html(page: Page, fields: list[Field], problems: list[Problem] | None = None, status: int = 200,
                     ) -> HTMLResponse:
    rows, total = await reads.cases_where(page.pool, page.context, kind="star_batch", limit=BATCHES_MAX,
                                          everything=audits(page.context))
    states = await reads.states(page.pool, [r["id"] for r in rows])
    out = []
    for r in rows:
        case = states[r["id"]]
        procedure = page.door.procedures["star_batch"]
        out.append({"title": case.facts.title, "no": case.id, "url": f"/batches/{quote(case.id)}",
                    "programme": words.PROGRAMME_NAMES.get(case.subject, ""), "first": case.facts.first_day,
                    "last": case.facts.last_day, "count": len(case.children),
                    "given": sum(s.by == "recognised" for s in case.children.values()), "ended": case.ended,
                    "state": words.end_words("star_batch", case.ended) if case.ended else
                    "、".join(words.stage_words(procedure, v.stage) for v in case.open)})
    return page.html("batches.html", status, problems=problems or [], batches=out, total=total, fields=fields,
                     command=page.new_command(), here="/batches")


@router.get("/batches")
async def batches(page: Reader) -> HTMLResponse:
    return await _list_html(page, await opening(page))


@router.post("/batches")
async def open_batch(page: Reader, request: Request) -> Response:
    """开批次."""
    form = await posted(request, page)
    fields = await opening(page)
    for one in fields:
        one.value = said(form, one.name).strip()
    problems = _faults(fields)
    if not fields:
        problems = [Problem("开批次由经办股室的股长办。请股长来办。")]
    if problems:
        return await _list_html(page, fields, problems, 422 if fields else 403)
    policy_id, title, first, last = (f.value for f in fields)
    policy = await page.door.policy(policy_id)
    got = await page.door.handle(Command(
        f"{page.me}/{command_of(form)}", page.me, Act("open", form=b.OpenBatch(
            title, date.fromisoformat(first), date.fromisoformat(last))),
        kind="star_batch", subject=policy.programme, policy=policy_id))
    if isinstance(got, Refusal):
        at = "f-last_day" if got.code in ("malformed", "calendar_unpublished") else ""
        most = f"申报窗口最长{policy.window_days}日，最后一天不能早于第一天，第一天不能早于今天。请改正日期。"
        sentence = most if got.code == "malformed" else _refusal_words(got)
        if at:
            fields[3].error = sentence
        return await _list_html(page, fields, [Problem(sentence, at)], STATUS.get(got.code, 409))
    return see_other(f"/batches/{quote(got.case)}")


def _refusal_words(refusal: Refusal) -> str:
    from domain.kernel.words import sentence
    return sentence(refusal)


def _faults(fields: Sequence[Field]) -> list[Problem]:
    for f in fields:
        if not f.value:
            f.error = f"{f.label}还没有{'选' if f.kind == 'one' else '填'}。请补上。"
        elif f.kind == "date" and not _date(f.value):
            f.error = f"{f.label}不能识别。请选一个日期。"
        elif f.kind == "one" and f.value not in {o.value for o in f.options}:
            f.error = f"{f.label}不在列出的里面。请重选。"
    return [Problem(f.error, f.id) for f in fields if f.error]


def _date(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


# -- one batch ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One stage of the funnel."""
    words: str
    count: int
    late: int
    url: str
    late_url: str
    sub: str = ""


async def batch_sight(page: Page, no: str) -> tuple[Sight, bool]:
    """The batch; a leader reads it as it stands, without acts."""
    got = await page.door.read(no, page.me)
    acts = not isinstance(got, Refusal)
    if isinstance(got, Refusal):
        if not audits(page.context):
            raise refused(got)
        got = await page.door.read(no, WORKFLOW)
    if isinstance(got, Refusal) or got.case.kind != "star_batch":
        raise refused(got if isinstance(got, Refusal) else _no_batch())
    return Sight(page, got), acts


def _no_batch() -> Refusal:
    from domain.kernel.refusal import no
    return no("not_found", "G-30")


async def children_of(page: Page, no: str) -> list[dict[str, Any]]:
    """Every application: where it stands, whether it is late."""
    rows = await page.pool.fetch(
        "select h.id, h.subject, h.stages, h.ended, h.opened_at, (select min(due) from task t where t.case_id = h.id) due "
        "from case_head h where h.parent = $1 order by h.id", no)
    return [{**dict(r), "late": bool(not r["ended"] and r["due"] and r["due"] < page.now)} for r in rows]


def phase_of(page: Page, row: dict[str, Any]) -> str:
    """The step of the picture in which an application stands."""
    if row["ended"]:
        return f"end.{row['ended']}"
    at = row["stages"][0] if row["stages"] else ""
    return next((p.name for p in words.of_kind("star").phases if at in p.stages), "其他")


async def funnel(page: Page, no: str) -> list[Step]:
    rows = await children_of(page, no)
    count = Counter(phase_of(page, r) for r in rows)
    late = Counter(phase_of(page, r) for r in rows if r["late"])
    base = f"/batches/{quote(no)}/cases?"
    order = [(p.name, p.name) for p in words.of_kind("star").phases] + [
        (f"end.{how}", words.end_words("star", how)) for how in words.of_kind("star").ends if how != "closed"]
    return [Step(said_, count[key], late[key], base + urlencode({"at": key}), base + urlencode({"at": key, "late": 1}),
                 "已结束" if key.startswith("end.") else "") for key, said_ in order if count[key]]


def places(case: Case, policy: StarPolicy) -> list[dict[str, Any]]:
    """名额 by tier: how many there are, are taken, wait for the vote."""
    out = []
    for n, level in policy.levels.items():
        mine = [s for s in case.children.values() if s.level == n]
        taken = sum(PLACES["taken"](s) for s in mine)
        out.append({"words": words.full(level.name), "quota": level.quota, "applied": len(mine), "taken": taken,
                    "proposed": sum(PLACES["proposed"](s) for s in mine),
                    "left": b.places_left(case, policy, n), "level": n})
    return out


def days_of(page: Page, case: Case, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calendar of the batch: what was and what is fixed."""
    f, out = case.facts, []
    if f.first_day and f.last_day:
        out += [{"on": f.first_day, "words": "申报开始"}, {"on": f.last_day, "words": "申报截止"}]
    for r in rows:
        on, event = day_of(r["at"]), r["event"]
        match event:
            case b.MeetingConvened():
                out.append({"on": event.day, "words": "评审委员会会议"})
            case b.NoticeUp():
                out.append({"on": on, "words": f"公示发布，{len(event.children)}所"})
            case b.DocumentSignedOff():
                out.append({"on": on, "words": f"文件签发，{len(event.children)}所"})
            case b.Ranked():
                out.append({"on": on, "words": f"排序，上会{len(event.order)}件"})
    return sorted(({**x, "css": "past" if x["on"] < page.today else "today" if x["on"] == page.today else ""} for x in out),
                  key=lambda x: x["on"])


async def loads(page: Page, no: str) -> list[dict[str, Any]]:
    """Experts of the batch with how many dossiers they have, and how many sheets are sealed."""
    states = await page.pool.fetch("select state from case_head where parent = $1", no)
    have: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for r in states:
        case = codec.state_of(r["state"])
        for name in ("experts", "third"):
            for who in case.roster(name).members:
                have[who] += 1
                done[who] += who in case.facts.sheets
    return [{"who": page.who(w), "have": n, "done": done[w]} for w, n in have.most_common()]


async def _batch_html(page: Page, sight: Sight, acts: bool, field: Field | None = None,
                      problems: list[Problem] | None = None, status: int = 200) -> HTMLResponse:
    case, policy = sight.case, sight.context.policy
    rows, _ = await history(page, case.id)
    way = extend_way(sight) if acts else None
    if way and field is None:
        field = Field("last_day", "新的最后一天", "date", True, hint="对全体学校一样")
    steps = await funnel(page, case.id)
    late = sum(s.late for s in steps)
    knows = acts and bool({h.key for h in page.context.posts} & {sight.procedure.office(case).key,
                                                                sight.procedure.head(case).key})
    return page.html(
        "batch.html", status, problems=problems or [], sight=sight, steps=steps, late=late, acts=acts,
        runs=not (sight.case.ended or audits(page.context)),
        total=sum(s.count for s in steps), most=max([s.count for s in steps], default=1), places=places(case, policy),
        days=days_of(page, case, rows), experts=await loads(page, case.id) if knows else [],
        programme=words.PROGRAMME_NAMES.get(case.subject, ""), field=field if way else None, way=way, here="/batches",
        state=words.end_words("star_batch", case.ended) if case.ended else "、".join(
            sight.stage(v.stage) for v in case.open), command=page.new_command(), url=f"/batches/{quote(case.id)}",
        notices=[f"/notices/{quote(r['event'].number)}" for r in rows if isinstance(r["event"], b.NoticeUp)])


def extend_way(sight: Sight) -> Way | None:
    found = ways(sight)
    return next((w for w in (*found.main, *found.others) if w.form is b.ExtendWindow), None)


@router.get("/batches/{no}")
async def batch(no: str, page: Reader) -> HTMLResponse:
    sight, acts = await batch_sight(page, no)
    return await _batch_html(page, sight, acts)


@router.post("/batches/{no}/extend")
async def extend(no: str, page: Reader, request: Request) -> Response:
    """延长申报."""
    form = await posted(request, page)
    command = command_of(form)
    if await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(f"/batches/{quote(no)}")
    sight, acts = await batch_sight(page, no)
    field = Field("last_day", "新的最后一天", "date", True, hint="对全体学校一样", value=said(form, "last_day").strip())
    way = extend_way(sight) if acts else None
    day = _date(field.value)
    if day is None:
        field.error = "新的最后一天还没有选，或不能识别。请选一个日期。"
        return await _batch_html(page, sight, acts, field, [Problem(field.error, field.id)], 422)
    visit = way.visit if way else sight.case.open[0].no if sight.case.open else 0
    saw = said(form, "saw")
    act = act_of(Way("record", visit, "", b.ExtendWindow), form=b.ExtendWindow(day),
                 saw=int(saw) if saw.isdecimal() else None)
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, act, no))
    if isinstance(got, Refusal):
        field.error = "新的最后一天要在原来的之后，申报期还在进行时才能延长。请另选一天。" if got.code == "malformed" \
            else explained(sight, got)
        return await _batch_html(page, sight, acts, field, [Problem(field.error, field.id if way else "")],
                                 STATUS.get(got.code, 409))
    return see_other(f"/batches/{quote(no)}")


@router.get("/batches/{no}/cases")
async def batch_cases(no: str, page: Reader, at: str = "", late: bool = False, level: int = 0,
                      place: str = "") -> HTMLResponse:
    """The list behind a number of the funnel or of the places."""
    sight, _ = await batch_sight(page, no)
    stands = sight.case.children

    def wanted(r: dict[str, Any]) -> bool:
        its = stands.get(r["id"])
        return at in ("", phase_of(page, r)) and (not late or r["late"]) and level in (0, its.level if its else 0) and (
            place not in PLACES or bool(its and PLACES[place](its)))
    rows = [r for r in await children_of(page, no) if wanted(r)]
    shown = await stand_rows(page, [r["id"] for r in rows[:LIST_MAX]], [r["opened_at"] for r in rows[:LIST_MAX]])
    name = words.end_words("star", at[4:]) if at.startswith("end.") else at
    policy: StarPolicy = sight.context.policy
    told = [sight.case.facts.title, *([words.full(policy.levels[level].name)] if level in policy.levels else []),
            *([name] if name else []), *(["已逾期"] if late else []),
            *([{"proposed": "待表决", "taken": "已占名额"}[place]] if place in PLACES else [])]
    return page.html("cases.html", heading="案件", told=told, pills=[], groups=[Group("", tuple(shown))] if shown else [],
                     columns=("状态", "案件", "学校", "上一步", "开始"), here="/batches", more="",
                     clear=f"/batches/{quote(no)}",
                     nothing=Nothing("没有这样的案件", "", f"/batches/{quote(no)}", "回到批次"))

