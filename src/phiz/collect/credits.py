"""What a collection says to others: a page that credits its artists, and the ledger as JSON lines."""

from __future__ import annotations

import html
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from phiz import artefacts, ledger
from phiz.errors import PhizError

PAGE = "credits.html"

_KEPT = "WHERE status = 'kept' AND file IS NOT NULL ORDER BY id"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222;"
    "background:#fff}h2{font-size:1.1rem;margin:1.5rem 0 .3rem}ul{margin:0;padding-left:1.2rem}"
    "small{color:#666}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8cf}}"
)


def write_credits(folder: Path) -> Path:
    """Write credits.html: each artist with the pages of their pictures. Returns its path."""
    by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    count = 0
    for row in ledger.rows(folder, _KEPT):
        count += 1
        for artist in row["artist"] or [""]:
            by[artist].append(row)
    unnamed = by.pop("", [])
    parts = [
        f"<h2>{html.escape(artist.replace('_', ' '))}</h2>\n{_list(by[artist])}" for artist in sorted(by)
    ]
    if unnamed:
        parts.append(f"<h2>Artists that are not named</h2>\n{_list(unnamed)}")
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Credits</title>\n'
        f"<style>{_STYLE}</style>\n<h1>Credits</h1>\n"
        f"<p>{count:,} pictures by {len(by):,} named artists. Each picture is its artist's; "
        "this page says where it was found.</p>\n" + "\n".join(parts) + "\n</html>\n"
    )
    path = folder / PAGE
    with artefacts.disk(path):
        artefacts.write_bytes(path, page.encode("utf-8"))
    return path


def _list(rows: list[dict[str, Any]]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{_line(row)}</li>" for row in rows) + "\n</ul>"


def _line(row: dict[str, Any]) -> str:
    where = row["page"] or (row["url"] if row["site"] == "url" else None)
    name = html.escape(f"{row['site']} {row['number']}" if row["page"] else str(row["file"]))
    line = _link(where, name) if where else name
    source = row["source"]
    if source and source != where:
        line += f" <small>from {_link(source, html.escape(source))}</small>"
    return line + (f" <small>{html.escape(row['licence'])}</small>" if row["licence"] else "")


def _link(where: str, shown: str) -> str:
    if not where.startswith(("https://", "http://")):
        return shown
    return f'<a rel="nofollow noreferrer" href="{html.escape(where)}">{shown}</a>'


def check_export(path: Path) -> None:
    """Refuse a file that `write_lines` did not write (status 3)."""
    try:
        with open(path, encoding="utf-8") as file:
            first = file.readline()
        if not first:
            return
        said = json.loads(first)
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or not {"site", "number", "status"} <= said.keys():
        raise PhizError(f"{path} is there and is no ledger that phiz wrote; choose another name.")


def write_lines(folder: Path, path: Path) -> int:
    """Write the ledger to `path`, a picture a line as JSON; return how many."""
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for row in ledger.rows(folder):
            count += 1
            known = {name: row[name] for name in ledger.COLUMNS if row[name] is not None}
            yield json.dumps(known, ensure_ascii=False) + "\n"

    with artefacts.disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.partial")
        try:
            with open(aside, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    return count
