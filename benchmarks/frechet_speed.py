"""How long the Frechet distance takes on features that are extracted already, and how much memory.

    python benchmarks/frechet_speed.py [--count 50000] [--features 2048]

Writes two tables of made-up features (float32, with the falling spectrum that real ones have) as .npy
files, then maps them into memory in a fresh process and takes the distance from there. Printed: seconds
for the statistics of each set and for the distance, and the process's peak memory, imports and mapped
pages included. OMP_NUM_THREADS or OPENBLAS_NUM_THREADS sets how many threads NumPy uses.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from open_faceset import peak_mb
from phiz.evaluation.distances import frechet
from phiz.evaluation.statistics import Statistics


def write(path: Path, count: int, features: int, seed: int) -> None:
    """Write a table of features: a few strong causes, many weak ones, no negative values."""
    draws = np.random.default_rng(seed)
    mix = np.random.default_rng(0).standard_normal((features, features), dtype=np.float32)
    mix *= (np.arange(1, features + 1, dtype=np.float32) ** -0.7)[:, None]
    table = np.lib.format.open_memmap(path, "w+", np.float32, (count, features))
    for start in range(0, count, 4096):
        rows = min(4096, count - start)
        causes = draws.standard_normal((rows, features), dtype=np.float32) + 0.02 * seed
        table[start : start + rows] = np.maximum(causes @ mix, 0)
    table.flush()


def measure(folder: Path) -> None:
    """Take the distance in this process and print one line."""
    start = last = time.perf_counter()
    laps, sets = [], []
    for name in ("real", "fake"):
        sets.append(Statistics.of(np.load(folder / f"{name}.npy", mmap_mode="r")))
        laps.append(time.perf_counter() - last)
        last = time.perf_counter()
    value = frechet(*sets)
    laps.append(time.perf_counter() - last)
    print(
        f"2 x {sets[0].count:,} x {sets[0].dimensions:,}: {time.perf_counter() - start:.1f} s (statistics "
        f"{laps[0]:.1f} and {laps[1]:.1f}, distance {laps[2]:.1f}; {time.process_time():.1f} s of CPU), "
        f"peak {peak_mb():,.0f} MB; Frechet distance {value:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", type=Path, help="measure the tables of this folder, in this process")
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}")
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in enumerate(("real", "fake"), start=1):
            write(Path(folder, f"{name}.npy"), given.count, given.features, seed)
        for _ in range(given.repeat):
            subprocess.run([sys.executable, __file__, "--measure", folder], check=True)


if __name__ == "__main__":
    main()
