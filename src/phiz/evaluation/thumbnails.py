"""Thumbnails as features: what a picture looks like from afar, for finding copies.

They see noise, blur and JPEG through, where a network's features do not; they miss a shift, which those
see through. benchmarks/copies.py shows which copy is found by which.
"""

from __future__ import annotations

import hashlib

import numpy as np

_CELLS = 8
_DEFINITION = "phiz thumbnails 1: means over an 8 x 8 grid, RGB"


class Thumbnails:
    """Thumbnails as an extractor; see phiz.evaluation.extractors.Extractor."""

    name = "thumbnails"
    sha256 = hashlib.sha256(_DEFINITION.encode()).hexdigest()
    size = _CELLS
    resize = "means over an 8 x 8 grid"
    dimensions = _CELLS * _CELLS * 3

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the thumbnails of `pictures`, uint8 (N, H, W, 3): float32 (N, 192)."""
        return thumbnails(pictures)


def thumbnails(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as features that see the picture itself: float32 (N, 192).

    Args:
        pictures: uint8 (N, H, W, 3), such as a slice of a face set.

    Each is averaged over the squares of an 8 x 8 grid, exactly where a pixel lies in two of them.
    """
    rows, columns = (_grid(side, _CELLS) for side in pictures.shape[1:3])
    small = [
        np.einsum("ah,nhwc,bw->nabc", rows, pictures[start : start + 256], columns, optimize=True)
        for start in range(0, len(pictures), 256)
    ]
    return np.concatenate([np.empty((0, _CELLS, _CELLS, 3), np.float32), *small]).reshape(
        -1, _CELLS * _CELLS * 3
    )


def _grid(side: int, cells: int) -> np.ndarray:
    """Return what share of each of `cells` equal parts of a line each of `side` pixels is: (cells, side)."""
    ends = np.arange(side + 1) * cells / side
    cell = np.arange(cells)[:, None]
    shares = np.minimum(ends[1:], cell + 1) - np.maximum(ends[:-1], cell)
    return np.maximum(shares, 0).astype(np.float32)
