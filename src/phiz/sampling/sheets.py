"""Contact sheets: many faces in rows and columns, evenly spaced, their seeds beneath if wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phiz import pictures
from phiz.errors import UsageError

PAPER, INK = (255, 255, 255), (70, 70, 70)
READABLE = 64
"""The side to which small faces are enlarged on a sheet, in pixels."""

MAX_PIXELS = 1 << 28
LARGEST_SIDE = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}
"""What formats allow, by suffix."""


def read_grid(text: str) -> tuple[int, int]:
    """Read "4x6" as 4 rows of 6 columns.

    Raises:
        UsageError: it is something else.
    """
    found = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", text)
    if not found or 0 in (grid := (int(found[1]), int(found[2]))):
        raise UsageError(f'A grid is ROWSxCOLUMNS, such as 4x6, not "{text}".')
    return grid


def grid_for(n: int) -> tuple[int, int]:
    """Return the (rows, columns) that suit `n` faces: near square, wider than tall, few places empty."""
    if n <= 3:
        return 1, n
    least = int(np.ceil(np.sqrt(n)))
    widest = max(least, int(np.sqrt(2 * n)))
    columns = min(range(least, widest + 1), key=lambda c: (-n % c, c))
    return -(-n // columns), columns


def check_grid(grid: tuple[int, int], n: int) -> None:
    """Refuse a grid that does not hold `n` faces, or holds them with a whole row empty (status 2)."""
    rows, columns = grid
    if rows * columns < n or (rows - 1) * columns >= n:
        better = grid_for(n)
        raise UsageError(
            f"A grid of {rows}x{columns} has {rows * columns} places for {n} faces; "
            f"{better[0]}x{better[1]} would do, or leave one of the two out."
        )


def scale_for(size: int, readable: int = READABLE) -> int:
    """Return by how much faces of `size` px are enlarged so that they can be looked at."""
    return max(1, -(-readable // size))


def enlarge(face: np.ndarray, scale: int) -> Image.Image:
    """Return a face (H, W, 3) as a picture, `scale` times as large."""
    image = Image.fromarray(face)
    return image if scale == 1 else pictures.resize(image, face.shape[0] * scale)


def check_scale(scale: int) -> None:
    """Refuse a scale that is no whole number from 1 to 16 (status 2)."""
    if not (isinstance(scale, int) and 1 <= scale <= 16):
        raise UsageError(f"A scale is a whole number from 1 to 16, not {scale}.")


def sheet(
    faces: Iterable[np.ndarray],
    size: int,
    grid: tuple[int, int],
    numbers: Sequence[int | str] | None = None,
    scale: int = 1,
    suffix: str = ".png",
) -> Image.Image:
    """Lay faces out in rows from the top left.

    Args:
        faces: uint8 (H, W, 3) each; they are taken one by one, so that a stream will do.
        size: H = W.
        grid: rows, columns; one face alone gets no margin.
        numbers: what to write beneath each face.
        scale: how many times each face is enlarged.
        suffix: the format it is meant for, whose largest side is checked.

    Raises:
        UsageError: the sheet would be too large to write.
    """
    side, (rows, columns) = size * scale, grid
    font = ImageFont.load_default(max(11, round(side / 9)))
    texts = [str(number) for number in numbers] if numbers else []
    width, line = side, 0
    if texts:
        ascent = font.getbbox("0123456789")
        line = round(ascent[3]) + 2
        width = max(side, *(round(font.getlength(text)) + 4 for text in texts))
    gap = 0 if grid == (1, 1) and not texts else max(2, round(side / 32))
    whole = (columns * (width + gap) + gap, rows * (side + line + gap) + gap)
    check_sheet(whole, suffix)
    canvas = Image.new("RGB", whole, PAPER)
    draw = ImageDraw.Draw(canvas)
    for i, face in enumerate(faces):
        x = gap + (i % columns) * (width + gap)
        y = gap + (i // columns) * (side + line + gap)
        canvas.paste(enlarge(face, scale), (x + (width - side) // 2, y))
        if texts:
            draw.text((x + width / 2, y + side), texts[i], INK, font, anchor="ma")
    return canvas


def check_sheet(whole: tuple[int, int], suffix: str) -> None:
    """Refuse a sheet of more pixels than fit in memory or in its format (status 2)."""
    if whole[0] * whole[1] > MAX_PIXELS or max(whole) > LARGEST_SIDE.get(suffix.lower(), MAX_PIXELS):
        raise UsageError(
            f"A sheet of {whole[0]} x {whole[1]} pixels is too large for one {suffix} picture; make fewer "
            "faces, a smaller --scale, or single pictures: -o FOLDER."
        )
