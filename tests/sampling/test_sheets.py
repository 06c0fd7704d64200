"""Sheets hold every face in order, evenly spaced, untouched unless enlarged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phiz.errors import UsageError
from phiz.sampling import sheets


def faces(n, size=16):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)


@given(st.integers(1, 5000))
def test_the_grid_that_suits(n):
    rows, columns = sheets.grid_for(n)
    assert rows * columns >= n
    assert (rows - 1) * columns < n
    assert rows <= columns <= 2 * rows + 1
    sheets.check_grid((rows, columns), n)


@pytest.mark.parametrize(
    ("n", "grid"),
    [
        (1, (1, 1)),
        (3, (1, 3)),
        (4, (2, 2)),
        (8, (2, 4)),
        (10, (3, 4)),
        (16, (4, 4)),
        (18, (3, 6)),
        (100, (10, 10)),
    ],
)
def test_grids_people_expect(n, grid):
    assert sheets.grid_for(n) == grid


@pytest.mark.parametrize("text", ["4x6", "4X6", " 4 x 6 ", "4×6"])
def test_grids_are_rows_by_columns(text):
    assert sheets.read_grid(text) == (4, 6)


@pytest.mark.parametrize("text", ["", "4", "4x", "x4", "0x4", "4x0", "-1x4", "4x4x4", "axb"])
def test_what_is_no_grid(text):
    with pytest.raises(UsageError, match="ROWSxCOLUMNS"):
        sheets.read_grid(text)


@pytest.mark.parametrize("grid", [(2, 4), (1, 9), (4, 4), (10, 1)])
def test_a_grid_that_does_not_fit(grid):
    with pytest.raises(UsageError, match=f"{grid[0]}x{grid[1]} .* 3x4 would do"):
        sheets.check_grid(grid, 11)


@given(st.integers(1, 12), st.sampled_from([16, 20, 48]), st.integers(1, 3))
def test_every_face_stands_in_its_place(n, size, scale):
    some = faces(n, size)
    rows, columns = sheets.grid_for(n)
    image = np.asarray(sheets.sheet(some, size, (rows, columns), scale=scale))
    side = size * scale
    gap = 0 if n == 1 else max(2, round(side / 32))
    assert image.shape == (rows * (side + gap) + gap, columns * (side + gap) + gap, 3)
    for i, face in enumerate(some):
        y, x = gap + i // columns * (side + gap), gap + i % columns * (side + gap)
        place = image[y : y + side, x : x + side]
        assert np.array_equal(place, np.asarray(sheets.enlarge(face, scale)))
        if scale == 1:
            assert np.array_equal(place, face)
    if gap:
        assert (image[:gap] == 255).all()
        assert (image[-gap:] == 255).all()
        assert (image[:, -gap:] == 255).all()


def test_numbers_stand_beneath_and_do_not_cover():
    some = faces(6, 32)
    numbers = [0, 7, 42, 9007199254740991, 5, 6]
    image = np.asarray(sheets.sheet(some, 32, (2, 3), numbers))
    plain = np.asarray(sheets.sheet(some, 32, (2, 3)))
    assert image.shape[0] > plain.shape[0]
    assert image.shape[1] > plain.shape[1], "a long number widens its column"
    found = [
        any(
            np.array_equal(image[y : y + 32, x : x + 32], face)
            for y in range(image.shape[0] - 31)
            for x in range(image.shape[1] - 31)
            if np.array_equal(image[y, x], face[0, 0])
        )
        for face in some
    ]
    assert all(found)
    below = image[2 + 32 : 2 + 32 + 12, 2:-2]
    assert (below < 128).any(), "there is ink under the first row"


def test_one_face_alone_is_just_the_face():
    some = faces(1)
    assert np.array_equal(np.asarray(sheets.sheet(some, 16, (1, 1))), some[0])


def test_a_sheet_too_large_to_write_is_refused_before_a_face_is_made():
    def never():
        raise AssertionError("a face was made")
        yield

    with pytest.raises(UsageError, match="-o FOLDER"):
        sheets.sheet(never(), 1024, (100, 100))
    with pytest.raises(UsageError, match="too large"):
        sheets.sheet(never(), 64, (1, 400), suffix=".webp")


@pytest.mark.parametrize(("size", "scale"), [(16, 4), (32, 2), (48, 2), (64, 1), (256, 1)])
def test_small_faces_are_enlarged(size, scale):
    assert sheets.scale_for(size) == scale


@pytest.mark.parametrize("scale", [0, -1, 17, 1.5])
def test_scales(scale):
    sheets.check_scale(16)
    with pytest.raises(UsageError, match="1 to 16"):
        sheets.check_scale(scale)
