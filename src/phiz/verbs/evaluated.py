"""Evaluations that were written: the one of a model, and what `phiz inspect` says of one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from phiz.errors import PhizError
from phiz.evaluation import figures, words
from phiz.evaluation.figures import Evaluation
from phiz.model import Model
from phiz.sampling.showing import Inspection, Listing


def describe(path: Path) -> Inspection:
    """Look at the folder of an evaluation: its figures, and how they were taken.

    Raises:
        PhizError: its evaluation.json is damaged, or of a newer phiz.
    """
    found = figures.read(path)
    rows = []
    for figure in found.figures:
        value, interval, floor = words.of_figure(figure)
        rows.append((figure.name, value, interval or "", floor or "", figure.better))
    columns = ("figure", "value", "95% interval", "real faces", "better")
    facts = {
        "model": f"{found.model['name']} ({found.model['hash']})",
        "against": f"{found.against['count']:,} of {found.against['name']}: {found.against['split']}",
        "extractor": f"{found.extractor['name']}, pictures by {found.extractor['resize']}",
        "faces": f"{found.samples:,}, seeds from {found.seed}, truncation {found.truncation:g}",
        "copying": words.copying(found),
        "notes": " ".join(found.notes),
    }
    return Inspection(
        path=path,
        kind="evaluation",
        title=f"{path}: how good {found.model['name']} is",
        facts={name: value for name, value in facts.items() if value},
        listings=[Listing("Figures", columns, rows, right=("value", "real faces"))],
        next=f"open {path / 'report.html'} in a browser" if (path / "report.html").is_file() else None,
    )


def of(model: Model) -> Evaluation | None:
    """Return the evaluation of this very model that lies where `phiz evaluate` or `export` puts one, if any.

    Of several it is one that found copying, else the newest.
    """
    path = model.path.absolute()
    near = (path / "evaluation", path.parent / "evaluation", path.with_name(f"{path.name}-evaluation"))
    found = []
    for file in (folder / figures.NAME for folder in near):
        with contextlib.suppress(PhizError):  # of another model, perhaps of a newer phiz
            if file.is_file() and (one := figures.read(file)).model.get("hash") == model.hash:
                copying = one.copying or {}
                found.append((bool(copying.get("flagged")), bool(copying), file.stat().st_mtime, one))
    return max(found, key=lambda each: each[:3])[3] if found else None


def in_a_line(model: Model) -> str | None:
    """Return the first figures of the evaluation of this very model in one line; None if there is none."""
    found = of(model)
    if found is None:
        return None
    said = [
        f"{figure.name} {words.of_figure(figure)[0]}"
        for figure in found.figures
        if figure.name in ("relative Frechet distance", "precision", "recall")
    ]
    return f"{', '.join(said)} (as {found.extractor['name']} see it)"
