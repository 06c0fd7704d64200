"""A run that was stopped and resumed equals one that was not, to the bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

import phiz
from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.training import checkpoint, gan, loop, plan
from phiz.training import recipe as recipes
from runs import Halt, Quiet, metrics, states
from toyset import SMALL, write_faces


class Brightness:
    """A measure that changes with every step: how bright the faces are."""

    name, samples = "brightness", 70

    def __call__(self, faces: np.ndarray) -> float:
        assert faces.shape == (70, 16, 16, 3)
        return float(faces.mean())


def drive(folder: Path, faces: FaceSet, recipe: str, steps: int = 24) -> Quiet:
    """Train in `folder` from where its checkpoints stand, as the verb does, without writing a model."""
    folder.mkdir(exist_ok=True)
    threads = loop.deterministic(None)
    settings = {"size": "16", "batch": "8", "steps": str(steps), **SMALL[recipe]}
    task = gan.GAN(recipes.changed(recipes.find(recipe), settings), faces, torch.device("cpu"))
    screen = Quiet()
    made = plan.fixed(task, steps)
    made.evaluations = plan.every(made, 5)
    loop.run(task, made, folder, lambda *_: None, lambda _: None, screen, measure=Brightness())
    assert threads == torch.get_num_threads()
    return screen


def best(run: Path) -> tuple[int, float]:
    kept = checkpoint.load(checkpoint.found(run / "checkpoints")[0]).values["found"]
    return kept["best_step"], kept["best"]


def until(step: int, folder: Path, faces: FaceSet, recipe: str = "dcgan", steps: int = 24) -> None:
    """Train as `drive` does, and break off, as if killed, after the first checkpoint at `step` or later."""
    real = checkpoint.save

    def save(place: Path, point: checkpoint.Checkpoint, keep: int = 3) -> Path:
        path = real(place, point, keep)
        if point.step >= step:
            raise Halt
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(Halt):
            drive(folder, faces, recipe, steps)


def test_augmentation_goes_on_where_it_stood(tmp_path, monkeypatch):
    adaptive = {"augment.adaptive": "true", "augment.target": "-0.5"}
    monkeypatch.setitem(SMALL, "slim", SMALL["slim"] | adaptive)
    faces = write_faces(tmp_path / "faces")
    drive(tmp_path / "whole", faces, "slim")
    until(13, tmp_path / "cut", faces, "slim")
    drive(tmp_path / "cut", faces, "slim")
    assert states(tmp_path / "cut") == states(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    assert metrics(tmp_path / "whole")[-1]["augment"] > 0.3


@pytest.mark.parametrize(
    ("recipe", "cut", "steps"),
    [("slim", 3, 24), ("slim", 13, 24), ("modern", 13, 24), ("dcgan", 3, 24), ("dcgan", 13, 24),
     ("afad64", 5, 8)],
)  # fmt: skip
def test_resumed_equals_uninterrupted(recipe, cut, steps, tmp_path):
    faces = write_faces(tmp_path / "faces", labelled=True)
    drive(tmp_path / "whole", faces, recipe, steps)
    until(cut, tmp_path / "cut", faces, recipe, steps)
    drive(tmp_path / "cut", faces, recipe, steps)
    assert states(tmp_path / "cut") == states(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    assert "best-generator.safetensors" in states(tmp_path / "whole")
    assert best(tmp_path / "cut") == best(tmp_path / "whole")


def test_metrics_carry_losses_and_accuracy(tmp_path):
    faces = write_faces(tmp_path / "faces")
    drive(tmp_path / "run", faces, "dcgan")
    last = metrics(tmp_path / "run")[-1]
    assert last["step"] == 24
    assert last["images"] == 24 * 8
    assert {"loss_d", "loss_g"} <= last.keys()
    assert 0 <= last["accuracy_real"] <= 1
    assert 0 <= last["accuracy_fake"] <= 1


def broken_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["flipped", "cut short", "missing", "no state", "half a state"])
def test_a_damaged_checkpoint_is_passed_over_and_said(damage, tmp_path):
    faces = write_faces(tmp_path / "faces")
    until(12, tmp_path / "run", faces)
    newest = checkpoint.found(tmp_path / "run" / "checkpoints")[0]
    file = newest / "generator.safetensors"
    if damage == "flipped":
        broken_byte(file)
    elif damage == "cut short":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "missing":
        file.unlink()
    elif damage == "no state":
        (newest / "state.json").unlink()
    else:
        (newest / "state.json").write_text((newest / "state.json").read_text()[:40])
    said = "\n".join(drive(tmp_path / "run", faces, "dcgan").said)
    assert "going back" in said
    assert str(newest) in said
    drive(tmp_path / "whole", faces, "dcgan")
    assert states(tmp_path / "run") == states(tmp_path / "whole")


def test_no_whole_checkpoint_is_said(tmp_path):
    faces = write_faces(tmp_path / "faces")
    until(3, tmp_path / "run", faces)
    for path in checkpoint.found(tmp_path / "run" / "checkpoints"):
        (path / "state.json").unlink()
    with pytest.raises(PhizError, match="No checkpoint"):
        drive(tmp_path / "run", faces, "dcgan")


def test_a_half_written_checkpoint_is_never_taken(tmp_path):
    faces = write_faces(tmp_path / "faces")
    until(12, tmp_path / "run", faces)
    folder = tmp_path / "run" / "checkpoints"
    shutil.copytree(checkpoint.found(folder)[0], folder / ".step-000000099.partial")
    assert "step-000000099" not in [path.name for path in checkpoint.found(folder)]


def start(faces: Path, run: Path, *more: str) -> subprocess.Popen:
    words = [
        "train",
        faces,
        "-o",
        run,
        "--recipe",
        "dcgan",
        "--steps",
        "4000",
        "--size",
        "16",
        "--batch",
        "8",
    ]
    small = [word for key, value in SMALL["dcgan"].items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "phiz", *map(str, words), *small, *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for_steps(run: Path, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size:
            return
        time.sleep(0.1)
    raise AssertionError(f"no step was taken: {process.communicate()[1] if process.poll() else ''}")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_leaves_with_75(number, tmp_path):
    faces = write_faces(tmp_path / "faces")
    process = start(faces.path, tmp_path / "run")
    wait_for_steps(tmp_path / "run", process)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 75, said
    assert "--resume" in said
    assert "Traceback" not in said
    point = checkpoint.newest(tmp_path / "run" / "checkpoints", print)
    assert point is not None
    assert 0 < point.step < 4000


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_at_any_moment_a_run_goes_on(tmp_path):
    faces = write_faces(tmp_path / "faces")
    process = start(faces.path, tmp_path / "run", "--steps", "40")
    wait_for_steps(tmp_path / "run", process)
    process.kill()
    process.wait()
    again = start(faces.path, tmp_path / "run", "--steps", "40", "--resume")
    said = again.communicate(timeout=120)[1]
    assert again.returncode == 0, said
    assert phiz.load(tmp_path / "run").sample(2).shape == (2, 16, 16, 3)
    assert torch.get_num_threads() >= 1
