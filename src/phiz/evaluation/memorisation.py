"""Memorisation: how much of what a generator makes is copied from the faces it learned from.

No single number detects copying. What is measured here is whether made faces lie closer to training
faces than real faces do that the generator never saw. Such held-out faces are the baseline: real sets
hold near duplicates (one drawing cut twice, two frames of a film), and a generator that makes as many is
no copyist. The pictures of the nearest neighbours belong beside the number.

Copies are seen where the features see likeness. Features of a classifier see through a shift by two
pixels, but lose a small face under noise or JPEG; thumbnails.py does the opposite, costs next to nothing, and
needs no network. So look in both. A share of copies below about 1 % stays unseen, and so do altered copies
where more than 5 % of the real faces have near duplicates; the verdict says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phiz.errors import PhizError, UsageError
from phiz.evaluation.intervals import Interval, share
from phiz.evaluation.neighbours import nearest
from phiz.evaluation.statistics import blocks, check

QUANTILES = (0.01, 0.02, 0.05)
"""What shares of the held-out faces are called close: the smallest finds few exact copies, the largest
finds altered ones also where real faces have near duplicates."""

CHANCE = 0.001
"""A generator is flagged if so many close faces would come by chance less often than this, a quantile."""

TIMES = 1.5
"""... and if they are at least this many times as many as among held-out faces, by the low end of the
interval: the features of blurred or pale faces are a little nearer to each other, and that is no copying."""

_COPYIST = 0.1  # a test that would not see so many copies says that it cannot tell
_OFTEN = 3  # times the average, to which made faces beside one training face count
_ALIKE = 0.5  # a ratio below which a real face has a near duplicate


@dataclass(frozen=True)
class Tail:
    """How many made faces are closer to a training face than a small share of the held-out faces is.

    Attributes:
        expected: that share of the held-out faces, 0 to 1.
        threshold: the ratio (see `copies`) below which they, and the made faces counted, lie.
        close: how many made faces lie below it. Those of a ratio above a half, and above the smallest
            threshold, count once a training face (more often where far more are made than were learned
            from): many made faces beside one training face share its look, such as blur, not the face.
        total: of how many.
        chance: how often as many would be below it, or more, if made faces were like held-out ones:
            P(X >= close) for X negative hypergeometric, exact whatever the distribution of the ratios.
    """

    expected: float
    threshold: float
    close: int
    total: int
    chance: float

    @property
    def share(self) -> float:
        """The share of made faces below the threshold, 0 to 1."""
        return self.close / self.total

    @property
    def interval(self) -> Interval:
        """Its 95 % interval (Wilson)."""
        return share(self.close, self.total)

    @property
    def copied(self) -> Interval:
        """The 95 % interval of the share that is copied, if the rest is as close as held-out faces are."""
        low, high = ((end - self.expected) / (1 - self.expected) for end in self.interval)
        return max(0.0, low), max(0.0, high)

    @property
    def flagged(self) -> bool:
        """Whether this speaks of copying."""
        return self.chance < CHANCE and self.interval[0] >= TIMES * self.expected


@dataclass(frozen=True)
class Memorisation:
    """What `copies` found.

    Attributes:
        k: how many neighbours the ratios compare with.
        distances: float64 (M,), each made face's distance from its nearest training face.
        indices: int64 (M,), the row of that face.
        ratios: float64 (M,), that distance over what is usual there (see `copies`): 0 for a face that is
            there already, near 1 for one that is like none in particular.
        baseline: float64 (H,), the same ratios of the held-out faces.
        tails: one for each quantile.
        enough: whether there are faces enough to see a generator that copies a tenth.
    """

    k: int
    distances: np.ndarray
    indices: np.ndarray
    ratios: np.ndarray
    baseline: np.ndarray
    tails: tuple[Tail, ...]
    enough: bool

    @property
    def tail(self) -> Tail:
        """The one that speaks loudest: flagged if any is, and with the most copied."""
        return max(self.tails, key=lambda tail: (tail.flagged, tail.copied[0], -tail.chance))

    @property
    def flagged(self) -> bool:
        """Whether the generator copies, as far as can be told."""
        return self.tail.flagged

    @property
    def closest(self) -> np.ndarray:
        """The made faces by their ratios, the likeliest copies first: int64 (M,)."""
        return np.argsort(self.ratios, kind="stable")

    @property
    def verdict(self) -> str:
        """What was found, in a sentence or two."""
        tail = self.tail
        found = (
            f"{tail.share:.1%} of the made faces are closer to a training face than all but "
            f"{tail.expected:.1%} of the real faces that were held out"
        )
        if self.flagged:
            low, high = tail.copied
            return f"It copies: {found}. About {low:.1%} to {high:.1%} of its faces look copied."
        if not self.enough:
            return (
                f"Too few faces to tell: {found}, but of {len(self.ratios):,} made and "
                f"{len(self.baseline):,} held-out faces chance alone could make it so."
            )
        return f"No sign of copying: {found}.{self._caution}"

    @property
    def _caution(self) -> str:
        largest = max(self.tails, key=lambda tail: tail.expected)
        if largest.threshold >= _ALIKE:
            return ""
        return (
            f" But {largest.expected:.0%} of the held-out faces have near duplicates among the training "
            "faces, so only copies as close as these would be seen; drop near duplicates first."
        )


def copies(
    fake: np.ndarray,
    train: np.ndarray,
    held: np.ndarray,
    mirrored: np.ndarray | None = None,
    k: int = 5,
    quantiles: Sequence[float] = QUANTILES,
) -> Memorisation:
    """Look for copies of training faces among made ones.

    The ratio of a face is its distance from the nearest training face over the lesser of two: the mean
    distance of the made face from the k next, and of that training face from its own k nearest. So it is
    small only for a face that is nearer to one than to all others, as seen from both. (The first alone is
    much what Carlini et al., arXiv 2301.13188, use. It takes honest but blurred faces for copies: features of
    a classifier put them all beside the same few training faces. The second alone takes typical faces for
    copies, since the middle of a set is near to everything.)

    The made faces' ratios are compared with those of held-out real faces, as in the three-sample test of
    Meehan et al. (arXiv 2004.05675), but only where both are small: who copies a tenth shows there and not
    on average.

    Args:
        fake: features (M, D) of made faces, some thousand.
        train: features (N, D) of the faces the generator learned from.
        held: features (H, D) of real faces of the same kind that it did not see, some hundred at least.
        mirrored: features (N, D) of the training faces mirrored, in the same order; a generator may copy
            either.
        k: neighbours to compare with; fewer if there are fewer training faces.
        quantiles: see `QUANTILES`.

    Raises:
        PhizError: an empty set, fewer than 2 training faces, different extractors, NaN or infinity, or
            held-out faces that are in the training set.
        UsageError: a quantile outside 0 to 1.
    """
    check(fake, "The features of the made faces")
    check(held, "The features of the held-out faces")
    check(train, "The features of the training faces", 2)
    for values, what in ((held, "held-out"), (train, "training")):
        for _ in blocks(values, what=f"The features of the {what} faces"):
            pass
    if not quantiles or not all(0 < quantile < 1 for quantile in quantiles):
        raise UsageError(f"Quantiles are shares between 0 and 1, not {tuple(quantiles)}.")
    k = min(k, len(train) - 1)
    distances, indices, usual = _nearest(fake, train, mirrored, k)
    other_distances, _, other_usual = _nearest(held, train, mirrored, k)
    # where a face is there many times, nothing is usual: a quarter of what is usual elsewhere will do
    floor = max(float(np.median(other_usual)) / 4, np.finfo(np.float64).tiny)
    ratios, baseline = distances / np.maximum(usual, floor), other_distances / np.maximum(other_usual, floor)
    sure = max(_ALIKE, _threshold(baseline, min(quantiles)))
    most = max(1, _OFTEN * len(fake) // len(train))
    tails = tuple(_tail(ratios, indices, baseline, quantile, sure, most) for quantile in quantiles)
    if not max(tail.threshold for tail in tails):
        raise PhizError(
            "Held-out faces are among the training faces, so they are no baseline; "
            "drop duplicates, or hold out other faces."
        )
    enough = any(_would_flag(len(fake), len(held), quantile) for quantile in quantiles)
    return Memorisation(k, distances, indices, ratios, baseline, tails, enough)


def _nearest(
    queries: np.ndarray, train: np.ndarray, mirrored: np.ndarray | None, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distance from the nearest training face, its row, and what is usual there: (M,) each."""
    distances, indices = nearest(queries, train, k + 1, mirrored)
    each, place = np.unique(indices[:, 0], return_inverse=True)
    others, _ = nearest(train[each], train, k + 1, mirrored)  # the first is the face itself
    usual = np.minimum(distances[:, 1:].mean(1), others[:, 1:].mean(1)[place])
    return distances[:, 0], indices[:, 0], usual


def _rank(held: int, quantile: float) -> int:
    """Return which smallest of `held` ratios is the threshold, from 1."""
    return max(1, math.floor(quantile * (held + 1)))


def _threshold(baseline: np.ndarray, quantile: float) -> float:
    rank = _rank(len(baseline), quantile)
    return float(np.partition(baseline, rank - 1)[rank - 1])


def _tail(
    ratios: np.ndarray, indices: np.ndarray, baseline: np.ndarray, quantile: float, sure: float, most: int
) -> Tail:
    """Count the faces below a threshold, all those below `sure` and others `most` times a training face."""
    rank, threshold = _rank(len(baseline), quantile), _threshold(baseline, quantile)
    beside = np.bincount(indices[(ratios >= sure) & (ratios < threshold)])
    close = int((ratios < min(sure, threshold)).sum() + np.minimum(beside, most).sum())
    expected = rank / (len(baseline) + 1)
    return Tail(expected, threshold, close, len(ratios), chance(close, len(ratios), rank, len(baseline)))


def _would_flag(made: int, held: int, quantile: float) -> bool:
    """Say whether a generator that copies a tenth would be flagged at this quantile."""
    rank = _rank(held, quantile)
    expected = rank / (held + 1)
    close = round(made * (_COPYIST + (1 - _COPYIST) * expected))
    return Tail(expected, 0.0, close, made, chance(close, made, rank, held)).flagged


def chance(close: int, made: int, rank: int, held: int) -> float:
    """Return the probability that `close` or more of `made` values are below the rank-th of `held` ones.

    All being drawn alike: the sum over x >= close of
    C(x + rank - 1, x) C(made - x + held - rank, made - x) / C(made + held, made).
    """
    if close <= 0:
        return 1.0
    log = math.lgamma
    whole = log(made + held + 1) - log(made + 1) - log(held + 1) + log(rank) + log(held - rank + 1)
    total = 0.0
    for x in range(close, made + 1):
        left = log(x + rank) - log(x + 1)
        right = log(made - x + held - rank + 1) - log(made - x + 1)
        total += math.exp(left + right - whole)
    return min(1.0, total)
