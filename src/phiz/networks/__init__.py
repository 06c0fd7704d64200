"""Networks: one file an architecture, readable alone; a new one is a new file and a line here.

Each file has `Generator(size, z, **arguments)`, from (N, z) latents to (N, 3, size, size) pictures in
its `output_range`, and `Discriminator(size, **arguments)`, from pictures to (N,) logits; its `verdict` names
the layers, by what their names begin with, that come to these logits. A file of UPSCALERS has
`Upscaler(scale, **arguments)`, from pictures to larger ones, and `Discriminator(crop, **arguments)`. A
network knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from phiz.errors import UsageError, nearest

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "afad": "phiz.networks.afad",
    "dcgan": "phiz.networks.dcgan",
    "modern": "phiz.networks.modern",
    "slim": "phiz.networks.slim",
}
UPSCALERS = {
    "compact": "phiz.networks.compact",
    "srgan": "phiz.networks.srgan",
}
_MAY_BE_NONE = ("depth", "mapping")


def generator(name: str, **arguments: Any) -> nn.Module:
    """Build the generator of architecture `name`; its arguments are those of the file's class."""
    return _build(name, "Generator", arguments)


def discriminator(name: str, **arguments: Any) -> nn.Module:
    """Build the discriminator of architecture `name`; its arguments are those of the file's class."""
    return _build(name, "Discriminator", arguments, NETWORKS if name not in UPSCALERS else UPSCALERS)


def upscaler(name: str, **arguments: Any) -> nn.Module:
    """Build the upscaler of architecture `name`; its arguments are those of the file's class."""
    return _build(name, "Upscaler", arguments, UPSCALERS)


def takes(name: str, role: str) -> list[str]:
    """Return the names of the arguments of a network's "generator" or "discriminator"."""
    return _parameters(getattr(import_module(NETWORKS[name]), role.capitalize()))


def _parameters(kind: type[nn.Module]) -> list[str]:
    return list(signature(kind).parameters)


def _build(name: str, role: str, arguments: dict[str, Any], known: Mapping[str, str] = NETWORKS) -> nn.Module:
    if name not in known:
        raise UsageError(f'There is no network "{name}"; there are {", ".join(known)}.{nearest(name, known)}')
    kind = getattr(import_module(known[name]), role)
    known_keys = _parameters(kind)
    for key in arguments:
        if key not in known_keys:
            raise UsageError(
                f'The {role.lower()} of network "{name}" has no {key}.{nearest(key, known_keys)}'
            )
    try:
        for key, value in arguments.items():
            _check_counts(key, value)
        return kind(**arguments)  # type: ignore[no-any-return]
    except (TypeError, ValueError) as fault:
        raise UsageError(f'The {role.lower()} of network "{name}": {fault}.') from None


def _check_counts(key: str, value: Any) -> None:
    """Refuse numbers of channels, layers and the like that nothing can be built of (ValueError)."""
    least = 0 if key in _MAY_BE_NONE else 1
    listed = value if isinstance(value, list | tuple) else [value]
    if key == "widths" and not listed:
        raise ValueError("widths holds a number at least")
    if any(isinstance(one, float) for one in listed):
        raise ValueError(f"{key} is a whole number, not {value}")
    if any(isinstance(one, int) and one < least for one in listed):
        raise ValueError(f"{key} is {least} or more, not {value}")


def base_and_doublings(size: int) -> tuple[int, int]:
    """Split size = b * 2^k with b in 3..7 (and k as large as that allows): 96 -> (6, 4), 64 -> (4, 4)."""
    k = 0
    while size % 2 == 0 and size > 7:
        size, k = size // 2, k + 1
    return size, k
