"""The forward of DINOv2 equals one written out differently, on a small network with drawn weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from phiz import weights
from phiz.errors import PhizError
from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.resizing import bicubic

torch = pytest.importorskip("torch", reason="torch, of the extra train, is not installed")

WIDTH, LAYERS, HEADS, OLD = 128, 3, 2, 5


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of a small DINOv2 under the publisher's names; positions of OLD x OLD patches."""
    draws = np.random.default_rng(seed)

    def draw(*shape: int, scale: float = 0.1, mean: float = 0.0) -> np.ndarray:
        return (mean + scale * draws.standard_normal(shape)).astype(np.float32)

    made = {
        "embeddings.cls_token": draw(1, 1, WIDTH, scale=1),
        "embeddings.mask_token": draw(1, WIDTH),
        "embeddings.position_embeddings": draw(1, 1 + OLD * OLD, WIDTH, scale=0.5),
        "embeddings.patch_embeddings.projection.weight": draw(WIDTH, 3, 14, 14, scale=0.05),
        "embeddings.patch_embeddings.projection.bias": draw(WIDTH),
        "layernorm.weight": draw(WIDTH, mean=1),
        "layernorm.bias": draw(WIDTH),
    }
    shapes = {
        "attention.attention.query": (WIDTH, WIDTH),
        "attention.attention.key": (WIDTH, WIDTH),
        "attention.attention.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "mlp.fc1": (4 * WIDTH, WIDTH),
        "mlp.fc2": (WIDTH, 4 * WIDTH),
    }
    for layer in range(LAYERS):
        start = f"encoder.layer.{layer}."
        for name, (out, into) in shapes.items():
            made[f"{start}{name}.weight"], made[f"{start}{name}.bias"] = draw(out, into), draw(out)
        for part in (1, 2):
            made[f"{start}norm{part}.weight"] = draw(WIDTH, mean=1)
            made[f"{start}norm{part}.bias"] = draw(WIDTH)
            made[f"{start}layer_scale{part}.lambda1"] = draw(WIDTH, scale=0.3, mean=0.5)
    return made


def layer_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * w + b


def cubic(t: float) -> list[float]:
    """The weights of four neighbours at the fraction `t`: cubic convolution, a = -0.75."""
    a = -0.75

    def far(s: float) -> float:
        return ((a * s - 5 * a) * s + 8 * a) * s - 4 * a

    def near(s: float) -> float:
        return ((a + 2) * s - (a + 3)) * s * s + 1

    return [far(1 + t), near(t), near(1 - t), far(2 - t)]


def positions(table: np.ndarray, side: int) -> np.ndarray:
    """Interpolate a table (1 + OLD * OLD, D) as the first release does: steps of OLD / (side + 0.1)."""
    rows = np.zeros((side, OLD))
    for i in range(side):
        at = (i + 0.5) * OLD / (side + 0.1) - 0.5
        first = int(np.floor(at))
        for k, weight in enumerate(cubic(at - first)):
            rows[i, min(max(first - 1 + k, 0), OLD - 1)] += weight
    grid = table[1:].reshape(OLD, OLD, -1)
    return np.concatenate([table[:1], np.einsum("ia,jb,abd->ijd", rows, rows, grid).reshape(side**2, -1)])


def written_out(w: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """The class tokens of normalised pictures (N, 3, H, W), in float64, head by head."""
    from scipy.special import erf, softmax

    side = pixels.shape[2] // 14
    patches = pixels.reshape(len(pixels), 3, side, 14, side, 14)
    kernel = w["embeddings.patch_embeddings.projection.weight"]
    x = np.einsum("nciyjx,dcyx->nijd", patches, kernel).reshape(len(pixels), side**2, WIDTH)
    x = x + w["embeddings.patch_embeddings.projection.bias"]
    x = np.concatenate([np.repeat(w["embeddings.cls_token"], len(x), 0), x], 1)
    x = x + positions(w["embeddings.position_embeddings"][0], side)
    for layer in range(LAYERS):
        part = {key.split(".", 3)[3]: v for key, v in w.items() if key.startswith(f"encoder.layer.{layer}.")}

        def dense(name: str, h: np.ndarray, part: dict[str, np.ndarray] = part) -> np.ndarray:
            return h @ part[f"{name}.weight"].T + part[f"{name}.bias"]

        h = layer_norm(x, part["norm1.weight"], part["norm1.bias"])
        q, k, v = (dense(f"attention.attention.{name}", h) for name in ("query", "key", "value"))
        mixed = np.zeros_like(x)
        for head in range(HEADS):
            cut = slice(64 * head, 64 * head + 64)
            scores = q[..., cut] @ k[..., cut].transpose(0, 2, 1) / 8
            mixed[..., cut] = softmax(scores, -1) @ v[..., cut]
        x = x + part["layer_scale1.lambda1"] * dense("attention.output.dense", mixed)
        h = dense("mlp.fc1", layer_norm(x, part["norm2.weight"], part["norm2.bias"]))
        h = h * 0.5 * (1 + erf(h / np.sqrt(2)))
        x = x + part["layer_scale2.lambda1"] * dense("mlp.fc2", h)
    return layer_norm(x, w["layernorm.weight"], w["layernorm.bias"])[:, 0]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small DINOv2 in place of ViT-B/14."""
    from safetensors.numpy import save

    data = save(tensors())
    (tmp_path / "dinov2-base.safetensors").write_bytes(data)
    entry = replace(weights.WEIGHTS["dinov2-base"], sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    monkeypatch.setitem(weights.WEIGHTS, "dinov2-base", entry)
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path))
    return entry


def pictures(count: int, size: int = 40) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def test_the_forward_equals_one_written_out(small):
    faces = pictures(3)
    pixels = bicubic(faces, 224).astype(np.float64) / 255
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = written_out(tensors(), (pixels - mean[:, None, None]) / std[:, None, None])
    got = extractor("dinov2-base")(faces)
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < 2e-4


def test_positions_of_the_right_number_are_taken_as_they_are():
    from phiz.evaluation.dinov2 import interpolated

    table = torch.from_numpy(tensors()["embeddings.position_embeddings"])
    assert interpolated(table, OLD) is table
    for side in (3, 7, 16):
        assert np.abs(interpolated(table, side)[0].numpy() - positions(table[0].numpy(), side)).max() < 1e-5


def test_it_says_what_it_is(small):
    run = extractor("dinov2-base")
    assert about(run) == {
        "name": "dinov2-base",
        "sha256": small.sha256,
        "size": 224,
        "resize": "pillow bicubic to 224",
        "dimensions": WIDTH,
    }
    assert run(pictures(0)).shape == (0, WIDTH)


def test_a_file_that_is_no_dinov2(tmp_path, monkeypatch):
    from safetensors.numpy import save

    data = save({"weight": np.zeros(3, np.float32)})
    (tmp_path / "dinov2-base.safetensors").write_bytes(data)
    entry = replace(weights.WEIGHTS["dinov2-base"], sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    monkeypatch.setitem(weights.WEIGHTS, "dinov2-base", entry)
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path))
    with pytest.raises(PhizError, match="is no DINOv2"):
        extractor("dinov2-base")
