"""案件页. Five answers in one glance: where, who, until when, what can I do, and why not (sketch 2)."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.routes import BLIND, told_words, visible
from domain.kernel.acts import DemandRecusal
from domain.kernel.case import Visit
from domain.kernel.clock import Clock
from domain.kernel.events import SeatActed, SeatGone
from domain.kernel.may import why_not
from domain.kernel.plan import Step, picture
from domain.kernel.values import having
from domain.recognition.policy import StarPolicy
from store import reads

from . import drafts, words
from .acts import attachments_of, sight_of
from .clocks import Chip, Ledger, chip_of, end_of_clock, ledger, of_visit, unit_words
from .fields import Field
from .render import day_words, points, term_end
from .shell import Page, PageProblem, Reader
from .sight import Sight
from .told import Item, Meta, timeline
from .ways import Cannot, Way, Ways, explained, unserved_words, ways

router = APIRouter()
HISTORY_MAX = 2_000


@dataclass(frozen=True)
class Cell:
    """One answer of the glance strip."""
    asks: str
    says: str
    more: str = ""
    url: str = ""


@dataclass(frozen=True)
class Dot:
    """One step of the picture. `state`: done now next stop skip."""
    words: str
    state: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class Loop:
    first: int
    last: int
    words: str
    url: str

    @property
    def width(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Button:
    words: str
    url: str
    primary: bool = False
    then: str = ""


@dataclass(frozen=True)
class Opinion:
    value: str
    found: Any
    phrases: tuple[str, ...]
    private: bool


@dataclass
class Card:
    """The act card. `kind`: mine other claim late ended."""
    kind: str
    title: str
    chip: Chip | None = None
    why: str = ""
    ways: list[Way] = field(default_factory=list)
    opinion: Opinion | None = None
    attached: Field | None = None           # files beside the opinion
    action: str = ""
    draft: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    direct: str = ""                        # one button that acts at once: nothing to fill in, nothing to regret
    buttons: list[Button] = field(default_factory=list)
    reads: Button | None = None             # what one looks at before
    others: list[Button] = field(default_factory=list)
    cannot: list[Cannot] = field(default_factory=list)


# -- the picture ---------------------------------------------------------------------------------------------------


def dots(sight: Sight) -> tuple[list[Dot], list[Loop]]:
    """The phases of the case and its returns. The applicant reads public names, and rows that share one are one step."""
    steps = {s.stage: s for s in picture(sight.procedure, sight.case)}
    if sight.case.kind == "star_batch":     # a row of duties ends when nothing is left to do for it: passed all the same
        steps |= {p.stage: having(steps[p.stage], state="passed", last_at=p.closed_at) for p in sight.case.past
                  if p.outcome == "moot" and steps[p.stage].state in ("stopped", "next")}
    out: list[tuple[str, list[Step]]] = []
    phases = words.phases_of(sight.procedure)
    here = {v.stage for v in sight.case.open}
    index: dict[str, int] = {}
    for p in phases:
        inside = [steps[s] for s in p.stages if s in steps]
        went = p.name == "限期改进" and any(s.times for s in inside)
        if not inside or (p.aside and not went and not here & set(p.stages)):
            continue
        name = p.name if sight.inside or not p.public else p.public
        if out and out[-1][0] == name:
            out[-1][1].extend(inside)
        else:
            out.append((name, inside))
        index |= dict.fromkeys(p.stages, len(out))
    drawn = [_dot(sight, name, inside) for name, inside in out]
    return drawn, [] if sight.blind else _loops(sight, index)


def _dot(sight: Sight, name: str, steps: list[Step]) -> Dot:
    states = {s.state for s in steps}
    passed = [s for s in steps if s.state == "passed"]
    present = next((s for s in steps if s.state == "present"), None)
    if present:
        visit = next(v for v in sight.case.open if v.stage == present.stage)
        clock = of_visit(visit)
        end = end_of_clock(clock, sight.context) if clock else None
        return Dot(name, "now", f"到{day_words(end.date(), short=True)}" if end else "", f"#st-{present.stage}")
    if sight.case.ended and (not passed or states & {"stopped", "returned"}):
        last = next((p.stage for p in reversed(sight.case.past) if p.stage), "")
        if any(s.stage == last for s in steps):
            good = sight.case.ended in sight.words.good_ends
            return Dot(name, "done" if good else "stop", words.end_words(sight.case.kind, sight.case.ended), f"#st-{last}")
        if not passed:
            return Dot(name, "skip", "不再进行")
    if passed and not any(_later(sight, s) for s in passed):
        at = max((s.last_at for s in passed if s.last_at), default=None)
        return Dot(name, "done", day_words(at.date(), short=True) if at else "", f"#st-{passed[-1].stage}")
    return Dot(name, "next", _budget(sight, steps))


def _later(sight: Sight, step: Step) -> bool:
    """Passed once, and the case was sent back before it since: it comes again."""
    rows = sight.procedure.__dict__["row"]
    main = [v for v in sight.case.open if not v.line]
    at = min((rows[v.stage] for v in main), default=len(rows))
    aside = bool(main) and sight.procedure[main[0].stage].aside
    if aside and main[0].stage == "correction":
        at = rows["correction"] - 1
    return bool(main) and rows[step.stage] >= at and not any(v.stage == step.stage for v in main) and not (
        aside and main[0].stage != "correction")


def _budget(sight: Sight, steps: list[Step]) -> str:
    """What the policy gives for a step that is still to come."""
    longest = (0, "")
    for s in steps:
        row = sight.procedure[s.stage]
        term = row.clock or row.seat_clock
        n = getattr(sight.context.policy, term.field, 0) if term and isinstance(term.field, str) else 0
        if term and isinstance(n, int) and n > longest[0]:
            longest = (n, unit_words(term.unit))
    return f"{longest[0]}{longest[1]}" if longest[0] else ""


def _loops(sight: Sight, index: dict[str, int]) -> list[Loop]:
    counts: Counter[tuple[int, int, str]] = Counter()
    for p in sight.case.past:
        if p.outcome == "returned" and p.to:
            first, last = index.get(p.to, 1), index.get(p.stage, 0)
            said = sight.words.returned.get(p.to, f"退回到{sight.stage(p.to)}")
            if p.to in sight.words.own_side and sight.procedure[p.to].aside:
                first = 1                   # a correction goes back to whoever filled it in
            if first == last and first > 1:
                first -= 1
            if 0 < first < last:
                counts[(first, last, said)] += p.times
    return [Loop(a, b, f"{said}{n}次", "#timeline") for (a, b, said), n in counts.items()]


# -- the strip and the card ------------------------------------------------------------------------------------------


def now_visit(sight: Sight) -> Visit | None:
    return sight.case.open[0] if sight.case.open else None


def waiting(visit: Visit) -> list[Any]:
    return [(s.holder, s.claimed_by) for s in visit.seats if s.open]


def strip(sight: Sight, steps: list[Dot], found: Ways, card: Card) -> list[Cell]:
    case, visit = sight.case, now_visit(sight)
    reached = [n for n, s in enumerate(steps, 1) if s.state == "done"]
    at = next((n for n, s in enumerate(steps, 1) if s.state in ("now", "stop")), reached[-1] if reached else len(steps))
    if case.ended:
        on = case.ended_at
        return [Cell("到了哪一步", words.end_words(case.kind, case.ended), f"第{at}步，共{len(steps)}步"),
                Cell("谁在办", "没有人在办", "案件已经结束"), Cell("到什么时候", day_words(on.date()) if on else "",
                                                     "结束的日子"),
                Cell("您现在能做什么", f"看{card.buttons[0].words}" if card.buttons else "看办理经过", "",
                     card.buttons[0].url if card.buttons else "#timeline")]
    assert visit
    clock = of_visit(visit)
    who = sight.holders(waiting(visit), visit.stage)
    name, _, post = who.rstrip("）").partition("（") if who.endswith("）") and "、" not in who else (who, "", "")
    if name == "系统" and not post:
        post = waits_for(sight, visit)
    chip = chip_of(clock, sight.context) if clock else None
    end = end_of_clock(clock, sight.context) if clock else None
    waits = unserved_words(sight, visit, case)
    stage = "、".join(dict.fromkeys(sight.stage(v.stage) for v in case.open))
    first = found.main[0] if found.main else None
    if first and first.verb in ("yes", "no", "abstain"):
        can = Cell("您现在能做什么", "投票", "表决结束前可以改", "#act")
    else:
        says, more = (first.words, f"之后：{first.then}" * bool(first.then)) if first else (
            f"现在不用办，等{name}办理" if name != "系统" else f"现在不用办，{waits_for(sight, visit)}",
            f"另有{len(found.others)}种办法" if found.others else "")
        can = Cell("您现在能做什么", says, more, "#act")
    return [Cell("到了哪一步", "已暂停" if case.suspended else stage,
                 f"{stage}，" * case.suspended + f"第{at}步，共{len(steps)}步"),
            Cell("谁在办", name, post),
            Cell("到什么时候", term_end(end, short=end.year == sight.page.now.year) if end else
                 "已暂停" if clock else "对方打开后起算" if waits else "没有期限",
                 chip.words if chip else waits.replace("，对方打开后起算", ""),
                 f"/cases/{quote(case.id)}/clocks/{visit.no}" if clock else ""), can]


def waits_for(sight: Sight, visit: Visit) -> str:
    """Why nobody has to act: what the system owes, another case, or a limit."""
    owed = sight.procedure.owed(sight.case, visit, sight.context.policy)
    if any(d.told for d in owed):
        return "等所属批次往下走"
    if owed:
        return "系统正在办"
    if sight.case.kind == "star_batch" and visit.stage == "review":
        return "等各校申报办完"
    return "到期后往下走" if visit.clocks else "条件齐了就往下走"


def why_here(sight: Sight, visit: Visit, rows: Sequence[dict[str, Any]], texts: Mapping[str, str]) -> str:
    """One sentence: what happened just before; of a return the whole opinion."""
    past = next((p for p in reversed(sight.case.past) if p.stage and p.outcome not in ("moot", "skipped")), None)
    if past is None or sight.stage(past.stage) == sight.stage(visit.stage):
        return ""
    if past.outcome == "returned":
        told = [r["event"] for r in visible(rows, sight.side, sight.page.me, sight.case)]
        if said := next((e.opinion for e in reversed(told)
                         if isinstance(e, SeatActed) and e.verb == "return" and e.visit == past.no), ""):
            return f"{sight.stage(past.stage)}退回：{texts.get(said, '')}"
    if past.acts and (sight.inside or sight.own(past.stage)) and past.stage not in BLIND:
        act = past.acts[-1][1]
        who = sight.person(act.by, stage=past.stage)
        return f"{who.name}（{who.post}）{words.done_words(sight.procedure, act.verb, past.stage, to=past.to)}。"
    said = {"passed": "已通过", "refused": "未通过", "returned": "退回", "lapsed": "逾期",
            "taken_back": "已取回"}.get(past.outcome, "")
    return f"{sight.stage(past.stage)}{said}，转到这里。" if said else ""


async def card_of(sight: Sight, found: Ways, rows: Sequence[dict[str, Any]], texts: Mapping[str, str]) -> Card:
    """Mine, someone else's, to claim, or ended."""
    page, case, visit = sight.page, sight.case, now_visit(sight)
    base = f"/cases/{quote(case.id)}"
    others = [Button(w.words, w.url(case.id), then=w.then) for w in found.others]
    if case.ended:
        return Card("ended", f"案件已结束：{words.end_words(case.kind, case.ended)}", why=ended_why(sight),
                    buttons=papers(sight), cannot=list(found.cannot))
    assert visit
    stages = {w.stage for w in found.main if w.stage} or {visit.stage}
    at = next((v for v in case.open if v.stage in stages), visit)
    clock = of_visit(at)
    chip = chip_of(clock, sight.context, f"{base}/clocks/{at.no}") if clock else None
    if found.main and found.main[0].verb == "claim":
        return Card("claim", f"本岗待认领：{sight.stage(at.stage)}", chip, "认领后由您办理，别人不能再认领。",
                    action=found.main[0].url(case.id).partition("?")[0], direct="认领并办理", others=others,
                    hidden={"csrf": page.csrf, "command": page.new_command(), "saw": str(sight.reading.version),
                            "visit": str(found.main[0].visit), "seat": found.main[0].seat}, cannot=list(found.cannot))
    if own := _own_pages(sight, found):
        rest = [Button(w.words, w.url(case.id), then=w.then) for w in found.main if not w.page(case.id)[0]]
        return Card("mine", f"现在由您办理：{sight.task(at.stage)}", chip, why_here(sight, at, rows, texts), buttons=own,
                    reads=reads_first(sight, at), others=[*rest, *others], cannot=list(found.cannot))
    if found.main:
        body, when = await drafts.find(page.pool, page.me, case.id, drafts.CARD)
        chosen = (body.get("way") or [""])[0]
        shown = [Way(**{**w.__dict__, "chosen": w.key == chosen if found.find(chosen) else w.chosen}) for w in found.main]
        only_records = all(w.verb == "record" for w in found.main)
        title = "您可以办：" + "、".join(w.words for w in shown[:3]) if only_records else \
            f"现在由您办理：{sight.task(at.stage)}"
        needs_words = any(not w.asks and w.hears for w in found.main)
        why = why_here(sight, at, rows, texts)
        keys = {w.seat for w in found.main if w.form is DemandRecusal}
        if asked := next((p for p in case.proposed if str(p.no) in keys), None):
            title, chip = ("您可以撤回：回避申请" if asked.by == page.me else "现在由您决定：回避申请"), None
            chip = chip_of(asked.clock, sight.context) if asked.clock else None
            who = page.directory.names.get(asked.form.person, "")
            why = f"{sight.person(asked.by, asked.post).name}申请{who}回避。理由：{texts.get(asked.form.reason, '')}"
        opinion = Opinion((body.get("opinion") or [""])[0], when, words.PHRASES, sight.inside and case.kind == "star")
        attached = await attachments_of(page, case.id, body) if any(w.attaches for w in shown) else None
        return Card("mine", title, chip, why, shown, opinion if needs_words else None,
                    attached if needs_words else None, f"/files{base}/acts", f"{base}/drafts/{drafts.CARD}", 
                    {"csrf": page.csrf, "command": page.new_command(), "saw": str(sight.reading.version)}, others=others,
                    reads=reads_first(sight, at),
                    cannot=list(found.cannot))
    who = sight.holders(waiting(visit), visit.stage)
    verb = "由系统办理" if who == "系统" else "由别人办理"
    why = waits_for(sight, visit) + "。" if who == "系统" else f"{who}，{_since(sight, visit)}收到。"
    return Card("other", f"{'案件暂停中' if case.suspended else '现在' + verb}：{sight.stage(visit.stage)}", chip, why,
                others=others, cannot=list(found.cannot))


READ_FIRST = ("co_sign", "completeness", "eligibility", "appointment", "proposal", "refusal", "letter")


def reads_first(sight: Sight, visit: Visit) -> Button | None:
    """The dossier, for whoever decides on it."""
    if sight.case.kind != "star" or visit.stage not in READ_FIRST:
        return None
    f = sight.case.facts
    files = sum(len(v) for v in f.files.values())
    return Button(f"申报材料{len(f.answered)}项，佐证{files}份", f"/cases/{quote(sight.case.id)}/dossier")


def ended_why(sight: Sight) -> str:
    """Why it ended so, as far as it is told."""
    case = sight.case
    on = f"{day_words(case.ended_at.date())}结束。" if case.ended_at else ""
    if case.kind != "star":
        return on
    f = case.facts
    if f.conferred:
        return f"{on}证书编号{f.conferred.certificate}，有效期到{day_words(f.conferred.until)}。"
    return f"{on}原因：{words.reason_of(f.letter)}。理由和不服时的办法写在告知书里。" if f.letter else on


def _own_pages(sight: Sight, found: Ways) -> list[Button]:
    """What is filled in on a page of its own: one button each, the first is the act."""
    filled_in_first = sorted(found.main, key=lambda w: w.verb != "record")
    pages = dict.fromkeys(w.page(sight.case.id) for w in filled_in_first if w.page(sight.case.id)[0])
    return [Button(said, url, n == 0) for n, (url, said) in enumerate(pages)]


def _since(sight: Sight, visit: Visit) -> str:
    at = visit.opened_at.astimezone(sight.page.now.tzinfo)
    return f"{day_words(at.date(), at.year == sight.page.now.year)}"


# -- 案件要点 --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    words: str
    says: str
    url: str = ""


def facts_of(sight: Sight, texts: dict[str, str], rows: list[dict[str, Any]]) -> list[Fact]:
    """The few facts that everybody asks for; each reader only their own."""
    case, policy = sight.case, sight.context.policy
    out = [Fact({"star": "申报学校", "star_batch": "项目"}.get(case.kind, "单位"), sight.school)]
    f = case.facts
    if case.kind == "star" and isinstance(policy, StarPolicy):
        base = f"/cases/{quote(case.id)}"
        if not sight.blind:
            opener = sight.person(case.opened_by, f"applicant@{case.subject}")
            out.append(Fact("经办", f"{opener.name}，{opener.post}"))
        if f.answered:
            total, full = sum(f.answered.values()), sum(x.full_cp for x in policy.leaves if x.by != {"office"})
            out.append(Fact("自评总分", f"{points(total)} / {points(full)}", f"{base}/dossier/check")
                       if not sight.blind else Fact("自评", "评完后可看"))
        files = sum(len(v) for v in f.files.values())
        if files:
            out.append(Fact("佐证", f"{files}份", f"{base}/files"))
        if f.checks and not sight.blind:
            bad = sum(not ok for _, ok, _ in f.checks)
            out.append(Fact("资格", f"{len(f.checks)}项均符合" if not bad else f"{bad}项不符合",
                            f"{base}/why?verb=eligibility"))
        if sight.inside:
            out.append(Fact("否决项", f"{len(f.vetoes)}项触发" if f.vetoes else f"{len(policy.vetoes)}项均未触发"))
            if f.total_cp:
                out.append(Fact("合计分", points(f.total_cp)))
        if f.conferred:
            out.append(Fact("证书", f"{f.conferred.certificate}，到{day_words(f.conferred.until)}"))
        if f.letter:
            out.append(Fact("不予认定", words.reason_of(f.letter)))
    elif case.kind == "star_batch":
        out += [Fact("申报", f"{day_words(f.first_day)}至{day_words(f.last_day)}")] if f.first_day and f.last_day else []
        out.append(Fact("申报件数", f"{len(case.children)}件", f"/cases?parent={quote(case.id)}"))
        if f.members:
            out.append(Fact("委员", f"{len(f.members)}人"))
    return out


def children_of(sight: Sight) -> list[dict[str, Any]]:
    return [] if sight.case.kind != "star_batch" else [
        {"words": said, "count": n} for said, n in Counter(
            CHILD.get(s.what, "办理中") if s.what != "ended" else words.end_words("star", s.by)
            for s in sight.case.children.values()).items()]


CHILD = {"working": "办理中", "paused": "已暂停", "proposed": "已拟定建议", "called": "表决中", "carried": "表决通过",
         "noticed": "公示中", "held": "暂缓",
         "free": "待签发", "signed": "已签发", "refused": "不予认定办理中"}


# -- routes ------------------------------------------------------------------------------------------------------


async def history(page: Page, no: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The whole log of a case, up to a bound, with its words, but for those that are noted when they are read (G-29)."""
    rows: list[dict[str, Any]] = []
    while len(rows) < HISTORY_MAX:
        more = await reads.history(page.pool, no, rows[-1]["version"] if rows else 0)
        rows += more
        if len(more) < 500:
            break
    return rows, await reads.texts(page.pool, reads.references_in(
        [r["event"] for r in rows if not isinstance(r["event"], SeatGone)]))


@router.get("/cases/{no}")
async def case_page(no: str, page: Reader) -> HTMLResponse:
    """Act first: strip, picture, card; then what happened; beside it how the limit is counted."""
    sight = await sight_of(page, no)
    rows, texts = await history(page, no)
    gone = visible([r for r in rows if isinstance(r["event"], SeatGone)], sight.side, page.me, sight.case)
    texts |= await told_words(sight.reading, gone, page.pool)
    found = ways(sight)
    steps, loops = dots(sight)
    card = await card_of(sight, found, rows, texts)
    visit = now_visit(sight)
    clock = of_visit(visit) if visit else None
    items = timeline(rows, texts, sight)
    if visit and not sight.case.ended:
        items = [*(_now_items(sight)), *items]
    batch = await reads.states(page.pool, [sight.case.parent]) if sight.case.parent else {}
    return page.html("case.html", sight=sight, cells=strip(sight, steps, found, card), steps=steps, loops=loops, card=card,
                     items=items, ledger=_short(ledger(clock, sight.context)) if clock else None, visit=visit,
                     facts=facts_of(sight, texts, rows), batch=next((b.facts.title for b in batch.values()), ""),
                     children=children_of(sight), public=public_state(sight), papers=papers(sight),
                     label=f"办理进度，共{len(steps)}步")


def _now_items(sight: Sight) -> list[Item]:
    out = []
    for v in sight.case.open:
        holders = waiting(v)
        people = [sight.holder(h, v.stage, c) for h, c in holders[:3]] if holders and not (
            not sight.inside and not sight.own(v.stage)) else []
        out.append(Item(sight.stage(v.stage), "now", people, v.opened_at,
                        meta=[Meta("到手")] if people else [Meta(waits_for(sight, v))] if not holders else []))
    return out


def _short(g: Ledger) -> Ledger:
    """Beside the case at most five weeks, those up to the end; the whole is one touch away."""
    return g if len(g.days) <= 35 else Ledger(g.budget, g.start, g.end, g.paused, g.provisional, g.counts, g.days[-35:],
                                              g.lines)


def public_state(sight: Sight) -> str:
    """What the school reads while the bureau works."""
    if not sight.inside or sight.case.kind != "star" or sight.case.ended:
        return ""
    return "、".join(dict.fromkeys(words.stage_words(sight.procedure, v.stage, public=True) for v in sight.case.open))


def papers(sight: Sight) -> list[Button]:
    made = getattr(sight.case.facts, "papers", {}) if sight.case.kind == "star" else {}
    names = {"certificate": "证书", "letter": "告知书"}
    return [Button(names.get(kind, "文书"), f"/cases/{quote(sight.case.id)}/files/{digest}") for kind,
            digest in made.items()]


@router.get("/cases/{no}/clocks/{visit}")
async def clock_page(no: str, visit: int, page: Reader, seat: str = "") -> HTMLResponse:
    """怎么算的, of a running visit or of the last one of its number."""
    sight = await sight_of(page, no)
    at = sight.case.visit(visit)
    past = next((p for p in reversed(sight.case.past) if p.no == visit and p.clock), None)
    clock: Clock | None = of_visit(at, seat) if at else past.clock if past else None
    if clock is None:
        raise PageProblem(404, "这一环节没有时限。请回到案件页看别的环节。")
    stage = at.stage if at else past.stage if past else ""
    return page.html("clock_page.html", sight=sight, stage=sight.stage(stage),
                     ledger=ledger(clock, sight.context), chip=chip_of(clock, sight.context), document=document(sight))


def document(sight: Sight) -> str:
    policy = sight.context.policy
    return f"{words.full(policy.title)}（{policy.document}）" if isinstance(policy, StarPolicy) else ""


@router.get("/cases/{no}/why")
async def why_page(no: str, page: Reader, verb: str = "", visit: int = 0, seat: str = "") -> HTMLResponse:
    """Why not: the sentence, the clause of the document, the facts it met."""
    sight = await sight_of(page, no)
    body = await reads.policy_body(page.pool, sight.case.policy)
    clauses = {c["parameter"]: c for c in body.get("clauses", ())}
    if verb == "eligibility" and sight.case.kind == "star" and not sight.blind:
        return page.html("why.html", sight=sight, title="资格核对", sentence="系统按登记册逐条核对，结果如下。",
                         rows=eligibility(sight), clause=_clause(clauses.get("eligibility")), document=document(sight))
    at = sight.case.visit(visit)
    refusal = why_not(sight.procedure, sight.case, verb, sight.context, visit, seat) if verb else None
    title = words.verb_words(sight.procedure, verb, at.stage if at else "") if verb else "此刻不能做的事"
    if refusal is None:
        rows = [] if verb else [{"words": c.what, "ok": False, "says": c.sentence} for c in ways(sight).cannot]
        says = "现在可以办。请回到案件页办理。" if verb else "下面每一件都写明原因。" if rows else "现在没有被挡住的事。"
        return page.html("why.html", sight=sight, title=title, rows=rows, sentence=says, clause=None,
                         document=document(sight))
    clause = clauses.get(words.name_of_rule(refusal.rule))
    return page.html("why.html", sight=sight, title=f"为什么不能：{title}", sentence=explained(sight, refusal), rows=[],
                     clause=_clause(clause), document=document(sight))


def _clause(clause: Any) -> dict[str, str] | None:
    return {"article": clause["clause"], "text": words.full(clause["text"])} if clause else None


def eligibility(sight: Sight) -> list[dict[str, Any]]:
    """The checks of R-19 with what each of them met."""
    return [{"words": words.ELIGIBILITY.get(code, "其他条件"), "ok": ok,
             "says": "符合" if ok else f"不符合。{words.CONDITION_HELP.get(code, '请核对后再报。')}"}
            for code, ok, _ in sight.case.facts.checks]
