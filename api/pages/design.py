"""组件. Every component in every state, drawn by the macros that pages use (portal principle 12)."""
from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.kernel.calendar import COUNTY, Calendar
from domain.kernel.clock import Clock
from domain.kernel.stages import Context

from .case import Button, Card, Cell, Dot, Loop, Opinion
from .clocks import Chip, ledger
from .directory import Shown
from .entry import Problem
from .fields import Field, Option, Tile
from .inbox import Group, Pill, Row
from .render import HERE, STATIC
from .shell import Anybody
from .told import Item, Meta
from .ways import Cannot, Way
from .words import PHRASES

router = APIRouter()
NOW = datetime(2026, 10, 8, 9, tzinfo=COUNTY)
HOLIDAY = frozenset(date(2026, 10, d) for d in range(1, 8))
PERSON = Shown("李文华", "基础教育股科员")
WAYS = [Way("agree", 1, "a", words="受理", then="转股长审核资格。", chosen=True),
        Way("return", 1, "b", words="退回补正", then="学校有10个工作日补正，您的时限暂停。"),
        Way("refuse", 1, "c", words="提请不予认定", then="报股长审定，决定后学校可以申诉。")]
CANNOT = [Cannot("转入现场考察", "两位专家分差10.5分，超过10分。请等第三位专家评完。", "#acts")]


def cards() -> list[Card]:
    """Mine, someone else's, to claim, done by another, ended."""
    return [
        Card("mine", "现在由您办理：受理审查", Chip("今天到期", "soon", "#clock"), "校长会签后提交。", WAYS,
             Opinion("", None, PHRASES, True), Field("attached", "附件", "files", hint="可不附，看得到意见的人才看得到附件"),
             "/design", "", {}, others=[Button("申请延期", "#acts", then="由股长答复。")],
             cannot=CANNOT),
        Card("other", "现在由别人办理：校长会签", Chip("剩3个工作日", "run"), "何芳（桂花镇中心小学·校长），10月27日收到。"),
        Card("claim", "本岗待认领：受理审查", Chip("剩8个工作日", "run"), "认领后由您办理，别人不能再认领。",
             action="/design",
             direct="认领并办理"),
        Card("late", "这件事刚刚办完了", None, "周敏已于10:21受理。您写的意见还在下面。",
             buttons=[Button("下一件", "#acts", True)]),
        Card("ended", "案件已结束：已认定", None, "2026年12月28日认定，证书编号岚特2026-011。")]


def fields() -> list[Field]:
    three = [Option("1", "一星级"), Option("2", "二星级")]
    return [Field("t", "名称", "text", True, value="2026年第一批"),
            Field("w", "报告", "words", hint="写做了什么、哪里能看到"),
            Field("l", "哪里有误", "lines", hint="一行一条"), Field("n", "延长多少", "number", unit="个工作日", value="3"),
            Field("s", "自评分", "score", True, unit="分", value="13",
                  error="自评分不能超过满分12分。请改为0到12之间的数。"),
            Field("d", "最后一天", "date", True), Field("m", "开始", "time"), Field("y", "以上材料真实", "yes", value="yes"),
            Field("o", "申报的星级", "one", True, options=three),
            Field("c", "改了哪几项", "many", options=three, values=["1"]),
            Field("k", "评分", "scores", options=[Option("A1", "A1办学条件", "满分4.0分", "/ 4.0")], entered={"A1": "3.5"}),
            Field("f", "佐证", "files", values=["x"], files=[Tile("课表.xlsx", "表", "xls", "46 KB")])]


def rows() -> list[Group]:
    def row(chip: Chip, task: str, last: str) -> Row:
        return Row(chip, "#table", task, "星申2026-031", "申报一星级素质教育特色学校", "柳河乡中心校", last,
                   "韩素芬，柳河乡中心校·申报经办人", NOW - timedelta(days=9))
    return [Group("已逾期1件", (row(Chip("逾期1个工作日", "late"), "专家抽取", "专家谢绝，须另抽1位"),)),
            Group("没有期限1件", (row(Chip("已暂停", "pause"), "恢复计时", "暂停计时"),))]


@router.get("/design")
async def design(page: Anybody) -> HTMLResponse:
    source = (HERE / "templates" / "design.html").read_text("utf-8")
    context = Context(NOW, "", calendar=Calendar(off=HOLIDAY, makeup=frozenset({date(2026, 10, 10)})))
    book = ledger(Clock("", "", "notice", 5, datetime(2026, 9, 28, 9, tzinfo=COUNTY)), context)
    score: dict[str, Any] = {"id": "sc1", "name": "sc1", "label": "我的评分", "value": "4.5", "full": "8", "note_name": "n1",
                             "note": "春季课表只见四至六年级。", "error": ""}
    marks = re.findall(r"(?<=\.)[fntw]\d+(?= \{)", (STATIC / "components.css").read_text("utf-8"))
    return page.html(
        "design.html", here="/design", marks=marks, index=re.findall(r'call part\("([\w-]+)", "([^"]+)"', source),
        cells=[Cell("到了哪一步", "材料盲评", "第5步，共9步"), Cell("谁在办", "2位专家", "盲评，不显示姓名"),
               Cell("到什么时候", "11月26日 24:00", "剩2个工作日", "#clock"),
               Cell("您现在能做什么", "等专家评分", "", "#acts")],
        cards=cards(), fields=fields(), groups=rows(), phrases=PHRASES, book=book,
        steps=[Dot("访校", "done", "11月3日", "#tl"), Dot("学校整改", "done", "11月17日", "#tl"),
               Dot("验收", "now", "剩1个工作日", "#tl"),
               Dot("通报", "next", "月底"), Dot("销号", "next")], loops=[Loop(2, 3, "退回整改1次", "#tl")],
        stopped=[Dot("填报", "done", "10月12日"), Dot("审议表决", "stop", "未通过"), Dot("公示", "skip", "不再进行")],
        chips=[Chip("剩5个工作日", "run"), Chip("今天到期", "soon"), Chip("逾期2个工作日", "late"),
               Chip("已暂停，剩4个工作日", "pause"),
               Chip("预计2027年1月6日", "prov"), Chip("用8个工作日，按时", "met"), Chip("没有期限", "free")],
        items=[Item("验收", "now", [PERSON], NOW, meta=[Meta("到手")]),
               Item("验收不合格", "bad", [PERSON], NOW - timedelta(days=1), ["北楼滤芯仍未更换，退回整改。"]),
               Item("退回补正", "back", [Shown("周敏", "基础教育股科员", behind="李文华")], NOW - timedelta(days=2)),
               Item("暂停计时", "pause", [Shown("系统", "按规则")], NOW - timedelta(days=3)),
               Item("提交整改报告", "ok", [Shown("专家甲", "盲评")], NOW - timedelta(days=4), meta=[Meta("佐证", "#ev")],
                    entered=NOW - timedelta(days=2))],
        changes=[{"where": "整改措施", "parts": [{"sort": "same", "words": "已联系厂家"},
                                             {"sort": "old", "words": "，近期更换"},
                                             {"sort": "new", "words": "并于11月15日更换"},
                                             {"sort": "same", "words": "。"}]}],
        files=[{"sort": s, "css": c, "name": n, "says": t, "state": st, "url": "#ev"} for s, c, n, t, st in (
            ("PDF", "pdf", "竹编课程纲要.pdf", "1.2 MB，10月20日", ""), ("图", "pic", "作品展.jpg", "3.4 MB", ""),
            ("表", "xls", "课表.xlsx", "46 KB", ""), ("…", "", "展评照片.zip", "正在上传62%，可离开本页", "wait"),
            ("！", "pdf", "章程.pdf", "打不开，请重新导出后再传", "bad"), ("封", "", "投诉人材料", "您无权查看，原因见说明",
                                                            ""))],
        anchor_list=[{"words": "优7—8", "says": "进课表，全员"}, {"words": "差0—2", "says": "无证明"}], score=score,
        bad_score=score | {"id": "sc2", "value": "9", "error": "B2-3评分不能超过满分8分。请改为0到8之间的数。"},
        pill_list=[Pill("全部", 2, "#table", "", True), Pill("已逾期", 1, "#table", "late"),
                   Pill("今天", 0, "#table", "soon")],
        faults=[Problem("B2-3评分不能超过满分8分。请改为0到8之间的数。", "sc2"),
                Problem("退回要写明缺什么。请至少点名一项材料。", "o2")],
        check_card={"title": "请核对：退回补正", "action": "/design", "edit": "/design", "hidden": [], "grave": False,
                    "confirm": "确认退回", "rows": [
                        {"words": "案件", "says": ["星申2026-037，桂花镇中心小学"], "edit": False},
                        {"words": "您的意见", "says": ["B2-3缺2025年春季学期课表。"], "edit": True},
                        {"words": "接下来", "says": ["学校有10个工作日补正，到12月8日 24:00；您的时限从此刻暂停。"],
                         "edit": False}]},
        balance=[{"op": "", "words": "收到家长", "fen": 32950, "url": "#money", "zero": False},
                 {"op": "＝", "words": "付出和退还", "fen": 32950, "url": "#money", "zero": False},
                 {"op": "＋", "words": "差额，必须为零", "fen": 0, "url": "", "zero": True}],
        somebody=[PERSON, Shown("周敏", "基础教育股科员", behind="李文华"), Shown("专家乙", "盲评"), Shown("系统", "按规则"),
                  Shown("何芳", "校长", mine=True)],
        answers=[{"value": v, "css": v, "words": w} for v, w in (("y", "符合"), ("x", "不符合"), ("z", "不适用"))],
        orders=[{"value": "0", "css": "", "words": "不订"}, {"value": "1", "css": "", "words": "订1册"}],
        paper_opinions=[{"words": "审查意见", "says": "补正材料齐全，同意进入资格审核。",
                         "signed": "周敏 代 李文华，2026年11月4日"},
                        {"words": "委员会意见", "says": "", "signed": ""}])
