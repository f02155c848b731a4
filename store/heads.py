"""签名存放. The heads of all cases are signed at intervals into a file of their own, so that what was cut off shows.

A chain alone proves that nothing inside was changed by halves; that its newest events or a whole case are still there, and
that nobody made the whole chain anew, is proved by a head that was signed before. The files of the policies are signed with
them, as `policy:<id>`: they are rules, and no event holds them. One JSON line a seal: time, cases, the signature of the line
before, signature (Ed25519). Only lines cut off at the end of the file do not show: keep a copy elsewhere. Whoever holds the
private key can sign a record that he made up, so it has a folder of its own, and may lie on another volume.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

FILE, PUBLIC, KEY = "heads.jsonl", "heads.pub", Path("keys", "seal.key")
"""Below the data folder, where nothing else is said."""


class Damaged(InvalidSignature):
    """The seals, or a key, are not what they were: says which, and why. What was sealed before stays to be looked at."""


class Seal(msgspec.Struct):
    at: str
    cases: dict[str, tuple[int, str]]       # case → (version, hash); only what moved since the seal before
    after: str = ""                         # the signature of the seal before
    signature: str = ""

    def bytes(self) -> bytes:
        return msgspec.json.encode([self.at, self.cases, self.after], order="deterministic")


def _key(path: Path, folder: Path) -> Ed25519PrivateKey:
    """The private key, made at the first seal; one that lay beside the seals (as it once did) moves."""
    old = folder / "heads.key"
    if not path.exists():
        raw = old.read_bytes() if old.exists() else Ed25519PrivateKey.generate().private_bytes(
            Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        old.unlink(missing_ok=True)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


async def seal(pool: asyncpg.Pool, folder: Path, key_path: Path | None = None) -> int:
    """Sign the heads that moved since the last seal; returns how many. One at a time, however many workers there are.

    Raises Damaged, and signs nothing, where the seals so far cannot be read or the key is not theirs.
    """
    path = folder / FILE
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(7220)")
        before, last, whole = _read(path) if path.exists() else ({}, "", 0)
        rows = await connection.fetch("select id, version, head from case_head union all "
                                      "select 'policy:' || id, 1, sha256(body) from policy")
        moved = {r["id"]: (r["version"], r["head"].hex()) for r in rows if before.get(r["id"]) != (r["version"], r["head"])}
        if not moved:
            return 0
        with _or_damaged(key_path or folder / KEY):
            key = _key(key_path or folder / KEY, folder)
            mine = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            public = folder / PUBLIC
            if not public.exists():
                public.write_bytes(mine)
            if public.read_bytes() != mine:     # a seal by another key would make the whole file worthless
                raise InvalidSignature(f"not the key of {public}")
        new = Seal((await connection.fetchval("select clock_timestamp()")).isoformat(), moved, last)
        new.signature = key.sign(new.bytes()).hex()
        with _or_damaged(path), path.open("ab") as file:
            file.truncate(whole)            # a line that a crash cut short says nothing
            file.write(msgspec.json.encode(new) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return len(moved)


def read_heads(path: Path) -> dict[str, tuple[int, bytes]]:
    """The newest signed head of each case. Raises Damaged where a line was changed, left out or moved."""
    return _read(path)[0]


def trusted(path: Path) -> str:
    """The public key by which the seals in that file are judged, in hexadecimal. Keep a copy of it elsewhere: whoever
    replaces seals and key together is seen by it alone."""
    with _or_damaged(path.parent / PUBLIC):
        return (path.parent / PUBLIC).read_bytes().hex()


@contextmanager
def _or_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (InvalidSignature, msgspec.MsgspecError, ValueError, OSError) as error:
        raise Damaged(f"{path}：{error or type(error).__name__}") from error


def _read(path: Path) -> tuple[dict[str, tuple[int, bytes]], str, int]:
    """Heads, the last signature, and the bytes up to the end of the last whole line."""
    with _or_damaged(path):
        public = Ed25519PublicKey.from_public_bytes((path.parent / PUBLIC).read_bytes())
        out: dict[str, tuple[int, bytes]] = {}
        last, whole = "", 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                one = msgspec.json.decode(line, type=Seal)
                public.verify(_signature(one), one.bytes())
                if one.after != last:
                    raise InvalidSignature("a seal was left out or moved")
                last, whole = one.signature, whole + len(line)
                out |= {case: (version, bytes.fromhex(head)) for case, (version, head) in one.cases.items()}
    return out, last, whole


def _signature(one: Seal) -> bytes:
    try:
        return bytes.fromhex(one.signature)
    except ValueError:
        raise InvalidSignature from None


__all__ = ["FILE", "KEY", "Damaged", "InvalidSignature", "read_heads", "seal", "trusted"]
