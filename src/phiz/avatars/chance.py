"""Draws that are the same on every machine: a splitmix64 stream for each purpose of each face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def _mix(z: int) -> int:
    """splitmix64's finaliser (Steele, Lea and Flood, 2014): 64 bits in, 64 well-stirred bits out."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Chance:
    """A stream of draws, a function of (index, stream) alone.

    Streams keep purposes apart: one more draw for the shape of a nose moves no label.
    """

    def __init__(self, index: int, stream: int) -> None:
        self._state = _mix((_mix((index + _GAMMA) & _MASK) + stream * _GAMMA) & _MASK)

    def unit(self) -> float:
        """A float in [0, 1), a multiple of 2^-53."""
        self._state = (self._state + _GAMMA) & _MASK
        return (_mix(self._state) >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def sign(self) -> int:
        return 1 if self.unit() < 0.5 else -1

    def hit(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.unit() * len(values))]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """A key, as often as its weight says; the weights need not sum to one."""
        left = self.unit() * sum(weights.values())
        for value, weight in weights.items():
            left -= weight
            if left < 0:
                return value
        return next(reversed(list(weights)))
