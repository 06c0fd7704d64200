"""The way through, as a user types it, and what a user gets wrong."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import phiz
from phiz.cli import main
from toyset import SMALL

HERE = Path(__file__).resolve().parent


def run_phiz(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "phiz", *map(str, words)]
    env = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=240, check=False)


@pytest.fixture
def here(monkeypatch, capsys):
    """Run the command line in this process, which has torch at hand already: here(*words, cwd=folder)."""

    def go(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["phiz", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setenv("NO_COLOR", "1")
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        said, complained = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(left.value.code or 0), said, complained)

    return go


def png(seed: int, size: int = 24) -> bytes:
    draws = np.random.default_rng(seed)
    small = Image.fromarray(draws.integers(0, 255, (4, 4, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize((size, size), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


SET = [word for key, value in SMALL["auto"].items() for word in ("--set", f"{key}={value}")]
TRAIN = ["--steps", 10, "--size", 16, "--batch", 8, *SET]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures.zip, two of them broken, and a run made from it."""
    place = tmp_path_factory.mktemp("way")
    pictures = {f"faces/{i}.png": png(i) for i in range(30)}
    pictures |= {"faces/broken.png": png(1)[:60], "faces/empty.jpg": b""}
    zipped(place / "pictures.zip", pictures)
    done = run_phiz("train", "pictures.zip", "-o", "runs/first", *TRAIN, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "Packed 30 faces" in done.stderr
    assert "2 of 32 pictures were set aside; first faces/broken.png: " in done.stderr
    assert "phiz generate runs" in done.stdout
    return place


def test_a_run_holds_what_it_should(trained):
    run = trained / "runs" / "first"
    names = {path.name for path in run.iterdir()}
    assert names == {
        "checkpoints", "faceset", "film.webp", "log.txt", "metrics.jsonl", "model", "recipe.json", "samples",
    }  # fmt: skip
    recipe = json.loads((run / "recipe.json").read_text())
    assert recipe["finished"]["images"] == 80
    assert recipe["faceset"] == phiz.FaceSet.open(run / "faceset").id
    with Image.open(run / "film.webp") as film:
        assert film.n_frames > 5


def test_generate_makes_a_sheet_and_single_pictures(trained):
    made = run_phiz(
        "generate", "runs/first", "-o", "faces.png", "-n", 16, "--seed", 7, "--grid", "4x4",
        "--truncation", 0.8, "--numbered", cwd=trained,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with Image.open(trained / "faces.png") as sheet:
        assert sheet.width >= 64
    made = run_phiz("generate", "runs/first/model", "-o", "singles", "--seeds", "14,72,77", cwd=trained)
    assert made.returncode == 0, made.stderr
    assert sorted(p.name for p in (trained / "singles").iterdir()) == [
        "seed-000014.png", "seed-000072.png", "seed-000077.png",
    ]  # fmt: skip
    with Image.open(trained / "singles" / "seed-000072.png") as single:
        same = phiz.load(trained / "runs" / "first").sample(seeds=[72])[0]
        assert np.array_equal(np.asarray(single.convert("RGB")), same)


def test_walk_and_inspect(trained, here):
    walk = run_phiz("walk", "runs/first", "-o", "walk.gif", "--seconds", 1, "--seed", 7, cwd=trained)
    assert walk.returncode == 0, walk.stderr
    with Image.open(trained / "walk.gif") as film:
        assert film.n_frames > 10
    for thing in ("runs/first", "runs/first/model", "runs/first/faceset", "walk.gif"):
        seen = here("inspect", thing, cwd=trained)
        assert seen.returncode == 0, seen.stderr
        assert len(seen.stdout) > 40


def test_that_nobody_reads_what_is_said_is_no_fault(trained):
    command = [sys.executable, "-m", "phiz", "inspect", "runs/first"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=trained) as going:
        assert going.stdout
        assert going.stderr
        going.stdout.close()
        assert going.stderr.read() == b""
    assert going.returncode == 0


@pytest.mark.parametrize(("typed", "status"), [(EOFError, 2), (KeyboardInterrupt, 130)])
def test_a_question_that_is_not_answered_publishes_nothing(trained, here, monkeypatch, typed, status):
    def unanswered(question: str) -> str:
        raise typed

    monkeypatch.setenv("XDG_CONFIG_HOME", str(trained / "config"))
    monkeypatch.setattr("builtins.input", unanswered)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    left = here("publish", "runs/first", "-o", "asked", "--anyway", cwd=trained)
    assert left.returncode == status
    assert ("--author" in left.stderr) == (status == 2)
    assert not (trained / "asked").exists()


def test_the_same_command_again_is_done(trained):
    again = run_phiz("train", "pictures.zip", "-o", "runs/first", *TRAIN, cwd=trained)
    assert again.returncode == 0
    assert "done" in again.stdout


def huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["train", "nowhere", "-o", "x"], 3, "nowhere"),
        (["train", "text.zip", "-o", "x"], 3, "text.zip"),
        (["train", "none.zip", "-o", "x"], 3, "none.zip"),
        (["train", "evil.zip", "-o", "x"], 3, "../evil.png"),
        (["train", "few.zip", "-o", "x"], 3, "16"),
        (["train", "pictures.zip", "-o", "x", "--size", "50"], 2, "48"),
        (["train", "pictures.zip", "-o", "x", "--recipe", "qick"], 2, "quick"),
        (["train", "pictures.zip", "-o", "x", "--set", "batch"], 2, "KEY=VALUE"),
        (["train", "pictures.zip", "-o", "x", "--labels", "no.csv"], 3, "no.csv"),
        (["train", "pictures.zip", "-o", "x", "--labels", "labels.csv:age"], 3, "age"),
        (["train", "pictures.zip", "-o", "holiday"], 3, "holiday"),
        (["train", "pictures.zip", "-o", "holiday", "--force"], 3, "holiday"),
        (["train", "pictures.zip"], 2, "--out"),
        (["trian"], 2, "train"),
        (["generate", "nowhere", "-o", "a.png"], 3, "nowhere"),
        (["generate", "holiday", "-o", "a.png"], 3, "holiday"),
        (["generate", "runs/first", "-o", "mine.png"], 3, "mine.png"),
        (["generate", "runs/first", "-o", "a.png", "--seeds", "1,x"], 2, "--seeds"),
        (["generate", "runs/first", "-o", "a.png", "--label", "hair=blue"], 2, "hair"),
        (["generate", "avatars", "-o", "a.png", "--label", "hair"], 2, "--label hair=blue"),
        (["generate", "avatars", "-o", "a.png", "--label", "a=b", "--label", "a=c"], 2, "more than once"),
        (["generate", "avatar", "-o", "a.png"], 3, 'Did you mean "avatars"'),
        (["generate", "avatars", "-o", "a.png", "--label", "mood=sad"], 2, "avatars has no label"),
        (["walk", "runs/first", "-o", "walk.avi"], 2, ".avi"),
        (["export", "avatars", "-o", "."], 3, ". is the folder you stand in"),
        (["evaluate", "runs/first", "-o", "."], 3, ". is the folder you stand in"),
        (["publish", "runs/first", "-o", "."], 3, "is the folder you stand in"),
        (["prepare", "pictures.zip", "-o", ".."], 3, "is the folder you stand in"),
        (["inspect", "nowhere"], 3, "nowhere"),
        (["prepare", "pictures.zip", "-o", "holiday"], 3, "holiday"),
    ],
)
def test_a_mistake_is_one_clear_line_and_the_right_status(trained, here, words, status, said):
    zipped(trained / "none.zip", {"notes.txt": b"no picture"})
    zipped(trained / "evil.zip", {"../evil.png": png(0)})
    zipped(trained / "few.zip", {f"{i}.png": png(i) for i in range(15)} | {"huge.png": huge_png()})
    (trained / "text.zip").write_text("no zip")
    (trained / "labels.csv").write_text("file,hair\n1.png,blue\n2.png,red\n")
    (trained / "holiday").mkdir(exist_ok=True)
    (trained / "holiday" / "photo.txt").write_text("mine")
    Image.new("RGB", (8, 8)).save(trained / "mine.png")
    done = here(*words, cwd=trained)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if status != 2 or done.stderr.startswith("phiz:"):
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (trained / "x").exists()
    assert (trained / "holiday" / "photo.txt").read_text() == "mine"


def test_the_process_ends_with_that_status(trained):
    for words, status in ((["inspect", "nowhere"], 3), (["trian"], 2)):
        done = run_phiz(*words, cwd=trained)
        assert done.returncode == status
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("damage", ["model.safetensors", "onnx/model.onnx", "config.json"])
@pytest.mark.parametrize("how", ["missing", "cut short", "foreign"])
def test_a_damaged_model_is_named(trained, here, tmp_path, damage, how):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(trained / "runs" / "first" / "model", model)
    file = model / damage
    if how == "missing":
        file.unlink()
    elif how == "cut short":
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.write_bytes(b'{"model_type": "bert"}')
    done = here("generate", model, "-o", tmp_path / "a.png", cwd=tmp_path)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "a.png").exists()


def test_help_has_examples(here, tmp_path):
    for words in (
        ["--help"],
        *([name, "--help"] for name in ("demo", "train", "generate", "walk", "prepare")),
    ):
        done = here(*words, cwd=tmp_path)
        assert done.returncode == 0
        assert "phiz " in done.stdout


def test_a_face_set_has_a_name_of_its_own_accord(tmp_path):
    zipped(tmp_path / "my.pictures.zip", {f"{seed}.png": png(seed) for seed in range(20)})
    made = run_phiz("prepare", "my.pictures.zip", "--size", 16, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "my-faces" / "faceset.json").is_file()
    assert "my-faces: 20 faces" in made.stdout
