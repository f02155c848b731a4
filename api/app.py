"""The web process: `build(settings, pool)` makes the application, `serve` runs it."""
from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.procedures import PROCEDURES
from ops.settings import Settings
from store.database import open_pool
from store.door import Door
from store.files import Files

from . import pages, problems, rehearsal, routes
from .forms import schemas

BODY_BYTES_MAX = 2 * 1024**2                # of anything but an upload
UPLOAD_PATHS = ("/api/files", "/files")
STREAMED = "/api/files"                     # counts what comes; all else is read whole, so it says beforehand how much
HEADERS = ((b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"),
           (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))


def build(settings: Settings, pool: asyncpg.Pool, procedures: dict[str, Any] = PROCEDURES) -> FastAPI:
    """The application over an open pool."""
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(title="卷宗", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None,
                  openapi_url="/api/openapi.json", description="县教育局办事与审批：开案、办理、查询。")
    app.state.settings, app.state.pool = settings, pool
    app.state.door = Door(pool, procedures)
    app.state.files = Files(settings.data_dir / "files", settings.upload_bytes_max)
    app.state.temporal = _temporal(settings)
    app.router.routes += routes.commands.routes         # not included: looked up without the router around them
    app.include_router(routes.router)
    if settings.rehearsal:
        app.include_router(rehearsal.router)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        await pool.fetchval("select 1")
        return {"status": "ok"}

    app.add_exception_handler(problems.Refused, problems.refused)
    app.add_exception_handler(problems.SignedOut, problems.signed_out)
    app.add_exception_handler(problems.WrongPassword, problems.wrong_password)
    app.add_exception_handler(problems.LockedOut, problems.locked_out)
    app.add_exception_handler(RequestValidationError, problems.invalid)
    app.add_exception_handler(HTTPException, problems.http_error)
    for lost in (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError,
                 asyncpg.OperatorInterventionError, TimeoutError):
        app.add_exception_handler(lost, problems.away)
    app.add_exception_handler(Exception, problems.broken)
    app.add_middleware(Guard, upload_bytes_max=settings.upload_bytes_max)
    pages.install(app)
    app.openapi = _with_forms(app, procedures)
    return app


class Guard:
    """Bounds the body before it is read, refuses writes from other sites, sets the headers of every answer.

    Plain ASGI: a BaseHTTPMiddleware here would cost a third of a command's CPU (docs/benchmarks.md).
    """

    def __init__(self, app: ASGIApp, upload_bytes_max: int) -> None:
        self.app, self.upload_bytes_max = app, upload_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in HEADERS if h[0] not in given)]
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, answered)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        limit = self.upload_bytes_max + 1024**2 if scope["path"].startswith(UPLOAD_PATHS) else BODY_BYTES_MAX
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            return problems.problem(413, "too_large", "提交的内容太大。请压缩，或分成几份上传。")
        if b"transfer-encoding" in headers and scope["path"] != STREAMED:
            return problems.problem(411, "length_required", "请求没有写明长度。请带上 Content-Length 再提交。")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and origin \
                and urlsplit(origin).netloc != headers.get(b"host", b"").decode("latin-1"):
            return problems.problem(403, "cross_site", "这个请求来自别的网站。请在本系统的页面上办理。")
        return None


def _temporal(settings: Settings) -> Callable[[], Awaitable[Any]]:
    """The client, connected at the first question; None while Temporal is away."""
    client: list[Any] = []

    async def get() -> Any:
        if not client and settings.temporal_address:
            import asyncio

            from worker import connect
            try:
                client.append(await asyncio.wait_for(connect(settings), 2))
            except Exception:               # away: pages show the plan
                return None
        return client[0] if client else None
    return get


def _with_forms(app: FastAPI, procedures: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """The OpenAPI with every form's schema, so that a stranger could build a client from it."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        schema = plain()
        parts = schema.setdefault("components", {}).setdefault("schemas", {})
        forms = schemas(procedures)
        for name, form in forms.items():
            parts.update(form.pop("$defs", {}))
            parts[name] = form
        choice = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in sorted(forms)] + [{"type": "null"}],
                  "description": "表单：`type` 和它的字段"}
        for model in ("OpenRequest", "ActRequest"):
            parts[model]["properties"]["form"] = choice
        app.openapi_schema = schema
        return schema
    return openapi


async def serve(settings: Settings) -> None:
    """Run until SIGTERM; open streams are given two seconds."""
    import uvicorn
    assert settings.database_url
    pool = await open_pool(settings.database_url, size=12)
    try:
        config = uvicorn.Config(build(settings, pool), host=settings.http_host, port=settings.http_port,
                                loop="uvloop", http="httptools", timeout_graceful_shutdown=2, log_level="warning",
                                access_log=False, server_header=False)
        await uvicorn.Server(config).serve()
    finally:
        await pool.close()
