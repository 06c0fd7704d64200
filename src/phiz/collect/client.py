"""The one client through which phiz talks to sites: honest, slow, and obedient.

Listing and pictures come through here alike. Each request waits for its turn; 421, 429 and 503 are obeyed;
a challenge page ends the work with that host; every address, also after a redirect, is looked at before a
connection is made.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from phiz import __version__
from phiz.collect import challenge
from phiz.collect import pace as paces
from phiz.collect.faults import Broken, Closed, Missing
from phiz.collect.pace import Pace, domain
from phiz.collect.reach import NoHost, Place, Reach, Refused, check, host_of
from phiz.collect.robots import MOST, NOTHING, Robots, read_robots, refuses
from phiz.errors import MissingExtra

if TYPE_CHECKING:
    import httpx

HOPS = 5
TIMEOUT = 30.0
SLOW_DOWNS = 6
"""How often in a row a host may ask to slow down before the work ends."""

FAILURES = 3
"""How often a request is tried where the connection or the server fails."""

MOST_JSON = 32 * 2**20
_CLIENTS = 8


@dataclass
class Answer:
    """What a server answered to a request that went well."""

    url: str
    headers: Mapping[str, str]
    length: int


class Client:
    """Fetches what lies at URLs. Safe to use from two threads; a host is asked one thing at a time."""

    def __init__(
        self, contact: str, pace: Pace, reach: Reach, say: Callable[[str], None], pause: float = paces.PAUSE
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("Collecting", "collect") from None
        self._httpx = httpx
        self._pace, self._reach, self._say = pace, reach, say
        self._pause = max(pause, paces.PAUSE)
        self._headers = {"User-Agent": f"phiz/{__version__} (collects pictures; contact: {contact})"}
        self._clients: OrderedDict[str, httpx.Client] = OrderedDict()
        self._robots: dict[str, Robots] = {}
        self._closed: dict[str, Closed] = {}
        self._trust: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def get(self, url: str, most: int = MOST_JSON) -> bytes:
        """Return what lies at `url`, up to `most` bytes.

        Raises:
            Refused: the address may not be visited.
            Missing: the server does not give it.
            Closed: the host is left alone from now on.
        """
        data = bytearray()

        def fresh() -> Callable[[bytes], Any]:
            data.clear()
            return data.extend

        self.fetch(url, fresh, most)
        return bytes(data)

    def fetch(
        self, url: str, fresh: Callable[[], Callable[[bytes], Any]], most: int, robots: bool = False
    ) -> Answer:
        """Fetch `url` and hand its bytes out in pieces.

        Args:
            url: where to begin; up to five redirects are followed.
            fresh: called before each try; returns what takes the pieces.
            most: bytes after which the transfer is given up.
            robots: honour robots.txt and X-Robots-Tag.

        Raises:
            Refused, Missing, Closed: as `get`.
        """
        for _ in range(HOPS + 1):
            check(url)
            if robots:
                self._ask_robots(url)
            answer = self._patiently(url, fresh, most, robots)
            if isinstance(answer, Answer):
                return answer
            url = answer
        raise Missing(url, "redirected too often")

    def _patiently(
        self, url: str, fresh: Callable[[], Callable[[bytes], Any]], most: int, robots: bool
    ) -> Answer | str:
        """Ask until there is an answer or patience ends; return the answer, or where it redirects to."""
        slow, failed = 0, 0
        while True:
            place = self._place(url)
            pause = self._pause_for(place.host)
            with self._pace.turn(place.host, pause) as answered:
                try:
                    with self._open(place) as response:
                        answered()
                        wait = self._slow_down(response, place)
                        if wait is None:
                            return self._take(response, url, fresh(), most, robots)
                        slow += 1
                        wait = paces.back_off(slow, pause) if wait < 0 else wait
                        why = f"{place.host} asks to slow down ({response.status_code})"
                        if slow > SLOW_DOWNS or wait > paces.PATIENCE:
                            raise self._shut_domain(
                                place.host, f"{why}, for longer than phiz waits; come back later."
                            )
                        self._pace.leave_alone(place.host, wait)
                        if wait >= 5:
                            self._say(f"{why}: waiting {wait:.0f} s.")
                except _Failed as fault:
                    failed += 1
                    if failed >= FAILURES:
                        if fault.unreachable:
                            raise self.shut(
                                place.host, f"{place.host} cannot be reached ({fault})."
                            ) from None
                        raise Missing(url, str(fault)) from None
                    self._pace.leave_alone(place.host, 5 * pause * 2**failed)

    def _place(self, url: str) -> Place:
        host = host_of(url)
        for name in (host, f"*.{domain(host)}"):
            if name in self._closed:
                raise self._closed[name]
        try:
            return self._reach.place(url)
        except NoHost as fault:
            raise self.shut(host, str(fault)) from None

    def shut(self, host: str, why: str) -> Closed:
        """Leave a host alone from now on, its neighbours not; return the fault that says so."""
        self._closed[host] = Closed(why)
        return self._closed[host]

    def _shut_domain(self, host: str, why: str) -> Closed:
        # Who wants to be left alone is seldom one host: files.yande.re speaks for yande.re as well. Strangers
        # under co.jp or github.io may be left alone with it, which harms no one and ends with this run.
        return self.shut(f"*.{domain(host)}", why)

    def _pause_for(self, host: str) -> float:
        if self._reach.is_test(host) and self._reach.pause is not None:
            return self._reach.pause
        known = self._robots.get(host)
        return max(self._pause, known.delay if known else 0.0)

    @contextmanager
    def _open(self, place: Place) -> Iterator[httpx.Response]:
        """Send one request and yield the answer, its body unread."""
        httpx = self._httpx
        client = self._client_of(place)
        extensions = {"sni_hostname": place.host} if place.secure else {}
        try:
            request = client.build_request(
                "GET", place.url, headers={"Host": place.authority}, extensions=extensions
            )
            response = client.send(request, stream=True)
        except (httpx.InvalidURL, UnicodeError):
            raise Refused(place.url, "is no web address.") from None
        except httpx.TransportError as fault:
            raise _Failed(_words(fault), unreachable=True) from None
        try:
            yield response
        finally:
            with contextlib.suppress(httpx.TransportError):
                response.close()

    def _client_of(self, place: Place) -> httpx.Client:
        """Return the client for a host: one connection each, kept for the last few hosts."""
        httpx = self._httpx
        key = f"{place.host} {place.url.split('/')[2]}"
        if key in self._clients:
            self._clients.move_to_end(key)
            return self._clients[key]
        while len(self._clients) >= _CLIENTS:
            self._clients.popitem(last=False)[1].close()
        self._trust = self._trust or httpx.create_ssl_context()
        self._clients[key] = httpx.Client(
            headers=self._headers,
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            verify=self._trust,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60.0),
        )
        return self._clients[key]

    def _slow_down(self, response: httpx.Response, place: Place) -> float | None:
        """Return the seconds a host asks to wait, -1 where it names none, None where it does not ask."""
        status = response.status_code
        if status in (403, 429, 503) and self._is_challenge(response, place):
            raise self._challenged(place.host)
        if status not in (421, 429, 503):
            if status >= 500:
                raise _Failed(f"{status} {response.reason_phrase}".strip())
            return None
        said = paces.retry_after(response.headers.get("Retry-After"), self._pace.clock.now())
        return -1.0 if said is None else said

    def _is_challenge(self, response: httpx.Response, place: Place) -> bool:
        if "challenge" in response.headers.get("cf-mitigated", "").lower():
            return True
        if "html" not in response.headers.get("content-type", "").lower():
            return False
        head = b""
        with contextlib.suppress(self._httpx.TransportError):
            for piece in response.iter_bytes():
                head += piece
                if len(head) > challenge.MOST:
                    break
        return challenge.is_challenge(head)

    def _challenged(self, host: str) -> Closed:
        return self._shut_domain(
            host,
            f"{host} wants to see that a person is asking (a challenge page). phiz does not get round that: "
            "try later, or write to the site.",
        )

    def _take(
        self, response: httpx.Response, url: str, take: Callable[[bytes], Any], most: int, robots: bool
    ) -> Answer | str:
        """Take the body of an answer, or return where it redirects to."""
        status = response.status_code
        if status in (301, 302, 303, 307, 308):
            if not (where := response.headers.get("location")):
                raise Missing(url, f"{status} without a place to go")
            try:
                return urljoin(url, where)
            except ValueError:
                raise Missing(url, f"{status} to no web address") from None
        if status != 200:
            raise Missing(url, f"{status} {response.reason_phrase}".strip())
        if robots and (word := refuses(response.headers.get_list("x-robots-tag"))):
            raise Missing(url, f"the site asks robots not to take it (X-Robots-Tag: {word})")
        said = response.headers.get("content-length", "")
        if said.isdigit() and int(said) > most:
            raise Broken(url, f"{int(said):,} bytes, more than the {most:,} that are taken", final=True)
        return Answer(url, response.headers, self._pour(response, url, take, most))

    def _pour(self, response: httpx.Response, url: str, take: Callable[[bytes], Any], most: int) -> int:
        length = 0
        web_page = "html" in response.headers.get("content-type", "").lower()
        start = self._pace.clock.now()
        try:
            for piece in response.iter_bytes():
                if web_page and not length and challenge.is_challenge(piece):
                    raise self._challenged(host_of(url))
                length += len(piece)
                if length > most:
                    raise Broken(url, f"more than the {most:,} bytes that are taken", final=True)
                if self._pace.clock.now() - start > 20 * TIMEOUT:
                    raise Broken(url, "too slow to wait for", final=True)
                take(piece)
        except self._httpx.TransportError as fault:
            raise Broken(url, f"broke off after {length:,} bytes ({_words(fault)})") from None
        except self._httpx.DecodingError:
            raise Broken(url, "its encoding is damaged") from None
        return length

    def _ask_robots(self, url: str) -> None:
        """Read a host's robots.txt, once, and refuse what it does not allow."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host not in self._robots:
            self._place(url)
            try:
                text = self.get(f"{parts.scheme}://{parts.netloc}/robots.txt", MOST).decode(
                    "utf-8", "replace"
                )
                self._robots[host] = read_robots(text)
            except Broken:
                self._robots[host] = NOTHING
            except Missing as fault:  # none, or none for us: everything is allowed; else nothing
                if fault.reason.startswith("5"):  # it may be there again the next time
                    raise Missing(url, f"{fault.reason} (robots.txt)") from None
                self._robots[host] = Robots() if fault.reason.startswith("4") else NOTHING
            except Refused:
                self._robots[host] = NOTHING
        if not self._robots[host].allow(url):
            raise Missing(url, "the site's robots.txt does not allow it")


class _Failed(Exception):
    """A request that came to nothing, with the reason; perhaps the next one does better."""

    def __init__(self, why: str, unreachable: bool = False) -> None:
        super().__init__(why)
        self.unreachable = unreachable


def _words(fault: Exception) -> str:
    """Say what became of a connection, in a few words."""
    if "Timeout" in type(fault).__name__:
        return "no answer"
    text = " ".join(str(fault).split())
    if "peer closed" in text or "disconnected" in text:
        return "the connection was cut"
    if "CERTIFICATE" in text.upper():
        return "its certificate is not valid"
    return (text.removeprefix("[Errno ") and text) or type(fault).__name__
