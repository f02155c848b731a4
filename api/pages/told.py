"""办理经过. The log of a case as a reader may hear it: each act one line, with the person's post and what was said."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from api.routes import visible
from domain.kernel import events as k
from domain.kernel.acts import DemandRecusal
from domain.kernel.words import HELD_FOR
from domain.recognition import batch as b
from domain.recognition import facts as f

from . import words
from .clocks import of_visit, unit_words
from .directory import SYSTEM, Shown
from .render import day_words, points
from .sight import Sight


@dataclass(frozen=True)
class Meta:
    words: str
    url: str = ""


@dataclass
class Item:
    """One line of the timeline. `mark`: ok back bad pause now, or none."""
    words: str
    mark: str = ""
    people: list[Shown] = field(default_factory=list)
    at: datetime | None = None
    say: list[str] = field(default_factory=list)
    meta: list[Meta] = field(default_factory=list)
    entered: datetime | None = None
    stage: str = ""
    id: str = ""
    leaves: int = 0


ROSTERS = {"experts": "专家", "third": "第三位专家", "panel": "考察组", "committee": "委员"}
SILENT = (k.CaseOpened, k.StageOpened, k.StageSkipped, k.SeatOpened, k.ClockArmed, k.ClockPaused, k.ClockResumed, k.DutyDone,
          k.ChildStands, f.Declared, f.DocumentHeard, f.CalledToVote)
RECUSED = {"declared": "申请回避，不再办理本案", "demanded": "经决定，被申请人回避", "found": "查到利害关系，已回避"}
GONE = {"recused": "回避，席位收回", "declined": "申请回避", "ran_out": "逾期未办，席位收回", "vacated": "席位收回"}

FACTS: dict[type, tuple[str, str]] = {
    f.Applied: ("开始申报", "ok"), f.Described: ("填写特色项目", "ok"), f.LeafAnswered: ("填写观测点", "ok"),
    f.EligibilityComputed: ("系统核对资格", "ok"), f.EligibilityCorrected: ("登记更正，系统重新核对资格", "ok"),
    f.OfficeScored: ("按登记册计分", "ok"),
    f.SheetSigned: ("评分表已封存", "ok"),
    f.VisitFixed: ("考察日已定", "ok"), f.SchoolNotified: ("考察通知已送达学校", "ok"), f.Visited: ("已考察", "ok"),
    f.SiteScored: ("考察评分已署名", "ok"), f.FactsDisputed: ("学校提交核对意见", "ok"),
    f.PointsAnswered: ("已逐条答复", "ok"),
    f.MendingReported: ("已交改进报告", "ok"), f.LeavesRescored: ("改进后复评", "ok"),
    f.ResultProposed: ("已拟定建议", "ok"),
    f.NoticeHeard: ("已公示", "ok"), f.BelowQuotaHeard: ("名额线以下", "bad"),
    f.HeldHeard: ("签发时受阻，另行签发", "pause"),
    f.VetoesHeard: ("一票否决的登记有变", "bad"), f.TitleConferred: ("已认定，登记入册", "ok"),
    f.PaperRendered: ("文书已制成", "ok"),
    f.LetterSigned: ("不予认定告知书已签", "ok"), f.PeopleTold: ("已送达学校", "ok"),
    b.WindowSet: ("开批次", "ok"), b.WindowExtended: ("延长申报", "ok"), b.CallPublished: ("开批通知已发布", "ok"),
    b.WentOn: ("提前排序", "ok"), b.Ranked: ("已排序", "ok"), b.MeetingConvened: ("会议已召集", "ok"),
    b.PapersSent: ("材料已送达委员", "ok"), b.MeetingOpened: ("会议开始", "ok"), b.MemberSignedIn: ("签到", "ok"),
    b.MemberLeft: ("离会", ""), b.MinutesSigned: ("会议纪要已签", "ok"), b.PlacesCut: ("并列者分位", "ok"),
    b.NoticeUp: ("公示已发布", "ok"), b.DocumentSignedOff: ("已签发", "ok"), b.Numbered: ("文号已编", "ok"),
    b.DocumentRendered: ("文件已制成", "ok"),
}
"""Fact of a family → what is said, and its mark. What is not here is said by its docstring."""


def stages_of(rows: Iterable[dict[str, Any]]) -> dict[int, str]:
    return {r["event"].visit: r["event"].stage for r in rows if isinstance(r["event"], k.StageOpened)}


def rounds_of(rows: Iterable[dict[str, Any]]) -> list[int]:
    """Versions at which the applicant handed in: one a round."""
    rows = list(rows)
    stages = stages_of(rows)
    return [r["version"] for r in rows if isinstance(r["event"], k.SeatActed) and r["event"].verb == "agree"
            and stages.get(r["event"].visit) in ("dossier", "correction")]


def timeline(rows: Sequence[dict[str, Any]], texts: dict[str, str], sight: Sight) -> list[Item]:
    """Newest first; the acts of one command are one line, a run of answered leaves is one line."""
    stages, groups = stages_of(rows), dict[str, list[dict[str, Any]]]()
    rows = [{**r, "answer": _answered(r, rows, sight)} if isinstance(r["event"], k.ProposalClosed) else r for r in rows]
    again = {version: n for n, version in enumerate(rounds_of(rows), 1) if n > 1}
    for row in visible(rows, "bureau" if sight.inside else sight.side, sight.page.me, sight.case):
        groups.setdefault(row["command"], []).append(row)
    items: list[Item] = []
    for group in groups.values():
        shown = _items(group, stages, texts, sight)
        for n in (again[r["version"]] for r in group if r["version"] in again and not sight.blind):
            shown[0].meta += [Meta(f"第{n}轮"), Meta("看改动", f"/cases/{quote(sight.case.id)}/rounds/{n - 1}..{n}")]
        for item in shown:
            last = items[-1] if items else None
            if item.leaves and last and last.leaves and last.people == item.people:
                last.leaves += 1
                last.words, last.at = f"填写观测点{last.leaves}次", item.at
                continue
            items.append(item)
    items.reverse()
    seen: set[str] = set()
    for item in items:
        if item.stage and item.stage not in seen:
            seen.add(item.stage)
            item.id = f"st-{item.stage}"
    return items


def _items(group: list[dict[str, Any]], stages: dict[int, str], texts: dict[str, str], sight: Sight) -> list[Item]:
    """The lines of one command: a person's act first, with the facts that it carried as its details."""
    acted = next((r for r in group if isinstance(r["event"], k.SeatActed)), None)
    closed = next((r["event"] for r in group if isinstance(r["event"], k.StageClosed)), None)
    undone = any(isinstance(r["event"], k.LimitUndone) for r in group)
    out: list[Item] = []
    if acted:
        out.append(_acted(acted, closed, stages, texts, sight))
    for row in group:
        event = row["event"]
        if row is acted or isinstance(event, SILENT):
            continue
        if isinstance(event, k.StageClosed) and undone:
            said = None                         # the fact that undid the limit says it (C-35)
        elif isinstance(event, k.StageClosed):
            said = {"taken_back": ("已取回", "back"), "lapsed": ("逾期失效", "bad"),
                    "no_quorum": ("人数不够，重新召集", "back")}.get(event.outcome)
        elif isinstance(event, k.ProposalClosed):
            said = row["answer"]
        else:
            said = say(event, sight, stages)
        if said is None:
            continue
        item = _line(row, *said, stages, texts, sight)
        if acted and row["actor"] == acted["actor"] and type(event) in FACTS:
            out[0].meta += [m for m in item.meta if m.words] or [Meta(item.words)]
            out[0].say += item.say
        else:
            out.append(item)
    return out


def _answered(row: dict[str, Any], rows: Sequence[dict[str, Any]], sight: Sight) -> tuple[str, str] | None:
    """What became of a demand that somebody withdraws (G-19); the bureau reads of the recusal itself."""
    asked = next((r for r in rows if r["version"] == row["event"].no), None)
    if asked is None or not isinstance(asked["event"].form, DemandRecusal):
        return None
    if any(r["command"] == row["command"] and isinstance(r["event"], k.Recused) for r in rows):
        return None if sight.inside else ("准予回避", "ok")
    return ("撤回回避申请", "back") if row["actor"] == asked["actor"] else ("不准回避", "bad")


def _acted(row: dict[str, Any], closed: Any, stages: dict[int, str], texts: dict[str, str], sight: Sight) -> Item:
    event = row["event"]
    stage = stages.get(event.visit, "")
    to = "" if event.verb != "return" else closed.to if closed else next(
        (p.to for p in sight.case.past if p.no == event.visit and p.outcome == "returned"), "")
    mark = {"refuse": "bad", "return": "back"}.get(event.verb, "ok")
    voted = "已投票" if event.verb in ("voted", "yes", "no", "abstain") else ""
    item = _line(row, voted or words.verb_words(sight.procedure, event.verb, stage, to=to), mark, stages, texts, sight)
    item.stage = stage
    return item


def _line(row: dict[str, Any], said: str, mark: str, stages: dict[int, str], texts: dict[str, str], sight: Sight) -> Item:
    event = row["event"]
    stage = stages.get(getattr(event, "visit", 0), "")
    late = row["entered_at"] if row["at"] < row["entered_at"] and row["actor"] not in SYSTEM else None       # C-35
    item = Item(said, mark, [sight.person(row["actor"], row["post"], row["behind"], stage)], row["at"], entered=late,
                stage=stage if isinstance(event, (k.SeatActed, k.ClockRanOut)) else "")
    item.say = [texts[t] for t in _words_in(event) if t in texts]
    item.meta = [Meta(m) for m in details(event, sight)]
    if isinstance(event, (k.SeatActed, k.EnteredLate)) and event.files:
        one = f"/{event.files[0]}" if len(event.files) == 1 else ""
        item.meta.append(Meta(f"附件{len(event.files)}份", f"/cases/{quote(sight.case.id)}/files{one}"))
    if isinstance(event, f.SheetSigned):
        item.say = [f"{leaf}：{texts[t]}" for leaf, t in event.notes if t in texts]
    item.leaves = int(isinstance(event, f.LeafAnswered))
    if item.leaves:
        item.say, item.meta = [], []
    return item


def _words_in(event: Any) -> list[str]:
    """References to the free text of an event, in its order."""
    from store.reads import references_in
    return references_in([event])


def _unit(visit: int, sight: Sight) -> str:
    """Of what a clock is made that was asked to run longer."""
    at = sight.case.visit(visit)
    clock = of_visit(at) if at else next((p.clock for p in reversed(sight.case.past) if p.no == visit), None)
    return unit_words(clock.unit) if clock else ""


def say(event: Any, sight: Sight, stages: dict[int, str]) -> tuple[str, str] | None:
    """What one event is called, and its mark; None = not told."""
    stage = sight.stage(stages[event.visit]) if getattr(event, "visit", 0) in stages else ""
    match event:
        case k.SeatClaimed(by=by):
            return ("认领", "ok") if by else ("退还本岗", "back")
        case k.SeatGone(why=why):
            return (GONE[why], "back") if why in GONE else None
        case k.Recused(why=why):
            return RECUSED[why], "back"
        case k.ActTakenBack():
            return "已取回", "back"
        case k.ClockRanOut(visit=0):
            return "回避申请到期还没有决定，上级也可以决定", "back"
        case k.ClockRanOut(key=key):
            return None if key == "begins" else (f"{stage}期限届满", "back")
        case k.LimitUndone():
            return f"{stage}在期限内已办（补录），到期的处理撤销", "ok"
        case k.DueDaysMoved(moved=moved):
            return (f"日历改版，{len(moved)}个到期日改定", "") if moved else None
        case k.RungTaken(key=key):
            return ("提醒：会签的天数已过，请校长会签", "") if key.startswith("co_sign/") else None
        case k.ReminderDue(workdays=n):
            return (f"提醒：{stage}今天到期" if not n else f"提醒：{stage}还剩{n}个工作日到期"), ""
        case k.ExtensionAsked(more=n):
            return f"申请延期{n}{_unit(event.visit, sight)}", "ok"
        case k.ExtensionAnswered(more=n):
            return (f"准予延期{n}{_unit(event.visit, sight)}", "ok") if n else ("不准延期", "bad")
        case k.Served(presumed=presumed):
            return ("到期未打开，推定已送达" if presumed else "已打开，送达"), "ok"
        case k.CaseSuspended():
            return "暂停计时", "pause"
        case k.CaseResumed():
            return "恢复计时", "ok"
        case k.DutyFailed():
            return "系统没有办成，转经办股室", "bad"
        case k.DutyRetried():
            return "重新办理", "ok"
        case k.FactProposed(form=DemandRecusal()):
            return "申请回避，等决定", "ok"
        case k.FactProposed(form=form):
            return ("提出终止，等另一人确认" if form is None else f"{words.form_words(type(form))}，等另一人确认"), "ok"
        case k.RosterDrawn(roster=name, members=members):
            return f"{ROSTERS.get(name, '名单')}已定，{len(members)}人", "ok"
        case k.RosterLeft(roster=name, people=people):
            return f"{len(people)}位{ROSTERS.get(name, '')}手头件数已满，由候补接替", "back"
        case k.BallotClosed():
            return "表决结束", "ok" if event.result == "passed" else "bad"
        case k.CaseEnded(how=how):
            return f"案件结束：{words.end_words(sight.case.kind, how)}", "ok" if how in sight.words.good_ends else "bad"
    if type(event) in FACTS:
        return FACTS[type(event)]
    doc = words.first_sentence(type(event).__doc__)
    return (doc, "ok") if doc else None


def details(event: Any, sight: Sight) -> list[str]:
    """Figures that belong to one event, in words."""
    match event:
        case k.FactProposed(form=DemandRecusal(person=who)) | k.Recused(person=who, why="demanded"):
            return [f"请{sight.page.directory.names.get(who, '')}回避"]
        case k.CaseSuspended(why=why) if why in HELD_FOR:
            return [HELD_FOR[why]]
        case f.SheetSigned(total_cp=cp):
            return [f"{points(cp)}分"]
        case f.ResultProposed() if sight.inside:
            return [f"合计{points(event.total_cp)}分", words.DEPARTS.get(event.departs, "") if event.departs else
                    words.SUGGESTIONS.get(event.result, "")]
        case f.EligibilityComputed(checks=checks) | f.EligibilityCorrected(checks=checks):
            bad = [words.ELIGIBILITY.get(c, "其他条件") for c, ok, _ in checks if not ok]
            return [f"资格{len(checks)}项，{'均符合' if not bad else '不符合：' + '、'.join(bad)}"]
        case k.BallotClosed():
            return [f"同意{event.yes}票，不同意{event.no}票，弃权{event.abstain}票，回避{event.recused}人"]
        case f.VisitFixed(day=day) | f.SchoolNotified(day=day):
            return [f"考察日{day_words(day)}"]
        case f.TitleConferred():
            return [event.certificate, f"有效期到{day_words(event.until)}"]
        case b.WindowSet():
            return [f"申报{day_words(event.first_day)}至{day_words(event.last_day)}"]
        case b.WindowExtended(last_day=day):
            return [f"延到{day_words(day)}"]
        case b.MeetingConvened():
            return [f"{day_words(event.day)}，委员{len(event.members)}人"]
        case b.Ranked():
            return [f"上会{len(event.order)}件，线下{len(event.below)}件"]
        case b.Numbered(number=number):
            return [number]
    return []
