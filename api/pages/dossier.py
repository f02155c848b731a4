"""申报材料. The dossier by dimension: filled in leaf by leaf, checked as a whole, handed in; others who may see it read."""
from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from api.problems import STATUS
from domain.kernel import events as k
from domain.kernel.case import Visit
from domain.kernel.decide import decide
from domain.kernel.refusal import Refusal
from domain.kernel.values import Text
from domain.recognition import facts as f
from domain.recognition.dossier import AnswerLeaf, Declare, Describe, unanswered
from domain.recognition.policy import Leaf, StarPolicy
from store import reads
from store.door import Command

from . import drafts, words
from .acts import sight_of
from .case import history
from .clocks import Chip, chip_of, of_visit
from .entry import Problem
from .fields import NotANumber, Option, Tile, cp, people_options, tile_of
from .render import points
from .shell import Page, PageProblem, Reader, posted, said, see_other
from .sight import Sight
from .ways import Way, act_of, explained, follows, ways

router = APIRouter()
INFO, CHECK = "info", "check"
OWN_STAGES = ("dossier", "correction")
KINDS = {
    "plan": "规划、计划、方案", "policy_doc": "制度文本", "minutes": "会议记录", "ledger": "台账、登记簿",
    "roster": "名册", "timetable": "课表、作息表", "lesson_plan": "教案、课程纲要", "lesson_record": "听课与课堂观察记录",
    "homework_sample": "作业样本", "student_work": "学生作品与成长档案", "photo": "照片", "video": "录像",
    "certificate": "证照、证书", "report": "总结、报告", "survey": "问卷结果", "data_export": "数据表",
    "interview": "访谈记录"}
"""Kinds of evidence as the policy names them; what the system or the panel sees for itself is not asked of the school."""


@dataclass
class Row:
    """One leaf as it stands and as it is being filled in."""
    leaf: Leaf
    text: str
    stored: tuple[int, str, tuple[str, ...]] | None = None
    score: str = ""
    words: str = ""
    hashes: list[str] = field(default_factory=list)
    tiles: list[tuple[str, Tile]] = field(default_factory=list)
    error: str = ""
    editable: bool = False
    named: bool = False                     # the office asked for it, and nobody has touched it since
    opened: bool = False                    # the office named it

    @property
    def id(self) -> str:
        return f"s-{self.leaf.id}"

    @property
    def office(self) -> bool:
        return self.leaf.by == {"office"}

    @property
    def kinds(self) -> str:
        return "、".join(KINDS[x] for x in self.leaf.evidence_kinds if x in KINDS)

    @property
    def state(self) -> tuple[str, str, str]:
        """Words, look, sign."""
        if self.office:
            return "按登记册计分", "", ""
        if self.error:
            return "有1处要改", "bad", "no"
        if self.named:
            return "退回时点名，还没改", "bad", "back"
        if self.stored is None:
            return "还没填", "warn", ""
        return ("已改" if self.opened else "已填"), "ok", "ok"


@dataclass(frozen=True)
class Group:
    """One entry of the index."""
    key: str
    words: str
    answered: int
    total: int
    url: str
    current: bool
    bad: bool = False

    @property
    def css(self) -> str:
        return "bad" if self.bad else "ok" if self.answered == self.total else "warn"

    @property
    def count(self) -> str:
        return ("已填" if self.answered else "未填") if self.key == INFO else f"{self.answered} / {self.total}"


@dataclass
class Dossier:
    """Everything of a dossier that its pages show."""
    sight: Sight
    policy: StarPolicy
    rows: dict[str, Row]
    feature: str = ""
    subject: str = ""
    report: str = ""
    described: bool = False
    asked: tuple[str, str] = ("", "")       # what the office wrote when it sent back, and who
    visit: Visit | None = None
    may: bool = False                       # this reader fills it in
    lacking: tuple[str, ...] = ()
    indicators: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"/cases/{quote(self.sight.case.id)}/dossier"

    @property
    def mine(self) -> list[Row]:
        """What the school answers."""
        return [r for r in self.rows.values() if not r.office]

    @property
    def answered(self) -> int:
        return sum(r.stored is not None for r in self.mine) + self.described

    @property
    def total(self) -> int:
        return len(self.mine) + 1

    @property
    def sum_cp(self) -> int:
        return sum(r.stored[0] for r in self.mine if r.stored)

    @property
    def full_cp(self) -> int:
        return sum(r.leaf.full_cp for r in self.mine)

    def of(self, dimension: str) -> list[Row]:
        return [r for r in self.rows.values() if r.leaf.dimension == dimension]

    def groups(self, here: str = "") -> list[Group]:
        out = [Group(INFO, "特色项目和报告", int(self.described), 1, f"{self.url}/{INFO}", here == INFO,
                     "description" in self.lacking)]
        for d in self.policy.dimensions:
            mine = [r for r in self.of(d.id) if not r.office]
            out.append(Group(d.id, f"{d.id}{words.full(d.name)}", sum(r.stored is not None for r in mine), len(mine),
                             f"{self.url}/{d.id}", here == d.id, any(r.error or r.named for r in mine)))
        return out

    def after(self, here: str) -> Group | None:
        groups = self.groups()
        at = next((n for n, g in enumerate(groups) if g.key == here), len(groups))
        return groups[at + 1] if at + 1 < len(groups) else None

    @property
    def first_open(self) -> str:
        """Where to go on: the first group that lacks something."""
        return next((g.url for g in self.groups() if g.bad or g.answered < g.total), f"{self.url}/{CHECK}")

    def dimensions(self) -> list[dict[str, Any]]:
        """Sums of the self-scores beside the floors of the tier."""
        level = self.policy.levels[self.sight.case.facts.level]
        out = []
        for d in self.policy.dimensions:
            mine = [r for r in self.of(d.id) if not r.office]
            got, full = sum(r.stored[0] for r in mine if r.stored), sum(r.leaf.full_cp for r in mine)
            floor = level.floors_cp.get(d.id, 0)
            out.append({"words": f"{d.id}{words.full(d.name)}", "cp": got, "full": full, "floor": floor,
                        "below": got < floor, "url": f"{self.url}/{d.id}", "office": d.full_cp - full})
        return out


def blinded(sight: Sight, text: str) -> str:
    """R-22: to an expert the school's own name, and those of its people, are not said."""
    if not sight.blind or not text:
        return text
    directory, school = sight.page.directory, sight.case.subject
    people = (who for who, p in directory.people.items() if any(x.organisation == school for x in p.posts))
    names = {directory.organisation(school)} | {directory.names.get(who, "") for who in people}
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, "本校" if name == directory.organisation(school) else "某某")
    return text


async def tiles_of(sight: Sight, hashes: Sequence[str]) -> list[tuple[str, Tile]]:
    """Files as tiles with where they open; one that is not bound yet has no page."""
    rows = await reads.file_names(sight.page.pool, hashes, sight.case.id, sight.page.me) if hashes else {}
    base = f"/cases/{quote(sight.case.id)}/files"
    held = {h for bound in sight.case.facts.files.values() for h in bound}
    return [(f"{base}/{h}" if h in held else "", Tile(blinded(sight, t.name), t.sort, t.css, t.size))
            for h in hashes if h in rows for t in (tile_of(rows[h]),)]


def accepted(sight: Sight) -> bool:
    """Whether an expert has said yes: before that only title, size and subject are shown."""
    me, draw = sight.page.me, sight.case.at("draw")
    seat = draw.seat(me) if draw else None
    return seat is None or bool(seat.acted)


async def dossier_of(page: Page, no: str, with_tiles: Sequence[str] | None = None) -> Dossier:
    """Read once: log, texts, what may be changed. `with_tiles`: dimensions whose evidence is shown (None = all)."""
    sight = await sight_of(page, no)
    case, policy = sight.case, sight.context.policy
    if case.kind != "star" or not isinstance(policy, StarPolicy):
        raise PageProblem(404, "这个案件没有申报材料。请回到案件页。")
    if sight.blind and not accepted(sight):
        raise PageProblem(403, "接受评审后才能看申报材料。请先到“待评”里接受，或申请回避。")
    rows, texts = await history(page, no)
    visit = next((v for v in case.open if v.stage in OWN_STAGES), None)
    may = bool(visit) and any(w.form is AnswerLeaf for w in ways(sight).main)
    lacking = unanswered(case, visit) if visit else ()
    out: dict[str, Row] = {}
    for x in policy.leaves:
        open_part = not (visit and visit.editable) or f"leaf.{x.id}" in visit.editable
        out[x.id] = Row(x, words.full(x.text), editable=may and open_part and x.by != {"office"},
                        named=f"leaf.{x.id}" in lacking,
                        opened=bool(visit and visit.editable and f"leaf.{x.id}" in visit.editable))
    d = Dossier(sight, policy, out, visit=visit, may=may, lacking=lacking, described=case.facts.described)
    for r in rows:
        match r["event"]:
            case f.LeafAnswered() as e if e.leaf in out:
                out[e.leaf].stored = (e.self_cp, blinded(sight, texts.get(e.statement, "")), e.files)
            case f.Described() as e:
                d.feature, d.subject = blinded(sight, texts.get(e.feature, "")), e.subject
                d.report = blinded(sight, texts.get(e.report, ""))
            case k.SeatActed(verb="return") as e if visit and visit.stage == "correction":
                d.asked = texts.get(e.opinion, ""), page.directory.post(r["post"], short=True) if r["post"] else ""
    for row in out.values():
        if row.stored:
            row.score, row.words, row.hashes = points(row.stored[0]), row.stored[1], list(row.stored[2])
        if with_tiles is None or row.leaf.dimension in with_tiles:
            row.tiles = await tiles_of(sight, row.hashes)
    body = await reads.policy_body(page.pool, case.policy)
    d.indicators = {i["id"]: words.full(i["name"]) for dim in body.get("indicators", ()) for i in dim["children"]}
    return d


def the_chip(d: Dossier) -> Chip | None:
    clock = of_visit(d.visit) if d.visit else None
    return chip_of(clock, d.sight.context, f"/cases/{quote(d.sight.case.id)}/clocks/{d.visit.no}") if clock and d.visit \
        else None


def subjects(page: Page) -> list[str]:
    """What experts of the county are listed for."""
    return sorted({s for p in page.directory.people.values() if p.listing for s in p.listing.subjects})


# -- the check page ------------------------------------------------------------------------------------------------


def check_html(d: Dossier, form: FormData | None = None, problems: list[Problem] | None = None,
               status: int = 200) -> HTMLResponse:
    """The whole list, the sums against mark and floors, the declaration."""
    page, level = d.sight.page, d.policy.levels[d.sight.case.facts.level]
    way = declare_way(d)
    then = ""
    if way:
        got = decide(d.sight.procedure, d.sight.case, act_of(way, form=Declare(True)), d.sight.context)
        then = "转入校长会签，由校长办理。" if isinstance(got, Refusal) else "".join(follows(d.sight, *got))
    chosen = [str(x) for x in form.getlist("excluded")] if form is not None else list(d.sight.case.facts.excluded)
    experts: list[Option] = people_options("excluded", d.sight) if way else []
    open_rows = [r for r in d.mine if r.stored is None or r.named]
    return page.html(
        "dossier_check.html", status, problems=problems or [], d=d, sight=d.sight, groups=d.groups(), chip=the_chip(d),
        level=level, way=way, then=then, command=page.new_command(), chosen=chosen, experts=experts, open_rows=open_rows,
        most=d.policy.exclude_max, reason=said(form, "reason") if form is not None else "", here="/cases",
        truthful=form is not None and bool(form.get("truthful")))


def declare_way(d: Dossier) -> Way | None:
    return next((w for w in ways(d.sight).main if w.form is Declare), None) if d.may else None


@router.get("/cases/{no}/dossier")
async def dossier(no: str, page: Reader) -> Response:
    d = await dossier_of(page, no, ())
    return see_other(d.first_open if d.may else f"{d.url}/{CHECK}")


@router.get("/cases/{no}/dossier/check")
async def check(no: str, page: Reader) -> HTMLResponse:
    return check_html(await dossier_of(page, no, ()))


@router.post("/cases/{no}/dossier/check")
async def hand_in(no: str, page: Reader, request: Request) -> Response:
    """提交，送校长会签: everything that is missing is named at once."""
    d = await dossier_of(page, no, ())
    form = await posted(request, page)
    problems = []
    if not d.described or "description" in d.lacking:
        problems.append(Problem("特色项目和报告还没有填。请补上。", "r-info"))
    problems += [Problem(f"{r.leaf.id}{'是退回时点名的，还没有改' if r.named else '还没有填'}。请补上。", f"r-{r.leaf.id}")
                 for r in d.mine if r.stored is None or r.named]
    if not form.get("truthful"):
        problems.append(Problem("还没有作真实性承诺。请核对后勾选。", "truthful"))
    excluded = tuple(dict.fromkeys(str(x) for x in form.getlist("excluded") if x))
    if excluded and not said(form, "reason").strip():
        problems.append(Problem("请不要抽取的人要写明理由。请填写。", "reason"))
    way = declare_way(d)
    if problems and way:
        return check_html(d, form, problems, 422)
    visit, seat = (way.visit, way.seat) if way else (d.visit.no if d.visit else 1, "clerk")
    act = act_of(Way("agree", visit, seat, Declare), form=Declare(True, excluded, Text(said(form, "reason").strip())),
                 saw=int(said(form, "saw") or 0) or None)
    command = command_of(form)
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, act, no))
    if isinstance(got, Refusal):
        return check_html(d, form, [Problem(explained(d.sight, got))], STATUS.get(got.code, 409))
    stage = d.visit.stage if d.visit else "dossier"
    return see_other(f"/cases/{quote(no)}/acts/agree/done?" + urlencode(
        {"id": command, "visit": visit, "form": "declare", "stage": stage}))


def command_of(form: FormData) -> str:
    sent = said(form, "command")
    return sent if 0 < len(sent) <= 64 and sent.isascii() else str(uuid.uuid4())


# -- one group ------------------------------------------------------------------------------------------------------


def group_html(d: Dossier, group: str, problems: list[Problem] | None = None, found: Any = None,
               status: int = 200) -> HTMLResponse:
    page = d.sight.page
    dimension = next((x for x in d.policy.dimensions if x.id == group), None)
    rows = d.of(group)
    heads = {r.leaf.id: f"{key}{d.indicators[key]}" for n, r in enumerate(rows)
             if (key := r.leaf.id.partition(".")[0]) in d.indicators and (
                 n == 0 or rows[n - 1].leaf.id.partition(".")[0] != key)}
    return page.html(
        "dossier.html", status, problems=problems or [], d=d, sight=d.sight, group=group, dimension=dimension, rows=rows,
        heads=heads,
        name=words.full(dimension.name) if dimension else "特色项目和报告", groups=d.groups(group), chip=the_chip(d),
        next=d.after(group), found=found, command=page.new_command(), subjects=subjects(page) if group == INFO else [],
        here="/cases", draft=f"/cases/{quote(d.sight.case.id)}/drafts/{quote(draft_key(group), safe='')}",
        info_open=d.may and (not (d.visit and d.visit.editable) or "description" in d.visit.editable))


def draft_key(group: str) -> str:
    return f"dossier/{group}"


def _known(d: Dossier, group: str) -> None:
    if group != INFO and group not in {x.id for x in d.policy.dimensions}:
        raise PageProblem(404, "申报材料里没有这一组。请从目录里选。")


@router.get("/cases/{no}/dossier/{group}")
async def group_page(no: str, group: str, page: Reader) -> HTMLResponse:
    d = await dossier_of(page, no, (group,))
    _known(d, group)
    body, found = await drafts.find(page.pool, page.me, no, draft_key(group)) if d.may else ({}, None)
    stored = (d.feature, d.subject, d.report)
    if body:
        await _fill(d, group, body)
    new = stored != (d.feature, d.subject, d.report) or any(r.editable and _changed(r) for r in d.of(group))
    return group_html(d, group, found=found if body and new else None)


async def _fill(d: Dossier, group: str, body: drafts.Posted) -> None:
    """Lay what was typed over what is stored."""
    one = {k: v[0] for k, v in body.items() if v}
    if group == INFO:
        d.feature, d.subject, d.report = (one.get(x, getattr(d, x)) for x in ("feature", "subject", "report"))
        return
    for r in d.of(group):
        if not r.editable:
            continue
        r.score, r.words = one.get(f"score.{r.leaf.id}", r.score), one.get(f"words.{r.leaf.id}", r.words)
        if f"files.{r.leaf.id}" in body:
            gone = set(body.get(f"drop.{r.leaf.id}", ()))
            r.hashes = [h for h in dict.fromkeys(body[f"files.{r.leaf.id}"]) if h not in gone]
        elif f"score.{r.leaf.id}" in body:
            r.hashes = []
        r.tiles = await tiles_of(d.sight, r.hashes)


@router.get("/files/cases/{no}/dossier/{group}")
async def reloaded(no: str, group: str) -> Response:
    """Where a refused upload leaves the browser's address: reloading it shows the group again."""
    return see_other(f"/cases/{quote(no)}/dossier/{quote(group)}")


@router.post("/cases/{no}/dossier/{group}")
@router.post("/files/cases/{no}/dossier/{group}")
async def save_group(no: str, group: str, page: Reader, request: Request) -> Response:
    """Each leaf that was changed becomes a fact of its own; what cannot be stored yet stays on the page and in the draft."""
    d = await dossier_of(page, no, (group,))
    _known(d, group)
    form = await posted(request, page)
    body = drafts.as_lists(form)
    await _fill(d, group, body)
    if not d.may:
        return group_html(d, group, [Problem("材料现在不能改。请回到案件页看到了哪一步，您写的还在这一页。")], status=409)
    saw, command = said(form, "saw"), command_of(form)
    problems: list[Problem] = []
    if group == INFO:
        problems += await _store_info(d, command)
    for r in d.of(group) if group != INFO else ():
        if r.editable:
            await _uploads(d, r, form)
            if not r.error:
                await _store(d, r, command, int(saw) if saw.isdecimal() else 0)
            problems += [Problem(r.error, r.id)] if r.error else []
    kept = _rest(d, group)
    if kept:
        await drafts.save(page.pool, page.me, no, draft_key(group), kept)
    else:
        await drafts.drop(page.pool, page.me, no, draft_key(group))
    if problems:
        return group_html(d, group, problems, status=422)
    step = said(form, "step")
    following = d.after(group)
    to = {"leave": f"/cases/{quote(no)}", "stay": f"{d.url}/{group}", "check": f"{d.url}/{CHECK}"}.get(
        step.partition("-")[0], following.url if following else f"{d.url}/{CHECK}")
    return see_other(to + (f"#s-{step.partition('-')[2]}" if step.startswith("stay-") else ""))


def _rest(d: Dossier, group: str) -> dict[str, list[str]]:
    """What was typed and is not stored."""
    if group == INFO:
        return {}
    out: dict[str, list[str]] = {}
    for r in d.of(group):
        if r.editable and _changed(r):
            out |= {f"score.{r.leaf.id}": [r.score or ""], f"words.{r.leaf.id}": [r.words],
                    f"files.{r.leaf.id}": r.hashes}
    return out if any(x for v in out.values() for x in v) else {}


def _changed(r: Row) -> bool:
    stored = r.stored or (None, "", ())
    try:
        score: Any = cp(r.score) if r.score.strip() else None
    except NotANumber:
        score = r.score
    return (score, r.words.strip(), tuple(r.hashes)) != (stored[0], stored[1], tuple(stored[2]))


async def _uploads(d: Dossier, r: Row, form: FormData) -> None:
    for upload in form.getlist(f"up.{r.leaf.id}"):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue

        async def chunks(upload: UploadFile = upload) -> Any:
            while part := await upload.read(1024 * 1024):
                yield part
        page = d.sight.page
        got = await page.request.app.state.files.take(chunks(), upload.filename, page.me, page.pool)
        if isinstance(got, Refusal):
            r.error = f"{r.leaf.id}的“{upload.filename}”：{explained(d.sight, got)}"
        elif got not in r.hashes:
            r.hashes.append(got)
    r.tiles = await tiles_of(d.sight, r.hashes)


async def _store(d: Dossier, r: Row, command: str, saw: int) -> None:
    """One leaf; its fault stands in `error`."""
    if not _changed(r) or not (r.score.strip() or r.stored):
        return                              # nothing to store: what is typed without a score waits in the draft
    full = points(r.leaf.full_cp)
    try:
        score = cp(r.score)
    except NotANumber:
        r.error = f"{r.leaf.id}自评分不是数。请改为0到{full}之间的数。"
        return
    if not 0 <= score <= r.leaf.full_cp:
        r.error = f"{r.leaf.id}自评分不能超过满分{full}分。请改为0到{full}之间的数。"
        return
    if score % r.leaf.step_cp:
        r.error = f"{r.leaf.id}自评分每格{points(r.leaf.step_cp)}分。请改为它的整数倍。"
        return
    if len(r.hashes) < r.leaf.evidence_min and not r.words.strip():
        r.error = f"{r.leaf.id}还缺佐证{r.leaf.evidence_min}份。请上传，或在说明里写明没有的原因。"
        return
    case = d.sight.case
    if saw and case.parts.get(f"leaf.{r.leaf.id}", 0) > saw and r.stored and r.stored[0] != score:
        r.error = f"您打开后，{r.leaf.id}又有改动，现在存的是{points(r.stored[0])}分。您写的还在，请看过再存。"
        return
    assert d.visit
    act = act_of(Way("record", d.visit.no, "", AnswerLeaf),
                 form=AnswerLeaf(r.leaf.id, score, tuple(r.hashes), Text(r.words.strip())))
    page = d.sight.page
    got = await page.door.handle(Command(f"{page.me}/{command}/{r.leaf.id}", page.me, act, case.id))
    if isinstance(got, Refusal):
        r.error = f"{r.leaf.id}没有存：{explained(d.sight, got)}"
        return
    r.stored = (score, r.words.strip(), tuple(r.hashes))


async def _store_info(d: Dossier, command: str) -> list[Problem]:
    out = []
    if not d.feature.strip():
        out.append(Problem("特色项目还没有填。请写一个名称。", "feature"))
    if not d.subject.strip():
        out.append(Problem("所属学科还没有选。请选一个。", "subject"))
    if out:
        return out
    assert d.visit
    act = act_of(Way("record", d.visit.no, "", Describe),
                 form=Describe(Text(d.feature.strip()), d.subject.strip(), Text(d.report.strip())))
    page = d.sight.page
    got = await page.door.handle(Command(f"{page.me}/{command}/info", page.me, act, d.sight.case.id))
    return [Problem(explained(d.sight, got), "feature")] if isinstance(got, Refusal) else []
