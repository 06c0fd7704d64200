"""Arguing with a face set: single faces brought back or left out, or other limits; from the kept figures.

No face is looked for again. One that comes back is taken from an older version that has it, else cut anew
from its picture, at the place the manifest names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phiz import artefacts
from phiz.errors import PhizError, UsageError
from phiz.faceset import FaceSet
from phiz.pictures import BadPicture, decode
from phiz.prepare import keeping, looking, report, screens
from phiz.prepare.doubts import eyes_or_none
from phiz.prepare.entries import Source
from phiz.prepare.growing import CHANGED, settled
from phiz.prepare.keeping import Row
from phiz.prepare.labels import MINOR
from phiz.prepare.making import Asked
from phiz.prepare.names import shown
from phiz.prepare.sources import close, open_sources, paths
from phiz.prepare.versions import Version, versions

_SETTLED = (screens.RESTORED, screens.DROPPED, CHANGED, MINOR)  # reasons that no screen looks at again

FEWEST = 16
Faces = dict[int, np.ndarray]
"""Pixels by a row's number, from 1."""


def change(
    path: Path,
    restore: Sequence[int],
    drop: Sequence[int],
    quality: str | None,
    screen: Mapping[str, str] | None,
    sources: Any,
    warn: Callable[[str], None],
) -> FaceSet:
    """Write another version of the face set at `path`; see phiz.verbs.prepare.

    Raises:
        UsageError: nothing to change, or a face that is to come back and to go.
        PhizError: no face has that number, or one that is to come back cannot be had.
    """
    there = FaceSet.open(path)
    if not (restore or drop or quality is not None or screen):
        raise UsageError(
            f"{path} is a face set already; say what to change: --restore, --drop, --quality or --screen."
        )
    if both := set(restore) & set(drop):
        raise UsageError(f"face {min(both)} is to be restored and dropped; decide.")
    asked, limits = _limits(there, quality, screen)
    judged = _Decisions(there, set(restore), set(drop), quality is not None or bool(screen))
    judged.check()
    found = keeping.decide(judged.rows, limits, lambda row: there[row.place], lambda: eyes_or_none(warn))
    if int(found.kept.sum()) < FEWEST:
        raise PhizError(
            f"{path}: {int(found.kept.sum())} faces would be left, and a face set needs {FEWEST}."
        )
    back = [n for n, row in enumerate(judged.rows(), 1) if found.kept[n - 1] and row.place < 0]
    with artefacts.disk(path):
        faces = _bring(there, back, sources)
        made = {**there.made, "asked": asked, "limits": limits} if asked else dict(there.made)
        kept = int(found.kept.sum())
        made["counts"] = {**made.get("counts", {}), "kept": kept, "rejected": len(found.kept) - kept}
        rows = judged.with_figures(faces)
        version = Version(path, there.size, there.schema, made, there)
        pixels = {number: face.face for number, face in faces.items() if face.face is not None}
        version.write(rows, found, lambda n, row: there[row.place] if row.place >= 0 else pixels[n + 1])
        now = FaceSet.open(path)
        report.write(now, path.name, _spare(now, there))
    came, went = len(back), len(there) + len(back) - kept
    warn(f"{path}: {came:,} faces came back, {went:,} went; {kept:,} are kept.")
    return now


def _limits(
    there: FaceSet, quality: str | None, screen: Mapping[str, str] | None
) -> tuple[dict[str, Any] | None, screens.Limits]:
    """Return what is asked for now (None: as before) and the limits."""
    before = there.made.get("asked")
    limits = dict(there.made.get("limits") or {})
    if quality is None and not screen:
        return before, limits
    name = (there.made.get("detector") or {}).get("name", "none")
    if quality is not None:
        limits = screens.limits_of(quality, name)
    changed = screens.limits_of("none", name, screen)
    for one in screen or {}:
        limits.pop(one, None)
    limits = {one: {**limits, **changed}[one] for one in screens.NAMES if one in {**limits, **changed}}
    asked = dict(before or vars(Asked(there.size, name, 0.0, False, None, {})))
    if quality is not None:
        asked |= {"quality": quality, "screen": {}}
    asked["screen"] = {**asked["screen"], **(screen or {})}
    return asked, limits


class _Decisions:
    """The rows of a set with what people decide about them now."""

    def __init__(self, there: FaceSet, restore: set[int], drop: set[int], screened: bool) -> None:
        self.there, self.restore, self.drop, self.screened = there, restore, drop, screened

    def check(self) -> None:
        """Refuse numbers that are no face's.

        Raises:
            PhizError: names the first.
        """
        waiting = self.restore | self.drop
        for row in self.there.rows():
            if row["id"] not in waiting:
                continue
            waiting.discard(row["id"])
            if row["box"] is None:
                raise PhizError(
                    f"{row['id']} is {shown(row['source'])}: {row['reason']}; there is no face to decide on."
                )
        if waiting:
            raise PhizError(f"{self.there.path} has no face {min(waiting)}; report.html names their numbers.")

    def rows(self) -> Iterator[Row]:
        for row in self.there.rows():
            yield self._row(row)

    def with_figures(self, faces: dict[int, looking.Found]) -> keeping.Rows:
        """Return the rows, with what was measured of faces that were cut now."""

        def rows() -> Iterator[Row]:
            for number, row in enumerate(self.rows(), 1):
                if number in faces:
                    row.figures = {**row.figures, **faces[number].figures}
                yield row

        return rows

    def _row(self, row: dict[str, Any]) -> Row:
        one = settled(row, set())
        if row["id"] in self.restore:
            one.reason = screens.RESTORED if row["status"] != "kept" or row["reason"] else None
        elif row["id"] in self.drop:
            one.reason = screens.DROPPED
        elif self.screened and one.measured and not str(one.reason).startswith(_SETTLED):
            one.reason = None
        return one


def _bring(there: FaceSet, numbers: Sequence[int], sources: Any) -> dict[int, looking.Found]:
    """Return the faces of rows that are in the set no longer: from an older version, else from pictures."""
    found = _from_versions(there, set(numbers))
    wanted = {row["id"]: row for row in there.rows() if row["id"] in set(numbers) - set(found)}
    if wanted:
        found |= _from_sources(there, wanted, sources)
    return found


def _from_versions(there: FaceSet, numbers: set[int]) -> dict[int, looking.Found]:
    found: dict[int, looking.Found] = {}
    for path in versions(there.path):
        if numbers <= set(found):
            break
        older = FaceSet.open(path)
        for row in older.faces():
            if row["id"] in numbers and row["id"] not in found:
                figures = row["figures"] or {}
                found[row["id"]] = looking.Found(row["box"], None, figures, older[row["position"]])
    return found


def _from_sources(
    there: FaceSet, wanted: dict[int, dict[str, Any]], sources: Any
) -> dict[int, looking.Found]:
    """Cut faces again from their pictures, which must be those they were cut from."""
    first = next(iter(wanted.values()))
    opened = _open(there, sources, first)
    try:
        by_name: dict[str, list[dict[str, Any]]] = {}
        for row in wanted.values():
            by_name.setdefault(row["source"], []).append(row)
        found: dict[int, looking.Found] = {}
        how = _cutting(there)
        start, names = 0, paths(opened)
        for source in opened:
            for index, load in source.read():
                for row in by_name.pop(names[start + index], []) if names[start + index] in by_name else []:
                    found[row["id"]] = _cut(load, row, how)
            start += len(source.entries)
        if by_name:
            raise PhizError(f"{shown(next(iter(by_name)))} is no longer among its pictures; {_WAY_OUT}")
        return found
    finally:
        close(opened)


_WAY_OUT = "name where they are now with --sources, or leave that face out."


def _open(there: FaceSet, sources: Any, row: dict[str, Any]) -> list[Source]:
    if sources is None:
        said = [source.get("at") for source in there.made.get("sources", [])]
        sources = [there.path.resolve().parent / at for at in said if at]
    try:
        return open_sources(sources)
    except PhizError as fault:
        raise PhizError(
            f"face {row['id']} has to be cut again from {shown(row['source'])}, and the pictures are not "
            f"to be had: {str(fault).rstrip('.')}; {_WAY_OUT}"
        ) from None


def _cutting(there: FaceSet) -> looking.Cutting:
    name = (there.made.get("detector") or {}).get("name", "none")
    return looking.Cutting(there.size, name, (there.made.get("asked") or {}).get("margin", 0.0))


def _cut(load: Callable[[], bytes], row: dict[str, Any], how: looking.Cutting) -> looking.Found:
    try:
        data = load()
        if row["sha256"] and looking.digest_of(data) != row["sha256"]:
            raise PhizError(f"{shown(row['source'])} is not the picture it was; {_WAY_OUT}")
        score = (row["figures"] or {}).get("sure", 1.0)
        return looking.again(decode(data, row["source"]), row["box"], row["landmarks"], score, how)
    except BadPicture as fault:
        raise PhizError(f"{shown(row['source'])}: {fault.reason}; {_WAY_OUT}") from None


def _spare(now: FaceSet, before: FaceSet) -> Callable[[int], np.ndarray | None]:
    """Return what gives the pixels of a face that is set aside now and was kept in an older version."""
    places: dict[int, tuple[FaceSet, int]] = {}
    for older in [before, *(FaceSet.open(path) for path in versions(now.path)[:8])]:
        for row in older.faces():
            places.setdefault(row["id"], (older, row["position"]))
    return lambda n: places[n][0][places[n][1]] if n in places else None
