"""`phiz export`: a model with its ONNX in every form, ready to be shared."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from phiz import artefacts
from phiz import upscaler as upscalers
from phiz.card import CARRIED, CONFIG
from phiz.errors import PhizError, UsageError
from phiz.evaluation import figures
from phiz.model import Model, load
from phiz.publish import forms
from phiz.publish.stored import FORMS, Form
from phiz.sampling.showing import size_in_words
from phiz.upscaler import Upscaler
from phiz.verbs import evaluated

FILES: dict[Form, str] = {
    "fp32": "onnx/model.onnx",
    "fp16": "onnx/model_fp16.onnx",
    "int8": "onnx/model_quantized.onnx",
}
"""Where each form lies in a model folder, named as Hugging Face's tools look for them."""

_COPIED = (CONFIG, "model.safetensors", "README.md", "preview.png")


@dataclass
class Exported:
    """A model that was written, and lines that say what is in it."""

    model: Model | Upscaler
    lines: list[str] = field(default_factory=list)


def export(
    source: str | Path, out: str | Path, *, upscaler: str | Path | None = None, force: bool = False
) -> Exported:
    """Write a model as a folder with its ONNX in three forms: fp32, and weights stored in 16 and in 8 bits.

    Every file is one file, takes latent, truncation, fine (of models that mix) and labels, and computes in
    float32. The fp32 form was checked against PyTorch when the model was written; the others are checked
    against it here. A form whose faces would differ too much is left out, and a line says so.

    Args:
        source: a run or a model.
        out: the model folder to write; it has card and preview too.
        upscaler: what enlarges its faces, a run or a model: the exported model carries it from then on. By
            default the one that the model carries already, if any.
        force: replace a model.

    Raises:
        PhizError: no model at `source`, or something stands at `out` that may not be replaced.
        Surroundings: the disk is full.
    """
    out = Path(out)
    artefacts.check_target(out, "model", force)
    if upscalers.is_upscaler(source):
        if upscaler is not None:
            raise UsageError(f"{source} is an upscaler itself; --upscaler is for a model that makes faces.")
        return _upscaler(source, out, force)
    model = load(source)
    enlarges = upscalers.load(upscaler) if upscaler is not None else upscalers.carried(model.path)
    hashes = dict(model.config.files)
    lines = []
    with artefacts.building(out, "model", force) as place:
        (place / "onnx").mkdir()
        for name in _COPIED:
            if (model.path / name).is_file():
                shutil.copyfile(model.path / name, place / name)
        for form in FORMS:
            try:
                kept = forms.keep(model, form)
            except PhizError as fault:
                lines.append(f"  left out: {fault}")
                continue
            (place / FILES[form]).write_bytes(kept.data)
            hashes[FILES[form]] = hashlib.sha256(kept.data).hexdigest()
            near = "" if form == "fp32" else f", {kept.mean:.2f} of 255 from fp32 on average"
            lines.append(f"  {FILES[form]}: {size_in_words(len(kept.data))}, weights in {form}{near}")
        if found := evaluated.of(model):  # what it says of copying is looked at before a page is made
            (place / "evaluation").mkdir()
            name = Path(str(found.against.get("name"))).name  # not the folders it lies in
            told = replace(found, against=found.against | {"name": name})
            told.write(place / "evaluation" / figures.NAME)
            lines.append(f"  evaluation/{figures.NAME}: how good it is, and what was found of copying")
        if enlarges:
            upscalers.copy(enlarges, place / CARRIED)
            lines.append(f"  {CARRIED}: enlarges its faces {enlarges.config.scale} times ({enlarges.hash})")
        there = {name: value for name, value in hashes.items() if (place / name).is_file()}
        config = model.config.model_copy(update={"files": there})
        artefacts.write_json(place / CONFIG, config.model_dump(mode="json"))
    return Exported(load(out), [f"{out}: a model of {config.size} px", *lines])


def _upscaler(source: str | Path, out: Path, force: bool) -> Exported:
    """Write an upscaler as a folder of its own."""
    found = upscalers.load(source)
    with artefacts.building(out, "model", force) as place:
        upscalers.copy(found, place)
    return Exported(upscalers.load(out), [f"{out}: an upscaler, {found.config.scale} times"])
