"""谁的眼睛. A case as one reader may see it: names of stages, of people, of the case itself (principle 9, R-22, R-92)."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from api.routes import BLIND, side_of
from domain.kernel.case import Case
from domain.kernel.seats import Holder
from domain.kernel.stages import WORKFLOW, Policy, Procedure
from domain.recognition.policy import StarPolicy
from store.door import Reading

from . import words
from .directory import Shown
from .shell import Page

ALIASES = "甲乙丙丁戊己庚辛壬癸"
EXPERT_ROSTERS = ("experts", "third")


def title_of(page: Page, procedure: Procedure, case: Case, policy: Policy, blind: bool = False) -> str:
    """What the case is called: 桂花镇中心小学申报一星级素质教育特色学校."""
    school = f"申报学校{case.id.rpartition('-')[2]}号" if blind else page.directory.organisation(case.subject)
    match case.kind:
        case "star" if isinstance(policy, StarPolicy):
            level = policy.levels.get(case.facts.level)
            return f"{school}申报{words.full(level.name) if level else ''}{words.PROGRAMMES.get(policy.programme, '')}"
        case "star_batch":
            return f"{case.facts.title.removesuffix('批次')}评审批次"
        case "organisation":
            return f"{page.directory.organisation(case.id)}登记"
        case "person":
            return f"{page.directory.names.get(case.id, '人员')}登记"
    return f"{words.of_kind(case.kind).noun}{case.id}"


@dataclass(frozen=True)
class Sight:
    """A reading and who reads it."""
    page: Page
    reading: Reading

    @property
    def case(self) -> Case:
        return self.reading.case

    @property
    def procedure(self) -> Procedure:
        return self.reading.procedure

    @property
    def context(self) -> Any:
        return self.reading.context

    @cached_property
    def side(self) -> str:
        return side_of(self.reading)

    @property
    def inside(self) -> bool:
        return self.side == "bureau"

    @property
    def blind(self) -> bool:
        return self.side == "expert"

    @property
    def words(self) -> words.Words:
        return words.of_kind(self.case.kind)

    @property
    def title(self) -> str:
        return title_of(self.page, self.procedure, self.case, self.context.policy, self.blind)

    @property
    def school(self) -> str:
        return f"申报学校{self.case.id.rpartition('-')[2]}号" if self.blind else \
            self.page.directory.organisation(self.case.subject)

    def own(self, stage: str) -> bool:
        return stage in self.words.own_side

    def stage(self, name: str) -> str:
        return words.stage_words(self.procedure, name, public=not self.inside)

    def task(self, name: str) -> str:
        """A row as a thing to do: by its own name to those who do it."""
        mine = self.own(name) or (self.blind and name in BLIND)
        return words.stage_words(self.procedure, name) if mine else self.stage(name)

    @property
    def title_parts(self) -> tuple[str, str]:
        """Where a long title may break: after 申报."""
        head, asked, rest = self.title.partition("申报")
        if self.case.kind != "star":
            return self.title, ""
        if head:
            return f"{head}{asked}", rest
        cut = self.title.find("申报", 2) + 2
        return self.title[:cut], self.title[cut:]

    def person(self, who: str, post: str = "", behind: str = "", stage: str = "") -> Shown:
        """By name with the post; an expert is 专家甲 to everybody, the bureau's people are an office to the school."""
        if who in ("system", WORKFLOW, ""):
            return self.page.who("system")
        alias = self.alias(who)
        if alias and who != self.page.me and (stage in BLIND or not post):
            return alias
        if who == self.page.me or self.inside:
            return self.page.who(who, post, behind)
        if self.side == "applicant" and (post.endswith(f"@{self.case.subject}") or self.own(stage)):
            return self.page.who(who, post, behind)
        return Shown(self.page.organ, self.page.directory.post(post, short=True) if post else "经办")

    def alias(self, who: str) -> Shown | None:
        """专家甲, by the order of the lists."""
        for name in EXPERT_ROSTERS:
            roster = self.case.roster(name)
            order = list(dict.fromkeys([*(w for w, _ in roster.left), *roster.members, *roster.reserve]))
            if self.case.kind == "star" and who in order:
                at = order.index(who) + (len(self.case.roster("experts").ever()) if name == "third" else 0)
                return Shown(f"专家{ALIASES[at % len(ALIASES)]}", "盲评")
        return None

    def holder(self, holder: Holder, stage: str = "", claimed_by: str = "") -> Shown:
        """Whose seat it is, as pages say it."""
        if claimed_by:
            return self.person(claimed_by, holder.key if holder.kind != "person" else "", stage=stage)
        if holder.kind == "person":
            return self.person(holder.id, stage=stage)
        if not self.inside and holder.id != self.case.subject:
            return Shown(self.page.directory.post(holder.key, short=True), self.page.organ)
        people = self.page.directory.holders(holder.key, self.page.today)
        if len(people) == 1 and not holder.pool:
            return self.page.who(people[0], holder.key)
        return Shown(self.page.directory.post(holder.key, short=True),
                     f"{len(people)}人，{'待认领' if holder.pool else '都可办'}")

    def holders(self, seats: Iterable[tuple[Holder, str]], stage: str) -> str:
        """Several seats in one line: 2位专家, or names with posts."""
        seats = list(seats)
        if not seats:
            return "系统"
        if stage in BLIND and self.side == "applicant":
            return "评审专家（盲评，不公开姓名）"
        if len(seats) > 2 or (len(seats) > 1 and stage in BLIND):
            noun = {**dict.fromkeys(BLIND, "专家"), "vote": "委员", "meeting": "委员"}.get(stage, "人")
            return f"{len(seats)}位{noun}" if noun != "人" else f"{len(seats)}人"
        return "、".join(f"{s.name}（{'您，' if s.mine else ''}{s.post}）" for s in (self.holder(h, stage, c) for h,
                                                                                c in seats))
