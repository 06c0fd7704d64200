"""`auto`: the rule that writes a complete recipe of the network `modern` for what there is.

What there is: pixels, faces, and how many steps of the smallest network this device takes in the time.
The rule is fitted to what `benchmarks/RESULTS.md` has measured; where nothing was measured, it follows the
papers that are named here. Every choice comes with its reason, which `phiz train --explain` prints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from phiz.training.recipe import Augment, Network, Outline, Penalty, Recipe

COSTS = {"cpu": {"s": 1.0, "m": 2.3, "l": 14.0}, "gpu": {"s": 1.0, "m": 1.4, "l": 2.9}}
"""What a step takes over one of width s: at 32 px 2.2 and 11, at 64 px 2.4 and 18 on one core; on a GPU that
s does not fill (an H100) at 64 px 1.4 and 2.9."""

_WORTH = {"m": 12_000, "l": 40_000}
"""Steps of its own below which a wider network is not worth its slower steps."""

_RATE, _LEAST_RATE = 2e-3, 2e-4
_MEASURED = 64
"""The batch at which rates were measured; those of a smaller one are less by the root of that."""

_SURE = 4_000
"""Steps up to which the full rate was measured; beyond, it falls by the root of the steps."""

_SMALL, _BRIEF = 32, 4_000
"""The batch on a CPU whose time is enough for fewer adversarial steps of the recipe's batch than that; it was
better at 800 and at 3,300 of them."""

_GAMMA, _GAMMA_END, _GAMMA_SIZE = 2.0, 0.5, 64
"""Of the penalty, at first and in the end, up to that many pixels a side, as measured; beyond, they grow with
the pixels, over which a penalty sums."""

_OUTLINE, _OUTLINE_STEPS, _OUTLINE_COST = 0.15, 1_000, 0.4
_MANY_VIEWS, _DOUBLED, _STRONGEST = 25, 0.17, 0.6


@dataclass(frozen=True)
class Case:
    """What a recipe is wanted for.

    Attributes:
        size: pixels a side.
        faces: how many there are to learn from.
        steps: how many adversarial steps of a network of width s and of the recipe's batch the time
            allows, or those asked for.
        counted: the steps were asked for, so that they do not become fewer with a wider network.
        flip: whether faces are mirrored, which makes them twice as many.
        keep_batch: whether the recipe's batch is taken as it is.
        network: the one to keep, whose steps are meant then; None to choose one.
        device: "cpu" or "gpu".
    """

    size: int
    faces: int
    steps: int
    counted: bool = False
    flip: bool = True
    keep_batch: bool = False
    network: Network | None = None
    device: Literal["cpu", "gpu"] = "cpu"


def choose(base: Recipe, case: Case) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe for `case`, complete, and for each choice a line that says why.

    `base` is the recipe `auto`: what no rule changes is taken from it.
    """
    network, steps, why = _network(base, case)
    batch = _batch(base, case, steps)
    smaller, below = base.batch / batch, max(1.0, _MEASURED / batch)
    views = steps * base.batch / (case.faces * (2 if case.flip else 1))
    rate = max(_LEAST_RATE, _RATE * min(1.0, math.sqrt(_SURE / steps))) / math.sqrt(below)
    pixels = max(1.0, (case.size / _GAMMA_SIZE) ** 2)
    first = _OUTLINE_STEPS * (1.0 if case.counted else _OUTLINE_COST)  # in adversarial steps
    outline = min(_OUTLINE, first / (steps + first))
    strength = _strength(views)
    recipe = base.model_copy(
        update={
            "network": network,
            "batch": batch,
            "generator": base.generator.model_copy(update={"rate": rate}),
            "discriminator": base.discriminator.model_copy(update={"rate": rate}),
            "penalty": Penalty(kind="exact", gamma=pixels * _GAMMA, gamma_end=pixels * _GAMMA_END),
            "outline": Outline(share=max(1e-4, round(outline, 4))),
            "augment": Augment(strength=strength) if strength else None,
        }
    )
    because = "the best of those measured" if pixels == 1.0 else "it grows with the pixels"
    whole = round(outline * steps) if case.counted else round(_OUTLINE_STEPS * smaller)
    enough = f"{outline:.1%} of the time, some {_steps(whole)}"
    return recipe, {
        "network": why,
        "batch": _batch_said(batch, smaller, steps),
        "rates": _rate_said(rate, steps, base.generator.warmup, below),
        "gamma": f"gamma {pixels * _GAMMA:g} falling to {pixels * _GAMMA_END:g}: {because}.",
        "outline": f"outline {f'{_OUTLINE:.0%} of the time, its most' if outline == _OUTLINE else enough}.",
        "augmentation": _augmented(strength, views),
    }


def _batch(base: Recipe, case: Case, steps: int) -> int:
    """Return the faces of a step: fewer, where so few steps of the recipe's batch are possible on a CPU."""
    brief = case.device == "cpu" and not case.counted and not case.keep_batch and steps < _BRIEF
    return min(_SMALL, base.batch) if brief else base.batch


def _batch_said(batch: int, smaller: float, steps: int) -> str:
    if smaller == 1.0:
        return f"batch {batch}: the recipe's."
    return (
        f"batch {batch}, so about {_steps(round(steps * smaller))}: {smaller:g} times as many as of "
        f"{round(batch * smaller)} show more varied faces in so little time."
    )


def _network(base: Recipe, case: Case) -> tuple[Network, int, str]:
    """Return the network, the steps that it can take, and why it is this one."""
    if case.network is not None:
        return case.network, case.steps, "network: that of the model to start from."
    width, steps, costs = "s", case.steps, COSTS[case.device]
    for wider, worth in _WORTH.items():
        left = case.steps if case.counted else round(case.steps / costs[wider])
        if left >= worth:
            width, steps = wider, left
    network = Network(
        name="modern",
        generator=base.network.generator | {"width": width},
        discriminator=base.network.discriminator | {"width": width},
    )
    wider = next((w for w in _WORTH if costs[w] > costs[width]), "")
    reasons = [f"about {_steps(steps)} of {base.batch} faces"]
    if width in _WORTH:
        reasons.append(f"{width} is taken from {_WORTH[width]:,} on, by guess")
    if wider:
        from_steps = _WORTH[wider] if case.counted else round(_WORTH[wider] * costs[wider] / costs[width])
        reasons.append(f"{wider} from {from_steps:,} of these on, by guess")
    blocks = "full blocks, as grouped ones are no quicker" if case.device == "cpu" else "full blocks"
    return network, steps, f"network modern, width {width}, {blocks}: {'; '.join(reasons)}."


def _steps(count: int) -> str:
    return f"{count:,} step{'s' if count != 1 else ''}"


def _rate_said(rate: float, steps: int, warmup: int, below: float) -> str:
    rise = f"; they rise over the first {warmup} steps, an eighth of them at most." if warmup else "."
    if below > 1.0:
        held = f"{_RATE:g}, the highest that held at batches of {_MEASURED}, over the root of {below:g}"
        fallen = f" and of {steps / _SURE:g}, as it held up to {_SURE:,} steps" if steps > _SURE else ""
        return f"rates {rate:.2g}: {held}{fallen}{rise}"
    if steps <= _SURE:
        return f"rates {rate:g}: the highest that held, up to {_SURE:,} steps{rise}"
    return f"rates {rate:.2g}: {_RATE:g} held up to {_SURE:,} steps, and falls by the root of more{rise}"


def _strength(views: float) -> float:
    """Return the probability, in the end, of each change of an augmentation for faces that are seen so often.

    Few views need none, and it slows learning; many need it (arXiv 2006.06676, 2006.10738). It rises from
    nothing all along, as views do: D is held back only once it begins to know faces by heart.
    """
    if views <= _MANY_VIEWS:
        return 0.0
    return round(min(_STRONGEST, _DOUBLED * math.log2(views / _MANY_VIEWS)), 2)


def _augmented(strength: float, views: float) -> str:
    often = f"about {views:,.0f} times" if views >= 1.5 else "about once" if views >= 0.75 else "once at most"
    seen = f"each face, its mirror image apart, is seen {often}"
    if not strength:
        return f"augmentation none: {seen}."
    return f"augmentation rising to {strength:g}: {seen}, often enough to be learned by heart."
