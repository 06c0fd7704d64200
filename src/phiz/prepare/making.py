"""Making a face set: every picture is looked at once, then the screens decide, then the files are written.

What was looked at is kept in `.NAME.partial` until the set is whole, so that a stopped or killed job goes
on. Faces stand in natural order of their sources' names, whatever threads and clusters did; those of
pictures that were added later come after them.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import phiz
from phiz.artefacts import check_beside, check_target, disk, kind_of, swap, sync
from phiz.errors import PhizError, Stopped, Surroundings
from phiz.faceset import FaceSet
from phiz.prepare import colours, keeping, report
from phiz.prepare.deciding import Decision, decide
from phiz.prepare.detectors import detector
from phiz.prepare.doubts import eyes_or_none
from phiz.prepare.entries import Source, listing
from phiz.prepare.given import columns_of
from phiz.prepare.keeping import Kept, Row
from phiz.prepare.labels import read_labels
from phiz.prepare.looking import Cutting
from phiz.prepare.names import shown
from phiz.prepare.screens import Limits, limits_of
from phiz.prepare.seeing import Mapper, sample, see
from phiz.prepare.sources import known, paths
from phiz.prepare.versions import Version
from phiz.prepare.work import Work
from phiz.stopping import signals

FEWEST = 16
"""Fewer usable faces than this are no face set."""

Progress = Callable[[int, int], None]
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What decides a face set beside its pictures and labels; see phiz.verbs.prepare."""

    size: int
    detector: str
    margin: float
    all_faces: bool
    quality: str | None
    screen: dict[str, str]
    include_minors: bool = False

    def settle(self, name: str) -> tuple[Cutting, Limits]:
        """Return how faces are cut and the limits they are screened by, with the detector `name`."""
        limits = limits_of(self.quality, name, self.screen)
        how = Cutting(self.size, name, self.margin, self.all_faces, limits.get("sure", 0.0))
        return how, limits


@dataclass
class Job:
    """Pictures that become faces of a set at `target`."""

    sources: Sequence[Source]
    target: Path
    asked: Asked
    labels: str | Path | None
    mapper: Mapper
    warn: Warn
    progress: Progress

    def __post_init__(self) -> None:
        self.names = paths(self.sources)
        self.bytes = [entry.size for source in self.sources for entry in source.entries]

    def run(self, force: bool) -> FaceSet:
        """Make the set; where it is there already, take in what is new."""
        self.table = read_labels(
            self.labels,
            self.names,
            self.warn,
            known(self.sources),
            self.asked.include_minors,
            lambda: columns_of(self.sources),
        )
        if not force and kind_of(self.target) == "faceset":
            from phiz.prepare.growing import grow

            return grow(self, FaceSet.open(self.target))
        check_target(self.target, "faceset", force)
        check_beside(self.target, "faceset")
        decision = self._decide()
        with self.working(decision.detector, range(len(self.names))) as (work, how, limits):
            aside = work.folder / "set"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            self._write(aside, work, decision, how, limits)
            sync(aside)
            swap(aside, self.target)
        return FaceSet.open(self.target)

    def _decide(self) -> Decision:
        if self.asked.detector != "auto":
            return Decision(self.asked.detector, "asked for")
        return decide(sample(self.sources, self.names), self.warn)

    @contextmanager
    def working(self, name: str, indices: Iterable[int]) -> Iterator[tuple[Work, Cutting, Limits]]:
        """Look at pictures where that is still to do; yield what came of it, in `.NAME.partial`.

        The folder is thrown away at the end, and on a fault; a signal, or what surrounds us giving way while
        pictures are read, leaves it for the same command.
        """
        how, limits = self.asked.settle(name)
        how = replace(how, colours=self.table.measured)
        if how.detector != "none":
            detector(how.detector)  # its weights and its self-test, before any work
        folder = self.target.with_name(f".{self.target.name}.partial")
        places = [str(source.place.resolve()) for source in self.sources]
        with disk(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            try:
                work = Work(folder, self.asked.size, asdict(how) | {"sources": places})
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            try:
                try:
                    self._see(work, how, indices)
                    yield work, how, limits
                finally:
                    work.close()
            except (Stopped, Surroundings):
                raise
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            shutil.rmtree(folder, ignore_errors=True)

    def _see(self, work: Work, how: Cutting, indices: Iterable[int]) -> None:
        wanted = [index for index in indices if index not in self.table.left_out]
        missing = set(work.missing((i, self.names[i], self.bytes[i]) for i in wanted))
        if len(missing) < len(wanted):
            self.warn(f"{len(wanted) - len(missing):,} pictures were looked at before; going on from there.")
        with signals() as stop, warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a picture is in the manifest
            see(self.sources, self.names, missing, how, work, self.mapper, self.progress, stop)

    def rows(self, work: Work, indices: Iterable[int]) -> Iterator[Row]:
        """Yield the rows of pictures that were looked at, or left out before that."""
        for index in indices:
            yield from self._rows(work, index)

    def _rows(self, work: Work, index: int) -> Iterator[Row]:
        name, size = self.names[index], self.bytes[index]
        about = {"bytes": size}
        if index in self.table.left_out:
            yield Row(name, None, figures=about, reason=self.table.left_out[index])
            return
        digest, reason, faces = work.get(name, size)
        if not faces:
            yield Row(name, digest, figures=about, reason=reason)
        for face, place in faces:
            yield Row(
                name,
                digest,
                list(face.box),
                face.landmarks,
                self.labels_of(index, face.figures),
                {**face.figures, **about},
                face.reason,
                -1 if place is None else place,
            )

    def labels_of(self, index: int, figures: dict[str, Any]) -> dict[str, str]:
        """Return the labels of a face of a picture: what the table says, else what was measured."""
        said = self.table.of(index)
        if self.table.measured and figures.get(colours.NAME):
            said.setdefault(colours.NAME, str(figures[colours.NAME]))
        return said

    def schema(self, rows: keeping.Rows) -> dict[str, list[str]]:
        """Return the label schema of these rows."""
        schema = {name: list(values) for name, values in self.table.schema.items()}
        if self.table.measured:
            known = schema.get(colours.NAME, [])
            found = {row.labels.get(colours.NAME, "") for row in rows()} - {"", *known}
            if known or found:
                schema[colours.NAME] = known + sorted(found)
            else:
                self.warn("The colour of hair is clear in none of the pictures, so they have no label of it.")
        return schema

    def _write(self, folder: Path, work: Work, decision: Decision, how: Cutting, limits: Limits) -> None:
        def rows() -> Iterator[Row]:
            return self.rows(work, range(len(self.names)))

        def pixels(row: Row) -> np.ndarray:
            return work.face(row.place)

        found = keeping.decide(rows, limits, pixels, lambda: eyes_or_none(self.warn))
        self.check_enough(rows, found)
        made = self.made(decision, how, limits, found)
        Version(folder, self.asked.size, self.schema(rows), made).write(
            rows, found, lambda number, row: pixels(row)
        )
        places = {number: row.place for number, row in enumerate(rows(), 1) if row.place >= 0}
        faces = FaceSet.open(folder)
        report.write(faces, self.target.name, lambda number: _at(work, places, number))
        self.tell(rows, found)

    def made(self, decision: Decision, how: Cutting, limits: Limits, found: Kept) -> dict[str, Any]:
        """Say how a set is made; the same of these means the same command on the same pictures."""
        kept = int(found.kept.sum())
        skipped = sum((source.skipped for source in self.sources), Counter[str]())
        return {
            "by": f"phiz {phiz.__version__}",
            "sources": self.listings(),
            "size": self.asked.size,
            "crop": "centre" if how.detector == "none" else "faces",
            "labels": self.table.made,
            "asked": asdict(self.asked),
            "detector": {
                "name": how.detector,
                "why": decision.why,
                "sha256": None if how.detector == "none" else detector(how.detector).sha256,
            },
            "limits": limits,
            "counts": {
                "pictures": len(self.names),
                "kept": kept,
                "rejected": len(found.kept) - kept,
                "skipped": dict(skipped.most_common()),
            },
        }

    def listings(self) -> list[dict[str, Any]]:
        """Return what tells each source from another, and where it lies, seen from the set."""
        return [listing(source) | {"at": _seen_from(self.target, source.place)} for source in self.sources]

    def check_enough(self, rows: keeping.Rows, found: Kept) -> None:
        """Refuse fewer than 16 faces, with the first reasons."""
        kept = int(found.kept.sum())
        if kept >= FEWEST:
            return
        first = self._first(rows, found, 3)
        where = ", ".join(source.name for source in self.sources[:3])
        where += ", ..." if len(self.sources) > 3 else ""
        more = "; ..." if len(found.kept) - kept > len(first) else "."
        why = f" Set aside: {'; '.join(first)}{more}" if first else ""
        of = f"of {len(self.names):,} pictures"
        raise PhizError(f"{where}: {kept} usable faces {of}, and a face set needs {FEWEST}.{why}")

    def tell(self, rows: keeping.Rows, found: Kept) -> None:
        """Say how much was set aside."""
        if found.kept.all():
            return
        what = "pictures" if len(found.kept) == len(self.names) else "faces and pictures"
        rejected = int((~found.kept).sum())
        first = self._first(rows, found, 1)[0]
        self.warn(f"{rejected:,} of {len(found.kept):,} {what} were set aside; first {first}.")

    def _first(self, rows: keeping.Rows, found: Kept, most: int) -> list[str]:
        first: list[str] = []
        for number, row in enumerate(rows()):
            if not found.kept[number]:
                first.append(f"{shown(row.source)}: {found.reasons.get(number, row.reason)}")
                if len(first) == most:
                    break
        return first


def _at(work: Work, places: dict[int, int], number: int) -> np.ndarray | None:
    return work.face(places[number]) if number in places else None


def _seen_from(target: Path, place: Path) -> str:
    try:
        return Path(os.path.relpath(place.resolve(), target.resolve().parent)).as_posix()
    except ValueError:  # another drive
        return str(place.resolve())
