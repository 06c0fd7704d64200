"""Archives that mean harm, or are broken, are refused as a whole; the entry is named."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from phiz.errors import PhizError
from phiz.pictures import BadPicture
from phiz.prepare.archives import Zip, open_archive

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def make_zip(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def make_tar(path: Path, *entries: tuple[str | tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in entries:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def refused(path: Path) -> str:
    before = sorted(path.parent.parent.rglob("*"))
    with pytest.raises(PhizError) as caught:
        open_archive(path)
    assert caught.value.status == 3
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert sorted(path.parent.parent.rglob("*")) == before  # nothing was unpacked anywhere
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"]
)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_lead_out(make, name: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    message = refused(make(tmp_path / "a", ("1.png", PNG), (name, PNG)))
    assert "refused as a whole" in message
    assert "evil.png" in message


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_clash(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "twice" in refused(make(tmp_path / "a", ("1.png", PNG), ("1.png", PNG)))
    assert "one file on other systems" in refused(make(tmp_path / "b", ("a/1.png", PNG), ("A/1.png", PNG)))


def test_a_link_or_a_device_in_a_zip(tmp_path: Path) -> None:
    for kind, what in [
        (stat.S_IFLNK, "a link"),
        (stat.S_IFIFO, "special file"),
        (stat.S_IFCHR, "special file"),
    ]:
        info = zipfile.ZipInfo("odd.png")
        info.create_system = 3
        info.external_attr = (kind | 0o644) << 16
        message = refused(make_zip(tmp_path / "a.zip", ("1.png", PNG), (info, b"/etc/passwd")))
        assert "odd.png" in message
        assert what in message


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_link_or_a_device_in_a_tar(mode: str, tmp_path: Path) -> None:
    for kind, what in [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "special file"),
        (tarfile.FIFOTYPE, "special file"),
        (tarfile.GNUTYPE_SPARSE, "a.tar"),  # or damaged: a sparse file without its map
    ]:
        info = tarfile.TarInfo("odd.png")
        info.type = kind
        info.linkname = "/etc/passwd"
        message = refused(make_tar(tmp_path / "a.tar", ("1.png", PNG), (info, b""), mode=mode))
        assert what in message


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    make_zip(path, ("face.png", bytes(40 * 2**20)))
    claimed = bytearray(path.read_bytes())  # claim 1 GB in the directory, as a real one would
    at = claimed.rindex(b"PK\x01\x02")
    claimed[at + 24 : at + 28] = struct.pack("<I", 10**9)
    path.write_bytes(bytes(claimed))
    message = refused(path)
    assert "face.png, a bomb" in message
    assert "1,000,000,000" in message


def test_a_picture_that_is_larger_than_it_says_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "lies.zip"
    make_zip(path, ("face.png", bytes(2**20)))
    claimed = bytearray(path.read_bytes())
    at = claimed.rindex(b"PK\x01\x02")
    claimed[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(bytes(claimed))
    with closing(open_archive(path)) as archive:
        ((_, fetch),) = archive.read()
        with pytest.raises(BadPicture):
            fetch()


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_bomb_in_a_tar_is_refused_at_its_header(mode: str, tmp_path: Path) -> None:
    path = make_tar(tmp_path / "bomb.tar.gz", ("1.png", PNG), ("big.png", bytes(32 * 2**20)), mode=mode)
    assert "big.png, a bomb" in refused(path)


def test_many_small_bombs_in_a_tar_add_up(tmp_path: Path) -> None:
    entries = [(f"{index}.png", bytes(2**20)) for index in range(40)]
    assert "a bomb" in refused(make_tar(tmp_path / "bomb.tgz", *entries, mode="w:gz"))


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ("1.png", PNG))
    data = bytearray(path.read_bytes())
    for magic, offset in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        data[data.index(magic) + offset] |= 1
    path.write_bytes(bytes(data))
    assert "1.png, which is encrypted" in refused(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
def test_what_is_no_archive(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for data in (b"this is no archive", os.urandom(3000), b"\x1f\x8b" + bytes(50), b"PK\x03\x04" + bytes(50)):
        path.write_bytes(data)
        assert (
            "no zip archive" in (message := refused(path))
            or "no tar archive" in message
            or "no folder" in message
        )
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    assert "unpack it yourself" in refused(path)


def test_an_archive_that_is_cut_short(tmp_path: Path) -> None:
    noise = [(f"{index}.png", os.urandom(3000)) for index in range(20)]
    for path in (
        make_zip(tmp_path / "a.zip", *noise),
        make_tar(tmp_path / "a.tar.gz", *noise, mode="w:gz"),
        make_tar(tmp_path / "a.tar.xz", *noise, mode="w:xz"),
        make_tar(tmp_path / "b.tar", *noise),
    ):
        path.write_bytes(path.read_bytes()[:20_000])
        assert "or a damaged one" in refused(path)


def test_a_damaged_entry_is_one_bad_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", PNG + b"one")
        archive.writestr("2.png", PNG + b"two")
    path.write_bytes(path.read_bytes().replace(b"one", b"0ne"))
    source = open_archive(path)
    loads = [load for _, load in source.read()]
    with pytest.raises(BadPicture, match=r"1\.png: damaged in the archive"):
        loads[0]()
    assert loads[1]() == PNG + b"two"
    source.close()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_picture_that_is_too_large_is_set_aside_unread(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phiz.prepare.archives.MAX_BYTES", 100)
    entries = [("big.png", os.urandom(101)), ("small.png", PNG)]
    path = tmp_path / f"a.{kind}"
    source = open_archive(
        make_zip(path, *entries)
        if kind == "zip"
        else make_tar(path, *entries, mode="w:gz" if kind == "tar.gz" else "w")
    )
    loads = dict(source.read())
    with pytest.raises(BadPicture, match=r"big\.png: 101 bytes"):
        loads[0]()
    assert loads[1]() == PNG
    source.close()


def test_names_as_macos_and_windows_write_them(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ("Köln/顔.png", PNG), ("back\\slash.png", PNG))
    data = bytearray(path.read_bytes())
    for magic, offset in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        at = data.index(magic)
        data[at + offset + 1] &= ~8  # the flag that says UTF-8
    path.write_bytes(bytes(data))
    source = Zip(path)
    assert [entry.name for entry in source.entries] == ["back/slash.png", "Köln/顔.png"]
    source.close()
