"""政策. The one map between the fields of a programme's file and what tables and rules ask (R-2, R-4).

Points of a file are decimals in quotes; here everything is an integer in cp (1/100 point). `LATER` names the fields
that only a later issue reads; a test fails for a field that is neither read nor listed.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from domain.kernel.seats import BallotRule
from domain.kernel.stages import Policy
from domain.kernel.values import Value
from domain.kernel.words import HELD_FOR


class PolicyInvalid(ValueError):
    """`policy_invalid`: the file cannot be followed; the message says where."""


class Leaf(Value):
    """观测点. `by`: who scores it (`material`, `site`, `office`)."""
    id: str
    dimension: str
    full_cp: int
    step_cp: int
    text: str
    by: frozenset[str]
    evidence_min: int
    evidence_kinds: tuple[str, ...] = ()


class Dimension(Value):
    id: str
    name: str
    full_cp: int


class Level(Value):
    level: int
    name: str
    pass_cp: int
    floors_cp: Mapping[str, int]
    quota: int | None
    years_since_last: int
    requires_level: int
    requires_programme: str = ""


class Veto(Value):
    id: str
    code: str
    text: str
    lookback_months: int


class StarPolicy(Policy):
    """One version of a programme. Terms in the unit of the table's row; shares as (n, d); amounts in cp."""
    title: str = ""
    document: str = ""
    effective_from: date = date.min
    effective_to: date | None = None            # None = until another takes its place
    programme: str = ""
    organ: str = ""
    school_kinds: frozenset[str] = frozenset()
    levels: Mapping[int, Level] = {}
    dimensions: tuple[Dimension, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    years_in_operation: int = 0
    violation_months: int = 0                   # 0 = the file has no such rule
    cooling_off_months: int = 0
    window_days: int = 30
    application_cap: int | None = None
    evidence_bytes_max: int = 20 * 1024**2
    evidence_files: frozenset[str] = frozenset(("pdf", "jpg", "png", "mp4", "doc", "docx", "xls", "xlsx"))
    cosign_term: int = 5
    completeness_term: int = 5
    correction_term: int = 10
    correction_rounds: int = 2
    eligibility_term: int = 5
    accept_term: int = 2
    redraw_max: int = 3
    material_term: int = 10
    third_term: int = 5
    reviewers: int = 2
    reserve: int = 1
    expert_load: int = 8
    exclude_max: int = 3
    lookback_months: int = 36
    low_mark_bp: int = 6000
    spread_cp: int = 1000
    leaf_spread_bp: int | None = None
    three_rule: str = "nearest"                 # nearest | all
    equal_gaps: str = "middle"                  # middle | all
    material_weight: int = 40
    site_weight: int = 60
    both_split: tuple[int, int] = (40, 60)
    panel_min: int = 3
    panel_outside: int = 0
    fix_visit: int = 3
    visit_within: int = 20
    visit_notice: int = 3
    report_term: int = 5
    fact_reply: int = 3
    recusal_demand: int = 3
    recusal_decide: int = 2
    activities_min: Mapping[str, int] = {}
    mending: bool = True
    mend_term: int = 30
    mend_leaves: int = 100
    mend_cap_bp: int = 8000
    mend_gain_cp: int | None = None
    rescored_by: str = "site_panel"             # site_panel | leader_and_one
    proposal_term: int = 5
    departure_chars_min: int = 0
    dissent_chars_min: int = 0
    ranking: tuple[str, ...] = ()
    vote_within: int = 15
    papers_before: int = 3
    minutes_term: int = 3
    recall_after: int = 5
    notice_days: int = 5
    confer_term: int = 10
    refusal_letter: int = 10
    validity_years: int = 3
    document_pattern: str = ""
    certificate_pattern: str = ""
    case_pattern: str = ""

    def case_series(self, year: int) -> str:
        """`星申{year}-{serial}` without the serial: one series a programme and year (A-50)."""
        return self.case_pattern.removesuffix("-{serial}").format(year=year)

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)

    def leaf(self, id: str) -> Leaf | None:
        return next((x for x in self.leaves if x.id == id), None)

    def scored(self, by: str) -> tuple[Leaf, ...]:
        """The leaves that these people score."""
        return tuple(x for x in self.leaves if by in x.by)


USUAL = StarPolicy()
"""What holds where a file is silent."""


LATER = {
    "eligibility.no_open_overdue_rectification": "L-1, L-13, always so",
    "eligibility.no_proven_violation.severities": "S-57: what the register holds was proven by a decision with a number",
    "eligibility.one_open_case_per_programme": "R-6, always so",
    "objection": "R-52 to R-55", "appeal": "R-73 to R-76", "untrue_data": "R-43", "fees": "R-3: nothing may be taken",
    "committee.members_count": "G-2 appointment",
    "committee.recused_leave_denominator": "A-11, always so",
    "committee.abstention": "A-11, follows from the base", "committee.early_close": "A-12, always so",
    "committee.quorum_base": "A-11, always so", "committee.quorum_test": "A-11, always so",
    "cooling_off.after_veto_months": "R-90", "cooling_off.after_revocation_months": "R-90",
    "cooling_off.after_withdrawal_months": "R-90", "cooling_off.after_incomplete_months": "R-90",
    "conferment.yearly_report_within_days": "R-81", "conferment.yearly_report_counted_from": "R-81",
    "conferment.reevaluation_mending_max_months": "R-82", "conferment.reevaluation_grace_days": "R-83",
    "conferment.reevaluation_opens_before_days": "R-82", "conferment.downgrade_allowed": "R-84",
    "conferment.revocation_needs_hearing": "R-84", "conferment.hearing_notice_working_days": "R-84",
    "notice.first_day": "C-10, always so", "notice.shown": "R-50, always so", "notice.reposted_if_changed": "R-51",
    "review.draw": "R-21, always so", "review.blind": "R-22, always so", "review.blind_hides": "R-22",
    "review.self_score_shown": "portal", "review.outside_district_min_count": "R-21, others are drawn first",
    "review.experts_min_count": "R-21", "review.decline_reason_required": "R-23, always so",
    "review.comment_required_at_zero_and_full": "R-24, always so", "review.spread.compared": "R-26, always so",
    "review.spread.at_exactly_limit": "R-26, always so", "review.combination.rule_two_experts": "R-27, always so",
    "review.combination.total_rule": "R-37, always so", "review.combination.office_record_leaf": "R-63",
    "review.combination.office_record_mixed_leaf": "R-63", "review.combination.office_record_counts_in": "R-63",
    "review.rounding": "R-28, always so", "site_visit.panel_must_be_odd": "R-29, always so",
    "site_visit.panel_lead": "R-29, always so", "site_visit.signatures": "R-33, always so",
    "site_visit.dissent.allowed": "R-33, always so", "site_visit.dissent.kept_verbatim": "R-33",
    "site_visit.dissent.shown_to_committee": "R-33", "site_visit.dissent.shown_to_applicant": "R-92",
    "site_visit.score_rule": "R-32, always so", "mending.rounds_max_count": "R-35, always once",
    "mending.extension_days": "C-22", "proposal.computed_from": "R-37, always so", "quota.tie": "R-44, always so",
    "application.self_score_required": "R-9, always so", "application.co_sign_by": "R-12, always so",
    "application.withdraw_until": "A-20, always so", "numbering.serial_restarts": "A-50, always so",
    "numbering.gaps": "A-50, always so",
}
"""What no rule of this issue reads, and the rule that will, or that holds without asking."""


def cp(points: str) -> int:
    """'85.00' → 8500; anything finer than a hundredth is `policy_invalid`."""
    value = Decimal(points) * 100
    if value != value.to_integral_value():
        raise PolicyInvalid(f"{points} 不是百分之一分的整数倍")
    return int(value)


def bp(percent: str) -> int:
    return cp(percent)


def _share(fraction: str) -> tuple[int, int]:
    n, d = fraction.split("/")
    return int(n), int(d)


class Fields:
    """A file's mapping that remembers which fields were read."""

    def __init__(self, data: Mapping[str, Any], path: str = "", seen: set[str] | None = None) -> None:
        self.data, self.path, self.seen = data, path, set() if seen is None else seen

    def __getitem__(self, key: str) -> Any:
        if key not in self.data:
            raise PolicyInvalid(f"缺少 {self.path}{key}")
        self.seen.add(f"{self.path}{key}")
        value = self.data[key]
        return Fields(value, f"{self.path}{key}.", self.seen) if isinstance(value, Mapping) else value

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self.data else default

    def items(self) -> Iterator[tuple[Any, Any]]:
        return ((k, self[k]) for k in self.data)


def read_policy(data: Mapping[str, Any], seen: set[str] | None = None) -> StarPolicy:
    """The policy of a programme's file. Raises PolicyInvalid (`policy_invalid`, R-2, R-4, R-50)."""
    p = Fields(data["parameters"], "", seen)
    review, visit, mend, committee, combine = (
        p["review"], p["site_visit"], p["mending"], p["committee"], p["review"]["combination"])
    clocks = p.get("clocks", Fields({}))          # what a file does not say holds by default
    limits = {s["code"]: s for s in data["stages"]}
    rules = {r["code"]: Fields(r, f"eligibility.{r['code']}.", p.seen) for r in p["eligibility"]}
    since, requires = rules.get("years_since_last_level", {}), rules.get("holds_level", {})
    quota = p["quota"]["per_batch_count_by_level"]
    dimensions, leaves = _tree(data["indicators"], cp(data["indicators_total_points"]))
    if data.get("kind") == "campaign" and data["authority"]["conferring_level"] == "county":
        raise PolicyInvalid("县级部门不得举办创建示范活动")
    if data["parameters"]["fees"]["fee_fen"]:
        raise PolicyInvalid("不得收取任何费用")
    levels = {x["level"]: Level(
        x["level"], x["name"], cp(x["pass_total_points"]), {k: cp(v) for k, v in x["floors_points"].items()},
        quota.get(x["level"]) if quota else None,
        since.get("min_years", 0) if x["level"] in since.get("applies_to_levels", ()) else 0,
        (requires.get("required_level_by_level") or {}).get(x["level"], 0),
        requires.get("required_programme", data["programme"])) for x in data["levels"]}

    def term(code: str) -> int:
        stage = limits.get(code)
        if stage is None:                       # a programme without that stage: its row is never entered
            return 0
        return stage["limit_working_days"] if "limit_working_days" in stage else _at(p, stage["limit_from"])

    reminders = {row: tuple(limits[code]["remind_before_working_days"]) for code, rows in ROWS.items()
                 for row in rows if code in limits}
    leaf_spread = review["spread"]["call_third_expert_over_leaf_percent"]
    gain = mend["gain_max_points"]
    policy = StarPolicy(
        id=data["id"], title=data["title"], document=data["document_number"],
        effective_from=data["effective_from"], effective_to=data["effective_to"], programme=data["programme"],
        organ=data["authority"]["conferring_body"], school_kinds=frozenset(data["applies_to_school_kinds"]),
        levels=levels, dimensions=dimensions, leaves=leaves,
        vetoes=tuple(Veto(v["id"], v["code"], v["text"], v["lookback_months"]) for v in data["vetoes"]),
        years_in_operation=rules.get("years_in_operation", {}).get("min_years", 0),
        violation_months=rules.get("no_proven_violation", {}).get("lookback_months", 0),
        cooling_off_months=p["cooling_off"]["after_refusal_months"],
        window_days=p["application"]["window_days"], application_cap=p["application"].get("applications_max_count"),
        evidence_bytes_max=p["application"]["evidence_file_max_bytes"],
        evidence_files=frozenset(p["application"].get("evidence_file_kinds", USUAL.evidence_files)),
        cosign_term=term("co_sign"), completeness_term=term("completeness"), correction_term=term("correction"),
        correction_rounds=p["correction"]["rounds_max_count"], eligibility_term=term("eligibility"),
        material_term=term("material_review"), reviewers=review["experts_draw_count"],
        reserve=review["reserve_experts_count"], expert_load=review["open_dossiers_per_expert_max_count"],
        exclude_max=review["exclude_list_max_count"], lookback_months=review["conflict_lookback_months"],
        low_mark_bp=bp(review["comment_required_below_percent"]),
        spread_cp=cp(review["spread"]["call_third_expert_over_total_points"]),
        leaf_spread_bp=bp(leaf_spread) if leaf_spread else None,
        three_rule="all" if combine["rule_three_experts"] == "mean_of_all" else "nearest",
        equal_gaps="all" if combine["tie_of_nearest"] == "mean_of_all_three" else "middle",
        material_weight=int(combine["material_weight_percent"]), site_weight=int(combine["site_weight_percent"]),
        both_split=(int(combine["mixed_leaf_expert_percent"]), int(combine["mixed_leaf_panel_percent"])),
        panel_min=visit["panel_min_count"], panel_outside=visit.get("outside_bureau_min_count", 0),
        visit_within=term("site_visit"), visit_notice=visit["notice_before_working_days"],
        report_term=visit["report_working_days"], fact_reply=visit["fact_reply_working_days"],
        activities_min=dict(visit["activities_min_count"].items()),
        dissent_chars_min=visit["dissent"]["text_min_chars_count"],
        mending=mend["offered"], mend_term=mend["mending_days"], mend_leaves=mend["leaves_max_count"],
        mend_cap_bp=bp(mend["leaf_cap_percent"]), mend_gain_cp=cp(gain) if gain else None,
        rescored_by=mend["rescored_by"], proposal_term=term("proposal"),
        departure_chars_min=p["proposal"]["departure_reason_min_chars_count"],
        ballot=BallotRule(_share(committee["quorum_fraction"]), _share(committee["majority_fraction"]),
                          committee["majority_base"], committee["majority_test"] == "more_than",
                          committee["secret_ballot"], "refused" if committee["tie"] == "not_carried" else "passed",
                          committee["second_ballot_max_count"]),
        ranking=tuple(p["quota"]["ranking"]), vote_within=term("committee"),
        papers_before=committee["papers_before_working_days"],
        recall_after=committee.get("recall_after_working_days", USUAL.recall_after),
        notice_days=p["notice"]["notice_working_days"],
        confer_term=term("conferment"), refusal_letter=p["conferment"]["refusal_letter_working_days"],
        validity_years=p["conferment"]["validity_years"],
        document_pattern=p["numbering"]["decision_document_pattern"],
        certificate_pattern=p["numbering"]["certificate_pattern"], case_pattern=p["numbering"]["case_pattern"],
        serial_width=p["numbering"]["case_and_certificate_serial_width_count"], reminders=reminders,
        suspension_reasons=tuple(clocks.get("suspension_reasons", USUAL.suspension_reasons)),
        suspensions_max=clocks.get("suspensions_max_count", USUAL.suspensions_max),
        service_presumed_workdays=clocks.get("service_presumed_working_days", USUAL.service_presumed_workdays),
        late_entry_workdays=clocks.get("late_entry_working_days", USUAL.late_entry_workdays),
        recusal_demand=clocks.get("recusal_demand_working_days", USUAL.recusal_demand),
        recusal_decide=clocks.get("recusal_decide_working_days", USUAL.recusal_decide),
        late_papers=frozenset(clocks.get("late_entry_paper_kinds", ())),
        counter_close=time.fromisoformat(clocks.get("counter_close", f"{USUAL.counter_close:%H:%M}")))
    if fault := next(_faults(policy), None):
        raise PolicyInvalid(fault)
    return policy


def _faults(p: StarPolicy) -> Iterator[str]:
    """What its own numbers forbid (R-4, R-24, R-28, R-29, R-37, R-41, R-44, R-50, R-80)."""
    if p.effective_to and p.effective_to < p.effective_from:
        yield "施行的最后一天早于第一天"
    if not p.case_pattern.endswith("-{serial}") or "{year}" not in p.case_pattern:
        yield "案号须按年编，以“-{serial}”结尾"
    if p.notice_days < 5:
        yield "公示不得少于5个工作日"
    if p.validity_years < 1:
        yield "有效期至少一年"
    if p.material_weight + p.site_weight != 100:
        yield "材料与实地的权重相加不等于100"
    if sum(p.both_split) != 100:
        yield "共评观测点的权重相加不等于100"
    if p.panel_min % 2 == 0:
        yield "考察组人数须为单数"
    yield from (f"不认识的排序项 {k}" for k in p.ranking if k not in RANKED_BY)
    yield from (f"不认识的暂停事由 {k}" for k in p.suspension_reasons if k not in HELD_FOR)
    for level in p.levels.values():
        yield from (f"{level.name}的底线{d}不是维度" for d in level.floors_cp if d not in {x.id for x in p.dimensions})
        if sum(level.floors_cp.values()) > level.pass_cp:
            yield f"{level.name}各维度底线之和超过合格线"
    ids = [x.id for x in p.leaves]
    yield from (f"观测点{x}重复" for x in ids if ids.count(x) > 1)
    yield from (f"{x.id}的满分不是步长的整数倍" for x in p.leaves if x.full_cp % x.step_cp)


RANKED_BY = ("combined_total_points", "floor_margin_points", "rural_first", "submitted_at")
"""What candidates can be ranked by (R-44)."""
ROWS = {
    "drafting": ("dossier",), "co_sign": ("co_sign",), "completeness": ("completeness",), "correction": ("correction",),
    "eligibility": ("eligibility",), "material_review": ("material", "third"), "site_visit": ("visit", "report"),
    "mending": ("mending",), "proposal": ("proposal",), "committee": ("convening", "meeting"), "conferment": ("signing",),
}
"""A file's stage → the rows of our tables that it reminds."""


def _at(p: Fields, path: str) -> Any:
    at: Any = p
    for key in path.removeprefix("parameters.").split("."):
        at = at[key]
    return at


def _tree(indicators: list[Mapping[str, Any]], total_cp: int) -> tuple[tuple[Dimension, ...], tuple[Leaf, ...]]:
    """Leaves add up to their parent, dimensions to the total (R-4)."""
    dimensions, leaves = [], []
    for d in indicators:
        full = cp(d["points"])
        dimensions.append(Dimension(d["id"], d["name"], full))
        if sum(cp(i["points"]) for i in d["children"]) != full:
            raise PolicyInvalid(f"{d['id']}各项相加不等于{d['points']}分")
        for i in d["children"]:
            if sum(cp(x["max_points"]) for x in i["children"]) != cp(i["points"]):
                raise PolicyInvalid(f"{i['id']}各项相加不等于{i['points']}分")
            leaves += [Leaf(x["id"], d["id"], cp(x["max_points"]), cp(x["step_points"]), x["text"],
                            frozenset(SCORERS[s] for s in x["scored_by"]), x["evidence_min_count"],
                            tuple(x["evidence_kinds"])) for x in i["children"]]
    if sum(d.full_cp for d in dimensions) != total_cp:
        raise PolicyInvalid("各维度相加不等于总分")
    return tuple(dimensions), tuple(leaves)


SCORERS = {"material_expert": "material", "site_panel": "site", "office_record": "office"}
