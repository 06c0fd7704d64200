"""Made pictures say so, in every format, and say it back."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from phiz import latents, marks
from phiz.errors import PhizError, Surroundings, UsageError

SAID = marks.facts("0123456789abcdef", [7], 0.8, {"hair": "\"a\" & 'b' <c>"}, grid=[1, 1])


def picture(side: int = 24) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("suffix", marks.PICTURES)
def test_every_format_says_it_back(tmp_path, suffix):
    place = tmp_path / f"face{suffix}"
    marks.save(picture(), place, SAID)
    assert marks.read(place) == SAID
    with Image.open(place) as image:
        assert image.size == (24, 24)
        assert marks.SOURCE_TYPE.encode() in image.info["xmp"], "where other programs look for it"
    assert marks.SOURCE_TYPE.encode() in place.read_bytes()


def test_a_png_keeps_its_pixels_and_its_text(tmp_path):
    place = tmp_path / "face.PNG"
    marks.save(picture(), place, SAID)
    with Image.open(place) as image:
        assert np.array_equal(np.asarray(image), np.asarray(picture()))
        assert '"seed": 7' in image.text["phiz"]


def test_the_png_text_alone_is_enough(tmp_path):
    """Some programs keep text chunks and drop XMP."""
    place = tmp_path / "face.png"
    marks.save(picture(), place, SAID)
    place.write_bytes(place.read_bytes().replace(b"phiz:facts", b"gone:facts"))
    assert marks.read(place) == SAID


def test_xmp_written_anew_by_another_program_is_read(tmp_path):
    place = tmp_path / "face.jpg"
    facts = b"<phiz:facts>{&quot;phiz&quot;: &quot;picture&quot;}</phiz:facts>"
    place.write_bytes(b"\xff\xd8\xff <x:xmpmeta></x:xmpmeta> <x:xmpmeta x=''>" + facts + b"</x:xmpmeta>")
    assert marks.read(place) == {"phiz": "picture"}


@pytest.mark.parametrize("data", [b"", b"x", b"\x89PNG\r\n\x1a\n", b"<x:xmpmeta phiz:facts='{'></x:xmpmeta>"])
def test_what_phiz_did_not_make_says_nothing(tmp_path, data):
    place = tmp_path / "file"
    place.write_bytes(data)
    assert marks.read(place) is None


@given(st.binary(max_size=400))
def test_no_bytes_surprise_the_reader(tmp_path_factory, data):
    place = tmp_path_factory.getbasetemp() / "fuzzed.png"
    head = b"\x89PNG<x:xmpmeta phiz:facts='" if data[:1] < b"\x80" else b"\x89PNG\0\0\1\0iTXtphiz\0\0\0\0\0"
    place.write_bytes(head + data + b"'></x:xmpmeta>")
    assert marks.read(place) is None or isinstance(marks.read(place), dict)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(PhizError, match="does not exist"):
        marks.read(tmp_path / "none.png")


@given(st.lists(st.integers(0, latents.MAX_SEED), min_size=1, max_size=30))
def test_seeds_come_back(seeds):
    assert marks.seeds_of(marks.facts("0" * 16, seeds, 1.0)) == seeds


def test_seeds_in_a_row_are_written_short():
    assert marks.facts("0" * 16, range(5, 5000), 1.0)["n"] == 4995


def test_a_jpeg_that_cannot_name_its_seeds_is_refused(tmp_path):
    many = marks.facts("0" * 16, [s * 1_000_003 for s in range(8000)], 1.0)
    with pytest.raises(UsageError, match=r"\.png or a \.webp"):
        marks.encode(picture(), ".jpg", many)
    for suffix in (".png", ".webp"):
        marks.save(picture(), tmp_path / f"face{suffix}", many)
        assert marks.read(tmp_path / f"face{suffix}") == many


def test_replacing(tmp_path):
    place = tmp_path / "face.png"
    marks.check_target(place)
    place.write_bytes(b"somebody's own")
    with pytest.raises(PhizError, match="--force"):
        marks.check_target(place)
    marks.check_target(place, force=True)
    marks.save(picture(), place, SAID)
    marks.check_target(place)
    with pytest.raises(PhizError, match="is a folder"):
        marks.check_target(tmp_path, force=True)


def test_another_format_is_refused():
    with pytest.raises(UsageError, match=r"\.png"):
        marks.encode(picture(), ".bmp", SAID)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    place = tmp_path / "face.png"
    marks.save(picture(), place, SAID)
    before = place.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Surroundings, match="Make room"):
        marks.save(picture(48), place, SAID)
    assert place.read_bytes() == before
    assert list(tmp_path.iterdir()) == [place]
