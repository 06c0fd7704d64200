"""Pictures with a drawn face in them that the detectors know, for tests."""

from __future__ import annotations

import io

from PIL import Image

from phiz.prepare.trial import drawn_face


def scene(
    places: list[tuple[int, int, int]], size: tuple[int, int] = (640, 480), hue: int = 0
) -> Image.Image:
    """Return a picture with a drawn face at each (x, y, side)."""
    picture = Image.new("RGB", size, (170, (190 + hue) % 256, 210))
    for x, y, side in places:
        face = drawn_face().resize((side, side), Image.Resampling.LANCZOS)
        picture.paste(face, (x, y))
    return picture


def png(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
