"""The modern GAN of phiz: mirrored residual networks, a mapped latent in every block, three sizes.

After R3GAN (Huang et al., arXiv 2501.05441): no tricks, residual blocks, stages of D that mirror those of G.
Shaped for browsers and CPUs: G convolves, then doubles, so that no wide convolution runs at full size, and
has at most 64 channels from 64 px up; D looks at 2x2 blocks of pixels as 12 channels.

The latent is mapped to a point w of the model's own space: w = z + f(z), with f starting at zero, so that a
training begins as if there were no mapping. Truncation draws w towards a centre. In every block w, and a
vector of the labels, scale and shift the channels (as in Brock et al., arXiv 1809.11096). In D the labels add
a projection (Miyato and Koyama, arXiv 1802.05637). The stages after the first can be told of another point
than the first (style mixing, Karras et al., arXiv 1812.04948): shapes of one face, colours of another.

A stage is a transition between two sizes and `depth` residual blocks; the recipe `modern` has one in G and
none in D. `block` says what one is made of: `full`, a 3x3 convolution and an activation, which is what CPUs
are quick at; or `grouped`, an inverted bottleneck around a grouped 3x3, which has more depth for its
parameters, and inside twice the channels in groups of 16.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phiz.networks import base_and_doublings
from phiz.networks.labels import Labels
from phiz.networks.layers import Convolution, halved

Block = Literal["full", "grouped"]
Norm = Literal["batch", "none"]

# Channels of feature maps of 4, 8, 16, 32, ... px; of those between, on the line between the logarithms.
GENERATOR: dict[str, Sequence[int]] = {
    "s": (192, 160, 96, 48, 24, 16, 8),
    "m": (320, 256, 160, 96, 48, 24, 16),
    "l": (512, 512, 384, 192, 64, 48, 32),
}
DISCRIMINATOR: dict[str, Sequence[int]] = {
    "s": (192, 128, 64, 32, 24, 16, 8),
    "m": (288, 192, 112, 64, 40, 24, 16),
    "l": (512, 512, 384, 192, 96, 64, 32),
}
_SLOPE = 0.2
_GROUP = 16  # channels of a group
_STYLE = 0.2  # how much w moves scales and shifts at the start
_RESIDUAL = 0.3  # how much blocks without a norm add at the start


def channels(widths: Sequence[int], base: int, doublings: int) -> list[int]:
    """Return the channels of feature maps of base, 2 base, ... px, whole eights of what `widths` say."""
    levels = [max(0.0, math.log2(base * 2**k / 4)) for k in range(doublings)]
    last = len(widths) - 1
    exact = [2 ** np.interp(min(level, last), range(last + 1), np.log2(widths)) for level in levels]
    return [8 * max(1, round(width / 8)) for width in exact]


def _widths(asked: str | Sequence[int], presets: dict[str, Sequence[int]]) -> Sequence[int]:
    if not isinstance(asked, str):
        listed = isinstance(asked, list | tuple) and len(asked) > 1
        if not listed or not all(isinstance(width, int) and width > 0 for width in asked):
            raise ValueError(f"width is a name or two numbers of channels at least, not {asked}")
        return asked
    if asked not in presets:
        raise ValueError(f'width is one of {", ".join(presets)} or a list of channels, not "{asked}"')
    return presets[asked]


def _check(block: str, norm: str = "none") -> None:
    for name, asked, known in (("block", block, get_args(Block)), ("norm", norm, get_args(Norm))):
        if asked not in known:
            raise ValueError(f'{name} is {" or ".join(known)}, not "{asked}"')


def _convolution(
    before: int, after: int, kernel: int = 3, groups: int = 1, bias: bool = False, gain: float = 1.0
) -> nn.Conv2d:
    layer = Convolution(before, after, kernel, padding=kernel // 2, groups=groups, bias=bias)
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    layer.weight.data.mul_(gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _inner(width: int, block: Block) -> nn.Module:
    """Return what a residual block does before its activation, (N, width, H, W) to the same."""
    if block == "full":
        return _convolution(width, width)
    wide = 2 * width
    return nn.Sequential(
        _convolution(width, wide, 1, bias=True),
        nn.LeakyReLU(_SLOPE),
        _convolution(wide, wide, 3, groups=max(1, wide // _GROUP), bias=True),
        nn.LeakyReLU(_SLOPE),
        _convolution(wide, width, 1),
    )


class _Styled(nn.Module):
    """Batch norm, if asked for; a scale and a shift of each channel that the code decides; leaky ReLU."""

    def __init__(self, width: int, code: int, norm: Norm) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width) if norm == "batch" else nn.Identity()
        self.style = nn.Linear(code, 2 * width)
        nn.init.normal_(self.style.weight, std=_STYLE / math.sqrt(code))
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.style(code)[:, :, None, None].chunk(2, 1)
        return F.leaky_relu(self.norm(x) * (1 + scale) + shift, _SLOPE)


class _Residual(nn.Module):
    """x plus a block of x, styled."""

    def __init__(self, width: int, code: int, block: Block, norm: Norm) -> None:
        super().__init__()
        self.inner = _inner(width, block)
        if norm == "none":
            _quieten([self.inner])
        self.styled = _Styled(width, code, norm)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return x + self.styled(self.inner(x), code)


class _Stage(nn.Module):
    """Convolve, double (save at the smallest size), and `depth` residual blocks."""

    def __init__(
        self, before: int, after: int, code: int, doubles: bool, depth: int, block: Block, norm: Norm
    ) -> None:
        super().__init__()
        self.doubles = doubles
        self.enter = _convolution(before, after)
        self.entered = _Styled(after, code, norm)
        self.blocks = nn.ModuleList(_Residual(after, code, block, norm) for _ in range(depth))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = self.enter(x)
        x = self.entered(_double(x) if self.doubles else x, code)
        for block in self.blocks:
            x = block(x, code)
        return x


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Mapping(nn.Module):
    """(N, z) latents -> (N, z) points w = z + f(z); f has `layers` layers and starts at zero."""

    def __init__(self, z: int, layers: int) -> None:
        super().__init__()
        linears = [nn.Linear(z, z) for _ in range(layers)]
        for layer in linears:
            nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
            nn.init.zeros_(layer.bias)
        for layer in linears[-1:]:
            nn.init.zeros_(layer.weight)
        self.layers = nn.ModuleList(linears)

    def forward(self, latent: Tensor) -> Tensor:
        x = latent
        for index, layer in enumerate(self.layers):
            x = layer(F.leaky_relu(x, _SLOPE) if index else x)
        return latent + x if len(self.layers) else latent


class Generator(nn.Module):
    """(N, z) latents, (N, A) labels -> (N, 3, size, size), trained to lie in [-1, 1].

    Args:
        size: of the pictures, b * 2^k.
        z: values in a latent.
        width: "s", "m" or "l", or channels of maps of 4, 8, 16, ... px, two at least.
        depth: residual blocks a stage.
        block: "full" or "grouped".
        norm: "batch" or "none".
        mapping: layers of the mapping; 0 for none.
        labels: counts of the values of each of A attributes; without any, forward takes latents alone.
    """

    output_range = (-1.0, 1.0)
    mixes = True
    """Whether `synthesis` takes a second point for the finer stages."""

    def __init__(
        self,
        size: int,
        z: int = 128,
        width: str | Sequence[int] = "s",
        depth: int = 1,
        block: Block = "full",
        norm: Norm = "batch",
        mapping: int = 2,
        labels: Sequence[int] = (),
    ) -> None:
        super().__init__()
        _check(block, norm)
        self.base, doublings = base_and_doublings(size)
        *stages, head = channels(_widths(width, GENERATOR), self.base, doublings + 1)
        self.mapping = Mapping(z, mapping)
        self.labels = Labels(labels, z, std=1 / math.sqrt(len(labels))) if labels else None
        code = 2 * z if labels else z
        self.dense = nn.Linear(code, stages[0] * self.base**2, bias=False)
        nn.init.normal_(self.dense.weight, std=1 / math.sqrt(code))
        self.started = _Styled(stages[0], code, norm)
        ways = [(stages[0], stages[0]), *pairwise(stages)]
        self.stages = nn.ModuleList(
            _Stage(a, b, code, bool(k), depth, block, norm) for k, (a, b) in enumerate(ways)
        )
        self.head = _convolution(stages[-1], head)
        self.headed = _Styled(head, code, norm)
        self.rgb = _convolution(head, 3, bias=True, gain=0.3)

    def synthesis(self, point: Tensor, labels: Tensor | None = None, fine: Tensor | None = None) -> Tensor:
        """Return the pictures of points w (N, z), under labels (N, A) where the model has them.

        What is drawn at the smallest size follows `point`, all after it `fine`, where that is given.
        """
        told = None if self.labels is None else self.labels(labels)
        code = self._code(point, told)
        x = self.dense(code).unflatten(1, (-1, self.base, self.base))
        x = self.started(x.contiguous(memory_format=torch.channels_last), code)
        x = self.stages[0](x, code)
        code = code if fine is None else self._code(fine, told)
        for stage in self.stages[1:]:
            x = stage(x, code)
        return self.rgb(self.headed(_double(self.head(x)), code))

    @staticmethod
    def _code(point: Tensor, told: Tensor | None) -> Tensor:
        return point if told is None else torch.cat([point, told], 1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(latent), labels)


class _Halving(nn.Module):
    """`depth` residual blocks, then convolve and halve."""

    def __init__(self, before: int, after: int, depth: int, block: Block) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_inner(before, block) for _ in range(depth))
        _quieten(self.blocks)
        self.leave = _convolution(before, after, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + F.leaky_relu(block(x), _SLOPE)
        return halved(F.leaky_relu(self.leave(x), _SLOPE))


def _quieten(blocks: Iterable[nn.Module]) -> None:
    """Let residual blocks add little at the start, where nothing norms what they add to."""
    for block in blocks:
        last = block[-1] if isinstance(block, nn.Sequential) else block
        last.weight.data.mul_(_RESIDUAL)  # type: ignore[operator, union-attr]


class Discriminator(nn.Module):
    """(N, 3, size, size) in [-1, 1], (N, A) labels, -1 where missing -> (N,) logits.

    With `scores` also how each picture goes with each value of each attribute, (N, values).

    Arguments as the generator's; `depth` 0 leaves the transitions alone.
    """

    verdict = ("dense.", "labels.")

    def __init__(
        self,
        size: int,
        width: str | Sequence[int] = "s",
        depth: int = 1,
        block: Block = "full",
        labels: Sequence[int] = (),
    ) -> None:
        super().__init__()
        _check(block)
        base, doublings = base_and_doublings(size)
        stages = channels(_widths(width, DISCRIMINATOR), base, doublings)
        self.enter = _convolution(12, stages[-1], bias=True)
        # From the smallest size upward, as in G, so that networks of other sizes name the same layers alike.
        self.halvings = nn.ModuleList(_Halving(b, a, depth, block) for a, b in pairwise(stages))
        self.last = _convolution(stages[0], stages[0], bias=True)
        features = stages[0] * base**2
        self.dense = nn.Linear(features, 1)
        nn.init.normal_(self.dense.weight, std=1 / math.sqrt(features))
        nn.init.zeros_(self.dense.bias)
        self.labels = Labels(labels, features, std=1 / math.sqrt(features)) if labels else None

    def layers(self) -> list[nn.Module]:
        """Return the parts in the order in which a picture passes them."""
        return [self.enter, *reversed(self.halvings), self.last]

    def forward(
        self, image: Tensor, labels: Tensor | None = None, scores: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        x = F.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.enter(x), _SLOPE)
        for halving in reversed(self.halvings):
            x = halving(x)
        x = F.leaky_relu(self.last(x), _SLOPE).flatten(1)
        with torch.autocast(x.device.type, enabled=False):  # a verdict is a small difference of large sums
            x = x.to(self.dense.weight.dtype)
            logits = self.dense(x).squeeze(1)
            if self.labels is None or labels is None:
                return logits
            values = self.labels.scores(x)
            logits = logits + self.labels.chosen(values, labels)
            return (logits, values) if scores else logits
