"""Sources: a folder, a zip, a tar and single pictures hand out the same bytes in the same order."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from phiz.errors import PhizError, Surroundings, UsageError
from phiz.pictures import BadPicture
from phiz.prepare import sources
from phiz.prepare.entries import Source, listing, unreadable
from phiz.prepare.sources import open_sources

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
FILES = {
    "顔/10.png": PNG + b"10",
    "顔/9.png": PNG + b"9",
    "лицо/é.JPG": b"\xff\xd8\xff" + b"e",
    "وجه.webp": b"whatever",
    "no-suffix": PNG,
    "notes.txt": b"text",
    "labels.csv": b"file,hair\n",
    ".DS_Store": b"x",
    "__MACOSX/._9.png": b"x",
    "顔/Thumbs.db": b"x",
}
ORDER = ["no-suffix", "лицо/é.JPG", "وجه.webp", "顔/9.png", "顔/10.png"]


def folder(at: Path) -> Path:
    for name, data in FILES.items():
        path = at / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return at / "faces"


def zipped(at: Path) -> Path:
    with zipfile.ZipFile(at / "faces.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("顔/", b"")
        for name, data in FILES.items():
            archive.writestr(name, data)
    return at / "faces.zip"


def tarred(mode: str, suffix: str) -> Callable[[Path], Path]:
    def make(at: Path) -> Path:
        path = at / f"faces.{suffix}"
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            for name, data in {"./": b"", **FILES}.items():
                info = tarfile.TarInfo(name if name == "./" else f"./{name}")
                info.type = tarfile.DIRTYPE if name == "./" else tarfile.REGTYPE
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return path

    return make


MAKERS: dict[str, Callable[[Path], Path]] = {
    "folder": folder,
    "zip": zipped,
    "tar": tarred("w", "tar"),
    "gz": tarred("w:gz", "tar.gz"),
    "bz2": tarred("w:bz2", "tbz2"),
    "xz": tarred("w:xz", "tar.xz"),
}


def contents(source: Source) -> dict[str, bytes]:
    return {source.entries[index].name: load() for index, load in source.read()}


@pytest.fixture
def opened():  # type: ignore[no-untyped-def]
    everything: list[Source] = []

    def open_them(*args, **options):  # type: ignore[no-untyped-def]
        found = open_sources(*args, **options)
        everything.extend(found)
        return found

    yield open_them
    sources.close(everything)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_source_holds_the_same(kind: str, tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    (source,) = opened(MAKERS[kind](tmp_path))
    assert [entry.name for entry in source.entries] == ORDER
    assert contents(source) == {name: FILES[name] for name in ORDER}
    assert source.label == "faces"
    assert source.skipped == {".txt": 1, ".csv": 1}
    assert listing(source)["pictures"] == 5
    if source.in_order:
        assert [index for index, _ in source.read()] == list(range(5))


def test_one_listing_whatever_it_is_packed_in(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    found = [listing(opened(make(tmp_path))[0]) for make in MAKERS.values()]
    assert len({one["listing"] for one in found}) == 1
    (tmp_path / "faces" / "顔" / "9.png").write_bytes(PNG)
    assert listing(opened(tmp_path / "faces")[0])["listing"] != found[0]["listing"]


def test_pictures_named_one_by_one_keep_the_folders_they_differ_in(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    faces = folder(tmp_path)
    (source,) = opened([faces / "顔" / "10.png", faces / "顔" / "9.png", faces / "лицо" / "é.JPG"])
    assert [entry.name for entry in source.entries] == ["лицо/é.JPG", "顔/9.png", "顔/10.png"]
    (single,) = opened(str(faces / "顔" / "9.png"))
    assert contents(single) == {"9.png": PNG + b"9"}


def test_several_sources_begin_with_their_own_name(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "other").mkdir()
    several = opened([zipped(tmp_path), folder(tmp_path / "other"), tarred("w", "tar")(tmp_path / "other")])
    names = sources.paths(several)
    assert names[:2] == ["faces/no-suffix", "faces/лицо/é.JPG"]
    assert names[5] == "faces (2)/no-suffix"
    assert names[10] == "faces (3)/no-suffix"
    assert len(set(names)) == 15


def test_links_in_a_folder_are_followed_once(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    faces = folder(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "more.png").write_bytes(PNG)
    try:
        (faces / "linked").symlink_to(elsewhere)
        (faces / "round").symlink_to(faces)
        (faces / "gone.png").symlink_to(tmp_path / "nothing")
    except OSError:
        pytest.skip("this system makes no links")
    (source,) = opened(faces)
    assert sorted(entry.name for entry in source.entries) == sorted([*ORDER, "linked/more.png"])


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text_are_kept_as_far_as_they_go(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    try:
        with open(raw, "wb") as file:
            file.write(PNG)
    except OSError:
        pytest.skip("this file system takes text names only")
    (source,) = opened(tmp_path)
    assert contents(source) == {"\ufffd\ufffd.png": PNG}


def refused(pictures: object) -> str:
    with pytest.raises(PhizError) as caught:
        open_sources(pictures)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no picture: nothing at all" in refused(tmp_path / "empty")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("a")
    (texts / "b.txt").write_text("b")
    (texts / "faces.zip").write_bytes(b"PK")
    message = refused(texts)
    assert "passed over: 2 .txt, 1 .zip" in message
    assert "Name the archives" in message
    assert "no folder, zip, tar or picture" in refused(texts / "a.txt")
    (texts / "empty.zip").write_bytes(b"")
    assert "empty file" in refused(texts / "empty.zip")
    (texts / "faceset.json").write_text('{"phiz": "faceset"}')
    assert "is a phiz faceset" in refused(texts)
    with pytest.raises(UsageError, match="no pictures are named"):
        open_sources([])
    with pytest.raises(UsageError, match="twice"):
        open_sources([texts, tmp_path / "texts" / ".." / "texts"])


def test_a_file_that_goes_away_is_one_bad_picture(tmp_path: Path, opened) -> None:  # type: ignore[no-untyped-def]
    faces = folder(tmp_path)
    (source,) = opened(faces)
    (faces / "no-suffix").unlink()
    loads = [load for _, load in source.read()]
    with pytest.raises(BadPicture, match="no-suffix: cannot be read"):
        loads[0]()
    assert loads[3]() == PNG + b"9"


def test_a_disk_that_goes_away_stops_the_work(tmp_path: Path) -> None:
    import errno

    assert isinstance(unreadable("a", OSError(errno.EIO, "Input/output error")), Surroundings)
    assert isinstance(unreadable("a", PermissionError(errno.EACCES, "denied")), BadPicture)
