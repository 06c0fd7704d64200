"""collect: sites, lists, dumps and folders in, a collection out."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from phiz import artefacts, ledger
from phiz.collect import credits as crediting
from phiz.collect import given, listing, previewing, removing, sites, telling
from phiz.collect.cataloguing import catalogue
from phiz.collect.client import Client
from phiz.collect.contact import contact as contact_of
from phiz.collect.exclusions import Rules
from phiz.collect.fetching import Fetcher
from phiz.collect.gathering import Gatherer, Tally, preview
from phiz.collect.keeping import Keeper, check_folder
from phiz.collect.pace import PAUSE, Pace, WallClock
from phiz.collect.posts import RATINGS, Post, tag
from phiz.collect.reach import Reach, check
from phiz.errors import PhizError, Stopped, Surroundings, UsageError, nearest
from phiz.stopping import check as check_stop
from phiz.stopping import signals
from phiz.weights import cache_folder

LIMIT = 1000
"""Pictures of a site's search, where nothing is said."""

Progress = Callable[[int, int], None]


@dataclass
class Collected:
    """What came of a collect: the collection, the counts, and the lines that the command prints."""

    folder: Path
    tally: Tally = field(default_factory=Tally)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Asked:
    """The options of one collect, checked."""

    tags: str
    limit: int | None
    rules: Rules
    enough: int | None
    contact: str | None
    pause: float
    dry_run: bool
    progress: Progress
    say: Callable[[str], None]


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
        export: write the ledger to this file, a picture a line as JSON.
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
    asked = _Asked(
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


def _collect(source: str, out: Path | None, asked: _Asked) -> Collected:
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
        return _catalogue(Path(source), out, asked)
    if out is None:
        raise UsageError("say where to collect to: -o FOLDER.")
    check_folder(out)
    if site is not None:
        return _from_site(site, words, out, asked)
    if "//" not in source and not Path(source).is_file():
        raise _unknown(source)
    return _from_list(source, out, asked)


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


def _from_site(site: sites.Site, words: str, out: Path, asked: _Asked) -> Collected:
    search = sites.search(site, words, asked.rules.ratings)
    given_out = asked.rules.must_not
    rules = replace(asked.rules, must=search.must, must_not=(*search.must_not, *given_out))
    if search.must or search.must_not:
        asked.say(f"{site.name} takes two tags at once; phiz sifts the others itself.")
    command = listing.program()
    what = f'{site.name} "{words}"'
    with _client(asked) as (client, stop):
        page = partial(listing.list_page, client, command, search)
        if asked.dry_run:
            return _dry(what, preview(page), out, rules, asked.limit or LIMIT, asked)
        key = {"site": site.name, "query": search.query}
        result = _gather(
            what, key, out, rules, client, stop, asked.limit or LIMIT, asked, lambda g: g.walk(page)
        )
    tally = result.tally
    if not (tally.here or tally.waiting or tally.aside or tally.left_out):
        raise PhizError(
            f"{what}: nothing was found, rated {', '.join(rules.ratings)}; look the tags up there."
        )
    return result


def _from_list(source: str, out: Path, asked: _Asked) -> Collected:
    posts: Iterable[Post]
    path, rated = Path(source), False
    if "//" in source:
        posts, name = [given.of_url(source)], source
    else:
        posts, name = given.posts_of(path, asked.say), path.name
        rated = path.suffix.lower() in given.DUMPS
    if asked.tags and ("//" in source or path.suffix.lower() in given.LISTS):
        raise UsageError(f"{source}: plain URLs have no tags to choose by; leave them out.")
    words = asked.tags.split()
    rules = replace(
        asked.rules,
        rated=rated,
        must=tuple(tag(word) for word in words if word[0] != "-"),
        must_not=(*(tag(word[1:]) for word in words if word[0] == "-"), *asked.rules.must_not),
    )
    if asked.dry_run:
        return _dry(name, posts, out, rules, asked.limit, asked)
    with _client(asked) as (client, stop):
        result = _gather(
            name, {"list": name}, out, rules, client, stop, asked.limit, asked, lambda g: g.take(posts)
        )
    tally = result.tally
    if tally.closed:
        first = next(iter(tally.closed))
        raise Surroundings(
            f"{first} {telling.pictures(tally.here)} of {name} are in {out}, {tally.waiting:,} wait; "
            "the same command goes on."
        )
    if "//" in source and tally.aside:
        raise PhizError(f"{source}: {next(iter(tally.aside))}; set aside.")
    return result


def _catalogue(folder: Path, out: Path | None, asked: _Asked) -> Collected:
    target = out or folder
    try:
        folder.resolve().relative_to(target.resolve())
    except ValueError:
        raise UsageError(
            f"{folder} is catalogued where it lies: leave -o out, or name a folder that holds it."
        ) from None
    if asked.tags:
        raise UsageError(f"{folder} is a folder, which is catalogued whole; leave the tags out.")
    check_folder(target, local=True)
    if asked.dry_run:
        count = sum(1 for _ in given.local_pictures(folder))
        known = len(ledger.files(target)) if artefacts.kind_of(target) == "collection" else 0
        return Collected(
            target, lines=[f"{folder}: {telling.pictures(count)} would be catalogued; {known:,} are known."]
        )
    if next(given.local_pictures(folder), None) is None:
        raise PhizError(f"{folder} holds no picture.")
    with signals() as stop, Keeper(target) as keeper:
        removing.finish(keeper)
        tally = catalogue(keeper, folder, asked.progress, partial(check_stop, stop))
    lines = telling.summary(target, str(folder), tally)
    return Collected(target, tally, lines)


def _gather(
    what: str,
    key: dict[str, Any],
    out: Path,
    rules: Rules,
    client: Client,
    stop: threading.Event,
    limit: int | None,
    asked: _Asked,
    work: Callable[[Gatherer], None],
) -> Collected:
    """Gather into the collection; a fault on the way says what is there."""
    key = key | {
        "ratings": list(rules.ratings),
        "must": sorted(rules.must),
        "must_not": sorted(rules.must_not),
        "artists": sorted(rules.artists),
        "min_size": rules.min_size,
    }
    with Keeper(out) as keeper:
        removing.finish(keeper)
        search = keeper.search(key)
        rules = replace(rules, artists=rules.artists | keeper.shunned())
        gatherer = Gatherer(
            keeper,
            search,
            rules,
            Fetcher(keeper, client),
            limit=limit,
            enough=asked.enough,
            progress=asked.progress,
            check=partial(check_stop, stop),
        )
        try:
            work(gatherer)
        except (Surroundings, Stopped) as fault:
            here = keeper.count(search) - len(keeper.waiting(search))
            kind = Stopped if isinstance(fault, Stopped) else Surroundings
            raise kind(
                f"{fault} {telling.pictures(here)} of {what} are in {out}; the same command goes on."
            ) from None
        tally = gatherer.finish()
    return Collected(out, tally, telling.summary(out, what, tally))


def _dry(
    what: str, posts: Iterable[Post], out: Path, rules: Rules, limit: int | None, asked: _Asked
) -> Collected:
    """Count what would come; nothing is written."""
    seen = previewing.look(posts, out, rules, limit, asked.enough)
    if not (seen.count or seen.here or seen.left_out):
        raise PhizError(
            f"{what}: nothing was found, rated {', '.join(rules.ratings)}; look the tags up there."
        )
    return Collected(out, lines=previewing.lines(out, what, seen, asked.pause))


@contextmanager
def _client(asked: _Asked) -> Iterator[tuple[Client, threading.Event]]:
    """Yield the client, with its manners, and the event that a signal sets."""
    contact = contact_of(asked.contact)
    with signals() as stop:
        pace = Pace(cache_folder() / "hosts", WallClock(stop))
        client = Client(contact, pace, Reach.of_surroundings(), asked.say, asked.pause)
        try:
            yield client, stop
        finally:
            client.close()
