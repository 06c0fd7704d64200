"""Chibi: a round soft head on a tiny body, wide-set shining eyes, cut out like a sticker with a white rim."""

from __future__ import annotations

from . import features
from .face import Face
from .flat import hat_colours
from .head import Head
from .palettes import blend
from .pen import Sheet, path, shape
from .wear import hat_pieces

RIM = 13.0  # the sticker's white border, as a stroke half of which shows


def draw(f: Face) -> str:
    c, sheet, skin, tone, s = f.chance, Sheet(), f.skin, f.hair, f.scheme
    w = c.between(72, 77)
    h = Head(
        w=w,
        top=c.between(56, 60),
        eye=150,
        chin=c.between(208, 213),
        jaw=w * c.between(0.9, 0.96),
        jaw_y=180,
        gap=w * c.between(0.5, 0.56),
        tip=c.between(30, 38),
    )
    sheet.all_over(blend(s.sky, s.ground, 0.3))
    _dots(sheet, f)
    hair = f.locks(h)
    hat = hat_pieces(f["hat"], h, c)
    colours = hat_colours(f)
    body = shape(
        [
            (128 - 50, 262),
            (128 - 44, 226),
            (128 - 24, 206),
            (128 + 24, 206),
            (128 + 44, 226),
            (128 + 50, 262),
        ],
        [(128 + 50, 262), (128 - 50, 262)],
    )
    sheet.line(body, "#ffffff", RIM)
    sheet.turned(f.tilt * 1.3, 128, 218)
    edges = [*hair.behind, *hair.upper, h.outline(), *hair.front, *hair.hanging, *(p.d for p in hat)]
    sheet.line(" ".join(edges), "#ffffff", RIM)
    for d in hair.behind:
        sheet.fill(d, blend(tone.base, tone.dark, 0.7))
    sheet.end()
    sheet.fill(body, s.cloth)
    sheet.fill(shape([(104, 208), (128, 236), (152, 208)], [(152, 208), (104, 208)]), s.accent)
    sheet.turned(f.tilt * 1.3, 128, 218)
    for d in hair.upper:
        sheet.fill(d, tone.base if f.curled else blend(tone.base, tone.dark, 0.35))
    for x, y, r in hair.ties:
        sheet.oval(x, y, r, r, s.accent)
    features.ears(sheet, h, skin.base, blend(skin.base, skin.dark, 0.7), 0.9)
    features.earrings(sheet, h, f["earrings"], "#f7c948" if f["earrings"] == "hoops" else s.accent, 25)
    sheet.fill(
        h.outline(), sheet.glow((0, skin.light), (1, blend(skin.base, skin.dark, 0.3)), y=0.42, r=0.66)
    )
    blush = sheet.glow((0.1, skin.blush + "b4"), (1, skin.blush + "00"))
    for k in (-1, 1):
        sheet.oval(h.cx + k * h.w * 0.68, h.eye + 25, 19, 13, blush)
        if f["glasses"] != "sunglasses":
            _eye(sheet, f, h.cx + k * h.gap, h.eye, k)
    y = h.eye + 24
    _mouth(sheet, f, h, y)
    for d in [*hair.soft, *hair.front]:
        sheet.fill(d, tone.base)
    for d in hair.shine:
        sheet.fill(d, tone.light, 0.9)
    sheet.line(
        " ".join(hair.strands),
        blend(tone.base, tone.light, 0.5) if f.curled else blend(tone.base, tone.dark, 0.6),
        3.2,
    )
    features.brows(sheet, h, blend(tone.dark, tone.base, 0.2), 28, 4.4, 8, f["mouth"])
    features.glasses(
        sheet, h, f["glasses"], c.pick(("#4a4458", "#d9607a", "#4f7ccb", "#e0a13c")), 4.4, h.w * 0.33, 0.94
    )
    for p in hat:
        sheet.fill(p.d, colours[p.role])
    for d in hair.hanging:
        sheet.fill(d, tone.base)
        sheet.line(d, blend(tone.base, tone.dark, 0.7), 2.4)
    sheet.end()
    return sheet.text()


def _eye(sheet: Sheet, f: Face, x: float, y: float, k: int) -> None:
    tone = f.eyes
    rx, ry = 12.5, 17.0 if f["mouth"] != "surprise" else 18.5
    x, y = x + f.gaze[0] * 2, y + f.gaze[1] * 1.5
    sheet.oval(
        x, y, rx, ry, sheet.down((0.12, "#1d1420"), (0.6, blend(tone.dark, tone.base, 0.6)), (1, tone.light))
    )
    sheet.oval(x, y - 1, rx * 0.5, ry * 0.5, blend(tone.dark, "#120b16", 0.8))
    sheet.oval(x - 4, y - 7, 5, 5.6, "#ffffff")
    sheet.oval(x + 4.6, y + 6.4, 2.5, 2.8, "#ffffff", 0.95)
    sheet.line(
        path(
            "M",
            x - rx - 0.5,
            y - ry * 0.35,
            "Q",
            x - rx * 0.5,
            y - ry * 1.08,
            x,
            y - ry * 1.02,
            "Q",
            x + rx * 0.5,
            y - ry * 1.08,
            x + rx + 0.5,
            y - ry * 0.35,
        ),
        "#2a1a26",
        3.6,
    )
    sheet.line(
        path("M", x + k * rx * 0.9, y - ry * 0.5, "L", x + k * (rx + 5), y - ry * 0.74), "#2a1a26", 3.2
    )


def _mouth(sheet: Sheet, f: Face, h: Head, y: float) -> None:
    ink = blend(f.skin.lip, "#4a1220", 0.45)
    kind = f["mouth"]
    if kind == "smile":
        sheet.line(
            path(
                "M",
                h.cx - 11,
                y,
                "Q",
                h.cx - 10,
                y + 7,
                h.cx - 5,
                y + 7,
                "Q",
                h.cx,
                y + 7,
                h.cx,
                y + 1,
                "Q",
                h.cx,
                y + 7,
                h.cx + 5,
                y + 7,
                "Q",
                h.cx + 10,
                y + 7,
                h.cx + 11,
                y,
            ),
            ink,
            3.4,
        )
    elif kind == "grin":
        d = path(
            "M",
            h.cx - 13,
            y - 1,
            "Q",
            h.cx,
            y + 4,
            h.cx + 13,
            y - 1,
            "Q",
            h.cx + 11,
            y + 17,
            h.cx,
            y + 17,
            "Q",
            h.cx - 11,
            y + 17,
            h.cx - 13,
            y - 1,
            "Z",
        )
        sheet.both(d, "#8f3145", ink, 2.4)
        sheet.oval(h.cx, y + 12, 6.5, 4, "#f58f97")
    else:
        features.mouth(sheet, kind, h.cx, y + 2, 14, f.skin, ink, 3.6, f.side)


def _dots(sheet: Sheet, f: Face) -> None:
    """A quiet pattern of dots, lighter than the background."""
    light = blend(f.scheme.sky, "#ffffff", 0.4)
    step, shift = 42, f.chance.between(0, 42)
    rows = (
        (i * step + (step / 2 if j % 2 else 0) - 10 + shift / 6, j * step - 4 + shift / 4)
        for j in range(7)
        for i in range(7)
    )
    sheet.line(" ".join(path("M", x, y, "h 0") for x, y in rows), light, 10, 0.8)
