"""佐证 (R-10). What the policy of a case takes, whatever the upload took."""
from __future__ import annotations

from domain.kernel.refusal import Refusal, no
from domain.kernel.stages import Context

from .policy import StarPolicy


def file_fault(files: tuple[str, ...], leaf: str, context: Context) -> Refusal | None:
    """The first file of a kind or size that this case does not take; the door tells both with the form."""
    policy: StarPolicy = context.policy
    for size, kind in (context.files[f] for f in files if f in context.files):
        if kind not in policy.evidence_files:
            return no("wrong_file_type", "R-10", leaf=leaf, kind=kind)
        if size > policy.evidence_bytes_max:
            return no("too_large", "R-10", leaf=leaf, most=policy.evidence_bytes_max // 1024**2)
    return None
