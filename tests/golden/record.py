"""Records workflow histories from a small rehearsal: `python -m tests.golden.record`. Run when a workflow changes on purpose.

The histories hold ids and times only, so that they may be kept beside the tests.
"""
from __future__ import annotations

import asyncio
import re
import tempfile
from datetime import date
from pathlib import Path

import yaml

from ops.demo import START, _days
from ops.load import DATA, load
from ops.settings import Settings
from ops.stack import Stack, run_stack
from rehearsal import recognition
from rehearsal.client import County, People
from rehearsal.stories import SPRING
from store.database import open_pool
from worker import connect

HERE = Path(__file__).parent


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="juanzong-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(data_dir=Path(folder) / "var", rehearsal=True, database_url=None, temporal_address=None)

        async def until(stack: Stack) -> None:
            pool = await open_pool(stack.database_url)
            await pool.execute("update county_clock set driven = $1", START)
            await load(pool)
            await pool.close()
            county = County(stack.web_url, People(DATA / "county"))
            policy = yaml.safe_load((DATA / "policy" / "recognition" / "star-school-2015.yaml").read_text("utf-8"))
            batch = await recognition.open_batch(county, policy, "2026年第一批", date(2026, 3, 6))
            cases = {await recognition.apply(county, batch, s): s for s in SPRING}
            await recognition.play(recognition.Batch(county, cases, recognition.leaves_of(policy), batch, *_days(2026)),
                                   lambda case, how: None)
            await county.close()
            client = await connect(settings.model_copy(update={"temporal_address": stack.temporal_address}))
            for name, case in [("batch-2015", batch), *((f"star-{s.school}", c) for c, s in cases.items())]:
                history = await client.get_workflow_handle(case).fetch_history()
                (HERE / f"history-{name}.json").write_text(
                    re.sub(r'"identity": *"[^"]*"', '"identity": "worker"', history.to_json()), "utf-8")
        await run_stack(settings, until=until)


if __name__ == "__main__":
    asyncio.run(main())
