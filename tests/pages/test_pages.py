"""What every page promises (portal.md section 6), and one act from the inbox to done by forms alone."""
from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from api.pages import render, words
from api.pages.clocks import chip, ledger
from api.sessions import print_code
from domain.kernel.acts import Act
from domain.kernel.calendar import Calendar
from domain.kernel.clock import Clock, due
from domain.kernel.stages import Context
from domain.kernel.values import Text
from domain.recognition.dossier import CoSign, Declare
from domain.registers.person import EndPost

from .browser import Browser, Page
from .conftest import CLERK, HEAD, NOW, PRINCIPAL, STAFF, County

CODE = re.compile(r"[a-z]+_[a-z]+|[0-9a-f]{8}-[0-9a-f]{4}|\bNone\b|\bnull\b|\bNaN\b|undefined|\{\{|\d{4}-\d{2}-\d{2}T|@[A-Z]{2}\d")
LATIN = re.compile(r"[A-Za-z]{2,}")
LATIN_KNOWN = {"PDF", "Word", "Excel", "KB", "MB"}
HALF = re.compile(r"[一-鿿][,;:?!()]|[,;?!()][一-鿿]|\.\.\.")


CLASSES = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"url\([^)]*\)|/\*.*?\*/", "", (
    render.STATIC / "components.css").read_text("utf-8"))))


def check(page: Page, status: int = 200) -> Page:
    """Rules 6.3, 6.6, 6.7, 6.10, 6.11 and 6.19 of one page."""
    assert page.status == status, (page.status, page.url, page.text[:300])
    assert page.title.endswith(" - 卷宗"), page.title
    assert len(page.h1) == 1, (page.h1, page.url)
    assert not page.styled, page.styled
    assert page.classes <= CLASSES, page.classes - CLASSES
    assert not CODE.search(page.text), CODE.search(page.text)
    unnamed = re.sub(r"\w+\.(pdf|jpg|xlsx)", "", page.text)
    unknown = {w for w in LATIN.findall(unnamed) if w not in LATIN_KNOWN and not w.startswith("E")}
    assert not unknown, unknown
    assert not HALF.search(page.text), HALF.search(page.text)
    policy = page.answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert "岚溪县教育局" in page.text and words.TELEPHONE in page.text
    return page


def card(page: Page) -> object:
    return page.form("/acts")


def the_way(page: Page, verb: str) -> str:
    return next(w for w in card(page).controls["way"] if w.startswith(verb))


async def at_completeness(county: County, clerk: str, principal: str, school: str) -> str:
    """A case that the office has to look at, claimed by STAFF."""
    case = await county.filled(clerk, school)
    await county.act(clerk, case, Act("agree", 1, "clerk", form=Declare(True)))
    await county.act(principal, case, Act("agree", 2, "principal", opinion=Text("材料真实，同意申报。"), form=CoSign()))
    await county.act(STAFF, case, Act("claim", 3, "office"))
    return case


@pytest.fixture
def browser(county: County) -> Browser:
    return county.browser()


async def test_whoever_is_not_signed_in_gets_the_form_and_comes_back(county, browser):
    page = check(await browser.get("/cases/星申2026-001"), 401)
    assert "登录" in page.title
    wrong = check(await browser.submit(page, page.form("/login"), "登录", login="u00009", password="不对"), 422)
    assert wrong.title.startswith("有1处要改：") and wrong.first_in_main == "problem"
    assert ("login", "u00009") in wrong.form("/login").fields
    people = page.form("/rehearsal/switch")
    assert ("person", HEAD) in {(n, v) for n, v, *_ in people.buttons}
    found = check(await browser.get("/login?q=石门中心小学"))
    assert {v for n, v, *_ in found.form("/rehearsal/switch").buttons} >= {CLERK, PRINCIPAL}


async def test_from_inbox_to_done_by_forms_alone(county, browser):
    """Principle 10: at most four activations; the same form twice is one effect and the same page (6.13)."""
    await browser.be(CLERK)
    start = check(await browser.get("/cases/new/star"))
    page = check(await browser.submit(start, start.form("/cases/new/star"), "开始填报"))
    case = re.search(r"星申2026-\d{3}", page.text)[0]
    again = await browser.submit(start, start.form("/cases/new/star"), "开始填报")
    assert again.url == page.url
    policy = await county.door.policy("star-school-2015")
    leaf = next(x for x in policy.leaves if x.by != {"office"})
    form = check(await browser.get(f"/cases/{case}/acts/record?visit=1&form=answer_leaf"))
    refused = check(await browser.submit(form, form.form("/check"), "核对", leaf=leaf.id, self_cp="不是数", statement="校务公开栏"), 422)
    assert refused.first_in_main == "problem" and refused.title.startswith("有1处要改：")
    kept = dict(refused.form("/check").fields)
    assert (kept["leaf"], kept["self_cp"], kept["statement"]) == (leaf.id, "不是数", "校务公开栏")
    over = check(await browser.submit(refused, refused.form("/check"), "核对", self_cp="99.5"), 422)
    assert dict(over.form("/check").fields)["statement"] == "校务公开栏"
    seen = check(await browser.submit(over, over.form("/check"), "核对", self_cp="2.5"))
    assert "2.5分" in seen.text and "校务公开栏" in seen.text
    done = check(await browser.submit(seen, seen.form("/acts/record"), "确认"))
    twice = check(await browser.submit(seen, seen.form("/acts/record"), "确认"))
    assert done.text == twice.text and "已填写观测点" in done.text
    assert await county.pool.fetchval("select count(*) from event where case_id = $1 and tag = 'star.leaf_answered.v1'", case) == 1
    inbox = check(await browser.get("/inbox"))
    assert case in inbox.text and f"/cases/{quote(case)}" in [href for href, _ in inbox.links]
    other = await browser.submit(seen, seen.form("/acts/record"), "确认", self_cp="1.5")
    assert other.status == 409 and "已经办过" in check(other, 409).text          # the same id with other words


async def test_the_consequence_before_is_what_happens_after(county, browser):
    """Principle 6: the text on the check page is the plan after the act; 6.14 for an opinion that is missing."""
    case = await at_completeness(county, "P00143", "P00053", "PR006")
    await browser.be(STAFF)
    page = check(await browser.get(f"/cases/{case}"))
    assert "现在由您办理：材料受理审查" in page.text and "之后：转入资格审核" in page.text
    back = the_way(page, "return")
    missing = check(await browser.submit(page, card(page), "核对", way=back), 422)
    assert missing.first_in_main == "problem" and "请填写意见" in missing.text
    seen = check(await browser.submit(missing, missing.form("/check"), "核对", opinion="A1.1缺会议记录，请补上。"))
    assert re.search(r"转入补正，由.+?期限7个工作日，对方打开后起算，最迟从.+?起算。", seen.text)      # C-9
    assert "您的时限从此刻暂停。" in seen.text
    edit = check(await browser.submit(seen, seen.form("/acts/return"), "返回修改"))
    assert dict(edit.form("/check").fields)["opinion"] == "A1.1缺会议记录，请补上。"
    done = check(await browser.submit(seen, seen.form("/acts/return"), "确认退回补正"))
    assert "已退回补正" in done.text and "取回" in done.text
    after = check(await browser.get(f"/cases/{case}"))
    assert "打开后起算" in after.text and "退回补正1次" in after.text
    check(await browser.get(f"/cases/{case}/why?verb=eligibility"))
    check(await browser.get(f"/cases/{case}/why?verb=withdraw"))

    await browser.be("P00143")
    mine = check(await browser.get(f"/cases/{case}"))
    assert "A1.1缺会议记录，请补上。" in mine.text and "待补正" in mine.text
    check(await browser.get(f"/cases/{case}/clocks/4"))                        # opened: its term runs
    staff = await county.pool.fetchval("select name from vault_person where id = $1", STAFF)
    assert staff not in mine.bytes.decode() and "认领" not in mine.text         # who reviewed stays inside (6.17)


async def test_a_withheld_opinion_is_not_in_the_bytes(county, browser):
    case = await at_completeness(county, "P00147", "P00057", "PR010")
    secret = "内部意见：材料尚可，留待股长把关。"
    await county.act(STAFF, case, Act("agree", 3, "office", opinion=Text(secret)))
    await browser.be(STAFF)
    assert secret in check(await browser.get(f"/cases/{case}")).text
    await browser.be("P00147")
    page = check(await browser.get(f"/cases/{case}"))
    assert secret not in page.bytes.decode() and "资格审核" in page.text
    assert "材料受理审查" not in page.bytes.decode()
    await browser.be(HEAD)
    assert "确认资格" in check(await browser.get(f"/cases/{case}")).text
    await browser.be("P00150")                                                 # another school: as if it did not exist
    assert check(await browser.get(f"/cases/{case}"), 404).text == check(await browser.get("/cases/星申2026-999"), 404).text


PDF = b"%PDF-1.4\n" + b"0" * 3_000_000                                          # more than a page may carry elsewhere


async def test_A_14_files_go_with_an_opinion_by_forms_alone(county, browser):
    """From the card to the timeline; kept when refused, when put aside and when the sign-in is gone; the school sees none."""
    case = await at_completeness(county, "P00148", "P00058", "PR011")
    await browser.be(STAFF)
    page = await browser.get(f"/cases/{case}")
    back, go_on = the_way(page, "return"), the_way(page, "agree")
    refused = check(await browser.submit(page, card(page), "核对", files={"upload": ("缺项.pdf", PDF)}, way=back), 422)
    assert "缺项.pdf" in refused.text and "请填写意见" in refused.text
    wrong = check(await browser.submit(refused, refused.form("/check"), "核对", files={"upload": ("木马.pdf", b"MZ not a paper")},
                                       opinion="请补上。"), 422)
    assert "缺项.pdf" in wrong.text and "“木马.pdf”" in wrong.text and dict(wrong.form("/check").fields)["opinion"] == "请补上。"
    seen = check(await browser.submit(wrong, wrong.form("/check"), "核对"))
    assert "附件" in seen.text and "缺项.pdf" in seen.text
    page = await browser.get(f"/cases/{case}")
    kept = check(await browser.submit(page, card(page), "暂存", files={"upload": ("核对.pdf", PDF + b"1")}, way=go_on, opinion="齐了。"))
    assert "附件1份" in kept.text and dict(card(kept).fields)["opinion"] == "齐了。"
    cookies = dict(browser.client.cookies)
    browser.client.cookies.clear()
    gone = check(await browser.submit(kept, card(kept), "核对", files={"upload": ("再一份.pdf", PDF + b"2")}, opinion="齐了，见附件。"), 401)
    switch = gone.form("/rehearsal/switch")
    again = Page(await browser.client.post("/rehearsal/switch", data={**dict(switch.fields), "person": STAFF}))
    assert dict(card(check(again)).fields)["opinion"] == "齐了，见附件。" and "核对.pdf" in again.text, cookies
    seen = check(await browser.submit(again, card(again), "核对"))
    assert "核对.pdf" in seen.text and "齐了，见附件。" in seen.text
    done = check(await browser.submit(seen, seen.form("/acts/agree"), "确认受理"))
    assert "已受理" in done.text
    after = check(await browser.get(f"/cases/{case}"))
    viewer = check(await browser.get(after.link("附件1份")))
    assert "材料受理审查的附件" in viewer.text and (await browser.client.get(viewer.url + "/raw")).content == PDF + b"1"
    await browser.be("P00148")
    page = check(await browser.get(f"/cases/{case}"))
    assert "附件" not in page.text and "核对.pdf" not in (await browser.get(f"/cases/{case}/files")).text
    check(await browser.get(viewer.url), 404)
    check(await browser.get(viewer.url + "/raw"), 404)


async def test_a_password_is_set_with_a_code_and_changed_with_the_old_one(county, browser):
    page = check(await browser.get("/login"))
    code = await print_code(county.pool, "u00008")
    first = check(await browser.submit(page, page.form("/login"), "登录", login="u00008", password=code))
    assert "设口令" in first.title and "old" not in first.form("/password").controls
    short = check(await browser.submit(first, first.form("/password"), "设好", new="短", again="短"), 422)
    unlike = check(await browser.submit(short, short.form("/password"), "设好", new="一句够长的口令十个字", again="另一句够长的口令十个字"), 422)
    done = check(await browser.submit(unlike, unlike.form("/password"), "设好", new="一句够长的口令十个字", again="一句够长的口令十个字"))
    assert "口令已设好" in done.text
    page = check(await browser.get((await browser.get("/posts")).link("改口令")))
    new = {"new": "又一句够长的口令十字", "again": "又一句够长的口令十字"}
    wrong = check(await browser.submit(page, page.form("/password"), "改口令", old="不对", **new), 422)
    assert wrong.first_in_main == "problem" and "一次性口令" in wrong.text
    check(await browser.submit(wrong, wrong.form("/password"), "改口令", old="一句够长的口令十个字", **new))
    browser.client.cookies.clear()
    gone = Page(await browser.client.post("/password", data={"old": "一句够长", "new": "秘密一句话", "again": "秘密一句话"}))
    assert "秘密一句话" not in check(gone, 401).bytes.decode()                     # no password in a page


async def test_what_was_typed_is_never_lost(county, browser):
    """Principle 3: a gone sign-in and a draft; a wrong token is refused."""
    case = await at_completeness(county, "P00150", "P00060", "PR013")
    await browser.be(STAFF)
    page = await browser.get(f"/cases/{case}")
    saved = check(await browser.submit(page, card(page), "暂存", way=the_way(page, "agree"), opinion="先放一放。"))
    assert dict(card(saved).fields)["opinion"] == "先放一放。" and "已放回" in saved.text
    phrase = check(await browser.submit(saved, card(saved), words.PHRASES[0]))
    assert dict(card(phrase).fields)["opinion"] == "先放一放。" + words.PHRASES[0]
    forged = await browser.submit(phrase, card(phrase), "核对", csrf="x")
    check(forged, 403)
    browser.client.cookies.clear()
    gone = check(await browser.submit(phrase, card(phrase), "核对", opinion="登录没了，字还在。"), 401)
    switch = gone.form("/rehearsal/switch")
    back = Page(await browser.client.post("/rehearsal/switch", data={**dict(switch.fields), "person": STAFF}))
    assert dict(card(check(back)).fields)["opinion"] == "登录没了，字还在。"


async def test_numbers_open_lists_of_that_length(county, browser):
    """Principle 2, for the boxes and the batch."""
    await browser.be(STAFF)
    for box in ("/inbox", "/inbox?box=claim", "/cases"):
        page = check(await browser.get(box))
        for href, said in page.links:
            if m := re.fullmatch(r"(全部|今天|本周|以后|已逾期|没有期限|办理中|已结束) (\d+)", said.strip()):
                listed = check(await browser.get(href))
                rows = {h for h, _ in listed.links if re.fullmatch(r"/cases/%E6[^?/#]+", h)}
                assert len(rows) == int(m[2]), (href, m[2], rows)
    await browser.be(HEAD)
    batch = check(await browser.get(f"/cases/{county.batch}"))
    assert "申报窗口" in batch.text


async def test_a_file_is_kept_with_the_form_and_shown_in_its_page(county, browser):
    case = await county.opened("P00154", "PR017")
    await browser.be("P00154")
    page = await browser.get(f"/cases/{case}/acts/record?visit=1&form=answer_leaf")
    form = check(page).form("/check")
    wrong = check(await browser.submit(page, form, "上传", files={"upload": ("课表.pdf", b"MZ not a paper")}, statement="见课表"), 422)
    assert "课表.pdf" in wrong.text and dict(wrong.form("/check").fields)["statement"] == "见课表"
    pdf = b"%PDF-1.4\n" + b"0" * 3_000_000                                     # more than a page may carry elsewhere
    kept = check(await browser.submit(wrong, wrong.form("/check"), "上传", files={"upload": ("课表.pdf", pdf)}))
    seen = check(await browser.submit(kept, kept.form("/check"), "核对", leaf="A1.1", self_cp="3"))
    assert "课表.pdf" in seen.text
    check(await browser.submit(seen, seen.form("/acts/record"), "确认"))
    listed = check(await browser.get(f"/cases/{case}/files"))
    viewer = check(await browser.get(listed.link("课表.pdf")))
    raw = await browser.client.get(viewer.url + "/raw")
    assert raw.content == pdf and raw.headers["content-type"] == "application/pdf"
    assert "frame-ancestors 'self'" in raw.headers["content-security-policy"]
    await browser.be("P00143")
    check(await browser.get(viewer.url), 404)


async def test_boxes_posts_and_sign_out(county, browser):
    await browser.be(HEAD)
    for url in ("/", "/inbox?box=done", "/inbox?box=mine", "/posts", "/cases?kind=star_batch", f"/cases/{county.batch}"):
        check(await browser.get(url))
    posts = await browser.get("/posts")
    out = await browser.submit(posts, posts.form("/logout"), "退出")
    assert "登录" in check(out).title
    check(await browser.get("/inbox"), 401)


async def test_errors_are_pages_for_readers_and_problems_for_programs(county, browser):
    check(await browser.get("/nowhere"), 404)
    answer = await browser.client.get("/api/nowhere", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
    big = await browser.client.post("/login", content=b"x" * (3 * 1024**2), headers={"content-type": "text/plain"})
    check(Page(big), 413)
    broken = county.app.state.door.pool
    county.app.state.door.pool = None
    try:
        page = await browser.get("/inbox")
    finally:
        county.app.state.door.pool = broken
    assert page.status in (401, 500, 503)


async def test_the_components_are_all_there(county, browser):
    """Rule 6.11: pages use the classes of the style sheet and no other; both files within their budget."""
    page = await browser.get("/design")
    assert page.status == 200 and len(page.h1) == 1 and page.classes <= CLASSES, page.classes - CLASSES
    css = (render.STATIC / "components.css").read_text("utf-8")
    assert len(css.encode()) + (render.STATIC / "tokens.css").stat().st_size <= 40 * 1024
    assert "url(data:" not in css.replace('"', "") and len(page.bytes) < 150_000


async def test_events_carry_the_counts(county, browser):
    await browser.be(STAFF)
    from api.pages.events import counts
    from api.pages.shell import signed_in
    request = browser.client.build_request("GET", "/events")
    from starlette.requests import Request
    scope = {"type": "http", "method": "GET", "path": "/events", "query_string": b"", "app": county.app,
             "headers": [(b"cookie", request.headers["cookie"].encode())]}
    page = await signed_in(Request(scope))
    said = await counts(page)
    assert said == page.counts


@pytest.mark.parametrize(("fen", "said"), [
    (0, "零元整"), (512642, "伍仟壹佰贰拾陆元肆角贰分"), (100000000, "壹佰万元整"), (1001, "壹拾元零壹分"), (100500, "壹仟零伍元整")])
def test_money_in_words(fen, said):
    assert render.money_words(fen) == said


@pytest.mark.parametrize("unit", ["workday", "day", "notice", "hour", "month"])
def test_chip_and_ledger_agree_with_the_clock(unit):
    """Principle 8: what is shown is what decides."""
    calendar = Calendar()
    for budget in range(1, 15):
        clock = Clock("", "", unit, budget, NOW)
        context = Context(NOW, "", calendar=calendar)
        end = due(clock, calendar)
        shown = ledger(clock, context)
        assert shown.end == end
        if unit in ("workday", "notice"):
            counted = [d for d in shown.days if d.words.lstrip("调").isdecimal()]
            assert (len(counted), counted[-1].on) == (budget, end.date())
            assert chip(end, unit, NOW, calendar).words == f"剩{budget}个工作日"


def test_dates():
    assert render.term_end(NOW.replace(hour=23, minute=59, second=59, microsecond=999999)) == "2026年2月24日 24:00"
    assert words.full("办法(2015年),第三条") == "办法（2015年），第三条"



async def test_G_11_who_is_asked_and_gone_is_on_the_list_of_the_office(county, browser):
    """The only clerk of a school leaves: the open dossier is named, with its case, until somebody is appointed."""
    head, staff, clerk, school = "P00008", "P00437", "P00149", "PR012"
    case = await county.opened(clerk, school)
    await browser.be(head)
    assert case not in check(await browser.get("/people")).text
    left = EndPost("applicant", school, NOW.date() - timedelta(days=1))
    await county.act(staff, clerk, Act("record", form=left))
    page = check(await browser.get("/people"))
    assert re.search(r"空缺，1件等着办。时限照走，请尽快任命或移交：" + case, page.text)
    assert f"/cases/{quote(case)}" in [href for href, _ in page.links]
