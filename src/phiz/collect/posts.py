"""A post: a picture that is known of but not here yet. Read from what sites, dumps and sidecars say.

Two dialects are spoken: Moebooru's (`tags` is a string, ratings s, q, e) and Danbooru's (`tag_string`,
ratings g, s, q, e, where s means sensitive). The site tells which one a post is in; where none is known,
`tag_string` does. `file_ext` tells nothing: both have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

RATINGS = ("safe", "sensitive", "questionable", "explicit")

_WORDS = {"general": "safe", **{rating: rating for rating in RATINGS}}
_MOEBOORU = {"s": "safe", "q": "questionable", "e": "explicit"}
_DANBOORU = {"g": "safe", "s": "sensitive", "q": "questionable", "e": "explicit"}
_HEX = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Post:
    """What is known of one picture before it is fetched. Sizes in pixels, bytes of the original."""

    site: str
    """Whose number it is: a site's name, "url" or "local"."""
    number: str
    url: str
    """The original."""
    page: str | None = None
    sample: tuple[str, int, int] | None = None
    """A smaller variant: URL, width, height."""
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    md5: str | None = None
    rating: str | None = None
    score: int | None = None
    artists: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source: str | None = None
    licence: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def read_post(
    said: Mapping[str, Any], site: str, root: str, pages: str, kinds: Mapping[str, str] | None = None
) -> Post | None:
    """Read one post as JSON describes it; None where it names no file (a deleted one).

    Args:
        said: the post.
        site: whose number it is.
        root: the site's address, which relative URLs count from.
        pages: a post's page below `root`, with {} for the number.
        kinds: what kind of tag each is (Moebooru tells it apart from the posts).
    """
    danbooru = root.endswith(".donmai.us") if root else "tag_string" in said
    number, md5 = _text(said.get("id")), (_text(said.get("md5")) or "").lower()
    url = _url(said.get("file_url") or said.get("url"), root)
    if url is None and danbooru and root and _HEX.fullmatch(md5):
        url = f"https://cdn.donmai.us/original/{md5[:2]}/{md5[2:4]}/{md5}.{_text(said.get('file_ext'))}"
    if number is None or url is None or (said.get("is_deleted") is True and not said.get("file_url")):
        return None
    tags, artists = _tags(said, kinds or {})
    return Post(
        site=site,
        number=number,
        url=url,
        page=root + pages.format(number) if root else _url(said.get("page"), ""),
        sample=_sample(said, root),
        width=_whole(said.get("width") or said.get("image_width")),
        height=_whole(said.get("height") or said.get("image_height")),
        bytes=_whole(said.get("file_size")),
        md5=md5 if _HEX.fullmatch(md5) else None,
        rating=rating_of(said.get("rating"), danbooru),
        score=_whole(said.get("score")),
        artists=artists,
        tags=tags,
        source=_text(said.get("source")),
        licence=_text(said.get("licence") or said.get("license")),
    )


def rating_of(said: Any, danbooru: bool = False) -> str | None:
    """Return a rating in one of the words of `RATINGS`; None where it is not known."""
    text = str(said or "").strip().lower()
    return _WORDS.get(text) or (_DANBOORU if danbooru else _MOEBOORU).get(text)


def tag(text: str) -> str:
    """Return a tag as sites write it: lower case, underscores for spaces."""
    return "_".join(text.strip().lower().split())


def _tags(said: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all tags, and those of them that name artists."""
    given = said.get("tag_string", said.get("tags"))
    names: list[str] = []
    artists = _names(said.get("tag_string_artist") or said.get("tags_artist") or said.get("artist"))
    if isinstance(given, Mapping):  # {kind: [names]}
        for kind, part in given.items():
            names += _names(part)
            artists += _names(part) if kind == "artist" else []
    elif isinstance(given, list) and any(isinstance(one, Mapping) for one in given):  # [{name, category}]
        for one in given:
            found = _names(one.get("name")) if isinstance(one, Mapping) else _names(one)
            names += found
            if isinstance(one, Mapping) and str(one.get("category")) in ("1", "artist"):
                artists += found
    else:
        names = _names(given)
    artists += [name for name in names if kinds.get(name) == "artist"]
    return tuple(dict.fromkeys([*names, *artists])), tuple(dict.fromkeys(artists))


def _names(given: Any) -> list[str]:
    words = given.split() if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [name for word in words if isinstance(word, str) and (name := tag(word))]


def _sample(said: Mapping[str, Any], root: str) -> tuple[str, int, int] | None:
    """Return the sample that a post offers, where it says how large that is."""
    url, width, height = said.get("sample_url"), said.get("sample_width"), said.get("sample_height")
    asset = said.get("media_asset")
    variants = asset.get("variants") if isinstance(asset, Mapping) else None
    for variant in variants if isinstance(variants, list) else []:
        if isinstance(variant, Mapping) and variant.get("type") == "sample":
            url, width, height = variant.get("url"), variant.get("width"), variant.get("height")
    where, w, h = _url(url, root), _whole(width), _whole(height)
    return (where, w, h) if where and w and h and where != _url(said.get("file_url"), root) else None


def _url(given: Any, root: str) -> str | None:
    if not isinstance(given, str) or not given.strip():
        return None
    try:
        url = urljoin(root or "https:", given.strip())
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _text(given: Any) -> str | None:
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    return str(given).strip() or None


def _whole(given: Any) -> int | None:
    try:
        number = int(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1 << 53 and not isinstance(given, bool) else None
