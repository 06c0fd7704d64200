"""prepare: pictures in, a face set out; or a face set in, and another version of it out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from phiz.artefacts import kind_of, real
from phiz.errors import PhizError, UsageError, nearest
from phiz.faceset import FaceSet
from phiz.pictures import check_size
from phiz.prepare import changing, detectors, making, seeing
from phiz.prepare.making import Asked, Progress, Warn
from phiz.prepare.screens import limits_of
from phiz.prepare.sources import close, open_sources

Pictures = str | Path | Sequence[str | Path]
SIZE = 64


def prepare(
    pictures: Pictures,
    out: str | Path | None = None,
    *,
    size: int = SIZE,
    detector: str = "auto",
    margin: float = 0.0,
    all_faces: bool = False,
    quality: str | None = None,
    screen: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    include_minors: bool = False,
    restore: Sequence[int] = (),
    drop: Sequence[int] = (),
    sources: Pictures | None = None,
    ray: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    warn: Warn | None = None,
    threads: int | None = None,
) -> FaceSet:
    """Make a face set of pictures at `out`, take new pictures into it, or change what one keeps.

    Args:
        pictures: a folder, a zip or tar archive, a picture file, or several of these; or, without `out`, a
            face set whose decisions are to be changed.
        out: the folder to write. If it is there already, made from the same sources with the same
            settings, the pictures that are new in them are taken in, and it is opened and returned.
        size: height and width of the faces in pixels, b * 2^k with b in 3..7, 16 to 1024.
        detector: "human" (photographs), "anime" (drawings), "none" (faces cut already: the centred square
            is taken) or "auto", which looks at a sample.
        margin: share of a cut's side to add on each side, -0.3 to 2; 0 is FFHQ's cut.
        all_faces: take every face of a picture, not the largest alone.
        quality: "none", "normal" or "high": the screens' limits together; if None, normal where faces are
            looked for, and exact duplicates alone where they were cut already.
        screen: limits of single screens, {name: number or "off"} (see phiz.prepare.screens).
        labels: None, "folders", "afad", "tags" (of a collection), "given" (with the pictures), "colours"
            (measured), a CSV file or "FILE.csv:column,column" (see phiz.prepare.labels).
        include_minors: keep pictures whose label "age" is under 18; they are left out otherwise.
        restore, drop: numbers of faces to keep or to leave out, whatever the screens say.
        sources: where the pictures of a face set that is changed lie now, if not where they were.
        ray: address of a Ray cluster to spread the work over; "local" starts one here.
        force: replace another face set at `out`.
        progress: called with (pictures done, pictures in all), every few dozen.
        warn: called with each line worth saying; printed to stderr if None.
        threads: at work on the pictures; None takes as many as there are cores. The result is the same.

    Raises:
        UsageError: no such size, detector, quality or screen (names the nearest).
        PhizError: the pictures or labels are missing or unusable, fewer than 16 are usable, or `out`
            holds something else.
        Surroundings: the disk is full; what was there is untouched.
        Stopped: a signal came; the same command goes on.
    """
    warn = warn or _print
    if out is None:
        making_only = {
            "size": size != SIZE, "detector": detector != "auto", "margin": bool(margin),
            "all-faces": all_faces, "labels": labels is not None, "include-minors": include_minors,
            "ray": ray is not None, "force": force,
        }  # fmt: skip
        folder = _only(pictures)
        for name in (name for name, given in making_only.items() if given):
            raise UsageError(f"--{name} is for cutting pictures, not for changing a face set; leave it out.")
        return changing.change(folder, restore, drop, quality, screen, sources, warn)
    if restore or drop or sources is not None:
        raise UsageError("restore, drop and sources change a face set: name it alone, without out (-o).")
    check_size(size)
    if detector not in detectors.CHOICES:
        raise UsageError(
            f'There is no detector "{detector}"; there are {", ".join(detectors.CHOICES)}.'
            f"{nearest(detector, detectors.CHOICES)}"
        )
    if not -0.3 <= margin <= 2:
        raise UsageError(f"margin {margin:g}: give a share of the cut's side, from -0.3 to 2.")
    limits_of(quality, detector, screen)  # a wrong name is said before any work
    asked = Asked(size, detector, margin, all_faces, quality, dict(screen or {}), include_minors)
    if ray is None:
        mapper = seeing.here(threads)
    else:
        from phiz.prepare.cluster import over

        mapper = over(ray)
    opened = open_sources(pictures)
    try:
        job = making.Job(
            opened,
            real(Path(out)),
            asked,
            labels,
            mapper,
            warn,
            progress or (lambda done, count: None),
        )
        return job.run(force)
    finally:
        close(opened)


def _only(pictures: Pictures) -> Path:
    given = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    if not given:
        raise UsageError("no pictures are named: give a folder, a zip or tar archive, or picture files.")
    if len(given) == 1 and kind_of(Path(given[0])) == "faceset":
        return Path(given[0])
    if len(given) == 1 and not Path(given[0]).exists():
        raise PhizError(f"{given[0]} does not exist.")
    raise UsageError("say with -o where the face set is to be written; only a face set goes without.")


def _print(line: str) -> None:
    print(line, file=sys.stderr)
