"""Figures in plain words: how numbers are written, and what they mean for a model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from phiz.evaluation.figures import Evaluation, Figure

Scale = Sequence[tuple[float, str]]

BLIND = (
    "All this is as the built-in filters see it: colours, edges and texture, not faces. They flatter: "
    "compare models by them, and judge faces by a network (inception, dinov2 or an ONNX file)."
)
# From which share of what real faces reach a sentence is said; the last holds down to nothing.
_BELIEVABLE = (
    (0.95, "one by one they hold up about as well as real faces"),
    (0.75, "most hold up when looked at one by one"),
    (0.5, "many hold up when looked at one by one, and many do not"),
    (0.0, "most can be told from real ones"),
)
_VARIED = (
    (0.95, "it draws about as many kinds of faces as there are"),
    (0.6, "it misses some kinds of faces"),
    (0.25, "it misses many kinds of faces"),
    (0.0, "it draws only a small part of the variety there is"),
)


def number(value: float, decimals: int | None = None) -> str:
    """Write a number with so many decimals, three significant digits by default, and a real minus."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    places = _digits(value) if decimals is None else decimals
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def of_figure(figure: Figure) -> tuple[str, str | None, str | None]:
    """Return value, interval and floor as text, with as many decimals as the interval is sure of."""
    decimals = None
    if figure.interval and all(map(math.isfinite, figure.interval)):
        low, high = figure.interval
        decimals = _decimals((high - low) / 2) if high > low else None
    interval = " to ".join(number(end, decimals) for end in figure.interval) if figure.interval else None
    floor = None
    if figure.floor is not None:
        own = _digits(figure.floor)
        floor = number(figure.floor, own if decimals is None else max(decimals, min(own, decimals + 1)))
    return number(figure.value, decimals), interval, floor


def _decimals(width: float) -> int:
    """Return how many decimals tell apart values that lie `width` from each other by two digits."""
    return 6 if width <= 0 else min(6, max(0, math.ceil(-math.log10(width)) + 1))


def _digits(value: float) -> int:
    """Return how many decimals give `value` three significant digits."""
    return 3 if value == 0 else min(6, max(0, 2 - math.floor(math.log10(abs(value)))))


def percent(value: float) -> str:
    """Write a share as a percentage, with a decimal where it is small."""
    if not math.isfinite(value):
        return "an unknown share"
    if 0 < value < 0.001:
        return "under 0.1%"
    return f"{value:.1%}" if 0 < value < 0.0995 else f"{value:.0%}"


def find(evaluation: Evaluation, word: str) -> Figure | None:
    """Return the first sound figure with `word` in its name."""
    found = (f for f in evaluation.figures if word in f.name.lower().replace("é", "e"))
    return next((f for f in found if math.isfinite(f.value)), None)


def meaning(evaluation: Evaluation) -> list[str]:
    """Return sentences that say what the figures mean for the model, made from them by rules."""
    blind = evaluation.extractor.get("name") == "filters"
    found = [
        *_believable(find(evaluation, "precision"), blind),
        *_varied(find(evaluation, "recall"), blind),
        *_distance(find(evaluation, "relative frechet")),
    ]
    sentences = [*found, *([BLIND] if blind and found else []), copying(evaluation)]
    if not found:
        sentences.insert(0, "Too little was measured to say how believable or varied its faces are.")
    return sentences


def copying(evaluation: Evaluation) -> str:
    """Return what is known of copying, in a sentence or two."""
    if evaluation.copying is None:
        return "Whether it copies faces it learned from could not be checked."
    verdict = str(evaluation.copying.get("verdict") or "").strip()
    if not verdict:
        return "Whether it copies faces it learned from was checked; no verdict was written down."
    verdict = verdict[0].upper() + verdict[1:]
    return verdict if verdict[-1] in ".!?" else f"{verdict}."


def _distance(figure: Figure | None) -> list[str]:
    if figure is None:
        return []
    value, floor = figure.value, figure.floor
    said = (
        f"As a whole, its faces lie {number(value)} from real ones on a scale where 1 is a generator that "
        "draws the mean face every time"
    )
    if floor is None:
        return [f"{said} and 0 would be perfect."]
    if _reaches(figure) or value <= floor * 1.1:
        return [f"{said}; other real faces lie {number(floor)} away, which is no nearer."]
    times = value / floor if floor > 0 else math.inf
    far = f", {number(times, 0 if times >= 10 else 1)} times nearer" if times < 1000 else ""
    return [f"{said}; other real faces lie {number(floor)} away{far}."]


def _believable(figure: Figure | None, blind: bool) -> list[str]:
    said = "{} of its faces fall where real faces lie (precision)"
    return _share(figure, said, "of other real faces", _BELIEVABLE, blind)


def _varied(figure: Figure | None, blind: bool) -> list[str]:
    said = "Of the real faces, {} have their like among the made ones (recall)"
    return _share(figure, said, "among other real faces", _VARIED, blind)


def _share(figure: Figure | None, said: str, others: str, scale: Scale, blind: bool) -> list[str]:
    """Say a share and what real faces reach; judge it by `scale` unless the features are blind to faces."""
    if figure is None:
        return []
    said = said.format(percent(figure.value))
    if not figure.floor:
        return [f"{said}."]
    said = f"{said}, against {percent(figure.floor)} {others}"
    return [f"{said}." if blind else f"{said}: {_judge(figure, scale)}."]


def _judge(figure: Figure, scale: Scale) -> str:
    share = 1.0 if _reaches(figure) else figure.value / (figure.floor or math.inf)
    return next(said for least, said in scale if share >= least or least == 0)


def _reaches(figure: Figure) -> bool:
    """Say whether the interval reaches what real faces score."""
    if figure.interval is None or figure.floor is None:
        return False
    low, high = figure.interval
    return low <= figure.floor if figure.better == "lower" else high >= figure.floor


def apart(a: Figure, b: Figure) -> int | None:
    """Say which of two measurements of the same figure is better: 0 or 1; None if neither is seen to be.

    Only intervals that do not overlap count, and only of figures that were measured alike.
    """
    if a.interval is None or b.interval is None or a.convention != b.convention or a.better != b.better:
        return None
    if not all(map(math.isfinite, (*a.interval, *b.interval))):
        return None
    if a.interval[1] < b.interval[0]:
        return 0 if a.better == "lower" else 1
    if b.interval[1] < a.interval[0]:
        return 1 if a.better == "lower" else 0
    return None
