"""环节. A procedure is a table of stages in the order of the paper; a row names only where it departs from the usual.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time
from functools import cached_property
from typing import Any

from .calendar import Calendar
from .case import Case, Visit
from .clock import Clock
from .events import SERVED, Event, SeatGone, SeatOpened
from .refusal import Refusal
from .seats import ALL, ANY, SCORE, SEQUENCE, BallotRule, Holder, Rule, Seat, person
from .values import Text, Value, field, having


class Policy(Value):
    """What the kernel itself asks of a dated policy; each family's own map adds its fields."""
    id: str = ""
    claim_timeout_workdays: int = 3
    takeback_hours: int = 24
    extensions_max: int = 1                     # C-22
    extension_share: tuple[int, int] = (1, 2)   # of the budget, rounded up (C-22)
    extension_answer_workdays: int = 3          # C-23
    refused_grace_workdays: int = 2             # C-23
    service_presumed_workdays: int = 3          # C-9
    late_entry_workdays: int = 10               # C-34
    late_papers: frozenset[str] = frozenset()   # kinds whose late entry needs the paper, by the name of the form (C-34)
    counter_close: time = time(17, 30)          # of papers handed in on the last day (C-15)
    suspension_reasons: tuple[str, ...] = ("force_majeure", "other_case", "outside_answer", "applicant")   # C-21, A-33
    suspensions_max: int = 2                    # per clock for the same reason (C-21)
    reopen_allowed: bool = False                # C-24: a clock that ran out may be extended all the same
    reminder_hour: int = 9                      # C-18
    serial_width: int = 3                       # of the numbers of cases and certificates
    reminders: Mapping[str, tuple[int, ...]] = {}             # stage → working days before
    ballot: BallotRule = BallotRule()


class Gates(dict[tuple[str, str], Any]):
    """What other cases show, keyed (gate, raiser)."""

    def read(self, gate: str) -> Any:
        """The union of its raisers: the first value that is not empty."""
        return next((v for (g, _), v in self.items() if g == gate and v), None)

    def all(self, gate: str) -> list[Any]:
        """Every raiser's value that is not empty."""
        return [v for (g, _), v in self.items() if g == gate and v]


class Context(Value):
    """Everything a decision may lean on besides the case; the door loads it in one snapshot."""
    now: datetime
    actor: str                                              # a person's id, or "workflow"
    posts: frozenset[Holder] = frozenset()                  # of the actor, at this moment
    behind: str = ""                                        # the principal, where the actor substitutes (G-23)
    posts_behind: frozenset[Holder] = frozenset()
    ties: frozenset[str] = frozenset()                      # organisations that either of them is tied to (G-16)
    policy: Any = Policy()
    calendar: Calendar = Calendar()
    gates: Gates = field(default_factory=Gates)
    balances: Mapping[tuple[str, str, str], int] = {}
    limits: Mapping[str, int] = {}                          # account code → side on which it never goes below zero
    sealed: Mapping[str, str] = {}                          # seat → choice of a secret ballot, for its closing only
    files: Mapping[str, tuple[int, str]] = {}               # of the form: hash → bytes and kind
    outside: frozenset[str] = frozenset()                   # whom the act names and who is not of the county (G-14)


WORKFLOW = "workflow"


class End(Value):
    """The line ends here; the main line says how the case ended."""
    how: str


class Term(Value):
    """时限 of a row: a budget from the policy. `after` a duty: it starts when that is done; after `SERVED`: when who sits in
    the row opens the paper, at the latest so many working days after it was put into the box (C-9)."""
    field: str | Callable[[Case, Any], Any]                 # a policy field, or the line's own (budget, unit) or moment
    unit: str = "workday"
    after: str = ""
    rest_of: tuple[str, ...] = ()                           # coming from one of these rows, its clock goes on
    since: Callable[[Case, Any], datetime] | None = None    # else from the opening of the row
    gate: Callable[[Case], str] | None = None               # `until`: another case says when

    def or_rest_of(self, *rows: str) -> Term:
        """Coming from those rows, the same clock and the same open parts go on."""
        return having(self, rest_of=rows)

    @property
    def name(self) -> str:
        return self.field if isinstance(self.field, str) else self.field.__name__

    def clock(self, case: Case, policy: Any, at: datetime, key: str = "") -> Clock:
        value = self.field(case, policy) if callable(self.field) else getattr(policy, self.field)
        value, unit = value if isinstance(value, tuple) else (value, self.unit)
        if unit == "until":
            return Clock(key, self.name, unit, 0, value, gate=self.gate(case) if self.gate else "")
        return Clock(key, self.name, unit, value, self.since(case, policy) if self.since else at)


def workdays(field: str | Callable[[Case, Any], Any], after: str = "",
             since: Callable[[Case, Any], datetime] | None = None) -> Term:
    return Term(field, "workday", after, since=since)


def days(field: str | Callable[[Case, Any], Any], after: str = "",
         since: Callable[[Case, Any], datetime] | None = None) -> Term:
    return Term(field, "day", after, since=since)


def notice_days(field: str, after: str = "") -> Term:
    """A span of public notice (R-51, C-38)."""
    return Term(field, "notice", after)


def until(field: str | Callable[[Case, Any], Any], gate: Callable[[Case], str] | None = None) -> Term:
    return Term(field, "until", gate=gate)


class Duty(Value):
    """What the workflow owes the row. `while_`: due as long as that holds; without it: once a visit."""
    name: str
    form: type | None = None                                # the fact that it must bring
    while_: Callable[[Case, Any], bool] | None = None
    given_up: Callable[[Case, Any], bool] | None = None     # from then on what is missing is the office's to find
    waits: bool = True                                      # False: owed, but it holds nothing up
    told: bool = False                                      # another case brings it (`hear`)
    to: Callable[[Case, Any], tuple[str, ...]] | None = None         # children to tell; due while there are any
    say: Callable[[Case, str], tuple[Any, datetime | None]] | None = None   # what one hears, true since when
    opens: str = ""                                         # the kind of case that the telling opens
    of: tuple[str, ...] = ()                                # as `to`, where children are thousands: where they stand

    def due(self, case: Case, visit: Visit, policy: Any) -> bool:
        if self.of:
            return any(case.tally[where] for where in self.of)
        if self.to:
            return bool(self.to(case, policy))
        if self.while_:
            return self.while_(case, policy) and not self.left_to_office(case, policy)
        return self.name not in visit.done

    def left_to_office(self, case: Case, policy: Any) -> bool:
        return bool(self.while_ and self.given_up and self.while_(case, policy) and self.given_up(case, policy))


def tell(name: str, to: Callable[[Case, Any], tuple[str, ...]],
         say: Callable[[Case, str], tuple[Any, datetime | None]], opens: str = "") -> Duty:
    """Due while `to` names children; each hears its fact. The parent never remembers what it said."""
    return Duty(name, to=to, say=say, opens=opens)


def sweep(name: str, *of: str, say: Callable[[Case, str], tuple[Any, datetime | None]] | None = None) -> Duty:
    """As `tell`, for a parent of thousands; without `say` the children are only looked at."""
    return Duty(name, of=of, say=say)


def told(form: type) -> Duty:
    """The row waits until another case brings this fact."""
    return Duty(form.__name__, form, told=True)


Seats = Callable[[Case, Any], Iterable[Seat]]


class Record(Value):
    """A fact that may be recorded while the row is open, and by whom.

    `by` None: the seats' holders, without seats the office. `second`: proposed by one, confirmed by one of these,
    another person, dropped by either. `within`: by when that is to be decided; after it the superior may, too.
    """
    form: type
    by: Seats | None = None
    second: Seats | None = None
    within: Term | None = None


class roster(Value):
    """Seats of the people on a roster: all, or the first n, which the policy may say."""
    name: str
    n: int | Callable[[Any], int | None] | None = None

    def __call__(self, case: Case, policy: Any) -> tuple[Seat, ...]:
        n = self.n(policy) if callable(self.n) else self.n
        return tuple(Seat(who, person(who)) for who in case.roster(self.name).members[:n])


Need = Callable[[Case, Context], Refusal | None]
"""What must hold before a row passes; else the reason why not."""


class Close(Value):
    """An act or a limit asks for this: the visit is over; `to` where the row does not say it."""
    outcome: str
    to: str | End | None = None
    visit: int = 0                                          # 0 = the visit at hand
    reopens: tuple[str, ...] = ()


Outcome = list["Event | Close"]
AtLimit = Callable[[Case, Visit, str, Any], Outcome]


def remind(case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
    """只提醒: nothing else follows (A-41)."""
    return []


def lapse(case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
    """逾期失效: the applicant's omission ends the case (A-41)."""
    return [Close("lapsed", End("lapsed"))]


def go_on(case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
    """到期进入下一环节. Refused at start for a row that judges (A-41)."""
    return [Close("passed")]


def taken_as_accepted(case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
    """视为受理: for a check of form alone (R-16)."""
    return [Close("passed")]


class go_to(Value):
    stage: str

    def __call__(self, case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
        return [Close("passed", self.stage)]


def gone(case: Case, visit: Visit, key: str, why: str, reason: Text = Text("")) -> SeatGone:
    """A seat is lost; whoever sat on a roster leaves it, and the reserve steps in."""
    on = next((name for name, r in case.rosters.items() if key in r.members), "")
    return SeatGone(visit.no, visit.stage, key, why, on, reason)


def vacate(case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
    """改派: whoever has not acted loses the seat; the duty that fills seats is due again (A-41 `office`)."""
    return [gone(case, visit, s.key, "ran_out") for s in visit.seats if s.open and key in ("", s.key)]


class escalate(Value):
    """升级: the superior also gets each open seat; first to act decides (A-41)."""
    kind: str
    organisation: str = ""                                  # needed where the seat is a person's

    def __call__(self, case: Case, visit: Visit, key: str, policy: Any) -> Outcome:
        out: Outcome = []
        for s in (s for s in visit.seats if s.open and not s.stands_for):
            holder = Holder(self.kind, self.organisation or s.holder.id)
            above = [x for x in visit.seats if x.stands_for == s.key and x.key.endswith("^")]
            if not any(x.open and x.holder == holder for x in above):       # passed up before
                out.append(SeatOpened(visit.no, Seat(s.key + "^" * (1 + len(above)), holder, stands_for=s.key)))
        return out


Question = Callable[[Case, Any], bool]
To = str | End | Callable[[Case, Any], "str | End"]
NEXT_ROW = ""


def leads(*rows: str) -> Callable[[Any], Any]:
    """Declares the rows to which a deciding function may lead, so that `check` can see the whole table."""
    def mark(function: Any) -> Any:
        function.leads = rows
        return function
    return mark


class Stage(Value):
    """A row of the table. See the design, "Words of a row"."""
    name: str
    # who acts
    seats: Seats | None = None
    rule: Rule = ANY
    judges: str = ""                                        # judging group (G-12); "" = the applicant's own side
    not_by: tuple[str, ...] = ()                            # rows whose actors may not act here, and the reverse (G-13)
    chair: Callable[[Case, Any], Holder] | None = None
    # on what
    form: type | None = None                                # what agreeing carries
    records: tuple[Record, ...] = ()
    sees: tuple[str, ...] = ()                              # parts an agreement rests on; none = asked anew
    needs: tuple[Need, ...] = ()
    # from when, until when
    begins: Term | None = None                              # not before: seats, duties, clock and records wait
    clock: Term | None = None
    seat_clock: Term | None = None
    at_limit: AtLimit = remind
    ladder: Callable[[Case, Any, Calendar], Iterable[tuple[datetime, str]]] | None = None
    still: Question | None = None                           # its clocks stand still while that holds (C-21)
    # what else
    duties: tuple[Duty, ...] = ()
    # and then
    when: Question | None = None                            # else passed over; turned false while open: moot
    aside: bool = False                                     # entered only where another row names it
    to: To = NEXT_ROW
    refused: To | None = None                               # None = nobody can refuse here
    returns: tuple[str, ...] = ()
    beside: Callable[[Case, Any], Iterable[str]] | None = None   # open for each line named, as long as it is named
    pauses: bool = False                                    # the sender's clock stands still meanwhile
    final: bool = False                                     # once passed, what was said here is not taken back


def nothing(case: Case) -> Mapping[str, Any]:
    return {}


class Procedure(Value, kw_only=True, dict=True, gc=True):
    """A table and the words that hold in every row of it. See the design, "Words of a procedure"."""
    kind: str
    stages: tuple[Stage, ...]
    office: Callable[[Case], Holder]                        # may suspend, extend, assign, end
    head: Callable[[Case], Holder]                          # the second person
    superior: Callable[[Case], Holder] | None = None        # stands in where those of a post may not
    applicant: Callable[[Case], Holder] | None = None       # may withdraw
    facts: Callable[[], Any] = lambda: None                 # the family's empty state; it has .evolve(event, entry)
    rules: Mapping[type, Callable[..., Any]] = {}           # form → its rule
    hears: tuple[type, ...] = ()                            # told by other cases, in any row
    heeds: Callable[[Case, Context], Outcome] = lambda case, context: []    # what it takes over from gates by itself
    records: tuple[Record, ...] = ()                        # by people, in any row
    opened_by: tuple[Record, ...] = ()                      # first facts that open such a case; by None = a workflow
    may_open: tuple[Need, ...] = ()
    may_end: tuple[Need, ...] = ()                          # else neither withdrawn nor terminated
    may_return: Callable[[Case, str, str, Any], bool] = lambda case, frm, to, policy: True
    policy: Callable[[Mapping[str, Any]], Any] = lambda data: Policy()      # from a file's mapping; {} where it has none
    many: bool = False                                      # its parent counts it and is not written to
    shows: Callable[[Case], Mapping[str, Any]] = nothing    # its gates and their values
    turning: bool = False                                   # what it shows changes with time alone
    leans: Callable[[Case], tuple[str, ...]] = lambda case: ()    # gates of others that its decisions may read
    tells: Callable[[Case], Any] | None = None              # for the parent, written there when it differs
    number: Callable[[Any, int], str] | None = None         # policy, year → the series from which a case takes its id

    def __post_init__(self) -> None:
        self.__dict__["row"] = {s.name: i for i, s in enumerate(self.stages)}

    @cached_property
    def alongside(self) -> tuple[Stage, ...]:
        """Its rows beside the others."""
        return tuple(s for s in self.stages if s.beside)

    @cached_property
    def apart(self) -> Mapping[str, frozenset[str]]:
        """Row → the rows whose actors may not act there, in both directions (G-13)."""
        return {s.name: frozenset((*s.not_by, *(o.name for o in self.stages if s.name in o.not_by))) for s in self.stages}

    @cached_property
    def counts(self) -> bool:
        """Its children are thousands: it reads their tally (T-48)."""
        return any(d.of for s in self.stages for d in s.duties)

    def __getitem__(self, name: str) -> Stage:
        return self.stages[self.__dict__["row"][name]]

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__["row"]

    def after(self, stage: Stage, outcome: str, case: Case, policy: Any) -> str | End | None:
        """Where it goes from there; a row beside the others that names nothing leads nowhere."""
        to = stage.refused if outcome == "refused" else stage.to
        to = to(case, policy) if callable(to) else to
        if to or stage.beside:
            return to or None
        later = self.stages[self.__dict__["row"][stage.name] + 1:]
        return next(s.name for s in later if not s.aside and not s.beside)

    def unserved(self, visit: Visit) -> bool:
        """Its clock waits until the paper that opened the row is served (C-9)."""
        clock = self[visit.stage].clock
        return clock is not None and clock.after == SERVED and SERVED not in visit.done and not visit.clock() and visit.begun

    def duty(self, case: Case, visit: Visit, policy: Any) -> Duty | None:
        """The first duty that is due and that the row waits for: they are done in the order of the row."""
        return next((d for d in self.owed(case, visit, policy) if d.waits), None)

    def wanting(self, case: Case, visit: Visit, policy: Any) -> bool:
        """Somebody is missing whom the workflow could not find, or left a seat: the row waits for the office (A-43)."""
        here, duties = case.on(visit.line), self[visit.stage].duties
        return any(d.left_to_office(here, policy) for d in duties if d.given_up) or bool(self.deserted(visit))

    def deserted(self, visit: Visit) -> tuple[str, ...]:
        """Seats that must speak and whose holders left; on a list the next one steps in instead (A-6, A-8, A-10)."""
        stage = self[visit.stage]
        if not any(s.gone for s in visit.seats) or stage.rule not in (ALL, SEQUENCE, SCORE) \
                or isinstance(stage.seats, roster):
            return ()
        held = {s.counts_as for s in visit.seats if not s.gone}
        return tuple(s.counts_as for s in visit.seats if s.gone not in ("", "not_asked") and s.counts_as not in held)

    def owed(self, case: Case, visit: Visit, policy: Any) -> list[Duty]:
        """What the workflow may do now: that one, and all that the row does not wait for."""
        duties = self[visit.stage].duties
        if not duties or not visit.begun:
            return []
        here = case.on(visit.line)
        due = [d for d in duties if d.due(here, visit, policy)]
        return [d for d in due if d.waits][:1] + [d for d in due if not d.waits]
