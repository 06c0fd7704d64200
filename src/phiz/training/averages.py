"""The moving average of a network: what becomes the model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from phiz.training.tasks import Position


def follow(average: nn.Module, network: nn.Module, share: float, at: Position) -> None:
    """Move `average` towards `network` after a step; buffers are copied.

    The half-life is `share` of the stage's steps, and at most half of those that lie behind, so that a young
    average holds little of the start.
    """
    half_life = min(share * at.count, at.index / 2)
    towards = 1 - 0.5 ** (1 / half_life) if half_life > 0 else 1.0
    with torch.no_grad():
        old: list[Tensor] = list(average.parameters())
        new: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(old, new, towards)
        kept = list(average.buffers())
        if kept:
            torch._foreach_copy_(kept, list(network.buffers()))


def clones(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's state, to keep."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
