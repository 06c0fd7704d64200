"""phiz upscale and generate --upscale: what comes out, and what is refused."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import phiz
import toys
from phiz import cli, marks, pictures, upscaler
from phiz.errors import PhizError, Surroundings, UsageError
from phiz.sampling import enlarging


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Path:
    return toys.upscaler(tmp_path_factory.mktemp("up") / "up").path


def pixels(height: int = 12, width: int = 20, channels: int = 3, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)
    return values[..., 0] if channels == 1 else values


def saved(path: Path, image: Image.Image | None = None, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.fromarray(pixels())).save(path, **more)
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_a_picture_becomes_larger(up, tmp_path):
    small = saved(tmp_path / "small.png")
    done = phiz.upscale(small, tmp_path / "large.png", upscaler=up)
    assert done.paths == [tmp_path / "large.png"]
    assert "4 times as large" in done.lines[0]
    large = np.asarray(opened(done.paths[0]))
    assert large.shape == (48, 80, 3)
    assert np.array_equal(large, upscaler.load(up).enlarge(pixels()))


def test_progress_counts_pictures_and_the_pixels_of_a_single_one(up, tmp_path):
    said: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        said.append((done, total))

    wide = saved(tmp_path / "wide.png", Image.fromarray(np.zeros((8, 300, 3), np.uint8)))
    phiz.upscale(wide, tmp_path / "large.png", upscaler=up, progress=note)
    assert said == [(1200, 2400), (2400, 2400)]  # two tiles
    said.clear()
    saved(tmp_path / "album/a.png")
    saved(tmp_path / "album/b.png")
    phiz.upscale(tmp_path / "album", tmp_path / "many", upscaler=up, progress=note)
    assert said == [(1, 2), (2, 2)]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
def test_it_says_that_it_was_enlarged_and_not_made(up, tmp_path, suffix):
    phiz.upscale(saved(tmp_path / "a.png"), tmp_path / f"b{suffix}", upscaler=up, sharpness=0.25)
    said = marks.read(tmp_path / f"b{suffix}")
    assert said is not None
    assert (said["phiz"], said["synthetic"], said["scale"], said["sharpness"]) == ("enlarged", False, 4, 0.25)
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / f"b{suffix}").read_bytes()
    assert "enlarged" in phiz.inspect(tmp_path / f"b{suffix}").title


def test_a_made_face_stays_a_made_face(up, tmp_path):
    model = toys.model(tmp_path / "model")
    phiz.generate(model.path, tmp_path / "face.png", seeds=[7], scale=1)
    phiz.upscale(tmp_path / "face.png", tmp_path / "large.png", upscaler=up)
    said = marks.read(tmp_path / "large.png")
    assert (said["synthetic"], said["model"], said["seed"]) == (True, model.hash, 7)
    phiz.generate(model.path, tmp_path / "again.png", like=tmp_path / "large.png", scale=1)
    assert np.array_equal(np.asarray(opened(tmp_path / "again.png")), model.sample(1, seed=7)[0])


def test_orientation_is_applied(up, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    phiz.upscale(saved(tmp_path / "a.jpg", exif=exif), tmp_path / "b.png", upscaler=up)
    assert opened(tmp_path / "b.png").size == (48, 80)


def test_transparency_is_kept(up, tmp_path):
    values = pixels(16, 16, 4)
    values[..., 3] = 0
    values[:, 8:, 3] = 255
    phiz.upscale(saved(tmp_path / "a.png", Image.fromarray(values)), tmp_path / "b.png", upscaler=up)
    large = np.asarray(opened(tmp_path / "b.png"))
    assert large.shape == (64, 64, 4)
    with pytest.raises(PhizError, match="cannot be transparent"):
        phiz.upscale(tmp_path / "a.png", tmp_path / "b.jpg", upscaler=up)
    values[..., 3] = 77
    phiz.upscale(saved(tmp_path / "c.png", Image.fromarray(values)), tmp_path / "d.png", upscaler=up)
    assert (np.asarray(opened(tmp_path / "d.png"))[..., 3] == 77).all()


def test_colours_of_what_is_transparent_do_not_show(up):
    """White that nobody sees must not become a light seam."""
    values = np.full((16, 16, 4), 255, np.uint8)
    values[:, 8:] = (20, 30, 40, 255)
    values[:, :8, 3] = 0
    around = np.asarray(enlarging._spread(Image.fromarray(values)))
    assert (around[:, 7, :3] < 60).all()
    assert (around[:, 8:, :3] == (20, 30, 40)).all()


def test_a_colour_profile_stays(up, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    small = saved(tmp_path / "a.png", icc_profile=profile)
    for suffix in (".png", ".webp", ".jpg"):
        phiz.upscale(small, tmp_path / f"b{suffix}", upscaler=up)
        assert opened(tmp_path / f"b{suffix}").info.get("icc_profile") == profile, suffix


def test_sixteen_bits_become_eight_with_a_word(up, tmp_path):
    wide = Image.fromarray((pixels(10, 10, 1).astype(np.uint16)) * 257)
    done = phiz.upscale(saved(tmp_path / "a.png", wide), tmp_path / "b.png", upscaler=up)
    assert "more than 8 bits a channel become 8" in done.lines[-1]
    assert opened(tmp_path / "b.png").mode == "RGB"


@pytest.mark.parametrize("size", [(1, 1), (1, 9)])
def test_pictures_of_a_pixel_work(up, tmp_path, size):
    small = saved(tmp_path / "a.png", Image.new("RGB", size, (10, 200, 30)))
    phiz.upscale(small, tmp_path / "b.png", upscaler=up)
    assert opened(tmp_path / "b.png").size == (4 * size[0], 4 * size[1])


def test_animated_and_broken_pictures_are_named(up, tmp_path):
    frames = [Image.fromarray(pixels(seed=n)) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(PhizError, match=r"a\.gif: animated.*\(3\)") as caught:
        phiz.upscale(tmp_path / "a.gif", tmp_path / "b.png", upscaler=up)
    assert caught.value.status == 3
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(PhizError, match=r"c\.png"):
        phiz.upscale(tmp_path / "c.png", tmp_path / "b.png", upscaler=up)
    assert not (tmp_path / "b.png").exists()


def test_what_would_be_too_large_is_refused_before_any_work(up, tmp_path, monkeypatch):
    small = saved(tmp_path / "a.png")
    monkeypatch.setattr(enlarging, "MAX_PIXELS", 48 * 80 - 1)
    with pytest.raises(PhizError, match="80 x 48 pixels once enlarged, more than") as caught:
        phiz.upscale(small, tmp_path / "b.png", upscaler=up)
    assert caught.value.status == 3
    wide = saved(tmp_path / "wide.png", Image.new("RGB", (4200, 1)))
    monkeypatch.undo()
    with pytest.raises(PhizError, match=r"a \.webp has at most 16,383"):
        phiz.upscale(wide, tmp_path / "b.webp", upscaler=up)


def test_a_folder_keeps_its_names_and_sets_aside_what_it_must(up, tmp_path):
    album = tmp_path / "album"
    saved(album / "one.jpg")
    saved(album / "one.png")
    saved(album / "deep" / "two.webp")
    (album / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (album / "notes.txt").write_text("no picture")
    done = phiz.upscale(album, tmp_path / "large", upscaler=up)
    names = sorted(path.relative_to(tmp_path / "large").as_posix() for path in done.paths)
    assert names == ["deep/two.png", "one.png", "one.png.png"]
    assert all(path.is_file() for path in done.paths)
    assert "Set aside 1, first broken.jpg" in done.lines[1]


def test_one_picture_that_is_too_large_is_set_aside_and_a_failing_disk_ends_it(up, tmp_path, monkeypatch):
    album = tmp_path / "album"
    for name in ("1.png", "2.png", "3.png"):
        saved(album / name)
    enlarge, seen = enlarging.enlarge, []

    def short(image, *more):
        seen.append(image)
        if len(seen) == 2:
            raise MemoryError
        return enlarge(image, *more)

    monkeypatch.setattr(enlarging, "enlarge", short)
    done = phiz.upscale(album, tmp_path / "large", upscaler=up)
    assert len(done.paths) == 2
    assert "Set aside 1, first 2.png: does not fit into memory" in done.lines[1]

    def failing(*given):
        raise Surroundings("album/2.png: Input/output error")

    monkeypatch.setattr(pictures, "decode_whole", failing)
    with pytest.raises(Surroundings, match="Input/output"):
        phiz.upscale(album, tmp_path / "again", upscaler=up)


def test_sources_of_one_name_keep_all_their_pictures(up, tmp_path):
    places = [saved(tmp_path / side / "faces" / "1.png").parent for side in "abcd"]
    done = phiz.upscale(places, tmp_path / "large", upscaler=up)
    assert len({path for path in done.paths if path.is_file()}) == 4


def test_a_zip_and_several_sources(up, tmp_path):
    file = io.BytesIO()
    Image.fromarray(pixels()).save(file, "PNG")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("in/a.png", file.getvalue())
    done = phiz.upscale([tmp_path / "some.zip", saved(tmp_path / "b.png")], tmp_path / "out", upscaler=up)
    assert len(done.paths) == 2
    assert {path.name for path in done.paths} == {"a.png", "b.png"}


def test_what_phiz_did_not_make_is_not_replaced(up, tmp_path):
    small = saved(tmp_path / "a.png")
    before = small.read_bytes()
    saved(tmp_path / "own" / "a.png")
    for out in (tmp_path / "own" / "a.png", tmp_path / "own"):
        with pytest.raises(PhizError, match="not made by phiz"):
            phiz.upscale(small, out, upscaler=up)
    assert small.read_bytes() == before
    phiz.upscale(small, tmp_path / "b.png", upscaler=up)
    phiz.upscale(small, tmp_path / "b.png", upscaler=up)  # its own it replaces


def test_pictures_are_not_written_where_they_are_read(up, tmp_path):
    one = saved(tmp_path / "faces" / "a.png")
    phiz.upscale(one, tmp_path / "made" / "a.png", upscaler=up)
    for sources, out in (
        (tmp_path / "faces", tmp_path / "faces"),
        (tmp_path / "faces", tmp_path / "faces" / "large"),
        (tmp_path / "faces", tmp_path / "other" / ".." / "faces" / "large" / "deep"),
        (one, tmp_path / "faces"),
        (tmp_path / "made" / "a.png", tmp_path / "made" / "a.png"),
    ):
        with pytest.raises(PhizError, match="beside them"):
            phiz.upscale(sources, out, upscaler=up, force=True)
    assert np.array_equal(np.asarray(opened(one)), pixels())
    assert [path.name for path in (tmp_path / "faces").iterdir()] == ["a.png"]
    phiz.upscale(one, tmp_path / "faces" / "larger.png", upscaler=up)


def test_what_stands_in_the_way_is_said_before_any_work(up, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        saved(tmp_path / "in" / name)
    saved(tmp_path / "out" / "c.png")
    with pytest.raises(PhizError, match="was not made by phiz"):
        phiz.upscale(tmp_path / "in", tmp_path / "out", upscaler=up)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.png"]
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(PhizError, match="is a file, so"):
        phiz.upscale(tmp_path / "in" / "a.png", tmp_path / "file" / "a.png", upscaler=up)


def test_names_that_differ_in_case_alone_are_told_apart(up, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in ("Ann.jpg", "ann.png"):
            file = io.BytesIO()
            Image.fromarray(pixels()).save(file, "PNG")
            archive.writestr(name, file.getvalue())
    done = phiz.upscale(tmp_path / "in.zip", tmp_path / "out", upscaler=up)
    assert sorted(path.name for path in done.paths) == ["Ann.png", "ann.png.png"]


def test_options_that_do_not_fit_are_named(up, tmp_path):
    small = saved(tmp_path / "a.png")
    cases: list[tuple[dict, str, int]] = [
        ({"upscaler": None}, "train-upscaler", 2),
        ({"scale": 2}, "enlarges 4 times, not 2", 3),
        ({"sharpness": 1.5}, "from 0", 2),
        ({"n": 4}, "makes faces", 2),
        ({"upscaler": tmp_path / "nowhere"}, "does not exist", 3),
    ]
    for change, word, status in cases:
        with pytest.raises(PhizError, match=word) as caught:
            phiz.upscale(small, tmp_path / "b.png", **({"upscaler": up} | change))
        assert caught.value.status == status, change
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="written as"):
        phiz.upscale(small, tmp_path / "b.tif", upscaler=up)
    with pytest.raises(UsageError, match="name a folder"):
        phiz.upscale([small, saved(tmp_path / "c.png")], tmp_path / "b.png", upscaler=up)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhizError):
        phiz.upscale(tmp_path / "empty", tmp_path / "out", upscaler=up)


# -- faces of a model -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return toys.model(tmp_path_factory.mktemp("model") / "model").path


def test_a_model_makes_faces_and_they_are_enlarged(up, model, tmp_path):
    (face,) = phiz.generate(model, tmp_path / "face.png", seeds=[3], upscale=4, upscaler=up)
    expected = upscaler.load(up)
    assert np.array_equal(np.asarray(opened(face)), expected.enlarge(phiz.load(model).sample(1, seed=3)[0]))
    said = marks.read(face)
    assert (said["seed"], said["upscaler"], said["scale"]) == (3, expected.hash, 4)
    phiz.generate(model, tmp_path / "sheet.png", n=4, upscale=4, upscaler=up)
    done = phiz.upscale(model, tmp_path / "same.png", upscaler=up, n=4)
    assert np.array_equal(np.asarray(opened(tmp_path / "sheet.png")), np.asarray(opened(done.paths[0])))
    singles = phiz.generate(model, tmp_path / "faces", n=2, upscale=4, upscaler=up)
    assert [opened(path).size for path in singles] == [(64, 64)] * 2


def test_a_model_that_carries_its_upscaler_needs_no_other(up, model, tmp_path):
    exported = phiz.export(model, tmp_path / "both", upscaler=up)
    assert "enlarges its faces 4 times" in exported.lines[-1]
    phiz.generate(tmp_path / "both", tmp_path / "a.png", n=1, upscale=4)
    phiz.upscale(tmp_path / "both", tmp_path / "b.png", n=1)
    assert opened(tmp_path / "a.png").size == (64, 64)
    assert "4 times" in phiz.inspect(tmp_path / "both").facts["upscaler"]
    again = phiz.export(tmp_path / "both", tmp_path / "again")
    assert "enlarges its faces" in again.lines[-1]
    with pytest.raises(PhizError, match="carries no upscaler"):
        phiz.generate(model, tmp_path / "c.png", upscale=4)


def test_upscale_options_of_generate_go_together(up, model, tmp_path):
    for more in ({"upscaler": up}, {"sharpness": 0.5}):
        with pytest.raises(UsageError, match="go with --upscale"):
            phiz.generate(model, tmp_path / "a.png", **more)
    with pytest.raises(PhizError, match="not 2"):
        phiz.generate(model, tmp_path / "a.png", upscale=2, upscaler=up)


def test_an_upscaler_is_inspected_and_exported(up, tmp_path):
    seen = phiz.inspect(up)
    assert seen.kind == "upscaler"
    assert "4 times as large" in seen.title
    assert "smooth and sharp" in seen.facts["ends"]
    assert len(seen.listings[0].rows) == 5  # the first guess, in, two within, out
    assert "an upscaler" in phiz.export(up, tmp_path / "copy").lines[0]
    assert phiz.inspect(tmp_path / "copy").facts["hash"] == seen.facts["hash"]


def test_the_command_line(up, tmp_path, monkeypatch, capsys):
    small = saved(tmp_path / "a.png")
    words = [
        "phiz",
        "upscale",
        str(small),
        "-o",
        str(tmp_path / "b.png"),
        "--upscaler",
        str(up),
        "--scale",
        "4",
    ]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code in (0, None)
    assert "4 times as large" in capsys.readouterr().out


def test_the_model_that_comes_with_phiz_goes_by_its_name(up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    made = phiz.upscale("avatars", "large.png", upscaler=up, n=1)
    with Image.open(made.paths[0]) as picture:
        assert picture.width == 4 * 64
