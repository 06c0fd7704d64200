"""The sites that are searched, and how a search is put to each.

Searches go only to art sites whose pictures have tags and ratings. An entry here is all that a site of a
known dialect needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from phiz.collect.posts import RATINGS, tag
from phiz.collect.reach import host_of
from phiz.errors import PhizError, UsageError, nearest


@dataclass(frozen=True)
class Site:
    """A site that is searched."""

    name: str
    """What a user calls it."""
    key: str
    """Whose numbers its posts have: two addresses of one site share it."""
    root: str
    dialect: Literal["moebooru", "danbooru"]
    hosts: tuple[str, ...]
    """Where its pages and pictures lie."""
    general: bool = False
    """Whether it shows nothing but the safe rating."""

    @property
    def listing(self) -> str:
        """The path that answers a search."""
        return "/post.json" if self.dialect == "moebooru" else "/posts.json"

    @property
    def pages(self) -> str:
        """The path of a post's page, with {} for its number."""
        return "/post/show/{}" if self.dialect == "moebooru" else "/posts/{}"

    @property
    def length(self) -> int:
        """Posts in a page of the listing."""
        return 100 if self.dialect == "moebooru" else 200

    @property
    def ratings(self) -> tuple[str, ...]:
        """The ratings it tells apart."""
        if self.general:
            return RATINGS[:1]
        return RATINGS if self.dialect == "danbooru" else ("safe", "questionable", "explicit")


_KONACHAN = ("konachan.com", "konachan.net")
_DONMAI = ("donmai.us",)
SITES = {
    site.name: site
    for site in (
        Site("konachan", "konachan.com", "https://konachan.com", "moebooru", _KONACHAN),
        Site("konachan.net", "konachan.com", "https://konachan.net", "moebooru", _KONACHAN, general=True),
        Site("yandere", "yande.re", "https://yande.re", "moebooru", ("yande.re",)),
        Site("danbooru", "danbooru.donmai.us", "https://danbooru.donmai.us", "danbooru", _DONMAI),
        Site(
            "safebooru",
            "danbooru.donmai.us",
            "https://safebooru.donmai.us",
            "danbooru",
            _DONMAI,
            general=True,
        ),
    )
}
"""The allow-list: every site that is searched, by name."""

_OURS = {
    "rating": "--rating chooses ratings",
    "order": "a search is walked from its newest post; choose by score:>=50 instead",
    "id": "a search is walked by number, and goes on by itself",
    "limit": "--limit says how many",
    "page": "a search goes on by itself",
}
_TAGS_AT_ONCE = 2


def find(word: str) -> Site | None:
    """Return the site called so, or with that address; None where there is none."""
    lowered = word.strip().lower()
    host = host_of(lowered) if "//" in lowered else lowered
    for site in SITES.values():
        if lowered == site.name or host.removeprefix("www.") == urlsplit(site.root).hostname:
            return site
    return None


def of_host(host: str) -> Site | None:
    """Return the first site whose pages or pictures lie on `host`."""
    for site in SITES.values():
        if any(host == own or host.endswith(f".{own}") for own in site.hosts):
            return site
    return None


def unknown(word: str) -> PhizError:
    """Return the fault for something that is no site and no file."""
    names = [*SITES, *(urlsplit(site.root).hostname or "" for site in SITES.values())]
    host = urlsplit(word.lower()).hostname if "//" in word else None
    return PhizError(
        f"{host or word} is no site that phiz searches, and no file or folder that is here."
        f"{nearest(host or word.lower(), names)} Sites: {', '.join(SITES)}."
    )


def search_in(url: str) -> str | None:
    """Return the tags of a search's address, such as .../post?tags=solo; None if it is none."""
    parts = urlsplit(url)
    found = parse_qs(parts.query).get("tags")
    return found[0] if found and parts.path.rstrip("/") in ("/post", "/posts", "") else None


@dataclass(frozen=True)
class Search:
    """A search as it is put to a site, and what is left to be sifted here."""

    site: Site
    query: str
    """What the site is asked, without the paging."""
    must: tuple[str, ...]
    must_not: tuple[str, ...]


def search(site: Site, tags: str, ratings: Sequence[str]) -> Search:
    """Put a search into a site's own words.

    Danbooru takes two tags of a visitor without an account: further plain tags are sifted here.

    Raises:
        UsageError: the tags try to choose what an option chooses, or a rating the site does not have.
    """
    words = tags.split()
    for word in words:
        kind = word.lstrip("-~").partition(":")[0].lower() if ":" in word else ""
        if kind in _OURS:
            raise UsageError(f'"{word}" cannot stand in a search: {_OURS[kind]}.')
    for rating in ratings:
        if rating not in site.ratings and not site.general:
            raise UsageError(f"{site.name} has no rating {rating}; it has {', '.join(site.ratings)}.")
    if site.general and "safe" not in ratings:
        raise UsageError(f"{site.name} shows nothing but the safe rating.")
    rest: list[str] = []
    if site.dialect == "danbooru":
        plain = [word for word in words if ":" not in word]
        simple = [word for word in plain if not set(word) & set("~*()")]
        rest = simple[max(0, len(simple) - max(0, len(plain) - _TAGS_AT_ONCE)) :]
        if len(plain) - len(rest) > _TAGS_AT_ONCE:
            raise UsageError(f"{site.name} takes {_TAGS_AT_ONCE} tags at once without an account: {tags}")
        words = [word for word in words if word not in rest]
    return Search(
        site=site,
        query=" ".join([*words, *_rating(site, ratings)]),
        must=tuple(tag(word) for word in rest if word[0] != "-"),
        must_not=tuple(tag(word[1:]) for word in rest if word[0] == "-"),
    )


def _rating(site: Site, ratings: Sequence[str]) -> list[str]:
    """Return the words that have the site itself leave out other ratings, where it can."""
    if site.general or set(site.ratings) <= set(ratings):
        return []
    if site.dialect == "danbooru":
        short = {"safe": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}
        return ["rating:" + ",".join(short[rating] for rating in site.ratings if rating in ratings)]
    if len(ratings) == 1:
        return [f"rating:{ratings[0]}"]
    return [f"-rating:{rating}" for rating in site.ratings if rating not in ratings]
