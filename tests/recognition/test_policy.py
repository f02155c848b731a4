"""Programme files (R-2 to R-4, R-27, R-29, R-50): what is read arrives, what nothing reads is found, what cannot be followed is refused."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time
from typing import Any

import pytest

from domain.kernel.seats import BallotRule
from domain.recognition.policy import (
    LATER,
    ROWS,
    Fields,
    Leaf,
    Level,
    PolicyInvalid,
    StarPolicy,
    Veto,
    bp,
    cp,
    read_policy,
)
from domain.recognition.procedure import BATCH, STAR

from .school import NAMES, POLICY, file, policy

P2015 = policy("star-school-2015")


@pytest.mark.parametrize("name", NAMES)
def test_R_4_every_file_can_be_followed(name):
    """Its leaves add up, and each row of the tables that has a clock gets a term of at least a day."""
    read = policy(name)
    assert (read.id, sum(x.full_cp for x in read.leaves), sum(d.full_cp for d in read.dimensions)) == (name, 10000, 10000)
    terms = {row.clock.name for row in (*STAR.stages, *BATCH.stages) if row.clock} | {s.seat_clock.name for s in STAR.stages if s.seat_clock}
    missing = {t for t in terms if hasattr(read, t) and getattr(read, t) < 1}
    assert missing == {"nomination-star-school-2026": {"confer_term"}, "county-demonstration-kindergarten-2026": {"mend_term"}}.get(name, set())
    assert {x.id for x in read.leaves if not x.by} == set()


def test_the_names_of_the_files():
    assert NAMES == ["county-demonstration-kindergarten-2026", "nomination-star-school-2026", "star-kindergarten-2026",
                     "star-school-2015", "star-school-2026"]


# -- no field is left unread --------------------------------------------------------------------------------------------


def paths(data: Any, at: str = "") -> Iterator[str]:
    """Every field of the parameters; a list of rules stands under the code of each, without its words."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from paths(value, f"{at}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for rule in value:
                yield from paths({k: v for k, v in rule.items() if k not in ("code", "text")}, f"{at}{key}.{rule['code']}.")
        else:
            yield f"{at}{key}"


def unread(data: Any) -> set[str]:
    """What read_policy did not touch and LATER does not list."""
    seen: set[str] = set()
    read_policy(data, seen)
    return {p for p in paths(data["parameters"])
            if p not in seen and not any(p == k or p.startswith(f"{k}.") for k in LATER)}


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_nothing_reads_fails(name):
    assert unread(file(name)) == set()


def test_and_would_be_found():
    data = file()
    data["parameters"]["review"]["new_number"] = 3
    data["parameters"]["a_new_part"] = {"of": {"numbers": 1}}
    data["parameters"]["eligibility"][0]["max_years"] = 40
    data["parameters"]["eligibility"].append({"code": "a_new_rule", "min_pupils": 50})
    assert unread(data) == {"review.new_number", "a_new_part.of.numbers", "eligibility.years_in_operation.max_years", "eligibility.a_new_rule.min_pupils"}


def test_what_is_kept_for_later_is_in_a_file_and_is_not_read():
    """LATER is a promise: an entry that no file has, or that is read by now, is struck."""
    every, read = set[str](), set[str]()
    for name in NAMES:
        data, seen = file(name), set[str]()
        read_policy(data, seen)
        every |= {".".join(p.split(".")[:n]) for p in paths(data["parameters"]) for n in range(1, p.count(".") + 2)}
        read |= seen
    assert (set(LATER) - every, set(LATER) & read) == (set(), set())


RULES_OF_ELIGIBILITY = {"years_in_operation", "years_since_last_level", "holds_level", "no_open_overdue_rectification",
                        "no_proven_violation", "cooling_off_over", "one_open_case_per_programme"}


@pytest.mark.parametrize("name", NAMES)
def test_R_19_the_rules_of_eligibility_are_those_that_are_known(name):
    assert {r["code"] for r in file(name)["parameters"]["eligibility"]} == RULES_OF_ELIGIBILITY


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_are_reminded_exist(name):
    assert {row for rows in ROWS.values() for row in rows} <= {s.name for s in (*STAR.stages, *BATCH.stages)}
    codes = {s["code"] for s in file(name)["stages"]}
    assert set(policy(name).reminders) == {row for code, rows in ROWS.items() if code in codes for row in rows}


# -- what cannot be followed is refused -----------------------------------------------------------------------------------


def put(path: str, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        *rest, last = path.split(".")
        for key in rest:
            data = data[int(key) if isinstance(data, list) else key]
        data[int(last) if isinstance(data, list) else last] = value
    return change


def drop(path: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        *rest, last = path.split(".")
        for key in rest:
            data = data[key]
        del data[last]
    return change


P = "parameters."


@pytest.mark.parametrize(("change", "says"), [
    pytest.param(put("indicators.0.children.0.children.0.max_points", "3.0"), "A1各项相加不等于5.0分", id="R-4 leaves do not add up"),
    pytest.param(put("indicators.0.children.0.points", "5.5"), "A各项相加不等于15.0分", id="R-4 indicators do not add up"),
    pytest.param(put("indicators_total_points", "99.0"), "各维度相加不等于总分", id="R-4 dimensions do not add up"),
    pytest.param(put("indicators.0.children.0.children.0.max_points", "2.505"), "2.505 不是百分之一分的整数倍", id="finer than a hundredth"),
    pytest.param(put("indicators.0.children.0.children.1.id", "A1.1"), "观测点A1.1重复", id="R-4 one leaf twice"),
    pytest.param(put("indicators.0.children.0.children.0.step_points", "0.7"), "A1.1的满分不是步长的整数倍", id="R-24 full marks out of reach"),
    pytest.param(put(P + "notice.notice_working_days", 4), "公示不得少于5个工作日", id="R-50 notice under five days"),
    pytest.param(put(P + "conferment.validity_years", 0), "有效期至少一年", id="R-80 no validity"),
    pytest.param(put("levels.0.floors_points.A", "60.0"), "一星级各维度底线之和超过合格线", id="R-41 floors above the pass mark"),
    pytest.param(put("levels.0.floors_points.F", "1.0"), "一星级的底线F不是维度", id="R-41 a floor of no dimension"),
    pytest.param(put(P + "review.combination.material_weight_percent", "50"), "材料与实地的权重相加不等于100", id="R-37 weights"),
    pytest.param(put(P + "review.combination.mixed_leaf_panel_percent", "60"), "共评观测点的权重相加不等于100", id="R-28 the split of a leaf"),
    pytest.param(put(P + "site_visit.panel_min_count", 4), "考察组人数须为单数", id="R-29 an even panel"),
    pytest.param(put(P + "fees.fee_fen", 100), "不得收取任何费用", id="R-3 a fee"),
    pytest.param(put(P + "quota.ranking", ["combined_total_points", "shoe_size"]), "不认识的排序项 shoe_size", id="R-44 ranked by what nobody knows"),
    pytest.param(put(P + "clocks", {"suspension_reasons": ["tired"]}), "不认识的暂停事由 tired", id="C-21 a reason without words"),
    pytest.param(put(P + "numbering.case_pattern", "星申{serial}"), "案号须按年编，以“-{serial}”结尾", id="A-50 numbers of a case by year"),
    pytest.param(put("effective_to", date(2026, 2, 1)), "施行的最后一天早于第一天", id="R-5 over before it begins"),
    pytest.param(drop(P + "notice.notice_working_days"), "缺少 notice.notice_working_days", id="a field is missing"),
    pytest.param(drop(P + "committee.quorum_fraction"), "缺少 committee.quorum_fraction", id="a share is missing"),
])
def test_policy_invalid(change, says):
    data = file()
    change(data)
    with pytest.raises(PolicyInvalid) as refused:
        read_policy(data)
    assert str(refused.value) == says


def test_R_2_a_campaign_of_a_county_department_is_refused():
    data = file()
    data["kind"] = "campaign"
    with pytest.raises(PolicyInvalid) as refused:
        read_policy(data)
    assert str(refused.value) == "县级部门不得举办创建示范活动"
    data["kind"] = "grading"
    assert read_policy(data) == POLICY


@pytest.mark.parametrize(("points", "then"), [("85.00", 8500), ("0.5", 50), ("2.5", 250), ("100", 10000), ("0.01", 1)])
def test_points_are_hundredths(points, then):
    assert (cp(points), bp(points)) == (then, then)


def test_fields_remember_what_was_read():
    fields = Fields({"a": {"b": 1, "c": 2}, "d": 3})
    assert (fields["a"]["b"], fields.get("e", 4), fields.seen) == (1, 4, {"a", "a.b"})


# -- what is read arrives -----------------------------------------------------------------------------------------------


def changes(name: str, other: str) -> dict[str, tuple[Any, Any]]:
    a, b = policy(name), policy(other)
    return {k: (getattr(a, k), getattr(b, k)) for k in StarPolicy.__struct_fields__ if getattr(a, k) != getattr(b, k)}


def test_2015_and_2026_differ_in_these():
    found = changes("star-school-2015", "star-school-2026")
    assert {k: v for k, v in found.items() if k not in ("levels", "dimensions", "leaves", "vetoes", "reminders", "id", "title", "document", "effective_from", "effective_to")} == {
        "window_days": (45, 30), "confer_term": (10, 5), "completeness_term": (10, 5), "correction_term": (7, 10),
        "correction_rounds": (1, 2), "violation_months": (12, 24), "lookback_months": (24, 36), "material_term": (10, 7), "spread_cp": (1000, 800),
        "leaf_spread_bp": (None, 6000), "three_rule": ("all", "nearest"), "material_weight": (50, 40), "site_weight": (50, 60),
        "both_split": ((40, 60), (50, 50)), "visit_notice": (5, 3), "visit_within": (15, 10), "report_term": (7, 5),
        "mend_leaves": (8, 5), "mend_gain_cp": (600, 400), "certificate_pattern": ("岚教星校〔{year}〕{level}-{serial}", "岚教星校认〔{year}〕{level}-{serial}"),
        "ballot": (BallotRule((2, 3), (1, 2), "present", True, False, again=1), BallotRule((2, 3), (2, 3), "present_voting", False, True)),
    }


def test_R_38_R_41_R_44_levels_of_both():
    assert (P2015.levels[1].pass_cp, P2015.levels[2].pass_cp) == (7000, 8000)
    assert POLICY.levels == {
        1: Level(1, "一星级", 7500, {"A": 900, "B": 1500, "C": 1500, "D": 900, "E": 1200}, 10, 0, 0, "star-school"),
        2: Level(2, "二星级", 8500, {"A": 980, "B": 1630, "C": 1750, "D": 980, "E": 1400}, 5, 3, 1, "star-school")}
    assert [(n, x.quota) for n, x in P2015.levels.items()] == [(1, 12), (2, 6)]


def test_R_42_a_new_veto_and_a_longer_look_back():
    assert [v.code for v in P2015.vetoes] == ["safety_accident", "teacher_ethics", "illegal_fee", "enrolment", "untrue_dossier"]
    assert POLICY.vetoes[-1] == Veto("V06", "teaching_aids", "教辅材料目录外征订、未公示先收费、强制或变相强制、余款逾期未清退,经查实", 24)
    assert ({v.lookback_months for v in P2015.vetoes[:4]}, {v.lookback_months for v in POLICY.vetoes[:4]}) == ({12}, {24})


def test_R_4_leaves_say_who_scores_them():
    assert POLICY.leaf("D1.1") == Leaf("D1.1", "D", 300, 50, "师德承诺、考核、查处闭环,近两年无查实的师德问题", frozenset({"material", "office"}), 1,
                                       ("policy_doc", "system_record"))
    assert POLICY.leaf("Z9") is None
    assert [x.id for x in POLICY.scored("office")] == ["A2.3", "D1.1"]
    assert [x.id for x in POLICY.scored("site") if "material" not in x.by] == ["B2.2", "C2.2", "E2.2"]


def test_a_number_changed_in_the_file_is_the_number_that_is_followed():
    data = file()
    put(P + "review.expert_working_days", 12)(data)
    put("stages.2.limit_working_days", 9)(data)
    put(P + "committee.recall_after_working_days", 7)(data)
    assert {k: getattr(read_policy(data), k) for k in ("material_term", "completeness_term", "recall_after")} == {
        "material_term": 12, "completeness_term": 9, "recall_after": 7}


@pytest.mark.parametrize(("field", "value", "name", "then"), [
    pytest.param("suspension_reasons", ["other_case"], "suspension_reasons", ("other_case",), id="C-21 the list"),
    pytest.param("suspensions_max_count", 3, "suspensions_max", 3, id="C-21 how often"),
    pytest.param("service_presumed_working_days", 5, "service_presumed_workdays", 5, id="C-9 presumed"),
    pytest.param("late_entry_working_days", 5, "late_entry_workdays", 5, id="C-34 the limit"),
    pytest.param("late_entry_paper_kinds", ["visit_held"], "late_papers", frozenset(["visit_held"]), id="C-34 which need a paper"),
    pytest.param("recusal_demand_working_days", 5, "recusal_demand", 5, id="G-19 by when it is demanded"),
    pytest.param("recusal_decide_working_days", 1, "recusal_decide", 1, id="G-19 by when it is decided"),
    pytest.param("counter_close", "17:00", "counter_close", time(17), id="C-15 the counter"),
])
def test_what_a_file_may_say_of_clocks(field, value, name, then):
    """Files that say nothing keep the default."""
    data, seen = file(), set()
    data["parameters"]["clocks"] = {field: value}
    assert (getattr(read_policy(data, seen), name), getattr(POLICY, name)) == (then, getattr(StarPolicy(), name))
    assert unread(data) == set()


@pytest.mark.parametrize(("name", "levels"), [
    pytest.param("star-school-2026", {1: (0, "star-school", 0), 2: (1, "star-school", 3)}, id="star-school"),
    pytest.param("star-kindergarten-2026", {1: (0, "star-kindergarten", 0), 2: (1, "star-kindergarten", 2), 3: (2, "star-kindergarten", 2)}, id="star-kindergarten"),
    pytest.param("county-demonstration-kindergarten-2026", {1: (2, "star-kindergarten", 1)}, id="of another programme"),
    pytest.param("nomination-star-school-2026", {3: (2, "star-school", 3), 4: (3, "star-school", 3), 5: (4, "star-school", 3)}, id="nominated upward"),
])
def test_R_19_which_title_must_be_held(name, levels):
    assert {n: (x.requires_level, x.requires_programme, x.years_since_last) for n, x in policy(name).levels.items()} == levels


def test_a_programme_without_mending_offers_none():
    assert (policy("county-demonstration-kindergarten-2026").mending, POLICY.mending) == (False, True)


@pytest.mark.parametrize(("name", "series"), [
    ("star-school-2015", "星申2026"), ("star-school-2026", "星申2026"), ("star-kindergarten-2026", "园申2026"),
    ("county-demonstration-kindergarten-2026", "示申2026"), ("nomination-star-school-2026", "荐申2026"),
])
def test_A_50_each_programme_numbers_its_cases(name, series):
    """Two versions of one programme share their series."""
    assert STAR.number(policy(name), 2026) == series
