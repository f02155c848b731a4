"""材料盲评. What an expert has to score, group by group, sealed at the end; and being free to judge (sketch 4)."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.problems import STATUS
from api.routes import BLIND
from domain.kernel.acts import Act
from domain.kernel.refusal import Refusal
from domain.kernel.values import Text
from domain.recognition.policy import Leaf, StarPolicy
from domain.recognition.review import Sheet
from domain.recognition.scoring import total_of
from store import reads
from store.door import Command

from . import drafts, words
from .acts import sight_of
from .clocks import Chip, chip_of, of_visit
from .dossier import Dossier, accepted, command_of, dossier_of
from .entry import Problem
from .fields import NotANumber, cp
from .inbox import edges
from .render import points
from .shell import Page, PageProblem, Reader, posted, said, see_other
from .sight import Sight
from .ways import explained, ways

router = APIRouter()
DRAFT, AUTOSAVED = "sheet", "sheet-typed"
"""What was kept by a button, group by group; and what the page of one group saved by itself."""
REVIEWS_MAX = 100
TIES = ("亲属关系", "本人或亲属在该校工作过", "指导或受聘于该校", "经济往来", "其他可能影响公正的情形")


@dataclass
class Mark:
    """One leaf of the sheet: what was typed, and what is wrong with it."""
    leaf: Leaf
    text: str
    typed: str = ""
    note: str = ""
    error: str = ""

    @property
    def id(self) -> str:
        return f"s-{self.leaf.id}"

    @property
    def cp(self) -> int | None:
        try:
            got = cp(self.typed) if self.typed.strip() else None
        except NotANumber:
            return None
        return got if got is not None and 0 <= got <= self.leaf.full_cp and not got % self.leaf.step_cp else None

    def asked(self, low_bp: int) -> bool:
        """Whether a reason must be given: below the low mark, at zero, at full (R-24)."""
        got = self.cp
        return got is not None and (got in (0, self.leaf.full_cp) or got * 10_000 < self.leaf.full_cp * low_bp)

    def fault(self, low_bp: int, reasons: bool = True) -> str:
        full, id = points(self.leaf.full_cp), self.leaf.id
        if not self.typed.strip():
            return f"{id}还没有评分。请填0到{full}之间的数。"
        try:
            got = cp(self.typed)
        except NotANumber:
            return f"{id}评分不是数。请改为0到{full}之间的数。"
        if not 0 <= got <= self.leaf.full_cp:
            return f"{id}评分不能超过满分{full}分。请改为0到{full}之间的数。"
        if got % self.leaf.step_cp:
            return f"{id}评分每格{points(self.leaf.step_cp)}分。请改为它的整数倍。"
        if reasons and self.asked(low_bp) and not self.note.strip():
            why = "是零分" if not got else "是满分" if got == self.leaf.full_cp else f"低于满分的{_tenths(low_bp)}"
            return f"{id}给了{points(got)}分，{why}。请写明理由。"
        return ""


def _tenths(bp: int) -> str:
    return "零一二三四五六七八九十"[bp // 1000] + "成" if bp % 1000 == 0 else f"{bp // 100}%"


def marks_of(leaves: tuple[Leaf, ...], body: Mapping[str, list[str]]) -> dict[str, Mark]:
    """The sheet as typed so far."""
    one = {k: v[0] for k, v in body.items() if v}
    return {x.id: Mark(x, words.full(x.text), one.get(f"score.{x.id}", ""), one.get(f"note.{x.id}", "")) for x in leaves}


async def typed(page: Page, no: str) -> tuple[dict[str, list[str]], Any]:
    """The sheet so far: all groups as they were kept, and over them what the last page saved by itself."""
    kept, at = await drafts.find(page.pool, page.me, no, DRAFT)
    newer, then = await drafts.find(page.pool, page.me, no, AUTOSAVED)
    return {**kept, **{k: v for k, v in newer.items() if k.partition(".")[0] in ("score", "note")}}, then or at


@dataclass(frozen=True)
class Part:
    """One dimension of the sheet with its running sum."""
    key: str
    words: str
    got: int
    full: int
    done: int
    total: int
    floor: int
    whole: int
    url: str
    current: bool
    bad: bool

    @property
    def below(self) -> bool:
        """In proportion: the expert's part of a dimension is not the whole of it."""
        return self.done == self.total and self.got * self.whole < self.floor * self.full


def parts_of(sight: Sight, marks: Mapping[str, Mark], url: str, here: str, faults: Mapping[str, str] | None = None,
             ) -> list[Part]:
    policy: StarPolicy = sight.context.policy
    level = policy.levels[sight.case.facts.level]
    out = []
    for d in policy.dimensions:
        mine = [m for m in marks.values() if m.leaf.dimension == d.id]
        if mine:
            out.append(Part(d.id, words.full(d.name), sum(m.cp or 0 for m in mine), sum(m.leaf.full_cp for m in mine),
                            sum(m.cp is not None for m in mine), len(mine), level.floors_cp.get(d.id, 0), d.full_cp,
                            f"{url}?group={d.id}", d.id == here, any((faults or {}).get(m.leaf.id) for m in mine)))
    return out


def chip_for(sight: Sight, stages: tuple[str, ...] = BLIND) -> Chip | None:
    visit = next((v for v in sight.case.open if v.stage in stages), None)
    clock = of_visit(visit, sight.page.me) if visit else None
    return chip_of(clock, sight.context) if clock else None


# -- 待评 ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Review:
    """One dossier of the list."""
    title: str
    tier: str
    state: str
    css: str
    chip: Chip | None
    url: str
    said: str
    now: bool


@router.get("/reviews")
async def reviews(page: Reader) -> HTMLResponse:
    """What I have to accept or to score, the most urgent first; what I have sealed."""
    tasks = await reads.inbox_slice(page.pool, [f"person@{page.me}"], "todo", "", edges(page), REVIEWS_MAX)
    mine = [t["case_id"] for t in tasks if t["kind"] == "star" and t["stage"] in BLIND]
    rows, _ = await reads.cases_where(page.pool, page.context, kind="star", limit=REVIEWS_MAX)
    states = await reads.states(page.pool, [r["id"] for r in rows])
    sealed = [r["id"] for r in rows if page.me in states[r["id"]].facts.sheets and r["id"] not in mine]
    todo = [await _review(page, no) for no in dict.fromkeys(mine)]
    done = [await _review(page, no) for no in sealed]
    return page.html("reviews.html", todo=[r for r in todo if r], done=[r for r in done if r], here="/reviews")


async def _review(page: Page, no: str) -> Review | None:
    got = await page.door.read(no, page.me)
    if isinstance(got, Refusal):
        return None
    sight = Sight(page, got)
    policy: StarPolicy = sight.context.policy
    tier = words.full(policy.levels[sight.case.facts.level].name)
    title = f"申报学校{no.rpartition('-')[2]}号"
    url = f"/reviews/{quote(no)}"
    if page.me in sight.case.facts.sheets:
        return Review(title, tier, "已封存", "ok", None, url, f"合计{points(sight.case.facts.totals[page.me])}分", False)
    if not accepted(sight):
        return Review(title, tier, "待接受", "warn", chip_for(sight), url, "先看有无利害关系", True)
    body, _ = await typed(page, no)
    leaves = policy.scored("material")
    n = sum(m.cp is not None for m in marks_of(leaves, body).values())
    waits = sight.case.at("draw") is not None
    state = "等其他专家接受" if waits else "评分中" if n else "待评分"
    return Review(title, tier, state, "now" if n else "", chip_for(sight), url, f"已评{n} / {len(leaves)}项", not waits)


# -- before accepting, and the sheet ------------------------------------------------------------------------------------


async def _mine(page: Page, no: str) -> Sight:
    """The case, if this reader is one of its experts."""
    sight = await sight_of(page, no)
    rosters = [sight.case.roster(name) for name in ("experts", "third")] if sight.case.kind == "star" else []
    if not any(page.me in r.members for r in rosters):
        raise PageProblem(404, "您没有这份评审。请从“待评”里选。")
    return sight


def _visit(sight: Sight, *stages: str) -> Any:
    """The open row in which this expert still has to act."""
    me = sight.page.me
    return next((v for v in sight.case.open if v.stage in stages and (s := v.seat(me)) and s.open), None)


@router.get("/reviews/{no}")
async def review(no: str, page: Reader, group: str = "") -> HTMLResponse:
    sight = await _mine(page, no)
    if _visit(sight, "draw"):
        return await _before(sight)
    body, found = await typed(page, no)
    return await _sheet(sight, body, group, found=found)


async def _before(sight: Sight, problems: list[Problem] | None = None, status: int = 200) -> HTMLResponse:
    """Title, size and subject; every school of the batch, so that ties are found without naming the one."""
    page, f = sight.page, sight.case.facts
    rows = await reads.children(page.pool, sight.case.parent) if sight.case.parent else []
    schools = sorted(page.directory.organisation(r["subject"]) for r in rows)
    policy: StarPolicy = sight.context.policy
    return page.html("review_before.html", status, problems=problems or [], sight=sight, chip=chip_for(sight),
                     schools=schools, subject=f.subject, files=sum(len(v) for v in f.files.values()), here="/reviews",
                     leaves=len(policy.scored("material")), tier=words.full(policy.levels[f.level].name),
                     term=policy.material_term, command=page.new_command(), url=f"/reviews/{quote(sight.case.id)}")


@router.post("/reviews/{no}/accept")
async def accept(no: str, page: Reader, request: Request) -> Response:
    """接受评审."""
    sight = await _mine(page, no)
    form = await posted(request, page)
    visit = _visit(sight, "draw")
    got = await page.door.handle(Command(f"{page.me}/{command_of(form)}", page.me, Act(
        "agree", visit.no if visit else 0, page.me), no))
    if isinstance(got, Refusal):
        return await _before(sight, [Problem(explained(sight, got))], STATUS.get(got.code, 409))
    return see_other(f"/reviews/{quote(no)}")


async def _sheet(sight: Sight, body: Mapping[str, list[str]], group: str, problems: list[Problem] | None = None,
                 found: Any = None, status: int = 200, faults: Mapping[str, str] | None = None) -> HTMLResponse:
    page, no = sight.page, sight.case.id
    policy: StarPolicy = sight.context.policy
    leaves = policy.scored("material")
    signed = sight.case.facts.sheets.get(page.me)
    marks = marks_of(leaves, body)
    if signed:
        marks = {x.id: Mark(x, words.full(x.text), points(dict(signed)[x.id])) for x in leaves if x.id in dict(signed)}
    url = f"/reviews/{quote(no)}"
    keys = [p.key for p in parts_of(sight, marks, url, "")]
    here = group if group in keys else keys[0]
    parts = parts_of(sight, marks, url, here, faults)
    d: Dossier = await dossier_of(page, no, (here,))
    mine = [m for m in marks.values() if m.leaf.dimension == here]
    for m in mine:
        m.error = (faults or {}).get(m.leaf.id, "")
    at = keys.index(here)
    scores = {m.leaf.id: m.cp or 0 for m in marks.values()}
    open_now = _visit(sight, "material", "third") is not None
    return page.html(
        "review.html", status, problems=problems or [], sight=sight, d=d, marks=mine, parts=parts, part=parts[at],
        total=sum(p.got for p in parts), full=sum(p.full for p in parts), hundred=total_of(scores, leaves),
        left=sum(p.total - p.done for p in parts), next=parts[at + 1] if at + 1 < len(parts) else None,
        before=parts[at - 1] if at else None, chip=chip_for(sight), found=found, low=policy.low_mark_bp,
        low_words=_tenths(policy.low_mark_bp), command=page.new_command(), url=url, open=open_now, sealed=bool(signed),
        draft=f"/cases/{quote(no)}/drafts/{AUTOSAVED}", here="/reviews", walk=await _walk(page, no))


async def _walk(page: Page, no: str) -> dict[str, Any]:
    """Which of my dossiers this is, and its neighbours."""
    tasks = await reads.inbox_slice(page.pool, [f"person@{page.me}"], "todo", "", edges(page), REVIEWS_MAX)
    mine = list(dict.fromkeys(t["case_id"] for t in tasks if t["kind"] == "star" and t["stage"] in BLIND))
    if no not in mine:
        return {}
    at = mine.index(no)
    return {"n": at + 1, "of": len(mine), "before": f"/reviews/{quote(mine[at - 1])}" if at else "",
            "after": f"/reviews/{quote(mine[at + 1])}" if at + 1 < len(mine) else ""}


@router.post("/reviews/{no}")
async def score(no: str, page: Reader, request: Request) -> Response:
    """Keeps what was typed, then looks at it: this group where one goes on, all of it where it is to be sealed."""
    sight = await _mine(page, no)
    form = await posted(request, page)
    old, _ = await typed(page, no)
    sent = {k: v for k, v in drafts.as_lists(form).items() if k.partition(".")[0] in ("score", "note")}
    body = {**old, **sent}
    group, step = said(form, "group"), said(form, "step")
    if _visit(sight, "material", "third") is None:
        gone = Problem("评分表已封存，或这份评审已不在您手里。请回到“待评”看。")
        return await _sheet(sight, body, group, [gone], status=409)
    await drafts.save(page.pool, page.me, no, DRAFT, body)
    await drafts.drop(page.pool, page.me, no, AUTOSAVED)
    policy: StarPolicy = sight.context.policy
    marks = marks_of(policy.scored("material"), body)
    url = f"/reviews/{quote(no)}"
    if step == "save":
        return see_other(f"{url}?group={group}")
    looked = [m for m in marks.values() if step == "seal" or (m.leaf.dimension == group and m.typed.strip())]
    faults = {m.leaf.id: fault for m in looked if (fault := m.fault(policy.low_mark_bp))}
    if faults:
        wrong = [marks[x].leaf.dimension for x in faults]
        show = group if group in wrong else wrong[0]
        at = [Problem(said_, marks[x].id if marks[x].leaf.dimension == show else "") for x, said_ in faults.items()]
        return await _sheet(sight, body, show, at, status=422, faults=faults)
    if step == "seal":
        return see_other(f"{url}/seal")
    keys = [p.key for p in parts_of(sight, marks, url, "")]
    at = keys.index(group) if group in keys else 0
    return see_other(f"{url}?group={keys[min(at + 1, len(keys) - 1)]}")


@router.get("/reviews/{no}/seal")
async def seal_page(no: str, page: Reader) -> Response:
    """请核对: nothing can be changed after it."""
    sight = await _mine(page, no)
    body, _ = await typed(page, no)
    policy: StarPolicy = sight.context.policy
    marks = marks_of(policy.scored("material"), body)
    if any(m.fault(policy.low_mark_bp) for m in marks.values()) or not _visit(sight, "material", "third"):
        return see_other(f"/reviews/{quote(no)}")
    return _seal_html(sight, marks)


def _seal_html(sight: Sight, marks: Mapping[str, Mark], problems: list[Problem] | None = None,
               status: int = 200) -> HTMLResponse:
    page, no = sight.page, sight.case.id
    policy: StarPolicy = sight.context.policy
    url = f"/reviews/{quote(no)}"
    parts = parts_of(sight, marks, url, "")
    scores = {m.leaf.id: m.cp or 0 for m in marks.values()}
    rows = [{"words": "评审", "says": [sight.title], "edit": False},
            {"words": "各类得分", "says": [f"{p.key} {p.words}{points(p.got)}\u00a0/\u00a0{points(p.full)}" for p in parts],
             "edit": True},
            {"words": "合计", "says": [f"{points(sum(p.got for p in parts))} / {points(sum(p.full for p in parts))}，"
                                     f"折合百分制{points(total_of(scores, policy.scored('material')))}分"], "edit": False},
            {"words": "接下来", "says": ["封存后不能再改。全部专家评完后往下走。"], "edit": False},
            {"words": "谁会知道", "says": ["学校看不到专家和分数，其他专家在封存前看不到您的分数。"], "edit": False}]
    hidden = [("csrf", page.csrf), ("command", page.new_command()), ("saw", str(sight.reading.version))]
    card = {"title": "请核对：封存并提交", "action": f"{url}/seal", "edit": f"{url}/edit", "hidden": hidden, "rows": rows,
            "grave": False, "confirm": "确认封存"}
    return page.html("review_seal.html", status, problems=problems or [], sight=sight, card=card, url=url, here="/reviews")


@router.post("/reviews/{no}/edit")
async def edit(no: str, page: Reader, request: Request) -> Response:
    await posted(request, page)
    return see_other(f"/reviews/{quote(no)}")


@router.post("/reviews/{no}/seal")
async def seal(no: str, page: Reader, request: Request) -> Response:
    """封存. Sent twice: one sheet, the same page."""
    sight = await _mine(page, no)
    form = await posted(request, page)
    command = command_of(form)
    body, _ = await typed(page, no)
    policy: StarPolicy = sight.context.policy
    marks = marks_of(policy.scored("material"), body)
    done = f"/cases/{quote(no)}/acts/agree/done?" + urlencode({"id": command, "stage": "material"})
    if page.me in sight.case.facts.sheets and await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(done)
    visit = _visit(sight, "material", "third")
    if visit is None or any(m.fault(policy.low_mark_bp) for m in marks.values()):
        return see_other(f"/reviews/{quote(no)}")
    sheet = Sheet(tuple((x, m.cp or 0) for x, m in marks.items()),
                  tuple((x, Text(m.note.strip())) for x, m in marks.items() if m.note.strip()))
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, Act(
        "agree", visit.no, page.me, form=sheet), no))
    if isinstance(got, Refusal):
        return _seal_html(sight, marks, [Problem(explained(sight, got))], STATUS.get(got.code, 409))
    await drafts.drop(page.pool, page.me, no, DRAFT, AUTOSAVED)
    return see_other(done)


# -- 申请回避 -------------------------------------------------------------------------------------------------------


def _recuse_html(sight: Sight, problems: list[Problem] | None = None, kind: str = "", opinion: str = "",
                 status: int = 200) -> HTMLResponse:
    found = ways(sight)
    may = any(w.verb == "decline" for w in (*found.main, *found.others))
    return sight.page.html("review_recuse.html", status, problems=problems or [], sight=sight, kinds=TIES, kind=kind,
                           opinion=opinion, may=may, here="/reviews",
                           sealed=sight.page.me in sight.case.facts.sheets,
                           command=sight.page.new_command(), url=f"/reviews/{quote(sight.case.id)}")


@router.get("/reviews/{no}/recuse")
async def recuse_page(no: str, page: Reader) -> HTMLResponse:
    return _recuse_html(await _mine(page, no))


@router.post("/reviews/{no}/recuse")
async def recuse(no: str, page: Reader, request: Request) -> Response:
    """申请回避: what kind of tie, in words."""
    form = await posted(request, page)
    command = command_of(form)
    if await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(f"/cases/{quote(no)}/acts/decline/done?" + urlencode({"id": command}))
    sight = await _mine(page, no)
    kind, opinion = said(form, "kind"), said(form, "opinion").strip()
    problems = []
    if kind not in TIES:
        problems.append(Problem("还没有选是哪一种关系。请选一种。", "kind-1"))
    if not opinion and kind == TIES[-1]:
        problems.append(Problem("其他情形要写明。请填写。", "opinion"))
    if problems:
        return _recuse_html(sight, problems, kind, opinion, 422)
    visit = _visit(sight, *BLIND)
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, Act(
        "decline", visit.no if visit else 0, page.me, opinion=Text(f"{kind}。{opinion}")), no))
    if isinstance(got, Refusal):
        return _recuse_html(sight, [Problem(explained(sight, got))], kind, opinion, STATUS.get(got.code, 409))
    return see_other(f"/cases/{quote(no)}/acts/decline/done?" + urlencode({"id": command}))
