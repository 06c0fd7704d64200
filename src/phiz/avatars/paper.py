"""Paper: shapes cut from coloured card and stacked, each casting its shadow on the one below."""

from __future__ import annotations

from collections.abc import Callable

from . import features
from .face import Face
from .flat import hat_colours
from .head import Head
from .palettes import blend
from .pen import Sheet, disc, path, shape, slab
from .wear import garment, hat_pieces

Card = Callable[..., None]  # (outline, colour, lift = 1): lays a card and its shadow


def draw(f: Face) -> str:
    c, sheet, skin, tone, s = f.chance, Sheet(), f.skin, f.hair, f.scheme
    w = c.between(55, 60)
    h = Head(
        w=w,
        top=c.between(58, 63),
        eye=140,
        chin=c.between(203, 211),
        jaw=w * c.between(0.7, 0.88),
        jaw_y=180,
        gap=w * 0.48,
        tip=c.between(16, 26),
    )

    def card(d: str, colour: str, lift: float = 1.0) -> None:
        sheet.fill(d, "#1b1030", 0.2, move=f"translate({2 * lift:.1f} {4.5 * lift:.1f})")
        sheet.fill(d, colour)

    sheet.all_over(s.ground)
    for radius, share in ((122.0, 0.5), (100.0, 1.0)):
        card(disc(128, 128, radius), blend(s.ground, s.sky, share), 1.2)
    hair = f.locks(h)
    hat = hat_pieces(f["hat"], h, c)
    colours = hat_colours(f)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.behind:
        card(d, blend(tone.base, tone.dark, 0.75))
    sheet.end()
    neck = h.w * 0.4
    card(slab(128, 212, neck, 44, 12), blend(skin.base, skin.dark, 0.65))
    own = {
        "cloth": s.cloth,
        "trim": s.accent,
        "dark": blend(s.cloth, "#1d1b33", 0.22),
        "skin": blend(skin.base, skin.dark, 0.65),
    }
    for p in garment(f.garment, h, 224, 98, neck):
        card(p.d, own[p.role], 0.8)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.upper:
        card(d, tone.base if f.curled else blend(tone.base, tone.dark, 0.35))
    for x, y, r in hair.ties:
        card(disc(x, y, r), s.accent, 0.5)
    for k in (-1, 1):
        card(disc(h.cx + k * (h.w + 1), h.eye + 9, 10, 14), blend(skin.base, skin.dark, 0.35), 0.6)
    features.earrings(sheet, h, f["earrings"], "#f3c14b" if f["earrings"] == "hoops" else s.accent)
    card(h.outline(), skin.base, 1.3)
    sheet.fill(h.half(0), skin.dark, 0.22)
    for k in (-1, 1):
        sheet.oval(h.cx + k * h.w * 0.62, h.nose + 12, 11, 11, skin.blush, 0.55)
    _beard(card, sheet, f, h)
    _eyes(card, sheet, f, h)
    n = h.nose + 7
    card(
        path("M", h.cx, h.eye - 3, "L", h.cx + 11, n, "Q", h.cx, n + 6, h.cx - 11, n, "Z"),
        blend(skin.base, skin.light, 0.6),
        0.7,
    )
    sheet.fill(
        path("M", h.cx, h.eye - 3, "L", h.cx + 11, n, "Q", h.cx + 5, n + 3, h.cx, n + 3.4, "Z"),
        skin.dark,
        0.5,
    )
    features.mouth(
        sheet,
        f["mouth"],
        h.cx,
        h.mouth + 4,
        w * 0.3,
        skin,
        features.lips_ink(f["beard"], skin, skin.lip),
        5.2,
        f.side,
    )
    for k in (-1, 1):
        up = 20 + (5 if f["mouth"] == "surprise" else 4 if f["mouth"] == "smirk" and k == f.side else 0)
        x, y = h.cx + k * h.gap, h.eye - up
        card(
            shape(
                [(x - 13, y + 4), (x, y - 5), (x + 13, y + 4)], [(x + 13, y + 4), (x, y + 1), (x - 13, y + 4)]
            ),
            blend(tone.dark, "#2a1a1c", 0.2),
            0.4,
        )
    for d in hair.soft:
        sheet.fill(d, "#1b1030", 0.16, move="translate(0 4)")
        sheet.fill(d, tone.base)
    for d in hair.front:
        card(d, tone.base, 1.2)
    for d in hair.shine:
        card(d, blend(tone.base, tone.light, 0.75), 0.4)
    sheet.line(" ".join(hair.strands), features.strand_colour(tone), 2.6)
    features.glasses(
        sheet, h, f["glasses"], c.pick(("#2b2b3a", "#b2453f", "#2f5d62", "#f1e4c8")), 4.8, w * 0.37
    )
    for p in hat:
        card(p.d, colours[p.role], 0.8)
    for d in hair.hanging:
        card(d, tone.base, 0.6)
    sheet.end()
    return sheet.text()


def _eyes(card: Card, sheet: Sheet, f: Face, h: Head) -> None:
    w = h.w * 0.25
    gx = f.gaze[0] * 2.6
    for k in (-1, 1) if f["glasses"] != "sunglasses" else ():
        x, y = h.cx + k * h.gap, h.eye
        card(
            path("M", x - w, y, "Q", x, y - w * 1.5, x + w, y, "Q", x, y + w * 1.25, x - w, y, "Z"),
            "#fffaf0",
            0.4,
        )
        sheet.oval(x + gx, y - 1, w * 0.56, w * 0.6, f.eyes.base)
        sheet.oval(x + gx, y - 1, w * 0.28, w * 0.3, "#1e1826")
        sheet.oval(x + gx - 2.4, y - 3.6, 2.2, 2.2, "#ffffff")
        card(
            path(
                "M",
                x - w * 1.08,
                y,
                "Q",
                x,
                y - w * 1.75,
                x + w * 1.08,
                y,
                "Q",
                x,
                y - w * 0.95,
                x - w * 1.08,
                y,
                "Z",
            ),
            blend(f.skin.dark, "#3a1c2a", 0.45),
            0.4,
        )


def _beard(card: Card, sheet: Sheet, f: Face, h: Head) -> None:
    kind = f["beard"]
    for d in features.beard_shapes(h, kind):
        if kind == "stubble":
            sheet.fill(d, f.hair.dark, 0.26)
        else:
            card(d, blend(f.hair.base, f.hair.dark, 0.3), 0.7)
