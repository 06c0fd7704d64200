"""The outline stage: G learns to draw faces from their principal components before D joins.

A face's code is its whitened principal components at no more than 16 px: with mean m, eigenvectors V and
eigenvalues l of the faces' covariance, code(x) = (x - m) V / sqrt(l). Codes of the data have mean 0 and
covariance 1, as latents have, so a G that has learned to draw a face from its code already draws
something like a face from any latent: blurred, but with the data's colours, poses and variety. A D that
starts against such a G has a face to sharpen instead of noise to shape. A few seconds of regression
replace minutes of adversarial training; nothing of this stage remains in the trained model.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from phiz.faceset import FaceSet

PIXELS = 16
SAMPLE = 20_000


class Codes:
    """The whitened principal components of the faces of a set; what a latent stands for at the start."""

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        self.mean, self.axes = mean, axes

    @classmethod
    def fit(cls, faces: FaceSet, z: int, seed: int, flip: bool) -> Codes:
        """Fit on at most 20,000 faces drawn by `seed`; with `flip`, on their mirror images too.

        Components that the faces do not have (fewer faces than z) stay zero.
        """
        count = min(len(faces), SAMPLE)
        chosen = np.sort(np.random.default_rng(seed).permutation(len(faces))[:count])
        mean, covariance = _moments(faces, chosen, flip)
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = values.flip(0)[:z], vectors.flip(1)[:, :z]
        usable = values > 1e-6 * values[0].clamp(min=1e-12)
        axes = torch.where(usable, vectors / values.clamp(min=1e-12).sqrt(), 0.0)
        axes = F.pad(axes, (0, z - axes.shape[1]))
        kind = torch.get_default_dtype()
        return cls(mean.to(kind), axes.to(kind).contiguous())  # a layout that survives a checkpoint

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return the codes (N, z) of `pictures` (N, 3, H, W) in [-1, 1]."""
        return (reduced(pictures).flatten(1) - self.mean) @ self.axes

    def to(self, device: torch.device) -> Codes:
        """Return the same on `device`."""
        return Codes(self.mean.to(device), self.axes.to(device))


def _moments(faces: FaceSet, chosen: np.ndarray, flip: bool) -> tuple[Tensor, Tensor]:
    """Return mean (F,) and covariance (F, F) of reduced faces, float64, without holding them all at once."""
    total = outer = torch.zeros(())
    for start in range(0, len(chosen), 512):
        small = reduced(_pixels(faces.batch(chosen[start : start + 512])))
        flat = (torch.cat([small, small.flip(3)]) if flip else small).flatten(1).double()
        total, outer = total + flat.sum(0), outer + flat.T @ flat
    count = len(chosen) * (2 if flip else 1)
    mean = total / count
    return mean, outer / count - torch.outer(mean, mean)


def reduced(pictures: Tensor) -> Tensor:
    """Return `pictures` (N, 3, H, W) at no more than 16 px a side."""
    if pictures.shape[-1] <= PIXELS:
        return pictures
    return F.adaptive_avg_pool2d(pictures, PIXELS)


def loss(drawn: Tensor, pictures: Tensor) -> Tensor:
    """Return the mean absolute difference of two batches (N, 3, H, W), summed over halvings down to 8 px."""
    total = (drawn - pictures).abs().mean()
    while drawn.shape[-1] >= 16 and drawn.shape[-1] % 2 == 0:
        drawn, pictures = F.avg_pool2d(drawn, 2), F.avg_pool2d(pictures, 2)
        total = total + (drawn - pictures).abs().mean()
    return total


def _pixels(faces: np.ndarray) -> Tensor:
    return torch.from_numpy(faces).permute(0, 3, 1, 2).to(torch.get_default_dtype()) / 127.5 - 1
