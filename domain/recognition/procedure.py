"""评审认定. The tables of an application and of its batch; a row names only where it departs from the usual."""
from __future__ import annotations

from domain.kernel.acts import AllowLate, DemandRecusal
from domain.kernel.events import SERVED
from domain.kernel.late import allow_late
from domain.kernel.seats import ALL, BALLOT, SCORE
from domain.kernel.stages import (
    Duty,
    End,
    Procedure,
    Record,
    Stage,
    days,
    escalate,
    go_on,
    go_to,
    lapse,
    notice_days,
    remind,
    taken_as_accepted,
    told,
    until,
    vacate,
    workdays,
)

from . import batch as b
from .conditions import (
    asked_again,
    back_to_clerk,
    before_signing,
    drawn_enough,
    facts_disputed,
    just_mended,
    known_to_the_school,
    leans,
    may_apply,
    may_co_sign,
    may_mend,
    no_block,
    no_third_yet,
    nothing_blocks,
    refused_or_deferred,
    remind_to_sign,
    rounds_left,
    shows,
    spread_too_wide,
    stands,
    too_few_experts,
    too_small_a_panel,
    vote_or_refusal,
)
from .dossier import (
    AnswerLeaf,
    Apply,
    Confirm,
    CoSign,
    Declare,
    Describe,
    answer_leaf,
    apply,
    co_sign,
    confirm,
    declare,
    describe,
)
from .facts import Application
from .policy import StarPolicy, read_policy
from .proposal import (
    BelowQuota,
    DocumentSigned,
    EnterRegister,
    Letter,
    MeetingCalled,
    NoticePublished,
    Propose,
    PutOnHold,
    Rendered,
    Told,
    below_quota,
    enter_register,
    hear_document,
    hear_notice,
    heed_vetoes,
    meeting_called,
    propose,
    put_on_hold,
    rendered,
    sign_letter,
    told_school,
)
from .review import Drawn, Loads, Sheet, drawn, looked_at, sign_sheet
from .seats import (
    bureau_leader,
    head,
    head_or_leader,
    leader,
    office,
    office_clerk,
    panel_leader,
    principal_of,
    re_checkers,
    section_head,
    the_chair,
    the_clerk,
    the_committee,
    the_experts,
    the_panel,
    the_principal,
    the_third,
)
from .site import (
    Answers,
    FixVisit,
    Mended,
    Notified,
    Reply,
    Rescored,
    SiteSheet,
    VetoFound,
    VisitHeld,
    answer,
    fix_visit,
    hold_visit,
    mend,
    notified,
    reply,
    report_as_signed,
    rescore,
    sign_site,
    veto_found,
)

DOSSIER, SHEETS = ("leaf.", "declaration", "description"), ("leaf.", "sheets", "site", "vetoes")

check_load = Duty("check_load", Loads, while_=asked_again)
draw_experts = Duty("draw_experts", Drawn, while_=too_few_experts, given_up=drawn_enough("experts"))
draw_third = Duty("draw_third", Drawn, while_=no_third_yet, given_up=drawn_enough("third"))
draw_panel = Duty("draw_panel", Drawn, while_=too_small_a_panel, given_up=drawn_enough("panel"))
tell_school = Duty("tell_school", Notified)
enter_in_register = Duty("enter_in_register", EnterRegister)
render_certificate = Duty("render_certificate", Rendered)
render_letter = Duty("render_letter", Rendered)
tell_people = Duty("tell_people", Told)
to_leader = escalate("bureau_leader", "BUREAU")

RULES = {
    Apply: apply, Describe: describe, AnswerLeaf: answer_leaf, Declare: declare, CoSign: co_sign, Confirm: confirm,
    Drawn: drawn, Loads: looked_at, Sheet: sign_sheet, FixVisit: fix_visit, Notified: notified, VisitHeld: hold_visit,
    VetoFound: veto_found, SiteSheet: sign_site, Reply: reply, Answers: answer, Mended: mend, Rescored: rescore,
    Propose: propose, MeetingCalled: meeting_called, BelowQuota: below_quota, PutOnHold: put_on_hold,
    NoticePublished: hear_notice, DocumentSigned: hear_document, EnterRegister: enter_register, Rendered: rendered,
    Told: told_school, Letter: sign_letter, DemandRecusal: known_to_the_school, AllowLate: allow_late,
}

STAR = Procedure(kind="star", facts=Application, policy=read_policy, rules=RULES, may_return=rounds_left, tells=stands, shows=shows, leans=leans, heeds=heed_vetoes,
  may_open=may_apply, may_end=before_signing, hears=(MeetingCalled, BelowQuota, PutOnHold), opened_by=(Record(Apply, the_clerk),), records=(Record(DemandRecusal, the_principal, second=head_or_leader, within=workdays("recusal_decide")), Record(AllowLate, section_head)),
  office=office, head=head, superior=leader, applicant=principal_of, number=StarPolicy.case_series, stages=(
    Stage("dossier",      seats=the_clerk, form=Declare, records=(Record(Describe), Record(AnswerLeaf)),
                          clock=until(b.window_end_of_child, gate=b.window_gate).or_rest_of("co_sign"), at_limit=lapse),
    Stage("co_sign",      seats=the_principal, form=CoSign, sees=DOSSIER, needs=may_co_sign, not_by=("dossier", "correction"), returns=("dossier", "correction"),
                          refused=back_to_clerk, clock=until(b.window_end_of_child, gate=b.window_gate).or_rest_of("dossier", "correction"), at_limit=lapse, ladder=remind_to_sign),
    Stage("completeness", seats=office_clerk, sees=DOSSIER, judges="office", returns=("correction",), refused="refusal",
                          clock=workdays("completeness_term"), at_limit=taken_as_accepted),
    Stage("correction",   seats=the_clerk, form=Declare, records=(Record(Describe), Record(AnswerLeaf)), aside=True, pauses=True, to="co_sign",
                          clock=workdays("correction_term", after=SERVED).or_rest_of("co_sign"), at_limit=lapse),
    Stage("eligibility",  seats=section_head, form=Confirm, sees=DOSSIER, judges="office", returns=("correction", "completeness"), refused="refusal",
                          clock=workdays("eligibility_term"), at_limit=to_leader),
    Stage("draw",         seats=the_experts, rule=ALL, sees=("experts",), judges="material", duties=(draw_experts,), seat_clock=workdays("accept_term"), at_limit=vacate),
    Stage("material",     seats=the_experts, rule=SCORE, form=Sheet, sees=("leaf.", "experts"), judges="material", duties=(check_load, draw_experts), final=True,
                          seat_clock=workdays("material_term"), at_limit=vacate),
    Stage("third",        seats=the_third, rule=SCORE, form=Sheet, sees=("leaf.", "experts"), judges="material", when=spread_too_wide,
                          duties=(check_load, draw_third), seat_clock=workdays("third_term"), at_limit=vacate, final=True),
    Stage("appointment",  seats=panel_leader, form=FixVisit, sees=("leaf.", "panel"), judges="panel", duties=(draw_panel,),
                          seat_clock=workdays("fix_visit"), at_limit=vacate),
    Stage("visit",        seats=panel_leader, form=VisitHeld, records=(Record(VetoFound, the_panel),), sees=("leaf.", "panel", "appointment"), judges="panel", duties=(tell_school,),
                          seat_clock=workdays("visit_within"), at_limit=vacate),
    Stage("report",       seats=the_panel, rule=ALL, form=SiteSheet, sees=("leaf.", "visit"), judges="panel", duties=(draw_panel,),
                          clock=workdays("report_term"), at_limit=report_as_signed),
    Stage("fact_reply",   seats=the_principal, form=Reply, sees=("visit", "site"), clock=workdays("fact_reply", after=SERVED), at_limit=go_on),
    Stage("answer",       seats=panel_leader, form=Answers, sees=("reply",), judges="panel", when=facts_disputed, duties=(draw_panel,),
                          seat_clock=workdays("report_term"), at_limit=vacate),
    Stage("mending",      seats=the_principal, form=Mended, when=may_mend, clock=days("mend_term", after=SERVED), at_limit=go_to("proposal")),
    Stage("re_check",     seats=re_checkers, rule=ALL, form=Rescored, judges="panel", when=just_mended, duties=(draw_panel,), refused="proposal",
                          seat_clock=workdays("report_term"), at_limit=vacate),
    Stage("proposal",     seats=section_head, form=Propose, sees=SHEETS, judges="office", needs=no_block, returns=("material", "appointment"),   # a veto may still be refused on
                          to=vote_or_refusal, clock=workdays("proposal_term"), at_limit=to_leader),
    Stage("vote",         seats=the_committee, rule=BALLOT, chair=the_chair, judges="committee", duties=(told(MeetingCalled),),
                          returns=("material", "appointment", "proposal"), refused="refusal"),
    Stage("notice",       duties=(told(NoticePublished),), needs=nothing_blocks, clock=notice_days("notice_days", after="NoticePublished"), at_limit=go_on, to="conferment"),
    Stage("held",         needs=nothing_blocks, aside=True, to="conferment"),
    Stage("conferment",   duties=(told(DocumentSigned), enter_in_register, render_certificate, tell_people), to=End("recognised")),
    Stage("refusal",      seats=section_head, form=Letter, aside=True, to="letter", clock=workdays("refusal_letter"), at_limit=to_leader),
    Stage("letter",       duties=(render_letter, tell_people), aside=True, to=refused_or_deferred),
))

publish_call = Duty("publish_call", b.PublishCall)
rank = Duty("rank", b.Rank)
send_papers = Duty("send_papers", b.SendPapers)
cut_places = Duty("cut_places", b.Cut, while_=b.over_quota)
publish_notice = Duty("publish_notice", b.PublishNotice)
number_document = Duty("number_document", b.Number, while_=b.no_number)
render_document = Duty("render_document", b.DocumentMade, while_=b.not_rendered)

BATCH = Procedure(kind="star_batch", facts=b.Batch, policy=read_policy, rules=b.RULES, shows=b.shows, leans=b.leans, may_end=b.nobody_open,
  opened_by=(Record(b.OpenBatch, section_head),), office=office, head=head, superior=leader, number=lambda policy, year: f"星批{year}", stages=(
    Stage("window",       duties=(publish_call,), records=(Record(b.ExtendWindow, section_head),), clock=until(b.window_end), at_limit=go_on),
    Stage("review",       records=(Record(b.GoOnEarlier, section_head),), needs=b.something_to_do, to=b.notice_signing_ranking_or_closed),       # the hub
    Stage("ranking",      duties=(rank, b.refuse_below), aside=True, to="convening"),
    Stage("convening",    seats=office_clerk, form=b.Convene, when=b.someone_ranked, clock=workdays("vote_within"), at_limit=to_leader),
    Stage("meeting",      seats=b.the_chair, when=b.someone_ranked, records=(Record(b.SignedIn, b.the_members), Record(b.SignedOut), Record(b.OpenMeeting)),
                          duties=(send_papers, b.call_candidates), needs=b.every_ballot_closed, clock=workdays("vote_within").or_rest_of("convening"), at_limit=remind),
    Stage("minutes",      seats=b.chair_and_secretary, rule=ALL, form=b.Minutes, when=b.meeting_held, clock=workdays("minutes_term"), at_limit=remind),
    Stage("notice",       when=b.someone_carried, duties=(cut_places, b.refuse_below, publish_notice, b.tell_candidates), needs=b.every_clock_over),
    Stage("signing",      seats=bureau_leader, form=b.Sign, when=b.someone_free, needs=b.nobody_tied, final=True, clock=workdays("confer_term"), at_limit=escalate("bureau_deputy")),
    Stage("conferment",   when=b.something_signed, duties=(b.hold_left_out, number_document, render_document, b.confer_candidates), to="review"),
))

