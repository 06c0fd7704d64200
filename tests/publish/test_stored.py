"""Stored forms compute what the whole form does, in a fraction of the bytes, as one ONNX file."""

from __future__ import annotations

import numpy as np
import pytest

import toys
from phiz import latents, networks, onnx
from phiz.errors import PhizError
from phiz.graph import read_graph
from phiz.onnx import Engine
from phiz.publish.site import packed
from phiz.publish.stored import FORMS, stored, with_output

NETWORKS = {
    "afad": {"size": 32, "z": 16, "dense": 64, "channels": 16},
    "dcgan": {"size": 32, "z": 16, "width": 16},
    "modern": {"size": 32, "z": 16, "width": [32, 24, 16]},
    "slim": {"size": 32, "z": 16, "widths": [32, 24, 16]},
}


def images(data: bytes, z: int, labels: np.ndarray | None = None) -> np.ndarray:
    values = latents.latents(range(6), z)
    return Engine(data, 1).run(values, np.linspace(0.5, 1, 6, dtype=np.float32), labels)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_can_be_stored(name):
    torch = pytest.importorskip("torch")
    from phiz.training import centres

    torch.manual_seed(0)
    arguments = NETWORKS[name]
    assert set(NETWORKS) == set(networks.NETWORKS)
    generator = networks.generator(name, **arguments).eval()
    whole = onnx.export(generator, arguments["z"], centres=centres.of(generator, arguments["z"]))
    expected = images(whole, arguments["z"])
    low, high = generator.output_range
    for form, share, near in (("fp16", 0.65, 0.002), ("int8", 0.4, 0.02)):
        small = stored(whole, form)
        made = images(small, arguments["z"])
        assert len(small) < share * len(whole), form
        assert np.abs(made - expected).mean() < near * (high - low), form


def test_a_stored_form_is_one_file_with_the_same_inputs_and_labels():
    _, whole = toys.exported(attributes=2)
    labels = np.array([[i % 3, i % 2] for i in range(6)])
    for form in FORMS:
        small = stored(whole, form)
        engine = Engine(small, 1)
        assert (engine.z, engine.attributes) == (6, 2)
        assert np.abs(images(small, 6, labels) - images(whole, 6, labels)).mean() < 0.02
    assert stored(whole, "fp32") is whole


def test_dense_layers_can_be_stored_otherwise():
    _, whole = toys.exported()
    nearer, far = stored(whole, "int8", "fp16"), stored(whole, "int8")
    assert len(far) < len(nearer) < len(whole)


def test_larger_layers_may_take_fewer_levels_and_pack_shorter():
    _, whole = toys.exported()
    expected = images(whole, 6)
    sizes, errors = [], []
    for fine in (None, 1 << 20, 800, 200):
        small = stored(whole, "int8", fine=fine)
        assert len(small) == len(stored(whole, "int8"))
        sizes.append(len(packed(small)))
        errors.append(float(np.abs(images(small, 6) - expected).mean()))
    assert sizes[0] == sizes[1] > sizes[2] > sizes[3]
    assert errors[0] == errors[1] < errors[2] < errors[3] < 0.1


def test_what_is_no_onnx_is_refused():
    with pytest.raises(PhizError, match="cannot be stored otherwise"):
        stored(b"not an onnx file", "int8")


def test_a_value_within_can_be_asked_for():
    _, whole = toys.exported()
    inner = read_graph(whole).nodes[-2].outputs[0]
    assert read_graph(with_output(whole, inner)).outputs == ["image", inner]
