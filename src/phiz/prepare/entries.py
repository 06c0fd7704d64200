"""What a source of pictures is: entries by name, in natural order, whose bytes are handed out one by one."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from phiz.errors import PhizError, Surroundings
from phiz.pictures import SUFFIXES, BadPicture, looks_like_a_picture
from phiz.prepare.names import shown

_OTHER_FILES = ".csv .tsv .txt .json .jsonl .xml .yaml .yml .md .html .npy .npz .zip .tar .gz .pdf"
NO_PICTURES = frozenset(_OTHER_FILES.split())
HEAD = 16
"""Bytes that tell a picture where the name does not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a source: its path there (slashes, clean text), bytes, and what finds it."""

    name: str
    size: int
    key: Any


class Source(Protocol):
    """Pictures in natural order of their names."""

    name: str
    """What the user called it, without the folders that lead there."""
    label: str
    """The folder name that stands for it where several sources are given."""
    entries: list[Entry]
    skipped: Counter[str]
    """Files that are no pictures, by suffix."""
    place: Path
    """Where it lies: the folder, the archive, or the folder that loose pictures share."""
    in_order: bool
    """Whether `read` hands out the pictures in the order of `entries`."""

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """Yield (index in `entries`, a function that returns the bytes, callable in any thread).

        The function raises BadPicture where the bytes cannot be had.
        """
        ...

    def beside(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yield (path, bytes) of the files that are no pictures and whose path is wanted."""
        ...

    def close(self) -> None: ...


def is_picture(name: str, head: Callable[[], bytes]) -> bool:
    """Say whether a file is meant as a picture: by its suffix, else by its first bytes."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in SUFFIXES or (suffix not in NO_PICTURES and looks_like_a_picture(head()))


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower() or "no suffix"


def listing(source: Source) -> dict[str, Any]:
    """Return what tells a source from another: its name, count, bytes, and a hash of names and sizes."""
    digest = hashlib.sha256()
    for entry in source.entries:
        digest.update(f"{entry.name}\0{entry.size}\0".encode())
    return {
        "name": source.name,
        "pictures": len(source.entries),
        "bytes": sum(entry.size for entry in source.entries),
        "listing": digest.hexdigest(),
    }


def unreadable(name: str, fault: OSError) -> PhizError:
    """Tell a picture that cannot be read from a disk or network that has gone."""
    if fault.errno in (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, getattr(errno, "ESTALE", -1)):
        return Surroundings(
            f"{shown(name)}: {fault.strerror} while reading the pictures; nothing was changed."
        )
    return BadPicture(name, f"cannot be read: {fault.strerror or fault}")
