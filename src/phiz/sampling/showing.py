"""What is shown of an artefact: facts, tables, a drawing and a small picture, for a terminal or a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_PREVIEW_COLUMNS = 72
_BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Listing:
    """A table: a title, column names, rows of text. Columns named in `right` hold numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()


@dataclass
class Inspection:
    """What is known of a path. `print(inspection)` of Rich shows it; `facts` is for programs."""

    path: Path
    kind: str
    """In a word or two: "model", "run", "face set", "picture", "zip of pictures", ..."""
    title: str
    """What it is, in one sentence."""
    facts: dict[str, str] = field(default_factory=dict)
    listings: list[Listing] = field(default_factory=list)
    drawing: str | None = None
    """A drawing in text."""
    picture: Image.Image | None = None
    """A few of its faces."""
    figure: Image.Image | None = None
    """What `--save` writes, where that is not `picture`."""
    next: str | None = None
    """What to do with it: a command."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        yield Text(self.title, style="bold")
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="cyan", no_wrap=True)
        facts.add_column(overflow="fold")
        for name, value in self.facts.items():
            facts.add_row(Text(name), Text(value))
        yield facts
        for listing in self.listings:
            yield Text("")
            yield _table(listing)
        if self.drawing:
            yield Text("")
            yield Text(self.drawing, no_wrap=True, overflow="crop")
        if self.picture and console.is_terminal and console.color_system in ("truecolor", "256"):
            yield Text("")
            yield _coloured(self.picture, min(_PREVIEW_COLUMNS, options.max_width))
        if self.next:
            yield Text("")
            yield Text(f"Next: {self.next}")


def _table(listing: Listing) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=listing.title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for column in listing.columns:
        number = column in listing.right
        table.add_column(column, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in listing.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _coloured(picture: Image.Image, columns: int) -> Any:
    from rich.text import Text

    from phiz.sampling.drawing import half_blocks

    text = Text(no_wrap=True)
    for row in half_blocks(picture, columns):
        for up, down in row:
            text.append("▀", f"{up} on {down}")
        text.append("\n")
    text.right_crop(1)
    return text


def size_in_words(count: float) -> str:
    """Write bytes as people do: 812 bytes, 14.3 MB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def course(values: Sequence[float], width: int = 32) -> str:
    """Draw how a number went, as a line of bars: ▁▂▅█."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    if len(finite) > width:
        edges = [round(i * len(finite) / width) for i in range(width + 1)]
        finite = [sum(finite[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(_BARS[min(7, int(8 * (value - low) / span))] for value in finite)


def few(words: Sequence[str], most: int = 8) -> str:
    """Write a list in one line, its end as a number where it is long."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest:,} more" if rest > 0 else "")
