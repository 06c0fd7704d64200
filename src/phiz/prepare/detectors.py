"""Detectors: what finds faces in a picture. A new one is a file beside this and a line in `DETECTORS`.

A detector takes an upright RGB picture of any size and returns the faces in it; it never raises for a
picture without any. `human` knows photographs, `anime` drawings. Their weights come through phiz.weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from PIL import Image

from phiz.errors import UsageError, nearest

Point = tuple[float, float]
LOOKED_AT = 512
"""Pictures are looked at with this many pixels on the longer side, or fewer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A face that was seen in a picture, in its pixels.

    `box` is x, y, width, height and may leave the picture; `score` is 0..1; `landmarks`, where there are
    any, are the eye on the left of the picture, the other one, the tip of the nose, and the corners of
    the mouth, left first.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[Point, ...] | None = None

    def scaled(self, factor: float, dx: float = 0.0, dy: float = 0.0) -> Seen:
        """Return it in the pixels of a picture `factor` times as large, moved by (dx, dy) after that."""
        x, y, wide, high = (side * factor for side in self.box)
        points = self.landmarks and tuple((px * factor + dx, py * factor + dy) for px, py in self.landmarks)
        return Seen((x + dx, y + dy, wide, high), self.score, points)


class Detector(Protocol):
    """Finds faces."""

    name: str
    sha256: str
    """Of its weights."""

    def __call__(self, picture: Image.Image) -> list[Seen]:
        """Return the faces in an RGB picture, the surest first."""
        ...


def reduced(picture: Image.Image, longest: int = LOOKED_AT) -> tuple[Image.Image, float]:
    """Return a picture reduced to `longest` px, or as it is, and by what its pixels are to be multiplied."""
    factor = max(picture.size) / longest
    if factor <= 1:
        return picture, 1.0
    size = (max(1, round(picture.width / factor)), max(1, round(picture.height / factor)))
    return picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0), factor


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection of two boxes (x, y, width, height) over their union."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (one[2] * one[3] + other[2] * other[3] - wide * high)


def apart(seen: Sequence[Seen], most: float = 0.3) -> list[Seen]:
    """Return the surest of those that overlap by more than `most`, surest first."""
    kept: list[Seen] = []
    for face in sorted(seen, key=lambda face: -face.score):
        if all(overlap(face.box, other.box) <= most for other in kept):
            kept.append(face)
    return kept


def _human() -> Detector:
    from phiz.prepare.yunet import YuNet

    return YuNet()


def _anime() -> Detector:
    from phiz.prepare.drawn import Drawn

    return Drawn()


DETECTORS: dict[str, Callable[[], Detector]] = {"human": _human, "anime": _anime}
CHOICES = ("auto", *DETECTORS, "none")


@cache
def detector(name: str) -> Detector:
    """Return the detector called `name`, tested on a face it must find; it may be called in any thread.

    Raises:
        UsageError: there is none of that name.
        PhizError: its weights are not here and cannot be had, or it does not find the test's face.
    """
    if name not in DETECTORS:
        raise UsageError(
            f'There is no detector "{name}"; there are {", ".join(CHOICES)}.{nearest(name, CHOICES)}'
        )
    from phiz.prepare.trial import check

    found = DETECTORS[name]()
    check(found)
    return found


def pixels(picture: Image.Image) -> np.ndarray:
    """Return a picture as uint8 (H, W, 3)."""
    return np.asarray(picture.convert("RGB"))
