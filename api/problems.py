"""问题文档 (RFC 9457). Every refusal leaves here, with its stable code and a sentence that says what to do."""
from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from domain.kernel.refusal import Refusal
from domain.kernel.words import sentence

STATUS = {"not_found": 404, "malformed": 422, "unknown_command": 422, "id_reused": 409, "stale_version": 409,
          "wrong_post": 403, "not_holder": 403, "own_case": 403, "recused": 403, "separation": 403, "too_large": 413,
          "wrong_file_type": 415, "busy": 503, "amount_invalid": 422, "opinion_required": 422, "attachment_required": 422}
"""Code → HTTP status; every other refusal is 409: the case does not allow it now."""
BUSY_SECONDS = "1"
WRONG_PASSWORD = "现在的口令不对。请核对后再填；忘了的，请到办公室领一次性口令。"


class Refused(Exception):
    """Raised where a route cannot go on; answered in one place."""

    def __init__(self, refusal: Refusal, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(refusal.code)
        self.refusal, self.fields = refusal, dict(fields or {})


class SignedOut(Exception):
    """No valid session."""


class WrongPassword(Exception):
    """The password so far was not given."""


class LockedOut(Exception):
    """Too many wrong passwords; `minutes` until the next try."""

    def __init__(self, minutes: int) -> None:
        super().__init__(str(minutes))
        self.minutes = minutes


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """One problem document."""
    body = {"type": f"/problems/{code}", "title": code, "status": status, "code": code, "detail": detail, **more}
    headers = {"Retry-After": BUSY_SECONDS} if status == 503 else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def of_refusal(refusal: Refusal, fields: Mapping[str, str] | None = None) -> JSONResponse:
    more: dict[str, Any] = {"rule": refusal.rule, "about": dict(refusal.detail)}
    if fields:
        more["fields"] = dict(fields)
    return problem(STATUS.get(refusal.code, 409), refusal.code, sentence(refusal), **more)


async def refused(request: Request, error: Refused) -> JSONResponse:
    return of_refusal(error.refusal, error.fields)


async def signed_out(request: Request, error: SignedOut) -> JSONResponse:
    return problem(401, "signed_out", "登录已过期。请重新登录，会回到这一页。")


async def wrong_password(request: Request, error: WrongPassword) -> JSONResponse:
    return problem(422, "wrong_password", WRONG_PASSWORD)


async def locked_out(request: Request, error: LockedOut) -> JSONResponse:
    return problem(429, "locked_out", f"口令错的次数太多。请{error.minutes}分钟后再试，或找办公室。")


async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    """Malformed JSON, a missing field, a wrong type: nothing was written."""
    fields = {".".join(str(x) for x in e["loc"] if x != "body"): e["msg"] for e in error.errors()[:20]}
    return problem(422, "malformed", "填写的内容还不完整或不能识别。请按标出的地方改正后再提交。", fields=fields)


async def away(request: Request, error: Exception) -> JSONResponse:
    """The database is away or starting: nothing was written that was not acknowledged; try again with the same id."""
    return problem(503, "busy", "系统正在恢复，您写的还在。请一分钟后再试。")


async def broken(request: Request, error: Exception) -> JSONResponse:
    """A bug of ours: a number to tell the office, never a trace."""
    number = f"E-{secrets.token_hex(2).upper()}"
    logging.getLogger("juanzong").error("%s %s %s", number, request.method, request.url.path, exc_info=error)
    return problem(500, "broken", f"我们这边出了问题，没有重复提交。请1分钟后再试，编号{number}。")


async def http_error(request: Request, error: HTTPException) -> JSONResponse:
    words = {404: "没有这一页。请核对地址。", 405: "这个地址不接受这种请求。请核对后再试。"}
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed")
    answer = problem(error.status_code, code, words.get(error.status_code, "请求不能识别。请核对后再试。"))
    answer.headers.update(error.headers or {})
    return answer
