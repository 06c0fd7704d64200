"""What can become of a request: a host left alone, a file that is not given, a transfer that broke."""

from __future__ import annotations

from phiz.errors import PhizError, Surroundings


class Closed(Surroundings):
    """A host that is left alone from now on (status 5): challenge, too many "slow down", out of reach."""


class Missing(PhizError):
    """A file that the server does not give; `reason` says why, without the address."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.reason = reason


class Broken(Missing):
    """A transfer that broke off or is too large; another try may help, unless `final`."""

    def __init__(self, url: str, reason: str, final: bool = False) -> None:
        super().__init__(url, reason)
        self.final = final
