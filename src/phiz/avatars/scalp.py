"""Hair as layers of outlines, and the parts every style is made of: cap, drape, shine.

Points are (u, v): u in half-widths of the head from the middle, v from the crown (0) to the eyes (1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .chance import Chance
from .fringes import mirrored
from .head import Head
from .pen import Point, curve, path, shape


@dataclass
class Hair:
    """Outlines by layer, from the back of the picture to its front."""

    behind: list[str] = field(default_factory=list)  # behind neck and shoulders
    upper: list[str] = field(default_factory=list)  # behind the head, in full light: buns, tails
    front: list[str] = field(default_factory=list)  # over the face
    hanging: list[str] = field(default_factory=list)  # over the shoulders
    soft: list[str] = field(default_factory=list)  # over the face too, but part of `upper`: never outlined
    edges: list[str] = field(default_factory=list)  # open outlines of `soft`, for styles that outline
    strands: list[str] = field(default_factory=list)  # open lines on `front`
    shine: list[str] = field(default_factory=list)  # closed shapes on `front`
    ties: list[tuple[float, float, float]] = field(default_factory=list)  # x, y, radius


def cap(h: Head, thick: float, low: float, inner: list[list[Point]], out: float = 0.0) -> str:
    """Hair over the skull: sides down to v = low, the face's edge given by `inner`."""
    rx, ry = h.w * (1 + thick), (h.temple - h.top) + h.w * thick * 1.25
    end_l, end_r = h.at(-1.0 - out, low), h.at(1.0 + out, low)
    left, right = (h.cx - rx, h.temple), (h.cx + rx, h.temple)
    over = path("M", *end_l, "Q", left[0], (end_l[1] + left[1]) / 2, *left, "A", rx, ry, 0, 0, 1, *right)
    over += path(" Q", right[0], (end_r[1] + right[1]) / 2, *end_r, "L", *h.at(*inner[0][0]))
    return " ".join([over, *(curve(h.run(*run)) for run in inner), "Z"])


def drape(h: Head, thick: float, inner: list[list[Point]], side: list[Point], back: list[Point]) -> str:
    """A cap whose sides hang over the ears: `side` outer edge going down, `back` the inner edge going up."""
    rx, ry = h.w * (1 + thick), (h.temple - h.top) + h.w * thick * 1.25
    right = [((h.cx + rx - h.cx) / h.w, (h.temple - h.top) / (h.eye - h.top)), *side]
    outer = h.run(*right)
    climb = h.run(side[-1], *back, inner[0][0])
    down = h.run(*mirrored([side[-1], *back, inner[0][0]]))
    up = h.run(*mirrored(right))
    return " ".join(
        [
            path("M", h.cx - rx, h.temple, "A", rx, ry, 0, 0, 1, h.cx + rx, h.temple),
            curve(outer),
            curve(climb),
            *(curve(h.run(*run)) for run in inner),
            curve(down),
            curve(up),
            "Z",
        ]
    )


def crescent(h: Head, thick: float, a0: float, a1: float, far: float, near: float) -> str:
    """A band of light along the crown between two angles (degrees, 90 is straight up)."""
    rx, ry = h.w * (1 + thick), (h.temple - h.top) + h.w * thick * 1.25
    arc = [a0 + (a1 - a0) * k / 5 for k in range(6)]

    def on(angle: float, r: float) -> Point:
        t = math.radians(angle)
        return h.cx + rx * r * math.cos(t), h.temple - ry * r * math.sin(t)

    outer = [on(a, far) for a in arc]
    middle = (far + near) / 2
    inner = [on(a, far - (far - near) * math.sin(math.pi * k / 5)) for k, a in enumerate(arc)][::-1]
    inner[0], inner[-1] = on(a1, middle + (far - middle)), on(a0, middle + (far - middle))
    return shape(outer, inner)


def halo(h: Head, c: Chance) -> str:
    """The ring of light that drawn hair wears: a smooth upper edge, teeth of light below."""
    n = 8
    span = 0.74
    arch = [(-span + 2 * span * i / n, 0.06 + 0.34 * (span * (2 * i / n - 1)) ** 2) for i in range(n + 1)]
    d = path("M", *h.at(*arch[0])) + " " + curve(h.run(*arch))
    for i in range(n, 0, -1):
        (u1, v1), (u0, v0) = arch[i], arch[i - 1]
        deep = (0.17 if i % 2 else 0.1) * (1 - 0.6 * abs(u0 + u1) / 2 / span) + c.between(0, 0.02)
        u, v = (u0 + u1) / 2, (v0 + v1) / 2
        d += path(" Q", *h.at(u1, v + deep * 0.5), *h.at(u * 1.03, v + deep), "Q", *h.at(u0, v + deep * 0.5))
        d += path(" ", *h.at(u0, v0 + (0.02 if i > 1 else 0)))
    return d + " Z"
