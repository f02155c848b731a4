"""A load from a process of its own: so many requests in flight over kept connections, for so many seconds.

Reads one JSON line on standard input: {"port", "seconds", "in_flight", "ours", "cases", "cookies"}; answers with one.
"""
from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from urllib.parse import quote

import uvloop

OPINION = "材料齐全，同意进入下一环节，请按期办理。"


class Connection:
    """One kept HTTP/1.1 connection; small answers only."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, path: str, body: bytes, headers: str) -> tuple[int, bytes]:
        self.writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
        return int(head[9:12]), await self.reader.readexactly(length)


async def run(job: dict) -> dict:
    cases, took, refused = job["cases"], [], 0
    end = time.perf_counter() + job["seconds"]
    place = {c["id"]: (c["visit"], c["turn"]) for c in cases}

    async def one(mine: list[str]) -> None:
        nonlocal refused
        connection = Connection(job["port"])
        await connection.open()
        n = 0
        while time.perf_counter() < end:
            case = mine[n % len(mine)]
            n += 1
            visit, turn = place[case]
            body = {"verb": "agree", "visit": visit, "seat": "checker", "opinion": OPINION} if turn == "check" else {
                "verb": "return", "visit": visit, "seat": "leader", "to": "check", "opinion": OPINION}
            headers = f"Cookie: juanzong={job['cookies'][turn]}\r\nIdempotency-Key: {uuid.uuid4()}\r\n"
            path = f"/api/cases/{quote(case)}/acts" if job["ours"] else f"/act/{quote(case)}"
            began = time.perf_counter()
            status, answer = await connection.post(path, json.dumps(body, ensure_ascii=False).encode(), headers)
            took.append(time.perf_counter() - began)
            if status != 200:
                refused += 1
                if refused < 3:
                    print(status, answer[:300].decode(), file=sys.stderr)
            elif job["ours"]:
                place[case] = (visit + 1, "sign" if turn == "check" else "check")
    parts = [[c["id"] for c in cases[i::job["in_flight"]]] for i in range(job["in_flight"])]
    began = time.perf_counter()
    await asyncio.gather(*(one(p) for p in parts))
    seconds = time.perf_counter() - began
    took.sort()
    return {"per_second": len(took) / seconds, "p50_ms": took[len(took) // 2] * 1000, "refused": refused,
            "place": [{"id": k, "visit": v, "turn": t} for k, (v, t) in place.items()]}


if __name__ == "__main__":
    uvloop.install()
    print(json.dumps(asyncio.run(run(json.loads(sys.stdin.readline())))))
