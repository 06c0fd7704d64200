"""train: pictures or a face set in, a run with a model out."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import phiz
from phiz import artefacts
from phiz.errors import MissingExtra, PhizError, UsageError, nearest
from phiz.faceset import FaceSet
from phiz.model import load
from phiz.pictures import check_size
from phiz.screen import TrainingScreen, duration, progress
from phiz.verbs import results, words

if TYPE_CHECKING:
    import numpy as np
    import torch

    from phiz.training.loop import Measure
    from phiz.training.recipe import Recipe
    from phiz.training.run import Run
    from phiz.training.tasks import Task
    from phiz.training.transfer import Donor

DEFAULT_MINUTES = 5.0
_CUTS = ("centre", "auto", "human", "anime")


@dataclass
class Trained:
    """What a training came to: the run's folder, its Model or Upscaler, and lines that say so."""

    folder: Path
    model: Any
    lines: list[str] = field(default_factory=list)


def train(
    source: str | Path,
    out: str | Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    size: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    recipe: str | Recipe | None = None,
    settings: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    start_from: str | Path | None = None,
    prepare: str | None = None,
    evaluate_every: int | None = None,
    resume: bool = False,
    force: bool = False,
) -> Trained:
    """Train a generator on face pictures and write a run.

    Args:
        source: a face set, or pictures (a zip, a tar, a folder), which are first cut into OUT/faceset.
        out: the run's folder.
        minutes: wall clock from the first step to the last checkpoint; 5 if neither this nor `steps` is
            given by anyone.
        steps: number of steps instead.
        size, batch, seed: instead of the recipe's; a face set brings its size with it.
        device: auto, cpu, cuda or mps.
        recipe: a recipe's name, the path of a recipe's JSON, or a Recipe; "quick" if None.
        settings: further changes to the recipe, {dotted key: value}.
        labels: "folders" or a CSV file, kept in the face set.
        start_from: a run or a model whose G and D the training starts from; what does not fit starts anew.
        prepare: how pictures are cut: "centre" (the default: the largest centred square of each), "auto",
            "human" or "anime" (faces are looked for and screened; see phiz.prepare).
        evaluate_every: steps from one evaluation to the next, 0 for none; if None, as often as 4 % of
            the time allow. A generator that has gone astray does not become the model.
        resume: go on with an unfinished run.
        force: replace a run that is there.

    Returns:
        The run's folder and its model.

    Raises:
        UsageError: no such recipe, key, size or device.
        PhizError: the pictures are missing or unusable, or `out` holds something else.
        MissingExtra: torch is not installed.
        Surroundings: the disk is full or the losses are no numbers; what was saved is whole.
        Stopped: a signal stopped it; everything is saved.
    """
    need_torch()
    from phiz.training import recipe as recipes
    from phiz.training import run as runs
    from phiz.training.precision import resolve

    out = Path(out)
    if minutes is not None and steps is not None:
        raise UsageError("Give --minutes or --steps, not both.")
    asked = {
        "source": str(source),
        "minutes": minutes,
        "steps": steps,
        "size": size,
        "batch": batch,
        "seed": seed,
        "device": device,
        "recipe": recipe.name if isinstance(recipe, recipes.Recipe) else recipe,
        "settings": dict(settings) if settings else None,
        "labels": str(labels) if labels is not None else None,
        "start_from": str(start_from) if start_from is not None else None,
        "evaluate_every": evaluate_every,
    }
    if prepare is not None:
        asked["prepare"] = way_of_cutting(prepare)
    run = None if force else existing(out, asked, resume)
    if run and run.finished:
        return Trained(out, load(out), [f"{out} is done: {words.summary(run)}."])
    if run is None:
        artefacts.check_target(out, "run", force)
        whole = recipe if isinstance(recipe, recipes.Recipe) else recipes.find(recipe or "quick")
        if size is None and artefacts.kind_of(Path(source)) == "faceset":
            size = FaceSet.open(source).size
        given = {"size": size, "batch": batch, "seed": seed, "steps": steps}
        whole = recipes.changed(whole, {key: str(value) for key, value in given.items() if value is not None})
        whole = recipes.changed(whole, settings or {})
        if minutes is not None or whole.steps is None:
            asked["minutes"] = minutes or DEFAULT_MINUTES
            whole = whole.model_copy(update={"steps": None})
        if start_from is not None:
            donor = load(start_from)
            if donor.config.network.name != whole.network.name:
                raise PhizError(
                    f'{donor.path} has a network "{donor.config.network.name}" and shares nothing with '
                    f'"{whole.network.name}" of recipe {whole.name}; choose a model made with that one.'
                )
            if (donor.config.size, donor.config.z) == (whole.size, whole.z):
                whole = whole.model_copy(update={"outline": None})  # G draws faces already
        place = device_of(device or "auto")
        whole = whole.model_copy(update={"precision": resolve(whole.precision, place)})
        run = runs.Run(out, asked, whole, str(place), donor=donor.sha256 if start_from is not None else None)
        with artefacts.alone(out, "training"):
            return start(run, source, labels, force)
    with artefacts.alone(out, "training"):
        return drive(run, faces_of(run, source, labels))


def way_of_cutting(word: str) -> str:
    """Refuse a way of cutting that is not known (status 2)."""
    if word not in _CUTS:
        raise UsageError(f"--prepare {word}: there are {', '.join(_CUTS)}.{nearest(word, _CUTS)}")
    return word


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

    if artefacts.kind_of(out) != "run":
        if resume:
            raise PhizError(f"{out} is no run, so nothing can be resumed; leave --resume out to start it.")
        return None
    run = runs.read(out)
    runs.check_same(run, asked)
    if not run.finished and not resume:
        raise PhizError(
            f"{out} is an unfinished run: the same command with --resume goes on, --force starts anew."
        )
    return run


def device_of(name: str) -> torch.device:
    """Return the device called `name`; auto takes the quickest there is."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, found in there.items() if found)
    kind = name.split(":")[0]
    if kind not in there:
        raise UsageError(f'There is no device "{name}"; there are auto, cpu, cuda and mps.')
    if not there[kind]:
        raise PhizError(f"This machine has no usable {kind} device; --device auto takes what there is.")
    return torch.device(name)


def start(
    run: Run, source: str | Path, labels: str | Path | None, force: bool, job: MakeJob | None = None
) -> Trained:
    """Write a new run's folder and fill it; where its pictures are of no use, leave nothing behind."""
    old = run.folder.with_name(f".{run.folder.name}.old")
    if force and run.folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        run.folder.replace(old)
    fresh = not run.folder.exists()
    try:
        run.write()
        faces = faces_of(run, source, labels)
        run.write()
    except BaseException:
        if fresh:
            shutil.rmtree(run.folder, ignore_errors=True)
        if old.exists():
            old.replace(run.folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return drive(run, faces, job)


def faces_of(run: Run, source: str | Path, labels: str | Path | None) -> FaceSet:
    """Open the face set of a run, cutting pictures into RUN/faceset where `source` is none."""
    from phiz.training.enlarging import UpscalingRecipe
    from phiz.verbs.prepare import prepare

    source = Path(source)
    size = run.recipe.size
    way = run.asked.get("prepare")
    if artefacts.kind_of(source) == "faceset":
        if way is not None:
            raise UsageError(f"{source} is a face set, cut already; leave --prepare out.")
        faces = FaceSet.open(source)
        if labels is not None:
            raise UsageError(f"{source} is a face set and has its labels already; leave --labels out.")
        if faces.size != size and not (isinstance(run.recipe, UpscalingRecipe) and faces.size > size):
            raise PhizError(
                f"{source} holds faces of {faces.size} px, not {size}: add --size {faces.size}, or train "
                "on the pictures it was made from."
            )
    else:
        check_size(size)
        start = time.monotonic()
        with progress("packing", "pictures") as tick:
            faces = prepare(
                source,
                run.folder / "faceset",
                size=size,
                detector="none" if way in (None, "centre") else way,
                labels=labels,
                progress=tick,
                warn=_hush if way in (None, "centre") else lambda line: _say(run, line),
            )
        if run.plan is None:
            _say(run, f"Packed {len(faces):,} faces of {size} px in {duration(time.monotonic() - start)}.")
            found = faces.made.get("detector") or {}
            if way == "auto" and found:
                _say(run, f"Detector: {found['name']}, as {found['why']}.")
            rejected = faces.rejected()
            if rejected:
                _say(run, f"Set aside {len(rejected):,} pictures, first {rejected[0][0]}: {rejected[0][1]}.")
    if len(faces) < 16:
        raise PhizError(f"{source}: {len(faces)} faces are too few to learn from; 16 are the least.")
    if run.faceset and run.faceset != faces.id:
        raise PhizError(
            f"{faces.path} is not the face set {run.folder} was started on (id {faces.id[:12]}, not "
            f"{run.faceset[:12]}); --force starts anew with it."
        )
    run.faceset = faces.id
    return faces


def _hush(line: str) -> None:
    pass


def _say(run: Run, line: str) -> None:
    TrainingScreen(run.folder / "log.txt", 0).say(line)


@dataclass
class Job:
    """A training as the loop and a verb need it: a task, its measure, and what is written and said of it."""

    task: Task
    measure: Callable[[], Measure]
    write_sample: Callable[[int, np.ndarray], None]
    write_model: Callable[[int], Any]
    opening: Callable[[], list[str]]
    closing: Callable[[], list[str]]


MakeJob = Callable[["Run", FaceSet], Job]


def _gan(run: Run, faces: FaceSet) -> Job:
    """Return the training of a generator."""
    from phiz.evaluation.during import Distance
    from phiz.training import checkpoint, gan

    task = gan.GAN(run.recipe, faces, device_of(run.device))
    if run.donor and not checkpoint.found(run.folder / "checkpoints"):
        for line in task.start_from(_donor(run)):
            _say(run, line)
    return Job(
        task,
        lambda: Distance(faces),
        lambda step, made: results.write_sample(run.folder, step, made),
        lambda step: results.write_model(run, task, faces, step),
        lambda: [words.opening(run, faces), *([words.labels(run, faces)] if faces.schema else [])],
        lambda: words.closing(run),
    )


def drive(run: Run, faces: FaceSet, make: MakeJob | None = None) -> Trained:
    """Plan where that is still to do, train, and write what comes of it."""
    from phiz.training import loop

    started = time.monotonic()
    run.threads = loop.deterministic(run.threads)
    job = (make or _gan)(run, faces)
    planned = run.plan is not None
    if planned:
        _check_versions(run)
        measure = None
    else:
        measure = _make_plan(run, job)
    assert run.plan
    if run.plan.evaluations and measure is None:
        measure = job.measure()
    steps, folder = run.plan.steps, run.folder
    with TrainingScreen(folder / "log.txt", steps) as screen:
        for line in job.opening():
            screen.say(line)
        outcome = loop.run(
            job.task,
            run.plan,
            folder,
            write_sample=job.write_sample,
            write_model=job.write_model,
            screen=screen,
            spent=0.0 if planned else time.monotonic() - started,
            measure=measure,
        )
        model = job.write_model(outcome.best_step or steps)
        results.write_film(run, model)
    run.finished = {"seconds": round(outcome.seconds, 3), "images": steps * job.task.batch}
    if measure and outcome.best_step:
        run.finished["best"] = {"step": outcome.best_step, measure.name: outcome.best}
        run.finished["evaluating"] = round(outcome.evaluating, 3)
    run.write()
    return Trained(folder, model, job.closing())


def _donor(run: Run) -> Donor:
    """Open the model that a run starts from: the very one it was asked to start from."""
    from phiz.training.transfer import Donor

    model = load(run.asked["start_from"])
    if model.sha256 != run.donor:
        raise PhizError(
            f"{model.path} is not the model that {run.folder} was to start from ({model.hash}, not "
            f"{str(run.donor)[:16]}); --force starts anew with it."
        )
    return Donor.of(model)


def _make_plan(run: Run, job: Job) -> Measure | None:
    """Fix the steps of a training and write them down; return the measure if one had to be timed for it."""
    import torch

    from phiz.training import plan

    measure, task, asked = None, job.task, run.asked.get("evaluate_every")
    if run.recipe.steps is not None:
        run.plan = plan.fixed(task, run.recipe.steps)
    elif asked is not None:
        run.plan = plan.measured(task, 60 * run.asked["minutes"])
    else:
        watch, start = job.measure(), plan.start_of(task)
        seconds = 60 * run.asked["minutes"]
        run.plan = plan.measured(task, seconds, lambda: watch(task.sample(start, watch.samples)))
        measure = watch
    if asked is not None:
        run.plan.evaluations = plan.every(run.plan, asked) if asked else []
    run.versions = {
        "phiz": phiz.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    run.write()
    return measure


def _check_versions(run: Run) -> None:
    import torch

    if run.versions and run.versions.get("torch") != torch.__version__:
        _say(run, f"Started with torch {run.versions['torch']}, going on with {torch.__version__}.")
