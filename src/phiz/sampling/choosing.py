"""Choosing: the most realistic of many faces, kept as different from each other as random ones.

Ranking by realism alone picks the same few kinds of faces again and again: precision rises and recall
falls by half. So faces are picked one by one, each by its realism and by how far it is from those before:

    next = argmax  weight * log(realism) + log(distance from the nearest face picked)

With weight 0 this is the farthest-first rule of Gonzalez (1985, Theoretical Computer Science 38, 293-306);
realism joins it as quality joins diversity in a determinantal point process (Kulesza and Taskar, arXiv
1207.6083, section 3.1: a product of the two). No weight suits every extractor, so it is not a setting: it
is the largest with which the picked faces are as far from each other as randomly picked ones, and a little
more, and leave no face much farther from the picked ones than random picks would.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phiz.errors import UsageError

APART = 1.02
"""How far apart chosen faces are over random ones: so far that recall does not fall; see benchmarks."""

_TINY = np.float32(1e-30)
_LOST = np.float32(1e-5)  # of the squares, to rounding: faces nearer than this are one face twice
_COPY = -1e4  # instead of the logarithm of 0
_HEAVIEST = 64.0  # by then the order is that of realism alone
_HALVINGS = 7  # of the range of weights, on a scale of logarithms: to within some percent
_DRAWS = 4
_FARTHER = 1.1  # how far faces may be from the picked ones, over how far from random ones
_BLOCK = 512
_KEPT = 1 << 28  # bytes of distances that are not worked out again


def choose(features: np.ndarray, realism: np.ndarray, count: int, apart: float = APART) -> np.ndarray:
    """Pick `count` faces that are realistic and differ from each other; the most realistic comes first.

    1,000 of 4,000 faces take about a second. The same faces give the same picks.

    Args:
        features: float32 (N, D), one row a face; distances are Euclidean.
        realism: (N,), how real each face looks, above 0 on a scale of ratios, such as the realism score of
            Kynkaanniemi et al. (arXiv 1904.06991, eq. 3), or the exponential of a critic's verdict. Only
            the order and the proportions count.
        count: how many, 1 to N.
        apart: how far the picked faces should be from each other, as a multiple of how far randomly picked
            ones are (mean distance from the nearest other): 0 ranks by realism alone, above 1 asks for
            more variety than the generator gives by itself.

    Returns:
        int64 (count,): indices of the picked faces.

    Raises:
        UsageError: `count` is not within 1 to N, shapes that do not fit, a value that is not a number or
            a realism below 0.
    """
    _check(features, realism, count, apart)
    quality = np.log(np.maximum(realism.astype(np.float64), 1e-12))
    ranked = np.argsort(-quality, kind="stable")
    if count in (1, len(features)) or apart == 0:
        return ranked[:count]
    chosen = _balanced(_Space(features), quality, count, apart)
    return chosen[np.argsort(-quality[chosen], kind="stable")]


def _balanced(space: _Space, quality: np.ndarray, count: int, apart: float) -> np.ndarray:
    """Return the picks by the largest weight that keeps them apart and leaves no kind of face out.

    Where no weight does, those that leave the least out.
    """
    spread, gap = space.by_chance(count)
    spread, widest = apart * spread, _FARTHER * gap / min(1.0, apart)
    least, picked = np.inf, np.arange(count)
    low, high = -np.log(_HEAVIEST), np.log(_HEAVIEST)
    for _ in range(_HALVINGS):
        weight = (low + high) / 2
        tried, gap = space.pick(np.exp(weight) * quality, count)
        kept = space.spread(tried) >= spread and gap <= widest
        if kept or gap < least:
            least, picked = -np.inf if kept else gap, tried
        low, high = (weight, high) if kept else (low, weight)
    return picked


class _Space:
    """Faces by their features: how far they are from each other; what was worked out is kept."""

    def __init__(self, features: np.ndarray) -> None:
        exact = features.astype(np.float32)
        self._values = exact - exact.mean(axis=0)
        self._squares = np.einsum("nd,nd->n", self._values, self._values)
        self._rows: dict[int, np.ndarray] = {}

    def pick(self, quality: np.ndarray, count: int) -> tuple[np.ndarray, float]:
        """Pick one by one the face of highest quality plus log distance from those picked.

        Returns the picked, int64 (count,), and how far faces are from the nearest picked, on average.
        """
        picked = np.empty(count, np.int64)
        nearest = np.zeros(len(quality), np.float32)
        free = quality.copy()
        for i in range(count):
            picked[i] = face = int(np.argmax(free + nearest))
            free[face] = -np.inf
            row = self._row(face)
            nearest = row.copy() if i == 0 else np.minimum(nearest, row, out=nearest)
        return picked, float(np.exp(nearest).mean())

    def spread(self, faces: np.ndarray) -> float:
        """Return how far each of these faces is from the nearest other, on average."""
        total = 0.0
        for start, tile in self._tiles(faces, faces):
            places = np.arange(len(tile))
            tile[places, places + start] = np.inf
            total += float(np.sqrt(tile.min(axis=1)).sum())
        return total / len(faces)

    def by_chance(self, count: int) -> tuple[float, float]:
        """Return the spread of randomly picked faces, and how far faces are from the nearest of them."""
        draws = np.random.default_rng(0)
        everyone = np.arange(len(self._values))
        spreads, gaps = [], []
        for _ in range(_DRAWS):
            faces = draws.permutation(everyone)[:count]
            spreads.append(self.spread(faces))
            tiles = self._tiles(everyone, faces)
            gaps.append(sum(float(np.sqrt(tile.min(axis=1)).sum()) for _, tile in tiles) / len(everyone))
        return sum(spreads) / _DRAWS, sum(gaps) / _DRAWS

    def _tiles(self, a: np.ndarray, b: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first, squared distances of some faces of `a` from all of `b`), block by block."""
        for start in range(0, len(a), _BLOCK):
            rows = a[start : start + _BLOCK]
            tile = self._squares[rows, None] + self._squares[b] - 2 * self._values[rows] @ self._values[b].T
            yield start, np.maximum(tile, 0, out=tile)

    def _row(self, face: int) -> np.ndarray:
        """Return the log distances of all faces from one: float32 (N,)."""
        if face in self._rows:
            return self._rows[face]
        both = self._squares + self._squares[face]
        squares = both - 2 * (self._values @ self._values[face])
        alike = squares <= _LOST * both
        row = np.where(alike, np.float32(_COPY), 0.5 * np.log(np.maximum(squares, _TINY)))
        if len(self._rows) * row.nbytes < _KEPT:
            self._rows[face] = row
        return row


def _check(features: np.ndarray, realism: np.ndarray, count: int, apart: float) -> None:
    if features.ndim != 2 or realism.shape != features.shape[:1]:
        raise UsageError(f"Features of shape {features.shape} and realism of {realism.shape} do not fit.")
    if not 1 <= count <= len(features):
        raise UsageError(f"{count} of {len(features)} faces cannot be chosen; choose from 1 to all of them.")
    if not (np.isfinite(apart) and apart >= 0):
        raise UsageError(f"How far apart is a number from 0 upwards, not {apart}.")
    if not (np.isfinite(features).all() and np.isfinite(realism).all() and (realism >= 0).all()):
        raise UsageError("Features and realism are finite numbers, and realism is not below 0.")
