"""What `phiz train` finds out before it plans: the quickest way to calculate, and what `auto` chooses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.model import Model
from phiz.verbs import processes
from phiz.verbs.devices import device_of

if TYPE_CHECKING:
    from phiz.training.precision import Precision
    from phiz.training.recipe import Network, Recipe
    from phiz.training.run import Run

NAME = "auto"
_OURS = ("modern", "slim")  # the networks that the recipe's losses and rates are made for
_SHARE = 0.8  # of the time is left for adversarial steps
_LONG_ENOUGH = 90.0  # seconds of training that make it worth trying several ways
_TRYING = 0.006  # the share of the time that each is tried for
_MOST = 2.0  # seconds
_KEYS = {
    "network": ("network.name", "network.generator.width", "network.discriminator.width"),
    "batch": ("batch",),
    "rates": ("generator.rate", "discriminator.rate"),
    "gamma": ("penalty.gamma", "penalty.gamma_end"),
    "outline": ("outline.share",),
    "augmentation": ("augment.strength", "augment.rise", "augment.adaptive", "augment.target"),
}
"""Which keys of a recipe each choice of `auto` decides."""


def settle(run: Run, faces: FaceSet) -> None:
    """Write into `run` how it calculates and, for the recipe `auto`, what is chosen for these faces, and why.

    It is done once: a run that was settled stays as it is. With steps instead of minutes nothing is measured,
    so that the same command gives the same training. What the user asked for by name stays as it was asked.
    """
    if run.plan is not None or run.reasons or run.calibration:
        return
    choosing = run.asked["recipe"] in (None, NAME)
    precision, rate = _calibrated(run, faces, choosing)
    if choosing:
        left = 60 * (run.asked.get("minutes") or 0) - run.spent
        _choose(run, faces, run.recipe.steps or max(1, round(_SHARE * left * rate)))
    run.recipe = run.recipe.model_copy(update={"precision": precision})


def _calibrated(run: Run, faces: FaceSet, choosing: bool) -> tuple[Precision, float]:
    """Return the precision to take, and steps a second where they were measured."""
    from phiz.training.calibration import calibrate
    from phiz.training.distributed import join
    from phiz.training.loop import deterministic
    from phiz.training.precision import prepare, resolve

    started, device, group = time.monotonic(), device_of(run.device), join()
    seconds = 60 * (run.asked.get("minutes") or 0)
    several = device.type == "cpu" and group.world == 1 and seconds >= _LONG_ENOUGH
    if run.recipe.steps is not None or not (several or choosing):
        return resolve(run.recipe.precision, device), 0.0
    prepare(device, bool(run.asked.get("deterministic")))
    deterministic(processes.threads(run, group))
    share = run.recipe.model_copy(update={"batch": max(2, run.recipe.batch // group.world)})
    found = calibrate(share, faces, device, min(_MOST, _TRYING * seconds), several, group.world == 1)
    if several:
        run.threads, run.calibration = found.threads, found.tried
    run.spent = time.monotonic() - started
    return found.precision, found.rate


def _choose(run: Run, faces: FaceSet, steps: int) -> None:
    """Have the rule write the recipe, but for what the user has set."""
    from phiz.training import auto, recipe
    from phiz.training.distributed import join

    settings = dict(run.asked.get("settings") or {})

    def asked(choice: str) -> bool:
        pairs = [(key, mine) for key in settings for mine in _KEYS[choice]]
        if choice == "batch":
            return run.asked.get("batch") is not None or "batch" in settings
        return any(key == mine or mine.startswith(f"{key}.") for key, mine in pairs)

    case = auto.Case(
        size=run.recipe.size,
        faces=len(faces),
        steps=steps,
        counted=run.recipe.steps is not None,
        flip=run.recipe.flip,
        keep_batch=asked("batch") or run.device != "cpu" or join().world > 1,
        network=run.recipe.network if run.donor or asked("network") else None,
        device="gpu" if run.device.startswith("cuda") else "cpu",
    )
    chosen, reasons = auto.choose(run.recipe, case)
    if run.recipe.outline is None:
        chosen = chosen.model_copy(update={"outline": None})
        reasons["outline"] = "outline none: G draws these faces already."
    run.recipe = recipe.changed(chosen, settings).model_copy(update={"steps": run.recipe.steps})
    run.reasons = [f"{name}: as you asked." if asked(name) else line for name, line in reasons.items()]
    for choice in ("rates", "gamma"):
        one = [key for key in _KEYS[choice] if key in settings]
        if len(one) == 1 and one != ["penalty.gamma"]:  # whoever sets what it begins with sets gamma
            place = list(reasons).index(choice)
            run.reasons[place] = f"{reasons[choice].removesuffix('.')}; {one[0]} as you asked."


def network_of(donor: Model, base: Recipe) -> Network:
    """Return the network of a model to start from, as `auto` goes on with it.

    Raises:
        PhizError: `auto` does not train such a network.
    """
    from phiz.training.recipe import Network

    name = donor.config.network.name
    if name not in _OURS:
        raise PhizError(
            f'{donor.name} has a network "{name}" and shares nothing with "{base.network.name}" of recipe '
            f"{base.name}; name the recipe that it was trained with: --recipe {donor.config.recipe}."
        )
    given: dict[str, Any] = dict(donor.config.network.arguments)
    for key in ("size", "z", "labels"):
        given.pop(key, None)
    critic = donor.config.discriminator
    if not critic and name == base.network.name:  # of a model from before they were kept
        critic = base.network.discriminator | ({"width": given["width"]} if "width" in given else {})
    return Network(name=name, generator=given, discriminator=critic)
