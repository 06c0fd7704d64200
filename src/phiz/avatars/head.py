"""The skull everything else hangs on: a few measures and the outline they make."""

from __future__ import annotations

from dataclasses import dataclass

from .pen import Point, path


@dataclass(frozen=True)
class Head:
    """Measures of a front-facing head, in 256ths of the picture; `w`, `jaw`, `tip`, `gap` are half-widths."""

    w: float  # at the temples
    top: float  # y of the skull's crown
    eye: float  # y of the eye line
    chin: float  # y of the chin
    jaw: float  # half-width of the jaw
    jaw_y: float
    gap: float  # from the middle to an eye
    tip: float = 18.0  # how flat the chin is
    cx: float = 128.0

    @property
    def temple(self) -> float:
        """y where the skull's half ellipse ends and the cheek begins."""
        return self.eye - 6

    @property
    def nose(self) -> float:
        return self.eye + 0.36 * (self.chin - self.eye)

    @property
    def mouth(self) -> float:
        return self.eye + 0.62 * (self.chin - self.eye)

    def at(self, u: float, v: float) -> Point:
        """The point u half-widths right of the middle, v of the way from the crown (0) to the eyes (1)."""
        return self.cx + u * self.w, self.top + v * (self.eye - self.top)

    def run(self, *uv: Point) -> list[Point]:
        return [self.at(u, v) for u, v in uv]

    def _side(self, s: int, grow: float = 0.0) -> str:
        """One cheek from temple to chin (s = 1: the right one), grown outward by `grow`."""
        lean_x, lean_y = self.w - self.jaw + 10, self.chin - self.jaw_y + 16
        w, jaw, chin = self.w + grow, self.jaw + grow, self.chin + grow
        drop = self.jaw_y - self.temple
        return path(
            "C", self.cx + s * w, self.temple + drop * 0.5,
            self.cx + s * (jaw + lean_x * 0.4), self.jaw_y - lean_y * 0.45,
            self.cx + s * jaw, self.jaw_y,
            "C", self.cx + s * (jaw - lean_x * 0.42), self.jaw_y + lean_y * 0.48,
            self.cx + s * self.tip, chin, self.cx, chin,
        )  # fmt: skip

    def outline(self, grow: float = 0.0) -> str:
        """The whole head, from the left temple over the crown and back by the chin."""
        w, rise = self.w + grow, self.temple - self.top + grow
        left = path("M", self.cx - w, self.temple)
        over = path("A", w, rise, 0, 0, 1, self.cx + w, self.temple)
        right, back = self._side(1, grow), _reversed(self._side(-1, grow), self.cx - w, self.temple)
        return f"{left} {over} {right} {back} Z"

    def half(self, waist: float = 0.0) -> str:
        """The right half, its inner edge bowed by `waist`: the side turned from the light."""
        up = path(
            "M",
            self.cx,
            self.top,
            "A",
            self.w,
            self.temple - self.top,
            0,
            0,
            1,
            self.cx + self.w,
            self.temple,
        )
        return (
            f"{up} {self._side(1)} "
            + path("C", self.cx + waist, self.mouth, self.cx + waist, self.eye, self.cx, self.top)
            + " Z"
        )


def _reversed(side: str, x: float, y: float) -> str:
    """Cubic data read from its end back to (x, y), where it began."""
    numbers = [float(t) for t in side.replace("C", " ").split()]
    points = [(x, y), *zip(numbers[::2], numbers[1::2], strict=True)]
    points.reverse()
    out = []
    for i in range(1, len(points), 3):
        out.append(path("C", *points[i], *points[i + 1], *points[i + 2]))
    return " ".join(out)
