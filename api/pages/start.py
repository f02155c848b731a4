"""申报. May we apply, and what is needed: the conditions one by one, before anything is opened."""
from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.problems import STATUS
from domain.kernel.acts import Act
from domain.kernel.calendar import day_of
from domain.kernel.case import Case
from domain.kernel.refusal import Refusal
from domain.kernel.stages import Context, Gates
from domain.kernel.words import sentence
from domain.recognition.dossier import Apply, checks
from domain.recognition.facts import Application
from domain.recognition.policy import StarPolicy
from store import codec
from store.door import Command

from . import words
from .entry import Problem
from .render import day_words
from .shell import Page, PageProblem, Reader, posted, said, see_other

router = APIRouter()


@router.get("/cases/new/star")
async def conditions(page: Reader) -> HTMLResponse:
    return await _page(page)


def my_school(page: Page) -> str:
    return next((k.partition("@")[2] for k in page.posts if k.startswith("applicant@")), "")


async def open_batches(page: Page) -> list[dict[str, Any]]:
    """Batches whose window is open now, with their policy."""
    rows = await page.pool.fetch("select id, state, policy from case_head where kind = 'star_batch' and ended = '' "
                                 "and 'window' = any(stages) order by id")
    out = []
    for r in rows:
        batch, policy = codec.state_of(r["state"]), await page.door.policy(r["policy"])
        if isinstance(policy, StarPolicy) and batch.facts.first_day and batch.facts.first_day <= page.today:
            out.append({"id": r["id"], "title": batch.facts.title, "last_day": batch.facts.last_day, "policy": policy})
    return out


async def _page(page: Page, status: int = 200, problems: list[Problem] | None = None, chosen: str = "") -> HTMLResponse:
    school = my_school(page)
    register = page.directory.organisations.get(school)
    batches = []
    for b in await open_batches(page) if register else ():
        policy: StarPolicy = b["policy"]
        if register.kind not in policy.school_kinds:
            continue
        levels = [{"level": n, "words": words.full(x.name), "key": f"{b['id']}|{n}",
                   "rows": (rows := await _checked(page, b, n)),
                   "may": all(r["ok"] for r in rows)} for n, x in policy.levels.items()]
        no = await running(page, school, policy.programme)
        batches.append({**b, "levels": levels, "running": {"no": no, "url": f"/cases/{quote(no)}"} if no else None,
                        "programme": words.PROGRAMMES.get(policy.programme, ""),
                        "document": policy.document, "leaves": len([x for x in policy.leaves if x.by != {"office"}])})
    may = [x["key"] for b in batches for x in b["levels"] if x["may"]]
    return page.html("start.html", status, problems=problems or [], school=register.name if register else "",
                     batches=batches,
                     may=may, chosen=chosen or (may[0] if may else ""), command=page.new_command(), here="/cases/new/star")


async def running(page: Page, school: str, programme: str) -> str | None:
    """The application that runs already (R-6)."""
    return await page.pool.fetchval("select id from case_head where kind = 'star' and subject = $1 and ended = '' "
                                    "and policy like $2 || '-____' limit 1", school, programme)


async def _checked(page: Page, batch: dict[str, Any], level: int) -> list[dict[str, Any]]:
    """R-19 as it would be computed today; beside it the window and R-6."""
    school, policy = my_school(page), batch["policy"]
    gates = Gates({(f"organisation:{school}", school): page.directory.organisations[school]})
    vetoes = tuple(v.no for v in page.directory.organisations[school].violations)
    case = Case(id="", kind="star", subject=school, policy=policy.id, facts=Application(level=level, vetoes=vetoes))
    context = Context(page.now, page.me, policy=policy, calendar=page.context.calendar, gates=gates)
    no = await running(page, school, policy.programme)
    out = [{"words": words.ELIGIBILITY.get(code, "其他条件"), "ok": ok, "code": code} for code, ok,
           _ in checks(case, context)]
    out.append({"words": words.ELIGIBILITY["window"], "ok": day_of(page.now) <= batch["last_day"], "code": "window"})
    out.append({"words": words.ELIGIBILITY["no_other"], "ok": not no, "code": "no_other",
                "url": f"/cases/{quote(no)}" if no else ""})
    return [{"url": "", **r, "says": _says(r, batch)} for r in out]


def _says(row: dict[str, Any], batch: dict[str, Any]) -> str:
    if row["code"] == "window":
        return f"到{day_words(batch['last_day'])} 24:00" if row["ok"] else "已截止。请等下一批。"
    return "符合" if row["ok"] else f"不符合。{words.CONDITION_HELP.get(row['code'], '请核对后再报。')}"


@router.post("/cases/new/star")
async def begin(page: Reader, request: Request) -> Response:
    """开始填报: opens the case; refused, the page again with the reason."""
    form = await posted(request, page)
    batch_id, _, level = said(form, "level").partition("|")
    school = my_school(page)
    if not school:
        raise PageProblem(403, "您不是学校的申报经办人，不能开始申报。请本校申报经办人来办。")
    if not level.isdecimal():
        return await _page(page, 422, [Problem("还没有选申报的星级。请选一级。", "level")])
    got = await page.door.handle(Command(f"{page.me}/{said(form, 'command')[:64]}", page.me,
                                         Act("open", form=Apply(int(level))),
                                         kind="star", subject=school, parent=batch_id))
    if isinstance(got, Refusal):
        return await _page(page, STATUS.get(got.code, 409), [Problem(sentence(got), "level")], said(form, "level"))
    return see_other(f"/cases/{quote(got.case)}")


