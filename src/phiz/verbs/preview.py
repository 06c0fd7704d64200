"""`phiz preview`: look at a site as visitors will."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from phiz import artefacts
from phiz.errors import PhizError
from phiz.publish.serving import served


def preview(
    place: str | Path,
    *,
    port: int = 8000,
    host: str = "127.0.0.1",
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the site at `place` on this machine until it is stopped.

    Args:
        place: a folder that `publish` wrote.
        port: where; 0 takes any that is free.
        host: who may look: this machine alone, or 0.0.0.0 for its network.
        ready: told the address once it is served.

    Raises:
        UsageError: no such port.
        PhizError: it is no site, or the port is taken.
    """
    place = Path(place)
    if place.is_file() and place.suffix.lower() in (".html", ".htm"):
        raise PhizError(f"{place} is a page in one file; it needs no server: open it in a browser.")
    if not place.is_dir() or artefacts.kind_of(place) != "site":
        raise PhizError(f"{place} is no site; write one with: phiz publish RUN -o {place}")
    with served(place, port, host) as (server, address):
        if ready:
            ready(address)
        server.serve_forever()
