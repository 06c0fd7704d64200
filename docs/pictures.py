"""Draw docs/avatars.png, the README's picture: a sheet of faces from phiz.avatars, style beside style.

    python docs/pictures.py

Needs phiz[avatars]. The same faces come out every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from PIL import Image, ImageDraw

from phiz import avatars

ROWS, COLUMNS = 4, 10
FACE, GAP = 112, 9  # pixels
OUT = Path(__file__).with_name("avatars.png")


def chosen() -> Iterator[int]:
    """Yield the faces of the sheet, row by row: each place takes the next unused face of its style."""
    styles = avatars.SCHEMA["style"]
    streams = {style: _of(style) for style in styles}
    for row in range(ROWS):
        for column in range(COLUMNS):
            yield next(streams[styles[(column + 2 * row) % len(styles)]])


def _of(style: str) -> Iterator[int]:
    return (index for index in count() if avatars.labels(index)["style"] == style)


def rounded(side: int) -> Image.Image:
    """Return a mask with round corners, drawn large and reduced so that its edge is smooth."""
    large = Image.new("L", (4 * side, 4 * side), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, 4 * side - 1, 4 * side - 1), side // 2, fill=255)
    return large.resize((side, side), Image.Resampling.LANCZOS)


def sheet() -> Image.Image:
    """Return the sheet: RGBA, clear between the faces, so that it suits a light and a dark page."""
    step = FACE + GAP
    canvas = Image.new("RGBA", (COLUMNS * step - GAP, ROWS * step - GAP), (0, 0, 0, 0))
    mask = rounded(FACE)
    for place, index in enumerate(chosen()):
        face = Image.fromarray(avatars.draw(index, FACE))
        face.putalpha(mask)
        canvas.paste(face, (place % COLUMNS * step, place // COLUMNS * step))
    return canvas


if __name__ == "__main__":
    sheet().save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")
