"""门. A fact of another case that a decision leans on: what a case shows, since when it turns, and which number is next."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .case import Case
from .follow import Decision, moments
from .stages import Context, Gates, Procedure
from .values import having

AHEAD_MAX = 40                          # limits looked at, one after another, before a gate counts as never turning


def shown(procedure: Procedure, case: Case) -> dict[str, Any]:
    """The case's gates and their values; a case that took a number shows it, so that the next is the next."""
    out = dict(procedure.shows(case))
    if procedure.number and case.id:
        series, _, serial = case.id.rpartition("-")
        out[number_gate(series)] = int(serial)
    return out


def number_gate(series: str) -> str:
    return f"number:{series}"


def next_number(gates: Gates, series: str) -> int:
    """The next of a series without gaps (A-50); exact, since the gate is compared again at commit."""
    return 1 + max([0, *gates.all(number_gate(series))])


def turns(procedure: Procedure, case: Case, context: Context) -> Mapping[str, tuple[datetime, Any]]:
    """When each gate's value changes although nobody writes, and to what: the clocks are let run, limit after limit."""
    now = procedure.shows(case)
    if not procedure.turning or not now or case.ended:
        return {}
    decision, out = Decision(procedure, case, context), dict[str, tuple[datetime, Any]]()
    for _ in range(AHEAD_MAX):
        if decision.case.ended or len(out) == len(now):
            break
        ahead = moments(procedure, decision.case, decision.context)
        if not ahead:
            break
        at = max(ahead[0].at, decision.context.now)
        decision.context = having(decision.context, now=at)
        decision.run_clocks()
        then = procedure.shows(decision.case)
        out |= {gate: (at, then.get(gate)) for gate, value in now.items() if gate not in out and then.get(gate) != value}
    return out
