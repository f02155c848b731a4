"""职责. How each duty of a table is done; `do` is the one activity for all of them.

A duty is intent → effect → result: its command's id is case, visit, duty and how often it was done, so that done twice is
done once.
"""
from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.plans import read_plan
from domain.kernel.acts import Act
from domain.kernel.case import Case
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.kernel.values import Text
from store.door import Command, Door, Reading, Receipt
from store.files import Files
from store.many import CHUNK, handle_many
from workflows.case_workflow import DutyCall, PlanView

PASSED_OVER = ("task_closed",)
OVER = ("stage_over", "case_closed", "past_deadline", "wrong_stage")


@dataclass(frozen=True)
class Work:
    """What a duty is done with: the case as it stands now, and the tools."""
    call: DutyCall
    reading: Reading
    door: Door
    pool: asyncpg.Pool
    files: Files
    public_url: str

    @property
    def case(self) -> Case:
        return self.reading.case

    @property
    def policy(self) -> Any:
        return self.reading.context.policy


@dataclass(frozen=True)
class Result:
    """The form that the duty brings, the gates that it leans on, and what is done after it stands in the log."""
    form: Any = None
    gates: tuple[str, ...] = ()
    after: Callable[[Receipt], Awaitable[None]] | None = None


How = Callable[[Work], Awaitable[Result]]
HOW: dict[str, How] = {}
"""Duty → how it is done. A duty that only tells children needs none. A name is never used again for something else."""


def duty(name: str) -> Callable[[How], How]:
    def register(how: How) -> How:
        assert name not in HOW, name
        HOW[name] = how
        return how
    return register


class Duties:
    """The activities of the worker."""

    def __init__(self, door: Door, pool: asyncpg.Pool, files: Files, public_url: str) -> None:
        self.door, self.pool, self.files, self.public_url = door, pool, files, public_url

    @activity.defn(name="read_plan")
    async def read_plan(self, case: str) -> PlanView:
        return await read_plan(self.door, case, case)

    @activity.defn(name="tick")
    async def tick(self, case: str, epoch: int, version: int) -> None:
        """Clocks that ran out come into the log, due days that a gate moved into the inbox; twice is once by itself."""
        await self.door.handle(Command(f"{case}/tick/{epoch}/{version}/{os.urandom(4).hex()}", WORKFLOW, Act("look"), case,
                                       epoch=epoch))

    @activity.defn(name="do")
    async def do(self, call: DutyCall) -> str:
        """done | passed_over | stage_over. Raises for what must be tried again, and finally is stuck."""
        reading = await self.door.read(call.case, WORKFLOW)
        if isinstance(reading, Refusal):
            return "stage_over"
        visit = reading.case.visit(call.visit)
        if visit is None:
            return "stage_over"
        row = next((d for d in reading.procedure[visit.stage].duties if d.name == call.duty), None)
        owed = reading.procedure.owed(reading.case, visit, reading.context.policy)
        if row is None or row not in owed:
            return "passed_over"
        if row.to:
            return await self._tell(call, reading, row)
        work = Work(call, reading, self.door, self.pool, self.files, self.public_url)
        result = await HOW[call.duty](work) if call.duty in HOW else Result(row.form() if row.form else None)
        command = Command(f"{call.case}/{call.visit}/{call.duty}/{visit.done.count(call.duty)}", WORKFLOW,
                          Act("do", call.visit, duty=call.duty, form=result.form), call.case, gates=result.gates,
                          epoch=call.epoch)
        got = await self.door.handle(command)
        if isinstance(got, Refusal):
            return self._refused(got)
        if result.after:
            await result.after(got)
        return "done"

    async def _tell(self, call: DutyCall, reading: Reading, row: Any) -> str:
        """Each child hears its fact; what it then stands for comes back in its own commit."""
        case, policy = reading.case, reading.context.policy
        commands = []
        for child in row.to(case, policy):
            form, at = row.say(case, child)
            commands.append(Command(f"{call.case}/{reading.version}/{call.duty}/{child}", WORKFLOW,
                                    Act("hear", form=form, at=at), child, cause=call.case, epoch=call.epoch))
        for n in range(0, len(commands), CHUNK):
            answers = await handle_many(self.door, commands[n:n + CHUNK])
            for command, got in zip(commands[n:], answers, strict=False):
                if isinstance(got, Refusal) and got.code not in (*OVER, *PASSED_OVER):
                    raise ApplicationError(f"{command.case}: {got.code} {got.rule}", type=got.code)
            if activity.in_activity():
                activity.heartbeat()
        return "done"

    def _refused(self, got: Refusal) -> str:
        if got.code in PASSED_OVER:
            return "passed_over"
        if got.code in OVER:
            return "stage_over"
        raise ApplicationError(f"{got.code} {got.rule} {dict(got.detail)}", type=got.code, non_retryable=got.code != "busy")

    @activity.defn(name="fail")
    async def fail(self, call: DutyCall) -> None:
        """The duty is stuck: a fact, with its reason, and a task of the office."""
        await self.door.handle(Command(
            f"{call.case}/{call.visit}/{call.duty}/{call.nth}/stuck/{os.urandom(4).hex()}", WORKFLOW,
            Act("fail", call.visit, duty=call.duty, opinion=Text(call.reason)), call.case, epoch=call.epoch))

    def all(self) -> list[Any]:
        return [self.read_plan, self.tick, self.do, self.fail]
