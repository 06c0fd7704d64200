"""The drawn faces: the same everywhere, labelled as drawn, never blank."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from phiz import avatars

# SHA-256 of the SVG text, its first 16 digits.
# A change here changes everyone's drawn face set: do it knowingly.
GOLDEN = {
    0: "fd0ea32db74f41c0",
    1: "db795eb662894920",
    2: "7d0ccd8e8fc5439d",
    3: "11efc0c33f421f32",
    4: "d8f986dd6e591e88",
    5: "1c8d41bfefea768b",
    6: "fd4a4b9afbbb13bd",
    7: "a056f611640b2c42",
    8: "75277191fd9d65a4",
    12: "de526a31d7682f72",
    29: "54a81863e9e4ca1b",
    1000: "8cababbce4df8476",
    123456789: "fa75bb6e7061789e",
}

FIRST_OF_STYLE = {
    style: next(i for i in range(500) if avatars.labels(i)["style"] == style)
    for style in avatars.SCHEMA["style"]
}


@pytest.mark.parametrize(("index", "digest"), GOLDEN.items())
def test_a_face_is_the_same_text_everywhere(index: int, digest: str) -> None:
    assert hashlib.sha256(avatars.svg(index).encode()).hexdigest()[:16] == digest


def test_asking_twice_gives_the_same_face() -> None:
    assert avatars.svg(7) == avatars.svg(7)
    assert avatars.svg(np.int64(7)) == avatars.svg(7)
    assert avatars.labels(7) == avatars.labels(7)


def test_labels_follow_the_schema() -> None:
    for index in (*range(300), 10**6, 2**53 - 1, 2**64 + 5):
        found = avatars.labels(index)
        assert list(found) == list(avatars.SCHEMA)
        row = avatars.label_row(index)
        assert [values[n] for values, n in zip(avatars.SCHEMA.values(), row, strict=True)] == [
            *found.values()
        ]


def test_every_value_is_common_enough_to_learn() -> None:
    count = 4000
    seen: Counter[tuple[str, str]] = Counter()
    for index in range(count):
        seen.update(avatars.labels(index).items())
        if index == 1999:
            early = set(seen)
    wanted = {(attribute, value) for attribute, values in avatars.SCHEMA.items() for value in values}
    assert early == wanted
    assert {pair: n for pair, n in seen.items() if n < 0.028 * count} == {}


def test_labels_agree_with_each_other() -> None:
    for index in range(1000):
        f = avatars.labels(index)
        if f["style"] in ("anime", "chibi"):
            assert f["beard"] == "none"
        if f["hat"] in ("beanie", "cap", "sunhat"):
            assert f["hair"] not in ("afro", "curly", "quiff", "spiky", "bun", "ponytail")
        if f["hair"] in ("bob", "long", "wavy"):
            assert f["earrings"] == "none"


def test_faces_differ() -> None:
    texts = [avatars.svg(i) for i in range(200)]
    assert len(set(texts)) == len(texts)


def test_the_text_is_sound_svg() -> None:
    for index in range(120):
        text = avatars.svg(index)
        root = ElementTree.fromstring(text)
        ids = {e.get("id") for e in root.iter()} - {None}
        assert set(re.findall(r"url\(#(\w+)\)", text)) <= ids
        assert "nan" not in text
        assert "inf" not in text
        assert "<text" not in text


@pytest.mark.parametrize("style", avatars.SCHEMA["style"])
@pytest.mark.parametrize("size", [32, 64, 256])
def test_pixels(style: str, size: int) -> None:
    pytest.importorskip("resvg_py")
    face = avatars.draw(FIRST_OF_STYLE[style], size)
    assert face.shape == (size, size, 3)
    assert face.dtype == np.uint8
    assert face.std() > 20  # a picture, not a blank sheet
    middle = face[size // 4 : -size // 4, size // 4 : -size // 4].reshape(-1, 3)
    assert len(np.unique(middle // 16, axis=0)) > 15


def test_small_and_large_are_one_picture() -> None:
    pytest.importorskip("resvg_py")
    for index in range(4):
        large = avatars.draw(index, 256).reshape(64, 4, 64, 4, 3).mean((1, 3))
        assert np.abs(large - avatars.draw(index, 64)).mean() < 4


def test_many_faces_draw_and_differ() -> None:
    pytest.importorskip("resvg_py")
    faces = np.stack([avatars.draw(i, 32) for i in range(150)]).astype(float)
    assert faces.reshape(150, -1).std(1).min() > 15
    assert np.abs(faces[1:] - faces[:-1]).mean((1, 2, 3)).min() > 5


@pytest.mark.parametrize("call", [avatars.labels, avatars.label_row, avatars.svg, avatars.draw])
def test_a_negative_index_is_refused(call) -> None:
    with pytest.raises(ValueError, match="0 or more, not -1"):
        call(-1)


def test_a_wrong_kind_of_index_is_refused() -> None:
    with pytest.raises(TypeError, match="whole number, not str"):
        avatars.svg("7")  # type: ignore[arg-type]


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="8 pixels a side or more, not 7"):
        avatars.draw(0, 7)


def test_the_import_is_light() -> None:
    code = "import sys, phiz.avatars; print([m for m in ('torch', 'resvg_py', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
