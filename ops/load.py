"""`juanzong load`: people, posts, ties, schools, calendars and policies from a folder of files, through the door.

Loading again adds only what is missing: each row's command id is made from what it says.
"""
from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import yaml

from domain.kernel.acts import Act
from domain.kernel.refusal import Refusal
from domain.kernel.stages import WORKFLOW
from domain.recognition.policy import read_policy
from domain.registers.calendars import PublishCalendar
from domain.registers.organisation import EnterTitle, Register
from domain.registers.person import ConfirmTies, EnterPerson, EnterRelation, GivePost, ListExpert
from store.door import Command, Door

DATA = Path(__file__).parent.parent / "data"
AT_ONCE = 8
NATIONAL = ("2025", "2026")
"""The published years; others in the folder are for rehearsals and are published on their day."""


class LoadFailed(RuntimeError):
    """A row that the door refuses, with its file and the reason."""


async def load(pool: asyncpg.Pool, folder: Path = DATA) -> dict[str, int]:
    """Load a county; returns the number of rows by kind. Raises LoadFailed at the first row that is refused."""
    door = Door(pool)
    counts = {"policies": await load_policies(pool, folder / "policy")}
    counts["calendars"] = await _all(door, list(_calendars(folder / "policy" / "calendar")))
    county = folder / "county"
    for name, rows in (("organisations", _organisations(county)), ("people", _people(county)),
                       ("titles", _titles(county)), ("posts", _posts(county))):
        counts[name] = await _all(door, list(rows))
    await _vault(pool, county)
    return counts


async def _all(door: Door, rows: list[Command]) -> int:
    """Rows of one case in their order, cases beside each other."""
    by_case: dict[str, list[Command]] = {}
    for row in rows:
        by_case.setdefault(row.case or row.new_id, []).append(row)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(commands: list[Command]) -> None:
        async with gate:
            for command in commands:
                await _do(door, command)
    await asyncio.gather(*(one(c) for c in by_case.values()))
    return len(rows)


async def _do(door: Door, command: Command) -> None:
    got = await door.handle(command)
    if isinstance(got, Refusal) and got.code != "duplicate":
        raise LoadFailed(f"{command.case or command.new_id}：{got.code} {got.rule} {dict(got.detail)}")


def _opens(kind: str, new_id: str, form: Any) -> Command:
    return Command(f"load/{kind}/{new_id}", WORKFLOW, Act("open", form=form), kind=kind, subject=new_id, new_id=new_id)


def _hears(case: str, form: Any) -> Command:
    return Command(f"load/{case}/{sha256(msgspec.json.encode([form.tag, form])).hexdigest()[:24]}", WORKFLOW,
                   Act("hear", form=form), case)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _calendars(folder: Path) -> Iterator[Command]:
    for n, path in enumerate(sorted(p for p in folder.glob("[0-9]*.yaml") if p.stem in NATIONAL)):
        form = calendar_form(yaml.safe_load(path.read_text("utf-8")))
        yield _opens("calendars", "calendars", form) if n == 0 else _hears("calendars", form)


def calendar_form(data: Mapping[str, Any]) -> PublishCalendar:
    """The form that publishes a calendar file's year (C-1)."""
    return PublishCalendar(data["title"], data["document_number"], tuple(h["date"] for h in data["holidays"]),
                           tuple(h["date"] for h in data["makeup_workdays"]), national_to=date(data["year"], 12, 31))


def _organisations(county: Path) -> Iterator[Command]:
    schools = {r["school_id"]: r for r in _rows(county / "schools.csv")}
    for r in _rows(county / "organisations.csv"):
        s = schools.pop(r["org_id"], None)
        yield _opens("organisation", r["org_id"], _school(s) if s else Register(
            r["name"].removesuffix("(虚构)"), r["kind"], parent=r["parent_id"]))
    for school_id, s in schools.items():
        yield _opens("organisation", school_id, _school(s))


def _school(s: Mapping[str, str]) -> Register:
    return Register(s["name"], s["kind"], s["district_id"], s["parent_school_id"], s["town"], int(s["founded_year"]))


def _titles(county: Path) -> Iterator[Command]:
    for s in _rows(county / "schools.csv"):
        if s["star_programme"] and s["star_valid_to"]:
            yield _hears(s["school_id"], EnterTitle(s["star_programme"], int(s["star_level"]), _day(s["star_since"]),
                                                    _day(s["star_valid_to"])))


def _people(county: Path) -> Iterator[Command]:
    for r in _rows(county / "people.csv"):
        yield _opens("person", r["person_id"], EnterPerson("" if r["org_id"].startswith(("BUREAU", "SC")) else r["org_id"]))


def _posts(county: Path) -> Iterator[Command]:
    for r in _rows(county / "posts.csv"):
        yield _hears(r["person_id"], GivePost(r["post_code"], r["org_id"], _day(r["valid_from"]), _day(r["valid_to"])))
    for r in _rows(county / "relations.csv"):
        yield _hears(r["person_id"], EnterRelation(r["kind"], r["other_person_id"], r["org_id"], _day(r["since"]),
                                                   _day(r["until"])))
    for r in _rows(county / "experts.csv"):
        yield _hears(r["person_id"], ListExpert(
            tuple(r["programmes"].split("、")), tuple(r["subjects"].split("、")), _day(r["available_from"]),
            _day(r["available_to"]), int(r["cases_per_batch_max_count"]), r["outside_bureau"] == "yes", r["district_id"]))
    for r in _rows(county / "tie_confirmations.csv"):
        yield _hears(r["person_id"], ConfirmTies(_day(r["confirmed_on"])))


async def load_policies(pool: asyncpg.Pool, folder: Path) -> int:
    """Every programme file, checked first; a version that is there already is left alone."""
    n = 0
    for path in sorted((folder / "recognition").glob("*-20*.yaml")):
        body = path.read_bytes()
        data = yaml.safe_load(body)
        read_policy(data)
        await pool.execute("insert into policy values ($1, 'recognition', $2, now()) on conflict do nothing",
                           data["id"], body)
        n += 1
    return n


async def _vault(pool: asyncpg.Pool, county: Path) -> None:
    """Names, phones and logins stand outside the events (G-24)."""
    await pool.executemany("insert into vault_person values ($1, $2, $3, $4) on conflict do nothing",
                           [(r["person_id"], r["name"], r["mobile"], r["login"]) for r in _rows(county / "people.csv")])
