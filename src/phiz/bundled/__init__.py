"""Models that come with phiz: a name instead of a path, wherever a model is taken.

    avatars   faces of the drawn set (phiz.avatars), with its labels; to try things with, and to start from

A wheel should stay small, so a model's weights lie in it once, in 16 bits, and beside them the graph of its
ONNX file without them. At its first use the model is put together in the cache: a folder like any other.

    config.json, README.md, preview.webp        as of any model
    generator.safetensors, discriminator.safetensors   in 16 bits
    graph.onnx                                  whose weights are in generator.safetensors, by name
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from phiz import artefacts, marks
from phiz.card import CONFIG, ONNX, WEIGHTS
from phiz.graph import encoded, fields, tensor_name
from phiz.weights import cache_folder

HERE = Path(__file__).parent
GRAPH, GENERATOR, CRITIC, PREVIEW = (
    "graph.onnx",
    "generator.safetensors",
    "discriminator.safetensors",
    "preview.webp",
)
_PREFIX = "generator."  # of the weights' names in an ONNX file


def names() -> list[str]:
    """Return the names of the models that come with phiz."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{CONFIG}"))


def resolve(path: str | Path) -> Path:
    """Return `path`, or where nothing is there and a bundled model has that name, the model's folder.

    Raises:
        PhizError: the cache cannot be written.
        Surroundings: the disk is full.
    """
    path, name = Path(path), str(path)
    if path.exists() or not (HERE / name / CONFIG).is_file() or name not in names():
        return path
    config = json.loads((HERE / name / CONFIG).read_text("utf-8"))
    folder = cache_folder() / "models" / f"{name}-{config['files'][WEIGHTS][:16]}"
    if artefacts.kind_of(folder) != "model":
        with artefacts.building(folder, "model", force=True) as place:
            unpack(HERE / name, place)
    return folder


def unpack(packed: Path, place: Path) -> None:
    """Write the model folder that lies `packed` into the empty folder `place`."""
    from PIL import Image
    from safetensors.numpy import load

    for name in (CONFIG, "README.md"):
        (place / name).write_bytes((packed / name).read_bytes())
    weights = _wide(load((packed / GENERATOR).read_bytes()))
    for name, data in whole(weights, (packed / GRAPH).read_bytes(), packed / CRITIC).items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(data)
    with Image.open(packed / PREVIEW) as picture:
        said = marks.read(packed / PREVIEW) or {}
        (place / "preview.png").write_bytes(marks.encode(picture.convert("RGB"), ".png", said))


def whole(weights: dict[str, np.ndarray], graph: bytes, critic: Path) -> dict[str, bytes]:
    """Return the files of a model folder by name, from weights in 32 bits, a bare graph and D's file."""
    from safetensors.numpy import load

    from phiz.model import DISCRIMINATOR, packed

    return {
        WEIGHTS: packed(weights),
        ONNX: filled(graph, weights),
        DISCRIMINATOR: packed(_wide(load(critic.read_bytes()))),
    }


def _wide(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in tensors.items()}


def bare(onnx: bytes, weights: dict[str, np.ndarray]) -> bytes:
    """Return an ONNX file without those of its tensors that `weights` has, by the names of a generator."""
    return _edited(onnx, dict.fromkeys(weights, b""))


def filled(graph: bytes, weights: dict[str, np.ndarray]) -> bytes:
    """Return the ONNX file that `bare` has emptied, with float32 `weights`."""
    return _edited(graph, {name: a.astype("<f4").tobytes() for name, a in weights.items()})


def _edited(onnx: bytes, contents: dict[str, bytes]) -> bytes:
    out = bytearray()
    for number, value in fields(memoryview(onnx)):
        out += encoded(number, _tensors(value, contents) if number == 7 else value)
    return bytes(out)


def _tensors(graph: memoryview, contents: dict[str, bytes]) -> bytes:
    out = bytearray()
    for number, value in fields(graph):
        name = tensor_name(value).removeprefix(_PREFIX) if number == 5 else ""
        if name in contents:
            kept = b"".join(encoded(part, content) for part, content in fields(value) if part != 9)
            value = kept + (encoded(9, contents[name]) if contents[name] else b"")
        out += encoded(number, value)
    return bytes(out)
