"""Drawn faces without end: a small grammar of shapes, each face a pure function of its index.

The set behind `phiz demo` and the tests. Six styles (flat, anime, chibi, ink, paper, clay) share one skull,
one wardrobe and one label schema; every face is an SVG text first, drawn to pixels by resvg when asked.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ..errors import MissingExtra
from . import anime, chibi, clay, flat, ink, paper
from .face import face_of
from .traits import SCHEMA, labels_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SCHEMA", "draw", "label_row", "labels", "svg"]

SMALLEST = 8  # pixels a side

_STYLES = {
    "flat": flat.draw,
    "anime": anime.draw,
    "chibi": chibi.draw,
    "ink": ink.draw,
    "paper": paper.draw,
    "clay": clay.draw,
}


def _checked(index: int) -> int:
    if isinstance(index, bool) or (not isinstance(index, int) and not hasattr(index, "__index__")):
        raise TypeError(f"a face's index is a whole number, not {type(index).__name__}")
    index = int(index)
    if index < 0:
        raise ValueError(f"a face's index is 0 or more, not {index}")
    return index


def labels(index: int) -> dict[str, str]:
    """Attribute -> value of face `index` (0 or more), in SCHEMA's order.

    Raises ValueError for a negative index.
    """
    return labels_of(_checked(index))


def label_row(index: int) -> list[int]:
    """The labels of face `index` as positions in SCHEMA's lists: len(SCHEMA) integers, each 0 or more.

    Raises ValueError for a negative index.
    """
    return [SCHEMA[attribute].index(value) for attribute, value in labels(index).items()]


def svg(index: int) -> str:
    """Face `index` (0 or more) as SVG text on a square of 256 units: the same text on every machine.

    Raises ValueError for a negative index.
    """
    face = face_of(_checked(index))
    return _STYLES[face["style"]](face)


def draw(index: int, size: int = 64) -> np.ndarray:
    """Face `index` (0 or more) as pixels: uint8, (size, size, 3), RGB in 0 .. 255, anti-aliased.

    Raises ValueError for a negative index or a size under 8, MissingExtra where resvg-py is not installed.
    """
    if size < SMALLEST:
        raise ValueError(f"a face is drawn at {SMALLEST} pixels a side or more, not {size}")
    text = svg(index)
    import numpy as np
    from PIL import Image

    try:
        import resvg_py
    except ImportError as fault:
        raise MissingExtra("drawing faces", "avatars") from fault
    png = resvg_py.svg_to_bytes(svg_string=text, width=int(size), height=int(size), skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        return np.array(picture.convert("RGB"))
