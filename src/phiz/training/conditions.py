"""The labels of a training: those of the real faces, and full ones for the faces that G makes.

A real face may lack a label. D is told of those it has, of real and made faces alike: a made face is
compared with a real one under the same labels, and where one is missing D judges without. G always gets
a value of every attribute, as it will when it generates; missing ones are drawn as often as the face set
counts them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from phiz import latents
from phiz.faceset import FaceSet


class Conditions:
    """The labels of a face set, to draw from."""

    def __init__(self, faces: FaceSet) -> None:
        self.frequencies = faces.frequencies()
        self.counts = [len(count) for count in self.frequencies.values()]
        self.pairs = faces.pairs()
        self._labels = faces.labels
        seen = [
            np.asarray(count) if any(count) else np.ones(len(count)) for count in self.frequencies.values()
        ]
        self.named = [any(count) for count in self.frequencies.values()]
        """Whether any face has a value of each attribute; of one that none has D learns nothing."""
        self._sums = [torch.from_numpy(np.cumsum(count / count.sum())) for count in seen]

    def of(self, indices: np.ndarray) -> Tensor:
        """Return the labels of faces by index: int64 (N, A), -1 where missing."""
        return torch.from_numpy(self._labels[indices].astype(np.int64))

    def drawn(self, count: int, draws: torch.Generator) -> Tensor:
        """Return a value of every attribute for `count` faces: int64 (N, A)."""
        uniform = torch.rand(count, len(self.counts), generator=draws, dtype=torch.float64)
        columns = [
            torch.searchsorted(sums, column.contiguous(), right=True).clamp(max=len(sums) - 1)
            for sums, column in zip(self._sums, uniform.T, strict=True)
        ]
        return torch.stack(columns, 1)

    def of_seeds(self, seeds: range) -> Tensor:
        """Return the labels of seeds as generating draws them (docs/latents.md): int64 (N, A)."""
        return torch.from_numpy(latents.draw_labels(seeds, self.frequencies, self.pairs))
