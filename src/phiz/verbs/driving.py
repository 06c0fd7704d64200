"""What every training verb does: it plans, drives the loop, and writes what comes of it."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import phiz
from phiz import artefacts, stopping
from phiz.errors import MissingExtra, PhizError, Stopped, Surroundings, UsageError
from phiz.faceset import FaceSet
from phiz.screen import Silence, TrainingScreen
from phiz.verbs import processes, results, sources
from phiz.verbs.devices import own_device
from phiz.verbs.replacing import Aside

if TYPE_CHECKING:
    import numpy as np
    import torch

    from phiz.training.distributed import Group
    from phiz.training.loop import Measure
    from phiz.training.run import Run
    from phiz.training.tasks import Task

DEFAULT_MINUTES = 5.0
_LEAST_LEFT = 0.2  # the share of the minutes that is left for steps, however long it took to prepare them


@dataclass
class Trained:
    """What a training came to: the run's folder, its model, and lines that say so."""

    folder: Path
    model: Any
    lines: list[str] = field(default_factory=list)


@dataclass
class Job:
    """A training as the loop and a verb need it: a task, its measure, and what is written and said of it."""

    task: Task
    measure: Callable[[], Measure]
    write_sample: Callable[[int, np.ndarray], None]
    write_model: Callable[[int], Any]
    opening: Callable[[], list[str]]
    closing: Callable[[], list[str]]
    prepare: Callable[[bool], None] = lambda fresh: None
    """What is done before the first step; it is told whether the training begins, or goes on."""
    sheet: Callable[[np.ndarray], object] = len
    """What is made of samples, to be timed."""
    profile: Callable[[], list[str]] = list
    """Lines that say where the time of a step goes."""


MakeJob = Callable[["Run", FaceSet, "torch.device", "Group"], Job]


def need_torch() -> None:
    """Refuse to train where the extra is not installed (status 4)."""
    try:
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtra("Training", "train") from None


def existing(out: Path, asked: dict[str, Any], resume: bool) -> Run | None:
    """Return the run to go on with; None if there is none yet."""
    from phiz.training import run as runs
    from phiz.training.enlarging import UpscalingRecipe

    mended = runs.mended(out) if resume else None
    if not resume and (fault := runs.mendable(out)):
        raise PhizError(f"{fault}; the same command with --resume takes it from its copy and goes on.")
    if artefacts.kind_of(out) != "run":
        if resume:
            raise PhizError(f"{out} is no run, so nothing can be resumed; leave --resume out to start it.")
        return None
    run = runs.read(out)
    if mended:
        sources.say(run, mended)
    if isinstance(run.recipe, UpscalingRecipe) != ("scale" in asked):
        made_by = "train" if "scale" in asked else "train-upscaler"
        raise PhizError(f"{out} is a run of phiz {made_by}; go on with that, or choose another name.")
    if resume and not run.finished and _may_have_moved(run, Path(asked["source"])):
        asked = asked | {"source": None}
    runs.check_same(run, asked)
    if not run.finished and not resume:
        raise PhizError(
            f"{out} is an unfinished run: the same command with --resume goes on, --force starts anew."
        )
    return run


def _may_have_moved(run: Run, source: Path) -> bool:
    """Say whether it is no matter where `source` lies.

    The id of a face set says whether it is the same; pictures of the same name were cut already.
    """
    cut = run.faceset is not None and (run.folder / "faceset").exists()
    return artefacts.kind_of(source) == "faceset" or (cut and source.name == Path(run.asked["source"]).name)


def start(run: Run, faces_of: Callable[[Run], FaceSet], force: bool, make: MakeJob) -> Trained:
    """Write a new run's folder and fill it; where it cannot even be planned, leave what was there before.

    What `force` replaces lies beside it until the new one is finished. Where it replaces nothing, and it was
    stopped, the surroundings gave way or pictures of use were cut, what was prepared stays, to go on with.
    """
    from phiz.training import loop
    from phiz.training import run as runs
    from phiz.training.distributed import join

    aside = Aside(run.folder)
    if force and run.folder.exists():
        aside.put()
    try:
        with stopping.heeded_at_once(loop.grace(join())):
            run.write()
            faces = faces_of(run)
            run.write()
        return drive(run, faces, make)
    except BaseException as fault:
        if runs.planned(run.folder):
            raise
        cut = run.faceset is not None and (run.folder / "faceset").exists()
        cut &= not isinstance(fault, UsageError)  # another command is needed, to which this run is in the way
        lasting = (cut or isinstance(fault, Stopped | Surroundings)) and aside.newest is None
        lasting &= artefacts.kind_of(run.folder) == "run"  # else the disk was full at its first file
        if not lasting:
            aside.restore()
        if isinstance(fault, Stopped):
            kept = ", what was prepared is kept; the same command with --resume goes on" if lasting else ""
            raise Stopped(f"stopped before the first step{kept}.") from None
        raise


def go_on(run: Run, faces_of: Callable[[Run], FaceSet], make: MakeJob) -> Trained:
    """Open the faces of a run that is there, and train; a signal meanwhile is heeded at once."""
    from phiz.training import loop
    from phiz.training.distributed import join

    with _before_the_first_step(loop.grace(join())):
        faces = faces_of(run)
    return drive(run, faces, make)


def drive(run: Run, faces: FaceSet, make: MakeJob) -> Trained:
    """Plan where that is still to do, train, and write what comes of it.

    A signal while it plans is heeded at once, by many processes after the first step; one while the model is
    written lets that be done.
    """
    from phiz.training import loop
    from phiz.training.distributed import join

    group = join()
    with loop.watched(group) as stop:
        with _before_the_first_step() if group.world == 1 else nullcontext():
            job, measure, spent = _ready(run, faces, make, group)
        return _drive(run, job, measure, spent, group, stop)


@contextmanager
def _before_the_first_step(grace: float = 0.0) -> Iterator[None]:
    """Heed a signal at once: nothing is lost yet."""
    try:
        with stopping.heeded_at_once(grace):
            yield
    except Stopped:
        raise Stopped("stopped before the first step; the same command with --resume goes on.") from None


def _ready(run: Run, faces: FaceSet, make: MakeJob, group: Group) -> tuple[Job, Measure | None, float]:
    """Make the job of a run, and its plan where it has none; return it, its measure, and seconds spent."""
    from phiz.training import checkpoint, loop
    from phiz.training.precision import prepare

    started = time.monotonic() - run.spent
    processes.tell(group, run)
    device = own_device(run, group)
    group.begin(device)
    prepare(device, bool(run.asked.get("deterministic")))
    run.threads, run.processes = loop.deterministic(processes.threads(run, group)), group.world
    job = make(run, faces, device, group)
    job.prepare(not checkpoint.found(run.folder / "checkpoints"))
    planned = run.plan is not None
    if planned:
        if group.first:
            _check_versions(run)
        measure = None
    else:
        measure = _make_plan(run, job, group, started)
    assert run.plan
    if group.first:
        aside = Aside(run.folder)
        aside.drop(aside.unfinished)
        group.meeting.began()
    if run.plan.evaluations and measure is None and group.first:
        measure = job.measure()
    return job, measure, 0.0 if planned else time.monotonic() - started


def _drive(
    run: Run, job: Job, measure: Measure | None, spent: float, group: Group, stop: threading.Event
) -> Trained:
    """Train as planned, and write what comes of it."""
    from phiz.training import loop

    assert run.plan
    aside = Aside(run.folder)
    steps, folder = run.plan.steps, run.folder
    stages = [(stage.steps, stage.rate) for stage in run.plan.stages]
    with TrainingScreen(folder / "log.txt", stages) if group.first else Silence() as screen:
        for line in job.opening():
            screen.say(line)
        if run.profile and group.world == 1:
            with _before_the_first_step():
                _profile(folder, job.profile(), screen)
        if group.first and aside.newest:
            screen.say(f"The run that was here before lies in {aside.newest} until this one is done.")
        outcome = loop.run(
            job.task,
            run.plan,
            folder,
            write_sample=job.write_sample,
            write_model=job.write_model,
            screen=screen,
            spent=spent,
            measure=measure,
            group=group,
            identity=run.identity,
            stop=stop,
        )
        group.end()
        if not group.first:
            return Trained(folder, model=None)
        model = job.write_model(outcome.best_step or steps)
        results.write_film(run, model)
    run.finished = {"seconds": round(outcome.seconds, 3), "images": steps * job.task.batch}
    if measure and outcome.best_step:
        run.finished["best"] = {"step": outcome.best_step, measure.name: outcome.best}
        run.finished["evaluating"] = round(outcome.evaluating, 3)
    run.write()
    aside.drop(aside.old)
    return Trained(folder, model, job.closing())


def _profile(folder: Path, lines: list[str], screen: TrainingScreen | Silence) -> None:
    """Say where the time of a step goes, and keep it."""
    artefacts.write_bytes(folder / "profile.txt", ("\n".join(lines) + "\n").encode())
    for line in lines:
        screen.say(line)


def _make_plan(run: Run, job: Job, group: Group, started: float) -> Measure | None:
    """Fix the steps of a training and write them down; return the measure if one had to be timed for it.

    What has passed since `started` is of the minutes that were asked for.
    """
    import torch

    from phiz.training import plan

    def left() -> float:
        asked = 60 * float(run.asked["minutes"])
        return max(_LEAST_LEFT * asked, asked - (time.monotonic() - started))

    task, asked = job.task, run.asked.get("evaluate_every")
    measure: Measure | None = None
    if run.recipe.steps is not None:
        run.plan = plan.fixed(task, run.recipe.steps)
    elif asked is not None or not group.first:
        run.plan = plan.measured(task, left(), sheet=job.sheet)
    else:
        watch, start = job.measure(), plan.start_of(task)

        def evaluate(count: int) -> float:
            return watch(task.sample(start, count))

        run.plan = plan.measured(task, left(), evaluate, watch.samples, job.sheet)
        measure = watch
    if asked is not None:
        run.plan.evaluations = plan.every(run.plan, asked) if asked else []
    run.plan = plan.Plan.model_validate_json(group.text(run.plan.model_dump_json()))
    run.versions = {
        "phiz": phiz.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if group.first:
        run.write()
    return measure


def _check_versions(run: Run) -> None:
    import torch

    if run.versions and run.versions.get("torch") != torch.__version__:
        sources.say(run, f"Started with torch {run.versions['torch']}, going on with {torch.__version__}.")
