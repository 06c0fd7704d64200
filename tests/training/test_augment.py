"""Augmentation: what is done to pictures, how strong it is, and that it is never seen in what G makes."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz import artefacts
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.training import loop, plan, recipe
from phiz.training.augment import EVERY, LIMIT, WAY, Changes, Strength, _moved
from phiz.training.gan import GAN
from phiz.training.recipe import Augment
from toyset import SMALL


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 6, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=draws(9)) * 2 - 1


def test_at_strength_0_nothing_is_changed():
    before = pictures()
    torch.testing.assert_close(Changes(6, 0.0, draws())(before), before, atol=1e-5, rtol=1e-5)


def test_changes_are_shared_where_they_are_asked_twice_and_differ_between_pictures():
    one = pictures(1).expand(6, -1, -1, -1)
    changes = Changes(6, 1.0, draws())
    first = changes(one)
    assert torch.equal(first, changes(one))
    assert all(not torch.allclose(first[0], other) for other in first[1:])
    torch.testing.assert_close(changes[2:4](one[2:4]), first[2:4])
    torch.testing.assert_close(changes[torch.tensor([5, 0])](one[:2]), first[[5, 0]])


def test_a_gradient_passes_to_every_picture():
    seen = pictures().requires_grad_(True)
    Changes(6, 1.0, draws())(seen).square().sum().backward()
    assert seen.grad is not None
    assert (seen.grad.flatten(1).abs().sum(1) > 0).all()


def test_each_change_is_made_as_often_as_the_strength_says():
    changes = Changes(4000, 0.3, draws())
    moved = (changes.move - torch.eye(2, 3)).abs().amax((1, 2)) > 1e-6
    coloured = (changes.colour - torch.eye(3, 4)).abs().amax((1, 2)) > 1e-6
    assert changes.cuts.mean() == pytest.approx(0.3, abs=0.03)
    for several in (moved, coloured):  # three independent changes each
        assert several.float().mean() == pytest.approx(1 - 0.7**3, abs=0.03)


def test_a_cut_out_square_is_grey_and_of_its_size():
    changes = Changes(500, 1.0, draws())
    kept = changes._kept(20)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    area = 1 - kept.mean((1, 2, 3))
    assert float(area.max()) == pytest.approx(0.16, abs=0.02)
    assert float(area.min()) > 0.03


def test_colour_keeps_grey_grey():
    grey = torch.full((8, 3, 4, 4), 0.2)
    changed = Changes(8, 1.0, draws()).colour
    seen = torch.einsum("nij,njhw->nihw", changed[:, :, :3], grey) + changed[:, :, 3, None, None]
    torch.testing.assert_close(seen[:, 0], seen[:, 1], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(seen[:, 0], seen[:, 2], atol=1e-6, rtol=1e-5)


def test_a_schedule_rises_to_the_strength_asked_for():
    strength = Strength(Augment(strength=0.4, rise=0.5))
    assert [strength.at(p) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.0, 0.2, 0.4, 0.4])
    assert Strength(Augment(strength=0.4, rise=0.0)).at(0.0) == 0.4
    assert Strength(Augment(strength=0.4)).at(0.5) == 0.2


@pytest.mark.parametrize(("sign", "end"), [(0.9, LIMIT), (0.1, 0.0)])
def test_the_adaptive_strength_follows_how_sure_d_is(sign, end):
    strength = Strength(Augment(strength=0.2, adaptive=True))
    for _ in range(EVERY):
        strength.heed(torch.tensor(sign), 1000)
    assert strength.at(0.0) == 0.2  # the first verdicts are still on their way
    for _ in range(EVERY):
        strength.heed(torch.tensor(sign), 1000)
    step = EVERY / (WAY * 1000)
    assert strength.at(0.0) == pytest.approx(0.2 + (step if sign > 0.6 else -step))
    for _ in range(200):
        strength.heed(torch.tensor(sign), 1000)
    assert strength.at(1.0) == pytest.approx(end)


@settings(max_examples=20)
@given(seed=st.integers(0, 999), size=st.integers(2, 9), count=st.integers(1, 4))
def test_pictures_are_moved_as_torch_samples_them(seed, size, count):
    draw = draws(seed)
    shape = (count, 3, size, size)
    seen = torch.rand(shape, generator=draw).requires_grad_(True)
    grid = torch.rand(count, size, size, 2, generator=draw) * 7 - 3.5
    weights, found = torch.rand(shape, generator=draw), []
    for moved in (
        _moved(seen, grid),
        F.grid_sample(seen, grid, padding_mode="reflection", align_corners=False),
    ):
        (gradient,) = torch.autograd.grad((moved * weights).sum(), seen)
        found.append((moved, gradient))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_what_is_moved_has_a_second_derivative():
    changes, seen = Changes(2, 1.0, draws()), pictures(2, 6).double().requires_grad_(True)
    changes = changes.each(lambda part: part.double())
    assert torch.autograd.gradgradcheck(lambda x: changes(x).square(), seen)


# -- what G makes ---------------------------------------------------------------------------------


def trained(folder, faces: np.ndarray, steps: int) -> tuple[GAN, plan.Plan]:
    """Take `steps` steps of a small `modern`, every change at the most there may be from the first on."""
    size = faces.shape[1]
    with artefacts.building(folder, "faceset") as place, FaceSetWriter(place, size, {}, {}) as writer:
        for index, face in enumerate(faces):
            writer.add(face, f"{index}.png", (0, 0, size, size))
        writer.finish()
    changes = {"size": str(size), "batch": "32", "augment": f'{{"strength": {LIMIT}, "rise": 0}}'}
    loop.deterministic(1)
    task = GAN(
        recipe.changed(recipe.find("modern"), SMALL["modern"] | changes),
        FaceSet.open(folder),
        torch.device("cpu"),
    )
    whole = plan.staged(task, [steps // 4, steps - steps // 4])
    for step in range(steps):
        task.step(whole.position(step))
    return task, whole


def reds(count: int, size: int = 16) -> np.ndarray:
    """Return pictures of red that runs from lighter to darker, without any grey."""
    ramp = np.linspace(-25, 25, size)
    slopes = np.random.default_rng(0).uniform(-1, 1, (count, 2, 1, 1))
    shade = slopes[:, 0] * ramp[:, None] + slopes[:, 1] * ramp
    return (np.array([205, 50, 60]) + shade[..., None]).clip(0, 255).astype(np.uint8)


def greys(faces: np.ndarray) -> float:
    return float((np.abs(faces.astype(float) - 127.5).max(-1) < 40).mean())


def test_what_d_is_shown_does_not_leak_into_what_g_makes(tmp_path):
    faces = reds(200)
    task, whole = trained(tmp_path / "faces", faces, 200)
    pixels = torch.from_numpy(faces / 127.5 - 1).permute(0, 3, 1, 2).float()
    shown = Changes(200, LIMIT, draws())(pixels).permute(0, 2, 3, 1).numpy() * 127.5 + 127.5
    made = task.draw(task.finished(whole.position(200)), 64)
    assert greys(faces) == 0
    assert greys(shown) > 0.08  # mostly in squares that are cut out
    assert greys(made) < 0.01
    assert made.mean((0, 1, 2)) == pytest.approx(faces.mean((0, 1, 2)), abs=15)


def test_samples_and_finished_models_never_pass_through_it(tmp_path, monkeypatch):
    task, whole = trained(tmp_path / "faces", reds(40), 8)
    monkeypatch.setattr(Changes, "__call__", lambda *_: pytest.fail("a made face was changed"))
    assert task.sample(whole.position(8), 4).shape == (4, 16, 16, 3)
    with pytest.raises(pytest.fail.Exception, match="was changed"):
        task.step(whole.position(7))
