"""The rules of portal.md section 6, one small check each: what is wrong with a page, in words."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from urllib.parse import urlsplit

from api.pages import render, words

from .chromium import Seen
from .inventory import PUBLIC

ORGAN = "岚溪县教育局"
HAN = "一-鿿"
CODE = re.compile(r"[a-z]+_[a-z]+|[0-9a-f]{8}-[0-9a-f]{4}|\b(?:None|null|NaN|undefined|True|False)\b|\{\{|\d{4}-\d{2}-\d{2}|@[A-Z]{2}\d")
LATIN = re.compile(r"[A-Za-z]{2,}")
LATIN_KNOWN = {"PDF", "Word", "Excel", "KB", "MB"}
FILE_NAME = re.compile(r"[\w〔〕]+\.(?:pdf|jpg|png|xlsx|docx|zip)")
HALF = re.compile(rf"[{HAN}][,;:?!()]|[,;:?!()][{HAN}]|\.\.\.")
GAP = re.compile(rf"[{HAN}] \d(?!\d?:\d\d)|\d [{HAN}]")
DATE = re.compile(r"(?:\d{4}年)?\d{1,2}月\d{1,2}日")
MONEY = re.compile(r"−?\d{1,3}(,\d{3})*\.\d{2}")
COUNT = re.compile(r"(\d+)(?:份|批|条|位|所|件|项|处)(?:，.*)?")
BYTES_MAX, ACT_PX, TARGET_PX = 150_000, 44, 24
STATIC = {f.name: f.stat().st_size for f in render.STATIC.iterdir()}
BAR_OF_PEOPLE = re.compile(r"您|专家[甲乙丙丁戊己庚辛壬癸]|系统|公众")


@cache
def css(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (render.STATIC / name).read_text("utf-8"), flags=re.S)


@cache
def classes() -> frozenset[str]:
    bare = re.sub(r"url\([^)]*\)|\{[^{}]*\}", " ", css("components.css"))
    return frozenset(re.findall(r"\.([a-zA-Z][\w-]*)", bare))


def spoken(seen: Seen) -> Iterator[str]:
    """Text nodes and the words of attributes."""
    for t in seen.desk["texts"]:
        yield t["t"]
    yield from seen.desk["attrs"]
    yield seen.desk["title"]


def check_6_01(seen: Seen) -> Iterator[str]:
    """axe: nothing violated."""
    for size, (violations, _) in seen.axe.items():
        for v in violations:
            yield f"{size} {v['id']}: {v['nodes'][:3]}"


def check_6_02(seen: Seen) -> Iterator[str]:
    """Never a sideways page, nor a table that scrolls sideways, nor words cut off."""
    yield from (f"{wide} px wide at {at}" for at, wide in seen.widths.items() if wide > at)
    for size, facts in (("desk", seen.desk), ("phone", seen.phone)):
        yield from (f"{size}: .{c} scrolls sideways" for c in facts["sideways"] if not {"pills", "row", "tabs"} & set(c.split()))
        yield from (f"{size}: .{c} is cut" for c in facts["cut"] if "vh" not in c.split() and c != "tx")


def check_6_03(seen: Seen) -> Iterator[str]:
    """One h1, headings in order, landmarks named once, the title."""
    d = seen.desk
    if len(d["h1"]) != 1:
        yield f"h1: {d['h1']}"
    level = 0 if seen.look.refused else 1
    for n, said in d["heads"]:
        if level and n > level + 1:
            yield f"h{n} after h{level}: {said}"
        level = n
    if d["lang"] != "zh-Hans" or d["marks"] != [1, 1, 1]:
        yield f"{d['lang']} {d['marks']}"
    if d["doubled"]:
        yield f"ids twice {d['doubled']}"
    if "" in d["navs"] or len(set(d["navs"])) != len(d["navs"]):
        yield f"landmarks {d['navs']}"
    if not d["title"].endswith(" - 卷宗"):
        yield d["title"]
    if seen.look.name != "design" and bool(d["problems"]) != bool(re.match(r"有\d+处要改：", d["title"])):
        yield f"{d['title']} with {len(d['problems'])} problems"


def check_6_04(seen: Seen) -> Iterator[str]:
    """Labels; errors tied to their fields; the problem box first, focused, its links landing."""
    d = seen.desk
    yield from (f"{c['name']} has no label" for c in d["controls"] if not c["labels"])
    yield from (f"{c['name']} is described by nothing" for c in d["controls"] if None in c["about"] or (c["invalid"] and not c["about"]))
    if seen.look.refused:
        if d["first"].split()[:1] != ["problem"] or "problem" not in d["focused"].split():
            yield f"first in main {d['first']}, focused {d['focused']}"
        yield from (f"#{p['at']} leads nowhere" for p in d["problems"] if not p["lands"])
        yield from (f"{m} is not in the box" for m in d["messages"] if m not in [p["words"] for p in d["problems"]])
        if not d["problems"]:
            yield "no problem said"


def check_6_05(seen: Seen) -> Iterator[str]:
    """The skip link first; nothing out of order; targets as large as a finger."""
    if seen.desk["targets"][0]["cls"] != "skip" or seen.desk["tab"]:
        yield f"first {seen.desk['targets'][0]}"
    for size, facts in (("desk", seen.desk), ("phone", seen.phone)):
        for t in facts["targets"]:
            act = t["tag"] in ("button", "select", "textarea") or "btn" in t["cls"].split() or (t["tag"] == "input" and t["h"])
            least = ACT_PX if size == "phone" and act else TARGET_PX if act else 0
            if t["h"] and t["h"] < least:
                yield f"{size} {t}"


def check_6_06(seen: Seen) -> Iterator[str]:
    """No code, no English, no ISO time in what is read."""
    for said in spoken(seen):
        if found := CODE.search(said):
            yield f"{found[0]} in {said.strip()[:60]}"
        unnamed = FILE_NAME.sub("", said)
        if unknown := {w for w in LATIN.findall(unnamed) if w not in LATIN_KNOWN and not re.match(r"E", w)}:
            yield f"{unknown} in {said.strip()[:60]}"


def check_6_07(seen: Seen) -> Iterator[str]:
    """Chinese punctuation; no typed space between Chinese and figures."""
    for said in spoken(seen):
        if found := HALF.search(said) or GAP.search(said):
            yield f"“{found[0]}” in {said.strip()[:60]}"


def check_6_08(seen: Seen) -> Iterator[str]:
    """With scripts the page says the same as without."""
    if not seen.desk["same"]:
        yield "a script has changed main"


def check_6_09(seen: Seen) -> Iterator[str]:
    """Weight and number of requests of the load: the icon of the tab is the browser's own, the stream of counts opens after."""
    asked = [urlsplit(r).path for r in seen.requests[:1] + seen.desk["asked"]]
    weight = len(seen.html.encode()) + sum(STATIC.get(p.rpartition("/")[2], 0) for p in asked if p.startswith("/static"))
    if weight > BYTES_MAX:
        yield f"{weight} bytes"
    beyond = [p for p in asked[1:] if not re.search(r"\.(css|js)$|/raw$|/icon\.svg$", p)]
    if len(beyond) > 1 or sum(p.endswith(".css") for p in asked) > 2 or sum(p.endswith(".js") for p in asked) > 1:
        yield f"requests {asked}"


def check_6_10(seen: Seen) -> Iterator[str]:
    """Nothing inline, the policy holds, no other host, no fonts."""
    yield from seen.desk["inline"]
    yield from seen.faults
    policy = seen.headers.get("content-security-policy", "")
    if "default-src 'self'" not in policy or "unsafe" in policy:
        yield policy
    ours = [r for r in seen.requests if not r.startswith("chrome")]         # the browser's own viewer of papers
    yield from (r for r in ours if (r.startswith("http") and not r.startswith(seen.url)) or re.search(r"\.(woff2?|ttf|otf)", r))


def check_6_11(seen: Seen) -> Iterator[str]:
    """Only classes of components.css."""
    if strange := set(seen.desk["classes"]) - classes():
        yield str(sorted(strange))


COMMANDLESS = re.compile(r"^/(login|logout|posts|password|rehearsal/switch|design)$")


def check_6_13(seen: Seen) -> Iterator[str]:
    """Each form that may change a case carries a command id, the version it saw and a token; the rest a token."""
    for form in seen.desk["forms"]:
        wanted = set() if seen.look.role == PUBLIC else {"csrf"}
        if not COMMANDLESS.match(form["action"]):
            wanted |= {"command", "saw"}
        elif form["action"] in ("/login", "/rehearsal/switch", "/design"):
            wanted = set()
        if missing := wanted - set(form["fields"]):
            yield f"{form['action']} lacks {sorted(missing)}"


def check_6_14(seen: Seen) -> Iterator[str]:
    """A refused form holds what was typed."""
    if seen.status != seen.look.status:
        yield f"{seen.status}, not {seen.look.status}"
    yield from (f"{word} is lost" for word in seen.look.kept if word not in seen.desk["values"])


def check_6_15(seen: Seen) -> Iterator[str]:
    """Dates in <time>, amounts as amounts, a count at the head of its own list counts that list."""
    for t in seen.desk["texts"]:
        if not (t["time"] or t["option"] or t["say"]) and (found := DATE.search(t["t"])):
            yield f"{found[0]} in {t['t'].strip()[:60]}"
    for value, said in seen.desk["times"]:
        try:
            datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
        except (TypeError, ValueError):
            yield f"<time {value}> {said}"
    yield from (m for m in seen.desk["money"] if re.search(r"\d", m) and not MONEY.fullmatch(m.removesuffix("元")))
    for c in seen.desk["counts"]:
        if (m := COUNT.fullmatch(c["words"])) and int(m[1]) not in c["rows"]:
            yield f"{c['words']} over {c['rows']} rows"


def check_6_16(seen: Seen, names: frozenset[str]) -> Iterator[str]:
    """No name without a post beside it."""
    yield from (f"{name} has no post" for name, post in seen.desk["people"] if not post and not BAR_OF_PEOPLE.search(name))
    posts = re.compile("|".join(sorted(map(re.escape, {*words.POSTS.values(), "股长", "科员", "委员", "专家", "主任", "考察组", "组长", "成员", "秘书"}))))
    for t in seen.desk["texts"]:
        said = t["t"].strip()
        if not t["say"] and said in names and not posts.search(t["block"]) and "您" not in t["block"]:
            yield f"{said} in “{t['block'].strip()[:60]}”"


def check_6_19(seen: Seen) -> Iterator[str]:
    """The organ, a telephone, a way back; public pages without cookies."""
    body = seen.html
    if ORGAN not in body or words.TELEPHONE not in body:
        yield "no organ or telephone"
    back = "/notices" if seen.look.role == PUBLIC else "/inbox"
    if back not in [href for href, _ in seen.desk["links"]]:
        yield f"no way back to {back}"
    if seen.look.role == PUBLIC and seen.look.name != "login-wrong" and "set-cookie" in seen.headers:
        yield "a cookie is set"


def check_principles(seen: Seen) -> Iterator[str]:
    """Principle 1: strip and head of the act card in the first screen; 5: no grey buttons; one primary button at most."""
    for size, facts, fold in (("desk", seen.desk, 768), ("phone", seen.phone, 844)):
        for what in ("glance", "act"):
            if seen.look.name.startswith("case-") and facts[what] is not None and facts[what] > fold:
                yield f"{size}: {what} at {facts[what]:.0f}"
    if seen.desk["disabled"] and seen.look.name != "design":
        yield "a disabled control"
    if len(seen.desk["primary"]) > 1 and seen.look.name != "design":
        yield f"primary {seen.desk['primary']}"
