"""What is measured of every face: each a number that a screen may set a limit to.

| figure | is | unit |
|---|---|---|
| side | the square that was cut | px of the picture |
| enlarged | the face's size over that: above 1 it was enlarged | |
| sure | the detector's score | 0..1 |
| sharp | the mean step from a pixel to its neighbours, over the face's contrast | |
| bright | mean luma | 0..1 |
| contrast | standard deviation of luma | 0..1 |
| colour | mean distance of the largest from the least of red, green, blue | 0..1 |
| page | of a picture without colour, the share that is paper or ink; 0 of a coloured one | 0..1 |
| tilt | how far the eyes are from level | degrees |
| turn | how far the nose is from the middle between the eyes | eye distances |
| outside | the share of the square beyond the picture's edge | 0..1 |
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from phiz.prepare.detectors import Seen

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LOOKED_AT = 64  # px a face is measured at where it is larger, so that a figure means the same at any size
_PAGE = 128
_COLOURED = 24
_MOST_COLOURED = 0.02


def of_face(face: np.ndarray) -> dict[str, float]:
    """Return sharp, bright, contrast and colour of a face, uint8 (H, W, 3)."""
    if face.shape[0] > _LOOKED_AT:
        small = Image.fromarray(face).resize((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
        face = np.asarray(small)
    luma = face.astype(np.float32) @ _LUMA
    spread = float(luma.std())
    steps = (np.abs(np.diff(luma, axis=0)).mean() + np.abs(np.diff(luma, axis=1)).mean()) / 2
    chroma = _chroma(face)
    return {
        "sharp": round(float(steps) / max(spread, 1.0), 4),
        "bright": round(float(luma.mean()) / 255, 4),
        "contrast": round(spread / 255, 4),
        "colour": round(float(chroma.mean()) / 255, 4),
    }


def of_picture(picture: Image.Image) -> dict[str, float]:
    """Return page, of the whole picture a face was found in."""
    small = np.asarray(picture.resize((_PAGE, _PAGE), Image.Resampling.NEAREST))
    if (_chroma(small) > _COLOURED).mean() > _MOST_COLOURED:
        return {"page": 0.0}
    luma = small.astype(np.float32) @ _LUMA
    return {"page": round(float(((luma > 225) | (luma < 40)).mean()), 3)}


def _chroma(pixels: np.ndarray) -> np.ndarray:
    """Return the largest of red, green, blue less the least: uint8 (H, W); a reduction over three is slow."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    most = np.maximum(np.maximum(red, green), blue)
    return most - np.minimum(np.minimum(red, green), blue)


def of_landmarks(face: Seen) -> dict[str, float]:
    """Return tilt, where the eyes are known, and turn, where the nose is too."""
    points = face.landmarks or ()
    if len(points) < 2:
        return {}
    (lx, ly), (rx, ry) = points[:2]
    angle = math.atan2(ry - ly, rx - lx)
    found = {"tilt": round(abs(math.degrees(angle)), 1)}
    if len(points) == 5:
        between = max(math.hypot(rx - lx, ry - ly), 1e-6)
        nx, ny = points[2]
        along = (nx - (lx + rx) / 2) * math.cos(angle) + (ny - (ly + ry) / 2) * math.sin(angle)
        found["turn"] = round(min(abs(along) / between, 9.0), 3)
    return found
