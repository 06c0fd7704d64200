"""Whether a step fits into memory; where it does not, its batch is calculated in pieces, one after another.

The gradients of the pieces add up to those of the batch, so that the training is the same but slower. Only
what takes means over a batch notices, batch norm above all: its means are then those of a piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from phiz.errors import PhizError
from phiz.training.checkpoint import Tensors
from phiz.training.plan import copied
from phiz.training.tasks import Position

if TYPE_CHECKING:
    from phiz.training.pieces import Pieces
    from phiz.training.upscaling import Upscaling

_NEVER = 1 << 30
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def fit(task: Pieces | Upscaling, say: Callable[[str], None]) -> None:
    """Try a step of each stage and split the batch until it fits; say so once. Leaves no trace otherwise.

    Of many processes each tries alone, and all split alike.

    Raises:
        PhizError: not even the smallest pieces fit, in one of the processes.
    """
    kept = copied(task.tensors())
    before = task.splits
    if supply := getattr(task, "supply", None):
        supply.say = say
    rounds = 2 if getattr(task, "records", False) else 1  # what one stage records leaves room for the others?
    with task.group.alone():
        fits = all(_split(task, stage.name, kept) for stage in [*task.stages] * rounds)
    task.restore(kept)
    most = task.group.most(task.splits if fits else _NEVER)
    if most == _NEVER:
        raise PhizError(
            f"A step does not fit into the memory of {task.device}, not even in the smallest pieces: take a "
            "smaller --size (of an upscaler: --set crop=...), narrower networks, or close other programs."
        )
    task.splits = most
    if task.splits > before:
        say(
            f"A batch of {task.batch} does not fit into the memory of {task.device}: each step takes it in "
            f"{task.splits} pieces and adds their gradients up. A smaller --batch is quicker, and batch norm "
            "then takes its means of a whole one."
        )


def _split(task: Pieces | Upscaling, stage: str, kept: Tensors) -> bool:
    """Split until a step of `stage` fits; say whether it does."""
    while not _fits(task, stage):
        task.restore(kept)
        if getattr(task, "records", False):
            task.unrecord()  # type: ignore[union-attr]
            continue
        if task.splits == task.most_splits:
            return False
        task.splits = min(2 * task.splits, task.most_splits)
    return True


def short(fault: RuntimeError | MemoryError) -> bool:
    """Say whether a step failed for want of memory; torch.OutOfMemoryError is a RuntimeError."""
    return isinstance(fault, MemoryError) or any(word in str(fault).lower() for word in _WORDS)


def _fits(task: Pieces | Upscaling, stage: str) -> bool:
    try:
        task.step(Position(0, stage, 1 << 19, 1 << 20, 0.5))  # type: ignore[union-attr]
        task.synchronise()
    except (RuntimeError, MemoryError) as fault:
        if not short(fault):
            raise
    else:
        return True
    # Outside of the handler, whose traceback keeps what was allocated alive.
    for optimizer in task.optimizers.values():
        optimizer.zero_grad()
    task.learning()
    if task.device.type == "cuda":
        torch.cuda.empty_cache()
    return False
