"""What changes as a training goes on: rates, gamma, beta2.

Huang et al. (arXiv 2501.05441, table 5) start with a strong penalty and a short memory of Adam's second
moment, while G and D change fast, and move to their last values on a cosine over a burn-in. A recipe's
`gamma_end` and `beta2_end` are those last values; without them nothing moves. Rates fall to zero in a
straight line over the last share `decay` of the whole training, and may rise over the first steps of the
adversarial stage: before Adam's second moment has seen as many gradients as it remembers, its steps are too
long (Ma and Yarats, arXiv 1910.04209), and they meet a G that can draw already.
"""

from __future__ import annotations

import math


def falling(progress: float, decay: float) -> float:
    """Return what a rate is multiplied by where `progress`, 0 to 1, of the training lies behind."""
    return min(1.0, (1 - progress) / decay) if decay else 1.0


def rising(index: int, count: int, warmup: int) -> float:
    """Return what a rate is multiplied by at step `index` of a stage of `count`.

    It rises in a straight line over the first `warmup` steps, but at most over an eighth of the stage.
    """
    return min(1.0, (index + 1) / (min(warmup, count // 8) + 1))


def moving(first: float, last: float | None, progress: float, burn_in: float) -> float:
    """Return a value on its way from `first` to `last` where `progress`, 0 to 1, of the stage lies behind."""
    if last is None:
        return first
    way = min(1.0, progress / burn_in)
    return last + (first - last) * (1 + math.cos(math.pi * way)) / 2
