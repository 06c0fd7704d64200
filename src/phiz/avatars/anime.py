"""Anime: great glossy eyes, a small nose and mouth, a pointed chin, hair in locks with a ring of light."""

from __future__ import annotations

from . import features
from .face import Face
from .flat import hat_colours
from .head import Head
from .palettes import Tone, blend
from .pen import Sheet, disc, path, shape, slab, stroke
from .wear import garment, hat_pieces


def draw(f: Face) -> str:
    c, sheet, skin, tone, s = f.chance, Sheet(), f.skin, f.hair, f.scheme
    w = c.between(63, 68)
    h = Head(
        w=w,
        top=c.between(50, 55),
        eye=146,
        chin=c.between(211, 217),
        jaw=w * c.between(0.6, 0.68),
        jaw_y=192,
        gap=w * c.between(0.47, 0.5),
        tip=c.between(3, 6),
    )
    edge = blend(tone.dark, "#1a1024", 0.5)
    rim = blend(skin.dark, "#4a1c28", 0.45)
    paint = sheet.fall(40, 236, (0, blend(tone.base, tone.light, 0.3)), (1, blend(tone.base, tone.dark, 0.6)))
    back = blend(tone.dark, tone.base, 0.3)
    sheet.all_over(sheet.down((0, s.sky), (1, s.ground), x=0.3))
    _sparkles(sheet, f)
    hair = f.locks(h, pointed=True)
    hat = hat_pieces(f["hat"], h, c)
    colours = hat_colours(f)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.behind:
        sheet.both(d, back, edge, 3)
    sheet.end()
    _body(sheet, f, h, rim)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.upper:
        sheet.both(d, paint, edge, 3)
    for x, y, r in hair.ties:
        sheet.both(disc(x, y, r), s.accent, edge, 2.4)
    features.ears(sheet, h, skin.base, skin.dark, 0.82, rim, 2.4)
    features.earrings(sheet, h, f["earrings"], "#f7c948" if f["earrings"] == "hoops" else s.accent, 22)
    face = h.outline()
    sheet.both(face, skin.base, rim, 2.8)
    inside = sheet.clip(face)
    sheet.within(inside)
    for d in [*hair.soft, *hair.front]:
        sheet.fill(d, skin.dark, 0.62, move="translate(2 9)")
    sheet.end()
    blush = sheet.glow((0, skin.blush + "b0"), (1, skin.blush + "00"))
    for k in (-1, 1):
        x, y = h.cx + k * h.w * 0.62, h.nose + 12
        sheet.oval(x, y, 17, 11, blush)
        ticks = (path("M", x + j * 5 + 1.5, y - 3, "L", x + j * 5 - 1.5, y + 3) for j in (-1, 0, 1))
        sheet.line(" ".join(ticks), skin.blush, 1.8, 0.8)
    sheet.fill(
        shape(
            [(h.cx - 1, h.nose + 4), (h.cx + 4, h.nose + 9), (h.cx - 3, h.nose + 10)],
            [(h.cx - 3, h.nose + 10), (h.cx - 1, h.nose + 4)],
        ),
        rim,
        0.75,
    )
    _mouth(sheet, f, h)
    for k in (-1, 1) if f["glasses"] != "sunglasses" else ():
        eye(
            sheet,
            h.cx + k * h.gap,
            h.eye,
            k,
            h.w * 0.315,
            h.w * _tall(f),
            f.eyes,
            (f.gaze[0] * 2.4, f.gaze[1] * 1.5),
        )
    features.glasses(
        sheet, h, f["glasses"], c.pick(("#33303f", "#8c3a45", "#3c5a8c")), 3.6, h.w * 0.42, 0.98, 2
    )
    for p in hat:
        if p.role in ("hair", "pink"):
            sheet.both(p.d, paint if p.role == "hair" else colours["pink"], edge, 2.6)
    for d in hair.soft:
        sheet.fill(d, paint)
    sheet.line(" ".join(hair.edges), edge, 2.8)
    for d in hair.front:
        sheet.both(d, paint, edge, 2.8)
    sheet.line(" ".join(hair.strands), edge, 2, 0.55)
    for d in hair.shine:
        sheet.fill(d, tone.light, 0.85)
    features.brows(sheet, h, blend(tone.dark, "#201420", 0.25), h.w * 0.5, 3.2, h.w * 0.22, f["mouth"])
    for p in hat:
        if p.role not in ("hair", "pink"):
            sheet.both(p.d, colours[p.role], blend(colours[p.role], "#1a1024", 0.6), 2.6)
    for d in hair.hanging:
        sheet.both(d, paint, edge, 2.6)
    sheet.end()
    return sheet.text()


def _tall(f: Face) -> float:
    """How tall the eyes stand, in head half-widths: surprise opens them."""
    return 0.4 if f["mouth"] == "surprise" else 0.365


def eye(
    sheet: Sheet, x: float, y: float, k: int, w: float, t: float, tone: Tone, gaze: tuple[float, float]
) -> None:
    """One eye of half-width w and half-height t; k = 1 has its outer corner to the right."""

    def q(u: float, v: float) -> tuple[float, float]:
        return x + k * u * w, y + v * t

    white = shape(
        [q(-0.92, 0.1), q(-0.55, -0.75), q(0.2, -0.95), q(0.85, -0.55), q(0.98, 0.1)],
        [q(0.98, 0.1), q(0.75, 0.75), q(0.1, 0.98), q(-0.6, 0.82), q(-0.92, 0.1)],
    )
    sheet.fill(white, sheet.down((0.1, "#c4bfd8"), (0.45, "#ffffff")))
    ix, iy = x + gaze[0], y + t * 0.02 + gaze[1]
    rx, ry = w * 0.77, t * 0.94
    glossy = sheet.down(
        (0, blend(tone.dark, "#140d1e", 0.5)), (0.35, tone.dark), (1, blend(tone.base, tone.light, 0.7))
    )
    sheet.both(disc(ix, iy, rx, ry), glossy, blend(tone.dark, "#140d1e", 0.6), 2)
    sheet.oval(ix, iy + ry * 0.02, rx * 0.42, ry * 0.44, blend(tone.dark, "#0c0714", 0.75))
    sheet.fill(
        shape(
            [(ix - rx * 0.66, iy + ry * 0.4), (ix, iy + ry * 0.62), (ix + rx * 0.66, iy + ry * 0.4)],
            [
                (ix + rx * 0.66, iy + ry * 0.4),
                (ix + rx * 0.42, iy + ry * 0.82),
                (ix, iy + ry * 0.92),
                (ix - rx * 0.42, iy + ry * 0.82),
                (ix - rx * 0.66, iy + ry * 0.4),
            ],
        ),
        blend(tone.light, "#ffffff", 0.25),
        0.75,
    )
    sheet.oval(ix - rx * 0.36, iy - ry * 0.42, rx * 0.36, ry * 0.27, "#ffffff")
    sheet.oval(ix + rx * 0.4, iy + ry * 0.4, rx * 0.16, ry * 0.13, "#ffffff", 0.95)
    ink = "#261826"
    sheet.fill(
        shape(
            [q(-1.06, 0.06), q(-0.66, -0.82), q(0.12, -1.14), q(0.86, -0.86), q(1.3, -0.4)],
            [q(1.3, -0.4), q(1.02, -0.2)],
            [q(1.02, -0.2), q(0.72, -0.68), q(0.12, -0.86), q(-0.58, -0.64), q(-1.06, 0.06)],
        ),
        ink,
    )
    sheet.line(path("M", *q(0.95, 0.35), "Q", *q(0.75, 0.85), *q(0.25, 1.0)), ink, 1.9, 0.7)
    sheet.line(stroke([q(-0.45, -1.16), q(0.2, -1.36), q(0.78, -1.14)]), ink, 1.6, 0.45)


def _mouth(sheet: Sheet, f: Face, h: Head) -> None:
    y, w = h.mouth + 9, h.w * 0.16
    ink = blend(f.skin.lip, "#40101c", 0.55)
    if f["mouth"] == "grin":
        d = path(
            "M",
            h.cx - w * 1.15,
            y - 4,
            "Q",
            h.cx,
            y - 1,
            h.cx + w * 1.15,
            y - 4,
            "Q",
            h.cx + w * 0.8,
            y + w * 1.1,
            h.cx,
            y + w * 1.15,
            "Q",
            h.cx - w * 0.8,
            y + w * 1.1,
            h.cx - w * 1.15,
            y - 4,
            "Z",
        )
        sheet.both(d, "#8c2f3f", ink, 2.2)
        sheet.oval(h.cx, y + w * 0.72, w * 0.52, w * 0.32, "#f08a8f")
    else:
        features.mouth(
            sheet,
            f["mouth"],
            h.cx,
            y - 3,
            w * (0.95 if f["mouth"] != "surprise" else 1.15),
            f.skin,
            ink,
            2.8,
            f.side,
        )


def _body(sheet: Sheet, f: Face, h: Head, rim: str) -> None:
    s, skin, neck = f.scheme, f.skin, h.w * 0.27
    sheet.both(slab(128, 222, neck, 34, 6), skin.base, rim, 2.4)
    sheet.fill(
        path(
            "M",
            128 - neck + 1,
            h.chin - 14,
            "H",
            128 + neck - 1,
            "V",
            h.chin + 3,
            "Q",
            128,
            h.chin + 17,
            128 - neck + 1,
            h.chin + 3,
            "Z",
        ),
        skin.dark,
        0.8,
    )
    colours = {"cloth": s.cloth, "trim": s.accent, "dark": blend(s.cloth, "#1d1b33", 0.25), "skin": skin.base}
    for p in garment(f.garment, h, 231, 78, neck):
        sheet.fill(p.d, colours[p.role])
        sheet.line(p.edge or p.d, blend(s.cloth, "#1a1024", 0.65), 2.6)


def _sparkles(sheet: Sheet, f: Face) -> None:
    """Soft discs of light in the background, out of focus."""
    for _ in range(4):
        x, y, r = f.chance.between(0, 256), f.chance.between(0, 200), f.chance.between(10, 34)
        sheet.oval(x, y, r, r, "#ffffff", 0.16)
