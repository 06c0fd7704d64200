"""How a face becomes the small picture that an upscaler learns to undo.

    clean         Pillow's bicubic and nothing else
    mild          as pictures are reduced in practice: bicubic, Lanczos or box, half of them then through JPEG
                  of quality 60 to 95
    first-order   blur, reduction by any filter, noise, JPEG of quality 40 to 95, in this order (the first
                  order of Wang et al., arXiv 2107.10833, at strengths that leave a face a face)

A function of each takes a face, uint8 (crop, crop, 3), the scale and a generator of random numbers, and
returns uint8 (crop / scale, crop / scale, 3). How a generator's own faces
differ from small real ones is a degradation too: see phiz.training.spectra.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageFilter

Degradation = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]

_FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)
_MORE_FILTERS = (*_FILTERS, Image.Resampling.BILINEAR)
_BLUR = (0.3, 0.6)  # the standard deviation's least, and its most in pixels of the small picture
_NOISE = 10.0  # the most, in levels of 255


def clean(face: np.ndarray, scale: int, draws: np.random.Generator) -> np.ndarray:
    """Reduce by Pillow's bicubic."""
    return np.asarray(_reduced(Image.fromarray(face), scale, Image.Resampling.BICUBIC))


def mild(face: np.ndarray, scale: int, draws: np.random.Generator) -> np.ndarray:
    """Reduce by a usual filter; half of the faces then go through JPEG."""
    small = _reduced(Image.fromarray(face), scale, _FILTERS[draws.integers(len(_FILTERS))])
    return np.asarray(_through_jpeg(small, int(draws.integers(60, 96))) if draws.random() < 0.5 else small)


def first_order(face: np.ndarray, scale: int, draws: np.random.Generator) -> np.ndarray:
    """Blur, reduce, add noise, compress."""
    image = Image.fromarray(face)
    radii = draws.uniform(_BLUR[0], _BLUR[1] * scale, 2)
    image = image.filter(ImageFilter.GaussianBlur(tuple(float(radius) for radius in radii)))
    image = _reduced(image, scale, _MORE_FILTERS[draws.integers(len(_MORE_FILTERS))])
    pixels = np.asarray(image).astype(np.float32)
    channels = 3 if draws.random() < 0.6 else 1  # the rest is grey noise
    noise = draws.standard_normal((*pixels.shape[:2], channels), np.float32)
    pixels += noise * np.float32(draws.uniform(0, _NOISE))
    noisy = Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))
    return np.asarray(_through_jpeg(noisy, int(draws.integers(40, 96))))


DEGRADATIONS: dict[str, Degradation] = {"clean": clean, "mild": mild, "first-order": first_order}
"""Degradations by name; a new one is a function and a line here."""


def _reduced(image: Image.Image, scale: int, by: Image.Resampling) -> Image.Image:
    return image.resize((image.width // scale, image.height // scale), by)


def _through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as again:
        return again.convert("RGB")


def mixed(shares: Mapping[str, float], known: Mapping[str, Degradation] = DEGRADATIONS) -> Degradation:
    """Return the degradation that is each of `shares` as often as its share says, {name: weight}.

    Raises:
        KeyError: a name is not known.
    """
    names = [name for name, share in shares.items() if share > 0]
    edges = np.cumsum([shares[name] for name in names])
    chosen = [known[name] for name in names]

    def degrade(face: np.ndarray, scale: int, draws: np.random.Generator) -> np.ndarray:
        return chosen[int(np.searchsorted(edges, draws.random() * edges[-1], "right"))](face, scale, draws)

    return degrade
