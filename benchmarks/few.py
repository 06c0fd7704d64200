"""What augmentation and another model's start gain on few faces.

    python benchmarks/few.py --faces 1000 --size 64 --minutes 30 --from runs/avatars --from runs/human

The first 1,000 faces of anime96.zip (in the order of their SHA-256, exact duplicates dropped) are learned
from, the last 3,000 score. Each seed trains: on the faces as they are; with mirror images, as every recipe
but the oldest; also with the augmentation that `auto` chooses; with all that and from each `--from` model,
whose own minutes are read from its run and stated. Figures as in quick_cpu.py, and KID on the same features,
which few held-out faces suffice for (`--held`). Rows go to benchmarks/results/few.jsonl.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch

import phiz
from phiz.evaluation import distances
from quick_cpu import HERE, compare, features, split


def minutes_of(run: Path) -> float | str:
    """Return the minutes that the training of a run took; of a model that is no run they stand elsewhere."""
    if not (run / "recipe.json").exists():
        return "see RESULTS.md"
    return round(json.loads((run / "recipe.json").read_text())["finished"]["seconds"] / 60, 1)


def ways(args: argparse.Namespace) -> Iterator[tuple[str, dict]]:
    """Yield each way to train: its name, and what phiz.train takes for it."""
    changes = dict(item.split("=", 1) for item in args.set)
    yield "as they are", {"settings": {**changes, "augment": "null", "flip": "false"}}
    yield "mirrored", {"settings": {**changes, "augment": "null"}}
    yield "augmented", {"settings": changes}
    for donor in args.donors:
        name = f"augmented, from {donor.name} ({minutes_of(donor)} minutes)"
        yield name, {"settings": changes, "start_from": donor}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("pictures", type=Path, nargs="?", default=shared / "data" / "anime96.zip")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--faces", type=int, default=1000)
    parser.add_argument("--held", type=int, default=3000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--ways", nargs="+", help="only those whose names begin so")
    parser.add_argument("--recipe", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--from", type=Path, action="append", default=[], dest="donors", metavar="RUN")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()

    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as scratch:
        train, held = split(args.pictures, Path(scratch), args.held)
        for file in sorted(train.iterdir())[args.faces :]:
            file.unlink()
        faces = phiz.prepare(train, Path(scratch) / "faces", size=args.size, detector="none")
        real = features(
            phiz.prepare(held, Path(scratch) / "real", size=args.size, detector="none")[:], args.network
        )
        for seed in args.seeds:
            for name, asked in ways(args):
                if args.ways and not name.startswith(tuple(args.ways)):
                    continue
                run = Path(scratch) / "run"
                length: dict = {"steps": args.steps} if args.steps else {"minutes": args.minutes}
                length |= {"recipe": args.recipe, "size": args.size}
                phiz.train(faces.path, run, seed=seed, **length, **asked)
                found = features(phiz.load(run).sample(len(real), seed=10_000), args.network)
                kid = distances.kid(real, found, size=min(1000, len(real) // 2)).mean
                row = {
                    "data": args.pictures.name, "faces": len(faces), "held": len(real), "size": args.size,
                    "minutes": args.minutes, "steps": args.steps, "recipe": args.recipe, "set": args.set,
                    "way": name, "seed": seed,
                    **{key: round(value, 4) for key, value in compare(real, found).items()},
                    "KID": round(float(kid), 4), "torch": torch.__version__,
                    "threads": torch.get_num_threads(), "phiz": phiz.__version__,
                }  # fmt: skip
                print(json.dumps(row), flush=True)
                with open(HERE / "results" / "few.jsonl", "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                rows.append(row)
                shutil.rmtree(run)

    print("| way | F/T | KID | precision | recall |\n|---|---|---|---|---|")
    for name in dict.fromkeys(row["way"] for row in rows):
        cells = []
        for key in ("F/T", "KID", "precision", "recall"):
            values = [row[key] for row in rows if row["way"] == name]
            cells.append(f"**{median(values):.3f}** ({', '.join(f'{value:.3f}' for value in values)})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
