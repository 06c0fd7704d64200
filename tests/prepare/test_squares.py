"""Where a face is cut, and what the pixels of the cut are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phiz.prepare.detectors import Seen
from phiz.prepare.squares import Square, ffhq, middle_square, square_of, take

angles = st.floats(-1.4, 1.4, allow_subnormal=False)


def turned(points: list[tuple[float, float]], angle: float, scale: float, dx: float, dy: float):
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    return [(x * cos - y * sin + dx, x * sin + y * cos + dy) for x, y in points]


FACE = [(-30.0, 0.0), (30.0, 0.0), (0.0, 25.0), (-20.0, 55.0), (20.0, 55.0)]


@given(
    angle=angles,
    scale=st.floats(0.2, 9, allow_subnormal=False),
    dx=st.floats(-900, 900, allow_subnormal=False),
    dy=st.floats(-900, 900, allow_subnormal=False),
)
def test_the_square_turns_grows_and_moves_with_the_face(
    angle: float, scale: float, dx: float, dy: float
) -> None:
    still = ffhq(FACE[0], FACE[1], FACE[3], FACE[4])
    assert (still.side, still.angle) == (240.0, 0.0)  # 4 eye distances
    assert (still.x, still.y) == pytest.approx((0, 5.5))  # a tenth of the way to the mouth
    points = turned(FACE, angle, scale, dx, dy)
    found = ffhq(points[0], points[1], points[3], points[4])
    assert found.angle == pytest.approx(angle, abs=1e-6)
    assert found.side == pytest.approx(240 * scale)
    (x, y) = turned([(still.x, still.y)], angle, scale, dx, dy)[0]
    assert (found.x, found.y) == pytest.approx((x, y), abs=1e-6 * (1 + abs(dx) + abs(dy)))


def test_a_long_face_is_cut_by_its_length() -> None:
    assert ffhq((-10, 0), (10, 0), (-8, 60), (8, 60)).side == pytest.approx(3.6 * 60)


@given(angle=angles, margin=st.floats(-0.3, 2, allow_subnormal=False))
def test_eyes_alone_turn_the_box_and_a_margin_widens_it(angle: float, margin: float) -> None:
    eyes = tuple(turned([(-20.0, 0.0), (20.0, 0.0)], angle, 1, 100, 100))
    found = square_of(Seen((60, 70, 80, 80), 1.0, eyes), margin)
    assert found.angle == pytest.approx(angle, abs=1e-9)
    assert (found.x, found.y) == (100, 110)
    assert found.side == pytest.approx(120 * (1 + 2 * margin))
    assert square_of(Seen((60, 70, 80, 80), 1.0), margin).angle == 0


@given(width=st.integers(1, 500), height=st.integers(1, 500))
def test_the_middle_square_is_the_largest_on_whole_pixels(width: int, height: int) -> None:
    found = middle_square(width, height)
    assert found.side == min(width, height)
    corners = found.corners()
    assert (corners >= 0).all()
    assert (corners <= [width, height]).all()
    assert np.array_equal(corners, corners.round())
    assert found.outside(width, height) == 0


def test_the_share_outside() -> None:
    assert Square(0, 50, 100).outside(100, 100) == 0.5
    assert Square(0, 0, 100).outside(100, 100) == 0.75
    assert Square(900, 900, 100).outside(100, 100) == 1


def gradient(width: int = 200, height: int = 160) -> Image.Image:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


@given(x=st.integers(40, 140), y=st.integers(40, 110), angle=angles)
@settings(max_examples=40)
def test_a_turned_cut_shows_what_lies_there(x: int, y: int, angle: float) -> None:
    cut = np.asarray(take(gradient(), Square(x, y, 40, angle), 20)).astype(float)
    step = 2 * np.array([math.cos(angle), math.sin(angle)])  # in the picture, for one pixel to the right
    for row, column in [(10, 10), (4, 15), (15, 3)]:
        right, down = column + 0.5 - 10, row + 0.5 - 10
        there = np.array([x, y]) + right * step + down * np.array([-step[1], step[0]])
        # Half a pixel to its middle, and half a value more: Pillow cuts fractions off where it turns.
        assert cut[row, column, 0] == pytest.approx(there[0] - 1.0, abs=1.3)
        assert cut[row, column, 1] == pytest.approx(there[1] - 1.0, abs=1.3)


def test_an_upright_cut_on_whole_pixels_is_the_crop_itself() -> None:
    cut = take(gradient(), Square(60, 50, 32), 32)
    assert np.array_equal(np.asarray(cut), np.asarray(gradient())[34:66, 44:76])


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_beyond_the_edge_the_picture_is_mirrored_and_fades(angle: float) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (120, 120, 3)).astype(np.uint8))
    cut = np.asarray(take(picture, Square(0, 60, 100, angle), 100)).astype(float)
    left, right = cut[20:80, :30], cut[20:80, 70:]
    assert left.std() < 0.5 * right.std()  # blurred, and faded to the middle colour
    assert 80 < left.mean() < 175  # not black
    if angle == 0:
        inside = np.asarray(picture).astype(float)[10:110, :50]
        assert np.abs(cut[:, 50:] - inside).max() <= 1  # what was there is as it was


def test_a_square_far_outside_or_of_a_pixel_is_no_fault() -> None:
    for square in (Square(-900, -900, 50), Square(10, 10, 0.2), Square(5, 5, 3000, 0.3)):
        assert take(gradient(20, 20), square, 16).size == (16, 16)
