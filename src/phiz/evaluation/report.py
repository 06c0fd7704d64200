"""report.html: one file that holds an evaluation and the pictures a person needs to judge it.

It asks for nothing from outside (a policy in its head forbids it), runs no program, prints, and shows two
models side by side where two are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from phiz import markup
from phiz.evaluation import sections, words
from phiz.evaluation.figures import Evaluation
from phiz.evaluation.gallery import Faces, Neighbour
from phiz.evaluation.sides import Parts, Side, called, parts_of
from phiz.markup import Html, tag

__all__ = ["Faces", "Neighbour", "Side", "page"]

_SECTIONS = (
    sections.figures,
    sections.sheets,
    sections.typical,
    sections.neighbours,
    sections.walks,
    sections.curves,
    sections.notes,
    sections.measured,
)


def page(sides: Sequence[Side], title: str | None = None) -> str:
    """Return the report of one model, or of two side by side, as one HTML file.

    Raises:
        UsageError: no side or more than two, or a walk that is neither gif nor WebP.
    """
    parts = parts_of(sides)
    heading = title or " and ".join(part.name for part in parts)
    return markup.page(
        f"{heading}: evaluation",
        resources.files("phiz.evaluation").joinpath("report.css").read_text("utf-8"),
        _header(parts, heading),
        tag("main", *(section(parts) for section in _SECTIONS)),
        tag("footer", tag("p", "Every made face on this page is synthetic: it is nobody's portrait.")),
    )


def _header(parts: Parts, heading: str) -> Html:
    several = len(parts) > 1
    facts, said = [], []
    for i, part in enumerate(parts):
        facts.append(tag("p", called(parts, i), _facts(part.evaluation), class_="facts"))
        said.append(tag("p", called(parts, i), " ".join(words.meaning(part.evaluation)), class_="meaning"))
    notes = sum(len(part.evaluation.notes) for part in parts)
    more = "One note" if notes == 1 else f"{notes} notes"
    return tag(
        "header",
        tag("p", f"{'Two evaluations' if several else 'Evaluation'} · synthetic faces", class_="kind"),
        tag("h1", heading),
        *facts,
        tag("div", *said, class_="sides") if several else said[0],
        tag("p", tag("a", f"{more} on these figures", href="#notes"), class_="facts") if notes else None,
    )


def _facts(evaluation: Evaluation) -> str:
    model, size = evaluation.model, evaluation.model.get("size")
    steps = model.get("steps")
    said = [
        f"faces of {size} × {size} px" if size else None,
        f"model {model['hash']}" if model.get("hash") else None,
        f"recipe {model['recipe']}" if model.get("recipe") else None,
        f"{steps:,} steps" if isinstance(steps, int) else None,
        f"learned from {model['learned_from']}" if model.get("learned_from") else None,
    ]
    return " · ".join(part for part in said if part)
