"""新的利害关系 (G-16, G-20, G-21): what the register learns reaches the cases in which the person sits or has judged."""
from __future__ import annotations

from datetime import date

import pytest

from activities.ties import find_ties
from domain.kernel.acts import Act
from domain.kernel.case import Case
from domain.kernel.stages import WORKFLOW
from domain.registers.person import EnterRelation, GivePost
from store.door import Command, Receipt
from store.verify import verify
from tests.county import County

SCHOOL = "PR003"
SINCE = date(2026, 1, 1)


async def learns(county: County, who: str, form: object) -> None:
    got = await county.door.handle(Command(f"learns/{who}/{form}", WORKFLOW, Act("hear", form=form), who))
    assert isinstance(got, Receipt), got


async def follows(county: County) -> None:
    """The reader, to the end of the log."""
    while await find_ties(county.pool, county.door):
        pass
    await county.settle()


async def drawn(county: County, until: str = "material") -> tuple[str, Case]:
    case = await county.application(await county.batch(), SCHOOL, until)
    await follows(county)
    return case, (await county.read(case)).case


async def its_principal(county: County, who: str) -> GivePost:
    return GivePost("principal", SCHOOL, SINCE)


async def employed_there(county: County, who: str) -> EnterRelation:
    return EnterRelation("current_employment", organisation=SCHOOL)


async def married_to_the_clerk(county: County, who: str) -> EnterRelation:
    return EnterRelation("spouse", person=await county.holder(f"applicant@{SCHOOL}"))


@pytest.mark.parametrize("data", [its_principal, employed_there, married_to_the_clerk])
async def test_G_20_an_expert_with_a_tie_that_is_found_is_replaced(county: County, data):
    case, before = await drawn(county)
    first = before.roster("experts").members[0]
    await learns(county, first, await data(county, first))
    await follows(county)
    after = (await county.read(case)).case
    assert first in after.recused
    assert first not in after.roster("experts").members
    assert len(after.roster("experts").members) == len(before.roster("experts").members)
    assert [f.what async for f in verify(county.pool)][:-1] == []


async def test_G_16_the_relation_stands_in_the_register_of_the_other(county: County):
    """The clerk's register names the expert; the expert's own says nothing."""
    case, before = await drawn(county)
    first = before.roster("experts").members[0]
    await learns(county, await county.holder(f"applicant@{SCHOOL}"), EnterRelation("sibling", person=first))
    assert SCHOOL in (await county.door.who(first)).ties
    await follows(county)
    assert first in (await county.read(case)).case.recused


async def test_G_21_a_sheet_under_a_tie_is_scored_again_by_another(county: County):
    case, before = await drawn(county)
    policy = (await county.read(case)).context.policy
    for t in (await county.read(case)).plan.tasks:
        await county.act(t.holder.id, case, "agree", t.visit, t.seat, form=county.sheet(policy))
    await county.settle()
    assert (await county.read(case)).plan.stages == ("appointment",)
    first, second = before.roster("experts").members
    await learns(county, first, await its_principal(county, first))
    await follows(county)
    reading = await county.read(case)
    # the reserve opens the dossier by scoring: nobody's sheet but the tainted one is asked for again
    asked = {t.holder.id for t in reading.plan.tasks}
    assert reading.plan.stages[0] in ("draw", "material")
    assert first not in asked
    assert second in reading.case.facts.sheets


async def test_G_20_the_schools_own_people_are_not_recused(county: County):
    """They are no judges there: the principal signs for the school as before."""
    case = await county.application(await county.batch(), SCHOOL, "co_sign")
    await follows(county)
    principal = await county.holder(f"principal@{SCHOOL}")
    await learns(county, principal, EnterRelation("current_employment", organisation=SCHOOL))
    await follows(county)
    assert (await county.read(case)).case.recused == frozenset()


async def test_G_20_read_again_from_the_start_nothing_is_done_twice(county: County):
    """After a restore the cursor starts over."""
    case, before = await drawn(county)
    first = before.roster("experts").members[0]
    await learns(county, first, await its_principal(county, first))
    await follows(county)
    version = (await county.read(case)).version
    await county.pool.execute("update reader set cursor = '0.0'")
    await follows(county)
    assert (await county.read(case)).version == version


async def test_G_20_an_organisation_that_handles_its_own_papers(county: County):
    """The tiny approval is about the organisation whose posts write, check and sign it: nobody there is tied to it."""
    from store.door import Door
    from tests.tiny.procedure import DOCUMENT, Write
    door = Door(county.pool, {**county.door.procedures, "document": DOCUMENT})
    drafter, checker = await county.holder("principal@PR006"), await county.holder("applicant@PR006")
    for who, kind in ((drafter, "drafter"), (checker, "checker")):
        await learns(county, who, GivePost(kind, "PR006", SINCE))
    opened = await door.handle(Command("own/o", drafter, Act("look"), kind="document", subject="PR006"))
    assert isinstance(opened, Receipt), opened
    for n, (who, act) in enumerate(((drafter, Act("agree", 1, "drafter", form=Write("正文"))), (checker, Act("agree", 2, "checker")))):
        got = await door.handle(Command(f"own/{n}", who, act, opened.case))
        assert isinstance(got, Receipt), got
    await learns(county, checker, EnterRelation("current_employment", organisation="PR006"))
    while await find_ties(county.pool, door):
        pass
    assert (await door.read(opened.case, WORKFLOW)).case.recused == frozenset()
