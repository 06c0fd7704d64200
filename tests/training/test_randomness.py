"""Every draw is a function of its place."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from phiz.training.randomness import Randomness, Stream, batch_indices


@given(seed=st.integers(0, 2**53 - 1), count=st.integers(16, 300), batch=st.integers(1, 64))
def test_an_epoch_shows_every_face_once(seed, count, batch):
    seen = np.concatenate([batch_indices(seed, first, batch, count) for first in range(0, 2 * count, batch)])
    for epoch in range(2):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_draws_differ_by_seed_step_attempt_and_stream_and_by_nothing_else():
    def draw(seed, attempt, stream, step):
        return tuple(torch.randn(3, generator=Randomness(seed, attempt).at(stream, step)).tolist())

    places = [(s, a, stream, k) for s in (0, 1) for a in (0, 1) for stream in Stream for k in (0, 1)]
    draws = [draw(*place) for place in places]
    assert len(set(draws)) == len(places)
    assert draws == [draw(*place) for place in places]
