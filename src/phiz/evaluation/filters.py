"""The built-in extractor: fixed filters, no weights, no download. It is for comparing models of one size.

A picture of 64 px is looked at in three ways, which make 184 numbers:

    strength   Its three opponent colours (light, red against blue, green against both) are split into four
               octaves of Haar's wavelets: horizontal, vertical and diagonal differences of 2, 4, 8 and
               16 px. Their strength, on a logarithmic scale, is averaged over each quarter of the picture
               for light and over the whole for colour: 72 numbers, for sharpness, noise and texture.
    thumbnail  What the octaves leave, 4 x 4 px: 48 numbers, for pose, light, and the colours of the parts.
    shape      Patches of 4 px go through three layers of random combinations and positive parts, 2 x 2
               neighbours joined from one to the next, and are averaged: 64 numbers, for how edges go
               together. Such networks tell much without having learned anything (Saxe et al., "On random
               weights and unsupervised feature learning", ICML 2011).

Frechet distances of these features are no FID and are never called so. benchmarks/builtin_ranking.py
compares the order they put models in with a network's.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from phiz import latents
from phiz.evaluation.resizing import check_pictures, resized

VERSION = "phiz filters, version 1"
"""Names the definition; features that change are another version, and have another hash."""

SIZE, OCTAVES, WIDTHS = 64, 4, (64, 96, 64)
DIMENSIONS = OCTAVES * 3 * (4 + 2) + 3 * (SIZE >> OCTAVES) ** 2 + WIDTHS[-1]
_FAINT = 0.02  # differences below this share of the range hardly count
_THUMBNAIL, _SHAPE = 0.125, 10.0  # what these weigh against strengths, so that none drowns the others
_PART = 64


class Filters:
    """Fixed filters as an extractor; see phiz.evaluation.extractors.Extractor."""

    name = "filters"
    sha256 = hashlib.sha256(VERSION.encode()).hexdigest()
    size = SIZE
    resize = f"pillow bicubic to {SIZE}"
    dimensions = DIMENSIONS

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, 184)."""
        check_pictures(pictures)
        found = np.empty((len(pictures), DIMENSIONS), np.float32)
        for start in range(0, len(pictures), _PART):
            pixels = resized(pictures[start : start + _PART], SIZE).astype(np.float32)
            pixels *= np.float32(2 / 255)
            found[start : start + _PART] = np.concatenate([_strength(pixels), _shape(pixels)], 1)
        return found


def _strength(pixels: np.ndarray) -> np.ndarray:
    """Return strengths and thumbnail of pixels (N, 64, 64, 3), which span 2: (N, 120)."""
    rest = _opponents(pixels)
    parts = []
    for _ in range(OCTAVES):
        a, b, c, d = rest[..., ::2, ::2], rest[..., ::2, 1::2], rest[..., 1::2, ::2], rest[..., 1::2, 1::2]
        above, below = a + b, c + d
        for difference in (above - below, (a + c) - (b + d), (a - b) - (c - d)):
            strength = _logarithm(difference)
            parts += [_quarters(strength[:, 0]), strength[:, 1:].mean((2, 3))]
        rest = (above + below) * np.float32(0.25)
    parts.append(rest.reshape(len(rest), -1) * np.float32(_THUMBNAIL))
    return np.concatenate(parts, 1)


def _opponents(pixels: np.ndarray) -> np.ndarray:
    """Return three orthonormal opponent colours: (N, H, W, 3) -> (N, 3, H, W)."""
    red, green, blue = np.moveaxis(pixels, 3, 0)
    light = (red + green + blue) * np.float32(3**-0.5)
    warm, green = (red - blue) * np.float32(2**-0.5), (red + blue - 2 * green) * np.float32(6**-0.5)
    return np.stack([light, warm, green], 1)


def _logarithm(difference: np.ndarray) -> np.ndarray:
    """Return log(1 + |d| / 4 / _FAINT) / 4 of a difference d of sums of two pixels and two others."""
    scaled = np.abs(difference)
    scaled *= np.float32(0.25 / _FAINT)
    scaled += np.float32(1)
    np.log(scaled, out=scaled)
    scaled *= np.float32(0.25)
    return scaled


def _quarters(maps: np.ndarray) -> np.ndarray:
    """Return the means over the four quarters of maps (N, H, W): (N, 4)."""
    n, height, width = maps.shape
    return maps.reshape(n, 2, height // 2, 2, width // 2).mean((2, 4)).reshape(n, 4)


def _shape(pixels: np.ndarray) -> np.ndarray:
    """Return what three random layers make of pixels (N, 64, 64, 3): (N, 64)."""
    maps = pixels
    for side, weights in zip((4, 2, 2), _layers(), strict=True):
        maps = _patches(maps, side) @ weights
        np.maximum(maps, 0, out=maps)
    return maps.mean((1, 2)) * np.float32(_SHAPE)


def _patches(maps: np.ndarray, side: int) -> np.ndarray:
    """Cut maps (N, H, W, C) into squares: (N, H / side, W / side, side * side * C)."""
    n, height, width, channels = maps.shape
    cut = maps.reshape(n, height // side, side, width // side, side, channels).transpose(0, 1, 3, 2, 4, 5)
    return cut.reshape(n, height // side, width // side, -1)


@cache
def _layers() -> list[np.ndarray]:
    """Return the weights (inputs, outputs) of the layers: the normal values of docs/latents.md's seeds.

    Each combination has length 1; those of pixels take no notice of a patch's mean colour.
    """
    layers: list[np.ndarray] = []
    inputs, seed = 4 * 4 * 3, 0
    for width in WIDTHS:
        weights = latents.latents(range(seed, seed + inputs), width)
        if not layers:
            by_colour = weights.reshape(16, 3, width)
            weights = (by_colour - by_colour.mean(0)).reshape(inputs, width)
        layers.append(weights / np.sqrt((weights**2).sum(0)))
        seed, inputs = seed + inputs, 4 * width
    return layers
