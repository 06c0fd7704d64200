"""One request at a time to a host and at most one a second, among all processes."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from booru import Clock
from phiz.collect.pace import PATIENCE, Pace, WallClock, back_off, domain, retry_after
from phiz.errors import Stopped


@pytest.mark.parametrize("shared", [True, False])
def test_a_second_lies_between_two_requests(tmp_path, shared):
    clock = Clock()
    pace = Pace(tmp_path if shared else None, clock)
    begun = []
    for host in ("konachan.com", "files.konachan.com", "konachan.com"):
        with pace.turn(host, 1.0):
            begun.append(clock.time)
            clock.time += 0.3
    assert begun == [1_000_000.0, 1_000_001.0, 1_000_002.0]
    with pace.turn("yande.re", 1.0):
        assert clock.time == pytest.approx(1_000_002.3)


def test_a_host_that_asked_is_left_alone_and_then_asked_less_often(tmp_path):
    clock = Clock()
    pace = Pace(tmp_path, clock)
    with pace.turn("konachan.com", 1.0):
        pace.leave_alone("konachan.com", 30.0)
    with pace.turn("konachan.com", 1.0):
        assert clock.time == 1_000_030.0
    with pace.turn("konachan.com", 1.0):
        assert clock.time == 1_000_031.5
    other = Pace(tmp_path, clock)
    with pace.turn("konachan.com", 1.0):
        pace.leave_alone("konachan.com", 60.0)
    with other.turn("konachan.com", 1.0):
        assert clock.time == pytest.approx(1_000_033.0 + 60.0)


def test_a_clock_set_back_or_a_spoiled_gate_stops_nothing(tmp_path):
    clock = Clock()
    with Pace(tmp_path, clock).turn("konachan.com", 1.0):
        Pace(None, clock)
    clock.time = 10.0
    with Pace(tmp_path, clock).turn("konachan.com", 1.0):
        assert clock.time <= 11.0
    clock.time = 20.0
    (tmp_path / "konachan.com.sqlite").write_bytes(b"no database at all, but text" * 50)
    with Pace(tmp_path, clock).turn("konachan.com", 1.0):
        assert clock.time <= 21.0
    assert max(clock.slept) <= PATIENCE


def test_threads_take_turns(tmp_path):
    pace, running, most = Pace(tmp_path), 0, 0

    def ask() -> None:
        nonlocal running, most
        for _ in range(5):
            with pace.turn("konachan.com", 0.0):
                running += 1
                most = max(most, running)
                time.sleep(0.002)
                running -= 1

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


PROCESS = """
import sys, time
from pathlib import Path
from phiz.collect.pace import Pace
pace = Pace(Path(sys.argv[1]))
for _ in range(4):
    with pace.turn("konachan.com", 0.1):
        print(time.time(), flush=True)
"""


def test_processes_share_the_pace(tmp_path):
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    times = sorted(float(line) for one in running for line in one.communicate(timeout=30)[0].split())
    assert len(times) == 8
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert min(gaps) > 0.09


def test_a_killed_process_lets_go(tmp_path):
    code = PROCESS.replace("print(", "print('in', flush=True); time.sleep(60); print(")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    process.kill()
    process.wait()
    start = time.monotonic()
    with Pace(tmp_path).turn("konachan.com", 0.0):
        assert time.monotonic() - start < 5


def test_a_place_that_cannot_be_written_still_paces(tmp_path):
    (tmp_path / "file").write_text("")
    clock = Clock()
    pace = Pace(Path(tmp_path / "file" / "hosts"), clock)
    for _ in range(2):
        with pace.turn("konachan.com", 1.0):
            pass
    assert clock.slept == [1.0]


def test_a_signal_ends_a_sleep():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        WallClock(stop).sleep(100.0)


def test_back_off_doubles_up_to_ten_minutes():
    assert [back_off(tries, 1.0) for tries in range(1, 8)] == [30, 60, 120, 240, 480, 600, 600]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 59.0),
        ("Fri, 31 Dec 1999 23:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text, 946684740.0) == seconds


@pytest.mark.parametrize(
    ("host", "gate"),
    [("cdn.donmai.us", "donmai.us"), ("KONACHAN.com.", "konachan.com"), ("10.0.0.1", "10.0.0.1"), ("x", "x")],
)
def test_what_shares_a_gate(host, gate):
    assert domain(host) == gate
