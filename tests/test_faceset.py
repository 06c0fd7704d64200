"""Face sets: what is written is what is opened, and a set that is not whole says which file."""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter

SCHEMA = {"hair": ["black", "red"], "眼": ["blau", "зелёный", "茶色"]}


def faces_of(count: int, size: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(count, size, size, 3), dtype=np.uint8)


def write(
    folder: Path, images: np.ndarray, labels: Any = None, schema: Any = None, per_shard: int = 0
) -> FaceSet:
    folder.mkdir(parents=True, exist_ok=True)
    size = images.shape[1]
    options = {"shard_bytes": 128 + per_shard * size * size * 3} if per_shard else {}
    with FaceSetWriter(folder, size, schema or {}, {"by": "a test"}, **options) as writer:
        for index, image in enumerate(images):
            row = None if labels is None else labels[index]
            writer.add(image, f"顔/{index}.png", (1, 2, 30, 30), row, sha256=f"{index:064x}")
        writer.reject("broken.jpg", "empty file")
        writer.finish()
    return FaceSet.open(folder)


@pytest.fixture
def small(tmp_path: Path) -> FaceSet:
    labels = [(index % 2, index % 4 - 1) for index in range(23)]
    return write(tmp_path / "set", faces_of(23), labels, SCHEMA, per_shard=5)


def test_what_is_written_is_what_is_opened(small: FaceSet) -> None:
    images = faces_of(23)
    assert len(small) == 23
    assert (small.size, small.channels) == (16, 3)
    assert small.schema == SCHEMA
    assert small.made == {"by": "a test"}
    assert np.array_equal(small[:], images)
    assert small.labels.dtype == np.int16
    assert small.labels.shape == (23, 2)
    assert small.labels[:5].tolist() == [[0, -1], [1, 0], [0, 1], [1, 2], [0, -1]]
    assert small.frequencies() == {"hair": [12, 11], "眼": [6, 6, 5]}
    assert small.pairs() == [[], [[[0, 6], [6, 0], [0, 5]]]]
    assert "23 faces of 16 x 16" in repr(small)


def test_the_files_are_plain_arrays_of_the_layout(small: FaceSet) -> None:
    names = sorted(path.name for path in small.path.iterdir())
    shards = [f"images-{index:05d}.npy" for index in range(5)]
    assert names == ["faceset.json", *shards, "labels.npy", "manifest.sqlite"]
    arrays = [np.load(small.path / name) for name in shards]
    assert [len(array) for array in arrays] == [5, 5, 5, 5, 3]
    assert np.array_equal(np.concatenate(arrays), faces_of(23))
    assert np.load(small.path / "labels.npy").shape == (23, 2)
    about = json.loads((small.path / "faceset.json").read_text("utf-8"))
    assert (about["phiz"], about["format"], about["count"]) == ("faceset", 1, 23)


def test_the_id_is_the_hash_of_the_hashes_of_pixels_and_labels(small: FaceSet, tmp_path: Path) -> None:
    files = [*sorted(small.path.glob("images-*.npy")), small.path / "labels.npy"]
    lines = "".join(hashlib.sha256(path.read_bytes()).hexdigest() + "\n" for path in files)
    assert small.id == hashlib.sha256(lines.encode()).hexdigest()
    labels = small.labels.copy()
    again = write(tmp_path / "again", faces_of(23), labels, SCHEMA, per_shard=5)
    assert again.id == small.id
    labels[3, 0] = -1
    assert write(tmp_path / "other", faces_of(23), labels, SCHEMA, per_shard=5).id != small.id


def test_the_manifest_says_where_each_face_came_from(small: FaceSet) -> None:
    rows = list(small.faces())
    assert [row["position"] for row in rows] == list(range(23))
    assert rows[3]["source"] == "顔/3.png"
    assert rows[3]["box"] == [1, 2, 30, 30]
    assert rows[3]["labels"] == {"hair": "red", "眼": "茶色"}
    assert rows[4]["labels"] == {"hair": "black"}
    assert rows[4]["status"] == "kept"
    assert small.rejected() == [("broken.jpg", "empty file")]
    with sqlite3.connect(small.path / "manifest.sqlite") as base:
        columns = [row[1] for row in base.execute("PRAGMA table_info(faces)")]
    base.close()
    wanted = "id source box landmarks sha256 labels figures status reason position"
    assert columns == wanted.split()


def test_labels_may_be_given_by_name(tmp_path: Path) -> None:
    named = [{"hair": "red"}, {}, {"眼": "茶色", "hair": "black"}]
    found = write(tmp_path / "a", faces_of(3), named, SCHEMA)
    assert found.labels.tolist() == [[1, -1], [-1, -1], [0, 2]]
    with FaceSetWriter(tmp_path, 16, SCHEMA, {}) as writer:
        for wrong in ({"hair": "green"}, {"beard": "long"}, (0,), (0, 3), (-2, 0)):
            with pytest.raises(ValueError, match=r"attribute|value|labels"):
                writer.add(faces_of(1)[0], "a", (0, 0, 1, 1), wrong)
        assert writer.kept == 0


def test_a_face_of_another_shape_is_refused(tmp_path: Path) -> None:
    with FaceSetWriter(tmp_path, 16, {}, {}) as writer:
        for image in (faces_of(1, 20)[0], faces_of(1)[0].astype(float), faces_of(1)[0, ..., 0]):
            with pytest.raises(ValueError, match="a face is uint8"):
                writer.add(image, "a", (0, 0, 1, 1))


def test_what_is_not_finished_is_no_face_set(tmp_path: Path) -> None:
    with FaceSetWriter(tmp_path, 16, {}, {}) as writer:
        writer.add(faces_of(1)[0], "a", (0, 0, 1, 1))
    with pytest.raises(PhizError, match=r"faceset\.json is missing"):
        FaceSet.open(tmp_path)


@settings(max_examples=30)
@given(data=st.data())
def test_any_label_table_comes_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    words = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=8)
    schema = data.draw(
        st.dictionaries(words, st.lists(words, min_size=1, max_size=5, unique=True), max_size=3)
    )
    row = st.tuples(*(st.integers(-1, len(values) - 1) for values in schema.values()))
    table = data.draw(st.lists(row, max_size=12))
    images = faces_of(len(table))
    folder = tmp_path_factory.mktemp("set")
    found = write(folder, images, table, schema, per_shard=data.draw(st.integers(1, 6)))
    assert found.schema == schema
    assert found.labels.tolist() == [list(row) for row in table]
    assert np.array_equal(found[:], images)
    for position, face in enumerate(found.faces()):
        codes = zip(schema.items(), table[position], strict=True)
        assert face["labels"] == {name: values[code] for (name, values), code in codes if code >= 0}


@settings(max_examples=60)
@given(indices=st.lists(st.integers(-17, 16), max_size=40), per_shard=st.integers(1, 18))
def test_a_batch_is_what_indexing_gives(
    indices: list[int], per_shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    images = faces_of(17)
    folder = tmp_path_factory.getbasetemp() / f"batch{per_shard}"
    found = FaceSet.open(folder) if folder.exists() else write(folder, images, per_shard=per_shard)
    batch = found.batch(indices)
    assert batch.shape == (len(indices), 16, 16, 3)
    assert batch.dtype == np.uint8
    assert np.array_equal(batch, images[np.array(indices, int)])
    assert all(np.array_equal(found[index], face) for index, face in zip(indices, batch, strict=True))
    assert np.array_equal(found[np.array(indices, int)], batch)


def test_indexing_is_that_of_arrays(small: FaceSet) -> None:
    images = faces_of(23)
    mask = np.arange(23) % 3 == 0
    assert np.array_equal(small[mask], images[mask])
    assert np.array_equal(small[3:20:4], images[3:20:4])
    assert np.array_equal(small[::-1], images[::-1])
    assert np.array_equal(small[np.int64(-1)], images[-1])
    assert np.array_equal(small[[2, 2, 0]], images[[2, 2, 0]])
    assert small[[]].shape == (0, 16, 16, 3)
    for wrong in (23, -24, [0, 23], np.ones(5, bool), [[1, 2]], 1.5):
        with pytest.raises(IndexError):
            small[wrong]
    batch = small.batch([1])
    batch[:] = 0  # a copy
    assert np.array_equal(small[1], images[1])
    with pytest.raises(ValueError, match="read-only"):
        small.labels[0, 0] = 1


def test_a_set_without_labels(tmp_path: Path) -> None:
    found = write(tmp_path / "set", faces_of(4))
    assert found.labels.shape == (4, 0)
    assert found.frequencies() == {}
    assert np.load(tmp_path / "set" / "labels.npy").shape == (4, 0)


def test_another_process_gets_the_path_not_the_pixels(small: FaceSet) -> None:
    packed = pickle.dumps(small)
    assert len(packed) < 1000
    assert np.array_equal(pickle.loads(packed)[:], small[:])


def test_an_older_version_stays_openable(small: FaceSet) -> None:
    version = small.path / f"faceset-{small.id}.json"
    (small.path / "faceset.json").rename(version)
    assert np.array_equal(FaceSet.open(version)[:], small[:])


def refused(path: Path, verify: bool = False) -> str:
    with pytest.raises(PhizError) as caught:
        FaceSet.open(path, verify=verify)
    assert "\n" not in str(caught.value)
    assert caught.value.status == 3
    return str(caught.value)


@pytest.mark.parametrize("name", ["images-00002.npy", "labels.npy", "manifest.sqlite", "faceset.json"])
def test_a_missing_file_is_named(small: FaceSet, name: str) -> None:
    (small.path / name).unlink()
    assert f"{name} is missing" in refused(small.path)


@pytest.mark.parametrize("name", ["images-00004.npy", "labels.npy"])
def test_a_file_that_is_cut_short_or_foreign_is_named(small: FaceSet, name: str) -> None:
    path = small.path / name
    whole = path.read_bytes()
    for data, what in [
        (whole[:-1], "is cut short"),
        (whole + b"x", "is too long"),
        (whole[:40], "is no .npy array"),
        (b"", "is no .npy array"),
        (b"\x89PNG" + whole, "is no .npy array"),
        (whole.replace(b"(", b"[", 1), "is no .npy array"),
    ]:
        path.write_bytes(data)
        message = refused(small.path)
        assert name in message
        assert what in message
    np.save(path, np.zeros((3, 8, 8, 3), np.float32))
    assert f"{name} belongs to another set" in refused(small.path)


def test_a_file_that_is_cut_short_while_it_is_open_is_named(small: FaceSet) -> None:
    shard = small.path / "images-00001.npy"
    with open(shard, "r+b") as file:
        file.truncate(200)
    with pytest.raises(PhizError, match=r"images-00001\.npy has been cut short meanwhile"):
        small[:]
    shard.unlink()
    assert len(small[:1]) == 1


def test_a_flipped_bit_is_found_on_request(small: FaceSet) -> None:
    assert FaceSet.open(small.path, verify=True).id == small.id
    path = small.path / "images-00003.npy"
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(bytes(data))
    FaceSet.open(small.path)
    assert "images-00003.npy is not what was written" in refused(small.path, verify=True)


def test_an_edited_id_is_found_on_request(small: FaceSet) -> None:
    edit(small.path, id="0" * 64)
    assert "id does not fit" in refused(small.path, verify=True)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "faceset.json"
    about = {**json.loads(path.read_text("utf-8")), **changes}
    path.write_text(json.dumps({key: value for key, value in about.items() if value is not None}), "utf-8")


def test_a_json_that_lies_is_refused(small: FaceSet) -> None:
    original = (small.path / "faceset.json").read_bytes()
    outside = {"name": "../labels.npy", "sha256": ""}
    for changes, what in [
        ({"format": 99}, "newer"),
        ({"phiz": "model"}, "was not written by phiz as a faceset"),
        ({"id": None}, 'lacks "id"'),
        ({"size": "16"}, 'lacks "size"'),
        ({"count": 99}, "contradicts itself"),
        ({"labels": outside}, "contradicts itself"),
        ({"manifest": "/etc/passwd"}, "contradicts itself"),
        ({"shards": [{}]}, "contradicts itself"),
        ({"schema": {"a": 1}}, "contradicts itself"),
        ({"schema": {"age": [20, 30]}}, "contradicts itself"),
        ({"size": 20}, "belongs to another set"),
    ]:
        edit(small.path, **changes)
        assert what in refused(small.path)
        (small.path / "faceset.json").write_bytes(original)
    (small.path / "faceset.json").write_bytes(original[:50])
    assert "cannot be read" in refused(small.path)


def test_a_damaged_manifest_is_named_when_it_is_asked(small: FaceSet) -> None:
    (small.path / "manifest.sqlite").write_bytes(b"no database at all" * 100)
    found = FaceSet.open(small.path)
    with pytest.raises(PhizError, match=r"manifest\.sqlite cannot be read"):
        found.rejected()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")
    assert "faceset.json is missing" in refused(tmp_path)


def test_opening_reads_no_pixels_and_imports_no_torch(small: FaceSet) -> None:
    code = (
        "import sys; from phiz.faceset import FaceSet; FaceSet.open(sys.argv[1])[0];"
        "assert not {'torch', 'PIL', 'pydantic', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(small.path)], check=True)
