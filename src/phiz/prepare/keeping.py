"""Which faces of a set are kept: the screens, what people decided, likeness, duplicates; in that order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phiz.prepare import alike, screens, twins
from phiz.prepare.doubts import DOUBT, Eyes, trusted
from phiz.prepare.pool import ordered
from phiz.prepare.screens import Limits


@dataclass(slots=True)
class Row:
    """A row of a manifest that is being made: a face, or a picture without one.

    `place` is where its pixels lie among those of the set it comes from (`old`) or of the work at hand, -1
    where they are in neither. `reason` is why there is no face to judge, or what people decided.
    """

    source: str
    sha256: str | None
    box: Any = None
    landmarks: Any = None
    labels: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    place: int = -1
    old: bool = False

    @property
    def measured(self) -> bool:
        """Whether it was cut, so that screens can judge it."""
        return "hash" in self.figures


Rows = Callable[[], Iterable[Row]]
"""Yields the rows of a set, in order; called several times, so that they need not be in memory."""


@dataclass
class Kept:
    """What was decided of N rows.

    `kept` bool (N,); `reasons` {row: why not}, by row for those that screens and duplicates refuse; `figures`
    {row: {name: figure}} of those judged now; `twins` {row: (row it is like, bits)}; rows count from 0.
    """

    kept: np.ndarray
    reasons: dict[int, str]
    figures: dict[int, dict[str, float]]
    twins: dict[int, tuple[int, int]]


def decide(
    rows: Rows, limits: Limits, pixels: Callable[[Row], np.ndarray], eyes: Callable[[], Eyes | None]
) -> Kept:
    """Decide which rows are kept.

    `pixels` gives a row's face for judging likeness, of rows whose `place` is known. `eyes` is asked for what
    looks again at doubtful ones, if there are such.
    """
    found = _screened(rows, limits)
    if "alike" in limits:
        likeness = _likeness(rows, found, pixels)
        doubtful = any(figures["alike"] < DOUBT for figures in likeness.values())
        if doubtful and "seen" in limits and (own := eyes()) is not None:
            _look_again(rows, likeness, pixels, own)
        for number, figures in likeness.items():
            found.figures[number] = figures
            if why := screens.verdict(figures, limits):
                found.reasons[number] = why
                found.kept[number] = False
    _same(rows, found, limits)
    _near(rows, found, limits)
    return found


def _screened(rows: Rows, limits: Limits) -> Kept:
    kept: list[bool] = []
    found = Kept(np.zeros(0, bool), {}, {}, {})
    for number, row in enumerate(rows()):
        why = row.reason
        if row.reason == screens.RESTORED:
            why = None
        elif row.reason is None:
            why = screens.verdict(row.figures, limits)
            if why:
                found.reasons[number] = why
        kept.append(why is None)
    found.kept = np.array(kept, bool)
    return found


def _judged(rows: Rows, found: Kept) -> Iterator[tuple[int, Row]]:
    """Yield the rows that are kept so far and that people decided nothing about."""
    for number, row in enumerate(rows()):
        if found.kept[number] and row.reason is None and row.measured:
            yield number, row


def _likeness(rows: Rows, found: Kept, pixels: Callable[[Row], np.ndarray]) -> dict[int, dict[str, float]]:
    """Return {row: {"alike": how much it is like the others}} of those not judged before."""
    fresh = {number for number, row in _judged(rows, found) if "alike" not in row.figures and row.place >= 0}
    numbers = [number for number, row in _judged(rows, found) if row.place >= 0]
    if not fresh or len(numbers) < alike.FEWEST:
        return {}

    def faces() -> Iterator[np.ndarray]:
        return (pixels(row) for _, row in _judged(rows, found) if row.place >= 0)

    enough: list[np.ndarray] = []
    for batch in alike.batches(faces()):
        enough.append(batch)
        if sum(map(len, enough)) >= 2 * alike.LEARNED_FROM:
            break
    learned = alike.learn(np.concatenate(enough))
    judged: dict[int, dict[str, float]] = {}
    start = 0
    for batch in alike.batches(faces()):
        values = alike.judge(batch, learned, start).tolist()
        part = numbers[start : start + len(batch)]
        judged |= {n: {"alike": value} for n, value in zip(part, values, strict=True) if n in fresh}
        start += len(batch)
    return judged


def _look_again(
    rows: Rows, likeness: dict[int, dict[str, float]], pixels: Callable[[Row], np.ndarray], eyes: Eyes
) -> None:
    """Add "seen" to the figures of faces that are doubtful, if the typical ones are seen."""
    typical = (
        pixels(row)
        for number, row in enumerate(rows())
        if likeness.get(number, {}).get("alike", -1.0) > 0 and number % 7 == 0
    )
    if not trusted(typical, eyes):
        return
    doubtful = (
        (number, pixels(row))
        for number, row in enumerate(rows())
        if likeness.get(number, {}).get("alike", 0.0) < DOUBT
    )
    for number, seen in ordered(lambda one: (one[0], eyes(one[1])), doubtful):
        likeness[number]["seen"] = seen


def _same(rows: Rows, found: Kept, limits: Limits) -> None:
    """Of the same file, cut at the same place, the first is kept."""
    if not limits.get("same"):
        return
    first: dict[bytes, tuple[int, str]] = {}
    for number, row in _judged(rows, found):
        if not row.sha256:
            continue
        key = bytes.fromhex(row.sha256)[:16] + json.dumps(row.box).encode("ascii")
        before, source = first.setdefault(key, (number, row.source))
        if before != number:
            found.kept[number] = False
            found.twins[number] = (before, 0)
            found.reasons[number] = f"{screens.SAME}: {source}"


def _near(rows: Rows, found: Kept, limits: Limits) -> None:
    """Of nearly the same faces, the sharpest is kept."""
    if "near" not in limits:
        return
    numbers, sources, hashes, worth = [], [], [], []
    for number, row in _judged(rows, found):
        numbers.append(number)
        sources.append(row.source)
        hashes.append(row.figures["hash"])
        worth.append(
            row.figures.get("sharp", 0.0) * min(1.0, 1 / max(row.figures.get("enlarged", 1.0), 1e-6))
        )
    if not numbers:
        return
    low, high, bits = twins.pairs(twins.words(hashes), int(limits["near"]))
    for one, (other, apart) in twins.spared(low, high, bits, np.array(worth)).items():
        number, kept = numbers[one], numbers[other]
        found.kept[number] = False
        found.twins[number] = (kept, apart)
        found.reasons[number] = f"{screens.NEAR}: {sources[other]}, {apart} of {twins.BITS} bits differ"
    for number, (other, apart) in found.twins.items():
        while other in found.twins:  # what it is the same as may have a better one
            other = found.twins[other][0]
        found.twins[number] = (other, apart)
