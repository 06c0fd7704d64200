"""A face before it is drawn: its labels, its colours and the draws its style may use."""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance
from .hair import Hair, hair_of
from .head import Head
from .palettes import EYES, HAIR, SCHEMES, SKIN, Scheme, Skin, Tone, apart
from .traits import CLOSE_HATS, labels_of
from .wear import GARMENTS


@dataclass(frozen=True)
class Face:
    labels: dict[str, str]
    skin: Skin
    hair: Tone
    eyes: Tone
    scheme: Scheme
    garment: str
    tilt: float  # degrees
    gaze: tuple[float, float]  # each in [-1, 1]
    side: int  # 1 or -1: where a part, a smirk or a tail goes
    chance: Chance  # for shapes

    def __getitem__(self, attribute: str) -> str:
        return self.labels[attribute]

    @property
    def close(self) -> bool:
        """Whether a hat sits on the skull."""
        return self["hat"] in CLOSE_HATS

    @property
    def curled(self) -> bool:
        """Whether the hair is one cloud, back and front."""
        return self["hair"] in ("curly", "afro")

    def locks(self, head: Head, pointed: bool = False) -> Hair:
        return hair_of(self["hair"], head, self.chance, pointed, self.close)


def face_of(index: int) -> Face:
    labels = labels_of(index)
    c = Chance(index, 2)
    skin, hair = SKIN[labels["skin"]], HAIR[labels["hair_colour"]]
    scheme = SCHEMES[0]
    for _ in range(12):  # a background that neither hair nor skin melts into
        scheme = c.pick(SCHEMES)
        near = skin.base if labels["hair"] in ("bald", "buzz") else hair.base
        if (
            apart(scheme.sky, near) > 190
            and apart(scheme.ground, near) > 150
            and apart(scheme.sky, skin.base) > 100
            and apart(scheme.cloth, skin.base) > 110
        ):
            break
    return Face(
        labels=labels,
        skin=skin,
        hair=hair,
        eyes=EYES[labels["eyes"]],
        scheme=scheme,
        garment=c.pick(GARMENTS),
        tilt=c.between(-1, 1) * c.between(0, 5),
        gaze=(c.between(-1, 1), c.between(-0.6, 0.6)),
        side=c.sign(),
        chance=Chance(index, 3),
    )
