"""Inception-v3 as FID uses it (Heusel et al., arXiv 1706.08500): NVIDIA's TorchScript of Google's network.

A TorchScript runs code, so the file is opened only after its SHA-256 is found to be the one meant. Two
rules of resizing, whose distances must not be compared with each other:

    inception         Pillow's bicubic in float to 299 px, as clean-FID defines it (arXiv 2104.11222)
    inception-legacy  TensorFlow's bilinear in the network itself, as the first FID and StyleGAN did
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from phiz import weights
from phiz.errors import MissingExtra, PhizError
from phiz.evaluation.resizing import ahead, check_pictures, clean_bicubic
from phiz.onnx import cores

if TYPE_CHECKING:
    from torch import Tensor

SIZE, DIMENSIONS = 299, 2048
_BATCH = 16


class Inception:
    """FID's network as an extractor, on the GPU where there is one; see phiz.evaluation.extractors.Extractor.

    Args:
        legacy: resize in the network, as TensorFlow does, and not before it.
        threads: torch's threads; by default as torch decides.
        progress: told (done, total) in bytes while the weights are fetched.

    Raises:
        PhizError: the file is not the one meant.
        Surroundings: it is not here and cannot be fetched.
    """

    size, dimensions = SIZE, DIMENSIONS

    def __init__(
        self, legacy: bool = False, threads: int | None = None, progress: weights.Progress | None = None
    ) -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtra("Inception", "train") from None
        self.legacy = legacy
        self.name = "inception-legacy" if legacy else "inception"
        self.resize = f"tensorflow bilinear to {SIZE}" if legacy else f"pillow bicubic in float to {SIZE}"
        self.sha256 = weights.WEIGHTS["inception"].sha256
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if threads:
            torch.set_num_threads(threads)
        self._pool = ThreadPoolExecutor(threads or cores(), thread_name_prefix="resize")
        path = weights.find("inception", progress)
        try:
            self._network = torch.jit.load(io.BytesIO(path.read_bytes()), map_location=self.device).eval()
        except RuntimeError as fault:
            raise PhizError(f"{path} cannot be opened: {str(fault).strip().splitlines()[0]}") from None

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, 2048)."""
        import torch

        check_pictures(pictures)
        found = [np.empty((0, DIMENSIONS), np.float32)]
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            for batch in ahead(pictures, SIZE, _planes if self.legacy else clean_bicubic, _BATCH, self._pool):
                features = self._features(torch.from_numpy(batch).to(self.device))
                found.append(features.reshape(-1, DIMENSIONS).float().cpu().numpy())
        return np.concatenate(found)

    def _features(self, pixels: Tensor) -> Tensor:
        """Run the network; its `layers` are what follows its own resizing and scaling to -1 .. 1."""
        if self.legacy:
            return self._network(pixels, return_features=True)
        return self._network.layers((pixels - 128) / 128)


def _planes(pictures: np.ndarray, size: int) -> np.ndarray:
    """Return pictures (N, H, W, 3) as (N, 3, H, W), of the size they have."""
    return pictures.transpose(0, 3, 1, 2).copy()
