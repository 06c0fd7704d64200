"""The demo: from nothing to faces, by the same way as any training."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("resvg_py")

from PIL import Image

import phiz
from phiz import avatars
from phiz.errors import PhizError, Stopped
from phiz.verbs import demo as verb
from toyset import SMALL


def test_the_drawn_face_set_has_faces_and_labels(tmp_path):
    faces = verb.draw(tmp_path / "avatars", 24, 32)
    assert len(faces) == 24
    assert faces.schema == avatars.SCHEMA
    assert np.array_equal(faces[5], avatars.draw(5, 32))
    assert faces.labels[5].tolist() == avatars.label_row(5)
    again = verb.draw(tmp_path / "avatars", 24, 32)
    assert again.id == faces.id
    with pytest.raises(PhizError, match="another demo"):
        verb.draw(tmp_path / "avatars", 25, 32)


def test_the_demo_makes_what_it_promises(tmp_path, monkeypatch):
    real = verb.train

    def small(source, out, *, minutes, size, resume, force):
        more = {"batch": 8, "steps": 8, "settings": SMALL["auto"]}
        return real(source, out, size=size, resume=resume, force=force, **more)

    monkeypatch.setattr(verb, "train", small)
    made = phiz.demo(tmp_path / "demo", minutes=0.1, faces=32, size=16)
    for name in ("bundled.png", "faces.png", "walk.webp", "run/film.webp", "run/model/preview.png"):
        with Image.open(tmp_path / "demo" / name) as picture:
            assert picture.width >= 16
    assert len(made.lines) == 3
    config = json.loads((tmp_path / "demo" / "run" / "model" / "config.json").read_text())
    assert (config["learned_from"], config["recipe"]) == ("avatars", "auto")


def test_the_demo_says_how_it_goes_on(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise Stopped("stopped; the same command with --resume goes on.")

    monkeypatch.setattr(verb, "train", stopped)
    (tmp_path / "demo" / ".avatars.partial").mkdir(parents=True)  # of one that was killed while it drew
    with pytest.raises(Stopped, match="the same phiz demo goes on"):
        phiz.demo(tmp_path / "demo", faces=16, size=16)


def test_the_demo_leaves_other_files_alone(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PhizError, match="is a file"):
        phiz.demo(tmp_path / "file", faces=16, size=16)
    (tmp_path / "own").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "own" / "bundled.png")
    before = (tmp_path / "own" / "bundled.png").read_bytes()
    with pytest.raises(PhizError, match="not made by phiz"):
        phiz.demo(tmp_path / "own", faces=16, size=16, force=True)
    assert (tmp_path / "own" / "bundled.png").read_bytes() == before


def test_the_demo_leaves_other_folders_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PhizError, match="is no demo"):
        phiz.demo(tmp_path, faces=16, size=16)
