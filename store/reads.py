"""What pages and programs read: boxes, history, register, notices. Every answer is bounded and paged by key."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from domain.kernel.stages import Context

from . import codec
from .texts import id_of

PAGE_MAX = 100


def holders(context: Context) -> list[str]:
    """Everything that this person holds now, as the inbox keys it."""
    return [f"person@{context.actor}", *(h.key for h in context.posts)]


async def inbox(pool: asyncpg.Pool, context: Context, box: str, limit: int = PAGE_MAX) -> list[asyncpg.Record]:
    """`todo` 待办 or `claim` 待认领, the earliest due first (A-46)."""
    return await pool.fetch("select * from inbox_v1($1, $2, $3)", holders(context), box == "claim", limit)


async def inbox_counts(pool: asyncpg.Pool, context: Context) -> dict[str, int]:
    row = await pool.fetchrow("select count(*) filter (where not pool) todo, count(*) filter (where pool) claim "
                              "from task where holder = any($1)", holders(context))
    return dict(row)


async def done_by(pool: asyncpg.Pool, actor: str, before: int = 2**62, limit: int = 50) -> list[asyncpg.Record]:
    """已办: one row a case, the newest act first; `before` is the key of the page."""
    return await pool.fetch(
        "select * from (select distinct on (e.case_id) e.case_id, e.seq, e.tag, e.at, k.kind, k.subject, k.ended, k.stages "
        "from (select * from event where actor = $1 and seq < $2 order by seq desc limit 500) e "
        "join case_head k on k.id = e.case_id where k.kind not in ('person', 'organisation', 'calendars') "
        "order by e.case_id, e.seq desc) x order by seq desc limit $3", actor, before, limit)


async def cases_of(pool: asyncpg.Pool, context: Context, kind: str = "", after: str = "", limit: int = 50,
                   everything: bool = False) -> list[asyncpg.Record]:
    """Cases that somebody may see, newest number first (G-30)."""
    organisations = [h.id for h in context.posts]
    return await pool.fetch(
        "select id, kind, subject, parent, policy, version, stages, ended, next_at, opened_at, touched_at from case_head "
        "where kind not in ('person', 'organisation', 'calendars') and ($1 = '' or kind = $1) and ($2 = '' or id < $2) "
        "and ($3 or holders && $4 or subject = any($5)) order by id desc limit $6",
        kind, after, everything, holders(context), organisations, limit)


async def children(pool: asyncpg.Pool, parent: str) -> list[asyncpg.Record]:
    return await pool.fetch("select id, kind, subject, stages, ended, next_at from case_head where parent = $1 order by id",
                            parent)


async def history(pool: asyncpg.Pool, case: str, after: int = 0, limit: int = 500) -> list[dict[str, Any]]:
    """The log of a case from a version on; each event decoded, texts as references."""
    rows = await pool.fetch("select version, tag, data, at, entered_at, actor, behind, post, rule, command, hash from event "
                            "where case_id = $1 and version > $2 order by version limit $3", case, after, limit)
    return [{**dict(r), "event": codec.event_of(r["tag"], r["data"])} for r in rows]


async def texts(pool: asyncpg.Pool, references: Iterable[str]) -> dict[str, str]:
    """Reference → words; erased ones read (已删除) (G-28)."""
    wanted = {id_of(r): r for r in references if r}
    rows = await pool.fetch("select id, body from text_body where id = any($1)", list(wanted))
    return {wanted[r["id"]]: r["body"] if r["body"] is not None else "(已删除)" for r in rows}


async def names(pool: asyncpg.Pool, people: Iterable[str]) -> dict[str, str]:
    rows = await pool.fetch("select id, name from vault_person where id = any($1)", list(set(people)))
    return {r["id"]: r["name"] for r in rows}


async def organisations(pool: asyncpg.Pool, ids: Iterable[str]) -> dict[str, str]:
    rows = await pool.fetch("select id, state from case_head where kind = 'organisation' and id = any($1)", list(set(ids)))
    return {r["id"]: codec.state_of(r["state"]).facts.name for r in rows}


async def register(pool: asyncpg.Pool, now: datetime) -> list[dict[str, Any]]:
    """名册 (R-62): every title with its state today, ours and those from before."""
    out = []
    for r in await pool.fetch("select id, state from case_head where kind = 'organisation'"):
        school = codec.state_of(r["state"]).facts
        for t in school.titles:
            state = "有效" if t.since <= now.date() <= t.until else "已到期" if t.until < now.date() else "未生效"
            out.append({"school": school.name, "organisation": r["id"], "programme": t.programme, "level": t.level,
                        "since": t.since.isoformat(), "until": t.until.isoformat(), "state": state,
                        "certificate": t.certificate, "case": t.case})
    return sorted(out, key=lambda t: (t["programme"], -t["level"], t["organisation"], t["since"]))


async def by_code(pool: asyncpg.Pool, code: str) -> dict[str, Any] | None:
    """The register line behind a certificate's code (R-60)."""
    rows = await pool.fetch("select case_id, data from event where tag = 'star.title_conferred.v1' and "
                            "position($1::bytea in data) > 0", code.encode()) if code.isalnum() else []
    for r in rows:
        event = codec.event_of("star.title_conferred.v1", r["data"])
        if event.code == code:
            subject = await pool.fetchval("select subject from case_head where id = $1", r["case_id"])
            return {"case": r["case_id"], "organisation": subject, "document": event.document, "level": event.level,
                    "certificate": event.certificate, "since": event.since, "until": event.until}
    return None


async def notices(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    """公示 (R-50): every notice of every batch, newest first, with where each candidate stands."""
    rows = await pool.fetch(
        "select e.case_id, e.data, e.at, k.state, k.policy from event e join case_head k on k.id = e.case_id "
        "where e.tag = 'batch.notice_up.v1' order by e.at desc limit 50")
    out = []
    for r in rows:
        notice, batch = codec.event_of("batch.notice_up.v1", r["data"]), codec.state_of(r["state"])
        stands = {c: batch.children[c] for c in notice.children}
        out.append({
            "number": notice.number, "batch": r["case_id"], "title": batch.facts.title, "at": r["at"], "file": notice.file,
            "policy": r["policy"], "candidates": [
                {"case": c, "subject": s.subject, "level": s.level, "total_cp": s.total_cp, "stands": s.what, "by": s.by}
                for c, s in stands.items()]})
    return out


def references_in(events: Sequence[Any]) -> list[str]:
    """Every text reference that these events hold."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            if len(value) == 97 and value[32] == ".":
                found.append(value)
        elif isinstance(value, (tuple, list)):
            for v in value:
                walk(v)
    for event in events:
        for value in vars(event).values():
            walk(value)
    return found
