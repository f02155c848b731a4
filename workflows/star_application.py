"""评审: what the system owes an application in each stage."""
from __future__ import annotations

from workflows.case_workflow import CaseWorkflow, drives


@drives
class StarApplication(CaseWorkflow):
    """星级评审: draws by lot, tells the school, enters the register, makes certificate or letter."""

    async def on_draw(self) -> None:
        await self.do("draw_experts")           # by lot, with recusal; seed and list become a fact

    async def on_material(self) -> None:
        await self.do("check_load")             # of a dossier that came back
        await self.do("draw_experts")           # again, where a seat was lost and the reserve is used up

    async def on_third(self) -> None:
        await self.do("check_load")
        await self.do("draw_third")

    async def on_appointment(self) -> None:
        await self.do("draw_panel")

    async def on_visit(self) -> None:
        await self.do("tell_school")            # the days until the visit are a clock of the plan

    async def on_report(self) -> None:
        await self.do("draw_panel")

    async def on_answer(self) -> None:
        await self.do("draw_panel")

    async def on_re_check(self) -> None:
        await self.do("draw_panel")

    async def on_conferment(self) -> None:
        await self.do("enter_in_register")
        await self.do("render_certificate")
        await self.do("tell_people")

    async def on_letter(self) -> None:
        await self.do("render_letter")
        await self.do("tell_people")
