"""One request at a time to a host, and at most one a second: among all of phiz's processes.

A host's gate is a small SQLite file in the cache folder. Who holds its lock may ask; it remembers when the
last request began and until when the host wants to be left alone. A process that is killed lets go of it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

from phiz.errors import Stopped

PAUSE = 1.0
"""Seconds between the beginnings of two requests to a host."""

BACK_OFF = 30.0
"""Pauses to wait after a first "slow down" that names no time; doubled each time."""

LONGEST = 600.0
"""The most pauses to wait by our own choice."""

PATIENCE = 3600.0
"""Seconds: a host that wants to be left alone for longer ends the work."""

SLOWER = 1.5
"""How much longer the pause becomes each time a host asks to slow down, up to ten times."""


_TABLE = "CREATE TABLE IF NOT EXISTS gate (id INTEGER PRIMARY KEY, last REAL NOT NULL, until REAL NOT NULL)"


class Clock(Protocol):
    """Time, so that a test can bring its own."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class WallClock:
    """The time of day: gates are shared between processes. A sleep ends early where `stop` is set."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped("stopped.")


class Pace:
    """Holds the gates of hosts. Safe to use from several threads and processes."""

    def __init__(self, folder: Path | None, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or WallClock()
        self._locks: dict[str, threading.Lock] = {}
        self._own: dict[str, tuple[float, float]] = {}
        self._gates: dict[str, sqlite3.Connection | None] = {}
        self._slow: dict[str, float] = {}
        self._guard = threading.Lock()

    @property
    def clock(self) -> Clock:
        return self._clock

    @contextmanager
    def turn(self, host: str, pause: float) -> Iterator[Callable[[], None]]:
        """Wait for the turn to ask `host`, and keep it until the block ends.

        Yields a function to call when the host has begun to answer: `pause` seconds later the next turn
        begins (more where the host asked to slow down), so that the host never sees less between two
        requests, however long they were on their way.
        """
        name = domain(host)
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock, self._gate(name) as gate:
            last, until = self._known(gate, name)
            now = self._clock.now()
            start = max(last + pause * self._slow.get(name, 1.0), until)
            if start > now:
                self._clock.sleep(start - now)
            self._note(gate, name, self._clock.now(), 0.0)
            self._gates[name] = gate
            yield lambda: self._note(gate, name, self._clock.now(), 0.0)

    def leave_alone(self, host: str, seconds: float) -> None:
        """Have everyone's next turn wait so long, and lengthen our own pause. Only within a turn."""
        name = domain(host)
        self._slow[name] = min(10.0, self._slow.get(name, 1.0) * SLOWER)
        now = self._clock.now()
        self._note(self._gates.get(name), name, now, now + seconds)

    @contextmanager
    def _gate(self, name: str) -> Iterator[sqlite3.Connection | None]:
        gate = self._open(name)
        try:
            yield gate
        finally:
            if gate is not None:
                with contextlib.suppress(sqlite3.Error):
                    gate.execute("COMMIT")
                gate.close()

    def _open(self, name: str) -> sqlite3.Connection | None:
        """Open and lock a gate; None where there is no place for one, and only this process is paced."""
        if self._folder is None:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{re.sub(r'[^a-z0-9.-]', '_', name)}.sqlite"
            gate = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error):
            return None
        while True:
            try:
                gate.execute("PRAGMA synchronous = OFF")  # a pace need not survive a power cut
                gate.execute("BEGIN EXCLUSIVE")
                gate.execute(_TABLE)
                return gate
            except sqlite3.OperationalError as fault:
                if getattr(fault, "sqlite_errorcode", 0) & 0xFF not in (
                    sqlite3.SQLITE_BUSY,
                    sqlite3.SQLITE_LOCKED,
                ):
                    gate.close()
                    return None
            except sqlite3.Error:
                gate.close()
                return None

    def _known(self, gate: sqlite3.Connection | None, name: str) -> tuple[float, float]:
        """Return when the last turn began and until when to wait; a clock set back is no reason for more."""
        last, until = self._own.get(name, (0.0, 0.0))
        row = gate.execute("SELECT last, until FROM gate").fetchone() if gate is not None else None
        if row:
            last, until = max(last, row[0]), max(until, row[1])
        now = self._clock.now()
        return min(last, now), min(until, now + PATIENCE)

    def _note(self, gate: sqlite3.Connection | None, name: str, last: float, until: float) -> None:
        self._own[name] = (last, until)
        if gate is not None:
            with contextlib.suppress(sqlite3.Error):  # a full disk: this process keeps the pace all the same
                gate.execute("INSERT OR REPLACE INTO gate (id, last, until) VALUES (1, ?, ?)", (last, until))


def domain(host: str) -> str:
    """Return what shares one gate: the last two labels of a name, or a whole address."""
    host = host.lower().rstrip(".")
    try:
        ipaddress.ip_address(host)
        return host
    except ValueError:
        return ".".join(host.split(".")[-2:])


def back_off(tries: int, pause: float) -> float:
    """Return the seconds to wait after so many "slow down" in a row (1 for the first)."""
    return min(BACK_OFF * 2 ** (tries - 1), LONGEST) * pause


def retry_after(text: str | None, now: float) -> float | None:
    """Read a Retry-After header, seconds or a date; None where it says nothing that can be read.

    Args:
        text: the header.
        now: the time, in seconds since 1970.
    """
    if not text:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
