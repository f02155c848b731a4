"""批次: what the system owes a batch: the call, the ranking, papers, ballots, notice, document."""
from __future__ import annotations

from workflows.case_workflow import CaseWorkflow, drives


@drives
class StarBatch(CaseWorkflow):
    """一批: from the call until every application has ended."""

    async def on_window(self) -> None:
        await self.do("publish_call")

    async def on_ranking(self) -> None:
        await self.do("rank")
        await self.do("refuse_below")

    async def on_meeting(self) -> None:
        await self.do("send_papers")
        await self.do("call_candidates")        # each time somebody signs in or leaves

    async def on_notice(self) -> None:
        await self.do("cut_places")
        await self.do("refuse_below")
        await self.do("publish_notice")
        await self.do("tell_candidates")

    async def on_conferment(self) -> None:
        await self.do("hold_left_out")
        await self.do("number_document")
        await self.do("render_document")
        await self.do("confer_candidates")
