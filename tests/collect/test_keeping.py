"""The folder, its lock and its ledger: whole after a kill, a full disk, a second process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import suppress

import pytest

from phiz import artefacts, ledger, manifest
from phiz.collect.keeping import Keeper, check_folder
from phiz.collect.posts import Post
from phiz.errors import PhizError, Surroundings

POST = Post(
    "konachan.com", "7", "https://konachan.com/7.png", tags=("solo", "髪"), artists=("ann",), rating="safe"
)


def test_a_collection_says_what_it_is(tmp_path):
    folder = tmp_path / "raw"
    with Keeper(folder) as keeper, keeper.change():
        keeper.add(POST, keeper.ask("SELECT 1 AS id")[0]["id"], POST.url, "original")
    assert artefacts.kind_of(folder) == "collection"
    (row,) = ledger.rows(folder)
    assert (row["status"], row["tags"], row["artist"], row["variant"]) == (
        "waiting",
        ["solo", "髪"],
        ["ann"],
        "original",
    )


def test_nothing_is_left_where_nothing_came(tmp_path):
    with Keeper(tmp_path / "raw"):
        assert (tmp_path / "raw" / "collection.json").exists()
    assert not (tmp_path / "raw").exists()


def test_only_one_process_writes(tmp_path):
    code = "import sys, time; from pathlib import Path; from phiz.collect.keeping import Keeper\n"
    code += "with Keeper(Path(sys.argv[1])): print('in', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(tmp_path / "raw")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(PhizError, match="another phiz collect is at work"):
            Keeper(tmp_path / "raw")
        other.kill()
    with Keeper(tmp_path / "raw"):
        pass


def test_a_change_is_whole_or_nothing(tmp_path):
    with Keeper(tmp_path / "raw") as keeper:
        with keeper.change():
            keeper.add(POST, None, POST.url, "original")
        with suppress(KeyboardInterrupt), keeper.change():
            keeper.run("DELETE FROM pictures")
            raise KeyboardInterrupt
        assert keeper.known(POST)


KILLED = """
import os, signal, sys
from pathlib import Path
from phiz.collect.keeping import Keeper
from phiz.collect.posts import Post
with Keeper(Path(sys.argv[1])) as keeper:
    for number in range(1, 500):
        with keeper.change():
            keeper.add(Post("konachan.com", str(number), "https://x/1"), None, "https://x/1", "original")
            if number == 31:
                os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_within_a_change_leaves_a_whole_ledger(tmp_path):
    folder = tmp_path / "raw"
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    with Keeper(folder) as keeper:
        assert keeper.ask("SELECT count(*) AS n FROM pictures") == [{"n": 30}]
        assert keeper.ask("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


SPILLED = KILLED.replace("as keeper:", 'as keeper:\n    keeper.run("PRAGMA cache_size = 1")').replace(
    """            if number == 31:
""",
    """            if number == 31:
                keeper.run("UPDATE pictures SET source = hex(zeroblob(4000))")
""",
)


@pytest.fixture
def cut_short(tmp_path):
    """A collection of 30 pictures whose writer was killed with a change half in the file."""
    folder = tmp_path / "raw"
    subprocess.run([sys.executable, "-c", SPILLED, str(folder)], check=False)
    assert (folder / "collection.sqlite-journal").stat().st_size > 0
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_change_cut_short_is_taken_back_by_who_reads_first(cut_short):
    assert [row["source"] for row in ledger.rows(cut_short)] == [None] * 30
    assert not (cut_short / "collection.sqlite-journal").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_change_cut_short_where_nothing_may_be_written(cut_short, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3,
        "connect",
        lambda path, **more: connect(manifest.read_only(cut_short / ledger.NAME), uri=True),
    )
    with pytest.raises(PhizError, match="the same phiz collect again mends it"):
        list(ledger.rows(cut_short))


def test_folders_that_hold_something_else(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("words")
    with pytest.raises(PhizError, match="is no collection"):
        check_folder(tmp_path / "thesis")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text('{"phiz": "run"}')
    with pytest.raises(PhizError, match="is a phiz run"):
        check_folder(tmp_path / "run", local=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(PhizError, match="is a file"):
        check_folder(tmp_path / "file")
    check_folder(tmp_path / "new")


def test_a_newer_or_a_damaged_one(tmp_path):
    folder = tmp_path / "raw"
    with Keeper(folder) as keeper, keeper.change():
        keeper.add(POST, None, POST.url, "original")
    (folder / "collection.sqlite").write_bytes(b"no database " * 500)
    with pytest.raises(PhizError, match="restore it from a copy"):
        list(ledger.rows(folder))
    with pytest.raises(PhizError, match="restore it from a copy"):
        Keeper(folder)
    (folder / "collection.json").write_text('{"phiz": "collection", "format": 99}')
    with pytest.raises(PhizError, match="newer than 1"):
        Keeper(folder)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x.png", "..\\x.png", "c:x"]
)
def test_a_ledger_from_elsewhere_names_nothing_outside(tmp_path, name):
    with Keeper(tmp_path / "raw") as keeper:
        with keeper.change():
            keeper.add(POST, None, POST.url, "original", status="kept", file=name)
        with pytest.raises(PhizError, match="not below the collection"):
            ledger.files(tmp_path / "raw")


def test_a_ledger_on_a_full_disk(small_disk):
    folder = small_disk / "raw"
    with Keeper(folder) as keeper:
        with keeper.change():
            keeper.add(POST, None, POST.url, "original")

        def fill() -> None:
            for number in range(10_000):
                with keeper.change():
                    post = Post("yande.re", str(number), "https://yande.re/1.png", tags=("x" * 9000,))
                    keeper.add(post, None, post.url, "original")

        with pytest.raises(Surroundings, match="No space left") as caught:
            fill()
        assert caught.value.status == 5
        assert keeper.ask("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        assert keeper.known(POST)


def test_a_full_disk_from_the_start(small_disk):
    with open(small_disk / "filler", "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(Surroundings, match="No space left"):
        Keeper(small_disk / "raw")


def test_sqlite_is_opened_for_reading_only(tmp_path):
    with Keeper(tmp_path / "raw") as keeper, keeper.change():
        keeper.add(POST, None, POST.url, "original")
    with pytest.raises(PhizError):
        list(ledger.query(tmp_path / "raw", "DELETE FROM pictures"))
    with sqlite3.connect(tmp_path / "raw" / "collection.sqlite") as base:
        assert base.execute("SELECT count(*) FROM pictures").fetchone() == (1,)
