"""given … when … then. A case told in a few acts; what a decision leaves, or why not, compares whole."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY, Calendar
from domain.kernel.case import Case, Visit
from domain.kernel.decide import decide, open_case
from domain.kernel.events import Entry, Event, RosterDrawn
from domain.kernel.plan import plan
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Holder, Seat, person, post
from domain.kernel.stages import Context, End, Gates, Policy, Procedure, Stage
from domain.kernel.values import Value, field, having, tagged

CALENDARS = Path(__file__).parents[2] / "data/policy/calendar"


@cache
def published(*names: str) -> Calendar:
    """The calendar after these files of `data/policy/calendar`, in the order of their publication."""
    off: set[date] = set()
    makeup: set[date] = set()
    to = date(2000, 1, 1)
    for name in names:
        file = yaml.safe_load((CALENDARS / f"{name}.yaml").read_text("utf-8"))
        off -= {d["date"] for d in file.get("remove_holidays", ())}
        makeup -= {d["date"] for d in file.get("remove_makeup_workdays", ())}
        off |= {d["date"] for d in (*file.get("holidays", ()), *file.get("add_holidays", ()))}
        makeup |= {d["date"] for d in (*file.get("makeup_workdays", ()), *file.get("add_makeup_workdays", ()))}
        to = max(to, date(file["year"], 12, 31)) if "year" in file else to
    return Calendar(frozenset(off), frozenset(makeup - off), to)


def moment(text: str) -> datetime:
    """`2025-03-10`, `03-10` (of 2025) or `03-10 15:20`, in the county; 09:00 where no hour is given."""
    day, _, hour = text.partition(" ")
    day = day if len(day) > 5 else f"2025-{day}"
    return datetime.fromisoformat(f"{day}T{hour or '09:00'}").replace(tzinfo=COUNTY)


class Who(Value):
    """Somebody who acts: posts as `kind@organisation`; `behind` is the principal of a substitute."""
    id: str
    posts: frozenset[Holder] = frozenset()
    ties: frozenset[str] = frozenset()
    behind: str = ""
    posts_behind: frozenset[Holder] = frozenset()


def who(id: str, *posts: str, ties: tuple[str, ...] = (), behind: Who | None = None) -> Who:
    held = frozenset(post(*p.split("@")) for p in posts)
    return Who(id, held, frozenset(ties), behind.id if behind else "", behind.posts if behind else frozenset())


WORKFLOW = who("workflow")
CLERK, CLERK_2, HEAD = who("clerk", "office@B"), who("clerk-2", "office@B"), who("head", "head@B")
APPLICANT = who("applicant", "applicant@S")
"""The office and the head of every small table here, and the applicant of subject S."""


class Step(Value):
    who: Who
    act: Act
    on: str = ""                                # when; empty = at once
    stage: str = ""                             # which open row; empty = the first that has the seat; "*" = none
    line: str = ""


def by(who: Who, verb: str, seat: str = "", on: str = "", stage: str = "", line: str = "", at: str = "",
       **act: Any) -> Step:
    """`at` is the true-at (C-31), `on` the moment of the act."""
    return Step(who, Act(verb, seat=seat, at=moment(at) if at else None, **act), on, stage, line)


class Story(Value):
    procedure: Procedure
    case: Case
    now: datetime
    policy: Any = Policy()
    calendar: Calendar = Calendar()
    gates: Gates = field(default_factory=Gates)
    more: Mapping[str, Any] = {}                                # further fields of the context
    entries: tuple[Entry, ...] = ()                             # of the last decision

    def context(self, who: Who, now: datetime | None = None) -> Context:
        return Context(now or self.now, who.id, who.posts, who.behind, who.posts_behind, who.ties, self.policy,
                       self.calendar, self.gates, **self.more)

    @property
    def events(self) -> list[Event]:
        return [e.event for e in self.entries]


def opened(procedure: Procedure, *, by: Who = WORKFLOW, act: Act = Act("look"), on: str = "2025-03-10",
           id: str = "C-1", subject: str = "S", parent: str = "", policy: Any = Policy(),
           calendar: Calendar | None = None, gates: Mapping[tuple[str, str], Any] | None = None, **more: Any,
           ) -> Story | Refusal:
    """A case of this procedure, opened on Monday 2025-03-10 at nine unless said otherwise."""
    story = Story(procedure, Case(), moment(on), policy, calendar or published("2025", "2026"), Gates(gates or {}), more)
    got = open_case(procedure, id, subject, policy.id, story.context(by), act, parent)
    return got if isinstance(got, Refusal) else having(story, entries=tuple(got[0]), case=got[1])


def given(procedure: Procedure, *steps: Step, **opening: Any) -> Story:
    """The case after these steps, none of which is refused."""
    story = opened(procedure, **opening)
    assert isinstance(story, Story), story
    for step in steps:
        told = after(story, step)
        assert isinstance(told, Story), (step, told)
        story = told
    return story


def after(story: Story, step: Step) -> Story | Refusal:
    """The story with this step, or why not. No word of it is left in the case when it is refused."""
    act = step.act
    if not act.visit and step.stage != "*":
        rows = [v for v in story.case.open if step.stage in ("", v.stage) and step.line in ("", v.line)]
        rows = [v for v in rows if v.seat(act.seat)] or rows
        act = having(act, visit=rows[0].no if rows else 0)
    now = moment(step.on) if step.on else story.now
    got = decide(story.procedure, story.case, act, story.context(step.who, now))
    return got if isinstance(got, Refusal) else having(story, case=got[1], now=now, entries=tuple(got[0]))


def decided(story: Story, when: Step) -> list[Event] | Refusal:
    """What the act leaves in the log, or why not."""
    told = after(story, when)
    return told if isinstance(told, Refusal) else told.events


def stands(story: Story | Refusal, on: str = "") -> dict[str, list[str]]:
    """Where the case stands and whose turn it is: row (and line) → seats; a case that ended: how."""
    assert isinstance(story, Story), story
    if on:
        story = after(story, by(WORKFLOW, "look", on=on))
        assert isinstance(story, Story), story
    if story.case.ended:
        return {"ended": [story.case.ended]}
    tasks = plan(story.procedure, story.case, story.context(WORKFLOW)).tasks
    names = {v.no: f"{v.stage}/{v.line}" if v.line else v.stage for v in story.case.open}
    return {**{n: [t.seat for t in tasks if t.visit == no] for no, n in names.items()},
            **({"": rest} if (rest := [t.seat for t in tasks if not t.visit]) else {})}


# -- small tables -------------------------------------------------------------------------------------------------


def seats(*keys: str) -> Any:
    """Seats of the persons with these ids."""
    return lambda case, policy: tuple(Seat(k, person(k)) for k in keys)


def table(*stages: Stage, **words: Any) -> Procedure:
    """A procedure of these rows, with the office, head and applicant that every story here has."""
    return Procedure(**{"kind": "tale", "stages": stages, "office": lambda case: post("office", "B"),
                        "head": lambda case: post("head", "B"), "applicant": lambda case: post("applicant", case.subject),
                        "facts": Tale, "rules": RULES, **words})


def row(name: str = "ask", **words: Any) -> Stage:
    """A row that ends the case unless it says where it goes on."""
    return Stage(name, **{"to": End("passed"), **words})


# -- a family so small that every test can have it ---------------------------------------------------------------------

fact = tagged("tale")


@fact
class Said(Event):
    """Something became true; it changes the part of the same name."""
    word: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.word,)


@fact
class Tale(Value):
    words: tuple[str, ...] = ()

    def evolve(self, event: Event, entry: Entry) -> Tale:
        return having(self, words=(*self.words, event.word)) if isinstance(event, Said) else self


@fact
class Say:
    word: str


@fact
class SayLate:
    """A kind that may be entered late (C-32)."""
    word: str
    late = True


@fact
class Name:
    """Names people for the list `judges`."""
    members: tuple[str, ...]
    reserve: tuple[str, ...] = ()


def say(case: Case, visit: Visit | None, form: Say | SayLate, context: Context) -> list[Event] | Refusal:
    return [Said(form.word)] if form.word else no("malformed", "A-3")


def name(case: Case, visit: Visit | None, form: Name, context: Context) -> list[Event] | Refusal:
    return [RosterDrawn("judges", form.members, form.reserve)]


RULES = {Say: say, SayLate: say, Name: name}


def heard(word: str) -> Any:
    """A question: whether that was said."""
    return lambda case, policy: word in case.facts.words
