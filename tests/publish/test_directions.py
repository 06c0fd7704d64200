"""Directions are of length one, ordered by what they change, and change the early features most."""

from __future__ import annotations

import numpy as np
import pytest

import toys
from phiz import latents
from phiz.errors import PhizError, UsageError
from phiz.onnx import Engine
from phiz.publish import directions


def test_directions_change_faces_more_than_chance_does():
    _, data = toys.exported(z=24)
    found = directions.find(data, 24, count=6)
    assert found.vectors.shape == (6, 24)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert (np.diff(found.shares) <= 1e-7).all()
    engine = Engine(data, 1)
    values = latents.latents(range(32), 24)
    faces = engine.run(values)
    others = latents.latents(range(100, 116), 24)
    others /= np.linalg.norm(others, axis=1, keepdims=True)

    def change(direction: np.ndarray) -> float:
        return float(np.abs(engine.run(values + 2 * direction) - faces).mean())

    assert change(found.vectors[0]) > np.mean([change(other) for other in others])


def test_directions_of_a_labelled_model_and_the_same_each_time():
    _, data = toys.exported(attributes=2)
    labels = np.zeros((len(directions.seeds()), 2), np.int64)
    a, b = (directions.find(data, 6, labels, count=10) for _ in range(2))
    assert a.vectors.shape == (6, 6)
    assert np.array_equal(a.vectors, b.vectors)


def test_directions_are_named_by_number():
    _, data = toys.exported()
    found = directions.find(data, 6, count=3)
    assert directions.described(found, {2: "age"})["names"] == ["", "age", ""]
    with pytest.raises(UsageError, match="no direction 4"):
        directions.described(found, {4: "hat"})


def test_a_broken_file_is_refused():
    with pytest.raises((PhizError, ValueError)):
        directions.find(b"\x3a\x02\x08\x01", 6)
