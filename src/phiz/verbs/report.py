"""The pictures of an evaluation's report, and the folder they go into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phiz import latents, marks
from phiz.evaluation.figures import Evaluation
from phiz.evaluation.memorisation import Memorisation
from phiz.evaluation.report import Faces, Neighbour, Side, page
from phiz.model import Model
from phiz.sampling import films
from phiz.verbs.reals import Reals

_SHEET = 64
_SCORED = 16
_WALK_SECONDS, _WALK_FPS, _WALK_KEYS = 6, 15, 6


@dataclass(frozen=True)
class Nearest:
    """The made faces most like training faces: which (n,), the nearest faces' rows (n, k), and how far."""

    made: np.ndarray
    rows: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Copying:
    """What the search for copies found: by which features, and the verdict in words.

    `found` is None where there is no baseline to judge by; the verdict then says why.
    """

    by: str
    found: Memorisation | None
    verdict: str

    @property
    def flagged(self) -> bool:
        """Whether the model copies, as far as can be told."""
        return self.found is not None and self.found.flagged


@dataclass(frozen=True)
class Found:
    """One model's evaluation with what its pictures are chosen by.

    `realism` scores the made faces in the order of their seeds; `copies` and `nearest` are None where
    copying could not be checked.
    """

    evaluation: Evaluation
    model: Model
    reals: Reals
    realism: np.ndarray
    copies: Copying | None
    nearest: Nearest | None


def write_report(folder: Path, found: Sequence[Found], command: str) -> None:
    """Write evaluation.json (and compared.json of a second model) and report.html into `folder`."""
    sides = [_side(one, command) for one in found]
    (folder / "report.html").write_text(page(sides), "utf-8")
    for one, name in zip(found, ("evaluation.json", "compared.json"), strict=False):
        one.evaluation.write(folder / name)


def _side(found: Found, command: str) -> Side:
    evaluation = found.evaluation
    count = min(_SCORED, evaluation.samples // 2)
    order = np.argsort(-found.realism, kind="stable")
    against = found.reals.against
    real = against.indices[:: max(1, len(against) // _SHEET)][:_SHEET]
    return Side(
        evaluation=evaluation,
        sheet=_made(found, np.arange(min(_SHEET, evaluation.samples))),
        typical=_made(found, order[:count], scored=True),
        untypical=_made(found, order[::-1][:count], scored=True),
        neighbours=list(_neighbours(found)),
        walk=_walk(found),
        real=against.faces.batch(real),
        command=command,
    )


def _made(found: Found, indices: np.ndarray, scored: bool = False) -> Faces:
    seeds = [found.evaluation.seed + int(index) for index in indices]
    pictures = found.model.sample(seeds=seeds, truncation=found.evaluation.truncation)
    return Faces(pictures, seeds, [float(found.realism[i]) for i in indices] if scored else ())


def _neighbours(found: Found) -> Iterator[Neighbour]:
    """Yield the made faces that lie closest to training faces, each beside its nearest."""
    copies, close = found.copies.found if found.copies else None, found.nearest
    if copies is None or close is None or found.reals.trained is None:
        return
    faces = _made(found, close.made)
    for i, index in enumerate(close.made):
        ratio = float(copies.ratios[index])
        flagged = copies.flagged and ratio < copies.tail.threshold
        near = found.reals.trained.faces.batch(close.rows[i])
        yield Neighbour(faces.pictures[i], faces.seeds[i], near, ratio, flagged, close.distances[i].tolist())


def _walk(found: Found) -> bytes:
    """Return a walk through the first faces, as an animated WebP."""
    model, asked = found.model, found.evaluation
    count = _WALK_SECONDS * _WALK_FPS
    path = latents.walk(asked.seed, count, model.config.z, _WALK_KEYS)
    labels = model.labels_of([asked.seed])
    kept = None if labels is None else np.repeat(labels, count, axis=0)
    frames = model.run(path, asked.truncation, kept)
    said = marks.facts(model.hash, [asked.seed], asked.truncation, phiz="walk", keys=_WALK_KEYS, frames=count)
    return films.encode(".webp", frames, _WALK_FPS, said, scale=max(1, 128 // model.config.size))
