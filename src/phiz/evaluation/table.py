"""The table of figures: value, interval and floor, and beneath each the convention it follows."""

from __future__ import annotations

from collections.abc import Sequence

from phiz.evaluation import charts, words
from phiz.evaluation.figures import Evaluation, Figure
from phiz.markup import Html, join, tag


def table(evaluations: Sequence[Evaluation], names: Sequence[str]) -> Html:
    """Return the figures of one evaluation, or of two in columns beside each other."""
    return _single(evaluations[0]) if len(evaluations) == 1 else _double(evaluations, names)


def _single(evaluation: Evaluation) -> Html:
    head = ("figure", "value", "95% interval", "real faces")
    rows = []
    for figure in evaluation.figures:
        value, interval, floor = words.of_figure(figure)
        cells = (
            tag("td", value, class_="value"),
            tag("td", interval or "–", class_="range"),
            tag("td", floor or "–", class_="real"),
        )
        rows.append(_row(figure.name, cells, charts.strip([figure]), _how(figure)))
    return tag("table", _head(head), *rows)


def _double(evaluations: Sequence[Evaluation], names: Sequence[str]) -> Html:
    head = ("figure", *names, "real faces")
    rows = []
    for name in dict.fromkeys(figure.name for e in evaluations for figure in e.figures):
        pair = [next((f for f in e.figures if f.name == name), None) for e in evaluations]
        rows.append(_pair(name, pair, names))
    return tag("table", _head(head), *rows)


def _pair(name: str, pair: Sequence[Figure | None], names: Sequence[str]) -> Html:
    found = [figure for figure in pair if figure]
    best = words.apart(*found) if len(found) == 2 else None
    cells = []
    for i, figure in enumerate(pair):
        if figure is None:
            cells.append(tag("td", "not measured", class_="range"))
            continue
        value, interval, _ = words.of_figure(figure)
        shown = tag("span", interval, class_="range") if interval else None
        mark = tag("span", "better", class_="badge") if best == i else None
        kind = f"value side-{i}" if best == i else "value"
        cells.append(tag("td", value, mark, shown, class_=kind))
    floors = dict.fromkeys(words.of_figure(f)[2] for f in found if f.floor is not None)
    cells.append(tag("td", ", ".join(str(floor) for floor in floors) or "–", class_="real"))
    drawn = charts.strip(found) if len(found) == 2 else None
    verdict = tag("p", _verdict(pair, best, names), class_="same" if best is None else "better")
    said = dict.fromkeys(_how(figure) for figure in found)
    return _row(name, cells, drawn, join(verdict, *said))


def _verdict(pair: Sequence[Figure | None], best: int | None, names: Sequence[str]) -> str:
    first, second = pair
    if first is None or second is None:
        return f"Measured only of {names[0] if first else names[1]}."
    if best is not None:
        return f"{names[best]} is better: the intervals do not overlap."
    if first.convention != second.convention:
        return "Measured differently, so not to be compared."
    if first.interval is None or second.interval is None:
        return "No intervals, so no verdict."
    return "No difference to be seen: the intervals overlap."


def _head(names: Sequence[str]) -> Html:
    cells = [tag("th", name, scope="col") for name in names]
    return tag("thead", tag("tr", *cells, tag("td", class_="drawn")))


def _row(name: str, cells: Sequence[Html], drawn: Html | None, how: Html) -> Html:
    columns = len(cells) + 2
    return tag(
        "tbody",
        tag("tr", tag("th", name, scope="row"), *cells, tag("td", drawn, class_="drawn")),
        tag("tr", tag("td", how, colspan=columns), class_="how"),
    )


def _how(figure: Figure) -> Html:
    return tag("p", f"{figure.better.capitalize()} is better. {figure.convention}")
