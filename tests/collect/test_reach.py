"""Public hosts only, no social networks, and no way around either."""

from __future__ import annotations

import json
import socket

import pytest

from phiz.collect.reach import NoHost, Reach, Refused, is_social
from phiz.errors import PhizError


def answers(monkeypatch, *addresses: str) -> None:
    """Have every name resolve to these addresses."""

    def resolve(host, port, **more):
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "224.0.0.1",
        "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address, monkeypatch):
    answers(monkeypatch, address)
    with pytest.raises(Refused, match="private network or on this machine"):
        Reach().place("https://art.example/a.png")


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    answers(monkeypatch, "93.184.216.34", "10.0.0.1")
    with pytest.raises(Refused):
        Reach().place("https://art.example/a.png")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "http://[::1]:80/a.png", "http://0/a", "http://2130706433/a"]
)
def test_addresses_in_the_url_itself(url):
    with pytest.raises((Refused, NoHost)):
        Reach().place(url)


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch):
    answers(monkeypatch, "93.184.216.34")
    place = Reach().place("https://art.example/a%20b.png?x=1#y")
    assert place.url == "https://93.184.216.34:443/a%20b.png?x=1"
    assert (place.host, place.authority, place.secure) == ("art.example", "art.example", True)
    assert Reach().place("http://art.example:8080/").authority == "art.example:8080"


def test_a_name_that_does_not_resolve(monkeypatch):
    answers(monkeypatch)
    with pytest.raises(NoHost, match="no such host, or no network"):
        Reach().place("https://art.example/")


@pytest.mark.parametrize(
    "host", ["instagram.com", "www.instagram.com", "scontent.cdninstagram.com", "X.com", "m.vk.com."]
)
def test_social_networks_are_refused_with_the_reason(host):
    with pytest.raises(Refused, match="likeness needs their consent"):
        Reach().place(f"https://{host}/a.jpg")


def test_others_that_sound_alike_are_not():
    assert not is_social("notx.com")
    assert not is_social("instagram.com.art.example")


@pytest.mark.parametrize(
    "url", ["ftp://art.example/a", "file:///etc/passwd", "art.example/a", "https://", "http://[x"]
)
def test_what_is_no_web_address(url):
    with pytest.raises(Refused, match="web address"):
        Reach().place(url)


def test_names_and_passwords_are_not_sent():
    with pytest.raises(Refused, match="password"):
        Reach().place("https://me:secret@art.example/")


def test_the_switch_maps_names_to_this_machine_only(monkeypatch):
    monkeypatch.setenv(
        "PHIZ_COLLECT_TEST", json.dumps({"hosts": {"art.example": "127.0.0.1:81"}, "pause": 0.5})
    )
    reach = Reach.of_surroundings()
    assert reach.place("https://art.example/a?b").url == "http://127.0.0.1:81/a?b"
    assert reach.pause == 0.5
    assert not reach.is_test("konachan.com")
    monkeypatch.setenv("PHIZ_COLLECT_TEST", json.dumps({"hosts": {"art.example": "10.0.0.1:81"}}))
    with pytest.raises(PhizError, match="not on this machine"):
        Reach.of_surroundings()
