"""Folders of models, which make faces or enlarge them: where one is, and whether its files are whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from phiz import artefacts, bundled
from phiz.card import CONFIG
from phiz.errors import PhizError, nearest

RUN_FORMAT = 2
"""Of a run's recipe.json. 2: it holds a SHA-256 of itself."""


def folder_of(path: Path, what: str = "model") -> Path:
    """Return the model folder that `path` is or holds; `what` is wanted, for messages.

    Raises:
        PhizError: there is none.
    """
    path = bundled.resolve(path)
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise PhizError(f"{path} does not exist.{nearest(path.name, beside + bundled.names())}")
    kind = artefacts.kind_of(path)
    if kind == "faceset":
        raise PhizError(
            f"{path} is a face set, not {'a model' if what == 'model' else 'an upscaler'}; train one on it: "
            f"phiz {'train' if what == 'model' else 'train-upscaler'} {path} -o runs/first"
        )
    if kind == "run":
        if (path / "model").is_dir():
            return path / "model"
        raise PhizError(
            f"{path} holds no model yet: its training is unfinished; "
            f"go on with: phiz {_verb(path)} ... -o {path} --resume"
        )
    if not path.is_dir():
        raise PhizError(f"{path} is a file; a model is the folder with its {CONFIG}.")
    if kind is None and not (path / CONFIG).exists():
        raise PhizError(f"{path} is no phiz run and no phiz model: it has no {CONFIG}.")
    return path


def _verb(run: Path) -> str:
    """Return the verb that goes on with a run."""
    recipe = json.loads((run / "recipe.json").read_text("utf-8")).get("recipe")
    return "train-upscaler" if isinstance(recipe, dict) and recipe.get("task") == "upscaling" else "train"


def check_file(folder: Path, name: str, expected: str | None) -> None:
    """Refuse a file of a model that is missing, or is not the one it was saved with."""
    file = folder / name
    if not file.resolve().is_file():
        raise PhizError(f"{file} is missing; copy it again from where the model came from.")
    if expected is None:
        raise PhizError(
            f"{folder / CONFIG} has no SHA-256 of {name}, so it was not written by phiz as it stands."
        )
    try:
        actual = artefacts.sha256(file)
    except OSError as fault:
        raise PhizError(f"{file} cannot be read: {fault.strerror}.") from None
    if actual != expected:
        raise PhizError(
            f"{file} is not the file this model was saved with: it is cut short or was changed "
            "(its SHA-256 differs); copy it again from where the model came from."
        )


def packed(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Return tensors as the bytes of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.asarray(a, order="C") for name, a in tensors.items()}, {"format": "pt"})
