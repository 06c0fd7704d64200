"""Networks: one file an architecture, readable alone; a new one is a new file and a line here.

Each file has `Generator(size, z, **arguments)`, from (N, z) latents to (N, 3, size, size) pictures in
its `output_range`, and `Discriminator(size, **arguments)`, from pictures to (N,) logits. A network knows
nothing of training.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from phiz.errors import PhizError, UsageError, nearest

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "afad": "phiz.networks.afad",
    "dcgan": "phiz.networks.dcgan",
    "modern": "phiz.networks.modern",
    "slim": "phiz.networks.slim",
}


def generator(name: str, **arguments: Any) -> nn.Module:
    """Build the generator of architecture `name`; its arguments are those of the file's class."""
    return _build(name, "Generator", arguments)


def discriminator(name: str, **arguments: Any) -> nn.Module:
    """Build the discriminator of architecture `name`; its arguments are those of the file's class."""
    return _build(name, "Discriminator", arguments)


def _build(name: str, role: str, arguments: dict[str, Any]) -> nn.Module:
    if name not in NETWORKS:
        raise UsageError(
            f'There is no network "{name}"; there are {", ".join(NETWORKS)}.{nearest(name, NETWORKS)}'
        )
    try:
        return getattr(import_module(NETWORKS[name]), role)(**arguments)
    except TypeError as fault:
        raise PhizError(f'Network "{name}" does not take these arguments: {fault}.') from None


def base_and_doublings(size: int) -> tuple[int, int]:
    """Split size = b * 2^k with b in 3..7 (and k as large as that allows): 96 -> (6, 4), 64 -> (4, 4)."""
    k = 0
    while size % 2 == 0 and size > 7:
        size, k = size // 2, k + 1
    return size, k
