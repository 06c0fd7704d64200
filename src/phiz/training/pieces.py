"""What a step is made of: the real faces of its batch, and all that is drawn for them.

Everything is drawn for the global batch and each process, or each piece of a batch that does not fit into
memory at once, keeps its rows: so it does not matter how the rows are shared out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from phiz.training.augment import Changes
from phiz.training.players import Players
from phiz.training.randomness import Stream
from phiz.training.supply import sent
from phiz.training.tasks import Position


@dataclass
class Piece:
    """Some rows of a step's global batch.

    Attributes:
        rows: which they are; `weight` is their share of the batch.
        real, labels: real faces (n, 3, H, W) and their labels (n, A), -1 where missing.
        latents, filled: what the made faces are made of; the labels with the missing ones drawn.
        changes: the augmentation, of the real faces first, then of the made ones.
        fake, on_real: made faces, and D's verdict on the real ones, kept from D's step for G's.
    """

    rows: range
    weight: float
    real: Tensor
    labels: Tensor | None
    latents: Tensor
    filled: Tensor | None
    changes: Changes | None
    fake: Tensor | None = None
    on_real: Tensor | None = None

    def only(self, which: list[int], *more: Tensor) -> tuple[Piece, list[Tensor]]:
        """Return what D needs of some of the rows, and of `more` (n, ...) beside them."""
        at = sent(torch.tensor(which), self.real.device)
        labels = None if self.labels is None else self.labels[at]
        changes = self.changes and self.changes[torch.cat([at, at + len(self.rows)])]
        return replace(self, real=self.real[at], labels=labels, changes=changes), [part[at] for part in more]

    def looks(self, made: bool) -> Changes | None:
        """Return the augmentation of the made faces, or of the real ones."""
        count = len(self.rows)
        return self.changes and self.changes[count:] if made else self.changes and self.changes[:count]


class Pieces(Players):
    """Players that know what each step is made of."""

    def pieces(self, at: Position) -> list[Piece]:
        """Return this process's rows of the step's batch, in as many pieces as it is split into."""
        pictures, indices = self.supply.at(at.step)
        real = pictures.permute(0, 3, 1, 2).to(self.dtype, memory_format=torch.channels_last)
        real = real * self._scale + self._offset
        if self.recipe.flip:
            flip = torch.rand(self.batch, generator=self.random.at(Stream.FLIP, at.step)) < 0.5
            real = torch.where(self._own(flip)[:, None, None, None], real.flip(3), real)
        labels, filled = self._labels(at, indices)
        latents, changes = self._own(self._latents(at)), self._changes(at)
        mine = self.mine

        def piece(start: int, stop: int) -> Piece:
            rows, here = mine[start:stop], slice(start, stop)
            both = torch.cat([torch.tensor(rows), torch.tensor(rows) + self.batch])
            return Piece(
                rows=rows,
                weight=len(rows) / self.batch,
                real=real[here],
                labels=None if labels is None else labels[here],
                latents=latents[here],
                filled=None if filled is None else filled[here],
                changes=changes[both].to(self.device) if changes else None,
            )

        ends = [len(mine) * part // self.splits for part in range(self.splits + 1)]
        return [piece(start, stop) for start, stop in pairwise(ends)]

    def _own(self, values: Tensor) -> Tensor:
        """Return this process's rows of what was drawn for the global batch, on the device."""
        return sent(values[self.mine.start : self.mine.stop], self.device)

    def _labels(self, at: Position, indices: np.ndarray) -> tuple[Tensor | None, Tensor | None]:
        """Return the labels of a step's real faces, -1 where missing, and the same with those drawn."""
        if self.conditions is None:
            return None, None
        labels = sent(self.conditions.of(indices), self.device)
        drawn = self.conditions.drawn(self.batch, self.random.at(Stream.LABELS, at.step))
        return labels, torch.where(labels >= 0, labels, self._own(drawn))

    def _latents(self, at: Position) -> Tensor:
        step = at.step
        if self.recipe.noise == "per-epoch":
            step = at.step * self.batch // len(self.faces)
        return torch.randn(self.batch, self.recipe.z, generator=self.random.at(Stream.LATENT, step))

    def _changes(self, at: Position) -> Changes | None:
        """Return the augmentation of a step: first of its real faces, then of its made ones."""
        strength = self.strength.at(at.index / at.count) if self.strength else 0.0
        if not strength:
            return None
        return Changes(2 * self.batch, strength, self.random.at(Stream.AUGMENT, at.step))
