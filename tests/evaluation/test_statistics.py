"""Statistics: right, mergeable in any split and order, and plain about what is wrong with the input."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.errors import PhizError
from phiz.evaluation.distances import frechet
from phiz.evaluation.statistics import Statistics

DRAWS = np.random.default_rng(0)
MIX = DRAWS.standard_normal((6, 6))


def features(count: int, offset: float = 0.0, seed: int = 1) -> np.ndarray:
    """Correlated features (count, 6) around `offset`."""
    return (np.random.default_rng(seed).standard_normal((count, 6)) @ MIX + offset).astype(np.float32)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() <= 1e-9 * max(np.abs(a).max(), 1e-30))


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_they_are_the_mean_and_the_covariance(block):
    values = features(100, offset=3)
    made = Statistics.of(values, block=block)
    assert made.count == 100
    assert close(values.astype(np.float64).mean(0), made.mean)
    assert close(np.cov(values.astype(np.float64).T), made.covariance)
    assert made.variance == pytest.approx(np.trace(made.covariance))
    assert close(made.covariance, made.root @ made.root.T)


@settings(max_examples=60)
@given(
    cuts=st.lists(st.integers(1, 199), max_size=6),
    order=st.randoms(use_true_random=False),
    offset=st.sampled_from([0.0, -50.0, 1e4]),
    block=st.sampled_from([3, 64, 4096]),
)
def test_parts_in_any_order_equal_the_whole(cuts, order, offset, block):
    values = features(200, offset)
    whole = Statistics.of(values)
    parts = [part for part in np.split(values, sorted(set(cuts))) if len(part)]
    order.shuffle(parts)
    merged = functools.reduce(Statistics.merge, [Statistics.of(part, block=block) for part in parts])
    assert merged.count == whole.count
    assert close(whole.mean, merged.mean)
    assert close(whole.scatter, merged.scatter)
    other = Statistics.of(features(300, offset + 1, seed=2))
    assert frechet(other, merged) == pytest.approx(frechet(other, whole), rel=1e-9)


def test_a_tree_of_merges_equals_a_chain():
    parts = [Statistics.of(part) for part in np.split(features(160, 100.0), 8)]
    chain = functools.reduce(Statistics.merge, parts)
    while len(parts) > 1:
        parts = [a.merge(b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    assert close(chain.scatter, parts[0].scatter)


def test_a_large_common_offset_costs_no_digits():
    values = np.random.default_rng(3).standard_normal((500, 4))
    shifted = Statistics.of(values + 1e6)
    assert np.allclose(Statistics.of(values).covariance, shifted.covariance, rtol=1e-8, atol=1e-9)


def test_a_memory_map_is_read_as_it_lies(tmp_path):
    values = features(50)
    np.save(tmp_path / "features.npy", values)
    mapped = Statistics.of(np.load(tmp_path / "features.npy", mmap_mode="r"), block=8)
    assert close(Statistics.of(values).scatter, mapped.scatter)


@pytest.mark.parametrize(("count", "singular", "rank"), [(6, True, 5), (7, False, 6), (3, True, 2)])
def test_fewer_faces_than_features_can_be_told(count, singular, rank):
    made = Statistics.of(features(count))
    assert (made.singular, made.rank) == (singular, rank)
    assert made.root.shape == (6, rank)
    assert close(made.covariance, made.root @ made.root.T)


def test_they_travel_as_bytes():
    made = Statistics.of(features(9))
    back = Statistics.from_bytes(made.to_bytes())
    assert back.count == 9
    assert np.array_equal(back.mean, made.mean)
    assert np.array_equal(back.scatter, made.scatter)


@pytest.mark.parametrize("cut", [0, 10, 300, -40])
def test_damaged_bytes_are_refused_by_name(cut):
    data = Statistics.of(features(9)).to_bytes()[:cut]
    with pytest.raises(PhizError, match=r"^a\.npz: damaged"):
        Statistics.from_bytes(data, "a.npz")


def test_statistics_of_a_newer_phiz_are_refused(monkeypatch):
    monkeypatch.setattr("phiz.evaluation.statistics.FORMAT", 9)
    data = Statistics.of(features(9)).to_bytes()
    monkeypatch.undo()
    with pytest.raises(PhizError, match="format 9 is newer"):
        Statistics.from_bytes(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_one_line_that_names_the_row(bad):
    values = features(20)
    values[13, 2] = bad
    with pytest.raises(PhizError, match=r"The features of m\.onnx .*row 13") as fault:
        Statistics.of(values, block=4, what="The features of m.onnx")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "values", [np.empty((0, 6)), np.empty((5, 0)), np.zeros(5), np.zeros((5, 2), complex)]
)
def test_no_table_of_features_is_refused(values):
    with pytest.raises(PhizError, match="features"):
        Statistics.of(values)


def test_one_face_can_be_merged_but_has_no_covariance():
    values = features(2)
    one, other = Statistics.of(values[:1]), Statistics.of(values[1:])
    with pytest.raises(PhizError, match="at least 2"):
        _ = one.covariance
    assert close(np.cov(values.astype(np.float64).T), one.merge(other).covariance)


def test_statistics_of_two_extractors_do_not_merge():
    with pytest.raises(PhizError, match="same extractor"):
        Statistics.of(features(9)).merge(Statistics.of(features(9)[:, :5]))
