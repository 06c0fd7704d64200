"""How long a user waits: `import phiz`, `phiz --help`, and 16 faces of 64 px from a cold start.

    python benchmarks/cold_start.py [MODEL]

Each is run in a process of its own, five times after one that warms the disk cache; the best and the
median are printed beside what was promised. Without MODEL, an untrained DCGAN of width 64 is made first
(which needs torch); its speed is that of a trained one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5
NO_TORCH = "import sys; assert 'torch' not in sys.modules, 'torch was imported'"


def seconds(command: list[str], runs: int = RUNS) -> list[float]:
    """Return how long each run of `command` took, sorted, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return sorted(times[1:])


def untrained(folder: Path) -> Path:
    """Write an untrained DCGAN at 64 px and return its folder."""
    from PIL import Image

    from phiz import networks, onnx
    from phiz.model import ModelConfig, Network, save_model

    network = networks.generator("dcgan", size=64)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    config = ModelConfig(network=Network(name="dcgan", arguments={"size": 64}), size=64, z=100)
    save_model(folder, config, weights, onnx.export(network, 100), Image.new("RGB", (64, 64)))
    return folder


def main() -> None:
    """Measure and print the table; status 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, help="a run or a model of 64 px")
    given = parser.parse_args().model
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        model = given or untrained(Path(folder, "model"))
        sheet = str(Path(folder, "faces.png"))
        python = sys.executable
        rows = [
            ("python, nothing imported", [python, "-c", "pass"], None),
            ("import phiz", [python, "-c", f"import phiz; {NO_TORCH}"], 0.3),
            ("phiz --help", [python, "-m", "phiz", "--help"], 0.5),
            (
                "phiz generate, 16 faces of 64 px",
                [python, "-m", "phiz", "generate", str(model), "-o", sheet, "-n", "16", "--seed", "7"],
                1.5,
            ),
        ]
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, best and median of {RUNS}")
        for name, command, promised in rows:
            times = seconds(command)
            middle = statistics.median(times)
            verdict = "" if promised is None else f"   promised {promised:.1f} s"
            kept &= promised is None or middle < promised
            print(f"{name:34} {times[0]:6.3f} s {middle:6.3f} s{verdict}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
