"""What a model says of itself: config.json for programs, README.md for people.

The README is a model card in plain words, with the front matter that Hugging Face reads.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from phiz import latents

FORMAT = 1
CONFIG, WEIGHTS, ONNX = "config.json", "model.safetensors", "onnx/model.onnx"
CARRIED = "upscaler"
"""The folder within a model that holds the upscaler it carries (phiz.upscaler)."""

_KNOWN_LICENCES = {
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "mpl-2.0"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "openrail"),
}


class Network(BaseModel):
    """Which architecture, and its arguments: phiz.networks.generator(name, **arguments) builds it."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ModelConfig(BaseModel):
    """What config.json of a model says."""

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    phiz: Literal["model"] = "model"
    format: int = FORMAT
    kind: Literal["generator", "upscaler"] = "generator"
    synthetic: Literal[True] = True
    network: Network
    discriminator: dict[str, Any] = Field(default_factory=dict)
    """Arguments of its D, besides size and labels; empty where they are not known."""
    size: int = Field(ge=1)
    """Height and width of a face in pixels."""
    z: int = Field(ge=1)
    """Values in a latent."""
    latents: int = latents.VERSION
    """The version of docs/latents.md that turns seeds into latents."""
    labels: dict[str, list[str]] = Field(default_factory=dict)
    """The labels the generator takes, {attribute: [values]}; empty if it takes none."""
    frequencies: dict[str, list[int]] = Field(default_factory=dict)
    """How often each value was seen in training, in the order of `labels`."""
    pairs: list[list[list[list[int]]]] = Field(default_factory=list)
    """How often two values were seen together, as latents.draw_labels takes them; empty: not known."""
    output_range: tuple[float, float] = (-1.0, 1.0)
    mixes: bool = False
    """Whether the finer stages take a latent of their own; docs/latents.md."""
    centres: str | None = None
    """The tensor of model.safetensors that holds the centres of truncation; docs/latents.md."""
    faceset: str | None = None
    """The id of the face set it was trained on."""
    learned_from: str | None = None
    """What it learned from, in words: where the pictures came from."""
    faces: int | None = None
    """How many faces it learned from."""
    recipe: str | None = None
    steps: int | None = None
    figures: dict[str, float] = Field(default_factory=dict)
    """How good it is: measure -> value."""
    author: str | None = None
    licence: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each file; `save_model` fills it in."""

    @model_validator(mode="after")
    def _counts_match(self) -> ModelConfig:
        if self.output_range[0] >= self.output_range[1]:
            raise ValueError("output_range must rise")
        if {a: len(v) for a, v in self.labels.items()} != {a: len(c) for a, c in self.frequencies.items()}:
            raise ValueError("frequencies must count each value of each attribute of labels")
        if any(min(counts, default=0) < 0 or sum(counts) >= 2**53 for counts in self.frequencies.values()):
            raise ValueError("frequencies are counts, from 0 to less than 2^53 in all")
        return self

    @model_validator(mode="after")
    def _pairs_match(self) -> ModelConfig:
        sizes = [len(values) for values in self.labels.values()]
        found = [[[len(row) for row in table] for table in tables] for tables in self.pairs]
        if self.pairs and found != [[[b] * a for b in sizes[:i]] for i, a in enumerate(sizes)]:
            raise ValueError("pairs must count each two values of each two attributes of labels")
        rows = (row for tables in self.pairs for table in tables for row in table)
        if any(min(row, default=0) < 0 or sum(row) >= 2**40 for row in rows):
            raise ValueError("pairs are counts, from 0 to less than 2^40 of a value")
        return self


def model_card(config: ModelConfig, values: int, more: str = "") -> str:
    """Return the card of a model with `values` weights; `more` is Markdown that goes before its facts."""
    sections = [_front(config), _opening(config), _use(config), more.strip(), _facts(config, values)]
    return "\n\n".join(section for section in [*sections, _rights(config)] if section) + "\n"


def _front(config: ModelConfig) -> str:
    lines = ["---", *licence_lines(config.licence), "library_name: phiz"]
    lines += ["pipeline_tag: unconditional-image-generation"]
    lines += ["tags:", *(f"- {tag}" for tag in ("phiz", "gan", "faces", "synthetic", "onnx")), "---"]
    return "\n".join(lines)


def licence_lines(licence: str | None) -> list[str]:
    """Return the lines of a front matter that name a licence."""
    if licence is None:
        return ["license: unknown"]
    if licence.lower() in _KNOWN_LICENCES:
        return [f"license: {licence.lower()}"]
    return ["license: other", f"license_name: {json.dumps(licence)}"]


def _opening(config: ModelConfig) -> str:
    source = f" It learned from {config.learned_from}." if config.learned_from else ""
    return (
        f"# Faces of {config.size} x {config.size} pixels\n\n"
        "![Faces this model made](preview.png)\n\n"
        "Every face this model makes is **synthetic**: it is nobody's portrait, and the pictures that phiz "
        f"writes say so in their metadata.{source}"
    )


def _use(config: ModelConfig) -> str:
    asked = ""
    if config.labels:
        seen = (
            (attribute, value)
            for attribute, values in config.labels.items()
            for value, count in zip(values, config.frequencies[attribute], strict=True)
            if count
        )
        asked = "".join(f", labels={{{json.dumps(a)}: {json.dumps(v)}}}" for a, v in islice(seen, 1))
    inputs = [f"`latent` (float32, N x {config.z})", "`truncation` (float32, N)"]
    if config.mixes:
        inputs.append(f"`fine` (float32, N x {config.z}; `latent` once more for a face in its own colours)")
    if config.labels:
        inputs.append(f"`labels` (int64, N x {len(config.labels)})")
    low, high = config.output_range
    return f"""## Use

With this folder as `model`:

```sh
pip install phiz
phiz generate model -o faces.png -n 16 --seed 7
phiz walk model -o walk.webp --seed 7
```

```python
import phiz

faces = phiz.load("model").sample(16, seed=7{asked})  # uint8, 16 x {config.size} x {config.size} x 3
```

A seed from 0 to 2^53 - 1 is a face, the same one everywhere. `onnx/model.onnx` runs without phiz, in a
browser for one: its inputs are {", ".join(inputs)};
its output `image` is N x 3 x {config.size} x {config.size}, from {low:g} to {high:g}."""


def _facts(config: ModelConfig, values: int) -> str:
    arguments = ", ".join(f"{name} {value}" for name, value in config.network.arguments.items())
    rows = [
        ("network", f"{config.network.name} ({arguments})" if arguments else config.network.name),
        ("weights", f"{values:,} values"),
        ("recipe", config.recipe),
        ("steps", f"{config.steps:,}" if config.steps else None),
        ("learned from", f"{config.faces:,} faces" if config.faces else None),
        ("face set", f"`{config.faceset}`" if config.faceset else None),
        ("SHA-256 of the weights", f"`{config.files[WEIGHTS]}`"),
        *((name, f"{value:.4g}") for name, value in config.figures.items()),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if value)
    text = f"## Facts\n\n| | |\n|---|---|\n{table}"
    for attribute, names in config.labels.items():
        counts = config.frequencies[attribute]
        text += f"\n\n**{attribute}**: " + ", ".join(
            f"{name} ({n:,})" for name, n in zip(names, counts, strict=True)
        )
    return text


def _rights(config: ModelConfig) -> str:
    return (
        f"{rights(config.author, config.licence)}\n\n"
        "The faces follow the pictures the model learned from, with their gaps and their leanings. A model "
        "of few pictures may come close to some of them. Do not pass its faces off as photographs of people."
    )


def rights(author: str | None, licence: str | None) -> str:
    """Return the head of a card's last section, and who made it under which licence."""
    made = f"Made by {author}. " if author else ""
    said = f"Licence: {licence}." if licence else "Its author has named no licence yet."
    return f"## Rights and limits\n\n{made}{said}"
