"""The worker's heartbeat: damaged seals do not stop it, and once a day of the county it drops what is past its time."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

import worker
from domain.kernel.refusal import Refusal
from domain.recognition.dossier import Describe
from ops import cli, doctor
from ops.settings import Settings
from store.heads import FILE, KEY, read_heads, seal, trusted
from store.retention import forget
from store.verify import verify
from tests.county import County

BOUND_SECONDS = 20


@pytest.fixture
def settings(county: County) -> Settings:
    return Settings(data_dir=county.folder, database_url=county.url, temporal_address="t:1")


@asynccontextmanager
async def beating(county: County, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Task[None]]:
    """The heart, a thousand times as fast."""
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.015)
    stop = asyncio.Event()
    heart = asyncio.create_task(worker._heartbeat(county.pool, settings, stop))
    try:
        yield heart
    finally:
        stop.set()
        await heart


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not await holds():
            await asyncio.sleep(0.01)


async def beats(county: County, n: int) -> None:
    """Until it has beaten so often."""
    for _ in range(n):
        last = await county.pool.fetchval("select at from heartbeat")
        await until(lambda last=last: county.pool.fetchval("select at > $1 from heartbeat", last))


# -- seals ----------------------------------------------------------------------------------------------------------


DAMAGE: list[Any] = [
    pytest.param(lambda f: (f / FILE).write_bytes((f / FILE).read_bytes().replace(b'"at":"20', b'"at":"19', 1)), id="a line changed"),
    pytest.param(lambda f: (f / FILE).write_bytes(b"\xff\xfe\x00\n"), id="no text"),
    pytest.param(lambda f: (f / FILE).write_bytes(b'{"at": 1}\n'), id="another type"),
    pytest.param(lambda f: (f / "heads.pub").write_bytes(b"short"), id="a public key that is none"),
    pytest.param(lambda f: (f / "heads.pub").unlink(), id="no public key"),
    pytest.param(lambda f: (f / KEY).write_bytes(b"short"), id="a private key that is none"),
]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damaged_seals_do_not_stop_the_heart(county: County, settings: Settings, damage: Any,
                                                   monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """It goes on beating and says so once; where they are mended it signs again, and would say so again."""
    await seal(county.pool, county.folder)
    whole = {p: p.read_bytes() for p in (county.folder / FILE, county.folder / "heads.pub", county.folder / KEY)}
    await county.batch()                                # something to seal
    damage(county.folder)
    with caplog.at_level(logging.ERROR, "juanzong"):
        async with beating(county, settings, monkeypatch) as heart:
            await until(lambda: asyncio.sleep(0, caplog.records))
            await beats(county, 12)
            assert not heart.done()
            assert len(caplog.records) == 1
            for path, data in whole.items():
                path.write_bytes(data)
            before = whole[county.folder / FILE]
            await until(lambda: asyncio.sleep(0, (county.folder / FILE).read_bytes() != before))
    assert "juanzong doctor" in caplog.text
    assert len(read_heads(county.folder / FILE)) == await county.pool.fetchval(
        "select (select count(*) from case_head) + (select count(*) from policy)")


async def test_the_doctor_names_damaged_seals(county: County, settings: Settings):
    assert doctor.seals(settings) == []                 # nothing is signed yet
    await seal(county.pool, county.folder)
    (good,) = doctor.seals(settings)
    assert good.ok
    (county.folder / KEY).chmod(0o644)
    assert [(f.ok, "chmod 600" in f.todo) for f in doctor.seals(settings)] == [(True, False), (False, True)]
    (county.folder / KEY).chmod(0o600)
    (county.folder / FILE).write_bytes(b"{}\n")
    (bad,) = doctor.seals(settings)
    assert not bad.ok
    assert bad.todo.startswith("请")


async def test_verify_says_which_key_it_trusted(county: County, settings: Settings, capsys: pytest.CaptureFixture[str]):
    class Args:
        heads = None
    assert await cli._verify(settings, Args()) == 0
    assert "没有签名存放的案卷头" in said(capsys)
    await seal(county.pool, county.folder)
    key = trusted(county.folder / FILE)
    assert await cli._verify(settings, Args()) == 0
    assert f"按公钥{key}核对" in said(capsys)
    (county.folder / FILE).write_bytes(b"{}\n")
    assert await cli._verify(settings, Args()) == 1
    assert "被改过或损坏" in said(capsys)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the breaks of a narrow screen."""
    return "".join(capsys.readouterr().out.split())


# -- what is past its time -----------------------------------------------------------------------------------------


async def ids(county: County) -> set[str]:
    return {r["id"] for r in await county.pool.fetch("select id from command where actor <> 'workflow'")}


async def test_A_2_an_id_is_known_for_90_days(county: County):
    """By the county's clock; then the same id is decided anew. A workflow's stay, and the log verifies as before."""
    case, clerk = await county.application(await county.batch(), "PR003"), await county.holder("applicant@PR003")
    first = await county.act(clerk, case, "record", 1, form=Describe("竹编", "语文"), id="x1")
    ours = await county.pool.fetchval("select count(*) from command where actor = 'workflow'")
    begun = await county.pool.fetchval("select at from command where id = 'x1'")
    other = {"form": Describe("剪纸", "艺术"), "id": "x1"}
    await county.pool.execute("update county_clock set driven = $1", begun + timedelta(days=90))
    assert await forget(county.pool) == 0
    assert (await county.ask(clerk, case, "record", 1, **other)).code == "id_reused"
    assert await county.ask(clerk, case, "record", 1, form=Describe("竹编", "语文"), id="x1") == first
    await county.pool.execute("update county_clock set driven = $1", begun + timedelta(days=90, seconds=1))
    assert await forget(county.pool) == 3               # of the batch, the application, and x1
    assert await ids(county) == set()
    assert await county.pool.fetchval("select count(*) from command where actor = 'workflow'") == ours > 100
    assert await county.ask(clerk, case, "record", 1, **other) == Refusal("past_deadline", "C-24")      # on its own merits
    assert [f async for f in verify(county.pool, county.folder / "files")][:-1] == []


async def test_it_is_done_on_each_new_day_of_the_county(county: County, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Also where the clock is moved by hand."""
    await county.batch()
    async with beating(county, settings, monkeypatch):
        await beats(county, 3)
        assert len(await ids(county)) == 1
        await county.pool.execute("update county_clock set driven = driven + interval '91 days'")
        await until(lambda: county.pool.fetchval("select not exists (select 1 from command where actor <> 'workflow')"))
