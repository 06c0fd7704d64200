"""What shows no face is told from faces by the set itself, and the second look is used where it can be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from phiz.prepare import alike
from phiz.prepare.doubts import trusted
from phiz.prepare.keeping import Row, decide
from phiz.prepare.screens import verdict
from phiz.prepare.trial import drawn_face


def faces(count: int) -> np.ndarray:
    """Return drawn faces, each a little moved, turned and tinted, as they are compared."""
    rng = np.random.default_rng(0)
    base = drawn_face().crop((70, 60, 250, 240))
    found = []
    for _ in range(count):
        turned = base.rotate(
            rng.uniform(-12, 12), Image.Resampling.BILINEAR, translate=rng.integers(-9, 9, 2).tolist()
        )
        pixels = np.asarray(turned.resize((48, 48))).astype(float) * rng.uniform(0.6, 1.2, 3)
        found.append(alike.small(pixels.clip(0, 255).astype(np.uint8)))
    return np.stack(found)


def test_other_things_are_less_alike_than_every_face() -> None:
    own = faces(400)
    rng = np.random.default_rng(1)
    others = np.stack(
        [
            alike.small(
                np.asarray(Image.fromarray(rng.integers(0, 256, (k, k, 3)).astype(np.uint8)).resize((48, 48)))
            )
            for k in (3, 4, 6, 9, 12)
        ]
        + [np.rot90(own[0], 2)]
    )
    learned = alike.learn(own)
    assert alike.judge(others, learned).max() < np.percentile(alike.judge(own, learned), 1)


def test_judging_in_parts_is_judging_at_once() -> None:
    own = faces(300)
    learned = alike.learn(own)
    parts = np.concatenate([alike.judge(own[i : i + 77], learned, i) for i in range(0, 300, 77)])
    assert np.array_equal(parts, alike.judge(own, learned))


def test_a_second_look_counts_where_typical_faces_are_seen() -> None:
    rows = [Row(f"{i}.png", None, [0, 0, 9, 9], figures={"hash": "0" * 64}, place=i) for i in range(300)]
    own = faces(300)
    own[5] = np.rot90(own[5], 2)
    own[6] = np.rot90(own[6], 2)
    limits = {"seen": 0.3, "alike": -2.6}

    def pixels(row: Row) -> np.ndarray:
        return np.repeat(own[row.place][..., None], 3, axis=2)

    def sees(face: np.ndarray) -> float:
        return 0.0 if np.array_equal(face[..., 0], own[5]) else 0.9

    found = decide(lambda: rows, limits, pixels, lambda: sees)
    assert found.kept.sum() == 299
    assert found.reasons[5].startswith("no face is seen in it")
    blind = decide(lambda: rows, limits, pixels, lambda: lambda face: 0.0)
    assert all("seen" not in figures for figures in blind.figures.values())
    assert not blind.kept[[5, 6]].any()


def test_few_faces_are_not_judged() -> None:
    rows = [Row(f"{i}", None, [0, 0, 9, 9], figures={"hash": "0" * 64}, place=i) for i in range(40)]
    found = decide(lambda: rows, {"alike": 9.0}, lambda row: np.zeros((9, 9, 3), np.uint8), lambda: None)
    assert found.kept.all()


def test_trust_and_verdicts() -> None:
    face = np.zeros((8, 8, 3), np.uint8)
    assert trusted([face] * 10, lambda face: 0.8)
    assert not trusted([face] * 10, lambda face: 0.1)
    assert not trusted([], lambda face: 0.8)
    limits = {"seen": 0.3, "alike": -2.6}
    assert verdict({"alike": -5.0, "seen": 0.9}, limits) is None
    assert verdict({"alike": -5.0}, limits) == "unlike the other faces: -5, and -2.6 is the least"
    assert verdict({}, limits) is None


@pytest.mark.parametrize("count", [2, 31])
def test_flat_faces_are_no_fault(count: int) -> None:
    flat = np.full((count, 32, 32), 7, np.uint8)
    assert np.isfinite(alike.judge(flat, alike.learn(flat))).all()
