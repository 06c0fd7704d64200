"""What a step is made of: the real faces of its batch, and all that is drawn for them.

Everything is drawn for the global batch and each process, or each piece of a batch that does not fit into
memory at once, keeps its rows: so it does not matter how the rows are shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phiz.training.augment import Changes
from phiz.training.players import Players
from phiz.training.randomness import Stream
from phiz.training.supply import sent
from phiz.training.tasks import Position

_READ = ("real", "labels", "latents", "filled", "penalised", "noise")


@dataclass
class Piece:
    """Some rows of a step's global batch.

    Attributes:
        rows: which they are; `weight` is their share of the batch.
        real, labels: real faces (n, 3, H, W) and their labels (n, A), -1 where missing.
        latents, filled: what the made faces are made of; the labels with the missing ones drawn.
        changes: the augmentation, of the real faces first, then of the made ones.
        norms: which of the batch's penalised rows it has, p of them; `penalised` are their indices (p,) in
            the piece, None where it is all of them.
        noise: where an estimated penalty looks beside the penalised rows (2 p, 3, H, W), real ones first.
        fake, on_real: made faces, and D's verdict on the real ones, kept from D's step for G's.
    """

    rows: range
    weight: float
    real: Tensor
    labels: Tensor | None
    latents: Tensor
    filled: Tensor | None
    changes: Changes | None
    norms: range
    penalised: Tensor | None
    noise: Tensor | None
    fake: Tensor | None = None
    on_real: Tensor | None = None

    def only(self, at: Tensor, *more: Tensor) -> tuple[Piece, list[Tensor]]:
        """Return what D needs of the rows `at` (n,), and of `more` (n, ...) beside them."""
        labels = None if self.labels is None else self.labels[at]
        changes = self.changes and self.changes[torch.cat([at, at + len(self.rows)])]
        return replace(self, real=self.real[at], labels=labels, changes=changes), [part[at] for part in more]

    def tensors(self) -> list[Tensor]:
        """Return what a step reads of it."""
        parts = [getattr(self, name) for name in _READ]
        changes = vars(self.changes).values() if self.changes else ()
        return [part for part in (*parts, *changes) if part is not None]

    def each(self, act: Callable[[Tensor], Tensor]) -> Piece:
        """Return a piece whose tensors are those of this one after `act`."""
        parts = {name: getattr(self, name) for name in _READ}
        changed: dict[str, Any] = {name: act(part) for name, part in parts.items() if part is not None}
        return replace(self, **changed, changes=self.changes and self.changes.each(act))

    @property
    def shape(self) -> Hashable:
        """What two pieces share whose steps run the same kernels."""
        there = tuple(name for name in _READ if getattr(self, name) is not None)
        return there, self.changes is not None, tuple(tensor.shape for tensor in self.tensors())

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
        noise, mine = self._noise(at, real.shape[1:]), self.mine

        def piece(start: int, stop: int) -> Piece:
            rows, here = mine[start:stop], slice(start, stop)
            both = torch.cat([torch.tensor(rows), torch.tensor(rows) + self.batch])
            norms, penalised = self._penalised(rows)
            return Piece(
                rows=rows,
                weight=len(rows) / self.batch,
                real=real[here],
                labels=None if labels is None else labels[here],
                latents=latents[here],
                filled=None if filled is None else filled[here],
                changes=changes[both].to(self.device) if changes else None,
                norms=norms,
                penalised=penalised,
                noise=None if noise is None else noise[:, norms.start : norms.stop].flatten(0, 1),
            )

        ends = [len(mine) * part // self.splits for part in range(self.splits + 1)]
        return [piece(start, stop) for start, stop in pairwise(ends)]

    @cached_property
    def penalties(self) -> int:
        """How many rows of a batch are penalised, real and made ones each; they are spread evenly over it."""
        penalty = self.recipe.penalty
        return max(1, round(penalty.share * self.batch)) if penalty else 0

    def _penalised(self, rows: range) -> tuple[range, Tensor | None]:
        """Return which of the penalised rows lie in `rows`; their indices there, None where it is all."""
        of, batch = self.penalties, self.batch
        chosen = [i for i, r in enumerate(rows) if (r + 1) * of // batch > r * of // batch]
        first = rows.start * of // batch
        indices = sent(torch.tensor(chosen), self.device) if 0 < len(chosen) < len(rows) else None
        return range(first, first + len(chosen)), indices

    def _noise(self, at: Position, shape: torch.Size) -> Tensor | None:
        """Return what an estimated penalty moves pictures by, for real and made faces: (2, n, 3, H, W)."""
        penalty = self.recipe.penalty
        if at.stage != "adversarial" or penalty is None or penalty.kind == "exact":
            return None
        draws = self.random.at(Stream.PENALTY, at.step, self.device)
        return torch.randn((2, self.penalties, *shape), generator=draws, device=self.device)

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
