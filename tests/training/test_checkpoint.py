"""What the folder of checkpoints keeps, and which of them are refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from phiz.errors import PhizError
from phiz.training import checkpoint, loop, plan
from phiz.training.checkpoint import Checkpoint
from phiz.training.tasks import Position, Stage
from runs import Quiet


class Counter:
    """A task that counts its steps."""

    batch = 4
    stages = (Stage("adversarial", 1.0),)

    def __init__(self) -> None:
        self.state = torch.zeros(3)

    def step(self, position: Position) -> dict[str, torch.Tensor]:
        self.state += 1
        return {"loss_d": torch.tensor(0.5)}

    def tensors(self):
        return {"state": {"state": self.state}}

    def restore(self, tensors):
        self.state = tensors["state"]["state"].clone()

    def sample(self, position: Position, count: int = 1) -> np.ndarray:
        return np.zeros((count, 4, 4, 3), np.uint8)


def drive(folder: Path, identity: str) -> tuple[Counter, Quiet]:
    task, screen = Counter(), Quiet()
    made = plan.fixed(task, 20)  # type: ignore[arg-type]
    loop.run(task, made, folder, lambda *_: None, lambda _: None, screen, identity=identity)  # type: ignore[arg-type]
    return task, screen


def point(step: int) -> Checkpoint:
    return Checkpoint(step, {"state": {"state": torch.full((3,), float(step))}}, {"seconds": 0.0})


def names(folder: Path) -> list[int]:
    return [int(path.name[5:]) for path in checkpoint.found(folder)]


def test_the_newest_are_kept_and_the_newest_planned_one(tmp_path):
    for step in (0, 100, 103, 107, 111):
        checkpoint.save(tmp_path, point(step), lambda step: step % 100 == 0)
    assert names(tmp_path) == [111, 107, 103, 100]
    kept = checkpoint.newest(tmp_path, print, lambda step: step % 100 == 0)
    assert kept is not None
    assert kept.step == 100
    checkpoint.drop_after(tmp_path, 103)
    assert names(tmp_path) == [103, 100]


def test_one_of_a_newer_format_is_refused_and_not_gone_around(tmp_path):
    checkpoint.save(tmp_path, point(1))
    state = checkpoint.save(tmp_path, point(2)) / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"format": 99}))
    with pytest.raises(PhizError, match="format 99, newer") as caught:
        checkpoint.newest(tmp_path, lambda line: pytest.fail(line))
    assert caught.value.status == 3


def test_checkpoints_of_another_training_are_refused(tmp_path):
    drive(tmp_path, "one")
    drive(tmp_path, "one")
    with pytest.raises(PhizError, match="another recipe or face set"):
        drive(tmp_path, "another")


def test_a_checkpoint_from_before_the_watchdogs_is_read(tmp_path):
    """What earlier versions wrote has no attempt, no watch and no identity."""
    values = {"seconds": 1.0, "reported": 0, "found": {"seconds": 1.0}}
    old = Checkpoint(5, {"state": {"state": torch.full((3,), 5.0)}}, values)
    checkpoint.save(tmp_path / "checkpoints", old)
    task, screen = drive(tmp_path, "mine")
    assert screen.said[0] == "Going on from step 5 of 20."
    assert float(task.state[0]) == 20
