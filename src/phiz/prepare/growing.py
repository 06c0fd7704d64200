"""Taking new pictures into a face set that is there: a new version, in which old faces keep their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.prepare import keeping, report, screens
from phiz.prepare.deciding import Decision
from phiz.prepare.doubts import eyes_or_none
from phiz.prepare.keeping import Row
from phiz.prepare.labels import MINOR
from phiz.prepare.versions import Version

if TYPE_CHECKING:
    from phiz.prepare.making import Job

CHANGED = "its file, or what is said of it, has changed since"


def grow(job: Job, there: FaceSet) -> FaceSet:
    """Look at the pictures that are not in the set yet, and write a version with them; or say it is done.

    Labels that have changed where the pictures lie are taken over as well.

    Raises:
        PhizError: the set was made otherwise, or of other pictures.
    """
    check_same(job, there)
    sizes, minors = {}, set()
    for row in there.rows():
        sizes[row["source"]] = (row["figures"] or {}).get("bytes")
        if str(row["reason"]).startswith(MINOR):
            minors.add(row["source"])
    fresh = [
        index
        for index, (name, size) in enumerate(zip(job.names, job.bytes, strict=True))
        if name not in sizes
        or sizes[name] not in (None, size)
        or (name in minors and index not in job.table.left_out)
    ]
    again = {job.names[index] for index in fresh if job.names[index] in sizes}
    gone = len(sizes.keys() - set(job.names))
    places = {name: index for index, name in enumerate(job.names)}

    def known(row: dict[str, Any]) -> Row:
        """Return a row of the set with the labels that its picture has now."""
        one, index = settled(row, again), places.get(row["source"])
        if index is None:
            return one
        if index in job.table.left_out and one.reason != screens.DROPPED:
            one.reason = job.table.left_out[index]
        elif one.box is not None:
            one.labels = job.labels_of(index, one.figures)
        return one

    kept = (row for row in there.rows() if row["position"] is not None and row["source"] not in again)
    pairs = ((known(row), row) for row in kept)
    others = sum(one.labels != (row["labels"] or {}) or one.reason != row["reason"] for one, row in pairs)
    if not fresh and (not others or gone):
        more = f" {gone:,} of them are gone from where they were; their faces stay." if gone else ""
        job.warn(f"{there.path} is there already, made from the same pictures and settings.{more}")
        return there
    if fresh:
        job.warn(f"{there.path}: {len(fresh):,} pictures are new.")
    if others:
        job.warn(f"{there.path}: labels have changed, of {others:,} faces.")
    about = there.made.get("detector") or {"name": "none", "why": "as the set was made"}
    with job.working(about["name"], fresh) as (work, how, limits):

        def rows() -> Iterator[Row]:
            yield from map(known, there.rows())
            yield from job.rows(work, fresh)

        def pixels(row: Row) -> np.ndarray:
            return there[row.place] if row.old else work.face(row.place)

        found = keeping.decide(rows, limits, pixels, lambda: eyes_or_none(job.warn))
        job.check_enough(rows, found)
        made = job.made(Decision(about["name"], about["why"]), how, limits, found)
        schema = _merged(job.schema(rows), there.schema)
        Version(there.path, there.size, schema, made, there).write(
            rows, found, lambda number, row: pixels(row)
        )
        cut = {n: row for n, row in enumerate(rows(), 1) if row.place >= 0}
        now = FaceSet.open(there.path)
        report.write(now, job.target.name, lambda n: pixels(cut[n]) if n in cut else None)
    return FaceSet.open(there.path)


def settled(row: dict[str, Any], again: set[str]) -> Row:
    """Return a row of a set as it goes into the next version; what was refused before stays refused."""
    reason = row["reason"]
    if row["source"] in again and reason != screens.DROPPED:
        reason = CHANGED
    return Row(
        row["source"],
        row["sha256"],
        row["box"],
        row["landmarks"],
        row["labels"] or {},
        row["figures"] or {},
        reason,
        -1 if row["position"] is None else row["position"],
        old=True,
    )


def _merged(now: dict[str, list[str]], before: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the schema of both: pictures that are gone may have values that no other has."""
    return {
        name: [*values, *(value for value in before.get(name, []) if value not in values)]
        for name, values in now.items()
    }


def check_same(job: Job, there: FaceSet) -> None:
    """Refuse a face set that stands at the target but was made otherwise; say what differs."""
    made, asked = there.made, job.asked
    before = made.get("asked") or {}
    if made.get("size") != asked.size:
        what = f"at {there.size} px, not {asked.size}"
    elif [source.get("name") for source in made.get("sources", [])] != [s.name for s in job.sources]:
        what = "from other pictures"
    elif made.get("labels") != job.table.made:
        what = "with other labels"
    elif before and (before["quality"], before["screen"]) != (asked.quality, asked.screen):
        raise PhizError(
            f"{there.path} was made with other screens; phiz prepare {there.path} --quality or --screen "
            "changes them, --force makes it anew."
        )
    elif before and {**before} != {**vars(asked)}:
        what = "with another detector or cut"
    else:
        return
    raise PhizError(f"{there.path} was made {what}; choose another name, or --force to replace it.")
