"""What turns pictures into features: one protocol, and the extractors by name.

A distance between sets of features means nothing without its extractor, so each says what identifies it:
a name, the SHA-256 of its weights, the size and the rule its pictures are resized by.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from phiz.errors import UsageError, nearest
from phiz.weights import Progress


class Extractor(Protocol):
    """A network, or another rule, from a picture to a row of numbers."""

    name: str
    sha256: str
    """Of the weights, 64 hexadecimal digits; of an extractor without weights, of its definition."""
    size: int
    """Height and width of the pictures it sees, in pixels."""
    resize: str
    """The rule that brings pictures to that size, in words; its name in every table of figures."""
    dimensions: int

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3), RGB: float32 (N, dimensions).

        A picture's features do not depend on the others', up to rounding.
        """


def about(extractor: Extractor) -> dict[str, Any]:
    """Return what identifies an extractor: name, sha256, size, resize, dimensions."""
    return {key: getattr(extractor, key) for key in ("name", "sha256", "size", "resize", "dimensions")}


Maker = Callable[[int | None, Progress | None], Extractor]


def _inception(legacy: bool) -> Maker:
    def make(threads: int | None, progress: Progress | None) -> Extractor:
        from phiz.evaluation.inception import Inception

        return Inception(legacy, threads, progress)

    return make


def _dinov2(name: str) -> Maker:
    def make(threads: int | None, progress: Progress | None) -> Extractor:
        from phiz.evaluation.dinov2 import DINOv2

        return DINOv2(name, threads, progress)

    return make


def _filters(threads: int | None, progress: Progress | None) -> Extractor:
    from phiz.evaluation.filters import Filters

    return Filters()


EXTRACTORS: dict[str, tuple[str, Maker]] = {
    "filters": ("built in: fixed filters, no download; for comparing models, never called FID", _filters),
    "inception": ("FID's Inception-v3, pictures resized as clean-FID defines it", _inception(False)),
    "inception-legacy": ("FID's Inception-v3, pictures resized in the network as first", _inception(True)),
    "dinov2": ("DINOv2 ViT-L/14, which follows people's judgement better", _dinov2("dinov2-large")),
    "dinov2-base": ("DINOv2 ViT-B/14, a third of the work", _dinov2("dinov2-base")),
}
"""Extractors by name: a line of help, and what makes one."""


def extractor(
    name_or_path: str | Path, threads: int | None = None, progress: Progress | None = None
) -> Extractor:
    """Return the extractor of this name, or an ONNX file as one.

    Args:
        name_or_path: a key of `EXTRACTORS`, or a path that ends in .onnx.
        threads: how many threads it uses; by default what this process may use.
        progress: told (done, total) in bytes where weights are fetched.

    Raises:
        UsageError: there is no such extractor; the nearest is named.
        PhizError: its file is missing, not the one meant, or no network from pictures to features.
        MissingExtra: it needs torch, which is not installed.
        Surroundings: its weights are not here and cannot be fetched.
    """
    name = str(name_or_path)
    if name.lower().endswith(".onnx"):
        from phiz.evaluation.onnxfile import OnnxFile

        return OnnxFile(name, threads, Path(name).name if Path(name).stem in EXTRACTORS else "")
    if name not in EXTRACTORS:
        raise UsageError(
            f'There is no extractor "{name}"; there are {", ".join(EXTRACTORS)} and any FILE.onnx.'
            + nearest(name, EXTRACTORS)
        )
    return EXTRACTORS[name][1](threads, progress)
