"""Models that come with phiz: a name instead of a path, wherever a model is taken.

    avatars   faces of the drawn set (phiz.avatars), with its labels; to try things with, and to start from

A wheel should stay small, so a model's weights lie in it once, in 16 bits, and beside them the graph of its
ONNX file without them. At its first use the model is put together in the cache: a folder like any other.

    config.json, README.md, preview.webp        as of any model
    generator.safetensors, discriminator.safetensors   in 16 bits
    graph.onnx                                  whose weights are in generator.safetensors, by name
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np

from phiz import artefacts, marks
from phiz.card import CONFIG, ONNX, WEIGHTS
from phiz.errors import PhizError, Surroundings
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
    return path if path.exists() or name not in names() else folder(name)


def called(path: Path) -> str:
    """Return the name of the bundled model that lies at `path`, or else `path`."""
    name = path.name.rpartition("-")[0]
    return name if name in names() and path.parent == cache_folder() / "models" else str(path)


def folder(name: str) -> Path:
    """Return the folder of a bundled model; put together, or put together anew where it is not whole.

    Raises:
        PhizError: the cache cannot be written.
        Surroundings: the disk is full.
    """
    config = (HERE / name / CONFIG).read_bytes()
    place = cache_folder() / "models" / f"{name}-{hashlib.sha256(config).hexdigest()[:16]}"
    if not _is_whole(place):
        try:
            with artefacts.disk(place):
                _put_together(HERE / name, place)
        except Surroundings:
            raise
        except PhizError as fault:
            said = str(fault).removesuffix(".")
            raise PhizError(f"{said}; let PHIZ_CACHE name a folder that can.") from None
    return place


def _put_together(packed: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # In a folder of its own each time: another phiz may be doing the same.
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{packed.name}-") as aside:
        made = Path(aside, packed.name)
        made.mkdir()
        unpack(packed, made)
        artefacts.sync(made)
        try:
            artefacts.swap(made, place)
        except OSError:
            if not _is_whole(place):
                raise


def _is_whole(place: Path) -> bool:
    try:
        files = json.loads((place / CONFIG).read_text("utf-8"))["files"]
        return all(artefacts.sha256(place / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError):
        return False


def unpack(packed: Path, place: Path) -> None:
    """Write the model folder that lies `packed` into the empty folder `place`."""
    from PIL import Image
    from safetensors.numpy import load

    weights = _wide(load((packed / GENERATOR).read_bytes()))
    files = whole(weights, (packed / GRAPH).read_bytes(), packed / CRITIC)
    for name, data in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    (place / "README.md").write_bytes((packed / "README.md").read_bytes())
    with Image.open(packed / PREVIEW) as picture:
        said = marks.read(packed / PREVIEW) or {}
        (place / "preview.png").write_bytes(marks.encode(picture.convert("RGB"), ".png", said))
    config = json.loads((packed / CONFIG).read_text("utf-8"))
    artefacts.write_json(place / CONFIG, config | {"files": hashes})


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
