"""分录. A fact carries the transfers that it posts; a limited account never goes below zero on its own side. In fen."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from .values import Value

Account = tuple[str, str, str]
"""Set of books, code, owner."""


class Transfer(Value):
    """One row of the ledger; `row` is the number of the rule that causes it."""
    row: str
    debit: Account
    credit: Account
    amount_fen: int

    def __post_init__(self) -> None:
        assert self.amount_fen > 0 and self.debit != self.credit, self


def taken_from(limits: Mapping[str, int], moves: Iterable[Transfer]) -> frozenset[Account]:
    """The limited accounts that a decision takes from: their gates are raised, so that two takers never pass each other.

    `limits`: account code → the side on which it never goes below zero, +1 debit, −1 credit.
    """
    return frozenset(account for t in moves for account, sign in ((t.debit, 1), (t.credit, -1))
                     if limits.get(account[1]) == -sign)


def overdrawn(limits: Mapping[str, int], balances: Mapping[Account, int], moves: Iterable[Transfer]) -> Account | None:
    """The first limited account that these moves would bring below zero, from its debit balance in fen."""
    moves, end = tuple(moves), dict(balances)
    for t in moves:
        end[t.debit] = end.get(t.debit, 0) + t.amount_fen
        end[t.credit] = end.get(t.credit, 0) - t.amount_fen
    return next((a for a in sorted(taken_from(limits, moves)) if end[a] * limits[a[1]] < 0), None)
