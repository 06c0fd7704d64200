"""What a training sets in torch for the whole process it sets back."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("torch")

import torch

from phiz.training import precision


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("products", [False, True])
def test_what_a_gpu_is_set_to_is_set_back(strict, products, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    was = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = products
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    try:
        with precision.untouched():
            precision.prepare(torch.device("cuda"), strict)
            assert matmul.allow_tf32
            torch.manual_seed(1)
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (products, products)
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = was
    assert torch.equal(torch.rand(3), expected)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("capability", "taken"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_a_gpu_without_bfloat16_of_its_own_calculates_in_float32(capability, taken, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.resolve("auto", torch.device("cuda")) == taken
    assert precision.resolve("float32", torch.device("cuda")) == "float32"


def test_the_newer_switch_of_torch_does_not_stop_a_training():
    matmul = torch.backends.cuda.matmul
    was, matmul.fp32_precision = matmul.fp32_precision, "tf32"
    try:
        with precision.untouched():
            precision.prepare(torch.device("cuda"))
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = was
