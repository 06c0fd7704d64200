"""Choose a quarter of many made faces, and compare it with a random quarter: precision up, recall kept?

    python benchmarks/choosing.py runs/quick-32-0 ../shared/data/anime96.zip --seeds 20000 30000 40000

Exact duplicates of the pictures are dropped and the rest split by the order of their SHA-256: the last
3,000 are held out, as in quick_cpu.py. Realism is measured against faces of the training, precision,
recall and coverage (k = 5) against the held-out ones, so that no face counts twice. The choice is scored
in the extractor's features, by which it was made, and in plain pixels, which had no say in it.

    random              as many faces of the same sample
    ranked              those of highest realism (Kynkaanniemi et al., arXiv 1904.06991, eq. 3)
    chosen              phiz.sampling.choosing by realism
    ... by the critic   by D's verdict alone, its logits scaled to mean 0 and deviation 1
    ... by both         by realism times the exponential of 0.05 of these logits

The critic needs phiz[train] and a model with discriminator.safetensors. Results are appended to
benchmarks/results/choosing.jsonl and printed as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

import phiz
from phiz import networks
from phiz.evaluation.extractors import Extractor, extractor
from phiz.evaluation.neighbours import manifold, realism
from phiz.faceset import FaceSet
from phiz.model import DISCRIMINATOR, Model
from phiz.sampling.choosing import choose
from quick_cpu import HELD_OUT, split

HERE = Path(__file__).resolve().parent
K = 5
WITH_REALISM = 0.05
_PIXELS = 96  # principal components


def faces_of(source: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the faces of the training and those held out, uint8 (N, H, W, 3), of an archive or face set."""
    if source.is_dir():
        faces = FaceSet.open(source)
        return faces[: len(faces) - HELD_OUT], faces[len(faces) - HELD_OUT :]
    with tempfile.TemporaryDirectory() as scratch:
        train, held = split(source, Path(scratch))
        sets = [
            phiz.prepare(part, Path(scratch) / f"{part.name}-set", size=size, detector="none")
            for part in (train, held)
        ]
        return sets[0][:], sets[1][:]


def features(faces: np.ndarray, network: Extractor) -> np.ndarray:
    """Return the features of faces, float32 (N, D)."""
    return np.concatenate([network(faces[start : start + 64]) for start in range(0, len(faces), 64)])


def pixels(train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the first principal axes of the training faces' pixels."""
    flat = train[:6000].reshape(min(6000, len(train)), -1).astype(np.float32) / 255
    mean = flat.mean(0)
    return mean, np.linalg.svd(flat[:3000] - mean, full_matrices=False)[2][:_PIXELS].T


def verdict(model: Model, faces: np.ndarray) -> np.ndarray | None:
    """Return D's logits on faces, scaled to mean 0 and deviation 1; None without D or torch."""
    try:
        import torch
        from safetensors.torch import load_file
    except ImportError:
        return None
    if not (model.path / DISCRIMINATOR).exists():
        return None
    recipe = model.path.parent / "recipe.json"
    arguments = {}
    if recipe.exists():
        arguments = json.loads(recipe.read_text("utf-8"))["recipe"]["network"]["discriminator"]
    network = networks.discriminator(model.config.network.name, size=model.config.size, **arguments)
    network.load_state_dict(load_file(model.path / DISCRIMINATOR))
    network.eval()
    low, high = model.config.output_range
    images = torch.from_numpy(faces.transpose(0, 3, 1, 2).astype(np.float32)) / 255 * (high - low) + low
    with torch.no_grad():
        logits = torch.cat([network(part).flatten() for part in images.split(200)]).numpy()
    return np.clip((logits - logits.mean()) / logits.std(), -3, 3)


def choices(
    table: np.ndarray, real: np.ndarray, logits: np.ndarray | None, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Return the indices that each rule picks."""
    started = time.perf_counter()
    picked = {
        "random": np.random.default_rng(seed).permutation(len(table))[:count],
        "ranked": choose(table, real, count, apart=0),
        "chosen": choose(table, real, count),
    }
    print(f"chosen in {time.perf_counter() - started:.1f} s", flush=True)
    if logits is not None:
        picked["chosen by the critic"] = choose(table, np.exp(logits), count)
        picked["chosen by both"] = choose(table, real * np.exp(WITH_REALISM * logits), count)
    return picked


def one(model: Model, seed: int, args: argparse.Namespace, held: dict, train: dict, maps: dict) -> list[dict]:
    """Return a row for each rule on one sample."""
    faces = model.sample(args.samples, seed=seed)
    made = {space: to_features(faces) for space, to_features in maps.items()}
    name = args.extractor.name
    real = realism(train[name], made[name], K)
    picked = choices(made[name], real, verdict(model, faces), round(args.samples * args.share), seed)
    rows = []
    for rule, indices in picked.items():
        row: dict = {"model": model.path.parent.name, "hash": model.hash, "seed": seed, "rule": rule}
        for space, table in made.items():
            found = manifold(held[space], table[indices], K)
            for figure in ("precision", "recall", "coverage"):
                row[f"{space} {figure}"] = round(getattr(found, figure), 4)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def table(rows: list[dict]) -> str:
    """Return a Markdown table of means over the samples."""
    keys = [key for key in rows[0] if key.split(" ")[-1] in ("precision", "recall", "coverage")]
    lines = ["| rule | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for rule in dict.fromkeys(row["rule"] for row in rows):
        means = [np.mean([row[key] for row in rows if row["rule"] == rule]) for key in keys]
        lines.append(f"| {rule} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("model", type=Path, nargs="+", help="a run or a model")
    parser.add_argument("faces", type=Path, help="a zip of pictures, or a face set")
    parser.add_argument("--extractor", default=str(shared / "weights" / "squeezenet-fire9.onnx"))
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--train", type=int, default=6000, help="faces of the training to measure realism by")
    parser.add_argument("--threads", type=int, help="of the extractor; all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[20_000])
    args = parser.parse_args()
    args.extractor = network = extractor(args.extractor, args.threads)

    models = [phiz.load(path) for path in args.model]
    learned, unseen = faces_of(args.faces, models[0].config.size)
    mean, axes = pixels(learned)
    maps = {
        network.name: lambda faces: features(faces, network),
        "pixels": lambda faces: (faces.reshape(len(faces), -1).astype(np.float32) / 255 - mean) @ axes,
    }
    held = {space: to_features(unseen) for space, to_features in maps.items()}
    train = {space: to_features(learned[: args.train]) for space, to_features in maps.items()}
    machine = {
        "extractor": network.name, "faces": args.faces.name, "samples": args.samples, "share": args.share,
        "train": args.train, "k": K, "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "phiz": phiz.__version__,
    }  # fmt: skip
    for model in models:
        rows = [row for seed in args.seeds for row in one(model, seed, args, held, train, maps)]
        results = HERE / "results" / "choosing.jsonl"
        results.parent.mkdir(exist_ok=True)
        with open(results, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row | machine) + "\n" for row in rows)
        print(f"\n{model.path.parent.name}, means of {len(args.seeds)} samples\n{table(rows)}\n", flush=True)


if __name__ == "__main__":
    main()
