"""评审的词: stages inside and outside, forms, ends (R-92). Keyed by the names of the table, never in it."""
from __future__ import annotations

STAGES = {
    "dossier": "填报", "co_sign": "校长会签", "completeness": "材料受理审查", "correction": "补正", "eligibility": "资格审核",
    "draw": "专家抽取", "material": "材料盲评", "third": "第三位专家盲评", "appointment": "定考察日", "visit": "现场考察",
    "report": "考察报告", "fact_reply": "学校核对事实", "answer": "答复学校意见", "mending": "限期改进", "re_check": "改进复评",
    "proposal": "拟定建议", "vote": "审议表决", "notice": "公示", "held": "公示后暂缓", "conferment": "认定",
    "refusal": "签发告知书", "letter": "送达告知书",
    "window": "申报窗口", "review": "评审进行中", "ranking": "排序", "convening": "召集会议", "meeting": "会议",
    "minutes": "会议纪要", "signing": "签发文件",
}
PUBLIC = {
    "dossier": "填报中", "co_sign": "待校长会签", "completeness": "受理审查", "correction": "待补正", "eligibility": "资格审核",
    **dict.fromkeys(("draw", "material", "third"), "专家评审中"),
    **dict.fromkeys(("appointment", "visit", "report", "fact_reply", "answer", "re_check"), "现场考察"),
    "mending": "限期改进", **dict.fromkeys(("proposal", "vote", "refusal", "letter"), "审议中"),
    "notice": "公示中", "held": "公示中", "conferment": "已认定",
}
"""R-92: what the applicant and the public read."""

ENDS = {"recognised": "已认定", "refused": "不予认定", "deferred": "已转下一批", "withdrawn": "已撤回", "lapsed": "逾期失效",
        "terminated": "已终止", "closed": "已办结"}

SEATED = {"co_sign": "会签", "completeness": "受理", "eligibility": "确认资格", "draw": "接受评审", "material": "封存并提交",
          "third": "封存并提交", "appointment": "定下考察日", "visit": "登记考察", "report": "签名", "fact_reply": "提交核对意见",
          "answer": "逐条答复", "mending": "提交改进报告", "re_check": "提交复评", "proposal": "提交建议", "refusal": "签发",
          "convening": "召集会议", "meeting": "结束会议", "signing": "签发", "minutes": "签名", "dossier": "提交，送校长会签", "correction": "提交，送校长会签"}
"""What agreeing is called in each row."""
