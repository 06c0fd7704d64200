"""Checkpoints: the one place where the state of a training survives.

A checkpoint is a folder `step-000012345/` of safetensors files and a `state.json` that holds the SHA-256
of each, and of all else that it says itself. It is written aside, fsynced and renamed, so that a folder of
that name is whole; should its bytes be damaged later, the loader walks back to the newest whole one and
says so.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from phiz import artefacts
from phiz.errors import PhizError

FORMAT = 2
"""2: state.json holds a SHA-256 of itself. Whatever a later format changes, `format` and that stay."""

_STATE = "state.json"
_NAME = re.compile(r"step-(\d{9,})$")

Tensors = dict[str, dict[str, Tensor]]
"""Groups of named tensors: one safetensors file a group."""


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to go on: the step it stands at, tensors by group, and plain values."""

    step: int
    tensors: Tensors
    values: dict[str, Any]


def save(
    folder: Path, checkpoint: Checkpoint, planned: Callable[[int], bool] = lambda step: True, keep: int = 3
) -> Path:
    """Write `checkpoint` below `folder`, whole or not at all; keep the newest `keep`, and two planned ones.

    The best generator so far is part of every checkpoint, so the newest ones hold it too. The newest planned
    one may hold weights that are numbers still and lead to none, so there is one before it to go back to.
    Those of later steps go: a training that stands before them had to go around them.

    Raises:
        OSError: the disk is full or fails; what was there before is untouched.
    """
    place = folder / f"step-{checkpoint.step:09d}"
    aside = folder / f".{place.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        hashes = {}
        for group, tensors in checkpoint.tensors.items():
            name = f"{group}.safetensors"
            data = safetensors.torch.save({key: tensor.contiguous() for key, tensor in tensors.items()})
            (aside / name).write_bytes(data)
            hashes[name] = hashlib.sha256(data).hexdigest()
        state = {"format": FORMAT, "step": checkpoint.step, **checkpoint.values, "sha256": hashes}
        state = artefacts.sealed(state, _STATE)
        (aside / _STATE).write_text(json.dumps(state, indent=2) + "\n", "utf-8")
        artefacts.sync(aside)
        artefacts.swap(aside, place)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    drop_after(folder, checkpoint.step)
    there = found(folder)
    kept = {*there[:keep], *[path for path in there if planned(_step(path))][:2]}
    for old in set(there) - kept:
        shutil.rmtree(old, ignore_errors=True)
    return place


def drop_after(folder: Path, step: int) -> None:
    """Drop the checkpoints of later steps than `step`."""
    for path in found(folder):
        if _step(path) > step:
            shutil.rmtree(path, ignore_errors=True)


def found(folder: Path) -> list[Path]:
    """Return the checkpoints below `folder`, newest first, whole or not."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.match(p.name)), key=lambda p: p.name, reverse=True)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def sweep(folder: Path) -> None:
    """Remove what kills have left half-written."""
    for path in (*folder.glob(".step-*.partial"), *folder.glob(".step-*.old")):
        shutil.rmtree(path, ignore_errors=True)


def load(path: Path) -> Checkpoint:
    """Read one checkpoint and check every byte of it.

    Raises:
        PhizError: a file is missing or damaged; the message names it.
        artefacts.Newer: it has a newer format.
    """
    try:
        state = json.loads((path / _STATE).read_text("utf-8"))
        version, hashes = int(state["format"]), state.get("sha256", {})
        if (_STATE in hashes or version == FORMAT) and hashes[_STATE] != artefacts.own_hash(state, _STATE):
            raise ValueError("its SHA-256 is not the one that it holds")
        if version > FORMAT:
            raise artefacts.Newer(
                f"{path} has format {version}, newer than {FORMAT}: pip install --upgrade phiz"
            )
        hashes = {name: str(value) for name, value in state.pop("sha256").items() if name != _STATE}
        step = int(state.pop("step"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise PhizError(f"{path / _STATE} cannot be read ({fault})") from None
    if step != _step(path):
        raise PhizError(f"{path / _STATE} is that of step {step:,}")
    del state["format"]
    tensors: Tensors = {}
    for name, expected in hashes.items():
        try:
            data = (path / name).read_bytes()
        except OSError as fault:
            raise PhizError(
                f"{path / name} cannot be read ({os.strerror(fault.errno or errno.EIO)})"
            ) from None
        if hashlib.sha256(data).hexdigest() != expected:
            raise PhizError(f"{path / name} is damaged: its SHA-256 is not the one in state.json")
        tensors[name.removesuffix(".safetensors")] = safetensors.torch.load(data)
    return Checkpoint(step, tensors, state)


def newest(
    folder: Path, say: Callable[[str], None], which: Callable[[int], bool] = lambda step: True
) -> Checkpoint | None:
    """Return the newest whole checkpoint below `folder`, of the steps `which`; None if there is none.

    `say` is told of each broken one. One of a newer format is not gone around: that would lose what it holds.

    Raises:
        artefacts.Newer: the newest has a newer format.
    """
    for path in found(folder):
        if which(_step(path)):
            try:
                return load(path)
            except artefacts.Newer:
                raise
            except PhizError as fault:
                say(f"{fault}; going back to the checkpoint before it.")
    return None
