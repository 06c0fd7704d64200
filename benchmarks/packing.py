"""How fast pictures become a face set, and in how much memory.

    python benchmarks/packing.py PICTURES [PICTURES ...] [--size 64] [--threads N]

Each of PICTURES (a zip, a tar, a folder) is packed in a process of its own. Printed: pictures a
second by the clock, a CPU-second (which a busy machine does not change), and the process's
resident memory at a quarter, a half and the end of the work, which shows whether it is flat.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path


def peak_mb() -> float:
    """Return the most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def pack(pictures: str, size: int, threads: int | None) -> None:
    """Pack once into a folder that is thrown away, and print one line."""
    from phiz.verbs.prepare import prepare

    marks: dict[float, float] = {}

    def progress(done: int, count: int) -> None:
        for share in (0.25, 0.5, 1.0):
            if done >= share * count and share not in marks:
                marks[share] = peak_mb()

    with tempfile.TemporaryDirectory() as folder:
        clock, cpu = time.perf_counter(), time.process_time()
        faces = prepare(
            pictures, Path(folder, "set"), size=size, detector="none", threads=threads, progress=progress
        )
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    memory = " ".join(f"{marks[share]:5.0f}" for share in sorted(marks))
    count = faces.made["counts"]["pictures"]
    print(
        f"{Path(pictures).name:24} {count:8,} {size:4} {count / clock:8.0f} {count / cpu:9.0f}   {memory}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args()
    print(f"{'pictures':24} {'count':>8} {'px':>4} {'per s':>8} {'per CPU-s':>9}   MB at 1/4, 1/2, 1")
    for pictures in given.pictures:
        process = multiprocessing.get_context("spawn").Process(
            target=pack, args=(pictures, given.size, given.threads)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
