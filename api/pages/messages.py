"""消息. What somebody was told: what was sent to them, and reminders of what is still theirs to do (A-42)."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from domain.kernel.events import ReminderDue, RungTaken
from store import reads

from . import drafts, words
from .inbox import Row, Tab, stand_rows
from .render import day_words, local, weekday
from .shell import Page, Reader, posted, said, see_other

router = APIRouter()
READ = "messages"                           # the draft that keeps until when somebody has read
TOLD = {"visit_fixed": "考察日和考察组名单已定", "conferment": "已认定，证书可以下载", "letter": "不予认定告知书已送达",
        "papers": "会议材料已备好，请会前看完"}


@dataclass(frozen=True)
class Message:
    words: str
    case: str
    at: datetime


@dataclass(frozen=True)
class Day:
    words: str
    rows: tuple[tuple[Message, Row], ...]


async def of(page: Page) -> tuple[list[Message], list[Message]]:
    """New ones and read ones, the newest first."""
    sent = [Message(TOLD.get(r["what"], "有新的文书"), r["case_id"], r["at"])
            for r in await reads.messages(page.pool, page.holders)]
    sent += [Message(told, r["case_id"], r["entered_at"]) for r in await reads.reminders(page.pool, page.holders)
             if (told := _reminder(page, r))]
    once = {(m.case, m.words): m for m in sorted(sent, key=lambda m: m.at)}     # two seats of one person: reminded once
    sent = sorted(once.values(), key=lambda m: m.at, reverse=True)
    body, _ = await drafts.find(page.pool, page.me, "", READ)
    until = _moment((body.get("until") or [""])[0])
    return [m for m in sent if not until or m.at > until], [m for m in sent if until and m.at <= until]


def _reminder(page: Page, r: Mapping[str, Any]) -> str:
    """The words of a reminder of this very task; "" for another's."""
    event, procedure = r["event"], page.door.procedures[r["kind"]]
    if event.visit != r["visit"]:
        return ""
    stage = words.stage_words(procedure, r["stage"])
    match event:
        case ReminderDue(key=key, workdays=n) if key in ("", r["seat"]):
            return f"提醒：{stage}还剩{n}个工作日到期" if n else f"提醒：{stage}今天到期"
        case RungTaken(key=key) if key.startswith("co_sign/"):
            return "提醒：会签的天数已过，请会签"
    return ""


def _moment(typed: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return at if at.tzinfo else None


@router.get("/messages")
async def messages(page: Reader, box: str = "") -> HTMLResponse:
    """By day; the new ones, or those read."""
    new, old = await of(page)
    shown = old if box == "read" else new
    rows = await stand_rows(page, [m.case for m in shown], [m.at for m in shown])
    days = [Day(f"{day_words(day, day.year == page.today.year)}，{weekday(day)}", tuple(pairs)) for day, pairs in groupby(
        zip(shown, rows, strict=True), lambda pair: local(pair[0].at).date())]
    tabs = [Tab("", "新消息", "/messages", len(new), box != "read"),
            Tab("", "已读", "/messages?box=read", len(old), box == "read")]
    return page.html("messages.html", days=days, boxes=tabs, read=box == "read", command=page.new_command(),
                     until=shown[0].at.isoformat() if shown else "")


@router.post("/messages")
async def read_all(page: Reader, request: Request) -> Response:
    """全部标为已读, up to the newest that was shown."""
    form = await posted(request, page)
    if _moment(said(form, "until")):
        await drafts.save(page.pool, page.me, "", READ, {"until": [said(form, "until")]})
    return see_other("/messages")
