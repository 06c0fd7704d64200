"""A compact upscaler for browsers: plain 3x3 convolutions at the small size, and one shuffle at the end.

It adds to Pillow's bicubic what is missing: the first guess is a fixed 5x5 convolution (cubic, a = -0.5), so
that an untrained network enlarges as bicubic does. Everything runs at the size of what comes in (the shape
of Shi et al., arXiv 1609.05158), nothing is normalised.

While it learns, each 3x3 convolution is a product of two linear layers, 3x3 to many channels and 1x1 back,
within the body plus the identity. They are multiplied out before every use (collapsible linear blocks,
Bhardwaj et al., arXiv 2103.09404), so that a step costs hardly more than with plain ones; `folded` gives the
plain network.

The discriminator judges places, not pictures: a logit for each 8x8 pixels, with spectral norm (Miyato et
al., arXiv 1802.05957). Its maps on the way serve to compare textures (feature matching).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_SLOPE = 0.1
_CUBIC = -0.5  # Pillow's


def _cubic(x: float) -> float:
    """Return the cubic convolution kernel at x (Keys, 1981)."""
    x, a = abs(x), _CUBIC
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def first_guess(scale: int) -> Tensor:
    """Return bicubic enlargement as weights of a convolution in 3 groups: (3 * scale^2, 1, 5, 5)."""
    centres = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
    taps = torch.tensor([[_cubic(centre - place) for place in range(-2, 3)] for centre in centres])
    both = torch.einsum("yi,xj->yxij", taps, taps).reshape(scale * scale, 1, 5, 5)
    return both.repeat(3, 1, 1, 1)


class Collapsible(nn.Module):
    """A 3x3 convolution as a product, with the identity added or not: see above."""

    def __init__(self, before: int, after: int, between: int, gain: float, identity: bool = False) -> None:
        super().__init__()
        self.expand = nn.Parameter(torch.empty(between, before, 3, 3))
        self.project = nn.Parameter(torch.empty(after, between))
        self.bias = nn.Parameter(torch.zeros(after))
        self.identity = identity
        nn.init.normal_(self.expand, std=1 / math.sqrt(9 * before))
        nn.init.normal_(self.project, std=gain / math.sqrt(between))

    def weight(self) -> Tensor:
        """Return the weights of the one convolution it amounts to."""
        with torch.autocast(self.expand.device.type, enabled=False):
            product = torch.einsum("ab,bchw->achw", self.project, self.expand)
            if not self.identity:
                return product
            one = torch.eye(len(product), device=product.device)[..., None, None]
            return product + F.pad(one, [1] * 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), self.bias, padding=1)


class Upscaler(nn.Module):
    """(N, 3, H, W) from 0 to 1 -> (N, 3, scale * H, scale * W), trained to lie there too.

    `reach` is how many pixels of the input, in each direction, a pixel's enlargement can depend on.
    """

    output_range = (0.0, 1.0)

    def __init__(self, scale: int, width: int = 48, depth: int = 10, between: int = 128) -> None:
        super().__init__()
        self.scale, self.reach = scale, max(2, depth + 2)
        self.guess = nn.Buffer(first_guess(scale), persistent=False)
        self.enter = Collapsible(3, width, between, gain=math.sqrt(2))
        self.body = nn.ModuleList(Collapsible(width, width, between, 0.5, True) for _ in range(depth))
        self.leave = Collapsible(width, 3 * scale * scale, between, gain=0.1)

    def forward(self, picture: Tensor) -> Tensor:
        first = x = F.leaky_relu(self.enter(picture), _SLOPE)
        for convolution in self.body:
            x = F.leaky_relu(convolution(x), _SLOPE)
        added = self.leave(x + first)
        with torch.autocast(picture.device.type, enabled=False):  # what is added may be coarse, a pixel not
            guess = F.conv2d(F.pad(picture.float(), [2] * 4, "replicate"), self.guess, groups=3)
            return F.pixel_shuffle(guess + added.float(), self.scale)

    def folded(self) -> nn.Module:
        """Return the same function as plain convolutions, for use and for export."""
        plain = copy.deepcopy(self)
        for name, module in list(plain.named_modules()):
            if isinstance(module, Collapsible):
                parent, _, last = name.rpartition(".")
                setattr(plain.get_submodule(parent), last, _plain(module))
        return plain


def _plain(module: Collapsible) -> nn.Conv2d:
    weight = module.weight().detach()
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
    layer.load_state_dict({"weight": weight, "bias": module.bias.detach()})
    return layer


class Discriminator(nn.Module):
    """(N, 3, crop, crop) from 0 to 1, crop divisible by 8 -> (N, (crop / 8)^2) logits.

    `maps` returns what it sees on the way, from fine to coarse; `verdict` judges the last of them.
    """

    def __init__(self, crop: int, widths: Sequence[int] = (48, 96, 128)) -> None:
        super().__init__()
        if crop % 8:
            raise TypeError(f"crop {crop} is not divisible by 8")
        self.enter = spectral_norm(nn.Conv2d(12, widths[0], 3, padding=1))
        self.halvings = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(widths)
        )
        self.last = spectral_norm(nn.Conv2d(widths[-1], widths[-1], 3, padding=1))
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def maps(self, picture: Tensor) -> list[Tensor]:
        """Return the feature maps on the way, from fine to coarse."""
        x = F.pixel_unshuffle(picture * 2 - 1, 2).contiguous(memory_format=torch.channels_last)
        found = []
        for convolution in (self.enter, *self.halvings, self.last):
            x = F.leaky_relu(2 * convolution(x), 0.2)  # or norms of 1 would let signals die out
            found.append(x)
        return found

    def verdict(self, last: Tensor) -> Tensor:
        """Return the logits that the last of `maps` comes to."""
        return self.judge(last).flatten(1)

    def forward(self, picture: Tensor) -> Tensor:
        return self.verdict(self.maps(picture)[-1])
