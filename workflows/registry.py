"""Which workflow drives which kind of case."""
from __future__ import annotations

from workflows.case_workflow import CaseWorkflow, PlainCase
from workflows.star_application import StarApplication
from workflows.star_batch import StarBatch

WORKFLOWS: dict[str, type[CaseWorkflow]] = {"star": StarApplication, "star_batch": StarBatch}
TASK_QUEUE = "juanzong"


def workflow_of(kind: str) -> type[CaseWorkflow]:
    """A kind without duties needs no file of its own."""
    return WORKFLOWS.get(kind, PlainCase)


ALL = (PlainCase, *WORKFLOWS.values())
