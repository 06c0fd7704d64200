"""A training that starts from another model takes what fits, says what does not, and resumes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import phiz
from phiz import networks
from phiz.errors import PhizError
from phiz.training.transfer import Donor, take
from toyset import SMALL, write_faces

SETTINGS = {**SMALL["auto"], "batch": "8"}


@pytest.fixture(scope="module")
def donor(tmp_path_factory):
    place = tmp_path_factory.mktemp("donor")
    faces = write_faces(place / "faces", labelled=True)
    return phiz.train(faces.path, place / "run", steps=12, settings=SETTINGS).model


def network(size: int, labels: list[int], seed: int = 1) -> torch.nn.Module:
    torch.manual_seed(seed)
    return networks.generator("modern", size=size, z=8, width=[16, 12, 8], labels=labels)


def test_the_same_network_is_taken_whole(donor):
    weights = donor.weights()
    to = network(16, [2, 3])
    taken = take(to, weights, donor.config.labels, donor.config.labels)
    assert (taken.values, taken.anew) == (taken.whole, [])
    assert all(np.array_equal(value.numpy(), weights[name]) for name, value in to.state_dict().items())


def test_another_size_takes_the_layers_that_both_have(donor):
    to = network(32, [2, 3])
    before = {name: value.clone() for name, value in to.state_dict().items()}
    taken = take(to, donor.weights(), donor.config.labels, donor.config.labels)
    assert 0.5 < taken.values / taken.whole < 1
    assert torch.equal(
        to.state_dict()["stages.0.enter.weight"], torch.tensor(donor.weights()["stages.0.enter.weight"])
    )
    assert any(name.startswith("stages.2") for name in taken.anew)
    assert torch.equal(to.state_dict()["stages.2.enter.weight"], before["stages.2.enter.weight"])
    assert "anew: " in str(taken)


def test_labels_are_taken_by_name(donor):
    schema = {"tint": ["blue", "violet", "red"]}
    to = network(16, [3])
    before = to.state_dict()["labels.vectors.weight"].clone()
    taken = take(to, donor.weights(), schema, donor.config.labels)
    vectors, old = to.state_dict()["labels.vectors.weight"], donor.weights()["labels.vectors.weight"]
    assert np.array_equal(vectors[0], old[4])  # after dark, light, red, green
    assert np.array_equal(vectors[2], old[2])
    assert torch.equal(vectors[1], before[1])
    assert taken.anew == ["labels.vectors"]


def test_without_labels_the_latent_s_part_is_taken(donor):
    to = network(16, [])
    taken = take(to, donor.weights(), {}, donor.config.labels)
    assert taken.values == taken.whole
    assert np.array_equal(to.state_dict()["dense.weight"], donor.weights()["dense.weight"][:, :8])


def test_a_run_starts_from_a_model_and_says_so(donor, tmp_path):
    faces = write_faces(tmp_path / "faces", 30, seed=5)
    run = tmp_path / "run"
    made = phiz.train(
        faces.path, run, steps=1, settings=SETTINGS | {"generator.rate": "1e-9"}, start_from=donor.path
    )
    log = (run / "log.txt").read_text()
    assert f"G starts from {donor.path}: all of it was taken." in log
    assert f"D starts from {donor.path}: all of it was taken." in log
    ours, theirs = (
        made.model.sample(8),
        phiz.train(
            faces.path,
            tmp_path / "noise",
            steps=1,
            settings=SETTINGS | {"generator.rate": "1e-9", "outline": "null"},
        ).model.sample(8),
    )
    old = donor.sample(8, labels={"shade": "dark", "tint": "red"})
    assert np.abs(ours.astype(float) - old).mean() < np.abs(theirs.astype(float) - old).mean()


def test_frozen_layers_stay_as_they_were_taken(donor, tmp_path):
    faces = write_faces(tmp_path / "faces", 30, seed=5, labelled=True)
    settings = SETTINGS | {"freeze": "2"}
    model = phiz.train(faces.path, tmp_path / "run", steps=6, settings=settings, start_from=donor.path).model
    old, new = Donor.of(donor).discriminator, Donor.of(model).discriminator
    assert np.array_equal(old["enter.weight"], new["enter.weight"])
    assert np.array_equal(old["halvings.0.leave.weight"], new["halvings.0.leave.weight"])
    assert not np.array_equal(old["last.weight"], new["last.weight"])


def test_another_network_shares_nothing_and_leaves_no_run(donor, tmp_path):
    faces = write_faces(tmp_path / "faces", 30)
    with pytest.raises(PhizError, match='"modern" and shares nothing with "dcgan"'):
        phiz.train(
            faces.path,
            tmp_path / "run",
            steps=1,
            recipe="dcgan",
            settings=SMALL["dcgan"],
            start_from=donor.path,
        )
    assert not (tmp_path / "run").exists()


def test_resuming_needs_the_model_that_it_began_from(donor, tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 30, seed=5)
    model = shutil.copytree(donor.path, tmp_path / "model")
    begun = {"steps": 4, "settings": SETTINGS, "start_from": model}
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.loop.run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            phiz.train(faces.path, tmp_path / "run", **begun)
    other = phiz.train(faces.path, tmp_path / "other", steps=2, settings=SETTINGS).model
    shutil.rmtree(model)
    shutil.copytree(other.path, model)
    with pytest.raises(PhizError, match="is not the model that"):
        phiz.train(faces.path, tmp_path / "run", resume=True, **begun)
    shutil.rmtree(model)
    shutil.copytree(donor.path, model)
    assert phiz.train(faces.path, tmp_path / "run", resume=True, **begun).model.config.steps == 4
