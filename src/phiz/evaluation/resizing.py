"""How pictures come to the size a feature network takes: two rules of Pillow's bicubic, each with a name.

Pillow's bicubic is the cubic convolution with a = -0.5, widened where it reduces, so that it does not
alias. The two rules differ in rounding: the first gives bytes again, the second stays in float.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from PIL import Image

Rule = Callable[[np.ndarray, int], np.ndarray]
_AHEAD = 8  # parts resized before they are asked for
BICUBIC = Image.Resampling.BICUBIC


def check_pictures(pictures: np.ndarray) -> np.ndarray:
    """Return `pictures` if they are uint8 (N, H, W, 3).

    Raises:
        ValueError: they are something else.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
        raise ValueError(f"pictures are uint8 (N, H, W, 3), not {pictures.dtype} {pictures.shape}")
    return pictures


def resized(pictures: np.ndarray, size: int) -> np.ndarray:
    """Resize by Pillow's bicubic to bytes: uint8 (N, H, W, 3) -> uint8 (N, size, size, 3)."""
    if pictures.shape[1:3] == (size, size):
        return pictures
    whole = np.empty((len(pictures), size, size, 3), np.uint8)
    for place, picture in zip(whole, pictures, strict=True):
        place[:] = np.asarray(Image.fromarray(picture).resize((size, size), BICUBIC))
    return whole


def bicubic(pictures: np.ndarray, size: int) -> np.ndarray:
    """Resize by Pillow's bicubic to bytes: uint8 (N, H, W, 3) -> float32 (N, 3, size, size), 0 .. 255."""
    return resized(pictures, size).transpose(0, 3, 1, 2).astype(np.float32, order="C")


def clean_bicubic(pictures: np.ndarray, size: int) -> np.ndarray:
    """Resize as clean-FID defines it (arXiv 2104.11222): Pillow's bicubic in float, channel by channel.

    uint8 (N, H, W, 3) -> float32 (N, 3, size, size), clipped to 0 .. 255 and not rounded.
    """
    whole = np.empty((len(pictures), 3, size, size), np.float32)
    for place, picture in zip(whole, pictures, strict=True):
        for channel, plane in zip(place, picture.transpose(2, 0, 1).astype(np.float32), strict=True):
            channel[:] = np.asarray(Image.fromarray(plane).resize((size, size), BICUBIC))
    return whole.clip(0, 255, out=whole)


def ahead(
    pictures: np.ndarray, size: int, rule: Rule, part: int, pool: ThreadPoolExecutor
) -> Iterator[np.ndarray]:
    """Yield `pictures` resized, `part` at a time, while the threads of `pool` resize those that follow."""
    waiting: deque[Future[np.ndarray]] = deque()
    for start in range(0, len(pictures), part):
        waiting.append(pool.submit(rule, pictures[start : start + part], size))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
