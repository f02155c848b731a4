"""佐证. Evidence by content hash: streamed to disk, its kind judged by its content, bound to the uploader."""
from __future__ import annotations

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import asyncpg
import filetype

from domain.kernel.refusal import Refusal, no

KINDS = {"pdf": "pdf", "jpg": "jpg", "jpeg": "jpg", "png": "png", "mp4": "mp4", "docx": "docx", "doc": "doc",
         "xlsx": "xlsx", "xls": "xls"}
"""Extension → what the content must be (R-10)."""
MAGIC = {b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("doc", "xls")}


class Files:
    """Three calls: `take`, `open`, `put`. A bigger installation keeps them on an object store behind the same three."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self.folder, self.bytes_max = folder, bytes_max
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    async def take(self, chunks: AsyncIterator[bytes], name: str, uploader: str, pool: asyncpg.Pool) -> str | Refusal:
        """Store an upload; returns its hash. Refuses `too_large`, `wrong_file_type`; nothing is left behind then."""
        extension = name.rpartition(".")[2].lower()
        if extension not in KINDS:
            return no("wrong_file_type", "R-10", name=name)
        digest, size, part = sha256(), 0, self.folder / f".part-{os.urandom(8).hex()}"
        try:
            with part.open("wb") as out:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self.bytes_max:
                        return no("too_large", "R-10", most=self.bytes_max)
                    digest.update(chunk)
                    out.write(chunk)
            if not size or not _is(part, KINDS[extension]):
                return no("wrong_file_type", "R-10", name=name)
            self._keep(part, digest.hexdigest())
        finally:
            part.unlink(missing_ok=True)
        await self._note(pool, digest.hexdigest(), size, KINDS[extension], name, uploader)
        return digest.hexdigest()

    async def put(self, data: bytes, kind: str, name: str, case_id: str, pool: asyncpg.Pool) -> str:
        """Keep a paper that the system made, bound to its case; the same bytes are one file."""
        digest = sha256(data).hexdigest()
        if not self.path(digest).exists():
            part = self.folder / f".part-{os.urandom(8).hex()}"
            part.write_bytes(data)
            self._keep(part, digest)
        await self._note(pool, digest, len(data), kind, name, "system", case_id)
        return digest

    def _keep(self, part: Path, digest: str) -> None:
        target = self.path(digest)
        target.parent.mkdir(exist_ok=True)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)

    async def _note(self, pool: asyncpg.Pool, digest: str, size: int, kind: str, name: str, uploader: str,
                    case_id: str = "") -> None:
        await pool.execute("insert into file values ($1, $2, $3, county_now()) on conflict do nothing", digest, size, kind)
        await pool.execute("insert into file_use values ($1, $2, $3, $4, county_now()) on conflict do nothing",
                           digest, uploader, name, case_id)


def _is(path: Path, wanted: str) -> bool:
    """Whether the content is what the name says."""
    guess = filetype.guess(str(path))
    if guess is not None and guess.extension == wanted:
        return True
    with path.open("rb") as file:
        head = file.read(8)
    return wanted in MAGIC.get(head, ())
