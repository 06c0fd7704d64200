"""What a file or a folder seems to be that is no artefact of phiz: pictures, weights, a film, or none."""

from __future__ import annotations

import contextlib
import math
import os
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phiz import marks, pictures
from phiz.graph import read_graph, read_tensors
from phiz.sampling import layers
from phiz.sampling.showing import Inspection, Listing, few, size_in_words


def describe(path: Path) -> Inspection:
    """Say what is at `path`, without taking it apart further than needed."""
    return _folder(path) if path.is_dir() else _file(path)


def _folder(path: Path) -> Inspection:
    for name in ("faceset.json", "recipe.json", "config.json"):
        if (path / name).exists():
            title = f"{path}: a folder with a {name} that phiz did not write, or that is damaged"
            return Inspection(path, "folder", title, {"on disk": size_in_words(size_of(path))})
    files = [entry for entry in path.rglob("*") if entry.is_file()]
    folders = sum(entry.is_dir() for entry in path.iterdir())
    kind = f"a folder of {folders:,} folders" if folders > 1 else "a folder"
    return _collection(path, kind, "folder", (f.name for f in files), sum(f.stat().st_size for f in files))


def _collection(path: Path, words: str, kind: str, names: Iterable[str], size: int) -> Inspection:
    """Describe files of which some may be pictures."""
    endings = Counter(Path(name).suffix.lower() or "no ending" for name in names)
    usable = sum(count for ending, count in endings.items() if ending in pictures.SUFFIXES)
    facts = {
        "files": f"{sum(endings.values()):,}: " + few([f"{n:,} {e}" for e, n in endings.most_common()], 6),
        "on disk": size_in_words(size),
    }
    count = "1 picture" if usable == 1 else f"{usable:,} pictures"
    what = f"with {count}" if usable else "without a picture"
    order = f"phiz train {path} -o runs/first --minutes 5" if usable else None
    return Inspection(
        path, f"{kind} of pictures" if usable else kind, f"{path}: {words} {what}", facts, next=order
    )


def _file(path: Path) -> Inspection:
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(16)
    facts = {"on disk": size_in_words(size)}
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(path, size)
    if size and _is_tar(path):
        order = f"phiz train {path} -o runs/first --minutes 5"
        return Inspection(path, "tar", f"{path}: a tar archive", facts, next=order)
    said = marks.read(path)
    if said is not None:
        return _made(path, said, size)
    ending = path.suffix.lower()
    if ending == ".safetensors":
        return _tensors(path, facts)
    if ending == ".onnx":
        return _onnx(path, facts)
    if ending in pictures.SUFFIXES or start[:3] == b"\xff\xd8\xff" or start[:4] == b"\x89PNG":
        image = pictures.decode(path.read_bytes(), path.name)
        facts = {
            "size": f"{image.width} x {image.height} pixels",
            **facts,
            "made by phiz": "it does not say so",
        }
        return Inspection(path, "picture", f"{path}: a picture", facts, picture=image)
    words = "an empty file" if not size else "a file that phiz has no use for"
    return Inspection(path, "file", f"{path}: {words}", facts)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, OSError):  # a packed one that is cut short
        return False


def _made(path: Path, said: dict[str, Any], size: int) -> Inspection:
    """Describe a picture or a film that phiz made."""
    kind = str(said.get("phiz"))
    made = (
        "yes, and synthetic" if said.get("synthetic", True) else "no, but enlarged by it: detail is made up"
    )
    facts = {"on disk": size_in_words(size), "made by phiz": made}
    with contextlib.suppress(KeyError, TypeError, ValueError):
        seeds = marks.seeds_of(said)
        if "seed" in said and len(seeds) > 1:
            facts["seeds"] = f"{seeds[0]} to {seeds[-1]}"
    hidden = {"phiz", "format", "synthetic", "n", *({"seed"} if "seeds" in facts else ())}
    for name, value in said.items():
        if name in ("latents", "fine") and isinstance(value, str):  # base64, which says nothing to people
            continue
        if name not in hidden and value not in ({}, None):
            facts[str(name)] = _words(value)
    image = None
    if path.suffix.lower() != ".mp4":
        with contextlib.suppress(pictures.BadPicture):  # a sheet may be larger than what is read of others
            image = pictures.decode(path.read_bytes(), path.name)
    if image is not None:
        facts = {"size": f"{image.width} x {image.height} pixels", **facts}
    again = f"phiz generate MODEL -o again.png --like {path}" if kind == "picture" else None
    return Inspection(
        path,
        kind,
        f"{path}: {'an enlarged picture' if kind == 'enlarged' else f'a {kind} that phiz made'}",
        facts,
        picture=image,
        next=again,
    )


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return few([str(part) for part in value], 16) if isinstance(value, list) else str(value)


def _zip(path: Path, size: int) -> Inspection:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        return Inspection(
            path, "file", f"{path}: a zip that cannot be read ({fault})", {"on disk": size_in_words(size)}
        )
    return _collection(path, "a zip", "zip", names, size)


def _tensors(path: Path, facts: dict[str, str]) -> Inspection:
    try:
        shapes = read_tensors(path)
    except (OSError, ValueError) as fault:
        return Inspection(path, "file", f"{path}: a damaged file of weights: {fault}", facts)
    rows = [(name, " x ".join(map(str, shape)), f"{math.prod(shape):,}") for name, shape in shapes.items()]
    facts["weights"] = f"{sum(math.prod(shape) for shape in shapes.values()):,} values"
    listing = Listing("Tensors", ("name", "shape", "values"), rows, right=("values",))
    return Inspection(path, "weights", f"{path}: weights of a network", facts, [listing])


def _onnx(path: Path, facts: dict[str, str]) -> Inspection:
    try:
        graph = read_graph(path.read_bytes())
    except ValueError as fault:
        return Inspection(path, "file", f"{path}: a damaged ONNX file: {fault}", facts)
    for name, values in (("takes", graph.inputs), ("gives", graph.outputs)):
        facts[name] = ", ".join(f"{v} {' x '.join(map(str, graph.shapes[v]))}" for v in values)
    return Inspection(path, "ONNX", f"{path}: a network as ONNX", facts, [table_of(layers.layers_of(graph))])


def table_of(found: list[layers.Layer]) -> Listing:
    """Return layers as a table."""
    rows = []
    for number, layer in enumerate(found, 1):
        shape = layer.shape if len(layer.shape) != 3 else (*layer.shape[1:], layer.shape[0])
        gives = " x ".join(map(str, shape))
        rows.append((str(number), layer.what, ", ".join(layer.then), gives, f"{layer.values:,}"))
    columns = ("", "layer", "then", "gives", "weights")
    return Listing(
        "Layers, as they run (norms may be folded into them)", columns, rows, right=("", "gives", "weights")
    )


def size_of(folder: Path) -> int:
    """Return the bytes of all files below `folder`; a training may take some away meanwhile."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found += os.path.getsize(os.path.join(place, name))
    return found
