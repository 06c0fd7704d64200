"""All figures of one evaluation, from three tables of features: real, made, and other real faces.

The other real faces are measured just as the made ones, on the same numbers: that is the floor, what a
perfect generator would score. Intervals are of chance alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phiz.evaluation import intervals
from phiz.evaluation.distances import frechet, kid, mind, scale
from phiz.evaluation.figures import Figure
from phiz.evaluation.neighbours import Manifold, manifold
from phiz.evaluation.statistics import Statistics

K = 5
_KID_SUBSETS, _KID_SIZE = 100, 1000
_KID_SUBSETS_OF_HALVES = 20  # for the interval: more would only cost time
_MIND_DIRECTIONS = 1000
_DRAWS = 20
_LARGE = 10_000  # made faces from which on fewer draws are taken: they cost more and are needed less
_FEW_DRAWS = 8

# What the Frechet, kernel and sliced distances are called on the features that gave them their names.
_NAMES = {
    "inception": ("FID (clean)", "KID (clean)", "MIND"),
    "inception-legacy": ("FID (legacy)", "KID (legacy)", "MIND"),
    "dinov2-large": ("FD-DINOv2", "KD-DINOv2", "MIND on DINOv2"),
}


Rule = Callable[[np.ndarray, np.ndarray], float]
"""From features of real and of made faces to a figure."""


@dataclass(frozen=True)
class Tables:
    """Features (N, D) of real faces, of made ones, and of other real ones as many as there are made."""

    real: np.ndarray
    fake: np.ndarray
    other: np.ndarray

    def how(self) -> str:
        """Say how many faces went in."""
        return f"{len(self.fake):,} made against {len(self.real):,} real faces"


def measure(tables: Tables, extractor: str) -> list[Figure]:
    """Return every figure, the ones that read most easily first.

    Raises:
        PhizError: too few faces, features of different extractors, NaN.
    """
    draws = _DRAWS if len(tables.fake) < _LARGE else _FEW_DRAWS
    return [
        *_frechet(tables, extractor, draws),
        *_manifold(tables, extractor, draws),
        *_others(tables, extractor, draws),
    ]


def _frechet(tables: Tables, extractor: str, draws: int) -> list[Figure]:
    real = Statistics.of(tables.real)

    def distance(reference: Statistics, faces: np.ndarray) -> float:
        return frechet(reference, Statistics.of(faces))

    over = scale(real)
    value, floor = distance(real, tables.fake), distance(real, tables.other)
    deviation = float(intervals.spread(distance, tables.fake, real, draws))
    low, high = _within(value, deviation, most=math.inf)
    how = f"{extractor} features, {tables.how()}; biased upwards, the more the fewer the faces"
    return [
        Figure(
            "relative Frechet distance",
            value / over,
            "lower",
            f"{how}. Over the trace of the real covariance: 1 is a generator that draws the mean face.",
            (low / over, high / over),
            floor / over,
        ),
        Figure(_names(extractor)[0], value, "lower", f"{how}.", (low, high), floor),
    ]


def _manifold(tables: Tables, extractor: str, draws: int) -> list[Figure]:
    found, best = manifold(tables.real, tables.fake, K), manifold(tables.real, tables.other, K)

    def parts(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
        half = manifold(real, fake, K)
        return np.array([half.recall, half.coverage])

    recall, coverage = intervals.spread(parts, tables.fake, tables.real, draws)
    how = f"k = {K}, {extractor} features, {tables.how()}"
    inside, deep = int(found.inside.sum()), intervals.mean(found.depth)
    return [
        _share(
            "precision",
            found,
            best,
            f"Share of made faces within a real ball; {how}.",
            intervals.share(inside, len(tables.fake)),
        ),
        _share(
            "recall",
            found,
            best,
            f"Share of real faces within a made ball; {how}.",
            _within(found.recall, recall),
        ),
        _share(
            "density",
            found,
            best,
            f"Real balls a made face lies in, over k; {how}.",
            (max(0.0, deep[0]), deep[1]),
        ),
        _share(
            "coverage",
            found,
            best,
            f"Share of real balls that hold a made face; {how}.",
            _within(found.coverage, coverage),
        ),
    ]


def _share(
    name: Literal["precision", "recall", "density", "coverage"],
    found: Manifold,
    floor: Manifold,
    convention: str,
    interval: intervals.Interval,
) -> Figure:
    return Figure(name, getattr(found, name), "higher", convention, interval, getattr(floor, name))


def _within(value: float, deviation: float, most: float = 1.0) -> intervals.Interval:
    """Return an interval around a figure that lies between 0 and `most`."""
    low, high = intervals.around(value, float(deviation))
    return max(0.0, low), min(most, high)


def _others(tables: Tables, extractor: str, draws: int) -> list[Figure]:
    """KID and MIND: for few faces, where the Frechet distance says little."""
    size = min(_KID_SIZE, len(tables.real), len(tables.fake))
    _, kernel, sliced = _names(extractor)
    how = f"{extractor} features, {tables.how()}"

    def kid_of(subsets: int) -> Rule:
        return lambda real, fake: kid(real, fake, subsets, _KID_SIZE).mean

    def mind_of(real: np.ndarray, fake: np.ndarray) -> float:
        return mind(real, fake, _MIND_DIRECTIONS)

    said = f"Cubic kernel, {_KID_SUBSETS} subsets of {size:,}; {how}; unbiased, may fall below 0."
    spread = intervals.spread(kid_of(_KID_SUBSETS_OF_HALVES), tables.fake, tables.real, min(draws, 10))
    kid_figure = _distance(kernel, kid_of(_KID_SUBSETS), tables, said, spread)
    said = f"Sliced Wasserstein, {_MIND_DIRECTIONS:,} directions, times 3 D (arXiv 2605.06797); {how}."
    spread = intervals.spread(mind_of, tables.fake, tables.real, min(draws, 10))
    return [kid_figure, _distance(sliced, mind_of, tables, said, spread, least=0.0)]


def _distance(
    name: str, rule: Rule, tables: Tables, convention: str, spread: np.ndarray, least: float = -math.inf
) -> Figure:
    value = rule(tables.real, tables.fake)
    low, high = intervals.around(value, float(spread))
    interval = max(least, low), high
    return Figure(name, value, "lower", convention, interval, rule(tables.real, tables.other))


def _names(extractor: str) -> tuple[str, str, str]:
    return _NAMES.get(extractor, ("Frechet distance", "kernel distance", "sliced distance"))


def warnings(tables: Tables) -> list[str]:
    """Say in plain words what the numbers of faces do to the figures."""
    said = []
    least, features = min(len(tables.real), len(tables.fake)), tables.real.shape[1]
    if least <= features:
        said.append(
            f"{least:,} faces are fewer than the {features:,} features: the Frechet distance is biased far "
            "upwards. Go by the kernel and sliced distances, or give more faces: --samples of made ones, and "
            "at least as many real ones."
        )
    if least < 1000:
        said.append(f"{least:,} faces are few: every figure here moves by chance; see the intervals.")
    return said
