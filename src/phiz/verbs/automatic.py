"""What `phiz train` finds out before it plans: the quickest way to calculate, and what `auto` chooses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.model import Model
from phiz.verbs.driving import device_of

if TYPE_CHECKING:
    from phiz.training.recipe import Network, Recipe
    from phiz.training.run import Run

NAME = "auto"
_OURS = ("modern", "slim")  # the networks that the recipe's losses and rates are made for
_SHARE = 0.8  # of the time is left for adversarial steps
_LONG_ENOUGH = 90.0  # seconds of training that make it worth trying several ways
_TRYING = 0.006  # the share of the time that each is tried for
_MOST = 2.0  # seconds


def settle(run: Run, faces: FaceSet) -> None:
    """Write into `run` how it calculates and, for the recipe `auto`, what is chosen for these faces, and why.

    With steps instead of minutes nothing is measured, so that the same command gives the same training.
    What the user asked for by name stays as it was asked.
    """
    from phiz.training import auto, recipe
    from phiz.training.calibration import calibrate
    from phiz.training.precision import resolve

    device, alone = device_of(run.device), int(os.environ.get("WORLD_SIZE", 1))
    choosing = run.asked["recipe"] in (None, NAME)
    steps, counted, precision = run.recipe.steps, True, resolve(run.recipe.precision, device)
    if steps is None:
        seconds, counted = 60 * run.asked["minutes"], False
        several = seconds >= _LONG_ENOUGH and alone == 1 and device.type == "cpu"
        if several or choosing:
            fixed = run.recipe if several else run.recipe.model_copy(update={"precision": precision})
            found = calibrate(fixed, faces, device, min(_MOST, _TRYING * seconds))
            steps = max(1, round(_SHARE * seconds * found.rate * alone))
            if several:
                run.threads, precision, run.calibration = found.threads, found.precision, found.tried
    if choosing:
        assert steps is not None
        case = auto.Case(
            size=run.recipe.size,
            faces=len(faces),
            steps=steps,
            counted=counted,
            flip=run.recipe.flip,
            donor=run.recipe.network if run.donor else None,
        )
        chosen, run.reasons = auto.choose(run.recipe, case)
        if run.recipe.outline is None:
            chosen = chosen.model_copy(update={"outline": None})
        run.recipe = recipe.changed(chosen, dict(run.asked.get("settings") or {}))
    run.recipe = run.recipe.model_copy(update={"precision": precision})


def network_of(donor: Model, base: Recipe) -> Network:
    """Return the network of a model to start from, as `auto` goes on with it.

    Raises:
        PhizError: `auto` does not train such a network.
    """
    from phiz.training.recipe import Network

    name = donor.config.network.name
    if name not in _OURS:
        raise PhizError(
            f'{donor.path} has a network "{name}" and shares nothing with "{base.network.name}" of recipe '
            f"{base.name}; name the recipe that it was trained with: --recipe {donor.config.recipe}."
        )
    given: dict[str, Any] = dict(donor.config.network.arguments)
    for key in ("size", "z", "labels"):
        given.pop(key, None)
    critic = base.network.discriminator if name == base.network.name else {}
    if "width" in given and critic:
        critic = critic | {"width": given["width"]}
    return Network(name=name, generator=given, discriminator=critic)
