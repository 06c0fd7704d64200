"""Compiled networks learn what those that are not learn."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("torch")

import torch

import phiz
from phiz.errors import PhizError, UsageError
from phiz.training import gan, plan
from phiz.training.recipe import changed, find
from toyset import SMALL, write_faces

ESTIMATED = {"penalty.kind": "finite-difference"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on CPUs")
def test_compiled_steps_are_those_of_the_networks_as_written(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        losses = {}
        for asked in ("false", "true"):
            small = SMALL["modern"] | ESTIMATED | {"size": "16", "batch": "8", "compile": asked}
            task = gan.GAN(changed(find("modern"), small), faces, torch.device("cpu"))
            steps = plan.staged(task, [2, 10])
            values = [task.step(steps.position(index)) for index in range(6)]
            losses[asked] = [float(value) for step in values for value in step.values()]
            assert not any("_orig_mod" in name for name in task.tensors()["generator"])
    finally:
        torch.set_default_dtype(before)
    assert losses["true"] == pytest.approx(losses["false"], abs=1e-6)


def test_what_cannot_be_compiled_here_is_said(tmp_path, monkeypatch):
    def broken(self, **_):
        self._compiled_call_impl = lambda *_: (_ for _ in ()).throw(RuntimeError("no compiler\nat all"))

    monkeypatch.setattr(torch.nn.Module, "compile", broken)
    settings = SMALL["modern"] | {"batch": "8", "compile": "true"} | ESTIMATED
    faces = write_faces(tmp_path / "faces", 40)
    with pytest.raises(PhizError, match=r"\(no compiler\); leave --set compile=true out"):
        phiz.train(faces.path, tmp_path / "run", steps=2, recipe="modern", settings=settings)


def test_an_exact_penalty_cannot_be_compiled():
    with pytest.raises(UsageError, match="second backward"):
        changed(find("modern"), {"compile": "true", "penalty.kind": "exact"})
