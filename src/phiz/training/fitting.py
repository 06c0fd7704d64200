"""Whether a step fits into memory; where it does not, its batch is calculated in pieces, one after another.

The gradients of the pieces add up to those of the batch, so that the training is the same but slower. Only
batch norm notices: it then takes its means over a piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from phiz.errors import PhizError
from phiz.training.plan import copied
from phiz.training.tasks import Position

if TYPE_CHECKING:
    from phiz.training.pieces import Pieces

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def fit(task: Pieces, say: Callable[[str], None]) -> None:
    """Try a step of each stage and split the batch until it fits; say so once. Leaves no trace otherwise.

    Raises:
        PhizError: not even single faces fit.
    """
    kept = copied(task.tensors())
    before = task.splits
    for stage in task.stages:
        while not _fits(task, stage.name):
            task.restore(kept)
            if 2 * task.splits > len(task.mine):
                raise PhizError(
                    f"A step does not fit into the memory of {task.device}, not even face by face: take a "
                    "smaller --size, narrower networks, or close other programs."
                )
            task.splits *= 2
    task.restore(kept)
    if task.splits > before:
        say(
            f"A batch of {task.batch} does not fit into the memory of {task.device}: each step takes it in "
            f"{task.splits} pieces and adds their gradients up. A smaller --batch is quicker."
        )


def short(fault: RuntimeError | MemoryError) -> bool:
    """Say whether a step failed for want of memory; torch.OutOfMemoryError is a RuntimeError."""
    return isinstance(fault, MemoryError) or any(word in str(fault).lower() for word in _WORDS)


def _fits(task: Pieces, stage: str) -> bool:
    try:
        task.step(Position(0, stage, 1 << 19, 1 << 20, 0.5))  # type: ignore[attr-defined]
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
