"""Films: frames as a gif, an animated WebP or an mp4 that repeats without end."""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phiz import artefacts, marks
from phiz.errors import MissingExtra, UsageError
from phiz.sampling.sheets import enlarge

FILMS = (".gif", ".webp", ".mp4")
"""Suffixes a film can be written under."""

Frames = Callable[[range], Iterator[np.ndarray]]
"""Gives the frames of these numbers, uint8 (H, W, 3) each; it may be asked more than once."""

_COLOURS = 255  # of 256: one is left for "as in the frame before"
_PALETTE_FRAMES = 24
_MAX_GIF_RATE = 50
_MAX_HELD = 1 << 31
"""Bytes of all frames together: 4 a pixel, of a gif 1."""

_XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")


def check_film(path: Path, fps: float) -> None:
    """Refuse a name or a rate that no film can have (status 2), and an mp4 without PyAV (status 4)."""
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise UsageError(f"A film is written as {', '.join(FILMS)}; {path.name} is none of them.")
    if not 1 <= fps <= 120:
        raise UsageError(f"Frames a second go from 1 to 120, not {fps:g}.")
    if suffix == ".gif" and fps > _MAX_GIF_RATE:
        raise UsageError(f"A gif shows at most {_MAX_GIF_RATE} frames a second; for {fps:g}, write .webp.")
    if suffix == ".mp4":
        _av()


def check_length(path: Path, count: int, side: int) -> None:
    """Refuse a gif or WebP of more frames than fit in memory, where Pillow holds them all (status 2)."""
    most = _MAX_HELD // (side * side * (1 if path.suffix.lower() == ".gif" else 4))
    if path.suffix.lower() != ".mp4" and count > most:
        raise UsageError(
            f"{count:,} frames of {side} px are too many for a {path.suffix.lower()}, which holds at most "
            f"{most:,}: fewer --seconds, a smaller --scale, or an .mp4."
        )


def write(
    path: Path, count: int, frames: Frames, fps: float, said: Mapping[str, Any], scale: int = 1
) -> None:
    """Write a film, whole, in the format of `path`'s suffix and with the facts `said` in it.

    Args:
        path: ends in .gif, .webp or .mp4.
        count: how many frames.
        frames: gives them.
        fps: frames a second; 50 at most for a gif.
        said: what the film says of itself, see phiz.marks.
        scale: how many times each frame is enlarged.

    Raises:
        UsageError: no such format.
        MissingExtra: an mp4 without PyAV.
        Surroundings: the disk is full.
    """
    check_film(path, fps)

    def pictures(numbers: range) -> Iterator[Image.Image]:
        return (enlarge(frame, scale) for frame in frames(numbers))

    with artefacts.disk(path):
        data = _ENCODERS[path.suffix.lower()](count, pictures, fps, said)
        path.parent.mkdir(parents=True, exist_ok=True)
        artefacts.write_bytes(path, data)


def encode(suffix: str, frames: np.ndarray, fps: float, said: Mapping[str, Any], scale: int = 1) -> bytes:
    """Return `frames`, uint8 (N, H, W, 3), as the bytes of a film of this suffix; see `write`."""
    pictures = [enlarge(frame, scale) for frame in frames]
    return _ENCODERS[suffix](len(pictures), lambda numbers: (pictures[i] for i in numbers), fps, said)


Pictures = Callable[[range], Iterator[Image.Image]]


def _durations(count: int, fps: float, unit: int) -> list[int]:
    """Return how long each frame stays, in whole units (ms) that add up to the film's length."""
    ends = [round(i * 1000 / fps / unit) * unit for i in range(count + 1)]
    return [max(unit, after - before) for before, after in itertools.pairwise(ends)]


def _gif(count: int, pictures: Pictures, fps: float, said: Mapping[str, Any]) -> bytes:
    """One palette for all frames and no dithering, so that nothing flickers."""
    some = list(pictures(range(0, count, max(1, count // _PALETTE_FRAMES))))
    size = some[0].size
    strip = Image.new("RGB", (size[0], size[1] * len(some)))
    for i, image in enumerate(some):
        strip.paste(image, (0, i * size[1]))
    palette = strip.quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=2)
    indexed = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in pictures(range(count)))
    file = io.BytesIO()
    next(indexed).save(
        file,
        "GIF",
        save_all=True,
        append_images=indexed,
        duration=_durations(count, fps, 10),
        loop=0,
        palette=bytes(palette.getpalette() or ())[: 3 * _COLOURS],
        optimize=True,  # what stays as it was is left out
    )
    data = file.getvalue()
    trailer = bytes([1, *range(255, -1, -1), 0])  # lets a reader that skips blocks find the end
    return data[:-1] + b"\x21\xff\x0bXMP DataXMP" + marks.packet(said) + trailer + b";"


def _webp(count: int, pictures: Pictures, fps: float, said: Mapping[str, Any]) -> bytes:
    images = pictures(range(count))
    file = io.BytesIO()
    next(images).save(
        file,
        "WEBP",
        save_all=True,
        append_images=images,
        duration=_durations(count, fps, 1),
        loop=0,
        quality=88,
        method=4,
        xmp=marks.packet(said),
    )
    return file.getvalue()


def _mp4(count: int, pictures: Pictures, fps: float, said: Mapping[str, Any]) -> bytes:
    """H.264 as every player takes it: yuv420p, even sides, the index in front."""
    import json

    av = _av()
    images = pictures(range(count))
    first = next(images)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "film.mp4")
        with av.open(str(place), "w", options={"movflags": "faststart"}) as film:
            film.metadata["comment"] = json.dumps(said)
            film.metadata["description"] = f"Synthetic faces, made by phiz. {marks.SOURCE_TYPE}"
            stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            stream.width, stream.height = (side + side % 2 for side in first.size)
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": "17", "preset": "medium"}
            for image in itertools.chain([first], images):
                frame = av.VideoFrame.from_ndarray(_even(np.asarray(image)), format="rgb24")
                film.mux(stream.encode(frame))
            film.mux(stream.encode())
        data = place.read_bytes()
    packet = marks.packet(said)
    return data + (24 + len(packet)).to_bytes(4, "big") + b"uuid" + _XMP_BOX + packet


def _even(frame: np.ndarray) -> np.ndarray:
    return np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), "edge")


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise MissingExtra("Writing an mp4", "video") from None
    return av


_ENCODERS = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}
