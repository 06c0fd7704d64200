"""Screens: which faces are kept. Each compares one figure of a face with a limit that can be set.

A screen passes a face of which its figure is not known. The first screen that does not pass gives the
reason; the order is the table's. Limits stand in the face set, and changing them needs no detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phiz.errors import UsageError, nearest
from phiz.prepare.twins import MOST

RESTORED, DROPPED = "restored by hand", "dropped by hand"
OTHER = "a larger face of its picture was taken"
NOT_FOUND = "no face was found"
SAME = "the same picture as"
NEAR = "nearly the same as"


@dataclass(frozen=True)
class Screen:
    """A limit on a figure. `most`: the figure may be that at most, else at least. `says` is the reason."""

    name: str
    figure: str
    most: bool
    says: str
    about: str
    unit: str = ""


SCREENS = (
    Screen("enlarged", "enlarged", True, "too small", "how far a face may be enlarged", " times enlarged"),
    Screen("sure", "sure", False, "the detector is unsure", "the detector's score"),
    Screen("outside", "outside", True, "cut off by the picture's edge", "share beyond the picture's edge"),
    Screen("tilt", "tilt", True, "tilted", "degrees the eyes are from level", " degrees"),
    Screen("turn", "turn", True, "a profile", "how far the nose is from the middle, in eye distances"),
    Screen("dark", "highs", False, "underexposed", "brightness of the brightest fiftieth"),
    Screen("light", "lows", True, "overexposed", "brightness that nine tenths exceed"),
    Screen("page", "page", True, "a monochrome page or comic panel", "paper and ink without colour"),
    Screen("contrast", "contrast", False, "without contrast", "least standard deviation of brightness"),
    Screen("colour", "colour", False, "near-greyscale", "least mean colourfulness"),
    Screen("sharp", "sharp", False, "blurred", "share of its steps that a slight blur takes"),
    Screen("seen", "seen", False, "no face is seen in it", "a second look at doubtful cuts"),
    Screen(
        "alike",
        "alike",
        False,
        "unlike the other faces",
        "likeness to the set's others, in standard deviations",
    ),
)
_BY_NAME = {screen.name: screen for screen in SCREENS}
NAMES = (*_BY_NAME, "same", "near")

Limits = dict[str, float]
"""{screen: limit}; "same": 1 sets exact duplicates aside, "near": the bits that near duplicates differ by."""

_SURE = {"human": 0.85, "anime": 0.5}
_QUALITIES: dict[str, Limits] = {
    "none": {},
    "normal": {
        **{"enlarged": 1.5, "page": 0.65, "outside": 0.4, "tilt": 45, "turn": 0.55, "dark": 0.25},
        **{"light": 0.85, "contrast": 0.05, "sharp": 0.15, "seen": 0.3, "alike": -2.6, "same": 1, "near": 12},
    },
    "high": {
        **{"enlarged": 1.0, "page": 0.65, "outside": 0.2, "tilt": 25, "turn": 0.35, "dark": 0.33},
        **{"light": 0.75, "contrast": 0.07, "colour": 0.03, "sharp": 0.22, "seen": 0.45, "alike": -2.3},
        **{"same": 1, "near": 24},
    },
}
QUALITIES = tuple(_QUALITIES)


def limits_of(quality: str | None, detector: str, changed: Mapping[str, str] | None = None) -> Limits:
    """Return the limits of a quality, with some changed ({screen: number, or "off"}).

    `quality` None is "normal" where faces are looked for; pictures that were cut already are taken as they
    are, but for exact duplicates.

    Raises:
        UsageError: no such quality or screen, or no number.
    """
    if quality is not None and quality not in _QUALITIES:
        raise UsageError(
            f'There is no quality "{quality}"; there are {", ".join(QUALITIES)}.{nearest(quality, QUALITIES)}'
        )
    if quality is None:
        limits: Limits = {"same": 1} if detector == "none" else dict(_QUALITIES["normal"])
    else:
        limits = dict(_QUALITIES[quality])
    if detector in _SURE and quality != "none":
        limits["sure"] = _SURE[detector]
    for name in ("outside", "tilt", "turn") if detector == "none" else ("seen",):
        limits.pop(name, None)  # of no use: nothing was found there; its score says it
    if detector == "human":  # photographs without colour are no pages
        limits.pop("page", None)
    for name, text in (changed or {}).items():
        if name not in NAMES:
            raise UsageError(
                f'There is no screen "{name}"; there are {", ".join(NAMES)}.{nearest(name, NAMES)}'
            )
        limits.pop(name, None)
        if text.strip().lower() not in ("off", "none"):
            limits[name] = _number(name, text)
    return {name: limits[name] for name in NAMES if name in limits}


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise UsageError(f'--screen {name}={text}: a limit is a number, or "off".')
    if name == "near" and not (value == int(value) and 0 <= value <= MOST):
        raise UsageError(f"--screen near={text}: near duplicates differ by 0 to {MOST} bits.")
    return value


def verdict(figures: Mapping[str, Any], limits: Limits) -> str | None:
    """Return why a face of these figures is set aside, None where it is kept."""
    for screen in SCREENS:
        value, limit = figures.get(screen.figure), limits.get(screen.name)
        if value is None or limit is None or (screen.name == "alike" and "seen" in figures):
            continue  # a face that was looked at again is judged by that
        if value > limit if screen.most else value < limit:
            return f"{screen.says}: {value:g}{screen.unit}, and {limit:g} is the {_end(screen)}"
    return None


def _end(screen: Screen) -> str:
    return "most" if screen.most else "least"


def kind_of_reason(reason: str) -> str:
    """Return a reason without its figures, to count by: "blurred", "too small", "cannot be decoded", ..."""
    for start in (SAME, NEAR):
        if reason.startswith(start):
            return "the same picture twice" if start == SAME else "near duplicate"
    return reason.partition(":")[0]


def told(limits: Limits) -> Sequence[tuple[str, str, str]]:
    """Return (screen, limit, meaning) of the limits that are set."""
    rows = []
    for name, limit in limits.items():
        if name in _BY_NAME:
            screen = _BY_NAME[name]
            rows.append((name, f"{'at most' if screen.most else 'at least'} {limit:g}", screen.about))
        elif name == "same" and limit:
            rows.append((name, "once", "pictures whose files are the same"))
        elif name == "near":
            rows.append((name, f"{limit:g} bits or fewer", "bits of 256 that near duplicates differ by"))
    return rows
