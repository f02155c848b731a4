"""组件. Every component in every state, drawn by the macros that pages use (portal principle 12)."""
from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from .shell import Anybody

router = APIRouter()


@router.get("/design")
async def design(page: Anybody) -> HTMLResponse:
    return page.html("design.html", here="/design")
