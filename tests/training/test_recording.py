"""Steps that a GPU was told as a whole are those that it is told call by call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

import torch

from phiz.training import gan, plan, precision
from phiz.training import recipe as recipes
from phiz.training.checkpoint import Tensors
from phiz.training.plan import copied
from toyset import SMALL, write_faces

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
STEPS = 16
RISING = '{"strength": 0.5, "rise": 0.5}'
"""An augmentation that begins at nothing: steps without it and with it are not alike."""


@pytest.fixture
def same_bits() -> Iterator[None]:
    precision.prepare(torch.device("cuda"), deterministic=True)
    yield
    torch.use_deterministic_algorithms(False)


def made(tmp_path, name: str, more: dict[str, str], records: bool, device: str = "cuda") -> gan.GAN:
    folder = tmp_path / "faces"
    faces = write_faces(folder, labelled=True) if not folder.exists() else gan.FaceSet.open(folder)
    recipe = recipes.changed(recipes.find(name), {"size": "16", "batch": "16", **SMALL[name], **more})
    task = gan.GAN(recipe, faces, torch.device(device))
    task.records &= records
    return task


def told(task: gan.GAN, steps: range) -> list[dict[str, float]]:
    planned = plan.fixed(task, STEPS)
    return [{k: float(v) for k, v in task.step(planned.position(step)).items()} for step in steps]


def half_way(tmp_path) -> tuple[gan.GAN, Tensors, list[dict[str, float]]]:
    """Return a task at its end, what it was half way there, and the figures of the second half."""
    task = made(tmp_path, "modern", {"augment": RISING}, True)
    told(task, range(STEPS // 2))
    kept = copied(task.tensors())
    return task, kept, told(task, range(STEPS // 2, STEPS))


def bits(task: gan.GAN) -> dict[tuple[str, str], bytes]:
    return {
        (group, name): tensor.cpu().numpy().tobytes()
        for group, part in task.tensors().items()
        for name, tensor in part.items()
    }


@on_a_gpu
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("modern", {}),
        ("modern", {"augment": RISING, "classifier": "0.1"}),
        ("modern", {"penalty.kind": "finite-difference", "penalty.share": "0.5"}),
        ("slim", {}),
        ("dcgan", {}),
        ("afad64", {}),
        ("acg96", {"batch": "8"}),
    ],
)
def test_recorded_steps_are_those_told_call_by_call(tmp_path, same_bits, name, more):
    ends = []
    for records in (True, False):
        task = made(tmp_path, name, more, records)
        figures = told(task, range(STEPS))
        assert bool(task._recordings) == records
        ends.append((figures, bits(task)))
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] == ends[1][1]


@on_a_gpu
def test_a_resumed_training_records_anew_and_goes_on_the_same(tmp_path, same_bits):
    task, kept, figures = half_way(tmp_path)
    other = made(tmp_path, "modern", {"augment": RISING}, True)
    other.restore(kept)
    assert told(other, range(STEPS // 2, STEPS)) == figures
    assert bits(other) == bits(task)


@pytest.mark.parametrize("more", [{}, {"augment": RISING}, {"penalty.kind": "finite-difference"}])
def test_what_a_step_reads_can_be_taken_out_of_a_piece_and_put_back(tmp_path, more):
    task = made(tmp_path, "modern", more, True, "cpu")
    (piece,) = task.pieces(plan.fixed(task, STEPS).position(STEPS - 1))
    twin = piece.each(torch.clone)
    assert twin.shape == piece.shape
    assert len(twin.tensors()) == 4 + (4 if "augment" in more else 0) + ("penalty.kind" in more)
    for ours, theirs in zip(twin.tensors(), piece.tensors(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.data_ptr() != theirs.data_ptr()
    halves = [task._ask_discriminator(one, 1.0, keep=True) for one in (piece, twin)]
    assert all(torch.equal(a, b) for a, b in zip(*halves, strict=True))


def test_where_recording_fails_steps_are_told_call_by_call(tmp_path, monkeypatch):
    def failing(*_: object) -> None:
        raise RuntimeError("no graphs here\nmore")

    plain = made(tmp_path, "modern", {}, False, "cpu")
    figures = told(plain, range(6))
    monkeypatch.setattr(gan, "Recording", failing)
    task, said = made(tmp_path, "modern", {}, True, "cpu"), []
    task.records, task.supply.say = True, said.append
    assert told(task, range(6)) == figures
    assert bits(task) == bits(plain)
    assert len(said) == 1
    assert "call by call" in said[0]
    assert "(no graphs here)" in said[0]


@on_a_gpu
@pytest.mark.parametrize("name", ["modern", "afad64"])
def test_what_waits_for_the_device_cannot_be_recorded_and_does_no_harm(
    tmp_path, same_bits, monkeypatch, name
):
    plain = made(tmp_path, name, {}, False)
    figures = told(plain, range(STEPS))
    whole = gan.GAN._ask_generator

    def waiting(self: gan.GAN, *arguments: object, **more: object) -> torch.Tensor:
        found = whole(self, *arguments, **more)  # type: ignore[arg-type]
        return found * float(found.sum().item() < float("inf"))

    monkeypatch.setattr(gan.GAN, "_ask_generator", waiting)
    task, said = made(tmp_path, name, {}, True), []
    task.supply.say = said.append
    assert told(task, range(STEPS)) == figures
    assert bits(task) == bits(plain)
    assert said


@on_a_gpu
def test_what_was_recorded_goes_on_from_what_is_restored(tmp_path, same_bits):
    task, kept, figures = half_way(tmp_path)
    task.restore(kept)
    assert told(task, range(STEPS // 2, STEPS)) == figures


def test_a_cpu_records_nothing(tmp_path):
    task = made(tmp_path, "modern", {}, True, "cpu")
    told(task, range(4))
    assert not task._recordings
