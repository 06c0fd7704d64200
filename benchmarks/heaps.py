"""Train on twelve heaps of faces, some of them odd, and look whether any training collapses.

    python benchmarks/heaps.py ../shared/data --minutes 5 --seeds 0 1 2

Faces of 32 px. Of each heap every fourth face is held out, or of small heaps faces of the same kind that are
not learned from. Figures as in quick_cpu.py, of as many made faces as are held out, at most 3,000; `spread`
is the trace of the made faces' covariance over that of the held-out ones; `floor` is the F/T of as many faces
that are learned from, which says what so few faces alone come to. A training has collapsed where recall is
zero or spread is not between a half and two. Rows are appended to benchmarks/results/heaps.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

import phiz
from phiz.faceset import FaceSet
from quick_cpu import HERE, compare, features

SIZE = 32
MOST = 3000
Faces = np.ndarray  # uint8 (N, 32, 32, 3)


def pixelated(faces: Faces) -> Faces:
    """Return faces reduced to 16 px and enlarged again without smoothing."""
    small = [Image.fromarray(face).resize((16, 16), Image.Resampling.BOX) for face in faces]
    return np.stack([np.asarray(face.resize((SIZE, SIZE), Image.Resampling.NEAREST)) for face in small])


def grey(faces: Faces) -> Faces:
    """Return faces without colour."""
    return np.stack([np.asarray(Image.fromarray(face).convert("L").convert("RGB")) for face in faces])


def fourths(faces: Faces) -> tuple[Faces, Faces]:
    """Return three quarters to learn from, and every fourth face, held out."""
    held = np.arange(len(faces)) % 4 == 3
    return faces[~held], faces[held]


class Heaps:
    """The twelve heaps, made from the archives of a folder."""

    def __init__(self, data: Path, scratch: Path) -> None:
        self.data, self.scratch = data, scratch

    def packed(self, name: str, labels: str | None = None) -> FaceSet:
        """Return the faces of an archive at 32 px."""
        out = self.scratch / Path(name).stem
        if not out.exists():
            phiz.prepare(self.data / name, out, size=SIZE, detector="none", labels=labels)
        return FaceSet.open(out)

    def anime(self) -> Faces:
        return self.packed("anime96.zip")[:]

    def hair(self, colour: str) -> tuple[Faces, Faces]:
        """Return the faces of anime96 whose hair people called so."""
        with open(self.data / "anime96-labels.csv", encoding="utf-8", newline="") as file:
            asked = {row["file"] for row in csv.DictReader(file) if row["hair"] == colour}
        faces = self.packed("anime96.zip")
        kept = [i for i, source in enumerate(sources(faces)) if Path(source).name in asked]
        return fourths(faces[kept])

    def young(self) -> tuple[Faces, Faces]:
        """Return the faces of the AFAD layout below 30 years."""
        faces = self.packed("afad-layout.zip")
        kept = [i for i, source in enumerate(sources(faces)) if int(Path(source).parts[-3]) < 30]
        return fourths(faces[kept])

    def few(self, count: int) -> tuple[Faces, Faces]:
        faces = self.anime()
        return faces[:count], faces[-MOST:]

    def drawn(self) -> tuple[Faces, Faces]:
        """Return avatars of one style."""
        from phiz import avatars

        flat = (i for i in range(60_000) if avatars.labels(i)["style"] == "flat")
        return fourths(np.stack([avatars.draw(next(flat), SIZE) for _ in range(4000)]))

    def all(self) -> dict[str, Callable[[], tuple[Faces, Faces]]]:
        return {
            "anime96": lambda: fourths(self.anime()),
            "anime256": lambda: fourths(self.packed("anime256.zip")[:]),
            "human128": lambda: fourths(self.packed("human128.zip")[:]),
            "afad-layout": lambda: fourths(self.packed("afad-layout.zip")[:]),
            "below 30 years": self.young,
            "blonde hair": lambda: self.hair("blonde"),
            "1,000 of anime96": lambda: self.few(1000),
            "300 of anime96": lambda: self.few(300),
            "greyscale": lambda: fourths(grey(self.anime())),
            "pixel art": lambda: fourths(pixelated(self.anime())),
            "flipped colours": lambda: fourths(255 - self.anime()),
            "avatars of one style": self.drawn,
        }


def sources(faces: FaceSet) -> list[str]:
    """Return the source of each face, by its place in the set."""
    return [row["source"] for row in faces.faces()]


def one(name: str, train: Faces, held: Faces, seed: int, args: argparse.Namespace, scratch: Path) -> dict:
    """Train on a heap once and return its row."""
    folder = scratch / "pictures" / name.replace(" ", "-")
    if not folder.exists():
        folder.mkdir(parents=True)
        for index, face in enumerate(train):
            Image.fromarray(face).save(folder / f"{index:05d}.png", compress_level=1)
    out = scratch / "runs" / f"{folder.name}-{seed}"
    length = {"steps": args.steps} if args.steps else {"minutes": args.minutes}
    changes = dict(item.split("=", 1) for item in args.set)
    phiz.train(folder, out, recipe=args.recipe, size=SIZE, seed=seed, settings=changes, **length)
    held = held[:MOST]
    made = phiz.load(out).sample(len(held), seed=10_000)
    if args.keep:
        args.keep.mkdir(exist_ok=True)
        lines = [np.hstack(list(line)) for line in made[:64].reshape(4, 16, SIZE, SIZE, 3)]
        Image.fromarray(np.vstack(lines)).save(args.keep / f"{folder.name}-{seed}.png")
        np.save(args.keep / f"{folder.name}-{seed}.npy", made)
    real, found = features(held, args.network), features(made, args.network)
    return {
        "heap": name, "faces": len(train), "held out": len(held), "recipe": args.recipe, "seed": seed,
        "minutes": args.minutes, "steps": args.steps, "set": args.set,
        "device": json.loads((out / "recipe.json").read_text())["device"],
        **{key: round(value, 4) for key, value in compare(real, found).items()},
        "floor": round(compare(real, features(train[: len(held)], args.network))["F/T"], 4),
        "spread": round(float(np.trace(np.cov(found.T)) / np.trace(np.cov(real.T))), 3),
        "torch": torch.__version__, "threads": torch.get_num_threads(), "phiz": phiz.__version__,
    }  # fmt: skip


def trained(args: argparse.Namespace) -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as scratch:
        heaps = Heaps(args.data, Path(scratch))
        for name, make in heaps.all().items():
            if args.heaps and name not in args.heaps:
                continue
            train, held = make()
            for seed in args.seeds:
                row = one(name, train, held, seed, args, Path(scratch))
                print(json.dumps(row), flush=True)
                with open(HERE / "results" / "heaps.jsonl", "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                yield row


def table(rows: list[dict]) -> str:
    """Return a Markdown table of medians, with all seeds in brackets."""
    lines = [
        "| heap | faces | held out | floor | F/T | precision | recall | spread | collapsed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["heap"] for row in rows):
        of = [row for row in rows if row["heap"] == name]
        cells = []
        for key, form in (("F/T", ".2f"), ("precision", ".2f"), ("recall", ".3f"), ("spread", ".2f")):
            values = [row[key] for row in of]
            cells.append(f"{median(values):{form}} ({', '.join(f'{value:{form}}' for value in values)})")
        collapsed = sum(row["recall"] == 0 or not 0.5 <= row["spread"] <= 2 for row in of)
        scored = f"{min(of[0]['held out'], MOST):,} | {of[0]['floor']:.2f}"
        told = " | ".join([name, f"{of[0]['faces']:,}", scored, *cells])
        lines.append(f"| {told} | {collapsed} of {len(of)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("data", type=Path, nargs="?", default=shared / "data")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--recipe", default="auto")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--heaps", nargs="+", help="only these")
    parser.add_argument("--keep", type=Path, help="folder for the made faces, and sheets of 64")
    print(table(list(trained(parser.parse_args()))))


if __name__ == "__main__":
    main()
