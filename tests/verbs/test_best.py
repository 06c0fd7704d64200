"""`phiz generate --best`: realistic faces, unlike each other, judged by real ones."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import phiz
import toys
from phiz import marks
from phiz.errors import PhizError, UsageError
from toyset import write_faces


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))


def test_the_best_of_many_are_among_them_and_the_sheet_says_so(tmp_path):
    faces = write_faces(tmp_path / "faces", 80)
    model = toys.model(tmp_path / "model")
    out = tmp_path / "best.png"
    phiz.generate(model.path, out, best=6, of=40, seed=100, against=faces.path)
    said = marks.read(out)
    assert said["best_of"] == 40
    seeds = marks.seeds_of(said)
    assert len(set(seeds)) == 6
    assert all(100 <= seed < 140 for seed in seeds)
    phiz.generate(model.path, tmp_path / "again.png", best=6, of=40, seed=100, against=faces.path)
    assert marks.seeds_of(marks.read(tmp_path / "again.png")) == seeds
    phiz.generate(model.path, tmp_path / "like.png", like=out)
    assert marks.seeds_of(marks.read(tmp_path / "like.png")) == seeds


def test_a_grid_says_how_many(tmp_path):
    faces = write_faces(tmp_path / "faces", 80)
    model = toys.model(tmp_path / "model")
    phiz.generate(model.path, tmp_path / "best.png", of=20, grid="2x3", against=faces.path)
    assert len(marks.seeds_of(marks.read(tmp_path / "best.png"))) == 6


def test_refusals(tmp_path):
    faces = write_faces(tmp_path / "faces", 80)
    model = toys.model(tmp_path / "model")
    with pytest.raises(PhizError, match="--against FACESET"):
        phiz.generate(model.path, tmp_path / "a.png", best=4)
    with pytest.raises(UsageError, match="--best 9 --of 4"):
        phiz.generate(model.path, tmp_path / "a.png", best=9, of=4, against=faces.path)
    with pytest.raises(UsageError, match="leave -n"):
        phiz.generate(model.path, tmp_path / "a.png", best=4, n=4, against=faces.path)
    assert not (tmp_path / "a.png").exists()
