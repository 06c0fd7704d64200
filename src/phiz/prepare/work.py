"""What has been looked at so far: a folder that outlives a killed process; no picture is looked at twice.

A picture's row is written after its faces' pixels, in batches, so that whatever the table names is there.
The folder is thrown away when the face set is whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from phiz.artefacts import write_json
from phiz.errors import PhizError
from phiz.manifest import disk_faults
from phiz.prepare.looking import Found, Looked

_ABOUT = "work.json"
_TABLE = """
CREATE TABLE IF NOT EXISTS looked (
    source TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    sha256 TEXT,
    reason TEXT,
    faces  TEXT NOT NULL,   -- JSON: [[box, landmarks, figures, reason, place of its pixels], ...]
    PRIMARY KEY (source, bytes)
) WITHOUT ROWID
"""
_TOGETHER = 64


class Work:
    """A folder of pictures looked at with the settings `how`; one with other settings is begun anew.

    A full disk is an OSError from any method.

    Raises:
        PhizError: another process is at work in the folder.
    """

    def __init__(self, folder: Path, size: int, how: dict[str, Any]) -> None:
        self.folder = folder
        self._face = (size, size, 3)
        self._length = size * size * 3
        folder.mkdir(parents=True, exist_ok=True)
        self._base = _locked(folder / "looked.sqlite")
        faces = folder / "faces.bin"
        if _about(folder) != how:
            faces.unlink(missing_ok=True)
            with disk_faults():
                self._base.execute("DELETE FROM looked")
            write_json(folder / _ABOUT, how)
        self._pixels = open(faces, "ab")  # noqa: SIM115 - closed by close()
        self._read = open(faces, "rb")  # noqa: SIM115 - closed by close()
        self._place = -(-self._pixels.tell() // self._length)
        self._pixels.truncate(self._place * self._length)
        self._pixels.seek(0, 2)
        self._waiting: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return int(self._base.execute("SELECT COUNT(*) FROM looked").fetchone()[0])

    def missing(self, pictures: Iterable[tuple[int, str, int]]) -> Iterator[int]:
        """Yield the index of each (index, source, bytes) that has not been looked at."""
        for index, source, size in pictures:
            if not self._base.execute(
                "SELECT 1 FROM looked WHERE source = ? AND bytes = ?", (source, size)
            ).fetchone():
                yield index

    def add(self, source: str, size: int, looked: Looked) -> None:
        """Keep what became of a picture."""
        faces = []
        for found in looked.faces:
            place = None
            if found.face is not None:
                self._pixels.write(np.ascontiguousarray(found.face).data)
                place, self._place = self._place, self._place + 1
            faces.append([found.box, found.landmarks, found.figures, found.reason, place])
        self._waiting.append(
            (source, size, looked.sha256, looked.reason, json.dumps(faces, ensure_ascii=False))
        )
        if len(self._waiting) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Bring what was added to the disk."""
        self._pixels.flush()
        with disk_faults():
            self._base.execute("BEGIN")
            self._base.executemany("INSERT OR REPLACE INTO looked VALUES (?, ?, ?, ?, ?)", self._waiting)
            self._base.execute("COMMIT")
        self._waiting.clear()

    def get(self, source: str, size: int) -> tuple[str | None, str | None, list[tuple[Found, int | None]]]:
        """Return SHA-256, reason and (face, place of its pixels) of a picture that was looked at."""
        row = self._base.execute(
            "SELECT sha256, reason, faces FROM looked WHERE source = ? AND bytes = ?", (source, size)
        ).fetchone()
        faces = [
            (Found(tuple(box), points, figures, None, reason), place)
            for box, points, figures, reason, place in json.loads(row[2])
        ]
        return row[0], row[1], faces

    def face(self, place: int) -> np.ndarray:
        """Return the pixels of a face, uint8 (size, size, 3)."""
        self._read.seek(place * self._length)
        return np.frombuffer(self._read.read(self._length), np.uint8).reshape(self._face)

    def close(self) -> None:
        """Close the files; the folder stays."""
        self._base.close()
        self._read.close()
        self._pixels.close()


def _locked(path: Path) -> sqlite3.Connection:
    """Open the table for this process alone; a killed process lets go of it."""
    base = sqlite3.connect(path, isolation_level=None, timeout=1)
    try:
        with disk_faults():
            base.execute("PRAGMA locking_mode = EXCLUSIVE")
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing, a power cut may
            base.execute("BEGIN IMMEDIATE")
            base.execute(_TABLE)
            base.execute("COMMIT")
    except sqlite3.DatabaseError as fault:
        base.close()
        if "locked" in str(fault):
            raise PhizError(
                f"{path.parent} is at work already: another phiz makes the same face set; wait for it, or "
                "choose another name."
            ) from None
        raise PhizError(f"{path} is damaged ({fault}); remove {path.parent} and try again.") from None
    return base


def _about(folder: Path) -> Any:
    try:
        return json.loads((folder / _ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
