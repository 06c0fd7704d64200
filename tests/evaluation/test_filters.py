"""The built-in extractor is the same everywhere, and its distance grows with whatever spoils faces."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageFilter

from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.filters import DIMENSIONS, VERSION


def blobs(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    """Draw soft faces: a disc with two eyes and a mouth on a ground, all of drawn colours and places."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    faces = np.empty((count, size, size, 3), np.uint8)
    for face in faces:
        ground, skin, dark = draws.uniform(60, 255, 3), draws.uniform(120, 240, 3), draws.uniform(0, 90, 3)
        cx, cy, wide = *draws.normal(0.5, 0.04, 2), draws.uniform(0.09, 0.14)
        inside = ((x - cx) ** 2 + (y - cy) ** 2 < 0.11)[..., None]
        picture = np.where(inside, skin, ground)
        for px, py, rx, ry in ((-wide, -0.08, 0.05, 0.04), (wide, -0.08, 0.05, 0.04), (0, 0.15, 0.1, 0.02)):
            part = ((x - cx - px) / rx) ** 2 + ((y - cy - py) / ry) ** 2 < 1
            picture = np.where(part[..., None], dark, picture)
        face[:] = np.clip(picture + draws.normal(0, 4, picture.shape), 0, 255)
    return faces


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The Frechet distance of two sets of features, over the trace of the first's covariance."""
    first, second = np.cov(a.T.astype(np.float64)), np.cov(b.T.astype(np.float64))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    apart = ((a.mean(0, np.float64) - b.mean(0, np.float64)) ** 2).sum()
    return float((apart + np.trace(first) + np.trace(second) - 2 * cross) / np.trace(first))


def blur(faces: np.ndarray, much: float) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(f).filter(ImageFilter.GaussianBlur(much))) for f in faces])


def noise(faces: np.ndarray, much: float) -> np.ndarray:
    return np.clip(faces + np.random.default_rng(0).normal(0, much, faces.shape), 0, 255).astype(np.uint8)


def tint(faces: np.ndarray, much: float) -> np.ndarray:
    return np.clip(faces + np.array([much, -much / 2, -much]), 0, 255).astype(np.uint8)


def fade(faces: np.ndarray, much: float) -> np.ndarray:
    return np.clip((faces - 128.0) * (1 - much) + 128, 0, 255).astype(np.uint8)


def forget(faces: np.ndarray, much: float) -> np.ndarray:
    """Leave out the share `much` with the lightest ground, repeating the rest."""
    kept = np.argsort(faces[:, 0].mean((1, 2)))[: round(len(faces) * (1 - much))]
    return faces[np.resize(kept, len(faces))]


def collapse(faces: np.ndarray, much: float) -> np.ndarray:
    return faces[np.arange(len(faces)) % max(2, round(len(faces) * (1 - much)))]


def mix(faces: np.ndarray, much: float) -> np.ndarray:
    """Give a share of the faces another one's lower half: each patch right, the whole wrong."""
    draws, mixed, half = np.random.default_rng(0), faces.copy(), faces.shape[1] // 2
    which = np.flatnonzero(draws.random(len(faces)) < much)
    mixed[which, half:] = faces[draws.permutation(len(faces))[: len(which)], half:]
    return mixed


SPOILT = [
    (blur, (0.5, 1, 2)),
    (noise, (6, 15, 40)),
    (tint, (10, 25, 60)),
    (fade, (0.15, 0.4, 0.7)),
    (forget, (0.2, 0.5, 0.8)),
    (collapse, (0.9, 0.97, 0.99)),
    (mix, (0.2, 0.5, 1)),
]


@pytest.fixture(scope="module")
def run():
    return extractor("filters")


@pytest.fixture(scope="module")
def real(run):
    return run(blobs(1200, seed=1))


@pytest.fixture(scope="module")
def people(shared):
    """1,400 photographed faces of 64 px."""
    with zipfile.ZipFile(shared / "data" / "human128.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:1400]
        opened = [Image.open(io.BytesIO(archive.read(name))).convert("RGB").reduce(2) for name in names]
    return np.stack([np.asarray(picture) for picture in opened])


@pytest.mark.parametrize(("spoil", "amounts"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_the_distance_grows_with_what_spoils_drawn_faces(run, real, spoil, amounts):
    faces = blobs(800, seed=2)
    found = [frechet(real, run(spoil(faces, much) if much else faces)) for much in (0, *amounts)]
    assert found == sorted(found), found
    assert found[-1] > 3 * found[0]


@pytest.mark.parametrize(("spoil", "amounts"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_the_distance_grows_with_what_spoils_real_faces(run, people, spoil, amounts):
    base, faces = run(people[:700]), people[700:]
    found = [frechet(base, run(spoil(faces, much) if much else faces)) for much in (0, *amounts)]
    assert found == sorted(found), found


def test_it_says_what_it_is(run):
    said = about(run)
    assert said["name"] == "filters"
    assert len(said["sha256"]) == 64
    assert (said["size"], said["dimensions"]) == (64, DIMENSIONS) == (64, 184)


@pytest.mark.parametrize("size", [16, 32, 48, 64, 96, 256])
def test_pictures_of_any_size(run, size):
    faces = blobs(5, size)
    found = run(faces)
    assert found.shape == (5, 184)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.isfinite(run(np.zeros_like(faces))).all()


def test_parts_are_those_of_the_whole(run):
    """To the bit, so that figures of a set taken in parts equal those of the whole."""
    faces = blobs(150)
    whole = run(faces)
    for step in (1, 7, 64, 149):
        parts = [run(faces[start : start + step]) for start in range(0, 150, step)]
        assert np.array_equal(np.concatenate(parts), whole)
    assert run(faces[:0]).shape == (0, 184)


def test_the_definition_is_kept():
    """A picture made of whole numbers alone; if these values change, so must VERSION."""
    y, x = np.mgrid[:64, :64]
    picture = np.stack([(x * y) % 256, (x * 3 + y * 5) % 256, (x ^ y) * 4], 2).astype(np.uint8)
    found = extractor("filters")(picture[None])[0]
    assert VERSION == "phiz filters, version 1"
    assert found[GOLDEN_PLACES].tolist() == pytest.approx(GOLDEN, rel=1e-4, abs=1e-5)


GOLDEN_PLACES = [0, 5, 30, 71, 72, 100, 119, 120, 150, 183]
GOLDEN = [
    0.310069,
    0.297587,
    0.218117,
    0.397412,
    0.0827818,
    -0.0705374,
    -0.0883537,
    0.110645,
    1.13421,
    0.0130378,
]
