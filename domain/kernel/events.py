"""事件. What can happen to a case, each a fact in the past tense, and what the log says about it."""
from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from .clock import Clock
from .money import Transfer
from .seats import Seat
from .values import Text, Value, tagged


class Event(Value):
    """A fact in the past tense. `touches`: the parts of the dossier that it changes; `moves`: what it posts."""
    tag: ClassVar[str] = ""
    touches: ClassVar[tuple[str, ...]] = ()
    moves: ClassVar[tuple[Transfer, ...]] = ()


fact = tagged("case")


@fact
class CaseOpened(Event):
    id: str
    kind: str
    subject: str
    policy: str
    parent: str = ""
    calendar: int = 0


@fact
class StageOpened(Event):
    """A visit began. Its seats and clocks are kept here, so that folding never asks the table."""
    visit: int
    stage: str
    line: str = ""
    seats: tuple[Seat, ...] = ()
    clocks: tuple[Clock, ...] = ()
    editable: tuple[str, ...] = ()
    fresh: bool = False


@fact
class StageSkipped(Event):
    stage: str
    line: str = ""
    end: str = ""


@fact
class StageClosed(Event):
    visit: int
    outcome: str
    to: str = ""
    reopens: tuple[str, ...] = ()
    end: str = ""


@fact
class SeatOpened(Event):
    visit: int
    seat: Seat
    clock: Clock | None = None


@fact
class SeatGone(Event):
    """A seat was lost: declined, vacated, ran out. `roster`: the list that its holder leaves with it."""
    visit: int
    stage: str
    seat: str
    why: str
    roster: str = ""
    reason: Text = Text("")


@fact
class SeatClaimed(Event):
    """认领; `by` empty: 释放."""
    visit: int
    seat: str
    by: str


@fact
class SeatActed(Event):
    visit: int
    seat: str
    verb: str
    saw: int
    opinion: Text = Text("")
    behind: str = ""
    files: tuple[str, ...] = ()


@fact
class ActTakenBack(Event):
    visit: int
    seat: str


@fact
class BallotClosed(Event):
    visit: int
    entitled: int
    recused: int
    present: int
    yes: int
    no: int
    abstain: int
    result: str


@fact
class RosterDrawn(Event):
    """抽取名单: who was drawn, with the seed and the list that anyone can draw from again (R-21)."""
    roster: str
    members: tuple[str, ...]
    reserve: tuple[str, ...] = ()
    seed: str = ""
    candidates: tuple[tuple[str, str], ...] = ()            # (person, why excluded or "")
    anew: bool = False                                      # replaces the list as a whole

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.roster,)


@fact
class RosterLeft(Event):
    """离开名单: of whom the list had; the reserve steps in (A-10)."""
    roster: str
    people: tuple[str, ...]
    why: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.roster,)


@fact
class ChildStands(Event):
    """Written into the parent in the child's own commit; `was` is None at first."""
    child: str
    stands: Any
    was: Any = None


@fact
class CaseSuspended(Event):
    """挂起: every clock stops; `until` None = until somebody resumes it. `why`: the reason of the list (C-21, A-33)."""
    reason: Text
    until: datetime | None = None
    why: str = ""


@fact
class CaseResumed(Event):
    pass


@fact
class ClockArmed(Event):
    visit: int
    clock: Clock


@fact
class ClockPaused(Event):
    visit: int
    reason: str


@fact
class ClockResumed(Event):
    visit: int


@fact
class ClockRanOut(Event):
    visit: int
    key: str


@fact
class LimitUndone(Event):
    """期限其实已守住，到期的处理撤销 (C-35). `seat`: stands again; `roster`: its holder is back on it."""
    visit: int
    key: str
    seat: str = ""
    roster: str = ""


class Moved(Value):
    """A due day under the old and the new version; `firm`: the old one was no provisional day."""
    visit: int
    key: str
    old: datetime
    new: datetime
    firm: bool = True


@fact
class DueDaysMoved(Event):
    """日历改版，到期日重新推定 (C-29). Closed clocks are not derived again (C-30)."""
    was: int
    calendar: int
    moved: tuple[Moved, ...] = ()


@fact
class ReminderDue(Event):
    """The holder is reminded so many working days before (A-42): each once a clock."""
    visit: int
    key: str
    workdays: int


@fact
class RungTaken(Event):
    visit: int
    key: str
    line: str = ""


@fact
class ExtensionAsked(Event):
    visit: int
    key: str
    more: int
    reason: Text = Text("")


@fact
class ExtensionAnswered(Event):
    """`more` 0 = not granted, and then `grace` working days from now before the limit acts (C-23)."""
    visit: int
    key: str
    more: int
    grace: int = 0
    reason: Text = Text("")


SERVED = "served"
"""Among what is done in a visit: the paper that opened it has reached its addressee."""


@fact
class Served(Event):
    """已送达 (C-9): opened by its addressee; `presumed`: not opened in time, and counted as served."""
    visit: int
    presumed: bool = False


@fact
class DutyDone(Event):
    visit: int
    duty: str


@fact
class DutyFailed(Event):
    """The system could not do what it owes (stuck is a fact): a task of the office, with the reason."""
    visit: int
    duty: str
    reason: Text


@fact
class DutyRetried(Event):
    visit: int
    duty: str


@fact
class FactProposed(Event):
    """Waits for a second person; `form` None = the ending of the case. `at`: when it was true, if entered late."""
    form: Any
    reason: Text = Text("")
    visit: int = 0
    at: datetime | None = None
    clock: Clock | None = None


@fact
class ProposalClosed(Event):
    no: int


@fact
class Recused(Event):
    """回避: declared, demanded or found (G-18 to G-20). `rosters`: the lists that the person leaves with it; `tainted`: the
    rows in which an act of theirs stands under the tie, and is done again with all that counted it (G-21)."""
    person: str
    why: str
    rosters: tuple[str, ...] = ()
    tainted: tuple[str, ...] = ()
    reason: Text = Text("")


@fact
class EnteredLate(Event):
    """补录 (C-34): why a record comes late, and the paper that it rests on; a seat keeps its own."""
    visit: int
    reason: Text
    files: tuple[str, ...] = ()


@fact
class LateAllowed(Event):
    """已同意逾期补录 (C-34): what was true on that day may still be entered; no published count changes."""
    day: date
    reason: Text = Text("")


@fact
class CaseEnded(Event):
    how: str
    reason: Text = Text("")


class Entry(Value):
    """An event with what the log says about it: true-at, who, in which post, for whom, under which rule."""
    event: Event
    at: datetime
    by: str
    rule: str = ""
    post: str = ""
    behind: str = ""
