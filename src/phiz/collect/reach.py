"""Where phiz may go: public hosts, no social networks, and for tests a server on this machine.

A name is resolved here, all its addresses are looked at, and the connection then goes to one of those
addresses: a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from phiz.errors import PhizError, Surroundings


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SOCIAL = _words(
    """
    facebook.com fbcdn.net fbsbx.com instagram.com cdninstagram.com threads.net threads.com twitter.com
    x.com twimg.com t.co tiktok.com tiktokcdn.com douyin.com snapchat.com sc-cdn.net linkedin.com
    licdn.com vk.com vk.ru userapi.com vkuserphoto.ru ok.ru mycdn.me weibo.com weibo.cn sinaimg.cn
    qzone.qq.com qpic.cn xiaohongshu.com xhscdn.com kuaishou.com reddit.com redd.it redditmedia.com
    redditstatic.com pinterest.com pinimg.com tumblr.com bsky.app bsky.social mastodon.social tinder.com
    gotinder.com bumble.com okcupid.com badoo.com
    """
)
"""Networks where people show themselves and each other. Their pictures are not collected."""

SWITCH = "PHIZ_COLLECT_TEST"
"""For tests: JSON {"hosts": {"konachan.com": "127.0.0.1:8000"}, "pause": 0.01}."""


class Refused(PhizError):
    """An address that phiz does not go to (status 3); `reason` says why, without the address."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{host_of(url) or url} {reason}")
        self.reason = reason


class NoHost(Surroundings):
    """A name that does not resolve: no such host, or no network."""


@dataclass(frozen=True)
class Place:
    """Where a request goes: the address to connect to, and the name it is asked under."""

    url: str
    """The URL with an address in place of the name."""
    host: str
    """The name, for the Host header and the certificate."""
    authority: str
    """The name with its port, as the Host header says it."""
    secure: bool


@dataclass(frozen=True)
class Reach:
    """Which hosts may be visited."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    """Hosts that stand for a server on this machine, {name: "127.0.0.1:port"}. For tests."""
    pause: float | None = None
    """Seconds between requests to such hosts. For tests."""

    @classmethod
    def of_surroundings(cls) -> Reach:
        """Return what the test switch says; without it, every host is what it is."""
        text = os.environ.get(SWITCH)
        if not text:
            return cls()
        said: dict[str, Any] = json.loads(text)
        hosts = {name: str(place) for name, place in said.get("hosts", {}).items()}
        for place in hosts.values():
            if not ipaddress.ip_address(place.rpartition(":")[0].strip("[]")).is_loopback:
                raise PhizError(f"{SWITCH} names {place}, which is not on this machine.")
        return cls(hosts, said.get("pause"))

    def is_test(self, host: str) -> bool:
        """Say whether a host stands for a server on this machine."""
        return host in self.hosts

    def place(self, url: str) -> Place:
        """Return where a request for `url` goes.

        Raises:
            Refused: not http or https, a social network, or an address that is not public.
            NoHost: the name does not resolve.
        """
        check(url)
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if host in self.hosts:
            return Place(f"http://{self.hosts[host]}{rest}", host, host, secure=False)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            address = _public(url, host, port)
        except ValueError:
            raise Refused(url, "has a port that is no number.") from None
        named = f"[{address}]" if ":" in address else address
        plain = port == (443 if parts.scheme == "https" else 80)
        shown = f"[{host}]" if ":" in host else host
        authority = shown if plain else f"{shown}:{port}"
        return Place(f"{parts.scheme}://{named}:{port}{rest}", host, authority, parts.scheme == "https")


def host_of(url: str) -> str:
    """Return the host that a URL names, without a dot at its end; "" where it names none or is no URL."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def check(url: str) -> None:
    """Refuse what is no web address, names a user, or lies in a social network.

    Raises:
        Refused: says which.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        raise Refused(url, "is no web address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(url, "is no web address; one begins with https:// or http://.")
    if parts.username or parts.password:
        raise Refused(url, "is asked with a name and password in the address, which is not done.")
    if is_social(host):
        raise Refused(
            url,
            "is a social network: people's likeness needs their consent, so nothing is taken from there.",
        )


def is_social(host: str) -> bool:
    """Say whether a host belongs to a social network."""
    labels = host.lower().rstrip(".").split(".")
    return any(".".join(labels[start:]) in SOCIAL for start in range(len(labels)))


def _public(url: str, host: str, port: int) -> str:
    """Return an address of `host`; every one that it has must be public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoHost(f"{host}: no such host, or no network.") from None
    addresses = [str(place[0]).split("%")[0] for *_, place in found]
    for address in addresses:
        if not _is_public(ipaddress.ip_address(address)):
            raise Refused(url, "is inside a private network or on this machine, where nothing is taken from.")
    return addresses[0]


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _is_public(inner)
        if address in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address behind a translator
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast
