"""Hair as outlines, in the skull's own measure; how it is coloured is each style's affair."""

from __future__ import annotations

from .chance import Chance
from .crops import cropped
from .fringes import combed
from .head import Head
from .pen import shape
from .scalp import Hair, crescent, halo
from .tresses import draped, gathered


def hair_of(kind: str, h: Head, c: Chance, pointed: bool = False, close: bool = False) -> Hair:
    """The outlines of one hair style; `pointed` draws locks with tips, `close` keeps it under a hat."""
    hair = Hair()
    s = c.sign()
    thick = 0.07 if close else c.between(0.12, 0.17)
    fringes = (
        ["straight", "swept", "parted"] if not pointed else ["locks", "locks", "swept", "straight", "parted"]
    )
    fringe = c.pick(fringes)
    if kind == "bald":
        return hair
    if kind in ("buzz", "short", "quiff", "spiky", "curly", "afro"):
        fringe = cropped(kind, hair, h, c, s, thick, pointed, close)
    elif kind in ("bob", "long", "wavy"):
        draped(kind, hair, h, c, s, thick, fringe)
    else:
        fringe = fringe if c.hit(0.6) else "back"
        gathered(kind, hair, h, c, s, thick, fringe)
    if pointed and not close and fringe == "locks" and kind != "spiky" and c.hit(0.55):
        tip = c.between(-0.46, -0.34)
        hair.front.insert(
            0,
            shape(
                h.run((-0.1 * s, 0.0), (0.04 * s, tip * 0.66), (0.36 * s, tip)),
                h.run((0.36 * s, tip), (0.24 * s, -0.2), (0.2 * s, 0.02)),
                h.run((0.2 * s, 0.02), (-0.1 * s, 0.0)),
            ),
        )
    if not close and fringe:
        hair.strands += combed(h, fringe, s)
        ringed = pointed and fringe in ("locks", "straight")
        hair.shine.append(halo(h, c) if ringed else crescent(h, thick, 148, 108, 0.93, 0.83))
    return hair
