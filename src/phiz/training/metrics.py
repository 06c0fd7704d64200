"""metrics.jsonl: means of what the steps report, a line every so many steps, and no line lost or doubled."""

from __future__ import annotations

import errno
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from phiz import artefacts
from phiz.training.precision import wide


@dataclass
class Meter:
    """Means of a step's scalars since the last report; it survives in checkpoints, to the bit.

    Each is the mean of the steps that had it: two stages may meet between two reports.
    """

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How many steps there were since the last report."""
        return max(self.counts.values(), default=0)

    def add(self, values: dict[str, Tensor]) -> None:
        """Take note of one step's scalars, without waiting for the device."""
        for name, value in values.items():
            value = wide(value)
            self.sums[name] = value + self.sums[name].to(value) if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def sound(self) -> bool:
        """Say whether no step since the last report was left out; this waits for the device."""
        return not float(self.sums.get("masked", 0.0))

    def take(self) -> dict[str, float]:
        """Return the means and begin anew."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


class Lines:
    """A file of JSON lines; those a full disk refuses wait for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = b""

    def add(self, line: dict[str, Any]) -> None:
        """Append one line; what is no number becomes null, as JSON has no word for it.

        Raises:
            OSError: the disk is full; the line is kept and comes with the next.
        """
        said = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
        self._waiting += json.dumps(said).encode() + b"\n"
        with open(self._path, "ab", buffering=0) as file:
            before = file.tell()
            if file.write(self._waiting) < len(self._waiting):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._waiting = b""

    def sync(self) -> None:
        """Flush the lines to the disk: a checkpoint relies on them."""
        if self._path.exists():
            with open(self._path, "ab") as file:
                os.fsync(file.fileno())


def last_step(path: Path) -> int:
    """Return the last step that a file of metrics has a line of, 0 if there is none."""
    last = 0
    if path.exists():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                last = int(json.loads(line)["step"])
    return last


def cut_back(path: Path, step: int, attempt: int) -> str | None:
    """Drop the lines that lie behind `step` of `attempt`, the checkpoint that a run goes on from.

    Lines of earlier attempts stay, whatever their steps: they are what was rolled back.

    Returns:
        What is missing of the lines before, None if nothing is.

    Raises:
        Surroundings: the disk is full; the file is as it was.
    """
    if not path.exists():
        return f"{path} is gone, with its lines up to step {step:,}" if step else None
    kept, broken = [], 0
    for line in path.read_text("utf-8", errors="replace").splitlines(keepends=True):
        try:
            values = json.loads(line)
            at = values.get("attempt", 0), values["step"]
        except (ValueError, KeyError, TypeError, AttributeError):
            broken += line.endswith("\n")  # the last is cut short by a kill, no other
            continue
        if at <= (attempt, step):
            kept.append(line.rstrip("\n") + "\n")
    with artefacts.disk(path):
        artefacts.write_bytes(path, "".join(kept).encode())
    return f"{path} was damaged: {broken:,} line{'s' * (broken > 1)} of it left out" if broken else None
