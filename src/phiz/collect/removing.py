"""Taking an artist out of a collection, now and for later."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from phiz.collect.keeping import Keeper
from phiz.collect.posts import tag
from phiz.errors import PhizError, nearest
from phiz.ledger import inside

_BLANK = (
    "page", "url", "source", "artist", "tags", "labels", "rating", "score", "sha256", "bytes", "width",
    "height", "licence", "time",
)  # fmt: skip


def forget(keeper: Keeper, artists: Sequence[str]) -> tuple[int, int]:
    """Remove artists' pictures and leave these artists out from now on.

    Files that phiz fetched are deleted, with all that was known of them but their number and MD5, so that
    they are not fetched again. Pictures that lay here before are struck from the ledger and stay.

    Args:
        keeper: the collection.
        artists: names; of pictures whose artist is not named they are looked for among the tags.

    Returns:
        How many files were deleted, and how many local pictures were struck.

    Raises:
        PhizError: the ledger knows no such artist.
    """
    names = [tag(name) for name in artists]
    rows = keeper.ask("SELECT id, file, variant, artist, tags FROM pictures WHERE status != 'forgotten'")
    for row in rows:
        row["by"] = {*(row["artist"] or row["tags"] or ())}
    known = {name for row in rows for name in row["artist"] or ()}
    for name in names:
        if name not in keeper.shunned() and not any(name in row["by"] for row in rows):
            raise PhizError(f'{keeper.folder} has no picture by "{name}".{nearest(name, known)}')
    theirs = [row for row in rows if row["by"] & set(names)]
    local = [row for row in theirs if row["variant"] == "local"]
    fetched = [row for row in theirs if row["variant"] != "local"]
    with keeper.change():
        for name in names:
            keeper.run("INSERT OR IGNORE INTO shunned VALUES (?)", name)
        for row in local:
            keeper.run("DELETE FROM pictures WHERE id = ?", row["id"])
            keeper.run("DELETE FROM finds WHERE picture = ?", row["id"])
        blank = ", ".join(f"{column} = NULL" for column in _BLANK)
        for row in fetched:
            keeper.run(
                f"UPDATE pictures SET status = 'forgotten', reason = NULL, {blank} WHERE id = ?", row["id"]
            )
    return finish(keeper), len(local)


def finish(keeper: Keeper) -> int:
    """Delete the files of forgotten pictures; also those that an earlier, killed removal left."""
    deleted = 0
    for row in keeper.ask("SELECT id, file FROM pictures WHERE status = 'forgotten' AND file IS NOT NULL"):
        path = keeper.folder / inside(keeper.folder, row["file"])
        deleted += path.is_file()
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are in there
            Path(path.parent).rmdir()
        keeper.update(row["id"], file=None)
    return deleted
