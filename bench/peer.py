"""What most people build: a Temporal update whose local activity writes event, case and task, the rows of the bare route.

As good as we can make it: one worker process, local activities, uvloop, the server that we ship with its settings.
"""
from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import asyncpg
import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "peer"
pool: asyncpg.Pool


@activity.defn
async def write(case: str, opinion: str) -> int:
    return await pool.fetchval("select bare_act($1, $2, $3, $4)", case, opinion.encode(), opinion.encode(), "checker")


@workflow.defn
class Document:
    @workflow.run
    async def run(self, case: str) -> None:
        await workflow.wait_condition(workflow.info().is_continue_as_new_suggested)
        workflow.continue_as_new(case)

    @workflow.update
    async def act(self, opinion: str) -> int:
        case = workflow.info().workflow_id.removesuffix("/peer")
        return await workflow.execute_local_activity(write, args=[case, opinion],
                                                     start_to_close_timeout=timedelta(seconds=10))


async def main() -> None:
    global pool
    from store.database import open_pool
    pool = await open_pool(os.environ["JUANZONG_DATABASE_URL"], 12)
    client = await Client.connect(os.environ["JUANZONG_TEMPORAL_ADDRESS"], namespace="juanzong")
    async with Worker(client, task_queue=QUEUE, workflows=[Document], activities=[write],
                      workflow_runner=UnsandboxedWorkflowRunner()):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
