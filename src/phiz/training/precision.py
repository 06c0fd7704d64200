"""Which numbers a training calculates in, and in what order it sums them.

bfloat16 halves the time of a step where a processor multiplies it natively and doubles it where not.
Weights, optimizers, D's verdict and everything that is saved stay float32.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def resolve(asked: Precision, device: torch.device) -> Precision:
    """Return `asked`, or for "auto" bfloat16 where `device` multiplies it natively, else float32."""
    if asked != "auto":
        return asked
    return "bfloat16" if _native(device) else "float32"


def prepare(device: torch.device, deterministic: bool = False) -> None:
    """Let a GPU take its quickest ways to the same numbers, or to float32 with products of 10 bits.

    With `deterministic` it takes only ways that give the same bits each time, as a CPU does anyway.
    """
    if device.type != "cuda":
        return
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = not deterministic  # which way is quickest differs from time to time
    if deterministic:
        torch.use_deterministic_algorithms(True)
        os.environ.setdefault(_WORKSPACE, ":4096:8")


@contextmanager
def untouched() -> Iterator[None]:
    """Leave what torch is set to for the whole process, and its random numbers, as they were."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    flushed = sys.float_info.min / 2 == 0.0  # numbers smaller than normal ones count as 0
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    products = [
        (backend, *_products(backend)) for backend in (torch.backends.cuda.matmul, torch.backends.cudnn)
    ]
    workspace = os.environ.get(_WORKSPACE)
    drawn = torch.get_rng_state()
    drawn_on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)
        torch.use_deterministic_algorithms(strict, warn_only=only_warns)
        torch.backends.cudnn.benchmark = benchmark
        for backend, name, value in products:
            setattr(backend, name, value)
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)
        torch.set_rng_state(drawn)
        if drawn_on_gpus:
            torch.cuda.set_rng_state_all(drawn_on_gpus)


def _products(backend: Any) -> tuple[str, Any]:
    """Return the name and the value of a backend's switch for products of 10 bits, the one in use."""
    try:
        return "allow_tf32", backend.allow_tf32
    except RuntimeError:  # torch has two switches, and this one cannot be read once the other was set
        return "fp32_precision", backend.fp32_precision


def cast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return a context in which networks calculate in `precision`."""
    enabled = precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)


def wide(value: torch.Tensor) -> torch.Tensor:
    """Return `value` in float64, for long sums; on an Apple GPU, which has none, in float32."""
    return value.float() if value.device.type == "mps" else value.double()


def _native(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        return any(test() for test in tests if test)
    return False
