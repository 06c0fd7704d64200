"""Artefacts on disk: plain folders, written aside and put in place whole.

Nothing half-written is ever found under its final name: a folder is built beside its place as
`.NAME.partial`, each file is fsynced, and one rename puts it there. `--force` replaces only what
phiz recognises as its own, and moves the old folder aside until the new one is whole.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from phiz.errors import PhizError, Surroundings

Kind = Literal["faceset", "run", "model", "evaluation", "collection", "site"]
_MARKS: dict[str, Kind] = {
    "faceset.json": "faceset",
    "recipe.json": "run",
    "config.json": "model",
    "evaluation.json": "evaluation",
    "collection.json": "collection",
    "site.json": "site",
}
WRITTEN = ".phiz"
"""A file in a folder of pictures that phiz wrote; readers of picture folders pass over such names."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where there is no room."""

# What the system says where a place is not to be written, whatever room there is.
_REFUSED = (
    errno.EACCES, errno.EROFS, errno.EPERM, errno.EBUSY, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
    errno.ENAMETOOLONG, errno.ELOOP, errno.EXDEV,
)  # fmt: skip
_GONE = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT)

_NUMBERS = re.compile(r"\[\n\s+((?:-?\d[\d.eE+-]*,?\s+)+)\]")  # no string of JSON has a line's end in it

_LOCK = ".phiz.lock"  # in a folder beside which no lock can lie
_HALF_WRITTEN = {_LOCK, *(f".{name}.partial" for name in _MARKS)}
_LONGEST = 240
"""Bytes in a name: what lies beside it for a while, such as `.NAME.unfinished`, has a name of 255 at most."""


class Newer(PhizError):
    """Something of a format that this phiz does not read."""


def kind_of(path: Path) -> Kind | None:
    """Say what phiz artefact the folder `path` is, by the JSON that names it; None if it is none."""
    for name, kind in _MARKS.items():
        try:
            mark = json.loads((path / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(mark, dict) and mark.get("phiz") == kind:
            return kind
    return None


def read_json(path: Path, kind: Kind, version: int) -> dict[str, Any]:
    """Read the JSON `path` of an artefact; refuse another kind, damage, and a newer format by name.

    Raises:
        PhizError: it is missing, damaged, or says something else than it did when it was written with a hash
            of itself (`sealed`).
        Newer: it has a newer format.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PhizError(f"{path} is missing: {path.parent} is no phiz {kind}, or not a whole one.") from None
    except (OSError, ValueError) as fault:
        raise PhizError(f"{path} cannot be read ({fault}); restore it from a copy.") from None
    if not isinstance(data, dict) or data.get("phiz") != kind:
        raise PhizError(f"{path} was not written by phiz as a {kind}.")
    hashes = data.get("sha256")
    if isinstance(hashes, dict) and path.name in hashes and hashes[path.name] != own_hash(data, path.name):
        raise PhizError(f"{path} was changed since phiz wrote it; restore it from a copy.")
    if not isinstance(data.get("format", 0), int):
        raise PhizError(f"{path} is damaged (format: {data['format']!r}); restore it from a copy.")
    if data.get("format", 0) > version:
        raise Newer(
            f"{path} has format {data['format']}, newer than {version}, the newest this phiz reads: "
            "pip install --upgrade phiz"
        )
    return data


def own_hash(data: dict[str, Any], name: str) -> str:
    """Return the SHA-256 of what the JSON file `name` says besides that hash itself, data["sha256"][name]."""
    hashes = {other: value for other, value in data["sha256"].items() if other != name}
    return hashlib.sha256(json.dumps(data | {"sha256": hashes}, sort_keys=True).encode()).hexdigest()


def sealed(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what the JSON file `name` is to say, with a SHA-256 of all of it."""
    data = {**data, "sha256": {**data.get("sha256", {})}}
    data["sha256"][name] = own_hash(data, name)
    return data


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write `data` to `path` whole: aside, fsynced, renamed."""
    try:
        text = _indented(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # the name of a file that is no UTF-8
        text = _indented(data).encode("ascii")
    write_bytes(path, text + b"\n")


def _indented(data: dict[str, Any], ensure_ascii: bool = True) -> str:
    """Return indented JSON in which a list of numbers stands on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=ensure_ascii)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` whole: aside, fsynced, renamed."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_directory(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(folder: Path) -> None:
    """Flush every file below `folder`, and the folders themselves, to the disk."""
    mode = "r+b" if os.name == "nt" else "rb"  # Windows flushes only what may be written
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(Path(root, name), mode) as file:
                os.fsync(file.fileno())
        sync_directory(Path(root))


def sync_directory(folder: Path) -> None:
    """Flush the names in `folder` to the disk."""
    if os.name == "nt":  # a directory cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as fault:
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems sync no directories
            raise
    finally:
        os.close(handle)


def named(path: str | Path) -> Path:
    """Return a path as one that ends in a name: "." and ".." as the folders that they are."""
    place = Path(path)
    return place if place.name not in ("", "..") else place.resolve()


def check_target(target: Path, kind: Kind, force: bool) -> None:
    """Refuse to write `target`, before any work, where it may not be replaced (status 3)."""
    in_place = kind == "run" or (kind == "site" and kind_of(target) == "site")
    if not in_place and _stands_in(target):
        raise PhizError(
            f"{target} is the folder you stand in, and a new one would take its place: name one in it, or "
            "go elsewhere first."
        )
    _check_free_for(target, kind, force)


def _check_free_for(target: Path, kind: Kind, force: bool) -> None:
    if len(os.fsencode(target.name)) > _LONGEST:
        raise PhizError(f"{target.name[:20]}…: this name is too long; {_LONGEST} bytes are the most.")
    if (not target.exists() and not target.is_symlink()) or unwritten(target):
        return
    if not force:
        raise PhizError(f"{target} exists; choose another name, or --force to replace it.")
    if not target.is_dir() or kind_of(target) != kind:
        kept = f" What was there before lies in {beside(target)}." if kind_of(beside(target)) == kind else ""
        raise PhizError(
            f"{target} is not a phiz {kind}, so --force does not replace it; move it away yourself.{kept}"
        )


@contextmanager
def building(target: Path, kind: Kind, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `target`; put it there, whole, when the block ends.

    On any fault the folder is removed and what stood at `target` stays.

    Raises:
        PhizError: `target` exists and may not be replaced.
        Surroundings: the disk is full.
    """
    _check_free_for(target, kind, force)
    target = real(target)
    aside = target.with_name(f".{target.name}.partial")
    check_beside(target, kind)
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if aside.exists():
            shutil.rmtree(aside)
        aside.mkdir()
        try:
            yield aside
            sync(aside)
            swap(aside, target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise


def swap(aside: Path, target: Path) -> None:
    """Rename the folder `aside` to `target`; what stood there is kept until that is done."""
    old, replaces = beside(target), target.exists()
    if replaces:
        discard(old)
        os.replace(target, old)
    try:
        os.replace(aside, target)
    except OSError:
        if replaces:
            os.replace(old, target)
        raise
    sync_directory(target.parent)
    if replaces:
        discard(old)


def beside(target: Path) -> Path:
    """Return where the folder lies that a new one at `target` is to replace: `.NAME.old` beside it."""
    return target.with_name(f".{target.name}.old")


def _stands_in(folder: Path) -> bool:
    """Say whether the working directory is this folder or lies in it."""
    try:
        return Path.cwd().is_relative_to(folder.resolve(strict=True))
    except OSError:  # one of the two is not there
        return False


def real(target: Path) -> Path:
    """Return the folder that a link or "." names, so that the link stays and what it names is replaced."""
    return target.resolve() if target.is_symlink() else named(target)


def check_beside(target: Path, kind: Kind) -> None:
    """Refuse to replace `target` where something lies beside it that phiz has not put there (PhizError)."""
    if target.exists():
        check_free(beside(target), kind)


def check_free(place: Path, kind: Kind) -> None:
    """Refuse a place for what is replaced where something else lies than such a `kind` (PhizError)."""
    there = place.exists() or place.is_symlink()
    if there and (place.is_symlink() or (kind_of(place) != kind and not unwritten(place))):
        raise PhizError(
            f"{place} is in the way: phiz keeps there for a while what it replaces; move it away yourself."
        )


def unwritten(folder: Path) -> bool:
    """Say whether a folder is empty, but for what a kill at the first file of an artefact leaves."""
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= _HALF_WRITTEN


def discard(folder: Path) -> None:
    """Remove a folder, what says that it is phiz's own last: a kill on the way leaves it known."""
    if folder.is_symlink():
        folder.unlink()
        return
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.name in (*_MARKS, WRITTEN):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def disk(target: Path) -> Iterator[None]:
    """Turn a full or failing disk under `target` into one line with status 5."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (*FULL, *_GONE):
            mend = "Make room" if fault.errno in FULL else "See to the disk"
            raise Surroundings(
                f"{target}: {os.strerror(fault.errno)}; what was there is untouched. {mend}, then give "
                "the same command again; a training that had begun goes on with --resume."
            ) from None
        if fault.errno in _REFUSED:
            raise PhizError(f"{target} cannot be written: {os.strerror(fault.errno)}.") from None
        raise


@contextmanager
def alone(target: Path, doing: str) -> Iterator[None]:
    """Hold `target`'s lock while work goes on in it; a killed process lets go of it.

    It lies beside the folder, or in it where nothing can be written beside it.

    Raises:
        PhizError: another process holds it; `doing` says what it is doing.
    """
    from filelock import FileLock, Timeout

    place = target.resolve()  # the same folder by another name is the same
    names, lock = [place.with_name(f".{place.name}.lock"), *([place / _LOCK] if place.is_dir() else [])], None
    for name in names:
        try:
            lock = FileLock(name, timeout=0)
            lock.acquire()
            break
        except Timeout:
            raise PhizError(
                f"{target} is in use: another phiz is {doing} there. Wait for it, or choose another name."
            ) from None
        except (OSError, NotImplementedError):  # a folder that is not to be written, or no locks there
            lock = None
    try:
        yield
    finally:
        if lock is not None:
            if os.name == "nt":  # an open file cannot be removed there
                lock.release()
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()
