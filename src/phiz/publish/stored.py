"""Smaller forms of an ONNX generator: its weights stored in 16 or 8 bits, computed with in 32.

A weight W becomes a tensor of halves or of bytes and the operations that turn it back: Cast, and for bytes a
Mul by a scale for each output channel. onnxruntime does these once, while it loads the file: the download
is a half or a quarter, and a face takes as long as before.

Bytes may take fewer values than they could, the fewer the larger a layer is: what rounding does to the many
weights of a large layer averages out. The file stays as long, and packs shorter.

An ONNX file is a protobuf message (see graph.py); only the weights and the list of operations are touched.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from phiz.errors import PhizError
from phiz.graph import Node, encoded, fields, read_graph, text, whole

Form = Literal["fp32", "fp16", "int8"]
FORMS: tuple[Form, ...] = ("fp32", "fp16", "int8")

_LEAST = 512
"""Weights of fewer values stay as they are: they weigh nothing."""

_LEVELS = 127
_COARSER = 0.75
"""How much coarser larger layers may be: tried from 0.5 to 1 on trained networks, bytes against errors."""

_FLOAT, _INT8, _HALF = 1, 3, 10
_DENSE = ("MatMul", "Gemm")


def stored(data: bytes, form: Form, dense: Form | None = None, fine: int | None = None) -> bytes:
    """Return the ONNX file `data` with its weights stored as `form`.

    Args:
        data: an ONNX file with weights in float32.
        form: fp32 (as it is), fp16 or int8 (one scale for each output channel).
        dense: how the weights of dense layers are stored, where that should differ.
        fine: layers of more values than this take fewer than the 255 levels of int8; None: all take all.

    Raises:
        PhizError: it is no ONNX file.
    """
    if form == "fp32":
        return data
    try:
        graph = read_graph(data)
    except ValueError as fault:
        raise PhizError(f"The ONNX model cannot be stored otherwise: {fault}.") from None
    uses: dict[str, tuple[Node, int]] = {}
    for node in graph.nodes:
        for place, name in enumerate(node.inputs):
            uses.setdefault(name, (node, place))
    out = bytearray()
    for number, value in fields(memoryview(data)):
        out += encoded(number, _graph(value, uses, form, dense or form, fine) if number == 7 else value)
    return bytes(out)


def _graph(
    data: memoryview, uses: dict[str, tuple[Node, int]], form: Form, dense: Form, fine: int | None
) -> bytes:
    before, rest = bytearray(), bytearray()
    for number, value in fields(data):
        if number != 5:
            rest += encoded(number, value)
            continue
        name, kind, dims, weights = _tensor(value)
        node, place = uses.get(name, (None, 0))
        chosen = dense if node and node.op in _DENSE else form
        if kind != _FLOAT or weights is None or weights.size < _LEAST or chosen == "fp32":
            rest += encoded(5, value)
            continue
        axis = _outputs(node, place, len(dims)) if node else None
        tensors, nodes = _parts(name, weights.reshape(dims), chosen, axis, _levels(weights.size, fine))
        rest += b"".join(encoded(5, tensor) for tensor in tensors)
        before += b"".join(encoded(1, node) for node in nodes)
    return bytes(before + rest)


def _outputs(node: Node, place: int, rank: int) -> int | None:
    """Return the axis of output channels of a weight, None where there is none to be told."""
    if rank < 2:
        return None
    if node.op in ("Conv", "ConvTranspose"):
        return 0 if node.op == "Conv" else 1
    if node.op == "Gemm":
        return 0 if node.attributes.get("transB", (0,))[0] else 1
    return rank - 1 if node.op == "MatMul" and place == 1 else None


def _levels(count: int, fine: int | None) -> int:
    """Return how many levels above zero a layer of `count` weights is stored in."""
    if fine is None or count <= fine:
        return _LEVELS
    return max(1, round(_LEVELS * (fine / count) ** _COARSER))


def _parts(
    name: str, weights: np.ndarray, form: Form, axis: int | None, most: int
) -> tuple[list[bytes], list[bytes]]:
    """Return the tensors that hold a weight, and the nodes that make it again."""
    if form == "fp16" or axis is None:
        halves = weights.astype(np.float16)
        if not np.isfinite(halves).all():
            raise PhizError("A weight is too large for 16 bits; publish it in fp32.")
        small = f"{name}.half"
        return [_write_tensor(small, halves, _HALF)], [_cast(small, name)]
    others = tuple(i for i in range(weights.ndim) if i != axis)
    scale = (np.abs(weights).max(axis=others, keepdims=True) / np.float32(most)).astype(np.float32)
    scale[scale == 0] = 1
    levels = np.clip(np.rint(weights / scale), -most, most).astype(np.int8)
    small, levelled, factor = f"{name}.byte", f"{name}.levels", f"{name}.scale"
    tensors = [_write_tensor(small, levels, _INT8), _write_tensor(factor, scale, _FLOAT)]
    return tensors, [_cast(small, levelled), _node("Mul", [levelled, factor], name)]


def _tensor(data: memoryview) -> tuple[str, int, list[int], np.ndarray | None]:
    """Return name, type, shape and, of a float32 tensor, its values, flat."""
    name, kind, dims = "", 0, []
    values: np.ndarray | None = None
    for number, value in fields(data):
        if number == 1:
            dims += whole(value)
        elif number == 2:
            kind = value
        elif number == 4 and not isinstance(value, int) and len(value) > 4:
            values = np.frombuffer(value, "<f4")
        elif number == 8:
            name = text(value)
        elif number == 9:
            values = np.frombuffer(value, "<f4") if len(value) % 4 == 0 else None
    count = int(np.prod(dims)) if dims else 1
    return name, kind, dims, values if values is not None and values.size == count else None


def _write_tensor(name: str, values: np.ndarray, kind: int) -> bytes:
    dims = b"".join(encoded(1, int(size)) for size in values.shape)
    order = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return dims + encoded(2, kind) + encoded(8, name.encode()) + encoded(9, order)


def _cast(before: str, after: str) -> bytes:
    return _node("Cast", [before], after, encoded(1, b"to") + encoded(3, _FLOAT) + encoded(20, 2))


def _node(op: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    names = b"".join(encoded(1, name.encode()) for name in inputs)
    said = names + encoded(2, output.encode()) + encoded(4, op.encode())
    return said + (encoded(5, attribute) if attribute else b"")


def with_output(data: bytes, name: str) -> bytes:
    """Return the ONNX file `data` with the value `name` as one more output, after `image`."""
    out = bytearray()
    for number, value in fields(memoryview(data)):
        more = encoded(12, encoded(1, name.encode())) if number == 7 else b""
        out += encoded(number, bytes(value) + more if number == 7 else value)
    return bytes(out)
