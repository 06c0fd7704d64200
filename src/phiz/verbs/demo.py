"""demo: no data, no network: draw faces, train on them, show what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from phiz import artefacts, avatars, bundled
from phiz.errors import PhizError, Stopped
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.pictures import check_size
from phiz.screen import duration, progress
from phiz.verbs.generate import generate
from phiz.verbs.train import Trained, train
from phiz.verbs.walk import walk


@dataclass
class Demo:
    """Where the demo's parts are, and the lines that say what to do next."""

    folder: Path
    run: Trained
    lines: list[str] = field(default_factory=list)


def demo(
    out: str | Path = "demo",
    *,
    minutes: float = 3.0,
    faces: int = 4000,
    size: int = 32,
    force: bool = False,
) -> Demo:
    """Show the model that comes with phiz, draw `faces` cartoon faces and train on them for `minutes`.

    Everything lands below `out`: bundled.png (faces of the model that comes with phiz), avatars/ (the face
    set), run/, faces.png and walk.webp (of the new model); the film is run/film.webp. The same call goes on
    where it was stopped, and is done at once when it is done.

    Raises:
        UsageError: no such size.
        PhizError: `out` holds something else.
        MissingExtra: phiz[demo] is not installed.
        Surroundings: the disk is full.
    """
    out = Path(out)
    check_size(size)
    run = out / "run"
    if out.exists() and not out.is_dir():
        raise PhizError(f"{out} is a file; choose another folder with -o.")
    there = {path.name for path in out.iterdir() if not path.name.startswith(".")} if out.exists() else set()
    if there - {"bundled.png"} and not force and "avatars" not in there:
        raise PhizError(f"{out} exists and is no demo; choose another folder with -o.")
    first = generate(bundled.folder("avatars"), out / "bundled.png", n=64, grid=(8, 8))[0]
    print(f"{first}: 64 faces of the model that comes with phiz. Now one of your own.", flush=True)
    drawn = draw(out / "avatars", faces, size, force)
    begun = artefacts.kind_of(run) == "run" and not force
    try:
        trained = train(drawn.path, run, minutes=minutes, size=size, resume=begun, force=force)
    except Stopped:
        again = "phiz demo without --force" if force else "the same phiz demo"
        raise Stopped(f"stopped, everything saved; {again} goes on.") from None
    generate(run, out / "faces.png", n=64, grid=(8, 8))
    walk(run, out / "walk.webp", seconds=6, seed=1, truncation=0.8)
    lines = [
        f"Look at {out / 'faces.png'} (64 new faces), {out / 'walk.webp'} and {run / 'film.webp'}.",
        "Your own pictures, a folder or a zip:  phiz train my-pictures.zip -o runs/first --minutes 10",
        "Then:  phiz generate runs/first -o faces.png -n 64   and   phiz walk runs/first -o walk.gif",
    ]
    return Demo(out, trained, lines)


def draw(out: Path, faces: int, size: int, force: bool = False) -> FaceSet:
    """Write a face set of the first `faces` avatars at `size` px, with their labels, or open it."""
    made = {"name": "avatars", "by": "phiz.avatars", "faces": faces, "size": size, "licence": "Apache-2.0"}
    if artefacts.kind_of(out) == "faceset" and not force:
        there = FaceSet.open(out)
        if there.made != made:
            raise PhizError(f"{out} holds another demo; choose another folder with -o, or --force.")
        return there
    start = time.monotonic()
    with artefacts.building(out, "faceset", force) as folder, progress("drawing", "faces") as tick:
        _write(folder, faces, size, made, tick)
    print(f"Drew {faces:,} faces of {size} px in {duration(time.monotonic() - start)}.", flush=True)
    return FaceSet.open(out)


def _write(
    folder: Path, faces: int, size: int, made: dict[str, object], tick: Callable[[int, int], None]
) -> None:
    whole = (0, 0, size, size)
    with FaceSetWriter(folder, size, avatars.SCHEMA, made) as writer:
        for index in range(faces):
            writer.add(avatars.draw(index, size), f"avatar-{index:06d}", whole, avatars.labels(index))
            if index % 32 == 0:
                tick(index, faces)
        writer.finish()
