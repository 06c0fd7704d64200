"""The plan of a training: how many steps each stage has, and at which of them something is written.

With `--minutes`, the rate of each stage is measured first and the steps then fixed, so that every
schedule, and a resumed run, follows the same numbers whatever the machine does later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from pydantic import BaseModel, Field

from phiz.training.checkpoint import Tensors
from phiz.training.distributed import Group
from phiz.training.tasks import Position, Task

FILM_FRAMES = 60
_EVALUATING = 0.04  # the share of the time that evaluations may take
_SAMPLING = 0.0125  # the share that samples may take
_EVALUATIONS = 40
_FEW = 32  # faces of a first evaluation, which says what one costs whatever its faces are
_RARELY = 1000
_A_SHEET = 50  # steps, at least, for each sheet of samples where nothing is measured
_AHEAD = 8  # steps that a GPU is told of before it is waited for: in a training the host does not wait at all
_GOING_BACK = 300.0
"""Seconds between the checkpoints that a training goes back to when its losses are no numbers."""


class PlannedStage(BaseModel):
    """A stage with its number of steps; `share` of the time, `rate` in steps a second as measured."""

    name: str
    share: float = Field(gt=0, le=1)
    steps: int = Field(ge=1)
    rate: float | None = Field(None, gt=0)


class Plan(BaseModel):
    """Steps of each stage, and the steps after which something is written or evaluated."""

    stages: list[PlannedStage] = Field(min_length=1)
    report_every: int = Field(ge=1)
    samples: list[int]
    checkpoint_every: int = Field(ge=1)
    evaluations: list[int] = []

    @property
    def steps(self) -> int:
        """All steps of the training."""
        return sum(stage.steps for stage in self.stages)

    def position(self, step: int) -> Position:
        """Say where step `step` (from 0) stands; the step after the last stands at the end."""
        behind = 0.0
        first = 0
        for stage in self.stages:
            if step < first + stage.steps or stage is self.stages[-1]:
                index = step - first
                progress = behind + stage.share * index / stage.steps
                return Position(step, stage.name, index, stage.steps, min(1.0, progress))
            first += stage.steps
            behind += stage.share
        raise AssertionError("a plan has at least one stage")


def fixed(task: Task, steps: int) -> Plan:
    """Plan a training of just `steps` steps.

    Nothing is measured, so that the same command gives the same training: evaluations fall on every
    1,000th step, or the 20th part of the steps, whichever is rarer.
    """
    counts = [min(round(stage.share * steps), steps - 1) for stage in task.stages[:-1]]
    counts.append(steps - sum(counts))
    plan = staged(task, counts, max(8, min(FILM_FRAMES, steps // _A_SHEET)))
    if steps >= _RARELY:
        plan.evaluations = every(plan, max(_RARELY, steps // 20))
    return plan


def staged(task: Task, counts: Sequence[int], frames: int = FILM_FRAMES) -> Plan:
    """Plan a training of so many steps in each stage, without evaluations."""
    return _plan(task, counts, [None] * len(counts), frames)


def measured(
    task: Task,
    seconds: float,
    evaluate: Callable[[int], object] | None = None,
    samples: int = 0,
    sheet: Callable[[np.ndarray], object] = len,
) -> Plan:
    """Measure the rate of each stage and plan a training that takes `seconds` from now.

    The measuring leaves no trace in the task's state. What sheets of samples and evaluations cost is set
    aside; `evaluate` is what an evaluation does with so many faces, of which a whole one takes `samples`,
    `sheet` what is made of samples, to be timed.
    """
    start = time.perf_counter()
    kept = copied(task.tensors())
    rates = []
    for stage in task.stages:
        rates.append(rate(task, stage.name, min(8.0, max(0.3, 0.025 * seconds * stage.share))))
    position = start_of(task)
    sample_cost = _cost(lambda: sheet(task.sample(position)))
    evaluation_cost = _evaluation_cost(evaluate, samples) if evaluate else 0.0
    task.restore(kept)

    frames = int(min(FILM_FRAMES, max(8, _SAMPLING * seconds / sample_cost)))
    left = seconds - (time.perf_counter() - start) - frames * sample_cost
    evaluations = _count(left, evaluation_cost) if evaluate else 0
    left = max(left - evaluations * evaluation_cost, 0.2 * seconds)
    counts = [max(1, round(left * s.share * r)) for s, r in zip(task.stages, rates, strict=True)]
    plan = _plan(task, counts, rates, frames)
    if evaluate:
        plan.evaluations = _evaluations(counts, left, evaluation_cost)
    return plan


def start_of(task: Task) -> Position:
    """Return the position before a task's last stage, its main one."""
    return Position(0, task.stages[-1].name, 0, 1, 0.0)


def every(plan: Plan, steps: int) -> list[int]:
    """Return the steps to evaluate at: every so many, and the last."""
    return sorted({*range(steps, plan.steps + 1, steps), plan.steps})


def _count(seconds: float, cost: float) -> int:
    return min(_EVALUATIONS, int(_EVALUATING * seconds / max(cost, 1e-9)))


def _evaluations(counts: Sequence[int], seconds: float, cost: float) -> list[int]:
    """Spread as many evaluations as may be over the last stage, the last of them at its end."""
    steps, count = sum(counts), _count(seconds, cost)
    before = steps - counts[-1]
    return sorted({before + round(counts[-1] * (i + 1) / count) for i in range(count)})


def _cost(act: Callable[[], object]) -> float:
    act()  # the first time costs more than those that follow
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _evaluation_cost(evaluate: Callable[[int], object], samples: int) -> float:
    """Return the seconds of an evaluation of `samples` faces, by two of fewer: it may take long."""
    few = min(_FEW, samples)
    more = few + (samples - few) // 4
    least = _cost(lambda: evaluate(few))
    if more == few:
        return least
    start = time.perf_counter()
    evaluate(more)
    slower = max(0.0, time.perf_counter() - start - least)
    return least + slower * (samples - few) / (more - few)


def rate(task: Task, stage: str, seconds: float) -> float:
    """Return steps a second of a stage, measured for `seconds` after a first step that is not counted."""

    def step(index: int) -> None:  # in the middle, where an augmentation has begun
        task.step(Position(index, stage, (1 << 19) + index, 1 << 20, 0.5))

    group = getattr(task, "group", Group())  # many processes measure as long as the first of them says
    on_a_gpu = getattr(task, "device", torch.device("cpu")).type != "cpu"
    step(0)
    task.synchronise()
    start, count = time.perf_counter(), 0
    while group.decided(count < 1 or time.perf_counter() - start < seconds):
        for _ in range(_AHEAD if on_a_gpu else 1):
            count += 1
            step(count)
        task.synchronise()
    return count / (time.perf_counter() - start)


def copied(tensors: Tensors) -> Tensors:
    """Return a copy of a state, that steps leave alone."""
    return {group: {name: t.clone() for name, t in part.items()} for group, part in tensors.items()}


def _plan(task: Task, counts: Sequence[int], rates: Sequence[float | None], frames: int) -> Plan:
    steps = sum(counts)
    whole = sum(stage.share for stage, count in zip(task.stages, counts, strict=True) if count)
    stages = [
        PlannedStage(name=stage.name, share=stage.share / whole, steps=count, rate=rate)
        for stage, count, rate in zip(task.stages, counts, rates, strict=True)
        if count
    ]
    rate = rates[-1]
    # Early faces change fast, late ones slowly: the frames of the film lie denser at the start.
    samples = sorted({round(steps * (frame / frames) ** 1.6) for frame in range(1, frames + 1)} - {0})
    return Plan(
        stages=stages,
        report_every=max(1, min(round(2 * rate), steps // 100) if rate else min(50, steps // 500)),
        samples=samples,
        checkpoint_every=max(1, min(-(-steps // 10), round(_GOING_BACK * rate) if rate else _RARELY)),
    )
