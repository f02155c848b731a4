"""材料盲评 (R-21 to R-28): the draw, the sheets, the third expert."""
from __future__ import annotations

from collections import Counter

from domain.kernel.case import Case, Visit
from domain.kernel.events import Event, RosterDrawn, RosterLeft
from domain.kernel.refusal import Refusal, no
from domain.kernel.rosters import Candidate, draw
from domain.kernel.stages import Context
from domain.kernel.values import Text

from .facts import SheetSigned, fact
from .policy import StarPolicy
from .scoring import total_of


@fact
class Drawn:
    """抽取：随机数种子和候选人名单（人、排除理由、是否同学科、是否局外、是否外督导区）。"""
    seed: str
    candidates: tuple[tuple[str, str, bool, bool, bool], ...]
    loads: tuple[tuple[str, int], ...] = ()     # person → the most open dossiers they take


@fact
class Sheet:
    """评分表：每个观测点得分（分的百分之一）和理由。"""
    scores: tuple[tuple[str, int], ...]
    notes: tuple[tuple[str, Text], ...] = ()


ROSTER = {"draw": "experts", "material": "experts", "third": "third"}


def wanted(name: str, policy: StarPolicy) -> int:
    """How many a list must have (R-21, R-26, R-29)."""
    return {"experts": policy.reviewers, "third": 1, "panel": policy.panel_min}[name]


def drawn(case: Case, visit: Visit, form: Drawn, context: Context) -> list[Event] | Refusal:
    """R-21, R-26, R-29: as many as are missing; nobody twice, nobody of another roster, nobody excluded by the school.

    The lot is drawn here, from the seed and the list, so that the fact alone suffices to draw it again. A pool that is
    too small leaves a row without seats, and that is the office's task (A-43).
    """
    policy: StarPolicy = context.policy
    name = ROSTER.get(visit.stage, "panel")
    have = len(case.roster(name).members)
    want = wanted(name, policy) - have
    taken = frozenset().union(*(r.ever() for r in case.rosters.values()), case.facts.excluded)
    full = {who for who, most in form.loads if len(context.gates.all(f"load:{who}")) >= most}
    barred = {**dict.fromkeys(full, "load"), **dict.fromkeys(taken, "taken")}
    people = tuple(Candidate(who, why or barred.get(who, ""), subject, outside, away)
                   for who, why, subject, outside, away in form.candidates)
    reserve = policy.reserve if name == "experts" and not case.roster(name).reserve else 0
    there = sum(out for who, _, _, out, _ in form.candidates if who in case.roster(name).members)
    outside = max(0, policy.panel_outside - there) if name == "panel" else 0
    members, waiting = draw(form.seed, people, want, reserve, outside)
    listed = tuple((c.person, c.excluded) for c in people)
    return [RosterDrawn(name, members, waiting, form.seed, listed)]


@fact
class Loads:
    """退回重评前核对：各位专家最多接几件。"""
    loads: tuple[tuple[str, int], ...]          # member or reserve → the most open dossiers they take


def looked_at(case: Case, visit: Visit, form: Loads, context: Context) -> list[Event]:
    """R-21: experts who are asked again carry the dossier again; who has no room for it by now leaves the list, unless the
    sheet is in already. Who then is missing is drawn."""
    name = ROSTER[visit.stage]
    roster = case.roster(name)
    signed = {s.key for s in visit.seats if s.acted}
    others = Counter(gate for (gate, raiser), shown in context.gates.items() if shown and raiser != case.id)
    most = dict(form.loads)
    full = tuple(x for x in (*roster.members, *roster.reserve)
                 if x in most and x not in signed and others[f"load:{x}"] >= most[x])
    return [RosterLeft(name, full, "load")] if full else []


def sign_sheet(case: Case, visit: Visit, form: Sheet, context: Context) -> list[Event] | Refusal:
    """R-24: every leaf once, in steps, reasons where the mark is low, zero or full."""
    leaves = context.policy.scored("material")
    if refusal := sheet_fault(form, leaves, context.policy):
        return refusal
    return [SheetSigned(context.actor, form.scores, total_of(dict(form.scores), leaves), form.notes)]


def sheet_fault(form: Sheet, leaves: tuple, policy: StarPolicy, notes_asked: bool = True) -> Refusal | None:
    """The first fault of a score sheet, experts' or panel's."""
    scores, reasons = dict(form.scores), {leaf for leaf, words in form.notes if words}
    if [leaf for leaf, _ in form.scores] != [x.id for x in leaves]:
        return no("malformed", "R-24", missing="、".join(x.id for x in leaves if x.id not in scores))
    for x in leaves:
        got = scores[x.id]
        if not 0 <= got <= x.full_cp or got % x.step_cp:
            return no("amount_invalid", "R-24", leaf=x.id, full=x.full_cp, step=x.step_cp)
        asked = got in (0, x.full_cp) or got * 10000 < x.full_cp * policy.low_mark_bp
        if notes_asked and asked and x.id not in reasons:
            return no("opinion_required", "R-24", leaf=x.id)
    return None
