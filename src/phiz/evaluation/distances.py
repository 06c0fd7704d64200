"""Distances between two sets of features: Frechet, KID and MIND. Lower is better everywhere.

Each depends on the extractor, its resize rule and the numbers of faces; figures of different conventions
cannot be compared. None is zero for two samples of the same faces, but KID's mean: measure real faces
against other real ones on the same numbers to see the floor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from phiz.errors import PhizError, UsageError
from phiz.evaluation.statistics import Statistics, blocks, check_pair, not_finite

REAL, FAKE = "The features of the real faces", "The features of the made faces"

_PROJECTED = 2**24  # projections held at once: 64 MiB of float32


class Kid(NamedTuple):
    """The kernel distance: its mean over the subsets, and their standard deviation."""

    mean: float
    deviation: float


def frechet(real: Statistics, fake: Statistics) -> float:
    """Return the squared Frechet distance of two Gaussians with these means and covariances.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982; on Inception features this is
    FID, Heusel et al., arXiv 1706.08500, eq. 6). The trace of the root is the sum of the roots of the
    eigenvalues of R^T S2 R, where R R^T = S1: a symmetric matrix, so that nothing complex arises and
    singular covariances need no padding. In the squared units of the features; never below 0.

    It is biased upwards, about as 1/N: give N with it. `Statistics.singular` tells when N is too small.

    Raises:
        PhizError: different extractors, or a set of one face.
    """
    if real.dimensions != fake.dimensions:
        raise PhizError(
            f"Statistics of {real.dimensions} and of {fake.dimensions} features cannot be compared; "
            "take both sets through the same extractor."
        )
    apart = real.mean - fake.mean
    root = real.root
    eigenvalues = np.linalg.eigvalsh(root.T @ fake.covariance @ root)[::-1][: fake.rank]
    shared = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return float(max(apart @ apart + real.variance + fake.variance - 2.0 * shared, 0.0))


def relative_frechet(real: Statistics, fake: Statistics) -> float:
    """Return the Frechet distance over the trace of the real covariance.

    Free of the features' scale: a generator frozen at the mean of the real features scores 1.0.

    Raises:
        PhizError: as `frechet`; or the real faces are all alike.
    """
    return frechet(real, fake) / scale(real)


def scale(real: Statistics) -> float:
    """Return what a Frechet distance is taken over to be free of the features' scale: the trace.

    Raises:
        PhizError: the real faces are all alike.
    """
    if real.variance <= 0:
        raise PhizError("The real faces all have the same features, so nothing can be measured by them.")
    return real.variance


def kid(
    real: np.ndarray, fake: np.ndarray, subsets: int = 100, size: int = 1000, degree: int = 3, seed: int = 0
) -> Kid:
    """Return the kernel distance KID (Binkowski et al., arXiv 1801.01401).

    The unbiased estimate of MMD^2 under k(x, y) = (x.y / D + 1)^degree, over `subsets` random pairs of
    subsets of `size` faces, or as many as the smaller set has. Unbiased, so it may be negative and needs
    no floor; it suits small sets.

    Args:
        real, fake: features (N, D) and (M, D), at least 2 faces each.

    Raises:
        PhizError: too few faces, different extractors, NaN or infinity.
        UsageError: no subset, or a size below 2.
    """
    if subsets < 1 or size < 2:
        raise UsageError(f"KID takes at least one subset of at least 2 faces, not {subsets} of {size}.")
    check_pair(real, fake, least=2)
    size = min(size, len(real), len(fake))
    draws = np.random.default_rng(seed)
    estimates = np.empty(subsets)
    for index in range(subsets):
        x = _subset(real, size, draws, REAL)
        y = _subset(fake, size, draws, FAKE)
        estimates[index] = _within(x, degree) + _within(y, degree) - 2.0 * _kernel(x, y, degree).mean()
    return Kid(float(estimates.mean()), float(estimates.std()))


def _subset(values: np.ndarray, size: int, draws: np.random.Generator, what: str) -> np.ndarray:
    rows = np.sort(draws.choice(len(values), size, replace=False))
    part = np.asarray(values[rows], np.float64)
    bad = ~np.isfinite(part).all(1)
    if bad.any():
        raise not_finite(int(rows[bad.argmax()]), what)
    return part


def _kernel(x: np.ndarray, y: np.ndarray, degree: int) -> np.ndarray:
    base = x @ y.T
    base /= x.shape[1]
    base += 1.0
    kernel = base.copy()
    for _ in range(degree - 1):  # a general power takes ten times as long
        kernel *= base
    return kernel


def _within(x: np.ndarray, degree: int) -> float:
    """Return the mean kernel of two different faces of one set."""
    kernel = _kernel(x, x, degree)
    return float((kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1)))


def mind(real: np.ndarray, fake: np.ndarray, projections: int = 1000, seed: int = 0) -> float:
    """Return MIND, the Monge Inception distance (Berthet et al., arXiv 2605.06797).

    3 D times `sliced_wasserstein`. The factor makes it comparable from extractor to extractor: sets that
    differ by a shift d score 3 |d|^2, three times their Frechet distance. Made for small sets: 5,000 faces
    rank models as FID does with 50,000. It is biased upwards, so see the floor. With Inception features
    and equal numbers of faces it is what the paper defines; the directions are our own draws.
    """
    return sliced_wasserstein(real, fake, projections, seed) * 3.0 * real.shape[1]


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, projections: int = 1000, seed: int = 0) -> float:
    """Return the squared sliced 2-Wasserstein distance of two sets of features (N, D) and (M, D).

    Both sets are projected on `projections` random unit directions (Gaussian draws of `seed`, normed);
    on each line the squared 2-Wasserstein distance follows from sorting, exactly also where N and M
    differ; the result is the mean over the directions (Rabin et al., 2011). Projected in float32.

    Raises:
        PhizError: an empty set, different extractors, NaN or infinity.
        UsageError: no projection.
    """
    if projections < 1:
        raise UsageError(f"At least one projection is needed, not {projections}.")
    check_pair(real, fake)
    directions = np.random.default_rng(seed).standard_normal((projections, real.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centre = np.zeros(real.shape[1])
    for block in blocks(real, what=REAL):
        centre += block.sum(0) / len(real)
    here, there, width = _plan(len(real), len(fake))
    total, step = 0.0, max(1, _PROJECTED // max(len(real), len(fake)))
    for start in range(0, projections, step):
        lines = directions[start : start + step].astype(np.float32)
        x = _sorted_on(lines, real, centre, REAL)
        y = _sorted_on(lines, fake, centre, FAKE)
        for a, b in zip(x, y, strict=True):
            total += np.square(a[here] - b[there], dtype=np.float64) @ width
    return total / projections


def _sorted_on(lines: np.ndarray, values: np.ndarray, centre: np.ndarray, what: str) -> np.ndarray:
    """Return the sorted projections of `values` less `centre` on each of `lines`, float32 (lines, N)."""
    projected = np.empty((len(lines), len(values)), np.float32)
    done = 0
    for block in blocks(values, what=what):
        projected[:, done : done + len(block)] = lines @ (block - centre).astype(np.float32).T
        done += len(block)
    projected.sort(axis=1)
    return projected


def _plan(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the optimal transport on a line from n to m equal weights, both sorted.

    (from, to, mass): index pairs and the mass that goes between them, which sums to 1. The masses are
    the steps between the quantiles i/n and j/m; they are counted in units of 1/(n m), so exactly.
    """
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    starts = np.concatenate([[0], ends[:-1]])
    return starts // m, starts // n, (ends - starts) / (n * m)
