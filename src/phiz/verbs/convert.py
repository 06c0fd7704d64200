"""convert: a face set in, the same faces in another tool's format out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from phiz.faceset import FaceSet
from phiz.prepare import converting


def convert(
    faceset: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    label: str | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a face set in another format.

    Args:
        faceset: the face set, or one of its versions (FOLDER/faceset-ID.json).
        out: what to write. Its suffix says the format: .zip is StyleGAN's with dataset.json, .tar
            WebDataset's, .jsonl the manifest, none a folder of pictures with metadata.jsonl.
        format: "stylegan", "webdataset", "imagefolder" or "manifest", whatever the suffix.
        label: the attribute to write; all by default, of which StyleGAN's zip takes
            the first that every face has.
        force: replace what stands at `out`; a folder only if it is one that phiz wrote.
        progress: called with (faces done, faces in all).

    Returns:
        The path written.

    Raises:
        UsageError: no such format or label.
        PhizError: no face set, or something stands at `out`.
        Surroundings: the disk is full; what was there is untouched.
    """
    out = Path(out)
    kind = converting.format_of(out, format)
    faces = FaceSet.open(faceset)
    converting.convert(faces, out, kind, label, force, progress or (lambda done, count: None))
    return out
