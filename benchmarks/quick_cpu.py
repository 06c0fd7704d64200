"""Train recipes for the same minutes on the same machine, and compare what comes of them.

    python benchmarks/quick_cpu.py ../shared/data/anime96.zip --size 32 --minutes 5 --seeds 0 1 2
    python benchmarks/quick_cpu.py avatars --minutes 5 --seeds 0 --keep runs --sheet sheet.png \
        --recipes dcgan afad64 afad64,noise=fresh acg96 auto

`avatars` stands for 8,000 drawn faces. A recipe may be followed by settings of its own. With `--sheet` the
first faces of the first seed are laid out, a line for each generator. A GPU is used where there is one.

Exact duplicates are dropped and the rest split by the order of their SHA-256: the last 3,000 are held
out. Held-out faces are reduced to the training size, then real and made faces alike are resized by
Pillow's bicubic to 227 px and put through SqueezeNet (features after fire9). The figures:

    F/T        Frechet distance of 3,000 made faces (rounded to uint8) from the held-out ones, over the
               trace of the held-out features' covariance: 1.0 is a generator frozen at the mean face
    precision  share of made faces within the 5-nearest-neighbour balls of real ones
    recall     share of real faces within those of made ones
    images/s   real faces seen a second over the whole run, all included

`dcgan` is measured as it is and, from the same training, with a moving average of G. Needs phiz[train].
Rows, with the distance by built-in filters as it fell during the training, are appended to
benchmarks/results/quick_cpu.jsonl; a table is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import tempfile
import zipfile
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from PIL import Image
from safetensors.numpy import load_file

import phiz
from phiz import avatars, latents, networks
from phiz.faceset import FaceSet
from phiz.model import to_uint8
from phiz.sampling import sheets
from phiz.training import checkpoint

HELD_OUT, DRAWN, SHOWN = 3000, 8000, 12
HERE = Path(__file__).resolve().parent


def split(archive: Path, folder: Path, held_out: int = HELD_OUT) -> tuple[Path, Path]:
    """Unpack distinct pictures into folder/train and folder/held, by the order of their SHA-256."""
    distinct: dict[str, tuple[str, bytes]] = {}
    with zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".avif")):
                data = source.read(name)
                distinct.setdefault(hashlib.sha256(data).hexdigest(), (Path(name).suffix, data))
    ordered = sorted(distinct)
    for part, hashes in (("train", ordered[:-held_out]), ("held", ordered[-held_out:])):
        (folder / part).mkdir(parents=True)
        for digest in hashes:
            suffix, data = distinct[digest]
            (folder / part / f"{digest}{suffix}").write_bytes(data)
    return folder / "train", folder / "held"


def drawn(folder: Path, size: int) -> tuple[Path, Path]:
    """Write drawn faces to folder/train and folder/held."""
    for part, seeds in (("train", range(DRAWN - HELD_OUT)), ("held", range(DRAWN - HELD_OUT, DRAWN))):
        (folder / part).mkdir(parents=True)
        for seed in seeds:
            face = Image.fromarray(avatars.draw(seed, size))
            face.save(folder / part / f"{seed:05d}.png", compress_level=1)
    return folder / "train", folder / "held"


def curve(run: Path) -> list[tuple[float, float]]:
    """Return (seconds, distance) at every evaluation of a run."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        (round(row["seconds"], 1), round(row["frechet_filters"], 4))
        for row in rows
        if "frechet_filters" in row
    ]


def features(faces: np.ndarray, network: Path) -> np.ndarray:
    """Return SqueezeNet features (N, 512) of uint8 faces (N, H, W, 3)."""
    session = onnxruntime.InferenceSession(str(network))
    name = session.get_inputs()[0].name
    parts = []
    for start in range(0, len(faces), 50):
        batch = [
            np.asarray(Image.fromarray(face).resize((227, 227), Image.Resampling.BICUBIC))
            for face in faces[start : start + 50]
        ]
        pixels = np.stack(batch).astype(np.float32).transpose(0, 3, 1, 2)
        parts.append(session.run(None, {name: np.ascontiguousarray(pixels)})[0])
    return np.concatenate(parts).astype(np.float64)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Euclidean distances (len(a), len(b))."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def compare(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Return F/T, precision and recall of features `fake` against `real`.

    The Frechet distance as Heusel et al. (arXiv 1706.08500), with eigenvalues of the symmetric form;
    precision and recall as Kynkaanniemi et al. (arXiv 1904.06991).
    """
    mean = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    first, second = np.cov(real.T), np.cov(fake.T)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    frechet = mean + np.trace(first) + np.trace(second) - 2 * cross
    between = distances(real, fake)
    reach_real = np.partition(distances(real, real), k, axis=1)[:, k]
    reach_fake = np.partition(distances(fake, fake), k, axis=1)[:, k]
    return {
        "F/T": float(frechet / np.trace(first)),
        "precision": float((between <= reach_real[:, None]).any(0).mean()),
        "recall": float((between <= reach_fake[None]).any(1).mean()),
    }


def plain_generator(run: Path, size: int, seed: int) -> np.ndarray:
    """Make 3,000 faces with the G of a dcgan run's last checkpoint, not the average."""
    recipe = json.loads((run / "recipe.json").read_text())["recipe"]
    network = networks.generator(
        recipe["network"]["name"], size=size, z=recipe["z"], **recipe["network"]["generator"]
    )
    newest = checkpoint.found(run / "checkpoints")[0]
    weights = load_file(newest / "generator.safetensors")
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    network.eval()
    codes = torch.from_numpy(latents.latents(range(seed, seed + HELD_OUT), recipe["z"]))
    with torch.no_grad():
        made = torch.cat([network(part) for part in codes.split(100)]).numpy()
    return to_uint8(made, network.output_range)


def one(
    asked: str, seed: int, train: Path, real: np.ndarray, args: argparse.Namespace
) -> tuple[list[dict], list[np.ndarray]]:
    """Train once and return for each generator that came of it a row and the first of its faces."""
    recipe, *own = asked.split(",")
    folder = args.keep / f"{asked}-{args.size}-{seed}" if args.keep else None
    with tempfile.TemporaryDirectory() as scratch:
        run = folder or Path(scratch) / "run"
        settings = {"ema": "0.03"} if recipe == "dcgan" else {}
        settings |= dict(item.split("=", 1) for item in own)
        if not (run / "recipe.json").exists():  # one that was kept is scored again
            phiz.train(
                train,
                run,
                minutes=args.minutes,
                recipe=recipe,
                size=args.size,
                seed=seed,
                settings=settings,
                start_from=args.start_from,
            )
        finished = json.loads((run / "recipe.json").read_text())["finished"]
        curves = curve(run)
        name = f"{asked} from {args.start_from}" if args.start_from else asked
        made = {name: phiz.load(run).sample(HELD_OUT, seed=10_000)}
        if recipe == "dcgan":
            made = {"dcgan": plain_generator(run, args.size, 10_000), "dcgan with EMA": made[name]}
        shown = [faces[:SHOWN] for faces in made.values()]
    rows = []
    for name, faces in made.items():
        figures = compare(real, features(faces, args.network))
        rate = finished["images"] / finished["seconds"]
        rows.append(
            {
                "data": args.pictures.name, "size": args.size, "minutes": args.minutes, "recipe": name,
                "seed": seed, "images/s": round(rate, 1), "seconds": finished["seconds"],
                **{key: round(value, 4) for key, value in figures.items()},
                "curve": curves,
                "torch": torch.__version__, "threads": torch.get_num_threads(),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores", "phiz": phiz.__version__,
            }
        )  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows, shown


def table(rows: list[dict]) -> str:
    """Return a Markdown table: medians and, in brackets, all seeds."""
    lines = ["| recipe | images/s | F/T | precision | recall |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(row["recipe"] for row in rows):
        cells = []
        for key, form in (
            ("images/s", "{:.0f}"),
            ("F/T", "{:.2f}"),
            ("precision", "{:.2f}"),
            ("recall", "{:.3f}"),
        ):
            values = [row[key] for row in rows if row["recipe"] == name]
            spread = ", ".join(form.format(value) for value in values)
            cells.append(f"**{form.format(median(values))}** ({spread})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("pictures", type=Path, nargs="?", default=shared / "data" / "anime96.zip")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=["auto", "dcgan"])
    parser.add_argument("--from", dest="start_from", type=Path, help="a model to start from")
    parser.add_argument("--keep", type=Path, help="folder to keep the runs in")
    parser.add_argument("--sheet", type=Path, help="picture to write")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        drawing = args.pictures.name == "avatars"
        train, held = drawn(Path(scratch), args.size) if drawing else split(args.pictures, Path(scratch))
        faces = phiz.prepare(train, Path(scratch) / "faces", size=args.size, detector="none")
        real = phiz.prepare(held, Path(scratch) / "real", size=args.size, detector="none")
        shutil.rmtree(train)
        real_features = features(real[:], args.network)
        rows: list[dict] = []
        lines: list[np.ndarray] = []
        for seed in args.seeds:
            for recipe in args.recipes:
                found, shown = one(recipe, seed, faces.path, real_features, args)
                with open(HERE / "results" / "quick_cpu.jsonl", "a", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in found)
                rows += found
                lines += shown if seed == args.seeds[0] else []
        floor = compare(real_features, features(FaceSet.open(faces.path)[:HELD_OUT], args.network))
    print(f"\n{args.pictures.name}, {args.size} px, {args.minutes:g} minutes, seeds {args.seeds}")
    print(table(rows))
    if args.sheet:
        grid = (len(lines), SHOWN)
        sheets.sheet(np.concatenate(lines), args.size, grid, scale=max(1, 64 // args.size)).save(args.sheet)
    print("real against real: " + ", ".join(f"{key} {value:.3f}" for key, value in floor.items()))


if __name__ == "__main__":
    main()
