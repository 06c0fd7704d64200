"""Losses: their values at points that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy

from phiz.training.losses import LOSSES, classification


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


def test_labels_read_wrongly_cost_their_cross_entropy_and_missing_ones_nothing():
    scores = torch.randn(6, 2 + 3)
    labels = torch.stack([torch.arange(6) % 2, torch.arange(6) % 3], 1)
    parts = [cross_entropy(scores[:, :2], labels[:, 0]), cross_entropy(scores[:, 2:], labels[:, 1])]
    assert classification(scores, labels, [2, 3]).item() == pytest.approx(sum(parts).item(), rel=1e-5)
    few = labels.clone()
    few[:, 1] = -1
    assert classification(scores, few, [2, 3]).item() == pytest.approx(parts[0].item(), rel=1e-5)
    assert classification(scores, torch.full_like(labels, -1), [2, 3]).item() == 0.0
