"""为什么不能. `why_not` is the one source of what is offered and what is refused, in the order of A-3."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from .acts import AGAIN, OFFICE_VERBS, SYSTEM_VERBS, DemandRecusal
from .case import Case, Past, Proposal, Visit
from .clock import Clock, due
from .refusal import Refusal, no
from .seats import BALLOT, SCORE, Count, Holder, Seat
from .stages import WORKFLOW, Context, Need, Procedure, Record, Stage, roster
from .values import having

# -- who somebody is here ------------------------------------------------------------------------------------


def as_whom(holder: Holder, context: Context) -> str | None:
    """"" in their own name, the principal where they substitute (G-23), None if neither holds it."""
    if _holds(holder, context.actor, context.posts):
        return ""
    if context.behind and _holds(holder, context.behind, context.posts_behind):
        return context.behind
    return None


def _holds(holder: Holder, who: str, posts: frozenset[Holder]) -> bool:
    return holder.id == who if holder.kind == "person" else having(holder, pool=False) in posts


def tied(case: Case, holder: Holder, context: Context) -> bool:
    """The subject's own people, those tied to it and those recused judge nothing there (G-15, G-16, G-18)."""
    return holder.id != case.subject and (case.subject in context.ties or not case.recused.isdisjoint(people(context)))


def people(context: Context) -> tuple[str, ...]:
    """The acting person and the principal behind them: both are looked at (G-15)."""
    return (context.actor, context.behind) if context.behind else (context.actor,)


def groups_of(procedure: Procedure, case: Case, who: str) -> frozenset[str]:
    """The judging groups in which this person has acted in this case (G-12)."""
    return frozenset(group for stage, _, act in case.acts() if who in (act.by, act.behind)
                     and stage in procedure and (group := procedure[stage].judges))


def _acted_in(case: Case, stages: Iterable[str], who: str) -> bool:
    return any(who in (act.by, act.behind) for stage, line, act in case.acts()
               if stage in stages and line in ("", case.line))


def barred(procedure: Procedure, case: Case, stage: Stage, who: str) -> Refusal | None:
    """By what this person did in the case (G-12, G-13, G-18): asked at the assignment and again at the act."""
    if stage.judges and who in case.recused:
        return no("recused", "G-18", who=who)
    if stage.judges and groups_of(procedure, case, who) - {stage.judges}:
        return no("separation", "G-12", who=who)
    pairs = procedure.apart[stage.name]
    return no("separation", "G-13", who=who) if pairs and _acted_in(case, pairs, who) else None


def separated(procedure: Procedure, case: Case, stage: Stage, seat: Seat, context: Context) -> Refusal | None:
    """G-12, G-13, G-15 at the act itself, whatever was true at the assignment."""
    for who in people(context):
        if refusal := barred(procedure, case, stage, who):
            return refusal
        if stage.judges and demanded(case, who):
            return no("recused", "G-19", who=who)
        others = [s for v in case.open if v.stage == stage.name and seat in v.seats for s in v.seats if s is not seat]
        if stage.rule is not BALLOT and any(
                (s.acted and who in (s.acted.by, s.acted.behind)) or (s.claimed_by == who and not s.gone) for s in others):
            return no("separation", "G-13", who=who)        # one person holds one seat of a visit
    return no("own_case", "G-15") if tied(case, seat.holder, context) else None


def judging(procedure: Procedure, case: Case, policy: Any) -> frozenset[str]:
    """The rows that judge the subject from outside; where its own posts act there is no tie to it (G-15)."""
    return frozenset(s.name for s in procedure.stages if s.judges and (not s.seats or not (
        seats := tuple(s.seats(case, policy))) or any(seat.holder.id != case.subject for seat in seats)))


def demanded(case: Case, who: str) -> bool:
    """Somebody asked that this person withdraw, and it is not decided: the seat is frozen (G-19)."""
    return any(isinstance(p.form, DemandRecusal) and p.form.person == who for p in case.proposed)


def ends(clock: Clock, context: Context) -> datetime | None:
    """When the clock runs out; one that reads a gate ends when the other case says now (R-5)."""
    if clock.gate and (moved := context.gates.read(clock.gate)):
        clock = having(clock, start=datetime.fromisoformat(moved))
    return due(clock, context.calendar)


# -- what is possible here -----------------------------------------------------------------------------------


def unmet(needs: Iterable[Need], case: Case, context: Context) -> Refusal | None:
    return next((why for need in needs if (why := need(case, context))), None)


def unheld(procedure: Procedure, case: Case, visit: Visit, policy: object) -> bool:
    """A row that waits for a seat and has none left, or too few: the office must assign (A-43)."""
    stage = procedure[visit.stage]
    return bool(stage.seats) and visit.begun and stage.rule is not BALLOT and not procedure.duty(case, visit, policy) \
        and (all(s.gone for s in visit.seats) or procedure.wanting(case, visit, policy))


def beside(stage: Stage, seat: Seat | None) -> bool:
    """Whether the office may name somebody beside this seat (A-43): who sits on a list is vacated instead (G-14)."""
    return bool(seat and seat.open) and stage.rule is not BALLOT and not isinstance(stage.seats, roster)


def dry(procedure: Procedure, case: Case, visit: Visit) -> bool:
    """The list that this row asks found nobody: the superior may name somebody from outside (G-14)."""
    asks = procedure[visit.stage].seats
    return isinstance(asks, roster) and case.roster(asks.name).dry


def targets(procedure: Procedure, case: Case, visit: Visit, policy: object) -> tuple[str, ...]:
    """Where this row may send the case back to: named by it, and passed or made for returning (A-15 to A-17)."""
    passed = {p.stage for p in case.past if p.line == visit.line}
    return tuple(t for t in procedure[visit.stage].returns if (t in passed or procedure[t].pauses)
                 and procedure.may_return(case, visit.stage, t, policy))


def count_votes(visit: Visit, context: Context) -> Count:
    """Who signed in and was not recused is present; a sealed choice is read only from the context (A-11, R-45)."""
    here = [s for s in visit.seats if s.claimed_by and not s.gone]
    said = [context.sealed.get(s.key, s.acted.verb) for s in here if s.acted]
    return Count(len(visit.seats), sum(bool(s.gone) for s in visit.seats), len(here),
                 said.count("yes"), said.count("no"), said.count("abstain"))


def put_again(case: Case, visit: Visit, policy: Any) -> bool:
    """Whether the question may be put once more if it is lost now (A-12)."""
    before = sum(p.times for p in case.past if p.stage == visit.stage and p.outcome == AGAIN)
    return before < policy.ballot.again


def may_record(procedure: Procedure, case: Case, visit: Visit | None, record: Record, context: Context) -> bool:
    """Whether this person may bring this fact, ties included."""
    return any(as_whom(s.holder, context) is not None and not tied(case, s.holder, context)
               for s in recorders(procedure, case, visit, record, context.policy))


def recorders(procedure: Procedure, case: Case, visit: Visit | None, record: Record, policy: object) -> list[Seat]:
    """Who may bring this fact: whom the record names, else the seats of the row, else the office."""
    if record.by:
        seats = tuple(record.by(case, policy))
    elif visit and procedure[visit.stage].seats:
        seats = visit.seats
    else:
        seats = (Seat("", procedure.office(case)),)
    return [s for s in seats if not s.gone]


def records_of(procedure: Procedure, case: Case, visit: Visit | None) -> tuple[Record, ...]:
    return procedure[visit.stage].records if visit else procedure.records


def may_hold_for(case: Case, policy: Any) -> tuple[str, ...]:
    """The policy's reasons to suspend that no running clock has stood through as often as it may (C-21)."""
    return tuple(why for why in policy.suspension_reasons if all(
        c.held_for.count(why) < policy.suspensions_max for v in case.open for c in v.clocks if not c.ran_out))


def ending(case: Case) -> Proposal | None:
    """The termination that waits for its second person (A-34)."""
    return next((p for p in case.proposed if p.form is None), None)


def taken_back(procedure: Procedure, case: Case, visit_no: int, by_limit: bool = False) -> tuple[Past, Visit] | None:
    """The closed visit and the one that followed it, where nobody has acted since (A-21). What a limit closed, no last
    actor takes back; it is undone where it was met in truth (C-35, `by_limit`)."""
    past = next((p for p in reversed(case.past) if p.no == visit_no and (p.acts or by_limit)), None)
    if past is None or past.too_late != by_limit or past.outcome not in ("passed", "refused", "returned"):
        return None
    if past is not next(p for p in reversed(case.past) if p.line == past.line):
        return None
    if procedure[past.stage].rule is BALLOT or procedure[past.stage].final:
        return None
    after = next((v for v in case.open if v.line == past.line and v.since > past.closed), None)
    if after is None or after.done or any(s.claimed_by or s.gone or (s.acted and not s.acted.kept) for s in after.seats) \
            or any(at > past.closed for at in case.parts.values()):
        return None
    return past, after


# -- why not -------------------------------------------------------------------------------------------------


def why_not(procedure: Procedure, case: Case, verb: str, context: Context, visit_no: int = 0, key: str = "",
            ) -> Refusal | None:
    """The first reason why this act is not available here, or None. Needs no form and no trying.

    `key`: the seat, or the number of a proposal for `second` and `drop`.
    """
    if verb == "look":                  # never refused: it is how a clock that ran out comes into the log
        return None
    if case.ended:
        return over(case, visit_no)
    if verb == "open":
        return None if case.version == 1 else no("wrong_stage", "A-5")
    if verb in SYSTEM_VERBS and context.actor != WORKFLOW:
        return no("wrong_post", "A-3")
    if verb in ("hear", "child", "recuse"):
        return None
    if verb in OFFICE_VERBS:
        return _office(procedure, case, verb, context)
    if verb == "withdraw":
        return _withdraw(procedure, case, context)
    if verb in ("second", "drop"):
        return _second(procedure, case, verb, key, context)
    if verb == "take_back":
        return _take_back(procedure, case, context, visit_no, key)
    if verb == "record" and not visit_no:
        if not procedure.records:
            return no("wrong_stage", "A-3")
        return _record(procedure, case, None, context)
    visit = case.visit(visit_no)
    if visit is None:
        return over(case, visit_no)
    if not visit.begun:
        return no("wrong_stage", "A-3")
    here = case.on(visit.line)
    if verb in ("do", "fail"):
        return None
    if verb == "receive":
        return no("already_acted", "C-9") if not procedure.unserved(visit) else \
            None if addressed(procedure, visit, context) else no("not_holder", "C-9")
    if verb == "close":
        return _close(procedure, here, visit, context)
    if verb == "record":
        return _record(procedure, here, visit, context)
    return _seat(procedure, here, visit, verb, key, context)


def addressed(procedure: Procedure, visit: Visit | None, context: Context) -> bool:
    """A paper that is not served yet waits there for this person (C-9)."""
    return bool(visit) and procedure.unserved(visit) and any(
        as_whom(s.holder, context) is not None for s in visit.seats if not s.gone)


def over(case: Case, visit_no: int) -> Refusal:
    """Why nothing is done any more in a visit that is not open: its clock ran out, or it came to its end (C-24, A-5)."""
    if any(p.no == visit_no and p.too_late and not (p.clock and p.clock.met) for p in case.past):
        return no("past_deadline", "C-24")
    if case.ended:
        return no("case_closed", "A-5", how=case.ended)
    was = any(p.no == visit_no or 0 < visit_no < p.no for p in case.past)
    return no("stage_over" if was else "wrong_stage", "A-3")


def _office(procedure: Procedure, case: Case, verb: str, context: Context) -> Refusal | None:
    if verb == "end" and (refusal := unmet(procedure.may_end, case, context)):
        return refusal
    if as_whom(procedure.office(case), context) is None and not heads(procedure, case, context, in_place=verb == "assign") \
            and not (verb == "end" and ending(case) and heads(procedure, case, context, in_place=True)):
        return no("wrong_post", "A-33")
    if case.subject in context.ties:
        return no("own_case", "G-15")
    if not case.recused.isdisjoint(people(context)):
        return no("recused", "G-18")
    match verb:
        case "end":
            first = ending(case)
            if first and first.people & {*people(context)}:
                return no("separation", "A-34")
            if first and first.post != procedure.head(case).key and not heads(procedure, case, context, in_place=True):
                return no("wrong_post", "A-34")         # the office and the head, not two of the office
        case "suspend" | "resume":
            if case.suspended != (verb == "resume"):
                return no("suspended" if case.suspended else "wrong_stage", "A-33")
            if verb == "suspend" and not may_hold_for(case, context.policy):
                return no("target_not_allowed", "C-21", held=context.policy.suspensions_max)
        case _ if case.suspended:
            return no("suspended", "A-33")
        case "assign":
            if not any(unheld(procedure, case, v, context.policy) or any(beside(procedure[v.stage], s) for s in v.seats)
                       for v in case.open):
                return no("wrong_stage", "A-43")
        case "again":
            if not any(v.stuck for v in case.open):
                return no("wrong_stage", "A-41")
        case "vacate":
            if not any(s.open and s.holder.kind == "person" for v in case.open if procedure[v.stage].rule is not BALLOT
                       for s in v.seats):
                return no("wrong_stage", "G-14")
        case "extend":
            late = context.policy.reopen_allowed
            if not any(c.key != "begins" for v in case.open for c in (v.clocks if late else v.armed)):
                return no("wrong_stage", "C-22")
    return None


def heads(procedure: Procedure, case: Case, context: Context, in_place: bool = False) -> bool:
    """Whether this is the head; or, where that may do, the superior in the head's place (A-44)."""
    posts = [procedure.head(case)] + ([procedure.superior(case)] if in_place and procedure.superior else [])
    return any(as_whom(h, context) is not None for h in posts)


def _withdraw(procedure: Procedure, case: Case, context: Context) -> Refusal | None:
    if procedure.applicant is None or as_whom(procedure.applicant(case), context) is None:
        return no("wrong_post", "A-20")
    return unmet(procedure.may_end, case, context)


def _second(procedure: Procedure, case: Case, verb: str, key: str, context: Context) -> Refusal | None:
    """A fact that waits for its second person (G-13): confirmed by another, dropped by either."""
    proposal = next((p for p in case.proposed if str(p.no) == key), None)
    if proposal is None or (proposal.form is None and verb == "second"):
        return no("task_closed", "G-13")
    if case.suspended:
        return no("suspended", "A-33")
    if verb == "drop" and proposal.by == context.actor:
        return None
    seats = seconds(procedure, case, proposal, context.policy)
    if seats is None:
        return no("stage_over", "G-13")
    if proposal.people & {*people(context)}:
        return no("separation", "G-13")
    if isinstance(proposal.form, DemandRecusal) and proposal.form.person in people(context):
        return no("recused", "G-19")
    if seats and all(tied(case, s.holder, context) for s in seats):
        return no("own_case", "G-15")
    return None if any(as_whom(s.holder, context) is not None for s in seats) else no("wrong_post", "G-13")


def record_for(procedure: Procedure, case: Case, form: type, visit: Visit | None) -> Record | None:
    """The record that brings this kind of fact: of the row at hand, without one of the procedure."""
    return next((r for r in records_of(procedure, case, visit) if r.form is form), None)


def seconds(procedure: Procedure, case: Case, proposal: Proposal, policy: object) -> tuple[Seat, ...] | None:
    """Who may confirm what waits for a second person; None where the row in which it was proposed is over."""
    if proposal.form is None:
        return (Seat("head", procedure.head(case)), *((Seat("superior", procedure.superior(case)),)
                                                      if procedure.superior else ()))
    visit = case.visit(proposal.visit)
    if proposal.visit and visit is None:
        return None
    record = record_for(procedure, case, type(proposal.form), visit)
    here = case.on(visit.line) if visit else case
    if record is None or record.second is None:
        return None
    asked = tuple(record.second(here, policy))
    above = procedure.superior(here) if procedure.superior and proposal.clock and proposal.clock.ran_out else None
    return (*asked, Seat("superior", above)) if above and all(s.holder != above for s in asked) else asked


def _record(procedure: Procedure, case: Case, visit: Visit | None, context: Context) -> Refusal | None:
    records = records_of(procedure, case, visit)
    if not records:
        return no("wrong_stage", "A-3")
    if not any(may_record(procedure, case, visit, r, context) for r in records):
        return no("not_holder", "A-3")
    return no("suspended", "A-33") if case.suspended else None


def _take_back(procedure: Procedure, case: Case, context: Context, visit_no: int, key: str) -> Refusal | None:
    """取回 (A-21): by the last actor, before anybody acts after, within the policy's hours."""
    visit = case.visit(visit_no)
    if visit:
        seat = visit.seat(key)
        if seat is None or not seat.acted or seat.acted.by != context.actor:
            return no("not_holder", "A-21")
        if procedure[visit.stage].rule is BALLOT:
            return no("target_not_allowed", "A-13")
        act, later = seat.acted, any(s.acted and s.acted.saw > seat.acted.saw for s in visit.seats)
    else:
        back = taken_back(procedure, case, visit_no)
        if back is None:
            late = any(p.no == visit_no and p.too_late for p in case.past)
            return no("past_deadline", "C-24") if late else no("next_has_acted", "A-21")
        act, later = back[0].last_act, False
        if act.by != context.actor:
            return no("not_holder", "A-21")
    if act.kept or later:
        return no("next_has_acted", "A-21")
    clock = (visit.clock(key) or visit.clock()) if visit else back[0].clock
    end = ends(clock, context) if clock else None
    if end and end < context.now:               # it could not be done again
        return no("past_deadline", "C-24")
    if case.suspended:
        return no("suspended", "A-33")
    return no("past_deadline", "A-21") if context.now - act.at > timedelta(hours=context.policy.takeback_hours) else None


def _close(procedure: Procedure, case: Case, visit: Visit, context: Context) -> Refusal | None:
    """The chair closes when no vote that is still open can change the outcome (A-12)."""
    stage = procedure[visit.stage]
    if stage.chair is None or not visit.seats:
        return no("wrong_stage", "A-12")
    if as_whom(stage.chair(case, context.policy), context) is None:
        return no("wrong_post", "A-12")
    if case.suspended:
        return no("suspended", "A-33")
    here = [s for s in visit.seats if s.claimed_by and not s.gone]
    if all(s.acted for s in here):
        return None
    # what lies sealed counts as open until it is opened: then only a missing quorum is settled
    return None if count_votes(visit, context).settled(context.policy.ballot) else no("quorum", "A-12")


def _seat(procedure: Procedure, case: Case, visit: Visit, verb: str, key: str, context: Context) -> Refusal | None:
    stage, seat = procedure[visit.stage], visit.seat(key)
    if seat is None or seat.gone:
        ran_out = bool(seat and seat.gone == "ran_out")
        return no("past_deadline", "C-24") if ran_out else no("task_closed", "A-6", why=seat.gone if seat else "")
    ballot = stage.rule is BALLOT
    if seat.acted and not ballot:
        return no("already_acted", "A-14")
    if key not in stage.rule(visit.seats)[1]:
        return no("task_closed", "A-8")
    if as_whom(seat.holder, context) is None:
        return no("not_holder" if seat.holder.kind == "person" else "wrong_post", "A-3")
    if case.suspended:
        return no("suspended", "A-33")
    if verb == "claim":
        if seat.claimed_by:
            return no("already_acted", "A-28", by=seat.claimed_by)
        if not seat.holder.pool:
            return no("wrong_stage", "A-28")
        return separated(procedure, case, stage, seat, context)
    if (seat.holder.pool or (ballot and verb != "decline")) and seat.claimed_by != context.actor:
        return no("not_holder", "A-28", by=seat.claimed_by)
    if verb == "release":
        return None if seat.claimed_by and seat.holder.pool else no("wrong_stage", "A-28")
    if verb == "decline":
        return None if stage.judges or seat.holder.kind == "person" else no("wrong_stage", "G-18")
    if verb == "ask":
        return _ask(visit, key, context)
    if refusal := separated(procedure, case, stage, seat, context):
        return refusal
    if verb == "return":
        if stage.rule is SCORE or (ballot and as_whom(stage.chair(case, context.policy), context) is None):
            return no("unknown_command", "A-3")
        return None if targets(procedure, case, visit, context.policy) else no("target_not_allowed", "A-17")
    known = ("yes", "no", "abstain") if ballot else ("agree",) if stage.rule is SCORE or stage.refused is None \
        else ("agree", "refuse")
    if verb not in known:
        return no("unknown_command", "A-3")
    return unmet(stage.needs, case, context) if verb in ("agree", "yes") else None


def _ask(visit: Visit, key: str, context: Context) -> Refusal | None:
    """申请延期 (C-22, C-23): before the due day ends, no more often than the policy says."""
    clock = visit.clock(key) or visit.clock()
    if clock is None or clock.unit == "until":
        return no("wrong_stage", "C-22")
    if clock.ran_out:
        return no("past_deadline", "C-24")
    if clock.asked_at:
        return no("already_acted", "C-23", by=clock.asked_by)
    return no("target_not_allowed", "C-22") if clock.extensions >= context.policy.extensions_max else None
