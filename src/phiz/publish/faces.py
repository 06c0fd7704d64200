"""What a page shows and checks before it makes faces itself: the first faces of a model, and golden ones."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from phiz import latents, marks
from phiz.model import Model, to_uint8
from phiz.onnx import Engine

_WALL_PIXELS = 1 << 18
_LEAST_WALL, _MOST_WALL = 12, 48
_GOLDEN_SEEDS = (7, 1 << 33)
_GOLDEN_PIXELS = 1 << 11
_FETCHED = 192  # every visitor fetches the icon of this side: with 256 colours it has a third of the bytes


def make(model: Model, engine: Engine, seeds: list[int]) -> np.ndarray:
    """Make the faces of `seeds` by `engine`, which runs a stored form of `model`: uint8 (N, H, W, 3)."""
    parts = []
    for start in range(0, len(seeds), model.batch):
        part = seeds[start : start + model.batch]
        values = latents.latents(part, model.config.z)
        parts.append(to_uint8(engine.run(values, 1.0, model.labels_of(part)), model.config.output_range))
    return np.concatenate(parts)


def wall_seeds(size: int, first: int = 0) -> list[int]:
    """Return the seeds of the first faces: fewer of larger ones, so that they are there at once."""
    count = min(_MOST_WALL, max(_LEAST_WALL, _WALL_PIXELS // size**2))
    return latents.seeds_from(first, count)


def pictures(model: Model, faces: np.ndarray, seeds: list[int]) -> list[str]:
    """Return faces as data: addresses of small WebP pictures that say what they are."""
    found = []
    for face, seed in zip(faces, seeds, strict=True):
        file = io.BytesIO()
        said = marks.packet(marks.facts(model.hash, [seed], 1.0))
        Image.fromarray(face).save(file, "WEBP", quality=88, method=5, xmp=said)
        found.append("data:image/webp;base64," + base64.b64encode(file.getvalue()).decode())
    return found


def golden(model: Model, engine: Engine) -> dict[str, Any]:
    """Return what a device must compute to be trusted with this model: some pixels of two faces."""
    seeds = list(_GOLDEN_SEEDS)
    pixels = model.config.size**2
    step = max(1, pixels // _GOLDEN_PIXELS)
    step += step > 1 and step % 2 == 0  # not the same columns in every row
    values = make(model, engine, seeds).reshape(len(seeds), pixels, 3)[:, ::step]
    return {"seeds": seeds, "step": step, "values": base64.b64encode(values.tobytes()).decode()}


def icon(model: Model, face: np.ndarray, seed: int, side: int) -> bytes:
    """Return the face of a seed as the picture an installed page is known by: a PNG that says what it is."""
    large = Image.fromarray(face).resize((side, side), Image.Resampling.LANCZOS)
    if side <= _FETCHED:
        large = large.quantize(256)
    return marks.encode(large, ".png", marks.facts(model.hash, [seed], 1.0))
