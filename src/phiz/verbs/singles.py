"""Single pictures of faces in a folder, named for their seeds: seed-000007.png."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from phiz import artefacts, marks
from phiz.errors import PhizError
from phiz.model import Model
from phiz.prepare.names import hidden
from phiz.sampling import sheets

_SINGLE = re.compile(r"(seed|face)-\d{6,16}(-fine-\d{6,16})?\.png")


def write(
    out: Path,
    model: Model,
    seeds: list[int],
    fine: list[int] | None,
    faces: Iterator[np.ndarray],
    truncation: float,
    labels: Mapping[str, str] | None,
    scale: int,
    force: bool,
    more: Mapping[str, Any],
) -> list[Path]:
    """Write each face to the folder `out`, with its facts and `more`; return the files."""
    files = [out / f"seed-{name}.png" for name in names(seeds, fine, "-fine-", digits=6)]
    check_folder(out, files, force)
    for number, (file, seed, face) in enumerate(zip(files, seeds, faces, strict=True)):
        said = marks.facts(model.hash, [seed], truncation, labels, **shown(model, seed, labels), **more)
        said |= {"fine": fine[number]} if fine else {}
        marks.save(sheets.enlarge(face, scale), file, said)
    return files


def shown(model: Model, seed: int, labels: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a picture of one face of a model with labels says: all of them, those of its seed too."""
    drawn = model.labels_of([seed], labels)
    if drawn is None:
        return {}
    return {"shows": {a: values[drawn[0, i]] for i, (a, values) in enumerate(model.config.labels.items())}}


def check_folder(out: Path, files: list[Path], force: bool) -> None:
    """Refuse a folder that holds other things than single pictures, and pictures that are not phiz's."""
    if out.is_file():
        raise PhizError(f"{out} is a file; end a sheet's name in .png, or choose another folder.")
    if not out.exists():
        return
    if artefacts.kind_of(out):
        raise PhizError(
            f"{out} is a phiz {artefacts.kind_of(out)}; write pictures into a folder of their own."
        )
    found = (entry.name for entry in out.iterdir())
    others = [name for name in found if not (_SINGLE.fullmatch(name) or hidden(name))]
    if others and not force:
        raise PhizError(
            f"{out} holds other things ({others[0]}); choose another folder, or --force to add to it."
        )
    for file in files:
        marks.check_target(file, force)


def names(seeds: list[int], fine: list[int] | None, between: str, digits: int = 0) -> list[str]:
    """Return what each face is called: its seed, and the one that it has its colours of."""
    if fine is None:
        return [f"{seed:0{digits}}" for seed in seeds]
    return [f"{a:0{digits}}{between}{b:0{digits}}" for a, b in zip(seeds, fine, strict=True)]
