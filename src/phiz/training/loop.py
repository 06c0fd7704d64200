"""The loop: drives a task from one step to the last, and writes down what happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phiz.errors import Stopped, Surroundings
from phiz.stopping import signals
from phiz.training.course import Course, Outcome
from phiz.training.distributed import Group
from phiz.training.fitting import short
from phiz.training.plan import Plan
from phiz.training.tasks import Measure, Position, Screen, Task

__all__ = ["Measure", "Outcome", "Screen", "deterministic", "run", "watched"]

_GRACE = 5.0  # torchrun passes on a signal that its processes may have had from the terminal already


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
    group: Group | None = None,
    identity: str = "",
    stop: threading.Event | None = None,
) -> Outcome:
    """Train `task` as planned, from the newest checkpoint in `folder` if there is one.

    `spent` is how many seconds of the training lie behind the first step, spent on measuring. `measure`
    says at the evaluations of the plan how good the faces are; the task keeps the best. `identity` names
    what is trained on what: a checkpoint of another is refused. Of the processes of `group` the first
    alone reads, writes, measures and speaks. `stop` is set by a signal, should the caller watch for them.

    Raises:
        Stopped: SIGINT or SIGTERM came; everything is saved.
        PhizError: the checkpoints belong to another training, a newer phiz, or none is whole.
        Surroundings: the losses are no numbers again and again, memory is short, another process is gone, or
            the last checkpoint could not be written.
    """
    group = group or Group()
    course = Course(task, plan, folder, screen, group, identity)
    if group.first:
        course.write_sample, course.write_model, course.measure = write_sample, write_model, measure
    course.begin(spent)
    course.modelled = time.monotonic()
    with watched(group) if stop is None else nullcontext(stop) as stop:
        while course.step < plan.steps:
            course.meter.add(_step(task, plan.position(course.step), folder))
            course.step += 1
            if course.reports_now() and not course.report():
                course.roll_back()
                continue
            if course.step in course.samples:
                course.sample()
            stopping = group.any(stop.is_set())
            course.keep_safe(stopping, model_every)
            if stopping and course.step < plan.steps:
                raise Stopped(
                    f"stopped at step {course.step:,} of {plan.steps:,}, everything saved; "
                    f"the same command with --resume goes on."
                )
    course.found.seconds = time.monotonic() - course.start
    return course.found


def watched(group: Group) -> AbstractContextManager[threading.Event]:
    """Watch for signals: yield an event that the first one sets."""
    return signals(grace(group))


def grace(group: Group) -> float:
    """Return for how many seconds after a signal another one counts as the same."""
    return _GRACE if group.world > 1 else 0.0


def _step(task: Task, position: Position, folder: Path) -> dict[str, Tensor]:
    try:
        return task.step(position)
    except (RuntimeError, MemoryError) as fault:
        if not short(fault):
            raise
    raise Surroundings(
        f"{folder}: step {position.step:,} does not fit into memory; what was saved is whole. Close other "
        "programs and give the same command with --resume, or start anew with a smaller --batch."
    )


def deterministic(threads: int | None) -> int:
    """Set torch up so that the same steps give the same bits on a CPU; return the thread count used."""
    torch.set_flush_denormal(True)
    if threads:
        torch.set_num_threads(threads)
    return torch.get_num_threads()
