"""Ages among labels: which label tells them, and how young a face may be by what it says."""

from __future__ import annotations

import re

ADULT = 18
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(?:-|\N{EN DASH}|to)\s*\d+(?:\.\d+)?)?\s*")


def is_age(attribute: str) -> bool:
    """Say whether a label of this name tells ages."""
    return attribute.strip().lower() == "age"


def is_minor(text: str) -> bool:
    """Say whether an age, 17 or 017 or 10-19 or 10 to 19, may be below 18; other words tell nothing."""
    found = _AGE.fullmatch(text)
    return found is not None and float(found[1]) < ADULT
