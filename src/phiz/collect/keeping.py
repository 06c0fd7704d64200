"""Writing a collection: its folder, its lock, and its ledger, each change a transaction.

A picture is *waiting* from the moment it was found in a listing until its file is in place. Its hash is
noted before the file is renamed, so that whatever was killed in between is seen for what it is.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phiz import __version__, artefacts
from phiz.collect.posts import Post
from phiz.errors import PhizError, Surroundings
from phiz.ledger import COLUMNS, FORMAT, JSON, MARK, NAME, TABLES, decoded

_LOCK = ".collection.lock"
Spans = list[tuple[int, int]]


class Keeper:
    """A collection that is open for writing; only one process has it so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = _create(folder)
        self._lock = _locked(folder)
        try:
            with ledger_faults(folder):
                self._base = sqlite3.connect(folder / NAME, isolation_level=None, timeout=30)
                self._base.row_factory = sqlite3.Row
                self._base.execute("PRAGMA synchronous = FULL")
                self._base.executescript(TABLES)
        except BaseException:
            self._lock.close()
            raise
        for left in folder.glob(".fetching*"):
            left.unlink(missing_ok=True)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *fault: object) -> None:
        empty = self._made and not self.ask("SELECT id FROM pictures LIMIT 1")
        self._base.close()
        if empty:  # nothing came of it, so nothing is left of it
            for name in (NAME, MARK):
                (self.folder / name).unlink(missing_ok=True)
        self._lock.close()
        if empty:
            (self.folder / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make the changes of a block all together, or none of them."""
        with ledger_faults(self.folder):
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._base.execute("ROLLBACK")
                raise

    def ask(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return what an SQL question answers."""
        with ledger_faults(self.folder):
            return [decoded(row) for row in self._base.execute(sql, values)]

    def run(self, sql: str, *values: Any) -> int:
        """Run one SQL statement; return the id of the row it inserted."""
        with ledger_faults(self.folder):
            return int(self._base.execute(sql, values).lastrowid or 0)

    # -- searches ---------------------------------------------------------------------------------

    def search(self, asked: dict[str, Any]) -> int:
        """Return the id of a search; a new one is noted."""
        text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        with self.change():
            self.run("INSERT OR IGNORE INTO searches (asked, time, spans) VALUES (?, ?, '[]')", text, now())
        return int(self.ask("SELECT id FROM searches WHERE asked = ?", text)[0]["id"])

    def spans(self, search: int) -> Spans:
        """Return the spans of numbers, from the highest, in which all of a search's posts have been seen."""
        text = self.ask("SELECT spans FROM searches WHERE id = ?", search)[0]["spans"]
        return [(int(low), int(high)) for low, high in json.loads(text)]

    def set_spans(self, search: int, spans: Spans) -> None:
        """Note the spans that have been seen."""
        self.run("UPDATE searches SET spans = ? WHERE id = ?", json.dumps(spans), search)

    def count(self, search: int, above: int = 0) -> int:
        """Count a search's pictures that are kept or waiting, of posts numbered `above` or higher."""
        sql = (
            "SELECT count(*) AS n FROM finds JOIN pictures ON pictures.id = finds.picture"
            " WHERE search = ? AND (finds.number IS NULL OR finds.number >= ?)"
            " AND status IN ('kept', 'waiting')"
        )
        return int(self.ask(sql, search, above)[0]["n"])

    # -- pictures ---------------------------------------------------------------------------------

    def known(self, post: Post) -> dict[str, Any] | None:
        """Return the row of a post that is in the ledger: by its number, else by its MD5; None if none is."""
        found = self.ask("SELECT * FROM pictures WHERE site = ? AND number = ?", post.site, post.number)
        if not found and post.md5:
            found = self.ask("SELECT * FROM pictures WHERE md5 = ? AND status != 'set aside'", post.md5)
        return found[0] if found else None

    def add(self, post: Post, search: int | None, url: str, variant: str, **more: Any) -> int:
        """Note a picture that is to be fetched, and which search found it. Only within `change`."""
        row = {
            "status": "waiting",
            "site": post.site,
            "number": post.number,
            "page": post.page,
            "url": url,
            "variant": variant,
            "source": post.source,
            "artist": list(post.artists) or None,
            "tags": list(post.tags) or None,
            "labels": dict(post.labels) or None,
            "rating": post.rating,
            "score": post.score,
            "md5": post.md5,
            "bytes": post.bytes if variant == "original" else None,
            "width": post.sample[1] if variant == "sample" and post.sample else post.width,
            "height": post.sample[2] if variant == "sample" and post.sample else post.height,
            "licence": post.licence,
        } | more
        values = [_column(name, row.get(name)) for name in COLUMNS]
        marks = ", ".join("?" * len(COLUMNS))
        picture = self.run(f"INSERT INTO pictures ({', '.join(COLUMNS)}) VALUES ({marks})", *values)
        if search is not None:
            self.found(search, picture, post)
        return picture

    def found(self, search: int, picture: int, post: Post) -> None:
        """Note that a search found a picture. Only within `change`."""
        number = int(post.number) if post.number.isdigit() and len(post.number) < 18 else None
        self.run("INSERT OR IGNORE INTO finds VALUES (?, ?, ?)", search, picture, number)

    def update(self, picture: int, **columns: Any) -> None:
        """Change columns of a picture, as one transaction."""
        names = ", ".join(f"{name} = ?" for name in columns)
        values = [_column(name, value) for name, value in columns.items()]
        with self.change():
            self.run(f"UPDATE pictures SET {names} WHERE id = ?", *values, picture)

    def waiting(self, search: int) -> list[dict[str, Any]]:
        """Return the rows of a search that wait to be fetched."""
        sql = (
            "SELECT pictures.* FROM finds JOIN pictures ON pictures.id = finds.picture"
            " WHERE search = ? AND status = 'waiting' ORDER BY pictures.id"
        )
        return self.ask(sql, search)

    def shunned(self) -> frozenset[str]:
        """Return the artists whose pictures were removed, who stay left out."""
        return frozenset(row["name"] for row in self.ask("SELECT name FROM shunned"))


def _create(folder: Path) -> bool:
    """Make the folder a collection, or see that it is one; say whether it was made."""
    if folder.exists() and not folder.is_dir():
        raise PhizError(f"{folder} is a file; a collection is a folder.")
    if (folder / MARK).exists():
        artefacts.read_json(folder / MARK, "collection", FORMAT)
        return False
    with artefacts.disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        artefacts.write_json(
            folder / MARK,
            {"phiz": "collection", "format": FORMAT, "by": f"phiz {__version__}", "ledger": NAME},
        )
    return True


def check_folder(folder: Path, local: bool = False) -> None:
    """Refuse a folder that pictures may not be collected into: one with other things in it (status 3)."""
    if not folder.is_dir():
        if folder.exists():
            raise PhizError(f"{folder} is a file; a collection is a folder.")
        return
    kind = artefacts.kind_of(folder)
    if kind == "collection":
        artefacts.read_json(folder / MARK, "collection", FORMAT)
    elif kind or (folder / MARK).exists():
        raise PhizError(f"{folder} is a phiz {kind or 'folder of another kind'}; choose another name.")
    elif not local and any(entry.name != _LOCK for entry in folder.iterdir()):
        raise PhizError(
            f"{folder} is there and is no collection; choose another name, or make it one first: "
            f"phiz collect {folder}"
        )


def _locked(folder: Path) -> sqlite3.Connection:
    """Take the lock of a collection; the system lets go of it when the process ends, however it ends."""
    with ledger_faults(folder):
        lock = sqlite3.connect(folder / _LOCK, isolation_level=None, timeout=0.5)
        try:
            lock.execute("PRAGMA journal_mode = MEMORY")
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as fault:
            lock.close()
            if getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise PhizError(
                    f"{folder}: another phiz collect is at work there; wait until it ends."
                ) from None
            raise
    return lock


@contextmanager
def ledger_faults(folder: Path) -> Iterator[None]:
    """Turn what SQLite says of a full disk or a damaged file into one line."""
    try:
        yield
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            why = os.strerror(errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO)
            raise Surroundings(
                f"{folder}: {why}; what was collected is whole. Make room, then give the same command again."
            ) from None
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise PhizError(f"{folder / NAME} cannot be written.") from None
        raise PhizError(f"{folder / NAME} cannot be used ({fault}); restore it from a copy.") from None


def now() -> str:
    """Return the time, UTC, as the ledger writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _column(name: str, value: Any) -> Any:
    if name not in JSON or value is None:
        return value
    return json.dumps(value, ensure_ascii=False)


def merged(spans: Iterable[Sequence[int]]) -> Spans:
    """Join spans that touch or overlap; return them from the highest."""
    joined: Spans = []
    for low, high in sorted((int(low), int(high)) for low, high in spans):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined[::-1]
