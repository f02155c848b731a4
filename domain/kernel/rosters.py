"""名单. Who was drawn or named for a case, in order; the reserve steps in by itself (R-21, A-10)."""
from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from .values import Value, having


class Roster(Value):
    members: tuple[str, ...] = ()
    reserve: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()      # who left, and why
    dry: bool = False                           # the last draw found nobody
    excluded: tuple[tuple[str, str], ...] = ()  # then: whom it met, and why each could not be drawn (G-14)
    places: tuple[tuple[str, str, int], ...] = ()   # who left, who came instead ("" = nobody yet), and the place

    def without(self, who: str, why: str) -> Roster:
        """One member less: the others move up, the first of the reserve joins. Of the reserve itself just one less."""
        if who in self.reserve:
            return having(self, reserve=tuple(r for r in self.reserve if r != who), left=(*self.left, (who, why)))
        if who not in self.members:
            return self
        at, came = self.members.index(who), self.reserve[:1]
        return having(self, members=(*self.members[:at], *self.members[at + 1:], *came), reserve=self.reserve[1:],
                      left=(*self.left, (who, why)), places=(*self.places, (who, came[0] if came else "", at)))

    def after(self, who: str) -> tuple[str, ...]:
        """Who came into the place of somebody who left, one after another."""
        came = next((new for left, new, _ in self.places if left == who), "")
        return (came, *self.after(came)) if came else ()

    def instead(self, who: str) -> str:
        """Who of them has it now; "" = nobody."""
        return next((x for x in self.after(who) if x in self.members), "")

    def back(self, who: str) -> Roster:
        """Who left has the place again (C-35); who had it by now has one that is empty, else is the first of the reserve."""
        now, place = self.instead(who), next(place for left, _, place in self.places if left == who)
        members = [m for m in self.members if m != now]
        members.insert(place, who)
        places = [p for p in self.places if p[0] not in (who, *self.after(who))]
        empty = next((p for p in places if not p[1]), None) if now else None
        if empty:
            members.append(now)
            places[places.index(empty)] = (empty[0], now, empty[2])
        return having(self, members=tuple(members), reserve=(now, *self.reserve) if now and not empty else self.reserve,
                      left=tuple(x for x in self.left if x[0] != who), places=tuple(places))

    def joined(self, members: tuple[str, ...], reserve: tuple[str, ...], met: tuple[tuple[str, str], ...] = ()) -> Roster:
        """`met`: everybody whom the draw met, with the reason why not; kept while it found nobody (G-14)."""
        coming = iter(members)
        return Roster(self.members + members, self.reserve + reserve, self.left, not members,
                      () if members else tuple((who, why) for who, why in met if why),
                      tuple((who, came or next(coming, ""), at) for who, came, at in self.places))

    def ever(self) -> frozenset[str]:
        """Everybody who was ever on it: nobody is drawn twice."""
        return frozenset((*self.members, *self.reserve, *(who for who, _ in self.left)))


class Candidate(Value):
    """One person of the pool as the draw met them. `excluded` is the reason, "" = may be drawn."""
    person: str
    excluded: str = ""
    preferred: bool = False                     # has the dossier's subject: drawn first
    outside: bool = False                       # from outside the bureau
    away: bool = True                           # not of the applicant's district


def draw(seed: str, candidates: Iterable[Candidate], count: int, reserve: int = 0, outside_min: int = 0,
         ) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """By lot and repeatable (R-21, R-29): members and reserve; fewer when the pool is too small.

    Order: other districts first, those with the subject first among them, then SHA-256(seed ‖ person). Where fewer
    than `outside_min` of the first come from outside the bureau, the last of them give way to the next from outside.
    """
    free = sorted((c for c in candidates if not c.excluded),
                  key=lambda c: (not c.away, not c.preferred, sha256(f"{seed}{c.person}".encode()).digest()))
    chosen, rest = free[:count], free[count:]
    while sum(c.outside for c in chosen) < outside_min and any(c.outside for c in rest):
        gives_way = next(c for c in reversed(chosen) if not c.outside)
        steps_in = next(c for c in rest if c.outside)
        chosen[chosen.index(gives_way)] = steps_in
        rest[rest.index(steps_in)] = gives_way
    return tuple(c.person for c in chosen), tuple(c.person for c in rest[:reserve])
