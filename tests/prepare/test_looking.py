"""One picture: what becomes of it, whatever it is."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawings import png, scene
from phiz.pictures import BadPicture, decode
from phiz.prepare import looking, screens
from phiz.prepare.detectors import Seen
from phiz.prepare.looking import Cutting, look


class Fixed:
    """A detector that sees what it was told."""

    name, sha256 = "human", "0" * 64

    def __init__(self, seen: list[Seen]) -> None:
        self.seen = seen

    def __call__(self, picture: Image.Image) -> list[Seen]:
        return self.seen


def told(monkeypatch: pytest.MonkeyPatch, *seen: Seen) -> None:
    monkeypatch.setattr(looking, "detector", lambda name: Fixed(list(seen)))


def test_a_cut_picture_becomes_a_face_with_its_box_hash_and_figures() -> None:
    image = Image.new("RGB", (60, 40), "red")
    image.paste("blue", (10, 0, 50, 40))
    data = png(image)
    done = look(3, "a.png", lambda: data, Cutting(16))
    assert (done.index, done.reason, done.sha256) == (3, None, hashlib.sha256(data).hexdigest())
    (found,) = done.faces
    assert found.box == (10, 0, 40, 40)
    assert found.face is not None
    assert (found.face == np.array([0, 0, 255])).all()
    assert found.figures["side"] == 40
    assert found.figures["enlarged"] == 0.4
    assert "sure" not in found.figures


def test_a_bad_picture_comes_back_with_its_reason() -> None:
    def gone() -> bytes:
        raise BadPicture("a.png", "cannot be read: gone")

    assert look(0, "a.png", gone, Cutting(16)).reason == "cannot be read: gone"
    empty = look(0, "a.png", lambda: b"", Cutting(16))
    assert (empty.faces, empty.reason) == ([], "empty file")
    assert empty.sha256 == hashlib.sha256(b"").hexdigest()


def test_no_face_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch)
    assert look(0, "a", lambda: png(scene([])), Cutting(16, "human")).reason == screens.NOT_FOUND


def test_the_largest_sure_face_is_cut_and_the_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [Seen((10, 10, 50, 50), 0.9), Seen((200, 20, 90, 90), 0.88), Seen((300, 200, 200, 200), 0.3)]
    told(monkeypatch, *seen)
    data = png(scene([]))
    done = look(0, "a", lambda: data, Cutting(32, "human", least=0.5))
    cut = [found.face is not None for found in done.faces]
    assert cut == [False, True, False]
    assert [found.reason for found in done.faces] == [screens.OTHER, None, screens.OTHER]
    every = look(0, "a", lambda: data, Cutting(32, "human", every=True, least=0.5))
    assert all(found.face is not None for found in every.faces)
    unsure = look(0, "a", lambda: data, Cutting(32, "human", least=0.95))
    assert [found.face is not None for found in unsure.faces] == [True, False, False]  # the surest


def test_forty_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, *[Seen((16 * i, 100, 15, 15), 0.9) for i in range(40)])
    done = look(0, "a", lambda: png(scene([])), Cutting(16, "human", every=True))
    assert len(done.faces) == 40
    assert [found.box[0] for found in done.faces] == [16 * i for i in range(40)]


@pytest.mark.parametrize("name", ["none", "human"])
@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1)])
def test_a_picture_a_pixel_wide_is_no_fault(
    name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, Seen((-5, -5, 30, 30), 0.9, ((0, 0), (9, 0), (4, 5), (1, 9), (8, 9))))
    done = look(0, "a", lambda: png(Image.new("RGB", size, "red")), Cutting(16, name))
    assert done.faces[0].face is not None
    assert screens.verdict(done.faces[0].figures, screens.limits_of("normal", name)) is not None


def test_landmarks_in_one_point_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, Seen((10, 10, 30, 30), 0.9, ((20, 20),) * 5))
    done = look(0, "a", lambda: png(scene([])), Cutting(16, "human"))
    assert done.faces[0].reason or done.faces[0].face is not None


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("blue", "red")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    (found,) = look(0, "a.gif", file.getvalue, Cutting(16)).faces
    assert found.face is not None
    assert (found.face == np.array([0, 0, 255])).all()


@pytest.mark.parametrize("name", ["human", "anime"])
def test_a_face_is_cut_again_from_what_the_manifest_says(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHIZ_WEIGHTS", str(shared / "weights"))
    picture = scene([(31, 17, 333), (380, 40, 211)]).rotate(7, Image.Resampling.BICUBIC)
    data, how = png(picture), Cutting(48, name, margin=0.1, every=True)
    done = look(0, "a", lambda: data, how)
    assert len(done.faces) == 2
    for found in done.faces:
        anew = looking.again(decode(data, "a"), list(found.box), found.landmarks, found.figures["sure"], how)
        assert np.array_equal(anew.face, found.face)
        assert anew.figures == found.figures


def test_measures_do_not_depend_on_how_dark_a_face_is() -> None:
    from phiz.prepare.measures import of_face

    rng = np.random.default_rng(0)
    light = np.asarray(Image.fromarray(rng.integers(90, 250, (24, 24, 3)).astype(np.uint8)).resize((64, 64)))
    dark = (light * 0.4).astype(np.uint8)
    assert of_face(dark)["sharp"] == pytest.approx(of_face(light)["sharp"], abs=0.02)
    soft = np.asarray(Image.fromarray(light).resize((12, 12)).resize((64, 64), Image.Resampling.BICUBIC))
    assert of_face(soft)["sharp"] < 0.6 * of_face(light)["sharp"]
