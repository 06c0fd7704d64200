"""`phiz walk`: a film that wanders from face to face and comes back to the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from phiz import latents, marks
from phiz.errors import UsageError
from phiz.model import check_truncation, load
from phiz.sampling import films, sheets

READABLE = 128
"""The side to which the frames of small faces are enlarged, in pixels."""

_SECONDS_A_FACE = 1.5
_MAX_FRAMES = 36_000


def walk(
    source: str | Path,
    out: str | Path,
    *,
    seconds: float = 6.0,
    fps: float = 30.0,
    seed: int = 0,
    keys: int | None = None,
    truncation: float = 1.0,
    labels: Mapping[str, str] | None = None,
    fine: int | None = None,
    scale: int | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make a walk between faces and write it; returns the file written. It loops without a seam.

    Args:
        source: a run or a model.
        out: ends in .gif, .webp or .mp4 (which needs phiz[video]).
        seconds: how long one round takes.
        fps: frames a second, 1 to 120; 50 at most for a gif.
        seed: the first face; the walk passes seed, seed + 1, ... and returns to it.
        keys: how many faces it passes, 2 at least; by default one in 1.5 seconds.
        truncation: psi; below 1 faces are more typical and less varied.
        labels: what every face should show; other attributes stay those of the first seed.
        fine: a seed whose colours every frame has, while the shapes change; by default they change too.
        scale: enlarge frames so many times; by default to 128 px at least.
        force: replace a file that phiz did not make.
        progress: told how many frames of how many are done.

    Raises:
        UsageError: arguments out of range, unknown labels, another suffix.
        PhizError: no model at `source`, or something stands at `out` that may not be replaced.
        MissingExtra: an mp4 without PyAV.
        Surroundings: the disk is full.
    """
    out = Path(out)
    films.check_film(out, fps)
    if not 0 < seconds * fps <= _MAX_FRAMES:
        raise UsageError(f"A walk has 1 to {_MAX_FRAMES} frames, not {seconds * fps:g}; change --seconds.")
    if scale is not None:
        sheets.check_scale(scale)
    check_truncation(truncation)
    model = load(source)
    if fine is not None:
        model.check_mixes()
        fine = latents.check_seed(fine)
    marks.check_target(out, force)
    count = round(seconds * fps)
    scale = scale or sheets.scale_for(model.config.size, READABLE)
    films.check_length(out, count, model.config.size * scale)
    keys = keys if keys is not None else max(2, round(seconds / _SECONDS_A_FACE))
    path = latents.walk(seed, count, model.config.z, keys)
    shown = model.labels_of([seed], labels)
    colours = None if fine is None else latents.latents([fine], model.config.z)

    def frames(numbers: range) -> Iterator[np.ndarray]:
        for start in range(0, len(numbers), model.batch):
            part = path[list(numbers[start : start + model.batch])]
            kept = (None if one is None else one.repeat(len(part), axis=0) for one in (shown, colours))
            yield from model.run(part, truncation, *kept)
            if progress and len(numbers) == count:
                progress(min(start + model.batch, count), count)

    said = marks.facts(model.hash, [seed], truncation, labels, phiz="walk", keys=keys, frames=count, fps=fps)
    said |= {} if fine is None else {"fine": fine}
    films.write(out, count, frames, fps, said, scale)
    return out
