"""Tasks: what the loop drives. A task holds the state of a training and knows how to take a step.

The loop reads neither networks nor losses; a task neither clocks nor files. A GAN is one task. Beside them
stand what a training is measured by and where it is watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from phiz.training.checkpoint import Tensors

SAMPLES = 64


@dataclass(frozen=True)
class Stage:
    """A part of a training that has steps of its own kind: its name and its share of the time."""

    name: str
    share: float


@dataclass(frozen=True)
class Position:
    """Where in a training a step stands.

    `step` counts all steps from 0, `index` those of the stage of `count` steps; `progress`, 0 to 1, is
    the share of the planned time that lies behind, which every schedule follows.
    """

    step: int
    stage: str
    index: int
    count: int
    progress: float


class Task(Protocol):
    """A training's state, and what can be done with it.

    A task may have more, which the loop uses where it is there: `random` (phiz.training.randomness), whose
    `attempt` counts roll-backs; `count`, the faces there are to learn from; `supply` (phiz.training.supply);
    `splits`, in how many pieces a batch is calculated; `networks()`, which many processes hold alike.

    Among the scalars of a step, `masked` says whether it was left out because its losses are no numbers, and
    `variety` how far made faces lie apart, as a share of what real ones do (phiz.training.watchdog).
    """

    stages: list[Stage]
    batch: int

    def step(self, position: Position) -> dict[str, Tensor]:
        """Take one step; return scalars to report, still on the device."""

    def tensors(self) -> Tensors:
        """Return everything that a checkpoint must hold, by group."""

    def restore(self, tensors: Tensors) -> None:
        """Take back what `tensors` returned."""

    def sample(self, position: Position, count: int = SAMPLES) -> np.ndarray:
        """Return the faces of seeds 0 .. count - 1 as they stand: uint8 (count, H, W, 3)."""

    def keep(self, position: Position) -> None:
        """Take the state as it stands for the best so far: the one that becomes the model."""

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""


class Measure(Protocol):
    """How good faces are: a distance with a name, less is better."""

    name: str
    samples: int

    def __call__(self, faces: np.ndarray) -> float:
        """Return the distance of `samples` made faces, uint8 (N, H, W, 3), from the real ones."""


class Screen(Protocol):
    """Where a training is watched."""

    def show(self, metrics: dict[str, Any]) -> None:
        """Show the newest line of metrics."""

    def say(self, line: str) -> None:
        """Say one line, and keep it in the log."""

    def note(self, line: str) -> None:
        """Keep one line in the log."""
