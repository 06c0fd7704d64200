"""A CSV table of labels: reading it strictly, and matching its rows to pictures by path."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from phiz.errors import PhizError
from phiz.pictures import SUFFIXES
from phiz.prepare.names import folded, shown


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns but the first, and by file (first column) the line and the fields."""

    path: Path
    columns: list[str]
    rows: dict[str, tuple[int, list[str]]]


@dataclass(frozen=True)
class Match:
    """Which row belongs to which picture: fields by picture, and the files that are not there."""

    columns: list[str]
    fields: list[list[str] | None]
    unknown: list[str]

    def column(self, name: str) -> list[str]:
        """Return one text a picture, "" where it is missing or the picture has no row."""
        place = self.columns.index(name)
        return [fields[place] if fields else "" for fields in self.fields]


def read_table(path: Path) -> Table:
    """Read a CSV: UTF-8, separated by commas, semicolons or tabs, the first line names the columns.

    Raises:
        PhizError: unreadable, no UTF-8, no header, no rows, a column twice or without a name, a row
            with too many fields, or two rows for one file that differ.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PhizError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from None
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror}.") from None
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        lines = [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except csv.Error as fault:
        raise PhizError(f"{path}, line {reader.line_num}: {fault}.") from None
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise PhizError(f"{path} is empty; its first line names the columns, such as file,hair.")
    names = lines[0][1]
    _check_header(path, names, lines[1:])
    width = max((place + 1 for place, name in enumerate(names) if name), default=0)
    return Table(path, names[1:width], _rows(path, lines[1:], width))


def _check_header(path: Path, names: list[str], lines: list[tuple[int, list[str]]]) -> None:
    if PurePosixPath(names[0]).suffix.lower() in SUFFIXES:
        raise PhizError(f"{path} has no header: its first line must name the columns, such as file,hair.")
    if not lines:
        raise PhizError(f"{path} has a header but no rows.")
    for place, name in enumerate(names[1:], 1):
        if not name and any(row[place : place + 1] not in ([], [""]) for _, row in lines):
            raise PhizError(f"{path}: column {place + 1} has no name; give it one in the first line.")
        if name and name in names[1:place]:
            raise PhizError(f'{path} has two columns called "{name}"; rename one.')
    if not any(names[1:]):
        raise PhizError(f"{path} has no column beside the files' names, so no label.")


def _rows(path: Path, lines: list[tuple[int, list[str]]], width: int) -> dict[str, tuple[int, list[str]]]:
    rows: dict[str, tuple[int, list[str]]] = {}
    for number, row in lines:
        if any(row[width:]):
            raise PhizError(f"{path}, line {number} has {len(row)} fields, and the first line {width}.")
        if not row[0]:
            raise PhizError(f"{path}, line {number} names no file in its first column.")
        fields = (row + [""] * width)[1:width]
        before = rows.setdefault(row[0], (number, fields))
        if before[1] != fields:
            raise PhizError(f"{path}, lines {before[0]} and {number} differ about {shown(row[0])}.")
    return rows


def match(table: Table, names: Sequence[str]) -> Match:
    """Match rows to the pictures called `names`.

    A row and a picture belong together where their paths are the same, or where one ends with the
    other (whole folders; case and the spelling of accents aside), so `7.jpg` finds `faces/7.jpg`.
    A name without a suffix also finds the picture with one.

    Raises:
        PhizError: a row fits several pictures, or two rows that differ fit one.
    """
    exact = {name: index for index, name in enumerate(names)}
    ends: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        base = folded(name.rsplit("/", 1)[-1])
        ends[base].append(place)
        if (stem := base.rsplit(".", 1)[0]) != base:
            ends[stem].append(place)
    fields: list[list[str] | None] = [None] * len(names)
    line_of: dict[int, int] = {}
    unknown: list[str] = []
    for file, (number, row) in table.rows.items():
        index = exact[file] if file in exact else _fitting(table.path, number, file, names, ends)
        if index is None:
            unknown.append(file)
            continue
        if fields[index] is not None and fields[index] != row:
            raise PhizError(
                f"{table.path}, lines {line_of[index]} and {number} differ about {shown(names[index])}."
            )
        fields[index] = row
        line_of[index] = number
    return Match(table.columns, fields, unknown)


def _fitting(
    path: Path, number: int, file: str, names: Sequence[str], ends: dict[str, list[int]]
) -> int | None:
    parts = [part for part in folded(file.replace("\\", "/")).split("/") if part not in ("", ".")]
    found = [index for index in ends.get(parts[-1] if parts else "", []) if _ends(parts, names[index])]
    if len(found) > 1:
        best = [index for index in found if folded(names[index]).split("/") == parts]
        if len(best) != 1:
            raise PhizError(
                f"{path}, line {number}: {shown(file)} fits {len(found)} pictures, {shown(names[found[0]])} "
                f"and {shown(names[found[1]])}; write its whole path."
            )
        found = best
    return found[0] if found else None


def _ends(parts: list[str], name: str) -> bool:
    """Say whether one of two paths ends with the other, folder by folder (their last parts fit)."""
    length = min(len(parts), name.count("/") + 1) - 1
    above = folded(name).split("/")[:-1]
    return length == 0 or parts[-1 - length : -1] == above[-length:]
