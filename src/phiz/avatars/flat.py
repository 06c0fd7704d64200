"""Flat: the clean modern portrait. No outlines, two tones a surface, a disc of colour behind."""

from __future__ import annotations

from . import features
from .face import Face
from .head import Head
from .palettes import blend
from .pen import Sheet, path, slab
from .wear import garment, hat_pieces


def draw(f: Face) -> str:
    c, sheet, skin, tone = f.chance, Sheet(), f.skin, f.hair
    w = c.between(54, 60)
    h = Head(
        w=w,
        top=c.between(56, 62),
        eye=139,
        chin=c.between(202, 210),
        jaw=w * c.between(0.66, 0.86),
        jaw_y=182,
        gap=w * 0.47,
        tip=c.between(12, 22),
    )
    s = f.scheme
    sheet.all_over(s.ground)
    sheet.oval(128, 136, 112, 112, s.sky)
    hair = f.locks(h)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.behind:
        sheet.fill(d, blend(tone.base, tone.dark, 0.8))
    sheet.end()
    _body(sheet, f, h)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.upper:
        sheet.fill(d, tone.base if f.curled else blend(tone.base, tone.dark, 0.45))
    _ties(sheet, hair.ties, s.accent)
    hat = hat_pieces(f["hat"], h, c)
    colours = hat_colours(f)
    features.ears(sheet, h, skin.base, skin.dark)
    features.earrings(sheet, h, f["earrings"], "#f3c14b" if f["earrings"] == "hoops" else "#fff3d6")
    sheet.fill(h.outline(), skin.base)
    sheet.fill(h.half(c.between(-6, 10)), skin.dark, 0.3)
    for k in (-1, 1):
        sheet.oval(h.cx + k * h.w * 0.62, h.nose + 8, 12, 8, skin.blush, 0.35)
    if c.hit(0.18):
        features.freckles(sheet, h, skin.dark)
    _beard(sheet, f, h)
    _eyes(sheet, f, h)
    nose = h.nose + 4
    sheet.line(
        path("M", h.cx + 1, nose - 14, "Q", h.cx + 9, nose + 3, h.cx - 3, nose + 4),
        blend(skin.dark, skin.lip, 0.25),
        4,
    )
    features.mouth(
        sheet,
        f["mouth"],
        h.cx,
        h.mouth + 2,
        w * 0.32,
        skin,
        features.lips_ink(f["beard"], skin, blend(skin.lip, "#3a1018", 0.3)),
        4.6,
        f.side,
    )
    features.brows(sheet, h, blend(tone.dark, "#2a1a1c", 0.35), 19, 5.2, w * 0.21, f["mouth"])
    for d in [*hair.soft, *hair.front]:
        sheet.fill(d, tone.base)
    for d in hair.shine:
        sheet.fill(d, tone.light, 0.8)
    if f.curled:
        sheet.line(" ".join(hair.strands), blend(tone.base, tone.light, 0.55), 3.4)
    elif f["hair"] != "buzz" and not f.close:
        sheet.line(" ".join(hair.strands), features.strand_colour(tone), 3)
    features.glasses(
        sheet, h, f["glasses"], c.pick(("#2b2b3a", "#7b4a2e", "#b2453f", "#2f5d62")), 4.2, w * 0.38
    )
    for p in hat:
        sheet.fill(p.d, colours[p.role])
    for d in hair.hanging:
        sheet.fill(d, tone.base)
        sheet.line(d, tone.dark, 2.2)
    sheet.end()
    return sheet.text()


def hat_colours(f: Face) -> dict[str, str]:
    s = f.scheme
    return {
        "cloth": s.cloth, "dark": blend(s.cloth, "#1d1b33", 0.28), "trim": s.accent,
        "hair": f.hair.base, "pink": "#f6a5b4", "skin": f.skin.base,
    }  # fmt: skip


def _ties(sheet: Sheet, ties: list[tuple[float, float, float]], colour: str) -> None:
    for x, y, r in ties:
        sheet.oval(x, y, r, r, colour)


def _body(sheet: Sheet, f: Face, h: Head) -> None:
    s, skin, neck = f.scheme, f.skin, h.w * 0.4
    sheet.fill(slab(128, 210, neck, 42, 16), skin.base)
    sheet.fill(
        path(
            "M",
            128 - neck,
            h.chin - 12,
            "H",
            128 + neck,
            "V",
            h.chin + 6,
            "Q",
            128,
            h.chin + 26,
            128 - neck,
            h.chin + 6,
            "Z",
        ),
        skin.dark,
        0.75,
    )
    colours = {
        "cloth": s.cloth,
        "trim": s.accent,
        "dark": blend(s.cloth, "#1d1b33", 0.22),
        "skin": blend(skin.base, skin.dark, 0.35),
    }
    for p in garment(f.garment, h, 224, 98, neck):
        sheet.fill(p.d, colours[p.role])


def _beard(sheet: Sheet, f: Face, h: Head) -> None:
    kind = f["beard"]
    if kind == "none":
        return
    colour = blend(f.hair.base, f.hair.dark, 0.35)
    for d in features.beard_shapes(h, kind):
        sheet.fill(d, colour, 0.24 if kind == "stubble" else 1)


def _eyes(sheet: Sheet, f: Face, h: Head) -> None:
    iris, w = f.eyes, h.w * 0.235
    gx, gy = f.gaze[0] * 2.2, f.gaze[1] * 1.2
    for k in (-1, 1) if f["glasses"] != "sunglasses" else ():
        x, y = h.cx + k * h.gap, h.eye
        sheet.oval(x, y, w, w * 0.86, "#fffdf8")
        sheet.oval(x + gx, y + gy, w * 0.74, w * 0.76, iris.base)
        sheet.oval(x + gx, y + gy, w * 0.4, w * 0.42, "#1c1722")
        sheet.oval(x + gx - w * 0.24, y + gy - w * 0.28, w * 0.2, w * 0.2, "#ffffff")
        sheet.line(
            path(
                "M",
                x - w * 1.05,
                y - w * 0.1,
                "Q",
                x - w * 0.7,
                y - w * 0.84,
                x,
                y - w * 0.8,
                "Q",
                x + w * 0.7,
                y - w * 0.84,
                x + w * 1.05,
                y - w * 0.1,
            ),
            "#2b2029",
            4.2,
        )
