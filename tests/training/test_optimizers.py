"""Adam with gradients held to the length of those before them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from phiz.training import optimizers
from phiz.training.recipe import Adam


def moved(clip: float | None, last: float) -> float:
    """Return how far the last of 60 steps moves a weight, after gradients of length 1."""
    layer = torch.nn.Linear(4, 1, bias=False)
    optimizer = optimizers.adam(layer, Adam(rate=0.01, beta1=0.0, beta2=0.99, clip=clip))
    for index in range(60):
        layer.weight.grad = torch.full((1, 4), 0.5 if index < 59 else last)
        before = layer.weight.detach().clone()
        optimizers.step(optimizer, torch.zeros(()))
    return float((layer.weight.detach() - before).abs().max())


def test_one_large_gradient_after_small_ones_moves_weights_by_few_rates():
    assert moved(None, 500.0) > 0.06
    assert moved(2.0, 500.0) < 0.021
    assert moved(2.0, 500.0) > 0.0


def test_gradients_as_long_as_before_are_left_alone():
    assert moved(2.0, 0.5) == pytest.approx(moved(None, 0.5), rel=1e-3)
    assert moved(2.0, 0.9) == pytest.approx(moved(None, 0.9), rel=1e-3)


def test_a_tensor_whose_first_gradient_is_zero_learns_later_on():
    layers = torch.nn.Linear(4, 1, bias=False), torch.nn.Linear(4, 1, bias=False)
    optimizer = optimizers.adam(torch.nn.Sequential(*layers), Adam(rate=0.01, beta2=0.99, clip=2.0))
    before = [layer.weight.detach().clone() for layer in layers]
    for first in (0.0, 0.5, 0.5):
        for layer, value in zip(layers, (first, 0.5), strict=True):
            layer.weight.grad = torch.full((1, 4), value)
        optimizers.step(optimizer, torch.zeros(()))
    assert all(not torch.equal(layer.weight, was) for layer, was in zip(layers, before, strict=True))


def test_a_first_step_that_is_no_number_leaves_no_trace():
    layer = torch.nn.Linear(4, 1, bias=False)
    optimizer = optimizers.adam(layer, Adam(rate=0.01, beta2=0.99, clip=2.0))
    for value in (float("nan"), 0.5, 0.5):
        layer.weight.grad = torch.full((1, 4), value)
        optimizers.step(optimizer, torch.zeros(()))
        assert torch.isfinite(layer.weight).all()


def test_what_is_no_number_is_left_out_and_the_next_step_is_clipped_as_before():
    layer = torch.nn.Linear(4, 1, bias=False)
    optimizer = optimizers.adam(layer, Adam(rate=0.01, beta1=0.0, beta2=0.99, clip=2.0))
    for value in (0.5, 0.5, float("nan")):
        layer.weight.grad = torch.full((1, 4), value)
        before = layer.weight.detach().clone()
        bad = optimizers.step(optimizer, torch.zeros(()))
    assert bad == 1
    assert torch.equal(before, layer.weight.detach())
    layer.weight.grad = torch.full((1, 4), 0.5)
    assert optimizers.step(optimizer, torch.zeros(())) == 0
    assert torch.isfinite(layer.weight).all()
