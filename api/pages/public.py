"""公示、名册、证书核验. What anybody may read: no account, no cookie, no stage from inside, no person."""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from domain.kernel.calendar import DAY, day_of
from domain.kernel.clock import Clock, due
from store import codec, reads

from . import words
from .clocks import Chip, chip
from .shell import Anybody, Page, PageProblem

router = APIRouter()
STARS = {"一星级": "★", "二星级": "★★", "三星级": "★★★"}
TIERS = {1: "一星级", 2: "二星级", 3: "三星级", 4: "四星级", 5: "五星级"}
"""What a tier is called that no policy of this county confers (R-59: titles from before)."""
SAID = {"running": ("公示中", "now", ""), "asked": ("异议核查中", "warn", "pause"), "over": ("公示期满", "ok", "ok"),
        "given": ("已认定", "ok", "ok"), "left": ("已退出公示", "", "no")}
"""Where a candidate of a notice stands, as the public reads it: words, look, sign."""
STATES = {"valid": "有效", "expired": "已到期", "later": "未生效"}
TABS = (("notices", "公示", "/notices"), ("register", "名册", "/register"), ("verify", "核验证书", "/v"))


@dataclass(frozen=True)
class Tab:
    words: str
    url: str
    current: bool
    count: None = None


@dataclass(frozen=True)
class Candidate:
    """One line of a notice."""
    school: str
    tier: str
    stars: str
    feature: str
    total_cp: int
    words: str
    css: str
    icon: str


@dataclass(frozen=True)
class Notice:
    number: str
    batch: str
    programme: str
    organ: str
    document: str
    at: datetime
    first: date
    last: date
    days: tuple[dict[str, Any], ...]
    budget: int
    running: bool
    chip: Chip
    file: str
    candidates: tuple[Candidate, ...]

    @property
    def url(self) -> str:
        return f"/notices/{quote(self.number)}"

    @property
    def title(self) -> str:
        return f"关于{self.batch}{self.programme}拟认定名单的公示"


def tabs(here: str) -> list[Tab]:
    return [Tab(said, url, key == here) for key, said, url in TABS]


def programme_words(policy: Any) -> str:
    return words.PROGRAMME_NAMES.get(policy.programme, "学校")


def tier_words(policy: Any, level: int) -> str:
    found = policy.levels.get(level)
    return words.full(found.name) if found else TIERS.get(level, "其他")


# -- 公示 ----------------------------------------------------------------------------------------------------------


async def notices(page: Page, number: str = "") -> list[Notice]:
    """Every notice, newest first, or the one of that number."""
    rows = [r for r in await reads.notices(page.pool) if number in ("", r["number"])]
    children = await reads.states(page.pool, [c["case"] for r in rows for c in r["candidates"]])
    features = await _features(page, children)
    return [await _notice(page, r, children, features) for r in rows]


async def _features(page: Page, cases: Any) -> dict[str, str]:
    """The feature that each application named last."""
    rows = await page.pool.fetch("select distinct on (case_id) case_id, data from event where case_id = any($1) "
                                 "and tag = 'star.described.v1' order by case_id, version desc", list(cases))
    told = {r["case_id"]: codec.event_of("star.described.v1", r["data"]).feature for r in rows}
    texts = await reads.texts(page.pool, told.values())
    return {case: texts.get(reference, "") for case, reference in told.items()}


async def _notice(page: Page, r: dict[str, Any], children: dict[str, Any], features: dict[str, str]) -> Notice:
    policy = await page.door.policy(r["policy"])
    calendar, start = page.context.calendar, day_of(r["at"])
    end = due(Clock("", "", "notice", policy.notice_days, r["at"]), calendar)
    assert end
    last, running = day_of(end), page.now <= end
    days, n = [], 0
    for i in range(1, (last - start).days + 1):
        on = start + i * DAY
        if calendar.works(on) and calendar.shown(on):
            n += 1
            days.append({"on": on, "n": n, "today": on == page.today,
                         "css": "today" if on == page.today else "c" if on < page.today else ""})
    candidates = []
    for c in r["candidates"]:
        said, css, icon = SAID[_stands(c, children.get(c["case"]), running)]
        tier = tier_words(policy, c["level"])
        candidates.append(Candidate(page.directory.organisation(c["subject"]), tier, STARS.get(tier, ""),
                                    features.get(c["case"], ""), c["total_cp"], said, css, icon))
    shown = chip(end, "notice", page.now, calendar) if running else Chip("公示期满", "met")
    return Notice(r["number"], r["title"], programme_words(policy), policy.organ, words.full(policy.document), r["at"],
                  days[0]["on"] if days else start + DAY, last, tuple(days), policy.notice_days, running, shown, r["file"],
                  tuple(candidates))


def _stands(candidate: dict[str, Any], case: Any, running: bool) -> str:
    """Deliberation that goes on inside is never told: whoever is on the list no more has left it."""
    if candidate["stands"] == "ended":
        return "given" if candidate["by"] == "recognised" else "left"
    if candidate["stands"] not in ("carried", "noticed", "held", "free", "signed"):
        return "left"
    if case is not None and case.suspended:
        return "asked"
    return "running" if running else "over"


@router.get("/notices")
async def notice_list(page: Anybody) -> HTMLResponse:
    """What is on notice now; what was."""
    return page.html("notices.html", tabs=tabs("notices"), here="/notices", notices=await notices(page))


@router.get("/notices/{no}")
async def notice_page(no: str, page: Anybody) -> HTMLResponse:
    """The paper, the state of each beside it, the days, how to object (sketch 8)."""
    found = await notices(page, no)
    if not found:
        raise PageProblem(404, "没有这次公示。请从公示列表里选，或打电话问。")
    return page.html("notice.html", tabs=tabs("notices"), here="/notices", notice=found[0],
                     others=[n for n in await notices(page) if n.number != no][:5])


@router.get("/notices/{no}/paper")
async def notice_paper(no: str, page: Anybody) -> Response:
    """The PDF as it was published, found by its hash."""
    file = next((r["file"] for r in await reads.notices(page.pool) if r["number"] == no), "")
    path = page.request.app.state.files.path(file) if file else None
    if path is None or not path.exists():
        raise PageProblem(404, "这次公示没有可下载的文件。请打电话问。")
    return FileResponse(path, media_type="application/pdf", filename=f"公示{no}.pdf", content_disposition_type="inline",
                        headers={"ETag": f'"{file}"'})


# -- 名册 ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One title of the register."""
    school: str
    id: str
    programme: str
    programme_words: str
    level: int
    tier: str
    stars: str
    certificate: str
    document: str
    since: date
    until: date
    state: str
    url: str

    @property
    def css(self) -> str:
        return {"valid": "ok", "expired": "warn"}.get(self.state, "")

    @property
    def state_words(self) -> str:
        return STATES[self.state]

    def public(self) -> dict[str, str]:
        """As programs read it."""
        return {"学校": self.school, "项目": self.programme_words, "星级": self.tier, "证书编号": self.certificate,
                "认定文件": self.document, "从": self.since.isoformat(), "有效期到": self.until.isoformat(),
                "状态": self.state_words}


async def register_lines(page: Page) -> list[Line]:
    rows = await reads.register(page.pool, page.now)
    cases = await reads.states(page.pool, [r["case"] for r in rows if r["case"]])
    names = {(p.programme, level): tier_words(p, level) for p in await _policies(page) for level in p.levels}
    out = []
    for r in rows:
        case = cases.get(r["case"])
        since, until = date.fromisoformat(r["since"]), date.fromisoformat(r["until"])
        state = "valid" if since <= page.today <= until else "expired" if until < page.today else "later"
        tier = names.get((r["programme"], r["level"])) or TIERS.get(r["level"], "其他")
        out.append(Line(r["school"], r["organisation"], r["programme"],
                        words.PROGRAMME_NAMES.get(r["programme"], "其他称号"), r["level"], tier, STARS.get(tier, ""),
                        r["certificate"], case.facts.document if case else "", since, until, state,
                        f"/register/{quote(r['certificate'] or r['organisation'])}"))
    return out


async def _policies(page: Page) -> list[Any]:
    ids = await page.pool.fetch("select id from policy order by id")
    return [await page.door.policy(r["id"]) for r in ids]


def narrowed(lines: Sequence[Line], programme: str, level: str, state: str, q: str) -> list[Line]:
    q = q.strip()
    return [x for x in lines if programme in ("", x.programme) and level in ("", str(x.level)) and state in ("", x.state)
            and (q in x.school or q in x.certificate)]


@router.get("/register")
async def register(page: Anybody, programme: str = "", level: str = "", state: str = "valid", q: str = "") -> HTMLResponse:
    """Who holds what; the list as a file."""
    lines = await register_lines(page)
    found = narrowed(lines, programme, level, state, q)
    asked = urlencode({"programme": programme, "level": level, "state": state, "q": q})
    return page.html(
        "register.html", tabs=tabs("register"), here="/register", lines=found, total=len(lines), q=q, asked=asked,
        choices=[("programme", "项目", programme,
                  [("", "全部项目"), *{x.programme: x.programme_words for x in lines}.items()]),
                 ("level", "星级", level, [("", "全部星级"), *sorted({str(x.level): x.tier for x in lines}.items())]),
                 ("state", "状态", state, [("", "全部状态"), *STATES.items()])],
        near=_nearest(lines, q) if q and not found else [])


def _nearest(lines: Sequence[Line], q: str) -> list[Line]:
    """Names that share the most characters with what was asked."""
    names = {x.school: x for x in lines}
    scored = sorted(((len(set(q) & set(name)), name) for name in names), reverse=True)
    return [names[name] for n, name in scored[:3] if n >= 2]


@router.get("/register.json")
async def register_json(page: Anybody, programme: str = "", level: str = "", state: str = "", q: str = "") -> Response:
    found = narrowed(await register_lines(page), programme, level, state, q)
    return JSONResponse([x.public() for x in found], headers={"Content-Disposition": 'attachment; filename="register.json"'})


@router.get("/register.csv")
async def register_csv(page: Anybody, programme: str = "", level: str = "", state: str = "", q: str = "") -> Response:
    """With a mark at its head, so that spreadsheets read it as UTF-8."""
    found = narrowed(await register_lines(page), programme, level, state, q)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["学校", "项目", "星级", "证书编号", "认定文件", "从", "有效期到", "状态"])
    writer.writerows([_plain(v) for v in x.public().values()] for x in found)
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": 'attachment; filename="register.csv"'})


def _plain(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in "=+-@\t\r" and value else value


@router.get("/register/{cert}")
async def register_line(cert: str, page: Anybody) -> HTMLResponse:
    """One title, and all that its school holds or held."""
    lines = await register_lines(page)
    line = next((x for x in lines if cert == x.certificate), None) or next((x for x in lines if cert == x.id), None)
    if line is None:
        raise PageProblem(404, "名册里没有这个证书编号。请核对编号，或按学校名查。")
    history = sorted((x for x in lines if x.id == line.id), key=lambda x: x.since, reverse=True)
    return page.html("register_line.html", tabs=tabs("register"), here="/register", line=line, history=history)


# -- 核验证书 -------------------------------------------------------------------------------------------------------


@router.get("/v")
async def verify_form(page: Anybody, number: str = "") -> Response:
    """By the number printed on the certificate."""
    number = number.strip()
    if not number:
        return page.html("verify.html", tabs=tabs("verify"), here="/v", answer=None, line=None, number="")
    line = next((x for x in await register_lines(page) if x.certificate == number), None)
    return _answer(page, line, number)


@router.get("/v/{code}")
async def verify(code: str, page: Anybody) -> Response:
    """Where the certificate's code leads: yes or no, large."""
    found = await reads.by_code(page.pool, code) if len(code) <= 64 and code.isascii() else None
    line = next((x for x in await register_lines(page) if found and x.certificate == found["certificate"]), None)
    return _answer(page, line, "")


def _answer(page: Page, line: Line | None, number: str) -> HTMLResponse:
    answer = {"valid": "有效", "expired": "已到期", "later": "还没有生效"}[line.state] if line else "查不到"
    return page.html("verify.html", 200 if line else 404, tabs=tabs("verify"), here="/v", answer=answer, line=line,
                     number=number)

