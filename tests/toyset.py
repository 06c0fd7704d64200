"""A small face set and small recipes, quick enough to train in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phiz import artefacts
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter

SCHEMA = {"shade": ["dark", "light"], "tint": ["red", "green", "blue"]}


def write_faces(
    folder: Path, count: int = 40, size: int = 16, seed: int = 0, labelled: bool = False
) -> FaceSet:
    """Write `count` smooth, colourful squares: enough like faces for a test.

    With `labelled`, they have the labels of SCHEMA, every fifth face but one of them.
    """
    draws = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, size)
    schema = SCHEMA if labelled else {}
    made = {"name": "toy"}
    with artefacts.building(folder, "faceset") as place, FaceSetWriter(place, size, schema, made) as w:
        for index in range(count):
            a, b, c = draws.uniform(0, 255, (3, 3))
            face = (
                a * ramp[:, None, None]
                + b * (1 - ramp)[None, :, None]
                + c * (ramp[:, None, None] * ramp[None, :, None])
            )
            pixels = np.clip(face, 0, 255).astype(np.uint8)
            mean = pixels.mean((0, 1))
            labels = [int(mean.mean() > 128), int(mean.argmax())] if labelled else None
            if labels and index % 5 == 0:
                labels[index // 5 % 2] = -1
            w.add(pixels, f"{index}.png", (0, 0, size, size), labels=labels)
        w.finish()
    return FaceSet.open(folder)


_NARROW = {
    "network.generator.width": "[16, 12, 8]",
    "network.discriminator.width": "[16, 12, 8]",
    "z": "8",
}
SMALL: dict[str, dict[str, str]] = {
    "auto": _NARROW,
    "modern": _NARROW,
    "quick": _NARROW,
    "slim": {
        "network.generator": '{"widths": [16, 12]}',
        "network.discriminator": '{"widths": [16, 12]}',
        "z": "8",
    },
    "dcgan": {"network.generator": '{"width": 8}', "network.discriminator": '{"width": 8}', "z": "8"},
    "afad64": {"network.generator": '{"dense": 8, "channels": 4}', "z": "8"},
    "acg96": {"network.generator": '{"width": 8}', "network.discriminator": '{"width": 8}', "z": "8"},
}
"""Settings that make each recipe small."""
