"""All figures of an evaluation at once: they agree with what is known, and say how they were taken."""

from __future__ import annotations

import numpy as np
import pytest

from phiz.evaluation import measures
from phiz.evaluation.measures import Tables


def gaussian(count: int, seed: int, shift: float = 0.0, width: float = 1.0) -> np.ndarray:
    draws = np.random.default_rng(seed).normal(shift, width, (count, 8))
    return draws.astype(np.float32)


def figures(fake: np.ndarray, extractor: str = "toy") -> dict:
    tables = Tables(gaussian(600, 0), fake, gaussian(len(fake), 1))
    return {figure.name: figure for figure in measures.measure(tables, extractor)}


def test_a_perfect_generator_scores_as_real_faces_do():
    for figure in figures(gaussian(600, 2)).values():
        assert figure.floor is not None
        assert figure.interval is not None
        low, high = figure.interval
        assert low <= figure.value <= high
        slack = 3 * (high - low)
        assert abs(figure.value - figure.floor) <= slack, figure


def test_a_shifted_generator_is_seen_by_every_distance_and_lies_its_shift_away():
    found = figures(gaussian(600, 2, shift=1.0))
    assert found["Frechet distance"].value == pytest.approx(8.0, rel=0.15)
    assert found["relative Frechet distance"].value == pytest.approx(1.0, rel=0.15)
    assert found["sliced distance"].value == pytest.approx(3 * 8.0, rel=0.15)
    for name in ("Frechet distance", "kernel distance", "sliced distance"):
        assert found[name].interval[0] > 3 * found[name].floor


def test_a_narrow_generator_is_precise_and_lacks_variety():
    found = figures(gaussian(600, 2, width=0.3))
    assert found["precision"].value > 0.95
    assert found["recall"].value < 0.1
    assert found["recall"].interval[1] < found["recall"].floor


def test_the_names_are_those_of_the_field_only_on_the_features_that_gave_them():
    assert "FID (clean)" in figures(gaussian(64, 2), "inception")
    assert "FID (legacy)" in figures(gaussian(64, 2), "inception-legacy")
    assert "FD-DINOv2" in figures(gaussian(64, 2), "dinov2-large")
    assert not any("FID" in name for name in figures(gaussian(64, 2), "filters"))


def test_every_convention_names_extractor_and_numbers():
    for figure in figures(gaussian(100, 2)).values():
        assert "toy" in figure.convention
        assert "100 made" in figure.convention
        assert "600 real" in figure.convention


def test_too_few_faces_are_warned_of_and_the_way_out_named():
    few = Tables(gaussian(600, 0), gaussian(8, 1), gaussian(8, 2))
    assert "kernel and sliced" in measures.warnings(few)[0]
    enough = Tables(gaussian(1500, 0), gaussian(1500, 1), gaussian(1500, 2))
    assert measures.warnings(enough) == []
