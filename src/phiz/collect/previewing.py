"""What would come: counted without fetching a picture or writing a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phiz import artefacts, ledger
from phiz.collect.exclusions import Rules
from phiz.collect.fetching import variant
from phiz.collect.posts import Post
from phiz.collect.telling import pictures, reasons, size
from phiz.screen import duration

_SHOWN = 5


@dataclass
class Outlook:
    """What a dry run saw."""

    new: list[Post] = field(default_factory=list)
    """The first few that would come."""
    count: int = 0
    bytes: int = 0
    unknown: int = 0
    """Pictures of which no one says how large they are."""
    here: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def look(posts: Iterable[Post], out: Path, rules: Rules, limit: int | None, enough: int | None) -> Outlook:
    """Count what would come of posts, up to `limit` pictures with those that are there already."""
    seen = Outlook()
    there = artefacts.kind_of(out) == "collection"
    known = {(row["site"], row["number"]): row["status"] for row in ledger.rows(out)} if there else {}
    md5s = {row["md5"] for row in ledger.rows(out, "WHERE status != 'set aside'")} if there else set()
    for post in posts:
        if limit is not None and seen.count + seen.here >= limit:
            break
        before = known.get((post.site, post.number))
        if why := rules.refusal(post):
            seen.left_out[why] += 1
        elif before in ("set aside", "forgotten"):
            seen.left_out[f"{before} before"] += 1
        elif before or (post.md5 and post.md5 in md5s):
            seen.here += 1
        else:
            _note(seen, post, variant(post, enough)[1])
    return seen


def lines(folder: Path, what: str, seen: Outlook, pause: float) -> list[str]:
    """Return the lines of a dry run."""
    size_known = f", {size(seen.bytes)}" if seen.bytes else ""
    more = f" and {seen.unknown:,} of unknown size" if seen.bytes and seen.unknown else ""
    said = [
        f"{what}: {pictures(seen.count)} would come to {folder}{size_known}{more}; {seen.here:,} are there."
    ]
    if seen.left_out:
        said.append(f"Left out: {reasons(seen.left_out)}.")
    said += [f"  {_line(post)}" for post in seen.new]
    if seen.count > len(seen.new):
        said.append(f"  ... and {seen.count - len(seen.new):,} more")
    if seen.count:
        said.append(
            f"Next: the same without --dry-run; at one request every {pause:g} s it takes at least "
            f"{duration(seen.count * pause)}."
        )
    return said


def _note(seen: Outlook, post: Post, variant: str) -> None:
    """Count a post that would come."""
    seen.count += 1
    if post.bytes and variant == "original":
        seen.bytes += post.bytes
    else:
        seen.unknown += 1
    if len(seen.new) < _SHOWN:
        seen.new.append(post)


def _line(post: Post) -> str:
    parts = [post.page or post.url]
    if post.width and post.height:
        parts.append(f"{post.width} x {post.height}")
    parts += [", ".join(post.artists), _few(post.tags, 8)]
    return "  ".join(filter(None, parts))


def _few(words: Sequence[str], most: int) -> str:
    return " ".join(words[:most]) + (" ..." if len(words) > most else "")
