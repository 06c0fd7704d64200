"""Where a training stands between its steps: what is reported, sampled, saved, and gone back to."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from phiz.artefacts import FULL, disk
from phiz.errors import PhizError, Surroundings
from phiz.training import checkpoint
from phiz.training.checkpoint import Checkpoint
from phiz.training.distributed import Group
from phiz.training.meeting import first_line
from phiz.training.metrics import Lines, Meter, cut_back, last_step
from phiz.training.plan import Plan
from phiz.training.tasks import Measure, Screen, Task
from phiz.training.watchdog import Watch

CHECKPOINT_SECONDS = 110.0
TRIES = 3
"""How often a training goes back to one checkpoint when its losses are no numbers."""

_LOWER = "Start anew with lower rates: --set generator.rate=... --set discriminator.rate=..."
_WORTH_SAYING = 0.05  # of the time, waited for faces
_MODEL_SHARE = 0.005  # of the time that writing the model now and then may take
CLEARLY_WORSE = 2.0
"""How many times the least distance a step may have and still be taken for the best, being later."""


@dataclass
class Outcome:
    """What a training took and found.

    `seconds` are those of all resumed parts; `best_step` became the model, with the distance `best`;
    `least` is the least distance measured.
    """

    seconds: float
    evaluating: float = 0.0
    best_step: int | None = None
    best: float | None = None
    least: float | None = None


class Course:
    """Where a training stands, and what is done between its steps."""

    def __init__(
        self, task: Task, plan: Plan, folder: Path, screen: Screen, group: Group, identity: str
    ) -> None:
        self.task, self.plan, self.folder, self.screen = task, plan, folder, screen
        self.group, self.identity = group, identity
        self.checkpoints = folder / "checkpoints"
        self.metrics = Lines(folder / "metrics.jsonl")
        self.meter, self.step, self.attempt, self.found = Meter(), 0, 0, Outcome(0.0)
        self.watch = Watch(plan.steps, getattr(task, "count", 0))
        self.write_sample: Callable[[int, np.ndarray], None] | None = None
        self.write_model: Callable[[int], object] | None = None
        self.measure: Measure | None = None
        self.samples = set(plan.samples)
        self.reports = {*plan.evaluations, plan.steps}
        self.start = self.saved = self.modelled = time.monotonic()
        self.broken = ""
        self.late: dict[str, str] = {}  # said of faces that do not come, for the next line of metrics
        self.modelling = 0.0  # seconds that writing the model took
        if source := getattr(task, "supply", None):
            source.say = self._stalled

    def _stalled(self, line: str) -> None:
        """Say that faces do not come: by the process that waits, since the first one's may."""
        self.late = {"no faces": line}
        if self.group.first:
            self.screen.say(line)
        else:
            print(f"Process {self.group.rank}: {line}", file=sys.stderr, flush=True)

    def planned(self, step: int) -> bool:
        """Say whether a checkpoint of `step` does not depend on the clock: one to roll back to."""
        return step % self.plan.checkpoint_every == 0 or step == self.plan.steps

    def reports_now(self) -> bool:
        """Say whether a line of metrics is due; one always is where a planned checkpoint is."""
        every = (self.plan.report_every, self.plan.checkpoint_every)
        return self.step in self.reports or any(self.step % steps == 0 for steps in every)

    # -- to and fro ------------------------------------------------------------------------------

    def begin(self, spent: float) -> None:
        """Stand where the newest checkpoint stands, or at the start, and write that one down."""
        if self.group.first:
            checkpoint.sweep(self.checkpoints)
        kept = checkpoint.newest(self.checkpoints, self.screen.say) if self.group.first else None
        if kept is None and self.group.first and checkpoint.found(self.checkpoints):
            raise PhizError(
                f"No checkpoint below {self.checkpoints} is whole; --force starts {self.folder} anew."
            )
        if kept and kept.values.get("identity", self.identity) != self.identity:
            raise PhizError(
                f"{self.checkpoints} belong to another recipe or face set than {self.folder}; "
                "--force starts it anew."
            )
        if kept and kept.step > self.plan.steps:
            raise PhizError(
                f"{self.checkpoints} stand at step {kept.step:,}, and recipe.json plans {self.plan.steps:,} "
                f"alone: it was edited. Restore it, or --force starts {self.folder} anew."
            )
        if kept is None and self.group.first and (last := last_step(self.folder / "metrics.jsonl")):
            raise PhizError(
                f"{self.checkpoints} hold no checkpoint, and the training had come to step {last:,}: put "
                f"them back, or --force starts {self.folder} anew."
            )
        going_on = self.take(kept)
        self.start = time.monotonic() - (self.found.seconds if going_on else spent)
        if self.group.first and (lost := cut_back(self.folder / "metrics.jsonl", self.step, self.attempt)):
            self.screen.say(f"Warning: {lost}; the training itself is whole.")
        self.reported = (self.step, time.monotonic(), self._waited())
        if going_on:
            self.screen.say(f"Going on from step {self.step:,} of {self.plan.steps:,}.")
        elif self.group.first:
            _survive(self.screen, self.folder, self.save)

    def take(self, kept: Checkpoint | None) -> bool:
        """Go to where the first process's `kept` stands, in all processes; say whether there was one."""
        told = kept and {"step": kept.step, "values": kept.values}
        told = json.loads(self.group.text(json.dumps(told)))
        if told is None:
            if self.group.world > 1:  # begin with the same weights
                self.task.restore(self.group.tensors(self.task.tensors()))
            return False
        tensors = self.group.tensors(kept.tensors if kept else None)
        values = told["values"]
        if hasattr(self.task, "splits"):
            splits = max(values.get("splits", 1), self.task.splits)
            self.task.splits = min(splits, getattr(self.task, "most_splits", splits))
        self.task.restore({name: part for name, part in tensors.items() if name != "meter"})
        sums, counts = dict(tensors.get("meter", {})), values["reported"]
        if isinstance(counts, int):  # of an earlier phiz: one count for all
            counts = dict.fromkeys(sums, counts)
        self.meter = Meter(sums, dict(counts))
        self.step = told["step"]
        self.found = Outcome(**values.get("found", {"seconds": values["seconds"]}))
        self.watch.state = values.get("watch", {})
        self._attempt(values.get("attempt", 0))
        return True

    def _attempt(self, attempt: int) -> None:
        self.attempt = attempt
        if random := getattr(self.task, "random", None):
            random.attempt = attempt

    def roll_back(self) -> None:
        """Go back to the last planned checkpoint, and draw anew from there; next time to the one before it.

        A planned one where there is one: those that the clock calls for fall on other steps each time, and a
        run that was stopped and resumed would not equal one that never was.

        Raises:
            Surroundings: that was tried as often as it may be, or there is no checkpoint.
        """
        bad, attempt = self.step, self.attempt + 1
        kept = None
        if self.group.first:
            kept = self._before(bad, self.planned) or self._before(bad)
            if kept and attempt - kept.values.get("attempt", 0) > 1:  # the fault may lie in its weights
                earlier = self._before(kept.step - 1, self.planned)
                if earlier and attempt - earlier.values.get("attempt", 0) <= TRIES:
                    kept = earlier
        if not self.take(kept):
            raise Surroundings(
                f"{self.folder}: {self.broken} is no number before step {bad:,}, and there is no whole "
                f"checkpoint to go back to. {_LOWER}"
            )
        if attempt - self.attempt > TRIES:
            raise Surroundings(
                f"{self.folder}: {self.broken} is no number before step {bad:,}, after {TRIES} new tries "
                f"too; the last good state is kept. {_LOWER}"
            )
        self._attempt(attempt)
        if self.group.first:
            checkpoint.drop_after(self.checkpoints, self.step)
        self.reported = (self.step, time.monotonic(), self._waited())
        self.screen.say(
            f"Warning: {self.broken} was no number before step {bad:,}; going back to step {self.step:,} and "
            "drawing anew. If that comes often, lower the rates: --set generator.rate=..."
        )

    def _before(self, bad: int, which: Callable[[int], bool] = lambda step: True) -> Checkpoint | None:
        return checkpoint.newest(self.checkpoints, self.screen.say, lambda step: step <= bad and which(step))

    # -- between steps ---------------------------------------------------------------------------

    def report(self) -> bool:
        """Write a line of metrics; say whether all since the last are numbers."""
        count, means = self.meter.steps, self.meter.take()
        left_out = round(means.pop("masked", 0.0) * count)
        names = [name for name, value in means.items() if not np.isfinite(value)]
        broken = bool(left_out or names)
        self.broken = names[0] if names else "a gradient"
        step, measure = self.step, self.measure
        if measure and step in self.plan.evaluations and not broken:
            means |= self._evaluated(measure)
        if self.group.first:
            self._write(means, {"left_out": left_out or count} if broken else {})
        return not broken

    def _evaluated(self, measure: Measure) -> dict[str, float]:
        """Return what `measure` says of the faces of this step, by its name; nothing where that fails."""
        found: dict[str, float] = {}

        def evaluate() -> None:
            found[measure.name] = _evaluate(self.task, self.plan, self.step, measure, self.found)

        _survive(self.screen, self.folder, evaluate)
        return found

    def _write(self, means: dict[str, float], more: dict[str, Any]) -> None:
        now, waited = time.monotonic(), self._waited()
        before, at, waited_before = self.reported
        rate = (self.step - before) / max(now - at, 1e-9)
        waiting = (waited - waited_before) / max(now - at, 1e-9)
        self.reported = (self.step, now, waited)
        line = {
            "step": self.step,
            "images": self.step * self.task.batch,
            **({"attempt": self.attempt} if self.attempt else {}),
            **means,
            "seconds": round(now - self.start, 3),
            "images_per_second": round(rate * self.task.batch, 2),
            **({"reading": round(waiting, 3)} if waiting > _WORTH_SAYING else {}),
            **more,
        }
        warnings = self.watch.look(line)
        for text in warnings.values():
            self.screen.say(text)
        if warnings := self.late | warnings:
            line["warnings"], self.late = warnings, {}
        _survive(self.screen, self.folder, partial(self.metrics.add, line))
        self.screen.show(line)

    def _waited(self) -> float:
        return float(getattr(getattr(self.task, "supply", None), "seconds", 0.0))

    def sample(self) -> None:
        """Write the samples of a step."""
        write = self.write_sample
        if write:
            position = self.plan.position(self.step)
            _survive(self.screen, self.folder, lambda: write(self.step, self.task.sample(position)))

    def keep_safe(self, stopping: bool, model_every: float) -> None:
        """Write a checkpoint where one is due, and the model now and then; both where it has to stop."""
        step, last = self.step, self.step == self.plan.steps
        if self.planned(step) and hasattr(self.task, "networks"):
            self.group.check_same(self.task.networks())
        if not self.group.first:
            return
        due = self.planned(step)
        if not due and time.monotonic() - self.saved > CHECKPOINT_SECONDS:
            due = self.meter.sound()  # else the next report goes back
        if last or stopping:
            with disk(self.folder):
                self.save()
        elif due:
            _survive(self.screen, self.folder, self.save)
            self.saved = time.monotonic()
        assert self.write_model
        write = partial(self.write_model, self.found.best_step or step)
        if stopping and not last:
            _survive(self.screen, self.folder, write)
        elif (
            due and not last and self.saved - self.modelled > max(model_every, self.modelling / _MODEL_SHARE)
        ):
            _survive(self.screen, self.folder, write)
            self.modelled = time.monotonic()
            self.modelling = self.modelled - self.saved

    def save(self) -> None:
        """Write a checkpoint."""
        self.found.seconds = time.monotonic() - self.start
        values = {
            "seconds": self.found.seconds,
            "reported": self.meter.counts,
            "found": asdict(self.found),
            "attempt": self.attempt,
            "splits": getattr(self.task, "splits", 1),
            "watch": self.watch.state,
            "identity": self.identity,
        }
        self.metrics.sync()
        groups = self.task.tensors() | ({"meter": self.meter.sums} if self.meter.sums else {})
        checkpoint.save(self.checkpoints, Checkpoint(self.step, groups, values), self.planned)
        self.screen.note(f"Checkpoint at step {self.step}.")


def _evaluate(task: Task, plan: Plan, step: int, measure: Measure, found: Outcome) -> float:
    """Measure the faces of `step`; have the task keep them unless they are clearly worse than the best.

    A small measure cannot tell close generators apart, and the later of two is the better one more often
    than not, since rates fall to zero. So it only steps in where a training has gone astray.
    """
    start = time.monotonic()
    position = plan.position(step)
    value = measure(task.sample(position, measure.samples))
    found.least = value if found.least is None else min(value, found.least)
    if value <= CLEARLY_WORSE * found.least:
        found.best_step, found.best = step, value
        task.keep(position)
    found.evaluating += time.monotonic() - start
    return value


def _survive(screen: Screen, folder: Path, write: Callable[[], object]) -> None:
    """Write something a training can do without for a while: a fault is said, and training goes on."""
    try:
        write()
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        mend = "make room" if fault.errno in FULL else "see to the disk"
        screen.say(f"Warning: {folder}: {reason}; training goes on, {mend} before it ends.")
    except Surroundings as fault:
        screen.say(f"Warning: {fault} Training goes on; see to it before it ends.")
    except PhizError as fault:
        screen.say(f"Warning: {fault} Training goes on.")
    except (RuntimeError, MemoryError) as fault:  # memory is short for it, or what writes ONNX fails
        screen.say(f"Warning: {first_line(fault)}. What was to be made of it is left out; training goes on.")
