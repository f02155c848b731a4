"""JSON routes. The signature is the documentation; each sends a command through the door, or reads."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

from domain.kernel.acts import Act
from domain.kernel.calendar import COUNTY
from domain.kernel.case import Case
from domain.kernel.events import FactProposed, ProposalClosed, SeatActed, SeatGone
from domain.kernel.may import addressed
from domain.kernel.plan import Plan, offers
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Holder
from domain.kernel.values import Text
from domain.kernel.words import sentence
from store import codec, follow_log, reads, vault
from store.door import AUDITOR, Command, Door, Reading, SessionOver

from . import models as m
from . import sessions
from .commands import CommandRoute, Key
from .forms import BadForm, name_of, read_form
from .problems import Refused, SignedOut, WrongPassword
from .sessions import Claimed, Who

PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": m.ProblemAnswer, "description": words, "content": {"application/problem+json": {}}}
    for code, words in (
        (401, "未登录"), (403, "无权办理"), (404, "没有，或无权查看"), (409, "现在不能办"), (411, "没有写明长度"),
        (413, "太大"), (415, "类型不对"), (422, "内容不对"), (429, "太频繁"), (503, "太忙，稍后再试"))}
router = APIRouter(prefix="/api", responses=PROBLEMS)
commands = APIRouter(prefix="/api", responses=PROBLEMS, route_class=CommandRoute)
QUERY_SECONDS = 2

async def door_of(request: Request) -> Door:
    return request.app.state.door


TheDoor = Annotated[Door, Depends(door_of)]


async def through(command: Command, request: Request, status: int = 200) -> Response:
    """Through the door; the reply goes out byte for byte as it is stored (A-2)."""
    state = request.app.state
    assert command.session
    try:
        got = await state.door.handle(command)
    except SessionOver:
        raise SignedOut from None
    await sessions.used(state.pool, command.session, state.settings.session_idle_minutes)
    if isinstance(got, Refusal):
        raise Refused(got)
    return Response(codec.encode(got), status, {"ETag": f'"{got.version}"'}, "application/json")


async def opened_by(door: Door, reading: Reading) -> Reading:
    """What its addressee opens is served from then on (C-9): the fact first, so that the limit is already shown."""
    me, case = reading.context.actor, reading.case
    waiting = [v.no for v in case.open if addressed(reading.procedure, v, reading.context)]
    for visit in waiting:
        await door.handle(Command(f"{me}/{case.id}/{visit}/served", me, Act("receive", visit), case.id))
    again = await door.read(case.id, me) if waiting else reading
    return reading if isinstance(again, Refusal) else again


async def reading_of(door: Door, case: str, person: str) -> Reading:
    got = await door.read(case, person)
    if isinstance(got, Refusal):
        raise Refused(got)
    return got


@commands.post("/cases", status_code=201, response_model=m.ReceiptAnswer)
async def open_case(body: m.OpenRequest, session: Claimed, request: Request, key: Key = None) -> Response:
    """开始一个案件。同一请求编号重复提交，返回第一次的结果。"""
    door: Door = request.app.state.door
    procedure = door.procedures.get(body.kind)
    try:
        if procedure is None or not procedure.number:
            raise Refused(no("unknown_command", "A-3"))
        form = read_form(procedure, body.form)
    except (Refused, BadForm) as error:
        await sessions.current(request)             # who is not signed in hears only that
        if isinstance(error, Refused):
            raise
        raise Refused(no("malformed", "A-3"), error.fields) from None
    act = Act("open", form=form) if form is not None else Act("look")
    return await through(Command(key, "", act, kind=body.kind, subject=body.subject,
                                 parent=body.parent, policy=body.policy, session=session), request, 201)


@commands.post("/cases/{case}/acts", response_model=m.ReceiptAnswer)
async def act(case: m.Id, body: m.ActRequest, session: Claimed, request: Request, key: Key = None) -> Response:
    """办理一步。被拒绝的，什么都没有写入；同一请求编号可以再办。"""
    form = await form_of(case, body.form, request.app.state.door, request)
    at = body.at.astimezone(COUNTY) if body.at else None
    act = Act(body.verb, body.visit, body.seat, body.to, tuple(body.parts), Text(body.opinion), form, body.duty,
              body.more, at, body.saw, tuple(body.files))
    return await through(Command(key, "", act, case, session=session), request)


async def form_of(case: str, data: dict[str, Any] | None, door: Door, request: Request) -> Any:
    """No two kinds of case call different forms alike, so the case is not read for it; only a bad form is looked at twice:
    who may not see the case does not hear what was wrong with it."""
    for procedure in door.procedures.values():
        with suppress(BadForm):
            return read_form(procedure, data)
    try:
        return read_form((await reading_of(door, case, (await sessions.current(request)).person)).procedure, data)
    except BadForm as error:
        raise Refused(no("malformed", "A-3"), error.fields) from None


@router.get("/cases")
async def cases(who: Who, door: TheDoor, kind: m.Id = "", after: m.Id = "",
                limit: Annotated[int, Query(ge=1, le=100)] = 50) -> m.CaseList:
    """您可以看的案件，新的在前。"""
    context = await door.who(who.person)
    rows = await reads.cases_of(door.pool, context, kind, after, limit, everything=audits(context))
    return m.CaseList(cases=[m.CaseRow(**{k: r[k] for k in m.CaseRow.model_fields}) for r in rows],
                      next=rows[-1]["id"] if len(rows) == limit else None)


def audits(context: Any) -> bool:
    return any(h.kind in ("auditor", "bureau_leader", "bureau_deputy") for h in context.posts)


@router.get("/cases/{case}")
async def read_case(case: m.Id, who: Who, door: TheDoor, response: Response) -> m.CaseAnswer:
    """案件现在的样子。收件人打开即为送达，期限从这时起算。"""
    r = await opened_by(door, await reading_of(door, case, who.person))
    response.headers["ETag"] = f'"{r.version}"'
    c = r.case
    visits = [m.VisitAnswer(
        visit=v.no, stage=v.stage, line=v.line, opened_at=v.opened_at, editable=list(v.editable), done=list(v.done),
        stuck=list(v.stuck), seats=[m.SeatAnswer(key=s.key, holder=s.holder.key, claimed_by=s.claimed_by,
                                                 acted=s.acted.verb if s.acted else "", gone=s.gone)
                                    for s in v.seats if shown_seat(r, v.stage, s.holder)]) for v in c.open]
    blind = side_of(r) == "expert"
    return m.CaseAnswer(id=c.id, kind=c.kind, subject="" if blind else c.subject, parent=c.parent, policy=c.policy,
                        version=c.version, ended=c.ended, suspended=c.suspended, opened_at=c.opened_at, visits=visits,
                        facts=facts_for(r), now=r.context.now)


BLIND = ("draw", "material", "third")
HIDDEN = ("sheets", "totals", "site", "suggestions", "office", "proposal", "departs", "total_cp", "dimensions_cp",
          "missed_floors", "margin_cp", "ballot", "yes", "chair", "members", "present", "recused", "excluded", "rescored")
OWN = ("answered", "files", "described", "subject", "level", "checks", "day", "notified", "excluded", "notice", "document",
       "conferred", "letter", "papers", "submitted_at", "disputed", "mend_leaves")


def side_of(r: Reading) -> str:
    """`applicant`, `expert` or `bureau`: whose eyes the case is seen with (R-22, R-92)."""
    c = r.context
    if r.case.kind != "star":
        return "bureau"
    if r.case.subject in {h.id for h in c.posts} and not any(h.kind.endswith(("_staff", "_head")) for h in c.posts):
        return "applicant"
    if any(c.actor in roster.ever() for name, roster in r.case.rosters.items() if name in ("experts", "third")):
        return "expert"
    return "bureau"


def shown_seat(r: Reading, stage: str, holder: Holder) -> bool:
    side = side_of(r)
    if stage in BLIND and side != "bureau":
        return holder.id == r.context.actor
    return side != "applicant" or stage not in ("vote",)


def facts_for(r: Reading) -> dict[str, Any]:
    """What this reader may see of the family's facts: never hidden by the page alone (R-92)."""
    facts = msgspec.to_builtins(r.case.facts, enc_hook=str)
    if not isinstance(facts, dict):
        return {}
    match side_of(r):
        case "applicant":
            facts = {k: v for k, v in facts.items() if k in OWN}
            if not r.case.ended:
                facts.pop("letter", None)
        case "expert":
            mine = r.context.actor
            own = {k: {mine: facts[k][mine]} for k in ("sheets", "totals") if mine in facts[k]}
            facts = {k: v for k, v in facts.items() if k in ("answered", "files", "level", "subject")} | own
    return facts


@router.get("/cases/{case}/offers")
async def case_offers(case: m.Id, who: Who, door: TheDoor) -> list[m.OfferAnswer]:
    """您现在能做什么；不能做的，为什么。"""
    r = await reading_of(door, case, who.person)
    return [m.OfferAnswer(verb=o.verb, visit=o.visit, seat=o.seat, form=name_of(o.form) if o.form else "",
                          targets=list(o.targets), code=o.refusal.code if o.refusal else "",
                          sentence=sentence(o.refusal) if o.refusal else "")
            for o in offers(r.procedure, r.case, r.context) if not o.seat or shown_offer(r, o.visit, o.seat)]


def shown_offer(r: Reading, visit: int, seat: str) -> bool:
    v = r.case.visit(visit)
    s = v.seat(seat) if v else None
    return v is None or s is None or shown_seat(r, v.stage, s.holder)


def plan_answer(p: Plan, r: Reading) -> m.PlanAnswer:
    return m.PlanAnswer(
        tasks=[{"visit": t.visit, "stage": t.stage, "seat": t.seat, "holder": t.holder.key, "claimed_by": t.claimed_by,
                "due": t.due, "provisional": t.provisional} for t in p.tasks if shown_seat(r, t.stage, t.holder)],
        clocks=[m.ClockAnswer(visit=c.visit, key="" if side_of(r) != "bureau" else c.key, field=c.field, due=c.due,
                              provisional=c.provisional) for c in p.clocks],
        duties=[f"{d.stage}/{d.duty}" for d in p.duties], stages=list(p.stages), next_at=p.next_at)


@router.get("/cases/{case}/plan")
async def case_plan(case: m.Id, who: Who, door: TheDoor) -> m.PlanAnswer:
    """接下来：待办、时限、系统要做的事。"""
    r = await reading_of(door, case, who.person)
    return plan_answer(r.plan, r)


@router.get("/cases/{case}/process")
async def process(case: m.Id, who: Who, door: TheDoor, request: Request) -> m.ProcessAnswer:
    """系统正在等什么。工作流两秒内没有回答的，以计划为准。"""
    r = await reading_of(door, case, who.person)
    answer = None
    client = await request.app.state.temporal()
    if client is not None:
        try:
            answer = await asyncio.wait_for(client.get_workflow_handle(case).query("waiting_for"), QUERY_SECONDS)
        except Exception:                   # away, unknown or busy: the plan says it without Temporal
            answer = None
    return m.ProcessAnswer(answered=answer is not None, waiting_for=answer, plan=plan_answer(r.plan, r))


@router.get("/cases/{case}/history")
async def case_history(case: m.Id, who: Who, door: TheDoor, after: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
                       ) -> m.HistoryAnswer:
    """办理经过。申报单位和专家只看到向其公开的部分。"""
    r = await reading_of(door, case, who.person)
    rows = await reads.history(door.pool, case, after)
    side = side_of(r)
    shown = visible(rows, side, r.context.actor, r.case)
    texts = await told_words(r, shown, door.pool)
    return m.HistoryAnswer(
        events=[m.EventAnswer(**{k: x[k] for k in ("version", "tag", "at", "entered_at", "actor", "behind", "post", "rule")},
                              data=msgspec.json.decode(codec.event_bytes(x["event"])), hash=x["hash"].hex())
                for x in shown], texts=texts, next=rows[-1]["version"] if len(rows) == 500 else None)


PUBLIC_TAGS = ("star.applied.v1", "star.described.v1", "star.leaf_answered.v1", "star.declared.v1",
               "star.eligibility_computed.v1", "star.school_notified.v1", "star.facts_disputed.v1",
               "star.points_answered.v1", "star.mending_reported.v1", "star.notice_heard.v1", "star.document_heard.v1",
               "star.title_conferred.v1", "star.paper_rendered.v1", "star.people_told.v1", "case.case_opened.v1",
               "case.case_ended.v1", "case.case_suspended.v1", "case.case_resumed.v1", "case.served.v1")


def visible(rows: Sequence[dict[str, Any]], side: str, me: str, case: Case) -> list[dict[str, Any]]:
    """What this side hears of the log (R-92).

    The school: its own people's acts with what became of them, why it is asked to mend, decisions that are told; an expert
    the own acts alone.
    """
    if side == "bureau":
        return list(rows)
    stages = {v.no: v.stage for v in (*case.past, *case.open)}
    asked = {r["version"] for r in rows if isinstance(r["event"], FactProposed) and r["post"].endswith(f"@{case.subject}")}

    def told(row: dict[str, Any]) -> bool:
        if row["actor"] == me:
            return True
        if side != "applicant":
            return False
        event = row["event"]
        returned = isinstance(event, SeatActed) and event.verb == "return" and \
            stages.get(event.visit) in ("completeness", "eligibility")
        answered = isinstance(event, ProposalClosed) and event.no in asked
        return returned or answered or row["tag"] in PUBLIC_TAGS or row["post"].endswith(f"@{case.subject}")
    return [row for row in rows if told(row)]


BRINGING = ("case.seat_acted.v1", "star.mending_reported.v1", "star.leaf_answered.v1", "star.paper_rendered.v1")
"""Events that bring files with them."""


async def shows_file(r: Reading, digest: str, pool: Any) -> bool:
    """Whether this reader may have a file of the case: one of the dossier, or brought by an event that they are shown."""
    side = side_of(r)
    if side == "bureau" or any(digest in hashes for hashes in r.case.facts.files.values()):
        return True
    rows = await reads.history(pool, r.case.id, limit=2_000, tags=BRINGING)
    return any(digest in (*getattr(x["event"], "files", ()), getattr(x["event"], "file", ""))
               for x in visible(rows, side, r.context.actor, r.case))


async def told_words(r: Reading, rows: Sequence[dict[str, Any]], pool: Any) -> dict[str, str]:
    """Reference → words of the events that this reader is shown. Why somebody declared a tie is for that person, the office
    and the auditor alone (G-18), and that these two read it is noted first (G-29)."""
    me, procedure = r.context.actor, r.procedure
    ties = {x["event"].reason: x["actor"] for x in rows
            if isinstance(x["event"], SeatGone) and x["event"].why == "declined" and x["actor"] != me}
    office = {procedure.office(r.case).key, procedure.head(r.case).key}
    wanted = reads.references_in([x["event"] for x in rows])
    if ties and any(h.key in office or h.kind == AUDITOR for h in r.context.posts):
        await vault.note_looks(pool, me, r.case.id, ties.values(), vault.TIE)
    else:
        wanted = [w for w in wanted if w not in ties]
    return await reads.texts(pool, wanted)


@router.get("/events")
async def events(who: Who, door: TheDoor,
                 after: Annotated[str, Query(pattern=r"^\d{1,20}\.\d{1,19}$")] = follow_log.START,
                 limit: Annotated[int, Query(ge=1, le=1000)] = 500) -> m.LogAnswer:
    """全部记录，按写入的先后，供审计跟读和在系统之外存档。只有审计可以读。"""
    context = await door.who(who.person)
    if not any(h.kind == AUDITOR for h in context.posts):
        raise Refused(no("wrong_post", "G-30"))
    try:
        rows, cursor = await follow_log.events_after(door.pool, after, limit)
    except ValueError:
        raise Refused(no("malformed", "A-3")) from None
    return m.LogAnswer(events=[m.LogEvent(case=r["case_id"], hash=r["hash"].hex(), **{
        k: r[k] for k in m.LogEvent.model_fields if k not in ("case", "hash")}) for r in rows], next=cursor)


@router.get("/inbox")
async def inbox(who: Who, door: TheDoor, box: Annotated[str, Query(pattern="^(todo|claim)$")] = "todo") -> m.InboxAnswer:
    """待办或待认领，最急的在前。"""
    context = await door.who(who.person)
    counts = await reads.inbox_counts(door.pool, context)
    rows = await reads.inbox(door.pool, context, box)
    return m.InboxAnswer(box=box, count=counts[box], tasks=[m.TaskAnswer(
        case=r["case_id"], subject="" if r["stage"] in BLIND else r["subject"],
        **{k: r[k] for k in ("kind", "visit", "stage", "seat", "holder", "due", "provisional", "since")}) for r in rows])


@router.get("/done")
async def done(who: Who, door: TheDoor, before: Annotated[int, Query(ge=1, le=2**62)] = 2**62) -> m.DoneList:
    """已办，新的在前。"""
    rows = await reads.done_by(door.pool, who.person, before)
    return m.DoneList(tasks=[m.DoneAnswer(case=r["case_id"], kind=r["kind"], event=r["tag"], at=r["at"], key=r["seq"])
                             for r in rows], next=rows[-1]["seq"] if len(rows) == 50 else None)


# -- files ---------------------------------------------------------------------------------------------------


@router.post("/files", status_code=201, openapi_extra={"requestBody": {"required": True, "content": {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}})
async def upload(request: Request, who: Who, door: TheDoor, name: Annotated[m.Id, Query(min_length=3)]) -> m.FileAnswer:
    """上传一份佐证（正文就是文件）。类型按内容判断。"""
    got = await request.app.state.files.take(request.stream(), name, who.person, door.pool)
    if isinstance(got, Refusal):
        raise Refused(got)
    return m.FileAnswer(hash=got, name=name)


@router.get("/cases/{case}/files/{digest}", response_class=FileResponse)
async def download(case: m.Id, digest: Annotated[str, Query()] | str, who: Who, door: TheDoor, request: Request,
                   ) -> FileResponse:
    """案件里的一份文件。"""
    if not await shows_file(await reading_of(door, case, who.person), digest, door.pool):
        raise Refused(no("not_found", "G-30"))
    row = await door.pool.fetchrow("select u.name, f.kind from file_use u join file f using (hash) "
                                   "where u.hash = $1 and u.case_id = $2 limit 1", digest, case)
    if row is None:
        raise Refused(no("not_found", "G-30"))
    return FileResponse(request.app.state.files.path(digest), filename=row["name"], content_disposition_type="inline")


# -- public --------------------------------------------------------------------------------------------------


@router.get("/register")
async def register(door: TheDoor) -> list[m.TitleAnswer]:
    """名册：全部称号（不需登录）。"""
    context = await door.who("public")
    return [m.TitleAnswer(**t) for t in await reads.register(door.pool, context.now)]


@router.get("/notices")
async def notices(door: TheDoor) -> list[dict[str, Any]]:
    """公示：每一次（不需登录）。"""
    return await reads.notices(door.pool)


# -- sign-in -------------------------------------------------------------------------------------------------


def set_cookie(response: Response, request: Request, token: str) -> None:
    response.set_cookie(sessions.COOKIE, token, httponly=True, samesite="lax", path="/",
                        secure=request.url.scheme == "https")


@router.post("/session", status_code=201)
async def sign_in(body: m.SignInRequest, request: Request, response: Response) -> dict[str, str]:
    """登录。"""
    state = request.app.state
    entered = await sessions.sign_in(state.pool, body.login, body.password)
    if entered is None:
        raise SignedOut
    set_cookie(response, request, await sessions.start(state.pool, entered.person, state.settings.session_idle_minutes))
    return {"person": entered.person}


@router.delete("/session", status_code=204)
async def sign_out(who: Who, request: Request, response: Response) -> None:
    """退出。"""
    await sessions.sign_out(request.app.state.pool, who)
    response.delete_cookie(sessions.COOKIE)


@router.put("/password", status_code=204)
async def set_password(body: m.PasswordRequest, who: Who, request: Request) -> None:
    """改口令，要先报现在的口令。用一次性口令登录的，原口令已作废，直接设新的。其他地方的登录随之退出。"""
    if not await sessions.set_password(request.app.state.pool, who, body.old, body.password):
        raise WrongPassword


@router.get("/me")
async def me(who: Who, door: TheDoor) -> m.MeAnswer:
    """您是谁：岗位、利害关系、系统的时间。"""
    context = await door.who(who.person)
    names = await reads.names(door.pool, [who.person])
    return m.MeAnswer(person=who.person, name=names.get(who.person, who.person), posts=sorted(h.key for h in context.posts),
                      ties=sorted(context.ties), csrf=who.csrf, now=context.now)


@router.get("/me/looks")
async def my_looks(who: Who, door: TheDoor, before: Annotated[int, Query(ge=1, le=2**62)] = 2**62) -> m.LookList:
    """谁看过您的个人信息：新的在前。"""
    rows = await vault.looks_at(door.pool, who.person, before)
    return m.LookList(looks=[m.LookAnswer(at=r["at"], actor=r["actor"], case=r["case_id"], why=r["why"]) for r in rows],
                      next=rows[-1]["id"] if len(rows) == 50 else None)
