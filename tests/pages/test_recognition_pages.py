"""申报、评分、考察、建议、表决、批次: each filled in by forms alone, refused with every word kept, and blind where it must be."""
from __future__ import annotations

import re
import subprocess
from datetime import datetime, time
from urllib.parse import quote

from domain.kernel.calendar import COUNTY, DAY
from domain.recognition.site import Reply
from store import reads
from store.files import Files

from .browser import Page
from .conftest import HEAD, STAFF, one_step
from .test_pages import check

PDF = b"%PDF-1.4\n" + b"0" * 4_000


def fields(page, action: str) -> dict[str, str]:
    return dict(page.form(action).fields)


async def one_of(stages, case: str, stage: str) -> str:
    return (await stages.county.task(case, stage)).holder.id


async def test_a_dossier_is_filled_in_group_by_group(stages):
    """Each leaf that holds is stored; one that does not stays in its field, with its sentence in both places."""
    case, browser = stages.dossier, stages.browser()
    await browser.be(clerk := await stages.county.holder("applicant@PR003"))
    start = check(await browser.get(f"/cases/{case}"))
    page = check(await browser.get(start.link("填写申报材料")))
    assert page.url.endswith("/dossier/info")
    info = check(await browser.submit(page, page.form("/dossier/info"), "存好", feature="乡土竹编", subject="语文", report="三十年传承。"))
    assert info.url.endswith("/dossier/A")
    sent = {"score.A1.1": "9", "words.A1.1": "有会议记录。", "score.A1.2": "2.5", "words.A1.2": "有规划。"}
    form = info.form("/dossier/A")
    bad = check(await browser.submit(info, form, "存好", **{k.replace(".", "__"): v for k, v in sent.items()}), 422)
    assert bad.first_in_main == "problem" and bad.text.count("A1.1自评分不能超过满分") == 2
    kept = fields(bad, "/dossier/A")
    assert all(kept[k] == v for k, v in sent.items())
    answered = (await stages.county.read(case)).case.facts.answered
    assert answered == {"A1.2": 250}
    again = check(await browser.get(f"/cases/{case}/dossier/A"))
    assert fields(again, "/dossier/A")["score.A1.1"] == "9" and "已放回" in again.text
    up = check(await browser.submit(again, again.form("/dossier/A"), "上传", files={"up.A1.1": ("课表.pdf", PDF)}, score__A1__1="2"))
    assert "课表.pdf" in up.text and (await stages.county.read(case)).case.facts.answered["A1.1"] == 200
    assert len((await stages.county.read(case)).case.facts.files["A1.1"]) == 1
    wrong = check(await browser.submit(up, up.form("/dossier/A"), "上传", files={"up.A2.1": ("表.pdf", b"MZ")}, score__A2__1="1"), 422)
    assert fields(wrong, "/dossier/A")["score.A2.1"] == "1" and "表.pdf" in wrong.text
    events = await stages.county.pool.fetchval("select count(*) from event where case_id = $1", case)
    await browser.submit(up, up.form("/dossier/A"), "存好")                     # nothing changed: nothing is stored
    assert await stages.county.pool.fetchval("select count(*) from event where case_id = $1", case) == events
    short = check(await browser.get(f"/cases/{case}/dossier/check"))
    refused = check(await browser.submit(short, short.form("/dossier/check"), "提交"), 422)
    assert "B1.1还没有填" in refused.text and "真实性承诺" in refused.text
    await browser.be(HEAD)
    check(await browser.get(f"/cases/{case}/dossier/A"))
    forged = await browser.client.post(f"/cases/{case}/dossier/A", data={"csrf": "x", "score.A1.1": "1"})
    assert forged.status_code == 403
    await browser.be(clerk)
    policy = (await stages.county.read(case)).context.policy
    for d in policy.dimensions:
        page = await browser.get(f"/cases/{case}/dossier/{d.id}")
        mine = [x for x in policy.leaves if x.dimension == d.id and x.by != {"office"}]
        values = {f"score.{x.id}": str(x.full_cp / 100) for x in mine} | {f"words.{x.id}": "见现场。" for x in mine}
        check(await browser.submit(page, page.form(f"/dossier/{d.id}"), "存好", **{k.replace(".", "__"): v for k, v in values.items()}))
    ready = check(await browser.get(f"/cases/{case}/dossier/check"))
    assert "转入校长会签" in ready.text
    done = check(await browser.submit(ready, ready.form("/dossier/check"), "提交", truthful="yes"))
    twice = check(await browser.submit(ready, ready.form("/dossier/check"), "提交", truthful="yes"))
    assert "已提交" in done.text and twice.text == done.text
    closed = check(await browser.submit(page, page.form(f"/dossier/{d.id}"), "存好"), 409)
    assert "现在不能改" in closed.text


async def test_an_expert_accepts_scores_and_seals_blind(stages):
    case, browser = stages.drawn, stages.browser()
    school = "PR010"
    expert = await one_of(stages, case, "draw")
    await browser.be(expert)
    check(await browser.get(f"/cases/{case}/dossier/A"), 403)
    before = check(await browser.get(f"/reviews/{case}"))
    await browser.submit(before, before.form("/accept"), "接受")
    for t in (await stages.county.read(case)).plan.tasks:
        if t.stage == "draw":
            await stages.county.act(t.holder.id, case, "agree", t.visit, t.seat)
    name = (await stages.county.read(school)).case.facts.name
    listed = check(await browser.get("/reviews"))
    sheet = check(await browser.get(listed.link(f"申报学校{case[-3:]}号")))
    assert name not in sheet.bytes.decode() and "学校自评" in sheet.text and "分</p>" not in sheet.text
    policy = (await stages.county.read(case)).context.policy
    first = [x for x in policy.scored("material") if x.dimension == "A"]
    low = {f"score.{first[0].id}": "0", f"note.{first[0].id}": ""}
    refused = check(await browser.submit(sheet, sheet.form(f"/reviews/{quote(case)}"), "下一组", **{k.replace(".", "__"): v for k, v in low.items()}), 422)
    assert f"{first[0].id}给了0.0分，是零分。请写明理由。" in refused.text and refused.first_in_main == "problem"
    page = refused
    for d in policy.dimensions:
        page = await browser.get(f"/reviews/{case}?group={d.id}")
        mine = [x for x in policy.scored("material") if x.dimension == d.id]
        values = {f"score.{x.id}": str(x.full_cp * 8 // 10 // x.step_cp * x.step_cp / 100) for x in mine} | {f"note.{x.id}": "见佐证。" for x in mine}
        last = d is policy.dimensions[-1]
        page = check(await browser.submit(page, page.form(f"/reviews/{quote(case)}"), "封存" if last else "下一组", **{k.replace(".", "__"): v for k, v in values.items()}))
        assert name not in page.bytes.decode()
    assert page.url.endswith("/seal")
    done = check(await browser.submit(page, page.form("/seal"), "确认封存"))
    assert (await browser.submit(page, page.form("/seal"), "确认封存")).text == done.text
    facts = (await stages.county.read(case)).case.facts
    assert list(facts.sheets) == [expert] and len(facts.sheets[expert]) == len(policy.scored("material"))
    mine = check(await browser.get(f"/reviews/{case}"))
    assert "已封存" in mine.text
    other = next(t.holder.id for t in (await stages.county.read(case)).plan.tasks if t.stage == "material")
    await browser.be(other)
    seen = check(await browser.get(f"/reviews/{case}?group=A"))
    assert "学校自评" in seen.text and "已封存" not in seen.text
    await browser.be(await stages.county.holder(f"applicant@{school}"))
    check(await browser.get(f"/reviews/{case}"), 404)
    check(await browser.get(f"/cases/{case}/proposal"), 404)


async def test_an_expert_who_is_tied_leaves(stages):
    case, browser = stages.material, stages.browser()
    expert = await one_of(stages, case, "material")
    await browser.be(expert)
    page = check(await browser.get(f"/reviews/{case}/recuse"))
    empty = check(await browser.submit(page, page.form("/recuse"), "申请回避"), 422)
    assert "还没有选是哪一种关系" in empty.text
    done = check(await browser.submit(empty, empty.form("/recuse"), "申请回避", kind="亲属关系", opinion="表亲在该校任教。"))
    assert done.status == 200
    assert expert not in (await stages.county.read(case)).case.roster("experts").members


async def test_G_19_a_principal_asks_somebody_to_stand_back_and_hears_the_answer(stages):
    """Chosen from those whom the school knows by name; the head reads who and why before deciding."""
    case, browser = stages.report, stages.browser()
    principal, panel = await stages.county.holder("principal@PR017"), (await stages.county.read(case)).case.roster("panel").members
    name = await stages.county.pool.fetchval("select name from vault_person where id = $1", panel[0])
    experts = [r["name"] for r in await stages.county.pool.fetch(
        "select name from vault_person where id = any($1)", list((await stages.county.read(case)).case.roster("experts").ever()))]
    await browser.be(principal)
    page = check(await browser.get(f"/cases/{case}"))
    form = check(await browser.get(page.link("申请某人回避")))
    people = form.form("/check").controls["person"]
    assert set(panel) <= set(people) and not [e for e in experts if e in form.bytes.decode() and e != name]
    refused = check(await browser.submit(form, form.form("/check"), "核对", person=panel[0]), 422)
    assert "理由还没有填" in refused.text and dict(refused.form("/check").fields)["person"] == panel[0]
    late = check(await browser.submit(refused, refused.form("/check"), "核对", reason="三年前在我校任教。"), 409)
    assert "得知名字后3个工作日内" in late.text          # the names came with the notice of the visit
    assert late.text.count("请填写知道的日期") == 2 and dict(late.form("/check").fields)["reason"] == "三年前在我校任教。"
    today = (await stages.county.read(case)).context.now.date().isoformat()
    seen = check(await browser.submit(late, late.form("/check"), "核对", known_on=today))
    assert f"{name}（考察组成员" in seen.text and "由股长决定" in seen.text
    check(await browser.submit(seen, seen.form("/acts/record"), "确认"))
    await browser.be(HEAD)
    assert "决定回避申请" in check(await browser.get("/inbox")).text
    card = check(await browser.get(f"/cases/{case}"))
    assert f"申请{name}回避。理由：三年前在我校任教。" in card.text and f"准予{name}回避" in card.text
    form = card.form("/acts")
    seen = check(await browser.submit(card, form, "核对", way=next(w for w in form.controls["way"] if w.startswith("drop"))))
    check(await browser.submit(seen, seen.form("/acts/drop"), "确认"))
    await browser.be(principal)
    assert "不准回避" in check(await browser.get(f"/cases/{case}")).text


async def test_a_panel_member_signs_and_the_head_proposes(stages):
    case, browser, county = stages.report, stages.browser(), stages.county
    tasks = [t for t in (await county.read(case)).plan.tasks if t.stage == "report"]
    policy = (await county.read(case)).context.policy
    for n, t in enumerate(tasks):
        await browser.be(t.holder.id)
        page = check(await browser.get(f"/cases/{case}/panel"))
        none = check(await browser.submit(page, page.form("/panel"), "核对", summary="台账完整。"), 422)
        assert fields(none, "/panel")["summary"] == "台账完整。" and "还没有选建议" in none.text
        values = {f"score.{x.id}": str(x.full_cp / 100) for x in policy.scored("site")}
        sign = check(await browser.submit(none, none.form("/panel"), "核对", suggestion="recognise", **{k.replace(".", "__"): v for k, v in values.items()}))
        check(await browser.submit(sign, sign.form("/sign"), "确认签名"))
        if n == 0:
            after = check(await browser.get(f"/cases/{case}/panel"))
            assert "全组签完后才显示" in after.text
    await county.settle()
    await county.act(await county.holder("principal@PR017"), case, "agree", (await county.task(case)).visit, "principal",
                     form=Reply())
    await county.settle()
    await browser.be(HEAD)
    card = check(await browser.get(f"/cases/{case}"))
    page = check(await browser.get(card.link("拟定建议")))
    short = check(await browser.submit(page, page.form("/proposal"), "提交建议", departs="defer", reason="再等等"), 422)
    assert fields(short, "/proposal")["reason"] == "再等等"
    done = check(await browser.submit(short, short.form("/proposal"), "提交建议", departs="", reason=""))
    assert done.status == 200 and (await county.read(case)).plan.stages[0] == "vote"
    vote = check(await browser.get(f"/votes/{case}"))
    assert "会议还没有开始" in vote.text


async def test_a_closed_ballot_shows_its_count_only(stages):
    browser = stages.browser()
    await browser.be("P00391")
    page = check(await browser.get(f"/votes/{stages.recognised}"))
    assert "通过" in page.text and "实到5人" in page.text
    check(await browser.get(f"/cases/{stages.recognised}/proposal"))
    check(await browser.get(f"/cases/{stages.recognised}/panel"))


async def test_each_number_of_a_batch_opens_its_list(stages):
    browser = stages.browser()
    await browser.be(HEAD)
    check(await browser.get("/batches"))
    for no in (stages.first, stages.batch):
        page = check(await browser.get(f"/batches/{no}"))
        for href, said in page.links:
            if "/cases?" in href and (m := re.fullmatch(r"(?:全部|逾期)?(\d+)件?", said.strip())):
                listed = check(await browser.get(href))
                rows = {h for h, _ in listed.links if re.fullmatch(r"/cases/%E6[^?/#]+", h)}
                assert len(rows) == int(m[1]), (href, said, rows)


async def test_the_head_opens_a_batch_and_extends_it(stages):
    browser = stages.browser()
    await browser.be(HEAD)
    page = check(await browser.get("/batches"))
    form = page.form("/batches")
    day = (await stages.county.door.who(HEAD)).now.date()
    empty = check(await browser.submit(page, form, "开批次", title="试批", policy="star-school-2026"), 422)
    assert fields(empty, "/batches")["title"] == "试批"
    sent = {"title": "试批", "policy": "star-school-2026", "first_day": day.isoformat(), "last_day": day.replace(day=28).isoformat()}
    opened = check(await browser.submit(empty, empty.form("/batches"), "开批次", **sent))
    assert opened.h1 == ["试批"]
    back = check(await browser.submit(opened, opened.form("/extend"), "延长", last_day=day.isoformat()), 422)
    assert back.first_in_main == "problem"
    await browser.be("P00140")
    school = await browser.get("/batches")
    assert not any(f.action == "/batches" for f in school.forms)


async def test_the_document_says_the_days_of_its_notice(stages):
    """R-50, R-59: one period on both papers; the policy's title with full-width brackets."""
    files = Files(stages.county.folder / "files", 1)
    batch = (await stages.county.read(stages.first)).case
    texts = []
    for tag in ("batch.notice_up.v1", "batch.document_rendered.v1"):
        row = next(iter(await reads.history(stages.county.pool, batch.id, tags=[tag])))
        paper = subprocess.run(["pdftotext", files.path(row["event"].file), "-"], capture_output=True, text=True, check=True).stdout
        texts.append(re.sub(r"\s", "", paper))
    days = re.search(r"公示时间(.+?)，共5个工作日", texts[0])[1]
    assert f"并于{days}公示期满" in texts[1] and "（2015年）》（岚教发〔2015〕18号）" in texts[0]


async def test_calendar_policies_people(stages):
    browser = stages.browser()
    await browser.be(HEAD)
    check(await browser.get("/calendar"))
    later = check(await browser.get("/calendar?year=2030"))
    assert "还没有公布" in later.text
    check(await browser.get("/policies"))
    check(await browser.get("/policies/star-school-2026"))
    check(await browser.get("/policies/star-school-2026/cases"))
    check(await browser.get("/policies/nothing"), 404)
    await browser.be(STAFF)
    check(await browser.get("/people"), 403)
    await browser.be(await stages.county.holder("office_head@SC1"))
    check(await browser.get("/people"))
    check(await browser.get("/people?kind=unconfirmed"))


async def test_C_31_to_C_35_what_was_not_entered_in_time_is_entered_late(stages):
    """By forms alone: when and why are asked for and kept; after the limit only with the head's consent; both times are shown."""
    case, county, browser = stages.drawn, stages.county, stages.browser()
    while (at := (await county.read(case)).plan.stages[0]) != "visit":
        await one_step(county, case, at)
    reading = await county.read(case)
    day, policy = reading.case.facts.day, reading.context.policy
    done = {f"activities__{k}": str(n) for k, n in policy.activities_min.items()}

    async def form() -> Page:
        await browser.be(await one_of(stages, case, "visit"))       # a leader whose own term is over has been replaced
        page = check(await browser.get(f"/cases/{case}"))
        return check(await browser.submit(page, page.form("/acts"), "核对"))

    early = await form()
    refused = check(await browser.submit(early, early.form("/check"), "核对", at=f"{day}T10:30", opinion="网络不通。", **done), 409)
    assert "发生时间要在" in refused.text and "现在以前" in refused.text and fields(refused, "/check")["at"] == f"{day}T10:30"
    await county.move(datetime.combine(day, time(15), COUNTY))
    first = await one_of(stages, case, "visit")
    await county.move(datetime.combine(await county.workday_after(policy.late_entry_workdays + 1), time(9), COUNTY))
    assert first != await one_of(stages, case, "visit")
    await browser.be(first)                                         # whose own term is over: for what was done within it
    page = check(await browser.get(check(await browser.get(f"/cases/{case}")).link("补录：登记考察")))
    empty = check(await browser.submit(page, page.form("/check"), "核对", opinion="村里停电。", **done), 422)
    assert "发生时间还没有填" in empty.text and fields(empty, "/check")["opinion"] == "村里停电。"
    page = await form()
    none = check(await browser.submit(page, page.form("/check"), "核对", at=f"{day}T10:30", **done), 422)
    assert "补录要写明为什么没有按时录入" in none.text
    past = check(await browser.submit(none, none.form("/check"), "核对", opinion="村里停电，回来后病了。"), 409)
    assert f"补录期限（{policy.late_entry_workdays}个工作日）已过" in past.text and fields(past, "/check")["at"] == f"{day}T10:30"
    await browser.be(HEAD)
    card = check(await browser.get(f"/cases/{case}"))
    consent = check(await browser.get(card.link("同意逾期补录")))
    seen = check(await browser.submit(consent, consent.form("/check"), "核对", day=str(day), reason="停电属实。"))
    check(await browser.submit(seen, seen.form("/acts/record"), "确认"))
    assert "已同意逾期补录" in check(await browser.get(f"/cases/{case}")).text
    page = await form()
    seen = check(await browser.submit(page, page.form("/check"), "核对", at=f"{day}T10:30", opinion="村里停电，回来后病了。", **done))
    assert f"{day.month}月{day.day}日 10:30，按补录记入" in seen.text
    edit = check(await browser.submit(seen, seen.form("/acts/agree"), "返回修改"))
    assert fields(edit, "/check")["at"] == f"{day}T10:30"
    done_page = check(await browser.submit(seen, seen.form("/acts/agree"), "确认"))
    assert "（补录）" in done_page.text and "发生时间" in done_page.text and "录入时间" in done_page.text
    await browser.be(HEAD)
    page = check(await browser.get(f"/cases/{case}"))
    assert re.search(rf"{day.month}月{day.day}日 10:30.*?今天 9:00补录", page.text)


async def test_A_42_a_reminder_reaches_whoever_has_the_task(stages):
    """Counted on the inbox, listed by day with a link to the case, read once; nobody else is told. What was sent stands there, too."""
    county, browser, told = stages.county, stages.browser(), []
    while not told:
        await county.move((await county.door.who(HEAD)).now + DAY)
        holders = [r["holder"] for r in await county.pool.fetch("select distinct holder from task order by 1")]
        told = [(h, r["case_id"]) for h in holders for r in await reads.reminders(county.pool, [h])
                if r["event"].visit == r["visit"] and getattr(r["event"], "key", "") in ("", r["seat"])]
    holder, case = told[0]
    await browser.be(await county.holder(holder))
    inbox = check(await browser.get("/inbox"))
    count = int(re.search(r"新消息(\d+)条", inbox.text)[1])
    page = check(await browser.get(inbox.link("新消息")))
    said = [href for href, words in page.links if words.startswith("提醒：")]
    assert re.search(r"提醒：.+?(还剩\d个工作日|今天)到期", page.text) and f"/cases/{quote(case)}" in said
    assert len(re.findall(r"<td><a class=\"t\"", page.bytes.decode())) == count
    none = check(await browser.submit(page, page.form("/messages"), "全部标为已读"))
    assert "没有新消息" in none.text and "新消息" not in check(await browser.get("/inbox")).text
    assert "提醒：" in check(await browser.get("/messages?box=read")).text
    await browser.be(await county.holder("applicant@PR003"))
    assert case not in check(await browser.get("/messages")).text
    await browser.be(await county.holder("principal@PR006"))
    page = check(await browser.get("/messages"))
    assert "已认定，证书可以下载" in page.text and f"/cases/{quote(stages.recognised)}" in [href for href, _ in page.links]
