"""What tests look at in a run that was trained without its verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from phiz import artefacts
from phiz.training import checkpoint
from phiz.training.tasks import Position, Stage

TIMING = {"seconds", "images_per_second", "reading"}


class Halt(Exception):
    """Breaks a training off, as a kill would."""


class Quiet:
    """A screen that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def show(self, metrics: dict[str, Any]) -> None:
        pass

    def say(self, line: str) -> None:
        self.said.append(line)

    def note(self, line: str) -> None:
        pass


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


def rewrite(run: Path, data: dict[str, Any]) -> None:
    """Write what recipe.json of `run` says as phiz does, hash and all."""
    artefacts.write_json(run / "recipe.json", artefacts.sealed(data, "recipe.json"))


def states(run: Path) -> dict[str, dict[str, bytes]]:
    """Return every tensor of the newest checkpoint as bytes."""
    newest = checkpoint.found(run / "checkpoints")[0]
    return {
        path.name: {k: v.tobytes() for k, v in safetensors.numpy.load_file(path).items()}
        for path in sorted(newest.glob("*.safetensors"))
    }


def metrics(run: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics without what clocks say."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]
