"""怎么办. What somebody may do with a case now, what each way leads to, and what cannot be done, with the reason.

What follows is never written by hand where the act itself can say it: the act is decided on a copy, and the plan read.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from domain.kernel.acts import OFFICE_VERBS, Act, AllowLate, DemandRecusal
from domain.kernel.case import Case, Visit
from domain.kernel.decide import decide
from domain.kernel.events import ClockPaused, Entry
from domain.kernel.may import as_whom, beside, ending, unheld
from domain.kernel.plan import Offer, offers
from domain.kernel.refusal import Refusal
from domain.kernel.seats import SCORE
from domain.kernel.stages import End, Procedure
from domain.kernel.values import Text
from domain.kernel.words import sentence
from domain.recognition.conditions import told_by_name

from . import clocks, words
from .render import day_words, term_end
from .sight import Sight

OWN_PAGES = {
    "star.declare.v1": ("/cases/{}/dossier/check", "检查并提交"), "star.describe.v1": ("/cases/{}/dossier", "填写申报材料"),
    "star.answer_leaf.v1": ("/cases/{}/dossier", "填写申报材料"), "star.sheet.v1": ("/reviews/{}", "评分"),
    "star.site_sheet.v1": ("/cases/{}/panel", "考察评分"), "star.propose.v1": ("/cases/{}/proposal", "拟定建议"),
    "yes": ("/votes/{}", "投票"), "no": ("/votes/{}", "投票"), "abstain": ("/votes/{}", "投票"),
    "agree@draw": ("/reviews/{}", "接受或回避"),
}
"""A form's tag, a verb, or verb@stage → the page of its own, and what its button says. The next families add theirs."""
MAIN = ("agree", "refuse", "return", "yes", "no", "abstain", "claim", "close", "record", "second", "drop")
OPINION_ASKED = ("refuse", "return", "decline", "ask", "suspend", "end")
PLACEHOLDER = Text("…")
QUIET = ("wrong_post", "task_closed", "unknown_command", "stage_over")


@dataclass(frozen=True)
class Way:
    """One way to act. `key` is its value in a form."""
    verb: str
    visit: int = 0
    seat: str = ""
    form: type | None = None
    to: str = ""
    duty: str = ""
    words: str = ""
    then: str = ""
    stage: str = ""
    chosen: bool = False
    missed: bool = False                    # the seat's own limit is over: only for what was done within it (C-35)

    @property
    def form_name(self) -> str:
        return self.form.tag.split(".")[1] if self.form and hasattr(self.form, "tag") else ""

    @property
    def key(self) -> str:
        return "|".join((self.verb, str(self.visit), self.seat, self.form_name, self.to, self.duty))

    def page(self, case: str) -> tuple[str, str]:
        """Address and button of the page of its own; empty where there is none."""
        keys = (getattr(self.form, "tag", ""), f"{self.verb}@{self.stage}", self.verb)
        url, said = next((OWN_PAGES[k] for k in keys if k in OWN_PAGES), ("", ""))
        return url.format(quote(case)), said

    @property
    def asks(self) -> bool:
        """Whether it needs more than an opinion: a form with fields, a person, a number."""
        return bool(self.form and self.verb in ("agree", "record") and fields(self.form)) or self.late or \
            self.verb in ("ask", "extend", "assign", "suspend")

    @property
    def late(self) -> bool:
        """Whether it may be entered after it happened (C-32)."""
        return self.verb in ("agree", "record") and getattr(self.form, "late", False)

    @property
    def attaches(self) -> bool:
        """Whether files may go with the opinion: an act of a seat whose form takes none itself (A-14)."""
        return (self.verb in ("agree", "refuse", "return") or self.late) and not (
            self.form and self.verb == "agree" and any(f.name in ("files", "file") for f in fields(self.form)))

    @property
    def hears(self) -> bool:
        """Whether an opinion is kept with the act."""
        return self.late or self.verb not in ("record", "second", "drop", "close", "claim", "release", "take_back", "assign",
                                              "again", "resume")

    @property
    def needs_opinion(self) -> bool:
        return self.verb in OPINION_ASKED

    @property
    def grave(self) -> bool:
        return self.verb in ("refuse", "no", "withdraw", "end")

    def url(self, case: str, path: str = "") -> str:
        asked = {k: v for k, v in (("visit", self.visit), ("seat", self.seat), ("form", self.form_name), ("to", self.to),
                                   ("duty", self.duty)) if v}
        return f"/cases/{quote(case)}/acts/{self.verb}{path}" + (f"?{urlencode(asked)}" if asked else "")


@dataclass(frozen=True)
class Cannot:
    what: str
    sentence: str
    url: str = ""


@dataclass(frozen=True)
class Ways:
    """What the act card shows."""
    main: tuple[Way, ...]
    others: tuple[Way, ...]
    cannot: tuple[Cannot, ...]

    def find(self, key: str) -> Way | None:
        return next((w for w in (*self.main, *self.others) if w.key == key), None)


def ways(sight: Sight) -> Ways:
    """All that the table offers this person now."""
    case, procedure, context = sight.case, sight.procedure, sight.context
    main, others, cannot = [], [], dict[str, Cannot]()
    for offer in offers(procedure, case, context):
        visit = case.visit(offer.visit)
        if offer.refusal:
            if line := _cannot(sight, offer, visit):
                cannot.setdefault(line.what, line)
            continue
        if offer.form is DemandRecusal and not told_by_name(case):
            continue                        # nobody to name yet (G-19)
        if offer.form is AllowLate and not any(_late_able(procedure, v) for v in case.open):
            continue                        # nothing here that could be entered late (C-34)
        for way in _expand(sight, offer, visit):
            if refusal := _refused_at_once(sight, way):
                if refusal.code in (*QUIET, "already_acted"):
                    continue
                said = words.verb_words(procedure, way.verb, visit.stage if visit else "", way.form)
                cannot.setdefault(said, Cannot(said, explained(sight, refusal)))
            else:
                (main if way.verb in MAIN and not (way.verb == "record" and not way.visit) else others).append(way)
    main.sort(key=lambda w: w.verb == "record")
    chosen = [_said(sight, w, i == 0) for i, w in enumerate(main)]
    return Ways(tuple(chosen), (*(_said(sight, w, False) for w in others), *_missed(sight)), tuple(cannot.values()))


def _missed(sight: Sight) -> list[Way]:
    """A seat that ran out: what was done in time may still be entered (C-35)."""
    out = []
    for v in sight.case.open:
        form = sight.procedure[v.stage].form
        said = words.verb_words(sight.procedure, "agree", v.stage, form)
        out += [Way("agree", v.no, s.key, form, words=f"补录：{said}", then="期限内已办、没有录入的，从这里录。",
                    stage=v.stage, missed=True)
                for s in v.seats if s.gone == "ran_out" and getattr(form, "late", False)
                and as_whom(s.holder, sight.context) is not None]
    return out


def _late_able(procedure: Procedure, visit: Visit) -> bool:
    stage = procedure[visit.stage]
    return any(getattr(form, "late", False) for form in (stage.form, *(r.form for r in stage.records)))


def _refused_at_once(sight: Sight, way: Way) -> Refusal | None:
    """A record that asks nothing can be tried beforehand: who has signed in is not asked to sign in."""
    if way.verb != "record" or not way.form or fields(way.form):
        return None
    got = decide(sight.procedure, sight.case, act_of(way, PLACEHOLDER, way.form()), sight.context)
    return got if isinstance(got, Refusal) else None


def _said(sight: Sight, way: Way, chosen: bool) -> Way:
    visit = sight.case.visit(way.visit)
    stage = visit.stage if visit else next((p.stage for p in sight.case.past if p.no == way.visit), "")
    said = words.verb_words(sight.procedure, way.verb, stage, way.form, way.to)
    if way.verb in ("vacate", "assign", "extend"):
        said = f"{said}：{_seat_words(sight, way)}"
    if way.form is DemandRecusal and way.verb in ("second", "drop"):
        asked = next(p for p in sight.case.proposed if str(p.no) == way.seat)
        who = sight.page.directory.names.get(asked.form.person, "")
        said = f"准予{who}回避" if way.verb == "second" else \
            "撤回这次申请" if asked.by == sight.page.me else f"不准，{who}接着办"
    return Way(way.verb, way.visit, way.seat, way.form, way.to, way.duty, said, consequence(sight, way), stage, chosen)


def _seat_words(sight: Sight, way: Way) -> str:
    visit = sight.case.visit(way.visit)
    seat = visit.seat(way.seat) if visit else None
    if visit is None:
        return ""
    who = f"，{sight.holder(seat.holder, visit.stage, seat.claimed_by).name}" if seat else ""
    return sight.stage(visit.stage) + who


def _expand(sight: Sight, offer: Offer, visit: Visit | None) -> list[Way]:
    """An offer of the office names no seat: one way for each place where it applies."""
    case, procedure, policy = sight.case, sight.procedure, sight.context.policy
    match offer.verb:
        case "return":
            return [Way("return", offer.visit, offer.seat, to=t) for t in offer.targets]
        case "close":
            return [Way("close", offer.visit, to=t) for t in ("", *offer.targets)]
        case "assign":
            return [Way("assign", v.no, s) for v in case.open
                    for s in (("",) if unheld(procedure, case, v, policy) else ()) +
                    tuple(s.key for s in v.seats if beside(procedure[v.stage], s))]
        case "vacate":
            return [Way("vacate", v.no, s.key) for v in case.open for s in v.seats if s.open and s.holder.kind == "person"]
        case "extend":
            return [Way("extend", v.no, c.key) for v in case.open for c in v.armed if c.key != "begins"]
        case "again":
            return [Way("again", v.no, duty=d) for v in case.open for d in v.stuck]
        case "ask" if visit and not (visit.clock(offer.seat) or visit.clock()):
            return []
    return [Way(offer.verb, offer.visit, offer.seat, offer.form)]


def _cannot(sight: Sight, offer: Offer, visit: Visit | None) -> Cannot | None:
    """The line of an act that one would expect here and that cannot be done; noise is left out."""
    refusal = offer.refusal
    assert refusal
    seat = visit.seat(offer.seat) if visit else None
    mine = bool(seat and as_whom(seat.holder, sight.context) is not None)
    if refusal.code in QUIET or (refusal.code == "wrong_stage" and (offer.verb in OFFICE_VERBS or offer.verb in ("record",
                                                                                                                 "ask"))):
        return None
    if refusal.code == "case_closed" or (seat and not mine) or offer.verb in ("claim", "release"):
        return None
    if refusal.code == "not_holder" and (offer.verb not in MAIN or not mine):
        return None
    if seat and seat.holder.pool and not seat.claimed_by:
        return None                         # after claiming it can be done
    if offer.verb == "take_back" and not _acted_last(sight, offer.visit):
        return None
    if offer.verb in ("suspend", "resume") and refusal.code in ("suspended", "wrong_stage"):
        return None
    stage = visit.stage if visit else ""
    what = words.verb_words(sight.procedure, offer.verb, stage, offer.form)
    place = {"verb": offer.verb, "visit": offer.visit, "seat": offer.seat}
    said = explained(sight, refusal)
    if offer.verb == "return" and refusal.code == "target_not_allowed":
        times = sum(p.times for p in sight.case.past if p.outcome == "returned" and p.stage == stage)
        said = f"已退回{times}次，按规则不能再退。请选择其他办法。" if times else said
    return Cannot(what, said, f"/cases/{quote(sight.case.id)}/why?{urlencode(place)}")


def _acted_last(sight: Sight, visit: int) -> bool:
    """Whether this person did what could be taken back."""
    past = next((p for p in reversed(sight.case.past) if p.no == visit), None)
    return bool(past and any(a.by == sight.page.me for _, a in past.acts))


def explained(sight: Sight, refusal: Refusal) -> str:
    """The sentence of a refusal, with codes of the table said in words."""
    detail = {k: _plain(sight, v) for k, v in refusal.detail.items()}
    return sentence(Refusal(refusal.code, refusal.rule, detail))


def _plain(sight: Sight, value: str) -> str:
    return "、".join(_plain_one(sight, part) for part in value.split("、"))


def _plain_one(sight: Sight, part: str) -> str:
    if part in sight.page.directory.names:
        shown = sight.person(part)
        return f"{shown.name}（{shown.post}）"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", part):
        return day_words(date.fromisoformat(part))
    if part.startswith("leaf."):
        return part.removeprefix("leaf.")
    known = {"description": "特色项目", "declaration": "真实性承诺", "experts": "专家名单", "panel": "考察组名单",
             "sheets": "评分表",
             "site": "考察评分", "visit": "考察", "vetoes": "一票否决登记", "proposal": "拟定建议", **words.ELIGIBILITY,
             **words.ACTIVITIES}
    return known.get(part, part if not part.isascii() or not part.isidentifier() else "相关内容")


# -- what follows ------------------------------------------------------------------------------------------------


def act_of(way: Way, opinion: str = "", form: Any = None, more: int = 0, to: str = "", saw: int | None = None,
           files: tuple[str, ...] = (), at: datetime | None = None) -> Act:
    return Act(way.verb, way.visit, way.seat, to or way.to, (), Text(opinion), form, way.duty, more, at, saw, files)


def consequence(sight: Sight, way: Way) -> str:
    """`之后：…` of a way: by deciding the act on a copy; where its form is still to be filled, from the table."""
    if way.verb == "end" and not ending(sight.case):
        return "由另一人确认后，案件终止。"
    if way.form is DemandRecusal and way.verb in DEMANDED:
        return DEMANDED[way.verb]
    if way.verb in FIXED:
        return FIXED[way.verb]
    form = None
    if way.form and way.verb == "agree":
        if any(f.default is MISSING and f.default_factory is MISSING for f in fields(way.form)):
            return _from_table(sight, way)
        form = way.form()
    got = decide(sight.procedure, sight.case, act_of(way, PLACEHOLDER, form, more=1), sight.context)
    if isinstance(got, Refusal):
        return _from_table(sight, way)
    return "".join(follows(sight, *got))


FIXED = {"claim": "由您办理，别人不能再认领。", "release": "退回本岗，由别人认领。",
         "record": "记入卷宗，案件留在这一环节。",
         "drop": "这条登记不再等确认。", "ask": "由经办股室答复；没有答复以前原来的期限照计。",
         "extend": "期限按批准的数延长。",
         "suspend": "全部时限停住，恢复后接着算。"}
DEMANDED = {"record": "那个人在本案先停办，由股长决定；申请股长本人回避的，由分管局长决定。",
            "second": "那个人不再办理本案，由别人接着办。", "drop": "那个人接着办理本案。"}
"""Where what follows depends on figures still to be filled in, or stays within the stage."""


def _from_table(sight: Sight, way: Way) -> str:
    if way.verb not in ("agree", "refuse") or not (visit := sight.case.visit(way.visit)):
        return ""
    stage = sight.procedure[visit.stage]
    if stage.rule is SCORE:
        return "全部评完后往下走。"
    to = stage.to if way.verb == "agree" else stage.refused
    if callable(to):
        return "按规则往下走。"
    if isinstance(to, End):
        return f"案件结束：{words.end_words(sight.case.kind, to.how)}。"
    later = to or next((s.name for s in sight.procedure.stages[sight.procedure.stages.index(stage) + 1:]
                        if not s.aside and not s.beside), "")
    return f"转入{sight.task(later)}。" if later else ""


def follows(sight: Sight, entries: Sequence[Entry], after: Case) -> list[str]:
    """What an act leads to, one sentence each: the ending, the stages that open with holder and limit, what stands still."""
    before = sight.case
    if after.ended and not before.ended:
        return [f"案件结束：{words.end_words(after.kind, after.ended)}。"]
    known = {v.no for v in before.open}
    opened = [v for v in after.open if v.no not in known]
    out = [_opened(sight, v, after) for v in opened]
    if opened and any(isinstance(e.event, ClockPaused) for e in entries):
        out.append("您的时限从此刻暂停。")
    if after.suspended and not before.suspended:
        out.append("全部时限停住，恢复后接着算。")
    if before.suspended and not after.suspended:
        out.append("时限接着算。")
    if not out:
        waiting = [s for v in after.open for s in v.seats if s.open]
        stage = after.open[0].stage if after.open else ""
        more = f"，还等{len(waiting)}人" if waiting and len(waiting) < sum(len(v.seats) for v in after.open) else ""
        out.append(f"案件留在{sight.task(stage)}{more}。" if stage else "记入卷宗。")
    return out


def _opened(sight: Sight, visit: Visit, after: Case) -> str:
    clock = clocks.of_visit(visit)
    end = clocks.end_of_clock(clock, sight.context) if clock else None
    seats = [(s.holder, s.claimed_by) for s in visit.seats if s.open]
    who = sight.holders(seats, visit.stage) if seats else "系统"
    said = f"转入{sight.task(visit.stage)}，由{who}办理"
    if end and clock:
        total = clock.budget + clock.extended
        said += f"，到{term_end(end, short=True)}" if clock.unit == "until" else \
            f"，期限{total}{clocks.unit_words(clock.unit)}，到{term_end(end, short=end.year == sight.page.now.year)}"
    waits = unserved_words(sight, visit, after)
    return f"{said}，{waits}。" if waits else said + "。"


def unserved_words(sight: Sight, visit: Visit, case: Case) -> str:
    """The term of a paper that nobody has opened yet (C-9); "" where a limit runs already."""
    term = sight.procedure[visit.stage].clock
    if not term or not sight.procedure.unserved(visit):
        return ""
    budget = term.clock(case, sight.context.policy, visit.opened_at)
    return f"期限{budget.budget}{clocks.unit_words(budget.unit)}，对方打开后起算，" \
        f"最迟从{day_words(clocks.presumed_on(visit, sight.context))}起算"


def told_people(sight: Sight, after: Case) -> list[str]:
    """谁会知道: whose inbox changes."""
    from domain.kernel.plan import plan
    had = {t.key for t in sight.reading.plan.tasks}
    seats = [(t.holder, t.claimed_by, t.stage) for t in plan(sight.procedure, after,
                                                             sight.context).tasks if t.key not in had]
    if not seats:
        return ["本案有关的人在办理经过里看到。"]
    if len(seats) > 2:
        return [f"{len(seats)}人在待办里看到。"]
    return [f"{sight.holders([(h, c)], stage)}在待办里看到。" for h, c, stage in seats]


def has_fields(form: type | None) -> bool:
    return bool(form and is_dataclass(form) and fields(form))
