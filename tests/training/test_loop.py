"""What the loop does when things go wrong around it."""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
import shutil
import stat
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from phiz.artefacts import disk
from phiz.errors import PhizError, Stopped, Surroundings
from phiz.training import checkpoint, course, loop, plan
from phiz.training.distributed import Group
from phiz.training.tasks import Position, Stage


class Counter:
    """A task whose state is a big tensor that counts its steps."""

    batch = 4
    stages = (Stage("adversarial", 1.0),)

    def __init__(self, broken_from: int = 10**9) -> None:
        self.state = torch.zeros(20_000)
        self.broken_from = broken_from

    def step(self, position: Position) -> dict[str, torch.Tensor]:
        self.state += 1
        value = float("nan") if position.step >= self.broken_from else float(position.step)
        return {"loss_d": torch.tensor(value)}

    def tensors(self):
        return {"state": {"state": self.state}}

    def restore(self, tensors):
        self.state = tensors["state"]["state"].clone()

    def sample(self, position: Position, count: int = 1) -> np.ndarray:
        return np.full((count, 4, 4, 3), min(255, position.step), np.uint8)

    def keep(self, position: Position) -> None:
        self.kept = position.step

    def synchronise(self) -> None:
        pass


class Quiet:
    outcome: loop.Outcome

    def __init__(self) -> None:
        self.said: list[str] = []
        self.models: list[int] = []

    def show(self, metrics) -> None:
        pass

    def say(self, line: str) -> None:
        self.said.append(line)

    def note(self, line: str) -> None:
        pass


def fill(place: Path) -> None:
    with open(place / "filler", "wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


class Measure:
    """A distance that is least for faces of one step."""

    name, samples = "frechet_toy", 3

    def __init__(self, best: int) -> None:
        self.best = best

    def __call__(self, faces: np.ndarray) -> float:
        assert len(faces) == self.samples
        return abs(float(faces[0, 0, 0, 0]) - self.best)


def drive(
    folder: Path, task: Counter, sample=lambda step: None, steps: int = 50, measure: Measure | None = None
) -> Quiet:
    folder.mkdir(exist_ok=True)
    screen = Quiet()
    made = plan.fixed(task, steps)  # type: ignore[arg-type]
    made.samples = list(range(1, steps + 1))
    if measure:
        made.evaluations = plan.every(made, 7)
    screen.outcome = loop.run(
        task,  # type: ignore[arg-type]
        made,
        folder,
        lambda step, _: sample(step),
        lambda step: screen.models.append(step),
        screen,
        measure=measure,
    )
    return screen


def test_a_disk_full_for_a_while_is_said_and_training_goes_on(small_disk):
    def sample(step: int) -> None:
        if 12 <= step <= 31 and not (small_disk / "filler").exists():
            fill(small_disk)
        if step > 31:
            (small_disk / "filler").unlink(missing_ok=True)

    screen = drive(small_disk / "run", Counter(), sample)
    assert sum("No space left" in line and "goes on" in line for line in screen.said) > 2
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", screen.say)
    assert kept is not None
    assert kept.step == 50
    lines = [json.loads(line) for line in (small_disk / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 51))


def test_a_disk_full_to_the_end_is_status_5_and_the_old_checkpoint_stays(small_disk):
    def sample(step: int) -> None:
        if step >= 12:
            fill(small_disk)

    with pytest.raises(Surroundings, match="No space left") as caught:
        drive(small_disk / "run", Counter(), sample)
    assert caught.value.status == 5
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step == 10
    (small_disk / "filler").unlink()
    drive(small_disk / "run", Counter())
    kept = checkpoint.newest(small_disk / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step == 50


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    drive(tmp_path / "steady", Counter())
    jumps = itertools.cycle([2e9, 0.0, 5e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    start = time.monotonic()
    screen = drive(tmp_path / "run", Counter())
    took = time.monotonic() - start
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert 0 <= screen.outcome.seconds <= took
    assert screen.models == []
    kept, steady = (
        [path.name for path in checkpoint.found(tmp_path / run / "checkpoints")] for run in ("run", "steady")
    )
    assert kept == steady


def test_faces_that_do_not_come_stand_in_the_next_line_of_metrics(tmp_path):
    class Late(Counter):
        supply = SimpleNamespace(seconds=0.0, say=print)

        def step(self, position: Position) -> dict[str, torch.Tensor]:
            if position.step == 4:
                self.supply.say("Warning: no faces have come")
            return super().step(position)

    screen = drive(tmp_path / "run", Late())
    assert "Warning: no faces have come" in screen.said
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    told = {line["step"]: line["warnings"] for line in lines if "warnings" in line}
    assert told == {5: {"no faces": "Warning: no faces have come"}}


def test_a_process_that_is_not_the_first_says_itself_that_its_faces_do_not_come(tmp_path, capsys):
    task = Counter()
    task.supply = SimpleNamespace(seconds=0.0, say=print)
    course.Course(task, plan.fixed(task, 10), tmp_path, Quiet(), Group(1, 2), "")
    task.supply.say("Warning: no faces have come")
    assert capsys.readouterr().err == "Process 1: Warning: no faces have come\n"


@pytest.mark.parametrize(("share", "written"), [(course._MODEL_SHARE, 1), (math.inf, 9)])
def test_a_model_that_takes_long_to_write_is_written_seldom(tmp_path, monkeypatch, share, written):
    monkeypatch.setattr(course, "_MODEL_SHARE", share)
    task, models = Counter(), []

    def write_model(step: int) -> None:
        models.append(step)
        time.sleep(0.05)

    made = plan.fixed(task, 50)
    loop.run(task, made, tmp_path, lambda *_: None, write_model, Quiet(), model_every=0.0)
    assert len(models) == written  # of the checkpoints at every fifth step before the last


def test_losses_that_are_no_numbers_stop_the_run_before_they_are_saved(tmp_path):
    with pytest.raises(Surroundings, match="loss_d is no number before step 38, after 3 new tries"):
        drive(tmp_path / "run", Counter(broken_from=37))
    kept = checkpoint.newest(tmp_path / "run" / "checkpoints", print)
    assert kept is not None
    assert kept.step <= 37


def test_a_sample_of_a_broken_network_does_not_end_what_the_next_report_mends(tmp_path):
    task = Counter()

    def broken(position: Position, count: int = 1) -> np.ndarray:
        raise PhizError("The model gives NaN instead of pixels.")

    task.sample = broken  # type: ignore[method-assign]
    screen = drive(tmp_path / "run", task)
    assert any("NaN instead of pixels. Training goes on" in line for line in screen.said)
    assert screen.outcome.seconds > 0


def test_weights_that_lead_to_no_numbers_are_gone_around(tmp_path):
    class Poisoned(Counter):
        """Numbers at step 20, where a checkpoint falls; from there no more, whatever is drawn."""

        random = SimpleNamespace(attempt=0)

        def step(self, position: Position) -> dict[str, torch.Tensor]:
            super().step(position)
            if position.step == 19 and not self.random.attempt:
                self.state += 1e9
            return {"loss_d": self.state[0] if self.state[0] < 1e9 else torch.tensor(float("nan"))}

        def tensors(self):
            return {"state": {"state": self.state}}

    class Later(Poisoned):
        """The loss shows it only some steps after the checkpoint."""

        def step(self, position: Position) -> dict[str, torch.Tensor]:
            found = super().step(position)
            return found if position.step > 20 else {"loss_d": torch.tensor(0.5)}

    screen = drive(tmp_path / "run", Later())
    went = [
        line.partition("going back to step ")[2].split()[0] for line in screen.said if "going back" in line
    ]
    assert went == ["20", "15"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1] | {"seconds": 0, "images_per_second": 0} == {
        "step": 50, "images": 200, "attempt": 2, "loss_d": 50.0, "seconds": 0, "images_per_second": 0
    }  # fmt: skip


@pytest.mark.parametrize("fault", [RuntimeError("out of memory\nmore"), MemoryError()])
def test_samples_and_evaluations_that_fail_do_not_end_it(tmp_path, fault):
    task = Counter()

    def short(position: Position, count: int = 1) -> np.ndarray:
        raise fault

    task.sample = short  # type: ignore[method-assign]
    screen = drive(tmp_path / "run", task, measure=Measure(best=20))
    assert any("left out; training goes on" in line for line in screen.said)
    assert all("\n" not in line for line in screen.said)
    assert checkpoint.found(tmp_path / "run" / "checkpoints")[0].name == "step-000000050"


def test_a_disk_that_is_gone_is_not_told_to_be_full(tmp_path):
    def sample(step: int) -> None:
        if step == 12:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    screen = drive(tmp_path / "run", Counter(), sample)
    assert any("see to the disk before it ends" in line for line in screen.said)
    assert not any("make room" in line for line in screen.said)
    with pytest.raises(Surroundings, match="See to the disk"), disk(tmp_path):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


@pytest.mark.skipif(os.name == "nt", reason="folders are not synced there")
def test_a_file_system_that_syncs_no_folders_is_good_enough(tmp_path, monkeypatch):
    synced = os.fsync

    def refuses(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        synced(handle)

    monkeypatch.setattr("os.fsync", refuses)
    assert drive(tmp_path / "run", Counter()).said == []
    assert checkpoint.found(tmp_path / "run" / "checkpoints")


def test_without_a_whole_checkpoint_there_is_nothing_to_go_back_to_and_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "newest", lambda *_: None)
    with pytest.raises(Surroundings, match="no whole checkpoint to go back to"):
        drive(tmp_path / "run", Counter(broken_from=37))


def test_a_training_whose_checkpoints_are_gone_does_not_begin_anew_unasked(tmp_path):
    drive(tmp_path / "run", Counter(), steps=20)
    lines = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    shutil.move(tmp_path / "run" / "checkpoints", tmp_path / "elsewhere")
    for way in ("gone", "empty", "a link to nowhere"):
        if way == "empty":
            (tmp_path / "run" / "checkpoints").mkdir()
        if way == "a link to nowhere" and os.name != "nt":
            (tmp_path / "run" / "checkpoints").rmdir()
            (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "nowhere")
        with pytest.raises(PhizError, match="hold no checkpoint, and the training had come to step 20"):
            drive(tmp_path / "run", Counter())
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == lines


def test_a_plan_that_was_cut_short_behind_its_checkpoint_is_refused(tmp_path):
    drive(tmp_path / "run", Counter(), steps=20)
    with pytest.raises(PhizError, match=r"stand at step 20, and recipe\.json plans 10 alone"):
        drive(tmp_path / "run", Counter(), steps=10)


def test_a_signal_that_came_while_it_was_planned_stops_it_after_a_step(tmp_path):
    stop = threading.Event()
    stop.set()
    task, made = Counter(), plan.fixed(Counter(), 50)  # type: ignore[arg-type]
    with pytest.raises(Stopped, match="stopped at step 1 of 50, everything saved"):
        loop.run(task, made, tmp_path, lambda *_: None, lambda _: None, Quiet(), stop=stop)  # type: ignore[arg-type]
    assert checkpoint.load(checkpoint.found(tmp_path / "checkpoints")[0]).step == 1


def test_lines_of_metrics_do_not_grow_with_the_steps_and_ways_back_are_short():
    made = plan.fixed(Counter(), 1_000_000)  # type: ignore[arg-type]
    assert made.report_every == 50
    assert made.checkpoint_every == 1_000
    assert plan.fixed(Counter(), 60).report_every == 1  # type: ignore[arg-type]


def test_a_line_of_metrics_cut_short_is_dropped_on_resume(tmp_path):
    drive(tmp_path / "run", Counter())
    path = tmp_path / "run" / "metrics.jsonl"
    whole = path.read_text()
    path.write_bytes(whole.encode() + b'\xff\xfe no text\n{"step": 51, "los')
    assert any(
        "was damaged: 1 line of it left out" in line for line in drive(tmp_path / "run", Counter()).said
    )
    assert path.read_text() == whole
    path.write_text(whole.removesuffix("\n"))
    assert not any("was damaged" in line for line in drive(tmp_path / "run", Counter()).said)
    assert path.read_text() == whole
    path.unlink()
    assert any(
        "metrics.jsonl is gone, with its lines up to step 50" in line
        for line in drive(tmp_path / "run", Counter()).said
    )


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    drive(tmp_path / "run", Counter(), steps=100)
    names = [path.name for path in checkpoint.found(tmp_path / "run" / "checkpoints")]
    assert names == ["step-000000100", "step-000000090", "step-000000080"]
    assert not [name for name in os.listdir(tmp_path / "run" / "checkpoints") if name.startswith(".")]


def test_what_is_clearly_worse_does_not_become_the_model_and_every_value_is_in_the_metrics(tmp_path):
    task = Counter()
    screen = drive(tmp_path / "run", task, measure=Measure(best=20))
    assert task.kept == 21
    assert (screen.outcome.best_step, screen.outcome.best) == (21, 1.0)
    assert screen.outcome.evaluating < screen.outcome.seconds
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    found = {line["step"]: line["frechet_toy"] for line in lines if "frechet_toy" in line}
    assert found == {step: float(abs(step - 20)) for step in (7, 14, 21, 28, 35, 42, 49, 50)}


def test_what_was_best_is_remembered_by_a_resumed_run(tmp_path):
    class Cut(Measure):
        def __call__(self, faces):
            if faces[0, 0, 0, 0] == 42:
                raise KeyboardInterrupt
            return super().__call__(faces)

    with pytest.raises(KeyboardInterrupt):
        drive(tmp_path / "run", Counter(), measure=Cut(best=20))
    screen = drive(tmp_path / "run", Counter(), measure=Measure(best=20))
    assert (screen.outcome.best_step, screen.outcome.best) == (21, 1.0)


def test_the_later_of_two_close_steps_is_kept(tmp_path):
    task = Counter()
    screen = drive(tmp_path / "run", task, measure=Measure(best=-100))  # grows by less than twice
    assert task.kept == 50
    assert (screen.outcome.best_step, screen.outcome.best, screen.outcome.least) == (50, 150.0, 107.0)
