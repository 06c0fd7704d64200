"""Zip and tar archives as sources: every entry is checked before the first byte is used.

An archive is refused as a whole, and the entry named, for an absolute name, "..", a link, a device,
a sparse file, two entries of one name (or of names that differ in case alone), encryption, or a
bomb. Names that come from elsewhere never touch the disk.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from phiz.errors import PhizError
from phiz.pictures import MAX_BYTES, BadPicture
from phiz.prepare.entries import HEAD, Entry, Source, is_picture, suffix_of, unreadable
from phiz.prepare.names import Guard, clean, hidden, natural

_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_OTHERS = {b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zstd", b"MSCF": "cab"}
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    IndexError,
    OverflowError,
)


def open_archive(path: Path) -> Source:
    """Open a zip or tar (plain, gz, bz2, xz), told by its content.

    Raises:
        PhizError: no archive, damaged, refused as unsafe, or unreadable.
    """
    if not path.is_file():
        raise PhizError(f"{path} is neither a folder nor a file.")
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror}.") from None
    if not head:
        raise PhizError(f"{path} is an empty file.")
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise PhizError(f"{path} is a {kind} archive; unpack it yourself and name the folder.")
    name = path.name.lower()
    if head.startswith(_PACKED):
        return PackedTar(path)
    if head[257:262] == b"ustar" or name.endswith(".tar"):
        return Tar(path)
    if head.startswith(b"PK") or name.endswith(".zip"):
        return Zip(path)
    raise PhizError(f"{path} is no folder, zip, tar or picture.")


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a damaged archive raises into one line."""
    try:
        yield
    except PhizError:
        raise
    except PermissionError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror}.") from None
    except _DAMAGE as fault:
        text = " ".join(str(fault).split()) or type(fault).__name__
        raise PhizError(f"{path} is no {kind} archive, or a damaged one ({text}); fetch it again.") from None


class Zip:
    """A zip archive; its pictures are read in any order, from any thread."""

    in_order = True

    def __init__(self, path: Path) -> None:
        self.place = path
        self.name = clean(path.name)
        self.label = clean(path.stem)
        self.skipped: Counter[str] = Counter()
        with _whole(path, "zip"):
            self._zip = zipfile.ZipFile(path)
            try:
                self.entries = sorted(self._list(Guard(path)), key=lambda entry: natural(entry.name))
            except BaseException:
                self._zip.close()
                raise

    def _list(self, guard: Guard) -> Iterator[Entry]:
        infos = self._zip.infolist()
        names = [_admit(info, guard) for info in infos]  # all of them before a byte is read
        for info, name in zip(infos, names, strict=True):
            if info.is_dir() or hidden(name):
                continue
            if is_picture(name, lambda info=info: self._head(info)):  # type: ignore[misc]
                yield Entry(clean(name), info.file_size, info)
            else:
                self.skipped[suffix_of(name)] += 1

    def _head(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as file:
                return file.read(HEAD)
        except _DAMAGE:
            return b""

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        for index, entry in enumerate(self.entries):
            yield index, lambda entry=entry: self._bytes(entry)  # type: ignore[misc]

    def _bytes(self, entry: Entry) -> bytes:
        _check_bytes(entry)
        try:
            info = entry.key if isinstance(entry.key, zipfile.ZipInfo) else self._zip.getinfo(entry.key)
            with self._zip.open(info) as file:  # read by what it says of its size: it may hold much more
                data = file.read(info.file_size)
                if file.read(1):
                    raise BadPicture(entry.name, "damaged in the archive: larger than it says")
            return data
        except OSError as fault:
            raise unreadable(entry.name, fault) from None
        except _DAMAGE as fault:
            raise BadPicture(entry.name, f"damaged in the archive: {fault}") from None

    def beside(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yield (path, bytes) of the entries that are no pictures and are wanted."""
        for info in self._zip.infolist():
            name = clean(_zip_name(info).replace("\\", "/"))
            if not info.is_dir() and wanted(name):
                yield name, self._bytes(Entry(name, info.file_size, info))

    def close(self) -> None:
        self._zip.close()


def _admit(info: zipfile.ZipInfo, guard: Guard) -> str:
    """Return the path of a zip entry that may be used; refuse the archive otherwise."""
    raw = _zip_name(info)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if stat.S_ISLNK(kind):
        guard.refuse(raw, "a link")
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        guard.refuse(raw, "a device or another special file")
    if info.flag_bits & 1:
        guard.refuse(raw, "which is encrypted")
    if info.is_dir():
        return guard.path(raw)
    guard.sizes(raw, info.file_size, info.compress_size)
    return guard.file(raw)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name; macOS writes UTF-8 without the flag that says so."""
    name = info.filename
    if info.flag_bits & 0x800 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _check_bytes(entry: Entry) -> None:
    if entry.size > MAX_BYTES:
        raise BadPicture(entry.name, f"{entry.size:,} bytes, more than the {MAX_BYTES:,} that are read")


class Tar:
    """A plain tar archive; its pictures are read in any order, from any thread."""

    in_order = True
    mode = "r:"

    def __init__(self, path: Path) -> None:
        self.path = self.place = path
        self.name = clean(path.name)
        self.label = re.sub(r"\.(tar(\.\w+)?|t[gbx]z2?)$", "", self.name, flags=re.IGNORECASE)
        self.skipped: Counter[str] = Counter()
        self._lock = threading.Lock()
        with _whole(path, "tar"):
            self.entries = list(self._list(Guard(path)))
        self._arrange()
        self._file = open(path, "rb")  # noqa: SIM115 - closed by close()

    def _arrange(self) -> None:
        self.entries.sort(key=lambda entry: natural(entry.name))

    def _members(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        with tarfile.open(self.path, self.mode) as tar:  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                tar.members.clear()  # it would keep every one of them
                yield tar, member

    def _list(self, guard: Guard) -> Iterator[Entry]:
        packed, unpacked = self.path.stat().st_size, 0
        for tar, member in self._members():
            raw = member.name
            if member.isdir():
                guard.path(raw)
                continue
            if member.issym() or member.islnk():
                guard.refuse(raw, "a link")
            if not member.isfile() or member.issparse():
                guard.refuse(raw, "a device or another special file")
            unpacked += member.size
            guard.sizes(raw, unpacked, packed)
            name = guard.file(raw)
            if hidden(name):
                continue
            if is_picture(name, lambda tar=tar, member=member: _member(tar, member, HEAD)):  # type: ignore[misc]
                yield Entry(clean(name), member.size, member.offset_data)
            else:
                self.skipped[suffix_of(name)] += 1

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        for index, entry in enumerate(self.entries):
            yield index, lambda entry=entry: self._bytes(entry)  # type: ignore[misc]

    def _bytes(self, entry: Entry) -> bytes:
        _check_bytes(entry)
        try:
            with self._lock:
                self._file.seek(entry.key)
                data = self._file.read(entry.size)
        except OSError as fault:
            raise unreadable(entry.name, fault) from None
        if len(data) < entry.size:
            raise BadPicture(entry.name, "cut short in the archive")
        return data

    def beside(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yield (path, bytes) of the entries that are no pictures and are wanted."""
        with _whole(self.path, "tar"):
            for tar, member in self._members():
                name = clean(member.name.removeprefix("./"))
                if member.isfile() and wanted(name) and member.size <= MAX_BYTES:
                    yield name, _member(tar, member, member.size)

    def close(self) -> None:
        self._file.close()


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, size: int) -> bytes:
    file = tar.extractfile(member)
    return file.read(size) if file else b""


class PackedTar(Tar):
    """A compressed tar: listed in one pass and read in a second, in the archive's own order."""

    mode = "r|*"

    def _arrange(self) -> None:
        self._arrival = {entry.key: place for place, entry in enumerate(self.entries)}
        super()._arrange()
        self.in_order = all(self._arrival[entry.key] == place for place, entry in enumerate(self.entries))

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        places = {entry.key: index for index, entry in enumerate(self.entries)}
        with _whole(self.path, "tar"):
            for tar, member in self._members():
                index = places.get(member.offset_data)
                if index is None:
                    continue
                try:
                    _check_bytes(self.entries[index])
                except BadPicture as fault:
                    yield index, lambda fault=fault: _raise(fault)  # type: ignore[misc]
                else:
                    data = _member(tar, member, member.size)
                    yield index, lambda data=data: data  # type: ignore[misc]


def _raise(fault: BadPicture) -> bytes:
    raise fault
