"""评审的职责: draws, papers, register, messages."""
from __future__ import annotations

import os
from datetime import date, datetime
from typing import Any

from activities.duties import Result, Work, duty
from activities.papers import render
from domain.kernel.acts import Act
from domain.kernel.calendar import DAY, day_of
from domain.kernel.clock import Clock, due, months_before
from domain.kernel.gates import number_gate
from domain.kernel.refusal import Refusal
from domain.kernel.seats import Holder
from domain.kernel.stages import WORKFLOW
from domain.recognition import batch as b
from domain.recognition.batch import those
from domain.recognition.conditions import cools_off
from domain.recognition.proposal import EnterRegister, Rendered, computed, reason_code
from domain.recognition.review import ROSTER, Drawn, Loads
from domain.recognition.seats import principal_of
from domain.registers.organisation import EnterFailure, EnterTitle, Organisation
from domain.registers.person import Person, near, organisations_of, own_ties
from store import codec
from store.door import Command

CONFIRMED_WITHIN_MONTHS = 12                # G-22
ORGAN = "岚溪县教育局"
OFFICE_PHONE = "0000-6620018"


# -- draws (R-21, R-26, R-29) --------------------------------------------------------------------------------


async def _draw(work: Work) -> Result:
    """The pool as it stands now, each with the reason why not; the lot itself is drawn in the decision."""
    case, policy, today = work.case, work.policy, day_of(work.reading.context.now)
    rows = await work.pool.fetch("select id, state from case_head where kind = 'person'")
    people: dict[str, Person] = {r["id"]: codec.state_of(r["state"]).facts for r in rows}
    candidates, loads = [], []
    for who, person in sorted(people.items()):
        listing = person.listing
        if listing is None:
            continue
        excluded = "recused" if who in case.recused else _excluded(who, person, people, case.subject, policy, today)
        candidates.append((who, excluded, case.facts.subject in listing.subjects, listing.outside,
                           listing.district != case.facts.district or not listing.district))
        loads.append((who, min(listing.load_max, policy.expert_load)))
    material = work.call.duty in ("draw_experts", "draw_third")
    gates = tuple(f"load:{who}" for who, excluded, *_ in candidates if not excluded) if material else ()
    return Result(Drawn(os.urandom(16).hex(), tuple(candidates), tuple(loads) if material else ()), gates)


def _excluded(who: str, person: Person, people: dict[str, Person], school: str, policy: Any, today: date) -> str:
    """Why somebody of the pool cannot be drawn for this school (R-21, G-16, G-22); "" = can be."""
    listing = person.listing
    assert listing
    if policy.programme not in listing.programmes:
        return "programme"
    if not listing.first_day <= today <= listing.last_day:
        return "not_listed"
    if person.confirmed_on is None or person.confirmed_on < months_before(today, CONFIRMED_WITHIN_MONTHS):
        return "ties_unconfirmed"
    ties = own_ties(person, today, policy.lookback_months)
    tied = {o for other in near(person, today) if other in people for o in organisations_of(people[other], today)}
    tied |= {o for other, p in people.items() if who in near(p, today) for o in organisations_of(p, today)}
    return "tied" if school in ties | tied else ""


duty("draw_experts")(_draw)
duty("draw_third")(_draw)
duty("draw_panel")(_draw)


@duty("check_load")
async def check_load(work: Work) -> Result:
    """How many open dossiers each expert of the list takes, for a dossier that came back (R-21)."""
    roster = work.case.roster(ROSTER[work.call.stage])
    rows = await work.pool.fetch("select id, state from case_head where kind = 'person' and id = any($1)",
                                 [*roster.members, *roster.reserve])
    listed = {r["id"]: codec.state_of(r["state"]).facts.listing for r in rows}
    loads = tuple((who, min(its.load_max, work.policy.expert_load)) for who, its in sorted(listed.items()) if its)
    return Result(Loads(loads), tuple(f"load:{who}" for who, _ in loads))


# -- telling people ------------------------------------------------------------------------------------------


async def tell(work: Work, holder: Holder, what: str) -> None:
    """Put a message into the box of whoever holds the post; twice is once."""
    await work.pool.execute(
        "insert into message (holder, case_id, visit, what, at) values ($1, $2, $3, $4, county_now()) "
        "on conflict do nothing", holder.key, work.call.case, work.call.visit, what)


@duty("tell_school")
async def tell_school(work: Work) -> Result:
    """R-30: day and names of the panel."""
    from domain.recognition.site import Notified
    await tell(work, principal_of(work.case), "visit_fixed")
    return Result(Notified())


@duty("tell_people")
async def tell_people(work: Work) -> Result:
    from domain.recognition.proposal import Told
    await tell(work, principal_of(work.case), work.call.stage)
    if work.call.stage == "letter" and cools_off(work.case, work.policy):      # before the fact: tried again until it stands
        await work.door.handle(Command(f"{work.call.case}/failed", WORKFLOW, Act("hear", form=EnterFailure(
            work.policy.programme, day_of(work.reading.context.now))), work.case.subject, cause=work.call.case))
    return Result(Told())


@duty("send_papers")
async def send_papers(work: Work) -> Result:
    """R-46: each member has the papers in the box."""
    for member in work.case.facts.members:
        await tell(work, Holder("person", member), "papers")
    return Result(b.SendPapers())


# -- register and papers (R-57 to) --------------------------------------------------------


async def _name(work: Work, organisation: str) -> str:
    state = await work.pool.fetchval("select state from case_head where id = $1 and kind = 'organisation'", organisation)
    facts: Organisation | None = codec.state_of(state).facts if state else None
    return facts.name if facts else organisation


async def _keep(work: Work, kind: str, data: dict[str, Any]) -> str:
    return await work.files.put(render(kind, data), "pdf", f"{kind}.pdf", work.call.case, work.pool)


@duty("number_document")
async def number_document(work: Work) -> Result:
    """A-50: the next number of the series, which other batches count on too."""
    year = day_of(work.case.facts.signed_at).year
    return Result(b.Number(), (number_gate(b.document_series(work.policy, year)),))


@duty("enter_in_register")
async def enter_in_register(work: Work) -> Result:
    """R-59: the school's register line follows from the fact, by the number that the decision took."""
    series = f"{work.case.policy.rsplit('-', 1)[0]}:certificate:{work.case.facts.signed_on.year}"

    async def in_the_school(receipt: Any) -> None:
        now = await work.door.read(work.call.case, WORKFLOW)
        assert not isinstance(now, Refusal)
        c = now.case.facts.conferred
        await work.door.handle(Command(
            f"{work.call.case}/title", WORKFLOW, Act("hear", form=EnterTitle(
                work.policy.programme, work.case.facts.level, c.since, c.until, work.call.case, c.certificate)),
            work.case.subject, cause=work.call.case))
    return Result(EnterRegister(os.urandom(8).hex()), (f"number:{series}",), in_the_school)


def programme_name(policy: Any) -> str:
    """岚溪县星级素质教育特色学校评审认定办法(2026年修订) → 星级素质教育特色学校."""
    return policy.title.removeprefix("岚溪县").partition("评审")[0].partition("(")[0]


def basis(policy: Any) -> dict[str, str]:
    """The document that a paper goes by; files of policies are typed with half-width brackets."""
    return {"title": policy.title.translate(str.maketrans("()", "（）")), "number": policy.document}


def shown(work: Work, posted: datetime) -> dict[str, str]:
    """The days of a notice (C-38): the same on the notice and in the document that rests on it."""
    end = due(Clock("", "", "notice", work.policy.notice_days, posted), work.reading.context.calendar)
    assert end
    return {"first_day": (day_of(posted) + DAY).isoformat(), "last_day": day_of(end).isoformat()}


@duty("render_certificate")
async def render_certificate(work: Work) -> Result:
    """R-60. The code leads to the public register line."""
    f, c = work.case.facts, work.case.facts.conferred
    file = await _keep(work, "certificate", {
        "organ": ORGAN, "date": c.since.isoformat(), "school": ORGAN[:3] + await _name(work, work.case.subject),
        "title": ORGAN[:3] + programme_name(work.policy), "tier": work.policy.levels[f.level].name,
        "number": c.certificate, "document_number": c.document, "valid_until": c.until.isoformat(),
        "verify_url": f"{work.public_url}/v/{c.code}"})
    return Result(Rendered("certificate", file))


@duty("render_letter")
async def render_letter(work: Work) -> Result:
    """R-70 to R-72: which rule, the numbers, which stage decided, how to appeal."""
    case, f, policy = work.case, work.case.facts, work.policy
    today = day_of(work.reading.context.now)
    scored = any(p.stage == "proposal" for p in case.past)
    c = computed(case, policy) if scored else None
    level = policy.levels[f.level]
    full = {d.id: d for d in policy.dimensions}
    code = reason_code(case)
    batch = await _batch_title(work, case.parent)
    reason: dict[str, Any] = {"code": code, "clause": CLAUSES.get(code, "第九条")}
    if code in ("eligibility", "incomplete"):
        reason["items"] = [CHECKS.get(k, k) for k, ok, _ in f.checks if not ok] if code == "eligibility" else \
            ["申报材料经补正后仍不齐全"]
    elif code == "veto":
        reason["items"] = [{"text": "有查实的严重违规", "title": "查处决定", "number": n} for n in f.vetoes]
    elif code == "quota":
        reason |= {"places": level.quota or 0, "rank": (level.quota or 0) + 1}
    elif code == "vote":
        reason["majority"] = MAJORITY.get(policy.ballot.share, "三分之二")
    file = await _keep(work, "letter", {
        "organ": ORGAN, "date": today.isoformat(), "number": f"{case.id}告",
        "school": ORGAN[:3] + await _name(work, case.subject),
        "batch": batch, "programme": programme_name(policy), "tier": level.name, "case_number": case.id,
        "rule": basis(policy), "reasons": [reason],
        "dimensions": [{"name": full[d].name, "full_cp": full[d].full_cp, "score_cp": score,
                        "floor_cp": level.floors_cp.get(d), "met": d not in c.missed_floors}
                       for d, score in c.dimensions_cp] if c else [],
        "total": {"full_cp": 10000, "score_cp": c.total_cp, "pass_cp": level.pass_cp,
                  "met": c.total_cp >= level.pass_cp} if c else None,
        "stage": STAGES.get(_decided_in(case), "审议"), "decided_on": today.isoformat(),
        "appeal": {"organ": ORGAN, "days": 15, "how": "可以在卷宗系统中提交，也可以书面送局办公室。"}})
    return Result(Rendered("letter", file))


CLAUSES = {"eligibility": "第三条", "incomplete": "第五条", "pass_mark": "第九条", "floor": "第九条", "veto": "第九条",
           "vote": "第十条", "quota": "第十五条"}
CHECKS = {"kind": "单位类别不符合", "holds_level": "已持有本级或更高等级称号", "years_in_operation": "办学年限不足",
          "no_veto": "有查实的严重违规", "no_violation": "规定期限内有查实的严重违规",
          "no_overdue": "有逾期未销号的整改", "cooling_off": "在停止申报期内",
          "holds_below": "未持有所要求的称号", "years_since": "持有低一级称号的年限不足"}
MAJORITY = {(2, 3): "三分之二", (1, 2): "二分之一"}
STAGES = {"completeness": "材料受理审查", "eligibility": "资格审核", "proposal": "拟定建议", "vote": "审议表决"}


def _decided_in(case: Any) -> str:
    return next((p.stage for p in reversed(case.past) if p.stage in STAGES), "proposal")


async def _batch_title(work: Work, batch: str) -> str:
    state = await work.pool.fetchval("select state from case_head where id = $1", batch)
    return codec.state_of(state).facts.title if state else ""


@duty("publish_call")
async def publish_call(work: Work) -> Result:
    """R-5: who may apply, until when, how many."""
    f, policy = work.case.facts, work.policy
    file = await _keep(work, "call", {
        "organ": ORGAN, "date": day_of(work.reading.context.now).isoformat(), "number": f"{work.case.id}号通知",
        "batch": f.title, "programme": programme_name(policy), "addressees": ["各学校、幼儿园"],
        "basis": [basis(policy)], "first_day": f.first_day.isoformat(),
        "last_day": f.last_day.isoformat(),
        "tiers": [{"tier": x.name, "quota": x.quota} for x in policy.levels.values()],
        "how": ["在卷宗系统中填报申报书，逐项自评并上传佐证，由校（园）长会签后提交。不收纸质材料。"],
        "contact": {"office": "经办股室", "phone": OFFICE_PHONE}, "copies": [], "printer": "岚溪县教育局办公室"})
    return Result(b.PublishCall(file))


@duty("publish_notice")
async def publish_notice(work: Work) -> Result:
    """R-50, R-66: one notice for all that carried; its hash is in the fact (R-57)."""
    case, policy, today = work.case, work.policy, day_of(work.reading.context.now)
    candidates = [{"school": ORGAN[:3] + await _name(work, case.children[c].subject),
                   "tier": policy.levels[case.children[c].level].name, "total_cp": case.children[c].total_cp}
                  for c in those(case, "carried")]
    file = await _keep(work, "notice", {
        "organ": ORGAN, "date": today.isoformat(), "batch": case.facts.title, "programme": programme_name(policy),
        "basis": [basis(policy)], "candidates": candidates,
        **shown(work, work.reading.context.now), "working_days": policy.notice_days,
        "objection": {"office": "经办股室", "address": "县教育局", "phone": OFFICE_PHONE, "anonymous": True}})
    return Result(b.PublishNotice(file))


@duty("render_document")
async def render_document(work: Work) -> Result:
    """R-59, A-50: the document in the official layout, with its number."""
    case, f, policy = work.case, work.case.facts, work.policy
    signed = day_of(f.signed_at)
    until = date(signed.year + policy.validity_years, signed.month, min(signed.day, 28) if signed.month == 2 else signed.day)
    file = await _keep(work, "document", {
        "organ": ORGAN, "date": signed.isoformat(), "number": f.number, "batch": f.title,
        "programme": programme_name(policy), "addressees": ["各学校、幼儿园"],
        "basis": [basis(policy)],
        "notice": shown(work, f.notice_at or f.signed_at),
        "schools": [{"school": ORGAN[:3] + await _name(work, case.children[c].subject),
                     "tier": policy.levels[case.children[c].level].name} for c in f.signing],
        "valid_until": until.isoformat(), "copies": [], "printer": "岚溪县教育局办公室"})
    return Result(b.DocumentMade(file))
