"""What the loop does when things go wrong around it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from phiz.errors import Surroundings
from phiz.training import checkpoint, loop, plan
from phiz.training.tasks import Position, Stage


class Counter:
    """A task whose state is a big tensor that counts its steps."""

    batch = 4
    stages = (Stage("adversarial", 1.0),)

    def __init__(self, broken_from: int = 10**9) -> None:
        self.state = torch.zeros(20_000)
        self.broken_from = broken_from

    def step(self, position: Position) -> dict[str, torch.Tensor]:
        self.state += 1
        value = float("nan") if position.step >= self.broken_from else float(position.step)
        return {"loss_d": torch.tensor(value)}

    def tensors(self):
        return {"state": {"state": self.state}}

    def restore(self, tensors):
        self.state = tensors["state"]["state"].clone()

    def sample(self, position: Position) -> np.ndarray:
        return np.zeros((1, 4, 4, 3), np.uint8)

    def synchronise(self) -> None:
        pass


class Quiet:
    def __init__(self) -> None:
        self.said: list[str] = []

    def show(self, metrics) -> None:
        pass

    def say(self, line: str) -> None:
        self.said.append(line)

    def note(self, line: str) -> None:
        pass


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "phiz-test", str(place)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def fill(place: Path) -> None:
    with open(place / "filler", "wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


def drive(folder: Path, task: Counter, sample=lambda step: None, steps: int = 50) -> Quiet:
    folder.mkdir(exist_ok=True)
    screen = Quiet()
    made = plan.fixed(task, steps)  # type: ignore[arg-type]
    loop.run(task, made, folder, lambda step, _: sample(step), lambda _: None, screen)  # type: ignore[arg-type]
    return screen


def test_a_disk_full_for_a_while_is_said_and_training_goes_on(small_disk):
    def sample(step: int) -> None:
        if 12 <= step <= 31 and not (small_disk / "filler").exists():
            fill(small_disk)
        if step > 31:
            (small_disk / "filler").unlink(missing_ok=True)

    screen = drive(small_disk / "run", Counter(), sample)
    assert any("No space left" in line and "goes on" in line for line in screen.said)
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", screen.say)
    assert kept is not None
    assert kept.step == 50
    lines = [json.loads(line) for line in (small_disk / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 51))


def test_a_disk_full_to_the_end_is_status_5_and_the_old_checkpoint_stays(small_disk):
    def sample(step: int) -> None:
        if step >= 12:
            fill(small_disk)

    with pytest.raises(Surroundings, match="No space left") as caught:
        drive(small_disk / "run", Counter(), sample)
    assert caught.value.status == 5
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step == 10
    (small_disk / "filler").unlink()
    drive(small_disk / "run", Counter())
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step == 50


def test_losses_that_are_no_numbers_stop_the_run_before_they_are_saved(tmp_path):
    with pytest.raises(Surroundings, match="loss_d is no number"):
        drive(tmp_path / "run", Counter(broken_from=37))
    kept = checkpoint.newest(tmp_path / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step <= 37


def test_a_line_of_metrics_cut_short_is_dropped_on_resume(tmp_path):
    drive(tmp_path / "run", Counter())
    path = tmp_path / "run" / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"step": 51, "los')
    drive(tmp_path / "run", Counter())
    assert path.read_text() == whole


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    drive(tmp_path / "run", Counter(), steps=100)
    names = [path.name for path in checkpoint.found(tmp_path / "run" / "checkpoints")]
    assert names == ["step-000000100", "step-000000090", "step-000000080"]
    assert not [name for name in os.listdir(tmp_path / "run" / "checkpoints") if name.startswith(".")]
