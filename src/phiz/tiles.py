"""Pictures of any size through a network that sees a bounded surrounding: tile by tile, without seams.

A tile is cut with as much of its surrounding as a pixel's result can depend on, and only its inside is kept.
So the tiles give what the whole picture would have given, and memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]
"""From float32 (1, 3, h, w) to float32 (1, 3, scale * h, scale * w)."""


class Tile(NamedTuple):
    """Along one axis: the part that is kept, start to stop, and the part that is looked at for it."""

    start: int
    stop: int
    seen_start: int
    seen_stop: int


def along(length: int, side: int, reach: int) -> Iterator[Tile]:
    """Cut `length` pixels into tiles of at most `side`, each seen with `reach` pixels around it."""
    count = -(-length // side)
    edges = [length * i // count for i in range(count + 1)]
    for start, stop in pairwise(edges):
        yield Tile(start, stop, max(0, start - reach), min(length, stop + reach))


def enlarge(
    picture: np.ndarray,
    network: Network,
    scale: int,
    reach: int,
    side: int,
    done: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Enlarge uint8 (H, W, 3) to uint8 (scale * H, scale * W, 3).

    Args:
        picture: of any size.
        network: what enlarges; its pixels lie between 0 and 1.
        scale: by how much.
        reach: how many pixels around a pixel its result can depend on.
        side: of a tile, in pixels of `picture`.
        done: told how many pixels of `picture` are done with each tile.
    """
    height, width = picture.shape[:2]
    whole = np.empty((height * scale, width * scale, 3), np.uint8)
    for down in along(height, side, reach):
        for across in along(width, side, reach):
            seen = picture[down.seen_start : down.seen_stop, across.seen_start : across.seen_stop]
            values = np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
            made = network(values)[0].transpose(1, 2, 0)
            top, left = (down.start - down.seen_start) * scale, (across.start - across.seen_start) * scale
            rows, columns = (down.stop - down.start) * scale, (across.stop - across.start) * scale
            place = whole[down.start * scale : down.stop * scale, across.start * scale : across.stop * scale]
            place[:] = to_bytes(made[top : top + rows, left : left + columns])
            if done:
                done((down.stop - down.start) * (across.stop - across.start))
    return whole


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Round values from 0 to 1 to bytes."""
    return np.floor(np.clip(values * np.float32(255), 0, 255) + np.float32(0.5)).astype(np.uint8)
