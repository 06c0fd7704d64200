"""Intervals: as wide as the figures really scatter, and honest where they cannot be given."""

from __future__ import annotations

import numpy as np
import pytest

from phiz.errors import PhizError, UsageError
from phiz.evaluation import intervals
from phiz.evaluation.distances import frechet, kid
from phiz.evaluation.neighbours import manifold
from phiz.evaluation.statistics import Statistics

REAL = np.random.default_rng(0).standard_normal((1000, 6)).astype("f4")


def fakes(seed: int, count: int = 300) -> np.ndarray:
    return (0.7 * np.random.default_rng(1000 + seed).standard_normal((count, 6)) + 0.3).astype("f4")


def by_frechet(real: Statistics, fake: np.ndarray) -> float:
    return frechet(real, Statistics.of(fake))


def by_kid(real: np.ndarray, fake: np.ndarray) -> float:
    return kid(real, fake, subsets=2, size=1000).mean


@pytest.mark.parametrize(
    ("measure", "real"), [(by_frechet, Statistics.of(REAL)), (by_kid, REAL)], ids=["frechet", "kid"]
)
def test_the_spread_is_that_of_other_draws(measure, real):
    truth = np.std([measure(real, fakes(s)) for s in range(60)], ddof=1)
    found = np.mean([intervals.spread(measure, fakes(s), real, 20, seed=s) for s in range(8)])
    assert 0.78 * truth < found < 1.28 * truth  # either way by less than the root of two


def test_the_interval_lies_around_the_figure_and_follows_its_seed():
    real, fake = Statistics.of(REAL), fakes(0)
    low, high = intervals.bootstrap(by_frechet, fake, real, 10)
    value = by_frechet(real, fake)
    assert low < value < high
    assert (low + high) / 2 == pytest.approx(value)
    assert intervals.bootstrap(by_frechet, fake, real, 10, value=value) == (low, high)
    assert intervals.bootstrap(by_frechet, fake, real, 10, seed=1) != (low, high)


def test_several_figures_are_spread_at_once():
    def measure(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
        found = manifold(real, fake)
        return found.precision, found.recall

    both = intervals.spread(measure, fakes(0), REAL, 4)
    assert both.shape == (2,)
    assert (both > 0).all()


def test_more_faces_give_a_narrower_interval():
    real = Statistics.of(REAL)
    few = intervals.spread(by_frechet, fakes(0, 100), real, 20)
    many = intervals.spread(by_frechet, fakes(0, 1600), real, 20)
    assert many < 0.5 * few


def test_shares_follow_wilson():
    assert intervals.share(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-3))
    assert intervals.share(10, 10) == (pytest.approx(0.7225, abs=1e-3), 1.0)
    assert intervals.share(50, 100) == (pytest.approx(0.4038, abs=1e-3), pytest.approx(0.5962, abs=1e-3))


def test_nineteen_of_twenty_intervals_hold_the_truth():
    draws = np.random.default_rng(1)
    held = [
        low <= 0.1 <= high for low, high in (intervals.share(h, 200) for h in draws.binomial(200, 0.1, 2000))
    ]
    assert 0.93 < np.mean(held) < 0.98
    means = [intervals.mean(draws.exponential(2.0, 200)) for _ in range(2000)]
    assert 0.92 < np.mean([low <= 2.0 <= high for low, high in means]) < 0.97


def test_what_cannot_be_given_is_refused():
    real = Statistics.of(REAL)
    with pytest.raises(PhizError, match="at least 4"):
        intervals.bootstrap(by_frechet, fakes(0)[:3], real)
    with pytest.raises(UsageError, match="2 draws"):
        intervals.bootstrap(by_frechet, fakes(0), real, 1)
    with pytest.raises(PhizError, match="no faces"):
        intervals.share(0, 0)
    with pytest.raises(PhizError, match="at least 2"):
        intervals.mean(np.ones(1))
