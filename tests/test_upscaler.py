"""Upscalers as folders: saved, loaded, blended, carried, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import toys
from phiz import model as models
from phiz import upscaler
from phiz.errors import PhizError, UsageError


@pytest.fixture
def up(tmp_path):
    return toys.upscaler(tmp_path / "up")


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_what_is_saved_is_loaded(up):
    again = upscaler.load(up.path)
    assert (again.hash, again.config) == (up.hash, up.config)
    assert again.enlarge(picture()).shape == (80, 120, 3)
    assert json.loads((up.path / "config.json").read_text())["kind"] == "upscaler"


def test_its_ends_are_those_of_torch(up):
    values = torch.from_numpy(picture()).permute(2, 0, 1)[None] / 255.0
    for end, sharpness in (("smooth", 0.0), ("sharp", 1.0)):
        with torch.no_grad():
            expected = up.module(end)(values)[0].permute(1, 2, 0).numpy() * 255
        made = up.enlarge(picture(), sharpness)
        assert np.abs(made - np.clip(expected, 0, 255)).max() < 0.6


def test_between_the_ends_lie_their_weights(up):
    smooth, sharp = up.module("smooth"), up.module("sharp")
    with torch.no_grad():
        for there, here in zip(smooth.parameters(), sharp.parameters(), strict=True):
            here.lerp_(there, 0.7)
        values = torch.from_numpy(picture()).permute(2, 0, 1)[None] / 255.0
        expected = sharp(values)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(up.enlarge(picture(), 0.3) - np.clip(expected, 0, 255)).max() < 0.6
    assert up.onnx(0) != up.onnx(1)
    assert up.onnx() == up.onnx(up.config.sharpness)


def test_large_pictures_have_no_seams(up, monkeypatch):
    whole = up.enlarge(picture(70, 90))
    monkeypatch.setattr(upscaler, "_TILE", 16)
    apart = np.abs(up.enlarge(picture(70, 90)).astype(int) - whole)
    assert apart.max() <= 1  # sums in another order
    assert (apart > 0).mean() < 0.001


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 1)])
def test_the_smallest_pictures_work(up, size):
    assert up.enlarge(picture(*size)).shape == (4 * size[0], 4 * size[1], 3)


def test_one_end_has_no_sharpness(tmp_path):
    single = toys.upscaler(tmp_path / "single", ends=1)
    assert single.enlarge(picture()).shape == (80, 120, 3)
    with pytest.raises(UsageError, match="one end, the smooth one"):
        single.onnx(0.5)


@pytest.mark.parametrize("sharpness", [-0.1, 1.1, float("nan")])
def test_sharpness_has_bounds(up, sharpness):
    with pytest.raises(UsageError, match="from 0"):
        up.onnx(sharpness)


def test_it_is_no_generator_and_a_generator_no_upscaler(up, tmp_path):
    with pytest.raises(PhizError, match="makes no faces") as caught:
        models.load(up.path)
    assert caught.value.status == 3
    model = toys.model(tmp_path / "model")
    with pytest.raises(PhizError, match="carries no upscaler"):
        upscaler.load(model.path)
    assert upscaler.is_upscaler(up.path)
    assert not upscaler.is_upscaler(model.path)


def test_a_model_carries_its_upscaler_and_keeps_it(up, tmp_path):
    model = toys.model(tmp_path / "model")
    assert upscaler.carried(model.path) is None
    upscaler.copy(up, model.path / "upscaler")
    assert upscaler.carried(model.path).hash == up.hash
    assert upscaler.load(model.path).hash == up.hash
    weights, data = toys.exported(seed=1)
    preview = models.Model(model.path, model.config)
    with pytest.raises(PhizError, match="exists"):
        models.save_model(model.path, toys.config(), weights, data, _grey())
    saved = models.save_model(model.path, toys.config(), weights, data, _grey(), force=True)
    assert saved.hash != preview.hash
    assert upscaler.carried(saved.path).hash == up.hash


def _grey():
    from PIL import Image

    return Image.new("RGB", (8, 8), (120, 120, 120))


@pytest.mark.parametrize("name", ["model.safetensors", "onnx/model.onnx", "onnx/smooth.onnx"])
def test_a_damaged_file_is_named(up, name):
    file = up.path / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(PhizError, match="cut short or was changed") as caught:
        upscaler.load(up.path)
    assert str(file) in str(caught.value)
    file.unlink()
    with pytest.raises(PhizError, match="is missing"):
        upscaler.load(up.path)


def test_a_config_that_is_not_sound_is_named(up):
    said = json.loads((up.path / "config.json").read_text())
    (up.path / "config.json").write_text(json.dumps(said | {"scale": "much"}))
    with pytest.raises(PhizError, match="scale"):
        upscaler.load(up.path)
    (up.path / "config.json").write_text(json.dumps(said | {"format": 99}))
    with pytest.raises(PhizError, match="newer"):
        upscaler.load(up.path)


def test_ends_of_two_networks_are_refused(up):
    with pytest.raises(PhizError, match="not of one network"):
        upscaler.between(up.onnx(0), toys.exported()[1], 0.5)


def test_another_scale_is_refused_with_the_one_there_is(up):
    assert upscaler.of_scale(up.path, 4).hash == up.hash
    with pytest.raises(PhizError, match="enlarges 4 times, not 2") as caught:
        upscaler.of_scale(up.path, 2)
    assert "--scale 2" in str(caught.value)


def test_the_card_says_what_it_is(up):
    card = (up.path / "README.md").read_text("utf-8")
    assert "pipeline_tag: image-to-image" in card
    assert "made up" in card
    assert "--sharpness" in card
    assert not (up.path / "preview.png").exists()
