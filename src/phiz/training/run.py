"""A run: the folder that a training writes, and what its recipe.json says.

recipe.json          the recipe, complete, with the plan, the face set, and the command that asked
metrics.jsonl        a line every so many steps
samples/             the faces of the same latents, as the steps go by
checkpoints/         what is needed to go on, with a copy of recipe.json
model/               the generator
film.webp            the samples as a film, made at the end
log.txt              what was said
faceset/             the faces, where it was made from raw pictures
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from phiz import artefacts
from phiz.errors import PhizError, UsageError
from phiz.folders import RUN_FORMAT
from phiz.training.enlarging import UpscalingRecipe
from phiz.training.plan import Plan
from phiz.training.recipe import Recipe, validated

_SAID = "recipe.json"
_COPY = f"checkpoints/{_SAID}"


@dataclass
class Run:
    """What recipe.json holds. `asked` is what the user gave, None where nothing was.

    `donor` is the SHA-256 of the model that the training starts from, `processes` how many train it now.
    """

    folder: Path
    asked: dict[str, Any]
    recipe: Any  # a Recipe, or an UpscalingRecipe
    device: str
    faceset: str | None = None
    schema: dict[str, list[str]] | None = None  # of the labels, which the id of a face set leaves out
    plan: Plan | None = None
    threads: int | None = None
    versions: dict[str, str] | None = None
    finished: dict[str, Any] | None = None
    donor: str | None = None
    processes: int = 1
    reasons: list[str] = field(default_factory=list)  # of what `auto` chose
    calibration: dict[str, float] = field(default_factory=dict)  # steps a second of each way tried
    profile: bool = False  # asked for now, as explain is; they are not kept
    explain: bool = False
    spent: float = 0.0  # seconds of the minutes that measuring took before the plan; not kept either

    @property
    def identity(self) -> str:
        """What is trained on what, as a hash: a checkpoint of anything else is of no use to this run."""
        recipe = self.recipe.model_dump(mode="json", exclude_defaults=True)  # so that new keys change nothing
        said = json.dumps([recipe, self.faceset, self.schema], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def data(self) -> dict[str, Any]:
        """Return what recipe.json holds."""
        return {
            "phiz": "run",
            "format": RUN_FORMAT,
            "recipe": self.recipe.model_dump(mode="json"),
            "asked": self.asked,
            "faceset": self.faceset,
            "schema": self.schema,
            "device": self.device,
            "threads": self.threads,
            "versions": self.versions,
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
            "finished": self.finished,
            "donor": self.donor,
            "processes": self.processes,
            "reasons": self.reasons,
            "calibration": self.calibration,
        }

    def write(self) -> None:
        """Write recipe.json and its copy, each whole; that first which makes the folder known as a run."""
        data = artefacts.sealed(self.data(), _SAID)
        with artefacts.disk(self.folder):
            for path in (self.folder / _SAID, self.folder / _COPY):
                path.parent.mkdir(parents=True, exist_ok=True)
                artefacts.write_json(path, data)
                artefacts.sync_directory(path.parent.parent)


def read(folder: Path) -> Run:
    """Read the run at `folder`.

    Raises:
        PhizError: it is no run, or damaged.
        artefacts.Newer: it has a newer format.
    """
    return _read(folder, _SAID)


def _read(folder: Path, name: str) -> Run:
    data = artefacts.read_json(folder / name, "run", RUN_FORMAT)
    if data.get("format") == RUN_FORMAT and _SAID not in (data.get("sha256") or {}):
        raise PhizError(f"{folder / name} is damaged (its SHA-256 is gone); --force starts {folder} anew.")
    return parsed(folder, data)


def mendable(folder: Path) -> str | None:
    """Say what is wrong with recipe.json of `folder`, if its copy is sound; else None."""
    try:
        read(folder)
        return None
    except artefacts.Newer:
        return None
    except PhizError as fault:
        said = str(fault).partition("; ")[0].removesuffix(".")
    try:
        _read(folder, _COPY)
    except PhizError:
        return None
    return said


def mended(folder: Path) -> str | None:
    """Take recipe.json of `folder` from its copy where it is damaged or gone; return a line that says so.

    What was damaged is kept beside it. None where nothing is to be done, or the copy is no better. A copy
    that is damaged or gone is made again.
    """
    path, copy, said = folder / _SAID, folder / _COPY, mendable(folder)
    if said is None:
        _copy(folder)
        return None
    kept = path.with_name(f"{_SAID}.damaged")
    with artefacts.disk(folder):
        if path.exists():
            os.replace(path, kept)
            said += f" (kept as {kept.name})"
        artefacts.write_bytes(path, copy.read_bytes())
    return f"{said}; it was taken from its copy, {copy}."


def _copy(folder: Path) -> None:
    """Make the copy of recipe.json again where it is not the same."""
    path, copy = folder / _SAID, folder / _COPY
    with suppress(PhizError), artefacts.disk(folder):
        read(folder)
        if not copy.is_file() or copy.read_bytes() != path.read_bytes():
            copy.parent.mkdir(exist_ok=True)
            artefacts.write_bytes(copy, path.read_bytes())


def planned(folder: Path) -> bool:
    """Say whether `folder` holds a run whose steps are fixed: one that has begun, or is about to."""
    try:
        return read(folder).plan is not None
    except PhizError:
        return False


def begun(folder: Path) -> bool:
    """Say whether the run at `folder` may have begun: its steps are fixed, or it cannot be read."""
    try:
        return read(folder).plan is not None
    except PhizError:
        return True


def done(folder: Path) -> bool:
    """Say whether `folder` holds a run that is finished."""
    try:
        return bool(read(folder).finished)
    except PhizError:
        return False


def parsed(folder: Path, data: dict[str, Any]) -> Run:
    """Return the run at `folder` whose recipe.json holds `data`.

    Raises:
        PhizError: it is damaged.
    """
    path = folder / _SAID
    try:
        threads, versions = data["threads"], data["versions"]
        if threads is not None and (not isinstance(threads, int) or threads < 1):
            raise ValueError(f"threads: {threads!r}")
        if versions is not None and not isinstance(versions.get("torch"), str):
            raise ValueError(f"versions: {versions!r}")
        plan = Plan.model_validate(data["plan"]) if data["plan"] else None
        return Run(
            folder=folder,
            asked=dict(data["asked"]),
            recipe=validated(data["recipe"], "recipe", _kind(data["recipe"])),
            device=data["device"],
            faceset=data["faceset"],
            schema=data.get("schema"),
            plan=plan,
            threads=threads,
            versions=versions,
            finished=data["finished"],
            donor=data.get("donor"),
            processes=data.get("processes", 1),
            reasons=list(data.get("reasons", [])),
            calibration=dict(data.get("calibration", {})),
        )
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(map(str, ("plan", *first["loc"])))
        raise PhizError(f"{path} is damaged ({key}: {first['msg']}); --force starts {folder} anew.") from None
    except (AttributeError, KeyError, TypeError, ValueError, UsageError) as fault:
        raise PhizError(f"{path} is damaged ({fault}); --force starts {folder} anew.") from None


def _kind(recipe: dict[str, Any]) -> type[Recipe] | type[UpscalingRecipe]:
    return UpscalingRecipe if recipe.get("task") == "upscaling" else Recipe


def check_same(run: Run, asked: dict[str, Any]) -> None:
    """Refuse to go on with a run that was asked for differently; options not given now are not compared."""
    for key, value in asked.items():
        before = run.asked.get(key)
        if value is not None and value != before:
            raise PhizError(
                f"{run.folder} was started with {key} {_shown(before)}, not {_shown(value)}; choose another "
                "name for a new run, or --force to replace it."
            )


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)
