"""What is looked at before a training begins: do recipe, networks, labels and donor go together?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import ismethod

import torch
from torch import nn

from phiz import networks
from phiz.errors import PhizError, UsageError
from phiz.pictures import SIZES
from phiz.training import transfer
from phiz.training.augment import LIMIT
from phiz.training.fitting import short
from phiz.training.recipe import Recipe
from phiz.training.transfer import Donor, Taken


def check(recipe: Recipe, donor: Donor | None) -> None:
    """Build the networks of `recipe`, without labels, and see what `donor` gives them.

    Raises:
        UsageError: the networks do not take their arguments or their penalty, the augmentation is too
            strong, or freeze asks for what there is not.
        PhizError: the donor has nothing to give, or not the layers that are to be frozen.
    """
    name, size = recipe.network.name, recipe.size
    try:
        g = networks.generator(name, size=size, z=recipe.z, **recipe.network.generator)
        d = networks.discriminator(name, size=size, **recipe.network.discriminator)
    except (RuntimeError, MemoryError) as fault:
        if not short(fault):
            raise
        raise PhizError(f"The networks of {name} do not fit into memory: take narrower ones.") from None
    _check_penalty(recipe, d)
    if recipe.augment and recipe.augment.strength > LIMIT:
        raise UsageError(
            f"--set augment.strength={recipe.augment.strength:g}: beyond {LIMIT:g} changes leak into the "
            "made faces; take that at most."
        )
    if donor is None:
        if recipe.freeze:
            raise UsageError(f"--set freeze={recipe.freeze} keeps layers of a model: name one with --from.")
        return
    if transfer.generator(g, donor, {}).share < transfer.LEAST:
        raise PhizError(f"{donor.name} shares nothing with {name} of {size} px. {_way_out(recipe, donor)}")
    _check_frozen(recipe.freeze, d, transfer.discriminator(d, donor, {}, size), donor)


def check_labels(recipe: Recipe, schema: Mapping[str, Sequence[str]]) -> None:
    """Refuse labels of faces that the networks of `recipe` do not take (UsageError)."""
    name = recipe.network.name
    for label in (label for label, values in schema.items() if recipe.conditional and not values):
        raise UsageError(
            f'No face has a value of "{label}", so nothing can be learned of it: prepare the faces anew, '
            "which leaves it out, or --set conditional=false learns them without labels."
        )
    if recipe.conditional and schema and "labels" not in networks.takes(name, "generator"):
        raise UsageError(
            f'The network "{name}" takes no labels, and these faces have {", ".join(schema)}: '
            "--set conditional=false learns the faces without them."
        )


def _check_penalty(recipe: Recipe, critic: nn.Module) -> None:
    """Refuse an estimate where two looks at one picture differ by more than the picture."""
    if recipe.penalty is None or recipe.penalty.kind == "exact":
        return
    if any(isinstance(module, nn.BatchNorm2d | nn.Dropout) for module in critic.modules()):
        raise UsageError(
            "A finite difference needs a D that says the same twice, and that of "
            f'"{recipe.network.name}" has batch norm or dropout: --set penalty.kind=exact.'
        )


def _way_out(recipe: Recipe, donor: Donor) -> str:
    sizes = [str(size) for size in SIZES if size != recipe.size and _fits(recipe, donor, size)]
    if not sizes:
        return "Take the network and the widths that it has, or leave --from out."
    *most, last = sizes
    fitting = f"{', '.join(most)} and {last}" if most else last
    return f"A model of {donor.size} px goes with {fitting} px."


def _fits(recipe: Recipe, donor: Donor, size: int) -> bool:
    """Say whether the donor has enough of a G of this size, which is built without memory of its own."""
    with torch.device("meta"):
        network = networks.generator(recipe.network.name, size=size, z=recipe.z, **recipe.network.generator)
    state, given = network.state_dict(), donor.generator
    fits = [value for name, value in state.items() if name in given and given[name].shape == value.shape]
    return sum(v.numel() for v in fits) >= transfer.LEAST * sum(v.numel() for v in state.values())


def _check_frozen(freeze: int, critic: nn.Module, taken: Taken, donor: Donor) -> None:
    if not freeze:
        return
    found = getattr(critic, "layers", None)
    layers: list[nn.Module] = found() if ismethod(found) else []
    if freeze > len(layers):
        raise UsageError(f"--set freeze={freeze}: D of this network has {len(layers)} layers to freeze.")
    names = {module: name for name, module in critic.named_modules()}
    for layer in layers[:freeze]:
        name = names[layer]
        if any(anew == name or anew.startswith(f"{name}.") for anew in taken.anew):
            raise PhizError(
                f"--set freeze={freeze}: {donor.name} has no layer {name} that fits D, so there is nothing "
                f"to keep; leave freeze out, or take faces of {donor.size} px."
            )
