"""A slim convolutional GAN for minutes on a CPU: small, regularised, and cheap where it costs most.

G convolves, then upsamples, so that no wide convolution runs at full size: at each size a 3x3
convolution, bilinear doubling, batch norm, leaky ReLU and a residual 3x3; a thin head at the last. The
latent does not only enter at the bottom: after each norm it scales and shifts the channels (as in Brock
et al., arXiv 1809.11096), so that it decides about fine things as directly as about coarse ones. D
looks at 2x2 blocks of pixels as 12 channels, so that none of its wide convolutions runs at full size
either; it has no normalisation, a gradient penalty keeps it in bounds.

Labels join the latent in G; in D they add a projection (Miyato and Koyama, arXiv 1802.05637).

`widths` are channels from the smallest size upward in both networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phiz.networks import base_and_doublings
from phiz.networks.labels import Labels
from phiz.networks.layers import Convolution, halved

_SLOPE = 0.2
_NARROWEST = 16
_SIXTEEN = 16  # processors take channels by sixteens
_STYLE = 0.2  # how much the code moves scales and shifts at the start


def _channels(widths: Sequence[int], base: int, count: int) -> list[int]:
    """Return the channels of maps of base, 2 base, ... px.

    `widths` are those of 4, 8, 16, ... px and go on by halves. Between two, as for bases other than 4, they
    lie on the line between the logarithms, in whole sixteens.
    """
    known = list(widths)
    while len(known) <= count:
        known.append(max(_NARROWEST, known[-1] // 2))
    beyond = max(0.0, math.log2(base / 4))  # 0 to 1
    ways = [a * (b / a) ** beyond for a, b in pairwise(known[: count + 1])]
    return [_SIXTEEN * max(1, round(w / _SIXTEEN)) for w in ways] if beyond else known[:count]


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _convolution(before: int, after: int, bias: bool = True, gain: float = 1.0) -> nn.Conv2d:
    layer = Convolution(before, after, 3, padding=1, bias=bias)
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    layer.weight.data.mul_(gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class _Styled(nn.Module):
    """Batch norm, then a scale and a shift of each channel that the code decides, then leaky ReLU."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.style = nn.Linear(code, 2 * channels)
        nn.init.normal_(self.style.weight, std=_STYLE / math.sqrt(code))
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.style(code)[:, :, None, None].chunk(2, 1)
        return _act(self.norm(x) * (1 + scale) + shift)


class _Block(nn.Module):
    """Convolve, double (save in the first block), and add a residual convolution."""

    def __init__(self, before: int, after: int, code: int, doubles: bool = True) -> None:
        super().__init__()
        self.doubles = doubles
        self.enter = _convolution(before, after, bias=False)
        self.entered = _Styled(after, code)
        self.stay = _convolution(after, after, bias=False)
        self.stayed = _Styled(after, code)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = self.enter(x)
        x = self.entered(_double(x) if self.doubles else x, code)
        return x + self.stayed(self.stay(x), code)


class Generator(nn.Module):
    """(N, z) latents, (N, A) labels -> (N, 3, size, size), trained to lie in [-1, 1].

    `labels` counts the values of each of A attributes; without any, forward takes latents alone.
    """

    output_range = (-1.0, 1.0)

    def __init__(
        self, size: int, z: int = 128, widths: Sequence[int] = (256, 192, 96), labels: Sequence[int] = ()
    ) -> None:
        super().__init__()
        self.base, doublings = base_and_doublings(size)
        channels = _channels(widths, self.base, doublings)
        self.labels = Labels(labels, z, std=1 / math.sqrt(len(labels))) if labels else None
        code = 2 * z if labels else z
        self.dense = nn.Linear(code, channels[0] * self.base**2, bias=False)
        nn.init.normal_(self.dense.weight, std=1 / math.sqrt(code))
        self.dense_norm = nn.BatchNorm2d(channels[0])
        first = _Block(channels[0], channels[0], code, doubles=False)
        self.blocks = nn.ModuleList([first, *(_Block(a, b, code) for a, b in pairwise(channels))])
        head = max(_NARROWEST, channels[-1] // 3)
        self.head = _convolution(channels[-1], head, bias=False)
        self.head_norm = nn.BatchNorm2d(head)
        self.rgb = _convolution(head, 3, gain=0.3)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        code = latent if self.labels is None else torch.cat([latent, self.labels(labels)], 1)
        x = self.dense(code).unflatten(1, (-1, self.base, self.base))
        x = _act(self.dense_norm(x.contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            x = block(x, code)
        return self.rgb(_act(self.head_norm(_double(self.head(x)))))


class Discriminator(nn.Module):
    """(N, 3, size, size) in [-1, 1], (N, A) labels, -1 where missing -> (N,) logits.

    With `scores` also how each picture goes with each value of each attribute, (N, values).
    """

    verdict = ("dense.", "labels.")

    def __init__(self, size: int, widths: Sequence[int] = (192, 128, 64), labels: Sequence[int] = ()) -> None:
        super().__init__()
        base, doublings = base_and_doublings(size)
        channels = _channels(widths, base, doublings)
        self.enter = _convolution(12, channels[-1])
        # From the smallest size upward, as in G, so that networks of other sizes name the same layers alike.
        self.halvings = nn.ModuleList(_convolution(b, a) for a, b in pairwise(channels))
        self.last = _convolution(channels[0], channels[0])
        features = channels[0] * base**2
        self.dense = nn.Linear(features, 1)
        nn.init.normal_(self.dense.weight, std=1 / math.sqrt(features))
        nn.init.zeros_(self.dense.bias)
        self.labels = Labels(labels, features, std=1 / math.sqrt(features)) if labels else None

    def layers(self) -> list[nn.Module]:
        """Return the convolutions in the order in which a picture passes them."""
        return [self.enter, *reversed(self.halvings), self.last]

    def forward(
        self, image: Tensor, labels: Tensor | None = None, scores: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        x = F.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        x = _act(self.enter(x))
        for convolution in reversed(self.halvings):
            x = halved(_act(convolution(x)))
        x = _act(self.last(x)).flatten(1)
        with torch.autocast(x.device.type, enabled=False):  # a verdict is a small difference of large sums
            x = x.to(self.dense.weight.dtype)
            logits = self.dense(x).squeeze(1)
            if self.labels is None or labels is None:
                return logits
            values = self.labels.scores(x)
            logits = logits + self.labels.chosen(values, labels)
            return (logits, values) if scores else logits
