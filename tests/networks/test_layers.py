"""Layers written for their gradients give what PyTorch's own give, twice over."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from phiz.networks.layers import Convolution, halved


@pytest.mark.parametrize(("kernel", "groups", "bias"), [(3, 1, True), (3, 2, False), (1, 1, True)])
def test_a_convolution_is_that_of_torch_and_so_are_its_gradients(kernel, groups, bias):
    ours = Convolution(4, 6, kernel, padding=kernel // 2, groups=groups, bias=bias).double()
    theirs = nn.Conv2d(4, 6, kernel, padding=kernel // 2, groups=groups, bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, 8, 6, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (ours, theirs):
        said = layer(x)
        (gradient,) = torch.autograd.grad(said.square().sum(), x, create_graph=True)
        (said.sum() + gradient.square().sum()).backward(inputs=list(layer.parameters()))
        found.append([said, gradient, *(p.grad for p in layer.parameters())])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_frozen_convolution_passes_gradients_on():
    layer = Convolution(3, 4, 3, padding=1).requires_grad_(False)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_a_first_layer_hands_nothing_to_pictures_that_ask_for_nothing():
    layer = Convolution(3, 4, 3, padding=1)
    layer(torch.randn(2, 3, 8, 8)).sum().backward()
    assert layer.weight.grad is not None


def test_under_autocast_it_is_still_that_of_torch():
    ours, theirs = Convolution(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    found = []
    for layer in (ours, theirs):
        with torch.autocast("cpu", torch.bfloat16):
            said = layer(x)
        assert said.dtype == torch.bfloat16
        (gradient,) = torch.autograd.grad(said.float().sum(), x, create_graph=True)
        (said.float().square().mean() + gradient.square().sum()).backward(inputs=[layer.weight])
        found.append([gradient, layer.weight.grad])
        assert gradient.dtype == layer.weight.grad.dtype == torch.float32
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=0.02, atol=0.02 * float(b.detach().abs().max()))


def test_halving_is_a_mean_of_four_pixels_and_so_are_its_gradients():
    x = torch.randn(2, 3, 6, 4, dtype=torch.float64, requires_grad=True)

    def curved(x: Tensor) -> Tensor:
        return halved(x).square()

    assert torch.equal(halved(x), F.avg_pool2d(x, 2))
    assert gradcheck(curved, x)
    assert gradgradcheck(curved, x)
