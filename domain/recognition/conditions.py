"""条件. What the tables of the application ask: needs, questions, where it goes on, where it stands."""
from __future__ import annotations

from datetime import datetime

from domain.kernel.acts import DemandRecusal
from domain.kernel.calendar import Calendar, day_of, start_of
from domain.kernel.case import Case
from domain.kernel.clock import workdays_after
from domain.kernel.events import Event
from domain.kernel.gates import number_gate
from domain.kernel.may import people
from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import Context, End
from domain.kernel.stages import leads as leads_to
from domain.kernel.values import Value

from .facts import Stands
from .policy import StarPolicy
from .proposal import certificate_series, reason_code, result_by_rule
from .review import wanted
from .scoring import too_wide

# -- needs ---------------------------------------------------------------------------------------------------


def _no_overdue(case: Case, context: Context) -> Refusal | None:
    """L-1, L-13: an overdue rectification blocks."""
    overdue = context.gates.read(f"overdue:{case.subject}")
    return no("blocked", "L-1", no=overdue[0]) if overdue else None


def _no_veto(case: Case, context: Context) -> Refusal | None:
    """L-2, L-13."""
    return no("veto", "L-2", no=case.facts.vetoes[0]) if case.facts.vetoes else None


def _not_signed(case: Case, context: Context) -> Refusal | None:
    """R-67: once a document names it, it is neither withdrawn nor terminated."""
    return no("wrong_stage", "R-67") if context.gates.read(f"signed:{case.id}") else None


def _window_open(case: Case, context: Context) -> Refusal | None:
    """R-64: an application opens only in the window of its batch."""
    start, end = (context.gates.read(f"{gate}:{case.parent}") for gate in ("window_from", "window"))
    if not end or context.now > datetime.fromisoformat(end):
        return no("past_deadline", "R-5")
    return no("wrong_stage", "R-64") if start and context.now < datetime.fromisoformat(start) else None


def _no_other(case: Case, context: Context) -> Refusal | None:
    """R-6: one open application a programme."""
    programme = context.policy.programme
    return no("duplicate", "R-6") if context.gates.read(f"applying:{programme}:{case.subject}") else None


def _room(case: Case, context: Context) -> Refusal | None:
    """R-6: as many applications as the batch takes; it counts its own (`batch.shows`)."""
    cap = context.policy.application_cap
    full = cap is not None and (context.gates.read(f"applications:{case.parent}") or 0) >= cap
    return no("quota_full", "R-6", most=cap) if full else None


def _no_author(case: Case, context: Context) -> Refusal | None:
    """R-12, G-13: who wrote the dossier does not sign it, whoever handed it in."""
    wrote = [who for who in people(context) if who in case.facts.authors]
    return no("separation", "G-13", who=wrote[0]) if wrote else None


no_block = (_no_overdue,)
nothing_blocks = (_no_overdue, _no_veto)
may_co_sign = (*nothing_blocks, _no_author)
before_signing = (_not_signed,)
may_apply = (_window_open, _no_other, _room)

# -- questions -----------------------------------------------------------------------------------------------


def remind_to_sign(case: Case, policy: StarPolicy, calendar: Calendar) -> list[tuple[datetime, str]]:
    """R-12: the principal is reminded once the days for the co-sign are over, though the window is still open; after a
    correction its own term runs and reminds."""
    visit = case.at("co_sign")
    if visit is None or any(p.stage == "correction" for p in case.past):
        return []
    return [(workdays_after(visit.opened_at, policy.cosign_term, calendar), f"co_sign/{visit.no}")]


def too_few_experts(case: Case, policy: StarPolicy) -> bool:
    return len(case.roster("experts").members) < wanted("experts", policy)


def no_third_yet(case: Case, policy: StarPolicy) -> bool:
    return len(case.roster("third").members) < wanted("third", policy)


def too_small_a_panel(case: Case, policy: StarPolicy) -> bool:
    return len(case.roster("panel").members) < wanted("panel", policy)


def asked_again(case: Case, policy: StarPolicy) -> bool:
    """R-21: the dossier came back to its reviewers, and nobody has looked whether they still have room for it."""
    visit = case.open[0] if case.open else None
    return bool(visit) and case.last(visit.stage, visit.line) is not None and "check_load" not in visit.done and any(
        s.open for s in visit.seats)


class drawn_enough(Value):
    """Drawn so often, or from a pool so empty, that who is missing is the office's to find (R-21 `redraw_max`, G-14)."""
    name: str

    def __call__(self, case: Case, policy: StarPolicy) -> bool:
        roster = case.roster(self.name)
        left = sum(why != "load" for _, why in roster.left)
        return roster.dry or left > policy.redraw_max * wanted(self.name, policy)


def spread_too_wide(case: Case, policy: StarPolicy) -> bool:
    sheets = [dict(case.facts.sheets[x]) for x in case.roster("experts").members if x in case.facts.sheets]
    return too_wide(sheets, policy)


def facts_disputed(case: Case, policy: StarPolicy) -> bool:
    return case.facts.disputed > 0


def panel_says_mend(case: Case, policy: StarPolicy) -> bool:
    """R-33, R-35: the majority of those who signed."""
    said = list(case.facts.suggestions.values())
    return policy.mending and 2 * said.count("mend") > len(said)


def may_mend(case: Case, policy: StarPolicy) -> bool:
    """R-35: once."""
    before = any(p.stage == "mending" for p in case.past)
    return panel_says_mend(case, policy) and (not before or bool(case.at("mending")))


def just_mended(case: Case, policy: StarPolicy) -> bool:
    """R-35: what was mended is scored again, not what a later report says."""
    return bool(case.at("re_check")) or (bool(case.past) and case.past[-1].stage == "mending")


@leads_to("vote", "refusal")
def vote_or_refusal(case: Case, policy: StarPolicy) -> str:
    """R-41: a computed refusal is not voted on."""
    return "refusal" if result_by_rule(case, policy) == "refuse" else "vote"


@leads_to("dossier", "correction")
def back_to_clerk(case: Case, policy: StarPolicy) -> str:
    """R-17: after a correction the principal sends back to the correction, not to the first draft."""
    return "correction" if any(p.stage == "correction" for p in case.past) else "dossier"


@leads_to()
def refused_or_deferred(case: Case, policy: StarPolicy) -> End:
    """R-40: a vote lost after a proposal to defer defers."""
    deferred = case.facts.departs == "defer" and case.facts.ballot == "refused"
    return End("deferred" if deferred else "refused")


def cools_off(case: Case, policy: StarPolicy) -> bool:
    """R-90, R-19: lost by vote, floor or pass mark, and not deferred to the next batch (R-8)."""
    return reason_code(case) in ("vote", "floor", "pass_mark") and refused_or_deferred(case, policy) == End("refused")


def rounds_left(case: Case, frm: str, to: str, policy: StarPolicy) -> bool:
    """R-17, R-18: the office's requests are counted, those that it took back (A-21) are not; the principal sends back
    within the same round."""
    if frm == "co_sign":
        return to == back_to_clerk(case, policy)
    asked = sum(p.times for p in case.past if p.to == "correction" and p.stage != "co_sign")
    undone = sum(p.times for p in case.past if p.outcome == "taken_back" and p.stage == "correction" and p.to != "co_sign")
    return to != "correction" or asked - undone < policy.correction_rounds


BY_NAME = ("completeness", "eligibility", "proposal")
"""Rows whose people the school reads of by name."""


def told_by_name(case: Case) -> frozenset[str]:
    """Whom the school was told, or who handles its case openly; blind experts are none of these (G-19)."""
    acted = {who for stage, _, a in case.acts() if stage in BY_NAME for who in (a.by, a.behind)}
    claimed = {s.claimed_by for v in case.open for s in v.seats}
    return frozenset({*case.roster("panel").members, *case.roster("committee").members, *acted, *claimed} - {""}
                     - case.recused)


def told_since(case: Case, who: str) -> datetime | None:
    """When the school was told that name: by a notice or a call, or by what that person did; None = not yet."""
    acted = [a.at for stage, _, a in case.acts() if stage in BY_NAME and who in (a.by, a.behind)]
    claimed = [s.claimed_at for v in case.open for s in v.seats if s.claimed_by == who and s.claimed_at]
    told = [case.facts.named[who]] if who in case.facts.named else []
    return min([*acted, *claimed, *told], default=None)


def known_to_the_school(case: Case, visit: object, form: DemandRecusal, context: Context) -> list[Event] | Refusal:
    """G-19: of somebody whom the school knows by name, for a reason; within the days after the name was told, or after the
    tie became known. Whether that was so is asked when it is demanded, not when it is decided."""
    if form.person not in told_by_name(case):
        return no("malformed", "G-19", field="person")
    if form.known_on and form.known_on > day_of(context.now):
        return no("true_at_impossible", "C-33")
    since = told_since(case, form.person)
    if since and form.known_on:
        since = max(since, start_of(form.known_on))
    days = context.policy.recusal_demand
    if since and context.now > workdays_after(since, days, context.calendar) and all(p.form != form for p in case.proposed):
        return no("past_deadline", "G-19", demand=days)
    return [] if form.reason else no("opinion_required", "G-19")


def leans(case: Case) -> tuple[str, ...]:
    """Gates of others that decisions on an application may read; how many the batch has only before it opens (R-6)."""
    programme = case.policy.rsplit("-", 1)[0]
    born = () if case.version else (f"applications:{case.parent}",)
    return (f"organisation:{case.subject}", f"overdue:{case.subject}", f"veto:{case.subject}", f"signed:{case.id}",
            f"window:{case.parent}", f"window_from:{case.parent}", f"opened:{case.parent}",
            f"applying:{programme}:{case.subject}", *born)


def shows(case: Case) -> dict[str, object]:
    """One open application a programme (R-6), and whose load the experts carry (R-21).

    The reserve carries it from the draw: who steps in later was below the limit and has been counted since, so that two
    cases can never call up the same person for one last place, and stepping in needs no gate of others.
    """
    title = case.facts.conferred
    number = {number_gate(certificate_series(case.policy, title.since.year)): title.serial} if title else {}
    if case.ended:
        return number
    programme = case.policy.rsplit("-", 1)[0]
    busy = {f"load:{x}": 1 for name in ("experts", "third") for x in (*case.roster(name).members, *case.roster(name).reserve)
            if any(v.stage in ("draw", "material", "third") for v in case.open)}
    return {f"applying:{programme}:{case.subject}": case.id, **busy, **number}


# -- where it stands for its batch -----------------------------------------------------------------------------


def stands(case: Case) -> Stands:
    f = case.facts
    if case.ended:
        return Stands("ended", case.subject, f.level, f.total_cp, by=case.ended)
    if not case.open:
        return Stands("working", case.subject, f.level)
    visit = case.open[0]
    what = {
        "vote": "called" if "MeetingCalled" in visit.done else "proposed",
        "notice": "carried" if "NoticePublished" not in visit.done
        else "held" if case.suspended or any(c.ran_out for c in visit.clocks) else "noticed",
        "held": "held",
        "conferment": "signed" if "DocumentSigned" in visit.done else "held" if case.suspended else "free",
        "refusal": "refused", "letter": "refused"}.get(visit.stage, "working")
    if case.suspended and what in ("working", "proposed"):
        what = "paused"                         # one on hold delays nobody; its ballot is for the next meeting
    if what in ("working", "paused"):
        return Stands(what, case.subject, f.level)
    judges = tuple(sorted({a.by for stage, _, a in case.acts() if stage in JUDGING} |
                          {a.behind for stage, _, a in case.acts() if stage in JUDGING and a.behind}))
    return Stands(what, case.subject, f.level, f.total_cp, f.margin_cp, f.rural, f.submitted_at, f.departs, f.yes, f.ballot,
                  (f.chair, *f.present) if what == "called" else (), judges, "", visit.no if what == "free" else 0)


JUDGING = ("completeness", "eligibility", "draw", "material", "third", "appointment", "visit", "report", "answer",
           "re_check", "proposal")
