"""What long work shows: a bar with rate and time left on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

_PLAIN_SECONDS = 5.0


def _terminal() -> bool:
    return sys.stderr.isatty()


def tell(line: str, write: Callable[[str], object] | None = None) -> None:
    """Write a line for whoever watches; that nobody does any more, or can, is no fault of the work."""
    with suppress(OSError, ValueError):  # a broken pipe, a terminal that is gone, a closed or a full file
        if write:
            write(line)
        else:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def progress(doing: str, things: str, at_once: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, total) that shows how far some work is.

    Unless `at_once`, nothing is shown before it is first called: a question may come before.
    """
    start = time.monotonic()
    if _terminal():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(doing, total=None, rate="")

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - start, 1e-9)
            with suppress(OSError, ValueError):
                bar.start()
                bar.update(task, completed=done, total=total, rate=f"{rate:,.0f} {things}/s")

        if at_once:
            bar.start()
        try:
            yield show
        finally:
            with suppress(OSError, ValueError):
                bar.stop()
        return

    last = start

    def line(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _PLAIN_SECONDS:
            last = now
            tell(f"{doing}: {done:,} of {total:,} {things}")

    yield line


class TrainingScreen:
    """Shows a training's newest metrics, says lines, and keeps both in the run's log.txt.

    Args:
        log: that file.
        stages: of the training, in order: how many steps, and how many a second by the plan, if it says.
    """

    def __init__(self, log: Path, stages: Sequence[tuple[int, float | None]] = ()) -> None:
        self._log, self._stages = log, stages
        self._steps = sum(steps for steps, _ in stages)
        self._bar: Any = None
        self._last = 0.0
        self._first = (0.0, 0, -1)  # when, at which step and in which stage the pace is measured from

    def __enter__(self) -> TrainingScreen:
        if _terminal():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("step {task.completed:,}/{task.total:,}"),
                BarColumn(bar_width=24),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("measuring the machine", total=self._steps)
        return self

    def __exit__(self, *fault: object) -> None:
        if self._bar:
            with suppress(OSError, ValueError):
                self._bar.stop()

    def show(self, metrics: dict[str, Any]) -> None:
        """Show a line of metrics: images/s, losses, D's accuracy, time left."""
        step, now = metrics["step"], time.monotonic()
        text = describe(metrics, self._left(step, now))
        if self._bar:
            with suppress(OSError, ValueError):
                self._bar.update(self._task, completed=step, description=text)
        elif now - self._last > _PLAIN_SECONDS or step == self._steps:
            self._last = now
            tell(f"step {step:,}/{self._steps:,}  {text}")

    def _left(self, step: int, now: float) -> float | None:
        """Return the seconds left at the pace of this stage, and of later ones at that of the plan."""
        ends = list(accumulate(steps for steps, _ in self._stages))
        stage = next((i for i, end in enumerate(ends) if step <= end), len(ends) - 1)
        since, first, of = self._first
        if stage != of or step <= first:
            self._first = (now, step, stage)
            return None
        pace = (now - since) / (step - first)
        later = sum(steps / rate if rate else steps * pace for steps, rate in self._stages[stage + 1 :])
        return (ends[stage] - step) * pace + later

    def say(self, line: str) -> None:
        """Say one line and keep it in the log."""
        tell(line, self._bar and partial(self._bar.console.print, highlight=False, markup=False))
        self.note(line)

    def note(self, line: str) -> None:
        """Keep one line in the log."""
        try:
            with open(self._log, "a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
        except OSError:
            pass  # a full disk has been said already


class Silence:
    """The screen of a process that leaves speaking to another."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *fault: object) -> None:
        pass

    def show(self, metrics: dict[str, Any]) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def note(self, line: str) -> None:
        """Keep nothing."""


def describe(metrics: dict[str, Any], left: float | None) -> str:
    """Put a line of metrics into words."""
    parts = [f"{metrics['images_per_second']:,.0f} images/s"]
    if "loss_outline" in metrics:
        parts.append(f"outline {metrics['loss_outline']:.3f}")
    if "loss_pixel" in metrics:
        parts.append(f"pixels {metrics['loss_pixel']:.4f}")
    if "loss_d" in metrics:
        parts.append(f"D {metrics['loss_d']:.2f}  G {metrics['loss_g']:.2f}")
    if "accuracy_real" in metrics:
        parts.append(f"D right {metrics['accuracy_real']:.0%} real {metrics['accuracy_fake']:.0%} fake")
    parts += [f"distance {value:.3f}" for name, value in metrics.items() if name.startswith("frechet_")]
    if left is not None:
        parts.append(f"{duration(left)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Write seconds as people do: 45 s, 3:05 min, 2:10 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
