"""The processes of a training wait for what the first one prepares, and no longer than that makes sense."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("torch")

import torch

from phiz.errors import Surroundings, UsageError
from phiz.training import meeting
from phiz.training.meeting import Meeting

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no stores")


def two() -> tuple[Meeting, Meeting]:
    store = torch.distributed.HashStore()
    return Meeting(store, store), Meeting(store, store)


def test_a_launch_knows_after_a_restart_whether_it_had_begun():
    assert Meeting().has_begun()  # without a store nobody knows
    leader, _ = two()
    assert not leader.has_begun()
    leader.began()
    assert leader.has_begun()


def test_a_second_training_of_one_script_is_told_apart_from_the_first():
    leader, follower = two()
    for said in ("the first", "the second"):
        leader.anew()
        follower.anew()
        assert not leader.told
        assert not leader.has_begun()
        leader.hand_over(said)
        leader.began()
        assert follower.receive() == said


def test_the_first_process_is_waited_for_as_long_as_it_shows_that_it_lives(monkeypatch):
    monkeypatch.setenv(meeting.TIME_OUT, "1")
    leader, follower = two()
    start = time.monotonic()
    with pytest.raises(Surroundings, match=r"no sign of life.*--resume goes on"):
        follower.receive()
    assert 1 <= time.monotonic() - start < 10
    leader.show_life()
    threading.Timer(3, leader.hand_over, ["prepared"]).start()
    assert follower.receive() == "prepared"


def test_a_patience_that_is_no_number_is_named(monkeypatch):
    for said in ("5m", "0", "inf"):
        monkeypatch.setenv(meeting.TIME_OUT, said)
        with pytest.raises(UsageError, match=f"{meeting.TIME_OUT}={said}"):
            meeting.time_out()
