"""Small untrained models for tests: real folders with real ONNX, made in a moment and kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from phiz.model import Model, ModelConfig, Network, save_model
from phiz.onnx import export

LABELS = {"hair": ["black", "brown", "red"], "hat": ["no", "yes"]}
FREQUENCIES = {"hair": [2, 5, 1], "hat": [9, 1]}


def generator(size: int = 16, z: int = 6, attributes: int = 0, seed: int = 0) -> Any:
    """Return an untrained generator whose batch norms have something to say and whose dropout would show."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Toy(nn.Module):
        output_range = (-1.0, 1.0)

        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(z, 12 * 16)
            self.label = nn.ModuleList(nn.Embedding(3, z) for _ in range(attributes))
            layers: list[Any] = []
            for _ in range(int(np.log2(size // 4))):
                layers += [nn.ConvTranspose2d(12, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12)]
                layers += [nn.LeakyReLU(0.2), nn.Dropout(0.3)]
            self.layers = nn.Sequential(*layers, nn.Conv2d(12, 3, 3, padding=1), nn.Tanh())

        def forward(self, latent: Any, labels: Any = None) -> Any:
            for a, table in enumerate(self.label):
                latent = latent + table(labels[:, a])
            return self.layers(self.dense(latent).reshape(-1, 12, 4, 4))

    torch.manual_seed(seed)
    toy = Toy()
    for module in toy.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.05, 0.3)
    return toy


def exported(size: int = 16, z: int = 6, attributes: int = 0, seed: int = 0) -> tuple[dict, bytes]:
    """Return the weights and the ONNX of `generator(...)`."""
    return _exported(size, z, attributes, seed)


@cache
def _exported(size: int, z: int, attributes: int, seed: int) -> tuple[dict, bytes]:
    toy = generator(size, z, attributes, seed)
    weights = {name: tensor.numpy() for name, tensor in toy.state_dict().items()}
    return weights, export(toy, z, attributes)


def config(size: int = 16, z: int = 6, labelled: bool = False, **more: Any) -> ModelConfig:
    """Return the configuration of such a model."""
    labels = {"labels": LABELS, "frequencies": FREQUENCIES} if labelled else {}
    network = Network(name="toy", arguments={"size": size, "z": z})
    return ModelConfig(network=network, size=size, z=z, **(labels | more))


def model(
    folder: Path, size: int = 16, z: int = 6, labelled: bool = False, seed: int = 0, **more: Any
) -> Model:
    """Write an untrained model to `folder` and return it."""
    weights, data = exported(size, z, len(LABELS) if labelled else 0, seed)
    preview = Image.new("RGB", (size * 2, size), (200, 150, 120))
    return save_model(folder, config(size, z, labelled, **more), weights, data, preview)


def upscaler(folder: Path, scale: int = 4, ends: int = 2, seed: int = 0, **more: Any) -> Any:
    """Write a small untrained upscaler to `folder` and return it."""
    torch = pytest.importorskip("torch")
    from phiz import networks
    from phiz.upscaler import save_upscaler
    from phiz.upscaler_card import ENDS, UpscalerConfig

    arguments = {"scale": scale, "width": 8, "depth": 2, "between": 4}
    made = {end: _end(end, seed, tuple(arguments.items())) for end in ENDS[:ends]}
    torch.manual_seed(0)
    reach = networks.upscaler("compact", **arguments).reach
    network = Network(name="compact", arguments=arguments)
    said = {"size": 64, "ends": list(made), "reach": reach}
    config = UpscalerConfig(network=network, scale=scale, **(said | more))
    return save_upscaler(folder, config, made)


@cache
def _end(end: str, seed: int, arguments: tuple) -> tuple[dict, bytes]:
    import torch

    from phiz import networks
    from phiz.upscaler import export

    torch.manual_seed(2 * seed + (end == "sharp"))
    plain = networks.upscaler("compact", **dict(arguments)).folded()
    onnx_ = export(plain, dict(arguments)["scale"], end)
    return {name: tensor.numpy() for name, tensor in plain.state_dict().items()}, onnx_
