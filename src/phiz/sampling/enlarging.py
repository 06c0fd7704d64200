"""Whole pictures, enlarged by an upscaler: with their transparency, and within what memory holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from phiz.errors import PhizError
from phiz.sampling.sheets import LARGEST_SIDE, MAX_PIXELS
from phiz.upscaler import Upscaler

_BLEED = 4  # pixels over which colours spread into what is transparent


def check_room(name: str, size: tuple[int, int], scale: int, suffix: str) -> None:
    """Refuse a picture that would be too large for memory or for its format once enlarged (status 3)."""
    width, height = size[0] * scale, size[1] * scale
    side = LARGEST_SIDE.get(suffix.lower(), MAX_PIXELS)
    if width * height > MAX_PIXELS:
        limit = f"more than the {MAX_PIXELS:,} pixels that are made"
    elif max(width, height) > side:
        limit = f"and a {suffix} has at most {side:,} a side; write a .png"
    else:
        return
    raise PhizError(f"{name}: {width:,} x {height:,} pixels once enlarged, {limit}; cut or reduce it first.")


def enlarge(
    image: Image.Image,
    upscaler: Upscaler,
    sharpness: float | None = None,
    done: Callable[[int], None] | None = None,
) -> Image.Image:
    """Enlarge an RGB or RGBA picture; see `Upscaler.enlarge`. Its colour profile stays."""
    pixels = np.asarray(_spread(image).convert("RGB"))
    made = Image.fromarray(upscaler.enlarge(pixels, sharpness, done))
    if image.mode == "RGBA":
        made.putalpha(_alpha(image.getchannel("A"), upscaler, sharpness))
    made.info = dict(image.info)
    return made


def _spread(image: Image.Image) -> Image.Image:
    """Give what is transparent the colours around it: it has any, and they would show along the edges."""
    if image.mode != "RGBA":
        return image
    around = image.convert("RGBa").filter(ImageFilter.GaussianBlur(_BLEED)).convert("RGBA")
    around.putalpha(255)
    around.paste(image, mask=image.getchannel("A").point(lambda value: 255 if value else 0))
    return around


def _alpha(alpha: Image.Image, upscaler: Upscaler, sharpness: float | None) -> Image.Image:
    """Enlarge transparency as the grey picture it is."""
    least, most = alpha.getextrema()
    scale = upscaler.config.scale
    if least == most:
        return alpha.resize((alpha.width * scale, alpha.height * scale), Image.Resampling.NEAREST)
    return Image.fromarray(upscaler.enlarge(np.asarray(alpha.convert("RGB")), sharpness)).convert("L")
