"""演练. Only on a rehearsal: be another person, move the county's clock."""
from __future__ import annotations

from fastapi import APIRouter, Request, Response

from domain.kernel.refusal import no

from . import models as m
from . import sessions
from .problems import Refused
from .routes import PROBLEMS, TheDoor, set_cookie

router = APIRouter(prefix="/api/rehearsal", responses=PROBLEMS)


@router.post("/switch", status_code=201)
async def switch(body: m.SwitchRequest, request: Request, response: Response, door: TheDoor) -> dict[str, str]:
    """换一个人办理。"""
    known = await door.pool.fetchval("select 1 from case_head where id = $1 and kind = 'person'", body.person)
    if not known:
        raise Refused(no("not_found", "G-30"))
    settings = request.app.state.settings
    set_cookie(response, request, await sessions.start(door.pool, body.person, settings.session_idle_minutes))
    return {"person": body.person}


@router.post("/clock")
async def move_clock(body: m.ClockRequest, door: TheDoor) -> dict[str, int]:
    """拨钟：只能往前。凡到时的案件都被叫醒。返回叫醒的件数。"""
    async with door.pool.acquire() as connection, connection.transaction():
        moved = await connection.fetchval(
            "update county_clock set driven = $1 where driven is null or driven <= $1 returning true", body.to)
        if not moved:
            raise Refused(no("true_at_impossible", "C-33"))
        knocked = await connection.execute(
            "insert into outbox (driver, case_id) select driver, id from case_head where ended = '' and driver <> '' "
            "and next_at <= $1", body.to)
    return {"knocked": int(knocked.rsplit(" ", 1)[-1])}


@router.get("/state")
async def state(door: TheDoor) -> dict[str, int]:
    """还有多少变化没有被工作流看过；0 表示系统静下来了。"""
    return {"outbox": await door.pool.fetchval("select count(*) from outbox"),
            "due": await door.pool.fetchval("select count(*) from case_head where ended = '' and driver <> '' "
                                            "and next_at <= county_now()")}
