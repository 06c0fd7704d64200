"""Try one change of a recipe at a time, for a fixed number of steps, and score what comes of it.

    python benchmarks/search.py --steps 585 1280 --seeds 0 --set generator.rate=0.0014 --set decay=0.7

Steps instead of minutes: what else the machine does cannot change the result, and one core is enough
(`taskset -c 0`); `--device cuda` takes them sooner. `--steps` takes those of the outline stage and of the
adversarial one; the defaults are what two cores take in five minutes. Figures as in quick_cpu.py, which
splits the pictures too, at 70 % of the steps and at the end; `recall 25` is recall with k = 25, which tells
weak generators apart, `accuracy` how often D was right on real faces in the last 50 steps, `spread` the trace
of the made faces' covariance over that of the real ones, `beyond` the share of values that G draws beyond
white and black, `furthest` the furthest of them, where these are 1 and -1. Rows go to
benchmarks/results/search.jsonl.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import phiz
from phiz.faceset import FaceSet
from phiz.training import gan, loop, plan
from phiz.training import recipe as recipes
from phiz.training.averages import follow
from phiz.training.precision import prepare
from phiz.training.tasks import Position
from phiz.training.transfer import Donor
from quick_cpu import HERE, compare, features, split


def trial(recipe: recipes.Recipe, faces: FaceSet, real: np.ndarray, args: argparse.Namespace) -> None:
    """Train once; print and keep a row at 70 % of the steps and at the end."""
    loop.deterministic(args.threads)
    task = gan.GAN(recipe, faces, torch.device(args.device))
    if args.start_from:
        print("\n".join(task.start_from(Donor.of(phiz.load(args.start_from)))), flush=True)
    whole = plan.staged(task, args.steps[-len(task.stages) :])
    start, marks = time.monotonic(), set(args.at) or {round(0.7 * whole.steps), whole.steps}
    accuracy: deque[float] = deque(maxlen=50)
    averages = {f"average {share}": copy.deepcopy(task.generator).eval() for share in args.ema}
    for step in range(max(marks)):
        at = whole.position(step)
        values = task.step(at)
        for share, average in zip(args.ema, averages.values(), strict=True):
            follow(average, task.generator, share if at.stage == "adversarial" else 0.0, at)
        accuracy.append(float(values.get("accuracy_real", math.nan)))
        if step % 100 == 0:
            print(step, {name: round(float(value), 3) for name, value in values.items()}, flush=True)
        if step + 1 not in marks:
            continue
        models = {"average": task.finished(whole.position(step + 1))}
        models |= {name: finished(task, average, at) for name, average in averages.items()}
        if args.plain:
            models["plain"] = copy.deepcopy(task.generator).eval()
        for name, model in models.items():
            found = features(task.draw(model, len(real)), args.network)
            row = {
                "data": args.pictures.name, "size": recipe.size, "recipe": recipe.name, "set": args.set,
                "from": args.start_from.name if args.start_from else "", "faces": len(faces),
                "seed": recipe.seed, "model": name, "step": step + 1, "of": whole.steps,
                "device": args.device, "seconds": round(time.monotonic() - start),
                **{key: round(value, 4) for key, value in compare(real, found).items()},
                "accuracy": round(float(np.mean(accuracy)), 3),
                "recall 25": round(compare(real, found, k=25)["recall"], 4),
                "spread": round(float(np.trace(np.cov(found.T)) / np.trace(np.cov(real.T))), 4),
                **overshoot(task, model),
                "torch": torch.__version__, "threads": torch.get_num_threads(), "phiz": phiz.__version__,
            }  # fmt: skip
            print(json.dumps(row), flush=True)
            with open(HERE / "results" / "search.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            if args.keep:
                rows = task.draw(model, 64).reshape(4, 16, recipe.size, recipe.size, 3)
                sheet = np.vstack([np.hstack(list(row)) for row in rows])
                end = f"{recipe.name}-{recipe.size}-{recipe.seed}-{name}-{step + 1}.png"
                Image.fromarray(sheet).save(args.keep / end)


def overshoot(task: gan.GAN, model: torch.nn.Module) -> dict[str, float]:
    """Return how much of 256 faces lies beyond what is seen, and how far, as `model` draws them."""
    low, high = task.output_range
    latents = torch.randn(256, task.recipe.z, generator=torch.Generator().manual_seed(0)).to(task.device)
    with torch.no_grad():
        far = ((model(latents) - (low + high) / 2) * (2 / (high - low))).abs()
    return {"beyond": round(float((far > 1).float().mean()), 4), "furthest": round(float(far.max()), 2)}


def finished(task: gan.GAN, average: torch.nn.Module, at: Position) -> torch.nn.Module:
    """Return `average` as the task would finish its own: with batch norm's statistics taken anew."""
    kept, task.average = task.average, average
    try:
        return task.finished(at)
    finally:
        task.average = kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("pictures", type=Path, nargs="?", default=shared / "data" / "anime96.zip")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--recipe", default="slim")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, nargs="+", default=[585, 1280])
    parser.add_argument("--at", type=int, nargs="+", default=[], help="score at these steps, and stop there")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plain", action="store_true", help="score G itself too, besides its average")
    parser.add_argument(
        "--ema", type=float, nargs="+", default=[], help="score averages of these half-lives too"
    )
    parser.add_argument("--keep", type=Path, help="folder for sheets of 64 faces")
    parser.add_argument("--faces", type=int, help="learn from the first so many alone")
    parser.add_argument("--from", dest="start_from", type=Path, help="a model to start from")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    prepare(torch.device(args.device))
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)

    changes = dict(item.split("=", 1) for item in args.set)
    with tempfile.TemporaryDirectory() as scratch:
        train, held = split(args.pictures, Path(scratch))
        for file in sorted(train.iterdir())[args.faces or len(list(train.iterdir())) :]:
            file.unlink()
        faces = phiz.prepare(train, Path(scratch) / "faces", size=args.size, detector="none")
        real = features(
            phiz.prepare(held, Path(scratch) / "real", size=args.size, detector="none")[:], args.network
        )
        for seed in args.seeds:
            given = {"size": str(args.size), "seed": str(seed), "precision": "bfloat16"}
            recipe = recipes.changed(recipes.find(args.recipe), given | changes)
            trial(recipe, faces, real, args)


if __name__ == "__main__":
    main()
