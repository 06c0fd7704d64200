"""Layers written for their gradients give what PyTorch's own give, twice over."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from phiz import networks
from phiz.networks.layers import Convolution, halved, normed


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


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_length_of_what_a_norm_follows_says_nothing_and_that_of_other_layers_something(name):
    torch.manual_seed(0)
    network = networks.generator(name, size=32, z=8)
    found = normed(network)
    if name == "modern":
        nn.init.normal_(network.mapping.layers[-1].weight)  # it starts at zero
    for _, norm in found:
        norm.eps = 1e-30  # afad's would show where a feature hardly varies

    def drawn() -> torch.Tensor:
        torch.manual_seed(1)  # of dropout too
        return network.train()(torch.randn(8, 8)).detach()

    free, before = [layer for layer, _ in found], drawn()
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            with torch.no_grad():
                layer.weight.mul_(2.0)
                same = torch.allclose(drawn(), before, atol=1e-3)
                layer.weight.mul_(0.5)
            if name != "afad" or layer is not network.dense[0]:  # of two linear layers both are free
                assert same == (layer in free), layer


def test_of_several_layers_before_a_norm_the_last_is_found():
    found = normed(networks.generator("modern", size=32, z=8, block="grouped", width=[32, 32]))
    inner = [layer for layer, _ in found if getattr(layer, "kernel_size", None) == (1, 1)]
    assert inner
    assert all((layer.in_channels, layer.out_channels) == (64, 32) for layer in inner)


def test_without_a_norm_none_is_found():
    assert normed(networks.generator("modern", size=32, z=8, norm="none")) == []
