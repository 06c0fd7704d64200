"""Films play as long as they should, without end, and look like their frames."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from PIL import Image

from phiz import marks
from phiz.errors import MissingExtra, UsageError
from phiz.sampling import films

SAID = marks.facts("0123456789abcdef", [7], 1.0, phiz="walk", keys=4, frames=30, fps=15.0)


def frame(i: int, size: int = 32) -> np.ndarray:
    """A smooth picture that changes a little with each frame."""
    y, x = np.mgrid[:size, :size] / size
    channels = [120 + 80 * np.sin(6.28 * (x + i / 30)), 255 * y, 128 + 60 * np.cos(6.28 * i / 30) + 0 * x]
    return np.stack(channels, axis=2).astype(np.uint8)


def frames(numbers):
    return (frame(i) for i in numbers)


def play(path):
    """Return the frames of a gif or a WebP, and its length in ms."""
    with Image.open(path) as film:
        pictures, length = [], 0
        for i in range(film.n_frames):
            film.seek(i)
            film.load()
            length += film.info["duration"]
            pictures.append(np.asarray(film.convert("RGB")).astype(int))
        return pictures, length, film.info["loop"]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("fps", [10, 15, 24, 30])
def test_gif_and_webp(tmp_path, suffix, fps):
    place = tmp_path / f"film{suffix}"
    films.write(place, 30, frames, fps, SAID)
    pictures, length, loop = play(place)
    assert loop == 0
    assert abs(length - 30 * 1000 / fps) <= 5
    assert len(pictures) >= 28
    assert marks.read(place) == SAID
    near = 12 if suffix == ".gif" else 6  # of 256 colours for a picture that has them all
    assert np.abs(pictures[0] - frame(0)).mean() < near
    assert np.abs(pictures[-1] - frame(29)).mean() < near


def test_a_gif_has_one_palette_and_all_frames(tmp_path):
    place = tmp_path / "film.gif"
    films.write(place, 12, frames, 12, SAID)
    data = place.read_bytes()
    at, pictures = 13 + 3 * 2 ** ((data[10] & 7) + 1), 0
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            pictures += 1
            assert not data[at + 9] & 0x80, "no palette of its own"
            at += 11
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    assert pictures == 12
    assert at == len(data) - 1


def test_what_does_not_move_does_not_flicker(tmp_path):
    place = tmp_path / "film.gif"

    def still_half(numbers):
        for i in numbers:
            picture = frame(i)
            picture[:, :16] = frame(0)[:, :16]
            yield picture

    films.write(place, 12, still_half, 12, SAID)
    pictures, _, _ = play(place)
    assert all(np.array_equal(p[:, :16], pictures[0][:, :16]) for p in pictures)


@pytest.mark.parametrize("size", [32, 33])
def test_mp4(tmp_path, size):
    av = pytest.importorskip("av")
    place = tmp_path / "film.mp4"
    films.write(place, 30, lambda numbers: (frame(i, size) for i in numbers), 15, SAID)
    with av.open(str(place)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 15
        assert '"seed": 7' in film.metadata["comment"]
        pictures = [picture.to_ndarray(format="rgb24").astype(int) for picture in film.decode(video=0)]
    assert len(pictures) == 30
    assert pictures[0].shape == (size + size % 2, size + size % 2, 3)
    assert np.abs(pictures[7][:size, :size] - frame(7, size)).mean() < 6
    assert marks.read(place) == SAID
    assert place.read_bytes().index(b"moov") < place.read_bytes().index(b"mdat"), "plays while it loads"


def test_frames_can_be_enlarged(tmp_path):
    films.write(tmp_path / "film.webp", 4, frames, 10, SAID, scale=3)
    with Image.open(tmp_path / "film.webp") as film:
        assert film.size == (96, 96)


def test_without_pyav_an_mp4_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "av":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r'pip install "phiz\[video\]"'):
        films.check_film(tmp_path / "film.mp4", 30)


@pytest.mark.parametrize(
    ("name", "fps"), [("a.avi", 30), ("a", 30), ("a.gif", 60), ("a.webp", 0), ("a.mp4", 500)]
)
def test_films_that_cannot_be(tmp_path, name, fps):
    with pytest.raises(UsageError):
        films.write(tmp_path / name, 4, frames, fps, SAID)
    assert not list(tmp_path.iterdir())


def test_durations_add_up():
    for fps in (7, 24, 29.97, 30, 60):
        assert abs(sum(films._durations(100, fps, 1)) - 100_000 / fps) <= 1
