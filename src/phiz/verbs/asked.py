"""What was asked of a training, looked at before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any

from phiz.errors import PhizError, UsageError

_LONGEST = 10_000_000  # minutes: nineteen years


def check_length(minutes: float | None, steps: int | None) -> None:
    """Refuse a length that is given twice, or that no clock can show (UsageError)."""
    if minutes is not None and steps is not None:
        raise UsageError("Give --minutes or --steps, not both.")
    if minutes is not None and not 0 < minutes <= _LONGEST:
        raise UsageError(f"--minutes {minutes:g}: a number above 0 and up to {_LONGEST:,} is needed.")


def numbers(**given: Any) -> dict[str, Any]:
    """Return what was given as plain numbers, whole ones but for `minutes`; None as it is.

    Raises:
        UsageError: something else was given, or a whole number below 0.
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        try:
            if isinstance(value, str | bool):
                raise TypeError
            found[key] = value if value is None else float(value) if key == "minutes" else index(value)
            if key != "minutes" and (found[key] or 0) < 0:
                raise TypeError
        except TypeError:
            kind = "number" if key == "minutes" else "whole number from 0 on"
            raise UsageError(f"--{key.replace('_', '-')} {value!r}: a {kind} is needed.") from None
    return found


def check_apart(out: Path, force: bool, *given: str | Path | None) -> None:
    """Refuse to begin with something that what is begun would replace (PhizError)."""
    for path in given if force and out.exists() else ():
        if path is not None and Path(path).resolve().is_relative_to(out.resolve()):
            inside = f"{path} lies in {out}" if Path(path).resolve() != out.resolve() else f"{path} is needed"
            raise PhizError(f"{inside}, which this training would replace; choose another name for it.")


def check_asked_once(asked: Mapping[str, Any], settings: Mapping[str, str]) -> None:
    """Refuse `--set` where an option says otherwise (UsageError)."""
    for key in ("size", "batch", "seed", "steps", "scale"):
        if asked.get(key) is not None and settings.get(key, str(asked[key])) != str(asked[key]):
            raise UsageError(f"--{key} {asked[key]} and --set {key}={settings[key]} differ; leave one out.")
    if asked["minutes"] is not None and "steps" in settings:
        raise UsageError("Give --minutes or --set steps=..., not both.")
