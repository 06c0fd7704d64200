"""What a short calibration finds quickest on this CPU: how many threads, and which numbers to calculate in.

Half of the logical cores can beat all of them where two share the arithmetic of one; bfloat16 halves the time
of a step where a processor multiplies it natively and doubles it elsewhere. Channels last is not asked about:
it was the quickest layout of every network (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field

import torch

from phiz.faceset import FaceSet
from phiz.training import gan, plan
from phiz.training.fitting import fit
from phiz.training.loop import deterministic
from phiz.training.precision import Precision, resolve
from phiz.training.recipe import Recipe

_CLEARLY = 1.05
"""So much quicker than the best so far a way has to be, to be taken instead."""


@dataclass
class Calibration:
    """What was found: threads, precision, and adversarial steps a second; `tried` is every way's."""

    threads: int | None
    precision: Precision
    rate: float = 0.0
    tried: dict[str, float] = field(default_factory=dict)


def calibrate(
    recipe: Recipe,
    faces: FaceSet,
    device: torch.device,
    seconds: float,
    several: bool = True,
    records: bool = True,
) -> Calibration:
    """Try each way for `seconds`, after a first step; return the quickest, with its threads in use.

    Only what `recipe` leaves open is tried: its precision where that is "auto". Without `several`, and on
    other devices than a CPU, there is one way, which is timed, and threads stay as they are. Without
    `records` a GPU is told its steps call by call, as it is where many processes train.
    """
    best = Calibration(None, resolve(recipe.precision, device))
    several = several and device.type == "cpu"
    for precision, threads in _ways(recipe, device) if several else [(best.precision, None)]:
        deterministic(threads)
        small = recipe.model_copy(update={"outline": None, "precision": precision, "compile": False})
        task = gan.GAN(small, faces, device)
        task.records &= records
        fit(task, lambda line: None)
        rate = plan.rate(task, "adversarial", seconds)
        del task
        gc.collect()  # what a GPU has recorded takes as much memory as a step
        best.tried[_said(threads, precision)] = round(rate, 4)
        if rate > _CLEARLY * best.rate:
            best.threads, best.precision, best.rate = threads, precision, rate
    deterministic(best.threads)
    return best


def _ways(recipe: Recipe, device: torch.device) -> list[tuple[Precision, int | None]]:
    native = resolve("auto", device)
    precisions: list[Precision] = [native] if recipe.precision == "auto" else [recipe.precision]
    if recipe.precision == "auto" and native != "float32":
        precisions.append("float32")
    every = torch.get_num_threads()
    return [(p, t) for p in precisions for t in ((every, every // 2) if every >= 4 else (every,))]


def _said(threads: int | None, precision: str) -> str:
    return precision if threads is None else f"{precision}, {threads} thread{'s' if threads > 1 else ''}"
