"""Ink: a brush line that swells and thins over flat colour printed a little out of register."""

from __future__ import annotations

from . import features
from .face import Face
from .flat import hat_colours
from .head import Head
from .palettes import blend
from .pen import Sheet, disc, path, slab
from .wear import garment, hat_pieces

INK = "#22202e"


def draw(f: Face) -> str:
    c, sheet, skin, tone, s = f.chance, Sheet(), f.skin, f.hair, f.scheme
    w = c.between(55, 61)
    h = Head(
        w=w,
        top=c.between(57, 63),
        eye=140,
        chin=c.between(204, 212),
        jaw=w * c.between(0.62, 0.84),
        jaw_y=184,
        gap=w * 0.45,
        tip=c.between(9, 20),
    )
    paper = blend(s.sky, "#fff8ea", 0.72)
    sheet.all_over(paper)
    ox, oy = 4.0 * f.side, 3.0  # the plates' error
    slip = f"translate({ox:.0f} {oy:.0f})"
    sheet.fill(disc(128 + f.side * 16, 128, 98), s.ground, 0.75)
    hair = f.locks(h)
    hat = hat_pieces(f["hat"], h, c)
    colours = hat_colours(f)
    shade = blend(skin.base, skin.light, 0.25)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.behind:
        sheet.fill(d, tone.dark, move=slip)
        sheet.line(d, INK, 4)
    sheet.end()
    neck = h.w * 0.38
    column = slab(128, 214, neck, 44, 10)
    sheet.fill(column, shade, move=slip)
    sheet.line(column, INK, 4)
    _hatch(sheet, 128 - neck + 4, 128 + neck - 2, h.chin + 3, 14)
    own = {"cloth": s.cloth, "trim": s.accent, "dark": blend(s.cloth, INK, 0.35), "skin": shade}
    for p in garment(f.garment, h, 226, 96, neck):
        sheet.fill(p.d, paper)
        sheet.fill(p.d, own[p.role], move="" if p.edge else slip)
        sheet.line(p.edge or p.d, INK, 4)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.upper:
        sheet.fill(d, tone.base, move=slip)
        sheet.line(d, INK, 4)
    for x, y, r in hair.ties:
        sheet.both(disc(x, y, r), s.accent, INK, 3.4)
    features.ears(sheet, h, shade, blend(skin.base, skin.dark, 0.6), 1.0, INK, 3.8)
    features.earrings(sheet, h, f["earrings"], INK if f["earrings"] == "hoops" else "#e0533f", 27)
    sheet.fill(h.outline(), paper)
    sheet.fill(h.outline(), shade, move=slip)
    for k in (-1, 1):
        sheet.fill(disc(h.cx + k * h.w * 0.6, h.nose + 10, 12, 9), skin.blush, 0.6, move=slip)
    sheet.line(h.outline(), INK, 4.6)
    _beard(sheet, f, h, slip)
    _face(sheet, f, h)
    for d in hair.soft:
        sheet.fill(d, tone.base)
    sheet.line(" ".join(hair.edges), INK, 4)
    for d in hair.front:
        sheet.fill(d, tone.base, move=slip)
        sheet.line(d, INK, 4.4)
    for d in hair.shine:
        sheet.fill(d, tone.light, 0.95)
    sheet.line(" ".join(hair.strands), INK, 3)
    features.glasses(sheet, h, f["glasses"], INK, 4, w * 0.36)
    for p in hat:
        sheet.fill(p.d, paper)
        sheet.fill(p.d, colours[p.role], move=slip)
        sheet.line(p.d, INK, 4.2)
    for d in hair.hanging:
        sheet.both(d, tone.base, INK, 3.6)
    sheet.end()
    return sheet.text()


def _hatch(sheet: Sheet, x0: float, x1: float, y: float, tall: float) -> None:
    count = int((x1 - x0) / 6.5) + 1
    marks = (path("M", x0 + 6.5 * i, y - 4, "L", x0 + 6.5 * i - 4, y + tall) for i in range(count))
    sheet.line(" ".join(marks), INK, 2.2)


def _face(sheet: Sheet, f: Face, h: Head) -> None:
    w = h.w * 0.2
    gx, gy = f.gaze[0] * 2.4, f.gaze[1] * 1.2
    for k in (-1, 1) if f["glasses"] != "sunglasses" else ():
        x, y = h.cx + k * h.gap, h.eye
        almond = path(
            "M",
            x - w * 1.15,
            y + 1,
            "Q",
            x,
            y - w * 1.5,
            x + w * 1.15,
            y + 1,
            "Q",
            x,
            y + w * 1.3,
            x - w * 1.15,
            y + 1,
            "Z",
        )
        sheet.fill(almond, "#fffdf6")
        sheet.oval(x + gx, y + gy * 0.6, w * 0.62, w * 0.7, f.eyes.base)
        sheet.oval(x + gx, y + gy * 0.6, w * 0.32, w * 0.36, INK)
        sheet.oval(x + gx - 2, y + gy * 0.6 - 2.4, 1.8, 1.8, "#ffffff")
        sheet.line(path("M", x - w * 1.25, y + 1, "Q", x, y - w * 1.6, x + w * 1.25, y + 1), INK, 4.2)
        sheet.line(path("M", x - w * 0.6, y + w * 0.75, "Q", x, y + w, x + w * 0.6, y + w * 0.75), INK, 1.8)
    features.brows(sheet, h, INK, 19, 4.6, h.w * 0.2, f["mouth"])
    n, k = h.nose + 5, f.side
    sheet.line(
        path(
            "M",
            h.cx - k * 1,
            h.eye + 3,
            "Q",
            h.cx + k * 4,
            n - 9,
            h.cx + k * 8,
            n,
            "Q",
            h.cx + k * 4,
            n + 6,
            h.cx - k * 4,
            n + 3,
        ),
        INK,
        3.6,
    )
    features.mouth(
        sheet,
        f["mouth"],
        h.cx,
        h.mouth + 3,
        h.w * 0.31,
        f.skin,
        features.lips_ink(f["beard"], f.skin, INK),
        4,
        f.side,
    )


def _beard(sheet: Sheet, f: Face, h: Head, slip: str) -> None:
    kind = f["beard"]
    if kind == "none":
        return
    for d in features.beard_shapes(h, kind):
        if kind == "stubble":
            sheet.fill(d, f.hair.base, 0.22)
        else:
            sheet.fill(d, f.hair.base, move=slip)
            sheet.line(d, INK, 3.6)
