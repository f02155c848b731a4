"""谁来办. Who sits where in an application and its batch."""
from __future__ import annotations

from domain.kernel.case import Case
from domain.kernel.seats import Holder, Seat, person, pool, post
from domain.kernel.stages import roster

from .policy import StarPolicy

SECTIONS = {"star-school": ("basic_education_section", "SC2"), "star-kindergarten": ("preschool_section", "SC3"),
            "county-demonstration-kindergarten": ("preschool_section", "SC3"),
            "nomination-star-school": ("basic_education_section", "SC2")}
"""Programme → the section that handles it (G-4)."""


def section(policy_id: str) -> tuple[str, str]:
    return SECTIONS[policy_id.rsplit("-", 1)[0]]


def office(case: Case) -> Holder:
    kind, organisation = section(case.policy)
    return post(f"{kind}_staff", organisation)


def head(case: Case) -> Holder:
    kind, organisation = section(case.policy)
    return post(f"{kind}_head", organisation)


def the_clerk(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("clerk", post("applicant", case.subject)),)


def principal_of(case: Case) -> Holder:
    """The head of the school; in a village school the head of the site (G-8)."""
    return post("site_head" if case.subject.startswith("VS") else "principal", case.subject)


def the_principal(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("principal", principal_of(case)),)


def office_clerk(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    kind, organisation = section(case.policy)
    return (Seat("office", pool(f"{kind}_staff", organisation)),)


def section_head(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("head", head(case)),)


def leader(case: Case) -> Holder:
    return post("bureau_leader", "BUREAU")


def bureau_leader(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    return (Seat("leader", leader(case)),)


def head_or_leader(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    """Who decides on a demanded recusal; about a head the leader does (G-19)."""
    return (*section_head(case, policy), *bureau_leader(case, policy))


the_experts = roster("experts")
the_third = roster("third")
the_panel = roster("panel")
panel_leader = roster("panel", 1)


re_checkers = roster("panel", lambda policy: 2 if policy.rescored_by == "leader_and_one" else None)
"""R-35: the whole panel, or its leader and one member."""


def the_committee(case: Case, policy: StarPolicy) -> tuple[Seat, ...]:
    """Every member has a seat; who has signed in holds it, who is recused has lost it (A-11, R-65)."""
    f = case.facts
    recused = {*f.recused, *case.recused}
    return tuple(Seat(m, person(m), claimed_by=m if m in f.present else "", gone="recused" if m in recused else "")
                 for m in case.roster("committee").members)


def the_chair(case: Case, policy: StarPolicy) -> Holder:
    """The meeting's chair; recused here: the first in order who is present; nobody left: the chair again (A-12)."""
    visit, f = case.at("vote"), case.facts
    here = [s.key for s in visit.seats if s.claimed_by and not s.gone] if visit else []
    return person(f.chair if f.chair in here or not here else here[0])
