"""Whether the memorisation check flags generators that copy, and lets honest ones pass.

    python benchmarks/copies.py PICTURES.zip NETWORK.onnx [--size 64] [--train 4000] [--model RUN ...]

Real faces play the generators. Pictures are split by the order of their SHA-256, as quick_cpu.py splits
them: the last 3,000 were never learned from. The first half of those is the baseline, the second half what
an honest generator might make: as they are, blurred, noisy, or their colours changed. A copyist makes
honest faces too, but a tenth are training faces: as they are, or altered in one of the ways below.

Two kinds of features are looked at, NETWORK's and thumbnails of 8 x 8 pixels; a generator is flagged if
either flags it. A table is printed: how many faces are close against how many are expected, with the
share that would be copied, for both, and whether the verdict is right. Runs that quick_cpu.py kept can be
given with --model (at their --size and --train 0, which takes all); what they should score is not known.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

import phiz
from phiz.evaluation.extractors import Extractor, extractor
from phiz.evaluation.features import extract
from phiz.evaluation.memorisation import Memorisation, copies
from phiz.evaluation.thumbnails import thumbnails

HELD_OUT = 3000
Alter = Callable[[np.ndarray], np.ndarray]


def split(archive: Path, size: int, train: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct faces, training and held out, uint8 (N, size, size, 3), by their SHA-256."""
    with zipfile.ZipFile(archive) as source, tempfile.TemporaryDirectory() as folder:
        names = [n for n in source.namelist() if n.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))]
        distinct = {hashlib.sha256(data := source.read(name)).hexdigest(): data for name in names}
        ordered = sorted(distinct)
        kept = ordered[:-HELD_OUT][: train or None]
        parts = []
        for part, hashes in (("train", kept), ("held", ordered[-HELD_OUT:])):
            place = Path(folder, part)
            place.mkdir()
            for digest in hashes:
                (place / f"{digest}.jpg").write_bytes(distinct[digest])
            parts.append(phiz.prepare(place, Path(folder, f"{part}-set"), size=size, detector="none")[:])
    return parts[0], parts[1]


def shifted(face: np.ndarray, by: int) -> np.ndarray:
    """Shift a face down and right by some pixels, its edge repeated."""
    return np.pad(face, ((by, 0), (by, 0), (0, 0)), "edge")[:-by, :-by]


def jpeg(face: np.ndarray, quality: int) -> np.ndarray:
    """Save a face as JPEG and read it again."""
    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def coloured(face: np.ndarray) -> np.ndarray:
    """Make a face a tenth brighter and its colours a fifth weaker."""
    return np.asarray(
        ImageEnhance.Color(ImageEnhance.Brightness(Image.fromarray(face)).enhance(1.1)).enhance(0.8)
    )


def tinted(face: np.ndarray) -> np.ndarray:
    """Give a face a tenth more red and less blue."""
    return np.clip(face * np.array([1.1, 1.0, 0.9]), 0, 255).astype(np.uint8)


def blurred(face: np.ndarray, by: int = 1) -> np.ndarray:
    """Blur a face by a radius of a 96th of its side, or more."""
    return np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(by * len(face) / 96)))


def noisy(face: np.ndarray) -> np.ndarray:
    """Add noise of 8 grey levels, the same for the same face."""
    draws = np.random.default_rng(int(face.sum()))
    return np.clip(face + draws.normal(0, 8, face.shape), 0, 255).astype(np.uint8)


def zoomed(face: np.ndarray) -> np.ndarray:
    """Cut a 25th off each side and enlarge the rest."""
    side, cut = len(face), len(face) / 25
    box = (cut, cut, side - cut, side - cut)
    return np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC, box=box))


ALTERED: dict[str, Alter] = {
    "as they are": lambda face: face,
    "shifted by a pixel": lambda face: shifted(face, 1),
    "shifted by two": lambda face: shifted(face, 2),
    "JPEG 75": lambda face: jpeg(face, 75),
    "mirrored": lambda face: face[:, ::-1],
    "weaker colours": coloured,
    "tinted": tinted,
    "blurred": blurred,
    "blurred twice as much": lambda face: blurred(face, 2),
    "noisy": noisy,
    "zoomed by 8 %": zoomed,
    "mirrored, shifted, tinted, JPEG 75": lambda face: jpeg(tinted(shifted(face[:, ::-1], 1)), 75),
}
HONEST = ("as they are", "blurred", "blurred twice as much", "noisy", "weaker colours", "zoomed by 8 %")


class Judge:
    """Features of the training and held-out faces, both kinds, against which generators are judged."""

    def __init__(self, sees: Extractor, train: np.ndarray, held: np.ndarray) -> None:
        self.sees = sees
        self.sets = [self.features(faces) for faces in (train, held, train[:, :, ::-1])]

    def features(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the network's features and the thumbnails of faces."""
        batches = (faces[start : start + 256] for start in range(0, len(faces), 256))
        return extract(batches, self.sees, len(faces)), thumbnails(faces)

    def __call__(self, made: tuple[np.ndarray, np.ndarray]) -> list[Memorisation]:
        train, held, mirrored = self.sets
        return [copies(*four) for four in zip(made, train, held, mirrored, strict=True)]


def generators(
    judge: Judge, train: np.ndarray, honest: np.ndarray, share: float
) -> Iterator[tuple[str, bool, tuple[np.ndarray, np.ndarray]]]:
    """Yield (name, whether it copies, features of what it makes)."""
    made = judge.features(honest)
    for name in HONEST:
        faces = np.stack([ALTERED[name](face) for face in honest])
        yield f"unseen faces, {name}", False, judge.features(faces)
    count = round(share * len(honest))
    source = train[np.random.default_rng(0).choice(len(train), count, replace=False)]
    for name, alter in ALTERED.items():
        copied = judge.features(np.stack([alter(face) for face in source]))
        both = [np.concatenate([c, m[count:]]) for c, m in zip(copied, made, strict=True)]
        yield f"{share:.0%} copied, {name}", True, (both[0], both[1])


def cell(found: Memorisation) -> str:
    """Put what one kind of features shows into a cell of the table."""
    tail = found.tail
    low, high = tail.copied
    said = f"{tail.share:.1%} of {tail.expected:.1%}"
    return f"**{said}**, {low:.0%} to {high:.0%} copied" if found.flagged else said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", type=Path, help="a zip of face pictures, more than 4,000")
    parser.add_argument("network", type=Path, help="an .onnx file, from pictures to features")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--train", type=int, default=4000, help="training faces; 0 takes all")
    parser.add_argument("--made", type=int, default=1000, help="faces of each generator, at most 1,500")
    parser.add_argument("--share", type=float, default=0.1, help="what copyists copy")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="runs or models to judge too")
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args()

    start = time.perf_counter()
    train, held = split(given.pictures, given.size, given.train)
    judge = Judge(extractor(given.network, given.threads), train, held[: HELD_OUT // 2])
    honest = held[HELD_OUT // 2 :][: given.made]
    print(
        f"{len(train):,} training faces of {given.size} px, {HELD_OUT // 2:,} held out, {len(honest):,} made"
    )
    print(f"\n| what is made | {given.network.stem} | thumbnails | flagged |\n|---|---|---|---|")
    right = []
    for name, copied, made in generators(judge, train, honest, given.share):
        found = judge(made)
        flagged = any(one.flagged for one in found)
        right.append(flagged == copied)
        verdict = ("yes" if flagged else "no") + ("" if right[-1] else ", **wrongly**")
        print(f"| {name} | {cell(found[0])} | {cell(found[1])} | {verdict} |", flush=True)
    for path in given.model:
        found = judge(judge.features(phiz.load(path).sample(given.made, seed=10_000)))
        flagged = "yes" if any(one.flagged for one in found) else "no"
        print(f"| {path.name} | {cell(found[0])} | {cell(found[1])} | {flagged} |", flush=True)
    print(f"\n{sum(right)} of {len(right)} verdicts are right; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
