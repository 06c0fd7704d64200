"""`phiz inspect`: what something is, how large, from what, how good, and a picture of it."""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phiz import artefacts, bundled, marks, pictures
from phiz import upscaler as upscalers
from phiz.errors import PhizError, UsageError, nearest
from phiz.faceset import FaceSet
from phiz.folders import RUN_FORMAT
from phiz.graph import read_graph, read_tensors
from phiz.model import Model, load
from phiz.prepare.screens import kind_of_reason
from phiz.sampling import drawing, layers, loose, sheets
from phiz.sampling.showing import Inspection, Listing, course, few, size_in_words
from phiz.screen import duration
from phiz.verbs import collected, enlarger, evaluated

_SHOWN_FACES = 12
_MODEL_FACES = 8


def inspect(path: str | Path, *, save: str | Path | None = None, force: bool = False) -> Inspection:
    """Look at anything: a collection, a face set, a run, a model, a picture, or pictures yet to be used.

    Args:
        path: what to look at.
        save: write a picture of it there: of a model its network, drawn; of a run its newest samples;
            of a face set some of its faces.
        force: replace what stands at `save` even if phiz did not make it.

    Returns:
        Facts by name, tables, a drawing and a picture; Rich prints it.

    Raises:
        PhizError: it does not exist, or is a damaged artefact of phiz.
        UsageError: there is no picture of it to save.
    """
    path = bundled.resolve(path)
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise PhizError(f"{path} does not exist.{nearest(path.name, beside + bundled.names())}")
    looks = {
        "model": _model,
        "run": _run,
        "faceset": _faceset,
        "evaluation": evaluated.describe,
        "collection": collected.describe,
        "site": _site,
    }
    kind = artefacts.kind_of(path) if path.is_dir() else None
    seen = looks[kind](path) if kind else loose.describe(path)
    if save is not None:
        _save(seen, Path(save), force)
    return seen


def _save(seen: Inspection, place: Path, force: bool) -> None:
    image = seen.figure or seen.picture
    if image is None:
        raise UsageError(f"There is no picture of {seen.path} to save.")
    if place.suffix.lower() not in marks.PICTURES:
        raise UsageError(f"A picture is saved as {', '.join(marks.PICTURES)}; {place.name} is none of them.")
    marks.check_target(place, force)
    said: dict[str, Any] | None = {"phiz": seen.kind, "format": marks.FORMAT, "synthetic": True}
    if seen.path.is_file():
        said = marks.read(seen.path)  # a copy says what its source says
    elif seen.kind == "face set":
        said = None  # faces as they were found: not synthetic, so without the mark
    if said is not None:
        marks.save(image, place, said)
        return
    file = io.BytesIO()
    image.save(file, place.suffix.lower().replace(".jpg", ".jpeg")[1:].upper())
    with artefacts.disk(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        artefacts.write_bytes(place, file.getvalue())


def _model(path: Path) -> Inspection:
    if upscalers.is_upscaler(path):
        return enlarger.describe(path)
    model = load(path)
    config = model.config
    shapes = read_tensors(model.path / "model.safetensors")
    values = sum(math.prod(shape) for shape in shapes.values())
    found = layers.layers_of(read_graph((model.path / "onnx" / "model.onnx").read_bytes()))
    stages = layers.stages_of(found)
    faces, sheet = _faces_of(model)
    arguments = ", ".join(f"{name} {value}" for name, value in config.network.arguments.items())
    facts = {
        "network": f"{config.network.name}, {arguments}" if arguments else config.network.name,
        "weights": f"{values:,} values in {len(shapes)} tensors",
        "on disk": f"{size_in_words(loose.size_of(model.path))}, every file whole",
        "latent": f"{config.z:,} values; seeds 0 .. 2^53 - 1",
        "labels": few(list(config.labels)) if config.labels else "none: it draws faces as they come",
        "learned from": _learned(config.faces, config.learned_from),
        "face set": config.faceset,
        "recipe": f"{config.recipe}, {config.steps:,} steps"
        if config.recipe and config.steps
        else config.recipe,
        "how good": evaluated.in_a_line(model)
        or ", ".join(f"{k} {v:.4g}" for k, v in config.figures.items())
        or "not measured: phiz evaluate does",
        "author": config.author,
        "licence": config.licence or "not named",
        "upscaler": enlarger.in_a_line(model.path),
        "hash": f"{model.hash} (SHA-256 {model.sha256})",
    }
    return Inspection(
        path=path,
        kind="model",
        title=f"{model.name}: a model that makes synthetic faces of {config.size} x {config.size} pixels",
        facts={name: value for name, value in facts.items() if value},
        listings=[*_frequencies(config.labels, config.frequencies), loose.table_of(found)],
        drawing=drawing.as_text(config.z, stages) if stages else None,
        picture=sheet,
        figure=drawing.as_picture(config.z, stages, faces[0]) if stages else None,
        next=f"phiz generate {model.name} -o faces.png --seed 7",
    )


def _learned(faces: int | None, source: str | None) -> str | None:
    count = f"{faces:,} faces" if faces else None
    return ", from ".join(filter(None, (count, source))) or None


def _frequencies(schema: dict[str, list[str]], counts: dict[str, list[int]]) -> list[Listing]:
    rows = []
    for attribute, values in schema.items():
        named = sorted(zip(counts[attribute], values, strict=True), key=lambda pair: -pair[0])
        rows.append((attribute, few([f"{value} ({count:,})" for count, value in named], 12)))
    return [Listing("Labels, with how often each was seen", ("label", "values"), rows)] if rows else []


def _faces_of(model: Model) -> tuple[np.ndarray, Image.Image]:
    """Return the faces of the first seeds, and a sheet of them in two rows."""
    faces = model.sample(_MODEL_FACES, seed=0)
    size = model.config.size
    return faces, sheets.sheet(faces, size, (2, _MODEL_FACES // 2), scale=sheets.scale_for(size))


def _run(path: Path) -> Inspection:
    data = artefacts.read_json(path / "recipe.json", "run", RUN_FORMAT)
    recipe, plan = _part(data, "recipe"), _part(data, "plan")
    asked, done = _part(data, "asked"), _part(data, "finished")
    metrics = _metrics(path / "metrics.jsonl")
    last = metrics[-1] if metrics else {}
    stages = [stage for stage in plan.get("stages") or [] if isinstance(stage, dict)]
    steps = sum(int(stage.get("steps") or 0) for stage in stages)
    whole = (path / "model").is_dir()
    enlarges = upscalers.load(path) if whole and upscalers.is_upscaler(path) else None
    model = load(path) if whole and not enlarges else None
    made = enlarges or model
    checkpoints = sorted(p.name for p in _entries(path / "checkpoints") if p.name.startswith("step-"))
    network = _part(recipe, "network").get("name", "?")
    samples = sorted(p for p in _entries(path / "samples") if p.suffix == ".png")
    whole_rate = done["images"] / done["seconds"] if done.get("seconds") else None
    rate = whole_rate or last.get("images_per_second")
    facts = {
        "state": _state(path, asked, done, last, steps, recipe.get("batch")),
        "recipe": f"{recipe.get('name', '?')} (network {network}), batches of {recipe.get('batch', '?')}",
        "learns from": str(asked.get("source", "?")),
        "face set": data.get("faceset"),
        "rate": f"{rate:,.0f} images/s on {data.get('device')}" if rate else None,
        "checkpoints": f"{len(checkpoints)}, newest {checkpoints[-1]}" if checkpoints else "none yet",
        "samples": f"{len(samples)}, newest {samples[-1].name}" if samples else "none yet",
        "model": f"{made.hash}, of step {made.config.steps or 0:,}" if made else "none yet",
        "how good": evaluated.in_a_line(model) if model else None,
        "on disk": size_in_words(loose.size_of(path)),
    }
    newest = samples[-1] if samples else None
    return Inspection(
        path=path,
        kind="run",
        title=f"{path}: a training at {recipe.get('size', '?')} x {recipe.get('size', '?')} pixels",
        facts={name: str(value) for name, value in facts.items() if value},
        listings=_courses(metrics),
        picture=_faces_of(model)[1] if model else None,
        figure=pictures.decode(newest.read_bytes(), newest.name) if newest else None,
        next=f"phiz inspect {path / 'model'}   or   {_use(path, enlarges is not None)}" if made else None,
    )


def _site(path: Path) -> Inspection:
    said = artefacts.read_json(path / "site.json", "site", 1)
    models = [f"{one.get('name')} ({one.get('hash')})" for one in said.get("models") or []]
    facts = {
        "models": few(models),
        "on disk": size_in_words(loose.size_of(path)),
        "written by": f"phiz {said.get('made by')}",
    }
    title = f'{path}: a page that makes faces, "{said.get("title")}"'
    return Inspection(path, "site", title, facts, next=f"phiz preview {path}")


def _use(path: Path, enlarges: bool) -> str:
    return (
        f"phiz upscale PICTURES -o large --upscaler {path}"
        if enlarges
        else f"phiz generate {path} -o faces.png"
    )


def _part(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _state(
    path: Path, asked: dict[str, Any], done: dict[str, Any], last: dict[str, Any], steps: int, batch: Any
) -> str:
    if done:
        took = f" in {duration(done['seconds'])}" if "seconds" in done else ""
        return f"finished: {steps:,} steps{took}"
    step = last.get("step", 0)
    share = f" ({step / steps:.0%})" if steps else ""
    rate = last.get("images_per_second")
    left = f", about {duration((steps - step) * batch / rate)} left" if rate and steps and batch else ""
    verb = "train-upscaler" if "scale" in asked else "train"
    resume = f"phiz {verb} {asked.get('source', 'PICTURES')} -o {path} --resume"
    return f"unfinished: step {step:,} of {steps:,}{share}{left}; if it is not running: {resume}"


def _metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics that are whole; the last may just be being written."""
    lines = []
    for line in path.read_text("utf-8", "replace").splitlines() if path.is_file() else []:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            lines.append(value)
    return lines


def _courses(metrics: list[dict[str, Any]]) -> list[Listing]:
    left_out = {"step", "images", "seconds"}
    names = dict.fromkeys(name for line in metrics for name in line if name not in left_out)
    rows = []
    for name in names:
        values = [line[name] for line in metrics if isinstance(line.get(name), int | float)]
        if values:
            rows.append((name.replace("_", " "), f"{values[0]:.3g}", course(values), f"{values[-1]:.3g}"))
    return (
        [Listing("How it went", ("measure", "first", "course", "last"), rows, right=("first", "last"))]
        if rows
        else []
    )


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _cut_by(faces: FaceSet) -> str:
    """Say how the faces of a set were cut, and which detector found them."""
    name = (faces.made.get("detector") or {}).get("name", "none")
    crop = str(faces.made.get("crop") or "not said")
    return crop if name == "none" else f"{crop}, found by the detector {name}"


def _faceset(path: Path) -> Inspection:
    faces = FaceSet.open(path)
    rejected = Counter(kind_of_reason(reason) for _, reason in faces.rejected())
    sources = [
        str(source.get("name", "?")) for source in faces.made.get("sources", []) if isinstance(source, dict)
    ]
    facts = {
        "faces": f"{len(faces):,} of {faces.size} x {faces.size} pixels",
        "labels": few([f"{a} ({len(v)} values)" for a, v in faces.schema.items()]) or "none",
        "from": few(sources) or str(faces.made.get("name") or faces.made.get("by") or "not said"),
        "cut by": _cut_by(faces),
        "set aside": _pictures(sum(rejected.values())),
        "on disk": size_in_words(loose.size_of(path)),
        "id": faces.id,
    }
    listings = _frequencies(faces.schema, faces.frequencies())
    if rejected:
        rows = [(reason, f"{count:,}") for reason, count in rejected.most_common(12)]
        listings.append(Listing("Set aside, by reason", ("reason", "pictures"), rows, right=("pictures",)))
    some = np.unique(np.linspace(0, len(faces) - 1, min(_SHOWN_FACES, len(faces))).astype(np.int64))
    sheet = None
    if len(faces):
        grid = sheets.grid_for(len(some))
        sheet = sheets.sheet(faces.batch(some), faces.size, grid, scale=sheets.scale_for(faces.size))
    return Inspection(
        path=path,
        kind="face set",
        title=f"{path}: a face set, ready to train on",
        facts=facts,
        listings=listings,
        picture=sheet,
        next=f"phiz train {path} -o runs/first --minutes 5",
    )
