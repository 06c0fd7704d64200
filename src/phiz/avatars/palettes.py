"""The colours, chosen by hand: tones that belong together rather than random numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    """One material in three lights, each "#rrggbb"."""

    base: str
    dark: str
    light: str


@dataclass(frozen=True)
class Skin(Tone):
    """Skin and what blood does to it: the cheek's flush and the lips."""

    blush: str
    lip: str


@dataclass(frozen=True)
class Scheme:
    """A background (from top to bottom), a garment and an accent that go together."""

    sky: str
    ground: str
    cloth: str
    accent: str


SKIN = {
    "porcelain": Skin("#fde0cf", "#efb8a2", "#fff0e6", "#f48d8b", "#d9606a"),
    "peach": Skin("#f8c9a4", "#e19c76", "#ffe0c6", "#ee7c6c", "#c9545a"),
    "honey": Skin("#e7b07c", "#c88751", "#f8cfa4", "#dd6f50", "#b2483f"),
    "tawny": Skin("#c98a59", "#a5653b", "#e2ab7d", "#c2563d", "#93362f"),
    "brown": Skin("#9c6040", "#77432b", "#bd7f5b", "#a63f31", "#6c2320"),
    "deep": Skin("#6d4131", "#4d2a20", "#8d5a45", "#8c3530", "#3f1515"),
}

HAIR = {
    "black": Tone("#322e3d", "#201d29", "#615b78"),
    "brown": Tone("#6f4531", "#4b2c21", "#a5714e"),
    "auburn": Tone("#ab4b2d", "#7c3221", "#dd8152"),
    "blonde": Tone("#ecc168", "#c9953f", "#fdeaae"),
    "silver": Tone("#cdd0db", "#9ca2b5", "#f5f6fa"),
    "pink": Tone("#f28fad", "#cd6189", "#ffcbd7"),
    "blue": Tone("#4f7ccb", "#34569d", "#94baf2"),
    "teal": Tone("#41ab9e", "#287c78", "#93e2d2"),
    "violet": Tone("#8e68bd", "#654592", "#c3a3e6"),
}

EYES = {
    "brown": Tone("#7a4526", "#3d1f12", "#c88a4f"),
    "amber": Tone("#d08a22", "#7a430f", "#ffd06a"),
    "green": Tone("#4a9d57", "#1f5636", "#a5e08a"),
    "blue": Tone("#3d8add", "#1b4488", "#9adcff"),
    "violet": Tone("#8f5fd6", "#472682", "#d7a9ff"),
    "grey": Tone("#7f8ea0", "#3f4a5a", "#cfdbe6"),
}

SCHEMES = (
    Scheme("#ffd9b8", "#ffb997", "#2f6f73", "#f4e3c1"),
    Scheme("#bfe3e0", "#8fcbc9", "#e4674f", "#fff1d6"),
    Scheme("#f6e7c8", "#ecd19b", "#3b5b92", "#e8894a"),
    Scheme("#c9d8f2", "#a3bbe6", "#f0b541", "#fff6e2"),
    Scheme("#f9cfd3", "#f2a9b4", "#5b4a8a", "#ffe9a8"),
    Scheme("#d9e8c4", "#b4d196", "#8c3f5d", "#f6edd2"),
    Scheme("#2f4a6b", "#22364f", "#f2b24c", "#f7ead2"),
    Scheme("#e2d3f0", "#c4abe0", "#3f8f83", "#ffe1bd"),
    Scheme("#f7b267", "#f08c4e", "#2e4057", "#fff0d8"),
    Scheme("#5fa8a3", "#3f8784", "#fbf3e2", "#d9553f"),
    Scheme("#fbeee0", "#f1d7c2", "#c8553d", "#42626b"),
    Scheme("#7d6aa8", "#5d4c8a", "#f2b84b", "#f1e8ff"),
    Scheme("#a9d6ef", "#78b9e2", "#e86a7c", "#ffffff"),
    Scheme("#e87461", "#cf5447", "#2d3a55", "#ffe3c2"),
    Scheme("#d5dcd6", "#b3c0b8", "#455e89", "#f1a36b"),
    Scheme("#f3d36b", "#e6b83f", "#3a4a6b", "#fff7e0"),
)


def channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def blend(a: str, b: str, share: float) -> str:
    """Colour a with a share in [0, 1] of colour b."""
    mixed = (round(x + (y - x) * share) for x, y in zip(channels(a), channels(b), strict=True))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def apart(a: str, b: str) -> float:
    """How far two colours stand apart to the eye (a weighted RGB distance, 0 .. about 765)."""
    (r1, g1, b1), (r2, g2, b2) = channels(a), channels(b)
    mean = (r1 + r2) / 2
    return (
        (2 + mean / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - mean) / 256) * (b1 - b2) ** 2
    ) ** 0.5
