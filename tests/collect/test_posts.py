"""Posts are read from what sites, dumps and sidecars say."""

from __future__ import annotations

import pytest

import booru
from phiz.collect.posts import rating_of, read_post, tag
from phiz.collect.sites import SITES

KONACHAN, DANBOORU = SITES["konachan"], SITES["danbooru"]


def read(said, site=KONACHAN, kinds=None):
    return read_post(said, site.key, site.root, site.pages, kinds)


def test_a_moebooru_post():
    said = booru.moebooru(booru.post(12, "solo blue_hair", "questionable", "ann"), "konachan.com")
    post = read(said, kinds={"ann": "artist", "solo": "general"})
    assert (post.site, post.number) == ("konachan.com", "12")
    assert post.page == "https://konachan.com/post/show/12"
    assert post.url == "https://konachan.com/image/12.png"
    assert post.sample == ("https://konachan.com/sample/12.jpg", 36, 32)
    assert (post.width, post.height, post.rating, post.artists) == (72, 64, "questionable", ("ann",))
    assert post.tags == ("solo", "blue_hair", "ann")
    assert post.bytes == len(booru.picture(12))


def test_a_danbooru_post():
    post = read(booru.danbooru(booru.post(12, "solo", "sensitive", "ben")), DANBOORU)
    assert (post.rating, post.artists, post.tags) == ("sensitive", ("ben",), ("solo", "ben"))
    assert post.sample == ("https://cdn.donmai.us/sample/12.jpg", 36, 32)


def test_deleted_posts_name_no_file():
    assert read(booru.moebooru(booru.post(1, deleted=True), "konachan.com")) is None
    assert read({"tags": "solo"}) is None


def test_s_means_safe_on_one_site_and_sensitive_on_the_other():
    assert rating_of("s") == "safe"
    assert rating_of("s", danbooru=True) == "sensitive"
    assert rating_of("general") == rating_of("safe") == rating_of("g", danbooru=True) == "safe"
    assert rating_of("x") is rating_of(None) is None


def test_the_site_tells_what_s_means_not_the_words_of_a_post():
    said = {"id": 3, "file_url": "/image/3.png", "file_ext": "png", "tags": "solo", "rating": "s"}
    assert read(said).rating == "safe"
    assert read(said | {"tag_string": "solo"}).rating == "safe"
    assert read(said, DANBOORU).rating == "sensitive"
    nowhere = said | {"file_url": "https://art.example/3.png"}
    assert read_post(nowhere, "url", "", "").rating == "safe"
    assert read_post(nowhere | {"tag_string": "solo"}, "url", "", "").rating == "sensitive"


@pytest.mark.parametrize(
    ("tags", "artists"),
    [
        ({"general": ["solo"], "artist": ["ann"]}, ("ann",)),
        ([{"name": "solo", "category": "0"}, {"name": "ann", "category": "1"}], ("ann",)),
        (["solo", "ann"], ()),
        ("solo ann", ()),
    ],
)
def test_tags_come_in_many_shapes(tags, artists):
    post = read({"id": 3, "file_url": "/image/3.png", "tags": tags, "rating": "s"})
    assert set(post.tags) == {"solo", "ann"}
    assert post.artists == artists
    assert post.url == "https://konachan.com/image/3.png"


def test_an_old_danbooru_dump_names_its_files_by_md5():
    post = read({"id": "5", "md5": "AB" * 16, "file_ext": "jpg", "rating": "g", "tags": []}, DANBOORU)
    assert post.url == f"https://cdn.donmai.us/original/ab/ab/{'ab' * 16}.jpg"


@pytest.mark.parametrize(
    "junk",
    [
        {"id": [], "file_url": 3},
        {"id": 1, "file_url": "javascript:x"},
        {"id": True},
        {"id": 1, "file_url": "http://[::1/a.png"},
    ],
)
def test_junk_is_no_post(junk):
    assert read(junk) is None


def test_numbers_that_are_none():
    post = read(
        {"id": 1, "file_url": "/a.png", "width": "wide", "score": 1e400, "file_size": True, "md5": "zz"}
    )
    assert post.width is post.score is post.bytes is post.md5 is None


def test_a_tag_as_sites_write_it():
    assert tag("  Blue  Hair ") == "blue_hair"
