"""Makes the three vendored fonts from the released ones (needs fontTools): subset.py ORIGINALS FONTS."""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

FANDOL = ("FandolFang-Regular.otf", "FandolSong-Bold.otf")
PARTS = [  # blocks that the third font fills: Latin, signs, punctuation, Han, full widths, rare Han
    (0xA0, 0x17F),
    (0x2010, 0x25FF),
    (0x2E80, 0x303F),
    (0x3380, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFFE6),
    (0x20000, 0x323AF),
]
RENAMED = {
    1: "Juanzong WenKai",
    3: "Juanzong WenKai 1.250",
    4: "Juanzong WenKai",
    6: "JuanzongWenKai-Regular",
}
DROPPED = ["vhea", "vmtx", "VORG", "BASE", "GPOS", "GSUB", "GDEF", "gasp"]


def gb2312():
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            yield from map(ord, bytes((row, cell)).decode("gb2312", errors="ignore"))


def cut(source, target, keep, renamed=None):
    font = TTFont(source, recalcTimestamp=False)
    options = subset.Options(
        hinting=False, layout_features=[], notdef_outline=True, name_IDs=["*"], name_languages=["*"]
    )
    options.drop_tables, options.recalc_timestamp = DROPPED, False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=keep & set(font.getBestCmap()))
    cutter.subset(font)
    if renamed:
        names = font["name"]
        names.names = [n for n in names.names if n.langID in (0, 0x409)]
        for record in names.names:
            record.string = renamed.get(record.nameID, str(record))
    table = CmapSubtable.newSubtable(12)
    table.platformID, table.platEncID, table.format, table.reserved, table.language = 3, 10, 12, 0, 0
    table.length, table.nGroups, table.cmap = 0, 0, {c: g for c, g in font.getBestCmap().items() if c in keep}
    font["cmap"].tables = [table]
    font.save(target)
    print(target.name, target.stat().st_size)
    return set(font.getBestCmap())


originals, fonts = map(Path, sys.argv[1:])
body = {c for c in gb2312() if not 0x3040 <= c <= 0x30FF and not 0x2500 <= c <= 0x257F}
body |= set(range(0x20, 0x7F)) | {0xA5, 0xB7, 0x2014, 0x2212}
body -= {0xFFE5, 0xFF04}  # Fandol draws ￥ and ＄ as "$"
have = set.intersection(*(cut(originals / n, fonts / "fandol" / n, body) for n in FANDOL))
rare = {c for low, high in PARTS for c in range(low, high + 1)} - have
cut(originals / "LXGWWenKai-Regular.ttf", fonts / "lxgw" / "JuanzongWenKai-Regular.ttf", rare, RENAMED)
