"""What a user brings along: lists of URLs, tables with labels, dumps of posts, folders of pictures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from phiz.collect import sites
from phiz.collect.posts import Post, rating_of, read_post, tag
from phiz.collect.reach import host_of
from phiz.errors import PhizError
from phiz.pictures import SUFFIXES

LISTS = (".txt", ".urls", ".lst")
TABLES = (".csv", ".tsv")
DUMPS = (".jsonl", ".ndjson", ".json")

_URL = ("url", "image_url", "file_url", "link")
_MOST_LINE = 4 * 2**20
_AS_IT_IS = {"page": "page", "source": "source", "licence": "licence", "license": "licence"}


def posts_of(path: Path, warn: Any) -> Iterator[Post]:
    """Yield the posts that a file names, in its order.

    `.txt`: a URL a line, # begins a comment. `.csv`: a column called url, others called artist, tags,
    rating, page, source, licence, md5; what is left are labels. `.jsonl`: a post a line.

    Raises:
        PhizError: it is none of these, cannot be read, or names nothing.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        raise PhizError(f"{path} is a picture; name the folder it lies in to catalogue that.")
    readers = {**dict.fromkeys(LISTS, _list), **dict.fromkeys(TABLES, _table), **dict.fromkeys(DUMPS, _dump)}
    if suffix not in readers:
        raise PhizError(
            f"{path} is no list that phiz knows: .txt with URLs, .csv with a column url, .jsonl with posts."
        )
    found = passed = 0
    first = ""
    try:
        for line, post, why in readers[suffix](path):
            if post:
                found += 1
                yield post
            elif why:
                passed += 1
                first = first or f"line {line}: {why}"
    except UnicodeDecodeError:
        raise PhizError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror}.") from None
    if not found:
        raise PhizError(f"{path} names no picture{f' ({first})' if first else ''}.")
    if passed:
        warn(f"{path}: {passed:,} lines name no picture; the first is {first}.")


Found = Iterator[tuple[int, Post | None, str]]


def of_url(url: str) -> Post:
    """Return a plain URL as a post: the URL is its number."""
    return Post(site="url", number=urldefrag(url)[0], url=urldefrag(url)[0])


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(text) <= 4000


def _list(path: Path) -> Found:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if text and not text.startswith("#"):
                yield (number, of_url(text), "") if _is_url(text) else (number, None, "no web address")


def _table(path: Path) -> Found:
    text = path.read_bytes().decode("utf-8-sig")
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        lowered = [name.lower() for name in names]
        at = next((lowered.index(name) for name in _URL if name in lowered), None)
        if at is None:
            raise PhizError(
                f"{path} has no column called url; it has {', '.join(filter(None, names)) or 'none'}."
            )
        for row in reader:
            fields = {
                lowered[i]: field.strip() for i, field in enumerate(row) if i < len(names) and field.strip()
            }
            shown = {name.lower(): name for name in names}
            url = fields.pop(lowered[at], "")
            if not any(row):
                continue
            if not _is_url(url):
                yield reader.line_num, None, "no web address"
                continue
            yield reader.line_num, _labelled(url, fields, shown), ""
    except csv.Error as fault:
        raise PhizError(f"{path}, line {reader.line_num}: {fault}.") from None


def _labelled(url: str, fields: dict[str, str], shown: dict[str, str]) -> Post:
    """Return a row of a table as a post; columns that have no meaning of their own are labels."""
    more: dict[str, Any] = {_AS_IT_IS[name]: fields.pop(name) for name in list(fields) if name in _AS_IT_IS}
    if "artist" in fields:
        more["artists"] = tuple(tag(name) for name in fields.pop("artist").split(",") if name.strip())
    if "tags" in fields:
        more["tags"] = tuple(tag(word) for word in fields.pop("tags").replace(",", " ").split())
    if "rating" in fields:
        site = sites.of_host(host_of(url))
        danbooru = site is not None and site.dialect == "danbooru"
        # a word we do not know is not safe
        more["rating"] = rating_of(fields.pop("rating"), danbooru) or "explicit"
    if "md5" in fields:
        more["md5"] = fields.pop("md5").lower()
    return replace(of_url(url), labels={shown[name]: value for name, value in fields.items() if name}, **more)


def _dump(path: Path) -> Found:
    with open(path, encoding="utf-8-sig") as file:
        number = 0
        while line := file.readline(_MOST_LINE):
            number += 1
            if not line.strip():
                continue
            try:
                said = json.loads(line)
            except ValueError:
                if number == 1 and line.lstrip().startswith("["):
                    raise PhizError(
                        f"{path} is one JSON list; a dump has a post a line (JSON lines)."
                    ) from None
                yield number, None, "no JSON"
                continue
            for one in said if isinstance(said, list) else [said]:
                post = of_dump(one) if isinstance(one, dict) else None
                yield number, post, "" if post else "no post with a file"


def of_dump(said: dict[str, Any]) -> Post | None:
    """Read a post of a dump: its file's address, or its own words, tell which site it is of."""
    where = str(said.get("file_url") or said.get("url") or "")
    host = urlsplit(where).hostname if _is_url(where) else None
    site = sites.of_host(host or "")
    if site is None and not host and ("tag_string" in said or "image_width" in said):  # Danbooru's own words
        site = sites.SITES["danbooru"]
    if site is not None:
        return read_post(said, site.key, site.root, site.pages)
    if not host:
        return None
    return read_post({**said, "id": urldefrag(where)[0]}, "url", "", "")


def local_pictures(folder: Path) -> Iterator[Path]:
    """Yield the pictures below a folder in the order of their paths; hidden ones are left out."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and path.suffix.lower() in SUFFIXES and _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be entered; who reads it says so
        return True


def local_post(path: Path, number: str) -> Post:
    """Return a picture that lies here as a post; a sidecar NAME.json beside it tells more of it."""
    side = path.with_name(path.name + ".json")
    said: Any = None
    if side.is_file():
        try:
            said = json.loads(side.read_text("utf-8"))
        except (OSError, ValueError):
            said = None
    told = _told(said) if isinstance(said, dict) else None
    plain = Post(site="local", number=number, url="")
    if told is None:
        return plain
    return replace(told, site="local", number=number, url="", md5=None, sample=None)


def _told(said: dict[str, Any]) -> Post | None:
    """Read a sidecar such as gallery-dl writes; the category names the site where the file's URL does not."""
    site = sites.of_host(host_of(str(said.get("file_url") or "")))
    site = site or sites.find(str(said.get("category") or ""))
    root, pages = (site.root, site.pages) if site else ("", "")
    return read_post({"id": "0", "file_url": "https://local/x.png", **said}, "local", root, pages)


def stamp(path: Path) -> tuple[int, str]:
    """Return a file's bytes and when it was changed, UTC: what tells that it is the same still."""
    found = path.stat()
    return found.st_size, datetime.fromtimestamp(found.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hashes(path: Path) -> tuple[str, str]:
    """Return a file's MD5 and SHA-256."""
    with open(path, "rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        file.seek(0)
        return md5, hashlib.file_digest(file, "sha256").hexdigest()
