"""Models that come with phiz: a name instead of a path, put together at their first use."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

import phiz
from phiz import bundled
from phiz.errors import PhizError
from phiz.graph import read_graph


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_its_card_names_the_inputs_of_its_graph():
    model = phiz.load("avatars")
    graph = read_graph((model.path / "onnx" / "model.onnx").read_bytes())
    said = (
        (model.path / "README.md")
        .read_text("utf-8")
        .partition("its inputs are")[2]
        .partition("its output")[0]
    )
    assert [name for name in said.split("`")[1::2] if name in graph.inputs] == [
        "latent", "truncation", "fine", "latent", "labels",
    ]  # fmt: skip
    assert set(graph.inputs) == {"latent", "truncation", "fine", "labels"}


def test_avatars_come_with_phiz_and_are_small():
    assert "avatars" in bundled.names()
    place = bundled.HERE / "avatars"
    networks = [place / name for name in (bundled.GENERATOR, bundled.CRITIC, bundled.GRAPH)]
    assert sum(len(zlib.compress(path.read_bytes())) for path in networks) < 6_000_000  # as in a wheel


def test_a_bundled_model_is_a_model_like_any_other(tmp_path):
    model = phiz.load("avatars")
    assert model.path.is_relative_to(tmp_path / "cache")
    assert model.config.size >= 64
    faces = model.sample(4, seed=7, labels={"style": "anime"})
    assert faces.shape == (4, model.config.size, model.config.size, 3)
    assert np.array_equal(faces, phiz.load("avatars").sample(4, seed=7, labels={"style": "anime"}))
    assert np.ptp(faces.astype(int), axis=(1, 2)).min() > 40  # pictures, not planes
    read_graph((model.path / "onnx" / "model.onnx").read_bytes())
    assert (model.path / "preview.png").exists()
    assert model.config.licence == "apache-2.0"


def test_the_onnx_file_is_the_generator():
    pytest.importorskip("torch")
    import torch

    from phiz import latents
    from phiz.model import to_uint8

    model = phiz.load("avatars")
    seeds = range(4)
    codes = torch.from_numpy(latents.latents(seeds, model.config.z))
    with torch.no_grad():
        made = model.module()(codes, torch.from_numpy(model.labels_of(list(seeds))))
    difference = to_uint8(made.numpy(), model.config.output_range).astype(int) - model.sample(4).astype(int)
    assert np.abs(difference).max() <= 1


def test_a_path_of_that_name_comes_first(tmp_path):
    (tmp_path / "avatars").mkdir()
    assert bundled.resolve("avatars") == Path("avatars")
    with pytest.raises(PhizError, match="is no phiz run and no phiz model"):
        phiz.load("avatars")


def test_other_names_are_paths():
    for name in ("avatar", "../avatars", "", ".", "avatars/x"):
        assert bundled.resolve(name) == Path(name)


def test_a_damaged_cache_is_made_anew():
    model = phiz.load("avatars")
    faces = model.sample(1)
    (model.path / "model.safetensors").write_bytes(b"cut short")
    (model.path / "onnx" / "model.onnx").unlink()
    assert np.array_equal(phiz.load("avatars").sample(1), faces)
    assert {path.name for path in model.path.parent.iterdir()} == {model.path.name}


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "file"))
    with pytest.raises(PhizError, match="PHIZ_CACHE"):
        phiz.load("avatars")


def test_emptied_and_filled_again_a_file_is_the_same():
    place = bundled.HERE / "avatars"
    graph = (place / bundled.GRAPH).read_bytes()
    model = phiz.load("avatars")
    whole = bundled.filled(graph, model.weights())
    assert whole == (model.path / "onnx" / "model.onnx").read_bytes()
    assert bundled.bare(whole, model.weights()) == graph
    config = json.loads((place / "config.json").read_text())
    assert config["files"]["onnx/model.onnx"]
