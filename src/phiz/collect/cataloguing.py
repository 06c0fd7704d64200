"""Pictures that lie here already: noted where they are, never moved, changed or deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from phiz import ledger
from phiz.collect import given
from phiz.collect.exclusions import sexualises_minors
from phiz.collect.gathering import Tally
from phiz.collect.keeping import Keeper
from phiz.collect.posts import Post
from phiz.errors import PhizError, Surroundings

_TOGETHER = 200


def catalogue(
    keeper: Keeper, folder: Path, progress: Callable[[int, int], None], check: Callable[[], None]
) -> Tally:
    """Bring the ledger up to what lies in `folder`, which is the collection or lies in it.

    New and changed pictures are hashed and noted, with what a sidecar NAME.json says of them; those that
    cannot be read are set aside, and those that are gone are struck.
    """
    tally = Tally()
    known = {
        row["file"]: row
        for row in keeper.ask("SELECT id, file, variant, bytes, time FROM pictures WHERE file IS NOT NULL")
    }
    shunned = keeper.shunned()
    paths = list(given.local_pictures(folder))
    here = set()
    waiting: list[tuple[Post, dict[str, Any]]] = []
    for place, path in enumerate(paths):
        check()
        number = path.relative_to(keeper.folder).as_posix()
        here.add(number)
        row = known.get(number)
        progress(place + 1, len(paths))
        if row and row["variant"] != "local":
            continue
        if not _can_be_named(keeper.folder, number):
            tally.left_out["a name with : or \\, or not in Unicode"] += 1
            continue
        try:
            length, changed = given.stamp(path)
            if row and (row["bytes"], row["time"]) == (length, changed):
                tally.here += 1
                continue
            post = given.local_post(path, number)
            if why := _refusal(post, shunned):
                tally.left_out[why] += 1
                continue
            md5, sha256 = given.hashes(path)
        except (PermissionError, FileNotFoundError) as fault:  # a later run tries again
            why = f"cannot be read: {fault.strerror}"
            waiting.append(
                (Post("local", number, ""), {"status": "set aside", "reason": why, "file": number})
            )
            tally.aside[why] += 1
        except OSError as fault:
            raise Surroundings(
                f"{path}: {fault.strerror} while reading the pictures; the same command goes on."
            ) from None
        else:
            more = {"status": "kept", "bytes": length, "md5": md5, "sha256": sha256, "time": changed}
            waiting.append((post, more | {"file": number}))
            tally.fetched += 1
        if len(waiting) == _TOGETHER:
            _note(keeper, waiting)
    _note(keeper, waiting)
    inside = "" if folder.resolve() == keeper.folder.resolve() else f"{number_of(keeper, folder)}/"
    gone = [
        row["id"]
        for name, row in known.items()
        if row["variant"] == "local" and name not in here and name.startswith(inside)
    ]
    with keeper.change():
        for picture in gone:
            keeper.run("DELETE FROM pictures WHERE id = ?", picture)
    tally.here += tally.fetched
    return tally


def number_of(keeper: Keeper, folder: Path) -> str:
    """Return a folder's path below the collection."""
    return folder.resolve().relative_to(keeper.folder.resolve()).as_posix()


def _can_be_named(folder: Path, number: str) -> bool:
    """Say whether a ledger can hold a name, on every system."""
    try:
        number.encode()
        ledger.inside(folder, number)
    except (UnicodeError, PhizError):
        return False
    return True


def _refusal(post: Post, shunned: frozenset[str]) -> str | None:
    if sexualises_minors(post.tags, post.rating if post.tags else "safe"):
        return "always left out: minors"
    if shunned & {*post.artists, *post.tags}:
        return "an artist who is left out"
    return None


def _note(keeper: Keeper, waiting: list[tuple[Post, dict[str, Any]]]) -> None:
    with keeper.change():
        for post, more in waiting:
            keeper.run("DELETE FROM pictures WHERE site = 'local' AND number = ?", post.number)
            keeper.add(post, None, "", "local", **more)
    waiting.clear()
