"""Write latents.json beside this file: docs/latents.md, written a second time.

Whole numbers and the mathematics library only, one value at a time, and nothing of phiz: what phiz gives
and what this gives must be equal. Run it with any Python 3: python tests/golden/latents.py
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

ALL = 2**64 - 1
LAST = 2**53 - 1


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & ALL
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & ALL
    return x ^ (x >> 31)


def word(seed, stream, i):
    start = mix((mix(seed) + stream) & ALL)
    return mix((start + (i + 1) * 0x9E3779B97F4A7C15) & ALL)


def u(x):
    return (x >> 11) * 2.0**-53


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def latent(seed, z):
    values = []
    for k in range((z + 1) // 2):
        r = math.sqrt(-2.0 * math.log(u(word(seed, 0, 2 * k)) + 2.0**-53))
        a = 6.283185307179586 * u(word(seed, 0, 2 * k + 1))
        values += [float32(r * math.cos(a)), float32(r * math.sin(a))]
    return values[:z]


def share(pairs, a, v, b, w):
    if not pairs:
        return 1.0
    n = pairs[a][b] if b < a else [list(column) for column in zip(*pairs[b][a], strict=True)]
    if sum(n[v]):
        return n[v][w] / sum(n[v])
    every = sum(map(sum, n))
    return sum(row[w] for row in n) / every if every else 1.0


def label(seed, a, counts, pairs, known):
    counts = counts if any(counts) else [1] * len(counts)
    weights = []
    for v, count in enumerate(counts):
        weight = float(count)
        for b in sorted(known):
            weight *= share(pairs, a, v, b, known[b])
        weights.append(weight)
    weights = weights if any(weights) else counts
    sums = [0.0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    target = u(word(seed, 1, a)) * sums[-1]
    return next(v for v in range(len(weights)) if target < sums[v + 1])


def labels(seed, counts, pairs, asked):
    known = {}
    for a, count in enumerate(counts):
        known[a] = label(seed, a, count, pairs, known)
    if asked:
        known |= asked
        for a in range(len(counts)):
            others = {b: known[b] for b in known if b < a or (b > a and b in asked)}
            if a not in asked and any(share(pairs, a, known[a], b, w) == 0 for b, w in others.items()):
                known[a] = label(seed, a, counts[a], pairs, others)
    return [known[a] for a in range(len(counts))]


def truncation(point, psi, centres):
    psi = float32(psi)
    if centres is None:
        return [float32(psi * p) for p in point]
    distances = [sum((p - q) ** 2 for p, q in zip(point, centre, strict=True)) for centre in centres]
    c = centres[distances.index(min(distances))]
    return [float32(q + float32(psi * float32(p - q))) for p, q in zip(point, c, strict=True)]


def walk(seed, frames, z, keys):
    rows = []
    for f in range(frames):
        k, t = f * keys // frames, (f * keys % frames) / frames
        e = t * t * (3.0 - 2.0 * t)
        a, b = latent(seed + k, z), latent(seed + (k + 1) % keys, z)
        length_a, length_b = math.sqrt(math.fsum(x * x for x in a)), math.sqrt(math.fsum(x * x for x in b))
        dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
        w = math.acos(max(-1.0, min(1.0, dot / (length_a * length_b))))
        if length_a * length_b == 0 or math.sin(w) < 1e-6:
            row = [(1.0 - e) * x + e * y for x, y in zip(a, b, strict=True)]
        else:
            p, q = math.sin((1.0 - e) * w) / length_a, math.sin(e * w) / length_b
            length = (1.0 - e) * length_a + e * length_b
            row = [(p * x + q * y) / math.sin(w) * length for x, y in zip(a, b, strict=True)]
        rows.append([float32(x) for x in row])
    return rows


def pixel(value, low, high):
    scaled = float32(float32(float32(value) - float32(low)) * float32(255.0 / (high - low)))
    return math.floor(float32(max(0.0, min(255.0, scaled)) + 0.5))


def vectors():
    seeds = [0, 1, 7, 8, 4294967296, 123456789012345, LAST - 1, LAST]
    wanted = [(s, 6) for s in seeds] + [(7, 1), (7, 5), (7, 100), (1000003, 64)]
    counts = [[3, 1], [0, 0, 0], [0, 5, 0, 0], [10, 20, 30, 40, 0], [2**40, 1]]
    together = [
        [],
        [[[9, 0], [2, 1], [0, 9]]],
        [[[4, 0], [3, 3], [0, 5], [0, 0]], [[1, 0, 6], [2, 0, 2], [3, 0, 0], [0, 0, 0]]],
        [[[0, 0]] * 3, [[1, 1, 1], [0, 4, 0], [7, 0, 2]], [[3, 0, 1, 0], [0, 2, 0, 0], [1, 1, 1, 0]]],
    ]
    seen = [[12, 11], [9, 3, 10], [8, 5, 4, 2], [5, 4, 7]]
    cases = [(counts, [], {}), (counts, [], {3: 1}), (seen, together, {})]
    cases += [(seen, together, asked) for asked in ({0: 1}, {2: 3}, {3: 1}, {0: 0, 2: 2}, {1: 2, 3: 0})]
    many = [*range(24), LAST]
    centres = [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 4.0, 0.5]]
    points = [[0.25, 1.0, -2.0], [0.0, 0.0, 3.0], [-0.5, 3.0, 0.125], [7.0, -1.0, 0.0]]
    walks = [(7, 12, 8, 3), (0, 7, 4, 2), (LAST - 3, 10, 6, 4), (5, 9, 1, 3), (2, 4, 2, 4)]
    inputs = [-2.0, -1.0, -0.996078, -0.5, -0.1, 0.0, 0.1, 0.25, 0.5, 0.7, 0.999, 1.0, 1.5]
    return {
        "version": 1,
        "words": [
            {"seed": s, "stream": t, "values": [f"{word(s, t, i):016x}" for i in range(4)]}
            for s in seeds
            for t in range(3)
        ],
        "uniforms": [
            {"seed": s, "stream": t, "values": [u(word(s, t, i)) for i in range(4)]}
            for s in (0, 7, LAST)
            for t in range(3)
        ],
        "latents": [{"seed": s, "z": z, "values": latent(s, z)} for s, z in wanted],
        "labels": [
            {
                "seeds": many,
                "frequencies": c,
                "pairs": p,
                "asked": list(asked.items()),
                "values": [labels(s, c, p, asked) for s in many],
            }
            for c, p, asked in cases
        ],
        "truncation": [
            {"point": p, "psi": psi, "centres": c, "values": truncation(p, psi, c)}
            for p in [*points, latent(7, 3)]
            for psi in (0.0, 0.7, 1.0, 1.25)
            for c in (None, centres)
        ],
        "walks": [
            {"seed": s, "frames": f, "z": z, "keys": k, "values": walk(s, f, z, k)} for s, f, z, k in walks
        ],
        "pixels": [
            {"range": list(r), "inputs": inputs, "values": [pixel(v, *r) for v in inputs]}
            for r in ((-1.0, 1.0), (0.0, 1.0))
        ],
    }


if __name__ == "__main__":
    lines = []
    for name, entries in vectors().items():
        if isinstance(entries, list):
            rows = ",\n".join("    " + json.dumps(entry) for entry in entries)
            lines.append(f'  "{name}": [\n{rows}\n  ]')
        else:
            lines.append(f'  "{name}": {json.dumps(entries)}')
    place = Path(__file__).with_suffix(".json")
    place.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"{place.name}: {place.stat().st_size} bytes")
