"""The exported file does what the torch module does, alone and anywhere."""

from __future__ import annotations

import numpy as np
import pytest

import toys
from phiz import latents, networks, onnx
from phiz.errors import PhizError
from phiz.networks.modern import Generator

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def toy():
    return toys.generator()


@pytest.fixture(scope="module")
def data():
    return toys.exported()[1]


@pytest.mark.parametrize("n", [1, 2, 7])
def test_onnxruntime_gives_what_torch_gives(toy, data, n):
    values = latents.latents(range(n), 6)
    with torch.no_grad():
        expected = toy.eval()(torch.from_numpy(values)).numpy()
    got = onnx.Engine(data).run(values)
    assert got.shape == (n, 3, 16, 16)
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < 1e-5


@pytest.mark.parametrize(("block", "norm"), [("full", "none"), ("grouped", "batch"), ("grouped", "none")])
def test_a_modern_generator_is_exported_whatever_it_is_made_of(block, norm):
    made = networks.generator("modern", size=16, z=6, width=[16, 12, 8], block=block, norm=norm)
    centres = np.zeros((1, 6), np.float32)
    engine = onnx.Engine(onnx.export(made, 6, centres=centres))  # which refuses what differs from torch
    assert engine.run(latents.latents(range(2), 6)).shape == (2, 3, 16, 16)


def test_truncation_is_part_of_the_file(data):
    engine = onnx.Engine(data)
    values = latents.latents(range(3), 6)
    psi = np.array([0.0, 0.5, 1.0], np.float32)
    assert np.allclose(engine.run(values, psi), engine.run(latents.truncate(values, psi)), atol=1e-6)
    assert np.allclose(engine.run(values, 0.0)[0], engine.run(values, 0.0)[2], atol=1e-6)


def test_labels_are_an_input_of_a_model_that_has_them():
    engine = onnx.Engine(toys.exported(attributes=2)[1])
    assert (engine.z, engine.attributes) == (6, 2)
    values = np.repeat(latents.latents([1], 6), 2, axis=0)
    faces = engine.run(values, 1.0, np.array([[0, 0], [2, 1]]))
    assert np.abs(faces[0] - faces[1]).max() > 1e-3
    with pytest.raises(PhizError, match="labels"):
        engine.run(values)


def test_centres_draw_each_face_to_the_nearest():
    class Mapped(torch.nn.Module):
        def mapping(self, latent):
            return latent * 2

        def synthesis(self, w):
            return w[:, :3, None, None].expand(-1, 3, 4, 4) * 0.25

    centres = np.array([[2.0, 0, 0], [-2.0, 0, 0]], np.float32)
    engine = onnx.Engine(onnx.export(Mapped(), 3, centres=centres))
    values = latents.latents(range(9), 3)
    for psi in (0.0, 0.6, 1.0):
        expected = latents.truncate(values * 2, psi, centres) * 0.25
        assert np.allclose(engine.run(values, psi)[:, :, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(("labels", "centred"), [((), True), ((3, 2), True), ((), False)])
def test_where_the_network_mixes_the_finer_stages_take_a_latent_of_their_own(labels, centred):
    torch.manual_seed(0)
    network = Generator(16, z=6, width=(16, 8), labels=labels).eval()
    for layer in network.mapping.layers:
        torch.nn.init.normal_(layer.weight, std=0.4)
    centres = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32) if centred else None
    engine = onnx.Engine(onnx.export(network, 6, len(labels), centres))
    assert engine.mixes
    assert not onnx.Engine(toys.exported()[1]).mixes
    a, b = latents.latents([1, 2], 6), latents.latents([3, 4], 6)
    given = np.array([[2, 1], [0, 0]])[:, : len(labels)] if labels else None

    def point(values):
        if centres is None:
            return network.mapping(torch.from_numpy(values * np.float32(0.7)))
        return torch.from_numpy(
            latents.truncate(network.mapping(torch.from_numpy(values)).numpy(), 0.7, centres)
        )

    with torch.no_grad():
        expected = network.synthesis(
            point(a), None if given is None else torch.from_numpy(given), point(b)
        ).numpy()
    mixed = engine.run(a, 0.7, given, b)
    assert np.allclose(mixed, expected, atol=1e-4)
    own = engine.run(a, 0.7, given)
    assert np.abs(mixed - own).max() > 1e-2
    assert np.array_equal(engine.run(a, 0.7, given, a), own)
    with pytest.raises(PhizError, match="no second latent"):
        onnx.Engine(toys.exported()[1]).run(a, fine=b)


def test_the_module_is_left_as_it_was():
    toy = toys.generator()
    toy.train()
    before = {name: tensor.clone() for name, tensor in toy.state_dict().items()}
    onnx.export(toy, 6)
    assert toy.training
    assert all(parameter.requires_grad for parameter in toy.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in toy.state_dict().items())


def test_exporting_says_nothing_and_tells_nothing_of_the_machine(capfd, data):
    again = onnx.export(toys.generator(), 6)
    said = capfd.readouterr()
    assert said.out == said.err == ""
    assert again == data, "the same weights give the same bytes"
    for word in (b"site-packages", b".py", b"/home", b"Users", b"stack_trace"):
        assert word not in data


def test_an_export_that_differs_from_torch_is_refused(monkeypatch):
    run = onnx.Engine.run
    monkeypatch.setattr(onnx.Engine, "run", lambda *args, **more: run(*args, **more) + 0.01)
    with pytest.raises(PhizError, match=r"differs from torch by 0\.01"):
        onnx.export(toys.generator(), 6)


@pytest.mark.parametrize("broken", [b"", b"not a model", b"\x08\x0a" + b"\x00" * 40])
def test_what_is_no_model_is_one_line(broken, tmp_path, capfd):
    with pytest.raises(PhizError, match="cannot be run"):
        onnx.Engine(broken)
    place = tmp_path / "model.onnx"
    place.write_bytes(broken)
    with pytest.raises(PhizError, match=r"model\.onnx cannot be run") as fault:
        onnx.Engine(place)
    assert "\n" not in str(fault.value)
    assert capfd.readouterr().err == ""


def test_another_networks_file_is_named(tmp_path):
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [value],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    proto = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    with pytest.raises(PhizError, match="no phiz generator"):
        onnx.Engine(proto.SerializeToString())


def test_weights_in_another_file_are_refused(tmp_path, monkeypatch):
    """Weights in another file would not be covered by the model's hash."""
    from onnx import TensorProto, external_data_helper, load_from_string

    proto = load_from_string(toys.exported()[1])
    tensor = next(t for t in proto.graph.initializer if t.data_type == TensorProto.FLOAT and t.raw_data)
    (tmp_path / "secret.bin").write_bytes(tensor.raw_data)
    external_data_helper.set_external_data(tensor, "secret.bin")
    tensor.ClearField("raw_data")
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "model.onnx"
    place.write_bytes(proto.SerializeToString())
    with pytest.raises(PhizError, match=r"model\.onnx cannot be run: it keeps weights in another file"):
        onnx.Engine(place)
    with pytest.raises(PhizError, match="another file"):
        onnx.Engine(proto.SerializeToString())


def test_threads_default_to_the_cores_of_this_process():
    assert 1 <= onnx.cores() <= 4096
    assert np.allclose(
        onnx.Engine(toys.exported()[1], threads=1).run(latents.latents([3], 6)),
        onnx.Engine(toys.exported()[1], threads=3).run(latents.latents([3], 6)),
        atol=1e-6,
    )
