"""The report of a face set: whole, safe, and true to the manifest."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phiz.faceset import FaceSet
from phiz.prepare import report
from phiz.prepare.survey import survey
from phiz.verbs.prepare import prepare

VOID = {"meta", "img", "link", "br"}


class Checker(HTMLParser):
    """Checks that tags balance, and gathers what asks for something from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag == "img"
        for name, value in attrs:
            if name in ("src", "href", "srcset") and not (value or "").startswith(("data:", "#")):
                self.outside.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def made(tmp_path: Path) -> FaceSet:
    rng = np.random.default_rng(0)
    for index in range(60):
        place = tmp_path / "p" / ("<b>bold", "図")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8))
        small.resize((72, 72) if index % 10 else (20, 20)).save(place / f"{index}<script>.png")
    (tmp_path / "p" / "図" / "broken&.png").write_bytes(b"<html>")
    return prepare(
        tmp_path / "p", tmp_path / "set", size=48, labels="folders", quality="normal", warn=lambda line: None
    )


def test_it_is_one_whole_page_that_asks_for_nothing(made: FaceSet) -> None:
    text = (made.path / "report.html").read_text("utf-8")
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.outside == []
    assert "default-src &#x27;none&#x27;" in text
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "&lt;b&gt;bold" in text
    assert "図" in text
    assert "a web page, not a picture" in text
    assert checker.images > 60  # kept ones, refused ones, and those of the label grids


def test_its_counts_are_those_of_the_manifest(made: FaceSet) -> None:
    found = survey(made)
    assert (found.rows, found.pictures, found.kept_count, found.unusable) == (61, 61, 54, 1)
    assert found.refused == [("too small", 6)]
    assert len(found.samples["too small"]) == 6
    assert {face.number for face in found.kept} == {row["id"] for row in made.faces()}
    assert "of 54" not in report.page(made, "set", lambda number: None)


def test_faces_that_are_not_at_hand_are_named_all_the_same(made: FaceSet) -> None:
    text = report.page(made, "set", lambda number: None)
    assert text.count("not at hand") == 6
    for row in made.rows():
        if row["status"] == "rejected" and row["box"]:
            assert re.search(rf"<small>{row['id']}</small>", text)


def test_a_large_set_shows_some_and_stays_small(tmp_path: Path) -> None:
    from toyset import write_faces

    faces = write_faces(tmp_path / "many", count=700, size=32)
    text = report.page(faces, "many", lambda number: None)
    assert "96 of 700" in text
    assert text == report.page(faces, "many", lambda number: None)
    assert len(text) < 1_000_000
