"""SRGAN (Ledig et al., arXiv 1609.04802, figure 4): SRResNet with 16 blocks, and its discriminator.

Where the figure and its text leave a choice: weights start as PyTorch's do; the slope of a PReLU is one for
a layer; the last convolution has no tanh, so that it can be folded and tiled like the others'.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class _Block(nn.Module):
    """Convolve, normalise, PReLU, convolve, normalise, add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(width)
        self.act = nn.PReLU()
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        within = self.act(self.first_norm(self.first(x)))
        return x + self.second_norm(self.second(within))


class Upscaler(nn.Module):
    """(N, 3, H, W) from 0 to 1 -> (N, 3, scale * H, scale * W), trained to lie there too.

    `reach` is how many pixels of the input, in each direction, a pixel's enlargement can depend on.
    """

    output_range = (0.0, 1.0)

    def __init__(self, scale: int, width: int = 64, blocks: int = 16) -> None:
        super().__init__()
        doublings = round(math.log2(scale))
        self.scale = scale
        # 9x9, two 3x3 a block, 3x3; a 3x3 at each larger size; 9x9 at the last: 4 of its pixels.
        self.reach = 4 + 2 * blocks + 1 + doublings + math.ceil(4 / scale)
        self.enter = nn.Conv2d(3, width, 9, padding=4)
        self.entered = nn.PReLU()
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.after = nn.Conv2d(width, width, 3, padding=1)
        self.after_norm = nn.BatchNorm2d(width)
        self.doublings = nn.ModuleList(nn.Conv2d(width, 4 * width, 3, padding=1) for _ in range(doublings))
        self.doubled = nn.ModuleList(nn.PReLU() for _ in range(doublings))
        self.leave = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, picture: Tensor) -> Tensor:
        first = x = self.entered(self.enter(picture * 2 - 1))
        for block in self.blocks:
            x = block(x)
        x = first + self.after_norm(self.after(x))
        for convolution, act in zip(self.doublings, self.doubled, strict=True):
            x = act(F.pixel_shuffle(convolution(x), 2))
        return self.leave(x) / 2 + 0.5

    def folded(self) -> nn.Module:
        """Return the same function as in evaluation mode, with the norms folded into the convolutions."""
        plain = copy.deepcopy(self).eval()
        for block in plain.blocks:
            for name in ("first", "second"):
                _fold(block, name, f"{name}_norm")
        _fold(plain, "after", "after_norm")
        return plain


def _fold(module: nn.Module, convolution: str, norm: str) -> None:
    fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
    setattr(module, convolution, fused)
    setattr(module, norm, nn.Identity())


class Discriminator(nn.Module):
    """(N, 3, crop, crop) from 0 to 1 -> (N, 1) logits; the paper's sigmoid belongs to the loss.

    `maps` returns what it sees on the way, from fine to coarse; `verdict` judges the last of them.
    """

    def __init__(self, crop: int, width: int = 64) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, width, 3, padding=1)
        widths = [width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2 - number % 2, padding=1, bias=False)
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in widths[1:])
        side = crop
        for _ in range(4):
            side = (side + 1) // 2
        self.dense = nn.Linear(widths[-1] * side * side, 16 * width)
        self.judge = nn.Linear(16 * width, 1)

    def maps(self, picture: Tensor) -> list[Tensor]:
        """Return the feature maps on the way, from fine to coarse."""
        x = F.leaky_relu(self.enter(picture * 2 - 1), 0.2)
        found = [x]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.leaky_relu(norm(convolution(x)), 0.2)
            found.append(x)
        return found

    def verdict(self, last: Tensor) -> Tensor:
        """Return the logits that the last of `maps` comes to."""
        return self.judge(F.leaky_relu(self.dense(last.flatten(1)), 0.2))

    def forward(self, picture: Tensor) -> Tensor:
        return self.verdict(self.maps(picture)[-1])
