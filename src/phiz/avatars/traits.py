"""What a face is, in words: the label schema and how its values are drawn."""

from __future__ import annotations

from .chance import Chance

SCHEMA: dict[str, list[str]] = {
    "style": ["flat", "anime", "chibi", "ink", "paper", "clay"],
    "hair": [
        "bald", "buzz", "short", "quiff", "spiky", "curly", "afro",
        "bob", "long", "wavy", "bun", "ponytail", "twintails", "braids",
    ],
    "hair_colour": ["black", "brown", "auburn", "blonde", "silver", "pink", "blue", "teal", "violet"],
    "eyes": ["brown", "amber", "green", "blue", "violet", "grey"],
    "skin": ["porcelain", "peach", "honey", "tawny", "brown", "deep"],
    "mouth": ["smile", "grin", "calm", "smirk", "surprise"],
    "glasses": ["none", "round", "square", "sunglasses"],
    "hat": ["none", "beanie", "cap", "sunhat", "bow", "cat_ears", "headphones"],
    "beard": ["none", "stubble", "moustache", "goatee", "full"],
    "earrings": ["none", "studs", "hoops"],
}  # fmt: skip

YOUNG = ("anime", "chibi")  # styles that draw no beard
DRAPED = ("bob", "long", "wavy")  # hair over the ears
CROPPED = ("bald", "buzz", "short", "quiff", "spiky", "curly", "afro")
_UNDER_A_HAT = {"bald": 1, "buzz": 1, "short": 2, "bob": 2, "long": 2, "wavy": 2, "braids": 2, "twintails": 1}

_STYLE = {"flat": 18, "anime": 20, "chibi": 16, "ink": 15, "paper": 15, "clay": 16}
_HAIR = {
    "bald": 6, "buzz": 7, "short": 10, "quiff": 8, "spiky": 6, "curly": 8, "afro": 7,
    "bob": 9, "long": 9, "wavy": 9, "bun": 7, "ponytail": 6, "twintails": 5, "braids": 5,
}  # fmt: skip
_YOUNG_HAIR = {
    "bald": 0.7, "buzz": 2, "short": 10, "quiff": 5, "spiky": 10, "curly": 7, "afro": 5,
    "bob": 12, "long": 13, "wavy": 10, "bun": 8, "ponytail": 9, "twintails": 11, "braids": 7,
}  # fmt: skip
_COLOUR = {
    "black": 24, "brown": 22, "auburn": 14, "blonde": 13, "silver": 10,
    "pink": 5, "blue": 4, "teal": 4, "violet": 4,
}  # fmt: skip
_YOUNG_COLOUR = {
    "black": 14, "brown": 14, "auburn": 10, "blonde": 14, "silver": 9,
    "pink": 12, "blue": 10, "teal": 8, "violet": 9,
}  # fmt: skip
_EYES = {"brown": 34, "amber": 16, "green": 16, "blue": 19, "violet": 4, "grey": 11}
_YOUNG_EYES = {"brown": 18, "amber": 18, "green": 18, "blue": 22, "violet": 16, "grey": 8}
_SKIN = {"porcelain": 17, "peach": 21, "honey": 19, "tawny": 16, "brown": 14, "deep": 13}
_MOUTH = {"smile": 34, "grin": 24, "calm": 18, "smirk": 12, "surprise": 12}
_GLASSES = {"none": 66, "round": 14, "square": 11, "sunglasses": 9}
_HAT = {"none": 62, "beanie": 9, "cap": 8, "sunhat": 7, "headphones": 10, "bow": 4, "cat_ears": 2}
_YOUNG_HAT = {"none": 54, "beanie": 6, "cap": 5, "sunhat": 6, "headphones": 7, "bow": 12, "cat_ears": 12}
_BEARD = {"none": 30, "stubble": 14, "moustache": 17, "goatee": 16, "full": 23}
_EARRINGS = {"none": 50, "studs": 25, "hoops": 25}

CLOSE_HATS = ("beanie", "cap", "sunhat")  # these sit on the skull and hide the hair above it


def labels_of(index: int) -> dict[str, str]:
    """The labels of face `index`: style first, the rest as that style makes likely."""
    c = Chance(index, 1)
    style = c.weighted(_STYLE)
    young = style in YOUNG
    hair = c.weighted(_YOUNG_HAIR if young else _HAIR)
    colour = c.weighted(_YOUNG_COLOUR if young else _COLOUR)
    eyes = c.weighted(_YOUNG_EYES if young else _EYES)
    skin = c.weighted(_SKIN)
    mouth = c.weighted(_MOUTH)
    glasses = c.weighted(_GLASSES)
    hat = c.weighted(_YOUNG_HAT if young else _HAT)
    beard = c.weighted(_BEARD)
    earrings = c.weighted(_EARRINGS)
    if hat in CLOSE_HATS and hair not in _UNDER_A_HAT:
        hair = c.weighted(_UNDER_A_HAT)
    if hat in ("bow", "cat_ears", "headphones") and hair in ("afro", "curly", "spiky", "quiff", "bun"):
        hat = "none"  # nowhere to put it
    if hat == "bow" and hair in CROPPED:
        hat = "none"
    if young or (hair not in CROPPED and not (hair in ("long", "wavy", "bun") and c.hit(0.25))):
        beard = "none"
    if beard != "none" and hat == "bow":
        beard = "none"
    if hair in DRAPED or hat == "headphones":
        earrings = "none"  # the ears do not show
    return {
        "style": style, "hair": hair, "hair_colour": colour, "eyes": eyes, "skin": skin, "mouth": mouth,
        "glasses": glasses, "hat": hat, "beard": beard, "earrings": earrings,
    }  # fmt: skip
