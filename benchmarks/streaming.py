"""A face set of two million faces against one of two thousand: memory and time, in opening and in training.

    python benchmarks/streaming.py [--many 2000000] [--few 2000] [--steps 10000] [--keep FOLDER]

Writes both sets (random 32 px faces; two million take 6 GB, checked for first). A fresh process for each
opens it and trains a small `slim` network on it; noted are the milliseconds of opening and the anonymous
memory, that is without the pages of the files, which the system takes back when it needs them:

    opened     MB after opening and setting up the training
    early      MB after a tenth of the steps
    late       MB after all steps, or 2,000 of them with the small set
    peak       the most MB at any time

Then one process trains on both in turn, a hundred steps each, and compares the medians of the time a face,
so that other work on the machine falls on both alike. Results are appended to
benchmarks/results/streaming.jsonl. Needs phiz[train], and Linux for the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

HERE = Path(__file__).resolve().parent
SIZE, BATCH, BLOCK = 32, 8, 100
SETTINGS = {
    "network.generator": '{"widths": [12, 8, 8]}',
    "network.discriminator": '{"widths": [12, 8, 8]}',
    **{"z": "8", "batch": str(BATCH), "precision": "float32"},
}


def write(folder: Path, count: int) -> None:
    """Write a set of `count` random faces."""
    from phiz.faceset_writer import FaceSetWriter

    draws = np.random.default_rng(0)
    folder.mkdir(parents=True)
    with FaceSetWriter(folder, SIZE, {"hair": ["dark", "light"]}, {}) as writer:
        for start in range(0, count, 1000):
            block = draws.integers(256, size=(1000, SIZE, SIZE, 3), dtype=np.uint8)
            for offset in range(min(1000, count - start)):
                writer.add(block[offset], f"{start + offset}.png", (0, 0, SIZE, SIZE), (offset % 2,))
        writer.finish()


def anonymous_mb() -> float:
    """Return the anonymous memory of this process in MB."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) / 1024


def task_on(folder: Path) -> tuple[Any, Any, float]:
    """Open a set and make a small training on it; return that, a plan, and the milliseconds of opening."""
    import torch

    from phiz.faceset import FaceSet
    from phiz.training import gan, loop, plan
    from phiz.training import recipe as recipes

    loop.deterministic(1)
    start = time.perf_counter()
    faces = FaceSet.open(folder)
    opened = 1000 * (time.perf_counter() - start)
    task = gan.GAN(recipes.changed(recipes.find("slim"), SETTINGS), faces, torch.device("cpu"))
    return task, plan.fixed(task, 20_000), opened


def memory(folder: Path, steps: int) -> dict[str, float]:
    """Train on a set in this process; return its memory."""
    import torch  # noqa: F401 - before the first look

    import phiz.training.gan  # noqa: F401

    before = anonymous_mb()
    task, made, milliseconds = task_on(folder)
    found = {"opening ms": milliseconds, "opened": anonymous_mb() - before}
    peak = 0.0
    for step in range(steps):
        task.step(made.position(step if step < 50 else 3000 + step))  # both stages
        if step % 50 == 0:
            peak = max(peak, anonymous_mb() - before)
        if step == steps // 10:
            found["early"] = anonymous_mb() - before
    found |= {"late": anonymous_mb() - before, "peak": max(peak, anonymous_mb() - before)}
    return {name: round(value, 1) for name, value in found.items()}


def pace(few: Path, many: Path, rounds: int) -> dict[str, float]:
    """Train on both sets in turn; return the milliseconds a face, medians over blocks."""
    sides = {"few": task_on(few), "many": task_on(many)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, (task, made, _) in sides.items():
            start = time.perf_counter()
            for step in range(BLOCK):
                task.step(made.position(3000 + turn * BLOCK + step))
            if turn:  # the first warms up
                times[name].append(1000 * (time.perf_counter() - start) / BLOCK / BATCH)
    found = {name: median(values) for name, values in times.items()}
    ratios = [many / few for few, many in zip(times["few"], times["many"], strict=True)]
    return {**found, "ratio": median(ratios)}


def alone(words: list[object]) -> dict[str, float]:
    """Call this script in a fresh process and return what it prints."""
    done = subprocess.run([sys.executable, __file__, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--many", type=int, default=2_000_000)
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="keep the sets here")
    parser.add_argument("--memory", type=Path, help="measure the memory of this set, in this process")
    parser.add_argument("--pace", type=Path, nargs=2, help="measure the time a face of two sets")
    args = parser.parse_args()
    if args.memory:
        print(json.dumps(memory(args.memory, args.steps)))
        return
    if args.pace:
        print(json.dumps(pace(*args.pace, args.rounds)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = args.keep or Path(scratch)
        place.mkdir(exist_ok=True)
        needed = (args.many + args.few) * (SIZE * SIZE * 3 + 200)
        if shutil.disk_usage(place).free < 1.2 * needed:
            raise SystemExit(f"{place} has no room for {needed / 1e9:.1f} GB")
        for name, count in (("few", args.few), ("many", args.many)):
            if not (place / name / "faceset.json").exists():
                shutil.rmtree(place / name, ignore_errors=True)
                write(place / name, count)
        few, many = place / "few", place / "many"
        row: dict[str, Any] = {
            "few": alone(["--memory", few, "--steps", min(2000, args.steps)]),
            "many": alone(["--memory", many, "--steps", args.steps]),
            "pace": alone(["--pace", few, many, "--rounds", args.rounds]),
        }
    row |= {
        "faces": [args.few, args.many], "steps": args.steps, "size": SIZE, "batch": BATCH,
        "numpy": np.__version__, "machine": f"{platform.machine()}, 1 thread",
    }  # fmt: skip
    print(json.dumps(row, indent=1))
    with open(HERE / "results" / "streaming.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
