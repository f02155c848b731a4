"""待办. The boxes of a person: by due, with counts that are links and lists that are exactly as long."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.routes import BLIND, audits
from domain.kernel.acts import DemandRecusal
from domain.kernel.calendar import day_of, start_of
from domain.kernel.case import Case
from domain.kernel.stages import Procedure
from domain.kernel.words import VERBS
from store import reads

from . import words
from .clocks import Chip, chip
from .shell import Page, Reader
from .sight import title_of

router = APIRouter()
ROWS_MAX = 50
GROUPS = {"late": "已逾期", "today": "今天到期", "week": "本周到期", "later": "以后", "free": "没有期限"}
SHORT = {"late": "已逾期", "today": "今天", "week": "本周", "later": "以后", "free": "没有期限"}
STATES = {"late": "late", "today": "soon"}
BOXES = {"todo": "待办", "claim": "待认领", "done": "已办", "mine": "我发起的"}
OUTCOMES = {"passed": "通过", "refused": "未通过", "returned": "退回", "lapsed": "逾期失效", "taken_back": "取回",
            "no_quorum": "人数不够"}
JUDGED = ("completeness", "eligibility", "vote")
"""Rows that one passes; the others are done."""


@dataclass(frozen=True)
class Row:
    """One line of a box."""
    chip: Chip
    url: str
    task: str
    case: str
    about: str
    school: str
    last: str
    last_by: str
    since: datetime


@dataclass(frozen=True)
class Group:
    words: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Pill:
    words: str
    count: int
    url: str
    state: str = ""
    current: bool = False


@dataclass(frozen=True)
class Tab:
    key: str
    words: str
    url: str
    count: int | None = None
    current: bool = False


@dataclass(frozen=True)
class Nothing:
    """What an empty box says, and where to go."""
    title: str
    says: str
    url: str = ""
    link: str = ""


def edges(page: Page) -> list[datetime]:
    """Now, the end of today, the end of this week."""
    tomorrow = start_of(page.today) + timedelta(days=1)
    return [page.now, tomorrow, tomorrow + timedelta(days=6 - page.today.weekday())]


def task_words(procedure: Procedure, stage: str, seat: str, public: bool, case: Case | None = None) -> str:
    """What a task is called: its stage, or what the office owes it."""
    if case and any(f"second:{p.no}" == seat and isinstance(p.form, DemandRecusal) for p in case.proposed):
        return "决定回避申请"
    said = words.stage_words(procedure, stage, public) if stage in procedure else ""
    seat = seat.removesuffix("^") if seat == "assign^" else seat
    kind = seat.partition(":")[0] if seat.partition(":")[0] in ("again", "extend", "second") or seat in (
        "close", "assign", "resume", "end") else ""
    verb = {"second": "确认登记", "end": "确认终止", "extend": "答复延期", "again": "系统没办成，请重新办理"}.get(kind,
                                                                                           VERBS.get(kind, ""))
    return f"{said}，{verb}" if said and verb else verb or said or "待办"


async def task_rows(page: Page, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows of `task` as a reader may see them: an expert sees no school, the school public names."""
    states = await reads.states(page.pool, (r["case_id"] for r in rows))
    policies = {key: await page.door.policy(*key) for key in {(r["policy"], r["kind"]) for r in rows}}
    return [_row(page, r, states[r["case_id"]], policies[r["policy"], r["kind"]]) for r in rows]


def _row(page: Page, r: Mapping[str, Any], case: Case, policy: Any) -> Row:
    procedure = page.door.procedures[r["kind"]]
    blind = r["kind"] == "star" and r["stage"] in BLIND
    public = page.side == "school" and case.subject in {h.id for h in page.context.posts}
    last, by = last_step(page, procedure, case, public, blind)
    school = f"申报学校{case.id.rpartition('-')[2]}号" if blind else page.directory.organisation(case.subject)
    stage = procedure[r["stage"]] if r["stage"] in procedure else None  # noqa: SIM401
    term = (stage.clock or stage.seat_clock) if stage else None
    return Row(chip(r["due"], term.unit if term else "workday", page.now, page.context.calendar,
                    paused=r["seat"] == "resume"),
               f"/cases/{quote(case.id)}", task_words(procedure, r["stage"], r["seat"], False, case), case.id,
               title_of(page, procedure, case, policy, blind).removeprefix(school), school, last, by, r["since"])


def last_step(page: Page, procedure: Procedure, case: Case, public: bool, blind: bool) -> tuple[str, str]:
    """What happened just before, and by whom where this reader may know."""
    past = next((p for p in reversed(case.past) if p.stage and p.outcome not in ("moot", "skipped")), None)
    if past is None or blind:
        return ("刚开始", "") if past is None else ("", "")
    inside = page.side == "staff" or past.stage in words.of_kind(case.kind).own_side
    if not past.acts or not inside or past.stage in (*BLIND, "vote"):
        said = words.stage_words(procedure, past.stage, public)
        plain = past.outcome == "passed" and not (past.acts and past.stage in JUDGED)
        done = "完成" if plain else OUTCOMES.get(past.outcome, "")
        return f"{said.removesuffix('进行中')}{done}", ""
    act = past.acts[-1][1]
    shown = page.who(act.by)
    return words.done_words(procedure, act.verb, past.stage, to=past.to), f"{shown.name}，{shown.post}"


def tabs(page: Page, box: str) -> list[Tab]:
    return [Tab(key, said, "/inbox" + (f"?box={key}" if key != "todo" else ""), page.counts.get(key), key == box)
            for key, said in BOXES.items()]


@router.get("/")
@router.get("/inbox")
async def inbox(page: Reader, box: str = "todo", due: str = "", offset: int = 0) -> HTMLResponse:
    """待办 and 待认领 by due; 已办 and 我发起的 newest first."""
    if box == "done":
        return await _done(page)
    if box == "mine":
        return await _mine(page)
    box = box if box == "claim" else "todo"
    due, offset = due if due in GROUPS else "", max(0, min(offset, 10**6))
    limits = edges(page)
    counts = await reads.inbox_by_due(page.pool, page.holders, box, limits)
    total = sum(counts.values())
    rows = await task_rows(page, got := await reads.inbox_slice(page.pool, page.holders, box, due, limits, ROWS_MAX, offset))
    groups = _grouped(got, rows, limits, counts)
    base = "/inbox?box=claim&" if box == "claim" else "/inbox?"
    filters = [Pill("全部", total, base.rstrip("?&"), "", not due)] + [
        Pill(SHORT[g], n, f"{base}due={g}", STATES.get(g, ""), due == g) for g, n in counts.items() if n]
    shown_of = counts[due] if due else total
    more = shown_of - offset - len(rows)
    nothing = await _nothing(page, box, due)
    return page.html("box.html", heading=BOXES[box], here="/inbox", boxes=tabs(page, box), filters=filters if total else [],
                     groups=groups, columns=("时限", "要办的事", "学校", "上一步", "收到"), nothing=nothing,
                     first=rows[0].url if rows and box == "todo" and not offset else "", news=await _news(page),
                     aside=await _aside(page),
                     rest={"count": more, "url": f"{base}due={due}&offset={offset + ROWS_MAX}"} if more > 0 else None)


def _grouped(got: Sequence[Mapping[str, Any]], rows: Sequence[Row], limits: Sequence[datetime],
             counts: Mapping[str, int]) -> list[Group]:
    def group_of(at: datetime | None) -> str:
        if at is None:
            return "free"
        return next((g for g, edge in zip(("late", "today", "week"), limits, strict=True) if at < edge), "later")
    by: dict[str, list[Row]] = {}
    for r, row in zip(got, rows, strict=True):
        by.setdefault(group_of(r["due"]), []).append(row)
    return [Group(f"{said}{counts[g]}件", tuple(by[g])) for g, said in GROUPS.items() if g in by]


async def _nothing(page: Page, box: str, due: str) -> Nothing:
    if due:
        return Nothing("没有这样的待办", "", "/inbox" + ("?box=claim" if box == "claim" else ""), "清除筛选")
    if box == "claim":
        return Nothing("没有待认领的事", "本岗的事都有人办了。", "/inbox", "看待办")
    last = await reads.last_done(page.pool, page.me)
    if last is None and any(p.startswith("applicant@") for p in page.posts):
        return Nothing("没有待办", "要申报的，先看本校够不够条件。", "/cases/new/star", "去申报")
    if last is None:
        return Nothing("没有待办", "您还没有办过事，轮到您时会出现在这里。", "/cases", "看案件")
    on = "今天" if day_of(last) == page.today else f"{day_of(last).month}月{day_of(last).day}日"
    at = last.astimezone(page.now.tzinfo)
    return Nothing("没有待办", f"最近一件是{on}{at.hour}:{at.minute:02}办完的。", "/inbox?box=done", "看已办")


async def _aside(page: Page) -> list[dict[str, Any]]:
    """Where the running batches stand, for the section that handles them: each number opens its list."""
    if page.side != "staff":
        return []
    batches, _ = await reads.cases_where(page.pool, page.context, kind="star_batch", state="open", limit=2,
                                         everything=audits(page.context))
    procedure = page.door.procedures.get("star")
    out = []
    for b in batches if procedure else ():
        children = await reads.children(page.pool, b["id"])
        at = Counter(stage for c in children for stage in c["stages"] if not c["ended"])
        rows = [{"words": words.stage_words(procedure, s.name), "count": at[s.name],
                 "url": f"/cases?parent={quote(b['id'])}&stage={s.name}"} for s in procedure.stages if at[s.name]]
        if rows:
            out.append({"title": f"{b['id']}到了哪一步", "rows": rows, "url": f"/batches/{quote(b['id'])}", "link": "批次"})
    return out


async def _done(page: Page) -> HTMLResponse:
    """已办: one row a case, where it stands now."""
    rows = await reads.done_by(page.pool, page.me)
    return await _case_rows(page, "done", [r["case_id"] for r in rows], [r["at"] for r in rows],
                            Nothing("还没有办过的事", "", "/inbox", "看待办"), "办理")


async def _mine(page: Page) -> HTMLResponse:
    """我发起的: cases that this person opened."""
    rows, _ = await reads.cases_where(page.pool, page.context, opened_by=page.me, limit=ROWS_MAX)
    return await _case_rows(page, "mine", [r["id"] for r in rows], [r["opened_at"] for r in rows],
                            Nothing("没有您发起的案件", "", "/cases", "看全部案件"), "开始")


async def _case_rows(page: Page, box: str, ids: Sequence[str], at: Sequence[datetime], nothing: Nothing, when: str,
                     ) -> HTMLResponse:
    rows = await stand_rows(page, ids, at)
    return page.html("box.html", heading=BOXES[box], here="/inbox", boxes=tabs(page, box), filters=[],
                     groups=[Group("", tuple(rows))] if rows else [], columns=("状态", "案件", "学校", "上一步", when),
                     nothing=nothing, first="", news=await _news(page), aside=[], rest=None)


async def _news(page: Page) -> int:
    """How many messages are new."""
    from .messages import of
    return len((await of(page))[0])


async def stand_rows(page: Page, ids: Sequence[str], at: Sequence[datetime]) -> list[Row]:
    """Cases with where they stand, in the order given."""
    states = await reads.states(page.pool, ids)
    out = []
    for id, moment in zip(ids, at, strict=True):
        case, procedure = states[id], page.door.procedures[states[id].kind]
        policy = await page.door.policy(case.policy, case.kind)
        blind = page.side == "expert"
        public = case.subject in {h.id for h in page.context.posts} and page.side == "school"
        school = f"申报学校{case.id.rpartition('-')[2]}号" if blind else page.directory.organisation(case.subject)
        last, by = last_step(page, procedure, case, public, blind)
        out.append(Row(Chip(*status(procedure, case, public or blind)), f"/cases/{quote(id)}",
                       title_of(page, procedure, case, policy, blind).removeprefix(school), id, "", school, last, by,
                       moment))
    return out


def status(procedure: Procedure, case: Case, public: bool) -> tuple[str, str]:
    """Where a case stands, and the look of it."""
    if case.ended:
        good = case.ended in words.of_kind(case.kind).good_ends
        return words.end_words(case.kind, case.ended), "met" if good else "free"
    if case.suspended:
        return "已暂停", "pause"
    said = dict.fromkeys(words.stage_words(procedure, v.stage, public) for v in case.open)
    return "、".join(said) or "办理中", "free"
