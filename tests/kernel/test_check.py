"""A table is checked at start: each fault that `check` names, on a table that has it and nothing else."""
from __future__ import annotations

import pytest

from domain.kernel.check import BadTable, check
from domain.kernel.seats import ALL, BALLOT, person
from domain.kernel.stages import (
    Duty,
    End,
    Procedure,
    Record,
    Stage,
    escalate,
    go_on,
    go_to,
    lapse,
    leads,
    taken_as_accepted,
    told,
    vacate,
    workdays,
)
from domain.recognition.procedure import BATCH, STAR
from domain.registers.calendars import CALENDARS
from domain.registers.organisation import ORGANISATION
from domain.registers.person import PERSON
from tests.tiny.procedure import DOCUMENT

from .story import Say, SayLate, fact, row, say, seats, table

FIVE = workdays("five")


@fact
class Unruled:
    pass


@fact
class SayX:
    """Its event is known to change the part x."""
    touches = ("x",)


def anywhere(case, policy):
    return End("over")


@leads("nowhere")
def to_nowhere(case, policy):
    return End("over")


@leads("last")
def to_last(case, policy):
    return "last"


FIRST, LAST = Stage("first", seats=seats("a")), row("last", seats=seats("b"))
CHAIR = {"rule": BALLOT, "chair": lambda case, policy: person("a")}
SAME = seats("a", "b")


@pytest.mark.parametrize("procedure", [DOCUMENT, STAR, BATCH, PERSON, ORGANISATION, CALENDARS], ids=lambda p: p.kind)
def test_the_tables_that_are_served(procedure):
    check(procedure)


@pytest.mark.parametrize("procedure", [
    pytest.param(table(FIRST, LAST), id="two rows"),
    pytest.param(table(Stage("first", seats=seats("a"), to=to_last), row("last", seats=seats("b"), aside=True)), id="a question that says where it leads"),
    pytest.param(table(FIRST, row("vote", seats=seats("b"), **CHAIR)), id="a ballot with its chair"),
    pytest.param(table(Stage("first", seats=seats("a"), clock=FIVE, at_limit=go_to("aside")), LAST, row("aside", seats=seats("c"), aside=True)), id="reached by a limit"),
    pytest.param(table(FIRST, LAST, row("aside", seats=seats("c"), aside=True), hears=(Say,)), id="reached by what is heard"),
    pytest.param(table(FIRST, LAST, Stage("beside", beside=lambda case, policy: (), seats=seats("c"))), id="a row beside the others"),
    pytest.param(table(Stage("open"), records=(Record(Say),)), id="a register"),
    pytest.param(table(Stage("open"), hears=(Say,)), id="a register of what is heard"),
    pytest.param(table(Stage("open", records=(Record(Say),))), id="a row of records"),
    pytest.param(table(Stage("first", duties=(told(Say),)), LAST), id="waits for another case"),
    pytest.param(table(Stage("first", seats=seats("a"), judges="office", clock=FIVE, at_limit=taken_as_accepted), LAST), id="R-16 a check of form"),
    pytest.param(table(row("all", seats=seats("a"), rule=ALL, sees=("y",), records=(Record(SayX),)), rules={SayX: say}), id="a part that nobody has seen"),
    pytest.param(table(Stage("write", seats=SAME), row("sign", seats=seats("a", "b"), not_by=("write",))), id="a pair of two askings"),
])
def test_good_tables(procedure):
    check(procedure)


@pytest.mark.parametrize(("procedure", "fault"), [
    pytest.param(table(FIRST, LAST, row("last", seats=seats("c"))), "two rows have one name", id="names twice"),
    pytest.param(table(Stage("first", seats=seats("a"), returns=("gone",)), LAST), "first names gone, which is no row", id="returns to no row"),
    pytest.param(table(Stage("first", seats=seats("a"), refused="gone"), LAST), "first names gone, which is no row", id="refused to no row"),
    pytest.param(table(FIRST, row("last", seats=seats("b"), not_by=("gone",))), "last names gone, which is no row", id="not_by no row"),
    pytest.param(table(Stage("first", seats=seats("a"), clock=FIVE.or_rest_of("gone")), LAST), "first names gone, which is no row", id="rest of no row"),
    pytest.param(table(Stage("first", seats=seats("a"), to=to_nowhere)), "first names nowhere, which is no row", id="a question that leads to no row"),
    pytest.param(table(Stage("first", seats=seats("a"), to=anywhere)), "first: anywhere does not say where it leads", id="a question that does not say"),
    pytest.param(table(row("first", seats=seats("a"), form=Unruled)), "Unruled has no rule", id="a form without a rule"),
    pytest.param(table(row("first", seats=seats("a"), form=SayLate)), "what may be entered late has nobody to consent after the limit (C-34)", id="C-34 late, and nobody to consent"),
    pytest.param(table(row("first", seats=seats("a"), records=(Record(Unruled),))), "Unruled has no rule", id="a record without a rule"),
    pytest.param(table(row("first", seats=seats("a")), records=(Record(Unruled),)), "Unruled has no rule", id="a record of any row without a rule"),
    pytest.param(table(row("first", seats=seats("a")), opened_by=(Record(Unruled),)), "Unruled has no rule", id="a first fact without a rule"),
    pytest.param(table(row("first", duties=(Duty("d", Unruled),))), "Unruled has no rule", id="a duty without a rule"),
    pytest.param(table(row("first", seats=seats("a")), hears=(Unruled,)), "Unruled has no rule", id="a hearing without a rule"),
    pytest.param(table(FIRST, Stage("last", seats=seats("b"))), "last is the last row and names no end", id="no end"),
    pytest.param(table(FIRST, LAST, row("more", seats=seats("c"))), "more is never reached", id="behind the end"),
    pytest.param(table(FIRST, LAST, row("aside", seats=seats("c"), aside=True)), "aside is never reached", id="aside and not named"),
    pytest.param(table(FIRST, LAST, Stage("beside", beside=lambda case, policy: (), when=lambda case, policy: True, seats=seats("c"))),
                 "beside is beside others and has a `when`", id="beside and when"),
    pytest.param(table(Stage("first", seats=seats("a"), judges="panel", clock=FIVE, at_limit=go_on), LAST), "first judges, and silence must not decide it (A-41)", id="A-41 pass"),
    pytest.param(table(Stage("first", seats=seats("a"), judges="panel", clock=FIVE, at_limit=lapse), LAST), "first judges, and silence must not decide it (A-41)", id="A-41 lapse"),
    pytest.param(table(Stage("first", seats=seats("a"), judges="panel", clock=FIVE, at_limit=go_to("last")), LAST), "first judges, and silence must not decide it (A-41)", id="A-41 go to"),
    pytest.param(table(Stage("first", seats=seats("a"), form=Say, judges="office", clock=FIVE, at_limit=taken_as_accepted), LAST),
                 "first decides more than form, and is taken as accepted (R-16)", id="R-16 more than form"),
    pytest.param(table(FIRST, row("vote", seats=seats("b"), rule=BALLOT)), "vote is a ballot without a chair (A-12)", id="A-12 no chair"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=go_on), LAST), "first names a limit and has no clock", id="go_on without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=lapse), LAST), "first names a limit and has no clock", id="lapse without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=escalate("head", "B")), LAST), "first names a limit and has no clock", id="escalate without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=taken_as_accepted), LAST), "first names a limit and has no clock", id="taken_as_accepted without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=vacate), LAST), "first names a limit and has no clock", id="vacate without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), at_limit=go_to("last")), LAST), "first names a limit and has no clock", id="go_to without a clock"),
    pytest.param(table(Stage("first", seats=seats("a"), clock=FIVE, at_limit=go_to("gone")), LAST), "first names gone, which is no row", id="a limit to no row"),
    pytest.param(table(row("all", seats=seats("a"), rule=ALL, sees=("x",), records=(Record(SayX),)), rules={SayX: say}),
                 "all: SayX changes a part that its other seats have seen", id="a record that changes what others saw"),
    pytest.param(table(Stage("wait"), LAST), "wait waits for nobody", id="nobody to wait for"),
    pytest.param(table(Stage("write", seats=SAME), row("sign", seats=SAME, not_by=("write",))), "sign asks those who are barred by write", id="asks those who are barred"),
])
def test_faults(procedure: Procedure, fault: str):
    with pytest.raises(BadTable) as bad:
        check(procedure)
    assert str(bad.value) == f"tale: {fault}"


def test_all_faults_are_told_at_once():
    with pytest.raises(BadTable) as bad:
        check(table(FIRST, LAST, Stage("more", seats=seats("c")), row("vote", seats=seats("d"), rule=BALLOT)))
    assert str(bad.value) == "tale: more is never reached; vote is never reached; vote is a ballot without a chair (A-12)"
