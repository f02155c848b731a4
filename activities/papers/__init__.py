"""The papers an office hands out (文书): facts in, a PDF/A-2b out, the same bytes for the same facts.

A template in `templates/` states a paper's words once; what differs from paper to paper comes in as JSON
and is always text, never markup. Fonts are vendored in `fonts/`, so every machine draws the same page.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import segno
import typst

HERE = Path(__file__).parent
KINDS = ("certificate", "document", "letter", "notice", "call", "minutes")


class MissingGlyph(ValueError):
    """None of our fonts draws these characters. The paper is not made: it would silently lack them."""

    def __init__(self, characters: str) -> None:
        super().__init__(
            f"字库里没有“{characters}”，做不了这份文书。请核对是否录错；确有此字的，请系统管理员补字库。"
        )
        self.characters = characters


def render(kind: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of one paper; `data["date"]` ("2026-12-15") is its date, also in the file's own properties.

    Raises MissingGlyph before anything is drawn. A key that the template asks for and does not get is the
    caller's mistake and ends in `typst.TypstError`, which names the key.
    """
    assert kind in KINDS, kind
    missing = set("".join(_texts(data))) - characters()
    if missing:
        raise MissingGlyph("".join(sorted(missing)))
    inputs = {"data": json.dumps(data, ensure_ascii=False, sort_keys=True)}
    if "verify_url" in data:
        inputs["qr"] = _qr(data["verify_url"])
    pdf, warnings = typst.compile_with_warnings(
        HERE / "templates" / f"{kind}.typ",
        root=HERE / "templates",
        font_paths=_fonts(),
        sys_inputs=inputs,
        pdf_standards="a-2b",
    )
    if warnings:  # an unknown font family is only a warning, and the page would be blank
        raise RuntimeError(f"{kind}: {[w.message for w in warnings]}")
    return pdf


@cache
def characters() -> frozenset[str]:
    """Every character that a paper can show: each fallback font fills what the Fandol fonts lack."""
    return frozenset().union(*(covered(path) for path in _font_files()))


def covered(font: Path) -> set[str]:
    """The characters of one vendored font. Its `cmap` holds one table of format 12 (`fonts/subset.py`)."""
    file = font.read_bytes()
    tables = (struct.unpack_from(">4sIII", file, 12 + 16 * n) for n in range(int.from_bytes(file[4:6])))
    cmap = next(offset for tag, _, offset, _ in tables if tag == b"cmap")
    at = cmap + int.from_bytes(file[cmap + 8 : cmap + 12])
    version, _, _, _, groups = struct.unpack_from(">HHIII", file, at)
    assert version == 12, font
    ranges = (struct.unpack_from(">II", file, at + 16 + 12 * n) for n in range(groups))
    return {chr(code) for first, last in ranges for code in range(first, last + 1)}


def _font_files() -> list[Path]:
    return sorted((HERE / "fonts").glob("*/*.[ot]tf"))


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[HERE / "fonts"])


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _qr(url: str) -> str:
    svg = BytesIO()
    segno.make(url, error="q", micro=False).save(svg, kind="svg", border=2, xmldecl=False, nl=False)
    return svg.getvalue().decode()
