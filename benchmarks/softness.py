"""How softness alone moves recall: real faces, blurred or grained, scored as made ones are.

    python benchmarks/softness.py ../shared/data --heaps anime96 "avatars of one style"
    python benchmarks/softness.py --made KEPT/avatars-of-one-style-2.npy

The heaps and the figures are those of heaps.py. Scored are as many of the faces that are learned from as are
held out, blurred (a Gaussian whose standard deviation is in pixels) or with noise added (in 255ths): they
lose no variety. Rows are appended to benchmarks/results/softness.jsonl.

With `--made`, the faces that `heaps.py --keep` kept of "avatars of one style" are judged by what they show
instead: a classifier (that of control.py) that learned from 6,000 other drawn faces of that style names each
one's attributes. Figures: of how many attribute values the made faces have less than a quarter of the share
that drawn ones have (lost values); how far the shares of an attribute's values are apart (total variation,
the mean of the attributes); how many combinations of all nine attributes there are; precision and recall of
faces that are all blurred by one pixel, made and drawn ones alike. As many drawn faces that the classifier
has not seen are judged beside them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

import phiz
from control import said, trained
from heaps import MOST, SIZE, Faces, Heaps
from phiz import avatars
from phiz.avatars import SCHEMA
from quick_cpu import HERE, compare, features

BLURS, GRAINS = (0.3, 0.5, 0.7), (4, 8)
LEARNED, OTHERS = 6000, 60_000  # beyond those of heaps.py
NAMES = [name for name in SCHEMA if name != "style"]


def blurred(faces: Faces, pixels: float) -> Faces:
    gaussian = ImageFilter.GaussianBlur(pixels)
    return np.stack([np.asarray(Image.fromarray(face).filter(gaussian)) for face in faces])


def grained(faces: Faces, level: float) -> Faces:
    noise = np.random.default_rng(0).normal(0, level, faces.shape)
    return np.clip(np.rint(faces + noise), 0, 255).astype(np.uint8)


def softened(args: argparse.Namespace) -> None:
    """Score the faces of each heap as they are, and softened."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in Heaps(args.data, Path(scratch)).all().items():
            if args.heaps and name not in args.heaps:
                continue
            train, held = make()
            held = held[:MOST]
            real, faces = features(held, args.network), train[: len(held)]
            changed = {"as they are": faces}
            changed |= {f"blur {pixels:g}": blurred(faces, pixels) for pixels in BLURS}
            changed |= {f"noise {level:g}": grained(faces, level) for level in GRAINS}
            for change, pictures in changed.items():
                figures = compare(real, features(pictures, args.network))
                write({"heap": name, "faces": len(faces), "change": change} | rounded(figures))


def flat(first: int, count: int) -> tuple[Faces, np.ndarray]:
    """Return drawn faces of one style from number `first` on, and their labels but for the style, (N, 9)."""
    numbers = (i for i in itertools.count(first) if avatars.labels(i)["style"] == "flat")
    chosen = list(itertools.islice(numbers, count))
    labels = np.array([avatars.label_row(i) for i in chosen])
    return np.stack([avatars.draw(i, SIZE) for i in chosen]), labels[:, [name != "style" for name in SCHEMA]]


def shares(seen: np.ndarray) -> list[np.ndarray]:
    """Return of each attribute the share of each of its values in (N, 9)."""
    return [np.bincount(seen[:, a], minlength=len(SCHEMA[name])) / len(seen) for a, name in enumerate(NAMES)]


def shown(args: argparse.Namespace) -> None:
    """Judge made faces of one style by their attributes."""
    faces, labels = flat(OTHERS, LEARNED + 2 * args.count)
    network = trained(faces[:LEARNED], labels[:LEARNED], [len(SCHEMA[name]) for name in NAMES], args.epochs)
    seen = said(network, faces[LEARNED:])
    right = (seen == labels[LEARNED:]).mean(0)
    print(json.dumps({"right": dict(zip(NAMES, right.round(3).tolist(), strict=True))}))
    drawn = shares(seen[: args.count])
    judged = {"drawn": faces[LEARNED + args.count :]}
    judged |= {file.stem: np.load(file)[: args.count] for file in args.made}
    real = features(blurred(faces[LEARNED : LEARNED + args.count], 1), args.network)
    for name, pictures in judged.items():
        values = said(network, pictures)
        there, alike = shares(values), rounded(compare(real, features(blurred(pictures, 1), args.network)))
        apart = [0.5 * np.abs(one - other).sum() for one, other in zip(there, drawn, strict=True)]
        lost = [
            f"{NAMES[a]}={SCHEMA[NAMES[a]][v]}"
            for a, share in enumerate(drawn)
            for v in np.flatnonzero((share > 0) & (there[a] < share / 4))
        ]
        write(
            {
                "faces": name, "count": len(values), "values": int(sum((share > 0).sum() for share in drawn)),
                "lost": lost, "apart": round(float(np.mean(apart)), 4),
                "combinations": len(np.unique(values, axis=0)), "blurred": alike,
            }
        )  # fmt: skip


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in figures.items()}


def write(row: dict) -> None:
    row |= {"phiz": phiz.__version__, "torch": torch.__version__}
    print(json.dumps(row), flush=True)
    with open(HERE / "results" / "softness.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("data", type=Path, nargs="?", default=shared / "data")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--heaps", nargs="+", help="only these")
    parser.add_argument("--made", type=Path, nargs="+", help="files of made faces: what they show instead")
    parser.add_argument("--count", type=int, default=1000, help="how many made faces are looked at")
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    shown(args) if args.made else softened(args)


if __name__ == "__main__":
    main()
