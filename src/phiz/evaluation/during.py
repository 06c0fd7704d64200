"""The small measure that watches a training: the relative Frechet distance on built-in features.

It needs no download and takes a second or two. It ranks the steps of one run; it is not FID, and says
nothing across face sets.
"""

from __future__ import annotations

import numpy as np

from phiz.evaluation.distances import relative_frechet
from phiz.evaluation.extractors import extractor
from phiz.evaluation.features import chosen, extract
from phiz.evaluation.statistics import Statistics
from phiz.faceset import FaceSet

NAME = "filters"
_REAL = 3000
_MADE = 1000
_BLOCK = 256


class Distance:
    """How far made faces are from those of a face set, on at most 3,000 of them: 0 is best, 1 the mean face.

    Attributes:
        name: what metrics.jsonl calls it.
        samples: how many made faces it wants.
    """

    name = f"frechet_{NAME}"

    def __init__(self, faces: FaceSet) -> None:
        self.samples = max(64, min(_MADE, len(faces)))
        self._extractor = extractor(NAME)
        which = chosen(len(faces), _REAL)
        parts = (faces.batch(which[start : start + _BLOCK]) for start in range(0, len(which), _BLOCK))
        self._real = Statistics.of(extract(parts, self._extractor, len(which)))

    def __call__(self, faces: np.ndarray) -> float:
        """Return the distance of `faces`, uint8 (N, H, W, 3)."""
        return relative_frechet(self._real, Statistics.of(self._extractor(faces)))
