"""What goes wrong in a training is noticed, said once, and where it can be mended, mended."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from phiz.errors import Surroundings
from phiz.faceset import FaceSet
from phiz.training import checkpoint, gan, loop, losses, optimizers, plan, supply, watchdog
from phiz.training import recipe as recipes
from phiz.training.course import Course
from phiz.training.recipe import RECIPES, Adam
from phiz.training.watchdog import Watch, variety
from runs import Halt, Quiet, metrics, states
from toyset import SMALL, write_faces


def task_of(recipe: str, faces: FaceSet, **changes: str) -> gan.GAN:
    small = SMALL[recipe if recipe in SMALL else "acg96"]
    settings = {"size": "16", "batch": "8", **small, **changes}
    return gan.GAN(recipes.changed(recipes.find(recipe), settings), faces, torch.device("cpu"))


def drive(task: Any, folder: Path, steps: int) -> Quiet:
    folder.mkdir(exist_ok=True)
    loop.deterministic(1)
    screen = Quiet()
    loop.run(task, plan.fixed(task, steps), folder, lambda *_: None, lambda _: None, screen)
    return screen


def warnings(folder: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {name: text for line in lines for name, text in line.get("warnings", {}).items()}


# -- steps that are no numbers --------------------------------------------------------------------


def test_an_update_that_is_no_number_is_left_out_on_the_device():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 1))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    reference = torch.optim.Adam(
        [p.detach().clone() for p in network.parameters()], lr=0.01, betas=(0.5, 0.9)
    )
    optimizer = optimizers.adam(network, Adam(rate=0.01, beta1=0.5, beta2=0.9))
    for index in range(6):
        pictures = torch.randn(2, 3, 4, 4)
        optimizer.zero_grad()
        loss = network(pictures).square().sum()
        if index in (2, 4):
            before = {k: v.clone() for k, v in optimizers.tensors(optimizer).items()}
            (loss * (torch.inf if index == 2 else torch.nan)).backward()
        else:
            loss.backward()
            for mine, theirs in zip(network.parameters(), reference.param_groups[0]["params"], strict=True):
                assert mine.grad is not None
                theirs.grad = mine.grad.clone()
            reference.step()
        masked = optimizers.step(optimizer, loss)
        assert float(masked) == float(index in (2, 4))
        if index in (2, 4):
            assert all(torch.equal(v, before[k]) for k, v in optimizers.tensors(optimizer).items())
    for mine, theirs in zip(network.parameters(), reference.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


class Poisoned(gan.GAN):
    """A GAN whose loss is no number at some steps of some attempts."""

    steps: tuple[int, ...] = (17,)
    attempts: tuple[int, ...] = (0,)

    def step(self, position):
        bad = position.step in self.steps and self.random.attempt in self.attempts
        sound = losses.LOSSES["bce"]
        if bad:
            losses.LOSSES["bce"] = sound._replace(generator=lambda real, fake: fake.sum() * torch.nan)
        try:
            return super().step(position)
        finally:
            losses.LOSSES["bce"] = sound


def poisoned(faces: FaceSet) -> Poisoned:
    settings = {"size": "16", "batch": "8", **SMALL["dcgan"]}
    return Poisoned(recipes.changed(recipes.find("dcgan"), settings), faces, torch.device("cpu"))


def test_a_loss_that_is_no_number_is_counted_and_rolled_back_and_resumes_exactly(tmp_path):
    faces = write_faces(tmp_path / "faces")
    screen = drive(poisoned(faces), tmp_path / "whole", 40)
    assert [line for line in screen.said if "going back to step 16" in line]
    lines = metrics(tmp_path / "whole")
    (bad,) = [line for line in lines if "left_out" in line]
    assert (bad["step"], bad["left_out"], bad["loss_g"]) == (18, 1, None)
    assert [line["step"] for line in lines if line.get("attempt") == 1] == list(range(17, 41))
    last = checkpoint.newest(tmp_path / "whole" / "checkpoints", print)
    assert last is not None
    assert last.values["attempt"] == 1
    # Broken off before the roll-back, and after it: the same as without.
    for cut in (14, 20):
        real = checkpoint.save

        def save(place, point, *more, cut=cut, real=real):
            path = real(place, point, *more)
            if point.step >= cut:
                raise Halt
            return path

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint, "save", save)
            with pytest.raises(Halt):
                drive(poisoned(faces), tmp_path / f"cut{cut}", 40)
        drive(poisoned(faces), tmp_path / f"cut{cut}", 40)
        assert states(tmp_path / f"cut{cut}") == states(tmp_path / "whole")
        assert metrics(tmp_path / f"cut{cut}") == lines


def test_where_new_tries_do_not_help_the_last_good_state_stays(tmp_path):
    faces = write_faces(tmp_path / "faces")
    task = poisoned(faces)
    task.attempts = tuple(range(9))
    with pytest.raises(Surroundings, match="loss_g is no number before step 18, after 3 new tries") as caught:
        drive(task, tmp_path / "run", 40)
    assert caught.value.status == 5
    point = checkpoint.newest(tmp_path / "run" / "checkpoints", print)
    assert point is not None
    assert point.step == 16
    assert all(torch.isfinite(t).all() for part in point.tensors.values() for t in part.values())
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


# -- what lasts -----------------------------------------------------------------------------------


def line(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "images": step * 8, "accuracy_real": 0.7, "accuracy_fake": 0.7, **more}


BAD = {
    "collapse": {"variety": 0.01},
    "D ahead": {"accuracy_real": 1.0, "accuracy_fake": 1.0},
    "D behind": {"accuracy_real": 0.5, "accuracy_fake": 0.5},
    "overfitting": {"accuracy_real": 0.98, "accuracy_fake": 0.98, "frechet_filters": 0.9},
    "slow reading": {"reading": 0.8},
}


@pytest.mark.parametrize("name", BAD)
def test_what_lasts_is_said_once_and_what_passes_is_not(name):
    watch = Watch(10_000, 40)
    assert not watch.look(line(1000, variety=1.0, frechet_filters=0.3))
    for step in range(1010, 1040, 10):
        assert not watch.look(line(step, **BAD[name]))
    assert not watch.look(line(1040, **({"frechet_filters": 0.3} if name == "overfitting" else {})))
    said: list[int] = []
    for step in range(1050, 9000, 10):
        watch = Watch(10_000, 40, json.loads(json.dumps(watch.state)))  # as through a checkpoint
        said += [step for found in watch.look(line(step, **BAD[name])) if found == name]
    assert len(said) == 1
    assert said[0] - 1050 >= (40 if name == "slow reading" else 300)


def test_variety_is_1_for_the_data_and_0_for_the_same_face_or_a_few():
    torch.manual_seed(0)
    real, others = torch.rand(64, 3, 16, 16), torch.rand(64, 3, 16, 16)
    assert variety(others, real).item() == pytest.approx(1, abs=0.1)
    assert variety(others[:1].expand(64, -1, -1, -1), real).item() < 0.01
    assert variety(others[:4].repeat(16, 1, 1, 1), real).item() < 0.01
    assert variety(others, real[:1].expand(64, -1, -1, -1)).item() == 1
    assert variety(others[:1], real[:1]).item() == 1


@pytest.mark.parametrize("distinct", [2, 16, 24, 40])
def test_variety_of_few_faces_that_a_batch_holds_more_than_once(distinct):
    torch.manual_seed(0)
    few = torch.rand(distinct, 3, 16, 16)
    real = few[torch.arange(64) % distinct]
    assert variety(torch.rand(64, 3, 16, 16), real).item() == pytest.approx(1, abs=0.25)
    alike = few[:1].expand(64, -1, -1, -1) + 1e-4 * torch.rand(64, 3, 16, 16)
    assert variety(alike, real).item() < 0.01


def test_collapse_is_noticed(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 64)
    task = task_of("slim", faces, outline="null")
    monkeypatch.setattr(task, "_latents", lambda at: torch.zeros(8, 8))
    monkeypatch.setattr(
        watchdog, "LOOKS", tuple(replace(look, least=min(look.least, 20)) for look in watchdog.LOOKS)
    )
    screen = drive(task, tmp_path / "run", 50)
    assert "collapse" in warnings(tmp_path / "run")
    assert [said for said in screen.said if "nearly all alike" in said]


def test_faces_that_do_not_come_are_said(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    sound, said = faces.batch, []

    def batch(indices):
        time.sleep(0.1)
        return sound(indices)

    monkeypatch.setattr(supply, "LATE", 0.01)
    monkeypatch.setattr(faces, "batch", batch)
    source = supply.Supply(faces, torch.device("cpu"), lambda step: np.arange(4))
    source.say = said.append
    source.at(0)
    assert f"{faces.path}: no faces have come" in said[0]
    assert source.seconds >= 0.05


def test_slow_reading_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(Course, "_waited", lambda self: time.monotonic())  # for nothing but faces
    faces = write_faces(tmp_path / "faces")
    drive(task_of("dcgan", faces), tmp_path / "cold", 60)
    assert "slow reading" not in warnings(tmp_path / "cold")
    screen = drive(task_of("dcgan", faces), tmp_path / "run", 120)
    assert "slow reading" in warnings(tmp_path / "run")
    assert [said for said in screen.said if "quicker disk" in said]


# -- healthy trainings ----------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["slim", "dcgan"])
def test_a_healthy_training_raises_nothing(recipe, tmp_path):
    screen = drive(task_of(recipe, write_faces(tmp_path / "faces", 64)), tmp_path / "run", 40)
    assert warnings(tmp_path / "run") == {}
    assert not screen.said


DISTINCT = {recipe.network.name: name for name, recipe in RECIPES.items()}
"""A recipe of each network: at the size and batch of this test the others are the same."""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", sorted(DISTINCT.values()))
def test_a_longer_healthy_training_on_avatars_raises_nothing(recipe, tmp_path):
    pytest.importorskip("resvg_py")
    from phiz.verbs.demo import draw

    faces = draw(tmp_path / "avatars", 512, 16)
    name = RECIPES[recipe].network.name
    narrow = {"slim": '{"widths": [48, 32]}', "dcgan": '{"width": 24}', "modern": '{"width": [48, 32, 16]}'}
    arguments = narrow.get(name)
    roles = ("generator", "discriminator") if arguments else ()
    change = {f"network.{role}": str(arguments) for role in roles}
    task = task_of(recipe, faces, batch="32", z="32", **change)
    screen = drive(task, tmp_path / "run", 1500)
    assert warnings(tmp_path / "run") == {}
    assert not screen.said
