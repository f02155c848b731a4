"""A browser without a script: it reads a page, fills in a form and sends it, cookies and hidden fields included."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


@dataclass
class Form:
    action: str
    method: str = "get"
    multipart: bool = False
    fields: list[tuple[str, str]] = field(default_factory=list)         # what would be sent as the page stands
    controls: dict[str, list[str]] = field(default_factory=dict)        # name → every value that could be chosen
    buttons: list[tuple[str, str, str, str]] = field(default_factory=list)   # name, value, words, formaction
    files: set[str] = field(default_factory=set)


class Page(HTMLParser):
    """What a reader finds: title, headings, text, links, forms."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(convert_charrefs=True)
        self.answer, self.status, self.url, self.bytes = answer, answer.status_code, str(answer.url), answer.content
        self.title, self.h1, self.links, self.forms, self.classes, self.styled = "", [], [], [], set(), []
        self._text: list[str] = []
        self._open: list[str] = []
        self._select = self._area = self._button = None
        self._first_main: str | None = None
        self.feed(answer.text)
        self.text = re.sub(r"\s+", " ", "".join(self._text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {k: v or "" for k, v in attrs}
        if self._open and self._open[-1] == "main" and self._first_main is None:
            self._first_main = a.get("class", tag)
        if tag not in VOID:
            self._open.append(tag)
        self.classes |= set(a.get("class", "").split())
        if "style" in a or tag == "style" or (tag == "script" and "src" not in a) or any(k.startswith("on") for k in a):
            self.styled.append(tag)
        form = self.forms[-1] if self.forms else None
        match tag:
            case "h1":
                self.h1.append("")
            case "a":
                self.links.append([a.get("href", ""), ""])
            case "form":
                self.forms.append(Form(a.get("action", ""), a.get("method", "get"), "multipart" in a.get("enctype", "")))
            case "input" if form and a.get("name"):
                kind, value = a.get("type", "text"), a.get("value", "")
                if kind == "file":
                    form.files.add(a["name"])
                    return
                form.controls.setdefault(a["name"], []).append(value)
                if kind not in ("radio", "checkbox") or "checked" in a:
                    form.fields.append((a["name"], value))
            case "textarea" if form:
                self._area = [a["name"], ""] if "name" in a else None
            case "select" if form:
                self._select = [a["name"], None]
                form.controls[a["name"]] = []
            case "option" if form and self._select:
                form.controls[self._select[0]].append(a.get("value", ""))
                if "selected" in a or self._select[1] is None:
                    self._select[1] = a.get("value", "")
            case "button" if form:
                self._button = [a.get("name", ""), a.get("value", ""), "", a.get("formaction", "")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag in ("td", "dd", "li", "p", "dt", "th"):
            self._text.append(" ")
        if tag == "textarea" and self._area:
            self.forms[-1].fields.append((self._area[0], self._area[1].removeprefix("\n")))
            self.forms[-1].controls.setdefault(self._area[0], [])
            self._area = None
        if tag == "select" and self._select:
            self.forms[-1].fields.append((self._select[0], self._select[1] or ""))
            self._select = None
        if tag == "button" and self._button:
            self.forms[-1].buttons.append(tuple(self._button))
            self._button = None

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += data
            return
        if "style" in self._open or "script" in self._open:
            return
        if self._area:
            self._area[1] += data
        if self._button:
            self._button[2] += data
        if self.h1 and "h1" in self._open:
            self.h1[-1] += data
        if self.links and "a" in self._open:
            self.links[-1][1] += data
        self._text.append(data)

    @property
    def first_in_main(self) -> str:
        return self._first_main or ""

    def form(self, action: str) -> Form:
        """The form whose action ends so."""
        return next(f for f in self.forms if f.action.endswith(action))

    def link(self, words: str) -> str:
        return next(href for href, said in self.links if words in said)


class Browser:
    """One person at one screen."""

    def __init__(self, app: object, **more: object) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app, **more), base_url="http://county.test",
                                        headers={"accept": "text/html"}, follow_redirects=True) if app else httpx.AsyncClient(
            base_url=str(more["base_url"]), headers={"accept": "text/html"}, follow_redirects=True, timeout=60)

    async def get(self, url: str) -> Page:
        return Page(await self.client.get(url))

    async def be(self, person: str) -> Page:
        """On a rehearsal: become that person."""
        return Page(await self.client.post("/rehearsal/switch", data={"person": person, "next": "/inbox"}))

    async def submit(self, page: Page, form: Form, button: str = "", files: dict[str, tuple[str, bytes]] | None = None,
                     **values: object) -> Page:
        """Send a form of a page as a reader would: `button` by its words, other fields as they stand but for `values`.

        Names that Python cannot spell are given as `name__x` for `name.x`.
        """
        named = {k.replace("__", "."): v for k, v in values.items()}
        unknown = named.keys() - form.controls.keys()
        assert not unknown, f"no such fields {unknown}; there are {sorted(form.controls)}"
        data = [(k, v) for k, v in form.fields if k not in named]
        data += [(k, str(x)) for k, v in named.items() for x in (v if isinstance(v, (list, tuple)) else [v])]
        pressed = next((b for b in form.buttons if button in b[2]), None)
        assert pressed or not form.buttons, f"no button {button}; there are {form.buttons}"
        action = form.action
        if pressed:
            data += [(pressed[0], pressed[1])] if pressed[0] else []
            action = pressed[3] or action
        url = urljoin(page.url, action)
        if form.method == "get":
            return Page(await self.client.get(url, params=data))
        body: dict[str, list[str]] = {}
        for k, v in data:
            body.setdefault(k, []).append(v)
        sent = [(name, file) for name, file in (files or {}).items()]
        if form.multipart and not sent:
            sent = [("upload", ("", b""))]
        return Page(await self.client.post(url, data=body, files=sent or None))
