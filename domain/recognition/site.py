"""现场考察与限期改进 (R-29 to R-36)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from statistics import median

from domain.kernel.calendar import day_of, whole_workdays_between
from domain.kernel.case import Case, Visit
from domain.kernel.events import CaseSuspended, Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import Close, Context, Outcome
from domain.kernel.values import Text

from .evidence import file_fault
from .facts import (
    FactsDisputed,
    LeavesRescored,
    MendingReported,
    PointsAnswered,
    SchoolNotified,
    Scores,
    SiteScored,
    Visited,
    VisitFixed,
    fact,
)
from .policy import StarPolicy
from .review import Sheet, sheet_fault

SUGGESTIONS = ("recognise", "mend", "refuse")


@fact
class FixVisit:
    """定下考察日。"""
    day: date


@fact
class Notified:
    """考察通知已送达。"""


@fact
class VisitHeld:
    """考察已进行：各类活动次数。"""
    activities: tuple[tuple[str, int], ...]
    late = True


@fact
class VetoFound:
    """现场发现一票否决事项，交经办股室核查。"""
    veto: str
    what: Text


@fact
class SiteSheet:
    """考察评分、建议、问题；不同意见可以附上。"""
    least = {"dissent": ("dissent_chars_min", "R-33")}
    scores: tuple[tuple[str, int], ...]
    suggestion: str
    summary: Text = Text("")
    problems: tuple[tuple[str, Text], ...] = ()
    dissent: Text = Text("")


@fact
class Reply:
    """对考察事实的意见：逐条写明哪里有误，没有就不填。"""
    points: tuple[Text, ...] = ()


@fact
class Answers:
    """逐条答复学校的意见。"""
    answers: tuple[Text, ...]


@fact
class Mended:
    """改进报告：改了哪几项，怎么改的。"""
    leaves: tuple[str, ...]
    report: Text
    files: tuple[str, ...] = ()


@fact
class Rescored:
    """改进后的评分；不填表示分数不变。"""
    scores: tuple[tuple[str, int], ...] = ()


def fix_visit(case: Case, visit: Visit, form: FixVisit, context: Context) -> list[Event] | Refusal:
    """R-30: enough whole working days between today and the visit (C-17), and a firm date (C-27)."""
    today = day_of(context.now)
    if form.day <= today or whole_workdays_between(today, form.day, context.calendar) < context.policy.visit_notice:
        return no("malformed", "R-30", notice=context.policy.visit_notice)
    if context.calendar.provisional(form.day):
        return no("calendar_unpublished", "C-27", year=form.day.year)
    return [VisitFixed(form.day)]


def notified(case: Case, visit: Visit, form: Notified, context: Context) -> list[Event] | Refusal:
    return [SchoolNotified(case.facts.day, case.roster("panel").members)]


def hold_visit(case: Case, visit: Visit, form: VisitHeld, context: Context) -> list[Event] | Refusal:
    """R-31: on the day or after it, each kind that the policy knows once, with its minimum."""
    at = context.now
    if case.facts.day and day_of(at) < case.facts.day:
        return no("true_at_impossible", "R-30", day=case.facts.day.isoformat())
    kinds, counts = [k for k, _ in form.activities], dict(form.activities)
    if strange := [k for k in kinds if k not in context.policy.activities_min or kinds.count(k) > 1]:
        return no("malformed", "R-31", unknown="、".join(dict.fromkeys(strange)))
    short = [k for k, least in context.policy.activities_min.items() if counts.get(k, 0) < least]
    if short:
        return no("malformed", "R-31", missing="、".join(short))
    return [Visited(form.activities)]


def veto_found(case: Case, visit: Visit, form: VetoFound, context: Context) -> list[Event] | Refusal:
    """R-36: to the office at once; the case is suspended until decided."""
    if form.veto not in {v.code for v in context.policy.vetoes} or not form.what:
        return no("malformed", "R-36")
    return [CaseSuspended(form.what, why="veto_found")]


def sign_site(case: Case, visit: Visit, form: SiteSheet, context: Context) -> list[Event] | Refusal:
    """R-32, R-33: each member scores alone and signs; signing with dissent is signing."""
    policy: StarPolicy = context.policy
    leaves = policy.scored("site")
    if refusal := sheet_fault(Sheet(form.scores), leaves, policy, notes_asked=False):
        return refusal
    if form.suggestion not in SUGGESTIONS or any(leaf not in {x.id for x in policy.leaves} for leaf, _ in form.problems):
        return no("malformed", "R-33")
    return [SiteScored(context.actor, form.scores, form.suggestion, form.summary, form.problems, form.dissent)]


def reply(case: Case, visit: Visit, form: Reply, context: Context) -> list[Event] | Refusal:
    return [FactsDisputed(form.points)]


def answer(case: Case, visit: Visit, form: Answers, context: Context) -> list[Event] | Refusal:
    """R-34: the panel answers each point."""
    if len(form.answers) != case.facts.disputed or not all(form.answers):
        return no("malformed", "R-34", points=case.facts.disputed)
    return [PointsAnswered(form.answers)]


def mend(case: Case, visit: Visit, form: Mended, context: Context) -> list[Event] | Refusal:
    """R-35: at most so many leaves, of those scored on site."""
    policy: StarPolicy = context.policy
    site = {x.id for x in policy.scored("site")}
    if not form.leaves or len(set(form.leaves)) > policy.mend_leaves or not set(form.leaves) <= site:
        return no("malformed", "R-35", most=policy.mend_leaves)
    if refusal := file_fault(form.files, "、".join(form.leaves), context):
        return refusal
    return [MendingReported(form.leaves, form.report, form.files)] if form.report else no("opinion_required", "R-35")


def rescore(case: Case, visit: Visit, form: Rescored, context: Context) -> list[Event] | Refusal:
    """R-35: raised to at most the cap of the leaf, all together by at most the gain.

    The gain binds each sheet, and what the sheets come to together: whoever signs last may not bring it above (medians
    of sheets that all keep to it need not).
    """
    policy: StarPolicy = context.policy
    for leaf_id, score in form.scores:
        leaf = policy.leaf(leaf_id)
        if leaf is None or leaf_id not in case.facts.mend_leaves or score % leaf.step_cp:
            return no("malformed", "R-35", leaf=leaf_id)
        if score > max(panel_score(case, leaf_id), leaf.full_cp * policy.mend_cap_bp // 10000):
            return no("amount_invalid", "R-35", leaf=leaf_id, full=leaf.full_cp * policy.mend_cap_bp // 10000)
    others = [case.facts.rescored.get(s.acted.by, ()) for s in visit.seats if s.acted]
    together = [*others, form.scores] if sum(s.open for s in visit.seats) <= 1 else [form.scores]
    most = policy.mend_gain_cp
    if most is not None and max(gain(case, [form.scores]), gain(case, together)) > most:
        return no("amount_invalid", "R-35", most=most)
    return [LeavesRescored(form.scores)]


def raised(case: Case, sheets: Sequence[Scores]) -> dict[str, Fraction]:
    """R-32, R-35: what the mended leaves are worth: the median of the re-checkers, as for the panel; of two, their mean.

    Where a sheet gives nothing, or less, the panel's score stands for it: mending never lowers.
    """
    before = {leaf: panel_score(case, leaf) for leaf in case.facts.mend_leaves}
    return {leaf: median([max(was, Fraction(dict(s).get(leaf, 0))) for s in sheets]) for leaf, was in before.items()} \
        if sheets else {}


def gain(case: Case, sheets: Sequence[Scores]) -> Fraction:
    return sum((now - panel_score(case, leaf) for leaf, now in raised(case, sheets).items()), Fraction())


def panel_score(case: Case, leaf: str) -> Fraction:
    """R-32: the median of the members' scores of one leaf, in cp."""
    return median([Fraction(dict(s)[leaf]) for s in panel_sheets(case).values()])


def panel_sheets(case: Case) -> Mapping[str, Scores]:
    """The sheets that count: of those who are on the panel; if none of them signed, what there is."""
    now = {m: case.facts.site[m] for m in case.roster("panel").members if m in case.facts.site}
    return now or case.facts.site


def report_as_signed(case: Case, visit: Visit, key: str, policy: StarPolicy) -> Outcome:
    """R-33: who did not sign in time is named in the report; a report that nobody signed is none."""
    return [Close("passed")] if any(s.acted for s in visit.seats) else []
