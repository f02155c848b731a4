"""出错的页. Whatever goes wrong on a page is told as a page; programs under /api keep their problem documents."""
from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from . import drafts
from .entry import login_page
from .shell import Page, PageProblem, anybody
from .words import FIELDS

log = logging.getLogger("juanzong.pages")

TITLES = {401: "请重新登录", 403: "您不能办这件事", 404: "没有这一页", 405: "不能这样打开", 409: "现在不能这样办",
          410: "已经失效", 411: "没有写明长度",
          413: "内容太大", 415: "文件类型不对", 422: "内容不对", 429: "次数太多", 500: "我们这边出了问题", 503: "太忙了"}
SENTENCES = {404: "没有这个案号或这一页，或您无权查看。请核对地址，或问本单位经办人。",
             410: "这个链接已换新。请打开最近发的那一条。"}
POLICY = "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
KEPT_BYTES_MAX = 2 * 1024**2
PLAIN = ("/api", "/static", "/healthz", "/events")


def is_page(request: Request) -> bool:
    """A reader in a browser, not a program."""
    return not request.scope["path"].startswith(PLAIN) and "text/html" in request.headers.get("accept", "")


async def as_page(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Outermost: a problem document that was meant for a reader becomes a page; what nobody foresaw becomes one too."""
    if not is_page(request):
        return await call_next(request)
    if request.method == "POST" and request.headers.get("content-length", "").isdigit() \
            and int(request.headers["content-length"]) <= KEPT_BYTES_MAX:
        await request.body()                # kept, so that what was typed can be given back
    try:
        response = await call_next(request)
    except Exception:
        number = f"E-{secrets.token_hex(2).upper()}"
        log.exception("%s %s %s", number, request.method, request.url.path)
        return await _told(request, 500, f"您的内容已保存，没有重复提交。请1分钟后再试，编号{number}。", number)
    if response.headers.get("content-type") != "application/problem+json":
        if request.url.path.endswith("/raw"):           # a paper is shown in the frame of its own page
            response.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return response
    body = b"".join([part async for part in response.body_iterator])
    told = json.loads(body)
    page = await _told(request, response.status_code, SENTENCES.get(response.status_code, told["detail"]))
    for name in ("retry-after", "allow"):
        if name in response.headers:
            page.headers[name] = response.headers[name]
    return page


async def _told(request: Request, status: int, sentence: str, number: str = "") -> Response:
    """The page of an error. If even that fails (no database), plain words."""
    try:
        page = await anybody(request)
        answer = await _signed_out(request, page) if status == 401 else page.html(
            "error.html", status, big=status, title=TITLES.get(status, "请求不能识别"), says=sentence, number=number,
            kept=await _kept(request, status))
    except Exception:
        log.exception("the page of an error")
        answer = Response(f"<!doctype html><html lang=zh-Hans><meta charset=utf-8><title>我们这边出了问题 - 卷宗</title>"
                          f"<h1>我们这边出了问题</h1><p>{sentence}</p><p><a href=/>回到待办</a></p>", status,
                          media_type="text/html; charset=utf-8")
    answer.headers.update({"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff",
                           "Referrer-Policy": "same-origin"})
    return answer


async def _typed(request: Request) -> dict[str, list[str]]:
    """What a POST carried: kept, or with its files still to be read, within the bound that the guard has set."""
    if not hasattr(request, "_body") and not request.headers.get("content-length", "").isdigit():
        return {}
    try:
        return drafts.as_lists(await request.form())
    except (RuntimeError, HTTPException, ClientDisconnect):     # was read already, or is no form
        return {}


async def _signed_out(request: Request, page: Page) -> Response:
    """登录已过期: the form to sign in again, with what was typed on its way to the draft of that page."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    kept = ""
    if request.method == "POST":
        typed = await _typed(request)
        asked = {k: typed[k][0] for k in ("visit", "seat", "form", "to") if typed.get(k)}
        path = request.url.path.removeprefix("/files").removesuffix("/check") + (f"?{urlencode(asked)}" if asked else "")
        if path.endswith("/acts"):
            path = path.removesuffix("/acts")
        kept = json.dumps(typed, ensure_ascii=False) if typed and path != "/password" else ""
    had = bool(request.cookies)
    return login_page(page, 401, next=path, kept=kept, heading="请重新登录" if had else "登录",
                      says="登录已过期，您写的内容已存好。登录后会回到这一页。" if had else "登录后会到您要看的那一页。")


async def _kept(request: Request, status: int) -> list[dict[str, str]]:
    """The words of a POST that could not be done: shown, so that nothing typed is lost."""
    if request.method != "POST" or status == 413:
        return []
    typed = await _typed(request)
    return [{"words": FIELDS.get(name, "内容"), "says": value} for name, values in typed.items() for value in values
            if name in ("opinion", "report", "statement", "reason", "text", "summary", "dissent") and value]


async def page_problem(request: Request, error: PageProblem) -> JSONResponse:
    from api.problems import problem
    return problem(error.status, "page", error.sentence)


class Pages:
    """`as_page` for readers; programs pass by it, which would cost them a third of a command's CPU."""

    def __init__(self, app: ASGIApp) -> None:
        self.plain, self.pages = app, BaseHTTPMiddleware(app, dispatch=as_page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reads = scope["type"] == "http" and is_page(Request(scope))
        await (self.pages if reads else self.plain)(scope, receive, send)


def install(app: FastAPI) -> None:
    """Call it last: it must stand outside the guard."""
    app.add_exception_handler(PageProblem, page_problem)
    app.add_middleware(Pages)
