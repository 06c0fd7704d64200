"""How the processes of a training meet: what the first one prepares, all others wait for.

They speak through a store that their launcher keeps, before they talk to each other directly
(phiz.training.distributed).
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch.distributed as dist

from phiz.errors import Surroundings, UsageError

TIME_OUT = "PHIZ_PEER_SECONDS"
"""The environment variable that says how long a process waits for another; 180 s if it is not set."""

_LOOK = 0.2  # seconds from one look for what the first process has prepared to the next


class Meeting:
    """Where the processes of a launch meet; without stores, that of a process alone.

    Args:
        here: a store of this start alone.
        launch: one that stays the same through all restarts.
    """

    def __init__(self, here: dist.Store | None = None, launch: dist.Store | None = None) -> None:
        self._here, self._launch = here, launch
        self._told = threading.Event()
        self._trainings = 0  # of this process so far: a script may hold several

    def store(self, name: str) -> dist.Store:
        """Return a store of this name, for the training at hand alone."""
        assert self._here is not None
        return dist.PrefixStore(f"{name}/{self._trainings}", self._here)

    @property
    def told(self) -> bool:
        """Whether the others were told what they wait for."""
        return self._told.is_set()

    def anew(self) -> None:
        """Begin another training: what is said of one is not heard in the next."""
        self._told = threading.Event()
        self._trainings += 1

    def hand_over(self, text: str) -> None:
        """Tell the others what they wait for in `receive`."""
        assert self._here is not None
        self._told.set()
        with peers():
            self._here.set(f"begin/{self._trainings}", text)

    def show_life(self) -> None:
        """Show the others from now on, until something is handed over, that this process lives."""
        store, key, told = self._here, f"alive/{self._trainings}", self._told
        assert store is not None

        def show() -> None:
            with suppress(RuntimeError):  # who is gone will be noticed by the training
                while not told.is_set():
                    store.set(key, str(time.monotonic()))
                    told.wait(time_out() / 8)

        threading.Thread(target=show, name="life", daemon=True).start()

    def receive(self) -> str:
        """Wait until the first process has prepared everything; return what it hands over.

        That may take hours. It is waited for as long as it shows that it lives, and the store that keeps what
        it says answers: a cut cable leaves a question without an answer for ever, so a thread asks.

        Raises:
            Surroundings: it does neither for as long as a process waits for another.
        """
        store, begin, alive = self._here, f"begin/{self._trainings}", f"alive/{self._trainings}"
        assert store is not None
        found: queue.SimpleQueue[str | RuntimeError] = queue.SimpleQueue()
        seen = [time.monotonic()]

        def look() -> None:
            before = b""
            try:
                while not store.check([begin]):
                    now = store.get(alive) if store.check([alive]) else b""
                    if now != before:
                        before, seen[0] = now, time.monotonic()
                    time.sleep(_LOOK)
                found.put(store.get(begin).decode())
            except RuntimeError as fault:
                found.put(fault)

        threading.Thread(target=look, name="waiting", daemon=True).start()
        with peers():
            while True:
                with suppress(queue.Empty):
                    said = found.get(timeout=_LOOK)
                    if isinstance(said, RuntimeError):
                        raise said
                    return said
                if time.monotonic() - seen[0] > time_out():
                    raise RuntimeError("the first shows no sign of life")

    def began(self) -> None:
        """Note that this launch has a run of its own to go on with, should it be restarted."""
        if self._launch is not None:
            with peers():
                self._launch.set(f"began/{self._trainings}", "")

    def has_begun(self) -> bool:
        """Say whether it had, before a restart; of a process alone nobody knows, and it counts as so."""
        if self._launch is None:
            return True
        with peers():
            return bool(self._launch.check([f"began/{self._trainings}"]))


def time_out() -> float:
    """Return the seconds after which a process that does not answer counts as gone.

    Raises:
        UsageError: what the environment says is no such number.
    """
    said = os.environ.get(TIME_OUT, "180")
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"{TIME_OUT}={said}: a number of seconds above 0 is needed.")
    return seconds


@contextmanager
def peers() -> Iterator[None]:
    """Turn the loss of another process into one line with status 5."""
    try:
        yield
    except RuntimeError as fault:
        raise Surroundings(
            f"another process of this training is gone or does not answer ({first_line(fault)}). The last "
            "checkpoint is whole: the same command with --resume goes on."
        ) from None


def first_line(fault: BaseException) -> str:
    """Return what a fault says, in a line."""
    return str(fault).strip().splitlines()[0][:160] if str(fault).strip() else type(fault).__name__
