"""Centres of truncation: where the points of a model's own space lie closest.

A model whose latents are mapped to points of a space of its own draws them towards the nearest of a few dozen
centres there, not towards one mean face: less typical, as varied (Mokady et al., arXiv 2202.12211, section
4.3). docs/latents.md defines what is done with them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from phiz import latents

COUNT = 32
_POINTS = 8192
_ROUNDS = 25


def of(generator: nn.Module, z: int, count: int = COUNT) -> np.ndarray | None:
    """Return the centres of the points to which `generator` maps latents, or None if it maps none.

    They are the means of `count` clusters (Lloyd's algorithm) of the points of seeds 0, 1, 2, ...: float32
    (count, D).
    """
    mapping = getattr(generator, "mapping", None)
    if mapping is None or not any(True for _ in mapping.parameters()):
        return None
    device = next(generator.parameters()).device
    seeds = torch.from_numpy(latents.latents(range(_POINTS), z)).to(device)
    with torch.no_grad():
        points = mapping(seeds).float().cpu()
    return _means(points, count).numpy()


def _means(points: Tensor, count: int) -> Tensor:
    """Return the means (count, D) of clusters of `points` (N, D), starting from the first points."""
    means = points[:count].clone()
    for _ in range(_ROUNDS):
        nearest = torch.cdist(points, means).argmin(1)
        sums = torch.zeros_like(means).index_add_(0, nearest, points)
        sizes = torch.bincount(nearest, minlength=count)[:, None]
        means = torch.where(sizes > 0, sums / sizes.clamp(min=1), means)
    return means
