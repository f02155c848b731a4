"""计分. Integers in cp, exact fractions between, rounded once, half up (R-24 to R-41, R-63)."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import floor
from statistics import median

from domain.kernel.values import Value

from .policy import Leaf, StarPolicy

Scores = Mapping[str, int]
"""Leaf → cp."""


def half_up(x: Fraction) -> int:
    """To the nearest cp, halves up."""
    return floor(x + Fraction(1, 2))


def total_of(scores: Mapping[str, Fraction | int], leaves: Iterable[Leaf]) -> int:
    """A sheet's total on 0…10000: Σ scores × 10000 ÷ Σ full marks of its leaves (R-24)."""
    leaves = tuple(leaves)
    full = sum(x.full_cp for x in leaves)
    return half_up(Fraction(sum((Fraction(scores[x.id]) for x in leaves), Fraction())) * 10000 / full) if full else 0


def too_wide(sheets: Sequence[Scores], policy: StarPolicy) -> bool:
    """Whether a third expert is called (R-26): totals, or one leaf, differ by more than the limit."""
    if len(sheets) < 2:
        return False
    leaves = policy.scored("material")
    a, b = (total_of(s, leaves) for s in sheets[:2])
    if abs(a - b) > policy.spread_cp:
        return True
    limit = policy.leaf_spread_bp
    return limit is not None and any(abs(sheets[0][x.id] - sheets[1][x.id]) * 10000 > limit * x.full_cp for x in leaves)


def kept(totals: Sequence[int], three_rule: str = "nearest", equal_gaps: str = "middle") -> tuple[int, ...]:
    """Which sheets count (R-27): of three the two closest; at equal gaps the middle one, or all, as the policy says."""
    if len(totals) < 3 or three_rule == "all":
        return tuple(range(len(totals)))
    order = sorted(range(3), key=lambda i: (totals[i], i))
    low, high = totals[order[1]] - totals[order[0]], totals[order[2]] - totals[order[1]]
    if low == high:
        return (order[1],) if equal_gaps == "middle" else (0, 1, 2)
    return tuple(sorted(order[:2] if low < high else order[1:]))


def mean(values: Sequence[Fraction | int]) -> Fraction:
    return Fraction(sum(Fraction(v) for v in values), len(values))


class Computed(Value):
    """What follows by rule (R-37 to R-41), all in cp; `dimensions` serve the floors and the letter."""
    material_cp: int
    site_cp: int
    total_cp: int
    dimensions_cp: tuple[tuple[str, int], ...]
    missed_floors: tuple[str, ...]
    margin_cp: int
    passed: bool


def compute(sheets: Sequence[Scores], panel: Sequence[Scores], office: Scores, mended: Mapping[str, Fraction | int],
            level: int, policy: StarPolicy) -> Computed:
    """The combined total, dimensions and floors. `sheets` as signed, in order; `panel` the members' sheets.

    Without a sheet or a panel the part counts zero: the rows of the table do not let that happen.
    """
    by_experts = policy.scored("material")
    material_leaves = tuple(x for x in policy.leaves if x.by & {"material", "office"})
    totals = [total_of(s, by_experts) for s in sheets]
    chosen: list[dict[str, Fraction]] = []
    for i in kept(totals, policy.three_rule, policy.equal_gaps):
        chosen.append({k: Fraction(v) for k, v in sheets[i].items()})
    means = {x.id: mean([s[x.id] for s in chosen]) for x in by_experts} if chosen else {}
    for leaf, given in office.items():                      # the register's score on every kept sheet
        if leaf not in means or given < means[leaf]:
            for s in chosen:
                s[leaf] = Fraction(given)
            means[leaf] = Fraction(given)
    material = half_up(mean([total_of(s, material_leaves) for s in chosen])) if chosen else 0
    site_leaves = policy.scored("site")
    per_leaf = {x.id: Fraction(median([Fraction(s[x.id]) for s in panel])) for x in site_leaves} if panel else {}
    per_leaf |= {k: max(per_leaf[k], Fraction(v)) for k, v in mended.items() if k in per_leaf}
    site = total_of(per_leaf, site_leaves) if panel else 0
    total = half_up(Fraction(policy.material_weight * material + policy.site_weight * site, 100))
    dimensions = []
    for d in policy.dimensions:
        results = [_leaf(x, means, per_leaf, policy) for x in policy.leaves if x.dimension == d.id]
        dimensions.append((d.id, half_up(sum(results, Fraction()))))
    standard = policy.levels[level]
    missed = tuple(d for d, score in dimensions if score < standard.floors_cp.get(d, 0))
    margin = min(score - standard.floors_cp.get(d, 0) for d, score in dimensions)
    return Computed(material, site, total, tuple(dimensions), missed, margin, total >= standard.pass_cp and not missed)


def _leaf(leaf: Leaf, means: Mapping[str, Fraction], panel: Mapping[str, Fraction], policy: StarPolicy) -> Fraction:
    """R-28: a leaf of both is split; each other is its own scorer's."""
    expert, site = means.get(leaf.id, Fraction()), panel.get(leaf.id, Fraction())
    if leaf.by >= {"material", "site"}:
        return (policy.both_split[0] * expert + policy.both_split[1] * site) / 100
    return site if "site" in leaf.by else expert


def office_score(leaf: Leaf, due: int, not_in_time: int) -> int:
    """R-63: full × (1 − not closed in time ÷ due), half up; nothing due: full marks."""
    return half_up(leaf.full_cp * Fraction(due - not_in_time, due)) if due else leaf.full_cp
