"""robots.txt and X-Robots-Tag are read as RFC 9309 and their users mean them."""

from __future__ import annotations

import pytest

from phiz.collect.robots import NOTHING, read_robots, refuses

TEXT = """
User-agent: *
Disallow: /private
Allow: /private/open
Disallow: /*.gif$
Crawl-delay: 5

User-agent: greedybot
User-agent: phizzle   # not us
Disallow: /
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/a.png", True),
        ("/private/a.png", False),
        ("/private/open/a.png", True),
        ("/%70rivate/a.png", False),
        ("/a.gif", False),
        ("/a.gif?x=1", True),
        ("", True),
    ],
)
def test_rules_for_everyone(path, allowed):
    robots = read_robots(TEXT)
    assert robots.allow(f"https://art.example{path}") is allowed
    assert robots.delay == 5.0


def test_rules_for_us_go_before_those_for_everyone():
    robots = read_robots("User-agent: *\nDisallow: /\n\nUser-agent: Phiz/1.0\nDisallow: /no\n")
    assert robots.allow("https://art.example/yes")
    assert not robots.allow("https://art.example/no")
    ours = read_robots("User-agent: phiz\nDisallow: /\n")
    assert not ours.allow("https://art.example/yes")


def test_a_byte_order_mark_hides_no_rule():
    assert not read_robots("\ufeffUser-agent: *\nDisallow: /\n").allow("https://art.example/a.png")


@pytest.mark.parametrize(
    "text", ["", "Disallow: /", "User-agent: *\nDisallow:\n", "<html>no such page</html>", "\0\xff"]
)
def test_what_forbids_nothing(text):
    assert read_robots(text).allow("https://art.example/a.png")


def test_a_host_whose_rules_cannot_be_had():
    assert not NOTHING.allow("https://art.example/")


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        (["noai"], "noai"),
        (["index, NoImageIndex"], "noimageindex"),
        (["none"], "none"),
        (["otherbot: noindex"], None),
        (["otherbot: noindex, noai"], None),
        (["phiz: noindex"], "noindex"),
        (["otherbot: noindex", "noindex"], "noindex"),
        (["max-snippet:-1, max-image-preview:large, max-video-preview:-1, noai"], "noai"),
        (["unavailable_after: Fri, 25 Jun 2030 15:00:00 GMT, noai"], "noai"),
        (["nofollow", "unavailable_after: 2030-01-01"], None),
        ([], None),
    ],
)
def test_the_header(headers, word):
    assert refuses(headers) == word
