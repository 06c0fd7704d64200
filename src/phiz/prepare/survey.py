"""One pass over a face set's manifest: what its report counts and which faces it shows."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from phiz.faceset import FaceSet
from phiz.prepare import screens

TWINS = ("near duplicate", "the same picture twice")
SHOWN = 36
"""Faces shown of each reason."""

_KEPT = 96
_BROKEN = 24
_SPREAD = ("side", "sharp", "bright", "sure")


@dataclass(frozen=True)
class Face:
    """A row of the manifest as the report shows it."""

    number: int
    source: str
    reason: str | None
    position: int | None
    figures: dict[str, Any]

    def said(self) -> str | None:
        """Return the figure that its reason speaks of."""
        if not self.reason:
            return None
        _, colon, rest = self.reason.partition(": ")
        return rest.partition(", and")[0] if colon else None


@dataclass
class Survey:
    """What a manifest says: counts, and faces drawn by lot, the same ones each time."""

    rows: int = 0
    pictures: int = 0
    kept_count: int = 0
    unusable: int = 0
    others: int = 0
    kept: list[Face] = field(default_factory=list)
    samples: dict[str, list[Face]] = field(default_factory=dict)
    refused: list[tuple[str, int]] = field(default_factory=list)
    broken: list[Face] = field(default_factory=list)
    twins: list[tuple[Face, Face]] = field(default_factory=list)
    figures: dict[str, array[float]] = field(default_factory=dict)

    @property
    def example(self) -> int | None:
        """The number of a face that was refused."""
        return next((faces[0].number for faces in self.samples.values() if faces), None)


def survey(faces: FaceSet) -> Survey:
    """Look over the manifest of a face set, in flat memory."""
    found = Survey(figures={name: array("d") for name in _SPREAD})
    lots: dict[str, list[tuple[int, int, Face]]] = defaultdict(list)
    counts: Counter[str] = Counter()
    sources: int = 0
    last = None
    for row in faces.rows():
        found.rows += 1
        sources += row["source"] != last
        last = row["source"]
        figures = row["figures"] or {}
        face = Face(row["id"], row["source"], row["reason"], row["position"], figures)
        if row["status"] == "kept":
            found.kept_count += 1
            _draw(lots[""], face, _KEPT)
            for name, values in found.figures.items():
                if name in figures:
                    values.append(figures[name])
        elif row["box"] is None:
            found.unusable += 1
            _draw(lots["broken"], face, _BROKEN)
        elif row["reason"] == screens.OTHER:
            found.others += 1
        else:
            kind = screens.kind_of_reason(row["reason"] or "")
            counts[kind] += 1
            _draw(lots[f"reason {kind}"], face, SHOWN)
    found.pictures = sources
    found.kept, found.broken = _drawn(lots.pop("", [])), _drawn(lots.pop("broken", []))
    found.samples = {key.removeprefix("reason "): _drawn(lot) for key, lot in lots.items()}
    found.refused = counts.most_common()
    found.twins = _twins(faces, found)
    return found


def _draw(lot: list[tuple[int, int, Face]], face: Face, most: int) -> None:
    """Put a face into the lot if it is among the `most` that chance, a function of its number, chose."""
    chance = face.number * 2654435761 % 2**32
    if len(lot) < most:
        heapq.heappush(lot, (-chance, face.number, face))
    elif -lot[0][0] > chance:
        heapq.heapreplace(lot, (-chance, face.number, face))


def _drawn(lot: list[tuple[int, int, Face]]) -> list[Face]:
    return [face for _, _, face in sorted(lot, key=lambda entry: entry[1])]


def _twins(faces: FaceSet, found: Survey) -> list[tuple[Face, Face]]:
    """Return faces that were refused as twins, each with the face it is like."""
    refused = [face for kind in TWINS for face in found.samples.get(kind, [])]
    wanted = {face.figures.get("twin") for face in refused}
    if not wanted - {None}:
        return []
    rows = {
        row["id"]: Face(row["id"], row["source"], row["reason"], row["position"], row["figures"] or {})
        for row in faces.rows()
        if row["id"] in wanted
    }
    return [(face, rows[face.figures["twin"]]) for face in refused if face.figures.get("twin") in rows]
