"""驱动. What every case's workflow does: read the plan, tick what is due, do what is owed, wait for a knock.

The input is the case's id and nothing else; everything it does is a command through the door. A lost workflow starts
again from the log.
"""
from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

READ: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=10),
                        "retry_policy": RetryPolicy(maximum_interval=timedelta(seconds=10))}
DUTY: dict[str, Any] = {"start_to_close_timeout": timedelta(minutes=2), "heartbeat_timeout": timedelta(seconds=30),
                        "cancellation_type": workflow.ActivityCancellationType.ABANDON,
                        "retry_policy": RetryPolicy(maximum_attempts=3, maximum_interval=timedelta(seconds=20))}


@dataclass
class Owed:
    """One duty of one visit; `nth` tells the times apart that it falls due."""
    visit: int
    stage: str
    duty: str
    nth: int


@dataclass
class PlanView:
    """What a workflow needs of the plan. `wait`: seconds, None = until knocked, 0 = tick now."""
    closed: bool = False
    version: int = 0
    epoch: int = 0
    wait: float | None = None
    stages: list[str] = field(default_factory=list)
    duties: list[Owed] = field(default_factory=list)


@dataclass
class DutyCall:
    """What an activity needs to do one duty, once."""
    case: str
    epoch: int
    visit: int
    stage: str
    duty: str
    nth: int
    reason: str = ""


def drives(cls: type) -> Any:
    """Makes it a workflow: Temporal wants `run` on the class itself, not on a base."""
    async def run(self: Any, case: str) -> None:
        await self.drive(case)
    run.__qualname__, run.__module__ = f"{cls.__qualname__}.run", cls.__module__
    cls.run = workflow.run(run)
    return workflow.defn(cls)


class StageOver(Exception):
    """The door says that this visit is over: what was in flight ends there."""


class CaseWorkflow:
    """The loop. A stage with duties has a method `on_<stage>` that does them in the order of its row."""

    def __init__(self) -> None:
        self.knocked = True
        self.plan = PlanView()
        self.work: dict[int, asyncio.Task[None]] = {}
        self.visits: dict[asyncio.Task[Any], Owed] = {}
        self.did = 0

    @workflow.signal
    def changed(self) -> None:
        """A knock: something happened to the case, or a gate moved that it leans on."""
        self.knocked = True

    @workflow.query
    def waiting_for(self) -> dict[str, Any]:
        """What it waits for now, for the page."""
        return {"stages": self.plan.stages, "wait_seconds": self.plan.wait, "version": self.plan.version,
                "duties": [f"{d.stage}/{d.duty}" for d in self.plan.duties],
                "working": sorted(v for v, t in self.work.items() if not t.done())}

    async def drive(self, case: str) -> None:
        while True:
            self.knocked = False
            self.plan = await workflow.execute_local_activity("read_plan", case, result_type=PlanView, **READ)
            if self.plan.closed:
                return
            if self.plan.wait == 0:
                await workflow.execute_local_activity("tick", args=[case, self.plan.epoch, self.plan.version], **READ)
                continue
            self._work(case)
            busy = [t for t in self.work.values() if not t.done()]
            if not busy and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(case)
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self.knocked, timeout=self.plan.wait)

    def _work(self, case: str) -> None:
        """One coroutine for each visit that owes something; those of visits that are over end at the door."""
        owing = {d.visit: d for d in reversed(self.plan.duties)}
        for visit, task in list(self.work.items()):
            if task.done():
                del self.work[visit]
            elif visit not in owing and not self.plan.duties:
                task.cancel()
        for visit, owed in owing.items():
            if visit not in self.work:
                task = asyncio.create_task(self._stage(case, owed))
                self.work[visit] = task
                self.visits[task] = owed

    async def _stage(self, case: str, owed: Owed) -> None:
        did_before = self.did
        try:
            await getattr(self, f"on_{owed.stage}")()
            if self.did == did_before:
                raise ApplicationError(f"on_{owed.stage} does not do {owed.duty}")
        except StageOver:
            pass
        except Exception as error:
            if is_cancelled_exception(error):
                raise
            cause = error.cause if isinstance(error, ActivityError) else error
            await self._stuck(case, owed, str(cause))
        finally:
            self.visits.pop(asyncio.current_task(), None)
        self.knocked = True

    async def _stuck(self, case: str, owed: Owed, reason: str) -> None:
        """Stuck is a fact: the office's inbox shows it with its reason, and `again` heals it."""
        now = next((d for d in self.plan.duties if d.visit == owed.visit), owed)
        call = DutyCall(case, self.plan.epoch, owed.visit, owed.stage, now.duty, now.nth, reason[:400])
        await workflow.execute_activity("fail", call, start_to_close_timeout=timedelta(seconds=30))

    async def do(self, duty: str) -> None:
        """One duty by its name in the table; what is not owed now (any more) is passed over."""
        task = asyncio.current_task()
        assert task
        owed = self.visits[task]
        nth = next((d.nth for d in self.plan.duties if (d.visit, d.duty) == (owed.visit, duty)), 0)
        call = DutyCall(workflow.info().workflow_id, self.plan.epoch, owed.visit, owed.stage, duty, nth)
        answer = await workflow.execute_activity("do", call, result_type=str, **DUTY)
        if answer == "stage_over":
            raise StageOver
        self.did += answer == "done"


@drives
class PlainCase(CaseWorkflow):
    """For a procedure whose rows owe nothing: clocks alone."""
