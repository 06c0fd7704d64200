"""Which form a model is published in, and how far the smaller ones lie from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phiz import latents
from phiz.errors import PhizError
from phiz.model import Model
from phiz.onnx import Engine
from phiz.publish.stored import FORMS, Form, stored

ALLOWED = {"fp32": 0.0, "fp16": 0.25, "int8": 2.0}
"""How far faces may lie from those of float32, on average, in levels of 255."""

NEAR = 1.0
"""The same where it is not asked for bytes of a certain form, but for few: nobody sees a level of 255."""

_FINE = (1 << 14, 1 << 15, 1 << 16, 1 << 17)
_CHECKED = 24


@dataclass(frozen=True)
class Kept:
    """A model in a stored form, checked: `mean` and `worst` difference from float32, in levels of 255."""

    form: Form
    data: bytes
    mean: float
    worst: float


def keep(model: Model, form: Form) -> Kept:
    """Return the ONNX of `model` stored as `form`, checked against float32 in onnxruntime.

    Dense layers go into 16 bits where 8 are too few for them.

    Raises:
        PhizError: its faces would differ too much.
    """
    data = (model.path / "onnx" / "model.onnx").read_bytes()
    tries: list[tuple[Form, Form]] = [(form, form)]
    if form == "int8":
        tries.append(("int8", "fp16"))
    expected = _images(model, model.engine)
    best: Kept | None = None
    for convolutions, dense in tries:
        made = stored(data, convolutions, dense)
        mean, worst = _apart(model, Engine(made), expected) if form != "fp32" else (0.0, 0.0)
        if mean <= ALLOWED[form]:  # a NaN is not
            return Kept(form, made, mean, worst)
        best = Kept(form, made, mean, worst)
    far = best.mean if best else float("nan")
    larger = FORMS[FORMS.index(form) - 1]
    raise PhizError(
        f"{model.path}: faces from weights stored as {form} differ by {far:.2f} of 255 on average, more than "
        f"{ALLOWED[form]:g}; use --weights {larger}."
    )


def smallest(model: Model) -> Kept:
    """Return the form that packs shortest among those whose faces are near enough to those of float32."""
    data = (model.path / "onnx" / "model.onnx").read_bytes()
    expected = _images(model, model.engine)
    for fine in _FINE:  # the coarsest first
        made = stored(data, "int8", fine=fine)
        mean, worst = _apart(model, Engine(made), expected)
        if mean <= min(NEAR, ALLOWED["int8"]):
            return Kept("int8", made, mean, worst)
    for form in reversed(FORMS):
        try:
            return keep(model, form)
        except PhizError:
            if form == "fp32":
                raise
    raise AssertionError("fp32 is always near enough")


def _images(model: Model, engine: Engine) -> np.ndarray:
    seeds = list(range(_CHECKED))
    values = latents.latents(seeds, model.config.z)
    labels = model.labels_of(seeds)
    psi = np.linspace(0.5, 1.0, _CHECKED, dtype=np.float32)
    parts = []
    for start in range(0, _CHECKED, model.batch):
        part = slice(start, start + model.batch)
        parts.append(engine.run(values[part], psi[part], None if labels is None else labels[part]))
    return np.concatenate(parts)


def _apart(model: Model, engine: Engine, expected: np.ndarray) -> tuple[float, float]:
    low, high = model.config.output_range
    made, expected = (np.clip(images, low, high) for images in (_images(model, engine), expected))
    apart = np.abs(made - expected) * (255 / (high - low))
    return float(apart.mean()), float(apart.max())
