"""An application to stand rules on: the county's real policy files, a school of its register, a Tuesday in March."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.kernel.calendar import Calendar
from domain.kernel.case import Case, Visit
from domain.kernel.rosters import Roster
from domain.kernel.stages import Context, Gates
from domain.kernel.values import Text, having
from domain.recognition.batch import Batch
from domain.recognition.facts import Application, Stands
from domain.recognition.policy import StarPolicy, read_policy
from domain.registers.organisation import Organisation, Title
from domain.registers.person import SUBJECTS
from tests.kernel.story import moment, published

FILES = Path(__file__).parents[2] / "data/policy/recognition"
NAMES = sorted(f.stem for f in FILES.glob("*-20??.yaml"))
OPENED, NOW = moment("2026-03-02"), moment("2026-03-10")
CALENDAR = published("2025", "2026")


@cache
def _file(name: str) -> Any:
    return yaml.safe_load((FILES / f"{name}.yaml").read_text("utf-8"))


def file(name: str = "star-school-2026") -> Any:
    """The file's own data, to be changed at will."""
    return deepcopy(_file(name))


@cache
def policy(name: str = "star-school-2026") -> StarPolicy:
    return read_policy(_file(name))


POLICY = policy()
SCHOOL = Organisation("石门小学", "full_primary", "DS1", "", "石门镇", 2001)
WINDOW = "window:星批2026-001"
NOTES = tuple((x.id, Text("理由")) for x in POLICY.scored("material"))
DONE = (("documents", 1), ("lessons", 3), ("talks", 1), ("tour", 1), ("questionnaires", 1))
HELD = Title("star-school", 1, date(2022, 12, 1), date(2026, 11, 30))


def application(*, roster: Mapping[str, Iterable[str]] | None = None, subject: str = "S1", policy_id: str = "star-school-2026",
                **facts: Any) -> Case:
    """An application of S1; the fields are its facts, `roster` its lists."""
    return Case(id="星申2026-001", kind="star", subject=subject, policy=policy_id, version=9, opened_at=OPENED, opened_by="clerk",
                parent="星批2026-001", facts=Application(**facts),
                rosters={k: Roster(tuple(v)) for k, v in (roster or {}).items()})


def visit(stage: str, **fields: Any) -> Visit:
    return Visit(1, stage, "", NOW, **fields)


def at(case: Case, stage: str, **fields: Any) -> Case:
    """The case in that row."""
    return having(case, open=(visit(stage, **fields),))


def context(actor: str = "x", *, now: datetime = NOW, school: Organisation | None = SCHOOL, policy: StarPolicy = POLICY,
            calendar: Calendar = CALENDAR, gates: Mapping[str, Any] | None = None, ties: Iterable[str] = ()) -> Context:
    """What others show: the school's line of the register, and these."""
    shown = {("organisation:S1", "S1"): school, (SUBJECTS, "e1"): ["语文", "劳动"]} | {(g, "other"): v for g, v in (gates or {}).items()}
    return Context(now, actor, ties=frozenset(ties), policy=policy, calendar=calendar, gates=Gates(shown))


def scores(by: str, share: int = 80, of: StarPolicy = POLICY, **other: int) -> tuple[tuple[str, int], ...]:
    """Every leaf that these people score at that share of its full marks, in its steps; some otherwise."""
    found = {x.id: x.full_cp * share // 100 // x.step_cp * x.step_cp for x in of.scored(by)}
    return tuple((found | {k.replace("_", "."): v for k, v in other.items()}).items())


def batch(children: Mapping[str, Stands] | None = None, **facts: Any) -> Case:
    return Case(id="星批2026-001", kind="star_batch", subject="star-school", policy="star-school-2026", version=5, opened_at=OPENED,
                facts=Batch(**facts), children=children or {})


def stands(what: str, subject: str = "S1", **fields: Any) -> Stands:
    return Stands(what, subject, **{"submitted_at": OPENED.isoformat(), **fields})
