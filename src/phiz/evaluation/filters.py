"""The built-in extractor: fixed filters, no weights, no download. It is for comparing models of one size.

A picture of 64 px is split into three opponent colours (light, red against blue, green against both), and each
into four octaves of Haar's wavelets: horizontal, vertical and diagonal differences of 2, 4, 8 and 16 px.
Their strength, on a logarithmic scale as eyes have it, is averaged over each quarter of the picture for
light and over the whole for colour: 72 numbers that tell sharpness, noise and texture, and roughly where.
What is left, a thumbnail of 4 x 4 px, is 48 more: pose, light, the colours of hair and ground.

Frechet distances of these features are no FID and are never called so. benchmarks/builtin_ranking.py
compares the order they put models in with a network's.
"""

from __future__ import annotations

import hashlib

import numpy as np

from phiz.evaluation.resizing import check_pictures, resized

VERSION = "phiz filters 1: 64 px, opponent colours, 4 octaves, log(1 + |d| / 0.02) / 4, thumbnail / 8"
"""What the features are; another definition is another version, with another hash."""

SIZE, OCTAVES, DIMENSIONS = 64, 4, 120
_FAINT = 0.02  # differences below this share of the range hardly count
_THUMBNAIL = 0.125  # what a thumbnail's values weigh against logarithms
_PART = 64


class Filters:
    """Fixed filters as an extractor; see phiz.evaluation.extractors.Extractor."""

    name = "filters"
    sha256 = hashlib.sha256(VERSION.encode()).hexdigest()
    size = SIZE
    resize = f"pillow bicubic to {SIZE}"
    dimensions = DIMENSIONS

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, 120)."""
        check_pictures(pictures)
        found = np.empty((len(pictures), DIMENSIONS), np.float32)
        for start in range(0, len(pictures), _PART):
            found[start : start + _PART] = _features(resized(pictures[start : start + _PART], SIZE))
        return found


def _features(pictures: np.ndarray) -> np.ndarray:
    """Return the features of pictures uint8 (N, 64, 64, 3)."""
    rest = _opponents(pictures)
    parts = []
    for _ in range(OCTAVES):
        a, b, c, d = rest[..., ::2, ::2], rest[..., ::2, 1::2], rest[..., 1::2, ::2], rest[..., 1::2, 1::2]
        above, below, left, right = a + b, c + d, a + c, b + d
        for difference in (above - below, left - right, (a - b) - (c - d)):
            strength = _logarithm(difference)
            parts += [_quarters(strength[:, :1]), strength[:, 1:].mean((2, 3))]
        rest = (above + below) * np.float32(0.25)
    parts.append(rest.reshape(len(rest), -1) * np.float32(_THUMBNAIL))
    return np.concatenate(parts, 1)


def _opponents(pictures: np.ndarray) -> np.ndarray:
    """Return three opponent colours, orthonormal, of pixels scaled to -1 .. 1: float32 (N, 3, H, W)."""
    red, green, blue = np.moveaxis(pictures.astype(np.float32) / np.float32(127.5) - 1, 3, 0)
    light = (red + green + blue) * np.float32(3**-0.5)
    return np.stack(
        [light, (red - blue) * np.float32(2**-0.5), (red + blue - 2 * green) * np.float32(6**-0.5)], 1
    )


def _logarithm(difference: np.ndarray) -> np.ndarray:
    """Return log(1 + |d| / _FAINT) / 4, where the difference is of means: a quarter of that of sums."""
    scaled = np.abs(difference)
    scaled *= np.float32(0.25 / _FAINT)
    scaled += np.float32(1)
    np.log(scaled, out=scaled)
    scaled *= np.float32(0.25)
    return scaled


def _quarters(maps: np.ndarray) -> np.ndarray:
    """Return the means over the four quarters of maps (N, 1, H, W): (N, 4)."""
    n, _, height, width = maps.shape
    return maps.reshape(n, 2, height // 2, 2, width // 2).mean((2, 4)).reshape(n, 4)
