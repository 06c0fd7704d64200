"""Mean and scatter of features: all that the Frechet distance needs of a set, and mergeable.

A set may be split over processes or hosts: each makes the statistics of its part, and the merged ones
equal those of the whole to rounding. Everything here is float64.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phiz.errors import PhizError

FORMAT = 1
BLOCK = 4096
"""Rows that are held in float64 at once: 64 MiB at 2,048 features."""


def check(values: np.ndarray, what: str = "The features", least: int = 1) -> None:
    """Refuse what is no table of features (N, D) of at least `least` rows.

    Raises:
        PhizError: one line that begins with `what`.
    """
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
        raise PhizError(
            f"{what} are {values.dtype} {values.shape}, not a table of numbers, faces x features."
        )
    if len(values) < least:
        raise PhizError(f"{what} are of {len(values)} faces; this measure needs at least {least}.")


def check_pair(real: np.ndarray, fake: np.ndarray, least: int = 1) -> None:
    """Refuse two tables of features that cannot be compared; see `check`."""
    check(real, "The features of the real faces", least)
    check(fake, "The features of the made faces", least)
    if real.shape[1] != fake.shape[1]:
        raise _foreign(real.shape[1], fake.shape[1])


def not_finite(row: int, what: str = "The features") -> PhizError:
    """Return the fault of features with NaN or infinity in them, `row` being the first such face."""
    return PhizError(
        f"{what} are not numbers (NaN or infinity, first in row {row}): "
        "the model or the extractor gave way; extract them again, or use another checkpoint."
    )


def _foreign(first: int, second: int) -> PhizError:
    return PhizError(
        f"Features of {first} and of {second} values cannot be compared; "
        "take both sets through the same extractor."
    )


def blocks(values: np.ndarray, rows: int = BLOCK, what: str = "The features") -> Iterator[np.ndarray]:
    """Yield `values` (N, D) as float64 blocks of at most `rows` rows; NaN or infinity is a PhizError."""
    for start in range(0, len(values), rows):
        block = np.asarray(values[start : start + rows], np.float64)
        bad = ~np.isfinite(block).all(1)
        if bad.any():
            raise not_finite(start + int(bad.argmax()), what)
        yield block


@dataclass(frozen=True, eq=False)
class Statistics:
    """Count, mean and scatter of features.

    Attributes:
        count: N, at least 1.
        mean: float64 (D,).
        scatter: float64 (D, D), the sum over all rows x of (x - mean)(x - mean)^T.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, block: int = BLOCK, what: str = "The features") -> Statistics:
        """Return the statistics of `values` (N, D), an array or a memory map, N at least 1.

        Two passes, the mean first, so that a large common offset costs no digits. Beyond the result it
        holds `block` rows in float64. `what` begins the message of a fault.

        Raises:
            PhizError: empty, no table, NaN or infinity.
        """
        check(values, what)
        mean = np.zeros(values.shape[1])
        for rows in blocks(values, block, what):
            mean += rows.sum(0)
        mean /= len(values)
        scatter = np.zeros((len(mean), len(mean)))
        for rows in blocks(values, block, what):
            rows = rows - mean
            scatter += rows.T @ rows
        return cls(len(values), mean, scatter)

    def merge(self, other: Statistics) -> Statistics:
        """Return the statistics of both sets together (Chan, Golub and LeVeque, 1979).

        Raises:
            PhizError: they are of different extractors.
        """
        if self.dimensions != other.dimensions:
            raise _foreign(self.dimensions, other.dimensions)
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        scatter = np.outer(step, step * (self.count / count * other.count))
        scatter += self.scatter
        scatter += other.scatter
        return Statistics(count, mean, scatter)

    @property
    def dimensions(self) -> int:
        """D, the number of features."""
        return len(self.mean)

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance, scatter / (N - 1): float64 (D, D).

        Raises:
            PhizError: there is one face only.
        """
        return self.scatter / self._freedom

    @property
    def variance(self) -> float:
        """The trace of the covariance: the mean squared distance of a face from the mean face."""
        return float(np.trace(self.scatter)) / self._freedom

    @property
    def _freedom(self) -> int:
        if self.count < 2:
            raise PhizError("The features of one face have no covariance; give at least 2 faces.")
        return self.count - 1

    @property
    def singular(self) -> bool:
        """Whether there are too few faces to span the features: N <= D.

        The covariance is then singular. A Frechet distance can still be computed, but is biased upwards
        by much; KID and MIND suit such small sets better.
        """
        return self.count <= self.dimensions

    @property
    def rank(self) -> int:
        """The most that the covariance's rank can be: min(D, N - 1)."""
        return min(self.dimensions, self.count - 1)

    @cached_property
    def root(self) -> np.ndarray:
        """A matrix R (D, r), r <= rank, with R R^T the covariance; computed once, then kept."""
        values, vectors = np.linalg.eigh(self.covariance)
        values, vectors = values[::-1][: self.rank], vectors[:, ::-1][:, : self.rank]
        least = values[0] * self.dimensions * np.finfo(np.float64).eps
        kept = int((values > max(least, 0.0)).sum())
        return vectors[:, :kept] * np.sqrt(values[:kept])

    def to_bytes(self) -> bytes:
        """Return the statistics as the bytes of an .npz file."""
        file = io.BytesIO()
        about = np.array([FORMAT, self.count], np.int64)
        np.savez(file, about=about, mean=self.mean, scatter=self.scatter)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "These statistics") -> Statistics:
        """Read what `to_bytes` wrote; `name` is the file's, for messages.

        Raises:
            PhizError: damaged, or of a newer phiz.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                (version, count), mean, scatter = file["about"], file["mean"], file["scatter"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as fault:
            raise PhizError(f"{name}: damaged ({' '.join(str(fault).split())}); make them again.") from None
        if version > FORMAT:
            raise PhizError(
                f"{name}: format {version} is newer than {FORMAT}, the newest this phiz reads: "
                "pip install --upgrade phiz"
            )
        sound = count > 0 and mean.ndim == 1 and scatter.shape == (len(mean), len(mean))
        if not sound or not (np.isfinite(mean).all() and np.isfinite(scatter).all()):
            raise PhizError(f"{name}: not the statistics of a set of faces; make them again.")
        return cls(int(count), mean, scatter)
