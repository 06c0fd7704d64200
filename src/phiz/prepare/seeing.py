"""Looking at every picture that has not been looked at yet, spread over threads or a cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from phiz import stopping
from phiz.errors import Stopped
from phiz.pictures import BadPicture, decode
from phiz.prepare.deciding import SAMPLE, Sampled
from phiz.prepare.detectors import reduced
from phiz.prepare.entries import Source
from phiz.prepare.looking import Cutting, Looked, look
from phiz.prepare.pool import chunks, ordered
from phiz.prepare.work import Work

Load = Callable[[], bytes]
Item = tuple[int, str, Load]
"""A picture: its index among all, its name, and what reads it."""

Mapper = Callable[[Iterable[tuple[Item, int]], Cutting], Iterator[Looked]]
"""Looks at (picture, its bytes) with some settings and yields what became of each, in any order."""

_CHUNK, _CHUNK_BYTES = 32, 2 * 2**20
_FEW = 4  # pictures at a time where faces are looked for, which takes longer


def here(threads: int | None) -> Mapper:
    """Return the mapper that uses this machine's cores."""

    def work(chunk: list[Item], how: Cutting) -> list[Looked]:
        return [look(index, name, load, how) for index, name, load in chunk]

    def over(items: Iterable[tuple[Item, int]], how: Cutting) -> Iterator[Looked]:
        length = max(1, min(_CHUNK, _CHUNK_BYTES // (how.size * how.size * 3)))
        length = length if how.detector == "none" else min(length, _FEW)
        for done in ordered(lambda chunk: work(chunk, how), chunks(items, length, _CHUNK_BYTES), threads):
            yield from done

    return over


def see(
    sources: Sequence[Source],
    names: Sequence[str],
    wanted: set[int],
    how: Cutting,
    work: Work,
    mapper: Mapper,
    progress: Callable[[int, int], None] | None,
    stop: threading.Event,
) -> None:
    """Look at the pictures whose indices are `wanted` and keep in `work` what became of them.

    Raises:
        Stopped: a signal came; what was looked at is kept.
    """
    if not wanted:
        return
    sizes = [entry.size for source in sources for entry in source.entries]
    done, count = len(names) - len(wanted), len(names)
    for looked in mapper(_items(sources, names, wanted), how):
        work.add(names[looked.index], sizes[looked.index], looked)
        done += 1
        if progress and (done % _CHUNK == 0 or done == count):
            progress(done, count)
        if stop.is_set():
            work.flush()
            raise Stopped(f"stopped: {done:,} of {count:,} pictures are looked at; the same command goes on.")
    work.flush()
    stopping.check(stop)


def _items(sources: Sequence[Source], names: Sequence[str], wanted: set[int]) -> Iterator[tuple[Item, int]]:
    start = 0
    for source in sources:
        for index, load in source.read():
            if start + index in wanted:
                yield (start + index, names[start + index], load), source.entries[index].size
        start += len(source.entries)


def sample(sources: Sequence[Source], names: Sequence[str]) -> list[Sampled]:
    """Return some of the pictures, evenly spread where that needs no unpacking."""
    count = len(names)
    few = min(SAMPLE, count)
    spread = {round(place * (count - 1) / max(1, few - 1)) for place in range(few)}
    if not all(source.in_order for source in sources):
        spread = set(range(count))
    found: list[Sampled] = []
    for (_, name, load), _ in _items(sources, names, spread):
        try:
            picture = decode(load(), name)
            found.append((reduced(picture)[0], picture.size))
        except BadPicture:
            continue
        if len(found) == SAMPLE:
            break
    return found
