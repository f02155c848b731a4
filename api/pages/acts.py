"""办理. One act from form to result: fill in, check, confirm, done. The act is decided on a copy before it is confirmed."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from api.problems import STATUS
from api.routes import opened_by
from domain.kernel.acts import Act, DemandRecusal
from domain.kernel.case import Case
from domain.kernel.decide import decide
from domain.kernel.events import Entry
from domain.kernel.may import may_hold_for
from domain.kernel.refusal import Refusal, no
from domain.kernel.seats import Holder
from domain.kernel.stages import roster
from domain.kernel.words import HELD_FOR
from store import reads
from store.door import Command

from . import drafts, fields, words
from .clocks import unit_words
from .entry import Problem
from .render import term_end
from .shell import Page, PageProblem, Reader, posted, refused, said, see_other
from .sight import Sight
from .ways import Way, act_of, explained, follows, has_fields, told_people, ways

router = APIRouter()
FIELD_OF = {"opinion_required": "opinion"}
OF_A_TIME = ("not_late_able", "true_at_impossible", "past_deadline")
NAMES_MAX, ATTACHED_MAX = 20, 20


@dataclass
class Filling:
    """One way to act and what has been filled in for it."""
    sight: Sight
    way: Way
    opinion: str = ""
    drawn: list[fields.Field] = field(default_factory=list)
    saw: int = 0
    command: str = ""
    problems: list[Problem] = field(default_factory=list)
    found: Any = None
    form: Any = None
    more: int = 0
    to: str = ""

    @property
    def url(self) -> str:
        """Forms with files go where larger bodies are let in."""
        path = self.way.url(self.sight.case.id).partition("?")[0]
        return f"/files{path}" if any(f.kind == "files" for f in self.drawn) else path

    @property
    def attached(self) -> fields.Field | None:
        """The files beside the opinion, where this way takes some (A-14)."""
        return next((f for f in self.drawn if f.name == fields.ATTACHED), None)

    @property
    def asked(self) -> list[fields.Field]:
        """What stands before the opinion: the form's own, or what the act asks."""
        return [f for f in self.drawn if f.name not in (fields.ATTACHED, fields.HAPPENED)]

    @property
    def happened(self) -> fields.Field | None:
        """When it was true, where that may lie before now (C-32)."""
        return next((f for f in self.drawn if f.name == fields.HAPPENED), None)

    @property
    def draft(self) -> str:
        return drafts.key(self.way.verb, self.way.visit, self.way.seat, self.way.form_name)

    @property
    def hidden(self) -> dict[str, str]:
        return {"csrf": self.sight.page.csrf, "command": self.command, "saw": str(self.saw), "visit": str(self.way.visit),
                "seat": self.way.seat, "form": self.way.form_name, "to.": self.way.to, "duty": self.way.duty}

    @property
    def opinion_asked(self) -> bool:
        return self.way.needs_opinion or (self.way.verb == "extend")


async def sight_of(page: Page, case: str) -> Sight:
    got = await page.door.read(case, page.me)
    if isinstance(got, Refusal):
        raise refused(got)
    return Sight(page, await opened_by(page.door, got))


def the_way(sight: Sight, verb: str, visit: str, seat: str, form: str, to: str, duty: str) -> Way:
    """The way that was asked for, as the table offers it; one that is gone is still named, so that it can be refused."""
    key = "|".join((verb, visit or "0", seat, form, to, duty))
    if found := ways(sight).find(key):
        return found
    at = int(visit) if visit.isdecimal() and len(visit) < 7 else 0
    open_visit = sight.case.visit(at)
    stage = open_visit.stage if open_visit else next((p.stage for p in sight.case.past if p.no == at), "")
    return Way(verb, at, seat, _form_type(sight, form), to, duty,
               words.verb_words(sight.procedure, verb, stage, _form_type(sight, form), to), "", stage)


def _form_type(sight: Sight, name: str) -> type | None:
    from api.forms import people_forms
    return people_forms(sight.procedure).get(name)


def extra_fields(sight: Sight, way: Way) -> list[fields.Field]:
    """What an act itself asks beside a form: for how long, whom."""
    visit = sight.case.visit(way.visit)
    clock = (visit.clock(way.seat) or visit.clock()) if visit else None
    unit = unit_words(clock.unit) if clock else "个工作日"
    match way.verb:
        case "ask" | "extend":
            hint = "" if way.verb == "ask" else "不准延期的填0，并写明理由"
            return [fields.Field("more", "延长多少", "number", required=True, unit=unit, hint=hint)]
        case "suspend":
            left = [fields.Option(why, HELD_FOR[why]) for why in may_hold_for(sight.case, sight.context.policy)]
            return [fields.Field("to", "事由", "one", required=True, options=left),
                    fields.Field("more", "暂停多少", "number", unit="个工作日", hint="不填表示等人恢复")]
        case "assign":
            seat = visit.seat(way.seat) if visit else None
            kinds = _kinds_to_assign(sight, way, seat.holder if seat else None)
            excluded = excluded_in(sight, way)
            options = [fields.Option(o.value, o.words + (f"，{why}" if (why := excluded.get(o.value)) else ""))
                       for o in fields.people_options("to", sight, kinds)]
            hint = "库里的人都抽不了，原因写在姓名后面；外县或市级专家库的人，由分管局长指派" if excluded else ""
            return [fields.Field("to", "请谁", "one", required=True, hint=hint, options=options)]
    return []


def excluded_in(sight: Sight, way: Way) -> dict[str, str]:
    """Who could not be drawn for the list that this row asks, and why, in words (G-14)."""
    asks = sight.procedure[way.stage].seats if way.stage in sight.procedure else None
    found = sight.case.roster(asks.name).excluded if isinstance(asks, roster) else ()
    return {who: words.EXCLUDED.get(why, "不能抽取") for who, why in found}


def _kinds_to_assign(sight: Sight, way: Way, holder: Holder | None) -> tuple[str, ...]:
    """People of the same post, else of the office; for the lists of experts, experts."""
    if holder and holder.kind != "person":
        return (holder.kind,)
    if way.stage in ("draw", "material", "third", "appointment", "visit", "report", "answer", "re_check"):
        return ("expert",)
    return (sight.procedure.office(sight.case).kind, sight.procedure.head(sight.case).kind)


async def fill(sight: Sight, way: Way, form: FormData | None, given: drafts.Posted | None = None) -> Filling:
    """What is on the page: what was posted, else the draft."""
    page, found = sight.page, None
    sent = drafts.as_lists(form) if form is not None else given
    if sent is None:
        sent, found = await drafts.find(page.pool, page.me, sight.case.id, drafts.key(way.verb, way.visit, way.seat,
                                                                                    way.form_name))
    names = [h for f in fields.FILES for h in sent.get(f, ())]
    rows = await reads.file_names(page.pool, names, sight.case.id, page.me) if names else {}
    tiles = {h: fields.tile_of(r) for h, r in rows.items()}
    drawn = extra_fields(sight, way)
    for one in drawn:
        fields.fill_in(one, sent)
    if has_fields(way.form) and way.verb in ("agree", "record"):
        assert way.form
        drawn += fields.draw(way.form, sight, sent, tiles)
    if way.late:
        drawn.append(fields.happened(sent, way.form_name in sight.context.policy.late_papers, way.missed))
    if way.attaches:
        drawn.append(await attachments_of(page, sight.case.id, sent))
    saw = (sent.get("saw") or [""])[0]
    command = (sent.get("command") or [""])[0]
    return Filling(sight, way, (sent.get("opinion") or [""])[0], drawn,
                   int(saw) if saw.isdecimal() else sight.reading.version,
                   command if 0 < len(command) <= 64 and command.isascii() else str(uuid.uuid4()), found=found)


async def attachments_of(page: Page, case: str, sent: drafts.Posted) -> fields.Field:
    """The files beside an opinion, of a draft or of what was posted."""
    names = sent.get(fields.ATTACHED, [])
    rows = await reads.file_names(page.pool, names, case, page.me) if names else {}
    return fields.attachments(sent, {h: fields.tile_of(r) for h, r in rows.items()})


def read(filling: Filling) -> Act | None:
    """The act as filled in; None leaves its problems in the filling."""
    way = filling.way
    extra = {f.name: f for f in filling.drawn if f.name in ("more", "to") and not way.form}
    form = None
    if way.verb in ("agree", "record") and way.form:
        form, filling.problems = fields.read(way.form, filling.asked) if has_fields(way.form) else (way.form(), [])
    for one in extra.values():
        if one.required and not one.value.strip():
            one.error = f"{one.label}还没有{'选' if one.kind == 'one' else '填'}。请补上。"
        elif one.kind == "number" and one.value.strip() and not (one.value.strip().isdecimal() and int(one.value) <= 400):
            one.error = f"{one.label}不是整数。请填0到400之间的整数。"
        if one.error:
            filling.problems.append(Problem(one.error, one.id))
    if way.needs_opinion and not filling.opinion.strip():
        filling.problems.append(Problem(f"{way.words}要写明理由。请填写意见后再提交。", "opinion"))
    attached = filling.attached
    if attached and len(attached.values) > ATTACHED_MAX:
        attached.error = f"附件有{len(attached.values)}份，最多{ATTACHED_MAX}份。请去掉几份。"
        filling.problems.append(Problem(attached.error, attached.id))
    at = _true_at(filling)
    if filling.problems:
        return None
    more = int(extra["more"].value or 0) if "more" in extra else 0
    to = extra["to"].value if "to" in extra else ""
    return act_of(way, filling.opinion.strip(), form, more, to, filling.saw, tuple(attached.values) if attached else (), at)


def _true_at(filling: Filling) -> datetime | None:
    """What was typed as 发生时间; a late entry says why (C-34)."""
    one = filling.happened
    at = fields.moment(one.value) if one else None
    if one and one.required and not at:
        one.error = f"{one.label}还没有填。请补上。"
    elif one and isinstance(at, str):
        one.error = f"{one.label}不能识别。请选日期和时间。"
    if one and one.error:
        filling.problems.append(Problem(one.error, one.id))
        return None
    if at and not filling.opinion.strip():
        filling.problems.append(Problem("补录要写明为什么没有按时录入。请填写意见后再提交。", "opinion"))
    return at if isinstance(at, datetime) else None


# -- pages -------------------------------------------------------------------------------------------------------


def form_page(filling: Filling, status: int = 200) -> HTMLResponse:
    sight, way = filling.sight, filling.way
    texts = any(f.kind == "words" for f in filling.drawn)
    doc = words.about(way.form).removeprefix(f"{way.words}：") if way.form and has_fields(way.form) else ""
    return sight.page.html(
        "act_form.html", status, problems=filling.problems, sight=sight, way=way, fields=filling.asked,
        attached=filling.attached, happened=filling.happened, hidden=filling.hidden, action=filling.url,
        opinion=filling.opinion,
        opinion_shown=filling.opinion_asked or (way.hears and not texts), found=filling.found,
        opinion_error=next((p.words for p in filling.problems if p.at == "opinion"), ""), phrases=words.PHRASES, says=doc,
        draft=f"/cases/{quote(sight.case.id)}/drafts/{quote(filling.draft, safe='')}")


def check_page(filling: Filling, act: Act, entries: list[Entry], after: Case) -> HTMLResponse:
    sight, way = filling.sight, filling.way
    hidden = [(k, v) for k, v in filling.hidden.items()] + [("opinion", filling.opinion)]
    for one in filling.drawn:
        hidden += [(one.name, v) for v in one.values] if one.kind in ("many", "files") else \
            [(f"{one.name}.{k}", v) for k, v in one.entered.items()] if one.entered else \
            [(one.name, one.value)] if one.value else []
    rows = [{"words": "案件", "says": [sight.case.id, sight.title], "edit": False}]
    rows += [{"words": label, "says": lines, "edit": True} for label, lines in fields.shown(filling.asked)]
    if filling.happened:
        rows += [{"words": label, "says": [f"{lines[0]}，按补录记入"], "edit": True}
                 for label, lines in fields.shown([filling.happened])]
    if filling.opinion.strip():
        rows.append({"words": "您的意见", "says": filling.opinion.strip().splitlines(), "edit": True})
    if filling.attached and filling.attached.files:
        rows.append({"words": "附件", "says": [t.name for t in filling.attached.files], "edit": True})
    demanded = [way.then] if way.form is DemandRecusal else []
    rows.append({"words": "接下来", "says": demanded or follows(sight, entries, after), "edit": False})
    rows.append({"words": "谁会知道", "says": told_people(sight, after), "edit": False})
    card = {"title": f"请核对：{way.words}", "action": filling.url, "edit": f"{filling.url}/check", "hidden": hidden,
            "rows": rows,
            "grave": way.grave,
            "confirm": _confirm(way.words)}
    return sight.page.html("check_page.html", sight=sight, way=way, card=card)


def _confirm(said: str) -> str:
    """确认 and what: two to eight characters, never 确认确认."""
    return said if said.startswith("确认") else f"确认{said}" if len(said) <= 8 and "，" not in said else "确认办理"


def refuse(filling: Filling, refusal: Refusal) -> HTMLResponse:
    """The form again, with 4xx, the problem first and every word kept."""
    sight = filling.sight
    sentence = explained(sight, refusal)
    at = FIELD_OF.get(refusal.code, "")
    leaf = refusal.detail.get("leaf", "")
    drawn = {f.name: f for f in filling.drawn}
    if leaf and "scores" in drawn:
        at = drawn["scores"].id
        drawn["scores"].error = sentence
    elif at == "opinion" and not filling.opinion_asked and "reason" in drawn:
        at = drawn["reason"].id
        drawn["reason"].error = sentence
    elif filling.happened and filling.happened.value and refusal.code in OF_A_TIME:
        at, sentence = filling.happened.id, _of_a_time(filling, refusal, sentence)
        filling.happened.error = sentence
    elif "known_on" in drawn and refusal.code in OF_A_TIME:
        at = drawn["known_on"].id
        drawn["known_on"].error = sentence
    elif filling.attached and "paper" in refusal.detail:
        at = filling.attached.id
        filling.attached.error = sentence
    elif refusal.code == "malformed" and len(filling.asked) == 1:
        at = filling.asked[0].id
        filling.asked[0].error = sentence
    filling.problems = [Problem(sentence + _more(sight, refusal), at)]
    return form_page(filling, STATUS.get(refusal.code, 409))


def _of_a_time(filling: Filling, refusal: Refusal, sentence: str) -> str:
    """Between which moments it can have been (C-33)."""
    visit = filling.sight.case.visit(filling.way.visit)
    began = visit.first_at or visit.opened_at if visit else filling.sight.case.opened_at
    if refusal.rule != "C-33" or not began:
        return sentence
    return f"发生时间要在{term_end(began)}以后、现在以前。请改正后再提交。"


def _more(sight: Sight, refusal: Refusal) -> str:
    """What exactly is missing, where the refusal says it."""
    missing = refusal.detail.get("missing", "")
    if not missing:
        return ""
    parts = explained(sight, no("attachment_required", "", leaf=missing)).partition("：")[2].partition("。")[0].split("、")
    return f"还缺{len(parts)}项：{'、'.join(parts[:NAMES_MAX])}{'等' if len(parts) > NAMES_MAX else ''}。"


async def uploads(sight: Sight, form: FormData, drawn: Sequence[fields.Field]) -> list[Problem]:
    """Keeps the files that came along in the field for files; returns what was wrong with them."""
    page, problems = sight.page, []
    target = next((f for f in drawn if f.kind == "files"), None)
    came = [u for u in form.getlist("upload") if isinstance(u, UploadFile) and u.filename]
    if target is None or not came:
        return []
    for upload in came:
        async def chunks(upload: UploadFile = upload) -> Any:
            while part := await upload.read(1024 * 1024):
                yield part
        got = await page.request.app.state.files.take(chunks(), upload.filename or "", page.me, page.pool)
        if isinstance(got, Refusal):
            target.error = f"“{upload.filename}”：{explained(sight, got)}"
            problems.append(Problem(target.error, target.id))
        elif got not in target.values:
            target.values.append(got)
    rows = await reads.file_names(page.pool, target.values, sight.case.id, page.me)
    target.values = [h for h in target.values if h in rows]
    target.files = [fields.tile_of(rows[h]) for h in target.values]
    return problems


# -- routes ------------------------------------------------------------------------------------------------------


@router.post("/cases/{no}/acts")
@router.post("/files/cases/{no}/acts")
async def from_card(no: str, page: Reader, request: Request) -> Response:
    """The act card: which way, the opinion and its files. What needs no more goes straight to the check page."""
    sight = await sight_of(page, no)
    form = await posted(request, page)
    parts = (said(form, "way").split("|") + [""] * 6)[:6]
    if stays(said(form, "step")):
        files = await attachments_of(page, no, drafts.as_lists(form))
        return await _kept(sight, form, drafts.CARD, f"/cases/{quote(no)}#act", [files])
    if not parts[0]:
        raise PageProblem(422, "还没有选怎么办。请返回上一页，先选一种办法。")
    way = the_way(sight, *parts)
    filling = await fill(sight, way, form)
    filling.problems = await uploads(sight, form, filling.drawn)
    if way.asks or filling.problems:
        return form_page(filling, 422 if filling.problems else 200)
    return await _check(filling)


def stays(step: str) -> bool:
    """暂存, 上传 on the card, or a phrase without a script: nothing is decided, the page comes again."""
    return step in ("save", "edit") or step.startswith("phrase-")


async def _kept(sight: Sight, form: FormData, key: str, url: str, drawn: Sequence[fields.Field]) -> Response:
    """What was typed and the files that came along become the draft, and the page is shown again."""
    body = drafts.as_lists(form)
    step = said(form, "step")
    problems = await uploads(sight, form, drawn)
    body |= {f.name: f.values for f in drawn if f.kind == "files"}
    if step.startswith("phrase-") and step[7:].isdecimal() and int(step[7:]) < len(words.PHRASES):
        body["opinion"] = [(body.get("opinion") or [""])[0] + words.PHRASES[int(step[7:])]]
    await drafts.save(sight.page.pool, sight.page.me, sight.case.id, key, body)
    if problems:
        raise PageProblem(422, f"{problems[0].words}您写的都已存好，请返回案件页换一份。")
    return see_other(url)


@router.get("/cases/{no}/acts/{verb}")
async def act_form(no: str, verb: str, page: Reader, visit: str = "", seat: str = "", form: str = "", to: str = "",
                   duty: str = "") -> HTMLResponse:
    sight = await sight_of(page, no)
    way = the_way(sight, verb, visit, seat, form, to, duty)
    _known(way)
    return form_page(await fill(sight, way, None))


def _known(way: Way) -> None:
    from api.models import ActRequest
    if way.verb not in ActRequest.model_fields["verb"].annotation.__args__:
        raise PageProblem(404, "没有这个办法。请回到案件页再选。")


async def _posted(no: str, verb: str, page: Page, request: Request) -> tuple[Filling, FormData]:
    sight = await sight_of(page, no)
    form = await posted(request, page)
    way = the_way(sight, verb, said(form, "visit"), said(form, "seat"), said(form, "form"), said(form, "to."),
                  said(form, "duty"))
    _known(way)
    return await fill(sight, way, form), form


@router.post("/cases/{no}/acts/{verb}/check")
@router.post("/files/cases/{no}/acts/{verb}/check")
async def act_check(no: str, verb: str, page: Reader, request: Request) -> Response:
    """下一步：核对; the same form with its words where somebody wants to go back, keep, upload or insert."""
    filling, form = await _posted(no, verb, page, request)
    step = said(form, "step")
    if step == "save" or step.startswith("phrase-"):
        return await _kept(filling.sight, form, filling.draft, filling.way.url(no), filling.drawn)
    filling.problems = await uploads(filling.sight, form, filling.drawn)
    if filling.problems or step == "edit":
        return form_page(filling, 422 if filling.problems else 200)
    return await _check(filling)


async def _check(filling: Filling) -> Response:
    """Decided on a copy: refused here as it would be at the door, else shown with what it leads to."""
    act = read(filling)
    if act is None:
        return form_page(filling, 422)
    got = decide(filling.sight.procedure, filling.sight.case, act, filling.sight.context)
    if isinstance(got, Refusal):
        return refuse(filling, got)
    return check_page(filling, act, *got)


@router.post("/cases/{no}/acts/{verb}")
@router.post("/files/cases/{no}/acts/{verb}")
async def act_now(no: str, verb: str, page: Reader, request: Request) -> Response:
    """确认. The same command id twice: the same page, one effect."""
    filling, _ = await _posted(no, verb, page, request)
    way = filling.way
    done = f"/cases/{quote(no)}/acts/{verb}/done?" + urlencode({
        "id": filling.command, "visit": way.visit, "form": way.form_name, "to": way.to, "stage": way.stage})
    act = read(filling)
    if act is None:
        return form_page(filling, 422)
    got = await page.door.handle(Command(f"{page.me}/{filling.command}", page.me, act, no))
    if isinstance(got, Refusal):
        return refuse(filling, got)
    await drafts.drop(page.pool, page.me, no, filling.draft, drafts.CARD)
    return see_other(f"/cases/{quote(no)}#act" if verb == "claim" else done)


@router.get("/cases/{no}/acts/{verb}/done")
async def act_done(no: str, verb: str, page: Reader, id: str = "", visit: str = "0", form: str = "", to: str = "",
                   stage: str = "") -> HTMLResponse:
    """What was done, what happens now, what is next, until when it can be taken back."""
    row = await reads.receipt(page.pool, f"{page.me}/{id}")
    if row is None or row["case_id"] != no:
        raise PageProblem(404, "没有这一步的记录。请回到案件页看办理经过。")
    got = await page.door.read(no, page.me)
    if isinstance(got, Refusal):            # acted and sees it no longer
        return page.html("done.html", title="已办", then=["本案不再由您办理。"], sight=None, next=await next_task(page, no),
                         back="")
    sight = Sight(page, got)
    title = words.done_words(sight.procedure, verb, stage, _form_type(sight, form), to)
    if (when := row["true_at"]) and when < row["at"]:
        title = f"{title}（补录）"
        then = [f"发生时间{term_end(when)}，录入时间{term_end(row['at'])}。"]
    else:
        then = []
    back = next((w for w in ways(sight).others if w.verb == "take_back" and str(w.visit) == visit), None)
    return page.html("done.html", title=title, then=[f"{no}，{sight.title}。", *then, stands(sight)], sight=sight,
                     next=await next_task(page, no), back=back.url(no) if back else "")


def stands(sight: Sight) -> str:
    """Where the case stands, in one sentence."""
    case = sight.case
    if case.ended:
        return f"案件已结束：{words.end_words(case.kind, case.ended)}。"
    if case.suspended:
        return "案件暂停中，时限停住。"
    from .case import waits_for
    from .clocks import chip_of, of_visit
    visit = case.open[0]
    seats = [(s.holder, s.claimed_by) for s in visit.seats if s.open]
    clock = of_visit(visit)
    if not seats:
        return f"现在是{sight.task(visit.stage)}，{waits_for(sight, visit)}。"
    return f"现在是{sight.task(visit.stage)}，由{sight.holders(seats, visit.stage)}办理" + (
        f"，{chip_of(clock, sight.context).words}。" if clock else "。")


async def next_task(page: Page, after: str) -> dict[str, str] | None:
    """下一件: the most urgent of the box, another case if there is one."""
    from .inbox import edges, task_rows
    rows = await reads.inbox_slice(page.pool, page.holders, "todo", "", edges(page), 10)
    row = next((r for r in rows if r["case_id"] != after), rows[0] if rows else None)
    if row is None:
        return None
    shown = (await task_rows(page, [row]))[0]
    return {"url": shown.url, "words": f"{shown.task}，{shown.school}"}


@router.post("/cases/{no}/drafts/{key:path}", status_code=204)
async def autosave(no: str, key: str, page: Reader, request: Request) -> Response:
    """Hastens only: the same as 暂存."""
    form = await posted(request, page)
    await sight_of(page, no)
    await drafts.save(page.pool, page.me, no, key[:200], drafts.as_lists(form))
    return Response(status_code=204)

