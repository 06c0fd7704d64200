"""`generate` writes what was asked for, says what it made, and harms nothing that was there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import phiz
import toys
from phiz import marks
from phiz.errors import PhizError, UsageError
from phiz.sampling import sheets
from phiz.verbs.generate import generate
from phiz.verbs.inspect import inspect


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "plain", 32)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "labelled", labelled=True)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_sheet(model, tmp_path):
    out = tmp_path / "deep" / "faces.png"
    told = []
    assert generate(model.path, out, seed=7, progress=lambda *done: told.append(done)) == [out]
    assert told[-1] == (16, 16)
    expected = sheets.sheet(model.sample(16, seed=7), 32, (4, 4), scale=2)
    assert np.array_equal(pixels(out), np.asarray(expected))
    assert marks.read(out) == marks.facts(model.hash, range(7, 23), 1.0, grid=[4, 4])


def test_each_face_in_the_colours_of_other_seeds(tmp_path):
    avatars = phiz.load("avatars")
    [out] = generate("avatars", tmp_path / "a.png", seeds=[7, 9], fine=[1, 7, 3], truncation=0.9)
    faces = avatars.sample(seeds=[7, 7, 7, 9, 9, 9], fine=[1, 7, 3, 1, 7, 3], truncation=0.9)
    assert np.array_equal(pixels(out), np.asarray(sheets.sheet(faces, 64, (2, 3))))
    own = avatars.sample(seeds=[7, 9], truncation=0.9)
    assert np.array_equal(faces[1], own[0])  # its own colours: the face itself
    assert not np.array_equal(faces[0], own[0])
    said = marks.read(out)
    assert (said["seeds"], said["fine"], said["grid"]) == ([7, 7, 7, 9, 9, 9], [1, 7, 3, 1, 7, 3], [2, 3])

    [again] = generate("avatars", tmp_path / "b.png", like=out)
    assert np.array_equal(pixels(again), pixels(out))
    assert marks.read(again) == said
    singles = generate("avatars", tmp_path / "singles", like=out)
    assert [path.name for path in singles][:2] == [f"seed-000007-fine-00000{n}.png" for n in (1, 7)]
    assert np.array_equal(pixels(singles[3]), faces[3])
    [one] = generate("avatars", tmp_path / "one.png", like=singles[3], scale=1)
    assert np.array_equal(pixels(one), faces[3])
    assert marks.read(one)["fine"] == 1

    [row] = generate("avatars", tmp_path / "row.png", n=6, fine=12, numbered=True)
    assert marks.read(row)["grid"] == [2, 3]
    assert marks.read(row)["fine"] == 12


def test_a_grid_of_faces_and_colours(tmp_path, monkeypatch):
    [out] = generate("avatars", tmp_path / "a.png", fine=[1, 2, 3], grid="2x3", seed=5)
    assert marks.read(out)["seeds"] == [5, 5, 5, 6, 6, 6]
    [out] = generate("avatars", tmp_path / "b.png", fine=np.int64(4), grid="1x2")
    assert (marks.read(out)["seed"], marks.read(out)["fine"]) == (0, 4)
    for grid in ("1x7", "2x4", "1x1"):
        with pytest.raises(UsageError, match="3 colours each do not fill the grid; 3x3 would do"):
            generate("avatars", tmp_path / "a.png", fine=[1, 2, 3], grid=grid)

    def best(source, model, pool, count, **more):
        return pool[-count:]

    monkeypatch.setattr("phiz.verbs.best.best", best)
    [out] = generate("avatars", tmp_path / "c.png", best=2, of=10, fine=[1, 3])
    said = marks.read(out)
    assert (said["seeds"], said["fine"], said["grid"]) == ([8, 8, 9, 9], [1, 3, 1, 3], [2, 2])
    monkeypatch.setattr("phiz.verbs.best.best", None)  # what is wrong is said before any work
    for wrong in ({"fine": []}, {"fine": [-1]}, {"fine": 1.5}, {"fine": [1, 2], "grid": "1x3"}):
        with pytest.raises(UsageError):
            generate("avatars", tmp_path / "d.png", best=2, of=10, **wrong)


def test_colours_of_another_seed_are_refused_where_they_cannot_be_had(model, tmp_path):
    with pytest.raises(UsageError, match="takes no colours from another seed"):
        generate(model.path, tmp_path / "a.png", fine=3)
    with pytest.raises(UsageError, match="names no seed"):
        generate("avatars", tmp_path / "a.png", fine=[])
    with pytest.raises(UsageError, match="A seed is a whole number"):
        generate("avatars", tmp_path / "a.png", fine=[-1])
    with pytest.raises(UsageError, match="4 places for 8 faces"):
        generate("avatars", tmp_path / "a.png", seeds=[1, 2, 3, 4], fine=[1, 2], grid="2x2")
    with pytest.raises(UsageError, match="--like says which faces"):
        generate("avatars", tmp_path / "a.png", like=tmp_path / "b.png", fine=2)
    with pytest.raises(UsageError, match="as many fine seeds"):
        phiz.load("avatars").sample(3, fine=[1, 2])
    with pytest.raises(UsageError, match="finer ones of that shape"):
        phiz.load("avatars").run(np.zeros((2, 64), np.float32), fine=np.zeros((1, 64), np.float32))
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("given", "seeds", "grid"),
    [
        ({"n": 3}, [0, 1, 2], [1, 3]),
        ({"grid": "2x3"}, [0, 1, 2, 3, 4, 5], [2, 3]),
        ({"grid": (3, 2), "n": 5, "seed": 4}, [4, 5, 6, 7, 8], [3, 2]),
        ({"seeds": [14, 72, 77]}, [14, 72, 77], [1, 3]),
        ({"seeds": (s for s in (5, 5)), "n": 2}, [5, 5], [1, 2]),
    ],
)
def test_how_many(model, tmp_path, given, seeds, grid):
    said = marks.read(*generate(model.path, tmp_path / "faces.webp", **given))
    assert marks.seeds_of(said) == seeds
    assert said["grid"] == grid


def test_one_face_is_left_as_it_is(model, tmp_path):
    generate(model.path, tmp_path / "face.png", n=1, seed=3)
    assert np.array_equal(pixels(tmp_path / "face.png"), model.sample(1, seed=3)[0])


def test_scale_and_numbers(model, tmp_path):
    generate(model.path, tmp_path / "small.png", n=4, scale=1)
    generate(model.path, tmp_path / "large.png", n=4, scale=4)
    generate(model.path, tmp_path / "numbered.png", n=4, scale=1, numbered=True)
    small, large, numbered = (
        pixels(tmp_path / f"{name}.png").shape for name in ("small", "large", "numbered")
    )
    assert small == (70, 70, 3)
    assert large == (268, 268, 3)
    assert numbered[0] > small[0]


def test_single_pictures(model, tmp_path):
    files = generate(model.path, tmp_path / "faces", seeds=[7, 1234567], truncation=0.5)
    assert [file.name for file in files] == ["seed-000007.png", "seed-1234567.png"]
    assert sorted(p.name for p in (tmp_path / "faces").iterdir()) == sorted(file.name for file in files)
    faces = model.sample(seeds=[7, 1234567], truncation=0.5)
    for file, face, seed in zip(files, faces, (7, 1234567), strict=True):
        assert np.array_equal(pixels(file), face)
        assert marks.read(file) == marks.facts(model.hash, [seed], 0.5)


def test_the_same_command_again_is_no_fault(model, tmp_path):
    for out in (tmp_path / "faces", tmp_path / "faces.png"):
        first = generate(model.path, out, n=2)
        before = [file.read_bytes() for file in first]
        assert [file.read_bytes() for file in generate(model.path, out, n=2)] == before
    generate(model.path, tmp_path / "faces", n=2, seed=2)
    assert len(list((tmp_path / "faces").iterdir())) == 4


def test_labels(labelled, tmp_path):
    [sheet] = generate(labelled.path, tmp_path / "red.png", n=4, labels={"hair": "red"})
    assert marks.read(sheet)["labels"] == {"hair": "red"}
    [single] = generate(labelled.path, tmp_path / "faces", n=1, labels={"hair": "red"})
    said = marks.read(single)
    assert said["labels"] == {"hair": "red"}
    assert said["shows"]["hair"] == "red"
    assert said["shows"]["hat"] in toys.LABELS["hat"]
    [alone] = generate(labelled.path, tmp_path / "alone.png", n=1, labels={"hair": "red"})
    assert marks.read(alone)["shows"] == said["shows"]
    assert "shows" not in marks.read(sheet)
    with pytest.raises(UsageError, match="black, brown, red"):
        generate(labelled.path, tmp_path / "no.png", labels={"hair": "green"})
    assert not (tmp_path / "no.png").exists()


def test_like_brings_a_face_back(labelled, tmp_path):
    [face] = generate(labelled.path, tmp_path / "face.png", seeds=[99], truncation=0.6, labels={"hat": "yes"})
    [again] = generate(labelled.path, tmp_path / "again.png", like=face)
    assert np.array_equal(pixels(again), pixels(face))
    assert marks.read(again) == marks.read(face)


def test_like_brings_a_sheet_back_as_a_sheet_or_as_faces(model, tmp_path):
    [sheet] = generate(model.path, tmp_path / "a.webp", seeds=[4, 9, 2, 8, 5, 1], grid="3x2", numbered=True)
    [again] = generate(model.path, tmp_path / "b.webp", like=sheet, numbered=True)
    assert again.read_bytes() == sheet.read_bytes()
    singles = generate(model.path, tmp_path / "faces", like=sheet)
    assert [file.name for file in singles][:2] == ["seed-000004.png", "seed-000009.png"]


def test_like_needs_a_picture_of_this_model(model, labelled, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "own.png")
    with pytest.raises(PhizError, match="does not say that phiz made it"):
        generate(model.path, tmp_path / "x.png", like=tmp_path / "own.png")
    [other] = generate(labelled.path, tmp_path / "other.png", n=1)
    with pytest.raises(PhizError, match=labelled.hash):
        generate(model.path, tmp_path / "x.png", like=other)
    for given in ({"n": 2}, {"seed": 3}, {"seeds": [3]}, {"truncation": 0.5}, {"labels": {"hair": "red"}}):
        with pytest.raises(UsageError, match="--like says which faces"):
            generate(labelled.path, tmp_path / "x.png", like=other, **given)
    marks.save(Image.new("RGB", (8, 8)), tmp_path / "walk.png", {"phiz": "walk"})
    with pytest.raises(PhizError, match="is a walk"):
        generate(model.path, tmp_path / "x.png", like=tmp_path / "walk.png")
    for more in ({}, {"seed": 1, "n": 10**15}, {"seed": "x"}, {"seeds": 3}, {"seed": 1, "labels": 5}):
        bad = {"phiz": "picture", "model": model.hash, "truncation": 1.0} | more
        marks.save(Image.new("RGB", (8, 8)), tmp_path / "bad.png", bad)
        inspect(tmp_path / "bad.png")
        with pytest.raises(PhizError, match="does not say clearly"):
            generate(model.path, tmp_path / "x.png", like=tmp_path / "bad.png")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("out", "given", "message"),
    [
        ("a.png", {"n": 0}, "at least 1"),
        ("a.png", {"seed": -1}, "A seed is"),
        ("a.png", {"seed": 2**53 - 2, "n": 4}, "last seed"),
        ("a.png", {"seeds": []}, "names no seed"),
        ("a.png", {"seeds": [1, 2], "n": 3}, "leave -n out"),
        ("a.png", {"seeds": [1, 2], "seed": 5}, "leave --seed 5 out"),
        ("a.png", {"grid": "4x4", "n": 20}, "16 places for 20 faces"),
        ("a.png", {"grid": "4x4", "n": 3}, "16 places for 3 faces"),
        ("a.png", {"grid": "four"}, "ROWSxCOLUMNS"),
        ("a.png", {"truncation": -1}, "Truncation"),
        ("a.png", {"scale": 0}, "scale"),
        ("a.gif", {}, "phiz walk makes films"),
        ("a.tiff", {}, "written as"),
        ("folder", {"numbered": True}, "for a sheet"),
        ("folder", {"grid": "4x4"}, "for a sheet"),
        ("a.png", {"grid": "2x2", "best": 9}, "4 places for 9 faces"),
    ],
)
def test_what_contradicts_itself_is_refused(model, tmp_path, out, given, message):
    with pytest.raises(UsageError, match=message) as fault:
        generate(model.path, tmp_path / out, **given)
    assert "\n" not in str(fault.value)
    assert not list(tmp_path.iterdir())


def test_nothing_of_others_is_replaced(model, tmp_path):
    own = tmp_path / "own.png"
    own.write_bytes(b"mine")
    with pytest.raises(PhizError, match="--force"):
        generate(model.path, own)
    with pytest.raises(PhizError, match="--force"):  # said before anything is made or judged
        generate(model.path, own, best=4, against=tmp_path / "none")
    assert own.read_bytes() == b"mine"
    generate(model.path, own, force=True)
    assert marks.read(own)

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(PhizError, match=r"notes\.txt.*--force"):
        generate(model.path, folder, n=1)
    with pytest.raises(PhizError, match=r"notes\.txt.*--force"):
        generate(model.path, folder, best=4, against=tmp_path / "none")
    generate(model.path, folder, n=1, force=True)
    assert (folder / "notes.txt").read_text() == "mine"

    for name in (".DS_Store", "Thumbs.db", ".seed-000002.png.partial"):  # what systems and a kill leave
        (tmp_path / "singles").mkdir(exist_ok=True)
        (tmp_path / "singles" / name).write_bytes(b"x")
    generate(model.path, tmp_path / "singles", n=1)

    lookalike = tmp_path / "faces" / "seed-000001.png"
    lookalike.parent.mkdir()
    lookalike.write_bytes(b"mine")
    with pytest.raises(PhizError, match="--force"):
        generate(model.path, lookalike.parent, n=2)
    assert list(lookalike.parent.iterdir()) == [lookalike]
    with pytest.raises(PhizError, match="phiz model"):
        generate(model.path, model.path, force=True)
    with pytest.raises(PhizError, match="is a file"):
        generate(model.path, tmp_path / "folder" / "notes.txt")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PhizError, match="is a folder"):
        generate(model.path, tmp_path / "folder.png", force=True)


def test_no_model_is_one_line(tmp_path):
    with pytest.raises(PhizError, match="does not exist"):
        generate(tmp_path / "none", tmp_path / "a.png")


def test_generating_imports_no_torch(model, tmp_path):
    code = (
        "import sys; from phiz.verbs.generate import generate; generate(sys.argv[1], sys.argv[2]); "
        "assert not {'torch', 'onnx', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(model.path), str(tmp_path / "a.png")], check=True)
