"""Registers workflows and activities, runs the relay. `python -m worker`; n of them may run beside each other."""
from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import signal
from datetime import timedelta

import asyncpg
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import activities.recognition  # noqa: F401  registers how its duties are done
from activities.duties import Duties
from activities.outages import note_outage
from activities.ties import find_ties
from domain.kernel.calendar import day_of
from domain.procedures import PROCEDURES
from ops.settings import Settings
from store.database import open_pool
from store.door import Door
from store.files import Files
from store.heads import Damaged, seal
from store.relay import relay
from store.retention import forget
from workflows.registry import ALL, TASK_QUEUE, workflow_of

BEAT_SECONDS = 15
FOLLOW_SECONDS = 1


async def connect(settings: Settings) -> Client:
    """The client of this installation's Temporal."""
    assert settings.temporal_address
    key = settings.temporal_api_key
    return await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace,
                                tls=settings.temporal_tls, api_key=key.get_secret_value() if key else None,
                                retry_config=RetryConfig())


async def knock(client: Client, driver: str, kind: str, queue: str = TASK_QUEUE) -> None:
    """Signal the driver's workflow, and start it where there is none."""
    await client.start_workflow(
        workflow_of(kind).run, driver, id=driver, task_queue=queue, start_signal="changed",
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        rpc_timeout=timedelta(seconds=5))


def build_worker(client: Client, duties: Duties, queue: str = TASK_QUEUE) -> Worker:
    return Worker(client, task_queue=queue, workflows=ALL, activities=duties.all(),
                  workflow_runner=UnsandboxedWorkflowRunner(),
                  workflow_failure_exception_types=[workflow.NondeterminismError],
                  sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
                  graceful_shutdown_timeout=timedelta(seconds=3), max_cached_workflows=500)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: relay and worker, ended in that order."""
    assert settings.database_url
    pool = await open_pool(settings.database_url, size=12)
    client = await connect(settings)
    door = Door(pool, PROCEDURES)
    duties = Duties(door, pool, Files(settings.data_dir / "files", settings.upload_bytes_max),
                    settings.public_url or f"http://{settings.http_host}:{settings.http_port}")
    await note_outage(pool, door)
    relaying = asyncio.create_task(relay(pool, lambda d, k: knock(client, d, k), stop))
    try:
        async with build_worker(client, duties):
            beat = asyncio.gather(_heartbeat(pool, settings, stop), _follow(pool, door, stop))
            await asyncio.wait([relaying, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await asyncio.gather(relaying, beat)
    finally:
        await pool.close()


async def _heartbeat(pool: asyncpg.Pool, settings: Settings, stop: asyncio.Event) -> None:
    """What later tells an outage from a quiet night; every fourth time the heads of all cases are signed, and on each new
    day of the county the command ids that are past their time are dropped."""
    day, said = None, False
    for beats in itertools.count():
        if stop.is_set():
            return
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):   # away: the gap will say so
            now = await pool.fetchval("update heartbeat set at = clock_timestamp() returning county_now()")
            if (today := day_of(now)) != day:
                await forget(pool)
                day = today
            if beats % 4 == 3:
                said = await _seal(pool, settings, said)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT_SECONDS)


async def _follow(pool: asyncpg.Pool, door: Door, stop: asyncio.Event) -> None:
    """Read the log behind everybody: what a person's register shows anew (G-20)."""
    while not stop.is_set():
        read = 0
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            read = await find_ties(pool, door)
        if not read:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FOLLOW_SECONDS)


async def _seal(pool: asyncpg.Pool, settings: Settings, said: bool) -> bool:
    """Damaged seals must not stop the heart: it is said once here, and by `juanzong doctor` until it is mended."""
    try:
        await seal(pool, settings.data_dir, settings.seal_key)
        return False
    except Damaged as error:
        if not said:
            logging.getLogger("juanzong").error("签名存放的案卷头被改过或损坏，停止签名：%s。请运行 juanzong doctor", error)
        return True


async def main() -> None:
    stop = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    await serve(Settings(), stop)


if __name__ == "__main__":
    asyncio.run(main())
