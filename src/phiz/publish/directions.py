"""Directions in a model's latent space that change what its faces show most.

The principal components of the early features of many latents, found where the features are still few and
broad (Harkonen et al. 2020, arXiv 2004.02546), and carried back to the latents by regression: for latents z
of a standard normal and the coordinate c of a component, the direction is E[z c], made one long.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from phiz import latents
from phiz.errors import PhizError, UsageError
from phiz.graph import Graph, read_graph
from phiz.publish.stored import with_output

_LATENTS = 1024
_FIRST_SEED = 1 << 40  # far from the seeds that people look at
_MOST_FEATURES = 8192
_CONVOLUTIONS = ("Conv", "ConvTranspose")


@dataclass(frozen=True)
class Directions:
    """`vectors` float32 (K, z), each of length one, the strongest first; `shares` (K,) of the variance."""

    vectors: np.ndarray
    shares: np.ndarray


def find(onnx: bytes, z: int, labels: np.ndarray | None = None, count: int = 10) -> Directions:
    """Return the `count` strongest directions of the generator `onnx`, fewer where z is smaller.

    Args:
        onnx: the bytes of its ONNX file.
        z: values in a latent.
        labels: int64 (1024, A), for a model that takes labels: those of the seeds `seeds()`.
        count: how many.

    Raises:
        PhizError: the file cannot be run.
    """
    values = latents.latents(seeds(), z)
    features = _features(onnx, values, labels)
    features = (features - features.mean(axis=0)).astype(np.float64)
    scores, strengths, _ = np.linalg.svd(features @ features.T, hermitian=True)
    count = min(count, z)
    coordinates = scores[:, :count] * np.sqrt(strengths[:count])
    vectors = coordinates.T @ values.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(lengths > 0, lengths, 1)
    strongest = vectors[np.arange(count), np.abs(vectors).argmax(axis=1)]
    vectors *= np.where(strongest < 0, -1.0, 1.0)[:, None]  # a sign of its own is no sign of the machine
    total = float(strengths.sum()) or 1.0
    return Directions(vectors.astype(np.float32), (strengths[:count] / total).astype(np.float32))


def seeds() -> list[int]:
    """Return the seeds whose features are looked at."""
    return list(range(_FIRST_SEED, _FIRST_SEED + _LATENTS))


def _features(onnx: bytes, values: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Return what goes into the second convolution, for each latent: (N, F)."""
    graph = read_graph(onnx)
    name = _early(graph)
    if name is None:  # no convolutions to speak of: the picture itself
        name = "image"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        tapped = onnx if name == "image" else with_output(onnx, name)
        session = onnxruntime.InferenceSession(tapped, options, ["CPUExecutionProvider"])
        parts = []
        for start in range(0, len(values), 32):
            part = slice(start, start + 32)
            feed = {"latent": values[part], "truncation": np.ones(len(values[part]), np.float32)}
            if "fine" in graph.inputs:
                feed["fine"] = values[part]
            if labels is not None:
                feed["labels"] = labels[part]
            parts.append(_broad(session.run([name], feed)[0]))
    except Exception as fault:  # onnxruntime raises a class of its own for each fault
        line = next(iter(str(fault).strip().splitlines()), type(fault).__name__)
        raise PhizError(f"No directions could be found in the model: {line}") from None
    return np.concatenate(parts)


def _early(graph: Graph) -> str | None:
    """Return the name of the value that the second convolution takes."""
    taken = [node.inputs[0] for node in graph.nodes if node.op in _CONVOLUTIONS]
    made = {output for node in graph.nodes for output in node.outputs}
    return taken[1] if len(taken) > 1 and taken[1] in made else None


def _broad(features: np.ndarray) -> np.ndarray:
    """Flatten features, averaged over places where they are many."""
    while features.ndim == 4 and features[0].size > _MOST_FEATURES and features.shape[2] > 1:
        height, width = features.shape[2] // 2 * 2, features.shape[3] // 2 * 2
        even = features[:, :, :height, :width]
        features = even.reshape(*even.shape[:2], height // 2, 2, width // 2, 2).mean(axis=(3, 5))
    return features.reshape(len(features), -1)


def described(found: Directions, names: Mapping[int, str]) -> dict[str, Any]:
    """Return directions as a page reads them; `names` are by number, from 1.

    Raises:
        UsageError: a name for a direction that is not there.
    """
    count = len(found.vectors)
    for number in names:
        if not 1 <= number <= count:
            raise UsageError(f"There is no direction {number} to be named; there are 1 to {count}.")
    vectors = base64.b64encode(found.vectors.astype("<f4").tobytes()).decode()
    return {"names": [names.get(i + 1, "") for i in range(count)], "vectors": vectors}
