"""Hair that leaves the ears free: cropped, swept up, in spikes, in curls.

Points are (u, v): u in half-widths of the head from the middle, v from the crown (0) to the eyes (1).
"""

from __future__ import annotations

import itertools
import math

from .chance import Chance
from .fringes import flip, fringe_runs, mirrored
from .head import Head
from .pen import Point, bulged, curve, path, shape, stroke
from .scalp import Hair, cap


def cropped(
    kind: str, hair: Hair, h: Head, c: Chance, s: int, thick: float, pointed: bool, close: bool
) -> str:
    """Hair that leaves the ears free, and the two clouds; the fringe it wears, "" where none shows."""
    if kind == "buzz":
        d = c.between(-0.03, 0.05)
        edge = [(0.97, 1.0), (0.93, 0.72), (0.78, 0.5 + d), (0.4, 0.36 + d), (0, 0.4 + d)]
        hair.front.append(cap(h, 0.035, 1.04, [edge + mirrored(edge)[1:]]))
    elif kind == "short":
        fringe = "locks" if pointed else c.pick(["swept", "swept", "straight"])
        hair.front.append(cap(h, thick, 1.1, fringe_runs(fringe, s, c)))
        return fringe
    elif kind == "quiff":
        base = [
            (0.95, 1.0),
            (0.9, 0.66),
            (0.8, 0.42),
            (0.5, 0.3),
            (0, 0.34),
            (-0.5, 0.3),
            (-0.8, 0.42),
            (-0.9, 0.66),
        ]
        hair.front.append(cap(h, 0.06, 1.08, [[*base, (-0.95, 1.0)]]))
        lift = c.between(-0.42, -0.34)
        wave = flip(
            [
                [
                    (0.9, 0.42),
                    (1.06, 0.1),
                    (0.95, -0.2),
                    (0.5, lift),
                    (-0.1, lift - 0.02),
                    (-0.62, lift + 0.1),
                    (-1.14, -0.12),
                ],
                [(-1.14, -0.12), (-0.98, 0.04), (-0.95, 0.2), (-0.86, 0.46)],
                [(-0.86, 0.46), (-0.5, 0.26), (0.1, 0.36), (0.6, 0.3), (0.9, 0.42)],
            ],
            s,
        )
        hair.front.append(shape(*(h.run(*run) for run in wave)))
        for k in range(3):
            u = s * (0.5 - 0.45 * k)
            hair.strands.append(stroke(h.run((u, 0.24), (u - s * 0.02, 0.0), (u - s * 0.26, -0.2))))
        hair.shine.append(
            shape(
                h.run((s * 0.72, 0.12), (s * 0.78, -0.08), (s * 0.5, -0.24)),
                h.run((s * 0.5, -0.24), (s * 0.62, -0.06), (s * 0.72, 0.12)),
            )
        )
    elif kind == "spiky":
        inner = fringe_runs("locks", s, c)
        outline = path("M", *h.at(-0.97, 1.08), "L", *h.at(-1.1, 0.9)) + _spikes(h, c, s)
        outline += path(" L", *h.at(0.97, 1.08), "L", *h.at(*inner[0][0]))
        hair.front.append(" ".join([outline, *(curve(h.run(*run)) for run in inner), "Z"]))
        return "locks"
    elif kind == "curly":
        _cloud(hair, h, c, reach=c.between(1.24, 1.32), drop=0.1, lobes=13)
    else:
        _cloud(hair, h, c, reach=c.between(1.48, 1.6), drop=0.2, lobes=21)
    return ""


def _spikes(h: Head, c: Chance, s: int) -> str:
    """A shock of hair, from the left ear over the crown to the right one: each spike leans with the part."""
    n = 6
    out = []
    scale = h.w / (h.eye - h.top)

    def on(angle: float, r: float) -> Point:
        t = math.radians(angle)
        return h.at(r * math.cos(t), 0.78 - r * 1.02 * scale * math.sin(t))

    for i in range(n):
        t0, t1 = 186 - 192 * i / n, 186 - 192 * (i + 1) / n
        lean = 9 * s + c.between(-4, 4)
        tip = on((t0 + t1) / 2 + lean, 1.5 + c.between(-0.08, 0.1) if 0 < i < n - 1 else 1.36)
        end = on(t1, 1.13)
        out.append(path(" Q", *on(t0 + lean * 0.2 - 3, 1.3), *tip, "Q", *on(t1 + lean * 0.4 + 3, 1.26), *end))
    return "".join(out)


def _cloud(hair: Hair, h: Head, c: Chance, reach: float, drop: float, lobes: int) -> None:
    """Curls: a scalloped mass behind the head and a scalloped hairline before it."""
    squash = h.w / (h.eye - h.top)  # so that the cloud is round although u and v are not one measure
    middle = 0.42 + 0.4 * drop
    reach = min(reach, (h.at(0, middle)[1] - 10) / h.w, 114 / h.w)

    def on(turn: float, r: float) -> Point:
        """A point at `turn` degrees from straight up, r half-widths out."""
        t = math.radians(turn)
        return h.at(r * math.sin(t), min(middle - r * squash * math.cos(t), 1.12 + drop))

    ring = [on(360 * i / lobes + c.between(-3, 3), reach * c.between(0.96, 1.03)) for i in range(lobes)]
    hair.upper.append(bulged(ring, 0.56))
    n = 6
    edge = [
        (0.96 - 1.92 * i / n, 0.52 - 0.2 * math.sin(math.pi * i / n) + c.between(-0.03, 0.03))
        for i in range(n + 1)
    ]
    hairline = [(1.06, 0.98), (0.98, 0.74), *edge[1:-1], (-0.98, 0.74), (-1.06, 0.98)]
    scallop = path("M", *h.at(*hairline[0]))
    for a, b in itertools.pairwise(hairline):
        p, q = h.at(*a), h.at(*b)
        r = math.dist(p, q) * 0.56
        scallop += path(" A", r, r, 0, 0, 1, *q)
    hair.edges.append(scallop)
    over = [
        h.at(1.08 * math.cos(math.radians(a)), 0.62 - 0.78 * math.sin(math.radians(a)))
        for a in range(170, 0, -20)
    ]
    hair.soft.append(scallop + "".join(path(" L", *p) for p in over) + " Z")
    e = h.w * 0.11
    for i, r in enumerate((0.62, 0.9, 0.66, 0.92, 0.7, 0.9, 0.6)):
        x, y = on(-66 + 22 * i + c.between(-5, 5), r * reach)
        hair.strands.append(
            path("M", x - e, y, "Q", x - e, y - e * 1.2, x, y - e * 1.2, "Q", x + e, y - e * 1.1, x + e, y)
        )
