"""From a picture's bytes to a face: the centred square, resized."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phiz.pictures import BadPicture, centre_crop, decode, resize


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of one picture: a face (uint8, size x size x 3) and its box, or a reason."""

    index: int
    face: np.ndarray | None
    box: tuple[int, int, int, int] | None
    sha256: str | None
    reason: str | None


def cut(index: int, name: str, load: Callable[[], bytes], size: int) -> Cut:
    """Read, decode, crop and resize one picture; a bad one comes back with its reason."""
    digest = None
    try:
        data = load()
        digest = hashlib.sha256(data).hexdigest()
        square, box = centre_crop(decode(data, name))
    except BadPicture as fault:
        return Cut(index, None, None, digest, fault.reason)
    return Cut(index, np.asarray(resize(square, size)), box, digest, None)
