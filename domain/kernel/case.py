"""卷宗. What a case is at one moment: open visits, closed ones, the parts of its dossier. It is the fold of its events."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from .clock import Clock
from .rosters import Roster
from .seats import Acted, Seat
from .values import Text, Value, field, having


class Visit(Value):
    """One stay of one line in one stage."""
    no: int
    stage: str
    line: str
    opened_at: datetime
    seats: tuple[Seat, ...] = ()
    done: tuple[str, ...] = ()                  # duties done in this visit
    stuck: tuple[str, ...] = ()                 # duties that failed, until somebody says `again`
    clocks: tuple[Clock, ...] = ()
    editable: tuple[str, ...] = ()              # parts the applicant may change here; none named = all
    result: str = ""                            # set by a closing act (a ballot's)
    since: int = 0                              # the case's version when it opened
    fresh: bool = False                         # sent back to: nothing of before is kept
    first_at: datetime | None = None            # when it opened; what was taken back, when it first did

    @property
    def begun(self) -> bool:
        """Until then the row is only announced."""
        return all(c.ran_out for c in self.clocks if c.key == "begins")

    def seat(self, key: str) -> Seat | None:
        for s in self.seats:                    # asked many times a decision: a generator costs as much again
            if s.key == key:
                return s
        return None

    def clock(self, key: str = "") -> Clock | None:
        for c in self.clocks:
            if c.key == key:
                return c
        return None

    @property
    def armed(self) -> tuple[Clock, ...]:
        """The clocks that may still run out; a seat's only while the seat is waited for."""
        if not self.clocks:
            return ()
        said = {s.counts_as for s in self.seats if s.acted and not s.gone}
        waits = {"", "begins", *[s.key for s in self.seats if s.open and s.counts_as not in said]}
        return tuple([c for c in self.clocks if not c.ran_out and c.key in waits])


class Past(Value):
    """What later decisions need of a closed visit: where it went, who said what on which version."""
    no: int
    stage: str
    line: str
    outcome: str    # passed refused returned lapsed moot skipped taken_back tainted no_quorum again
    acts: tuple[tuple[str, Acted], ...]         # (the key that it counts for, the act)
    to: str = ""
    closed: int = 0                             # the case's version when it closed
    closed_at: datetime | None = None
    clock: Clock | None = None                  # goes on where it was paused, or where the next row says so
    reopens: tuple[str, ...] = ()               # a return names the parts that it opens
    editable: tuple[str, ...] = ()
    end: str = ""                               # how its line ended
    times: int = 1                              # of several alike the newest is kept, and how many they were
    before: tuple[Acted, ...] = ()              # the last act of everybody who acted in the older ones
    stands: bool = True                         # False: rests on an act that is tainted (G-21), and is done again
    first_at: datetime | None = None

    @property
    def too_late(self) -> bool:
        """Its own clock closed it: whoever comes after hears so (C-24)."""
        return bool(self.clock and self.clock.ran_out) and self.clock.ran_out == self.closed_at

    def alike(self, other: Past) -> bool:
        """No decision tells the two apart but by their age."""
        return not self.too_late and not other.too_late and (
            self.stage, self.line, self.outcome, self.to, self.end, bool(self.acts)) == (
            other.stage, other.line, other.outcome, other.to, other.end, bool(other.acts))

    @property
    def last_act(self) -> Acted:
        """The one that closed it, whatever the order of its seats."""
        return max((act for _, act in self.acts), key=lambda act: act.saw)


class Tally(dict[str, int]):
    """How many children stand where: loaded, never folded. What was not loaded counts as `unknown`."""

    def __init__(self, of: Mapping[str, int] | None = None, unknown: int = 0) -> None:
        super().__init__(of or {})
        self.unknown = unknown

    def __missing__(self, key: str) -> int:
        return self.unknown


class Proposal(Value):
    """A fact that waits for its second person (G-13); `form` is None for the ending of the case (A-34)."""
    no: int
    form: Any
    by: str
    reason: Text = Text("")
    visit: int = 0
    post: str = ""
    behind: str = ""
    at: datetime | None = None                  # when it was true, where that was entered late (C-31)
    clock: Clock | None = None                  # until when it is to be decided (G-19); its key is `second:` and the number

    @property
    def people(self) -> frozenset[str]:
        """Who proposed it, and in whose name."""
        return frozenset((self.by, self.behind)) - {""}


class Case(Value):
    id: str = ""
    kind: str = ""
    subject: str = ""                           # the organisation (or person) that it is about
    policy: str = ""                            # the version that it keeps
    version: int = 0
    opened_at: datetime | None = None
    opened_by: str = ""
    open: tuple[Visit, ...] = ()                # one per line; most procedures have one line
    past: tuple[Past, ...] = ()                 # as they closed; of many alike the newest
    parts: Mapping[str, int] = {}               # part → version at which it last changed
    rosters: Mapping[str, Roster] = {}
    children: Mapping[str, Any] = {}       # child → what it tells
    suspended: bool = False
    resumes_at: datetime | None = None          # a suspension that ends by itself (C-21)
    ended: str = ""
    ended_at: datetime | None = None
    parent: str = ""
    proposed: tuple[Proposal, ...] = ()
    rungs: frozenset[str] = frozenset()         # keys of ladders that have acted, each once
    calendar: int = 0                           # the version under which its due days were last told (C-29)
    recused: frozenset[str] = frozenset()       # who judges nothing here any more (G-18 to G-20)
    late_allowed: tuple[tuple[date, str], ...] = ()     # the day of what may still be entered, and who consented (C-34)
    facts: Any = None                           # the family's
    tally: Tally = field(default_factory=Tally)     # not state: loaded
    line: str = ""                              # not state: whose eyes a row's questions see the case with

    def visit(self, no: int) -> Visit | None:
        for v in self.open:
            if v.no == no:
                return v
        return None

    def at(self, stage: str) -> Visit | None:
        """The open visit of that stage, on the line through whose eyes the case is seen."""
        return next((v for v in self.open if v.stage == stage and (not self.line or v.line == self.line)), None)

    def roster(self, name: str) -> Roster:
        return self.rosters.get(name, Roster())

    def last(self, stage: str, line: str) -> Past | None:
        """The latest closed visit of a stage."""
        for p in reversed(self.past):
            if p.stage == stage and p.line == line:
                return p
        return None

    def on(self, line: str) -> Case:
        """The case as a row of that line sees it."""
        return having(self, line=line) if line else self

    @property
    def seconds(self) -> tuple[Clock, ...]:
        """The clocks of what waits for a second person, that may still run out."""
        return tuple(p.clock for p in self.proposed
                     if p.clock and not p.clock.ran_out and (not p.visit or self.visit(p.visit)))

    def acts(self) -> list[tuple[str, str, Acted]]:
        """(stage, line, act) of everybody who acted in a seat; of acts alike the last."""
        return [(p.stage, p.line, a) for p in self.past for a in (*p.before, *(a for _, a in p.acts))] + \
               [(v.stage, v.line, s.acted) for v in self.open for s in v.seats if s.acted]
