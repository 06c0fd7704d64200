"""Charts as inline SVG: they take the page's colours, print, and need no program to draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from phiz.evaluation.figures import Figure
from phiz.evaluation.words import number
from phiz.markup import Html, tag

Points = Sequence[tuple[float, float]]

_WIDE, _HIGH = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 20, 34, 36
_STRIP_WIDE, _STRIP_ROW = 160, 14


@dataclass(frozen=True)
class Line:
    """A curve: (step, value) in order, and the name it goes by."""

    name: str
    points: Points


def curve(title: str, lines: Sequence[Line], better: Literal["lower", "higher"], which: int = 0) -> Html:
    """Draw values over the steps of a training, the best of each line marked and named.

    `which` tells the charts of a page apart.
    """
    points = [point for line in lines for point in line.points]
    across = ticks(0, max(x for x, _ in points), 4)
    up = ticks(min(y for _, y in points), max(y for _, y in points), 4)
    frame = _Frame(across[0], across[-1], up[0], up[-1])
    best = [_best(line.points, better) for line in lines]
    top = _best([point for point in best if point], better)
    drawn = [
        _line(line, frame, i, point, below=(point == top) == (better == "lower"))
        for i, (line, point) in enumerate(zip(lines, best, strict=True))
        if point
    ]
    name = f"curve-{which}"
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", _told(lines, best, better), id=f"{name}-told"),
        tag("text", f"{title} ({better} is better)", x=2, y=14, class_="name"),
        *_grid(frame, across, up),
        *drawn,
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        class_="curve",
        role="img",
        aria_labelledby=f"{name}-title {name}-told",
    )


@dataclass(frozen=True)
class _Frame:
    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return round(_LEFT + (value - self.left) / (self.right - self.left) * (_WIDE - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(
            _HIGH - _BOTTOM - (value - self.low) / (self.high - self.low) * (_HIGH - _TOP - _BOTTOM), 1
        )


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers, evenly apart, from `low` or less to `high` or more: some `about` of them."""
    size = max(abs(low), abs(high))
    if high - low < 1e-9 * max(size, 1e-3):
        low, high = (low - size / 2, high + size / 2) if size > 1e-9 else (0.0, 1.0)
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def _grid(frame: _Frame, across: Sequence[float], up: Sequence[float]) -> list[Html]:
    places = max(_places(value) for value in up)
    parts = []
    for value in up:
        y = frame.y(value)
        parts.append(tag("line", x1=_LEFT, x2=_WIDE - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", number(value, places), x=_LEFT - 6, y=y + 4, class_="tick end"))
    for value in across:
        parts.append(tag("text", _steps(value), x=frame.x(value), y=_HIGH - _BOTTOM + 16, class_="tick mid"))
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    return [*parts, tag("text", "training steps", x=middle, y=_HIGH - 4, class_="tick mid")]


def _places(value: float) -> int:
    return next((n for n in range(7) if math.isclose(round(value, n), value, abs_tol=1e-9)), 6)


def _steps(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:,.0f}"


def _best(points: Points, better: str) -> tuple[float, float] | None:
    return (min if better == "lower" else max)(points, key=lambda point: point[1], default=None)


def _line(line: Line, frame: _Frame, i: int, best: tuple[float, float], below: bool) -> Html:
    path = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in line.points)
    x, y = frame.x(best[0]), frame.y(best[1])
    below = below and y < _HIGH - _BOTTOM - 18
    end = "start" if x < _WIDE / 3 else "end" if x > _WIDE * 2 / 3 else "mid"
    return tag(
        "g",
        tag("polyline", points=path),
        tag("circle", cx=x, cy=y, r=4),
        tag("text", number(best[1]), x=x, y=y + (17 if below else -9), class_=f"best {end}"),
        class_=f"side-{i}",
    )


def _told(lines: Sequence[Line], best: Sequence[tuple[float, float] | None], better: str) -> str:
    word = "lowest" if better == "lower" else "highest"
    said = []
    for line, point in zip(lines, best, strict=True):
        if point is None:
            continue
        whose = f"{line.name}: " if len(lines) > 1 else ""
        first, last = number(line.points[0][1]), number(line.points[-1][1])
        said.append(f"{whose}from {first} to {last}, {word} {number(point[1])} at step {point[0]:,.0f}")
    return "; ".join(said) + "."


def strip(figures: Sequence[Figure]) -> Html:
    """Draw a figure on a scale from 0: a dot for each side, a bar for its interval, a tick for real faces.

    It repeats what the row says in numbers, so that it is hidden from screen readers.
    """
    ends = [f.value for f in figures] + [e for f in figures for e in f.interval or ()]
    ends += [f.floor for f in figures if f.floor is not None]
    sound = [end for end in ends if math.isfinite(end)]
    low, high = min([0.0, *sound]), max([*sound, 0.0])
    if figures[0].better == "higher" and 0.5 < high < 1:
        high = 1.0
    if high <= low or len(sound) < len(ends):
        return Html("")
    tall = _STRIP_ROW * len(figures) + 8

    def x(value: float) -> float:
        return round(6 + (value - low) / (high - low) * (_STRIP_WIDE - 12), 1)

    parts = [tag("line", x1=6, x2=_STRIP_WIDE - 6, y1=tall - 3, y2=tall - 3, class_="grid")]
    parts.append(tag("line", x1=x(0), x2=x(0), y1=tall - 6, y2=tall, class_="grid"))
    for i, figure in enumerate(figures):
        y = 8 + i * _STRIP_ROW
        bar = None
        if figure.interval:
            bar = tag("line", x1=x(figure.interval[0]), x2=x(figure.interval[1]), y1=y, y2=y)
        parts.append(tag("g", bar, tag("circle", cx=x(figure.value), cy=y, r=4), class_=f"side-{i}"))
    for floor in dict.fromkeys(f.floor for f in figures if f.floor is not None):
        parts.append(tag("line", x1=x(floor), x2=x(floor), y1=1, y2=tall - 3, class_="real"))
    return tag("svg", *parts, viewBox=f"0 0 {_STRIP_WIDE} {tall}", class_="strip", aria_hidden="true")


def legend(names: Sequence[str], real: bool = False) -> Html:
    """Say which colour is whose; with `real` also what the tick of the strips is."""
    keys = [_key(f"side-{i}", name) for i, name in enumerate(names)]
    return tag("p", *keys, _key("real", "real faces") if real else None, class_="legend")


def _key(kind: str, name: str) -> Html:
    return tag("span", tag("i", class_=f"key {kind}", aria_hidden="true"), name)
