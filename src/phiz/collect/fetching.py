"""One picture: fetched, checked against what is known of it, put in its place, noted."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from phiz import artefacts, pictures
from phiz.collect.client import Client
from phiz.collect.exclusions import SMALLER
from phiz.collect.faults import Broken, Missing
from phiz.collect.keeping import Keeper, now
from phiz.collect.posts import Post
from phiz.collect.reach import Refused, host_of
from phiz.pictures import MAX_BYTES, BadPicture

TROUBLES = 5
"""Pictures in a row that a server fails to give before the work ends."""

_KINDS = (
    (b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"), (b"P", ".ppm"),
)  # fmt: skip


def variant(post: Post, enough: int | None) -> tuple[str, str]:
    """Return the URL to fetch and what it is: the sample where its shorter side has `enough` pixels."""
    if enough and post.sample and min(post.sample[1:]) >= enough:
        return post.sample[0], "sample"
    return post.url, "original"


class Fetcher:
    """Fetches waiting pictures of a collection, one after another; those below `least` px are set aside."""

    def __init__(self, keeper: Keeper, client: Client, least: int = 0) -> None:
        self._keeper, self._client, self._least = keeper, client, least
        self._troubles: Counter[str] = Counter()

    def fetch(self, row: dict[str, Any]) -> str:
        """Fetch the picture of a ledger's row.

        Returns:
            "kept", "set aside" or "waiting" (another try may do better); the ledger says why.

        Raises:
            Surroundings: the disk is full.
            Closed: the host is not asked any more.
        """
        if row["sha256"] and row["file"] and self._in_place(row):
            return self._keep(row)
        try:
            data, size = self._twice(row)
        except Refused as fault:
            return self._set_aside(row, f"not fetched: {fault.reason.rstrip('.')}")
        except _Unlike as fault:
            return self._set_aside(row, str(fault))
        except Broken as fault:  # cut off twice: the next time, perhaps
            return self._put_off(row, fault.reason)
        except Missing as fault:
            if not fault.reason.startswith("5"):
                return self._set_aside(row, fault.reason)
            self._put_off(row, fault.reason)
            host = host_of(row["url"])
            self._troubles[host] += 1
            if self._troubles[host] >= TROUBLES:
                raise self._client.shut(host, f"{host} fails again and again ({fault.reason}).") from None
            return "waiting"
        self._troubles.clear()
        if row["variant"] == "original" and min(size) < self._least:  # of plain URLs no size is known before
            self._keeper.update(row["id"], width=size[0], height=size[1])
            return self._set_aside(row, f"{SMALLER} {self._least} px")
        return self._place(row, data, size)

    def _in_place(self, row: dict[str, Any]) -> bool:
        path = self._keeper.folder / row["file"]
        return path.is_file() and artefacts.sha256(path) == row["sha256"]

    def _twice(self, row: dict[str, Any]) -> tuple[bytes, tuple[int, int]]:
        """Fetch and check a picture, once more where it is not what it should be; return it and its size."""
        for again in (True, False):
            try:
                data = self._bytes(row)
                return data, checked(row, data)
            except Broken as fault:
                if fault.final:
                    raise _Unlike(fault.reason) from None
                if not again:
                    raise
            except _Unlike:
                if not again:
                    raise
        raise AssertionError("the second try returns or raises")

    def _bytes(self, row: dict[str, Any]) -> bytes:
        data = bytearray()

        def fresh() -> Callable[[bytes], Any]:
            data.clear()
            return data.extend

        self._client.fetch(row["url"], fresh, MAX_BYTES, robots=row["site"] == "url")
        return bytes(data)

    def _place(self, row: dict[str, Any], data: bytes, size: tuple[int, int]) -> str:
        digest = hashlib.sha256(data).hexdigest()
        same = self._keeper.ask(
            "SELECT file FROM pictures WHERE sha256 = ? AND status = 'kept' AND id != ?", digest, row["id"]
        )
        if same:
            return self._set_aside(row, f"the same picture as {same[0]['file']}")
        name = file_name(row, data)
        path = self._keeper.folder / name
        with artefacts.disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = self._keeper.folder / ".fetching"
            try:
                with open(aside, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                self._keeper.update(
                    row["id"], file=name, sha256=digest, bytes=len(data), width=size[0], height=size[1]
                )
                os.replace(aside, path)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
        return self._keep(row)

    def _keep(self, row: dict[str, Any]) -> str:
        self._keeper.update(row["id"], status="kept", reason=None, time=now())
        return "kept"

    def _put_off(self, row: dict[str, Any], reason: str) -> str:
        self._keeper.update(row["id"], reason=reason)
        return "waiting"

    def _set_aside(self, row: dict[str, Any], reason: str) -> str:
        self._keeper.update(row["id"], status="set aside", reason=reason, file=None, time=now())
        return "set aside"


class _Unlike(Exception):
    """A picture that is not what was promised; the text says why."""


def checked(row: dict[str, Any], data: bytes) -> tuple[int, int]:
    """Return a picture's width and height, if its bytes are what was promised.

    An original is held against the MD5 that the site publishes, or else its size in bytes; a sample must
    have the width and height that are known. Every picture must decode.
    """
    if row["variant"] == "original":
        if row["md5"]:
            found = hashlib.md5(data, usedforsecurity=False).hexdigest()
            if found != row["md5"]:
                raise _Unlike(f"its MD5 is {found}, not {row['md5']} as published")
        elif row["bytes"] and row["bytes"] != len(data):
            raise _Unlike(f"{len(data):,} bytes, not {row['bytes']:,} as published")
    try:
        size = pictures.decode(data, "").size
    except BadPicture as fault:
        raise _Unlike(fault.reason) from None
    known = (row["width"], row["height"])
    if row["variant"] == "sample" and all(known) and sorted(size) != sorted(known):
        raise _Unlike(f"{size[0]} x {size[1]} pixels, not {known[0]} x {known[1]} as published")
    return size


def file_name(row: dict[str, Any], data: bytes) -> str:
    """Return where a picture lies below the collection: SITE/NUMBER.jpg, or HOST/NAME-HASH.jpg of a URL."""
    kind = next((suffix for start, suffix in _KINDS if data.startswith(start)), ".png")
    if data[8:12] == b"WEBP":
        kind = ".webp"
    elif data[4:8] == b"ftyp":
        kind = ".avif"
    if row["site"] != "url":
        return f"{_plain(row['site'])}/{_plain(row['number'])}{kind}"
    parts = urlsplit(row["number"])
    stem = _plain(PurePosixPath(unquote(parts.path)).stem)[:60]
    short = hashlib.sha256(row["number"].encode()).hexdigest()[:10]
    return f"{_plain(parts.hostname or 'url')}/{stem + '-' if stem else ''}{short}{kind}"


def _plain(text: str) -> str:
    """Return text as a name that every system takes and no listing hides."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-") or "x"
