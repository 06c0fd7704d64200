"""Distances: their values on Gaussians by formula, and against second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.errors import PhizError, UsageError
from phiz.evaluation.distances import _plan as plan
from phiz.evaluation.distances import frechet, kid, mind, relative_frechet, sliced_wasserstein
from phiz.evaluation.statistics import Statistics


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int = 1000) -> Statistics:
    """The statistics of `count` faces with exactly this mean and covariance."""
    return Statistics(count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1))


def draw(count: int, dimensions: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Normal features; `shift` moves the first of them."""
    values = scale * np.random.default_rng(seed).standard_normal((count, dimensions))
    values[:, 0] += shift
    return values.astype(np.float32)


# Frechet


def test_a_shift_costs_its_square():
    covariance = np.cov(draw(50, 5, 0).T)
    apart = np.array([3.0, 0, 4.0, 0, 0])
    found = frechet(gaussian(np.zeros(5), covariance), gaussian(apart, covariance))
    assert found == pytest.approx(25.0)


def test_covariances_with_the_same_axes_follow_the_formula():
    turn, _ = np.linalg.qr(draw(6, 6, 1))
    first, second = np.array([1, 2, 3, 4, 0.5, 9]), np.array([2, 2, 0.1, 5, 0, 7])
    found = frechet(
        gaussian(np.zeros(6), turn * first @ turn.T), gaussian(np.zeros(6), turn * second @ turn.T)
    )
    assert found == pytest.approx(((np.sqrt(first) - np.sqrt(second)) ** 2).sum(), abs=1e-6)


def test_covariances_of_two_features_follow_the_formula():
    first, second = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    product = first @ second  # the root of a 2 x 2 matrix has the trace sqrt(tr + 2 sqrt(det))
    shared = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    expected = np.trace(first) + np.trace(second) - 2 * shared
    assert frechet(gaussian([0, 0], first), gaussian([0, 0], second)) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [(400, 300), (40, 300), (300, 20), (15, 18)])
def test_frechet_agrees_with_the_matrix_root_of_scipy(counts):
    linalg = pytest.importorskip("scipy.linalg")
    mix = draw(30, 30, 2)
    a, b = draw(counts[0], 30, 3) @ mix, draw(counts[1], 30, 4, 1.3, 0.4) @ mix
    first, second = np.cov(a.astype(float).T), np.cov(b.astype(float).T)
    apart = a.mean(0, dtype=float) - b.mean(0, dtype=float)
    # far below the figure, but enough for the root of a singular matrix to exist
    raised = 1e-9 * np.trace(first) * np.eye(30)
    root = linalg.sqrtm((first + raised) @ (second + raised)).real
    expected = apart @ apart + np.trace(first) + np.trace(second) - 2 * np.trace(root)
    assert frechet(Statistics.of(a), Statistics.of(b)) == pytest.approx(expected, rel=2e-3)
    if min(counts) > 30:
        assert frechet(Statistics.of(a), Statistics.of(b)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [300, 12])
def test_a_set_is_at_no_distance_from_itself(count):
    made = Statistics.of(draw(count, 20, 5))
    assert frechet(made, made) == pytest.approx(0, abs=1e-9)


def test_frechet_is_the_same_both_ways():
    a, b = Statistics.of(draw(90, 20, 6)), Statistics.of(draw(15, 20, 7, 2.0))
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-9)


def test_dead_features_do_no_harm():
    a, b = draw(200, 10, 8), draw(200, 10, 9, 1.5)
    dead = np.zeros((200, 30), np.float32)
    wide = frechet(*(Statistics.of(np.concatenate([x, dead], axis=1)) for x in (a, b)))
    assert wide == pytest.approx(frechet(Statistics.of(a), Statistics.of(b)), rel=1e-6)


def test_a_generator_frozen_at_the_mean_scores_one():
    real = draw(500, 24, 10, 3.0) + 7
    frozen = np.repeat(real.mean(0, dtype=np.float64)[None], 100, axis=0)
    assert relative_frechet(Statistics.of(real), Statistics.of(frozen)) == pytest.approx(1.0, rel=1e-6)


def test_fewer_faces_than_features_work_and_can_be_told():
    real, few = Statistics.of(draw(2000, 60, 11)), Statistics.of(draw(40, 60, 12))
    many = Statistics.of(draw(2000, 60, 13))
    assert few.singular
    assert not many.singular
    assert 10 * frechet(real, many) < frechet(real, few) < real.variance + few.variance


def test_real_faces_all_alike_are_nothing_to_measure_by():
    alike = Statistics.of(np.ones((20, 3)))
    with pytest.raises(PhizError, match="same features"):
        relative_frechet(alike, Statistics.of(draw(20, 3, 0)))


# KID


def naive_kid(x: np.ndarray, y: np.ndarray) -> float:
    """MMD^2 face by face."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a.astype(float) @ b.astype(float)) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    return (
        sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
        + sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
        - 2 * sum(k(a, b) for a in x for b in y) / (n * m)
    )


def test_kid_agrees_with_a_plain_loop():
    a, b = draw(30, 7, 1), draw(30, 7, 2, 1.2, 0.5)
    assert kid(a, b, subsets=3).mean == pytest.approx(naive_kid(a, b), rel=1e-9)
    assert kid(a, b, subsets=3).deviation == pytest.approx(0, abs=1e-12)  # all subsets are the whole


def test_kid_of_gaussians_is_what_the_kernel_expects():
    # E (xy + 1)^3 = E x^3 E y^3 + 3 E x^2 E y^2 + 3 E x E y + 1 for independent x, y
    shift = 0.8
    zero, moved = (0.0, 1.0, 0.0), (shift, 1 + shift**2, shift**3 + 3 * shift)

    def expected(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        return a[2] * b[2] + 3 * a[1] * b[1] + 3 * a[0] * b[0] + 1

    truth = expected(zero, zero) + expected(moved, moved) - 2 * expected(zero, moved)
    a, b = draw(20_000, 1, 3), draw(20_000, 1, 4, shift=shift)
    assert kid(a, b, subsets=20).mean == pytest.approx(truth, rel=0.1)


def test_kid_of_the_same_faces_is_zero_on_average_and_may_be_negative():
    values = [kid(draw(60, 8, s), draw(60, 8, 1000 + s), subsets=1).mean for s in range(200)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(len(values))


def test_kid_follows_its_seed():
    a, b = draw(300, 5, 1), draw(300, 5, 2)
    assert kid(a, b, 5, 50, seed=1) == kid(a, b, 5, 50, seed=1) != kid(a, b, 5, 50, seed=2)


# sliced Wasserstein and MIND


@settings(max_examples=40)
@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 99))
def test_transport_on_a_line_agrees_with_scipy(n, m, seed):
    stats = pytest.importorskip("scipy.stats")
    a, b = np.sort(draw(n, 1, seed)[:, 0]), np.sort(draw(m, 1, seed + 100)[:, 0])
    here, there, mass = plan(n, m)
    assert mass.sum() == pytest.approx(1)
    found = (np.abs(a[here] - b[there]) * mass).sum()
    assert found == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("n", "m"), [(24, 24), (12, 24)])
def test_on_one_feature_it_is_the_best_pairing_of_all(n, m):
    optimize = pytest.importorskip("scipy.optimize")
    a, b = draw(n, 1, 1), draw(m, 1, 2, 2.0, 1.0)
    cost = (np.repeat(a, m // n, axis=0) - b.T) ** 2
    rows, columns = optimize.linear_sum_assignment(cost)
    assert sliced_wasserstein(a, b, 3) == pytest.approx(cost[rows, columns].mean(), rel=1e-5)


def test_mind_of_a_shift_is_three_times_its_square():
    a = draw(400, 12, 1)
    apart = np.linspace(-1, 2, 12)
    assert mind(a, a + apart, 20_000) == pytest.approx(3 * apart @ apart, rel=0.03)


def test_mind_of_a_wider_gaussian_is_three_times_frechet():
    a = draw(3000, 10, 1)
    expected = 3 * frechet(Statistics.of(a), Statistics.of(1.5 * a))
    assert mind(a, 1.5 * a, 300) == pytest.approx(expected, rel=0.02)


def test_an_offset_and_the_order_do_not_matter_to_mind():
    a, b = draw(200, 6, 1), draw(150, 6, 2, 1.5)
    plain = mind(a, b, 50)
    assert mind(a[::-1] + 500, b[::-1] + 500, 50) == pytest.approx(plain, rel=1e-3)
    assert mind(a, a[::-1], 50) == pytest.approx(0, abs=1e-9)
    assert mind(a, b, 50, seed=1) != plain


def test_mind_is_the_same_in_pieces(monkeypatch):
    a, b = draw(200, 6, 1), draw(150, 6, 2, 1.5)
    whole = mind(a, b, 50)
    monkeypatch.setattr("phiz.evaluation.distances._PROJECTED", 600)
    assert mind(a, b, 50) == pytest.approx(whole, rel=1e-6)


# what is wrong with the input


@pytest.mark.parametrize("measure", [kid, mind, sliced_wasserstein])
def test_bad_input_is_one_line(measure):
    good, bad = draw(20, 4, 0), draw(20, 4, 1)
    bad[3, 1] = np.nan
    for real, fake, words in (
        (good, bad, "made faces.*NaN.*"),
        (bad, good, "real faces.*NaN"),
        (good, good[:0], "made faces.*of 0"),
        (good[:0], good, "real faces.*of 0"),
        (good, draw(20, 5, 0), "same extractor"),
    ):
        with pytest.raises(PhizError, match=words) as fault:
            measure(real, fake)
        assert "\n" not in str(fault.value)


def test_settings_that_measure_nothing_are_refused():
    values = draw(20, 4, 0)
    with pytest.raises(UsageError, match="subset"):
        kid(values, values, subsets=0)
    with pytest.raises(UsageError, match="subset"):
        kid(values, values, size=1)
    with pytest.raises(UsageError, match="projection"):
        mind(values, values, 0)


def test_statistics_of_two_extractors_are_not_compared():
    with pytest.raises(PhizError, match="same extractor"):
        frechet(Statistics.of(draw(20, 4, 0)), Statistics.of(draw(20, 5, 0)))
