"""进门. Sign-in, posts, sign-out; on a rehearsal the list of people to be."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from api import sessions
from api.models import PASSWORD_MIN
from api.problems import WRONG_PASSWORD, LockedOut
from api.routes import set_cookie
from domain.kernel.refusal import Refusal
from store import reads, vault

from . import drafts
from .shell import POST_COOKIE, Anybody, Page, PageProblem, Reader, posted, said, see_other
from .words import POSTS

router = APIRouter()
LOOKS_SHOWN = 50


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
        entered = await sessions.sign_in(page.pool, login[:80], said(form, "password")[:200])
    except LockedOut as locked:
        entered, fault = None, locked_words(locked)
    if entered is None:
        return login_page(page, 422, next=next, login=login, kept=kept, problems=[Problem(fault, "password")])
    return await _enter(page, entered.person, next, kept, entered.by_code)


def locked_words(locked: LockedOut) -> str:
    return f"口令错的次数太多。请{locked.minutes}分钟后再试，或找办公室。"


@router.post("/rehearsal/switch")
async def switch(page: Anybody, request: Request) -> Response:
    """演练：换一个人。"""
    form = await request.form()
    person = said(form, "person")
    if not page.rehearsal or person not in page.directory.people:
        raise PageProblem(404, "没有这一页，或名单里没有这个人。请核对后再选。")
    return await _enter(page, person, said(form, "next") or "/", said(form, "kept"))


async def _enter(page: Page, person: str, next: str, kept: str, by_code: bool = False) -> Response:
    """Whoever came with a one-time code sets a password first."""
    if page.session:
        await sessions.sign_out(page.pool, page.session)
    token = await sessions.start(page.pool, person, page.settings.session_idle_minutes)
    if kept:
        await drafts.keep_typed(page.pool, person, next, kept)
    several = next == "/" and len(page.directory.posts_of(person, page.today)) > 1
    answer = see_other(f"/password?{urlencode({'next': next})}" if by_code else "/posts" if several else next)
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


# -- 口令 ----------------------------------------------------------------------------------------------------------


@router.get("/password")
async def password_form(page: Reader, next: str = "/posts") -> HTMLResponse:
    return await _password_page(page, next)


async def _password_page(page: Page, next: str, problems: dict[str, str] | None = None) -> HTMLResponse:
    """What is wrong stands at its field; passwords are never given back."""
    faults = problems or {}
    return page.html("password.html", 422 if faults else 200, next=next, had=await sessions.has_password(page.pool, page.me),
                     problems=[Problem(said, at) for at, said in faults.items()], faults=faults, least=PASSWORD_MIN)


@router.post("/password")
async def set_password(page: Reader, request: Request) -> Response:
    form = await posted(request, page)
    old, new, again, next = (said(form, n) for n in ("old", "new", "again", "next"))
    faults = {}
    if not PASSWORD_MIN <= len(new) <= 200:
        faults["new"] = f"新口令有{len(new)}个字符。请用{PASSWORD_MIN}到200个字符。"
    elif new != again:
        faults["again"] = "两次填的新口令不一样。请再填一次。"
    if not faults:
        assert page.session
        try:
            if not await sessions.set_password(page.pool, page.session, old[:200], new):
                faults["old"] = WRONG_PASSWORD
        except LockedOut as locked:
            faults["old"] = locked_words(locked)
    return await _password_page(page, next, faults) if faults else page.html("password_done.html", next=next or "/")


# -- 谁看过 --------------------------------------------------------------------------------------------------------


@router.get("/looks")
async def looks(page: Reader, before: int = 2**62) -> HTMLResponse:
    """Who opened something private of the reader: when, on which case, why (G-29)."""
    rows = await vault.looks_at(page.pool, page.me, min(max(before, 1), 2**62), LOOKS_SHOWN + 1)
    shown, more = rows[:LOOKS_SHOWN], len(rows) > LOOKS_SHOWN
    open_to_me = {no for no in {r["case_id"] for r in shown} if not isinstance(await page.door.read(no, page.me), Refusal)}
    return page.html("looks.html", rows=shown, open_to_me=open_to_me, before=shown[-1]["id"] if more else None,
                     later=before < 2**62)
