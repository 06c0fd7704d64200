"""`phiz generate`: faces of a model, as a contact sheet or as single pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phiz import latents, marks
from phiz import upscaler as upscalers
from phiz.errors import UsageError
from phiz.model import Model, check_truncation, load
from phiz.sampling import sheets
from phiz.upscaler import Upscaler
from phiz.verbs import singles
from phiz.verbs.like import Likeness, likeness

DEFAULT, DEFAULT_OF = 16, 512

Progress = Callable[[int, int], None]
"""Told how many faces of how many are done."""


def generate(
    source: str | Path,
    out: str | Path,
    *,
    n: int | None = None,
    seed: int = 0,
    seeds: Iterable[int] | None = None,
    fine: int | Iterable[int] | None = None,
    grid: str | tuple[int, int] | None = None,
    truncation: float = 1.0,
    labels: Mapping[str, str] | None = None,
    like: str | Path | None = None,
    best: int | None = None,
    of: int | None = None,
    against: str | Path | None = None,
    numbered: bool = False,
    scale: int | None = None,
    upscale: int | None = None,
    upscaler: str | Path | None = None,
    sharpness: float | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Make faces and write them; returns the files written.

    Args:
        source: a run or a model.
        out: a sheet if it ends in .png, .webp or .jpg; else a folder for single pictures, named for
            their seeds: seed-000007.png.
        n: how many faces; as many as `seeds` or `grid` say, else 16.
        seed: the first seed, 0 .. 2^53 - 1; the faces have seed, seed + 1, ...
        seeds: the seed of each face, instead of `n` and `seed`.
        fine: a seed, or several: every face is made with the colours of each, its shapes and labels kept.
            On a sheet a row has one face and a column one seed of these, unless `grid` says otherwise;
            single pictures are named for both: seed-000007-fine-000012.png.
        grid: of a sheet: "ROWSxCOLUMNS", or (rows, columns); near square by default.
        truncation: psi; below 1 faces are more typical and less varied.
        labels: what every face should show, {attribute: value}; other attributes follow the seed.
        like: a picture that this model made: the same faces again: its seeds, colours, truncation, labels.
        best: choose so many, realistic and unlike each other, instead of taking them as they come.
        of: how many to choose from, 512 by default: seed, seed + 1, ...
        against: real faces to judge by, a face set; by default those the model learned from.
        numbered: write each face's seed beneath it; sheets only.
        scale: enlarge faces so many times. By default single pictures are left as they are, and a sheet
            enlarges faces under 64 px to at least that.
        upscale: enlarge faces so many times by an upscaler: more detail instead of larger pixels.
        upscaler: a run or a model that enlarges; by default the one that the model carries.
        sharpness: of the upscaler, 0 to 1.
        force: replace files that phiz did not make.
        progress: told how many faces are done.

    Raises:
        UsageError: arguments that contradict each other, unknown labels, a seed out of range.
        PhizError: no model at `source`, no upscaler or one of another scale, or something stands at `out`
            that may not be replaced.
        Surroundings: the disk is full.
    """
    out = Path(out)
    single = out.suffix.lower() not in marks.PICTURES
    if single and (numbered or grid is not None):
        raise UsageError(f"--numbered and --grid are for a sheet; {out} is a folder: name it {out}.png.")
    marks.check_name(out)
    if scale is not None:
        sheets.check_scale(scale)
    check_truncation(truncation)
    model = load(source)
    enlarger = _enlarger(source, upscale, upscaler, sharpness)
    if like is not None:
        said_again = (seeds, n, fine, seed or None, labels or None)
        if truncation != 1.0 or any(given is not None for given in said_again):
            raise UsageError("--like says which faces; leave seeds, -n, --fine, --truncation and labels out.")
        alike = likeness(Path(like), model)
        grid = grid if single or grid is not None else alike.grid
        if best is not None or of is not None or against is not None:
            raise UsageError("--like says which faces; leave --best, --of and --against out.")
        if alike.latents is not None and numbered:
            raise UsageError(
                f"{like} shows faces beyond the seeds, which have no number; leave --numbered out."
            )
        if alike.latents is not None:
            return _again(out, model, alike, None if single else _places(grid), scale, force, enlarger)
        seeds, truncation, labels = alike.seeds, alike.truncation, alike.labels
    places = _places(grid)
    model.check_labels(labels)
    each = None if fine is None else latents.check_seeds(fine)
    if each is not None:
        model.check_mixes()
        if not each:
            raise UsageError("--fine names no seed.")
    several = len(each or [0])
    picked: dict[str, Any] = {}
    if single:  # before any work; which pictures they are is looked at below
        singles.check_folder(out, [], force)
    else:
        marks.check_target(out, force)
    if best is None and of is None and against is None:
        chosen = _seeds(n, seed, seeds, places, several)
    elif n is not None or seeds is not None or like is not None:
        raise UsageError("--best says how many faces; leave -n, --seeds and --like out.")
    else:
        from phiz.verbs.best import best as best_seeds

        pool = latents.seeds_from(seed, of or DEFAULT_OF)
        count = best or (places[0] * places[1] // several if places else DEFAULT)
        if places:
            sheets.check_grid(places, count * several)
        picked = {"best_of": len(pool)}
        chosen = best_seeds(
            source,
            model,
            pool,
            count,
            truncation=truncation,
            labels=labels,
            against=against,
            progress=progress,
        )
    second: list[int] | None = None
    if like is not None:
        second = alike.fine if isinstance(alike.fine, list) else None
    elif each is not None:
        if several > 1 and not single:
            places = places or (len(chosen), several)
        chosen, second = [face for face in chosen for _ in each], each * len(chosen)
    faces = enlarger.all(_faces(model, chosen, truncation, labels, second, progress))
    picked |= enlarger.said
    size = model.config.size * enlarger.times
    if single:
        return singles.write(out, model, chosen, second, faces, truncation, labels, scale or 1, force, picked)
    places = places or sheets.grid_for(len(chosen))
    sheets.check_grid(places, len(chosen))
    enlarged = scale or (1 if len(chosen) == 1 else sheets.scale_for(size))
    numbers = singles.names(chosen, second, " + ") if numbered else None
    image = sheets.sheet(faces, size, places, numbers, enlarged, out.suffix)
    if len(chosen) == 1:
        picked |= singles.shown(model, chosen[0], labels)
    picked |= {"fine": second[0] if len(set(second)) == 1 else second} if second else {}
    said = marks.facts(model.hash, chosen, truncation, labels, grid=list(places), **picked)
    marks.save(image, out, said)
    return [out]


@dataclass(frozen=True)
class _Enlarger:
    """What enlarges faces as they come: nothing, or an upscaler."""

    by: Upscaler | None = None
    sharpness: float | None = None

    @property
    def times(self) -> int:
        return self.by.config.scale if self.by else 1

    @property
    def said(self) -> dict[str, Any]:
        return self.by.said(self.sharpness) if self.by else {}

    def all(self, faces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Enlarge faces, uint8 (H, W, 3) each."""
        return (self.by.enlarge(face, self.sharpness) for face in faces) if self.by else faces


def _enlarger(
    source: str | Path, upscale: int | None, upscaler: str | Path | None, sharpness: float | None
) -> _Enlarger:
    if upscale is None:
        if upscaler is not None or sharpness is not None:
            raise UsageError("--upscaler and --sharpness go with --upscale, such as --upscale 4.")
        return _Enlarger()
    found = upscalers.of_scale(upscaler if upscaler is not None else source, upscale)
    found.onnx(sharpness)  # a wrong sharpness is said before any work
    return _Enlarger(found, sharpness)


def _places(grid: str | tuple[int, int] | None) -> tuple[int, int] | None:
    if grid is None:
        return None
    return sheets.read_grid(grid if isinstance(grid, str) else "x".join(map(str, grid)))


def _seeds(
    n: int | None, seed: int, seeds: Iterable[int] | None, places: tuple[int, int] | None, several: int
) -> list[int]:
    """Return the seeds asked for; of a grid as many as fill it, each of them `several` times."""
    if seeds is None:
        filling = places[0] * places[1] / several if places else DEFAULT
        if n is None and filling != int(filling):
            raise UsageError(f"Faces in {several} colours each do not fill the grid; 3x{several} would do.")
        return latents.seeds_from(seed, n if n is not None else int(filling))
    chosen = latents.check_seeds(seeds)
    if not chosen:
        raise UsageError("--seeds names no seed.")
    if seed:
        raise UsageError(f"--seeds names the faces; leave --seed {seed} out.")
    if n is not None and n != len(chosen):
        raise UsageError(f"--seeds names {len(chosen)} faces, -n {n}; leave -n out.")
    return chosen


def _again(
    out: Path,
    model: Model,
    alike: Likeness,
    places: tuple[int, int] | None,
    scale: int | None,
    force: bool,
    enlarger: _Enlarger,
) -> list[Path]:
    """Make the faces of a picture that holds their latents, which lie beyond the seeds."""
    assert alike.latents is not None
    assert alike.psi is not None
    if places is None and out.suffix.lower() not in marks.PICTURES:
        files = [out / f"face-{number:06d}.png" for number in range(1, len(alike.latents) + 1)]
        singles.check_folder(out, files, force)
    else:
        files = [out]
        marks.check_target(out, force)
        places = places or sheets.grid_for(len(alike.latents))
        sheets.check_grid(places, len(alike.latents))
    fine = alike.fine if isinstance(alike.fine, np.ndarray) else None
    faces = enlarger.all(iter(model.run(alike.latents, alike.psi, alike.indices, fine)))
    if places is None:
        for number, (file, face) in enumerate(zip(files, faces, strict=True)):
            marks.save(sheets.enlarge(face, scale or 1), file, alike.one(number) | enlarger.said)
        return files
    size = model.config.size * enlarger.times
    enlarged = scale or (1 if len(alike.latents) == 1 else sheets.scale_for(size))
    image = sheets.sheet(faces, size, places, None, enlarged, out.suffix)
    marks.save(image, out, alike.said | {"grid": list(places)} | enlarger.said)
    return files


def _faces(
    model: Model,
    seeds: list[int],
    truncation: float,
    labels: Mapping[str, str] | None,
    fine: list[int] | None,
    progress: Progress | None,
) -> Iterator[np.ndarray]:
    done = 0
    for batch in model.stream(seeds, truncation, labels, fine):
        yield from batch
        done += len(batch)
        if progress:
            progress(done, len(seeds))
