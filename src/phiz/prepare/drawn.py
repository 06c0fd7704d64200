"""The detector for drawings: a cascade made on drawn faces, and YuNet's opinion of what it finds.

Windows of the cascade that lie over each other are one face; how many they are says how sure it is. A
second look at each by YuNet, enlarged, adds to that where it sees a face too, and finds the eyes; what it
says of noses and mouths in drawings is not to be trusted, so that the landmarks are the eyes alone.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from PIL import Image

from phiz import weights
from phiz.prepare.cascade import Cascade, Windows
from phiz.prepare.detectors import LOOKED_AT, Seen, apart, overlap, pixels, reduced
from phiz.prepare.yunet import YuNet

_GROWTH = 1.1
_SAME = 0.35  # windows that overlap so far the surest of them are one face
_HALF = 2.9  # windows that make a face as likely as not
_LEAST = 0.25
_MOST = 100  # faces in a picture
_LOOK, _ROOM = 160, 0.5  # px of the second look, and how much of the box it sees around it
_SEES, _EYES = 0.2, 0.5  # YuNet's least score to count, and to be believed about the eyes
_TILTED = math.radians(50)


class Drawn:
    """The detector for drawings; see phiz.prepare.detectors.Detector."""

    name = "anime"

    def __init__(self, longest: int = LOOKED_AT) -> None:
        path = weights.find("animeface")
        self._cascade = Cascade(path.read_bytes())
        self._second = YuNet(least=_SEES)
        self._longest = longest
        both = weights.WEIGHTS["animeface"].sha256 + self._second.sha256
        self.sha256 = hashlib.sha256(both.encode("ascii")).hexdigest()

    def __call__(self, picture: Image.Image) -> list[Seen]:
        """Return the faces in an RGB picture, the surest first."""
        small, factor = reduced(picture, self._longest)
        windows = self._cascade(small.convert("L"), _GROWTH)
        groups = [(count, tuple(side * factor for side in box)) for count, box in _groups(windows)[:_MOST]]
        found = [self._judged(picture, count, box) for count, box in groups]
        return apart([face for face in found if face.score >= _LEAST])

    def _judged(self, picture: Image.Image, count: int, box: tuple[float, ...]) -> Seen:
        x, y, side, _ = box
        room, scale = _ROOM * side, _LOOK / (side * (1 + 2 * _ROOM))
        corners = (x - room, y - room, x + side + room, y + side + room)
        near = _crop(picture, corners, _LOOK)
        own = (room * scale, room * scale, side * scale, side * scale)
        seen = [face for face in self._second.look(pixels(near)) if overlap(face.box, own) > _SAME]
        sure = count / (count + _HALF)
        if not seen:
            return Seen((x, y, side, side), sure)
        best = max(seen, key=lambda face: face.score)
        eyes = None
        if best.score >= _EYES and best.landmarks and _plausible(best.landmarks[:2], own):
            eyes = best.scaled(1 / scale, corners[0], corners[1]).landmarks
        return Seen((x, y, side, side), 1 - (1 - sure) * (1 - best.score), eyes and eyes[:2])


def _plausible(eyes: tuple[tuple[float, float], ...], box: tuple[float, float, float, float]) -> bool:
    (lx, ly), (rx, ry) = eyes
    apart_, side = math.hypot(rx - lx, ry - ly), box[2]
    x, y = (lx + rx) / 2 - box[0], (ly + ry) / 2 - box[1]
    return (
        0.2 * side < apart_ < 0.8 * side
        and abs(math.atan2(ry - ly, rx - lx)) < _TILTED
        and 0.2 * side < x < 0.8 * side
        and 0.2 * side < y < 0.8 * side
    )


def _crop(picture: Image.Image, corners: tuple[float, ...], size: int) -> Image.Image:
    """Return a square of a picture, black where it leaves it, as `size` x `size` pixels."""
    left, top, right, bottom = (round(corner) for corner in corners)
    piece = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return piece.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _groups(windows: Windows) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Return (how many, their mean box) for windows that are one face, the largest groups first."""
    left = np.stack([windows.x, windows.y, windows.side], 1)[np.argsort(-windows.sums, kind="stable")]
    found = []
    while len(left):
        same = _overlaps(left[0], left) > _SAME
        x, y, side = left[same].mean(axis=0).tolist()
        found.append((int(same.sum()), (x, y, side, side)))
        left = left[~same]
    return sorted(found, key=lambda group: -group[0])


def _overlaps(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return intersection over union of a square (x, y, side) and others (N, 3)."""
    low, high = (
        np.maximum(one[:2], others[:, :2]),
        np.minimum(one[:2] + one[2], others[:, :2] + others[:, 2:]),
    )
    common = (high - low).clip(0).prod(axis=1)
    return common / (one[2] ** 2 + others[:, 2] ** 2 - common)
