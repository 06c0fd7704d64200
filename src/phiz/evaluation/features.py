"""The features of a set of faces: extracted once, kept (kept.py), mapped from there the next time.

Features are extracted by blocks and in order, so that parts taken on several processes or hosts, joined,
are those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phiz import latents
from phiz.errors import PhizError, UsageError
from phiz.evaluation.extractors import Extractor, about
from phiz.evaluation.kept import kept
from phiz.faceset import FaceSet
from phiz.model import Model
from phiz.weights import Progress

_BLOCK = 256  # pictures given to an extractor at once: enough for all of its threads
_BLOCK_BYTES = 1 << 27


@dataclass(frozen=True)
class Features:
    """Features of a set of pictures, with what made them.

    Attributes:
        values: float32 (N, D), in the order of the pictures; an array or a read-only memory map.
        extractor: what `phiz.evaluation.extractors.about` says of the extractor.
        source: what the pictures are, in words.
    """

    values: np.ndarray
    extractor: dict[str, Any]
    source: str

    def __len__(self) -> int:
        return len(self.values)


def extract(
    batches: Iterable[np.ndarray], extractor: Extractor, count: int, progress: Progress | None = None
) -> np.ndarray:
    """Return the features of pictures that come in batches: float32 (count, D).

    Args:
        batches: pictures uint8 (n, H, W, 3), `count` together.
        extractor: see phiz.evaluation.extractors.
        count: how many pictures there are.
        progress: told (done, count).

    Raises:
        PhizError: the features hold NaN or infinity.
        ValueError: there are not `count` pictures.
    """
    values = np.empty((count, extractor.dimensions), np.float32)
    done = 0
    for block in _blocks(batches, getattr(extractor, "block", _BLOCK)):
        found = extractor(block)
        if not np.isfinite(found).all():
            bad = done + int(np.flatnonzero(~np.isfinite(found).all(1))[0])
            raise PhizError(f'The extractor "{extractor.name}" gives no number (NaN) for picture {bad}.')
        if done + len(block) > count:
            raise ValueError(f"more than {count} pictures came")
        values[done : done + len(block)] = found
        done += len(block)
        if progress:
            progress(done, count)
    if done != count:
        raise ValueError(f"{done} pictures came, not {count}")
    return values


def _blocks(batches: Iterable[np.ndarray], enough: int) -> Iterator[np.ndarray]:
    """Gather small batches into larger ones, which keep all threads of an extractor at work."""
    held: list[np.ndarray] = []
    for batch in batches:
        held.append(batch)
        rows = sum(map(len, held))
        if rows >= enough or rows * batch[:1].nbytes >= _BLOCK_BYTES:
            yield np.concatenate(held) if len(held) > 1 else batch
            held = []
    if held:
        yield np.concatenate(held)


def chosen(total: int, limit: int | None = None) -> np.ndarray:
    """Return which faces of `total` are taken: all, or `limit` spread evenly, int64 in rising order."""
    count = total if limit is None else min(limit, total)
    return np.arange(count, dtype=np.int64) * total // max(1, count)


def of_faceset(
    faces: FaceSet,
    extractor: Extractor,
    limit: int | None = None,
    progress: Progress | None = None,
    mirrored: bool = False,
) -> Features:
    """Return the features of a face set, from the cache where they are there.

    Args:
        faces: the face set.
        extractor: see phiz.evaluation.extractors.
        limit: how many faces at most; row i is then face `chosen(len(faces), limit)[i]`.
        progress: told (done, count).
        mirrored: take each face's mirror image.

    Raises:
        PhizError: the set is empty, or the features hold NaN.
    """
    which = chosen(len(faces), limit)
    if not len(which):
        raise PhizError(f"{faces.path} holds no faces to evaluate.")

    def batches() -> Iterator[np.ndarray]:
        step = max(1, min(_BLOCK, _BLOCK_BYTES // (faces.size**2 * 3)))
        for start in range(0, len(which), step):
            batch = faces.batch(which[start : start + step])
            yield batch[:, :, ::-1] if mirrored else batch

    key = {"faceset": faces.id, "faces": len(which), "mirrored": mirrored, **about(extractor)}
    words = f"{len(which):,} {'mirrored ' if mirrored else ''}faces of face set {faces.id[:12]}"
    values = kept(key, len(which), lambda: extract(batches(), extractor, len(which), progress))
    return Features(values, about(extractor), words)


def of_model(
    model: Model,
    extractor: Extractor,
    count: int,
    seed: int = 0,
    truncation: float = 1.0,
    progress: Progress | None = None,
) -> Features:
    """Return the features of a model's faces of seeds seed .. seed + count - 1, from the cache if there.

    Raises:
        PhizError: the model gives NaN, or the features hold NaN.
        UsageError: a seed or the truncation is out of range.
    """
    seeds = latents.seeds_from(seed, count)

    def batches() -> Iterator[np.ndarray]:
        try:
            yield from model.stream(seeds, truncation)
        except UsageError:
            raise
        except PhizError as fault:
            raise PhizError(f"{model.path}: {fault}") from None

    config = model.config
    made = {"files": config.files, "range": config.output_range, "latents": config.latents}
    made |= {"frequencies": config.frequencies, "pairs": config.pairs}
    key = {**made, "seed": seed, "faces": count, "truncation": truncation, **about(extractor)}
    words = f"{count:,} faces of model {model.hash}, seeds from {seed}, truncation {truncation:g}"
    values = kept(key, count, lambda: extract(batches(), extractor, count, progress))
    return Features(values, about(extractor), words)


def join(parts: Sequence[Features]) -> Features:
    """Return the features of parts of a set, in their order, as those of the whole.

    Raises:
        ValueError: there are none, or they are of different extractors.
    """
    if not parts or any(part.extractor != parts[0].extractor for part in parts):
        raise ValueError("parts of one extractor are joined, at least one")
    values = np.concatenate([part.values for part in parts])
    return Features(values, parts[0].extractor, " and ".join(dict.fromkeys(part.source for part in parts)))
