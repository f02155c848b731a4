"""申报书 (R-5 to R-19): opening, filling, declaration, co-sign, completeness, eligibility."""
from __future__ import annotations

from datetime import date, datetime

from domain.kernel.calendar import day_of
from domain.kernel.case import Case, Visit
from domain.kernel.clock import months_before, span_end
from domain.kernel.events import Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import Context
from domain.kernel.values import Text, having
from domain.registers.organisation import Organisation
from domain.registers.person import SUBJECTS

from .evidence import file_fault
from .facts import (
    Applied,
    Declared,
    Described,
    EligibilityComputed,
    EligibilityCorrected,
    LeafAnswered,
    OfficeScored,
    fact,
)
from .policy import StarPolicy
from .proposal import batch_opened_on
from .scoring import office_score

LOOK_BACK_MONTHS = 24


@fact
class Apply:
    """开始申报：申报的星级。"""
    level: int


@fact
class Describe:
    """特色项目、所属学科、申报报告。"""
    leans = (SUBJECTS,)
    feature: Text
    subject: str
    report: Text = Text("")


@fact
class AnswerLeaf:
    """一个观测点的自评分（分的百分之一）和佐证；没有佐证的写明原因。"""
    leaf: str
    self_cp: int
    files: tuple[str, ...] = ()
    statement: Text = Text("")


@fact
class Declare:
    """真实性承诺；可写明请不要抽取的人及理由。"""
    truthful: bool
    excluded: tuple[str, ...] = ()
    reason: Text = Text("")


@fact
class CoSign:
    """会签：以学校名义申报。"""


@fact
class Confirm:
    """确认资格。"""


def apply(case: Case, visit: Visit | None, form: Apply, context: Context) -> list[Event] | Refusal:
    """R-5, R-6, R-27 of the clock: in the window, one open application a programme, a tier of the programme."""
    policy: StarPolicy = context.policy
    school = register_of(case, context)
    if form.level not in policy.levels:
        return no("malformed", "R-1", level=form.level)
    if not school or school.kind not in policy.school_kinds:
        return no("target_not_allowed", "R-19", kind=school.kind if school else "")
    return [Applied(form.level, school.district, not school.town.endswith("街道"))]


def register_of(case: Case, context: Context) -> Organisation | None:
    return context.gates.read(f"organisation:{case.subject}")


def describe(case: Case, visit: Visit, form: Describe, context: Context) -> list[Event] | Refusal:
    """R-9: the feature in words, and one subject of the experts' list as it stands now."""
    if refusal := _closed_part(visit, "description"):
        return refusal
    if not form.feature or not form.subject:
        return no("malformed", "R-9")
    if not any(form.subject in subjects for subjects in context.gates.all(SUBJECTS)):
        return no("malformed", "R-9", unlisted="subject")
    return [Described(form.feature, form.subject, form.report)]


def answer_leaf(case: Case, visit: Visit, form: AnswerLeaf, context: Context) -> list[Event] | Refusal:
    """R-9. A part that was not opened for editing cannot change (A-39)."""
    leaf = context.policy.leaf(form.leaf)
    if leaf is None or leaf.by == {"office"}:
        return no("malformed", "R-9", leaf=form.leaf)
    if not 0 <= form.self_cp <= leaf.full_cp:
        return no("amount_invalid", "R-9", leaf=form.leaf, full=leaf.full_cp)
    if refusal := _closed_part(visit, f"leaf.{form.leaf}"):
        return refusal
    if len(form.files) < leaf.evidence_min and not form.statement:
        return no("attachment_required", "R-9", leaf=form.leaf)
    if refusal := file_fault(form.files, form.leaf, context):
        return refusal
    return [LeafAnswered(form.leaf, form.self_cp, form.files, form.statement)]


def _closed_part(visit: Visit, part: str) -> Refusal | None:
    return no("target_not_allowed", "A-39", part=part) if visit.editable and part not in visit.editable else None


def missing(case: Case, policy: StarPolicy) -> tuple[str, ...]:
    """What the dossier still lacks (R-11): leaves that the school answers, and the description."""
    leaves = tuple(x.id for x in policy.leaves if x.by != {"office"} and x.id not in case.facts.answered)
    return leaves if case.facts.described else ("description", *leaves)


def unanswered(case: Case, visit: Visit) -> tuple[str, ...]:
    """What a correction was asked for and nobody has touched since the office asked (A-19, R-17)."""
    asked = next((p.closed for p in reversed(case.past) if p.to == "correction" and p.stage != "co_sign"), 0)
    return tuple(part for part in visit.editable if part != "declaration" and case.parts.get(part, 0) <= asked) \
        if visit.stage == "correction" else ()


def declare(case: Case, visit: Visit, form: Declare, context: Context) -> list[Event] | Refusal:
    """R-11, A-19: missing points are all listed at once."""
    if lacking := (*missing(case, context.policy), *(() if form.truthful else ("真实性承诺",))):
        return no("malformed", "R-11", missing="、".join(lacking))
    if lacking := unanswered(case, visit):
        return no("malformed", "A-19", missing="、".join(lacking))
    if len(set(form.excluded)) > context.policy.exclude_max:
        return no("malformed", "G-19", most=context.policy.exclude_max)
    if form.excluded and not form.reason:
        return no("opinion_required", "G-19")
    return [Declared(form.excluded, form.reason)]


def co_sign(case: Case, visit: Visit, form: CoSign, context: Context) -> list[Event] | Refusal:
    """R-12, R-19: the act of application; eligibility is computed from the registers on its day."""
    return [EligibilityComputed(checks(case, context))]


def checks(case: Case, context: Context) -> tuple[tuple[str, bool, str], ...]:
    """R-19: (code, holds, data used), from the register as it stands now."""
    policy: StarPolicy = context.policy
    school, today = register_of(case, context), day_of(context.now)
    assert school, case.subject
    level = policy.levels[case.facts.level]
    titles = [t for t in school.titles if t.programme == policy.programme and t.since <= today <= t.until]
    held = max([0, *(t.level for t in titles)])
    below = next((t for t in school.titles if t.programme == level.requires_programme and t.level == level.requires_level
                  and t.since <= today <= t.until), None) if level.requires_level else None
    failed = [on for programme, on in school.failed if programme == policy.programme and on <= today]
    opened = batch_opened_on(case, context)
    proven = [v.no for v in school.violations if day_of(span_end(v.proven_on, policy.violation_months)) >= opened]
    cooling = next((on for on in failed if day_of(span_end(on, policy.cooling_off_months)) >= today), None) \
        if policy.cooling_off_months else None
    out = [("kind", school.kind in policy.school_kinds, school.kind),
           ("holds_level", held < level.level, str(held)),
           ("years_in_operation", today.year - school.founded_year >= policy.years_in_operation, str(school.founded_year)),
           ("no_veto", not case.facts.vetoes, "、".join(case.facts.vetoes)),
           ("no_overdue", not school.overdue, "、".join(school.overdue)),
           ("cooling_off", cooling is None, cooling.isoformat() if cooling else "")]
    if policy.violation_months:                 # counted as vetoes are, of whatever kind
        out.append(("no_violation", not proven, "、".join(proven)))
    if level.requires_level:
        out.append(("holds_below", below is not None, str(level.requires_level)))
        out.append(("years_since", below is not None and _years(below.since, today) >= level.years_since_last,
                    below.since.isoformat() if below else ""))
    return tuple(out)


def _years(since: date, today: date) -> int:
    return today.year - since.year - ((today.month, today.day) < (since.month, since.day))


def confirm(case: Case, visit: Visit, form: Confirm, context: Context) -> list[Event] | Refusal:
    """R-20: a computed "no" cannot be agreed to, unless the register itself was put right since: then it is computed
    again, as of the submission. R-63: the register's leaves are confirmed with it."""
    corrected: list[Event] = []
    if any(not ok for _, ok, _ in case.facts.checks):
        again = checks(case, having(context, now=datetime.fromisoformat(case.facts.submitted_at)))
        if failed := [code for code, ok, _ in again if not ok]:
            return no("target_not_allowed", "R-20", failed="、".join(failed))
        corrected = [EligibilityCorrected(again)]
    policy: StarPolicy = context.policy
    leaves = policy.scored("office")
    school = register_of(case, context)
    if not leaves or school is None:
        return corrected
    opened = batch_opened_on(case, context)
    since = months_before(opened, LOOK_BACK_MONTHS)
    owed = [how for _, due_on, how in school.rectifications if since <= due_on <= opened]
    late = sum(how != "in_time" for how in owed)
    return [*corrected, OfficeScored(tuple((x.id, office_score(x, len(owed), late)) for x in leaves), len(owed), late)]
