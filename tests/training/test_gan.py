"""What the GAN task does with its pictures."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from phiz.training.gan import _seen


def test_d_sees_pictures_clipped_and_g_still_hears_of_what_lies_beyond():
    pictures = torch.tensor([-1.5, -1.0, 0.2, 1.0, 3.0], requires_grad=True)
    seen = _seen(pictures, (-1.0, 1.0))
    assert seen.tolist() == pytest.approx([-1.0, -1.0, 0.2, 1.0, 1.0])
    seen.sum().backward()
    assert pictures.grad is not None
    assert pictures.grad[[0, 2, 4]].tolist() == pytest.approx([0.1, 1.0, 0.1])
