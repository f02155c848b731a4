"""文字. Free text stands outside the events: a fact holds a reference and a salted hash (G-24).

A form says which of its fields are words by their type `Text`; the door takes them out before anything is decided.
"""
from __future__ import annotations

import os
import re
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from domain.kernel.acts import Act
from domain.kernel.refusal import Refusal, no
from domain.kernel.values import Text, having

TextRow = tuple[str, str, bytes, str]
"""id, case, salt, words."""


REFERENCE_LENGTH = 97


def reference(text_id: str, salt: bytes, words: str) -> Text:
    """What the fact holds: `id.hash`."""
    return Text(f"{text_id}.{sha256(salt + words.encode()).hexdigest()}")


def id_of(ref: str) -> str:
    return ref.partition(".")[0]


def references(value: Any) -> list[str]:
    """Every reference that a fact holds, at any depth."""
    return references_in(msgspec.json.encode(value))


def references_in(data: bytes) -> list[str]:
    """The same, of a fact's canonical bytes."""
    return [data[at - 32:m.end() - 1].decode(errors="replace") for m in _HASH.finditer(data)
            if (at := m.start()) > 32 and data[at - 33] == QUOTE]


_HASH, QUOTE = re.compile(rb'\.[0-9a-f]{64}"'), ord('"')         # found by its dot: a fact has few


def too_short(form: Any, policy: Any) -> Refusal | None:
    """Words of which the policy asks at least so many characters (R-33, R-40): a form names them in `least`.

    Asked here, since what is decided knows references only. Whether there must be words at all is for the rule.
    """
    for name, (field, rule) in getattr(form, "least", {}).items():
        if 0 < len(getattr(form, name).strip()) < getattr(policy, field):
            return no("opinion_required", rule, field=name, least=getattr(policy, field))
    return None


def taken_out(act: Act, command: str, case_id: str) -> tuple[Act, list[TextRow]]:
    """The act with references in place of words, and the words. Empty stays empty."""
    rows: list[TextRow] = []

    def take(words: str) -> Text:
        if not words:
            return Text("")
        text_id, salt = sha256(f"{command}/{len(rows)}".encode()).hexdigest()[:32], os.urandom(16)
        rows.append((text_id, case_id, salt, words))
        return reference(text_id, salt, words)

    form = act.form
    if is_dataclass(form):
        places = _places(type(form))
        form = replace(form, **{name: _replace(hint, getattr(form, name), take) for name, hint in places}) \
            if places else form
    return having(act, opinion=take(act.opinion), form=form), rows


@lru_cache(maxsize=256)
def _places(form: type) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(form)
    return tuple((f.name, hints[f.name]) for f in fields(form) if _holds(hints[f.name]))


def _holds(hint: Any) -> bool:
    return hint is Text or any(_holds(h) for h in get_args(hint))


def _replace(hint: Any, value: Any, take: Any) -> Any:
    if hint is Text:
        return take(value)
    if get_origin(hint) is tuple and value is not None:
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_replace(inner[0], v, take) for v in value)
        return tuple(_replace(h, v, take) for h, v in zip(inner, value, strict=True))
    return value
