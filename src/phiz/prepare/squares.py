"""Where a face is cut: a square in the picture's pixels, turned where the eyes say so, and its pixels.

With five landmarks the square is FFHQ's (Karras, Laine, Aila, "A Style-Based Generator Architecture for
Generative Adversarial Networks", 2019, appendix A). With the eyes alone it is turned to level them; with
none it stands upright. Where it leaves the picture, the picture is mirrored, and the mirrored part is
blurred and faded towards the middle colour, more the farther out it lies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from phiz.pictures import resize
from phiz.prepare.detectors import Point, Seen

_ROOM = 1.5  # of a box's longer side: what is cut around a face without five landmarks
_GRID = (np.arange(32) + 0.5) / 32 - 0.5


@dataclass(frozen=True, slots=True)
class Square:
    """A square in a picture: its middle and side in pixels, and by how much it is turned.

    `angle` is that of its upper edge, in radians, clockwise as one looks at the picture.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def corners(self) -> np.ndarray:
        """Return its corners, float64 (4, 2): upper left, upper right, lower right, lower left."""
        half = self.side / 2
        along = np.array([math.cos(self.angle), math.sin(self.angle)]) * half
        down = np.array([-along[1], along[0]])
        middle = np.array([self.x, self.y])
        return np.stack(
            [middle - along - down, middle + along - down, middle + along + down, middle - along + down]
        )

    def outside(self, width: int, height: int) -> float:
        """Return which share of it lies outside a picture of this size, to a thousandth."""
        across, down = np.meshgrid(_GRID * self.side, _GRID * self.side)
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x, y = self.x + across * cos - down * sin, self.y + across * sin + down * cos
        return round(1 - float(((x >= 0) & (x <= width) & (y >= 0) & (y <= height)).mean()), 3)


def middle_square(width: int, height: int) -> Square:
    """Return the largest centred square of a picture of this size, on whole pixels."""
    side = min(width, height)
    return Square((width - side) // 2 + side / 2, (height - side) // 2 + side / 2, side)


def square_of(face: Seen, margin: float = 0.0) -> Square:
    """Return the square to cut for a face; `margin` adds that share of its side on each side."""
    points = face.landmarks or ()
    x, y, wide, high = face.box
    if len(points) == 5:
        square = ffhq(points[0], points[1], points[3], points[4])
    else:
        square = Square(x + wide / 2, y + high / 2, _ROOM * max(wide, high), _level(points))
    return Square(square.x, square.y, max(square.side * (1 + 2 * margin), 1.0), square.angle)


def ffhq(left_eye: Point, right_eye: Point, left_mouth: Point, right_mouth: Point) -> Square:
    """Return FFHQ's square: turned by eyes and mouth together, its side the larger of 4 eye distances and
    3.6 distances from eyes to mouth, its middle a tenth of the way from the eyes to the mouth."""
    left, right = np.array(left_eye, np.float64), np.array(right_eye, np.float64)
    mouth = (np.array(left_mouth, np.float64) + np.array(right_mouth, np.float64)) / 2
    eyes = (left + right) / 2
    across, down = right - left, mouth - eyes
    along = across - np.array([-down[1], down[0]])
    size = max(float(np.hypot(*across)) * 2.0, float(np.hypot(*down)) * 1.8)
    middle = eyes + down * 0.1
    return Square(float(middle[0]), float(middle[1]), 2 * size, math.atan2(along[1], along[0]))


def _level(eyes: Sequence[Point]) -> float:
    if len(eyes) < 2:
        return 0.0
    (lx, ly), (rx, ry) = eyes[:2]
    return math.atan2(ry - ly, rx - lx)


def take(picture: Image.Image, square: Square, size: int) -> Image.Image:
    """Cut a square out of an RGB picture and bring it to `size` x `size` pixels.

    An upright square is moved to whole pixels; the rest is one resize for everything (phiz.pictures).
    """
    fewer = max(1, int(square.side // (2 * size)))  # reduced first where it is turned or feathered
    if square.angle == 0:
        side = max(1, round(square.side))
        left, top = round(square.x - side / 2), round(square.y - side / 2)
        return resize(_piece(picture, (left, top, left + side, top + side), fewer), size)
    corners = square.corners()
    low, high = np.floor(corners.min(axis=0)).astype(int) - 2, np.ceil(corners.max(axis=0)).astype(int) + 2
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    piece = _piece(picture, box, fewer, turned=True)
    side = max(1, round(square.side / fewer))
    start, right, _, under = (corners - low) / fewer
    across, down = (right - start) / side, (under - start) / side
    matrix = (across[0], down[0], start[0], across[1], down[1], start[1])
    turned = piece.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return resize(turned, size)


def _piece(
    picture: Image.Image, box: tuple[int, int, int, int], fewer: int, turned: bool = False
) -> Image.Image:
    """Return a box of a picture; beyond the picture's edges it is mirrored and feathered.

    It is reduced `fewer` times if it is to be `turned` or leaves the picture.
    """
    left, top, right, bottom = box
    inside = (max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    if inside == box:
        piece = picture if inside == (0, 0, *picture.size) else picture.crop(inside)
        return piece.reduce(fewer) if turned and fewer > 1 else piece
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return Image.new("RGB", (-(-(right - left) // fewer), -(-(bottom - top) // fewer)))
    part = np.asarray(picture.crop(inside))
    beyond = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]))
    mirrored = Image.fromarray(np.pad(part, (*beyond, (0, 0)), mode="symmetric"))
    return _feathered(mirrored.reduce(fewer) if fewer > 1 else mirrored, np.array(beyond) / fewer, part)


def _feathered(piece: Image.Image, beyond: np.ndarray, inside: np.ndarray) -> Image.Image:
    """Blur what lies beyond the picture, and fade it to the picture's middle colour, as FFHQ does.

    `beyond` (2, 2): rows above and below, columns before and after that are mirrored.
    """
    (above, below), (before, after) = beyond.tolist()
    wide, high = piece.size
    out = np.maximum(
        _ramp(high, above, below)[:, None] * np.ones((1, wide), np.float32),
        _ramp(wide, before, after)[None, :],
    )[..., None]
    soft = piece.filter(ImageFilter.GaussianBlur(0.02 * max(high, wide)))
    field = np.asarray(piece, np.float32).copy()
    field += (np.asarray(soft, np.float32) - field) * np.clip(3 * out, 0, 1)
    middle = np.median(inside[:: 1 + inside.shape[0] // 256, :: 1 + inside.shape[1] // 256], axis=(0, 1))
    field += (middle.astype(np.float32) - field) * np.clip(1.2 * out - 0.2, 0, 1)
    return Image.fromarray(np.rint(field).clip(0, 255).astype(np.uint8))


def _ramp(length: int, before: float, after: float) -> np.ndarray:
    """Return 0 inside a line of pixels and, in the parts beyond its ends, a rise to 1: float32 (length,)."""
    place = np.arange(length, dtype=np.float32)
    ramp = np.zeros(length, np.float32)
    if before > 0:
        ramp = np.maximum(ramp, 1 - place / np.float32(before))
    if after > 0:
        ramp = np.maximum(ramp, 1 - (length - 1 - place) / np.float32(after))
    return ramp
