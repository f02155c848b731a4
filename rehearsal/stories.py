"""The stories of the demo: what each school lives through, and where it ends. Expected ends are written by hand."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """`marks`: how good its material is, percent of each leaf. `proof`: tags that must be in its log, with how often."""
    school: str
    name: str
    expected: str
    level: int = 1
    marks: int = 95
    quirks: frozenset[str] = frozenset()
    proof: tuple[tuple[str, int], ...] = ()


def _s(school: str, name: str, expected: str, *quirks: str, level: int = 1, marks: int = 95,
       proof: tuple[tuple[str, int], ...] = ()) -> Story:
    return Story(school, name, expected, level, marks, frozenset(quirks), proof)


SPRING = (
    _s("JH004", "一次通过", "recognised", proof=(("star.title_conferred.v1", 1),)),
    _s("JH009", "退回补正后通过", "recognised", "return", proof=(("star.declared.v1", 2),)),
    _s("VS002", "一个维度低于底线", "refused", "floor", proof=(("star.letter_signed.v1", 1),)),
    _s("VS003", "评审中撤回", "withdrawn", "withdraw"),
)
"""2026-02-24, under the rules of 2015."""

AUTUMN = (
    _s("PR002", "二星，请第三位专家", "recognised", "third", level=2, marks=97, proof=(("star.sheet_signed.v1", 3),)),
    _s("PR011", "二星，专家谢绝后补上", "recognised", "decline", level=2, marks=97, proof=(("case.seat_gone.v1", 1),)),
    _s("PR016", "二星，退回补正两次后通过", "recognised", "return_twice", level=2, marks=97,
       proof=(("star.declared.v1", 3),)),
    _s("NY005", "二星，经办人取回一次", "recognised", "take_back", level=2, marks=97),
    _s("NY009", "二星，学校指出事实有误", "recognised", "dispute", level=2, marks=97,
       proof=(("star.points_answered.v1", 1),)),
    _s("PR003", "一次通过", "recognised", marks=98, proof=(("star.title_conferred.v1", 1),)),
    _s("PR006", "专家逾期，候补接上", "recognised", "silent_expert", marks=97, proof=(("case.clock_ran_out.v1", 1),)),
    _s("PR013", "校长退回修改后会签", "recognised", "send_back", marks=97, proof=(("star.declared.v1", 2),)),
    _s("PR017", "限期改进后通过", "recognised", "mend", marks=96, proof=(("star.leaves_rescored.v1", 1),)),
    _s("NY004", "考察组有不同意见", "recognised", "dissent", marks=96),
    _s("NY002", "整改逾期受阻，销号后通过", "recognised", "blocked", marks=99),
    _s("NY006", "一次通过", "recognised", marks=95),
    _s("NY010", "名额线以下", "refused", marks=86, proof=(("star.below_quota_heard.v1", 1),)),
    _s("VS008", "表决未过三分之二", "refused", "lose_vote", marks=94, proof=(("case.ballot_closed.v1", 1),)),
    _s("VS009", "股长建议转下一批，表决未过", "deferred", "defer", "lose_vote", marks=94,
       proof=(("case.ballot_closed.v1", 1),)),
    _s("VS004", "名额线以下", "refused", marks=85, proof=(("star.below_quota_heard.v1", 1),)),
    _s("VS005", "名额线以下", "refused", marks=85, proof=(("star.below_quota_heard.v1", 1),)),
    _s("VS006", "一个维度低于底线", "refused", "floor", proof=(("star.letter_signed.v1", 1),)),
    _s("NY008", "在停止申报期内，资格不符", "refused", "ineligible", proof=(("star.letter_signed.v1", 1),)),
    _s("JH003", "拟定后查实违规，一票否决", "refused", "veto", proof=(("star.vetoes_heard.v1", 1),)),
    _s("VS011", "评审中撤回", "withdrawn", "withdraw"),
    _s("VS013", "期限内没有报送", "lapsed", "lapse", proof=(("case.clock_ran_out.v1", 1),)),
)
"""2026-09-21, under the rules of 2026: ten places at one star, five at two."""
