"""数. Server-sent events: the counts of the bars, polled from the database. A stream ends by itself and is opened again."""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from store import reads

from .shell import Page, Reader

router = APIRouter()
POLL_SECONDS, LIFE_SECONDS = 2, 60


async def counts(page: Page) -> dict[str, int]:
    """What the bars show, for the post that was chosen."""
    return {box: sum((await reads.inbox_by_due(page.pool, page.holders, box, [page.now] * 3)).values())
            for box in ("todo", "claim")}


@router.get("/events")
async def events(page: Reader) -> StreamingResponse:
    """One line whenever a count has changed. Bounded, so that neither a lost browser nor a stopping server is held up."""
    async def stream() -> AsyncIterator[str]:
        said = ""
        for _ in range(LIFE_SECONDS // POLL_SECONDS):
            if await page.request.is_disconnected():
                return
            now = json.dumps(await counts(page))
            if now != said:
                yield f"data: {now}\n\n"
                said = now
            await asyncio.sleep(POLL_SECONDS)
    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
