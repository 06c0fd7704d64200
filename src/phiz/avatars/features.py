"""The small things of a face that several styles share: mouths, brows, beards, ears, glasses."""

from __future__ import annotations

from .head import Head
from .palettes import Skin, Tone, blend
from .pen import Sheet, disc, loop, path, shape, slab


def mouth(
    sheet: Sheet, kind: str, x: float, y: float, w: float, skin: Skin, ink: str, width: float, side: int
) -> None:
    """A mouth of half-width w; `ink` is the colour of its line, `side` the corner a smirk lifts."""
    if kind == "smile":
        sheet.line(path("M", x - w, y - 2, "Q", x, y + w * 0.85, x + w, y - 2), ink, width)
    elif kind == "calm":
        sheet.line(path("M", x - w * 0.62, y + 2, "Q", x, y + 4, x + w * 0.62, y + 2), ink, width)
    elif kind == "smirk":
        a, b = x - side * w * 0.75, x + side * w * 0.9
        sheet.line(path("M", a, y + 3, "Q", x + side * w * 0.3, y + 6, b, y - w * 0.32), ink, width)
    elif kind == "surprise":
        sheet.fill(disc(x, y + 3, w * 0.42, w * 0.52), blend(skin.lip, "#2a0d14", 0.55))
        sheet.oval(x, y + 3 + w * 0.24, w * 0.26, w * 0.2, "#e8737a")
    else:
        teeth = path(
            "M", x - w * 0.9, y - 3.2, "Q", x, y + 0.6, x + w * 0.9, y - 3.2,
            "Q", x + w * 0.78, y + w * 0.26, x, y + w * 0.3,
            "Q", x - w * 0.78, y + w * 0.26, x - w * 0.9, y - 3.2, "Z",
        )  # fmt: skip
        open_lips = path(
            "M", x - w, y - 4, "Q", x, y, x + w, y - 4, "Q", x + w * 0.72, y + w * 0.88, x, y + w * 0.88,
            "Q", x - w * 0.72, y + w * 0.88, x - w, y - 4, "Z",
        )  # fmt: skip
        sheet.fill(open_lips, blend(skin.lip, "#2a0d14", 0.5))
        sheet.fill(teeth, "#fffaf5")
        sheet.oval(x, y + w * 0.7, w * 0.42, w * 0.17, "#ee7d84")


def brows(sheet: Sheet, h: Head, colour: str, lift: float, width: float, half: float, kind: str) -> None:
    """Two brows `lift` above the eyes; surprise raises them, a smirk raises one."""
    for s in (-1, 1):
        up = lift + (5 if kind == "surprise" else 4 if kind == "smirk" and s == 1 else 0)
        x, y = h.cx + s * h.gap, h.eye - up
        sheet.line(
            path("M", x - s * half, y + 1.5, "Q", x + s * half * 0.2, y - half * 0.42, x + s * half, y + 2),
            colour,
            width,
        )


def ears(
    sheet: Sheet, h: Head, colour: str, inner: str, size: float = 1.0, edge: str = "", width: float = 0.0
) -> None:
    for s in (-1, 1):
        x, y = h.cx + s * (h.w + 1), h.eye + 9
        if edge:
            sheet.both(disc(x, y, 10 * size, 14 * size), colour, edge, width)
        else:
            sheet.oval(x, y, 10 * size, 14 * size, colour)
        sheet.oval(x + s * 1.5, y + 1, 4.6 * size, 7.5 * size, inner)


def earrings(sheet: Sheet, h: Head, kind: str, colour: str, drop: float = 26.0) -> None:
    for s in (-1, 1):
        x, y = h.cx + s * (h.w + 4), h.eye + drop
        if kind == "studs":
            sheet.oval(x, y, 4.4, 4.4, colour)
            sheet.oval(x - 1.2, y - 1.4, 1.5, 1.5, "#ffffff", 0.85)
        elif kind == "hoops":
            sheet.line(disc(x, y + 8, 8.5), colour, 3.4)


def beard_shapes(h: Head, kind: str, grow: float = 3.5) -> list[str]:
    """Outlines of a beard, standing off the chin by about `grow`; none for "none"."""
    if kind == "full":
        return [_full(h, grow + 5, h.w + 1, 0)]
    if kind == "stubble":
        return [_full(h, 0, h.w - 1, 7)]
    if kind == "goatee":
        return [_goatee(h, grow)]
    return [_moustache(h)] if kind == "moustache" else []


def _full(h: Head, grow: float, wide: float, low: float) -> str:
    """From ear to ear round the jaw; `low` lets its upper edge down the cheek."""
    m, cx = h.mouth, h.cx
    jaw = [
        (wide, h.eye + 8),
        (wide - 1, (h.eye + h.jaw_y) / 2 + 8),
        (h.jaw + grow * 0.9, h.jaw_y),
        ((h.jaw + h.tip) * 0.52 + grow * 0.5, h.chin - 5 + grow),
        (0.0, h.chin + grow),
    ]
    cheek = [
        (-h.w * 0.87, h.eye + 24 + low),
        (-h.w * 0.66, m - 17 + low),
        (-h.w * 0.3, m - 15),
        (0.0, m - 10),
    ]
    right = [(cx + x, y) for x, y in jaw]
    left = [(cx - x, y) for x, y in reversed(jaw)]
    upper = [(cx + x, y) for x, y in cheek] + [(cx - x, y) for x, y in reversed(cheek[:-1])]
    return shape(right, left, [left[-1], upper[0]], upper, [upper[-1], right[0]])


def _goatee(h: Head, grow: float) -> str:
    """A ring round the mouth; the hole runs the other way, so that it stays open."""
    m, cx = h.mouth, h.cx
    a, b, low = h.w * 0.47, h.w * 0.36, h.chin + grow + 3
    ring = [(cx, m - 12), (cx + a * 0.7, m - 9), (cx + a, m + 6), (cx + a * 0.72, low - 9), (cx, low)]
    hole = [(cx, m - 5), (cx - b * 0.8, m - 3), (cx - b, m + 5), (cx - b * 0.72, m + 14), (cx, m + 16.5)]
    ring += [(2 * cx - x, y) for x, y in ring[-2:0:-1]]
    hole += [(2 * cx - x, y) for x, y in hole[-2:0:-1]]
    return f"{loop(ring)} {loop(hole)}"


def _moustache(h: Head) -> str:
    cx, a, y = h.cx, h.w * 0.46, h.mouth - 7
    return shape(
        [(cx, y - 5), (cx + a * 0.45, y - 7), (cx + a, y + 4)],
        [(cx + a, y + 4), (cx + a * 0.5, y + 4), (cx, y + 1), (cx - a * 0.5, y + 4), (cx - a, y + 4)],
        [(cx - a, y + 4), (cx - a * 0.45, y - 7), (cx, y - 5)],
    )


def glasses(
    sheet: Sheet,
    h: Head,
    kind: str,
    frame: str,
    width: float,
    half: float,
    tall: float = 0.86,
    drop: float = 1.0,
) -> None:
    """Round, square or dark glasses whose lenses are `half` wide to each side of an eye."""
    if kind == "none":
        return
    y = h.eye + drop
    lenses = []
    for s in (-1, 1):
        x = h.cx + s * h.gap
        sheet.line(path("M", x + s * half, y - 3, "L", h.cx + s * (h.w + 1), y - 5), frame, width)
        if kind == "round":
            lenses.append(disc(x, y, half, half * max(tall, 0.94)))
        elif kind == "square":
            lenses.append(slab(x, y, half * 1.02, half * tall * 0.88, half * 0.28))
        else:
            k = half * tall
            lenses.append(
                path(
                    "M",
                    x - half,
                    y - k * 0.72,
                    "Q",
                    x,
                    y - k * 0.95,
                    x + half,
                    y - k * 0.72,
                    "Q",
                    x + half * 1.08,
                    y + k * 0.9,
                    x + s * half * 0.12,
                    y + k * 0.92,
                    "Q",
                    x - half * 1.06,
                    y + k * 0.9,
                    x - half,
                    y - k * 0.72,
                    "Z",
                )
            )
    bridge = h.gap - half
    sheet.line(path("M", h.cx - bridge, y - 2, "Q", h.cx, y - 7, h.cx + bridge, y - 2), frame, width)
    if kind == "sunglasses":
        dark = sheet.down((0, "#191a24"), (1, "#4a4a68"))
        for s, d in zip((-1, 1), lenses, strict=True):
            x = h.cx + s * h.gap
            sheet.both(d, dark, frame, width)
            sheet.line(
                path("M", x - half * 0.5, y + half * 0.1, "L", x - half * 0.05, y - half * 0.42),
                "#ffffff",
                width * 0.9,
                0.55,
            )
            sheet.line(
                path("M", x - half * 0.12, y + half * 0.22, "L", x + half * 0.16, y - half * 0.12),
                "#ffffff",
                width * 0.6,
                0.4,
            )
        return
    for s, d in zip((-1, 1), lenses, strict=True):
        x = h.cx + s * h.gap
        sheet.fill(d, "#ffffff", 0.12)
        sheet.line(d, frame, width)
        sheet.line(
            path(
                "M",
                x - half * 0.62,
                y - half * 0.1,
                "Q",
                x - half * 0.56,
                y - half * 0.5,
                x - half * 0.2,
                y - half * 0.6,
            ),
            "#ffffff",
            width * 0.55,
            0.7,
        )


def freckles(sheet: Sheet, h: Head, colour: str, size: float = 1.7) -> None:
    for s in (-1, 1):
        for dx, dy in ((-6, 0), (1, -3), (7, 1), (1, 4)):
            sheet.oval(h.cx + s * (h.gap + dx), h.nose + dy - 2, size, size, colour, 0.8)


def lips_ink(kind: str, skin: Skin, ink: str) -> str:
    """The colour of a mouth's line: lighter where it must show through a full beard."""
    return blend(skin.light, skin.lip, 0.5) if kind == "full" else ink


def strand_colour(tone: Tone) -> str:
    return blend(tone.base, tone.dark, 0.75)
