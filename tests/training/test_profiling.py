"""Where the time of a step goes."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from phiz.training import gan, plan, profiling
from phiz.training import recipe as recipes
from phiz.training.profiling import Layer, Machine
from toyset import SMALL, write_faces


@pytest.mark.parametrize(
    ("module", "shape", "operations"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (2, 3, 16, 16), 2 * 2 * 8 * 256 * 3 * 9),
        (nn.Conv2d(8, 8, 3, 2, 1, groups=4), (2, 8, 16, 16), 2 * 2 * 8 * 64 * 2 * 9),
        (nn.ConvTranspose2d(8, 4, 4, 2, 1), (2, 8, 8, 8), 2 * 2 * 8 * 64 * 4 * 16),
        (nn.Linear(10, 5), (7, 10), 2 * 7 * 10 * 5),
    ],
)
def test_operations_are_counted_from_shapes(module, shape, operations):
    layer = Layer("it", module.to("meta"), shape)
    assert layer.operations == operations
    assert layer.values > 0


def test_the_roofline_is_the_slower_of_arithmetic_and_memory():
    machine = Machine(peak=100.0, bandwidth=10.0)
    assert machine.least(1000, 1) == 10
    assert machine.least(1, 1000) == 100


def test_a_profile_names_the_layers_and_leaves_the_training_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "_SECONDS", 0.001)
    settings = {"size": "16", "batch": "8", "outline": "null", **SMALL["slim"]}
    recipe = recipes.changed(recipes.find("slim"), {**settings, "precision": "float32"})
    task = gan.GAN(recipe, write_faces(tmp_path / "faces"), torch.device("cpu"))
    before = plan.copied(task.tensors())
    lines = profiling.profile(task)
    after = task.tensors()
    assert before.keys() == after.keys()
    for group, part in before.items():
        assert all(torch.equal(tensor, after[group][name]) for name, tensor in part.items())
    text = "\n".join(lines)
    assert "G blocks.0.enter" in text
    assert "D enter" in text
    assert "% of the machine's peak" in lines[-1]
    kinds = dict(line.rsplit(maxsplit=1) for line in lines[lines.index(profiling._BY_KIND) + 1 : -1])
    assert {"convolutions and products", "norms", "activations"} < set(kinds)
    assert sum(int(share.rstrip("%")) for share in kinds.values()) == pytest.approx(100, abs=4)
    assert all(len(line) <= 110 for line in lines)
    used = {layer.name: layer for layer in profiling._used(task, "adversarial")}
    assert (used["G rgb"].forward, used["G rgb"].weights) == (1, 1)
    # D sees real and made faces, the same with noise, and the made ones anew while it does not learn.
    enter = [layer for layer in profiling._used(task, "adversarial") if layer.name == "D enter"]
    assert sum(layer.forward for layer in enter) == 3
    assert sum(layer.weights for layer in enter) == 2
    assert sum(layer.inputs for layer in enter) == 1
