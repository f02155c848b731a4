"""公示、名册、核验: what anybody reads, and what nobody outside may find in the bytes."""
from __future__ import annotations

import json
import re
from urllib.parse import quote

from .test_pages import check as core_check

INSIDE = ("材料盲评", "拟定建议", "资格审核", "审议表决中", "专家甲", "考察组")


def check(page, status: int = 200):
    """As every page, and nothing from inside; no cookie is set or asked for."""
    core_check(page, status)
    assert "set-cookie" not in page.answer.headers
    found = [w for w in INSIDE if w in page.bytes.decode()]
    assert not found, found
    return page


async def people(stages) -> list[str]:
    return [r["name"] for r in await stages.county.pool.fetch("select name from vault_person")]


async def test_a_notice_is_a_paper_with_the_state_of_each(stages):
    browser = stages.browser()
    listed = check(await browser.get("/notices"))
    page = check(await browser.get(listed.link("拟认定名单")))
    assert (await stages.county.read("PR006")).case.facts.name in page.text
    assert "已认定" in page.text and "公示期5个工作日" in page.text
    paper = await browser.client.get(page.link("下载公示文件"))
    assert paper.content.startswith(b"%PDF") and paper.headers["content-type"] == "application/pdf"
    assert not [n for n in await people(stages) if n in page.bytes.decode()]
    check(await browser.get("/notices/没有这次"), 404)
    check(await browser.get("/notices/没有这次/paper"), 404)


async def test_the_register_narrows_and_downloads(stages):
    browser = stages.browser()
    page = check(await browser.get("/register?state="))
    rows = json.loads((await browser.client.get("/register.json")).content)
    assert f"{len(rows)}条" in page.text
    csv = (await browser.client.get("/register.csv")).content.decode("utf-8-sig").strip().splitlines()
    assert len(csv) == len(rows) + 1 and csv[0].startswith("学校,项目,星级")
    mine = next(r for r in rows if r["证书编号"])
    found = check(await browser.submit(page, page.form("/register"), "查", q=mine["学校"]))
    assert f"{sum(r['学校'] == mine['学校'] for r in rows)}条" in found.text
    line = check(await browser.get(f"/register/{quote(mine['证书编号'])}"))
    assert mine["认定文件"] in line.text and mine["学校"] in line.h1[0]
    none = check(await browser.get("/register?q=" + quote("桂花不存在")))
    assert "没有找到" in none.text and "清除筛选" in none.text
    check(await browser.get("/register/没有"), 404)


async def test_a_certificate_is_real_expired_or_unknown(stages):
    browser = stages.browser()
    got = await stages.county.read(stages.recognised)
    title = got.case.facts.conferred
    good = check(await browser.get(f"/v/{title.code}"))
    assert "是真的，有效" in good.text and title.certificate in good.text and good.first_in_main != "problem"
    by_number = check(await browser.submit(good, good.form("/v"), "核验", number=title.certificate))
    assert "是真的，有效" in by_number.text
    for wrong in ("/v/0000000000000000", "/v/%27;drop", "/v?number=" + quote("岚教星校认〔2020〕1-999")):
        page = check(await browser.get(wrong), 404)
        assert "查不到这张证书" in page.text
    now = (await stages.county.door.who("public")).now
    await stages.county.pool.execute("update county_clock set driven = $1", now.replace(year=now.year + 4))
    try:
        old = check(await browser.get(f"/v/{title.code}"))
        assert "已到期" in old.text and "是真的，有效" not in old.text
    finally:
        await stages.county.pool.execute("update county_clock set driven = $1", now)


async def test_public_pages_name_no_running_case(stages):
    browser = stages.browser()
    for url in ("/notices", "/register", "/v", "/register?state=&q=" + quote("石门")):
        page = check(await browser.get(url))
        assert not re.search(r"星申\d{4}-\d{3}", page.text)
