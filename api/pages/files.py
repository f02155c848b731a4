"""佐证. What a file shows, with the one before and the one after; and the rounds of a case side by side."""
from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.routes import visible
from domain.recognition import facts as f
from store import reads

from .acts import sight_of
from .case import HISTORY_MAX, history
from .directory import Shown as Person
from .fields import SORTS
from .render import points, size
from .shell import Page, PageProblem, Reader
from .sight import Sight
from .told import rounds_of

router = APIRouter()
SHOWN_IN_PAGE = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True)
class Shown:
    """A file of a case as this reader may see it. `says`: what it is there for; `by`: who brought it with an act."""
    hash: str
    says: str
    by: Person | None = None


async def files_of(sight: Sight) -> list[Shown]:
    """What this reader may see: by leaf, then papers, then what came with acts that they are told of (R-92)."""
    case, out = sight.case, []
    if case.kind == "star":
        out = [Shown(h, f"证明{leaf}") for leaf, hashes in case.facts.files.items() for h in hashes]
        if not sight.blind:
            out += [Shown(h, "文书") for h in case.facts.papers.values()]
    rows = await reads.history(sight.page.pool, case.id, limit=HISTORY_MAX,
                               tags=("case.seat_acted.v1", "star.mending_reported.v1"))
    stages = {v.no: v.stage for v in (*case.past, *case.open)}
    for row in visible(rows, sight.side, sight.page.me, case):
        event = row["event"]
        stage = stages.get(getattr(event, "visit", 0), "")
        says = f"{sight.task(stage)}的附件" if stage else "改进报告的附件"
        out += [Shown(h, says, sight.person(row["actor"], row["post"], row["behind"], stage)) for h in event.files]
    return list({s.hash: s for s in reversed(out)}.values())[::-1]


async def _file(page: Page, no: str, id: str) -> tuple[Sight, list[Shown], int, dict[str, Any]]:
    sight = await sight_of(page, no)
    all_files = await files_of(sight)
    at = next((n for n, s in enumerate(all_files) if s.hash == id), None)
    row = (await reads.file_names(page.pool, [id], no)).get(id)
    if at is None or row is None:
        raise PageProblem(404, "案件里没有这份文件，或您无权查看。请回到案件页核对。")
    return sight, all_files, at, row


@router.get("/cases/{no}/files")
async def file_list(no: str, page: Reader) -> HTMLResponse:
    sight = await sight_of(page, no)
    listed = await files_of(sight)
    rows = await reads.file_names(page.pool, [s.hash for s in listed], no)
    return page.html("files.html", sight=sight, tiles=[_tile(no, s, rows[s.hash]) for s in listed if s.hash in rows])


def _tile(no: str, shown: Shown, row: dict[str, Any]) -> dict[str, str]:
    sort, css = SORTS.get(row["kind"], ("件", ""))
    return {"sort": sort, "css": css, "name": row["name"], "state": "", "url": f"/cases/{quote(no)}/files/{shown.hash}",
            "says": f"{shown.says}，{size(row['size'])}"}


@router.get("/cases/{no}/files/{id}")
async def file_page(no: str, id: str, page: Reader) -> HTMLResponse:
    """The viewer: PDF and pictures in the page, the original to take along."""
    sight, listed, at, row = await _file(page, no, id)
    base = f"/cases/{quote(no)}/files"
    uploader = listed[at].by or sight.person(row["uploader"],
                                             f"applicant@{sight.case.subject}" if row["uploader"] != "system" else "")
    return page.html("file_page.html", sight=sight, row=row, says=listed[at].says, raw=f"{base}/{id}/raw",
                     sort=row["kind"] if row["kind"] in SHOWN_IN_PAGE else "", uploader=None if sight.blind else uploader,
                     before=f"{base}/{listed[at - 1].hash}" if at else "", n=at + 1, count=len(listed),
                     after=f"{base}/{listed[at + 1].hash}" if at + 1 < len(listed) else "")


@router.get("/cases/{no}/files/{id}/raw")
async def raw(no: str, id: str, page: Reader, take: bool = False) -> Response:
    """The bytes, shown in the page of the viewer or taken along."""
    _, _, _, row = await _file(page, no, id)
    path = page.request.app.state.files.path(id)
    if not path.exists():
        raise PageProblem(410, "这份文件打不开了。请联系经办股室，请对方从备份恢复。")
    inline = row["kind"] in SHOWN_IN_PAGE and not take
    return FileResponse(path, media_type=SHOWN_IN_PAGE.get(row["kind"], "application/octet-stream"), filename=row["name"],
                        content_disposition_type="inline" if inline else "attachment")


# -- 两轮对比 ------------------------------------------------------------------------------------------------------


@router.get("/cases/{no}/rounds/{rounds}")
async def rounds_page(no: str, rounds: str, page: Reader) -> HTMLResponse:
    """What changed between two rounds, by leaf; what is unchanged is one sentence."""
    a, dots, b = rounds.partition("..")
    if not dots or not a.isdecimal() or not b.isdecimal():
        raise PageProblem(404, "没有这样两轮。请从案件页点进来。")
    sight = await sight_of(page, no)
    rows, texts = await history(page, no)
    ends = rounds_of(rows)
    if not 0 < int(a) < int(b) <= len(ends) or sight.case.kind != "star":
        raise PageProblem(404, f"这个案件交过{len(ends)}轮材料，没有您要的两轮。请回到案件页。")
    old, new = _dossier(rows, ends[int(a) - 1], texts), _dossier(rows, ends[int(b) - 1], texts)
    names = await reads.file_names(page.pool, [h for d in (old, new) for _, _, hs in d.values() for h in hs], no)
    changes = []
    for leaf in {**old, **new}:
        before, after = old.get(leaf, (0, "", ())), new.get(leaf, (0, "", ()))
        if before[0] != after[0]:
            changes.append({"where": f"{leaf}，自评分", "parts": _swap(points(before[0]), points(after[0]))})
        if before[1] != after[1]:
            changes.append({"where": f"{leaf}，自评说明", "parts": words_diff(before[1], after[1])})
        if before[2] != after[2]:
            told = [[names[h]["name"] if h in names else "一份文件" for h in side] for side in (before[2], after[2])]
            changes.append({"where": f"{leaf}，佐证", "parts": _swap(*("、".join(t) for t in told))})
    touched = {c["where"].partition("，")[0] for c in changes}
    return page.html("rounds.html", sight=sight, a=int(a), b=int(b), changes=changes,
                     unchanged=f"其余{len(new) - len(touched & set(new))}项没有改动，原来的同意仍然有效。")


def _dossier(rows: list[dict[str, Any]], version: int, texts: dict[str, str]) -> dict[str, tuple[int, str, tuple[str, ...]]]:
    return {e.leaf: (e.self_cp, texts.get(e.statement, ""), e.files) for r in rows
            if r["version"] <= version and isinstance(e := r["event"], f.LeafAnswered)}


def _swap(old: str, new: str) -> list[dict[str, str]]:
    return [{"sort": "old", "words": old}] * bool(old) + [{"sort": "new", "words": new}] * bool(new)


def words_diff(old: str, new: str) -> list[dict[str, str]]:
    """Character by character, as Chinese is read."""
    out = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            out.append({"sort": "same", "words": old[a:b]})
        else:
            out += _swap(old[a:b], new[c:d])
    return out
