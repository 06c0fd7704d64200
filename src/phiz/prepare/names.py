"""Names of files as found, in any script: their natural order, and which of them may be trusted."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any, NoReturn

from phiz.errors import PhizError

MAX_ENTRIES = 5_000_000
"""The most entries that an archive may list."""

BOMB_BYTES = 16 * 2**20
BOMB_RATIO = 100
"""An entry that unpacks to more than both, its size and so many times its packed size, is a bomb."""

_LITTER = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"})


def natural(name: str) -> tuple[Any, ...]:
    """Return the sort key that puts 9.jpg before 10.jpg, folder by folder, the same on every system."""
    return (*(_part(part) for part in name.split("/")), ((name,),))


def _part(part: str) -> tuple[tuple[Any, ...], ...]:
    pieces = re.split(r"([0-9]+)", part.casefold())  # text, digits, text, digits, ... text
    return tuple(
        (len(piece.lstrip("0")), piece.lstrip("0")) if place % 2 else (piece,)
        for place, piece in enumerate(pieces)
    )


def folded(name: str) -> str:
    """Return the form in which names are compared: one spelling of accents, no case."""
    return unicodedata.normalize("NFC", name).casefold()


def clean(name: str) -> str:
    """Return `name` as text that can be stored and shown anywhere: undecodable bytes become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def shown(name: str) -> str:
    """Return `name` for a message: as it is, or quoted with escapes where it could upset a terminal."""
    return name if name.isprintable() else ascii(name)


def hidden(name: str) -> bool:
    """Say whether a path is what systems leave behind: dot files, __MACOSX, Thumbs.db and the like."""
    return any(part.startswith(".") or part.casefold() in _LITTER for part in name.split("/"))


class Guard:
    """Admits the entries of one archive, or refuses the whole archive and names the entry."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self._seen: dict[str, str] = {}
        self._count = 0

    def refuse(self, entry: str, why: str) -> NoReturn:
        """Raise the refusal: one line, status 3."""
        raise PhizError(
            f"{self.archive} is refused as a whole: it holds {shown(entry)}, {why}. "
            "If you trust it, unpack it yourself and name the folder."
        )

    def path(self, raw: str) -> str:
        """Return an entry's path with plain slashes; refuse one that leads out of the archive."""
        self._count += 1
        if self._count > MAX_ENTRIES:
            self.refuse(raw, f"after {MAX_ENTRIES:,} others, the most that are read")
        parts = raw.replace("\\", "/").split("/")
        if raw[:1] in ("/", "\\") or re.match(r"[A-Za-z]:", raw):
            self.refuse(raw, "an absolute name")
        if ".." in parts:
            self.refuse(raw, 'a name with ".."')
        return "/".join(part for part in parts if part not in ("", "."))

    def file(self, raw: str) -> str:
        """Return the path of a file; refuse two of one name, or two that differ in case alone."""
        name = self.path(raw)
        key = folded(name)
        if key in self._seen:
            other = self._seen[key]
            why = "twice" if other == name else f"and {shown(other)}, which are one file on other systems"
            self.refuse(name, why)
        self._seen[key] = name
        return name

    def sizes(self, name: str, size: int, packed: int) -> None:
        """Refuse an entry that unpacks to far more than it should (both in bytes)."""
        if size > BOMB_BYTES and size > BOMB_RATIO * max(packed, 1):
            self.refuse(name, f"a bomb: {packed:,} bytes that unpack to {size:,}")
