"""案件. The list of cases that somebody may see; the lists behind the numbers are this one, narrowed."""
from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.routes import audits
from store import reads

from . import words
from .inbox import Group, Nothing, Pill, stand_rows
from .shell import Reader

router = APIRouter()
ROWS_MAX = 50
LISTED = ("star", "star_batch")


@router.get("/cases")
async def cases(page: Reader, kind: str = "", parent: str = "", stage: str = "", state: str = "",
                after: str = "") -> HTMLResponse:
    """Newest number first; the pills carry how many there are."""
    everything = audits(page.context)

    async def count(state: str) -> int:
        return (await reads.cases_where(page.pool, page.context, kind=kind, parent=parent, stage=stage, state=state, limit=1,
                                        everything=everything))[1]
    state = state if state in ("open", "ended") else ""
    rows, total = await reads.cases_where(page.pool, page.context, kind=kind, parent=parent, stage=stage, state=state,
                                          after=after, limit=ROWS_MAX, everything=everything)

    def url(**more: str) -> str:
        asked = {k: v for k, v in ({"kind": kind, "parent": parent, "stage": stage, "state": state} | more).items() if v}
        return "/cases" + (f"?{urlencode(asked)}" if asked else "")
    shown = await stand_rows(page, [r["id"] for r in rows], [r["opened_at"] for r in rows])
    pills = [Pill(said, await count(s), url(state=s), "", s == state)
             for s, said in (("", "全部"), ("open", "办理中"), ("ended", "已结束"))]
    heading = {"star_batch": "批次"}.get(kind, "我校案件" if page.side == "school" else "案件")
    procedure = page.door.procedures.get("star")
    told = [said for said in (parent, words.stage_words(procedure, stage) if stage and procedure else "") if said]
    more = len(rows) == ROWS_MAX and total > ROWS_MAX
    here = url(state="") if kind and not parent else "/cases"
    return page.html("cases.html", heading=heading, told=told, pills=pills,
                     groups=[Group("", tuple(shown))] if shown else [],
                     columns=("状态", "案件", "学校", "上一步", "开始"), here=here,
                     more=url(after=rows[-1]["id"]) if more else "",
                     clear="/cases" if told else "", nothing=Nothing("没有案件", "",
                                                                     *(("/cases", "清除筛选") if told or state else ())))
