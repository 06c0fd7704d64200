"""collection.sqlite: where each picture of a collection came from, and what is known of it.

`collection.json` marks the folder; the ledger is one SQLite file beside the pictures. Here it is read;
`phiz.collect.keeping` writes it. `prepare` takes the pictures that the ledger keeps, and no others.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

from phiz import artefacts
from phiz.errors import PhizError
from phiz.manifest import read_only

FORMAT = 1
MARK = "collection.json"
NAME = "collection.sqlite"

TABLES = """
CREATE TABLE IF NOT EXISTS pictures (
    id      INTEGER PRIMARY KEY,
    status  TEXT NOT NULL,    -- kept, waiting, set aside or forgotten
    reason  TEXT,             -- why it was set aside, or waits still
    file    TEXT UNIQUE,      -- path below the collection, with slashes
    site    TEXT NOT NULL,    -- whose number it is: konachan.com, "url" or "local"
    number  TEXT NOT NULL,    -- the post there, the URL, or the path
    page    TEXT,             -- the page that shows it
    url     TEXT,             -- the file that is fetched
    variant TEXT NOT NULL,    -- original, sample or local
    source  TEXT,             -- where the site has it from
    artist  TEXT,             -- JSON list
    tags    TEXT,             -- JSON list
    labels  TEXT,             -- JSON {attribute: value}, of a CSV file
    rating  TEXT,             -- safe, sensitive, questionable or explicit
    score   INTEGER,
    md5     TEXT,             -- of the original, as published
    sha256  TEXT,             -- of the file, as stored
    bytes   INTEGER,
    width   INTEGER,
    height  INTEGER,
    licence TEXT,
    time    TEXT,             -- UTC, when it was fetched; of a local file when it was changed
    UNIQUE (site, number)
);
CREATE INDEX IF NOT EXISTS by_md5 ON pictures (md5);
CREATE INDEX IF NOT EXISTS by_sha256 ON pictures (sha256);
CREATE INDEX IF NOT EXISTS by_status ON pictures (status);
CREATE TABLE IF NOT EXISTS searches (
    id     INTEGER PRIMARY KEY,
    asked  TEXT NOT NULL UNIQUE,  -- JSON: site, tags, ratings, what was left out
    time   TEXT NOT NULL,         -- UTC, when it was first made
    spans  TEXT NOT NULL          -- JSON [[low, high], ...]: numbers of posts that have been seen
);
CREATE TABLE IF NOT EXISTS finds (
    search  INTEGER NOT NULL,
    picture INTEGER NOT NULL,
    number  INTEGER,              -- of the post, for counting from the newest
    PRIMARY KEY (search, picture)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shunned (name TEXT PRIMARY KEY);  -- artists who stay left out
"""

COLUMNS = (
    "status", "reason", "file", "site", "number", "page", "url", "variant", "source", "artist", "tags",
    "labels", "rating", "score", "md5", "sha256", "bytes", "width", "height", "licence", "time",
)  # fmt: skip
"""The columns of `pictures` but the id, in the order in which they are exported."""

JSON = ("artist", "tags", "labels")


def rows(folder: Path, which: str = "ORDER BY id", values: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield the rows of `pictures` that the SQL clause `which` picks, with JSON columns decoded.

    Raises:
        PhizError: the folder is no collection, or its ledger is damaged, cut short or of a newer format.
    """
    yield from query(folder, f"SELECT * FROM pictures {which}", values)


def query(folder: Path, sql: str, values: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield what an SQL question answers, as dicts; the ledger is only read, and mended after a kill."""
    artefacts.read_json(folder / MARK, "collection", FORMAT)
    path = folder / NAME
    try:
        with closing(sqlite3.connect(read_only(path), uri=True, timeout=30)) as base:
            base.row_factory = sqlite3.Row
            _make_whole(base, path)
            for row in base.execute(sql, values):
                yield decoded(row)
    except (sqlite3.Error, ValueError) as fault:
        raise PhizError(f"{path} cannot be read ({fault}); restore it from a copy.") from None


def _make_whole(base: sqlite3.Connection, path: Path) -> None:
    """Have SQLite take back a change that a kill left half made, which it does not do read-only."""
    ask = "SELECT name FROM sqlite_master LIMIT 1"
    try:
        base.execute(ask).fetchone()
    except sqlite3.OperationalError as fault:
        if getattr(fault, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        try:
            with closing(sqlite3.connect(path, timeout=30)) as writing:
                writing.execute(ask).fetchone()
        except sqlite3.Error:
            raise PhizError(
                f"{path}: a change was cut short and cannot be taken back from here; giving the same phiz "
                "collect again mends it."
            ) from None


def decoded(row: sqlite3.Row) -> dict[str, Any]:
    """Return a row as a dict, with JSON columns decoded."""
    found = dict(row)
    for key in JSON:
        if key in found:
            found[key] = json.loads(found[key]) if found[key] else None
    return found


def files(folder: Path) -> list[str]:
    """Return the paths, below the collection, of the pictures it keeps."""
    found = query(folder, "SELECT file FROM pictures WHERE status = 'kept' AND file IS NOT NULL ORDER BY id")
    return [inside(folder, row["file"]) for row in found]


def inside(folder: Path, name: str) -> str:
    """Return the path of a picture below a collection; refuse one that leads out of it.

    Raises:
        PhizError: the ledger, which may come from elsewhere, names a path outside.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise PhizError(f"{folder / NAME} names {name!a}, which is not below the collection; do not use it.")
    return name


def tags(folder: Path) -> dict[str, list[str]]:
    """Return the tags of each kept picture that has any, by its path below the collection."""
    sql = "SELECT file, tags FROM pictures WHERE status = 'kept' AND file IS NOT NULL AND tags IS NOT NULL"
    return {row["file"]: row["tags"] for row in query(folder, sql)}


def labels(folder: Path) -> dict[str, dict[str, str]]:
    """Return the labels of each kept picture that came from a table with labels, by its path."""
    sql = (
        "SELECT file, labels FROM pictures WHERE status = 'kept' AND file IS NOT NULL AND labels IS NOT NULL"
    )
    return {row["file"]: row["labels"] for row in query(folder, sql)}
