"""What moves as a training goes on."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from phiz.training import gan, plan, schedules
from phiz.training import recipe as recipes
from toyset import SMALL, write_faces

values = st.floats(0.01, 10, allow_subnormal=False)
shares = st.floats(0.0, 1.0, allow_subnormal=False)


@given(first=values, last=values, burn_in=st.floats(0.1, 1), a=shares, b=shares)
def test_a_value_goes_from_the_first_to_the_last_and_never_back(first, last, burn_in, a, b):
    def at(progress: float) -> float:
        return schedules.moving(first, last, progress, burn_in)

    assert at(0.0) == pytest.approx(first)
    assert at(burn_in) == at(1.0) == pytest.approx(last)
    early, late = sorted([a, b])
    assert (at(late) - at(early)) * (last - first) >= -1e-9


def test_without_a_last_value_nothing_moves():
    assert {schedules.moving(0.5, None, progress, 0.5) for progress in (0.0, 0.3, 1.0)} == {0.5}


def test_rates_rise_over_the_first_steps_alone():
    assert [schedules.rising(index, 800, 3) for index in (0, 1, 2, 3, 799)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedules.rising(0, 800, 0) == 1.0
    assert schedules.rising(1, 16, 100) == pytest.approx(2 / 3)  # an eighth of a short stage


def test_rates_fall_over_the_last_share_alone():
    fall = [schedules.falling(progress, 0.4) for progress in (0.0, 0.6, 0.8, 1.0)]
    assert fall == pytest.approx([1.0, 1.0, 0.5, 0.0])
    assert schedules.falling(0.99, 0.0) == 1.0


def steps(faces, **more: str) -> tuple[list[float], float]:
    """Take the first and the middle step of 20; return their penalties and D's last beta2."""
    settings = {"size": "16", "batch": "8", "steps": "20", **SMALL["modern"], "outline": "null", **more}
    task = gan.GAN(recipes.changed(recipes.find("modern"), settings), faces, torch.device("cpu"))
    made = plan.fixed(task, 20)
    penalties = [float(task.step(made.position(at))["penalty"]) for at in (0, 10)]
    return penalties, task.optimizers["optimizer-discriminator"].param_groups[0]["betas"][1]


def test_a_step_takes_gamma_and_beta2_from_where_it_stands(tmp_path):
    faces = write_faces(tmp_path / "faces")
    plain, beta2 = steps(faces, **{"penalty.gamma_end": "null"})
    assert beta2 == 0.99
    moved, _ = steps(faces, **{"penalty.gamma_end": "0.2", "burn_in": "0.5"})
    assert moved == pytest.approx([plain[0], plain[1] / 10], rel=1e-4)
    _, beta2 = steps(faces, **{"discriminator.beta2": "0.9", "discriminator.beta2_end": "0.99"})
    assert beta2 == pytest.approx(0.945)
