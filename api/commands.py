"""The routes of commands. FastAPI documents them by their signature; the request is read here, once and by itself.

Solving the dependencies anew for each request was a fifth of a command's CPU (docs/benchmarks.md).
"""
from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, get_type_hints

from fastapi import Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError

from . import models as m
from .sessions import claimed

KEY_MAX, KEY_PATTERN = 80, r"^[\x21-\x7e]+$"
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=KEY_MAX, pattern=KEY_PATTERN)]


class _Envelope(m.Model):
    case: m.Id = ""
    key: Annotated[str | None, Field(alias="Idempotency-Key", max_length=KEY_MAX, pattern=KEY_PATTERN)] = None


class CommandRoute(APIRoute):
    """For endpoints of (request, case, body, session, key), of which the path may leave out the case."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:
        endpoint, model = self.endpoint, get_type_hints(self.endpoint)["body"]
        assert issubclass(model, BaseModel)

        async def handler(request: Request) -> Response:
            headers, path = request.headers, request.path_params
            session = claimed(request)
            if not _is_json(headers.get("content-type", "")):
                raise RequestValidationError([{"loc": ("body",), "msg": "请以 application/json 提交"}])
            try:
                outside = _Envelope.model_validate({**path, "Idempotency-Key": headers.get("idempotency-key")})
                body = model.model_validate_json(await request.body())
            except ValidationError as error:
                raise RequestValidationError(error.errors()) from None
            return await endpoint(request=request, body=body, session=session, key=outside.key or str(uuid.uuid4()), **path)
        return handler


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
