"""The values of one attribute: text as it stands, many numbers as ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

from phiz.prepare.names import natural

MOST_NUMBERS = 20
"""More different numbers than this are put into ranges."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})?")
_FEWEST, _IDEAL, _MOST = 4, 8, 16


def values_of(texts: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return an attribute's values in order, and the value that each different text stands for.

    Up to 20 different numbers, and any words, stand as they are, in natural order; of texts for one
    number, such as 1 and 1.0, the shortest stands for all. More than 20 different numbers become ranges
    of one width, only those that occur: "20-29" holds the whole numbers 20 to 29, "0.5-0.6" all from 0.5
    up to, not including, 0.6. Codes with leading zeros are words, not numbers.
    """
    found = set(texts)
    if is_numbers(found):
        if len({Decimal(text) for text in found}) > MOST_NUMBERS:
            of = _ranges(found)
            return list(dict.fromkeys(of.values())), of
        shortest: dict[Decimal, str] = {}
        for text in sorted(found, key=lambda text: (Decimal(text), len(text), text)):
            shortest.setdefault(Decimal(text), text)
        return list(shortest.values()), {text: shortest[Decimal(text)] for text in found}
    ordered = sorted(found, key=natural)
    return ordered, {text: text for text in ordered}


def is_numbers(texts: Iterable[str]) -> bool:
    """Say whether all of the texts are numbers."""
    return all(_NUMBER.fullmatch(text) for text in texts)


def _ranges(texts: set[str]) -> dict[str, str]:
    numbers = sorted((Decimal(text), text) for text in texts)
    low, high = numbers[0][0], numbers[-1][0]
    whole = all(number == number.to_integral_value() for number, _ in numbers)
    width = _width(low, high, whole)
    return {text: _name(_step(number, width), width, whole) for number, text in numbers}


def _width(low: Decimal, high: Decimal, whole: bool) -> Decimal:
    """Choose 1, 2 or 5 times a power of ten: tens where they give 4 to 16 ranges, else nearest to 8."""
    top = (high - low).adjusted() if high > low else 0
    widths = [Decimal(base).scaleb(power) for power in range(top - 2, top + 2) for base in (1, 2, 5)]
    if whole:
        widths = [width for width in widths if width >= 1] or [Decimal(1)]
    counts = {width: int(_step(high, width) - _step(low, width)) + 1 for width in widths}
    tens = [width for width in widths if width.as_tuple().digits == (1,)]
    good = [width for width in tens if _FEWEST <= counts[width] <= _MOST]
    return good[0] if good else min(widths, key=lambda width: abs(counts[width] - _IDEAL))


def _step(number: Decimal, width: Decimal) -> Decimal:
    return (number / width).to_integral_value(ROUND_FLOOR)


def _name(step: Decimal, width: Decimal, whole: bool) -> str:
    low, high = step * width, (step + 1) * width
    if whole:
        high -= 1
        if high == low:
            return _plain(low)
    return f"{_plain(low)} to {_plain(high)}" if low < 0 else f"{_plain(low)}-{_plain(high)}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}" if number else "0"
