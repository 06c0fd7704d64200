"""report.html of a face set: what was kept, what was not and why, in one file that asks for nothing outside.

Every face stands there with its number, by which `--restore` and `--drop` call it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from phiz import markup
from phiz.artefacts import write_bytes
from phiz.faceset import FaceSet
from phiz.markup import Html, tag
from phiz.prepare import screens
from phiz.prepare.histograms import bars, histogram
from phiz.prepare.survey import SHOWN, TWINS, Face, Survey, survey

Spare = Callable[[int], np.ndarray | None]
"""The pixels of a face that is not in the set, by its number; None where they are not at hand."""

_LARGEST = 96
_GRID, _GRIDS = 8, 48
_TITLES = {
    "side": "Cut from so many px",
    "sharp": "Sharpness",
    "bright": "Brightness",
    "sure": "The detector's score",
}


def write(faces: FaceSet, name: str, spare: Spare) -> Path:
    """Write report.html into a face set; return its path."""
    path = faces.path / "report.html"
    write_bytes(path, page(faces, name, spare).encode("utf-8"))
    return path


def page(faces: FaceSet, name: str, spare: Spare) -> str:
    """Return the report of a face set called `name` as one HTML file."""
    found = survey(faces)

    def pixels(face: Face) -> np.ndarray | None:
        return spare(face.number) if face.position is None else faces[face.position]

    sections = (
        _stages(faces, found),
        _screens(faces, found),
        _sheet("Kept", _kept_lead(found), found.kept, pixels),
        *_refused(found, pixels),
        _twins(found, pixels, faces),
        _histograms(found),
        _labels(faces),
        _arguing(name, found),
    )
    style = resources.files("phiz.prepare").joinpath("report.css").read_text("utf-8")
    return markup.page(f"{name}: a face set", style, _header(faces, name, found), tag("main", *sections))


def _header(faces: FaceSet, name: str, found: Survey) -> Html:
    sources = [str(source.get("name", "?")) for source in faces.made.get("sources", [])]
    made = f"from {', '.join(sources[:4])}{', ...' if len(sources) > 4 else ''}" if sources else None
    facts = [f"{len(faces):,} faces of {faces.size} × {faces.size} px", made, f"id {faces.id[:12]}"]
    return tag(
        "header",
        tag("p", "A face set", class_="kind"),
        tag("h1", name),
        tag("p", " · ".join(fact for fact in facts if fact), class_="facts"),
        tag("p", _meaning(faces, found), class_="meaning"),
    )


def _meaning(faces: FaceSet, found: Survey) -> str:
    made = faces.made.get("detector") or {}
    how = {
        "none": "Each picture was taken as a face cut already: its largest centred square.",
        "human": "Faces were looked for as in photographs and cut level by eyes and mouth.",
        "anime": "Faces were looked for as in drawings and cut around what was found.",
    }.get(made.get("name", "none"), "")
    why = made.get("why")
    because = f" Why: {why}." if why and why != "asked for" else ""
    share = len(faces) / max(1, found.rows)
    return f"{how}{because} {share:.0%} of what was looked at was kept."


def _stages(faces: FaceSet, found: Survey) -> Html:
    counts = faces.made.get("counts", {})
    rows = [("pictures", counts.get("pictures", found.pictures))]
    if found.unusable:
        rows.append(("pictures without a face that could be cut", -found.unusable))
    if found.others:
        rows.append(("other faces of the same pictures", found.others))
    rows += [(f"refused: {kind}", -count) for kind, count in found.refused]
    rows.append(("kept", len(faces)))
    skipped = counts.get("skipped") or {}
    passed = ", ".join(f"{count:,} {suffix}" for suffix, count in list(skipped.items())[:6])
    return tag(
        "section",
        tag("h2", "From pictures to faces"),
        bars(rows),
        tag("p", f"Passed over, as no pictures: {passed}.", class_="lead") if passed else None,
    )


def _screens(faces: FaceSet, found: Survey) -> Html | None:
    limits = faces.made.get("limits")
    if limits is None:
        return None
    rows = screens.told(limits)
    off = [name for name in screens.NAMES if name not in limits]
    cells = [
        tag("tr", tag("th", name, scope="row"), tag("td", limit, class_="value"), tag("td", about))
        for name, limit, about in rows
    ]
    head = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in ("screen", "limit", "of"))))
    return tag(
        "section",
        tag("h2", "Screens"),
        tag("table", head, tag("tbody", *cells)) if cells else tag("p", "None is set.", class_="lead"),
        tag("p", f"Off: {', '.join(off)}.", class_="lead after") if off else None,
    )


def _kept_lead(found: Survey) -> str:
    shown = len(found.kept)
    return f"{shown} of {found.kept_count:,}, drawn by lot." if shown < found.kept_count else "All of them."


def _sheet(title: str, lead: str, faces: Sequence[Face], pixels: Callable[[Face], np.ndarray | None]) -> Html:
    cells = [_cell(face, pixels(face)) for face in faces]
    return tag("section", tag("h2", title), tag("p", lead, class_="lead"), tag("div", *cells, class_="faces"))


def _refused(found: Survey, pixels: Callable[[Face], np.ndarray | None]) -> Iterable[Html]:
    for kind, count in found.refused:
        if kind in TWINS:  # shown in pairs
            continue
        shown = found.samples[kind]
        lead = f"{count:,} refused" + (f"; {len(shown)} of them." if len(shown) < count else ".")
        yield _sheet(kind.capitalize(), lead, shown, pixels)
    if found.broken:
        rows = [
            tag("tr", tag("td", face.source), tag("td", face.reason, class_="why")) for face in found.broken
        ]
        more = found.unusable - len(found.broken)
        yield tag(
            "section",
            tag("h2", "Pictures without a face that could be cut"),
            tag("table", tag("tbody", *rows)),
            tag("p", f"and {more:,} more.", class_="lead after") if more > 0 else None,
        )


def _twins(found: Survey, pixels: Callable[[Face], np.ndarray | None], faces: FaceSet) -> Html | None:
    if not found.twins:
        return None
    cells = []
    for face, kept in found.twins[:SHOWN]:
        pair = (_image(pixels(kept)), _image(pixels(face)))
        said = f"{kept.number} kept, {face.number} not"
        bits = face.reason.partition(", ")[2].partition(" of ")[0] if face.reason else ""
        apart = tag("small", f"{bits} bits differ") if bits else tag("small", "the same file")
        cells.append(tag("figure", tag("div", *pair, class_="pair"), tag("small", said), apart))
    count = sum(count for kind, count in found.refused if kind in TWINS)
    lead = f"{count:,} refused. Left is the face that was kept, the sharper or the first."
    return tag(
        "section",
        tag("h2", "The same, or nearly"),
        tag("p", lead, class_="lead"),
        tag("div", *cells, class_="pairs"),
    )


def _histograms(found: Survey) -> Html | None:
    drawn = [
        histogram(title, found.figures[name])
        for name, title in _TITLES.items()
        if len(found.figures.get(name, ())) >= 2 and len(set(found.figures[name][:1000])) > 1
    ]
    if not drawn:
        return None
    return tag(
        "section",
        tag("h2", "How they are spread"),
        tag("p", "The faces that were kept.", class_="lead"),
        tag("div", *drawn, class_="curves"),
    )


def _labels(faces: FaceSet) -> Html | None:
    if not faces.schema:
        return None
    parts, left = [], _GRIDS
    for column, (attribute, values) in enumerate(faces.schema.items()):
        codes = faces.labels[:, column]
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        rows: list[tuple[str, int]] = [
            (value, int(count)) for value, count in zip(values, counts, strict=True)
        ]
        missing = int((codes < 0).sum())
        parts.append(tag("h3", attribute))
        parts.append(bars(([("not known", missing)] if missing else []) + rows, most=24))
        grids = []
        for code in np.argsort(-counts, kind="stable")[: min(12, left)].tolist():
            if counts[code]:
                there = np.flatnonzero(codes == code)
                some = there[:: max(1, len(there) // _GRID)][:_GRID]
                shown = tag("div", *(_image(face) for face in faces.batch(some)), class_="row")
                grids.append(tag("div", tag("small", f"{values[code]}"), shown, class_="value-row"))
        left -= len(grids)
        parts.append(tag("div", *grids, class_="grids"))
    return tag("section", tag("h2", "Labels"), *parts)


def _arguing(name: str, found: Survey) -> Html:
    number = found.example or 1
    lines = [
        f"phiz prepare {name} --restore {number}   # keep it after all",
        f"phiz prepare {name} --drop {found.kept[0].number if found.kept else 1}   # leave it out",
        f"phiz prepare {name} --quality high   # other limits for all; nothing is detected again",
        f"phiz prepare {name} --screen sharp=0.05 --screen tilt=off",
    ]
    return tag(
        "section",
        tag("h2", "Arguing with it"),
        tag("p", "The number beneath a face is its name. Older versions of the set stay.", class_="lead"),
        tag("pre", "\n".join(lines)),
    )


def _cell(face: Face, pixels: np.ndarray | None) -> Html:
    said = face.said()
    return tag(
        "figure",
        _image(pixels, face.source),
        tag("small", str(face.number)),
        tag("small", said, class_="why") if said else None,
    )


def _image(pixels: np.ndarray | None, title: str | None = None) -> Html:
    if pixels is None:
        return tag("span", "not at hand", class_="gone", title=title)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.width > _LARGEST:
        image = image.resize((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=85, method=3)
    source = f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
    side = max(image.width, 64) if image.width < 64 else image.width
    return tag("img", src=source, width=side, height=side, alt="", title=title, loading="lazy")
