"""train: pictures or a face set in, a run with a model out."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import phiz
from phiz import artefacts
from phiz.errors import MissingExtra, PhizError, Stopped, UsageError
from phiz.faceset import FaceSet
from phiz.model import Model, load
from phiz.screen import Silence, TrainingScreen
from phiz.verbs import processes, results, sources, words

if TYPE_CHECKING:
    import torch

    from phiz.evaluation.during import Distance
    from phiz.training.distributed import Group
    from phiz.training.gan import GAN
    from phiz.training.recipe import Recipe
    from phiz.training.run import Run
    from phiz.training.transfer import Donor

DEFAULT_MINUTES = 5.0


@dataclass
class Trained:
    """What a training came to: the run's folder, its model, and lines that say so."""

    folder: Path
    model: Model
    lines: list[str] = field(default_factory=list)


def _follow(group: Group, source: Path, out: Path) -> Trained:
    """Train as one of the processes that the first one of `group` leads."""
    run = processes.told(group, out)
    try:
        return _drive(run, processes.faces_of(run, source))
    except Stopped:
        raise SystemExit(Stopped.status) from None  # the first process says so


@processes.shared(_follow)
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
    profile: bool = False,
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
        profile: first say where the time of a step goes, and keep that as OUT/profile.txt.
        resume: go on with an unfinished run.
        force: replace a run that is there.

    Started by torchrun, many processes train one model (docs/many-processes.md).

    Returns:
        The run's folder and its model; of many processes, the first one's alone has a model.

    Raises:
        UsageError: no such recipe, key, size or device.
        PhizError: the pictures are missing or unusable, or `out` holds something else.
        MissingExtra: torch is not installed.
        Surroundings: the disk is full or the losses are no numbers; what was saved is whole.
        Stopped: a signal stopped it; everything is saved.
    """
    _need_torch()
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
        asked["prepare"] = sources.way_of_cutting(prepare)
    run = None if force else _existing(out, asked, resume)
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
        place = _device(device or "auto")
        whole = whole.model_copy(update={"precision": resolve(whole.precision, place)})
        run = runs.Run(out, asked, whole, str(place), donor=donor.sha256 if start_from is not None else None)
        run.profile = profile
        with artefacts.alone(out, "training"):
            return _start(run, source, labels, force)
    run.profile = profile
    with artefacts.alone(out, "training"):
        return _drive(run, sources.faces_of(run, source, labels))


def _need_torch() -> None:
    try:
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtra("Training", "train") from None


def _existing(out: Path, asked: dict[str, Any], resume: bool) -> Run | None:
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


def _device(name: str) -> torch.device:
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


def _start(run: Run, source: str | Path, labels: str | Path | None, force: bool) -> Trained:
    """Write a new run's folder and fill it; where its pictures are of no use, leave nothing behind."""
    old = run.folder.with_name(f".{run.folder.name}.old")
    if force and run.folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        run.folder.replace(old)
    fresh = not run.folder.exists()
    try:
        run.write()
        faces = sources.faces_of(run, source, labels)
        run.write()
    except BaseException:
        if fresh:
            shutil.rmtree(run.folder, ignore_errors=True)
        if old.exists():
            old.replace(run.folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return _drive(run, faces)


def _drive(run: Run, faces: FaceSet) -> Trained:
    """Plan where that is still to do, train, and write what comes of it."""
    from phiz.training import checkpoint, gan, loop
    from phiz.training.distributed import join
    from phiz.training.fitting import fit
    from phiz.training.precision import prepare

    started, group = time.monotonic(), join()
    processes.tell(group, run)
    device = _device(run.device)
    if group.world > 1 and device.type == "cuda":
        device = type(device)("cuda", group.local)
    group.begin(device)
    prepare(device)
    run.threads, run.processes = loop.deterministic(processes.threads(run, group)), group.world
    task = gan.GAN(run.recipe, faces, device, group)
    if run.donor and group.first and not checkpoint.found(run.folder / "checkpoints"):
        for line in task.start_from(_donor(run)):
            sources.say(run, line)
    if group.world == 1 and not checkpoint.found(run.folder / "checkpoints"):
        fit(task, lambda line: sources.say(run, line))
    planned = run.plan is not None
    if planned:
        if group.first:
            _check_versions(run)
        measure = None
    else:
        measure = _make_plan(run, task, faces)
    assert run.plan
    if run.plan.evaluations and measure is None and group.first:
        measure = _measure(faces)
    steps, folder = run.plan.steps, run.folder
    with TrainingScreen(folder / "log.txt", steps) if group.first else Silence() as screen:
        screen.say(words.opening(run, faces))
        if faces.schema:
            screen.say(words.labels(run, faces))
        if run.profile and group.world == 1:
            _profile(folder, task, screen)
        outcome = loop.run(
            task,
            run.plan,
            folder,
            write_sample=lambda step, faces_: results.write_sample(folder, step, faces_),
            write_model=lambda step: results.write_model(run, task, faces, step),
            screen=screen,
            spent=0.0 if planned else time.monotonic() - started,
            measure=measure,
            group=group,
            identity=run.identity,
        )
        group.end()
        if not group.first:
            return Trained(folder, model=None)  # type: ignore[arg-type]
        model = results.write_model(run, task, faces, outcome.best_step or steps)
        results.write_film(run, model)
    run.finished = {"seconds": round(outcome.seconds, 3), "images": steps * task.batch}
    if measure and outcome.best_step:
        run.finished["best"] = {"step": outcome.best_step, measure.name: outcome.best}
        run.finished["evaluating"] = round(outcome.evaluating, 3)
    run.write()
    return Trained(folder, model, words.closing(run))


def _profile(folder: Path, task: GAN, screen: TrainingScreen | Silence) -> None:
    """Say where the time of a step goes, and keep it."""
    from phiz.training.profiling import profile

    lines = profile(task)
    artefacts.write_bytes(folder / "profile.txt", ("\n".join(lines) + "\n").encode())
    for line in lines:
        screen.say(line)


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


def _measure(faces: FaceSet) -> Distance:
    """Return the measure that watches a training."""
    from phiz.evaluation.during import Distance

    return Distance(faces)


def _make_plan(run: Run, task: GAN, faces: FaceSet) -> Distance | None:
    """Fix the steps of a training and write them down; return the measure if one had to be timed for it."""
    import torch

    from phiz.training import plan

    group, sheet = task.group, partial(results.sample, 0)
    measure, asked = None, run.asked.get("evaluate_every")
    if run.recipe.steps is not None:
        run.plan = plan.fixed(task, run.recipe.steps)
    elif asked is not None or not group.first:
        run.plan = plan.measured(task, 60 * run.asked["minutes"], sheet=sheet)
    else:
        watch, start = _measure(faces), plan.start_of(task)
        seconds = 60 * run.asked["minutes"]
        run.plan = plan.measured(task, seconds, lambda: watch(task.sample(start, watch.samples)), sheet)
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
