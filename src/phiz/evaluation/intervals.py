"""How far a figure would move if other faces had been made: 95 % intervals.

An interval speaks of chance alone. Frechet and MIND are moreover biased upwards, the more the fewer the
faces, and no interval shows that: the same measure of real faces against other real ones, on the same
numbers, does (the floor).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from phiz.errors import PhizError, UsageError
from phiz.evaluation.statistics import check

Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations

Interval = tuple[float, float]


def bootstrap(
    measure: Callable[[Any, np.ndarray], float],
    fake: np.ndarray,
    real: Any,
    draws: int = 100,
    seed: int = 0,
    value: float | None = None,
) -> Interval:
    """Return the 95 % interval of measure(real, fake) over the draw of the made faces: (low, high).

    `value` -+ 1.96 of `spread`, which see; `value` is measured where it is not given.

    Raises:
        PhizError: too few faces, and what `measure` raises.
    """
    deviation = float(spread(measure, fake, real, draws, seed))
    return around(measure(real, fake) if value is None else value, deviation)


def spread(
    measure: Callable[[Any, np.ndarray], Any], fake: np.ndarray, real: Any, draws: int = 100, seed: int = 0
) -> np.ndarray:
    """Return the standard deviation of measure(real, fake) over the draw of the made faces.

    Random halves of the made faces are measured, drawn without replacement: the spread of the halves is
    that of the whole (delete-d jackknife with d = N/2, Shao and Wu, 1989). The plain bootstrap would
    draw faces twice, which doubles the bias of Frechet, ends KID's being unbiased and puts neighbours at
    distance 0. Where made and real faces are hard to tell apart the spread comes out too wide rather
    than too narrow, by up to a factor of two.

    Args:
        measure: takes `real` as it is and features (n, D) of made faces; returns a figure, or several
            at once, e.g. `lambda real, fake: frechet(real, Statistics.of(fake))`.
        fake: features (N, D), at least 4; a memory map is read half by half.
        real: handed to `measure`: features, or their statistics.
        draws: how many halves; each takes about half the time of one measurement. 20 give the width
            to about a sixth, 100 to a fourteenth.

    Returns:
        float64, () or one a figure.

    Raises:
        PhizError: too few faces, and what `measure` raises.
    """
    check(fake, "The features of the made faces", 4)
    if draws < 2:
        raise UsageError(f"An interval needs at least 2 draws, not {draws}.")
    chance = np.random.default_rng(seed)
    half = len(fake) // 2
    found = [
        np.asarray(measure(real, fake[np.sort(chance.permutation(len(fake))[:half])]), np.float64)
        for _ in range(draws)
    ]
    return np.std(found, axis=0, ddof=1) * math.sqrt(half / (len(fake) - half))


def around(value: float, deviation: float) -> Interval:
    """Return the 95 % interval of a figure with this standard deviation."""
    return value - Z * deviation, value + Z * deviation


def mean(values: np.ndarray) -> Interval:
    """Return the 95 % interval of the mean of one value a face (N,), such as `Manifold.depth`.

    Raises:
        PhizError: fewer than 2 faces.
    """
    if len(values) < 2:
        raise PhizError(f"An interval of {len(values)} faces cannot be given; it needs at least 2.")
    return around(float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values)))


def share(hits: int, total: int) -> Interval:
    """Return the 95 % interval of a share, `hits` of `total` (Wilson, 1927); within 0 to 1.

    For precision and for what memorisation counts. Recall and coverage move further: their faces lie in
    the same few balls. Take `bootstrap` there.

    Raises:
        PhizError: `total` is 0.
    """
    if total < 1:
        raise PhizError("A share of no faces cannot be given.")
    here, square = hits / total, Z * Z / total
    middle = (here + square / 2) / (1 + square)
    reach = Z / (1 + square) * math.sqrt(here * (1 - here) / total + square / (4 * total))
    low = 0.0 if hits == 0 else max(0.0, middle - reach)
    high = 1.0 if hits == total else min(1.0, middle + reach)
    return low, high
