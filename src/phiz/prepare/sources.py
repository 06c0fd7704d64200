"""Where pictures come from: folders, single files, zip and tar archives, several of them in a row.

Nothing is unpacked to disk. A source lists its pictures in natural order of their names and hands
out their bytes one by one; what is no picture is passed over and counted; what a system left
behind (dot files, __MACOSX, Thumbs.db) is passed over silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from phiz.errors import PhizError, UsageError
from phiz.pictures import SUFFIXES, looks_like_a_picture
from phiz.prepare.entries import NO_PICTURES, Source
from phiz.prepare.files import Files, head, walk


def open_sources(pictures: str | Path | Sequence[str | Path]) -> list[Source]:
    """Open what the user named: one thing or several, each a folder, an archive, or a picture.

    Pictures named one by one become one source, at the place of the first.

    Raises:
        PhizError: something does not exist, is no archive, is refused as unsafe, or nothing holds a picture.
    """
    named = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    given = [_fetched(Path(p).as_posix()) if str(p).startswith("hf:") else Path(p) for p in named]
    if not given:
        raise UsageError("no pictures are named: give a folder, a zip or tar archive, or picture files.")
    if len({path.resolve() for path in given}) < len(given):
        raise UsageError("one of the pictures, folders or archives is named twice.")
    loose = [path for path in given if path.is_file() and _is_loose(path)]
    sources: list[Source] = []
    try:
        for path in given:
            if path not in loose:
                sources.append(_open(path))
            elif path is loose[0]:
                sources.append(Files.named(loose))
    except BaseException:
        close(sources)
        raise
    if not any(source.entries for source in sources):
        close(sources)
        raise PhizError(_nothing(given, sources))
    return sources


def close(sources: Sequence[Source]) -> None:
    """Close the archives among `sources`."""
    for source in sources:
        source.close()


def paths(sources: Sequence[Source]) -> list[str]:
    """Return every picture's path, for the manifest, labels and messages.

    A single source's paths stand as they are; of several, each begins with its source's own folder
    name (an archive's without the suffix), numbered where two are called the same.
    """
    if len(sources) == 1:
        return [entry.name for entry in sources[0].entries]
    taken: Counter[str] = Counter()
    found = []
    for source in sources:
        taken[source.label] += 1
        again = f" ({taken[source.label]})" if taken[source.label] > 1 else ""
        found += [f"{source.label}{again}/{entry.name}" for entry in source.entries]
    return found


def known(sources: Sequence[Source]) -> tuple[list[list[str] | None], list[dict[str, str] | None]]:
    """Return, of every picture in the order of `paths`, its tags and labels where a collection knows any."""
    tags: list[list[str] | None] = []
    labels: list[dict[str, str] | None] = []
    for source in sources:
        tags += [getattr(source, "tags", {}).get(entry.name) for entry in source.entries]
        labels += [getattr(source, "labels", {}).get(entry.name) for entry in source.entries]
    return tags, labels


def _is_loose(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (suffix not in NO_PICTURES and looks_like_a_picture(head(path)))


def _fetched(name: str) -> Path:
    from phiz.prepare.hub import fetch

    return fetch(name)


def _open(path: Path) -> Source:
    from phiz.artefacts import kind_of
    from phiz.prepare.archives import open_archive

    if not path.exists():
        raise PhizError(f"{path} does not exist; name a folder of pictures, a zip or tar, or picture files.")
    if path.suffix.lower() == ".parquet" and path.is_file():
        from phiz.prepare.parquet import Parquet

        return Parquet(path, [path])
    if not path.is_dir():
        return open_archive(path)
    kind = kind_of(path)
    if kind == "collection":
        return Files.kept(path)
    if kind:
        raise PhizError(f"{path} is a phiz {kind}, not a folder of pictures.")
    files = Files.folder(path)
    if not files.entries and (tables := [file for at, file in walk(path) if at.endswith(".parquet")]):
        from phiz.prepare.parquet import Parquet

        return Parquet(path, tables)
    return files


def _nothing(given: Sequence[Path], sources: Sequence[Source]) -> str:
    skipped: Counter[str] = Counter()
    for source in sources:
        skipped += source.skipped
    names = ", ".join(str(path) for path in given[:3]) + (", ..." if len(given) > 3 else "")
    if not skipped:
        return f"{names} holds no picture: nothing at all."
    what = ", ".join(f"{count:,} {suffix}" for suffix, count in skipped.most_common(4))
    way = " Name the archives in it one by one." if {".zip", ".tar"} & set(skipped) else ""
    return f"{names} holds no picture (passed over: {what}).{way}"
