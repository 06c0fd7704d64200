"""How `collect` gathers from a site, a list or a folder, and what it says where that breaks off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from phiz import artefacts, ledger
from phiz.collect import given, listing, previewing, removing, sites, telling
from phiz.collect.cataloguing import catalogue
from phiz.collect.client import Client
from phiz.collect.contact import contact as contact_of
from phiz.collect.exclusions import Rules
from phiz.collect.fetching import Fetcher
from phiz.collect.gathering import Gatherer, Tally, preview
from phiz.collect.keeping import Keeper, check_folder
from phiz.collect.pace import Pace, WallClock
from phiz.collect.posts import Post, tag
from phiz.collect.reach import Reach
from phiz.errors import PhizError, Stopped, Surroundings, UsageError
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
class Asked:
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


def from_site(site: sites.Site, words: str, out: Path, asked: Asked) -> Collected:
    """Collect what a search of a site finds."""
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


def from_list(source: str, out: Path, asked: Asked) -> Collected:
    """Collect what a file lists, or one URL."""
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


def from_folder(folder: Path, out: Path | None, asked: Asked) -> Collected:
    """Catalogue a folder where it lies."""
    target = out or folder
    try:
        folder.resolve().relative_to(target.resolve())
    except ValueError:
        raise UsageError(
            f"{folder} is catalogued where it lies: leave -o out, or name a folder that holds it."
        ) from None
    if asked.tags:
        raise UsageError(f"{folder} is a folder, which is catalogued whole; leave the tags out.")
    rules = asked.rules
    if asked.limit is not None or rules.must_not or rules.artists or rules.min_size:
        raise UsageError(f"{folder} is a folder, which is catalogued whole; leave limits and rules out.")
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
    asked: Asked,
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
            Fetcher(keeper, client, rules.min_size),
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
    what: str, posts: Iterable[Post], out: Path, rules: Rules, limit: int | None, asked: Asked
) -> Collected:
    """Count what would come; nothing is written."""
    seen = previewing.look(posts, out, rules, limit, asked.enough)
    if not (seen.count or seen.here or seen.left_out):
        raise PhizError(
            f"{what}: nothing was found, rated {', '.join(rules.ratings)}; look the tags up there."
        )
    return Collected(out, lines=previewing.lines(out, what, seen, asked.pause))


@contextmanager
def _client(asked: Asked) -> Iterator[tuple[Client, threading.Event]]:
    """Yield the client, with its manners, and the event that a signal sets."""
    contact = contact_of(asked.contact)
    with signals() as stop:
        pace = Pace(cache_folder() / "hosts", WallClock(stop))
        client = Client(contact, pace, Reach.of_surroundings(), asked.say, asked.pause)
        try:
            yield client, stop
        finally:
            client.close()
