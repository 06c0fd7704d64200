"""Signals: the first lets the step or the picture at hand be finished, a second leaves at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from phiz.errors import Stopped


@contextmanager
def signals(grace: float = 0.0) -> Iterator[threading.Event]:
    """Yield an event that SIGINT, SIGTERM or SIGHUP sets.

    For `grace` seconds, further ones count as the same: a launcher passes on what a terminal sends to all.
    """
    stop = threading.Event()
    with _told(stop.set, grace):
        yield stop


class _Interrupt(BaseException):
    """A signal on its way out of the work, which catches faults but not this."""


@contextmanager
def heeded_at_once(grace: float = 0.0) -> Iterator[None]:
    """Raise Stopped wherever the work is when one of them comes; `grace` as in `signals`."""

    def stop() -> None:
        raise _Interrupt

    try:
        with _told(stop, grace):
            yield
    except _Interrupt:
        raise Stopped("stopped.") from None


@contextmanager
def _told(act: Callable[[], None], grace: float) -> Iterator[None]:
    """Have the first signal `act`, where it can be heard, and one after `grace` seconds end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: float | None = None

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            act()
        elif time.monotonic() - first >= grace:
            _leave(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)  # the terminal is gone
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _leave(number: int) -> None:
    if sys.stderr.isatty():
        with suppress(OSError):
            os.write(2, b"\x1b[?25h\n")  # a progress bar has hidden the cursor
    os._exit(128 + number)


def check(stop: threading.Event) -> None:
    """Stop here if a signal came.

    Raises:
        Stopped: it did.
    """
    if stop.is_set():
        raise Stopped("stopped.")
