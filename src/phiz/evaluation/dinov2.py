"""DINOv2 (Oquab et al., arXiv 2304.07193) as a feature extractor: the class token of a vision transformer.

The forward is written out on the tensors of the publisher's safetensors file. Its distances follow
people's judgement of faces better than Inception's do (Stein et al., arXiv 2306.04675); the conventions are
theirs: 224 px, the class token after the last norm, positions interpolated as the first release did.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phiz import weights
from phiz.errors import MissingExtra, PhizError
from phiz.evaluation.resizing import ahead, bicubic, check_pictures
from phiz.onnx import cores

if TYPE_CHECKING:
    from torch import Tensor

SIZE, PATCH, HEAD = 224, 14, 64  # px of a picture, px of a patch, width of an attention head
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, 0 .. 1
_EPSILON = 1e-6
_BATCH = 16


class DINOv2:
    """DINOv2 as an extractor, on the GPU where there is one; see phiz.evaluation.extractors.Extractor.

    Args:
        name: "dinov2-base" or "dinov2-large", as in phiz.weights.
        threads: torch's threads; by default as torch decides.
        progress: told (done, total) in bytes while the weights are fetched.
    """

    size = SIZE
    resize = f"pillow bicubic to {SIZE}"

    def __init__(
        self, name: str, threads: int | None = None, progress: weights.Progress | None = None
    ) -> None:
        try:
            import torch
            from safetensors.torch import load_file
        except ImportError:
            raise MissingExtra("DINOv2", "train") from None
        self.name = name
        self.sha256 = weights.WEIGHTS[name].sha256
        path = weights.find(name, progress)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if threads:
            torch.set_num_threads(threads)
        self._pool = ThreadPoolExecutor(threads or cores(), thread_name_prefix="resize")
        tensors = {key: value.float().to(self.device) for key, value in load_file(path).items()}
        self._tensors = prepared(tensors, path)
        self.dimensions = int(self._tensors["embeddings.cls_token"].shape[-1])

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, dimensions)."""
        import torch

        check_pictures(pictures)
        found = [np.empty((0, self.dimensions), np.float32)]
        with torch.inference_mode():
            for batch in ahead(pictures, SIZE, bicubic, _BATCH, self._pool):
                pixels = torch.from_numpy(batch).to(self.device)
                found.append(forward(self._tensors, normalised(pixels)).cpu().numpy())
        return np.concatenate(found)


def normalised(pictures: Tensor) -> Tensor:
    """Bring pixels (N, 3, H, W), 0 .. 255, to ImageNet's mean 0 and deviation 1."""
    mean, std = (pictures.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (pictures / 255 - mean) / std


def prepared(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors with positions for pictures of `SIZE`; refuse a file that is no DINOv2."""
    try:
        positions = tensors["embeddings.position_embeddings"]
        return tensors | {"embeddings.position_embeddings": interpolated(positions, SIZE // PATCH)}
    except KeyError as fault:
        raise PhizError(f"{path} is no DINOv2: it holds no {fault}.") from None


def interpolated(positions: Tensor, side: int) -> Tensor:
    """Interpolate position embeddings (1, 1 + M * M, D) of M x M patches to (1, 1 + side * side, D).

    Bicubic with a scale of (side + 0.1) / M and not side / M: so did the code that the published distances
    were measured with.
    """
    import torch

    old = round((positions.shape[1] - 1) ** 0.5)
    if old == side:
        return positions
    grid = positions[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    scale = (side + 0.1) / old
    grid = torch.nn.functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def forward(tensors: dict[str, Tensor], pictures: Tensor) -> Tensor:
    """Return the class tokens (N, D) of normalised pictures (N, 3, H, W)."""
    import torch
    from torch.nn import functional as F

    kernel, bias = (tensors[f"embeddings.patch_embeddings.projection.{part}"] for part in ("weight", "bias"))
    patches = F.conv2d(pictures, kernel, bias, stride=kernel.shape[-1]).flatten(2).transpose(1, 2)
    token = tensors["embeddings.cls_token"].expand(len(patches), -1, -1)
    x = torch.cat([token, patches], 1) + tensors["embeddings.position_embeddings"]
    layer = 0
    while f"encoder.layer.{layer}.norm1.weight" in tensors:
        x = _block({name.split(".", 3)[3]: value for name, value in _of(tensors, layer)}, x)
        layer += 1
    return _norm(tensors, "layernorm", x)[:, 0]


def _of(tensors: dict[str, Tensor], layer: int) -> list[tuple[str, Tensor]]:
    return [(name, value) for name, value in tensors.items() if name.startswith(f"encoder.layer.{layer}.")]


def _block(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """One block: attention, then two dense layers, each scaled by LayerScale and added to what came in."""
    from torch.nn import functional as F

    x = x + w["layer_scale1.lambda1"] * _attention(w, _norm(w, "norm1", x))
    hidden = F.gelu(_dense(w, "mlp.fc1", _norm(w, "norm2", x)))
    return x + w["layer_scale2.lambda1"] * _dense(w, "mlp.fc2", hidden)


def _attention(w: dict[str, Tensor], x: Tensor) -> Tensor:
    from torch.nn import functional as F

    def heads(part: str) -> Tensor:
        return _dense(w, f"attention.attention.{part}", x).unflatten(2, (-1, HEAD)).transpose(1, 2)

    mixed = F.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"))
    return _dense(w, "attention.output.dense", mixed.transpose(1, 2).flatten(2))


def _dense(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _norm(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], _EPSILON)
