"""Writing a face set, or a new version of one: what has not changed keeps its files.

A first version has the plain names (images-00000.npy, labels.npy, manifest.sqlite). What a later one
changes is written beside them, named for its own hash; faceset.json is kept as faceset-ID.json and then
replaced, so that either version is whole at any moment. Faces stand in the order of the manifest's rows:
those of new pictures come last, and one that is restored comes back to its old place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phiz.arrays import RowWriter
from phiz.artefacts import sha256, write_json
from phiz.faceset import FORMAT, MISSING, SHARD_BYTES, FaceSet, identify
from phiz.manifest import Manifest
from phiz.prepare.keeping import Kept, Row, Rows

Pixels = Callable[[int, Row], np.ndarray]
"""A row's number and the row in, its face out: uint8 (size, size, 3)."""


@dataclass
class Version:
    """A version that is being written into `folder`.

    `old` is the version it changes, None of a first one; what it writes is listed in `written`, so that it
    can be taken back.
    """

    folder: Path
    size: int
    schema: dict[str, list[str]]
    made: dict[str, Any]
    old: FaceSet | None = None
    shard_bytes: int = SHARD_BYTES
    written: list[Path] = field(default_factory=list)

    def write(self, rows: Rows, found: Kept, pixels: Pixels) -> str:
        """Write the files and faceset.json; return the id.

        A full disk is an OSError; what stood there is whole, and what was written is taken away.
        """
        about: dict[str, Any] = {}
        try:
            about = self._files(rows, found, pixels)
            if self.old is not None:
                _keep(self.old)
            write_json(self.folder / "faceset.json", about)
        except BaseException:
            if not self._stands(about):
                for path in self.written:
                    path.unlink(missing_ok=True)
            raise
        return str(about["id"])

    def _stands(self, about: Mapping[str, Any]) -> bool:
        """Say whether faceset.json names this version already: a signal may come in the moment after that."""
        try:
            return (
                bool(about) and json.loads((self.folder / "faceset.json").read_bytes())["id"] == about["id"]
            )
        except (OSError, ValueError, KeyError):
            return False

    def _files(self, rows: Rows, found: Kept, pixels: Pixels) -> dict[str, Any]:
        shards, positions = self._shards(rows, found, pixels)
        labels, manifest = self._tables(rows, found, positions)
        count = int(found.kept.sum())
        return {
            "phiz": "faceset",
            "format": FORMAT,
            "id": identify([*(shard["sha256"] for shard in shards), labels["sha256"]]),
            "size": self.size,
            "channels": 3,
            "count": count,
            "rejected": len(found.kept) - count,
            "schema": self.schema,
            "made": self.made,
            "shards": shards,
            "labels": labels,
            "manifest": manifest,
        }

    def _shards(self, rows: Rows, found: Kept, pixels: Pixels) -> tuple[list[dict[str, Any]], np.ndarray]:
        """Write the shards that change; return all of them, and the position of each row (-1: none)."""
        before = np.array([row.place if row.old else -1 for row in rows()], np.int64)
        starts = self._starts(before)
        positions = np.where(found.kept, np.cumsum(found.kept) - 1, -1)
        shards: list[dict[str, Any]] = []
        changed: list[tuple[int, int]] = []  # rows from, to
        for shard, start in enumerate(starts):
            end = starts[shard + 1] if shard + 1 < len(starts) else len(before)
            if self.old is not None and self._unchanged(shard, before[start:end], found.kept[start:end]):
                shards.append(self.old.files()["shards"][shard])
                continue
            for first, last in self._parts(found.kept, start, end):
                shards.append({"name": "", "count": int(found.kept[first:last].sum()), "sha256": ""})
                changed.append((first, last))
        fresh = iter([shard for shard in shards if not shard["name"]])
        for number, (path, digest) in enumerate(self._write(rows, found, pixels, changed)):
            name = self._place(path, f"images-{number:05d}.npy", "images", digest)
            next(fresh).update({"name": name, "sha256": digest})
        return shards, positions

    def _starts(self, before: np.ndarray) -> list[int]:
        """Return the row that each shard of the old version begins at, the first at row 0."""
        if self.old is None or not len(self.old):
            return [0]
        ends = np.cumsum([shard["count"] for shard in self.old.files()["shards"]])
        row_of = np.full(len(self.old), 0, np.int64)
        there = np.flatnonzero(before >= 0)
        row_of[before[there]] = there
        return [0, *row_of[ends[:-1]].tolist()]

    def _unchanged(self, shard: int, before: np.ndarray, kept: np.ndarray) -> bool:
        assert self.old is not None
        counts = [one["count"] for one in self.old.files()["shards"]]
        first = sum(counts[:shard])
        return np.array_equal(before[kept], np.arange(first, first + counts[shard]))

    def _parts(self, kept: np.ndarray, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the rows that go into one shard each."""
        most = max(1, (self.shard_bytes - 128) // (self.size * self.size * 3))
        there = np.flatnonzero(kept[start:end]) + start
        for first in range(0, len(there), most):
            part = there[first : first + most]
            yield int(part[0]), int(part[-1]) + 1

    def _write(
        self, rows: Rows, found: Kept, pixels: Pixels, parts: list[tuple[int, int]]
    ) -> Iterator[tuple[Path, str]]:
        """Write the kept rows of each part into a file aside; yield it with its SHA-256."""
        waiting = iter(parts)
        part = next(waiting, None)
        file: RowWriter | None = None
        try:
            for number, row in enumerate(rows()):
                if part is None:
                    break
                if number < part[0] or not found.kept[number]:
                    continue
                if file is None:
                    file = RowWriter(self._aside("images"), "|u1", (self.size, self.size, 3))
                file.write(pixels(number, row))
                if number == part[1] - 1:
                    file.finish()
                    path, file = file.path, None
                    yield path, sha256(path)
                    part = next(waiting, None)
        finally:
            if file is not None:
                file.abandon()

    def _tables(self, rows: Rows, found: Kept, positions: np.ndarray) -> tuple[dict[str, str], str]:
        """Write labels and manifest."""
        codes = {name: {value: i for i, value in enumerate(values)} for name, values in self.schema.items()}
        labels = RowWriter(self._aside("labels"), "<i2", (len(self.schema),))
        manifest = Manifest(self._aside("manifest"))
        try:
            for number, row in enumerate(rows()):
                kept = bool(found.kept[number])
                figures = dict(row.figures)
                figures |= found.figures.get(number, {})
                figures.pop("twin", None)
                if number in found.twins:
                    figures["twin"] = found.twins[number][0] + 1
                if kept:
                    own = [codes[name].get(row.labels.get(name, ""), MISSING) for name in self.schema]
                    labels.write(np.array(own, "<i2"))
                manifest.add(
                    row.source,
                    row.box,
                    row.landmarks,
                    row.sha256,
                    row.labels if row.box is not None else None,
                    figures or None,
                    "kept" if kept else "rejected",
                    found.reasons.get(number, row.reason),
                    int(positions[number]) if kept else None,
                )
            labels.finish()
            manifest.finish()
        except BaseException:
            labels.abandon()
            with suppress(Exception):
                manifest.abandon()
            raise
        digest = sha256(labels.path)
        name = self._place(labels.path, "labels.npy", "labels", digest)
        path = self._aside("manifest")
        table = self._place(path, "manifest.sqlite", "manifest", sha256(path), ".sqlite")
        return {"name": name, "sha256": digest}, table

    def _aside(self, what: str) -> Path:
        path = self.folder / f".{what}.partial"
        if path not in self.written:
            path.unlink(missing_ok=True)
            self.written.append(path)
        return path

    def _place(self, aside: Path, first: str, what: str, digest: str, suffix: str = ".npy") -> str:
        """Put a file that was written aside in its place; return its name."""
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())
        name = first if self.old is None else f"{what}-{digest[:12]}{suffix}"
        self.written.remove(aside)
        if self.old is not None and (self.folder / name).is_file():
            aside.unlink()  # a version before this one had the same
            return name
        os.replace(aside, self.folder / name)
        self.written.append(self.folder / name)
        return name


def _keep(old: FaceSet) -> None:
    """Keep what names the files of a version, so that it can be opened later: faceset-ID.json."""
    kept = old.path / f"faceset-{old.id[:12]}.json"
    if not kept.is_file():
        shutil.copyfile(old.path / "faceset.json", old.path / f".{kept.name}.partial")
        os.replace(old.path / f".{kept.name}.partial", kept)


def versions(folder: Path) -> list[Path]:
    """Return the older versions of a face set, newest first."""
    found = folder.glob("faceset-*.json")
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))
