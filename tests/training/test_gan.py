"""What the GAN task does with its pictures."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

import phiz
from phiz import artefacts
from phiz.errors import UsageError
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.training import gan, plan, precision
from phiz.training import recipe as recipes
from phiz.training.conditions import Conditions
from phiz.training.gan import _Seen
from phiz.training.run import Run
from phiz.verbs import words
from toyset import SCHEMA, SMALL, write_faces


def test_d_sees_pictures_clipped_and_g_still_hears_of_what_lies_beyond():
    pictures = torch.tensor([-1.5, -1.0, 0.2, 1.0, 3.0], requires_grad=True)
    seen = _Seen.apply(pictures, (-1.0, 1.0))
    assert seen.tolist() == pytest.approx([-1.0, -1.0, 0.2, 1.0, 1.0])
    seen.sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.tolist() == pytest.approx([0.1, 1.0, 1.0, 1.0, 0.1])


@pytest.mark.parametrize("output_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_nothing_pushes_a_pixel_further_than_twice_the_range_and_it_comes_back(output_range):
    low, high = output_range
    reach = (high - low) / 2
    pictures = torch.full((2,), (low + high) / 2, requires_grad=True)
    optimizer = torch.optim.SGD([pictures], 0.05 * reach)

    def pull(weights: list[float]) -> list[float]:
        for _ in range(500):
            optimizer.zero_grad()
            (_Seen.apply(pictures, output_range) * torch.tensor(weights)).sum().backward()
            optimizer.step()
        return pictures.tolist()

    whitest, blackest = pull([-1.0, 1.0])  # the one ever whiter, the other ever blacker
    assert high + 0.9 * reach < whitest < high + 1.1 * reach
    assert low - 1.1 * reach < blackest < low - 0.9 * reach
    now_black, now_white = pull([1.0, -1.0])
    assert now_black < low
    assert now_white > high


on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@on_a_gpu
@pytest.mark.parametrize(
    "more", [{}, {"augment": '{"strength": 0.5, "adaptive": true}'}, {"penalty.share": "0.5"}]
)
def test_a_step_never_waits_for_the_device(tmp_path, more):
    faces = write_faces(tmp_path / "faces", labelled=True)
    recipe = recipes.changed(recipes.find("modern"), {"size": "16", **SMALL["modern"], **more})
    task = gan.GAN(recipe, faces, torch.device("cuda"))
    made = plan.fixed(task, 20)
    for step in range(6):
        task.step(made.position(step))
    try:
        torch.cuda.set_sync_debug_mode("error")
        for step in range(6, 12):
            task.step(made.position(step))
    finally:
        torch.cuda.set_sync_debug_mode("default")


@on_a_gpu
@pytest.mark.parametrize("kind", ["exact", "finite-difference"])
def test_the_same_steps_give_the_same_bits_where_that_is_asked_for(tmp_path, kind):
    faces = write_faces(tmp_path / "faces", labelled=True)
    settings = {"size": "16", "augment": '{"strength": 0.5}', "penalty.kind": kind, **SMALL["modern"]}
    recipe, device = recipes.changed(recipes.find("modern"), settings), torch.device("cuda")
    precision.prepare(device, deterministic=True)
    try:
        ends = []
        for _ in range(2):
            task = gan.GAN(recipe, faces, device)
            made = plan.fixed(task, 20)
            for step in range(20):
                task.step(made.position(step))
            tensors = {(g, name): t for g, part in task.tensors().items() for name, t in part.items()}
            ends.append({key: tensor.cpu().numpy().tobytes() for key, tensor in tensors.items()})
    finally:
        torch.use_deterministic_algorithms(False)
    assert ends[0] == ends[1]


def test_the_labels_of_a_face_set_become_those_of_the_model(tmp_path):
    faces = write_faces(tmp_path / "faces", 60, labelled=True)
    settings = {**SMALL["auto"], "batch": "8"}
    model = phiz.train(faces.path, tmp_path / "run", steps=20, settings=settings).model
    assert model.config.labels == SCHEMA
    assert model.config.frequencies == faces.frequencies()
    assert model.config.pairs == faces.pairs()
    drawn = Conditions(faces).of_seeds(range(9))
    assert np.array_equal(model.labels_of(range(9)), drawn)
    asked = {"tint": "red"}
    made = model.sample(4, labels=asked)
    assert np.array_equal(made, phiz.load(tmp_path / "run").sample(4, labels=asked))
    others = model.sample(4, labels={"tint": "blue"})
    assert not np.array_equal(made, others)
    with pytest.raises(UsageError, match="red, green, blue"):
        model.sample(1, labels={"tint": "violet"})
    assert phiz.load(tmp_path / "run").module()(
        torch.zeros(1, 8), torch.zeros(1, 2, dtype=torch.long)
    ).shape == (1, 3, 16, 16)


def test_d_learns_to_read_labels_and_g_to_show_them(tmp_path):
    faces = write_faces(tmp_path / "faces", 60, labelled=True)
    settings = {"size": "16", "batch": "16", **SMALL["modern"], "outline": "null", "classifier": "1"}
    task = gan.GAN(recipes.changed(recipes.find("modern"), settings), faces, torch.device("cpu"))
    made = plan.fixed(task, 80)
    read = [float(task.step(made.position(step))["loss_labels"]) for step in range(80)]
    assert np.mean(read[-8:]) < 0.7 * np.mean(read[:8])
    before = [p.grad for p in task.generator.labels.parameters()]
    assert all(torch.isfinite(gradient).all() and gradient.abs().sum() > 0 for gradient in before)


def test_g_learns_nothing_of_an_attribute_that_no_face_has(tmp_path):
    schema = {"shade": ["dark", "light"], "hat": ["no", "yes"]}
    bare = write_faces(tmp_path / "bare", 30)
    with (
        artefacts.building(tmp_path / "faces", "faceset") as place,
        FaceSetWriter(place, 16, schema, {}) as writer,
    ):
        for number, face in enumerate(bare[:]):
            writer.add(face, f"{number}.png", (0, 0, 16, 16), labels=[number % 2, -1])
        writer.finish()
    faces = FaceSet.open(tmp_path / "faces")
    settings = {"size": "16", "batch": "16", **SMALL["modern"], "outline": "null", "classifier": "1"}
    task = gan.GAN(recipes.changed(recipes.find("modern"), settings), faces, torch.device("cpu"))
    assert task.conditions is not None
    scores, labels = torch.randn(16, 4), torch.tensor([[0, 1], [1, 0]] * 8)
    hatless = torch.cat([scores[:, :2], torch.randn(16, 2)], 1)
    assert torch.equal(task._read(scores, labels), task._read(hatless, labels))
    run = Run(tmp_path / "run", {}, task.recipe, "cpu")
    assert "No face has a value of hat" in words.labels(run, faces)


def test_without_labels_there_is_nothing_to_read(tmp_path):
    settings = {"size": "16", "batch": "8", **SMALL["modern"], "outline": "null", "classifier": "1"}
    recipe = recipes.changed(recipes.find("modern"), settings)
    task = gan.GAN(recipe, write_faces(tmp_path / "faces"), torch.device("cpu"))
    assert "loss_labels" not in task.step(plan.fixed(task, 4).position(1))


def test_without_conditional_labels_are_left_alone(tmp_path):
    faces = write_faces(tmp_path / "faces", labelled=True)
    settings = {**SMALL["auto"], "batch": "8", "conditional": "false"}
    assert phiz.train(faces.path, tmp_path / "run", steps=4, settings=settings).model.config.labels == {}


def test_missing_labels_are_drawn_as_often_as_the_set_counts_them(tmp_path):
    conditions = Conditions(write_faces(tmp_path / "faces", 200, labelled=True))
    labels = torch.tensor([[-1, 2], [1, -1]]).repeat(4000, 1)
    drawn = conditions.drawn(len(labels), torch.Generator().manual_seed(1))
    filled = torch.where(labels >= 0, labels, drawn)
    assert torch.equal(filled[labels >= 0], labels[labels >= 0])
    for attribute, counts in enumerate(conditions.frequencies.values()):
        drawn = filled[labels[:, attribute] < 0, attribute]
        share = np.bincount(drawn, minlength=len(counts)) / len(drawn)
        assert share == pytest.approx(np.array(counts) / sum(counts), abs=0.03)
