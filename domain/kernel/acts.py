"""What people and workflows ask: one shape for every verb."""
from __future__ import annotations

from datetime import date, datetime
from typing import Any

from .values import Text, Value, tagged

SEAT_VERBS = ("agree", "refuse", "yes", "no", "abstain", "return", "claim", "release", "decline", "take_back", "ask",
              "receive")
OFFICE_VERBS = ("suspend", "resume", "extend", "vacate", "assign", "again", "end")
SYSTEM_VERBS = ("look", "do", "fail", "hear", "child", "recuse")
VERBS = ("open", *SEAT_VERBS, "record", "second", "drop", "close", "withdraw", *OFFICE_VERBS, *SYSTEM_VERBS)


AGAIN = "again"


@tagged("kernel")
class DemandRecusal:
    """申请某人回避：点名并写明理由，由股长或分管局长决定。"""          # G-19; the seat is frozen until then
    person: str
    reason: Text
    known_on: date | None = None                # the tie, where it became known only after the name was told


@tagged("kernel")
class AllowLate:
    """同意逾期补录：哪一天发生的事，为什么没有按时录入。"""       # C-34
    day: date
    reason: Text


class Act(Value):
    """`visit` and `seat` say where; `form` is the family's; `saw` is the version that the person had before them."""
    verb: str
    visit: int = 0
    seat: str = ""
    to: str = ""                                # return: the stage; assign, recuse: the person; child: which child;
                                                # suspend: the reason of the list; close: AGAIN, where a lost question
                                                # is put once more
    parts: tuple[str, ...] = ()                 # return: the parts that may be edited
    opinion: Text = Text("")
    form: Any = None
    duty: str = ""                              # do, fail, again: which
    more: int = 0                               # extension, in the clock's unit
    at: datetime | None = None                  # true-at (C-31); None = now
    saw: int | None = None
    files: tuple[str, ...] = ()                 # what the opinion rests on, by content hash
