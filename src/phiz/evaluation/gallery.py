"""Faces on a page: each encoded once into the page itself, enlarged by whole factors, its seed beneath.

A made face carries phiz's mark, so that one saved from the page can be made again from it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from phiz import marks
from phiz.errors import UsageError
from phiz.evaluation.words import number
from phiz.markup import Html, tag

EXACT_PIXELS = 1 << 20
"""Up to so many pixels a page keeps its faces without loss (about 2.4 MB); beyond, by WebP's quality 95."""

_SMALL = 64
"""Faces up to this size are enlarged without smoothing, so that their pixels can be judged."""

_LARGEST = 128


@dataclass(frozen=True)
class Faces:
    """Faces to show, uint8 (N, H, W, 3), with the seed and a score of each where there are such."""

    pictures: np.ndarray
    seeds: Sequence[int] = ()
    scores: Sequence[float] = ()


@dataclass(frozen=True)
class Neighbour:
    """A made face beside the training faces nearest to it.

    `picture` is uint8 (H, W, 3), `nearest` uint8 (k, H, W, 3), nearest first. `ratio` is what the
    memorisation check goes by, below 1 where the face lies closer than is usual; `flagged` is its verdict.
    """

    picture: np.ndarray
    seed: int
    nearest: np.ndarray
    ratio: float
    flagged: bool
    distances: Sequence[float] = ()


@dataclass(frozen=True)
class Maker:
    """What the mark of a made face says, and whether faces are kept without loss."""

    model: str
    truncation: float
    exact: bool

    def made(self, face: np.ndarray, seed: int | None, scale: int, alt: str = "") -> Html:
        """Return a made face as an image that carries its mark."""
        said = None if seed is None else marks.facts(self.model, [seed], self.truncation)
        return _image(face, scale, self.exact, alt, None if said is None else marks.packet(said))

    def real(self, face: np.ndarray, scale: int, alt: str = "") -> Html:
        """Return a real face as an image."""
        return _image(face, scale, self.exact, alt, None)


def sheet(faces: Faces, maker: Maker, alt: str, made: bool = True) -> Html:
    """Lay out many faces with their seeds; to a screen reader they are one picture, `alt`."""
    scale = scale_for(faces.pictures, 64)
    cells = []
    for i, face in enumerate(faces.pictures):
        seed = faces.seeds[i] if i < len(faces.seeds) else None
        shown = maker.made(face, seed, scale) if made else maker.real(face, scale)
        beneath = "\u00a0" if seed is None else str(seed)  # so that rows stand level with the other sheet's
        cells.append(tag("span", shown, tag("small", beneath), class_="face"))
    return tag("div", *cells, role="img", aria_label=alt, **_laid(faces.pictures, scale))


def width(faces: np.ndarray) -> int:
    """Return how wide a sheet of faces (N, H, W, 3) wants to be: eight of them, in px."""
    return 8 * _shown(faces, scale_for(faces, 64)) + 7 * 4


def scored(faces: Faces, maker: Maker, least: int = 80) -> Html:
    """Lay out some faces, each with its seed and score, `least` px or larger."""
    scale = scale_for(faces.pictures, least)
    cells = []
    for i, face in enumerate(faces.pictures):
        seed = int(faces.seeds[i])
        shown = maker.made(face, seed, scale, f"Synthetic face of seed {seed}")
        score = tag("small", number(float(faces.scores[i]), 2), class_="score") if len(faces.scores) else None
        cells.append(tag("li", shown, tag("small", str(seed)), score, class_="face"))
    return tag("ul", *cells, **_laid(faces.pictures, scale))


def neighbours(rows: Iterable[Neighbour], maker: Maker) -> Html:
    """Lay out made faces, each over the training faces nearest to it."""
    return tag("ul", *(_neighbour(row, maker) for row in rows), class_="neighbours")


def _neighbour(row: Neighbour, maker: Maker) -> Html:
    scale = scale_for(row.nearest, 64)
    made = maker.made(row.picture, row.seed, scale_for(row.picture, 80), f"Synthetic face of seed {row.seed}")
    verdict = tag("b", "too close", class_="bad") if row.flagged else tag("span", "not too close")
    lines = (
        tag("span", f"seed {row.seed}"),
        tag("span", f"ratio {number(row.ratio, 2)}"),
        verdict,
    )
    near = []
    for i, face in enumerate(row.nearest):
        shown = maker.real(face, scale, f"Training face, number {i + 1} of the nearest")
        away = tag("small", number(float(row.distances[i]))) if i < len(row.distances) else None
        near.append(tag("span", shown, away, class_="face"))
    return tag(
        "li",
        tag("div", made, tag("div", *lines, class_="said"), class_="made"),
        tag("div", *near, **_laid(row.nearest, scale, "near")),
        class_="flagged" if row.flagged else None,
    )


def film(data: bytes, alt: str) -> Html:
    """Return an animated gif or WebP as it is; those who asked for less motion get its first frame.

    Raises:
        UsageError: it is neither.
    """
    if data[:6] in (b"GIF87a", b"GIF89a"):
        kind = "image/gif"
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "image/webp"
    else:
        raise UsageError("A report takes a walk as a .gif or .webp.")
    with Image.open(io.BytesIO(data)) as image:
        side, first = image.width, image.convert("RGB")
    still = _encode(first, exact=False, xmp=None)
    scale = max(1, -(-256 // side))
    moving = tag("img", src=_uri(data, kind), width=side * scale, height=first.height * scale, alt=alt)
    calm = tag("source", media="(prefers-reduced-motion: reduce)", srcset=_uri(still, "image/webp"))
    return tag("picture", calm, moving)


def scale_for(faces: np.ndarray, least: int) -> int:
    """Return the whole factor that brings faces (..., H, W, 3) to at least `least` px."""
    return max(1, -(-least // faces.shape[-2]))


def _shown(faces: np.ndarray, scale: int) -> int:
    return min(faces.shape[-2] * scale, _LARGEST)


def _laid(faces: np.ndarray, scale: int, *kinds: str) -> dict[str, Any]:
    """Return the attributes of what holds faces; large ones may be shown smaller on a narrow screen."""
    large = ("large",) if faces.shape[-2] > _SMALL else ()
    return {"class_": " ".join(("faces", *kinds, *large)), "style": f"--side:{_shown(faces, scale)}px"}


def _image(face: np.ndarray, scale: int, exact: bool, alt: str, xmp: bytes | None) -> Html:
    side = _shown(face, scale)
    source = _uri(_encode(Image.fromarray(face), exact, xmp), "image/webp")
    small = "px" if face.shape[0] <= _SMALL else None
    return tag("img", src=source, width=side, height=side, alt=alt, class_=small)


def _encode(image: Image.Image, exact: bool, xmp: bytes | None) -> bytes:
    file = io.BytesIO()
    more = {"xmp": xmp} if xmp else {}
    if exact:
        image.save(file, "WEBP", lossless=True, quality=90, method=4, **more)
    else:
        quality = 95 if image.width <= _LARGEST else 85
        image.save(file, "WEBP", quality=quality, method=4, use_sharp_yuv=True, **more)
    return file.getvalue()


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
