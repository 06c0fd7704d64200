"""`auto`: a look at some of the pictures decides which detector finds their faces, or that none is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from phiz.errors import PhizError
from phiz.prepare.detectors import DETECTORS, Detector, Seen, detector

SAMPLE = 48
_SMALL = 256
_SQUARE = 1.25
"""Pictures of at most 256 px a side, and no longer than this times their width, are faces cut already."""
_MOST_OF_THEM = 0.8
_SAME_SIZE = 8
"""So many squares of one size are no chance: somebody cut them."""
_FILLS = 0.4
"""A face whose box is this much of a picture's shorter side fills the picture."""
_SURE = {"human": 0.85, "anime": 0.6}

Note = Callable[[str], None]
Sampled = tuple[Image.Image, tuple[int, int]]
"""A picture, RGB, reduced for the detectors, and its width and height as found."""


@dataclass(frozen=True)
class Decision:
    """Which detector, and why, in a sentence."""

    detector: str
    why: str


def decide(sample: Sequence[Sampled], warn: Note) -> Decision:
    """Choose a detector for pictures of which `sample` are some; at most `SAMPLE` are looked at.

    Where the weights of the detectors cannot be had, the pictures are taken whole, and `warn` is told.
    """
    sample = list(sample)[:SAMPLE]
    if not sample:
        return Decision("none", "no picture of the sample can be read")
    sizes = [size for _, size in sample]
    small = sum(_already(size) for size in sizes)
    if small >= _MOST_OF_THEM * len(sample):
        return Decision("none", f"{small} of {len(sample)} pictures looked at are small squares: cut already")
    if len(sample) >= _SAME_SIZE and len({side for size in sizes for side in size}) == 1:
        return Decision("none", f"all pictures looked at are squares of {sizes[0][0]} px: cut already")
    try:
        detectors = {name: detector(name) for name in DETECTORS}
    except PhizError as fault:
        warn(f"Faces are not looked for, whole pictures are taken: {fault}")
        return Decision("none", "the weights of the detectors are not here")
    seen = {
        name: [_sure(found, picture, _SURE[name]) for picture, _ in sample]
        for name, found in detectors.items()
    }
    counts = {name: sum(bool(faces) for faces in found) for name, found in seen.items()}
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        return Decision("none", f"no detector finds a face in {len(sample)} pictures looked at")
    filled = sum(_fills(faces, picture) for faces, (picture, _) in zip(seen[best], sample, strict=True))
    if filled >= _MOST_OF_THEM * len(sample):
        return Decision("none", f"one face fills {filled} of {len(sample)} square pictures: cut already")
    what = {"human": "as in photographs", "anime": "as in drawings"}
    found = ", ".join(f"{count} with a face {what[name]}" for name, count in counts.items())
    return Decision(best, f"of {len(sample)} pictures looked at {found}")


def _already(size: tuple[int, int]) -> bool:
    short, long = sorted(size)
    return long <= _SMALL and long <= _SQUARE * short


def _sure(found: Detector, picture: Image.Image, least: float) -> list[Seen]:
    return [face for face in found(picture) if face.score >= least]


def _fills(faces: Sequence[Seen], picture: Image.Image) -> bool:
    """Say whether a picture is a square that holds one face, large and in its middle."""
    short, long = sorted(picture.size)
    if len(faces) != 1 or long > 1.05 * short:
        return False
    x, y, wide, high = faces[0].box
    off = max(abs(x + wide / 2 - picture.width / 2), abs(y + high / 2 - picture.height / 2))
    return max(wide, high) >= _FILLS * short and off <= 0.2 * short
