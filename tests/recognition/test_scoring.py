"""Scores (R-24 to R-41, R-63): integers in cp, exact fractions between, rounded once, half up."""
from __future__ import annotations

from fractions import Fraction

import pytest

from domain.kernel.values import having
from domain.recognition.policy import Dimension, Leaf, Level, StarPolicy
from domain.recognition.scoring import Computed, compute, half_up, kept, mean, office_score, too_wide, total_of

from .school import POLICY, policy, scores


@pytest.mark.parametrize(("x", "then"), [
    (Fraction(17145, 2), 8573), (Fraction(171449, 20), 8572), (Fraction(8572), 8572), (Fraction(1, 2), 1), (Fraction(-1, 2), 0),
    (Fraction(49, 100), 0), (Fraction(87212, 10), 8721),
])
def test_R_28_half_up(x, then):
    assert half_up(x) == then


def material_total(*totals: int, three_rule: str = "nearest", equal_gaps: str = "middle") -> int:
    """Of sheets with these totals (R-27)."""
    return half_up(mean([totals[i] for i in kept(totals, three_rule, equal_gaps)]))


@pytest.mark.parametrize(("totals", "wide", "result"), [
    pytest.param((8230, 8915), False, 8573, id="Q-1 8572.5 up"),
    pytest.param((7850, 8850), False, 8350, id="Q-2 not above the limit"),
    pytest.param((7800, 8850, 8700), True, 8775, id="Q-3"),
    pytest.param((7800, 8850, 8000), True, 7900, id="Q-4"),
    pytest.param((7000, 9000, 8000), True, 8000, id="Q-5 equal gaps: the middle one"),
    pytest.param((7000, 8501, 9700), True, 9101, id="Q-6 9100.5 up"),
])
def test_R_26_R_27_examples(totals, wide, result):
    """One leaf of 10000 cp, so that each sheet has the total of the example."""
    one = StarPolicy(leaves=(Leaf("A1", "A", 10000, 50, "", frozenset({"material"}), 0),), spread_cp=1000)
    assert (too_wide([{"A1": t} for t in totals[:2]], one), material_total(*totals)) == (wide, result)


@pytest.mark.parametrize(("totals", "rules", "which"), [
    pytest.param((7000, 9000, 8000), ("nearest", "all"), (0, 1, 2), id="equal gaps: all, where the policy says so"),
    pytest.param((7000, 9000, 8500), ("all", "middle"), (0, 1, 2), id="all, where the policy says so"),
    pytest.param((9000, 7000, 8900), ("nearest", "middle"), (0, 2), id="in the order of signing"),
    pytest.param((8000, 8000, 9000), ("nearest", "middle"), (0, 1), id="two alike"),
    pytest.param((8000, 9000), ("nearest", "middle"), (0, 1), id="two sheets"),
    pytest.param((8000,), ("nearest", "middle"), (0,), id="one sheet"),
])
def test_R_27_which_sheets_count(totals, rules, which):
    assert kept(totals, *rules) == which


LEAVES = (Leaf("A1", "A", 400, 50, "", frozenset({"material"}), 0), Leaf("A2", "A", 300, 50, "", frozenset({"material"}), 0))


@pytest.mark.parametrize(("given", "total"), [
    pytest.param({"A1": 400, "A2": 300}, 10000, id="full marks"),
    pytest.param({"A1": 0, "A2": 0}, 0, id="nothing"),
    pytest.param({"A1": 200, "A2": 150}, 5000, id="half"),
    pytest.param({"A1": 350, "A2": 250}, 8571, id="8571.43 down"),
    pytest.param({"A1": 300, "A2": 50}, 5000, id="any leaf"),
    pytest.param({"A1": 50, "A2": 0}, 714, id="714.29 down"),
    pytest.param({"A1": Fraction(75, 2), "A2": 0}, 536, id="535.71 up"),
])
def test_R_24_the_total_of_a_sheet_lies_on_0_to_10000(given, total):
    assert total_of(given, LEAVES) == total


@pytest.mark.parametrize(("limits", "sheets", "then"), [
    pytest.param((1000, None), [{"A1": 400, "A2": 300}, {"A1": 350, "A2": 300}], False, id="714 apart"),
    pytest.param((1000, None), [{"A1": 400, "A2": 300}, {"A1": 350, "A2": 250}], True, id="1429 apart"),
    pytest.param((1429, None), [{"A1": 400, "A2": 300}, {"A1": 350, "A2": 250}], False, id="exactly the limit"),
    pytest.param((5000, 5000), [{"A1": 400, "A2": 100}, {"A1": 200, "A2": 300}], True, id="one leaf differs by 6667 bp"),
    pytest.param((5000, 5000), [{"A1": 400, "A2": 150}, {"A1": 200, "A2": 300}], False, id="leaves differ by exactly half"),
    pytest.param((5000, None), [{"A1": 400, "A2": 0}, {"A1": 100, "A2": 300}], False, id="no limit for leaves"),
    pytest.param((0, 0), [{"A1": 400, "A2": 0}], False, id="one sheet has no spread"),
])
def test_R_26_spread(limits, sheets, then):
    spread, leaf = limits
    assert too_wide(sheets, StarPolicy(leaves=LEAVES, spread_cp=spread, leaf_spread_bp=leaf)) is then


@pytest.mark.parametrize(("due", "late", "full", "then"), [
    pytest.param(0, 0, 300, 300, id="none due: full marks"),
    pytest.param(4, 0, 300, 300, id="all in time"),
    pytest.param(4, 1, 300, 225, id="three of four"),
    pytest.param(3, 1, 250, 167, id="166.67 up"),
    pytest.param(8, 3, 100, 63, id="62.5 up"),
    pytest.param(2, 2, 300, 0, id="none in time"),
])
def test_R_63_the_offices_record(due, late, full, then):
    assert office_score(Leaf("A", "A", full, 50, "", frozenset({"office"}), 0), due, late) == then


# -- the whole computation ---------------------------------------------------------------------------------------------


def leaf(id: str, full: int, *by: str) -> Leaf:
    return Leaf(id, id[0], full, 50, "", frozenset(by), 0)


SMALL = StarPolicy(
    dimensions=(Dimension("A", "", 500), Dimension("B", "", 500)),
    leaves=(leaf("A1", 300, "material"), leaf("A2", 200, "site"), leaf("B1", 400, "material", "site"), leaf("B2", 100, "office")),
    levels={1: Level(1, "", 6000, {"A": 250, "B": 250}, None, 0, 0)}, both_split=(40, 60), material_weight=40, site_weight=60)
SHEETS, PANEL = [{"A1": 200, "B1": 300}, {"A1": 250, "B1": 350}], [{"A2": 150, "B1": 200}, {"A2": 100, "B1": 300}, {"A2": 200, "B1": 250}]


def test_R_28_R_37_computed_by_hand():
    """Material: (200+300+100)/800 → 7500 and (250+350+100)/800 → 8750, mean 8125. Site: medians 150 and 250 of 600 → 6667.
    Total (40 × 8125 + 60 × 6667) / 100 = 7250.2. A: 225 + 150. B: 0.4 × 325 + 0.6 × 250 + 100."""
    assert compute(SHEETS, PANEL, {"B2": 100}, {}, 1, SMALL) == Computed(8125, 6667, 7250, (("A", 375), ("B", 380)), (), 125, True)


@pytest.mark.parametrize(("material", "site", "total"), [
    pytest.param(8573, 8820, 8721, id="R-37 8721.2"), pytest.param(7998, 8001, 8000, id="R-37 7999.8"),
    pytest.param(8001, 8002, 8002, id="8001.6"), pytest.param(10000, 0, 4000, id="weights"),
])
def test_R_37_examples(material, site, total):
    one = StarPolicy(dimensions=(Dimension("A", "", 20000),), leaves=(leaf("A1", 10000, "material"), leaf("A2", 10000, "site")),
                     levels={1: Level(1, "", 8000, {}, None, 0, 0)}, material_weight=40, site_weight=60)
    assert compute([{"A1": material}], [{"A2": site}], {}, {}, 1, one) == Computed(
        material, site, total, (("A", material + site),), (), material + site, total >= 8000)


@pytest.mark.parametrize(("pass_cp", "floors", "missed", "margin", "passed"), [
    pytest.param(7250, {"A": 375, "B": 380}, (), 0, True, id="exactly pass mark and floors"),
    pytest.param(7251, {}, (), 375, False, id="one below the pass mark"),
    pytest.param(6000, {"A": 376, "B": 380}, ("A",), -1, False, id="R-41 one below a floor, whatever the total is"),
    pytest.param(6000, {"A": 400, "B": 400}, ("A", "B"), -25, False, id="R-41 both"),
])
def test_R_38_R_41_pass_mark_and_floors(pass_cp, floors, missed, margin, passed):
    level = Level(1, "", pass_cp, floors, None, 0, 0)
    c = compute(SHEETS, PANEL, {"B2": 100}, {}, 1, having(SMALL, levels={1: level}))
    assert (c.missed_floors, c.margin_cp, c.passed) == (missed, margin, passed)


def test_R_63_the_office_record_counts_in_every_kept_sheet():
    """60 of 100 of the office's leaf: (200+300+60)/800 → 7000, (250+350+60)/800 → 8250."""
    c = compute(SHEETS, PANEL, {"B2": 60}, {}, 1, SMALL)
    assert (c.material_cp, dict(c.dimensions_cp)["B"]) == (7625, 340)


@pytest.mark.parametrize(("given", "material", "dimension"), [
    pytest.param(280, (480 + 530) * 10000 // 1400, 392 - 60, id="lower than the experts' mean: on every kept sheet"),
    pytest.param(325, 8036, 392 - 42, id="as high as their mean: theirs stands"),
    pytest.param(400, 8036, 392 - 42, id="higher: theirs stands"),
])
def test_R_63_the_lower_of_both(given, material, dimension):
    """B1 is scored by experts too, whose mean is 325 of 400; there is no other office leaf."""
    both = having(SMALL, leaves=(*SMALL.leaves[:2], leaf("B1", 400, "material", "office")))
    c = compute(SHEETS, PANEL, {"B1": given}, {}, 1, both)
    means = {280: 280, 325: 325, 400: 325}[given]
    totals = [(200, 300), (250, 350)] if given >= 325 else [(200, given), (250, given)]
    assert c.material_cp == half_up(mean([half_up(Fraction((a + b) * 10000, 700)) for a, b in totals]))
    assert dict(c.dimensions_cp) == {"A": 375, "B": means}


def test_R_32_the_panels_score_is_the_median_of_each_leaf():
    lone = compute(SHEETS, PANEL[:1], {"B2": 100}, {}, 1, SMALL)
    two = compute(SHEETS, PANEL[:2], {"B2": 100}, {}, 1, SMALL)
    assert (lone.site_cp, two.site_cp) == (half_up(Fraction(350 * 10000, 600)), half_up(Fraction(375 * 10000, 600)))


def test_R_35_mending_raises_and_never_lowers():
    c = compute(SHEETS, PANEL, {"B2": 100}, {"A2": 160, "B1": 100}, 1, SMALL)
    assert c.site_cp == half_up(Fraction(410 * 10000, 600))


def test_R_27_of_three_sheets_the_two_closest_count():
    third = {"A1": 0, "B1": 0}
    assert compute([*SHEETS, third], PANEL, {"B2": 100}, {}, 1, SMALL) == compute(SHEETS, PANEL, {"B2": 100}, {}, 1, SMALL)


@pytest.mark.parametrize(("name", "material", "site", "total"), [
    pytest.param("star-school-2026", 7293, 7195, 7234, id="40 : 60"),
    pytest.param("star-school-2015", 7293, 7195, 7244, id="50 : 50"),
])
def test_R_37_the_same_sheets_under_two_versions(name, material, site, total):
    """80 % everywhere in steps of half a point; the two versions share no tree, so the weights alone are put over."""
    weights = policy(name)
    version = having(POLICY, material_weight=weights.material_weight, site_weight=weights.site_weight)
    sheet, panel = dict(scores("material")), dict(scores("site"))
    office = {x.id: x.full_cp for x in POLICY.scored("office")}
    c = compute([sheet, sheet], [panel] * 3, office, {}, 1, version)
    assert (c.material_cp, c.site_cp, c.total_cp) == (material, site, total)
