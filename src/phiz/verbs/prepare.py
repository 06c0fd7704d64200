"""prepare: pictures in, a face set out.

The simple way: decode safely, cut the largest centred square, resize, set aside what cannot be read
with the reason. Faces stand in natural order of their sources' names, whatever the threads did.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

import phiz
from phiz.artefacts import building, check_target, kind_of
from phiz.errors import PhizError
from phiz.faceset import FaceSet, FaceSetWriter
from phiz.pictures import check_size
from phiz.prepare.cut import Cut, cut
from phiz.prepare.labels import Labels, read_labels
from phiz.prepare.names import shown
from phiz.prepare.pool import chunks, ordered
from phiz.prepare.sources import Source, close, known, listing, open_sources, paths

FEWEST = 16
"""Fewer usable faces than this are no face set."""

Cuts = Generator[Cut, None, None]

_CHUNK = 32
_CHUNK_BYTES = 2 * 2**20


def prepare(
    pictures: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    size: int = 64,
    labels: str | Path | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] | None = None,
    threads: int | None = None,
) -> FaceSet:
    """Pack pictures into a face set at `out`.

    Args:
        pictures: a folder, a zip or tar archive, a picture file, or several of these.
        out: the folder to write. If it is there already, made from the same pictures with the same
            settings, it is opened and returned.
        size: height and width of the faces in pixels, b * 2^k with b in 3..7, 16 to 1024.
        labels: None, "folders", "tags" (of a collection), a CSV file, or "FILE.csv:column,column"
            (see phiz.prepare.labels).
        force: replace another face set at `out`.
        progress: called with (pictures done, pictures in all), every few dozen.
        warn: called with each line worth saying; printed to stderr if None.
        threads: at work on the pictures; None takes as many as there are cores. The result is the same.

    Raises:
        UsageError: no such size (names the nearest).
        PhizError: the pictures or labels are missing or unusable, fewer than 16 are usable, or `out`
            holds something else.
        Surroundings: the disk is full; what was there is untouched.
    """
    check_size(size)
    target = Path(out)
    warn = warn or _print
    sources = open_sources(pictures)
    try:
        names = paths(sources)
        table = read_labels(labels, names, warn, known(sources))
        made = _made(sources, size, table)
        if not force and kind_of(target) == "faceset":
            there = FaceSet.open(target)
            _check_same(there, made)
            warn(f"{target} is there already, made from the same pictures and settings.")
            return there
        check_target(target, "faceset", force)
        with building(target, "faceset", force) as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a picture is in the manifest
            _pack(folder, sources, names, table, made, size, progress, warn, threads)
    finally:
        close(sources)
    return FaceSet.open(target)


def _print(line: str) -> None:
    print(line, file=sys.stderr)


def _made(sources: Sequence[Source], size: int, labels: Labels) -> dict[str, Any]:
    """Say how a set is made; the same of these means the same command on the same pictures."""
    return {
        "by": f"phiz {phiz.__version__}",
        "sources": [listing(source) for source in sources],
        "size": size,
        "crop": "centre",
        "labels": labels.made,
    }


def _check_same(there: FaceSet, made: dict[str, Any]) -> None:
    """Refuse a face set that stands at the target but was made otherwise; say what differs."""
    if there.made.get("size") != made["size"]:
        what = f"at {there.size} px, not {made['size']}"
    elif there.made.get("sources") != made["sources"]:
        what = "from other pictures"
    elif there.made.get("labels") != made["labels"]:
        what = "with other labels"
    elif there.made.get("crop") != made["crop"]:
        what = "with another crop"
    else:
        return
    raise PhizError(f"{there.path} was made {what}; choose another name, or --force to replace it.")


def _pack(
    folder: Path,
    sources: Sequence[Source],
    names: Sequence[str],
    labels: Labels,
    made: dict[str, Any],
    size: int,
    progress: Callable[[int, int], None] | None,
    warn: Callable[[str], None],
    threads: int | None,
) -> None:
    """Cut every picture and write the set into `folder`."""
    cuts = _counted(_cuts(sources, names, size, threads), len(names), progress)
    if not all(source.in_order for source in sources):
        cuts = _sorted(cuts, folder, size)
    first: list[str] = []
    with closing(cuts), FaceSetWriter(folder, size, labels.schema, made) as writer:
        for done in cuts:
            name = names[done.index]
            if done.face is not None and done.box is not None:
                writer.add(done.face, name, done.box, labels.table[done.index], sha256=done.sha256)
            else:
                writer.reject(name, done.reason or "", done.sha256)
                first += [f"{shown(name)}: {done.reason}"][: 3 - len(first)]
        if writer.kept < FEWEST:
            raise PhizError(_too_few(sources, writer.kept, len(names), first))
        skipped = sum((source.skipped for source in sources), Counter[str]())
        made["counts"] = {
            "pictures": len(names),
            "kept": writer.kept,
            "rejected": writer.rejected,
            "skipped": dict(skipped.most_common()),
        }
        writer.finish()
    if first:
        warn(f"{writer.rejected:,} of {len(names):,} pictures were set aside; first {first[0]}.")


def _too_few(sources: Sequence[Source], usable: int, count: int, first: Sequence[str]) -> str:
    where = ", ".join(source.name for source in sources[:3]) + (", ..." if len(sources) > 3 else "")
    more = "; ..." if count - usable > len(first) else "."
    why = f" Set aside: {'; '.join(first)}{more}" if first else ""
    return f"{where}: {usable} usable faces of {count:,} pictures, and a face set needs {FEWEST}.{why}"


def _cuts(sources: Sequence[Source], names: Sequence[str], size: int, threads: int | None) -> Cuts:
    """Yield what became of every picture, in reading order; a few chunks at a time are in memory."""

    def work(chunk: list[tuple[int, Callable[[], bytes]]]) -> list[Cut]:
        return [cut(index, names[index], load, size) for index, load in chunk]

    length = max(1, min(_CHUNK, _CHUNK_BYTES // (size * size * 3)))
    for done in ordered(work, chunks(_loads(sources), length, _CHUNK_BYTES), threads):
        yield from done


def _loads(sources: Iterable[Source]) -> Iterator[tuple[tuple[int, Callable[[], bytes]], int]]:
    """Yield ((index among all pictures, what reads it), bytes)."""
    start = 0
    for source in sources:
        for index, load in source.read():
            yield (start + index, load), source.entries[index].size
        start += len(source.entries)


def _counted(cuts: Iterable[Cut], count: int, progress: Callable[[int, int], None] | None) -> Cuts:
    for done, one in enumerate(cuts, 1):
        yield one
        if progress and (done % _CHUNK == 0 or done == count):
            progress(done, count)


def _sorted(cuts: Iterable[Cut], folder: Path, size: int) -> Cuts:
    """Put cuts that arrive in an archive's own order into index order; the faces wait on disk."""
    length = size * size * 3
    waiting: list[tuple[Cut, int]] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for one in cuts:
            waiting.append((Cut(one.index, None, one.box, one.sha256, one.reason), file.tell()))
            if one.face is not None:
                file.write(one.face.data)
        for one, start in sorted(waiting, key=lambda pair: pair[0].index):
            face = None
            if one.box is not None:
                file.seek(start)
                face = np.frombuffer(file.read(length), np.uint8).reshape(size, size, 3)
            yield Cut(one.index, face, one.box, one.sha256, one.reason)
