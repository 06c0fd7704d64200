"""What `phiz inspect` says of a collection: how many pictures, from where, by whom, with which tags."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from phiz import ledger
from phiz.collect import telling
from phiz.sampling.showing import Inspection, Listing, few, size_in_words

_MOST = 12


def describe(folder: Path) -> Inspection:
    """Describe the collection `folder`.

    Raises:
        PhizError: its ledger is damaged or of a newer format.
    """
    counts = _counted(folder, "status")
    kept = counts.get("kept", 0)
    tags, artists = _words(folder)
    (sums,) = ledger.query(
        folder, "SELECT sum(bytes) AS bytes, min(time) AS first, max(time) AS last FROM pictures"
        " WHERE status = 'kept'",
    )  # fmt: skip
    facts = {
        "pictures": f"{kept:,}, {size_in_words(sums['bytes'] or 0)}",
        "from": _line(_counted(folder, "site", kept=True)),
        "variants": _line(_counted(folder, "variant", kept=True)),
        "ratings": _line(_counted(folder, "rating", kept=True)),
        "licences": _line(_counted(folder, "licence", kept=True)),
        "artists": f"{len(artists):,} named: {few([name for name, _ in artists.most_common(6)], 6)}",
        "labels": few(sorted({name for found in ledger.labels(folder).values() for name in found})) or "none",
        "waiting": f"{counts['waiting']:,}: give the same collect again" if "waiting" in counts else "",
        "set aside": f"{counts['set aside']:,}" if "set aside" in counts else "",
        "forgotten": f"{counts['forgotten']:,}" if "forgotten" in counts else "",
        "collected": f"{str(sums['first'])[:10]} to {str(sums['last'])[:10]}" if sums["first"] else "",
    }
    return Inspection(
        path=folder,
        kind="collection",
        title=f"{folder}: a collection of pictures, with a ledger of where each came from",
        facts={name: value for name, value in facts.items() if value},
        listings=[*_searches(folder), *_tags(tags), *_reasons(folder)],
        next=telling.following(folder).removeprefix("Next: ") if kept else None,
    )


def _counted(folder: Path, column: str, kept: bool = False) -> dict[str, int]:
    which = "WHERE status = 'kept'" if kept else ""
    sql = f"SELECT {column} AS value, count(*) AS n FROM pictures {which} GROUP BY 1 ORDER BY 2 DESC"
    return {str(row["value"] or "not known"): row["n"] for row in ledger.query(folder, sql)}


def _line(counts: dict[str, int]) -> str:
    if set(counts) == {"not known"}:
        return "not known"
    return few([f"{value} ({count:,})" for value, count in counts.items()], 6)


def _words(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Count tags and artists of what is kept."""
    tags: Counter[str] = Counter()
    artists: Counter[str] = Counter()
    for row in ledger.query(folder, "SELECT tags, artist FROM pictures WHERE status = 'kept'"):
        artists.update(row["artist"] or ())
        tags.update(set(row["tags"] or ()) - set(row["artist"] or ()))
    return tags, artists


def _tags(tags: Counter[str]) -> list[Listing]:
    rows = [(name, f"{count:,}") for name, count in tags.most_common(_MOST)]
    return [Listing("Commonest tags", ("tag", "pictures"), rows, right=("pictures",))] if rows else []


def _searches(folder: Path) -> list[Listing]:
    sql = (
        "SELECT asked, searches.time AS time, count(finds.picture) AS n FROM searches"
        " LEFT JOIN finds ON finds.search = searches.id GROUP BY searches.id ORDER BY searches.id"
    )
    rows = []
    for row in ledger.query(folder, sql):
        asked: dict[str, Any] = json.loads(row["asked"])
        what = f"{asked.get('site', '')} {asked.get('query', '')}".strip() or str(asked.get("list", "?"))
        rows.append((what, row["time"][:10], f"{row['n']:,}"))
    return [Listing("Searches", ("search", "first made", "found"), rows, right=("found",))] if rows else []


def _reasons(folder: Path) -> list[Listing]:
    sql = "SELECT reason, count(*) AS n FROM pictures WHERE status = 'set aside' GROUP BY 1"
    counted = telling.short(Counter({str(row["reason"]): row["n"] for row in ledger.query(folder, sql)}))
    rows = [(reason, f"{count:,}") for reason, count in counted.most_common(_MOST)]
    if not rows:
        return []
    return [Listing("Set aside, by reason", ("reason", "pictures"), rows, right=("pictures",))]
