"""The latent of a seed, the labels of a seed, truncation and walks, as docs/latents.md defines them.

Everything here is a pure function of whole numbers: the same seed is the same face in a terminal, in
Python and in a browser. tests/golden/latents.json holds vectors that any implementation must reproduce.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from phiz.errors import UsageError

VERSION = 1
"""The version of docs/latents.md that this file implements; `latents` in a model's config.json."""

MAX_SEED = 2**53 - 1
"""The largest seed: the largest whole number that every language holds exactly in a float64."""

LATENT, LABELS, NOISE = 0, 1, 2
"""Streams of a seed: its latent, its labels, and the noise of networks that take noise as an input."""

Pairs = Sequence[Sequence[Sequence[Sequence[int]]]]
"""pairs[a][b][v][w]: how often value v of attribute a was seen with value w of an attribute b before it."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


def check_seed(seed: int) -> int:
    """Return `seed` as an int.

    Raises:
        UsageError: it is not a whole number from 0 to 2^53 - 1.
    """
    try:
        whole = operator.index(seed)
    except TypeError:
        whole = -1
    if isinstance(seed, bool | np.bool_) or not 0 <= whole <= MAX_SEED:
        raise UsageError(f"A seed is a whole number from 0 to {MAX_SEED}, not {seed}.")
    return whole


def check_seeds(seeds: int | Iterable[int]) -> list[int]:
    """Return `seeds`, one or several, as a list of ints; see `check_seed`."""
    return [check_seed(seed) for seed in (seeds if isinstance(seeds, Iterable) else [seeds])]


def seeds_from(seed: int, n: int) -> list[int]:
    """Return the `n` seeds seed, seed + 1, ... of a sheet.

    Raises:
        UsageError: `n` is less than 1, or a seed lies outside 0 .. 2^53 - 1.
    """
    if n < 1:
        raise UsageError(f"The number of faces must be at least 1, not {n}.")
    check_seed(seed)
    if seed + n - 1 > MAX_SEED:
        raise UsageError(f"{n} faces from seed {seed} would pass the last seed, {MAX_SEED}.")
    return list(range(int(seed), int(seed) + n))


def mix(x: np.ndarray) -> np.ndarray:
    """Return splitmix64's finaliser of uint64 values (Steele, Lea and Flood 2014; Stafford's variant 13)."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


def words(seeds: Iterable[int], stream: int, count: int) -> np.ndarray:
    """Return the first `count` words of a stream of each seed: uint64 (N, count)."""
    start = np.array(check_seeds(seeds), np.uint64)[:, None]
    with np.errstate(over="ignore"):
        state = mix(mix(start) + np.uint64(stream))
        return mix(state + np.arange(1, count + 1, dtype=np.uint64) * _GAMMA)


def uniform(seed: int, stream: int, count: int) -> np.ndarray:
    """Return the first `count` uniform draws of a stream of `seed`: float64 (count,) in [0, 1)."""
    return _fraction(words([seed], stream, count)[0])


def _fraction(word: np.ndarray) -> np.ndarray:
    return (word >> np.uint64(11)).astype(np.float64) * _UNIT


def latents(seeds: Iterable[int], z: int) -> np.ndarray:
    """Return the latents of `seeds`: float32 (N, z), each value drawn from a standard normal.

    Box and Muller's transform (1958) in float64 of the pairs of uniforms of stream 0.

    Raises:
        UsageError: a seed lies outside 0 .. 2^53 - 1.
    """
    if z < 1:
        raise UsageError(f"A latent has at least 1 value, not {z}.")
    draws = words(seeds, LATENT, z + z % 2)
    return _normal(draws)[:, :z]


def noise(seeds: Iterable[int], count: int) -> np.ndarray:
    """Return `count` standard normal values of each seed's noise stream: float32 (N, count)."""
    return _normal(words(seeds, NOISE, count + count % 2))[:, :count]


def _normal(draws: np.ndarray) -> np.ndarray:
    radius = np.sqrt(-2.0 * np.log(_fraction(draws[:, 0::2]) + _UNIT))
    angle = (2.0 * np.pi) * _fraction(draws[:, 1::2])
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return pairs.reshape(len(draws), -1).astype(np.float32)


def draw_labels(
    seeds: Iterable[int],
    frequencies: Mapping[str, Sequence[int]] | Sequence[Sequence[int]],
    pairs: Pairs = (),
    asked: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Return a value for every attribute of each seed, of which those go together that were seen together.

    What is asked for is taken. A value of a seed that was never seen together with it is drawn anew; the
    others stay as they are without it.

    Args:
        seeds: N seeds.
        frequencies: for each of A attributes, how often each of its values was seen; where all are 0,
            every value is as likely.
        pairs: pairs[a][b][v][w], how often value v of attribute a was seen with value w of an attribute b
            before it; without any, attributes are drawn each for itself.
        asked: {attribute: value}, by their numbers.

    Returns:
        int64 (N, A)
    """
    rows = frequencies.values() if isinstance(frequencies, Mapping) else frequencies
    counts = [np.asarray(row if any(row) else [1] * len(row), np.float64) for row in rows]
    shares = _shares(pairs)
    draws = _fraction(words(seeds, LABELS, len(counts)))
    labels = np.empty(draws.shape, np.int64)

    def drawn(a: int, known: Iterable[int]) -> np.ndarray:
        weights = np.tile(counts[a], (len(labels), 1))
        for b in known:
            if (a, b) in shares:
                weights *= shares[a, b][:, labels[:, b]].T
        weights[~weights.any(axis=1)] = counts[a]  # nothing goes with all of them
        sums = np.cumsum(weights, axis=1)
        return ((draws[:, a] * sums[:, -1])[:, None] >= sums).sum(axis=1)

    for a in range(len(counts)):
        labels[:, a] = drawn(a, range(a))
    if not asked:
        return labels
    for a, value in asked.items():
        labels[:, a] = value
    for a in (a for a in range(len(counts)) if a not in asked):
        known = [b for b in range(len(counts)) if b < a or (b > a and b in asked)]
        fits = np.ones(len(labels), bool)
        for b in known:
            if (a, b) in shares:
                fits &= shares[a, b][labels[:, a], labels[:, b]] > 0
        labels[:, a] = np.where(fits, labels[:, a], drawn(a, known))
    return labels


def _shares(pairs: Pairs) -> dict[tuple[int, int], np.ndarray]:
    """Return of any two attributes a, b the share of each value of b among the faces with each of a."""
    shares = {}
    for later, tables in enumerate(pairs):
        for earlier, table in enumerate(tables):
            for a, b, counts in ((later, earlier, np.asarray(table)), (earlier, later, np.asarray(table).T)):
                if not counts.any():
                    continue  # no face has both
                seen = counts.sum(axis=1, keepdims=True)
                known = np.where(seen > 0, counts, counts.sum(axis=0))
                shares[a, b] = known / known.sum(axis=1, keepdims=True)
    return shares


def truncate(points: np.ndarray, psi: float | np.ndarray, centres: np.ndarray | None = None) -> np.ndarray:
    """Return `points` (N, D) drawn towards the origin, or towards the nearest of `centres` (M, D).

    Without centres: psi * p. With them: c + psi * (p - c), c the centre at the least Euclidean distance,
    the first of several. float32 (N, D); `psi` is a number or one a point (N,).
    """
    points = np.asarray(points, np.float32)
    factor = np.asarray(psi, np.float32)
    factor = factor[:, None] if factor.ndim else factor
    if centres is None:
        return points * factor
    centres = np.asarray(centres, np.float32)
    distances = np.square(points[:, None, :] - centres[None]).sum(axis=2)
    nearest = centres[distances.argmin(axis=1)]
    return nearest + factor * (points - nearest)


def walk(seed: int, frames: int, z: int, keys: int) -> np.ndarray:
    """Return the latents of a walk that loops without a seam: float32 (frames, z).

    It passes the latents of seed, seed + 1, ... seed + keys - 1 and comes back to the first; frame f
    stands at position f * keys / frames. Between two, directions are interpolated spherically
    (Shoemake 1985) and lengths linearly, eased by 3t^2 - 2t^3, so that it rests on every key.

    Raises:
        UsageError: fewer than 2 keys, fewer frames than keys, or a seed lies outside 0 .. 2^53 - 1.
    """
    if keys < 2:
        raise UsageError(f"A walk needs at least 2 key faces, not {keys}.")
    if frames < keys:
        raise UsageError(f"A walk past {keys} key faces needs at least {keys} frames, not {frames}.")
    stops = latents(seeds_from(seed, keys), z).astype(np.float64)
    key, step = np.divmod(np.arange(frames, dtype=np.int64) * keys, frames)
    t = step / frames
    return slerp(stops[key], stops[(key + 1) % keys], t * t * (3.0 - 2.0 * t)).astype(np.float32)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the points (N, D) at fractions `t` (N,) of the way from `a` to `b`, both float64 (N, D).

    Directions turn on a great circle, lengths change linearly; where the two are parallel (the sine of
    their angle below 1e-6) or one is 0, the straight line is taken.
    """
    t = np.asarray(t, np.float64)[:, None]
    length_a, length_b = (np.sqrt(np.square(x).sum(axis=1, keepdims=True)) for x in (a, b))
    product = length_a * length_b
    safe = np.where(product > 0, product, 1.0)
    cosine = np.clip((a * b).sum(axis=1, keepdims=True) / safe, -1.0, 1.0)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    straight = (product == 0) | (sine < 1e-6)
    unit_a, unit_b = a / np.where(length_a > 0, length_a, 1.0), b / np.where(length_b > 0, length_b, 1.0)
    turned = np.sin((1.0 - t) * angle) * unit_a + np.sin(t * angle) * unit_b
    curved = turned / np.where(straight, 1.0, sine) * ((1.0 - t) * length_a + t * length_b)
    return np.where(straight, (1.0 - t) * a + t * b, curved)
