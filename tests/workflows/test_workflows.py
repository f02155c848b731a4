"""Workflows drive, the log decides: duties are done, clocks tick, what fails shows, what is lost comes again."""
from __future__ import annotations

import ast
import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities.duties import HOW
from domain.procedures import PROCEDURES
from store.rebuild import raise_epoch
from tests.county import HEAD
from tests.workflows.conftest import Driven
from workflows.registry import ALL, WORKFLOWS

GOLDEN = Path(__file__).parent.parent / "golden"
ROOMS = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("kind", sorted(WORKFLOWS))
def test_stage_methods_do_the_duties_of_their_rows(kind: str):
    """The table names a stage's duties, the stage method does them, in that order."""
    source = ast.parse((ROOMS / WORKFLOWS[kind].__module__.replace(".", "/")).with_suffix(".py").read_text("utf-8"))
    does = {}
    for method in (n for n in ast.walk(source) if isinstance(n, ast.AsyncFunctionDef) and n.name.startswith("on_")):
        calls = [c for c in ast.walk(method) if isinstance(c, ast.Call) and getattr(c.func, "attr", "") == "do"]
        does[method.name.removeprefix("on_")] = [c.args[0].value for c in calls]
    table = {s.name: [d.name for d in s.duties if not d.told] for s in PROCEDURES[kind].stages
             if any(not d.told for d in s.duties)}
    assert does == table


def test_every_duty_is_done_somehow():
    """A duty tells children, or brings a form that its activity (or the form alone) can make."""
    for procedure in PROCEDURES.values():
        for duty in (d for s in procedure.stages for d in s.duties if not d.told):
            assert duty.to or duty.of or duty.name in HOW or (duty.form and not duty.form.__dataclass_fields__), duty.name


def test_workflows_use_no_clock_and_no_chance():
    """The sandbox is off: a lint stands in its place."""
    for path in (ROOMS / "workflows").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)} | {
            a.name for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
        assert not names & {"now", "utcnow", "today", "sleep", "random", "uuid4", "urandom", "datetime", "date"}, path


async def test_an_application_is_drawn_and_reviewed(driven: Driven):
    """Opening a case starts its workflow; the draw is a duty; its query says what it waits for."""
    async with driven.working():
        batch = await driven.batch()
        case = await driven.application(batch, "PR003", "draw")
        reading = await driven.read(case)
        assert len(reading.case.roster("experts").members) == 2
        answer = await asyncio.wait_for(driven.client.get_workflow_handle(case).query("waiting_for"), 5)
        assert answer["stages"] == ["draw"]
        handle = driven.client.get_workflow_handle(case)
        history = await handle.fetch_history()
    await Replayer(workflows=list(ALL), workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(history)


async def test_clocks_run_out_by_themselves(driven: Driven):
    """R-16: nobody answers; the dossier counts as accepted. The workflow ticks, nobody has to come by."""
    async with driven.working():
        case = await driven.application(await driven.batch(), "PR003", "completeness")
        now = (await driven.door.who(HEAD)).now
        await driven.move(now + timedelta(days=16))
        assert (await driven.read(case)).version == (await driven.pool.fetchval(
            "select version from case_head where id = $1", case))
        tags = [r["tag"] for r in await driven.pool.fetch("select tag from event where case_id = $1 order by version", case)]
        assert "case.clock_ran_out.v1" in tags
        assert (await driven.read(case)).plan.stages == ("eligibility",)


async def test_people_go_on_without_temporal_and_the_case_catches_up(driven: Driven):
    async with driven.working():
        batch = await driven.batch()
    case = await _without_settling(driven, batch, "PR003")
    assert (await driven.read(case)).plan.stages == ("draw",)
    assert [d.duty for d in (await driven.read(case)).plan.duties] == ["draw_experts"]
    async with driven.working():
        await driven.settle()
        assert len((await driven.read(case)).case.roster("experts").members) == 2


async def _without_settling(driven: Driven, batch: str, school: str) -> str:
    settle, driven.settle = driven.settle, _nothing
    try:
        return await driven.application(batch, school, "draw")
    finally:
        driven.settle = settle


async def _nothing() -> None:
    return None


async def test_a_duty_that_fails_is_a_task_of_the_office_and_again_heals_it(driven: Driven, monkeypatch):
    broken = True

    async def draw(work):
        if broken:
            raise RuntimeError("no paper in the printer")
        return await real(work)
    real = HOW["draw_experts"]
    monkeypatch.setitem(HOW, "draw_experts", draw)
    async with driven.working():
        batch = await driven.batch()
        case = await _without_settling(driven, batch, "PR003")
        for _ in range(200):
            if any(t.seat == "again:draw_experts" for t in (await driven.read(case)).plan.tasks):
                break
            await asyncio.sleep(0.1)
        task = next(t for t in (await driven.read(case)).plan.tasks if t.seat.startswith("again:"))
        broken = False
        staff = await driven.holder("basic_education_section_staff@SC2")
        await driven.act(staff, case, "again", task.visit, duty="draw_experts")
        await driven.settle()
        assert len((await driven.read(case)).case.roster("experts").members) == 2


async def test_temporal_lost_in_the_middle(driven: Driven):
    """Every workflow is gone; `rehydrate` starts each open case again from the log, and old commands are stale."""
    async with driven.working():
        batch = await driven.batch()
        case = await driven.application(batch, "PR003", "eligibility")
        await driven.settle()
        for id in (batch, case):
            await driven.client.get_workflow_handle(id).terminate()
        assert await raise_epoch(driven.pool) == 3              # these two and the calendars
        await driven.settle()
        from domain.recognition.dossier import Confirm
        await driven.act(HEAD, case, "agree", 4, "head", form=Confirm())
        await driven.settle()
        assert len((await driven.read(case)).case.roster("experts").members) == 2


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("history-*.json")), ids=lambda p: p.stem)
async def test_recorded_histories_replay(path: Path):
    await Replayer(workflows=list(ALL), workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(
        WorkflowHistory.from_json(path.stem, path.read_text("utf-8")))


@workflow.defn(name="StarApplication")
class ChangedOnPurpose:
    """Does first what the recorded one never did."""

    @workflow.run
    async def run(self, case: str) -> None:
        await workflow.execute_activity("do", case, start_to_close_timeout=timedelta(seconds=1))


async def test_a_changed_workflow_fails_its_histories():
    """The replay test can fail: this workflow is not the one that was recorded."""
    path = next(GOLDEN.glob("history-star-*.json"))
    with pytest.raises(workflow.NondeterminismError):
        await Replayer(workflows=[ChangedOnPurpose], workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(
            WorkflowHistory.from_json("star", path.read_text("utf-8")))
