"""Forms at the border. A form is the procedure's own dataclass; pydantic reads it, and the OpenAPI shows each of them."""
from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.kernel.stages import Procedure


def name_of(form: type) -> str:
    """`star.answer_leaf.v1` → `answer_leaf`: what the wire calls it."""
    return form.tag.split(".")[1]




def people_forms(procedure: Procedure) -> dict[str, type]:
    """The forms that people bring: agreed with a seat, recorded, or opening a case."""
    forms = [s.form for s in procedure.stages if s.form] + [r.form for s in procedure.stages for r in s.records]
    forms += [r.form for r in (*procedure.records, *procedure.opened_by)]
    return {name_of(f): f for f in forms}


@lru_cache(maxsize=256)
def adapter(form: type) -> TypeAdapter[Any]:
    return TypeAdapter(form)


class BadForm(ValueError):
    """`malformed`: which fields, in words."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(str(dict(fields)))
        self.fields = dict(fields)


def read_form(procedure: Procedure, data: Mapping[str, Any] | None) -> Any:
    """The form named by `type`. Raises BadForm."""
    if data is None:
        return None
    form = people_forms(procedure).get(str(data.get("type", "")))
    if form is None:
        raise BadForm({"type": "没有这种表单"})
    try:
        return adapter(form).validate_python({k: v for k, v in data.items() if k != "type"})
    except ValidationError as error:
        raise BadForm({".".join(map(str, e["loc"])): e["msg"] for e in error.errors()}) from None


def schemas(procedures: Mapping[str, Procedure]) -> dict[str, dict[str, Any]]:
    """JSON schema of every form by its wire name, with `type` fixed."""
    out = {}
    for procedure in procedures.values():
        for name, form in people_forms(procedure).items():
            schema = adapter(form).json_schema(ref_template="#/components/schemas/{model}")
            schema["properties"] = {"type": {"const": name, "type": "string"}, **schema.get("properties", {})}
            schema["required"] = ["type", *schema.get("required", [])]
            schema["title"] = f"{procedure.kind}.{name}"
            schema["description"] = (form.__doc__ or "").strip()
            out[f"{procedure.kind}.{name}"] = schema
    return out
