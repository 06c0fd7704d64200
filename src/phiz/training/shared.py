"""Layers that look across a batch, when many processes have a part of it each.

Batch norm takes its means over the whole batch: sums over all processes, with gradients that are summed in
the same way, to any order. (PyTorch's SyncBatchNorm has neither a CPU form nor a second backward.) Dropout
draws for the whole batch and keeps its rows, so that what is dropped does not depend on who calculates it.
Outside of a step both do as the layers that they replace.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from phiz.errors import PhizError
from phiz.training.distributed import Group

_MIXING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


def share(network: nn.Module, group: Group, name: str) -> None:
    """Have the layers of `network` that look across a batch do so across the processes of `group`.

    A module that looks across the batch by itself says so by an attribute `across_batch = True`.

    Raises:
        PhizError: a layer does so in a way that is not known here.
    """
    if group.world == 1:
        return
    for path, module in network.named_modules():
        kind = _SHARED.get(type(module))
        if kind:
            module.__class__ = kind
            module.group = group
        elif isinstance(module, _MIXING) or getattr(module, "across_batch", False):
            raise PhizError(
                f"{name}: {path} ({type(module).__name__}) looks across the batch, which "
                f"{group.world} processes do not share; train it with one."
            )


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of their gradients, and so on."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return group.sum(values.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Sum.apply(gradients[0], ctx.group), None


def _norm(self: Any, x: Tensor) -> Tensor:
    """Normalise `x` (N, C, ...) by the mean and variance of all processes' rows."""
    group: Group = self.group
    assert group.part is not None
    dims = [0, *range(2, x.dim())]
    shape = [1, -1, *[1] * (x.dim() - 2)]
    values = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    here = values.new_full((1,), values.numel() / values.shape[1])
    total = _Sum.apply(torch.cat([values.sum(dims), here]), group)
    count = total[-1].detach()
    mean = total[:-1] / count
    centred = values - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(dims), group) / count
    if self.track_running_stats:
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)
    normal = centred * torch.rsqrt(variance + self.eps).view(shape)
    if self.affine:
        normal = normal * self.weight.view(shape) + self.bias.view(shape)
    return normal.to(x.dtype)


class SharedNorm1d(nn.BatchNorm1d):
    """Batch norm over the rows of all processes."""

    group: Group

    def forward(self, input: Tensor) -> Tensor:
        alone = not self.training or self.group.part is None
        return super().forward(input) if alone else _norm(self, input)


class SharedNorm2d(nn.BatchNorm2d):
    """Batch norm over the rows of all processes."""

    group: Group

    def forward(self, input: Tensor) -> Tensor:
        alone = not self.training or self.group.part is None
        return super().forward(input) if alone else _norm(self, input)


class SharedDropout(nn.Dropout):
    """Dropout that draws for the rows of all processes and keeps its own."""

    group: Group

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.group.part is None or self.p == 0:
            return super().forward(input)
        start, stop, of = self.group.part
        times = len(input) // (stop - start)  # real and made faces may come as one
        whole = input.new_empty((times * of, *input.shape[1:]))
        if input.dim() == 4 and input.is_contiguous(memory_format=torch.channels_last):
            whole = whole.contiguous(memory_format=torch.channels_last)
        kept = whole.bernoulli_(1 - self.p).div_(1 - self.p)  # as torch does it, in the same order
        return input * kept.unflatten(0, (times, of))[:, start:stop].flatten(0, 1)


_SHARED: dict[type, type] = {
    nn.BatchNorm1d: SharedNorm1d,
    nn.BatchNorm2d: SharedNorm2d,
    nn.Dropout: SharedDropout,
}
