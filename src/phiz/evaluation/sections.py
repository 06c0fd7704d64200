"""The sections of a report, in their order: each takes the sides and gives HTML, or None to be left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from phiz.evaluation import charts, gallery, words
from phiz.evaluation.figures import Evaluation
from phiz.evaluation.gallery import Faces
from phiz.evaluation.sides import Part, Parts, called
from phiz.evaluation.table import table
from phiz.markup import Html, join, tag

_WORDS = {"sha256": "SHA-256", "id": "face-set id", "size": "input size"}
_HIGHER = ("precision", "recall", "density", "coverage")

Blocks = Sequence[Html | None]


def _section(title: str, lead: str | None, *parts: Html | None, **attributes: object) -> Html:
    said = tag("p", lead, class_="lead") if lead else None
    return tag("section", tag("h2", title), said, *parts, **attributes)


def _beside(parts: Parts, blocks: Blocks, more: Html | None = None, least: int = 0) -> Html:
    """Put the sides' blocks beside each other, each under its name where there are two.

    Blocks that want to be `least` px wide stand under each other where there is no room.
    """
    style = f"--least:{least}px" if least else None
    if len(parts) == 1:
        return tag("div", blocks[0], more, class_="sides", style=style) if more else join(blocks[0])
    cells = [tag("div", tag("h3", called(parts, i)), block) for i, block in enumerate(blocks)]
    return tag("div", *cells, more, class_="sides", style=style)


def figures(parts: Parts) -> Html:
    """Return the table of figures."""
    names = [part.name for part in parts]
    lead = "“Real faces” is what other real faces score against the same ones: as good as it gets."
    if len(parts) > 1:
        lead += " A difference counts only where the 95% intervals do not overlap."
    legend = charts.legend(names, real=True)
    return _section("Figures", lead, legend, table([part.evaluation for part in parts], names))


def sheets(parts: Parts) -> Html:
    """Return the first faces of each side beside real ones."""
    blocks = [_made(part, alone=len(parts) == 1) for part in parts]
    reals = [part for part in parts if part.side.real is not None]
    sets = {str(part.evaluation.against.get("id", "")) for part in reals}
    kept = reals if len(sets) > 1 else reals[:1]
    shown = join(*(_real(part, named=len(kept) > 1) for part in kept)) if kept else None
    lead = f"The first faces as they come, {_seeds(parts[0].side.sheet.seeds)}: nothing was picked."
    if not kept:
        lead += " There are no real faces here to judge them against."
    least = max(gallery.width(part.side.sheet.pictures) for part in parts)
    return _section("A fair sheet", lead, _beside(parts, blocks, shown, least), class_="sheet")


def _made(part: Part, alone: bool) -> Html:
    faces = part.side.sheet
    alt = f"{len(faces.pictures)} synthetic faces, {_seeds(faces.seeds)}, uncurated"
    shown = gallery.sheet(faces, part.maker, alt)
    return tag("div", tag("h3", "Made"), shown) if alone else shown


def _real(part: Part, named: bool) -> Html | None:
    if part.side.real is None:
        return None
    alt = f"{len(part.side.real)} real faces of the set that the figures compare with"
    title = f"Real, for {part.name}" if named else "Real"
    shown = gallery.sheet(Faces(part.side.real), part.maker, alt, made=False)
    return tag("div", tag("h3", title), shown)


def _seeds(seeds: Sequence[int]) -> str:
    if not len(seeds):
        return "seeds unknown"
    first, last = int(seeds[0]), int(seeds[-1])
    in_a_row = list(seeds) == list(range(first, first + len(seeds)))
    return f"seeds {first} to {last}" if in_a_row else f"{len(seeds)} seeds from {first} to {last}"


def typical(parts: Parts) -> Html | None:
    """Return the faces of highest and of lowest realism."""
    best = [part.side.typical for part in parts]
    worst = [part.side.untypical for part in parts]
    kinds = (("Most typical", best), ("Least typical", worst))
    shown = [_kind(parts, title, some) for title, some in kinds if any(some)]
    if not shown:
        return None
    lead = (
        "Picked by realism (Kynkäänniemi et al., arXiv 1904.06991): 1 and above lies among real faces. "
        "Under each face stand its seed and its realism."
    )
    return _section("Most and least typical faces", lead, *shown)


def _kind(parts: Parts, title: str, some: Sequence[Faces | None]) -> Html:
    both = zip(some, parts, strict=True)
    least = 80 if len(parts) == 1 else 64
    blocks = [gallery.scored(faces, part.maker, least) if faces else None for faces, part in both]
    heading = "h3" if len(parts) == 1 else "p"
    return tag("div", tag(heading, title, class_="kindred"), _beside(parts, blocks), class_="group")


def neighbours(parts: Parts) -> Html:
    """Return what the check for copies found, and the made faces that lie nearest to training faces."""
    blocks: list[Html | None] = []
    for part in parts:
        said = tag("p", words.copying(part.evaluation), class_="verdict")
        rows = part.side.neighbours
        blocks.append(join(said, gallery.neighbours(rows, part.maker) if rows else None))
    lead = None
    if any(part.side.neighbours for part in parts):
        lead = (
            "Each made face stands above the training faces nearest to it; those that come nearest were "
            "picked. The ratio is its distance over what is usual there: far below 1 is too close for chance."
        )
    return _section("Does it copy?", lead, _beside(parts, blocks))


def walks(parts: Parts) -> Html | None:
    """Return a walk of each side."""
    if not any(part.side.walk for part in parts):
        return None
    lead = "From face to face and back. Smooth changes by way of believable faces are a good sign."
    return _section("A walk", lead, _beside(parts, [_walk(part.side.walk) for part in parts]))


def _walk(data: bytes | None) -> Html:
    if data is None:
        return tag("p", "No walk was made.", class_="lead")
    shown = gallery.film(data, "A synthetic face that changes slowly into others")
    return tag("details", tag("summary", "Show or hide the film"), shown, open=True, class_="walk")


def curves(parts: Parts) -> Html:
    """Return a chart of each measure that was taken while the model trained."""
    title, drawn = "The course of the training", []
    rows = [row for part in parts for row in part.evaluation.course]
    for number, name in enumerate(dict.fromkeys(key for row in rows for key in row if key != "step")):
        lines = [charts.Line(part.name, _points(part.evaluation, name)) for part in parts]
        if any(len(line.points) > 1 for line in lines):
            drawn.append(charts.curve(name, lines, _better(parts, name), number))
    if not drawn:
        return _section(title, "Nothing was measured during the training: see phiz train --evaluate-every.")
    lead = "Measured while it trained, on smaller samples than the figures above: good for the course only."
    legend = charts.legend([part.name for part in parts]) if len(parts) > 1 else None
    return _section(title, lead, legend, tag("div", *drawn, class_="curves"))


def _points(evaluation: Evaluation, name: str) -> list[tuple[float, float]]:
    rows = [(row.get("step"), row.get(name)) for row in evaluation.course]
    sound = [(float(x), float(y)) for x, y in rows if x is not None and y is not None]
    return sorted(point for point in sound if all(map(math.isfinite, point)))


def _better(parts: Parts, name: str) -> Literal["lower", "higher"]:
    for part in parts:
        for figure in part.evaluation.figures:
            if figure.name == name:
                return figure.better
    return "higher" if any(word in name.lower() for word in _HIGHER) else "lower"


def notes(parts: Parts) -> Html | None:
    """Return the warnings that came with the figures."""
    if not any(part.evaluation.notes for part in parts):
        return None
    blocks = []
    for part in parts:
        items = [tag("li", note) for note in part.evaluation.notes]
        blocks.append(tag("ul", *items, class_="notes") if items else tag("p", "None.", class_="lead"))
    return _section("Notes", None, _beside(parts, blocks), id="notes")


def measured(parts: Parts) -> Html:
    """Return how it was measured, and the command that measures it again."""
    blocks = [_conventions(part.evaluation) for part in parts]
    commands = [tag("pre", tag("code", part.side.command)) for part in parts if part.side.command]
    again = tag("div", tag("h3", "To measure it again"), *commands) if commands else None
    return _section("How it was measured", None, _beside(parts, blocks, again))


def _conventions(evaluation: Evaluation) -> Html:
    last = evaluation.seed + evaluation.samples - 1
    rows: list[tuple[str, object]] = [
        ("model", evaluation.model.get("sha256") or evaluation.model.get("hash")),
        ("made faces", f"{evaluation.samples:,}, seeds {evaluation.seed} to {last}"),
        ("truncation", f"{evaluation.truncation:g}"),
        *((f"extractor, {_label(key)}", value) for key, value in evaluation.extractor.items()),
        *((f"real faces, {_label(key)}", value) for key, value in evaluation.against.items()),
        *((f"copying, {_label(key)}", value) for key, value in _plain(evaluation.copying)),
    ]
    pairs = (join(tag("dt", key), tag("dd", _value(value))) for key, value in rows if value not in (None, ""))
    return tag("dl", *pairs)


def _plain(found: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Return what the memorisation check found that is a plain value, its verdict apart."""
    rest = {key: value for key, value in (found or {}).items() if key != "verdict"}
    return [(key, value) for key, value in rest.items() if isinstance(value, str | int | float)]


def _label(key: str) -> str:
    return _WORDS.get(key, key.replace("_", " "))


def _value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else words.number(value)
