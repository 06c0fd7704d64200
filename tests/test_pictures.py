"""Pictures: whatever arrives becomes upright 8-bit RGB, or is set aside with one line of reason."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phiz.errors import UsageError
from phiz.pictures import (
    FORMATS,
    MAX_PIXELS,
    SIZES,
    BadPicture,
    centre_crop,
    check_size,
    decode,
    looks_like_a_picture,
    resize,
)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def corner(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((0, 0))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind: str) -> None:
    image = Image.new("RGB", (24, 20), (200, 40, 90))
    found = decode(encoded(image, kind), f"a.{kind}")
    assert found.mode == "RGB"
    assert found.size == (24, 20)
    assert np.abs(np.asarray(found, int) - np.asarray(image, int)).max() < 12


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PDF", "EPS"])
def test_other_formats_are_not_even_tried(kind: str) -> None:
    with pytest.raises(BadPicture, match="no picture in a format that is read"):
        decode(encoded(Image.new("RGB", (16, 16)), kind), "a")


def test_content_decides_not_the_name() -> None:
    assert decode(encoded(Image.new("RGB", (5, 4), "red")), "photo.jpg").size == (5, 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr", "I", "F", "I;16") else "PNG"
    found = decode(encoded(Image.new(mode, (8, 6)), kind), "a")
    assert (found.mode, found.size) == ("RGB", (8, 6))


def test_transparency_lies_on_white() -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    assert corner(decode(encoded(half), "a")) == (255, 127, 127)
    clear = Image.new("LA", (4, 4), (0, 0))
    assert corner(decode(encoded(clear), "a")) == (255, 255, 255)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert corner(decode(encoded(palette, transparency=1), "a")) == (255, 255, 255)
    assert corner(decode(encoded(palette, transparency=0), "a")) == (10, 20, 30)
    assert corner(decode(encoded(palette, "GIF", transparency=1), "a")) == (255, 255, 255)
    grey = Image.new("L", (4, 4), 7)
    assert corner(decode(encoded(grey, transparency=7), "a")) == (255, 255, 255)
    colour = Image.new("RGB", (4, 4), (1, 2, 3))
    assert corner(decode(encoded(colour, transparency=(1, 2, 3)), "a")) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    ramp = np.array([[0, 257, 32768, 65278, 65535]], np.uint16)
    found = np.asarray(decode(encoded(Image.fromarray(ramp), kind), "a"))
    assert found[0, :, 0].tolist() == [0, 1, 128, 254, 255]
    assert (found == found[..., :1]).all()


def test_wide_greys_of_netpbm_and_floats() -> None:
    ramp = np.array([[0, 32768, 65535]], ">u2")
    found = np.asarray(decode(b"P5 3 1 65535\n" + ramp.tobytes(), "a.pgm"))
    assert found[0, :, 0].tolist() == [0, 128, 255]
    floats = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan, np.inf]], np.float32))
    assert np.asarray(decode(encoded(floats, "TIFF"), "a"))[0, :, 0].tolist() == [0, 128, 255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied(orientation: int, kind: str) -> None:
    from PIL import ImageOps

    upright = Image.new("RGB", (32, 16), "blue")
    upright.paste("white", (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turned = upright.copy()
    turned.getexif()[0x0112] = undo
    stored = ImageOps.exif_transpose(turned)
    found = decode(encoded(stored, kind, exif=exif), "a")
    assert found.size == (32, 16)
    assert min(found.getpixel((4, 3))) > 200  # type: ignore[arg-type,type-var]
    assert found.getpixel((28, 12))[0] < 60  # type: ignore[index]


def test_damaged_exif_does_not_lose_the_picture() -> None:
    data = encoded(Image.new("RGB", (16, 16)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x01")
    assert decode(data, "a").size == (16, 16)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    red, green, blue = corner(decode(data, "a"))
    assert red > 230
    assert max(green, blue) < 30


def bad(data: bytes, name: str = "x.jpg") -> str:
    with pytest.raises(BadPicture) as caught:
        decode(data, name)
    assert caught.value.status == 3
    assert str(caught.value) == f"{name}: {caught.value.reason}"
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_bad_pictures_have_a_reason() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8))
    assert bad(b"") == "empty file"
    assert "no picture" in bad(b"just some text, no picture")
    assert "web page" in bad(b"\n<!DOCTYPE html><html>404</html>")
    assert "HEIC" in bad(b"\0\0\0\x18ftypheic" + bytes(40))
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"):
        data = encoded(noise, kind)
        assert "cannot be decoded" in bad(data[: len(data) // 2])
    data = bytearray(encoded(noise))
    data[60] ^= 255
    assert bad(bytes(data))


SOUND = [encoded(Image.new("RGB", (20, 12), "teal"), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP")]


@settings(max_examples=200)
@given(st.sampled_from(SOUND), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), max_size=5))
def test_damage_of_any_kind_is_a_bad_picture_or_none(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    for at, piece in damage:
        data = data[:at] + piece + data[at + 3 :]
    try:
        said, mode = "", decode(data, "a").mode
    except BadPicture as fault:
        said, mode = str(fault), "RGB"
    assert mode == "RGB"
    assert "\n" not in said


def test_a_header_that_claims_too_much_is_not_decoded() -> None:
    assert "pixels" in bad(png_header(50_000, 50_000))
    assert "pixels" in bad(png_header(10_000, 9_000))  # where Pillow itself only warns
    assert MAX_PIXELS < 10_000 * 9_000


def test_a_file_of_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phiz.pictures.MAX_BYTES", 10)
    assert "bytes" in bad(b"\xff" * 11)


def test_warnings_stay_as_they_were_and_threads_agree() -> None:
    data, bomb = encoded(Image.new("RGB", (16, 16), "red")), png_header(10_000, 9_000)
    before, threads = list(warnings.filters), threading.active_count()

    def one(index: int) -> bool:
        try:
            return decode(bomb if index % 2 else data, "a").size == (16, 16)
        except BadPicture:
            return index % 2 == 1

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(200)))
    assert list(warnings.filters) == before
    assert threading.active_count() <= threads


@pytest.mark.parametrize(("size", "near"), [(100, "96"), (36, "32 or 40"), (1, "16"), (5000, "1024")])
def test_a_size_that_does_not_work_names_the_nearest(size: int, near: str) -> None:
    with pytest.raises(UsageError, match=f"size {size} .* nearest is {near}\\."):
        check_size(size)


@pytest.mark.parametrize("size", [64.5, 64.0, "64", None, True, float("nan")])
def test_a_size_is_a_whole_number(size: object) -> None:
    with pytest.raises(UsageError, match="whole number"):
        check_size(size)  # type: ignore[arg-type]


def test_the_sizes_of_the_plan_work() -> None:
    for size in (32, 40, 48, 56, 64, 80, 96, 112, 128, 192, 224, 256, 512, 1024):
        check_size(size)
    assert all(any(size == b << k for b in range(3, 8) for k in range(10)) for size in SIZES)


@given(st.integers(1, 70), st.integers(1, 70))
def test_the_crop_is_the_largest_centred_square(width: int, height: int) -> None:
    image = Image.fromarray(np.arange(width * height, dtype=np.int32).reshape(height, width))
    square, (x, y, w, h) = centre_crop(image)
    assert square.size == (w, h) == (min(width, height),) * 2
    assert abs((width - w - x) - x) <= 1
    assert abs((height - h - y) - y) <= 1
    assert np.array_equal(np.asarray(square), np.asarray(image)[y : y + h, x : x + w])


PNG_MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]
TIFF_MODES = ["CMYK", "F", "I", "RGBX"]


@settings(max_examples=60)
@given(
    st.sampled_from(PNG_MODES + TIFF_MODES),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(SIZES[:12]),
    st.integers(0, 2**32 - 1),
)
def test_any_picture_becomes_a_face_of_the_size_asked_for(
    mode: str, width: int, height: int, size: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    if mode == "I;16":
        image = Image.fromarray(random.integers(65536, size=(height, width), dtype=np.uint16))
    else:
        image = Image.fromarray(random.integers(256, size=(height, width, 3), dtype=np.uint8)).convert(
            "RGBA" if mode == "LA" else "RGB" if mode in ("RGBX", "I", "F") else mode
        )
        if mode in ("LA", "RGBX"):
            image = image.convert(mode)
        if mode in ("I", "F"):
            image = image.convert("L").convert(mode)
    data = encoded(image, "TIFF" if mode in TIFF_MODES else "PNG")
    face = np.asarray(resize(centre_crop(decode(data, "a"))[0], size))
    assert face.shape == (size, size, 3)
    assert face.dtype == np.uint8


def test_resizing_leaves_no_aliasing() -> None:
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    rings = (127.5 + 127.5 * np.cos(600 * (x**2 + y**2))).astype(np.uint8)
    small = np.asarray(resize(Image.fromarray(rings).convert("RGB"), 64), float)[..., 0]
    edge = small[:, :8]  # here the rings are finer than a small pixel: they must be grey, not waves
    assert edge.std() < 8
    assert abs(edge.mean() - 127) < 6
    image = Image.fromarray(rings[:64, :64]).convert("RGB")
    assert resize(image, 64) is image


def test_first_bytes_tell_a_picture() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        assert looks_like_a_picture(encoded(Image.new("RGB", (16, 16)), kind)[:16])
    for other in (b"", b"BM is a text", b"PK\x03\x04", b"RIFF____WAVEfmt "):
        assert not looks_like_a_picture(other)
