"""Searches go to an allow-list, each in the site's own words."""

from __future__ import annotations

import pytest

from phiz.collect import sites
from phiz.errors import UsageError

SAFE = ("safe",)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("konachan", "konachan"),
        ("Konachan.net", "konachan.net"),
        ("konachan.com", "konachan"),
        ("https://yande.re/post?tags=solo", "yandere"),
        ("https://www.konachan.com/post", "konachan"),
        ("danbooru.donmai.us", "danbooru"),
        ("safebooru", "safebooru"),
    ],
)
def test_sites_are_found_by_name_and_address(word, name):
    assert sites.find(word).name == name


@pytest.mark.parametrize(
    "word",
    ["gelbooru", "konachan.org", "https://evilkonachan.com/post", "", "safebooru.org", "http://[::1/a"],
)
def test_others_are_not(word):
    assert sites.find(word) is None


def test_the_nearest_is_named():
    assert 'Did you mean "konachan"?' in str(sites.unknown("konachn"))
    assert 'Did you mean "yande.re"?' in str(sites.unknown("https://yande.ru/post?tags=x"))


def test_safe_is_asked_of_the_site():
    assert sites.search(sites.SITES["konachan"], "solo smile", SAFE).query == "solo smile rating:safe"
    assert sites.search(sites.SITES["danbooru"], "solo smile", SAFE).query == "solo smile rating:g"
    assert sites.search(sites.SITES["konachan.net"], "solo", SAFE).query == "solo"
    two = ("safe", "questionable")
    assert sites.search(sites.SITES["yandere"], "solo", two).query == "solo -rating:explicit"
    assert sites.search(sites.SITES["danbooru"], "solo", two).query == "solo rating:g,q"
    everything = ("safe", "questionable", "explicit")
    assert sites.search(sites.SITES["konachan"], "solo", everything).query == "solo"


def test_what_danbooru_does_not_take_is_sifted_here():
    search = sites.search(sites.SITES["danbooru"], "solo score:>5 smile hat -male", SAFE)
    assert search.query == "solo score:>5 smile rating:g"
    assert (search.must, search.must_not) == (("hat",), ("male",))
    with pytest.raises(UsageError, match="2 tags at once"):
        sites.search(sites.SITES["danbooru"], "a* b* c*", SAFE)


@pytest.mark.parametrize("word", ["rating:e", "-rating:s", "order:score", "id:<5", "limit:3"])
def test_words_that_options_stand_for_are_refused(word):
    with pytest.raises(UsageError, match=word):
        sites.search(sites.SITES["konachan"], f"solo {word}", SAFE)


def test_a_rating_the_site_does_not_have():
    with pytest.raises(UsageError, match="no rating sensitive"):
        sites.search(sites.SITES["konachan"], "solo", ("sensitive",))
    with pytest.raises(UsageError, match="nothing but the safe"):
        sites.search(sites.SITES["safebooru"], "solo", ("explicit",))


def test_the_tags_of_an_address():
    assert sites.search_in("https://konachan.com/post?page=2&tags=solo+blue_hair") == "solo blue_hair"
    assert sites.search_in("https://konachan.com/image/1.png") is None
