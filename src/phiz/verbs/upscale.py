"""`phiz upscale`: pictures, or the faces of a model, made larger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

from phiz import artefacts, bundled, marks, pictures
from phiz import upscaler as upscalers
from phiz.errors import PhizError, Surroundings, UsageError
from phiz.prepare.sources import close, open_sources
from phiz.sampling import enlarging
from phiz.upscaler import Upscaler

Progress = Callable[[int, int], None]


@dataclass
class Enlarged:
    """The pictures that were written, and lines that say what became of all."""

    paths: list[Path] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def upscale(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    upscaler: str | Path | None = None,
    scale: int | None = None,
    sharpness: float | None = None,
    n: int | None = None,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Enlarged:
    """Enlarge pictures of any size, or faces that a model makes, and write them.

    Transparency and colour profile are kept, EXIF orientation is applied. A picture among several that cannot
    be enlarged is set aside with the reason.

    Args:
        sources: a picture, a folder, a zip, several of these, or one run or model that makes faces.
        out: a .png, .webp or .jpg for one picture or for a sheet of a model's faces; else a folder, in which
            pictures keep their names and become PNG.
        upscaler: a run or a model that enlarges; a model that makes faces may carry one.
        scale: by how much; if given, the upscaler must be made for it.
        sharpness: from 0, the mean of what may be there, to 1; what the upscaler says if None.
        n, seed: of a model: how many faces, and the first one's seed.
        force: replace pictures that phiz did not make.
        progress: told how many pictures of how many are done; where one picture becomes one, how many of
            its pixels.

    Raises:
        UsageError: options that make no sense together.
        PhizError: no upscaler, one of another scale, or no picture that can be enlarged.
        Surroundings: the disk is full.
    """
    out = Path(out)
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    listed = [bundled.resolve(source) for source in given]
    kinds = [artefacts.kind_of(Path(source)) for source in listed]
    if len(listed) == 1 and kinds[0] in ("run", "model"):
        from phiz.verbs.generate import generate

        source = listed[0]
        found = upscalers.of_scale(upscaler if upscaler is not None else source, scale)
        paths = generate(
            *(source, out),
            n=n,
            seed=seed,
            upscale=found.config.scale,
            upscaler=found.path,
            sharpness=sharpness,
            force=force,
            progress=progress,
        )
        return Enlarged(paths, [str(paths[0]) if len(paths) == 1 else f"{out}: {len(paths):,} pictures."])
    if any(kind in ("run", "model", "faceset") for kind in kinds):
        raise UsageError("Give pictures and folders of them, or one model that makes faces, alone.")
    if n is not None or seed:
        raise UsageError("-n and --seed are for a model that makes faces; these are pictures.")
    if upscaler is None:
        raise UsageError(
            "Say what enlarges: --upscaler runs/up; phiz train-upscaler FACESET -o runs/up makes one."
        )
    found = upscalers.of_scale(upscaler, scale)
    found.onnx(sharpness)  # a wrong sharpness is said before any work
    marks.check_name(out)
    _check_apart(out, [Path(source) for source in listed])
    opened = open_sources(listed)
    try:
        labels = [one.label if len(opened) > 1 else "" for one in opened]
        pairs = zip(labels, opened, strict=True)
        names = [str(PurePosixPath(label, entry.name)) for label, one in pairs for entry in one.entries]
        job, first = _Job(found, sharpness, out, force, names, progress), 0
        for one in opened:
            for index, fetch in one.read():
                job.take(first + index, one.entries[index].name, fetch)
            first += len(one.entries)
    finally:
        close(opened)
    return job.finish()


def one_of_one(sources: Sequence[str | Path], out: Path) -> bool:
    """Say whether one picture becomes one, of which `progress` counts pixels."""
    source = Path(bundled.resolve(sources[0]))
    return out.suffix.lower() in marks.PICTURES and artefacts.kind_of(source) not in ("run", "model")


def _check_apart(out: Path, sources: list[Path]) -> None:
    """Refuse to write where pictures are read: they would be replaced, or enlarged again the next time."""
    place = out.resolve()
    for source in sources:
        given = source.resolve()
        inside = source.is_dir() and (place == given or given in place.parents)
        loose = source.suffix.lower() in pictures.SUFFIXES and source.is_file()
        if inside or place == given or (loose and place == given.parent):
            raise PhizError(f"{out} is where the pictures are, or inside; write into a folder beside them.")


class _Job:
    """Enlarges one picture after the other, and keeps count."""

    def __init__(
        self,
        upscaler: Upscaler,
        sharpness: float | None,
        out: Path,
        force: bool,
        names: Sequence[str],
        progress: Progress | None,
    ) -> None:
        self.upscaler, self.sharpness, self.out = upscaler, sharpness, out
        self.count, self.progress = len(names), progress
        self.single = out.suffix.lower() in marks.PICTURES
        self.written: list[Path] = []
        self.bad: list[str] = []
        self.lost: list[str] = []
        if self.single and self.count != 1:
            raise UsageError(
                f"{out} is one picture, and there are {self.count:,}; name a folder: -o {out.stem}"
            )
        if not self.single and (out.is_file() or artefacts.kind_of(out)):
            raise PhizError(f"{out} is {artefacts.kind_of(out) or 'a file'}; write pictures into a folder.")
        self.places = [out] if self.single else [out / name for name in _told_apart(names)]
        for place in self.places:
            marks.check_target(place, force)

    def take(self, number: int, name: str, fetch: Callable[[], bytes]) -> None:
        """Enlarge the picture of this number, called `name`, or set it aside."""
        place = self.places[number]
        try:
            data = fetch()
            image, lost = pictures.decode_whole(data, name)
            enlarging.check_room(name, image.size, self.upscaler.config.scale, place.suffix)
            if image.mode == "RGBA" and place.suffix.lower() in (".jpg", ".jpeg"):
                raise PhizError(f"{name}: a JPEG cannot be transparent; write a .png or a .webp.")
            made = enlarging.enlarge(image, self.upscaler, self.sharpness, self._within(image.size))
            marks.save(made, place, self._said(data))
        except Surroundings:
            raise
        except PhizError as fault:
            self._set_aside(fault)
        except MemoryError:
            self._set_aside(PhizError(f"{name}: does not fit into memory once enlarged; cut it first."))
        else:
            self.written.append(place)
            self.lost += [f"{name}: {word}." for word in lost]
        if self.progress and not self.single:
            self.progress(len(self.written) + len(self.bad), self.count)

    def _set_aside(self, fault: PhizError) -> None:
        if self.single or self.count == 1:
            raise fault
        self.bad.append(str(fault))

    def _within(self, size: tuple[int, int]) -> Callable[[int], None] | None:
        """Return what tells how much is done of the only picture, which may take minutes."""
        progress, width, height, done = self.progress, *size, 0
        if not self.single or progress is None:
            return None

        def more(pixels: int) -> None:
            nonlocal done
            done += pixels
            progress(done, width * height)

        return more

    def _said(self, data: bytes) -> dict[str, Any]:
        """Say how it was enlarged, beside what a picture that phiz made says already."""
        before = marks.read_bytes(data) or {"phiz": "enlarged", "format": marks.FORMAT, "synthetic": False}
        return before | self.upscaler.said(self.sharpness)

    def finish(self) -> Enlarged:
        """Return what was written, or refuse if nothing was."""
        if not self.written:
            raise PhizError(self.bad[0] if self.bad else "There is no picture to enlarge.")
        count, scale = len(self.written), self.upscaler.config.scale
        what = str(self.written[0]) if count == 1 else f"{self.out}: {count:,} pictures"
        lines = [f"{what}, {scale} times as large."]
        if self.bad:
            lines.append(f"Set aside {len(self.bad):,}, first {self.bad[0]}")
        if self.lost:
            more = f" ({len(self.lost) - 1:,} more)" if len(self.lost) > 1 else ""
            lines.append(f"Note: {self.lost[0]}{more}")
        return Enlarged(self.written, lines)


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return a name for each picture's PNG, upper case or not: a.png, else a.jpg.png, a.jpg-2.png, ..."""
    taken: set[str] = set()
    found = []
    for name in names:
        at = PurePosixPath(name)
        more = (f"{at}-{number}.png" for number in count(2))
        chosen = next(
            one
            for one in chain([str(at.with_suffix(".png")), f"{at}.png"], more)
            if one.casefold() not in taken
        )
        taken.add(chosen.casefold())
        found.append(chosen)
    return found
