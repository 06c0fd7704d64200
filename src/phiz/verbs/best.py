"""Which seeds give the best faces: realistic ones that differ from each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from phiz.errors import PhizError, UsageError
from phiz.evaluation import features
from phiz.evaluation.extractors import extractor
from phiz.evaluation.measures import K
from phiz.evaluation.neighbours import realism
from phiz.faceset import FaceSet
from phiz.model import Model
from phiz.sampling.choosing import choose
from phiz.verbs.reals import LEAST, Part, check_size, trained_on

REAL = 5000
SEES = "filters"
_COPY = 2.0  # so real that it may be a copy: more is not better


def best(
    source: str | Path,
    model: Model,
    seeds: Sequence[int],
    count: int,
    *,
    truncation: float = 1.0,
    labels: Mapping[str, str] | None = None,
    against: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[int]:
    """Choose `count` of `seeds`, the most realistic first; see phiz.sampling.choosing.

    Faces are judged by real ones: those of `against`, or else those that the model of `source` learned
    from, where they are at hand.

    Raises:
        UsageError: more are asked for than there are.
        PhizError: there are no real faces to judge by, or too few.
    """
    if not 1 <= count <= len(seeds):
        raise UsageError(f"--best {count} --of {len(seeds)}: choose from 1 to all of them.")
    faces = FaceSet.open(against) if against is not None else trained_on(Path(source), model, None)
    if faces is None:
        raise PhizError(
            f"The faces that {source} learned from are not at hand; choosing needs real faces to judge by: "
            "--against FACESET."
        )
    check_size(faces, model)
    if len(faces) < LEAST:
        raise PhizError(f"{faces.path} holds {len(faces)} faces; to judge by, {LEAST} are the least.")
    sees = extractor(SEES)
    real = Part(faces, REAL).features(sees, None)
    made = features.extract(model.stream(seeds, truncation, labels), sees, len(seeds), progress)
    scores = np.minimum(realism(real, made, K), _COPY)
    return [seeds[i] for i in choose(made, scores, count)]
