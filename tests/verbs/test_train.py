"""The train verb: what it refuses, and that what was there survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

import phiz
from phiz import artefacts
from phiz.errors import PhizError, Stopped, Surroundings, UsageError
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.training import gan
from phiz.training import recipe as recipes
from phiz.verbs import train as verb
from runs import rewrite
from toyset import SMALL, write_faces


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the model and the film, which take seconds: these tests look at what comes before."""

    def no_model(run, task, faces, step):
        (run.folder / "model").mkdir(exist_ok=True)

    monkeypatch.setattr(verb.results, "write_model", no_model)
    monkeypatch.setattr(verb.results, "write_film", lambda run, model: None)
    monkeypatch.setattr(verb, "load", lambda path: None)


OPTIONS = {"recipe": "dcgan", "steps": 6, "size": 16, "batch": 8, "settings": SMALL["dcgan"]}
ASTRAY = {**OPTIONS, "settings": {**SMALL["dcgan"], "generator.rate": "1e30"}}


@pytest.mark.usefixtures("quickly")
def test_a_finished_run_and_the_same_command_is_done(tmp_path):
    faces = write_faces(tmp_path / "faces")
    phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.is_file()}
    again = phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    assert "done" in again.lines[0]
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.is_file()}


@pytest.mark.usefixtures("quickly")
def test_another_command_on_a_run_is_refused_and_force_replaces_it(tmp_path):
    faces = write_faces(tmp_path / "faces")
    phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    with pytest.raises(PhizError, match="batch 8, not 4") as caught:
        phiz.train(faces.path, tmp_path / "run", **{**OPTIONS, "batch": 4})
    assert caught.value.status == 3
    phiz.train(faces.path, tmp_path / "run", **{**OPTIONS, "batch": 4}, force=True)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]["batch"] == 4


@pytest.mark.usefixtures("quickly")
def test_an_unfinished_run_asks_for_resume(tmp_path):
    faces = write_faces(tmp_path / "faces")
    interrupted(faces.path, tmp_path / "run")
    with pytest.raises(PhizError, match="--resume"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    with pytest.raises(PhizError, match="steps 6, not 7"):
        phiz.train(faces.path, tmp_path / "run", **{**OPTIONS, "steps": 7}, resume=True)
    phiz.train(faces.path, tmp_path / "run", resume=True)


@pytest.mark.usefixtures("quickly")
def test_resuming_on_another_face_set_is_refused(tmp_path):
    faces = write_faces(tmp_path / "faces")
    interrupted(faces.path, tmp_path / "run")
    faces.path.rename(tmp_path / "old")
    write_faces(tmp_path / "faces", seed=1)
    with pytest.raises(PhizError, match="not the face set"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS, resume=True)


def test_force_never_replaces_what_phiz_did_not_make(tmp_path):
    faces = write_faces(tmp_path / "faces")
    mine = tmp_path / "holiday"
    mine.mkdir()
    (mine / "photo.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(PhizError) as caught:
            phiz.train(faces.path, mine, **OPTIONS, force=force)
        assert caught.value.status == 3
        assert "holiday" in str(caught.value)
    assert [p.name for p in mine.iterdir()] == ["photo.txt"]


def interrupted(faces: Path, run: Path) -> bytes:
    """Write a run that was planned and went no further; return its recipe.json."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phiz.training.loop.run", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            phiz.train(faces, run, **OPTIONS)
    return (run / "recipe.json").read_bytes()


def no_memory(task: object, say: object) -> None:
    raise PhizError("A step does not fit into the memory of cpu.")


def test_force_keeps_the_old_run_when_the_new_pictures_are_of_no_use(tmp_path):
    faces = write_faces(tmp_path / "faces")
    before = interrupted(faces.path, tmp_path / "run")
    (tmp_path / "broken.zip").write_bytes(b"no zip at all")
    with pytest.raises(PhizError, match=r"broken\.zip"):
        phiz.train(tmp_path / "broken.zip", tmp_path / "run", **OPTIONS, force=True)
    assert (tmp_path / "run" / "recipe.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_force_keeps_the_old_run_until_the_new_one_is_planned(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    run, old = tmp_path / "run", tmp_path / ".run.old"
    before = interrupted(faces.path, run)
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.fitting.fit", no_memory)
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(faces.path, run, **OPTIONS, force=True)
        assert (run / "recipe.json").read_bytes() == before
        # What a kill leaves that comes while the new run is being prepared:
        run.rename(old)
        run.mkdir()
        rewrite(run, json.loads(before) | {"plan": None})
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(faces.path, run, **OPTIONS, force=True)
        assert (run / "recipe.json").read_bytes() == before
    run.rename(old)
    phiz.train(faces.path, run, **OPTIONS)
    assert not old.exists()


def test_force_keeps_the_old_run_until_the_new_one_is_finished(tmp_path, capsys):
    faces, run, old = write_faces(tmp_path / "faces"), tmp_path / "run", tmp_path / ".run.old"
    phiz.train(faces.path, run, **OPTIONS)
    model = (run / "model" / "config.json").read_bytes()
    for _ in range(2):  # the second does not take what the first has left for the whole one
        with pytest.raises(Surroundings, match="is no number"):
            phiz.train(faces.path, run, **ASTRAY, force=True)
        assert (old / "model" / "config.json").read_bytes() == model
    assert f"The run that was here before lies in {old} until this one is done." in capsys.readouterr().err
    phiz.train(faces.path, run, **OPTIONS, force=True)
    assert not old.exists()
    assert (run / "model" / "config.json").exists()


def test_force_keeps_an_unfinished_run_until_the_new_one_is_planned(tmp_path, monkeypatch):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    phiz.train(faces.path, run, **OPTIONS)
    whole = (run / "recipe.json").read_bytes()
    with pytest.raises(Surroundings, match="is no number"):
        phiz.train(faces.path, run, **ASTRAY, force=True)
    begun = (run / "recipe.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.fitting.fit", no_memory)
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(faces.path, run, **OPTIONS, force=True)
    assert (run / "recipe.json").read_bytes() == begun
    assert (tmp_path / ".run.old" / "recipe.json").read_bytes() == whole
    phiz.train(faces.path, run, **{**OPTIONS, "steps": 7}, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "run"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_an_empty_folder_is_as_it_was_where_nothing_can_be_planned(tmp_path, monkeypatch):
    faces, link = write_faces(tmp_path / "faces"), tmp_path / "run"
    (tmp_path / "there").mkdir()
    link.symlink_to(tmp_path / "there")
    monkeypatch.setattr("phiz.training.fitting.fit", no_memory)
    for force in (False, True):
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(faces.path, link, **OPTIONS, force=force)
        assert list(link.iterdir()) == []


@pytest.mark.parametrize("kind", ["someone else's", "a link to a run"])
@pytest.mark.usefixtures("quickly")
def test_what_phiz_did_not_put_aside_stays(tmp_path, kind):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    mine = tmp_path / ".run.old" / "thesis.txt"
    if kind == "a link to a run":
        if os.name == "nt":
            pytest.skip("links need rights on Windows")
        phiz.train(faces.path, tmp_path / "best", **OPTIONS)
        mine.parent.symlink_to(tmp_path / "best")
    else:
        mine.parent.mkdir()
    mine.write_text("mine")
    phiz.train(faces.path, run, **OPTIONS)
    with pytest.raises(PhizError, match="in the way"):
        phiz.train(faces.path, run, **{**OPTIONS, "steps": 7}, force=True)
    assert mine.read_text() == "mine"
    assert json.loads((run / "recipe.json").read_text())["asked"]["steps"] == OPTIONS["steps"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.usefixtures("quickly")
def test_a_link_to_a_run_stays_a_link(tmp_path):
    faces, link, there = write_faces(tmp_path / "faces"), tmp_path / "run", tmp_path / "disk" / "run"
    there.parent.mkdir()
    phiz.train(faces.path, there, **OPTIONS)
    link.symlink_to(there)
    for steps in (7, 8):
        phiz.train(faces.path, link, **{**OPTIONS, "steps": steps}, force=True)
        assert link.is_symlink()
        assert json.loads((there / "recipe.json").read_text())["asked"]["steps"] == steps
    assert {path.name for path in tmp_path.rglob(".*")} == set()


def test_what_a_training_begins_with_is_not_what_it_replaces(tmp_path):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    before = interrupted(faces.path, run)
    shutil.copytree(faces.path, run / "faceset")
    with pytest.raises(PhizError, match=r"lies in .*run, which this training would replace"):
        phiz.train(run / "faceset", run, **OPTIONS, force=True)
    with pytest.raises(PhizError, match="is needed, which this training would replace"):
        phiz.train(faces.path, run, **OPTIONS, start_from=run, force=True)
    assert (run / "recipe.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda said: said["plan"].update(report_every=0), r"plan\.report_every: "),
        (lambda said: said["plan"].update(stages=[]), r"plan\.stages: "),
        (lambda said: said["plan"]["stages"][0].update(steps=0), r"plan\.stages\.0\.steps: "),
        (lambda said: said.update(threads="two"), "threads: 'two'"),
        (lambda said: said.update(versions={"phiz": "0"}), "versions: "),
        (lambda said: said.update(format="1"), "format: '1'"),
        (lambda said: said["recipe"].update(extra=1), "a recipe has no extra"),
    ],
)
def test_a_recipe_json_that_was_edited_is_one_line(tmp_path, change, fault):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    said = json.loads(interrupted(faces.path, run))
    change(said)
    rewrite(run, said)
    (run / "checkpoints" / "recipe.json").unlink()
    with pytest.raises(PhizError, match=f"recipe.json is damaged .*{fault}") as caught:
        phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert caught.value.status == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "a word", "a step", "a hash"])
def test_a_damaged_recipe_json_is_taken_from_its_copy(tmp_path, damage, capsys):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    before = interrupted(faces.path, run)
    broken = {
        "flipped": bytes([before[0] ^ 4]) + before[1:],
        "cut": before[: len(before) // 2],
        "gone": None,
        "a word": before.replace(b'"asked"', b'"aske4"'),
        "a step": before.replace(b'"checkpoint_every": ', b'"checkpoint_every": 1'),
        "a hash": before.replace(b'"sha256"', b'"sha257"'),
    }[damage]
    (run / "recipe.json").unlink()
    if broken is not None:
        (run / "recipe.json").write_bytes(broken)
    with pytest.raises(
        PhizError, match=r"recipe\.json .*; the same command with --resume takes it from its copy"
    ):
        phiz.train(faces.path, run, **OPTIONS)
    phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert json.loads((run / "recipe.json").read_text())["finished"]
    assert "it was taken from its copy" in capsys.readouterr().err
    kept = run / "recipe.json.damaged"
    assert (kept.read_bytes() if kept.exists() else None) == broken


def test_a_copy_of_recipe_json_that_is_damaged_is_made_again(tmp_path):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    before = interrupted(faces.path, run)
    copy = run / "checkpoints" / "recipe.json"
    copy.write_bytes(before.replace(b'"cpu"', b'"cpv"'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phiz.training.loop.run", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert copy.read_bytes() == before


def test_faces_that_are_cut_short_in_the_middle_end_it_in_a_line_and_it_goes_on(tmp_path, monkeypatch):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    shard = faces.path / "images-00000.npy"
    whole, read, reads = shard.read_bytes(), FaceSet.batch, count()

    def batch(self, indices):
        if next(reads) == 10:
            with open(shard, "r+b") as file:
                file.truncate(200)
        return read(self, indices)

    with monkeypatch.context() as patch:
        patch.setattr(FaceSet, "batch", batch)
        with pytest.raises(PhizError, match=r"images-00000\.npy has been cut short meanwhile"):
            phiz.train(faces.path, run, **OPTIONS | {"steps": 40})
    shard.write_bytes(whole)
    phiz.train(faces.path, run, **OPTIONS | {"steps": 40}, resume=True)
    assert json.loads((run / "recipe.json").read_text())["finished"]


def test_pictures_that_were_cut_may_lie_elsewhere(tmp_path, monkeypatch):
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(20):
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(source / f"{seed}.png")
    monkeypatch.chdir(tmp_path)
    interrupted(Path("pictures"), tmp_path / "run")
    monkeypatch.setattr("phiz.training.loop.run", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        phiz.train(source, tmp_path / "run", **OPTIONS, resume=True)
    with pytest.raises(PhizError, match="was started with source pictures, not"):
        phiz.train(tmp_path / "others", tmp_path / "run", **OPTIONS, resume=True)


def test_faces_that_were_changed_behind_their_hashes_are_refused(tmp_path):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    interrupted(faces.path, run)
    [shard] = faces.path.glob("images-*.npy")
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(PhizError, match="SHA-256 differs"):
        phiz.train(faces.path, run, **OPTIONS, resume=True)


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names that are no UTF-8")
@pytest.mark.usefixtures("quickly")
def test_a_path_that_is_no_utf_8_is_kept(tmp_path):
    place = tmp_path / os.fsdecode(b"d\xff")
    place.mkdir()
    faces = write_faces(place / "faces")
    for _ in range(2):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["asked"]["source"] == str(faces.path)


@pytest.mark.usefixtures("quickly")
def test_resume_goes_before_force_as_the_advice_has_it(tmp_path):
    """A run begun with --force and stopped says: the same command with --resume goes on."""
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    interrupted(faces.path, run)
    begun = run.stat().st_ino
    phiz.train(faces.path, run, **OPTIONS, force=True, resume=True)
    assert run.stat().st_ino == begun
    assert json.loads((run / "recipe.json").read_text())["finished"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_before_the_plan_is_status_75_and_the_old_run_comes_back(tmp_path, monkeypatch):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    before = interrupted(faces.path, run)

    def signalled(*_) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("phiz.verbs.automatic.settle", signalled)
    with pytest.raises(Stopped, match="before the first step") as caught:
        phiz.train(faces.path, run, **OPTIONS, force=True)
    assert caught.value.status == 75
    assert (run / "recipe.json").read_bytes() == before
    assert not (tmp_path / ".run.old").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_run_that_goes_on_opens_its_faces_is_status_75(tmp_path, monkeypatch, number):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    before = interrupted(faces.path, run)

    def signalled(*_) -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    with monkeypatch.context() as patch:
        patch.setattr("phiz.verbs.sources.faces_of", signalled)
        with pytest.raises(Stopped, match=r"before the first step.*--resume goes on") as caught:
            phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert caught.value.status == 75
    assert (run / "recipe.json").read_bytes() == before
    phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert json.loads((run / "recipe.json").read_text())["finished"]


@pytest.mark.usefixtures("quickly")
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.usefixtures("quickly")
def test_a_signal_while_the_machine_is_measured_is_heeded_at_once(tmp_path, monkeypatch):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"

    def signalled(*_, **__) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)

    options = {**OPTIONS, "steps": None, "minutes": 0.02, "evaluate_every": 0}
    for what in ("phiz.training.plan.measured", "phiz.training.fitting.fit"):
        with monkeypatch.context() as patch:
            patch.setattr(what, signalled)
            start = time.monotonic()
            with pytest.raises(Stopped, match=r"before the first step.*--resume goes on"):
                phiz.train(faces.path, run, **options, resume=run.exists())
            assert time.monotonic() - start < 20
    phiz.train(faces.path, run, **options, resume=True)
    assert json.loads((run / "recipe.json").read_text())["finished"]


def test_a_run_may_be_the_folder_one_stands_in(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    phiz.train(faces.path, ".", **OPTIONS)
    assert json.loads((tmp_path / "here" / "recipe.json").read_text())["finished"]
    assert "done" in phiz.train(faces.path, ".", **OPTIONS).lines[0]


def test_a_sample_that_cannot_be_read_is_left_out_of_the_film(tmp_path):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    interrupted(faces.path, run)
    (run / "samples").mkdir(exist_ok=True)
    (run / "samples" / "000000000.png").write_bytes(b"\x89PNG cut")
    (run / "samples" / "._000000001.png").write_bytes(b"what a Mac leaves beside a file")
    phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert json.loads((run / "recipe.json").read_text())["finished"]
    assert (run / "film.webp").exists()
    assert "000000000.png is left out of the film" in (run / "log.txt").read_text()


@pytest.mark.usefixtures("quickly")
def test_another_recipe_of_the_same_name_is_another_command(tmp_path):
    faces = write_faces(tmp_path / "faces")
    whole = recipes.changed(
        recipes.find("dcgan"), {**SMALL["dcgan"], "size": "16", "batch": "8", "steps": "4"}
    )
    phiz.train(faces.path, tmp_path / "run", recipe=whole)
    assert "done" in phiz.train(faces.path, tmp_path / "run", recipe=whole).lines[0]
    with pytest.raises(PhizError, match="was started with recipe dcgan, given whole"):
        phiz.train(faces.path, tmp_path / "run", recipe=recipes.changed(whole, {"loss": "relativistic"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "above 0"),
        ({"minutes": -1}, "above 0"),
        ({"minutes": float("inf")}, "above 0"),
        ({"steps": 2, "device": "cpu:abc"}, 'no device "cpu:abc"'),
    ],
)
def test_numbers_and_devices_that_there_are_not(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        phiz.train(write_faces(tmp_path / "faces").path, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_pictures_that_are_one_again_and_again_leave_no_run_behind(tmp_path):
    (tmp_path / "same").mkdir()
    Image.new("RGB", (32, 32), (200, 100, 50)).save(tmp_path / "same" / "0.png")
    data = (tmp_path / "same" / "0.png").read_bytes()
    for number in range(1, 20):
        (tmp_path / "same" / f"{number}.png").write_bytes(data + bytes(number))
    with pytest.raises(PhizError, match="one picture again and again"):
        phiz.train(tmp_path / "same", tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_what_was_cut_stays_where_only_the_plan_failed(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    with monkeypatch.context() as patch:
        patch.setattr("phiz.verbs.automatic.settle", no_memory)  # right after they are cut
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(tmp_path / "pictures", tmp_path / "run", **OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.fitting.fit", no_memory)
        with pytest.raises(PhizError, match="does not fit"):
            phiz.train(tmp_path / "pictures", tmp_path / "run", **OPTIONS, resume=True)
    cut = FaceSet.open(tmp_path / "run" / "faceset").id
    phiz.train(tmp_path / "pictures", tmp_path / "run", **OPTIONS, resume=True)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["faceset"] == cut


def test_what_cannot_be_planned_leaves_no_run_behind(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    monkeypatch.setattr("phiz.training.fitting.fit", no_memory)
    with pytest.raises(PhizError, match="does not fit"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_a_run_begun_on_a_device_that_is_not_here_says_so(tmp_path, monkeypatch):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    data = json.loads(interrupted(faces.path, run)) | {"device": "cuda"}
    rewrite(run, data)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(PhizError, match="run began on cuda, and this machine has no such device"):
        phiz.train(faces.path, run, **OPTIONS, resume=True)


def test_a_training_leaves_the_settings_of_torch_as_they_were(tmp_path):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    torch.set_flush_denormal(False)  # whatever another test has left
    before = torch.get_num_threads()
    data = json.loads(interrupted(faces.path, run)) | {"threads": before + 1}
    rewrite(run, data)
    phiz.train(faces.path, run, **OPTIONS, resume=True)
    assert json.loads((run / "recipe.json").read_text())["threads"] == before + 1
    assert torch.get_num_threads() == before
    assert sys.float_info.min / 2 > 0


def test_settings_are_values_of_python_or_texts(tmp_path):
    faces = write_faces(tmp_path / "faces")
    plain = {**OPTIONS, "settings": {**SMALL["dcgan"], "flip": False, "ema": 0.1}}
    phiz.train(faces.path, tmp_path / "run", **plain)
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]
    assert (recipe["flip"], recipe["ema"]) == (False, 0.1)
    said = phiz.train(
        faces.path,
        tmp_path / "run",
        **{**OPTIONS, "settings": {**SMALL["dcgan"], "flip": "false", "ema": "0.1"}},
    )
    assert "is done" in said.lines[0]


@pytest.mark.parametrize("own", [True, False])
def test_what_torchrun_starts_anew_goes_on_with_its_own_run_alone(tmp_path, monkeypatch, own):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    interrupted(faces.path, run)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setattr("phiz.training.meeting.Meeting.has_begun", lambda self: own)
    begun = run.stat().st_ino
    phiz.train(faces.path, run, **OPTIONS, force=True)
    assert (run.stat().st_ino == begun) == own


@pytest.mark.parametrize("source", ["missing", "empty.zip", "text.zip", "empty"])
def test_useless_pictures_leave_no_run_behind(source, tmp_path):
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhizError, match=source) as caught:
        phiz.train(tmp_path / source, tmp_path / "runs" / "first", **OPTIONS)
    assert caught.value.status == 3
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs" / "first").exists()


def test_options_that_do_not_fit_are_named(tmp_path):
    faces = write_faces(tmp_path / "faces")
    cases: list[tuple[dict, str]] = [
        ({"size": 50}, "48"),
        ({"recipe": "dcgun"}, "dcgan"),
        ({"device": "gpu"}, "cuda"),
        ({"minutes": 1.0}, "not both"),
        ({"size": 32}, "16 px"),
        ({"settings": {"penalty.gama": "1"}}, "set penalty.gama=1: "),
        ({"labels": "folders"}, "has its labels"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed 1.5: a whole number"),
        ({"steps": None, "minutes": "1"}, "minutes '1': a number"),
        ({"steps": None, "minutes": 1e12}, "up to 10,000,000"),
        ({"evaluate_every": -3}, "evaluate-every -3: a whole number from 0 on"),
        ({"settings": {"steps": "3"}}, "--steps 6 and --set steps=3 differ"),
        ({"settings": {"batch": 16}}, "--batch 8 and --set batch=16 differ"),
        ({"steps": None, "minutes": 1.0, "settings": {"steps": "3"}}, "--minutes or --set steps"),
        ({"settings": {"flip": object()}}, "flip is <object"),
        ({"settings": {"": "1"}}, '"" is no key'),
        ({"settings": {"network..x": "1"}}, '"network..x" is no key'),
    ]
    for change, word in cases:
        with pytest.raises(PhizError, match=word) as caught:
            phiz.train(faces.path, tmp_path / "run", **{**OPTIONS, **change})
        assert "\n" not in str(caught.value), change
        assert not (tmp_path / "run").exists(), change
    with pytest.raises(UsageError):
        phiz.train(faces.path, tmp_path / "run", **{**OPTIONS, "settings": {"batchsize": "4"}})
    labelled = write_faces(tmp_path / "labelled", labelled=True)
    given = {**OPTIONS, "recipe": "dcgan", "settings": {**SMALL["dcgan"], "conditional": "true"}}
    with pytest.raises(UsageError, match='"dcgan" takes no labels, and these faces have shade'):
        phiz.train(labelled.path, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
    few = write_faces(tmp_path / "few", count=15)
    with pytest.raises(PhizError, match="16 are the least"):
        phiz.train(few.path, tmp_path / "run", **OPTIONS)


def test_a_run_of_a_newer_format_is_refused_by_name(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text(json.dumps({"phiz": "run", "format": 99}))
    with pytest.raises(PhizError, match="format 99"):
        phiz.train(tmp_path, run, resume=True)


@pytest.mark.usefixtures("quickly")
def test_what_a_kill_at_the_first_file_has_left_is_no_hindrance(tmp_path):
    faces = write_faces(tmp_path / "faces")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".recipe.json.partial").write_text('{"phiz": "ru')
    phiz.train(faces.path, tmp_path / "run", **OPTIONS)
    assert (tmp_path / "run" / "recipe.json").exists()


def killed(at: int, act: Callable[[], object]) -> bool:
    """Do `act` in a process that is killed at its `at`-th change of a folder; say whether it came to that."""
    child = os.fork()
    if not child:
        left = count(at, -1)
        for name in ("mkdir", "replace", "rename", "rmdir", "unlink", "fsync"):
            real = getattr(os, name)

            def change(*args: Any, _real: Any = real, **kwargs: Any) -> Any:
                if next(left) == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _real(*args, **kwargs)

            setattr(os, name, change)
        with suppress(BaseException):
            act()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("replaces", [False, True])
def test_a_kill_while_a_run_begins_leaves_one_that_the_same_command_takes(tmp_path, monkeypatch, replaces):
    faces, run = write_faces(tmp_path / "faces"), tmp_path / "run"
    interrupted(faces.path, tmp_path / "before")
    monkeypatch.setattr("phiz.verbs.driving.drive", lambda run, *_: run.write())
    kills = 0
    for at in count():
        for name in (run, tmp_path / ".run.old", tmp_path / ".run.unfinished"):
            shutil.rmtree(name, ignore_errors=True)
        if replaces:
            shutil.copytree(tmp_path / "before", run)
        if not killed(at, lambda: phiz.train(faces.path, run, **OPTIONS, force=replaces)):
            break
        kills += 1
        begun = artefacts.kind_of(run) == "run"
        phiz.train(faces.path, run, **OPTIONS, force=replaces, resume=begun and not replaces)
        assert artefacts.kind_of(run) == "run"
    assert kills > 8


def test_two_trainings_of_one_run_are_refused_and_harm_nothing(tmp_path):
    faces = write_faces(tmp_path / "faces")
    with artefacts.alone(tmp_path / "run", "training"):
        for more in ({}, {"force": True}):
            with pytest.raises(PhizError, match="run is in use: another phiz is training there"):
                phiz.train(faces.path, tmp_path / "run", **OPTIONS, **more)
    assert not (tmp_path / "run").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def pictures(folder: Path, count: int = 20) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(count):
        pixels = rng.integers(0, 256, (12, 15, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((60, 48)).save(folder / f"{index}.png")
    return folder


@pytest.mark.usefixtures("quickly")
def test_pictures_may_be_prepared_in_another_way(tmp_path, capsys):
    source = pictures(tmp_path / "pictures")
    plain = phiz.train(source, tmp_path / "plain", **OPTIONS)
    found = phiz.train(source, tmp_path / "run", prepare="auto", **OPTIONS)
    assert "Detector: none, as" in (found.folder / "log.txt").read_text("utf-8")
    assert "Detector" not in (plain.folder / "log.txt").read_text("utf-8")
    faces = phiz.FaceSet.open(tmp_path / "run" / "faceset")
    assert faces.made["asked"]["detector"] == "auto"
    with pytest.raises(PhizError, match="started with prepare auto, not human"):
        phiz.train(source, tmp_path / "run", prepare="human", **OPTIONS)


def test_how_to_prepare_is_a_known_word_and_for_pictures_alone(tmp_path):
    with pytest.raises(UsageError, match='Did you mean "centre"'):
        phiz.train(tmp_path, tmp_path / "run", prepare="center", **OPTIONS)
    faces = write_faces(tmp_path / "faces")
    with pytest.raises(UsageError, match="leave --prepare out"):
        phiz.train(faces.path, tmp_path / "run", prepare="auto", **OPTIONS)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("stored", ["alike", "with losses"])
def test_one_picture_again_and_again_is_refused(tmp_path, stored):
    draws = np.random.default_rng(0)
    face = draws.integers(8, 247, (16, 16, 3)).astype(np.uint8)
    place = tmp_path / "same"
    with (
        artefacts.building(place, "faceset") as folder,
        FaceSetWriter(folder, 16, {}, {"name": "toy"}) as writer,
    ):
        for index in range(40):
            losses = draws.integers(-8, 9, face.shape) if stored == "with losses" else 0
            writer.add((face + losses).astype(np.uint8), f"{index}.png", (0, 0, 16, 16))
        writer.finish()
    with pytest.raises(PhizError, match="one picture again and again") as caught:
        phiz.train(place, tmp_path / "run", **OPTIONS)
    assert caught.value.status == 3
    assert not (tmp_path / "run").exists()


def test_sixteen_faces_are_enough(tmp_path):
    faces = write_faces(tmp_path / "faces", 16)
    model = phiz.train(faces.path, tmp_path / "run", steps=8, settings=SMALL["auto"] | {"batch": "8"}).model
    assert np.ptp(model.sample(4).astype(int)) > 0


@pytest.mark.usefixtures("quickly")
def test_deterministic_belongs_to_a_run(tmp_path, monkeypatch):
    from phiz.training import precision

    asked: list[bool] = []
    monkeypatch.setattr(precision, "prepare", lambda device, deterministic: asked.append(deterministic))
    faces = write_faces(tmp_path / "faces")
    phiz.train(faces.path, tmp_path / "run", **OPTIONS, deterministic=True)
    phiz.train(faces.path, tmp_path / "other", **OPTIONS)
    assert asked == [True, False]
    with pytest.raises(PhizError, match="deterministic not given, not True"):
        phiz.train(faces.path, tmp_path / "other", **OPTIONS, deterministic=True)


@pytest.mark.usefixtures("quickly")
def test_an_operation_that_is_never_deterministic_is_named(tmp_path, monkeypatch):
    def step(self, position):
        raise RuntimeError("some_op does not have a deterministic implementation, but you set ...")

    monkeypatch.setattr(gan.GAN, "step", step)
    faces = write_faces(tmp_path / "faces")
    with pytest.raises(PhizError, match="--deterministic does not work with this recipe here"):
        phiz.train(faces.path, tmp_path / "run", **OPTIONS, deterministic=True)
