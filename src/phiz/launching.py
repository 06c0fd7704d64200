"""What a launcher of many processes, such as torchrun, tells each of them."""

from __future__ import annotations

import os

from phiz.errors import UsageError


def by_torchrun() -> bool:
    """Say whether torchrun has started this process, which may start it anew after a fault."""
    return "TORCHELASTIC_RESTART_COUNT" in os.environ


def launched(name: str, default: int | None = None) -> int:
    """Return a whole number that the launcher has set, or `default`.

    Raises:
        UsageError: it is no number, or there is none and no default.
    """
    text = os.environ.get(name, "").strip()
    if text.isdecimal():
        return int(text)
    if text or default is None:
        said = f"{name} is {text!r}" if text else f"WORLD_SIZE is set and {name} is not"
        raise UsageError(f"{said}: many processes are started by torchrun, which sets both.")
    return default
