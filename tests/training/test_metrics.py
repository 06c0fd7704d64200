"""What metrics.jsonl says of steps of two kinds."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

import torch

import phiz
from phiz.training.metrics import Meter
from toyset import SMALL, write_faces


def test_each_figure_is_the_mean_of_the_steps_that_have_it():
    meter = Meter()
    for value in (1.0, 3.0):
        meter.add({"loss_outline": torch.tensor(value), "masked": torch.tensor(0.0)})
    meter.add({"loss_d": torch.tensor(0.5), "masked": torch.tensor(1.0)})
    assert meter.steps == 3
    assert meter.take() == {"loss_outline": 2.0, "masked": pytest.approx(1 / 3), "loss_d": 0.5}
    assert (meter.steps, meter.take()) == (0, {})


def test_where_two_stages_meet_nothing_is_watered_down(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    settings = SMALL["auto"] | {"batch": "8", "outline.share": "0.4575"}
    phiz.train(faces.path, tmp_path / "run", steps=330, settings=settings)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (met,) = (row for row in rows if "loss_outline" in row and "loss_d" in row)
    after = rows[rows.index(met) + 1]
    assert met["loss_d"] > 0.5 * after["loss_d"]
    assert met["accuracy_real"] > 0.1
    assert met["variety"] > 0.5 * after["variety"]
