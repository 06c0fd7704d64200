"""Signals: the first lets the step or the picture at hand be finished, a second leaves at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from phiz.errors import Stopped


@contextmanager
def signals(grace: float = 0.0) -> Iterator[threading.Event]:
    """Yield an event that SIGINT or SIGTERM sets.

    For `grace` seconds, further ones count as the same: a launcher passes on what a terminal sends to all.
    """
    stop = threading.Event()
    first = 0.0
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if not stop.is_set():
            stop.set()
            first = time.monotonic()
        elif time.monotonic() - first >= grace:
            os._exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def check(stop: threading.Event) -> None:
    """Stop here if a signal came.

    Raises:
        Stopped: it did.
    """
    if stop.is_set():
        raise Stopped("stopped.")
