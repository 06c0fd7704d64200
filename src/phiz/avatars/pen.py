"""A sheet to draw on: the few SVG elements the faces need, with short numbers and counted ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]

SIDE = 256  # the drawing's own units: every face is drawn on a square of this side


def num(x: float) -> str:
    """A coordinate with one decimal: a tenth of 1/256 of the picture is finer than the eye."""
    text = "%.1f" % x  # noqa: UP031 (the quickest of the ways, and this is where the time goes)
    if text[-1] == "0":
        text = text[:-2]
        return "0" if text == "-0" else text
    return text


def path(*parts: str | float) -> str:
    """Path data out of letters and numbers: path("M", 0, 1.5) is "M 0 1.5"."""
    return " ".join([p if p.__class__ is str else num(p) for p in parts])  # type: ignore[arg-type]


def _segment(before: Point, a: Point, b: Point, after: Point, k: float) -> str:
    """The cubic from a to b whose tangents follow the neighbours (Catmull-Rom for k = 1/6)."""
    return path(
        "C",
        a[0] + (b[0] - before[0]) * k,
        a[1] + (b[1] - before[1]) * k,
        b[0] - (after[0] - a[0]) * k,
        b[1] - (after[1] - a[1]) * k,
        b[0],
        b[1],
    )


def curve(points: Sequence[Point]) -> str:
    """Cubic segments through the points, from the first, where the pen already is."""
    p = [points[0], *points, points[-1]]
    return " ".join([_segment(p[i], p[i + 1], p[i + 2], p[i + 3], 1 / 6) for i in range(len(points) - 1)])


def shape(*runs: Sequence[Point]) -> str:
    """A closed outline of smooth runs; where one run ends and the next begins is a corner."""
    start = runs[0][0]
    return " ".join([path("M", *start), *(curve(run) for run in runs), "Z"])


def stroke(points: Sequence[Point]) -> str:
    """An open smooth line."""
    return path("M", *points[0]) + " " + curve(points)


def loop(points: Sequence[Point]) -> str:
    """A closed outline without corners."""
    n = len(points)
    out = [path("M", *points[0])]
    for i in range(n):
        before, a, b, after = points[i - 1], points[i], points[(i + 1) % n], points[(i + 2) % n]
        out.append(_segment(before, a, b, after, 1 / 6))
    return " ".join([*out, "Z"])


def bulged(points: Sequence[Point], bulge: float) -> str:
    """A closed outline of arcs between neighbouring points, swelling outward: clouds and curls."""
    out = [path("M", *points[0])]
    for a, b in zip(points, [*points[1:], points[0]], strict=True):
        r = (((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5) * bulge
        out.append(path("A", r, r, 0, 0, 1, b[0], b[1]))
    return " ".join([*out, "Z"])


def disc(x: float, y: float, rx: float, ry: float | None = None) -> str:
    """An ellipse as path data, so that it can share an outline's treatment."""
    ry = rx if ry is None else ry
    return path("M", x - rx, y, "A", rx, ry, 0, 1, 1, x + rx, y, "A", rx, ry, 0, 1, 1, x - rx, y, "Z")


def slab(x: float, y: float, half_w: float, half_h: float, r: float) -> str:
    """A rounded rectangle round (x, y) as path data."""
    w, h = half_w, half_h
    return path(
        "M", x - w + r, y - h, "H", x + w - r, "Q", x + w, y - h, x + w, y - h + r, "V", y + h - r,
        "Q", x + w, y + h, x + w - r, y + h, "H", x - w + r, "Q", x - w, y + h, x - w, y + h - r,
        "V", y - h + r, "Q", x - w, y - h, x - w + r, y - h, "Z",
    )  # fmt: skip


class Sheet:
    """Collects definitions and elements, and reads out as one SVG text."""

    def __init__(self) -> None:
        self._defs: list[str] = []
        self._body: list[str] = []
        self._ids = 0

    def _name(self) -> str:
        self._ids += 1
        return f"d{self._ids}"

    # definitions -------------------------------------------------------------------------------

    def down(self, *stops: tuple[float, str], x: float = 0.0) -> str:
        """A gradient from top to bottom of whatever it fills (x = 1 leans it to the right)."""
        return self._gradient("linearGradient", f'x1="0" y1="0" x2="{num(x)}" y2="1"', stops)

    def glow(self, *stops: tuple[float, str], x: float = 0.5, y: float = 0.5, r: float = 0.5) -> str:
        """A gradient from a centre outward, in fractions of what it fills."""
        return self._gradient("radialGradient", f'cx="{x:.2f}" cy="{y:.2f}" r="{r:.2f}"', stops)

    def lamp(self, x: float, y: float, r: float, *stops: tuple[float, str]) -> str:
        """Light round a place in the picture, so that neighbouring shapes shade as one."""
        return self._gradient(
            "radialGradient",
            f'gradientUnits="userSpaceOnUse" cx="{num(x)}" cy="{num(y)}" r="{num(r)}"',
            stops,
        )

    def fall(self, y0: float, y1: float, *stops: tuple[float, str]) -> str:
        """A gradient between two heights of the picture."""
        return self._gradient(
            "linearGradient",
            f'gradientUnits="userSpaceOnUse" x1="0" y1="{num(y0)}" x2="0" y2="{num(y1)}"',
            stops,
        )

    def _gradient(self, kind: str, where: str, stops: Iterable[tuple[float, str]]) -> str:
        name = self._name()
        marks = []
        for at, colour in stops:
            solid, alpha = colour[:7], colour[7:]
            fade = f' stop-opacity="{int(alpha, 16) / 255:.2f}"' if alpha else ""
            marks.append(f'<stop offset="{at:.2f}" stop-color="{solid}"{fade}/>')
        self._defs.append(f'<{kind} id="{name}" {where}>{"".join(marks)}</{kind}>')
        return f"url(#{name})"

    def clip(self, d: str) -> str:
        """A clipping outline; its name for `within`."""
        name = self._name()
        self._defs.append(f'<clipPath id="{name}"><path d="{d}"/></clipPath>')
        return name

    # elements ----------------------------------------------------------------------------------

    def fill(self, d: str, colour: str, alpha: float = 1.0, move: str = "") -> None:
        fade = f' fill-opacity="{alpha:.2f}"' if alpha < 1 else ""
        shift = f' transform="{move}"' if move else ""
        self._body.append(f'<path d="{d}" fill="{colour}"{fade}{shift}/>')

    def line(self, d: str, colour: str, width: float, alpha: float = 1.0, cap: str = "round") -> None:
        if not d:
            return
        fade = f' stroke-opacity="{alpha:.2f}"' if alpha < 1 else ""
        self._body.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{num(width)}"'
            f' stroke-linecap="{cap}" stroke-linejoin="round"{fade}/>'
        )

    def both(self, d: str, colour: str, edge: str, width: float) -> None:
        """Filled and outlined."""
        self._body.append(
            f'<path d="{d}" fill="{colour}" stroke="{edge}" stroke-width="{num(width)}"'
            ' stroke-linejoin="round"/>'
        )

    def oval(self, x: float, y: float, rx: float, ry: float, colour: str, alpha: float = 1.0) -> None:
        fade = f' fill-opacity="{alpha:.2f}"' if alpha < 1 else ""
        self._body.append(
            f'<ellipse cx="{num(x)}" cy="{num(y)}" rx="{num(rx)}" ry="{num(ry)}" fill="{colour}"{fade}/>'
        )

    def all_over(self, colour: str) -> None:
        self._body.append(f'<rect width="{SIDE}" height="{SIDE}" fill="{colour}"/>')

    def turned(self, degrees: float, x: float, y: float) -> None:
        """Open a group turned about a point; `end` closes it."""
        self._body.append(f'<g transform="rotate({num(degrees)} {num(x)} {num(y)})">')

    def within(self, name: str) -> None:
        """Open a group that shows only inside a clipping outline; `end` closes it."""
        self._body.append(f'<g clip-path="url(#{name})">')

    def end(self) -> None:
        self._body.append("</g>")

    def text(self) -> str:
        defs = f"<defs>{''.join(self._defs)}</defs>" if self._defs else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}"'
            f' width="{SIDE}" height="{SIDE}">'
            f"{defs}{''.join(self._body)}</svg>"
        )
