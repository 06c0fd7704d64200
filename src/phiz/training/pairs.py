"""What a step of an upscaler is made of: large pictures cut from faces, and the same made small."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from phiz.faceset import FaceSet
from phiz.training.degradations import DEGRADATIONS, Degradation, mixed
from phiz.training.distributed import Group
from phiz.training.enlarging import UpscalingRecipe
from phiz.training.randomness import Randomness, Stream, batch_indices
from phiz.training.spectra import sized

HELD_OUT = 16
"""How many faces are set aside to look at and to measure; fewer of few."""


@dataclass
class Pair:
    """Some rows of a step's batch, small (n, 3, c, c) and large (n, 3, crop, crop), 0 to 1; their share.

    `made` is what became of the small ones; `seen` and `on_real` are what D saw in the large ones and said.
    """

    small: Tensor
    large: Tensor
    weight: float
    made: Tensor | None = None
    seen: list[Tensor] = field(default_factory=list)
    on_real: Tensor | None = None


class Pairs:
    """The pairs that an upscaler of `recipe` learns from, and the faces that are set aside.

    `more` are degradations besides those of phiz.training.degradations, by name.
    """

    def __init__(
        self,
        recipe: UpscalingRecipe,
        faces: FaceSet,
        device: torch.device,
        attempt: int = 0,
        more: dict[str, Degradation] | None = None,
    ) -> None:
        self.recipe, self.faces, self.device = recipe, faces, device
        self.random = Randomness(recipe.seed, attempt)
        self.batch = self.most_splits = recipe.batch
        self.group, self.splits = Group(), 1
        self.degrade = mixed(recipe.degradations, DEGRADATIONS | (more or {}))
        self.held, self.learned = split(len(faces))
        self.count = len(self.learned)

    def pairs(self, step: int) -> list[Pair]:
        """Return the pictures of a step, in as many pieces as its batch is split into."""
        recipe, first = self.recipe, step * self.batch
        places = batch_indices(recipe.seed, first, self.batch, len(self.learned))
        faces = self.large(self.learned[places])
        small, large = [], []
        for number, face in enumerate(faces):
            draws = self._draws(Stream.CROP, step, number)
            top, left = draws.integers(0, recipe.size - recipe.crop + 1, 2)
            cut = face[top : top + recipe.crop, left : left + recipe.crop]
            cut = np.ascontiguousarray(cut[:, ::-1] if recipe.flip and draws.random() < 0.5 else cut)
            large.append(cut)
            small.append(self.degrade(cut, recipe.scale, draws))
        ends = [self.batch * part // self.splits for part in range(self.splits + 1)]
        return [
            Pair(
                self._tensor(np.stack(small[start:stop])),
                self._tensor(np.stack(large[start:stop])),
                (stop - start) / self.batch,
            )
            for start, stop in pairwise(ends)
        ]

    def _draws(self, stream: Stream, step: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.random.key(stream, step), number])

    def _tensor(self, pictures: np.ndarray) -> Tensor:
        values = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
        return values.to(torch.float32, memory_format=torch.channels_last) / 255

    def small(self, count: int) -> np.ndarray:
        """Return the first `count` faces set aside, reduced: uint8 (count, size / scale, size / scale, 3)."""
        faces = self.large(self.held[np.arange(count) % len(self.held)])
        draws = [self._draws(Stream.SHOWN, 0, number) for number in range(count)]
        small = [self.degrade(face, self.recipe.scale, d) for face, d in zip(faces, draws, strict=True)]
        return np.stack(small)

    def large(self, which: np.ndarray) -> np.ndarray:
        """Return faces at the side the recipe says: uint8 (N, size, size, 3)."""
        faces = self.faces.batch(which)
        return (
            faces
            if faces.shape[1] == self.recipe.size
            else np.stack([sized(face, self.recipe.size) for face in faces])
        )


def split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the faces that are set aside, evenly spread, and of those to learn from."""
    held = np.unique(np.linspace(0, count - 1, min(HELD_OUT, max(1, count // 8))).round().astype(np.int64))
    return held, np.setdiff1d(np.arange(count), held)
