"""What a training shows of itself."""

from __future__ import annotations

import contextlib
import os

import pytest

from phiz import screen


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    return now


def line(step: int) -> dict[str, float]:
    return {"step": step, "images_per_second": 64.0}


def test_the_time_left_follows_the_pace_of_the_stage_and_later_ones_by_the_plan(tmp_path, clock, capsys):
    shown = screen.TrainingScreen(tmp_path / "log.txt", [(100, 10.0), (200, 1.0)])
    shown.show(line(10))
    clock[0] += 10  # ten steps in ten seconds, ten times as slow as planned
    shown.show(line(20))
    assert f"{screen.duration(80 + 200)} left" in capsys.readouterr().err
    clock[0] += 80
    shown.show(line(100))
    assert f"{screen.duration(200)} left" in capsys.readouterr().err
    shown.show(line(101))
    clock[0] += 20  # ten steps of the second stage: the first does not count
    shown.show(line(111))
    assert f"{screen.duration(189 * 2)} left" in capsys.readouterr().err


def test_without_a_planned_pace_later_stages_go_on_as_this_one(tmp_path, clock, capsys):
    shown = screen.TrainingScreen(tmp_path / "log.txt", [(100, None), (100, None)])
    shown.show(line(0))
    clock[0] += 10
    shown.show(line(10))
    assert "3:10 min left" in capsys.readouterr().err


def test_that_nobody_reads_is_no_fault_of_the_work(tmp_path, monkeypatch):
    read, written = os.pipe()
    os.close(read)
    with os.fdopen(written, "w") as nobody:
        monkeypatch.setattr("sys.stderr", nobody)
        with screen.TrainingScreen(tmp_path / "log.txt", [(100, None)]) as shown:
            shown.say("said to nobody \udcff")
            shown.show(line(100))
        with screen.progress("packing", "pictures") as tick:
            tick(1, 2)
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            nobody.close()
    assert "said to nobody" in (tmp_path / "log.txt").read_text("utf-8")
