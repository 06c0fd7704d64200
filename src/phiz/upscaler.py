"""Upscaler: a trained network that enlarges pictures, as a folder that can be moved, shared and loaded.

    config.json          what it is, how it came about, and the SHA-256 of the files below
    model.safetensors    the weights of its ends, as smooth.* and sharp.*
    onnx/model.onnx      what enlarges: the sharp end, or the only one
    onnx/smooth.onnx     the smooth end, where there are two
    README.md, preview.png

Between the ends lie the weights between theirs (as in Wang et al., arXiv 1809.00219, section 3.4). A model
that makes faces carries its upscaler as the folder `upscaler` within its own.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from phiz import artefacts, marks, tiles
from phiz.card import CARRIED, CONFIG, FORMAT, ONNX, WEIGHTS
from phiz.errors import PhizError, UsageError
from phiz.folders import check_file, folder_of, packed
from phiz.graph import fields
from phiz.onnx import TOLERANCE, session, written
from phiz.upscaler_card import UpscalerConfig, upscaler_card

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

SMOOTH = "onnx/smooth.onnx"
_FILES = {"sharp": ONNX, "smooth": SMOOTH}
_TILE = 192


class Upscaler:
    """What enlarges pictures, run by onnxruntime on the CPU.

    Get one with `phiz.upscaler.load`. `config` is what config.json says, `path` the folder.
    """

    def __init__(self, path: Path, config: UpscalerConfig) -> None:
        self.path, self.config = path, config
        self._network = lru_cache(maxsize=2)(self._made)

    def __repr__(self) -> str:
        return f"Upscaler({str(self.path)!r}, x{self.config.scale}, {self.hash})"

    @property
    def sha256(self) -> str:
        """The SHA-256 of the weights, in hexadecimal."""
        return self.config.files[WEIGHTS]

    @property
    def hash(self) -> str:
        """The first 16 digits of `sha256`, as pictures carry it."""
        return self.sha256[:16]

    def onnx(self, sharpness: float | None = None) -> bytes:
        """Return the network of a sharpness, from 0 (smooth) to 1 (sharp), as an ONNX file.

        Raises:
            UsageError: no such sharpness, or one asked of an upscaler with a single end.
        """
        if sharpness is not None and not 0 <= sharpness <= 1:
            raise UsageError(f"Sharpness is a number from 0 (smooth) to 1 (sharp), not {sharpness:g}.")
        only = len(self.config.ends) == 1
        if only and sharpness is not None:
            end = self.config.ends[0]
            raise UsageError(f"{self.path} has one end, the {end} one; leave --sharpness out.")
        asked = self.config.sharpness if sharpness is None else sharpness
        if only or asked == 1:
            return (self.path / ONNX).read_bytes()
        smooth = (self.path / SMOOTH).read_bytes()
        return smooth if asked == 0 else between(smooth, (self.path / ONNX).read_bytes(), asked)

    def _made(self, sharpness: float | None) -> tiles.Network:
        running = session(self.onnx(sharpness))
        given, gives = [v.name for v in running.get_inputs()], [v.name for v in running.get_outputs()]
        if given != ["picture"] or gives != ["image"]:
            raise PhizError(f"{self.path / ONNX} is no upscaler of phiz's: it takes {', '.join(given)}.")
        return lambda values: running.run(gives, {"picture": values})[0]

    def enlarge(
        self, picture: np.ndarray, sharpness: float | None = None, done: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Enlarge a picture of any size: uint8 (H, W, 3) -> uint8 (scale * H, scale * W, 3).

        Args:
            picture: RGB.
            sharpness: from 0 to 1; what config.json says if None.
            done: told how many of its pixels are done, tile by tile.
        """
        network, config = self._network(sharpness), self.config
        return tiles.enlarge(picture, network, config.scale, config.reach, _TILE, done)

    def said(self, sharpness: float | None = None) -> dict[str, Any]:
        """Return what a picture says of what enlarged it."""
        said: dict[str, Any] = {"upscaler": self.hash, "scale": self.config.scale}
        if len(self.config.ends) == 2:
            said["sharpness"] = self.config.sharpness if sharpness is None else sharpness
        return said

    def module(self, end: str = "sharp") -> nn.Module:
        """Return one of its ends as a torch module in evaluation mode."""
        from safetensors.torch import load_file

        from phiz import networks

        network = networks.upscaler(self.config.network.name, **self.config.network.arguments).folded()  # type: ignore[operator]
        start = f"{end}."
        state = {k[len(start) :]: v for k, v in load_file(self.path / WEIGHTS).items() if k.startswith(start)}
        network.load_state_dict(state)
        return network.eval()


def between(smooth: bytes, sharp: bytes, share: float) -> bytes:
    """Return the ONNX file whose weights lie `share` of the way from those of `smooth` to those of `sharp`.

    Raises:
        PhizError: they are not files of one network.
    """
    made = bytearray(sharp)
    try:
        for (name, there), (other, here) in zip(
            _weights(memoryview(smooth)), _weights(memoryview(made)), strict=True
        ):
            if name != other:
                raise ValueError(name)
            values, towards = np.frombuffer(here, "<f4"), np.frombuffer(there, "<f4")
            values += np.float32(1 - share) * (towards - values)
    except ValueError:
        raise PhizError("The two ends of the upscaler are not of one network.") from None
    return bytes(made)


def _weights(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield name and bytes of each float32 tensor of an ONNX file."""
    for number, graph in fields(data):
        for part, tensor in fields(graph) if number == 7 else ():
            if part == 5:
                said = dict(fields(tensor))
                if said.get(2) == 1 and 9 in said:
                    yield bytes(said[8]), said[9]


def carried(model: Path) -> Upscaler | None:
    """Return the upscaler that the model folder `model` carries, if any."""
    return load(model / CARRIED) if (model / CARRIED).is_dir() else None


def is_upscaler(path: str | Path) -> bool:
    """Say whether `path` is an upscaler, or a run that trains one and has a model already."""
    path = Path(path)
    folder = path / "model" if artefacts.kind_of(path) == "run" else path
    try:
        return artefacts.read_json(folder / CONFIG, "model", FORMAT).get("kind") == "upscaler"
    except PhizError:
        return False


def load(path: str | Path) -> Upscaler:
    """Load the upscaler of a run, of a folder, or the one that a model carries, checking every byte.

    Raises:
        PhizError: there is none, or a file of it is missing, cut short, foreign or too new.
    """
    folder = folder_of(Path(path), "upscaler")
    data = artefacts.read_json(folder / CONFIG, "model", FORMAT)
    if data.get("kind") != "upscaler":
        if (folder / CARRIED).is_dir():
            return load(folder / CARRIED)
        raise PhizError(
            f"{path} makes faces and carries no upscaler; train one: phiz train-upscaler FACESET -o runs/up"
        )
    try:
        config = UpscalerConfig.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise PhizError(f"{folder / CONFIG} is not sound: {place}: {first['msg']}.") from None
    for name in (WEIGHTS, ONNX, *([SMOOTH] if len(config.ends) == 2 else [])):
        check_file(folder, name, config.files.get(name))
    return Upscaler(folder, config)


def of_scale(path: str | Path, scale: int | None) -> Upscaler:
    """Load the upscaler at `path`, and refuse one that is not made for `scale`, if that is given."""
    found = load(path)
    if scale is not None and scale != found.config.scale:
        raise PhizError(
            f"{found.path} enlarges {found.config.scale} times, not {scale}; train one that does: "
            f"phiz train-upscaler FACESET -o runs/up{scale} --scale {scale}"
        )
    return found


def export(module: nn.Module, scale: int, end: str) -> bytes:
    """Return a folded upscaler as one ONNX file, checked: onnxruntime gives what torch gives.

    Raises:
        PhizError: they differ.
    """
    import torch

    height, width = torch.export.Dim("H"), torch.export.Dim("W")
    shapes = ({0: torch.export.Dim("N"), 2: height, 3: width},)
    module = module.cpu().float().eval().requires_grad_(False)
    draws = torch.Generator().manual_seed(0)
    data = written(module, (torch.rand(2, 3, 12, 20, generator=draws),), ["picture"], shapes)
    running = session(data)
    for size in ((1, 3, 16, 16), (3, 3, 9, 13), (1, 3, 1, 1)):
        picture = torch.rand(size, generator=draws)
        with torch.no_grad():
            expected = module(picture).numpy()
        apart = np.abs(running.run(None, {"picture": picture.numpy()})[0] - expected).max()
        if expected.shape[2] != scale * size[2] or not apart <= TOLERANCE:
            raise PhizError(f"The exported ONNX of the {end} end differs from torch by {apart:.2g}.")
    return data


def save_upscaler(
    folder: str | Path,
    config: UpscalerConfig,
    ends: Mapping[str, tuple[Mapping[str, np.ndarray], bytes]],
    preview: Image | None = None,
    force: bool = False,
) -> Upscaler:
    """Write an upscaler's folder, whole or not at all, and return it as loaded.

    Args:
        folder: where; a model that stands there is replaced with `force`.
        config: what it is; `files` is filled in here.
        ends: of each end its weights, {name: array}, and its ONNX from `export`.
        preview: what it does to some faces that may be shown.
        force: replace a model.

    Raises:
        PhizError: something stands at `folder` that may not be replaced.
        Surroundings: the disk is full.
    """
    weights = {f"{end}.{name}": a for end, (state, _) in ends.items() for name, a in state.items()}
    files = {WEIGHTS: packed(weights)}
    for end, (_, data) in ends.items():
        files[ONNX if len(ends) == 1 else _FILES[end]] = data
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    config = config.model_copy(update={"files": hashes})
    values = sum(math.prod(a.shape) for a in weights.values()) // len(ends)
    said = {"phiz": "preview", "format": marks.FORMAT, "synthetic": True, "model": hashes[WEIGHTS][:16]}
    with artefacts.building(Path(folder), "model", force) as place:
        (place / "onnx").mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
        if preview is not None:
            (place / "preview.png").write_bytes(marks.encode(preview, ".png", said))
        (place / "README.md").write_text(upscaler_card(config, values, preview is not None), "utf-8")
        artefacts.write_json(place / CONFIG, config.model_dump(mode="json"))
    return Upscaler(Path(folder), config)


def copy(upscaler: Upscaler, folder: Path) -> None:
    """Copy the files of `upscaler` into `folder`, which is being written."""
    for name in (CONFIG, "README.md", "preview.png", *upscaler.config.files):
        if (upscaler.path / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(upscaler.path / name, folder / name)
