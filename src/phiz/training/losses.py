"""Adversarial losses: from the logits of D on real and fake faces to the losses of D and G.

A loss is a pair of functions of logits (N,) -> scalar, one for each player. A new one is two functions
and a line in LOSSES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus


class Loss(NamedTuple):
    """The losses of both players, each a function of (logits on real, logits on fake)."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]


def _bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _bce_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


def _relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(fake - real).mean()


def _relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(real - fake).mean()


def classification(
    scores: Tensor, labels: Tensor, counts: Sequence[int], named: Sequence[bool] | None = None
) -> Tensor:
    """Return the cross-entropy of labels (N, A), -1 where missing, under scores (N, values of each of A).

    Attributes that are not `named`, by default all are, count as 0: of a value that no real face has, scores
    say nothing.
    Summed over attributes, so that none weighs less where there are more, and the mean over faces; a missing
    label counts as 0. As the auxiliary classifier of Odena et al. (arXiv 1610.09585, eq. 3), D learns it of
    real faces and G of made ones, by D's scores.
    """
    parts = scores.split(list(counts), 1)
    missing = {"ignore_index": -1, "reduction": "sum"}
    read = [a for a in range(len(counts)) if named is None or named[a]]
    sums = [cross_entropy(parts[a], labels[:, a], **missing) for a in read]  # type: ignore[arg-type]
    return torch.stack(sums).sum() / len(labels) if sums else 0.0 * scores.sum()


LOSSES = {
    # Goodfellow et al., arXiv 1406.2661, with the non-saturating loss for G.
    "bce": Loss(_bce_discriminator, _bce_generator),
    # Relativistic pairing: Jolicoeur-Martineau, arXiv 1807.00734; Huang et al., arXiv 2501.05441, eq. 2.
    "relativistic": Loss(_relativistic_discriminator, _relativistic_generator),
}
