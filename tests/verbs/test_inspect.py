"""`inspect` says of anything what it is, and survives all of it."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import phiz
import toys
from phiz import cli, marks
from phiz.artefacts import building, write_json
from phiz.errors import PhizError, UsageError
from phiz.faceset_writer import FaceSetWriter
from phiz.sampling.loose import size_of
from phiz.sampling.showing import course, few, size_in_words
from phiz.verbs.generate import generate
from phiz.verbs.inspect import inspect
from phiz.verbs.walk import walk


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model"
    return toys.model(
        folder, 32, labelled=True, faces=1234, recipe="quick", steps=500, figures={"F/T": 0.4321}
    )


@pytest.fixture(scope="module")
def faceset(tmp_path_factory):
    place = tmp_path_factory.mktemp("sets") / "faces"
    made = {"sources": [{"name": "mine.zip"}], "crop": "centre"}
    with building(place, "faceset") as folder:
        writer = FaceSetWriter(folder, 16, {"hair": ["black", "red"]}, made)
        for i in range(20):
            writer.add(np.full((16, 16, 3), 10 * i, np.uint8), f"{i}.png", (0, 0, 16, 16), labels=[i % 3 - 1])
        for i in range(3):
            writer.reject(f"bad{i}.jpg", "cut short")
        writer.finish()
    return place


def shown(seen, **options) -> str:
    console = Console(file=io.StringIO(), width=1_000, **options)  # paths are long: no line breaks
    console.print(seen)
    return console.file.getvalue()


def test_a_model(model, tmp_path):
    seen = inspect(model.path, save=tmp_path / "network.png")
    text = shown(seen)
    assert seen.kind == "model"
    for word in ("synthetic faces of 32 x 32", model.hash, "1,234 faces", "quick, 500 steps", "F/T 0.4321"):
        assert word in text
    for word in ("black (2)", "transposed convolution 4x4, stride 2", "face, 32 x 32 x 3", "phiz generate"):
        assert word in text
    total = sum(array.size for array in model.weights().values())
    assert f"{total:,} values" in text
    with Image.open(tmp_path / "network.png") as drawing:
        assert drawing.width > 600


def test_a_model_that_is_damaged_is_one_line(tmp_path):
    model = toys.model(tmp_path / "m")
    (model.path / "onnx" / "model.onnx").write_bytes(b"")
    with pytest.raises(PhizError, match=r"model\.onnx"):
        inspect(model.path)


def test_a_face_set(faceset, tmp_path):
    seen = inspect(faceset, save=tmp_path / "some.png")
    text = shown(seen)
    assert seen.kind == "face set"
    for word in ("20 of 16 x 16", "mine.zip", "3 pictures", "cut short", "black (7)", "phiz train"):
        assert word in text
    assert seen.facts["id"] in text.replace("\n", "")
    assert b"trainedAlgorithmicMedia" not in (tmp_path / "some.png").read_bytes(), (
        "these faces are found ones"
    )
    with pytest.raises(PhizError, match="--force"):
        inspect(faceset, save=tmp_path / "some.png")


def write_run(folder, finished=None):
    folder.mkdir()
    stages = [{"name": "outline", "steps": 30}, {"name": "adversarial", "steps": 170}]
    recipe = {"name": "quick", "size": 32, "batch": 8, "network": {"name": "slim"}}
    data = {"phiz": "run", "format": 1, "recipe": recipe, "asked": {"source": "mine.zip"}, "device": "cpu"}
    data |= {"faceset": "ab" * 32, "plan": {"stages": stages}, "finished": finished}
    (folder / "recipe.json").write_text(json.dumps(data), "utf-8")
    lines = [{"step": s, "images": 8 * s, "images_per_second": 40.0, "loss_d": 1 / s} for s in range(1, 51)]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"step": 51, "ima'
    (folder / "metrics.jsonl").write_text(text, "utf-8")
    (folder / "checkpoints" / "step-000000040").mkdir(parents=True)
    (folder / "samples").mkdir()
    Image.new("RGB", (64, 64)).save(folder / "samples" / "000000048.png")


def test_an_unfinished_run(tmp_path):
    write_run(tmp_path / "run")
    text = shown(inspect(tmp_path / "run", save=tmp_path / "newest.webp")).replace("\n", " ")
    for word in ("step 50 of 200 (25%)", "about 30 s left", "--resume", "step-000000040", "mine.zip"):
        assert word in text
    for word in ("loss d", "█", "40 images/s", "none yet", "ab" * 32):
        assert word in text
    assert (tmp_path / "newest.webp").exists()


def test_a_finished_run(tmp_path):
    write_run(tmp_path / "run", {"seconds": 61.0, "images": 1600})
    model = toys.model(tmp_path / "run" / "model", steps=200)
    text = shown(inspect(tmp_path / "run"))
    for word in (
        "finished: 200 steps in 1:01 min",
        "26 images/s",
        f"{model.hash}, of step 200",
        "phiz generate",
    ):
        assert word in text


def test_a_run_that_has_only_begun(tmp_path):
    (tmp_path / "recipe.json").write_text('{"phiz": "run", "format": 1}', "utf-8")
    assert "none yet" in shown(inspect(tmp_path))


def test_pictures_phiz_made(model, tmp_path):
    [sheet] = generate(model.path, tmp_path / "a.png", n=4, seed=7, truncation=0.5, labels={"hair": "red"})
    text = shown(inspect(sheet))
    for word in (model.hash, "7 to 10", "0.5", "hair red", "--like", "synthetic"):
        assert word in text
    [single] = generate(model.path, tmp_path / "faces", seeds=[42])
    assert inspect(single).facts["seed"] == "42"
    film = walk(model.path, tmp_path / "a.gif", seconds=1, fps=6, keys=2, seed=5)
    seen = inspect(film)
    assert (seen.kind, seen.facts["seed"], seen.facts["keys"]) == ("walk", "5", "2")


def test_other_peoples_files(model, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    assert inspect(tmp_path / "photo.jpg").facts["size"] == "30 x 20 pixels"
    assert inspect(tmp_path / "photo.jpg").kind == "picture"

    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for name in ("a/1.jpg", "a/2.PNG", "readme.txt"):
            archive.writestr(name, b"")
    seen = inspect(tmp_path / "faces.zip")
    assert seen.kind == "zip of pictures"
    assert "2 pictures" in seen.title
    assert "phiz train" in seen.next

    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "cannot be read" in inspect(tmp_path / "cut.zip").title
    (tmp_path / "empty").write_bytes(b"")
    assert "empty" in inspect(tmp_path / "empty").title
    (tmp_path / "notes.txt").write_text("hello")
    assert "no use" in inspect(tmp_path / "notes.txt").title
    seen = inspect(tmp_path)
    assert seen.kind == "folder of pictures"
    assert seen.title.endswith("with 1 picture")

    assert "weights" in shown(inspect(model.path / "model.safetensors"))
    assert "transposed convolution" in shown(inspect(model.path / "onnx" / "model.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"\xff" * 20)
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 20)
    assert "damaged" in inspect(tmp_path / "bad.onnx").title
    assert "damaged" in inspect(tmp_path / "bad.safetensors").title
    header = b'{"a": {"dtype": "F32", "shape": "xy", "data_offsets": [0, 0]}}'
    (tmp_path / "bad.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert "damaged" in inspect(tmp_path / "bad.safetensors").title
    with pytest.raises(ValueError, match="whole number"):
        marks.seeds_of({"seeds": [float("inf")]})


def test_a_copy_says_what_its_source_says(model, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    inspect(tmp_path / "photo.jpg", save=tmp_path / "copies" / "photo.png")
    assert marks.read(tmp_path / "copies" / "photo.png") is None
    [face] = generate(model.path, tmp_path / "face.png", seeds=[42])
    inspect(face, save=tmp_path / "face.webp")
    assert marks.read(tmp_path / "face.webp") == marks.read(face)
    marks.save(Image.new("RGB", (8, 8)), tmp_path / "large.png", {"phiz": "enlarged", "synthetic": False})
    inspect(tmp_path / "large.png", save=tmp_path / "large.webp")
    assert marks.read(tmp_path / "large.webp")["synthetic"] is False


def test_archives_of_made_faces_are_archives(model, tmp_path):
    generate(model.path, tmp_path / "faces", n=3)
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        archive.add(tmp_path / "faces", "faces")
    assert inspect(tmp_path / "faces.tar").kind == "tar"
    with tarfile.open(tmp_path / "faces.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "faces", "faces")
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "faces.tar.gz").read_bytes()[:40])
    assert "no use" in inspect(tmp_path / "cut.tar.gz").title
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for face in sorted((tmp_path / "faces").iterdir()):
            archive.write(face, face.name)
    assert inspect(tmp_path / "faces.zip").kind == "zip of pictures"


def test_a_sheet_that_is_larger_than_what_is_read_of_others(model, tmp_path, monkeypatch):
    [sheet] = generate(model.path, tmp_path / "a.png", n=4)
    monkeypatch.setattr("phiz.pictures.MAX_PIXELS", 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    seen = inspect(sheet)
    assert seen.facts["model"] == model.hash
    assert seen.picture is None


def test_a_site(model, tmp_path):
    place = tmp_path / "site"
    place.mkdir()
    said = {"phiz": "site", "format": 1, "made by": "0.1", "title": "Faces of nobody"}
    write_json(place / "site.json", said | {"models": [{"name": "toy", "hash": model.hash}]})
    seen = inspect(place)
    assert "Faces of nobody" in seen.title
    assert model.hash in seen.facts["models"]
    assert seen.next == f"phiz preview {place}"


def test_the_small_forms_of_a_network_are_described_alike(model, tmp_path):
    phiz.export(model.path, tmp_path / "out")
    tables = [
        inspect(tmp_path / "out" / "onnx" / name).listings[0].rows
        for name in ("model.onnx", "model_fp16.onnx", "model_quantized.onnx")
    ]
    assert tables[0] == tables[1] == tables[2]


def test_ctrl_c_is_one_line(tmp_path, monkeypatch, capsys):
    def interrupted(*given, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("phiz.verbs.inspect.inspect", interrupted)
    monkeypatch.setattr("sys.argv", ["phiz", "inspect", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == "phiz: stopped."


def test_a_folder_with_a_foreign_config(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert "phiz did not write" in inspect(tmp_path).title


def test_what_is_not_there(tmp_path):
    (tmp_path / "first").mkdir()
    with pytest.raises(PhizError, match='Did you mean "first"'):
        inspect(tmp_path / "fisrt")
    with pytest.raises(UsageError, match="no picture"):
        inspect(tmp_path / "first", save=tmp_path / "a.png")


def test_a_terminal_with_colours_gets_a_picture_and_a_pipe_does_not(faceset):
    seen = inspect(faceset)
    assert "▀" in shown(seen, force_terminal=True, color_system="truecolor")
    assert "▀" not in shown(seen)


def test_numbers_in_words():
    assert [size_in_words(n) for n in (0, 999, 1500, 14_300_000, 120_000_000, 3e9)] == [
        "0 bytes",
        "999 bytes",
        "1.5 KB",
        "14.3 MB",
        "120 MB",
        "3.0 GB",
    ]
    assert course([1, 2, 3]) == "▁▅█" or course([1, 2, 3])[0] + course([1, 2, 3])[-1] == "▁█"
    assert len(course(range(1000), 20)) == 20
    assert course([float("nan")]) == ""
    assert few(["a", "b", "c"], 2) == "a, b and 1 more"


def test_files_that_go_while_they_are_counted_are_not_missed(tmp_path, monkeypatch):
    (tmp_path / "stays").write_bytes(b"12345")
    (tmp_path / "goes").write_bytes(b"12")
    size = os.path.getsize

    def gone(path: str) -> int:
        if path.endswith("goes"):
            raise FileNotFoundError(path)
        return size(path)

    monkeypatch.setattr(os.path, "getsize", gone)
    assert size_of(tmp_path) == 5
