"""A site on this machine that speaks Moebooru's and Danbooru's JSON, with the troubles real ones have.

It answers under several names, which the test switch of `phiz collect` maps to it. What it was asked, when,
and how many requests were under way at once stands in `log`.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

HOSTS = (
    "konachan.com", "konachan.net", "yande.re", "files.yande.re", "danbooru.donmai.us",
    "safebooru.donmai.us", "cdn.donmai.us", "art.example", "other.example",
)  # fmt: skip
RATINGS = {"safe": "s", "general": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}


def picture(seed: int, size: tuple[int, int] = (72, 64), kind: str = "PNG") -> bytes:
    """Draw a soft picture of its own for each seed."""
    draws = np.random.default_rng(seed)
    small = Image.fromarray(draws.integers(0, 255, (4, 4, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def post(
    number: int, tags: str = "solo blue_hair", rating: str = "safe", artist: str = "ann", **more: Any
) -> dict[str, Any]:
    """Describe a post; `more` may change anything of it."""
    data = picture(number)
    small = picture(number, (36, 32), "JPEG")
    return {
        "number": number,
        "tags": tags.split(),
        "rating": rating,
        "artist": artist,
        "data": data,
        "sample": small,
        "md5": hashlib.md5(data).hexdigest(),
        "score": number % 7,
        "source": f"https://artist.example/{number}",
        "deleted": False,
    } | more


@dataclass
class Hit:
    """One request: when it came, under which name, for what, what was answered, how many ran at once."""

    time: float
    host: str
    path: str
    agent: str
    at_once: int
    status: int = 0
    ended: float = 0.0


Trouble = Callable[[BaseHTTPRequestHandler], None]


class Booru:
    """The site. `troubles` maps a path to what goes wrong there, first come first served."""

    def __init__(self) -> None:
        self.posts: dict[int, dict[str, Any]] = {}
        self.log: list[Hit] = []
        self.troubles: dict[str, list[Trouble]] = defaultdict(list)
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.after_listing: Callable[[], None] = lambda: None
        self.second_version = True
        self._running: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def switch(self, pause: float = 0.0) -> str:
        """Return what the test switch has to say for phiz to come here."""
        return json.dumps({"hosts": dict.fromkeys(HOSTS, f"127.0.0.1:{self.port}"), "pause": pause})

    def add(self, *posts: dict[str, Any]) -> None:
        self.posts |= {one["number"]: one for one in posts}

    def paths(self, start: str = "") -> list[str]:
        """Return what was asked for, in order, listings without their query."""
        return [path for hit in self.log if (path := hit.path.partition("?")[0]).startswith(start)]

    # -- answers ----------------------------------------------------------------------------------

    def _handler(booru) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                host = self.headers.get("Host", "").partition(":")[0]
                with booru._lock:
                    booru._running[host] += 1
                    hit = Hit(time.time(), host, self.path, self.headers["User-Agent"], booru._running[host])
                    booru.log.append(hit)
                self.hit = hit
                try:
                    booru._answer(self, host)
                finally:
                    with booru._lock:
                        booru._running[host] -= 1
                    hit.ended = time.time()

            def log_message(self, *said: Any) -> None:
                pass

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, host: str) -> None:
        parts = urlsplit(request.path)
        if waiting := self.troubles[parts.path]:
            return waiting.pop(0)(request)
        if parts.path in ("/post.json", "/posts.json"):
            asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
            reply(
                request, 200, json.dumps(self._listing(parts.path, asked, host)).encode(), "application/json"
            )
            return self.after_listing()
        if parts.path in self.files:
            status, headers, body = self.files[parts.path]
            return reply(request, status, body, **headers)
        kind, _, name = parts.path.strip("/").partition("/")
        found = self.posts.get(int(name.split(".")[0])) if name.split(".")[0].isdigit() else None
        if kind in ("image", "sample") and found:
            return reply(request, 200, found["data" if kind == "image" else "sample"], "image/png")
        return reply(request, 404, b"not here", "text/plain")

    def _listing(self, path: str, asked: dict[str, str], host: str) -> Any:
        found = sorted(self.posts.values(), key=lambda one: -one["number"])
        general = host in ("konachan.net", "safebooru.donmai.us")
        found = [
            one
            for one in found
            if fits(one, asked.get("tags", "")) and not (general and one["rating"] != "safe")
        ]
        length, page = int(asked.get("limit", 20)), int(asked.get("page", 1))
        found = found[(page - 1) * length : page * length]
        if path == "/posts.json":
            return [danbooru(one) for one in found]
        posts = [moebooru(one, host) for one in found]
        if asked.get("api_version") == "2" and self.second_version:
            kinds = {tag: "general" for one in found for tag in one["tags"]}
            return {"posts": posts, "tags": kinds | {one["artist"]: "artist" for one in found}}
        return posts


def fits(one: dict[str, Any], query: str) -> bool:
    names = {*one["tags"], one["artist"]}
    for word in query.split():
        key, colon, value = word.lstrip("-").partition(":")
        if key == "id":
            good = one["number"] < int(value.lstrip("<"))
        elif key == "rating" and colon:
            rating = "general" if one["rating"] == "safe" and one.get("danbooru") else one["rating"]
            short = {RATINGS[rating], "g" if one["rating"] == "safe" else "-"}
            good = one["rating"] in value or bool(short & set(value.split(",")))
        else:
            good = word.lstrip("-") in names
        if good == word.startswith("-"):
            return False
    return True


def moebooru(one: dict[str, Any], host: str) -> dict[str, Any]:
    """Describe a post as Moebooru does; a deleted one has no file_url."""
    root = f"https://{'files.yande.re' if host == 'yande.re' else host}"
    said = {
        "id": one["number"],
        "tags": " ".join([*one["tags"], one["artist"]]),
        "created_at": 1_700_000_000,
        "author": "an uploader",
        "source": one["source"],
        "score": one["score"],
        "md5": one["md5"],
        "file_size": len(one["data"]),
        "file_ext": "png",
        "rating": RATINGS[one["rating"]],
        "width": 72,
        "height": 64,
        "sample_url": f"{root}/sample/{one['number']}.jpg",
        "sample_width": 36,
        "sample_height": 32,
        "status": "deleted" if one["deleted"] else "active",
    }
    return (
        said if one["deleted"] else said | {"file_url": one.get("url") or f"{root}/image/{one['number']}.png"}
    )


def danbooru(one: dict[str, Any]) -> dict[str, Any]:
    """Describe a post as Danbooru does."""
    root = "https://cdn.donmai.us"
    said = {
        "id": one["number"],
        "created_at": "2024-01-01T00:00:00.000-05:00",
        "tag_string": " ".join([*one["tags"], one["artist"]]),
        "tag_string_general": " ".join(one["tags"]),
        "tag_string_artist": one["artist"],
        "tag_string_character": "",
        "tag_string_copyright": "",
        "tag_string_meta": "",
        "rating": {"safe": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}[one["rating"]],
        "source": one["source"],
        "score": one["score"],
        "md5": one["md5"],
        "file_size": len(one["data"]),
        "file_ext": "png",
        "image_width": 72,
        "image_height": 64,
        "is_deleted": one["deleted"],
        "media_asset": {
            "variants": [
                {"type": "sample", "url": f"{root}/sample/{one['number']}.jpg", "width": 36, "height": 32}
            ]
        },
    }
    return said if one["deleted"] else said | {"file_url": f"{root}/image/{one['number']}.png"}


def reply(
    request: Any, status: int, body: bytes = b"", kind: str = "application/octet-stream", **headers: str
) -> None:
    """Answer a request."""
    request.hit.status = status
    request.send_response(status)
    for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


# -- troubles -------------------------------------------------------------------------------------


def status(number: int, body: bytes = b"", **headers: str) -> Trouble:
    """Answer with a status."""
    return lambda request: reply(request, number, body, **headers)


def challenge(number: int = 503) -> Trouble:
    """Ask for proof of a person."""
    page = b"<!doctype html><title>Just a moment...</title><div id='cf-chl-widget'></div>"
    return lambda request: reply(request, number, page, "text/html; charset=UTF-8")


def cut(body: bytes) -> Trouble:
    """Promise a whole picture and hang up in its middle."""

    def act(request: Any) -> None:
        request.hit.status = 200
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        request.close_connection = True

    return act


def redirect(where: str) -> Trouble:
    """Send elsewhere."""
    return lambda request: reply(request, 302, Location=where)


class Clock:
    """A clock that sleeping moves on, and that writes down how long."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.time += seconds


@contextmanager
def served() -> Iterator[Booru]:
    """Serve a site for the length of a block."""
    booru = Booru()
    try:
        yield booru
    finally:
        booru.close()
