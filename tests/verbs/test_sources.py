"""What a run that goes on learns from: what it was started on, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import phiz
from phiz import artefacts
from phiz.errors import PhizError, Surroundings, UsageError
from phiz.training import gan
from phiz.verbs import train as verb
from runs import rewrite
from toyset import SMALL, write_faces

OPTIONS: dict[str, Any] = {
    "recipe": "dcgan", "steps": 6, "size": 16, "batch": 8, "settings": SMALL["dcgan"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the model and the film, which take seconds."""
    monkeypatch.setattr(verb.results, "write_model", lambda run, *_: (run.folder / "model").mkdir())
    monkeypatch.setattr(verb.results, "write_film", lambda run, model: None)
    monkeypatch.setattr(verb, "load", lambda path: None)


def begin(source: Path, run: Path, **more: Any) -> None:
    """Start a training and break it off at its third step."""
    real = gan.GAN.step

    def step(self, position):
        if position.step == 2:
            raise ZeroDivisionError
        return real(self, position)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan.GAN, "step", step)
        with pytest.raises(ZeroDivisionError):
            phiz.train(source, run, **OPTIONS | more)


def picture(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 15, 3)).astype(np.uint8)
    Image.fromarray(pixels).resize((60, 48)).save(path)


@pytest.mark.parametrize("after", ["another picture", "all gone"])
def test_pictures_that_were_cut_may_change_or_go(tmp_path, after):
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(20):
        picture(source / f"{seed}.png", seed)
    begin(source, tmp_path / "run")
    if after == "another picture":
        picture(source / "20.png", 20)
    else:
        source.rename(tmp_path / "elsewhere")
    phiz.train(source, tmp_path / "run", **OPTIONS, resume=True)
    assert len(phiz.FaceSet.open(tmp_path / "run" / "faceset")) == 20


def test_a_face_set_may_move(tmp_path):
    faces = write_faces(tmp_path / "faces")
    begin(faces.path, tmp_path / "run")
    faces.path.rename(tmp_path / "moved")
    phiz.train(tmp_path / "moved", tmp_path / "run", **OPTIONS, resume=True)
    with pytest.raises(PhizError, match="started with source"):  # a finished run answers to its own command
        phiz.train(write_faces(tmp_path / "other", seed=1).path, tmp_path / "run", **OPTIONS)


def test_another_size_is_another_face_set(tmp_path):
    begin(write_faces(tmp_path / "faces").path, tmp_path / "run")
    larger = write_faces(tmp_path / "larger", size=24)
    with pytest.raises(PhizError, match="is not the face set"):
        phiz.train(larger.path, tmp_path / "run", **OPTIONS, resume=True)


def test_a_run_goes_on_with_the_version_of_a_face_set_that_it_began_on(tmp_path):
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(24):
        picture(source / f"{seed}.png", seed)
    faces = phiz.prepare(source, tmp_path / "faces", size=16, detector="none")
    begin(faces.path, tmp_path / "run")
    assert phiz.prepare(faces.path, drop=[4]).id != faces.id
    phiz.train(faces.path, tmp_path / "run", **OPTIONS, resume=True)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["faceset"] == faces.id


def test_labels_of_other_names_are_refused(tmp_path):
    faces = write_faces(tmp_path / "faces", labelled=True)
    begin(faces.path, tmp_path / "run")
    about = json.loads((faces.path / "faceset.json").read_text())
    about["schema"]["shade"] = about["schema"]["shade"][::-1]
    artefacts.write_json(faces.path / "faceset.json", about)
    with pytest.raises(PhizError, match="names its labels otherwise") as caught:
        phiz.train(faces.path, tmp_path / "run", **OPTIONS, resume=True)
    assert caught.value.status == 3


def test_checkpoints_of_another_recipe_are_refused(tmp_path):
    faces = write_faces(tmp_path / "faces")
    begin(faces.path, tmp_path / "run")
    path = tmp_path / "run" / "recipe.json"
    said = json.loads(path.read_text())
    said["recipe"]["generator"]["rate"] *= 2
    rewrite(path.parent, said)
    with pytest.raises(PhizError, match="belong to another recipe or face set"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS, resume=True)


def test_a_run_by_another_name_is_in_use_as_well(tmp_path):
    faces = write_faces(tmp_path / "faces")
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with (
        artefacts.alone(tmp_path / "run", "training"),
        pytest.raises(PhizError, match="link is in use: another phiz is training there"),
    ):
        phiz.train(faces.path, tmp_path / "link", **OPTIONS)


def test_a_step_that_does_not_fit_into_memory_is_one_line(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    begin(faces.path, tmp_path / "run")
    real = gan.GAN.step

    def step(self, position):
        if position.step == 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, position)

    monkeypatch.setattr(gan.GAN, "step", step)
    with pytest.raises(Surroundings, match="step 3 does not fit into memory"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS, resume=True)


def test_a_wrong_argument_of_a_network_leaves_no_run(tmp_path):
    faces = write_faces(tmp_path / "faces")
    for key, value, says in (
        ("network.generator.widht", "m", 'has no widht. Did you mean "width"'),
        ("network.generator.width", "xl", "width is one of s, m, l"),
        ("network.generator.width", "[]", "two numbers of channels"),
        ("network.generator.norm", "layer", 'batch or none, not "layer"'),
        ("network.discriminator.block", "fulll", 'full or grouped, not "fulll"'),
        ("network.name", "modrn", 'Did you mean "modern"'),
    ):
        with pytest.raises(UsageError, match=says):
            phiz.train(faces.path, tmp_path / "run", steps=2, settings={key: value})
        assert not (tmp_path / "run").exists()


def test_what_is_wrong_with_labels_is_said_as_it_is_by_prepare(tmp_path, capsys):
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(20):
        picture(source / f"{seed}.png", seed)
    (tmp_path / "l.csv").write_text("file,hair,only\n1.png,red,x\n2.png,blue,x\n99.png,red,x\n", "utf-8")
    phiz.train(source, tmp_path / "run", **OPTIONS, labels=tmp_path / "l.csv")
    said = capsys.readouterr().err
    assert "1 of 3 rows name no picture that is there, the first 99.png." in said
    assert "18 of 20 pictures have no row, so no labels" in said
    assert 'column "only" has one value only (x): left out.' in said
    assert "18 of 20 pictures have no row" in (tmp_path / "run" / "log.txt").read_text("utf-8")
