"""Where every random draw of a training comes from.

A draw is a function of (seed, step, attempt, stream, index in the global batch): never of the rank or
the worker that makes it, and never of what was drawn before. The order of the faces is a function of
(seed, epoch). That is all it takes for a resumed run to equal an uninterrupted one. `attempt` counts
roll-backs, so that a step tried again draws anew.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import numpy as np
import torch


class Stream(IntEnum):
    """What the draws of a step are for."""

    INITIAL = 0
    LATENT = 1
    FLIP = 2
    PENALTY = 3
    NETWORK = 4  # dropout and whatever else a network draws by itself
    ORDER = 5
    STATISTICS = 6
    LABELS = 7
    AUGMENT = 8
    CROP = 9
    SHOWN = 10


class Randomness:
    """The draws of a training with this `seed`, in its current `attempt`."""

    def __init__(self, seed: int, attempt: int = 0) -> None:
        self.seed, self.attempt = seed, attempt

    def key(self, stream: Stream, step: int = 0) -> int:
        """Return the 63-bit key of a stream at a step."""
        entropy = np.random.SeedSequence((self.seed, step, self.attempt, int(stream)))
        return int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))

    def at(self, stream: Stream, step: int = 0, device: torch.device | None = None) -> torch.Generator:
        """Return a fresh generator for a stream at a step, of the CPU unless a device is given."""
        return torch.Generator(device or "cpu").manual_seed(self.key(stream, step))


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the order (count,) in which the faces of an epoch are seen."""
    entropy = np.random.SeedSequence((seed, epoch, int(Stream.ORDER)))
    return np.random.Generator(np.random.PCG64(entropy)).permutation(count)


def batch_indices(seed: int, first: int, batch: int, count: int) -> np.ndarray:
    """Return the face indices (batch,) of the global batch whose first face is face `first` of the run."""
    positions = np.arange(first, first + batch)
    epochs = positions // count
    picked = np.empty(batch, np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        picked[here] = order(seed, int(epoch), count)[positions[here] % count]
    return picked
