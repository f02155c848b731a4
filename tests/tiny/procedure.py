"""公文签批: a clerk drafts, the section head checks, the leader signs. The whole procedure."""
from __future__ import annotations

from typing import ClassVar

from domain.kernel.case import Case, Visit
from domain.kernel.events import Entry, Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Seat, post
from domain.kernel.stages import Context, End, Policy, Procedure, Stage, escalate, lapse, workdays
from domain.kernel.values import Text, Value, having, tagged

fact = tagged("document")


@fact
class TextWritten(Event):
    """正文已写."""
    touches: ClassVar[tuple[str, ...]] = ("text",)
    text: Text


@fact
class Document(Value):
    written: bool = False

    def evolve(self, event: Event, entry: Entry) -> Document:
        return having(self, written=True) if isinstance(event, TextWritten) else self


@fact
class Write:
    """正文."""
    text: Text


@fact
class DocumentPolicy(Policy):
    draft_term: int = 5
    check_term: int = 3


def write(case: Case, visit: Visit, form: Write, context: Context) -> list[Event] | Refusal:
    return [TextWritten(form.text)] if form.text else no("malformed", "A-3")


def seat(kind: str):
    return lambda case, policy: (Seat(kind, post(kind, case.subject)),)


DOCUMENT = Procedure(
    kind="document", facts=Document, policy=lambda data: DocumentPolicy(), rules={Write: write},
    office=lambda case: post("registry", case.subject), head=lambda case: post("leader", case.subject),
    applicant=lambda case: post("drafter", case.subject), number=lambda policy, year: f"签{year}", stages=(
        Stage("draft", seats=seat("drafter"), form=Write, clock=workdays("draft_term"), at_limit=lapse),
        Stage("check", seats=seat("checker"), sees=("text",), judges="check", returns=("draft",), refused=End("refused"),
              clock=workdays("check_term"), at_limit=escalate("leader")),
        Stage("sign", seats=seat("leader"), sees=("text",), not_by=("check",), returns=("draft", "check"),
              refused=End("refused"), to=End("signed")),
    ))
