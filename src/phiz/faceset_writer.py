"""FaceSetWriter: the files of a face set (faceset.py), written face by face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phiz.arrays import RowWriter
from phiz.artefacts import sha256 as file_sha256
from phiz.artefacts import write_json
from phiz.faceset import FORMAT, MISSING, SHARD_BYTES, identify
from phiz.manifest import Manifest


class FaceSetWriter:
    """Writes a face set into an empty folder, face by face, with flat memory.

    >>> with building(target, "faceset") as folder, FaceSetWriter(folder, 64, {}, {}) as writer:
    ...     writer.add(face, "a.jpg", (0, 0, 96, 96))            # doctest: +SKIP
    ...     writer.finish()                                      # doctest: +SKIP

    A full disk is an OSError from any method. Leaving the block without `finish` leaves no face set.
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        schema: dict[str, list[str]],
        made: dict[str, Any],
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder = folder
        self.size = size
        self.schema = schema
        self.made = made
        self.kept = 0
        self.rejected = 0
        self._codes = {name: {value: i for i, value in enumerate(values)} for name, values in schema.items()}
        self._per_shard = max(1, (shard_bytes - 128) // (size * size * 3))
        self._shards: list[dict[str, Any]] = []
        self._shard: RowWriter | None = None
        self._labels = RowWriter(folder / "labels.npy", "<i2", (len(schema),))
        self._manifest = Manifest(folder / "manifest.sqlite")

    def add(
        self,
        image: np.ndarray,
        source: str,
        box: Sequence[int],
        labels: Sequence[int] | np.ndarray | Mapping[str, str] | None = None,
        landmarks: Any = None,
        sha256: str | None = None,
        figures: Mapping[str, float] | None = None,
    ) -> None:
        """Append one face.

        Args:
            image: uint8 (size, size, 3).
            source: the picture's path in what it came from.
            box: x, y, width, height of the face in the source's pixels.
            labels: one index an attribute, -1 = missing; or {attribute: value}; None = all missing.
            landmarks: points in the source's pixels, as JSON holds them.
            sha256: of the source file.
            figures: what was measured of it.

        Raises:
            ValueError: the image or a label does not fit the set.
        """
        if image.shape != (self.size, self.size, 3) or image.dtype != np.uint8:
            raise ValueError(f"a face is uint8 {(self.size, self.size, 3)}, not {image.dtype} {image.shape}")
        row = self._row(labels)
        if self._shard is None:
            name = f"images-{len(self._shards):05d}.npy"
            self._shard = RowWriter(self.folder / name, "|u1", (self.size, self.size, 3))
        self._shard.write(image)
        self._labels.write(row)
        named = {
            attribute: values[code]
            for (attribute, values), code in zip(self.schema.items(), row.tolist(), strict=True)
            if code != MISSING
        }
        box = [int(side) for side in box]
        self._manifest.add(source, box, landmarks, sha256, named, figures, "kept", None, self.kept)
        self.kept += 1
        if self._shard.count == self._per_shard:
            self._close_shard()

    def reject(self, source: str, reason: str, sha256: str | None = None) -> None:
        """Note a picture that was set aside, and why."""
        self._manifest.add(source, None, None, sha256, None, None, "rejected", reason, None)
        self.rejected += 1

    def finish(self) -> None:
        """Write what is left, and faceset.json last: from here on it is a face set."""
        self._close_shard()
        self._labels.finish()
        self._manifest.finish()
        labels = {"name": "labels.npy", "sha256": file_sha256(self.folder / "labels.npy")}
        about = {
            "phiz": "faceset",
            "format": FORMAT,
            "id": identify([*(shard["sha256"] for shard in self._shards), labels["sha256"]]),
            "size": self.size,
            "channels": 3,
            "count": self.kept,
            "rejected": self.rejected,
            "schema": self.schema,
            "made": self.made,
            "shards": self._shards,
            "labels": labels,
            "manifest": "manifest.sqlite",
        }
        write_json(self.folder / "faceset.json", about)

    def _row(self, labels: Sequence[int] | np.ndarray | Mapping[str, str] | None) -> np.ndarray:
        if labels is None:
            return np.full(len(self.schema), MISSING, "<i2")
        if isinstance(labels, Mapping):
            if unknown := set(labels) - set(self.schema):
                raise ValueError(f"no attribute is called {min(unknown)}")
            try:
                found = [self._codes[a][labels[a]] if a in labels else MISSING for a in self.schema]
            except KeyError as fault:
                raise ValueError(f"no value is called {fault}") from None
        else:
            found = [int(code) for code in labels]
            tops = [len(values) for values in self.schema.values()]
            good = len(found) == len(tops) and all(MISSING <= c < t for c, t in zip(found, tops, strict=True))
            if not good:
                raise ValueError(f"labels {found} do not fit {len(tops)} attributes of {tops} values")
        return np.array(found, "<i2")

    def _close_shard(self) -> None:
        if self._shard is None:
            return
        self._shard.finish()
        path, count = self._shard.path, self._shard.count
        self._shards.append({"name": path.name, "count": count, "sha256": file_sha256(path)})
        self._shard = None

    def __enter__(self) -> FaceSetWriter:
        return self

    def __exit__(self, *fault: object) -> None:
        for file in (self._shard, self._labels):
            if file is not None:
                file.abandon()
        self._manifest.abandon()
