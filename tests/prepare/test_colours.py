"""The colour of hair: named where it is clear, and kept as a label beside what a table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phiz.prepare.colours import hair_of, lab
from phiz.verbs.prepare import prepare

CLEAR = {"blue": (110, 165, 215), "pink": (240, 150, 180), "black": (66, 60, 68), "red": (200, 80, 90)}


def face(colour: tuple[int, int, int], size: int = 64, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), (250, 224, 205), np.uint8)
    pixels[: size // 3] = colour
    noise = (
        rng.integers(-12, 12, (12, 12, 1)).repeat(-(-size // 12), 0).repeat(-(-size // 12), 1)[:size, :size]
    )
    return (pixels + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", CLEAR)
@pytest.mark.parametrize("size", [16, 64, 128])
def test_clear_colours_are_named(name: str, size: int) -> None:
    assert hair_of(face(CLEAR[name], size)) == name


def test_what_lies_between_is_not_named() -> None:
    assert hair_of(face((150, 150, 120))) == ""


def test_lab_of_known_colours() -> None:
    known = {(255, 255, 255): (100, 0, 0), (255, 0, 0): (53.2, 80.1, 67.2), (0, 0, 255): (32.3, 79.2, -107.9)}
    found = lab(np.array(list(known), np.uint8))
    assert np.allclose(found, list(known.values()), atol=0.2)


def test_measured_labels_fill_what_a_table_leaves_open(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    names = list(CLEAR)
    for index in range(24):
        Image.fromarray(face(CLEAR[names[index % 4]], seed=index)).save(tmp_path / "p" / f"{index:02}.png")
    table = "".join(f"{index:02}.png,green\n" for index in range(12))
    (tmp_path / "l.csv").write_text("file,hair\n" + table + "12.png,grey\n", "utf-8")
    measured = prepare(tmp_path / "p", tmp_path / "one", size=48, labels="colours", warn=lambda line: None)
    assert measured.schema == {"hair": ["black", "blue", "pink", "red"]}
    assert measured.frequencies() == {"hair": [6, 6, 6, 6]}
    both = prepare(
        tmp_path / "p", tmp_path / "two", size=48, labels=f"{tmp_path / 'l.csv'}+colours", warn=lambda x: None
    )
    assert both.schema["hair"] == ["green", "grey", "black", "blue", "pink", "red"]
    assert [row["labels"]["hair"] for row in both.faces()][10:16] == [
        "green",
        "green",
        "grey",
        "pink",
        "black",
        "red",
    ]
    Image.fromarray(face((70, 180, 90), seed=99)).save(tmp_path / "p" / "99.png")
    more = prepare(tmp_path / "p", tmp_path / "one", size=48, labels="colours", warn=lambda line: None)
    assert [row["labels"] for row in more.faces()][:24] == [row["labels"] for row in measured.faces()]
    assert len(more) == 25


def test_colours_that_are_clear_in_no_picture_make_no_label(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    said: list[str] = []
    for index in range(20):
        Image.fromarray(face((150, 150, 120), seed=index)).save(tmp_path / "p" / f"{index:02}.png")
    made = prepare(tmp_path / "p", tmp_path / "one", size=48, labels="colours", warn=said.append)
    assert made.schema == {}
    assert made.labels.shape == (20, 0)
    assert any("clear in none" in line for line in said)
