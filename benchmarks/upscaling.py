"""Train an upscaler on part of a set of faces and measure it on the rest, beside bicubic and Lanczos.

    python benchmarks/upscaling.py ../shared/data/anime256.zip --minutes 30 --report ../report
    python benchmarks/upscaling.py ../shared/data/human128.zip --minutes 30
    python benchmarks/upscaling.py ../shared/data/anime256.zip --upscaler runs/up
    python benchmarks/upscaling.py --speed --threads 2 [--upscaler runs/up]

Where the archive has folders (characters), the last fifth of them by name is held out; else the last fifth of
the pictures by the order of their SHA-256, exact duplicates dropped. The faces keep their size. Each held-out
face is reduced by each degradation of phiz.training.degradations (with draws of its own, the same each time)
and enlarged again. The figures, means over the faces:

    PSNR-Y, SSIM   of luma, as phiz.evaluation.fidelity defines them, with as many pixels left out at the
                   edges as the scale
    pair           distance of the extractor's features (`--extractor`, an ONNX file) of an enlarged face from
                   those of the face itself, over bicubic's
    F              Frechet distance of the features of the enlarged faces from those of the faces themselves,
                   over bicubic's

`--report FOLDER` writes faces side by side, for looking at: third-party pictures, never to be committed.
`--speed` times one face of 64 px in onnxruntime: the median and the least of 100, after 10. Results are
appended to benchmarks/results/upscaling.jsonl. Needs phiz[train].
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

import phiz
from phiz import networks, tiles
from phiz import upscaler as upscalers
from phiz.evaluation import fidelity
from phiz.evaluation.distances import relative_frechet
from phiz.evaluation.extractors import extractor
from phiz.evaluation.statistics import Statistics
from phiz.onnx import session
from phiz.publish.stored import stored
from phiz.training.degradations import DEGRADATIONS

HERE = Path(__file__).resolve().parent
SEES = HERE.parent / "../shared/weights/squeezenet-fire9.onnx"
PLAIN = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}


def split(archive: Path, folder: Path) -> None:
    """Unpack an archive into folder/train and folder/held."""
    with zipfile.ZipFile(archive) as source:
        names = [n for n in source.namelist() if n.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))]
        data = {name: source.read(name) for name in sorted(names)}
    groups = sorted({PurePosixPath(name).parent.name for name in data})
    if len(groups) > 1:
        held_groups = set(groups[-max(1, len(groups) // 5) :])
        held = {name for name in data if PurePosixPath(name).parent.name in held_groups}
    else:
        distinct = {hashlib.sha256(content).hexdigest(): name for name, content in data.items()}
        data = {name: data[name] for name in distinct.values()}
        ordered = [distinct[digest] for digest in sorted(distinct)]
        held = set(ordered[-len(ordered) // 5 :])
    for name, content in data.items():
        place = folder / ("held" if name in held else "train") / name.replace("/", "-")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def opened(folder: Path, most: int) -> np.ndarray:
    """Return up to `most` faces of a folder, evenly spread: uint8 (N, H, W, 3)."""
    paths = sorted(folder.iterdir())
    chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).astype(int))]
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in chosen])


def ways(upscaler: upscalers.Upscaler) -> dict[str, Any]:
    """Return what enlarges: name -> function of small faces."""
    scale = upscaler.config.scale

    def plain(by: Image.Resampling) -> Any:
        def enlarge(small: np.ndarray) -> np.ndarray:
            side = small.shape[1] * scale
            return np.stack([np.asarray(Image.fromarray(face).resize((side, side), by)) for face in small])

        return enlarge

    def learned(sharpness: float | None) -> Any:
        return lambda small: np.stack([upscaler.enlarge(face, sharpness) for face in small])

    found = {name: plain(by) for name, by in PLAIN.items()}
    steps = (0.0, 0.5, 1.0) if len(upscaler.config.ends) == 2 else (None,)
    return found | {"phiz" if s is None else f"phiz, sharpness {s:g}": learned(s) for s in steps}


def measure(
    faces: np.ndarray, upscaler: upscalers.Upscaler, network: Path, report: Path | None
) -> list[dict]:
    """Return a row of figures for each degradation and each way of enlarging."""
    scale, sees = upscaler.config.scale, extractor(network)
    real = sees(faces)
    rows = []
    for kind, degrade in DEGRADATIONS.items():
        small = np.stack([degrade(f, scale, np.random.default_rng([7, i])) for i, f in enumerate(faces)])
        base: dict[str, float] = {}
        shown = []
        for name, enlarge in ways(upscaler).items():
            made = enlarge(small)
            features = sees(made)
            raw = {
                "pair": float(np.linalg.norm(features - real, axis=1).mean()),
                "F": relative_frechet(Statistics.of(real), Statistics.of(features)),
            }
            base = base or raw
            psnr, ssim = (float(f(made, faces, scale).mean()) for f in (fidelity.psnr, fidelity.ssim))
            row = {"small": kind, "by": name, "PSNR-Y": psnr, "SSIM": ssim}
            rows.append(row | {key: value / base[key] for key, value in raw.items()})
            shown.append(made)
            print(said(rows[-1]), flush=True)
        if report:
            side_by_side(report / f"{kind}.png", [*shown, faces])
    return rows


def side_by_side(place: Path, columns: list[np.ndarray]) -> None:
    """Write a few faces in rows, each way of enlarging a column, the face itself last."""
    place.parent.mkdir(parents=True, exist_ok=True)
    chosen = np.linspace(0, len(columns[0]) - 1, 6).astype(int)
    rows = [np.concatenate([made[i] for made in columns], 1) for i in chosen]
    Image.fromarray(np.concatenate(rows)).save(place)


def said(row: dict) -> str:
    """Return a row as a line of a Markdown table."""
    figures = f"{row['PSNR-Y']:.2f} | {row['SSIM']:.3f} | {row['pair']:.2f} | {row['F']:.2f}"
    return f"| {row['small']} | {row['by']} | {figures} |"


def speed(path: Path | None, threads: int) -> dict[str, Any]:
    """Time one face of 64 px, and say how large the weights are in 16 bits."""
    if path is not None:
        data = upscalers.load(path).onnx()
    else:
        data = upscalers.export(networks.upscaler("compact", scale=4).folded(), 4, "untrained")
    running, times = session(data, threads), []
    picture = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    for _ in range(110):
        start = time.perf_counter()
        tiles.to_bytes(running.run(None, {"picture": picture})[0])
        times.append(1000 * (time.perf_counter() - start))
    size = len(stored(data, "fp16")) / 1e6
    return {"ms": median(times[10:]), "least": min(times[10:]), "threads": threads, "MB fp16": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--upscaler", type=Path, help="measure this one instead of training")
    parser.add_argument("--perceptual", type=Path, help="as of phiz train-upscaler")
    parser.add_argument("--extractor", type=Path, default=SEES)
    parser.add_argument("--faces", type=int, default=240, help="how many held-out faces at most")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--note", default="", help="what else is to be known of the measurement")
    asked = parser.parse_args()
    line: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "note": asked.note}
    if asked.speed:
        line |= speed(asked.upscaler, asked.threads)
        print(line)
    else:
        with tempfile.TemporaryDirectory() as folder:
            split(asked.archive, Path(folder))
            place = asked.upscaler
            if place is None:
                side = opened(Path(folder, "train"), 1).shape[1]
                place = Path(folder, "run")
                phiz.train_upscaler(
                    *(Path(folder, "train"), place),
                    minutes=asked.minutes,
                    seed=asked.seed,
                    scale=asked.scale,
                    size=side,
                    perceptual=asked.perceptual,
                )
                line |= {"minutes": asked.minutes, "seed": asked.seed}
            found = upscalers.load(place)
            line |= {"archive": asked.archive.name, "upscaler": found.hash, "steps": found.config.steps}
            held = opened(Path(folder, "held"), asked.faces)
            line |= {"held out": len(held), "rows": measure(held, found, asked.extractor, asked.report)}
    (HERE / "results").mkdir(exist_ok=True)
    with open(HERE / "results" / "upscaling.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
