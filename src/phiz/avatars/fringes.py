"""Fringes: the hair's lower edge over the forehead, and the lines that follow it.

Points are (u, v) in the skull's measure, as in hair.py. Runs go from the right temple to the left.
"""

from __future__ import annotations

from .chance import Chance
from .head import Head
from .pen import Point, stroke


def mirrored(points: list[Point]) -> list[Point]:
    return [(-u, v) for u, v in reversed(points)]


def flip(runs: list[list[Point]], s: int) -> list[list[Point]]:
    """Runs from right to left, mirrored when s is -1 (and then again read from right to left)."""
    return runs if s == 1 else [mirrored(run) for run in reversed(runs)]


def fringe_runs(kind: str, s: int, c: Chance) -> list[list[Point]]:
    """The hair's lower edge over the forehead, from the right temple to the left."""
    if kind == "straight":
        d = c.between(-0.14, -0.06)  # over the brows
        bite = c.between(0.05, 0.12)
        return flip(
            [
                [(0.9, 0.98), (0.85, 0.7 + d)],
                [(0.85, 0.7 + d), (0.6, 0.74 + d), (0.3, 0.77 + d)],
                [(0.3, 0.77 + d), (0.24, 0.77 + d - bite)],
                [(0.24, 0.77 + d - bite), (0.2, 0.78 + d), (-0.3, 0.78 + d), (-0.86, 0.7 + d)],
                [(-0.86, 0.7 + d), (-0.9, 0.98)],
            ],
            s,
        )
    if kind == "swept":
        part = c.between(0.34, 0.56)
        return flip(
            [
                [(0.93, 1.0), (0.88, 0.68), (0.74, 0.42), (part, 0.2)],
                [(part, 0.2), (0.22, 0.47), (-0.2, 0.64), (-0.6, 0.73), (-0.9, 0.74)],
                [(-0.9, 0.74), (-0.94, 1.0)],
            ],
            s,
        )
    if kind == "parted":
        part = c.between(-0.1, 0.1)
        return [
            [(0.93, 1.02), (0.9, 0.76), (0.68, 0.5), (0.34, 0.3), (part, 0.14)],
            [(part, 0.14), (-0.34, 0.3), (-0.68, 0.5), (-0.9, 0.76), (-0.93, 1.02)],
        ]
    if kind == "locks":
        return _locks(s, c)
    return [
        [(0.95, 0.94), (0.9, 0.62), (0.66, 0.38), (0.0, 0.28), (-0.66, 0.38), (-0.9, 0.62), (-0.95, 0.94)]
    ]


def _locks(s: int, c: Chance) -> list[list[Point]]:
    """Pointed bangs: claws of hair, one side full and the other hollow, their tips about the brows."""
    count = int(c.between(3, 5.99))
    edges = [
        0.9 - 1.8 * i / count + (c.between(-0.08, 0.08) if 0 < i < count else 0) for i in range(count + 1)
    ]
    gap = [0.82] + [c.between(0.5, 0.62) for _ in range(count - 1)] + [0.82]
    runs: list[list[Point]] = [[(0.92, 1.0), (edges[0], gap[0])]]
    for i in range(count):
        (au, av), (bu, bv) = (edges[i], gap[i]), (edges[i + 1], gap[i + 1])
        u = au + (bu - au) * c.between(0.52, 0.74)
        v = 0.88 - 0.05 * abs(u) + c.between(-0.1, 0.04)
        runs.append([(au, av), (au + (u - au) * 0.3, av + (v - av) * 0.62), (u, v)])
        runs.append([(u, v), (u + (bu - u) * 0.42, v + (bv - v) * 0.6), (bu, bv)])
    runs.append([(edges[-1], gap[-1]), (-0.92, 1.0)])
    return flip(runs, s)


def combed(h: Head, fringe: str, s: int) -> list[str]:
    """A few lines that say which way the hair runs; they stay above the edge that `fringe_runs` cuts."""
    if fringe in ("parted", "back"):
        runs = [[(k * 0.2, 0.04), (k * 0.56, 0.2), (k * 0.86, 0.52)] for k in (-1, 1)]
        runs += [[(k * 0.36, 0.0), (k * 0.7, 0.2), (k * 0.98, 0.6)] for k in (-1, 1)]
    elif fringe == "swept":
        runs = [
            [(0.36, 0.1), (0.05, 0.34), (-0.34, 0.5), (-0.7, 0.58)],
            [(0.3, 0.0), (-0.2, 0.2), (-0.68, 0.38)],
            [(0.58, 0.1), (0.86, 0.34), (0.97, 0.66)],
        ]
    elif fringe == "straight":
        runs = [[(u * 0.42, 0.02), (u * 0.86, 0.26), (u, 0.48)] for u in (-0.62, -0.22, 0.4, 0.72)]
    else:
        runs = [[(u * 0.5, -0.02), (u * 0.92, 0.16), (u * 1.05, 0.36)] for u in (-0.74, -0.3, 0.34, 0.74)]
    return [stroke(h.run(*((s * u, v) for u, v in run))) for run in runs]
