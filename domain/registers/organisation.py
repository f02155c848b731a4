"""单位. A school (or another organisation) as a case of its own: what it is, what it holds, what stands against it.

Until the supervision family brings them, the office records overdue rectifications and proven violations here; the
case shows them as the gates `overdue:<id>` and `veto:<id>` (L-1, L-2).
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.kernel.case import Case, Visit
from domain.kernel.events import Entry, Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Holder, Seat, post
from domain.kernel.stages import Context, Policy, Procedure, Record, Stage
from domain.kernel.values import Text, Value, having, tagged

fact = tagged("organisation")

SUPERVISION = post("supervision_office_staff", "SC4")
SUPERVISION_HEAD = post("supervision_office_head", "SC4")


# -- facts -----------------------------------------------------------------------------------------------------


@fact
class Registered(Event):
    """单位已登记. The name is public; everything personal stands in the vault."""
    name: str
    kind: str
    district: str = ""
    parent: str = ""
    town: str = ""
    founded_year: int = 0


@fact
class TitleHeld(Event):
    """持有称号: conferred by us, or before this system began."""
    programme: str
    level: int
    since: date
    until: date
    case: str = ""
    certificate: str = ""


@fact
class RectificationOverdue(Event):
    """整改逾期 (L-1)."""
    no: str
    due_on: date


@fact
class RectificationClosed(Event):
    """整改销号; `in_time` for the office's record of R-63."""
    no: str
    due_on: date
    in_time: bool


@fact
class ViolationProven(Event):
    """查实的违规, by a decision with a number (L-2, R-42)."""
    no: str
    veto: str
    proven_on: date


@fact
class ViolationAnnulled(Event):
    no: str


@fact
class ApplicationFailed(Event):
    """未通过: counts for the cooling-off (R-90)."""
    programme: str
    on: date


# -- state -----------------------------------------------------------------------------------------------------


class Title(Value):
    programme: str
    level: int
    since: date
    until: date
    case: str = ""
    certificate: str = ""


class Violation(Value):
    no: str
    veto: str
    proven_on: date


@fact
class Organisation(Value):
    """What is registered of one organisation. `rectifications`: (number, due day, closed in time or still open)."""
    name: str = ""
    kind: str = ""
    district: str = ""
    parent: str = ""
    town: str = ""
    founded_year: int = 0
    titles: tuple[Title, ...] = ()
    rectifications: tuple[tuple[str, date, str], ...] = ()
    violations: tuple[Violation, ...] = ()
    failed: tuple[tuple[str, date], ...] = ()

    def evolve(self, event: Event, entry: Entry) -> Organisation:
        match event:
            case Registered():
                return having(self, name=event.name, kind=event.kind, district=event.district, parent=event.parent,
                              town=event.town, founded_year=event.founded_year)
            case TitleHeld():
                title = Title(event.programme, event.level, event.since, event.until, event.case, event.certificate)
                return having(self, titles=(*self.titles, title))
            case RectificationOverdue():
                return self._rectification(event.no, event.due_on, "overdue")
            case RectificationClosed():
                return self._rectification(event.no, event.due_on, "in_time" if event.in_time else "late")
            case ViolationProven():
                return having(self, violations=(*self.violations, Violation(event.no, event.veto, event.proven_on)))
            case ViolationAnnulled():
                return having(self, violations=tuple(v for v in self.violations if v.no != event.no))
            case ApplicationFailed():
                return having(self, failed=(*self.failed, (event.programme, event.on)))
        return self

    def _rectification(self, no: str, due_on: date, how: str) -> Organisation:
        rest = tuple(r for r in self.rectifications if r[0] != no)
        return having(self, rectifications=(*rest, (no, due_on, how)))

    @property
    def overdue(self) -> tuple[str, ...]:
        return tuple(number for number, _, how in self.rectifications if how == "overdue")


# -- forms and rules ---------------------------------------------------------------------------------------------


@fact
class Register:
    """登记单位。"""
    name: str
    kind: str
    district: str = ""
    parent: str = ""
    town: str = ""
    founded_year: int = 0


@fact
class EnterTitle:
    """登记已有称号；本系统认定的由系统登记。"""
    programme: str
    level: int
    since: date
    until: date
    case: str = ""
    certificate: str = ""


@fact
class Overdue:
    """登记整改逾期。"""
    no: str
    due_on: date


@fact
class OverdueLifted:
    """登记整改销号。"""
    no: str
    due_on: date
    in_time: bool = False


@fact
class ProveViolation:
    """登记查实的违规。须有结论文号，由另一人确认。"""
    no: str
    veto: str
    proven_on: date
    basis: Text = Text("")


@fact
class AnnulViolation:
    """登记违规结论已撤销。由另一人确认。"""
    no: str
    basis: Text = Text("")


@fact
class EnterFailure:
    """登记一次未通过的申报。"""
    programme: str
    on: date


def register(case: Case, visit: Visit | None, form: Register, context: Context) -> list[Event] | Refusal:
    return [Registered(form.name, form.kind, form.district, form.parent, form.town, form.founded_year)]


def enter_title(case: Case, visit: Visit | None, form: EnterTitle, context: Context) -> list[Event] | Refusal:
    """R-59: each certificate once."""
    if form.certificate and any(t.certificate == form.certificate for t in case.facts.titles):
        return no("duplicate", "R-59", no=form.certificate)
    return [TitleHeld(form.programme, form.level, form.since, form.until, form.case, form.certificate)]


def overdue(case: Case, visit: Visit | None, form: Overdue, context: Context) -> list[Event] | Refusal:
    return no("duplicate", "L-1", no=form.no) if form.no in case.facts.overdue else [
        RectificationOverdue(form.no, form.due_on)]


def lift_overdue(case: Case, visit: Visit | None, form: OverdueLifted, context: Context) -> list[Event] | Refusal:
    return [RectificationClosed(form.no, form.due_on, form.in_time)]


def prove(case: Case, visit: Visit | None, form: ProveViolation, context: Context) -> list[Event] | Refusal:
    if not form.no or form.proven_on > context.now.date():
        return no("malformed", "R-42")
    if any(v.no == form.no for v in case.facts.violations):
        return no("duplicate", "L-2", no=form.no)
    return [ViolationProven(form.no, form.veto, form.proven_on)]


def annul(case: Case, visit: Visit | None, form: AnnulViolation, context: Context) -> list[Event] | Refusal:
    if not any(v.no == form.no for v in case.facts.violations):
        return no("malformed", "L-11", no=form.no)
    return [ViolationAnnulled(form.no)]


def enter_failure(case: Case, visit: Visit | None, form: EnterFailure, context: Context) -> list[Event] | Refusal:
    return [ApplicationFailed(form.programme, form.on)]


def shows(case: Case) -> Mapping[str, Any]:
    """What others lean on: the whole register line, and what blocks or vetoes."""
    f: Organisation = case.facts
    return {f"organisation:{case.id}": f, f"overdue:{case.id}": list(f.overdue),
            f"veto:{case.id}": [[v.no, v.veto, v.proven_on.isoformat()] for v in f.violations]}


def _supervision_head(case: Case, policy: Policy) -> tuple[Seat, ...]:
    return (Seat("head", SUPERVISION_HEAD),)


def office(case: Case) -> Holder:
    return SUPERVISION


ORGANISATION = Procedure(
    kind="organisation", facts=Organisation, office=office, head=lambda case: SUPERVISION_HEAD, shows=shows,
    rules={Register: register, EnterTitle: enter_title, Overdue: overdue, OverdueLifted: lift_overdue,
           ProveViolation: prove, AnnulViolation: annul, EnterFailure: enter_failure},
    opened_by=(Record(Register),), hears=(EnterTitle, EnterFailure, Overdue, OverdueLifted),
    records=(Record(Overdue), Record(OverdueLifted), Record(EnterFailure), Record(ProveViolation, second=_supervision_head),
             Record(AnnulViolation, second=_supervision_head)),
    stages=(Stage("open"),))
