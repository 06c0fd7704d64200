"""Signals: the first waits for the step, a second leaves at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from phiz.errors import Stopped
from phiz.stopping import heeded_at_once, signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

PROGRAM = """
import sys, time
from phiz.stopping import signals
with signals(grace=float(sys.argv[1])) as stop:
    print("ready", flush=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if stop.is_set():
            print("noted", flush=True)
            time.sleep(float(sys.argv[2]))  # a long step
            sys.exit(75)
        time.sleep(0.01)
"""


def signalled(grace: float, step: float) -> tuple[int, float]:
    """Send two signals to a program with a long step; return its status and the seconds it took to leave."""
    words = [sys.executable, "-c", PROGRAM, str(grace), str(step)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "noted\n"
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30), time.monotonic() - start


def test_a_second_signal_leaves_at_once():
    status, seconds = signalled(0.0, 15.0)
    assert status == 128 + signal.SIGTERM
    assert seconds < 10


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_gone_is_a_signal_unless_nohup_says_otherwise(ignored):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.wait(1) != ignored
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_a_launcher_passes_on_at_once_is_the_same_signal():
    status, _ = signalled(5.0, 0.2)
    assert status == 75


def test_where_nothing_can_be_finished_the_first_signal_stops_the_work_where_it_is():
    before = signal.getsignal(signal.SIGTERM)

    def work() -> None:
        """Catch whatever goes wrong: a signal is not that."""
        try:
            wait()
        except Exception:
            pytest.fail("the signal was taken for a fault")

    def wait() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    with pytest.raises(Stopped), heeded_at_once():
        work()
    assert signal.getsignal(signal.SIGTERM) is before
