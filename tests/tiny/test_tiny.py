"""The test of the kernel: a procedure of three rows runs through door, API, workflow and pages, with nothing else changed."""
from __future__ import annotations

from datetime import date, timedelta

import httpx
import pytest

from api.app import build
from domain.kernel.acts import Act
from domain.kernel.stages import WORKFLOW
from domain.procedures import PROCEDURES
from domain.registers.person import EnterPerson, GivePost
from ops.settings import Settings
from store.door import Command
from store.verify import verify
from tests.county import County
from tests.tiny.procedure import DOCUMENT

WITH_TINY = {**PROCEDURES, DOCUMENT.kind: DOCUMENT}
PEOPLE = {"drafter": "T1", "checker": "T2", "leader": "T3", "registry": "T4"}


@pytest.fixture
async def office(county: County):
    """A county that serves documents, four people, and a client for each."""
    own = County(county.pool, county.folder, county.url, WITH_TINY)
    for kind, who in PEOPLE.items():
        await own.door.handle(Command(f"t/{who}", WORKFLOW, Act("open", form=EnterPerson()), kind="person", subject=who, new_id=who))
        await own.door.handle(Command(f"t/{who}/p", WORKFLOW, Act("hear", form=GivePost(kind, "ORG", date(2020, 1, 1))), who))
    app = build(Settings(data_dir=county.folder, database_url=county.url, rehearsal=True), county.pool, WITH_TINY)
    clients = {}
    for kind, who in PEOPLE.items():
        clients[kind] = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://county.example")
        (await clients[kind].post("/api/rehearsal/switch", json={"person": who})).raise_for_status()
    yield own, clients
    for client in clients.values():
        await client.aclose()


async def _act(client: httpx.AsyncClient, case: str, verb: str, visit: int, seat: str, **more) -> httpx.Response:
    return await client.post(f"/api/cases/{case}/acts", json={"verb": verb, "visit": visit, "seat": seat, **more})


async def test_from_draft_to_signature_over_http(office):
    own, clients = office
    got = (await clients["drafter"].post("/api/cases", json={"kind": "document", "subject": "ORG"})).json()
    case = got["case"]
    assert case == "签2026-001"
    write = {"type": "write", "text": "关于清明节放假的通知"}
    assert (await _act(clients["drafter"], case, "agree", 1, "drafter", form=write)).status_code == 200
    back = await _act(clients["checker"], case, "return", 2, "checker", to="draft", opinion="日期写错了。")
    assert back.json()["stages"] == ["draft"]
    assert (await _act(clients["drafter"], case, "agree", 3, "drafter", form=write)).status_code == 200
    assert (await _act(clients["checker"], case, "agree", 4, "checker")).json()["stages"] == ["sign"]
    assert (await _act(clients["leader"], case, "agree", 5, "leader")).json()["ended"] == "signed"
    history = (await clients["registry"].get(f"/api/cases/{case}/history")).json()
    assert "日期写错了。" in history["texts"].values()
    faults = [f async for f in verify_with(own)]
    assert faults == []


async def verify_with(own: County):
    async for fault in verify(own.pool, procedures=WITH_TINY):
        if fault.case:
            yield fault


async def test_the_limit_escalates_and_the_draft_lapses(office):
    """Clocks alone: nobody has to come by."""
    own, clients = office
    case = (await clients["drafter"].post("/api/cases", json={"kind": "document", "subject": "ORG"})).json()["case"]
    other = (await clients["drafter"].post("/api/cases", json={"kind": "document", "subject": "ORG"})).json()["case"]
    await _act(clients["drafter"], case, "agree", 1, "drafter", form={"type": "write", "text": "通知"})
    await own.settle()
    await own.move((await own.door.who("T1")).now + timedelta(days=20))
    assert (await own.read(other)).case.ended == "lapsed"
    seats = {s.key for s in (await own.read(case)).case.open[0].seats}
    assert seats == {"checker", "checker^"}
    assert (await _act(clients["leader"], case, "agree", 2, "checker^")).json()["stages"] == ["sign"]
    refused = await _act(clients["leader"], case, "agree", 3, "leader")
    assert (refused.status_code, refused.json()["code"]) == (403, "separation")


async def test_its_pages_need_no_line(office):
    _, clients = office
    case = (await clients["drafter"].post("/api/cases", json={"kind": "document", "subject": "ORG"})).json()["case"]
    for path in ("/inbox", f"/cases/{case}"):
        page = await clients["drafter"].get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200, (path, page.text[:300])
        assert case in page.text
