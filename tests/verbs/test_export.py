"""`phiz export`: a model folder with ONNX in three forms, that loads and shows what was taken from it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import phiz
import phiz.publish.forms
import toys
from phiz.errors import PhizError
from phiz.onnx import Engine
from phiz.verbs.export import FILES


def test_an_export_is_a_model_with_three_forms(tmp_path):
    model = toys.model(tmp_path / "model", labelled=True, author="Ada", licence="mit")
    done = phiz.export(model.path, tmp_path / "out")
    assert np.array_equal(phiz.load(tmp_path / "out").sample(3, seed=7), model.sample(3, seed=7))
    for name in FILES.values():
        data = (tmp_path / "out" / name).read_bytes()
        assert done.model.config.files[name] == hashlib.sha256(data).hexdigest()
        assert Engine(data).attributes == 2
    for name in ("README.md", "preview.png", "model.safetensors"):
        assert (tmp_path / "out" / name).read_bytes() == (model.path / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "out" / "onnx").iterdir()) == sorted(
        name.partition("/")[2] for name in FILES.values()
    )


def test_an_export_replaces_a_model_only_by_force(tmp_path):
    model = toys.model(tmp_path / "model")
    phiz.export(model.path, tmp_path / "out")
    with pytest.raises(PhizError, match="--force"):
        phiz.export(model.path, tmp_path / "out")
    phiz.export(model.path, tmp_path / "out", force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(PhizError, match="is not a phiz model"):
        phiz.export(model.path, tmp_path / "mine", force=True)


def test_a_broken_model_is_refused_and_leaves_nothing(tmp_path):
    model = toys.model(tmp_path / "model")
    (model.path / "onnx/model.onnx").write_bytes(b"short")
    with pytest.raises(PhizError, match="SHA-256 differs"):
        phiz.export(model.path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_form_that_differs_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(phiz.publish.forms.ALLOWED, "int8", 0.0)
    model = toys.model(tmp_path / "model")
    done = phiz.export(model.path, tmp_path / "out")
    assert not (tmp_path / "out" / FILES["int8"]).exists()
    assert any("left out" in line and "int8" in line for line in done.lines)
