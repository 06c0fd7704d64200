"""train: pictures or a face set in, a run with a model out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phiz import artefacts
from phiz.errors import PhizError, Stopped, UsageError
from phiz.faceset import FaceSet
from phiz.model import Model, load
from phiz.verbs import automatic, processes, results, sources, words
from phiz.verbs.asked import check_apart, check_asked_once, check_length, numbers
from phiz.verbs.devices import device_of
from phiz.verbs.driving import (
    DEFAULT_MINUTES,
    Job,
    Trained,
    existing,
    go_on,
    need_torch,
    start,
)

if TYPE_CHECKING:
    import torch

    from phiz.training.distributed import Group
    from phiz.training.gan import GAN
    from phiz.training.recipe import Recipe
    from phiz.training.run import Run
    from phiz.training.transfer import Donor


def _follow(group: Group, source: Path, out: Path) -> Trained:
    """Train as one of the processes that the first one of `group` leads."""
    run = processes.told(group, out)
    if run is None:
        return Trained(out, model=None)
    try:
        return go_on(run, lambda run: processes.faces_of(run, source), _gan)
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
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    labels: str | Path | None = None,
    start_from: str | Path | None = None,
    prepare: str | None = None,
    evaluate_every: int | None = None,
    deterministic: bool = False,
    profile: bool = False,
    explain: bool = False,
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
        recipe: a recipe's name, the path of a recipe's JSON, or a Recipe; "auto" if None, which chooses for
            the faces, the device and the time there are (phiz.training.auto).
        settings: further changes to the recipe, {dotted key: value}, in Python or as text for `--set`.
        labels: "folders" or a CSV file, kept in the face set.
        start_from: a run or a model whose G and D the training starts from; what does not fit starts anew.
        prepare: how pictures are cut: "centre" (the default: the largest centred square of each), "auto",
            "human" or "anime" (faces are looked for and screened; see phiz.prepare).
        evaluate_every: steps from one evaluation to the next, 0 for none; if None, as often as 4 % of
            the time allow. A generator that has gone astray does not become the model.
        deterministic: on a CUDA GPU too, the same steps give the same bits, and a resumed run equals one that
            was never stopped; slower. On a CPU that is always so.
        profile: first say where the time of a step goes, and keep that as OUT/profile.txt.
        explain: say what the recipe auto has chosen, and why.
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
    need_torch()
    from phiz.training import recipe as recipes
    from phiz.training.precision import untouched

    out, changes = artefacts.named(out), recipes.texts(settings or {})
    recipe = str(recipe) if isinstance(recipe, Path) else recipe
    asked = {
        "source": str(source),
        **numbers(minutes=minutes, steps=steps, size=size, batch=batch, seed=seed),
        "device": str(device) if device is not None else None,
        "recipe": recipes.told_apart(recipe) if isinstance(recipe, recipes.Recipe) else recipe,
        "settings": changes or None,
        "labels": str(labels) if labels is not None else None,
        "start_from": str(start_from) if start_from is not None else None,
        **numbers(evaluate_every=evaluate_every),
    }
    check_length(asked["minutes"], asked["steps"])
    if prepare is not None:
        asked["prepare"] = sources.way_of_cutting(prepare)
    if deterministic:
        if device_of(asked["device"] or "auto").type == "mps":
            raise UsageError("--deterministic is for CUDA GPUs and CPUs; an Apple GPU has no such way.")
        asked["deterministic"] = True
    if profile:
        processes.only_one("phiz train --profile")
    with artefacts.alone(out, "training"), untouched():
        run = existing(out, asked, resume) if resume or not force else None
        if run and run.finished:
            lines = [f"{out} is done: {words.summary(run)}.", *(run.reasons * explain)]
            return Trained(out, load(out), lines)
        if run is not None:
            run.profile, run.explain = profile, explain
            return go_on(run, partial(_faces, source, labels), _gan)
        run = _new(out, asked, recipe, changes, force)
        run.profile, run.explain = profile, explain
        return start(run, partial(_faces, source, labels), force, _gan)


def _new(
    out: Path, asked: dict[str, Any], recipe: str | Recipe | None, settings: Mapping[str, str], force: bool
) -> Run:
    """Return a run that is to be written at `out`: what was asked for, and the whole recipe."""
    from phiz.training import recipe as recipes
    from phiz.training import run as runs
    from phiz.training import starting
    from phiz.training.transfer import Donor

    artefacts.check_target(out, "run", force)
    check_apart(out, force, asked["source"], asked["start_from"])
    check_asked_once(asked, settings)
    whole = recipe if isinstance(recipe, recipes.Recipe) else recipes.find(recipe or automatic.NAME)
    given = {key: asked[key] for key in ("size", "batch", "seed", "steps")}
    if given["size"] is None and artefacts.kind_of(Path(asked["source"])) == "faceset":
        given["size"] = FaceSet.open(asked["source"]).size
    whole = recipes.changed(whole, {key: str(value) for key, value in given.items() if value is not None})
    whole = recipes.changed(whole, settings)
    if asked["minutes"] is not None or whole.steps is None:
        asked["minutes"] = asked["minutes"] or DEFAULT_MINUTES
        whole = whole.model_copy(update={"steps": None})
    donor: Model | None = None
    if asked["start_from"] is not None:
        donor = load(asked["start_from"])
        whole = _starting_from(donor, whole, settings, asked)
    starting.check(whole, Donor.of(donor) if donor else None)
    place = device_of(asked["device"] or "auto")
    return runs.Run(out, asked, whole, str(place), donor=None if donor is None else donor.sha256)


def _starting_from(
    donor: Model, recipe: Recipe, settings: Mapping[str, str], asked: Mapping[str, Any]
) -> Recipe:
    """Return the recipe of a training that starts from `donor`."""
    from phiz.training import recipe as recipes

    network = donor.config.network.name
    if asked["recipe"] in (None, automatic.NAME):
        taken = {"network": automatic.network_of(donor, recipe), "z": donor.config.z}
        asked_for = {key: text for key, text in settings.items() if key.split(".")[0] in taken}
        recipe = recipes.changed(recipe.model_copy(update=taken), asked_for)
    elif network != recipe.network.name:
        raise PhizError(
            f'{donor.name} has a network "{network}" and shares nothing with "{recipe.network.name}" of '
            f"recipe {recipe.name}; choose a model made with that one."
        )
    return recipe


def _faces(source: str | Path, labels: str | Path | None, run: Run) -> FaceSet:
    """Open the faces of a run, and settle what depends on them, once."""
    from phiz.training import starting

    faces = sources.faces_of(run, source, labels)
    if _goes_on(run, faces) and run.recipe.outline:
        sources.say(run, "There is no outline stage, as the model to start from draws these faces already.")
        run.recipe = run.recipe.model_copy(update={"outline": None})
    starting.check_labels(run.recipe, faces.schema)
    automatic.settle(run, faces)
    return faces


def _goes_on(run: Run, faces: FaceSet) -> bool:
    """Say whether a new run starts from a model of these very faces, which it draws already.

    On other faces the outline stage pays, whatever a model draws (benchmarks/RESULTS.md). A recipe that is
    given whole, and what was set of the stage, stay as they were asked.
    """
    from phiz.training.recipe import RECIPES

    given = run.asked["recipe"] not in (None, *RECIPES)
    if run.plan is not None or run.donor is None or given:
        return False
    if any(key.split(".")[0] == "outline" for key in run.asked["settings"] or {}):
        return False
    return load(run.asked["start_from"]).config.faceset == faces.id


def _gan(run: Run, faces: FaceSet, device: torch.device, group: Group) -> Job:
    """Return the training of a generator."""
    from phiz.evaluation.during import Distance
    from phiz.training import gan
    from phiz.training.profiling import profile

    if run.recipe.compile and group.world > 1:
        raise UsageError("--set compile=true is for one process; leave it out with torchrun.")
    task = gan.GAN(run.recipe, faces, device, group)

    def prepare(fresh: bool) -> None:
        if fresh and run.donor and group.first:
            for line in task.start_from(_donor(run)):
                sources.say(run, line)
        _fit(run, task)

    return Job(
        task,
        lambda: Distance(faces),
        lambda step, made: results.write_sample(run.folder, step, made),
        lambda step: results.write_model(run, task, faces, step),
        lambda: words.beginning(run, faces),
        lambda: words.closing(run),
        prepare,
        partial(results.sample, 0),
        lambda: profile(task),
    )


def _fit(run: Run, task: GAN) -> None:
    """See that a step fits into memory, and that it runs at all where it is compiled or deterministic."""
    from phiz.training.fitting import fit

    try:
        fit(task, lambda line: sources.say(run, line) if task.group.first else None)
    except PhizError:
        raise
    except Exception as fault:
        said = next(iter(str(fault).strip().splitlines()), type(fault).__name__)
        if "deterministic" in said and run.asked.get("deterministic"):
            raise PhizError(f"--deterministic does not work with this recipe here ({said}).") from None
        if not run.recipe.compile:
            raise
        raise PhizError(f"torch.compile does not work here ({said}); leave --set compile=true out.") from None


def _donor(run: Run) -> Donor:
    """Open the model that a run starts from: the very one it was asked to start from."""
    from phiz.training.transfer import Donor

    model = load(run.asked["start_from"])
    if model.sha256 != run.donor:
        raise PhizError(
            f"{model.name} is not the model that {run.folder} was to start from ({model.hash}, not "
            f"{str(run.donor)[:16]}); --force starts anew with it."
        )
    return Donor.of(model)
