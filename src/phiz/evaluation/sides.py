"""What a report shows of each model, and how two models are told apart on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phiz.errors import UsageError
from phiz.evaluation import gallery
from phiz.evaluation.figures import Evaluation
from phiz.evaluation.gallery import Faces, Maker, Neighbour
from phiz.markup import Html, join, tag


@dataclass(frozen=True)
class Side:
    """One model's part of a report: its evaluation, and the pictures to show.

    Attributes:
        evaluation: what was measured.
        sheet: its first faces, uncurated.
        typical, untypical: the faces of highest and of lowest realism, with their scores.
        neighbours: the made faces that lie nearest to training faces.
        walk: an animated gif or WebP.
        real: real faces, uint8 (N, H, W, 3), to judge the sheet against.
        command: what measures all this again.
        name: what to call this side where there are two; the model's name by default.
    """

    evaluation: Evaluation
    sheet: Faces
    typical: Faces | None = None
    untypical: Faces | None = None
    neighbours: Sequence[Neighbour] = ()
    walk: bytes | None = None
    real: np.ndarray | None = None
    command: str = ""
    name: str = ""


@dataclass(frozen=True)
class Part:
    """A side as the page shows it: the name it goes by, and what encodes its faces."""

    side: Side
    name: str
    maker: Maker

    @property
    def evaluation(self) -> Evaluation:
        return self.side.evaluation


Parts = Sequence[Part]


def parts_of(sides: Sequence[Side]) -> list[Part]:
    """Return what a page needs of one side or two.

    Raises:
        UsageError: no side, or more than two.
    """
    if len(sides) not in (1, 2):
        raise UsageError(f"A report shows one model or two, not {len(sides)}.")
    exact = _pixels(sides) <= gallery.EXACT_PIXELS
    parts = []
    for side, name in zip(sides, _names(sides), strict=True):
        evaluation = side.evaluation
        maker = Maker(str(evaluation.model.get("hash") or ""), evaluation.truncation, exact)
        parts.append(Part(side, name, maker))
    return parts


def _names(sides: Sequence[Side]) -> list[str]:
    names = [side.name or str(side.evaluation.model.get("name") or "model") for side in sides]
    if len(set(names)) == len(names):
        return names
    marks = [str(side.evaluation.model.get("hash", ""))[:8] for side in sides]
    if len(set(marks)) < len(marks):
        marks = ["first", "second"]
    return [f"{name} ({mark})" for name, mark in zip(names, marks, strict=True)]


def _pixels(sides: Sequence[Side]) -> int:
    arrays: list[np.ndarray | None] = []
    for side in sides:
        arrays += [side.sheet.pictures, side.real]
        arrays += [some.pictures for some in (side.typical, side.untypical) if some]
        arrays += [part for row in side.neighbours for part in (row.picture, row.nearest)]
    return sum(array.size // 3 for array in arrays if array is not None)


def called(parts: Parts, i: int) -> Html | None:
    """Return the colour and the name of side i, where there are two."""
    if len(parts) == 1:
        return None
    return join(tag("i", class_=f"key side-{i}", aria_hidden="true"), tag("b", parts[i].name), " ")
