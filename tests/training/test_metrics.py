"""What metrics.jsonl says of steps of two kinds."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

import torch

from phiz.training import loop, plan
from phiz.training.metrics import Meter
from phiz.training.precision import wide
from phiz.training.tasks import Position, Stage
from runs import Counter, Quiet


def test_each_figure_is_the_mean_of_the_steps_that_have_it():
    meter = Meter()
    for value in (1.0, 3.0):
        meter.add({"loss_outline": torch.tensor(value), "masked": torch.tensor(0.0)})
    meter.add({"loss_d": torch.tensor(0.5), "masked": torch.tensor(1.0)})
    assert meter.steps == 3
    assert meter.take() == {"loss_outline": 2.0, "masked": pytest.approx(1 / 3), "loss_d": 0.5}
    assert (meter.steps, meter.take()) == (0, {})


def test_sums_are_kept_as_wide_as_the_device_has_it():
    class Apple(torch.Tensor):
        """What a tensor is on an Apple GPU, which has no float64."""

        device = torch.device("mps")

        def double(self):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    assert wide(torch.tensor(1.0)).dtype == torch.float64
    assert wide(torch.tensor(1.0).as_subclass(Apple)).dtype == torch.float32


class TwoStages(Counter):
    """A task whose steps have other figures in its second stage."""

    stages = (Stage("outline", 0.5), Stage("adversarial", 0.5))

    def step(self, position: Position) -> dict[str, torch.Tensor]:
        name, value = ("loss_outline", 2.0) if position.stage == "outline" else ("loss_d", 0.5)
        return super().step(position) | {name: torch.tensor(value)}


def test_where_two_stages_meet_nothing_is_watered_down(tmp_path):
    task = TwoStages()
    made = plan.staged(task, [6, 6])  # type: ignore[arg-type]
    made.report_every, made.checkpoint_every = 4, 12
    loop.run(task, made, tmp_path, lambda *_: None, lambda _: None, Quiet())  # type: ignore[arg-type]
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    (met,) = (row for row in rows if row["step"] == 8)
    assert (met["loss_outline"], met["loss_d"]) == (2.0, 0.5)
