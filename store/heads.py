"""签名存放. The heads of all cases are signed at intervals into a file of their own, so that what was cut off shows.

A chain alone proves that nothing inside was changed by halves; that its newest events or a whole case are still there, and
that nobody made the whole chain anew, is proved by a head that was signed before. The files of the policies are signed with
them, as `policy:<id>`: they are rules, and no event holds them. One JSON line a seal: time, cases, the signature of the line
before, signature (Ed25519). Only lines cut off at the end of the file do not show: keep a copy elsewhere.
"""
from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


class Seal(msgspec.Struct):
    at: str
    cases: dict[str, tuple[int, str]]       # case → (version, hash); only what moved since the seal before
    after: str = ""                         # the signature of the seal before
    signature: str = ""

    def bytes(self) -> bytes:
        return msgspec.json.encode([self.at, self.cases, self.after], order="deterministic")


def _key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


async def seal(pool: asyncpg.Pool, folder: Path) -> int:
    """Sign the heads that moved since the last seal; returns how many. One at a time, however many workers there are."""
    path = folder / "heads.jsonl"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(7220)")
        before, last, whole = _read(path) if path.exists() else ({}, "", 0)
        rows = await connection.fetch("select id, version, head from case_head union all "
                                      "select 'policy:' || id, 1, sha256(body) from policy")
        moved = {r["id"]: (r["version"], r["head"].hex()) for r in rows if before.get(r["id"]) != (r["version"], r["head"])}
        if not moved:
            return 0
        key = _key(folder / "heads.key")
        new = Seal((await connection.fetchval("select clock_timestamp()")).isoformat(), moved, last)
        new.signature = key.sign(new.bytes()).hex()
        public = folder / "heads.pub"
        if not public.exists():
            public.write_bytes(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        with path.open("ab") as file:
            file.truncate(whole)            # a line that a crash cut short says nothing
            file.write(msgspec.json.encode(new) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return len(moved)


def read_heads(path: Path) -> dict[str, tuple[int, bytes]]:
    """The newest signed head of each case. Raises InvalidSignature where a line was changed, left out or moved."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, tuple[int, bytes]], str, int]:
    """Heads, the last signature, and the bytes up to the end of the last whole line."""
    public = Ed25519PublicKey.from_public_bytes((path.parent / "heads.pub").read_bytes())
    out: dict[str, tuple[int, bytes]] = {}
    last, whole = "", 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            one = msgspec.json.decode(line, type=Seal)
            public.verify(_signature(one), one.bytes())
            if one.after != last:
                raise InvalidSignature
            last, whole = one.signature, whole + len(line)
            out |= {case: (version, bytes.fromhex(head)) for case, (version, head) in one.cases.items()}
    return out, last, whole


def _signature(one: Seal) -> bytes:
    try:
        return bytes.fromhex(one.signature)
    except ValueError:
        raise InvalidSignature from None


__all__ = ["InvalidSignature", "read_heads", "seal"]
