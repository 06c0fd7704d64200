"""What a picture says of how it was made: the seeds of its faces, or, beyond the seeds, their latents."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phiz import latents, marks
from phiz.errors import PhizError, UsageError
from phiz.model import Model

_LARGEST = 1e4
_MOST_FACES = 4096
_OF_LARGER = ("upscaler", "scale", "sharpness")
"""What a picture says of the upscaler that made it larger: not of the faces that are made again."""


@dataclass(frozen=True)
class Likeness:
    """The faces of a picture: `seeds` with one truncation and labels, or `latents` with those of each.

    `latents` is float32 (N, z), `psi` float32 (N,), `indices` int64 (N, A) of label values or None; `said`
    are the facts of the picture, `grid` its rows and columns. `fine` holds the seeds or the latents, float32
    (N, z), that the faces have their colours of, None where that is their own.
    """

    said: dict[str, Any]
    seeds: list[int]
    truncation: float
    labels: dict[str, str]
    grid: tuple[int, int] | None = None
    latents: np.ndarray | None = None
    psi: np.ndarray | None = None
    indices: np.ndarray | None = None
    fine: list[int] | np.ndarray | None = None

    def one(self, number: int) -> dict[str, Any]:
        """Return the facts of the face of this number, for a picture of it alone."""
        assert self.latents is not None
        assert self.psi is not None
        said = {k: v for k, v in self.said.items() if k not in ("grid", "faces")}
        said |= {"n": 1, "latents": _text(self.latents[number]), "truncation": float(self.psi[number])}
        if isinstance(self.fine, np.ndarray):
            said["fine"] = _text(self.fine[number])
        for name in ("faces", "shows"):
            listed = self.said.get(name)
            if isinstance(listed, list):
                said[name] = listed[number : number + 1] if name == "faces" else listed[number]
        return said


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def likeness(like: Path, model: Model) -> Likeness:
    """Read how the picture `like` was made, which `model` must have made.

    Raises:
        PhizError: it does not say, or says that another model made it.
    """
    said = marks.read(like)
    if said is None:
        raise PhizError(f"{like} does not say that phiz made it; its metadata may have been removed.")
    if said.get("phiz") != "picture":
        raise PhizError(f"{like} is a {said.get('phiz')}, not faces; give its seed: --seed (and --fine).")
    if said.get("model") != model.hash:
        raise PhizError(f"{like} was made by model {said.get('model')}; {model.name} is {model.hash}.")
    try:
        places = said.get("grid")
        grid = (int(places[0]), int(places[1])) if places else None
        if "latents" in said:
            return _beyond(said, model, grid)
        seeds = latents.check_seeds(marks.seeds_of(said))
        fine = said.get("fine")
        if fine is not None:
            fine = latents.check_seeds(fine if isinstance(fine, list) else [fine] * len(seeds))
            _require(len(fine) == len(seeds), "fine")
        labels = dict(said.get("labels", {}))
        return Likeness(said, seeds, float(said["truncation"]), labels, grid, fine=fine)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, UsageError):
        raise PhizError(f"{like} does not say clearly how it was made.") from None


def _beyond(said: dict[str, Any], model: Model, grid: tuple[int, int] | None) -> Likeness:
    values = _values(said["latents"], model.config.z)
    fine = _values(said["fine"], model.config.z) if "fine" in said else None
    _require(fine is None or len(fine) == len(values), "fine")
    psi = np.broadcast_to(np.asarray(said["truncation"], np.float32), len(values)).copy()
    _require(bool(np.isfinite(psi).all() and (psi >= 0).all()), "truncation")
    indices = None
    if model.config.labels:
        shows = said["shows"] if isinstance(said["shows"], list) else [said["shows"]] * len(values)
        schema = model.config.labels.items()
        indices = np.array([[v.index(shown[a]) for a, v in schema] for shown in shows], np.int64)
        indices = indices.reshape(len(values), len(model.config.labels))
    kept = {name: value for name, value in said.items() if name not in _OF_LARGER}
    return Likeness(kept, [], 1.0, {}, grid, values, psi, indices, fine)


def _values(text: Any, z: int) -> np.ndarray:
    """Return the latents, float32 (N, z), that base64 text holds.

    Raises:
        ValueError, TypeError: it holds none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("latents") from None
    values = np.frombuffer(data, "<f4").reshape(-1, z)
    _require(1 <= len(values) <= _MOST_FACES and bool((np.abs(values) < _LARGEST).all()), "latents")
    return values.astype(np.float32)


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise ValueError(what)
