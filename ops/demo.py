"""`juanzong demo`: a county works on the rehearsal clock, through the public HTTP API, and is then open to look at."""
from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import yaml
from rich.console import Console
from rich.table import Table

from ops.load import DATA, load
from ops.settings import Settings
from ops.stack import Stack, run_stack
from ops.supervisor import WORDS, CannotStart
from rehearsal import recognition
from rehearsal.client import COUNTY, County, People
from rehearsal.stories import AUTUMN, SPRING, Story
from store.database import open_pool
from store.heads import seal
from store.verify import verify

START = datetime(2026, 2, 24, 9, tzinfo=COUNTY)
BATCHES: tuple[tuple[datetime, str, str, date, Sequence[Story]], ...] = (
    (START, "star-school-2015", "2026年第一批", date(2026, 3, 6), SPRING),
    (datetime(2026, 9, 21, 9, tzinfo=COUNTY), "star-school-2026", "2026年第二批", date(2026, 10, 12), AUTUMN),
)
"""When, under which rules, what it is called, until when one may apply, who does."""
BUILD = Path("build")
console = Console(highlight=False)


async def demo(settings: Settings, stop: bool = False, family: str = "") -> int:
    """Play; then stay open, or with `stop` write build/demo.json and end. 0 only if every case ended as expected."""
    if family not in ("", "recognition"):
        console.print(f"没有这一类：{family}。现有：recognition")
        return 2
    folder = settings.data_dir / "demo"
    if folder.exists():
        shutil.rmtree(folder)
    own = settings.model_copy(update={"data_dir": folder, "rehearsal": True, "database_url": None,
                                      "temporal_address": None})
    status: list[int] = []

    async def until(stack: Stack) -> None:
        async with await open_pool(stack.database_url) as pool:
            status.append(await _play(own, stack, pool))
        if not stop:
            console.print(f"\n门户已打开：[bold]{stack.web_url}[/bold]　以任何人进入，看每一案的经过。按 Ctrl-C 结束。",
                          soft_wrap=True)
            await asyncio.Event().wait()
    try:
        await run_stack(own, on_state=lambda p: console.print(f"[dim]{p.name} {WORDS[p.state]}[/dim]"), until=until)
    except CannotStart as error:
        console.print(f"[red]{error}[/red]")
        return 1
    return status[0] if status else 1


async def _play(settings: Settings, stack: Stack, pool: asyncpg.Pool) -> int:
    began = time.monotonic()
    await pool.execute("update county_clock set driven = $1", START)
    counts = await load(pool)
    console.print("已导入：" + "，".join(f"{k} {n}" for k, n in counts.items()))
    people = People(DATA / "county")
    county = County(stack.web_url, people)
    rows: list[dict[str, Any]] = []
    before = date(2000, 1, 1)
    for starts, policy_id, title, last_day, stories in BATCHES:
        await county.move(starts)
        n = await recognition.enter_history(county, before, starts.date())
        before = starts.date()
        policy = yaml.safe_load((DATA / "policy" / "recognition" / f"{policy_id}.yaml").read_text("utf-8"))
        batch_id = await recognition.open_batch(county, policy, title, last_day)
        cases = {await recognition.apply(county, batch_id, story): story for story in stories}
        console.print(f"[bold]{title}[/bold]（{policy['document_number']}）：{len(cases)}所学校申报，登记往事{n}件。")
        console.print(f"现在就可以看：{stack.web_url}", soft_wrap=True)
        off, on = _days(starts.year)
        batch = recognition.Batch(county, cases, recognition.leaves_of(policy), batch_id, off, on,
                                  report=lambda text: console.print(f"[dim]{text}[/dim]"))

        def ended(case: str, how: str, cases: dict[str, Story] = cases) -> None:
            console.print(f"  {case} {people.schools[cases[case].school]['name']}：{cases[case].name} → {how}")
        ends = await recognition.play(batch, ended)
        for case, story in cases.items():
            rows.append(await _row(county, case, story, ends.get(case, "")))
    await county.close()
    await seal(pool, settings.data_dir, settings.seal_key)
    faults = [f async for f in verify(pool, settings.data_dir / "files", settings.data_dir / "heads.jsonl")]
    events = faults.pop().version
    return _report(rows, faults, events, time.monotonic() - began)


async def _row(county: County, case: str, story: Story, ended: str) -> dict[str, Any]:
    """What the demo claims of one case, and whether its log holds what makes the story."""
    tags: dict[str, int] = {}
    after = 0
    while after is not None:
        page = await county.get(recognition.AUDITOR, f"/api/cases/{case}/history", after=after)
        for e in page["events"]:
            tags[e["tag"]] = tags.get(e["tag"], 0) + 1
        after = page["next"]
    missing = [tag for tag, least in story.proof if tags.get(tag, 0) < least]
    return {"family": "recognition", "story": f"{story.school} {story.name}", "expected": story.expected, "ended": ended,
            "acts": county.acts.get(case, 0), "case": case, "missing": missing}


def _report(rows: list[dict[str, Any]], faults: list[Any], events: int, seconds: float) -> int:
    table = Table("案号", "故事", "应为", "实为", "办理")
    for r in rows:
        good = r["expected"] == r["ended"] and not r["missing"]
        mark = "" if good else " ✗ " + "、".join(r["missing"])
        table.add_row(r["case"], r["story"], r["expected"], r["ended"] + mark, str(r["acts"]))
    console.print(table)
    for f in faults:
        console.print(f"[red]{f.case} 第{f.version}条：{f.what}[/red]")
    verdict = "无误" if not faults else f"有{len(faults)}处不对"
    console.print(f"{len(rows)}件，{events}条记录，核验{verdict}，用时{seconds:.0f}秒。")
    BUILD.mkdir(exist_ok=True)
    (BUILD / "demo.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")
    wrong = [r for r in rows if r["expected"] != r["ended"] or r["missing"]]
    return 1 if wrong or faults else 0


def _days(year: int) -> tuple[frozenset[date], frozenset[date]]:
    data = yaml.safe_load((DATA / "policy" / "calendar" / f"{year}.yaml").read_text("utf-8"))
    return frozenset(h["date"] for h in data["holidays"]), frozenset(h["date"] for h in data["makeup_workdays"])
