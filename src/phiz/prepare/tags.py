"""Labels from a collection: what its tags say, by a table that can be edited, and what its ledger was told.

The table is `tags.json` beside this file, or a user's own (`tags:my.json`): {attribute: {value: [tags]}}.
A picture whose tags speak for two values of an attribute has none of it. "otherwise" names the value of a
tagged picture that no tag speaks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phiz.artefacts import sha256
from phiz.errors import PhizError
from phiz.prepare.ages import is_age

Known = tuple[Sequence[Sequence[str] | None], Sequence[Mapping[str, str] | None]]
"""Tags and labels of every picture, None where none are known."""

OTHERWISE = "otherwise"
TABLE = Path(__file__).with_name("tags.json")


def columns_of(labels: str, known: Known | None, warn: Any) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return the values of each attribute, "" for missing, and how they were made.

    Raises:
        PhizError: no collection among the pictures knows tags or labels, none of them says anything, or
            the table is no such table.
    """
    tags, told = known or ((), ())
    if not any(tags) and not any(told):
        raise PhizError(
            'labels from "tags" need a collection with tags or labels, as phiz collect makes one.'
        )
    path = Path(labels[5:]) if labels.startswith("tags:") else TABLE
    table = read_table(path)
    columns = {name: [value_of(rules, found) for found in tags] for name, rules in table.items()}
    for name in dict.fromkeys(name for one in told if one for name in one):
        before = columns.get(name) or [""] * len(told)
        columns[name] = [(one or {}).get(name) or old for one, old in zip(told, before, strict=True)]
    useful = {name: texts for name, texts in columns.items() if len(set(texts) - {""}) > 1 or is_age(name)}
    if not useful:
        raise PhizError(f"no tag of these pictures is in {path}; add those you know, or leave labels out.")
    without = sum(all(not texts[place] for texts in useful.values()) for place in range(len(tags)))
    if without:
        warn(f"{without:,} of {len(tags):,} pictures have no labels: no tag speaks for any.")
    made = {"from": "tags", "table": path.name, "sha256": sha256(path), "columns": list(useful)}
    return useful, made


def read_table(path: Path) -> dict[str, dict[str, Any]]:
    """Read a table of tags.

    Raises:
        PhizError: it is missing, no JSON, or not {attribute: {value: [tags]}}.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PhizError(f"{path} does not exist.") from None
    except (OSError, ValueError) as fault:
        raise PhizError(f"{path} cannot be read as JSON: {fault}.") from None
    good = isinstance(said, dict) and all(
        isinstance(rules, dict)
        and all(
            isinstance(tags, str) if value == OTHERWISE else isinstance(tags, list)
            for value, tags in rules.items()
        )
        for rules in said.values()
    )
    if not good:
        raise PhizError(f"{path} is no table of tags: {{attribute: {{value: [tags]}}}}.")
    return said


def value_of(rules: Mapping[str, Any], tags: Sequence[str] | None) -> str:
    """Return the value that tags speak for, "" for none or two."""
    if not tags:
        return ""
    have = set(tags)
    found = [value for value, own in rules.items() if value != OTHERWISE and have & set(own)]
    if len(found) == 1:
        return found[0]
    return "" if found else str(rules.get(OTHERWISE, ""))
