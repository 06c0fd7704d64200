"""What a site has, page by page: gallery-dl lists, as a program of its own, and asks through phiz.

gallery-dl (GPL-2.0-only) is never imported. It is pointed at a relay on this machine instead of at the
site; the relay passes one request on through phiz's client and answers the others with "no more". So
listing has phiz's name, pace and obedience, and a page is one request.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from phiz.collect.client import Client
from phiz.collect.faults import Broken, Missing
from phiz.collect.posts import Post, read_post
from phiz.collect.sites import Search, Site
from phiz.errors import MissingExtra, PhizError, Surroundings

OLDEST = (1, 30, 0)
"""The first release of gallery-dl whose listing is known to be read rightly."""

_FAMILY = {"moebooru": "moebooru", "danbooru": "Danbooru"}


class TooOld(PhizError):
    """A program that is there, but too old (status 4)."""

    status = 4


@dataclass(frozen=True)
class Page:
    """One page of a listing: its posts from the newest, and what the site said in all."""

    posts: list[Post]
    numbers: list[int]
    """Every post's number, deleted ones included, from the highest."""
    last: bool
    """Whether nothing older follows."""


def program() -> list[str]:
    """Return the command that runs gallery-dl: the one beside this Python, else the one on the PATH.

    Raises:
        MissingExtra: there is none.
        TooOld: it is older than `OLDEST`.
    """
    beside = shutil.which("gallery-dl", path=str(Path(sys.executable).parent))
    found = os.environ.get("PHIZ_GALLERY_DL") or beside or shutil.which("gallery-dl")
    if not found or not Path(found).is_file():
        raise MissingExtra("Collecting from a site", "collect")
    version, said = _version(found)
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise TooOld(
            f"{found} is gallery-dl {said}, but {oldest} is needed: pip install --upgrade gallery-dl"
        )
    return [found]


@cache
def _version(found: str) -> tuple[tuple[int, ...], str]:
    """Return the version of a gallery-dl, as numbers and as it says it."""
    try:
        said = subprocess.run(
            [found, "--version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise TooOld(f"{found} does not run ({fault}): pip install --upgrade gallery-dl") from None
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    return (tuple(int(part) for part in numbers.groups()) if numbers else (0,)), said[:40] or "?"


def list_page(client: Client, command: list[str], search: Search, below: int | None) -> Page:
    """List the newest posts of a search whose numbers are under `below` (None: the newest of all).

    Raises:
        Surroundings: the site cannot be listed now; says why.
        PhizError: the site refuses the search, or gallery-dl cannot be understood.
    """
    site = search.site
    words = f"{search.query} id:<{below}" if below is not None else search.query
    with _relay(client, site, words.strip()) as relay:
        start = f"{_FAMILY[site.dialect]}:http://127.0.0.1:{relay.port}"
        query = f"tags={quote_plus(words.strip(), safe=':')}"
        where = f"{start}/{'post' if site.dialect == 'moebooru' else 'posts'}?{query}"
        output = _run(command, where)
    if relay.fault:
        raise relay.fault
    if relay.said is None:
        raise PhizError(f"gallery-dl did not list {site.root}: pip install --upgrade gallery-dl")
    numbers = sorted(
        {int(post["id"]) for post in relay.said if str(post.get("id", "")).isdigit()}, reverse=True
    )
    posts = [
        post for said in output if (post := read_post(said, site.key, site.root, site.pages, relay.kinds))
    ]
    posts = [post for post in posts if post.number.isdigit()]
    posts.sort(key=lambda post: -int(post.number))
    if numbers and not posts and any(said.get("file_url") for said in relay.said):
        raise PhizError(f"gallery-dl could not read what {site.root} lists: pip install --upgrade gallery-dl")
    return Page(posts, numbers, last=len(relay.said) < site.length - 20)


def _run(command: list[str], where: str) -> list[dict[str, Any]]:
    """Run gallery-dl on `where`; return the posts it printed."""
    options = ["--config-ignore", "--no-input", "--no-colors", "--quiet", "--retries", "0"]
    options += ["--http-timeout", "86400", "--sleep-request", "0", "--dump-json"]
    surroundings = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    surroundings |= {"NO_PROXY": "*", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [*command, *options, where],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings,
        start_new_session=True,  # Ctrl-C is for phiz, which ends it
    )
    try:
        printed = process.communicate()[0]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    try:
        messages = json.loads(printed.decode("utf-8", "replace") or "[]")
    except ValueError:
        messages = []
    return [message[2] for message in messages if len(message) == 3 and isinstance(message[2], dict)]


class _Relay:
    """What the relay knows: what to ask, and afterwards what was said."""

    def __init__(self, client: Client, site: Site, words: str) -> None:
        self.client, self.site, self.words = client, site, words
        self.port = 0
        self.said: list[dict[str, Any]] | None = None
        self.kinds: Mapping[str, str] = {}
        self.fault: PhizError | None = None
        self._once = threading.Lock()

    def answer(self, path: str) -> bytes | None:
        """Return the JSON for gallery-dl: the site's page to its first request, "no more" to others."""
        parts = urlsplit(path)
        asked = dict(parse_qsl(parts.query))
        if parts.path != self.site.listing or asked.get("tags", "").split() != self.words.split():
            return None
        with self._once:
            if self.said is not None or self.fault:
                return b"[]"
            try:
                self.said, self.kinds = self._ask()
            except PhizError as fault:
                self.fault = fault
                return None
            return json.dumps(self.said).encode()

    def _ask(self) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
        asked = {"tags": self.words, "limit": str(self.site.length)}
        if self.site.dialect == "moebooru":  # its second version tells which tags name artists
            asked |= {"api_version": "2", "include_tags": "1"}
        url = f"{self.site.root}{self.site.listing}?{urlencode(asked)}"
        try:
            said = json.loads(self.client.get(url))
        except Missing as fault:
            if isinstance(fault, Broken) or fault.reason.startswith("5"):
                raise Surroundings(f"{self.site.root} cannot be listed now ({fault.reason}).") from None
            raise
        except ValueError:
            raise Surroundings(f"{self.site.root} answered with something else than a listing.") from None
        kinds: Mapping[str, str] = {}
        if isinstance(said, dict):
            kinds = said["tags"] if isinstance(said.get("tags"), dict) else {}
            said = said.get("posts", said)
        if not isinstance(said, list):
            why = said.get("message") or said.get("reason") or said.get("error") or "no listing"
            raise PhizError(f"{self.site.name} refuses the search ({str(why)[:200]}).")
        return [post for post in said if isinstance(post, dict)], kinds


@contextmanager
def _relay(client: Client, site: Site, words: str) -> Iterator[_Relay]:
    """Serve a relay on this machine, for the length of the block."""
    relay = _Relay(client, site, words)

    class Handler(BaseHTTPRequestHandler):
        timeout: ClassVar[float] = 60.0

        def do_GET(self) -> None:
            body = relay.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    relay.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
