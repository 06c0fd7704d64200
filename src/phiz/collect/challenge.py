"""Pages that ask for proof of a person. phiz knows them, so that it can stop; it never gets round one."""

from __future__ import annotations

MOST = 65_536
"""Bytes of a page that are looked at."""

_MARKS = (
    b"cf-chl", b"cf_chl", b"challenge-platform", b"just a moment", b"checking your browser", b"captcha",
    b"ddos-guard", b"attention required", b"verify you are human", b"anubis", b"are you a robot",
)  # fmt: skip


def is_challenge(page: bytes) -> bool:
    """Say whether a web page is one that asks for proof of a person."""
    return any(mark in page[:MOST].lower() for mark in _MARKS)
