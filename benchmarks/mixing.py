"""How far a face in the colours of another has gone towards it: in its colours, and in its edges.

    python benchmarks/mixing.py avatars RUN ...

For 500 pairs of seeds A, B: a is the face of A, b that of B under the labels of A (else labels would be
compared), m that of A in the colours of B. Of a picture the colours are the mean colours of 4 x 4 squares,
the edges the lengths of the gradients of its lightness, scaled to one length. With v(x) either of them, the
way that m has gone is <v(m) - v(a), v(b) - v(a)> / |v(b) - v(a)|^2, both sums over all pairs: 0 is a, 1 is b.
The spread is that of five parts of 100 pairs. Rows are printed, and not kept.
"""

from __future__ import annotations

import argparse

import numpy as np

import phiz
from phiz import latents
from phiz.model import Model

PAIRS, PARTS, SQUARES = 500, 5, 4


def colours(faces: np.ndarray) -> np.ndarray:
    """Return the mean colours of squares, (N, values), of faces in 0 .. 1."""
    n, side = len(faces), faces.shape[1] // SQUARES
    return faces.reshape(n, SQUARES, side, SQUARES, side, 3).mean((2, 4)).reshape(n, -1)


def edges(faces: np.ndarray) -> np.ndarray:
    """Return the lengths of the gradients of the lightness, (N, values), each row of length 1."""
    light = faces @ np.array([0.299, 0.587, 0.114])
    down, right = np.gradient(light, axis=(1, 2))
    found = np.hypot(down, right).reshape(len(faces), -1)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def ways(model: Model) -> dict[str, list[float]]:
    """Return for colours and edges the way gone: of all pairs, and of each part of them."""
    seeds, others = range(PAIRS), range(PAIRS, 2 * PAIRS)
    own, other = (latents.latents(chosen, model.config.z) for chosen in (seeds, others))
    labels = model.labels_of(list(seeds))
    made = [model.run(own, 1.0, labels), model.run(other, 1.0, labels), model.run(own, 1.0, labels, other)]
    found = {}
    for name, of in (("colours", colours), ("edges", edges)):
        a, b, m = (of(faces / 255.0) for faces in made)
        gone, whole = ((m - a) * (b - a)).sum(1), ((b - a) ** 2).sum(1)
        parts = [part.sum() for part in np.split(gone, PARTS)] / np.array(
            [part.sum() for part in np.split(whole, PARTS)]
        )
        found[name] = [float(gone.sum() / whole.sum()), *map(float, parts)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="models of the network modern, or runs")
    args = parser.parse_args()
    print("| model | size | colours | edges |\n|---|---|---|---|")
    for name in args.models:
        model = phiz.load(name)
        cells = [
            f"**{first:.2f}** ({min(parts):.2f} to {max(parts):.2f})"
            for first, *parts in ways(model).values()
        ]
        print(f"| {name} | {model.config.size} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
