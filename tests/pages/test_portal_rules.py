"""Portal section 6 over every page, for every reader, in Chromium: one load a page, every rule over what was seen."""
from __future__ import annotations

import inspect
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from api.pages import errors, render
from api.sessions import COOKIE
from domain.kernel.words import SENTENCES

from . import rules
from .chromium import SHOTS, Reader, Seen, chromium
from .filled import INSIDE, NOTED, Filled, case_url, served
from .inventory import PUBLIC, Look, acts, looks, refusals

CHECKS = {name.removeprefix("check_"): rule for name, rule in inspect.getmembers(rules, inspect.isfunction) if name.startswith("check_")}
BLIND_ROLES, APPLICANTS = ("expert", "drawn", "sealed"), ("clerk", "principal", "returned", "winner", "honoured", "loser", "judged", "answering", "second")


@dataclass
class Crawled:
    """All pages as they were seen, and what is done by hand before the county is changed."""
    filled: Filled
    seen: list[Seen]
    names: frozenset[str]
    printed: dict[str, str]
    flow: list[str]
    again: tuple[str, str, int]
    tabbed: dict[str, list[str]]
    links: list[str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def crawled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crawled]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    async with served(tmp_path_factory.mktemp("portal")) as filled, chromium() as browser:
        seen = await see_all(browser, filled, sorted(looks(filled), key=lambda look: look.role))
        links = await dead_links(filled, seen)
        tabbed = {}
        for role, url, _ in TABBED:
            reader = await Reader.of(browser, filled, role)
            tabbed[url] = await tab_through(reader, url.format(**{k: quote(no) for k, no in filled.cases.items()}))
            await reader.context.close()
        staff = await Reader.of(browser, filled, "staff")
        printed = {name: await print_out(staff, case_url(filled.cases[name]), name) for name in ("material", "recognised")}
        await staff.context.close()
        seen += await see_all(browser, filled, [*refusals(filled), *acts(filled)])
        flow, again = await without_scripts(await Reader.of(browser, filled, "staff", scripts=False), filled)
        # 6.9: first paint is measured, never asserted in a test; the quartiles of a quiet machine stand in docs/benchmarks.md
        (SHOTS.parent / "paint.json").write_text(json.dumps({s.name: round(s.paint) for s in seen if s.paint}, indent=1), "utf-8")
        names = frozenset(r["name"] for r in await filled.county.pool.fetch("select name from vault_person"))
        yield Crawled(filled, seen, names, printed, flow, again, tabbed, links)


async def see_all(browser: Browser, filled: Filled, what: Iterable[Look]) -> list[Seen]:
    """One reader at a time: an open tab keeps asking for its counts."""
    out, reader = [], None
    for look in what:
        if reader is None or reader.role != look.role:
            if reader:
                await reader.context.close()
            reader = await Reader.of(browser, filled, look.role)
        out.append(await reader.see(look))
    if reader:
        await reader.context.close()
    return out


async def tab_through(reader: Reader, url: str) -> list[str]:
    """What Tab reaches, in order, each with its ring; ends where it comes round."""
    await reader.page.goto(url)
    out = []
    for _ in range(120):
        await reader.page.keyboard.press("Tab")
        at = await reader.page.evaluate(
            "() => { const el = document.activeElement, s = getComputedStyle(el.closest('.choice') ?? el), ring = s.outlineStyle !== 'none' && s.outlineWidth === '3px';"
            " return el === document.body ? '' : [...document.querySelectorAll('*')].indexOf(el) + ' ' + (ring ? 'ring' : 'none') + ' ' + (el.innerText || el.name || el.className).slice(0, 20); }")
        if not at or (out and at == out[0]):
            break
        out.append(at)
    return out


async def print_out(reader: Reader, url: str, name: str) -> str:
    """The case page on paper, as text; pages parted by form feeds."""
    await reader.page.goto(url)
    path = SHOTS / f"print-{name}.pdf"
    await reader.page.pdf(path=path, prefer_css_page_size=True)
    info = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    return info + "\f" + subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout


async def dead_links(filled: Filled, seen: list[Seen]) -> list[str]:
    """Every link within a page leads its reader somewhere (principle 2)."""
    asked: dict[str, dict[str, str]] = {}
    for s in seen:
        for href, said in s.desk["links"]:
            if href.startswith("/") and not href.startswith(("/files", "/static")):
                asked.setdefault(s.look.role, {}).setdefault(href.partition("#")[0], f"{s.name}: {said}")
    dead = []
    for role, hrefs in asked.items():
        cookies = {} if role == PUBLIC else {COOKIE: await filled.cookie(filled.people[role])}
        async with httpx.AsyncClient(base_url=filled.url, cookies=cookies, headers={"accept": "text/html"}, follow_redirects=True) as client:
            for href, where in hrefs.items():
                answer = await client.get(href)
                if answer.status_code >= 400 and (role, answer.status_code) != (PUBLIC, 401):
                    dead.append(f"{where} → {href} {answer.status_code}")
    return dead


async def without_scripts(reader: Reader, filled: Filled) -> tuple[list[str], tuple[str, str, int]]:
    """受理 from the inbox to the result, in four activations, by forms alone; then the last one again (6.8, 6.13)."""
    page, case = reader.page, filled.cases["unclaimed"]
    await page.goto("/inbox?box=claim")
    await page.get_by_role("link", name="材料受理审查").first.click()
    titles = [await page.title()]
    await page.get_by_role("button", name="认领").click()
    titles.append(await page.title())
    await page.get_by_role("button", name="下一步：核对").click()
    titles.append(await page.title())
    sent = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', await page.content()))
    await page.get_by_role("button", name="确认受理").click()
    url = page.url
    titles.append(await page.title())
    first = await (await reader.context.request.get(url)).text()
    again = await (await reader.context.request.post(case_url(case, "/acts/agree"), form=sent)).text()
    count = await filled.county.pool.fetchval(
        "select count(*) from event where case_id = $1 and tag = 'case.seat_acted.v1' and command like '%/' || $2", case, re.search(r"id=([\w-]+)", url)[1])
    return titles, (first, again, count)


@pytest.mark.parametrize("rule", sorted(CHECKS))
async def test_every_page_keeps(rule: str, crawled: Crawled):
    check = CHECKS[rule]
    more = (crawled.names,) if len(inspect.signature(check).parameters) == 2 else ()
    faults = [f"{s.name}: {fault}" for s in crawled.seen for fault in check(s, *more)]
    assert not faults, "\n".join(faults[:40])


async def test_6_01_what_axe_leaves_open_is_only_what_was_looked_at(crawled: Crawled):
    """Looked at: text over the striped bar of the rehearsal, whose contrast axe cannot compute; the frame of a PDF, which it
    cannot enter; heads of columns whose cells are inputs."""
    left = {v["id"] for s in crawled.seen for _, incomplete in s.axe.values() for v in incomplete}
    assert left <= {"color-contrast", "target-size", "frame-tested", "th-has-data-cells"}, left


TABBED = (("staff", "/inbox", ("从最急的开始办",)), ("staff", "/cases/{completeness}", ("添加附件", "下一步：核对", "暂存")),
          ("clerk", "/cases/{dossier}/dossier/A", ("上传", "存稿并离开", "存好，下一组")),
          ("expert", "/reviews/{material}?group=B", ("存稿",)), (PUBLIC, "/login?q=%E6%9F%B3", ("login", "password", "登录")))
"""Who, where, and what has to be among that which Tab reaches."""


@pytest.mark.parametrize(("url", "wanted"), [(url, wanted) for _, url, wanted in TABBED])
async def test_6_05_tab_reaches_everything_in_reading_order_with_a_ring(url: str, wanted: tuple[str, ...], crawled: Crawled):
    tabbed = crawled.tabbed[url]
    order = [int(at.split()[0]) for at in tabbed]
    assert "跳到正文" in tabbed[0] and order == sorted(order), tabbed
    assert not [at for at in tabbed if " none " in at]
    assert set(wanted) <= {at.split(" ", 2)[2] for at in tabbed}, tabbed


async def test_6_08_an_act_by_forms_alone(crawled: Crawled):
    assert [t.partition(" ")[0] for t in crawled.flow][-1].startswith("已受理"), crawled.flow


async def test_6_13_sent_twice_is_one_effect_and_the_same_page(crawled: Crawled):
    first, again, count = crawled.again
    assert first == again and "已受理" in first and count == 1


async def test_6_11_the_components_page_shows_every_class(crawled: Crawled):
    design = next(s for s in crawled.seen if s.look.name == "design")
    assert not rules.classes() - set(design.desk["classes"]), sorted(rules.classes() - set(design.desk["classes"]))


def luminance(colour: str) -> float:
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [("ink", "card", 4.5), ("ink-2", "card", 4.5), ("ink-3", "card", 4.5), ("ink-3", "bg", 4.5), ("ink-2", "mute-bg", 4.5),
         ("on-dai", "dai", 4.5), ("on-dai-2", "dai", 4.5), ("dian", "card", 4.5), ("dian", "dian-bg", 4.5), ("on-dian", "dian-btn", 4.5),
         ("zhu", "card", 4.5), ("zhu", "zhu-bg", 4.5), ("on-dian", "zhu-btn", 4.5), ("song", "card", 4.5), ("song", "song-bg", 4.5),
         ("zhe", "card", 4.5), ("zhe", "zhe-bg", 4.5), ("lian", "card", 4.5), ("lian", "lian-bg", 4.5), ("line-ctl", "card", 3),
         ("ring", "card", 3), ("dai-t", "card", 4.5)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_6_11_contrast_of_each_pair(theme: str):
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", rules.css("tokens.css"))
    tokens = dict(re.findall(r"--([\w-]+):\s*(#\w{6})", blocks[0]))
    if theme == "dark":
        tokens |= dict(re.findall(r"--([\w-]+):\s*(#\w{6})", next(b for b in blocks if "color-scheme" in b)))
    for above, below, least in PAIRS:
        a, b = sorted((luminance(tokens[above]), luminance(tokens[below])), reverse=True)
        assert (a + 0.05) / (b + 0.05) >= least, (above, below, (a + 0.05) / (b + 0.05))


def test_6_11_raw_colours_stand_in_the_tokens_only():
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(", rules.css("components.css"))
    assert sum((render.STATIC / f).stat().st_size for f in ("components.css", "tokens.css")) <= 40 * 1024


async def test_6_12_the_case_prints_on_A4_with_its_number_and_no_navigation(crawled: Crawled):
    for name, printed in crawled.printed.items():
        info, *pages = printed.rstrip("\f\n").split("\f")
        number = crawled.filled.cases[name]
        assert re.search(r"Page size:\s+59\d(\.\d+)? x 84\d(\.\d+)? pts \(A4\)", info), info
        for n, page in enumerate(pages, 1):
            assert number in page and f"第{n}页，共{len(pages)}页" in page.replace(" ", ""), (name, n, page)
        whole = "".join(pages)
        assert not re.search("跳到正文|回到待办|公示与名册|下一步：核对|暂存", whole)
        assert ("未办结，仅供参考" in whole) == (name == "material")


async def test_6_17_what_is_withheld_is_not_in_the_bytes(crawled: Crawled):
    """Experts' names, what they and the office wrote, what they gave: not for applicants; the school: not for its experts."""
    f = crawled.filled
    pool = f.county.pool
    experts = [r["name"] for r in await pool.fetch("select name from vault_person where id = any($1)", [f.people["expert"], f.people["sealed"], f.people["drawn"]])]
    total = (await f.county.read(f.cases["material"])).case.facts.totals[f.people["sealed"]]
    # the whole pool, from which a school may exclude, never who was drawn; the panel, which its school is told by name (G-19)
    pool_pages = ("dossier-check", "dossier-short", "act-demand")
    hidden = {r: [INSIDE, NOTED, *experts] for r in APPLICANTS}
    hidden |= {r: [INSIDE] for r in (PUBLIC, *BLIND_ROLES)} | {PUBLIC: [INSIDE, NOTED, *experts]}
    faults = [f"{s.name}: {word}" for s in crawled.seen for word in hidden.get(s.look.role, []) if word in s.html and not (word in experts and s.look.name in pool_pages) and s.look.name not in ("login", "login-gone", "login-find", "login-wrong")]
    judged = next(s for s in crawled.seen if s.look.role == "judged")
    faults += [judged.name] * (render.points(total) in judged.html)
    for case, roles in (("material", ("expert", "sealed")), ("draw", ("drawn",))):
        reading = await f.county.read(f.cases[case])
        school = (await f.county.read(reading.case.subject)).case.facts.name
        clerk = await pool.fetchval("select name from vault_person where id = $1", await f.county.holder(f"applicant@{reading.case.subject}"))
        faults += [f"{s.name}: {word}" for s in crawled.seen if s.look.role in roles and s.look.name not in ("review-before", "recuse-done")
                   for word in (school, clerk) if word in s.html.replace("review-before", "")]
    assert not faults, faults


def test_6_18_each_refusal_says_what_to_do():
    """At most 60 characters, a next step in each."""
    said = {**SENTENCES, **{str(k): v for k, v in errors.SENTENCES.items()}}
    bad = {code: s for code, s in said.items() if len(re.sub(r"\{[^}]*\}", "某某", s)) > 60 or "请" not in s}
    assert not bad, bad


async def test_each_link_leads_somewhere(crawled: Crawled):
    assert not crawled.links, "\n".join(crawled.links[:30])


async def test_6_20_the_pictures_are_there(crawled: Crawled):
    for s in crawled.seen:
        for size in ("desk", "phone"):
            assert (SHOTS / f"{s.name}.{size}.jpg").stat().st_size > 5_000
