"""Plans: stages that add up, schedules that follow the steps, minutes that are kept."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from phiz.training import plan
from phiz.training.tasks import Position, Stage


class Sleeper:
    """A task whose steps take a known time, and whose state counts them."""

    batch = 4

    def __init__(self, seconds: dict[str, float], shares: dict[str, float]) -> None:
        self.seconds = seconds
        self.stages = [Stage(name, share) for name, share in shares.items()]
        self.count = torch.zeros(())

    def step(self, position: Position) -> dict[str, torch.Tensor]:
        time.sleep(self.seconds[position.stage])
        self.count += 1
        return {"loss": self.count.clone()}

    def tensors(self):
        return {"state": {"count": self.count}}

    def restore(self, tensors):
        self.count = tensors["state"]["count"].clone()

    def sample(self, position: Position, count: int = 1) -> np.ndarray:
        return np.zeros((count, 4, 4, 3), np.uint8)

    def keep(self, position: Position) -> None:
        pass

    def synchronise(self) -> None:
        pass


@given(steps=st.integers(1, 5000), share=st.floats(0.01, 0.99))
def test_steps_add_up_and_progress_rises_to_one(steps, share):
    task = Sleeper({"a": 0, "b": 0}, {"a": share, "b": 1 - share})
    made = plan.fixed(task, steps)
    assert made.steps == steps
    places = [made.position(step) for step in range(0, steps + 1, max(1, steps // 50))]
    assert all(0 <= place.index <= place.count for place in places)
    progress = [place.progress for place in places]
    assert progress == sorted(progress)
    assert made.position(steps).progress == pytest.approx(1.0)
    assert max(made.samples) == steps
    assert min(made.samples) >= 1


def test_measuring_keeps_the_minutes_and_leaves_no_trace():
    task = Sleeper({"a": 0.002, "b": 0.004}, {"a": 0.25, "b": 0.75})
    start = time.monotonic()
    made = plan.measured(task, 4.0)
    assert task.count == 0
    for step in range(made.steps):
        task.step(made.position(step))
    assert time.monotonic() - start == pytest.approx(4.0, rel=0.15)
    first, second = made.stages
    assert first.steps / first.rate / (second.steps / second.rate) == pytest.approx(1 / 3, rel=0.05)


def test_a_plan_survives_its_json():
    made = plan.fixed(Sleeper({"a": 0}, {"a": 1.0}), 100)
    assert plan.Plan.model_validate_json(made.model_dump_json()) == made


def test_evaluations_take_a_small_share_of_the_time_and_end_with_the_last_step():
    task = Sleeper({"a": 0.001, "b": 0.002}, {"a": 0.2, "b": 0.8})
    made = plan.measured(task, 4.0, lambda count: time.sleep(0.02), 1000)
    assert 4 <= len(made.evaluations) <= 8
    assert len(made.evaluations) * 0.02 < 0.05 * 4.0
    assert made.evaluations[-1] == made.steps
    assert made.evaluations[0] > made.stages[0].steps
    assert plan.measured(task, 4.0, lambda count: time.sleep(0.3), 1000).evaluations == []


def test_what_an_evaluation_costs_is_found_out_by_few_of_its_faces():
    task, asked = Sleeper({"a": 0.001}, {"a": 1.0}), []

    def evaluate(count: int) -> None:
        asked.append(count)
        time.sleep(0.01 + count * 1e-4)

    made = plan.measured(task, 4.0, evaluate, 1000)
    assert sum(asked) < 400
    assert len(made.evaluations) == 1  # of 0.11 s, of which 0.16 s may be spent
    assert plan.measured(task, 4.0, lambda count: time.sleep(count * 2e-4), 1000).evaluations == []


def test_evaluations_of_a_fixed_number_of_steps_are_the_same_every_time():
    task = Sleeper({"a": 0}, {"a": 1.0})
    assert plan.fixed(task, 999).evaluations == []
    assert plan.fixed(task, 2500).evaluations == [1000, 2000, 2500]
    assert plan.fixed(task, 40_000).evaluations == list(range(2000, 40_001, 2000))
    assert task.count == 0


@given(steps=st.integers(1, 500), every=st.integers(1, 600))
def test_evaluating_every_so_many_steps_ends_with_the_last(steps, every):
    made = plan.fixed(Sleeper({"a": 0}, {"a": 1.0}), steps)
    found = plan.every(made, every)
    assert found[-1] == steps
    assert all(step % every == 0 for step in found[:-1])
