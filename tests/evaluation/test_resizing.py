"""Pictures come to an extractor's size as the rule says, against a second implementation of that rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.evaluation.resizing import bicubic, check_pictures, clean_bicubic


def matrix(old: int, new: int) -> np.ndarray:
    """The weights (new, old) of Pillow's bicubic: cubic convolution, a = -0.5, widened where it reduces."""
    scale = old / new
    widen = max(1.0, scale)
    rows = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * scale
        first = max(0, int(centre - 2 * widen + 0.5))
        last = min(old, int(centre + 2 * widen + 0.5))
        t = np.abs((np.arange(first, last) - centre + 0.5) / widen)
        near = (1.5 * t - 2.5) * t * t + 1
        far = ((-0.5 * t + 2.5) * t - 4) * t + 2
        weights = np.where(t < 1, near, np.where(t < 2, far, 0))
        rows[i, first:last] = weights / weights.sum()
    return rows


def second(pictures: np.ndarray, size: int) -> np.ndarray:
    """Resize in float64 by the formula: (N, 3, size, size)."""
    m = matrix(pictures.shape[1], size)
    return np.einsum("ih,nhwc,jw->ncij", m, pictures.astype(np.float64), m)


def pictures(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, size, size, 3)).astype(np.uint8)


@given(st.integers(8, 60), st.integers(8, 60))
@settings(max_examples=10)
def test_the_clean_rule_is_bicubic_in_float(old, new):
    got = clean_bicubic(pictures(old), new)
    assert got.shape == (3, 3, new, new)
    assert got.dtype == np.float32
    assert np.abs(got - second(pictures(old), new).clip(0, 255)).max() < 2e-3


@given(st.integers(8, 60), st.integers(8, 60))
@settings(max_examples=10)
def test_the_byte_rule_is_bicubic_to_bytes(old, new):
    """Pillow rounds and clips after each direction, so that noise may differ by more than one step."""
    got = bicubic(pictures(old), new)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    assert np.array_equal(got, np.round(got))
    m = matrix(old, new)
    wide = np.einsum("jw,nhwc->nhjc", m, pictures(old).astype(np.float64)).round().clip(0, 255)
    whole = np.einsum("ih,nhjc->ncij", m, wide).clip(0, 255) if old != new else second(pictures(old), new)
    assert np.abs(got - whole).max() < 2
    assert np.abs(got - whole).mean() < 0.4


@pytest.mark.parametrize("rule", [bicubic, clean_bicubic])
def test_a_picture_of_that_size_is_left_as_it_is(rule):
    assert np.array_equal(rule(pictures(20), 20), pictures(20).transpose(0, 3, 1, 2))


def test_mirrored_views_are_pictures_too():
    faces = pictures(20)[:, :, ::-1]
    assert np.array_equal(bicubic(faces, 33), bicubic(faces.copy(), 33))
    assert np.array_equal(clean_bicubic(faces, 33), clean_bicubic(faces.copy(), 33))


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8)])
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(ValueError, match="uint8"):
        check_pictures(bad)
