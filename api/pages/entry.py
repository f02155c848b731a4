"""进门. Sign-in, posts, sign-out; on a rehearsal the list of people to be."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from api import sessions
from api.problems import LockedOut
from api.routes import set_cookie
from store import reads

from . import drafts
from .shell import POST_COOKIE, Anybody, Page, PageProblem, Reader, posted, said, see_other
from .words import POSTS

router = APIRouter()


@dataclass(frozen=True)
class Problem:
    """One line of the problem box; `at` is the id of its field."""
    words: str
    at: str = ""


@dataclass(frozen=True)
class Somebody:
    id: str
    name: str
    post: str


@dataclass(frozen=True)
class Group:
    post: str
    people: tuple[Somebody, ...]


def people_by_post(page: Page, q: str = "") -> tuple[list[Group], int]:
    """Everybody who holds a post today, by post, in the order of the list of posts; `q` narrows."""
    groups: dict[str, dict[str, Somebody]] = {}
    for who in page.directory.people:
        for key in page.directory.posts_of(who, page.today):
            one = Somebody(who, page.directory.names.get(who, "未登记的人员"), page.directory.post(key))
            if q in one.name or q in one.post:
                groups.setdefault(key.partition("@")[0], {})[who] = one
    order = {kind: n for n, kind in enumerate(POSTS)}
    out = [Group(POSTS.get(kind, "工作人员"), tuple(groups[kind].values()))
           for kind in sorted(groups, key=lambda k: order.get(k, len(order)))]
    return out, len({p.id for g in out for p in g.people})


def login_page(page: Page, status: int = 200, *, next: str = "/", problems: list[Problem] | None = None, login: str = "",
               kept: str = "", q: str = "", heading: str = "登录", says: str = "工作人员和学校从这里进") -> HTMLResponse:
    """The sign-in form; on a rehearsal with the people below it."""
    people, found = people_by_post(page, q) if page.rehearsal else (None, 0)
    return page.html("login.html", status, next=next, problems=problems or [], login=login, kept=kept, q=q, people=people,
                     found=found, total=people_by_post(page)[1] if page.rehearsal else 0, heading=heading, says=says)


@router.get("/login")
async def login_form(page: Anybody, next: str = "/", q: str = "") -> HTMLResponse:
    return login_page(page, next=next, q=q.strip())


@router.post("/login")
async def sign_in(page: Anybody, request: Request) -> Response:
    """A wrong password stays here and says so; what was typed on another page travels along in `kept`."""
    form = await request.form()
    login, next, kept = said(form, "login").strip(), said(form, "next") or "/", said(form, "kept")
    fault = "登录名或口令不对。请核对后再试，连错5次要等15分钟。"
    try:
        person = await sessions.sign_in(page.pool, login[:80], said(form, "password")[:200])
    except LockedOut as locked:
        person, fault = None, f"口令错的次数太多。请{locked.minutes}分钟后再试，或找办公室。"
    if person is None:
        return login_page(page, 422, next=next, login=login, kept=kept, problems=[Problem(fault, "password")])
    return await _enter(page, person, next, kept)


@router.post("/rehearsal/switch")
async def switch(page: Anybody, request: Request) -> Response:
    """演练：换一个人。"""
    form = await request.form()
    person = said(form, "person")
    if not page.rehearsal or person not in page.directory.people:
        raise PageProblem(404, "没有这一页，或名单里没有这个人。请核对后再选。")
    return await _enter(page, person, said(form, "next") or "/", said(form, "kept"))


async def _enter(page: Page, person: str, next: str, kept: str) -> Response:
    if page.session:
        await sessions.sign_out(page.pool, page.session)
    token = await sessions.start(page.pool, person, page.settings.session_idle_minutes)
    if kept:
        await drafts.keep_typed(page.pool, person, next, kept)
    several = next == "/" and len(page.directory.posts_of(person, page.today)) > 1
    answer = see_other("/posts" if several else next)
    set_cookie(answer, page.request, token)
    answer.delete_cookie(POST_COOKIE)
    return answer


@router.post("/logout")
async def sign_out(page: Reader, request: Request) -> Response:
    await posted(request, page)
    assert page.session
    await sessions.sign_out(page.pool, page.session)
    answer = see_other("/login")
    answer.delete_cookie(sessions.COOKIE)
    answer.delete_cookie(POST_COOKIE)
    return answer


@router.get("/posts")
async def posts(page: Reader) -> HTMLResponse:
    """As what do I act: each post with what is open for it."""
    keys = page.posts + ([""] if len(page.posts) > 1 else [])
    return page.html("posts.html", rows=[await _post_row(page, key) for key in keys])


async def _post_row(page: Page, key: str) -> dict[str, Any]:
    holders = [f"person@{page.me}", key] if key else reads.holders(page.context)
    counts = {box: sum((await reads.inbox_by_due(page.pool, holders, box, [page.now] * 3)).values()) for box in ("todo",
                                                                                                                 "claim")}
    return {"key": key, "words": page.directory.post(key) if key else "全部岗位", "current": page.post == key, **counts}


@router.post("/posts")
async def choose_post(page: Reader, request: Request) -> Response:
    form: FormData = await posted(request, page)
    answer = see_other("/inbox")
    key = said(form, "post")
    if key in page.posts:
        answer.set_cookie(POST_COOKIE, key, httponly=True, samesite="lax", path="/", secure=request.url.scheme == "https")
    else:
        answer.delete_cookie(POST_COOKIE)
    return answer
