"""Parts die in the middle of a batch; nothing acknowledged is lost, nothing done twice, every case at its expected end."""
from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections import Counter
from contextlib import suppress
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
from store.verify import verify

PARTS = ("worker", "postgres", "web", "temporal")
TIMES = int(os.environ.get("KILLS", 5))
PAUSE_SECONDS = 2.5


async def test_every_part_is_killed_and_nothing_is_lost():
    with tempfile.TemporaryDirectory(prefix="juanzong-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(data_dir=Path(folder) / "var", rehearsal=True, database_url=None, temporal_address=None)
        result: dict = {}
        await run_stack(settings, until=lambda stack: _play(stack, settings, result))
    assert result["ends"] == result["expected"]
    assert result["kills"] == dict.fromkeys(PARTS, TIMES)
    assert result["lost"] == []
    assert result["twice"] == []
    assert result["faults"] == []


async def _play(stack: Stack, settings: Settings, result: dict) -> None:
    pool = await open_pool(stack.database_url)
    await pool.execute("update county_clock set driven = $1", START)
    await load(pool)
    await pool.close()
    county = County(stack.web_url, People(DATA / "county"))
    policy = yaml.safe_load((DATA / "policy" / "recognition" / "star-school-2015.yaml").read_text("utf-8"))
    batch = await recognition.open_batch(county, policy, "2026年第一批", date(2026, 3, 6))
    cases = {await recognition.apply(county, batch, s): s for s in SPRING}
    kills: Counter[str] = Counter()
    killer = asyncio.create_task(_kill(stack, kills))
    played = recognition.Batch(county, cases, recognition.leaves_of(policy), batch, *_days(2026))
    ends = await recognition.play(played, lambda case, how: None)
    await killer
    result |= {"ends": ends, "expected": {c: s.expected for c, s in cases.items()}, "kills": dict(kills)}
    await county.settle()
    await county.close()
    pool = await open_pool(stack.database_url)
    known = {r["id"].rpartition("/")[2]: r for r in await pool.fetch("select id, case_id from command")}
    result["lost"] = [key for key, got in county.acknowledged if isinstance(got, dict) and got.get("version")
                      and got["events"] and key not in known]
    result["twice"] = [tuple(r) for r in await pool.fetch(
        "select command, case_id, count(distinct entered_at) from event group by 1, 2 having count(distinct entered_at) > 1")]
    result["faults"] = [f for f in [f async for f in verify(pool, settings.data_dir / "files")] if f.case]
    await pool.close()


async def _kill(stack: Stack, kills: Counter[str]) -> None:
    """Round and round, each part as often, with whatever is in flight then."""
    for _ in range(TIMES):
        for part in PARTS:
            await asyncio.sleep(PAUSE_SECONDS)
            done = kills[part]
            while kills[part] == done:          # a part that is just being restarted is met when it lives again
                await asyncio.sleep(0.05)
                with suppress(ProcessLookupError, KeyError):
                    os.kill(stack.pids[part], signal.SIGKILL)
                    kills[part] += 1
