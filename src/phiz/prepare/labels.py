"""Labels for the pictures of a source: from the folders they lie in, or from a CSV file.

`folders`: the names of the folders are the values. Folders that enclose all of the pictures are no
label; nested ones are several attributes, `folder1`, `folder2`, ... (a single one is `folder`).

`afad`: as the Asian Face Age Dataset lies, AGE/111 (male) or AGE/112 (female): `age` and `gender`.

`given`: what the pictures bring along, as other tools write it (phiz.prepare.given).

`tags`: of a collection, what its tags say by a table that can be edited (phiz.prepare.tags).

`colours`: the colour of hair as it is measured in drawn faces (phiz.prepare.colours); `tags+colours`, and so
with the others, measures it where they say nothing of it.

`FILE.csv`: the first line names the columns; the first column names the file, each other one is an
attribute, an empty field is missing. `FILE.csv:hair,eyes` takes these columns only.

Pictures whose `age` is known to be under 18 are left out, unless they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phiz.artefacts import sha256
from phiz.errors import PhizError, nearest
from phiz.prepare.ages import is_age, is_minor
from phiz.prepare.bins import is_numbers, values_of
from phiz.prepare.names import shown
from phiz.prepare.table import Match, Table, match, read_table
from phiz.prepare.tags import Known, columns_of

MOST_WORDS = 64
"""A column with more different texts than this is left out, unless it is asked for by name."""

MOST_VALUES = 32_767
"""The most values an attribute may have (labels are int16)."""

MINOR = "under 18"
WAYS = ("folders", "afad", "tags", "given", "colours")

_AFAD = re.compile(r"/(?P<age>[0-9]{1,3})/(?P<sex>11[12])/[^/]+$")
_SEXES = {"111": "male", "112": "female"}

Warn = Callable[[str], None]
Brought = Callable[[], dict[str, list[str]]]


@dataclass(frozen=True)
class Labels:
    """Labels of N pictures: schema {attribute: [values]}, table int16 (N, A) with -1 for missing."""

    schema: dict[str, list[str]]
    table: np.ndarray
    made: dict[str, Any] | None
    """How they were made, for the face set's `made`; None where there are none."""
    measured: bool = False
    """Whether the colour of hair is measured where the table does not say it."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Pictures that are not to be used, with the reason."""

    def of(self, index: int) -> dict[str, str]:
        """Return the labels of a picture: {attribute: value}, missing ones left out."""
        codes = zip(self.schema.items(), self.table[index].tolist(), strict=True)
        return {name: values[code] for (name, values), code in codes if code >= 0}


def read_labels(
    labels: str | Path | None,
    names: Sequence[str],
    warn: Warn,
    known: Known | None = None,
    include_minors: bool = False,
    brought: Brought | None = None,
) -> Labels:
    """Read the labels of the pictures called `names`; see above for what `labels` may be.

    `known` is what a collection knows of the pictures, in their order: tags and labels; `brought` returns the
    columns that their sources bring along.

    Raises:
        PhizError: the CSV or a column does not exist, contradicts itself, or names none of the pictures;
            or "folders" where all the pictures lie in one.
    """
    if labels is None:
        return Labels({}, np.zeros((len(names), 0), np.int16), None)
    spec = str(labels)
    if spec == "colours":
        return Labels({}, np.zeros((len(names), 0), np.int16), {"from": spec}, True)
    measured = spec.endswith("+colours")
    spec = spec.removesuffix("+colours")
    columns, made = _columns(spec, names, warn, known, brought)
    if measured:
        made["measured"] = "colours"
    left_out = {} if include_minors else _minors(columns)
    if left_out:
        warn(f"{len(left_out):,} of {len(names):,} pictures are of under-18s and left out.")
        for texts in columns.values():
            for index in left_out:
                texts[index] = ""
    return Labels(*_encode(columns, warn), made, measured, left_out)


def _columns(
    labels: str, names: Sequence[str], warn: Warn, known: Known | None, brought: Brought | None
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return the text of each attribute for each picture, "" for missing, and how they were made."""
    if labels == "folders":
        return _from_folders(names)
    if labels == "afad":
        return _from_afad(names, warn)
    if labels == "given":
        return _from_given(brought)
    if labels == "tags" or labels.startswith("tags:"):
        return columns_of(labels, known, warn)
    file, columns = _split(labels)
    return _from_table(read_table(file), columns, names, warn)


def _minors(columns: dict[str, list[str]]) -> dict[int, str]:
    """Return the pictures whose age is below 18, or may be."""
    ages = next((texts for name, texts in columns.items() if is_age(name)), [])
    return {index: f"{MINOR}: age {text}" for index, text in enumerate(ages) if is_minor(text)}


def _split(labels: str) -> tuple[Path, list[str] | None]:
    """Tell FILE.csv:hair,eyes from a file's name with a colon in it (C:\\faces.csv)."""
    if Path(labels).is_file():
        return Path(labels), None
    left, colon, right = labels.rpartition(":")
    if colon and Path(left).is_file():
        columns = [column.strip() for column in right.split(",") if column.strip()]
        if not columns:
            raise PhizError(f"{labels} names no column after the colon.")
        return Path(left), columns
    hint = nearest(labels, WAYS)
    raise PhizError(f"{labels} does not exist; labels are a CSV file, or one of {', '.join(WAYS)}.{hint}")


def _from_given(brought: Brought | None) -> tuple[dict[str, list[str]], dict[str, Any]]:
    columns = brought() if brought else {}
    useful = {name: texts for name, texts in columns.items() if not _useless(texts, asked=is_age(name))}
    if not useful:
        raise PhizError("what the pictures bring along has no column that can be a label.")
    return useful, {"from": "given", "columns": list(useful)}


def _from_afad(names: Sequence[str], warn: Warn) -> tuple[dict[str, list[str]], dict[str, Any]]:
    found = [_AFAD.search("/" + name) for name in names]
    ages = [match["age"].lstrip("0") or "0" if match else "" for match in found]
    sexes = [_SEXES[match["sex"]] if match else "" for match in found]
    if not any(found):
        raise PhizError(
            "no picture lies as in AFAD, AGE/111/N.jpg or AGE/112/N.jpg; --labels folders takes any folders."
        )
    if without := sum(match is None for match in found):
        warn(f"{without:,} of {len(names):,} pictures do not lie as in AFAD and have no labels.")
    return {"age": ages, "gender": sexes}, {"from": "afad"}


def _from_folders(names: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, Any]]:
    above = [name.split("/")[:-1] for name in names]
    common = 0
    while above and len({tuple(parts[: common + 1]) for parts in above}) == 1 and len(above[0]) > common:
        common += 1
    levels = [parts[common:] for parts in above]
    depth = max((len(parts) for parts in levels), default=0)
    if depth == 0:
        where = "/".join(above[0]) if above and above[0] else "one folder"
        raise PhizError(f"no label folders: all the pictures lie in {shown(where)}; leave labels out.")
    attributes = ["folder"] if depth == 1 else [f"folder{level + 1}" for level in range(depth)]
    columns = {
        attribute: [parts[level] if level < len(parts) else "" for parts in levels]
        for level, attribute in enumerate(attributes)
    }
    return columns, {"from": "folders"}


def _from_table(
    table: Table, columns: list[str] | None, names: Sequence[str], warn: Warn
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    for column in columns or []:
        if column not in table.columns:
            raise PhizError(
                f'{table.path} has no column "{column}"; it has {", ".join(table.columns)}.'
                f"{nearest(column, table.columns)}"
            )
    found = match(table, names)
    _speak_of_rows(table, found, names, warn)
    taken = {}
    for column in columns or table.columns:
        texts = found.column(column)
        if why := _unaskable(column) or _useless(texts, asked=columns is not None or is_age(column)):
            if columns:
                raise PhizError(f'{table.path}: column "{column}" {why}.')
            warn(f'{table.path}: column "{column}" {why}: left out.')
        else:
            taken[column] = texts
    if not taken:
        raise PhizError(f"{table.path}: no column can be a label; name one: {table.path}:{table.columns[0]}")
    made = {"from": table.path.name, "sha256": sha256(table.path), "columns": list(taken)}
    return taken, made


def _speak_of_rows(table: Table, found: Match, names: Sequence[str], warn: Warn) -> None:
    rows = len(table.rows)
    if len(found.unknown) == rows:
        raise PhizError(
            f"{table.path} names none of the pictures: its first column begins with "
            f"{shown(found.unknown[0])}, the pictures with {shown(names[0])}."
        )
    if found.unknown:
        warn(
            f"{table.path}: {len(found.unknown):,} of {rows:,} rows name no picture that is there, "
            f"the first {shown(found.unknown[0])}."
        )
    without = [name for name, fields in zip(names, found.fields, strict=True) if fields is None]
    if without:
        warn(
            f"{table.path}: {len(without):,} of {len(names):,} pictures have no row, so no labels, "
            f"the first {shown(without[0])}."
        )


def _unaskable(column: str) -> str:
    """Say why a column's name cannot be that of a label, or "" where it can."""
    return "has a = in its name, and labels are asked for as NAME=VALUE; rename it" if "=" in column else ""


def _useless(texts: Sequence[str], asked: bool) -> str:
    """Say why a column cannot be a label, or "" where it can."""
    values = set(texts) - {""}
    if not values:
        return "is empty for all of the pictures"
    if asked:
        return ""
    if len(values) == 1:
        return f"has one value only ({shown(next(iter(values)))})"
    if len(values) > MOST_WORDS and not is_numbers(values):
        return f"has {len(values):,} different texts (to take it all the same, name it: FILE.csv:COLUMN)"
    return ""


def _encode(columns: dict[str, list[str]], warn: Warn) -> tuple[dict[str, list[str]], np.ndarray]:
    """Turn columns of text, "" for missing, into a schema and int16 codes (N, A)."""
    schema, codes = {}, []
    for attribute, texts in columns.items():
        values, of = values_of(text for text in texts if text)
        if not values:
            warn(f'"{attribute}" is left out: none of the pictures that may be used has a value.')
            continue
        if len(values) > MOST_VALUES:
            raise PhizError(f'"{attribute}" has {len(values):,} values; {MOST_VALUES:,} are the most.')
        if not set(values) <= of.keys():
            ends = f"{values[0]} to {values[-1]}"
            warn(f'"{attribute}": {len(of):,} different numbers became {len(values)} ranges, {ends}.')
        place = {value: index for index, value in enumerate(values)}
        code = {text: place[value] for text, value in of.items()}
        schema[attribute] = values
        codes.append([code.get(text, -1) for text in texts])
    count = len(next(iter(columns.values()), ()))
    return schema, np.array(codes, np.int16).reshape(len(schema), count).T.copy()
