"""collect: sites, lists, dumps and folders in, a collection out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from phiz import artefacts
from phiz.collect import credits as crediting
from phiz.collect import given, removing, sites, telling
from phiz.collect.exclusions import Rules
from phiz.collect.keeping import Keeper, check_folder
from phiz.collect.pace import PAUSE
from phiz.collect.posts import RATINGS, tag
from phiz.collect.reach import check
from phiz.errors import PhizError, UsageError, nearest
from phiz.verbs import gather
from phiz.verbs.gather import Asked, Collected, Progress


def collect(
    source: str | Path | None = None,
    tags: str = "",
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    rating: str = "safe",
    exclude: Sequence[str] = (),
    exclude_artist: Sequence[str] = (),
    min_size: int = 0,
    max_size: int | None = None,
    contact: str | None = None,
    pause: float = PAUSE,
    dry_run: bool = False,
    credits: bool = False,
    export: str | Path | None = None,
    forget_artist: Sequence[str] = (),
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Collected:
    """Bring pictures, and what is known of them, into a collection.

    Args:
        source: a site's name or the address of a search there; a file of URLs (.txt), a table (.csv with a
            column url) or a dump of posts (.jsonl); a URL; a folder, which is catalogued where it lies; or
            None to see to a collection that is there.
        tags: what to search for, separated by spaces; of a table or dump, which posts to take.
        out: the collection; of a folder it is the folder itself.
        limit: at most so many pictures, counted from the newest; 1,000 of a site, else all.
        rating: "safe", or several of safe, sensitive, questionable, explicit, separated by commas.
        exclude: tags that leave a picture out.
        exclude_artist: artists who are left out.
        min_size: pixels of the shorter side that a picture must have.
        max_size: pixels of the shorter side that are enough: a sample that has them is fetched instead of
            the original.
        contact: an e-mail address or web page of yours that sites are told; kept once given.
        pause: seconds between two requests to a host, 1 or more.
        dry_run: only count what would come; nothing is written.
        credits: write credits.html, which names artists and pages.
        export: write the ledger to this file, a picture a line as JSON; an earlier export is replaced.
        forget_artist: artists to remove, now and for later.
        progress: told (pictures here, pictures in all).
        say: told each line worth saying on the way; printed to stderr if None.

    Raises:
        UsageError: options that make no sense together.
        PhizError: a source that nobody knows, nothing to be found, or a folder that holds something else.
        MissingExtra: httpx or gallery-dl is missing (too old is PhizError of status 4).
        Surroundings: a site, the network or the disk gave way; what was collected is whole.
        Stopped: a signal came; the same command goes on.
    """
    rules = Rules(
        ratings=_ratings(rating),
        must_not=tuple(tag(word) for word in exclude),
        artists=frozenset(tag(name) for name in exclude_artist),
        min_size=_at_least(0, "min-size", min_size) or 0,
    )
    asked = Asked(
        tags=" ".join(str(tags).split()),
        limit=_at_least(1, "limit", limit),
        rules=rules,
        enough=_at_least(1, "max-size", max_size),
        contact=contact,
        pause=_at_least(PAUSE, "pause", pause) or PAUSE,
        dry_run=dry_run,
        progress=progress or (lambda done, total: None),
        say=say or (lambda line: print(line, file=sys.stderr)),
    )
    chores = bool(credits or export or forget_artist)
    if source is None and not chores:
        raise UsageError('name what to collect, such as: phiz collect konachan "solo blue_hair" -o raw')
    if forget_artist and source is not None:
        raise UsageError("--forget-artist goes alone; collect with a second command.")
    if chores and dry_run:
        raise UsageError("--dry-run writes nothing; leave out --credits, --export and --forget-artist.")
    if export:
        crediting.check_export(Path(export))
    folder = Path(out) if out is not None else None
    result = Collected(_there(folder)) if source is None else _collect(str(source), folder, asked)
    if forget_artist:
        with Keeper(result.folder) as keeper:
            deleted, struck = removing.forget(keeper, forget_artist)
        result.lines.append(telling.forgotten(result.folder, forget_artist, deleted, struck))
    if credits:
        result.lines.append(f"Credits: {crediting.write_credits(result.folder)}")
    if export:
        result.lines.append(f"{export}: {crediting.write_lines(result.folder, Path(export)):,} lines.")
    if source is not None and not dry_run:
        result.lines.append(telling.following(result.folder))
    return result


def _at_least(least: float, name: str, value: Any) -> Any:
    if value is not None and value < least:
        raise UsageError(f"--{name} {value}: {least:g} is the least.")
    return value


def _ratings(text: str) -> tuple[str, ...]:
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in RATINGS:
            raise UsageError(
                f'"{word}" is no rating; there are {", ".join(RATINGS)} (general counts as safe).'
                f"{nearest(word, RATINGS)}"
            )
    if not words:
        raise UsageError("--rating names no rating; leave it out for safe.")
    return tuple(rating for rating in RATINGS if rating in words)


def _there(folder: Path | None) -> Path:
    if folder is None:
        raise UsageError("say which collection: -o FOLDER.")
    if artefacts.kind_of(folder) != "collection":
        raise PhizError(f"{folder} is no collection; name one that phiz collect made.")
    return folder


def _collect(source: str, out: Path | None, asked: Asked) -> Collected:
    """Find out what the source is, and collect from it."""
    site, words = sites.find(source), asked.tags
    if "//" in source:
        check(source)
        found = sites.search_in(source)
        if found is not None and site is None:
            raise sites.unknown(source)
        site = site if found is not None else None
        words = f"{found or ''} {words}".strip()
    if site is None and Path(source).is_dir():
        return gather.from_folder(Path(source), out, asked)
    if out is None:
        raise UsageError("say where to collect to: -o FOLDER.")
    check_folder(out)
    if site is not None:
        return gather.from_site(site, words, out, asked)
    if "//" not in source and not Path(source).is_file():
        raise _unknown(source)
    return gather.from_list(source, out, asked)


def _unknown(source: str) -> PhizError:
    for host in (source, f"{source}.com"):
        check(f"https://{host.strip('/')}" if host.strip("/").isascii() else "https://x.invalid")
    if (
        Path(source).suffix in (*given.LISTS, *given.TABLES, *given.DUMPS)
        or "/" in source
        or os.sep in source
    ):
        beside = Path(source).parent
        names = [entry.name for entry in beside.iterdir()] if beside.is_dir() else []
        return PhizError(f"{source} does not exist.{nearest(Path(source).name, names)}")
    return sites.unknown(source)
