"""A network of pictures, given as ONNX, as something to learn by: its maps, with gradients.

onnxruntime gives no gradients, and the networks that serve here, made for recognising, are a handful of
operations. They are run by PyTorch; a file with others is refused by name. The maps that are compared are
those before each reduction of the size, and the last one (as Johnson et al., arXiv 1603.08155, compare those
of VGG).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phiz.errors import PhizError

Attributes = dict[str, Any]


class Perceptual(nn.Module):
    """The network in the ONNX file `path`, which takes RGB pictures from 0 to 255.

    Raises:
        PhizError: it is missing, no ONNX file, or uses operations that are not known here.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        import onnx
        from onnx import helper, numpy_helper

        try:
            graph = onnx.load(str(path), load_external_data=False).graph
            values = {part.name: numpy_helper.to_array(part) for part in graph.initializer}
        except Exception as fault:  # the parser's own, the system's, numpy's
            why = next(iter(str(fault).splitlines()), type(fault).__name__)
            raise PhizError(f"{path} cannot be read as an ONNX file to learn by: {why}") from None
        self._input = graph.input[0].name
        self._steps: list[tuple[str, list[str], str, Attributes]] = []
        for node in graph.node:
            said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                values[node.output[0]] = numpy_helper.to_array(said["value"])
            elif node.op_type in _ENDS:  # from here on there are no maps
                break
            elif node.op_type not in _OPERATIONS:
                raise PhizError(f"{path}: {node.op_type} is no operation that can be learned by.")
            elif said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
                raise PhizError(f"{path}: auto_pad is not known here; write the file with pads in numbers.")
            else:
                self._steps.append((node.op_type, list(node.input), node.output[0], said))
        self._weights = {name: _tensor(self, f"weight{i}", a) for i, (name, a) in enumerate(values.items())}

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return maps of pictures (N, 3, H, W) from 0 to 1, from fine to coarse."""
        found: dict[str, Tensor] = {self._input: pictures * 255}
        kept: list[Tensor] = []
        last = found[self._input]
        for operation, inputs, output, said in self._steps:
            given = [self._of(name, found) for name in inputs]
            last = _OPERATIONS[operation](given, said)
            if operation in _REDUCES and given[0].shape[2:] != last.shape[2:] and given[0].shape[1] > 3:
                kept.append(given[0])
            found[output] = last
        return [*kept, last]

    def _of(self, name: str, found: dict[str, Tensor]) -> Any:
        """Return what an input of an operation is: a map, a weight, or None where it is left out."""
        if not name:
            return None
        return found[name] if name in found else getattr(self, self._weights[name])


def _tensor(module: nn.Module, name: str, values: np.ndarray) -> str:
    module.register_buffer(name, torch.from_numpy(np.array(values)))
    return name


def _padded(x: Tensor, said: Attributes, fill: float) -> Tensor:
    pads = said.get("pads") or [0, 0, 0, 0]
    top, left, bottom, right = pads
    return F.pad(x, [left, right, top, bottom], value=fill) if any(pads) else x


def _convolution(given: list[Tensor], said: Attributes) -> Tensor:
    x, weight, *bias = given
    options = {"stride": said.get("strides", 1), "dilation": said.get("dilations", 1)}
    return F.conv2d(
        _padded(x, said, 0.0), weight, bias[0] if bias else None, groups=said.get("group", 1), **options
    )


def _max_pool(given: list[Tensor], said: Attributes) -> Tensor:
    x = _padded(given[0], said, -torch.inf)
    return F.max_pool2d(
        x, said["kernel_shape"], said.get("strides", 1), ceil_mode=bool(said.get("ceil_mode"))
    )


def _norm(given: list[Tensor], said: Attributes) -> Tensor:
    x, scale, shift, mean, variance = given
    return F.batch_norm(x, mean, variance, scale, shift, eps=said.get("epsilon", 1e-5))


def _slice(given: list[Tensor], said: Attributes) -> Tensor:
    x, first, last, *more = given
    starts, ends = first.tolist(), last.tolist()
    axes, steps = (None if one is None else one.tolist() for one in (*more, None, None)[:2])
    for place, axis in enumerate(axes or range(len(starts))):
        step = steps[place] if steps else 1
        taken = range(x.shape[axis])[starts[place] : ends[place] : step]
        x = x.index_select(axis, torch.tensor(list(taken), device=x.device))
    return x


def _clip(given: list[Tensor], said: Attributes) -> Tensor:
    low, high = (None if bound is None else float(bound) for bound in (*given[1:], None, None)[:2])
    return given[0].clamp(-math.inf if low is None else low, high)


_OPERATIONS: dict[str, Callable[[list[Tensor], Attributes], Tensor]] = {
    "Conv": _convolution,
    "MaxPool": _max_pool,
    "BatchNormalization": _norm,
    "Relu": lambda given, said: F.relu(given[0]),
    "PRelu": lambda given, said: F.prelu(given[0], given[1].flatten()),
    "Concat": lambda given, said: torch.cat(given, said["axis"]),
    "Add": lambda given, said: given[0] + given[1],
    "Sub": lambda given, said: given[0] - given[1],
    "Mul": lambda given, said: given[0] * given[1],
    "Div": lambda given, said: given[0] / given[1],
    "Dropout": lambda given, said: given[0],
    "Clip": _clip,
    "Slice": _slice,
    "Identity": lambda given, said: given[0],
}
_REDUCES = ("MaxPool", "Conv")
_ENDS = ("GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Gemm", "MatMul")
