"""`phiz preview`: a site served on this machine, with the headers a good host would send."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import socket
from collections.abc import Iterator
from functools import lru_cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from phiz.errors import PhizError, UsageError

_NAMED_FOR_CONTENT = re.compile(r"-[0-9a-f]{8}\.[\w.]+$")
_POLICY = re.compile(rb'http-equiv="Content-Security-Policy" content="([^"]+)"')
_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".gz": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
}
_PACKED = (".html", ".js", ".mjs", ".json", ".webmanifest")
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | _TYPES

    def send_head(self) -> Any:
        """Send text packed, as good hosts do."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() and self.path.partition("?")[0].endswith("/") else path
        accepted = "gzip" in self.headers.get("Accept-Encoding", "")
        if path.suffix not in _PACKED or not accepted or not path.is_file():
            return super().send_head()
        content = _packed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", _policy(Path(self.directory)))
        kept = _NAMED_FOR_CONTENT.search(self.path.partition("?")[0])
        self.send_header("Cache-Control", "max-age=31536000, immutable" if kept else "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_message(self, *said: object) -> None:
        pass


def _policy(folder: Path) -> str:
    """Return the policy in the head of the page as it lies there now, and that nobody may frame it."""
    try:
        with open(folder / "index.html", "rb") as file:
            found = _POLICY.search(file.read(1 << 12))
    except OSError:
        found = None
    return f"{found[1].decode()}; frame-ancestors 'none'" if found else "default-src 'none'"


@lru_cache(maxsize=64)
def _packed(path: Path, changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *said: object) -> None:
        """A visitor who leaves early is no fault."""


@contextlib.contextmanager
def served(folder: Path, port: int = 0, host: str = "127.0.0.1") -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """Yield a server of `folder` that is not running yet, and its address; close it in the end.

    Raises:
        UsageError: no such port.
        PhizError: the port is taken.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"A port is a number from 0 to 65535, not {port}.")
    handler = partial(_Handler, directory=str(folder))
    try:
        server = _Server((host, port), handler)
    except OSError as fault:
        raise PhizError(f"Port {port} cannot be used: {fault.strerror}; choose another: --port.") from None
    try:
        yield server, f"http://{_reached(host)}:{server.server_address[1]}/"
    finally:
        server.server_close()


def _reached(host: str) -> str:
    """Return the address by which others reach a server at `host`: 0.0.0.0 stands for all that there are."""
    if host != "0.0.0.0":
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(
                ("192.0.2.1", 9)
            )  # sends nothing: it chooses the address from which that would be reached
        except OSError:  # there is no network
            return "127.0.0.1"
        return str(one.getsockname()[0])
