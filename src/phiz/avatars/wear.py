"""Clothes and hats as outlines with a role each; a style decides how a role is coloured."""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance
from .head import Head
from .pen import Point, disc, path, shape, slab


@dataclass(frozen=True)
class Piece:
    """One piece of a garment or hat: its outline and its role (cloth, trim, dark, skin, hair, pink)."""

    d: str
    role: str
    edge: str = ""  # the part of the outline to draw, where not all of it is an edge


GARMENTS = ("crew", "vee", "hoodie", "shirt", "turtle")


def garment(kind: str, h: Head, shoulder: float, width: float, neck: float) -> list[Piece]:
    """Shoulders from y = shoulder down, `width` half-wide at the foot of the picture, open for a neck."""
    cx = h.cx
    n = neck + 4
    body = shape(
        [
            (cx - width, 262),
            (cx - width + 8, shoulder + 26),
            (cx - width * 0.62, shoulder + 8),
            (cx - n, shoulder - 3),
        ],
        [(cx - n, shoulder - 3), (cx, shoulder + 13), (cx + n, shoulder - 3)],
        [
            (cx + n, shoulder - 3),
            (cx + width * 0.62, shoulder + 8),
            (cx + width - 8, shoulder + 26),
            (cx + width, 262),
        ],
    )
    pieces = [Piece(body, "cloth")]
    y = shoulder
    if kind == "crew":
        pieces.append(
            Piece(
                shape(
                    [(cx - n - 3, y - 4), (cx, y + 19), (cx + n + 3, y - 4)],
                    [(cx + n + 3, y - 4), (cx + n - 3, y - 5)],
                    [(cx + n - 3, y - 5), (cx, y + 10), (cx - n + 3, y - 5)],
                ),
                "trim",
            )
        )
    elif kind == "vee":
        pieces.append(_opening(cx, n, y, 33))
    elif kind == "hoodie":
        pieces.append(
            Piece(
                shape(
                    [(cx - n - 15, y - 6), (cx - n - 20, y + 8), (cx - 8, y + 30)],
                    [(cx - 8, y + 30), (cx, y + 15)],
                    [(cx, y + 15), (cx - n, y + 2), (cx - n - 15, y - 6)],
                ),
                "dark",
            )
        )
        pieces.append(
            Piece(
                shape(
                    [(cx + n + 15, y - 6), (cx + n + 20, y + 8), (cx + 8, y + 30)],
                    [(cx + 8, y + 30), (cx, y + 15)],
                    [(cx, y + 15), (cx + n, y + 2), (cx + n + 15, y - 6)],
                ),
                "dark",
            )
        )
        pieces += [
            Piece(slab(cx - 9, y + 36, 2, 11, 2), "trim"),
            Piece(slab(cx + 9, y + 36, 2, 11, 2), "trim"),
        ]
    elif kind == "shirt":
        pieces.append(_opening(cx, n, y, 22))
        for s in (-1, 1):
            pieces.append(
                Piece(
                    path(
                        "M",
                        cx + s * (n - 4),
                        y - 9,
                        "L",
                        cx,
                        y + 20,
                        "L",
                        cx + s * 20,
                        y + 32,
                        "L",
                        cx + s * (n + 10),
                        y + 1,
                        "Z",
                    ),
                    "trim",
                )
            )
    else:
        pieces.append(Piece(slab(cx, y - 4, n + 2, 12, 7), "dark"))
    return pieces


def _opening(cx: float, n: float, y: float, deep: float) -> Piece:
    """A neckline's V of skin; its upper side lies on the neck and is no edge."""
    vee = path("M", cx - n, y - 4, "L", cx, y + deep, "L", cx + n, y - 4)
    return Piece(f"{vee} Z", "skin", vee)


def hat_pieces(kind: str, h: Head, c: Chance) -> list[Piece]:
    """A hat's pieces from back to front; empty for none."""
    s = c.sign()

    def at(*uv: Point) -> list[Point]:
        return h.run(*((s * u, v) for u, v in uv))

    if kind == "beanie":
        dome = shape(
            at((-1.13, 0.5), (-1.1, 0.05), (-0.66, -0.3), (0, -0.4), (0.66, -0.3), (1.1, 0.05), (1.13, 0.5)),
            at((1.13, 0.5), (0, 0.4), (-1.13, 0.5)),
        )
        band = shape(
            at((-1.17, 0.26), (-0.6, 0.18), (0, 0.16), (0.6, 0.18), (1.17, 0.26)),
            at((1.17, 0.26), (1.17, 0.62)),
            at((1.17, 0.62), (0.6, 0.53), (0, 0.51), (-0.6, 0.53), (-1.17, 0.62)),
            at((-1.17, 0.62), (-1.17, 0.26)),
        )
        pieces = [Piece(dome, "cloth"), Piece(band, "dark")]
        if c.hit(0.6):
            x, y = h.at(0, -0.38)
            pieces.insert(0, Piece(disc(x, y, h.w * 0.21), "trim"))
        return pieces
    if kind == "cap":
        dome = shape(
            at(
                (-1.11, 0.5),
                (-1.08, 0.08),
                (-0.66, -0.24),
                (0, -0.33),
                (0.66, -0.24),
                (1.08, 0.08),
                (1.11, 0.5),
            ),
            at((1.11, 0.5), (0, 0.36), (-1.11, 0.5)),
        )
        brim = shape(
            at((-1.0, 0.46), (-0.4, 0.28), (0.4, 0.26), (1.12, 0.4), (1.42, 0.62)),
            at((1.42, 0.62), (0.9, 0.6), (0.2, 0.52), (-0.5, 0.52), (-1.0, 0.46)),
        )
        panel = shape(
            at((-0.42, 0.34), (-0.4, 0.0), (-0.2, -0.3), (0.2, -0.3), (0.4, 0.0), (0.42, 0.33)),
            at((0.42, 0.33), (0, 0.3), (-0.42, 0.34)),
        )
        x, y = h.at(0, -0.33)
        return [
            Piece(disc(x, y, h.w * 0.1, h.w * 0.07), "dark"),
            Piece(dome, "cloth"),
            Piece(panel, "trim"),
            Piece(brim, "dark"),
        ]
    if kind == "sunhat":
        dome = shape(
            at(
                (-0.98, 0.42),
                (-0.96, -0.05),
                (-0.6, -0.36),
                (0, -0.42),
                (0.6, -0.36),
                (0.96, -0.05),
                (0.98, 0.42),
            ),
            at((0.98, 0.42), (0, 0.5), (-0.98, 0.42)),
        )
        band = shape(
            at((-0.99, 0.14), (-0.5, 0.2), (0, 0.22), (0.5, 0.2), (0.99, 0.14)),
            at((0.99, 0.14), (1.0, 0.44)),
            at((1.0, 0.44), (0, 0.52), (-1.0, 0.44)),
            at((-1.0, 0.44), (-0.99, 0.14)),
        )
        e = min(1.72, 112 / h.w)
        brim = shape(
            at((-e, 0.52), (-1.2, 0.36), (-0.6, 0.42), (0, 0.44), (0.6, 0.42), (1.2, 0.36), (e, 0.52)),
            at((e, 0.52), (1.1, 0.68), (0, 0.64), (-1.1, 0.68), (-e, 0.52)),
        )
        return [Piece(dome, "cloth"), Piece(band, "trim"), Piece(brim, "cloth")]
    if kind == "bow":
        x, y = h.at(s * 0.56, -0.1)
        r = h.w * 0.36
        wings = [
            path("M", x, y, "C", x + k * r * 0.6, y - r * 0.9,
                 x + k * r * 1.35, y - r * 0.85, x + k * r * 1.25, y - r * 0.05,
                 "C", x + k * r * 1.35, y + r * 0.7, x + k * r * 0.5, y + r * 0.75, x, y, "Z")
            for k in (-1, 1)
        ]  # fmt: skip
        return [*(Piece(d, "cloth") for d in wings), Piece(disc(x, y, r * 0.3, r * 0.34), "dark")]
    if kind == "cat_ears":
        pieces = []
        for k in (-1, 1):
            outer = (
                h.run((k * 0.3, -0.06), (k * 0.52, -0.32), (k * 0.86, -0.47)),
                h.run((k * 0.86, -0.47), (k * 1.04, -0.2), (k * 1.02, 0.2)),
            )
            inner = (
                h.run((k * 0.5, -0.06), (k * 0.62, -0.26), (k * 0.82, -0.34)),
                h.run((k * 0.82, -0.34), (k * 0.92, -0.16), (k * 0.9, 0.1)),
            )
            pieces += [Piece(shape(*outer), "hair"), Piece(shape(*inner), "pink")]
        return pieces
    if kind == "headphones":
        rx, ry = h.w * 1.2, (h.eye - h.top) + h.w * 0.24
        y = h.eye + 4
        t = h.w * 0.13
        band = path(
            "M",
            h.cx - rx,
            y,
            "A",
            rx,
            ry,
            0,
            0,
            1,
            h.cx + rx,
            y,
            "L",
            h.cx + rx - t,
            y,
            "A",
            rx - t,
            ry - t,
            0,
            0,
            0,
            h.cx - rx + t,
            y,
            "Z",
        )
        pieces = [Piece(band, "dark")]
        for k in (-1, 1):
            pieces += [
                Piece(slab(h.cx + k * h.w * 1.1, y + 6, h.w * 0.17, h.w * 0.36, h.w * 0.14), "cloth"),
                Piece(slab(h.cx + k * h.w * 1.2, y + 6, h.w * 0.1, h.w * 0.25, h.w * 0.08), "trim"),
            ]
        return pieces
    return []
