"""Degradations: what each does to a face, and how a generator's spectrum becomes one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from phiz.training import spectra
from phiz.training.degradations import DEGRADATIONS, clean, mixed
from toyset import write_faces


def face(size: int = 64, seed: int = 0) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(rough).resize((size, size), Image.Resampling.BICUBIC))


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("scale", [2, 4])
def test_faces_become_smaller_and_the_same_draws_give_the_same(name, scale):
    degrade = DEGRADATIONS[name]
    small = degrade(face(), scale, draws())
    assert (small.shape, small.dtype) == ((64 // scale, 64 // scale, 3), np.uint8)
    assert np.array_equal(small, degrade(face(), scale, draws()))
    plain = clean(face(), scale, draws())
    assert np.abs(small.astype(float) - plain).mean() < 30  # it still is that face


def test_clean_is_pillows_bicubic():
    expected = Image.fromarray(face()).resize((16, 16), Image.Resampling.BICUBIC)
    assert np.array_equal(clean(face(), 4, draws()), np.asarray(expected))


def test_first_order_is_worse_than_mild_and_varied():
    plain = clean(face(), 4, draws()).astype(float)

    def apart(name: str) -> float:
        return np.mean([np.abs(DEGRADATIONS[name](face(), 4, draws(i)) - plain).mean() for i in range(30)])

    assert apart("first-order") > 1.5 * apart("mild") > 0
    made = {DEGRADATIONS["first-order"](face(), 4, draws(i)).tobytes() for i in range(10)}
    assert len(made) == 10


def test_a_mixture_takes_each_as_often_as_its_share():
    known = {name: lambda f, s, d, n=name: n for name in ("a", "b", "c")}
    degrade = mixed({"a": 3, "b": 1, "c": 0}, known)
    source = draws()
    taken = [degrade(face(), 4, source) for _ in range(2000)]
    assert taken.count("a") / 2000 == pytest.approx(0.75, abs=0.04)
    assert taken.count("c") == 0


# -- a generator's own faces ----------------------------------------------------------------------


def test_white_noise_has_its_variance_at_every_frequency():
    noisy = np.clip(draws().normal(128, 20, (40, 32, 32, 1)), 0, 255).astype(np.uint8).repeat(3, 3)
    assert spectra.spectrum(noisy)[2:] == pytest.approx(400, rel=0.15)


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces", count=24, size=64)


def textured(faces, sigma: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """Return made faces of 16 px: the real ones with more or less in their fine frequencies."""
    from PIL import ImageFilter

    made = []
    for index, real in enumerate(faces.batch(np.arange(len(faces)))):
        small = Image.fromarray(clean(real, 4, draws())).filter(ImageFilter.GaussianBlur(sigma))
        grain = draws(index).normal(0, noise, (16, 16, 1)) if noise else 0
        made.append(np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8))
    return np.stack(made)


def test_a_grainy_generator_makes_grain(faces):
    like = spectra.Likeness.of(textured(faces, noise=12), faces, 4)
    assert like.noise[8:].mean() == pytest.approx(144, rel=0.3)
    small = np.stack([like(f, 4, draws(i)) for i, f in enumerate(faces.batch(np.arange(24)))])
    plain = np.stack([clean(f, 4, draws()) for f in faces.batch(np.arange(24))])
    assert 3 < (small.astype(float) - plain).std() < 15


def test_a_soft_generator_makes_soft(tmp_path):
    from phiz.faceset import FaceSet  # noqa: F401

    rough = write_faces(tmp_path / "rough", count=24, size=64)
    made = textured(rough, sigma=1.5)
    like = spectra.Likeness.of(made, rough, 4)
    assert (like.gain <= 1).all()
    assert like.gain[0] == 1  # what a face shows is left alone
    assert like.noise.max() < 60


def test_a_generator_that_draws_as_real_faces_are_changes_nothing(faces):
    like = spectra.Likeness.of(textured(faces), faces, 4)
    assert like.gain == pytest.approx(1, abs=0.2)
    real = faces.batch([0])[0]
    assert np.abs(like(real, 4, draws()).astype(float) - clean(real, 4, draws())).mean() < 2


def test_it_works_on_the_smallest_piece(faces):
    like = spectra.Likeness.of(textured(faces), faces, 4)
    assert like(face(16), 2, draws()).shape == (8, 8, 3)
