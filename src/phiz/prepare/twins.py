"""Near duplicates: a perceptual hash of 256 bits, and all pairs of a million hashes that differ by few.

The hash is the signs of a face's low frequencies: luma at 32 x 32 px, its discrete cosine transform, of
which the lowest 16 x 16 are compared with their median (Zauner, "Implementation and Benchmarking of
Perceptual Image Hash Functions", 2010). Two hashes that differ by at most 15 bits agree in at least one of
16 bands of 16 bits (pigeonholes; Gionis, Indyk, Motwani, "Similarity Search in High Dimensions via Hashing",
1999), so that only those that share a band's bucket are compared. Of pairs that differ by 24 bits some 97 in
100 share one.

Faces saved anew as JPEG or resized differ by 0 to 8 bits, moved by a hundredth by 18 to 30; of a million
pairs of different drawn faces none differed by fewer than 60, but those that were the same picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

BITS = 256
MOST = 32
"""The most bits by which hashes may differ and be sought."""

_SIDE, _LOW, _BANDS = 32, 16, 16
_CROWD = 1024
"""In a bucket of more hashes than this each is compared with so many neighbours in sorted order."""


def _cosines() -> np.ndarray:
    steps = np.arange(_SIDE)
    return np.cos(np.pi / _SIDE * (steps[None, :] + 0.5) * steps[:_LOW, None]).astype(np.float32)


_DCT = _cosines()


def hash_of(face: np.ndarray) -> str:
    """Return the hash of a face, uint8 (H, W, 3), as 64 hexadecimal digits."""
    grey = Image.fromarray(face).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    low = _DCT @ np.asarray(grey, np.float32) @ _DCT.T
    low[0, 0] = np.median(low)  # mean brightness tells nothing
    bits = (low > np.median(low)).T.reshape(-1)  # by columns: a band has bits of all frequencies
    return np.packbits(bits).tobytes().hex()


def words(hashes: Sequence[str]) -> np.ndarray:
    """Return hashes as numbers, uint64 (N, 4)."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64).reshape(-1, 4)


def pairs(hashes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of hashes, uint64 (N, 4), that differ by at most `most` bits, 0..32; all, to 15 bits.

    As three arrays: the rows of either (int64, the lower one first), and by how many bits they differ.
    Hashes that are equal are paired with the first of them, and it alone with those that are near. In
    buckets of more than 1,024 hashes, which faces do not fill, some pairs may be missed.
    """
    if not 0 <= most <= MOST:
        raise ValueError(f"near duplicates differ by 0 to {MOST} bits, not {most}")
    different, first, which = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    again = np.flatnonzero(first[which] != np.arange(len(hashes)))
    found = [(first[which[again]], again, np.zeros(len(again), np.int64))]
    if most:
        found += [_ordered(first[a], first[b], bits) for a, b, bits in _near(different, most)]
    low, high, bits = (np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True))
    _, one = np.unique(low * len(hashes) + high, return_index=True)
    return low[one], high[one], bits[one]


def _ordered(a: np.ndarray, b: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.minimum(a, b), np.maximum(a, b), bits


def _near(hashes: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for band in range(_BANDS):
        turned = np.roll(hashes, -(band // 4), axis=1)  # the band's word first, so that it sorts by it
        shift = np.uint64(16 * (band % 4))
        lead = (turned[:, 0] << shift) | (turned[:, 0] >> (np.uint64(64) - shift)) if shift else turned[:, 0]
        order = np.lexsort((turned[:, 1], lead))
        keys = (lead[order] >> np.uint64(48)).astype(np.uint16)
        sorted_ = [np.ascontiguousarray(hashes[order, word]) for word in range(4)]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        left = np.repeat(np.r_[starts[1:], len(keys)], np.diff(np.r_[starts, len(keys)])) - np.arange(
            len(keys)
        )  # how many of its bucket stand from each on
        alive = np.arange(len(keys))
        for ahead in range(1, _CROWD + 1):
            alive = alive[left[alive] > ahead]
            if not len(alive):
                break
            a, bits = alive, np.zeros(len(alive), np.int64)
            for word in sorted_:
                bits = bits + np.bitwise_count(word[a] ^ word[a + ahead])
                near = bits <= most
                a, bits = a[near], bits[near]
            if len(a):
                yield order[a], order[a + ahead], bits


def spared(
    low: np.ndarray, high: np.ndarray, bits: np.ndarray, worth: np.ndarray
) -> dict[int, tuple[int, int]]:
    """Return for each thing to leave out the better one it is nearly the same as, and by how many bits.

    Taken by their worth, float (N,), the best first, a thing stays unless one that stays is near to it: so a
    chain of small differences does not swallow what is at its ends.
    """
    near: dict[int, list[tuple[int, int]]] = {}
    for a, b, apart in zip(low.tolist(), high.tolist(), bits.tolist(), strict=True):
        near.setdefault(a, []).append((b, apart))
        near.setdefault(b, []).append((a, apart))
    out: dict[int, tuple[int, int]] = {}
    for one in sorted(near, key=lambda one: (-worth[one], one)):
        kept = [(apart, other) for other, apart in near[one] if _stays(other, one, out, worth)]
        if kept:
            apart, other = min(kept)
            out[one] = (other, apart)
    return out


def _stays(other: int, one: int, out: dict[int, tuple[int, int]], worth: np.ndarray) -> bool:
    """Say whether `other` comes before `one` and was not left out."""
    return (-worth[other], other) < (-worth[one], one) and other not in out
