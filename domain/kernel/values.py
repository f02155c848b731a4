"""Plain frozen values: how they are changed, and the tags under which the log and the border know them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NewType, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace as having

__all__ = ["TAGS", "Text", "Value", "field", "having", "tagged"]

T = TypeVar("T")
Text = NewType("Text", str)
"""Free text of a person. The door keeps the words in `texts` and hands on a reference: no event holds them (G-24)."""

TAGS: dict[str, type] = {}
"""Tag → class, for everything that is stored where its type is not known beforehand. Tags only grow."""


class Value(Struct, frozen=True, gc=False):
    """What decisions are made of: made, read and changed (`having`) in a fraction of a frozen dataclass's time (0015).

    Python's collector need not look at them: what never changes cannot come to hold itself.
    """


def tagged(family: str, version: int = 1) -> Callable[[type[T]], type[T]]:
    """What the log can hold, registered as `family.name_of_class.vN`: a value, or a form that people bring. Forms are
    frozen dataclasses: pydantic reads those at the border."""

    def register(cls: Any) -> Any:
        if not issubclass(cls, Value):
            cls = dataclass(frozen=True)(cls)
        snake = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")
        cls.tag = f"{family}.{snake}.v{version}"
        assert cls.tag not in TAGS, cls.tag
        TAGS[cls.tag] = cls
        return cls
    return register
