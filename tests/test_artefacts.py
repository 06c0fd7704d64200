"""Folders are put in place whole, and only what is phiz's own is ever replaced or removed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from phiz import artefacts
from phiz.errors import PhizError


def make(target: Path, said: int, force: bool = False) -> None:
    with artefacts.building(target, "model", force) as place:
        artefacts.write_json(place / "config.json", {"phiz": "model", "format": 1, "said": said})


def said(target: Path) -> int:
    return int(json.loads((target / "config.json").read_text("utf-8"))["said"])


def test_what_is_replaced_is_there_until_the_new_one_is_whole(tmp_path):
    make(tmp_path / "m", 1)
    with pytest.raises(ZeroDivisionError), artefacts.building(tmp_path / "m", "model", force=True):
        raise ZeroDivisionError
    assert said(tmp_path / "m") == 1
    make(tmp_path / "m", 2, force=True)
    assert said(tmp_path / "m") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_folder_that_is_called_like_what_is_kept_aside_is_not_touched(tmp_path):
    mine = tmp_path / ".m.old" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    make(tmp_path / "m", 1)
    with pytest.raises(PhizError, match=r"\.m\.old is in the way"):
        make(tmp_path / "m", 2, force=True)
    assert mine.read_text() == "mine"
    assert said(tmp_path / "m") == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    make(tmp_path / "disk" / "m", 1)
    (tmp_path / "m").symlink_to(tmp_path / "disk" / "m")
    for number in (2, 3):
        make(tmp_path / "m", number, force=True)
        assert (tmp_path / "m").is_symlink()
        assert said(tmp_path / "disk" / "m") == number
    assert {path.name for path in tmp_path.rglob("*")} == {"disk", "m", "config.json"}


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_of_a_link_the_link_is_discarded(tmp_path):
    make(tmp_path / "m", 1)
    (tmp_path / "link").symlink_to(tmp_path / "m")
    artefacts.discard(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert said(tmp_path / "m") == 1


def test_a_kill_while_a_folder_is_removed_leaves_it_known_as_phizs(tmp_path, monkeypatch):
    make(tmp_path / "m", 1)
    (tmp_path / "m" / "more").mkdir()
    (tmp_path / "m" / "more" / "file").write_text("x")
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        artefacts.discard(tmp_path / "m")
    assert artefacts.kind_of(tmp_path / "m") == "model"
    monkeypatch.undo()
    artefacts.discard(tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_text_that_is_no_utf_8_comes_back_as_it_was(tmp_path):
    for name in ("größe", os.fsdecode(b"d\xff")):
        artefacts.write_json(tmp_path / "a.json", {"name": name})
        assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"name": name}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PhizError, match=r"cannot be written: (Not a directory|File exists)\.") as caught:
        make(tmp_path / "file" / "m", 1)
    assert caught.value.status == 3


def test_a_folder_beside_which_nothing_can_be_written_is_locked_within(tmp_path, monkeypatch):
    run, acquire = tmp_path / "run", FileLock.acquire
    run.mkdir()

    def refuse(self: FileLock, *args: object, **kwargs: object) -> object:
        if Path(self.lock_file).parent == tmp_path:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return acquire(self, *args, **kwargs)

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with artefacts.alone(run, "training"):
        artefacts.check_target(run, "run", force=False)  # the lock is nothing that stands in the way
        with pytest.raises(PhizError, match="run is in use"), artefacts.alone(run, "training"):
            pass
    assert list(run.iterdir()) == []


def test_a_name_to_which_nothing_can_be_added_is_refused(tmp_path):
    with pytest.raises(PhizError, match="this name is too long; 240 bytes are the most"):
        artefacts.check_target(tmp_path / ("é" * 121), "run", force=True)
    artefacts.check_target(tmp_path / ("é" * 120), "run", force=True)


def test_a_json_that_holds_a_hash_of_itself_is_not_read_when_it_was_changed(tmp_path):
    path = tmp_path / "recipe.json"
    artefacts.write_json(path, artefacts.sealed({"phiz": "run", "rate": 0.1, "name": "\udcff"}, path.name))
    assert artefacts.read_json(path, "run", 1)["rate"] == 0.1
    path.write_text(path.read_text("utf-8").replace("0.1", "0.2"), "utf-8")
    with pytest.raises(PhizError, match=r"recipe\.json was changed since phiz wrote it"):
        artefacts.read_json(path, "run", 1)
