"""What pages and programs read: boxes, history, register, notices. Every answer is bounded and paged by key."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import yaml

from domain.kernel.stages import Context

from . import codec
from .texts import id_of, references

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
        "from (select * from event where actor = $1 and actor <> 'system' and seq < $2 order by seq desc limit 500) e "
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


async def history(pool: asyncpg.Pool, case: str, after: int = 0, limit: int = 500,
                  tags: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The log of a case from a version on, or only events of some tags; each decoded, texts as references."""
    rows = await pool.fetch("select version, tag, data, at, entered_at, actor, behind, post, rule, command, hash from event "
                            "where case_id = $1 and version > $2 and ($4::text[] is null or tag = any($4)) "
                            "order by version limit $3", case, after, limit, tags)
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


async def outages(pool: asyncpg.Pool) -> list[Any]:
    """停机清单 (C-39): every outage, newest first, with the clocks that ran out in it."""
    rows = await pool.fetch("select data from event where case_id = 'calendars' and tag = 'calendar.outage_recorded.v1' "
                            "order by version desc limit 50")
    return [codec.event_of("calendar.outage_recorded.v1", r["data"]) for r in rows]


def references_in(events: Sequence[Any]) -> list[str]:
    """Every text reference that these events hold."""
    return [r for event in events for r in references(event)]


# -- for pages -----------------------------------------------------------------------------------------------


async def registers_mark(pool: asyncpg.Pool) -> tuple[int, ...]:
    """Changes whenever a person or an organisation does."""
    return tuple(await pool.fetchrow("select count(*), coalesce(sum(version), 0), (select count(*) from vault_person) "
                                     "from case_head where kind in ('person', 'organisation')"))


async def registers(pool: asyncpg.Pool) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
    """Names of people, people by id, organisations by id."""
    rows = await pool.fetch("select id, kind, state from case_head where kind in ('person', 'organisation') order by id")
    facts = [(r["kind"], r["id"], codec.state_of(r["state"]).facts) for r in rows]
    return (dict(await pool.fetch("select id, name from vault_person")),
            {i: f for kind, i, f in facts if kind == "person"}, {i: f for kind, i, f in facts if kind == "organisation"})


async def states(pool: asyncpg.Pool, ids: Iterable[str]) -> dict[str, Any]:
    """Cases as stored, by number, for lists that say more than their row holds."""
    rows = await pool.fetch("select id, state from case_head where id = any($1)", list(set(ids)))
    return {r["id"]: codec.state_of(r["state"]) for r in rows}


async def inbox_by_due(pool: asyncpg.Pool, holder_keys: Sequence[str], box: str,
                       edges: Sequence[datetime]) -> dict[str, int]:
    """How many rows of a box fall into each group: `late`, `today`, `week`, `later`, `free` (no limit)."""
    row = await pool.fetchrow(
        "select count(*) filter (where due < $3) late, count(*) filter (where due >= $3 and due < $4) today, "
        "count(*) filter (where due >= $4 and due < $5) week, count(*) filter (where due >= $5) later, "
        "count(*) filter (where due is null) free from task where holder = any($1) and pool = $2",
        list(holder_keys), box == "claim", *edges)
    return dict(row)


async def inbox_slice(pool: asyncpg.Pool, holder_keys: Sequence[str], box: str, group: str, edges: Sequence[datetime],
                      limit: int, offset: int = 0) -> list[asyncpg.Record]:
    """One group of a box (all where `group` is empty), the earliest due first."""
    late, today, week = edges
    low, high = {"late": (None, late), "today": (late, today), "week": (today, week), "later": (week, None)}.get(
        group, (None, None))
    return await pool.fetch(
        "select t.*, k.kind, k.subject, k.parent, k.policy from task t join case_head k on k.id = t.case_id "
        "where t.holder = any($1) and t.pool = $2 and ($3::timestamptz is null or t.due >= $3) "
        "and ($4::timestamptz is null or t.due < $4) and ($5 <> 'free' or t.due is null) "
        "order by t.due nulls last, t.case_id, t.key limit $6 offset $7",
        list(holder_keys), box == "claim", low, high, group, limit, offset)


async def cases_where(pool: asyncpg.Pool, context: Context, *, kind: str = "", parent: str = "", stage: str = "",
                      state: str = "", opened_by: str = "", after: str = "", limit: int = 50, everything: bool = False,
                      ) -> tuple[list[asyncpg.Record], int]:
    """Cases that somebody may see (G-30) by kind, parent, stage and whether they run, newest number first, and how many."""
    where = ("kind not in ('person', 'organisation', 'calendars') and ($1 = '' or kind = $1) and ($2 = '' or parent = $2) "
             "and ($3 = '' or $3 = any(stages)) and ($4 = '' or (ended = '') = ($4 = 'open')) "
             "and ($5 or holders && $6 or subject = any($7)) and ($8 = '' or $8 = any(holders))")
    values = [kind, parent, stage, state, everything, holders(context), [h.id for h in context.posts], opened_by]
    rows = await pool.fetch(
        f"select id, kind, subject, parent, policy, version, stages, ended, next_at, opened_at, touched_at from case_head "
        f"where {where} and ($9 = '' or id < $9) order by id desc limit $10", *values, after, limit)
    return rows, await pool.fetchval(f"select count(*) from case_head where {where}", *values)


async def receipt(pool: asyncpg.Pool, command: str) -> asyncpg.Record | None:
    """What a command left: whose, on which case, when, when true; for the page that says it is done."""
    return await pool.fetchrow(
        "select case_id, actor, at, reply, (select min(e.at) from event e where e.case_id = c.case_id and e.command = c.id "
        "and e.actor = c.actor) true_at from command c where id = $1", command)


async def file_names(pool: asyncpg.Pool, hashes: Iterable[str], case: str = "",
                     uploader: str = "") -> dict[str, dict[str, Any]]:
    """Hash → name, size, kind, uploader and time, of files bound to a case or still the uploader's own."""
    rows = await pool.fetch(
        "select distinct on (u.hash) u.hash, u.name, u.uploader, u.at, f.size, f.kind "
        "from file_use u join file f using (hash) "
        "where u.hash = any($1) and (u.case_id = $2 or (u.case_id = '' and u.uploader = $3)) "
        "order by u.hash, u.case_id desc",
        list(set(hashes)), case, uploader)
    return {r["hash"]: dict(r) for r in rows}


async def policy_body(pool: asyncpg.Pool, policy: str) -> dict[str, Any]:
    """A policy's file as it was loaded: title, document, clauses."""
    body = await pool.fetchval("select body from policy where id = $1", policy)
    return yaml.safe_load(body) if body else {}


async def asked(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """Everybody who is asked for something now, with the cases; who of them is gone is the office's to replace (G-11)."""
    return await pool.fetch("select holder, array_agg(distinct case_id order by case_id) cases from task group by holder "
                            "order by holder")


async def messages(pool: asyncpg.Pool, holder_keys: Sequence[str], limit: int = PAGE_MAX) -> list[asyncpg.Record]:
    """消息: what was sent to somebody, the newest first."""
    return await pool.fetch("select case_id, what, at from message where holder = any($1) order by id desc limit $2",
                            list(holder_keys), limit)


REMINDING = ("case.reminder_due.v1", "case.rung_taken.v1")


async def reminders(pool: asyncpg.Pool, holder_keys: Sequence[str], limit: int = PAGE_MAX) -> list[dict[str, Any]]:
    """Reminders since each open task of these holders came up, of the most urgent tasks; each with its task."""
    rows = await pool.fetch(
        "select t.case_id, t.visit, t.stage, t.seat, k.kind, e.tag, e.data, e.entered_at from unnest($1::text[]) h "
        "cross join lateral (select * from task where holder = h and due is not null order by due, case_id, key limit $2) t "
        "join case_head k on k.id = t.case_id "
        "join event e on e.case_id = t.case_id and e.tag = any($3) and e.entered_at >= t.since",
        list(holder_keys), limit, list(REMINDING))
    return [{**dict(r), "event": codec.event_of(r["tag"], r["data"])} for r in rows]


async def last_done(pool: asyncpg.Pool, actor: str) -> datetime | None:
    """When somebody last acted."""
    return await pool.fetchval(
        "select at from event where actor = $1 and actor <> 'system' order by seq desc limit 1", actor)
