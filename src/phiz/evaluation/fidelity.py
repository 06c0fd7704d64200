"""How near an enlarged picture comes to the one it was reduced from: PSNR and SSIM of luma.

Conventions, as papers on super-resolution have them: luma is Y of ITU-R BT.601 in its studio range, 16 to
235, computed in float64 from 8-bit RGB and not rounded; `border` pixels along each edge are left out, as many
as the scale; figures of several pictures are the mean of those of each.
"""

from __future__ import annotations

import numpy as np

_LUMA = np.array([65.481, 128.553, 24.966]) / 255  # BT.601: Y = 16 + these times R, G, B of 0 .. 255
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def luma(pictures: np.ndarray) -> np.ndarray:
    """Return Y of uint8 RGB pictures (..., 3): float64 (...), from 16 to 235."""
    return 16.0 + pictures.astype(np.float64) @ _LUMA


def psnr(made: np.ndarray, real: np.ndarray, border: int) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each picture's luma, in dB with a peak of 255.

    Args:
        made, real: uint8 (N, H, W, 3).
        border: pixels left out along each edge.

    Returns:
        float64 (N,); infinite where a picture is the same.
    """
    apart = luma(_inside(made, border)) - luma(_inside(real, border))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / np.square(apart).mean((1, 2)))


def ssim(made: np.ndarray, real: np.ndarray, border: int) -> np.ndarray:
    """Return the structural similarity of each picture's luma (Wang et al., IEEE TIP 13(4), 2004).

    As there: a Gaussian window of 11 x 11 with a standard deviation of 1.5, K1 0.01, K2 0.03, a range of 255,
    variances of the population, and the mean over all places where the window fits.

    Args:
        made, real: uint8 (N, H, W, 3), of at least 11 + 2 * border pixels a side.
        border: pixels left out along each edge.

    Returns:
        float64 (N,), 1 where a picture is the same.
    """
    a, b = luma(_inside(made, border)), luma(_inside(real, border))
    mean_a, mean_b = _smoothed(a), _smoothed(b)
    var_a, var_b = _smoothed(a * a) - mean_a**2, _smoothed(b * b) - mean_b**2
    both = _smoothed(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * both + _C2) / (var_a + var_b + _C2)
    return (light * structure).mean((1, 2))


def _inside(pictures: np.ndarray, border: int) -> np.ndarray:
    height, width = pictures.shape[1:3]
    return pictures[:, border : height - border, border : width - border]


def _smoothed(maps: np.ndarray) -> np.ndarray:
    """Smooth maps (N, H, W) with the window, where it fits: (N, H - 10, W - 10)."""
    at = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(at**2) / (2 * _SIGMA**2))
    window /= window.sum()
    for axis in (1, 2):
        maps = np.lib.stride_tricks.sliding_window_view(maps, _WINDOW, axis) @ window
    return maps


class Error:
    """The measure that watches the training of an upscaler: how far it is from faces set aside.

    Attributes:
        name: what metrics.jsonl calls it: the root of the mean squared difference in levels of 255.
        samples: how many faces it wants, enlarged from their reduced selves.
    """

    name = "error_held"

    def __init__(self, faces: np.ndarray) -> None:
        self._faces, self.samples = faces, len(faces)

    def __call__(self, faces: np.ndarray) -> float:
        """Return the distance of `faces`, uint8 (N, H, W, 3), from what they should be."""
        apart = faces.astype(np.float32) - self._faces.astype(np.float32)
        return float(np.sqrt(np.square(apart).mean()))
