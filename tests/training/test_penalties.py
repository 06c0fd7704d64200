"""Gradient penalties: both forms give the squared gradient norm."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from phiz.training.penalties import PENALTIES, exact, finite_difference


class Linear(nn.Module):
    """A critic whose gradient is known: its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * 4 * 4).reshape(3, 4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.weight).sum((1, 2, 3))


@pytest.mark.parametrize("name", PENALTIES)
def test_the_norm_of_a_linear_critic(name):
    critic, pictures = Linear(), torch.rand(4096, 3, 4, 4).requires_grad_()
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    value = PENALTIES[name](critic, pictures, critic(pictures), noise, 0.01)
    assert value.item() == pytest.approx(critic.weight.square().sum().item(), rel=0.06)


def test_gradients_of_both_forms_agree():
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Softplus(), nn.Flatten(), nn.Linear(8 * 4, 1), nn.Flatten(0)
    )
    pictures = torch.rand(20_000, 3, 4, 4).requires_grad_()
    noise = torch.randn(pictures.shape)
    gradients = []
    for form in (exact, finite_difference):
        critic.zero_grad()
        form(critic, pictures, critic(pictures), noise, 0.01).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in list(critic.parameters())[:-1]]))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99
