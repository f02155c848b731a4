"""壳. Who reads the page: session, posts, counts, the bars above and below; and how a page is answered."""
from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile

from api import sessions
from api.models import clean
from domain.kernel.calendar import day_of
from domain.kernel.refusal import Refusal
from domain.kernel.stages import Context
from store import reads
from store.door import Door

from . import words
from .directory import Directory, Shown, directory
from .render import render

POST_COOKIE = "juanzong_post"               # with which of their posts somebody looks at the inbox
FORM_FIELDS_MAX, FORM_FILES_MAX = 2_000, 20


class PageProblem(Exception):
    """A page that cannot be shown; answered by `errors`."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True)
class Nav:
    """One entry of the bar. `who`: staff school expert office all."""
    url: str
    words: str
    who: str = "all"


NAV = [Nav("/inbox", "待办"), Nav("/reviews", "待评", "expert"), Nav("/cases", "案件", "staff"),
       Nav("/batches", "批次", "staff"), Nav("/cases", "我校案件", "school"), Nav("/cases/new/star", "申报", "school"),
       Nav("/notices", "公示与名册"), Nav("/policies", "政策", "staff"), Nav("/calendar", "日历", "staff"),
       Nav("/people", "人员", "office")]
"""The next pages add their entries here."""


@dataclass
class Page:
    """One reader and one page."""
    request: Request
    session: sessions.Session | None
    context: Context
    directory: Directory
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def door(self) -> Door:
        return self.request.app.state.door

    @property
    def pool(self) -> Any:
        return self.request.app.state.pool

    @property
    def settings(self) -> Any:
        return self.request.app.state.settings

    @property
    def now(self) -> datetime:
        return self.context.now

    @property
    def today(self) -> date:
        return day_of(self.context.now)

    @property
    def me(self) -> str:
        return self.session.person if self.session else ""

    @property
    def rehearsal(self) -> bool:
        return self.settings.rehearsal

    @property
    def organ(self) -> str:
        return self.directory.organ

    @property
    def telephone(self) -> str:
        return words.TELEPHONE

    @property
    def office_hours(self) -> str:
        return words.OFFICE_HOURS

    @cached_property
    def posts(self) -> list[str]:
        """Keys of the posts held today, in the order of the register."""
        return self.directory.posts_of(self.me, self.today)

    @cached_property
    def post(self) -> str:
        """The post under which the inbox is looked at; "" = all of them."""
        chosen = self.request.cookies.get(POST_COOKIE, "")
        return chosen if chosen in self.posts and len(self.posts) > 1 else ""

    @cached_property
    def holders(self) -> list[str]:
        return [f"person@{self.me}", self.post] if self.post else reads.holders(self.context)

    @property
    def side(self) -> str:
        """`staff`, `school` or `expert`: which bar this reader gets."""
        kinds = {p.partition("@")[0] for p in self.posts}
        if kinds & set(words.OF_A_SCHOOL):
            return "school"
        return "expert" if kinds and kinds <= {"expert"} else "staff"

    @property
    def nav(self) -> list[Nav]:
        kinds = {p.partition("@")[0] for p in self.posts}
        office = "office" if kinds & {"office_head", "office_deputy", "office_staff", "system_admin", "auditor"} else ""
        return [n for n in NAV if n.who in ("all", self.side, office)]

    @property
    def csrf(self) -> str:
        return self.session.csrf if self.session else ""

    @staticmethod
    def new_command() -> str:
        return str(uuid.uuid4())

    def who(self, person: str, post: str = "", behind: str = "") -> Shown:
        """A person with the post, as macros want it."""
        return self.directory.shown(person, self.today, self.me, post, behind)

    def my_post(self) -> str:
        keys = [self.post] if self.post else self.posts
        return "、".join(self.directory.post(k) for k in keys[:2]) or "没有岗位"

    def path(self) -> str:
        url = self.request.url
        return url.path + (f"?{url.query}" if url.query else "")

    def html(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page itself. `problems` come first in the title (portal rule 6.3)."""
        values = {"problems": [], "here": ""} | values
        return HTMLResponse(render(template, page=self, **values), status, {"Cache-Control": "no-store"})


async def _page(request: Request, session: sessions.Session | None) -> Page:
    door: Door = request.app.state.door
    context = await door.who(session.person if session else "public")
    page = Page(request, session, context, await directory(door.pool))
    if session:
        page.counts = await reads.inbox_counts(door.pool, context) if not page.post else {
            box: sum((await reads.inbox_by_due(door.pool, page.holders, box, [context.now] * 3)).values())
            for box in ("todo", "claim")}
    return page


async def signed_in(request: Request) -> Page:
    """Raises SignedOut, which pages answer with the sign-in form."""
    return await _page(request, await sessions.current(request))


async def anybody(request: Request) -> Page:
    """With or without a session."""
    token, state = request.cookies.get(sessions.COOKIE, ""), request.app.state
    session = await sessions.find(state.pool, token, state.settings.session_idle_minutes) if token else None
    return await _page(request, session)


Reader = Annotated[Page, Depends(signed_in)]
Anybody = Annotated[Page, Depends(anybody)]


async def posted(request: Request, page: Page) -> FormData:
    """The fields of a POST. Raises PageProblem for a wrong token: a form of another sign-in, or of nobody."""
    form = await request.form(max_files=FORM_FILES_MAX, max_fields=FORM_FIELDS_MAX)
    if page.session and not secrets.compare_digest(str(form.get("csrf", "")), page.session.csrf):
        raise PageProblem(403, "这一页是上次登录时打开的。请返回上一页刷新，再办一次。")
    return form


def said(form: FormData, name: str) -> str:
    """One field as clean text. Raises PageProblem for what cannot be stored."""
    value = form.get(name, "")
    try:
        return clean("" if isinstance(value, UploadFile) else value.replace("\r\n", "\n"))
    except ValueError:
        raise PageProblem(422, "填写的内容里有不能识别的字符。请删去后再提交。") from None


def see_other(url: str) -> RedirectResponse:
    """After a POST: look there. Only our own paths."""
    return RedirectResponse(url if url.startswith("/") and not url.startswith("//") and "\\" not in url else "/", 303)


def refused(refusal: Refusal) -> PageProblem:
    from api.problems import STATUS
    from domain.kernel.words import sentence
    return PageProblem(STATUS.get(refusal.code, 409), sentence(refusal))
