"""Bars and histograms as inline SVG and HTML: they take the page's colours, print, and need no program."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phiz.markup import Html, tag

_WIDE, _HIGH, _FOOT = 320, 130, 20
_BINS = 32


def bars(rows: Sequence[tuple[str, int]], most: int = 40) -> Html:
    """Return counts as bars, each with its name and number; those below 0 are what was taken away."""
    top = max((abs(count) for _, count in rows), default=1) or 1
    shown = [
        tag(
            "div",
            tag("span", name, class_="name"),
            tag("span", f"{abs(count):,}" if count >= 0 else f"−{-count:,}", class_="count"),
            tag(
                "span",
                tag("i", style=f"width:{100 * abs(count) / top:.2f}%", class_="minus" if count < 0 else None),
                class_="track",
            ),
            class_="bar",
        )
        for name, count in rows[:most]
    ]
    left = len(rows) - most
    more = tag("p", f"and {left:,} more", class_="lead after") if left > 0 else None
    return tag("div", *shown, more, class_="bars")


def histogram(title: str, values: Sequence[float]) -> Html:
    """Return how values are spread between their first and last hundredth, and their median."""
    found = np.asarray(values, np.float64)
    low, middle, high = np.percentile(found, [1, 50, 99]).tolist()
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(found.clip(low, high), _BINS, (low, high))
    top = max(1, int(counts.max()))
    step = _WIDE / _BINS
    drawn = [
        tag(
            "rect",
            x=f"{i * step + 0.5:.1f}",
            y=f"{(_HIGH - _FOOT) * (1 - count / top):.1f}",
            width=f"{step - 1:.1f}",
            height=f"{(_HIGH - _FOOT) * count / top:.1f}",
        )
        for i, count in enumerate(counts.tolist())
    ]
    at = (middle - low) / (high - low) * _WIDE
    return tag(
        "figure",
        tag("figcaption", title),
        tag(
            "svg",
            *drawn,
            tag("line", x1=f"{at:.1f}", x2=f"{at:.1f}", y1=0, y2=_HIGH - _FOOT, class_="middle"),
            tag("text", f"{low:.3g}", x=0, y=_HIGH - 4),
            tag("text", f"{high:.3g}", x=_WIDE, y=_HIGH - 4, class_="end"),
            viewBox=f"0 0 {_WIDE} {_HIGH}",
            role="img",
            aria_label=f"{title}: from {low:.3g} to {high:.3g}, median {middle:.3g}",
        ),
        tag("small", f"median {middle:.3g}"),
        class_="histogram",
    )
