"""The ONNX reader agrees with the onnx package, and takes any bytes without a surprise."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toys
from phiz.graph import read_graph


@pytest.mark.parametrize("attributes", [0, 2])
def test_it_reads_what_the_onnx_package_reads(attributes):
    onnx = pytest.importorskip("onnx")
    data = toys.exported(attributes=attributes)[1]
    graph, proto = read_graph(data), onnx.load_from_string(data).graph
    assert [(n.op, n.inputs, n.outputs) for n in graph.nodes] == [
        (n.op_type, tuple(n.input), tuple(n.output)) for n in proto.node
    ]
    floats = [t for t in proto.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert graph.weights == {t.name: tuple(t.dims) for t in floats}
    assert graph.inputs == [value.name for value in proto.input]
    assert graph.shapes["image"] == ("N", 3, 16, 16)
    for value in [*proto.input, *proto.output, *proto.value_info]:
        dims = value.type.tensor_type.shape.dim
        assert graph.shapes[value.name] == tuple(d.dim_param or d.dim_value for d in dims)
    convolution = next(n for n in graph.nodes if n.op == "ConvTranspose")
    assert convolution.attributes["strides"] == (2, 2)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        read_graph(data)


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data):
    whole = toys.exported()[1]
    cut = data.draw(st.integers(0, len(whole)))
    flipped = bytearray(whole[:cut])
    for place in data.draw(st.lists(st.integers(0, max(0, cut - 1)), max_size=4)) if cut else []:
        flipped[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ValueError):
        read_graph(bytes(flipped))
