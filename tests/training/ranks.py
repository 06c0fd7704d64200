"""What one of several processes does in test_distributed.py: `python ranks.py FACES OUT CASE ...`

Takes two steps of each case in float64 and has the first process write the gradients that the optimizers
see to OUT, a .npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from phiz.faceset import FaceSet
from phiz.training import fitting, gan, optimizers, plan
from phiz.training import recipe as recipes
from phiz.training.distributed import Group, join
from toyset import SMALL

CASES: dict[str, tuple[str, dict[str, str]]] = {
    "relativistic, finite differences": ("slim", {}),
    "relativistic, exact": ("slim", {"penalty.kind": "exact", "outline": "null"}),
    "part of the batch penalised": ("slim", {"penalty.share": "0.5", "batch": "8", "outline": "null"}),
    "augmented": ("slim", {"augment.adaptive": "true", "augment.strength": "0.8", "outline": "null"}),
    "augmented, exact": ("modern", {"augment.strength": "0.8", "outline": "null"}),
    "bce, batch norm in D": ("dcgan", {}),
    "batch norm in D, exact": ("dcgan", {"penalty": '{"gamma": 0.5, "kind": "exact"}'}),
    "dropout": ("afad64", {}),
    "modern": ("modern", {}),
    "too large for one of them": ("modern", {"outline": "null", "network.generator.norm": "none"}),
    "modern, finite differences": ("modern", {"penalty.kind": "finite-difference", "outline": "null"}),
}


class Cramped(gan.GAN):
    """A GAN of which the second of two processes has room for the graph of one face."""

    def _draw(self, latent: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        if (self.group.rank, self.group.world) == (1, 2) and len(latent) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super()._draw(latent, labels)


def gradients(case: str, faces: FaceSet, group: Group) -> dict[str, np.ndarray]:
    """Return the flat gradients of each update in two steps, by number."""
    name, changes = CASES[case]
    recipe = recipes.changed(recipes.find(name), {**SMALL[name], "size": "16", "batch": "6", **changes})
    kind = Cramped if "too large" in case else gan.GAN
    task = kind(recipe, faces, torch.device("cpu"), group)
    if kind is Cramped:
        fitting.fit(task, lambda line: None)
        assert task.splits == (3 if group.world == 2 else 1)
    for optimizer in task.optimizers.values():
        for part in optimizer.param_groups:
            part["eps"] = 1e-3  # with 1e-8 the first step is g / |g|, a whole one even where g is rounding
    found: dict[str, np.ndarray] = {}
    real = optimizers.step

    def step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> torch.Tensor:
        flat = torch.cat([g.flatten() for g in optimizers.gradients(optimizer)] + [loss.detach().view(1)])
        found[f"{case}/{len(found)}"] = flat.numpy().copy()
        return real(optimizer, loss)

    optimizers.step = step  # type: ignore[assignment]
    try:
        made = plan.fixed(task, 3)
        for index in range(3):
            values = task.step(made.position(index))
    finally:
        optimizers.step = real
    found[f"{case}/values"] = torch.stack(
        [v.double() for k, v in sorted(values.items()) if k != "variety"]
    ).numpy()
    for key, buffer in task.generator.named_buffers():
        found[f"{case}/{key}"] = buffer.double().numpy().copy()
    return found


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    group = join()
    group.begin(torch.device("cpu"))
    faces = FaceSet.open(sys.argv[1])
    found: dict[str, np.ndarray] = {}
    for case in sys.argv[3:]:
        found |= gradients(case, faces, group)
    if group.first:
        np.savez(Path(sys.argv[2]), **found)  # type: ignore[arg-type]
    group.end()


if __name__ == "__main__":
    main()
