"""Work spread over threads with the order kept and the memory flat."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def ordered(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """Yield work(item) in the order of `items`; at most three items a thread are under way.

    Threads suffice: Pillow decodes, resizes and hashes outside the interpreter's lock.
    """
    threads = threads or min(cores(), 16)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 3 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Without waiting: what is left by a caller that stopped early may be collected in a worker itself.
        pool.shutdown(wait=False, cancel_futures=True)


def chunks(items: Iterable[tuple[Item, int]], length: int, weight: int) -> Iterator[list[Item]]:
    """Yield items, given as (item, its weight), in lists of up to `length`, closed at `weight`."""
    chunk: list[Item] = []
    load = 0
    for item, heavy in items:
        chunk.append(item)
        load += heavy
        if len(chunk) == length or load >= weight:
            yield chunk
            chunk, load = [], 0
    if chunk:
        yield chunk
