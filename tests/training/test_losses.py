"""Losses: their values at points that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")

import torch

from phiz.training.losses import LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_an_undecided_discriminator_costs_log_two(name):
    zero = torch.zeros(5)
    share = 2 if name == "bce" else 1  # bce has a term for real and one for fake
    assert LOSSES[name].discriminator(zero, zero).item() == pytest.approx(share * math.log(2))
    assert LOSSES[name].generator(zero, zero).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_discriminator_pays_little_and_the_generator_much(name):
    real, fake = torch.full((5,), 5.0), torch.full((5,), -5.0)
    assert LOSSES[name].discriminator(real, fake) < 0.02
    assert LOSSES[name].generator(real, fake) > 4.9


def test_the_relativistic_loss_sees_differences_only():
    real, fake = torch.randn(8), torch.randn(8)
    for player in LOSSES["relativistic"]:
        assert player(real + 100, fake + 100).item() == pytest.approx(player(real, fake).item(), rel=1e-4)
