"""Every procedure that this county serves, by kind. A table with a fault stops the program at start."""
from __future__ import annotations

from domain.kernel.check import check
from domain.kernel.stages import Procedure
from domain.recognition.procedure import BATCH, STAR
from domain.registers.calendars import CALENDARS
from domain.registers.organisation import ORGANISATION
from domain.registers.person import PERSON

REGISTERS = (PERSON, ORGANISATION, CALENDARS)
PROCEDURES: dict[str, Procedure] = {p.kind: p for p in (*REGISTERS, STAR, BATCH)}

for _procedure in PROCEDURES.values():
    check(_procedure)
