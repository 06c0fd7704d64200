"""Pictures of faces beyond the seeds hold their latents, and come back from them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from PIL import Image

import phiz
import toys
from phiz import latents, marks
from phiz.errors import PhizError, UsageError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("like") / "model", labelled=True)


SHOWS = {"hair": "red", "hat": "yes"}


def beyond(model, values: np.ndarray, **more) -> dict:
    text = base64.b64encode(values.astype("<f4").tobytes()).decode()
    said = {"phiz": "picture", "format": 1, "synthetic": True, "model": model.hash, "n": len(values)}
    return said | {"latents": text, "truncation": 0.75, "shows": SHOWS} | more


def write(path, said) -> None:
    marks.save(Image.new("RGB", (16, 16)), path, said)


def test_a_single_face_beyond_the_seeds(model, tmp_path):
    values = latents.latents([1, 2], 6).mean(axis=0, keepdims=True)
    write(tmp_path / "face.png", beyond(model, values, faces=["seed=1~2@0.5"]))
    (again,) = phiz.generate(model.path, tmp_path / "out", like=tmp_path / "face.png")
    with Image.open(again) as picture:
        made = np.asarray(picture)
    expected = model.run(values, 0.75, np.array([[2, 1]]))[0]
    assert np.array_equal(made, expected)
    said = marks.read(again)
    assert (said["faces"], said["shows"], said["truncation"]) == (["seed=1~2@0.5"], SHOWS, 0.75)
    assert phiz.inspect(again).facts["made by phiz"] == "yes, and synthetic"


def test_what_a_larger_picture_says_of_its_upscaler_is_left_out(model, tmp_path):
    values = latents.latents([1], 6)
    write(tmp_path / "large.png", beyond(model, values, upscaler="0" * 16, scale=4, sharpness=0.5))
    (again,) = phiz.generate(model.path, tmp_path / "again.png", like=tmp_path / "large.png")
    assert not {"upscaler", "scale", "sharpness"} & marks.read(again).keys()
    with pytest.raises(UsageError, match="--numbered"):
        phiz.generate(model.path, tmp_path / "b.png", like=tmp_path / "large.png", numbered=True)


def test_a_sheet_of_them_keeps_its_grid_and_falls_apart_into_singles(model, tmp_path):
    values = latents.latents(range(4), 6) * np.float32(0.9)
    psi, shows = [1, 0.5, 1, 0.25], [SHOWS, {"hair": "black", "hat": "no"}, SHOWS, SHOWS]
    said = beyond(model, values, truncation=psi, shows=shows, grid=[1, 4])
    write(tmp_path / "sheet.png", said)
    (again,) = phiz.generate(model.path, tmp_path / "again.png", like=tmp_path / "sheet.png")
    assert marks.read(again) == said
    singles = phiz.generate(model.path, tmp_path / "singles", like=tmp_path / "sheet.png")
    assert [path.name for path in singles] == [f"face-00000{n}.png" for n in (1, 2, 3, 4)]
    with Image.open(singles[1]) as picture:
        expected = model.run(values[1:2], 0.5, np.array([[0, 0]]))[0]
        assert np.array_equal(np.asarray(picture), expected)
    assert marks.read(singles[1])["shows"] == shows[1]
    phiz.generate(model.path, tmp_path / "singles", like=singles[1])


def test_a_face_beyond_the_seeds_in_the_colours_of_another(tmp_path):
    avatars = phiz.load("avatars")
    z = avatars.config.z
    values, fine = latents.latents([1, 2], z) * np.float32(0.8), latents.latents([5, 2], z)
    labels = avatars.labels_of([1, 2])
    shows = [{a: v[row[i]] for i, (a, v) in enumerate(avatars.config.labels.items())} for row in labels]
    text = base64.b64encode(fine.astype("<f4").tobytes()).decode()
    write(tmp_path / "two.png", beyond(avatars, values, shows=shows, fine=text))
    faces = avatars.run(values, 0.75, labels, fine)
    singles = phiz.generate("avatars", tmp_path / "singles", like=tmp_path / "two.png")
    again = phiz.generate("avatars", tmp_path / "again", like=singles[1])
    for path, face in zip([*singles, *again], [*faces, faces[1]], strict=True):
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), face)
    write(tmp_path / "short.png", beyond(avatars, values, shows=shows, fine=text[: len(text) // 2]))
    with pytest.raises(PhizError, match="does not say clearly"):
        phiz.generate("avatars", tmp_path / "out.png", like=tmp_path / "short.png")


@pytest.mark.parametrize("fine", ["12", 1.5, -1, {}, ["a"], [1, 2, 3], [None]])
def test_colours_of_seeds_that_are_none(tmp_path, fine):
    said = marks.facts(phiz.load("avatars").hash, [1], 1.0, fine=fine)
    write(tmp_path / "face.png", said)
    with pytest.raises(PhizError, match="does not say clearly"):
        phiz.generate("avatars", tmp_path / "out.png", like=tmp_path / "face.png")


def test_colours_that_the_model_cannot_take_are_refused(model, tmp_path):
    text = base64.b64encode(latents.latents([5], 6).astype("<f4").tobytes()).decode()
    write(tmp_path / "face.png", beyond(model, latents.latents([1], 6), fine=text))
    with pytest.raises(UsageError, match="takes no colours from another seed"):
        phiz.generate(model.path, tmp_path / "out.png", like=tmp_path / "face.png")


@pytest.mark.parametrize(
    "more",
    [
        {"latents": "%%%"},
        {"latents": "AAAA"},
        {"latents": base64.b64encode(np.full(6, np.nan, "<f4").tobytes()).decode()},
        {"latents": 7},
        {"truncation": "much"},
        {"truncation": [1, 2, 3]},
        {"truncation": -1},
        {"shows": {"hair": "blue", "hat": "no"}},
        {"shows": None},
        {"grid": "x"},
        {"fine": 7},
        {"fine": "AAAA"},
    ],
)
def test_nonsense_is_refused(model, tmp_path, more):
    write(tmp_path / "face.png", beyond(model, latents.latents([1], 6), **more))
    with pytest.raises(PhizError, match="does not say clearly"):
        phiz.generate(model.path, tmp_path / "out.png", like=tmp_path / "face.png")
    assert not (tmp_path / "out.png").exists()
