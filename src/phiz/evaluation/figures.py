"""What an evaluation found: figures, each with the convention it follows, and evaluation.json.

A figure without its convention says nothing: extractor, resize rule, numbers of faces, k and seed all
move it. So a figure carries its convention as a line that is printed wherever the figure is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from phiz import artefacts
from phiz.errors import PhizError

FORMAT = 1
NAME = "evaluation.json"


@dataclass(frozen=True)
class Figure:
    """One number: `floor` is what other real faces score on the same counts, `interval` 95 %."""

    name: str
    value: float
    better: Literal["lower", "higher"]
    convention: str
    interval: tuple[float, float] | None = None
    floor: float | None = None


@dataclass
class Evaluation:
    """Everything a report needs but its pictures.

    `model`: name, hash, recipe, steps, size, learned_from. `against`: name, id, count, split (one line).
    `extractor`: name, sha256, size, resize, dimensions. `samples` faces of seeds from `seed`, at
    `truncation`. `copying` is what the memorisation check found, None where it could not be made.
    `notes` are warnings in plain words. `course` holds what was measured during the training,
    [{"step": ..., NAME: value}].
    """

    model: dict[str, Any]
    against: dict[str, Any]
    extractor: dict[str, Any]
    samples: int
    seed: int
    truncation: float
    figures: list[Figure]
    copying: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    course: list[dict[str, float]] = field(default_factory=list)

    def figure(self, name: str) -> Figure:
        """Return the figure called `name`; KeyError if it was not measured."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def write(self, path: Path) -> None:
        """Write it as the JSON `path`."""
        artefacts.write_json(path, {"phiz": "evaluation", "format": FORMAT, **asdict(self)})


def read(path: Path) -> Evaluation:
    """Read an evaluation.json, or the one in a folder.

    Raises:
        PhizError: it is missing, damaged, or of a newer phiz.
    """
    path = path / NAME if path.is_dir() else path
    data = artefacts.read_json(path, "evaluation", FORMAT)
    try:
        kept = {key: data[key] for key in Evaluation.__dataclass_fields__}
        kept["figures"] = [Figure(**{**figure, "interval": _pair(figure)}) for figure in data["figures"]]
        return Evaluation(**kept)
    except (KeyError, TypeError) as fault:
        raise PhizError(f"{path} is damaged ({fault}); run phiz evaluate again.") from None


def _pair(figure: dict[str, Any]) -> tuple[float, float] | None:
    interval = figure.get("interval")
    return (interval[0], interval[1]) if interval else None
