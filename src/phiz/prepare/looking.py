"""From a picture's bytes to its faces: the one function that every thread and every worker runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from phiz.pictures import BadPicture, decode
from phiz.prepare import colours, measures, screens, twins
from phiz.prepare.detectors import Seen, detector
from phiz.prepare.squares import Square, middle_square, square_of, take


@dataclass(frozen=True)
class Cutting:
    """How faces are found and cut: what a face set's `made` says of it, and all that a worker needs."""

    size: int
    detector: str = "none"
    margin: float = 0.0
    every: bool = False
    """All faces of a picture, not the largest alone."""
    least: float = 0.0
    """Score from which a face may be a picture's largest."""

    colours: bool = False
    """Whether the colour of hair is measured."""

    def square(self, face: Seen, width: int, height: int) -> Square:
        """Return the square that is cut for a face in a picture of this size."""
        return middle_square(width, height) if self.detector == "none" else square_of(face, self.margin)


@dataclass(frozen=True, slots=True)
class Found:
    """A face that was found: where, what was measured of it, and its pixels (uint8, size x size x 3).

    Without pixels, `reason` says why it was not cut.
    """

    box: tuple[int, int, int, int]
    landmarks: list[list[float]] | None
    figures: dict[str, Any]
    face: np.ndarray | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of one picture: its faces, or a reason why there are none."""

    index: int
    sha256: str | None = None
    faces: list[Found] = field(default_factory=list)
    reason: str | None = None


def look(index: int, name: str, load: Callable[[], bytes], how: Cutting) -> Looked:
    """Read, decode, find, cut and measure; a bad picture comes back with its reason."""
    digest = None
    try:
        data = load()
        digest = digest_of(data)
        picture = decode(data, name)
    except BadPicture as fault:
        return Looked(index, digest, reason=fault.reason)
    if how.detector == "none":
        whole = middle_square(*picture.size)
        seen = [Seen((whole.x - whole.side / 2, whole.y - whole.side / 2, whole.side, whole.side), 1.0)]
    else:
        seen = [_rounded(face) for face in detector(how.detector)(picture)]
    if not seen:
        return Looked(index, digest, reason=screens.NOT_FOUND)
    chosen = seen if how.every else [_largest(seen, how.least)]
    common = measures.of_picture(picture)
    found = []
    for face in sorted(seen, key=lambda face: (face.box[0], face.box[1])):
        x, y, wide, high = (int(side) for side in face.box)
        points = [list(point) for point in face.landmarks] if face.landmarks else None
        if any(face is one for one in chosen):
            pixels, figures = cut(picture, face, how)
            found.append(Found((x, y, wide, high), points, {**figures, **common}, pixels))
        else:
            found.append(
                Found((x, y, wide, high), points, {"sure": round(face.score, 3)}, None, screens.OTHER)
            )
    return Looked(index, digest, found)


def cut(picture: Image.Image, face: Seen, how: Cutting) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a face's pixels, uint8 (size, size, 3), and what was measured of it."""
    square = how.square(face, *picture.size)
    pixels = np.asarray(take(picture, square, how.size))
    hair = colours.hair_of(pixels) if how.colours else ""
    figures: dict[str, Any] = {"side": round(square.side), "enlarged": round(how.size / square.side, 3)}
    if how.detector != "none":
        figures |= {"sure": round(face.score, 3), "outside": square.outside(*picture.size)}
    return pixels, {
        **figures,
        **measures.of_face(pixels),
        **measures.of_landmarks(face),
        **({colours.NAME: hair} if hair else {}),
        "hash": twins.hash_of(pixels),
    }


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a picture's bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def again(picture: Image.Image, box: list[int], landmarks: Any, score: float, how: Cutting) -> Found:
    """Cut a face that was found before, from what the manifest says of it."""
    points = tuple((float(x), float(y)) for x, y in landmarks) if landmarks else None
    x, y, wide, high = box
    face = Seen((x, y, wide, high), score, points)
    pixels, figures = cut(picture, face, how)
    return Found((x, y, wide, high), landmarks, {**figures, **measures.of_picture(picture)}, pixels)


def _rounded(face: Seen) -> Seen:
    """Round a face to what the manifest holds, so that it can be cut again from there."""
    x, y, wide, high = face.box
    box = (round(x), round(y), max(1, round(wide)), max(1, round(high)))
    points = face.landmarks and tuple((round(px, 1), round(py, 1)) for px, py in face.landmarks)
    return Seen(box, face.score, points)


def _largest(seen: list[Seen], least: float) -> Seen:
    """Return the largest face of those that are sure enough, else the surest."""
    sure = [face for face in seen if face.score >= least]
    return max(sure, key=lambda face: face.box[2] * face.box[3]) if sure else seen[0]
