"""What a training learns from: a face set as it stands, or pictures, which are cut into RUN/faceset first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phiz import artefacts
from phiz.errors import PhizError, UsageError, nearest
from phiz.faceset import FaceSet
from phiz.pictures import check_size
from phiz.screen import TrainingScreen, duration, progress

if TYPE_CHECKING:
    from phiz.training.run import Run

_COMPARED = 64
_ALIKE = 8.0  # 255ths apart on average, below which faces are one picture, stored again with other losses
_HASHED = 1 << 30
"""Bytes of faces up to which they are checked against their hashes before a training: a second or two."""

_CUTS = ("centre", "auto", "human", "anime")


def way_of_cutting(word: str) -> str:
    """Return `word` if it says how pictures are cut."""
    if word not in _CUTS:
        raise UsageError(f"--prepare {word}: there are {', '.join(_CUTS)}.{nearest(word, _CUTS)}")
    return word


def faces_of(run: Run, source: str | Path, labels: str | Path | None) -> FaceSet:
    """Open the face set of a run, cutting pictures into RUN/faceset where `source` is none.

    A run that goes on takes the faces it has cut, whatever has become of the pictures.

    Raises:
        UsageError: an option does not go with `source`.
        PhizError: `source` is missing, damaged, too small, of another size, or not what the run began on.
    """
    source = Path(source)
    if artefacts.kind_of(source) == "faceset":
        faces = _given(run, source, labels)
    else:
        faces = FaceSet.version(run.folder / "faceset", run.faceset) or _cut(run, source, labels)
    if len(faces) * faces.channels * faces.size**2 <= _HASHED:
        faces.verify()
    if len(faces) < 16:
        raise PhizError(f"{source}: {len(faces)} faces are too few to learn from; 16 are the least.")
    some = faces.batch(np.linspace(0, len(faces) - 1, _COMPARED).astype(int))
    apart = np.abs(some.astype(int) - some[0]).mean((1, 2, 3))
    if apart.max() < _ALIKE:
        raise PhizError(f"{source}: its {len(faces):,} faces are one picture again and again; add others.")
    _check_same(run, faces)
    run.faceset, run.schema = faces.id, faces.schema
    return faces


def _given(run: Run, source: Path, labels: str | Path | None) -> FaceSet:
    """Open a face set that was made before."""
    from phiz.training.enlarging import UpscalingRecipe

    if run.asked.get("prepare") is not None:
        raise UsageError(f"{source} is a face set, cut already; leave --prepare out.")
    if labels is not None:
        raise UsageError(f"{source} is a face set and has its labels already; leave --labels out.")
    faces, size = FaceSet.version(source, run.faceset) or FaceSet.open(source), run.recipe.size
    _check_same(run, faces)
    if faces.size != size and not (isinstance(run.recipe, UpscalingRecipe) and faces.size > size):
        raise PhizError(
            f"{source} holds faces of {faces.size} px, not {size}: add --size {faces.size}, or train "
            "on the pictures it was made from."
        )
    return faces


def _cut(run: Run, source: Path, labels: str | Path | None) -> FaceSet:
    """Cut pictures into RUN/faceset, and say what came of it."""
    from phiz.verbs.prepare import prepare

    size, way = run.recipe.size, run.asked.get("prepare")
    check_size(size)
    start, new = time.monotonic(), not (run.folder / "faceset" / "faceset.json").exists()
    with progress("packing", "pictures") as tick:
        faces = prepare(
            source,
            run.folder / "faceset",
            size=size,
            detector="none" if way in (None, "centre") else way,
            labels=labels,
            progress=tick,
            warn=lambda line: say(run, line),
        )
    if new:  # of one that is there, prepare has said so
        say(run, f"Packed {len(faces):,} faces of {size} px in {duration(time.monotonic() - start)}.")
    found = faces.made.get("detector") or {}
    if way == "auto" and found:
        say(run, f"Detector: {found['name']}, as {found['why']}.")
    return faces


def _check_same(run: Run, faces: FaceSet) -> None:
    """Refuse faces, or names of their labels, that a run was not started on."""
    if run.faceset and run.faceset != faces.id:
        raise PhizError(
            f"{faces.path} is not the face set {run.folder} was started on (id {faces.id[:12]}, not "
            f"{run.faceset[:12]}); --force starts anew with it."
        )
    if run.schema is not None and run.schema != faces.schema:
        raise PhizError(
            f"{faces.path} names its labels otherwise than when {run.folder} was started; name them as they "
            "were, or --force starts anew."
        )


def say(run: Run, line: str) -> None:
    """Say one line of a run and keep it in its log."""
    TrainingScreen(run.folder / "log.txt").say(line)
