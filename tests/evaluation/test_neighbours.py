"""Neighbours: against plain loops, on sets whose answers are known, and for the convention."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.errors import PhizError, UsageError
from phiz.evaluation import neighbours
from phiz.evaluation.neighbours import kth_radii, manifold, nearest, realism


def draw(count: int, dimensions: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal((count, dimensions)) + shift).astype("f4")


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return math.dist(a.tolist(), b.tolist())


def plain_radius(values: np.ndarray, index: int, k: int) -> float:
    return sorted(apart(values[index], other) for j, other in enumerate(values) if j != index)[k - 1]


def plain_manifold(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """Precision, recall, density and coverage, face by face."""
    reach = [plain_radius(real, i, k) for i in range(len(real))]
    span = [plain_radius(fake, j, k) for j in range(len(fake))]
    balls = [[apart(real[i], f) <= reach[i] for i in range(len(real))] for f in fake]
    return {
        "precision": sum(any(row) for row in balls) / len(fake),
        "density": sum(sum(row) for row in balls) / (k * len(fake)),
        "coverage": sum(any(row[i] for row in balls) for i in range(len(real))) / len(real),
        "recall": sum(any(apart(r, f) <= span[j] for j, f in enumerate(fake)) for r in real) / len(real),
    }


@pytest.fixture(autouse=True, params=[(1024, 4096), (16, 24)], ids=["one tile", "many tiles"])
def _tiles(request, monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", request.param[0])
    monkeypatch.setattr(neighbours, "_COLUMNS", request.param[1])


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("counts", [(60, 45), (33, 70)])
def test_the_manifold_agrees_with_a_plain_loop(k, counts):
    real, fake = draw(counts[0], 4, 1), draw(counts[1], 4, 2, 0.8, 0.4)
    found = manifold(real, fake, k)
    for name, value in plain_manifold(real, fake, k).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-9), name


def test_a_tight_cluster_of_fakes_has_high_precision_and_low_recall():
    real = draw(600, 8, 1)
    cluster = draw(600, 8, 2, 0.05)
    found = manifold(real, cluster)
    assert found.precision > 0.95
    assert found.recall < 0.05
    assert found.coverage < 0.3


def test_fakes_all_over_the_place_have_low_precision_and_high_recall():
    found = manifold(draw(600, 8, 1), draw(600, 8, 2, 5.0))
    assert found.precision < 0.1
    assert found.recall > 0.9


def test_the_same_distribution_scores_what_is_expected_of_it():
    # Naeem et al.: density 1, coverage 1 - (N-1)...(N-k) / (M+N-1)...(M+N-k), whatever the distribution
    n, m, k = 400, 300, 5
    expected = 1 - math.prod((n - i) / (m + n - i) for i in range(1, k + 1))
    found = [manifold(draw(n, 6, s), draw(m, 6, 50 + s), k) for s in range(12)]
    assert np.mean([f.coverage for f in found]) == pytest.approx(expected, abs=0.012)
    assert np.mean([f.density for f in found]) == pytest.approx(1, abs=0.05)


def test_real_and_made_change_places():
    real, fake = draw(80, 5, 1), draw(60, 5, 2, 0.7)
    there, back = manifold(real, fake), manifold(fake, real)
    assert (there.precision, there.recall) == (back.recall, back.precision)


def test_the_figures_are_the_means_of_what_each_face_scores():
    found = manifold(draw(80, 5, 1), draw(60, 5, 2))
    assert found.inside.shape == found.depth.shape == (60,)
    assert found.recalled.shape == found.covered.shape == (80,)
    assert np.array_equal(found.inside, found.depth > 0)
    assert found.k == 5


def test_a_generator_that_makes_one_face_only_recalls_nothing():
    real = draw(100, 8, 1, shift=300.0)
    found = manifold(real, np.repeat(real.mean(0)[None], 50, axis=0))
    assert found.recall == 0


def test_copies_of_the_real_faces_score_full():
    real = draw(100, 8, 1)
    found = manifold(real, real.copy())
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


@pytest.mark.parametrize("k", [1, 4])
def test_radii_reach_to_the_kth_neighbour(k):
    values = draw(70, 5, 3)
    expected = [plain_radius(values, i, k) for i in range(len(values))]
    assert np.allclose(kth_radii(values, k), expected, rtol=1e-4)


def test_a_face_that_is_there_twice_has_a_neighbour_at_distance_zero():
    values = draw(60, 300, 4, shift=1000.0)  # an offset that would eat the digits of a plain float32 product
    values[41] = values[7]
    radii = kth_radii(values, 1)
    assert radii[7] == radii[41] == 0
    assert np.delete(radii, [7, 41]).min() > 15


def plain_realism(real: np.ndarray, fake: np.ndarray, k: int) -> list[float]:
    reach = np.array([plain_radius(real, i, k) for i in range(len(real))])
    kept = np.flatnonzero(reach <= np.median(reach))
    return [max(reach[i] / apart(real[i], f) for i in kept) for f in fake]


def test_realism_agrees_with_a_plain_loop():
    real, fake = draw(61, 4, 5), draw(40, 4, 6, 1.5)
    assert np.allclose(realism(real, fake, 3), plain_realism(real, fake, 3), rtol=1e-3)


def test_realism_of_sets_with_many_repeated_faces():
    alone, crowd = draw(20, 6, 1), np.repeat(draw(8, 6, 2), 9, 0)  # most radii are 0
    scores = realism(np.concatenate([alone, crowd]), np.concatenate([alone[:3], 50 + alone[:3]]))
    assert scores[:3].max() == pytest.approx(1000)
    assert (scores[3:] < 1).all()
    with pytest.raises(PhizError, match="more than 5 times"):
        realism(crowd, alone)


def test_realism_ranks_faces_by_how_far_out_they_are():
    real = draw(300, 6, 7)
    scores = realism(real, np.outer(np.arange(0.0, 10.0), np.ones(6)).astype("f4"))
    assert (np.diff(scores[1:]) < 0).all()
    assert scores[0] > 1 > scores[3]
    assert realism(10 * real, 10 * real).max() == pytest.approx(1000)


@settings(max_examples=25)
@given(n=st.integers(1, 60), m=st.integers(1, 30), k=st.integers(1, 7), offset=st.sampled_from([0.0, 1e3]))
def test_the_nearest_are_the_nearest(n, m, k, offset):
    base, queries = draw(n, 3, 8, shift=offset), draw(m, 3, 9, shift=offset)
    if k > n:
        with pytest.raises(PhizError, match=f"at least {k}"):
            nearest(queries, base, k)
        return
    distances, indices = nearest(queries, base, k)
    assert distances.shape == indices.shape == (m, k)
    exact = np.array([[apart(q, b) for b in base] for q in queries])
    assert np.allclose(distances, np.sort(exact, axis=1)[:, :k], rtol=1e-4)
    assert np.allclose(np.take_along_axis(exact, indices, 1), distances, rtol=1e-9)
    assert all(len(set(row)) == k for row in indices.tolist())


def test_an_equal_face_is_found_at_distance_zero():
    base = draw(200, 256, 1, shift=100.0)
    distances, indices = nearest(base[50:60], base)
    assert (distances == 0).all()
    assert indices[:, 0].tolist() == list(range(50, 60))


def test_mirrored_faces_count_once_at_the_lesser_distance():
    base, mirrored = draw(90, 6, 1), draw(90, 6, 2)
    queries = np.concatenate([mirrored[:10], base[20:30]]) + np.float32(0.01)
    distances, indices = nearest(queries, base, 3, mirrored)
    assert indices[:, 0].tolist() == [*range(10), *range(20, 30)]
    both = np.minimum(*(np.linalg.norm(queries[:, None] - s[None], axis=2) for s in (base, mirrored)))
    assert np.allclose(distances, np.sort(both, axis=1)[:, :3], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_any_float_and_memory_maps_do(tmp_path, dtype):
    base, queries = draw(50, 4, 1).astype(dtype), draw(10, 4, 2).astype(dtype)
    np.save(tmp_path / "base.npy", base)
    mapped = np.load(tmp_path / "base.npy", mmap_mode="r")
    assert np.array_equal(nearest(queries, mapped, 2)[1], nearest(queries, base, 2)[1])
    assert manifold(mapped, queries).precision == manifold(base, queries).precision


def test_bad_input_is_one_line():
    good, bad = draw(20, 4, 0), draw(20, 4, 1)
    bad[3, 1] = np.inf
    for measure in (manifold, realism):
        for real, fake, words in (
            (good, bad, "made faces.*row 3"),
            (bad, good, "real faces.*row 3"),
            (good, good[:0], "made faces.*of 0"),
            (good[:5], good, "real faces.*at least 6"),
            (good, good[:, :3], "same extractor"),
        ):
            with pytest.raises(PhizError, match=words) as fault:
                measure(real, fake)
            assert "\n" not in str(fault.value)
    with pytest.raises(UsageError, match="k is"):
        manifold(good, good, 0)
    with pytest.raises(PhizError, match="row 3"):
        kth_radii(bad, 1)
    with pytest.raises(UsageError, match="mirrored"):
        nearest(good, good, 1, good[:5])
