"""Model: a trained generator as a folder that can be moved, shared and loaded.

    config.json                what it is, how it came about, and the SHA-256 of the files below
    model.safetensors          the weights
    onnx/model.onnx            the same generator as onnxruntime and browsers run it
    README.md, preview.png     a model card and what its faces look like
    discriminator.safetensors  optional, to train on
    upscaler/                  optional, what enlarges its faces (phiz.upscaler)

The folder is a Hugging Face model repository as it stands. Loading it needs no torch.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from phiz import artefacts, bundled, latents, marks
from phiz.card import CARRIED, CONFIG, FORMAT, ONNX, WEIGHTS, ModelConfig, Network, model_card
from phiz.errors import PhizError, UsageError, nearest
from phiz.folders import check_file, folder_of, packed
from phiz.onnx import Engine

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

__all__ = ["Model", "ModelConfig", "Network", "load", "save_model"]

DISCRIMINATOR = "discriminator.safetensors"

_BATCH_PIXELS = 1 << 18  # a batch of so many pixels takes about 64 MB a map of 64 channels
_MAX_BATCH = 64


class Model:
    """A generator of faces, run by onnxruntime on the CPU.

    Get one with `phiz.load`. `config` is what config.json says, `path` the folder.
    """

    def __init__(self, path: Path, config: ModelConfig) -> None:
        self.path, self.config = path, config

    def __repr__(self) -> str:
        return f"Model({str(self.path)!r}, {self.config.size} px, {self.hash})"

    @property
    def name(self) -> str:
        """What it is called where it is spoken of: its path, or the name of a model that comes with phiz."""
        return bundled.called(self.path)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the weights, in hexadecimal: the model's name everywhere."""
        return self.config.files[WEIGHTS]

    @property
    def hash(self) -> str:
        """The first 16 digits of `sha256`, as pictures carry it."""
        return self.sha256[:16]

    @cached_property
    def engine(self) -> Engine:
        """What runs the generator; made at its first use."""
        engine = Engine(self.path / ONNX)
        if (engine.z, engine.attributes) != (self.config.z, len(self.config.labels)):
            raise PhizError(
                f"{self.path / ONNX} takes {engine.z} values and {engine.attributes} labels, but {CONFIG} "
                f"says {self.config.z} and {len(self.config.labels)}: they are not of one model."
            )
        if self.config.mixes and not engine.mixes:
            raise PhizError(
                f"{self.path / ONNX} does not mix, but {CONFIG} says so: they are not of one model."
            )
        if isinstance(engine.side, int) and engine.side != self.config.size:
            raise PhizError(
                f"{self.path / ONNX} draws {engine.side} px, but {CONFIG} says {self.config.size}: they are "
                "not of one model."
            )
        return engine

    @property
    def batch(self) -> int:
        """How many faces are made at once, so that memory stays bounded."""
        return max(1, min(_MAX_BATCH, _BATCH_PIXELS // self.config.size**2))

    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        truncation: float = 1.0,
        labels: Mapping[str, str] | None = None,
        seeds: Iterable[int] | None = None,
        fine: int | Iterable[int] | None = None,
    ) -> np.ndarray:
        """Make faces: uint8 (N, H, W, 3), RGB.

        Args:
            n: how many, of the seeds seed, seed + 1, ...; 1 by default.
            seed: the first seed, 0 .. 2^53 - 1.
            truncation: psi; below 1 faces are more typical and less varied.
            labels: what every face should show, {attribute: value}; other attributes follow the seed,
                save where what it shows never goes with what is asked for.
            seeds: the seed of each face, instead of `n` and `seed`.
            fine: a seed, or one for each face, whose colours the faces take; shapes and labels stay.

        Raises:
            UsageError: an unknown attribute or value, a seed or truncation out of range, or a model that
                cannot mix.
        """
        if seeds is not None and n is not None:
            raise UsageError("Give either n or seeds, not both.")
        chosen = (
            latents.check_seeds(seeds)
            if seeds is not None
            else latents.seeds_from(seed, 1 if n is None else n)
        )
        pictures = np.empty((len(chosen), self.config.size, self.config.size, 3), np.uint8)
        done = 0
        second = None if fine is None else latents.check_seeds(fine)
        if second and not isinstance(fine, Iterable):
            second *= len(chosen)
        for batch in self.stream(chosen, truncation, labels, second):
            pictures[done : done + len(batch)] = batch
            done += len(batch)
        return pictures

    def stream(
        self,
        seeds: Sequence[int],
        truncation: float = 1.0,
        labels: Mapping[str, str] | None = None,
        fine: Sequence[int] | None = None,
    ) -> Iterator[np.ndarray]:
        """Make the faces of `seeds` in batches, uint8 (n, H, W, 3) each; see `sample`."""
        check_truncation(truncation)
        self.check_labels(labels)
        if fine is not None:
            self.check_mixes()
            if len(fine) != len(seeds):
                raise UsageError(f"{len(seeds)} faces take as many fine seeds, or one, not {len(fine)}.")
        for start in range(0, len(seeds), self.batch):
            part = slice(start, start + self.batch)
            values = latents.latents(seeds[part], self.config.z)
            second = None if fine is None else latents.latents(fine[part], self.config.z)
            yield self.run(values, truncation, self.labels_of(seeds[part], labels), second)

    def run(
        self,
        values: np.ndarray,
        truncation: float | np.ndarray = 1.0,
        labels: np.ndarray | None = None,
        fine: np.ndarray | None = None,
    ) -> np.ndarray:
        """Make the faces of latents: uint8 (N, H, W, 3).

        Args:
            values: latents, float32 (N, z).
            truncation: psi, a number or one a latent (N,).
            labels: int64 (N, A) indices of values; needed where the model takes labels.
            fine: latents of the finer stages, float32 (N, z); by default `values`.
        """
        check_truncation(truncation)
        if fine is not None:
            self.check_mixes()
            if fine.shape != values.shape:
                raise UsageError(f"Latents {values.shape} take finer ones of that shape, not {fine.shape}.")
        psi = np.broadcast_to(np.asarray(truncation, np.float32), len(values))
        parts = []
        for start in range(0, len(values), self.batch):
            part = slice(start, start + self.batch)
            given = (None if rows is None else rows[part] for rows in (labels, fine))
            images = self.engine.run(values[part], psi[part], *given)
            parts.append(to_uint8(images, self.config.output_range))
        return (
            np.concatenate(parts) if parts else np.empty((0, self.config.size, self.config.size, 3), np.uint8)
        )

    def check_mixes(self) -> None:
        """Refuse a model whose network cannot take colours from another face (status 2)."""
        if not self.config.mixes:
            old = self.config.network.name == "modern"
            why = "an older phiz wrote its ONNX file" if old else "its network is not modern"
            raise UsageError(f"{self.name} takes no colours from another seed: {why}.")

    def labels_of(self, seeds: Sequence[int], asked: Mapping[str, str] | None = None) -> np.ndarray | None:
        """Return the labels of `seeds`: int64 (N, A); None if the model takes none.

        Those asked for, and of the seed's own those that go with them (latents.draw_labels).
        """
        self.check_labels(asked)
        if not self.config.labels:
            return None
        known = list(self.config.labels)
        wanted = {known.index(a): self.config.labels[a].index(value) for a, value in (asked or {}).items()}
        frequencies = [self.config.frequencies[a] for a in known]
        return latents.draw_labels(seeds, frequencies, self.config.pairs, wanted)

    def check_labels(self, asked: Mapping[str, str] | None) -> None:
        """Refuse a label this model does not take, naming those that it does (status 2)."""
        known = self.config.labels
        for attribute, value in (asked or {}).items():
            if not known:
                raise UsageError(f'{self.name} takes no labels, so not "{attribute}" either.')
            if attribute not in known:
                raise UsageError(
                    f'{self.name} has no label "{attribute}"; it has {", ".join(known)}.'
                    + nearest(attribute, known)
                )
            values = self._learned(attribute)
            if not values:
                raise UsageError(f'{self.name} learned from no face with a value of "{attribute}".')
            if value not in values:
                unseen = f": {self.name} learned from no such face" if value in known[attribute] else ""
                others = [f'"{other}"' for other in known if value in self._learned(other)]
                meant = f' {", ".join(others)} can be "{value}".' if others else nearest(str(value), values)
                raise UsageError(
                    f'"{attribute}" cannot be "{value}"{unseen}; it can be {", ".join(values)}.{meant}'
                )

    def _learned(self, attribute: str) -> list[str]:
        """Return the values of an attribute that this model has learned from faces."""
        values, counts = self.config.labels[attribute], self.config.frequencies.get(attribute, [])
        return [value for value, count in zip(values, counts, strict=False) if count]

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights, {name: array}."""
        from safetensors.numpy import load_file

        return load_file(self.path / WEIGHTS)

    def module(self) -> nn.Module:
        """Return the generator as a torch module in evaluation mode, for a device or a gradient."""
        from phiz import networks

        network = networks.generator(self.config.network.name, **self.config.network.arguments)
        from safetensors.torch import load_file

        weights = load_file(self.path / WEIGHTS)
        if self.config.centres:
            del weights[self.config.centres]
        network.load_state_dict(weights)
        return network.eval()


def check_truncation(psi: float | np.ndarray) -> None:
    """Refuse a truncation that is negative or no number (status 2)."""
    values = np.asarray(psi, np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise UsageError(f"Truncation is a number from 0 (all alike) over 1 (as trained) upwards, not {psi}.")


def to_uint8(images: np.ndarray, output_range: tuple[float, float]) -> np.ndarray:
    """Turn a generator's output (N, 3, H, W) into pixels: uint8 (N, H, W, 3), as docs/latents.md defines.

    Raises:
        PhizError: the output holds NaN.
    """
    low, high = output_range
    scaled = (images.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    if np.isnan(scaled).any():
        raise PhizError("The model gives NaN instead of pixels; its training went wrong.")
    return np.floor(np.clip(scaled, 0, 255) + np.float32(0.5)).astype(np.uint8).transpose(0, 2, 3, 1).copy()


def load(path: str | Path) -> Model:
    """Load the model of a run or of a model folder, checking every byte of its files.

    Raises:
        PhizError: there is no model, or a file of it is missing, cut short, foreign or too new.
    """
    path = Path(path)
    folder = folder_of(path)
    data = artefacts.read_json(folder / CONFIG, "model", FORMAT)
    if data.get("kind") == "upscaler":
        raise PhizError(
            f"{path} makes no faces, it enlarges: phiz upscale PICTURES -o large --upscaler {path}"
        )
    try:
        config = ModelConfig.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise PhizError(f"{folder / CONFIG} is not sound: {place}: {first['msg']}.") from None
    if config.latents > latents.VERSION:
        raise PhizError(
            f"{folder / CONFIG} has latents of version {config.latents}, newer than {latents.VERSION}: "
            "pip install --upgrade phiz"
        )
    optional = [DISCRIMINATOR] if (folder / DISCRIMINATOR).exists() else []
    for name in (WEIGHTS, ONNX, *optional):
        check_file(folder, name, config.files.get(name))
    return Model(folder, config)


def save_model(
    folder: str | Path,
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    onnx: bytes,
    preview: Image,
    discriminator: Mapping[str, np.ndarray] | None = None,
    card: str = "",
    force: bool = False,
) -> Model:
    """Write a model folder, whole or not at all, and return it as loaded.

    Args:
        folder: where; a model that stands there is replaced with `force`, but for the upscaler it carries.
        config: what it is; `files` is filled in here.
        weights: the generator's (EMA) state, {name: array}.
        onnx: the same generator from `phiz.onnx.export`.
        preview: a sheet of its faces.
        discriminator: its state, to go on training from.
        card: what the model card should say beyond what `config` does, in Markdown.
        force: replace a model.

    Raises:
        PhizError: something stands at `folder` that may not be replaced.
        Surroundings: the disk is full.
    """
    files = {WEIGHTS: packed(weights), ONNX: onnx}
    if discriminator is not None:
        files[DISCRIMINATOR] = packed(discriminator)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    config = config.model_copy(update={"files": hashes})
    parameters = sum(math.prod(a.shape) for a in weights.values())
    said = {"phiz": "preview", "format": marks.FORMAT, "synthetic": True, "model": hashes[WEIGHTS][:16]}
    with artefacts.building(Path(folder), "model", force) as place:
        (place / "onnx").mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
        (place / "preview.png").write_bytes(marks.encode(preview, ".png", said))
        (place / "README.md").write_text(model_card(config, parameters, card), "utf-8")
        if (Path(folder) / CARRIED).is_dir():
            shutil.copytree(Path(folder) / CARRIED, place / CARRIED)
        artefacts.write_json(place / CONFIG, config.model_dump(mode="json"))
    return Model(Path(folder), config)
