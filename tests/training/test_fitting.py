"""A batch that does not fit into memory at once is calculated in pieces, to the same end."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.training import fitting, gan, plan
from phiz.training import recipe as recipes
from phiz.training.penalties import PENALTIES
from toyset import SMALL, write_faces

ROLES = ("generator", "discriminator")


class Small(gan.GAN):
    """A GAN on a machine with room for the graph of so many faces."""

    room = 100

    def _draw(self, latent, labels):
        if len(latent) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super()._draw(latent, labels)


def task_of(tmp_path, kind: type[Small] = Small, **changes: str) -> Small:
    place = tmp_path / "faces"
    faces = FaceSet.open(place) if place.exists() else write_faces(place)
    settings = {"size": "16", "batch": "8", **SMALL["slim"], **changes}
    recipe = recipes.changed(recipes.find("slim"), settings)
    return kind(recipe, faces, torch.device("cpu"))


def test_a_batch_that_does_not_fit_is_split_once_and_said(tmp_path):
    said: list[str] = []
    task = task_of(tmp_path)
    before = plan.copied(task.tensors())
    task.room = 3
    fitting.fit(task, said.append)
    assert task.splits == 4
    assert len(said) == 1
    assert "in 4 pieces" in said[0]
    for group, part in task.tensors().items():
        for name, tensor in part.items():
            assert torch.equal(tensor, before[group][name]), (group, name)
    values = task.step(plan.fixed(task, 10).position(5))
    assert all(torch.isfinite(value) for value in values.values())
    assert not values["masked"]


def test_what_is_recorded_makes_room_before_a_batch_is_split(tmp_path):
    class Recording(Small):
        """What it records in the adversarial stage leaves no room for the outline stage."""

        def _outline_step(self, at):
            if self._recordings:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return super()._outline_step(at)

        def _adversarial_step(self, at):
            records, self.records = self.records, False
            if records:
                self._recordings["shape"] = self
            values = super()._adversarial_step(at)
            self.records = records
            return values

    task, said = task_of(tmp_path, Recording), []
    task.records = True
    fitting.fit(task, said.append)
    assert (task.splits, task.records, task._recordings, said) == (1, False, {}, [])


def test_what_fits_is_not_split_and_another_fault_is_not_hidden(tmp_path):
    said: list[str] = []
    task = task_of(tmp_path)
    fitting.fit(task, said.append)
    assert (task.splits, said) == (1, [])
    task.room = 0
    with pytest.raises(PhizError, match="smaller --size"):
        fitting.fit(task, said.append)
    task = task_of(tmp_path, outline="null")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PENALTIES, "finite-difference", lambda *given: torch.zeros(2) @ torch.zeros(3))
        with pytest.raises(RuntimeError, match="size"):
            fitting.fit(task, said.append)


@pytest.fixture
def exactly():
    """Calculate in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("exactly")
def test_pieces_add_up_to_the_batch(tmp_path):
    """Without batch norm, gradients in pieces are those of the whole batch."""
    found = []
    for splits in (1, 3):
        task = task_of(tmp_path, outline="null", precision="float32")
        task.splits = splits
        task.generator.eval()  # running means: nothing looks across the batch
        still = {role: getattr(task.recipe, role).model_copy(update={"rate": 0.0}) for role in ROLES}
        task.recipe = task.recipe.model_copy(update=still)
        values = task.step(plan.fixed(task, 10).position(4))
        nets = (task.generator, task.discriminator)
        grads = [p.grad.clone() for net in nets for p in net.parameters() if p.grad is not None]
        found.append((grads, {k: float(v) for k, v in values.items() if k != "variety"}))
    for one, three in zip(found[0][0], found[1][0], strict=True):
        torch.testing.assert_close(one, three, rtol=1e-9, atol=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-6)
