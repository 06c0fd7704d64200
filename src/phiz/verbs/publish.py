"""`phiz publish`: a page that makes a model's faces in the visitor's own browser."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phiz import artefacts
from phiz import upscaler as upscalers
from phiz.errors import PhizError, UsageError
from phiz.evaluation import words
from phiz.graph import read_tensors
from phiz.model import Model, load
from phiz.onnx import Engine
from phiz.publish import directions, faces, forms, site
from phiz.publish.rights import rights
from phiz.publish.stored import FORMS, Form, stored
from phiz.sampling.showing import size_in_words
from phiz.upscaler import Upscaler
from phiz.verbs import evaluated

_ICON_SIDES = (192, 512)
_MOST_MODELS = 12


@dataclass
class Published:
    """A page that was written: where, the bytes a first visitor loads, and lines that say what to do next."""

    place: Path
    bytes: int
    lines: list[str] = field(default_factory=list)


def publish(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    title: str | None = None,
    author: str | None = None,
    licence: str | None = None,
    weights: str = "auto",
    upscaler: str | Path | None = None,
    sharpness: float | None = None,
    names: Mapping[int, str] | None = None,
    graphics: bool = True,
    anyway: bool = False,
    force: bool = False,
    ask: Callable[[str], str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Write a page with one model or several, that makes their faces in the browser, without a server.

    Args:
        sources: runs or models; the first is shown first.
        out: a folder for a site; or a name in .html, for one file that also works from a disk.
        title: what stands above the faces.
        author: who made the models; kept for the next time.
        licence: what others may do with them; kept for the next time.
        weights: fp32, fp16 or int8: how they are stored, or auto: the smallest that shows the same faces.
        upscaler: what enlarges the faces of all models, a run or a model; by default the one that each model
            carries, if any. The page then offers large faces.
        sharpness: of the upscaler, 0 to 1.
        names: of directions, {number from 1: name}; for the first model.
        graphics: bring the runtime for graphics cards too; a single file never does.
        anyway: publish a model that seems to copy faces it learned from.
        force: replace a site, or a file, that phiz wrote; what else lies in the folder stays.
        ask: asks a person for author or licence, where neither was ever given.
        progress: told how many models of how many are done.

    Raises:
        UsageError: no author or licence is known; no such form; a name for no direction; a sharpness without
            an upscaler.
        PhizError: no model at a source, one that copies, or something at `out` that may not be replaced.
        Surroundings: the disk is full.
    """
    out = artefacts.named(out)
    listed = [sources] if isinstance(sources, str | Path) else list(sources)
    if not 1 <= len(listed) <= _MOST_MODELS:
        raise UsageError(f"A page shows 1 to {_MOST_MODELS} models, not {len(listed)}.")
    if weights not in ("auto", *FORMS):
        raise UsageError(f'--weights is auto, {", ".join(FORMS)}; not "{weights}".')
    single = out.suffix.lower() in (".html", ".htm")
    _check_target(out, single, force)
    models = [load(source) for source in listed]
    if len({model.hash for model in models}) < len(models):
        raise UsageError("The same model is named twice.")
    for model in models:
        _check(model, anyway)
    large = None if upscaler is None else upscalers.load(upscaler)
    larger = [large or upscalers.carried(model.path) for model in models]
    if sharpness is not None and not any(larger):
        raise UsageError("--sharpness is of an upscaler, and no model brings one; name one: --upscaler RUN.")
    owned = [rights(author, licence, (model.config.author, model.config.licence), ask) for model in models]
    if progress:
        progress(0, len(models))
    shown: list[site.Shown] = []
    for number, (source, model, own, by) in enumerate(zip(listed, models, owned, larger, strict=True)):
        called = _name(Path(source), model, [one.data["name"] for one in shown])
        one = _shown(model, called, own, weights, names or {}, first=number == 0)
        shown.append(_with_larger(one, by, sharpness))
        if progress:
            progress(number + 1, len(listed))
    title = title or ""
    if single:
        content = site.one_file(title, shown)
        with artefacts.disk(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            artefacts.write_bytes(out, content)
        return Published(out, len(content), _lines(out, shown, len(content), single))
    there = artefacts.kind_of(out) == "site"
    beside = out.with_name(f".{out.name}.new") if there else out
    if there:
        shutil.rmtree(beside, ignore_errors=True)  # of one that was killed
    with artefacts.building(beside, "site", force) as place:
        loaded = site.write_folder(place, title, shown, graphics)
    if there:
        with artefacts.disk(out):
            site.renew(out, beside)
    return Published(out, loaded, _lines(out, shown, loaded, single))


def _check_target(out: Path, single: bool, force: bool) -> None:
    if not single:
        artefacts.check_target(out, "site", force)
    elif out.is_dir():
        raise PhizError(f"{out} is a folder; give the file another name.")
    elif out.exists():
        with open(out, "rb") as file:
            ours = b'<meta name="generator" content="phiz">' in file.read(1 << 16)
        if not ours:
            raise PhizError(f"{out} exists and was not written by phiz; choose another name.")
        if not force:
            raise PhizError(f"{out} exists; choose another name, or --force to replace it.")


def _check(model: Model, anyway: bool) -> None:
    """Refuse what no page can show, and what should not be shown without a second thought."""
    if model.config.kind != "generator":
        raise PhizError(f"{model.name} is an {model.config.kind}; a page shows generators.")
    copying = _copying(model)
    if copying and copying["flagged"] and not anyway:
        raise PhizError(
            f"{model.name} seems to copy faces it learned from: {copying['verdict']} Look at its report; "
            "to publish it all the same: --anyway."
        )


def _copying(model: Model) -> dict[str, Any] | None:
    """Return what an evaluation beside the model found of copying; None where nobody looked."""
    found = evaluated.of(model)
    if found is None or not found.copying:
        return None
    return {"verdict": words.copying(found), "flagged": bool(found.copying.get("flagged"))}


def _name(source: Path, model: Model, taken: Sequence[str]) -> str:
    """Return a name for a model among others: that of its run or folder, or its own if it came with phiz."""
    folder = model.path.resolve() if source.exists() else source
    name = folder.parent.name if folder.name == "model" and folder.parent.name else folder.name
    return name if name not in taken else f"{name} {model.hash[:4]}"


def _shown(
    model: Model, name: str, who: tuple[str, str], weights: str, names: Mapping[int, str], first: bool
) -> site.Shown:
    """Return what a page shows of a model; names of directions and icons are those of the first one."""
    kept = forms.smallest(model) if weights == "auto" else forms.keep(model, _form(weights))
    engine = Engine(kept.data)
    config = model.config
    found = directions.find(kept.data, config.z, model.labels_of(directions.seeds()))
    seeds = faces.wall_seeds(config.size)
    made = faces.make(model, engine, seeds)
    data = {
        "hash": model.hash,
        "name": name,
        "size": config.size,
        "z": config.z,
        "attributes": list(config.labels),
        "labels": config.labels,
        "frequencies": config.frequencies,
        "pairs": config.pairs,
        "output_range": list(config.output_range),
        "mixes": config.mixes,
        "form": kept.form,
        "golden": faces.golden(model, engine),
        "directions": directions.described(found, names if first else {}),
        "wall": {"seed": seeds[0]},
        "card": _card(model, who),
    }
    icons = {side: faces.icon(model, made[0], seeds[0], side) for side in _ICON_SIDES if first}
    return site.Shown(data, site.packed(kept.data), faces.pictures(model, made, seeds), icons)


def _with_larger(shown: site.Shown, upscaler: Upscaler | None, sharpness: float | None) -> site.Shown:
    """Add what makes faces larger, its weights stored in 16 bits."""
    if upscaler is None:
        return shown
    data = site.packed(stored(upscaler.onnx(sharpness), "fp16"))
    said = {"times": upscaler.config.scale, "hash": upscaler.hash}
    return replace(shown, data=shown.data | {"larger": said}, larger=data)


def _form(text: str) -> Form:
    return next(form for form in FORMS if form == text)


def _card(model: Model, who: tuple[str, str]) -> dict[str, Any]:
    config = model.config
    arguments = ", ".join(f"{n} {value}" for n, value in config.network.arguments.items() if n != "labels")
    shapes = read_tensors(model.path / "model.safetensors")
    return {
        "author": who[0],
        "licence": who[1],
        "learned_from": config.learned_from,
        "faces": config.faces,
        "faceset": config.faceset,
        "recipe": config.recipe,
        "steps": config.steps,
        "network": f"{config.network.name}, {arguments}" if arguments else config.network.name,
        "weights": sum(math.prod(shape) for shape in shapes.values()),
        "figures": {name: value for name, value in config.figures.items() if np.isfinite(value)},
        "copying": _copying(model),
    }


def _lines(out: Path, shown: Sequence[site.Shown], loaded: int, single: bool) -> list[str]:
    count = "1 model" if len(shown) == 1 else f"{len(shown)} models"
    stored = ", ".join(
        f"{one.data['name']} {size_in_words(len(one.weights))} ({one.data['form']})" for one in shown
    )
    lines = [f"{out}: a page with {count}: {stored}; {size_in_words(loaded)} for a first visitor."]
    for one in shown:
        copying = one.data["card"]["copying"]
        said = copying["verdict"] if copying else "nobody has looked for copies (phiz evaluate does)."
        lines.append(f"  {one.data['name']}: {said}")
        if one.larger:
            times = one.data["larger"]["times"]
            lines.append(
                f"  {one.data['name']}: faces {times} times as large, {size_in_words(len(one.larger))} for "
                "those who ask."
            )
        if not one.data["card"]["learned_from"]:
            lines.append(f"  {one.data['name']}: its config.json does not say what it learned from.")
    if single:
        return [*lines, "Open it in a browser, or send it to somebody."]
    return [
        *lines,
        f"Look at it: phiz preview {out}",
        "Put it online: copy the folder to any web server, GitHub Pages or a static Hugging Face Space.",
    ]
