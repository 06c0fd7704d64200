"""The contact that sites are told: given once, and kept in the user's settings folder."""

from __future__ import annotations

import re

from phiz import artefacts, settings
from phiz.errors import UsageError

_MAIL = re.compile(r"[\w.+\-]+@[\w\-]+(\.[\w\-]+)+", re.ASCII)
_PAGE = re.compile(r"https?://[\w\-]+(\.[\w\-]+)+(/[\w\-./~]*)?", re.ASCII)


def contact(given: str | None) -> str:
    """Return the contact that sites are told; a new one is kept for the next time.

    Args:
        given: an e-mail address or a web page, or None for the one that was kept.

    Raises:
        UsageError: none was ever given, or it is neither.
    """
    place = settings.folder() / "contact.txt"
    if given is None:
        try:
            kept = place.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            kept = ""
        if not _valid(kept):
            raise UsageError(
                "sites should know whom to write to: give --contact you@example.org (or a web page of yours) "
                "once; phiz keeps it and sends it along with each request."
            )
        return kept
    given = given.strip()
    if not _valid(given):
        raise UsageError(f'--contact "{given}" is neither an e-mail address nor a web page (https://...).')
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        artefacts.write_bytes(place, (given + "\n").encode("utf-8"))
    except OSError:
        pass  # it serves this time all the same
    return given


def _valid(text: str) -> bool:
    return len(text) <= 200 and bool(_MAIL.fullmatch(text) or _PAGE.fullmatch(text))
