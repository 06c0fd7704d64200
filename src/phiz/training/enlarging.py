"""Recipes of upscalers: what phiz.training.recipe is for generators."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from phiz.training.degradations import DEGRADATIONS
from phiz.training.recipe import Adam, Network, Part

GENERATOR = "generator"
"""The degradation that a generator's own pictures show; it needs one."""

LEAST = 32
"""Pixels of the smallest crop that a new training takes: of 16, srgan's D leaves one place, and a batch of
one has no statistics there."""


class Sharp(Part):
    """The second stage, `share` of the time: from the mean of what may be there to one thing that may be.

    The loss of the upscaler is `pixel` times the difference of pixels, `features` times the distance of D's
    maps (Wang et al., arXiv 1711.11585, eq. 5), `perceptual` times that of the maps of another network, where
    one is given (phiz.training.perceptual), and `adversarial` times the relativistic loss.
    """

    share: float = Field(0.5, gt=0, lt=1)
    lead: float = Field(0.05, ge=0, lt=1)  # of the stage: D learns, while the upscaler's rate rises from 0
    rate: float = Field(5e-4, gt=0)
    pixel: float = Field(1.0, ge=0)
    features: float = Field(0.03, ge=0)
    perceptual: float = Field(3.0, ge=0)
    adversarial: float = Field(3e-4, ge=0)
    discriminator: Adam = Adam(rate=2e-4, beta1=0.5, beta2=0.99)


class UpscalingRecipe(Part):
    """Everything that decides the training of an upscaler; `network.generator` are the upscaler's arguments.

    `size` and `crop` are sides of large pictures, in pixels; `degradations` says how often each is taken.
    """

    task: Literal["upscaling"] = "upscaling"
    name: str
    network: Network
    scale: Literal[2, 4] = 4
    size: int = 256
    crop: int = Field(128, ge=16)
    batch: int = Field(16, ge=1)
    steps: int | None = Field(None, ge=1)
    degradations: dict[str, float] = Field({"clean": 0.4, "mild": 0.4, "first-order": 0.2})
    pixel: Literal["l1", "l2"] = "l1"
    generator: Adam  # of the first stage; its rate falls to zero on a cosine
    sharp: Sharp | None = Sharp()
    ema: float = Field(0.02, ge=0, le=1)  # half-life of the averaged weights as a share of a stage
    flip: bool = True
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = Field(0, ge=0, lt=2**53)

    @field_validator("degradations")
    @classmethod
    def _known(cls, shares: dict[str, float]) -> dict[str, float]:
        known = [*DEGRADATIONS, GENERATOR]
        for name, share in shares.items():
            if name not in known:
                raise ValueError(f'there is no degradation "{name}"; there are {", ".join(known)}')
            if not share >= 0:
                raise ValueError(f"the share of {name} is a number from 0 on, not {share}")
        if not sum(shares.values()) > 0:
            raise ValueError("one of the degradations needs a share above 0")
        return shares

    @model_validator(mode="after")
    def _fits(self) -> UpscalingRecipe:
        if self.crop % 16:
            raise ValueError(f"crop {self.crop} is not divisible by 16")
        return self


RECIPES: dict[str, UpscalingRecipe] = {
    recipe.name: recipe
    for recipe in (
        # A CPU in half an hour: fitted by benchmarks/upscaling.py.
        UpscalingRecipe(
            name="compact",
            network=Network(name="compact"),
            generator=Adam(rate=1e-3, beta1=0.9, beta2=0.99),
        ),
        # Ledig et al., arXiv 1609.04802, section 3.2, but for VGG's maps: D's own stand in for them.
        UpscalingRecipe(
            name="srgan",
            network=Network(name="srgan"),
            crop=96,
            degradations={"clean": 1.0},
            pixel="l2",
            generator=Adam(rate=1e-4, beta1=0.9),
            sharp=Sharp(
                rate=1e-4, pixel=1.0, features=0.1, adversarial=1e-3, discriminator=Adam(rate=1e-4, beta1=0.9)
            ),
            precision="float32",
        ),
    )
}
