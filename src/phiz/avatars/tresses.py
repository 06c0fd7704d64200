"""Long hair: loose over the ears, or gathered into buns, tails and plaits.

Points are (u, v): u in half-widths of the head from the middle, v from the crown (0) to the eyes (1).
"""

from __future__ import annotations

from .chance import Chance
from .fringes import fringe_runs, mirrored
from .head import Head
from .pen import Point, disc, path, shape
from .scalp import Hair, cap, drape


def draped(kind: str, hair: Hair, h: Head, c: Chance, s: int, thick: float, fringe: str) -> None:
    """Loose hair that falls over the ears."""
    v_chin = (h.chin - h.top) / (h.eye - h.top)
    floor = (282 - h.top) / (h.eye - h.top)  # below the picture, so that a tilt shows no end
    wide = 1 + thick
    inner = fringe_runs(fringe, s, c)
    if kind == "bob":
        low = v_chin + c.between(-0.1, 0.04)
        edge = [(wide, 0.8), (wide + 0.12, 1.35), (wide, low), (0.6, low + 0.08), (0, low + 0.1)]
        side = [(wide + 0.12, 1.3), (wide + 0.08, low - 0.12), (0.84, low + 0.03)]
        climb = [(0.84, low - 0.18), (0.84, 1.28)]
    elif kind == "long":
        flare = c.between(0.06, 0.2)
        edge = [(wide, 0.8), (wide + flare * 0.5, 1.5), (wide + flare, floor), (0, floor + 0.05)]
        tip = c.between(2.0, 2.5)
        side = [(wide + 0.05, 1.35), (wide + 0.03, (1.35 + tip) / 2), (0.98, tip)]
        climb = [(0.87, (1.5 + tip) / 2), (0.92, 1.5), (0.85, 1.2)]
    else:
        edge = [
            (wide, 0.8),
            (wide + 0.16, 1.15),
            (wide + 0.06, 1.42),
            (wide + 0.24, 1.75),
            (wide + 0.12, 2.02),
            (wide + 0.3, floor),
            (0, floor + 0.05),
        ]
        side = [(wide + 0.17, 1.12), (wide + 0.04, 1.4), (wide + 0.2, 1.74), (wide + 0.02, 2.04), (1.02, 2.3)]
        climb = [(0.96, 2.0), (0.9, 1.76), (0.98, 1.5), (0.82, 1.22)]
    hair.behind.append(
        shape(h.run(*edge), h.run(*mirrored(edge)), h.run((-wide, 0.8), (0, 0.2), (wide, 0.8)))
    )
    hair.front.append(drape(h, thick, inner, side, climb))


def gathered(kind: str, hair: Hair, h: Head, c: Chance, s: int, thick: float, fringe: str) -> None:
    """Hair taken back from the ears into buns, tails or plaits."""
    hair.front.append(cap(h, thick * 0.8, 1.02, fringe_runs(fringe, s, c)))
    reach = 112 / h.w  # what the picture holds to each side
    if kind == "bun":
        two = c.hit(0.4)
        for k in (-1, 1) if two else (0,):
            x, y = h.at(0.64 * k, -0.14 if two else -0.28)
            r = h.w * (0.3 if two else 0.38)
            hair.upper.append(disc(x, y, r, r * 0.92))
            hair.strands.append(
                path("M", x - r * 0.6, y + r * 0.1, "Q", x, y - r * 0.7, x + r * 0.6, y - r * 0.1)
            )
    elif kind == "ponytail":
        hair.upper.append(
            _tail(h, s, (0.55, 0.22), min(1.42, reach - 0.2), (min(1.3, reach - 0.2), 1.9), 0.52)
        )
        hair.ties.append((*h.at(0.9 * s, 0.16), h.w * 0.13))
    elif kind == "twintails":
        end = c.between(1.85, 2.1)
        for k in (-1, 1):
            hair.upper.append(
                _tail(h, k, (0.78, 0.36), min(1.36, reach - 0.22), (min(1.34, reach - 0.2), end), 0.5)
            )
            hair.ties.append((*h.at(1.04 * k, 0.3), h.w * 0.13))
    else:
        for k in (-1, 1):
            hair.upper.append(
                shape(
                    h.run((k * 0.9, 0.7), (k * 1.2, 0.95), (k * 1.22, 1.3), (k * 1.0, 1.5)),
                    h.run((k * 1.0, 1.5), (k * 0.8, 1.2), (k * 0.9, 0.7)),
                )
            )
            hair.hanging += _plait(h, k)


def _tail(h: Head, s: int, root: Point, belly: float, end: Point, fat: float) -> str:
    """A gathered tail from `root`, swinging out to `belly` and ending in a point."""
    (u, v), (eu, ev) = root, end
    mid = (v + ev) / 2
    outer = [(u, v - 0.1), (belly + fat * 0.3, v + 0.12), (belly + fat * 0.45, mid), (eu, ev)]
    inner = [(eu, ev), (belly - fat * 0.55, mid + 0.1), (belly - fat * 0.5, v + 0.3), (u, v + 0.12)]
    return shape(h.run(*((s * a, b) for a, b in outer)), h.run(*((s * a, b) for a, b in inner)))


def _plait(h: Head, k: int) -> list[str]:
    """Heart-shaped turns of a plait, from below the ear to the foot of the picture."""
    x, y = h.at(1.08 * k, 1.22)
    r = h.w * 0.19
    out = []
    turn = k
    while y < 258:
        out.append(
            shape(
                [
                    (x - turn * r * 0.9, y - r * 0.5),
                    (x + turn * r * 0.3, y - r * 0.75),
                    (x + turn * r * 1.08, y + r * 0.1),
                    (x + turn * r * 0.5, y + r * 1.0),
                    (x - turn * r * 0.5, y + r * 0.95),
                ],
                [
                    (x - turn * r * 0.5, y + r * 0.95),
                    (x - turn * r * 1.0, y + r * 0.35),
                    (x - turn * r * 0.9, y - r * 0.5),
                ],
            )
        )
        y += r * 0.92
        turn = -turn
    return out
