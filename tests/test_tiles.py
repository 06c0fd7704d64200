"""Tiles: whatever the size, they give what the whole picture would have given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from phiz import tiles


@given(some.integers(1, 500), some.integers(1, 90), some.integers(0, 20))
def test_tiles_cover_each_pixel_once_and_see_what_is_around_it(length, side, reach):
    cut = list(tiles.along(length, side, reach))
    assert [x for tile in cut for x in range(tile.start, tile.stop)] == list(range(length))
    for tile in cut:
        assert 0 < tile.stop - tile.start <= side
        assert tile.seen_start == max(0, tile.start - reach)
        assert tile.seen_stop == min(length, tile.stop + reach)


def spreading(reach: int, scale: int):
    """A network that mixes each pixel with all within `reach`, with nothing beyond the edges."""

    def network(values: np.ndarray) -> np.ndarray:
        mixed = np.zeros_like(values)
        padded = np.pad(values, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        height, width = values.shape[2:]
        for y in range(2 * reach + 1):
            for x in range(2 * reach + 1):
                mixed += padded[:, :, y : y + height, x : x + width] * np.float32(1 + 0.1 * y - 0.07 * x)
        return np.repeat(np.repeat(mixed / np.float32(9), scale, 2), scale, 3)

    return network


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (23, 31), (40, 16)])
@pytest.mark.parametrize("side", [1, 7, 64])
def test_tiles_leave_no_seam(size, side):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    whole = tiles.enlarge(picture, spreading(1, 2), 2, 1, 10_000)
    assert np.array_equal(tiles.enlarge(picture, spreading(1, 2), 2, 1, side), whole)
    assert whole.shape == (2 * size[0], 2 * size[1], 3)


def test_no_tile_is_larger_than_it_may_be():
    seen = []

    def network(values: np.ndarray) -> np.ndarray:
        seen.append(values.shape[2:])
        return values

    done = []
    tiles.enlarge(np.zeros((300, 200, 3), np.uint8), network, 1, 4, 64, done.append)
    assert max(max(shape) for shape in seen) <= 64 + 8
    assert sum(done) == 300 * 200


def test_values_are_rounded_and_clipped():
    assert tiles.to_bytes(np.float32([-1, 0, 0.4999 / 255, 0.5 / 255, 1, 2])).tolist() == [
        0,
        0,
        0,
        1,
        255,
        255,
    ]
