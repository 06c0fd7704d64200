"""Pictures that lie in folders: all of one, those that a collection keeps, or some that were named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from phiz.errors import PhizError
from phiz.pictures import MAX_BYTES
from phiz.prepare.entries import HEAD, Entry, is_picture, suffix_of, unreadable
from phiz.prepare.names import clean, hidden, natural


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
        for at, file in walk(path):
            if is_picture(at, lambda file=file: head(file)):  # type: ignore[misc]
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
        for at, file in walk(self.place) if self._whole else ():
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


def head(path: Path) -> bytes:
    """Return the first bytes of a file; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path below the folder, file), links followed, without what is hidden."""
    seen: set[Path] = set()

    def fail(fault: OSError) -> None:
        raise PhizError(f"{fault.filename} cannot be read: {fault.strerror}.")

    for root, folders, names in os.walk(folder, followlinks=True, onerror=fail):
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
