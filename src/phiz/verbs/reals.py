"""The real faces of an evaluation: those to compare with, those that stand in for a perfect generator,
and those the model learned from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from phiz import artefacts
from phiz.errors import PhizError
from phiz.evaluation import features
from phiz.evaluation.extractors import Extractor
from phiz.faceset import FaceSet
from phiz.model import Model
from phiz.weights import Progress

MOST = 50_000
LEAST = 64
_AT_ONCE = 4096  # faces whose pixels are read together


@dataclass(frozen=True)
class Part:
    """Some faces of a set: `rows` of those that `features.chosen(len(faces), limit)` names, None for all."""

    faces: FaceSet
    limit: int = MOST
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return min(len(self.faces), self.limit) if self.rows is None else len(self.rows)

    @property
    def indices(self) -> np.ndarray:
        """The faces' places in the set, int64 (N,)."""
        chosen = features.chosen(len(self.faces), self.limit)
        return chosen if self.rows is None else chosen[self.rows]

    def features(self, sees: Extractor, progress: Progress | None, mirrored: bool = False) -> np.ndarray:
        """Return their features, float32 (N, D)."""
        values = features.of_faceset(self.faces, sees, self.limit, progress, mirrored).values
        return values if self.rows is None else values[self.rows]


@dataclass(frozen=True)
class Reals:
    """The real faces of an evaluation.

    Attributes:
        against: those to compare with.
        other: others, which stand in for a perfect generator.
        trained: faces the model learned from, to search for copies; None where they are not at hand.
        held: real faces that are not among `trained`: how close real faces come to them by themselves.
        learned: whether the model learned from `against`; None where that is not known.
        split: how all these were kept apart, in words.
    """

    against: Part
    other: Part
    trained: Part | None
    held: Part | None
    learned: bool | None
    split: str


def find(source: Path, model: Model, against: str | Path | None, given: str | Path | None) -> Reals:
    """Find the real faces of an evaluation of `model`, which is that of `source`.

    Where nothing was held out, a random half of the faces is compared with and searched for copies; the
    other half stands in for a perfect generator and for held-out faces. Copies of that half go unseen.

    Raises:
        PhizError: no face set is given or at hand, it is empty, or `given` is not what the model learned
            from.
    """
    trained = trained_on(source, model, given)
    if against is None and trained is None:
        raise PhizError(
            f"The faces that {source} learned from are not at hand; say what to compare with: "
            "--against FACESET."
        )
    faces = FaceSet.open(against) if against is not None else trained
    assert faces is not None
    if len(faces) < LEAST:
        raise PhizError(
            f"{faces.path} holds {len(faces)} faces; {LEAST} at least are needed to compare with."
        )
    if trained is not None and trained.id != faces.id and trained.size == faces.size:
        others, shared = _others(faces, trained)
        split = "faces it did not learn from; the floor is of faces it learned from"
        if shared:
            split += f"; {shared:,} that it did learn from are left out"
        return Reals(others, Part(trained), Part(trained), others, False, split)
    order = np.random.default_rng(0).permutation(min(len(faces), 2 * MOST))
    middle = -(-len(order) // 2)
    first, second = (Part(faces, 2 * MOST, np.sort(rows)) for rows in (order[:middle], order[middle:]))
    learned = True if faces.id == model.config.faceset else None
    whose = "faces it learned from" if learned else "faces it may or may not have learned from"
    split = f"{whose}: a random half to compare with, the other half as the floor"
    trained_part, held = (first, second) if learned else (None, None)
    return Reals(first, second, trained_part, held, learned, split)


def beside(reals: Reals, first: Model, source: Path, model: Model) -> Reals:
    """Return the same real faces for another model than the `first`: what it learned from is its own."""
    if model.config.faceset is not None and model.config.faceset == first.config.faceset:
        return reals
    unknown = replace(reals, trained=None, held=None)
    split = f"the same faces as for {first.name}"
    if reals.against.faces.id == model.config.faceset:
        return replace(unknown, learned=True, split=f"{split}, which this one learned from")
    trained = trained_on(source, model, None)
    if trained is None or trained.size != reals.against.faces.size:
        split += ", which this one may or may not have learned from"
        return replace(unknown, learned=None, split=split)
    try:
        others, shared = _others(reals.against.faces, trained)
    except PhizError:
        split += ", of whose pictures this one learned"
        return replace(unknown, learned=True, split=split)
    if shared:
        split += f"; {shared:,} of their set this one learned from"
    return replace(reals, trained=Part(trained), held=others, learned=bool(shared), split=split)


def _others(faces: FaceSet, trained: FaceSet) -> tuple[Part, int]:
    """Return the faces of a set that were cut from other pictures than those of `trained`; how many were not.

    Where a set does not know its pictures, faces of the same pixels are the same.

    Raises:
        PhizError: too few are left.
    """
    known = {row["sha256"] for row in trained.faces()}
    sources = {row["position"]: row["sha256"] for row in faces.faces()}
    shared = {position for position, source in sources.items() if source in known - {None}}
    if None in known or None in sources.values():  # a set that was made without pictures: by the faces' own
        digests = set(_digests(trained))
        shared |= {row for row, digest in enumerate(_digests(faces)) if digest in digests}
    if not shared:
        return Part(faces), 0
    rows = np.flatnonzero(~np.isin(features.chosen(len(faces), MOST), sorted(shared)))
    if len(rows) < LEAST:
        raise PhizError(
            f"All but {len(rows)} faces of {faces.path} are of pictures that it learned from; {LEAST} at "
            "least are needed to compare with: give others with --against."
        )
    return Part(faces, rows=rows), len(shared)


def _digests(faces: FaceSet) -> Iterator[bytes]:
    """Yield a digest of the pixels of each face."""
    for start in range(0, len(faces), _AT_ONCE):
        for face in faces[start : min(start + _AT_ONCE, len(faces))]:
            yield hashlib.blake2b(face.tobytes(), digest_size=16).digest()


def trained_on(source: Path, model: Model, given: str | Path | None) -> FaceSet | None:
    """Return the face set a model learned from; None where it is not at hand."""
    if given is not None:
        faces = FaceSet.version(given, model.config.faceset) or FaceSet.open(given)
        if faces.id != model.config.faceset:
            raise PhizError(
                f"{given} is not the face set {source} learned from (id {faces.id[:12]}, not "
                f"{(model.config.faceset or 'unknown')[:12]})."
            )
        return faces
    run = run_of(source)
    if run is None:
        return None
    asked = json.loads((run / "recipe.json").read_text("utf-8")).get("asked", {}).get("source")
    for place in (run / "faceset", Path(asked) if asked else None):
        if place is not None and artefacts.kind_of(place) == "faceset":
            found = FaceSet.version(place, model.config.faceset)
            if found is not None:
                return found
    return None


def run_of(source: Path) -> Path | None:
    """Return the run that `source` is, or that holds it as its model; None if there is none."""
    return next((p for p in (source, source.resolve().parent) if artefacts.kind_of(p) == "run"), None)


def check_size(faces: FaceSet, model: Model) -> None:
    if faces.size != model.config.size:
        raise PhizError(
            f"{faces.path} holds faces of {faces.size} px, {model.name} draws {model.config.size} px; "
            f"prepare the pictures at that size: phiz prepare PICTURES -o FACESET --size {model.config.size}"
        )
