"""What the folder of checkpoints keeps, and which of them are refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from phiz.errors import PhizError
from phiz.training import checkpoint, loop, plan
from phiz.training.checkpoint import Checkpoint
from runs import Counter, Quiet


def drive(folder: Path, identity: str) -> tuple[Counter, Quiet]:
    task, screen = Counter(), Quiet()
    made = plan.fixed(task, 20)  # type: ignore[arg-type]
    loop.run(task, made, folder, lambda *_: None, lambda _: None, screen, identity=identity)  # type: ignore[arg-type]
    return task, screen


def point(step: int) -> Checkpoint:
    return Checkpoint(step, {"state": {"state": torch.full((3,), float(step))}}, {"seconds": 0.0})


def names(folder: Path) -> list[int]:
    return [int(path.name[5:]) for path in checkpoint.found(folder)]


def test_the_newest_are_kept_and_two_planned_ones(tmp_path):
    for step in (0, 50, 100, 103, 107, 111):
        checkpoint.save(tmp_path, point(step), lambda step: step % 50 == 0)
    assert names(tmp_path) == [111, 107, 103, 100, 50]
    kept = checkpoint.newest(tmp_path, print, lambda step: step % 100 == 0)
    assert kept is not None
    assert kept.step == 100
    checkpoint.drop_after(tmp_path, 103)
    assert names(tmp_path) == [103, 100, 50]


def test_one_of_a_newer_format_is_refused_and_not_gone_around(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, point(1))
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "FORMAT", 99)
        checkpoint.save(tmp_path, point(2))
    with pytest.raises(PhizError, match="format 99, newer") as caught:
        checkpoint.newest(tmp_path, lambda line: pytest.fail(line))
    assert caught.value.status == 3
    # Whatever else it calls its things.
    (tmp_path / "step-000000002" / "state.json").write_text('{"format": 99, "at": 2}')
    with pytest.raises(PhizError, match="format 99, newer"):
        checkpoint.newest(tmp_path, lambda line: pytest.fail(line))


def test_one_of_the_first_format_is_read(tmp_path):
    path = checkpoint.save(tmp_path, point(7)) / "state.json"
    state = json.loads(path.read_text()) | {"format": 1}
    del state["sha256"]["state.json"]
    path.write_text(json.dumps(state))
    assert checkpoint.load(path.parent).step == 7


@pytest.mark.parametrize(
    ("before", "after"),
    [('"step": 2', '"step": 3'), ('"step"', '"bert"'), ('"seconds": 0.0', '"seconds": 9.0'),
     ('"format": 2', '"format": 9'), ('"format": 2', '"format": 1'), ('"sha256"', '"sha257"'),
     ('"state.json"', '"rtate.json"')],
)  # fmt: skip
def test_a_flipped_byte_of_what_it_says_itself_is_gone_around(tmp_path, before, after):
    checkpoint.save(tmp_path, point(1))
    path = checkpoint.save(tmp_path, point(2)) / "state.json"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    said: list[str] = []
    kept = checkpoint.newest(tmp_path, said.append)
    assert kept is not None
    assert kept.step == 1
    assert "state.json cannot be read" in said[0]


def test_what_is_saved_stays_where_later_ones_are_broken(tmp_path):
    for step in (100, 103, 107):
        checkpoint.save(tmp_path, point(step))
    for step in (103, 107):
        (tmp_path / f"step-{step:09d}" / "state.json").unlink()
    for step in (102, 104):
        assert checkpoint.save(tmp_path, point(step)).exists()
    assert names(tmp_path) == [104, 102, 100]


def test_what_kills_left_half_written_is_swept_away(tmp_path):
    (tmp_path / "checkpoints" / ".step-000000007.partial").mkdir(parents=True)
    drive(tmp_path, "mine")
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_checkpoints_of_another_training_are_refused(tmp_path):
    drive(tmp_path, "one")
    drive(tmp_path, "one")
    with pytest.raises(PhizError, match="another recipe or face set"):
        drive(tmp_path, "another")


def test_a_checkpoint_from_before_the_watchdogs_is_read(tmp_path):
    """What earlier versions wrote has no attempt, no watch and no identity."""
    values = {"seconds": 1.0, "reported": 0, "found": {"seconds": 1.0}}
    old = Checkpoint(5, {"state": {"state": torch.full((3,), 5.0)}}, values)
    checkpoint.save(tmp_path / "checkpoints", old)
    task, screen = drive(tmp_path, "mine")
    assert "metrics.jsonl is gone, with its lines up to step 5" in screen.said[0]
    assert screen.said[1] == "Going on from step 5 of 20."
    assert float(task.state[0]) == 20
