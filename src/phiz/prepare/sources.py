"""Where pictures come from: folders, single files, zip and tar archives, several of them in a row.

Nothing is unpacked to disk. A source lists its pictures in natural order of their names and hands
out their bytes one by one; what is no picture is passed over and counted; what a system left
behind (dot files, __MACOSX, Thumbs.db) is passed over silently.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from phiz.errors import PhizError, Surroundings, UsageError
from phiz.pictures import MAX_BYTES, SUFFIXES, BadPicture, looks_like_a_picture
from phiz.prepare.names import clean, hidden, natural, shown

_OTHER_FILES = ".csv .tsv .txt .json .jsonl .xml .yaml .yml .md .html .npy .npz .zip .tar .gz .pdf"
_NEVER = frozenset(_OTHER_FILES.split())
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
    return suffix in SUFFIXES or (suffix not in _NEVER and looks_like_a_picture(head()))


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


class Files:
    """Pictures that lie below a folder, or those of them that are named."""

    in_order = True

    def __init__(self, name: str, found: list[tuple[str, Path]], place: Path) -> None:
        self.name = self.label = name
        self.place = place
        self._whole = False  # whether it stands for all of a folder
        self.skipped: Counter[str] = Counter()
        self.tags: dict[str, list[str]] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.entries = sorted(
            (Entry(clean(at), size, path) for at, path in found if (size := _size(path)) is not None),
            key=lambda entry: natural(entry.name),
        )

    @classmethod
    def folder(cls, path: Path) -> Files:
        """List a folder, links followed, at any depth."""
        skipped: Counter[str] = Counter()
        found: list[tuple[str, Path]] = []
        for at, file in _walk(path):
            if is_picture(at, lambda file=file: _head(file)):  # type: ignore[misc]
                found.append((at, file))
            else:
                skipped[suffix_of(at)] += 1
        files = cls(clean(path.resolve().name or str(path)), found, path)
        files.skipped = skipped
        files._whole = True
        return files

    @classmethod
    def kept(cls, path: Path) -> Files:
        """List the pictures that a collection's ledger keeps; one whose file has gone is passed over."""
        from phiz import ledger

        found = [(name, path / name) for name in ledger.files(path)]
        here = [(name, file) for name, file in found if file.is_file()]
        files = cls(clean(path.resolve().name or str(path)), here, path)
        if gone := len(found) - len(here):
            files.skipped["gone"] = gone
        files.tags, files.labels = ledger.tags(path), ledger.labels(path)
        return files

    @classmethod
    def named(cls, paths: Sequence[Path]) -> Files:
        """Take pictures that were named one by one; their paths count from the folder they share."""
        whole = [Path(os.path.abspath(path)) for path in paths]
        shared = Path(os.path.commonpath([path.parent for path in whole]))
        name = clean(paths[0].name if len(paths) == 1 else shared.name)
        return cls(name, [(path.relative_to(shared).as_posix(), path) for path in whole], shared)

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        for index, entry in enumerate(self.entries):
            yield index, lambda entry=entry: _bytes(entry)  # type: ignore[misc]

    def beside(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yield (path, bytes) of the files below the folder that are wanted."""
        for at, file in _walk(self.place) if self._whole else ():
            if wanted(at):
                yield clean(at), _bytes(Entry(clean(at), 0, file))

    def close(self) -> None:
        pass


def _size(path: Path) -> int | None:
    """Return a file's bytes; None where it went away since it was listed."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _bytes(entry: Entry) -> bytes:
    try:
        with open(entry.key, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise unreadable(entry.name, fault) from None


def unreadable(name: str, fault: OSError) -> PhizError:
    """Tell a picture that cannot be read from a disk or network that has gone."""
    if fault.errno in (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, getattr(errno, "ESTALE", -1)):
        return Surroundings(
            f"{shown(name)}: {fault.strerror} while reading the pictures; nothing was changed."
        )
    return BadPicture(name, f"cannot be read: {fault.strerror or fault}")


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    seen: set[Path] = set()

    def unreadable(fault: OSError) -> None:
        raise PhizError(f"{fault.filename} cannot be read: {fault.strerror}.")

    for root, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        here = Path(root)
        real = here.resolve()
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not hidden(name)]
        for name in names:
            path = here / name
            if not hidden(name) and path.is_file():
                yield path.relative_to(folder).as_posix(), path


def open_sources(pictures: str | Path | Sequence[str | Path]) -> list[Source]:
    """Open what the user named: one thing or several, each a folder, an archive, or a picture.

    Pictures named one by one become one source, at the place of the first.

    Raises:
        PhizError: something does not exist, is no archive, is refused as unsafe, or nothing holds a picture.
    """
    named = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    given = [_fetched(str(path)) if str(path).startswith("hf:") else Path(path) for path in named]
    if not given:
        raise UsageError("no pictures are named: give a folder, a zip or tar archive, or picture files.")
    if len({path.resolve() for path in given}) < len(given):
        raise UsageError("one of the pictures, folders or archives is named twice.")
    loose = [path for path in given if path.is_file() and _is_loose(path)]
    sources: list[Source] = []
    try:
        for path in given:
            if path not in loose:
                sources.append(_open(path))
            elif path is loose[0]:
                sources.append(Files.named(loose))
    except BaseException:
        close(sources)
        raise
    if not any(source.entries for source in sources):
        close(sources)
        raise PhizError(_nothing(given, sources))
    return sources


def close(sources: Sequence[Source]) -> None:
    """Close the archives among `sources`."""
    for source in sources:
        source.close()


def paths(sources: Sequence[Source]) -> list[str]:
    """Return every picture's path, for the manifest, labels and messages.

    A single source's paths stand as they are; of several, each begins with its source's own folder
    name (an archive's without the suffix), numbered where two are called the same.
    """
    if len(sources) == 1:
        return [entry.name for entry in sources[0].entries]
    taken: Counter[str] = Counter()
    found = []
    for source in sources:
        taken[source.label] += 1
        again = f" ({taken[source.label]})" if taken[source.label] > 1 else ""
        found += [f"{source.label}{again}/{entry.name}" for entry in source.entries]
    return found


def known(sources: Sequence[Source]) -> tuple[list[list[str] | None], list[dict[str, str] | None]]:
    """Return, of every picture in the order of `paths`, its tags and labels where a collection knows any."""
    tags: list[list[str] | None] = []
    labels: list[dict[str, str] | None] = []
    for source in sources:
        tags += [getattr(source, "tags", {}).get(entry.name) for entry in source.entries]
        labels += [getattr(source, "labels", {}).get(entry.name) for entry in source.entries]
    return tags, labels


def _is_loose(path: Path) -> bool:
    head = _head(path)
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (looks_like_a_picture(head) and suffix not in _NEVER)


def _fetched(name: str) -> Path:
    from phiz.prepare.hub import fetch

    return fetch(name)


def _open(path: Path) -> Source:
    from phiz.artefacts import kind_of
    from phiz.prepare.archives import open_archive

    if not path.exists():
        raise PhizError(f"{path} does not exist; name a folder of pictures, a zip or tar, or picture files.")
    if path.suffix.lower() == ".parquet" and path.is_file():
        from phiz.prepare.parquet import Parquet

        return Parquet(path, [path])
    if not path.is_dir():
        return open_archive(path)
    kind = kind_of(path)
    if kind == "collection":
        return Files.kept(path)
    if kind:
        raise PhizError(f"{path} is a phiz {kind}, not a folder of pictures.")
    files = Files.folder(path)
    if not files.entries and (tables := [file for at, file in _walk(path) if at.endswith(".parquet")]):
        from phiz.prepare.parquet import Parquet

        return Parquet(path, tables)
    return files


def _nothing(given: Sequence[Path], sources: Sequence[Source]) -> str:
    skipped: Counter[str] = Counter()
    for source in sources:
        skipped += source.skipped
    names = ", ".join(str(path) for path in given[:3]) + (", ..." if len(given) > 3 else "")
    if not skipped:
        return f"{names} holds no picture: nothing at all."
    what = ", ".join(f"{count:,} {suffix}" for suffix, count in skipped.most_common(4))
    way = " Name the archives in it one by one." if {".zip", ".tar"} & set(skipped) else ""
    return f"{names} holds no picture (passed over: {what}).{way}"
