"""What a calibration tries, finds and leaves as it was."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

import torch

import phiz
from phiz.training import calibration, plan
from phiz.training.recipe import changed, find
from toyset import SMALL, write_faces

CPU = torch.device("cpu")


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def small(precision: str):
    return changed(find("auto"), SMALL["auto"] | {"size": "16", "batch": "8", "precision": precision})


@pytest.mark.usefixtures("four_threads")
def test_the_quickest_way_is_taken_if_it_is_clearly_quicker(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    rates = {("bfloat16", 4): 1.0, ("bfloat16", 2): 1.2, ("float32", 4): 1.21, ("float32", 2): 0.5}
    monkeypatch.setattr(calibration, "resolve", lambda asked, _: "bfloat16" if asked == "auto" else asked)
    monkeypatch.setattr(plan, "rate", lambda task, *_: rates[task.recipe.precision, torch.get_num_threads()])
    found = calibration.calibrate(small("auto"), faces, CPU, 0.1)
    assert (found.precision, found.threads, found.rate) == ("bfloat16", 2, 1.2)
    assert list(found.tried.values()) == [1.0, 1.2, 1.21, 0.5]
    assert torch.get_num_threads() == 2


def test_a_precision_that_was_asked_for_is_not_questioned(tmp_path):
    found = calibration.calibrate(small("float32"), write_faces(tmp_path / "faces"), CPU, 0.01)
    assert found.precision == "float32"
    assert all("float32" in way for way in found.tried)
    assert found.rate > 0


def test_what_was_found_stands_in_the_run(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    monkeypatch.setattr("phiz.verbs.automatic._LONG_ENOUGH", 0.0)
    settings = SMALL["auto"] | {"batch": "8"}
    phiz.train(faces.path, tmp_path / "run", minutes=0.02, settings=settings, evaluate_every=0)
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert written["calibration"]
    assert written["recipe"]["precision"] in ("float32", "bfloat16")
    assert written["threads"] == torch.get_num_threads()


def test_counted_steps_are_not_measured(tmp_path):
    faces = write_faces(tmp_path / "faces")
    phiz.train(faces.path, tmp_path / "run", steps=3, settings=SMALL["auto"] | {"batch": "8"})
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["calibration"] == {}


@pytest.mark.usefixtures("four_threads")
def test_short_trainings_keep_their_threads(tmp_path):
    found = calibration.calibrate(small("auto"), write_faces(tmp_path / "faces"), CPU, 0.01, several=False)
    assert (found.threads, len(found.tried)) == (None, 1)
    assert torch.get_num_threads() == 4
