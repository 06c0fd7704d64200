"""A face set in other tools' formats: StyleGAN's zip, a folder of pictures, WebDataset's tar, JSON lines.

Each is written aside and put in its place whole, and the same set gives the same bytes.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phiz.artefacts import WRITTEN, beside, disk, real, swap, sync
from phiz.errors import PhizError, UsageError, nearest
from phiz.faceset import FaceSet

Progress = Callable[[int, int], None]

FORMATS = {
    "stylegan": "a zip of PNG files with dataset.json, as StyleGAN's tools read it",
    "imagefolder": "a folder of PNG files with metadata.jsonl, as Hugging Face's datasets read it",
    "webdataset": "a tar of PNG files, each with a JSON of its labels",
    "manifest": "the manifest alone, a line of JSON for every row",
}
_SUFFIXES = {".zip": "stylegan", ".tar": "webdataset", ".jsonl": "manifest", "": "imagefolder"}


def format_of(out: Path, named: str | None) -> str:
    """Return the format that is asked for, by name or by the suffix of `out`.

    Raises:
        UsageError: there is none of that name or suffix.
    """
    if named is not None:
        if named not in FORMATS:
            raise UsageError(
                f'There is no format "{named}"; there are {", ".join(FORMATS)}.{nearest(named, FORMATS)}'
            )
        return named
    if out.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            f"{out.name} does not say its format: end it with .zip (StyleGAN), .tar (WebDataset) or .jsonl "
            "(the manifest), or give a folder; or name one with --format."
        )
    return _SUFFIXES[out.suffix.lower()]


def convert(faces: FaceSet, out: Path, kind: str, label: str | None, force: bool, progress: Progress) -> None:
    """Write `faces` to `out` in the format `kind`; see phiz.verbs.convert.

    Raises:
        UsageError: no attribute is called `label`.
        PhizError: something stands at `out`.
        Surroundings: the disk is full; what was there is untouched.
    """
    if label is not None and label not in faces.schema:
        raise UsageError(
            f'{faces.path} has no label "{label}"; it has {", ".join(faces.schema) or "none"}.'
            f"{nearest(label, faces.schema)}"
        )
    if out.exists() and not force:
        raise PhizError(f"{out} exists; choose another name, or --force to replace it.")
    if out.exists() and (out.is_dir() != (kind == "imagefolder")):
        raise PhizError(f"{out} is something else than is to be written; move it away yourself.")
    if out.is_dir() and not _ours(out):
        raise PhizError(f"{out} is no folder that phiz wrote, so --force does not replace it.")
    out = real(out)
    if out.is_dir() and (old := beside(out)).exists() and not _ours(old):
        raise PhizError(f"{old} is in the way: phiz keeps there for a while what it replaces; move it away.")
    aside = out.with_name(f".{out.name}.partial")
    with disk(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(aside)
        try:
            _WRITERS[kind](faces, aside, label, progress)
            _settle(aside, out)
        finally:
            _remove(aside)


def _ours(folder: Path) -> bool:
    """Say whether phiz wrote a folder of pictures, or it is empty."""
    return folder.is_dir() and ((folder / WRITTEN).is_file() or not any(folder.iterdir()))


def _settle(aside: Path, out: Path) -> None:
    if aside.is_dir():
        sync(aside)
        swap(aside, out)
        return
    with open(aside, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(aside, out)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _samples(faces: FaceSet, progress: Progress) -> Iterator[tuple[int, bytes, dict[str, str]]]:
    """Yield (position, PNG, labels) of every face."""
    for row in faces.faces():
        position = row["position"]
        yield position, png(faces[position]), row["labels"] or {}
        if (position + 1) % 100 == 0 or position + 1 == len(faces):
            progress(position + 1, len(faces))


def png(face: np.ndarray) -> bytes:
    """Return a face, uint8 (H, W, 3), as a PNG."""
    file = io.BytesIO()
    Image.fromarray(face).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _stylegan(faces: FaceSet, out: Path, label: str | None, progress: Progress) -> None:
    """Write a stored zip, 00000/img00000000.png and so on, and dataset.json with one label as a number.

    That is the one asked for, else the first that every face has.
    """
    missing = dict(zip(faces.schema, (faces.labels[:] < 0).sum(axis=0).tolist(), strict=True))
    if label is not None and missing[label]:
        raise PhizError(
            f'{missing[label]:,} faces have no "{label}", and StyleGAN needs one of each; choose another '
            "label, or none."
        )
    chosen = label or next((name for name, count in missing.items() if not count), None)
    column = None if chosen is None else list(faces.schema).index(chosen)
    labels: list[Any] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for position, data, _ in _samples(faces, progress):
            name = f"{position // 1000:05d}/img{position:08d}.png"
            archive.writestr(_entry(name), data)
            if column is not None:
                labels.append([name, int(faces.labels[position, column])])
        about: dict[str, Any] = {"labels": None}
        if chosen is not None and column is not None:
            about = {"labels": labels, "phiz": {"label": chosen, "values": faces.schema[chosen]}}
        archive.writestr(_entry("dataset.json"), json.dumps(about, ensure_ascii=False))


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _imagefolder(faces: FaceSet, out: Path, label: str | None, progress: Progress) -> None:
    out.mkdir()
    (out / WRITTEN).write_text("phiz convert wrote this folder, and replaces it with --force.\n", "utf-8")
    with open(out / "metadata.jsonl", "w", encoding="utf-8") as table:
        for position, data, labels in _samples(faces, progress):
            name = f"{position // 1000:05d}/{position:08d}.png"
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).write_bytes(data)
            own = {attribute: labels.get(attribute) for attribute in _chosen(faces, label)}
            table.write(json.dumps({"file_name": name, **own}, ensure_ascii=False) + "\n")


def _webdataset(faces: FaceSet, out: Path, label: str | None, progress: Progress) -> None:
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as archive:
        for position, data, labels in _samples(faces, progress):
            own = {name: labels[name] for name in _chosen(faces, label) if name in labels}
            text = json.dumps(own, ensure_ascii=False).encode("utf-8")
            for suffix, content in (("png", data), ("json", text)):
                info = tarfile.TarInfo(f"{position:08d}.{suffix}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def _manifest(faces: FaceSet, out: Path, label: str | None, progress: Progress) -> None:
    with open(out, "w", encoding="utf-8") as file:
        for row in faces.rows():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    progress(len(faces), len(faces))


def _chosen(faces: FaceSet, label: str | None) -> list[str]:
    return list(faces.schema) if label is None else [label]


_WRITERS = {
    "stylegan": _stylegan,
    "imagefolder": _imagefolder,
    "webdataset": _webdataset,
    "manifest": _manifest,
}
