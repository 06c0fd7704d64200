"""Compare exact gradient penalties with their finite-difference estimate, to the same wall clock.

    python benchmarks/penalties.py ANIME96.ZIP HUMAN128.ZIP --size 32 --minutes 10 --seeds 0 1 2
    python benchmarks/penalties.py ANIME96.ZIP HUMAN128.ZIP --size 32 --steps 4000 5000 --recipe modern

The same recipe is trained with either; `--steps` are those of exact penalties and of the estimate, as many as
either takes in the time on some machine. During a training the distance by built-in filters
is taken every `--every` steps: that gives the curves. At the end the figures of quick_cpu.py. Rows, curves
included, are appended to benchmarks/results/penalties.jsonl.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median

import torch

import phiz
from quick_cpu import HELD_OUT, HERE, compare, curve, features, split

KINDS = ("exact", "finite-difference")


def one(kind: str, seed: int, faces: Path, real, name: str, args: argparse.Namespace, run: Path) -> dict:
    """Train once and return a row."""
    steps = args.steps and args.steps[KINDS.index(kind)]
    length = {"steps": steps} if steps else {"minutes": args.minutes}
    phiz.train(
        faces, run, recipe=args.recipe, size=args.size, seed=seed, evaluate_every=args.every,
        settings={"penalty.kind": kind} | dict(item.split("=", 1) for item in args.set), **length,
    )  # fmt: skip
    finished = json.loads((run / "recipe.json").read_text())["finished"]
    figures = compare(real, features(phiz.load(run).sample(HELD_OUT, seed=10_000), args.network))
    return {
        "data": name, "size": args.size, "minutes": args.minutes, "recipe": args.recipe, "penalty": kind,
        "seed": seed, "steps": steps, "set": args.set,
        "images/s": round(finished["images"] / finished["seconds"], 1),
        "seconds": round(finished["seconds"], 1),
        **{key: round(value, 4) for key, value in figures.items()}, "curve": curve(run),
        "torch": torch.__version__, "threads": torch.get_num_threads(), "phiz": phiz.__version__,
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """Return a Markdown table of medians, with all seeds in brackets."""
    lines = ["| data | penalty | images/s | F/T | precision | recall |", "|---|---|---|---|---|---|"]
    for data, kind in dict.fromkeys((row["data"], row["penalty"]) for row in rows):
        of = [row for row in rows if (row["data"], row["penalty"]) == (data, kind)]
        cells = []
        for key, form in (("images/s", ".0f"), ("F/T", ".2f"), ("precision", ".2f"), ("recall", ".3f")):
            values = [row[key] for row in of]
            cells.append(f"**{median(values):{form}}** ({', '.join(f'{value:{form}}' for value in values)})")
        lines.append(f"| {data} | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    two = [shared / "data" / "anime96.zip", shared / "data" / "human128.zip"]
    parser.add_argument("pictures", type=Path, nargs="*", default=two)
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--recipe", default="auto")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, nargs=2, help="instead of minutes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--every", type=int, default=200, help="steps from one evaluation to the next")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()

    rows = []
    for pictures in args.pictures:
        with tempfile.TemporaryDirectory() as scratch:
            train, held = split(pictures, Path(scratch))
            faces = phiz.prepare(train, Path(scratch) / "faces", size=args.size, detector="none")
            shown = phiz.prepare(held, Path(scratch) / "real", size=args.size, detector="none")
            real = features(shown[:], args.network)
            for seed in args.seeds:
                for kind in KINDS:
                    run = Path(scratch) / f"{kind}-{seed}"
                    rows.append(one(kind, seed, faces.path, real, pictures.name, args, run))
                    print(json.dumps(rows[-1]), flush=True)
                    with open(HERE / "results" / "penalties.jsonl", "a", encoding="utf-8") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
