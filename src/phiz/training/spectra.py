"""What a generator does to faces, as a degradation: small real faces made as soft and as grainy as its own.

No large picture belongs to a face that a generator made, so an upscaler cannot be shown the right answer for
it. What it can be shown are real pairs whose small half looks as the generator's faces do. Generators of this
size differ from real faces mostly in their finer frequencies: some are missing, some are noise. So the mean
power spectrum of its faces is compared with that of real faces of its size. Where it has less, a real face is
softened by the root of the ratio; where it has more, grey noise of the difference is added; how strongly is
drawn anew each time. The pixels to aim at stay those of the real face: what is learned is to undo softness
and grain, and not to turn a face into another one, as learning against its faces without an aim would allow.
Faces that are drawn wrongly stay so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from phiz.faceset import FaceSet
from phiz.training.degradations import clean

ENOUGH = 512
"""How many faces of each kind are compared."""

_BINS = 24
_COARSE = 0.08  # cycles a pixel: coarser differences are of what faces show, not of how they are drawn
_MARGIN = 8  # pixels of reflection, so that filtering does not join opposite edges
_LIGHT = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Likeness:
    """How a generator's faces differ from real ones, by frequency from 0 to 0.5 cycles a pixel.

    Attributes:
        gain: what is left of a real face's amplitude, 0 to 1.
        noise: the power of the grain to add, in squared levels of 255 a pixel.
    """

    gain: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, made: np.ndarray, faces: FaceSet, scale: int) -> Likeness:
        """Compare `made` faces, uint8 (N, h, h, 3), with real ones, brought to scale * h and reduced."""
        side = made.shape[1]
        which = np.unique(np.linspace(0, len(faces) - 1, min(ENOUGH, len(faces))).astype(np.int64))
        draws = np.random.default_rng(0)
        real = [clean(sized(face, scale * side), scale, draws) for face in faces.batch(which)]
        of_made, of_real = spectrum(made), spectrum(np.stack(real))
        fine = _frequencies() > _COARSE
        ratio = of_made / np.maximum(of_real, 1e-9)
        gain = np.where(fine, np.sqrt(np.minimum(ratio, 1)), 1.0)
        return cls(gain, np.where(fine, np.maximum(of_made - of_real, 0), 0.0))

    def __call__(self, face: np.ndarray, scale: int, draws: np.random.Generator) -> np.ndarray:
        """Reduce a face and make it like the generator's; see phiz.training.degradations."""
        small = clean(face, scale, draws).astype(np.float64)
        strength = draws.random()
        padded = np.pad(small, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "reflect")
        height, width = padded.shape[:2]
        at = np.minimum(np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]), 0.5)
        gain = np.interp(at, _frequencies(), self.gain) ** strength
        grain = np.sqrt(np.interp(at, _frequencies(), self.noise) * strength)
        soft = np.fft.irfft2(np.fft.rfft2(padded, axes=(0, 1)) * gain[..., None], (height, width), (0, 1))
        noise = np.fft.irfft2(np.fft.rfft2(draws.standard_normal((height, width))) * grain, (height, width))
        inside = (soft + noise[..., None])[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        return np.rint(inside.clip(0, 255)).astype(np.uint8)


def sized(face: np.ndarray, size: int) -> np.ndarray:
    """Bring a face to a side of `size` pixels, as face sets are made."""
    from phiz.pictures import resize

    return face if face.shape[0] == size else np.asarray(resize(Image.fromarray(face), size))


def spectrum(faces: np.ndarray) -> np.ndarray:
    """Return the mean power of the light of faces, uint8 (N, h, h, 3), by frequency: (24,).

    In squared levels of 255: white noise of variance v has v at every frequency.
    """
    side = faces.shape[1]
    window = np.outer(np.hanning(side), np.hanning(side))
    light = faces.astype(np.float64) @ _LIGHT
    light = (light - light.mean((1, 2), keepdims=True)) * window
    power = np.square(np.abs(np.fft.rfft2(light))).mean(0) / np.square(window).sum()
    at = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    places = np.minimum((at * 2 * _BINS).astype(np.int64), _BINS).ravel()
    sums = np.bincount(places, power.ravel(), _BINS + 1)[:_BINS]
    counts = np.bincount(places, minlength=_BINS + 1)[:_BINS]
    known = counts > 0
    return np.interp(_frequencies(), _frequencies()[known], sums[known] / counts[known])


def _frequencies() -> np.ndarray:
    return (np.arange(_BINS) + 0.5) / (2 * _BINS)
