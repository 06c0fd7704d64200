"""train-upscaler: faces in, a run with a network that enlarges out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from phiz import artefacts, pictures, upscaler
from phiz.errors import PhizError, UsageError
from phiz.faceset import FaceSet
from phiz.model import load
from phiz.prepare.sources import close, open_sources
from phiz.verbs import enlarged, processes, sources, words
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

    from phiz.model import Model
    from phiz.training.degradations import Degradation
    from phiz.training.distributed import Group
    from phiz.training.enlarging import UpscalingRecipe
    from phiz.training.run import Run

_LOOKED_AT = 48
_LARGEST, _LEAST = 256, 64


def train_upscaler(
    source: str | Path,
    out: str | Path,
    *,
    scale: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    size: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    recipe: str | UpscalingRecipe | None = None,
    settings: Mapping[str, Any] | None = None,
    generator: str | Path | None = None,
    perceptual: str | Path | None = None,
    prepare: str | None = None,
    evaluate_every: int | None = None,
    resume: bool = False,
    force: bool = False,
) -> Trained:
    """Train a network that enlarges faces, and write a run.

    Args:
        source: a face set, or pictures, which are first cut into OUT/faceset.
        out: the run's folder.
        scale: 2 or 4; the recipe's if None, which is 4.
        minutes: wall clock from the first step to the last checkpoint; 5 if nothing says.
        steps: number of steps instead.
        size: side of the large faces. By default a face set's own; of pictures, theirs, at most 256; with
            `generator`, its size times the scale.
        batch, seed: instead of the recipe's.
        device: auto, cpu, cuda or mps.
        recipe: compact (the default), srgan, a recipe's JSON or an UpscalingRecipe.
        settings: further changes to the recipe, {dotted key: value}, in Python or as text for `--set`.
        generator: a run or a model whose own faces it is to enlarge; see phiz.training.spectra.
        perceptual: an ONNX file of a network that takes pictures: its maps are learned by, too, in the second
            stage; see phiz.training.perceptual.
        prepare: how pictures are cut: "centre" (the default), "auto", "human" or "anime".
        evaluate_every: steps from one evaluation to the next, 0 for none.
        resume: go on with an unfinished run.
        force: replace a run that is there.

    Raises:
        UsageError: no such recipe, key, scale, size or device.
        PhizError: the pictures are missing, unusable or smaller than the crop, or `out` holds something else.
        MissingExtra: torch is not installed.
        Surroundings: the disk is full or the losses are no numbers; what was saved is whole.
        Stopped: a signal stopped it; everything is saved.
    """
    need_torch()
    processes.only_one("phiz train-upscaler")
    from phiz.training import recipe as recipes
    from phiz.training.precision import untouched

    out, changes = artefacts.named(out), recipes.texts(settings or {})
    asked: dict[str, Any] = {
        "source": str(source),
        **numbers(scale=scale, minutes=minutes, steps=steps, size=size, batch=batch, seed=seed),
        "device": str(device) if device is not None else None,
        "recipe": recipe if recipe is None or isinstance(recipe, str) else recipe.name,
        "settings": changes or None,
        "generator": str(generator) if generator is not None else None,
        "perceptual": str(perceptual) if perceptual is not None else None,
        **numbers(evaluate_every=evaluate_every),
    }
    check_length(asked["minutes"], asked["steps"])
    if prepare is not None:
        asked["prepare"] = sources.way_of_cutting(prepare)
    with artefacts.alone(out, "training"), untouched():
        run = existing(out, asked, resume) if resume or not force else None
        if run and run.finished:
            return Trained(out, upscaler.load(out), [f"{out} is done: {words.summary(run)}."])
        if run is not None:
            return go_on(run, lambda run: sources.faces_of(run, source, None), _job)
        run = _new(out, asked, recipe, changes, force)
        return start(run, lambda run: sources.faces_of(run, source, None), force, _job)


def _new(
    out: Path,
    asked: dict[str, Any],
    recipe: str | UpscalingRecipe | None,
    settings: Mapping[str, str],
    force: bool,
) -> Run:
    """Return a run that is to be written at `out`: what was asked for, and the whole recipe."""
    from phiz.training import run as runs
    from phiz.training.perceptual import Perceptual

    artefacts.check_target(out, "run", force)
    check_apart(out, force, asked["source"], asked["generator"])
    check_asked_once(asked, settings)
    made = load(asked["generator"]) if asked["generator"] is not None else None
    if asked["perceptual"] is not None:
        if not Path(asked["perceptual"]).is_file():
            raise PhizError(f"{asked['perceptual']} does not exist; --perceptual takes the path of an .onnx.")
        Perceptual(asked["perceptual"])  # before any picture is cut
    whole = _recipe(recipe, asked, settings, asked["source"], made)
    if asked["minutes"] is not None or whole.steps is None:
        asked["minutes"] = asked["minutes"] or DEFAULT_MINUTES
        whole = whole.model_copy(update={"steps": None})
    device = str(device_of(asked["device"] or "auto"))
    return runs.Run(out, asked, whole, device, donor=made.sha256 if made else None)


def _recipe(
    recipe: str | UpscalingRecipe | None,
    asked: Mapping[str, Any],
    settings: Mapping[str, str],
    source: str | Path,
    generator: Model | None,
) -> UpscalingRecipe:
    """Return the whole recipe: what was asked for, and what follows from the faces there are."""
    from phiz.training import enlarging
    from phiz.training import recipe as recipes
    from phiz.training.precision import resolve

    whole = (
        recipes.find(recipe or "compact", enlarging.RECIPES)
        if recipe is None or isinstance(recipe, str)
        else recipe
    )
    given = {key: asked[key] for key in ("scale", "batch", "seed", "steps")}
    changes = {key: str(value) for key, value in given.items() if value is not None}
    if generator is not None and not any(key.startswith("degradations") for key in settings):
        share = {name: 0.7 * value for name, value in whole.degradations.items()}
        whole = whole.model_copy(update={"degradations": share | {enlarging.GENERATOR: 0.3}})
    whole = recipes.changed(whole, changes | dict(settings))
    if (enlarging.GENERATOR in whole.degradations) != (generator is not None):
        raise UsageError('The degradation "generator" and --generator MODEL belong together.')
    size = asked["size"] or ("size" in settings and whole.size) or _size(source, whole.scale, generator)
    if whole.crop < enlarging.LEAST:
        raise UsageError(
            f"--set crop={whole.crop}: an upscaler learns from crops of {enlarging.LEAST} px and more."
        )
    if size < enlarging.LEAST:
        raise PhizError(
            f"{source}: an upscaler learns from faces of {enlarging.LEAST} px and more, not of {size} px."
        )
    if whole.crop > size:
        if "crop" in settings:
            raise PhizError(
                f"{source}: faces of {size} px are smaller than the crop of {whole.crop}; "
                f"--set crop={size // 16 * 16} would fit."
            )
        whole = recipes.changed(whole, {"crop": str(size // 16 * 16)})
    whole = recipes.changed(whole, {"size": str(size)})
    return whole.model_copy(
        update={"precision": resolve(whole.precision, device_of(asked["device"] or "auto"))}
    )


def _size(source: str | Path, scale: int, generator: Model | None) -> int:
    """Return the side that large faces should have, by what there is."""
    if generator is not None:
        return generator.config.size * scale
    if artefacts.kind_of(Path(source)) == "faceset":
        return FaceSet.open(source).size
    sides = []
    opened = open_sources(source)
    try:
        for one in opened:
            for index, fetch in one.read():
                try:
                    sides.append(min(pictures.decode(fetch(), one.entries[index].name).size))
                except pictures.BadPicture:
                    continue
                if len(sides) == _LOOKED_AT:
                    break
    finally:
        close(opened)
    side = min(_LARGEST, median(sides)) if sides else _LARGEST
    return max((size for size in pictures.SIZES if size <= side), default=_LEAST)


def _job(run: Run, faces: FaceSet, device: torch.device, group: Group) -> Job:
    """Return the training of an upscaler."""
    from phiz.evaluation.fidelity import Error
    from phiz.training import spectra
    from phiz.training.enlarging import GENERATOR
    from phiz.training.fitting import fit
    from phiz.training.perceptual import Perceptual
    from phiz.training.upscaling import Upscaling

    more: dict[str, Degradation] = {}
    made = None
    if run.asked.get("generator"):
        model = _generator(run)
        sampled = model.sample(min(spectra.ENOUGH, 4 * len(faces)))
        more[GENERATOR] = spectra.Likeness.of(sampled, faces, run.recipe.scale)
        made = sampled[: enlarged.SHOWN]
    file = run.asked.get("perceptual")
    network = Perceptual(file) if file and run.recipe.sharp else None
    task = Upscaling(run.recipe, faces, device, more=more, perceptual=network)
    return Job(
        task,
        lambda: Error(task.large(task.held)),
        lambda step, made: enlarged.write_sample(run.folder, step, task, made),
        lambda step: enlarged.write_model(run, task, faces, step, made),
        lambda: enlarged.opening(run, faces),
        lambda: enlarged.closing(run),
        lambda fresh: fit(task, lambda line: sources.say(run, line)),
    )


def _generator(run: Run) -> Model:
    """Open the model whose faces an upscaler is fitted to: the very one that it was started with."""
    model = load(run.asked["generator"])
    if model.sha256 != run.donor:
        raise PhizError(
            f"{model.name} is not the model that {run.folder} was started with ({model.hash}, not "
            f"{str(run.donor)[:16]}); --force starts anew with it."
        )
    return model
