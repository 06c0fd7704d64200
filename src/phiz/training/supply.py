"""Where the real faces of a step come from: the device where the set fits there, else the disk, read ahead.

Which faces a step sees is a function of its number (training/randomness.py), so those of the next step can
be read by a thread while this one is calculated, and a resumed run sees the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

import numpy as np
import torch
from torch import Tensor

from phiz.faceset import FaceSet

LATE = 30.0
"""Seconds without faces after which it is said, and again after as many."""

_SHARE = 0.3  # of the free memory of a GPU that faces may take
_BLOCK = 4096

Indices = Callable[[int], np.ndarray]
"""From a step to the indices of the faces it sees."""


class Supply:
    """The faces of a set, as uint8 (N, H, W, 3) on the device, step by step.

    Args:
        faces: the set.
        device: where they are needed.
        indices: which of them each step needs; called in a thread.

    Attributes:
        seconds: waited for faces so far.
        say: what is told when faces do not come.
    """

    def __init__(self, faces: FaceSet, device: torch.device, indices: Indices) -> None:
        self._faces, self._device, self._indices = faces, device, indices
        self.seconds = 0.0
        self.say: Callable[[str], None] = lambda line: None
        self._whole = _uploaded(faces, device) if device.type == "cuda" and _fits(faces, device) else None
        self._reader: ThreadPoolExecutor | None = None
        self._ahead: tuple[int, Future[Tensor]] | None = None

    def at(self, step: int) -> tuple[Tensor, np.ndarray]:
        """Return the faces of a step, uint8 (N, H, W, 3) on the device, and their indices (N,)."""
        indices = self._indices(step)
        if self._whole is not None:
            return self._whole[sent(torch.from_numpy(indices), self._device)], indices
        start = time.monotonic()
        if self._reader is None:
            self._reader = ThreadPoolExecutor(1, "faces")
        if self._ahead and self._ahead[0] == step:
            coming = self._ahead[1]
        else:
            coming = self._reader.submit(self._read, step)
        self._ahead = (step + 1, self._reader.submit(self._read, step + 1))
        pictures = self._wait(coming, start)
        self.seconds += time.monotonic() - start
        return moved(pictures, self._device), indices

    def _read(self, step: int) -> Tensor:
        return pinned(torch.from_numpy(self._faces.batch(self._indices(step))), self._device)

    def _wait(self, coming: Future[Tensor], start: float) -> Tensor:
        while True:
            try:
                return coming.result(LATE)
            except Late:
                if (
                    coming.done()
                ):  # just now, or with a fault of its own: a disk's time-out is a TimeoutError too
                    return coming.result()
                self.say(
                    f"Warning: {self._faces.path}: no faces have come for {time.monotonic() - start:.0f} s. "
                    "Is its disk still there? Ctrl-C twice leaves; --resume goes on."
                )


def pinned(values: Tensor, device: torch.device) -> Tensor:
    """Return `values` in memory that a GPU reads by itself, where `device` is one."""
    return values.pin_memory() if device.type == "cuda" else values


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return `values` on `device`, without waiting there: a copy from ordinary memory waits for all work."""
    return moved(pinned(values, device), device)


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Return `values` on `device`: a GPU from CUDA takes pinned ones while the host goes on.

    An Apple GPU would read memory that the host has let go of by then (pytorch issue 189690).
    """
    return values.to(device, non_blocking=device.type == "cuda")


def fetched(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Return `values` on their way from a GPU, and what to wait for before they are read; None on a CPU."""
    if values.device.type != "cuda":
        return values.cpu(), None
    here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    here.copy_(values, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record(torch.cuda.current_stream(values.device))
    return here, arrived


def _fits(faces: FaceSet, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return len(faces) * faces.size**2 * 3 <= _SHARE * free


def _uploaded(faces: FaceSet, device: torch.device) -> Tensor:
    whole = torch.empty((len(faces), faces.size, faces.size, 3), dtype=torch.uint8, device=device)
    for start in range(0, len(faces), _BLOCK):
        end = min(start + _BLOCK, len(faces))
        whole[start:end] = torch.from_numpy(faces.batch(np.arange(start, end))).to(device)
    return whole
