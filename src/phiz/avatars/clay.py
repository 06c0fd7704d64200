"""Clay: soft modelled volumes under one warm lamp, every surface a gradient, eyes like wet glass."""

from __future__ import annotations

from . import features
from .face import Face
from .head import Head
from .palettes import Tone, blend
from .pen import Sheet, shape, slab
from .wear import garment, hat_pieces


def draw(f: Face) -> str:
    c, sheet, skin, tone, s = f.chance, Sheet(), f.skin, f.hair, f.scheme
    w = c.between(58, 64)
    h = Head(
        w=w,
        top=c.between(55, 60),
        eye=142,
        chin=c.between(207, 213),
        jaw=w * c.between(0.72, 0.88),
        jaw_y=184,
        gap=w * 0.46,
        tip=c.between(16, 26),
    )
    sheet.all_over(
        sheet.down((0, blend(s.sky, "#ffffff", 0.22)), (1, blend(s.ground, "#2a1a3a", 0.12)), x=0.5)
    )
    cloth = _clay(sheet, Tone(s.cloth, blend(s.cloth, "#3a1a4a", 0.3), blend(s.cloth, "#ffffff", 0.35)))
    trim = _clay(sheet, Tone(s.accent, blend(s.accent, "#3a2040", 0.3), blend(s.accent, "#ffffff", 0.4)))
    dark = _clay(
        sheet,
        Tone(
            blend(s.cloth, "#1d1b33", 0.25), blend(s.cloth, "#1a1030", 0.6), blend(s.cloth, "#ffffff", 0.15)
        ),
    )
    locks = sheet.lamp(
        96, 46, 176, (0, blend(tone.base, tone.light, 0.62)), (0.45, tone.base), (1, tone.dark)
    )
    deep = blend(tone.dark, "#140a1c", 0.15)
    flesh = sheet.glow(
        (0, skin.light), (0.42, skin.base), (1, blend(skin.dark, skin.base, 0.25)), x=0.38, y=0.36, r=0.72
    )
    colours = {
        "cloth": cloth,
        "trim": trim,
        "dark": dark,
        "hair": locks,
        "pink": "#f6a5b4",
        "skin": blend(skin.base, skin.dark, 0.4),
    }
    hair = f.locks(h)
    hat = hat_pieces(f["hat"], h, c)
    sheet.turned(f.tilt, 128, 222)
    for d in hair.behind:
        sheet.fill(d, deep)
    sheet.end()
    neck = h.w * 0.36
    sheet.fill(slab(128, 212, neck, 44, 14), sheet.down((0.3, skin.dark), (1, skin.base)))
    for p in garment(f.garment, h, 226, 96, neck):
        sheet.fill(p.d, colours[p.role])
    sheet.turned(f.tilt, 128, 222)
    for d in hair.upper:
        sheet.fill(d, locks)
    for x, y, r in hair.ties:
        sheet.oval(x, y, r, r, trim)
    features.ears(sheet, h, flesh, skin.dark, 1.05)
    features.earrings(sheet, h, f["earrings"], "#f0bf4c", 27)
    sheet.fill(h.outline(), flesh)
    blush = sheet.glow((0, skin.blush + "88"), (1, skin.blush + "00"))
    for k in (-1, 1):
        sheet.oval(h.cx + k * h.w * 0.6, h.nose + 11, 22, 17, blush)
    under = sheet.clip(h.outline())
    sheet.within(under)
    for d in [*hair.soft, *hair.front]:
        sheet.fill(d, blend(skin.dark, "#5a1c2a", 0.3), 0.35, move="translate(3 7)")
    sheet.end()
    for d in features.beard_shapes(h, f["beard"]):
        sheet.fill(d, tone.dark if f["beard"] == "stubble" else locks, 0.28 if f["beard"] == "stubble" else 1)
    _eyes(sheet, f, h)
    _nose(sheet, f, h)
    features.mouth(
        sheet,
        f["mouth"],
        h.cx,
        h.mouth + 4,
        w * 0.31,
        skin,
        features.lips_ink(f["beard"], skin, blend(skin.lip, "#4a1220", 0.3)),
        5,
        f.side,
    )
    features.brows(sheet, h, blend(tone.dark, "#2a1a1c", 0.2), w * 0.42, 6.4, w * 0.2, f["mouth"])
    for d in [*hair.soft, *hair.front]:
        sheet.fill(d, locks)
    shine = sheet.down((0, blend(tone.light, "#ffffff", 0.3) + "e0"), (1, tone.light + "30"))
    for d in hair.shine:
        sheet.fill(d, shine)
    sheet.line(" ".join(hair.strands), blend(tone.base, tone.light, 0.6) if f.curled else tone.dark, 3, 0.6)
    features.glasses(
        sheet, h, f["glasses"], c.pick(("#34303f", "#8a4b32", "#a33f4a", "#31606b")), 5, w * 0.39, 0.92
    )
    for p in hat:
        sheet.fill(p.d, colours[p.role])
    for d in hair.hanging:
        sheet.fill(d, locks)
    sheet.end()
    return sheet.text()


def _clay(sheet: Sheet, tone: Tone) -> str:
    return sheet.down((0, blend(tone.base, tone.light, 0.6)), (1, blend(tone.base, tone.dark, 0.8)), x=0.6)


def _eyes(sheet: Sheet, f: Face, h: Head) -> None:
    tone, r = f.eyes, h.w * 0.265
    gx, gy = f.gaze[0] * 2.6, f.gaze[1] * 1.6
    white = sheet.down((0, "#d5c9d6"), (0.5, "#fffdfb"))
    glass = sheet.glow((0, tone.light), (1, blend(tone.base, tone.dark, 0.7)), y=0.8, r=0.75)
    for k in (-1, 1) if f["glasses"] != "sunglasses" else ():
        x, y = h.cx + k * h.gap, h.eye
        sheet.oval(x, y, r, r * 1.02, white)
        sheet.oval(x + gx, y + gy, r * 0.72, r * 0.75, glass)
        sheet.oval(x + gx, y + gy, r * 0.38, r * 0.4, "#150e18")
        sheet.oval(x + gx - r * 0.28, y + gy - r * 0.32, r * 0.22, r * 0.24, "#ffffff")
        sheet.oval(x + gx + r * 0.26, y + gy + r * 0.3, r * 0.1, r * 0.1, "#ffffff", 0.85)
        sheet.fill(
            shape(
                [
                    (x - r * 1.06, y - r * 0.12),
                    (x - r * 0.6, y - r * 0.92),
                    (x, y - r * 1.12),
                    (x + r * 0.6, y - r * 0.92),
                    (x + r * 1.06, y - r * 0.12),
                ],
                [(x + r * 1.06, y - r * 0.12), (x, y - r * 0.72), (x - r * 1.06, y - r * 0.12)],
            ),
            blend(f.skin.dark, "#3a1624", 0.62),
        )


def _nose(sheet: Sheet, f: Face, h: Head) -> None:
    skin, y = f.skin, h.nose + 3
    sheet.oval(h.cx + 2, y + 3, 12, 9, sheet.glow((0, skin.dark + "c0"), (1, skin.dark + "00")))
    sheet.oval(
        h.cx,
        y,
        10,
        8.4,
        sheet.glow(
            (0, skin.light),
            (0.6, blend(skin.base, skin.blush, 0.25)),
            (1, blend(skin.base, skin.dark, 0.5)),
            x=0.38,
            y=0.32,
            r=0.7,
        ),
    )
    sheet.oval(h.cx - 3, y - 3, 2.6, 2, "#ffffff", 0.6)
