"""人员. One identity for life; rights come only from posts that hold at the moment of the act (G-6 to G-8).

Names, phones and accounts stand in the vault; the events know opaque ids (G-24).
"""
from __future__ import annotations

from datetime import date
from typing import Any

from domain.kernel.case import Case, Visit
from domain.kernel.clock import months_before
from domain.kernel.events import Entry, Event
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Holder, Seat, post
from domain.kernel.stages import Context, Policy, Procedure, Record, Stage
from domain.kernel.values import Value, having, tagged

fact = tagged("person")

OFFICE = post("office_staff", "SC1")
OFFICE_HEAD = post("office_head", "SC1")
NEAR_POSTS = ("principal", "site_head", "applicant", "bursar")
"""Whose relatives are tied to the organisation (G-16)."""
ALWAYS = ("spouse", "parent_child", "sibling", "in_law", "business", "current_employment")
LOOK_BACK = ("former_employment", "consultant")
SUBJECTS = "expert_subjects"
"""The gate that every listed expert shows; together they are the list of subjects (R-9)."""


@fact
class PersonEntered(Event):
    """人员已登记. `affiliation`: where the person is employed, which ties them to it."""
    affiliation: str = ""


@fact
class PostGiven(Event):
    kind: str
    organisation: str
    first_day: date
    last_day: date | None = None


@fact
class PostEnded(Event):
    kind: str
    organisation: str
    last_day: date


@fact
class RelationEntered(Event):
    """利害关系: to a person or to an organisation (G-16, G-17)."""
    kind: str
    person: str = ""
    organisation: str = ""
    since: date | None = None
    until: date | None = None


@fact
class TiesConfirmed(Event):
    """已确认有无利害关系 (G-22)."""
    on: date


@fact
class ExpertListed(Event):
    """入专家库 (R-21)."""
    programmes: tuple[str, ...]
    subjects: tuple[str, ...]
    first_day: date
    last_day: date
    load_max: int
    outside: bool
    district: str = ""


class PostHeld(Value):
    kind: str
    organisation: str
    first_day: date
    last_day: date | None = None

    def holds(self, day: date) -> bool:
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


class Relation(Value):
    kind: str
    person: str = ""
    organisation: str = ""
    since: date | None = None
    until: date | None = None


class Listing(Value):
    programmes: tuple[str, ...]
    subjects: tuple[str, ...]
    first_day: date
    last_day: date
    load_max: int
    outside: bool
    district: str = ""


@fact
class Person(Value):
    affiliation: str = ""
    posts: tuple[PostHeld, ...] = ()
    relations: tuple[Relation, ...] = ()
    confirmed_on: date | None = None
    listing: Listing | None = None

    def evolve(self, event: Event, entry: Entry) -> Person:
        match event:
            case PersonEntered():
                return having(self, affiliation=event.affiliation)
            case PostGiven():
                given = PostHeld(event.kind, event.organisation, event.first_day, event.last_day)
                return having(self, posts=(*self.posts, given))
            case PostEnded():
                return having(self, posts=tuple(
                    having(p, last_day=event.last_day) if (p.kind, p.organisation) == (event.kind, event.organisation)
                    and p.holds(event.last_day) else p for p in self.posts))
            case RelationEntered():
                relation = Relation(event.kind, event.person, event.organisation, event.since, event.until)
                return having(self, relations=(*self.relations, relation))
            case TiesConfirmed():
                return having(self, confirmed_on=event.on)
            case ExpertListed():
                return having(self, listing=Listing(event.programmes, event.subjects, event.first_day, event.last_day,
                                                    event.load_max, event.outside, event.district))
        return self


# -- forms and rules ---------------------------------------------------------------------------------------------


@fact
class EnterPerson:
    """登记人员。"""
    affiliation: str = ""


@fact
class GivePost:
    """任命。"""
    kind: str
    organisation: str
    first_day: date
    last_day: date | None = None


@fact
class EndPost:
    """免去职务。"""
    kind: str
    organisation: str
    last_day: date


@fact
class EnterRelation:
    """登记利害关系。"""
    kind: str
    person: str = ""
    organisation: str = ""
    since: date | None = None
    until: date | None = None


@fact
class ConfirmTies:
    """本人确认有无利害关系。"""
    on: date


@fact
class ListExpert:
    """列入专家库。"""
    programmes: tuple[str, ...]
    subjects: tuple[str, ...]
    first_day: date
    last_day: date
    load_max: int = 8
    outside: bool = False
    district: str = ""


def give_post(case: Case, visit: Visit | None, form: GivePost, context: Context) -> list[Event] | Refusal:
    """The same post is not given twice for one day."""
    if any((p.kind, p.organisation) == (form.kind, form.organisation) and p.holds(form.first_day)
           for p in case.facts.posts):
        return no("duplicate", "G-7")
    return [PostGiven(form.kind, form.organisation, form.first_day, form.last_day)]


def end_post(case: Case, visit: Visit | None, form: EndPost, context: Context) -> list[Event] | Refusal:
    if not any((p.kind, p.organisation) == (form.kind, form.organisation) and p.holds(form.last_day)
               for p in case.facts.posts):
        return no("malformed", "G-7")
    return [PostEnded(form.kind, form.organisation, form.last_day)]


def confirm_ties(case: Case, visit: Visit | None, form: ConfirmTies, context: Context) -> list[Event] | Refusal:
    return [TiesConfirmed(form.on)] if form.on <= context.now.date() else no("true_at_impossible", "G-22")


RULES = {
    EnterPerson: lambda c, v, f, x: [PersonEntered(f.affiliation)],
    GivePost: give_post, EndPost: end_post, ConfirmTies: confirm_ties,
    EnterRelation: lambda c, v, f, x: [RelationEntered(f.kind, f.person, f.organisation, f.since, f.until)],
    ListExpert: lambda c, v, f, x: [ExpertListed(f.programmes, f.subjects, f.first_day, f.last_day, f.load_max,
                                                 f.outside, f.district)],
}


def _themselves(case: Case, policy: Policy) -> tuple[Seat, ...]:
    return (Seat("self", Holder("person", case.id)),)


def shows(case: Case) -> dict[str, Any]:
    """Who is near this person, so that the other's ties are found from both sides (G-16); an expert's subjects (R-9)."""
    near = {f"near:{r.person}": True for r in case.facts.relations if r.person and r.kind in ALWAYS}
    return {**near, SUBJECTS: list(case.facts.listing.subjects)} if case.facts.listing else near


PERSON = Procedure(
    kind="person", facts=Person, rules=RULES, shows=shows, office=lambda case: OFFICE, head=lambda case: OFFICE_HEAD,
    opened_by=(Record(EnterPerson),), hears=(GivePost, EnterRelation, ConfirmTies, ListExpert),
    records=(Record(GivePost), Record(EndPost), Record(EnterRelation), Record(ListExpert),
             Record(ConfirmTies, _themselves)),
    stages=(Stage("open"),))


# -- what follows for others -------------------------------------------------------------------------------------


def posts_on(person: Person, day: date) -> frozenset[Holder]:
    """The posts that hold on that day (G-7)."""
    return frozenset(post(p.kind, p.organisation) for p in person.posts if p.holds(day))


def own_ties(person: Person, day: date, look_back_months: int) -> frozenset[str]:
    """Organisations to which the person is tied by their own posts and relations (G-16)."""
    since = months_before(day, look_back_months)
    out = {p.organisation for p in person.posts if p.kind != "expert" and p.first_day <= day
           and (p.last_day is None or p.last_day >= since)}
    out |= {person.affiliation} if person.affiliation else set()
    for r in person.relations:
        if r.organisation and (r.since is None or r.since <= day):
            recent = r.until is None or r.until >= (since if r.kind in LOOK_BACK else day)
            out |= {r.organisation} if recent and r.kind in (*ALWAYS, *LOOK_BACK) else set()
    return frozenset(out)


def near(person: Person, day: date) -> frozenset[str]:
    """People whose organisations tie this person too (G-16)."""
    return frozenset(r.person for r in person.relations if r.person and r.kind in ALWAYS
                     and (r.since is None or r.since <= day) and (r.until is None or r.until >= day))


def of_the_county(person: Person) -> bool:
    """Not on the list of experts as one from outside: of another county, or of the city's pool (G-14)."""
    return not (person.listing and person.listing.outside)


def organisations_of(person: Person, day: date) -> frozenset[str]:
    """Where this person is principal, clerk or bursar: their relatives are tied to it (G-16)."""
    return frozenset(p.organisation for p in person.posts if p.kind in NEAR_POSTS and p.holds(day))
