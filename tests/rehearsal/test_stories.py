"""The spring batch of the demo, whole, through the HTTP API in this process, with its workflows' duties done at once."""
from __future__ import annotations

from datetime import date

import httpx
import pytest
import yaml

from api.app import build
from ops.demo import _days, _row
from ops.load import DATA
from ops.settings import Settings
from rehearsal import client, recognition
from rehearsal.stories import AUTUMN, SPRING
from store.verify import verify
from tests.county import County


class Here(client.County):
    """The rehearsal's people against the application in this process; nothing runs beside it."""
    county: County

    async def settle(self) -> None:
        await self.county.settle()


@pytest.fixture
async def here(county: County):
    app = build(Settings(data_dir=county.folder, database_url=county.url, rehearsal=True), county.pool)
    one = Here("http://county.example", client.People(DATA / "county"), httpx.ASGITransport(app))
    one.county = county
    yield one
    await one.close()


async def test_the_spring_batch_ends_as_written(here: Here):
    policy = yaml.safe_load((DATA / "policy" / "recognition" / "star-school-2015.yaml").read_text("utf-8"))
    await recognition.enter_history(here, date(2000, 1, 1), date(2026, 2, 24))
    batch = await recognition.open_batch(here, policy, "2026年第一批", date(2026, 3, 6))
    cases = {await recognition.apply(here, batch, s): s for s in SPRING}
    ends = await recognition.play(recognition.Batch(here, cases, recognition.leaves_of(policy), batch, *_days(2026)),
                                  lambda case, how: None)
    assert ends == {case: story.expected for case, story in cases.items()}
    rows = [await _row(here, case, story, ends[case]) for case, story in cases.items()]
    assert [r["missing"] for r in rows] == [[] for _ in rows]
    faults = [f async for f in verify(here.county.pool, here.county.folder / "files")]
    assert [f for f in faults if f.case] == []
    titles = await here.get(recognition.AUDITOR, "/api/register")
    assert [t["organisation"] for t in titles if t["certificate"]] == [
        s.school for s in SPRING if s.expected == "recognised"]
    notices = await here.get(recognition.AUDITOR, "/api/notices")
    assert [len(n["candidates"]) for n in notices] == [2]


def test_the_stories_cover_what_the_demo_promises():
    quirks = {q for s in (*SPRING, *AUTUMN) for q in s.quirks}
    assert {"return", "third", "veto", "blocked", "floor", "lose_vote", "withdraw", "lapse", "defer"} <= quirks
    assert {s.expected for s in (*SPRING, *AUTUMN)} == {"recognised", "refused", "deferred", "withdrawn", "lapsed"}
    assert len(AUTUMN) >= 20
