"""日历、政策、人员. Which days count, which rule held, who holds which seat."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.routes import audits
from domain.kernel.calendar import DAY, Calendar
from domain.recognition.policy import StarPolicy
from store import codec, reads

from . import words
from .inbox import Group, Nothing, stand_rows
from .render import points
from .shell import Page, PageProblem, Reader

router = APIRouter()
YEARS = range(2020, 2036)
CASES_MAX = 50
OFFICE = ("office_head", "office_deputy", "office_staff", "system_admin", "auditor", "bureau_leader", "bureau_deputy")
SEATS = ("bureau", "office_head", "supervision_office_head")
"""Posts that may not be empty."""
BY = {"material": "材料评审专家", "site": "考察组", "office": "登记册"}
NUMBERS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("申报和审查", (
        ("window_days", "申报窗口最长", "日"), ("years_in_operation", "独立办学满", "年"),
        ("cosign_term", "校长会签", "个工作日"), ("completeness_term", "受理审查", "个工作日"),
        ("correction_term", "每次补正", "个工作日"), ("correction_rounds", "补正最多", "次"),
        ("eligibility_term", "资格审核", "个工作日"))),
    ("材料评审", (
        ("reviewers", "专家", "位"), ("reserve", "候补", "位"), ("accept_term", "接受或回避", "个工作日"),
        ("material_term", "材料盲评", "个工作日"), ("third_term", "第三位专家", "个工作日"),
        ("spread_cp", "分差超过多少另请第三位", "分"), ("expert_load", "每位专家同时在评最多", "份"),
        ("exclude_max", "学校可请不要抽取的人最多", "位"), ("lookback_months", "利害关系往前看", "个月"))),
    ("考察和改进", (
        ("panel_min", "考察组至少", "人"), ("visit_notice", "提前通知", "个工作日"),
        ("visit_within", "考察期限", "个工作日"), ("report_term", "考察报告", "个工作日"),
        ("fact_reply", "学校核对事实", "个工作日"), ("mend_term", "限期改进", "日"),
        ("mend_leaves", "改进最多", "项"))),
    ("建议、表决和认定", (
        ("material_weight", "材料分占", "%"), ("site_weight", "实地分占", "%"),
        ("proposal_term", "拟定建议", "个工作日"), ("vote_within", "召集会议", "个工作日"),
        ("papers_before", "材料提前送委员", "个工作日"), ("notice_days", "公示", "个工作日"),
        ("confer_term", "签发文件", "个工作日"), ("refusal_letter", "不予认定告知书", "个工作日"),
        ("validity_years", "称号有效", "年"), ("cooling_off_months", "未通过的停止申报", "个月"))),
)
"""What a policy sets, as a reader looks for it: field, words, unit."""


# -- 日历 ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Square:
    """One day of the grid."""
    on: date
    css: str
    mark: str
    said: str


def month(year: int, n: int, calendar: Calendar, today: date) -> list[Square | None]:
    """Whole weeks from Monday; None where another month's day would stand."""
    first = date(year, n, 1)
    last = (first + 31 * DAY).replace(day=1) - DAY
    out: list[Square | None] = [None] * first.weekday()
    for i in range(last.day):
        on = first + i * DAY
        if on in calendar.makeup:
            css, mark, said = "c", "班", "调休上班"
        elif on in calendar.off:
            css, mark, said = "st", "假", "放假"
        elif on.weekday() >= 5:
            css, mark, said = "off", "休", "周末"
        else:
            css, mark, said = "", "", "工作日"
        out.append(Square(on, f"{css} today".strip() if on == today else css, mark, said))
    return out


@router.get("/calendar")
async def calendar(page: Reader, year: int = 0) -> HTMLResponse:
    """The year day by day, and the documents that it follows."""
    state = await page.pool.fetchval("select state from case_head where id = 'calendars'")
    titles = codec.state_of(state).facts.titles if state else ()
    chosen = year if year in YEARS else page.today.year
    c = page.context.calendar
    days = [date(chosen, 1, 1) + i * DAY for i in range((date(chosen + 1, 1, 1) - date(chosen, 1, 1)).days)]
    known = sorted({d.year for d in c.off} | {page.today.year} | {chosen})
    office = any(h.kind in ("office_staff", "office_head") for h in page.context.posts)
    return page.html(
        "calendar.html", year=chosen, months=[(n, month(chosen, n, c, page.today)) for n in range(1, 13)],
        years=[(y, f"/calendar?year={y}", y == chosen) for y in known], provisional=date(chosen, 12, 31) > c.published_to,
        published=c.published_to, works=sum(c.works(d) for d in days), off=sum(d in c.off for d in days),
        makeup=sorted(d for d in c.makeup if d.year == chosen),
        titles=[(words.full(t), doc) for t, doc in titles if str(chosen) in t],
        outages=[o for o in await reads.outages(page.pool) if chosen in (o.start.year, o.end.year)] if office else [],
        may=office, here="/calendar")


# -- 政策 ----------------------------------------------------------------------------------------------------------


def staff_only(page: Page) -> None:
    if page.side != "staff":
        raise PageProblem(403, "这一页给局里的工作人员看。要看办法原文，请联系经办股室。")


async def _bodies(page: Page) -> list[tuple[str, Mapping[str, Any]]]:
    rows = await page.pool.fetch("select id from policy order by family, id desc")
    return [(r["id"], await reads.policy_body(page.pool, r["id"])) for r in rows]


@router.get("/policies")
async def policies(page: Reader) -> HTMLResponse:
    """Every version with its dates, and how many cases keep it."""
    staff_only(page)
    counts = dict(await page.pool.fetch("select policy, count(*) from case_head where kind = 'star' group by policy"))
    rows = []
    for id, body in await _bodies(page):
        first, last = body.get("effective_from"), body.get("effective_to")
        state = "尚未施行" if first and first > page.today else "已停止适用" if last and last < page.today else "施行中"
        rows.append({"title": words.full(body.get("title", "办法")), "document": body.get("document_number") or "",
                     "from": first, "to": last, "state": state, "url": f"/policies/{quote(id)}", "count": counts.get(id, 0)})
    return page.html("policies.html", rows=rows, here="/policies")


@router.get("/policies/{id}")
async def policy_page(id: str, page: Reader) -> HTMLResponse:
    """Document, dates, values with unit, tree of indicators, clauses, cases under it."""
    staff_only(page)
    body = await reads.policy_body(page.pool, id)
    if not body:
        raise PageProblem(404, "没有这份办法。请从政策列表里选。")
    policy = await page.door.policy(id)
    if not isinstance(policy, StarPolicy):
        raise PageProblem(404, "这份文件不是评审办法。请从政策列表里选。")
    numbers = [(title, [(said, _value(policy, name), unit) for name, said, unit in rows if _value(policy, name)])
               for title, rows in NUMBERS]
    return page.html(
        "policy.html", policy=policy, title=words.full(policy.title), body=body, numbers=numbers,
        levels=[{"words": words.full(x.name), "pass": x.pass_cp, "quota": x.quota,
                 "floors": [(d.id, x.floors_cp.get(d.id, 0)) for d in policy.dimensions]} for x in policy.levels.values()],
        vetoes=[(words.full(v.text), v.lookback_months) for v in policy.vetoes], tree=list(_tree(policy, body)),
        clauses=[(c["clause"], words.full(c["text"])) for c in body.get("clauses", ())], by=BY,
        count=await page.pool.fetchval("select count(*) from case_head where kind = 'star' and policy = $1", id),
        url=f"/policies/{quote(id)}", here="/policies")


def _value(policy: StarPolicy, name: str) -> str:
    value = getattr(policy, name)
    return points(value) if name.endswith("_cp") else str(value) if value else ""


def _tree(policy: StarPolicy, body: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    leaves = {x.id: x for x in policy.leaves}
    for d in body.get("indicators", ()):
        yield {"id": d["id"], "name": words.full(d["name"]), "points": d["points"], "parts": [
            {"id": i["id"], "name": words.full(i["name"]), "points": i["points"],
             "leaves": [{"id": x["id"], "text": words.full(x["text"]), "full": leaves[x["id"]].full_cp,
                         "by": "、".join(said for key, said in BY.items() if key in leaves[x["id"]].by)}
                        for x in i["children"] if x["id"] in leaves]} for i in d["children"]]}


@router.get("/policies/{id}/cases")
async def policy_cases(id: str, page: Reader, after: str = "") -> HTMLResponse:
    """The cases that keep this version, as far as this reader may see them."""
    staff_only(page)
    everything = audits(page.context)
    found = await reads.cases_of(page.pool, page.context, "star", after, 100, everything)
    rows = [r for r in found if r["policy"] == id][:CASES_MAX]
    shown = await stand_rows(page, [r["id"] for r in rows], [r["opened_at"] for r in rows])
    body = await reads.policy_body(page.pool, id)
    return page.html("cases.html", heading="适用这份办法的案件", told=[words.full(body.get("title", "办法"))], pills=[],
                     groups=[Group("", tuple(shown))] if shown else [], columns=("状态", "案件", "学校", "上一步", "开始"),
                     here="/policies", more="", clear=f"/policies/{quote(id)}",
                     nothing=Nothing("没有您可以看的案件", "", f"/policies/{quote(id)}", "回到办法"))


# -- 人员 ----------------------------------------------------------------------------------------------------------


def may_see_people(page: Page) -> bool:
    return any(h.kind in OFFICE for h in page.context.posts)


async def holders_gone(page: Page) -> list[dict[str, Any]]:
    """G-11: open seats of a post that nobody holds today, or of a person without any post; their clocks go on."""
    out = []
    for r in await reads.asked(page.pool):
        kind, _, id = r["holder"].partition("@")
        if kind == "person" and not page.directory.posts_of(id, page.today):
            out.append({"who": page.directory.names.get(id, "未登记的人员") + "已无岗位", "cases": r["cases"]})
        elif kind != "person" and not page.directory.holders(r["holder"], page.today):
            out.append({"who": page.directory.post(r["holder"]) + "空缺", "cases": r["cases"]})
    return out


@router.get("/people")
async def people(page: Reader, q: str = "", kind: str = "") -> HTMLResponse:
    """Posts with persons from–to; who has confirmed the ties, and who has not."""
    if not may_see_people(page):
        raise PageProblem(403, "人员名册只给办公室和内审看。要改岗位，请找办公室。")
    q, groups, unconfirmed, shown = q.strip(), dict[str, list[dict[str, Any]]](), 0, 0
    for who, person in page.directory.people.items():
        judge = person.listing is not None or any(
            p.kind.startswith("committee") and p.holds(page.today) for p in person.posts)
        stale = judge and (person.confirmed_on is None or (page.today - person.confirmed_on).days > 365)
        unconfirmed += stale
        for p in person.posts:
            said = page.directory.post(f"{p.kind}@{p.organisation}")
            name = page.directory.names.get(who, "未登记的人员")
            if (q and q not in name and q not in said) or (kind == "unconfirmed" and not stale) or (
                    kind not in ("", "unconfirmed") and p.kind != kind):
                continue
            groups.setdefault(p.kind, []).append({
                "name": name, "post": said, "first": p.first_day, "last": p.last_day, "now": p.holds(page.today),
                "judge": judge, "confirmed": person.confirmed_on, "stale": stale})
            shown += 1
    order = {key: n for n, key in enumerate(words.POSTS)}
    rows = [(words.POSTS.get(key, "工作人员"), sorted(groups[key], key=lambda x: (not x["now"], x["post"], x["name"])))
            for key in sorted(groups, key=lambda x: order.get(x, len(order)))]
    held = {p.kind for x in page.directory.people.values() for p in x.posts if p.holds(page.today)}
    empty = [said for key, said in words.POSTS.items() if key.startswith(SEATS) and key not in held]
    return page.html("people.html", groups=rows, q=q, kind=kind, shown=shown, unconfirmed=unconfirmed, empty=empty,
                     gone=await holders_gone(page),
                     kinds=[("", "全部岗位"), ("unconfirmed", "利害关系没有确认的"), *words.POSTS.items()], here="/people",
                     folded=not q and not kind)
