"""画页. Jinja with autoescape and strict names; dates, clocks, persons and money as the portal writes them."""
from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from re import Match
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from markupsafe import Markup

from domain.kernel.calendar import COUNTY, DAY, day_of

HERE = Path(__file__).parent
STATIC = HERE / "static"
WEEKDAYS = "一二三四五六日"
SAID_TODAY = {0: "今天", -1: "昨天", 1: "明天"}


def day_words(day: date, short: bool = False) -> str:
    """2026年11月24日; `short` drops the year."""
    return f"{day.month}月{day.day}日" if short else f"{day.year}年{day.month}月{day.day}日"


def weekday(day: date) -> str:
    return f"星期{WEEKDAYS[day.weekday()]}"


def local(moment: datetime) -> datetime:
    return moment.astimezone(COUNTY)


def clock_words(at: datetime) -> str:
    """9:05; the end of a day is 24:00."""
    return "24:00" if at.time() >= datetime.max.time().replace(microsecond=0) else f"{at.hour}:{at.minute:02}"


def term_end(moment: datetime, short: bool = False) -> str:
    """A term ends at 24:00 of its day, never 0:00 of the next."""
    at = local(moment)
    return f"{day_words(at.date(), short)} {clock_words(at)}"


def _year_of(context: Mapping[str, Any]) -> int:
    page = context.get("page")
    return local(page.now).year if page else 0


def time_tag(value: str, words: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value, words)


@pass_context
def day_filter(context: Mapping[str, Any], day: date, short: bool = True) -> Markup:
    """A day; the year is dropped in the current one."""
    on = day_of(day) if isinstance(day, datetime) else day
    return time_tag(on.isoformat(), day_words(on, short and on.year == _year_of(context)))


@pass_context
def moment_filter(context: Mapping[str, Any], moment: datetime) -> Markup:
    """11月23日 18:05; 今天 and 昨天 are said."""
    at, page = local(moment), context.get("page")
    near = SAID_TODAY.get((at.date() - local(page.now).date()).days) if page else None
    words = f"{near or day_words(at.date(), at.year == _year_of(context))} {clock_words(at)}"
    return time_tag(at.isoformat(timespec="minutes"), words)


@pass_context
def until_filter(context: Mapping[str, Any], moment: datetime) -> Markup:
    """11月26日 24:00."""
    at = local(moment)
    return time_tag(at.isoformat(timespec="minutes"), term_end(moment, at.year == _year_of(context)))


def money(fen: int) -> str:
    """5,126.42; a minus sign, never a hyphen."""
    sign = "−" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02}"


DIGITS, UNITS, GROUPS = "零壹贰叁肆伍陆柒捌玖", ("", "拾", "佰", "仟"), ("", "万", "亿")


def money_words(fen: int) -> str:
    """大写：伍仟壹佰贰拾陆元肆角贰分."""
    yuan, jiao, cents = abs(fen) // 100, abs(fen) // 10 % 10, abs(fen) % 10
    said, group = "", 0
    while yuan:
        part, low = yuan % 10_000, ""
        for i, digit in enumerate(reversed(f"{part:04}")):
            low = (DIGITS[int(digit)] + UNITS[i] if digit != "0" else "零") + low
        low = _one_zero(low)
        said = (low.strip("零") if not said and part >= 1000 else low.rstrip("零")) + (GROUPS[group] if part else "") + said
        yuan, group = yuan // 10_000, group + 1
    head = _one_zero(said).strip("零")
    tail = (DIGITS[jiao] + "角" if jiao else "零" if cents and head else "") + (DIGITS[cents] + "分" if cents else "整")
    return ("负" if fen < 0 else "") + (f"{head}元" if head else "" if jiao or cents else "零元") + tail


def _one_zero(said: str) -> str:
    while "零零" in said:
        said = said.replace("零零", "零")
    return said


def points(cp: int) -> str:
    """8750 → 87.5: at least one decimal, no more than needed."""
    text = f"{cp / 100:.2f}"
    return text.removesuffix("0")


def size(count: int) -> str:
    """18.2 MB, 46 KB."""
    return f"{count / 1024**2:.1f} MB" if count >= 1024**2 else f"{max(1, round(count / 1024))} KB"


def static(name: str) -> str:
    """A static file's address, which changes with its content."""
    if name not in _marks:
        _marks[name] = sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={_marks[name]}"


_marks: dict[str, str] = {}


def _environment() -> Environment:
    env = Environment(loader=FileSystemLoader([HERE / "templates", HERE / "macros"]), autoescape=True,
                      undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters |= {"day": day_filter, "moment": moment_filter, "until": until_filter, "money": money, "points": points,
                    "money_words": money_words, "size": size, "weekday": weekday, "local": local}
    env.globals |= {"static": static, "DAY": DAY, "timedelta": timedelta}
    return env


ENV = _environment()


_KEPT = re.compile(r"""(<(time|title|textarea|option|script|del|ins)\b.*?</\2>|<p class="say">.*?</p>|<[^>]*>)""", re.S)
_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})日(?: (\d{1,2}):(\d{2}))?")


def dated(html: str, year: int) -> str:
    """Each date that a sentence says stands in <time> (portal 6.15); words that somebody typed stay as they are."""
    def one(found: Match[str]) -> str:
        said_year, month, day, hour, minute = found.groups()
        try:
            on = date(int(said_year or year), int(month), int(day)).isoformat()
        except ValueError:
            return found[0]
        return time_tag(f"{on}T{int(hour):02}:{minute}+08:00" if hour and int(hour) < 24 else on, found[0])
    parts = _KEPT.split(html)               # text, what is kept, its name, text, …
    return "".join(_DATE.sub(one, part) if n % 3 == 0 else part if n % 3 == 1 else "" for n, part in enumerate(parts))


def render(template: str, **values: Any) -> str:
    return dated(ENV.get_template(template).render(**values), _year_of(values))
