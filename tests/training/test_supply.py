"""The faces of a step are the same, whether the set lies on the device or is streamed from the disk."""

from __future__ import annotations

import numpy as np
import pytest

from toyset import write_faces

torch = pytest.importorskip("torch")

from phiz.training import supply  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces", count=10)


def indices(step: int) -> np.ndarray:
    return (np.arange(4) * (step + 1)) % 10


def test_faces_are_read_ahead_and_are_those_of_the_step(faces):
    asked: list[int] = []

    def noted(step: int) -> np.ndarray:
        asked.append(step)
        return indices(step)

    source = supply.Supply(faces, CPU, noted)
    for step in (0, 1, 2, 9, 3):
        pictures, which = source.at(step)
        assert np.array_equal(pictures.numpy(), faces.batch(which))
        assert np.array_equal(which, indices(step))
    assert 10 in asked  # what would have come after 9


def test_a_set_that_lies_on_the_device_gives_what_is_streamed(faces, monkeypatch):
    monkeypatch.setattr(supply, "_BLOCK", 3)
    streamed, held = (supply.Supply(faces, CPU, indices) for _ in range(2))
    held._whole = supply._uploaded(faces, CPU)
    for step in (0, 1, 2, 7, 3):  # a resumed run jumps
        expected = faces.batch(indices(step))
        for source in (streamed, held):
            shown, which = source.at(step)
            assert np.array_equal(shown.numpy(), expected)
            assert np.array_equal(which, indices(step))


def test_a_set_lies_on_a_gpu_where_it_takes_a_share_of_the_free_memory_at_most(faces, monkeypatch):
    size = len(faces) * 16 * 16 * 3
    for free, fits in ((10 * size, True), (3 * size, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 100 * size))
        assert supply._fits(faces, CPU) is fits
