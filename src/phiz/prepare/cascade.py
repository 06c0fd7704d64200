"""A cascade of local binary patterns, read from OpenCV's XML and evaluated with NumPy.

Liao, Zhu, Lei, Zhang, Li, "Learning Multi-scale Block Local Binary Patterns for Face Recognition", 2007, in
a boosted cascade (Viola, Jones, 2001). A window of 24 x 24 px passes a stage if its weak classifiers' sum
reaches the stage's threshold. A weak classifier compares the sums of the eight outer of 3 x 3 blocks with
that of the middle one: eight bits, which pick one of two values.

All sizes of a picture lie in one array of one width, so that a block's corners lie at the same distances
from any window's own corner, whatever its scale, and a stage is evaluated for all windows that are left at
once. It needs neither OpenCV 4 (5 has no cascades) nor scikit-image with SciPy.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
from PIL import Image

from phiz.errors import PhizError

_AT_ONCE = 2**18  # corners gathered at once: they stay in the processor's cache
_FROM = 1.9
"""A size is made from the smallest that is this much larger, which is quicker and looks the same."""

_BITS = np.array([128, 64, 32, 1, 0, 16, 2, 4, 8], np.uint8)  # of the 3 x 3 blocks, row by row


@dataclass(frozen=True)
class _Stage:
    threshold: float
    blocks: np.ndarray
    """int64 (F, 4): x, y, width, height of the first of 3 x 3 blocks."""
    values: np.ndarray
    """float32 (F, 256): what each pattern is worth."""


@dataclass(frozen=True)
class Windows:
    """Windows that passed: x, y, side in the picture's pixels (float64, N), stages passed and last sum."""

    x: np.ndarray
    y: np.ndarray
    side: np.ndarray
    stages: np.ndarray
    sums: np.ndarray


class Cascade:
    """A cascade of local binary patterns.

    Raises:
        PhizError: the XML is none.
    """

    def __init__(self, xml: bytes) -> None:
        try:
            root = ElementTree.fromstring(xml).find("cascade")
            assert root is not None
            assert root.findtext("featureType", "").strip() == "LBP"
            self.side = int(root.findtext("width", ""))
            rects = [[int(n) for n in (rect.text or "").split()] for rect in root.iterfind("features/_/rect")]
            self.stages = [_stage(one, rects) for one in root.iterfind("stages/_")]
        except (ElementTree.ParseError, AssertionError, ValueError, IndexError, AttributeError) as fault:
            raise PhizError(f"No cascade of local binary patterns: {fault}") from None

    def __call__(
        self, grey: Image.Image, growth: float = 1.15, smallest: int = 24, step: int = 2, spare: int = 0
    ) -> Windows:
        """Return the windows of a grey picture that pass all stages but the last `spare`.

        Args:
            grey: mode L.
            growth: from one scale to the next.
            smallest: side of the smallest window, in the picture's pixels.
            step: from one window to the next, in pixels of the scaled picture.
            spare: the last stages that may be failed.
        """
        field, levels = _levels(grey, self.side, growth, smallest)
        found = [self._first(field, top, high, wide, step) for top, high, wide, _ in levels]
        level = np.repeat(np.arange(len(levels)), [len(part) for part in found])
        left = np.concatenate([np.empty(0, np.int64), *found])
        need = len(self.stages) - spare
        stages = np.ones(len(left), np.int64)
        sums = np.zeros(len(left), np.float32)
        alive = np.arange(len(left))
        flat, width = field.reshape(-1), field.shape[1]
        for number, stage in enumerate(self.stages[1:], 1):
            total = _evaluate(flat, width, left[alive], stage)
            passed = total >= stage.threshold
            sums[alive] = total - np.float32(stage.threshold)
            alive = alive[passed]
            stages[alive] = number + 1
        kept = np.flatnonzero(stages >= need)
        tops = np.array([top for top, *_ in levels], np.int64)
        scales = np.array([scale for *_, scale in levels])
        at, scale = left[kept], scales[level[kept]]
        x, y = at % width, at // width - tops[level[kept]]
        return Windows(x * scale, y * scale, self.side * scale, stages[kept], sums[kept])

    def _first(self, field: np.ndarray, top: int, high: int, wide: int, step: int) -> np.ndarray:
        """Return where, in the flat field, the windows of a level lie that pass the first stage."""
        stage, side = self.stages[0], self.side
        rows, columns = high - side + 1, wide - side + 1
        total = np.zeros((len(range(0, rows, step)), len(range(0, columns, step))), np.float32)
        for (x, y, w, h), values in zip(stage.blocks.tolist(), stage.values, strict=True):
            corner = [
                [
                    field[
                        top + y + j * h : top + y + j * h + rows : step,
                        x + i * w : x + i * w + columns : step,
                    ]
                    for i in range(4)
                ]
                for j in range(4)
            ]
            strips = [[corner[j + 1][i] - corner[j][i] for i in range(4)] for j in range(3)]
            sums = [strips[j][i + 1] - strips[j][i] for j in range(3) for i in range(3)]
            code = np.zeros(total.shape, np.uint8)
            for block, bit in zip(sums, _BITS.tolist(), strict=True):
                if bit:
                    code |= (block >= sums[4]).view(np.uint8) * np.uint8(bit)
            total += values[code]
        row, column = np.nonzero(total >= stage.threshold)
        return (top + row.astype(np.int64) * step) * field.shape[1] + column * step


def _stage(one: ElementTree.Element, rects: list[list[int]]) -> _Stage:
    blocks, values = [], []
    for weak in one.iterfind("weakClassifiers/_"):
        nodes = [int(n) for n in (weak.findtext("internalNodes") or "").split()]
        leaves = [float(n) for n in (weak.findtext("leafValues") or "").split()]
        subset = np.array(nodes[3:11], np.int32).view(np.uint32)
        inside = (subset[np.arange(256) >> 5] >> (np.arange(256, dtype=np.uint32) & 31)) & 1
        blocks.append(rects[nodes[2]])
        values.append(np.where(inside == 1, leaves[0], leaves[1]).astype(np.float32))
    threshold = float(one.findtext("stageThreshold", "")) - 1e-5
    return _Stage(threshold, np.array(blocks, np.int64), np.stack(values))


Level = tuple[int, int, int, float]


def _levels(grey: Image.Image, side: int, growth: float, smallest: int) -> tuple[np.ndarray, list[Level]]:
    """Return the sums over rectangles of every size of a picture, int32, one below the other.

    With them of each size: its first row, height, width, and what brings its pixels to the picture's.
    """
    sizes = []
    scale = max(1.0, smallest / side)
    while min(grey.size) / scale >= side:
        sizes.append((round(grey.height / scale), round(grey.width / scale), scale))
        scale *= growth
    width = max((wide for _, wide, _ in sizes), default=0) + 1
    field = np.zeros((sum(high + 1 for high, *_ in sizes), width), np.int32)
    levels, top = [], 0
    done: list[tuple[float, Image.Image]] = [(1.0, grey)]
    for high, wide, scale in sizes:
        _, near = max(
            (one for one in done if one[0] <= scale / _FROM), default=done[0], key=lambda one: one[0]
        )
        small = near if (wide, high) == near.size else near.resize((wide, high), Image.Resampling.BILINEAR)
        done.append((scale, small))
        part = field[top + 1 : top + 1 + high, 1 : wide + 1]
        np.cumsum(np.asarray(small), axis=0, dtype=np.int32, out=part)
        np.cumsum(part, axis=1, out=part)
        levels.append((top, high, wide, scale))
        top += high + 1
    return field, levels


def _evaluate(flat: np.ndarray, width: int, left: np.ndarray, stage: _Stage) -> np.ndarray:
    """Return the sums of a stage for windows whose own corners lie at `left`: float32 (N,)."""
    x, y, w, h = (stage.blocks[:, i, None, None] for i in range(4))
    steps = np.arange(4)
    corners = (y + steps[None, :, None] * h) * width + x + steps[None, None, :] * w  # F, 4, 4
    many = len(stage.blocks)
    total = np.empty(len(left), np.float32)
    length = max(1, _AT_ONCE // (16 * many))
    rows = np.arange(many)[:, None]
    for start in range(0, len(left), length):
        own = left[start : start + length]
        sums = flat[corners.reshape(many, 16, 1) + own].reshape(many, 4, 4, len(own))
        strips = sums[:, 1:] - sums[:, :-1]
        blocks = (strips[:, :, 1:] - strips[:, :, :-1]).reshape(many, 9, len(own))
        codes = ((blocks >= blocks[:, 4:5]) * _BITS[:, None]).sum(axis=1, dtype=np.uint8)
        total[start : start + length] = stage.values[rows, codes].sum(axis=0)
    return total
