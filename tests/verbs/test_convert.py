"""A face set in other formats, and back again: the same faces and labels."""

from __future__ import annotations

import csv
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phiz.artefacts import building
from phiz.errors import PhizError, UsageError
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.verbs.convert import convert
from phiz.verbs.prepare import prepare

COUNT = 20


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    rng = np.random.default_rng(0)
    with open(tmp_path / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "hair", "目"])
        for index in range(COUNT):
            Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(
                tmp_path / f"{index:02}.png"
            )
            writer.writerow([f"{index:02}.png", ("long", "short")[index % 2], ("青", "", "赤")[index % 3]])
    return prepare(
        [*sorted(tmp_path.glob("*.png"))],
        tmp_path / "set",
        size=32,
        labels=tmp_path / "labels.csv",
        warn=hush,
    )


def hush(line: str) -> None:
    pass


def back(source: Path, out: Path) -> FaceSet:
    return prepare(source, out, size=32, labels="given", warn=hush)


def described(faces: FaceSet) -> list[dict]:
    return [row["labels"] for row in faces.faces()]


@pytest.mark.parametrize("name", ["folder", "faces.tar"])
def test_there_and_back_with_all_labels(name: str, faces: FaceSet, tmp_path: Path) -> None:
    found = back(convert(faces.path, tmp_path / name), tmp_path / "again")
    assert np.array_equal(found[:], faces[:])
    assert described(found) == described(faces)


def test_stylegans_zip_has_one_label_as_numbers(faces: FaceSet, tmp_path: Path) -> None:
    path = convert(faces.path, tmp_path / "faces.zip")
    with zipfile.ZipFile(path) as archive:
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        labels = json.loads(archive.read("dataset.json"))["labels"]
    assert labels[:2] == [["00000/img00000000.png", 0], ["00000/img00000001.png", 1]]
    found = back(path, tmp_path / "again")
    assert np.array_equal(found[:], faces[:])
    assert described(found) == [{"hair": row["hair"]} for row in described(faces)]
    assert convert(faces.path, tmp_path / "two.zip").read_bytes() == path.read_bytes()
    with pytest.raises(PhizError, match="StyleGAN needs one of each"):
        convert(faces.path, tmp_path / "three.zip", label="目")
    assert not (tmp_path / "three.zip").exists()


def test_stylegans_zip_passes_over_labels_that_some_faces_lack(tmp_path: Path) -> None:
    schema = {"目": ["青", "赤"], "hair": ["long", "short"]}
    with building(tmp_path / "set", "faceset") as place, FaceSetWriter(place, 16, schema, {}) as writer:
        for index in range(4):
            face = np.full((16, 16, 3), 40 * index, np.uint8)
            writer.add(face, f"{index}.png", (0, 0, 16, 16), labels=[-1 if index == 2 else 0, index % 2])
        writer.finish()
    path = convert(tmp_path / "set", tmp_path / "faces.zip")
    with zipfile.ZipFile(path) as archive:
        said = json.loads(archive.read("dataset.json"))
    assert said["phiz"]["label"] == "hair"
    assert [number for _, number in said["labels"]] == [0, 1, 0, 1]


def test_a_stylegan_zip_of_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        names = [f"00000/img{index:08d}.png" for index in range(18)]
        for name in names:
            with archive.open(name, "w") as file:
                Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(file, "PNG")
        archive.writestr(
            "dataset.json", json.dumps({"labels": [[name, i % 3] for i, name in enumerate(names)]})
        )
    found = back(tmp_path / "other.zip", tmp_path / "set")
    assert found.schema == {"class": ["0", "1", "2"]}
    assert found.labels[:, 0].tolist() == [i % 3 for i in range(18)]


def test_the_manifest_has_a_line_for_every_row(faces: FaceSet, tmp_path: Path) -> None:
    changed = prepare(faces.path, drop=[3], warn=hush)
    lines = convert(changed.path, tmp_path / "manifest.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(changed.rows())
    older = next(faces.path.glob("faceset-*.json"))
    with tarfile.open(convert(older, tmp_path / "older.tar")) as archive:
        assert len(archive.getnames()) == 2 * COUNT


@pytest.mark.parametrize(
    ("name", "options", "kind", "message"),
    [
        ("faces.rar", {}, UsageError, "does not say its format"),
        ("faces.zip", {"format": "stylegun"}, UsageError, 'Did you mean "stylegan"'),
        ("faces.zip", {"label": "hare"}, UsageError, 'Did you mean "hair"'),
        ("labels.csv", {"format": "manifest"}, PhizError, "exists"),
        ("", {"force": True}, PhizError, "no folder that phiz wrote"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is_lost(
    name: str, options: dict, kind: type, message: str, faces: FaceSet, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(kind, match=message):
        convert(faces.path, tmp_path / name, **options)
    assert sorted(tmp_path.iterdir()) == before


def test_force_replaces_whole(faces: FaceSet, tmp_path: Path) -> None:
    for name in ("folder", "faces.zip"):
        convert(faces.path, tmp_path / name)
        convert(faces.path, tmp_path / name, force=True)
    assert len(list((tmp_path / "folder").rglob("*.png"))) == COUNT
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_force_replaces_what_a_link_names_and_nothing_beside_it(faces: FaceSet, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    convert(faces.path, tmp_path / "disk" / "folder")
    (tmp_path / "folder").symlink_to(tmp_path / "disk" / "folder")
    for _ in range(2):
        convert(faces.path, tmp_path / "folder", force=True)
    assert (tmp_path / "folder").is_symlink()
    assert len(list((tmp_path / "disk" / "folder").rglob("*.png"))) == COUNT
    assert not list(tmp_path.rglob(".*.old"))
    mine = tmp_path / "disk" / ".folder.old" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(PhizError, match="in the way"):
        convert(faces.path, tmp_path / "folder", force=True)
    assert mine.read_text() == "mine"


def test_force_leaves_a_picture_folder_of_others_alone(faces: FaceSet, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "metadata.jsonl").write_text("{}")
    with pytest.raises(PhizError, match="no folder that phiz wrote"):
        convert(faces.path, own, format="imagefolder", force=True)
    assert (own / "metadata.jsonl").read_text() == "{}"


def test_parquet_files_of_one_name_keep_their_own_labels(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import io

    import pyarrow.parquet as pq

    draws = np.random.default_rng(3)
    for split, hair in (("train", "long"), ("test", "short")):
        rows = []
        for _ in range(12):
            file = io.BytesIO()
            Image.fromarray(draws.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(file, "PNG")
            rows.append({"bytes": file.getvalue(), "path": ""})
        (tmp_path / "data" / split).mkdir(parents=True)
        pq.write_table(
            pa.table({"image": rows, "hair": [hair] * 12}), tmp_path / "data" / split / "0000.parquet"
        )
    found = back(tmp_path / "data", tmp_path / "set")
    assert found.frequencies()["hair"] == [12, 12]
    assert len(back(tmp_path / "data", tmp_path / "set")) == 24


def test_parquet_as_datasets_are_published(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import io

    import pyarrow.parquet as pq

    rng = np.random.default_rng(2)
    pictures = []
    for index in range(24):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(file, "PNG")
        pictures.append({"bytes": file.getvalue(), "path": f"{index}.png"})
    pictures[5] = {"bytes": None, "path": "5.png"}
    features = {"image": {"_type": "Image"}, "hair": {"names": ["long", "short"], "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("hair", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    (tmp_path / "data").mkdir()
    for part in (0, 1):
        rows = pictures[12 * part : 12 * part + 12]
        table = pa.table([rows, [i % 2 for i in range(12)]], schema=schema)
        pq.write_table(table, tmp_path / "data" / f"train-{part}.parquet", row_group_size=5)
    found = back(tmp_path / "data", tmp_path / "set")
    assert len(found) == 23
    assert dict(found.rejected()) == {"train-0/00000005.png": "no picture is stored in its row"}
    assert found.schema == {"hair": ["long", "short"]}
    whole = np.asarray(Image.open(io.BytesIO(pictures[13]["bytes"])))
    assert np.array_equal(found[12], whole)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(PhizError, match="no parquet file"):
        prepare(tmp_path / "no.parquet", tmp_path / "other")


def test_a_dataset_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    from phiz.prepare import hub

    def fetched(repo: str, **asked: object) -> str:
        assert (repo, asked["repo_type"], asked["revision"]) == ("someone/faces", "dataset", "v1")
        return str(tmp_path)

    fake = types.ModuleType("huggingface_hub")
    fake.snapshot_download = fetched  # type: ignore[attr-defined]
    monkeypatch.setattr(hub, "find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    with pytest.raises(PhizError, match="no parquet files"):
        hub.fetch("hf:someone/faces@v1")
    (tmp_path / "0.parquet").write_bytes(b"")
    assert hub.fetch("hf:someone/faces@v1") == tmp_path
    with pytest.raises(UsageError, match="names no dataset"):
        hub.fetch("hf:faces")


def test_pictures_that_bring_no_labels_say_so(tmp_path: Path) -> None:
    for index in range(18):
        Image.new("RGB", (32, 32), (index * 9, 9, 9)).save(tmp_path / f"{index}.png")
    with pytest.raises(PhizError, match="brings no labels"):
        prepare(tmp_path, tmp_path.with_name("given"), size=32, labels="given")
