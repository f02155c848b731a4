"""页面. The portal: server-rendered pages over the same door as the JSON routes. Start reading with `shell`."""
from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

from . import (
    acts,
    case,
    design,
    dossier,
    entry,
    errors,
    events,
    files,
    inbox,
    judging,
    lists,
    messages,
    office,
    public,
    recognition,
    scoring,
    start,
)
from .render import STATIC

router = APIRouter(include_in_schema=False)
for part in (entry, inbox, messages, lists, start, case, acts, files, events, design, public, dossier, scoring, recognition,
             judging, office):
    router.include_router(part.router)


class Kept(StaticFiles):
    """An address changes with its content, so a browser may keep what it has (portal 6.9)."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def install(app: FastAPI) -> None:
    """Routes, static files, and pages for what goes wrong. Call it last: it stands outside everything else."""
    app.mount("/static", Kept(directory=STATIC), name="static")
    app.include_router(router)
    errors.install(app)
