"""A network drawn: as text for a terminal, as a picture, and small pictures as coloured text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phiz import pictures
from phiz.sampling.layers import Stage

PAPER, INK, FAINT = (255, 255, 255), (45, 50, 60), (125, 132, 145)
_FRONT, _TOP, _SIDE = (214, 226, 244), (233, 240, 250), (176, 196, 226)


def as_text(z: int, stages: Sequence[Stage], width: int = 76) -> str:
    """Draw the way from a latent to a face as boxes, the wider the larger the picture in them."""
    largest = max((stage.side for stage in stages), default=1)
    lines = _box(f"latent, {z:,} values", 0.0, width, first=True)
    for i, stage in enumerate(stages):
        for work in stage.work:
            parts = textwrap.wrap(work.replace("stride ", "stride\xa0"), width - width // 2 - 2)
            lines += [" " * (width // 2) + "│ " + part.replace("\xa0", " ") for part in parts]
        share = math.log2(stage.side) / max(1.0, math.log2(largest)) if stage.side > 1 else 0.0
        last = i == len(stages) - 1
        words = f"face, {stage.size}" if last else stage.size
        lines += _box(words, share, width, last=last)
    return "\n".join(line.rstrip() for line in lines)


def _box(words: str, share: float, width: int, first: bool = False, last: bool = False) -> list[str]:
    inner = max(len(words) + 2, round(24 + share * (width - 28)))
    inner += 1 - inner % 2  # an arrow in the middle
    left = " " * (width // 2 - inner // 2 - 1)
    half = "─" * (inner // 2)
    return [
        f"{left}┌{half}{'─' if first else '┴'}{half}┐",
        f"{left}│{words:^{inner}}│",
        f"{left}└{half}{'─' if last else '┬'}{half}┘",
    ]


def as_picture(z: int, stages: Sequence[Stage], face: np.ndarray | None = None) -> Image.Image:
    """Draw the way from a latent to a face as blocks: their front as large as the picture, grown with
    its side, their depth with its channels; beneath each, its size and what is done to get there.

    Args:
        z: values in a latent.
        stages: from `phiz.sampling.layers.stages_of`.
        face: uint8 (H, W, 3) to show at the end.
    """
    large, small = ImageFont.load_default(19), ImageFont.load_default(14)
    blocks = [_block(stage) for stage in stages]
    notes = [_lines(stage.work, small, 190) for stage in stages]
    columns = [max(front + depth, 200) for front, depth in blocks]
    gap, margin, latent = 36, 40, 120
    end = 200 if face is not None else 0
    tall = max(end, *(front + depth for front, depth in blocks))
    text = max(len(lines) for lines in notes) * 19
    width = 2 * margin + latent + sum(columns) + gap * (len(columns) + bool(end)) + end
    canvas = Image.new("RGB", (width, 2 * margin + tall + 44 + text), PAPER)
    draw = ImageDraw.Draw(canvas)
    middle = margin + tall // 2

    _slab(draw, margin + latent // 2 - 9, middle, 18, 110, 0)
    _caption(draw, margin + latent // 2, margin + tall + 12, "latent", [f"{z:,} values"], large, small)
    x = margin + latent
    for stage, (front, depth), column, lines in zip(stages, blocks, columns, notes, strict=True):
        _arrow(draw, x + 4, x + gap - 6, middle)
        x += gap
        across = front if stage.side > 1 else 18
        _slab(draw, x + (column - across - depth) // 2, middle, across, front, depth)
        _caption(draw, x + column // 2, margin + tall + 12, stage.size, lines, large, small)
        x += column
    if face is not None:
        _arrow(draw, x + 4, x + gap - 6, middle)
        image = pictures.resize(Image.fromarray(face), end - 20)
        canvas.paste(image, (x + gap + 10, middle - image.height // 2))
        _caption(draw, x + gap + end // 2, margin + tall + 12, "a face", [], large, small)
    return canvas


def _block(stage: Stage) -> tuple[int, int]:
    """Return the front's side and the depth of a stage's block, in pixels."""
    if stage.side == 1:
        return 130, 0
    return round(26 * math.log2(stage.side)), round(9 * math.log2(max(2, stage.channels)))


def _slab(draw: ImageDraw.ImageDraw, left: int, middle: int, width: int, height: int, depth: int) -> None:
    rise = round(depth * 0.55)
    top, bottom, right = middle - (height - rise) // 2, middle + (height + rise) // 2, left + width
    if depth:
        over = [(left, top), (left + depth, top - rise), (right + depth, top - rise), (right, top)]
        aside = [(right, top), (right + depth, top - rise), (right + depth, bottom - rise), (right, bottom)]
        draw.polygon(over, _TOP, INK)
        draw.polygon(aside, _SIDE, INK)
    draw.rectangle((left, top, right, bottom), _FRONT, INK)


def _arrow(draw: ImageDraw.ImageDraw, start: int, end: int, y: int) -> None:
    draw.line((start, y, end - 7, y), FAINT, 2)
    draw.polygon([(end, y), (end - 9, y - 5), (end - 9, y + 5)], FAINT)


def _caption(
    draw: ImageDraw.ImageDraw,
    x: int,
    y: int,
    title: str,
    lines: Sequence[str],
    large: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    small: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    draw.text((x, y), title, INK, large, anchor="ma")
    for i, line in enumerate(lines):
        draw.text((x, y + 28 + 19 * i), line, FAINT, small, anchor="ma")


def _lines(works: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, most: int) -> list[str]:
    """Break what a stage does into lines of at most `most` pixels."""
    lines: list[str] = []
    for work in works:
        line = ""
        for word in work.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > most:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def half_blocks(image: Image.Image, width: int) -> list[list[tuple[str, str]]]:
    """Return `image` as rows of (upper, lower) colours "#rrggbb", two pixels to a character.

    A terminal that shows "▀" in the first colour on the second has a small picture.
    """
    height = max(2, round(image.height * width / image.width / 2) * 2)
    pixels = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))

    def colour(pixel: np.ndarray) -> str:
        return "#{:02x}{:02x}{:02x}".format(*(int(value) for value in pixel))

    return [
        [(colour(up), colour(down)) for up, down in zip(pixels[y], pixels[y + 1], strict=True)]
        for y in range(0, height, 2)
    ]
