"""What a site asks of robots: robots.txt (RFC 9309) and the X-Robots-Tag header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

NAME = "phiz"
MOST = 512 * 1024
"""Bytes of a robots.txt that are read."""

_AGAINST = frozenset(["none", "noindex", "noimageindex", "noai", "noimageai"])


@dataclass(frozen=True)
class Robots:
    """The rules of a host for us: (allow, pattern) pairs, and the seconds it wants between requests."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay: float = 0.0

    def allow(self, url: str) -> bool:
        """Say whether a URL may be fetched: the longest pattern that fits decides, allowing on a tie."""
        parts = urlsplit(url)
        path = _same(parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fitting = [(len(pattern), allow) for allow, pattern in self.rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


NOTHING = Robots(rules=((False, "/"),))
"""A host that lets no robot in, or whose rules cannot be had."""


_WITH_VALUES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


def read_robots(text: str) -> Robots:
    """Read a robots.txt: the groups that name phiz, or else those for everyone."""
    ours: list[tuple[str, str]] = []
    everyone: list[tuple[str, str]] = []
    named = False
    into: list[list[tuple[str, str]]] = []
    heads = False
    for line in text.removeprefix("\ufeff").splitlines():  # some editors begin a file with this mark
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not heads:
                into = []
            heads = True
            agent = re.split(r"[/\s]", value.lower())[0]
            if agent == NAME:
                named = True
                into.append(ours)
            elif agent == "*":
                into.append(everyone)
        elif key in ("allow", "disallow", "crawl-delay"):
            heads = False
            for group in into:
                group.append((key, value))
    return _robots(ours if named else everyone)


def _robots(lines: Iterable[tuple[str, str]]) -> Robots:
    rules, delay = [], 0.0
    for key, value in lines:
        if key == "crawl-delay":
            if re.fullmatch(r"\d{1,4}(\.\d+)?", value):
                delay = float(value)
        elif value:  # an empty Disallow forbids nothing
            rules.append((key == "allow", value))
    return Robots(tuple(rules), delay)


def _fits(pattern: str, path: str) -> bool:
    end = pattern.endswith("$")
    parts = [re.escape(_same(part)) for part in pattern.removesuffix("$").split("*")]
    return re.match(".*".join(parts) + ("$" if end else ""), path, re.DOTALL) is not None


def _same(path: str) -> str:
    """Return a path in the one spelling that patterns and URLs are compared in."""
    return quote(unquote(path), safe="/?&=:;,@+!'()*$~")


def refuses(headers: Iterable[str]) -> str | None:
    """Return the word of X-Robots-Tag headers that speaks against collecting; None where none does.

    A directive may be meant for one robot ("phiz: noindex"); those for others are not for us. A robot's name
    has no spaces; what is in front of a date's colon has.
    """
    for header in headers:
        mine = True
        for part in header.split(","):
            agent, colon, word = part.strip().partition(":")
            if colon and " " not in agent.strip() and agent.strip().lower() not in _WITH_VALUES:
                mine = agent.strip().lower() in (NAME, "*")
                part = word
            if mine and part.strip().lower() in _AGAINST:
                return part.strip().lower()
    return None
