"""One load a page and reader: everything that the rules ask is read off in one go, at both sizes (portal section 6)."""
from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright

from api.sessions import COOKIE

from .filled import Filled
from .inventory import PUBLIC, Look

HERE = Path(__file__).parent
SHOTS = HERE.parents[1] / "build" / "shots"
DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
NARROW = (683, 360, 320)                    # 683: 1366 at 200 %
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--lang=zh-CN"]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
FACTS = (HERE / "facts.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations', 'incomplete']}).then(r => [r.violations, r.incomplete]" \
          ".map(l => l.map(v => ({id: v.id, nodes: v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 120))}))))"


@dataclass
class Seen:
    """What one reader saw of one page."""
    look: Look
    status: int
    html: str
    headers: dict[str, str]
    requests: list[str]
    url: str
    paint: float = 0
    faults: list[str] = field(default_factory=list)     # of the console: what the policy barred
    desk: dict[str, Any] = field(default_factory=dict)
    phone: dict[str, Any] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    axe: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.look.name}.{self.look.role or 'public'}"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as p:
        browser = await p.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        await browser.close()


class Reader:
    """One person's browser with one tab. `judged`: what axe has judged already, at each size."""

    judged: dict[str, set[str]] = {"desk": set(), "phone": set()}

    def __init__(self, filled: Filled, role: str, context: BrowserContext, page: Page) -> None:
        self.filled, self.role, self.context, self.page = filled, role, context, page
        self.requests: list[Request] = []
        self.faults: list[str] = []
        page.on("request", lambda r: self.requests.append(r))
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" and "Security Policy" in m.text else None)
        page.on("pageerror", lambda e: self.faults.append(str(e)))

    @classmethod
    async def of(cls, browser: Browser, filled: Filled, role: str, scripts: bool = True) -> Reader:
        context = await browser.new_context(viewport=DESK, java_script_enabled=scripts, locale="zh-CN", base_url=filled.url)
        context.set_default_timeout(8_000)
        if role != PUBLIC:
            await context.add_cookies([{"name": COOKIE, "value": await filled.cookie(filled.people[role]), "url": filled.url}])
        return cls(filled, role, context, await context.new_page())

    async def fill(self, look: Look) -> None:
        for selector, value in look.fill:
            places = self.page.locator(selector)
            if value.startswith("*"):
                for n in range(await places.count()):
                    await places.nth(n).fill(value[1:])
            elif value:
                await places.first.fill(value)
            else:
                await places.first.check()

    async def see(self, look: Look) -> Seen:
        """The page of a look: gone to, or come to by pressing a button on the one at hand."""
        self.requests.clear()
        self.faults.clear()
        if look.url:
            response = await self.page.goto(look.url)
        if look.press:
            await self.fill(look)
            self.requests.clear()
            button = self.page.get_by_role("button", name=look.press).first
            async with self.page.expect_navigation() as navigated:
                await button.click()
            response = await navigated.value
        assert response is not None
        seen = Seen(look, response.status, await response.text(), await response.all_headers(), [r.url for r in self.requests],
                    self.filled.url, faults=list(self.faults))
        await self._measure(seen)
        return seen

    async def _axe(self, seen: Seen, size: str, facts: dict[str, Any]) -> None:
        """Each page once at the desk, and again where it has an element whose like was not judged before; on the phone the
        first page of each sort and each with an act card."""
        kinds, name = set(facts.pop("kinds")), seen.look.name
        new = ({name, *kinds} if size == "desk" else {name.partition("-")[0], *([name] if facts["act"] else [])}) - self.judged[size]
        if new:
            if not await self.page.evaluate("'axe' in window"):
                await self.page.evaluate(AXE)
            seen.axe[size] = await self.page.evaluate(RUN_AXE, TAGS)
            self.judged[size] |= new

    async def _measure(self, seen: Seen) -> None:
        page = self.page
        seen.paint = await page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
        for name, size in (("desk", DESK), ("phone", PHONE)):
            await page.set_viewport_size(size)
            facts = await page.evaluate(FACTS, seen.html)
            setattr(seen, name, facts)
            await self._axe(seen, name, facts)
            await page.screenshot(path=SHOTS / f"{seen.name}.{name}.jpg", full_page=True, quality=80)
        for width in NARROW:
            await page.set_viewport_size({"width": width, "height": 844})
            seen.widths[width] = await page.evaluate("document.documentElement.scrollWidth")
        seen.widths |= {1366: seen.desk["wide"], 390: seen.phone["wide"]}
        await page.set_viewport_size(DESK)
