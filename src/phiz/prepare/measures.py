"""What is measured of every face: each a number that a screen may set a limit to.

| figure | is | unit |
|---|---|---|
| side | the square that was cut | px of the picture |
| enlarged | the face's size over that: above 1 it was enlarged | |
| sure | the detector's score | 0..1 |
| sharp | the share of its steps from pixel to pixel that a slight blur takes away | 0..1 |
| bright | mean luma | 0..1 |
| highs | luma that a fiftieth of the pixels exceed: low where nothing is lit | 0..1 |
| lows | luma that nine tenths of the pixels exceed: high where all is washed out | 0..1 |
| contrast | standard deviation of luma | 0..1 |
| colour | mean distance of the largest from the least of red, green, blue | 0..1 |
| page | of a picture without colour, the share that is paper or ink; 0 of a coloured one | 0..1 |
| tilt | how far the eyes are from level | degrees |
| turn | how far the nose is from the middle between the eyes | eye distances |
| alike | how much it is like the set's other faces (phiz.prepare.alike) | standard deviations |
| seen | of a doubtful cut, the score of the detector that is surest of a face in it | 0..1 |
| outside | the share of the square beyond the picture's edge | 0..1 |

Sharpness compares a face with itself blurred (Crete, Dolmiere, Ladret, Nicolas, "The Blur Effect: Perception
and Estimation with a New No-reference Perceptual Blur Metric", 2007): what was blurred already loses little.
It does not depend on contrast, and exposure is judged by the brightest and darkest parts: measures by means
would refuse dark skin.
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
    """Return sharp, bright, highs, lows, contrast and colour of a face, uint8 (H, W, 3)."""
    if face.shape[0] > _LOOKED_AT:
        small = Image.fromarray(face).resize((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
        face = np.asarray(small)
    luma = face.astype(np.float32) @ _LUMA
    spread = float(luma.std())
    low, high = np.percentile(luma, [10, 98])
    chroma = _chroma(face)
    return {
        "sharp": round(_sharpness(luma), 4),
        "bright": round(float(luma.mean()) / 255, 4),
        "highs": round(float(high) / 255, 4),
        "lows": round(float(low) / 255, 4),
        "contrast": round(spread / 255, 4),
        "colour": round(float(chroma.mean()) / 255, 4),
    }


def _sharpness(luma: np.ndarray) -> float:
    """Return which share of the steps between neighbours is lost when three in a row are averaged."""
    lost = []
    for field in (luma, luma.T):
        steps = np.abs(np.diff(field, axis=0))
        soft = (field[:-2] + field[1:-1] + field[2:]) / 3
        after = np.abs(np.diff(soft, axis=0))
        total = float(steps[1:-1].sum())
        lost.append(float((steps[1:-1] - after).clip(0).sum()) / total if total > 0 else 0.0)
    return min(lost)


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
