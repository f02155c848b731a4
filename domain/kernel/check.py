"""A table is checked at start: what would be a case that is stuck, or a right decided by silence, is refused."""
from __future__ import annotations

from collections.abc import Iterator

from .acts import AllowLate
from .seats import ALL, BALLOT
from .stages import End, Procedure, Stage, go_on, go_to, lapse, remind, taken_as_accepted


class BadTable(ValueError):
    """The procedure cannot be served as it stands; the message lists every fault."""


def check(procedure: Procedure) -> None:
    """Raises BadTable with all faults of the table."""
    faults = [*_names(procedure), *_reachable(procedure), *(f for s in procedure.stages for f in _row(procedure, s))]
    if faults:
        raise BadTable(f"{procedure.kind}: " + "; ".join(faults))


def _names(p: Procedure) -> Iterator[str]:
    if len({s.name for s in p.stages}) != len(p.stages):
        yield "two rows have one name"
    for s in p.stages:
        rest = s.clock.rest_of if s.clock else ()
        limit = (s.at_limit.stage,) if isinstance(s.at_limit, go_to) else ()
        for to in (s.to, s.refused, *s.returns, *s.not_by, *rest, *limit):
            for name in getattr(to, "leads", ()) if callable(to) else (to,):
                if isinstance(name, str) and name and name not in p:
                    yield f"{s.name} names {name}, which is no row"
            if callable(to) and not hasattr(to, "leads"):
                yield f"{s.name}: {to.__name__} does not say where it leads"
    forms = [r.form for s in p.stages for r in s.records] + [r.form for r in (*p.records, *p.opened_by)]
    forms += [s.form for s in p.stages if s.form] + [d.form for s in p.stages for d in s.duties if d.form]
    if any(getattr(f, "late", False) for f in forms) and not any(r.form is AllowLate for r in p.records):
        yield "what may be entered late has nobody to consent after the limit (C-34)"
    for form in (*forms, *p.hears):
        if form not in p.rules:
            yield f"{form.__name__} has no rule"


def _reachable(p: Procedure) -> Iterator[str]:
    """From the first row along `to`, `refused`, `returns`; a callable may lead anywhere that is `aside`."""
    seen, ahead = set(), [p.stages[0].name]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        s = p[name]
        for to in (s.to, s.refused):
            if callable(to):
                ahead += [row for row in getattr(to, "leads", ()) if row in p]
            elif isinstance(to, str) and to in p:
                ahead.append(to)
        if s.to == "" and not s.beside:
            later = [x.name for x in p.stages[p.stages.index(s) + 1:] if not x.aside and not x.beside]
            ahead += later[:1]
            if not later and (s.seats or s.duties or s.clock or s.needs):
                yield f"{name} is the last row and names no end"
        ahead += [t for t in s.returns if t in p]
        ahead += [s.at_limit.stage] if isinstance(s.at_limit, go_to) and s.at_limit.stage in p else []
    for s in p.stages:
        if s.name not in seen and not s.beside and not (s.aside and p.hears):      # what is heard may lead aside
            yield f"{s.name} is never reached"


def _row(p: Procedure, s: Stage) -> Iterator[str]:
    if s.beside and s.when:
        yield f"{s.name} is beside others and has a `when`"
    if (s.judges and s.at_limit in (go_on, lapse)) or (s.judges and isinstance(s.at_limit, go_to)):
        yield f"{s.name} judges, and silence must not decide it (A-41)"
    if s.at_limit is taken_as_accepted and s.form:
        yield f"{s.name} decides more than form, and is taken as accepted (R-16)"
    if s.rule is BALLOT and not s.chair:
        yield f"{s.name} is a ballot without a chair (A-12)"
    if s.clock is None and s.seat_clock is None and s.at_limit is not remind:
        yield f"{s.name} names a limit and has no clock"
    if s.rule is ALL and s.sees:
        for r in s.records:
            touched = getattr(r.form, "touches", ())
            if any(t.startswith(s.sees) for t in touched):
                yield f"{s.name}: {r.form.__name__} changes a part that its other seats have seen"
    if not s.seats and not s.duties and not s.needs and not s.clock and not s.records and not p.hears \
            and not isinstance(s.to, End) and not p.records:
        yield f"{s.name} waits for nobody"
    for name in s.not_by:
        if name in p and p[name].seats is s.seats and s.refused is None and not s.returns:
            yield f"{s.name} asks those who are barred by {name}"
