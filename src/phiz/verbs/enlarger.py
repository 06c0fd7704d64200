"""What `phiz inspect` says of an upscaler."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image

from phiz import upscaler as upscalers
from phiz.card import ONNX, WEIGHTS
from phiz.graph import read_graph, read_tensors
from phiz.sampling import loose
from phiz.sampling.showing import Inspection, Listing, size_in_words


def describe(path: Path) -> Inspection:
    """Describe the upscaler at `path`."""
    found = upscalers.load(path)
    config = found.config
    shapes = read_tensors(found.path / WEIGHTS)
    values = sum(math.prod(shape) for shape in shapes.values()) // len(config.ends)
    arguments = ", ".join(f"{name} {value}" for name, value in config.network.arguments.items())
    both = "smooth and sharp: --sharpness 0 to 1 lies between them"
    facts = {
        "network": f"{config.network.name}, {arguments}",
        "weights": f"{values:,} values at each of {len(config.ends)} ends"
        if len(config.ends) > 1
        else f"{values:,} values",
        "ends": both if len(config.ends) > 1 else config.ends[0],
        "on disk": f"{size_in_words(loose.size_of(found.path))}, every file whole",
        "learned from": config.learned_from,
        "large faces": f"{config.faces:,} of {config.size} px" if config.faces else None,
        "small pictures": ", ".join(f"{name} {share:g}" for name, share in config.degradations.items()),
        "for the faces of": config.generator[:16] if config.generator else None,
        "face set": config.faceset,
        "recipe": f"{config.recipe}, {config.steps:,} steps" if config.recipe and config.steps else None,
        "how good": ", ".join(f"{k} {v:.4g}" for k, v in config.figures.items()) or "not measured",
        "author": config.author,
        "licence": config.licence or "not named",
        "hash": f"{found.hash} (SHA-256 {found.sha256})",
    }
    preview = found.path / "preview.png"
    return Inspection(
        path=path,
        kind="upscaler",
        title=f"{path}: an upscaler that makes pictures {config.scale} times as large",
        facts={name: value for name, value in facts.items() if value},
        listings=[_layers(found.path / ONNX)],
        picture=_opened(preview) if preview.is_file() else None,
        next=f"phiz upscale PICTURES -o large --upscaler {path}",
    )


def _layers(onnx: Path) -> Listing:
    """Return its convolutions as a table; how large their results are depends on what is enlarged."""
    graph = read_graph(onnx.read_bytes())
    rows: list[tuple[str, ...]] = []
    for node in graph.nodes:
        weight = graph.weights.get(node.inputs[1]) if node.op == "Conv" and len(node.inputs) > 1 else None
        if weight is None:
            continue
        after, before, *kernel = weight
        values = math.prod(weight) + sum(math.prod(graph.weights.get(name, (0,))) for name in node.inputs[2:])
        what = f"convolution {'x'.join(map(str, kernel))}"
        rows.append((str(len(rows) + 1), what, f"{before} -> {after}", f"{values:,}"))
    return Listing(
        "Convolutions, as they run", ("", "layer", "channels", "weights"), rows, right=("", "weights")
    )


def _opened(preview: Path) -> Image.Image:
    from phiz.pictures import decode

    return decode(preview.read_bytes(), preview.name)


def in_a_line(model: Path) -> str | None:
    """Say what upscaler the model folder `model` carries, if any."""
    found = upscalers.carried(model)
    return f"{found.config.scale} times ({found.hash})" if found else None
