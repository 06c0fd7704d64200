"""From posts to pictures: what is admitted is noted as waiting, then fetched; page by page.

A search is walked from its newest post downwards by number, so that posts that arrive meanwhile shift
nothing. The spans of numbers that have been seen are noted together with what was found in them: the same
search later lists what is new, jumps over what it has seen, and goes on where it ended.

A picture that a server failed to give waits with the reason. It comes after all others and is asked for
once more in each run, so that a few that always fail stand in nobody's way.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from phiz.collect.exclusions import SMALLER, Rules
from phiz.collect.faults import Closed
from phiz.collect.fetching import Fetcher, variant
from phiz.collect.keeping import Keeper, Spans, merged
from phiz.collect.listing import Page
from phiz.collect.posts import Post
from phiz.errors import Surroundings

_TOGETHER = 100

Lister = Callable[[int | None], Page]


@dataclass
class Tally:
    """What came of a search: counts of pictures."""

    fetched: int = 0
    here: int = 0
    """Kept by the search, now and before."""
    waiting: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    """Set aside in this run, by reason."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Not admitted in this run, by reason."""
    without_file: int = 0
    """Listed without a file: deleted posts."""
    closed: dict[str, str] = field(default_factory=dict)
    """Hosts that were given up, and why."""


class Gatherer:
    """Brings the posts of one search into a collection."""

    def __init__(
        self,
        keeper: Keeper,
        search: int,
        rules: Rules,
        fetcher: Fetcher,
        *,
        limit: int | None,
        enough: int | None,
        progress: Callable[[int, int], None],
        check: Callable[[], None],
    ) -> None:
        self._keeper, self._search, self._rules, self._fetcher = keeper, search, rules, fetcher
        self._limit, self._enough = limit, enough
        self._progress, self._check = progress, check
        self.tally = Tally()
        self._before = keeper.count(search) - len(keeper.waiting(search))

    def walk(self, list_page: Lister) -> None:
        """Walk a search of a site from its newest post, until the limit or the end.

        The limit counts from the newest post: later, what is new comes on top of what is here.

        Raises:
            Surroundings: the site, the disk or the network gave way; what was found is noted.
        """
        self._fetch_waiting(patient=False)
        self._walk(list_page)
        self._ask_again()

    def _walk(self, list_page: Lister) -> None:
        below: int | None = None
        while below is None or (below > 0 and self._room(below) > 0):
            self._check()
            page = list_page(below)
            self.tally.without_file += len(page.numbers) - len(page.posts)
            low, top = stretch(page, below)
            for floor, high in unseen(low, top, self._keeper.spans(self._search)):
                inside = [post for post in page.posts if floor <= int(post.number) <= high]
                if not self._walk_stretch(inside, floor, high):
                    return
            below = next((a for a, b in self._keeper.spans(self._search) if a <= low <= b), low)

    def _walk_stretch(self, posts: list[Post], floor: int, high: int) -> bool:
        """Take the posts numbered `floor` to `high`; say whether the limit leaves room for older ones."""
        while True:
            taken, posts = self._admit(posts, self._room(floor))
            reached = floor if not posts else int(taken[-1].number) if taken else high + 1
            if reached <= high:
                self._note(taken, merged([*self._keeper.spans(self._search), (reached, high)]))
            self._fetch_waiting(patient=False)
            if not posts or self._room(floor) <= 0:
                return not posts

    def take(self, posts: Iterable[Post]) -> None:
        """Take the posts of a list or dump, some at a time, until the limit or the end."""
        self._fetch_waiting(patient=True)
        stream = iter(posts)
        while self._room(0) > 0 and (batch := list(itertools.islice(stream, _TOGETHER))):
            self._check()
            while batch and (room := self._room(0)) > 0:
                taken, batch = self._admit(batch, room)
                self._note(taken, None)
                self._fetch_waiting(patient=True)
        self._ask_again()

    def _room(self, above: int) -> int:
        if self._limit is None:
            return 1 << 60
        return self._limit - self._keeper.count(self._search, above)

    def _admit(self, posts: list[Post], room: int) -> tuple[list[Post], list[Post]]:
        """Return the posts up to where `room` of them are admitted, and the rest."""
        admitted = 0
        for place, post in enumerate(posts):
            if admitted >= room:
                return posts[:place], posts[place:]
            admitted += self._rules.refusal(post) is None
        return posts, []

    def _note(self, posts: list[Post], spans: Spans | None) -> None:
        """Note admitted posts as waiting, and the spans seen, in one transaction."""
        with self._keeper.change():
            for post in posts:
                if why := self._rules.refusal(post):
                    self.tally.left_out[why] += 1
                elif known := self._keeper.known(post):
                    self._keeper.found(self._search, known["id"], post)
                    if self._large_enough_now(known):
                        sql = "UPDATE pictures SET status = 'waiting', reason = NULL WHERE id = ?"
                        self._keeper.run(sql, known["id"])
                else:
                    url, what = variant(post, self._enough)
                    self._keeper.add(post, self._search, url, what)
            if spans is not None:
                self._keeper.set_spans(self._search, spans)

    def _large_enough_now(self, row: dict[str, Any]) -> bool:
        """Say whether a picture was set aside for its size by a search that asked for more."""
        small = row["status"] == "set aside" and str(row["reason"]).startswith(SMALLER)
        return small and min(row["width"], row["height"]) >= self._rules.min_size

    def _fetch_waiting(self, patient: bool) -> None:
        """Fetch what waits and has not failed yet.

        A host that is given up ends the work; with `patient`, only what lies there.
        """
        self._fetch([row for row in self._keeper.waiting(self._search) if row["reason"] is None], patient)

    def _ask_again(self) -> None:
        """Ask once more for what failed, now or in earlier runs; a host that is given up ends nothing."""
        self._fetch([row for row in self._keeper.waiting(self._search) if row["reason"]], patient=True)

    def _fetch(self, rows: list[dict[str, Any]], patient: bool) -> None:
        total = self._keeper.count(self._search)
        for row in rows:
            self._check()
            self._progress(self._before + self.tally.fetched, max(self._limit or 0, total))
            try:
                outcome = self._fetcher.fetch(row)
            except Closed as fault:
                if not patient:
                    raise
                self.tally.closed[str(fault)] = row["url"]
                continue
            if outcome == "kept":
                self.tally.fetched += 1
            elif outcome == "set aside":
                reason = self._keeper.ask("SELECT reason FROM pictures WHERE id = ?", row["id"])[0]["reason"]
                self.tally.aside[reason] += 1

    def finish(self) -> Tally:
        """Count what is here and what waits, and return all counts."""
        sql = (
            "SELECT status, count(*) AS n FROM finds JOIN pictures ON pictures.id = finds.picture"
            " WHERE search = ? GROUP BY status"
        )
        counts = {row["status"]: row["n"] for row in self._keeper.ask(sql, self._search)}
        self.tally.here, self.tally.waiting = counts.get("kept", 0), counts.get("waiting", 0)
        return self.tally


def stretch(page: Page, below: int | None) -> tuple[int, int]:
    """Return the lowest and the highest number that a page speaks for, 0 for the end.

    Raises:
        Surroundings: the site lists the same posts again.
    """
    if below is not None and page.numbers and page.numbers[0] >= below:
        raise Surroundings("the site does not list what is older; the same command may go on later.")
    top = below - 1 if below is not None else (page.numbers[0] if page.numbers else 0)
    return (0 if page.last or not page.numbers else page.numbers[-1]), top


def unseen(low: int, top: int, spans: Spans) -> Spans:
    """Return the parts of low .. top that lie in no span, from the highest."""
    parts = []
    for a, b in merged(spans):
        if b < low or a > top:
            continue
        if b < top:
            parts.append((b + 1, top))
        top = a - 1
    return [*parts, (low, top)] if low <= top else parts


def preview(list_page: Lister) -> Iterator[Post]:
    """Yield the posts of a search from the newest, noting nothing; the caller stops where it has enough."""
    below: int | None = None
    while below is None or below > 0:
        page = list_page(below)
        yield from page.posts
        below = stretch(page, below)[0]
