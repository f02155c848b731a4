"""决定. decide: clocks that ran out, may they, what follows, and what follows from that. Pure and total."""
from __future__ import annotations

from typing import Any

from .acts import AGAIN, Act, DemandRecusal
from .case import Case, Visit
from .clock import workdays_after
from .events import (
    ActTakenBack,
    BallotClosed,
    CaseEnded,
    CaseOpened,
    CaseResumed,
    CaseSuspended,
    ChildStands,
    ClockPaused,
    DutyDone,
    DutyFailed,
    DutyRetried,
    Entry,
    ExtensionAnswered,
    ExtensionAsked,
    FactProposed,
    ProposalClosed,
    Recused,
    RosterDrawn,
    SeatActed,
    SeatClaimed,
    SeatGone,
    SeatOpened,
    Served,
)
from .evolve import evolve
from .follow import Decision, changed_since
from .late import confirmed, met_in_truth, noted, rule_of, why_not_late
from .may import (
    addressed,
    as_whom,
    barred,
    beside,
    count_votes,
    ending,
    judging,
    may_hold_for,
    may_record,
    over,
    people,
    put_again,
    record_for,
    recorders,
    records_of,
    seconds,
    taken_back,
    targets,
    unheld,
    unmet,
    why_not,
)
from .money import overdrawn
from .refusal import Refusal, no
from .seats import BALLOT, Holder, Seat, person
from .stages import Close, Context, Outcome, Procedure, Stage, gone, roster
from .values import Text, having


def decide(procedure: Procedure, case: Case, act: Act, context: Context) -> tuple[list[Entry], Case] | Refusal:
    """What follows from an act: the entries to append and the case after them, or why not. Never raises."""
    decision = Decision(procedure, case, context)
    decision.take_calendar(act.verb != "look")
    decision.run_clocks()
    if act.verb != "open" and (not decision.case.open or context.gates or procedure.leans(decision.case)
                               or procedure.counts):
        decision.follow(context.now)            # a gate may have moved meanwhile: the case moves before the act
    act = _as_met(decision, act)
    now = decision.case
    if case.visit(act.visit) and not now.visit(act.visit) and act.verb not in ("look", "take_back"):
        return over(now, act.visit)
    if refusal := why_not(procedure, now, act.verb, context, act.visit, act.seat):
        return refusal
    if refusal := why_not_late(procedure, now, act, context):
        return refusal
    if act.verb != "receive" and addressed(procedure, now.visit(act.visit), context):
        decision.add(Served(act.visit), context.now, context.actor, "C-9")      # who acts on a paper has opened it
        decision.follow(context.now)
        now = decision.case
    outcome = _outcome(decision, act)
    if isinstance(outcome, Refusal):
        return outcome
    of, (post, behind) = confirmed(now, act), _post(procedure, now, act, context)
    at = of.at or context.now
    decision.do(outcome, now.visit(of.visit), at, context.actor, rule_of(of, context), post, behind)
    if act.verb == "second":
        decision.add(ProposalClosed(int(act.seat)), context.now, context.actor, "", post, behind)
    # a fact counts from when it was true; what it starts, from when it was known
    decision.follow(at if act.verb == "hear" else context.now)
    decision.run_clocks()
    moves = [t for e in decision.entries for t in e.event.moves]
    if short := overdrawn(context.limits, context.balances, moves):
        return no("not_balanced", "T-42", account=short[1])
    return decision.entries, decision.case


def open_case(procedure: Procedure, id: str, subject: str, policy: str, context: Context, act: Act = Act("look"),
              parent: str = "") -> tuple[list[Entry], Case] | Refusal:
    """A case and the act that opens it: refused together (A-5). The verb `open` brings a first fact."""
    opened = Entry(CaseOpened(id, procedure.kind, subject, policy, parent, context.calendar.version),
                   act.at or context.now, context.actor)
    case = evolve(Case(facts=procedure.facts()), opened)
    if refusal := unmet(procedure.may_open, case, context):
        return refusal
    got = decide(procedure, case, act, context)
    return got if isinstance(got, Refusal) else ([opened, *got[0]], got[1])


def sealed_choice(procedure: Procedure, case: Case, act: Act, policy: Any) -> str:
    """The choice that goes sealed into the vault beside the fact that the seat voted (R-45); "" if none does."""
    return act.verb if act.verb in ("yes", "no", "abstain") and policy.ballot.secret else ""


def _as_met(decision: Decision, act: Act) -> Act:
    """What a limit did that was met in truth is undone (C-35); the act, in the row that is open again."""
    undone = met_in_truth(decision.procedure, decision.case, act, decision.context)
    if not undone:
        return act
    decision.do(undone, None, decision.context.now, rule="C-35")
    decision.follow(decision.context.now)
    closed = next((p for p in decision.case.past if p.no == act.visit), None)
    again = decision.case.on(closed.line).at(closed.stage) if closed else None
    return having(act, visit=again.no) if again else act


def _post(procedure: Procedure, case: Case, act: Act, context: Context) -> tuple[str, str]:
    """The post used and the principal behind it (G-8, G-23): those of the seat, else the first post that fits."""
    visit = case.visit(act.visit)
    seat = visit.seat(act.seat) if visit else None
    here = case.on(visit.line) if visit else case
    holders = [seat.holder] if seat else [*_asked(procedure, here, visit, act, context.policy),
                                          procedure.office(case), procedure.head(case),
                                          *([procedure.applicant(case)] if procedure.applicant else [])]
    for holder in holders:
        whom = as_whom(holder, context)
        if whom is not None:
            return "" if holder.kind == "person" else holder.key, whom
    return "", ""


def _asked(procedure: Procedure, case: Case, visit: Visit | None, act: Act, policy: Any) -> list[Holder]:
    """Whom the table asks for an act that has no seat."""
    match act.verb:
        case "open" | "record":
            rows = procedure.opened_by if act.verb == "open" else records_of(procedure, case, visit)
            return [s.holder for r in rows if r.form is type(act.form) for s in recorders(procedure, case, visit, r, policy)]
        case "second" | "drop":
            return [s.holder for p in case.proposed if str(p.no) == act.seat
                    for s in seconds(procedure, case, p, policy) or ()]
        case "close":
            chair = procedure[visit.stage].chair if visit else None
            return [chair(case, policy)] if chair else []
    return []


# -- what each verb leaves -------------------------------------------------------------------------------------


def _outcome(decision: Decision, act: Act) -> Outcome | Refusal:
    procedure, case, context = decision.procedure, decision.case, decision.context
    visit = case.visit(act.visit)
    stage = procedure[visit.stage] if visit else None
    here = case.on(visit.line) if visit else case
    as_of = having(context, now=act.at) if act.at else context      # a late fact is judged as of when it was true (C-35)
    match act.verb:
        case "look":
            return []
        case "open":
            return _open(procedure, case, act, context)
        case "agree" | "refuse" | "yes" | "no" | "abstain":
            assert visit and stage
            return _say(procedure, here, visit, stage, act, as_of)
        case "return":
            assert visit
            return _return(procedure, here, visit, act, context)
        case "claim" | "release":
            return [SeatClaimed(act.visit, act.seat, context.actor if act.verb == "claim" else "")]
        case "decline":
            assert visit
            return _decline(procedure, here, visit, act, context)
        case "recuse":
            return recuse(procedure, case, act.to, "found", act.opinion, context)
        case "take_back":
            if visit:
                return [ActTakenBack(act.visit, act.seat)]
            back = taken_back(procedure, case, act.visit)
            assert back
            return [Close("taken_back", back[0].stage, back[1].no)]
        case "ask":
            assert visit
            return _ask(visit, act, context)
        case "receive":
            return [Served(act.visit)]
        case "close":
            assert visit
            return _close(here, visit, act, context)
        case "record":
            return noted(act, context, _record(procedure, here, visit, act, context, as_of))
        case "second" | "drop":
            return _second(procedure, case, act, context)
        case "do":
            assert visit
            return _do(procedure, here, visit, act, context)
        case "fail":
            return [] if act.duty in visit.stuck else [DutyFailed(visit.no, act.duty, act.opinion)]
        case "again":
            if visit is None or act.duty not in visit.stuck:
                return no("malformed", "A-41")
            return [DutyRetried(visit.no, act.duty)]
        case "hear":
            return _hear(procedure, case, act, context)
        case "child":
            return [ChildStands(act.to, act.form, case.children.get(act.to))]
        case "suspend":
            return _suspend(case, act, context)
        case "resume":
            return [CaseResumed()]
        case "extend":
            return _extend(decision, act)
        case "assign":
            return _assign(procedure, here, visit, act, context)
        case "vacate":
            seat = visit.seat(act.seat) if visit else None
            if visit is None or seat is None or not seat.open or seat.holder.kind != "person":
                return no("malformed", "G-14")
            if procedure[visit.stage].rule is BALLOT:
                return no("target_not_allowed", "A-11")     # a seat less would be a smaller base
            return [gone(case, visit, seat.key, "vacated", act.opinion)]
        case "withdraw":
            return [CaseEnded("withdrawn", act.opinion)]
        case "end":
            if not act.opinion:
                return no("opinion_required", "A-34")
            return [CaseEnded("terminated", act.opinion)] if ending(case) else [FactProposed(None, act.opinion)]
    return no("unknown_command", "A-3")


def _carried(procedure: Procedure, case: Case, visit: Visit, wanted: type | None, act: Act, context: Context,
             ) -> Outcome | Refusal:
    """What the form that an act carries leaves by its rule."""
    if type(act.form) is not (wanted or type(None)):
        return no("malformed", "A-3", wants=wanted.__name__ if wanted else "")
    return procedure.rules[wanted](case, visit, act.form, context) if wanted else []


def _open(procedure: Procedure, case: Case, act: Act, context: Context) -> Outcome | Refusal:
    record = next((r for r in procedure.opened_by if r.form is type(act.form)), None)
    if record is None:
        return no("unknown_command", "A-3")
    if not (may_record(procedure, case, None, record, context) if record.by else context.actor == "workflow"):
        return no("wrong_post", "A-3")
    return procedure.rules[record.form](case, None, act.form, context)


def _say(procedure: Procedure, case: Case, visit: Visit, stage: Stage, act: Act, context: Context) -> Outcome | Refusal:
    """同意、不同意、投票 (A-14, A-18, A-13)."""
    ballot = stage.rule is BALLOT
    if act.verb == "refuse" and not act.opinion:
        return no("opinion_required", "A-18")
    if stage.sees and act.saw is not None and (changed := changed_since(case, stage, act.saw)):
        return no("stale_version", "A-14", changed="、".join(changed))
    carried = _carried(procedure, case, visit, stage.form if act.verb == "agree" else None, act, context)
    if isinstance(carried, Refusal):
        return carried
    seat = visit.seat(act.seat)
    assert seat
    secret = ballot and context.policy.ballot.secret
    said = SeatActed(visit.no, act.seat, "voted" if secret else act.verb, case.version,
                     Text("") if secret else act.opinion,       # a reason would tell the choice
                     as_whom(seat.holder, context) or "", () if secret else act.files)
    return [*carried, said]


def _decline(procedure: Procedure, case: Case, visit: Visit, act: Act, context: Context) -> Outcome | Refusal:
    """申请回避或谢绝 (G-18): a named person leaves the seat; of a post the person withdraws, and the superior is asked."""
    seat = visit.seat(act.seat)
    assert seat
    if not act.opinion:
        return no("opinion_required", "G-18")
    if seat.holder.kind == "person":
        return [gone(case, visit, act.seat, "declined", act.opinion)]
    who = as_whom(seat.holder, context) or context.actor
    return [*recuse(procedure, case, who, "declared", act.opinion, context), *_passed_up(procedure, case, visit, seat)]


def _passed_up(procedure: Procedure, case: Case, visit: Visit, seat: Seat) -> Outcome:
    """The superior post also gets the seat; others of the same post still have it (A-44)."""
    if procedure.superior is None or any(s.key == f"{seat.counts_as}^" for s in visit.seats):
        return []
    return [SeatOpened(visit.no, Seat(f"{seat.counts_as}^", procedure.superior(case), stands_for=seat.counts_as))]


def recuse(procedure: Procedure, case: Case, who: str, why: str, reason: Text, context: Context) -> Outcome:
    """回避 (G-18 to G-21): that person judges nothing here any more; what they did is judged again, with all that counted
    it, unless the case has its effect already: then a review is the way."""
    if who in case.recused:
        return []
    judged = judging(procedure, case, context.policy)
    lists = tuple(name for name in sorted({s.seats.name for s in procedure.stages if isinstance(s.seats, roster)})
                  if who in (*case.roster(name).members, *case.roster(name).reserve))
    tainted = () if why == "declared" or unmet(procedure.may_end, case, context) else tuple(dict.fromkeys(
        p.stage for p in case.past if p.stage in judged and procedure[p.stage].rule is not BALLOT and not p.line
        and any(who in (a.by, a.behind) for _, a in p.acts)))
    out: Outcome = [Recused(who, why, lists, tainted, reason)]
    for v in (v for v in case.open if v.stage in judged):
        said = [s for s in v.seats if why != "declared" and s.acted and procedure[v.stage].rule is not BALLOT
                and who in (s.acted.by, s.acted.behind)]
        left = [s for s in v.seats if s.open or s in said]
        out += [ActTakenBack(v.no, s.key) for s in said]
        out += [SeatGone(v.no, v.stage, s.key, "recused") for s in left if s.holder == person(who)]
        out += [SeatClaimed(v.no, s.key, "") for s in left if s.holder.pool and s.claimed_by == who]
    main = next((v for v in case.open if not v.line), None)
    return [*out, Close("tainted", tainted[0], main.no)] if tainted and main else out


def _return(procedure: Procedure, case: Case, visit: Visit, act: Act, context: Context) -> Outcome | Refusal:
    """退回 (A-15 to A-17): to a passed row, with a reason, opening the named parts."""
    if not act.opinion:
        return no("opinion_required", "A-15")
    if act.to not in targets(procedure, case, visit, context.policy):
        passed = any(p.stage == act.to and p.line == visit.line for p in case.past)
        made_for_it = act.to in procedure and procedure[act.to].pauses
        return no("target_not_allowed" if passed or made_for_it else "target_not_passed", "A-17", to=act.to)
    clock, target = visit.clock(), procedure[act.to]
    goes_on = bool(target.clock) and visit.stage in target.clock.rest_of        # there, and does not stand still
    pauses = target.pauses and not goes_on and clock and not clock.ran_out
    return [SeatActed(visit.no, act.seat, "return", case.version, act.opinion, files=act.files),
            *([ClockPaused(visit.no, "returned")] if pauses else []),
            Close("returned", act.to, reopens=act.parts)]


def _suspend(case: Case, act: Act, context: Context) -> Outcome | Refusal:
    """挂起 (A-33, C-21): for a reason of the list, not too often for the same; until a day, or until a person resumes."""
    if act.to not in context.policy.suspension_reasons:
        return no("malformed", "C-21", hold_for="、".join(context.policy.suspension_reasons))
    if act.to not in may_hold_for(case, context.policy):
        return no("target_not_allowed", "C-21", held=context.policy.suspensions_max)
    if not act.opinion:
        return no("opinion_required", "C-21")
    until = workdays_after(context.now, act.more, context.calendar) if act.more > 0 else None
    return [CaseSuspended(act.opinion, until, act.to)]


def _ask(visit: Visit, act: Act, context: Context) -> Outcome | Refusal:
    """At most the policy's share of the budget, rounded up (C-22)."""
    key = act.seat if visit.clock(act.seat) else ""
    clock = visit.clock(key)
    assert clock
    n, d = context.policy.extension_share
    most = -(-clock.budget * n // d)
    if not 0 < act.more <= most:
        return no("malformed", "C-22", most=most)
    if not act.opinion:
        return no("opinion_required", "C-22")
    return [ExtensionAsked(visit.no, key, act.more, act.opinion)]


def _extend(decision: Decision, act: Act) -> Outcome | Refusal:
    """准予或不准延期 (C-22, C-23): who asked does not grant (G-13). `more` 0 = not granted."""
    case, context = decision.case, decision.context
    visit = case.visit(act.visit)
    clock = next((c for c in visit.clocks if c.key == act.seat and (
        c in visit.armed or (c.ran_out and context.policy.reopen_allowed))), None) if visit else None
    if visit is None or clock is None or act.more < 0:
        return no("malformed", "C-22")
    if clock.unit == "until":
        return no("target_not_allowed", "C-22")     # a day set elsewhere is moved there, for all alike
    if clock.asked_by in people(context):
        return no("separation", "G-13")
    if not clock.asked_at and (not act.more or not act.opinion):
        return no("opinion_required", "C-22")
    if act.more and clock.extensions >= context.policy.extensions_max:
        return no("target_not_allowed", "C-22")
    n, d = context.policy.extension_share
    if act.more > -(-clock.budget * n // d):
        return no("malformed", "C-22", most=-(-clock.budget * n // d))
    grace = 0 if act.more else decision.grace(visit, act.seat, context.now)
    return [ExtensionAnswered(visit.no, act.seat, act.more, grace, act.opinion)]


def _close(case: Case, visit: Visit, act: Act, context: Context) -> Outcome | Refusal:
    """The ballot's closing (A-11, A-12); below quorum it is called again, and a lost question may be put once more."""
    count = count_votes(visit, context)
    assert count.yes + count.no + count.abstain == sum(bool(s.acted and s.claimed_by and not s.gone) for s in visit.seats)
    result = count.result(context.policy.ballot)
    closed = BallotClosed(visit.no, count.entitled, count.recused, count.present, count.yes, count.no, count.abstain,
                          result)
    if act.to == AGAIN:
        lost = result == "refused" and put_again(case, visit, context.policy)
        return [closed, Close(AGAIN, visit.stage)] if lost else no("target_not_allowed", "A-12")
    return [closed, Close("no_quorum", visit.stage)] if result == "no_quorum" else [closed]


def _record(procedure: Procedure, case: Case, visit: Visit | None, act: Act, context: Context, as_of: Context,
            ) -> Outcome | Refusal:
    record = record_for(procedure, case, type(act.form), visit)
    if record is None:
        return no("unknown_command", "A-3")
    if not may_record(procedure, case, visit, record, context):
        return no("not_holder", "A-3")
    if visit and procedure[visit.stage].not_by and (
            refusal := next((no("separation", "G-13", who=s.key) for s in visit.seats
                             if s.acted and s.acted.by == context.actor), None)):
        return refusal
    done = procedure.rules[record.form](case, visit, act.form, as_of)
    if isinstance(done, Refusal) or not record.second:
        return done
    return [FactProposed(act.form, visit=visit.no if visit else 0, at=as_of.now if as_of.now < context.now else None,
                         clock=record.within.clock(case, context.policy, context.now) if record.within else None)]


def _second(procedure: Procedure, case: Case, act: Act, context: Context) -> Outcome | Refusal:
    proposal = next(p for p in case.proposed if str(p.no) == act.seat)
    if act.verb == "drop":
        return [ProposalClosed(proposal.no)]
    visit = case.visit(proposal.visit)
    here = case.on(visit.line) if visit else case
    as_of = having(context, now=proposal.at) if proposal.at else context
    done = procedure.rules[type(proposal.form)](here, visit, proposal.form, as_of)
    if isinstance(done, Refusal):
        return done
    if isinstance(proposal.form, DemandRecusal):
        done = [*done, *recuse(procedure, case, proposal.form.person, "demanded", proposal.form.reason, context)]
    return done


def _do(procedure: Procedure, case: Case, visit: Visit, act: Act, context: Context) -> Outcome | Refusal:
    """A duty's result: only what is owed now, in its order."""
    duty = next((d for d in procedure.owed(case, visit, context.policy) if d.name == act.duty), None)
    if duty is None or duty.told or duty.to or duty.of:
        return no("task_closed", "A-3", duty=act.duty)
    carried = _carried(procedure, case, visit, duty.form, act, context)
    return carried if isinstance(carried, Refusal) else [*carried, DutyDone(visit.no, duty.name)]


def _hear(procedure: Procedure, case: Case, act: Act, context: Context) -> Outcome | Refusal:
    """Another case tells us; it names no visit: where we stand is ours to know."""
    for v in case.open:
        duty = procedure.duty(case, v, context.policy)
        if duty and duty.told and duty.form is type(act.form):
            said = procedure.rules[duty.form](case.on(v.line), v, act.form, context)
            return said if isinstance(said, Refusal) else [*said, DutyDone(v.no, duty.name)]
    if type(act.form) not in procedure.hears or not case.open:
        return no("wrong_stage", "A-3")
    main = case.open[0]
    said = procedure.rules[type(act.form)](case, main, act.form, context)
    if isinstance(said, Refusal):
        return said
    return [Close(x.outcome, x.to, x.visit or main.no, x.reopens) if isinstance(x, Close) else x for x in said]


def _assign(procedure: Procedure, case: Case, visit: Visit | None, act: Act, context: Context) -> Outcome | Refusal:
    """指派 (A-43, G-14): a named person beside a seat that nobody can hold, or in place of one that is gone; somebody from
    outside the county only by the superior.

    Where the row asks the people of a list, the person joins it: seats, sheets and later rows read the list.
    """
    if visit is None or not act.to:
        return no("malformed", "A-43")
    stage, seat = procedure[visit.stage], visit.seat(act.seat)
    missing = unheld(procedure, case, visit, context.policy)
    if refusal := barred(procedure, case, stage, act.to):
        return refusal
    if act.to in context.outside and (procedure.superior is None or as_whom(procedure.superior(case), context) is None):
        return no("wrong_post", "G-14", outside=act.to)
    if missing and isinstance(stage.seats, roster):
        if visit.seat(act.to) or act.to in case.roster(stage.seats.name).ever():
            return no("already_acted", "A-43")
        return [RosterDrawn(stage.seats.name, (act.to,))]
    if missing:
        key = next(iter((*procedure.deserted(visit), *(s.counts_as for s in visit.seats))), "office")
    elif seat and beside(stage, seat):
        key = seat.counts_as
    else:
        return no("malformed", "A-43")
    if any(s.key == f"{key}@{act.to}" for s in visit.seats):
        return no("already_acted", "A-43")
    return [SeatOpened(visit.no, Seat(f"{key}@{act.to}", Holder("person", act.to), stands_for=key))]


