"""FaceSet: faces of one size, cut, screened and labelled, ready to train on.

A face set is a folder:

    faceset.json         size, count, label schema, how it was made, the SHA-256 of each file, the id
    images-00000.npy ... uint8, N x H x W x 3, C order, at most 1 GiB each
    labels.npy           int16, N x A, -1 = missing; the numbers count into the schema's values
    manifest.sqlite      table `faces`: where each face came from, and what was rejected and why

Its **id** is the SHA-256, in hexadecimal, of these ASCII lines, each ended by a newline: the SHA-256
of every image file in order, then that of labels.npy. It names pixels and labels, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phiz.arrays import mapped
from phiz.artefacts import read_json
from phiz.artefacts import sha256 as file_sha256
from phiz.errors import PhizError
from phiz.manifest import rows

FORMAT = 1
MISSING = -1
SHARD_BYTES = 2**30

_WAY_OUT = "restore it from a copy, or make the set again"
_KEYS = {
    **{"size": int, "count": int, "id": str, "manifest": str},
    **{"schema": dict, "made": dict, "labels": dict, "shards": list},
}


class FaceSet:
    """An opened face set; its pictures stay on disk and are read where they are asked for.

    Attributes:
        path: its folder.
        size: height and width of every face, in pixels.
        channels: 3, RGB.
        schema: {attribute: [values]}, in the order of the label columns; {} without labels.
        labels: int16 (N, A), -1 = missing, else an index into the attribute's values; read-only.
        id: 64 hexadecimal digits, defined above.
        made: how it was made (sources, settings, counts, phiz version).
    """

    channels = 3

    def __init__(self, path: Path, about: dict[str, Any], json_name: str) -> None:
        self.path = path
        self.size: int = about["size"]
        self.schema: dict[str, list[str]] = about["schema"]
        self.id: str = about["id"]
        self.made: dict[str, Any] = about["made"]
        self._about = about
        self._json = json_name
        self._count: int = about["count"]
        face = (self.size, self.size, self.channels)
        self._shards = [
            mapped(path / shard["name"], "|u1", (shard["count"], *face)) for shard in about["shards"]
        ]
        self._files = [path / shard["name"] for shard in about["shards"]]
        self._bytes = [file.stat().st_size for file in self._files]
        counts = [shard["count"] for shard in about["shards"]]
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        self.labels: np.ndarray = mapped(
            path / about["labels"]["name"], "<i2", (self._count, len(self.schema))
        )
        self._manifest = path / about["manifest"]
        if not self._manifest.is_file():
            raise PhizError(f"{self._manifest} is missing; {_WAY_OUT}.")

    @classmethod
    def open(cls, path: str | Path, verify: bool = False) -> FaceSet:
        """Open a face set's folder (or one of its versions, FOLDER/faceset-ID.json).

        A few milliseconds and megabytes at any length: sizes and headers are checked, and with
        `verify` the SHA-256 of every file too.

        Raises:
            PhizError: not a face set, made by a newer phiz, or a file of it is missing, cut short or foreign.
        """
        path = Path(path)
        if not path.exists():
            raise PhizError(f"{path} does not exist; phiz prepare PICTURES -o {path} makes a face set.")
        folder, name = (path.parent, path.name) if path.is_file() else (path, "faceset.json")
        about = read_json(folder / name, "faceset", FORMAT)
        _check(folder / name, about)
        faces = cls(folder, about, name)
        if verify:
            faces.verify()
        return faces

    @classmethod
    def version(cls, folder: str | Path, identity: str | None) -> FaceSet | None:
        """Open the version that has this id, the newest or one before; None if it is not there."""
        if identity is None:
            return None
        for path in (Path(folder), Path(folder) / f"faceset-{identity[:12]}.json"):
            if path.exists():
                faces = cls.open(path)
                if faces.id == identity:
                    return faces
        return None

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        labels = f", labels {', '.join(self.schema)}" if self.schema else ""
        return f"<FaceSet {self.path}: {len(self):,} faces of {self.size} x {self.size}{labels}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return FaceSet.open, (self.path / self._json,)  # to another process goes the path, not the pictures

    def batch(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Gather faces by index, in the order asked, repeats allowed: uint8 (N, H, W, 3), a copy.

        Negative indices count from the end; a boolean mask of len(self) picks where it is true.

        Raises:
            IndexError: an index is outside the set.
            PhizError: a file has been cut short, or cannot be read, since the set was opened.
        """
        wanted = np.asarray(indices)
        if wanted.dtype == bool:
            if wanted.shape != (self._count,):
                raise IndexError(f"a mask of shape {wanted.shape} for {self._count} faces")
            wanted = np.flatnonzero(wanted)
        if wanted.size == 0:
            wanted = wanted.astype(np.int64).reshape(-1)
        if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
            raise IndexError("indices are whole numbers in one row")
        wanted = wanted.astype(np.int64)
        if wanted.size and (wanted.min() < -self._count or wanted.max() >= self._count):
            raise IndexError(f"an index is outside the set of {self._count} faces")
        wanted = np.where(wanted < 0, wanted + self._count, wanted)
        if len(self._shards) == 1:
            return self._shard(0).take(wanted, axis=0)
        faces = np.empty((len(wanted), self.size, self.size, self.channels), np.uint8)
        home = np.searchsorted(self._starts, wanted, side="right") - 1
        for shard in np.unique(home):
            here = np.flatnonzero(home == shard)
            faces[here] = self._shard(shard).take(wanted[here] - self._starts[shard], axis=0)
        return faces

    def _shard(self, number: int) -> np.ndarray:
        """Return the map of a file, which is as long as it was: reading beyond its end would kill."""
        file, before = self._files[number], self._bytes[number]
        try:
            now = file.stat().st_size
        except FileNotFoundError:  # what is mapped stays until it is let go
            now = before
        except OSError as fault:
            raise PhizError(f"{file} cannot be read any more: {fault.strerror or fault}.") from None
        if now < before:
            raise PhizError(
                f"{file} has been cut short meanwhile: {now:,} bytes, not {before:,}; {_WAY_OUT}."
            )
        return self._shards[number]

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Return one face (H, W, 3) for a number, several (N, H, W, 3) for a slice, list, array or mask."""
        if isinstance(index, slice):
            return self.batch(np.arange(*index.indices(self._count)))
        if np.ndim(index) == 0:
            return self.batch(np.asarray([index]))[0]
        return self.batch(index)  # type: ignore[arg-type]

    def frequencies(self) -> dict[str, list[int]]:
        """Count the faces of each value: {attribute: [count per value]}, missing ones left out."""
        return {
            attribute: np.bincount(column[column >= 0], minlength=len(values)).tolist()
            for (attribute, values), column in zip(self.schema.items(), self.labels.T, strict=True)
        }

    def pairs(self) -> list[list[list[list[int]]]]:
        """Count the faces that show two values together.

        [a][b][v][w]: value v of attribute a, and w of an attribute b before it, in the order of `schema`.
        """
        counts = [len(values) for values in self.schema.values()]
        pairs: list[list[list[list[int]]]] = []
        for a, mine in enumerate(counts):
            pairs.append([])
            for b, other in enumerate(counts[:a]):
                v, w = self.labels[:, a], self.labels[:, b]
                both = (v >= 0) & (w >= 0)
                seen = np.bincount(v[both].astype(np.int64) * other + w[both], minlength=mine * other)
                pairs[a].append(seen.reshape(mine, other).tolist())
        return pairs

    def faces(self) -> Iterator[dict[str, Any]]:
        """Yield the manifest's row of each face, in order, as a dict.

        Keys: id, source, box [x, y, w, h] in the source's pixels, landmarks, sha256 (of the source
        file), labels {attribute: value}, figures {name: value}, status, reason, position.
        """
        return rows(self._manifest, "WHERE position IS NOT NULL ORDER BY position")

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every row of the manifest, kept or not, in order of their ids; keys as of `faces`."""
        return rows(self._manifest, "ORDER BY id")

    def files(self) -> dict[str, Any]:
        """Return what faceset.json says: its files, their hashes, and how the set was made."""
        return dict(self._about)

    def rejected(self) -> list[tuple[str, str]]:
        """Return (source, reason) of every picture that was set aside."""
        found = rows(self._manifest, "WHERE status = 'rejected' ORDER BY id")
        return [(row["source"], row["reason"]) for row in found]

    def verify(self) -> None:
        """Check every file against its SHA-256 (PhizError), about a second for a gigabyte."""
        files = [*self._about["shards"], self._about["labels"]]
        for file in files:
            if file_sha256(self.path / file["name"]) != file["sha256"]:
                raise PhizError(
                    f"{self.path / file['name']} is not what was written (its SHA-256 differs); {_WAY_OUT}."
                )
        if identify([file["sha256"] for file in files]) != self.id:
            raise PhizError(f"{self.path / self._json}: the id does not fit the files; it was edited.")


def identify(hashes: Sequence[str]) -> str:
    """Return the id of a face set from the SHA-256 of its image files in order and of its labels."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in hashes).encode("ascii")).hexdigest()


def _check(path: Path, about: dict[str, Any]) -> None:
    """Refuse a faceset.json that lacks something, or that names files outside its folder."""
    for key, kind in _KEYS.items():
        if not isinstance(about.get(key), kind):
            raise PhizError(f'{path} lacks "{key}"; {_WAY_OUT}.')
    try:
        files = [*about["shards"], about["labels"]]
        names = [about["manifest"], *(file["name"] for file in files)]
        good = (
            all(Path(name).name == name and "\\" not in name for name in names)
            and sum(shard["count"] for shard in about["shards"]) == about["count"]
            and all(isinstance(file["sha256"], str) for file in files)
            and all(isinstance(values, list) for values in about["schema"].values())
            and all(isinstance(value, str) for values in about["schema"].values() for value in values)
        )
    except (KeyError, TypeError):
        good = False
    if not good:
        raise PhizError(f"{path} contradicts itself; {_WAY_OUT}.")
