"""考察、建议、表决. The site sheet of each member, what is proposed on what was computed, one question and three choices."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.problems import STATUS
from api.routes import audits
from domain.kernel import events as k
from domain.kernel.acts import Act
from domain.kernel.case import Visit
from domain.kernel.refusal import Refusal
from domain.kernel.values import Text
from domain.recognition import batch as b
from domain.recognition import facts as f
from domain.recognition.policy import StarPolicy
from domain.recognition.proposal import Propose, computed, result_by_rule
from domain.recognition.site import SUGGESTIONS, SiteSheet
from store import reads
from store.door import Command

from . import drafts, words
from .acts import sight_of
from .case import history
from .clocks import Chip, chip_of, of_visit
from .dossier import command_of
from .entry import Problem
from .render import points
from .scoring import Mark, marks_of
from .shell import Page, PageProblem, Reader, posted, said, see_other
from .sight import ALIASES, Sight
from .ways import explained, ways

router = APIRouter()
SITE, AUTOSAVED = "site", "site-typed"
RESULTS = {"recognise": "拟定认定", "refuse": "不予认定", "defer": "转下一批"}
CHOICES = (("yes", "同意", ""), ("no", "不同意", "请写理由。"), ("abstain", "弃权", ""))
UNNAMED = tuple((key, words, "") for key, words, _ in CHOICES)
NOT_YOURS = "没有这一页，或您无权查看。请回到案件页。"


def chip_at(sight: Sight, visit: Visit | None) -> Chip | None:
    clock = of_visit(visit, sight.page.me) if visit else None
    return chip_of(clock, sight.context, f"/cases/{quote(sight.case.id)}/clocks/{visit.no}") if clock and visit else None


def in_office(sight: Sight) -> bool:
    """The section that handles it, its head, leaders and the auditor."""
    mine = {h.key for h in sight.page.context.posts}
    return bool(mine & {sight.procedure.office(sight.case).key, sight.procedure.head(sight.case).key}) or \
        audits(sight.page.context)


async def star_sight(page: Page, no: str) -> Sight:
    sight = await sight_of(page, no)
    if sight.case.kind != "star" or not isinstance(sight.context.policy, StarPolicy) or not sight.inside:
        raise PageProblem(404, NOT_YOURS)
    return sight


def done_url(no: str, command: str, verb: str, stage: str) -> str:
    return f"/cases/{quote(no)}/acts/{verb}/done?" + urlencode({"id": command, "stage": stage})


# -- 考察 -----------------------------------------------------------------------------------------------------------


@dataclass
class SitePage:
    """What the panel found, as far as this reader may know it."""
    sight: Sight
    marks: dict[str, Mark]
    suggestion: str = ""
    summary: str = ""
    dissent: str = ""

    @property
    def url(self) -> str:
        return f"/cases/{quote(self.sight.case.id)}/panel"


def _report(sight: Sight) -> Visit | None:
    """The row in which this member has still to sign."""
    visit = sight.case.at("report")
    seat = visit.seat(sight.page.me) if visit else None
    return visit if seat and seat.open else None


async def _panel(page: Page, no: str) -> Sight:
    sight = await star_sight(page, no)
    if page.me not in sight.case.roster("panel").members and not in_office(sight) and not _committee(sight):
        raise PageProblem(404, NOT_YOURS)
    return sight


def _site(sight: Sight, body: Mapping[str, Sequence[str]]) -> SitePage:
    one = {key: v[0] for key, v in body.items() if v}
    policy: StarPolicy = sight.context.policy
    marks = marks_of(policy.scored("site"), {key: list(v) for key, v in body.items()})
    return SitePage(sight, marks, one.get("suggestion", ""), one.get("summary", ""), one.get("dissent", ""))


async def _typed(page: Page, no: str) -> tuple[dict[str, list[str]], Any]:
    body, at = await drafts.find(page.pool, page.me, no, SITE)
    newer, then = await drafts.find(page.pool, page.me, no, AUTOSAVED)
    return (newer, then) if then and (at is None or then > at) else (body, at)


async def _panel_html(site: SitePage, problems: list[Problem] | None = None, found: Any = None,
                      status: int = 200) -> HTMLResponse:
    sight, page = site.sight, site.sight.page
    case, policy = sight.case, sight.context.policy
    visit = case.at("report")
    mine = _report(sight)
    signed = dict(case.facts.site)
    shown = {} if visit else signed
    if visit and page.me in signed:
        shown = {page.me: signed[page.me]}
    rows, texts = await history(page, case.id)
    said_ = {e.member: e for r in rows if isinstance(e := r["event"], f.SiteScored)}
    members = [{"who": page.who(m), "leader": n == 0, "signed": m in signed}
               for n, m in enumerate(case.roster("panel").members)]
    sheets = [{"who": page.who(m), "scores": dict(s),
               "suggestion": words.SUGGESTIONS.get(case.facts.suggestions.get(m, ""), ""),
               "summary": texts.get(e.summary, "") if (e := said_.get(m)) else "",
               "dissent": texts.get(e.dissent, "") if e else "",
               "problems": [(leaf, texts.get(t, "")) for leaf, t in e.problems] if e else []} for m, s in shown.items()]
    total = sum(m.cp or 0 for m in site.marks.values())
    groups = [(f"{d.id}{words.full(d.name)}", [m for m in site.marks.values() if m.leaf.dimension == d.id])
              for d in policy.dimensions]
    return page.html(
        "panel.html", status, problems=problems or [], sight=sight, site=site, members=members, sheets=sheets, mine=mine,
        groups=[g for g in groups if g[1]], total=total, full=sum(m.leaf.full_cp for m in site.marks.values()),
        left=sum(m.cp is None for m in site.marks.values()), chip=chip_at(sight, mine), found=found,
        suggestions=[(key, words.SUGGESTIONS[key]) for key in SUGGESTIONS if key != "mend" or policy.mending],
        command=page.new_command(), day=case.facts.day, waits=bool(visit) or not signed, here="/cases",
        draft=f"/cases/{quote(case.id)}/drafts/{AUTOSAVED}", dissent_min=policy.dissent_chars_min)


@router.get("/cases/{no}/panel")
async def panel(no: str, page: Reader) -> HTMLResponse:
    sight = await _panel(page, no)
    body, found = await _typed(page, no) if _report(sight) else ({}, None)
    return await _panel_html(_site(sight, body), found=found)


def site_faults(site: SitePage) -> list[Problem]:
    policy: StarPolicy = site.sight.context.policy
    for m in site.marks.values():
        m.error = m.fault(policy.low_mark_bp, reasons=False)
    out = [Problem(m.error, m.id) for m in site.marks.values() if m.error]
    if site.suggestion not in SUGGESTIONS:
        out.append(Problem("还没有选建议。请选一种。", "suggestion-1"))
    if 0 < len(site.dissent.strip()) < policy.dissent_chars_min:
        out.append(Problem(f"不同意见至少写{policy.dissent_chars_min}个字。请补充，或不填。", "dissent"))
    return out


@router.post("/cases/{no}/panel")
async def panel_save(no: str, page: Reader, request: Request) -> Response:
    """存稿, or on to the check page."""
    sight = await _panel(page, no)
    form = await posted(request, page)
    body = {key: v for key, v in drafts.as_lists(form).items() if key != "group"}
    site = _site(sight, body)
    if _report(sight) is None:
        gone = Problem("您已经签名，或报告已经交出，不能再改。请回到案件页看。")
        return await _panel_html(site, [gone], status=409)
    await drafts.save(page.pool, page.me, no, SITE, body)
    await drafts.drop(page.pool, page.me, no, AUTOSAVED)
    if said(form, "step") == "save":
        return see_other(site.url)
    if problems := site_faults(site):
        return await _panel_html(site, problems, status=422)
    return see_other(f"{site.url}/sign")


def _sign_html(site: SitePage, problems: list[Problem] | None = None, status: int = 200) -> HTMLResponse:
    page = site.sight.page
    got, full = sum(m.cp or 0 for m in site.marks.values()), sum(m.leaf.full_cp for m in site.marks.values())
    notes = [f"{x} {m.note.strip()}" for x, m in site.marks.items() if m.note.strip()]
    rows = [{"words": "案件", "says": [site.sight.case.id, site.sight.title], "edit": False},
            {"words": "我的评分", "says": [f"{points(got)} / {points(full)}"], "edit": True},
            {"words": "建议", "says": [words.SUGGESTIONS[site.suggestion]], "edit": True}]
    rows += [{"words": label, "says": lines, "edit": True} for label, lines in (
        ("总的意见", site.summary.strip().splitlines()), ("问题", notes), ("不同意见", site.dissent.strip().splitlines()))
        if lines]
    rows += [{"words": "接下来", "says": ["签名后不能再改。全组签完，报告交学校核对事实。"], "edit": False},
             {"words": "谁会知道", "says": ["经办股室和评审委员会看得到全组的评分和不同意见，学校看不到。"], "edit": False}]
    hidden = [("csrf", page.csrf), ("command", page.new_command()), ("saw", str(site.sight.reading.version))]
    card = {"title": "请核对：签名", "action": f"{site.url}/sign", "edit": f"{site.url}/edit", "hidden": hidden,
            "rows": rows, "grave": False, "confirm": "确认签名"}
    return page.html("sign.html", status, problems=problems or [], sight=site.sight, card=card, url=site.url, here="/cases")


@router.get("/cases/{no}/panel/sign")
async def sign_page(no: str, page: Reader) -> Response:
    sight = await _panel(page, no)
    site = _site(sight, (await _typed(page, no))[0])
    return see_other(site.url) if _report(sight) is None or site_faults(site) else _sign_html(site)


@router.post("/cases/{no}/panel/edit")
async def sign_edit(no: str, page: Reader, request: Request) -> Response:
    await posted(request, page)
    return see_other(f"/cases/{quote(no)}/panel")


@router.post("/cases/{no}/panel/sign")
async def sign(no: str, page: Reader, request: Request) -> Response:
    """签名. With dissent it is a signature too."""
    form = await posted(request, page)
    command = command_of(form)
    if await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(done_url(no, command, "agree", "report"))
    sight = await _panel(page, no)
    site, visit = _site(sight, (await _typed(page, no))[0]), _report(sight)
    if visit is None or site_faults(site):
        return see_other(site.url)
    sheet = SiteSheet(tuple((x, m.cp or 0) for x, m in site.marks.items()), site.suggestion, Text(site.summary.strip()),
                      tuple((x, Text(m.note.strip())) for x, m in site.marks.items() if m.note.strip()),
                      Text(site.dissent.strip()))
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, Act(
        "agree", visit.no, page.me, form=sheet), no))
    if isinstance(got, Refusal):
        return _sign_html(site, [Problem(explained(sight, got))], STATUS.get(got.code, 409))
    await drafts.drop(page.pool, page.me, no, SITE, AUTOSAVED)
    return see_other(done_url(no, command, "agree", "report"))


# -- 拟定建议 ------------------------------------------------------------------------------------------------------------


def _committee(sight: Sight) -> bool:
    return sight.page.me in sight.case.roster("committee").members


async def _proposal(page: Page, no: str) -> Sight:
    sight = await star_sight(page, no)
    if not in_office(sight) and not _committee(sight):
        raise PageProblem(404, NOT_YOURS)
    return sight


async def _proposal_html(sight: Sight, problems: list[Problem] | None = None, departs: str = "", reason: str = "",
                         status: int = 200) -> HTMLResponse:
    page, case = sight.page, sight.case
    policy: StarPolicy = sight.context.policy
    facts = case.facts
    if not facts.sheets or not facts.site:
        raise PageProblem(404, "评分还没有齐，算不出建议。请等考察报告交出。")
    c, level, names = computed(case, policy), policy.levels[facts.level], {d.id: d for d in policy.dimensions}
    by_rule = result_by_rule(case, policy)
    way = next((w for w in ways(sight).main if w.form is Propose), None)
    visit = case.at("proposal")
    rows, texts = await history(page, case.id)
    made = next((r["event"] for r in reversed(rows) if isinstance(r["event"], f.ResultProposed)), None)
    signed = {e.member: e for r in rows if isinstance(e := r["event"], f.SiteScored)}
    dimensions = [{"words": f"{d} {words.full(names[d].name)}", "cp": cp_, "full": names[d].full_cp,
                   "floor": level.floors_cp.get(d, 0), "missed": d in c.missed_floors} for d, cp_ in c.dimensions_cp]
    good = by_rule == "recognise"
    choices = [("", f"按计算结果：{RESULTS[by_rule]}", "提交评审委员会表决。" if good else "不上会，由您签发告知书。")]
    if good:
        choices += [(key, RESULTS[key], "提交评审委员会表决；要写明理由。") for key in ("refuse", "defer")]
    return page.html(
        "proposal.html", status, problems=problems or [], sight=sight, c=c, level=level, dimensions=dimensions, way=way,
        by_rule=RESULTS[by_rule], ok=good, choices=choices, departs=departs, reason=reason,
        made=RESULTS.get(made.result, "") if made else "", made_reason=texts.get(made.reason, "") if made else "",
        vetoes=facts.vetoes, rank=await rank(page, sight, c.total_cp), weights=(policy.material_weight, policy.site_weight),
        totals=sorted(((sight.alias(x).name if sight.alias(x) else "专家", n) for x, n in facts.totals.items()),
                      key=lambda t: ALIASES.find(t[0][-1])),
        dissents=[(page.who(m), texts.get(e.dissent, "")) for m, e in signed.items() if e.dissent],
        suggestions=[(words.SUGGESTIONS.get(s, ""), sum(x == s for x in facts.suggestions.values()))
                     for s in dict.fromkeys(facts.suggestions.values())],
        reason_min=policy.departure_chars_min, chip=chip_at(sight, visit) if way else None, command=page.new_command(),
        url=f"/cases/{quote(case.id)}/proposal", here="/cases")


async def rank(page: Page, sight: Sight, total: int) -> dict[str, Any]:
    """名次 among those of the tier that are proposed so far; the place of one that is not yet is where it would come."""
    states = await reads.states(page.pool, [sight.case.parent]) if sight.case.parent else {}
    batch = states.get(sight.case.parent)
    if batch is None:
        return {}
    level, policy = sight.case.facts.level, sight.context.policy
    names = tuple(c for c in b.those(batch, "proposed", "called", "carried", "noticed", "held", "free", "signed")
                  if batch.children[c].level == level and c != sight.case.id)
    better = sum(batch.children[c].total_cp > total for c in names)
    quota = policy.levels[level].quota
    return {"place": better + 1, "of": len(names) + 1, "quota": quota, "over": quota is not None and better + 1 > quota}


@router.get("/cases/{no}/proposal")
async def proposal(no: str, page: Reader) -> HTMLResponse:
    return await _proposal_html(await _proposal(page, no))


@router.post("/cases/{no}/proposal")
async def propose(no: str, page: Reader, request: Request) -> Response:
    """提交建议: downward only, and then with reasons."""
    form = await posted(request, page)
    command = command_of(form)
    if await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(done_url(no, command, "agree", "proposal"))
    sight = await _proposal(page, no)
    policy: StarPolicy = sight.context.policy
    departs, reason, saw = said(form, "departs"), said(form, "reason").strip(), said(form, "saw")
    problems = []
    if departs and not reason:
        problems.append(Problem("低于计算结果要写明理由。请填写。", "reason"))
    elif departs and len(reason) < policy.departure_chars_min:
        problems.append(Problem(f"理由至少写{policy.departure_chars_min}个字，现在{len(reason)}个。请补充。", "reason"))
    if problems:
        return await _proposal_html(sight, problems, departs, reason, 422)
    visit = sight.case.at("proposal")
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, Act(
        "agree", visit.no if visit else 0, "head", form=Propose(departs, Text(reason)),
        saw=int(saw) if saw.isdecimal() else None), no))
    if isinstance(got, Refusal):
        return await _proposal_html(sight, [Problem(explained(sight, got))], departs, reason, STATUS.get(got.code, 409))
    return see_other(done_url(no, command, "agree", "proposal"))


# -- 表决 -----------------------------------------------------------------------------------------------------------


def share_words(share: tuple[int, int]) -> str:
    return {(2, 3): "三分之二", (1, 2): "二分之一", (3, 4): "四分之三"}.get(share, f"{share[1]}分之{share[0]}")


def needed(n: int, policy: StarPolicy) -> int:
    """The fewest yes that carry, if nobody abstains."""
    share = Fraction(*policy.ballot.share) * n
    whole = -(-share.numerator // share.denominator)
    return whole + 1 if policy.ballot.more_than and whole == share else whole


async def _vote_html(sight: Sight, problems: list[Problem] | None = None, choice: str = "", opinion: str = "",
                     status: int = 200) -> HTMLResponse:
    page, case = sight.page, sight.case
    policy: StarPolicy = sight.context.policy
    visit, facts = case.at("vote"), case.facts
    seat = visit.seat(page.me) if visit else None
    found = ways(sight)
    may = [w for w in found.main if w.verb in ("yes", "no", "abstain")]
    closing = [w for w in (*found.main, *found.others) if w.verb == "close"]
    rows, texts = await history(page, case.id)
    closed = None if visit else next((r["event"] for r in reversed(rows) if isinstance(r["event"], k.BallotClosed)), None)
    made = next((r["event"] for r in reversed(rows) if isinstance(r["event"], f.ResultProposed)), None)
    level = policy.levels[facts.level]
    present, gone = (closed.present, closed.recused) if closed else (len(facts.present), len(facts.recused))
    cast = sum(1 for s in visit.seats if s.acted) if visit else 0
    voted = seat.acted.verb if seat and seat.acted else ""
    base = f"/cases/{quote(case.id)}"
    return page.html(
        "vote_page.html", status, problems=problems or [], sight=sight, may=bool(may), seat=seat, called=bool(facts.present),
        question=f"是否认定{sight.school}为{words.full(level.name)}{words.PROGRAMMES.get(policy.programme, '学校')}？",
        entitled=len(facts.members), present=present, recused=gone, need=needed(present, policy), cast=cast,
        rule=share_words(policy.ballot.share), secret=policy.ballot.secret,
        over="超过" if policy.ballot.more_than else "达到",
        choices=UNNAMED if policy.ballot.secret else CHOICES, voted=bool(voted),
        choice=choice or (voted if voted in ("yes", "no", "abstain") else ""),
        opinion=opinion, mine=bool(seat and seat.gone), closed=closed, closing=[(w.words, w.url(case.id)) for w in closing],
        result=RESULTS.get(made.result, "") if made else "", total=made.total_cp if made else 0,
        reason=texts.get(made.reason, "") if made else "", command=page.new_command(), url=f"/votes/{quote(case.id)}",
        links=[("申报材料", f"{base}/dossier/check"), ("考察报告", f"{base}/panel"), ("拟定建议", f"{base}/proposal")],
        here="/cases",
        outcome={"passed": "通过", "refused": "未通过", "no_quorum": "人数不够"}.get(closed.result, "") if closed else "")


async def _voter(page: Page, no: str) -> Sight:
    sight = await star_sight(page, no)
    if not _committee(sight) and not in_office(sight):
        raise PageProblem(404, NOT_YOURS)
    if not sight.case.at("vote") and not any(p.stage == "vote" for p in sight.case.past):
        raise PageProblem(404, "这个案件还没有到表决。请回到案件页。")
    return sight


@router.get("/votes/{no}")
async def vote_page(no: str, page: Reader) -> HTMLResponse:
    return await _vote_html(await _voter(page, no))


@router.post("/votes/{no}")
async def vote(no: str, page: Reader, request: Request) -> Response:
    """投票: until the chair closes it may be changed."""
    form = await posted(request, page)
    command = command_of(form)
    sight = await _voter(page, no)
    choice, opinion = said(form, "choice"), said(form, "opinion").strip()
    if await reads.receipt(page.pool, f"{page.me}/{command}"):
        return see_other(done_url(no, command, choice if choice in ("yes", "no", "abstain") else "yes", "vote"))
    problems = []
    if choice not in ("yes", "no", "abstain"):
        problems.append(Problem("还没有选。请选同意、不同意或弃权。", "choice-1"))
    elif choice == "no" and not opinion and not sight.context.policy.ballot.secret:     # a reason tells who it was
        problems.append(Problem("投不同意要写理由。请填写。", "opinion"))
    if problems:
        return await _vote_html(sight, problems, choice, opinion, 422)
    visit, saw = sight.case.at("vote"), said(form, "saw")
    got = await page.door.handle(Command(f"{page.me}/{command}", page.me, Act(
        choice, visit.no if visit else 0, page.me, opinion=Text(opinion),
        saw=int(saw) if saw.isdecimal() else None), no))
    if isinstance(got, Refusal):
        return await _vote_html(sight, [Problem(explained(sight, got))], choice, opinion, STATUS.get(got.code, 409))
    return see_other(done_url(no, command, choice, "vote"))
