"""PSNR and SSIM: their conventions, and values that are known."""

from __future__ import annotations

import numpy as np
import pytest

from phiz.evaluation import fidelity


def noise(seed: int = 0, size: int = 40, n: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


def test_luma_is_bt_601_in_its_studio_range():
    colours = np.uint8([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]])
    assert fidelity.luma(colours) == pytest.approx([16, 235, 81.481, 144.553, 40.966], abs=1e-3)


def test_psnr_of_a_known_difference():
    real = np.full((2, 20, 20, 3), 100, np.uint8)
    made = real.copy()
    made[0] += 10  # luma differs by 10 * 219 / 255 everywhere
    expected = 20 * np.log10(255 / (10 * 219 / 255))
    assert fidelity.psnr(made, real, 4)[0] == pytest.approx(expected)
    assert fidelity.psnr(made, real, 4)[1] == np.inf


def test_the_border_is_left_out():
    real, made = noise(), noise()
    made[:, :4] = made[:, -4:] = made[:, :, :4] = made[:, :, -4:] = 0
    assert np.isinf(fidelity.psnr(made, real, 4)).all()
    assert fidelity.ssim(made, real, 4) == pytest.approx([1, 1])
    assert np.isfinite(fidelity.psnr(made, real, 3)).all()


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The paper's formulas, window by window."""
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            both = (window * (p - mp) * (q - mq)).sum()
            found.append((2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(found))


def test_ssim_is_the_papers():
    real = noise(1, 18)
    made = np.clip(real.astype(int) + np.random.default_rng(2).integers(-40, 41, real.shape), 0, 255)
    made = made.astype(np.uint8)
    expected = [slow_ssim(fidelity.luma(a), fidelity.luma(b)) for a, b in zip(made, real, strict=True)]
    assert fidelity.ssim(made, real, 0) == pytest.approx(expected, abs=1e-9)


def test_ssim_knows_structure():
    real = noise(3)
    assert fidelity.ssim(real, real, 0) == pytest.approx([1, 1])
    assert abs(fidelity.ssim(np.full_like(real, 128), real, 0)).max() < 0.1
    assert fidelity.ssim(255 - real, real, 0).max() < -0.5  # structure turned round


def test_flat_pictures_differ_by_brightness_alone():
    a, b = np.full((1, 16, 16, 3), 50, np.uint8), np.full((1, 16, 16, 3), 150, np.uint8)
    p, q = fidelity.luma(np.uint8([50] * 3)), fidelity.luma(np.uint8([150] * 3))
    c1 = (0.01 * 255) ** 2
    assert fidelity.ssim(a, b, 0)[0] == pytest.approx((2 * p * q + c1) / (p * p + q * q + c1))


def test_the_measure_that_watches_a_training():
    real = noise()
    measure = fidelity.Error(real)
    assert measure.samples == 2
    assert measure(real) == 0
    assert measure(np.clip(real.astype(int) + 5, 0, 255).astype(np.uint8)) == pytest.approx(5, abs=0.3)
