"""Adam as a recipe asks for it, and its state as tensors that a checkpoint can hold.

A step whose gradients are no numbers is left out on the device itself: the fused Adam reads a flag beside
its gradients, so that the host need not wait to know. It is also the quickest: one pass over memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from phiz.training.recipe import Adam


def adam(network: nn.Module, asked: Adam) -> torch.optim.Adam:
    """Return an optimizer of all of `network`."""
    betas = (asked.beta1, asked.beta2)
    optimizer = torch.optim.Adam(network.parameters(), lr=asked.rate, betas=betas, fused=True)
    optimizer.clip = asked.clip  # type: ignore[attr-defined]
    return optimizer


def gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the gradients of the parameters that have one."""
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    """Take a step, unless `loss` or a gradient is no number; return 1.0 if it was left out, else 0.0.

    Weights, moments and step counts then stay as they are. The answer is a tensor on the device.
    """
    norms = torch.stack(torch._foreach_norm(gradients(optimizer)))
    clip(optimizer, norms)
    bad = (~torch.isfinite(norms.sum() + loss.detach())).float()
    if bad.device.type == "mps" and bad:  # the fused Adam there heeds the flag in the newest torch alone
        return bad
    optimizer.found_inf = bad  # type: ignore[attr-defined]
    optimizer.step()
    return bad


def clip(optimizer: torch.optim.Optimizer, norms: Tensor) -> None:
    """Shorten the gradients, of lengths `norms`, that are far longer than those before them.

    Adam divides by the root of its second moment v, a running mean of squares. Where gradients were small for
    long, as those of a D that is nearly undecided, v is small, and one large gradient moves every weight by
    many times the rate at once: trainings broke off like that. So a tensor's gradient g is scaled to at most
    clip * |sqrt(v)|, v being corrected for its start. That is the clipping of updates of Shazeer and Stern
    (arXiv 1804.04235, section 6) with the v from before the step. A v of zero says nothing yet.
    """
    limit = optimizer.clip  # type: ignore[attr-defined]
    seen = [
        (p.grad, optimizer.state[p])
        for g in optimizer.param_groups
        for p in g["params"]
        if p.grad is not None
    ]
    if limit is None or not all(state for _, state in seen):
        return
    beta = optimizer.param_groups[0]["betas"][1]
    first = 1 - beta ** seen[0][1]["step"]
    sums = torch.stack(torch._foreach_norm([state["exp_avg_sq"] for _, state in seen], 1))
    longest = limit * (sums / first).sqrt()
    factors = torch.where(longest > 0, (longest / norms.clamp(min=1e-30)).clamp(max=1.0), 1.0)
    torch._foreach_mul_([gradient for gradient, _ in seen], list(factors.unbind()))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def set_beta2(optimizer: torch.optim.Optimizer, beta2: float) -> None:
    """Set how long the second moments remember."""
    for group in optimizer.param_groups:
        group["betas"] = (group["betas"][0], beta2)


def tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state, {parameter's number.name: tensor}."""
    return dict(_tensors(optimizer))


def _tensors(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            yield f"{index}.{key}", value


def restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Take back what `tensors` returned."""
    whole = optimizer.state_dict()
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        if value.dim() == 4:  # as the parameter it belongs to
            value = value.contiguous(memory_format=torch.channels_last)
        states.setdefault(int(index), {})[key] = value
    whole["state"] = states
    optimizer.load_state_dict(whole)
