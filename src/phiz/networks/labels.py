"""How labels enter a network: each value of each attribute has a vector, and those of a face are added up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Labels(nn.Module):
    """(N, A) labels -> (N, width): the sum of the vectors of a face's values; a missing label adds nothing.

    Args:
        counts: how many values each of A attributes has.
        width: values in a vector.
        std: of the normal distribution that vectors start from.
    """

    def __init__(self, counts: Sequence[int], width: int, std: float) -> None:
        super().__init__()
        self.vectors = nn.Embedding(sum(counts), width)
        nn.init.normal_(self.vectors.weight, std=std)
        first = torch.tensor([0, *counts[:-1]]).cumsum(0)
        self.first = nn.Buffer(first, persistent=False)

    def scores(self, features: Tensor) -> Tensor:
        """Return how features (N, width) go with each value of each attribute: (N, sum of the counts)."""
        return F.linear(features, self.vectors.weight)

    def chosen(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the scores (N, values) of a face's labels: (N,); a missing label adds nothing."""
        return (scores.gather(1, (labels + self.first).clamp(min=0)) * (labels >= 0)).sum(1)

    def forward(self, labels: Tensor) -> Tensor:
        """Return (N, width) for `labels`, int64 (N, A) indices of values, -1 where missing."""
        vectors = self.vectors((labels + self.first).clamp(min=0))
        return (vectors * (labels >= 0)[..., None]).sum(1)
