"""Ages among labels: which label tells them, and how young a face may be by what it says."""

from __future__ import annotations

import re

ADULT = 18
_AGE = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
_BELOW = re.compile(r"<|\b(?:under|below|less than|up to|younger than)\b", re.IGNORECASE)
_YOUNG = re.compile(
    r"\b(?:bab(?:y|ies)|infants?|toddlers?|child(?:ren)?|kids?|teens?|teenagers?|minors?|underage)\b",
    re.IGNORECASE,
)


def is_age(attribute: str) -> bool:
    """Say whether a label of this name tells ages."""
    return attribute.strip().lower() == "age"


def is_minor(text: str) -> bool:
    """Say whether an age may be below 18: 17, 017, 10-19, 10 to 19, (8, 12), 10s, 17 years, <18, teen.

    The first number decides; -1, an unknown age in many tables, and other words tell nothing.
    """
    found = _AGE.search(text)
    if found is None or text.strip().startswith("-"):
        return _YOUNG.search(text) is not None
    return float(found[0]) < ADULT or _BELOW.search(text[: found.start()]) is not None
