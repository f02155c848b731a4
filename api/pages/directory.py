"""人员和单位. Names and posts of a county, read once and again only when a register has changed."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg

from domain.registers.organisation import Organisation
from domain.registers.person import Person
from store import reads

from .words import OF_A_SCHOOL, POSTS, PROGRAMME_NAMES

SYSTEM = ("system", "workflow", "")


@dataclass(frozen=True)
class Shown:
    """A person as pages name them: never without a post (portal principle 7)."""
    name: str
    post: str
    mine: bool = False
    behind: str = ""


@dataclass
class Directory:
    """Everybody's name and posts, every organisation; `day` is today in the county."""
    names: Mapping[str, str]
    people: Mapping[str, Person]
    organisations: Mapping[str, Organisation]
    mark: Any = None
    _holders: dict[date, dict[str, list[str]]] = field(default_factory=dict)

    def organisation(self, id: str) -> str:
        found = self.organisations.get(id)
        return found.name if found else PROGRAMME_NAMES.get(id, "未登记的单位")

    @property
    def organ(self) -> str:
        return self.organisations["BUREAU"].name if "BUREAU" in self.organisations else "县教育局"

    def post(self, key: str, short: bool = False) -> str:
        """`principal@PR003` → 石门中心小学·校长; `short` leaves the school out."""
        kind, _, id = key.partition("@")
        said = POSTS.get(kind, "工作人员")
        school = self.organisations.get(id)
        if kind == "principal" and school and school.kind == "kindergarten":
            said = "园长"
        return f"{school.name}·{said}" if school and kind in OF_A_SCHOOL and not short else said

    def posts_of(self, person: str, day: date) -> list[str]:
        """Keys of the posts held that day, the first given first."""
        held = self.people.get(person)
        return [f"{p.kind}@{p.organisation}" for p in held.posts if p.holds(day)] if held else []

    def holders(self, key: str, day: date) -> list[str]:
        """Who holds a post (or `person@id`) that day."""
        kind, _, id = key.partition("@")
        if kind == "person":
            return [id]
        if day not in self._holders:
            by_post: dict[str, list[str]] = defaultdict(list)
            for who, person in self.people.items():
                for p in person.posts:
                    if p.holds(day):
                        by_post[f"{p.kind}@{p.organisation}"].append(who)
            self._holders = {day: by_post}
        return self._holders[day].get(key, [])

    def shown(self, who: str, day: date, me: str = "", post: str = "", behind: str = "") -> Shown:
        if who in SYSTEM:
            return Shown("系统", "按规则")
        keys = [post] if post else self.posts_of(who, day)
        return Shown(self.names.get(who, "未登记的人员"), self.post(keys[0]) if keys else "已调离",
                     who == me, self.names.get(behind, "") if behind else "")

    def named(self, who: Iterable[str], day: date) -> str:
        """Several people in one line, each with a post."""
        return "、".join(f"{s.name}（{s.post}）" for s in (self.shown(w, day) for w in who))


_kept: list[Directory] = []


async def directory(pool: asyncpg.Pool) -> Directory:
    """The directory as the registers stand now; one small question a page tells whether it still holds."""
    mark = await reads.registers_mark(pool)
    if not _kept or _kept[0].mark != mark:
        names, people, organisations = await reads.registers(pool)
        _kept[:] = [Directory(names, people, organisations, mark)]
    return _kept[0]
