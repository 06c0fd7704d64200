"""Kill trainings at random moments, resume each to its end, and compare with one that was never stopped.

    python benchmarks/kills.py --kills 200

Every recipe is trained once, small, to its end. Then trainings of the recipes in turn are killed (SIGKILL)
after a random time between nothing and a whole training, anywhere from the first file to the last, and the
same command with --resume ends them; one in three is killed a second time on its way. What must be equal,
bit for bit: all tensors of the last checkpoint, the metrics but for clocks, the samples and the model.

    lost        a run that could not be resumed
    different   one that ended with other bits

Each training is a process of its own, forked from one that has imported what it needs. Sheets of samples are
drawn at their own size, and the ONNX file is that of the training that was not stopped, not exported each
time: a kill then falls on the parts that matter. Needs phiz[train], phiz[avatars], and a system with fork.
Results are appended to benchmarks/results/kills.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # no thread may run when a process is forked

import torch
import torch._dynamo  # imported once, for all

import phiz
import phiz.onnx
from phiz import artefacts
from phiz.faceset import FaceSet
from phiz.sampling import sheets
from phiz.training import checkpoint, gan, loop  # noqa: F401
from phiz.training.recipe import RECIPES
from phiz.verbs.demo import draw

_EXPORT = phiz.onnx.export
HERE = Path(__file__).resolve().parent
CLOCKS = {"seconds", "images_per_second", "reading"}
SMALL: dict[str, dict[str, str]] = {
    "slim": {"network.generator": '{"widths": [16, 12]}', "network.discriminator": '{"widths": [16, 12]}'},
    "modern": {"network.generator.width": "[16, 12, 8]", "network.discriminator.width": "[16, 12, 8]"},
    "dcgan": {"network.generator": '{"width": 8}', "network.discriminator": '{"width": 8}'},
    "afad": {"network.generator": '{"dense": 8, "channels": 4}'},
}


def train(recipe: str, faces: Path, run: Path, steps: int) -> None:
    """Train a small form of `recipe`, or go on with it where it stands."""
    settings = {"z": "8", "batch": "8", **SMALL[RECIPES[recipe].network.name]}
    there = artefacts.kind_of(run) == "run"
    phiz.train(
        faces,
        run,
        recipe=recipe,
        size=16,
        steps=steps,
        settings=settings,
        evaluate_every=steps // 3,
        device="cpu",
        resume=there,
    )


def forked(recipe: str, faces: Path, run: Path, steps: int) -> int:
    """Start a training in a process of its own; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with open(run.with_suffix(".said"), "a", encoding="utf-8") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            train(recipe, faces, run, steps)
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def state(run: Path) -> dict[str, Any]:
    """Return everything of a finished run that must not depend on whether it was stopped."""
    newest = checkpoint.newest(run / "checkpoints", print)
    assert newest is not None
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    files = [*sorted((run / "samples").glob("*.png")), run / "model" / "model.safetensors"]
    return {
        "step": newest.step,
        "best": newest.values["found"]["best_step"],
        "tensors": {
            f"{group}/{name}": hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
            for group, part in newest.tensors.items()
            for name, tensor in part.items()
        },
        "metrics": [{k: v for k, v in line.items() if k not in CLOCKS} for line in lines],
        "files": {path.name: artefacts.sha256(path) for path in files},
    }


def whole(recipe: str, faces: Path, run: Path, steps: int) -> tuple[dict[str, Any], float, bytes]:
    """Train `recipe` without a stop; return its state, the seconds that takes, and its ONNX file."""
    phiz.onnx.export = _EXPORT
    start = time.monotonic()
    _, status = os.waitpid(forked(recipe, faces, run, steps), 0)
    if status:
        raise SystemExit(f"{recipe} fails without a kill:\n{run.with_suffix('.said').read_text()}")
    seconds = time.monotonic() - start
    made = (run / "model" / "onnx" / "model.onnx").read_bytes()
    phiz.onnx.export = lambda *network: made
    start = time.monotonic()
    os.waitpid(forked(recipe, faces, run.with_name(f"timed-{recipe}"), steps), 0)
    print(f"{recipe}: {seconds:.1f} s without a kill", flush=True)
    return state(run), time.monotonic() - start, made


def one(recipe: str, faces: Path, run: Path, steps: int, moments: list[float]) -> tuple[int, str]:
    """Kill a training at each of `moments`, resume it to its end; return the kills and what was found."""
    kills = 0
    for moment in moments:
        child = forked(recipe, faces, run, steps)
        end = time.monotonic() + moment
        while time.monotonic() < end and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            kills += 1
    _, status = os.waitpid(forked(recipe, faces, run, steps), 0)
    return kills, "lost" if status else "ended"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sheets.scale_for = lambda *sizes: 1
    chance, counts, started = random.Random(args.seed), Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        faces = draw(place / "avatars", 48, 16).path
        FaceSet.open(faces, verify=True)
        models = {r: whole(r, faces, place / f"whole-{r}", args.steps) for r in RECIPES}
        trial = 0
        while counts["kills"] < args.kills:
            recipe = list(RECIPES)[trial % len(RECIPES)]
            run = place / f"run-{trial:04d}"
            times = 2 if chance.random() < 1 / 3 else 1
            expected, seconds, made = models[recipe]
            moments = [chance.uniform(0, seconds) for _ in range(times)]
            phiz.onnx.export = lambda *network, made=made: made
            kills, found = one(recipe, faces, run, args.steps, moments)
            if found == "ended" and state(run) != expected:
                found = "different"
            counts.update({"kills": kills, "trainings": 1, found: 1, recipe: kills})
            if found != "ended":
                print(f"{recipe}, killed after {moments} s: {found}")
                print(run.with_suffix(".said").read_text("utf-8"))
            else:
                artefacts.shutil.rmtree(run)
            trial += 1
            if trial % 10 == 0:
                print(f"{time.monotonic() - started:.0f} s: {dict(counts)}", flush=True)
    row = {
        "kills": counts["kills"], "trainings": counts["trainings"], "lost": counts["lost"],
        "different": counts["different"], "by_recipe": {r: counts[r] for r in RECIPES}, "steps": args.steps,
        "seed": args.seed, "seconds": round(time.monotonic() - started), "torch": torch.__version__,
        "machine": f"{platform.machine()}, 1 thread", "phiz": phiz.__version__,
    }  # fmt: skip
    print(json.dumps(row))
    with open(HERE / "results" / "kills.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
