"""Labels that pictures bring along, as other tools write them (`--labels given`).

A folder or zip with Hugging Face's metadata.csv or metadata.jsonl (`file_name`, then attributes); StyleGAN's
zip or folder with dataset.json; WebDataset's tar, where NAME.json or NAME.cls lies beside NAME.jpg; a parquet
file, whose other columns they are; a collection of URLs that came with labels.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from phiz.errors import PhizError
from phiz.prepare.ages import is_age
from phiz.prepare.entries import Source

TABLES = ("metadata.csv", "metadata.jsonl", "dataset.json")
SIDES = (".json", ".cls")


def columns_of(sources: Sequence[Source]) -> dict[str, list[str]]:
    """Return {attribute: a text for each picture of all sources, "" for missing}.

    Raises:
        PhizError: no source brings any, or what it brings cannot be read.
    """
    found: list[Mapping[str, str]] = []
    for source in sources:
        own = labels_of(source)
        found += [own.get(entry.name, {}) for entry in source.entries]
    names = dict.fromkeys(name for one in found for name in one)
    columns = {name: [one.get(name, "") for one in found] for name in names}
    useful = {name: texts for name, texts in columns.items() if len(set(texts) - {""}) > 1 or is_age(name)}
    if not useful:
        where = ", ".join(source.name for source in sources[:3])
        raise PhizError(
            f"{where} brings no labels: no metadata.csv, metadata.jsonl or dataset.json, no .json or .cls "
            "beside the pictures, no columns."
        )
    return useful


def labels_of(source: Source) -> dict[str, dict[str, str]]:
    """Return the labels that a source brings, by the picture's name in it."""
    found: dict[str, dict[str, str]] = {
        name: dict(labels) for name, labels in (getattr(source, "labels", None) or {}).items()
    }
    names = {entry.name for entry in source.entries}
    stems = {str(PurePosixPath(name).with_suffix("")): name for name in names}
    for name, data in source.beside(_wanted):
        path = PurePosixPath(name)
        if path.name in TABLES:
            for file, labels in _table(name, data).items():
                for near in (str(path.parent / file), file):
                    if near in names:
                        found.setdefault(near, {}).update(labels)
                        break
        elif (picture := stems.get(str(path.with_suffix("")))) is not None:
            found.setdefault(picture, {}).update(_side(path.suffix, data))
    return found


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name in TABLES or path.suffix.lower() in SIDES


def _table(name: str, data: bytes) -> dict[str, dict[str, str]]:
    try:
        text = data.decode("utf-8-sig")
        if name.endswith("dataset.json"):
            return _stylegan(json.loads(text))
        if name.endswith(".csv"):
            rows: list[Any] = list(csv.DictReader(io.StringIO(text, newline="")))
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        return {
            str(row.pop("file_name")).replace("\\", "/"): _flat(row)
            for row in rows
            if isinstance(row, dict) and row.get("file_name")
        }
    except (ValueError, KeyError, TypeError, csv.Error) as fault:
        raise PhizError(f"{name} cannot be read as a table of labels: {fault}.") from None


def _stylegan(said: Any) -> dict[str, dict[str, str]]:
    if not isinstance(said, dict):
        raise ValueError("it is no object with labels")
    pairs = said.get("labels") or []
    about = said.get("phiz") or {}
    name, values = str(about.get("label", "class")), about.get("values") or []
    texts: dict[str, dict[str, str]] = {}
    for file, label in pairs:
        if isinstance(label, list):  # several numbers, as for poses
            texts[str(file)] = {f"{name}{i + 1}": f"{number:g}" for i, number in enumerate(label)}
        else:
            texts[str(file)] = {name: str(values[label]) if 0 <= label < len(values) else str(label)}
    return texts


def _side(suffix: str, data: bytes) -> dict[str, str]:
    try:
        text = data.decode("utf-8").strip()
        if suffix.lower() == ".cls":
            return {"class": text} if text else {}
        said = json.loads(text)
    except ValueError:
        return {}
    return _flat(said) if isinstance(said, dict) else {}


def _flat(said: Mapping[str, Any]) -> dict[str, str]:
    """Return what can be a label: texts, numbers, yes and no."""
    words = {True: "yes", False: "no"}
    return {
        str(key).strip(): words[value] if isinstance(value, bool) else f"{value}".strip()
        for key, value in said.items()
        if isinstance(value, str | int | float | bool) and 0 < len(str(value).strip()) <= 200
    }
