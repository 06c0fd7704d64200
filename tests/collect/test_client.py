"""The client meets what servers do: obediently, honestly, and never where it may not go."""

from __future__ import annotations

import json
import threading
from email.utils import formatdate

import pytest

import booru
from booru import Clock, challenge, cut, redirect, reply, status
from phiz.collect import client as clients
from phiz.collect.client import Client
from phiz.collect.faults import Broken, Closed, Missing
from phiz.collect.pace import Pace
from phiz.collect.reach import Reach, Refused


class World:
    """A site, a client that may go there, what it said and how long it slept."""

    def __init__(self, site: booru.Booru, hosts: tuple[str, ...] = booru.HOSTS) -> None:
        self.site, self.clock, self.said = site, Clock(), []
        reach = Reach(dict.fromkeys(hosts, f"127.0.0.1:{site.port}"), pause=1.0)
        self.client = Client("me@example.org", Pace(None, self.clock), reach, self.said.append)


@pytest.fixture
def world():
    with booru.served() as site:
        world = World(site)
        yield world
        world.client.close()


def test_it_says_who_it_is(world):
    world.site.files["/a"] = (200, {}, b"hello")
    assert world.client.get("https://konachan.com/a?b=c") == b"hello"
    (hit,) = world.site.log
    assert hit.host == "konachan.com"
    assert hit.path == "/a?b=c"
    assert hit.agent.startswith("phiz/")
    assert "contact: me@example.org" in hit.agent


def test_a_second_lies_between_requests_to_a_host(world):
    world.site.files["/a"] = (200, {}, b"hello")
    for host in ("konachan.com", "konachan.com", "yande.re", "files.yande.re"):
        world.client.get(f"https://{host}/a")
    assert world.clock.slept == [1.0, 1.0]


@pytest.mark.parametrize("number", [421, 429, 503])
def test_a_host_that_asks_to_slow_down_is_obeyed(world, number):
    world.site.files["/a"] = (200, {}, b"hello")
    world.site.troubles["/a"] = [status(number, Retry_After="17"), status(number), status(number)]
    assert world.client.get("https://konachan.com/a") == b"hello"
    assert world.clock.slept == [17.0, 60.0, 120.0]
    assert "asks to slow down" in world.said[0]
    world.client.get("https://konachan.com/a")
    assert world.clock.slept[-1] == pytest.approx(1.5**3)


def test_a_date_to_come_back_at(world):
    world.site.files["/a"] = (200, {}, b"hello")
    when = formatdate(world.clock.time + 40, usegmt=True)
    world.site.troubles["/a"] = [status(503, Retry_After=when)]
    world.client.get("https://konachan.com/a")
    assert world.clock.slept == [40.0]


def test_patience_ends_and_the_host_is_left_alone(world):
    world.site.troubles["/a"] = [status(429)] * 20
    with pytest.raises(Closed, match="come back later") as caught:
        world.client.get("https://konachan.com/a")
    assert caught.value.status == 5
    asked = len(world.site.log)
    assert asked == clients.SLOW_DOWNS + 1
    with pytest.raises(Closed):
        world.client.get("https://konachan.com/b")
    assert len(world.site.log) == asked


def test_a_day_is_too_long_to_wait(world):
    world.site.troubles["/a"] = [status(429, Retry_After="86400")]
    with pytest.raises(Closed, match="longer than phiz waits"):
        world.client.get("https://konachan.com/a")
    assert len(world.site.log) == 1


@pytest.mark.parametrize("number", [200, 403, 429, 503])
def test_a_challenge_page_ends_it(world, number):
    world.site.troubles["/a"] = [challenge(number)]
    with pytest.raises(Closed, match="challenge page"):
        world.client.get("https://konachan.com/a")
    assert len(world.site.log) == 1


def test_a_challenge_that_is_only_a_header(world):
    world.site.troubles["/a"] = [status(403, cf_mitigated="challenge")]
    with pytest.raises(Closed, match="challenge"):
        world.client.get("https://konachan.com/a")


def test_a_plain_refusal_is_none(world):
    world.site.troubles["/a"] = [status(403, b"<html>no</html>", kind="text/html")]
    with pytest.raises(Missing, match="403 Forbidden"):
        world.client.get("https://konachan.com/a")


def test_a_server_that_fails_is_asked_again(world):
    world.site.files["/a"] = (200, {}, b"hello")
    world.site.troubles["/a"] = [status(500), status(502)]
    assert world.client.get("https://konachan.com/a") == b"hello"
    world.site.troubles["/a"] = [status(500)] * 3
    with pytest.raises(Missing, match="500"):
        world.client.get("https://konachan.com/a")


def test_a_host_out_of_reach():
    with booru.served() as site:
        world = World(site)
    with pytest.raises(Closed, match="cannot be reached"):
        world.client.get("https://konachan.com/a")
    assert len(world.clock.slept) == 2


def test_a_dead_host_closes_no_neighbour(world):
    world.site.files["/a"] = (200, {}, b"hello")

    def hang_up(request):
        request.close_connection = True

    for dead in ("yande.re", "cdn.donmai.us"):
        world.site.troubles["/a"] = [hang_up] * clients.FAILURES
        with pytest.raises(Closed, match="cannot be reached"):
            world.client.get(f"https://{dead}/a")
    world.client.shut("danbooru.donmai.us", "danbooru.donmai.us fails again and again.")
    asked = len(world.site.log)
    for dead in ("yande.re", "cdn.donmai.us", "cdn.donmai.us.", "danbooru.donmai.us"):
        with pytest.raises(Closed):
            world.client.get(f"https://{dead}/a")
    assert len(world.site.log) == asked
    assert world.client.get("https://files.yande.re/a") == b"hello"
    assert world.client.get("https://safebooru.donmai.us/a") == b"hello"


@pytest.mark.parametrize("trouble", [challenge(), status(429, Retry_After="86400")])
def test_who_wants_to_be_left_alone_speaks_for_its_neighbours(world, trouble):
    world.site.troubles["/a"] = [trouble]
    with pytest.raises(Closed):
        world.client.get("https://files.yande.re/a")
    with pytest.raises(Closed, match=r"files\.yande\.re"):
        world.client.get("https://yande.re/a")
    assert len(world.site.log) == 1


def test_no_network():
    reach = Reach()
    client = Client("me@example.org", Pace(None, Clock()), reach, lambda line: None)
    with pytest.raises(Closed, match="no such host, or no network"):
        client.get("https://no-such-host.invalid/a")


def test_redirects_are_followed_as_far_as_may_be(world):
    world.site.files["/b"] = (200, {}, b"hello")
    world.site.troubles["/a"] = [redirect("https://other.example/b"), redirect("/b")]
    assert world.client.get("https://konachan.com/a") == b"hello"
    assert world.client.get("https://konachan.com/a") == b"hello"
    assert [hit.host for hit in world.site.log] == [
        "konachan.com",
        "other.example",
        "konachan.com",
        "konachan.com",
    ]


@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.1:9/a", "http://169.254.169.254/latest/meta-data", "http://[::1]/a", "http://localhost/a",
        "https://www.instagram.com/a.jpg", "file:///etc/passwd", "http://[x/", "https://me:you@art.example/a",
    ],
)  # fmt: skip
def test_redirects_to_where_phiz_may_not_go(world, where):
    world.site.troubles["/a"] = [redirect(where)]
    with pytest.raises((Refused, Missing)):
        world.client.get("https://konachan.com/a")
    assert len(world.site.log) == 1


def test_redirects_in_a_circle_end(world):
    world.site.troubles["/a"] = [redirect("/a")] * 20
    with pytest.raises(Missing, match="redirected too often"):
        world.client.get("https://konachan.com/a")
    assert len(world.site.log) == clients.HOPS + 1


def test_huge_bodies_are_not_taken(world):
    world.site.files["/a"] = (200, {}, b"x" * 3000)
    with pytest.raises(Broken, match="3,000 bytes, more than the 2,000"):
        world.client.get("https://konachan.com/a", 2000)

    def endless(request):
        request.hit.status = 200
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(50):
            request.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        request.close_connection = True

    world.site.troubles["/b"] = [endless]
    with pytest.raises(Broken, match="more than the 2,000"):
        world.client.get("https://konachan.com/b", 2000)


def test_a_bomb_is_counted_as_it_unpacks(world):
    import gzip

    packed = gzip.compress(bytes(5_000_000))
    world.site.troubles["/a"] = [lambda request: reply(request, 200, packed, Content_Encoding="gzip")]
    with pytest.raises(Broken, match="more than"):
        world.client.get("https://konachan.com/a", 1_000_000)
    world.site.troubles["/a"] = [lambda request: reply(request, 200, b"no gzip", Content_Encoding="gzip")]
    with pytest.raises(Broken, match="encoding"):
        world.client.get("https://konachan.com/a")


def test_a_connection_that_breaks(world):
    world.site.troubles["/a"] = [cut(b"x" * 1000)]
    with pytest.raises(Broken, match="broke off after 500 bytes"):
        world.client.get("https://konachan.com/a")


def plain(world, url="https://art.example/a.png"):
    data = bytearray()
    world.client.fetch(url, lambda: data.extend, 10_000, robots=True)
    return bytes(data)


def test_robots_txt_is_asked_once_and_honoured(world):
    world.site.files["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private\nCrawl-delay: 9\n")
    world.site.files["/a.png"] = (200, {}, b"hello")
    assert plain(world) == b"hello"
    assert plain(world) == b"hello"
    with pytest.raises(Missing, match=r"robots\.txt does not allow it"):
        plain(world, "https://art.example/private/a.png")
    assert world.site.paths() == ["/robots.txt", "/a.png", "/a.png"]


@pytest.mark.parametrize(("answer", "allowed"), [(404, True), (403, True), (500, False)])
def test_a_robots_txt_that_cannot_be_had(world, answer, allowed):
    world.site.files["/robots.txt"] = (answer, {}, b"")
    world.site.files["/a.png"] = (200, {}, b"hello")
    if allowed:
        assert plain(world) == b"hello"
    else:
        with pytest.raises(Missing, match="robots"):
            plain(world)


def test_the_host_after_a_redirect_has_rules_of_its_own(world):
    world.site.troubles["/a.png"] = [redirect("https://other.example/b.png")]
    world.site.files["/b.png"] = (200, {}, b"hello")
    rules = [status(200, b""), status(200, b"User-agent: *\nDisallow: /")]
    world.site.troubles["/robots.txt"] = rules
    with pytest.raises(Missing, match="robots"):
        plain(world)


def test_x_robots_tag_is_honoured_for_plain_urls(world):
    world.site.files["/a.png"] = (200, {"X-Robots-Tag": "noai, noimageai"}, b"hello")
    with pytest.raises(Missing, match="X-Robots-Tag: noai"):
        plain(world)
    assert world.client.get("https://art.example/a.png") == b"hello"


def test_two_threads_keep_the_pace_together(world):
    world.site.files["/a"] = (200, {}, b"hello")
    threads = [
        threading.Thread(target=lambda: [world.client.get("https://konachan.com/a") for _ in range(4)])
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(hit.at_once for hit in world.site.log) == 1
    assert world.clock.slept == [1.0] * 7


def test_json_is_read_whole(world):
    world.site.files["/post.json"] = (200, {}, json.dumps([{"id": 1}]).encode())
    world.site.add(booru.post(1))
    assert json.loads(world.client.get("https://konachan.com/post.json"))[0]["id"] == 1


def test_a_web_page_that_is_no_challenge(world):
    world.site.files["/a"] = (200, {"Content-Type": "text/html"}, b"<html>log in</html>")
    assert b"log in" in world.client.get("https://konachan.com/a")
