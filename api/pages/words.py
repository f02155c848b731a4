# ruff: noqa: E501
"""词. What pages call things: kinds of cases with their phases, posts, fields of forms, ways to act, facts of the timeline.

A procedure without words still has pages: its stages and forms are then named by their docstrings.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.kernel.stages import Procedure
from domain.kernel.words import DONE, VERBS
from domain.recognition import words as recognition

TELEPHONE = "0000-6620018"                  # of a county that is invented; the organ's name comes from the register
OFFICE_HOURS = "工作日 8:30—17:30"

POSTS = {
    "bureau_leader": "局长", "bureau_deputy": "副局长", "discipline_officer": "纪检组长", "auditor": "内审员",
    "system_admin": "系统管理员", "office_head": "办公室主任", "office_deputy": "办公室副主任", "office_staff": "办公室科员",
    "basic_education_section_head": "基础教育股股长", "basic_education_section_staff": "基础教育股科员",
    "preschool_section_head": "学前教育股股长", "preschool_section_staff": "学前教育股科员",
    "supervision_office_head": "教育督导室主任", "supervision_office_staff": "教育督导室科员",
    "finance_section_head": "计划财务股股长", "finance_section_staff": "计划财务股科员",
    "teacher_section_head": "教师管理股股长", "safety_section_head": "安全管理股股长", "legal_section_head": "政策法规股股长",
    "finance_officer": "资金主管", "finance_deputy": "资金副主管", "district_lead": "督导区组长", "inspector": "督学",
    "principal": "校长", "site_head": "村小负责人", "applicant": "申报经办人", "bursar": "报账员",
    "teaching_office_head": "教导主任", "class_teacher": "班主任", "expert": "评审专家", "committee_chair": "评审委员会主任",
    "committee_member": "评审委员会委员", "committee_secretary": "评审委员会秘书", "supplier_contact": "供应单位联系人",
}
OF_A_SCHOOL = ("principal", "site_head", "applicant", "bursar", "teaching_office_head", "class_teacher")

PROGRAMMES = {"star-school": "素质教育特色学校", "star-kindergarten": "幼儿园", "county-demonstration-kindergarten": "幼儿园",
              "nomination-star-school": "素质教育特色学校"}

PROGRAMME_NAMES = {"star-school": "星级素质教育特色学校", "star-kindergarten": "星级幼儿园",
                   "county-demonstration-kindergarten": "县级示范性幼儿园",
                   "nomination-star-school": "推荐三星级以上素质教育特色学校"}
"""A batch is about one of these."""

ELIGIBILITY = {
    "kind": "属于可以申报的学校", "holds_level": "还没有这一级或更高的称号", "years_in_operation": "独立办学满规定年限",
    "no_veto": "没有查实的一票否决事项", "no_violation": "规定期限内没有查实的严重违规", "no_overdue": "没有逾期未销号的整改", "cooling_off": "不在停止申报期内",
    "holds_below": "持有低一级的在效称号", "years_since": "取得低一级称号满规定年限", "window": "在申报窗口内",
    "no_other": "同一项目没有在办的申报",
}
CONDITION_HELP = {
    "kind": "请核对申报项目。", "holds_level": "请申报更高一级。", "years_in_operation": "请满规定年限后再报。",
    "no_veto": "请在规定期限过后再报。", "no_violation": "请在规定期限过后再报。", "no_overdue": "请先提交整改报告并销号。", "cooling_off": "请在停止申报期过后再报。",
    "holds_below": "请先申报低一级。", "years_since": "请满规定年限后再报。", "window": "请等下一批。",
    "no_other": "请在那一件里办理。",
}
LETTER_REASONS = {"veto": "一票否决", "quota": "名额线以下", "floor": "有维度低于最低线", "pass_mark": "总分不到合格线", "vote": "表决未通过",
                  "eligibility": "不符合申报资格", "incomplete": "材料不全"}


@dataclass(frozen=True)
class Phase:
    """One step of the progress picture: the rows that belong together. `aside`: shown only where the case has been there."""
    name: str
    public: str
    stages: tuple[str, ...]
    aside: bool = False


@dataclass(frozen=True)
class Words:
    """What a kind of case is called, inside and for its applicant."""
    noun: str
    stages: Mapping[str, str] = field(default_factory=dict)
    public: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    good_ends: tuple[str, ...] = ()
    seated: Mapping[str, str] = field(default_factory=dict)         # what agreeing is called in each row
    refused: Mapping[str, str] = field(default_factory=dict)        # what refusing is called
    returned: Mapping[str, str] = field(default_factory=dict)       # target → what returning there is called
    phases: tuple[Phase, ...] = ()
    own_side: tuple[str, ...] = ()                                  # rows in which the applicant's own side acts


ENDS = {"withdrawn": "已撤回", "lapsed": "逾期失效", "terminated": "已终止", "closed": "已办结"}

KINDS: dict[str, Words] = {
    "star": Words(
        "星级申报", recognition.STAGES, recognition.PUBLIC, ENDS | recognition.ENDS, ("recognised",), recognition.SEATED,
        {"completeness": "提请不予认定", "eligibility": "提请不予认定", "co_sign": "不同意申报", "re_check": "维持原分"},
        {"correction": "退回补正", "dossier": "退回修改"},
        (Phase("填报", "填报中", ("dossier",)), Phase("校长会签", "待校长会签", ("co_sign",)),
         Phase("受理审查", "受理审查", ("completeness",)), Phase("补正", "待补正", ("correction",), aside=True),
         Phase("资格审核", "资格审核", ("eligibility",)), Phase("材料盲评", "专家评审中", ("draw", "material", "third")),
         Phase("现场考察", "现场考察", ("appointment", "visit", "report", "fact_reply", "answer")),
         Phase("限期改进", "限期改进", ("mending", "re_check"), aside=True),
         Phase("审议表决", "审议中", ("proposal", "vote")),
         Phase("不予认定", "审议中", ("refusal", "letter"), aside=True), Phase("公示", "公示中", ("notice", "held")),
         Phase("认定", "已认定", ("conferment",))),
        ("dossier", "co_sign", "correction", "fact_reply", "mending")),
    "star_batch": Words(
        "评审批次", recognition.STAGES, {}, ENDS | recognition.ENDS, ("closed",), recognition.SEATED, {}, {},
        (Phase("申报窗口", "", ("window",)), Phase("评审", "", ("review",)), Phase("排序", "", ("ranking",)),
         Phase("召集会议", "", ("convening",)), Phase("会议", "", ("meeting",)), Phase("会议纪要", "", ("minutes",)),
         Phase("公示", "", ("notice",)), Phase("签发文件", "", ("signing",)), Phase("认定", "", ("conferment",)))),
    "organisation": Words("单位登记", {"open": "登记"}, ends=ENDS),
    "person": Words("人员登记", {"open": "登记"}, ends=ENDS),
    "calendars": Words("日历登记", {"open": "登记", "next_year": "发布下一年日历"}, ends=ENDS),
}
"""Kind → words. The next family adds its own."""


def of_kind(kind: str) -> Words:
    return KINDS.get(kind, Words("事项", ends=ENDS))


def first_sentence(doc: str | None) -> str:
    """The Chinese head of a docstring: what a form or a fact is called where no table names it."""
    head = re.split(r"[。：；:(（.]", (doc or "").strip(), maxsplit=1)[0].strip()
    return head if re.search(r"[一-鿿]", head) else ""


def stage_words(procedure: Procedure, stage: str, public: bool = False) -> str:
    """What a row is called. Without words: its form's own, else its place in the table."""
    words = of_kind(procedure.kind)
    if public and (said := words.public.get(stage)):
        return said
    if said := words.stages.get(stage):
        return said
    if stage not in procedure:
        return "其他环节"
    form = procedure[stage].form
    return first_sentence(form.__doc__) if form and first_sentence(form.__doc__) else \
        f"第{procedure.__dict__['row'][stage] + 1}步"


def phases_of(procedure: Procedure) -> tuple[Phase, ...]:
    """The steps of the picture; a procedure that names none has one step a row."""
    return of_kind(procedure.kind).phases or tuple(
        Phase(stage_words(procedure, s.name), "", (s.name,), aside=s.aside) for s in procedure.stages)


def end_words(kind: str, how: str) -> str:
    return of_kind(kind).ends.get(how, "已办结")


FORMS = {
    "star.declare.v1": "提交，送校长会签", "star.describe.v1": "填写特色项目", "star.answer_leaf.v1": "填写观测点",
    "star.veto_found.v1": "报告一票否决事项", "batch.extend_window.v1": "延长申报", "batch.go_on_earlier.v1": "提前排序",
    "batch.signed_in.v1": "签到", "batch.signed_out.v1": "记录离会", "batch.open_meeting.v1": "宣布开会",
    "batch.convene.v1": "召集会议", "batch.minutes.v1": "签会议纪要",
}
"""What a form is called on its button, where the first words of its docstring are too long."""


def form_words(form: type) -> str:
    said = FORMS.get(getattr(form, "tag", "")) or first_sentence(form.__doc__)
    return re.split(r"[，、]", said)[0] if len(said) > 14 else said or "登记"


def about(form: type) -> str:
    """What a form is for, as its docstring says it; units of the record are not those of the page."""
    return full(re.sub(r"（[^）]*百分之一[^）]*）", "", (form.__doc__ or "").strip().split("\n")[0]))


def verb_words(procedure: Procedure, verb: str, stage: str = "", form: type | None = None, to: str = "") -> str:
    """What a way to act is called here."""
    words = of_kind(procedure.kind)
    if verb == "record" and form:
        return form_words(form)
    if verb in ("second", "drop") and form:
        return VERBS[verb] + "：" + form_words(form)
    if verb == "agree":
        return words.seated.get(stage, VERBS["agree"])
    if verb == "refuse":
        return words.refused.get(stage, VERBS["refuse"])
    if verb == "return":
        return words.returned.get(to, f"退回到{stage_words(procedure, to)}") if to else VERBS["return"]
    if verb == "close":
        return "结束，未通过的再表决一次" if to else "结束表决"
    return {"decline": "申请回避", "ask": "申请延期", "yes": "同意", "no": "不同意"}.get(verb, VERBS.get(verb, "办理"))


def done_words(procedure: Procedure, verb: str, stage: str = "", form: type | None = None, to: str = "") -> str:
    """What is written when it is done."""
    said = verb_words(procedure, verb, stage, form, to)
    if verb in ("agree", "refuse", "record", "return"):
        return said if said.startswith("不") else f"已{said}"
    return DONE.get(verb, "已办")


FIELDS = {
    "level": "申报的星级", "feature": "特色项目", "subject": "所属学科", "report": "报告", "leaf": "观测点", "self_cp": "自评分",
    "files": "佐证", "statement": "自评说明", "truthful": "以上材料真实，如有不实愿意承担责任", "excluded": "请不要抽取的人",
    "reason": "理由", "scores": "评分", "notes": "理由", "day": "日期", "activities": "活动次数", "veto": "一票否决事项",
    "what": "看到了什么", "suggestion": "建议", "summary": "总的意见", "problems": "问题", "dissent": "不同意见", "points": "哪里有误",
    "answers": "答复", "leaves": "改了哪几项", "departs": "建议", "title": "名称", "first_day": "第一天", "last_day": "最后一天",
    "members": "委员", "secretary": "秘书", "place": "地点", "member": "委员", "text": "正文", "no": "文号", "due_on": "到期日",
    "in_time": "按时完成", "proven_on": "查实的日期", "basis": "依据", "programme": "项目", "on": "日期", "organisation": "单位",
    "kind": "种类", "person": "人员", "since": "从哪天起", "until": "到哪天止", "name": "名称", "document": "文号", "off": "放假的日子",
    "makeup": "调休上班的日子", "pupils_off": "停课的日子", "pupils_on": "补课的日子", "national_to": "国家公布到哪天", "start": "开始",
    "end": "结束", "certificate": "证书编号", "case": "案号", "district": "督导区", "opinion": "办理意见", "to": "请谁", "more": "数",
    "programmes": "项目", "subjects": "学科", "load_max": "最多件数", "outside": "局外人员", "affiliation": "任职单位",
    "code": "查验码", "file": "文件", "meeting": "第几次会议", "chair": "主持人",
}
ACTIVITIES = {"documents": "查阅资料", "lessons": "随堂听课", "talks": "座谈", "tour": "查看校园", "questionnaires": "问卷"}
SUGGESTIONS = {"recognise": "建议认定", "mend": "建议限期改进", "refuse": "建议不予认定"}
DEPARTS = {"": "按计算结果", "refuse": "不予认定", "defer": "转下一批"}

EXCLUDED = {"tied": "有利害关系", "recused": "本案回避", "taken": "本案已抽过或学校请不要抽取", "load": "手头件数已满",
            "programme": "不评本项目", "not_listed": "不在聘期", "ties_unconfirmed": "未确认利害关系"}
"""Why somebody of the pool cannot be drawn (R-21)."""

PHRASES = ("材料齐全，同意。", "按规则办理。", "请补充说明。", "请重新扫描后再传。")


def full(text: str) -> str:
    """Half-width punctuation beside a Chinese character becomes full-width: files of a policy were typed with it."""
    wide = {",": "，", ";": "；", ":": "：", "(": "（", ")": "）", "?": "？", "!": "！"}
    return re.sub(r"(?<=[一-鿿〕”）0-9])[,;:()?!]|[,;:()?!](?=[一-鿿])", lambda m: wide[m[0]], text)


def name_of_rule(rule: str) -> str:
    """Which clause of a policy a rule stands for; "" for rules of handling that no policy sets."""
    number = int(rule[2:]) if rule.startswith("R-") and rule[2:].isdigit() else 0
    return next((name for (a, b), name in CLAUSES.items() if a <= number <= b), "")


CLAUSES = {(5, 8): "application", (9, 16): "application", (17, 18): "correction", (19, 20): "eligibility",
           (21, 28): "review", (29, 34): "site_visit", (35, 36): "mending", (37, 41): "proposal", (42, 43): "proposal",
           (44, 44): "quota", (45, 49): "committee", (50, 51): "notice", (52, 55): "objection", (56, 62): "conferment",
           (63, 63): "review", (64, 65): "committee", (66, 66): "notice", (67, 68): "conferment", (69, 72): "conferment",
           (73, 76): "appeal", (80, 85): "conferment", (90, 90): "cooling_off"}


def reason_of(code: str) -> Any:
    return LETTER_REASONS.get(code, "不予认定")
