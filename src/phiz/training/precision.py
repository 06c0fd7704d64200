"""Which numbers a training calculates in, and in what order it sums them.

bfloat16 halves the time of a step where a processor multiplies it natively and doubles it where not.
Weights, optimizers, D's verdict and everything that is saved stay float32.
"""

from __future__ import annotations

import os
from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


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
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def cast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return a context in which networks calculate in `precision`."""
    enabled = precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)


def _native(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        return any(test() for test in tests if test)
    return False
