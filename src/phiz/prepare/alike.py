"""How much a face is like the other faces of its set: what a cut that shows no face is found by.

No weights and no examples from elsewhere: a set's own faces are told from pieces of them that are turned,
displaced or enlarged, which have the same colours and strokes but no face in its place. What looks more like
such a piece than like a face scores below 0. The features are histograms of oriented gradients (Dalal,
Triggs, "Histograms of Oriented Gradients for Human Detection", 2005), told apart by ridge regression to 1 and
-1; each half of the set is judged by what was learned from the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

FEWEST = 256
"""Fewer faces than this cannot say what a face is like."""

_SIDE, _CELL, _WAYS = 32, 4, 9
_LENGTH = (_SIDE // _CELL) ** 2 * _WAYS
_RIDGE = 3.0
LEARNED_FROM = 16_384
"""The most faces of either half that are learned from."""


def small(face: np.ndarray) -> np.ndarray:
    """Return a face, uint8 (H, W, 3), as it is compared: luma, uint8 (32, 32)."""
    return np.asarray(Image.fromarray(face).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX))


def learn(faces: np.ndarray) -> np.ndarray:
    """Return what tells faces, uint8 (N, 32, 32), from pieces of them: float64 (577, 2), a column a half."""
    faces = faces[: LEARNED_FROM * 2]
    draws = np.random.default_rng(0)
    kinds = [features(faces), features(np.stack([_piece(face, draws) for face in faces]))]
    said = []
    for half in (0, 1):
        own = [kind[half::2].astype(np.float64) for kind in kinds]
        inputs = np.concatenate(own)
        wanted = np.concatenate([np.ones(len(own[0])), -np.ones(len(own[1]))])
        middle = inputs.mean(axis=0)
        inputs -= middle
        weight = np.linalg.solve(inputs.T @ inputs + _RIDGE * np.eye(_LENGTH), inputs.T @ wanted)
        said.append(np.concatenate([weight, [-middle @ weight]]))
    return np.stack(said, axis=1)


def judge(faces: np.ndarray, learned: np.ndarray, first: int = 0) -> np.ndarray:
    """Return how much faces, uint8 (N, 32, 32), are like the set's: float64 (N,), about 1 for most.

    The first of them has the number `first` in the set, which says what half it was in.
    """
    found = features(faces) @ learned[:-1] + learned[-1]
    other = (np.arange(first, first + len(faces)) + 1) % 2
    return np.round(found[np.arange(len(faces)), other], 3)


def features(faces: np.ndarray) -> np.ndarray:
    """Return histograms of oriented gradients of uint8 (N, 32, 32): float32 (N, 576), each of length 1."""
    cells = _SIDE // _CELL
    parts = [np.empty((0, _LENGTH), np.float32)]
    for start in range(0, len(faces), 512):
        grey = faces[start : start + 512].astype(np.float32)
        down, across = np.zeros_like(grey), np.zeros_like(grey)
        down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
        across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
        size = np.hypot(across, down)
        way = (np.arctan2(down, across) % np.pi / np.pi * _WAYS).astype(np.int8) % _WAYS
        field = np.stack(
            [
                (size * (way == one)).reshape(-1, cells, _CELL, cells, _CELL).sum(axis=(2, 4))
                for one in range(_WAYS)
            ],
            axis=-1,
        ).reshape(len(grey), -1)
        field = np.sqrt(field)
        parts.append(field / (np.linalg.norm(field, axis=1, keepdims=True) + 1e-6))
    return np.concatenate(parts).astype(np.float32)


def _piece(face: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Return a face turned, displaced by a quarter to a half of its side, or a part of it enlarged."""
    kind = draws.integers(3)
    if kind == 0:
        return np.rot90(face, int(draws.integers(1, 4)))
    if kind == 1:
        far, way = draws.integers(9, 16), draws.uniform(0, 2 * np.pi)
        y, x = 16 + int(far * np.sin(way)), 16 + int(far * np.cos(way))
        return np.pad(face, 16, mode="reflect")[y : y + _SIDE, x : x + _SIDE]
    side = draws.integers(10, 18)
    y, x = draws.integers(0, _SIDE - side, 2)
    part = Image.fromarray(np.ascontiguousarray(face[y : y + side, x : x + side]))
    return np.asarray(part.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))


def batches(faces: Iterable[np.ndarray], length: int = 512) -> Iterator[np.ndarray]:
    """Yield faces, uint8 (H, W, 3), small and in batches: uint8 (N, 32, 32)."""
    waiting: list[np.ndarray] = []
    for face in faces:
        waiting.append(small(face))
        if len(waiting) == length:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)
