"""Features that are kept in the cache, up to a limit: what was not asked for the longest goes first.

What a file holds stands beside it as JSON, with the SHA-256 that tells a damaged one, which is then made
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from phiz import artefacts
from phiz.arrays import mapped
from phiz.errors import PhizError
from phiz.weights import cache_folder

FORMAT = 1
MOST_BYTES = 2 << 30
"""What all kept features may take together."""

RECENT = 3600.0
"""Seconds for which features that were asked for stay, whatever they take: an evaluation may be at work."""

_LARGE = 1 << 27
_IN_USE: set[Path] = set()


def kept(key: dict[str, Any], count: int, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the features that `key` names, float32 (count, dimensions): those kept, else made and kept.

    Args:
        key: everything that decides the features, `dimensions` among it.
        count: how many pictures they are of.
        make: makes them.
    """
    key = {"phiz": "features", "format": FORMAT, **key}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder() / "features" / f"{name}.npy"
    shape = (count, int(key["dimensions"]))
    if (found := _read(path, shape)) is not None:
        return found
    values = make()
    with suppress(OSError, PhizError):  # a cache that cannot be written costs time, not the figures
        _write(path, values, key)
        _IN_USE.add(path)
        prune(path.parent)
        if values.nbytes > _LARGE:
            values = mapped(path, "<f4", shape)
    return values


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    try:
        said = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if said["values"] != artefacts.sha256(path):
            return None
        found = mapped(path, "<f4", shape)
    except (OSError, ValueError, KeyError, TypeError, PhizError):
        return None
    _IN_USE.add(path)
    with suppress(OSError):
        os.utime(path)  # it was asked for now
    return found


def _write(path: Path, values: np.ndarray, key: dict[str, Any]) -> None:
    """Write features and, last, the JSON that makes them count."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = path.with_suffix(".json")
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(aside, "wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(values, "<f4"), allow_pickle=False)
        digest = artefacts.sha256(aside)
        note.unlink(missing_ok=True)
        os.replace(aside, path)
        artefacts.write_json(note, {**key, "values": digest})
    finally:
        aside.unlink(missing_ok=True)


def prune(folder: Path) -> None:
    """Remove what was not asked for the longest, until the rest takes MOST_BYTES at most.

    What this process has asked for stays, and what any asked for within RECENT seconds. Files that a killed
    process left half-written count too.
    """
    found = []
    for path in folder.iterdir():
        if path.suffix in (".npy", ".partial"):
            with suppress(OSError):  # another process was quicker
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
    spare = sum(size for _, size, _ in found) - MOST_BYTES
    lately = time.time() - RECENT
    for asked, size, path in sorted(found):
        if spare <= 0 or asked > lately:
            break
        if path in _IN_USE:
            continue
        with suppress(OSError):  # on Windows, a file that is in use cannot be removed
            path.with_suffix(".json").unlink(missing_ok=True)  # without its note it counts no more
            path.unlink()
            spare -= size
