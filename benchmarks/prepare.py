"""How well and how fast faces are found, cut and screened.

    python benchmarks/prepare.py recall          # share of boxed faces that are found, and what it costs
    python benchmarks/prepare.py speed [--threads 2] [--repeat 3]
    python benchmarks/prepare.py twins [--count 1000000]
    python benchmarks/prepare.py all

`recall` and `speed` take pictures-anime.zip and pictures-photos.zip of ../shared/data, `twins` the faces of
anime96.zip, and the weights of ../shared/weights; docs/faces.md says what the figures mean.

`speed` prints pictures a second by the clock, the pictures lying in a folder `--repeat` times under different
names, the process's peak memory, and the share of processor time of each stage.
`twins` prints seconds and memory for all near pairs of random hashes, and of hashes whose sixteen bands are
each drawn from real faces, so that buckets are as crowded as theirs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SHARED = Path(__file__).resolve().parents[2] / "shared"
SETS = {"anime": "pictures-anime.zip", "human": "pictures-photos.zip"}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def recall() -> None:
    from phiz.prepare.detectors import detector, overlap
    from phiz.prepare.screens import limits_of

    for name, file in SETS.items():
        find, least = detector(name), limits_of("normal", name)["sure"]
        found = boxes = sure = unsure = landmarks = 0
        taken = 0.0
        with zipfile.ZipFile(SHARED / "data" / file) as archive:
            known = json.loads(archive.read("boxes.json"))
            for picture, wanted in sorted(known.items()):
                image = Image.open(io.BytesIO(archive.read(picture))).convert("RGB")
                start = time.perf_counter()
                seen = find(image)
                taken += time.perf_counter() - start
                good = [face for face in seen if face.score >= least]
                sure, unsure = sure + len(good), unsure + len(seen) - len(good)
                landmarks += sum(face.landmarks is not None for face in good)
                boxes += len(wanted)
                found += sum(any(overlap(box, face.box) >= 0.3 for face in good) for box in wanted)
        print(
            f"{name}: {found} of {boxes} boxed faces found ({found / boxes:.3f}); {sure} sure faces in all, "
            f"{landmarks} with landmarks, {unsure} unsure ones set aside; {1000 * taken / len(known):.0f} ms "
            "a picture on one core"
        )


def speed(threads: int | None, repeat: int) -> None:
    stages: dict[str, float] = defaultdict(float)
    _time_stages(stages)
    from phiz.prepare.detectors import detector
    from phiz.verbs.prepare import prepare

    for name, file in SETS.items():
        detector(name)
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(SHARED / "data" / file) as archive:
                pictures = [info for info in archive.infolist() if info.filename.endswith(".jpg")]
                times = repeat if name == "anime" else 20 * repeat
                for again in range(times):
                    for info in pictures:
                        place = Path(folder, "pictures", f"{again}-{info.filename}")
                        place.parent.mkdir(exist_ok=True)
                        place.write_bytes(archive.read(info))
            stages.clear()
            clock, cpu = time.perf_counter(), time.process_time()
            faces = prepare(
                Path(folder, "pictures"),
                Path(folder, "set"),
                detector=name,
                screen={"same": "off", "near": "off"},
                threads=threads,
                warn=lambda line: None,
            )
            clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
            count = times * len(pictures)
            stages["rest"] = cpu - sum(stages.values())
            shares = ", ".join(f"{stage} {taken / cpu:.0%}" for stage, taken in stages.items())
            print(
                f"{name}: {count / clock:.1f} pictures/s, {threads or os.cpu_count()} threads on "
                f"{len(os.sched_getaffinity(0))} cores; {count / cpu:.1f} a CPU-second; {len(faces)} faces; "
                f"peak {peak_mb():.0f} MB; {shares}"
            )


def _time_stages(stages: dict[str, float]) -> None:
    """Count the processor time of each stage, whatever the thread."""
    from phiz.prepare import looking, measures, twins

    lock = threading.Lock()

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = time.thread_time()
            try:
                return work(*given, **named)
            finally:
                with lock:
                    stages[stage] += time.thread_time() - start

        return run

    find = looking.detector
    looking.decode = timed("decode", looking.decode)  # type: ignore[attr-defined]
    looking.detector = lambda name: timed("detect", find(name))  # type: ignore[attr-defined]
    looking.take = timed("cut", looking.take)  # type: ignore[attr-defined]
    for name in ("of_face", "of_picture", "of_landmarks"):
        setattr(measures, name, timed("measure", getattr(measures, name)))
    twins.hash_of = timed("measure", twins.hash_of)


def twins(count: int) -> None:
    from phiz.prepare.twins import hash_of, pairs, words

    rng = np.random.default_rng(0)
    draws = {"random": rng.integers(0, 2**64, (count, 4), dtype=np.uint64)}
    with zipfile.ZipFile(SHARED / "data" / "anime96.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::4]
        faces = [np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in names]
    bands = words([hash_of(face) for face in faces]).view(np.uint16)
    mixed = bands[rng.integers(0, len(bands), (count, 16)), np.arange(16)]
    draws["bands of real faces"] = np.ascontiguousarray(mixed).view(np.uint64)
    for what, hashes in draws.items():
        for most in (12, 24):
            start = time.perf_counter()
            low, _, _ = pairs(hashes, most)
            print(
                f"near duplicates among {count:,} hashes, {what}, up to {most} bits: "
                f"{time.perf_counter() - start:.0f} s, {len(low):,} pairs, peak {peak_mb():,.0f} MB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("recall", "speed", "twins", "all"))
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    os.environ.setdefault("PHIZ_WEIGHTS", str(SHARED / "weights"))
    if given.what in ("recall", "all"):
        recall()
    if given.what in ("speed", "all"):
        speed(given.threads, given.repeat)
    if given.what in ("twins", "all"):
        twins(given.count)


if __name__ == "__main__":
    main()
