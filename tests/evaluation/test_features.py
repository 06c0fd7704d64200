"""Features are extracted in order, kept, found again, and made anew when what was kept is damaged."""

from __future__ import annotations

import json

import numpy as np
import pytest

import toys
import toyset
from phiz.errors import PhizError, UsageError
from phiz.evaluation import features, kept
from phiz.evaluation.extractors import about


class Means:
    """An extractor for tests: the mean colour, and how often it was asked."""

    name, sha256, size, resize, dimensions = "means", "0" * 64, 16, "none", 3

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        self.blocks.append(len(pictures))
        return pictures.mean((1, 2)).astype(np.float32)


class Broken(Means):
    """Gives NaN for the fourth picture of each block."""

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        found = super().__call__(pictures)
        found[3, 1] = np.nan
        return found


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return toyset.write_faces(tmp_path_factory.mktemp("set") / "faces", 40)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("torch")
    return toys.model(tmp_path_factory.mktemp("models") / "model")


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize("sizes", [[700], [1] * 20, [3, 300, 1, 1, 500], [256, 256]])
def test_any_batches_give_the_features_in_order(sizes):
    faces = pictures(sum(sizes))
    seen: list[tuple[int, int]] = []
    run = Means()
    batches = iter(np.split(faces, np.cumsum(sizes)[:-1]))
    found = features.extract(batches, run, len(faces), lambda done, total: seen.append((done, total)))
    assert found.dtype == np.float32
    assert np.array_equal(found, Means()(faces))
    assert seen[-1] == (len(faces), len(faces))
    assert len(run.blocks) <= 1 + len(faces) // 256, "small batches are gathered"


def test_a_wrong_count_is_noticed():
    with pytest.raises(ValueError, match="more than 5"):
        features.extract([pictures(6)], Means(), 5)
    with pytest.raises(ValueError, match="6 pictures came, not 7"):
        features.extract([pictures(6)], Means(), 7)


def test_nan_names_the_extractor_and_the_picture():
    with pytest.raises(PhizError, match=r'"means" gives no number \(NaN\) for picture 3') as fault:
        features.extract([pictures(6)], Broken(), 6)
    assert "\n" not in str(fault.value)


def test_a_face_set_is_extracted_once(faces, cache):
    run = Means()
    first = features.of_faceset(faces, run)
    assert np.array_equal(first.values, Means()(faces[:]))
    assert first.extractor == about(run)
    assert faces.id[:12] in first.source
    again = features.of_faceset(faces, Broken())
    assert np.array_equal(again.values, first.values), "the second time nothing is extracted"
    assert len(list(cache.glob("*.npy"))) == 1


def test_a_limit_spreads_over_the_whole_set(faces, cache):
    which = features.chosen(40, 7)
    assert which.tolist() == [0, 5, 11, 17, 22, 28, 34]
    found = features.of_faceset(faces, Means(), limit=7)
    assert np.array_equal(found.values, Means()(faces[which]))
    assert len(features.of_faceset(faces, Means(), limit=99)) == 40
    assert len(features.of_faceset(faces, Means())) == 40


@pytest.mark.parametrize(("total", "limit"), [(10, None), (10, 10), (10, 3), (1, 1), (10, 0), (0, 5)])
def test_chosen_faces_are_distinct_and_rise(total, limit):
    which = features.chosen(total, limit)
    assert len(which) == (total if limit is None else min(total, limit))
    assert (np.diff(which) > 0).all()
    assert not len(which) or (which[0] == 0 and which[-1] < total)


def test_mirror_images(faces, cache):
    class Left(Means):
        def __call__(self, pictures: np.ndarray) -> np.ndarray:
            return pictures[:, :, 0].mean(1).astype(np.float32)

    found = features.of_faceset(faces, Left(), mirrored=True)
    assert np.array_equal(found.values, Left()(faces[:][:, :, ::-1]))
    assert not np.array_equal(features.of_faceset(faces, Left()).values, found.values)


def test_another_extractor_has_features_of_its_own(faces, cache):
    other = Means()
    other.sha256 = "1" * 64
    resized = Means()
    resized.resize = "otherwise"
    for run in (Means(), other, resized):
        features.of_faceset(faces, run)
    assert len(list(cache.glob("*.npy"))) == 3


def damage_bytes(cache):
    (file,) = cache.glob("*.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))


def damage_length(cache):
    (file,) = cache.glob("*.npy")
    file.write_bytes(file.read_bytes()[:-4])


def damage_note(cache):
    (note,) = cache.glob("*.json")
    note.write_text('{"phiz": "features", "val', "utf-8")


def lose_note(cache):
    next(cache.glob("*.json")).unlink()


def lose_values(cache):
    next(cache.glob("*.npy")).unlink()


def another_shape(cache):
    from phiz import artefacts

    (file,), (note,) = cache.glob("*.npy"), cache.glob("*.json")
    np.save(file, np.zeros((40, 2), np.float32))
    said = json.loads(note.read_text("utf-8"))
    note.write_text(json.dumps({**said, "values": artefacts.sha256(file)}), "utf-8")


@pytest.mark.parametrize(
    "damage", [damage_bytes, damage_length, damage_note, lose_note, lose_values, another_shape]
)
def test_a_damaged_file_is_made_again(faces, cache, damage):
    first = np.array(features.of_faceset(faces, Means()).values)
    damage(cache)
    run = Means()
    assert np.array_equal(features.of_faceset(faces, run).values, first)
    assert run.blocks
    run = Means()
    assert np.array_equal(features.of_faceset(faces, run).values, first)
    assert not run.blocks, "and then kept again"


def test_a_cache_that_cannot_be_written_does_no_harm(faces, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "file"))
    assert np.array_equal(features.of_faceset(faces, Means()).values, Means()(faces[:]))


def test_large_features_are_mapped(faces, cache, monkeypatch):
    monkeypatch.setattr(kept, "_LARGE", 100)
    found = features.of_faceset(faces, Means())
    assert not found.values.flags.writeable
    assert np.array_equal(found.values, Means()(faces[:]))


def test_an_empty_face_set(tmp_path, cache):
    empty = toyset.write_faces(tmp_path / "empty", 0)
    with pytest.raises(PhizError, match="empty holds no faces"):
        features.of_faceset(empty, Means())


def test_a_models_faces(model, cache):
    found = features.of_model(model, Means(), 9, seed=5)
    assert np.array_equal(found.values, Means()(model.sample(9, seed=5)))
    assert model.hash in found.source
    again = features.of_model(model, Broken(), 9, seed=5)
    assert np.array_equal(again.values, found.values)
    for other in ({"seed": 6}, {"truncation": 0.5}, {"count": 8}):
        asked = {"count": 9, "seed": 5, **other}
        assert not np.array_equal(features.of_model(model, Means(), **asked).values, found.values)


def test_a_model_of_nan_is_named(model, cache, monkeypatch):
    monkeypatch.setattr(type(model.engine), "run", lambda *a: np.full((9, 3, 16, 16), np.nan, np.float32))
    with pytest.raises(PhizError, match="NaN") as fault:
        features.of_model(model, Means(), 9)
    assert str(model.path) in str(fault.value)


def test_seeds_out_of_range(model, cache):
    for asked in ({"count": 0}, {"count": 1, "seed": -1}, {"count": 1, "truncation": float("nan")}):
        with pytest.raises(UsageError):
            features.of_model(model, Means(), **asked)


def test_parts_join_to_the_whole(model, cache):
    whole = features.of_model(model, Means(), 9)
    parts = [features.of_model(model, Means(), 4), features.of_model(model, Means(), 5, seed=4)]
    joined = features.join(parts)
    assert np.array_equal(joined.values, whole.values)
    assert joined.extractor == whole.extractor
    other = features.Features(whole.values, {"name": "other"}, "")
    with pytest.raises(ValueError, match="one extractor"):
        features.join([whole, other])
    with pytest.raises(ValueError, match="at least one"):
        features.join([])
