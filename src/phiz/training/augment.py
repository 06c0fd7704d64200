"""Augmentation: D sees real and made faces changed at random, so that it cannot learn few faces by heart.

Each change is made with probability `strength`, of its own for every picture: a move (shift, scale,
rotation), a colour change (brightness, contrast, saturation), a cut-out square. All are differentiable,
so that G learns through them, and none is always made, so that G can tell what belongs to the data from
what does not (Karras et al., arXiv 2006.06676, section 2.2; Zhao et al., arXiv 2006.10738). Made faces
that are shown, kept or measured never pass through here. Mirror images are no change of this kind: each is a
face like any other, which G may make, and they come with the real ones (the recipe's `flip`).

The adaptive mode (the same paper's section 3) moves `strength` by how sure D is of the faces it learns
from: r is the mean sign of D's verdict on them, 0 for a D that guesses and 1 for one that is always right.
Every `EVERY` steps the strength goes up where r lay above the target, and down where it lay below.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from phiz.training.precision import wide
from phiz.training.recipe import Augment
from phiz.training.supply import fetched, sent

EVERY = 4
WAY = 0.2
"""The share of the stage that an adaptive strength takes from 0 to 1."""

LIMIT = 0.8
"""The strength beyond which changes leak into what G makes (arXiv 2006.06676, figure 3)."""

_SHIFT = 0.125  # of the side
_SCALE = 0.2  # standard deviation of its base-2 logarithm
_TURN = math.pi / 12
_BRIGHTNESS, _CONTRAST, _SATURATION = 0.2, 0.35, 0.5
_CUT = 0.4  # of the side
_LUMA = (0.299, 0.587, 0.114)


class Strength:
    """How strong the augmentation is as a training goes on; its state is part of a checkpoint.

    What D's verdicts say is fetched from the device while the next `EVERY` steps are calculated there, and
    heeded after them: so no step waits for it.
    """

    def __init__(self, asked: Augment) -> None:
        self.asked = asked
        self.state = _fresh(min(LIMIT, asked.strength) if asked.adaptive else 0.0)
        self._arrived: torch.cuda.Event | None = None

    def at(self, progress: float) -> float:
        """Return the strength where `progress`, 0 to 1, of the stage lies behind."""
        if self.asked.adaptive:
            return float(self.state["strength"])
        return (
            self.asked.strength * min(1.0, progress / self.asked.rise)
            if self.asked.rise
            else self.asked.strength
        )

    def heed(self, signs: Tensor, steps: int) -> None:
        """Take note of the mean sign of D's verdicts on real faces, in a stage of `steps` steps."""
        if not self.asked.adaptive:
            return
        state = self.state
        signs = wide(signs)
        # What was summed may lie on the CPU: no copy waits there.
        state["signs"] = signs + state["signs"].to(signs.dtype)
        state["steps"] = state["steps"] + 1  # anew: what was kept of it before must not change
        if int(state["steps"]) < EVERY:
            return
        strength = float(state["strength"])
        if self._arrived:
            self._arrived.synchronize()
        r = float(state["before"])
        if not math.isnan(r):  # it is before the first verdicts have come
            step = EVERY / max(1.0, WAY * steps)
            strength = min(LIMIT, max(0.0, strength + math.copysign(step, r - self.asked.target)))
        self.state = _fresh(strength)
        self.state["before"], self._arrived = fetched(state["signs"] / EVERY)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` was."""
        self.state = _fresh(0.0) | state
        self._arrived = None


def _fresh(strength: float) -> dict[str, Tensor]:
    values = {"strength": strength, "signs": 0.0, "steps": 0.0, "before": math.nan}
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


class Changes:
    """What is done to each of N pictures; real and made faces, and both looks of a penalty, can share it.

    Args:
        count: N.
        strength: the probability of each change, 0 to 1.
        draws: where the random numbers come from.
    """

    def __init__(self, count: int, strength: float, draws: torch.Generator) -> None:
        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, *shape, generator=draws) * 2 - 1

        def chosen() -> Tensor:
            return (torch.rand(count, generator=draws) < strength).float()

        self.move = _move(chosen(), uniform(2) * _SHIFT, chosen(), uniform(), chosen(), uniform() * _TURN)
        self.colour = _colour(chosen(), uniform(), chosen(), uniform(), chosen(), uniform())
        self.cut = uniform(2)
        self.cuts = chosen()

    def to(self, device: torch.device) -> Changes:
        """Return the same on `device`."""
        return self.each(lambda part: sent(part, device))

    def __getitem__(self, which: slice | Tensor) -> Changes:
        """Return what is done to some of the pictures."""
        return self.each(lambda part: part[which])

    def each(self, act: Callable[[Tensor], Tensor]) -> Changes:
        """Return changes whose tensors are those of these after `act`."""
        other = copy.copy(self)
        for name, part in vars(self).items():
            setattr(other, name, act(part))
        return other

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return changed pictures (N, 3, H, W), of the same range centred on 0."""
        grid = F.affine_grid(self.move, list(pictures.shape), align_corners=False)
        moved = _moved(pictures, grid)
        coloured = (
            torch.einsum("nij,njhw->nihw", self.colour[:, :, :3], moved) + self.colour[:, :, 3, None, None]
        )
        return coloured * self._kept(pictures.shape[-1])

    def _kept(self, size: int) -> Tensor:
        """Return (N, 1, size, size): 0 in the square that is cut out, 1 elsewhere."""
        places = (torch.arange(size, device=self.cut.device) + 0.5) / size * 2 - 1
        inside = (places[None, None] - self.cut[:, :, None]).abs() < _CUT
        square = inside[:, 0, :, None] & inside[:, 1, None, :]
        return 1 - (square * self.cuts[:, None, None]).to(self.cut.dtype)[:, None]


def _moved(pictures: Tensor, grid: Tensor) -> Tensor:
    """Return `pictures` (N, C, H, W) at the places of `grid` (N, H, W, 2), mirrored at their borders.

    As torch's grid_sample does, but what is gathered has a second derivative on every device and in every
    version, and can be told to sum in one order on a GPU. It takes as long.
    """
    (x0, x1, right), (y0, y1, down) = (_between(grid[..., i], pictures.shape[3 - i]) for i in (0, 1))
    flat, width = pictures.flatten(2), pictures.shape[3]

    def at(y: Tensor, x: Tensor) -> Tensor:
        places = (y * width + x).flatten(1)[:, None].expand(-1, pictures.shape[1], -1)
        return flat.gather(2, places).unflatten(2, grid.shape[1:3])

    above = at(y0, x0) * (1 - right) + at(y0, x1) * right
    below = at(y1, x0) * (1 - right) + at(y1, x1) * right
    return above * (1 - down) + below * down


def _between(places: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pixels before and after places (N, H, W) in [-1, 1], and how far they lie in between."""
    mirrored = size - (((places + 1) * size / 2) % (2 * size) - size).abs()
    place = (mirrored - 0.5).clamp(0, size - 1)
    first = place.floor()
    return first.long(), (first.long() + 1).clamp(max=size - 1), (place - first)[:, None]


def _move(a: Tensor, shift: Tensor, b: Tensor, scale: Tensor, c: Tensor, turn: Tensor) -> Tensor:
    factor = 2 ** (b * scale * _SCALE * math.sqrt(3))
    angle = c * turn
    cos, sin = torch.cos(angle) * factor, torch.sin(angle) * factor
    shift = 2 * a[:, None] * shift
    return torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)


def _colour(
    a: Tensor, brightness: Tensor, b: Tensor, contrast: Tensor, c: Tensor, saturation: Tensor
) -> Tensor:
    """Return (N, 3, 4): contrast and saturation as a matrix, brightness in the last column."""
    luma = torch.tensor(_LUMA).expand(3, 3)
    keep = torch.eye(3)
    colourful = (1 + c * saturation * _SATURATION)[:, None, None]
    matrix = luma + (keep - luma) * colourful
    matrix = matrix * torch.exp(b * contrast * _CONTRAST)[:, None, None]
    return torch.cat([matrix, (a * brightness * 2 * _BRIGHTNESS)[:, None, None].expand(-1, 3, 1)], 2)
