"""Any ONNX file of a network from pictures to features is an extractor; another file is one line."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from phiz.errors import PhizError
from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.onnxfile import OnnxFile
from phiz.evaluation.resizing import bicubic

onnx = pytest.importorskip("onnx", reason="the package onnx, of the extra train, is not installed")
FLOAT = onnx.TensorProto.FLOAT


def network(shape=("N", 3, 12, 12), name="picture", pooled=("N", 8), maps=False, rows=True) -> bytes:
    """Return a small network: a convolution, its positive part, the mean over the picture."""
    from onnx import helper, numpy_helper

    kernel = np.random.default_rng(0).normal(0, 0.01, (8, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", [name, "kernel"], ["maps"], strides=[2, 2]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("ReduceMean", ["positive", "axes"], ["features"], keepdims=0),
    ]
    outputs = [helper.make_tensor_value_info("positive", FLOAT, ("N", 8, 5, 5))] if maps else []
    outputs += [helper.make_tensor_value_info("features", FLOAT, pooled)] if rows else []
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, FLOAT, shape)],
        outputs,
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([2, 3]), "axes")],
    )
    made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return made.SerializeToString()


def expected(pictures: np.ndarray) -> np.ndarray:
    """The same network written out."""
    kernel = np.random.default_rng(0).normal(0, 0.01, (8, 3, 3, 3)).astype(np.float32)
    pixels = bicubic(pictures, 12).astype(np.float64)
    maps = np.zeros((len(pictures), 8, 5, 5))
    for y in range(3):
        for x in range(3):
            maps += np.einsum("oc,nchw->nohw", kernel[:, :, y, x], pixels[:, :, y : y + 9 : 2, x : x + 9 : 2])
    return maps.clip(0).mean((2, 3))


def pictures(count: int, size: int = 16) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small-net.onnx"
    path.write_bytes(network())
    return path


def test_a_file_by_the_name_of_an_extractor_does_not_pass_for_it(file):
    assert extractor(file).name == "small-net"
    assert extractor(file.rename(file.with_name("inception.onnx"))).name == "inception.onnx"


@pytest.mark.parametrize("threads", [1, 2, 3, None])
@pytest.mark.parametrize("count", [0, 1, 8, 29])
def test_it_gives_what_the_network_gives(file, threads, count):
    found = extractor(file, threads)(pictures(count))
    assert found.shape == (count, 8)
    assert found.dtype == np.float32
    assert np.abs(found - expected(pictures(count))).max(initial=0) < 1e-3


def test_it_says_what_it_is(file):
    assert about(extractor(str(file))) == {
        "name": "small-net",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "size": 12,
        "resize": "pillow bicubic to 12",
        "dimensions": 8,
    }


def test_parts_are_those_of_the_whole(file):
    run = extractor(file)
    faces = pictures(37)
    whole = run(faces)
    parts = np.concatenate([run(faces[:5]), run(faces[5:6]), run(faces[6:])])
    assert np.array_equal(parts, whole)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_network_of_a_fixed_batch(batch):
    faces = pictures(7)
    run = OnnxFile(network(shape=(batch, 3, 12, 12), pooled=(batch, 8)), threads=2)
    assert np.abs(run(faces) - expected(faces)).max() < 1e-3


def test_of_several_outputs_the_one_of_rows():
    faces = pictures(3)
    assert np.abs(OnnxFile(network(maps=True))(faces) - expected(faces)).max() < 1e-3


def test_other_names_of_the_input():
    assert OnnxFile(network(name="x:0"))(pictures(2)).shape == (2, 8)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"not a network", "cannot be run"),
        (b"", "cannot be run"),
        (network(shape=("N", 3, "H", "W")), r"takes picture tensor\(float\) \['N', 3, 'H', 'W'\]"),
        (network(shape=("N", 3, 12, 10)), "no network from pictures"),
        (network(shape=("N", 1, 12, 12)), "no network from pictures"),
        (network(maps=True, rows=False), "no output is"),
    ],
)
def test_what_is_no_network_of_pictures_is_one_line(tmp_path, data, why):
    path = tmp_path / "other.onnx"
    path.write_bytes(data)
    with pytest.raises(PhizError, match=why) as fault:
        extractor(path)
    assert "other.onnx" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(PhizError, match=r"none\.onnx does not exist"):
        extractor(tmp_path / "none.onnx")


def test_a_generator_is_no_extractor(tmp_path):
    import toys

    model = toys.model(tmp_path / "model")
    with pytest.raises(PhizError, match="no network from pictures"):
        extractor(model.path / "onnx" / "model.onnx")


def test_the_face_detector_is_no_extractor(shared):
    with pytest.raises(PhizError, match="no network from pictures"):
        extractor(shared / "weights" / "face_detection_yunet_2026may.onnx")


def test_squeezenet(shared):
    """The rule of the project's figures: bytes, Pillow's bicubic to 227, float 0 .. 255."""
    import onnxruntime
    from PIL import Image

    path = shared / "weights" / "squeezenet-fire9.onnx"
    run = extractor(path)
    assert (run.name, run.size, run.dimensions) == ("squeezenet-fire9", 227, 512)
    assert run.sha256.startswith("6fb26824")
    faces = pictures(11, 32)
    resized = [np.asarray(Image.fromarray(f).resize((227, 227), Image.Resampling.BICUBIC)) for f in faces]
    batch = np.stack(resized).astype(np.float32).transpose(0, 3, 1, 2)
    plain = onnxruntime.InferenceSession(path).run(None, {"image": np.ascontiguousarray(batch)})[0]
    assert np.abs(run(faces) - plain).max() < 1e-4
    assert np.array_equal(run(faces)[3:4], run(faces[3:4])), "a picture's features are its own"
