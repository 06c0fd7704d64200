"""Transfer: a training that starts from another model's G and D, across sizes and labels.

Layers have the same names at every size, counted from the smallest upward. What has the same name and the
same shape is taken; of a layer whose inputs are more or fewer, the inputs that both have; of labels, those
that both know by name. The rest starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn

from phiz.model import DISCRIMINATOR, Model

_VECTORS = "labels.vectors.weight"

Schema = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Donor:
    """The weights of a model to start from, and the labels it takes."""

    name: str
    schema: Schema
    generator: dict[str, np.ndarray]
    discriminator: dict[str, np.ndarray]

    @classmethod
    def of(cls, model: Model) -> Donor:
        """Read the weights of `model`; its D too, if it has one."""
        from safetensors.numpy import load_file

        path = model.path / DISCRIMINATOR
        critic = load_file(path) if path.exists() else {}
        config = model.config
        return cls(str(model.path), config.labels, model.weights(), critic)


@dataclass(frozen=True)
class Taken:
    """How many values of a network were taken, of how many, and the layers that start anew."""

    values: int
    whole: int
    anew: list[str]

    def __str__(self) -> str:
        if self.values == self.whole:
            return "all of it was taken."
        layers = ", ".join(self.anew[:6]) + (" ..." if len(self.anew) > 6 else "")
        return f"{self.values / self.whole:.0%} was taken; anew: {layers}."


def take(network: nn.Module, weights: Mapping[str, np.ndarray], to: Schema, of: Schema) -> Taken:
    """Fill `network` with what fits of `weights`; `to` and `of` are the labels of both."""
    values, whole = 0, 0
    anew: list[str] = []
    with torch.no_grad():
        for name, old in network.state_dict().items():  # the network's own memory
            count = _fill(old, torch.from_numpy(weights[name]), name, to, of) if name in weights else 0
            values, whole = values + count, whole + old.numel()
            layer = name.rpartition(".")[0]
            if count < old.numel() and layer not in anew:
                anew.append(layer)
    return Taken(values, whole, anew)


def _fill(old: Tensor, new: Tensor, name: str, to: Schema, of: Schema) -> int:
    """Copy what fits of `new` into `old`; return how many values that were."""
    if name == _VECTORS:
        return _fill_vectors(old, new, to, of)
    if old.shape == new.shape:
        old.copy_(new)
        return old.numel()
    if old.dim() == new.dim() == 2 and len(old) == len(new):
        shared = min(old.shape[1], new.shape[1])
        old[:, :shared] = new[:, :shared]
        return shared * len(old)
    return 0


def _fill_vectors(old: Tensor, new: Tensor, to: Schema, of: Schema) -> int:
    if old.shape[1] != new.shape[1]:
        return 0
    rows, count = _rows(of), 0
    for label, row in _rows(to).items():
        if label in rows:
            old[row] = new[rows[label]]
            count += old.shape[1]
    return count


def _rows(schema: Schema) -> dict[tuple[str, str], int]:
    """Say which row of a table of vectors belongs to which value of which attribute."""
    starts = accumulate((len(values) for values in schema.values()), initial=0)
    return {
        (attribute, value): start + i
        for start, (attribute, values) in zip(starts, schema.items(), strict=False)
        for i, value in enumerate(values)
    }
