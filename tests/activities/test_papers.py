"""Papers (A-50, R-5, R-47, R-50, R-60, R-70): every kind is drawn, twice the same, and lacks no character."""

import re
import shutil
import subprocess

import pytest
import typst

from activities.papers import HERE, KINDS, MissingGlyph, characters, covered, render

ORGAN = "岚溪县教育局"
PROGRAMME = "星级素质教育特色学校"
RULES = {"title": "岚溪县星级素质教育特色学校评审认定办法（2026年修订）", "number": "岚教发〔2026〕7号"}
LONGEST = "岚溪县城关街道九年一贯制民族团结实验示范学校附属松岭桑堰初级中学石门教学点"
PLACES = ["城关", "青禾", "石门", "云坪", "渡口柏坪", "松岭桑堰"]
CANDIDATES = [
    *({"school": f"岚溪县{place}中心小学", "tier": "二星级"} for place in PLACES),
    *({"school": f"岚溪县{place}第{n}初级中学", "tier": "一星级"} for place in PLACES for n in (1, 2)),
    {"school": "岚溪县𠮷坪小学", "tier": "一星级"},
    {"school": LONGEST, "tier": "一星级"},
]
CARRIED = {"voting": 8, "yes": 7, "no": 1, "abstain": 0, "outcome": "carried"}

DATA = {
    "certificate": {
        "organ": ORGAN,
        "date": "2026-12-15",
        "school": "岚溪县城关中心小学",
        "title": "岚溪县星级素质教育特色学校",
        "tier": "二星级",
        "number": "岚教星校认〔2026〕2-001",
        "document_number": "岚教认〔2026〕1号",
        "valid_until": "2029-12-14",
        "verify_url": "https://juanzong.example/register/2026-2-001",
    },
    "document": {
        "organ": ORGAN,
        "date": "2026-12-15",
        "number": "岚教认〔2026〕1号",
        "batch": "2026年第一批",
        "programme": PROGRAMME,
        "addressees": ["各督导区", "各学校"],
        "basis": [RULES],
        "notice": {"first_day": "2026-12-01", "last_day": "2026-12-07"},
        "schools": CANDIDATES,
        "valid_until": "2029-12-14",
        "copies": ["锦澜市教育局", "岚溪县人民政府办公室"],
        "printer": "岚溪县教育局办公室",
    },
    "letter": {
        "organ": ORGAN,
        "date": "2026-11-24",
        "number": "岚教认函〔2026〕3号",
        "school": "岚溪县石门中心小学",
        "batch": "2026年第一批",
        "programme": PROGRAMME,
        "tier": "一星级",
        "case_number": "星申2026-037",
        "rule": RULES,
        "reasons": [{"code": "pass_mark", "clause": "第九条"}, {"code": "floor", "clause": "第九条"}],
        "dimensions": [
            {"name": "办学方向与治理", "full_cp": 1500, "score_cp": 1212, "floor_cp": 900, "met": True},
            {"name": "课程与教学", "full_cp": 2500, "score_cp": 1488, "floor_cp": 1500, "met": False},
            {"name": "学生发展", "full_cp": 2500, "score_cp": 1905, "floor_cp": 1500, "met": True},
            {"name": "教师发展", "full_cp": 1500, "score_cp": 1100, "floor_cp": 900, "met": True},
            {"name": "特色建设与辐射", "full_cp": 2000, "score_cp": 1503, "floor_cp": 1200, "met": True},
        ],
        "total": {"full_cp": 10000, "score_cp": 7208, "pass_cp": 7500, "met": False},
        "stage": "拟定建议",
        "decided_on": "2026-11-20",
        "reapply_from": "2027-11-20",
        "appeal": {
            "organ": ORGAN,
            "days": 15,
            "how": "可以在卷宗系统中提交，也可以书面送局办公室（城关街道书院路1号）。",
        },
    },
    "notice": {
        "organ": ORGAN,
        "date": "2026-11-30",
        "batch": "2026年第一批",
        "programme": PROGRAMME,
        "basis": [RULES],
        "candidates": [c | {"total_cp": 9305 - 41 * n} for n, c in enumerate(CANDIDATES)],
        "first_day": "2026-12-01",
        "last_day": "2026-12-07",
        "working_days": 5,
        "objection": {
            "office": "岚溪县教育局办公室",
            "address": "岚溪县城关街道书院路1号",
            "phone": "0000-6620036",
            "url": "https://juanzong.example/notices/2026-1",
            "anonymous": True,
        },
    },
    "call": {
        "organ": ORGAN,
        "date": "2026-08-24",
        "number": "岚教发〔2026〕31号",
        "batch": "2026年第一批",
        "programme": PROGRAMME,
        "addressees": ["各督导区", "各学校"],
        "basis": [RULES],
        "first_day": "2026-09-01",
        "last_day": "2026-09-30",
        "tiers": [{"tier": "一星级", "quota": 10}, {"tier": "二星级", "quota": 5}],
        "how": ["学校登录卷宗系统填写申报书，逐项自评并上传佐证，由校长签批。不收纸质材料。"],
        "contact": {"office": "基础教育股", "phone": "0000-6620036"},
        "copies": [],
        "printer": "岚溪县教育局办公室",
    },
    "minutes": {
        "organ": "岚溪县星级学校评审委员会",
        "date": "2026-11-26",
        "batch": "2026年第一批",
        "programme": PROGRAMME,
        "held": {"day": "2026-11-25", "from": "9:00", "to": "11:40", "place": "岚溪县教育局三楼会议室"},
        "chair": "高山青",
        "secretary": "周敏",
        "entitled": 9,
        "present": [
            {"name": name, "post": post}
            for name, post in {
                "高山青": "局长",
                "何芳": "副局长",
                "石子": "基础教育股",
                "𠮷一叶": "教师管理股",
                "阿依·云朵": "县财政局",
                "㐂小满": "县人社局",
                "镕石": "县妇联",
                "陈立": "锦澜市教育局",
            }.items()
        ],
        "absent": [{"name": "周松", "reason": "出差"}],
        "recused": [{"name": "石子", "school": "岚溪县城关中心小学"}],
        "departures": [
            {
                "school": "岚溪县青禾中心小学",
                "proposed": "转下一批",
                "reason": "合并办学不满一年，资料不足以判断",
            }
        ],
        "results": [
            *(c | CARRIED for c in CANDIDATES[:-2]),
            CANDIDATES[-2] | CARRIED | {"yes": 5, "no": 3, "outcome": "lost"},
            CANDIDATES[-1]
            | CARRIED
            | {"outcome": "returned", "stage": "现场考察", "reason": "报告缺听课记录"},
        ],
    },
}


@pytest.fixture
def pages(tmp_path):
    """What a reader can copy out of a paper, page by page, without white space."""
    if not shutil.which("pdftotext"):
        pytest.skip("needs pdftotext (poppler-utils)")

    def read(kind, **changed):
        paper = tmp_path / "paper.pdf"
        paper.write_bytes(render(kind, DATA[kind] | changed))
        text = subprocess.check_output(["pdftotext", "-raw", paper, "-"], text=True)
        return [page.replace(" ", "") for page in text.split("\f")[:-1]]

    return read


def one_line(pages):
    return re.sub(r"\s", "", "".join(pages))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_facts_give_the_same_bytes(kind):
    paper = render(kind, DATA[kind])
    assert paper == render(kind, dict(reversed(DATA[kind].items())))
    assert paper.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in paper


@pytest.mark.parametrize("kind", KINDS)
def test_every_school_is_named(kind, pages):
    data = DATA[kind]
    rows = [data, *data.get("schools", []), *data.get("candidates", []), *data.get("results", [])]
    text = one_line(pages(kind))
    assert data["organ"] in text
    assert [row["school"] for row in rows if "school" in row and row["school"] not in text] == []


@pytest.mark.parametrize("character", ["😀", "\u200b", "\u202e", "\0", "\n", "\ue000"])
def test_a_character_without_glyph_is_refused(character):
    with pytest.raises(MissingGlyph) as refused:
        render("certificate", DATA["certificate"] | {"school": f"岚溪县{character}小学"})
    assert refused.value.characters == character


def test_rare_names_and_the_yuan_sign_come_from_the_font_that_has_them(pages):
    fandol = [covered(path) for path in (HERE / "fonts" / "fandol").glob("*.otf")]
    rare = "㐂𠮷镕䶮㛃𬍛𫟼㎡￥·‧•　"
    assert set(rare) <= characters()
    assert not any("￥" in font or "＄" in font for font in fandol)  # trap 31: drawn as "$"
    assert "岚溪县㐂𠮷镕￥小学" in one_line(pages("certificate", school="岚溪县㐂𠮷镕￥小学"))


def test_the_words_of_the_templates_have_glyphs():
    words = "".join(path.read_text() for path in (HERE / "templates").glob("*.typ"))
    assert set(words) - characters() - {"\n"} == set()


def test_data_is_text_and_never_markup(pages):
    name = "#panic()*小学*$x$[a]@b<end>"
    assert name in one_line(pages("certificate", school=name))


def test_a_missing_key_is_named():
    data = {key: value for key, value in DATA["notice"].items() if key != "last_day"}
    with pytest.raises(typst.TypstError, match="last_day"):
        render("notice", data)


def test_a_full_page_of_the_document_has_22_lines_of_28_characters(pages):
    full = pages("document", paragraphs=["教" * 28 * 60])[3].split()
    assert [len(line) for line in full] == [28] * 22 + [3]  # the last is the page number —4—


@pytest.mark.parametrize("schools", [1, 13, 14, 19, 20, 36])
def test_the_imprint_stands_alone_at_the_foot_of_an_even_page(schools, pages):
    names = [{"school": f"岚溪县第{n}小学", "tier": "一星级"} for n in range(schools)]
    sheets = pages("document", schools=names)
    assert len(sheets) % 2 == 0
    assert "印发" in sheets[-1].split()[-1] or "印发" in sheets[-1].split()[-2]


def test_a_certificate_stays_on_one_page(pages):
    longest = pages("certificate", school=LONGEST, former_name="岚溪县𠮷镕小学", reissue=True)
    assert len(longest) == 1
    assert "（补发）" in one_line(longest)


CLAUSE = {"clause": "第九条"}
REASONS = [
    ({"code": "eligibility", "items": ["有1件整改逾期未销号"]}, "不符合以下申报条件：有1件整改逾期未销号。"),
    ({"code": "incomplete", "items": ["课表", "签名页"]}, "材料仍不齐全：课表；签名页。"),
    ({"code": "pass_mark"}, "综合得分72.08分，低于一星级合格线75.00分。"),
    ({"code": "floor"}, "“课程与教学”得14.88分，低于最低线15.00分。"),
    (
        {"code": "veto", "items": [{"text": "违规收费", "title": "处理决定", "number": "岚教督〔2026〕9号"}]},
        "存在一票否决情形：违规收费，见《处理决定》（岚教督〔2026〕9号）。",
    ),
    ({"code": "quota", "places": 10, "rank": 12}, "名额10所，贵校在达到要求的学校中列第12位，未进入名额。"),
    ({"code": "vote", "majority": "三分之二"}, "赞成票未达到三分之二。"),
    ({"code": "objection", "items": ["课表与开课不符"]}, "经调查属实：课表与开课不符。"),
]


@pytest.mark.parametrize(("reason", "says"), REASONS, ids=[reason["code"] for reason, _ in REASONS])
def test_each_reason_has_its_own_words(reason, says, pages):
    assert says in one_line(pages("letter", reasons=[reason | CLAUSE]))


def test_a_letter_names_no_expert(pages):
    assert "专家甲" not in one_line(pages("letter", experts=["专家甲"], sheets=[{"by": "专家甲"}]))


def test_a_kindergarten_reads_its_own_words_and_no_empty_table(pages):
    reason = REASONS[0][0] | CLAUSE
    text = one_line(pages("letter", kindergarten=True, dimensions=[], total=None, reasons=[reason]))
    assert {word for word in ("贵园", "园长可以", "贵校", "计算结果") if word in text} == {"贵园", "园长可以"}


def test_fonts_are_small_and_carry_their_licences():
    fonts = HERE / "fonts"
    assert sum(path.stat().st_size for path in fonts.glob("*/*")) <= 20_000_000
    assert "GNU GENERAL PUBLIC LICENSE" in (fonts / "fandol" / "COPYING").read_text()
    assert "SIL OPEN FONT LICENSE" in (fonts / "lxgw" / "OFL.txt").read_text()
