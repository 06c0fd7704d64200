"""How long features take, against onnxruntime's bare time for the network.

    python benchmarks/extract_speed.py ../shared/weights/squeezenet-fire9.onnx [--count 10000] [--size 64]

Random faces of SIZE px, in one run, alternately so that both see the same machine:

    bare     the network alone, on batches resized beforehand: one session of N threads, batches of 32;
             and N callers of one session of one thread each, batches of 2
    phiz     from bytes to features: phiz.evaluation.features.extract, resizing included

Printed: seconds each, the ratio phiz / bare (the faster of the two ways), and pictures a second of the
built-in extractor on one core. The ratio to reach is 1.2 with 10,000 faces on two cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

from phiz.evaluation import features
from phiz.evaluation.extractors import extractor
from phiz.onnx import cores


def session(network: Path, threads: int) -> onnxruntime.InferenceSession:
    """Return the network in onnxruntime as it comes, but for the number of threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(network), options, ["CPUExecutionProvider"])


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = Path(__file__).resolve().parent.parent.parent / "shared"
    parser.add_argument("network", type=Path, nargs="?", default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--rounds", type=int, default=5, help="parts that the faces are measured in")
    args = parser.parse_args()

    part = max(64, args.count // args.rounds)
    faces = np.random.default_rng(0).integers(0, 256, (part, args.size, args.size, 3)).astype(np.uint8)
    run = extractor(args.network, args.threads)
    whole, alone = session(args.network, args.threads), session(args.network, 1)
    name = whole.get_inputs()[0].name
    side = run.size
    ready = np.random.default_rng(1).uniform(0, 255, (32, 3, side, side)).astype(np.float32)
    pool = ThreadPoolExecutor(args.threads)

    def one_session() -> None:
        for start in range(0, part, 32):
            whole.run(None, {name: ready[: part - start]})

    def many_callers() -> None:
        sizes = [min(2, part - start) for start in range(0, part, 2)]
        list(pool.map(lambda rows: alone.run(None, {name: ready[:rows]}), sizes))

    def phiz() -> None:
        features.extract([faces], run, part)

    ways = {"bare, one session": one_session, "bare, many callers": many_callers, "phiz": phiz}
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(args.rounds):
        for way, work in ways.items():
            times[way].append(seconds(work))
    totals = {way: median(found) * args.count / part for way, found in times.items()}
    bare = min(totals["bare, one session"], totals["bare, many callers"])
    built_in = extractor("filters", 1)
    built_in(faces[:64])
    rate = part / min(seconds(lambda: built_in(faces)) for _ in range(3))
    print(
        f"{args.count:,} faces of {args.size} px through {args.network.name}, {args.threads} threads of "
        f"{platform.machine()}, onnxruntime {onnxruntime.__version__}"
    )
    for way, total in totals.items():
        print(f"{way:20s} {total:8.1f} s  {args.count / total:7.0f} pictures/s")
    print(f"phiz / bare          {totals['phiz'] / bare:8.3f}")
    print(f"built in             {'':10s}{rate:7.0f} pictures/s on one core")
    print(json.dumps({way: round(total, 2) for way, total in totals.items()}))


if __name__ == "__main__":
    main()
