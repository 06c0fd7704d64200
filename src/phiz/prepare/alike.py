"""How much a face is like the other faces of its set: what a cut that shows no face is found by.

No weights and no examples from elsewhere: a set's own faces are told from pieces of them that are turned,
displaced or enlarged, which have the same colours and strokes but no face in its place. The features are
histograms of oriented gradients (Dalal, Triggs, "Histograms of Oriented Gradients for Human Detection",
2005), told apart by ridge regression to 1 and -1; each half of the set is judged by what was learned from
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Learned:
    """What tells a set's faces from pieces of them: weights (577, 2), a column for each half, and how the
    faces' own scores are spread (1 is a face, -1 a piece)."""

    weights: np.ndarray
    middle: float
    spread: float


def learn(faces: np.ndarray) -> Learned:
    """Learn from faces, uint8 (N, 32, 32), N at least a few dozen; the first 32,768 of them."""
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
    weights = np.stack(said, axis=1)
    low, half_way, high = np.percentile(_scores(kinds[0], weights, 0), [25, 50, 75])
    return Learned(weights, float(half_way), max(float(high - low) / 1.349, 1e-6))


def judge(faces: np.ndarray, learned: Learned, first: int = 0) -> np.ndarray:
    """Return how much faces, uint8 (N, 32, 32), are like the set's: float64 (N,).

    In standard deviations from the set's median, but not below -2.5 where a face is more like a face than
    like a piece. The first of them has the number `first` in the set, which says what half it was in.
    """
    scores = _scores(features(faces), learned.weights, first)
    away = (scores - learned.middle) / learned.spread
    return np.round(np.where(scores > 0, np.maximum(away, -2.5), away), 2)


def _scores(found: np.ndarray, weights: np.ndarray, first: int) -> np.ndarray:
    other = (np.arange(first, first + len(found)) + 1) % 2
    return (found @ weights[:-1] + weights[-1])[np.arange(len(found)), other]


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
