"""What goes over the wire: requests that are checked, answers that a stranger could build a client from."""
from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.kernel.acts import VERBS

TEXT_MAX = 20_000                           # characters of one opinion or report
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """U+0000 and lone surrogates cannot be stored or printed."""
    if _UNSTORABLE.search(text):
        raise ValueError("含有不能识别的字符")
    return text


Words = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(clean)]
Id = Annotated[str, Field(max_length=80), AfterValidator(clean)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenRequest(Model):
    """开始一个案件：种类、单位、所属批次，和第一张表单。"""
    kind: Id
    subject: Id = Field(description="单位编号")
    parent: Id = Field("", description="所属案件，例如批次")
    policy: Id = Field("", description="适用的政策版本；有所属案件的不填")
    form: dict[str, Any] | None = Field(None, description="`type` 加上表单的字段")


class ActRequest(Model):
    """办理：动作、哪一环节的哪个席位、意见、表单。"""
    verb: Literal["agree", "refuse", "yes", "no", "abstain", "return", "claim", "release", "decline", "take_back", "ask",
                  "receive", "record", "second", "drop", "close", "withdraw", "suspend", "resume", "extend", "vacate",
                  "assign", "again", "end"]
    visit: int = Field(0, ge=0, le=100_000, description="环节的序号")
    seat: Id = Field("", description="席位")
    to: Id = Field("", description="退回到的环节，指派的人，或暂停的事由")
    parts: list[Id] = Field(default_factory=list, max_length=200, description="退回时可以改的部分")
    opinion: Words = Field("", description="办理意见")
    files: list[Id] = Field(default_factory=list, max_length=20, description="意见的附件，先上传")
    form: dict[str, Any] | None = Field(None, description="`type` 加上表单的字段")
    duty: Id = Field("", description="重新办理的事项")
    more: int = Field(0, ge=0, le=400, description="延长或暂停的数")
    at: datetime | None = Field(None, description="发生时间，补录时填")
    saw: int | None = Field(None, ge=0, le=10_000_000, description="打开页面时案件的版本")


assert set(ActRequest.model_fields["verb"].annotation.__args__) <= set(VERBS)


class ReceiptAnswer(Model):
    """已办：案件的新版本和留下的事实。"""
    case: str
    version: int
    stages: list[str]
    ended: str
    events: list[str]


class SeatAnswer(Model):
    key: str
    holder: str
    claimed_by: str
    acted: str = Field(description="已办的动作，空为未办")
    gone: str


class VisitAnswer(Model):
    visit: int
    stage: str
    line: str
    opened_at: datetime
    seats: list[SeatAnswer]
    editable: list[str]
    done: list[str]
    stuck: list[str]


class CaseAnswer(Model):
    """案件现在的样子。"""
    id: str
    kind: str
    subject: str
    parent: str
    policy: str
    version: int
    ended: str
    suspended: bool
    opened_at: datetime
    visits: list[VisitAnswer]
    facts: dict[str, Any] = Field(description="本种案件的事实；申报单位只看到自己的部分")
    now: datetime = Field(description="系统的时间")


class OfferAnswer(Model):
    """一个办法：能办，或为什么不能。"""
    verb: str
    visit: int
    seat: str
    form: str
    targets: list[str]
    code: str = Field(description="空为能办")
    sentence: str


class TaskAnswer(Model):
    case: str
    kind: str
    subject: str
    visit: int
    stage: str
    seat: str
    holder: str
    due: datetime | None
    provisional: bool
    since: datetime


class InboxAnswer(Model):
    """一个箱子：件数和最急的若干件。"""
    box: str
    count: int
    tasks: list[TaskAnswer]


class DoneAnswer(Model):
    case: str
    kind: str
    event: str
    at: datetime
    key: int


class DoneList(Model):
    tasks: list[DoneAnswer]
    next: int | None = Field(description="下一页的键")


class CaseRow(Model):
    id: str
    kind: str
    subject: str
    parent: str
    version: int
    stages: list[str]
    ended: str
    opened_at: datetime


class CaseList(Model):
    cases: list[CaseRow]
    next: str | None


class EventAnswer(Model):
    version: int
    tag: str
    at: datetime
    entered_at: datetime
    actor: str
    behind: str
    post: str
    rule: str
    data: dict[str, Any]
    hash: str


class HistoryAnswer(Model):
    """办理经过：记录里的每一条，文字另附。"""
    events: list[EventAnswer]
    texts: dict[str, str]
    next: int | None


class LogEvent(Model):
    case: str
    version: int
    tag: str
    at: datetime
    entered_at: datetime
    actor: str
    behind: str
    post: str
    rule: str
    command: str
    cause: str
    hash: str


class LogAnswer(Model):
    """全部记录的一段：谁、哪一案、哪一条、依据和校验值，不含内容和文字。"""
    events: list[LogEvent]
    next: str = Field(description="下一段从这里接着读；这一段为空表示还没有新的")


class ClockAnswer(Model):
    visit: int
    key: str
    field: str
    due: datetime | None
    provisional: bool


class PlanAnswer(Model):
    """接下来：待办、时限、系统要做的事。"""
    tasks: list[dict[str, Any]]
    clocks: list[ClockAnswer]
    duties: list[str]
    stages: list[str]
    next_at: datetime | None


class ProcessAnswer(Model):
    """系统正在等什么；没有回答时 `answered` 为否，以计划为准。"""
    answered: bool
    waiting_for: dict[str, Any] | None
    plan: PlanAnswer


class FileAnswer(Model):
    hash: str
    name: str


class TitleAnswer(Model):
    school: str
    organisation: str
    programme: str
    level: int
    since: date
    until: date
    state: str
    certificate: str
    case: str


class MeAnswer(Model):
    person: str
    name: str
    posts: list[str]
    ties: list[str]
    csrf: str
    now: datetime


class LookAnswer(Model):
    at: datetime
    actor: str
    case: str
    why: str


class LookList(Model):
    """谁在什么时候、因为哪一案看过您的个人信息。"""
    looks: list[LookAnswer]
    next: int | None = Field(description="下一页的键")


class SignInRequest(Model):
    login: Id
    password: Annotated[str, Field(max_length=200), AfterValidator(clean)]


class SwitchRequest(Model):
    """演练：换一个人。"""
    person: Id


class ClockRequest(Model):
    """演练：把时钟拨到。"""
    to: datetime


PASSWORD_MIN = 10


class PasswordRequest(Model):
    password: Annotated[str, Field(min_length=PASSWORD_MIN, max_length=200), AfterValidator(clean)]
    old: Annotated[str, Field(max_length=200), AfterValidator(clean)] = Field(
        "", description="现在的口令；还没有口令的，或刚用一次性口令登录的，不填")


class ProblemAnswer(BaseModel):
    """RFC 9457."""
    type: str
    title: str
    status: int
    code: str
    detail: str
