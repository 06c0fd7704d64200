"""What an upscaler says of itself: config.json for programs, README.md for people."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from phiz.card import FORMAT, WEIGHTS, Network, licence_lines, rights

ENDS = ("smooth", "sharp")


class UpscalerConfig(BaseModel):
    """What config.json of an upscaler says."""

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    phiz: Literal["model"] = "model"
    format: int = FORMAT
    kind: Literal["upscaler"] = "upscaler"
    synthetic: Literal[True] = True
    """What it adds to a picture is made up."""
    network: Network
    scale: int = Field(ge=2)
    """By how much it enlarges."""
    size: int = Field(ge=1)
    """Side of the large faces it learned from, in pixels."""
    reach: int = Field(ge=0)
    """How many pixels around a pixel its result can depend on."""
    ends: list[Literal["smooth", "sharp"]] = Field(min_length=1)
    """smooth: the mean of what may be there; sharp: one thing that may be there."""
    sharpness: float = Field(1.0, ge=0, le=1)
    """What is taken between the ends (0: smooth) where nothing is asked for."""
    degradations: dict[str, float] = Field(default_factory=dict)
    """How often it saw small pictures of which kind."""
    generator: str | None = None
    """SHA-256 of the generator whose faces it was fitted to."""
    faceset: str | None = None
    learned_from: str | None = None
    faces: int | None = None
    recipe: str | None = None
    steps: int | None = None
    figures: dict[str, float] = Field(default_factory=dict)
    author: str | None = None
    licence: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each file; `save_upscaler` fills it in."""


def upscaler_card(config: UpscalerConfig, values: int, preview: bool) -> str:
    """Return the card of an upscaler with `values` weights at each end, and a preview or none."""
    parts = [_front(config), _opening(config, preview), _use(config), _facts(config, values), _rights(config)]
    return "\n\n".join(parts) + "\n"


def _front(config: UpscalerConfig) -> str:
    lines = ["---", *licence_lines(config.licence), "library_name: phiz", "pipeline_tag: image-to-image"]
    lines += ["tags:", *(f"- {tag}" for tag in ("phiz", "super-resolution", "faces", "onnx")), "---"]
    return "\n".join(lines)


def _opening(config: UpscalerConfig, preview: bool) -> str:
    shown = "![Above enlarged by bicubic, below by this network](preview.png)\n\n" if preview else ""
    source = f" It learned from {config.learned_from}." if config.learned_from else ""
    return (
        f"# Faces, {config.scale} times as large\n\n"
        f"{shown}What is not in a small picture cannot be known: the detail that this network adds is "
        f"**made up**, however plausible, and says nothing of a person.{source}"
    )


def _use(config: UpscalerConfig) -> str:
    ends = ""
    if len(config.ends) == 2:
        ends = (
            " It is the sharp end; `onnx/smooth.onnx` is the smooth one, the mean of what may be there. "
            "`--sharpness` from 0 to 1 mixes their weights."
        )
    return f"""## Use

With this folder as `upscaler`:

```sh
pip install phiz
phiz upscale pictures/ -o large/ --upscaler upscaler
phiz generate model -o faces.png --upscale {config.scale} --upscaler upscaler
```

`onnx/model.onnx` runs without phiz: its input `picture` is N x 3 x H x W, RGB from 0 to 1, its output `image`
N x 3 x {config.scale} H x {config.scale} W.{ends}"""


def _facts(config: UpscalerConfig, values: int) -> str:
    arguments = ", ".join(f"{name} {value}" for name, value in config.network.arguments.items())
    shares = ", ".join(f"{name} {share:g}" for name, share in config.degradations.items())
    rows = [
        ("network", f"{config.network.name} ({arguments})"),
        ("weights", f"{values:,} values" + (" at each end" if len(config.ends) == 2 else "")),
        ("recipe", config.recipe),
        ("steps", f"{config.steps:,}" if config.steps else None),
        ("learned from", f"{config.faces:,} faces of {config.size} px" if config.faces else None),
        ("small pictures", shares),
        ("face set", f"`{config.faceset}`" if config.faceset else None),
        ("SHA-256 of the weights", f"`{config.files[WEIGHTS]}`"),
        *((name, f"{value:.4g}") for name, value in config.figures.items()),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if value)
    return f"## Facts\n\n| | |\n|---|---|\n{table}"


def _rights(config: UpscalerConfig) -> str:
    return (
        f"{rights(config.author, config.licence)}\n\n"
        "It leans as the pictures it learned from do. Do not use what it draws to tell who somebody is."
    )
