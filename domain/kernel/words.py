"""词. What is said: verbs, what is written when done, and a sentence for every refusal. Words are never in the table."""
from __future__ import annotations

from .refusal import Refusal

VERBS = {
    "open": "开始", "agree": "同意", "refuse": "不同意", "yes": "赞成", "no": "反对", "abstain": "弃权", "return": "退回",
    "claim": "认领", "release": "退还", "decline": "回避或谢绝", "take_back": "取回", "ask": "申请延期", "receive": "签收", "record": "登记",
    "second": "确认", "drop": "撤销登记", "close": "结束表决", "withdraw": "撤回", "suspend": "暂停计时", "resume": "恢复计时",
    "extend": "答复延期", "vacate": "收回席位", "assign": "指派", "again": "重新办理", "end": "终止",
}
DONE = {
    "open": "已开始", "agree": "已同意", "refuse": "未通过", "yes": "已投票", "no": "已投票", "abstain": "已投票", "return": "已退回",
    "claim": "已认领", "release": "已退还", "decline": "已回避", "take_back": "已取回", "ask": "已申请延期", "receive": "已签收",
    "record": "已登记",
    "second": "已确认", "drop": "已撤销", "close": "表决结束", "withdraw": "已撤回", "suspend": "已暂停", "resume": "已恢复",
    "extend": "已答复", "vacate": "已收回", "assign": "已指派", "again": "已重新办理", "end": "已提出终止",
}

SENTENCES = {
    "not_found": "没有这个案号，或您无权查看。请核对案号，或问本单位经办人。",
    "malformed": "填写的内容还不完整或不能识别。请按标出的地方改正后再提交。",
    "unknown_command": "这个环节没有这个办法。请刷新页面后再办，您写的还在。",
    "wrong_stage": "案件现在不在可以这样办的环节。请看“现在到了哪一步”。",
    "stage_over": "这一环节已经结束。请刷新页面，看现在由谁办理。",
    "task_closed": "这件事已经办完。请办下一件。",
    "not_holder": "这件事现在不由您办理。请看“谁在办”，或请对方办理。",
    "wrong_post": "您现在的岗位不能办这件事。请切换岗位，或请有此岗位的人办理。",
    "own_case": "您与申报单位有利害关系，不能办理本案。请转给本股室其他人。",
    "recused": "您在本案须回避。请退出，系统会另请一人。",
    "separation": "同一案件里，这两件事不能由同一人办。请由另一人办理。",
    "ties_unconfirmed": "您还没有确认有无利害关系。请先确认。",
    "past_deadline": "期限已过，不能再办。请联系经办股室，问清能否恢复。",
    "stale_version": "您打开后，材料又有改动：{changed}。您写的都还在，请看过改动后再确认。",
    "id_reused": "这一步刚才已经办过，内容与这次不同。请先看已办的结果，再决定要不要更正。",
    "opinion_required": "这里必须写明理由。请填写意见后再提交。",
    "attachment_required": "还缺佐证：{leaf}。请上传，或写明没有的原因。",
    "already_acted": "这件事已经有人办了。请办下一件。",
    "next_has_acted": "下一人已经办理，不能取回。请与对方商量退回。",
    "target_not_passed": "案件还没到过那个环节，不能退到那里。请在走过的环节里选。",
    "target_not_allowed": "按规则不能这样办。请选择其他办法。",
    "chain_too_long": "代理的层数太多。请直接请最后办事的人代理。",
    "cycle": "代理转了一圈。请另选一人。",
    "suspended": "案件暂停中，现在不能办理。请等恢复，或撤回。",
    "case_closed": "案件已经结束。请另提更正或复核。",
    "calendar_unpublished": "那一年的日历尚未公布，定不下日期。请先选已公布的日子。",
    "no_school_month": "这一天在假期里，不属于任何学月。请选学期内的日期。",
    "not_late_able": "这件事不能补录。请按现在的时间办理，以前的情况写在意见里。",
    "true_at_impossible": "填写的时间不可能：早于应有的时间，或在将来。请改正后再提交。",
    "quota_full": "这一批的名额已满。请报下一批。",
    "amount_invalid": "分数不在允许的范围内：{leaf}。请改为0到满分之间、符合步长的数。",
    "not_published": "这一项未公示。请先发布公示。",
    "not_balanced": "收付不平，还不能办理。请核对标出的行。",
    "duplicate": "已经有一件同样的了。请在那一件里办理。",
    "policy_invalid": "政策文件不能使用。请改好后再导入。",
    "too_large": "文件太大。请压缩，或分成几份上传。",
    "wrong_file_type": "文件的内容与名称不符，或类型不允许。请重新导出为PDF或图片。",
    "nudge_too_soon": "今天已经催过。请明天再催，或直接打电话。",
    "spread": "两位专家分差太大。请等第三位专家评完。",
    "floor": "有维度低于最低线或总分不到合格线，不能拟定认定。请办理不予认定。",
    "veto": "学校有查实的违规（{no}），本期不能认定。请办理不予认定。",
    "quorum": "还不能结束表决：人数不够，或未投的票还能改变结果。请等委员投票，或改期。",
    "blocked": "学校有整改逾期（{no}），暂不能办理。请先提交整改报告。",
    "locked": "已经锁定，改不了。请联系经办人。",
    "held": "还有事项没有办完，案件会自动往下走。请稍后再看。",
    "busy": "同时办理的人太多。请再点一次，您写的还在。",
}


HELD_FOR = {
    "force_majeure": "不可抗力（灾害、疫情等）", "other_case": "等另一案件的结果", "outside_answer": "等其他机关答复",
    "applicant": "应申请人请求", "veto_found": "考察发现一票否决事项，等查处",
}
"""Why a case may be suspended (C-21), by the code in the policy's list; the last one by rule alone (R-36)."""

FINER = {
    ("not_late_able", "limit"): "补录期限（{limit}个工作日）已过。请先由股长在本案登记“同意逾期补录”，再由您补录。",
    ("true_at_impossible", "day"): "考察定在{day}，那天以前不能登记已考察。请到那天以后再办，或改正填写的时间。",
    ("attachment_required", "paper"): "补录这件事要附纸质件的扫描件。请先上传扫描件，再提交补录。",
    ("past_deadline", "counter"): "最后一天{counter}以后交到窗口的算逾期。请联系经办股室，问清能否恢复。",
    ("past_deadline", "demand"): "申请回避应在得知名字后{demand}个工作日内提出，现在已过。后来才知道这层关系的，请填写知道的日期。",
    ("wrong_post", "outside"): "这个人不在本县。外县或市级专家库的人只能由分管局长指派，请报分管局长，或改请本县的人。",
    ("malformed", "recall"): "上次会议人数不够，再次开会不得早于{recall}。请改会议日期。",
    ("policy_invalid", "since"): "这份办法从{since}施行，到{until}为止，今天不能按它开批次。请选今天有效的办法。",
    ("malformed", "hold_for"): "还没有选暂停的事由，或事由不在所列之内。请从列出的事由里选一个。",
    ("target_not_allowed", "held"): "同一事由最多暂停{held}次，已经用完。请继续办理，或按实际情况换一个事由。",
    ("malformed", "unlisted"): "所属学科不在专家库的学科里。请从列出的学科里选一个。",
    ("malformed", "unknown"): "有不认识的考察活动，或同一种填了两次。请按列出的种类各填一次。",
    ("opinion_required", "least"): "写得太短，按规定至少{least}个字。请补充后再提交。",
    ("too_large", "leaf"): "{leaf}的佐证里有文件超过{most}MB。请压缩，或分成几份上传。",
    ("wrong_file_type", "kind"): "{leaf}的佐证里有本项目不收的文件类型（{kind}）。请换成PDF或图片。",
}
"""(code, what the refusal says of) → the same in finer words."""


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "相关内容"


def sentence(refusal: Refusal) -> str:
    """What the tired clerk reads: what is in the way, then what to do."""
    finer = (FINER[refusal.code, about] for about in refusal.detail if (refusal.code, about) in FINER)
    return next(finer, SENTENCES[refusal.code]).format_map(_Blank(refusal.detail))
