"""The mark of a made picture: what made it, from which seed, and that it is synthetic.

Every picture and film carries an XMP packet with IPTC's digital source type and a JSON of facts
(docs/latents.md lists them). XMP is meant to be found by scanning a file for it, so that one reader does
for every format and decodes no picture.
"""

from __future__ import annotations

import html
import io
import json
import mmap
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from phiz import artefacts
from phiz.errors import PhizError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMAT = 1
_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPE = f"{_TYPES}trainedAlgorithmicMedia"
ENLARGED_TYPE = f"{_TYPES}compositeWithTrainedAlgorithmicMedia"
"""What a picture is that phiz enlarged and did not make: its finer detail is made up."""

PICTURES = (".png", ".webp", ".jpg", ".jpeg")
"""Suffixes a still picture can be written under."""

_OTHERS = (".gif", ".mp4", ".bmp", ".tif", ".tiff", ".avif", ".webm", ".pdf", ".svg")
_MAX_PACKET = 1 << 22
_MAX_JPEG = 65502
_MOST_FACES = 1 << 20
_ATTRIBUTE = re.compile(rb"""phiz:facts=(?:"([^"]*)"|'([^']*)')""")
_ELEMENT = re.compile(rb"<phiz:facts>([^<]*)</phiz:facts>")


def facts(
    model: str, seeds: Sequence[int], truncation: float, labels: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """Return what a picture says of itself.

    Args:
        model: the model's hash, 16 hexadecimal digits.
        seeds: the seed of each face.
        truncation: psi.
        labels: those that were asked for, {attribute: value}.
        more: further facts, such as `grid`; `phiz` to call it other than a picture.
    """
    first = seeds[0]
    in_a_row = list(seeds) == list(range(first, first + len(seeds)))
    faces = {"seed": int(first), "n": len(seeds)} if in_a_row else {"seeds": [int(seed) for seed in seeds]}
    start = {"phiz": "picture", "format": FORMAT, "synthetic": True, "model": model}
    return start | faces | {"truncation": float(truncation), "labels": dict(labels or {})} | more


def seeds_of(said: Mapping[str, Any]) -> list[int]:
    """Return the seeds that the facts of a picture name.

    Raises:
        ValueError, KeyError, TypeError: they name none, or more than a picture can hold.
    """
    try:
        if "seeds" in said:
            return [int(seed) for seed in said["seeds"]]
        first, n = int(said["seed"]), int(said.get("n", 1))
    except OverflowError:  # infinity, which JSON can say
        raise ValueError("a seed is a whole number") from None
    if not 1 <= n <= _MOST_FACES:
        raise ValueError(f"{n} faces")
    return list(range(first, first + n))


def packet(said: Mapping[str, Any]) -> bytes:
    """Return the XMP packet that holds the facts `said`."""
    kind = SOURCE_TYPE if said.get("synthetic", True) else ENLARGED_TYPE
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:phiz="urn:phiz:facts:1"'
        f' Iptc4xmpExt:DigitalSourceType="{kind}" xmp:CreatorTool="phiz"'
        f" phiz:facts={quoteattr(json.dumps(said))}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def read(path: str | Path) -> dict[str, Any] | None:
    """Return what the picture or film at `path` says of itself; None if phiz did not make it.

    Raises:
        PhizError: the file is missing or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            if not file.seek(0, io.SEEK_END):
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _find(data)
    except FileNotFoundError:
        raise PhizError(f"{path} does not exist.") from None
    except (OSError, ValueError) as fault:
        raise PhizError(f"{path} cannot be read: {getattr(fault, 'strerror', None) or fault}.") from None


def read_bytes(data: bytes) -> dict[str, Any] | None:
    """Return what the bytes of a picture say of it; None if phiz did not make it."""
    return _find(data)


def _find(data: mmap.mmap | bytes) -> dict[str, Any] | None:
    start = data.find(b"<x:xmpmeta")
    while start >= 0:
        end = data.find(b"</x:xmpmeta>", start, start + _MAX_PACKET)
        text = data[start:end] if end > 0 else b""
        found = _ATTRIBUTE.search(text) or _ELEMENT.search(text)
        if found and (said := _parse(next(group for group in found.groups() if group is not None))):
            return said
        start = data.find(b"<x:xmpmeta", start + 1)
    chunk = data.find(b"iTXtphiz\0\0\0\0\0") if data[:4] == b"\x89PNG" else -1
    if chunk < 4:
        return None
    length = int.from_bytes(data[chunk - 4 : chunk], "big")
    return _parse(data[chunk + 13 : chunk + 4 + min(length, _MAX_PACKET)])


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(html.unescape(text.decode("utf-8")))
    except ValueError:
        return None
    return said if isinstance(said, dict) and "phiz" in said else None


def check_name(path: Path) -> None:
    """Refuse a name that is neither a folder's nor that of a still picture phiz writes (status 2)."""
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        walks = "; phiz walk makes films" if suffix in (".gif", ".mp4") else ""
        raise UsageError(f"A picture is written as {', '.join(PICTURES)}, not {path.suffix}{walks}.")


def check_target(path: Path, force: bool = False) -> None:
    """Refuse to replace the file `path` unless phiz made it, or `force` is given (status 3)."""
    if path.is_dir():
        raise PhizError(f"{path} is a folder; give the file another name.")
    above = next((place for place in path.absolute().parents if place.exists()), path.parent)
    if above.is_file():
        raise PhizError(f"{above} is a file, so {path.name} cannot lie in it; choose another name.")
    if path.exists() and not force and read(path) is None:
        raise PhizError(
            f"{path} exists and was not made by phiz; choose another name, or --force to replace it."
        )


def encode(image: Image, suffix: str, said: Mapping[str, Any]) -> bytes:
    """Return `image` as a file of the format that `suffix` names, with the facts `said` in it.

    Raises:
        UsageError: no such format, or the facts are too long for it.
    """
    suffix = suffix.lower()
    xmp = packet(said)
    file = io.BytesIO()
    profile = image.info.get("icc_profile") or b""
    if suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        info.add_itxt("phiz", json.dumps(said))
        image.save(file, "PNG", pnginfo=info, icc_profile=profile)
    elif suffix == ".webp":
        image.save(file, "WEBP", quality=95, method=4, xmp=xmp, icc_profile=profile)
    elif suffix in (".jpg", ".jpeg"):
        if len(xmp) > _MAX_JPEG:
            raise UsageError("A JPEG cannot name so many seeds; write a .png or a .webp.")
        image.save(file, "JPEG", quality=95, subsampling=0, xmp=xmp, icc_profile=profile)
    else:
        raise UsageError(f'A picture is written as {", ".join(PICTURES)}, not as "{suffix}".')
    return file.getvalue()


def save(image: Image, path: Path, said: Mapping[str, Any]) -> None:
    """Write `image` to `path`, whole, in the format of its suffix and with the facts `said` in it.

    Raises:
        Surroundings: the disk is full.
    """
    data = encode(image, path.suffix, said)
    with artefacts.disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        artefacts.write_bytes(path, data)
