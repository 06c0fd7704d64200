"""The training step against the same networks trained the plain way, and what is written beside it.

    python benchmarks/engine.py [--device cpu] [--threads 1] [--recipes slim dcgan] [--blocks 5] [--steps 4]
    python benchmarks/engine.py --device cuda --recipes modern --size 64 --steps 50 [--deterministic]
    python benchmarks/engine.py --device cuda --recipes modern --size 64 --steps 50 \\
        --set compile=true --set penalty.kind=finite-difference

The plain way is a short loop as tutorials have it: eager, float32, the default memory layout, PyTorch's Adam
as it comes, a shuffling DataLoader, fresh fakes for G, D asked about real and made faces one after the
other, every loss read at once, and in D torch's own layers instead of those of phiz.networks.layers. It is
measured twice: with the recipe's own penalty, and with exact R1 and R2. All sides take blocks of steps in
turn, so that other work on the machine falls on all alike; what is printed are medians over the blocks of
images/s, and of the ratios of neighbouring blocks.

Then what a training writes beside its steps: seconds of processor time for a line of metrics, a checkpoint, a
sheet of samples, and what they come to in a training of five minutes as it is planned (150 lines, 11
checkpoints, as many sheets as the plan allows; evaluations apart). Waiting for the disk is not in them.

Networks have random weights and the faces are random: neither changes the time. Results are appended to
benchmarks/results/engine.jsonl. Needs phiz[train].
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, softplus
from torch.utils.data import DataLoader, Dataset

import phiz
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.networks import layers, modern, slim
from phiz.training import checkpoint, gan, loop, metrics, plan
from phiz.training import recipe as recipes
from phiz.training.precision import prepare, resolve
from phiz.training.recipe import RECIPES
from phiz.training.watchdog import Watch
from phiz.verbs import results

HERE = Path(__file__).resolve().parent
MINUTES = 5


class Pictures(Dataset):
    """The faces of a set as float tensors in [-1, 1]."""

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.faces[index]).permute(2, 0, 1).float() / 127.5 - 1


class Plain:
    """The plain way to train the networks of `task`; `penalty` is exact, finite-difference or None."""

    def __init__(self, task: gan.GAN, penalty: str | None, device: torch.device) -> None:
        recipe = task.recipe
        self.recipe, self.penalty, self.device = recipe, penalty, device
        self.generator, self.discriminator = task._network("generator"), task._network("discriminator")
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.contiguous_format)
        adam = recipe.generator
        betas = (adam.beta1, adam.beta2)
        self.adam_g = torch.optim.Adam(self.generator.parameters(), lr=adam.rate, betas=betas)
        self.adam_d = torch.optim.Adam(self.discriminator.parameters(), lr=adam.rate, betas=betas)
        self.average = task._network("generator")
        self.loader = DataLoader(Pictures(task.faces), recipe.batch, shuffle=True, drop_last=True)
        self.stream: Iterator[Tensor] = iter(())

    def _real(self) -> Tensor:
        batch = next(self.stream, None)
        if batch is None:
            self.stream = iter(self.loader)
            batch = next(self.stream)
        return batch.to(self.device)

    def _norm(self, pictures: Tensor, logits: Tensor) -> Tensor:
        if self.penalty == "exact":
            inputs = pictures.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(self.discriminator(inputs).sum(), inputs, create_graph=True)
            return gradient.square().sum((1, 2, 3)).mean()
        asked = self.recipe.penalty
        assert asked is not None
        moved = self.discriminator(pictures.detach() + asked.sigma * torch.randn_like(pictures))
        return ((moved - logits) / asked.sigma).square().mean()

    def whole(self) -> None:
        """Take one step with torch's own layers."""
        with torchs_layers():
            self.step()

    def step(self) -> None:
        """Take one step."""
        recipe = self.recipe
        relativistic = recipe.loss == "relativistic"
        real = self._real()
        fake = self.generator(torch.randn(len(real), recipe.z, device=self.device)).detach()
        on_real, on_fake = self.discriminator(real), self.discriminator(fake)
        if relativistic:
            loss = softplus(on_fake - on_real).mean()
        else:
            loss = softplus(-on_real).mean() + softplus(on_fake).mean()
        if self.penalty and recipe.penalty:
            loss = loss + recipe.penalty.gamma / 2 * (self._norm(real, on_real) + self._norm(fake, on_fake))
        self.adam_d.zero_grad()
        loss.backward()
        self.adam_d.step()
        fake = self.generator(torch.randn(len(real), recipe.z, device=self.device))
        on_fake = self.discriminator(fake)
        loss_g = softplus(self.discriminator(real) - on_fake) if relativistic else softplus(-on_fake)
        self.adam_g.zero_grad()
        loss_g.mean().backward()
        self.adam_g.step()
        with torch.no_grad():
            for old, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                old.lerp_(new, 0.001)
        loss.item(), loss_g.mean().item()


@contextmanager
def torchs_layers() -> Iterator[None]:
    """Have D's convolutions and halvings be those of torch."""
    ours = layers.Convolution.forward, layers.halved
    try:
        layers.Convolution.forward = torch.nn.Conv2d.forward  # type: ignore[method-assign, assignment]
        modern.halved = slim.halved = lambda x: avg_pool2d(x, 2)
        yield
    finally:
        layers.Convolution.forward = ours[0]  # type: ignore[method-assign]
        modern.halved = slim.halved = ours[1]


def faces_of(folder: Path, size: int) -> FaceSet:
    """Write 1,024 random faces without labels."""
    draws = np.random.default_rng(0)
    folder.mkdir()
    with FaceSetWriter(folder, size, {}, {}) as writer:
        for index in range(1024):
            face = draws.integers(256, size=(size, size, 3), dtype=np.uint8)
            writer.add(face, f"{index}.png", (0, 0, size, size))
        writer.finish()
    return FaceSet.open(folder)


def block(step: Callable[[int], object], task: gan.GAN, count: int) -> float:
    """Return images/s over `count` steps."""
    start = time.perf_counter()
    for index in range(count):
        step(index)
    task.synchronise()
    return task.batch * count / (time.perf_counter() - start)


def compare(name: str, scratch: Path, device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """Return images/s and ratios of one recipe."""
    changes = {"size": str(args.size)} if args.size else {}
    recipe = recipes.changed(RECIPES[name], changes | dict(item.split("=", 1) for item in args.set))
    recipe = recipe.model_copy(update={"precision": resolve(recipe.precision, device), "outline": None})
    task = gan.GAN(recipe, faces_of(scratch / name, recipe.size), device)
    made = plan.fixed(task, 100_000)
    sides: dict[str, Callable[[int], object]] = {"phiz": lambda i: task.step(made.position(50_000 + i))}
    kinds = {"plain": recipe.penalty.kind, "plain, exact": "exact"} if recipe.penalty else {"plain": None}
    for side, kind in kinds.items():
        plain = Plain(task, kind, device)
        sides[side] = lambda index, plain=plain: plain.whole()  # type: ignore[misc]
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(args.blocks + 1):
        for side, step in sides.items():
            rate = block(step, task, args.steps if turn else 2)
            if turn:
                rates[side].append(rate)
    found: dict[str, Any] = {side: round(median(values), 1) for side, values in rates.items()}
    for side in kinds:
        ratios = [ours / theirs for ours, theirs in zip(rates["phiz"], rates[side], strict=True)]
        found[f"over {side}"] = [round(value, 2) for value in (median(ratios), min(ratios), max(ratios))]
    return found | {"precision": recipe.precision, "beside": beside(task, scratch / f"{name}-run")}


def beside(task: gan.GAN, folder: Path) -> dict[str, float]:
    """Return the seconds of what is written beside the steps, and their share of five minutes."""

    def least(act: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            act()
            times.append(time.process_time() - start)
        return min(times)

    folder.mkdir()
    position = plan.start_of(task)
    lines = metrics.Lines(folder / "metrics.jsonl")
    watch = Watch(10_000, 1024)
    values = {"step": 10, "images": 640, "loss_d": 0.5, "loss_g": 1.0, "accuracy_real": 0.7, "variety": 0.5}
    line = least(lambda: (watch.look(values), lines.add(values)))
    point = checkpoint.Checkpoint(1, task.tensors(), {})
    saving = least(lambda: checkpoint.save(folder / "checkpoints", point))
    sheet = least(lambda: results.write_sample(folder, 1, task.sample(position)))
    seconds = 60 * MINUTES
    sampling = least(lambda: results.sample(1, task.sample(position)))
    sheets = min(plan.FILM_FRAMES, max(8, int(plan._SAMPLING * seconds / sampling)))
    share = (150 * line + 11 * saving + sheets * sheet) / seconds
    return {
        "line": round(line, 5), "checkpoint": round(saving, 3), "sheet": round(sheet, 3), "sheets": sheets,
        "lines and checkpoints": round((150 * line + 11 * saving) / seconds, 4), "share": round(share, 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--recipes", nargs="+", default=["slim", "dcgan"])
    parser.add_argument("--size", type=int, help="instead of the recipe's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of phiz's side")
    parser.add_argument("--deterministic", action="store_true", help="both sides, as phiz train takes it")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()
    loop.deterministic(args.threads)
    prepare(torch.device(args.device), args.deterministic)
    device = torch.device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    for recipe in args.recipes:
        with tempfile.TemporaryDirectory() as scratch:
            row = {"recipe": recipe, "size": args.size, **compare(recipe, Path(scratch), device, args)}
        row |= {
            "device": args.device, "machine": f"{name}, {os.cpu_count()} cores", "threads": args.threads,
            "torch": torch.__version__, "version": phiz.__version__,
            "blocks": args.blocks, "steps": args.steps, "set": args.set, "deterministic": args.deterministic,
        }  # fmt: skip
        print(json.dumps(row), flush=True)
        with open(HERE / "results" / "engine.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
