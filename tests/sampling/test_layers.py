"""The layers shown are those of the network that runs."""

from __future__ import annotations

import numpy as np
import pytest

import toys
from phiz import onnx
from phiz.graph import read_graph
from phiz.sampling import drawing, layers


@pytest.fixture(scope="module")
def found():
    return layers.layers_of(read_graph(toys.exported(32)[1]))


def test_layers_of_a_generator(found):
    assert [layer.what for layer in found] == [
        "dense",
        *["transposed convolution 4x4, stride 2"] * 3,
        "convolution 3x3",
    ]
    assert [layer.shape for layer in found] == [
        (12, 4, 4),
        (12, 8, 8),
        (12, 16, 16),
        (12, 32, 32),
        (3, 32, 32),
    ]
    assert "leaky ReLU" in found[1].then
    assert found[-1].then == ["tanh"]
    assert found[0].values == 12 * 16 * 6 + 12 * 16
    assert found[-1].values == 3 * 12 * 9 + 3


def test_stages_gather_layers_of_one_size(found):
    stages = layers.stages_of(found)
    assert [stage.size for stage in stages] == ["4 x 4 x 12", "8 x 8 x 12", "16 x 16 x 12", "32 x 32 x 3"]
    assert len(stages[-1].layers) == 2


@pytest.mark.parametrize(("name", "size"), [("dcgan", 96), ("afad", 64), ("slim", 48)])
def test_the_networks_of_the_house_are_read(name, size):
    pytest.importorskip("torch")
    from phiz import networks

    if name not in networks.NETWORKS:
        pytest.skip(f"no network {name}")
    network = networks.generator(name, size=size, z=5)
    found = layers.layers_of(read_graph(onnx.export(network, 5)))
    assert found[-1].shape == (3, size, size)
    sides = [layer.side for layer in found]
    assert sides == sorted(sides)
    values = sum(p.numel() for p in network.parameters())
    assert 0.9 * values <= sum(layer.values for layer in found) <= 1.05 * values
    text = drawing.as_text(5, layers.stages_of(found))
    assert f"face, {size} x {size} x 3" in text


def test_the_drawing_keeps_to_its_width(found):
    stages = layers.stages_of(found)
    for width in (60, 76, 100):
        lines = drawing.as_text(6, stages, width).splitlines()
        assert max(map(len, lines)) <= width + 1
        assert sum(line.count("┌") for line in lines) == len(stages) + 1
        assert {line.index("│") for line in lines if line.count("│") == 1} == {width // 2}
    for work in [part for stage in stages for part in stage.work]:
        assert work.split(",")[0] in drawing.as_text(6, stages, 100)


def test_the_picture_grows_with_the_network(found):
    stages = layers.stages_of(found)
    image = drawing.as_picture(6, stages)
    face = np.zeros((32, 32, 3), np.uint8)
    assert drawing.as_picture(6, stages, face).width > image.width > drawing.as_picture(6, stages[:2]).width
    assert np.asarray(image).min() < 100


def test_a_small_picture_in_text():
    from PIL import Image

    image = Image.new("RGB", (40, 20), (255, 0, 16))
    rows = drawing.half_blocks(image, 20)
    assert len(rows) == 5
    assert all(len(row) == 20 for row in rows)
    assert rows[0][0] == ("#ff0010", "#ff0010")
