"""存稿 (A-36). What somebody typed and has not sent: for that person only, no fact."""
from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

Posted = dict[str, list[str]]
BYTES_MAX = 200_000
CARD = "act"                            # the act card of a case page
OWN_PAGES = ((r"/cases/([^/]+)/dossier/([A-Za-z]+)", "dossier/{}"), (r"/reviews/([^/]+)()", "sheet-typed"),
             (r"/cases/([^/]+)/panel()", "site-typed"))
"""Pages with a draft of their own: the path with case and group, the draft's key."""
NOT_KEPT = ("csrf", "command", "saw", "step")


async def save(pool: asyncpg.Pool, person: str, case: str, form: str, body: dict[str, list[str]]) -> None:
    """One draft a person, case and form; the newest wins. Too long ones are let go."""
    text = json.dumps({k: v for k, v in body.items() if k not in NOT_KEPT and any(v)}, ensure_ascii=False)
    if len(text.encode()) <= BYTES_MAX:
        await pool.execute("insert into draft values ($1, $2, $3, $4, county_now()) on conflict (person, case_id, form) "
                           "do update set body = excluded.body, at = excluded.at", person, case, form, text)


async def find(pool: asyncpg.Pool, person: str, case: str, form: str) -> tuple[dict[str, list[str]], datetime | None]:
    row = await pool.fetchrow("select body, at from draft where person = $1 and case_id = $2 and form = $3",
                              person, case, form)
    return (json.loads(row["body"]), row["at"]) if row else ({}, None)


async def drop(pool: asyncpg.Pool, person: str, case: str, *forms: str) -> None:
    await pool.execute("delete from draft where person = $1 and case_id = $2 and form = any($3)", person, case, list(forms))


def as_lists(form: Any) -> Posted:
    """The text fields of a POST, each with all its values."""
    out: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            out.setdefault(name, []).append(value)
    return out


def key(verb: str, visit: int | str, seat: str = "", form: str = "") -> str:
    """Which draft a form page has."""
    return f"{verb}/{visit}/{seat}/{form}"


async def keep_typed(pool: asyncpg.Pool, person: str, url: str, typed: str) -> None:
    """After a new sign-in: what had been typed when the old one was gone becomes the draft of that page."""
    path = unquote(urlsplit(url).path)
    at, card = re.fullmatch(r"/cases/([^/]+)/acts/([a-z_]+)", path), re.fullmatch(r"/cases/([^/]+)", path)
    try:
        body = json.loads(typed)
    except ValueError:
        return
    own = next(((m[1], form.format(m[2])) for pattern, form in OWN_PAGES if (m := re.fullmatch(pattern, path))), None)
    if not (at or card or own) or not isinstance(body, dict) or not all(isinstance(v, list) for v in body.values()):
        return
    if own:
        await save(pool, person, *own, body)
        return
    if card:
        await save(pool, person, card[1], CARD, body)
        return
    assert at
    asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    await save(pool, person, at[1], key(at[2], asked.get("visit", "0"), asked.get("seat", ""), asked.get("form", "")), body)
