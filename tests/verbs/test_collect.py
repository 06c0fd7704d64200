"""phiz collect against a site on this machine: what comes, what is said, and what the site saw of us."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("httpx")
if importlib.util.find_spec("gallery_dl") is None:
    pytest.skip("gallery-dl is not installed", allow_module_level=True)

import booru
from booru import challenge, cut, picture, post, redirect, status
from phiz import cli, ledger
from phiz.collect import given, listing, sites
from phiz.collect.client import FAILURES
from phiz.errors import MissingExtra, PhizError, Surroundings, UsageError
from phiz.verbs.collect import collect
from phiz.verbs.prepare import prepare


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The site, reached without a pause, with settings and cache of its own."""
    monkeypatch.setenv("PHIZ_SETTINGS", str(tmp_path / "settings"))
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PHIZ_GALLERY_DL", raising=False)
    with booru.served() as site:
        monkeypatch.setenv("PHIZ_COLLECT_TEST", site.switch())
        yield site


def list_here(command: list[str], where: str) -> list[dict]:
    """Ask the relay as gallery-dl does, without starting it, which takes half a second."""
    from urllib.request import urlopen

    url = where.partition(":")[2].replace("/post?", "/post.json?").replace("/posts?", "/posts.json?")
    try:
        with urlopen(url) as answer:
            return [post for post in json.load(answer) if post.get("file_url")]
    except OSError:
        return []


@pytest.fixture(autouse=True)
def lister(request, monkeypatch):
    """List with gallery-dl itself only where a test asks for it."""
    if "gallery_dl" not in request.fixturenames:
        monkeypatch.setattr(listing, "_run", list_here)


@pytest.fixture
def gallery_dl() -> None:
    """Have gallery-dl itself list."""


@pytest.fixture
def raw(tmp_path) -> Path:
    return tmp_path / "raw"


def gather(*words, **options):
    said: list[str] = []
    result = collect(*words, **{"contact": "me@example.org", "say": said.append} | options)
    result.said = said
    return result


def kept(folder: Path) -> dict[str, dict]:
    return {row["number"]: row for row in ledger.rows(folder, "WHERE status = 'kept'")}


def aside(folder: Path) -> dict[str, str]:
    return {row["number"]: row["reason"] for row in ledger.rows(folder, "WHERE status = 'set aside'")}


def run_phiz(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "phiz", *map(str, words)]
    env = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"} | env
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)


# -- sites ----------------------------------------------------------------------------------------


def test_the_troubles_of_a_real_site(site, raw, gallery_dl, monkeypatch):
    """Paging under new arrivals, and everything that goes wrong on the way, met rightly."""
    monkeypatch.setattr(sites.Site, "length", 8)
    monkeypatch.setenv("PHIZ_COLLECT_TEST", site.switch(0.01))
    site.add(*[post(number) for number in range(1, 18)])
    site.add(
        post(5, rating="questionable"),
        post(6, tags="solo blue_hair loli"),
        post(7, deleted=True),
        post(8, artist="eve"),
        post(9, tags="solo red_hair"),
        post(10, md5="0" * 32),
        post(11, data=b"<html>gone</html>", md5=hashlib.md5(b"<html>gone</html>").hexdigest()),
    )
    site.troubles["/post.json"] = [status(429, Retry_After="1"), status(421)]
    site.troubles["/image/17.png"] = [status(503, Retry_After="0")]
    site.troubles["/image/16.png"] = [status(404)]
    site.troubles["/image/15.png"] = [cut(picture(15))]
    site.troubles["/image/14.png"] = [cut(picture(14)), cut(picture(14))]
    site.troubles["/image/13.png"] = [redirect("http://169.254.169.254/latest/13.png")]
    site.troubles["/image/12.png"] = [redirect("https://art.example/image/12.png")]
    site.troubles["/image/4.png"] = [status(200, b"other bytes than published")]
    fresh = itertools.count(100)

    def arrive():
        if len(site.paths("/post.json")) < 5:
            site.add(post(next(fresh)), post(next(fresh)))

    site.after_listing = arrive
    result = gather("konachan", "solo blue_hair", raw, exclude_artist=["eve"])
    assert sorted(map(int, kept(raw))) == [1, 2, 3, 4, 12, 14, 15, 17]
    reasons = aside(raw)
    assert set(reasons) == {"16", "13", "10", "11"}
    assert reasons["16"] == "404 Not Found"
    assert "private network" in reasons["13"]
    assert reasons["10"] == f"its MD5 is {hashlib.md5(picture(10)).hexdigest()}, not {'0' * 32} as published"
    assert "a web page" in reasons["11"]
    assert result.tally.left_out == {"always left out: minors": 1, "an artist who is left out": 1}
    assert result.tally.without_file == 1
    asked = site.paths("/image/")
    assert {path: asked.count(path) for path in set(asked) if asked.count(path) > 1} == {
        "/image/17.png": 2, "/image/15.png": 2, "/image/14.png": 3, "/image/12.png": 2, "/image/10.png": 2,
        "/image/11.png": 2, "/image/4.png": 2,
    }  # fmt: skip
    assert {hit.agent.split(" ")[0] for hit in site.log} == {"phiz/0.1.0"}
    assert max(hit.at_once for hit in site.log) == 1
    again = gather("konachan", "solo blue_hair", raw, exclude_artist=["eve"])
    arrived = {str(number) for number in range(100, next(fresh))}
    assert set(kept(raw)) - arrived == {"1", "2", "3", "4", "12", "14", "15", "17"}
    assert arrived <= set(kept(raw))
    assert again.tally.fetched == len(arrived)


def test_the_pace_is_kept_by_listing_and_pictures_together(site, raw, gallery_dl, monkeypatch):
    monkeypatch.setenv("PHIZ_COLLECT_TEST", site.switch(0.15))
    site.add(*[post(number) for number in range(1, 7)])
    gather("yandere", "solo", raw)
    assert {hit.host for hit in site.log} == {"yande.re", "files.yande.re"}
    begun = [hit.time for hit in site.log]
    assert len(begun) == 7
    assert min(b - a for a, b in itertools.pairwise(begun)) >= 0.15


def test_what_the_ledger_knows(site, raw):
    site.add(post(7, "solo blue_hair", artist="ann"))
    result = gather("konachan", "solo", raw)
    row = kept(raw)["7"]
    data = (raw / row["file"]).read_bytes()
    assert data == picture(7)
    assert row["file"] == "konachan.com/7.png"
    assert row["page"] == "https://konachan.com/post/show/7"
    assert row["url"] == "https://konachan.com/image/7.png"
    assert (row["variant"], row["rating"], row["score"]) == ("original", "safe", 0)
    assert row["artist"] == ["ann"]
    assert row["tags"] == ["solo", "blue_hair", "ann"]
    assert row["md5"] == hashlib.md5(data).hexdigest()
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert (row["bytes"], row["width"], row["height"]) == (len(data), 72, 64)
    assert row["source"] == "https://artist.example/7"
    assert time.time() - time.mktime(time.strptime(row["time"], "%Y-%m-%dT%H:%M:%SZ")) < 90_000
    assert result.lines[0] == f'{raw}: 1 picture of konachan "solo", 1 of them new.'
    assert result.lines[-1] == f"Next: phiz prepare {raw} -o faces --size 64 --labels tags"


@pytest.mark.parametrize(
    ("name", "rating", "numbers"),
    [
        ("konachan.net", "safe", {"1"}),
        ("danbooru", "safe", {"1"}),
        ("danbooru", "safe,sensitive", {"1", "2"}),
        ("safebooru", "safe", {"1"}),
        ("konachan", "safe,questionable", {"1", "3"}),
    ],
)
def test_sites_and_ratings(site, raw, gallery_dl, name, rating, numbers):
    site.add(post(1), post(3, rating="questionable"), post(4, rating="explicit"))
    if "danbooru" in name:
        site.add(post(2, rating="sensitive"))
    gather(name, "solo blue_hair ann" if name == "danbooru" else "solo", raw, rating=rating)
    assert set(kept(raw)) == numbers


def test_an_older_site_that_does_not_name_artists(site, raw, gallery_dl):
    site.second_version = False
    site.add(post(1, artist="ann"), post(2, artist="ben"))
    gather("konachan", "solo", raw, exclude_artist=["Ben"])
    assert set(kept(raw)) == {"1"}
    assert kept(raw)["1"]["artist"] is None


def test_a_sample_that_is_large_enough_spares_the_site(site, raw):
    site.add(post(1), post(2, sample=picture(2, (30, 20), "JPEG")))
    gather("konachan", "solo", raw, max_size=32)
    row = kept(raw)["1"]
    assert (row["variant"], row["width"], row["height"]) == ("sample", 36, 32)
    assert row["md5"] == hashlib.md5(picture(1)).hexdigest()
    assert row["file"] == "konachan.com/1.jpg"
    assert aside(raw) == {"2": "30 x 20 pixels, not 36 x 32 as published"}
    assert "/image/1.png" not in site.paths()


def test_searches_that_overlap_fetch_nothing_twice(site, raw):
    site.add(*[post(n, "solo hat" if n % 2 else "solo") for n in range(1, 7)])
    gather("konachan", "solo", raw, limit=4)
    gather("konachan", "hat", raw)
    gather("konachan.net", "solo", raw)
    gather("yandere", "hat", raw)
    images = site.paths("/image/")
    assert len(images) == len(set(images)) == 6
    assert len(kept(raw)) == 6


def test_an_address_of_a_search_is_a_search(site, raw):
    site.add(post(1), post(2, "hat"))
    gather("https://konachan.com/post?tags=hat", "", raw)
    assert set(kept(raw)) == {"2"}


def test_a_challenge_stops_it_and_it_goes_on_later(site, raw):
    site.add(post(1), post(2), post(3))
    site.troubles["/image/2.png"] = [challenge()]
    with pytest.raises(Surroundings, match="challenge page") as caught:
        gather("konachan", "solo", raw)
    assert caught.value.status == 5
    assert "1 picture of" in str(caught.value)
    assert site.paths()[-1] == "/image/2.png"
    gather("konachan", "solo", raw)
    assert set(kept(raw)) == {"1", "2", "3"}
    assert site.paths("/image/3.png") == ["/image/3.png"]


def test_pictures_that_always_fail_block_nothing(site, raw):
    site.add(*[post(number) for number in range(1, 13)])
    site.files |= {f"/image/{number}.png": (500, {}, b"") for number in range(8, 13)}
    with pytest.raises(Surroundings, match="fails again and again"):
        gather("konachan", "solo", raw)
    site.add(post(13))
    site.log.clear()
    result = gather("konachan", "solo", raw)
    assert set(kept(raw)) == {"1", "2", "3", "4", "5", "6", "7", "13"}
    assert "Given up: konachan.com fails again and again (500 Internal Server Error)." in result.lines
    assert "Waiting: 5 pictures; the same command tries again." in result.lines
    asked = site.paths("/image/")
    assert max(asked.count(path) for path in asked) <= FAILURES
    site.files.clear()
    gather("konachan", "solo", raw)
    assert len(kept(raw)) == 13
    assert {row["reason"] for row in kept(raw).values()} == {None}


def test_urls_that_always_fail_block_nothing(site, raw, tmp_path):
    site.files |= {f"/{number}.png": (502, {}, b"") for number in range(5)}
    site.files |= {f"/{number}.png": (200, {}, picture(number)) for number in range(5, 8)}
    (tmp_path / "urls.txt").write_text("\n".join(f"https://art.example/{n}.png" for n in range(8)))
    for _ in range(2):
        with pytest.raises(Surroundings, match="fails again and again"):
            gather(tmp_path / "urls.txt", "", raw)
    assert len(kept(raw)) == 3


def test_a_dry_run_counts_and_writes_nothing(site, raw):
    site.add(post(1), post(2), post(3, rating="explicit"))
    lines = gather("konachan", "solo", raw, dry_run=True).lines
    assert "2 pictures would come" in lines[0]
    assert any("https://konachan.com/post/show/2" in line for line in lines)
    assert "--dry-run" in lines[-1]
    assert not raw.exists()
    assert site.paths() == ["/post.json"]


def test_a_search_without_hits(site, raw, gallery_dl):
    site.add(post(1))
    with pytest.raises(PhizError, match="nothing was found") as caught:
        gather("konachan", "no_such_tag", raw)
    assert caught.value.status == 3
    assert not raw.exists()


def test_a_site_that_answers_nonsense(site, raw):
    for body, why in (
        (b"<html>hello</html>", "something else"),
        (b'{"success":false,"reason":"no"}', r"\(no\)"),
    ):
        site.troubles["/post.json"] = [status(200, body)]
        with pytest.raises(PhizError, match=why):
            gather("konachan", "solo", raw)


@pytest.mark.parametrize(
    ("troubles", "why"),
    [([status(502)] * 3, "502 Bad Gateway"), ([cut(b'[{"id": 1}]' * 9)], "broke off after 49 bytes")],
)
def test_a_site_that_fails_while_it_lists(site, raw, troubles, why):
    site.add(post(1))
    site.troubles["/post.json"] = list(troubles)
    with pytest.raises(Surroundings) as caught:
        gather("konachan", "solo", raw)
    assert caught.value.status == 5
    assert str(caught.value).startswith(f"https://konachan.com cannot be listed now ({why}")
    assert str(caught.value).endswith("the same command goes on.")
    gather("konachan", "solo", raw)
    assert set(kept(raw)) == {"1"}


def test_where_nothing_answers(site, raw):
    site.add(post(1))
    site.close()
    with pytest.raises(Surroundings, match=r"konachan\.com cannot be reached"):
        gather("konachan", "solo", raw)
    assert not raw.exists()


# -- stopping and going on ------------------------------------------------------------------------


def test_killed_at_any_point_it_ends_with_the_same_collection(site, raw, tmp_path):
    site.add(*[post(number) for number in range(1, 15)])
    whole = tmp_path / "whole"
    gather("konachan", "solo", whole)
    site.log.clear()
    command = [sys.executable, "-m", "phiz", "collect", "konachan", "solo", "-o", str(raw)]
    kills = 0
    for pictures in (0, 1, 9):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and len(set(site.paths("/image/"))) < pictures:
            time.sleep(0.002)
        if pictures == 0:
            time.sleep(0.4)
        kills += running.poll() is None
        running.kill()
        running.wait()
    assert kills == 3
    done = run_phiz(*command[3:])
    assert done.returncode == 0, done.stderr
    images = site.paths("/image/")
    assert len(images) - len(set(images)) <= kills  # at most the one that was under way
    same = ("number", "file", "sha256", "tags", "artist", "bytes", "status")
    ledgers = [
        sorted(tuple(map(str, (row[name] for name in same))) for row in ledger.rows(at))
        for at in (raw, whole)
    ]
    assert ledgers[0] == ledgers[1]
    files = [sorted(p.name for p in at.rglob("*.png")) for at in (raw, whole)]
    assert files[0] == files[1]
    assert not [p for p in raw.rglob(".*") if "lock" not in p.name]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_signal_saves_and_says_how_to_go_on(site, raw, monkeypatch):
    monkeypatch.setenv("PHIZ_COLLECT_TEST", site.switch(0.1))
    site.add(*[post(number) for number in range(1, 30)])
    command = [
        sys.executable,
        "-m",
        "phiz",
        "collect",
        "konachan",
        "solo",
        "-o",
        str(raw),
        "--contact",
        "a@b.org",
    ]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while len(site.paths("/image/")) < 3:
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == 75, said
    assert "the same command goes on" in said.splitlines()[-1]
    assert len(kept(raw)) >= 2


def test_a_picture_that_was_in_place_already_is_not_fetched_again(site, raw):
    from phiz.collect.keeping import Keeper

    site.add(post(1))
    gather("konachan", "solo", raw)
    with Keeper(raw) as keeper:
        keeper.update(1, status="waiting", time=None)
    gather("konachan", "solo", raw)
    assert site.paths("/image/") == ["/image/1.png"]
    assert set(kept(raw)) == {"1"}


def test_a_full_disk_keeps_what_was_collected(site, small_disk):
    site.add(
        *[
            post(n, data=(big := picture(n, (420, 400))), md5=hashlib.md5(big).hexdigest())
            for n in range(1, 9)
        ]
    )
    raw = small_disk / "raw"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(600_000))
    with pytest.raises(Surroundings, match="No space left") as caught:
        gather("konachan", "solo", raw)
    assert "the same command goes on" in str(caught.value)
    assert "\n" not in str(caught.value)
    few = kept(raw)
    assert 1 <= len(few) < 8
    assert all(
        hashlib.sha256((raw / r["file"]).read_bytes()).hexdigest() == r["sha256"] for r in few.values()
    )
    filler.unlink()
    site.posts = {number: one for number, one in site.posts.items() if number > 5}
    gather("konachan", "solo", raw, limit=3)
    assert not list(raw.glob(".fetching*"))


# -- lists, tables, dumps -------------------------------------------------------------------------


def test_a_list_of_urls_under_the_manners(site, raw, tmp_path):
    for name in ("a", "b", "c", "same"):
        site.files[f"/{name}.png"] = (200, {}, picture(ord(name[0]) if name != "same" else ord("a")))
    site.files["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private/")
    site.files["/noai.png"] = (200, {"X-Robots-Tag": "noai"}, picture(5))
    urls = [
        "https://art.example/a.png", "https://art.example/b.png", "https://art.example/private/x.png",
        "https://art.example/noai.png", "https://art.example/gone.png", "https://www.instagram.com/p/x.jpg",
        "http://127.0.0.1:1/x.png", "https://other.example/c.png", "https://other.example/same.png",
    ]  # fmt: skip
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    gather(tmp_path / "urls.txt", "", raw)
    assert set(kept(raw)) == {urls[0], urls[1], urls[7]}
    reasons = aside(raw)
    assert "robots.txt" in reasons[urls[2]]
    assert "noai" in reasons[urls[3]]
    assert reasons[urls[4]].startswith("404")
    assert "social network" in reasons[urls[5]]
    assert "private network" in reasons[urls[6]]
    assert reasons[urls[8]].startswith("the same picture as art.example/a-")
    assert kept(raw)[urls[0]]["file"].startswith("art.example/a-")
    before = len(site.log)
    gather(tmp_path / "urls.txt", "", raw)
    assert len(site.log) == before


def test_plain_urls_show_their_size_when_they_are_here(site, raw, tmp_path):
    for name, side in (("small", 40), ("large", 80)):
        site.files[f"/{name}.png"] = (200, {}, picture(side, (side, side)))
    urls = ["https://art.example/small.png", "https://art.example/large.png"]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    gather(tmp_path / "urls.txt", "", raw, min_size=60)
    assert set(kept(raw)) == {urls[1]}
    assert aside(raw) == {urls[0]: "smaller than 60 px"}
    before = len(site.log)
    gather(tmp_path / "urls.txt", "", raw, min_size=50)
    assert len(site.log) == before
    gather(tmp_path / "urls.txt", "", raw, min_size=30)
    assert set(kept(raw)) == set(urls)
    assert kept(raw)[urls[0]]["reason"] is None


def test_one_host_that_closes_does_not_end_a_list(site, raw, tmp_path):
    site.files["/a.png"] = (200, {}, picture(1))
    site.files["/b.png"] = (200, {}, picture(2))
    site.troubles["/c.png"] = [challenge()]
    urls = ["https://other.example/c.png", "https://other.example/a.png", "https://art.example/b.png"]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    with pytest.raises(Surroundings, match=r"challenge page.*1 picture of urls\.txt.*2 wait"):
        gather(tmp_path / "urls.txt", "", raw)
    gather(tmp_path / "urls.txt", "", raw)
    site.files["/c.png"] = (200, {}, picture(3))
    assert len(kept(raw)) == 2
    assert aside(raw) == {urls[0]: "404 Not Found"}


def test_one_url(site, raw):
    site.files["/a.png"] = (200, {}, picture(1))
    gather("https://art.example/a.png", "", raw)
    assert len(kept(raw)) == 1
    with pytest.raises(PhizError, match="404"):
        gather("https://art.example/b.png", "", raw)


def test_a_table_brings_its_labels_into_a_face_set(site, raw, tmp_path):
    rows = ["url,hair,artist,licence"]
    for number in range(20):
        site.files[f"/{number}.png"] = (200, {}, picture(number))
        rows.append(f"https://art.example/{number}.png,{('long', 'short')[number % 2]},ann,CC0-1.0")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    gather(tmp_path / "table.csv", "", raw)
    assert {row["licence"] for row in kept(raw).values()} == {"CC0-1.0"}
    faces = prepare(raw, tmp_path / "faces", size=16, labels="tags")
    assert faces.schema == {"hair": ["long", "short"]}
    assert faces.frequencies() == {"hair": [10, 10]}


def test_a_dump_is_sifted_by_tags_and_limit(site, raw, tmp_path):
    site.add(*[post(n, "solo hat" if n % 2 else "solo") for n in range(1, 9)])
    lines = [json.dumps(booru.moebooru(site.posts[n], "konachan.com")) for n in range(1, 9)]
    lines.append(json.dumps(booru.danbooru(post(99, "solo hat", "explicit"))))
    (tmp_path / "posts.jsonl").write_text("\n".join(lines))
    dry = gather(tmp_path / "posts.jsonl", "hat -smile", raw, limit=3, dry_run=True)
    assert "3 pictures would come" in dry.lines[0]
    gather(tmp_path / "posts.jsonl", "hat -smile", raw, limit=3)
    assert set(kept(raw)) == {"1", "3", "5"}
    assert "/post.json" not in site.paths()


# -- what lies here -------------------------------------------------------------------------------


def test_a_folder_is_catalogued_where_it_lies(tmp_path, site):
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    for number in range(20):
        (folder / "deep" / f"{number}.png").write_bytes(picture(number))
    tags = json.dumps({"tags": ["solo", "ann"], "artist": "ann", "rating": "safe"})
    (folder / "deep" / "3.png.json").write_text(tags)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    first = gather(folder)
    assert first.lines[0] == f"{folder}: 20 pictures of {folder}, 20 of them new."
    assert gather(folder).tally.fetched == 0
    (folder / "deep" / "19.png").unlink()
    (folder / "20.png").write_bytes(picture(20))
    third = gather(folder)
    assert (third.tally.fetched, third.tally.here) == (1, 20)
    assert len(prepare(folder, tmp_path / "one", size=16)) == 20
    said = gather(None, "", folder, forget_artist=["Ann"]).lines[0]
    assert "0 files deleted, 1 of your own struck" in said
    assert (folder / "deep" / "3.png").exists()
    assert len(prepare(folder, tmp_path / "two", size=16)) == 19
    assert gather(folder).tally.left_out == {"an artist who is left out": 1}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path.exists())
    assert not site.log


@pytest.mark.parametrize("fault", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "Gone")])
@pytest.mark.parametrize("where", ["stamp", "hashes"])
def test_a_picture_that_cannot_be_read_is_set_aside(tmp_path, site, monkeypatch, fault, where):
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture(number))
    read = getattr(given, where)

    def fails(path):
        if path.name == "1.png":
            raise fault
        return read(path)

    with monkeypatch.context() as here:
        here.setattr(given, where, fails)
        result = gather(folder)
    assert set(kept(folder)) == {"0.png", "2.png"}
    assert aside(folder) == {"1.png": f"cannot be read: {fault.strerror}"}
    assert f"Set aside: 1 cannot be read: {fault.strerror}." in result.lines
    assert gather(folder).tally.fetched == 1
    assert set(kept(folder)) == {"0.png", "1.png", "2.png"}
    assert not aside(folder)


def test_a_disk_that_goes_while_a_folder_is_read(tmp_path, site, monkeypatch):
    def fails(path):
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.png").write_bytes(picture(1))
    monkeypatch.setattr(given, "hashes", fails)
    with pytest.raises(Surroundings, match="Input/output error while reading"):
        gather(tmp_path / "mine")


def test_a_folder_goes_nowhere_else(tmp_path, site, raw):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.png").write_bytes(picture(1))
    with pytest.raises(UsageError, match="where it lies"):
        gather(tmp_path / "mine", "", raw)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhizError, match="holds no picture"):
        gather(tmp_path / "empty")
    gather(tmp_path / "mine", "", tmp_path)
    assert ledger.files(tmp_path) == ["mine/a.png"]


def test_an_artist_is_forgotten_for_good(site, raw):
    site.add(post(1, artist="ann"), post(2, artist="ben"), post(3, artist="ann"))
    gather("konachan", "solo", raw)
    lines = gather(None, "", raw, forget_artist=["ann"]).lines
    assert "2 files deleted" in lines[0]
    assert sorted(path.name for path in raw.rglob("*.png")) == ["2.png"]
    assert all(
        row["artist"] is None and row["tags"] is None
        for row in ledger.rows(raw, "WHERE status = 'forgotten'")
    )
    site.add(post(4, artist="ann"))
    gather("konachan", "solo", raw)
    gather("konachan", "blue_hair", raw)
    assert sorted(path.name for path in raw.rglob("*.png")) == ["2.png"]
    assert len(site.paths("/image/")) == 3
    with pytest.raises(PhizError, match=r'no picture by "bne"\. Did you mean "ben"'):
        gather(None, "", raw, forget_artist=["bne"])


def test_credits_and_export(site, raw, tmp_path):
    site.add(post(1, artist="<ann>"), post(2, artist="ben"), post(3, source="javascript:alert(1)"))
    gather("konachan", "solo", raw)
    lines = gather(None, "", raw, credits=True, export=tmp_path / "raw.jsonl").lines
    assert lines == [f"Credits: {raw / 'credits.html'}", f"{tmp_path / 'raw.jsonl'}: 3 lines."]
    page = (raw / "credits.html").read_text("utf-8")
    assert "&lt;ann&gt;" in page
    assert "<ann>" not in page
    assert "https://konachan.com/post/show/2" in page
    assert 'href="javascript' not in page
    rows = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text("utf-8").splitlines()]
    assert [row["number"] for row in rows] == ["3", "2", "1"]
    assert {"file", "page", "url", "variant", "tags", "rating", "md5", "sha256", "bytes", "time"} <= set(
        rows[0]
    )
    assert gather(None, "", raw, export=tmp_path / "raw.jsonl").lines == [
        f"{tmp_path / 'raw.jsonl'}: 3 lines."
    ]
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PhizError, match="no ledger that phiz wrote"):
        gather(None, "", raw, export=tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_tags_reach_a_face_set_as_labels(site, raw, tmp_path):
    hair = ("blue_hair", "red_hair", "blue_hair red_hair", "")
    site.add(*[post(n, f"solo {hair[n % 4]} {'smile' if n % 3 else ''}") for n in range(1, 25)])
    gather("konachan", "solo", raw)
    said: list[str] = []
    faces = prepare(raw, tmp_path / "faces", size=16, labels="tags", warn=said.append)
    assert faces.schema == {"hair": ["blue", "red"], "smile": ["no", "yes"]}
    assert faces.frequencies() == {"hair": [6, 6], "smile": [8, 16]}
    assert prepare(raw, tmp_path / "faces", size=16, labels="tags", warn=said.append).id == faces.id
    own = tmp_path / "own.json"
    own.write_text('{"mood": {"glad": ["smile"], "otherwise": "not glad"}}')
    assert prepare(raw, tmp_path / "own", size=16, labels=f"tags:{own}").schema == {
        "mood": ["glad", "not glad"]
    }


# -- the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "number", "said"),
    [
        (["konachn", "solo", "-o", "x"], 3, 'Did you mean "konachan"?'),
        (["https://konachn.com/post?tags=solo", "-o", "x"], 3, 'Did you mean "konachan.com"?'),
        (["instagram", "faces", "-o", "x"], 3, "social network"),
        (["https://www.facebook.com/a.jpg", "-o", "x"], 3, "social network"),
        (["http://[::1/a.png", "-o", "x"], 3, "http://[::1/a.png is no web address"),
        (["nowhere.txt", "-o", "x"], 3, "nowhere.txt does not exist"),
        (["konachan", "solo"], 2, "-o FOLDER"),
        ([], 2, "name what to collect"),
        (["konachan", "solo rating:e", "-o", "x"], 2, "--rating"),
        (["konachan", "solo", "-o", "x", "--rating", "save"], 2, 'Did you mean "safe"?'),
        (["konachan", "solo", "-o", "x", "--limit", "0"], 2, "--limit"),
        (["konachan", "solo", "-o", "x", "--pause", "0.1"], 2, "1 is the least"),
        (["konachan", "solo", "-o", "x", "--contact", "me"], 2, "neither an e-mail address"),
        (["konachan", "solo", "-o", "x"], 2, "--contact you@example.org"),
        (["konachan", "solo", "-o", "thesis", "--contact", "a@b.org"], 3, "phiz collect thesis"),
        (["--credits", "-o", "thesis"], 3, "is no collection"),
    ],
)
def test_a_mistake_is_one_clear_line_and_the_right_status(tmp_path, words, number, said, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHIZ_SETTINGS", str(tmp_path / "settings"))
    monkeypatch.setenv("PHIZ_COLLECT_TEST", '{"hosts": {}}')
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("words")
    monkeypatch.setattr(sys, "argv", ["phiz", "collect", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    printed = capsys.readouterr().err
    assert left.value.code == number, printed
    assert said in printed
    assert len(printed.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_the_contact_is_given_once(site, raw):
    site.add(post(1))
    assert run_phiz("collect", "konachan", "solo", "-o", raw, "--contact", "me@example.org").returncode == 0
    site.add(post(2))
    done = run_phiz("collect", "konachan", "solo", "-o", raw)
    assert done.returncode == 0, done.stderr
    assert "contact: me@example.org" in site.log[-1].agent
    assert "Next: phiz prepare" in done.stdout
    seen = run_phiz("inspect", raw)
    assert "a collection of pictures" in seen.stdout
    assert "konachan solo rating:safe" in seen.stdout


def test_gallery_dl_missing_or_too_old(site, raw, tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_GALLERY_DL", str(tmp_path / "none"))
    with pytest.raises(MissingExtra, match=r'pip install "phiz\[collect\]"') as caught:
        gather("konachan", "solo", raw)
    assert caught.value.status == 4
    old = tmp_path / "gallery-dl"
    old.write_text(f"#!{sys.executable}\nprint('1.20.1')\n")
    old.chmod(0o755)
    if os.name != "nt":
        monkeypatch.setenv("PHIZ_GALLERY_DL", str(old))
        with pytest.raises(PhizError, match=r"1\.20\.1, but 1\.30\.0 is needed: pip install") as caught:
            gather("konachan", "solo", raw)
        assert caught.value.status == 4
    assert not raw.exists()


def test_httpx_missing(site, raw, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match="collect"):
        gather("konachan", "solo", raw)


def test_importing_and_helping_load_nothing_heavy():
    code = (
        "import sys, phiz.cli, phiz.verbs.collect; heavy = {'httpx', 'gallery_dl', 'torch', 'onnxruntime'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_gallery_dl_is_never_imported():
    for path in (Path(__file__).resolve().parents[2] / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        assert "import gallery_dl" not in text
        assert "from gallery_dl" not in text


def test_without_the_switch_this_machine_is_out_of_reach(site, raw, monkeypatch, tmp_path):
    monkeypatch.delenv("PHIZ_COLLECT_TEST")
    (tmp_path / "urls.txt").write_text(f"http://127.0.0.1:{site.port}/image/1.png")
    gather(tmp_path / "urls.txt", "", raw)
    assert "private network" in next(iter(aside(raw).values()))
    assert not site.log
    shutil.rmtree(raw)
