"""One file from one address: resumed where a try before broke off, checked, and only then in its place.

The standard library's client is enough here: it knows the proxies of the environment, and what matters
(hash, size, resuming, which addresses are allowed) is a few lines that a package would not spare.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from phiz import artefacts
from phiz.errors import PhizError, Surroundings

if TYPE_CHECKING:
    from phiz.weights import Progress, Weight

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as broken."""

TRIES = 5
PAUSE = 1.0
"""Seconds before a broken transfer is taken up again, times the tries so far."""

_CHUNK = 1 << 18
_STALE = 4 * TIMEOUT
_one_at_a_time = threading.Lock()


class _Broken(Exception):
    """A transfer that did not come to its end; the text says why. `final`: nor will another try."""

    def __init__(self, why: str, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


def fetch(weight: Weight, target: Path, folder: Path, progress: Progress | None = None) -> None:
    """Fetch `weight` to `target`, whole and verified, or not at all.

    A transfer that breaks off leaves its bytes beside the target, and the next one goes on from there.

    Args:
        weight: what to fetch.
        target: where it goes.
        folder: where a person should put the file if it cannot be fetched, for the message.
        progress: told (done, total) in bytes.

    Raises:
        PhizError: what the address sends is not the file meant.
        Surroundings: it cannot be fetched, or the disk is full.
    """
    with _one_at_a_time, artefacts.disk(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise PhizError(f"{target.parent} is no folder; PHIZ_CACHE names another one.") from None
        with _own_partial(target) as partial:
            try:
                _whole(weight, partial, progress)
            except _Broken as fault:
                raise Surroundings(
                    f"{weight.file} is not here and cannot be fetched from {weight.url} ({fault}); "
                    f"try again, or put that file into {folder}."
                ) from None
            os.replace(partial, target)


def _whole(weight: Weight, partial: Path, progress: Progress | None) -> None:
    """Bring `partial` to its full length and check it; what an old beginning spoiled is fetched anew."""
    resumed = partial.exists()
    _receive(weight, partial, progress)
    digest = artefacts.sha256(partial)
    if digest != weight.sha256 and resumed:
        partial.unlink()
        _receive(weight, partial, progress)
        digest = artefacts.sha256(partial)
    if digest != weight.sha256:
        partial.unlink()
        raise PhizError(
            f"What {weight.url} sends is not the {weight.file} meant: its SHA-256 begins {digest[:12]}, not "
            f"{weight.sha256[:12]}; nothing was kept. Look for the file of that hash, or a newer phiz."
        )


def _receive(weight: Weight, partial: Path, progress: Progress | None) -> None:
    """Append to `partial` until it is as long as it should be, taking a broken transfer up again."""
    begun = _length(partial)
    for tries in range(1, TRIES + 1):
        if (have := _length(partial)) > weight.bytes:
            partial.unlink()
            have = 0
        try:
            if have < weight.bytes:
                _transfer(weight, partial, have, progress)
            return
        except _Broken as fault:
            if fault.final or tries == TRIES or _length(partial) == begun:
                raise
            time.sleep(PAUSE * tries)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _transfer(weight: Weight, partial: Path, have: int, progress: Progress | None) -> None:
    """Open the address once and write what it sends, from byte `have` on, to the end of `partial`."""
    with _opened(weight.url, have) as (response, start):
        said = response.headers.get("Content-Length")
        if said is not None and said.isdigit() and start + int(said) != weight.bytes:
            raise PhizError(
                f"What {weight.url} sends is not the {weight.file} meant: {start + int(said):,} bytes, not "
                f"{weight.bytes:,}. Look for the file with SHA-256 {weight.sha256[:12]}..., or a newer phiz."
            )
        with open(partial, "r+b" if start else "wb") as file:
            file.seek(start)
            done = start
            try:
                while done < weight.bytes and (data := _read(response, weight.bytes - done)):
                    file.write(data)
                    done += len(data)
                    if progress:
                        progress(done, weight.bytes)
            finally:
                file.flush()
                os.fsync(file.fileno())
        if done < weight.bytes:
            raise _Broken(f"the connection broke after {done:,} of {weight.bytes:,} bytes")


def _read(response: Any, most: int) -> bytes:
    from http.client import HTTPException

    try:
        return response.read(min(_CHUNK, most))
    except (OSError, HTTPException) as fault:
        raise _Broken(f"the connection broke: {_reason(fault)}") from None


@contextmanager
def _opened(url: str, have: int) -> Iterator[tuple[Any, int]]:
    """Open `url` and yield the answer and the byte it starts from: `have`, or 0 where that is not offered."""
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    from phiz import __version__

    headers = {"User-Agent": f"phiz/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        check_address(url, url)
        opener = urllib.request.build_opener(_redirects(url))
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as fault:
        fault.close()
        raise _Broken(f"HTTP {fault.code} {fault.reason}".strip(), final=fault.code < 500) from None
    except ValueError as fault:
        raise _Broken(str(fault), final=True) from None
    except (OSError, HTTPException) as fault:
        raise _Broken(_reason(fault)) from None
    with response:
        begins = str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-")
        yield response, have if response.status == 206 and begins else 0


def _redirects(start: str) -> Any:
    from urllib.request import HTTPRedirectHandler

    class Redirects(HTTPRedirectHandler):
        max_redirections = 5

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            check_address(newurl, start)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return Redirects()


def check_address(url: str, start: str) -> None:
    """Refuse an address that is not https, or one inside a private network, where `start` led.

    Only a server on this machine, asked by its own address, may answer in plain HTTP: tests, and mirrors.

    Raises:
        ValueError: says which.
    """
    if _loopback(start) and _loopback(url):
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError(f"it leads to {parts.scheme}://{parts.hostname}, which is not https")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return  # behind a proxy names may not resolve here; without one, opening says so next
    for *_, place in found:
        if ipaddress.ip_address(str(place[0]).split("%")[0]).is_private:
            raise ValueError(f"it leads to {parts.hostname}, inside a private network")


def _loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


@contextmanager
def _own_partial(target: Path) -> Iterator[Path]:
    """Yield a file beside `target` that no other process writes to, with what an earlier try left in it.

    Under way it carries this process's number; a try that is over leaves it as .NAME.partial. A process
    that was killed left one that nobody has written to for a while, which is taken over too.
    """
    left = target.with_name(f".{target.name}.partial")
    mine = target.with_name(f".{target.name}.{os.getpid()}.partial")
    for old in [left, *sorted(target.parent.glob(f".{target.name}.*.partial"))]:
        with suppress(OSError):
            if old in (left, mine) or time.time() - old.stat().st_mtime > _STALE:
                os.replace(old, mine)
                break
    try:
        yield mine
    finally:
        with suppress(OSError):
            os.replace(mine, left)


def _reason(fault: BaseException) -> str:
    """Say what a fault of the network means, in a few words."""
    cause = getattr(fault, "reason", fault)
    if isinstance(cause, socket.gaierror):
        return "no such host, or no network"
    if isinstance(cause, TimeoutError):
        return "no answer"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
