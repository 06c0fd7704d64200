"""Expected faults: each has one line that names the thing and the way out, and an exit status.

Exit statuses: 0 done, 1 unexpected, 2 the command line does not parse, 3 something it names is
missing or unusable, 4 an optional part is missing, 5 the surroundings gave way and what was saved
is whole, 75 stopped by a signal with everything saved.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PhizError(Exception):
    """Something a command names is missing or unusable (status 3)."""

    status = 3


class UsageError(PhizError):
    """The command line, or an argument of the Python call, does not make sense (status 2)."""

    status = 2


class MissingExtra(PhizError):
    """An optional package is not installed (status 4)."""

    status = 4

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional part: pip install "phiz[{extra}]"')


class Surroundings(PhizError):
    """Disk, network, a peer or the numbers gave way; what was saved is whole (status 5)."""

    status = 5


class Stopped(PhizError):
    """A signal stopped the work; everything is saved and it can be resumed (status 75)."""

    status = 75


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the closest of `words`, or '' where none is close."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""
