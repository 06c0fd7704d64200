"""Pictures looked at on many hosts: the same function, mapped over a Ray cluster.

Bytes travel, not paths; each worker finds the detector's weights for itself (phiz.weights), in the folder
that PHIZ_WEIGHTS names here where it has that too. What comes back is put in order by whoever asked. A few
chunks a core are under way, so that memory stays flat.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phiz.errors import MissingExtra, PhizError, Surroundings
from phiz.pictures import BadPicture
from phiz.prepare.looking import Cutting, Looked, look
from phiz.prepare.pool import chunks
from phiz.prepare.seeing import Item, Mapper
from phiz.weights import given_folder

_CHUNK, _CHUNK_BYTES = 16, 8 * 2**20
_AHEAD = 3  # chunks a core under way

Packed = tuple[int, str, bytes | None, str | None]
"""A picture's index and name, and its bytes or why they cannot be had."""


def over(address: str) -> Mapper:
    """Return the mapper that uses the Ray cluster at `address`; "local" starts one here.

    Raises:
        MissingExtra: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if find_spec("ray") is None:
        raise MissingExtra("A cluster", "ray")

    def mapper(items: Iterable[tuple[Item, int]], how: Cutting) -> Iterator[Looked]:
        import ray

        mine = not ray.is_initialized()
        if mine:
            _join(ray, address)
        try:
            yield from _spread(ray, items, how)
        finally:
            if mine:
                ray.shutdown()

    return mapper


def _join(ray: Any, address: str) -> None:
    try:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if host and port.isdigit():  # fail at once where nobody listens; Ray would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        where = None if address == "local" else address
        ray.init(where, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as fault:  # Ray raises almost anything here
        why = " ".join(str(fault).split())[:200]
        raise Surroundings(f"There is no Ray cluster at {address}: {why}") from None


def _spread(ray: Any, items: Iterable[tuple[Item, int]], how: Cutting) -> Iterator[Looked]:
    work = ray.remote(num_cpus=1)(_look)
    most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    folder = str(given.resolve()) if (given := given_folder()) else None
    waiting: list[Any] = []
    for chunk in chunks(items, _CHUNK, _CHUNK_BYTES):
        waiting.append(work.remote([_packed(item) for item in chunk], how, folder))
        while len(waiting) >= most:
            yield from _next(ray, waiting)
    while waiting:
        yield from _next(ray, waiting)


def _next(ray: Any, waiting: list[Any]) -> list[Looked]:
    """Take what is ready first out of the waiting ones."""
    ready, _ = ray.wait(waiting, num_returns=1)
    waiting.remove(ready[0])
    try:
        done: list[Looked] = ray.get(ready[0])
    except ray.exceptions.RayError as fault:
        if isinstance(cause := getattr(fault, "cause", None), PhizError):
            raise cause from None
        why = " ".join(str(cause or fault).split())[-200:]
        raise Surroundings(f"A worker of the Ray cluster failed: {why}; the same command goes on.") from None
    return done


def _packed(item: Item) -> Packed:
    index, name, load = item
    try:
        return index, name, load(), None
    except BadPicture as fault:
        return index, name, None, fault.reason


def _look(chunk: list[Packed], how: Cutting, folder: str | None) -> list[Looked]:
    if folder and Path(folder).is_dir():
        os.environ["PHIZ_WEIGHTS"] = folder

    def loads(name: str, data: bytes | None, why: str | None) -> Callable[[], bytes]:
        return lambda: _bytes(data, name, why)

    return [look(index, name, loads(name, data, why), how) for index, name, data, why in chunk]


def _bytes(data: bytes | None, name: str, why: str | None) -> bytes:
    if data is None:
        raise BadPicture(name, why or "cannot be read")
    return data
