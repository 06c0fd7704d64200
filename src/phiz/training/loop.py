"""The loop: drives a task from one step to the last, and writes down what happens."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from phiz.artefacts import disk
from phiz.errors import PhizError, Stopped, Surroundings
from phiz.stopping import signals
from phiz.training import checkpoint
from phiz.training.checkpoint import Checkpoint
from phiz.training.plan import Plan
from phiz.training.tasks import Task

CHECKPOINT_SECONDS = 110.0
CLEARLY_WORSE = 2.0
"""How many times the least distance a step may have and still be taken for the best, being later."""


class Measure(Protocol):
    """How good faces are: a distance with a name, less is better."""

    name: str
    samples: int

    def __call__(self, faces: np.ndarray) -> float:
        """Return the distance of `samples` made faces, uint8 (N, H, W, 3), from the real ones."""


@dataclass
class Outcome:
    """What a training took and found.

    `seconds` are those of all resumed parts; `best_step` became the model, with the distance `best`;
    `least` is the least distance measured.
    """

    seconds: float
    evaluating: float = 0.0
    best_step: int | None = None
    best: float | None = None
    least: float | None = None


class Screen(Protocol):
    """Where a training is watched."""

    def show(self, metrics: dict[str, Any]) -> None:
        """Show the newest line of metrics."""

    def say(self, line: str) -> None:
        """Say one line, and keep it in the log."""

    def note(self, line: str) -> None:
        """Keep one line in the log."""


@dataclass
class Meter:
    """Means of a step's scalars since the last report; it survives in checkpoints, to the bit."""

    sums: dict[str, Tensor]
    count: int = 0

    def add(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            value = value.double()
            self.sums[name] = value + self.sums[name].to(value.device) if name in self.sums else value
        self.count += 1

    def take(self) -> dict[str, float]:
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


def run(
    task: Task,
    plan: Plan,
    folder: Path,
    write_sample: Callable[[int, np.ndarray], None],
    write_model: Callable[[int], object],
    screen: Screen,
    spent: float = 0.0,
    model_every: float = 600.0,
    measure: Measure | None = None,
) -> Outcome:
    """Train `task` as planned, from the newest checkpoint in `folder` if there is one.

    `spent` is how many seconds of the training lie behind the first step, spent on measuring. `measure`
    says at the evaluations of the plan how good the faces are; the task keeps the best.

    Raises:
        Stopped: SIGINT or SIGTERM came; everything is saved.
        Surroundings: the losses are no numbers, or the last checkpoint could not be written.
    """
    meter, step, found = Meter({}), 0, Outcome(0.0)
    checkpoints = folder / "checkpoints"
    kept = checkpoint.newest(checkpoints, screen.say)
    if kept:
        task.restore({name: part for name, part in kept.tensors.items() if name != "meter"})
        meter = Meter(dict(kept.tensors.get("meter", {})), kept.values["reported"])
        step, spent = kept.step, kept.values["seconds"]
        found = Outcome(**kept.values.get("found", {"seconds": spent}))
        screen.say(f"Going on from step {step:,} of {plan.steps:,}.")
    elif checkpoint.found(checkpoints):
        raise PhizError(f"No checkpoint below {checkpoints} is whole; --force starts {folder} anew.")
    _cut_back(folder / "metrics.jsonl", step)

    start = time.monotonic() - spent
    saved = modelled = time.monotonic()
    samples = set(plan.samples)
    evaluations = set(plan.evaluations if measure else ())

    def save() -> None:
        found.seconds = time.monotonic() - start
        values = {"seconds": found.seconds, "reported": meter.count, "found": asdict(found)}
        groups = task.tensors() | ({"meter": meter.sums} if meter.sums else {})
        checkpoint.save(checkpoints, Checkpoint(step, groups, values))
        screen.note(f"Checkpoint at step {step}.")

    metrics = _Lines(folder / "metrics.jsonl")
    with signals() as stop:
        reported_step, reported_at = step, time.monotonic()
        while step < plan.steps:
            meter.add(task.step(plan.position(step)))
            step += 1

            if measure and step in evaluations:
                value = _evaluate(task, plan, step, measure, found)
            if step % plan.report_every == 0 or step == plan.steps or step in evaluations:
                means = meter.take()
                if measure and step in evaluations:
                    means[measure.name] = value
                now = time.monotonic()
                rate = (step - reported_step) / max(now - reported_at, 1e-9)
                reported_step, reported_at = step, now
                line = {
                    "step": step,
                    "images": step * task.batch,
                    **means,
                    "seconds": round(now - start, 3),
                    "images_per_second": round(rate * task.batch, 2),
                }
                _not_numbers(means, step, folder)
                _survive(screen, folder, partial(metrics.add, line))
                screen.show(line)

            if step in samples:
                pictures = task.sample(plan.position(step))
                _survive(screen, folder, partial(write_sample, step, pictures))

            last = step == plan.steps
            due = step % plan.checkpoint_every == 0 or time.monotonic() - saved > CHECKPOINT_SECONDS
            if last or stop.is_set():
                with disk(folder):
                    save()
            elif due:
                _survive(screen, folder, save)
                saved = time.monotonic()
                if saved - modelled > model_every:
                    _survive(screen, folder, partial(write_model, found.best_step or step))
                    modelled = time.monotonic()
            if stop.is_set() and not last:
                _survive(screen, folder, partial(write_model, found.best_step or step))
                raise Stopped(
                    f"stopped at step {step:,} of {plan.steps:,}, everything saved; "
                    f"the same command with --resume goes on."
                )
    found.seconds = time.monotonic() - start
    return found


def _evaluate(task: Task, plan: Plan, step: int, measure: Measure, found: Outcome) -> float:
    """Measure the faces of `step`; have the task keep them unless they are clearly worse than the best.

    A small measure cannot tell close generators apart, and the later of two is the better one more often
    than not, since rates fall to zero. So it only steps in where a training has gone astray.
    """
    start = time.monotonic()
    position = plan.position(step)
    value = measure(task.sample(position, measure.samples))
    found.least = value if found.least is None else min(value, found.least)
    if value <= CLEARLY_WORSE * found.least:
        found.best_step, found.best = step, value
        task.keep(position)
    found.evaluating += time.monotonic() - start
    return value


def _not_numbers(means: dict[str, float], step: int, folder: Path) -> None:
    broken = [name for name, value in means.items() if not np.isfinite(value)]
    if broken:
        raise Surroundings(
            f"{folder}: {broken[0]} is no number at step {step:,}; the last checkpoint is from before. "
            "Try a lower rate: --set generator.rate=... --set discriminator.rate=..."
        )


def _survive(screen: Screen, folder: Path, write: Callable[[], object]) -> None:
    """Write something a training can do without for a while: a full disk is said, and training goes on."""
    try:
        write()
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        screen.say(f"Warning: {folder}: {reason}; training goes on, make room before it ends.")
    except Surroundings as fault:
        screen.say(f"Warning: {fault} Training goes on, make room before it ends.")


class _Lines:
    """A file of JSON lines; those a full disk refuses wait for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = b""

    def add(self, line: dict[str, Any]) -> None:
        self._waiting += json.dumps(line).encode() + b"\n"
        with open(self._path, "ab", buffering=0) as file:
            before = file.tell()
            if file.write(self._waiting) < len(self._waiting):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._waiting = b""


def _cut_back(path: Path, step: int) -> None:
    """Drop the lines of metrics that lie behind the checkpoint a run goes on from."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text("utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # a line cut short by a kill
    aside = path.with_suffix(".partial")
    aside.write_text("".join(kept), "utf-8")
    os.replace(aside, path)


def deterministic(threads: int | None) -> int:
    """Set torch up so that the same steps give the same bits on a CPU; return the thread count used."""
    torch.set_flush_denormal(True)
    if threads:
        torch.set_num_threads(threads)
    return torch.get_num_threads()
