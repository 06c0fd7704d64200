"""The detector for photographs: YuNet (Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023).

Its network runs on onnxruntime, which is installed with phiz, and not on OpenCV, which is large and would be
needed for nothing else. What the network says is decoded as OpenCV's FaceDetectorYN does it: a score, a box
and five landmarks for each cell of three grids.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from phiz import weights
from phiz.prepare.detectors import LOOKED_AT, Seen, apart, pixels, reduced

_STRIDES = (8, 16, 32)
_LEAST = 0.5
_MOST = 200  # faces in a picture


class YuNet:
    """YuNet as a detector; see phiz.prepare.detectors.Detector."""

    name = "human"

    def __init__(self, least: float = _LEAST, longest: int = LOOKED_AT) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # pictures are spread over the cores, not one picture
        options.log_severity_level = 3
        self.sha256 = weights.WEIGHTS["yunet"].sha256
        self._least, self._longest = least, longest
        self._run = onnxruntime.InferenceSession(
            weights.find("yunet").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._run.get_outputs()]

    def __call__(self, picture: Image.Image) -> list[Seen]:
        """Return the faces in an RGB picture, the surest first."""
        small, factor = reduced(picture, self._longest)
        return [face.scaled(factor) for face in self.look(pixels(small))]

    def look(self, rgb: np.ndarray) -> list[Seen]:
        """Return the faces in uint8 (H, W, 3), looked at in full size."""
        high, wide = (-(-side // 32) * 32 for side in rgb.shape[:2])
        field = np.zeros((1, 3, high, wide), np.float32)
        field[0, :, : rgb.shape[0], : rgb.shape[1]] = rgb.transpose(2, 0, 1)[::-1]  # blue first
        said = dict(zip(self._names, self._run.run(None, {"input": field}), strict=True))
        found = [face for stride in _STRIDES for face in self._decode(said, stride, wide // stride)]
        return apart(sorted(found, key=lambda face: -face.score)[: 5 * _MOST])[:_MOST]

    def _decode(self, said: dict[str, np.ndarray], stride: int, columns: int) -> list[Seen]:
        cls, obj = (said[f"{part}_{stride}"][0, :, 0].clip(0, 1) for part in ("cls", "obj"))
        scores = np.sqrt(cls * obj)
        cells = np.flatnonzero(scores >= self._least)
        at = np.stack([cells % columns, cells // columns], 1).astype(np.float64)
        boxes = said[f"bbox_{stride}"][0, cells].astype(np.float64)
        middles, sizes = (at + boxes[:, :2]) * stride, np.exp(boxes[:, 2:].clip(-20, 20)) * stride
        points = (said[f"kps_{stride}"][0, cells].reshape(-1, 5, 2) + at[:, None]) * stride
        return [
            Seen(
                (*(middle - size / 2).tolist(), *size.tolist()),
                float(score),
                tuple((float(x), float(y)) for x, y in own),
            )
            for middle, size, score, own in zip(middles, sizes, scores[cells], points, strict=True)
        ]
