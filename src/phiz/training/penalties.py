"""Zero-centred gradient penalties on D, taken with respect to the pictures.

R1 is the squared norm of the gradient of D's logit at real pictures (Mescheder et al., arXiv 1801.04406),
R2 the same at fakes. Both are summed over pixels and averaged over pictures, so that gamma means the
same in either form:

    penalty = gamma / 2 * (R1 + R2)

`finite-difference` estimates them without a second backward: with e ~ N(0, I), the mean of
((D(x + sigma e) - D(x)) / sigma)^2 is the squared gradient norm as sigma goes to 0. The difference of
two near logits needs float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
"""From pictures (N, C, H, W) to logits (N,)."""


def exact(critic: Critic, pictures: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Return the mean squared gradient norm of `critic` at `pictures` (N, C, H, W), differentiable."""
    inputs = pictures.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(inputs).sum(), inputs, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def finite_difference(critic: Critic, pictures: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Estimate the same from a second look at pictures + sigma noise, `noise` being N(0, I)."""
    pictures = pictures.detach()
    here, there = critic(torch.cat([pictures, pictures + sigma * noise])).chunk(2)
    return ((there - here) / sigma).square().mean()


PENALTIES = {"exact": exact, "finite-difference": finite_difference}
