"""席位. A seat names a person, a post or a pool; five rules turn what the seats did into an outcome (A-6 to A-13)."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from .values import Value


class Holder(Value):
    """Who may act: one person, whoever holds a post, or a member of a pool who has claimed the seat."""
    kind: str                                   # "person" or the code of a post
    id: str                                     # person or organisation
    pool: bool = False

    @property
    def key(self) -> str:
        """As stored with tasks and posts."""
        return f"{self.kind}@{self.id}"


def person(id: str) -> Holder:
    return Holder("person", id)


def post(kind: str, organisation: str) -> Holder:
    return Holder(kind, organisation)


def pool(kind: str, organisation: str) -> Holder:
    return Holder(kind, organisation, pool=True)


class Acted(Value):
    """What the holder of a seat said, and on which version of the case (A-39)."""
    verb: str                                   # agree refuse return yes no abstain voted
    by: str
    at: datetime
    saw: int
    behind: str = ""                            # the principal, where a substitute acted (G-23)
    kept: bool = False                          # carried over from an earlier visit (A-39 a)


class Seat(Value):
    """One person's or pool's place in a task."""
    key: str
    holder: Holder
    stands_for: str = ""                        # escalated or assigned beside: its act counts for this key
    claimed_by: str = ""
    claimed_at: datetime | None = None
    acted: Acted | None = None
    gone: str = ""                              # lost, with the reason

    @property
    def counts_as(self) -> str:
        return self.stands_for or self.key

    @property
    def open(self) -> bool:
        return not self.acted and not self.gone


Turns = tuple[Literal["passed", "refused"] | None, frozenset[str]]
"""The outcome if there is one, and the keys of the seats whose turn it is."""
Rule = Callable[[tuple[Seat, ...]], Turns]


def _turns(seats: tuple[Seat, ...]) -> tuple[list[str], dict[str, str], frozenset[str]]:
    """Keys in order, what was said under each, the seats still asked."""
    held, said = {s.counts_as: False for s in seats}, dict[str, str]()      # who was assigned comes in that turn
    for s in seats:
        if not s.gone:
            held[s.counts_as] = True
            if s.acted:
                said[s.counts_as] = s.acted.verb
    asked = [s.key for s in seats if not s.gone and s.counts_as not in said]
    return [k for k, is_held in held.items() if is_held], said, frozenset(asked)


def ANY(seats: tuple[Seat, ...]) -> Turns:
    """或签: the first to agree decides; refused when all refuse (A-7)."""
    keys, said, asked = _turns(seats)
    if "agree" in said.values():
        return "passed", frozenset()
    return ("refused" if keys and len(said) == len(keys) else None), asked


def FIRST(seats: tuple[Seat, ...]) -> Turns:
    """或签，先到先定: the first to speak decides, either way (A-7 `any_fail` first)."""
    _, said, asked = _turns(seats)
    verb = next((verb for verb in said.values() if verb in ("agree", "refuse")), "")
    return ("passed" if verb == "agree" else "refused", frozenset()) if verb else (None, asked)


def ALL(seats: tuple[Seat, ...]) -> Turns:
    """会签: every seat agrees; the first refusal decides (A-6)."""
    keys, said, asked = _turns(seats)
    if "refuse" in said.values():
        return "refused", frozenset()
    return ("passed" if keys and len(said) == len(keys) else None), asked


def SEQUENCE(seats: tuple[Seat, ...]) -> Turns:
    """顺序: one after another; any refusal decides (A-8)."""
    keys, said, asked = _turns(seats)
    if "refuse" in said.values():
        return "refused", frozenset()
    turn = next((k for k in keys if k not in said), None)
    return ("passed" if keys and turn is None else None), frozenset(
        s.key for s in seats if s.key in asked and s.counts_as == turn)


def SCORE(seats: tuple[Seat, ...]) -> Turns:
    """评分: every seat hands in its sheet (A-10)."""
    keys, said, asked = _turns(seats)
    return ("passed" if keys and len(said) == len(keys) else None), asked


def BALLOT(seats: tuple[Seat, ...]) -> Turns:
    """票签: open to everybody until the chair closes it; a vote may be changed (A-9, A-13)."""
    return None, frozenset(s.key for s in seats if not s.gone)


class BallotRule(Value):
    """The shares of A-11 as the policy gives them."""
    quorum: tuple[int, int] = (2, 3)
    share: tuple[int, int] = (2, 3)
    of: Literal["present", "present_voting", "base"] = "present"
    more_than: bool = False
    secret: bool = False
    tie: Literal["refused", "passed"] = "refused"           # where the share is one half
    again: int = 0                              # so often a lost question may be put once more in the same meeting


class Count(Value):
    """What closing a ballot needs, whether the choices lie open or sealed (A-11, A-12)."""
    entitled: int
    recused: int
    present: int                                # signed in, recused ones never among them
    yes: int
    no: int
    abstain: int = 0

    def result(self, rule: BallotRule) -> Literal["passed", "refused", "no_quorum"]:
        """Integers only. With nobody present there is no result."""
        base = self.entitled - self.recused
        if not self.present or self.present * rule.quorum[1] < base * rule.quorum[0]:
            return "no_quorum"
        of = {"present": self.present, "present_voting": self.yes + self.no + self.abstain, "base": base}[rule.of]
        won, needed = self.yes * rule.share[1], of * rule.share[0]
        if of and won == needed and self.yes == self.no:        # only where the share is one half
            return rule.tie
        return "passed" if of and (won > needed if rule.more_than else won >= needed) else "refused"

    def settled(self, rule: BallotRule) -> bool:
        """No vote that is still open can change the outcome (A-12)."""
        left = self.present - self.yes - self.no - self.abstain
        best = Count(self.entitled, self.recused, self.present, self.yes + left, self.no, self.abstain)
        worst = Count(self.entitled, self.recused, self.present, self.yes, self.no + left, self.abstain)
        return best.result(rule) == worst.result(rule)
