"""Nearest neighbours among features: precision, recall, density, coverage, realism.

The table of distances between N and M faces is never held as a whole: it is worked through in tiles of a
few megabytes, so that memory stays near what the features themselves take. The features may be memory
maps. Distances are Euclidean.

A tile is |a|^2 + |b|^2 - 2 a.b in float32, of features less the mean of the real ones: without that, a
common offset would eat the digits. What is lost to rounding is less than 5e-6 of |a|^2 + |b|^2; that much is
taken off, so that equal faces are at distance 0 exactly, and so are faces nearer than a few thousandths
of the spread. `nearest` measures the few pairs it returns again, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phiz.errors import PhizError, UsageError
from phiz.evaluation.statistics import BLOCK, blocks, check, check_pair, not_finite

REAL, FAKE = "The features of the real faces", "The features of the made faces"

_ROWS, _COLUMNS = 1024, 4096  # a tile: 16 MiB of float32
_LOST = 5e-6  # of |a|^2 + |b|^2, to rounding in float32
_EXACT = 2**22  # values that are measured again at once


@dataclass(frozen=True)
class Manifold:
    """How the made faces lie among the real ones; each figure is the mean of an array, a value a face.

    Attributes:
        k: a face's ball reaches to its k-th nearest neighbour in its own set, itself not counted.
        inside: bool (M,), whether a made face lies in the ball of a real one.
        depth: float64 (M,), in how many real balls it lies, over k.
        recalled: bool (N,), whether a real face lies in the ball of a made one.
        covered: bool (N,), whether a real face's ball holds a made one.
    """

    k: int
    inside: np.ndarray
    depth: np.ndarray
    recalled: np.ndarray
    covered: np.ndarray

    @property
    def precision(self) -> float:
        """The share of made faces within a real ball: how good they are, 0 to 1."""
        return float(self.inside.mean())

    @property
    def recall(self) -> float:
        """The share of real faces within the ball of a made one: how much of the variety is there, 0 to 1."""
        return float(self.recalled.mean())

    @property
    def density(self) -> float:
        """In how many real balls a made face lies, over k: as precision, not limited to 1; 1 is expected."""
        return float(self.depth.mean())

    @property
    def coverage(self) -> float:
        """The share of real balls that hold a made face: as recall, not misled by made outliers, 0 to 1."""
        return float(self.covered.mean())


def manifold(real: np.ndarray, fake: np.ndarray, k: int = 5) -> Manifold:
    """Compare where real (N, D) and made (M, D) faces lie, by their k-nearest-neighbour balls.

    Precision and recall of Kynkaanniemi et al. (arXiv 1904.06991, eq. 1 and 2; k = 3 there and in
    StyleGAN), density and coverage of Naeem et al. (arXiv 2002.09797; k = 5 there). A face on the rim of
    a ball counts as inside. All four depend on k, N and M: print them.

    Raises:
        PhizError: k faces or fewer in a set, different extractors, NaN or infinity.
        UsageError: k is below 1.
    """
    check_pair(real, fake, least=_least(k))
    centre = _centre(real, REAL)
    squares = _squares(real, centre, REAL), _squares(fake, centre, FAKE)
    real_reach = _reach(real, k, centre, squares[0])
    fake_reach = _reach(fake, k, centre, squares[1])
    depth = np.zeros(len(fake), np.int64)
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows, columns, tile in _tiles(real, fake, centre, *squares):
        balls = tile <= real_reach[rows, None]
        depth[columns] += np.count_nonzero(balls, axis=0)
        covered[rows] |= balls.any(1)
        recalled[rows] |= (tile <= fake_reach[columns]).any(1)
    return Manifold(k, depth > 0, depth / k, recalled, covered)


def kth_radii(values: np.ndarray, k: int) -> np.ndarray:
    """Return each face's distance to its k-th nearest neighbour in `values` (N, D): float32 (N,).

    Raises:
        PhizError: k faces or fewer, NaN or infinity.
        UsageError: k is below 1.
    """
    check(values, least=_least(k))
    centre = _centre(values)
    return np.sqrt(_reach(values, k, centre, _squares(values, centre)))


def realism(real: np.ndarray, fake: np.ndarray, k: int = 5) -> np.ndarray:
    """Return how realistic each made face is: float32 (M,), 1 and more within the real faces.

    The most, over real faces, of a real face's radius over its distance (Kynkaanniemi et al.,
    arXiv 1904.06991, eq. 3). As there, only the half of the real faces with the smaller radii takes
    part: the wide balls of lonely faces would take in anything; a face that is there more than k times has
    no radius and is not among them. At most 1,000, where a face is a real one.

    Raises:
        PhizError, UsageError: as `manifold`.
    """
    check_pair(real, fake)
    check(real, REAL, _least(k))
    centre = _centre(real, REAL)
    squares = _squares(real, centre, REAL), _squares(fake, centre, FAKE)
    reach = _reach(real, k, centre, squares[0])
    if not reach.any():
        raise PhizError(f"Each of the real faces is there more than {k} times; drop repeated ones first.")
    reach[reach > np.median(reach[reach > 0])] = 0.0
    best = np.zeros(len(fake), np.float32)
    for rows, columns, tile in _tiles(real, fake, centre, *squares):
        np.maximum(tile, 1e-6 * reach[rows, None] + np.finfo(np.float32).tiny, out=tile)
        np.divide(reach[rows, None], tile, out=tile)
        np.maximum(best[columns], tile.max(0), out=best[columns])
    return np.sqrt(best)


def nearest(
    queries: np.ndarray, base: np.ndarray, k: int = 1, mirrored: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k nearest rows of `base` (N, D) for each of `queries` (M, D).

    With `mirrored`, the features of the same N faces mirrored, a face counts once, at the lesser of its
    two distances.

    Returns:
        distances, float64 (M, k) in rising order, measured in float64, and indices, int64 (M, k).

    Raises:
        PhizError: fewer than k in `base`, different extractors, NaN or infinity.
        UsageError: k is below 1.
    """
    check_pair(base, queries)
    check(base, REAL, _least(k) - 1)
    sides = [base] if mirrored is None else [base, mirrored]
    if mirrored is not None and mirrored.shape != base.shape:
        raise UsageError(f"The mirrored features are {mirrored.shape}, not {base.shape} as the others.")
    centre = _centre(base, REAL)
    found = _candidates(queries, sides, min(k + 2, len(base)), centre)
    distances = np.minimum.reduce([_exact(queries, side, found) for side in sides])
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(found, order, 1)


def _candidates(queries: np.ndarray, sides: list[np.ndarray], k: int, centre: np.ndarray) -> np.ndarray:
    """Return the indices of the k nearest by the tiles' distances, in no order: int64 (M, k)."""
    own = _squares(queries, centre, FAKE)
    passes = [_tiles(queries, side, centre, own, _squares(side, centre, REAL)) for side in sides]
    best = np.full((len(queries), k), np.inf, np.float32)
    found = np.full((len(queries), k), -1, np.int64)
    for tiles in zip(*passes, strict=True):
        rows, columns, tile = tiles[0]
        for _, _, other in tiles[1:]:
            np.minimum(tile, other, out=tile)
        if tile.shape[1] > k:
            near = np.argpartition(tile, k - 1, axis=1)[:, :k]
        else:
            near = np.broadcast_to(np.arange(tile.shape[1]), tile.shape)
        both = np.concatenate([best[rows], np.take_along_axis(tile, near, 1)], axis=1)
        names = np.concatenate([found[rows], near + columns.start], axis=1)
        kept = np.argpartition(both, k - 1, axis=1)[:, :k]
        best[rows] = np.take_along_axis(both, kept, 1)
        found[rows] = np.take_along_axis(names, kept, 1)
    return found


def _exact(queries: np.ndarray, base: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the distances of `queries` from the rows of `base` named in `found`: float64 (M, k)."""
    distances = np.empty(found.shape)
    step = max(1, _EXACT // (found.shape[1] * base.shape[1]))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        apart = base[found[rows]].astype(np.float64) - queries[rows, None]
        distances[rows] = np.sqrt(np.einsum("mkd,mkd->mk", apart, apart))
    return distances


def _reach(values: np.ndarray, k: int, centre: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the squared distance to each row's k-th nearest neighbour: float32 (N,)."""
    best = np.full((len(values), k + 1), np.inf, np.float32)  # a row is its own nearest
    for rows, _, tile in _tiles(values, values, centre, squares, squares):
        if tile.shape[1] > k + 1:
            tile.partition(k, axis=1)
        both = np.concatenate([best[rows], tile[:, : k + 1]], axis=1)
        both.partition(k, axis=1)
        best[rows] = both[:, : k + 1]
    return best[:, k].copy()


def _tiles(
    a: np.ndarray, b: np.ndarray, centre: np.ndarray, a_squares: np.ndarray, b_squares: np.ndarray
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yield (rows of a, rows of b, their squared distances, float32), a tile at a time, row by row."""
    for top in range(0, len(a), _ROWS):
        rows = slice(top, min(top + _ROWS, len(a)))
        left = -2.0 * _centred(a[rows], centre)
        for start in range(0, len(b), _COLUMNS):
            columns = slice(start, min(start + _COLUMNS, len(b)))
            tile = left @ _centred(b[columns], centre).T
            tile += a_squares[rows, None]
            tile += b_squares[columns]
            yield rows, columns, np.maximum(tile, 0, out=tile)


def _centred(values: np.ndarray, centre: np.ndarray) -> np.ndarray:
    exact = np.result_type(values.dtype, np.float32)
    return np.subtract(values, centre, dtype=exact).astype(np.float32, copy=False)


def _centre(values: np.ndarray, what: str = "The features") -> np.ndarray:
    total = np.zeros(values.shape[1])
    for block in blocks(values, what=what):
        total += block.sum(0)
    return (total / len(values)).astype(np.float32)


def _squares(values: np.ndarray, centre: np.ndarray, what: str = "The features") -> np.ndarray:
    """Return |x - centre|^2 of each row, less what rounding loses: float32 (N,)."""
    squares = np.empty(len(values), np.float32)
    for start in range(0, len(values), BLOCK):
        block = _centred(values[start : start + BLOCK], centre)
        squares[start : start + BLOCK] = np.einsum("nd,nd->n", block, block, dtype=np.float64)
    bad = ~np.isfinite(squares)
    if bad.any():
        raise not_finite(int(bad.argmax()), what)
    return squares * np.float32(1.0 - _LOST)


def _least(k: int) -> int:
    if k < 1:
        raise UsageError(f"k is the number of a neighbour, from 1 upwards, not {k}.")
    return k + 1
