"""拒绝. A refusal is an answer, not an accident: a code that never changes, the rule behind it, what it met."""
from __future__ import annotations

from collections.abc import Mapping

from .values import Value

CODES = frozenset("""
    not_found malformed unknown_command wrong_stage stage_over task_closed not_holder wrong_post own_case recused
    separation ties_unconfirmed past_deadline stale_version id_reused opinion_required attachment_required
    already_acted next_has_acted target_not_passed target_not_allowed chain_too_long cycle suspended case_closed
    calendar_unpublished no_school_month not_late_able true_at_impossible quota_full amount_invalid not_published
    not_balanced duplicate policy_invalid too_large wrong_file_type nudge_too_soon
    spread floor veto quorum blocked locked held busy
""".split())
"""A-4, then the finer grounds of `wrong_stage` and `target_not_allowed`; `busy` is the door's: raced too often."""


class Refusal(Value):
    """Why not. `rule` is the id of the rule; `detail` fills the sentence (never a name, never free text)."""
    code: str
    rule: str
    detail: Mapping[str, str] = {}


def no(code: str, rule: str, **detail: object) -> Refusal:
    """A refusal under one of the stable codes."""
    assert code in CODES, code
    return Refusal(code, rule, {k: str(v) for k, v in detail.items()})
