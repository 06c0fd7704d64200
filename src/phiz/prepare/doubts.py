"""A second look at faces that were cut already and are less like their set's others than most: does any
detector see a face there? It is quick, as most faces need none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
from PIL import Image

from phiz.errors import PhizError
from phiz.prepare.detectors import DETECTORS, detector, overlap

DOUBT = -0.75
"""Faces less alike than this are looked at again."""

_SIDE, _ROOM = 96, 16  # px a face is looked at with, and mirrored around it, since it may fill its cut
_OVER = 0.2
_TYPICAL, _KNOWN, _SEES = 64, 0.9, 0.3


Eyes = Callable[[np.ndarray], float]
"""Returns how sure it is, 0..1, that a face, uint8 (H, W, 3), shows one."""


def eyes() -> Eyes:
    """Return what looks with every detector.

    Raises:
        PhizError: the weights of none can be had.
    """
    found, fault = [], None
    for name in DETECTORS:
        try:
            found.append(detector(name))
        except PhizError as missing:
            fault = missing
    if not found:
        raise fault or PhizError("there is no detector.")

    def look(face: np.ndarray) -> float:
        picture = Image.fromarray(face).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        field = Image.fromarray(
            np.pad(np.asarray(picture), ((_ROOM, _ROOM), (_ROOM, _ROOM), (0, 0)), mode="reflect")
        )
        whole = (_ROOM, _ROOM, _SIDE, _SIDE)
        seen = [one for find in found for one in find(field) if overlap(one.box, whole) > _OVER]
        return round(max((one.score for one in seen), default=0.0), 3)

    return look


def eyes_or_none(warn: Callable[[str], None]) -> Eyes | None:
    """Return what looks with every detector; None, and `warn` is told, where there are no weights."""
    try:
        return eyes()
    except PhizError as fault:
        warn(f"Doubtful faces are not looked at again: {fault}")
        return None


def trusted(typical: Iterable[np.ndarray], look: Eyes) -> bool:
    """Say whether a set's typical faces are seen; where the detectors do not know its
    kind of faces, a second look says nothing."""
    seen = [look(face) for face in islice(typical, _TYPICAL)]
    return bool(seen) and sum(one >= _SEES for one in seen) >= _KNOWN * len(seen)
