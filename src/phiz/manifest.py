"""manifest.sqlite: where every face of a set came from, and what was rejected and why."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from phiz.errors import PhizError

_TABLE = """
CREATE TABLE faces (
    id        INTEGER PRIMARY KEY,
    source    TEXT NOT NULL,     -- path of the picture in what it came from
    box       TEXT,              -- JSON [x, y, w, h] in the source's pixels
    landmarks TEXT,              -- JSON
    sha256    TEXT,              -- of the source file
    labels    TEXT,              -- JSON {attribute: value}
    figures   TEXT,              -- JSON {name: value}: what a screen measured
    status    TEXT NOT NULL,     -- kept or rejected
    reason    TEXT,              -- why it was rejected
    position  INTEGER UNIQUE     -- row in the image files, null when rejected
)
"""
_COLUMNS = "source, box, landmarks, sha256, labels, figures, status, reason, position"
_JSON = ("box", "landmarks", "labels", "figures")
_TOGETHER = 2000


class Manifest:
    """Writes a new manifest, some thousand rows at a time.

    It is built in a folder that is put in place whole, so there is no journal to keep and no sync
    to wait for. A full disk is an OSError, as with any other file.
    """

    def __init__(self, path: Path) -> None:
        self._waiting: list[tuple[Any, ...]] = []
        with disk_faults():
            self._base = sqlite3.connect(path, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = OFF")
            self._base.execute("PRAGMA synchronous = OFF")
            self._base.execute(_TABLE)

    def add(
        self,
        source: str,
        box: Any,
        landmarks: Any,
        sha256: str | None,
        labels: Any,
        figures: Any,
        status: str,
        reason: str | None,
        position: int | None,
    ) -> None:
        """Append one row; box, landmarks, labels and figures become JSON."""
        box, landmarks, labels, figures = map(_json, (box, landmarks, labels, figures))
        self._waiting.append((source, box, landmarks, sha256, labels, figures, status, reason, position))
        if len(self._waiting) == _TOGETHER:
            self._flush()

    def _flush(self) -> None:
        with disk_faults():
            self._base.execute("BEGIN")
            self._base.executemany(
                f"INSERT INTO faces ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._waiting
            )
            self._base.execute("COMMIT")
        self._waiting.clear()

    def finish(self) -> None:
        """Write what is left and close."""
        self._flush()
        with disk_faults():
            self._base.close()

    def abandon(self) -> None:
        """Close as it stands."""
        self._base.close()


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(dict(value) if hasattr(value, "keys") else value, ensure_ascii=False)


@contextmanager
def disk_faults() -> Iterator[None]:
    """Turn SQLite's word for a full or failing disk into the OSError that any other file raises."""
    try:
        yield
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
            raise OSError(number, os.strerror(number)) from None
        raise


def read_only(path: Path) -> str:
    """Return the address by which SQLite opens the file `path` to read alone; on a Windows share as well."""
    place = path.resolve().as_posix()
    return f"file://{'' if place.startswith('/') else '/'}{quote(os.fsencode(place))}?mode=ro"


def rows(path: Path, which: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that the SQL clause `which` picks, as dicts, with JSON columns decoded.

    Raises:
        PhizError: the file is damaged or is no manifest.
    """
    try:
        with closing(sqlite3.connect(read_only(path), uri=True)) as base:
            base.row_factory = sqlite3.Row
            for row in base.execute(f"SELECT * FROM faces {which}"):
                found = dict(row)
                for key in _JSON:
                    found[key] = json.loads(found[key]) if found[key] else None
                yield found
    except (sqlite3.Error, ValueError, KeyError) as fault:
        raise PhizError(f"{path} cannot be read ({fault}); restore it from a copy.") from None
