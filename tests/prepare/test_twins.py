"""Near duplicates: all pairs that are near, and which of them stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phiz.prepare import twins


def smooth(seed: int, size: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


def brute(hashes: np.ndarray, most: int) -> set[tuple[int, int]]:
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2)
    return {(int(a), int(b)) for a, b in zip(*np.nonzero(bits <= most), strict=True) if a < b}


@given(seed=st.integers(0, 10**6), most=st.integers(0, 15), count=st.integers(1, 60))
@settings(max_examples=40)
def test_all_near_pairs_are_found(seed: int, most: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, (count, 4), dtype=np.uint64)
    for one in range(1, count, 2):  # every other one is its neighbour with some bits turned
        hashes[one] = hashes[one - 1]
        for bit in rng.choice(256, rng.integers(1, 20), replace=False):
            hashes[one, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    low, high, bits = twins.pairs(hashes, most)
    assert set(zip(low.tolist(), high.tolist(), strict=True)) == brute(hashes, most)
    assert (np.bitwise_count(hashes[low] ^ hashes[high]).sum(axis=1) == bits).all()


def test_equal_hashes_are_paired_with_the_first() -> None:
    hashes = np.zeros((5000, 4), np.uint64)
    low, high, bits = twins.pairs(hashes, 8)
    assert (low == 0).all()
    assert high.tolist() == list(range(1, 5000))
    assert not bits.any()


def test_the_same_face_at_another_size_or_quality_is_near_and_others_are_not() -> None:
    hashes = [twins.hash_of(smooth(seed)) for seed in range(30)]
    again = [twins.hash_of(np.asarray(Image.fromarray(smooth(seed)).resize((64, 64)))) for seed in range(30)]
    low, high, _ = twins.pairs(twins.words(hashes + again), 15)
    assert {(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True)} == {
        (s, s + 30) for s in range(30)
    }


def test_a_flat_face_has_a_hash() -> None:
    assert len(twins.hash_of(np.full((32, 32, 3), 80, np.uint8))) == 64


def test_the_best_stays_and_a_chain_keeps_its_ends() -> None:
    # 0-1-2-3 are near in a chain; 1 is the best, then 3
    low, high, bits = np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([3, 5, 2])
    assert twins.spared(low, high, bits, np.array([1.0, 9.0, 2.0, 3.0])) == {0: (1, 3), 2: (3, 2)}
    assert twins.spared(low[:0], high[:0], bits[:0], np.ones(4)) == {}
    assert twins.spared(np.array([0]), np.array([1]), np.array([0]), np.ones(2)) == {1: (0, 0)}


def test_only_up_to_so_many_bits() -> None:
    with pytest.raises(ValueError, match="0 to 32"):
        twins.pairs(np.zeros((2, 4), np.uint64), 33)
