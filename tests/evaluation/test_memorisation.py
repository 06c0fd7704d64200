"""Memorisation: a generator that copies a tenth of its output is flagged, an honest one is not."""

from __future__ import annotations

import itertools
import zipfile

import numpy as np
import pytest

from phiz.errors import PhizError, UsageError
from phiz.evaluation.memorisation import QUANTILES, chance, copies
from phiz.evaluation.thumbnails import thumbnails
from phiz.pictures import decode, resize

MIX = np.random.default_rng(0).standard_normal((12, 64))


def faces(count: int, seed: int, twins: float = 0.0) -> np.ndarray:
    """Features as real faces have: 12 causes in 64 features, some noise; a share are near duplicates."""
    draws = np.random.default_rng(seed)
    values = draws.standard_normal((count, 12)) @ MIX + 0.3 * draws.standard_normal((count, 64))
    for index in draws.choice(count, int(twins * count), replace=False):
        values[index] = values[draws.integers(count)] + 0.2 * draws.standard_normal(64)
    return (values + 20).astype("f4")


def altered(values: np.ndarray, seed: int, by: float = 1.0) -> np.ndarray:
    return (values + by * np.random.default_rng(seed).standard_normal(values.shape)).astype("f4")


TRAIN, HELD = np.split(faces(3000, 1, twins=0.01), [2000])


def copyist(share: float, count: int = 1000, seed: int = 5, by: float = 1.0) -> np.ndarray:
    """Made faces of which a share are altered training faces, and the rest honest."""
    made = faces(count, seed)
    some = np.random.default_rng(seed + 1).choice(len(TRAIN), int(share * count), replace=False)
    made[: len(some)] = altered(TRAIN[some], seed + 2, by)
    return made


@pytest.mark.parametrize("by", [0.0, 0.3, 1.0])
def test_a_generator_that_copies_a_tenth_is_flagged(by):
    found = copies(copyist(0.1, by=by), TRAIN, HELD)
    assert found.flagged
    low, high = found.tail.copied
    assert 0.03 < low < 0.1 < high + 0.03
    assert found.verdict.startswith("It copies")
    assert found.tail.chance < 1e-6
    assert (found.closest[:80] < 100).mean() > 0.9  # the copies come first


def test_it_is_flagged_too_if_its_other_faces_are_bad():
    made = copyist(0.1)
    made[100:] = altered(made[100:], 8, 2.0)
    assert not copies(made[100:], TRAIN, HELD).flagged
    assert copies(made, TRAIN, HELD).flagged


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_generator_is_not(seed):
    found = copies(faces(1000, 100 + seed), TRAIN, HELD)
    assert not found.flagged
    assert found.enough
    assert found.verdict.startswith("No sign of copying")


def test_nor_is_one_whose_faces_are_blurred_noisy_or_all_typical():
    for made in (
        0.7 * (faces(1000, 7) - 20) + 20,
        altered(faces(1000, 7), 8, 2.0),
        0.5 * (faces(1000, 9) - 20) + 20,
    ):
        assert not copies(made.astype("f4"), TRAIN, HELD).flagged


def test_nor_held_out_real_faces_with_their_near_duplicates():
    other = np.split(faces(4000, 1, twins=0.1), [2000, 3000])
    assert not copies(other[2], other[0], other[1]).flagged


def test_one_that_makes_training_faces_only_is_flagged_as_such():
    found = copies(altered(TRAIN[:500], 3, 0.3), TRAIN, HELD)
    assert found.flagged
    assert found.tail.copied[0] > 0.95
    assert np.array_equal(found.indices, np.arange(500))


def test_a_copy_of_a_mirrored_face_is_one_too():
    turn = np.random.default_rng(4).permutation(64)
    mirrored = TRAIN[:, turn]
    made = faces(1000, 11)
    made[:100] = altered(mirrored[:100], 12, 0.5)
    assert not copies(made, TRAIN, HELD).flagged
    found = copies(made, TRAIN, HELD, mirrored)
    assert found.flagged
    assert np.array_equal(found.indices[:100], np.arange(100))


def test_a_few_exact_copies_show_where_altered_ones_would_not():
    found = copies(copyist(0.03, count=3000, by=0.0), TRAIN, HELD)
    assert found.flagged
    assert found.tail.expected < 0.03


def test_copies_of_a_face_that_is_there_many_times_are_seen():
    train = np.concatenate([TRAIN, np.repeat(TRAIN[:1], 20, axis=0)])
    made = faces(1000, 5)
    made[:100] = altered(np.repeat(TRAIN[:1], 100, axis=0), 6, 0.1)
    assert copies(made, train, HELD).flagged
    assert copies(made[:100], train, HELD).flagged


def test_honest_faces_that_all_lie_near_the_same_training_faces_are_no_copies():
    # what blur does to the features of a classifier: all blurred faces lie together
    def blurred(count: int, seed: int) -> np.ndarray:
        return (0.3 * (faces(count, seed) - 20) + 60).astype("f4")

    train = np.concatenate([TRAIN, blurred(20, 31)])
    held = np.concatenate([HELD, blurred(10, 32)])
    assert not copies(blurred(1000, 33), train, held).flagged


def test_many_near_duplicates_among_real_faces_blind_it_and_it_says_so():
    train, held = np.split(faces(3000, 1, twins=0.1), [2000])
    made = faces(1000, 5)
    made[:100] = altered(train[:100], 6, 1.0)
    found = copies(made, train, held)
    assert not found.flagged
    assert "drop near duplicates" in found.verdict
    made[:100] = train[:100]
    assert copies(made, train, held).flagged


def test_too_few_faces_cannot_tell():
    found = copies(copyist(0.1, count=20), TRAIN, HELD)
    assert not found.flagged
    assert not found.enough
    assert found.verdict.startswith("Too few faces to tell")


def test_what_it_found_can_be_shown():
    found = copies(copyist(0.1), TRAIN, HELD, k=10)
    assert found.k == 10
    assert found.ratios.shape == found.distances.shape == found.indices.shape == (1000,)
    assert found.baseline.shape == (1000,)
    assert (found.ratios >= 0).all()
    assert 0.7 < np.median(found.ratios) < 1.3
    assert [tail.expected for tail in found.tails] == pytest.approx(QUANTILES, abs=2e-3)
    low, high = found.tail.interval
    assert low < found.tail.share < high
    few = copies(copyist(0.1), TRAIN[:5], HELD)
    assert few.k == 4


def test_the_chance_agrees_with_counting_all_orders():
    made, held, rank = 4, 5, 2
    orders = list(itertools.combinations(range(made + held), held))  # which places are the held-out ones'
    for close in range(made + 2):
        hits = sum(order[rank - 1] - (rank - 1) >= close for order in orders)
        assert chance(close, made, rank, held) == pytest.approx(hits / len(orders))


def test_honest_generators_are_seldom_flagged_by_chance():
    draws = np.random.default_rng(0)
    low = 0
    for _ in range(400):
        ratios, baseline = draws.random(300), np.sort(draws.random(200))
        low += chance(int((ratios < baseline[9]).sum()), 300, 10, 200) < 0.05
    assert low / 400 < 0.08


@pytest.mark.parametrize(("height", "width"), [(16, 16), (20, 28), (64, 96), (6, 8)])
def test_thumbnails_average_the_picture(height, width):
    pictures = np.random.default_rng(0).integers(256, size=(3, height, width, 3), dtype=np.uint8)
    small = thumbnails(pictures)
    assert small.shape == (3, 192)
    assert small.dtype == np.float32
    fine = np.repeat(np.repeat(pictures.astype(float), 8, axis=1), 8, axis=2)  # whole pixels in each cell
    expected = fine.reshape(3, 8, height, 8, width, 3).mean((2, 4))
    assert np.allclose(small, expected.reshape(3, -1), atol=1e-3)


def test_thumbnails_see_copies_through_noise_and_mirrors():
    draws = np.random.default_rng(0)
    coarse = draws.integers(256, size=(900, 6, 6, 3)).astype(np.uint8)
    pictures = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)
    train, held, made = pictures[:500], pictures[500:700], pictures[700:].copy()
    assert not copies(*map(thumbnails, (made, train, held))).flagged
    noisy = train[:40, :, ::-1] + draws.normal(0, 12, (40, 24, 24, 3))
    made[:40] = noisy.clip(0, 255).astype(np.uint8)
    assert copies(*map(thumbnails, (made, train, held, train[:, :, ::-1]))).flagged


def test_copies_of_real_faces_are_told_from_other_real_faces(shared):
    with zipfile.ZipFile(shared / "data" / "anime96.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:2400]
        distinct = sorted({archive.read(name) for name in names})
    faces = np.stack([np.asarray(resize(decode(data, "face"), 32)) for data in distinct])
    faces = np.random.default_rng(0).permutation(faces)
    train, held, made = faces[:1300], faces[1300:1800], faces[1800:2300].copy()
    sets = [thumbnails(part) for part in (train, held, train[:, :, ::-1])]
    assert not copies(thumbnails(made), *sets).flagged
    noise = np.random.default_rng(1).normal(0, 8, (50, 32, 32, 3))
    made[:50] = (train[:50, :, ::-1] + noise).clip(0, 255).astype(np.uint8)  # mirrored, and noisy
    found = copies(thumbnails(made), *sets)
    assert found.flagged
    assert (found.indices[:50] == np.arange(50)).mean() > 0.9


def test_no_pictures_have_no_thumbnails():
    assert thumbnails(np.empty((0, 16, 16, 3), np.uint8)).shape == (0, 192)


def test_bad_input_is_one_line():
    bad = HELD.copy()
    bad[5, 1] = np.nan
    made = faces(50, 1)
    for arguments, words in (
        ((made[:0], TRAIN, HELD), "made faces.* of 0"),
        ((made, TRAIN, HELD[:0]), "held-out faces.* of 0"),
        ((made, TRAIN[:0], HELD), "training faces.* of 0"),
        ((made, TRAIN, bad), "held-out faces.*row 5"),
        ((made, bad, HELD), "training faces.*row 5"),
        ((bad, TRAIN, HELD), "row 5"),
        ((made, TRAIN, HELD[:, :5]), "same extractor"),
        ((made, TRAIN, TRAIN), "no baseline"),
    ):
        with pytest.raises(PhizError, match=words) as fault:
            copies(*arguments)
        assert "\n" not in str(fault.value)
    with pytest.raises(UsageError, match="between 0 and 1"):
        copies(made, TRAIN, HELD, quantiles=[1.5])
