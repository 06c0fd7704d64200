"""The device that a training calculates on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phiz.errors import PhizError, UsageError

if TYPE_CHECKING:
    import torch

    from phiz.training.distributed import Group
    from phiz.training.run import Run


def device_of(name: str) -> torch.device:
    """Return the device called auto, cpu, cuda or mps.

    Raises:
        UsageError: there is no such kind of device.
        PhizError: this machine has none.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, found in there.items() if found)
    kind = name.split(":")[0]
    if kind not in there:
        raise UsageError(f'There is no device "{name}"; there are auto, cpu, cuda and mps.')
    if not there[kind]:
        raise PhizError(f"This machine has no usable {kind} device; --device auto takes what there is.")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f'There is no device "{name}"; one of many GPUs is called as in cuda:1.') from None
    if kind == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise PhizError(
            f"This machine has {torch.cuda.device_count()} GPUs, the first is cuda:0; {name} is none."
        )
    return device


def own_device(run: Run, group: Group) -> torch.device:
    """Return the device of this process: of many on one machine, each has its own GPU.

    Raises:
        PhizError: the run began on a device that is not here, or there are more processes than GPUs.
    """
    import torch

    try:
        device = device_of(run.device)
    except PhizError:
        raise PhizError(
            f"{run.folder} began on {run.device}, and this machine has no such device: go on where there is "
            "one, or --force starts anew."
        ) from None
    if group.world > 1 and device.type == "cuda":
        if group.local >= torch.cuda.device_count():
            raise PhizError(
                f"This machine has {torch.cuda.device_count()} GPUs: start no more processes here than that "
                "(--nproc-per-node)."
            )
        device = torch.device("cuda", group.local)
        torch.cuda.set_device(device)
    return device
