"""How long opening a face set takes, and how much memory.

    python benchmarks/open_faceset.py [--count 100000] [--size 32]

Makes a set of random faces, then opens it in a fresh process and prints the milliseconds of
FaceSet.open, of a first random batch of 64, and the process's peak memory, imports included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter


def peak_mb() -> float:
    """Return the most memory this process has held, in MB (Linux: since its own program began)."""
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(folder: Path) -> None:
    """Open the set in this process and print one line."""
    before = peak_mb()
    start = time.perf_counter()
    faces = FaceSet.open(folder)
    opened = 1000 * (time.perf_counter() - start)
    peak = peak_mb()
    start = time.perf_counter()
    faces.batch(np.random.default_rng(0).integers(len(faces), size=64))
    batch = 1000 * (time.perf_counter() - start)
    print(
        f"{len(faces):,} faces of {faces.size} px: opened in {opened:.1f} ms, peak {peak:.0f} MB "
        f"({peak - before:.1f} for opening); first batch of 64 in {batch:.1f} ms",
        flush=True,
    )


def write(folder: Path, count: int, size: int) -> None:
    """Write a set of random faces with two attributes."""
    random = np.random.default_rng(0)
    schema = {"hair": ["black", "brown", "red"], "eyes": ["blue", "green"]}
    with FaceSetWriter(folder, size, schema, {}) as writer:
        for start in range(0, count, 1000):
            block = random.integers(256, size=(min(1000, count - start), size, size, 3), dtype=np.uint8)
            for offset, face in enumerate(block):
                index = start + offset
                writer.add(face, f"faces/{index}.png", (0, 0, size, size), (index % 3, index % 2))
        writer.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--open", type=Path, help="measure this set only, in this process")
    given = parser.parse_args()
    if given.open:
        measure(given.open)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), given.count, given.size)
        for _ in range(3):
            subprocess.run([sys.executable, __file__, "--open", folder], check=True)


if __name__ == "__main__":
    main()
