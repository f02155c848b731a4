"""Canonical bytes. Events are hashed as they are stored; a state is read back with the types of its procedure.

Where the type of a value is not known beforehand (a family's facts, what a child tells, a form that waits for its second
person) it is stored as [tag, value].
"""
from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from domain.kernel.case import Case, Proposal, Tally
from domain.kernel.clock import Clock
from domain.kernel.events import ChildStands, Entry, Event, FactProposed
from domain.kernel.values import TAGS, having

_encoder = msgspec.json.Encoder(order="deterministic")
encode = _encoder.encode


class UnknownTag(ValueError):
    """The log holds a tag that this program does not know: it is older than the log. Never skipped."""


class _Packed(msgspec.Struct, array_like=True):
    tag: str
    value: Any


class _Unpacked(msgspec.Struct, array_like=True):
    tag: str
    value: msgspec.Raw


@lru_cache(maxsize=1024)
def _decoder(tag: str) -> msgspec.json.Decoder:
    cls = TAGS.get(tag)
    if cls is None:
        raise UnknownTag(tag)
    return msgspec.json.Decoder(cls)


_unpacked = msgspec.json.Decoder(_Unpacked)


def pack(value: Any) -> Any:
    """A value whose type the reader will not know."""
    return _Packed(value.tag, value) if hasattr(type(value), "tag") else _Packed("", value)


def _unpack(packed: _Unpacked) -> Any:
    return _decoder(packed.tag).decode(packed.value) if packed.tag else msgspec.json.decode(packed.value)


def value_bytes(value: Any) -> bytes:
    """A gate's value, or another that stands alone."""
    return encode(pack(value))


@lru_cache(maxsize=4096)
def value_of(data: bytes) -> Any:
    return _unpack(_unpacked.decode(data))


# -- events --------------------------------------------------------------------------------------------------


class _ChildStands(msgspec.Struct):
    child: str
    stands: _Unpacked
    was: _Unpacked


class _FactProposed(msgspec.Struct):
    form: _Unpacked
    reason: str
    visit: int = 0
    at: datetime | None = None
    clock: Clock | None = None


_child_stands, _fact_proposed = msgspec.json.Decoder(_ChildStands), msgspec.json.Decoder(_FactProposed)


def event_bytes(event: Event) -> bytes:
    """Canonical: fields in the order of the class, mappings and sets sorted, no spaces."""
    match event:
        case ChildStands():
            return encode({"child": event.child, "stands": pack(event.stands), "was": pack(event.was)})
        case FactProposed():
            return encode({"form": pack(event.form), "reason": event.reason, "visit": event.visit, "at": event.at,
                           "clock": event.clock})
    return encode(event)


def event_of(tag: str, data: bytes) -> Event:
    """Raises UnknownTag for a tag that nobody registered."""
    if tag == ChildStands.tag:
        c = _child_stands.decode(data)
        return ChildStands(c.child, _unpack(c.stands), _unpack(c.was))
    if tag == FactProposed.tag:
        p = _fact_proposed.decode(data)
        return FactProposed(_unpack(p.form), p.reason, p.visit, p.at, p.clock)
    return _decoder(tag).decode(data)


ALGORITHM = b"\x01"                         # sha-256


def chained(prev: bytes, case_id: str, version: int, entry: Entry, data: bytes, entered_at: Any, command: str,
            cause: str) -> bytes:
    """The hash of an event over the one before it, its envelope and its bytes."""
    envelope = encode([case_id, version, entry.event.tag, entry.at.timestamp(), entered_at.timestamp(), entry.by,
                       entry.behind, entry.post, entry.rule, command, cause])
    return ALGORITHM + sha256(prev + len(envelope).to_bytes(4, "big") + envelope + data).digest()


# -- states --------------------------------------------------------------------------------------------------


class _Proposed(msgspec.Struct, array_like=True):
    no: int
    form: _Unpacked
    by: str
    reason: str
    visit: int = 0
    post: str = ""
    behind: str = ""
    at: datetime | None = None
    clock: Clock | None = None


class _Stored(msgspec.Struct, array_like=True):
    case: Case
    facts: _Unpacked
    children: dict[str, _Unpacked]
    proposed: list[_Proposed]


def _tally(type_: type, value: Any) -> Any:
    if type_ is Tally:
        return Tally(value)
    raise NotImplementedError(type_)


_state = msgspec.json.Decoder(_Stored, dec_hook=_tally)


def state_bytes(case: Case) -> bytes:
    bare = having(case, facts=None, children={}, proposed=(), tally={}, line="")
    return encode([bare, pack(case.facts), {k: pack(v) for k, v in case.children.items()},
                   [(p.no, pack(p.form), p.by, p.reason, p.visit, p.post, p.behind, p.at, p.clock) for p in case.proposed]])


def state_of(data: bytes) -> Case:
    s = _state.decode(data)
    return having(s.case, facts=_unpack(s.facts), tally=Tally(),
                  children={k: _unpack(v) for k, v in s.children.items()},
                  proposed=tuple(Proposal(p.no, _unpack(p.form), p.by, p.reason, p.visit, p.post, p.behind, p.at, p.clock)
                                 for p in s.proposed))
