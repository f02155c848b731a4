"""表单. A form drawn from its dataclass, read back from what was posted, with every word kept when it is refused."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from dataclasses import fields as fields_of
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from api.forms import adapter
from domain.kernel.acts import AllowLate, DemandRecusal
from domain.kernel.calendar import COUNTY
from domain.kernel.values import Text
from domain.recognition.conditions import told_by_name
from domain.recognition.policy import Leaf, StarPolicy

from . import words
from .entry import Problem
from .render import points, size, term_end
from .sight import Sight

Posted = Mapping[str, Sequence[str]]
FILES = ("files", "file")
ATTACHED = "attached"                       # beside the opinion, of no form
HAPPENED = "at"                             # of a kind that may be entered late, of no form (C-31)
PEOPLE = ("member", "members", "secretary", "excluded", "person", "to")
SORTS = {"pdf": ("PDF", "pdf"), "jpg": ("图", "pic"), "png": ("图", "pic"), "mp4": ("影", "pic"), "docx": ("文", ""),
         "doc": ("文", ""), "xlsx": ("表", "xls"), "xls": ("表", "xls")}
"""Kind of file → the word on its tile and the class of it."""


@dataclass(frozen=True)
class Option:
    value: str
    words: str
    more: str = ""
    unit: str = ""
    error: str = ""


@dataclass(frozen=True)
class Tile:
    name: str
    sort: str
    css: str
    size: str


@dataclass
class Field:
    """One place to fill in. `kind`: text words lines number score date time yes one radio many scores counts files."""
    name: str
    label: str
    kind: str
    required: bool = False
    hint: str = ""
    unit: str = ""
    options: list[Option] = field(default_factory=list)
    blank: bool = True
    value: str = ""
    values: list[str] = field(default_factory=list)
    entered: dict[str, str] = field(default_factory=dict)       # of `scores` and `counts`: key → what was typed
    files: list[Tile] = field(default_factory=list)
    error: str = ""

    @property
    def id(self) -> str:
        return f"f-{self.name}"

    @property
    def kept(self) -> list[tuple[str, Tile]]:
        """Files that were sent already, each with its hash."""
        return list(zip(self.values, self.files, strict=False))


# -- drawing -----------------------------------------------------------------------------------------------------


def draw(form: type, sight: Sight, posted: Posted | None = None, tiles: Mapping[str, Tile] | None = None) -> list[Field]:
    """The fields of a form with what was posted in them."""
    hints = get_type_hints(form)
    out = []
    for f in fields_of(form):
        one = _field(form, f.name, hints[f.name], sight)
        one.required = f.default is MISSING and f.default_factory is MISSING and one.kind != "yes"
        if not one.required and one.kind == "one" and isinstance(f.default, str):
            one.value, one.blank = f.default, False
        if posted is not None:
            fill_in(one, posted)
        if one.kind == "files":
            one.values = [h for h in one.values if tiles and h in tiles]
            one.files = [tiles[h] for h in one.values] if tiles else []
        out.append(one)
    return out


def attachments(posted: Posted, tiles: Mapping[str, Tile]) -> Field:
    """The files beside an opinion; those that are not the person's own are let go."""
    one = Field(ATTACHED, "附件", "files", hint="可不附，看得到意见的人才看得到附件")
    fill_in(one, posted)
    one.values = [h for h in one.values if h in tiles]
    one.files = [tiles[h] for h in one.values]
    return one


def happened(posted: Posted, paper: bool, missed: bool) -> Field:
    """When it was true (C-31): empty is now, where now is not too late; a late entry says why (C-34)."""
    hint = ("" if missed else "不填即现在；事后补录的，") + "在办理意见里写明为什么没有按时录入" + "，并附当时的记录" * paper
    one = Field(HAPPENED, "发生时间", "time", required=missed, hint=hint)
    fill_in(one, posted)
    return one


def _field(form: type, name: str, hint: Any, sight: Sight) -> Field:
    label = words.FIELDS.get(name, "内容")
    policy = sight.context.policy
    leaves = {x.id: x for x in policy.leaves} if isinstance(policy, StarPolicy) else {}
    tag = getattr(form, "tag", "")
    match name:
        case "level" if leaves:
            return Field(name, label, "one", options=[Option(str(n), words.full(x.name)) for n, x in policy.levels.items()])
        case "leaf" if leaves:
            return Field(name, label, "one", options=[_leaf_option(x) for x in leaves.values() if x.by != {"office"}])
        case "leaves" if leaves:
            return Field(name, label, "many", options=[_leaf_option(x) for x in policy.scored("site")],
                         hint=f"最多{policy.mend_leaves}项")
        case "scores" if leaves:
            by = "material" if tag == "star.sheet.v1" else "site"
            scored = policy.scored(by) if tag != "star.rescored.v1" else [
                leaves[i] for i in sight.case.facts.mend_leaves if i in leaves]
            return Field(name, label, "scores", hint="单位：分", options=[
                Option(x.id, f"{x.id}{words.full(x.text)}", f"满分{points(x.full_cp)}分，每格{points(x.step_cp)}分",
                       f"/ {points(x.full_cp)}") for x in scored])
        case "activities" if leaves:
            return Field(name, label, "counts", options=[
                Option(k, words.ACTIVITIES.get(k, "其他活动"), f"至少{n}次", "次") for k,
                n in policy.activities_min.items()])
        case "veto" if leaves:
            return Field(name, label, "one", options=[Option(v.code, words.full(v.text)) for v in policy.vetoes])
        case "day" if form is AllowLate:
            return Field(name, "发生日期", "date")
        case "suggestion":
            return Field(name, label, "one", options=[Option(k, w) for k, w in words.SUGGESTIONS.items()])
        case "departs":
            return Field(name, label, "one", options=[Option(k, w) for k, w in words.DEPARTS.items()])
        case "notes" | "problems":
            return Field(name, label, "lines", hint="一行一条，先写观测点编号，再写内容，例如：A1.1 缺会议记录")
        case _ if name in FILES:
            return Field(name, label, "files")
        case "person" if form is DemandRecusal:
            return Field(name, "请谁回避", "radio", options=known_people(sight))
        case "reason" if form is DemandRecusal:
            return Field(name, label, "words", hint="写明是什么关系、怎么知道的；由作决定的人看")
        case "known_on":
            return Field(name, "后来才知道的，哪天知道", "date", hint="得知名字时就知道这层关系的，不填")
        case _ if name in PEOPLE:
            many = get_origin(hint) is tuple
            return Field(name, label, "many" if many else "one", options=people_options(name, sight))
    if name.endswith("_cp"):
        return Field(name, label, "score", unit="分")
    if hint is Text:
        return Field(name, label, "words")
    if hint is bool:
        return Field(name, label, "yes")
    if hint is int:
        return Field(name, label, "number")
    if hint is date or date in get_args(hint):
        return Field(name, label, "lines" if get_origin(hint) is tuple else "date",
                     hint="一行一个日期" if get_origin(hint) is tuple else "")
    if hint is datetime:
        return Field(name, label, "time")
    if get_origin(hint) is tuple:
        return Field(name, label, "lines", hint="一行一条")
    return Field(name, label, "text")


def _leaf_option(x: Leaf) -> Option:
    return Option(x.id, f"{x.id}{words.full(x.text)}（{points(x.full_cp)}分）")


COMMITTEE = ("committee_chair", "committee_member")


def people_options(name: str, sight: Sight, kinds: Sequence[str] = ()) -> list[Option]:
    """Whom one may name here: the committee, its secretary, experts, or who holds one of the posts; else everybody."""
    wanted = kinds or {"members": COMMITTEE, "member": COMMITTEE, "secretary": ("committee_secretary",),
                       "excluded": ("expert",)}.get(name, ())
    page, out = sight.page, []
    chosen = sight.case.facts.members if name == "member" and sight.case.kind == "star_batch" else None
    for who in chosen or page.directory.people:
        for key in page.directory.posts_of(who, page.today):
            kind = key.partition("@")[0]
            if not wanted or kind in wanted:
                out.append((wanted.index(kind) if wanted else 0, Option(
                    who, f"{page.directory.names.get(who, '未登记的人员')}（{page.directory.post(key)}）")))
                break
    return [o for _, o in sorted(out, key=lambda x: x[0])]


def known_people(sight: Sight) -> list[Option]:
    """Whom the school knows by name in this case, each with what they do there (G-19)."""
    case, page = sight.case, sight.page
    acted = {who: stage for stage, _, a in case.acts() for who in (a.by, a.behind)}
    acted |= {s.claimed_by: v.stage for v in case.open for s in v.seats if s.claimed_by}
    out = []
    for who in told_by_name(case):
        role = next((said for name, said in (("panel", "考察组成员"), ("committee", "评审委员会委员"))
                     if who in case.roster(name).members), f"{sight.stage(acted[who])}经办" if who in acted else "")
        post = page.directory.shown(who, page.today, page.me).post
        out.append(Option(who, page.directory.names.get(who, "未登记的人员"), "，".join(x for x in (role, post) if x)))
    return sorted(out, key=lambda o: (o.more.partition("，")[0] != "考察组成员", o.more, o.words))


def fill_in(one: Field, posted: Posted) -> None:
    got = list(posted.get(one.name, ()))
    match one.kind:
        case "many" | "files":
            one.values = got
        case "scores" | "counts":
            one.entered = {o.value: posted.get(f"{one.name}.{o.value}", [""])[0] for o in one.options}
        case "yes":
            one.value = "yes" if got else ""
        case _:
            one.value = got[0] if got else one.value


def tile_of(row: Mapping[str, Any]) -> Tile:
    sort, css = SORTS.get(row["kind"], ("件", ""))
    return Tile(row["name"], sort, css, size(row["size"]))


# -- reading -----------------------------------------------------------------------------------------------------


class NotANumber(ValueError):
    """What was typed is no number."""


def cp(typed: str) -> int:
    """'4.5' → 450. Raises NotANumber for what is finer than a hundredth or no number."""
    try:
        value = Decimal(typed.strip()) * 100
        if value != value.to_integral_value() or abs(value) > 10**9:
            raise NotANumber(typed)
    except InvalidOperation:
        raise NotANumber(typed) from None
    return int(value)


def read(form: type, drawn: Sequence[Field]) -> tuple[Any, list[Problem]]:
    """The form, or what is wrong with it: each place once, in the order of the page. The fields carry their errors."""
    data: dict[str, Any] = {}
    hints = get_type_hints(form)
    for one in drawn:
        try:
            value = _value(one, hints[one.name])
        except NotANumber:
            one.error = f"{one.label}不是整数。请填整数。" if one.kind in ("number", "counts") else \
                f"{one.label}不是数。请填数字，最多两位小数。"
            continue
        if value is None or (one.required and value == ()):
            if one.required:
                one.error = f"{one.label}还没有{'选' if one.kind in ('one', 'radio', 'many') else '填'}。请补上。"
            continue
        data[one.name] = value
    if not any(one.error for one in drawn):
        try:
            return adapter(form).validate_python(data), []
        except ValidationError as error:
            by_name = {one.name: one for one in drawn}
            for e in error.errors():
                if one := by_name.get(str(e["loc"][0]) if e["loc"] else ""):
                    one.error = _said(one)
    return None, [Problem(one.error,
                          one.id) for one in drawn if one.error] or [Problem("填写的内容不能识别。请核对后再提交。")]


def _said(one: Field) -> str:
    example = {"date": "请选一个日期，例如2026-03-31。", "time": "请选日期和时间。", "number": "请填整数。",
               "lines": "请一行写一条。", "one": "请从列出的里面选。", "radio": "请从列出的里面选。"}
    return f"{one.label}不能识别。{example.get(one.kind, '请改正后再提交。')}"


def _value(one: Field, hint: Any) -> Any:
    """What the form's own type wants; None = nothing was filled in."""
    match one.kind:
        case "scores":
            return tuple((k, cp(v)) for k, v in one.entered.items() if v.strip())
        case "counts":
            return tuple((k, _whole(v)) for k, v in one.entered.items() if v.strip())
        case "many":
            return tuple(one.values)
        case "files":
            return tuple(one.values) if get_origin(hint) is tuple else (one.values[0] if one.values else None)
        case "yes":
            return bool(one.value)
        case "score":
            return cp(one.value) if one.value.strip() else None
        case "number":
            return _whole(one.value) if one.value.strip() else None
        case "lines":
            lines = tuple(line.strip() for line in one.value.splitlines() if line.strip())
            pairs = get_origin(get_args(hint)[0]) is tuple if get_args(hint) else False
            return tuple((a, b.strip()) for a, _, b in (line.partition(" ") for line in lines)) if pairs else lines
        case "one" | "radio":
            return one.value if one.value or not one.blank else None
        case "time":
            return moment(one.value)
    return one.value.strip() or None


def _whole(typed: str) -> int:
    if not typed.strip().isdecimal() or len(typed) > 9:
        raise NotANumber(typed)
    return int(typed)


def moment(typed: str) -> datetime | str | None:
    """County time; what is no time stays as it was typed."""
    if not typed.strip():
        return None
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=COUNTY)
    except ValueError:
        return typed


def shown(drawn: Sequence[Field]) -> list[tuple[str, list[str]]]:
    """What was filled in, for the check page: label and lines; what is empty is left out."""
    out = []
    for one in drawn:
        match one.kind:
            case "scores" | "counts":
                lines = [f"{o.value} {said}" if one.kind == "scores" else f"{o.words}{said}{o.unit}"
                         for o in one.options if (said := one.entered.get(o.value, "").strip())]
            case "many":
                lines = [o.words for o in one.options if o.value in one.values]
            case "files":
                lines = [t.name for t in one.files]
            case "one" | "radio":
                lines = [f"{o.words}（{o.more}）" if o.more else o.words for o in one.options if o.value == one.value]
            case "yes":
                lines = ["是"] if one.value else ["否"]
            case "date":
                lines = [_chinese_day(one.value)] if one.value else []
            case "time":
                at = moment(one.value)
                lines = [term_end(at)] if isinstance(at, datetime) else []
            case _:
                lines = [f"{line}{one.unit}" for line in one.value.splitlines() if line.strip()]
        if lines:
            out.append((one.label, lines))
    return out


def _chinese_day(typed: str) -> str:
    from .render import day_words, weekday
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return typed
    return f"{day_words(day)}，{weekday(day)}"
