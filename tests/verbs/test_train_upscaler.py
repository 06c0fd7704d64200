"""phiz train-upscaler: what it writes, what it refuses, how it goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import phiz
import toys
from phiz import upscaler
from phiz.errors import PhizError
from phiz.folders import folder_of
from toyset import write_faces

SMALL = {
    "network.generator": '{"width": 8, "depth": 1, "between": 4}',
    "network.discriminator": '{"widths": [4, 4, 4]}',
    "precision": "float32",
}
OPTIONS = {"steps": 4, "batch": 2, "settings": SMALL}


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces", size=64)


@pytest.fixture
def quickly(monkeypatch):
    """Leave out the model, whose export takes seconds: these tests look at what comes before."""
    from phiz.verbs import train
    from phiz.verbs import train_upscaler as verb

    monkeypatch.setattr(verb.enlarged, "write_model", lambda *_: None)
    monkeypatch.setattr(train.results, "write_film", lambda run, model: None)
    monkeypatch.setattr(upscaler, "load", lambda path: None)


def recipe(run) -> dict:
    return json.loads((run / "recipe.json").read_text())["recipe"]


def test_a_run_ends_in_an_upscaler(faces, tmp_path):
    model = toys.model(tmp_path / "model")
    done = phiz.train_upscaler(faces.path, tmp_path / "run", generator=model.path, **OPTIONS)
    found = upscaler.load(tmp_path / "run")
    assert done.model.hash == found.hash
    assert (found.config.scale, found.config.size, found.config.ends) == (4, 64, ["smooth", "sharp"])
    assert (found.config.generator, found.config.faceset) == (model.sha256, faces.id)
    assert found.config.degradations["generator"] == 0.3
    assert found.enlarge(np.zeros((5, 6, 3), np.uint8)).shape == (20, 24, 3)
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {
        "samples",
        "film.webp",
        "model",
        "metrics.jsonl",
    }
    assert (found.path / "preview.png").is_file()  # faces of nobody
    assert "phiz upscale" in done.lines[-1]
    seen = phiz.inspect(tmp_path / "run")
    assert seen.kind == "run"
    assert "phiz upscale" in seen.next
    again = phiz.train_upscaler(faces.path, tmp_path / "run", generator=model.path, **OPTIONS)
    assert "is done" in again.lines[0]


@pytest.mark.usefixtures("quickly")
def test_size_and_crop_follow_from_what_there_is(faces, tmp_path):
    phiz.train_upscaler(faces.path, tmp_path / "a", **OPTIONS)
    assert (recipe(tmp_path / "a")["size"], recipe(tmp_path / "a")["crop"]) == (64, 64)
    phiz.train_upscaler(faces.path, tmp_path / "b", scale=2, size=32, **OPTIONS)
    assert (recipe(tmp_path / "b")["size"], recipe(tmp_path / "b")["crop"]) == (32, 32)
    given = OPTIONS | {"settings": OPTIONS.get("settings", {}) | {"size": "32"}}
    phiz.train_upscaler(faces.path, tmp_path / "d", scale=2, **given)
    assert recipe(tmp_path / "d")["size"] == 32
    (tmp_path / "pictures").mkdir()
    for n in range(18):
        pixels = np.random.default_rng(n).integers(0, 256, (10, 12, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((120, 100)).save(tmp_path / "pictures" / f"{n}.png")
    phiz.train_upscaler(tmp_path / "pictures", tmp_path / "c", **OPTIONS)
    assert (recipe(tmp_path / "c")["size"], recipe(tmp_path / "c")["crop"]) == (96, 96)


@pytest.mark.usefixtures("quickly")
def test_it_stops_and_goes_on(faces, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.loop.run", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            phiz.train_upscaler(faces.path, tmp_path / "run", **OPTIONS)
    with pytest.raises(PhizError, match="--resume"):
        phiz.train_upscaler(faces.path, tmp_path / "run", **OPTIONS)
    with pytest.raises(PhizError, match="is a run of phiz train-upscaler"):
        phiz.train(faces.path, tmp_path / "run", resume=True)
    with pytest.raises(PhizError, match="go on with: phiz train-upscaler"):
        folder_of(tmp_path / "run", "upscaler")
    with pytest.raises(PhizError, match="scale not given, not 2"):
        phiz.train_upscaler(faces.path, tmp_path / "run", resume=True, scale=2, **OPTIONS)
    phiz.train_upscaler(faces.path, tmp_path / "run", resume=True)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["finished"]
    phiz.train_upscaler(faces.path, tmp_path / "run", force=True, scale=2, **OPTIONS)
    assert recipe(tmp_path / "run")["scale"] == 2


def test_what_does_not_fit_is_named(faces, tmp_path):
    (tmp_path / "bad.json").write_text('{"recipe": null}')
    cases: list[tuple[dict, str, int]] = [
        ({"scale": 3}, "scale", 2),
        ({"settings": SMALL | {"crop": "96"}}, "faces of 64 px are smaller than the crop of 96", 3),
        ({"settings": SMALL | {"crop": "40"}}, "divisible by 16", 2),
        ({"settings": SMALL | {"crop": "16"}}, "from crops of 32 px and more", 2),
        ({"size": 128}, "faces of 64 px, not 128", 3),
        ({"size": 50}, "48", 2),
        ({"recipe": "compct"}, "compact", 2),
        ({"minutes": 1.0}, "not both", 2),
        ({"generator": tmp_path / "none"}, "does not exist", 3),
        ({"perceptual": tmp_path / "none.onnx"}, "does not exist", 3),
        ({"perceptual": tmp_path / "bad.json"}, "cannot be read as an ONNX file", 3),
        ({"settings": SMALL | {"degradations": '{"generator": 1}'}}, "--generator MODEL", 2),
        ({"device": "gpu"}, "cuda", 2),
        ({"prepare": "auto"}, "cut already", 2),
    ]
    for change, word, status in cases:
        with pytest.raises(PhizError, match=word) as caught:
            phiz.train_upscaler(faces.path, tmp_path / "run", **(OPTIONS | change))
        assert caught.value.status == status, (change, str(caught.value))
        assert "\n" not in str(caught.value), change
        assert not (tmp_path / "run").exists(), change
    tiny = write_faces(tmp_path / "tiny", count=15, size=16)
    with pytest.raises(PhizError, match="32 px and more, not of 16 px"):
        phiz.train_upscaler(tiny.path, tmp_path / "run", **OPTIONS)
    few = write_faces(tmp_path / "few", count=15, size=64)
    with pytest.raises(PhizError, match="16 are the least"):
        phiz.train_upscaler(few.path, tmp_path / "run", **OPTIONS)
    with pytest.raises(PhizError, match="does not exist"):
        phiz.train_upscaler(tmp_path / "nowhere", tmp_path / "run", **OPTIONS)
