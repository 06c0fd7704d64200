"""What an adversarial step takes: networks and widths, or a recipe's layout and precision.

    python benchmarks/steps.py --threads 1 --sizes 32 64
    python benchmarks/steps.py --threads 1 --sizes 32 64 --recipes dcgan afad64 --layouts --batch 32
    python benchmarks/steps.py --recipes modern --set compile=true --set penalty.kind=finite-difference
    python benchmarks/steps.py --device cuda --sizes 64 --count 60 [--told-call-by-call]

Seconds of processor time a step, the least of `--count` after a first one, on random faces; weights of G and
D. On a GPU, seconds by the clock of `--count` steps in a row after the first ones. Without `--recipes`: the
networks slim and modern in all widths, and modern in grouped blocks. `--layouts` takes channels last and the
default layout, each in float32 and bfloat16. The rows are printed, and not kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from engine import faces_of
from phiz.faceset import FaceSet
from phiz.training import gan, loop, optimizers, plan
from phiz.training import recipe as recipes
from phiz.training.precision import prepare

WIDTHS = [{f"network.{role}.width": width for role in ("generator", "discriminator")} for width in "sml"]
GROUPED = {"network.generator.block": "grouped", "network.discriminator.block": "grouped",
           "network.discriminator.depth": "1"}  # fmt: skip
WARM = 12  # steps on a GPU before time is taken: its libraries choose their ways in the first ones
LAYOUTS = {"channels last": torch.channels_last, "default": torch.contiguous_format}


def cases(args: argparse.Namespace) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield recipes and what is changed of them."""
    if not args.recipes:
        yield "slim", {}
        for more in (*WIDTHS, GROUPED):
            yield "modern", more
        return
    for name in args.recipes:
        for precision in ("float32", "bfloat16") if args.layouts else ("bfloat16",):
            yield name, {"precision": precision}


def laid_out(task: gan.GAN, layout: torch.memory_format) -> None:
    """Keep the networks of `task`, and what they are shown, in a layout."""
    for role in ("generator", "discriminator"):
        network = getattr(task, role).to(memory_format=layout)
        task.optimizers[f"optimizer-{role}"] = optimizers.adam(network, getattr(task.recipe, role))
    pieces = task.pieces

    def as_laid_out(at):
        made = pieces(at)
        for piece in made:
            piece.real = piece.real.contiguous(memory_format=layout)
        return made

    task.pieces = as_laid_out  # type: ignore[method-assign]


def seconds(
    recipe: recipes.Recipe, faces: FaceSet, layout: torch.memory_format | None, args: argparse.Namespace
) -> str:
    """Return what a step takes, and how many weights there are."""
    task = gan.GAN(recipe.model_copy(update={"outline": None}), faces, torch.device(args.device))
    task.records &= not args.told_call_by_call
    if layout is not None:
        laid_out(task, layout)
    least = on_a_gpu(task, args.count) if task.device.type == "cuda" else on_a_cpu(task, args.count)
    weights = [sum(p.numel() for p in n.parameters()) / 1e6 for n in (task.generator, task.discriminator)]
    return f"{least:.4f} s, {weights[0]:.2f} M and {weights[1]:.2f} M"


def on_a_cpu(task: gan.GAN, count: int) -> float:
    steps, least = plan.fixed(task, 100_000), float("inf")
    for index in range(count + 1):
        start = time.process_time()
        task.step(steps.position(50_000 + index))
        least = min(least, time.process_time() - start) if index else least
    return least


def on_a_gpu(task: gan.GAN, count: int) -> float:
    steps = plan.fixed(task, 100_000)
    for index in range(WARM):
        task.step(steps.position(50_000 + index))
    task.synchronise()
    start = time.perf_counter()
    for index in range(count):
        task.step(steps.position(50_000 + WARM + index))
    task.synchronise()
    return (time.perf_counter() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--layouts", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--told-call-by-call", action="store_true", help="to a GPU, not whole steps")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    loop.deterministic(args.threads)
    prepare(torch.device(args.device))
    changes = dict(item.split("=", 1) for item in args.set)
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            faces = faces_of(Path(scratch, "faces"), size)
            for name, more in cases(args):
                settings = {"size": str(size), "batch": str(args.batch), "precision": "bfloat16"} | more
                recipe = recipes.changed(recipes.find(name), settings | changes)
                for layout in LAYOUTS if args.layouts else [""]:
                    took = seconds(recipe, faces, LAYOUTS.get(layout), args)
                    print(f"{size} px, {name} {more} {layout}: {took}", flush=True)


if __name__ == "__main__":
    main()
