"""The report: whole, self-contained, honest about differences, and safe to fill with other people's names."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phiz import marks
from phiz.errors import UsageError
from phiz.evaluation import charts, words
from phiz.evaluation.figures import Evaluation, Figure
from phiz.evaluation.report import Faces, Neighbour, Side, page
from phiz.markup import tag

SIZE = 8
HOSTILE = "\"><script>alert('x')</script><img src=https://example.org/x onerror=alert(1)> & </style> ]]> ü"
_VOID = {"br", "hr", "img", "link", "meta", "source"}


class Reader(HTMLParser):
    """Reads a page strictly: every tag that opens must close, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        assert len({key for key, _ in attributes}) == len(attributes)
        self.tags.append((name, dict(attributes)))
        if name not in _VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag_, attributes in self.tags if tag_ == name]


def faces(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, SIZE, SIZE, 3), np.uint8)


def film(kind: str = "WEBP") -> bytes:
    frames = [Image.fromarray(face) for face in faces(3)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=40, loop=0)
    return file.getvalue()


FIGURES = [
    Figure(
        "relative Frechet distance", 0.334, "lower", "5,000 against 5,000; net ab12", (0.321, 0.35), 0.011
    ),
    Figure("KID", 0.0123, "lower", "cubic kernel, 100 subsets of 1,000", (0.0119, 0.0128), -0.00002),
    Figure("precision", 0.62, "higher", "k = 5", (0.60, 0.64), 0.81),
    Figure("recall", 0.12, "higher", "k = 5", (0.11, 0.13), 0.80),
]


def evaluation(**changes) -> Evaluation:
    whole = Evaluation(
        model={"name": "first", "hash": "0123456789abcdef", "recipe": "quick", "steps": 2070, "size": SIZE},
        against={"name": "drawn", "id": "f" * 64, "count": 12000, "split": "3,000 held out"},
        extractor={"name": "net", "sha256": "ab" * 32, "size": 227, "resize": "bicubic", "dimensions": 512},
        samples=5000,
        seed=1000,
        truncation=0.7,
        figures=list(FIGURES),
        copying={"verdict": "no sign of copying", "share": 0.011, "by_face": [1, 2, 3]},
        notes=["Few faces make recall small."],
        course=[{"step": step, "relative Frechet distance": 1 / step} for step in (100, 200, 300)],
    )
    return replace(whole, **changes)


def side(**changes) -> Side:
    whole = Side(
        evaluation=evaluation(),
        sheet=Faces(faces(64), range(64)),
        typical=Faces(faces(4, 1), [7, 8, 9, 10], [1.4, 1.3, 1.2, 1.1]),
        untypical=Faces(faces(4, 2), [17, 18, 19, 20], [0.5, 0.4, 0.3, 0.2]),
        neighbours=[
            Neighbour(faces(1, 3)[0], 31, faces(3, 4), 0.21, True, [1.0, 2.0, 3.0]),
            Neighbour(faces(1, 5)[0], 32, faces(3, 6), 0.93, False),
        ],
        walk=film(),
        real=faces(64, 9),
        command="phiz evaluate runs/first --against faces/drawn",
    )
    return replace(whole, **changes)


def pictures(reader: Reader) -> list[Image.Image]:
    sources = [str(image["src"]) for image in reader.all("img")]
    return [Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))) for source in sources]


def test_every_figure_stands_with_its_convention_interval_and_floor():
    reader = Reader(page([side()]))
    for figure in FIGURES:
        assert figure.name in reader.text
        assert figure.convention in reader.text
        assert all(part in reader.text for part in words.of_figure(figure) if part)
    assert "0.321 to 0.350" in reader.text


def test_says_what_was_measured_and_how_to_do_it_again():
    text = Reader(page([side()])).text
    for said in ("synthetic", "0123456789abcdef", "quick", "2,070 steps", "8 × 8 px", "ab" * 32, "f" * 64):
        assert said in text
    for said in (
        "5,000, seeds 1000 to 5999",
        "0.7",
        "bicubic",
        "3,000 held out",
        "12,000",
        "No sign of copying.",
    ):
        assert said in text
    assert "phiz evaluate runs/first --against faces/drawn" in text
    assert "Few faces make recall small." in text
    assert "by_face" not in text


def test_asks_for_nothing_from_outside():
    text = page([side(), side()])
    reader = Reader(text)
    assert not reader.all("script")
    assert not reader.all("link")
    assert not reader.all("iframe")
    for _, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset", "href", "data", "action"):
            if name in attributes:
                assert str(attributes[name]).startswith(("data:image/", "#"))
    assert "url(" not in text
    assert "@import" not in text
    assert "http:" not in text
    assert "https:" not in text
    policy = next(meta for meta in reader.all("meta") if meta.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])


def test_faces_are_whole_factors_of_themselves_and_exact():
    reader = Reader(page([side()]))
    shown = pictures(reader)
    assert len(shown) == 64 + 64 + 8 + 2 + 6 + 1
    for attributes, picture in zip(reader.all("img"), shown, strict=True):
        assert int(str(attributes["width"])) % picture.width == 0
    np.testing.assert_array_equal(np.asarray(shown[5].convert("RGB")), faces(64)[5])


def test_a_face_saved_from_the_page_knows_its_seed(tmp_path):
    source = str(Reader(page([side()])).all("img")[5]["src"])
    (tmp_path / "face.webp").write_bytes(base64.b64decode(source.split(",", 1)[1]))
    said = marks.read(tmp_path / "face.webp")
    assert said is not None
    assert (said["model"], marks.seeds_of(said), said["truncation"]) == ("0123456789abcdef", [5], 0.7)


def test_real_faces_do_not_call_themselves_made(tmp_path):
    source = str(Reader(page([side()])).all("img")[64]["src"])
    (tmp_path / "face.webp").write_bytes(base64.b64decode(source.split(",", 1)[1]))
    assert marks.read(tmp_path / "face.webp") is None


def test_pictures_are_told_to_those_who_do_not_see_them():
    reader = Reader(page([side()]))
    sheets = [attributes["aria-label"] for attributes in reader.all("div") if attributes.get("role") == "img"]
    assert "64 synthetic faces, seeds 0 to 63, uncurated" in sheets
    alts = [attributes["alt"] for attributes in reader.all("img")]
    assert "Synthetic face of seed 31" in alts
    assert None not in alts
    curve = next(svg for svg in reader.all("svg") if svg.get("role") == "img")
    known = {attributes.get("id") for _, attributes in reader.tags}
    assert set(str(curve["aria-labelledby"]).split()) <= known
    assert "lowest 0.00333 at step 300" in reader.text


def test_flagged_neighbours_are_marked():
    text = Reader(page([side()])).text
    assert "seed 31 ratio 0.21 too close" in text
    assert "seed 32 ratio 0.93 not too close" in text


def test_hostile_names_are_text():
    bad = evaluation(
        model={"name": HOSTILE, "hash": HOSTILE, "recipe": HOSTILE, "steps": 1, "learned_from": HOSTILE},
        against={HOSTILE: HOSTILE, "id": HOSTILE},
        extractor={"name": HOSTILE, "sha256": HOSTILE},
        figures=[Figure(HOSTILE, 0.5, "lower", HOSTILE, (0.4, 0.6), 0.1)],
        copying={"verdict": HOSTILE, HOSTILE: HOSTILE},
        notes=[HOSTILE],
        course=[{"step": 1, HOSTILE: 2.0}, {"step": 2, HOSTILE: 1.0}],
    )
    for sides in ([side(evaluation=bad, command=HOSTILE)], [side(evaluation=bad, name=HOSTILE), side()]):
        text = page(sides, title=HOSTILE)
        reader = Reader(text)
        assert not reader.all("script")
        assert all(str(image["src"]).startswith("data:") for image in reader.all("img"))
        assert not any("onerror" in attributes for _, attributes in reader.tags)
        assert reader.text.count("<script>alert('x')</script>") >= 10


def test_two_sides_stand_in_one_table_and_only_clear_differences_count():
    better = [FIGURES[0], replace(FIGURES[2], value=0.70, interval=(0.68, 0.72)), FIGURES[3]]
    other = [*better[:1], FIGURES[2], replace(FIGURES[3], value=0.125, interval=(0.115, 0.135))]
    first, second = evaluation(figures=better), evaluation(figures=other)
    reader = Reader(page([side(evaluation=first, name="old"), side(evaluation=second, name="new")]))
    assert len(reader.all("table")) == 1
    assert reader.text.count("old is better") == 1
    assert "new is better" not in reader.text
    assert reader.text.count("No difference to be seen") == 2
    assert sum("badge" in str(span.get("class")) for span in reader.all("span")) == 1


def test_figures_measured_differently_are_not_compared():
    far = [replace(figure, value=9, interval=(8, 10), convention="k = 3") for figure in FIGURES]
    text = Reader(page([side(), side(evaluation=evaluation(figures=far))])).text
    assert "Measured differently" in text
    assert "is better:" not in text


def test_a_figure_of_one_side_only_is_said_to_be():
    text = Reader(page([side(name="old"), side(evaluation=evaluation(figures=FIGURES[:2]), name="new")])).text
    assert "Measured only of old." in text
    assert "not measured" in text


def test_two_models_of_one_name_are_told_apart():
    other = evaluation(model={"name": "first", "hash": "fedcba9876543210"})
    text = Reader(page([side(), side(evaluation=other)])).text
    assert "first (01234567)" in text
    assert "first (fedcba98)" in text
    text = Reader(page([side(), side()])).text
    assert "first (first)" in text
    assert "first (second)" in text


def test_the_same_real_faces_are_shown_once():
    one, both = Reader(page([side()])), Reader(page([side(), side()]))
    other = evaluation(against={"name": "others", "id": "e" * 64})
    apart = Reader(page([side(), side(evaluation=other)]))
    assert len(both.all("img")) == 2 * len(one.all("img")) - 64
    assert len(apart.all("img")) == 2 * len(one.all("img"))


@pytest.mark.parametrize("count", [1, 2])
def test_missing_parts_leave_a_sentence_or_nothing(count):
    bare = Side(evaluation(figures=[], copying=None, notes=[], course=[]), Faces(faces(4), [3, 9, 1, 2]))
    reader = Reader(page([bare] * count))
    for said in (
        "could not be checked",
        "Nothing was measured during the training",
        "no real faces",
        "Too little was measured",
        "4 seeds from 3 to 2",
    ):
        assert said in reader.text
    for unsaid in ("A walk", "typical", "Notes", "To measure it again"):
        assert unsaid not in reader.text


def test_one_side_may_lack_what_the_other_has():
    bare = Side(evaluation(copying=None, notes=[], course=[]), Faces(faces(4), range(4)), name="bare")
    text = Reader(page([bare, side(name="full")])).text
    assert "No walk was made." in text
    assert "could not be checked" in text
    assert "lowest" in text


def test_walks_are_gif_or_webp_and_keep_still_for_those_who_ask():
    for kind in ("GIF", "WEBP"):
        reader = Reader(page([side(walk=film(kind))]))
        assert sum(str(i["src"]).startswith(f"data:image/{kind.lower()}") for i in reader.all("img")) >= 1
        assert "reduced-motion" in str(reader.all("source")[0]["media"])
    with pytest.raises(UsageError, match=r"\.gif or \.webp"):
        page([side(walk=b"not a film")])


def test_refuses_no_side_and_three():
    for sides in ([], [side()] * 3):
        with pytest.raises(UsageError, match="one model or two"):
            page(sides)


def test_a_page_of_64_px_faces_stays_under_3_mb():
    """Smooth faces with a little noise, about as hard to pack as real ones."""
    ramp = np.linspace(0, 200, 64)
    draws = np.random.default_rng(0)

    def some(n: int) -> np.ndarray:
        base = ramp[None, :, None, None] * draws.random((n, 1, 64, 3)) + draws.normal(20, 6, (n, 64, 64, 3))
        return np.clip(base, 0, 255).astype(np.uint8)

    rows = [Neighbour(some(1)[0], i, some(5), 0.9, False) for i in range(6)]
    extra = {"typical": Faces(some(16), range(16)), "untypical": Faces(some(16), range(16))}
    full = side(sheet=Faces(some(64), range(64)), real=some(64), neighbours=rows, **extra)
    assert len(page([full])) < 3e6
    assert len(page([full, full])) < 3e6


def test_the_paragraph_weighs_figures_against_real_faces():
    said = " ".join(words.meaning(evaluation()))
    assert "62% of its faces" in said
    assert "81% of other real faces" in said
    assert "most hold up" in said
    assert "small part of the variety" in said
    assert "30 times nearer" in said
    level = [replace(f, value=f.floor or 0, interval=None) for f in FIGURES]
    said = " ".join(words.meaning(evaluation(figures=level)))
    assert "about as well as real faces" in said
    assert "as many kinds" in said
    assert "no nearer" in said


def test_an_interval_that_reaches_real_faces_counts_as_reaching_them():
    close = [replace(FIGURES[2], value=0.76, interval=(0.70, 0.82))]
    assert "about as well" in " ".join(words.meaning(evaluation(figures=close)))


def test_figures_that_are_no_numbers_do_not_break_the_page():
    odd = [
        Figure("precision", float("nan"), "higher", "k"),
        Figure("KID", float("inf"), "lower", "k", (0, 1), 0),
    ]
    rows = [{"step": 1, "KID": float("nan")}, {"step": 2, "KID": 1.0}]
    text = Reader(page([side(evaluation=evaluation(figures=odd, course=rows))])).text
    assert "not a number" in text
    assert "∞" in text


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Figure("a", 0.33412, "lower", "", (0.3212, 0.3502), 0.0113), ("0.334", "0.321 to 0.350", "0.0113")),
        (Figure("a", 1234.5, "lower", "", (1200.0, 1270.0), 6.21), ("1,234", "1,200 to 1,270", "6.2")),
        (Figure("a", -0.00001, "lower", "", (-0.001, 0.001)), ("0.0000", "−0.0010 to 0.0010", None)),
        (Figure("a", 0.5, "higher", ""), ("0.500", None, None)),
        (Figure("a", 0.0, "lower", "", (0.0, 0.0), 0.0), ("0.000", "0.000 to 0.000", "0.000")),
    ],
)
def test_figures_have_the_digits_they_are_sure_of(figure, said):
    assert words.of_figure(figure) == said


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_ticks_are_even_and_hold_what_is_drawn(low, width):
    if low + width <= low:
        return
    steps = charts.ticks(low, low + width, 4)
    slack = 1e-6 * max(1.0, abs(low), width)
    assert steps[0] <= low + slack
    assert steps[-1] >= low + width - slack
    assert 2 <= len(steps) <= 8


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=2, max_size=20))
def test_curves_stay_within_their_frame(points):
    drawn = str(charts.curve("x", [charts.Line("a", sorted(points))], "lower"))
    places = re.search(r'points="([^"]*)"', drawn)
    assert places is not None
    for place in places[1].split():
        x, y = map(float, place.split(","))
        assert 0 <= x <= 360
        assert 0 <= y <= 230


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(printable, printable)
def test_text_in_tags_comes_back_as_it_was(text, value):
    reader = Reader(tag("p", text, tag("b", "x"), title=value))
    assert reader.tags == [("p", {"title": value}), ("b", {})]
    assert "".join(reader.words) == f"{text}x"
