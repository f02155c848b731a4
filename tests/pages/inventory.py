"""Which pages there are, who may see them, and what is done on them (portal.md section 4)."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from .filled import Filled, case_url

PUBLIC = ""


@dataclass(frozen=True)
class Look:
    """One page as one reader sees it."""
    name: str
    role: str
    url: str
    status: int = 200
    fill: tuple[tuple[str, str], ...] = ()              # (selector, words): typed or chosen, in this order
    press: str = ""                                     # the button pressed then; what comes is the page that is looked at
    kept: tuple[str, ...] = ()                          # words that a refused page must still hold

    @property
    def refused(self) -> bool:
        return bool(self.press) and self.status >= 400


def looks(f: Filled) -> Iterator[Look]:
    """What is only read. Nothing here changes the county."""
    k, b = f.cases, f.batches
    yield Look("login", PUBLIC, "/login")
    yield Look("login-find", PUBLIC, "/login?q=" + quote("石门中心小学"))
    yield Look("login-gone", PUBLIC, "/inbox", 401)
    yield Look("design", PUBLIC, "/design")
    yield Look("error-404", PUBLIC, "/nowhere", 404)
    yield Look("notices", PUBLIC, "/notices")
    for n, no in enumerate(f.notices):
        yield Look(f"notice-{n}", PUBLIC, no)
    yield Look("register", PUBLIC, "/register?state=")
    yield Look("register-none", PUBLIC, "/register?q=" + quote("桂花不存在"))
    yield Look("certificate", PUBLIC, f"/register/{quote(f.certificate)}")
    yield Look("verify", PUBLIC, "/v")
    yield Look("verify-good", PUBLIC, f"/v/{f.code}")
    yield Look("verify-none", PUBLIC, "/v/0000000000000000", 404)
    for role in ("head", "staff", "leader", "clerk", "expert", "chair", "winner"):
        yield Look("inbox", role, "/inbox")
    for box in ("claim", "done", "mine"):
        yield Look(f"inbox-{box}", "staff", f"/inbox?box={box}")
    for role in ("head", "winner", "expert", "honoured"):
        yield Look("messages", role, "/messages")
    yield Look("messages-read", "honoured", "/messages?box=read")
    yield Look("notices", "staff", "/notices")
    yield Look("posts", "head", "/posts")
    yield Look("looks", "expert", "/looks")
    yield Look("looks-none", "head", "/looks")
    yield Look("password", "staff", "/password")
    yield Look("error-403", "staff", "/people", 403)
    yield Look("error-403", "clerk", "/policies/star-school-2026", 403)
    yield Look("error-404", "clerk", case_url(k["vote"]), 404)
    for role in ("head", "clerk"):
        yield Look("cases", role, "/cases")
    for stage in ("completeness", "second", "unclaimed", "correction", "material", "vote", "recognised"):
        yield Look(f"case-{stage}", "staff", case_url(k[stage]))
    for stage in ("eligibility", "draw", "mending", "proposal", "withdrawn", "lapsed", "refused"):
        yield Look(f"case-{stage}", "head", case_url(k[stage]))
    for role, stage in (("clerk", "dossier"), ("principal", "co_sign"), ("returned", "correction"), ("winner", "recognised"),
                        ("loser", "refused"), ("judged", "material"), ("answering", "fact_reply"), ("panel", "report"),
                        ("chair", "vote"), ("auditor", "material")):
        yield Look(f"case-{stage}", role, case_url(k[stage]))
    for role, batch in (("head", "open"), ("staff", "meeting"), ("chair", "meeting"), ("auditor", "done")):
        yield Look(f"case-batch-{batch}", role, case_url(b[batch]))
    yield Look("act-form", "clerk", case_url(k["dossier"], "/acts/record?visit=1&form=answer_leaf"))
    yield Look("act-demand", "answering", case_url(k["fact_reply"], "/acts/record?form=demand_recusal"))
    yield Look("act-form", "answering", case_url(k["fact_reply"], f"/acts/agree?visit={f.visits['fact_reply']}&seat=principal"))
    late = f"/acts/agree?visit={f.visits['visit']}&seat={f.people['visitor']}&form=visit_held"
    yield Look("act-form-late", "visitor", case_url(k["visit"], late))
    yield Look("act-form-allow-late", "head", case_url(k["visit"], "/acts/record?form=allow_late"))
    for role, stage, verb in (("staff", "completeness", "eligibility"), ("returned", "correction", "withdraw")):
        yield Look("why", role, case_url(k[stage], f"/why?verb={verb}"))
    for role, stage in (("staff", "correction"), ("returned", "correction"), ("head", "report")):
        yield Look("clock", role, case_url(k[stage], f"/clocks/{f.visits[stage]}"))
    for role in ("staff", "second"):
        yield Look("rounds", role, case_url(k["second"], "/rounds/1..2"))
    yield Look("files", "clerk", case_url(k["dossier"], "/files"))
    yield Look("files-none", "staff", case_url(k["completeness"], "/files"))
    yield Look("file", "clerk", case_url(k["dossier"], f"/files/{f.file}"))
    yield Look("start", "clerk", "/cases/new/star")
    yield Look("start", "winner", "/cases/new/star")
    yield Look("start", "fresh", "/cases/new/star")
    for group in ("info", "A", "check"):
        yield Look(f"dossier-{group}", "clerk", case_url(k["dossier"], f"/dossier/{group}"))
    yield Look("dossier-A", "returned", case_url(k["correction"], "/dossier/A"))
    yield Look("dossier-A", "staff", case_url(k["completeness"], "/dossier/A"))
    yield Look("dossier-A", "expert", case_url(k["material"], "/dossier/A"))
    yield Look("dossier-check", "principal", case_url(k["co_sign"], "/dossier/check"))
    yield Look("reviews", "expert", "/reviews")
    yield Look("reviews", "drawn", "/reviews")
    yield Look("review-B", "expert", f"/reviews/{quote(k['material'])}?group=B")
    yield Look("review-before", "drawn", f"/reviews/{quote(k['draw'])}")
    yield Look("review-recuse", "expert", f"/reviews/{quote(k['material'])}/recuse")
    yield Look("review-sealed", "sealed", f"/reviews/{quote(k['material'])}")
    yield Look("panel", "panel", case_url(k["report"], "/panel"))
    yield Look("panel", "staff", case_url(k["report"], "/panel"))
    yield Look("panel-signed", "head", case_url(k["mending"], "/panel"))
    yield Look("proposal", "head", case_url(k["proposal"], "/proposal"))
    yield Look("proposal-made", "chair", case_url(k["vote"], "/proposal"))
    for role in ("member", "voted", "chair"):
        yield Look("vote", role, f"/votes/{quote(k['vote'])}")
    yield Look("vote-closed", "member", f"/votes/{quote(k['recognised'])}")
    yield Look("vote-failed", "chair", f"/votes/{quote(k['refused'])}")
    for role in ("head", "clerk"):
        yield Look("batches", role, "/batches")
    for name, no in b.items():
        yield Look(f"batch-{name}", "head", f"/batches/{quote(no)}")
    yield Look("batch-open", "leader", f"/batches/{quote(b['open'])}")
    yield Look("batch-cases", "head", f"/batches/{quote(b['open'])}/cases")
    yield Look("calendar", "office", "/calendar")
    yield Look("calendar-later", "staff", "/calendar?year=2030")
    yield Look("policies", "staff", "/policies")
    yield Look("policy", "staff", "/policies/star-school-2026")
    yield Look("policy-cases", "head", "/policies/star-school-2026/cases")
    yield Look("people", "office", "/people")


def refusals(f: Filled) -> Iterator[Look]:
    """What is sent and must be refused with every word kept (6.4, 6.14)."""
    k = f.cases
    yield Look("login-wrong", PUBLIC, "/login", 422, (("#login", "u00009"), ("#password", "不对")), "登录", ("u00009",))
    yield Look("password-short", "staff", "/password", 422, (("#new", "短"), ("#again", "短")), "设好口令")
    yield Look("act-no-opinion", "staff", case_url(k["completeness"]), 422, (("input[value^=return]", ""),), "下一步：核对")
    yield Look("act-form-wrong", "clerk", case_url(k["dossier"], "/acts/record?visit=1&form=answer_leaf"), 422,
               (("[name=self_cp]", "不是数"), ("[name=statement]", "校务公开栏")), "下一步：核对", ("不是数", "校务公开栏"))
    late = f"/acts/agree?visit={f.visits['visit']}&seat={f.people['visitor']}&form=visit_held"
    yield Look("act-late-future", "visitor", case_url(k["visit"], late), 409,
               (("input.num-in", "*9"), ("[name=at]", "2027-01-01T09:00"), ("#opinion", "山里没有信号。")), "下一步：核对", ("山里没有信号。",))
    yield Look("dossier-over", "clerk", case_url(k["dossier"], "/dossier/C"), 422,
               (('[name^="score."]', "99"), ('[name^="words."]', "有课时记录。")), "存好", ("99", "有课时记录。"))
    yield Look("dossier-short", "clerk", case_url(k["dossier"], "/dossier/check"), 422, (), "提交，送校长会签")
    yield Look("review-reason", "expert", f"/reviews/{quote(k['material'])}?group=A", 422, (('[name^="score."]', "0"),), "下一组", ("0",))
    yield Look("recuse-kind", "expert", f"/reviews/{quote(k['material'])}/recuse", 422, (("#opinion", "表亲在该校任教。"),),
               "申请回避", ("表亲在该校任教。",))
    yield Look("panel-empty", "panel", case_url(k["report"], "/panel"), 422, (("[name=summary]", "台账完整。"),), "核对", ("台账完整。",))
    yield Look("proposal-short", "head", case_url(k["proposal"], "/proposal"), 422,
               (("input[value=defer]", ""), ("[name=reason]", "再等等")), "提交", ("再等等",))
    yield Look("batch-dates", "head", "/batches", 422, (("[name=title]", "试批"),), "开批次", ("试批",))
    yield Look("batch-extend", "head", f"/batches/{quote(f.batches['open'])}", 422, (("[name=last_day]", "2026-04-15"),), "延长申报",
               ("2026-04-15",))


def acts(f: Filled) -> Iterator[Look]:
    """Check pages and what comes after; these change the county, in this order."""
    k = f.cases
    yield Look("check-return", "staff", case_url(k["completeness"]), 200,
               (("input[value^=return]", ""), ("#opinion", "A1.1缺会议记录，请补上。")), "下一步：核对")
    yield Look("done-return", "staff", "", 200, (), "确认退回补正")
    yield Look("check-confirm", "head", case_url(k["eligibility"]), 200, (), "下一步：核对")
    yield Look("done-confirm", "head", "", 200, (), "确认")
    yield Look("done-vote", "member", f"/votes/{quote(k['vote'])}", 200, (("input[value=yes]", ""),), "投票")
    yield Look("vote-may-change", "member", f"/votes/{quote(k['vote'])}")
    yield Look("messages-marked", "honoured", "/messages", 200, (), "全部标为已读")
    late = f"/acts/agree?visit={f.visits['visit']}&seat={f.people['visitor']}&form=visit_held"
    yield Look("check-late", "visitor", case_url(k["visit"], late), 200,
               (("input.num-in", "*9"), ("[name=at]", "2026-04-21T10:30"), ("#opinion", "山里没有信号。")), "下一步：核对")
    yield Look("done-late", "visitor", "", 200, (), "确认")
    yield Look("case-late", "visitor", case_url(k["visit"]))
    yield Look("panel-check", "panel", case_url(k["report"], "/panel"), 200,
               (("input[value=recognise]", ""), ("input.num-in", "*1"), ("[name=summary]", "台账完整，课程开齐。")), "核对")
    yield Look("panel-done", "panel", "", 200, (), "确认签名")
    yield Look("panel-mine", "panel", case_url(k["report"], "/panel"))
    yield Look("proposal-done", "head", case_url(k["proposal"], "/proposal"), 200, (), "提交")
    yield Look("recuse-done", "drawn", f"/reviews/{quote(k['draw'])}/recuse", 200, (("input[name=kind]", ""), ("#opinion", "表亲在该校任教。")), "申请回避")
