"""The people of a county as HTTP clients, each with an own session; and the county's clock."""
from __future__ import annotations

import asyncio
import csv
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

COUNTY = timezone(timedelta(hours=8))
SETTLE_SECONDS = 60
TRIES = 60                                  # two minutes: parts that die one after the other come back in less


class Unexpected(Exception):
    """The server answered what the story does not allow for."""


class Refused(Exception):
    """A problem document: its code and sentence."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem.get('code')}: {problem.get('detail')} {problem.get('about', '')} "
                         f"{problem.get('fields', '')}")
        self.code = str(problem.get("code"))


class People:
    """Who holds which post on which day, from the county's list."""

    def __init__(self, folder: Path) -> None:
        with (folder / "posts.csv").open(encoding="utf-8-sig", newline="") as file:
            self.posts = list(csv.DictReader(file))
        with (folder / "schools.csv").open(encoding="utf-8-sig", newline="") as file:
            self.schools = {r["school_id"]: r for r in csv.DictReader(file)}
        with (folder / "school_history.csv").open(encoding="utf-8-sig", newline="") as file:
            self.history = list(csv.DictReader(file))

    def holding(self, kind: str, organisation: str, day: date) -> list[str]:
        return [p["person_id"] for p in self.posts if p["post_code"] == kind and organisation in ("", p["org_id"])
                and p["valid_from"] <= day.isoformat() and (not p["valid_to"] or day.isoformat() <= p["valid_to"])]

    def of(self, holder: str, day: date) -> list[str]:
        """The people behind a holder such as `principal@PR003` or `person@P00360`."""
        kind, _, organisation = holder.partition("@")
        return [organisation] if kind == "person" else self.holding(kind, organisation, day)


class County:
    """Everybody's sessions, the clock, and a count of what was done in each case."""

    def __init__(self, url: str, people: People, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url, self.people, self.transport = url, people, transport
        self.now = datetime(2026, 2, 24, 9, tzinfo=COUNTY)
        self.acts: dict[str, int] = {}
        self.acknowledged: list[tuple[str, Any]] = []       # id and receipt of every command that was answered
        self._sessions: dict[str, httpx.AsyncClient] = {}
        self._signing_in = asyncio.Lock()
        self._limits = httpx.Limits(max_connections=8)

    async def close(self) -> None:
        for client in self._sessions.values():
            await client.aclose()

    async def session(self, person: str) -> httpx.AsyncClient:
        async with self._signing_in:
            if person not in self._sessions:
                client = httpx.AsyncClient(base_url=self.url, timeout=60, limits=self._limits, transport=self.transport)
                _body(await _again(lambda: client.post("/api/rehearsal/switch", json={"person": person}), person))
                self._sessions[person] = client
        return self._sessions[person]

    async def get(self, person: str, path: str, **params: Any) -> Any:
        client = await self.session(person)
        return _body(await _again(lambda: client.get(path, params=params), path))

    async def post(self, person: str, path: str, body: Any) -> Any:
        """A command under a new id; sent again with the same id where the answer was lost."""
        client, headers = await self.session(person), {"Idempotency-Key": str(uuid.uuid4())}
        got = _body(await _again(lambda: client.post(path, json=body, headers=headers), path))
        self.acknowledged.append((headers["Idempotency-Key"], got))
        return got

    async def act(self, person: str, case: str, verb: str, visit: int = 0, seat: str = "", **more: Any) -> Any:
        got = await self.post(person, f"/api/cases/{case}/acts", {"verb": verb, "visit": visit, "seat": seat, **more})
        self.acts[case] = self.acts.get(case, 0) + 1
        return got

    async def upload(self, person: str, name: str, content: bytes) -> str:
        client = await self.session(person)
        return _body(await _again(lambda: client.post("/api/files", params={"name": name}, content=content), name))["hash"]

    # -- time ------------------------------------------------------------------------------------------------

    async def move(self, to: datetime) -> None:
        """Move the county's clock and wait until every workflow has seen it."""
        self.now = to
        async with httpx.AsyncClient(base_url=self.url, timeout=30, transport=self.transport) as client:
            _body(await _again(lambda: client.post("/api/rehearsal/clock", json={"to": to.isoformat()}), "clock"))
        await self.settle()

    async def settle(self) -> None:
        """Until nothing is due and every change has been read, twice in a row."""
        quiet = 0
        async with httpx.AsyncClient(base_url=self.url, timeout=30, transport=self.transport) as client:
            for _ in range(int(SETTLE_SECONDS / 0.06)):
                state = _body(await _again(lambda: client.get("/api/rehearsal/state"), "state"))
                quiet = quiet + 1 if not any(state.values()) else 0
                if quiet >= 2:
                    return
                await asyncio.sleep(0.06)
        raise Unexpected(f"the system does not come to rest: {state}")


async def _again(ask: Callable[[], Awaitable[httpx.Response]], what: str) -> httpx.Response:
    """The answer, asked for again where it was lost or the system was just recovering."""
    for again in range(TRIES):
        try:
            answer = await ask()
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code != 503:
            return answer
        await asyncio.sleep(min(2.0, 0.2 * (again + 1)))
    raise Unexpected(f"{what}: no answer")


def _body(answer: httpx.Response) -> Any:
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        raise Refused(answer.json())
    if answer.status_code >= 400:
        raise Unexpected(f"{answer.status_code} {answer.url} {answer.text[:300]}")
    return answer.json() if answer.content else None
