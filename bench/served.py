"""Our web process with everything on, and the tiny procedure beside the county's."""
from __future__ import annotations

import asyncio
import os

import uvicorn

from api.app import build
from domain.procedures import PROCEDURES
from ops.settings import Settings
from store.database import open_pool
from tests.tiny.procedure import DOCUMENT


async def main() -> None:
    settings = Settings()
    pool = await open_pool(os.environ["JUANZONG_DATABASE_URL"], 12)
    app = build(settings, pool, {**PROCEDURES, "document": DOCUMENT})
    config = uvicorn.Config(app, host="127.0.0.1", port=int(os.environ["PORT"]), loop="uvloop", http="httptools",
                            log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop
    uvloop.install()
    asyncio.run(main())
