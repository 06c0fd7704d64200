"""Lists, tables, dumps and folders are read line by line, and what is none of them is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import booru
from phiz.collect import given
from phiz.errors import PhizError


def posts(path: Path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said: list[str] = []
    return list(given.posts_of(path, said.append)), said


def test_a_list_of_urls(tmp_path):
    text = "\ufeff# my pictures\nhttps://art.example/a.png\n\nhttps://art.example/b.png#top\nnot a url\n"
    found, said = posts(tmp_path / "urls.txt", text)
    assert [(one.site, one.number) for one in found] == [
        ("url", "https://art.example/a.png"),
        ("url", "https://art.example/b.png"),
    ]
    assert len(said) == 1
    assert "line 5: no web address" in said[0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_labels(tmp_path, separator):
    rows = [
        ["Hair", "URL", "artist", "tags", "rating", "licence", "eyes"],
        ["long", "https://art.example/a.png", "Ann B", "solo smile", "general", "CC0-1.0", ""],
        ["short", "nonsense", "", "", "", "", ""],
        ["", "https://art.example/b.png", "", "", "weird", "", "brown"],
    ]
    found, said = posts(tmp_path / "t.csv", "\n".join(separator.join(row) for row in rows))
    assert found[0].labels == {"Hair": "long"}
    assert (found[0].artists, found[0].tags, found[0].rating, found[0].licence) == (
        ("ann_b",),
        ("solo", "smile"),
        "safe",
        "CC0-1.0",
    )
    assert (found[1].labels, found[1].rating) == ({"eyes": "brown"}, "explicit")
    assert "line 3" in said[0]


def test_a_dump_of_posts(tmp_path):
    lines = [
        json.dumps(booru.moebooru(booru.post(7), "konachan.com")),
        json.dumps(booru.danbooru(booru.post(8))),
        json.dumps({"id": 9, "md5": "a" * 32, "file_ext": "jpg", "tag_string": "solo", "rating": "g"}),
        json.dumps(
            {"url": "https://art.example/x.png", "tags": ["solo"], "rating": "safe", "license": "CC0"}
        ),
        "{broken",
        json.dumps(booru.moebooru(booru.post(10, deleted=True), "konachan.com")),
    ]
    found, said = posts(tmp_path / "posts.jsonl", "\n".join(lines))
    assert [(one.site, one.number) for one in found] == [
        ("konachan.com", "7"),
        ("danbooru.donmai.us", "8"),
        ("danbooru.donmai.us", "9"),
        ("url", "https://art.example/x.png"),
    ]
    assert found[2].url.startswith("https://cdn.donmai.us/original/aa/aa/")
    assert found[3].licence == "CC0"
    assert said == [f"{tmp_path / 'posts.jsonl'}: 2 lines name no picture; the first is line 5: no JSON."]


def test_s_of_danbooru_is_not_safe_in_tables_and_dumps(tmp_path):
    urls = ("https://cdn.donmai.us/original/a.png", "https://files.yande.re/image/a.png")
    found, _ = posts(tmp_path / "t.csv", "url,rating\n" + "".join(f"{url},s\n" for url in urls))
    assert [one.rating for one in found] == ["sensitive", "safe"]
    lines = [json.dumps({"id": n, "url": url, "tags": ["solo"], "rating": "s"}) for n, url in enumerate(urls)]
    found, _ = posts(tmp_path / "posts.jsonl", "\n".join(lines))
    assert [(one.site, one.rating) for one in found] == [
        ("danbooru.donmai.us", "sensitive"),
        ("yande.re", "safe"),
    ]


def test_a_deleted_moebooru_post_is_not_taken_for_danbooru_s(tmp_path):
    gone = booru.moebooru(booru.post(10, deleted=True), "yande.re")
    old = {"id": "5", "md5": "a" * 32, "file_ext": "jpg", "image_width": "9", "tags": [], "rating": "s"}
    found, said = posts(tmp_path / "posts.jsonl", "\n".join(map(json.dumps, (gone, old))))
    assert [(one.site, one.number) for one in found] == [("danbooru.donmai.us", "5")]
    assert "line 1: no post with a file" in said[0]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.txt", "", "names no picture"),
        ("a.txt", "just words\n", "line 1: no web address"),
        ("a.csv", "file,hair\na.png,long\n", "no column called url; it has file, hair"),
        ("a.csv", "", "no column called url"),
        ("a.csv", 'url\n"https://art.example/a.png', "line 2"),
        ("a.jsonl", "[1,\n2]", "one JSON list"),
        ("a.txt", b"\xff\xfe\0\0", "not UTF-8"),
        ("a.pdf", "x", "is no list that phiz knows"),
        ("a.png", "x", "is a picture"),
    ],
)
def test_files_that_are_no_lists(tmp_path, name, text, why):
    with pytest.raises(PhizError) as caught:
        posts(tmp_path / name, text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sidecar_tells_more_of_a_local_picture(tmp_path):
    picture = tmp_path / "konachan_7.png"
    picture.write_bytes(booru.picture(7))
    said = booru.moebooru(booru.post(7, "solo hat", "questionable"), "konachan.com") | {
        "category": "konachan"
    }
    (tmp_path / "konachan_7.png.json").write_text(json.dumps(said))
    post = given.local_post(picture, "konachan_7.png")
    assert (post.site, post.number, post.rating) == ("local", "konachan_7.png", "questionable")
    assert post.page == "https://konachan.com/post/show/7"
    assert "hat" in post.tags
    (tmp_path / "konachan_7.png.json").write_text("{broken")
    assert given.local_post(picture, "x").tags == ()


def test_a_sidecar_with_no_web_address(tmp_path):
    (tmp_path / "a.png.json").write_text('{"file_url": "http://[::1/a.png", "tags": "solo"}')
    assert given.local_post(tmp_path / "a.png", "a.png").tags == ()


def test_hidden_pictures_are_not_listed(tmp_path):
    for name in ("b/2.png", "a.jpg", ".thumbs/x.png", ".y.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.relative_to(tmp_path).as_posix() for path in given.local_pictures(tmp_path)]
    assert found == ["a.jpg", "b/2.png"]
