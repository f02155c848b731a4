"""What can be true of an application: dossier, sheets, visit, report, proposal, vote, notice, document."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from domain.kernel.events import BallotClosed, Entry, Event
from domain.kernel.values import Text, Value, having, tagged

fact = tagged("star")

Scores = tuple[tuple[str, int], ...]
"""(leaf, cp), in the order of the policy."""
Notes = tuple[tuple[str, Text], ...]
"""(leaf, words)."""


@fact
class Applied(Event):
    """已开始申报: which tier, in which district the school lies that day."""
    level: int
    district: str = ""
    rural: bool = False


@fact
class Described(Event):
    """特色项目、学科与报告 (R-9)."""
    touches: ClassVar[tuple[str, ...]] = ("description",)
    feature: Text
    subject: str
    report: Text


@fact
class LeafAnswered(Event):
    """一个观测点已自评 (R-9); `files` are content hashes of evidence."""
    leaf: str
    self_cp: int
    files: tuple[str, ...] = ()
    statement: Text = Text("")

    @property
    def touches(self) -> tuple[str, ...]:
        return (f"leaf.{self.leaf}",)


@fact
class Declared(Event):
    """已作真实性承诺 (R-11), with the persons whom the school asks not to be drawn (G-19)."""
    touches: ClassVar[tuple[str, ...]] = ("declaration",)
    excluded: tuple[str, ...] = ()
    reason: Text = Text("")


@fact
class EligibilityComputed(Event):
    """资格已核对: computed from the registers at the co-sign, each check with the data used (R-19)."""
    checks: tuple[tuple[str, bool, str], ...]

    @property
    def eligible(self) -> bool:
        return all(ok for _, ok, _ in self.checks)


@fact
class EligibilityCorrected(Event):
    """登记更正后资格已重新核对 (R-20): as of the submission, from the register as its own procedure has put it right."""
    checks: tuple[tuple[str, bool, str], ...]


@fact
class OfficeScored(Event):
    """按登记册计分 (R-63)."""
    touches: ClassVar[tuple[str, ...]] = ("office",)
    scores: Scores
    due: int
    not_in_time: int


@fact
class SheetSigned(Event):
    """材料评分表已封存 (R-24, R-25)."""
    touches: ClassVar[tuple[str, ...]] = ("sheets",)
    expert: str
    scores: Scores
    total_cp: int
    notes: Notes = ()


@fact
class VisitFixed(Event):
    """考察日已定 (R-30)."""
    touches: ClassVar[tuple[str, ...]] = ("appointment",)
    day: date


@fact
class SchoolNotified(Event):
    """考察通知已送达学校 (R-30): day and names of the panel."""
    day: date
    panel: tuple[str, ...]


@fact
class Visited(Event):
    """已考察 (R-31): activities by kind, counted."""
    touches: ClassVar[tuple[str, ...]] = ("visit",)
    activities: tuple[tuple[str, int], ...]


@fact
class SiteScored(Event):
    """一名考察组成员已署名 (R-32, R-33)."""
    touches: ClassVar[tuple[str, ...]] = ("site",)
    member: str
    scores: Scores
    suggestion: str
    summary: Text = Text("")
    problems: Notes = ()
    dissent: Text = Text("")


@fact
class FactsDisputed(Event):
    """学校指出事实有误 (R-34)."""
    touches: ClassVar[tuple[str, ...]] = ("reply",)
    points: tuple[Text, ...]


@fact
class PointsAnswered(Event):
    touches: ClassVar[tuple[str, ...]] = ("answers",)
    answers: tuple[Text, ...]


@fact
class MendingReported(Event):
    """限期改进已报告 (R-35)."""
    leaves: tuple[str, ...]
    report: Text
    files: tuple[str, ...] = ()


@fact
class LeavesRescored(Event):
    """改进后复评 (R-35): what one of the re-checkers gave; nothing = as it was."""
    touches: ClassVar[tuple[str, ...]] = ("site",)
    scores: Scores


@fact
class ResultProposed(Event):
    """拟定建议 (R-37 to R-41): what follows by rule, and what the head proposes."""
    touches: ClassVar[tuple[str, ...]] = ("proposal",)
    material_cp: int
    site_cp: int
    total_cp: int
    dimensions_cp: tuple[tuple[str, int], ...]
    missed_floors: tuple[str, ...]
    margin_cp: int
    by_rule: str
    result: str
    departs: str = ""
    reason: Text = Text("")


@fact
class CalledToVote(Event):
    """已提交表决 (R-65): who is chair, who has signed in, who is recused for this candidate."""
    touches: ClassVar[tuple[str, ...]] = ("meeting",)
    meeting: int
    chair: str
    members: tuple[str, ...]
    present: tuple[str, ...]
    recused: tuple[str, ...] = ()


@fact
class NoticeHeard(Event):
    """已公示 (R-66)."""
    touches: ClassVar[tuple[str, ...]] = ("notice",)
    notice: str


@fact
class DocumentHeard(Event):
    """认定文件已签发 (R-67)."""
    document: str
    signed_on: date


@fact
class BelowQuotaHeard(Event):
    """名额线以下 (R-44)."""
    meeting: int


@fact
class HeldHeard(Event):
    """签发时受阻，另行签发 (R-58, R-67)."""
    reason: str


@fact
class VetoesHeard(Event):
    """一票否决的登记有变 (R-42, L-2): the numbers that count for this case."""
    touches: ClassVar[tuple[str, ...]] = ("vetoes",)
    numbers: tuple[str, ...]


@fact
class TitleConferred(Event):
    """已认定 (R-59): register entry and certificate number."""
    document: str
    certificate: str
    serial: int
    level: int
    since: date
    until: date
    code: str


@fact
class PaperRendered(Event):
    """证书或告知书已制成: kind and content hash of the PDF (R-57, A-50)."""
    kind: str
    file: str


@fact
class LetterSigned(Event):
    """不予认定告知书已签 (R-70)."""
    reason_code: str
    reason: Text = Text("")


@fact
class PeopleTold(Event):
    """已送达 (C-9)."""
    what: str


class Conferred(Value):
    document: str
    certificate: str
    serial: int
    since: date
    until: date
    code: str


@fact
class Application(Value):
    """What decisions need of an application."""
    level: int = 1
    district: str = ""
    rural: bool = False
    subject: str = ""
    described: bool = False
    answered: Mapping[str, int] = {}        # leaf → self-score in cp
    files: Mapping[str, tuple[str, ...]] = {}
    authors: frozenset[str] = frozenset()   # who wrote the dossier (G-13)
    excluded: tuple[str, ...] = ()
    checks: tuple[tuple[str, bool, str], ...] = ()
    office: Scores = ()
    sheets: Mapping[str, Scores] = {}
    totals: Mapping[str, int] = {}
    day: date | None = None
    notified: date | None = None
    named: Mapping[str, datetime] = {}      # whom the school was told, and when (G-19)
    visited: bool = False
    site: Mapping[str, Scores] = {}
    suggestions: Mapping[str, str] = {}
    disputed: int = 0
    rescored: Mapping[str, Scores] = {}     # who signed the re-check → what they gave
    mend_leaves: tuple[str, ...] = ()
    proposal: str = ""
    departs: str = ""
    total_cp: int = 0
    dimensions_cp: tuple[tuple[str, int], ...] = ()
    missed_floors: tuple[str, ...] = ()
    margin_cp: int = 0                      # the smallest distance of a dimension above its floor
    submitted_at: str = ""                  # ISO; the co-sign
    meeting: int = 0
    chair: str = ""
    members: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    recused: tuple[str, ...] = ()
    ballot: str = ""                        # of the present proposal
    yes: int = 0
    below_quota: bool = False
    vetoes: tuple[str, ...] = ()
    notice: str = ""
    document: str = ""
    signed_on: date | None = None
    conferred: Conferred | None = None
    letter: str = ""                        # its reason code
    papers: Mapping[str, str] = {}

    def evolve(self, event: Event, entry: Entry) -> Application:
        change = _CHANGES.get(type(event))
        return having(self, **change(self, event, entry)) if change else self


def _people(entry: Entry) -> set[str]:
    return {entry.by, entry.behind} - {""}


_CHANGES: dict[type, Any] = {
    Applied: lambda s, e, _: {"level": e.level, "district": e.district, "rural": e.rural},
    Described: lambda s, e, entry: {"subject": e.subject, "described": True, "authors": s.authors | _people(entry)},
    LeafAnswered: lambda s, e, entry: {"answered": {**s.answered, e.leaf: e.self_cp}, "files": {**s.files, e.leaf: e.files},
                                       "authors": s.authors | _people(entry)},
    Declared: lambda s, e, _: {"excluded": e.excluded},
    EligibilityComputed: lambda s, e, entry: {"checks": e.checks, "submitted_at": entry.at.isoformat()},
    EligibilityCorrected: lambda s, e, _: {"checks": e.checks},
    OfficeScored: lambda s, e, _: {"office": e.scores},
    SheetSigned: lambda s, e, _: {"sheets": {**s.sheets, e.expert: e.scores}, "totals": {**s.totals, e.expert: e.total_cp}},
    VisitFixed: lambda s, e, _: {"day": e.day},
    SchoolNotified: lambda s, e, entry: {"notified": e.day, "named": {**dict.fromkeys(e.panel, entry.at), **s.named}},
    Visited: lambda s, e, _: {"visited": True, "site": {}, "suggestions": {}, "rescored": {}},     # a report on that visit
    SiteScored: lambda s, e, _: {"site": {**s.site, e.member: e.scores},
                                 "suggestions": {**s.suggestions, e.member: e.suggestion}},
    FactsDisputed: lambda s, e, _: {"disputed": len(e.points)},
    MendingReported: lambda s, e, _: {"mend_leaves": e.leaves},
    LeavesRescored: lambda s, e, entry: {"rescored": {**s.rescored, entry.by: e.scores}},
    ResultProposed: lambda s, e, _: {"proposal": e.result, "departs": e.departs, "total_cp": e.total_cp,
                                     "dimensions_cp": e.dimensions_cp, "missed_floors": e.missed_floors,
                                     "margin_cp": e.margin_cp, "ballot": "", "yes": 0},
    CalledToVote: lambda s, e, entry: {"ballot": "", "yes": 0, "meeting": e.meeting, "chair": e.chair,
                                       "members": e.members, "present": e.present, "recused": e.recused,
                                       "named": {**dict.fromkeys(e.members, entry.at), **s.named}},
    BallotClosed: lambda s, e, _: {"ballot": e.result, "yes": e.yes} if e.result != "no_quorum" else {},
    BelowQuotaHeard: lambda s, e, _: {"below_quota": True},
    VetoesHeard: lambda s, e, _: {"vetoes": e.numbers},
    NoticeHeard: lambda s, e, _: {"notice": e.notice},
    DocumentHeard: lambda s, e, _: {"document": e.document, "signed_on": e.signed_on},
    TitleConferred: lambda s, e, _: {"conferred": Conferred(e.document, e.certificate, e.serial, e.since, e.until, e.code)},
    LetterSigned: lambda s, e, _: {"letter": e.reason_code},
    PaperRendered: lambda s, e, _: {"papers": {**s.papers, e.kind: e.file}},
}


# -- what the batch knows of an application -----------------------------------------------------------------------


@fact
class Stands(Value):
    """Where an application stands for its batch (R-64): a function of its state."""
    what: str               # working paused proposed called carried noticed held free signed refused ended
    subject: str
    level: int = 1
    total_cp: int = 0
    margin_cp: int = 0
    rural: bool = False
    submitted_at: str = ""
    departs: str = ""
    yes: int = 0
    ballot: str = ""
    present: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()            # who acted in another judging group here: recused at the vote (G-12)
    by: str = ""                            # how it ended
    visit: int = 0
