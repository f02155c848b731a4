"""Our worker with the tiny procedure beside the county's: relay, workflows, activities."""
from __future__ import annotations

import asyncio

import worker
from domain.procedures import PROCEDURES
from tests.tiny.procedure import DOCUMENT

worker.PROCEDURES = {**PROCEDURES, "document": DOCUMENT}

if __name__ == "__main__":
    asyncio.run(worker.main())
