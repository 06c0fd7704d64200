"""Choosing faces: realistic ones, and as different from each other as random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.errors import UsageError
from phiz.evaluation.neighbours import manifold, realism
from phiz.sampling.choosing import choose


def spread(values: np.ndarray) -> float:
    """Return the mean distance from the nearest other row."""
    apart = np.sqrt(((values[:, None] - values[None]) ** 2).sum(2))
    np.fill_diagonal(apart, np.inf)
    return float(apart.min(1).mean())


def cloud(n: int, dimensions: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)


@settings(max_examples=50)
@given(st.data())
def test_picks_are_different_faces_the_most_realistic_first(data):
    n = data.draw(st.integers(1, 40))
    count = data.draw(st.integers(1, n))
    draws = np.random.default_rng(data.draw(st.integers(0, 99)))
    features = draws.normal(size=(n, 3)).astype(np.float32)
    scores = draws.uniform(0, 2, n).astype(np.float32)
    picked = choose(features, scores, count, data.draw(st.sampled_from([0.0, 0.5, 1.0, 2.0])))
    assert picked.shape == (count,)
    assert len(set(picked.tolist())) == count
    assert set(picked.tolist()) <= set(range(n))
    assert (np.diff(scores[picked]) <= 0).all()


def test_the_best_of_a_good_and_a_bad_half_without_losing_variety():
    """A generator of which every third face is off: the picks are better, and as varied as random ones."""
    train, held = cloud(900, seed=1), cloud(900, seed=2)
    made = cloud(1200, seed=3)
    made[::3] *= 2.2
    scores = realism(train, made)
    picked = choose(made, scores, 300)
    random = np.random.default_rng(4).permutation(len(made))[:300]
    best, usual = manifold(held, made[picked]), manifold(held, made[random])
    assert best.precision >= usual.precision + 0.05
    assert best.recall >= 0.8 * usual.recall
    assert spread(made[picked]) >= 0.95 * spread(made[random])


def test_ranking_alone_would_lose_the_rarer_kind_and_choosing_does_not():
    """Two kinds of faces, the rarer one a little less realistic throughout."""
    made = cloud(400, seed=5)
    made[300:] += 30
    scores = np.random.default_rng(6).uniform(0.9, 1.1, 400)
    scores[300:] -= 0.2
    assert (choose(made, scores, 60, apart=0) < 300).all()
    assert (choose(made, scores, 60) >= 300).sum() >= 3


def test_apart_0_ranks_by_realism():
    scores = np.random.default_rng(7).uniform(0, 1, 50)
    np.testing.assert_array_equal(choose(cloud(50), scores, 7, apart=0), np.argsort(-scores)[:7])


def test_more_apart_means_more_different_and_less_realistic():
    made, scores = cloud(500), np.random.default_rng(8).uniform(0.5, 1.5, 500)
    near, far = choose(made, scores, 50, apart=0.8), choose(made, scores, 50, apart=1.4)
    assert spread(made[far]) > spread(made[near])
    assert scores[far].mean() < scores[near].mean()


def test_a_face_and_its_copy_are_not_both_picked_while_others_are_left():
    made = cloud(60)
    made[30:] = made[:30]
    picked = choose(made, np.r_[np.linspace(1, 2, 30), np.linspace(1, 2, 30)], 20)
    assert len(set((picked % 30).tolist())) == 20


def test_units_do_not_matter():
    made, scores = cloud(300), np.random.default_rng(9).uniform(0.5, 1.5, 300)
    picked = choose(made, scores, 40)
    np.testing.assert_array_equal(choose(made * 64, scores * 8, 40), picked)
    np.testing.assert_array_equal(choose(made + 1, scores, 40), picked)
    stretched = choose(made, scores**5, 40)
    assert len(set(stretched.tolist()) & set(picked.tolist())) >= 30


def test_faces_that_are_all_alike_or_all_unreal_can_be_chosen_from():
    assert len(choose(np.ones((9, 4), np.float32), np.ones(9), 5)) == 5
    assert len(choose(cloud(9), np.zeros(9), 5)) == 5


@pytest.mark.parametrize(
    ("features", "scores", "count", "apart"),
    [
        (cloud(5), np.ones(5), 0, 1.0),
        (cloud(5), np.ones(5), 6, 1.0),
        (cloud(5), np.ones(4), 2, 1.0),
        (cloud(5), np.ones(5), 2, -1.0),
        (cloud(5), np.ones(5), 2, np.nan),
        (cloud(5), -np.ones(5), 2, 1.0),
        (cloud(5), np.full(5, np.nan), 2, 1.0),
        (np.full((5, 3), np.inf, np.float32), np.ones(5), 2, 1.0),
    ],
)
def test_refuses_what_cannot_be_chosen_from(features, scores, count, apart):
    with pytest.raises(UsageError):
        choose(features, scores, count, apart)
