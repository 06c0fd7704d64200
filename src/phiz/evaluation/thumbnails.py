"""Thumbnails as features: what a picture looks like from afar, for finding copies.

They see noise, blur and JPEG through, where a network's features do not; they miss a shift, which those
see through. benchmarks/copies.py shows which copy is found by which.
"""

from __future__ import annotations

import hashlib

import numpy as np

from phiz.evaluation.memorisation import thumbnails

_DEFINITION = "phiz thumbnails 1: means over an 8 x 8 grid, RGB"


class Thumbnails:
    """Thumbnails as an extractor; see phiz.evaluation.extractors.Extractor."""

    name = "thumbnails"
    sha256 = hashlib.sha256(_DEFINITION.encode()).hexdigest()
    size = 8
    resize = "means over an 8 x 8 grid"
    dimensions = 192

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the thumbnails of `pictures`, uint8 (N, H, W, 3): float32 (N, 192)."""
        return thumbnails(pictures)
