"""`walk` writes films that pass the faces of their seeds and end where they began."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import phiz
import toys
from phiz import latents, marks
from phiz.errors import PhizError, UsageError
from phiz.verbs.walk import walk


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "plain", 32)


def frames(path):
    with Image.open(path) as film:
        pictures, ends, time = [], [], 0
        for i in range(film.n_frames):
            film.seek(i)
            film.load()
            time += film.info["duration"]
            pictures.append(np.asarray(film.convert("L")).astype(int))
            ends.append(time)
        return pictures, ends


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_a_walk_passes_its_faces_and_closes(model, tmp_path, suffix):
    told = []
    out = walk(
        model.path,
        tmp_path / f"walk{suffix}",
        seconds=2,
        fps=20,
        seed=7,
        keys=2,
        scale=1,
        progress=lambda *done: told.append(done),
    )
    pictures, ends = frames(out)
    assert told[-1] == (40, 40)
    assert ends[-1] == 2000
    at_second = next(picture for picture, end in zip(pictures, ends, strict=True) if end > 1000)
    faces = [np.asarray(Image.fromarray(face).convert("L")).astype(int) for face in model.sample(2, seed=7)]
    assert np.abs(pictures[0] - faces[0]).mean() < 8
    assert np.abs(at_second - faces[1]).mean() < 8
    steps = [np.abs(a - b).mean() for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)]
    assert steps[-1] <= max(steps[:-1]), "the end is as near to the start as frames are to each other"
    said = marks.read(out)
    assert said == marks.facts(model.hash, [7], 1.0, phiz="walk", keys=2, frames=40, fps=20)


def test_what_is_not_said_is_sensible(model, tmp_path):
    out = walk(model.path, tmp_path / "walk.webp", fps=5)
    assert marks.read(out)["keys"] == 4
    assert marks.read(out)["frames"] == 30
    with Image.open(out) as film:
        assert film.size == (128, 128)


def test_labels_stay(tmp_path):
    model = toys.model(tmp_path / "m", labelled=True)
    out = walk(model.path, tmp_path / "walk.webp", seconds=1, fps=6, keys=2, labels={"hair": "red"})
    assert marks.read(out)["labels"] == {"hair": "red"}
    with pytest.raises(UsageError, match="no label"):
        walk(model.path, tmp_path / "walk.webp", labels={"nose": "long"})


def test_colours_stay_while_shapes_change(model, tmp_path):
    out = walk("avatars", tmp_path / "walk.webp", seconds=1, fps=6, keys=2, seed=2, fine=14, scale=1)
    pictures, _ = frames(out)
    avatars = phiz.load("avatars")
    labels = avatars.labels_of([2]).repeat(2, axis=0)
    own, other = latents.latents([2, 3], 64), latents.latents([14, 14], 64)
    for picture, face in zip(pictures[::3], avatars.run(own, 1.0, labels, other), strict=True):
        assert np.abs(picture - np.asarray(Image.fromarray(face).convert("L")).astype(int)).mean() < 8
    assert marks.read(out)["fine"] == 14
    with pytest.raises(UsageError, match="its network is not modern"):
        walk(model.path, tmp_path / "b.webp", fine=3)
    with pytest.raises(UsageError, match="A seed is a whole number"):
        walk("avatars", tmp_path / "b.webp", fine=-3)


def test_mp4(model, tmp_path):
    pytest.importorskip("av")
    out = walk(model.path, tmp_path / "walk.mp4", seconds=1, fps=12, truncation=0.7)
    assert marks.read(out)["truncation"] == 0.7


@pytest.mark.parametrize(
    ("out", "given", "message"),
    [
        ("a.png", {}, r"\.gif, \.webp, \.mp4"),
        ("a", {}, r"\.gif, \.webp, \.mp4"),
        ("a.gif", {"fps": 60}, "at most 50"),
        ("a.webp", {"seconds": 0}, "frames"),
        ("a.webp", {"seconds": -1}, "frames"),
        ("a.webp", {"seconds": 1e6}, "frames"),
        ("a.webp", {"seconds": float("nan")}, "frames"),
        ("a.webp", {"keys": 1}, "at least 2"),
        ("a.webp", {"seconds": 0.1, "keys": 9}, "at least 9 frames"),
        ("a.webp", {"seed": 2**53 - 1}, "last seed"),
        ("a.webp", {"truncation": -0.5}, "Truncation"),
        ("a.webp", {"scale": 99}, "scale"),
        ("a.webp", {"seconds": 1000, "scale": 16}, r"too many for a \.webp"),
        ("a.gif", {"seconds": 1000, "scale": 16}, r"an \.mp4"),
    ],
)
def test_walks_that_cannot_be(model, tmp_path, out, given, message):
    with pytest.raises(UsageError, match=message):
        walk(model.path, tmp_path / out, **given)
    assert not list(tmp_path.iterdir())


def test_nothing_of_others_is_replaced(model, tmp_path):
    own = tmp_path / "own.webp"
    own.write_bytes(b"mine")
    with pytest.raises(PhizError, match="--force"):
        walk(model.path, own, seconds=0.5, fps=8)
    walk(model.path, own, seconds=0.5, fps=8, force=True)
    walk(model.path, own, seconds=0.5, fps=8, seed=3)
    assert marks.read(own)["seed"] == 3
