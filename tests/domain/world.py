"""A county in memory: one batch, its applications, and everybody who has a hand in them. One seed, one life.

`World` is store, workflows, people, time and outside at once; `check` says what no order of acts can break.
`python -m tests.domain.world FIRST N STEPS` plays N lives and prints what they reached.
"""
from __future__ import annotations

import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from domain.kernel import events as k
from domain.kernel.acts import Act, AllowLate, DemandRecusal
from domain.kernel.calendar import COUNTY, DAY, Calendar, day_of, start_of, whole_workdays_between
from domain.kernel.case import Case, Visit
from domain.kernel.clock import workdays_after
from domain.kernel.decide import decide, open_case, sealed_choice
from domain.kernel.events import Entry
from domain.kernel.evolve import evolve
from domain.kernel.follow import Decision, moments, outcome_of
from domain.kernel.gates import next_number, number_gate, shown
from domain.kernel.may import ending, why_not
from domain.kernel.plan import Offer, Owed, Plan, Task, offers, plan
from domain.kernel.refusal import Refusal
from domain.kernel.seats import BALLOT, Holder, Seat, post
from domain.kernel.stages import WORKFLOW, Context, Gates, Procedure
from domain.kernel.values import Text, having
from domain.recognition import batch as b
from domain.recognition import dossier, facts, proposal, review, site
from domain.recognition.policy import StarPolicy, read_policy
from domain.recognition.procedure import BATCH, STAR
from domain.registers import organisation
from domain.registers.organisation import Organisation, Title, Violation
from domain.registers.person import SUBJECTS

POLICIES = Path(__file__).parents[2] / "data" / "policy"
B = "星批2026-001"
STAFF, HEAD = post("basic_education_section_staff", "SC2"), post("basic_education_section_head", "SC2")
LEADER, DEPUTY = post("bureau_leader", "BUREAU"), post("bureau_deputy", "BUREAU")
HEADS = ("head", "head2")
WORDS = Text("因为")
GOALS = ("", "window", "review", "convening", "meeting", "meeting", "minutes", "notice", "signing", "signing", "conferment")
FORM_REASONS = frozenset("""malformed opinion_required amount_invalid attachment_required target_not_passed
    target_not_allowed stale_version calendar_unpublished true_at_impossible not_late_able wrong_stage already_acted""".split())
"""What may still be refused after an act was offered: what stands in its form, and what the form's own rule asks."""


@cache
def policy_file(name: str) -> StarPolicy:
    return read_policy(yaml.safe_load((POLICIES / "recognition" / f"{name}.yaml").read_text("utf-8")))


@cache
def calendar_to(year: int) -> Calendar:
    """The national years published by then (C-1)."""
    files = [yaml.safe_load((POLICIES / "calendar" / f"{y}.yaml").read_text("utf-8")) for y in range(2026, year + 1)]
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
    return having(p, levels=levels, effective_to=None, ballot=ballot, reserve=r.choice([0, 1]), redraw_max=r.choice([0, 1, 3]),
                  mending=r.random() < .8, rescored_by=r.choice(["site_panel", "leader_and_one"]))


class World:
    """`goal`: helpful people bring the batch to that row before anything random happens."""

    def __init__(self, seed: int, goal: str = "") -> None:
        self.r = r = Random(seed)
        self.mischief, self.seen = True, Counter[str]()
        self.policy, self.calendar = a_policy(r), calendar_to(2026)
        self.now = datetime(2026, 4, 1, 9, tzinfo=COUNTY)
        self.cases: dict[str, Case] = {}
        self.logs: dict[str, list[Entry]] = defaultdict(list)
        self.shown: dict[tuple[str, str], Any] = {(SUBJECTS, "expert0"): ["语文"]}      # (gate, raiser) → value
        self.vault: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)   # (case, visit) → seat → choice
        self.changed: set[str] = set()
        self._people(r.randint(3, 6))
        last = day_of(self.now) + r.randint(5, 30) * DAY
        got = open_case(BATCH, B, self.policy.programme, self.policy.id, self.context("head"),
                        Act("open", form=b.OpenBatch("2026年", day_of(self.now), last)))
        assert not isinstance(got, Refusal), got
        self.commit(B, None, got[1], got[0])
        for school in self.schools:
            if r.random() < .9:
                self.apply(school)
        if goal:
            self._head_start(goal)

    def _people(self, schools: int) -> None:
        r = self.r
        self.posts: dict[str, frozenset[Holder]] = {
            "staff1": frozenset({STAFF}), "staff2": frozenset({STAFF}), **dict.fromkeys(HEADS, frozenset({HEAD})),
            "leader": frozenset({LEADER}), "deputy": frozenset({DEPUTY}), "sub": frozenset()}
        self.behind = {"sub": "head"}
        self.schools: dict[str, Organisation] = {}
        for n in range(schools):
            school = f"VS{n}" if n == 2 else f"S{n}"
            writes, signs = post("applicant", school), post("site_head" if n == 2 else "principal", school)
            both = r.random() < .15             # writes, and would like to sign (G-13)
            self.posts |= {f"clerk-{school}": frozenset({writes}),
                           f"chief-{school}": frozenset({signs, writes} if both else {signs})}
            held = (Title("star-school", 1, date(2021, 9, 1), date(2027, 8, 31)),) if r.random() < .4 else ()
            kind = "kindergarten" if r.random() < .04 else r.choice(["full_primary", "nine_year", "junior"])
            self.register(school, Organisation(school, kind, "DS1", "", r.choice(["城关街道", "石门镇"]),
                                               2024 if r.random() < .08 else 1990, held))
        self.pool = [f"expert{i}" for i in range(r.choice([6, 14, 24]))]
        self.members = [f"member{i}" for i in range(9)] + ["staff2", "expert1", "expert2"]
        for who in (*self.pool, *self.members):
            self.posts.setdefault(who, frozenset())
        tied = r.sample([*self.pool, *self.members[:9], "leader", "deputy", "staff2", "head", "sub"], 8)
        self.ties = {who: frozenset({r.choice(sorted(self.schools))}) for who in tied}

    def _head_start(self, goal: str) -> None:
        pace = {id: self.r.choice([1, 1, 4]) for id in self.cases} | {B: 4}
        self.mischief = self.r.random() < .5
        for _ in range(1500):
            case = self.cases[B]
            if case.ended or (case.at(goal) and (goal != "review" or self.r.random() < .01)):
                break
            ids = self.open_cases()
            if not self.push(self.r.choices(ids, [pace[c] for c in ids])[0]) and self.r.random() < .3:
                self.pass_time(self.r.choice([1, 1, 2]))
        self.mischief = True

    # -- the store: one step is one commit of child and parent -----------------------------------------------------

    def procedure(self, id: str) -> Procedure:
        return BATCH if id == B else STAR

    def context(self, who: str, id: str = "", act: Act | None = None, leans: Iterable[str] = ()) -> Context:
        """As the door loads it: the gates that the case leans on or the form names, sealed choices for a close only."""
        gates = {*leans, *(getattr(act.form, "leans", ()) if act else ()), *(self.procedure(id).leans(self.cases[id]) if id else ())}
        if act and isinstance(act.form, review.Drawn | review.Loads):
            gates |= {f"load:{x}" for x, _ in act.form.loads}
        elif act and isinstance(act.form, proposal.EnterRegister):
            year = self.cases[id].facts.signed_on.year
            gates.add(number_gate(proposal.certificate_series(self.policy.id, year)))
        elif act and isinstance(act.form, b.Number):
            gates.add(number_gate(b.document_series(self.policy, day_of(self.cases[id].facts.signed_at).year)))
        behind, nobody = self.behind.get(who, ""), frozenset[Any]()
        return Context(
            self.now, who, self.posts.get(who, nobody), behind, self.posts.get(behind, nobody),
            self.ties.get(who, nobody) | self.ties.get(behind, nobody), self.policy, self.calendar,
            Gates({key: value for key, value in self.shown.items() if key[0] in gates}),
            sealed=dict(self.vault[id, act.visit]) if act and act.verb == "close" else {},
            outside=frozenset({act.to}) if act and act.verb == "assign" and act.to.startswith("outside") else nobody)

    def act(self, id: str, act: Act, who: str) -> Refusal | None:
        before, procedure = self.cases[id], self.procedure(id)
        got = decide(procedure, before, act, self.context(who, id, act))
        if isinstance(got, Refusal):
            self.seen[f"refused {got.code}"] += 1
            self.look(id)                       # a refused act leaves the run-outs that it met
            return got
        self.seen[f"verb {act.verb}"] += 1
        self._count_votes(before, act, got[0])
        if choice := sealed_choice(procedure, got[1], act, self.policy):
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
                        Act("open", form=dossier.Apply(level)), B)
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
        for e in entries:
            self._observe(id, e)

    def _show(self, raiser: str, gates: dict[str, Any]) -> None:
        self.shown = {key: v for key, v in self.shown.items() if key[1] != raiser} | {(g, raiser): v for g, v in gates.items()}

    def current(self, id: str) -> Case:
        """The case as a reader sees it: what ran out is applied."""
        decision = Decision(self.procedure(id), self.cases[id], self.context(WORKFLOW, id))
        decision.run_clocks()
        decision.follow(self.now)
        return decision.case

    def plan(self, id: str) -> Plan:
        return plan(self.procedure(id), self.cases[id], self.context(WORKFLOW, id))

    def look(self, id: str) -> bool:
        return self.act(id, Act("look"), WORKFLOW) is None

    def open_cases(self) -> list[str]:
        return [id for id, case in self.cases.items() if not case.ended]

    def applications(self) -> list[str]:
        return [id for id in self.open_cases() if id != B]

    def shuffled(self) -> list[str]:
        return self.r.sample(self.open_cases(), len(self.open_cases()))

    # -- the workflows -----------------------------------------------------------------------------------------------

    def duty(self, id: str, owed: Owed) -> bool:
        """One command of the workflow: one child is told, or the parent's own result is brought; rarely it fails."""
        case, procedure = self.cases[id], self.procedure(id)
        visit = case.visit(owed.visit)
        assert visit
        duty = next(d for d in procedure[owed.stage].duties if d.name == owed.duty)
        self.seen[f"duty {procedure.kind}.{duty.name}"] += 1
        if self.mischief and self.r.random() < .02:
            return self.act(id, Act("fail", owed.visit, duty=owed.duty, opinion=WORDS), WORKFLOW) is None
        if not duty.to:
            act = Act("do", owed.visit, duty=owed.duty, form=self.form(id, visit, duty.form))
            refusal = self.act(id, act, WORKFLOW)
            assert refusal is None, (owed, refusal)
            return True
        child = self.r.choice(duty.to(case, self.policy))
        if owed.duty == "refuse_below":         # ranked or cut on the proposal that it has now
            ranked = max(e.at for e in self.logs[B] if isinstance(e.event, b.Ranked | b.PlacesCut))
            proposed = max(e.at for e in self.logs[child] if isinstance(e.event, facts.ResultProposed))
            assert proposed <= ranked, f"{child} is refused on an earlier proposal"
        was, (form, at) = case.children[child], duty.say(case, child)
        refusal = self.act(child, Act("hear", form=form, at=at), WORKFLOW)
        assert self.cases[B].children[child] != was, ("told in vain", owed.duty, child, refusal, was)
        return True

    # -- the people ----------------------------------------------------------------------------------------------------

    def form(self, id: str, visit: Visit | None, want: type | None) -> Any:
        """What a person who means well puts into that form."""
        r, p, case = self.r, self.policy, self.cases[id]
        f = case.facts
        match want.__name__ if want else "":
            case "":
                return None
            case "Drawn":
                return review.Drawn(f"{r.random()}", self._candidates(case), tuple((x, 3) for x in self.pool))
            case "Loads":
                return review.Loads(tuple((x, 3) for x in self.pool))
            case "Describe":
                return dossier.Describe(WORDS, "语文", WORDS)
            case "AnswerLeaf":
                return self._answer(r.choice(self._leaves()))
            case "Declare":
                excluded = (r.choice(self.pool),) if r.random() < .2 else ()
                return dossier.Declare(True, excluded, WORDS if excluded else Text(""))
            case "Sheet":
                return review.Sheet(self._scores("material"), tuple((x.id, WORDS) for x in p.scored("material")))
            case "FixVisit":
                return site.FixVisit(self._day_after(p.visit_notice))
            case "VisitHeld":
                return site.VisitHeld(tuple(p.activities_min.items()))
            case "VetoFound":
                return site.VetoFound(p.vetoes[0].code, WORDS)
            case "SiteSheet":
                says = r.choice(["recognise", "recognise", "mend", *site.SUGGESTIONS])
                return site.SiteSheet(self._scores("site"), says)
            case "Reply":
                return site.Reply((WORDS, WORDS) if r.random() < .3 else ())
            case "Answers":
                return site.Answers((WORDS,) * f.disputed)
            case "Mended":
                return site.Mended((p.scored("site")[0].id,), WORDS)
            case "Rescored":
                return site.Rescored(self._rescored(case))
            case "Propose":
                passes = proposal.computed(case, p).passed and not f.vetoes
                departs = r.choice(["refuse", "defer", "defer"]) if passes and r.random() < .3 else ""
                return proposal.Propose(departs, WORDS if departs else Text(""))
            case "Rendered":
                return proposal.Rendered("certificate" if case.at("conferment") else "letter", "file")
            case "EnterRegister" | "PublishCall" | "PublishNotice" | "DocumentMade" | "Letter" | "GoOnEarlier" | "Minutes":
                return want(WORDS)
            case "ExtendWindow":
                return b.ExtendWindow(max(f.last_day, day_of(self.now)) + r.randint(1, 9) * DAY)
            case "Convene":
                return self._convene(case)
            case "AllowLate":
                return AllowLate(day_of(self.now) - r.randint(0, 20) * DAY, WORDS)
            case "DemandRecusal":
                return DemandRecusal(r.choice(self._known(case) or ["nobody"]), WORDS, day_of(self.now))
            case "SignedOut":
                return b.SignedOut(r.choice(f.present or ("member0",)))
        return want()

    def _leaves(self) -> list[str]:
        return [x.id for x in self.policy.leaves if x.by != {"office"}]

    def _answer(self, leaf: str) -> dossier.AnswerLeaf:
        return dossier.AnswerLeaf(leaf, 0, ("file",) * self.policy.leaf(leaf).evidence_min)

    def _scores(self, by: str) -> tuple[tuple[str, int], ...]:
        share = self.r.choice([60, 80, 90, 95, 100])
        return tuple((x.id, x.full_cp * share // 100 // x.step_cp * x.step_cp) for x in self.policy.scored(by))

    def _rescored(self, case: Case) -> tuple[tuple[str, int], ...]:
        """The first leaf raised as far as the cap allows, if the gain allows it."""
        leaf = self.policy.leaf(next(iter(case.facts.mend_leaves), ""))
        if leaf is None or self.r.random() < .3:
            return ()
        best = leaf.full_cp * self.policy.mend_cap_bp // 10000 // leaf.step_cp * leaf.step_cp
        gain = best - site.panel_score(case, leaf.id)
        return ((leaf.id, best),) if gain <= (self.policy.mend_gain_cp or gain) else ()

    def _candidates(self, case: Case) -> tuple[tuple[str, str, bool, bool, bool], ...]:
        """The pool with the reasons of exclusion; a tie may not be known yet."""
        r = self.r
        return tuple((x, "tied" if case.subject in self.ties.get(x, ()) and r.random() < .8 else "", r.random() < .5,
                      r.random() < .5, r.random() < .8) for x in self.pool)

    def _convene(self, case: Case) -> b.Convene:
        """In earnest, members who may vote on every candidate; else whoever."""
        f, members, secretary = case.facts, self.members, "staff1"
        if not self.mischief:
            judges = {j for c in f.ranked for j in case.children[c].judges}
            schools = {case.children[c].subject for c in f.ranked}
            members = [m for m in members if m not in judges and not schools & self.ties.get(m, frozenset())]
        elif self.r.random() < .15:
            members = ["staff2", "expert1", "expert2", "head"]
        some = self.r.sample(members, min(len(members), self.r.randint(3, 9)))
        if self.mischief and self.r.random() < .2:
            secretary = self.r.choice(some)
        day = self._day_after(self.policy.papers_before)
        if f.short_on and (not self.mischief or self.r.random() < .8):
            day = max(day, day_of(workdays_after(start_of(f.short_on), self.policy.recall_after, self.calendar)))
        return b.Convene(tuple(some), secretary, day, WORDS)

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
            w for w, principal in self.behind.items() if mine in self.posts[principal]]

    def office(self, id: str, *others: str, of: Iterable[str] = ("staff1", "staff2", *HEADS)) -> str:
        """Somebody of the section who may act here; where nobody may, the bureau appoints another (G-14)."""
        case, of = self.cases[id], tuple(of)
        for who in of:
            if self.posts[who] and who not in others and who not in case.recused and case.subject not in self.ties.get(who, ()):
                return who
        who = f"appointed{len(self.posts)}"
        self.posts[who] = frozenset({HEAD if of == HEADS else LEADER if of == ("leader",) else STAFF})
        return who

    def push(self, id: str) -> bool:
        """One helpful step of whoever is next; False when there is nothing to do but wait."""
        if self.current(id) != self.cases[id]:
            return self.look(id)
        case, p = self.cases[id], self.plan(id)
        if case.ended:
            return False
        if p.duties:
            return self.duty(id, self.r.choice(p.duties))
        if case.suspended:
            return self.act(id, Act("resume"), self.office(id)) is None
        return any(self._prepare(id, v) for v in case.open) or any(self._settle(id, t) for t in p.tasks)

    def _prepare(self, id: str, v: Visit) -> bool:
        """What goes before the act of a row: the dossier is filled in, the members sign in, vote or leave."""
        case, f = self.cases[id], self.cases[id].facts
        match v.stage:
            case "dossier" if dossier.missing(case, self.policy):
                forms = [self.form(id, v, dossier.Describe), *map(self._answer, self._leaves())]
                return all(self.act(id, Act("record", v.no, form=x), f"clerk-{case.subject}") is None for x in forms)
            case "dossier" | "correction" if asked := [x for x in v.editable if case.parts.get(x, 0) <= v.since]:
                answer = self._answer(asked[0].removeprefix("leaf."))
                return self.act(id, Act("record", v.no, form=answer), f"clerk-{case.subject}") is None
            case "meeting":
                for m in f.members:
                    if m not in f.present and (not self.mischief or self.r.random() < .5) \
                            and self.act(id, Act("record", v.no, form=b.SignedIn()), m) is None:
                        return True
                chairs = [s.holder.id for s in v.seats if not s.gone]
                return not (f.opened and f.chair in chairs) and any(
                    self.act(id, Act("record", v.no, form=b.OpenMeeting()), x) is None for x in chairs)
            case "vote":
                return any(self._vote(id, v, s) for s in v.seats if s.claimed_by and s.open)
        return False

    def _vote(self, id: str, v: Visit, s: Seat) -> bool:
        says = ["yes"] * 5 + ["no", "abstain"] + ["no"] * 20 * bool(self.cases[id].facts.departs)
        refusal = self.act(id, Act(self.r.choice(says), v.no, s.key), s.key)
        if refusal:                             # one's own school, or judged before: they say so and leave (G-18)
            assert refusal.code in ("own_case", "separation"), refusal
            assert self.act(id, Act("decline", v.no, s.key, opinion=WORDS), s.key) is None
        return True

    def _settle(self, id: str, t: Task) -> bool:
        """Whoever may do it does it; where nobody can, the office finds somebody (A-43, G-14)."""
        visit, (what, _, of) = self.cases[id].visit(t.visit), t.seat.partition(":")
        if visit is None and what == "second":
            return self._recusal(id)
        if visit is None:                       # an ending that waits for its second person
            return self.act(id, Act("drop", seat=f"{ending(self.cases[id]).no}"), self.office(id, of=HEADS)) is None
        match what:
            case "close":
                once_more = ["again"] * (self.r.random() < .5)      # a lost question, where the policy allows it
                return any(self.act(id, Act("close", t.visit, to=to), w) is None for to in (*once_more, "")
                           for w in self.holders(t.holder))
            case "extend":
                asked = visit.clock(of)
                more = self.r.choice([0, asked.asked_more])
                return self.act(id, Act("extend", t.visit, of, more=more), self.office(id, asked.asked_by)) is None
            case "again":
                return self.act(id, Act("again", t.visit, duty=of), self.office(id)) is None
            case "assign" | "assign^":
                return self._assign(id, visit, "")
        return self.procedure(id)[visit.stage].rule is not BALLOT and (
            any(self._answered(id, visit, t, who) for who in self.holders(t.holder)) or self._barred(id, visit, t))

    def _answered(self, id: str, visit: Visit, t: Task, who: str) -> bool:
        if t.holder.pool and not t.claimed_by:
            self.act(id, Act("claim", t.visit, t.seat), who)
        verbs = ["agree", "refuse"] if visit.stage == "eligibility" else ["agree"]
        if self.mischief and self.r.random() < (.3 if visit.stage == "completeness" else .12):
            verbs = self.r.sample(["return", "refuse", "decline", "ask", "release"], 3)
        return any(self._may(id, verb, t, who) is None and self.act(id, self.whole(id, visit, verb, t.seat), who) is None
                   for verb in verbs)

    def _may(self, id: str, verb: str, t: Task, who: str) -> Refusal | None:
        return why_not(self.procedure(id), self.cases[id], verb, self.context(who, id), t.visit, t.seat)

    def _barred(self, id: str, visit: Visit, t: Task) -> bool:
        """The seat of somebody who may not act is vacated; a post all of whose holders may not gets another person."""
        why = [self._may(id, "agree", t, who) for who in self.holders(t.holder)]
        if t.claimed_by or not all(w and w.code in ("own_case", "recused", "separation", "not_holder") for w in why):
            return False
        if t.holder.kind == "person":
            return self.act(id, Act("vacate", t.visit, t.seat, opinion=WORDS), self.office(id)) is None
        return not any("@" in s.key and s.open for s in visit.seats) and self._assign(id, visit, t.seat)

    def _assign(self, id: str, visit: Visit, seat: str) -> bool:
        """Somebody of the county, or of another one: that the leader does, or whoever has the post then (G-14)."""
        by, who = self.r.choice([("office", "fresh"), ("leader", "outside")])
        who = f"{who}{len(self.posts)}"
        self.posts[who] = frozenset()
        assigns = self.office(id) if by == "office" else self.office(id, of=("leader",))
        return self.act(id, Act("assign", visit.no, seat, to=who), assigns) is None

    def whole(self, id: str, visit: Visit | None, verb: str, seat: str = "", want: type | None = None,
              targets: tuple[str, ...] = ()) -> Act:
        """A whole act of that verb."""
        r, row = self.r, self.procedure(id)[visit.stage] if visit else None
        to = r.choice(["fresh", "outside"]) + f"{r.randrange(3)}" if verb == "assign" else ""
        if verb == "suspend":
            to = r.choice(self.policy.suspension_reasons)
        if verb == "return":
            to = r.choice(targets or (row.returns if row else ()) or ("",))
        form = self.form(id, visit, want or (row.form if row and verb == "agree" else None))
        parts = tuple(f"leaf.{x}" for x in r.sample(self._leaves(), 2))
        saw = self.cases[id].version - r.choice([0, 0, 0, 4]) * self.mischief      # an old page, now and then
        return Act(verb, visit.no if visit else 0, seat, to, parts, WORDS, form, more=r.randint(1, 3), saw=saw)

    # -- whatever else may happen ----------------------------------------------------------------------------------------

    def helpful(self, times: int) -> None:
        for _ in range(times):
            if self.r.random() < .2:
                self.paper_is_opened()
            if ids := self.open_cases():
                self.push(self.r.choice(ids))
                if self.r.random() < .05:
                    self.takes_back()

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
            offer = r.choice([o for o in found if o.verb == verb])
            act = self._taken(id, case, offer)
            self._as_shown(id, offer, act, self.act(id, act, who))

    def _taken(self, id: str, case: Case, offer: Offer) -> Act:
        """The act of an offer; an office act names its seat or clock, which the offer does not."""
        visit, seat = case.visit(offer.visit), offer.seat
        if offer.verb in ("vacate", "assign", "extend") and case.open:
            visit = self.r.choice(case.open)
            keys = [c.key for c in visit.clocks] if offer.verb == "extend" else [s.key for s in visit.seats]
            seat = self.r.choice(keys) if keys else ""
        act = self.whole(id, visit, offer.verb, seat, offer.form, offer.targets)
        return act if visit else having(act, visit=offer.visit)

    def _as_shown(self, id: str, offer: Offer, act: Act, refusal: Refusal | None) -> None:
        if offer.verb == "close" and self.policy.ballot.secret:
            return                              # the page does not open what lies sealed
        if offer.refusal:
            assert refusal and refusal.code == offer.refusal.code, (id, offer, act, refusal)
        elif refusal:                           # whom it names, or who asked for that clock, is in the form too
            names = (refusal.code == "separation" and offer.verb in ("assign", "extend")) or (
                (refusal.code, refusal.rule, offer.verb) == ("wrong_post", "G-14", "assign"))
            assert names or refusal.code in FORM_REASONS, (id, offer, act, refusal)

    def outside(self, what: str) -> None:
        """A fact of another case: a rectification is overdue or closed, a violation proven or annulled (L-1, L-2)."""
        r, school = self.r, self.r.choice(sorted(self.schools))
        stands = {c: STAR.tells(self.cases[c]).what for c in self.applications()}
        late = [c for c, x in stands.items() if x == "free"] or [c for c, x in stands.items() if x != "working"]
        if late and r.random() < .7:
            school = self.cases[r.choice(late)].subject
        o = self.schools[school]
        if what == "overdue":
            known = tuple((no, on, "late" if how == "overdue" else how) for no, on, how in o.rectifications)
            o = having(o, rectifications=known if o.overdue else (*known, (f"R{len(known)}", day_of(self.now), "overdue")))
        elif o.violations:
            o = having(o, violations=())
        else:
            code = r.choice([*(v.code for v in self.policy.vetoes), "teaching_aids"])
            o = having(o, violations=(Violation("决1", code, day_of(self.now) - r.choice([0, 3, 40, 500, 900]) * DAY),))
        self.seen[f"outside {what}"] += 1
        self.register(school, o)
        for id in self.open_cases():            # a gate that moves knocks who leans on it, sooner or later
            if self.cases[id].subject == school and r.random() < .7:
                self.look(id)

    def register(self, id: str, o: Organisation) -> None:
        self.schools[id] = o
        self._show(id, dict(organisation.shows(Case(id, facts=o))))

    def applicant_leaves(self) -> None:
        for id in self.applications()[:1]:
            self.act(id, Act("withdraw", opinion=WORDS), f"chief-{self.cases[id].subject}")

    def office_stops(self) -> None:
        """挂起, sometimes until a day (C-21)."""
        for id in self.shuffled()[:1]:
            why = self.r.choice(self.policy.suspension_reasons)
            self.act(id, Act("suspend", to=why, opinion=WORDS, more=self.r.choice([0, 2, 5])), self.office(id))

    def office_ends(self) -> None:
        """The office, and then the head: who confirms, drops it, or lets it wait (A-34)."""
        for id in self.shuffled()[:1]:
            if self.act(id, Act("end", opinion=WORDS), self.office(id)) is None:
                first = ending(self.cases[id])
                verb = self.r.choice(["end", "drop", ""]) if first else ""
                if verb:
                    seat = f"{first.no}" if verb == "drop" else ""
                    self.act(id, Act(verb, seat=seat, opinion=WORDS), self.office(id, of=HEADS))

    def asks_for_time(self) -> None:
        """申请延期 and, sometimes, the answer (C-22, C-23)."""
        for id in self.shuffled():
            for visit in self.current(id).open:
                for s in visit.seats:
                    who = s.claimed_by or next(iter(self.holders(s.holder)), "")
                    if self.act(id, Act("ask", visit.no, s.key, opinion=WORDS, more=1), who) is None:
                        if self.r.random() < .5:
                            key, more = s.key if visit.clock(s.key) else "", self.r.choice([0, 1])
                            self.act(id, Act("extend", visit.no, key, more=more), self.office(id, who))
                        return

    def takes_back(self) -> None:
        """取回, of the open visit or of the one before it (A-21)."""
        for id in self.shuffled():
            case = self.current(id)
            acted = [(v.no, s.key, s.acted.by) for v in case.open for s in v.seats if s.acted]
            for visit, seat, who in acted + [(p.no, "", a.by) for p in case.past[-2:] for _, a in p.acts]:
                if self.act(id, Act("take_back", visit, seat), who) is None:
                    self.seen["taken back, " + ("open" if seat else "closed")] += 1
                    return

    def window_is_extended(self) -> None:
        if visit := self.cases[B].at("window"):
            self.act(B, Act("record", visit.no, form=self.form(B, visit, b.ExtendWindow)), "head")

    def goes_on_earlier(self) -> None:
        if visit := self.cases[B].at("review"):
            self.act(B, Act("record", visit.no, form=b.GoOnEarlier(WORDS)), "head")

    def post_changes_hands(self) -> None:
        """G-7, G-11: another person holds it from now on, or nobody (A-43); what was claimed times out (A-28)."""
        who = self.r.choice(["staff2", "leader", "deputy"])
        held, self.posts[who] = self.posts[who], frozenset()
        if held and self.r.random() < .7:
            self.posts[f"{who}'"] = held

    def tie_is_found(self) -> None:
        """New data shows a tie of somebody who sits, or has acted (G-20, G-21)."""
        for id in self.applications()[:1]:
            case = self.cases[id]
            known = sorted({s.holder.id for v in case.open for s in v.seats if s.holder.kind == "person"}
                           | {a.by for stage, _, a in case.acts() if STAR[stage].judges})
            if known:
                self.act(id, Act("recuse", to=self.r.choice(known), opinion=WORDS), WORKFLOW)

    def recusal_is_demanded(self) -> None:
        """By the school, of somebody whom it knows; decided by the head, or by the leader about a head (G-19)."""
        for id in self.applications()[:1]:
            form = self.form(id, None, DemandRecusal)
            if self.act(id, Act("record", form=form), f"chief-{self.cases[id].subject}") is None and self.r.random() < .8:
                self._recusal(id)

    def _known(self, case: Case) -> list[str]:
        """Whom the school knows by name."""
        return [*case.roster("panel").members, *(a.by for stage, _, a in case.acts() if STAR[stage].judges == "office")]

    def _recusal(self, id: str) -> bool:
        """Upheld or not."""
        asked = next(p for p in self.cases[id].proposed if isinstance(p.form, DemandRecusal))
        verb, judges = self.r.choice(["second", "drop"]), ("head2", "leader") if asked.form.person == "head" else HEADS
        return self.act(id, Act(verb, seat=str(asked.no)), self.office(id, asked.form.person, of=judges)) is None

    def blocked_at_the_signing(self) -> None:
        """A rectification of one who is free falls due just before the leader signs (R-58, L-13)."""
        if self.cases[B].at("signing"):
            free = b.those(self.cases[B], "free")
            school = self.cases[self.r.choice(free)].subject
            self.register(school, having(self.schools[school], rectifications=(("R9", day_of(self.now), "overdue"),)))
            self.push(B)

    def paper_is_opened(self) -> None:
        """By its addressee, before anything is done about it (C-9)."""
        for id in self.shuffled():
            for v in self.current(id).open:
                if self.procedure(id).unserved(v):
                    self.act(id, Act("receive", v.no), next(iter(self.holders(v.seats[0].holder)), ""))
                    return

    def late_child(self) -> None:
        self.apply(self.r.choice(sorted(self.schools)))

    def visit_recorded_late(self) -> None:
        """补录 (C-32): the visit was held, the leader enters it days later."""
        for id in self.applications():
            v, f = self.cases[id].at("visit"), self.cases[id].facts
            at = max(v.opened_at, start_of(f.day) + timedelta(hours=10)) if v and f.notified else self.now
            for s in v.seats if v and at < self.now else ():
                refused = self.act(id, having(self.whole(id, v, "agree", s.key), at=at), s.key)
                if refused and refused.code == "not_late_able":     # C-34: the head consents first
                    self.act(id, Act("record", form=AllowLate(day_of(at), WORDS)), self.office(id, s.key, of=HEADS))
                    refused = self.act(id, having(self.whole(id, v, "agree", s.key), at=at), s.key)
                    self.seen["recorded after the limit"] += not refused
                if not refused:
                    self.seen["recorded late"] += 1
                    return

    def pass_time(self, days: int) -> None:
        """Timers fire late, the next year's calendar comes in the autumn; rarely a day off is added, or all was down."""
        was, self.now = self.now, self.now + timedelta(days=days, hours=self.r.randrange(9))
        if self.now.month >= 10 and self.calendar.published_to.year == self.now.year:
            c, more = self.calendar, calendar_to(self.now.year + 1)
            self.calendar = having(more, outages=c.outages, off=more.off | c.off, makeup=more.makeup - c.off)
        if self.r.random() < .05:
            down = (max(was, self.now - timedelta(hours=30)), self.now)
            self.calendar = having(self.calendar, outages=(*self.calendar.outages, down))
            self.seen["outage"] += 1
        elif self.r.random() < .05:             # C-5
            added = day_of(self.now) + self.r.randint(1, 9) * DAY
            self.calendar = having(self.calendar, off=self.calendar.off | {added}, makeup=self.calendar.makeup - {added})
            self.seen["day off added"] += 1
        for id in self.shuffled():
            if self.r.random() < .6:
                self.look(id)

    RARE = (applicant_leaves, office_stops, office_ends, asks_for_time, takes_back, window_is_extended, goes_on_earlier,
            late_child, paper_is_opened, visit_recorded_late, post_changes_hands, blocked_at_the_signing, tie_is_found, recusal_is_demanded)

    def step(self) -> None:
        """One random thing, and the checks."""
        match self.r.choices(["helpful", "good", "mean", "outside", "time", "rare"], [30, 25, 8, 13, 14, 15])[0]:
            case "helpful":
                self.helpful(self.r.choice([1, 2, 3, 6]))
            case "good":
                self.anyone(mean=False)
            case "mean":
                self.anyone(mean=True)
            case "outside":
                self.outside(self.r.choice(["overdue", "violation"]))
            case "time":
                self.pass_time(self.r.choice([1, 1, 2, 3, 5, 12]))
            case "rare":
                self.r.choice(self.RARE)(self)
        self.check()

    def silence(self) -> None:
        """Nobody acts: clocks and workflows only."""
        for _ in range(60):
            did = False
            for id in self.open_cases():
                if self.current(id) != self.cases[id]:
                    did = self.look(id)
                elif duties := self.plan(id).duties:
                    did = self.duty(id, duties[0])
            if not did:
                self.pass_time(4)
        self.check()

    def finish(self) -> None:
        """Helpful people, nothing overdue: everything comes to a natural end."""
        self.mischief = False
        ended = Counter(x.ended for x in self.cases.values())
        for id, o in self.schools.items():
            self.register(id, having(o, rectifications=()))
        for n in range(400):
            if not self.open_cases():
                break
            if not sum(self.push(id) for id in self.shuffled()):
                self.pass_time(2)
            if n % 20 == 0:
                self.check()
        assert not self.open_cases(), f"no end\n{self}"
        assert Counter(x.ended for x in self.cases.values())["terminated"] == ended["terminated"], "no natural end"
        self.check()

    # -- what no order of acts can break -----------------------------------------------------------------------------------

    def _observe(self, id: str, e: Entry) -> None:
        """How often everything was reached; and what each new fact must be."""
        kind, event = self.procedure(id).kind, e.event
        assert e.at <= self.now, (id, e)
        match event:
            case k.StageOpened():
                self.seen[f"row {kind}.{event.stage}"] += 1
            case k.StageClosed():
                self.seen[f"outcome {event.outcome}"] += 1
            case k.CaseEnded():
                self.seen[f"end {event.how}"] += 1
            case k.BallotClosed():
                self.seen[f"ballot {event.result}"] += 1
            case k.SeatActed():
                assert not self.policy.ballot.secret or event.verb not in ("yes", "no", "abstain"), "R-45"
            case b.NoticeUp():
                assert event.children, "an empty notice"
            case facts.ResultProposed():        # on as many sheets as were asked
                case = self.cases[id]
                signed = [x for x in case.roster("experts").members if x in case.facts.sheets]
                assert len(signed) == self.policy.reviewers and site.panel_sheets(case), f"{id}: proposed on {signed}"
        self.seen[f"event {type(event).__name__}"] += 1

    def _count_votes(self, before: Case, act: Act, entries: list[Entry]) -> None:
        """R-45, A-11: the totals are those of the choices, sealed or open, of who is present."""
        for closed in (e.event for e in entries if isinstance(e.event, k.BallotClosed)):
            visit, sealed = before.visit(closed.visit), self.vault[before.id, act.visit]
            said = Counter(sealed.get(s.key, s.acted.verb) for s in visit.seats if s.claimed_by and s.acted and not s.gone)
            assert (closed.yes, closed.no, closed.abstain) == (said["yes"], said["no"], said["abstain"]), (closed, said)

    def check(self) -> None:
        for id in sorted(self.changed):
            self._check_log(id)
            self._check_separation(id)
            assert id == B or self.cases[B].children.get(id) == STAR.tells(self.cases[id]), f"the parent does not know of {id}"
        self.changed.clear()
        self._check_batch()
        for id in self.open_cases():
            assert self.alive(id), f"{id} is stuck\n{self}"
        if ids := self.open_cases():
            self._check_offers(self.r.choice(ids), self.r.choice(sorted(self.posts)))
            self._check_end(self.r.choice(ids))

    def _check_log(self, id: str) -> None:
        """State = fold, plan = function of the state, no clock without a seat or a visit that waits, nothing done twice."""
        case, procedure, log = self.cases[id], self.procedure(id), self.logs[id]
        context, folded = self.context(WORKFLOW, id), Case(facts=procedure.facts())
        for e in log:
            folded = evolve(folded, e)
        assert folded == case, f"{id} is not the fold of its log"
        p = plan(procedure, case, context)
        assert plan(procedure, folded, context) == p, f"{id}: the plan is no function of the state"
        for m in (*moments(procedure, case, context), *p.clocks):
            visit = case.visit(m.visit)
            assert visit or not m.visit, f"{id}: something runs in a closed visit: {m}"
            assert not visit or not visit.seat(m.key) or visit.seat(m.key).open, f"{id}: runs on for who has acted: {m}"
        began = {e.event.visit: e for e in log if isinstance(e.event, k.StageOpened)}
        done, reminded, mended = Counter[Any](), Counter[Any](), 0
        for e in log:
            begun = began.get(getattr(e.event, "visit", 0))
            assert begun is None or e.at >= begun.at, f"{id}: {e} lies before its visit"
            match e.event:
                case k.DutyDone(visit=no, duty=name):
                    done[no, name] += 1
                    duty = next(d for d in procedure[began[no].event.stage].duties if d.name == name)
                    assert duty.while_ or done[no, name] == 1, f"{id}: {name} twice in one visit"
                case k.ReminderDue(visit=no, key=key, workdays=days):
                    reminded[no, key, days] += 1
                    assert reminded[no, key, days] == 1, f"{id}: reminded twice (A-42)"
                case k.ExtensionAnswered(more=more) if more:
                    reminded.clear()
                case k.StageOpened(stage="mending", fresh=False):
                    mended += 1
                    assert mended == 1, f"{id}: mended twice (R-35)"

    def _check_separation(self, id: str) -> None:
        """G-15, G-12, and the pairs of G-13."""
        case, procedure = self.cases[id], self.procedure(id)
        groups, acts = defaultdict(set), {(stage, who) for stage, _, a in case.acts() for who in (a.by, a.behind) if who}
        for stage, who in acts:
            if group := procedure[stage].judges:
                groups[who].add(group)
                assert case.subject not in self.ties.get(who, ()), f"{id}: {who} judged their own in {stage}"
            for other in procedure[stage].not_by:
                assert (other, who) not in acts, f"{id}: {who} acted in {stage} and in {other}"
        for who, of in groups.items():
            assert len(of) == 1, f"{id}: {who} judged in {of}"

    def _check_batch(self) -> None:
        """Nothing twice across cases, numbers without gaps, never more places than there are."""
        parent, log = self.cases[B], [e.event for e in self.logs[B]]
        for level, x in self.policy.levels.items():
            held = [c for c, s in parent.children.items() if s.level == level and (
                s.what in ("noticed", "free", "signed") or s.by == "recognised")]
            assert x.quota is None or len(held) <= x.quota, f"{held} hold {x.quota} places"
        signed = Counter(c for e in log if isinstance(e, b.DocumentSignedOff) for c in e.children)
        assert max(signed.values(), default=0) <= 1, f"signed twice: {signed}"
        for c in parent.facts.signed:
            now = STAR.tells(self.cases[c])
            assert now.what in ("free", "held", "signed") or now.by == "recognised", f"{c} is signed and stands {now}"
        for p in parent.past:
            signers = {key for key, _ in p.acts}
            assert (p.stage, p.outcome) != ("minutes", "passed") or signers == {"chair", "secretary"}, f"R-47: {signers}"
        meeting, notices = 0, Counter[int]()
        for event in log:
            meeting += isinstance(event, b.Ranked)
            notices[meeting] += isinstance(event, b.NoticeUp)
        assert max(notices.values(), default=0) <= 1, f"two notices of one meeting: {notices}"
        numbers = defaultdict(list)
        for id, entries in self.logs.items():
            ballots, again, called = Counter[int](), Counter[int](), 0
            for event in (e.event for e in entries):
                match event:
                    case facts.CalledToVote():
                        called = event.meeting
                    case k.BallotClosed():
                        ballots[called] += event.result != "no_quorum"
                    case k.StageClosed(outcome="again"):
                        ballots[called] -= 1
                        again[called] += 1
                    case b.Numbered():
                        numbers[event.series].append(event.serial)
                    case facts.TitleConferred():
                        numbers[event.since.year].append(event.serial)
            assert max(ballots.values(), default=0) <= 1, f"{id}: two ballots count in one meeting"
            assert max(again.values(), default=0) <= self.policy.ballot.again, f"{id}: put once more too often (A-12)"
        assert all(sorted(n) == list(range(1, len(n) + 1)) for n in numbers.values()), f"numbers with a gap: {numbers}"

    def _check_offers(self, id: str, who: str) -> None:
        """What is offered is what decide accepts; what is refused is refused with that code. Nothing is written."""
        case = self.current(id)
        for offer in offers(self.procedure(id), case, self.context(who, id)):
            act = self._taken(id, case, offer)
            got = decide(self.procedure(id), self.cases[id], act, self.context(who, id, act))
            self._as_shown(id, offer, act, got if isinstance(got, Refusal) else None)

    def _check_end(self, id: str) -> None:
        """A-49: the office alone can always end it, with the head, unless `may_end` forbids. Nothing is written."""
        case, procedure = self.current(id), self.procedure(id)
        open_before = not case.ended
        while not case.ended:
            first = ending(case)
            of = ("staff1", "staff2") if first and first.post == HEAD.key else HEADS
            context = self.context(self.office(id, first.by if first else "", of=of), id)
            got = decide(procedure, case, Act("end", opinion=WORDS), context)
            if isinstance(got, Refusal) and any(need(case, context) for need in procedure.may_end):
                return
            assert not isinstance(got, Refusal), f"{id} cannot be ended by {context.actor}: {got}\n{self}"
            case = got[1]
        assert not open_before or case.ended == "terminated", id

    def alive(self, id: str, asked: tuple[str, ...] = ()) -> bool:
        """A person, a clock or a duty; or it waits for another case that is alive."""
        if id in asked:
            return False
        case, procedure, context = self.current(id), self.procedure(id), self.context(WORKFLOW, id)
        if case.ended or case != self.cases[id]:
            return True                         # a timer or a knock moves it
        assert not any(outcome_of(procedure, case, v, context) for v in case.open), f"{id} could go on and does not"
        p = self.plan(id)
        if p.tasks or p.duties or p.next_at:
            return True
        if id == B:
            return any(self.alive(c, (*asked, id)) for c, s in case.children.items() if s.what != "ended")
        waits = procedure.duty(case, case.open[0], self.policy)
        told = bool(waits and waits.told) and self.alive(B, (*asked, id))
        return told or bool(self.schools[case.subject].overdue)

    def __str__(self) -> str:
        """What a reader of a failed run wants to see."""
        lines = [f"{self.now:%m-%d %H:%M} {self.policy.id} {self.policy.ballot} ties {self.ties}", f"{self.cases[B].facts}"]
        for id, case in self.cases.items():
            stands = "" if id == B else STAR.tells(case).what
            lines.append(f"{id} {case.subject} {case.ended or stands}{' suspended' if case.suspended else ''}")
            for v in case.open:
                seats = [f"{s.key}{'*' * bool(s.claimed_by)}:{s.gone or (s.acted.verb if s.acted else '-')}" for s in v.seats]
                p = self.plan(id)
                lines.append(f"    {v.stage}#{v.no} done {v.done} seats {seats} due {[f'{c.due:%m-%d}' for c in p.clocks if c.due]}"
                             f" tasks {[t.seat for t in p.tasks]} duties {[d.duty for d in p.duties]}")
        return "\n".join(lines)


def live(seed: int, steps: int) -> World:
    """One life: a start somewhere, random steps, and helpful people until everything has ended."""
    world = World(seed, GOALS[seed % len(GOALS)])
    if seed % 3:
        world.blocked_at_the_signing()
    for _ in range(steps):
        world.step()
    if seed % 7 == 4:
        world.silence()
    world.finish()
    return world


def never_reached(seen: Counter[str]) -> list[str]:
    """Rows, verbs and endings that no life came to."""
    rows = [f"row {p.kind}.{s.name}" for p in (STAR, BATCH) for s in p.stages]
    verbs = """receive agree refuse return claim release decline take_back ask record close yes no abstain withdraw suspend resume
        extend vacate assign drop end hear do fail again child look""".split()
    ends = "recognised refused withdrawn lapsed deferred terminated closed".split()
    return [x for x in (*rows, *(f"verb {v}" for v in verbs), *(f"end {e}" for e in ends)) if not seen[x]]


def main(first: int, count: int, steps: int, show: int = 1) -> None:
    seen, faults, began = Counter[str](), Counter[str](), time.process_time()
    for seed in range(first, first + count):
        try:
            seen += live(seed, steps).seen
            seen["lives"] += 1
        except Exception as fault:              # counted and shown; the other lives go on
            where = traceback.extract_tb(fault.__traceback__)[-1]
            faults[f"{type(fault).__name__} {where.name}:{where.lineno} {str(fault)[:120]}"] += 1
            if faults.total() <= show:
                print("SEED", seed)
                traceback.print_exc()
    for name, times in sorted(seen.items()):
        print(f"{name:44} {times}")
    for kind, times in faults.most_common():
        print("FAULT", times, kind)
    print("never:", never_reached(seen) or "nothing", f"in {time.process_time() - began:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
