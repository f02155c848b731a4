"""A county in memory: one batch, its applications, and everybody who has a hand in them. One seed, one life.

`World` is the store, the workflows, the people, time and the outside at once; `check` says what no order of acts can
break. `python -m tests.domain.world FIRST N STEPS` plays N lives and prints what they reached.
"""
from __future__ import annotations

import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY, DAY, Calendar, day_of, start_of, whole_workdays_between
from domain.kernel.case import (
    BallotClosed,
    Case,
    CaseEnded,
    DutyDone,
    Entry,
    ExtensionAnswered,
    ReminderDue,
    SeatActed,
    StageClosed,
    StageOpened,
    StageSkipped,
    Visit,
    evolve,
)
from domain.kernel.decide import decide, open_case, sealed_choice
from domain.kernel.follow import Decision, moments, outcome_of
from domain.kernel.gates import next_number, number_gate, shown
from domain.kernel.may import ending, unheld, why_not
from domain.kernel.plan import Offer, Owed, Task, offers, plan
from domain.kernel.refusal import Refusal
from domain.kernel.seats import BALLOT, Holder, Seat, post
from domain.kernel.stages import WORKFLOW, Context, Gates, Procedure
from domain.kernel.values import Text, having
from domain.recognition import batch as b
from domain.recognition.dossier import AnswerLeaf, Apply, Declare, Describe, missing
from domain.recognition.facts import CalledToVote, ResultProposed, TitleConferred
from domain.recognition.policy import StarPolicy, read_policy
from domain.recognition.procedure import BATCH, STAR
from domain.recognition.proposal import EnterRegister, Letter, Propose, Rendered, certificate_series, computed
from domain.recognition.review import Drawn, Sheet
from domain.recognition.site import (
    SUGGESTIONS,
    Answers,
    FixVisit,
    Mended,
    Reply,
    Rescored,
    SiteSheet,
    VetoFound,
    VisitHeld,
    panel_score,
    panel_sheets,
)
from domain.registers.organisation import Organisation, Title, Violation
from domain.registers.organisation import shows as shown_by_school

POLICIES = Path(__file__).parents[2] / "data" / "policy"
B = "星批2026-001"
STAFF, HEAD = post("basic_education_section_staff", "SC2"), post("basic_education_section_head", "SC2")
LEADER, DEPUTY = post("bureau_leader", "BUREAU"), post("bureau_deputy", "BUREAU")
WORDS = Text("因为")
FORM_REASONS = frozenset("""malformed opinion_required amount_invalid attachment_required target_not_passed target_not_allowed
    stale_version calendar_unpublished true_at_impossible not_late_able wrong_stage already_acted""".split())
"""What may still be refused after an act was offered: what stands in its form, and what the form's own rule asks."""


@cache
def policy_file(name: str) -> StarPolicy:
    return read_policy(yaml.safe_load((POLICIES / "recognition" / f"{name}.yaml").read_text()))


@cache
def calendar_to(year: int) -> Calendar:
    """What is published by then: the national years, each in the last quarter before it (C-1)."""
    files = [yaml.safe_load((POLICIES / "calendar" / f"{y}.yaml").read_text()) for y in range(2026, year + 1)]
    return Calendar(frozenset(x["date"] for f in files for x in f["holidays"]),
                    frozenset(x["date"] for f in files for x in f["makeup_workdays"]), date(year, 12, 31))


def a_policy(r: Random) -> StarPolicy:
    """One of the two files, with those numbers turned that decide where a case goes."""
    p = policy_file(r.choice(["star-school-2015", "star-school-2026"]))
    easy = r.random() < .6
    levels = {n: having(x, quota=r.choice([None, 1, 2, 3]), pass_cp=5000 if easy else x.pass_cp,
                        floors_cp={} if easy else x.floors_cp) for n, x in p.levels.items()}
    ballot = having(p.ballot, secret=r.random() < .5, of=r.choice(["present", "present_voting", "base"]),
                    more_than=r.random() < .3)
    return having(p, levels=levels, ballot=ballot, reserve=r.choice([0, 1]), redraw_max=r.choice([0, 1, 3]),
                  mending=r.random() < .8, rescored_by=r.choice(["site_panel", "leader_and_one"]))


class World:
    def __init__(self, seed: int, start: str = "") -> None:
        self.r = r = Random(seed)
        self.mischief, self.seen = True, Counter[str]()
        self.policy, self.calendar = a_policy(r), calendar_to(2026)
        self.now = datetime(2026, 4, 1, 9, tzinfo=COUNTY)
        self.cases: dict[str, Case] = {}
        self.logs: dict[str, list[Entry]] = defaultdict(list)
        self.shown: dict[tuple[str, str], Any] = {}
        self.vault: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        self.changed: set[str] = set()
        self.schools: dict[str, Organisation] = {}
        self._people()
        last = day_of(self.now) + r.randint(5, 30) * DAY
        opening = Act("open", form=b.OpenBatch("2026年", day_of(self.now), last))
        got = open_case(BATCH, B, self.policy.programme, self.policy.id, self.context("head"), opening)
        assert not isinstance(got, Refusal), got
        self.commit(B, None, got[1], got[0])
        for school in self.schools:
            if r.random() < .9:
                self.apply(school)
        self._head_start(start)

    def _people(self) -> None:
        r = self.r
        self.posts: dict[str, frozenset[Holder]] = {
            "staff1": frozenset({STAFF}), "staff2": frozenset({STAFF}), "head": frozenset({HEAD}), "head2": frozenset({HEAD}),
            "leader": frozenset({LEADER}), "deputy": frozenset({DEPUTY}), "sub": frozenset()}
        self.behind = {"sub": "head"}
        for n in range(r.randint(3, 6)):
            school = f"VS{n}" if n == 2 else f"S{n}"
            chief = post("site_head" if n == 2 else "principal", school)
            self.posts |= {f"clerk-{school}": frozenset({post("applicant", school)}), f"chief-{school}": frozenset({chief})}
            if r.random() < .15:                # writes and would like to sign (G-13)
                self.posts[f"chief-{school}"] |= {post("applicant", school)}
            held = (Title("star-school", 1, date(2021, 9, 1), date(2027, 8, 31)),) if r.random() < .4 else ()
            kind = "kindergarten" if r.random() < .04 else r.choice(["full_primary", "nine_year", "junior"])
            self.school(school, Organisation(school, kind, "DS1", "", r.choice(["城关街道", "石门镇"]),
                                             2024 if r.random() < .08 else 1990, held))
        self.pool = [f"expert{i}" for i in range(r.choice([6, 14, 24]))]
        self.members = [f"member{i}" for i in range(9)] + ["staff2", "expert1", "expert2"]
        for who in (*self.pool, *self.members):
            self.posts.setdefault(who, frozenset())
        tied = r.sample([*self.pool, *self.members[:9], "leader", "deputy", "staff2", "head", "sub"], 8)
        self.ties = {who: frozenset({r.choice(sorted(self.schools))}) for who in tied}

    def _head_start(self, goal: str) -> None:
        """Helpful people bring the batch to a row, each application at its own pace."""
        pace = {id: self.r.choice([1, 1, 4]) for id in self.cases} | {B: 4}
        mischief, self.mischief = self.mischief, self.r.random() < .5
        for _ in range(1500):
            case = self.cases[B]
            if not goal or case.ended or (case.at(goal) and (goal != "review" or self.r.random() < .01)):
                break
            ids = [c for c, x in self.cases.items() if not x.ended]
            if ids and not self.push(self.r.choices(ids, [pace.get(c, 1) for c in ids])[0]) and self.r.random() < .3:
                self.pass_time(self.r.choice([1, 1, 2]))
        self.mischief = mischief

    # -- the store: one step is one commit of child and parent -------------------------------------------------

    def procedure(self, id: str) -> Procedure:
        return BATCH if id == B else STAR

    def context(self, who: str, id: str = "", act: Act | None = None, leans: Iterable[str] = ()) -> Context:
        """Exactly the gates that the case leans on; sealed choices for the closing of their ballot only (R-45)."""
        leans = {*leans, *(self.procedure(id).leans(self.cases[id]) if id else ())}
        if act and isinstance(act.form, Drawn):     # gates that the form itself names, as the activities do
            leans |= {f"load:{who}" for who, _ in act.form.loads}
        elif act and isinstance(act.form, EnterRegister):
            leans.add(number_gate(certificate_series(self.policy.id, self.cases[id].facts.signed_on.year)))
        behind = self.behind.get(who, "")
        return Context(
            self.now, who, self.posts.get(who, frozenset()), behind, self.posts.get(behind, frozenset()),
            self.ties.get(who, frozenset()) | self.ties.get(behind, frozenset()), self.policy, self.calendar,
            Gates({k: v for k, v in self.shown.items() if k[0] in leans}),
            sealed=dict(self.vault[id, act.visit]) if act and act.verb == "close" else {})

    def act(self, id: str, act: Act, who: str) -> Refusal | None:
        before = self.cases[id]
        got = decide(self.procedure(id), before, act, self.context(who, id, act))
        if isinstance(got, Refusal):
            self.seen[f"refused {got.code}"] += 1
            if act.verb != "look":
                self.look(id)                   # a refused act leaves the run-outs that it met
            return got
        self.seen[f"verb {act.verb}"] += 1
        for e in got[0]:
            if isinstance(e.event, BallotClosed):
                self._counted(before, before.visit(act.visit), e.event)
        if choice := sealed_choice(self.procedure(id), got[1], act, self.policy):
            self.vault[id, act.visit][act.seat] = choice
        self.commit(id, before, got[1], got[0])
        return None

    def apply(self, school: str) -> Refusal | None:
        """R-64, R-6: an application opens in the window, one a school."""
        series = f"星申{self.now.year}"
        id = f"{series}-{next_number(Gates(self.shown), series):03}"
        unborn = Case(id, STAR.kind, school, self.policy.id, parent=B, facts=STAR.facts())
        level = 2 if self.schools[school].titles and self.r.random() < .8 else 1
        got = open_case(STAR, id, school, self.policy.id, self.context(f"clerk-{school}", leans=STAR.leans(unborn)),
                        Act("open", form=Apply(level)), B)
        if isinstance(got, Refusal):
            self.seen[f"not opened {got.code}"] += 1
            return got
        self.commit(id, None, got[1], got[0])
        return None

    def commit(self, id: str, before: Case | None, after: Case, entries: list[Entry]) -> None:
        self._write(id, after, entries)
        if id != B and (before is None or STAR.tells(before) != STAR.tells(after)):
            act = Act("child", to=id, form=STAR.tells(after))
            got = decide(BATCH, self.cases[B], act, self.context(WORKFLOW, B))
            assert not isinstance(got, Refusal), (id, act, got)
            self.seen["verb child"] += 1
            self._write(B, got[1], got[0])

    def _write(self, id: str, after: Case, entries: list[Entry]) -> None:
        self.cases[id] = after
        self.logs[id] += entries
        self.changed.add(id)
        self._show(id, shown(self.procedure(id), after))
        self._observe(id, entries)

    def _show(self, raiser: str, gates: dict[str, Any]) -> None:
        self.shown = {k: v for k, v in self.shown.items() if k[1] != raiser} | {(g, raiser): v for g, v in gates.items()}

    def current(self, id: str) -> Case:
        """The case as a reader sees it: what ran out is applied."""
        decision = Decision(self.procedure(id), self.cases[id], self.context(WORKFLOW, id))
        decision.run_clocks()
        decision.follow(self.now)
        return decision.case

    def look(self, id: str) -> bool:
        return self.act(id, Act("look"), WORKFLOW) is None

    def open_cases(self) -> list[str]:
        return [id for id, case in self.cases.items() if not case.ended]

    # -- the workflows ---------------------------------------------------------------------------------------

    def duty(self, id: str, owed: Owed) -> bool:
        """One command of the workflow: one child is told, or the parent's own result is brought."""
        case, procedure = self.cases[id], self.procedure(id)
        visit = case.visit(owed.visit)
        assert visit
        duty = next(d for d in procedure[owed.stage].duties if d.name == owed.duty)
        self.seen[f"duty {procedure.kind}.{duty.name}"] += 1
        if self.mischief and self.r.random() < .02:
            return self.act(id, Act("fail", owed.visit, duty=owed.duty, opinion=WORDS), WORKFLOW) is None
        if not duty.to:
            refusal = self.act(id, Act("do", owed.visit, duty=owed.duty, form=self.form(id, visit, duty.form)), WORKFLOW)
            assert refusal is None, (owed, refusal)
            return True
        child = self.r.choice(duty.to(case, self.policy))
        if owed.duty == "refuse_below":         # it was ranked, or cut, on this proposal
            ranked = max(e.at for e in self.logs[B] if isinstance(e.event, b.Ranked | b.PlacesCut))
            assert max(e.at for e in self.logs[child] if isinstance(e.event, ResultProposed)) <= ranked, (child, ranked)
        form, at = duty.say(case, child)
        was = case.children[child]
        refusal = self.act(child, Act("hear", form=form, at=at), WORKFLOW)
        assert self.cases[B].children[child] != was, ("told in vain", owed.duty, child, refusal, was)
        return True

    # -- the people --------------------------------------------------------------------------------------------

    def form(self, id: str, visit: Visit | None, want: type | None) -> Any:
        """What a person who means well puts into the form."""
        r, p, case = self.r, self.policy, self.cases[id]
        f = case.facts
        match want.__name__ if want else "":
            case "Drawn":
                return Drawn(f"seed{r.random()}", self._candidates(case), tuple((x, 3) for x in self.pool))
            case "Describe":
                return Describe(WORDS, "语文", WORDS)
            case "AnswerLeaf":
                leaf = r.choice([x for x in p.leaves if x.by != {"office"}])
                return AnswerLeaf(leaf.id, leaf.full_cp, ("file",) * leaf.evidence_min)
            case "Declare":
                excluded = tuple(r.sample(self.pool, 1)) if r.random() < .2 else ()
                return Declare(True, excluded, WORDS if excluded else Text(""))
            case "Sheet":
                return Sheet(self._scores("material"), tuple((x.id, WORDS) for x in p.scored("material")))
            case "FixVisit":
                return FixVisit(self._day_after(p.visit_notice))
            case "VisitHeld":
                return VisitHeld(tuple(p.activities_min.items()))
            case "VetoFound":
                return VetoFound(p.vetoes[0].code, WORDS)
            case "SiteSheet":
                says = r.choice(["recognise", "recognise", *SUGGESTIONS, "mend"])
                return SiteSheet(self._scores("site"), says, dissent=WORDS if r.random() < .2 else Text(""))
            case "Reply":
                return Reply((WORDS, WORDS) if r.random() < .3 else ())
            case "Answers":
                return Answers((WORDS,) * f.disputed)
            case "Mended":
                return Mended((p.scored("site")[0].id,), WORDS)
            case "Rescored":
                return Rescored(self._rescored(case))
            case "Propose":
                passes = computed(case, p).passed and not f.vetoes
                departs = r.choice(["refuse", "defer"]) if passes and r.random() < .25 else ""
                return Propose(departs, WORDS if departs else Text(""))
            case "Letter":
                return Letter(WORDS)
            case "EnterRegister":
                return EnterRegister("code")
            case "Rendered":
                return Rendered("certificate" if case.at("conferment") else "letter", "file")
            case "PublishCall" | "PublishNotice" | "DocumentMade":
                return want("file")
            case "ExtendWindow":
                return b.ExtendWindow(max(f.last_day, day_of(self.now)) + r.randint(1, 9) * DAY)
            case "GoOnEarlier" | "Minutes":
                return want(WORDS)
            case "Convene":
                return self._convene(case)
            case "SignedOut":
                return b.SignedOut(r.choice(f.present or ("member0",)))
        return want() if want else None

    def _scores(self, by: str) -> tuple[tuple[str, int], ...]:
        share = self.r.choice([60, 80, 90, 95, 100])
        return tuple((x.id, x.full_cp * share // 100 // x.step_cp * x.step_cp) for x in self.policy.scored(by))

    def _rescored(self, case: Case) -> tuple[tuple[str, int], ...]:
        leaf = self.policy.leaf(next(iter(case.facts.mend_leaves), ""))
        if leaf is None or self.r.random() < .3:
            return ()
        best = leaf.full_cp * self.policy.mend_cap_bp // 10000 // leaf.step_cp * leaf.step_cp
        least = panel_score(case, leaf.id)
        return ((leaf.id, best),) if best <= least + (self.policy.mend_gain_cp or best) else ()

    def _candidates(self, case: Case) -> tuple[tuple[str, str, bool, bool, bool], ...]:
        """The pool with the reasons of exclusion; a tie may not be known yet."""
        r = self.r
        return tuple((x, "tied" if case.subject in self.ties.get(x, ()) and r.random() < .8 else "", r.random() < .5,
                      r.random() < .5, r.random() < .8) for x in self.pool)

    def _convene(self, case: Case) -> b.Convene:
        """In earnest, members who may vote on every candidate; else whoever."""
        f, members = case.facts, self.members
        if not self.mischief:
            judges = {j for c in f.ranked for j in case.children[c].judges}
            schools = {case.children[c].subject for c in f.ranked}
            members = [m for m in members if m not in judges and not schools & self.ties.get(m, frozenset())]
        elif self.r.random() < .15:
            members = ["staff2", "expert1", "expert2", "head"]
        some = self.r.sample(members, min(len(members), self.r.randint(3, 9)))
        secretary = self.r.choice(some) if self.mischief and self.r.random() < .2 else "staff1"
        return b.Convene(tuple(some), secretary, self._day_after(self.policy.papers_before), WORDS)

    def _day_after(self, workdays: int) -> date:
        """The first working day with so many whole working days before it (C-17)."""
        day = day_of(self.now) + DAY
        while whole_workdays_between(day_of(self.now), day, self.calendar) < workdays or not self.calendar.works(day):
            day += DAY
        return day

    def holders(self, holder: Holder) -> list[str]:
        """Who may act there, substitutes last."""
        if holder.kind == "person":
            return [holder.id]
        mine = having(holder, pool=False)
        return [w for w, posts in self.posts.items() if mine in posts] + [
            w for w, other in self.behind.items() if mine in self.posts[other]]

    def push(self, id: str) -> bool:
        """One helpful step of whoever is next; False when there is nothing to do but wait."""
        if self.current(id) != self.cases[id]:
            return self.look(id)
        case = self.cases[id]
        if case.ended:
            return False
        p = plan(self.procedure(id), case, self.context(WORKFLOW, id))
        if p.duties:
            return self.duty(id, self.r.choice(p.duties))
        if case.suspended:
            return self.act(id, Act("resume"), self._office(id)) is None
        return any(self._prepare(id, v) for v in case.open) or any(self._settle(id, t) for t in p.tasks)

    def _office(self, id: str, *others: str, of: tuple[str, ...] = ("staff1", "staff2", "head", "head2")) -> str:
        """Somebody of the section without a tie."""
        subject = self.cases[id].subject
        return next(w for w in of if w not in others and subject not in self.ties.get(w, ()))

    def _prepare(self, id: str, v: Visit) -> bool:
        """What goes before the act of a row: the dossier is filled in, the members sign in, vote or leave."""
        case, f = self.cases[id], self.cases[id].facts
        match v.stage:
            case "dossier" if missing(case, self.policy):
                clerk = f"clerk-{case.subject}"
                self.act(id, Act("record", v.no, form=self.form(id, v, Describe)), clerk)
                for leaf in self.policy.leaves:
                    if leaf.by != {"office"}:
                        answer = AnswerLeaf(leaf.id, 0, ("file",) * leaf.evidence_min)
                        assert self.act(id, Act("record", v.no, form=answer), clerk) is None
                return True
            case "correction" if v.editable and self.r.random() < .3:
                return self.act(id, Act("record", v.no, form=self._answer(v)), f"clerk-{case.subject}") is None
            case "meeting":
                for m in f.members:
                    if m not in f.present and (not self.mischief or self.r.random() < .5) \
                            and self.act(id, Act("record", v.no, form=b.SignedIn()), m) is None:
                        return True
                chairs = [s.holder.id for s in v.seats if not s.gone]
                return f.chair not in chairs and any(
                    self.act(id, Act("record", v.no, form=b.OpenMeeting()), x) is None for x in chairs)
            case "vote":
                return any(self._vote(id, v, s) for s in v.seats if s.claimed_by and s.open)
        return False

    def _answer(self, v: Visit) -> AnswerLeaf:
        leaf = self.policy.leaf(next((x for x in v.editable if x.startswith("leaf.")), "").removeprefix("leaf."))
        return AnswerLeaf(leaf.id, 0, ("new",) * leaf.evidence_min) if leaf else AnswerLeaf("", 0)

    def _vote(self, id: str, v: Visit, s: Seat) -> bool:
        refusal = self.act(id, Act(self.r.choice(["yes"] * 5 + ["no", "abstain"]), v.no, s.key), s.key)
        if refusal:                             # one's own school, or judged before: they say so and leave (G-18)
            assert refusal.code in ("own_case", "separation"), refusal
            assert self.act(id, Act("decline", v.no, s.key, opinion=WORDS), s.key) is None
        return True

    def _settle(self, id: str, t: Task) -> bool:
        """Whoever may do it does it; where nobody can, the office finds somebody (A-43, G-14)."""
        visit = self.cases[id].visit(t.visit)
        row = self.procedure(id)[visit.stage] if visit else None
        if visit is None or row is None:        # an ending that waits for its second person: it waits
            return False
        if t.seat == "close":
            return any(self.act(id, Act("close", t.visit), w) is None for w in self.holders(t.holder))
        if t.seat.startswith("extend:"):
            asked = visit.clock(t.seat.removeprefix("extend:"))
            more = self.r.choice([0, asked.asked_more]) if asked else 0
            return self.act(id, Act("extend", t.visit, asked.key, more=more), self._office(id, asked.asked_by)) is None
        if t.seat.startswith("again:"):
            return self.act(id, Act("again", t.visit, duty=t.seat.removeprefix("again:")), self._office(id)) is None
        if t.seat == "assign":
            return self.assign(id, visit, "")
        if row.rule is BALLOT:
            return False
        for who in self.holders(t.holder):
            if t.holder.pool and not t.claimed_by:
                self.act(id, Act("claim", t.visit, t.seat), who)
            for verb in self._verbs(id, visit, t, who):
                if why_not(self.procedure(id), self.cases[id], verb, self.context(who, id), t.visit, t.seat) is None \
                        and self.act(id, self.said(id, visit, verb, t.seat), who) is None:
                    return True
        return self._barred(id, visit, t)

    def _verbs(self, id: str, visit: Visit, t: Task, who: str) -> list[str]:
        if self.mischief and self.r.random() < .12:
            return self.r.sample(["return", "refuse", "decline", "ask", "release"], 2)
        return ["agree", "refuse"] if visit.stage == "eligibility" else ["agree"]

    def _barred(self, id: str, visit: Visit, t: Task) -> bool:
        """The seat of somebody who may not act is vacated; a post all of whose holders may not gets another person."""
        procedure, case = self.procedure(id), self.cases[id]
        why = [why_not(procedure, case, "agree", self.context(w, id), t.visit, t.seat) for w in self.holders(t.holder)]
        if not all(w and w.code in ("own_case", "separation", "not_holder") for w in why) or t.claimed_by:
            return False
        if t.holder.kind == "person":
            return self.act(id, Act("vacate", t.visit, t.seat, opinion=WORDS), self._office(id)) is None
        return not any("@" in s.key and s.open for s in visit.seats) and self.assign(id, visit, t.seat)

    def assign(self, id: str, visit: Visit, seat: str) -> bool:
        """Somebody from another county (G-14)."""
        who = f"outside{len(self.posts)}"
        self.posts[who] = frozenset()
        return self.act(id, Act("assign", visit.no, seat, to=who), self._office(id)) is None

    def said(self, id: str, visit: Visit | None, verb: str, seat: str = "", want: type | None = None,
             targets: tuple[str, ...] = ()) -> Act:
        """A whole act of that verb."""
        r, case = self.r, self.cases[id]
        row = self.procedure(id)[visit.stage] if visit else None
        to = ""
        if verb == "return":
            to = r.choice(targets or (row.returns if row else ()) or ("",))
        elif verb == "assign":
            to = f"outside{r.randrange(3)}"
        form = self.form(id, visit, want or (row.form if row and verb == "agree" else None))
        parts = tuple(f"leaf.{x.id}" for x in r.sample([x for x in self.policy.leaves if x.by != {"office"}], 2))
        return Act(verb, visit.no if visit else 0, seat, to, parts, WORDS, form, more=r.randint(1, 3), saw=case.version)

    # -- whatever else may happen ------------------------------------------------------------------------------

    def anyone(self, mean: bool) -> None:
        """Somebody takes what is offered, or tries what is not: the answer is the one that was shown."""
        r, id = self.r, self.r.choice(self.open_cases() or [B])
        case = self.current(id)
        near = {"staff1", "staff2", "head", "sub", "leader", f"clerk-{case.subject}", f"chief-{case.subject}"} | {
            s.holder.id for v in case.open for s in v.seats if s.holder.kind == "person"}
        who = r.choice(sorted(self.posts if mean else near & self.posts.keys()))
        found = [o for o in offers(self.procedure(id), case, self.context(who, id)) if (o.refusal is not None) == mean
                 and (o.verb not in ("withdraw", "end", "suspend", "vacate", "extend") or r.random() < .1)]
        if found:
            verb = r.choice(sorted({o.verb for o in found}))
            self.take(id, r.choice([o for o in found if o.verb == verb]), who)

    def take(self, id: str, offer: Offer, who: str) -> None:
        act = self._taken(id, self.current(id), offer)
        self._as_shown(id, offer, act, self.act(id, act, who))

    def _taken(self, id: str, case: Case, offer: Offer) -> Act:
        """The act of an offer; an office act names its seat or clock, which the offer does not."""
        visit, seat = case.visit(offer.visit), offer.seat
        if offer.verb in ("vacate", "assign", "extend") and case.open:
            visit = self.r.choice(case.open)
            keys = [c.key for c in visit.clocks] if offer.verb == "extend" else [s.key for s in visit.seats]
            seat = self.r.choice(keys) if keys else ""
        act = self.said(id, visit, offer.verb, seat, offer.form, offer.targets)
        return act if visit else replace(act, visit=offer.visit)

    def _as_shown(self, id: str, offer: Offer, act: Act, refusal: Refusal | None) -> None:
        if offer.verb == "close" and self.policy.ballot.secret:
            return                              # the page does not open what lies sealed
        if offer.refusal:
            assert refusal and refusal.code == offer.refusal.code, (id, offer, act, refusal)
        elif not (refusal and offer.verb == "extend" and refusal.code == "separation"):     # who asked for that clock
            assert refusal is None or refusal.code in FORM_REASONS, (id, offer, act, refusal)

    def outside(self, what: str) -> None:
        """A fact of another case: a rectification is overdue or closed, a violation proven or annulled (L-1, L-2)."""
        r, school = self.r, self.r.choice(sorted(self.schools))
        stands = {c: STAR.tells(self.cases[c]).what for c in self.open_cases() if c != B}
        late = [c for c, what in stands.items() if what == "free"] or [c for c, what in stands.items() if what != "working"]
        if late and r.random() < .7:
            school = self.cases[r.choice(late)].subject
        o = self.schools[school]
        if what == "overdue":
            rest = tuple(x for x in o.rectifications if x[2] != "overdue")
            more = () if o.overdue else ((f"R{len(rest)}", day_of(self.now), "overdue"),)
            closed = tuple((no, on, "late") for no, on, how in o.rectifications if how == "overdue")
            o = having(o, rectifications=(*rest, *closed, *more))
        elif o.violations:
            o = having(o, violations=o.violations[1:])
        else:
            codes = [v.code for v in self.policy.vetoes] + ["teaching_aids"]
            proven = day_of(self.now) - r.choice([0, 3, 40, 500, 900]) * DAY
            o = having(o, violations=(Violation(f"D{r.randrange(99)}", r.choice(codes), proven),))
        self.seen[f"outside {what}"] += 1
        self.school(school, o)
        for id in self.open_cases():            # a gate that moves knocks who leans on it, sooner or later
            if self.cases[id].subject == school and r.random() < .7:
                self.look(id)

    def school(self, id: str, o: Organisation) -> None:
        self.schools[id] = o
        self._show(id, dict(shown_by_school(Case(id, facts=o))))

    def applicant_leaves(self) -> None:
        if apps := [c for c in self.open_cases() if c != B]:
            id = self.r.choice(apps)
            self.act(id, Act("withdraw", opinion=WORDS), f"chief-{self.cases[id].subject}")

    def office_stops(self) -> None:
        """挂起, sometimes until a day (C-21)."""
        if ids := self.open_cases():
            id = self.r.choice(ids)
            self.act(id, Act("suspend", opinion=WORDS, more=self.r.choice([0, 2, 5])), self._office(id))

    def office_ends(self) -> None:
        """Two persons, or one and it waits (A-34)."""
        for id in self.r.sample(self.open_cases(), min(1, len(self.open_cases()))):
            if self.act(id, Act("end", opinion=WORDS), self._office(id)) is None and self.r.random() < .5:
                self.act(id, Act("end", opinion=WORDS), self._office(id, of=("head", "head2")))

    def asks_for_time(self) -> None:
        """申请延期 and, sometimes, the answer (C-22, C-23)."""
        for id in self.r.sample(self.open_cases(), len(self.open_cases())):
            case = self.current(id)
            for v, s in [(v, s) for v in case.open for s in v.seats if s.open]:
                who = s.claimed_by or self.holders(s.holder)[0]
                if self.act(id, Act("ask", v.no, s.key, opinion=WORDS, more=1), who) is None:
                    if self.r.random() < .5:
                        key = s.key if v.clock(s.key) else ""
                        self.act(id, Act("extend", v.no, key, more=self.r.choice([0, 1])), self._office(id, who))
                    return

    def takes_back(self) -> None:
        """取回, of the open visit or of the one before it (A-21)."""
        for id in self.r.sample(self.open_cases(), len(self.open_cases())):
            for visit, seat, who in self._last_acts(self.current(id)):
                if self.act(id, Act("take_back", visit, seat), who) is None:
                    self.seen["taken back " + ("open" if seat else "closed")] += 1
                    return

    def _last_acts(self, case: Case) -> list[tuple[int, str, str]]:
        acted = [(v.no, s.key, s.acted.by) for v in case.open for s in v.seats if s.acted]
        return acted + [(p.no, "", a.by) for p in case.past[-2:] for _, a in p.acts]

    def window_is_extended(self) -> None:
        if visit := self.cases[B].at("window"):
            self.act(B, Act("record", visit.no, form=self.form(B, visit, b.ExtendWindow)), "head")

    def goes_on_earlier(self) -> None:
        if visit := self.cases[B].at("review"):
            self.act(B, Act("record", visit.no, form=b.GoOnEarlier(WORDS)), "head")

    def visit_recorded_late(self) -> None:
        """补录 (C-32): the visit was held, the leader enters it days later."""
        for id in self.open_cases():
            v = self.cases[id].at("visit") if id != B else None
            if v and self.cases[id].facts.notified:
                at = max(v.opened_at, start_of(self.cases[id].facts.day) + timedelta(hours=10))
                for s in v.seats:
                    if at <= self.now and self.act(id, replace(self.said(id, v, "agree", s.key), at=at), s.key) is None:
                        self.seen["recorded late"] += 1
                        return

    def pass_time(self, days: int) -> None:
        """Time goes on; some timers fire late, some pages of the calendar are published, rarely the system is down."""
        was, self.now = self.now, self.now + timedelta(days=days, hours=self.r.randrange(9))
        if self.now.month >= 10 and self.calendar.published_to.year == self.now.year:
            self.calendar = replace(calendar_to(self.now.year + 1), outages=self.calendar.outages)
        if self.r.random() < .05:
            down = (self.now - min(self.now - was, timedelta(hours=30)), self.now)
            self.calendar = replace(self.calendar, outages=(*self.calendar.outages, down))
            self.seen["outage"] += 1
        for id in self.r.sample(self.open_cases(), len(self.open_cases())):
            if self.r.random() < .6:
                self.look(id)

    def helpful(self, times: int) -> None:
        for _ in range(times):
            if ids := self.open_cases():
                self.push(self.r.choice(ids))
                if self.r.random() < .05:
                    self.takes_back()

    RARE = ("applicant_leaves", "office_stops", "office_ends", "window_is_extended", "goes_on_earlier",
            "visit_recorded_late", "asks_for_time", "takes_back")

    def step(self) -> None:
        """One random thing, and the checks."""
        r = self.r
        match r.choices(["helpful", "good", "mean", "outside", "time", "late child", "rare"], [30, 25, 8, 12, 14, 2, 12])[0]:
            case "helpful":
                self.helpful(r.choice([1, 2, 3, 6]))
            case "good":
                self.anyone(mean=False)
            case "mean":
                self.anyone(mean=True)
            case "outside":
                self.outside(r.choice(["overdue", "violation"]))
            case "time":
                self.pass_time(r.choice([1, 1, 2, 3, 5, 12]))
            case "late child":
                self.apply(r.choice(sorted(self.schools)))
            case "rare":
                getattr(self, r.choice(self.RARE))()
        self.check()

    def finish(self) -> None:
        """Helpful people, nothing overdue: everything comes to a natural end."""
        self.mischief = False
        terminated = [c for c, x in self.cases.items() if x.ended == "terminated"]
        for id, o in self.schools.items():
            self.school(id, having(o, rectifications=()))
        for n in range(400):
            if not self.open_cases():
                break
            if not any([self.push(id) for id in self.r.sample(self.open_cases(), len(self.open_cases()))]):
                self.pass_time(2)
                for id in self.open_cases():
                    self.look(id)
            if n % 20 == 0:
                self.check()
        assert not self.open_cases(), f"no end\n{self}"
        assert terminated == [c for c, x in self.cases.items() if x.ended == "terminated"], "no natural end"
        self.check()

    def silence(self) -> None:
        """Nobody acts: clocks and workflows only. What stands then waits for a person or for another case."""
        for _ in range(60):
            did = False
            for id in self.open_cases():
                if self.current(id) != self.cases[id]:
                    did = self.look(id)
                elif duties := plan(self.procedure(id), self.cases[id], self.context(WORKFLOW, id)).duties:
                    did = self.duty(id, duties[0])
            if not did:
                self.pass_time(4)
        self.check()

    # -- what no order of acts can break ---------------------------------------------------------------------------

    def _observe(self, id: str, entries: list[Entry]) -> None:
        """How often everything was reached; and what each new fact must be."""
        kind = self.procedure(id).kind
        for e in entries:
            match e.event:
                case StageOpened():
                    self.seen[f"row {kind}.{e.event.stage}"] += 1
                case StageClosed():
                    self.seen[f"outcome {e.event.outcome}"] += 1
                case StageSkipped():
                    self.seen["outcome skipped"] += 1
                case CaseEnded():
                    self.seen[f"end {e.event.how}"] += 1
                case BallotClosed():
                    self.seen[f"ballot {e.event.result}"] += 1
                case SeatActed():
                    assert not self.policy.ballot.secret or e.event.verb not in ("yes", "no", "abstain"), "R-45"
                case ResultProposed():
                    self.seen[f"proposed {e.event.result}"] += 1
                    self._sheets_count(id)
                case b.NoticeUp():
                    assert e.event.children, "an empty notice"
                case b.PlacesCut():
                    self.seen["places cut"] += 1
                case _:
                    self.seen[f"event {type(e.event).__name__}"] += 1
            assert e.at <= self.now, (id, e, self.now)

    def _sheets_count(self, id: str) -> None:
        """R-21, R-33, R-37: nothing is proposed on fewer sheets than were asked."""
        case = self.cases[id]
        experts = [x for x in case.roster("experts").members if x in case.facts.sheets]
        assert len(experts) == self.policy.reviewers, f"{id}: proposed on the sheets of {experts}"
        assert panel_sheets(case), f"{id}: proposed without a panel"

    def _counted(self, before: Case, visit: Visit, closed: BallotClosed) -> None:
        """R-45: the totals are those of the choices, sealed or open, of who is present."""
        sealed = self.vault[before.id, visit.no]
        said = Counter(sealed.get(s.key, s.acted.verb) for s in visit.seats if s.claimed_by and not s.gone and s.acted)
        assert (closed.yes, closed.no, closed.abstain) == (said["yes"], said["no"], said["abstain"]), (closed, said)

    def check(self) -> None:
        for id in sorted(self.changed):
            self._check_case(id)
        self.changed.clear()
        self._check_batch()
        for id in self.open_cases():
            assert self.alive(id), f"{id} is stuck\n{self}"
        if ids := self.open_cases():
            self._check_offers(self.r.choice(ids), self.r.choice(sorted(self.posts)))
            self._check_end(self.r.choice(ids))

    def _check_case(self, id: str) -> None:
        case, procedure, log = self.cases[id], self.procedure(id), self.logs[id]
        context = self.context(WORKFLOW, id)
        folded = Case(facts=procedure.facts())
        for e in log:
            folded = evolve(folded, e)
        assert folded == case, f"{id} is not the fold of its log"
        p = plan(procedure, case, context)
        assert plan(procedure, folded, context) == p, f"{id}: the plan is no function of the state"
        open_visits = {v.no for v in case.open}
        assert {c.visit for c in p.clocks} <= open_visits, f"{id}: a clock is armed in a closed visit"
        assert {m.visit for m in moments(procedure, case, context)} <= open_visits | {0}, f"{id}: a moment of a closed visit"
        for c in p.clocks:
            seat = case.visit(c.visit).seat(c.key)
            assert seat is None or seat.open, f"{id}: the clock of a seat that acted runs on: {c}"
        self._check_separation(id)
        began = {e.event.visit: e.at for e in log if isinstance(e.event, StageOpened)}
        reminded = Counter[tuple[int, str, int]]()
        for e in log:
            if isinstance(e.event, ReminderDue):
                reminded[e.event.visit, e.event.key, e.event.workdays] += 1
            elif isinstance(e.event, ExtensionAnswered) and e.event.more:
                reminded = Counter({k: n for k, n in reminded.items() if k[:2] != (e.event.visit, e.event.key)})
            assert max(reminded.values(), default=0) <= 1, f"{id}: reminded twice: {reminded}"
            assert e.at >= began.get(getattr(e.event, "visit", 0), e.at), f"{id}: {e} lies before its visit"
        mendings = sum(isinstance(e.event, StageOpened) and e.event.stage == "mending" and not e.event.fresh for e in log)
        assert mendings <= 1, f"{id}: mended twice (R-35)"
        done = Counter((e.event.visit, e.event.duty) for e in log if isinstance(e.event, DutyDone))
        rows = {e.event.visit: e.event.stage for e in log if isinstance(e.event, StageOpened)}
        for (visit, name), times in done.items():
            duty = next(d for d in procedure[rows[visit]].duties if d.name == name)
            assert times == 1 or duty.while_, f"{id}: {name} done {times} times in one visit"
        assert id == B or self.cases[B].children.get(id) == STAR.tells(case), f"the parent does not know of {id}"

    def _check_separation(self, id: str) -> None:
        """G-15, G-12, and the pairs of G-13."""
        case, procedure = self.cases[id], self.procedure(id)
        groups = defaultdict(set)
        acts = [(stage, who) for stage, _, a in case.acts() for who in (a.by, a.behind) if who]
        for stage, who in acts:
            if group := procedure[stage].judges:
                groups[who].add(group)
                assert case.subject not in self.ties.get(who, ()), f"{id}: {who} judged their own in {stage}"
            for other in procedure[stage].not_by:
                assert (other, who) not in acts, f"{id}: {who} acted in {stage} and in {other}"
        for who, of in groups.items():
            assert len(of) == 1, f"{id}: {who} judged in {of}"

    def _check_batch(self) -> None:
        """Nothing twice across cases, and never more places than there are."""
        parent, log = self.cases[B], [e.event for e in self.logs[B]]
        for level, x in self.policy.levels.items():
            held = [c for c, s in parent.children.items() if s.level == level and (
                s.what in ("noticed", "free", "signed") or s.by == "recognised")]
            assert x.quota is None or len(held) <= x.quota, f"{held} hold {x.quota} places"
        signed = Counter(c for e in log if isinstance(e, b.DocumentSignedOff) for c in e.children)
        assert all(n == 1 for n in signed.values()), f"signed twice: {signed}"
        for c in parent.facts.signed:
            now = STAR.tells(self.cases[c])
            assert now.what in ("free", "held", "signed") or now.by == "recognised", f"{c} is signed and stands {now}"
        for p in parent.past:
            signed_by = {key for key, _ in p.acts}
            assert (p.stage, p.outcome) != ("minutes", "passed") or signed_by == {"chair", "secretary"}, "R-47"
        meeting, notices = 0, Counter[int]()
        for e in log:
            meeting += isinstance(e, b.Ranked)
            notices[meeting] += isinstance(e, b.NoticeUp)
        assert max(notices.values(), default=0) <= 1, f"a meeting with two notices: {notices}"
        taken = defaultdict(list)
        for e in (e.event for entries in self.logs.values() for e in entries):
            if isinstance(e, b.Numbered | TitleConferred):
                taken[e.series if isinstance(e, b.Numbered) else f"{e.since.year}"].append(e.serial)
        assert all(sorted(n) == list(range(1, len(n) + 1)) for n in taken.values()), f"numbers with a gap: {taken}"
        for id, entries in self.logs.items():
            ballots, called = Counter[int](), 0
            for e in entries:
                called = e.event.meeting if isinstance(e.event, CalledToVote) else called
                ballots[called] += isinstance(e.event, BallotClosed) and e.event.result != "no_quorum"
            assert max(ballots.values(), default=0) <= 1, f"{id}: two ballots count in one meeting"

    def _check_offers(self, id: str, who: str) -> None:
        """What is offered is what decide accepts; what is refused is refused with that code. Nothing is written."""
        case = self.current(id)
        for offer in offers(self.procedure(id), case, self.context(who, id)):
            act = self._taken(id, case, offer)
            got = decide(self.procedure(id), self.cases[id], act, self.context(who, id, act))
            self._as_shown(id, offer, act, got if isinstance(got, Refusal) else None)

    def _check_end(self, id: str) -> None:
        """A-49: the office alone can always end it, two persons, unless `may_end` forbids."""
        case, procedure = self.current(id), self.procedure(id)
        if case.ended:
            return
        while not case.ended:
            first = ending(case)
            of = ("staff1", "staff2") if first and first.post == HEAD.key else ("head", "head2")
            context = self.context(self._office(id, first.by if first else "", of=of), id)
            got = decide(procedure, case, Act("end", opinion=WORDS), context)
            if isinstance(got, Refusal) and any(need(case, context) for need in procedure.may_end):
                return
            assert not isinstance(got, Refusal), f"{id} cannot be ended by {context.actor}: {got}\n{self}"
            case = got[1]
        assert case.ended == "terminated", id

    def alive(self, id: str, asked: tuple[str, ...] = ()) -> bool:
        """A person, a clock or a duty; or it waits for another case that is alive."""
        if id in asked:
            return False
        case, procedure = self.current(id), self.procedure(id)
        context = self.context(WORKFLOW, id)
        if case.ended or case != self.cases[id]:
            return True                         # a timer or a knock moves it
        p = plan(procedure, case, context)
        assert not any(outcome_of(procedure, case, v, context) for v in case.open), f"{id} could go on and does not"
        if p.tasks or p.duties or p.next_at:
            return True
        if id == B:
            return any(self.alive(c, (*asked, id)) for c, s in case.children.items() if s.what != "ended")
        if self.schools[case.subject].overdue:
            return True
        waits = procedure.duty(case, case.open[0], self.policy)
        return bool(waits and waits.told) and self.alive(B, (*asked, id))

    def __str__(self) -> str:
        """What a reader of a failed run wants to see."""
        lines = [f"{self.now:%m-%d %H:%M} {self.policy.id} {self.policy.ballot} reserve {self.policy.reserve} "
                 f"redraw {self.policy.redraw_max} ties {self.ties}", f"{self.cases[B].facts}"]
        for id, case in self.cases.items():
            stands = "" if id == B else STAR.tells(case).what
            lines.append(f"{id} {case.subject} {case.ended or stands}{' suspended' if case.suspended else ''}")
            for v in case.open:
                seats = [f"{s.key}{'*' if s.claimed_by else ''}:{s.gone or (s.acted.verb if s.acted else '-')}" for s in v.seats]
                p = plan(self.procedure(id), case, self.context(WORKFLOW, id))
                lines.append(f"    {v.stage}#{v.no} done {v.done} seats {seats} due {[str(c.due) for c in p.clocks]} "
                             f"unheld {unheld(self.procedure(id), case, v, self.policy)} "
                             f"tasks {[t.seat for t in p.tasks]} duties {[d.duty for d in p.duties]}")
        return "\n".join(lines)


GOALS = ("", "", "window", "review", "convening", "meeting", "meeting", "minutes", "notice", "signing", "conferment")


def live(seed: int, steps: int) -> World:
    """One life: a start somewhere, random steps, and helpful people until everything has ended."""
    world = World(seed, GOALS[seed % len(GOALS)])
    for _ in range(steps):
        world.step()
    if seed % 5 == 4:
        world.silence()
    world.finish()
    return world


def never_reached(seen: Counter[str]) -> list[str]:
    """Rows, verbs and endings that no life came to."""
    rows = [f"row {p.kind}.{s.name}" for p in (STAR, BATCH) for s in p.stages]
    verbs = """agree refuse return claim release decline take_back ask record close yes no abstain withdraw suspend resume
        extend vacate assign end hear do child look""".split()
    ends = "recognised refused withdrawn lapsed deferred terminated closed".split()
    return [x for x in (*rows, *(f"verb {v}" for v in verbs), *(f"end {e}" for e in ends)) if not seen[x]]


def main(first: int, count: int, steps: int, show: int = 1) -> None:
    seen, faults, began = Counter[str](), Counter[str](), time.perf_counter()
    for seed in range(first, first + count):
        try:
            seen += live(seed, steps).seen
            seen["lives"] += 1
        except Exception as fault:              # counted and shown: the run goes on to the other lives
            where = traceback.extract_tb(fault.__traceback__)[-1]
            kind = f"{type(fault).__name__} {where.name}:{where.lineno} {str(fault)[:120]}"
            faults[kind] += 1
            if faults.total() <= show:
                print("SEED", seed)
                traceback.print_exc()
    for name, times in sorted(seen.items()):
        print(f"{name:44} {times}")
    print("never:", never_reached(seen) or "nothing")
    for kind, times in faults.most_common():
        print("FAULT", times, kind)
    print(f"{time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
