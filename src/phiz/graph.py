"""Files of networks read for what they say: the graph of an ONNX file, the tensors of a safetensors file.

No package of theirs is needed. An ONNX file is a protobuf message; the few fields needed here are read
from the wire format (protobuf.dev/programming-guides/encoding), numbered as in onnx.proto. No weight is
copied.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Shape = tuple[int | str, ...]
_FLOATS = (1, 10, 11, 16)  # float32, float16, float64, bfloat16
_INT8 = 3
_DEEPEST = 8
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Node:
    """One operation: its type, what goes in and out by name, and its whole-number attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Graph:
    """Nodes in order; shapes of `weights` (numbers that are no floats left out) and of other values.

    Weights that are stored in fewer bits (phiz.publish.stored) have the names that they get once restored.
    """

    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_graph(data: bytes) -> Graph:
    """Return the graph of an ONNX file.

    Raises:
        ValueError: it is no ONNX file, or it keeps weights in another file.
    """
    try:
        found = [value for number, value in fields(memoryview(data)) if number == 7]
        if len(found) != 1:
            raise ValueError("it is no ONNX file")
        _refuse_outside(memoryview(data), model=True)
        return _graph(found[0])
    except (IndexError, struct.error, UnicodeDecodeError, TypeError, AttributeError):
        raise ValueError("it is no ONNX file, or one cut short") from None


def _graph(data: memoryview) -> Graph:
    graph, small = Graph(), dict[str, tuple[int, ...]]()
    for number, value in fields(data):
        if number == 1:
            graph.nodes.append(_node(value))
        elif number == 5:
            name, kind, dims = _tensor(value)
            if kind in _FLOATS or kind == _INT8:
                (graph.weights if kind in _FLOATS else small)[name] = dims
        elif number in (11, 12, 13):
            name, shape = _value_info(value)
            graph.shapes[name] = shape
            if number != 13:
                (graph.inputs if number == 11 else graph.outputs).append(name)
    _restore(graph, small)
    return graph


def _restore(graph: Graph, small: dict[str, tuple[int, ...]]) -> None:
    """Name weights stored in 16 or 8 bits as what makes them whole again does: a Cast, a Mul by a scale."""
    levels: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        if node.op == "Cast" and node.inputs[0] in small:
            levels[node.outputs[0]] = small[node.inputs[0]]
        elif node.op == "Cast" and node.inputs[0] in graph.weights:
            graph.weights[node.outputs[0]] = graph.weights.pop(node.inputs[0])
        elif node.op == "Mul" and node.inputs[0] in levels:
            graph.weights[node.outputs[0]] = levels[node.inputs[0]]
            graph.weights.pop(node.inputs[1], None)


def _node(data: memoryview) -> Node:
    inputs, outputs, op, attributes = [], [], "", {}
    for number, value in fields(data):
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 4:
            op = text(value)
        elif number == 5:
            name, found = "", []
            for part, content in fields(value):
                if part == 1:
                    name = text(content)
                elif part in (3, 8):
                    found += whole(content)
            attributes[name] = tuple(found)
    return Node(op, tuple(inputs), tuple(outputs), attributes)


def _tensor(data: memoryview) -> tuple[str, int, tuple[int, ...]]:
    name, kind, dims = "", 0, []
    for number, value in fields(data):
        if number == 1:
            dims += whole(value)
        elif number == 2:
            kind = value
        elif number == 8:
            name = text(value)
    return name, kind, tuple(dims)


def _value_info(data: memoryview) -> tuple[str, Shape]:
    name, shape = "", []
    for number, value in fields(data):
        if number == 1:
            name = text(value)
        elif number == 2:  # type -> tensor type -> shape -> dims
            for dim in _within(value, 1, 2, 1):
                size: int | str = "?"
                for part, content in fields(dim):
                    size = content if part == 1 else text(content)
                shape.append(size)
    return name, tuple(shape)


def _within(data: memoryview, *path: int) -> Iterator[Any]:
    for number, value in fields(data):
        if number == path[0]:
            yield from _within(value, *path[1:]) if len(path) > 1 else (value,)


def _refuse_outside(data: memoryview, model: bool = False, depth: int = 0) -> None:
    """Refuse tensors whose bytes lie in another file: a model is one file, whose hash is checked."""
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    if model:
        for graph in _within(data, 7):
            _refuse_outside(graph, depth=depth + 1)
        nodes = list(_within(data, 25, 7))  # of functions
    else:
        for tensor in [*_within(data, 5), *_within(data, 15, 1), *_within(data, 15, 2)]:
            _refuse_tensor(tensor)
        nodes = list(_within(data, 1))
    for node in nodes:
        for attribute in _within(node, 5):
            for tensor in [*_within(attribute, 5), *_within(attribute, 10)]:
                _refuse_tensor(tensor)
            for sparse in [*_within(attribute, 22), *_within(attribute, 23)]:
                for tensor in [*_within(sparse, 1), *_within(sparse, 2)]:
                    _refuse_tensor(tensor)
            for graph in [*_within(attribute, 6), *_within(attribute, 11)]:
                _refuse_outside(graph, depth=depth + 1)


def _refuse_tensor(data: memoryview) -> None:
    for number, value in fields(data):
        if number == 13 or (number == 14 and value != 0):
            raise ValueError("it keeps weights in another file")


def fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value): an int, or the bytes of what is not a number."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("it is no ONNX file")
        if at + length > end:
            raise ValueError("it is cut short")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("it is no ONNX file")


def encoded(number: int, value: int | bytes | bytearray | memoryview) -> bytes:
    """Return a field of the wire format: what `fields` reads."""
    if isinstance(value, int):
        return _coded(number << 3) + _coded(value)
    return _coded(number << 3 | 2) + _coded(len(value)) + bytes(value)


def _coded(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def tensor_name(data: memoryview) -> str:
    """Return the name of a tensor of an ONNX file."""
    return _tensor(data)[0]


def whole(value: int | memoryview) -> list[int]:
    """Return a repeated whole number: one of it, or packed ones."""
    if isinstance(value, int):
        return [_signed(value)]
    values, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        values.append(_signed(one))
    return values


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def text(value: memoryview) -> str:
    """Return a string of the wire format."""
    return bytes(value).decode("utf-8")


def read_tensors(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor of a safetensors file; only its header is read.

    Raises:
        ValueError: it is no safetensors file.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise ValueError("it is no safetensors file")
        header = json.loads(file.read(length))
    try:
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (AttributeError, KeyError, TypeError):
        raise ValueError("it is no safetensors file") from None
    if not all(isinstance(side, int) and side >= 0 for shape in shapes.values() for side in shape):
        raise ValueError("it is no safetensors file")
    return shapes
