"""Names in any script: their order, and the ones an archive is refused for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phiz.errors import PhizError
from phiz.prepare.names import Guard, clean, hidden, natural, shown


def test_numbers_count_and_folders_stay_together() -> None:
    names = ["b/1.jpg", "a/10.jpg", "a-b/1.jpg", "a/9.jpg", "A/9.jpg", "a/009.jpg", "顔/2.jpg", "é/1.jpg"]
    wanted = ["A/9.jpg", "a/009.jpg", "a/9.jpg", "a/10.jpg", "a-b/1.jpg", "b/1.jpg", "é/1.jpg", "顔/2.jpg"]
    assert sorted(names, key=natural) == wanted


@given(st.lists(st.text(alphabet="a1０٣09/.é顔 ", max_size=8), unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    turned = names[::-1]
    assert sorted(names, key=natural) == sorted(turned, key=natural)


@given(st.text())
def test_any_name_can_be_stored_and_shown(name: str) -> None:
    clean(name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")).encode("utf-8")
    assert shown(name).isprintable()


def test_what_systems_leave_behind_is_hidden() -> None:
    for name in (".DS_Store", "__MACOSX/._1.jpg", "a/.git/1.jpg", "a/Thumbs.db", "DESKTOP.INI"):
        assert hidden(name)
    for name in ("a/1.jpg", "thumbs/1.jpg", "a.b/c..jpg"):
        assert not hidden(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("\\evil.png", "absolute"),
        ("C:\\evil.png", "absolute"),
        ("../evil.png", r"\.\."),
        ("a/../../evil.png", r"\.\."),
        ("a\\..\\evil.png", r"\.\."),
        ("..", r"\.\."),
    ],
)
def test_a_name_that_leads_out_is_refused(name: str, why: str) -> None:
    with pytest.raises(PhizError, match=rf"faces\.zip is refused as a whole.*{why}"):
        Guard(Path("faces.zip")).file(name)


def test_plain_names_pass() -> None:
    guard = Guard(Path("faces.zip"))
    assert guard.file("./a//b/1.jpg") == "a/b/1.jpg"
    assert guard.file("a\\b\\2.jpg") == "a/b/2.jpg"
    assert guard.file("..a/b..") == "..a/b.."


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ("a/1.jpg", "a/1.jpg", "twice"),
        ("a/1.jpg", "./a//1.jpg", "twice"),
        ("a/1.jpg", "A/1.JPG", "one file on other systems"),
        ("é.jpg", "e\u0301.jpg", "one file on other systems"),
    ],
)
def test_two_names_for_one_file_are_refused(one: str, two: str, why: str) -> None:
    guard = Guard(Path("faces.zip"))
    guard.file(one)
    with pytest.raises(PhizError, match=why):
        guard.file(two)


def test_a_bomb_is_told_by_size_and_ratio() -> None:
    guard = Guard(Path("faces.zip"))
    guard.sizes("flat.bmp", 10 * 2**20, 1000)
    guard.sizes("film.mp4", 2**31, 2**30)
    with pytest.raises(PhizError, match="bomb"):
        guard.sizes("bomb.png", 2**30, 2**20)


def test_an_endless_listing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phiz.prepare.names.MAX_ENTRIES", 2)
    guard = Guard(Path("faces.tar.gz"))
    guard.file("1")
    guard.file("2")
    with pytest.raises(PhizError, match="after 2 others"):
        guard.file("3")


def test_a_refusal_cannot_upset_a_terminal() -> None:
    with pytest.raises(PhizError) as caught:
        Guard(Path("faces.zip")).file("../\x1b[2J.png")
    assert str(caught.value).isprintable()
