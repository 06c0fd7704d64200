"""Layers whose gradients are quick, and have quick gradients of their own, for a D under an exact penalty.

An exact penalty asks for the gradient of D's verdicts with respect to the pictures, and then how that changes
with the weights. PyTorch finds the second, for a convolution, by a convolution with kernels as large as the
picture, which no library has a good kernel for: it took a third of a GPU's step. But the first gradient is a
transposed convolution, y = x * w, dL/dx = dL/dy *^T w, whose gradient with respect to w is the one that every
training asks for. So here it is written as one. And the gradient of a mean of 2x2 pixels is what doubles a
picture, which CPUs and GPUs do far quicker than what PyTorch has for it (benchmarks/layers.py).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function


class _ToWeights(Function):
    """The convolution, with gradients to the weights and the bias alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.Conv2d) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.layer = layer
        return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), layer, needs = ctx.saved_tensors, ctx.layer, ctx.needs_input_grad
        _, to_weight, to_bias = torch.ops.aten.convolution_backward(
            gradient, x, weight, [len(weight)] if needs[2] else None, layer.stride, layer.padding,
            layer.dilation, False, [0, 0], layer.groups, [False, needs[1], needs[2]],
        )  # fmt: skip
        return None, to_weight, to_bias, None


class _ToPictures(Function):
    """`result`, with the gradient that the convolution it came of has to its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, result: Tensor, layer: nn.Conv2d) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.layer = layer
        return result.view_as(result)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if not ctx.needs_input_grad[0]:
            return None, None, gradient, None
        (weight,), layer = ctx.saved_tensors, ctx.layer
        to_x = F.conv_transpose2d(
            gradient, weight, None, layer.stride, layer.padding, 0, layer.groups, layer.dilation
        )
        return to_x, None, gradient, None


class Convolution(nn.Conv2d):
    """A `Conv2d` of stride 1, padded with zeros: the same numbers, under the same names.

    Gradients of its input's gradient are right in every argument; those of its weights' gradient lack what
    goes through the input, which nothing here asks for.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or not torch.is_grad_enabled():
            return super().forward(x)
        weight, bias, kind = self.weight, self.bias, x.device.type
        if torch.is_autocast_enabled(kind):
            number = torch.get_autocast_dtype(kind)
            x, weight = x.to(number), weight.to(number)
            bias = None if bias is None else bias.to(number)
        result = _ToWeights.apply(x.detach(), weight, bias, self)
        return _ToPictures.apply(x, weight, result, self)  # type: ignore[no-any-return]


class _Halved(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return F.interpolate(gradient * 0.25, scale_factor=2.0, mode="nearest")


def halved(x: Tensor) -> Tensor:
    """Return the means of 2x2 pixels of x (N, C, H, W), H and W being even."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return F.avg_pool2d(x, 2)
    return _Halved.apply(x)  # type: ignore[no-any-return]
